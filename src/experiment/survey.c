/*
 * survey.c
 *	  Answers of a survey read from a source, for validate_survey() and survey_confusion().
 *
 * What is made of the answers is SQL: they are placed by score(), counted, and judged by the tests that
 * others have, too.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "orders/orders.h"
#include "score/pass.h"
#include "utils/lsyscache.h"

/* Questions that a survey may ask. */
typedef enum Question
{
	ASKED_SEGMENT, ASKED_SATISFACTION, ASKED_PERK, ASKED_NEED, QUESTIONS
} Question;

static const char *const questionNames[QUESTIONS] = {"segment", "satisfaction", "perk", "need"};

typedef struct SurveyOptions
{
	char	   *customer;
	char	   *question[QUESTIONS];
	char	   *customers;		/* to be placed; NULL: those of the training */
	double		satisfied_from;
	double		accuracy;
	double		satisfaction;
	double		confidence;
} SurveyOptions;

static const CsOption surveyOptions[] = {
	{"customer", CS_OPTION_TEXT, offsetof(SurveyOptions, customer)},
	{"segment", CS_OPTION_TEXT, offsetof(SurveyOptions, question[ASKED_SEGMENT])},
	{"satisfaction", CS_OPTION_TEXT, offsetof(SurveyOptions, question[ASKED_SATISFACTION])},
	{"perk", CS_OPTION_TEXT, offsetof(SurveyOptions, question[ASKED_PERK])},
	{"need", CS_OPTION_TEXT, offsetof(SurveyOptions, question[ASKED_NEED])},
	{"customers", CS_OPTION_TEXT, offsetof(SurveyOptions, customers)},
	{"satisfied_from", CS_OPTION_REAL, offsetof(SurveyOptions, satisfied_from), 4, -INFINITY, INFINITY},
	{"accuracy_above", CS_OPTION_REAL, offsetof(SurveyOptions, accuracy), 0.75, 0, 1},
	{"satisfaction_above", CS_OPTION_REAL, offsetof(SurveyOptions, satisfaction), 0.8, 0, 1},
	{"confidence", CS_OPTION_REAL, offsetof(SurveyOptions, confidence), 0.95, 0.5, 0.999999}
};

/* The arguments of survey_answers() and survey_options(). */
enum
{
	ARG_MODEL, ARG_ANSWERS, ARG_OPTIONS, ARG_VERSION
};

enum
{
	OPTIONS_OPTIONS
};

PG_FUNCTION_INFO_V1(custseg_survey_options);
PG_FUNCTION_INFO_V1(custseg_survey_answers);

/* A column that is read; not there when the survey did not ask. */
typedef struct Asked
{
	const CsColumn *column;
	int			position;
	FmgrInfo	output;
} Asked;

/* A reading. */
typedef struct Survey
{
	CsPass	   *pass;
	CsResult   *result;
	Asked		asked[QUESTIONS];
} Survey;

/* survey_options(options): all of them, with the defaults of those that are not given */
Datum
custseg_survey_options(PG_FUNCTION_ARGS)
{
	SurveyOptions options;

	CsOptionsArgument(fcinfo, OPTIONS_OPTIONS, surveyOptions, lengthof(surveyOptions), &options);
	PG_RETURN_JSONB_P(CsOptionsToJsonb(surveyOptions, lengthof(surveyOptions), &options));
}

/*
 * The columns that say whose answers they are: the one that is named, or else "customer" where there is one, or else
 * those of the id that the version was trained with.
 */
static List *
CustomerColumns(const CsRelation *rel, const char *named, const CsScorer *scorer)
{
	List	   *key;

	if (named == NULL && CsRelationFind(rel, "customer") != NULL)
		named = "customer";
	if (named != NULL)
		return CsRelationIdColumns(rel, named, false);
	key = CsFindKey(rel, CsScorerId(scorer));
	if (key == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("%s has no column that identifies a customer", rel->description),
				 errhint("Name the column in option \"customer\".")));
	return key;
}

/*
 * Find the column of a question: the one that is named, or else one of the question's own name.  A survey need not
 * ask everything.
 */
