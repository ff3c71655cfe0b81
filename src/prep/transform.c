/*
 * transform.c
 *	  The transforms there are, and what is common to lists of steps.
 */
#include "custseg.h"

#include "prep/internal.h"

static const CsTransform None = {{"none"}, .above = -INFINITY};

#define STEP(transform) &transform.step,
const CsStep *const CsTransforms[] = {&None.step, CS_TRANSFORMS(STEP) NULL};

/* The index of the step of that name in a list, or -1. */
int
CsStepIndex(const CsStep *const *steps, const char *name, int length)
{
	for (int i = 0; steps[i] != NULL; i++)
	{
		if (strlen(steps[i]->name) == length && memcmp(steps[i]->name, name, length) == 0)
			return i;
	}
	return -1;
}
