/*
 * rules.c
 *	  Rule models: named segments with conditions that anyone can check, fitted where they speak of
 *	  percentiles and quantiles.
 *
 * A border that is a percentile becomes the quantile (type 7, Hyndman and Fan 1996) of the rows that
 * the model is trained on, and so do the cut points of a score; from then on the number counts, whatever
 * rows come.  Every row must find a rule: a model that some rows fall through is refused.
 */
#include "custseg.h"

#include <math.h>

#include "algo/rules.h"
#include "call/call.h"
#include "lib/stringinfo.h"
#include "math/math.h"
#include "miscadmin.h"

const CsOption CsRulesOptions[RULES_NOPTIONS] = {
	CS_COMMON_OPTIONS(RulesOptions, common),
	{"scores", CS_OPTION_OBJECT, offsetof(RulesOptions, scores)},
	{"segments", CS_OPTION_LIST, offsetof(RulesOptions, segments)},
	{"else", CS_OPTION_TEXT, offsetof(RulesOptions, otherwise)},
};

static const CsParameterInfo rulesParameters[RULES_NPARAMETERS] = {
	{"rules", CS_PARAMETER_LABELS},
	{"conditions", CS_PARAMETER_ROWS},
	{"levels", CS_PARAMETER_VECTOR},
	{"terms", CS_PARAMETER_ROWS},
	{"cuts", CS_PARAMETER_VECTOR},
	{"shown_cuts", CS_PARAMETER_VECTOR},
};

/* Columns of the rows, sorted one at a time. */
typedef struct Quantiles
{
	CsArena    *arena;
	const CsMatrix *m;
	int			sorted,			/* areas of double[nrows] */
				scratch;
	int			column;			/* that is sorted now, -1: none */
} Quantiles;

/* Bytes beside the matrix: labels, a column, its sorting; sums of the segments. */
static Size
RulesMemory(int64 nrows, int ncolumns, int k, const void *opaque)
{
	Size		labels = mul_size(sizeof(int32) * CS_BLOCK_ROWS, nrows / CS_BLOCK_ROWS + 1);

	return add_size(add_size(labels, mul_size(2 * sizeof(double), nrows)),
					CsMomentsMemory(k, ncolumns));
}

/* A quantile of a column of the rows, that of feature f or of a score.  OUT shown: for people. */
static double
ColumnQuantile(Quantiles *q, int column, const CsFeature *f, double p, double *shown)
{
	double	   *sorted = CsArenaAddress(q->arena, q->sorted);
	double		quantile;

	for (int64 b = 0; b < CsMatrixBlocks(q->m) && q->column != column; b++)
	{
		CHECK_FOR_INTERRUPTS();
		memcpy(sorted + b * CS_BLOCK_ROWS,
			   CsMatrixBlock(q->m, q->arena, b) + (Size) column * CS_BLOCK_ROWS,
			   sizeof(double) * CsMatrixBlockRows(q->m, b));
	}
	if (q->column != column)
		CsSortDoubles(sorted, q->m->nrows, CsArenaAddress(q->arena, q->scratch));
	q->column = column;
	quantile = CsQuantileSorted(sorted, q->m->nrows, p);
	*shown = CsRoundBorder(quantile, sorted, q->m->nrows, f == NULL ? 0 : f->center,
						   f == NULL ? 1 : f->spread);
	return quantile;
}

/* Tell what ties do to the points of a term, whose column is sorted in q. */
static void
AddTies(StringInfo note, const CsRuleScore *score, const CsRuleTerm *t, Quantiles *q)
{
	const double *sorted = CsArenaAddress(q->arena, q->sorted);
	int64	   *counts = palloc(sizeof(int64) * (t->ncuts + 1));
	int64		equal;
	double		most = CsMostFrequent(sorted, q->m->nrows, &equal);

	CsBinCounts(sorted, q->m->nrows, t->cuts, t->ncuts, false, t->reversed, counts);
	CsReasonAddTies(note, psprintf("in score \"%s\", %s", score->name, t->name),
					CsRuleNumberWords(t->feature, most), equal, counts, t->ncuts + 1, q->m->nrows);
	pfree(counts);
}

