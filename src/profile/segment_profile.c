/*
 * segment_profile.c
 *	  How segments differ, column by column: segment_profile(), boxplot(), radar(), heatmap().
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "miscadmin.h"
#include "profile/profile.h"
#include "utils/memutils.h"

/* Most levels of a category that are shown one by one. */
#define MAX_LEVELS 10000

/* As many as are shown, and as many as are drawn, unless others are asked for. */
#define PROFILE_LEVELS 20
#define DRAWN_LEVELS 5

typedef struct ProfileOptions
{
	int			levels;
	bool		only_features;
} ProfileOptions;

static const CsOption profileOptions[] = {
	{"levels", CS_OPTION_INT, offsetof(ProfileOptions, levels), PROFILE_LEVELS, 1, MAX_LEVELS},
	{"only_features", CS_OPTION_BOOL, offsetof(ProfileOptions, only_features), 0}
};

typedef enum RadarScale
{
	RADAR_MIN_MAX,
	RADAR_PERCENTILE
} RadarScale;

static const char *const radarScales[] = {"minmax", "percentile", NULL};

typedef struct RadarOptions
{
	int			scale;
	int			levels;
} RadarOptions;

static const CsOption radarOptions[] = {
	{"scale", CS_OPTION_CHOICE, offsetof(RadarOptions, scale), RADAR_MIN_MAX, 0, 0, radarScales},
	{"levels", CS_OPTION_INT, offsetof(RadarOptions, levels), DRAWN_LEVELS, 1, MAX_LEVELS}
};

PG_FUNCTION_INFO_V1(custseg_segment_profile);
PG_FUNCTION_INFO_V1(custseg_boxplot);
PG_FUNCTION_INFO_V1(custseg_radar);
PG_FUNCTION_INFO_V1(custseg_heatmap);

/* The same column, but NULL. */
static CsValue
SqlNothing(CsValue argument)
{
	argument.isnull = true;
	return argument;
}

/* The columns that every row begins with. */
static int
PutColumn(const CsPortrait *portrait, const CsPortraitColumn *c, int group, CsValue *row)
{
	int			i = 0;

	row[i++] = CsPortraitSegment(portrait, group);
	row[i++] = CsPortraitName(portrait, group);
	row[i++] = CsValueText(NameStr(c->column.name));
	return i;
}

/* Where a column stands among what defines a group. */
typedef struct ColumnRank
{
	int			rank;			/* 0: nowhere */
	int			level;			/* that it stands at; -1: a number */
} ColumnRank;

/* The ranks of all columns in a group, palloc'd; none among all customers. */
static ColumnRank *
RankColumns(const CsPortrait *portrait, int group)
{
	ColumnRank *ranks = palloc0(sizeof(ColumnRank) * Max(portrait->ncolumns, 1));
	CsDefining *ranking;
	int			n = group == portrait->ngroups ? 0 :
		CsPortraitRanking(portrait, group, &ranking);

	for (int i = 0; i < n; i++)
		ranks[ranking[i].column] = (ColumnRank) {i + 1, ranking[i].level};
	return ranks;
}

/* The ratio of two means or shares that are not negative; NaN when it is not defined. */
static double
RatioOf(const CsPortraitColumn *c, double value, double overall)
{
	return overall > 0 && value >= 0 && c->column.converter.kind != CS_TIME ? value / overall : NAN;
}

/* What segment_profile() says of numbers, all NULL for a level: s is NULL. */
static int
PutSummary(const CsNumberSummary *s, CsValue *row)
{
	static const CsNumberSummary none = {0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 0, NAN};
	int			i = 0;

	if (s == NULL)
		s = &none;
	row[i++] = CsValueFloat8(s->mean);
	row[i++] = CsValueFloat8(s->median);
	row[i++] = CsValueFloat8(s->sd);
	row[i++] = CsValueFloat8(s->minimum);
	row[i++] = CsValueFloat8(s->first_quartile);
	row[i++] = CsValueFloat8(s->third_quartile);
	row[i++] = CsValueFloat8(s->maximum);
	row[i++] = CsValueFloat8(s->position);
	return i;
}

/* A row of segment_profile(): a column in a group, or one level of it. */
static void
PutProfile(CsResult *result, const CsPortrait *portrait, int group, int column, int level, int rank)
{
	const CsPortraitColumn *c = &portrait->columns[column];
	const CsPortraitLevel *l = level < 0 ? NULL : &c->levels[level];
	int			all = portrait->ngroups;
	double		share = l == NULL ? NAN : CsPortraitShare(l->rows[group], portrait->rows[group]);
	double		value = l == NULL ? c->summaries[group].mean : share;
	double		overall = l == NULL ? c->summaries[all].mean :
		CsPortraitShare(l->rows[all], portrait->rows[all]);
	CsValue		row[21];
	int			i = PutColumn(portrait, c, group, row);

	row[i++] = CsValueText(CsKindName(c->column.converter.kind));
	row[i++] = CsValueBool(c->feature >= 0);
	row[i++] = CsValueText(l == NULL ? NULL : CsPortraitLevelText(l));
	row[i++] = CsValueInt8(portrait->rows[group]);
	row[i++] = CsValueFloat8(CsPortraitShare(c->missing[group], portrait->rows[group]));
	row[i++] = CsValueFloat8(share);
	i += PutSummary(l == NULL ? &c->summaries[group] : NULL, row + i);
	row[i++] = CsValueFloat8(overall);
	row[i++] = CsValueFloat8(group == all ? NAN :
						   CsPortraitDifference(portrait, column, level, group));
	row[i++] = CsValueFloat8(group == all ? NAN : RatioOf(c, value, overall));
	row[i] = CsValueInt4(rank);
	if (rank == 0)
		row[i] = SqlNothing(row[i]);
	CsResultPut(result, row, i + 1);
}

