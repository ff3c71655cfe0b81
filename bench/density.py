"""DBSCAN beside scikit-learn: the fit alone, a million rows in little memory, the same partition."""

import json
import time

import numpy
from sklearn.cluster import DBSCAN

import data
from agreement import load, same_partition
from database import MemoryWatch, Session
from measure import Row, in_turn, scaled, seconds, times_faster

MB = 1024 * 1024

# Rows, columns, clouds, eps and min_samples after standardization, factor required of the fit.
FITS = [(100_000, 3, 12, 0.08, 10, 2),
        (50_000, 8, 12, 0.5, 10, 2)]
SPREAD = 0.25


def train(session, source, features, options):
    """Train a model by DBSCAN anew; return the metrics."""
    if session.value("SELECT count(*) FROM custseg.model WHERE name = 'bench'"):
        session.run("SELECT custseg.drop_model('bench', whole => true)")
    session.run("SELECT custseg.train('bench', %s, %s, algorithm => 'dbscan', options => %s)",
                [source, features, json.dumps({"silhouette_sample": 0, **options})])
    return session.value("SELECT metrics FROM custseg.model_version WHERE model = 'bench'")


def sklearn_fit(x, eps, min_samples):
    """Fit scikit-learn's DBSCAN with two jobs; return seconds and the model."""
    start = time.perf_counter()
    model = DBSCAN(eps=eps, min_samples=min_samples, n_jobs=2).fit(x)
    return time.perf_counter() - start, model


def dbscan(session):
    """All of it."""
    session.workers(1)
    for rows, columns, clouds, eps, min_samples, required in FITS:
        yield fit_alone(session, scaled(rows), columns, clouds, eps, min_samples, required)
    yield end_to_end(session)
    yield from a_million(session)
    yield from agreement(session)


def fit_alone(session, rows, columns, clouds, eps, min_samples, required):
    """The fit alone, two processes against two jobs."""
    features = data.load(session, "dense", data.blobs(rows, columns, clouds, spread=SPREAD), columns)
    x = data.standardized(numpy.concatenate(
        list(data.blobs(rows, columns, clouds, spread=SPREAD))))
    options = {"eps": eps, "min_samples": min_samples}
    found = {}

    def ours(_):
        found["ours"] = train(session, "dense", features, options)
        return found["ours"]["fit_milliseconds"] / 1000

    def theirs(_):
        took, found["theirs"] = sklearn_fit(x, eps, min_samples)
        return took

    row = times_faster(f"dbscan, fit alone, {rows:,} x {columns}, eps {eps:g}, "
                       f"min_samples {min_samples}, 2 threads each", in_turn(ours, theirs), required)
    assert found["ours"]["n_core"] == len(found["theirs"].core_sample_indices_)
    session.run("DROP TABLE dense")
    return row


def end_to_end(session):
    """From the table to the stored model, against scikit-learn's fit alone, of rows that it holds."""
    columns, clouds, eps, min_samples = FITS[0][1:5]
    rows = scaled(FITS[0][0])
    features = data.load(session, "dense", data.blobs(rows, columns, clouds, spread=SPREAD), columns)
    x = data.standardized(numpy.concatenate(list(data.blobs(rows, columns, clouds, spread=SPREAD))))

    def ours(_):
        start = time.perf_counter()
        train(session, "dense", features, {"eps": eps, "min_samples": min_samples})
        return time.perf_counter() - start

    row = times_faster(f"dbscan, from the table to the model, {rows:,} x {columns}, 2 processes; against the fit alone",
                       in_turn(ours, lambda _: sklearn_fit(x, eps, min_samples)[0]), 4)
    session.run("DROP TABLE dense")
    return row


def a_million(session):
    """A million rows, core points kept: time, and memory over all processes."""
    rows = scaled(1_000_000)
    features = data.load(session, "dense", data.blobs(rows, 3, 12, spread=SPREAD), 3)
    fresh = Session()
    fresh.workers(1)
    fresh.run("SELECT sum(f1) FROM dense")
    start = time.perf_counter()
    with MemoryWatch(fresh.pid) as watch:
        metrics = train(fresh, "dense", features, {"eps": 0.03, "min_samples": 10})
    wall = time.perf_counter() - start
    fresh.connection.close()
    session.run("DROP TABLE dense")
    yield Row(f"dbscan, train, {rows:,} x 3, {metrics['n_core']:,} core rows", seconds(wall), "",
              f"fit {seconds(metrics['fit_milliseconds'] / 1000)}")
    yield Row("memory of it", f"{watch.bytes / MB:.0f} MB", "", "", "at most 1024 MB",
              watch.bytes <= 1024 * MB)


def agreement(session):
    """Each real set, eps half of the knee: the same clusters, the same noise."""
    for name, _, frame in data.real_sets():
        columns = load(session, frame)
        x = data.standardized(frame.fillna(frame.median()).to_numpy(dtype=float))
        eps = float(f"{train(session, 'real_set', columns, {})['eps'] / 2:.3g}")
        metrics = train(session, "real_set", columns, {"eps": eps})
        ours = numpy.array(session.run("SELECT custseg.predict('bench', r) FROM real_set r ORDER BY id"))[:, 0]
        theirs = sklearn_fit(x, eps, 5)[1]
        core = theirs.core_sample_indices_
        same = (metrics["n_core"] == len(core) and same_partition(ours[core], theirs.labels_[core])
                and bool(((ours == 0) == (theirs.labels_ == -1)).all()))
        yield Row(f"dbscan, {name}, eps {eps:g}: core rows' clusters, and noise",
                  f"{ours.max()}", f"{theirs.labels_.max() + 1}",
                  "the same" if same else "differ", "the same", same)
