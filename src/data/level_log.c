/*
 * level_log.c
 *	  The levels of a category in the order of their codes, in memory that several processes share.
 *
 * Each process has a dictionary of its own, which it brings up to date from the log.  Who adds a level has
 * the log for itself, and has brought its dictionary up to date: so the codes of all dictionaries agree.
 * The log holds no pointers, and can be copied to larger memory.
 */
#include "custseg.h"

#include "data/pages.h"

/* An empty log in so many bytes, which are the caller's. */
void
CsLevelLogInit(CsLevelLog *log, Size size)
{
	log->size = size;
	log->used = sizeof(CsLevelLog);
}

/* Copy a log to memory of "size" bytes, at least as many as it has. */
void
CsLevelLogCopy(CsLevelLog *to, const CsLevelLog *from, Size size)
{
	memcpy(to, from, from->used);
	to->size = size;
}

/* Write a level after the others; false when there is no room. */
bool
CsLevelLogAdd(CsLevelLog *log, const char *text, int length)
{
	char	   *at = (char *) log + log->used;

	if (log->size - log->used < sizeof(length) + (Size) length)
		return false;
	memcpy(at, &length, sizeof(length));
	memcpy(at + sizeof(length), text, length);
	log->used += sizeof(length) + (Size) length;
	return true;
}

/* Add to a dictionary the levels that were written since *read, 0 for all of them, which moves on. */
void
CsLevelLogRead(const CsLevelLog *log, CsDictionary *dictionary, Size *read)
{
	if (*read == 0)
		*read = sizeof(CsLevelLog);
	while (*read < log->used)
	{
		const char *at = (const char *) log + *read;
		int			length;

		memcpy(&length, at, sizeof(length));
		(void) CsDictionaryCode(dictionary, at + sizeof(length), length);
		*read += sizeof(length) + (Size) length;
	}
}
