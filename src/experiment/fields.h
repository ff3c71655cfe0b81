/*
 * fields.h
 *	  A source whose columns have names that a function prescribes: one row for each segment, say.
 */
#ifndef CUSTSEG_FIELDS_H
#define CUSTSEG_FIELDS_H

#include "call/call.h"
#include "data/relation.h"

typedef enum CsFieldKind
{
	CS_FIELD_NUMBER,			/* finite */
	CS_FIELD_SEGMENT,			/* a number or a name of a segment, or of whatever else is told apart */
	CS_FIELD_TEXT,
	CS_FIELD_JSON
} CsFieldKind;

typedef enum CsFieldNeed
{
	CS_FIELD_MAY_LACK,			/* there may be no such column, and NULL in it */
	CS_FIELD_MAY_BE_NULL,
	CS_FIELD_REQUIRED
} CsFieldNeed;

typedef struct CsField
{
	const char *name;
	CsFieldKind kind;
	CsNumberKind bounds;		/* of a number */
	CsFieldNeed need;
} CsField;

typedef struct CsFieldValue
{
	double		number;			/* NaN for NULL, and for a segment that has no number */
	char	   *text;			/* NULL for NULL */
	Jsonb	   *json;
} CsFieldValue;

/* Called for each row; what texts and jsonb hold was allocated where CsFieldsRead() was called. */
typedef void (*CsFieldsSink) (void *state, const CsFieldValue *values);

extern int64 CsFieldsRead(const CsRelation *rel, const CsField *fields, int nfields, CsFieldsSink sink,
						  void *state);
extern void *CsFieldsRoom(void *rows, int n, int *allocated, Size size);
extern int32 CsSegmentNumber(const CsFieldValue *segment);
extern char *CsSegmentName(const CsFieldValue *segment, const CsFieldValue *name);

#endif							/* CUSTSEG_FIELDS_H */
