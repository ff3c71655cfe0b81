/*
 * override.c
 *	  Customers whom somebody has put in a segment, or left out, by hand.
 *
 * A model decides by features; a person may know better.  An override names a customer by id and
 * says which segment is right; an exclusion leaves the customer without one, in one model or in all
 * models of its owner.  Each has a reason, may expire, and is never rewritten: what replaces or ends it
 * only says when and by whom, so that the table is the record of who decided what.  All that place
 * customers ask here, where they are told who the customer is; a compiled model by value is not.
 *
 * Decisions belong to the owner of the model: who makes a model of the same name later has none of
 * them.
 */
#include "custseg.h"

#include "call/call.h"
#include "catalog/pg_type.h"
#include "math/search.h"
#include "miscadmin.h"
#include "score/score.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* Whose decisions those of a model are: of the caller, $2, where the model is NULL. */
#define OWNER_SQL \
"(SELECT coalesce((SELECT m.owner FROM custseg.model AS m WHERE m.name OPERATOR(pg_catalog.=) $1), $2))"

/* Decisions for the model itself, or for all models of its owner, that nobody has ended. */
#define MADE_FOR_SQL \
"coalesce(o.model, '') OPERATOR(pg_catalog.=) coalesce($1, '') AND o.owner OPERATOR(pg_catalog.=) " OWNER_SQL \
" AND o.ended_at IS NULL" \
" AND custseg_private.is_same_role(o.owner, o.owner_oid, o.owner_cluster, o.owner, NULL, NULL)"

#define IN_FORCE_SQL \
"(o.until IS NULL OR o.until OPERATOR(pg_catalog.>) pg_catalog.now())"

static const char *const end_sql =
"UPDATE custseg.segment_override AS o"
" SET ended_at = LEAST(o.until, pg_catalog.clock_timestamp()), ended_by = $2 "
"WHERE " MADE_FOR_SQL " AND o.customer OPERATOR(pg_catalog.=) ANY ($3) "
"RETURNING " IN_FORCE_SQL;

static const char *const expire_sql =
"UPDATE custseg.segment_override AS o SET ended_at = o.until, ended_by = $2 "
"WHERE " MADE_FOR_SQL " AND NOT " IN_FORCE_SQL;

static const char *const insert_sql =
"INSERT INTO custseg.segment_override"
" (model, owner, customer, kind, segment, reason, until, made_at, made_by) "
"VALUES ($1, " OWNER_SQL ", $3, CASE WHEN $4 IS NULL THEN 'exclusion' ELSE 'override' END, $4, $5, $6,"
" pg_catalog.clock_timestamp(), $2)";

static const char *const list_sql =
"SELECT o.customer FROM custseg.segment_override AS o "
"WHERE " MADE_FOR_SQL;

/* Decisions that hold for customers of a model now. */
#define HOLDING_SQL \
"custseg.model AS m" \
" JOIN custseg.segment_override AS o" \
"  ON custseg_private.is_same_role(o.owner, o.owner_oid, o.owner_cluster, m.owner, m.owner_oid, m.owner_cluster)" \
"  AND coalesce(o.model, '') OPERATOR(pg_catalog.=) ANY (ARRAY['', m.name]) " \
"WHERE m.name OPERATOR(pg_catalog.=) $1 AND o.ended_at IS NULL AND " IN_FORCE_SQL

static const char *const load_sql =
"SELECT o.id, o.customer, o.segment, o.made_by, o.until FROM " HOLDING_SQL;

static const char *const decisions_sql =
"SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(o.customer, o.segment) ORDER BY o.id), '[]')"
" FROM " HOLDING_SQL;

static const char *const export_sql =
"SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(o) OPERATOR(pg_catalog.-) $2 ORDER BY o.id), '[]')"
" FROM " HOLDING_SQL;

/*
 * Exported decisions, but for customers of whom something has been decided already.  Of several about a
 * customer, one for the model and one for all models, the last holds, as it did.
 */
