/*
 * points.c
 *	  The points that a version is scored by, which may be very many: read from the arrays of the catalogue, and made
 *	  such arrays.
 *
 * In the json of a definition they are parameters like others.  The catalogue has them beside that json, as numbers
 * that are stored and read as they are (CsStoredParameters).  Only the owner of the tables writes them, but a dump may
 * have been changed by hand: they are checked as json is.
 */
#include "custseg.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "score/score.h"
#include "utils/builtins.h"

/* The array that a parameter is stored as; NULL: it is in the json. */
const ArrayType *
CsPointsStored(const CsParameterInfo *info, const CsStoredParameters *stored)
{
	if (stored == NULL || !info->is_points)
		return NULL;
	return info->kind == CS_PARAMETER_LABELS ? stored->point_segments : stored->points;
}

/* How many points, or segments of them, an array has, and how many numbers each; an error when it is none of those. */
void
CsPointsShape(const CsParameterInfo *info, const ArrayType *array, int32 *rows, int32 *columns)
{
	bool		is_segments = info->kind == CS_PARAMETER_LABELS;

	if (ARR_HASNULL(array) || ARR_ELEMTYPE(array) != (is_segments ? INT4OID : FLOAT8OID) ||
		(ARR_NDIM(array) != 0 && ARR_NDIM(array) != (is_segments ? 1 : 2)))
		CsInvalidParameters("\"%s\" is stored as an array of another form.", info->name);
	*rows = ARR_NDIM(array) == 0 ? 0 : ARR_DIMS(array)[0];
	*columns = is_segments ? 1 : *rows == 0 ? 0 : ARR_DIMS(array)[1];
}

/* Copy n numbers; returns whether all are finite. */
CS_CLONES static bool
CopyFinite(const double *numbers, Size n, double *copy)
{
	double		sum = 0;

	for (Size i = 0; i < n; i++)
		copy[i] = numbers[i];
	/* of a number that is not finite the difference is NaN, else 0 */
	for (Size i = 0; i < n; i++)
		sum += numbers[i] - numbers[i];
	return sum == 0;
}

/* Read the n numbers of an array that has that shape; labels are segments' numbers. */
void
CsPointsRead(const CsParameterInfo *info, const ArrayType *array, Size n, double *values)
{
	const int32 *segments = (const int32 *) ARR_DATA_PTR(array);

	if (info->kind != CS_PARAMETER_LABELS)
	{
		if (!CopyFinite((const double *) ARR_DATA_PTR(array), n, values))
			CsInvalidParameters("\"%s\" has a number that is not finite.", info->name);
		return;
	}
	for (Size i = 0; i < n; i++)
		values[i] = segments[i];
}

/*
 * The places of n points as they are stored, and OUT how many there are; NULL where there are none, or where they are
 * not places of so many points.
 */
const int32 *
CsPointsPlaces(const CsStoredParameters *stored, int32 n, int32 *nplaces)
{
	const ArrayType *array = stored == NULL ? NULL : stored->point_places;
	const int32 *places;
	bool	   *seen;
	int32		found = 0;

	if (array == NULL || ARR_HASNULL(array) || ARR_ELEMTYPE(array) != INT4OID || ARR_NDIM(array) != 1)
		return NULL;
	places = (const int32 *) ARR_DATA_PTR(array);
	*nplaces = ARR_DIMS(array)[0];
	seen = palloc0(Max(n, 1));
	for (int32 i = 0; i < *nplaces; i++)
	{
		CsCheckInterrupts(i);
		if (places[i] == -1)
			continue;
		if (places[i] < 0 || places[i] >= n || seen[places[i]])
			return NULL;
		seen[places[i]] = true;
		found++;
	}
	pfree(seen);
	return found == n ? places : NULL;
}

/* An array of so many dimensions, which has no NULLs; its elements are the caller's to fill. */
static ArrayType *
MakeArray(Oid type, Size size, int ndim, int32 rows, int32 columns)
{
	Size		bytes = add_size(ARR_OVERHEAD_NONULLS(ndim), mul_size(size, mul_size(rows, columns)));
	ArrayType  *array;

	if (rows == 0)
		return construct_empty_array(type);
	array = palloc(bytes);
	SET_VARSIZE(array, bytes);
	array->ndim = ndim;
	array->dataoffset = 0;
	array->elemtype = type;
	ARR_DIMS(array)[0] = rows;
	ARR_LBOUND(array)[0] = 1;
	if (ndim == 2)
	{
		ARR_DIMS(array)[1] = columns;
		ARR_LBOUND(array)[1] = 1;
	}
	return array;
}

/* Make a parameter an array to be stored, if it is one of those; "number" tells what a label stands for. */
void
CsPointsTake(CsStoredParameters *stored, const CsParameterInfo *info, const CsParameter *p, const int *number)
{
	int32	   *segments;

	Assert(info->is_points);
	if (info->kind != CS_PARAMETER_LABELS)
	{
		stored->points = MakeArray(FLOAT8OID, sizeof(float8), 2, p->rows, p->columns);
		if (p->rows > 0)
			memcpy(ARR_DATA_PTR(stored->points), p->values, sizeof(float8) * p->rows * p->columns);
		return;
	}
	stored->point_segments = MakeArray(INT4OID, sizeof(int32), 1, p->rows, 1);
	segments = (int32 *) ARR_DATA_PTR(stored->point_segments);
	for (int32 i = 0; i < p->rows; i++)
		segments[i] = number[(int) p->values[i]];
}

/* Places as an array to be stored; NULL for NULL. */
ArrayType *
CsPointsPlacesArray(const int32 *places, int32 n)
{
	ArrayType  *array;

	if (places == NULL || n == 0)
		return NULL;
	array = MakeArray(INT4OID, sizeof(int32), 1, n, 1);
	memcpy(ARR_DATA_PTR(array), places, sizeof(int32) * n);
	return array;
}
