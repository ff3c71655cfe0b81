/*
 * tree_words.c
 *	  The way to a node of a decision tree in words: "monetary > 512.5 and recency <= 31".
 *
 * The questions on the way bound the columns of model space, which are features in their own units,
 * or 1 for a level of a category and 0 for all others.  Features are told in the order in which the
 * tree comes to ask about them, and each once: a number by its bounds, a category by the levels that
 * are within the bounds, or, where levels that training did not see would be, too, by those that are
 * not.  What a missing value is filled with is within the bounds or not; so the condition says
 * where rows without the value go.
 *
 * A condition is SQL: the rows that it holds for are those that the tree sends to the node.
 */
#include "custseg.h"

#include <math.h>

#include "algo/tree.h"
#include "algo/tree_words.h"
#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

/* Values of a column of model space that a node's rows have: low < value <= high. */
typedef struct Bounds
{
	double		low,
				high;
} Bounds;

static const double *
NodeRow(const CsRuleMaker *maker, int node)
{
	return maker->nodes->values + (Size) node * TREE_NODE_NUMBERS;
}

/*
 * Prepare to tell the ways to nodes of a tree.  The maker keeps the pointers; its own memory is
 * palloc'd.
 */
void
CsRuleMakerInit(CsRuleMaker *maker, const CsPipeline *pipeline, const CsParameter *nodes,
				const bool *has_nulls)
{
	maker->pipeline = pipeline;
	maker->nodes = nodes;
	maker->has_nulls = has_nulls;
	maker->parents = palloc(sizeof(int) * nodes->rows);
	maker->parents[0] = -1;
	for (int i = 0; i < nodes->rows; i++)
	{
		if (CsRuleIsLeaf(maker, i))
			continue;
		maker->parents[(int) NodeRow(maker, i)[2] - 1] = i;
		maker->parents[(int) NodeRow(maker, i)[3] - 1] = i;
	}
}

/* Is a node, numbered from 0, a leaf? */
bool
CsRuleIsLeaf(const CsRuleMaker *maker, int node)
{
	return NodeRow(maker, node)[0] == 0;
}

/* The feature that a column of model space belongs to. */
static int
FeatureOf(const CsPipeline *p, int column)
{
	int			i = 0;

	while (column >= p->feature[i].first_output + p->feature[i].noutputs)
		i++;
	return i;
}

/* Narrow the bounds by the questions from the root to a node; features by when they come first. */
static void
BoundColumns(const CsRuleMaker *maker, int node, Bounds *bounds, int *features, int *nfeatures)
{
	int			parent = maker->parents[node];
	const double *row;
	int			column,
				feature,
				seen = 0;

	if (parent < 0)
		return;
	BoundColumns(maker, parent, bounds, features, nfeatures);
	row = NodeRow(maker, parent);
	column = (int) row[0] - 1;
	if ((int) row[2] - 1 == node)
		bounds[column].high = Min(bounds[column].high, row[1]);
	else
		bounds[column].low = Max(bounds[column].low, row[1]);
	feature = FeatureOf(maker->pipeline, column);
	while (seen < *nfeatures && features[seen] != feature)
		seen++;
	if (seen == *nfeatures)
		features[(*nfeatures)++] = feature;
}

static inline bool
IsWithin(const Bounds *bounds, double value)
{
	return value > bounds->low && value <= bounds->high;
}

/* Is the feature's type that one, or one of its kind with a precision? */
static bool
HasType(const CsFeature *f, const char *type)
{
	return strncmp(NameStr(f->type), type, strlen(type)) == 0;
}

