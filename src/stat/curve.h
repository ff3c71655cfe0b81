/*
 * curve.h
 *	  What spending on a segment brings: curves of response, and a budget divided between them.
 */
#ifndef CUSTSEG_CURVE_H
#define CUSTSEG_CURVE_H

#include "custseg.h"

typedef enum CsCurveKind
{
	CS_CURVE_EXP,				/* a (1 - exp(-x / b)) */
	CS_CURVE_LOG,				/* a ln(1 + x / b) */
	CS_CURVE_HILL,				/* a x^c / (x^c + b^c): S-shaped where c is above 1 */
	CS_CURVE_POWER,				/* a (x / b)^c, c at most 1 */
	CS_CURVE_POINTS				/* straight lines between points, level after the last */
} CsCurveKind;

#define CS_CURVE_KINDS (CS_CURVE_POINTS + 1)

extern const char *const CsCurveNames[CS_CURVE_KINDS];

typedef struct CsCurve
{
	CsCurveKind kind;
	double		a,
				b,
				c;
	int			npoints;
	double	   *x,				/* of points: ascending, the first is 0 */
			   *y;
} CsCurve;

extern double CsCurveResponse(const CsCurve *curve, double x);
extern double CsCurveMarginal(const CsCurve *curve, double x);
extern bool CsCurveIsConcave(const CsCurve *curve);
extern double CsCurveScale(const CsCurve *curve);
extern double CsCurveInverse(const CsCurve *curve, double marginal);

/* Logarithms of spending and of marginal returns beyond that are not looked at. */
#define CS_MOST_LOG 745.0

/* Most units of a budget: their numbers must fit 16 bits. */
#define CS_MAX_UNITS 10000

/* budget.c: a part of a budget, and the bounds of what is spent on it. */
typedef struct CsBudgetPart
{
	CsCurve		curve;
	double		low,
				high;
	int			low_units,		/* whole units within the bounds */
				high_units;
	int			units;			/* the best */
	double		spend,			/* the same in money */
				continuous,		/* what is best where any amount may be spent */
				proportional,
				equal;
} CsBudgetPart;

typedef struct CsBudget
{
	double		budget,
				unit;
	int			nunits;
	bool		spend_all;		/* else only units that return what they cost */
	int			n;
	CsBudgetPart *part;
	bool		is_concave;		/* all curves are */
	double		lambda;			/* marginal return of the continuous split; NaN where it is not computed */
} CsBudget;

extern Size CsBudgetMemory(int n, int nunits);
extern void CsBudgetDivide(CsBudget *b);

#endif							/* CUSTSEG_CURVE_H */
