/*
 * levels.c
 *	  The levels of categories: which are kept, in which order, and what a NULL becomes.
 *
 * Rows are counted per dictionary code by the team.  Then the leader ranks the levels, most
 * frequent first, ties by text, so that they do not depend on the order of the rows; keeps
 * CS_MAX_LEVELS of them and merges the rest; and leaves in the table, in each code's place, the
 * level number that the codes of the matrix are replaced by.
 */
#include "custseg.h"

#include "prep/internal.h"

/* A level that may be kept. */
typedef struct Candidate
{
	int			code;			/* in the dictionary; -1 for a constant that is not */
	int64		count;			/* rows, those that get it by imputing included */
	const char *text;
} Candidate;

/* Raise the error for a column without any value. */
void
CsRejectAllNull(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("column \"%s\" has only nulls", name),
			 errhint("Leave the column out of the features.")));
}

/*
 * Check the number of missing values of a column against its impute; an error where that does not
 * allow any.
 */
void
CsCheckMissing(CsImpute impute, const char *name, int64 nmissing)
{
	if (nmissing == 0)
		return;
	if (impute == CS_IMPUTE_ERROR)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg_plural("column \"%s\" has %lld null", "column \"%s\" has %lld nulls",
							   (unsigned long) nmissing, name, (long long) nmissing),
				 errdetail("Its preparation has \"impute\": \"error\"."),
				 errhint("Impute by \"median\" or \"skip\", or leave the rows out with WHERE.")));
	if (impute == CS_IMPUTE_SKIP)
		elog(ERROR, "column \"%s\" has %lld nulls although its rows are skipped", name,
			 (long long) nmissing);
}

/* Order candidates by count, most first, then by text. */
static int
CompareCandidates(const void *a, const void *b)
{
	const Candidate *x = a;
	const Candidate *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return strcmp(x->text, y->text);
}

/*
 * The levels that rows have, most frequent first; a constant that NULLs become is among them and
 * its rows are counted.  Returns a palloc'd array.
 */
static Candidate *
RankLevels(CsFitState *s, int column, int64 nnull, int *ncandidates)
{
	const CsColumnSpec *spec = CsFitSpec(s, column);
	const CsCodeCell *table = CsFitTable(s, column);
	const char *constant = spec->prep.impute == CS_IMPUTE_CONSTANT ? spec->prep.constant_level : NULL;
	Candidate  *candidates = palloc(mul_size((Size) spec->ncodes + 1, sizeof(Candidate)));
	int			n = 0;

	for (int code = 0; code < spec->ncodes; code++)
	{
		Candidate  *c = &candidates[n];

		if (table[code].count == 0)
			continue;
		c->code = code;
		c->count = table[code].count;
		c->text = CsDictionaryLevel(s->dictionaries[column], code);
		if (constant != NULL && strcmp(c->text, constant) == 0)
		{
			c->count += nnull;
			constant = NULL;
		}
		n++;
	}
	if (constant != NULL && nnull > 0)
		candidates[n++] = (Candidate) {-1, nnull, constant};
	qsort(candidates, n, sizeof(Candidate), CompareCandidates);
	*ncandidates = n;
	return candidates;
}

/* Tell that a column had more levels than are kept. */
static void
NoticeMerged(const char *name, int nlevels, int nmerged, int64 rows)
{
	ereport(NOTICE,
			(errmsg("column \"%s\" has %d levels, of which the %d most frequent are kept",
					name, nlevels, nlevels - nmerged),
			 errdetail_plural("%d level with %lld rows is merged under \"%s\".",
							  "%d levels with %lld rows are merged under \"%s\".",
							  nmerged, nmerged, (long long) rows, CS_OTHER_LEVEL)));
}

/*
 * Decide which candidates are kept and give them their numbers: the most frequent CS_MAX_LEVELS
 * in their order, all others under "other", a level of that very name among them.  Codes are
 * renumbered in the table; returns the number of levels.
 */
