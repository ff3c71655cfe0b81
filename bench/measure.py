"""Measuring in turn: pairs of runs, medians of their ratios, and the rows of the table."""

import os
import statistics
import sys
from dataclasses import dataclass

QUICK = bool(os.environ.get("BENCH_QUICK"))

# Runs of each pair; the order within a pair alternates, so that neither side is always the first.
PAIRS = 1 if QUICK else 3


def scaled(rows):
    """Rows of a case: a tenth of them in a quick run."""
    return rows // 10 if QUICK else rows


@dataclass
class Row:
    """One line of the table; times and sizes are text, so that each case shows its own unit."""

    what: str
    ours: str
    theirs: str
    ratio: str = ""
    required: str = ""
    passed: bool = None

    @property
    def verdict(self):
        """What the last column says; nothing where nothing is required."""
        return "" if self.passed is None else "pass" if self.passed else "short"


def in_turn(ours, theirs, n=PAIRS):
    """Run both n times, alternating; each is called with the number of the pair."""
    pairs = []
    for pair in range(n):
        if pair % 2 == 0:
            first = ours(pair)
            pairs.append((first, theirs(pair)))
        else:
            second = theirs(pair)
            pairs.append((ours(pair), second))
    return pairs


def seconds(value):
    """A time as people read it."""
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.1f} ms"


def times_faster(what, pairs, required=None):
    """The row of a comparison where more is better: their time over ours."""
    ratio = statistics.median(theirs / ours for ours, theirs in pairs)
    return Row(what, seconds(statistics.median(ours for ours, _ in pairs)),
               seconds(statistics.median(theirs for _, theirs in pairs)),
               f"{ratio:.2f} times faster",
               "" if required is None else f"at least {required:g}",
               None if required is None else ratio >= required)


def times_the_cost(what, pairs, allowed):
    """The row of a comparison where less is better: our time over theirs."""
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    return Row(what, seconds(statistics.median(ours for ours, _ in pairs)),
               seconds(statistics.median(theirs for _, theirs in pairs)),
               f"{ratio:.2f} of it", f"at most {allowed:g}", ratio <= allowed)


def say(text):
    """Progress, to the reader and not to the table."""
    print(f"   {text}", file=sys.stderr, flush=True)
