/*
 * change.c
 *	  What the functions by which an owner changes a model have in common.
 */
#include "custseg.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/tables.h"
#include "lib/stringinfo.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static const char *const deployed_sql =
"SELECT m.deployed_version FROM custseg.model AS m WHERE m.name OPERATOR(pg_catalog.=) $1";

static const char *const rewrite_sql =
"UPDATE custseg.model AS m SET changed_at = pg_catalog.clock_timestamp() "
"WHERE m.name OPERATOR(pg_catalog.=) $1";

static const char *const segment_sql =
"SELECT FROM custseg.segment AS s WHERE s.model OPERATOR(pg_catalog.=) $1"
" AND s.version OPERATOR(pg_catalog.=) $2 AND s.segment OPERATOR(pg_catalog.=) $3";

static const char *const hold_sql =
"SELECT FROM custseg.model AS m WHERE m.name OPERATOR(pg_catalog.=) $1 FOR KEY SHARE";

/* The rows whose column "experiment" names experiment $1. */
#define OF_EXPERIMENT "t.experiment OPERATOR(pg_catalog.=) $1"

/*
 * The tables of custseg but "model" itself that hold rows of models.  What refers to another table's rows to find its
 * own stands before it.
 */
static const struct
{
	const char *name;
	bool		is_version;		/* the rows are a version's, which goes with them */
	const char *of_model;		/* which of the rows are of model $1; NULL: those whose column "model" says so */
	const char *surviving;		/* a condition on rows that outlive the model; NULL: none do */
	const char *of_experiment;	/* which of the rows are of experiment $1; NULL: none are of an experiment */
} modelTables[] = {
	{"feature", true},
	{"segment", true},
	{"model_within", true},
	{"model_version", true},
	{"deployment"},
	{"model_grant"},
	{"migration"},
	{"segment_change"},
	{"change_batch"},
	{"change_consumer"},
	{"change_feed"},
	{"audit_event"},
	{"column_note"},
	{"monitor_run"},
	{"monitor_feature"},
	{"monitor_segment"},
	{"outcome_run"},
	{"outcome", true},
	{"alert", .of_experiment = "t.kind OPERATOR(pg_catalog.=) 'experiment' AND t.subject OPERATOR(pg_catalog.=) $1"},
	{"segment_action"},
	{"presentation"},
	{"segment_value_history"},
	{"segment_value_history", false, "t.value_model OPERATOR(pg_catalog.=) $1"},
	{"enrolment", false, "t.experiment OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT e.experiment FROM custseg.experiment AS e WHERE e.model OPERATOR(pg_catalog.=) $1))", NULL, OF_EXPERIMENT},
	{"enrolment_count", .of_experiment = OF_EXPERIMENT},
	{"enrolment_batch", .of_experiment = OF_EXPERIMENT},
	{"experiment_look_metric", .of_experiment = OF_EXPERIMENT},
	{"experiment_look", .of_experiment = OF_EXPERIMENT},
	{"experiment_metric", .of_experiment = OF_EXPERIMENT},
	{"experiment_variant", .of_experiment = OF_EXPERIMENT},
	{"experiment", .of_experiment = OF_EXPERIMENT},
	{"segment_kpi"},
	{"report"},
	{"gate_condition"},
	{"gate_decision"},
	/* who objected to profiling has not objected to one model of that name */
	{"segment_override", false, NULL, "t.kind OPERATOR(pg_catalog.=) 'exclusion' AND t.ended_at IS NULL"}
};

/* See CsBeginChange; "check" says who may make the change. */
static void
BeginChange(const char *model, const char *command, void (*check) (const char *model))
{
	CsRequireWritable(command);
	CsModelCheckName(model);
	check(model);
	CsModelLock(model);
	check(model);
	SPI_connect();
	CsCatalogExecute(rewrite_sql, CsValues(CsValueText(model)), false);
	SPI_finish();
}

/*
 * Begin a change of the model that the first argument names: the transaction may write, the caller
 * owns the model, and now holds its lock.  Returns the name, palloc'd.
 *
 * The model's row is written anew.  That tells every statement that sees the change that there is one
 * (CsModelRow).  Under REPEATABLE READ and SERIALIZABLE it is a serialization failure when the model has
 * changed or gone since the transaction's snapshot, which all else is judged by.
 */
char *
CsBeginChange(FunctionCallInfo fcinfo, const char *command)
{
	char	   *model = CsRequiredText(fcinfo, 0, "model");

	CsBeginChangeOf(model, command);
	return model;
}

/* Likewise of the model of that name. */
void
CsBeginChangeOf(const char *model, const char *command)
{
	BeginChange(model, command, CsModelCheckOwner);
}