static void
FindQuestion(Survey *s, Question q, const char *named)
{
	const char *name = named == NULL ? questionNames[q] : named;
	int			kinds = CS_KIND_BIT(CS_NUMERIC) | (q == ASKED_SATISFACTION ? 0 : CS_KIND_BIT(CS_CATEGORICAL));
	Asked	   *asked = &s->asked[q];
	Oid			output;
	bool		is_varlena;

	if (named == NULL && CsRelationFind(s->pass->relation, name) == NULL)
		return;
	asked->column = CsColumnOfRole(s->pass->relation, name, questionNames[q], kinds);
	asked->position = CsPassColumn(s->pass, asked->column);
	getTypeOutputInfo(asked->column->type, &output, &is_varlena);
	fmgr_info(output, &asked->output);
}

/* An answer as text; NULL for none, or where nothing was asked. */
static CsValue
TextOf(Asked *asked, const Datum *values, const bool *nulls)
{
	const char *text;
	int			length;
	void	   *copy;

	if (asked->column == NULL || nulls[asked->position])
		return CsValueNull(TEXTOID);
	text = CsColumnText(&asked->column->converter, &asked->output, values[asked->position], &length, &copy);
	return CsValueText(pnstrdup(text, length));
}

/* An answer as a number, likewise. */
static CsValue
NumberOf(const Asked *asked, const Datum *values, const bool *nulls)
{
	double		number;

	if (asked->column == NULL || nulls[asked->position])
		return CsValueNull(FLOAT8OID);
	number = asked->column->converter.to_double(&asked->column->converter, values[asked->position]);
	if (isinf(number))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("column \"%s\" has an infinite value", NameStr(asked->column->name)),
				 errhint("Leave such answers out in a query as the source.")));
	return CsValueFloat8(number);
}

/* CsRowSink: the answers of a customer. */
static void
TakeAnswers(void *state, const Datum *values, const bool *nulls)
{
	Survey	   *s = state;
	char	   *customer = CsPassId(s->pass, values, nulls);

	if (customer == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s has a row without a customer", s->pass->relation->description),
				 errhint("Leave such rows out in a query as the source.")));
	CsResultPut(s->result, CsValues(CsValueText(customer), TextOf(&s->asked[ASKED_SEGMENT], values, nulls),
									NumberOf(&s->asked[ASKED_SATISFACTION], values, nulls),
									TextOf(&s->asked[ASKED_PERK], values, nulls),
									TextOf(&s->asked[ASKED_NEED], values, nulls),
									CsValueBool(s->asked[ASKED_NEED].column != NULL)));
}

/* survey_answers(model, answers, options, version): a row for each customer who answered */
Datum
custseg_survey_answers(PG_FUNCTION_ARGS)
{
	Survey		s = {.result = CsResultOpen(fcinfo)};
	const CsScorer *scorer = CsCacheGet(CsRequiredText(fcinfo, ARG_MODEL, "model"), CsVersionArgument(fcinfo, ARG_VERSION));
	SurveyOptions options;
	bool		asks = false;

	CsCachePin(scorer, CurrentMemoryContext);
	CsOptionsArgument(fcinfo, ARG_OPTIONS, surveyOptions, lengthof(surveyOptions), &options);
	s.pass = CsPassOpen(CsRelationOpen(CsRequiredText(fcinfo, ARG_ANSWERS, "answers")));
	CsPassIdentify(s.pass, CustomerColumns(s.pass->relation, options.customer, scorer));
	for (Question q = 0; q < QUESTIONS; q++)
	{
		FindQuestion(&s, q, options.question[q]);
		asks |= s.asked[q].column != NULL;
	}
	if (!asks)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("%s has no column with answers", s.pass->relation->description),
				 errhint("Name columns in the options \"segment\", \"satisfaction\", \"perk\" and \"need\".")));
	CsPassVisit(s.pass, &(CsVisitor) {.state = &s, .take_row = TakeAnswers});
	(void) CsPassRead(s.pass);
	return (Datum) 0;
}
