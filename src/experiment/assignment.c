/*
 * assignment.c
 *	  Which variant a customer has: by bucket, or by place in a block.
 *
 * Who takes part and which variant they have are told by two salts, and so are independent.  By bucket,
 * both follow from the customer's id alone.  Blocked, the customers of a segment who are enrolled together
 * are a block: in the order of their digests, the first ones are the control, and so on, so that the
 * variants have their shares of each segment to less than one customer.
 */
#include "custseg.h"

#include "experiment/experiment.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(custseg_block_variant);

/* Begin to assign customers of an experiment, which must outlive it, palloc'd; to be ended by CsAssigningEnd(). */
CsAssigning *
CsAssigningBegin(const CsExperiment *e)
{
	CsAssigning *a = palloc0(sizeof(CsAssigning));

	a->e = e;
	if (CsExperimentBuckets(e->traffic) < CS_BUCKETS)
		a->exposure = CsDigesterBegin(psprintf("%s:exposure", e->layer == NULL ? e->salt : e->layer));
	a->variant = CsDigesterBegin(psprintf("%s:variant", e->salt));
	for (int i = 0; i <= e->nvariants; i++)
		a->first[i] = CsVariantBucket(e, i);
	return a;
}

/* Free an assignment that CsAssigningBegin() has made. */
void
CsAssigningEnd(CsAssigning *a)
{
	if (a->exposure != NULL)
		CsDigesterEnd(a->exposure);
	CsDigesterEnd(a->variant);
	pfree(a);
}

/* Does a customer take part, by traffic and layer? */
bool
CsAssigningTakesPart(CsAssigning *a, char *customer)
{
	uint8		digest[CS_DIGEST_LENGTH];
	int			bucket;

	if (a->exposure == NULL)
		return true;
	CsDigest(a->exposure, customer, (int) strlen(customer), digest);
	bucket = CsBucketOf(digest) - a->e->first_bucket;
	return bucket >= 0 && bucket < CsExperimentBuckets(a->e->traffic);
}

/* By what customers of a block are ordered. */
void
CsAssigningDigest(CsAssigning *a, char *customer, uint8 *digest)
{
	CsDigest(a->variant, customer, (int) strlen(customer), digest);
}

/* The number of the variant, from 1, that a customer has by bucket. */
int
CsAssigningVariant(CsAssigning *a, char *customer)
{
	uint8		digest[CS_DIGEST_LENGTH];
	int			bucket,
				number = 1;

	CsAssigningDigest(a, customer, digest);
	bucket = CsBucketOf(digest);
	while (bucket >= a->first[number])
		number++;
	return number;
}

/* A block: how many of its customers, in their order, each variant and those before it have. */
typedef struct CustomerBlock
{
	int			segment;
	int64		n;
	int			nvariants;
	int64		weights[CS_MAX_VARIANTS];
	int64		upto[CS_MAX_VARIANTS];
	text	   *salt;
} CustomerBlock;

/* The variant that comes first where customers are left over from even shares. */
static int
FirstOfRest(const CustomerBlock *b)
{
	CsDigester *d = CsDigesterBegin(psprintf("%s:variant:segment", text_to_cstring(b->salt)));
	char	   *number = psprintf("%d", b->segment);
	uint8		digest[CS_DIGEST_LENGTH];
	uint64		first;

	CsDigest(d, number, (int) strlen(number), digest);
	CsDigesterEnd(d);
	memcpy(&first, digest, sizeof(first));
	return (int) (pg_ntoh64(first) % b->nvariants);
}

/*
 * Share out a block.  Customers who are left over go to the variants with the largest remainders, one each;
 * of equal remainders, to the next one in turn from one that the segment tells.
 */
