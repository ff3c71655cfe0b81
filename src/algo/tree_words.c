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
 * A condition is SQL: the rows that it holds for are those that the tree sends to the node.  For people
 * the same is told without SQL, by borders that are rounded between the values that they part.
 *
 * A rule is a node below which all leaves are of one segment, the highest there is on the way: so
 * leaves that the tree tells apart without need are one rule.
 */
#include "custseg.h"

#include <math.h>

#include "algo/tree.h"
#include "algo/tree_words.h"
#include "call/call.h"
#include "common/shortest_dec.h"
#include "data/relation.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

/* Values of a column of model space that a node's rows have: low < value <= high; for people: rounded. */
typedef struct Bounds
{
	double		low,
				high;
	double		low_shown,
				high_shown;
} Bounds;

static const double *
NodeRow(const CsRuleMaker *maker, int node)
{
	return maker->nodes->values + (Size) node * TREE_NODE_NUMBERS;
}

/* Are all leaves below a node of one segment?  Children follow their parents. */
static void
MarkUniform(CsRuleMaker *maker, const double *segments)
{
	maker->is_uniform = palloc(sizeof(bool) * maker->nodes->rows);
	for (int i = maker->nodes->rows - 1; i >= 0; i--)
	{
		int			left = (int) NodeRow(maker, i)[2] - 1,
					right = (int) NodeRow(maker, i)[3] - 1;

		maker->is_uniform[i] = CsRuleIsLeaf(maker, i) ||
			(maker->is_uniform[left] && maker->is_uniform[right] && segments[left] == segments[right]);
	}
}

/*
 * Prepare to tell the ways to nodes of a tree by its parameters.  The maker keeps the pointers; its own
 * memory is palloc'd.
 */
void
CsRuleMakerInit(CsRuleMaker *maker, const CsPipeline *pipeline, const CsParameter *parameters,
				const bool *has_nulls)
{
	const CsParameter *nodes = &parameters[TREE_NODES];

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
	MarkUniform(maker, parameters[TREE_SEGMENTS].values);
}

/* Is a node, numbered from 0, a leaf? */
bool
CsRuleIsLeaf(const CsRuleMaker *maker, int node)
{
	return NodeRow(maker, node)[0] == 0;
}

