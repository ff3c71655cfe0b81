/*
 * fairness.c
 *	  Are the groups of a protected attribute spread evenly over the segments?  fairness().
 *
 * The source is streamed once: each customer is placed, and counted by segment and group; where its rows are on other
 * servers, they count (CountByPasses()).  An
 * attribute that is no feature can still be told from the features, which is what this looks for.
 * Whether it is good or bad to be in a segment only its use can say; so a group that is rare in it
 * is reported, and so is, in the segments that it is not rare in, the group that is rare there.
 *
 * Verdict: the four-fifths rule (U.S. Uniform Guidelines on Employee Selection Procedures, 29 CFR
 * 1607.4 D, 1978).  The selection rate of a group is the share of its members who are in the
 * segment; below 4/5 of the rate of all other customers it is too low.  The highest group's rate is
 * no yardstick: of many groups the highest is so by chance, and the others look low beside it.  The
 * rule itself asks for more than small numbers: so the two rates have to differ by a chi-square test,
 * too, adjusted over all segments and groups (Benjamini and Hochberg), and the group may not be small.
 * A low rate that could be chance is worth watching only where segment and group depend on each other
 * as a whole.
 *
 * As a whole: chi-square test of independence of segment and group, with Cramer's V as its size.
 * Customers who cannot be placed are counted like a segment of their own; there it is the groups'
 * rates of being placed that are compared.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "dist/dist.h"
#include "monitor/monitor.h"
#include "score/groups_pass.h"
#include "stat/shares.h"
#include "stat/tests.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Most groups of an attribute. */
#define MAX_GROUPS 50

/* The columns of the result. */
#define NCOLUMNS 17

typedef struct FairnessOptions
{
	int			min_rows;
	double		significance;
	double		ratio;			/* lowest that is fair */
} FairnessOptions;

static const CsOption fairnessOptions[] = {
	{"min_rows", CS_OPTION_INT, offsetof(FairnessOptions, min_rows), 30, 1, PG_INT32_MAX},
	{"significance", CS_OPTION_REAL, offsetof(FairnessOptions, significance), 0.05, 0, 1},
	{"ratio", CS_OPTION_REAL, offsetof(FairnessOptions, ratio), 0.8, 0, 1},
};

typedef struct FairnessReport
{
	CsReport	base;
	FairnessOptions options;
	const CsObservation *observation;
	const char *problem;		/* why nothing was placed, or NULL */
	const CsColumn *attribute;
	bool		is_feature;
	FmgrInfo	output;			/* of the attribute's type, unless it is categorical */

	/* groups by code; NULL has the code MAX_GROUPS */
	CsDictionary *groups;
	int			nsegments;		/* not placed is the last */
	int			nreported;		/* segments in the result: it is left out when there is none */
	int64	   *cells;			/* rows: cells[segment * (MAX_GROUPS + 1) + code] */

	/* once all rows are counted */
	int			ngroups;
	int			order[MAX_GROUPS + 1];	/* codes by text, NULL last */
	int64		group_rows[MAX_GROUPS + 1]; /* by code */
	int64	   *segment_rows;
	CsChiSquareResult test;
} FairnessReport;

/* A group in a segment. */
typedef struct Cell
{
	int64		n;
	int64		n_selected;		/* n; those who are placed for the customers who are not */
	double		rate;			/* n_selected as a share of the group */
	double		others_rate;	/* of all customers outside the group; NaN: there are none */
	double		ratio;			/* to it; NaN: there is none, or it is 0 */
	double		p;				/* that both rates are the same; NaN: not tested */
} Cell;

#define IsPlaced(report, segment) ((segment) < (report)->nsegments - 1)
#define CellRows(report, segment, code) \
	((report)->cells[(Size) (segment) * (MAX_GROUPS + 1) + (code)])

PG_FUNCTION_INFO_V1(custseg_fairness);

/* The error for an attribute that does not fall into groups. */
static void
ReportGroups(const FairnessReport *report)
{
	const char *name = NameStr(report->attribute->name);

	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("attribute \"%s\" has more than %d groups", name, MAX_GROUPS),
			 errhint("Put its values into groups in a query: SELECT *, "
					 "width_bucket(%s, 0, 100, 10) AS bucket ...", quote_identifier(name))));
}

/* The code of the group that a value is; texts as they are cast to text. */
static int
GroupOf(FairnessReport *report, Datum value)
{
	void	   *copy;
	const char *text;
	int			length;
	int			code;

	text = CsColumnText(&report->attribute->converter, &report->output, value, &length, &copy);
	code = CsDictionaryCode(report->groups, text, length);
	if (code < 0 || code >= MAX_GROUPS)
		ReportGroups(report);
	if (copy != NULL)
		pfree(copy);
	return code;
}

