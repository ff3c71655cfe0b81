/*
 * change.c
 *	  What the functions by which an owner changes a model have in common.
 */
#include "custseg.h"

#include "catalog/tables.h"
#include "utils/builtins.h"

static const char *const deployed_sql =
"SELECT m.deployed_version FROM custseg.model AS m WHERE m.name OPERATOR(pg_catalog.=) $1";

static const char *const segment_sql =
"SELECT FROM custseg.segment AS s WHERE s.model OPERATOR(pg_catalog.=) $1"
" AND s.version OPERATOR(pg_catalog.=) $2 AND s.segment OPERATOR(pg_catalog.=) $3";

/* See tables.h. */
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
	return model;
}

/* See tables.h. */
int
CsDeployedVersion(const char *model)
{
	bool		isnull = true;
	Datum		value = (Datum) 0;

	if (CsCatalogExecute(deployed_sql, CsValues(CsValueText(model)), false) > 0)
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	return isnull ? 0 : DatumGetInt32(value);
}

/* See tables.h. */
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

/* See tables.h. */
void
CsReportNoSegment(const char *model, int version, int segment)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("version %d of model \"%s\" has no segment %d", version, model, segment),
			 errhint("SELECT segment, name FROM custseg.segments WHERE model = %s AND deployed lists the versions.",
					 quote_literal_cstr(model))));
}

/* See tables.h. */
void
CsRequireSegment(const char *model, int segment)
{
	int			version = CsRequireDeployedVersion(model);

	if (CsCatalogExecute(segment_sql,
						 CsValues(CsValueText(model), CsValueInt4(version), CsValueInt4(segment)), false) == 0)
		CsReportNoSegment(model, version, segment);
}
