/*
 * portrait_passes.c
 *	  The portrait of a source whose rows are on other servers, which add up what each segment has.
 *
 *	 survey			rows and ranges of all columns
 *	 levels			a GROUP BY for each category, and for each column of whole numbers that may be codes
 *	 groups			twice: what each segment has of each column; means, and then deviations from them
 *	 orders			portrait_orders.c: values at quartiles and whiskers of each segment, and ranks of its means
 *	 sample			rows of the lowest hashes, where a sample is asked for
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "profile/portrait_passes.h"
#include "stat/suitability.h"
#include "utils/builtins.h"

/* Segments of which a plan of a pass has room for the orders. */
#define MOST_SEGMENTS 60

/* Levels of a category that are counted by segment at least, of which the most frequent are shown. */
#define FEWEST_LISTED 1000

/* Is there nothing but what passes tell? */
static bool
CanPass(const CsPortraitRequest *request, const CsPass *pass, const CsPlacer *placer, const CsPortrait *portrait)
{
	if ((request->visit != NULL && request->visit_counted == NULL) || request->is_elsewhere != NULL || placer->overrides != NULL ||
		portrait->nsegments > MOST_SEGMENTS)
		return false;
	for (int i = 0; i < pass->columns.ncolumns; i++)
		if (pass->columns.columns[i].element > 0 || pass->columns.columns[i].vector != NULL)
			return false;
	for (int i = 0; i < portrait->ncolumns; i++)
		if (portrait->columns[i].column.element > 0)
			return false;
	return true;
}

/* Study the features, as the version reads them, and the other columns of the portrait. */
static void
Study(CsPortraitPasses *o, const CsPieces *pieces, const CsPass *pass, const CsPlacer *placer)
{
	CsPortrait *portrait = o->portrait;
	int			most = o->pipeline->nfeatures + portrait->ncolumns;
	CsColumn   *columns = palloc(sizeof(CsColumn) * Max(most, 1));
	int			n = 0;

	o->of_feature = palloc(sizeof(int) * o->pipeline->nfeatures);
	o->of_column = palloc(sizeof(int) * Max(portrait->ncolumns, 1));
	o->at = palloc(sizeof(int) * o->pipeline->nfeatures);
	for (int i = 0; i < o->pipeline->nfeatures; i++)
	{
		columns[n] = pass->columns.columns[placer->column[i]];
		columns[n].converter = CsFeatureConverter(&o->pipeline->feature[i], &columns[n]);
		o->of_feature[i] = n++;
	}
	for (int i = 0; i < portrait->ncolumns; i++)
	{
		const CsPortraitColumn *c = &portrait->columns[i];

		/* codes are counted as the numbers that they are */
		o->of_column[i] = c->as_codes ? o->of_column[i - 1] : c->feature >= 0 ? o->of_feature[c->feature] : n;
		if (o->of_column[i] == n)
			columns[n++] = c->column;
	}
	o->study = CsStudyOpen(pieces, columns, n, palloc0(sizeof(bool) * Max(n, 1)));
	for (int i = 0; i < o->pipeline->nfeatures; i++)
		o->at[i] = o->study->column[o->of_feature[i]].at;
}

/* Have halves told by a hash of who the customer is.  Returns whether they can be, if they are asked for. */
static bool
Halve(CsPortraitPasses *o, const CsPass *pass)
{
	CsTallyColumns *read = &o->study->read;
	const char *number = CsKeyNumber(pass->relation, CsFindKey(pass->relation, CsScorerId(o->portrait->scorer)));

	o->halves = -1;
	if (!o->request->halves)
		return true;
	if (number == NULL)
		return false;
	appendStringInfo(&read->numbers, "%s%s", read->nnumbers > 0 ? ", " : "", number);
	o->halves = read->nnumbers++;
	return true;
}

/* List levels that are to be counted by segment. */
static CsDictionary *
ListLevels(const CsValueCount *counts, int n)
{
	CsDictionary *d = CsDictionaryCreate();

	for (int i = 0; i < n; i++)
		(void) CsDictionaryCode(d, counts[i].value, (int) strlen(counts[i].value));
	return d;
}

