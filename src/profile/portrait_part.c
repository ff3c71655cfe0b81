/*
 * portrait_part.c
 *	  Parts of a portrait of all columns: the columns and levels that a function asks for.
 *
 * Who wants what several functions tell takes one portrait (portrait.c), and a part of it for each of them.
 */
#include "custseg.h"

#include "profile/profile.h"

/* Is a column among those that a request asks for, of a portrait of all columns? */
static bool
IsPart(const CsPortrait *portrait, int column, const CsPortraitRequest *request)
{
	const CsPortraitColumn *of = &portrait->columns[column];

	if (column == portrait->value)
		return request->value != NULL ||
			(!portrait->value_is_extra && (of->feature >= 0 || !request->only_features) &&
			 !(request->only_numbers && CsIsCategory(of)));
	if (of->as_codes && column - 1 == portrait->value && request->value != NULL)
		return false;
	return (of->feature >= 0 || !request->only_features) && !(request->only_numbers && CsIsCategory(of));
}

/* Show no more than so many levels of a category, and none of fewer customers: they go to the others. */
static void
PoolLevels(CsPortraitColumn *of, int most, int64 least, int all)
{
	CsPortraitLevel *levels = palloc(sizeof(CsPortraitLevel) * (of->nlevels + 1));
	CsPortraitLevel other = {.is_other = true, .rows = palloc0(sizeof(int64) * (all + 1))};
	int			shown = 0;

	for (int i = 0; i < of->nlevels; i++)
	{
		const CsPortraitLevel *level = &of->levels[i];
		bool		is_level = !level->is_other && level->text != NULL;

		if (is_level && shown < most && level->rows[all] >= least)
			levels[shown++] = *level;
		else if (is_level || level->is_other)
		{
			for (int g = 0; g <= all; g++)
				other.rows[g] += level->rows[g];
		}
	}
	if (other.rows[all] > 0)
		levels[shown++] = other;
	if (of->missing[all] > 0)
		levels[shown++] = (CsPortraitLevel) {.rows = of->missing};
	of->levels = levels;
	of->nlevels = shown;
}

/*
 * The portrait that a request would have, made of one of all columns, with as many levels, the value that it names and
 * the same sample.  It is palloc'd; what is the same is not copied.
 */
CsPortrait *
CsPortraitPart(const CsPortraying *c, const CsPortraitRequest *request)
{
	const CsPortrait *whole = CsPortraitWhole(c);
	CsPortrait *part = palloc(sizeof(CsPortrait));

	*part = *whole;
	part->columns = palloc(sizeof(CsPortraitColumn) * Max(part->ncolumns, 1));
	part->ncolumns = 0;
	part->value = -1;
	for (int i = 0; i < whole->ncolumns; i++)
	{
		if (!IsPart(whole, i, request))
			continue;
		if (i == whole->value && request->value != NULL)
			part->value = part->ncolumns;
		part->columns[part->ncolumns] = whole->columns[i];
		if (CsIsCategory(&part->columns[part->ncolumns]))
			PoolLevels(&part->columns[part->ncolumns], request->levels, 0, part->ngroups);
		part->ncolumns++;
	}
	part->sample = CsPortraitSampleOf(c, request->sample, request->seed, false);
	CsPortraitFinish(part, request);
	for (int i = 0; i < part->ncolumns; i++)
	{
		if (CsIsCategory(&part->columns[i]))
			PoolLevels(&part->columns[i], request->levels, request->level_rows, part->ngroups);
	}
	return part;
}