static const char *const import_sql =
"INSERT INTO custseg.segment_override"
" (model, owner, customer, kind, segment, reason, until, made_at, made_by) "
"SELECT DISTINCT ON (r.customer) $1, " OWNER_SQL ", r.customer, CASE WHEN r.segment IS NULL THEN 'exclusion' ELSE 'override' END,"
" r.segment, r.reason, r.until, LEAST(r.made_at, pg_catalog.clock_timestamp()), $2 "
"FROM pg_catalog.jsonb_array_elements($3) WITH ORDINALITY AS e (decision, place),"
" pg_catalog.jsonb_populate_record(NULL::custseg.segment_override, e.decision) AS r "
"WHERE (r.until IS NULL OR r.until OPERATOR(pg_catalog.>) pg_catalog.now()) AND NOT EXISTS"
" (SELECT FROM custseg.segment_override AS o WHERE " MADE_FOR_SQL
"  AND o.customer OPERATOR(pg_catalog.=) r.customer AND " IN_FORCE_SQL ") "
"ORDER BY r.customer, e.place DESC";

/* Writes the rows of all models of a role anew, as CsBeginChange() does that of one. */
static const char *const all_models_sql =
"UPDATE custseg.model AS m SET name = m.name "
"WHERE custseg_private.role_oid(m.owner, m.owner_oid, m.owner_cluster)"
" OPERATOR(pg_catalog.=) custseg_private.role_oid($1, NULL, NULL) "
"RETURNING m.name";

PG_FUNCTION_INFO_V1(custseg_override_segment);
PG_FUNCTION_INFO_V1(custseg_exclude);
PG_FUNCTION_INFO_V1(custseg_end_override);

/* By customer; the newest decision first. */
static int
CompareOverrides(const void *a, const void *b, void *identity)
{
	const CsOverride *left = a;
	const CsOverride *right = b;
	int			order = CsIdentityCompare(identity, left->customer, right->customer);

	return order != 0 ? order : left->id > right->id ? -1 : left->id < right->id;
}

/* What TakeOverride fills. */
typedef struct Loading
{
	const CsScorer *scorer;
	CsOverrides *result;
	int64		capacity;
} Loading;

/*
 * Take a decision that puts a customer in a segment, or excludes them, where the version has the segment and
 * the id can be one of these rows.
 */
static void
AddOverride(Loading *l, CsOverride o, const char *customer, bool excluded, int32 segment)
{
	CsOverrides *result = l->result;

	o.index = excluded ? -1 : CsScorerFindSegment(l->scorer, segment);
	if (!excluded && o.index < 0)
	{
		result->n_lacking++;
		return;
	}
	o.customer = palloc(sizeof(Datum) * result->identity->nparts);
	if (!CsIdentityRead(result->identity, customer, o.customer))
		return;
	if (result->n == l->capacity)
	{
		l->capacity = Max(64, 2 * l->capacity);
		result->overrides = result->overrides == NULL ?
			palloc(sizeof(CsOverride) * l->capacity) :
			repalloc_huge(result->overrides, sizeof(CsOverride) * l->capacity);
	}
	result->overrides[result->n++] = o;
}

/* CsCatalogVisitor: a decision. */
static void
TakeOverride(void *state, const CsCatalogRow *row)
{
	bool		excluded;
	Datum		segment = CsRowDatum(row, 3, &excluded);
	bool		forever;
	Datum		until = CsRowDatum(row, 5, &forever);
	CsOverride	o = {.id = CsRowInt8(row, 1, 0), .made_by = CsRowText(row, 4),
	.until = forever ? DT_NOEND : DatumGetTimestampTz(until)};

	AddOverride(state, o, CsRowText(row, 2), excluded, excluded ? 0 : DatumGetInt32(segment));
}

/* Bring decisions in order, so that they are found by customer. */
static void
OrderOverrides(CsOverrides *overrides)
{
	if (overrides->n > 0)
		qsort_arg(overrides->overrides, overrides->n, sizeof(CsOverride), CompareOverrides, overrides->identity);
}

/*
 * The decisions that hold now for customers of a model and whose segment the version has, palloc'd.  The
 * identity, which is kept, says how customers are told.
 */
CsOverrides *
CsOverridesRead(const CsScorer *scorer, CsIdentity *identity)
{
	CsOverrides *result = palloc0(sizeof(CsOverrides));
	Loading		l = {scorer, result};
	int			level = CsPlainSettings();

	result->identity = identity;
	CsCatalogRead(load_sql, CsValues(CsValueText(NameStr(scorer->model))), TakeOverride, &l);
	AtEOXact_GUC(true, level);
	OrderOverrides(result);
	return result;
}

/*
 * The decisions that hold now for customers of a model as one value, palloc'd: an array with the customer
 * and the segment of each, null for an exclusion, the oldest first.
 */