/* CsRowVisitor: a row to its segment and group. */
static void
CountRow(void *state, const CsObservedRow *row)
{
	FairnessReport *report = state;
	int			column = row->extra_column[0];
	int			code = row->nulls[column] ? MAX_GROUPS : GroupOf(report, row->values[column]);
	int			segment = row->segment >= 0 ? row->segment : report->nsegments - 1;

	CellRows(report, segment, code)++;
}

/* The groups and their customers, placed or not, as other servers count them; of each code, palloc'd. */
static int64 *
CountGroups(FairnessReport *report, const CsStudy *study, const char *expression)
{
	int64	   *rows = palloc0(sizeof(int64) * (MAX_GROUPS + 1));
	int			n;
	CsValueCount *counts = CsPiecesCount(study->pieces, expression, NULL, MAX_GROUPS, CS_MAX_DICTIONARY_BYTES, &n);

	if (n > MAX_GROUPS)
		ReportGroups(report);
	rows[MAX_GROUPS] = study->nrows;
	for (int i = 0; i < n; i++)
	{
		if (CsDictionaryCode(report->groups, counts[i].value, (int) strlen(counts[i].value)) != i)
			ReportGroups(report);
		rows[i] = counts[i].n;
		rows[MAX_GROUPS] -= counts[i].n;
	}
	return rows;
}

/* Have rows counted by segment and group where they are. */
static CsTallyRun
RunGroups(const FairnessReport *report, const CsStudy *study, const int *column, const char *expression)
{
	const CsScorer *scorer = report->base.scorer;
	CsStudy		with = *study;
	int		   *columns = palloc(sizeof(int) * CsScorerPipeline(scorer)->nfeatures);
	CsGroupsRequest request = {.scorer = scorer,.columns = columns,.nrows = study->nrows};
	JsonbParseState *json = NULL;

	with.read = CsTallyColumnsWithText(&study->read, expression);
	for (int i = 0; i < CsScorerPipeline(scorer)->nfeatures; i++)
		columns[i] = study->column[column[i]].at;
	request.nnumbers = with.read.nnumbers;
	request.nlevels = with.read.nlevels;
	request.texts = palloc0(sizeof(CsDictionary *) * with.read.nlevels);
	request.texts[with.read.nlevels - 1] = report->groups;
	CsStudyBegin(&with, false, NULL, &json);
	CsGroupsPlan(&json, &request);
	return CsStudyRun(&with, &json);
}

/* Take the rows of a segment by group, of which there are fewer left. */
static void
TakeSegment(FairnessReport *report, const CsTallyRun *run, int segment, int64 *left)
{
	const CsTallyPart *part = &run->pass->parts[0];
	int			ngroups = CsDictionarySize(report->groups);
	const int64 *rows = CsGroupsLevels(run->pass, part, run->state, segment, run->pass->nlevels - 1, true);
	int64		without = CsGroupsRows(run->pass, part, run->state, segment);

	for (int code = 0; code < ngroups; code++)
	{
		CellRows(report, segment, code) = rows[code];
		without -= rows[code];
		left[code] -= rows[code];
	}
	CellRows(report, segment, MAX_GROUPS) = without;
	left[MAX_GROUPS] -= without;
	/* a text that is no group */
	if (rows[ngroups] > 0)
		CsTallyRowsChanged();
}

/* CsObserveRequest.visit_passes: what CountRow() finds. */
static void
CountByPasses(void *state, const CsStudy *study, const int *column)
{
	FairnessReport *report = state;
	const char *expression = CsTextExpression(report->attribute);
	int64	   *left = CountGroups(report, study, expression);
	bool		is_bound = true;

	for (int i = 0; i < CsScorerPipeline(report->base.scorer)->nfeatures; i++)
		is_bound &= column[i] >= 0;
	if (is_bound)
	{
		CsTallyRun	run = RunGroups(report, study, column, expression);

		for (int s = 0; s < report->nsegments - 1; s++)
			TakeSegment(report, &run, s, left);
	}
	for (int code = 0; code <= MAX_GROUPS; code++)
	{
		if (left[code] < 0)
			CsTallyCountsChanged();
		CellRows(report, report->nsegments - 1, code) = left[code];
	}
}

/* By text, the NULL group last. */
static int
CompareGroups(const void *a, const void *b, void *groups)
{
	int			x = *(const int *) a;
	int			y = *(const int *) b;

	if (x == MAX_GROUPS || y == MAX_GROUPS)
		return (x == MAX_GROUPS) - (y == MAX_GROUPS);
	return strcmp(CsDictionaryLevel(groups, x), CsDictionaryLevel(groups, y));
}

