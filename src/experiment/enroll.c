/*
 * enroll.c
 *	  Customers of a source enrolled in an experiment: enroll().
 *
 * The source is read once, as the caller.  Each customer is placed by the version that the experiment began
 * with, and that segment is kept, whatever becomes of the customer later.  Who takes part is noted in a
 * tuplestore; one statement then writes the notes, as the owner of the tables, but for customers who are
 * enrolled already.
 *
 * Calls for one experiment come one after the other: each first writes the experiment's row, so that under
 * REPEATABLE READ and SERIALIZABLE one that cannot see the batch before it is a serialization failure.
 */
#include "custseg.h"

#include <math.h>

#include "call/call.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "experiment/customers.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#define NOTES_NAME "custseg_enrolling"

/* Bytes of an id: an index of PostgreSQL takes little more, the experiment's name included. */
#define MOST_ID 2500

/* Columns of a note; the last one is the variant, or of a block what orders it. */
enum
{
	NOTE_CUSTOMER, NOTE_SEGMENT, NOTE_VARIANT, NOTE_COLUMNS
};

static const char *const begin_sql =
"UPDATE custseg.experiment AS e SET last_batch = e.last_batch OPERATOR(pg_catalog.+) 1,"
" started_at = coalesce(e.started_at, $2) "
"WHERE e.experiment OPERATOR(pg_catalog.=) $1 RETURNING e.last_batch";

/* The notes of customers who are not enrolled yet. */
#define NEW_SQL \
"SELECT c.* FROM " NOTES_NAME " AS c WHERE $2 OPERATOR(pg_catalog.=) 1 OR NOT EXISTS" \
" (SELECT FROM custseg.enrolment AS o WHERE o.experiment OPERATOR(pg_catalog.=) $1" \
"  AND o.customer OPERATOR(pg_catalog.=) c.customer)"

/* In the order of the ids each row comes next to the one before it in the index; by digest it would come anywhere. */
#define ENROL_SQL(notes) \
"enrolled AS (" \
" INSERT INTO custseg.enrolment AS n (experiment, customer, segment, variant_number, batch, enrolled_at)" \
" SELECT $1, c.customer, c.segment, c.variant_number, $2, $3 FROM (" notes ") AS c" \
" ORDER BY c.customer" \
" RETURNING n.variant_number, n.segment), " \
"counted AS (" \
" INSERT INTO custseg.enrolment_count AS k (experiment, batch, variant_number, segment, model, n)" \
" SELECT $1, $2, r.variant_number, r.segment, $4, pg_catalog.count(*) FROM enrolled AS r GROUP BY 3, 4" \
" RETURNING k.n) " \
"SELECT coalesce(pg_catalog.sum(k.n), 0)::bigint FROM counted AS k"

static const char *const enroll_sql = "WITH " ENROL_SQL(NEW_SQL);

static const char *const enroll_blocks_sql =
"WITH new AS (" NEW_SQL "), block AS (SELECT c.segment, pg_catalog.count(*) AS n FROM new AS c GROUP BY 1), "
ENROL_SQL("SELECT c.customer, c.segment,"
		  " custseg_private.block_variant($5, c.segment,"
		  "  pg_catalog.row_number() OVER (PARTITION BY c.segment ORDER BY c.digest), b.n, $6) AS variant_number "
		  "FROM new AS c JOIN block AS b ON b.segment OPERATOR(pg_catalog.=) c.segment");

static const char *const twice_sql =
"SELECT c.customer FROM " NOTES_NAME " AS c GROUP BY 1 HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1 LIMIT 1";

static const char *const batch_sql =
"INSERT INTO custseg.enrolment_batch (experiment, batch, model, source, enrolled_at, enrolled_by, n_read, n_enrolled,"
" n_already, n_outside, n_excluded, n_unplaced) "
"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

PG_FUNCTION_INFO_V1(custseg_enroll);

/* The arguments. */
enum
{
	ENROLL_EXPERIMENT, ENROLL_SOURCE
};

/* One call. */
typedef struct Enrolling
{
	CsExperiment *e;
	int			batch;
	TimestampTz at;
	CsPass	   *pass;
	CsPlacer   *placer;
	CsAssigning *assigning;
	Tuplestorestate *notes;
	TupleDesc	desc;			/* of a note */
	int64		n_noted,
				n_enrolled,
				n_outside,
				n_excluded,
				n_unplaced;
} Enrolling;

