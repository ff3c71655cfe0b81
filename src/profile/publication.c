/*
 * publication.c
 *	  What a publication tells of a source, which is read once: the function source_parts, a step of publish().
 *
 * One pass places each customer and has everybody take the row who tells of it: a portrait of all columns, from which
 * segment_profile(), boxplot(), radar() and the others have their parts, with samples for what is told of single
 * customers; a look at the columns, for describe(), correlations() and concentration(); the counts of missing values; and
 * data_quality().  The rows are those of the functions, which are made by the same code.  surrogate() is a training and
 * reads for itself.
 *
 * Segments of fewer customers than min_group are hidden, and so that what is left when others are taken from all tells
 * nothing of them, further ones with them, the smallest first: until those hidden are two at least, and have min_group
 * customers together.  What is NULL in the rows of a hidden segment, the SQL function publication says.
 */
#include "custseg.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "portability/instr_time.h"
#include "profile/publish.h"
#include "stat/correlation.h"

/* Samples of silhouettes and of points; the latter has another seed, so that it is no part of the former. */
#define SILHOUETTE_SEED 42
#define POINTS_SEED 43

/* Arrays as long as a column that are needed to sort it: values, scratch, gathered, and rows twice. */
#define COLUMN_ARRAYS 4

/* Levels of a category that are counted; parts show fewer of them. */
#define LEVELS 10000

/* The arguments. */
enum
{
	PARTS_MODEL, PARTS_SOURCE, PARTS_OPTIONS, PARTS_VERSION
};

/* What the reading keeps for the parts. */
typedef struct Publishing
{
	CsReport	report;
	CsPublishOptions options;
	CsPass	   *pass;
	const List *key;			/* columns (const CsColumn *) that tell who a customer is, or NIL */
	CsPortraying *portraying;
	CsLook	   *look;
	CsMissingCounts *missing;
	CsReporting *quality;
	CsResult   *quality_rows;
	bool	   *hidden;			/* nsegments */
	bool		all_hidden;		/* there are too few customers altogether */
	instr_time	start;			/* of the part at hand */
} Publishing;

/* The parts that a portrait has, and the functions whose rows they are. */
static const struct
{
	const char *part;
	const CsPortraitKind *kind;
} portraitParts[] = {
	{"summary", &CsSummaryKind},
	{"profile", &CsProfileKind},
	{"radar", &CsRadarKind},
	{"boxplot", &CsBoxplotKind},
	{"heatmap", &CsHeatmapKind},
	{"importance", &CsImportanceKind},
	{"test", &CsTestsKind}
};

/*
 * Parts that read for themselves: $1 the model, $2 the source, $3 the version.  They may fail where the others do not;
 * then there is no such part, and the reason is the error.
 */
static const char *const surrogate_sql =
"SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(r)) FROM custseg.surrogate($1, $2, version => $3) AS r";

static const char *const forecast_sql =
"SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(r)) FROM custseg.forecast_segments($1) AS r";

static const char *const no_room = "the columns do not fit into maintenance_work_mem";

PG_FUNCTION_INFO_V1(custseg_source_parts);

/* CsPortraitRequest.visit */
static void *
VisitNumber(void *state, const CsPortrait *portrait, const CsColumn *column, const double *values,
			const int32 *groups, int64 nrows, const CsSortedGroups *sorted)
{
	CsPublishedNumber *visited = palloc(sizeof(CsPublishedNumber));
	/* a point in time is no amount */
	bool		may_be_log = column->converter.kind == CS_NUMERIC || column->converter.type == INTERVALOID;

	visited->test = CsTestsKind.request.visit(NULL, portrait, column, values, groups, nrows, sorted);
	visited->histogram = sorted != NULL ? CsHistogramOfSortedGroups(sorted, portrait->ngroups, may_be_log) :
		CsHistogramOfGroups(values, groups, nrows, portrait->ngroups, may_be_log);
	return visited;
}

/* CsPortraitRequest.is_elsewhere: does the look keep the values of a column, one a row? */
static bool
LookKeeps(void *state, const CsColumn *column)
{
	const CsLook *look = ((const Publishing *) state)->look;

	for (int i = 0; i < look->ncolumns && look->keep_rows && look->nrows <= CS_MAX_RANKED; i++)
	{
		if (CsIsSameColumn(&look->columns[i].column, column))
			return CsLookIsNumber(&look->columns[i].column);
	}
	return false;
}

