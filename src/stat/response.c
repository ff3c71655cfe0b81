/*
 * response.c
 *	  Curves of response by least squares.
 *
 * A curve is linear in its height a, and in the intercept where there is one: for given b and c these are those
 * of a regression, and the sum of squares that is left depends on b and c alone (variable projection, Golub and
 * Pereyra 1973).  It is searched from the best places of a grid, in logarithms of b and c; a few steps of Gauss
 * and Newton in all parameters together then take the result to rounding.  Standard errors are those of the
 * linearised regression, as R's nls() has them.
 */
#include "custseg.h"

#include <math.h>

#include "math/math.h"
#include "miscadmin.h"
#include "stat/response.h"

/* b is searched within that many powers of e about the largest spending, and c within a part of that. */
#define SEARCH_BOUND 7.0
#define C_SCALE 0.4

/* A parameter whose logarithm has a larger standard error is not known. */
#define LARGEST_LOG_ERROR 1.0

#define POLISHING_STEPS 50

/* Residuals below that share of the responses are rounding. */
#define ROUNDING 1e-14

/* A curve at hand. */
typedef struct Fit
{
	const CsResponseData *d;
	CsCurveKind kind;
	double		largest;		/* spending */
	double		tss;
	double		a,
				intercept;
	double	   *shape,			/* of each pair: the response for a height of 1 */
			   *by_b,			/* its derivatives by ln b */
			   *by_c;			/* and ln c */
} Fit;

/* What is not searched for stays: b of a power curve is the largest spending, c of two curves is not there. */
static bool
HasB(CsCurveKind kind)
{
	return kind != CS_CURVE_POWER;
}

static bool
HasC(CsCurveKind kind)
{
	return kind == CS_CURVE_HILL || kind == CS_CURVE_POWER;
}

/* The shape of a curve at u = x / b, and OUT its derivatives by ln b and ln c. */
static double
ShapeAt(CsCurveKind kind, double u, double c, double *by_b, double *by_c)
{
	double		shape = 0;

	*by_b = *by_c = 0;
	if (u == 0)
		return 0;
	switch (kind)
	{
		case CS_CURVE_EXP:
			*by_b = -u * exp(-u);
			return -expm1(-u);
		case CS_CURVE_LOG:
			*by_b = -u / (1 + u);
			return log1p(u);
		case CS_CURVE_HILL:
			shape = 1 / (1 + pow(u, -c));
			*by_b = -c * shape * (1 - shape);
			*by_c = c * log(u) * shape * (1 - shape);
			return shape;
		case CS_CURVE_POWER:
			shape = pow(u, c);
			*by_b = -c * shape;
			*by_c = c * log(u) * shape;
			return shape;
		case CS_CURVE_POINTS:
			break;
	}
	return shape;
}

/* Shapes and derivatives of all pairs. */
static void
TakeShapes(Fit *f, double b, double c)
{
	for (int64 i = 0; i < f->d->n; i++)
		f->shape[i] = ShapeAt(f->kind, f->d->x[i] / b, c, &f->by_b[i], &f->by_c[i]);
}

/* Height and intercept for the shapes, by regression.  Returns the sum of squares that is left. */
static double
Regress(Fit *f)
{
	const CsResponseData *d = f->d;
	double		shape = 0,
				response = 0,
				squares = 0,
				products = 0,
				rss = 0;

	if (d->has_intercept)
	{
		for (int64 i = 0; i < d->n; i++)
		{
			shape += f->shape[i];
			response += d->y[i];
		}
		shape /= d->n;
		response /= d->n;
	}
	for (int64 i = 0; i < d->n; i++)
	{
		squares += (f->shape[i] - shape) * (f->shape[i] - shape);
		products += (f->shape[i] - shape) * (d->y[i] - response);
	}
	f->a = squares > 0 ? products / squares : 0;
	f->intercept = response - f->a * shape;
	for (int64 i = 0; i < d->n; i++)
	{
		double		residual = d->y[i] - f->intercept - f->a * f->shape[i];

		rss += residual * residual;
	}
	return rss;
}

/* OUT b and c at a place of the search. */
static void
ParametersAt(const Fit *f, const double *theta, double *b, double *c)
{
	*b = HasB(f->kind) ? f->largest * exp(theta[0]) : f->largest;
	*c = HasC(f->kind) ? exp(C_SCALE * theta[HasB(f->kind) ? 1 : 0]) : 1;
}

/* CsObjective: half the sum of squares that is left, as a share of all, negated. */
static double
ValueAt(const double *theta, double *gradient, void *state)
{
	Fit		   *f = state;
	double		b,
				c,
				rss,
				slope_b = 0,
				slope_c = 0;

	ParametersAt(f, theta, &b, &c);
	TakeShapes(f, b, c);
	rss = Regress(f);
	for (int64 i = 0; i < f->d->n; i++)
	{
		double		residual = f->d->y[i] - f->intercept - f->a * f->shape[i];

		slope_b += residual * f->a * f->by_b[i];
		slope_c += residual * f->a * f->by_c[i];
	}
	if (HasB(f->kind))
		gradient[0] = slope_b / f->tss;
	if (HasC(f->kind))
		gradient[HasB(f->kind) ? 1 : 0] = C_SCALE * slope_c / f->tss;
	return -rss / f->tss / 2;
}

