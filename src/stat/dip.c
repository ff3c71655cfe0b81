/*
 * dip.c
 *	  Hartigan's dip: how far is a sample from every distribution that has one mode?
 *
 * The dip is the least, over all unimodal distribution functions, of the largest distance from the
 * empirical one (Hartigan and Hartigan, Annals of Statistics 13, 1985).  The algorithm is that of
 * P. M. Hartigan (Applied Statistics 34, 1985, AS 217): the greatest convex minorant and the least
 * concave majorant are computed within an interval, which shrinks to where they are farthest apart,
 * until the distances outside of it are larger than that within.  Each round takes time in
 * proportion to the interval, and there are few rounds.
 *
 * Its law under the uniform distribution, which is the unimodal one whose dips are largest in the
 * limit, has no formula.  The table below was simulated with this code, 400,000 samples for each
 * number of values; sqrt(n) times the dip hardly depends on n.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "catalog/pg_type.h"
#include "math/math.h"
#include "miscadmin.h"
#include "stat/dip.h"
#include "utils/array.h"

/* Of uniform samples: the probabilities of a larger dip, */
#define NTAILS 14
static const double tails[NTAILS] = {
	0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001, 0.00005
};

/* and for numbers of values the sqrt(n) dip that has them. */
typedef struct DipRow
{
	int			n;
	double		dip[NTAILS];
} DipRow;

static const DipRow dip_table[] = {
	{4, {0.2500, 0.2662, 0.3157, 0.3756, 0.4149, 0.4480, 0.4636, 0.4746,
	0.4842, 0.4886, 0.4919, 0.4947, 0.4961, 0.4974}},
	{6, {0.3016, 0.3443, 0.3659, 0.3897, 0.4035, 0.4394, 0.4699, 0.4950,
	0.5217, 0.5371, 0.5499, 0.5638, 0.5713, 0.5771}},
	{8, {0.3138, 0.3409, 0.3550, 0.4011, 0.4356, 0.4694, 0.4898, 0.5058,
	0.5262, 0.5483, 0.5694, 0.5924, 0.6026, 0.6141}},
	{10, {0.3091, 0.3473, 0.3752, 0.4122, 0.4408, 0.4756, 0.5037, 0.5275,
	0.5541, 0.5714, 0.5872, 0.6048, 0.6227, 0.6437}},
	{15, {0.3238, 0.3608, 0.3861, 0.4262, 0.4594, 0.4988, 0.5275, 0.5513,
	0.5818, 0.6023, 0.6202, 0.6476, 0.6664, 0.6776}},
	{20, {0.3279, 0.3687, 0.3952, 0.4347, 0.4701, 0.5112, 0.5396, 0.5657,
	0.5981, 0.6211, 0.6435, 0.6660, 0.6813, 0.6977}},
	{30, {0.3368, 0.3778, 0.4052, 0.4464, 0.4829, 0.5259, 0.5545, 0.5822,
	0.6165, 0.6415, 0.6650, 0.6924, 0.7081, 0.7252}},
	{50, {0.3451, 0.3871, 0.4157, 0.4585, 0.4967, 0.5423, 0.5728, 0.6023,
	0.6367, 0.6623, 0.6872, 0.7193, 0.7425, 0.7683}},
	{100, {0.3548, 0.3981, 0.4274, 0.4714, 0.5105, 0.5576, 0.5907, 0.6211,
	0.6585, 0.6864, 0.7128, 0.7457, 0.7649, 0.7899}},
	{200, {0.3620, 0.4058, 0.4358, 0.4808, 0.5212, 0.5692, 0.6030, 0.6350,
	0.6730, 0.7034, 0.7299, 0.7673, 0.7937, 0.8110}},
	{500, {0.3678, 0.4125, 0.4426, 0.4892, 0.5306, 0.5797, 0.6145, 0.6467,
	0.6887, 0.7182, 0.7460, 0.7794, 0.8065, 0.8241}},
	{1000, {0.3714, 0.4166, 0.4473, 0.4935, 0.5350, 0.5857, 0.6211, 0.6547,
	0.6963, 0.7270, 0.7544, 0.7866, 0.8092, 0.8306}},
	{2000, {0.3739, 0.4192, 0.4498, 0.4965, 0.5384, 0.5886, 0.6234, 0.6568,
	0.6979, 0.7282, 0.7550, 0.7929, 0.8275, 0.8482}},
};