/* CsPass.workers: those that will find what is told of the columns. */
static int
WorkersFor(void *state, int64 nrows)
{
	const Publishing *p = state;

	return p->look->keep_rows ? CsPublishWorkers(p->look, nrows) : 0;
}

/* Have everybody take the rows of the source. */
static void
BeginParts(Publishing *p)
{
	const CsScorer *scorer = p->report.scorer;
	CsPortraitRequest whole = {
		.levels = LEVELS, .is_whole = true, .value = p->options.value, .visit = VisitNumber, .visit_if_fits = true,
		.is_elsewhere = LookKeeps, .elsewhere_state = p,
		.sample = CsImportanceKind.request.sample, .seed = CsImportanceKind.request.seed
	};
	static const CsReportKind *const quality = &CsQualityReport;
	Jsonb	   *no_options = NULL;
	CsReport   *quality_report = palloc(sizeof(CsReport));
	CsPlacer   *placer;

	p->pass = CsPassOpen(CsSourceOpen(scorer, p->report.source));
	p->pass->workers = WorkersFor;
	p->pass->workers_state = p;
	placer = CsPassPlace(p->pass, scorer, CS_PLACE_TRY);
	p->key = CsFindKey(p->pass->relation, p->report.id);
	CsPassIdentify(p->pass, p->key);
	CsPassHonour(p->pass, placer);
	p->look = CsLookOpen(p->pass->relation, NULL, false);
	p->look->keep_rows = p->look->may_lose_rows = p->look->moments_later = true;
	p->portraying = CsPortraitBegin(p->pass, placer, &p->report, &whole);
	CsPortraitSampleToo(p->portraying, CsSummaryKind.request.sample, CsSummaryKind.request.seed, false);
	if (p->options.sample > 0)
		CsPortraitSampleToo(p->portraying, p->options.sample, SILHOUETTE_SEED, true);
	if (p->options.points > 0)
		CsPortraitSampleToo(p->portraying, p->options.points, POINTS_SEED, true);
	CsLookBegin(p->look, p->pass);
	p->look->kept.spare = COLUMN_ARRAYS;
	p->missing = CsMissingBegin(p->look, p->pass);
	*quality_report = p->report;
	quality_report->result = p->quality_rows = CsResultOfFunction("data_quality");
	p->quality = CsReportsBegin(p->pass, placer, quality_report, &quality, &no_options, 1);
}

/* The smallest segment with customers that is not hidden; -1: there is none. */
static int
SmallestShown(const Publishing *p)
{
	const CsPortrait *portrait = CsPortraitWhole(p->portraying);
	int			smallest = -1;

	for (int g = 0; g < portrait->ngroups; g++)
	{
		if (!p->hidden[g] && portrait->rows[g] > 0 && (smallest < 0 || portrait->rows[g] < portrait->rows[smallest]))
			smallest = g;
	}
	return smallest;
}

/* Choose the segments that nothing is told of but their sizes. */
static void
HideSegments(Publishing *p)
{
	const CsPortrait *portrait = CsPortraitWhole(p->portraying);
	int64		rows = 0;
	int			nhidden = 0;
	int			next = SmallestShown(p);

	p->all_hidden = portrait->rows[portrait->ngroups] < p->options.min_group;
	while (next >= 0 &&
		   (portrait->rows[next] < p->options.min_group || (nhidden > 0 && (nhidden < 2 || rows < p->options.min_group))))
	{
		p->hidden[next] = true;
		rows += portrait->rows[next];
		nhidden++;
		next = SmallestShown(p);
	}
}

/* Put a part with its body, or with the reason why it has none. */
static void
PutPart(Publishing *p, const char *part, Jsonb *body, const char *reason)
{
	instr_time	duration;

	INSTR_TIME_SET_CURRENT(duration);
	INSTR_TIME_SUBTRACT(duration, p->start);
	CsResultPut(p->report.result,
				CsValues(CsValueText(part), CsValueJsonb(body), CsValueFloat8(INSTR_TIME_GET_MILLISEC(duration)),
						 CsValueText(body == NULL ? reason : NULL)));
	INSTR_TIME_SET_CURRENT(p->start);
}

/* Put a part of rows; one without rows is none. */
static void
PutRows(Publishing *p, const char *part, CsResult *rows, const char *reason)
{
	Jsonb	   *body = CsResultJsonb(rows);

	PutPart(p, part, JB_ROOT_COUNT(body) == 0 ? NULL : body, reason);
}

