/*
 * catalog.c
 *	  Rows of custseg's tables, read and written as the extension's owner, and who may do so.
 *
 * Users have no right to write these tables, and row-level security lets them see only the models
 * they may use.  So the code becomes the owner around each statement, and only around it: what
 * runs then is constant text in which every table, function and operator carries its schema, so
 * that the caller's search_path has no say in it.  Nothing of the caller's, neither a query nor a
 * function of theirs, ever runs under that identity.  An error in between gives the caller's identity
 * back when the (sub)transaction ends.
 *
 * Rights are checked against the caller, by the roles that the tables hold (roles.c): a role that is
 * gone matches nobody.
 */
#include "custseg.h"

#include "access/htup_details.h"
#include "call/call.h"
#include "call/json.h"
#include "catalog/tables.h"
#include "catalog/engine.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#define MAX_MODEL_NAME 63
#define MAX_SQL_ARGUMENTS 40

typedef enum Access
{
	ACCESS_NO_MODEL,
	ACCESS_DENIED,
	ACCESS_ORPHANED,			/* denied, but the owner is gone and the database is the caller's */
	ACCESS_ALLOWED
} Access;

/* Models that may_use() remembers for a statement; more, and it starts anew. */
#define MAX_REMEMBERED 10000

typedef struct Remembered
{
	char		model[MAX_MODEL_NAME + 1];	/* the key */
	bool		allowed;
} Remembered;

/* What calls of may_use() from the same place have found. */
typedef struct MayUseMemo
{
	uint64		generation;		/* of the cache: rises with every change of a model or grant */
	Oid			role;
	HTAB	   *models;			/* Remembered, or NULL */
	Remembered *last;			/* among them, or NULL */
} MayUseMemo;

static const char *const owner_sql =
"SELECT m.owner, m.owner_oid, m.owner_cluster FROM custseg.model AS m "
"WHERE m.name OPERATOR(pg_catalog.=) $1";

static const char *const users_sql =
"SELECT m.owner, m.owner_oid, m.owner_cluster FROM custseg.model AS m "
"WHERE m.name OPERATOR(pg_catalog.=) $1 "
"UNION ALL "
"SELECT g.grantee, g.grantee_oid, g.grantee_cluster FROM custseg.model_grant AS g WHERE g.model OPERATOR(pg_catalog.=) $1";

static const char *const deployed_sql =
"SELECT m.deployed_version FROM custseg.model AS m WHERE m.name OPERATOR(pg_catalog.=) $1";

/* The parameters, which may be large, come by themselves: an empty object is in their place. */
static const char *const definition_sql =
"SELECT pg_catalog.jsonb_build_object("
" 'model', v.model,"
" 'version', v.version,"
" 'algorithm', v.algorithm,"
" 'pipeline', pg_catalog.jsonb_build_object("
"  'pca', v.reduction,"
"  'donors', v.donors,"
"  'features',"
"   (SELECT pg_catalog.jsonb_agg(f.prep ORDER BY f.position)"
"    FROM custseg.feature AS f"
"    WHERE f.model OPERATOR(pg_catalog.=) v.model"
"    AND f.version OPERATOR(pg_catalog.=) v.version)),"
" 'parameters', CASE WHEN v.parameters IS NULL THEN NULL ELSE '{}'::pg_catalog.jsonb END,"
" 'segments',"
"  (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object("
"    'segment', s.segment, 'name', s.name, 'n', s.n,"
"    'center', s.center, 'profile', s.profile_values) ORDER BY s.segment)"
"   FROM custseg.segment AS s"
"   WHERE s.model OPERATOR(pg_catalog.=) v.model"
"   AND s.version OPERATOR(pg_catalog.=) v.version)), "
"v.parameters, v.points, v.point_segments, v.point_places "
"FROM custseg.model_version AS v "
"WHERE v.model OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2";

PG_FUNCTION_INFO_V1(custseg_may_use);

/* OID of custseg.model, which stands for the extension: its owner, its locks. */
static Oid
ModelTable(void)
{
	Oid			schema = get_namespace_oid("custseg", true);
	Oid			table = OidIsValid(schema) ? get_relname_relid("model", schema) : InvalidOid;

	if (!OidIsValid(table))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("extension \"custseg\" is not installed in this database"),
				 errhint("CREATE EXTENSION custseg;")));
	return table;
}

