/*
 * text_value.h
 *	  Texts that are read as values of a type.
 */
#ifndef CUSTSEG_TEXT_VALUE_H
#define CUSTSEG_TEXT_VALUE_H

#include "custseg.h"
#include "fmgr.h"
#include "utils/timestamp.h"

extern bool CsTextRead(PGFunction input, const char *text, Datum *value);
extern Interval *CsIntervalOption(const char *option, const char *text, const char *example);
extern TimestampTz CsTimeOption(const char *option, const char *text);

#endif							/* CUSTSEG_TEXT_VALUE_H */
