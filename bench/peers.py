"""
The same work beside other libraries than scikit-learn: faiss, and mclust, dbscan and fastcluster of R.

Each peer gets the rows as an array in memory, and as many processors as it uses: faiss two, those of R one.
"""

import os
import subprocess
import time

import faiss
import numpy

import data
from database import work_file
from density import train as train_dbscan
from measure import in_turn, say, scaled, times_faster
from training import FITS, start_options

# Beside those of training.py: many segments.
SHAPES = [(table, rows, columns, k, spread) for table, rows, columns, k, spread, _ in FITS]
MANY = ("many", 200_000, 32, 256, 0.5)
ITERATIONS = 10


def peers(session):
    """All of them."""
    yield from k_means(session)
    yield mixture(session)
    yield dbscan(session)
    yield linkage(session)


def standardized(rows, columns, clusters, spread):
    """The rows that both sides have."""
    return data.standardized(numpy.concatenate(list(data.blobs(rows, columns, clusters, spread=spread))))


def k_means(session):
    """Iterations from the same centres; faiss has 32 bits, custseg 64."""
    rows = scaled(MANY[1])
    data.load(session, MANY[0], data.blobs(rows, MANY[2], MANY[3], spread=MANY[4]), MANY[2])
    faiss.omp_set_num_threads(2)
    session.workers(1)
    for table, all_rows, columns, k, spread in [*SHAPES, MANY]:
        rows = scaled(all_rows)
        say(f"k-means of {rows:,} x {columns}, k = {k}")
        x = standardized(rows, columns, k, spread)
        start = x[:k].copy()
        narrow = x.astype(numpy.float32)
        features = [f"f{j + 1}" for j in range(columns)]

        def ours(_):
            return session.train(f'"{table}"', features, k, start_options(start, ITERATIONS))["fit"]

        def theirs(_):
            model = faiss.Kmeans(columns, k, niter=ITERATIONS, max_points_per_centroid=rows,
                                 min_points_per_centroid=1)
            began = time.perf_counter()
            model.train(narrow, init_centroids=start.astype(numpy.float32))
            return time.perf_counter() - began

        yield times_faster(f"k-means, {ITERATIONS} iterations from the same centres, {rows:,} x {columns}, k = {k}, "
                           "2 threads each; against faiss in 32 bits", in_turn(ours, theirs), 1)
    session.run(f"DROP TABLE {MANY[0]}")


def in_r(peer, x, *further):
    """Call a peer in R; return seconds of the call and what it found."""
    path = work_file("peer.bin")
    numpy.asfortranarray(x).T.tofile(path)
    script = os.path.join(os.path.dirname(__file__), "peers.R")
    said = subprocess.run(["Rscript", "--vanilla", script, peer, path, str(x.shape[1]), *map(repr, further)],
                          check=True, capture_output=True, text=True).stdout.split()
    return float(said[0]), float(said[1])


def mixture(session):
    """EM with full covariances from the same partition, one process each."""
    rows, columns, k, iterations = scaled(200_000), 8, 6, 50
    say(f"mixture of {rows:,} x {columns}")
    features = data.load(session, "clouds", data.blobs(rows, columns, k, spread=0.8), columns)
    x = standardized(rows, columns, k, 0.8)
    means = x[:k].copy()
    labels = numpy.stack([((x - mean) ** 2).sum(axis=1) for mean in means], axis=1).argmin(axis=1)
    session.workers(0)
    options = {"covariance_type": "full", "init": means.tolist(), "tol": 0, "max_iter": iterations,
               "silhouette_sample": 0}
    pairs = in_turn(
        lambda _: session.train("clouds", features, k, options, algorithm="gmm")["fit"],
        lambda _: in_r("mclust", numpy.column_stack([x, labels + 1.0]), iterations)[0])
    session.workers(1)
    session.run("DROP TABLE clouds")
    return times_faster(f"gmm full, {rows:,} x {columns}, k = {k}, {iterations} iterations from the same start, "
                        "1 process each; against mclust in R", pairs, 1)


def dbscan(session):
    """The fit alone, one process each, with the same number of segments in the end."""
    rows, columns, clouds, eps, min_samples, spread = scaled(100_000), 3, 12, 0.08, 10, 0.25
    say(f"dbscan of {rows:,} x {columns}")
    features = data.load(session, "dense", data.blobs(rows, columns, clouds, spread=spread), columns)
    x = standardized(rows, columns, clouds, spread)
    found = {}
    session.workers(0)

    def ours(_):
        metrics = train_dbscan(session, "dense", features, {"eps": eps, "min_samples": min_samples})
        found["ours"] = session.value("SELECT n_segments FROM custseg.model_version WHERE model = 'bench'")
        return metrics["fit_milliseconds"] / 1000

    def theirs(_):
        took, found["theirs"] = in_r("dbscan", x, eps, min_samples)
        return took

    row = times_faster(f"dbscan, fit alone, {rows:,} x {columns}, eps {eps:g}, min_samples {min_samples}, "
                       "1 process each; against dbscan in R", in_turn(ours, theirs), 1)
    assert found["ours"] == found["theirs"], found
    session.workers(1)
    session.run("DROP TABLE dense")
    return row


def linkage(session):
    """Reading the table and the whole dendrogram, against the call in R on an array; one process each."""
    rows = scaled(20_000)
    say(f"ward linkage of {rows:,} x 8")
    x = standardized(rows, 8, 5, 1.2)
    features = data.load(session, "cloud", [x], 8)
    session.workers(0)
    pairs = in_turn(
        lambda _: session.seconds("SELECT * FROM custseg.dendrogram('cloud', %s, 'ward', prep => %s)",
                                  [features, '{"scale": "none"}']),
        lambda _: in_r("fastcluster", x)[0])
    session.workers(1)
    session.run("DROP TABLE cloud")
    return times_faster(f"ward linkage, {rows:,} x 8, 1 process each; against fastcluster::hclust.vector in R",
                        pairs, 1)
