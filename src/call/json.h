/*
 * json.h
 *	  Jsonb that is written member by member, and read.
 */
#ifndef CUSTSEG_JSON_H
#define CUSTSEG_JSON_H

#include "custseg.h"
#include "utils/jsonb.h"

/*
 * Writing begins with JsonbParseState *json = NULL and CsJsonObject() or CsJsonArray() without a
 * key.  Each function writes a member of the open object, or, with key NULL, an element of the open
 * array.  Texts and keys must outlive the writing.  A text that is NULL and a number that is not
 * finite become null.
 */
extern void CsJsonObject(JsonbParseState **json, const char *key);
extern void CsJsonArray(JsonbParseState **json, const char *key);
extern JsonbValue *CsJsonEnd(JsonbParseState **json);
extern Jsonb *CsJsonFinish(JsonbParseState **json);
extern void CsJsonNull(JsonbParseState **json, const char *key);
extern void CsJsonText(JsonbParseState **json, const char *key, const char *text);
extern void CsJsonBool(JsonbParseState **json, const char *key, bool boolean);
extern void CsJsonInteger(JsonbParseState **json, const char *key, int64 number);
extern void CsJsonNumber(JsonbParseState **json, const char *key, double number);
extern void CsJsonNumbers(JsonbParseState **json, const char *key, const double *numbers, int n,
						  int stride);
extern void CsJsonJsonb(JsonbParseState **json, const char *key, Jsonb *jsonb);

extern bool CsJsonFind(JsonbContainer *object, const char *key, JsonbValue *value);
extern bool CsJsonGetNumber(const JsonbValue *value, double *number);
extern JsonbContainer *CsJsonGetArray(const JsonbValue *value);
extern JsonbContainer *CsJsonGetObject(const JsonbValue *value);
extern bool CsJsonIsText(const JsonbValue *value, const char *text);
extern Jsonb *CsJsonbFromText(const char *json);

#endif							/* CUSTSEG_JSON_H */