/* Is a node a rule? */
bool
CsRuleIsRule(const CsRuleMaker *maker, int node)
{
	return maker->is_uniform[node] && (node == 0 || !maker->is_uniform[maker->parents[node]]);
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

/* Narrow the bounds of a column by the question of a node, as a child's rows answer it. */
static void
BoundColumn(const double *question, int child, Bounds *bounds)
{
	if ((int) question[2] - 1 == child && question[1] < bounds->high)
	{
		bounds->high = question[1];
		bounds->high_shown = question[4];
	}
	else if ((int) question[2] - 1 != child && question[1] > bounds->low)
	{
		bounds->low = question[1];
		bounds->low_shown = question[4];
	}
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
	BoundColumn(row, node, &bounds[column]);
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

/* Is the feature's type that one, whatever its length or precision? */
static bool
HasType(const CsFeature *f, const char *type)
{
	size_t		length = strlen(type);

	return strncmp(NameStr(f->type), type, length) == 0 && strchr(" (", NameStr(f->type)[length]) != NULL;
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

/*
 * Must the values be cast to text, so that SQL compares them as levels are compared?  citext and its like are
 * equal where their bytes differ, and a domain over an enum, whose type looks like the enum, has no operator
 * that takes a literal.
 */
static bool
ComparesAsText(const CsFeature *f)
{
	return f->kind == CS_CATEGORICAL && !f->is_coded && !HasType(f, "text") && !HasType(f, "character") &&
		!HasType(f, "bpchar") && !HasType(f, "name") && !HasType(f, "\"char\"");
}

/*
 * The feature's name as SQL.  Money compares with numbers only as numeric; texts of some collations are equal
 * where their bytes differ, as levels do.
 */
static char *
NameOf(const CsFeature *f)
{
	return psprintf("%s%s%s", quote_identifier(NameStr(f->name)),
					HasType(f, "money") && f->kind == CS_NUMERIC ? "::numeric" :
					ComparesAsText(f) ? "::text" : "",
					strstr(NameStr(f->type), " COLLATE ") == NULL ? "" : " COLLATE \"C\"");
}

/* A border for people: short, a date or time as it is, or days. */
static char *
BorderWords(const CsFeature *f, double border, double shown)
{
	char		digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (f->kind == CS_TIME && !CsIsInterval(f))
		return CsTimeWords(HasType(f, "date") ? floor(border) : border);
	double_to_shortest_decimal_buf(shown, digits);
	return f->kind == CS_TIME ? psprintf("%s days", digits) : pstrdup(digits);
}

/* A number, date or time between its bounds, for people. */
static void
TellNumber(StringInfo words, const CsFeature *f, const Bounds *bounds, bool has_nulls)
{
	const char *low = BorderWords(f, bounds->low, bounds->low_shown),
			   *high = BorderWords(f, bounds->high, bounds->high_shown);

	appendStringInfoString(words, CsWordsName(NameStr(f->name)));
	if (isinf(bounds->low))
		appendStringInfo(words, " up to %s", high);
	else if (isinf(bounds->high))
		appendStringInfo(words, f->kind == CS_TIME && !CsIsInterval(f) ? " after %s" : " above %s", low);
	else
		appendStringInfo(words, " from %s to %s", low, high);
	if (has_nulls && TakesNull(f, bounds))
		appendStringInfoString(words, " or unknown");
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

/* A boolean, for people. */
static void
TellBoolean(StringInfo words, const CsFeature *f, const Bounds *bounds, bool has_nulls)
{
	bool		takes_true = IsWithin(bounds, 1);
	bool		takes_false = IsWithin(bounds, 0);
	bool		takes_null = has_nulls && TakesNull(f, bounds);

	appendStringInfo(words, "%s is %s%s", CsWordsName(NameStr(f->name)),
					 takes_true == takes_false ? (takes_true ? "known" : "unknown") :
					 takes_true ? "true" : "false",
					 takes_true != takes_false && takes_null ? " or unknown" : "");
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

/* The texts of the levels that are within the bounds, or that are not. */
static List *
ListLevels(const CsPipeline *p, const CsFeature *f, const Bounds *bounds, bool within)
{
	const CsLevel *levels = CsFeatureLevels(p, f);
	List	   *list = NIL;

	for (int l = 0; l < f->nlevels; l++)
		if (levels[l].text != 0 && !levels[l].is_other && TakesLevel(p, f, bounds, l) == within)
			list = lappend(list, pstrdup(CsPipelineAt(p, char, levels[l].text)));
	return list;
}

/* Levels as SQL lists them; palloc'd. */
static char *
QuoteLevels(const List *levels)
{
	StringInfoData list;
	ListCell   *cell;

	initStringInfo(&list);
	foreach(cell, levels)
		appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "", quote_literal_cstr(lfirst(cell)));
	return list.data;
}

/* Levels as people list them: "web, shop or phone"; palloc'd. */
static char *
TellLevels(const List *levels, const char *last)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < list_length(levels); i++)
		appendStringInfo(&list, "%s%s", i == 0 ? "" : i < list_length(levels) - 1 ? ", " : last,
						 CsWordsText(list_nth(levels, i)));
	return list.data;
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
	List	   *levels = ListLevels(p, f, bounds, !others);
	int			n = list_length(levels);

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
		appendStringInfo(rule, format, name, QuoteLevels(levels));
		if (or_null)
			appendStringInfo(rule, " or %s is null)", name);
	}
}

/* A category, for people. */
static void
TellCategory(StringInfo words, const CsPipeline *p, const CsFeature *f, const Bounds *bounds,
			 bool has_nulls)
{
	bool		others = TakesOthers(p, f, bounds);
	bool		or_null = has_nulls && TakesNullLevel(p, f, bounds);
	List	   *levels = ListLevels(p, f, bounds, !others);

	appendStringInfo(words, "%s is ", CsWordsName(NameStr(f->name)));
	if (levels == NIL)
		appendStringInfoString(words, others == or_null ? (others ? "anything" : "nothing that is known") :
							   or_null ? "unknown" : "known");
	else if (others && list_length(levels) > 1)
		appendStringInfo(words, "neither %s", TellLevels(levels, " nor "));
	else
		appendStringInfo(words, "%s%s", others ? "not " : "", TellLevels(levels, " or "));
	if (levels != NIL && or_null)
		appendStringInfoString(words, " or unknown");
}

/* Bounds that bound nothing, palloc'd. */
static Bounds *
FreeBounds(const CsPipeline *p)
{
	Bounds	   *bounds = palloc(sizeof(Bounds) * p->noutputs);

	for (int j = 0; j < p->noutputs; j++)
		bounds[j] = (Bounds) {.low = -INFINITY,.high = INFINITY};
	return bounds;
}

/* What the bounds say of a feature, as SQL or for people. */
static void
PutFeature(StringInfo rule, const CsRuleMaker *maker, int feature, const Bounds *bounds, bool for_people)
{
	const CsPipeline *p = maker->pipeline;
	const CsFeature *f = &p->feature[feature];
	bool		has_nulls = maker->has_nulls != NULL && maker->has_nulls[feature];

	if (f->kind == CS_CATEGORICAL)
		(for_people ? TellCategory : PutCategory) (rule, p, f, bounds, has_nulls);
	else if (f->kind == CS_BOOLEAN)
		(for_people ? TellBoolean : PutBoolean) (rule, f, bounds + f->first_output, has_nulls);
	else
		(for_people ? TellNumber : PutNumber) (rule, f, bounds + f->first_output, has_nulls);
}

/* What the bounds say of a feature, palloc'd. */
static char *
FeatureText(const CsRuleMaker *maker, int feature, const Bounds *bounds, bool for_people)
{
	StringInfoData text;

	initStringInfo(&text);
	PutFeature(&text, maker, feature, bounds, for_people);
	return text.data;
}

/*
 * The condition of a node, as in "monetary > 512.5 and recency <= 31", and "true" for the root; for people
 * "monetary above 512 and recency up to 31", and "everyone".  Palloc'd.
 */
char *
CsRuleOfNode(const CsRuleMaker *maker, int node, bool for_people)
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
		PutFeature(&rule, maker, features[i], bounds, for_people);
	}
	if (nfeatures == 0)
		appendStringInfoString(&rule, for_people ? "everyone" : "true");
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
	char	   *rule;

	BoundColumn(row, node, &bounds[column]);
	*feature = FeatureOf(maker->pipeline, column);
	rule = FeatureText(maker, *feature, bounds, false);
	pfree(bounds);
	return rule;
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
 * What the questions on the way to the customer's rule amount to, feature by feature.  See
 * CsAlgorithm.borders.
 */
List *
CsTreeBorders(const CsFitted *model, const CsPipeline *p, const void *options, const double *z)
{
	CsRuleMaker maker;
	Bounds	   *bounds = FreeBounds(p);
	int		   *features = palloc(sizeof(int) * p->nfeatures);
	int			nfeatures = 0;
	int			node = 0;
	List	   *result = NIL;

	CsRuleMakerInit(&maker, p, model->parameters, NULL);
	while (!CsRuleIsRule(&maker, node))
		node = CsRuleNext(&maker, node, z);
	BoundColumns(&maker, node, bounds, features, &nfeatures);
	for (int i = 0; i < nfeatures; i++)
	{
		CsBorder   *border = palloc0(sizeof(CsBorder));

		border->feature = features[i];
		border->name = pstrdup(NameStr(p->feature[features[i]].name));
		border->condition = FeatureText(&maker, features[i], bounds, false);
		border->words = FeatureText(&maker, features[i], bounds, true);
		border->holds = true;
		border->margin = MarginOf(&p->feature[features[i]], bounds, z);
		result = lappend(result, border);
	}
	pfree(bounds);
	return result;
}
