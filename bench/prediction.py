"""Predicting a number: a forest beside scikit-learn's on real customers, boosted trees that score and explain."""

import ctypes
import io
import json
import os
import time

import numpy
import pandas
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import GridSearchCV, KFold

from measure import Row, in_turn, say, scaled, times_faster
from training import matrix

FILE = "ibm_watson_clv/marketing_customer_value.csv.gz"
NUMBERS = ["Income", "Monthly Premium Auto", "Months Since Last Claim", "Months Since Policy Inception",
           "Number of Open Complaints", "Number of Policies", "Total Claim Amount"]
CATEGORIES = ["Coverage", "EmploymentStatus", "Vehicle Class", "Renew Offer Type"]
TREES = 200

# Trees of each forest that tuning tries, and the grid that it has for so many and these customers.
TUNED_TREES = 20
GRID = {"max_features": [1.0, 0.34, 0.67], "min_samples_leaf": [1, 8], "max_depth": [64, 8]}

# Rows that are explained, and the library's word for that.
EXPLAINED = 10_000
CONTRIBUTIONS = 4


def customers():
    """Features and lifetime value of the real customers, in the order of their ids."""
    frame = pandas.read_csv(os.path.join(os.environ["CUSTSEG_DATA"], FILE)).sort_values("Customer")
    x = pandas.get_dummies(frame[NUMBERS + CATEGORIES], columns=CATEGORIES).to_numpy(dtype=float)
    return x, frame["Customer Lifetime Value"].to_numpy()


def put(session, x, y):
    """Put them into a table of id, y, c1, c2, ...; return the names of the features."""
    names = [f"c{j + 1}" for j in range(x.shape[1])]
    frame = pandas.DataFrame(x, columns=names)
    frame.insert(0, "y", y)
    frame.insert(0, "id", numpy.arange(len(frame)))
    session.run("DROP TABLE IF EXISTS valued; CREATE TABLE valued (id int PRIMARY KEY, "
                + ", ".join(f"{name} float8" for name in ["y"] + names) + ")")
    session.cursor.copy_expert("COPY valued FROM STDIN CSV", io.StringIO(
        frame.to_csv(index=False, header=False, float_format="%.17g")))
    return names


def train(session, source, names, algorithm, options, tune=False, model="valued"):
    """Train a model of this name anew; return the time that it took."""
    session.run("SELECT custseg.drop_model(name, whole => true) FROM custseg.model WHERE name = %s", [model])
    return session.seconds("SELECT custseg.train_value(%s, %s, 'y', %s, %s, 'id', options => %s, tune => %s)",
                           [model, source, names, algorithm, json.dumps(options), tune])


def r2(actual, predicted):
    """The share of the variance that is explained."""
    return 1 - ((actual - predicted) ** 2).sum() / ((actual - actual.mean()) ** 2).sum()


def forest(session):
    """A forest of the same settings, from the table to the stored model, beside a fit and its rows left out."""
    x, y = customers()
    names = put(session, x, y)
    unseen = numpy.arange(len(y)) % 5 == 0
    scores = {}

    def ours(_):
        taken = train(session, "SELECT * FROM valued WHERE id % 5 <> 0", names, "forest",
                      {"trees": TREES, "min_samples_leaf": 5})
        rows = session.run("SELECT custseg.predict_value('valued', v) FROM valued v WHERE id % 5 = 0 ORDER BY id")
        scores["ours"] = r2(y[unseen], numpy.array([row[0] for row in rows]))
        return taken

    def theirs(pair):
        start = time.perf_counter()
        fitted = RandomForestRegressor(TREES, min_samples_leaf=5, oob_score=True, random_state=pair, n_jobs=1)
        fitted.fit(x[~unseen], y[~unseen])
        taken = time.perf_counter() - start
        scores["theirs"] = r2(y[unseen], fitted.predict(x[unseen]))
        return taken

    session.workers(0)
    yield times_faster(f"forest of {TREES} trees on ibm_watson_clv, 1 process, stored", in_turn(ours, theirs), 1)
    session.workers(1)
    apart = abs(scores["ours"] - scores["theirs"])
    yield Row("its R2 of customers unseen", f"{scores['ours']:.4f}", f"{scores['theirs']:.4f}", f"{apart:.4f} apart",
              "at most 0.01", apart <= 0.01)
    yield from usual(session, names)
    yield from tuned(session, x, y, names)


def usual(session, names):
    """A forest with the usual options fits into the usual memory, and is the same in another order of the rows."""
    session.run("SET maintenance_work_mem = '64MB'")
    models = []
    for order in ("id", "y"):
        train(session, f"SELECT * FROM valued ORDER BY {order}", names, "forest", {})
        models.append(session.value("SELECT md5(parameters::text) FROM custseg.model_version WHERE model = 'valued'"))
    session.run("RESET maintenance_work_mem")
    same = models[0] == models[1]
    yield Row("the usual forest in 64 MB, rows in two orders", "the same" if same else "differs", "", "", "the same", same)