/* Find the levels of a category. */
static void
FindLevels(CsPortraitPasses *o, int column)
{
	const CsColumn *c = &o->study->columns[o->of_column[column]];
	int			at = o->study->column[o->of_column[column]].at;
	int			n;
	CsValueCount *counts;

	if (o->texts[at] != NULL)
		return;
	counts = CsPiecesCount(o->study->pieces, CsTallyExpression(c), NULL, CS_MAX_DICTIONARY, CS_MAX_DICTIONARY_BYTES, &n);
	o->overfull[at] = n > CS_MAX_DICTIONARY;
	o->texts[at] = ListLevels(counts, o->overfull[at] ? 0 : Min(n, Max(o->request->levels, FEWEST_LISTED)));
}

/* Find the values of whole numbers, if they are so few that they may be codes. */
static void
FindCodes(CsPortraitPasses *o, int column)
{
	const CsColumn *c = &o->study->columns[o->of_column[column]];
	int			at = o->study->column[o->of_column[column]].at;
	int			n;
	CsValueCount *counts = CsPiecesCount(o->study->pieces, CsTallyExpression(c), NULL, CS_FEW_VALUES, SIZE_MAX, &n);

	if (n > CS_FEW_VALUES)
		return;
	/* as the pass writes them */
	for (int i = 0; i < n; i++)
		counts[i].value = psprintf("%.17g", DatumGetFloat8(DirectFunctionCall1(float8in, CStringGetDatum(counts[i].value))));
	o->values[at] = ListLevels(counts, n);
}

/* Find what is to be counted of each column. */
static void
FindLevelsOfAll(CsPortraitPasses *o)
{
	const CsTallyColumns *read = &o->study->read;

	o->texts = palloc0(sizeof(CsDictionary *) * Max(read->nlevels, 1));
	o->values = palloc0(sizeof(CsDictionary *) * Max(read->nnumbers, 1));
	o->overfull = palloc0(sizeof(bool) * Max(read->nlevels, 1));
	for (int i = 0; i < o->portrait->ncolumns; i++)
	{
		if (o->portrait->columns[i].as_codes)
			FindCodes(o, i);
		else if (CsIsCategory(&o->portrait->columns[i]))
			FindLevels(o, i);
	}
}

/* Ask what the segments have, by a pass: about the middles of all, or about the means that were found. */
static CsTallyRun
RunGroups(const CsPortraitPasses *o)
{
	int			nnumbers = o->study->read.nnumbers;
	int			n = o->portrait->ngroups * nnumbers;
	double	   *middle = palloc0(sizeof(double) * Max(n, 1));
	double	   *reach = palloc0(sizeof(double) * Max(n, 1));
	CsGroupsRequest request = {
		.scorer = o->portrait->scorer,.columns = o->at,.nrows = o->study->nrows,.nnumbers = nnumbers,
		.nlevels = o->study->read.nlevels,.in_halves = o->request->halves,.half = o->halves,.seed = o->request->seed,.middle = middle,.reach = reach,.texts = o->texts,.values = o->values
	};
	JsonbParseState *json = NULL;

	for (int g = 0; g < o->portrait->ngroups; g++)
		for (int i = 0; i < o->study->ncolumns; i++)
		{
			const CsStudyColumn *s = &o->study->column[i];
			int			at = CsPassesAt(o, g, s->at);
			const CsGroupNumber *known = &o->numbers[at];
			double		low = known->n > 0 ? known->lowest : s->lowest,
						high = known->n > 0 ? known->highest : s->highest;

			if (o->study->columns[i].converter.kind == CS_CATEGORICAL || s->moments.n == 0)
				continue;
			middle[at] = known->n > 0 ? Max(Min(known->mean, high), low) : low / 2 + high / 2;
			reach[at] = Min(Max(high - middle[at], middle[at] - low), DBL_MAX);
		}
	/* nobody asks for the sum of hashes, but they are numbers of a row */
	for (int g = 0; g < o->portrait->ngroups && o->halves >= 0; g++)
		reach[CsPassesAt(o, g, o->halves)] = 0x1p63;
	CsStudyBegin(o->study, false, NULL, &json);
	CsGroupsPlan(&json, &request);
	return CsStudyRun(o->study, &json);
}

