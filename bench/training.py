"""Training beside scikit-learn: end to end, the fit alone, one iteration, rows, workers, memory."""

import json
import statistics
import time

import numpy
import pandas
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import data
from database import MemoryWatch, Session, work_file
from measure import PAIRS, QUICK, Row, in_turn, say, scaled, seconds, times_faster, times_the_cost

MB = 1024 * 1024

# Each pair has other random starts on both sides, and some take twice the iterations of others.
END_TO_END_PAIRS = 1 if QUICK else 7

# Differences of a twentieth need more runs than three.
WORKER_PAIRS = 1 if QUICK else 5

# Algorithm, rows and columns, segments, options.
RETRAININGS = [("kmeans", 1_000_000, 10, 5, {}),
               ("gmm", 200_000, 10, 5, {}),
               ("dbscan", 100_000, 3, None, {"eps": 0.08, "min_samples": 10}),
               ("tree", 1_000_000, 10, None, {"target": "segment"}),
               ("hierarchical", 100_000, 10, 5, {})]

# Name, rows, columns, segments, spread of the blobs, factor required of the fit alone.
FITS = [("wide", 182_223, 149, 4, 1.2, 1.5),
        ("many segments", 200_000, 50, 20, 0.5, None),
        ("large", 1_000_000, 10, 5, 1.2, 2.5)]


def matrix(rows, columns, clusters, spread):
    """The rows of a table as NumPy has them."""
    return numpy.concatenate(list(data.blobs(rows, columns, clusters, spread=spread)))


def sklearn_fit(x, threads, **options):
    """Fit scikit-learn's k-means; return seconds and the model."""
    with threadpool_limits(limits=threads):
        start = time.perf_counter()
        model = KMeans(**options).fit(x)
        return time.perf_counter() - start, model


def start_options(centers, iterations):
    """Options that make both sides do the same work: one start from given centres."""
    return {"init": centers.tolist(), "n_init": 1, "tol": 0, "max_iter": iterations,
            "silhouette_sample": 0}


def end_to_end(session):
    """A table to a model, for the first time and once more: train, against the way through Python with its COPY."""
    rows = scaled(1_000_000)
    features = [f"f{j + 1}" for j in range(10)]
    labels = None
    session.workers(1)

    def python(pair):
        nonlocal labels
        with threadpool_limits(limits=2):
            start = time.perf_counter()
            path = work_file("customers.csv")
            with open(path, "wb") as file:
                session.cursor.copy_expert(
                    f"COPY (SELECT id, {', '.join(features)} FROM large) TO STDOUT CSV HEADER", file)
            x = StandardScaler().fit_transform(pandas.read_csv(path)[features])
            labels = KMeans(5, n_init=10, random_state=pair).fit(x).labels_ + 1
            return time.perf_counter() - start

    def ours(pair):
        options = {"seed": pair}
        first = session.train("large", features, 5, options)["wall"]
        return first, session.seconds("SELECT custseg.train('bench', 'large', features => %s, k => 5, options => %s)",
                                      [features, json.dumps(options)])

    pairs = in_turn(ours, python, END_TO_END_PAIRS)
    for number, what in enumerate(("train", "train once more,")):
        yield times_faster(f"{what} end to end, {rows:,} x 10, k = 5, 10 starts; "
                           "against COPY, pandas, StandardScaler, KMeans",
                           [(took[number], theirs) for took, theirs in pairs], 12)
    yield write_back(session, rows, labels)


def write_back(session, rows, labels):
    """Labels to the table: UPDATE with predict, against a temporary table and UPDATE ... FROM."""
    def ours(_):
        data.fresh_copy(session)
        return session.seconds("UPDATE scored c SET segment = custseg.predict('bench', c)")

    def python(_):
        data.fresh_copy(session)
        start = time.perf_counter()
        path = work_file("labels.csv")
        pandas.DataFrame({"id": numpy.arange(1, rows + 1), "segment": labels}).to_csv(
            path, index=False, header=False)
        session.run("CREATE TEMPORARY TABLE labels (id bigint, segment int)")
        with open(path, "rb") as file:
            session.cursor.copy_expert("COPY labels FROM STDIN CSV", file)
        session.run("ANALYZE labels")
        session.run("UPDATE scored c SET segment = l.segment FROM labels l WHERE l.id = c.id")
        took = time.perf_counter() - start
        session.run("DROP TABLE labels")
        return took

    return times_faster(f"labels to the table, {rows:,} rows; against a temporary table and UPDATE",
                        in_turn(ours, python))


