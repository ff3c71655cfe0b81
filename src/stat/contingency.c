/*
 * contingency.c
 *	  A contingency table that grows by rows: an open-addressing hash table in one flat value.
 *
 * Slots are found by a hash of both texts; the texts of a new pair are appended to those that are
 * there, so that nothing moves until there is no room.  Then a copy is made with twice the room.
 * What is computed from a table goes by the order of the texts and does not depend on the order
 * in which rows came.
 *
 * Invariant: a table has a free slot, so that a search ends.  A table may come from whoever calls
 * the aggregates' functions by hand, hence the checks: lengths and offsets are looked at before
 * each use.
 */
#include "custseg.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "stat/contingency.h"

#define FIRST_CAPACITY 16
#define MAX_CAPACITY (512 * 1024)
#define FIRST_TEXT 256

/* The capacity may be filled to three quarters. */
#define MOST_CELLS(capacity) ((int64) (capacity) / 4 * 3)

StaticAssertDecl(MOST_CELLS(MAX_CAPACITY) > CS_MAX_CONTINGENCY_CELLS,
				 "the largest table is too small");

static Size
TableSize(int32 capacity, int32 text_size)
{
	return offsetof(CsContingency, cell) + sizeof(CsContingencyCell) * capacity + text_size;
}

static CsContingency *
CreateTable(int32 capacity, int32 text_size)
{
	Size		size = TableSize(capacity, text_size);
	CsContingency *table = palloc0(size);

	SET_VARSIZE(table, size);
	table->capacity = capacity;
	table->text_size = text_size;
	return table;
}

/* An empty table, palloc'd. */
CsContingency *
CsContingencyCreate(void)
{
	return CreateTable(FIRST_CAPACITY, FIRST_TEXT);
}

static void
ReportInvalidTable(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid counts of categories and groups"),
			 errhint("Only custseg.chi_square_test() and similar aggregates make such values.")));
}

/*
 * Raise an error when a value's header cannot be that of a table.  Cheap enough to be called for
 * every row, before the table is read or written.
 */
void
CsContingencyCheck(const CsContingency *table)
{
	int32		capacity;

	if (VARSIZE(table) < TableSize(FIRST_CAPACITY, FIRST_TEXT))
		ReportInvalidTable();
	capacity = table->capacity;
	if (capacity < FIRST_CAPACITY || capacity > MAX_CAPACITY || (capacity & (capacity - 1)) != 0 ||
		table->text_size < FIRST_TEXT || table->text_size > CS_MAX_CONTINGENCY_TEXT ||
		VARSIZE(table) != TableSize(capacity, table->text_size) ||
		table->text_used < 0 || table->text_used > table->text_size ||
		table->ncells < 0 || table->ncells > MOST_CELLS(capacity))
		ReportInvalidTable();
}

static inline char *
TextOf(const CsContingency *table)
{
	return (char *) &table->cell[table->capacity];
}

/* A cell's texts lie within the texts that are there. */
static inline void
CheckCell(const CsContingency *table, const CsContingencyCell *cell)
{
	if (cell->offset < 0 || cell->category_length < 0 || cell->group_length < 0 ||
		(int64) cell->offset + cell->category_length + cell->group_length > table->text_used)
		ReportInvalidTable();
}

/*
 * Raise an error when a value is not a table: check the header and every cell, and that counts add
 * up within an int64.
 */
void
CsContingencyCheckAll(const CsContingency *table)
{
	int64		nrows = 0;
	int32		ncells = 0;

	CsContingencyCheck(table);
	for (int32 i = 0; i < table->capacity; i++)
	{
		const CsContingencyCell *cell = &table->cell[i];

		if (cell->count == 0)
			continue;
		if (cell->count < 0 || cell->count > PG_INT64_MAX - nrows)
			ReportInvalidTable();
		CheckCell(table, cell);
		nrows += cell->count;
		ncells++;
	}
	if (ncells != table->ncells)
		ReportInvalidTable();
}