static int
KeepLevels(CsFitState *s, int column, const Candidate *candidates, int n, CsLevelPart *levels)
{
	CsCodeCell *table = CsFitTable(s, column);
	bool		too_many = n > CS_MAX_LEVELS;
	int			nlevels = 0;
	int			nmerged = 0;
	int64		merged_rows = 0;

	for (int i = 0; i < n; i++)
	{
		const Candidate *c = &candidates[i];
		int			level = nlevels;

		if (too_many && (nlevels == CS_MAX_LEVELS || strcmp(c->text, CS_OTHER_LEVEL) == 0))
		{
			level = CS_MAX_LEVELS;
			nmerged++;
			merged_rows += c->count;
			levels[level].text = CS_OTHER_LEVEL;
			levels[level].is_other = true;
		}
		else
			levels[nlevels++].text = pstrdup(c->text);
		levels[level].count += c->count;
		if (c->code >= 0)
			table[c->code].level = level;
	}
	if (too_many)
	{
		NoticeMerged(NameStr(s->columns[column].name), n, nmerged, merged_rows);
		nlevels++;
	}
	return nlevels;
}

/* Number of the level that a text has in training; -1 when it has none. */
static int
FindLevel(const CsLevelPart *levels, int nlevels, const char *text)
{
	int			other = -1;

	for (int l = 0; l < nlevels; l++)
	{
		if (levels[l].text != NULL && strcmp(levels[l].text, text) == 0)
			return l;
		if (levels[l].is_other)
			other = l;
	}
	return other;
}

/* The baseline of a category: its levels as they were before NULLs were given one. */
static void
SetLevelBaseline(CsBaseline *baseline, const CsLevelPart *levels, int nlevels, int imputed_level)
{
	baseline->nlevels = nlevels;
	baseline->levels = palloc0(mul_size(nlevels, sizeof(char *)));
	baseline->level_counts = palloc(mul_size(nlevels, sizeof(int64)));
	for (int l = 0; l < nlevels; l++)
	{
		baseline->levels[l] = levels[l].text;
		baseline->level_counts[l] = levels[l].count - (l == imputed_level ? baseline->n_null : 0);
	}
}

/* Choose the levels of a one-hot or frequency column, and what its NULLs become. */
static void
ChooseLevels(CsFitState *s, int column)
{
	CsColumnSpec *spec = CsFitSpec(s, column);
	CsCodeCell *table = CsFitTable(s, column);
	CsFeature  *f = &s->parts.features[column];
	CsBaseline *baseline = &s->baselines[column];
	CsLevelPart *levels = palloc0(sizeof(CsLevelPart) * (CS_MAX_LEVELS + 2));
	int64		nnull = baseline->n_null;
	double		null_level = NAN;
	int			ncandidates;
	Candidate  *candidates = RankLevels(s, column, nnull, &ncandidates);
	int			nlevels = KeepLevels(s, column, candidates, ncandidates, levels);

	if (spec->prep.impute == CS_IMPUTE_MODE)
	{
		null_level = table[candidates[0].code].level;
		levels[(int) null_level].count += nnull;
	}
	else if (spec->prep.impute == CS_IMPUTE_CONSTANT)
		null_level = FindLevel(levels, nlevels, spec->prep.constant_level);
	f->fill = null_level;
	if (spec->prep.impute == CS_IMPUTE_LEVEL && nnull > 0)
	{
		levels[nlevels].count = nnull;
		table[spec->ncodes].level = nlevels++;
		SetLevelBaseline(baseline, levels, nlevels, -1);
	}
	else
	{
		table[spec->ncodes].level = null_level;
		SetLevelBaseline(baseline, levels, nlevels, isnan(null_level) ? -1 : (int) null_level);
	}
	for (int l = 0; l < nlevels; l++)
		levels[l].value = spec->value[l] = levels[l].count / (double) s->nrows;
	spec->nlevels = nlevels;
	s->parts.levels[column] = levels;
	pfree(candidates);
}

