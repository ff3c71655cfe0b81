/*
 * mining.h
 *	  Orders, and the sets of products that are frequent in them.
 *
 * mining.c reads the orders and finds the sets; set_customers.c counts whose orders those of a set are; basket_rules.c
 * makes rows of both.
 */
#ifndef CUSTSEG_MINING_H
#define CUSTSEG_MINING_H

#include "products/products.h"
#include "stat/itemsets.h"

/* The options of basket_rules(), of which the first are those of frequent_itemsets(). */
typedef struct CsMiningOptions
{
	double		min_support;
	int			max_size;
	char	   *customer;
	int			min_customers;
	double		min_confidence;
	double		min_lift;
} CsMiningOptions;

#define CS_SET_OPTIONS 4
#define CS_RULE_OPTIONS 6

/* Orders as they are read, and what is found in them. */
typedef struct CsMining
{
	CsMiningOptions options;
	CsProductLines lines;
	bool		is_full;		/* there was no room for all products: they are only counted */
	bool		only_frequent;	/* what is read is of items already */

	int64		n;				/* orders */
	int64		least;			/* orders of what is frequent */
	int64	   *start;			/* of each order that is held, and where the last one ends */
	int64		held;
	Size		start_room;
	int32	   *items;			/* products by number, then items */
	int64		n_items;
	Size		items_room;
	int64	   *customers;		/* of each order that is held, -1 for none; NULL unless they are counted */
	Size		customers_room;
	int64	   *counts;			/* orders of each product */
	Size		counts_room;
	int32	   *item_of;		/* of each product; -1: it is not frequent */
	int32	   *product_of;		/* of each item */
	int32		nitems;
	int32	   *ranks;			/* of each product, by its text */
	CsItemsets	found;

	/* to count customers: the orders of each item, and in which count a customer was met last */
	int64	   *first_order;	/* of each item, and where those of the last one end */
	int32	   *orders;
	int64	   *met;
	int64		counts_made;
} CsMining;

extern void CsMine(CsMining *m, FunctionCallInfo fcinfo, int noptions);
extern void CsMiningListCustomers(CsMining *m);
extern bool CsMiningHasCustomers(CsMining *m, const CsItemset *set);

#endif							/* CUSTSEG_MINING_H */
