/*
 * vocabulary.c
 *	  Words for the columns of a shop.
 *
 * Columns whose names are known from one shop to the next (recency, frequency, monetary, ...), and
 * those that customer_features() makes, have words of their own; all others go by their names.
 */
#include "custseg.h"

#include "profile/words.h"

/* The largest recency that may count weeks or months. */
#define SMALL_RECENCY 60

#define OF_PURCHASES(when, label) \
	.percent = true, \
	.more = "makes {x} of purchases " when, \
	.less = "makes {x} of purchases " when, \
	.high = label " buyers", \
	.low = "few " label " purchases", \
	.highest = "most " label " purchases", \
	.lowest = "fewest " label " purchases"

static const CsVocabulary vocabularies[] = {
	{
		.names = "|recency|recency days|days since last|days since last order|days since last purchase|",
		.absolute = true,
		.whole = true,
		.more = "has not bought for {x} days",
		.less = "last bought {x} days ago",
		.own = "has not bought for {x} days",
		.own_one = "has not bought for 1 day",
		.high = "lapsed",
		.low = "recent",
		.highest = "longest lapsed",
		.lowest = "most recent"
	},
	{
		.names = "|frequency|orders|n orders|number of orders|order count|num orders|invoices|",
		.counted = true,
		.times = "buys {x} times as often as the average",
		.more = "places {x} more orders than the average",
		.percent_less = "buys {x} less often than the average",
		.less = "places {x} fewer orders than the average",
		.none = "has never ordered",
		.own = "has placed {x} orders",
		.own_one = "has placed 1 order",
		.high = "frequent",
		.low = "occasional",
		.highest = "most frequent",
		.lowest = "least frequent"
	},
	{
		.names = "|monetary|monetary value|revenue|total revenue|spend|total spend|total spent|spending|",
		.more = "spends {x} more than the average",
		.less = "spends {x} less than the average",
		.none = "has spent nothing",
		.own = "has spent {x}",
		.high = "high spend",
		.low = "low spend",
		.highest = "highest spend",
		.lowest = "lowest spend"
	},
	{
		.names = "|average order value|average order|avg order value|aov|average basket|average basket value|",
		.more = "spends {x} more per order than the average",
		.less = "spends {x} less per order than the average",
		.own = "spends {x} per order",
		.high = "large orders",
		.low = "small orders",
		.highest = "largest orders",
		.lowest = "smallest orders"
	},
	{
		.names = "|largest order|",
		.times = "has a largest order of {x} times the average",
		.more = "has a largest order that is {x} above the average",
		.percent_less = "has a largest order that is {x} below the average",
		.less = "has a largest order that is {x} below the average",
		.own = "has a largest order of {x}",
		.high = "large single orders",
		.low = "no large orders",
		.highest = "largest single orders",
		.lowest = "smallest single orders"
	},
	{
		.names = "|age|",
		.whole = true,
		.more = "is {x} years older than the average",
		.less = "is {x} years younger than the average",
		.own = "is {x} years old",
		.own_one = "is 1 year old",
		.high = "older",
		.low = "younger",
		.highest = "oldest",
		.lowest = "youngest"
	},
	{
		.names = "|tenure|tenure days|tenure months|",
		.times = "has been a customer {x} times as long as the average",
		.more = "has been a customer for longer than the average",
		.percent_less = "has been a customer for {x} less time than the average",
		.less = "has been a customer for less time than the average",
		.high = "long-standing",
		.low = "new",
		.highest = "longest-standing",
		.lowest = "newest"
	},
	{
		.names = "|first purchase|first order|",
		.is_time = true,
		.whole = true,
		.more = "bought for the first time {x} days later than the average",
		.less = "bought for the first time {x} days earlier than the average",
		.high = "new",
		.low = "long-standing",
		.highest = "newest",
		.lowest = "longest-standing"
	},
	{
		.names = "|last purchase|last order|",
		.is_time = true,
		.whole = true,
		.more = "bought for the last time {x} days later than the average",
		.less = "bought for the last time {x} days earlier than the average",
		.high = "recent",
		.low = "lapsed",
		.highest = "most recent",
		.lowest = "longest lapsed"
	},
	{
		.names = "|days between mean|days between orders|",
		.absolute = true,
		.whole = true,
		.more = "orders every {x} days",
		.less = "orders every {x} days",
		.own = "orders every {x} days",
		.own_one = "orders every day",
		.high = "long gaps between orders",
		.low = "short gaps between orders",
		.highest = "longest gaps between orders",
		.lowest = "shortest gaps between orders"
	},
	{
		.names = "|days between variation|",
		.measure = "variation ",
		.more = "orders at less regular intervals than the average",
		.less = "orders at more regular intervals than the average",
		.none = "orders at perfectly regular intervals",
		.high = "irregular",
		.low = "regular",
		.highest = "least regular",
		.lowest = "most regular"
	},
	{
		.names = "|lines per order|",
		.times = "has {x} times as many lines in an order as the average",
		.more = "has {x} more lines in an order than the average",
		.percent_less = "has {x} fewer lines in an order than the average",
		.less = "has {x} fewer lines in an order than the average",
		.own = "has {x} lines in an order",
		.own_one = "has 1 line in an order",
		.high = "long orders",
		.low = "short orders",
		.highest = "longest orders",
		.lowest = "shortest orders"
	},
	{
		.names = "|quantity per order|",
		.times = "buys {x} times as many items in an order as the average",
		.more = "buys {x} more items in an order than the average",
		.percent_less = "buys {x} fewer items in an order than the average",
		.less = "buys {x} fewer items in an order than the average",
		.own = "buys {x} items in an order",
		.own_one = "buys 1 item in an order",
		.high = "full baskets",
		.low = "small baskets",
		.highest = "fullest baskets",
		.lowest = "smallest baskets"
	},
	{
		.names = "|n products|",
		.counted = true,
		.times = "buys {x} times as many different products as the average",
		.more = "buys {x} more different products than the average",
		.percent_less = "buys {x} fewer different products than the average",
		.less = "buys {x} fewer different products than the average",
		.own = "has bought {x} different products",
		.own_one = "has bought 1 product",
		.high = "many products",
		.low = "few products",
		.highest = "most products",
		.lowest = "fewest products"
	},
	{
		.names = "|product entropy|",
		.measure = "entropy ",
		.more = "spreads purchases over more products than the average",
		.less = "concentrates purchases on fewer products than the average",
		.none = "buys a single product",
		.high = "varied products",
		.low = "few favourite products",
		.highest = "most varied products",
		.lowest = "least varied products"
	},
	{
		.names = "|category entropy|",
		.measure = "entropy ",
		.more = "spreads purchases over more categories than the average",
		.less = "concentrates purchases on fewer categories than the average",
		.none = "buys from a single category",
		.high = "varied categories",
		.low = "few favourite categories",
		.highest = "most varied categories",
		.lowest = "least varied categories"
	},
	{
		.names = "|favourite channel share|",
		.percent = true,
		.more = "buys {x} through the favourite channel",
		.less = "buys {x} through the favourite channel",
		.high = "one channel",
		.low = "several channels",
		.highest = "most loyal to one channel",
		.lowest = "least loyal to one channel"
	},
	{
		.names = "|return rate|",
		.percent = true,
		.more = "returns {x} of purchases",
		.less = "returns {x} of purchases",
		.none = "returns nothing",
		.high = "many returns",
		.low = "few returns",
		.highest = "most returns",
		.lowest = "fewest returns"
	},
	{
		.names = "|discount rate|",
		.percent = true,
		.more = "makes {x} of purchases at a discount",
		.less = "makes {x} of purchases at a discount",
		.none = "never buys at a discount",
		.high = "many discounts",
		.low = "few discounts",
		.highest = "most discounts",
		.lowest = "fewest discounts"
	},
	{
		.names = "|morning share|",
		OF_PURCHASES("in the morning", "morning"),
		.none = "never buys in the morning"
	},
	{
		.names = "|afternoon share|",
		OF_PURCHASES("in the afternoon", "afternoon"),
		.none = "never buys in the afternoon"
	},
	{
		.names = "|evening share|",
		OF_PURCHASES("in the evening", "evening"),
		.none = "never buys in the evening"
	},
	{
		.names = "|night share|",
		OF_PURCHASES("at night", "night"),
		.none = "never buys at night"
	},
	{
		.names = "|weekend share|",
		OF_PURCHASES("at the weekend", "weekend"),
		.none = "never buys at the weekend"
	},
	{
		.names = "|season share|",
		.percent = true,
		.more = "spends {x} in the strongest season",
		.less = "spends {x} in the strongest season",
		.high = "seasonal",
		.low = "all year round",
		.highest = "most seasonal",
		.lowest = "least seasonal"
	},
	{
		.names = "|spend trend|",
		.measure = "trend ",
		.more = "has a spending trend above the average",
		.less = "has a spending trend below the average",
		.high = "better trend",
		.low = "worse trend",
		.highest = "best trend",
		.lowest = "worst trend"
	}
};

