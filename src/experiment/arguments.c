/*
 * arguments.c
 *	  Arguments of the functions of experiments: numbers within bounds, and counts of two arms.
 */
#include "custseg.h"

#include <math.h>

#include "experiment/experiment.h"
#include "utils/float.h"

static bool
IsOfKind(double x, CsNumberKind kind)
{
	switch (kind)
	{
		case CS_NUMBER_FINITE:
			return isfinite(x);
		case CS_NUMBER_NOT_NEGATIVE:
			return isfinite(x) && x >= 0;
		case CS_NUMBER_POSITIVE:
			return isfinite(x) && x > 0;
		case CS_NUMBER_SHARE:
			return x >= 0 && x <= 1;
		case CS_NUMBER_PROBABILITY:
			return x > 0 && x < 1;
	}
	return false;
}

/* A number, which must be of that kind; the error calls it "name". */
double
CsCheckNumber(double x, const char *name, CsNumberKind kind)
{
	static const char *const words[] = {
		"a finite number", "finite and not negative", "finite and above 0", "from 0 to 1",
		"between 0 and 1, both left out"
	};

	if (!IsOfKind(x, kind))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be %s", name, words[kind]),
				 errdetail("It is %s.", float8out_internal(x))));
	return x;
}

/* An argument of type float8, which is not NULL. */
double
CsNumberArgument(FunctionCallInfo fcinfo, int argument, const char *name, CsNumberKind kind)
{
	return CsCheckNumber(PG_GETARG_FLOAT8(argument), name, kind);
}

/* An argument of type float8; "otherwise" for NULL. */
double
CsNumberOr(FunctionCallInfo fcinfo, int argument, const char *name, CsNumberKind kind, double otherwise)
{
	return PG_ARGISNULL(argument) ? otherwise : CsNumberArgument(fcinfo, argument, name, kind);
}

/* An argument that counts something, from 1 to a limit; "otherwise" for NULL. */
int
CsCountOr(FunctionCallInfo fcinfo, int argument, const char *name, int most, int otherwise)
{
	int			n = CsIntArgument(fcinfo, argument, otherwise);

	if (n < 1 || n > most)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be from 1 to %d", name, most),
				 errdetail("It is %d.", n)));
	return n;
}

/* An argument of type float8[], which is not NULL, palloc'd: NaN for elements that are NULL.  OUT n. */
double *
CsNumbersArgument(FunctionCallInfo fcinfo, int argument, const char *name, CsNumberKind kind, int *n)
{
	Datum	   *elements;
	bool	   *nulls;
	double	   *numbers;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argument), FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &elements, &nulls, n);
	numbers = palloc(sizeof(double) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		numbers[i] = nulls[i] ? NAN :
			CsCheckNumber(DatumGetFloat8(elements[i]), psprintf("%s[%d]", name, i + 1), kind);
	return numbers;
}

/* An argument of type bigint, which is not NULL: 0 or more. */
int64
CsCountArgument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	int64		n = PG_GETARG_INT64(argument);

	if (n < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must not be negative", name),
				 errdetail("It is %lld.", (long long) n)));
	return n;
}

/* Four arguments from that one on: successes and customers of the control, and of the treatment. */
CsProportions
CsProportionsArguments(FunctionCallInfo fcinfo, int argument)
{
	static const char *const names[CS_ARMS] = {"control", "treatment"};
	CsProportions p;

	for (int a = 0; a < CS_ARMS; a++)
	{
		p.successes[a] = CsCountArgument(fcinfo, argument + 2 * a, psprintf("successes_%s", names[a]));
		p.n[a] = CsCountArgument(fcinfo, argument + 2 * a + 1, psprintf("n_%s", names[a]));
		if (p.successes[a] > p.n[a])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"successes_%s\" must not exceed \"n_%s\"", names[a], names[a]),
					 errdetail("%lld of %lld are too many.", (long long) p.successes[a], (long long) p.n[a])));
	}
	return p;
}