/* Fit the cut points of the scores.  Where ties keep points from being equally frequent, a note tells. */
static void
FitCuts(CsRuleSet *set, Quantiles *q, StringInfo note)
{
	for (int i = 0; i < set->nscores; i++)
		for (int j = 0; j < set->scores[i].nterms; j++)
		{
			CsRuleTerm *t = &set->scores[i].terms[j];

			if (t->quantiles == 0)
				continue;
			t->ncuts = t->quantiles - 1;
			t->cuts = palloc(sizeof(double) * t->ncuts);
			t->shown = palloc(sizeof(double) * t->ncuts);
			for (int c = 0; c < t->ncuts; c++)
				t->cuts[c] = ColumnQuantile(q, t->feature->first_output, t->feature,
											(double) (c + 1) / t->quantiles, &t->shown[c]);
			AddTies(note, &set->scores[i], t, q);
		}
}

/* Fit the borders of features, or those of one score, whose values are then sorted in q. */
static void
FitBorders(CsRuleSet *set, Quantiles *q, int score)
{
	for (int i = 0; i < set->nrules; i++)
		for (int j = 0; j < set->rules[i].nconditions; j++)
		{
			CsRuleCondition *c = &set->rules[i].conditions[j];
			int			column = c->score >= 0 ? q->column : c->feature->first_output;

			if (c->score != score)
				continue;
			if (c->low.is_percentile)
				c->low.value = ColumnQuantile(q, column, c->feature, c->low.percentile / 100,
											   &c->low.shown);
			if (c->high.is_percentile)
				c->high.value = ColumnQuantile(q, column, c->feature, c->high.percentile / 100,
											   &c->high.shown);
		}
}

/* Does a border of that score depend on the rows? */
static bool
HasPercentile(const CsRuleSet *set, int score)
{
	for (int i = 0; i < set->nrules; i++)
		for (int j = 0; j < set->rules[i].nconditions; j++)
		{
			const CsRuleCondition *c = &set->rules[i].conditions[j];

			if (c->score == score && (c->low.is_percentile || c->high.is_percentile))
				return true;
		}
	return false;
}

/* Room for a parameter. */
static double *
NewParameter(CsParameter *p, int rows, int columns)
{
	p->rows = rows;
	p->columns = columns;
	p->values = palloc0(sizeof(double) * Max((Size) rows * columns, 1));
	return p->values;
}

/* The bits of a condition; a boolean is a level, which is there where its column is not 0. */
static int
FlagsOf(const CsRuleCondition *c)
{
	if (c->is_truth)
		return CONDITION_HAS_LEVELS | (c->low.value == 0 ? CONDITION_NEGATED : 0);
	return (c->low.given ? CONDITION_HAS_LOW : 0) | (c->low.strict ? CONDITION_LOW_STRICT : 0) |
		(c->high.given ? CONDITION_HAS_HIGH : 0) | (c->high.strict ? CONDITION_HIGH_STRICT : 0) |
		(c->has_levels ? CONDITION_HAS_LEVELS : 0) | (c->negated ? CONDITION_NEGATED : 0);
}

/* The conditions and their levels as parameters. */
static void
ConditionParameters(const CsRuleSet *set, CsParameter *parameters)
{
	int			nconditions = 0,
				nlevels = 0;
	double	   *to,
			   *levels;

	for (int i = 0; i < set->nrules; i++)
	{
		nconditions += set->rules[i].nconditions;
		for (int j = 0; j < set->rules[i].nconditions; j++)
			nlevels += set->rules[i].conditions[j].is_truth ? 1 : set->rules[i].conditions[j].nlevels;
	}
	to = NewParameter(&parameters[RULES_CONDITIONS], nconditions, CONDITION_WIDTH);
	levels = NewParameter(&parameters[RULES_LEVELS], nlevels, 1);
	nlevels = 0;
	for (int i = 0; i < set->nrules; i++)
		for (int j = 0; j < set->rules[i].nconditions; j++, to += CONDITION_WIDTH)
		{
			const CsRuleCondition *c = &set->rules[i].conditions[j];

			to[CONDITION_RULE] = i;
			to[CONDITION_OPERAND] = c->score >= 0 ? -1 - c->score : c->feature->first_output;
			to[CONDITION_FLAGS] = FlagsOf(c);
			to[CONDITION_LOW] = c->low.given && !c->is_truth ? c->low.value : 0;
			to[CONDITION_HIGH] = c->high.given && !c->is_truth ? c->high.value : 0;
			to[CONDITION_LOW_SHOWN] = c->low.is_percentile ? c->low.shown : 0;
			to[CONDITION_HIGH_SHOWN] = c->high.is_percentile ? c->high.shown : 0;
			to[CONDITION_FIRST_LEVEL] = nlevels;
			to[CONDITION_NLEVELS] = c->is_truth ? 1 : c->has_levels ? c->nlevels : 0;
			if (c->is_truth)
				levels[nlevels++] = c->feature->first_output;
			for (int l = 0; l < c->nlevels && c->has_levels; l++)
				levels[nlevels++] = c->columns[l];
		}
}

