/*
 * cache.c
 *	  Models of this backend that are compiled and ready to score with.
 *
 * The cache remembers, by model name: who may use it, its row in custseg.model, and the versions that
 * were compiled.
 *
 * Which version a model is at follows from the statement's snapshot alone, so that a statement scores
 * with one version, whatever it calls and locks, in the leader and in parallel workers: a statement's
 * first look-up reads the model's row as the snapshot sees it.  A version that was compiled serves
 * every statement that sees the row it was compiled for; another one has it compiled anew.
 *
 * Rights are those of now and not of the snapshot.  All is dropped when they, or anything else, may
 * have changed, which the generation tells (catalog/generation.c); memory is freed when it is safe, by
 * the next look-up.  News that arrive while a model is being loaded leave the generation ahead of the
 * cache, which is therefore dropped again at the next look-up.
 *
 * A scorer has a memory context of its own and a count of pins, so one in use outlives the cache's
 * interest in it.
 *
 * What is said of scorers holds for versions of models of other kinds: each is one flat value, which
 * CsCompilers says how to make.
 */
#include "custseg.h"

#include "access/transam.h"
#include "catalog/namespace.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "score/score.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* What an entry of the cache says of a model. */
typedef enum CacheFact
{
	CACHE_MAY_USE,				/* number: role that may; the entry's existence is the answer */
	CACHE_ROW,					/* number: 0; value: the row, as of a statement */
	CACHE_SCORER				/* number: version; value: the scorer, and the row it is made for */
} CacheFact;

typedef struct CacheKey
{
	NameData	model;			/* zero-padded */
	int32		fact;			/* CacheFact */
	uint32		number;
} CacheKey;

/* Stands right behind a compiled version, in a memory context of the two and of decisions by hand. */
typedef struct CachedScorer
{
	const void *scorer;
	MemoryContext context;
	Size		size;
	int			pins;
	bool		in_cache;		/* false: to be freed with the last pin */
	bool		has_overrides;	/* somebody has made decisions for customers of the model */
	CsDecisions *decisions;		/* these, once they are asked for; in the same context */
	CsModelKind kind;			/* of the model */
	CacheKey	key;
	dlist_node	recency;		/* in cachedScorers */
} CachedScorer;

typedef struct CacheEntry
{
	CacheKey	key;
	CsAsOf		as_of;
	CsModelRow	row;
	CachedScorer *scorer;
} CacheEntry;

#define CachedOf(scorer) ((CachedScorer *) ((char *) (scorer) + MAXALIGN(VARSIZE(scorer))))

/* The part of a compiled version that its memory context may hold beside it. */
#define LITTLE_BESIDE 8

/* What is looked up. */
typedef struct LookedUp
{
	const char *model;
	int			version;		/* 0: the deployed one */
	int			kinds;			/* of models that will do, a sum of CS_MODEL_BIT() */
	bool		missing_ok;		/* NULL instead of an error */
} LookedUp;

static uint64 cacheGeneration = 0;	/* that the cache was begun at */
static HTAB *cache = NULL;
static MemoryContext cacheContext = NULL;
static dlist_head cachedScorers = DLIST_STATIC_INIT(cachedScorers); /* last used first */
static Size cachedBytes = 0;

static const char *const overrides_sql =
"SELECT FROM custseg.model AS m"
" JOIN custseg.segment_override AS o"
"  ON custseg_private.is_same_role(o.owner, o.owner_oid, o.owner_cluster, m.owner, m.owner_oid, m.owner_cluster)"
"  AND coalesce(o.model, '') OPERATOR(pg_catalog.=) ANY (ARRAY['', m.name]) "
"WHERE m.name OPERATOR(pg_catalog.=) $1 AND o.ended_at IS NULL LIMIT 1";

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

/* Remove a scorer from the cache. */
static void
EvictScorer(CachedScorer *cached)
{
	hash_search(cache, &cached->key, HASH_REMOVE, NULL);
	ReleaseScorer(cached);
}

