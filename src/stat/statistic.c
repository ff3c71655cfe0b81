/*
 * statistic.c
 *	  The table of statistics that drift() computes.
 */
#include "custseg.h"

#include <math.h>

#include "stat/statistic.h"

/* A line here is all that a statistic needs beside its file, where CsStatistic_NAME is. */
#define STATISTICS(line) \
	line(psi) \
	line(ks) \
	line(wasserstein) \
	line(jensen_shannon) \
	line(chi_square) \
	line(cramers_v) \
	line(l_infinity) \
	line(hellinger) \
	line(cramer_von_mises)

#define DECLARE(name) extern const CsStatistic CsStatistic_##name;
#define ADDRESS(name) &CsStatistic_##name,

STATISTICS(DECLARE)

static const CsStatistic *const table[] = {STATISTICS(ADDRESS)};

StaticAssertDecl(lengthof(table) <= CS_MAX_STATISTICS, "CS_MAX_STATISTICS is too low");

/* How many statistics there are. */
int
CsStatisticCount(void)
{
	return lengthof(table);
}

/* The statistic at a place of the table, from 0. */
const CsStatistic *
CsStatisticAt(int i)
{
	return table[i];
}

/*
 * Compute all statistics.  OUT measures, CsStatisticCount() of them; NaN for a statistic of the
 * other kind of values.
 */
void
CsMeasureAll(const CsComparison *c, CsMeasure *measures)
{
	for (int i = 0; i < lengthof(table); i++)
	{
		bool		applies = c->levels != NULL ? table[i]->of_levels : table[i]->of_numbers;

		measures[i] = applies ? table[i]->measure(c) : CS_NO_MEASURE;
	}
}