PG_FUNCTION_INFO_V1(custseg_dip_test);

/* A piecewise linear hull within an interval: numbers of its corners, and where the walk is. */
typedef struct Hull
{
	int		   *corner;
	int			last;			/* index of the last corner */
	int			widest;			/* the corner from which the part outside of the next interval begins */
} Hull;

/* For each value the corner before it on the convex minorant of the values up to it. */
static void
LinkMinorant(const double *x, int n, int *link)
{
	link[0] = 0;
	for (int j = 1; j < n; j++)
	{
		int			at = j - 1;

		while (at > 0 &&
			   (x[j] - x[at]) * (at - link[at]) >= (x[at] - x[link[at]]) * (j - at))
			at = link[at];
		link[j] = at;
	}
}

/* For each value the corner after it on the concave majorant of the values from it on. */
static void
LinkMajorant(const double *x, int n, int *link)
{
	link[n - 1] = n - 1;
	for (int k = n - 2; k >= 0; k--)
	{
		int			at = k + 1;

		while (at < n - 1 &&
			   (x[k] - x[at]) * (at - link[at]) >= (x[at] - x[link[at]]) * (k - at))
			at = link[at];
		link[k] = at;
	}
}

/* The corners from one value to another along the links. */
static void
WalkHull(Hull *hull, const int *link, int from, int to)
{
	hull->last = 0;
	hull->corner[0] = from;
	while (hull->corner[hull->last] != to)
	{
		int			next = link[hull->corner[hull->last]];

		hull->corner[++hull->last] = next;
	}
}

/*
 * The largest distance between the two hulls of an interval, in ranks; sets where it is.  The
 * minorant's corners descend, the majorant's ascend.
 */
static double
HullsApart(const double *x, Hull *minorant, Hull *majorant)
{
	int			i = minorant->last - 1,
				v = 1;
	double		apart = 0;

	minorant->widest = minorant->last;
	majorant->widest = majorant->last;
	if (minorant->last == 1 && majorant->last == 1)
		return 1;
	do
	{
		int			below = minorant->corner[i],
					above = majorant->corner[v];
		double		here;

		if (below > above)
		{
			int			left = minorant->corner[i + 1];

			here = (above - left + 1) - (x[above] - x[left]) * (below - left) / (x[below] - x[left]);
			v++;
			if (here >= apart)
			{
				apart = here;
				minorant->widest = i + 1;
				majorant->widest = v - 1;
			}
		}
		else
		{
			int			left = majorant->corner[v - 1];

			here = (x[below] - x[left]) * (above - left) / (x[above] - x[left]) - (below - left - 1);
			i--;
			if (here >= apart)
			{
				apart = here;
				minorant->widest = i + 1;
				majorant->widest = v;
			}
		}
		i = Max(i, 0);
		v = Min(v, majorant->last);
	} while (minorant->corner[i] != majorant->corner[v]);
	return apart;
}

/*
 * The largest distance of the empirical distribution function from the segment of a hull between two
 * corners, in ranks; sign 1 for the minorant, which lies below it, and -1 for the majorant.
 */
static double
SegmentApart(const double *x, int from, int to, int sign)
{
	double		most = 1;

	if (to - from <= 1 || x[to] == x[from])
		return most;
	for (int j = from; j <= to; j++)
	{
		double		line = (x[j] - x[from]) * ((to - from) / (x[to] - x[from]));

		most = Max(most, sign * ((j - from) - line) + 1);
	}
	return most;
}

