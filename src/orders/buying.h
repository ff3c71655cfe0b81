/*
 * buying.h
 *	  What a customer bought, summed up by the server that has the lines: one value for many lines.
 */
#ifndef CUSTSEG_ORDERS_BUYING_H
#define CUSTSEG_ORDERS_BUYING_H

#include "dist/dist.h"
#include "orders/lines.h"

/* What the lines of one time, or of one day, come to. */
typedef struct CsBought
{
	int64		at;				/* microseconds, or days, since 2000 */
	int64		lines;
	int64		purchases;		/* lines whose amount is not below 0 */
	CsSpending	amount;			/* of all lines */
} CsBought;

/* A reading of what buying() returns. */
typedef struct CsBoughtReader
{
	const uint8 *next;
	const uint8 *end;
	bool		is_decimal;
	uint64		left;			/* to be read */
	int64		at;				/* of the one before */
	bool		is_first;		/* there is none before */
	int64		earliest,		/* that a time may be */
				latest;
} CsBoughtReader;

extern void CsBoughtCheckRow(const bool *nulls);
extern void CsBoughtOpen(CsBoughtReader *r, const bytea *bought, bool is_decimal, int64 earliest, int64 latest);
extern bool CsBoughtNext(CsBoughtReader *r, CsBought *b);

/*
 * buying_sql.c: lines that other servers sum up.  A line counts where all conditions hold; one that does not is left
 * out for the first that does not.
 */
enum
{
	CS_BUYING_CUSTOMER, CS_BUYING_TIME, CS_BUYING_AMOUNT, CS_BUYING_UP_TO, CS_BUYING_PURCHASE, CS_BUYING_CONDITIONS
};

typedef struct CsBuying
{
	const CsPieces *pieces;
	const CsRelation *relation;
	const CsColumn *customer;
	const CsColumn *order;		/* that lines are summed up by, too; NULL: none */
	const char *at;				/* the time of a line, as a number */
	const char *microseconds;	/* likewise, of the column itself */
	const char *amount;
	const char *conditions[CS_BUYING_CONDITIONS];
} CsBuying;

/* Lines by what leaves them out, and at the end those that count. */
typedef struct CsBuyingCounts
{
	int64		lines[CS_BUYING_CONDITIONS + 1];
	int64		latest;			/* microseconds of the lines up to the last time; PG_INT64_MIN: there is none */
} CsBuyingCounts;

/* Columns of CsBuyingSorted(), and those after them where they are asked for. */
enum
{
	CS_BUYING_ROW_CUSTOMER, CS_BUYING_ROW_BOUGHT, CS_BUYING_ROW_REST
};

extern const char *CsSqlZoneBytes(pg_tz *zone);
extern const char *CsSqlDayNumber(const CsColumn *time, pg_tz *zone);
extern const char *CsSqlMicrosecondsOf(const CsColumn *time);
extern bool CsBuyingOpen(CsBuying *b, const CsRelation *relation, const CsColumn *customer, const CsColumn *time,
						 const CsColumn *amount, const CsColumn *order, const char *at, const char *up_to, bool keeps_returns);
extern void CsBuyingCount(const CsBuying *b, CsBuyingCounts *counts);
extern CsRelation *CsBuyingSorted(const CsBuying *b, bool by_text);

#endif							/* CUSTSEG_ORDERS_BUYING_H */
