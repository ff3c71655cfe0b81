/*
 * numeric.h
 *	  PostgreSQL's numeric by its stored digits, and to and from double without printing it.
 */
#ifndef CUSTSEG_NUMERIC_H
#define CUSTSEG_NUMERIC_H

#include "custseg.h"
#include "utils/numeric.h"

/*
 * The digits of a numeric, of base 10,000: the first counts 10,000^weight.  The format is the one of
 * numeric.c (NumericChoice): digits after a two or four bytes' header; values on disk have it, so it is
 * as lasting as pg_upgrade.
 */
typedef struct CsNumericDigits
{
	const char *digits;			/* not aligned */
	int			n;
	int			weight;
	bool		negative;
} CsNumericDigits;

/* Find the digits of a numeric, which is "data" after its varlena header; false for NaN and infinities. */
static inline bool
CsNumericRead(const char *data, Size size, CsNumericDigits *number)
{
	uint16		header;
	int16		weight;
	Size		header_size = sizeof(header);

	memcpy(&header, data, sizeof(header));
	if ((header & 0xC000) == 0xC000)
		return false;
	if (header & 0x8000)
	{
		number->negative = (header & 0x2000) != 0;
		weight = (int16) ((header & 0x0040) ? (header & 0x003F) - 64 : (header & 0x003F));
	}
	else
	{
		number->negative = (header & 0x4000) != 0;
		memcpy(&weight, data + sizeof(header), sizeof(weight));
		header_size += sizeof(weight);
	}
	number->weight = weight;
	number->digits = data + header_size;
	number->n = (int) ((size - header_size) / sizeof(int16));
	return true;
}

/* The digit number i, from 0. */
static inline int16
CsNumericDigit(const CsNumericDigits *number, int i)
{
	int16		digit;

	memcpy(&digit, number->digits + i * sizeof(digit), sizeof(digit));
	return digit;
}

extern double CsNumericToDouble(const struct varlena *numeric);
extern Numeric CsNumericFromDouble(double number);

#endif							/* CUSTSEG_NUMERIC_H */
