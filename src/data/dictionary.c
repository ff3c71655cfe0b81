/*
 * dictionary.c
 *	  The levels of a categorical column, numbered in order of first appearance.
 *
 * Levels are bytes: two texts are one level when they are equal byte for byte, whatever the
 * collation.  A dictionary is bounded in levels and in bytes; past that, a new level gets no code,
 * while known ones keep theirs.
 *
 * Everything lies in the context that was current at creation, so that levels can be added from
 * inside a context that is reset after each row.
 */
#include "custseg.h"

#include "common/hashfn.h"
#include "data/relation.h"

typedef struct LevelText
{
	const char *text;
	int			length;
} LevelText;

typedef struct LevelEntry
{
	LevelText	level;
	uint32		hash;
	int			code;
	char		status;
} LevelEntry;

static inline uint32
HashLevel(LevelText level)
{
	return hash_bytes((const unsigned char *) level.text, level.length);
}

#define SH_PREFIX level
#define SH_ELEMENT_TYPE LevelEntry
#define SH_KEY_TYPE LevelText
#define SH_KEY level
#define SH_HASH_KEY(tb, key) HashLevel(key)
#define SH_EQUAL(tb, a, b) \
	((a).length == (b).length && memcmp((a).text, (b).text, (a).length) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct CsDictionary
{
	MemoryContext context;
	level_hash *table;
	int			nlevels;
	int			capacity;		/* of texts */
	const char **texts;			/* by code, zero-terminated */
	Size		bytes;			/* of all texts */
};

/* An empty dictionary in CurrentMemoryContext, which must outlive it. */
CsDictionary *
CsDictionaryCreate(void)
{
	CsDictionary *d = palloc0(sizeof(CsDictionary));

	d->context = CurrentMemoryContext;
	d->table = level_create(d->context, 64, NULL);
	d->capacity = 64;
	d->texts = palloc(d->capacity * sizeof(char *));
	return d;
}

/* Add a level that is not there yet; its code. */
static int
AddLevel(CsDictionary *d, LevelText level, uint32 hash)
{
	char	   *text = MemoryContextAlloc(d->context, (Size) level.length + 1);
	LevelEntry *entry;
	bool		found;

	memcpy(text, level.text, level.length);
	text[level.length] = '\0';
	if (d->nlevels == d->capacity)
	{
		d->texts = repalloc(d->texts, 2 * (Size) d->capacity * sizeof(char *));
		d->capacity *= 2;
	}

	level.text = text;
	entry = level_insert_hash(d->table, level, hash, &found);
	Assert(!found);
	entry->code = d->nlevels;
	d->texts[d->nlevels] = text;
	d->bytes += (Size) level.length + 1;
	return d->nlevels++;
}

/*
 * The code of a level, which is added if it is new; -1 when it is new and the dictionary is full.
 */
int
CsDictionaryCode(CsDictionary *d, const char *level, int length)
{
	LevelText	key = {level, length};
	uint32		hash = HashLevel(key);
	LevelEntry *entry = level_lookup_hash(d->table, key, hash);

	if (entry != NULL)
		return entry->code;
	return CsDictionaryTakes(d, length) ? AddLevel(d, key, hash) : -1;
}

/* The code of a level that is there; -1 when it is not. */
int
CsDictionaryFind(const CsDictionary *d, const char *level, int length)
{
	LevelText	key = {level, length};
	LevelEntry *entry = level_lookup_hash(d->table, key, HashLevel(key));

	return entry == NULL ? -1 : entry->code;
}

/* Is there room for a new level whose text has so many bytes? */
bool
CsDictionaryTakes(const CsDictionary *d, int length)
{
	return d->nlevels < CS_MAX_DICTIONARY && (Size) length < CS_MAX_DICTIONARY_BYTES - d->bytes;
}

/* The number of levels; their codes are 0 to one less. */
int
CsDictionarySize(const CsDictionary *d)
{
	return d->nlevels;
}

/* The text of a level, zero-terminated; it belongs to the dictionary. */
const char *
CsDictionaryLevel(const CsDictionary *d, int code)
{
	Assert(code >= 0 && code < d->nlevels);
	return d->texts[code];
}
