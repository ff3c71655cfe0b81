/*
 * audit.c
 *	  What would leave no trace by itself, kept for the view custseg.audit: who revoked, dropped, forgot, published.
 */
#include "custseg.h"

#include "catalog/tables.h"

static const char *const audit_sql =
"INSERT INTO custseg.audit_event (at, made_by, action, model, version, subject, n) "
"VALUES (pg_catalog.clock_timestamp(), $1, $2, $3, $4, $5, $6)";

/*
 * Keep what the caller has done.  Model, version (0) and subject may be missing; n is what was touched, below 0 where
 * nothing is counted.  Nothing in it names a customer.  Inside SPI.
 */
void
CsAuditAdd(const char *action, const char *model, int version, const char *subject, int64 n)
{
	CsValue		number = CsValueInt4(version);
	CsValue		touched = CsValueInt8(n);

	number.isnull = version == 0;
	touched.isnull = n < 0;
	CsCatalogExecute(audit_sql, CsValues(CsValueName(CsCallerName()), CsValueText(action), CsValueText(model), number,
										 CsValueText(subject), touched), false);
}
