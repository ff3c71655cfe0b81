/*
 * events.h
 *	  How engaged customers are, as a query over events.
 */
#ifndef CUSTSEG_ORDERS_EVENTS_H
#define CUSTSEG_ORDERS_EVENTS_H

#include "nodes/pg_list.h"
#include "orders/orders.h"
#include "utils/jsonb.h"

typedef struct CsEventsOptions
{
	char	   *time_zone;
	char	   *look_back;		/* an interval; NULL: all events up to "as of" count */
	char	   *session_gap;	/* an interval */
	Jsonb	   *kinds;			/* an array of texts; NULL: the most frequent */
	int			top_kinds;
	Jsonb	   *windows;		/* an array of days */
	int			window_days;
	Jsonb	   *ratios;			/* {name: [kind, kind]} */
	Jsonb	   *weights;		/* {kind: number} */
	double		half_life_days;
} CsEventsOptions;

/* A ratio of the events of two kinds, by their indexes. */
typedef struct CsEventsRatio
{
	char	   *name;
	int			part,
				whole;
} CsEventsRatio;

/* A kind that has features of its own. */
typedef struct CsEventsKind
{
	char	   *name;
	char	   *weight;			/* a number as text; NULL: none is given */
} CsEventsKind;

/* A column of the query. */
typedef struct CsEventsFeature
{
	char	   *name;
	const char *otherwise;		/* what customers without any event have; NULL: nothing */
} CsEventsFeature;

typedef struct CsEventsRequest
{
	const CsRelation *relation;
	const CsColumn *customer,
			   *time,
			   *kind,
			   *value;			/* NULL: events have none */
	CsEventsOptions options;
	pg_tz	   *zone;			/* whose days and hours they are, and of times without a zone; set by the caller, it is the default */
	const char *as_of;			/* a timestamptz as text; NULL: the latest event, or now in a view */
	const char *look_back,		/* interval '...', whatever the settings; NULL: none */
			   *session_gap;
	bool		for_view;
	bool		has_weights;	/* else each event counts for 1 */
	List	   *kinds;			/* of CsEventsKind, in order */
	List	   *windows;		/* days, of int */
	List	   *ratios;			/* of CsEventsRatio */
	List	   *taken;			/* names of columns, of char * */
	List	   *features;		/* of CsEventsFeature, once the query is written */
} CsEventsRequest;

/* Where events are: a source, and the names of its columns, of which the last may be NULL. */
typedef struct CsEventsColumns
{
	char	   *source,
			   *customer,
			   *time,
			   *kind,
			   *value;
} CsEventsColumns;

extern void CsEventsOpen(CsEventsRequest *request, const CsEventsColumns *columns, Jsonb *options);
extern char *CsEventsSql(CsEventsRequest *request);
extern char *CsEventsKindsSql(const CsEventsRequest *request, bool all);
extern char *CsEventsTooEarlySql(const CsEventsRequest *request);

#endif							/* CUSTSEG_ORDERS_EVENTS_H */
