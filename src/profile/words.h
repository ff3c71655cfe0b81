/*
 * words.h
 *	  Words for columns: what they are made of.
 */
#ifndef CUSTSEG_WORDS_H
#define CUSTSEG_WORDS_H

#include "profile/profile.h"

/*
 * Words for a column.  In a phrase or a label {name} stands for the column's name, and in a phrase
 * {x} for the ratio, the difference, the loss in percent, or, with "absolute" and "percent", the
 * segment's mean.  A column without "times" or "percent_less" is described by its difference.
 */
typedef struct CsVocabulary
{
	const char *names;			/* as CsWordsName() gives them, |in bars|; NULL: of any column */
	const char *measure;		/* what stands before the two means in parentheses */
	bool		is_time,		/* days since 1970-01-01 */
				is_year;
	bool		absolute;
	bool		percent;		/* a share */
	bool		whole;			/* numbers from 10 on need no decimals */
	bool		counted;		/* whole numbers, of things that are counted */
	const char *times,
			   *more,
			   *percent_less,
			   *less,
			   *none;			/* of a column without negative values: all values are 0 */
	const char *own,			/* what one customer does or is; of a share, "more" says it */
			   *own_one;		/* with the value 1 */
	const char *high,			/* labels */
			   *low;
	const char *highest,		/* labels of the first in a ranking */
			   *lowest;
} CsVocabulary;

extern const CsVocabulary *CsVocabularyOf(const CsConverter *converter, const CsNumberSummary *all,
										  const char **name);
extern char *CsWordsOfNumber(const CsFeature *f, double x);
extern const char *CsWordsCounted(const char *name);
extern char *CsWordsOfValue(const char *column, double x, const CsNumberSummary *all, bool *is_share);

#endif							/* CUSTSEG_WORDS_H */
