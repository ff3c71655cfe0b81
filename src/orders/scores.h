/*
 * scores.h
 *	  Customers whose recency, frequency and monetary value are known, scored and named: what rfm(),
 *	  rfm_thresholds() and rfm_scores() share.
 */
#ifndef CUSTSEG_ORDERS_SCORES_H
#define CUSTSEG_ORDERS_SCORES_H

#include "call/call.h"
#include "call/options.h"
#include "orders/segments.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

/* How measures become scores. */
typedef struct CsRfmScoring
{
	int			bins;
	int			ties;
	Jsonb	   *thresholds;
} CsRfmScoring;

extern const char *const CsTiesNames[];

/* Its options, in the struct of a function's options. */
#define CS_RFM_SCORING_OPTIONS(type, field) \
	{"bins", CS_OPTION_INT, offsetof(type, field.bins), 5, 2, CS_RFM_MAX_BINS}, \
	{"ties", CS_OPTION_CHOICE, offsetof(type, field.ties), 0, 0, 0, CsTiesNames}, \
	{"thresholds", CS_OPTION_OBJECT, offsetof(type, field.thresholds)}

/* Columns that each row of scores ends with. */
#define CS_RFM_SCORE_COLUMNS 5

typedef struct CsRfmScores
{
	CsRfmScoring scoring;
	CsRfmTable *table;			/* names of scores; NULL: none are wanted */
	Tuplestorestate *kept;		/* what rows have beside their measures; NULL: rows are not wanted */
	TupleDesc	kept_desc;
	int64		n;
	int64		capacity;
	double	   *measure[CS_RFM_MEASURES];
	MemoryContext context;
	CsRfmCuts	cuts[CS_RFM_MEASURES];
	int64		counts[CS_RFM_MEASURES][CS_RFM_MAX_BINS];	/* customers by score, from 1 on */
} CsRfmScores;

/* Fills the columns of a row before its scores; returns how many.  i is its number, kept what was kept. */
typedef int (*CsRfmRowMaker) (void *state, const Datum *kept, const bool *nulls, int64 i, CsValue *row);

extern void CsRfmScoresInit(CsRfmScores *s, const CsRfmScoring *scoring);
extern void CsRfmScoresKeep(CsRfmScores *s, TupleDesc desc, Jsonb *segments);
extern void CsRfmScoresAdd(CsRfmScores *s, const double *measures, Datum *kept, bool *nulls);
extern double CsRfmTimeAsMeasure(Timestamp at);
extern void CsRfmScoresAge(CsRfmScores *s, Timestamp as_of);
extern void CsRfmScoresCut(CsRfmScores *s, bool of_lines);
extern void CsRfmScoresPut(CsRfmScores *s, CsResult *result, CsRfmRowMaker make, void *state);

#endif							/* CUSTSEG_ORDERS_SCORES_H */
