/*
 * options.h
 *	  Options of a function or an algorithm, described as a table and read from jsonb.
 */
#ifndef CUSTSEG_OPTIONS_H
#define CUSTSEG_OPTIONS_H

#include "custseg.h"
#include "utils/jsonb.h"

typedef enum CsOptionType
{
	CS_OPTION_BOOL,				/* bool field */
	CS_OPTION_INT,				/* int field; a default below the range is none */
	CS_OPTION_BIGINT,			/* int64 field; a bound of +-2^63 and beyond is int64's own */
	CS_OPTION_REAL,				/* double field; an infinite bound is none, and so is a default below the range */
	CS_OPTION_CHOICE,			/* int field: index into choices */
	CS_OPTION_TEXT,				/* char * field, NULL when not given */
	CS_OPTION_ARRAY,			/* CsOptionArray field: array of equally long arrays of numbers */
	CS_OPTION_OBJECT,			/* Jsonb * field: an object, NULL when not given */
	CS_OPTION_LIST				/* Jsonb * field: an array, likewise */
} CsOptionType;

typedef struct CsOptionArray
{
	int			rows,
				columns;		/* 0, 0 when not given */
	double	   *values;			/* row by row */
} CsOptionArray;

typedef struct CsOption
{
	const char *name;
	CsOptionType type;
	size_t		offset;			/* of the field in the options struct */
	double		boot,
				low,
				high;			/* default and range; for choices the default's index */
	const char *const *choices; /* NULL-terminated */
} CsOption;

/* The option "seed", an int64; whole numbers that a double holds. */
#define CS_SEED_OPTION(type, field) \
	{"seed", CS_OPTION_BIGINT, offsetof(type, field), 42, -9007199254740992.0, 9007199254740992.0}

extern void CsOptionsParse(const CsOption *options, int noptions, Jsonb *json, void *result);
extern Jsonb *CsOptionsToJsonb(const CsOption *options, int noptions, const void *values);

extern void CsOptionsSet(const CsOption *options, int noptions, const char *name, double value, void *result);
extern void CsOptionsPush(JsonbParseState **json, const CsOption *options, int noptions, const char *name,
						  const void *values);

extern Jsonb *CsOptionsOf(Jsonb *json, const char *key);
extern Jsonb *CsOptionsBeside(Jsonb *json, bool (*is_object) (const char *key));

extern void CsAppendName(StringInfo list, const char *name);

#endif							/* CUSTSEG_OPTIONS_H */
