/*
 * exported_segments.c
 *	  What only an exported model of segments has, checked: centers, shares, distances, structure.
 */
#include "custseg.h"

#include <float.h>
#include <math.h>

#include "call/call.h"
#include "life/life.h"

/*
 * How far rows can be from the centers of their segments, which sums of squares over all rows and some
 * more can be made of; a training that goes beyond that is an error.
 */
static double
FarthestDistance(const CsScorer *scorer)
{
	double		n = 1;

	for (int i = 0; i < scorer->nsegments; i++)
		n += CsScorerSegments(scorer)[i].n;
	return sqrt(DBL_MAX / n) / 2;
}

/* CsImporter: the definition. */
static void
Compile(Jsonb *definition, CsExportedVersion *version)
{
	const CsScorer *scorer = CsScorerFromJsonb(definition);

	version->scorer = scorer;
	version->number = scorer->version;
	version->algorithm = NameStr(scorer->algorithm);
	version->pipeline = CsScorerPipeline(scorer);
	version->definition = CsScorerToJsonb(scorer);
	version->farthest = FarthestDistance(scorer);
}

/* Error unless what segments have of the levels of a category are shares. */
static void
CheckShares(const CsJsonReader *r, const CsScorer *scorer, const CsFeature *f, int at)
{
	for (int l = 0; l < f->nlevels; l++)
		for (int i = 0; i < scorer->nsegments; i++)
		{
			double		share = CsScorerProfile(scorer, i)[at + l];

			if (share < 0 || share > 1 + 1e-9)
				CsJsonReject(r, "levels", "does not suit the shares in the definition");
		}
}

/* Error unless differences of the segments' means, the first at "at", can be told in standard deviations. */
static void
CheckMeans(const CsJsonReader *r, const CsScorer *scorer, const CsFeature *f, int at)
{
	double		mean = isnan(f->mean) ? 0 : f->mean;
	double		deviation;
	JsonbValue	value;

	if (!CsJsonReadMember(r, "standard_deviation", &value))
		return;
	deviation = CsJsonReadNumber(r, "standard_deviation");
	for (int i = 0; i < scorer->nsegments && deviation > 0; i++)
		if (!isfinite((CsScorerProfile(scorer, i)[at] - mean) / deviation))
			CsJsonReject(r, "standard_deviation", "does not suit the means in the definition");
}

/* CsImporter: what segments have of a feature. */
static void
CheckFeature(const CsJsonReader *r, const CsExportedVersion *version, int feature)
{
	const CsFeature *f = &version->pipeline->feature[feature];
	int			at = 0;			/* its place in the profiles of the segments */

	for (int i = 0; i < feature; i++)
		at += CsProfileWidth(&version->pipeline->feature[i]);
	if (f->kind == CS_CATEGORICAL)
		CheckShares(r, version->scorer, f, at);
	else
		CheckMeans(r, version->scorer, f, at);
}

/* CsImporter: what is kept of a segment beside its definition. */
static void
CheckSegment(const CsJsonReader *r, const CsExportedVersion *version)
{
	JsonbValue	value;

	CsJsonCheckRange(r, "share", 0, 1);
	CsJsonCheckRange(r, "mean_distance", 0, version->farthest);
	CsJsonCheckRange(r, "spread", 0, version->farthest);
	if (CsJsonReadMember(r, "rank", &value))
		(void) CsJsonReadInteger(r, "rank", 1, PG_INT32_MAX);
}

/* Error unless measures of a training are numbers of their ranges, and what was found of structure is that. */
static void
CheckMetrics(const CsJsonReader *r)
{
	static const struct
	{
		const char *key;
		double		low,
					high;
	}			ranges[] = {{"silhouette", -1, 1}, {"silhouette_deviation", 0, 2}, {"silhouette_sample", 0, CS_MOST_ROWS}};
	static const char *const keys[] = {"rating", "p_value", "reason"};
	CsJsonReader metrics = CsJsonReadObject(r, "metrics", "the metrics");
	CsJsonReader structure;
	CsJsonEach	each = CsJsonEachOf(metrics.object);
	JsonbValue	value;
	double		number;

	while (CsJsonNext(&each))
	{
		if (!CsJsonIsText(&each.key, "structure") && each.value.type != jbvNull &&
			!CsJsonGetNumber(&each.value, &number))
			CsJsonReject(&metrics, CsJsonString(&each.key), "must be a finite number or null");
	}
	for (int i = 0; i < lengthof(ranges); i++)
		if (CsJsonFind(metrics.object, ranges[i].key, &value) && value.type != jbvNull)
			CsJsonCheckRange(&metrics, ranges[i].key, ranges[i].low, ranges[i].high);
	if (!CsJsonFind(metrics.object, "structure", &value))
		return;
	structure = CsJsonReadObject(&metrics, "structure", "the structure");
	CsJsonCheckKeys(&structure, keys, lengthof(keys));
	(void) CsJsonReadText(&structure, "rating");
	(void) CsJsonReadText(&structure, "reason");
	if (CsJsonReadMember(&structure, "p_value", &value))
		CsJsonCheckRange(&structure, "p_value", 0, 1);
}

/*
 * Read how a version was asked for: what training would not take is an error, and so are options that do not
 * belong to what was learned with them.
 */
static void
ReadAsked(const CsJsonReader *r, CsExportedVersion *version)
{
	const CsScorer *scorer = version->scorer;
	const CsAlgorithm *algorithm = CsAlgorithmFind(NameStr(scorer->algorithm));
	void	   *options = palloc0(algorithm->options_size);
	CsScoring	scoring;

	version->prep = CsExportedPrep(r, version->pipeline);
	version->options = CsExportedOptions(r, algorithm->options, algorithm->noptions, options);
	if (algorithm->suits == NULL)
		return;
	CsScoringInit(&scoring, scorer, CurrentMemoryContext);
	if (!algorithm->suits(&scoring.fitted, version->pipeline, options))
		CsJsonReject(r, "options", "does not suit the parameters of the definition");
}

/* CsImporter: what was measured, and how the version was asked for. */
static void
CheckTraining(const CsJsonReader *r, CsExportedVersion *version)
{
	CheckMetrics(r);
	ReadAsked(r, version);
}

const CsImporter CsSegmentsImporter = {Compile, CheckTraining, CheckFeature, CheckSegment};
