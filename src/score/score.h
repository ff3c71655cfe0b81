/*
 * score.h
 *	  Customers placed by a fitted version: its compiled form, the session's cache, features bound by
 *	  name, one customer at a time or all of a source.
 */
#ifndef CUSTSEG_SCORE_H
#define CUSTSEG_SCORE_H

#include "custseg.h"
#include "algo/algo.h"
#include "catalog/tables.h"
#include "data/identity.h"
#include "data/relation.h"
#include "prep/prep.h"
#include "stat/suitability.h"
#include "utils/relcache.h"

/*
 * scorer.c: a fitted version compiled to one flat varlena, SQL type custseg.compiled_model.
 * Nothing in it is a pointer; it is only ever made by CsScorerFromJsonb, which checks everything,
 * so its readers need not.  Its text form is its json, floats to the bit: compiled_model.c.
 */
typedef struct CsScorerSegment
{
	int32		segment;		/* its number, 1.. */
	int32		name;			/* offset of its name from the scorer's start, zero-terminated */
	int64		n;
} CsScorerSegment;

typedef struct CsScorerParameter
{
	int32		rows,
				columns;
	int32		offset;			/* of double[rows][columns] */
} CsScorerParameter;

typedef struct CsScorer
{
	int32		vl_len_;
	int32		format;			/* CS_SCORER_FORMAT */
	uint64		digest[2];		/* of what follows up to the compiled part, which says the same: equal digests, equal scorers;
								 * 0 until the scorer is to be a value of SQL */
	NameData	model;
	NameData	algorithm;
	int32		version;
	int32		nsegments;
	int32		ncolumns;		/* of model space */
	int32		padded;			/* nsegments rounded up to a multiple of CS_CENTER_GROUP */
	bool		has_noise;		/* the first segment is noise, number 0 */
	int32		segment_offset; /* CsScorerSegment[nsegments], by segment number */
	int32		center_offset;	/* double[ncolumns][padded]: centres transposed, so that one
								 * customer is compared with 8 centres at a time */
	int32		profile_offset; /* double[nsegments][nprofile]: means in own units, level shares */
	int32		nprofile;		/* CsProfileSize of the pipeline */
	int32		pipeline_offset;
	int32		compiled_offset;	/* what the algorithm derives from its parameters */
	CsScorerParameter parameter[CS_MAX_PARAMETERS]; /* in the order of the algorithm's table */
} CsScorer;

#define CS_SCORER_FORMAT 4
#define CsScorerAt(s, type, offset) ((type *) ((char *) (s) + (offset)))
#define CsScorerPipeline(s) CsScorerAt(s, CsPipeline, (s)->pipeline_offset)
#define CsScorerSegments(s) CsScorerAt(s, CsScorerSegment, (s)->segment_offset)
#define CsScorerCenters(s) CsScorerAt(s, double, (s)->center_offset)
#define CsScorerProfile(s, index) \
	(CsScorerAt(s, double, (s)->profile_offset) + (Size) (index) * (s)->nprofile)

extern CsScorer *CsScorerFromParts(Jsonb *definition, const CsStoredParameters *parameters);
extern CsScorer *CsScorerFromJsonb(Jsonb *definition);
extern void CsScorerSeal(CsScorer *scorer);
extern CsScorer *CsScorerValue(const CsScorer *scorer);
extern Size CsScorerSizeForRows(const CsScorer *scorer);
extern void CsScorerCopyForRows(const CsScorer *scorer, CsScorer *copy);
extern Jsonb *CsScorerToJsonb(const CsScorer *scorer);
extern int	CsScorerFindSegment(const CsScorer *scorer, double number);
extern const CsScorer *CsScorerWithoutSegments(const char *model, int version, const CsPipeline *pipeline);
extern const CsScorer *CsScorerOfFeatures(const char *model, int version);
extern void CsPushParameter(JsonbParseState **state, const CsParameterInfo *info,
							const CsParameter *p, const int *number, const int *order);
