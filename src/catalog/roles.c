/*
 * roles.c
 *	  Roles that custseg's tables name: who they are in this cluster.
 *
 * A role is kept by its name, so that a dump can be restored where other roles have other OIDs, or
 * where the role does not exist yet; and beside the name by its OID and the identifier of the cluster
 * that the OID belongs to.  In that cluster the OID decides: a role that is renamed stays who it is,
 * and who is created with the name of a dropped role is somebody else.  Elsewhere the name decides,
 * until the row is written there.
 *
 * A trigger, bind_role(), enters OID and identifier whenever a row is written, by a restore, too.
 */
#include "custseg.h"

#include "access/htup_details.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "catalog/tables.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* What is kept of a role, in the order of the arguments of role_oid() and role_name(). */
enum
{
	ROLE_NAME, ROLE_OID, ROLE_CLUSTER, ROLE_PARTS
};

static const struct
{
	const char *suffix;			/* of the column's name */
	Oid			type;
} roleParts[ROLE_PARTS] = {
	{"", NAMEOID},
	{"_oid", OIDOID},
	{"_cluster", INT8OID}
};

PG_FUNCTION_INFO_V1(custseg_role_oid);
PG_FUNCTION_INFO_V1(custseg_role_name);
PG_FUNCTION_INFO_V1(custseg_bind_role);

/* Is the OID one of this cluster? */
static bool
IsBound(Oid oid, int64 cluster)
{
	return OidIsValid(oid) && cluster == (int64) GetSystemIdentifier();
}

/* The role of that name, or bound by an OID of that cluster; InvalidOid when there is none any more. */
static Oid
RoleFind(const char *name, Oid oid, int64 cluster)
{
	if (!IsBound(oid, cluster))
		return get_role_oid(name, true);
	return SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(oid)) ? oid : InvalidOid;
}

/* The role that a row names in three columns from this one on: name, OID, cluster.  See RoleFind(). */
Oid
CsRowRole(const CsCatalogRow *row, int column)
{
	bool		isnull;
	Datum		oid = CsRowDatum(row, column + 1, &isnull);

	return RoleFind(CsRowText(row, column), isnull ? InvalidOid : DatumGetObjectId(oid),
					  CsRowInt8(row, column + 2, 0));
}

/* The role that the arguments (name, oid, cluster) name; InvalidOid for none. */
static Oid
RoleArgument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(ROLE_NAME))
		return InvalidOid;
	return RoleFind(NameStr(*PG_GETARG_NAME(ROLE_NAME)),
					  PG_ARGISNULL(ROLE_OID) ? InvalidOid : PG_GETARG_OID(ROLE_OID),
					  PG_ARGISNULL(ROLE_CLUSTER) ? 0 : PG_GETARG_INT64(ROLE_CLUSTER));
}

/* role_oid(name, oid, cluster): the OID of a role that a row names, NULL when it is gone */
Datum
custseg_role_oid(PG_FUNCTION_ARGS)
{
	Oid			role = RoleArgument(fcinfo);

	if (!OidIsValid(role))
		PG_RETURN_NULL();
	PG_RETURN_OID(role);
}

/* role_name(name, oid, cluster): the present name of that role; of one that is gone the last one known */
Datum
custseg_role_name(PG_FUNCTION_ARGS)
{
	Oid			role = RoleArgument(fcinfo);

	if (PG_ARGISNULL(ROLE_NAME))
		PG_RETURN_NULL();
	if (!OidIsValid(role))
		PG_RETURN_DATUM(PG_GETARG_DATUM(ROLE_NAME));
	PG_RETURN_DATUM(CsValueName(GetUserNameFromId(role, false)).datum);
}

/* An attribute of the trigger's table whose name begins with that of the role's column. */
static int
FindAttribute(TupleDesc desc, const char *column, const char *suffix)
{
	char	   *name = psprintf("%s%s", column, suffix);
	int			attribute = SPI_fnumber(desc, name);

	if (attribute <= 0)
		elog(ERROR, "there is no column \"%s\" to bind a role in", name);
	return attribute;
}

/* Has the statement itself written another name in that column? */
static bool
NamesAnother(const TriggerData *data, int attribute)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);

	return TRIGGER_FIRED_BY_UPDATE(data->tg_event) &&
		strcmp(SPI_getvalue(data->tg_trigtuple, desc, attribute),
			   SPI_getvalue(data->tg_newtuple, desc, attribute)) != 0;
}

/* Bind a role to this cluster, by its name unless it is bound already; then it gets its present name. */
static void
Bind(CsValue *role, bool names_another)
{
	bool		is_bound = !role[ROLE_OID].isnull && !role[ROLE_CLUSTER].isnull &&
		IsBound(DatumGetObjectId(role[ROLE_OID].datum), DatumGetInt64(role[ROLE_CLUSTER].datum));

	if (is_bound && !names_another)
	{
		if (SearchSysCacheExists1(AUTHOID, role[ROLE_OID].datum))
			role[ROLE_NAME] = CsValueName(GetUserNameFromId(DatumGetObjectId(role[ROLE_OID].datum), false));
	}
	else
	{
		Oid			found = get_role_oid(NameStr(*DatumGetName(role[ROLE_NAME].datum)), true);

		role[ROLE_OID] = CsValueOf(OIDOID, ObjectIdGetDatum(found), !OidIsValid(found));
		role[ROLE_CLUSTER] = CsValueInt8((int64) GetSystemIdentifier());
		role[ROLE_CLUSTER].isnull = !OidIsValid(found);
	}
}

/*
 * bind_role('column'): trigger before a row is written that keeps the role in that column with
 * column_oid and column_cluster beside it.  A role that is bound gets its present name; one that is
 * not, or that another name was written for, is looked for by name.
 */
Datum
custseg_bind_role(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	TupleDesc	desc;
	HeapTuple	row;
	int			attributes[ROLE_PARTS];
	CsValue		role[ROLE_PARTS];
	Datum		values[ROLE_PARTS];
	bool		nulls[ROLE_PARTS];

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("bind_role() can only be called as a trigger")));
	desc = RelationGetDescr(data->tg_relation);
	row = TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newtuple : data->tg_trigtuple;
	for (int i = 0; i < ROLE_PARTS; i++)
	{
		attributes[i] = FindAttribute(desc, data->tg_trigger->tgargs[0], roleParts[i].suffix);
		role[i].type = roleParts[i].type;
		role[i].datum = SPI_getbinval(row, desc, attributes[i], &role[i].isnull);
	}
	if (role[ROLE_NAME].isnull)
		return PointerGetDatum(row);	/* the table's NOT NULL says it */
	Bind(role, NamesAnother(data, attributes[ROLE_NAME]));
	for (int i = 0; i < ROLE_PARTS; i++)
	{
		values[i] = role[i].datum;
		nulls[i] = role[i].isnull;
	}
	return PointerGetDatum(heap_modify_tuple_by_cols(row, desc, ROLE_PARTS, attributes, values, nulls));
}
