/*
 * suitability.c
 *	  Is a column of use as a feature, and is it what its type says?
 *
 * What is left out is judged by its values, never by its name; a name makes no more than a doubt.  A verdict
 * that is wrong costs little: a NOTICE tells it, and a column that is named is used whatever is said here.
 */
#include "custseg.h"

#include <gsl/gsl_cdf.h>
#include <math.h>

#include "call/call.h"
#include "catalog/pg_type_d.h"
#include "lib/stringinfo.h"
#include "math/math.h"
#include "stat/suitability.h"
#include "utils/lsyscache.h"

/* A larger share of missing values makes a column useless. */
#define MAX_NULL_SHARE 0.4

/* This share of a column's texts, words for missing ones aside, reads as what the column is said to be. */
#define MOST_READ 0.95

/* Codes are told from counts by how frequent they are, which takes that many rows a value. */
#define ROWS_A_VALUE 10

/* A column follows from another when it differs by no more than this share of its range from what follows. */
#define SAME 1e-3

/*
 * One value far out makes that share more than all others differ by.  So of the pairs that differ from an
 * ordinary one more than half must differ from it alike, but for so much of the difference.
 */
#define ALIKE 0.1

/* Frequencies that differ by less than this factor do not rise or fall. */
#define EVEN 2

/* Levels that stand for a missing value, of which so many are named. */
#define MISSING_LEVELS 3

/* What texts read as, and what to do when all of them do that say anything. */
static const struct
{
	const char *what;
	const char *advice;
}			readings[CS_NREADS] = {
	[CS_READS_NUMBER] = {"a number", ": cast it"},
	[CS_READS_AMOUNT] = {"an amount", ": take its signs away, and cast it"},
	[CS_READS_DATE] = {"a date", ": cast it"}
};

/* What the last word of an id's name is, and of that of a column that holds segments. */
static const char *const idWords[] = {"id", "no", "nr", "number", "key", "customerid", "clientid", "userid"};
static const char *const segmentWords[] = {"segment", "cluster"};

/* Words in the names of counts and of lengths of time. */
static const char *const countWords[] = {
	"count", "counts", "frequency", "freq", "quantity", "qty", "recency", "tenure", "times", "visits", "orders", "purchases", "days",
	"weeks", "months", "years", "year"
};

/*
 * Does a column's name say that its numbers are a count, a time, or a year, as "n_orders", "Number of Policies" and
 * "months_active" do?  Such numbers are no codes, however frequent each is.
 */
bool
CsNamesCount(const char *column)
{
	char	   *name = psprintf(" %s ", CsWordsName(column));

	for (int i = 0; i < lengthof(countWords); i++)
		if (strstr(name, psprintf(" %s ", countWords[i])) != NULL)
			return true;
	return strncmp(name, " n ", 3) == 0 || strncmp(name, " num ", 5) == 0 || strstr(name, " number of ") != NULL;
}

/* Is the last word of a column's name one of these, however it is written? */
static bool
EndsInWord(const char *name, const char *const *words, int nwords)
{
	int			length = (int) strlen(name);

	for (int i = 0; i < nwords; i++)
	{
		int			from = length - (int) strlen(words[i]);
		char		before = from > 0 ? name[from - 1] : ' ';
		bool		is_small = before >= 'a' && before <= 'z',
					is_capital = before >= 'A' && before <= 'Z';

		/* a word begins after what is no letter, or with a capital after a small one */
		if (from >= 0 && pg_strcasecmp(name + from, words[i]) == 0 &&
			(is_small ? name[from] >= 'A' && name[from] <= 'Z' : !is_capital))
			return true;
	}
	return false;
}

/* No facts yet of a column. */
void
CsColumnFactsInit(CsColumnFacts *f, const CsColumn *column)
{
	const CsConverter *converter = &column->converter;

	memset(f, 0, sizeof(*f));
	f->is_enum = type_is_enum(converter->type);
	f->is_coded = CsConverterIsCoded(converter);
	f->named_id = EndsInWord(NameStr(column->name), idWords, lengthof(idWords));
	f->named_segment = EndsInWord(NameStr(column->name), segmentWords, lengthof(segmentWords));
	f->named_count = CsNamesCount(NameStr(column->name));
	f->low = f->high = (CsEnd) {NAN, NAN, 0};
	f->kind = converter->kind;
	f->is_integer = converter->kind == CS_NUMERIC &&
		(converter->type == INT2OID || converter->type == INT4OID || converter->type == INT8OID);
	f->whole = f->reads_whole = true;
	f->packed_dates = f->is_integer;
}

