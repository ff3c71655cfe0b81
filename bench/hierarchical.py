"""Hierarchical clustering beside fastcluster and SciPy: time, agreement, large tables, cancelling."""

import math
import threading
import time

import fastcluster
import numpy
import psycopg2
from scipy.cluster.hierarchy import fcluster, linkage

import data
from agreement import load, same_partition
from database import Session
from measure import PAIRS, Row, in_turn, say, scaled, seconds, times_faster

PREPARED = '{"scale": "none"}'
LINKAGES = ["ward", "complete", "average", "single"]
CUTS = range(2, 11)
MERGES = "SELECT * FROM custseg.dendrogram(%s, %s, %s, prep => %s)"


def cloud(session, table, rows, columns):
    """A table of one cloud of blobs, standardized; return its columns and its rows as an array."""
    x = data.standardized(numpy.concatenate(list(data.blobs(rows, columns, 5))))
    return data.load(session, table, [x], columns), x


def hierarchical(session):
    """All of it."""
    yield from tables_of_merges(session)
    yield from real_sets(session)
    yield from micro_clusters(session)
    yield from cancelled()
    session.run("DROP TABLE cloud")


def tables_of_merges(session):
    """Reading the table and the whole dendrogram, against the library's call on an array."""
    rows = scaled(20_000)
    names, x = cloud(session, "cloud", rows, 8)
    for method, required in (("ward", 1), ("single", None)):
        for workers in (0, 1):
            say(f"{method} linkage of {rows:,} x 8, {workers} workers")
            session.workers(workers)
            yield times_faster(
                f"{method} linkage, {rows:,} x 8, {workers + 1} process{'es' * workers}; "
                "against fastcluster.linkage_vector, which has one",
                in_turn(lambda _: session.seconds(MERGES, ["cloud", names, method, PREPARED]),
                        lambda _: time_of(lambda: fastcluster.linkage_vector(x, method))), required)
    few = scaled(5_000)
    session.workers(0)
    for method in ("complete", "average"):
        say(f"{method} linkage of {few:,} x 8")
        yield times_faster(
            f"{method} linkage, {few:,} x 8, 1 process; against fastcluster.linkage",
            in_turn(lambda _: session.seconds(MERGES, [f"SELECT * FROM cloud WHERE id <= {few}", names,
                                                       method, PREPARED]),
                    lambda _: time_of(lambda: fastcluster.linkage(x[:few], method))))


def time_of(call):
    """Seconds that a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def real_sets(session):
    """Heights, and the partitions into 2 to 10 segments, beside SciPy's on real customers."""
    for name, _, frame in data.real_sets():
        x = data.standardized(frame.fillna(frame.median()).to_numpy(dtype=float))[:4000]
        columns = load(session, data.pandas.DataFrame(x))
        apart, same = 0, 0
        for method in LINKAGES:
            ours = numpy.array(session.run(MERGES, ["SELECT * FROM real_set ORDER BY id", columns,
                                                    method, PREPARED]))[:, 1:].astype(float)
            theirs = linkage(x, method)
            apart = max(apart, numpy.abs(ours[:, 2] - theirs[:, 2]).max() / theirs[-1, 2])
            same += sum(same_partition(fcluster(ours, k, "maxclust"), fcluster(theirs, k, "maxclust"))
                        for k in CUTS)
        yield Row(f"{name}, {len(x):,} rows, four linkages: heights, and cuts at 2 to 10, beside SciPy",
                  "", "", f"heights {apart:.0e} apart, {same} of {len(LINKAGES) * len(CUTS)} cuts the same",
                  "1e-09, all", apart <= 1e-9 and same == len(LINKAGES) * len(CUTS))


def micro_clusters(session):
    """A large table: how long it takes, and what the cut is worth beside k-means."""
    rows = scaled(1_000_000)
    features = [f"f{j + 1}" for j in range(10)]
    session.workers(1)
    say(f"micro-clusters of {rows:,} rows")
    took, inertia = [], []
    for algorithm in ("hierarchical", "kmeans"):
        start = time.perf_counter()
        inertia.append(session.value(
            "SELECT inertia FROM custseg.train(%s, 'large', %s, 5, %s, "
            "options => '{\"silhouette_sample\": 0}')", [algorithm, features, algorithm]))
        took.append(time.perf_counter() - start)
        session.run("SELECT custseg.drop_model(%s, whole => true)", [algorithm])
    yield Row(f"ward over 2,000 micro-clusters of {rows:,} x 10, k = 5, 1 worker; inertia beside k-means",
              f"{inertia[0]:.4g}, {seconds(took[0])}", f"{inertia[1]:.4g}, {seconds(took[1])}",
              f"{inertia[0] / inertia[1]:.4f} of it")


def cancelled():
    """From the request to cancel to the session's being free again, in the middle of ward."""
    killer, times = Session(), []
    for _ in range(PAIRS):
        victim = Session()
        victim.workers(1)

        def run(victim=victim):
            try:
                victim.run("SELECT count(*) FROM custseg.dendrogram('cloud')")
            except psycopg2.errors.QueryCanceled:
                times.append(time.perf_counter() - asked)

        thread = threading.Thread(target=run)
        asked = math.inf            # it may end before it is cancelled
        thread.start()
        time.sleep(0.15)
        asked = time.perf_counter()
        killer.run("SELECT pg_cancel_backend(%s)", [victim.pid])
        thread.join()
        victim.connection.close()
    killer.connection.close()
    if times:
        yield Row("ward cancelled: until the session is free, the longest", seconds(max(times)), "", "",
                  "at most 50 ms", max(times) <= 0.05)
