/*
 * gmm_kernels.h
 *	  Kernels of the Gaussian mixture: the template that gmm_pass.c includes for each width.
 *
 * Rows of a group lie column-major, "padded" of them, a multiple of 16.  Sums over rows are eight
 * running sums; all other results belong to one row and are computed in a fixed order.
 */
#include "math/kernel_begin.h"

/* difference = x - mean, for each column. */
KERNEL static void
KernelName(Subtract) (int d, int padded, const double *x, int stride, const double *mean,
					  double *difference)
{
	for (int j = 0; j < d; j++)
		for (int r = 0; r < padded; r += KERNEL_WIDTH)
			StoreRow(difference + (Size) j * padded + r,
					 LoadRow(x + (Size) j * stride + r) - mean[j]);
}

/*
 * Entries first..first+n-1 of y = F difference, for eight rows: their squares are added to the sum,
 * and y is stored unless there is no place for it.  Inlined with a constant n of at most 4, so that
 * running sums live in registers.
 */
KERNEL static inline __attribute__((always_inline)) void
KernelName(ProjectTile) (int first, int n, const double *difference, int padded,
						 const double *factor, double *projected, Row *squares)
{
	const double *row[4];
	Row			y[4][KERNEL_PARTS];

	for (int t = 0; t < n; t++)
	{
		row[t] = factor + CsTriangle(first + t);
		for (int p = 0; p < KERNEL_PARTS; p++)
			y[t][p] = (Row) {0};
	}
	for (int j = 0; j < first; j++)
		for (int p = 0; p < KERNEL_PARTS; p++)
		{
			Row			value = LoadRow(difference + (Size) j * padded + p * KERNEL_WIDTH);

			for (int t = 0; t < n; t++)
				y[t][p] += value * row[t][j];
		}
	for (int j = 0; j < n; j++)
		for (int p = 0; p < KERNEL_PARTS; p++)
		{
			Row			value = LoadRow(difference + (Size) (first + j) * padded + p * KERNEL_WIDTH);

			for (int t = j; t < n; t++)
				y[t][p] += value * row[t][first + j];
		}
	for (int t = 0; t < n; t++)
		for (int p = 0; p < KERNEL_PARTS; p++)
		{
			squares[p] += y[t][p] * y[t][p];
			if (projected)
				StoreRow(projected + (Size) (first + t) * padded + p * KERNEL_WIDTH, y[t][p]);
		}
}

/* All entries of y = F difference, for eight rows, and the sum of their squares. */
KERNEL static inline __attribute__((always_inline)) void
KernelName(ProjectRows) (int d, const double *difference, int padded, const double *factor,
						 double *projected, double *squared)
{
	Row			squares[KERNEL_PARTS];
	int			i;

	for (int p = 0; p < KERNEL_PARTS; p++)
		squares[p] = (Row) {0};
	for (i = 0; i + 4 <= d; i += 4)
		KernelName(ProjectTile) (i, 4, difference, padded, factor, projected, squares);
	switch (d - i)
	{
		case 3:
			KernelName(ProjectTile) (i, 3, difference, padded, factor, projected, squares);
			break;
		case 2:
			KernelName(ProjectTile) (i, 2, difference, padded, factor, projected, squares);
			break;
		case 1:
			KernelName(ProjectTile) (i, 1, difference, padded, factor, projected, squares);
			break;
	}
	for (int p = 0; squared && p < KERNEL_PARTS; p++)
		StoreRow(squared + p * KERNEL_WIDTH, squares[p]);
}

/* Full: squared Mahalanobis distances. */
KERNEL static void
KernelName(MeasureProjected) (int d, int padded, const double *difference, const double *factor,
							  double *squared)
{
	for (int r = 0; r < padded; r += 8)
	{
		CHECK_FOR_INTERRUPTS();
		KernelName(ProjectRows) (d, difference + r, padded, factor, NULL, squared + r);
	}
}

/* Tied: the rows as the one factor projects them. */
KERNEL static void
KernelName(Project) (int d, int padded, const double *difference, const double *factor,
					 double *projected)
{
	for (int r = 0; r < padded; r += 8)
	{
		CHECK_FOR_INTERRUPTS();
		KernelName(ProjectRows) (d, difference + r, padded, factor, projected + r, NULL);
	}
}