/* The best end of searches from a grid of places. */
static CsOptimum
Search(Fit *f, const CsObjective *objective)
{
	double		start[CS_OPTIMUM_MAX] = {0},
				best[CS_OPTIMUM_MAX] = {0},
				gradient[CS_OPTIMUM_MAX],
				highest = -INFINITY;
	int			nb = HasB(f->kind) ? 7 : 1,
				nc = HasC(f->kind) ? 5 : 1;

	for (int i = 0; i < nb * nc; i++)
	{
		double		value;

		CHECK_FOR_INTERRUPTS();
		if (HasB(f->kind))
			start[0] = (i % nb) - 4.0;
		if (HasC(f->kind))
			start[HasB(f->kind) ? 1 : 0] = 1.5 * (i / nb) - 2.0;
		value = ValueAt(start, gradient, f);
		/* a falling curve is none */
		if (f->a > 0 && value > highest)
		{
			highest = value;
			memcpy(best, start, sizeof(best));
		}
	}
	return CsMaximise(objective, best);
}

/* OUT how the residual's model changes with each parameter, b and c in logarithms.  Returns their number. */
static int
Columns(const Fit *f, int64 i, double *column)
{
	int			p = 0;

	if (f->d->has_intercept)
		column[p++] = 1;
	column[p++] = f->shape[i];
	if (HasB(f->kind))
		column[p++] = f->a * f->by_b[i];
	if (HasC(f->kind))
		column[p++] = f->a * f->by_c[i];
	return p;
}

/* OUT the products of the columns as a triangle, and those with the residuals.  Returns the number of columns. */
static int
Products(const Fit *f, double *triangle, double *with_residuals)
{
	int			p = 0;

	memset(triangle, 0, sizeof(double) * CsTriangle(CS_RESPONSE_PARAMETERS));
	memset(with_residuals, 0, sizeof(double) * CS_RESPONSE_PARAMETERS);
	for (int64 i = 0; i < f->d->n; i++)
	{
		double		column[CS_RESPONSE_PARAMETERS],
					residual = f->d->y[i] - f->intercept - f->a * f->shape[i];

		p = Columns(f, i, column);
		for (int j = 0; j < p; j++)
		{
			with_residuals[j] += column[j] * residual;
			for (int k = 0; k <= j; k++)
				triangle[CsTriangle(j) + k] += column[j] * column[k];
		}
	}
	return p;
}

/* The step of Gauss and Newton for b and c, the last of p parameters, by the inverse of the triangle's factor. */
static void
StepOf(int p, const double *inverse, const double *with_residuals, double *step)
{
	double		halfway[CS_RESPONSE_PARAMETERS];

	for (int j = 0; j < p; j++)
	{
		halfway[j] = 0;
		for (int k = 0; k <= j; k++)
			halfway[j] += inverse[CsTriangle(j) + k] * with_residuals[k];
	}
	for (int j = 0; j < p; j++)
	{
		step[j] = 0;
		for (int k = j; k < p; k++)
			step[j] += inverse[CsTriangle(k) + j] * halfway[k];
	}
}

/* The factor's inverse of the products where the fit is; false where they cannot be told apart. */
static bool
Factorise(const Fit *f, double *inverse, double *with_residuals, int *p)
{
	*p = Products(f, inverse, with_residuals);
	if (!CsCholesky(*p, inverse))
		return false;
	CsInvertTriangle(*p, inverse);
	return true;
}

/* Take b and c to rounding, as long as steps get shorter.  OUT the inverse for the errors; false: there is none. */
static bool
Polish(Fit *f, double *b, double *c, double *inverse)
{
	double		with_residuals[CS_RESPONSE_PARAMETERS],
				step[CS_RESPONSE_PARAMETERS],
				last = INFINITY;
	int			p;

	for (int i = 0; i < POLISHING_STEPS; i++)
	{
		double		longest = 0;
		int			at;

		CHECK_FOR_INTERRUPTS();
		TakeShapes(f, *b, *c);
		(void) Regress(f);
		if (!Factorise(f, inverse, with_residuals, &p))
			return false;
		StepOf(p, inverse, with_residuals, step);
		at = f->d->has_intercept ? 2 : 1;
		for (int j = at; j < p; j++)
			longest = Max(longest, fabs(step[j]));
		if (!(longest < last) || longest < 1e-15)
			break;
		last = longest;
		if (HasB(f->kind))
			*b *= exp(step[at++]);
		if (HasC(f->kind))
			*c *= exp(step[at]);
	}
	return true;
}