/* The parts of the portrait that are rows of functions. */
static void
PutPortraitParts(Publishing *p)
{
	for (int i = 0; i < lengthof(portraitParts); i++)
	{
		const CsPortraitKind *kind = portraitParts[i].kind;
		CsPortraitRequest request = kind->request;
		CsResult   *rows = CsResultOfFunction(kind->name);
		CsPortrait *portrait;

		request.is_quiet = kind != &CsProfileKind;
		if (kind != &CsImportanceKind && kind != &CsTestsKind)
			request.level_rows = p->options.min_group;
		if (kind == &CsSummaryKind)
			request.value = p->options.value;
		portrait = CsPortraitPart(p->portraying, &request);
		portrait->hidden = p->hidden;
		if (kind == &CsTestsKind && !CsPortraitIsVisited(p->portraying))
		{
			PutPart(p, portraitParts[i].part, NULL, no_room);
			continue;
		}
		for (int c = 0; c < portrait->ncolumns && kind == &CsTestsKind; c++)
		{
			if (!CsIsCategory(&portrait->columns[c]))
				portrait->columns[c].visited = ((CsPublishedNumber *) portrait->columns[c].visited)->test;
		}
		kind->put(rows, portrait);
		PutRows(p, portraitParts[i].part, rows, "there are no columns to tell of");
	}
}

/* The segment of a group as a member of a row; null for all customers. */
static void
PushSegment(JsonbParseState **json, const CsPortrait *portrait, int group)
{
	CsValue		segment = CsPortraitSegment(portrait, group);

	if (segment.isnull)
		CsJsonNull(json, "segment");
	else
		CsJsonInteger(json, "segment", DatumGetInt32(segment.datum));
}

/* The rows of a column of numbers in the part histogram: all bins of each segment that has values. */
static void
PushBins(JsonbParseState **json, const CsPortrait *portrait, const CsPortraitColumn *c)
{
	const CsGroupHistogram *h = ((const CsPublishedNumber *) c->visited)->histogram;

	for (int g = portrait->ngroups; g >= 0; g--)
	{
		for (int b = 0; b < h->nbins && h->total[g] > 0; b++)
		{
			CsJsonObject(json, NULL);
			CsJsonText(json, "column_name", NameStr(c->column.name));
			CsJsonText(json, "scale", h->is_log ? "log" : "linear");
			CsJsonInteger(json, "bin", b + 1);
			CsJsonNumber(json, "low", h->edge[b]);
			CsJsonNumber(json, "high", h->edge[b + 1]);
			PushSegment(json, portrait, g);
			CsJsonInteger(json, "n", h->n[g * h->nbins + b]);
			CsJsonNumber(json, "density", CsHistogramDensity(h, g, b));
			(void) CsJsonEnd(json);
		}
	}
}

/* The rows of a category in the part level_share. */
static void
PushLevels(JsonbParseState **json, const CsPortrait *portrait, const CsPortraitColumn *c)
{
	for (int level = 0; level < c->nlevels; level++)
	{
		for (int g = portrait->ngroups; g >= 0; g--)
		{
			CsJsonObject(json, NULL);
			CsJsonText(json, "column_name", NameStr(c->column.name));
			CsJsonText(json, "level", CsPortraitLevelText(&c->levels[level]));
			PushSegment(json, portrait, g);
			CsJsonInteger(json, "n", c->levels[level].rows[g]);
			CsJsonNumber(json, "share", CsPortraitShare(c->levels[level].rows[g], portrait->rows[g]));
			(void) CsJsonEnd(json);
		}
	}
}

/* The parts histogram and level_share: of the columns of the part profile. */
static void
PutDistributions(Publishing *p)
{
	CsPortraitRequest request = CsProfileKind.request;
	const CsPortrait *portrait;
	JsonbParseState *bins = NULL,
			   *levels = NULL;
	Jsonb	   *body;

	request.is_quiet = true;
	request.level_rows = p->options.min_group;
	portrait = CsPortraitPart(p->portraying, &request);
	CsJsonArray(&bins, NULL);
	CsJsonArray(&levels, NULL);
	for (int i = 0; i < portrait->ncolumns; i++)
	{
		if (CsIsCategory(&portrait->columns[i]))
			PushLevels(&levels, portrait, &portrait->columns[i]);
		else if (CsPortraitIsVisited(p->portraying))
			PushBins(&bins, portrait, &portrait->columns[i]);
	}
	body = CsJsonFinish(&bins);
	PutPart(p, "histogram", JB_ROOT_COUNT(body) == 0 ? NULL : body,
			CsPortraitIsVisited(p->portraying) ? "no column of numbers has values" : no_room);
	body = CsJsonFinish(&levels);
	PutPart(p, "level_share", JB_ROOT_COUNT(body) == 0 ? NULL : body, "there are no categories");
}

