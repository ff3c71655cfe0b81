/*
 * people.h
 *	  Customers who are like others: the nearest of one customer, what two share, and audiences like a list.
 */
#ifndef CUSTSEG_PEOPLE_H
#define CUSTSEG_PEOPLE_H

#include "custseg.h"
#include "call/call.h"
#include "score/pass.h"

/* customers.c: how a pass tells customers. */
extern void CsPeopleRequireId(const CsPass *pass, const char *model);
extern bool CsPeopleReadCustomer(FunctionCallInfo fcinfo, int argument, const CsRelation *relation,
								 CsIdentity *identity, Datum *customer, char **text);
extern bool CsPeopleTakeId(CsPass *pass, const Datum *values, const bool *nulls, Datum *id);

/*
 * best.c: the first of many customers by a number, the smaller the better, and ties by id.
 */
typedef struct CsBestEntry
{
	double		key;
	Datum	   *id;				/* prepared, see CsIdentityPrepare(); copies */
	char	   *id_text;
	double	   *raw;			/* the row's, see prep.h; copies */
	int			segment;		/* index where somebody has decided; -1: the model decides */
} CsBestEntry;

typedef struct CsBest
{
	CsIdentity *identity;
	MemoryContext context;
	int			nraw;
	int			most;
	int			n;
	CsBestEntry *entries;		/* a heap, the worst first, until CsBestSort() */
} CsBest;

extern void CsBestInit(CsBest *best, CsIdentity *identity, int nraw, int most);
extern bool CsBestIsWanted(const CsBest *best, double key, const Datum *id);
extern void CsBestAdd(CsBest *best, double key, const Datum *id, const char *id_text, const double *raw,
					  int segment);
extern void CsBestSort(CsBest *best);

/* seeds.c: a list of customers, told by the id of another source. */
typedef struct CsSeeds
{
	CsIdentity *identity;		/* of the source's customers */
	MemoryContext context;
	int64		n_listed;		/* rows with an id */
	int64		n;				/* ids that a customer of the source can have, each once */
	int64		capacity;
	Size		held;			/* bytes */
	Datum	   *ids;			/* n x nparts, ordered */
} CsSeeds;

extern CsSeeds *CsSeedsRead(const char *seeds, const List *key, CsIdentity *identity);
extern bool CsSeedsHave(const CsSeeds *seeds, const Datum *id);
extern Datum *CsPeopleCopyId(const CsIdentity *identity, const Datum *id, Datum *copy);

/* parties.c: mean distances of many customers to their nearest seeds. */
typedef struct CsParties
{
	const struct CsKdTree *seeds;
	int			neighbors;
	int			most;			/* who may wait */
	int			n;				/* who wait */
	double	   *z;				/* n x ncolumns: their places in model space */
	struct CsKdTree *tree;		/* room for theirs */
	double	   *party,			/* and for those who search together: places, distances, scratch */
			   *found,
			   *scratch;
} CsParties;

extern Size CsPartiesMemory(int ncolumns, int neighbors);
extern void CsPartiesInit(CsParties *p, const struct CsKdTree *seeds, int neighbors);
extern bool CsPartiesAdd(CsParties *p, const double *z);
extern void CsPartiesEnd(CsParties *p, double *means);

/* audience.c: customers like those of a list. */
typedef enum CsLookalikeMethod
{
	CS_LOOKALIKE_NEAREST, CS_LOOKALIKE_PROPENSITY
} CsLookalikeMethod;

extern const char *const CsLookalikeMethods[];

#define CS_MOST_SEED_NEIGHBORS 100

typedef struct CsAudienceOptions
{
	int			neighbors;		/* seeds whose mean distance counts */
	int			most_seeds;		/* in a tree: a sample of them, as looking for the nearest of many takes long */
	int			sample;			/* customers who are no seeds, that a regression sees */
	double		ridge;
	double		confidence;
} CsAudienceOptions;

/* A seed that the source has, or a sampled customer who is none. */
typedef struct CsExample
{
	uint64		hash;			/* of the id, by which they are drawn */
	char	   *id_text;		/* of a seed */
	int			segment;		/* of a seed; index, -1: none */
	double	   *raw;			/* of a seed */
	double	   *z;
} CsExample;

typedef struct CsExamples
{
	int64		n;
	int64		capacity;
	CsExample  *items;
} CsExamples;

typedef struct CsAudience
{
	CsLookalikeMethod method;
	CsAudienceOptions options;
	int			n;				/* asked for */
	const CsScorer *scorer;
	const CsRelation *relation;
	CsPass	   *pass;
	CsPlacer   *placer;
	CsSeeds    *list;
	MemoryContext context;
	Size		held;			/* bytes, against the limit */

	/* what the first reading finds */
	int64		n_excluded;		/* seeds who are, by hand */
	int64		n_unplaced;		/* seeds who lack a value that the model does not do without, or have an infinite one */
	int64		n_candidates;	/* customers who are no seeds */
	CsExamples	seeds;			/* ordered by hash: those who are held out come first */
	int			n_held_out;
	CsExamples	others;			/* a sample, those below the threshold */
	uint64		threshold;

	/* what is fitted to all seeds, and to those who are not held out */
	struct CsKdTree *tree[2];
	struct CsValueModel *model[2];
	double		offset[2];		/* of the log odds, for who was left out of the sample */
	CsParties	waiting;		/* customers whose scores by tree[1] are the last that are kept */

	/* what the second reading finds */
	CsBest		best;
	int64		n_scores;
	int64		capacity;
	double	   *score;			/* of customers who are no seeds, and of those held out, by what the others tell */
	double	   *is_held_out;
} CsAudience;

extern CsAudience *CsAudienceFind(CsAudience *audience, const char *seeds);
extern double CsAudienceScore(const CsAudience *a, int fit, const double *z, int32 *nearest);
extern double CsAudienceProbability(const CsAudience *a, double score);

/* likeness.c: what two customers share, and in what they differ. */
typedef struct CsTrait
{
	int			feature;
	double		share;			/* of customers who are as close to the one as the other is */
} CsTrait;

typedef struct CsLikeness
{
	int			nshared;
	CsTrait    *shared;			/* what fewest others share first */
	int			ndifferent;
	CsTrait    *different;		/* what is farthest apart first */
} CsLikeness;

extern CsLikeness CsLikenessOf(const CsPipeline *p, const CsBaseline *baselines, const double *one,
							   const double *other);
extern CsValue CsLikenessNames(const CsPipeline *p, const CsTrait *traits, int n);
extern char *CsLikenessValues(const CsPipeline *p, const CsTrait *traits, int n, const double *raw);
extern char *CsLikenessReason(const CsPipeline *p, const CsLikeness *likeness, const double *one,
							  const double *other);

#endif							/* CUSTSEG_PEOPLE_H */