/* A level of a category, and how many rows have it. */
void
CsColumnFactsLevel(CsColumnFacts *f, const char *text, int64 rows)
{
	if (!f->is_enum)
		f->reads[CsReadText(text, &f->reads_whole)] += rows;
	if (rows > 0 && CsMeansMissing(text) && f->nmissing++ < MISSING_LEVELS)
		f->missing = psprintf(rows == 1 ? "%s%s\"%s\", once" : "%s%s\"%s\", %lld times",
							  f->missing == NULL ? "" : f->missing,
							  f->missing == NULL ? "" : ", and ", text, (long long) rows);
}

/* Another value, in so many rows. */
void
CsFewAdd(CsFewValues *few, double value, int64 rows)
{
	int			i = 0;

	if (few->n > CS_FEW_VALUES)
		return;
	while (i < few->n && few->value[i] != value)
		i++;
	if (i == few->n)
	{
		few->value[few->n] = value;
		few->rows[few->n++] = 0;
	}
	few->rows[i] += rows;
}

/* What the texts of a column read as, a phrase, palloc'd; NULL: texts, or too few values to tell. */
static char *
Reading(const CsColumnFacts *f)
{
	int64		said = f->n - f->reads[CS_READS_NOTHING];

	if (f->is_coded)
		return NULL;
	for (int i = 0; i < CS_NREADS; i++)
	{
		if (readings[i].what == NULL || said < 2 || f->reads[i] < MOST_READ * (double) said ||
			2 * said < f->n)
			continue;
		/* whole numbers that all differ are ids, not amounts */
		if (i == CS_READS_NUMBER && f->reads_whole && f->reads[i] == f->n && f->n_distinct == f->n)
			return NULL;
		if (f->reads[i] == f->n)
			return psprintf("every value reads as %s%s", readings[i].what, readings[i].advice);
		/* a text that says something else makes a cast fail */
		return psprintf("every value but %lld reads as %s%s", (long long) (f->n - f->reads[i]),
						readings[i].what, f->reads[i] == said ? readings[i].advice : "");
	}
	return NULL;
}

/* Is a column a different number in every row, as an id is?  No row is without an id. */
bool
CsIsNumbering(const CsColumnFacts *f)
{
	return f->kind == CS_NUMERIC && f->whole && f->n > 2 && f->n_null == 0 && f->n_distinct == f->n;
}

/*
 * Why a column of which nobody said that it is a feature cannot help, a phrase, palloc'd; NULL: it may.
 * There are rows.
 */
char *
CsWhyUnsuitable(const CsColumnFacts *f)
{
	double		null_share = (double) f->n_null / (double) Max(f->n + f->n_null + f->n_infinite, 1);
	char	   *reading;

	if (null_share > MAX_NULL_SHARE)
		return psprintf("%.0f %% null", 100 * null_share);
	if (f->kind != CS_CATEGORICAL)
	{
		if (f->n_distinct <= 1 && f->n_infinite == 0)
			return pstrdup("constant");
		if (!CsIsNumbering(f) || f->n_infinite > 0 || f->packed_dates)
			return NULL;
		return f->range + 1 == (double) f->n ? pstrdup("numbers the rows") :
			f->is_integer ? pstrdup("every value is different") : NULL;
	}
	if (f->n_distinct == 0 || (f->n_distinct == 1 && f->n_null == 0))
		return pstrdup("constant");
	if (f->n_distinct >= 0 && f->n_distinct <= CS_MAX_LEVELS && f->n_distinct < f->n)
		return NULL;
	reading = Reading(f);
	if (reading != NULL)
		return reading;
	if (f->n_distinct < 0)
		return pstrdup("too many levels");
	return f->n_distinct == f->n ? pstrdup("every value is different") :
		psprintf("%lld levels are too many", (long long) f->n_distinct);
}

