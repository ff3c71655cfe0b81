/*
 * outliers.c
 *	  Rows that are far from the others: outliers().
 *
 * Three looks at each row: columns beyond the fences of their box plot (Tukey 1977), columns many standard
 * deviations from the mean, and the Mahalanobis distance of the whole row (Mahalanobis 1936), whose square
 * is chi-square with as many degrees of freedom as columns if the rows are normal.  Of more rows on other servers than fit
 * into memory those are read that are found there to be the farthest (outliers_passes.c).
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "executor/tuptable.h"
#include "explore/explore.h"
#include "math/math.h"
#include "miscadmin.h"
#include "stat/outlier_pass.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

typedef struct OutlierOptions
{
	double		iqr_factor;
	double		z_limit;
	double		significance;
	char	   *id;
	int			limit;
} OutlierOptions;

static const CsOption outlier_options[] = {
	{"iqr_factor", CS_OPTION_REAL, offsetof(OutlierOptions, iqr_factor), 3, 0, HUGE_VAL},
	{"z_limit", CS_OPTION_REAL, offsetof(OutlierOptions, z_limit), 5, 0, HUGE_VAL},
	{"significance", CS_OPTION_REAL, offsetof(OutlierOptions, significance), 0.0001, 0, 1},
	{"id", CS_OPTION_TEXT, offsetof(OutlierOptions, id)},
	{"limit", CS_OPTION_INT, offsetof(OutlierOptions, limit), 1000, 1, 1000000},
};

/* A row that is listed. */
typedef struct Outlier
{
	int64		row;
	CsFarOff	off;
	char	   *id;
} Outlier;

PG_FUNCTION_INFO_V1(custseg_outliers);

/* Fences and deviations of the columns. */
static void
FillLimits(CsLook *look, const OutlierOptions *options, CsOutlierLimits *l)
{
	static const double p[] = {0.25, 0.75};
	double	   *values = palloc_extended(sizeof(double) * Max(look->nrows, 1) * 2, MCXT_ALLOC_HUGE);

	for (int j = 0; j < l->d; j++)
	{
		const CsLookColumn *c = &look->columns[j];
		CsSelection *order;
		double		quartile[lengthof(p)];
		int64		n = 0;

		l->moments[j] = c->moments;
		l->spread[j] = CsMomentsSpread(&c->moments, 1);
		l->low[j] = -HUGE_VAL;
		l->high[j] = HUGE_VAL;
		if (c->n == 0)
			continue;
		for (int64 i = 0; i < look->nrows; i++)
			if (!isnan(c->values[i]))
				values[n++] = c->values[i];
		order = CsSelectionBegin(values, n, values + look->nrows);
		CsSelectQuantiles(order, p, lengthof(p), quartile);
		CsTukeyFences(quartile[0], quartile[1], options->iqr_factor, &l->low[j], &l->high[j]);
		CsSelectionEnd(order);
	}
	pfree(values);
}

/* The law of the complete rows. */
static CsMahalanobis
FitRows(const CsLook *look)
{
	const double **columns = palloc(sizeof(double *) * look->ncolumns);

	for (int j = 0; j < look->ncolumns; j++)
		columns[j] = look->columns[j].values;
	return CsMahalanobisFit(columns, look->ncolumns, look->nrows);
}

/* The columns of the row that are too far out, by fences or by deviations: an array of names. */
static CsValue
FarColumns(const CsLook *look, const CsOutlierLimits *l, int64 row, bool fences)
{
	const char **names = palloc(sizeof(char *) * Max(l->d, 1));
	int			n = 0;

	for (int j = 0; j < l->d; j++)
	{
		double		x = look->columns[j].values[row];

		if (fences ? x < l->low[j] || x > l->high[j] : CsOutlierDeviations(l, j, x) > l->z_limit)
			names[n++] = NameStr(look->columns[j].column.name);
	}
	return CsValueTexts(names, n);
}

