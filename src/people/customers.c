/*
 * customers.c
 *	  Customers as the functions of this room are told of them: by the id of the source that they read.
 */
#include "custseg.h"

#include "people/people.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

/* An error unless something says who a row of the pass is. */
void
CsPeopleRequireId(const CsPass *pass, const char *model)
{
	if (pass->identity == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("%s has no column that identifies a customer", pass->relation->description),
				 errdetail("Model \"%s\" was trained without an id, or with one that is missing here.", model),
				 errhint("Train with the id, as id => 'customer_id', or read a table with a primary key.")));
}

/*
 * The customer that an argument names, as values that CsIdentityCompare() compares, palloc'd, and as text.  False
 * when no customer of the source can have that id.  A value is read as the source is, for reading it may run what
 * the owner of its type wrote.
 */
bool
CsPeopleReadCustomer(FunctionCallInfo fcinfo, int argument, const CsRelation *relation, CsIdentity *identity,
					 Datum *customer, char **text)
{
	CsReading	reading = CsReadingBegin(relation);
	int			level;
	bool		result;

	*text = CsCustomerArgument(fcinfo, argument, identity);
	level = CsPlainSettings();
	result = CsIdentityRead(identity, *text, customer);
	AtEOXact_GUC(true, level);
	CsReadingEnd(&reading);
	return result;
}

/* The values of a row's id, as CsIdentityCompare() compares them; false when one is NULL: such a row is nobody. */
bool
CsPeopleTakeId(CsPass *pass, const Datum *values, const bool *nulls, Datum *id)
{
	bool		id_nulls[INDEX_MAX_KEYS];

	for (int i = 0; i < pass->identity->nparts; i++)
	{
		id[i] = values[pass->key[i]];
		id_nulls[i] = nulls[pass->key[i]];
	}
	return CsIdentityPrepare(pass->identity, id, id_nulls);
}

/* Copy the values of an id to "copy", which is returned; what they point to is palloc'd. */
Datum *
CsPeopleCopyId(const CsIdentity *identity, const Datum *id, Datum *copy)
{
	for (int i = 0; i < identity->nparts; i++)
	{
		const CsIdPart *part = &identity->parts[i];
		int16		length = -2;	/* a C string stands for what is compared as text */
		bool		by_value = false;

		if (!part->by_text)
			get_typlenbyval(part->type, &length, &by_value);
		copy[i] = datumCopy(id[i], by_value, length);
	}
	return copy;
}
