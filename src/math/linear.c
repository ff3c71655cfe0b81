/*
 * linear.c
 *	  Eigenvectors by LAPACK, eigenvalues alone, Cholesky factors, and the optimal assignment of rows to columns.
 *
 * Cholesky's method is written out and not LAPACK's: it is run each time a model is compiled to
 * score by, in sessions that have no other use for LAPACK; and its bits must not depend on the
 * library, lest rows be placed otherwise than they were in training.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "math/lapack.h"
#include "math/math.h"
#include "miscadmin.h"

#define LAPACK_ALIGNMENT 64

/* Entries of an eigenvector whose magnitudes differ by less than this part may be the same but for rounding. */
#define SAME_MAGNITUDE 1e-6

/*
 * Make the entry of largest magnitude positive, so that an eigenvector has one sign everywhere.  Of entries that may be
 * the same but for rounding the first one counts: those of two standardized columns are 1/sqrt(2) and -1/sqrt(2), of
 * which the last bits would choose.
 */
static void
FixSign(int d, double *vector)
{
	double		largest = 0;
	int			first = 0;

	for (int j = 0; j < d; j++)
		largest = Max(largest, fabs(vector[j]));
	while (first < d - 1 && fabs(vector[first]) < (1 - SAME_MAGNITUDE) * largest)
		first++;
	if (vector[first] < 0)
		for (int j = 0; j < d; j++)
			vector[j] = -vector[j];
}

/*
 * An array for LAPACK, whose kernels may add in another order where an array starts elsewhere
 * within a cache line: all start at its beginning, so that the bits do not depend on where memory
 * happened to be. *allocated is what to pfree.
 */
static double *
AlignedArray(Size n, void **allocated)
{
	*allocated = palloc_extended(add_size(mul_size(sizeof(double), n), LAPACK_ALIGNMENT), MCXT_ALLOC_HUGE);
	return (double *) TYPEALIGN(LAPACK_ALIGNMENT, *allocated);
}

/*
 * Eigenvalues and eigenvectors of a symmetric d x d matrix, by LAPACK's dsyevr.  OUT values,
 * descending, and vectors[i * d + j], the i-th eigenvector, whose largest absolute entry is
 * positive (the first of those that are the same but for rounding).  Returns LAPACK's info, 0 for success.
 */
int
CsSymmetricEigen(int d, const double *matrix, double *values, double *vectors)
{
	const CsLapack *lapack = CsLapackGet();
	void	   *allocated[4];
	double		zero = 0;
	double	   *a = AlignedArray(mul_size(d, d), &allocated[0]);
	double	   *columns = AlignedArray(mul_size(d, d), &allocated[1]);
	double	   *ascending = AlignedArray(d, &allocated[2]);
	int		   *support = palloc(sizeof(int) * 2 * d);
	int			none = 0,
				query = -1,
				found,
				integers,
				length,
				info;
	double		want;
	double	   *work;
	int		   *iwork;

	memcpy(a, matrix, mul_size(sizeof(double) * d, d));
	lapack->dsyevr("V", "A", "L", &d, a, &d, &zero, &zero, &none, &none, &zero, &found, ascending,
				   columns, &d, support, &want, &query, &integers, &query, &info);
	if (info != 0)
		return info;
	length = (int) want;
	work = AlignedArray(length, &allocated[3]);
	iwork = palloc(sizeof(int) * integers);
	lapack->dsyevr("V", "A", "L", &d, a, &d, &zero, &zero, &none, &none, &zero, &found, ascending,
				   columns, &d, support, work, &length, iwork, &integers, &info);
	for (int i = 0; i < d && info == 0; i++)
	{
		values[i] = ascending[d - 1 - i];
		memcpy(vectors + (Size) i * d, columns + (Size) (d - 1 - i) * d, sizeof(double) * d);
		FixSign(d, vectors + (Size) i * d);
	}
	for (int i = 0; i < lengthof(allocated); i++)
		pfree(allocated[i]);
	pfree(support);
	pfree(iwork);
	return info;
}

