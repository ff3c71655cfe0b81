/*
 * diagnostics.c
 *	  What only a training knows of a version: written as json, and checked where it comes from elsewhere.
 */
#include "custseg.h"

#include "call/call.h"
#include "life/diagnostics.h"
#include "life/life.h"
#include "utils/builtins.h"

/* A value of a point. */
typedef struct DiagnosticColumn
{
	const char *name;
	Oid			type;
	double		low,			/* of a number; both 0: any finite one */
				high;
} DiagnosticColumn;

#define MOST_COLUMNS 13

/* Most points that an import takes. */
#define MOST_POINTS 1000

typedef struct DiagnosticInfo
{
	const char *name;
	DiagnosticColumn columns[MOST_COLUMNS];	/* one without a name after the last, if there is room */
} DiagnosticInfo;

static const DiagnosticInfo diagnosticInfo[CS_NDIAGNOSTICS] = {
	[CS_DIAGNOSTIC_CHOOSE_K] = {"choose_k", {
			{"k", INT4OID}, {"inertia", FLOAT8OID}, {"silhouette", FLOAT8OID, -1, 1},
			{"calinski_harabasz", FLOAT8OID}, {"davies_bouldin", FLOAT8OID}, {"gap", FLOAT8OID},
			{"gap_se", FLOAT8OID}, {"bic", FLOAT8OID}, {"smallest_share", FLOAT8OID, 0, 1},
			{"largest_share", FLOAT8OID, 0, 1}, {"votes", INT4OID}, {"recommended", BOOLOID},
			{"reason", TEXTOID}
	}},
	[CS_DIAGNOSTIC_MERGES] = {"merges", {
			{"step", INT4OID}, {"cluster_a", INT4OID}, {"cluster_b", INT4OID}, {"height", FLOAT8OID},
			{"n", INT8OID}
	}},
	[CS_DIAGNOSTIC_K_DISTANCE] = {"k_distance", {
			{"n", INT8OID}, {"share", FLOAT8OID, 0, 1}, {"distance", FLOAT8OID}, {"knee", BOOLOID}
	}},
	[CS_DIAGNOSTIC_SCREE] = {"scree", {
			{"component", TEXTOID}, {"eigenvalue", FLOAT8OID}, {"variance_share", FLOAT8OID, 0, 1},
			{"cumulative_share", FLOAT8OID, 0, 1}
	}}
};

/* How many columns a curve's points have. */
static int
CountColumns(const DiagnosticInfo *info)
{
	int			n = 0;

	while (n < MOST_COLUMNS && info->columns[n].name != NULL)
		n++;
	return n;
}

/*
 * Begin a curve of so many points, a member of the open object, which CsJsonEnd() ends.  Without any, writes
 * null instead, and returns false.
 */
bool
CsDiagnosticOpen(JsonbParseState **json, CsDiagnostic diagnostic, int npoints)
{
	if (npoints == 0)
		CsJsonNull(json, diagnosticInfo[diagnostic].name);
	else
		CsJsonArray(json, diagnosticInfo[diagnostic].name);
	return npoints > 0;
}

/* Write a value of a point. */
static void
PutValue(JsonbParseState **json, const DiagnosticColumn *column, const CsValue *value)
{
	if (value->type != column->type)
		elog(ERROR, "column \"%s\" of a curve has type %u, not %u", column->name, column->type, value->type);
	if (value->isnull)
		CsJsonNull(json, column->name);
	else if (value->type == BOOLOID)
		CsJsonBool(json, column->name, DatumGetBool(value->datum));
	else if (value->type == INT4OID)
		CsJsonInteger(json, column->name, DatumGetInt32(value->datum));
	else if (value->type == INT8OID)
		CsJsonInteger(json, column->name, DatumGetInt64(value->datum));
	else if (value->type == FLOAT8OID)
		CsJsonNumber(json, column->name, DatumGetFloat8(value->datum));
	else
		CsJsonText(json, column->name, TextDatumGetCString(value->datum));
}

/* Write a point of the open curve: its values are those of the curve's columns, in their order. */
void
CsDiagnosticPut(JsonbParseState **json, CsDiagnostic diagnostic, const CsValue *point, int n)
{
	const DiagnosticInfo *info = &diagnosticInfo[diagnostic];

	if (n != CountColumns(info))
		elog(ERROR, "a point of diagnostic \"%s\" has %d values", info->name, n);
	CsJsonObject(json, NULL);
	for (int i = 0; i < n; i++)
		PutValue(json, &info->columns[i], &point[i]);
	(void) CsJsonEnd(json);
}

/* Error unless a value is one of its column, or null. */
static void
CheckValue(const CsJsonReader *point, const DiagnosticColumn *column)
{
	JsonbValue	value;

	if (!CsJsonReadMember(point, column->name, &value))
		return;
	if (column->type == BOOLOID)
		(void) CsJsonReadBool(point, column->name);
	else if (column->type == TEXTOID)
		(void) CsJsonReadText(point, column->name);
	else if (column->type == FLOAT8OID && column->low < column->high)
		CsJsonCheckRange(point, column->name, column->low, column->high);
	else if (column->type == FLOAT8OID)
		(void) CsJsonReadNumber(point, column->name);
	else
		(void) CsJsonReadInteger(point, column->name, 0, column->type == INT4OID ? PG_INT32_MAX : CS_MOST_ROWS);
}

/* Error unless a curve is null, or an array of its points. */
static void
CheckDiagnostic(const CsJsonReader *diagnostics, const DiagnosticInfo *info)
{
	int			n = CountColumns(info);
	const char *names[MOST_COLUMNS];
	JsonbValue	value;
	CsJsonEach	each;

	if (!CsJsonReadMember(diagnostics, info->name, &value))
		return;
	for (int i = 0; i < n; i++)
		names[i] = info->columns[i].name;
	each = CsJsonEachOf(CsJsonReadArray(diagnostics, info->name, 0, MOST_POINTS));
	while (CsJsonNext(&each))
	{
		CsJsonReader point = CsJsonReadElement(diagnostics, info->name, &each, "point");

		CsJsonCheckKeys(&point, names, n);
		for (int i = 0; i < n; i++)
			CheckValue(&point, &info->columns[i]);
	}
}

/* Error unless what came of a training has curves that are such, or none. */
void
CsDiagnosticsCheck(const CsJsonReader *training)
{
	CsJsonReader diagnostics;
	const char *names[CS_NDIAGNOSTICS];
	JsonbValue	value;

	if (!CsJsonReadMember(training, "diagnostics", &value))
		return;
	diagnostics = CsJsonReadObject(training, "diagnostics", "the diagnostics");
	for (int i = 0; i < CS_NDIAGNOSTICS; i++)
		names[i] = diagnosticInfo[i].name;
	CsJsonCheckKeys(&diagnostics, names, CS_NDIAGNOSTICS);
	for (int i = 0; i < CS_NDIAGNOSTICS; i++)
		CheckDiagnostic(&diagnostics, &diagnosticInfo[i]);
}