/* The farthest first: by distance, those without one by their largest deviation; then as they came. */
static int
CompareOutliers(const void *a, const void *b)
{
	const Outlier *x = a;
	const Outlier *y = b;
	double		fx = CsOutlierDistance(&x->off),
				fy = CsOutlierDistance(&y->off);

	if (fx != fy)
		return fx > fy ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

/* In the order of the rows, to give them their ids. */
static int
CompareRows(const void *a, const void *b)
{
	const Outlier *x = *(const Outlier *const *) a;
	const Outlier *y = *(const Outlier *const *) b;

	return x->row < y->row ? -1 : x->row > y->row;
}

/* Give the listed rows their ids. */
static void
FillIds(CsLook *look, Outlier *outliers, int n)
{
	Outlier   **order = palloc(sizeof(Outlier *) * Max(n, 1));
	TupleDesc	desc = CreateTemplateTupleDesc(1);
	TupleTableSlot *slot;
	int64		row = 0;
	int			at = 0;

	if (look->ids == NULL)
		return;
	TupleDescInitEntry(desc, 1, "id", TEXTOID, -1, 0);
	slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	for (int i = 0; i < n; i++)
		order[i] = &outliers[i];
	qsort(order, n, sizeof(Outlier *), CompareRows);
	tuplestore_rescan(look->ids);
	for (; at < n && tuplestore_gettupleslot(look->ids, true, false, slot); row++)
	{
		bool		isnull;
		Datum		value;

		CsCheckInterrupts(row);
		if (order[at]->row != row)
			continue;
		value = slot_getattr(slot, 1, &isnull);
		order[at++]->id = isnull ? NULL : TextDatumGetCString(value);
	}
	ExecDropSingleTupleTableSlot(slot);
}

/* Put a line; of rows that were found on other servers nothing tells where in the source they are. */
static void
PutOutlier(CsResult *result, const CsLook *look, const CsOutlierLimits *l, bool is_elsewhere, const Outlier *o)
{
	CsResultPut(result, CsValues(CsValueText(o->id),
								 is_elsewhere ? CsValueNull(INT8OID) : CsValueInt8(o->row + 1),
								 FarColumns(look, l, o->row, true),
								 FarColumns(look, l, o->row, false),
								 CsValueFloat8(o->off.z),
								 CsValueFloat8(sqrt(o->off.squared)),
								 CsValueFloat8(o->off.p)));
}

/* Keep the farthest of n outliers, so many at most; returns how many are left, the farthest first. */
static int64
KeepFarthest(Outlier *outliers, int64 n, int64 most)
{
	qsort(outliers, n, sizeof(Outlier), CompareOutliers);
	return Min(n, most);
}

/* The outliers that are shown, the farthest first, *n of them; palloc'd.  No more than twice as many are held. */
static Outlier *
FindOutliers(CsLook *look, const CsOutlierLimits *l, int64 limit, int64 *n)
{
	int64		most = 2 * limit,
				capacity = Min(most, 1024);
	Outlier    *outliers = palloc(sizeof(Outlier) * capacity);
	double	   *row = palloc(sizeof(double) * l->d);

	*n = 0;
	for (int64 i = 0; i < look->nrows; i++)
	{
		CsCheckInterrupts(i);
		if (*n == most)
			*n = KeepFarthest(outliers, *n, limit);
		if (*n == capacity)
		{
			capacity = Min(capacity * 2, most);
			outliers = repalloc(outliers, sizeof(Outlier) * capacity);
		}
		for (int j = 0; j < l->d; j++)
			row[j] = look->columns[j].values[i];
		outliers[*n].id = NULL;
		outliers[*n].row = i;
		*n += CsIsOutlier(l, row, &outliers[*n].off);
	}
	*n = KeepFarthest(outliers, *n, limit);
	return outliers;
}

/* The columns that name the rows: as asked, or a primary key; or NIL. */
static List *
IdColumns(const CsLook *look, const OutlierOptions *options)
{
	char	   *name = options->id != NULL ? options->id : CsRelationDefaultId(look->relation);

	return name == NULL ? NIL : CsRelationIdColumns(look->relation, name, false);
}

/* Leave the id out of the columns that nobody named. */
static void
DropId(CsLook *look)
{
	int			to = 0;

	for (int i = 0; i < look->ncolumns; i++)
	{
		bool		is_id = false;
		ListCell   *cell;

		foreach(cell, look->id)
			is_id |= look->columns[i].column.attnum == ((const CsColumn *) lfirst(cell))->attnum;
		if (!is_id)
			memmove(&look->columns[to++], &look->columns[i], sizeof(CsLookColumn));
	}
	look->ncolumns = to;
}

/* outliers(source, columns, options) */
Datum
custseg_outliers(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);
	OutlierOptions options = {0};
	CsLook	   *look;
	CsOutlierLimits l;
	Outlier    *outliers;
	bool		is_elsewhere;
	int64		n;

	CsOptionsArgument(fcinfo, LOOK_OPTIONS, outlier_options, lengthof(outlier_options), &options);
	look = CsLookOpen(CsRelationOpen(CsRequiredText(fcinfo, LOOK_SOURCE, "source")),
					  CsArrayArgument(fcinfo, LOOK_COLUMNS), true);
	look->id = IdColumns(look, &options);
	if (PG_ARGISNULL(LOOK_COLUMNS))
		DropId(look);
	if (look->ncolumns == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s has no column of numbers", look->relation->description),
				 errhint("Outliers are computed from numbers, booleans, dates and times.")));
	look->keep_rows = true;
	l = CsOutlierLimitsMake(look->ncolumns, options.z_limit, options.significance);
	is_elsewhere = CsOutliersByPasses(look, options.iqr_factor, options.limit, &l);
	CsLookRead(look);
	if (!is_elsewhere)
	{
		FillLimits(look, &options, &l);
		l.law = FitRows(look);
	}
	if (l.law.inverse == NULL)
		ereport(NOTICE,
				(errmsg("there is no Mahalanobis distance: the covariance matrix of the columns is singular"),
				 errhint("Leave out columns that do not vary, or that follow from others.")));
	outliers = FindOutliers(look, &l, options.limit, &n);
	FillIds(look, outliers, (int) n);
	for (int64 i = 0; i < n; i++)
		PutOutlier(result, look, &l, is_elsewhere, &outliers[i]);
	CsLookEnd(look);
	return (Datum) 0;
}