/* Rotate rows and columns p and q of a symmetric d x d matrix, so that its entry there becomes 0 (step of Jacobi's method). */
static void
Rotate(int d, double *a, int p, int q)
{
	double	   *row_p = a + (Size) p * d,
			   *row_q = a + (Size) q * d;
	double		off = row_p[q],
				theta = (row_q[q] - row_p[p]) / (2 * off),
				t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1)),
				c = 1 / sqrt(t * t + 1),
				s = t * c;
	double		diagonal_p = row_p[p] - t * off,
				diagonal_q = row_q[q] + t * off;

	for (int i = 0; i < d; i++)
	{
		double		x = row_p[i],
					y = row_q[i];

		row_p[i] = c * x - s * y;
		row_q[i] = s * x + c * y;
	}
	row_p[p] = diagonal_p;
	row_q[q] = diagonal_q;
	row_p[q] = row_q[p] = 0;
	for (int i = 0; i < d; i++)
	{
		a[(Size) i * d + p] = row_p[i];
		a[(Size) i * d + q] = row_q[i];
	}
}

/* By falling value. */
static int
CompareFalling(const void *a, const void *b)
{
	double		x = *(const double *) a,
				y = *(const double *) b;

	return x > y ? -1 : x < y;
}

/* No matrix that is used here needs more. */
#define JACOBI_SWEEPS 50

/*
 * Eigenvalues of a symmetric, positive semidefinite d x d matrix, which is overwritten; for d of some
 * dozens.  OUT values, descending.  Returns false for a matrix that is not finite.
 *
 * Jacobi's method (Golub and Van Loan 2013, 8.5) is written out and not LAPACK's, for every training
 * asks: it would load LAPACK into sessions that have no other use for it, which takes longer than this.
 */
bool
CsSymmetricEigenvalues(int d, double *matrix, double *values)
{
	double		trace = 0,
				off = HUGE_VAL;

	for (int i = 0; i < d; i++)
		trace += matrix[(Size) i * d + i];
	for (int sweep = 0; sweep < JACOBI_SWEEPS && off > DBL_EPSILON * trace; sweep++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int p = 0; p < d - 1; p++)
			for (int q = p + 1; q < d; q++)
				if (matrix[(Size) p * d + q] != 0)
					Rotate(d, matrix, p, q);
		off = 0;
		for (int p = 0; p < d - 1; p++)
			for (int q = p + 1; q < d; q++)
				off = Max(off, fabs(matrix[(Size) p * d + q]));
	}
	for (int i = 0; i < d; i++)
	{
		values[i] = Max(matrix[(Size) i * d + i], 0);	/* rounding may leave a tiny negative one */
		if (!isfinite(values[i]))
			return false;
	}
	qsort(values, d, sizeof(double), CompareFalling);
	return true;
}

/*
 * Sum of products of two rows.  Eight running sums, so that the order of additions is the same for
 * every instruction set.
 */
CS_CLONES double
CsDotProduct(int n, const double *a, const double *b)
{
	double		s[8] = {0};
	int			i = 0;

	for (; i + 8 <= n; i += 8)
		for (int t = 0; t < 8; t++)
			s[t] += a[i + t] * b[i + t];
	for (; i < n; i++)
		s[i % 8] += a[i] * b[i];
	return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

/*
 * Lower Cholesky factor of a symmetric matrix with d rows, in place, row by row (Golub and Van
 * Loan, Matrix Computations, 4.2).  Returns false when the matrix is not positive definite, or not
 * by more than its rounding errors.
 */
bool
CsCholesky(int d, double *a)
{
	for (int i = 0; i < d; i++)
	{
		double	   *row = a + CsTriangle(i);
		double		pivot;

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < i; j++)
		{
			const double *other = a + CsTriangle(j);

			row[j] = (row[j] - CsDotProduct(j, row, other)) / other[j];
		}
		pivot = row[i] - CsDotProduct(i, row, row);
		if (!(pivot > d * DBL_EPSILON * row[i]) || !isfinite(pivot))
			return false;
		row[i] = sqrt(pivot);
	}
	return true;
}

