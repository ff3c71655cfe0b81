/*
 * groups_pass.h
 *	  Part "groups" of a pass: the rows placed by a version, and what they have in each segment, or in each half of it: values
 *	  of numbers and levels of texts counted, ends and moments of numbers.
 */
#ifndef CUSTSEG_GROUPS_PASS_H
#define CUSTSEG_GROUPS_PASS_H

#include "score/placed_pass.h"

extern const CsTallyKind CsGroupsPass;

/* What is asked for; arrays of numbers begin with those of the first group: a segment or, in halves, segment + half * nsegments. */
typedef struct CsGroupsRequest
{
	const CsScorer *scorer;
	const int  *columns;		/* of each feature: which number, or text, it is */
	int64		nrows;
	int			nnumbers;
	int			nlevels;
	bool		in_halves;		/* each segment is two groups */
	int			half;			/* which number is a hash by which rows fall into the halves */
	int64		seed;			/* of the halves */
	const double *middle,		/* ngroups * nnumbers; NULL: nothing of numbers is asked for */
			   *reach;			/* how far a value of the group is from it at most */
	CsDictionary **texts;		/* of each text, the levels that are counted one by one; NULL as "middle" is: rows are placed,
								 * for the parts that follow */
	CsDictionary **values;		/* of each number, likewise values, as texts; NULL: none are */
} CsGroupsRequest;

/* What a group has of a number. */
typedef struct CsGroupNumber
{
	int64		n;				/* finite values */
	double		lowest,
				highest;
	double		mean,
				mean_rest,
				m2;				/* sum of the squared deviations from the mean */
} CsGroupNumber;

/* Groups of which a request is. */
static inline int
CsGroupsOf(const CsGroupsRequest *r)
{
	return r->scorer->nsegments * (r->in_halves ? 2 : 1);
}

extern void CsGroupsPlan(JsonbParseState **json, const CsGroupsRequest *request);
extern int64 CsGroupsRows(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int group);
extern CsGroupNumber CsGroupsNumber(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int group,
									int number);
extern CsMoments CsGroupsMoments(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int group,
								 int number);
extern const int64 *CsGroupsLevels(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int group,
								   int column, bool is_text);

#endif							/* CUSTSEG_GROUPS_PASS_H */