/* What the SQL function makes the part capacity of: customers by segment, and those in none. */
static void
PutCounts(Publishing *p)
{
	const CsPortrait *portrait = CsPortraitWhole(p->portraying);
	JsonbParseState *json = NULL;
	int64		n_outside = portrait->n_unplaced + portrait->n_excluded;

	CsJsonArray(&json, NULL);
	for (int g = 0; g <= portrait->ngroups; g++)
	{
		bool		is_outside = g == portrait->ngroups;

		if (is_outside && n_outside == 0)
			continue;
		CsJsonObject(&json, NULL);
		PushSegment(&json, portrait, g);
		CsJsonInteger(&json, "n", is_outside ? n_outside : portrait->rows[g]);
		CsJsonInteger(&json, "n_overridden", is_outside ? 0 : portrait->overridden[g]);
		CsJsonInteger(&json, "n_excluded", is_outside ? portrait->n_excluded : 0);
		(void) CsJsonEnd(&json);
	}
	PutPart(p, "counts", CsJsonFinish(&json), NULL);
}

/*
 * The segments that are hidden, null among them where all customers are; how many customers are in none; and the columns
 * that tell who a customer is.
 */
static void
PutHidden(Publishing *p)
{
	const CsPortrait *portrait = CsPortraitWhole(p->portraying);
	JsonbParseState *json = NULL;
	ListCell   *cell;

	CsJsonObject(&json, NULL);
	CsJsonInteger(&json, "n_outside", portrait->n_unplaced + portrait->n_excluded);
	CsJsonArray(&json, "segments");
	for (int g = 0; g < portrait->ngroups; g++)
	{
		if (p->hidden[g])
			CsJsonInteger(&json, NULL, CsScorerSegments(portrait->scorer)[g].segment);
	}
	if (p->all_hidden)
		CsJsonNull(&json, NULL);
	(void) CsJsonEnd(&json);
	CsJsonArray(&json, "key");
	foreach(cell, p->key)
		CsJsonText(&json, NULL, NameStr(((const CsColumn *) lfirst(cell))->name));
	(void) CsJsonEnd(&json);
	PutPart(p, "hidden", CsJsonFinish(&json), NULL);
}

/* The parts of samples. */
static void
PutSampleParts(Publishing *p)
{
	const CsScorer *scorer = p->report.scorer;
	const CsPublishOptions *o = &p->options;
	CsPortraitSample measured = CsPortraitSampleOf(p->portraying, o->sample, SILHOUETTE_SEED, true);
	CsPortraitSample points = CsPortraitSampleOf(p->portraying, o->points, POINTS_SEED, true);

	PutPart(p, "silhouette", o->sample == 0 ? NULL : CsPublishSilhouettes(scorer, &measured, p->hidden),
			o->sample == 0 ? "the option \"sample\" is 0" : "customers are in fewer than two segments");
	PutPart(p, "projection",
			o->points == 0 ? NULL :
			CsPublishProjection(scorer, o->sample == 0 ? &points : &measured, &points, p->hidden),
			o->points == 0 ? "the option \"points\" is 0" : "the features do not vary");
}

/* A part that may fail, in the making. */
typedef struct Attempt
{
	const char *sql;
	const CsValue *arguments;
	int			narguments;
	MemoryContext context;
	Jsonb	   *body;
} Attempt;

/* Make a part, as the caller under the caller's snapshot. */
static void
MakePart(void *state)
{
	Attempt    *a = state;
	CsValue		row[1];

	SPI_connect();
	(void) CsCallerSelect(a->sql, a->arguments, a->narguments);
	CsValuesOfTuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, row);
	if (!row[0].isnull)
	{
		MemoryContext old = MemoryContextSwitchTo(a->context);

		a->body = DatumGetJsonbPCopy(row[0].datum);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
}

