/*
 * binding.h
 *	  What a binding is, for the files that make it and read through it.
 */
#ifndef CUSTSEG_BINDING_H
#define CUSTSEG_BINDING_H

#include <math.h>

#include "executor/tuptable.h"
#include "score/score.h"
#include "utils/float.h"

/* An attribute that holds vectors. */
typedef struct BoundVector
{
	CsVectorType type;
	FmgrInfo	cast;			/* of a type that is no array */
	int			width;			/* that the model was trained on */
	double	   *elements;		/* of the row at hand */
} BoundVector;

typedef struct BoundFeature
{
	int			attribute;		/* from 1 */
	int			offset;			/* in the data of a row without NULLs, when that is fixed */
	int16		length;			/* of the attribute's type */
	bool		by_value;
	CsConverter converter;
	int			element;		/* of the vector in that attribute, from 1; 0: it is no element */
	BoundVector *vector;		/* that it is an element of, one for all its elements; or NULL */
} BoundFeature;

struct CsBinding
{
	TupleTableSlot *slot;		/* of a copy of the row type */
	HeapTupleData tuple;		/* what the slot holds when the row came as a Datum */
	int			last_attribute; /* the highest needed */
	bool		is_fixed;		/* offsets are */
	bool		has_vectors;	/* some attribute holds vectors */
	BoundFeature feature[FLEXIBLE_ARRAY_MEMBER];
};

/* The raw value of a feature that is NULL. */
static inline double
CsReadMissing(const CsPipeline *p, const CsFeature *f)
{
	return f->kind == CS_CATEGORICAL ? CsFeatureLevel(p, f, NULL, 0) : NAN;
}

extern double CsReadCategory(const CsPipeline *p, const CsFeature *f, const CsConverter *converter, Datum value);

/* An element of a vector as PostgreSQL writes a number, NULL for NaN; palloc'd. */
static inline char *
CsElementText(double number)
{
	return isnan(number) ? NULL : float8out_internal(number);
}

#endif							/* CUSTSEG_BINDING_H */