/*
 * Become the owner of custseg's tables, for a statement that is safe whoever runs it.
 * BecomeCaller() needs what is saved.
 */
static void
BecomeOwner(Oid *save_user, int *save_context)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(ModelTable()));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for table custseg.model");
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	GetUserIdAndSecContext(save_user, save_context);
	SetUserIdAndSecContext(owner, *save_context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
}

/* Become the caller again. */
static void
BecomeCaller(Oid save_user, int save_context)
{
	SetUserIdAndSecContext(save_user, save_context);
}

/* Arguments as SPI takes them. */
static void
SplitArguments(const CsValue *arguments, int narguments, Oid *types, Datum *values, char *nulls)
{
	if (narguments > MAX_SQL_ARGUMENTS)
		elog(ERROR, "too many arguments of a catalog statement: %d", narguments);
	for (int i = 0; i < narguments; i++)
	{
		types[i] = arguments[i].type;
		values[i] = arguments[i].datum;
		nulls[i] = arguments[i].isnull ? 'n' : ' ';
	}
}

/*
 * Run one constant, fully qualified statement with arguments $1, $2, ... as the owner.  Must be
 * called inside SPI.  Returns the number of rows, which SPI_tuptable holds.  With read_only the
 * statement sees the caller's snapshot, as STABLE functions and parallel workers must; otherwise a
 * fresh one.
 */
uint64
CsCatalogExecute(const char *sql, const CsValue *arguments, int narguments, bool read_only)
{
	Oid			types[MAX_SQL_ARGUMENTS];
	Datum		values[MAX_SQL_ARGUMENTS];
	char		nulls[MAX_SQL_ARGUMENTS];
	Oid			user;
	int			context;
	int			result;

	SplitArguments(arguments, narguments, types, values, nulls);
	BecomeOwner(&user, &context);
	result = SPI_execute_with_args(sql, narguments, types, values, nulls, read_only, 0);
	BecomeCaller(user, context);
	if (result < 0)
		elog(ERROR, "catalog statement failed: %s", SPI_result_code_string(result));
	return SPI_processed;
}

/*
 * Likewise a statement that a session runs again and again: its plan is kept in "plan", which begins as NULL and belongs
 * to this statement alone.
 */
uint64
CsCatalogExecuteKept(SPIPlanPtr *plan, const char *sql, const CsValue *arguments, int narguments, bool read_only)
{
	Oid			types[MAX_SQL_ARGUMENTS];
	Datum		values[MAX_SQL_ARGUMENTS];
	char		nulls[MAX_SQL_ARGUMENTS];
	Oid			user;
	int			context;
	int			result;

	SplitArguments(arguments, narguments, types, values, nulls);
	BecomeOwner(&user, &context);
	if (*plan == NULL)
	{
		SPIPlanPtr	made = SPI_prepare(sql, narguments, types);

		if (made == NULL || SPI_keepplan(made) != 0)
			elog(ERROR, "could not prepare a catalog statement: %s", SPI_result_code_string(SPI_result));
		*plan = made;
	}
	result = SPI_execute_plan(*plan, values, nulls, read_only, 0);
	BecomeCaller(user, context);
	if (result < 0)
		elog(ERROR, "catalog statement failed: %s", SPI_result_code_string(result));
	return SPI_processed;
}

/*
 * Run a constant SELECT with arguments $1, $2, ... as the caller, whose search_path may find more than the names in it
 * and who sees what the active snapshot shows.  Must be called inside SPI.  Returns the number of rows, which
 * SPI_tuptable holds.
 */
uint64
CsCallerSelect(const char *sql, const CsValue *arguments, int narguments)
{
	Oid			types[MAX_SQL_ARGUMENTS];
	Datum		values[MAX_SQL_ARGUMENTS];
	char		nulls[MAX_SQL_ARGUMENTS];
	int			result;

	SplitArguments(arguments, narguments, types, values, nulls);
	result = SPI_execute_with_args(sql, narguments, types, values, nulls, true, 0);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "statement failed: %s", SPI_result_code_string(result));
	return SPI_processed;
}