/* Put a part that may fail. */
static void
AttemptPart(Publishing *p, const char *part, const char *sql, const CsValue *arguments, int narguments)
{
	Attempt		attempt = {sql, arguments, narguments, CurrentMemoryContext};
	ErrorData  *error = CsAttempt(MakePart, &attempt, CsEndsCommand);

	PutPart(p, part, error != NULL ? NULL : attempt.body, error != NULL ? error->message : "there is nothing to tell");
}

/* The parts that may fail. */
static void
AttemptParts(Publishing *p)
{
	const CsScorer *scorer = p->report.scorer;
	CsValue		model = CsValueText(NameStr(scorer->model));

	if (p->options.surrogate && !p->all_hidden)
		AttemptPart(p, "surrogate", surrogate_sql,
					CsValues(model, CsValueText(p->report.source), CsValueInt4(scorer->version)));
	else
		PutPart(p, "surrogate", NULL, p->all_hidden ? "there are fewer customers than min_group" :
				"the option \"surrogate\" is false");
	AttemptPart(p, "forecast", forecast_sql, CsValues(model));
}

/* The column of the look that has the value; NULL: there is none. */
static CsLookColumn *
ValueColumn(const Publishing *p)
{
	for (int i = 0; i < p->look->ncolumns && p->options.value != NULL; i++)
	{
		if (strcmp(NameStr(p->look->columns[i].column.name), p->options.value) == 0)
			return &p->look->columns[i];
	}
	return NULL;
}

/* Why there is no concentration of the value; NULL: there is. */
static const char *
WhyNoConcentration(CsLook *look, CsLookColumn *c)
{
	if (c == NULL)
		return "no column of a value is named: option \"value\", or custseg.set_presentation()";
	if (!CsLookSortedFits(c))
		return "the values of the column do not fit into maintenance_work_mem";
	if (c->n == 0)
		return "the column of the value has no values";
	if (CsLookSorted(look, c)[0] < 0)
		return "the column of the value has values below 0";
	return NULL;
}

/* Does a column tell who a customer is? */
static bool
IsKey(const Publishing *p, const CsColumn *column)
{
	ListCell   *cell;

	foreach(cell, p->key)
	{
		if (CsIsSameColumn((const CsColumn *) lfirst(cell), column))
			return true;
	}
	return false;
}

/* The look without the columns that tell who a customer is, as it is now; palloc'd. */
static CsLook *
LookWithoutKey(const Publishing *p)
{
	CsLook	   *look = palloc(sizeof(CsLook));

	*look = *p->look;
	look->columns = palloc_extended(mul_size(Max(look->ncolumns, 1), sizeof(CsLookColumn)), MCXT_ALLOC_HUGE);
	look->ncolumns = 0;
	for (int i = 0; i < p->look->ncolumns; i++)
	{
		if (!IsKey(p, &p->look->columns[i].column))
			look->columns[look->ncolumns++] = p->look->columns[i];
	}
	return look;
}

/* What is made of the columns one by one. */
typedef struct Columns
{
	CsDescribing *describing;
	CsLook	   *correlated;		/* the columns that are correlated; NULL: there is no room to */
	CsCompleteCorrelations *correlations;	/* of those without a missing value; NULL: not known */
	CsLookColumn *value;		/* or NULL */
	const char *no_concentration;	/* why there is none, or NULL */
	CsResult   *concentration;
	const CsColumnOrder **order;	/* of each column, NULL: not known */
	double	   *scratch;		/* to sort columns whose order is not known */
	CsArena    *arena;			/* of what the team has found, or NULL */
} Columns;

/* Begin to make what is told of the columns. */
static void
OpenColumns(Publishing *p, Columns *c)
{
	int			n = Max(p->look->ncolumns, 1);

	c->describing = CsDescribeBegin(CsResultOfFunction("describe"), p->look);
	c->order = palloc0(sizeof(CsColumnOrder *) * n);
	c->correlated = LookWithoutKey(p);
	if (!p->look->keep_rows || !CsCorrelationsFit(c->correlated))
		c->correlated = NULL;
	c->value = ValueColumn(p);
	c->concentration = CsResultOfFunction("concentration");
}