extern void CsPushStoredParameters(JsonbParseState **state, const CsScorer *scorer);
extern CsFitted CsScorerFitted(const CsScorer *scorer);
extern void CsReportDropped(const char *model, int version);
extern void CsReportDroppedVersion(const CsScorer *scorer);
extern void CsVersionHold(const char *model, int version);
extern uint64 CsScorerRead(const CsScorer *scorer, const char *sql, CsCatalogVisitor visit,
						   void *state);
extern const CsScorer *CsScorerFromDatum(Datum value);

/* points.c */
extern const ArrayType *CsPointsStored(const CsParameterInfo *info, const CsStoredParameters *stored);
extern void CsPointsShape(const CsParameterInfo *info, const ArrayType *array, int32 *rows, int32 *columns);
extern void CsPointsRead(const CsParameterInfo *info, const ArrayType *array, Size n, double *values);
extern const int32 *CsPointsPlaces(const CsStoredParameters *stored, int32 n, int32 *nplaces);
extern void CsPointsTake(CsStoredParameters *stored, const CsParameterInfo *info, const CsParameter *p,
						 const int *number);
extern ArrayType *CsPointsPlacesArray(const int32 *places, int32 n);

/* scoring.c: a scorer with room for one customer. Fill "raw" through binding.c, then call CsScoringPlace(). */
typedef struct CsScoring
{
	const CsScorer *scorer;
	const CsAlgorithm *algorithm;
	CsFitted	fitted;			/* the scorer, as the algorithm sees it */
	double	   *raw;			/* a number a feature, see prep.h */
	double	   *z;
	double	   *work;
	struct CsPlainScoring *plain;	/* or NULL, see plain.c */
} CsScoring;

extern void CsScoringInit(CsScoring *s, const CsScorer *scorer, MemoryContext context);
extern bool CsScoringTry(CsScoring *s, CsAssignment *result, double *memberships);
extern bool CsScoringPlace(CsScoring *s, CsAssignment *result, double *memberships);
extern void CsScoringPlaceRows(CsScoring *s, const double *raw, int stride, int nrows, int32 *segments);
extern int	CsScoringSegment(CsScoring *s);

/* rules.c */
extern void *CsScorerOptions(const CsScorer *scorer);
extern const CsScorer *CsRulesScorer(const char *model, int version, CsScoring *scoring);

/* plain.c */
extern struct CsPlainScoring *CsPlainScoringOf(const CsScoring *s, MemoryContext context);
extern int	CsPlainScoringSegment(const CsScoring *s);

/*
 * binding.c: the features of a pipeline, bound by name to a row type or to columns that are read,
 * once for each call site.
 */
typedef struct CsBinding CsBinding;

typedef enum CsBindState
{
	CS_BIND_DONE,
	CS_BIND_MISSING,			/* there is no such column */
	CS_BIND_OTHER_KIND			/* it is not of the feature's kind any more */
} CsBindState;

extern CsBinding *CsBindingForRow(const CsPipeline *p, TupleDesc desc, const char *model,
								  MemoryContext context);
extern CsBinding *CsBindingForColumns(const CsPipeline *p, const CsColumn *columns, int ncolumns,
									  const char *model, MemoryContext context,
									  CsBindState *states);
extern char *CsFeatureColumn(const CsFeature *f);
extern void CsPipelineCheckMissing(const CsPipeline *p, const double *raw, const char *model);

/* binding_row.c, binding_json.c: raw values, one number for each feature, see prep.h. */
extern void CsBindRow(CsBinding *b, const CsPipeline *p, HeapTupleHeader row, double *raw);
extern void CsBindTuple(CsBinding *b, const CsPipeline *p, HeapTuple tuple, double *raw);
extern void CsBindValues(CsBinding *b, const CsPipeline *p, const Datum *values,
						 const bool *nulls, double *raw);
extern bool CsBindingIsOfFloats(const CsBinding *b, const CsPipeline *p);
extern char *CsBindingText(CsBinding *b, int feature);
extern int	CsBindingAttribute(const CsBinding *b, int feature);

