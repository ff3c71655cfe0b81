/*
 * groups_pass.h
 *	  Part "groups" of a pass: the rows placed by a version, and what they have in each segment: values of numbers and levels
 *	  of texts counted, ends and moments of numbers.
 */
#ifndef CUSTSEG_GROUPS_PASS_H
#define CUSTSEG_GROUPS_PASS_H

#include "score/placed_pass.h"

extern const CsTallyKind CsGroupsPass;

/* What is asked for; arrays of numbers begin with those of the first segment. */
typedef struct CsGroupsRequest
{
	const CsScorer *scorer;
	const int  *columns;		/* of each feature: which number, or text, it is */
	int64		nrows;
	int			nnumbers;
	int			nlevels;
	const double *middle,		/* nsegments * nnumbers; NULL: nothing of numbers is asked for */
			   *reach;			/* how far a value of the segment is from it at most */
	CsDictionary **texts;		/* of each text, the levels that are counted one by one; NULL as "middle" is: rows are placed,
								 * for the parts that follow */
	CsDictionary **values;		/* of each number, likewise values, as texts; NULL: none are */
} CsGroupsRequest;

/* What a segment has of a number. */
typedef struct CsGroupNumber
{
	int64		n;				/* finite values */
	double		lowest,
				highest;
	double		mean,
				mean_rest,
				m2;				/* sum of the squared deviations from the mean */
} CsGroupNumber;

extern void CsGroupsPlan(JsonbParseState **json, const CsGroupsRequest *request);
extern int64 CsGroupsRows(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int segment);
extern CsGroupNumber CsGroupsNumber(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int segment,
									int number);
extern CsMoments CsGroupsMoments(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int segment,
								 int number);
extern const int64 *CsGroupsLevels(const CsTally *pass, const CsTallyPart *part, const CsTallyState *state, int segment,
								   int column, bool is_text);

#endif							/* CUSTSEG_GROUPS_PASS_H */