/* The scores' terms and their cut points as parameters. */
static void
TermParameters(const CsRuleSet *set, CsParameter *parameters)
{
	int			nterms = 0,
				ncuts = 0;
	double	   *to,
			   *cuts,
			   *shown;

	for (int i = 0; i < set->nscores; i++)
		for (int j = 0; j < set->scores[i].nterms; j++, nterms++)
			ncuts += set->scores[i].terms[j].ncuts;
	to = NewParameter(&parameters[RULES_TERMS], nterms, TERM_WIDTH);
	cuts = NewParameter(&parameters[RULES_CUTS], ncuts, 1);
	shown = NewParameter(&parameters[RULES_SHOWN_CUTS], ncuts, 1);
	ncuts = 0;
	for (int i = 0; i < set->nscores; i++)
		for (int j = 0; j < set->scores[i].nterms; j++, to += TERM_WIDTH)
		{
			const CsRuleTerm *t = &set->scores[i].terms[j];

			to[TERM_SCORE] = i;
			to[TERM_COLUMN] = t->feature->first_output;
			/* the value itself counts in the feature's own units */
			to[TERM_WEIGHT] = t->ncuts == 0 ? t->weight * t->feature->spread : t->weight;
			to[TERM_REVERSED] = t->reversed;
			to[TERM_FIRST_CUT] = ncuts;
			to[TERM_NCUTS] = t->ncuts;
			if (t->ncuts > 0)
				memcpy(cuts + ncuts, t->cuts, sizeof(double) * t->ncuts);
			if (t->shown != NULL)
				memcpy(shown + ncuts, t->shown, sizeof(double) * t->ncuts);
			ncuts += t->ncuts;
		}
}

/* Compile the rules.  Returns what scoring reads, palloc'd, and fills the model's parameters. */
void *
CsRulesMake(const CsRuleSet *set, int ncolumns, CsParameter *parameters)
{
	CsFitted	model = {.nsegments = set->nsegments,.ncolumns = ncolumns};
	double	   *rules = NewParameter(&parameters[RULES_RULES], set->nrules, 1);
	void	   *compiled;

	for (int i = 0; i < set->nrules; i++)
		rules[i] = set->rules[i].segment;
	ConditionParameters(set, parameters);
	TermParameters(set, parameters);
	memcpy(model.parameters, parameters, sizeof(CsParameter) * RULES_NPARAMETERS);
	compiled = palloc0(CsRulesCompile(&model, NULL));
	(void) CsRulesCompile(&model, compiled);
	return compiled;
}

/* The scores of all rows, into q's column and sorted there. */
static void
SortScores(const CsRuleSet *set, Quantiles *q, int score, const void *compiled)
{
	double	   *values = CsArenaAddress(q->arena, q->sorted);
	double	   *z = palloc(sizeof(double) * q->m->ncolumns);
	double		scores[RULES_MAX_SCORES];

	for (int64 b = 0; b < CsMatrixBlocks(q->m); b++)
	{
		const double *x = CsMatrixBlock(q->m, q->arena, b);

		CHECK_FOR_INTERRUPTS();
		for (int r = 0; r < CsMatrixBlockRows(q->m, b); r++)
		{
			for (int j = 0; j < q->m->ncolumns; j++)
				z[j] = x[(Size) j * CS_BLOCK_ROWS + r];
			CsRulesScore(compiled, z, scores);
			values[b * CS_BLOCK_ROWS + r] = scores[score];
		}
	}
	CsSortDoubles(values, q->m->nrows, CsArenaAddress(q->arena, q->scratch));
	q->column = q->m->ncolumns + score;
	pfree(z);
}

