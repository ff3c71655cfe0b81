/*
 * settings.c
 *	  Settings for what runs until the caller's level of them ends: values as text that says the same whatever the session
 *	  has set, and plans that suit a query.
 */
#include "custseg.h"

#include "call/call.h"
#include "miscadmin.h"
#include "utils/guc.h"

/* Settings that change how values are written as text, or read. */
static const char *const plainSettings[][2] = {
	{"datestyle", "ISO, YMD"},
	{"intervalstyle", "postgres"},
	{"timezone", "UTC"},
	{"extra_float_digits", "1"},
	{"bytea_output", "hex"},
	{"lc_monetary", "C"}
};

/* Change a setting until the caller's level of settings ends. */
void
CsSetForNow(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/*
 * Set what decides how values look as text: floats to the bit, times in UTC.  What is written so is read
 * back as the same value.  Returns the level that the caller ends with AtEOXact_GUC(true, level).
 */
int
CsPlainSettings(void)
{
	int			level = NewGUCNestLevel();

	for (int i = 0; i < lengthof(plainSettings); i++)
		CsSetForNow(plainSettings[i][0], plainSettings[i][1]);
	return level;
}

/* Let PostgreSQL sort in maintenance_work_mem, until the caller's level of settings ends. */
void
CsRaiseWorkMem(void)
{
	CsSetForNow("work_mem", psprintf("%dkB", Max(work_mem, maintenance_work_mem)));
}

/*
 * Have no nested loops, until the caller's level of settings ends: for joins of what the planner cannot know the size of,
 * whose other side would be read anew for each row.
 */
void
CsAvoidNestedLoops(void)
{
	CsSetForNow("enable_nestloop", "off");
}
