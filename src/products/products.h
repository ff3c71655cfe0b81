/*
 * products.h
 *	  Lines of orders read for their products: which stand together in an order, or with a customer.
 *
 * product_numbers.c tells products apart; product_lines.c reads what stands together; histories.c holds customers in
 * memory.
 */
#ifndef CUSTSEG_PRODUCTS_H
#define CUSTSEG_PRODUCTS_H

#include "call/call.h"
#include "data/identity.h"
#include "data/relation.h"
#include "pgtime.h"
#include "stat/item_neighbors.h"
#include "value/roster.h"

/* Products, numbered from 0 in order of first appearance. */
typedef struct CsProductNumbers CsProductNumbers;

extern CsProductNumbers *CsProductNumbersCreate(const CsColumn *product, MemoryContext context);
extern int32 CsProductNumber(CsProductNumbers *products, Datum value);
extern int32 CsProductCount(const CsProductNumbers *products);
extern const char *CsProductText(const CsProductNumbers *products, int32 number);
extern int32 *CsProductRanks(CsProductNumbers *products);

/* Products that stand together; valid during the call of the visitor only. */
typedef struct CsProductGroup
{
	const char *text;			/* of the key; NULL unless asked for */
	int32		n;				/* products, each once */
	int32		n_before;		/* of them, those that the last order does not bring; n unless asked for */
	const int32 *products;
	int64		customer;		/* a number of who has them; -1: nobody, several, or not asked for */
} CsProductGroup;

/* What orders, customers and products may be: anything. */
#define CS_PRODUCT_KINDS (CS_KIND_BIT(CS_NUMERIC) | CS_KIND_BIT(CS_CATEGORICAL) | CS_KIND_BIT(CS_BOOLEAN) | \
	CS_KIND_BIT(CS_TIME) | CS_KIND_BIT(CS_UNUSABLE))

typedef void (*CsProductGroupVisitor) (void *state, const CsProductGroup *group);

typedef struct CsProductLines
{
	CsRelation *relation;
	const CsColumn *key;		/* lines with the same value stand together */
	const CsColumn *product;
	const CsColumn *time;		/* by which the last order is told; NULL: it is not asked for */
	const CsColumn *order;		/* NULL: the lines of a day are an order */
	const CsColumn *customer;	/* of an order; NULL: it is not asked for */
	pg_tz	   *zone;			/* whose days they are */
	bool		by_text;		/* keys come by the bytes of their text, and with it */
	const char *key_role;		/* what a key is: "order" or "customer" */
	MemoryContext context;		/* of all that is kept, which is held to maintenance_work_mem */
	CsProductNumbers *products; /* made by the first reading */

	/* of the reading that came last */
	int64		n_lines;
	int64		n_no_key,		/* lines left out, each once, for the first of these reasons */
				n_no_product,
				n_no_time;
} CsProductLines;

extern void CsProductLinesOpen(CsProductLines *lines, FunctionCallInfo fcinfo, int orders, int key, int product,
							   const char *key_role);
extern void CsProductLinesRead(CsProductLines *lines, CsProductGroupVisitor visit, void *state);
extern void CsProductLinesReport(const CsProductLines *lines);
extern void *CsProductRoom(MemoryContext context, void *array, Size held, Size wanted, const char *what);

/* Customers in the order of their ids, each with a segment and the products that were bought. */
typedef struct CsHistories
{
	CsProductLines lines;
	const CsScorer *scorer;
	CsRoster   *roster;
	bool		with_unasked;	/* customers without a line, too */
	bool		with_ids;

	int64		n;
	int64		room;			/* customers that there is room for */
	int64	   *start;			/* first product of each */
	int32	   *length;			/* products of each */
	int32	   *before;			/* of them, those that the last order does not bring; they come first */
	int32	   *segment;		/* index, or CS_ROSTER_UNPLACED */
	char	  **id;				/* NULL: not wanted */
	int32	   *products;		/* by rank of the text, ascending */
	int64		n_products;
	int64		products_room;
	const char **texts;			/* of the products, by that rank */
	int32		nproducts;
	int64		n_strangers;	/* buyers who are not among the customers */
} CsHistories;

extern void CsHistoriesRead(CsHistories *h, const char *source);
extern int64 *CsHistoriesOfSegment(const CsHistories *h, int segment, int64 *n);

/* How products are recommended; the first options of a function that does it. */
typedef struct CsNextOptions
{
	CsNeighborOptions neighbors;
	char	   *order;
	char	   *time_zone;
	double		confidence;
} CsNextOptions;

#define CS_NEXT_OPTIONS 2
#define CS_NEXT_EVALUATION_OPTIONS 5

extern const CsOption CsNextOptionTable[CS_NEXT_EVALUATION_OPTIONS];

extern int	CsNextNumber(FunctionCallInfo fcinfo, int argument);
extern CsItemNeighbors *CsNextFit(CsHistories *h, const int64 *customers, int64 n, const CsNeighborOptions *options);

#endif							/* CUSTSEG_PRODUCTS_H */