/*
 * Likewise a statement of the owner that deletes or updates rows and must miss none that is committed, as a foreign
 * key's must: under REPEATABLE READ and SERIALIZABLE a row that the transaction's snapshot does not
 * show is a serialization failure.
 */
uint64
CsCatalogExecuteNewest(const char *sql, const CsValue *arguments, int narguments)
{
	bool		keeps_snapshot = IsolationUsesXactSnapshot();
	Oid			types[MAX_SQL_ARGUMENTS];
	Datum		values[MAX_SQL_ARGUMENTS];
	char		nulls[MAX_SQL_ARGUMENTS];
	SPIPlanPtr	plan;
	Oid			user;
	int			context;
	int			result;

	SplitArguments(arguments, narguments, types, values, nulls);
	BecomeOwner(&user, &context);
	plan = SPI_prepare(sql, narguments, types);
	if (plan == NULL)
		elog(ERROR, "could not prepare a catalog statement: %s", SPI_result_code_string(SPI_result));
	if (keeps_snapshot)
		CommandCounterIncrement();	/* the newest snapshot shows what this transaction has done, too */
	result = SPI_execute_snapshot(plan, values, nulls,
								  keeps_snapshot ? GetLatestSnapshot() : InvalidSnapshot,
								  keeps_snapshot ? GetTransactionSnapshot() : InvalidSnapshot,
								  false, true, 0);
	BecomeCaller(user, context);
	if (result < 0)
		elog(ERROR, "catalog statement failed: %s", SPI_result_code_string(result));
	return SPI_processed;
}

/*
 * Raise an error unless the transaction may write, before anything is read for it.  "command" is
 * the function as the user knows it.
 */
void
CsRequireWritable(const char *command)
{
	PreventCommandDuringRecovery(command);
	PreventCommandIfReadOnly(command);
	PreventCommandIfParallelMode(command);
}

/* The name of the role against which rights are checked, palloc'd. */
char *
CsCallerName(void)
{
	return GetUserNameFromId(GetUserId(), false);
}

/* Raise an error unless this can be a model's name. */
void
CsModelCheckName(const char *model)
{
	Size		length = strlen(model);

	if (length == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("model name must not be empty"),
				 errhint("Give a name of 1 to %d bytes.", MAX_MODEL_NAME)));
	if (length > MAX_MODEL_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("model name is too long"),
				 errdetail("It has %zu bytes; %d are allowed.", length, MAX_MODEL_NAME),
				 errhint("Give it a shorter name.")));
}

/* What the role in a row of SPI_tuptable allows the caller.  A role that is gone has no members. */
static Access
AccessByRole(uint64 row)
{
	CsCatalogRow r = {SPI_tuptable->vals[row], SPI_tuptable->tupdesc, (int) row};
	Oid			role;

	if (strcmp(CsRowText(&r, 1), "public") == 0)
		return ACCESS_ALLOWED;
	role = CsRowRole(&r, 1);
	if (!OidIsValid(role))
		return has_privs_of_role(GetUserId(), ROLE_PG_DATABASE_OWNER) ? ACCESS_ORPHANED : ACCESS_DENIED;
	return has_privs_of_role(GetUserId(), role) ? ACCESS_ALLOWED : ACCESS_DENIED;
}

/* Does one of the roles that "sql" lists for the model, the owner first, include the caller? */
static Access
CheckAccess(const char *sql, const char *model, bool read_only)
{
	CsValue		argument;
	Access		access = ACCESS_NO_MODEL;
	uint64		nroles;

	SPI_connect();
	argument = CsValueText(model);
	nroles = CsCatalogExecute(sql, &argument, 1, read_only);
	if (nroles > 0)
		access = superuser() ? ACCESS_ALLOWED : ACCESS_DENIED;
	for (uint64 i = 0; i < nroles && access != ACCESS_ALLOWED; i++)
	{
		Access		found = AccessByRole(i);

		if (i == 0 || found == ACCESS_ALLOWED)
			access = found;
	}
	SPI_finish();
	return access;
}