/* Diag and spherical: squared Mahalanobis distances. */
KERNEL static void
KernelName(MeasureScaled) (int d, int padded, const double *difference, const double *factor,
						   double *squared)
{
	for (int r = 0; r < padded; r += KERNEL_WIDTH)
	{
		Row			squares = {0};

		for (int j = 0; j < d; j++)
		{
			Row			y = LoadRow(difference + (Size) j * padded + r) * factor[j];

			squares += y * y;
		}
		StoreRow(squared + r, squares);
	}
}

/*
 * From squared distances to log densities, in place: the logarithm of the component's weight times
 * its density.  OUT the largest of each row, and its component, the lowest on ties.
 */
KERNEL static void
KernelName(TakeLogDensities) (int k, int padded, const double *constants, double *posterior,
							  double *largest, double *component)
{
	for (int r = 0; r < padded; r += KERNEL_WIDTH)
	{
		Row			top = constants[0] - 0.5 * LoadRow(posterior + r);
		Row			at = {0};

		StoreRow(posterior + r, top);
		for (int c = 1; c < k; c++)
		{
			double	   *place = posterior + (Size) c * padded + r;
			Row			value = constants[c] - 0.5 * LoadRow(place);
			RowMask		better = value > top;

			StoreRow(place, value);
			top = ChooseRow(better, value, top);
			at = ChooseRow(better, (Row) {0} + (double) c, at);
		}
		StoreRow(largest + r, top);
		StoreRow(component + r, at);
	}
}

/* Log densities less the largest of their row. */
KERNEL static void
KernelName(SubtractLargest) (int k, int padded, const double *largest, double *posterior)
{
	for (int c = 0; c < k; c++)
		for (int r = 0; r < padded; r += KERNEL_WIDTH)
		{
			double	   *place = posterior + (Size) c * padded + r;

			StoreRow(place, LoadRow(place) - LoadRow(largest + r));
		}
}

/* Sum of each row's densities, relative to the largest. */
KERNEL static void
KernelName(SumDensities) (int k, int padded, const double *posterior, double *sum)
{
	for (int r = 0; r < padded; r += KERNEL_WIDTH)
	{
		Row			s = {0};

		for (int c = 0; c < k; c++)
			s += LoadRow(posterior + (Size) c * padded + r);
		StoreRow(sum + r, s);
	}
}

/* Densities to responsibilities, times the rows' weights. */
KERNEL static void
KernelName(Normalize) (int k, int padded, const double *sum, const double *weight,
					   double *posterior)
{
	for (int r = 0; r < padded; r += KERNEL_WIDTH)
	{
		Row			scale = LoadRow(weight + r) / LoadRow(sum + r);

		for (int c = 0; c < k; c++)
		{
			double	   *place = posterior + (Size) c * padded + r;

			StoreRow(place, LoadRow(place) * scale);
		}
	}
}

/*
 * Sum over the rows of a * b, and unless it is NULL the products; without b of a.  Inlined where it
 * is known which.
 */
KERNEL static inline __attribute__((always_inline)) double
KernelName(SumProducts) (int padded, const double *a, const double *b, double *products)
{
	Row			sum[KERNEL_PARTS];

	for (int p = 0; p < KERNEL_PARTS; p++)
		sum[p] = (Row) {0};
	for (int r = 0; r < padded; r += 8)
		for (int p = 0; p < KERNEL_PARTS; p++)
		{
			int			at = r + p * KERNEL_WIDTH;
			Row			product = b ? LoadRow(a + at) * LoadRow(b + at) : LoadRow(a + at);

			if (products)
				StoreRow(products + at, product);
			sum[p] += product;
		}
	return SumOfEight((const double *) sum);
}

/* Weighted sum of the rows' log-likelihoods: the largest log density and the log of the sum. */
KERNEL static double
KernelName(SumLikelihoods) (int padded, double *largest, const double *log_sum,
							const double *weight)
{
	for (int r = 0; r < padded; r += KERNEL_WIDTH)
		StoreRow(largest + r, LoadRow(largest + r) + LoadRow(log_sum + r));
	return KernelName(SumProducts) (padded, largest, weight, NULL);
}