/* Have a team find what is told of the numbers, whose rows are kept; then the columns that are correlated have their values. */
static void
FindColumns(Publishing *p, Columns *c)
{
	int			n = Max(p->look->ncolumns, 1),
				at = 0;
	bool	   *is_correlated = palloc(sizeof(bool) * n);
	CsPublishColumns wanted = {
		.portraying = p->portraying, .ngroups = CsPortraitWhole(p->portraying)->ngroups, .look = p->look,
		.describe = *CsDescribeOptionsOf(c->describing), .is_correlated = is_correlated, .value = c->value,
		.order = c->order, .values = palloc0(sizeof(double *) * n), .team = p->pass->team
	};

	for (int i = 0; i < p->look->ncolumns; i++)
		is_correlated[i] = c->correlated != NULL && !IsKey(p, &p->look->columns[i].column);
	c->arena = CsPublishColumnsFind(&wanted);
	p->pass->team = NULL;		/* which has ended */
	c->correlations = wanted.correlations;
	for (int i = 0; i < p->look->ncolumns && c->correlated != NULL; i++)
	{
		if (!is_correlated[i])
			continue;
		c->correlated->columns[at].values = wanted.values[i];
		c->correlated->columns[at++].moments = p->look->columns[i].moments;
	}
}

/* End the team that has read the source, if there is one: the values did not fit, and there is nothing for it to do. */
static void
EndTeam(Publishing *p, Columns *c)
{
	if (p->pass->team == NULL)
		return;
	c->arena = CsTeamArena(p->pass->team);
	CsTeamEnd(p->pass->team);
	p->pass->team = NULL;
}

/* Make of each column what is told of it. */
static void
TakeColumns(Publishing *p, Columns *c)
{
	CsLookFinish(p->look);
	OpenColumns(p, c);
	if (p->look->keep_rows)
		FindColumns(p, c);
	else
	{
		EndTeam(p, c);
		c->scratch = CsLookScratch(p->look);
	}
	for (int i = 0; i < p->look->ncolumns; i++)
	{
		CsLookColumn *column = &p->look->columns[i];

		CsDescribeColumn(c->describing, i, c->scratch, c->order[i]);
		if (column != c->value)
			continue;
		c->no_concentration = WhyNoConcentration(p->look, column);
		if (c->no_concentration == NULL)
			CsConcentrationPut(c->concentration, p->look, column);
	}
	if (c->value == NULL)
		c->no_concentration = WhyNoConcentration(p->look, NULL);
}

/* The parts of the columns as they are, whatever the segments. */
static void
PutLookParts(Publishing *p, Columns *c)
{
	CsResult   *correlations = CsResultOfFunction("correlations"),
			   *missing = CsResultOfFunction("missing_patterns");

	if (c->correlated != NULL)
		CsCorrelationsPut(correlations, c->correlated, c->correlations, NULL);
	PutRows(p, "correlation", correlations, c->correlated != NULL ? "there are no two columns of numbers" :
			no_room);
	PutRows(p, "description", CsDescribeEnd(c->describing), "there are no columns");
	PutRows(p, "concentration", c->concentration, c->no_concentration);
	CsMissingPut(missing, p->missing);
	PutRows(p, "missing", missing, "there are no rows");
	CsLookEnd(p->look);
	if (c->arena != NULL)
		CsArenaDestroy(c->arena);
}

/* source_parts(model, source, options, version): part, body, milliseconds, reason */
Datum
custseg_source_parts(PG_FUNCTION_ARGS)
{
	Publishing p = {0};
	Columns		columns = {0};

	if (!CsReportOpen(&p.report, fcinfo, PARTS_SOURCE, PARTS_VERSION))
		return (Datum) 0;
	CsPublishOptionsParse(CsJsonbArgument(fcinfo, PARTS_OPTIONS), &p.options);
	p.hidden = palloc0(sizeof(bool) * Max(p.report.scorer->nsegments, 1));
	BeginParts(&p);
	(void) CsPassRead(p.pass);
	TakeColumns(&p, &columns);
	CsPortraitEnd(p.portraying);
	HideSegments(&p);
	INSTR_TIME_SET_CURRENT(p.start);
	PutHidden(&p);
	PutCounts(&p);
	PutPortraitParts(&p);
	PutDistributions(&p);
	CsReportsEnd(p.quality);
	PutRows(&p, "quality", p.quality_rows, NULL);
	PutSampleParts(&p);
	PutLookParts(&p, &columns);
	AttemptParts(&p);
	return (Datum) 0;
}
