/*
 * tally.h
 *	  Passes over rows that run as an aggregate: in one process, in parallel workers, on other servers.
 *
 * A plan says what is to be added up.  It is json, so that it is checked where it arrives, and has what all
 * passes have in common and a list of parts:
 *
 *	 {"numbers": 4, "levels": 1, "weight": 3, "skip_numbers": [], "skip_levels": [],
 *	  "pipeline": {...}, "parts": [{"pass": "kmeans", ...}, ...]}
 *
 * A row comes as numbers, NULL and NaN where one is missing, and texts.  The features of the pipeline are
 * the first of each, in their order: a category takes the next text, any other feature the next number.
 * "weight" is the number that is the row's weight, or null; rows of weight 0 and rows that lack one of the
 * numbers and texts to be skipped for are left out.
 *
 * Each kind of part is a CsTallyKind beside the numerics that it serves.  It declares the sections of the
 * state that it adds to (data/tally_state.h).
 */
#ifndef CUSTSEG_TALLY_H
#define CUSTSEG_TALLY_H

#include "call/json.h"
#include "data/tally_state.h"
#include "prep/prep.h"

typedef struct CsTally CsTally;

typedef struct CsTallyKind
{
	const char *name;
	bool		is_prepared;	/* it looks at pass->z */
	bool		sees_skipped;	/* rows that are left out come, too */

	/*
	 * Read what the part's json says, of which nothing is trusted, and declare its sections with
	 * CsTallySection(); what is returned is "own" of add().  Palloc'd in CurrentMemoryContext.
	 */
	void	   *(*open) (CsTally *pass, const CsJsonReader *plan);

	/* Add a row.  Called for each, so it takes no memory. */
	void		(*add) (CsTally *pass, void *own, CsTallyState *state);
} CsTallyKind;

typedef struct CsTallyPart
{
	const CsTallyKind *kind;
	void	   *own;
	int			first;			/* of its sections */
} CsTallyPart;

/*
 * Why a row is left out: it has no weight, or lacks the number or text of that index (texts follow the
 * numbers).
 */
#define CS_NOT_SKIPPED (-1)
#define CS_SKIPPED_WEIGHT (-2)

/* A plan that has been read, and the row at hand. */
struct CsTally
{
	uint64		digest[2];
	int			nnumbers;
	int			nlevels;
	int			weight;			/* which number, or -1 */
	int			nskip_numbers;
	int			nskip_levels;
	int		   *skip_numbers;
	int		   *skip_levels;
	const CsPipeline *pipeline; /* or NULL */
	bool		is_prepared;	/* some part looks at z */
	int			nparts;
	CsTallyPart *parts;

	/* the state */
	int			nsections;
	int			capacity;
	CsSection  *sections;
	Size	   *offset;			/* of each section's data */
	Size		size;			/* of a state, in bytes */
	Size		shared;			/* of that, room for records of which all states together have no more */

	/* the row at hand */
	double	   *number;			/* NaN where it is missing */
	const char **text;			/* NULL likewise */
	int		   *length;
	double		row_weight;
	int			skipped;		/* CS_NOT_SKIPPED, or why the row is left out*/
	double	   *raw;			/* of the pipeline's features, see prep.h; a text that is missing is NaN */
	double	   *z;				/* in model space */
	int			label;			/* the segment that a part has found, for the parts after it (CsTallyLabel); or -1 */
	const double *placed;		/* the row in the space that it was found in; NULL: in none but z */
	int			nplaced;		/* columns of the space of the last part that has one of its own */
	double	   *work;
};

/* What CsTallyOpen() makes of a plan reads the kinds that there are from this list, NULL at the end. */
extern CsTally *CsTallyOpen(Jsonb *plan, const uint64 digest[2], const CsTallyKind *const *kinds);
extern int	CsTallySection(CsTally *pass, CsSectionKind kind, int64 n, int width);
extern CsTallyState *CsTallyStart(const CsTally *pass);
extern bool CsTallyIsOf(const CsTally *pass, const CsTallyState *state);
extern void CsTallyAdd(CsTally *pass, CsTallyState *state);
extern int	CsTallyIndex(const CsJsonReader *r, const char *key, int n);
pg_noreturn extern void CsTallyRowsChanged(void);
pg_noreturn extern void CsTallyCountsChanged(void);

/* The data of a section in a state of the pass. */
static inline void *
CsTallyData(const CsTally *pass, const CsTallyState *state, int section)
{
	return (char *) unconstify(CsTallyState *, state) + pass->offset[section];
}

#define CsTallyCounts(pass, state, section) ((int64 *) CsTallyData(pass, state, section))
#define CsTallySums(pass, state, section) ((CsExact *) CsTallyData(pass, state, section))
#define CsTallyNumbers(pass, state, section) ((double *) CsTallyData(pass, state, section))
#define CsTallyRecords(pass, state, section) ((CsRecords *) CsTallyData(pass, state, section))

/*
 * Tell the parts that follow which segment the row at hand is in, -1 for none, and where it is in the part's own space,
 * NULL: it has none.  Both are set together, for a plan may have any parts in any order.
 */
static inline void
CsTallyLabel(CsTally *pass, int label, const double *placed)
{
	pass->label = label;
	pass->placed = placed;
}

/* Add to an exact sum a value that the range pass has seen to be small enough. */
static inline void
CsTallySum(CsExact *sum, double value, double scale)
{
	if (unlikely(!CsExactAdd(sum, value, scale)))
		CsTallyRowsChanged();
}

#endif							/* CUSTSEG_TALLY_H */