Jsonb *
CsOverridesAsJsonb(const char *model)
{
	Jsonb	   *result = NULL;

	CsCatalogRead(decisions_sql, CsValues(CsValueText(model)), CsTakeJsonb, &result);
	return result;
}

/* The customer of a decision in such a value, palloc'd.  OUT: whether the customer is excluded, or the segment. */
static char *
ReadDecision(const JsonbValue *decision, bool *excluded, int64 *segment)
{
	JsonbContainer *pair = CsJsonGetArray(decision);
	JsonbValue	parts[2] = {{.type = jbvNull}, {.type = jbvBool}};
	CsJsonEach	each;

	if (pair != NULL)
	{
		each = CsJsonEachOf(pair);
		for (int i = 0; i < lengthof(parts) && CsJsonNext(&each); i++)
			parts[i] = each.value;
	}
	*excluded = parts[1].type == jbvNull;
	if (parts[0].type != jbvString || (!*excluded && !CsJsonGetInteger(&parts[1], 0, PG_INT32_MAX, segment)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("decisions by hand must be an array of arrays of a customer's id and a segment")));
	return CsJsonString(&parts[0]);
}

/* Decisions from such a value, as CsOverridesRead() gives them; an error when it is another one. */
CsOverrides *
CsOverridesOfJsonb(const CsScorer *scorer, CsIdentity *identity, Jsonb *decisions)
{
	CsOverrides *result = palloc0(sizeof(CsOverrides));
	Loading		l = {scorer, result};
	int			level = CsPlainSettings();
	CsJsonEach	each = CsJsonEachOf(&decisions->root);

	result->identity = identity;
	while (CsJsonNext(&each))
	{
		bool		excluded;
		int64		segment = 0;
		char	   *customer = ReadDecision(&each.value, &excluded, &segment);

		AddOverride(&l, (CsOverride) {.id = each.at, .until = DT_NOEND}, customer, excluded, (int32) segment);
	}
	AtEOXact_GUC(true, level);
	OrderOverrides(result);
	return result;
}

/*
 * Decisions that were read, for who asks them about customers; NULL when there are none.  A NOTICE counts
 * those whose segment the version lacks.
 */
CsOverrides *
CsOverridesTold(const CsScorer *scorer, CsOverrides *overrides)
{
	if (overrides->n_lacking > 0)
		ereport(NOTICE,
				(errmsg("version %d of model \"%s\" lacks the segment of %lld overrides, which are left to the model",
						scorer->version, NameStr(scorer->model), (long long) overrides->n_lacking),
				 errhint("SELECT * FROM custseg.overrides lists them; end or renew them.")));
	return overrides->n == 0 ? NULL : overrides;
}

/* Read such decisions, and tell. */
CsOverrides *
CsOverridesLoad(const CsScorer *scorer, CsIdentity *identity)
{
	return CsOverridesTold(scorer, CsOverridesRead(scorer, identity));
}

/* Are there decisions for customers of a scorer's model that hold now? */
bool
CsOverridesHold(const CsScorer *scorer)
{
	return CsCacheHasOverrides(scorer) &&
		CsCatalogRead(load_sql, CsValues(CsValueText(NameStr(scorer->model))), NULL, NULL) > 0;
}

/*
 * The decisions that hold now for customers of a model as an array of objects, palloc'd: the oldest first,
 * without the columns in "but", a text[].
 */
Jsonb *
CsOverridesExport(const char *model, CsValue but)
{
	Jsonb	   *result = NULL;

	CsCatalogRead(export_sql, CsValues(CsValueText(model), but), CsTakeJsonb, &result);
	return result;
}

/*
 * Make decisions of the caller for a model, as CsOverridesExport() gives them: those that have not expired,
 * for customers of whom nothing is decided.  Inside SPI.
 */
void
CsOverridesImport(const char *model, Jsonb *decisions)
{
	/* what has expired stands in the way of what follows it until it is ended */
	CsCatalogExecute(expire_sql, CsValues(CsValueText(model), CsValueName(CsCallerName())), false);
	CsCatalogExecute(import_sql, CsValues(CsValueText(model), CsValueName(CsCallerName()),
										  CsValueJsonb(decisions)), false);
}

/* Whose decisions are looked for. */
typedef struct Sought
{
	CsIdentity *identity;
	const Datum *customer;
} Sought;