/* The pair's slot, or the free one where it belongs. */
static CsContingencyCell *
FindSlot(CsContingency *table, uint32 hash, const char *category, int category_length,
		 const char *group, int group_length)
{
	uint32		mask = table->capacity - 1,
				at = hash & mask;

	for (int32 i = 0; i < table->capacity; i++, at = (at + 1) & mask)
	{
		CsContingencyCell *cell = &table->cell[at];
		const char *text;

		if (cell->count == 0)
			return cell;
		if (cell->hash != hash || cell->category_length != category_length ||
			cell->group_length != group_length)
			continue;
		CheckCell(table, cell);
		text = TextOf(table) + cell->offset;
		if (memcmp(text, category, category_length) == 0 &&
			memcmp(text + category_length, group, group_length) == 0)
			return cell;
	}
	ReportInvalidTable();
	return NULL;				/* keep the compiler quiet */
}

/* A copy with room for one more cell, and for so many more bytes of text. */
static CsContingency *
GrowTable(const CsContingency *table, int more_text)
{
	int32		capacity = table->capacity;
	int64		text_size = table->text_size;
	CsContingency *larger;

	if (table->ncells >= MOST_CELLS(capacity))
		capacity *= 2;
	while (text_size < (int64) table->text_used + more_text)
		text_size *= 2;
	larger = CreateTable(capacity, (int32) Min(text_size, CS_MAX_CONTINGENCY_TEXT));
	larger->ncells = table->ncells;
	larger->text_used = table->text_used;
	memcpy(TextOf(larger), TextOf(table), table->text_used);
	for (int32 i = 0; i < table->capacity; i++)
	{
		uint32		at = table->cell[i].hash & (capacity - 1);

		if (table->cell[i].count == 0)
			continue;
		while (larger->cell[at].count != 0)
			at = (at + 1) & (capacity - 1);
		larger->cell[at] = table->cell[i];
	}
	return larger;
}

/* Raise an error if one more pair, with so many bytes of text, is too much. */
static void
CheckLimits(const CsContingency *table, int64 more_text)
{
	const char *hint = "A category has few distinct values: check whether one of the columns is an id.";

	if (table->ncells >= CS_MAX_CONTINGENCY_CELLS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d different pairs of category and group",
						CS_MAX_CONTINGENCY_CELLS),
				 errhint("%s", hint)));
	if (table->text_used + more_text > CS_MAX_CONTINGENCY_TEXT)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("categories and groups have more than %d MB of text",
						CS_MAX_CONTINGENCY_TEXT / (1024 * 1024)),
				 errhint("%s", hint)));
}

/*
 * Count n > 0 more rows of a category and a group.  Returns the table, or, when there is no room, a
 * larger copy of it, palloc'd; the smaller table stays the caller's.
 */
CsContingency *
CsContingencyAdd(CsContingency *table, const char *category, int category_length,
				 const char *group, int group_length, int64 n)
{
	uint32		hash = hash_combine(hash_bytes((const unsigned char *) category, category_length),
									hash_bytes((const unsigned char *) group, group_length));
	int64		length = (int64) category_length + group_length;
	CsContingencyCell *cell = FindSlot(table, hash, category, category_length, group, group_length);
	char	   *text;

	if (cell->count != 0)
	{
		if (n > PG_INT64_MAX - cell->count)
			ReportInvalidTable();
		cell->count += n;
		return table;
	}
	CheckLimits(table, length);
	if (table->ncells >= MOST_CELLS(table->capacity) ||
		table->text_used + length > table->text_size)
	{
		table = GrowTable(table, (int) length);
		cell = FindSlot(table, hash, category, category_length, group, group_length);
	}
	cell->count = n;
	cell->hash = hash;
	cell->offset = table->text_used;
	cell->category_length = category_length;
	cell->group_length = group_length;
	text = TextOf(table) + table->text_used;
	memcpy(text, category, category_length);
	memcpy(text + category_length, group, group_length);
	table->text_used += (int32) length;
	table->ncells++;
	return table;
}

/*
 * Count everything that another table counts.  Returns the table or a larger copy, as
 * CsContingencyAdd() does.
 */