/* Sum up rows and columns, and sort the groups. */
static void
SumUp(FairnessReport *report)
{
	report->segment_rows = palloc0(sizeof(int64) * report->nsegments);
	for (int s = 0; s < report->nsegments; s++)
	{
		for (int code = 0; code <= MAX_GROUPS; code++)
		{
			report->segment_rows[s] += CellRows(report, s, code);
			report->group_rows[code] += CellRows(report, s, code);
		}
	}
	for (int code = 0; code <= MAX_GROUPS; code++)
	{
		if (report->group_rows[code] > 0)
			report->order[report->ngroups++] = code;
	}
	qsort_arg(report->order, report->ngroups, sizeof(int), CompareGroups, report->groups);
}

/* Test the whole table; by the order of the groups, for codes are numbered as rows come. */
static void
TestAll(FairnessReport *report)
{
	CsCell	   *table = palloc(sizeof(CsCell) * report->nsegments * (MAX_GROUPS + 1));
	int64		ncells = 0;

	for (int s = 0; s < report->nsegments; s++)
	{
		for (int g = 0; g < report->ngroups; g++)
		{
			int64		n = CellRows(report, s, report->order[g]);

			if (n > 0)
				table[ncells++] = (CsCell) {.row = s, .column = g, .count = n};
		}
	}
	report->test = CsChiSquareTest(table, ncells, report->nsegments, MAX_GROUPS + 1);
	pfree(table);
}

/* Compare each group of a segment with all customers outside the group; a small one is not tested. */
static void
CompareRates(const FairnessReport *report, int segment, Cell *cells)
{
	int64		segment_rows = report->segment_rows[segment];
	int64		n_selected = IsPlaced(report, segment) ? segment_rows : report->test.n - segment_rows;

	for (int g = 0; g < report->ngroups; g++)
	{
		Cell	   *cell = &cells[g];
		int64		group_rows = report->group_rows[report->order[g]];
		int64		others = report->test.n - group_rows;

		cell->n = CellRows(report, segment, report->order[g]);
		cell->n_selected = IsPlaced(report, segment) ? cell->n : group_rows - cell->n;
		cell->rate = (double) cell->n_selected / group_rows;
		cell->others_rate = others > 0 ? (double) (n_selected - cell->n_selected) / others : NAN;
		cell->ratio = cell->others_rate > 0 ? cell->rate / cell->others_rate : NAN;
		cell->p = isnan(cell->ratio) || group_rows < report->options.min_rows ? NAN :
			CsSharesDiffer(cell->n_selected, group_rows, n_selected - cell->n_selected, others);
	}
}

/* All cells, the p-values adjusted over them. */
static Cell *
CompareAll(const FairnessReport *report)
{
	int			ncells = report->nreported * report->ngroups;
	Cell	   *cells = palloc(sizeof(Cell) * Max(ncells, 1));
	double	   *p = palloc(sizeof(double) * Max(ncells, 1));

	for (int s = 0; s < report->nreported; s++)
		CompareRates(report, s, &cells[s * report->ngroups]);
	for (int i = 0; i < ncells; i++)
		p[i] = cells[i].p;
	CsAdjustBenjaminiHochberg(p, ncells);
	for (int i = 0; i < ncells; i++)
		cells[i].p = p[i];
	pfree(p);
	return cells;
}

/* What a group is called. */
static const char *
GroupName(const FairnessReport *report, int code)
{
	return code == MAX_GROUPS ? "(null)" : CsDictionaryLevel(report->groups, code);
}

/* The rating of a group in a segment, and its reason. */
static const char *
JudgeCell(const FairnessReport *report, int segment, int code, const Cell *cell,
		  StringInfo reason)
{
	const FairnessOptions *options = &report->options;
	const char *what = IsPlaced(report, segment) ? "are in the segment" : "can be placed";
	const char *rating = "ok";

	if (report->problem != NULL || report->group_rows[code] < options->min_rows)
		rating = "insufficient data";
	if (report->problem != NULL)
		CsReasonAdd(reason, "%s", report->problem);
	else if (report->group_rows[code] < options->min_rows)
		CsReasonAdd(reason, "the group has %s, fewer than the %d that a verdict needs",
					CsWordsCount(report->group_rows[code], "customer", "customers"), options->min_rows);
	else if (isnan(cell->others_rate))
		CsReasonAdd(reason, "there are no customers outside the group");
	else if (isnan(cell->ratio))
		CsReasonAdd(reason, "%.1f %% of the group and none of all others %s", 100 * cell->rate, what);
	else
	{
		bool		is_low = cell->ratio < options->ratio;
		bool		is_certain = cell->p < options->significance;

		if (is_low && is_certain)
			rating = "disparate";
		else if (is_low && report->test.p < options->significance)
			rating = "watch";
		CsReasonAdd(reason, "%.1f %% of the group %s, %.2f times the %.1f %% of all others%s",
					100 * cell->rate, what, cell->ratio, 100 * cell->others_rate,
					is_low && !is_certain ? ", which can be chance" : "");
	}
	if (report->is_feature)
		CsReasonAdd(reason, "the attribute is a feature of the model");
	return rating;
}