/* The error of a name that no model has. */
void
CsReportNoModel(const char *model)
{
	bool		is_worker = CsIsCitusWorker();

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("model \"%s\" does not exist", model),
			 is_worker ?
			 errhint("Models are kept on the coordinator, which sends one along as a value: custseg.predict((SELECT custseg.scorer(m.name) FROM custseg.model m WHERE m.name = %s), c).",
					 quote_literal_cstr(model)) :
			 errhint("SELECT name FROM custseg.models lists the models you may use.")));
}

/* As CheckAccess(), what the caller may do.  An error when there is no such model. */
static Access
GetAccess(const char *sql, const char *model, bool read_only)
{
	Access		access = CheckAccess(sql, model, read_only);

	if (access == ACCESS_NO_MODEL)
		CsReportNoModel(model);
	return access;
}

/* Is there a model of that name, whoever owns it? */
bool
CsModelExists(const char *model)
{
	return CheckAccess(owner_sql, model, true) != ACCESS_NO_MODEL;
}

/* Does the model exist, and may the caller use it? */
bool
CsModelMayUse(const char *model)
{
	return CheckAccess(users_sql, model, true) == ACCESS_ALLOWED;
}

/* Does the model exist, and has the caller the rights of its owner? */
bool
CsModelIsOwned(const char *model)
{
	return CheckAccess(owner_sql, model, true) == ACCESS_ALLOWED;
}

/* The role that owns a model; InvalidOid when it is gone.  An error when there is no such model. */
Oid
CsModelOwner(const char *model)
{
	CsCatalogRow row = {0};
	Oid			owner;

	SPI_connect();
	if (CsCatalogExecute(owner_sql, CsValues(CsValueText(model)), false) == 0)
		CsReportNoModel(model);
	row.tuple = SPI_tuptable->vals[0];
	row.desc = SPI_tuptable->tupdesc;
	owner = CsRowRole(&row, 1);
	SPI_finish();
	return owner;
}

/* Raise an error unless the model exists and the caller owns it, or may drop what nobody owns. */
static void
CheckOwner(const char *model, bool drops)
{
	Access		access = GetAccess(owner_sql, model, false);

	if (access == ACCESS_DENIED || (access == ACCESS_ORPHANED && !drops))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of model \"%s\"", model),
				 errhint("A model belongs to the role that trained it first: act as that role, or train a model of your own under another name.")));
}

/*
 * Raise an error unless the model exists and the caller owns it.  Sees what has just been
 * committed.
 */
void
CsModelCheckOwner(const char *model)
{
	CheckOwner(model, false);
}

/* Likewise, but whoever owns the database may drop a model whose owner is gone. */
void
CsModelCheckMayDrop(const char *model)
{
	CheckOwner(model, true);
}

/* Raise an error unless the model exists and the caller may use it. */
void
CsModelCheckUse(const char *model)
{
	if (GetAccess(users_sql, model, true) != ACCESS_ALLOWED)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for model \"%s\"", model),
				 errhint("The owner can run: SELECT custseg.grant_model(%s, %s);",
						 quote_literal_cstr(model), quote_literal_cstr(CsCallerName()))));
}

/* The deployed version; 0 when there is none, or when there is no such model. */
int
CsModelDeployedVersion(const char *model)
{
	int			version;

	SPI_connect();
	CsCatalogExecute(deployed_sql, CsValues(CsValueText(model)), true);
	version = CsFoundInt4(0);
	SPI_finish();
	return version;
}

/*
 * The lock that lets only one transaction at a time change a model, one that does not exist yet
 * included.  It is on a row of custseg.model as it were, by a hash of the name: two models that
 * share a hash only wait for each other.
 */
static LOCKTAG
ModelLockTag(const char *model)
{
	uint32		hash = hash_bytes((const unsigned char *) model, (int) strlen(model));
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ModelTable(), (Oid) hash, 0);
	return tag;
}

/*
 * Take a model's lock until the end of the transaction, so that writers come one after the other.
 */
void
CsModelLock(const char *model)
{
	LOCKTAG		tag = ModelLockTag(model);

	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	AcceptInvalidationMessages();
}

