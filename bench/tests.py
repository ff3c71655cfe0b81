"""Tests of two samples inside the server, against scipy on arrays that it has in memory already."""

import time

import numpy
from scipy import stats

import data
from measure import Row, in_turn, scaled, times_faster


def two_samples(session):
    """Two tests of a million values a side: a table of both samples, against two arrays."""
    rows = scaled(1_000_000)
    data.load(session, "samples", data.blobs(2 * rows, 1, 5), 1)
    values = numpy.concatenate(list(data.blobs(2 * rows, 1, 5)))[:, 0]
    baseline, current = values[:rows].copy(), values[rows:].copy()
    yield from compare(f"ks_test, {rows:,} + {rows:,} values", 1,
                       lambda: session.value(f"SELECT (custseg.ks_test(f1, id > {rows})).statistic FROM samples"),
                       lambda: stats.ks_2samp(baseline, current).statistic)
    yield from compare(f"wasserstein, {rows:,} + {rows:,} values", None,
                       lambda: session.value(f"SELECT custseg.wasserstein(f1, id > {rows}) FROM samples"),
                       lambda: stats.wasserstein_distance(baseline, current))
    session.run("DROP TABLE samples")


def compare(what, required, ours, theirs):
    """The times of two calls, and how far their results are apart."""
    results = {ours: None, theirs: None}

    def timed(call):
        start = time.perf_counter()
        results[call] = call()
        return time.perf_counter() - start

    yield times_faster(f"{what}; against scipy on arrays in memory",
                       in_turn(lambda _: timed(ours), lambda _: timed(theirs)), required)
    apart = abs(results[ours] / results[theirs] - 1)
    yield Row(f"{what}: result", f"{results[ours]:.12g}", f"{results[theirs]:.12g}",
              f"{apart:.0e} apart", "within 1e-10", bool(apart <= 1e-10))