/* y += factor * x */
CS_CLONES static void
AddMultiple(int n, double factor, const double *x, double *y)
{
	for (int i = 0; i < n; i++)
		y[i] += factor * x[i];
}

/* Invert a lower triangular matrix without zeros on its diagonal, in place. */
void
CsInvertTriangle(int d, double *a)
{
	double	   *sum = palloc(sizeof(double) * d);

	for (int i = 0; i < d; i++)
	{
		double	   *row = a + CsTriangle(i);

		/* row i of the inverse is made of those above, which are done */
		CHECK_FOR_INTERRUPTS();
		memset(sum, 0, sizeof(double) * d);
		for (int j = 0; j < i; j++)
			AddMultiple(j + 1, row[j], a + CsTriangle(j), sum);
		row[i] = 1 / row[i];
		for (int j = 0; j < i; j++)
			row[j] = -sum[j] * row[i];
	}
	pfree(sum);
}

/*
 * One augmentation of the Hungarian method: find room for "row" along the cheapest alternating
 * path, keeping the potentials feasible.  owner[j] is the row that has column j, -1 if free;
 * index n of the column arrays stands for the row that is looking.
 */
static void
Augment(int n, const double *profit, int row, double *row_potential, double *column_potential,
		int *owner, int *previous, double *slack, bool *visited)
{
	int			column = n;

	for (int j = 0; j <= n; j++)
	{
		slack[j] = DBL_MAX;
		visited[j] = false;
	}
	owner[n] = row;
	do
	{
		int			i = owner[column],
					next = -1;
		double		step = DBL_MAX;

		visited[column] = true;
		for (int j = 0; j < n; j++)
		{
			double		reduced;

			if (visited[j])
				continue;
			reduced = -profit[(Size) i * n + j] - row_potential[i] - column_potential[j];
			if (reduced < slack[j])
			{
				slack[j] = reduced;
				previous[j] = column;
			}
			if (slack[j] < step)
			{
				step = slack[j];
				next = j;
			}
		}
		for (int j = 0; j <= n; j++)
		{
			if (visited[j])
			{
				row_potential[owner[j]] += step;
				column_potential[j] -= step;
			}
			else
				slack[j] -= step;
		}
		column = next;
	} while (owner[column] != -1);
	for (; column != n; column = previous[column])
		owner[column] = owner[previous[column]];
}

/*
 * Optimal assignment (Kuhn 1955; Munkres 1957; in the O(n^3) form with potentials): row i of the n
 * x n profit matrix gets column result[i], such that the total profit is maximal.
 */
void
CsAssignMaximum(int n, const double *profit, int *result)
{
	double	   *row_potential = palloc0(sizeof(double) * n);
	double	   *column_potential = palloc0(sizeof(double) * (n + 1));
	double	   *slack = palloc(sizeof(double) * (n + 1));
	int		   *owner = palloc(sizeof(int) * (n + 1));
	int		   *previous = palloc(sizeof(int) * (n + 1));
	bool	   *visited = palloc(sizeof(bool) * (n + 1));

	for (int j = 0; j <= n; j++)
		owner[j] = -1;
	for (int row = 0; row < n; row++)
	{
		CHECK_FOR_INTERRUPTS();
		Augment(n, profit, row, row_potential, column_potential, owner, previous, slack, visited);
	}
	for (int j = 0; j < n; j++)
		result[owner[j]] = j;
	pfree(row_potential);
	pfree(column_potential);
	pfree(slack);
	pfree(owner);
	pfree(previous);
	pfree(visited);
}
