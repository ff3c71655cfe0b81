/*
 * bucket.c
 *	  experiment_bucket(): the same bucket for a customer in any session, on any server.
 *
 * PostgreSQL's own hashes are not for that: hashtext() depends on the byte order and, for texts, on the
 * version of the collation, and has changed between releases; md5() is an error where FIPS rules.
 */
#include "custseg.h"

#include "common/cryptohash.h"
#include "experiment/bucket.h"
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(custseg_experiment_bucket);

/* The arguments of experiment_bucket(). */
enum
{
	ARG_SALT, ARG_CUSTOMER
};

struct CsDigester
{
	pg_cryptohash_ctx *context;
	char	   *salt;			/* in UTF-8, with a colon behind it */
	int			length;
};

/* A text in UTF-8: itself, or palloc'd.  OUT its length. */
static char *
ToUtf8(char *text, int *length)
{
	char	   *utf8 = (char *) pg_do_encoding_conversion((unsigned char *) text, *length, GetDatabaseEncoding(), PG_UTF8);

	if (utf8 != text)
		*length = (int) strlen(utf8);
	return utf8;
}

/* What digests customers with a salt, palloc'd; to be ended by CsDigesterEnd(). */
CsDigester *
CsDigesterBegin(const char *salt)
{
	CsDigester *d = palloc(sizeof(CsDigester));
	char	   *text = psprintf("%s:", salt);

	d->length = (int) strlen(text);
	d->salt = ToUtf8(text, &d->length);
	d->context = pg_cryptohash_create(PG_SHA256);
	if (d->context == NULL)
		elog(ERROR, "could not compute SHA-256");
	return d;
}

void
CsDigesterEnd(CsDigester *d)
{
	pg_cryptohash_free(d->context);
	pfree(d);
}

/* SHA-256 of salt:customer. */
void
CsDigest(CsDigester *d, char *customer, int length, uint8 *digest)
{
	char	   *utf8 = ToUtf8(customer, &length);

	if (pg_cryptohash_init(d->context) < 0 ||
		pg_cryptohash_update(d->context, (const uint8 *) d->salt, d->length) < 0 ||
		pg_cryptohash_update(d->context, (const uint8 *) utf8, length) < 0 ||
		pg_cryptohash_final(d->context, digest, CS_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(d->context));
	if (utf8 != customer)
		pfree(utf8);
}

/* The bucket of a digest, from its first four bytes. */
int
CsBucketOf(const uint8 *digest)
{
	uint32		first;

	memcpy(&first, digest, sizeof(first));
	return (int) (((uint64) pg_ntoh32(first) * CS_BUCKETS) >> 32);
}

/* experiment_bucket(salt, customer): 0 to 9,999 */
Datum
custseg_experiment_bucket(PG_FUNCTION_ARGS)
{
	CsDigester *d = CsDigesterBegin(text_to_cstring(PG_GETARG_TEXT_PP(ARG_SALT)));
	text	   *customer = PG_GETARG_TEXT_PP(ARG_CUSTOMER);
	uint8		digest[CS_DIGEST_LENGTH];

	CsDigest(d, VARDATA_ANY(customer), (int) VARSIZE_ANY_EXHDR(customer), digest);
	CsDigesterEnd(d);
	PG_RETURN_INT32(CsBucketOf(digest));
}
