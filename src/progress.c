/*
 * progress.c
 *	  Progress of running trainings, visible from every session without preloading.
 *
 * PostgreSQL keeps for each backend the number of a command and twenty numbers about it, meant
 * for VACUUM and its like.  custseg reports under a command number of its own, which none of the
 * server's own views looks for, and progress() lists the backends that show it.  The model's
 * name, at most 63 bytes, travels in eight of the numbers.  An abort clears all of it.
 */
#include "custseg.h"

#include "call/call.h"
#include "catalog/pg_authid.h"
#include "commands/progress.h"
#include "miscadmin.h"
#include "progress.h"
#include "utils/acl.h"
#include "utils/backend_progress.h"
#include "utils/backend_status.h"
#include "utils/timestamp.h"

/* "CS": far from the numbers PostgreSQL gives out. */
#define COMMAND_CUSTSEG ((ProgressCommandType) 0x4353)

enum
{
	PARAM_PHASE,
	PARAM_SEGMENTS,
	PARAM_START,
	PARAM_STARTS,
	PARAM_ITERATION,
	PARAM_ROWS_DONE,
	PARAM_ROWS_TOTAL,
	PARAM_STARTED,
	PARAM_MODEL,				/* and the seven after it */
	MODEL_PARAMS = NAMEDATALEN / sizeof(int64)
};

StaticAssertDecl(PARAM_MODEL + MODEL_PARAMS <= PGSTAT_NUM_PROGRESS_PARAM,
				 "a model's name must fit into progress parameters");

static const char *const phase_names[] = {
	[CS_PHASE_READING] = "reading",
	[CS_PHASE_PREPARING] = "preparing",
	[CS_PHASE_TUNING] = "tuning",
	[CS_PHASE_SEEDING] = "seeding",
	[CS_PHASE_ITERATING] = "iterating",
	[CS_PHASE_SCORING] = "scoring",
	[CS_PHASE_STORING] = "storing",
};

/* Are fits no part of what is told? */
static bool held;

/* Begin to report a training of the named model. */
void
CsProgressStart(const char *model)
{
	char		name[NAMEDATALEN] = {0};
	int64		part[MODEL_PARAMS];

	held = false;
	strlcpy(name, model, sizeof(name));
	memcpy(part, name, sizeof(part));
	pgstat_progress_start_command(COMMAND_CUSTSEG, InvalidOid);
	for (int i = 0; i < MODEL_PARAMS; i++)
		pgstat_progress_update_param(PARAM_MODEL + i, part[i]);
	pgstat_progress_update_param(PARAM_STARTED, GetCurrentTimestamp());
	pgstat_progress_update_param(PARAM_ROWS_TOTAL, -1);
	CsProgressPhase(CS_PHASE_READING);
}

/* Report the phase that begins. */
void
CsProgressPhase(CsPhase phase)
{
	if (!held)
		pgstat_progress_update_param(PARAM_PHASE, phase);
}

/*
 * Keep to the phase and the fit that were reported last, until this is called with false: fits that measure
 * something are not the model's.  A training that ends with an error leaves it to the next one to begin anew.
 */
void
CsProgressHold(bool hold)
{
	held = hold;
}

/* Report the rows that have been read, of a total that is -1 when it is not known. */
void
CsProgressRows(int64 done, int64 total)
{
	pgstat_progress_update_param(PARAM_ROWS_DONE, done);
	pgstat_progress_update_param(PARAM_ROWS_TOTAL, total);
}

/* Report the number of segments of the fit that begins; 0: the rows decide. */
void
CsProgressSegments(int k)
{
	pgstat_progress_update_param(PARAM_SEGMENTS, k);
}

/* Report the start of so many at which the fit is, and its iteration. */
void
CsProgressFit(int start, int starts, int iteration)
{
	if (held)
		return;
	pgstat_progress_update_param(PARAM_START, start);
	pgstat_progress_update_param(PARAM_STARTS, starts);
	pgstat_progress_update_param(PARAM_ITERATION, iteration);
}

/* End the report. */
void
CsProgressEnd(void)
{
	pgstat_progress_end_command();
}

/* The i-th backend's status, from 0; NULL when there is none. */
static PgBackendStatus *
BackendStatus(int i)
{
	LocalPgBackendStatus *local;

#if PG_VERSION_NUM >= 160000
	local = pgstat_get_local_beentry_by_index(i + 1);
#else
	local = pgstat_fetch_stat_local_beentry(i + 1);
#endif
	return local ? &local->backendStatus : NULL;
}

/* May the current user see what this backend does?  As in the server's own progress views. */
static bool
MaySee(const PgBackendStatus *status)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS) ||
		has_privs_of_role(GetUserId(), status->st_userid);
}

/* A number of a backend as bigint; NULL when it is not known (yet). */
static CsValue
ParamValue(const PgBackendStatus *status, int param, int64 unknown)
{
	int64		value = status->st_progress_param[param];

	return value == unknown ? CsValueNull(INT8OID) : CsValueInt8(value);
}

PG_FUNCTION_INFO_V1(custseg_progress);

/* progress(): one row for each training that runs now. */
Datum
custseg_progress(PG_FUNCTION_ARGS)
{
	CsResult   *result = CsResultOpen(fcinfo);

	for (int i = 0; i < pgstat_fetch_stat_numbackends(); i++)
	{
		PgBackendStatus *status = BackendStatus(i);
		CsValue		row[10];
		int64		phase,
					k;
		char		name[NAMEDATALEN];

		if (status == NULL || status->st_progress_command != COMMAND_CUSTSEG)
			continue;
		CsResultNulls(result, row);
		row[0] = CsValueInt4(status->st_procpid);
		if (MaySee(status))
		{
			phase = status->st_progress_param[PARAM_PHASE];
			memcpy(name, &status->st_progress_param[PARAM_MODEL], sizeof(name));
			row[1] = CsValueText(name);
			if (phase >= CS_PHASE_READING && phase <= CS_PHASE_STORING)
				row[2] = CsValueText(phase_names[phase]);
			k = status->st_progress_param[PARAM_SEGMENTS];
			if (k > 0)
				row[3] = CsValueInt4((int32) k);
			row[4] = ParamValue(status, PARAM_START, 0);
			row[5] = ParamValue(status, PARAM_STARTS, 0);
			row[6] = ParamValue(status, PARAM_ITERATION, 0);
			row[7] = ParamValue(status, PARAM_ROWS_DONE, -1);
			row[8] = ParamValue(status, PARAM_ROWS_TOTAL, -1);
			row[9] = CsValueOf(TIMESTAMPTZOID,
							   TimestampTzGetDatum(status->st_progress_param[PARAM_STARTED]), false);
		}
		CsResultPut(result, row, lengthof(row));
	}
	return (Datum) 0;
}