/* plain.c, of arguments that are bound */
extern int *CsPlainScoringArguments(const CsScoring *s, const CsBinding *b, MemoryContext context);
extern int	CsPlainScoringSegmentOfFloats(const CsScoring *s, const NullableDatum *values, const int *at);

/* binding_json.c */
extern void CsBindJsonb(const CsPipeline *p, Jsonb *row, const char *model, double *raw);
extern char *CsJsonbText(const CsPipeline *p, Jsonb *row, int feature);

/* source.c: the rows of a model. */
extern CsRelation *CsSourceOpenOf(const char *model, int version, const char *source);
extern CsRelation *CsSourceOpen(const CsScorer *scorer, const char *source);
extern char *CsVersionId(const char *model, int version);
extern char *CsScorerId(const CsScorer *scorer);

/* within.c: a model of the customers of one segment of another model. */
#define CS_MOST_LEVELS 8

typedef struct CsWithin
{
	char	   *parent;
	int			segment;
	int			version;		/* of the parent, by which customers were placed; 0: not known yet */
} CsWithin;

extern CsWithin *CsWithinOf(const char *model);
extern void CsWithinRestrict(CsRelation *rel, const CsWithin *within);

/* path.c: a customer's segment, and that within it, and so on. */
typedef struct CsPath CsPath;

extern CsPath *CsPathMake(Oid customer_type, MemoryContext context);
extern void CsPathCheckValue(const char *column, Datum value);
extern char *CsPathOfCustomer(CsPath *path, const char *model, Datum customer, bool names);

/* segment_column.c */
extern char **CsSegmentColumnReasons(const CsRelation *rel, const CsColumn **columns,
									 const CsColumnFacts **facts, int n);

/* key.c: what says who a customer is. */
typedef struct CsKey
{
	List	   *names;			/* (char *) of the id's columns; NIL: there is no id */
	const char **types;			/* of each, by name; see CsIdentityTypes */
	bool		is_foreign;		/* the version came from elsewhere, as its types did */
} CsKey;

extern void CsScorerKey(const CsScorer *scorer, CsKey *key);
extern void CsModelKey(const char *model, CsKey *key);
extern CsIdentity *CsIdentityOfKey(const CsKey *key);
extern List *CsFindKey(const CsRelation *rel, const char *trained_id);
extern List *CsKeyOfRow(const CsKey *key, TupleDesc desc, Oid relid);
extern void CsKeyAttributes(const List *names, TupleDesc desc, AttrNumber *attributes);

/* cache.c: compiled models of this backend, as the statement's snapshot sees them. */
extern const CsScorer *CsCacheGet(const char *model, int version);
extern const CsScorer *CsCacheTry(const char *model, int version);
extern const void *CsCacheGetOfKind(int kinds, const char *model, int version);
extern CsModelKind CsCacheKind(const void *compiled);
extern int	CsCacheVersion(const void *compiled);
extern bool CsCacheHasOverrides(const CsScorer *scorer);
extern void CsCachePin(const void *compiled, MemoryContext context);

/* Kinds of models with features. */
#define CS_FEATURE_KINDS \
	(CS_MODEL_BIT(CS_MODEL_SEGMENTS) | CS_MODEL_BIT(CS_MODEL_VALUE) | CS_MODEL_BIT(CS_MODEL_PROBABILITY))

/*
 * How a version of each kind of model is compiled: from its definition, as CsCatalogDefinition() gives
 * it, to one flat varlena without pointers, palloc'd.  Its parameters may come beside it, NULL: they are in it.
 * Nothing in a definition is trusted: what is wrong with it is an error.  The list is in src/custseg.c, for only the module knows all rooms.
 */
typedef void *(*CsCompile) (Jsonb *definition, const CsStoredParameters *parameters);

extern const CsCompile CsCompilers[CS_MODEL_KINDS];

/* override.c: customers whom somebody has put in a segment, or left out, by hand. */
typedef struct CsOverride
{
	int64		id;				/* of the decision: the higher, the newer */
	int			index;			/* of the segment in the scorer; -1: excluded */
	char	   *made_by;
	TimestampTz until;
	Datum	   *customer;		/* a value for each part of the identity */
} CsOverride;

