/*
 * identity.h
 *	  Who a customer is: the values of an id's columns, their text, and whether they are the same.
 */
#ifndef CUSTSEG_IDENTITY_H
#define CUSTSEG_IDENTITY_H

#include "data/relation.h"
#include "parser/parse_coerce.h"
#include "utils/array.h"

/* One column of an id. */
typedef struct CsIdPart
{
	Oid			type;			/* base type of a domain */
	bool		by_text;		/* values are compared as text: the type has no order, or holds rows or domains */
	Oid			collation;
	Oid			input_parameter;
	FmgrInfo	input;
	FmgrInfo	output;
	FmgrInfo	cast;			/* to text, where a cast is not the output; else without fn_oid */
	FmgrInfo	compare;
} CsIdPart;

typedef struct CsIdentity
{
	int			nparts;
	CsIdPart	parts[FLEXIBLE_ARRAY_MEMBER];
} CsIdentity;

extern CsIdentity *CsIdentityOfColumns(const List *columns);
extern CsIdentity *CsIdentityOfAttributes(TupleDesc desc, const AttrNumber *attributes, int n);
extern CsIdentity *CsIdentityOfTypes(const char *const *types, int n, bool only_plain);
extern ArrayType *CsIdentityTypes(const List *columns);

extern bool CsFindCast(Oid from, Oid to, CoercionContext context, Oid *function);
extern char *CsIdentityText(CsIdentity *identity, const Datum *values, const bool *nulls);
extern bool CsIdentityIsPlain(const CsIdentity *identity);
extern char *CsIdentityPlain(CsIdentity *identity, const Datum *values);
extern bool CsIdentityTexts(const CsIdentity *identity, const char *text, char **texts);
extern bool CsIdentityRead(CsIdentity *identity, const char *text, Datum *values);
extern bool CsIdentityReadPart(CsIdentity *identity, int part, const char *text, Datum *value);
extern bool CsIdentityPrepare(CsIdentity *identity, Datum *values, const bool *nulls);
extern int	CsIdentityCompare(CsIdentity *identity, const Datum *a, const Datum *b);

/* key.c: whether a source has a customer. */
typedef enum CsPresence
{
	CS_PRESENCE_UNKNOWN,		/* nobody can tell */
	CS_PRESENCE_NAMELESS,		/* no column identifies a customer */
	CS_PRESENCE_MISSING,
	CS_PRESENCE_FOUND
} CsPresence;

extern CsRelation *CsRelationOfId(const CsRelation *rel, const List *columns, CsIdentity *identity,
								  const Datum *values);
extern CsPresence CsRelationHasId(const CsRelation *rel, const List *columns, CsIdentity *identity,
								  const Datum *values, double most);

#endif							/* CUSTSEG_IDENTITY_H */