/* Sort few values. */
static void
SortFew(CsFewValues *few)
{
	for (int i = 1; i < few->n; i++)
		for (int j = i; j > 0 && few->value[j] < few->value[j - 1]; j--)
		{
			double		value = few->value[j];
			int64		rows = few->rows[j];

			few->value[j] = few->value[j - 1];
			few->rows[j] = few->rows[j - 1];
			few->value[j - 1] = value;
			few->rows[j - 1] = rows;
		}
}

/*
 * Is a value certainly less frequent than one below it and one above it?  From "first" on, each value at the
 * 5 % level, Bonferroni's correction made.
 */
static bool
HasValley(const CsFewValues *few, int first)
{
	double		limit = gsl_cdf_ugaussian_Pinv(1 - 0.05 / Max(few->n - first - 2, 1));

	for (int i = first + 1; i < few->n - 1; i++)
	{
		int64		left = 0,
					right = 0;
		double		walls;

		for (int j = first; j < i; j++)
			left = Max(left, few->rows[j]);
		for (int j = i + 1; j < few->n; j++)
			right = Max(right, few->rows[j]);
		walls = (double) Min(left, right);
		if (walls - (double) few->rows[i] > limit * sqrt(walls + (double) few->rows[i]))
			return true;
	}
	return false;
}

/*
 * May whole numbers be codes, whose order means nothing?  A count or a grade has a frequency that rises to
 * one peak and falls from it; many counts begin at 0, where there may be another peak.  So numbers are
 * doubted when they are few, and their frequencies have a valley, or are even and begin above 0.
 */
bool
CsMayBeCodes(CsFewValues *few, int64 n)
{
	int64		least = n,
				most = 0;

	if (few->n < 3 || few->n > CS_FEW_VALUES || n < few->n * ROWS_A_VALUE)
		return false;
	SortFew(few);
	if (few->value[0] < 0)
		return false;
	for (int i = 0; i < few->n; i++)
	{
		least = Min(least, few->rows[i]);
		most = Max(most, few->rows[i]);
	}
	return HasValley(few, few->value[0] == 0) || (few->value[0] > 0 && most < EVEN * least);
}

/* What a column that is used as its type says may rather be, a phrase, palloc'd; NULL: there is no doubt. */
char *
CsReconsider(CsColumnFacts *f)
{
	if (f->is_coded)
		return NULL;
	if (f->named_segment && (f->is_integer || f->kind == CS_CATEGORICAL))
		return pstrdup("its name says that it holds segments, which are a result and no feature");
	if (f->named_id && f->is_integer && f->few.n > CS_FEW_VALUES && !f->packed_dates)
		return pstrdup("its name says that it is an id, whose size means nothing");
	if (f->kind == CS_CATEGORICAL)
		return f->n_distinct > CS_FEW_VALUES || f->n_distinct < 0 ? Reading(f) : NULL;
	if (f->is_integer && f->packed_dates && f->n > 0)
		return pstrdup("dates written as YYYYMMDD: make dates of them");
	if (f->is_integer && !f->named_count && CsMayBeCodes(&f->few, f->n))
		return psprintf("%d whole numbers: if they are codes, give \"kind\": \"categorical\"", f->few.n);
	return NULL;
}

/*
 * Does an end of a column of numbers stand for a missing value?  It does when it is a number or a day that
 * people write in its place, more than one row has it, and it stands apart: -1, -9, -99, ... as the only value
 * below 0 where more than 1 is reached, 99, 999, ... as more than twice the next value, and a day as more than
 * 20 years from the next.
 */
static bool
IsSentinel(const CsColumnFacts *f, bool is_low)
{
	const CsEnd *end = is_low ? &f->low : &f->high;
	double		value = end->value;
	double		digits;

	if (end->rows < 2 || isnan(end->next))
		return false;
	if (f->kind == CS_TIME)
	{
		/* 1900-01-01, 1970-01-01, 0001-01-01 and 2999-12-31, 9999-12-31, in days since 1970 */
		bool		is_known = is_low ? value == -25567 || value == 0 || value == -719162 :
			value == 376199 || value == 2932896;

		return is_known && fabs(value - end->next) > 20 * 365.25;
	}
	if (value != rint(value) || fabs(value) > 999999999)
		return false;
	for (digits = 9; digits < fabs(value);)
		digits = digits * 10 + 9;
	if (is_low)
		return (value == -1 || value == -digits) && end->next >= 0 && f->high.value > 1;
	return value == digits && value >= 99 && 2 * end->next < value && f->low.value >= -1;
}