/* A recency that may be of weeks or months. */
static const CsVocabulary ofRecency = {
	.more = "has not bought for longer than the average",
	.less = "bought more recently than the average",
	.high = "lapsed",
	.low = "recent",
	.highest = "longest lapsed",
	.lowest = "most recent"
};

static const CsVocabulary ofNumbers = {
	.times = "{name} {x} times the average",
	.more = "{name} {x} above the average",
	.percent_less = "{name} {x} below the average",
	.less = "{name} {x} below the average",
	.high = "high {name}",
	.low = "low {name}",
	.highest = "highest {name}",
	.lowest = "lowest {name}"
};

static const CsVocabulary ofCounts = {
	.times = "{x} times as many {name} as the average",
	.more = "{x} more {name} than the average",
	.percent_less = "{x} fewer {name} than the average",
	.less = "{x} fewer {name} than the average",
	.none = "no {name}",
	.high = "many {name}",
	.low = "few {name}",
	.highest = "most {name}",
	.lowest = "fewest {name}"
};

static const CsVocabulary ofShares = {
	.percent = true,
	.more = "{name} {x}",
	.less = "{name} {x}",
	.high = "high {name}",
	.low = "low {name}",
	.highest = "highest {name}",
	.lowest = "lowest {name}"
};

static const CsVocabulary ofIntervals = {
	.whole = true,
	.times = "{name} {x} times the average",
	.more = "{name} {x} days longer than the average",
	.percent_less = "{name} {x} shorter than the average",
	.less = "{name} {x} days shorter than the average",
	.high = "long {name}",
	.low = "short {name}",
	.highest = "longest {name}",
	.lowest = "shortest {name}"
};

