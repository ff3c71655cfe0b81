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
 * array.  Texts and keys must outlive the writing.  A text or jsonb that is NULL and a number
 * that is not finite become null.
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
extern void CsJsonValue(JsonbParseState **json, const char *key, JsonbValue *value);
extern void CsJsonJsonb(JsonbParseState **json, const char *key, Jsonb *jsonb);
extern Jsonb *CsJsonbInDoubles(Jsonb *jsonb);

/* json_join.c: large jsonb, put together of parts. */
extern Jsonb *CsJsonArrayOf(Jsonb *const *elements, int n);
extern Jsonb *CsJsonReplace(const Jsonb *object, const char *key, const Jsonb *value);

extern bool CsJsonFind(JsonbContainer *object, const char *key, JsonbValue *value);
extern bool CsJsonGetNumber(const JsonbValue *value, double *number);
extern bool CsJsonGetInteger(const JsonbValue *value, int64 low, int64 high, int64 *number);
extern JsonbContainer *CsJsonGetArray(const JsonbValue *value);
extern bool CsJsonIsArrayOf(const JsonbValue *value, bool (*fits) (const JsonbValue *element, Oid type),
							Oid type);
extern JsonbContainer *CsJsonGetObject(const JsonbValue *value);
extern JsonbContainer *CsJsonFindObject(JsonbContainer *object, const char *key);
extern int	CsJsonGetAscending(const JsonbValue *value, double *numbers, int most);
extern bool CsJsonIsText(const JsonbValue *value, const char *text);
extern char *CsJsonString(const JsonbValue *value);
extern char *CsJsonScalarText(const JsonbValue *value);
extern Jsonb *CsJsonbFromText(const char *json);
extern int	CsJsonKnownKey(const JsonbValue *key, const char *const *known, int n, const char *of);
extern char *CsJsonKeyList(const char *const *known, int n);

/* The members of an object or the elements of an array, one by one. */
typedef struct CsJsonEach
{
	JsonbIterator *iterator;
	JsonbValue	key;			/* of a member */
	JsonbValue	value;			/* what it holds belongs to the jsonb */
	int			at;				/* which it is, from 0 */
} CsJsonEach;

extern CsJsonEach CsJsonEachOf(JsonbContainer *container);
extern bool CsJsonNext(CsJsonEach *each);

/*
 * An object that must hold what is read of it: anything else is an error with this message, whose
 * detail names the key and the path to it.
 */
typedef struct CsJsonReader
{
	JsonbContainer *object;
	const char *message;
	const char *name;			/* of the object: "feature" */
	int			number;			/* which of several, from 1; 0: the only one */
	const struct CsJsonReader *outer;	/* that it is in, which must outlive it; or NULL */
} CsJsonReader;

extern CsJsonReader CsJsonReaderOf(Jsonb *json, const char *message, const char *name);
extern bool CsJsonReadMember(const CsJsonReader *r, const char *key, JsonbValue *value);
extern double CsJsonReadNumber(const CsJsonReader *r, const char *key);
extern int64 CsJsonReadInteger(const CsJsonReader *r, const char *key, int64 low, int64 high);
extern bool CsJsonReadBool(const CsJsonReader *r, const char *key);
extern char *CsJsonReadText(const CsJsonReader *r, const char *key);
extern void CsJsonReadName(const CsJsonReader *r, const char *key, NameData *name);
extern CsJsonReader CsJsonReadObject(const CsJsonReader *r, const char *key, const char *name);
extern CsJsonReader CsJsonReadBeside(const CsJsonReader *r, const char *key, const char *name, Jsonb *beside);
extern JsonbContainer *CsJsonReadArray(const CsJsonReader *r, const char *key, int low, int high);
extern CsJsonReader CsJsonReadElement(const CsJsonReader *r, const char *key, const CsJsonEach *each,
									  const char *name);
extern void CsJsonReadNumbers(const CsJsonReader *r, const char *key, int n, double *numbers,
							  int stride);
extern void CsJsonReadShape(const CsJsonReader *r, const char *key, int *rows, int *columns);
extern void CsJsonReadRows(const CsJsonReader *r, const char *key, int n, int m, double *numbers,
						   int row, int column);
extern Jsonb *CsJsonReadJsonb(const CsJsonReader *r, const char *key);
extern void CsJsonCheckKeys(const CsJsonReader *r, const char *const *keys, int n);

/* What a member of an object must be: a text, a boolean, or a number of a range that may be absent or null. */
typedef enum CsJsonMemberType
{
	CS_JSON_TEXT, CS_JSON_BOOL, CS_JSON_INTEGER, CS_JSON_NUMBER,
	CS_JSON_ANY					/* its own readers check it */
} CsJsonMemberType;

typedef struct CsJsonMember
{
	const char *key;
	CsJsonMemberType type;
	double		low,			/* of a number; both 0: it has any size */
				high;
} CsJsonMember;

extern void CsJsonCheckMembers(const CsJsonReader *r, const CsJsonMember *members, int n);
extern void CsJsonCheckArray(const CsJsonReader *r, const char *key, const char *name, const CsJsonMember *members,
							 int n);
extern void CsJsonCheckRange(const CsJsonReader *r, const char *key, double low, double high);
pg_noreturn extern void CsJsonReject(const CsJsonReader *r, const char *key, const char *format, ...)
			pg_attribute_printf(3, 4);

#endif							/* CUSTSEG_JSON_H */
