/*
 * block.c
 *	  The rows of a pass, many at once and column by column.
 *
 * What is done to each value of each row goes much faster where the rows of a column lie side by side: a column is
 * converted once for all visitors, rows are placed by the kernels that place a training's, and visitors look at a
 * column with one loop.  Rows come in the order in which a statement gives them, whoever reads them: where the
 * source is tables that are scanned from end to end, their pages are read without one (data/pages.h), by a team where
 * the pass is to have one (block_team.c).
 *
 * Values by reference are copied until the block has been visited.  A block whose copies are large is given to the
 * visitors before it is full, so what they make of the rows must not depend on where a block ends.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "catalog/pg_type_d.h"
#include "score/binding.h"
#include "score/blocks.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* Bytes of copies with which a block is full. */
#define MOST_COPIED ((Size) 1024 * 1024)

/* Do all that take part in the pass take blocks? */
bool
CsPassTakesBlocks(const CsPass *pass)
{
	ListCell   *cell;

	foreach(cell, pass->placers)
	{
		if (((const CsPlacer *) lfirst(cell))->placing == CS_PLACE_STRICT)
			return false;
	}
	foreach(cell, pass->visitors)
	{
		if (((const CsVisitor *) lfirst(cell))->take_block == NULL)
			return false;
	}
	return true;
}

/* Are all values finite? */
CS_CLONES static bool
AreFinite(const double *x, int n)
{
	int64		bad = 0;

	for (int i = 0; i < n; i++)
		bad |= !(fabs(x[i]) <= DBL_MAX);
	return bad == 0;
}

/* Convert a column of the block at hand. */
static void
Convert(const CsPassBlock *block, int column, const CsConverter *converter, double *numbers)
{
	const Datum *values = CsBlockValues(block, column);
	const bool *nulls = CsBlockNulls(block, column);

	if (converter->type == FLOAT8OID)
	{
		for (int r = 0; r < block->nrows; r++)
			numbers[r] = DatumGetFloat8(values[r]);
		for (int r = 0; r < block->nrows && block->has_nulls[column]; r++)
			numbers[r] = nulls[r] ? NAN : numbers[r];
		return;
	}
	for (int r = 0; r < block->nrows; r++)
		numbers[r] = nulls[r] ? NAN : converter->to_double(converter, values[r]);
}

/*
 * A column of the block at hand as numbers.  It is one of numbers, whose converter is given: the column may have been
 * read first for somebody to whom its numbers are levels.
 */
CsPassNumbers
CsPassNumbersOf(CsPass *pass, int column, const CsConverter *converter)
{
	CsPassBlocks *b = pass->blocks;
	double	   *numbers = b->numbers + (Size) column * CS_PASS_STRIDE;

	if (!b->has_numbers[column])
	{
		Convert(&b->block, column, converter, numbers);
		b->all_finite[column] = AreFinite(numbers, b->block.nrows);
		b->has_numbers[column] = true;
	}
	return (CsPassNumbers) {numbers, b->all_finite[column]};
}

/* The values of the id of a row of the block at hand. */
static void
TakeId(const CsPass *pass, int row, Datum *id, bool *nulls)
{
	const CsPassBlock *block = &pass->blocks->block;

	for (int i = 0; i < pass->identity->nparts; i++)
	{
		id[i] = CsBlockValues(block, pass->key[i])[row];
		nulls[i] = CsBlockNulls(block, pass->key[i])[row];
	}
}

/* The id of a row of the block at hand as text, palloc'd, as CsPassId() gives it; NULL without one. */
char *
CsPassBlockId(CsPass *pass, int row)
{
	Datum		id[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];

	if (pass->identity == NULL)
		return NULL;
	TakeId(pass, row, id, nulls);
	return CsIdentityText(pass->identity, id, nulls);
}

/* Fill the raw values of a feature, which is read from that column of the pass, or, with -1, from none. */
static void
FillFeature(CsPass *pass, const CsPipeline *pipeline, const CsFeature *f, int column, const CsConverter *converter,
			double *raw)
{
	const CsPassBlock *block = &pass->blocks->block;
	double		missing = CsReadMissing(pipeline, f);

	if (column >= 0 && f->kind != CS_CATEGORICAL)
	{
		memcpy(raw, CsPassNumbersOf(pass, column, converter).values, sizeof(double) * block->nrows);
		return;
	}
	for (int r = 0; r < block->nrows; r++)
		raw[r] = column < 0 || CsBlockNulls(block, column)[r] ? missing :
			CsReadCategory(pipeline, f, converter, CsBlockValues(block, column)[r]);
}

