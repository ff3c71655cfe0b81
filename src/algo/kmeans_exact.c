/*
 * kmeans_exact.c
 *	  Lloyd's iterations (Lloyd 1982) by passes whose sums are exact.
 *
 * A row is assigned by the kernel that scores customers, and its values are added in fixed point.  So the
 * centres do not depend on the order of the rows, nor on how many processes and servers read them, and
 * where no row changes its segment no centre moves by a bit.  Conventions are those of kmeans.c: tol is
 * relative to the mean variance of the columns, and an empty cluster takes the row that lies farthest from
 * its centre, but not the only one of another cluster.  The state carries as many of the farthest rows as
 * there are clusters, 16 at most; among those at one distance their values decide.
 */
#include "custseg.h"

#include <math.h>

#include "algo/kmeans_exact.h"
#include "miscadmin.h"

#define MOST_FARTHEST 16

/* The iterations between passes. */
typedef struct ExactKmeans
{
	const CsPassesInput *in;
	int			k;
	int			d;
	double	   *centers;		/* k x d */
	double	   *mean;			/* d: of all rows by their weights, once a pass has been taken in */
	double		tol;			/* relative to the mean variance of the columns; and absolute, on the sum of */
	double		tolerance;		/* squared shifts, once that is known */
	int			max_iter;
	int			iterations;
	bool		converged;
	double		variance;		/* mean of the columns'; NaN until the first pass */
} ExactKmeans;

/* Words of a farthest row: the complement of its distance, its values, weight and segment. */
#define RECORD_WIDTH(d) ((d) + 3)

/* A part of a pass. */
typedef struct Lloyd
{
	int			k;
	int			d;
	bool		is_weighted;
	CsFitted   *model;
	double	   *origin;			/* NULL: the variance is not asked for */
	int		   *exponent;		/* d: of sums of weighted values */
	double	   *scale;
	int			square_exponent;	/* of weighted squared distances */
	double		square_scale;
	int			weight_exponent;
	double		weight_scale;
	int		   *off_exponent;	/* d: of sums about the origin; then d of their squares */
	double	   *off_scale;
	uint64	   *record;
	int			counts,			/* sections */
				weights,		/* or -1 */
				sums,
				inertia,
				farthest,
				offs;			/* or -1 */
} Lloyd;

/* A model that places rows by the nearest of k centres, which lie row by row; palloc'd. */
CsFitted *
CsFittedOfCenters(int k, int d, const double *centers)
{
	CsFitted   *model = palloc0(sizeof(CsFitted));
	double	   *transposed;

	model->nsegments = k;
	model->ncolumns = d;
	model->padded = TYPEALIGN(CS_CENTER_GROUP, k);
	transposed = palloc_extended(sizeof(double) * model->padded * d, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int c = 0; c < k; c++)
		for (int j = 0; j < d; j++)
			transposed[(Size) j * model->padded + c] = centers[(Size) c * d + j];
	model->centers = transposed;
	return model;
}

/*
 * Start Lloyd's iterations, from centres that are given or else from those of the sample; palloc'd.  "tol" is
 * relative to the mean variance of the columns.
 */
void *
CsExactKmeansStart(const CsPassesInput *in, double tol, int max_iter, const CsOptionArray *init)
{
	ExactKmeans *m = palloc0(sizeof(ExactKmeans));
	Size		size;

	m->in = in;
	m->k = init->rows > 0 ? init->rows : in->sample->k;
	m->d = in->d;
	m->tol = tol;
	m->max_iter = max_iter;
	m->variance = NAN;
	m->mean = palloc(sizeof(double) * m->d);
	size = sizeof(double) * m->k * m->d;
	m->centers = palloc_extended(size, MCXT_ALLOC_HUGE);
	memcpy(m->centers, init->rows > 0 ? init->values : in->sample->centers, size);
	return m;
}

