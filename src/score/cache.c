/*
 * cache.c
 *	  Models of this backend that are compiled and ready to score with.
 *
 * The cache remembers, by model name: who may use it, which version is deployed, and the versions
 * that were compiled.  A look-up that finds all three touches no table.
 *
 * It is dropped as a whole when anything it was made from may have changed, which the generation
 * tells (catalog/generation.c); memory is freed when it is safe, by the next look-up.  News that arrive
 * while a model is being loaded leave the generation ahead of the cache, which is therefore dropped
 * again at the next look-up.
 *
 * What is loaded is read with the newest snapshot and not with the statement's: invalidations tell
 * of commits, and a cache filled with older rows would never be told again.
 *
 * A scorer has a memory context of its own and a count of pins, so one in use outlives the cache's
 * interest in it.
 */
#include "custseg.h"

#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "score/score.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/* What an entry of the cache says of a model. */
typedef enum CacheFact
{
	CACHE_MAY_USE,				/* number: role that may; the entry's existence is the answer */
	CACHE_DEPLOYED,				/* number: 0; value: the deployed version */
	CACHE_OVERRIDES,			/* number: 0; value: 1 when somebody has made overrides, else 0 */
	CACHE_SCORER				/* number: version; value: the scorer */
} CacheFact;

typedef struct CacheKey
{
	NameData	model;			/* zero-padded */
	int32		fact;			/* CacheFact */
	uint32		number;
} CacheKey;

/* Stands right before a scorer, in a memory context that holds just the two. */
typedef struct CachedScorer
{
	MemoryContext context;
	Size		size;
	int			pins;
	bool		in_cache;		/* false: to be freed with the last pin */
	CacheKey	key;
	dlist_node	recency;		/* in cachedScorers */
} CachedScorer;

typedef struct CacheEntry
{
	CacheKey	key;
	int			version;
	CachedScorer *scorer;
} CacheEntry;

#define SCORER_OFFSET MAXALIGN(sizeof(CachedScorer))
#define ScorerOf(cached) ((const CsScorer *) ((char *) (cached) + SCORER_OFFSET))
#define CachedOf(scorer) ((CachedScorer *) ((char *) (scorer) - SCORER_OFFSET))

static uint64 cacheGeneration = 0;	/* that the cache was begun at */
static HTAB *cache = NULL;
static MemoryContext cacheContext = NULL;
static dlist_head cachedScorers = DLIST_STATIC_INIT(cachedScorers); /* last used first */
static Size cachedBytes = 0;

static const char *const overrides_sql =
"SELECT FROM custseg.segment_override AS o "
"WHERE o.model OPERATOR(pg_catalog.=) $1 AND o.ended_at IS NULL LIMIT 1";

/* The cache lets go of a scorer; it is freed unless someone has it pinned. */
static void
ReleaseScorer(CachedScorer *cached)
{
	dlist_delete(&cached->recency);
	cachedBytes -= cached->size;
	cached->in_cache = false;
	if (cached->pins == 0)
		MemoryContextDelete(cached->context);
}

/* Forget everything and start again, at the present generation. */
static void
ResetCache(void)
{
	HASHCTL		control = {0};

	while (!dlist_is_empty(&cachedScorers))
		ReleaseScorer(dlist_head_element(CachedScorer, recency, &cachedScorers));
	cache = NULL;
	if (cacheContext == NULL)
		cacheContext = AllocSetContextCreate(CacheMemoryContext, "custseg models",
											 ALLOCSET_DEFAULT_SIZES);
	else
		MemoryContextReset(cacheContext);

	control.keysize = sizeof(CacheKey);
	control.entrysize = sizeof(CacheEntry);
	control.hcxt = cacheContext;
	cache = hash_create("custseg models", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

	/* Raised again by what arrives from here on. */
	cacheGeneration = CsGenerationRefresh();
}

/* Key of a fact about a model; the name's length has been checked. */
static CacheKey
MakeKey(const char *model, CacheFact fact, uint32 number)
{
	CacheKey	key;

	memset(&key, 0, sizeof(key));
	strlcpy(NameStr(key.model), model, NAMEDATALEN);
	key.fact = fact;
	key.number = number;
	return key;
}

/* The entry of a fact that is known, else NULL. */
static CacheEntry *
FindFact(const char *model, CacheFact fact, uint32 number)
{
	CacheKey	key = MakeKey(model, fact, number);

	return hash_search(cache, &key, HASH_FIND, NULL);
}

/* Enter a fact.  It was loaded before, so that an error leaves no half entry. */
static CacheEntry *
AddFact(const char *model, CacheFact fact, uint32 number)
{
	CacheKey	key = MakeKey(model, fact, number);

	return hash_search(cache, &key, HASH_ENTER, NULL);
}

/* Make room: the scorers that were not used for longest go until "size" more bytes fit. */
static void
EvictScorers(Size size)
{
	Size		limit = (Size) CsCacheSize * 1024;

	while (!dlist_is_empty(&cachedScorers) && cachedBytes + size > limit)
	{
		CachedScorer *oldest = dlist_tail_element(CachedScorer, recency, &cachedScorers);

		hash_search(cache, &oldest->key, HASH_REMOVE, NULL);
		ReleaseScorer(oldest);
	}
}

/* Keep a copy of a scorer that has just been compiled. */
static const CsScorer *
AddScorer(const char *model, int version, const CsScorer *scorer)
{
	Size		size = SCORER_OFFSET + VARSIZE(scorer);
	MemoryContext context;
	CachedScorer *cached;

	EvictScorers(size);
	context = AllocSetContextCreate(CurrentMemoryContext, "custseg model", ALLOCSET_SMALL_SIZES);
	cached = MemoryContextAllocHuge(context, size);
	cached->context = context;
	cached->size = size;
	cached->pins = 0;
	cached->in_cache = true;
	cached->key = MakeKey(model, CACHE_SCORER, (uint32) version);
	memcpy((char *) cached + SCORER_OFFSET, scorer, VARSIZE(scorer));

	AddFact(model, CACHE_SCORER, (uint32) version)->scorer = cached;
	MemoryContextSetParent(context, CacheMemoryContext);
	dlist_push_head(&cachedScorers, &cached->recency);
	cachedBytes += size;
	return ScorerOf(cached);
}

/* May the caller use the model?  False, or else an error, when not. */
static bool
CheckUse(const char *model, bool missing_ok)
{
	if (FindFact(model, CACHE_MAY_USE, GetUserId()) == NULL)
	{
		if (missing_ok && !CsModelMayUse(model))
			return false;
		CsModelCheckUse(model);
		(void) AddFact(model, CACHE_MAY_USE, GetUserId());
	}
	return true;
}

/* The deployed version; 0, or else an error, when there is none. */
static int
DeployedVersion(const char *model, bool missing_ok)
{
	CacheEntry *entry = FindFact(model, CACHE_DEPLOYED, 0);

	if (entry == NULL)
	{
		int			version = CsModelDeployedVersion(model);

		entry = AddFact(model, CACHE_DEPLOYED, 0);
		entry->version = version;
	}
	if (entry->version == 0 && !missing_ok)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no deployed version", model),
				 errhint("Deploy one with custseg.deploy(), or name a version in the call.")));
	return entry->version;
}