/* The experiment as the active snapshot sees it, in which the batch is still to be enrolled. */
static CsExperiment *
ReadRunning(const Enrolling *r, const char *experiment)
{
	CsExperiment *e = CsExperimentRead(experiment);

	if (e->has_ended)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("experiment \"%s\" has ended", experiment),
				 errhint("Nobody is enrolled any more. Create another experiment.")));
	/* another one of that name */
	if (e->last_batch < r->batch)
		CsReportNoExperiment(experiment);
	return e;
}

/* Begin the next batch: nobody else enrolls customers, or drops the model, until the transaction ends. */
static void
BeginBatch(Enrolling *r, const char *experiment)
{
	CsRequireWritable("custseg.enroll()");
	r->e = CsExperimentRead(experiment);
	CsModelCheckOwner(r->e->model);
	r->at = GetCurrentTimestamp();
	SPI_connect();
	CsModelHold(r->e->model);
	CsCatalogExecute(begin_sql, CsValues(CsValueText(experiment), CsValueOf(TIMESTAMPTZOID, TimestampTzGetDatum(r->at), false)),
					 false);
	r->batch = CsFoundInt4(0);
	SPI_finish();
	/* what has changed until the row was had, and who was enrolled */
	PushActiveSnapshot(GetTransactionSnapshot());
	r->e = ReadRunning(r, experiment);
	CsModelCheckOwner(r->e->model);
}

/* CsRowSink: note a customer who takes part. */
static void
TakeRow(void *state, const Datum *values, const bool *nulls)
{
	Enrolling  *r = state;
	char	   *customer = CsExperimentCustomer(r->pass, values, nulls);
	int			index = CsPlacerSegment(r->placer);
	uint8		digest[VARHDRSZ + CS_DIGEST_LENGTH];
	Datum		note[NOTE_COLUMNS];
	bool		note_nulls[NOTE_COLUMNS] = {false};

	if (strlen(customer) > MOST_ID)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the id of a customer has %zu bytes, and %d is the most", strlen(customer), MOST_ID),
				 errhint("Name customers by something shorter, such as a number or a hash.")));
	if (index < 0)
	{
		r->n_excluded += r->placer->override != NULL;
		r->n_unplaced += r->placer->override == NULL;
		return;
	}
	if (!CsAssigningTakesPart(r->assigning, customer))
	{
		r->n_outside++;
		return;
	}
	note[NOTE_CUSTOMER] = CStringGetTextDatum(customer);
	note[NOTE_SEGMENT] = Int32GetDatum(CsScorerSegments(r->placer->scoring.scorer)[index].segment);
	if (r->e->assignment == CS_ASSIGN_BUCKET)
		note[NOTE_VARIANT] = Int32GetDatum(CsAssigningVariant(r->assigning, customer));
	else
	{
		CsAssigningDigest(r->assigning, customer, (uint8 *) VARDATA(digest));
		SET_VARSIZE(digest, sizeof(digest));
		note[NOTE_VARIANT] = PointerGetDatum(digest);
	}
	tuplestore_putvalues(r->notes, r->desc, note, note_nulls);
	r->n_noted++;
}

/* Read the source and note who takes part. */
static void
ReadSource(Enrolling *r, const char *source)
{
	bool		is_blocked = r->e->assignment == CS_ASSIGN_BLOCKED;

	r->desc = CreateTemplateTupleDesc(NOTE_COLUMNS);
	TupleDescInitEntry(r->desc, NOTE_CUSTOMER + 1, "customer", TEXTOID, -1, 0);
	TupleDescInitEntryCollation(r->desc, NOTE_CUSTOMER + 1, C_COLLATION_OID);
	TupleDescInitEntry(r->desc, NOTE_SEGMENT + 1, "segment", INT4OID, -1, 0);
	TupleDescInitEntry(r->desc, NOTE_VARIANT + 1, is_blocked ? "digest" : "variant_number", is_blocked ? BYTEAOID : INT4OID,
					   -1, 0);
	r->notes = tuplestore_begin_heap(false, false, work_mem);
	r->pass = CsPassOpenModel(r->e->model, r->e->version, source, CS_PLACE_TRY, &r->placer);
	CsExperimentRequireId(r->e, r->pass);
	CsPassHonour(r->pass, r->placer);
	r->assigning = CsAssigningBegin(r->e);
	CsPassVisit(r->pass, &(CsVisitor) {.state = r, .take_row = TakeRow});
	(void) CsPassRead(r->pass);
	CsAssigningEnd(r->assigning);
}