/*
 * Which values of a column may stand for missing ones, a phrase, palloc'd; NULL: none.  Of two values, such as
 * 0 and 1, nothing can be said.
 */
char *
CsStandsForMissing(const CsColumnFacts *f)
{
	StringInfoData words;

	if (f->kind == CS_CATEGORICAL)
		return f->missing == NULL ? NULL : psprintf("%s, may stand for a missing value", f->missing);
	initStringInfo(&words);
	for (int is_low = 1; is_low >= 0; is_low--)
	{
		const CsEnd *end = is_low ? &f->low : &f->high;

		if (f->kind == CS_BOOLEAN || f->low.next == f->high.value || !IsSentinel(f, is_low))
			continue;
		appendStringInfoString(&words, words.len > 0 ? ", and " : "");
		if (f->kind == CS_TIME)
			appendStringInfo(&words, "the %s date, %lld times", is_low ? "first" : "last", (long long) end->rows);
		else
			appendStringInfo(&words, "%.0f, %lld times", end->value, (long long) end->rows);
	}
	return words.len == 0 ? NULL : psprintf("%s, may stand for a missing value", words.data);
}

/* Begin with a pair that is no rare one, such as that in the middle of the rows; the first one if it is missing. */
void
CsFollowsBegin(CsFollows *f, double x, double y)
{
	memset(f, 0, sizeof(*f));
	f->x = x;
	f->y = y;
}

/* Does y follow from x, now that all pairs were taken? */
bool
CsFollowsDecide(const CsFollows *f)
{
	return 2 * f->alike > f->others;
}

/* Count a pair that differs from the one to compare with, and how. */
static void
CompareWithOrdinary(CsFollows *f, double x, double y)
{
	double		of_x,
				of_y,
				difference;

	if (isnan(f->x) || isnan(f->y))
	{
		f->x = x;
		f->y = y;
	}
	of_x = f->factor * (x - f->x);
	of_y = y - f->y;
	difference = Max(fabs(of_x), fabs(of_y));
	f->others += difference > 0;
	f->alike += difference > 0 && fabs(of_y - of_x) <= ALIKE * difference;
}

/* Find the factor and the constant from the ends of x in a block; false when x does not vary there. */
static bool
BeginToFollow(CsFollows *f, const double *x, const double *y, int n)
{
	int			low = -1,
				high = -1;

	for (int i = 0; i < n; i++)
	{
		if (isnan(x[i]))
			continue;
		low = low < 0 || x[i] < x[low] ? i : low;
		high = high < 0 || x[i] > x[high] ? i : high;
	}
	if (low < 0 || x[low] == x[high])
		return false;
	f->factor = (y[high] - y[low]) / (x[high] - x[low]);
	f->constant = y[low] - f->factor * x[low];
	f->tolerance = SAME * fabs(y[high] - y[low]);
	f->is_begun = true;
	return f->factor != 0 && isfinite(f->factor) && isfinite(f->constant);
}

/* Can y follow from x by the first rows of a block?  Those of most columns do not lie on a line. */
static bool
BeginsOnLine(const double *x, const double *y, int n)
{
	double		left,
				right;

	if (n < 3)
		return true;
	left = (y[1] - y[0]) * (x[2] - x[0]);
	right = (y[2] - y[0]) * (x[1] - x[0]);
	return !(fabs(left - right) > 0.05 * (fabs(left) + fabs(right)));
}

/*
 * Take further pairs of values; false when y does not follow from x, which is known after few pairs of nearly
 * all columns that are not the same.  Values that are missing must be missing in both.
 */
bool
CsFollowsTake(CsFollows *f, const double *x, const double *y, int n)
{
	if (!f->is_begun && !BeginsOnLine(x, y, n))
		return false;
	for (int i = 0; i < n; i++)
	{
		if (isnan(x[i]) != isnan(y[i]))
			return false;
		if (isnan(x[i]))
			continue;
		if (!f->is_begun && !BeginToFollow(f, x, y, n))
			return false;
		if (!(fabs(y[i] - (f->constant + f->factor * x[i])) <= f->tolerance))
			return false;
		CompareWithOrdinary(f, x[i], y[i]);
		f->n++;
	}
	return true;
}