/* See CsPasses. */
void
CsExactKmeansPlan(void *state, JsonbParseState **json)
{
	const ExactKmeans *m = state;

	CsJsonObject(json, NULL);
	CsJsonText(json, "pass", CsKmeansTally.name);
	CsJsonInteger(json, "rows", m->in->nrows);
	CsJsonNumber(json, "heaviest", m->in->heaviest);
	CsJsonNumbers(json, "reach", m->in->reach, m->d, 1);
	CsJsonArray(json, "centers");
	for (int c = 0; c < m->k; c++)
		CsJsonNumbers(json, NULL, m->centers + (Size) c * m->d, m->d, 1);
	(void) CsJsonEnd(json);
	if (isnan(m->variance))
		CsJsonNumbers(json, "origin", m->in->mean, m->d, 1);
	(void) CsJsonEnd(json);
}

/* The exponents of sums of values up to "reach" times "heaviest"; palloc'd, and so are their scales. */
static int *
ExponentsOf(const double *reach, int d, double heaviest, double nrows, double **scale)
{
	int		   *exponent = palloc(sizeof(int) * d);

	*scale = palloc(sizeof(double) * d);
	for (int j = 0; j < d; j++)
	{
		exponent[j] = CsExactExponent(reach[j] * heaviest, nrows);
		(*scale)[j] = CsExactScale(exponent[j]);
	}
	return exponent;
}

static void *
OpenLloyd(CsTally *pass, const CsJsonReader *plan)
{
	Lloyd	   *l = palloc0(sizeof(Lloyd));
	double		nrows = (double) CsJsonReadInteger(plan, "rows", 0, PG_INT64_MAX);
	double		heaviest = CsJsonReadNumber(plan, "heaviest");
	double		square = 0;
	double	   *reach,
			   *centers;
	JsonbValue	value;
	int			k,
				d = pass->pipeline->noutputs;

	CsJsonReadShape(plan, "centers", &k, &l->d);
	if (k < 1 || k > CS_MAX_SEGMENTS || l->d != d)
		CsJsonReject(plan, "centers", "has %d arrays of %d elements where there are %d columns", k, l->d, d);
	l->k = k;
	l->is_weighted = pass->weight >= 0;
	centers = palloc_extended(sizeof(double) * k * d, MCXT_ALLOC_HUGE);
	CsJsonReadRows(plan, "centers", k, d, centers, d, 1);
	l->model = CsFittedOfCenters(k, d, centers);
	reach = palloc(sizeof(double) * 2 * d);
	CsJsonReadNumbers(plan, "reach", d, reach, 1);
	for (int j = 0; j < d; j++)
		square += 4 * reach[j] * reach[j];
	l->exponent = ExponentsOf(reach, d, heaviest, nrows, &l->scale);
	l->square_exponent = CsExactExponent(square * heaviest, nrows);
	l->square_scale = CsExactScale(l->square_exponent);
	l->weight_exponent = CsExactExponent(heaviest, nrows);
	l->weight_scale = CsExactScale(l->weight_exponent);
	l->record = palloc(sizeof(uint64) * RECORD_WIDTH(d));
	l->counts = CsTallySection(pass, CS_SECTION_COUNTS, k, 1);
	l->weights = l->is_weighted ? CsTallySection(pass, CS_SECTION_SUMS, k, 1) : -1;
	l->sums = CsTallySection(pass, CS_SECTION_SUMS, (int64) k * d, 1);
	l->inertia = CsTallySection(pass, CS_SECTION_SUMS, 1, 1);
	l->farthest = CsTallySection(pass, CS_SECTION_RECORDS, Min(k, MOST_FARTHEST), RECORD_WIDTH(d));
	l->offs = -1;
	if (CsJsonReadMember(plan, "origin", &value))
	{
		l->origin = palloc(sizeof(double) * d);
		CsJsonReadNumbers(plan, "origin", d, l->origin, 1);
		for (int j = 0; j < d; j++)
		{
			double		off = reach[j] + fabs(l->origin[j]);

			reach[j] = off;
			reach[d + j] = off * off;
		}
		l->off_exponent = ExponentsOf(reach, 2 * d, 1, nrows, &l->off_scale);
		l->offs = CsTallySection(pass, CS_SECTION_SUMS, 2 * (int64) d, 1);
	}
	return l;
}