/* Fit everything that depends on the rows; what is odd about them is added to a note. */
static void
FitSet(CsRuleSet *set, CsArena *arena, const CsMatrix *m, StringInfo note)
{
	Size		bytes = mul_size(sizeof(double), m->nrows);
	Quantiles	q = {.arena = arena,.m = m,.column = -1};
	CsParameter scratch[RULES_NPARAMETERS];

	q.sorted = CsArenaAlloc(arena, bytes);
	q.scratch = CsArenaAlloc(arena, bytes);
	FitCuts(set, &q, note);
	FitBorders(set, &q, -1);
	for (int score = 0; score < set->nscores; score++)
	{
		if (!HasPercentile(set, score))
			continue;
		SortScores(set, &q, score, CsRulesMake(set, m->ncolumns, scratch));
		FitBorders(set, &q, score);
	}
	CsArenaFree(arena, q.scratch);
	CsArenaFree(arena, q.sorted);
}

/* What the labelled rows say about the rules. */
typedef struct Coverage
{
	int64		overlapping;	/* rows that rules of more than one segment hold for */
	int64		otherwise;		/* rows that only the "else" is left for */
	int64		uncovered;
	double	   *example;		/* z of the first of them */
	int64	   *rows;			/* a rule: rows that it decides */
	int64	   *together;		/* nrules x nrules: rows of the first that the second holds for, too */
} Coverage;

/* Label one row: the first rule that holds, -1 without; what else holds is noted. */
static int32
LabelRow(const CsRuleSet *set, const void *compiled, const double *z, Coverage *coverage)
{
	double		scores[RULES_MAX_SCORES];
	int			first = -1;
	bool		overlaps = false;

	CsRulesScore(compiled, z, scores);
	for (int i = 0; i < set->nrules; i++)
	{
		if (!CsRuleHolds(compiled, i, z, scores))
			continue;
		if (first < 0)
		{
			first = i;
			coverage->rows[i]++;
			coverage->otherwise += set->rules[i].nconditions == 0;
		}
		else if (set->rules[i].nconditions > 0 &&
				 set->rules[i].segment != set->rules[first].segment)
		{
			overlaps = true;
			coverage->together[first * set->nrules + i]++;
		}
	}
	coverage->overlapping += overlaps;
	return first < 0 ? -1 : set->rules[first].segment;
}

/* Label all rows, an area. */
static int
LabelRows(const CsRuleSet *set, const void *compiled, CsArena *arena, const CsMatrix *m,
		  Coverage *coverage)
{
	int			area = CsArenaAlloc(arena, mul_size(sizeof(int32) * CS_BLOCK_ROWS,
													CsMatrixBlocks(m)));
	int32	   *labels = CsArenaAddress(arena, area);
	double	   *z = palloc(sizeof(double) * m->ncolumns);

	coverage->rows = palloc0(sizeof(int64) * set->nrules);
	coverage->together = palloc0(sizeof(int64) * set->nrules * set->nrules);
	for (int64 b = 0; b < CsMatrixBlocks(m); b++)
	{
		const double *x = CsMatrixBlock(m, arena, b);

		CHECK_FOR_INTERRUPTS();
		for (int r = 0; r < CsMatrixBlockRows(m, b); r++)
		{
			int32	   *label = &labels[b * CS_BLOCK_ROWS + r];

			for (int j = 0; j < m->ncolumns; j++)
				z[j] = x[(Size) j * CS_BLOCK_ROWS + r];
			*label = LabelRow(set, compiled, z, coverage);
			if (*label >= 0)
				continue;
			if (coverage->uncovered++ == 0)
				coverage->example = memcpy(palloc(sizeof(double) * m->ncolumns), z,
										   sizeof(double) * m->ncolumns);
		}
	}
	pfree(z);
	return area;
}

/* The error for rows that no rule holds for, with the features of the first of them. */
static void
RejectUncovered(const CsRuleSet *set, const Coverage *coverage, int64 nrows)
{
	const CsPipeline *p = set->pipeline;
	StringInfoData row;

	initStringInfo(&row);
	for (int i = 0; i < p->nfeatures; i++)
		appendStringInfo(&row, "%s%s = %s", i > 0 ? ", " : "", NameStr(p->feature[i].name),
						 CsRuleValueWords(p, &p->feature[i], coverage->example));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("no rule holds for %lld of %lld rows", (long long) coverage->uncovered,
					(long long) nrows),
			 errdetail("The first of them: %s.", row.data),
			 errhint("Name the segment of the others: {\"segments\": [..., {\"name\": \"others\"}], \"else\": \"others\"}.")));
}