def tuned(session, x, y, names):
    """Tuning by cross-validation, the same grid as scikit-learn's search: time, and the R2 of the best."""
    scores = {}

    def ours(_):
        taken = train(session, "valued", names, "forest", {"trees": TUNED_TREES}, True)
        scores["ours"] = session.value("SELECT r2 FROM custseg.value_tuning('valued') WHERE chosen")
        return taken

    def theirs(pair):
        start = time.perf_counter()
        search = GridSearchCV(RandomForestRegressor(TUNED_TREES, random_state=pair, n_jobs=1), GRID, scoring="r2",
                              cv=KFold(5, shuffle=True, random_state=pair), n_jobs=1)
        search.fit(x, y)
        scores["theirs"] = search.best_score_
        return time.perf_counter() - start

    session.workers(0)
    yield times_faster(f"tuning of a forest of {TUNED_TREES} trees, 12 settings, 5 folds, 1 process; against GridSearchCV",
                       in_turn(ours, theirs, 1), 1)
    session.workers(1)
    apart = abs(scores["ours"] - scores["theirs"])
    yield Row("R2 over the folds of what tuning takes", f"{scores['ours']:.4f}", f"{scores['theirs']:.4f}", f"{apart:.4f} apart",
              "at most 0.02", apart <= 0.02)


def library(x, y, rounds):
    """
    Two functions of a pair's number that time the library of XGBoost, after it has learned y: predicting x, and
    explaining the first rows of x by TreeSHAP.
    """
    os.environ["OMP_NUM_THREADS"] = os.environ["OMP_THREAD_LIMIT"] = "1"
    xgboost = ctypes.CDLL("libxgboost.so.0")
    rows = numpy.ascontiguousarray(x, dtype=numpy.float32)
    label = numpy.ascontiguousarray(y, dtype=numpy.float32)
    floats = ctypes.POINTER(ctypes.c_float)
    data, booster = ctypes.c_void_p(), ctypes.c_void_p()
    xgboost.XGDMatrixCreateFromMat(rows.ctypes.data_as(floats), ctypes.c_uint64(len(rows)),
                                   ctypes.c_uint64(rows.shape[1]), ctypes.c_float(numpy.nan), ctypes.byref(data))
    xgboost.XGDMatrixSetFloatInfo(data, b"label", label.ctypes.data_as(floats), ctypes.c_uint64(len(label)))
    xgboost.XGBoosterCreate(ctypes.byref(data), ctypes.c_uint64(1), ctypes.byref(booster))
    for name, value in {"tree_method": "hist", "nthread": 1, "eta": 0.1, "max_depth": 4}.items():
        xgboost.XGBoosterSetParam(booster, name.encode(), str(value).encode())
    for i in range(rounds):
        xgboost.XGBoosterUpdateOneIter(booster, i, data)

    few = ctypes.c_void_p()
    xgboost.XGDMatrixCreateFromMat(rows.ctypes.data_as(floats), ctypes.c_uint64(scaled(EXPLAINED)),
                                   ctypes.c_uint64(rows.shape[1]), ctypes.c_float(numpy.nan), ctypes.byref(few))

    def ask(matrix_of_rows, what, trees):
        length, result = ctypes.c_uint64(), floats()
        start = time.perf_counter()
        xgboost.XGBoosterPredict(booster, matrix_of_rows, what, trees, 0, ctypes.byref(length), ctypes.byref(result))
        return time.perf_counter() - start

    # what the library has predicted of a matrix it keeps: each pair asks of another number of trees
    return lambda pair: ask(data, 0, rounds - pair - 1), lambda pair: ask(few, CONTRIBUTIONS, rounds)


def boosted(session):
    """Boosted trees score and explain a table, beside the library, which has all rows in its memory."""
    rows = scaled(1_000_000)
    names = [f"f{j + 1}" for j in range(10)]
    say("boosted trees of the large table")
    session.run("SET maintenance_work_mem = '4GB'")
    source = "SELECT *, f1 + abs(f2) AS y FROM large"
    train(session, source + " LIMIT 100000", names, "xgboost", {"rounds": 100, "folds": 2})
    train(session, source + " LIMIT 100000", names, "xgboost", {"rounds": 1, "folds": 2}, model="one tree")
    session.run("RESET maintenance_work_mem")
    x = matrix(rows, 10, 5, 1.2)
    y = numpy.array([row[0] for row in session.run(f"SELECT y FROM ({source}) s ORDER BY id")])
    predict, explain = library(x, y, 100)
    session.run("SET max_parallel_workers_per_gather = 0")

    def scored(model):
        return session.seconds("SELECT sum(predicted) FROM custseg.score_value(%s, 'large')", [model])

    yield times_faster(f"100 boosted trees score {rows:,} x 10 by score_value, 1 process", in_turn(lambda _: scored("valued"), predict), 2)
    yield times_faster("the trees alone: the time beyond that of a model of one tree, without reading rows and returning them",
                       in_turn(lambda _: max(scored("valued") - scored("one tree"), 1e-6), predict), 2)
    explained = scaled(EXPLAINED)
    yield times_faster(f"TreeSHAP of {explained:,} x 10, 100 boosted trees, by explain_value, 1 process",
                       in_turn(lambda _: session.seconds(
                           f"""SELECT sum(e.contribution) FROM (SELECT * FROM large WHERE id <= {explained}) c,
                           LATERAL custseg.explain_value('valued', c) e"""), explain), 1)
    session.run("RESET max_parallel_workers_per_gather")


def prediction(session):
    """Both."""
    if os.environ.get("CUSTSEG_DATA") and os.path.exists(os.path.join(os.environ["CUSTSEG_DATA"], FILE)):
        yield from forest(session)
    else:
        yield Row("forest on ibm_watson_clv", "not measured", "", "CUSTSEG_DATA is not set")
    yield from boosted(session)