/* The rows of segment_profile() for a group; what they take is given back. */
static void
PutGroup(CsResult *result, const CsPortrait *portrait, int group)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "custseg profile rows",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	const ColumnRank *ranks = RankColumns(portrait, group);

	for (int i = 0; i < portrait->ncolumns; i++)
	{
		bool		is_category = CsIsCategory(&portrait->columns[i]);
		int			nrows = is_category ? portrait->columns[i].nlevels : 1;

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < nrows; j++)
		{
			int			level = is_category ? j : -1;

			PutProfile(result, portrait, group, i, level,
					   ranks[i].level == level ? ranks[i].rank : 0);
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* The rows of segment_profile(). */
static void
PutProfiles(CsResult *result, const CsPortrait *portrait)
{
	for (int g = 0; g <= portrait->ngroups; g++)
		PutGroup(result, portrait, g);
}

/*
 * segment_profile(model, source, columns, options, version): one row for each segment and column or
 * level
 */
Datum
custseg_segment_profile(PG_FUNCTION_ARGS)
{
	CsReport	report;
	ProfileOptions options;
	CsPortraitRequest request = {0};

	if (!CsReportOpen(&report, fcinfo, PORTRAIT_SOURCE, PORTRAIT_VERSION))
		return (Datum) 0;
	CsOptionsArgument(fcinfo, PORTRAIT_OPTIONS, profileOptions, lengthof(profileOptions), &options);
	request.columns = CsArrayArgument(fcinfo, PORTRAIT_COLUMNS);
	request.only_features = options.only_features;
	request.levels = options.levels;
	PutProfiles(report.result, CsPortraitTake(&report, &request));
	return (Datum) 0;
}

const CsPortraitKind CsProfileKind = {"segment_profile", {.levels = PROFILE_LEVELS}, PutProfiles};

/* The arguments of boxplot() and heatmap(). */
enum
{
	BOXPLOT_MODEL, BOXPLOT_SOURCE, BOXPLOT_COLUMNS, BOXPLOT_VERSION
};

/* The rows of boxplot(). */
static void
PutBoxes(CsResult *result, const CsPortrait *portrait)
{
	for (int g = 0; g <= portrait->ngroups; g++)
	{
		for (int column = 0; column < portrait->ncolumns; column++)
		{
			const CsNumberSummary *s = &portrait->columns[column].summaries[g];
			CsValue		row[13];
			int			i = PutColumn(portrait, &portrait->columns[column], g, row);

			row[i++] = CsValueInt8(s->n);
			row[i++] = CsValueFloat8(s->minimum);
			row[i++] = CsValueFloat8(s->low_whisker);
			row[i++] = CsValueFloat8(s->first_quartile);
			row[i++] = CsValueFloat8(s->median);
			row[i++] = CsValueFloat8(s->third_quartile);
			row[i++] = CsValueFloat8(s->high_whisker);
			row[i++] = CsValueFloat8(s->maximum);
			row[i++] = CsValueFloat8(s->mean);
			row[i++] = CsValueInt8(s->n_outliers);
			CsResultPut(result, row, i);
		}
	}
}

const CsPortraitKind CsBoxplotKind = {
	"boxplot", {.only_features = true, .only_numbers = true, .levels = 1}, PutBoxes
};

/* boxplot(model, source, columns, version): one row for each segment and number */
Datum
custseg_boxplot(PG_FUNCTION_ARGS)
{
	CsReport	report;
	CsPortraitRequest request = CsBoxplotKind.request;

	if (!CsReportOpen(&report, fcinfo, BOXPLOT_SOURCE, BOXPLOT_VERSION))
		return (Datum) 0;
	request.columns = CsArrayArgument(fcinfo, BOXPLOT_COLUMNS);
	PutBoxes(report.result, CsPortraitTake(&report, &request));
	return (Datum) 0;
}

/* The mean of a number in a segment, or the share of a level. */
static double
AxisValue(const CsPortrait *portrait, int column, int level, int group)
{
	const CsPortraitColumn *c = &portrait->columns[column];

	return level < 0 ? c->summaries[group].mean :
		CsPortraitShare(c->levels[level].rows[group], portrait->rows[group]);
}

/* The rows of radar() for one axis, the last of all customers, whose mean lies between those of the segments. */
static void
PutAxis(CsResult *result, const CsPortrait *portrait, RadarScale scale, int column, int level)
{
	const CsPortraitColumn *c = &portrait->columns[column];
	bool		is_share = level >= 0 || c->column.converter.kind == CS_BOOLEAN;
	double		lowest = INFINITY,
				highest = -INFINITY;

	for (int g = 0; g < portrait->ngroups; g++)
	{
		double		value = AxisValue(portrait, column, level, g);

		if (portrait->hidden != NULL && portrait->hidden[g])
			continue;
		lowest = fmin(lowest, value);
		highest = fmax(highest, value);
	}
	for (int g = 0; g <= portrait->ngroups; g++)
	{
		double		value = AxisValue(portrait, column, level, g);
		CsValue		row[6];
		int			i = PutColumn(portrait, c, g, row);

		row[i++] = CsValueText(level < 0 ? NULL : CsPortraitLevelText(&c->levels[level]));
		row[i++] = CsValueFloat8(value);
		if (scale == RADAR_PERCENTILE)
			row[i++] = CsValueFloat8(is_share ? value : c->summaries[g].position);
		else
			row[i++] = CsValueFloat8(isnan(value) ? NAN : highest == lowest ? 0.5 :
								   (value - lowest) / (highest - lowest));
		CsResultPut(result, row, i);
	}
}

/* The rows of radar() on a scale. */
static void
PutAxes(CsResult *result, const CsPortrait *portrait, RadarScale scale)
{
	for (int i = 0; i < portrait->ncolumns; i++)
	{
		if (CsIsCategory(&portrait->columns[i]))
		{
			for (int level = 0; level < portrait->columns[i].nlevels; level++)
				PutAxis(result, portrait, scale, i, level);
		}
		else
			PutAxis(result, portrait, scale, i, -1);
	}
}

/* The rows of radar() on its usual scale. */
static void
PutRadar(CsResult *result, const CsPortrait *portrait)
{
	PutAxes(result, portrait, RADAR_MIN_MAX);
}

const CsPortraitKind CsRadarKind = {"radar", {.only_features = true, .levels = DRAWN_LEVELS}, PutRadar};

/* radar(model, source, columns, options, version): one row for each column or level, and segment */
Datum
custseg_radar(PG_FUNCTION_ARGS)
{
	CsReport	report;
	RadarOptions options;
	CsPortraitRequest request = CsRadarKind.request;

	if (!CsReportOpen(&report, fcinfo, PORTRAIT_SOURCE, PORTRAIT_VERSION))
		return (Datum) 0;
	CsOptionsArgument(fcinfo, PORTRAIT_OPTIONS, radarOptions, lengthof(radarOptions), &options);
	request.columns = CsArrayArgument(fcinfo, PORTRAIT_COLUMNS);
	request.levels = options.levels;
	PutAxes(report.result, CsPortraitTake(&report, &request), options.scale);
	return (Datum) 0;
}

/* The row of heatmap() for a column, or a level of it, in a segment. */
static void
PutCell(CsResult *result, const CsPortrait *portrait, int column, int level, int group)
{
	const CsPortraitColumn *c = &portrait->columns[column];
	CsValue		row[7];
	int			i = PutColumn(portrait, c, group, row);

	row[i++] = CsValueText(level < 0 ? NULL : CsPortraitLevelText(&c->levels[level]));
	row[i++] = CsValueFloat8(AxisValue(portrait, column, level, group));
	row[i++] = CsValueFloat8(AxisValue(portrait, column, level, portrait->ngroups));
	row[i++] = CsValueFloat8(CsPortraitDifference(portrait, column, level, group));
	CsResultPut(result, row, i);
}

/* The rows of heatmap(). */
static void
PutHeatmap(CsResult *result, const CsPortrait *portrait)
{
	for (int g = 0; g < portrait->ngroups; g++)
	{
		for (int i = 0; i < portrait->ncolumns; i++)
		{
			if (!CsIsCategory(&portrait->columns[i]))
				PutCell(result, portrait, i, -1, g);
			for (int level = 0; level < portrait->columns[i].nlevels; level++)
				PutCell(result, portrait, i, level, g);
		}
	}
}

const CsPortraitKind CsHeatmapKind = {"heatmap", {.only_features = true, .levels = DRAWN_LEVELS}, PutHeatmap};

/* heatmap(model, source, columns, version): one row for each segment and column or level */
Datum
custseg_heatmap(PG_FUNCTION_ARGS)
{
	CsReport	report;
	CsPortraitRequest request = CsHeatmapKind.request;

	if (!CsReportOpen(&report, fcinfo, BOXPLOT_SOURCE, BOXPLOT_VERSION))
		return (Datum) 0;
	request.columns = CsArrayArgument(fcinfo, BOXPLOT_COLUMNS);
	PutHeatmap(report.result, CsPortraitTake(&report, &request));
	return (Datum) 0;
}