/* Add to a note where the rules overlap, and which decide nothing. */
static void
DescribeCoverage(const CsRuleSet *set, const Coverage *coverage, int64 nrows, StringInfo note)
{
	int			most = 0,
				nidle = 0;

	for (int i = 0; i < set->nrules * set->nrules; i++)
		if (coverage->together[i] > coverage->together[most])
			most = i;
	if (coverage->overlapping > 0)
		CsReasonAdd(note, "rules of several segments hold for %lld of %lld rows, and the first decides; most often %s before %s",
					(long long) coverage->overlapping, (long long) nrows,
					CsRuleLabel(set, most / set->nrules), CsRuleLabel(set, most % set->nrules));
	for (int i = 0; i < set->nrules; i++)
	{
		if (coverage->rows[i] > 0)
			continue;
		if (nidle++ == 0)
			CsReasonAdd(note, "no row is decided by %s", CsRuleLabel(set, i));
		else
			appendStringInfo(note, ", %s", CsRuleLabel(set, i));
	}
}

static void
AddMetric(CsFitOutput *out, const char *name, double value)
{
	out->metrics[out->nmetrics].name = name;
	out->metrics[out->nmetrics++].value = value;
}

/* Names of the segments, and what their rules say. */
static void
DescribeSegments(const CsRuleSet *set, CsFitOutput *out)
{
	out->names = set->names;
	out->descriptions = palloc(sizeof(char *) * set->nsegments);
	for (int s = 0; s < set->nsegments; s++)
	{
		StringInfoData words;

		out->descriptions[s] = set->descriptions[s];
		if (out->descriptions[s] != NULL)
			continue;
		initStringInfo(&words);
		for (int i = 0; i < set->nrules; i++)
			if (set->rules[i].segment == s)
				appendStringInfo(&words, "%s%s", words.len > 0 ? "; or " : "", CsRuleWords(set, i));
		out->descriptions[s] = words.data;
	}
}

/* See CsAlgorithm. */
static void
RulesBind(void *opaque, const CsPipeline *p)
{
	RulesOptions *options = opaque;

	options->set = CsRulesBound(options, p);
}

/* See CsAlgorithm: model space holds the values themselves. */
static CsPrep *
RulesPrep(Jsonb *asked, const CsColumn *features, int nfeatures)
{
	return CsPrepParse(asked, features, nfeatures, true);
}

/* See CsAlgorithm. */
static void
RulesFit(const CsFitInput *in, CsFitOutput *out)
{
	CsRuleSet  *set = ((const RulesOptions *) in->options)->set;
	CsArena    *arena = CsTeamArena(in->team);
	Coverage	coverage = {0};
	StringInfoData note;
	void	   *compiled;

	memset(out, 0, sizeof(*out));
	initStringInfo(&note);
	FitSet(set, arena, in->matrix, &note);
	compiled = CsRulesMake(set, in->matrix->ncolumns, out->parameters);
	out->labels = LabelRows(set, compiled, arena, in->matrix, &coverage);
	if (coverage.uncovered > 0)
		RejectUncovered(set, &coverage, in->matrix->nrows);
	out->k = set->nsegments;
	out->iterations = 1;
	out->converged = true;
	DescribeCoverage(set, &coverage, in->matrix->nrows, &note);
	out->note = note.len > 0 ? note.data : NULL;
	AddMetric(out, "overlapping_rows", (double) coverage.overlapping);
	AddMetric(out, "rows_left_to_else", (double) coverage.otherwise);
	DescribeSegments(set, out);

	CsMeasureSegments(in, out);
}

const CsAlgorithm CsRules = {
	.name = "rules",
	.segments = "written down by you",
	.memory_text = "20 bytes for each row",
	.keeps = "no rows",
	.time = "rows x conditions",
	.options = CsRulesOptions,
	.noptions = RULES_NOPTIONS,
	.options_size = sizeof(RulesOptions),
	.max_segments = RULES_MAX,
	.finds_k = true,
	.is_given = true,
	.prep = RulesPrep,
	.features = CsRulesFeatures,
	.bind = RulesBind,
	.suits = CsRulesSuit,
	.borders = CsRulesBorders,
	.parameters = rulesParameters,
	.nparameters = RULES_NPARAMETERS,
	.memory = RulesMemory,
	.fit = RulesFit,
	.compile = CsRulesCompile,
	.assign = CsRulesAssign,
	.explain = CsRulesPull,
};
