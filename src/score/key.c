/*
 * key.c
 *	  What says who a customer is: the columns of the id that a version was trained with, or else a
 *	  primary key.
 */
#include "custseg.h"

#include "score/score.h"
#include "utils/builtins.h"

static const char *const version_sql =
"SELECT v.id, v.id_types, NOT v.source_adopted FROM custseg.model_version AS v "
"WHERE v.model OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2";

static const char *const model_sql =
"SELECT v.id, v.id_types, NOT v.source_adopted FROM custseg.model AS m"
" JOIN custseg.model_version AS v ON v.model OPERATOR(pg_catalog.=) m.name "
"WHERE m.name OPERATOR(pg_catalog.=) $1 "
"ORDER BY v.version OPERATOR(pg_catalog.=) m.deployed_version DESC NULLS LAST, v.version DESC LIMIT 1";

/* CsCatalogVisitor: an id and its types. */
static void
TakeKey(void *state, const CsCatalogRow *row)
{
	CsKey	   *key = state;
	char	   *id = CsRowText(row, 1);
	bool		isnull;
	Datum		types = CsRowDatum(row, 2, &isnull);
	Datum	   *names;
	int			n;

	if (id == NULL || isnull)
		return;
	deconstruct_array(DatumGetArrayTypePCopy(types), TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &n);
	key->types = palloc(sizeof(char *) * n);
	for (int i = 0; i < n; i++)
		key->types[i] = TextDatumGetCString(names[i]);
	key->is_foreign = DatumGetBool(CsRowDatum(row, 3, &isnull));
	key->names = n == 1 ? list_make1(id) : CsIdNames(id);
}

/* The id that a version was trained with, palloc'd; no names without one. */
void
CsScorerKey(const CsScorer *scorer, CsKey *key)
{
	memset(key, 0, sizeof(*key));
	if (CsScorerRead(scorer, version_sql, TakeKey, key) != 1)
		CsReportDroppedVersion(scorer);
}

/* The id of the deployed version of a model, or else of the newest one, palloc'd; no names without one. */
void
CsModelKey(const char *model, CsKey *key)
{
	static SPIPlanPtr plan = NULL;

	memset(key, 0, sizeof(*key));
	CsCatalogReadKept(&plan, model_sql, CsValues(CsValueText(model)), TakeKey, key);
}

/*
 * How customers are told by such an id, palloc'd; NULL without one.  To read a value of a type may run what
 * its owner wrote, and what came from elsewhere must not choose whom the owner of the model has run so.
 */
CsIdentity *
CsIdentityOfKey(const CsKey *key)
{
	return key->names == NIL ? NULL :
		CsIdentityOfTypes(key->types, list_length(key->names), key->is_foreign);
}

/*
 * The columns (const CsColumn *) that identify the rows of a source: those of the id that was trained
 * with, or where one of them is missing the source's own primary key.  NIL without either.
 */
List *
CsFindKey(const CsRelation *rel, const char *trained_id)
{
	List	   *columns = trained_id == NULL ? NIL : CsRelationIdColumns(rel, trained_id, true);

	if (columns == NIL)
	{
		char	   *key = CsRelationDefaultId(rel);

		columns = key == NULL ? NIL : CsRelationIdColumns(rel, key, true);
	}
	return columns;
}

/* The attribute of that name; InvalidAttrNumber when there is none. */
static AttrNumber
FindAttribute(TupleDesc desc, const char *name)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0)
			return attribute->attnum;
	}
	return InvalidAttrNumber;
}

/*
 * Names (char *) of the attributes that identify a row, likewise; relid is that of the relation whose row
 * type it is, or invalid.
 */
List *
CsKeyOfRow(const CsKey *key, TupleDesc desc, Oid relid)
{
	ListCell   *cell;

	foreach(cell, key->names)
		if (FindAttribute(desc, lfirst(cell)) == InvalidAttrNumber)
			return CsPrimaryKey(relid);
	return key->names != NIL ? key->names : CsPrimaryKey(relid);
}

/* Set the attributes of a row type of these names. */
void
CsKeyAttributes(const List *names, TupleDesc desc, AttrNumber *attributes)
{
	ListCell   *cell;

	foreach(cell, names)
		*attributes++ = FindAttribute(desc, lfirst(cell));
}
