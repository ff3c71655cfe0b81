/*
 * kmedoids.c
 *	  k-medoids: each segment is represented by one of its rows, its medoid, and the loss, the sum of
 *	  the rows' distances to their medoids, is small (Kaufman and Rousseeuw 1990).
 *
 * Distances are not squared, so rows far away pull less than in k-means.
 *
 * PAM (kmedoids_pam.c) needs the distances of all pairs of rows.  From a table with more than
 * sample_size rows CLARA draws samples of that size.  Each sample but the first has the best
 * medoids so far among its rows, and the medoids with the least loss over all rows win.
 *
 * The medoids are the model's centres: a row that is scored goes to the nearest.
 */
#include "custseg.h"

#include "algo/kmedoids.h"
#include "miscadmin.h"

/* Streams of random numbers, one for each sample. */
#define SAMPLE_STREAM UINT64CONST(0x3ED01D00)

static const char *const metric_names[] = {"euclidean", "manhattan", NULL};

static const CsOption options[] = {
	CS_COMMON_OPTIONS(KmedoidsOptions, common),
	{"metric", CS_OPTION_CHOICE, offsetof(KmedoidsOptions, metric), KMEDOIDS_EUCLIDEAN, 0, 0,
	metric_names},
	{"samples", CS_OPTION_INT, offsetof(KmedoidsOptions, samples), 5, 1, 1000},
	{"sample_size", CS_OPTION_INT, offsetof(KmedoidsOptions, sample_size), 2000, 2, 30000},
	{"max_iter", CS_OPTION_INT, offsetof(KmedoidsOptions, max_iter), 300, 1, 1000000},
};

/* The metric as scoring reads it: the exponent of Minkowski's, 1 or 2. */
static const CsParameterInfo parameters[] = {{"minkowski_p", CS_PARAMETER_SCALAR}};

/* The arguments of the pass that assigns all rows. */
typedef struct Assignment
{
	KmedoidsMetric metric;
	int			d;
	int			k;
	int			matrix;			/* areas: CsMatrix, */
	int			weights;		/* double[nrows], or -1, */
	int			labels;			/* int32[nrows], */
	int			medoids;		/* double[k][d], */
	int			lanes;			/* LaneLoss[CS_LANES] */
} Assignment;

/* What one lane reports of it. */
typedef struct LaneLoss
{
	double		loss;
	double		farthest;		/* largest weight times distance of a row to its medoid, */
	int64		row;			/* and the row; -1: all distances are 0 */
} LaneLoss;

/* The leader's own state. */
typedef struct Search
{
	const CsFitInput *in;
	const KmedoidsOptions *options;
	Assignment	assignment;
	Medoids		best;			/* of the samples so far */
	Medoids		now;			/* of the sample that is looked at */
} Search;

/* Are there too many rows to look at all pairs? */
static inline bool
Samples(const KmedoidsOptions *o, int64 nrows)
{
	return nrows > o->sample_size;
}

/* Most rows of a sample: those drawn, and the best medoids so far. */
static inline int64
MostSampled(const KmedoidsOptions *o, int64 nrows, int k)
{
	return Min(nrows, (int64) o->sample_size + k);
}

/* Bytes beside the matrix. */
static Size
KmedoidsMemory(int64 nrows, int d, int k, const void *opaque)
{
	const KmedoidsOptions *o = opaque;
	int64		n = Samples(o, nrows) ? MostSampled(o, nrows, k) : nrows;
	Size		labels = mul_size(sizeof(int32), nrows + CS_BLOCK_ROWS);
	Size		medoids = mul_size(mul_size(sizeof(double), k), (Size) d + 2);
	Size		sample = Samples(o, nrows) ?
		mul_size(mul_size(sizeof(double), n + CS_BLOCK_ROWS), (Size) d + 2) : 0;

	return add_size(add_size(CsPamMemory(n, k), sample),
					add_size(add_size(labels, medoids), CsMomentsMemory(k, d)));
}

/* The nearest medoid of each row of a block, ties to the first, and its distance as it compares. */
static void
FindNearest(const Assignment *a, int nrows, const double *x, const double *medoids, double *scratch,
			int32 *label, double *nearest)
{
	for (int first = 0; first < nrows; first += CS_GROUP_ROWS)
	{
		int			n = Min(CS_GROUP_ROWS, nrows - first);

		/* a group, not a block: there may be thousands of medoids and of columns */
		CHECK_FOR_INTERRUPTS();
		if (a->metric != KMEDOIDS_MANHATTAN)
		{
			CsNearest(a->d, n, x + first, CS_BLOCK_ROWS, a->k, medoids, scratch, label + first,
					  nearest + first, NULL);
			continue;
		}
		KmedoidsCompare(a->metric, a->d, n, x + first, a->k, medoids, scratch);
		for (int r = 0; r < n; r++)
		{
			label[first + r] = 0;
			nearest[first + r] = scratch[r];
			for (int c = 1; c < a->k; c++)
				if (scratch[(Size) c * CS_PAD_ROWS(n) + r] < nearest[first + r])
				{
					label[first + r] = c;
					nearest[first + r] = scratch[(Size) c * CS_PAD_ROWS(n) + r];
				}
		}
	}
}