/* Make room: the scorers that were not used for longest go until "size" more bytes fit. */
static void
EvictScorers(Size size)
{
	Size		limit = (Size) CsCacheSize * 1024;

	while (!dlist_is_empty(&cachedScorers) && cachedBytes + size > limit)
		EvictScorer(dlist_tail_element(CachedScorer, recency, &cachedScorers));
}

/*
 * Room behind a scorer for what the cache notes of it, in a memory context of the two: the one in which it was compiled
 * where that holds little else, so that a large one is not copied.  OUT size: of the two.
 */
static CachedScorer *
MakeCached(void *scorer, MemoryContext context, Size *size)
{
	Size		length = VARSIZE(scorer),
				offset = MAXALIGN(length);
	CachedScorer *cached;
	void	   *kept;

	*size = offset + sizeof(CachedScorer);
	if (MemoryContextMemAllocated(context, true) - length <= length / LITTLE_BESIDE)
		kept = repalloc_huge(scorer, *size);
	else
	{
		context = AllocSetContextCreate(CurrentMemoryContext, "custseg model", ALLOCSET_SMALL_SIZES);
		kept = MemoryContextAllocHuge(context, *size);
		memcpy(kept, scorer, length);
	}
	cached = (CachedScorer *) ((char *) kept + offset);
	cached->scorer = kept;
	cached->context = context;
	return cached;
}

/* Keep a scorer that has just been compiled for a row of its model, in a memory context of its own. */
static const void *
AddScorer(const char *model, int version, const CsModelRow *row, void *scorer, MemoryContext context)
{
	Size		size;
	CachedScorer *cached;
	CacheEntry *entry;

	EvictScorers(MAXALIGN(VARSIZE(scorer)) + sizeof(CachedScorer));
	cached = MakeCached(scorer, context, &size);
	cached->size = size;
	cached->pins = 0;
	cached->in_cache = true;
	cached->decisions = NULL;
	cached->kind = row->kind;
	cached->has_overrides = CsCatalogRead(overrides_sql, CsValues(CsValueText(model)), NULL, NULL) > 0;
	cached->key = MakeKey(model, CACHE_SCORER, (uint32) version);

	entry = AddFact(model, CACHE_SCORER, (uint32) version);
	entry->scorer = cached;
	entry->row = *row;
	MemoryContextSetParent(cached->context, CacheMemoryContext);
	dlist_push_head(&cachedScorers, &cached->recency);
	cachedBytes += size;
	return cached->scorer;
}

/* May the caller use the model, as of now?  False, or else an error, when not. */
static bool
CheckUse(const char *model, bool missing_ok)
{
	bool		may_use = FindFact(model, CACHE_MAY_USE, GetUserId()) != NULL;

	if (may_use)
		return true;
	PushActiveSnapshot(GetCatalogSnapshot(CsModelTable()));
	if (!missing_ok)
		CsModelCheckUse(model);
	may_use = !missing_ok || CsModelMayUse(model);
	PopActiveSnapshot();
	if (may_use)
		(void) AddFact(model, CACHE_MAY_USE, GetUserId());
	return may_use;
}

/* The model's row, as the statement sees it; NULL, or else an error, when there is none. */
static const CsModelRow *
FindRow(const char *model, bool missing_ok)
{
	CacheEntry *entry = FindFact(model, CACHE_ROW, 0);
	CsAsOf		as_of = CsAsOfNow();
	CsModelRow	row;

	if (entry != NULL && CsAsOfIsNow(&entry->as_of))
		return &entry->row;
	if (entry == NULL || !CsModelRowIsSeen(&entry->row, GetActiveSnapshot()))
	{
		if (!CsModelRowRead(model, GetActiveSnapshot(), &row))
		{
			if (!missing_ok)
				CsReportNoModel(model);
			return NULL;
		}
		entry = AddFact(model, CACHE_ROW, 0);
		entry->row = row;
	}
	entry->as_of = as_of;
	return &entry->row;
}