CsContingency *
CsContingencyMerge(CsContingency *table, const CsContingency *other)
{
	for (int32 i = 0; i < other->capacity; i++)
	{
		const CsContingencyCell *cell = &other->cell[i];
		const char *text = TextOf(other) + cell->offset;

		CsCheckInterrupts(i);
		if (cell->count > 0)
			table = CsContingencyAdd(table, text, cell->category_length,
									 text + cell->category_length, cell->group_length,
									 cell->count);
	}
	return table;
}

/* The number of rows counted in a group. */
int64
CsContingencyGroupRows(const CsContingency *table, const char *group)
{
	int			length = strlen(group);
	int64		nrows = 0;

	for (int32 i = 0; i < table->capacity; i++)
	{
		const CsContingencyCell *cell = &table->cell[i];

		if (cell->count > 0 && cell->group_length == length &&
			memcmp(TextOf(table) + cell->offset + cell->category_length, group, length) == 0)
			nrows += cell->count;
	}
	return nrows;
}

/* A cell's texts, and the numbers they get. */
typedef struct LabelledCell
{
	const char *category,
			   *group;
	int			category_length,
				group_length;
	CsCell		cell;
} LabelledCell;

static int
CompareBytes(const char *a, int a_length, const char *b, int b_length)
{
	int			order = memcmp(a, b, Min(a_length, b_length));

	if (order != 0)
		return order;
	return a_length < b_length ? -1 : a_length > b_length;
}

static int
CompareGroups(const void *x, const void *y, void *unused)
{
	const LabelledCell *a = x,
			   *b = y;

	return CompareBytes(a->group, a->group_length, b->group, b->group_length);
}

/* By category, then by group, whose numbers are known. */
static int
CompareCategories(const void *x, const void *y, void *unused)
{
	const LabelledCell *a = x,
			   *b = y;
	int			order = CompareBytes(a->category, a->category_length, b->category,
									 b->category_length);

	if (order != 0)
		return order;
	return a->cell.column < b->cell.column ? -1 : a->cell.column > b->cell.column;
}

/* The cells with their texts, in no order; palloc'd. */
static LabelledCell *
LabelCells(const CsContingency *table)
{
	LabelledCell *labelled = palloc(sizeof(LabelledCell) * Max(table->ncells, 1));
	int			at = 0;

	for (int32 i = 0; i < table->capacity; i++)
	{
		const CsContingencyCell *cell = &table->cell[i];

		if (cell->count == 0)
			continue;
		labelled[at].category = TextOf(table) + cell->offset;
		labelled[at].category_length = cell->category_length;
		labelled[at].group = labelled[at].category + cell->category_length;
		labelled[at].group_length = cell->group_length;
		labelled[at++].cell.count = cell->count;
	}
	return labelled;
}

/*
 * The cells of the table, ncells of them, palloc'd, by row and then by column.  Categories are rows
 * and groups are columns, numbered in the order of their bytes.
 */
CsCell *
CsContingencyCells(const CsContingency *table, int *nrows, int *ncolumns)
{
	LabelledCell *labelled = LabelCells(table);
	int			n = table->ncells;
	CsCell	   *cells = palloc(sizeof(CsCell) * Max(n, 1));

	qsort_interruptible(labelled, n, sizeof(LabelledCell), CompareGroups, NULL);
	*ncolumns = 0;
	for (int i = 0; i < n; i++)
	{
		*ncolumns += i == 0 || CompareGroups(&labelled[i - 1], &labelled[i], NULL) != 0;
		labelled[i].cell.column = *ncolumns - 1;
	}
	qsort_interruptible(labelled, n, sizeof(LabelledCell), CompareCategories, NULL);
	*nrows = 0;
	for (int i = 0; i < n; i++)
	{
		*nrows += i == 0 || CompareBytes(labelled[i - 1].category, labelled[i - 1].category_length,
										 labelled[i].category, labelled[i].category_length) != 0;
		cells[i] = labelled[i].cell;
		cells[i].row = *nrows - 1;
	}
	pfree(labelled);
	return cells;
}