/* CS_TASK(CsKmedoidsAssignTask): a lane's rows go to their nearest medoids. */
void
CsKmedoidsAssignTask(CsTeam *team, const void *args, int item)
{
	const Assignment *a = args;
	CsArena    *arena = CsTeamArena(team);
	const CsMatrix *m = CsArenaAddress(arena, a->matrix);
	const double *weights = a->weights < 0 ? NULL : CsArenaAddress(arena, a->weights);
	int32	   *labels = CsArenaAddress(arena, a->labels);
	LaneLoss   *lane = (LaneLoss *) CsArenaAddress(arena, a->lanes) + item;
	double	   *scratch = palloc_extended(mul_size(sizeof(double) * CS_GROUP_ROWS, a->k),
										  MCXT_ALLOC_HUGE);
	double		nearest[CS_BLOCK_ROWS];
	double		compensation = 0;

	lane->loss = lane->farthest = 0;
	lane->row = -1;
	for (int64 b = CsLaneStart(m, item); b < CsLaneStart(m, item + 1); b++)
	{
		int64		first = b * CS_BLOCK_ROWS;
		int			nrows = CsMatrixBlockRows(m, b);

		FindNearest(a, nrows, CsMatrixBlock(m, arena, b), CsArenaAddress(arena, a->medoids),
					scratch, labels + first, nearest);
		for (int r = 0; r < nrows; r++)
		{
			double		weight = weights ? weights[first + r] : 1;
			double		loss = weight * KmedoidsDistance(a->metric, nearest[r]);

			CsAddCompensated(&lane->loss, &compensation, loss);
			if (loss > lane->farthest)
			{
				lane->farthest = loss;
				lane->row = first + r;
			}
		}
	}
	lane->loss += compensation;
}

/*
 * Assign all rows to the present medoids, which sets their loss.  Returns the row that adds most to
 * it, -1 when each row equals its medoid.
 */
static int64
AssignRows(Search *s)
{
	CsArena    *arena = CsTeamArena(s->in->team);
	Assignment *a = &s->assignment;
	const LaneLoss *lane = CsArenaAddress(arena, a->lanes);
	double	   *medoids = CsArenaAddress(arena, a->medoids);
	double		sum = 0,
				compensation = 0,
				farthest = 0;
	int64		row = -1;

	a->k = s->now.k;
	for (int c = 0; c < a->k; c++)
		CsMatrixGetRow(s->in->matrix, arena, s->now.row[c], medoids + (Size) c * a->d);
	CsTeamRun(s->in->team, CS_TASK(CsKmedoidsAssignTask), a, sizeof(*a), CS_LANES);
	for (int l = 0; l < CS_LANES; l++)
	{
		CsAddCompensated(&sum, &compensation, lane[l].loss);
		if (lane[l].farthest > farthest)
		{
			farthest = lane[l].farthest;
			row = lane[l].row;
		}
	}
	s->now.loss = sum + compensation;
	return row;
}

/* CLARA's sample of that number, ascending, with the best medoids so far.  Returns its size. */
static int64
DrawSample(const Search *s, int sample, int64 *row)
{
	int64		drawn = s->options->sample_size;
	int64		n = drawn;
	CsRng		rng;

	CsRngSeed(&rng, (uint64) s->options->common.seed, SAMPLE_STREAM + (uint64) sample);
	CsRngSample(&rng, s->in->matrix->nrows, drawn, row);
	for (int c = 0; c < s->best.k; c++)
		if (bsearch_arg(&s->best.row[c], row, drawn, sizeof(int64), CsCompareInt64, NULL) == NULL)
			row[n++] = s->best.row[c];
	qsort_arg(row, n, sizeof(int64), CsCompareInt64, NULL);
	return n;
}

