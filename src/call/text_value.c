/*
 * text_value.c
 *	  Texts that are read as values of a type, such as options that are intervals.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "call/text_value.h"
#include "utils/fmgrprotos.h"

/* A text that is to be read by a type's input function. */
typedef struct Reading
{
	PGFunction	input;
	const char *text;
	Datum		value;
} Reading;

/* Read it, or raise an error. */
static void
Read(void *argument)
{
	Reading    *r = argument;

	r->value = DirectFunctionCall3(r->input, CStringGetDatum(r->text), ObjectIdGetDatum(InvalidOid),
								   Int32GetDatum(-1));
}

/* Read a text by a type's input function; false when it is no value of the type. */
bool
CsTextRead(PGFunction input, const char *text, Datum *value)
{
	Reading		r = {input, text};
	ResourceOwner owner;
	bool		is_read = CsTry(Read, &r, CsIsDataException, &owner);

	CsTryEnd(owner);
	*value = r.value;
	return is_read;
}

/* Is a text a bare number, which PostgreSQL reads as so many seconds?  0 needs no unit. */
static bool
LacksUnit(const char *text)
{
	char	   *end;
	double		x = strtod(text, &end);

	return end != text && end[strspn(end, " \t\n")] == '\0' && isfinite(x) && x != 0;
}

/* An option that is an interval, palloc'd; an error that names it when its text is none, or lacks the unit. */
Interval *
CsIntervalOption(const char *option, const char *text, const char *example)
{
	Datum		value;

	if (LacksUnit(text) || !CsTextRead(interval_in, text, &value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be an interval", option),
				 errdetail("Got \"%s\".", text),
				 errhint("Write it like \"%s\".", example)));
	return DatumGetIntervalP(value);
}

/* An option that is a point in time; an error that names it when its text is none. */
TimestampTz
CsTimeOption(const char *option, const char *text)
{
	Datum		value;

	if (!CsTextRead(timestamptz_in, text, &value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be a date or a time", option),
				 errdetail("Got \"%s\".", text),
				 errhint("Write it like \"2024-12-31\".")));
	return DatumGetTimestampTz(value);
}