static const CsVocabulary ofTimes = {
	.is_time = true,
	.whole = true,
	.more = "{name} {x} days later than the average",
	.less = "{name} {x} days earlier than the average",
	.high = "late {name}",
	.low = "early {name}",
	.highest = "latest {name}",
	.lowest = "earliest {name}"
};

static const CsVocabulary ofYears = {
	.is_year = true,
	.whole = true,
	.more = "{name} {x} years later than the average",
	.less = "{name} {x} years earlier than the average",
	.high = "late {name}",
	.low = "early {name}",
	.highest = "latest {name}",
	.lowest = "earliest {name}"
};

/* What says only that a column is a count. */
static const char *const countPrefixes[] = {
	"number of ", "num ", "no of ", "nb ", "n ", "count of "
};

/* The length of what a name begins with to say that the column is a count; 0: it does not. */
static Size
CountPrefix(const char *name)
{
	for (int i = 0; i < lengthof(countPrefixes); i++)
	{
		Size		length = strlen(countPrefixes[i]);

		if (strncmp(name, countPrefixes[i], length) == 0 && name[length] != '\0')
			return length;
	}
	return 0;
}

/* A name from CsWordsName() that says of a count, in whatever short form, that it is one: "number of visits". */
const char *
CsWordsCounted(const char *name)
{
	Size		prefix = CountPrefix(name);

	return prefix == 0 ? name : psprintf("number of %s", name + prefix);
}

/* Does a name say that the column is a share? */
static bool
NamesShare(const char *name)
{
	static const char *const endings[] = {" share", " rate", " ratio"};
	Size		length = strlen(name);

	for (int i = 0; i < lengthof(endings); i++)
	{
		Size		ending = strlen(endings[i]);

		if (length > ending && strcmp(name + length - ending, endings[i]) == 0)
			return true;
	}
	return strncmp(name, "share ", 6) == 0 && name[6] != '\0';
}

/* Are all values shares, from 0 to 1? */
static bool
IsShare(const CsNumberSummary *all)
{
	return all->minimum >= 0 && all->maximum <= 1;
}

/* The vocabulary of a name that is known, or NULL. */
static const CsVocabulary *
FindKnown(const char *name, CsKind kind, const CsNumberSummary *all)
{
	const char *key = psprintf("|%s|", name);

	for (int i = 0; i < lengthof(vocabularies); i++)
	{
		const CsVocabulary *v = &vocabularies[i];

		if (v->is_time == (kind == CS_TIME) && strstr(v->names, key) != NULL)
			return v->percent && !IsShare(all) ? NULL : v;
	}
	return NULL;
}

/*
 * The vocabulary of a column, by its name, as CsWordsName() gives it, its type and its values.  OUT
 * *name: what {name} in the phrases stands for.
 */
const CsVocabulary *
CsVocabularyOf(const CsConverter *converter, const CsNumberSummary *all, const char **name)
{
	const CsVocabulary *known;
	Size		prefix = CountPrefix(*name);

	if (converter->type == INTERVALOID)
		return &ofIntervals;
	known = FindKnown(*name, converter->kind, all);
	if (known != NULL)
		return strcmp(*name, "recency") == 0 && all->maximum <= SMALL_RECENCY ? &ofRecency : known;
	if (converter->kind == CS_TIME)
		return &ofTimes;
	if (strstr(*name, "year") != NULL && all->mean >= 1000 && all->mean < 10000)
		return &ofYears;
	if (NamesShare(*name) && IsShare(all))
	{
		if (strncmp(*name, "share ", 6) == 0 && strncmp(*name, "share of ", 9) != 0)
			*name = psprintf("share of %s", *name + 6);
		return &ofShares;
	}
	*name += prefix;
	return prefix > 0 && all->minimum >= 0 ? &ofCounts : &ofNumbers;
}