/*
 * The raw values of the block at hand for a pipeline that CsPassBind() has bound: value r of feature i at
 * [i * CS_PASS_STRIDE + r].
 */
void
CsPassBlockRaw(CsPass *pass, const CsBinding *binding, const CsPipeline *pipeline, double *raw)
{
	for (int i = 0; i < pipeline->nfeatures; i++)
		FillFeature(pass, pipeline, &pipeline->feature[i], binding->feature[i].attribute - 1,
					&binding->feature[i].converter, raw + (Size) i * CS_PASS_STRIDE);
}

/* Does a version place the rows of this reading? */
static bool
Places(const CsPass *pass, const CsPlacer *p)
{
	return pass->is_first && p->placing != CS_PLACE_NOT && p->is_bound;
}

/* Place the rows of the block at hand by one version. */
static void
PlaceBlock(CsPass *pass, CsPlacer *p)
{
	const CsPipeline *pipeline = CsScorerPipeline(p->scoring.scorer);
	int			nrows = pass->blocks->block.nrows;

	for (int i = 0; i < pipeline->nfeatures; i++)
		FillFeature(pass, pipeline, &pipeline->feature[i], p->column[i], &p->converters[i],
					p->raw + (Size) i * CS_PASS_STRIDE);
	for (int r = 0; r < nrows; r++)
		p->segments[r] = -1;
	if (Places(pass, p))
		CsScoringPlaceRows(&p->scoring, p->raw, CS_PASS_STRIDE, nrows, p->segments);
}

/* Find what is to be known of the block at hand before it is visited, and place its rows. */
void
CsBlocksPlace(CsPass *pass)
{
	CsPassBlocks *b = pass->blocks;
	CsPassBlock *block = &b->block;
	ListCell   *cell;

	for (int c = 0; c < pass->columns.ncolumns; c++)
		block->has_nulls[c] = memchr(CsBlockNulls(block, c), true, block->nrows) != NULL;
	memset(b->has_numbers, 0, pass->columns.ncolumns);
	foreach(cell, pass->placers)
		PlaceBlock(pass, lfirst(cell));
}

/* Look up what somebody has decided for the customers of the block at hand. */
static void
FindDecisions(CsPass *pass, CsPlacer *p)
{
	for (int r = 0; r < pass->blocks->block.nrows; r++)
	{
		Datum		id[INDEX_MAX_KEYS];
		bool		nulls[INDEX_MAX_KEYS];

		TakeId(pass, r, id, nulls);
		p->decided[r] = CsOverridesFind(p->overrides, id, nulls);
	}
}

/* Give the block at hand, whose rows are placed, to the visitors, and begin another one. */
void
CsBlocksVisit(CsPass *pass)
{
	CsPassBlocks *b = pass->blocks;
	CsPassBlock *block = &b->block;
	ListCell   *cell;

	foreach(cell, pass->placers)
	{
		CsPlacer   *p = lfirst(cell);

		if (p->decided != NULL && Places(pass, p))
			FindDecisions(pass, p);
	}
	foreach(cell, pass->visitors)
	{
		const CsVisitor *v = lfirst(cell);

		v->take_block(v->state, block);
	}
	b->nrows += block->nrows;
	block->nrows = 0;
	b->copied = 0;
	if (b->nby_reference > 0)
		MemoryContextReset(b->copies);
}

/* Place the rows of the block at hand, if there are any, and give it to the visitors. */
void
CsBlocksFinish(CsPass *pass)
{
	if (pass->blocks->block.nrows == 0)
		return;
	CsBlocksPlace(pass);
	CsBlocksVisit(pass);
}

/* Copy the values of the row at hand that are given by reference. */
static void
CopyValues(CsPassBlocks *b, const Datum *values, const bool *nulls)
{
	MemoryContext save = MemoryContextSwitchTo(b->copies);

	for (int i = 0; i < b->nby_reference; i++)
	{
		int			c = b->by_reference[i];

		if (nulls[c])
			continue;
		CsBlockValues(&b->block, c)[b->block.nrows] = datumCopy(values[c], false, b->lengths[c]);
		b->copied += datumGetSize(values[c], false, b->lengths[c]);
	}
	MemoryContextSwitchTo(save);
}

/* CsRowSink: one row of the source. */
void
CsBlocksTakeRow(void *state, const Datum *values, const bool *nulls)
{
	CsPass	   *pass = state;
	CsPassBlocks *b = pass->blocks;
	CsPassBlock *block = &b->block;
	Datum	   *to = block->values + block->nrows;
	bool	   *to_nulls = block->nulls + block->nrows;

	for (int c = 0; c < pass->columns.ncolumns; c++)
	{
		to[(Size) c * CS_PASS_STRIDE] = values[c];
		to_nulls[(Size) c * CS_PASS_STRIDE] = nulls[c];
	}
	if (b->nby_reference > 0)
		CopyValues(b, values, nulls);
	block->nrows++;
	if (block->nrows == CS_BLOCK_ROWS || b->copied > MOST_COPIED)
		CsBlocksFinish(pass);
}