def reading(session):
    """Reading and preparing the rows, beside a query that sums the columns, with as many processes."""
    rows = scaled(1_000_000)
    features = [f"f{j + 1}" for j in range(10)]
    options = {"n_init": 1, "max_iter": 2, "silhouette_sample": 0}
    sums = f"SELECT {', '.join(f'sum({feature})' for feature in features)} FROM large"
    for workers in (0, 1):
        session.workers(workers)
        session.run(f"SET max_parallel_workers_per_gather = {workers}")

        def ours(pair):
            metrics = session.train("large", features, 5, {"seed": pair, **options})["metrics"]
            return (metrics["read_milliseconds"] + metrics["prepare_milliseconds"]) / 1000

        many = f"{workers + 1} process{'es' * (workers > 0)}"
        yield times_the_cost(f"reading and preparing, {rows:,} x 10, {many}; against the sum of the columns",
                             in_turn(ours, lambda _: session.seconds(sums), END_TO_END_PAIRS), 2.5)
    session.workers(1)
    session.run("RESET max_parallel_workers_per_gather")


def retraining(session):
    """
    A model trained once more, beside its first training: segments keep their numbers, for which the deployed
    version places each row.  Both in a session of their own, as a job has one.
    """
    for algorithm, rows, columns, k, options in RETRAININGS:
        rows = scaled(rows)
        spread = 0.25 if algorithm == "dbscan" else 1.2
        features = data.load(session, "retrained", data.blobs(rows, columns, k or 12, spread=spread), columns)
        session.run("UPDATE retrained SET segment = 1 + (f1 > f2)::int + 2 * (f3 > 0)::int")
        session.run("VACUUM FULL ANALYZE retrained")
        values = ["retrained", features, k, algorithm, json.dumps(options)]

        def train(model, values=values):
            one = Session()
            one.workers(1)
            one.run("SELECT count(*) FROM custseg.model")
            took = one.seconds("SELECT custseg.train(%s, %s, features => %s, k => %s, algorithm => %s, options => %s)",
                               [model] + values)
            one.connection.close()
            return took

        def first(_, train=train):
            took = train("first")
            session.run("SELECT custseg.drop_model('first', whole => true)")
            return took

        train("again")
        say(f"{algorithm} trained anew and once more")
        yield times_the_cost(f"{algorithm} trained once more, {rows:,} x {columns}; against its first training",
                             in_turn(lambda _, train=train: train("again"), first), 1.1)
        session.run("SELECT custseg.drop_model('again', whole => true)")
        session.run("DROP TABLE retrained")


def fit_alone(session):
    """The fit alone, 10 starts, with as many processes as threads."""
    for table, rows, columns, k, spread, required in FITS:
        rows = scaled(rows)
        features = [f"f{j + 1}" for j in range(columns)]
        x = data.standardized(matrix(rows, columns, k, spread))
        for threads in (2, 1):
            say(f"fit of {rows:,} x {columns}, k = {k}, {threads} threads")
            session.workers(threads - 1)
            pairs = in_turn(
                lambda pair: session.train(f'"{table}"', features, k,
                                           {"seed": pair, "silhouette_sample": 0})["fit"],
                lambda pair: sklearn_fit(x, threads, n_clusters=k, n_init=10, random_state=pair)[0])
            yield times_faster(f"fit alone, {rows:,} x {columns}, k = {k}, 10 starts, "
                               f"{threads} thread{'s' * (threads > 1)} each", pairs, required)


def one_iteration(session):
    """One iteration, both sides from the same centres and for the same number of iterations."""
    for table, rows, columns, k, spread, _ in FITS:
        rows = scaled(rows)
        features = [f"f{j + 1}" for j in range(columns)]
        x = data.standardized(matrix(rows, columns, k, spread))
        start = x[:k].copy()
        session.workers(1)

        def ours(_):
            fit = session.train(f'"{table}"', features, k, start_options(start, 10))
            return fit["fit"] / fit["iterations"]

        def theirs(_):
            took, model = sklearn_fit(x, 2, n_clusters=k, init=start, n_init=1, tol=0, max_iter=10)
            return took / model.n_iter_

        yield times_faster(f"one iteration of 10 from the same centres, {rows:,} x {columns}, k = {k}, "
                           "2 threads each", in_turn(ours, theirs))


def load_huge(session):
    """Make the table of 10 million rows, some 1.1 GB, unless another case has."""
    if session.value("SELECT to_regclass('huge') IS NULL"):
        rows = scaled(10_000_000)
        say(f"loading {rows:,} rows")
        data.load(session, "huge", data.blobs(rows, 10, 5), 10)


def rows_in_proportion(session):
    """
    An iteration's cost a row, from 100,000 rows to 10 million.  Required of one process: with two,
    the worker of a small table's training comes when its first iterations are over.
    """
    sizes = [scaled(rows) for rows in (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)]
    load_huge(session)
    start = data.standardized(matrix(10_000, 10, 5, 1.2))[:5]
    for workers, required in ((0, True), (1, False)):
        session.workers(workers)
        yield from cost_of_an_iteration(session, sizes, start, workers + 1, required)