/* Make the notes a relation that statements of this connection of SPI can name. */
static void
ConnectNotes(const Enrolling *r)
{
	EphemeralNamedRelation enr = palloc0(sizeof(EphemeralNamedRelationData));

	SPI_connect();
	enr->md.name = pstrdup(NOTES_NAME);
	enr->md.reliddesc = InvalidOid;
	enr->md.tupdesc = r->desc;
	enr->md.enrtype = ENR_NAMED_TUPLESTORE;
	enr->md.enrtuples = (double) r->n_noted;
	enr->reldata = r->notes;
	if (SPI_register_relation(enr) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register the customers to enroll");
}

/* The weights of the variants, a bigint[]. */
static CsValue
Weights(const CsExperiment *e)
{
	Datum		weights[CS_MAX_VARIANTS];

	for (int i = 0; i < e->nvariants; i++)
		weights[i] = Int64GetDatum(e->variants[i].weight);
	return CsValueArray(INT8ARRAYOID, construct_array(weights, e->nvariants, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
													  TYPALIGN_DOUBLE));
}

/*
 * Settings of the statement that writes the notes: its sorts may take what other changes of a table may, and
 * nothing is gained by compiling it.  Returns the level for AtEOXact_GUC().
 */
static int
WritingSettings(void)
{
	int			level = NewGUCNestLevel();

	CsRaiseWorkMem();
	CsSetForNow("jit", "off");
	return level;
}

/* Write the notes, for CsAttempt(). */
static void
WriteNotes(void *state)
{
	Enrolling  *r = state;
	bool		is_blocked = r->e->assignment == CS_ASSIGN_BLOCKED;
	const CsValue arguments[] = {
		CsValueText(r->e->name), CsValueInt4(r->batch), CsValueOf(TIMESTAMPTZOID, TimestampTzGetDatum(r->at), false),
		CsValueText(r->e->model), CsValueText(r->e->salt), Weights(r->e)
	};
	int			level = WritingSettings();
	bool		isnull;

	ConnectNotes(r);
	CsCatalogExecute(is_blocked ? enroll_blocks_sql : enroll_sql, arguments, is_blocked ? 6 : 4, false);
	r->n_enrolled = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	AtEOXact_GUC(true, level);
}

/* A rule for CsAttempt(): all errors but that of a customer who is there twice end the command. */
static bool
IsNotTwice(int sqlerrcode)
{
	return sqlerrcode != ERRCODE_UNIQUE_VIOLATION;
}

/* Write the notes; a customer who is noted twice is an error. */
static void
EnrollNoted(Enrolling *r)
{
	char	   *customer = NULL;
	ErrorData  *error = CsAttempt(WriteNotes, r, IsNotTwice);

	if (error == NULL)
		return;
	ConnectNotes(r);
	if (CsCatalogExecute(twice_sql, NULL, 0, false) > 0)
		customer = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (customer == NULL)
		ReThrowError(error);
	ereport(ERROR,
			(errcode(ERRCODE_CARDINALITY_VIOLATION),
			 errmsg("customer %s is in %s more than once", customer, r->pass->relation->description),
			 errhint("Give a source with one row for each customer.")));
}

/* enroll(experiment, source): a row that counts what became of the customers of the source */
Datum
custseg_enroll(PG_FUNCTION_ARGS)
{
	Enrolling	r = {NULL};
	char	   *experiment = CsRequiredText(fcinfo, ENROLL_EXPERIMENT, "experiment");
	char	   *source = CsRequiredText(fcinfo, ENROLL_SOURCE, "source");
	CsValue		batch,
				counts[6];

	BeginBatch(&r, experiment);
	ReadSource(&r, source);
	/* functions in the source may have ended it */
	PushActiveSnapshot(GetTransactionSnapshot());
	(void) ReadRunning(&r, experiment);
	PopActiveSnapshot();
	EnrollNoted(&r);
	tuplestore_end(r.notes);
	batch = CsValueInt4(r.batch);
	counts[0] = CsValueInt8(r.pass->nrows);
	counts[1] = CsValueInt8(r.n_enrolled);
	counts[2] = CsValueInt8(r.n_noted - r.n_enrolled);
	counts[3] = CsValueInt8(r.n_outside);
	counts[4] = CsValueInt8(r.n_excluded);
	counts[5] = CsValueInt8(r.n_unplaced);
	SPI_connect();
	CsCatalogExecute(batch_sql,
					 CsValues(CsValueText(experiment), batch, CsValueText(r.e->model), CsValueText(source),
							  CsValueOf(TIMESTAMPTZOID, TimestampTzGetDatum(r.at), false), CsValueName(CsCallerName()),
							  counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]), false);
	SPI_finish();
	PopActiveSnapshot();
	return CsResultRow(fcinfo, CsValues(batch, counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]));
}
