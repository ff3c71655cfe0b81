/*
 * linear.c
 *	  Linear algebra by LAPACK, and the optimal assignment of rows to columns.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "math/lapack.h"
#include "math/math.h"
#include "miscadmin.h"

/* Make the entry of largest magnitude positive, so that an eigenvector has one sign everywhere. */
static void
FixSign(int d, double *vector)
{
	int			largest = 0;

	for (int j = 1; j < d; j++)
		if (fabs(vector[j]) > fabs(vector[largest]))
			largest = j;
	if (vector[largest] < 0)
		for (int j = 0; j < d; j++)
			vector[j] = -vector[j];
}

/*
 * Eigenvalues, descending, and eigenvectors (vectors[i * d + j]) of the symmetric d x d matrix a,
 * which is destroyed.  Returns LAPACK's info, 0 for success.
 */
int
CsSymmetricEigen(int d, double *a, double *values, double *vectors)
{
	const CsLapack *lapack = CsLapackGet();
	double		zero = 0;
	double	   *ascending = palloc(sizeof(double) * d);
	double	   *columns = palloc_extended(mul_size(sizeof(double) * d, d), MCXT_ALLOC_HUGE);
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

	lapack->dsyevr("V", "A", "L", &d, a, &d, &zero, &zero, &none, &none, &zero, &found, ascending,
				   columns, &d, support, &want, &query, &integers, &query, &info);
	if (info != 0)
		return info;
	length = (int) want;
	work = palloc(sizeof(double) * length);
	iwork = palloc(sizeof(int) * integers);
	lapack->dsyevr("V", "A", "L", &d, a, &d, &zero, &zero, &none, &none, &zero, &found, ascending,
				   columns, &d, support, work, &length, iwork, &integers, &info);
	for (int i = 0; i < d && info == 0; i++)
	{
		values[i] = ascending[d - 1 - i];
		memcpy(vectors + (Size) i * d, columns + (Size) (d - 1 - i) * d, sizeof(double) * d);
		FixSign(d, vectors + (Size) i * d);
	}
	pfree(ascending);
	pfree(columns);
	pfree(support);
	pfree(work);
	pfree(iwork);
	return info;
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
 * Optimal assignment (Kuhn 1955; Munkres 1957; in the O(n^3) form with potentials): row i of the
 * n x n profit matrix gets column result[i], the total profit is maximal.
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
