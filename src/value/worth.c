/*
 * worth.c
 *	  A version of a model of purchases: compiled, written and read as json.
 *
 * The json is "parameters" of model_version:
 *	 {"algorithm": as it was asked for, "as_of", "unit", "columns": {"customer", "time", "amount"}, "returns", "time_zone",
 *	  "purchases": {"model", its parameters by name}, "alive": likewise,
 *	  "spend": null or {"model": "constant", "mean"} or {"model": "gamma_gamma", "p", "q", "g"},
 *	  "interval": null or {"days", "bounds": [9 numbers], "ratios": [10 of 201 numbers or null]}}
 * It may come from an import, so nothing in it is trusted.
 */
#include "custseg.h"

#include <math.h>

#include "utils/datetime.h"
#include "value/worth.h"

/* Write a model with its parameters. */
static void
PushModel(JsonbParseState **json, const char *key, const CsPurchaseModel *model, const double *p)
{
	CsJsonObject(json, key);
	CsJsonText(json, "model", model->name);
	for (int i = 0; i < model->n_parameters; i++)
		CsJsonNumber(json, model->parameter[i], p[i]);
	(void) CsJsonEnd(json);
}

/* Write what customers spend. */
static void
PushSpend(JsonbParseState **json, const CsWorthModel *m)
{
	if (m->spend == CS_SPEND_NONE)
	{
		CsJsonNull(json, "spend");
		return;
	}
	CsJsonObject(json, "spend");
	CsJsonText(json, "model", m->spend == CS_SPEND_CONSTANT ? "constant" : "gamma_gamma");
	if (m->spend == CS_SPEND_CONSTANT)
		CsJsonNumber(json, "mean", m->spend_p[0]);
	else
		for (int i = 0; i < CS_SPEND_PARAMETERS; i++)
			CsJsonNumber(json, CsSpendParameters[i], m->spend_p[i]);
	(void) CsJsonEnd(json);
}

/* Write what intervals are made of; an infinite ratio becomes null. */
static void
PushInterval(JsonbParseState **json, const CsWorthVersion *v)
{
	if (v->interval_days == 0)
	{
		CsJsonNull(json, "interval");
		return;
	}
	CsJsonObject(json, "interval");
	CsJsonInteger(json, "days", v->interval_days);
	CsJsonNumbers(json, "bounds", v->ratios.bound, CS_DECILES - 1, 1);
	CsJsonArray(json, "ratios");
	for (int d = 0; d < CS_DECILES; d++)
		CsJsonNumbers(json, NULL, v->ratios.ratio[d], CS_RATIO_STEPS + 1, 1);
	(void) CsJsonEnd(json);
	(void) CsJsonEnd(json);
}

/* The parameters of a version, palloc'd. */
Jsonb *
CsWorthParameters(const CsWorthVersion *v)
{
	JsonbParseState *json = NULL;

	CsJsonObject(&json, NULL);
	CsJsonText(&json, "algorithm", CsWorthAlgorithms[v->algorithm]);
	CsJsonText(&json, "as_of", CsDayWords(v->as_of));
	CsJsonText(&json, "unit", CsPurchaseUnitNames[v->unit]);
	CsJsonObject(&json, "columns");
	CsJsonText(&json, "customer", NameStr(v->customer));
	CsJsonText(&json, "time", NameStr(v->time));
	CsJsonText(&json, "amount", NameStr(v->amount)[0] == '\0' ? NULL : NameStr(v->amount));
	(void) CsJsonEnd(&json);
	CsJsonText(&json, "returns", CsReturnsNames[v->returns]);
	CsJsonText(&json, "time_zone", v->zone);
	PushModel(&json, "purchases", v->model.purchases, v->model.p);
	PushModel(&json, "alive", v->model.alive, v->model.alive_p);
	PushSpend(&json, &v->model);
	PushInterval(&json, v);
	return CsJsonFinish(&json);
}

/* Read a number above 0. */
static double
ReadPositive(const CsJsonReader *r, const char *key)
{
	double		number = CsJsonReadNumber(r, key);

	if (!(number > 0))
		CsJsonReject(r, key, "must be above 0");
	return number;
}

/* Read a model with its parameters. */
static const CsPurchaseModel *
ReadModel(const CsJsonReader *parameters, const char *key, double *p)
{
	CsJsonReader r = CsJsonReadObject(parameters, key, key);
	char	   *name = CsJsonReadText(&r, "model");
	const CsPurchaseModel *model = CsPurchaseModelNamed(name);

	if (model == NULL)
		CsJsonReject(&r, "model", "is \"%s\", which is no model of purchases", name);
	for (int i = 0; i < model->n_parameters; i++)
		p[i] = ReadPositive(&r, model->parameter[i]);
	return model;
}

/* Read what customers spend. */
static void
ReadSpend(const CsJsonReader *parameters, CsWorthModel *m)
{
	CsJsonReader r;
	JsonbValue	value;
	char	   *name;

	if (!CsJsonReadMember(parameters, "spend", &value))
		return;
	r = CsJsonReadObject(parameters, "spend", "the spend");
	name = CsJsonReadText(&r, "model");
	if (strcmp(name, "constant") == 0)
	{
		m->spend = CS_SPEND_CONSTANT;
		m->spend_p[0] = ReadPositive(&r, "mean");
		return;
	}
	if (strcmp(name, "gamma_gamma") != 0)
		CsJsonReject(&r, "model", "is \"%s\", which is no model of spend", name);
	m->spend = CS_SPEND_GAMMA_GAMMA;
	for (int i = 0; i < CS_SPEND_PARAMETERS; i++)
		m->spend_p[i] = ReadPositive(&r, CsSpendParameters[i]);
}