/* The medoids of a sample, to which all rows are assigned. */
static void
TrySample(Search *s, int sample, const int64 *row, int64 n)
{
	CsArena    *arena = CsTeamArena(s->in->team);
	CsMatrix   *m = CsMatrixOfRows(arena, s->in->matrix, row, n);
	int			weights = CsWeightsOfRows(arena, s->in->weights, row, n);
	int64		farthest;

	CsPam(s->in->team, m, weights, s->in->k, s->options, sample, &s->now);
	for (int c = 0; c < s->now.k; c++)
		s->now.row[c] = row[s->now.row[c]];
	CsMatrixFree(m, arena);
	pfree(m);
	if (weights >= 0)
		CsArenaFree(arena, weights);

	/* there may be more different rows than the sample has */
	while ((farthest = AssignRows(s)) >= 0 && s->now.k < s->in->k)
		s->now.row[s->now.k++] = farthest;
}

/* Replace the present medoids by the best ones. */
static void
SwitchMedoids(Search *s)
{
	Medoids		now = s->now;

	s->now = s->best;
	s->best = now;
}

/* CLARA: the present medoids become those of the best sample. */
static void
TrySamples(Search *s)
{
	int64	   *row = palloc(sizeof(int64) * MostSampled(s->options, s->in->matrix->nrows, s->in->k));

	for (int sample = 0; sample < s->options->samples; sample++)
	{
		int64		n = DrawSample(s, sample, row);

		TrySample(s, sample, row, n);
		if (sample == 0 || s->now.loss < s->best.loss)
			SwitchMedoids(s);
	}
	SwitchMedoids(s);
	pfree(row);
}

/* A medoid and how many rows it has. */
typedef struct Sized
{
	int64		row;
	int64		n;
	int			place;
} Sized;

/* More rows first, then in their order. */
static int
CompareSizes(const void *a, const void *b)
{
	const Sized *x = a,
			   *y = b;

	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return x->place - y->place;
}

/* Put the medoids in the order of their sizes; returns whether they were in it. */
static bool
SortMedoids(Search *s)
{
	CsArena    *arena = CsTeamArena(s->in->team);
	const int32 *labels = CsArenaAddress(arena, s->assignment.labels);
	Sized	   *sized = palloc0(sizeof(Sized) * s->now.k);
	bool		sorted = true;

	for (int64 i = 0; i < s->in->matrix->nrows; i++)
	{
		CsCheckInterrupts(i);
		sized[labels[i]].n++;
	}
	for (int c = 0; c < s->now.k; c++)
	{
		sized[c].row = s->now.row[c];
		sized[c].place = c;
	}
	qsort(sized, s->now.k, sizeof(Sized), CompareSizes);
	for (int c = 0; c < s->now.k; c++)
	{
		s->now.row[c] = sized[c].row;
		sorted = sorted && sized[c].place == c;
	}
	pfree(sized);
	return sorted;
}

/*
 * Sizes, centres and measures of the fit.  Inertia is about the medoids: that about the means, and
 * what the medoids' distances to them add.
 */
static void
Measure(Search *s, CsFitOutput *out)
{
	const CsFitInput *in = s->in;
	CsSegmentMoments *moments = CsMomentsOfSegments(in->team, in->matrix, in->weights, out->labels,
													out->k);
	double	   *medoids = CsArenaAddress(CsTeamArena(in->team), s->assignment.medoids);
	int			d = in->matrix->ncolumns;
	double		weight = 0;

	out->counts = moments->counts;
	out->total = moments->total;
	out->inertia = 0;
	for (int c = 0; c < out->k; c++)
	{
		double		squared = 0;

		for (Size i = (Size) c * d; i < (Size) (c + 1) * d; i++)
		{
			squared += (medoids[i] - moments->centers[i]) * (medoids[i] - moments->centers[i]);
			moments->centers[i] = medoids[i];
		}
		out->inertia += moments->squared[c] + moments->weights[c] * squared;
		weight += moments->weights[c];
	}
	out->centers = moments->centers;
	out->metrics[out->nmetrics++] = (CsMetric) {"loss", s->now.loss};
	out->metrics[out->nmetrics++] = (CsMetric) {"objective", s->now.loss / weight};
	out->parameters[0].rows = out->parameters[0].columns = 1;
	out->parameters[0].values = palloc(sizeof(double));
	out->parameters[0].values[0] = s->options->metric == KMEDOIDS_MANHATTAN ? 1 : 2;
}

/* More medoids than a sample has rows cannot be had. */
static void
CheckSegments(const CsFitInput *in)
{
	const KmedoidsOptions *o = in->options;

	if (!Samples(o, in->matrix->nrows) || in->k <= o->sample_size)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"k\" is %d, but the sample has only %d rows", in->k, o->sample_size),
			 errdetail("Medoids are searched in samples, because there are more rows than that."),
			 errhint("Raise option \"sample_size\".")));
}