/* A date as SQL; of several days the first. */
static char *
DateLiteral(double days)
{
	struct pg_tm tm;
	char		text[MAXDATELEN + 1];

	memset(&tm, 0, sizeof(tm));
	j2date((int) floor(days) + UNIX_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	EncodeDateOnly(&tm, USE_ISO_DATES, text);
	return quote_literal_cstr(text);
}

/*
 * A timestamp as SQL, with a zone in the session's.  Numbers of days are a fifth of a microsecond
 * off at most, and a threshold that is half of one off must not become the next.
 */
static char *
TimestampLiteral(double days, bool has_zone)
{
	Timestamp	value = (Timestamp) floor(days * USECS_PER_DAY + 0.2) +
		(UNIX_EPOCH_JDATE - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;
	struct pg_tm tm;
	fsec_t		fsec;
	int			tz = 0;
	const char *tzn = NULL;
	char		text[MAXDATELEN + 1];

	if (timestamp2tm(value, has_zone ? &tz : NULL, &tm, &fsec, has_zone ? &tzn : NULL, NULL) != 0)
		elog(ERROR, "a tree's threshold is out of the range of timestamps");
	EncodeDateTime(&tm, fsec, has_zone, tz, tzn, USE_ISO_DATES, text);
	return quote_literal_cstr(text);
}

/* A date, timestamp or interval as SQL, in ISO's style; the number is days (since 1970). */
static char *
TimeLiteral(const CsFeature *f, double days)
{
	char		digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (HasType(f, "date"))
		return DateLiteral(days);
	if (!CsIsInterval(f))
		return TimestampLiteral(days, strstr(NameStr(f->type), "with time zone") != NULL);
	double_to_shortest_decimal_buf(days, digits);
	return psprintf("interval '%s days'", digits);
}

/* A value of a feature as SQL. */
static char *
Literal(const CsFeature *f, double value)
{
	char		digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (f->kind == CS_TIME)
		return TimeLiteral(f, value);
	double_to_shortest_decimal_buf(value, digits);
	return pstrdup(digits);
}

/*
 * Does a row without the value go this way?  One that is estimated by its neighbors cannot be told.
 */
static bool
TakesNull(const CsFeature *f, const Bounds *bounds)
{
	return !isnan(f->fill) && IsWithin(bounds, f->fill);
}

/* Is the feature's type citext, with its schema or without? */
static bool
IsCitext(const CsFeature *f)
{
	const char *type = NameStr(f->type);
	const char *end = type + strcspn(type, " ");
	const char *citext = end - strlen("citext");

	return citext >= type && strncmp(citext, "citext", strlen("citext")) == 0 &&
		(citext == type || citext[-1] == '.');
}

/*
 * The feature's name as SQL.  Money compares with numbers only as numeric; citext and texts of some
 * collations are equal where their bytes differ, as levels do.
 */
static char *
NameOf(const CsFeature *f)
{
	return psprintf("%s%s%s", quote_identifier(NameStr(f->name)), HasType(f, "money") ? "::numeric" :
					IsCitext(f) ? "::text" : "",
					strstr(NameStr(f->type), " COLLATE ") == NULL ? "" : " COLLATE \"C\"");
}

/* A number, date or time between its bounds. */
static void
PutNumber(StringInfo rule, const CsFeature *f, const Bounds *bounds, bool has_nulls)
{
	const char *name = NameOf(f);
	bool		or_null = has_nulls && TakesNull(f, bounds);

	if (or_null)
		appendStringInfoChar(rule, '(');
	if (!isinf(bounds->low))
		appendStringInfo(rule, "%s > %s", name, Literal(f, bounds->low));
	if (!isinf(bounds->low) && !isinf(bounds->high))
		appendStringInfoString(rule, " and ");
	if (!isinf(bounds->high))
		appendStringInfo(rule, "%s <= %s", name, Literal(f, bounds->high));
	if (or_null)
		appendStringInfo(rule, " or %s is null)", quote_identifier(NameStr(f->name)));
}

/* A boolean: which of true, false and no value are within the bounds. */
static void
PutBoolean(StringInfo rule, const CsFeature *f, const Bounds *bounds, bool has_nulls)
{
	const char *name = NameOf(f);
	bool		takes_true = IsWithin(bounds, 1);
	bool		takes_false = IsWithin(bounds, 0);
	bool		takes_null = has_nulls && TakesNull(f, bounds);

	if (takes_true && takes_false)
		appendStringInfo(rule, "%s is not null", name);
	else if (takes_true)
		appendStringInfo(rule, takes_null ? "%s is not false" : "%s", name);
	else if (takes_false)
		appendStringInfo(rule, takes_null ? "%s is not true" : "not %s", name);
	else
		appendStringInfo(rule, "%s is null", name);
}

/*
 * Is a level of a category within the bounds of the feature's columns? -1: a level that training
 * did not see.
 */
static bool
TakesLevel(const CsPipeline *p, const CsFeature *f, const Bounds *bounds, int level)
{
	const CsLevel *l = level < 0 ? NULL : &CsFeatureLevels(p, f)[level];

	if (f->encode == CS_ENCODE_ORDINAL)
		return IsWithin(bounds + f->first_output, l == NULL ? f->fill : l->value);
	if (f->encode == CS_ENCODE_FREQUENCY)
		return IsWithin(bounds + f->first_output, l == NULL ? 0 : l->value);
	for (int j = 0; j < f->noutputs; j++)
		if (!IsWithin(bounds + f->first_output + j, l != NULL && l->value == j))
			return false;
	return true;
}

/* The levels, quoted, that are within the bounds, or that are not; returns how many. */
static int
ListLevels(const CsPipeline *p, const CsFeature *f, const Bounds *bounds, bool within,
		   StringInfo list)
{
	const CsLevel *levels = CsFeatureLevels(p, f);
	int			n = 0;

	for (int l = 0; l < f->nlevels; l++)
	{
		if (levels[l].text == 0 || levels[l].is_other ||
			TakesLevel(p, f, bounds, l) != within)
			continue;
		appendStringInfo(list, "%s%s", n++ > 0 ? ", " : "",
						 quote_literal_cstr(CsPipelineAt(p, char, levels[l].text)));
	}
	return n;
}

/* Where levels go that are not listed: those that are rare, and those that training did not see. */
static bool
TakesOthers(const CsPipeline *p, const CsFeature *f, const Bounds *bounds)
{
	for (int l = 0; l < f->nlevels; l++)
		if (CsFeatureLevels(p, f)[l].is_other)
			return TakesLevel(p, f, bounds, l);
	return TakesLevel(p, f, bounds, -1);
}

/* Where rows without a level go. */
static bool
TakesNullLevel(const CsPipeline *p, const CsFeature *f, const Bounds *bounds)
{
	double		level = CsFeatureLevel(p, f, NULL, 0);

	if (f->encode == CS_ENCODE_ORDINAL)
		return TakesNull(f, bounds + f->first_output);
	return !isnan(level) && TakesLevel(p, f, bounds, (int) level);
}

/* A category: the levels. */
static void
PutCategory(StringInfo rule, const CsPipeline *p, const CsFeature *f, const Bounds *bounds,
			bool has_nulls)
{
	const char *name = NameOf(f);
	bool		others = TakesOthers(p, f, bounds);
	bool		or_null = has_nulls && TakesNullLevel(p, f, bounds);
	StringInfoData list;
	int			n;

	initStringInfo(&list);
	n = ListLevels(p, f, bounds, !others, &list);
	if (n == 0 && others == or_null)
		appendStringInfoString(rule, others ? "true" : "false");
	else if (n == 0)
		appendStringInfo(rule, or_null ? "%s is null" : "%s is not null", name);
	else
	{
		const char *format = n == 1 ? (others ? "%s <> %s" : "%s = %s") :
			(others ? "%s not in (%s)" : "%s in (%s)");

		if (or_null)
			appendStringInfoChar(rule, '(');
		appendStringInfo(rule, format, name, list.data);
		if (or_null)
			appendStringInfo(rule, " or %s is null)", name);
	}
	pfree(list.data);
}

/* Bounds that bound nothing, palloc'd. */
static Bounds *
FreeBounds(const CsPipeline *p)
{
	Bounds	   *bounds = palloc(sizeof(Bounds) * p->noutputs);

	for (int j = 0; j < p->noutputs; j++)
		bounds[j] = (Bounds) {-INFINITY, INFINITY};
	return bounds;
}

/* What the bounds say of a feature. */
static void
PutFeature(StringInfo rule, const CsRuleMaker *maker, int feature, const Bounds *bounds)
{
	const CsPipeline *p = maker->pipeline;
	const CsFeature *f = &p->feature[feature];
	bool		has_nulls = maker->has_nulls != NULL && maker->has_nulls[feature];

	if (f->kind == CS_CATEGORICAL)
		PutCategory(rule, p, f, bounds, has_nulls);
	else if (f->kind == CS_BOOLEAN)
		PutBoolean(rule, f, bounds + f->first_output, has_nulls);
	else
		PutNumber(rule, f, bounds + f->first_output, has_nulls);
}

/*
 * The condition of a node, as in "monetary > 512.5 and recency <= 31"; "true" for the root.
 * Palloc'd.
 */
char *
CsRuleOfNode(const CsRuleMaker *maker, int node)
{
	Bounds	   *bounds = FreeBounds(maker->pipeline);
	int		   *features = palloc(sizeof(int) * maker->pipeline->nfeatures);
	int			nfeatures = 0;
	StringInfoData rule;

	BoundColumns(maker, node, bounds, features, &nfeatures);
	initStringInfo(&rule);
	for (int i = 0; i < nfeatures; i++)
	{
		appendStringInfoString(&rule, i > 0 ? " and " : "");
		PutFeature(&rule, maker, features[i], bounds);
	}
	if (nfeatures == 0)
		appendStringInfoString(&rule, "true");
	pfree(bounds);
	pfree(features);
	return rule.data;
}

/*
 * The last question on the way to a node other than the root, palloc'd.  OUT *feature: the feature
 * that it asks about.
 */
char *
CsRuleOfStep(const CsRuleMaker *maker, int node, int *feature)
{
	const double *row = NodeRow(maker, maker->parents[node]);
	int			column = (int) row[0] - 1;
	Bounds	   *bounds = FreeBounds(maker->pipeline);
	StringInfoData rule;

	if ((int) row[2] - 1 == node)
		bounds[column].high = row[1];
	else
		bounds[column].low = row[1];
	*feature = FeatureOf(maker->pipeline, column);
	initStringInfo(&rule);
	PutFeature(&rule, maker, *feature, bounds);
	pfree(bounds);
	return rule.data;
}

/* The node to which a row in model space goes from a node that is not a leaf. */
int
CsRuleNext(const CsRuleMaker *maker, int node, const double *z)
{
	const double *row = NodeRow(maker, node);

	return (int) row[z[(int) row[0] - 1] <= row[1] ? 2 : 3] - 1;
}

/* The least distance of a customer's number from the bounds; NaN of what has no distance. */
static double
MarginOf(const CsFeature *f, const Bounds *bounds, const double *z)
{
	double		value = z[f->first_output];

	if (f->kind == CS_CATEGORICAL || f->kind == CS_BOOLEAN)
		return NAN;
	bounds += f->first_output;
	return Min(value - bounds->low, bounds->high - value);
}

/*
 * What the questions on the way to the leaf amount to, feature by feature.  See
 * CsAlgorithm.borders.
 */
List *
CsTreeBorders(const CsFitted *model, const CsPipeline *p, const void *options, const double *z)
{
	CsRuleMaker maker;
	Bounds	   *bounds = FreeBounds(p);
	int		   *features = palloc(sizeof(int) * p->nfeatures);
	int			nfeatures = 0;
	int			leaf = 0;
	List	   *result = NIL;

	CsRuleMakerInit(&maker, p, &model->parameters[TREE_NODES], NULL);
	while (!CsRuleIsLeaf(&maker, leaf))
		leaf = CsRuleNext(&maker, leaf, z);
	BoundColumns(&maker, leaf, bounds, features, &nfeatures);
	for (int i = 0; i < nfeatures; i++)
	{
		CsBorder   *border = palloc0(sizeof(CsBorder));
		StringInfoData condition;

		initStringInfo(&condition);
		PutFeature(&condition, &maker, features[i], bounds);
		border->feature = features[i];
		border->name = pstrdup(NameStr(p->feature[features[i]].name));
		border->condition = condition.data;
		border->holds = true;
		border->margin = MarginOf(&p->feature[features[i]], bounds, z);
		result = lappend(result, border);
	}
	pfree(bounds);
	return result;
}
