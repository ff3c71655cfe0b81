/*
 * transform.c
 *	  The transforms there are, and what is common to lists of steps.
 */
#include "custseg.h"

#include "prep/internal.h"

static const CsTransform None = {{"none"}, .above = -INFINITY};

#define STEP(transform) &transform.step,
const CsStep *const CsTransforms[] = {&None.step, CS_TRANSFORMS(STEP) NULL};

/* Are these letters that name, whose hyphens may be underscores? */
static bool
IsName(const char *name, const char *letters, int length)
{
	int			i = 0;

	while (i < length && name[i] != '\0' &&
		   (letters[i] == name[i] || (letters[i] == '_' && name[i] == '-')))
		i++;
	return i == length && name[i] == '\0';
}

/* The index of the step of that name in a list, or -1. */
int
CsStepIndex(const CsStep *const *steps, const char *name, int length)
{
	for (int i = 0; steps[i] != NULL; i++)
	{
		if (IsName(steps[i]->name, name, length))
			return i;
	}
	return -1;
}
