/*
 * bucket.h
 *	  Customers digested by SHA-256, and the buckets that follow.
 */
#ifndef CUSTSEG_BUCKET_H
#define CUSTSEG_BUCKET_H

#include "custseg.h"
#include "common/sha2.h"

#define CS_BUCKETS 10000
#define CS_DIGEST_LENGTH PG_SHA256_DIGEST_LENGTH

typedef struct CsDigester CsDigester;

extern CsDigester *CsDigesterBegin(const char *salt);
extern void CsDigesterEnd(CsDigester *d);
extern void CsDigest(CsDigester *d, char *customer, int length, uint8 *digest);
extern int	CsBucketOf(const uint8 *digest);

#endif							/* CUSTSEG_BUCKET_H */