/* For CsCountBefore(): is a decision for a customer before the one who is looked for? */
static bool
ComesBefore(const void *decision, const void *key)
{
	const Sought *sought = key;

	return CsIdentityCompare(sought->identity, ((const CsOverride *) decision)->customer, sought->customer) < 0;
}

/* The decision for the customer whose id has these values, prepared or read; NULL when the model decides. */
const CsOverride *
CsOverridesFindPrepared(const CsOverrides *overrides, const Datum *customer)
{
	const Sought sought = {overrides->identity, customer};
	int64		i = CsCountBefore(&sought, overrides->overrides, overrides->n, sizeof(CsOverride), ComesBefore);

	while (i < overrides->n &&
		   CsIdentityCompare(overrides->identity, overrides->overrides[i].customer, customer) == 0)
	{
		if (overrides->overrides[i].until > GetCurrentTransactionStartTimestamp())
			return &overrides->overrides[i];
		i++;					/* it has expired since it was read */
	}
	return NULL;
}

/* Likewise of values as a row has them; "overrides" may be NULL. */
const CsOverride *
CsOverridesFind(const CsOverrides *overrides, const Datum *values, const bool *nulls)
{
	Datum		customer[INDEX_MAX_KEYS];

	if (overrides == NULL)
		return NULL;
	memcpy(customer, values, sizeof(Datum) * overrides->identity->nparts);
	if (!CsIdentityPrepare(overrides->identity, customer, nulls))
		return NULL;
	return CsOverridesFindPrepared(overrides, customer);
}

/* Is the customer whom a text names excluded by hand?  "overrides" may be NULL. */
bool
CsIsExcludedByText(const CsOverrides *overrides, const char *customer)
{
	Datum		values[INDEX_MAX_KEYS];
	const CsOverride *override = NULL;
	int			level;

	if (overrides == NULL)
		return false;
	level = CsPlainSettings();
	if (CsIdentityRead(overrides->identity, customer, values))
		override = CsOverridesFindPrepared(overrides, values);
	AtEOXact_GUC(true, level);
	return override != NULL && override->index < 0;
}

/* The arguments: of all three, and what follows. */
enum
{
	ARG_MODEL, ARG_CUSTOMER
};

enum
{
	OVERRIDE_SEGMENT = ARG_CUSTOMER + 1, OVERRIDE_REASON, OVERRIDE_UNTIL
};

enum
{
	EXCLUDE_REASON = ARG_CUSTOMER + 1, EXCLUDE_UNTIL
};

/* A reason that says something. */
static char *
ReasonArgument(FunctionCallInfo fcinfo, int argument)
{
	char	   *reason = CsRequiredText(fcinfo, argument, "reason");

	if (reason[strspn(reason, " \t\r\n")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("reason must not be empty"),
				 errhint("Give the reason, for those who will ask.")));
	return reason;
}

/* When it expires, NULL for never, which infinity is; an error when that is past. */
static CsValue
UntilArgument(FunctionCallInfo fcinfo, int argument)
{
	TimestampTz until;

	if (PG_ARGISNULL(argument))
		return CsValueNull(TIMESTAMPTZOID);
	until = PG_GETARG_TIMESTAMPTZ(argument);
	if (TIMESTAMP_IS_NOEND(until))
		return CsValueNull(TIMESTAMPTZOID);
	if (until <= GetCurrentTransactionStartTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"until\" must be in the future"),
				 errdetail("It is %s.", timestamptz_to_str(until)),
				 errhint("Leave it out for an override without end, or call custseg.end_override().")));
	return CsValueOf(TIMESTAMPTZOID, TimestampTzGetDatum(until), false);
}

/* One call: whose decisions, for which customer. */
typedef struct Deciding
{
	char	   *model;			/* NULL: all models of the caller */
	List	   *models;			/* (char *) whose customers it is about */
	CsIdentity *identity;		/* of the model's customers; NULL: not known */
	char	   *customer;
} Deciding;

/* Begin a change of all models of the caller; returns their names (char *), palloc'd. */
static List *
BeginAllModels(const char *command)
{
	CsRequireWritable(command);
	CsModelLock(psprintf("all models of role %s", CsCallerName()));
	return CsCatalogTexts(all_models_sql, CsValues(CsValueName(CsCallerName())), false);
}