/* Offer the row at hand as one of those that are farthest from their centres. */
static void
OfferFarthest(CsTally *pass, Lloyd *l, CsTallyState *state, double distance, int label)
{
	const CsSection *section = &pass->sections[l->farthest];
	CsRecords  *records = CsTallyRecords(pass, state, l->farthest);
	uint64		key = ~CsOrderedWord(distance);

	if (records->used == section->n && key > records->word[0])
		return;
	l->record[0] = key;
	for (int j = 0; j < l->d; j++)
		l->record[1 + j] = CsOrderedWord(pass->z[j]);
	l->record[1 + l->d] = CsOrderedWord(pass->row_weight);
	l->record[2 + l->d] = label;
	CsRecordsAdd(records, section, l->record);
}

static void
AddLloyd(CsTally *pass, void *own, CsTallyState *state)
{
	Lloyd	   *l = own;
	const double w = pass->row_weight;
	const double *z = pass->z;
	CsAssignment a;
	CsExact    *sums;

	if (!CsAssignNearest(l->model, z, &a, NULL))
		CsTallyRowsChanged();
	CsTallyCounts(pass, state, l->counts)[a.index]++;
	if (l->is_weighted)
		CsTallySum(&CsTallySums(pass, state, l->weights)[a.index], w, l->weight_scale);
	sums = CsTallySums(pass, state, l->sums) + (Size) a.index * l->d;
	for (int j = 0; j < l->d; j++)
		CsTallySum(&sums[j], w * z[j], l->scale[j]);
	CsTallySum(CsTallySums(pass, state, l->inertia), w * (a.distance * a.distance), l->square_scale);
	OfferFarthest(pass, l, state, a.distance, a.index);
	if (l->origin == NULL)
		return;
	sums = CsTallySums(pass, state, l->offs);
	for (int j = 0; j < l->d; j++)
	{
		double		off = z[j] - l->origin[j];

		CsTallySum(&sums[j], off, l->off_scale[j]);
		CsTallySum(&sums[l->d + j], off * off, l->off_scale[l->d + j]);
	}
}

const CsTallyKind CsKmeansTally = {"kmeans", .is_prepared = true, .open = OpenLloyd, .add = AddLloyd};

/* The mean variance of the columns. */
static double
MeanVariance(const Lloyd *l, const CsExact *offs, double nrows)
{
	double		total = 0;

	for (int j = 0; j < l->d; j++)
	{
		double		mean = CsExactValue(&offs[j], l->off_exponent[j]) / nrows;

		total += Max(CsExactValue(&offs[l->d + j], l->off_exponent[l->d + j]) / nrows - mean * mean, 0);
	}
	return total / l->d;
}

/* Give clusters without rows the rows that are farthest from their centres. */
static void
Relocate(const CsTally *pass, const Lloyd *l, const CsTallyState *state, const double *assigned, double *weight,
		 double *sum)
{
	CsRecords  *records = CsTallyRecords(pass, state, l->farthest);
	int			width = RECORD_WIDTH(l->d),
				c = 0;

	CsRecordsSort(records, &pass->sections[l->farthest]);
	/* were the largest distance 0, there would be nothing to gain */
	for (int64 i = 0; i < records->used && CsOrderedDouble(~records->word[0]) > 0; i++)
	{
		const uint64 *record = records->word + i * width;
		int			from = (int) record[2 + l->d];
		double		w = CsOrderedDouble(record[1 + l->d]);

		while (c < l->k && assigned[c] > 0)
			c++;
		if (c == l->k || from < 0 || from >= l->k)
			return;
		if (!(weight[from] > w))
			continue;
		weight[c] = w;
		weight[from] -= w;
		for (int j = 0; j < l->d; j++)
		{
			double		value = w * CsOrderedDouble(record[1 + j]);

			sum[(Size) c * l->d + j] = value;
			sum[(Size) from * l->d + j] -= value;
		}
		c++;
	}
}