/* Take what the segments have of numbers. */
static void
TakeNumbers(const CsPortraitPasses *o, const CsTallyRun *run)
{
	for (int g = 0; g < o->portrait->ngroups; g++)
		for (int i = 0; i < o->study->read.nnumbers; i++)
		{
			o->numbers[CsPassesAt(o, g, i)] = CsGroupsNumber(run->pass, &run->pass->parts[0], run->state, g, i);
			o->moments[CsPassesAt(o, g, i)] = CsGroupsMoments(run->pass, &run->pass->parts[0], run->state, g, i);
		}
}

/* What all segments have of a number together. */
static CsGroupNumber
AddUpNumber(const CsPortraitPasses *o, int number)
{
	CsGroupNumber all = {.lowest = INFINITY,.highest = -INFINITY};
	double		base = NAN,
				off = 0;

	for (int g = 0; g < o->portrait->ngroups; g++)
	{
		const CsGroupNumber *s = &o->numbers[CsPassesAt(o, g, number)];

		if (s->n == 0)
			continue;
		base = isnan(base) ? s->mean : base;
		all.n += s->n;
		all.lowest = Min(all.lowest, s->lowest);
		all.highest = Max(all.highest, s->highest);
		off += (double) s->n * ((s->mean - base) + s->mean_rest);
	}
	off /= (double) all.n;
	all.mean = base + off;
	all.mean_rest = (base - all.mean) + off;
	for (int g = 0; g < o->portrait->ngroups; g++)
	{
		const CsGroupNumber *s = &o->numbers[CsPassesAt(o, g, number)];
		double		apart = (s->mean - all.mean) + (s->mean_rest - all.mean_rest);

		if (s->n > 0)
			all.m2 += s->m2 + (double) s->n * apart * apart;
	}
	return all;
}

/* A column's rows without a value, by group. */
static void
FillMissing(const CsPortraitPasses *o, CsPortraitColumn *c, int group, int64 n)
{
	c->missing[group] = o->portrait->rows[group] - n;
	c->missing[o->portrait->ngroups] += c->missing[group];
}

/* A level as it is counted by segment, and its text. */
static CsPortraitLevel
TakeLevel(const CsPortraitPasses *o, const CsTallyRun *run, int at, bool is_text, const CsDictionary *listed, int code)
{
	int			all = o->portrait->ngroups;
	CsPortraitLevel level = {.rows = palloc0(sizeof(int64) * (all + 1))};

	if (code < CsDictionarySize(listed))
		level.text = CsDictionaryLevel(listed, code);
	else
		level.is_other = true;
	for (int g = 0; g < all; g++)
	{
		level.rows[g] = CsGroupsLevels(run->pass, &run->pass->parts[0], run->state, g, at, is_text)[code];
		level.rows[all] += level.rows[g];
	}
	return level;
}

/* Most rows first, ties by text, for qsort_arg(). */
static int
CompareLevels(const void *a, const void *b, void *arg)
{
	const CsPortraitLevel *x = a,
			   *y = b;
	int			all = *(int *) arg;

	if (x->rows[all] != y->rows[all])
		return x->rows[all] > y->rows[all] ? -1 : 1;
	return strcmp(x->text, y->text);
}

/* The levels of a category: the most frequent ones, the others as one, and no value. */
static void
FillLevels(const CsPortraitPasses *o, const CsTallyRun *run, int column)
{
	CsPortraitColumn *c = &o->portrait->columns[column];
	int			all = o->portrait->ngroups;
	int			at = o->study->column[o->of_column[column]].at;
	bool		is_text = !c->as_codes;
	const CsDictionary *listed = is_text ? o->texts[at] : o->values[at] != NULL ? o->values[at] : CsDictionaryCreate();
	int			nlisted = CsDictionarySize(listed);
	CsPortraitLevel *levels = palloc(sizeof(CsPortraitLevel) * (nlisted + 2));
	CsPortraitLevel other = TakeLevel(o, run, at, is_text, listed, nlisted);
	int			n = 0;

	/* whole numbers of many values are not counted one by one: they are no codes */
	if (!is_text && o->values[at] == NULL)
		other.rows[all] = 1;
	for (int code = 0; code < nlisted; code++)
	{
		levels[n] = TakeLevel(o, run, at, is_text, listed, code);
		n += levels[n].rows[all] > 0;
	}
	qsort_arg(levels, n, sizeof(CsPortraitLevel), CompareLevels, &all);
	c->names_rows = (is_text && o->overfull[at]) || (n > 1 && levels[0].rows[all] == 1);
	for (int g = 0; g < all; g++)
	{
		int64		there = other.rows[g];

		for (int i = 0; i < n; i++)
			there += levels[i].rows[g];
		FillMissing(o, c, g, there);
	}
	for (int i = o->request->levels; i < n; i++)
		for (int g = 0; g <= all; g++)
			other.rows[g] += levels[i].rows[g];
	n = Min(n, o->request->levels);
	if (other.rows[all] > 0)
		levels[n++] = other;
	if (c->missing[all] > 0)
		levels[n++] = (CsPortraitLevel) {.rows = c->missing};
	c->levels = levels;
	c->nlevels = n;
}

