/*
 * vector.c
 *	  Vectors, such as embeddings of customers: arrays of numbers of one width, element by element.
 *
 * Arrays of float4 and float8 are vectors, and so is every type that has a cast to real[] by a
 * function, as the type "vector" of pgvector has.  Arrays of other numbers are lists more often than
 * not, and can be cast by who knows better.  Only arrays of one dimension count; NULL elements are
 * missing values like any other.
 */
#include "custseg.h"

#include <math.h>

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "data/relation.h"
#include "parser/parse_coerce.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

/*
 * Describe a type of vectors.  Returns false when the type, a domain by the type it is over, is not
 * one.
 */
bool
CsVectorTypeInit(CsVectorType *v, Oid type)
{
	Oid			base = getBaseType(type);
	Oid			element = get_element_type(base);

	memset(v, 0, sizeof(*v));
	v->type = type;
	v->array_type = base;
	if (!OidIsValid(element))
	{
		/* types that PostgreSQL brings have no such cast, and need not be looked up */
		if (base < FirstNormalObjectId || get_typtype(base) != TYPTYPE_BASE ||
			find_coercion_pathway(FLOAT4ARRAYOID, base, COERCION_EXPLICIT, &v->cast) !=
			COERCION_PATH_FUNC)
			return false;
		v->array_type = FLOAT4ARRAYOID;
		element = FLOAT4OID;
	}
	CsConverterInit(&v->element, element);
	return element == FLOAT4OID || element == FLOAT8OID;
}

/*
 * Cast a vector that is not an array to one, by the function of its type's cast, which may take two
 * further arguments: no typmod, and an explicit cast.  Returns false when the function gives NULL.
 */
bool
CsVectorCast(FmgrInfo *cast, Datum value, Datum *array)
{
	LOCAL_FCINFO(fcinfo, 3);

	InitFunctionCallInfoData(*fcinfo, cast, cast->fn_nargs, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = value;
	fcinfo->args[1].value = Int32GetDatum(-1);
	fcinfo->args[2].value = BoolGetDatum(true);
	for (int i = 0; i < 3; i++)
		fcinfo->args[i].isnull = false;
	*array = FunctionCallInvoke(fcinfo);
	return !fcinfo->isnull;
}

/*
 * The elements of an array, which is a vector as it was read or cast: one number each, NaN for
 * NULL.  An array of another width or of several dimensions gives infinite elements, so that its
 * row cannot be placed.
 */
void
CsVectorRead(const CsVectorType *v, Datum array, int width, double *elements)
{
	ArrayType  *a = DatumGetArrayTypeP(array);

	if (ARR_NDIM(a) != 1 || ARR_DIMS(a)[0] != width)
	{
		for (int i = 0; i < width; i++)
			elements[i] = INFINITY;
	}
	else if (!ARR_HASNULL(a) && v->element.type == FLOAT8OID)
		memcpy(elements, ARR_DATA_PTR(a), sizeof(float8) * width);
	else if (!ARR_HASNULL(a))
	{
		const float4 *values = (const float4 *) ARR_DATA_PTR(a);

		for (int i = 0; i < width; i++)
			elements[i] = values[i];
	}
	else
	{
		ArrayIterator iterator = array_create_iterator(a, 0, NULL);
		Datum		value;
		bool		is_null;

		for (int i = 0; array_iterate(iterator, &value, &is_null); i++)
			elements[i] = is_null ? NAN : v->element.to_double(&v->element, value);
		array_free_iterator(iterator);
	}
	if ((Pointer) a != DatumGetPointer(array))
		pfree(a);
}

/*
 * Is the name that of an element, as column[3]?  OUT the length of the column's name, and the
 * element's number, from 1.
 */
bool
CsElementName(const char *name, int *length, int *element)
{
	const char *bracket = strrchr(name, '[');
	char	   *end;
	long		number;

	if (bracket == NULL || bracket == name || bracket[1] < '1' || bracket[1] > '9')
		return false;
	number = strtol(bracket + 1, &end, 10);
	if (strcmp(end, "]") != 0 || number > CS_MAX_VECTOR_WIDTH)
		return false;
	*length = (int) (bracket - name);
	*element = (int) number;
	return true;
}

/* Is the name that of an element of this column? */
bool
CsIsElementOf(const char *name, const char *column)
{
	int			length;
	int			element;

	return CsElementName(name, &length, &element) && length == (int) strlen(column) &&
		strncmp(name, column, length) == 0;
}
