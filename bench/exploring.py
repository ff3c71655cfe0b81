"""Looking at data: describe and correlations, beside the scan that streams the columns, and pandas."""

import time

import pandas

from database import work_file
from judging import features
from measure import in_turn, scaled, times_faster, times_the_cost


def exploring(session):
    """describe and correlations of ten columns."""
    rows = scaled(1_000_000)
    columns = features(10)
    names = ", ".join(columns)
    source = f"SELECT {names} FROM large"
    session.run("SET max_parallel_workers_per_gather = 0")

    def scan(_):
        return session.seconds("SELECT " + ", ".join(f"avg({name})" for name in columns) + " FROM large")

    def read():
        path = work_file("columns.csv")
        with open(path, "wb") as file:
            session.cursor.copy_expert(f"COPY ({source}) TO STDOUT CSV HEADER", file)
        return pandas.read_csv(path)

    def describe(_):
        return session.seconds("SELECT count(*) FROM custseg.describe(%s)", [source])

    def python_describe(_):
        start = time.perf_counter()
        frame = read()
        frame.describe()
        frame.skew()
        frame.kurt()
        frame.nunique()
        return time.perf_counter() - start

    def correlations(_):
        return session.seconds("SELECT count(*) FROM custseg.correlations(%s)", [source])

    def python_correlations(_):
        start = time.perf_counter()
        frame = read()
        frame.corr()
        frame.corr(method="spearman")
        return time.perf_counter() - start

    against = "against a scan that sums the same columns up, 1 process"
    yield times_the_cost(f"describe, {rows:,} x 10; {against}", in_turn(describe, scan), 6)
    yield times_faster(f"describe, {rows:,} x 10; against COPY, pandas, describe, skew, kurt, nunique",
                       in_turn(describe, python_describe), 5)
    yield times_the_cost(f"correlations, {rows:,} x 10, Pearson and Spearman; {against}",
                         in_turn(correlations, scan), 6)
    yield times_faster(f"correlations, {rows:,} x 10; against COPY, pandas, both kinds",
                       in_turn(correlations, python_correlations), 5)
    session.run("RESET max_parallel_workers_per_gather")