def cost_of_an_iteration(session, sizes, start, processes, required):
    """The cost a row for each size, and how far the sizes are apart."""
    features = [f"f{j + 1}" for j in range(10)]
    many = f"{processes} process{'es' * (processes > 1)}"
    cost = {}
    for rows in sizes:
        say(f"iterations over {rows:,} rows, {many}")
        fits = [session.train(f"SELECT * FROM huge WHERE id <= {rows}", features, 5,
                              start_options(start, 10)) for _ in range(PAIRS)]
        cost[rows] = statistics.median(fit["fit"] / fit["iterations"] / rows for fit in fits)
        yield Row(f"one iteration, {rows:,} x 10, k = 5, {many}", seconds(cost[rows] * rows),
                  "", f"{cost[rows] * 1e9:.1f} ns a row")
    middle = statistics.median(cost.values())
    apart = max(abs(each / middle - 1) for each in cost.values())
    yield Row(f"cost of an iteration, {sizes[0]:,} to {sizes[-1]:,} rows, {many}: linear",
              f"{middle * 1e9:.1f} ns a row", "", f"within {apart:.0%}",
              *(("within 15%", apart <= 0.15) if required else ()))


def number_of_workers(session):
    """The same training with any number of workers gives the same model, and none is slower by far than one."""
    rows = scaled(1_000_000)
    features = [f"f{j + 1}" for j in range(10)]
    inertia = set()

    def train(workers):
        session.workers(workers)
        fit = session.train("large", features, 5)
        inertia.add(repr(fit["inertia"]))
        return fit["wall"]

    yield times_faster(f"train, {rows:,} x 10, k = 5, 10 starts, 1 worker; against none",
                       in_turn(lambda _: train(1), lambda _: train(0)))
    for workers in (2, 4, 8):
        pairs = in_turn(lambda _: train(workers), lambda _: train(1), WORKER_PAIRS)
        yield times_the_cost(f"train, {rows:,} x 10, k = 5, 10 starts, {workers} workers asked for; against 1", pairs, 1.05)
    session.workers(1)
    yield Row("inertia with 0, 1, 2, 4 and 8 workers", "the same" if len(inertia) == 1 else "differs", "",
              "", "the same, to the bit", len(inertia) == 1)


def memory(session):
    """Most memory of a training over all its processes, beside the matrix."""
    for table, rows, columns, k, _, _ in FITS:
        rows = scaled(rows)
        features = [f"f{j + 1}" for j in range(columns)]
        fresh = Session()           # one that has kept nothing of an earlier training
        fresh.workers(1)
        fresh.run(f'SELECT sum(f1) FROM "{table}"')     # the table's pages count as its own already
        with MemoryWatch(fresh.pid) as watch:
            fresh.train(f'"{table}"', features, k)
        fresh.connection.close()
        size = rows * columns * 8
        allowed = 1.6 * size + 64 * MB
        yield Row(f"memory of train, {rows:,} x {columns}, k = {k}, 1 worker; against the matrix",
                  f"{watch.bytes / MB:.0f} MB", f"{size / MB:.0f} MB", f"{watch.bytes / size:.2f} of it",
                  f"at most {allowed / MB:.0f} MB", watch.bytes <= allowed)


def streaming(session):
    """Mini-batch k-means on a table far past its memory, beside k-means that holds all rows."""
    load_huge(session)
    features = [f"f{j + 1}" for j in range(10)]
    rows = scaled(10_000_000)
    size = session.value("SELECT pg_table_size('huge')")
    fresh = Session()
    fresh.workers(1)
    session.workers(1)
    fresh.run("SET maintenance_work_mem = '16MB'; SET max_parallel_workers_per_gather = 0; SET jit = off")
    fresh.run("SELECT sum(f1) FROM huge")
    options = {"silhouette_sample": 0}
    with MemoryWatch(fresh.pid) as watch:
        batches = fresh.train("huge", features, 5, options, "batches", "minibatch")
    yield Row(f"memory of train, minibatch, {rows:,} x 10, k = 5, 1 worker, maintenance_work_mem 16 MB; "
              "against the table", f"{watch.bytes / MB:.0f} MB", f"{size / MB:.0f} MB",
              f"{watch.bytes / size:.2f} of it", "at most 32 MB", watch.bytes <= 32 * MB)
    whole = session.train("huge", features, 5, options)
    apart = batches["inertia"] / whole["inertia"] - 1
    yield Row("inertia; against k-means on all rows", f"{batches['inertia']:.5g}",
              f"{whole['inertia']:.5g}", f"{apart:+.2%}", "at most 2% more", apart <= 0.02)
    pairs = in_turn(
        lambda pair: fresh.train("huge", features, 5, {**options, "seed": pair}, "batches", "minibatch")["wall"],
        lambda pair: session.train("huge", features, 5, {**options, "seed": pair})["wall"])
    yield times_faster("time; against k-means on all rows, 10 starts", pairs)
    fresh.connection.close()
