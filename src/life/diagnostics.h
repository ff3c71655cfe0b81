/*
 * diagnostics.h
 *	  What only a training knows of a version, as custseg.model_version.diagnostics keeps it: an object with a
 *	  key for each curve, which holds its points as objects, or null where the training had none.
 *
 * A point has the columns of the SQL function that shows such a curve.
 */
#ifndef CUSTSEG_DIAGNOSTICS_H
#define CUSTSEG_DIAGNOSTICS_H

#include "call/call.h"

typedef enum CsDiagnostic
{
	CS_DIAGNOSTIC_CHOOSE_K,	/* choose_k(): numbers of segments that were tried */
	CS_DIAGNOSTIC_MERGES,		/* dendrogram(): the highest merges */
	CS_DIAGNOSTIC_K_DISTANCE,	/* k_distance(): points of the curve that eps was read from */
	CS_DIAGNOSTIC_SCREE,		/* pca(), without loadings: variances of the principal components */
	CS_NDIAGNOSTICS
} CsDiagnostic;

/* Most points that a training keeps of a curve, so that a page can show all of them. */
#define CS_DIAGNOSTIC_POINTS 200

extern bool CsDiagnosticOpen(JsonbParseState **json, CsDiagnostic diagnostic, int npoints);
extern void CsDiagnosticPut(JsonbParseState **json, CsDiagnostic diagnostic, const CsValue *point, int n);
extern void CsDiagnosticsCheck(const CsJsonReader *training);

#endif							/* CUSTSEG_DIAGNOSTICS_H */