/* The row of a group in a segment. */
static void
PutCell(FairnessReport *report, int segment, int code, const Cell *cell)
{
	const CsScorer *scorer = report->base.scorer;
	const CsScorerSegment *placed = IsPlaced(report, segment) ?
		&CsScorerSegments(scorer)[segment] : NULL;
	double		share = (double) cell->n / report->segment_rows[segment];
	double		overall = (double) report->group_rows[code] / report->test.n;
	CsValue		row[NCOLUMNS];
	StringInfoData reason;
	const char *rating;
	int			i = 0;

	initStringInfo(&reason);
	rating = JudgeCell(report, segment, code, cell, &reason);
	row[i] = CsValueInt4(placed == NULL ? 0 : placed->segment);
	row[i++].isnull = placed == NULL;
	row[i++] = CsValueText(placed == NULL ? "(not placed)" :
						 CsScorerAt(scorer, char, placed->name));
	row[i++] = CsValueText(GroupName(report, code));
	row[i++] = CsValueInt8(cell->n);
	row[i++] = CsValueFloat8(share);
	row[i++] = CsValueFloat8(overall);
	row[i++] = CsValueFloat8(share / overall);
	row[i++] = CsValueFloat8((double) cell->n / report->group_rows[code]);
	row[i++] = CsValueFloat8(cell->ratio);
	row[i++] = CsValueFloat8(cell->p);
	row[i++] = CsValueFloat8(report->test.statistic);
	row[i++] = CsValueFloat8((double) report->test.df);
	row[i++] = CsValueFloat8(report->test.p);
	row[i++] = CsValueFloat8(report->test.cramers_v);
	row[i++] = CsValueBool(report->is_feature);
	row[i++] = CsValueText(rating);
	row[i++] = CsValueText(reason.data);
	CsResultPut(report->base.result, row, i);
}

/* Is a column one of the model's features? */
static bool
IsFeature(const CsScorer *scorer, const char *name)
{
	const CsPipeline *p = CsScorerPipeline(scorer);

	for (int i = 0; i < p->nfeatures; i++)
	{
		if (strcmp(NameStr(p->feature[i].name), name) == 0)
			return true;
	}
	return false;
}

/* Place and count the customers. */
static void
Observe(FairnessReport *report, const char *attribute)
{
	CsRelation *rel = CsSourceOpen(report->base.scorer, report->base.source);
	CsObserveRequest request = {0};
	Oid			output;
	bool		is_varlena;

	report->attribute = CsRelationColumn(rel, attribute);
	report->is_feature = IsFeature(report->base.scorer, attribute);
	getTypeOutputInfo(report->attribute->type, &output, &is_varlena);
	fmgr_info(output, &report->output);
	report->groups = CsDictionaryCreate();
	report->nsegments = report->base.scorer->nsegments + 1;
	report->cells = palloc0(sizeof(int64) * report->nsegments * (MAX_GROUPS + 1));

	request.scorer = report->base.scorer;
	request.relation = rel;
	request.place = true;
	request.visit_row = CountRow;
	if (CsTextExpression(report->attribute) != NULL)
		request.visit_passes = CountByPasses;
	request.row_state = report;
	request.nextra = 1;
	request.extra = &report->attribute;
	report->observation = CsObserve(&request);
	report->problem = CsObservationProblem(report->observation);
	report->nreported = report->observation->n_unplaced > 0 ? report->nsegments :
		report->nsegments - 1;
}

/* The arguments. */
enum
{
	FAIRNESS_MODEL, FAIRNESS_SOURCE, FAIRNESS_ATTRIBUTE, FAIRNESS_OPTIONS, FAIRNESS_VERSION
};

/* fairness(model, source, attribute, options, version): a row for each segment and group */
Datum
custseg_fairness(PG_FUNCTION_ARGS)
{
	FairnessReport report = {0};
	Cell	   *cells;

	if (!CsReportOpen(&report.base, fcinfo, FAIRNESS_SOURCE, FAIRNESS_VERSION))
		return (Datum) 0;
	CsOptionsArgument(fcinfo, FAIRNESS_OPTIONS, fairnessOptions, lengthof(fairnessOptions), &report.options);
	Observe(&report, CsRequiredText(fcinfo, FAIRNESS_ATTRIBUTE, "attribute"));
	SumUp(&report);
	TestAll(&report);
	cells = CompareAll(&report);
	for (int s = 0; s < report.nreported; s++)
	{
		for (int g = 0; g < report.ngroups; g++)
			PutCell(&report, s, report.order[g], &cells[s * report.ngroups + g]);
	}
	return (Datum) 0;
}
