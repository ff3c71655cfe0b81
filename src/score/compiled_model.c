/*
 * compiled_model.c
 *	  The SQL type custseg.compiled_model: a scorer as text, in binary and as json.
 *
 * All three are the json that scorer.c reads and writes, so a literal, a dump and a message of any
 * client go through the same checks.
 */
#include "custseg.h"

#include "libpq/pqformat.h"
#include "score/score.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(custseg_compiled_model_in);
PG_FUNCTION_INFO_V1(custseg_compiled_model_out);
PG_FUNCTION_INFO_V1(custseg_compiled_model_recv);
PG_FUNCTION_INFO_V1(custseg_compiled_model_send);
PG_FUNCTION_INFO_V1(custseg_compiled_model_to_jsonb);

/* Compile a json text. */
static CsScorer *
ParseScorer(char *text)
{
	CsScorer   *scorer = CsScorerFromJsonb(DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
																				  CStringGetDatum(text))));

	CsScorerSeal(scorer);
	return scorer;
}

/* The json text of a scorer. */
static char *
PrintScorer(const CsScorer *scorer)
{
	Jsonb	   *json = CsScorerToJsonb(scorer);

	return JsonbToCString(NULL, &json->root, VARSIZE(json));
}

/* compiled_model: input */
Datum
custseg_compiled_model_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(ParseScorer(PG_GETARG_CSTRING(0)));
}

/* compiled_model: output */
Datum
custseg_compiled_model_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(PrintScorer(CsScorerFromDatum(PG_GETARG_DATUM(0))));
}

/* compiled_model: binary input, the same text */
Datum
custseg_compiled_model_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			length;
	char	   *text = pq_getmsgtext(message, message->len - message->cursor, &length);

	PG_RETURN_POINTER(ParseScorer(text));
}

/* compiled_model: binary output, the same text */
Datum
custseg_compiled_model_send(PG_FUNCTION_ARGS)
{
	char	   *text = PrintScorer(CsScorerFromDatum(PG_GETARG_DATUM(0)));
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendtext(&message, text, strlen(text));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* compiled_model_to_jsonb(compiled_model): the definition, to be read */
Datum
custseg_compiled_model_to_jsonb(PG_FUNCTION_ARGS)
{
	PG_RETURN_JSONB_P(CsScorerToJsonb(CsScorerFromDatum(PG_GETARG_DATUM(0))));
}
