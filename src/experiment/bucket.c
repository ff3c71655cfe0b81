/*
 * bucket.c
 *	  experiment_bucket(): the same bucket for a customer in any session, on any server.
 *
 * PostgreSQL's own hashes are not for that: hashtext() depends on the byte order and, for texts, on the
 * version of the collation, and has changed between releases; md5() is an error where FIPS rules.
 */
#include "custseg.h"

#include "call/call.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"

PG_FUNCTION_INFO_V1(custseg_experiment_bucket);

/* The arguments of experiment_bucket(). */
enum
{
	ARG_SALT, ARG_CUSTOMER
};

#define BUCKETS 10000

/* Add a text in UTF-8 to a digest. */
static bool
DigestText(pg_cryptohash_ctx *digest, text *t)
{
	char	   *bytes = VARDATA_ANY(t);
	int			length = VARSIZE_ANY_EXHDR(t);
	char	   *utf8 = (char *) pg_do_encoding_conversion((unsigned char *) bytes, length,
														   GetDatabaseEncoding(), PG_UTF8);

	return pg_cryptohash_update(digest, (const uint8 *) utf8, utf8 == bytes ? length : strlen(utf8)) == 0;
}

/* experiment_bucket(salt, customer): 0 to 9,999, from the first 4 bytes of SHA-256 of salt:customer */
Datum
custseg_experiment_bucket(PG_FUNCTION_ARGS)
{
	pg_cryptohash_ctx *digest = pg_cryptohash_create(PG_SHA256);
	uint8		bytes[PG_SHA256_DIGEST_LENGTH];
	uint32		first;

	if (digest == NULL || pg_cryptohash_init(digest) < 0 ||
		!DigestText(digest, PG_GETARG_TEXT_PP(ARG_SALT)) ||
		pg_cryptohash_update(digest, (const uint8 *) ":", 1) < 0 ||
		!DigestText(digest, PG_GETARG_TEXT_PP(ARG_CUSTOMER)) ||
		pg_cryptohash_final(digest, bytes, sizeof(bytes)) < 0)
		elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(digest));
	pg_cryptohash_free(digest);
	memcpy(&first, bytes, sizeof(first));
	PG_RETURN_INT32((int32) (((uint64) pg_ntoh32(first) * BUCKETS) >> 32));
}