/* The error when the deployed version is asked for, and there is none. */
static void
ReportNothingDeployed(const char *model)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("model \"%s\" has no deployed version", model),
			 errhint("Deploy one with custseg.deploy(), or name a version in the call.")));
}

/* Read and compile one version, in "context"; NULL if there is no such version. */
static void *
LoadScorer(const char *model, int version, CsModelKind kind, MemoryContext context)
{
	CsStoredParameters parameters;
	Jsonb	   *definition = CsCatalogDefinition(model, version, &parameters);
	MemoryContext old;
	void	   *scorer;

	if (definition == NULL)
		return NULL;
	old = MemoryContextSwitchTo(context);
	scorer = CsCompilers[kind] (definition, &parameters);
	MemoryContextSwitchTo(old);
	return scorer;
}

/* What Get and Try find, loading what is not known yet. */
static const void *
FindOrLoad(const LookedUp *wanted)
{
	const char *model = wanted->model;
	int			version = wanted->version;
	const CsModelRow *row;
	CacheEntry *entry;
	MemoryContext context;
	void	   *scorer;

	if (!CheckUse(model, wanted->missing_ok))
		return NULL;
	row = FindRow(model, wanted->missing_ok);
	if (row == NULL)
		return NULL;
	if (!wanted->missing_ok)
		CsModelKindCheck(model, row->kind, wanted->kinds);
	else if ((wanted->kinds & CS_MODEL_BIT(row->kind)) == 0)
		return NULL;
	if (version == 0)
		version = row->deployed_version;
	if (version == 0 && !wanted->missing_ok)
		ReportNothingDeployed(model);
	if (version == 0)
		return NULL;
	entry = FindFact(model, CACHE_SCORER, (uint32) version);
	if (entry != NULL && CsModelRowIs(&entry->row, row))
	{
		dlist_move_head(&cachedScorers, &entry->scorer->recency);
		return entry->scorer->scorer;
	}
	context = AllocSetContextCreate(CurrentMemoryContext, "custseg model", ALLOCSET_SMALL_SIZES);
	scorer = LoadScorer(model, version, row->kind, context);
	if (scorer == NULL && wanted->missing_ok)
		return NULL;
	if (scorer == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" has no version %d", model, version),
				 errhint("SELECT version FROM custseg.model_version WHERE model = %s lists the versions.",
						 quote_literal_cstr(model))));
	if (entry != NULL)
		EvictScorer(entry->scorer);
	return AddScorer(model, version, row, scorer, context);
}

/* Bring the cache up to date and look up; memory used on the way is freed. */
static const void *
LookUp(const LookedUp *wanted)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext loading;
	bool		without_snapshot = !ActiveSnapshotSet();
	const void *scorer;

	if (without_snapshot)
		PushActiveSnapshot(GetTransactionSnapshot());
	/* Inside a transaction nothing else need have asked for news since the last statement. */
	AcceptInvalidationMessages();
	if (cacheGeneration != CsGeneration())
		ResetCache();
	loading = AllocSetContextCreate(old, "custseg model loading", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(loading);
	scorer = FindOrLoad(wanted);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(loading);
	if (without_snapshot)
		PopActiveSnapshot();
	return scorer;
}

/*
 * The compiled version of a model as the statement's snapshot sees it, loaded if need be; version 0
 * is the deployed one.  The right to use the model is checked, and that it is of one of the kinds, a
 * sum of CS_MODEL_BIT().
 *
 * The result is valid until the next call, or, with CsCachePin(), until the pinning context is
 * reset.  Whoever keeps the result calls CsAsOfIsNow() before using it, and gets the version again
 * when that is false.
 */
const void *
CsCacheGetOfKind(int kinds, const char *model, int version)
{
	if (strlen(model) >= NAMEDATALEN)
		CsModelCheckUse(model); /* says that there is none */
	return LookUp(&(LookedUp) {.model = model, .version = version, .kinds = kinds});
}

/* Likewise of a model of segments. */
const CsScorer *
CsCacheGet(const char *model, int version)
{
	return CsCacheGetOfKind(CS_MODEL_BIT(CS_MODEL_SEGMENTS), model, version);
}