/* Make room for what a placer makes of a block. */
static void
OpenPlacer(const CsPass *pass, CsPlacer *p)
{
	const CsPipeline *pipeline = CsScorerPipeline(p->scoring.scorer);

	p->converters = palloc0(sizeof(CsConverter) * pipeline->nfeatures);
	for (int i = 0; i < pipeline->nfeatures; i++)
	{
		if (p->column[i] < 0)
			continue;
		CsConverterInit(&p->converters[i], pass->columns.columns[p->column[i]].type);
		if (pipeline->feature[i].is_coded)
			(void) CsConverterAsCategory(&p->converters[i]);
	}
	p->raw = palloc_extended(mul_size(sizeof(double) * CS_PASS_STRIDE, pipeline->nfeatures), MCXT_ALLOC_HUGE);
	p->segments = palloc(sizeof(int32) * CS_BLOCK_ROWS);
	p->decided = p->overrides == NULL ? NULL : palloc0(sizeof(CsOverride *) * CS_BLOCK_ROWS);
}

/* Make room for the blocks of a reading, in CurrentMemoryContext. */
CsPassBlocks *
CsBlocksOpen(const CsPass *pass)
{
	CsPassBlocks *b = palloc0(sizeof(CsPassBlocks));
	int			n = pass->columns.ncolumns;
	Size		values = mul_size(CS_PASS_STRIDE, Max(n, 1));
	ListCell   *cell;

	b->block.values = palloc_extended(mul_size(sizeof(Datum), values), MCXT_ALLOC_HUGE);
	b->block.nulls = palloc_extended(values, MCXT_ALLOC_HUGE);
	b->block.has_nulls = palloc0(Max(n, 1));
	b->numbers = palloc_extended(mul_size(sizeof(double), values), MCXT_ALLOC_HUGE);
	b->has_numbers = palloc0(Max(n, 1));
	b->all_finite = palloc0(Max(n, 1));
	b->by_reference = palloc(sizeof(int) * Max(n, 1));
	b->lengths = palloc(sizeof(int16) * Max(n, 1));
	for (int c = 0; c < n; c++)
	{
		const CsColumn *column = &pass->columns.columns[c];
		bool		by_value;

		get_typlenbyval(column->element > 0 ? FLOAT8OID : column->type, &b->lengths[c], &by_value);
		if (!by_value)
			b->by_reference[b->nby_reference++] = c;
	}
	b->copies = AllocSetContextCreate(CurrentMemoryContext, "custseg block", ALLOCSET_DEFAULT_SIZES);
	foreach(cell, pass->placers)
		OpenPlacer(pass, lfirst(cell));
	return b;
}

/* Read the rows from pages of tables; a team, and what it shares, is made in a context. */
static void
ReadPages(CsPass *pass, const CsPages *pages, MemoryContext context)
{
	int			n = pass->columns.ncolumns;
	CsPagesColumn *columns = palloc(sizeof(CsPagesColumn) * Max(n, 1));
	CsPageReader *reader;

	CsPagesColumns(pass->columns.columns, n, columns);
	CsPagesBegin(pages);
	if (CsBlocksReadByTeam(pass, pages, columns, context))
		return;
	reader = CsPageReaderMake(pages, columns, n);
	CsPageReaderRead(reader, pages, 0, pages->npages, CsBlocksTakeRow, pass);
	CsPageReaderClose(reader);
}

/*
 * Read the source of a pass once, as the caller, and give its rows to the visitors in blocks.  Returns their
 * number.
 */
int64
CsPassReadBlocks(CsPass *pass)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "custseg blocks", ALLOCSET_DEFAULT_SIZES);
	MemoryContext save = MemoryContextSwitchTo(context);
	const CsPages *pages;
	int64		nrows;

	pass->blocks = CsBlocksOpen(pass);
	pages = CsPagesOf(pass->relation, pass->columns.columns, pass->columns.ncolumns);
	if (pages != NULL)
		ReadPages(pass, pages, save);
	else
		(void) CsRelationRead(pass->relation, pass->columns.columns, pass->columns.ncolumns, CsBlocksTakeRow, pass);
	CsBlocksFinish(pass);
	nrows = pass->blocks->nrows;
	pass->blocks = NULL;
	MemoryContextSwitchTo(save);
	MemoryContextDelete(context);
	return nrows;
}
