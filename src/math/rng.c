/*
 * rng.c
 *	  Random numbers: xoshiro256** (Blackman and Vigna 2018), seeded by splitmix64.
 *
 * Written here and not taken from the server, because a stored seed has to give the same model on
 * every major version.
 */
#include "custseg.h"

#include "math/math.h"
#include "miscadmin.h"

static uint64
SplitMix(uint64 *state)
{
	uint64		z = (*state += UINT64CONST(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64CONST(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64CONST(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static inline uint64
RotateLeft(uint64 x, int bits)
{
	return (x << bits) | (x >> (64 - bits));
}

/*
 * Start a stream of random numbers.  Streams of one seed are independent for every practical
 * purpose.
 */
void
CsRngSeed(CsRng *rng, uint64 seed, uint64 stream)
{
	uint64		state = stream;
	uint64		mixed = seed ^ SplitMix(&state);

	for (int i = 0; i < 4; i++)
		rng->s[i] = SplitMix(&mixed);
}

/* The next 64 random bits. */
uint64
CsRngNext(CsRng *rng)
{
	uint64	   *s = rng->s;
	uint64		result = RotateLeft(s[1] * 5, 7) * 9;
	uint64		t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = RotateLeft(s[3], 45);
	return result;
}

/* A uniform random number in [0, 1), with 53 random bits. */
double
CsRngDouble(CsRng *rng)
{
	return (double) (CsRngNext(rng) >> 11) * 0x1.0p-53;
}

/* A uniform random number of 0..n-1, without bias; n > 0. */
uint64
CsRngBelow(CsRng *rng, uint64 n)
{
	uint64		unfair = -n % n;	/* 2^64 mod n: so many of the lowest values would weigh twice */
	uint64		r;

	do
		r = CsRngNext(rng);
	while (r < unfair);
	return r % n;
}

/*
 * The number of the item at which the running sum of weights passes "target": a draw by weight where that is
 * uniform below their sum.  An item of no weight is never drawn, unless all are.
 */
int64
CsPickByWeight(const double *weight, int64 n, double target)
{
	int64		last = 0;

	for (int64 i = 0; i < n; i++)
	{
		CsCheckInterrupts(i);
		if (weight[i] <= 0)
			continue;
		last = i;
		target -= weight[i];
		if (target < 0)
			break;
	}
	return last;
}

/*
 * Draw m of the numbers 0..n-1 without replacement, ascending, by selection sampling (Knuth,
 * algorithm S), which takes one random number per element and no memory.  OUT result[m].
 */
void
CsRngSample(CsRng *rng, int64 n, int64 m, int64 *result)
{
	int64		chosen = 0;

	for (int64 i = 0; i < n && chosen < m; i++)
	{
		CsCheckInterrupts(i);
		result[chosen] = i;
		chosen += CsRngDouble(rng) * (double) (n - i) < (double) (m - chosen);
	}
	while (chosen < m)			/* rounding at the very end of a huge n */
	{
		result[chosen] = n - m + chosen;
		chosen++;
	}
}

/* Start a sample of at most "room" elements. */
void
CsReservoirInit(CsReservoir *r, int64 room, uint64 seed, uint64 stream)
{
	r->room = room;
	r->seen = 0;
	CsRngSeed(&r->rng, seed, stream);
}

/*
 * The place in the sample, below "room", where the next element goes; -1 when it is not in the
 * sample.
 */
int64
CsReservoirPlace(CsReservoir *r)
{
	int64		place = r->seen++;

	if (place >= r->room && r->room > 0)
		place = (int64) CsRngBelow(&r->rng, (uint64) r->seen);
	return place < r->room ? place : -1;
}

/*
 * Let a row of so many values into a sample that has *n of them; returns its place there, -1 for a row that is
 * not drawn.
 */
int64
CsReservoirTake(CsReservoir *r, const double *row, int width, double *rows, int *n)
{
	return CsReservoirTakeStrided(r, row, 1, width, rows, n);
}

/* CsReservoirTake() of a row whose values are so far apart. */
int64
CsReservoirTakeStrided(CsReservoir *r, const double *row, int stride, int width, double *rows, int *n)
{
	int64		at = CsReservoirPlace(r);

	if (at < 0)
		return at;
	for (int i = 0; i < width; i++)
		rows[at * width + i] = row[(Size) i * stride];
	*n = Max(*n, (int) at + 1);
	return at;
}