/* Read and compile one version, palloc'd; NULL if there is no such version. */
static const CsScorer *
LoadScorer(const char *model, int version)
{
	Jsonb	   *definition = CsCatalogDefinition(model, version);

	return definition == NULL ? NULL : CsScorerFromJsonb(definition);
}

/* What Get and Try find, loading what is not known yet. */
static const CsScorer *
FindOrLoad(const char *model, int version, bool missing_ok)
{
	CacheEntry *entry;
	const CsScorer *scorer;

	if (!CheckUse(model, missing_ok))
		return NULL;
	if (version == 0)
		version = DeployedVersion(model, missing_ok);
	if (version == 0)
		return NULL;
	entry = FindFact(model, CACHE_SCORER, (uint32) version);
	if (entry != NULL)
	{
		dlist_move_head(&cachedScorers, &entry->scorer->recency);
		return ScorerOf(entry->scorer);
	}
	scorer = LoadScorer(model, version);
	if (scorer == NULL && missing_ok)
		return NULL;
	if (scorer == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" has no version %d", model, version),
				 errhint("SELECT version FROM custseg.model_version WHERE model = %s lists the versions.",
						 quote_literal_cstr(model))));
	return AddScorer(model, version, scorer);
}

/* Bring the cache up to date and look up; memory used on the way is freed. */
static const CsScorer *
LookUp(const char *model, int version, bool missing_ok)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext loading;
	const CsScorer *scorer;

	/* Inside a transaction nothing else need have asked for news since the last statement. */
	AcceptInvalidationMessages();
	if (cacheGeneration != CsGeneration())
		ResetCache();
	loading = AllocSetContextCreate(old, "custseg model loading", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(loading);
	PushActiveSnapshot(GetCatalogSnapshot(CsModelTable()));
	scorer = FindOrLoad(model, version, missing_ok);
	PopActiveSnapshot();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(loading);
	return scorer;
}

/* See score.h. */
const CsScorer *
CsCacheGet(const char *model, int version)
{
	if (strlen(model) >= NAMEDATALEN)
		CsModelCheckUse(model); /* says that there is none */
	return LookUp(model, version, false);
}

/* See score.h. */
const CsScorer *
CsCacheTry(const char *model, int version)
{
	return strlen(model) < NAMEDATALEN ? LookUp(model, version, true) : NULL;
}

/* See score.h. */
bool
CsCacheHasOverrides(const char *model)
{
	CacheEntry *entry;

	AcceptInvalidationMessages();
	if (cacheGeneration != CsGeneration())
		ResetCache();
	entry = FindFact(model, CACHE_OVERRIDES, 0);
	if (entry == NULL)
	{
		bool		has = CsCatalogRead(overrides_sql, CsValues(CsValueText(model)), NULL, NULL) > 0;

		entry = AddFact(model, CACHE_OVERRIDES, 0);
		entry->version = has;
	}
	return entry->version != 0;
}

/* The context that pinned a scorer goes. */
static void
Unpin(void *arg)
{
	CachedScorer *cached = arg;

	if (--cached->pins == 0 && !cached->in_cache)
		MemoryContextDelete(cached->context);
}

/* See score.h. */
void
CsCachePin(const CsScorer *scorer, MemoryContext context)
{
	CachedScorer *cached = CachedOf(scorer);
	MemoryContextCallback *callback = MemoryContextAlloc(context, sizeof(MemoryContextCallback));

	callback->func = Unpin;
	callback->arg = cached;
	cached->pins++;
	MemoryContextRegisterResetCallback(context, callback);
}