/* Centres become the means of their rows; one that is still empty joins the heaviest.  Returns the squared shift. */
static double
MoveCenters(ExactKmeans *m, const double *weight, const double *sum)
{
	int			heaviest = 0;
	double		shift = 0;

	for (int c = 1; c < m->k; c++)
		if (weight[c] > weight[heaviest])
			heaviest = c;
	for (int c = 0; c < m->k; c++)
	{
		int			from = weight[c] > 0 ? c : heaviest;

		for (int j = 0; j < m->d; j++)
		{
			double	   *center = &m->centers[(Size) c * m->d + j];
			double		moved = sum[(Size) from * m->d + j] / weight[from];

			shift += (moved - *center) * (moved - *center);
			*center = moved;
		}
	}
	return shift;
}

/* The mean of all rows, from the sums of the clusters. */
static void
FindMean(ExactKmeans *m, const double *weight, const double *sum)
{
	double		total = 0;

	memset(m->mean, 0, sizeof(double) * m->d);
	for (int c = 0; c < m->k; c++)
	{
		total += weight[c];
		for (int j = 0; j < m->d; j++)
			m->mean[j] += sum[(Size) c * m->d + j];
	}
	for (int j = 0; j < m->d; j++)
		m->mean[j] /= total;
}

/* See CsPasses: the centres move. */
bool
CsExactKmeansLearn(void *opaque, const CsTally *pass, const CsTallyPart *part, const CsTallyState *state)
{
	ExactKmeans *m = opaque;
	const Lloyd *l = part->own;
	const int64 *counts = CsTallyCounts(pass, state, l->counts);
	const CsExact *sums = CsTallySums(pass, state, l->sums);
	Size		kd = (Size) m->k * m->d;
	double	   *weight = palloc(sizeof(double) * m->k);
	double	   *assigned = palloc(sizeof(double) * m->k);
	double	   *sum = palloc_extended(sizeof(double) * kd, MCXT_ALLOC_HUGE);
	int64		nrows = 0;
	bool		any_empty = false;

	for (int c = 0; c < m->k; c++)
	{
		assigned[c] = l->weights < 0 ? (double) counts[c] :
			CsExactValue(&CsTallySums(pass, state, l->weights)[c], l->weight_exponent);
		nrows += counts[c];
		any_empty |= !(assigned[c] > 0);
	}
	if (nrows != m->in->nrows)
		CsTallyCountsChanged();
	memcpy(weight, assigned, sizeof(double) * m->k);
	for (Size i = 0; i < kd; i++)
		sum[i] = CsExactValue(&sums[i], l->exponent[i % m->d]);
	if (isnan(m->variance))
	{
		m->variance = MeanVariance(l, CsTallySums(pass, state, l->offs), (double) nrows);
		m->tolerance = m->tol * m->variance;
	}
	FindMean(m, weight, sum);
	if (any_empty)
		Relocate(pass, l, state, assigned, weight, sum);
	m->iterations++;
	m->converged = MoveCenters(m, weight, sum) <= m->tolerance;
	pfree(weight);
	pfree(assigned);
	pfree(sum);
	return !m->converged && m->iterations < m->max_iter;
}

/* See CsPasses. */
void
CsExactKmeansSettle(void *state, CsFitOutput *out)
{
	ExactKmeans *m = state;

	out->k = m->k;
	out->centers = m->centers;
	out->iterations = m->iterations;
	out->converged = m->converged;
}

/* See CsPasses. */
const double *
CsExactKmeansMean(void *state)
{
	return ((ExactKmeans *) state)->mean;
}