/* Take what a pass has told of the groups. */
static void
TakeGroups(const CsPortraitPasses *o, const CsTallyRun *run)
{
	CsPortrait *portrait = o->portrait;
	int			all = portrait->ngroups;

	for (int g = 0; g < all; g++)
	{
		portrait->rows[g] = CsGroupsRows(run->pass, &run->pass->parts[0], run->state, g);
		portrait->rows[all] += portrait->rows[g];
	}
	portrait->n_unplaced = o->study->nrows - portrait->rows[all];
	for (int i = 0; i < o->study->read.nnumbers; i++)
		o->numbers[CsPassesAt(o, all, i)] = AddUpNumber(o, i);
	for (int i = 0; i < portrait->ncolumns; i++)
	{
		CsPortraitColumn *c = &portrait->columns[i];

		c->missing = palloc0(sizeof(int64) * (all + 1));
		if (CsIsCategory(c))
			FillLevels(o, run, i);
		else
			for (int g = 0; g < all; g++)
				FillMissing(o, c, g, o->numbers[CsPassesAt(o, g, o->study->column[o->of_column[i]].at)].n);
	}
}

/* Draw the sample that is asked for. */
static void
TakeSample(const CsPortraitPasses *o)
{
	CsObservedSample sample;

	if (o->request->sample == 0)
		return;
	sample = CsObserveSampleByPass(o->portrait->scorer, o->study, o->of_feature, &(CsObservedSampleRequest) {
		.rows = o->request->sample,.seed = (uint64) o->request->seed
	}, true);
	o->portrait->sample = (CsPortraitSample) {sample.n, sample.rows, sample.labels};
}

/*
 * Take a portrait by passes; palloc'd.  NULL where the rows are not on other servers that can add them up, where single
 * rows are needed, or where somebody has decided of customers.
 */
CsPortrait *
CsPortraitByPasses(const CsReport *report, const CsPortraitRequest *request, const CsPass *pass, const CsPlacer *placer)
{
	const CsPieces *pieces = CsPiecesElsewhere(pass->relation);
	CsPortrait *portrait;
	CsPortraitPasses		o = {.request = request,.pipeline = CsScorerPipeline(report->scorer)};
	CsTallyRun	run;

	if (pieces == NULL)
		return NULL;
	o.portrait = portrait = palloc0(sizeof(CsPortrait));
	portrait->scorer = report->scorer;
	portrait->nsegments = report->scorer->nsegments;
	portrait->ngroups = portrait->nsegments * (request->halves ? 2 : 1);
	CsPortraitColumns(portrait, report, pass->relation, request);
	if (!CanPass(request, pass, placer, portrait))
		return NULL;
	portrait->rows = palloc0(sizeof(int64) * (portrait->ngroups + 1));
	portrait->overridden = palloc0(sizeof(int64) * portrait->ngroups);
	Study(&o, pieces, pass, placer);
	if (!Halve(&o, pass))
		return NULL;
	FindLevelsOfAll(&o);
	o.numbers = palloc0(sizeof(CsGroupNumber) * Max((portrait->ngroups + 1) * o.study->read.nnumbers, 1));
	o.moments = palloc0(sizeof(CsMoments) * Max(portrait->ngroups * o.study->read.nnumbers, 1));
	run = RunGroups(&o);
	TakeNumbers(&o, &run);
	run = RunGroups(&o);
	TakeNumbers(&o, &run);
	TakeGroups(&o, &run);
	CsPassesOrders(&o);
	TakeSample(&o);
	return portrait;
}