/* Likewise a change that only removes; see CsModelCheckMayDrop. */
char *
CsBeginDrop(FunctionCallInfo fcinfo, const char *command)
{
	char	   *model = CsRequiredText(fcinfo, 0, "model");

	BeginChange(model, command, CsModelCheckMayDrop);
	return model;
}

/*
 * Keep the model from being dropped until the transaction ends, for rows that will be written for it
 * by who does not change it; an error when it is gone.  Must be called inside SPI.
 */
void
CsModelHold(const char *model)
{
	if (CsCatalogExecute(hold_sql, CsValues(CsValueText(model)), false) == 0)
		CsReportNoModel(model);
}

/*
 * Under REPEATABLE READ and SERIALIZABLE, a serialization failure when the model has changed since the
 * transaction's snapshot, before work is done that could not be kept.
 */
void
CsModelRequireUnchanged(const char *model)
{
	if (!IsolationUsesXactSnapshot())
		return;
	SPI_connect();
	CsCatalogExecute(hold_sql, CsValues(CsValueText(model)), false);
	SPI_finish();
}

/* The days that history is to be kept, an argument that may be NULL; 0: for ever. */
int
CsKeepDaysArgument(FunctionCallInfo fcinfo, int argument)
{
	int			days = CsIntArgument(fcinfo, argument, 0);

	if (!PG_ARGISNULL(argument) && (days < 1 || days > CS_MAX_KEEP_DAYS))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"keep_days\" must be between 1 and %d, not %d", CS_MAX_KEEP_DAYS, days),
				 errhint("Leave it out for none.")));
	return days;
}

/* Has a table of custseg no pages?  Then it has no rows, whatever snapshot is asked. */
static bool
IsEmpty(const char *table)
{
	Oid			schema = get_namespace_oid("custseg", false);
	Relation	relation = table_open(get_relname_relid(table, schema), AccessShareLock);
	bool		empty = RelationGetNumberOfBlocks(relation) == 0;

	table_close(relation, NoLock);
	return empty;
}

/*
 * Delete a version's rows, or with 0 all rows of a model but its own.  The caller holds the model's
 * lock.  Must be called inside SPI.
 */
void
CsModelClear(const char *model, int version)
{
	for (int i = 0; i < lengthof(modelTables); i++)
	{
		StringInfoData sql;

		if ((version != 0 && !modelTables[i].is_version) || IsEmpty(modelTables[i].name))
			continue;
		initStringInfo(&sql);
		appendStringInfo(&sql, "DELETE FROM custseg.%s AS t WHERE %s%s", modelTables[i].name,
						 modelTables[i].of_model == NULL ? "t.model OPERATOR(pg_catalog.=) $1" : modelTables[i].of_model,
						 version != 0 ? " AND t.version OPERATOR(pg_catalog.=) $2" : "");
		if (modelTables[i].surviving != NULL)
			appendStringInfo(&sql, " AND (%s) IS NOT TRUE", modelTables[i].surviving);
		if (version == 0)
			CsCatalogExecuteNewest(sql.data, CsValues(CsValueText(model)));
		else
			CsCatalogExecuteNewest(sql.data, CsValues(CsValueText(model), CsValueInt4(version)));
	}
}

/* Delete all rows of an experiment.  The caller holds the lock of its model.  Must be called inside SPI. */
void
CsExperimentClear(const char *experiment)
{
	for (int i = 0; i < lengthof(modelTables); i++)
	{
		if (modelTables[i].of_experiment != NULL)
			CsCatalogExecuteNewest(psprintf("DELETE FROM custseg.%s AS t WHERE %s", modelTables[i].name,
											modelTables[i].of_experiment), CsValues(CsValueText(experiment)));
	}
}

/* The version that is deployed now; 0 when there is none.  Must be called inside SPI. */
int
CsDeployedVersion(const char *model)
{
	CsCatalogExecute(deployed_sql, CsValues(CsValueText(model)), false);
	return CsFoundInt4(0);
}

/*
 * The version that is deployed now of a model of one of the kinds; an error when there is none.  Must be
 * called inside SPI.
 */
int
CsRequireDeployedVersion(const char *model, int kinds)
{
	int			version;

	CsModelRequireKind(model, kinds);
	version = CsDeployedVersion(model);
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
	int			version = CsRequireDeployedVersion(model, CS_MODEL_BIT(CS_MODEL_SEGMENTS));

	if (CsCatalogExecute(segment_sql,
						 CsValues(CsValueText(model), CsValueInt4(version), CsValueInt4(segment)), false) == 0)
		CsReportNoSegment(model, version, segment);
}
