/*
 * change.c
 *	  What the functions by which an owner changes a model have in common.
 */
#include "custseg.h"

#include "catalog/tables.h"
#include "utils/builtins.h"

static const char *const deployed_sql =
"SELECT m.deployed_version FROM custseg.model AS m WHERE m.name OPERATOR(pg_catalog.=) $1";

static const char *const rewrite_sql =
"UPDATE custseg.model AS m SET name = m.name WHERE m.name OPERATOR(pg_catalog.=) $1";

static const char *const segment_sql =
"SELECT FROM custseg.segment AS s WHERE s.model OPERATOR(pg_catalog.=) $1"
" AND s.version OPERATOR(pg_catalog.=) $2 AND s.segment OPERATOR(pg_catalog.=) $3";

/*
 * Begin a change of the model that the first argument names: the transaction may write, the caller
 * owns the model, and now holds its lock.  Returns the name, palloc'd.
 *
 * The model's row is written anew.  That tells every statement that sees the change that there is one
 * (CsModelRow), and a transaction whose snapshot does not show the latest change of the model ends here
 * in a serialization failure.
 */
char *
CsBeginChange(FunctionCallInfo fcinfo, const char *command)
{
	char	   *model;

	CsRequireWritable(command);
	model = CsRequiredText(fcinfo, 0, "model");
	CsModelCheckName(model);
	CsModelCheckOwner(model);
	CsModelLock(model);
	CsModelCheckOwner(model);
	SPI_connect();
	CsCatalogExecute(rewrite_sql, CsValues(CsValueText(model)), false);
	SPI_finish();
	return model;
}

/* The version that is deployed now; 0 when there is none.  Must be called inside SPI. */
int
CsDeployedVersion(const char *model)
{
	bool		isnull = true;
	Datum		value = (Datum) 0;

	if (CsCatalogExecute(deployed_sql, CsValues(CsValueText(model)), false) > 0)
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return isnull ? 0 : DatumGetInt32(value);
}

/* The version that is deployed now; an error when there is none.  Must be called inside SPI. */
int
CsRequireDeployedVersion(const char *model)
{
	int			version = CsDeployedVersion(model);

	if (version == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no deployed version", model),
				 errhint("Deploy one with custseg.deploy().")));
	return version;
}

/* Raise the error for a segment that a version does not have. */
void
CsReportNoSegment(const char *model, int version, int segment)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("version %d of model \"%s\" has no segment %d", version, model, segment),
			 errhint("SELECT segment, name FROM custseg.segments WHERE model = %s AND deployed lists the segments.",
					 quote_literal_cstr(model))));
}

/* Raise an error unless the deployed version has the segment.  Must be called inside SPI. */
void
CsRequireSegment(const char *model, int segment)
{
	int			version = CsRequireDeployedVersion(model);

	if (CsCatalogExecute(segment_sql,
						 CsValues(CsValueText(model), CsValueInt4(version), CsValueInt4(segment)), false) == 0)
		CsReportNoSegment(model, version, segment);
}