/* Read ratios of a decile, which ascend; null is an infinite one. */
static void
ReadRatios(const CsJsonReader *r, const JsonbValue *value, double *ratios)
{
	JsonbContainer *array = CsJsonGetArray(value);
	CsJsonEach	each;

	if (array == NULL || JsonContainerSize(array) != CS_RATIO_STEPS + 1)
		CsJsonReject(r, "ratios", "must have arrays of %d numbers", CS_RATIO_STEPS + 1);
	each = CsJsonEachOf(array);
	while (CsJsonNext(&each))
	{
		double	   *ratio = &ratios[each.at];

		*ratio = INFINITY;
		if (each.value.type != jbvNull && !CsJsonGetNumber(&each.value, ratio))
			CsJsonReject(r, "ratios", "has an element that is no number");
		if (*ratio < (each.at > 0 ? ratio[-1] : 0))
			CsJsonReject(r, "ratios", "must ascend from 0");
	}
}

/* Read what intervals are made of. */
static void
ReadInterval(const CsJsonReader *parameters, CsWorthVersion *v)
{
	CsJsonReader r;
	JsonbValue	value;
	CsJsonEach	each;

	if (!CsJsonReadMember(parameters, "interval", &value))
		return;
	r = CsJsonReadObject(parameters, "interval", "the interval");
	v->interval_days = (int32) CsJsonReadInteger(&r, "days", 1, CS_MOST_HOLDOUT_DAYS);
	CsJsonReadNumbers(&r, "bounds", CS_DECILES - 1, v->ratios.bound, 1);
	for (int i = 1; i < CS_DECILES - 1; i++)
		if (v->ratios.bound[i] > v->ratios.bound[i - 1])
			CsJsonReject(&r, "bounds", "must descend");
	each = CsJsonEachOf(CsJsonReadArray(&r, "ratios", CS_DECILES, CS_DECILES));
	while (CsJsonNext(&each))
		ReadRatios(&r, &each.value, v->ratios.ratio[each.at]);
}

/* Read a text that is one of a list. */
static int
ReadChoice(const CsJsonReader *r, const char *key, const char *const *choices)
{
	char	   *text = CsJsonReadText(r, key);

	for (int i = 0; choices[i] != NULL; i++)
		if (strcmp(choices[i], text) == 0)
			return i;
	CsJsonReject(r, key, "is \"%s\", which is not known", text);
	return 0;					/* not reached */
}

/* Read the columns, and how lines are read. */
static void
ReadLines(const CsJsonReader *r, CsWorthVersion *v)
{
	CsJsonReader columns = CsJsonReadObject(r, "columns", "the columns");
	JsonbValue	value;
	char	   *zone = CsJsonReadText(r, "time_zone");

	CsJsonReadName(&columns, "customer", &v->customer);
	CsJsonReadName(&columns, "time", &v->time);
	if (CsJsonReadMember(&columns, "amount", &value))
		CsJsonReadName(&columns, "amount", &v->amount);
	v->returns = ReadChoice(r, "returns", CsReturnsNames);
	if (v->returns == CS_RETURNS_COUNT)
		CsJsonReject(r, "returns", "is \"count\", which is not known");
	if (strlen(zone) > TZ_STRLEN_MAX)
		CsJsonReject(r, "time_zone", "is too long");
	strcpy(v->zone, zone);
}

/* Read a day, as CsDayWords() writes it. */
static DateADT
ReadDay(const CsJsonReader *r, const char *key)
{
	char	   *text = CsJsonReadText(r, key);
	DateADT		date = 0;
	int			year,
				month,
				day;
	char		rest;

	if (sscanf(text, "%d-%d-%d%c", &year, &month, &day, &rest) != 3 || !IS_VALID_JULIAN(year, month, day) ||
		(date = date2j(year, month, day) - POSTGRES_EPOCH_JDATE, strcmp(CsDayWords(date), text) != 0))
		CsJsonReject(r, key, "must be a day such as 2026-01-31");
	return date;
}

/* Compile a definition (CsCompile). */
void *
CsWorthCompile(Jsonb *definition, const CsStoredParameters *parameters)
{
	CsJsonReader whole = CsJsonReaderOf(definition, CS_INVALID_DEFINITION, "the definition");
	CsJsonReader r = CsJsonReadBeside(&whole, "parameters", "the parameters", parameters == NULL ? NULL : parameters->json);
	CsWorthVersion *v = palloc0(sizeof(CsWorthVersion));

	SET_VARSIZE(v, sizeof(CsWorthVersion));
	v->algorithm = ReadChoice(&r, "algorithm", CsWorthAlgorithms);
	v->as_of = ReadDay(&r, "as_of");
	v->unit = ReadChoice(&r, "unit", CsPurchaseUnitNames);
	v->model.unit = CsPurchaseUnitDays((CsPurchaseUnit) v->unit);
	ReadLines(&r, v);
	v->model.purchases = ReadModel(&r, "purchases", v->model.p);
	v->model.alive = ReadModel(&r, "alive", v->model.alive_p);
	ReadSpend(&r, &v->model);
	if ((v->model.spend != CS_SPEND_NONE) != (NameStr(v->amount)[0] != '\0'))
		CsJsonReject(&r, "spend", "does not suit the columns");
	ReadInterval(&r, v);
	return v;
}

/* A version of a model of purchases from the cache; see CsCacheGetOfKind. */
const CsWorthVersion *
CsWorthGet(const char *model, int version)
{
	return CsCacheGetOfKind(CS_MODEL_BIT(CS_MODEL_PURCHASES), model, version);
}