/* Take the areas that assigning needs, and room for the medoids. */
static void
Open(Search *s)
{
	const CsFitInput *in = s->in;
	CsArena    *arena = CsTeamArena(in->team);
	Assignment *a = &s->assignment;

	a->metric = s->options->metric;
	a->d = in->matrix->ncolumns;
	a->weights = in->weights;
	a->matrix = CsMatrixShare(in->matrix, arena);
	a->medoids = CsArenaAlloc(arena, mul_size(mul_size(sizeof(double), in->k), a->d));
	a->lanes = CsArenaAlloc(arena, sizeof(LaneLoss) * CS_LANES);
	a->labels = CsArenaAlloc(arena, mul_size(sizeof(int32) * CS_BLOCK_ROWS,
											 CsMatrixBlocks(in->matrix)));
	s->now.row = palloc(sizeof(int64) * in->k);
	s->best.row = palloc(sizeof(int64) * in->k);
}

/* Give back what is not part of the result. */
static void
Close(Search *s)
{
	CsArena    *arena = CsTeamArena(s->in->team);

	CsArenaFree(arena, s->assignment.matrix);
	CsArenaFree(arena, s->assignment.medoids);
	CsArenaFree(arena, s->assignment.lanes);
	pfree(s->now.row);
	pfree(s->best.row);
}

/*
 * Find the medoids, as CsAlgorithm.fit.  Segments are numbered by size, and scoring gives a row
 * that is equally near to two medoids the lower number.  For training to do the same, medoids are
 * put in the order of their sizes and rows are assigned again, until the sizes are in order.  Each
 * round moves rows to segments further in front, so it ends.
 */
static void
KmedoidsFit(const CsFitInput *in, CsFitOutput *out)
{
	const KmedoidsOptions *o = in->options;
	Search		s = {.in = in, .options = o};

	CheckSegments(in);
	memset(out, 0, sizeof(*out));
	Open(&s);
	if (Samples(o, in->matrix->nrows))
	{
		TrySamples(&s);
		out->note = psprintf("medoids of the best of %d samples of %d of %lld rows", o->samples,
							 o->sample_size, (long long) in->matrix->nrows);
	}
	else
		CsPam(in->team, in->matrix, in->weights, in->k, o, 0, &s.now);
	do
		(void) AssignRows(&s);
	while (!SortMedoids(&s));
	out->labels = s.assignment.labels;
	out->k = s.now.k;
	out->iterations = s.now.iterations;
	out->converged = s.now.converged;
	Measure(&s, out);
	Close(&s);
}

static inline bool
IsManhattan(const CsFitted *model)
{
	return model->parameters[0].values[0] == 1;
}

/* Check that the metric is one of two; nothing is derived.  See CsAlgorithm.compile. */
static Size
KmedoidsCompile(const CsFitted *model, void *result)
{
	double		p = model->parameters[0].values[0];

	if (p != 1 && p != 2)
		CsInvalidParameters("\"%s\" is neither 1 nor 2.", parameters[0].name);
	return 0;
}

/* The segment of the nearest medoid by the model's metric, as CsAlgorithm.assign. */
static bool
KmedoidsAssign(const CsFitted *model, const double *z, CsAssignment *result, double *memberships)
{
	return IsManhattan(model) ? CsAssignManhattan(model, z, result, memberships) :
		CsAssignNearest(model, z, result, memberships);
}

/*
 * What speaks against a segment is the Manhattan or the squared Euclidean distance to its medoid.
 */
static void
KmedoidsExplain(const CsFitted *model, const double *z, int segment, double *point, double *pull)
{
	CsExplainNearest(model, z, segment, point, pull);
	for (int j = 0; IsManhattan(model) && j < model->ncolumns; j++)
		pull[j] = (pull[j] > 0) - (pull[j] < 0);
}

const CsAlgorithm CsKmedoids = {
	.name = "kmedoids",
	.segments = "round, about one of their own customers",
	.memory_text = "the distances of all pairs of rows, or of the rows of a sample: 32 MB for 2,000 (sample_size); and 4 bytes for each row",
	.keeps = "the medoids, one row for each segment",
	.time = "rows x rows x columns, and rows x rows for each round of swaps; of a sample, and then rows x columns x k",
	.options = options,
	.noptions = lengthof(options),
	.options_size = sizeof(KmedoidsOptions),
	.max_segments = CS_MAX_SEGMENTS,
	.parameters = parameters,
	.nparameters = lengthof(parameters),
	.memory = KmedoidsMemory,
	.fit = KmedoidsFit,
	.compile = KmedoidsCompile,
	.assign = KmedoidsAssign,
	.explain = KmedoidsExplain,
};
