/*
 * features.h
 *	  The features of customers as a query over lines of orders.
 */
#ifndef CUSTSEG_ORDERS_FEATURES_H
#define CUSTSEG_ORDERS_FEATURES_H

#include "dist/dist.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "orders/orders.h"
#include "utils/jsonb.h"

typedef struct CsFeaturesOptions
{
	char	   *order;
	bool		same_day;
	int			returns;		/* CsReturns */
	char	   *time_zone;
	int			top_categories;
	int			window_days;
	char	   *look_back;		/* an interval; NULL: all lines up to "as of" count */
	Jsonb	   *events;			/* of a view: what more it tells, of events and of other tables; NULL: nothing */
	Jsonb	   *tables;
	bool		everyone;		/* also who has events and no orders */
} CsFeaturesOptions;

typedef struct CsFeaturesRequest
{
	const CsRelation *relation;
	const CsColumn *customer,
			   *time,
			   *amount,
			   *order,			/* this and those below may be NULL */
			   *product,
			   *category,
			   *channel,
			   *discount,
			   *quantity;
	CsFeaturesOptions options;
	pg_tz	   *zone;			/* whose days and hours they are, and of times without a zone */
	const char *as_of;			/* a timestamptz as text; NULL: the latest line, or now in a view */
	const char *look_back;		/* interval '...', whatever the settings; NULL: none */
	bool		for_view;
	const CsPieces *pieces;		/* of lines that other servers sum up; NULL: lines are read */
	const char *moment;			/* with pieces, as of when, where as_of is NULL: a time of the time column, as SQL */
	bool		is_empty;		/* with pieces: no line counts */
	List	   *categories;		/* of char *: those that get a share of their own, in order */
} CsFeaturesRequest;

extern void CsFeaturesOpen(FunctionCallInfo fcinfo, int first, bool for_view, CsFeaturesRequest *request);
extern char *CsFeaturesSql(const CsFeaturesRequest *request);
extern char *CsFeaturesCategoriesSql(const CsFeaturesRequest *request);
extern char *CsFeaturesTooEarlySql(const CsFeaturesRequest *request);
extern bool CsFeaturesLinesAreOrders(const CsFeaturesRequest *request);
extern char *CsFeaturesAtOnceSql(const CsFeaturesRequest *request);

/* What features_pieces.c takes from features_sql.c. */
extern const char *const CsFeaturesGaps;
extern const char *CsFeaturesCounts(const CsFeaturesRequest *request);
extern const char *CsFeaturesBought(const CsFeaturesRequest *request);
extern const char *CsFeaturesMoment(const CsFeaturesRequest *request);
extern void CsFeaturesAppendByDay(StringInfo sql, const CsFeaturesRequest *request, const char *quantity);
extern void CsFeaturesAppendOrdered(StringInfo sql, const CsFeaturesRequest *request);

/* features_pieces.c */
extern void CsFeaturesPiecesOpen(CsFeaturesRequest *request);
extern void CsFeaturesAppendPieces(StringInfo sql, const CsFeaturesRequest *request);
extern char *CsFeaturesPiecesCategories(const CsFeaturesRequest *request, const char *condition);
extern char *CsFeaturesPiecesTooEarly(const CsFeaturesRequest *request);

#endif							/* CUSTSEG_ORDERS_FEATURES_H */