typedef struct CsOverrides
{
	CsIdentity *identity;
	int64		n;
	CsOverride *overrides;		/* ordered by customer, the newest first */
	int64		n_lacking;		/* others, whose segment the version lacks */
} CsOverrides;

extern bool CsOverridesHold(const CsScorer *scorer);
extern Jsonb *CsOverridesExport(const char *model, CsValue but);
extern void CsOverridesImport(const char *model, Jsonb *decisions);
extern CsOverrides *CsOverridesRead(const CsScorer *scorer, CsIdentity *identity);
extern Jsonb *CsOverridesAsJsonb(const char *model);
extern CsOverrides *CsOverridesOfJsonb(const CsScorer *scorer, CsIdentity *identity, Jsonb *decisions);
extern CsOverrides *CsOverridesTold(const CsScorer *scorer, CsOverrides *overrides);
extern CsOverrides *CsOverridesLoad(const CsScorer *scorer, CsIdentity *identity);
extern const CsOverride *CsOverridesFindPrepared(const CsOverrides *overrides,
												 const Datum *customer);
extern const CsOverride *CsOverridesFind(const CsOverrides *overrides, const Datum *values,
										 const bool *nulls);
extern bool CsIsExcludedByText(const CsOverrides *overrides, const char *customer);

/*
 * cache.c: what the cache keeps with a version for customers who come as jsonb.  Programs ask about them
 * one by one, a statement each.
 */
typedef struct CsDecisions
{
	CsKey		key;			/* of the version */
	CsOverrides *overrides;		/* those of the key's types; NULL: to be read for each statement */
} CsDecisions;

extern const CsDecisions *CsCacheDecisions(const CsScorer *scorer);

/* customer.c: a customer whom somebody names by id. */
extern CsIdentity *CsIdentityOfModel(const char *model);
extern char *CsCustomerArgument(FunctionCallInfo fcinfo, int argument, CsIdentity *identity);
extern char *CsCustomerOfModel(FunctionCallInfo fcinfo, int argument, const char *model, CsIdentity *identity);

typedef struct CsSameCustomer
{
	CsIdentity *identity;
	bool		is_read;		/* the text is one of the id's type */
	Datum		customer[INDEX_MAX_KEYS];
} CsSameCustomer;

extern CsSameCustomer CsSameCustomerOf(CsIdentity *identity, const char *customer);
extern bool CsCustomerIsSame(const CsSameCustomer *s, const char *text);
extern void CsTellUnknownCustomer(const List *models, const char *customer, bool repeated);

/*
 * call_site.c: what a call site of predict() and similar functions resolves once and keeps in
 * fn_extra.
 */
typedef struct CsCallSite
{
	const void *compiled;		/* the version, pinned or a copy; NULL: not resolved */
	const CsPipeline *pipeline; /* of the version */
	const char *name;			/* of the model, for messages */
	double	   *raw;			/* a number a feature, see prep.h */
	CsScoring	scoring;		/* of a model of segments */
	void	   *state;			/* what a function keeps of the version: see CsCallSiteOfKind() */
	Oid			customer_type;	/* of the argument, without domains */
	bool		is_jsonb;		/* is the customer json, whichever its type, or a row? */
	Datum		customer;		/* of this call: a jsonb or a row */
	CsBinding  *binding;		/* of the last row's type */
	bool		is_settled;		/* predict_columns(): model, version and names are constants of the plan */
	int		   *at;				/* predict_columns(): see CsPlainScoringArguments(); NULL, too, with overrides */
	CsOverrides *overrides;		/* for customers as the binding, or jsonb, tells them; NULL: none */
	AttrNumber	key[INDEX_MAX_KEYS];	/* with overrides: attributes of a row that tell them */
	bool		has_overrides;	/* the model, for whichever customers */
	CsKey		trained_key;	/* if it has */
	TupleDesc	result_desc;	/* for functions that return a row; theirs to set */

	/* What the scorer was resolved for, and the memory of all that follows from it. */
	MemoryContext context;
	CsAsOf		as_of;
	int			version;
	int			model_length;
	char		model[NAMEDATALEN];
	struct varlena *argument;	/* a scorer as it was given, if it was */

	/* What the binding was made for. */
	MemoryContext binding_context;
	Oid			row_type;
	int32		row_typmod;
	struct TypeCacheEntry *row_entry;	/* of a named type; it changes with ALTER TABLE */
	uint64		row_identifier;
} CsCallSite;