/* The kind of the model of a version that CsCacheGetOfKind() gave. */
CsModelKind
CsCacheKind(const void *compiled)
{
	return CachedOf(compiled)->kind;
}

/* The number of a version that CsCacheGetOfKind() gave. */
int
CsCacheVersion(const void *compiled)
{
	return (int) CachedOf(compiled)->key.number;
}

/*
 * CsCacheGet() that returns NULL instead of raising an error, and also where the statement does not
 * see the newest state of the model: a plan that is kept has to be right for later statements, too.
 */
const CsScorer *
CsCacheTry(const char *model, int version)
{
	const CsScorer *scorer = strlen(model) >= NAMEDATALEN ? NULL :
		LookUp(&(LookedUp) {.model = model, .version = version,
			   .kinds = CS_MODEL_BIT(CS_MODEL_SEGMENTS), .missing_ok = true});
	CacheEntry *entry = scorer == NULL ? NULL : FindFact(model, CACHE_ROW, 0);
	CsModelRow	newest;

	if (entry == NULL ||
		!CsModelRowRead(model, NULL, &newest) ||
		!CsModelRowIs(&entry->row, &newest))
		return NULL;
	return scorer;
}

/* Are there decisions by hand for customers of the scorer's model, though they may have expired? */
bool
CsCacheHasOverrides(const CsScorer *scorer)
{
	return CachedOf(scorer)->has_overrides;
}

/*
 * Do values of an identity stay what they are for as long as the session lasts?  Those of types that come
 * with the server do; others may be dropped, and their names mean something else.
 */
static bool
IsLasting(const CsIdentity *identity)
{
	for (int i = 0; i < identity->nparts; i++)
	{
		const CsIdPart *part = &identity->parts[i];

		if (part->by_text || part->type >= FirstNormalObjectId || part->collation >= FirstNormalObjectId)
			return false;
	}
	return true;
}

/* Read what a version's customers are told by, and what is decided for them. */
static CsDecisions *
ReadDecisions(const CsScorer *scorer)
{
	CsDecisions *decisions = palloc0(sizeof(CsDecisions));
	CsIdentity *identity;

	CsScorerKey(scorer, &decisions->key);
	identity = CsIdentityOfKey(&decisions->key);
	if (identity != NULL && IsLasting(identity))
		decisions->overrides = CsOverridesRead(scorer, identity);
	return decisions;
}

/*
 * How a version tells customers, and what is decided by hand for them, read at the first call.  It belongs
 * to the cache as the scorer does, which the caller has pinned.  It holds for whoever sees the row that the
 * version was compiled for, since every decision writes that anew; what expires says so itself.
 */
const CsDecisions *
CsCacheDecisions(const CsScorer *scorer)
{
	CachedScorer *cached = CachedOf(scorer);
	MemoryContext context,
				old;
	Size		size;

	if (cached->decisions != NULL)
		return cached->decisions;
	context = AllocSetContextCreate(CurrentMemoryContext, "custseg decisions", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	cached->decisions = ReadDecisions(scorer);
	MemoryContextSwitchTo(old);
	MemoryContextSetParent(context, cached->context);
	size = MemoryContextMemAllocated(context, true);
	cached->size += size;
	if (cached->in_cache)
		cachedBytes += size;
	return cached->decisions;
}

/* The context that pinned a scorer goes. */
static void
Unpin(void *arg)
{
	CachedScorer *cached = arg;

	if (--cached->pins == 0 && !cached->in_cache)
		MemoryContextDelete(cached->context);
}

/* Keep what the cache gave until "context" is reset. */
void
CsCachePin(const void *compiled, MemoryContext context)
{
	CachedScorer *cached = CachedOf(compiled);
	MemoryContextCallback *callback = MemoryContextAlloc(context, sizeof(MemoryContextCallback));

	callback->func = Unpin;
	callback->arg = cached;
	cached->pins++;
	MemoryContextRegisterResetCallback(context, callback);
}
