/*
 * settings.c
 *	  Values as text that says the same whatever the caller has set.
 */
#include "custseg.h"

#include "call/call.h"
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

/*
 * Set what decides how values look as text: floats to the bit, times in UTC.  What is written so is read
 * back as the same value.  Returns the level that the caller ends with AtEOXact_GUC(true, level).
 */
int
CsPlainSettings(void)
{
	int			level = NewGUCNestLevel();

	for (int i = 0; i < lengthof(plainSettings); i++)
		(void) set_config_option(plainSettings[i][0], plainSettings[i][1], PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return level;
}