/*
 * Differences to a mean times responsibilities; adds to sums[0] the responsibilities, to
 * sums[1 + j] the products.
 */
KERNEL static void
KernelName(Weigh) (int d, int padded, const double *difference, const double *responsibility,
				   double *weighted, double *sums)
{
	sums[0] += KernelName(SumProducts) (padded, responsibility, NULL, NULL);
	for (int j = 0; j < d; j++)
		sums[1 + j] += KernelName(SumProducts) (padded, difference + (Size) j * padded,
												responsibility, weighted + (Size) j * padded);
}

/* Diag and spherical: adds each column's sum of products. */
KERNEL static void
KernelName(AddSquares) (int d, int padded, const double *difference, const double *weighted,
						double *sums)
{
	for (int j = 0; j < d; j++)
		sums[j] += KernelName(SumProducts) (padded, difference + (Size) j * padded,
											weighted + (Size) j * padded, NULL);
}

/*
 * Adds the sums of products of rows i..i+ni-1 with columns j..j+nj-1 to a triangle.  Inlined with
 * constants ni and nj of at most 2: a value that is loaded meets two others while it is in a
 * register.  Above the diagonal nothing is added.
 */
KERNEL static inline __attribute__((always_inline)) void
KernelName(AddTile) (int i, int ni, int j, int nj, int padded, const double *weighted,
					 const double *difference, double *sums)
{
	Row			sum[2][2][KERNEL_PARTS];
	const double *a = weighted + (Size) i * padded,
			   *b = difference + (Size) j * padded;

	for (int s = 0; s < ni; s++)
		for (int t = 0; t < nj; t++)
			for (int p = 0; p < KERNEL_PARTS; p++)
				sum[s][t][p] = (Row) {0};
	for (int r = 0; r < padded; r += 8)
		for (int p = 0; p < KERNEL_PARTS; p++)
			for (int s = 0; s < ni; s++)
				for (int t = 0; t < nj; t++)
					sum[s][t][p] += LoadRow(a + s * padded + r + p * KERNEL_WIDTH) *
						LoadRow(b + t * padded + r + p * KERNEL_WIDTH);
	for (int s = 0; s < ni; s++)
		for (int t = 0; t < nj; t++)
			if (j + t <= i + s)
				sums[CsTriangle(i + s) + j + t] += SumOfEight((const double *) sum[s][t]);
}

/* Rows i..i+ni-1 of the triangle, columns first..last-1, as far as there are any. */
KERNEL static inline __attribute__((always_inline)) void
KernelName(AddTiles) (int i, int ni, int first, int last, int padded, const double *weighted,
					  const double *difference, double *sums)
{
	int			j;

	last = Min(last, i + ni);
	for (j = first; j + 2 <= last; j += 2)
		KernelName(AddTile) (i, ni, j, 2, padded, weighted, difference, sums);
	if (j < last)
		KernelName(AddTile) (i, ni, j, 1, padded, weighted, difference, sums);
}

/* Full: adds the sums of products of columns first..last-1 with all columns, a triangle. */
KERNEL static void
KernelName(AddProducts) (int d, int first, int last, int padded, const double *difference,
						 const double *weighted, double *sums)
{
	int			i;

	/* tiles begin at even rows, as the columns do, so that those on the diagonal are whole */
	for (i = first; i + 2 <= d; i += 2)
	{
		CHECK_FOR_INTERRUPTS();
		KernelName(AddTiles) (i, 2, first, last, padded, weighted, difference, sums);
	}
	if (i < d)
		KernelName(AddTiles) (i, 1, first, last, padded, weighted, difference, sums);
}

static const Kernels KernelName(kernels) =
{
	.subtract = KernelName(Subtract),
	.measure_projected = KernelName(MeasureProjected),
	.project = KernelName(Project),
	.measure_scaled = KernelName(MeasureScaled),
	.take_log_densities = KernelName(TakeLogDensities),
	.subtract_largest = KernelName(SubtractLargest),
	.sum_densities = KernelName(SumDensities),
	.normalize = KernelName(Normalize),
	.sum_likelihoods = KernelName(SumLikelihoods),
	.weigh = KernelName(Weigh),
	.add_squares = KernelName(AddSquares),
	.add_products = KernelName(AddProducts),
};

#include "math/kernel_end.h"
