/*
 * time.c
 *	  Features that are times: numbers of days, read from what people write.
 */
#include "custseg.h"

#include "prep/prep.h"
#include "utils/builtins.h"
#include "utils/date.h"

/* Is the feature a duration, rather than a point in time? */
bool
CsIsInterval(const CsFeature *f)
{
	return f->kind == CS_TIME && strncmp(NameStr(f->type), "interval", strlen("interval")) == 0;
}

/*
 * The raw value of a time that is written as text, read as the type that the model was trained on.
 */
double
CsFeatureTime(const CsFeature *f, const char *text, int length)
{
	char	   *copy = pnstrdup(text, length);
	const char *type = NameStr(f->type);
	Datum		input = CStringGetDatum(copy);
	Datum		any_type = ObjectIdGetDatum(InvalidOid);
	Datum		no_typmod = Int32GetDatum(-1);
	CsConverter converter;
	double		days;

	if (CsIsInterval(f))
	{
		CsConverterInit(&converter, INTERVALOID);
		days = converter.to_double(&converter, DirectFunctionCall3(interval_in, input, any_type,
																   no_typmod));
	}
	else if (strcmp(type, "date") == 0)
	{
		CsConverterInit(&converter, DATEOID);
		days = converter.to_double(&converter, DirectFunctionCall1(date_in, input));
	}
	else if (strstr(type, "with time zone") != NULL)
	{
		CsConverterInit(&converter, TIMESTAMPTZOID);
		days = converter.to_double(&converter, DirectFunctionCall3(timestamptz_in, input, any_type,
																   no_typmod));
	}
	else
	{
		CsConverterInit(&converter, TIMESTAMPOID);
		days = converter.to_double(&converter, DirectFunctionCall3(timestamp_in, input, any_type,
																   no_typmod));
	}
	pfree(copy);
	return days;
}
