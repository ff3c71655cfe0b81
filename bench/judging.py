"""Judging beside scikit-learn: silhouettes, and the choice of the number of segments."""

import time

import numpy
from sklearn.cluster import KMeans
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score
from threadpoolctl import threadpool_limits

import data
from measure import in_turn, say, scaled, times_faster
from training import matrix


def features(columns):
    """The names of a table's columns."""
    return [f"f{j + 1}" for j in range(columns)]


def silhouettes(session):
    """Silhouettes of 20,000 rows of the large table, and of all rows of a smaller one."""
    session.workers(1)
    rows = scaled(1_000_000)
    x = data.standardized(matrix(rows, 10, 5, 1.2))
    session.train("large", features(10), 5, {"silhouette_sample": 0})
    yield one_silhouette(session, f"SELECT * FROM large WHERE id % 50 = 1 AND id <= {rows}",
                         numpy.ascontiguousarray(x[::50]), f"{rows:,} x 10")
    rows = scaled(50_000)
    data.load(session, "medium", data.blobs(rows, 8, 5), 8)
    x = data.standardized(matrix(rows, 8, 5, 1.2))
    session.train("medium", features(8), 5, {"silhouette_sample": 0})
    yield one_silhouette(session, "medium", x, f"{rows:,} x 8")
    session.run("DROP TABLE medium")


def one_silhouette(session, source, x, of):
    """The widths of all rows of a source, reading and placing them included; against the mean."""
    say(f"silhouettes of {len(x):,} rows of {of}")
    labels = KMeans(5, n_init=1, random_state=0).fit(x).labels_

    def theirs(_):
        with threadpool_limits(limits=2):
            start = time.perf_counter()
            silhouette_score(x, labels)
            return time.perf_counter() - start

    pairs = in_turn(lambda _: session.seconds("SELECT avg(silhouette) FROM custseg.silhouette("
                                              "'bench', %s, sample => 50000)", [source]), theirs)
    return times_faster(f"silhouettes of {len(x):,} rows of {of}, 5 segments, placing them "
                        "included, 2 processes; against silhouette_score", pairs, 5)


def number_of_segments(session):
    """choose_k without its gap statistic, end to end, against the same loop on prepared rows."""
    session.workers(1)
    rows = scaled(1_000_000)
    x = data.standardized(matrix(rows, 10, 5, 1.2))

    def theirs(pair):
        with threadpool_limits(limits=2):
            start = time.perf_counter()
            for k in range(2, 11):
                labels = KMeans(k, n_init=10, random_state=pair).fit(x).labels_
                silhouette_score(x, labels, sample_size=min(20_000, rows), random_state=pair)
                calinski_harabasz_score(x, labels)
                davies_bouldin_score(x, labels)
            return time.perf_counter() - start

    pairs = in_turn(lambda pair: session.seconds(
        "SELECT count(*) FROM custseg.choose_k('large', %s, options => "
        "jsonb_build_object('gap_references', 0, 'seed', %s))", [features(10), pair]), theirs)
    yield times_faster(f"choose_k, {rows:,} x 10, k = 2 to 10, 10 starts, silhouette of 20,000 rows, "
                       "Calinski-Harabasz, Davies-Bouldin, 2 processes; against the same loop", pairs, 15)