/* The same over the part of a hull that the next interval leaves out. */
static double
OutsideApart(const double *x, const Hull *hull, int sign)
{
	double		most = 0;

	for (int j = hull->widest; j < hull->last; j++)
	{
		int			a = hull->corner[j],
					b = hull->corner[j + 1];

		most = Max(most, SegmentApart(x, Min(a, b), Max(a, b), sign));
	}
	return most;
}

/* The dip of n > 0 sorted values; at least 1 / 2n. */
double
CsDip(const double *x, int n)
{
	int		   *links = palloc(sizeof(int) * n * 4);
	int		   *below = links,
			   *above = links + n;
	Hull		minorant = {.corner = links + 2 * n},
				majorant = {.corner = links + 3 * n};
	int			low = 0,
				high = n - 1;
	double		dip = 1;

	LinkMinorant(x, n, below);
	LinkMajorant(x, n, above);
	while (x[high] > x[low])
	{
		double		apart;

		CHECK_FOR_INTERRUPTS();
		WalkHull(&minorant, below, high, low);
		WalkHull(&majorant, above, low, high);
		apart = HullsApart(x, &minorant, &majorant);
		if (apart < dip)
			break;
		dip = Max(dip, Max(OutsideApart(x, &minorant, 1), OutsideApart(x, &majorant, -1)));
		if (low == minorant.corner[minorant.widest] && high == majorant.corner[majorant.widest])
			break;
		low = minorant.corner[minorant.widest];
		high = majorant.corner[majorant.widest];
	}
	pfree(links);
	return dip / (2.0 * n);
}

/* The quantile of sqrt(n) dip for a tail, linear in 1 / sqrt(n) between the table's rows. */
static double
DipQuantile(int n, int tail)
{
	int			i = 0,
				last = lengthof(dip_table) - 1;
	double		a,
				b;

	if (n <= dip_table[0].n)
		return dip_table[0].dip[tail];
	if (n >= dip_table[last].n)
		return dip_table[last].dip[tail];
	while (dip_table[i + 1].n < n)
		i++;
	a = 1 / sqrt(dip_table[i].n);
	b = 1 / sqrt(dip_table[i + 1].n);
	return dip_table[i].dip[tail] + (dip_table[i + 1].dip[tail] - dip_table[i].dip[tail]) *
		((1 / sqrt(n) - a) / (b - a));
}

/*
 * The probability that n values of the uniform law have such a dip or a larger one.  Between the
 * table's tails its logarithm is linear in the dip, and beyond the last one, too.  1 for fewer than 4
 * values; 0.5 at least is told as 1.
 */
double
CsDipP(double dip, int n)
{
	double		value = dip * sqrt(n),
				lower,
				upper;
	int			tail = 1;

	if (n < 4 || value <= DipQuantile(n, 0))
		return 1;
	while (tail < NTAILS - 1 && DipQuantile(n, tail) < value)
		tail++;
	lower = DipQuantile(n, tail - 1);
	upper = DipQuantile(n, tail);
	if (!(upper > lower))
		return tails[tail];
	return tails[tail - 1] * pow(tails[tail] / tails[tail - 1], (value - lower) / (upper - lower));
}

/*
 * dip_test(values): the dip and its p-value.
 */
Datum
custseg_dip_test(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	double	   *x = palloc(sizeof(double) * Max(n, 1));
	Datum		result[2];

	if (n == 0 || array_contains_nulls(array))
		PG_RETURN_NULL();
	memcpy(x, ARR_DATA_PTR(array), sizeof(double) * n);
	CsSortDoubles(x, n, palloc(sizeof(double) * n));
	result[0] = Float8GetDatum(CsDip(x, n));
	result[1] = Float8GetDatum(CsDipP(DatumGetFloat8(result[0]), n));
	PG_RETURN_ARRAYTYPE_P(construct_array(result, 2, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
										  TYPALIGN_DOUBLE));
}