/* Standard errors of the parameters. */
static void
TakeErrors(CsResponseFit *fit, const Fit *f, const double *inverse)
{
	double		error[CS_RESPONSE_PARAMETERS],
				log_b = 0,
				log_c = 0;
	int			p = 1 + f->d->has_intercept + HasB(f->kind) + HasC(f->kind),
				at = 0;

	for (int j = 0; j < p; j++)
	{
		double		variance = 0;

		for (int k = j; k < p; k++)
			variance += inverse[CsTriangle(k) + j] * inverse[CsTriangle(k) + j];
		error[j] = sqrt(variance * fit->rss / (double) (f->d->n - p));
	}
	if (f->d->has_intercept)
		fit->intercept_error = error[at++];
	fit->a_error = error[at++];
	if (HasB(f->kind))
		fit->b_error = fit->curve.b * (log_b = error[at++]);
	if (HasC(f->kind))
		fit->c_error = fit->curve.c * (log_c = error[at]);
	if (log_b > LARGEST_LOG_ERROR || log_c > LARGEST_LOG_ERROR)
		fit->end = CS_RESPONSE_UNCERTAIN;
}

/* Akaike's criterion for p parameters and the variance, corrected for few pairs (Hurvich and Tsai 1989). */
static double
AkaikeOf(int64 n, int p, double rss, double tss)
{
	double		k = p + 1;

	if (n <= k + 1)
		return NAN;
	return n * log(Max(rss, ROUNDING * tss) / n) + 2 * k + 2 * k * (k + 1) / (n - k - 1);
}

/* Are there so many different spendings?  One of 0 tells of the intercept alone. */
static bool
HasDifferent(const CsResponseData *d, int wanted)
{
	double		seen[CS_RESPONSE_PARAMETERS];
	int			n = 0;

	for (int64 i = 0; i < d->n && n < wanted; i++)
	{
		int			j = 0;

		while (j < n && seen[j] != d->x[i])
			j++;
		if (j == n && (d->x[i] > 0 || d->has_intercept))
			seen[n++] = d->x[i];
	}
	return n == wanted;
}

/* The squares of the responses, about their mean where there is an intercept. */
static double
SquaresOf(const CsResponseData *d)
{
	double		mean = 0,
				squares = 0;

	for (int64 i = 0; d->has_intercept && i < d->n; i++)
		mean += d->y[i] / d->n;
	for (int64 i = 0; i < d->n; i++)
		squares += (d->y[i] - mean) * (d->y[i] - mean);
	return squares;
}

static double
LargestOf(const CsResponseData *d)
{
	double		largest = 0;

	for (int64 i = 0; i < d->n; i++)
		largest = Max(largest, d->x[i]);
	return largest;
}

/* Fit a curve, which is not one of points. */
CsResponseFit
CsResponseFitCurve(const CsResponseData *d, CsCurveKind kind)
{
	Fit			f = {d, kind, LargestOf(d), SquaresOf(d), .shape = d->work, .by_b = d->work + d->n, .by_c = d->work + 2 * d->n};
	CsObjective objective = {HasB(kind) + HasC(kind), SEARCH_BOUND, ValueAt, &f};
	CsResponseFit fit = {
		CS_RESPONSE_FEW, {kind, NAN, NAN, NAN}, NAN, NAN, NAN, NAN, NAN, NAN, f.tss, NAN
	};
	int			p = 1 + d->has_intercept + objective.n;
	double		inverse[CS_RESPONSE_PARAMETERS * (CS_RESPONSE_PARAMETERS + 1) / 2];
	CsOptimum	at;

	if (d->n < p + 3 || !HasDifferent(d, p))
		return fit;
	fit.end = CS_RESPONSE_FALLING;
	if (!(f.tss > 0))
		return fit;
	at = Search(&f, &objective);
	ParametersAt(&f, at.theta, &fit.curve.b, &fit.curve.c);
	fit.end = at.end == CS_OPTIMUM_ON_BOUND || !Polish(&f, &fit.curve.b, &fit.curve.c, inverse) ?
		CS_RESPONSE_UNCERTAIN : CS_RESPONSE_FITTED;
	TakeShapes(&f, fit.curve.b, fit.curve.c);
	fit.rss = Regress(&f);
	fit.curve.a = f.a;
	fit.aic = AkaikeOf(d->n, p, fit.rss, f.tss);
	if (d->has_intercept)
		fit.intercept = f.intercept;
	if (!HasC(kind))
		fit.curve.c = NAN;
	if (fit.end == CS_RESPONSE_FITTED)
		TakeErrors(&fit, &f, inverse);
	if (!(f.a > 0))
		fit.end = CS_RESPONSE_FALLING;
	return fit;
}

/* What a straight line leaves, by the same criterion; NaN where there are too few pairs.  OUT its slope. */
double
CsResponseLine(const CsResponseData *d, double *slope)
{
	Fit			f = {d, .shape = d->work};
	double		rss;

	memcpy(f.shape, d->x, sizeof(double) * d->n);
	rss = Regress(&f);
	*slope = f.a;
	return AkaikeOf(d->n, 1 + d->has_intercept, rss, SquaresOf(d));
}
