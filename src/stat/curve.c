/*
 * curve.c
 *	  Response to spending: exponential, logarithmic, Hill's and power curves, and points.
 */
#include "custseg.h"

#include <math.h>

#include "stat/curve.h"

const char *const CsCurveNames[CS_CURVE_KINDS] = {"exp", "log", "hill", "power", "points"};

/* The point at or before x; at least the first, and before the last. */
static int
PointBefore(const CsCurve *curve, double x)
{
	int			low = 0,
				high = curve->npoints - 1;

	while (high - low > 1)
	{
		int			middle = (low + high) / 2;

		if (curve->x[middle] <= x)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* The slope after a point. */
static double
SlopeAfter(const CsCurve *curve, int i)
{
	return (curve->y[i + 1] - curve->y[i]) / (curve->x[i + 1] - curve->x[i]);
}

/* The response to spending x. */
double
CsCurveResponse(const CsCurve *curve, double x)
{
	int			i;

	switch (curve->kind)
	{
		case CS_CURVE_EXP:
			return -curve->a * expm1(-x / curve->b);
		case CS_CURVE_LOG:
			return curve->a * log1p(x / curve->b);
		case CS_CURVE_HILL:
			return x <= 0 ? 0 : curve->a / (1 + pow(curve->b / x, curve->c));
		case CS_CURVE_POWER:
			return x <= 0 ? 0 : curve->a * pow(x / curve->b, curve->c);
		case CS_CURVE_POINTS:
			if (x >= curve->x[curve->npoints - 1])
				return curve->y[curve->npoints - 1];
			i = PointBefore(curve, x);
			return curve->y[i] + (x - curve->x[i]) * SlopeAfter(curve, i);
	}
	return NAN;
}

/* The marginal response at x: what a bit more brings, for one of it. */
double
CsCurveMarginal(const CsCurve *curve, double x)
{
	double		a = curve->a,
				b = curve->b,
				c = curve->c,
				ratio;

	switch (curve->kind)
	{
		case CS_CURVE_EXP:
			return a / b * exp(-x / b);
		case CS_CURVE_LOG:
			return a / (b + x);
		case CS_CURVE_HILL:
			if (x <= 0)
				return c > 1 || a == 0 ? 0 : c == 1 ? a / b : INFINITY;
			/* (x/b)^c or its inverse, whichever is at most 1 */
			ratio = x < b ? pow(x / b, c) : pow(b / x, c);
			return a * c / x * ratio / ((1 + ratio) * (1 + ratio));
		case CS_CURVE_POWER:
			return a == 0 ? 0 : a * c / b * pow(x / b, c - 1);
		case CS_CURVE_POINTS:
			return x >= curve->x[curve->npoints - 1] ? 0 : SlopeAfter(curve, PointBefore(curve, x));
	}
	return NAN;
}

/* Does each bit more bring no more than the one before it? */
bool
CsCurveIsConcave(const CsCurve *curve)
{
	if (curve->kind == CS_CURVE_HILL)
		return curve->c <= 1;
	if (curve->kind != CS_CURVE_POINTS)
		return true;
	for (int i = 0; i < curve->npoints - 2; i++)
		/* equal slopes differ by rounding */
		if (SlopeAfter(curve, i + 1) > SlopeAfter(curve, i) + 1e-12 * fabs(SlopeAfter(curve, i)))
			return false;
	return SlopeAfter(curve, curve->npoints - 2) >= 0;
}

/* How large the response gets: its limit where it has one, else its scale. */
double
CsCurveScale(const CsCurve *curve)
{
	double		largest = 0;

	if (curve->kind != CS_CURVE_POINTS)
		return curve->a;
	for (int i = 0; i < curve->npoints; i++)
		largest = Max(largest, curve->y[i]);
	return largest;
}

/* ln(x / b) where Hill's curve with c of at most 1 has that marginal response, by bisection. */
static double
HillInverse(const CsCurve *curve, double marginal)
{
	double		target = log(marginal * curve->b / (curve->a * curve->c)),
				low = -CS_MOST_LOG,
				high = CS_MOST_LOG;

	for (;;)
	{
		double		u = (low + high) / 2,
					y = curve->c * u,
					here = (curve->c - 1) * u - 2 * (y > 0 ? y + log1p(exp(-y)) : log1p(exp(y)));

		if (u <= low || u >= high)
			return u;
		if (here > target)
			low = u;
		else
			high = u;
	}
}

/* The spending up to which a concave curve brings more than that for one; it may be below 0 or infinite. */
double
CsCurveInverse(const CsCurve *curve, double marginal)
{
	double		a = curve->a,
				b = curve->b,
				c = curve->c;
	int			i = 0;

	switch (curve->kind)
	{
		case CS_CURVE_EXP:
			return a == 0 ? 0 : b * log(a / b / marginal);
		case CS_CURVE_LOG:
			return a / marginal - b;
		case CS_CURVE_HILL:
			return a == 0 ? 0 : b * exp(HillInverse(curve, marginal));
		case CS_CURVE_POWER:
			if (c == 1)
				return a / b > marginal ? INFINITY : 0;
			return a == 0 ? 0 : b * pow(marginal * b / (a * c), 1 / (c - 1));
		case CS_CURVE_POINTS:
			while (i < curve->npoints - 1 && SlopeAfter(curve, i) > marginal)
				i++;
			return curve->x[i];
	}
	return NAN;
}