/* Take a model's lock without waiting.  Returns false when another transaction has it. */
bool
CsModelTryLock(const char *model)
{
	LOCKTAG		tag = ModelLockTag(model);

	if (LockAcquire(&tag, ExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
		return false;
	AcceptInvalidationMessages();
	return true;
}

/*
 * Floats must come out to the bit, whatever the caller set; the caller ends the returned nest
 * level with AtEOXact_GUC().
 */
int
CsExactFloats(void)
{
	int			level = NewGUCNestLevel();

	CsSetForNow("extra_float_digits", "1");
	return level;
}

/* An array of a row that was found, copied to CurrentMemoryContext; NULL for NULL. */
static ArrayType *
FoundArray(int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? NULL : DatumGetArrayTypePCopy(value);
}

/*
 * The definition of a version, as CsScorerFromJsonb() reads it, in CurrentMemoryContext; NULL if
 * there is no such version.  Its parameters, which may be large, are OUT "parameters", and the definition's are an
 * empty object, or null where there are none.
 */
Jsonb *
CsCatalogDefinition(const char *model, int version, CsStoredParameters *parameters)
{
	MemoryContext context = CurrentMemoryContext;
	CsValue		arguments[2];
	Jsonb	   *definition = NULL;
	int			level;

	SPI_connect();
	arguments[0] = CsValueText(model);
	arguments[1] = CsValueInt4(version);
	level = CsExactFloats();
	if (CsCatalogExecute(definition_sql, arguments, lengthof(arguments), true) > 0)
	{
		bool		isnull;
		bool		has_none;
		Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
										  &isnull);
		Datum		large = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &has_none);
		MemoryContext old = MemoryContextSwitchTo(context);

		definition = DatumGetJsonbPCopy(value);
		parameters->json = has_none ? NULL : DatumGetJsonbPCopy(large);
		parameters->points = FoundArray(3);
		parameters->point_segments = FoundArray(4);
		parameters->point_places = FoundArray(5);
		MemoryContextSwitchTo(old);
	}
	AtEOXact_GUC(true, level);
	SPI_finish();
	return definition;
}

/* Forget what was found for another role, or before models or grants changed. */
static void
ResetMemo(MayUseMemo *memo, MemoryContext context)
{
	HASHCTL		ctl = {0};

	if (memo->models != NULL)
		hash_destroy(memo->models);
	memo->models = NULL;
	memo->last = NULL;
	ctl.keysize = sizeof(((Remembered *) NULL)->model);
	ctl.entrysize = sizeof(Remembered);
	ctl.hcxt = context;
	memo->models = hash_create("custseg may_use", 64, &ctl, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	memo->role = GetUserId();
	memo->generation = CsGeneration();
}

/*
 * custseg_private.may_use(model): what row-level security asks for every row.  The answers are kept
 * for the rest of the statement: a history has many rows of few models.
 */
Datum
custseg_may_use(PG_FUNCTION_ARGS)
{
	MayUseMemo *memo = (MayUseMemo *) fcinfo->flinfo->fn_extra;
	text	   *argument = PG_GETARG_TEXT_PP(0);
	char		model[MAX_MODEL_NAME + 1];
	int			length = (int) VARSIZE_ANY_EXHDR(argument);
	bool		allowed;

	if (length > MAX_MODEL_NAME)
		PG_RETURN_BOOL(false);
	memcpy(model, VARDATA_ANY(argument), length);
	model[length] = '\0';
	if (memo == NULL)
	{
		memo = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(MayUseMemo));
		fcinfo->flinfo->fn_extra = memo;
	}
	if (memo->models == NULL || memo->role != GetUserId() ||
		memo->generation != CsGeneration() ||
		hash_get_num_entries(memo->models) >= MAX_REMEMBERED)
		ResetMemo(memo, fcinfo->flinfo->fn_mcxt);
	if (memo->last == NULL || strcmp(memo->last->model, model) != 0)
		memo->last = hash_search(memo->models, model, HASH_FIND, NULL);
	if (memo->last == NULL)
	{
		allowed = CheckAccess(users_sql, model, true) == ACCESS_ALLOWED;
		memo->last = hash_search(memo->models, model, HASH_ENTER, NULL);
		memo->last->allowed = allowed;
	}
	PG_RETURN_BOOL(memo->last->allowed);
}
