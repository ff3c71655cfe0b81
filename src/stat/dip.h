/*
 * dip.h
 *	  Do values have more than one heap?
 */
#ifndef CUSTSEG_DIP_H
#define CUSTSEG_DIP_H

/* dip.c */
extern double CsDip(const double *sorted, int n);
extern double CsDipP(double dip, int n);

#endif							/* CUSTSEG_DIP_H */