enum
{
	CS_PREDICT_MODEL, CS_PREDICT_CUSTOMER, CS_PREDICT_VERSION
};

/* What there is to tell of a customer. */
typedef struct CsDetail
{
	const CsOverride *override; /* the decision by hand; NULL: the model decides */
	int			index;			/* of the segment; -1: none */
	CsAssignment placed;		/* of a decision by hand: unknown numbers, NaN, and no runner-up */
	double	   *memberships;	/* for each segment; NULL of a decision by hand */
} CsDetail;

extern CsCallSite *CsCallSiteForModel(FunctionCallInfo fcinfo);
extern CsCallSite *CsCallSiteForScorer(FunctionCallInfo fcinfo);
extern void CsCallSiteTakeModel(CsCallSite *site);
extern CsCallSite *CsCallSiteOfKind(FunctionCallInfo fcinfo, int version_argument, int kinds,
									 void (*take) (CsCallSite *site));
extern CsCallSite *CsCallSiteOfCall(FunctionCallInfo fcinfo, bool has_customer);
extern void CsCallSiteResolve(CsCallSite *site, const text *model, int version, int kinds,
							  void (*take) (CsCallSite *site));
extern void CsCallSiteLoadOverrides(CsCallSite *site, TupleDesc desc, int n);
extern CsCallSite *CsCallSiteMake(Oid customer_type, MemoryContext context);
extern void CsCallSiteTake(CsCallSite *site, const char *model, Datum customer);
extern int	CsCallSiteSegment(CsCallSite *site);
extern Oid	CsCustomerType(FunctionCallInfo fcinfo);
extern Datum CsCustomerOf(FunctionCallInfo fcinfo, Oid type);
extern void CsCallSiteBind(CsCallSite *site);
extern char *CsCallSiteText(const CsCallSite *site, int feature);
extern TupleDesc CsCallSiteDesc(FunctionCallInfo fcinfo, CsCallSite *site);
extern CsDetail CsCallSiteDetail(CsCallSite *site);
extern bool CsCallSitePlace(CsCallSite *site, CsAssignment *result, double *memberships);
extern const CsOverride *CsCallSiteFindOverride(CsCallSite *site);
extern bool CsIsDecidedByHand(CsCallSite *site);
extern int	CsVersionArgument(FunctionCallInfo fcinfo, int n);

/* explain.c: what a feature, or a border that decides, has to say. */
typedef struct CsExplanation
{
	int			feature;		/* -1: none, as a score */
	double		raw;			/* the customer's value, as in CsScoring */
	double		segment_mean,	/* NaN: the value is of no level */
				runner_up_mean, /* NaN: there is none */
				overall_mean;
	double		contribution;	/* below 0: for the runner-up; NaN: nothing to share */
	const CsBorder *border;		/* or NULL */
} CsExplanation;

extern CsExplanation *CsExplain(const CsCallSite *site, const CsAssignment *placed, int *n);
extern const char *CsExplanationName(const CsCallSite *site, const CsExplanation *line);
extern char *CsExplanationValue(const CsCallSite *site, const CsExplanation *line);

/* assign.c */
extern void CsCheckColumnName(const char *column);
extern AttrNumber CsSegmentColumn(Relation rel, const char *column);
extern Datum CsSegmentDatum(int32 segment, Oid type);
extern void CsRejectVersionOfPath(const char *column);

#endif							/* CUSTSEG_SCORE_H */
