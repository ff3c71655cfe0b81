/*
 * kpis.h
 *	  Options of the functions about what segments did in a month.
 */
#ifndef CUSTSEG_VALUE_KPIS_H
#define CUSTSEG_VALUE_KPIS_H

#include "call/options.h"

typedef struct CsKpiOptions
{
	int			months;			/* 0: not given */
	int			returns;		/* CsReturns */
	char	   *order;
	char	   *time_zone;

	double		fall;
	double		alpha;
} CsKpiOptions;

/* segment_kpis.c: options of segment_kpis() first, then those of kpi_changes(); record_kpis() has all. */
#define CS_KPI_READING 4
#define CS_KPI_JUDGING 2

extern const CsOption CsKpiOptionTable[CS_KPI_READING + CS_KPI_JUDGING];

#endif							/* CUSTSEG_VALUE_KPIS_H */
