/*
 * trail.h
 *	  Events read customer by customer, in the order of their times: what all functions about journeys share.
 *
 * PostgreSQL sorts the events, within maintenance_work_mem and on disk beyond it, and they come one by one: whoever
 * takes them decides what to keep of a customer.
 *
 * One definition holds for all of these functions, which docs/reference.md gives under "Journeys":
 * - an event counts when it has a customer, a finite time and a step, up to "as of", which is the time of the latest
 *   event that counts unless it is given;
 * - events of a customer at one time come in the order of the bytes of their steps;
 * - lengths of time are those between the times of the column: in UTC where it has a zone, in local time else.
 */
#ifndef CUSTSEG_JOURNEY_TRAIL_H
#define CUSTSEG_JOURNEY_TRAIL_H

#include "call/call.h"
#include "data/relation.h"
#include "orders/orders.h"
#include "score/score.h"
#include "value/roster.h"

/* The most different steps that events may have. */
#define CS_MOST_STEPS 10000

/* The arguments that all have first. */
enum
{
	CS_TRAIL_SOURCE, CS_TRAIL_CUSTOMER, CS_TRAIL_TIME, CS_TRAIL_STEP, CS_TRAIL_ARGUMENTS
};

/* The options that all have. */
typedef struct CsTrailOptions
{
	char	   *as_of;			/* a point in time; NULL: the latest event */
	char	   *customers;		/* a source of those whom the model places; NULL: the model's own */
	char	   *time_zone;
	bool		collapse;		/* events of the same step one after the other are one */
	double		confidence;
} CsTrailOptions;

#define CS_TRAIL_OPTIONS(type, field) \
	{"as_of", CS_OPTION_TEXT, offsetof(type, field.as_of)}, \
	{"customers", CS_OPTION_TEXT, offsetof(type, field.customers)}, \
	{"time_zone", CS_OPTION_TEXT, offsetof(type, field.time_zone)}, \
	{"collapse", CS_OPTION_BOOL, offsetof(type, field.collapse), 0}, \
	{"confidence", CS_OPTION_REAL, offsetof(type, field.confidence), 0.95, 0.5, 0.999999}

typedef struct CsTrails
{
	CsRelation *relation;
	const CsColumn *customer,
			   *time,
			   *step;
	CsTrailOptions options;
	pg_tz	   *zone;
	Timestamp	as_of;			/* in the time column's own way */
	const CsScorer *scorer;		/* NULL: all customers are one group */
	int			ngroups;		/* segments by their index, and last who is in none; 1 without a model */
	CsDictionary *steps;		/* codes of the steps */
	bool		only_known;		/* other steps than those that are in the dictionary already are left out */
	int64		n_events;		/* that count */
} CsTrails;

/* What is done with customers and their events; each is called in the context of the reading. */
typedef struct CsTrailVisitor
{
	void	   *state;
	void		(*begin) (void *state, int group);
	void		(*event) (void *state, Timestamp at, int step);
	void		(*end) (void *state);
} CsTrailVisitor;

extern void CsTrailsOpen(CsTrails *t, FunctionCallInfo fcinfo, int model, int version, const CsTrailOptions *options);
extern void CsTrailsRead(CsTrails *t, const CsTrailVisitor *visitor);
extern const char *CsTrailStep(const CsTrails *t, int step);
pg_noreturn extern void CsTrailUnknownStep(const CsTrails *t, const char *step);
extern CsValue CsTrailSegment(const CsTrails *t, int group);
extern CsValue CsTrailSegmentName(const CsTrails *t, int group);
extern int64 CsTrailLength(const char *option, const char *text, const char *example);
extern int64 CsTrailElapsed(Timestamp from, Timestamp to);
extern void CsTrailShare(const CsTrails *t, int64 n, int64 of, CsValue *row);

/* lengths.c: medians of lengths of time, by a number below this one that tells what they are lengths of. */
#define CS_MOST_LENGTHS (1 << 23)

typedef struct CsLengths CsLengths;

extern CsLengths *CsLengthsOpen(void);
extern void CsLengthsAdd(CsLengths *lengths, int number, int64 length);
extern double *CsLengthsMedians(CsLengths *lengths, int n);

#endif							/* CUSTSEG_JOURNEY_TRAIL_H */