static void
ShareBlock(CustomerBlock *b)
{
	int64		rest[CS_MAX_VARIANTS];
	int64		all = 0,
				left = b->n;
	int			start = FirstOfRest(b);

	for (int v = 0; v < b->nvariants; v++)
		all += b->weights[v];
	for (int v = 0; v < b->nvariants; v++)
	{
		b->upto[v] = b->n * b->weights[v] / all;
		rest[v] = b->n * b->weights[v] % all;
		left -= b->upto[v];
	}
	for (; left > 0; left--)
	{
		int			best = start;

		for (int i = 1; i < b->nvariants; i++)
		{
			int			v = (start + i) % b->nvariants;

			if (rest[v] > rest[best])
				best = v;
		}
		b->upto[best]++;
		rest[best] = -1;
	}
	for (int v = 1; v < b->nvariants; v++)
		b->upto[v] += b->upto[v - 1];
}

/* The arguments of block_variant(). */
enum
{
	ARG_SALT, ARG_SEGMENT, ARG_PLACE, ARG_N, ARG_WEIGHTS
};

/* Is that the block that the arguments describe? */
static bool
IsBlock(const CustomerBlock *b, text *salt, int segment, int64 n, ArrayType *weights)
{
	return b->n == n && b->segment == segment &&
		ArrayGetNItems(ARR_NDIM(weights), ARR_DIMS(weights)) == b->nvariants && !ARR_HASNULL(weights) &&
		memcmp(ARR_DATA_PTR(weights), b->weights, sizeof(int64) * b->nvariants) == 0 &&
		VARSIZE_ANY_EXHDR(salt) == VARSIZE_ANY_EXHDR(b->salt) &&
		memcmp(VARDATA_ANY(salt), VARDATA_ANY(b->salt), VARSIZE_ANY_EXHDR(salt)) == 0;
}

#define BLOCK_HINT "custseg.enroll() calls this function."

/* The block that the arguments describe, shared out, palloc'd. */
static CustomerBlock *
MakeBlock(text *salt, int segment, int64 n, ArrayType *weights)
{
	CustomerBlock *b = palloc0(sizeof(CustomerBlock));

	b->segment = segment;
	b->n = n;
	b->nvariants = ArrayGetNItems(ARR_NDIM(weights), ARR_DIMS(weights));
	b->salt = (text *) PG_DETOAST_DATUM_COPY(PointerGetDatum(salt));
	if (ARR_HASNULL(weights) || b->nvariants < 1 || b->nvariants > CS_MAX_VARIANTS || n < 1 || n > CS_MAX_BLOCK)
		CsRejectValue(psprintf("there is no block of %lld customers and %d variants", (long long) n, b->nvariants), BLOCK_HINT);
	memcpy(b->weights, ARR_DATA_PTR(weights), sizeof(int64) * b->nvariants);
	for (int v = 0; v < b->nvariants; v++)
	{
		if (b->weights[v] < 1 || b->weights[v] > CS_MAX_WEIGHT)
			CsRejectValue(psprintf("%lld is no weight of a variant", (long long) b->weights[v]), BLOCK_HINT);
	}
	ShareBlock(b);
	return b;
}

/*
 * block_variant(salt, segment, place, n, weights): the number of the variant, from 1, of the customer who is
 * in that place, from 1, among the n of a block.
 */
Datum
custseg_block_variant(PG_FUNCTION_ARGS)
{
	CustomerBlock *b = fcinfo->flinfo->fn_extra;
	text	   *salt = PG_GETARG_TEXT_PP(ARG_SALT);
	ArrayType  *weights = PG_GETARG_ARRAYTYPE_P(ARG_WEIGHTS);
	int32		segment = PG_GETARG_INT32(ARG_SEGMENT);
	int64		n = PG_GETARG_INT64(ARG_N);
	int64		place = PG_GETARG_INT64(ARG_PLACE);
	int			v = 0;

	if (b == NULL || !IsBlock(b, salt, segment, n, weights))
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		b = fcinfo->flinfo->fn_extra = MakeBlock(salt, segment, n, weights);
		MemoryContextSwitchTo(old);
	}
	if (place < 1 || place > n)
		CsRejectValue(psprintf("%lld is no place in a block of %lld customers", (long long) place, (long long) n), BLOCK_HINT);
	while (place > b->upto[v])
		v++;
	PG_RETURN_INT32(v + 1);
}