/* Read model and customer, and lock what is to be changed. */
static void
BeginDeciding(FunctionCallInfo fcinfo, const char *command, bool may_be_all, Deciding *d)
{
	memset(d, 0, sizeof(*d));
	if (may_be_all && PG_ARGISNULL(ARG_MODEL))
		d->models = BeginAllModels(command);
	else
	{
		d->model = CsBeginChange(fcinfo, command);
		CsModelRequireKind(d->model, CS_MODEL_BIT(CS_MODEL_SEGMENTS));
		d->models = list_make1(d->model);
		d->identity = CsIdentityOfModel(d->model);
	}
	d->customer = d->model == NULL ? CsCustomerArgument(fcinfo, ARG_CUSTOMER, NULL) :
		CsCustomerOfModel(fcinfo, ARG_CUSTOMER, d->model, d->identity);
}

/*
 * The texts by which the customer is named in decisions that nobody has ended, as a text[]: the present
 * text, and what else reads as the same id.  Inside SPI.
 */
static CsValue
TextsOfCustomer(const Deciding *d)
{
	const char **texts;
	CsSameCustomer same;
	int			n = 1;
	int			level;

	if (d->identity == NULL || CsIdentityIsPlain(d->identity))
		return CsValueTexts((const char *const *) &d->customer, 1);
	level = CsPlainSettings();
	CsCatalogExecute(list_sql, CsValues(CsValueText(d->model), CsValueName(CsCallerName())), false);
	texts = palloc(sizeof(char *) * (SPI_processed + 1));
	texts[0] = d->customer;
	same = CsSameCustomerOf(d->identity, d->customer);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		texts[n] = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		n += CsCustomerIsSame(&same, texts[n]);
	}
	AtEOXact_GUC(true, level);
	return CsValueTexts(texts, n);
}

/* End what holds for a customer; inside SPI.  Was there anything that had not expired? */
static bool
EndOverride(const Deciding *d)
{
	CsValue		texts = TextsOfCustomer(d);
	bool		result = false;

	CsCatalogExecute(end_sql, CsValues(CsValueText(d->model), CsValueName(CsCallerName()), texts), false);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;

		result |= DatumGetBool(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	}
	return result;
}

/* Replace what holds for a customer; "segment" is NULL for an exclusion. */
static void
Decide(FunctionCallInfo fcinfo, const Deciding *d, CsValue segment, const char *reason, CsValue until)
{
	SPI_connect();
	(void) EndOverride(d);
	CsCatalogExecute(insert_sql, CsValues(CsValueText(d->model), CsValueName(CsCallerName()),
										  CsValueText(d->customer), segment, CsValueText(reason), until),
					 false);
	SPI_finish();
	CsTellUnknownCustomer(d->models, d->customer, fcinfo->flinfo->fn_extra != NULL);
	fcinfo->flinfo->fn_extra = fcinfo->flinfo;	/* this call has been made */
}

/* override_segment(model, customer, segment, reason, until) */
Datum
custseg_override_segment(PG_FUNCTION_ARGS)
{
	Deciding	d;
	char	   *reason;
	CsValue		until;
	int32		segment;

	BeginDeciding(fcinfo, "custseg.override_segment()", false, &d);
	reason = ReasonArgument(fcinfo, OVERRIDE_REASON);
	until = UntilArgument(fcinfo, OVERRIDE_UNTIL);
	segment = CsRequiredInt(fcinfo, OVERRIDE_SEGMENT, "segment");
	SPI_connect();
	CsRequireSegment(d.model, segment);
	SPI_finish();
	Decide(fcinfo, &d, CsValueInt4(segment), reason, until);
	PG_RETURN_VOID();
}

/* exclude(model, customer, reason, until) */
Datum
custseg_exclude(PG_FUNCTION_ARGS)
{
	Deciding	d;
	char	   *reason;
	CsValue		until;

	BeginDeciding(fcinfo, "custseg.exclude()", true, &d);
	reason = ReasonArgument(fcinfo, EXCLUDE_REASON);
	until = UntilArgument(fcinfo, EXCLUDE_UNTIL);
	Decide(fcinfo, &d, CsValueNull(INT4OID), reason, until);
	PG_RETURN_VOID();
}

/* end_override(model, customer): was there one in force? */
Datum
custseg_end_override(PG_FUNCTION_ARGS)
{
	Deciding	d;
	bool		ended;

	BeginDeciding(fcinfo, "custseg.end_override()", true, &d);
	SPI_connect();
	ended = EndOverride(&d);
	SPI_finish();
	PG_RETURN_BOOL(ended);
}