/* Values of an ordinal column that are not among its levels: missing, or not to be had. */
static void
CheckUnlisted(const CsPrepColumn *prep, const char *name, int64 nlisted, int64 nunlisted)
{
	if (nlisted == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" has none of its listed levels", name),
				 errhint("List the levels as they are written in the column.")));
	if (nunlisted == 0)
		return;
	if (prep->impute == CS_IMPUTE_SKIP || prep->impute == CS_IMPUTE_ERROR)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg_plural("column \"%s\" has %lld value that is not among its listed levels",
							   "column \"%s\" has %lld values that are not among its listed levels",
							   (unsigned long) nunlisted, name, (long long) nunlisted),
				 errhint("List all levels, or impute by \"median\".")));
	ereport(NOTICE,
			(errmsg_plural("column \"%s\" has %lld value that is not among its listed levels",
						   "column \"%s\" has %lld values that are not among its listed levels",
						   (unsigned long) nunlisted, name, (long long) nunlisted),
			 errdetail("Such values are imputed like missing ones.")));
}

/* The levels of an ordinal column are given; number the codes by them. */
static void
ListLevels(CsFitState *s, int column)
{
	CsColumnSpec *spec = CsFitSpec(s, column);
	CsCodeCell *table = CsFitTable(s, column);
	int			nlevels = list_length(spec->prep.levels);
	CsLevelPart *levels = palloc0(sizeof(CsLevelPart) * nlevels);
	int64		nlisted = 0;

	for (int l = 0; l < nlevels; l++)
	{
		levels[l].text = list_nth(spec->prep.levels, l);
		levels[l].value = spec->value[l] = l;
	}
	for (int code = 0; code < spec->ncodes; code++)
	{
		int			level = FindLevel(levels, nlevels,
									  CsDictionaryLevel(s->dictionaries[column], code));

		if (level >= 0)
		{
			levels[level].count += table[code].count;
			nlisted += table[code].count;
		}
		table[code].level = level >= 0 ? level : CS_UNSEEN_LEVEL;
	}
	table[spec->ncodes].level = NAN;
	CheckUnlisted(&spec->prep, NameStr(s->columns[column].name), nlisted,
				  s->nrows - s->baselines[column].n_null - nlisted);
	if (spec->prep.impute == CS_IMPUTE_CONSTANT)
		spec->constant = FindLevel(levels, nlevels, spec->prep.constant_level);
	spec->nlevels = nlevels;
	s->parts.levels[column] = levels;
	SetLevelBaseline(&s->baselines[column], levels, nlevels, -1);
}

/*
 * Choose the levels of all categories, whose codes have been counted.  Raises the errors that missing values
 * of a column cause.
 */
void
CsFitLevels(CsFitState *s)
{
	for (int i = 0; i < s->prep->ncolumns; i++)
	{
		const CsColumnSpec *spec = CsFitSpec(s, i);
		const char *name = NameStr(s->columns[i].name);
		CsBaseline *baseline = &s->baselines[i];

		if (spec->kind != CS_CATEGORICAL)
			continue;
		baseline->n_null = CsFitTable(s, i)[spec->ncodes].count;
		if (baseline->n_null == s->nrows)
			CsRejectAllNull(name);
		CsCheckMissing(spec->prep.impute, name, baseline->n_null);
		if (spec->prep.encode == CS_ENCODE_ORDINAL)
			ListLevels(s, i);
		else
			ChooseLevels(s, i);
	}
}

/* Count the codes of all categories, by the team, and choose their levels. */
void
CsFitCategories(CsFitState *s)
{
	bool		any = false;

	for (int i = 0; i < s->prep->ncolumns; i++)
		any |= CsFitSpec(s, i)->kind == CS_CATEGORICAL;
	if (!any)
		return;

	s->args.step = CS_FIT_COUNT;
	s->args.first = 0;
	CsTeamRun(s->team, CS_TASK(CsPrepFitColumnTask), &s->args, sizeof(s->args), s->prep->ncolumns);
	CsFitLevels(s);
}
