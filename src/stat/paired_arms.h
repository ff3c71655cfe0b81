/*
 * paired_arms.h
 *	  Pairs of values of the customers of two arms, by their moments.
 */
#ifndef CUSTSEG_PAIRED_ARMS_H
#define CUSTSEG_PAIRED_ARMS_H

#include "math/math.h"
#include "stat/arms.h"

/* Pairs of a value and a partner; the sum of products of deviations is that of both times their scales. */
typedef struct CsPairMoments
{
	CsMoments	value,
				partner;
	double		product;
} CsPairMoments;

/*
 * A varlena that an aggregate can have as its state, update in place, and send to another process or
 * server.
 */
typedef struct CsPairedArms
{
	int32		vl_len_;		/* varlena header */
	int32		unused;			/* 0 */
	CsPairMoments pairs[CS_ARMS];
	CsMoments	alone[CS_ARMS]; /* values without a partner */
} CsPairedArms;

extern CsPairedArms *CsPairedArmsCreate(void);
extern void CsPairedArmsCheck(const CsPairedArms *arms);
extern void CsPairedArmsCheckAll(const CsPairedArms *arms);
extern void CsPairedArmsAdd(CsPairedArms *arms, int arm, double value, double partner);
extern void CsPairedArmsMerge(CsPairedArms *to, const CsPairedArms *from);

extern CsArms CsRatioArms(CsPairedArms *arms);

/* A value less what a covariate from before tells of it. */
typedef struct CsAdjustment
{
	double		theta;
	CsArms		adjusted;
	CsArms		unadjusted;
} CsAdjustment;

extern CsAdjustment CsCupedArms(CsPairedArms *arms);

#endif							/* CUSTSEG_PAIRED_ARMS_H */
