/*
 * json.c
 *	  Json between C and SQL.
 */
#include "custseg.h"

#include "call/call.h"
#include "utils/fmgrprotos.h"

/* See call.h. */
Jsonb *
CsJsonbFromText(const char *json)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json)));
}
