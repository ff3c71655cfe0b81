"""Who is in a segment: profiles of all columns, beside a scan that places customers, and pandas."""

import time

import pandas

from database import work_file
from judging import features
from measure import in_turn, scaled, times_faster, times_the_cost


def profiles(session):
    """segment_profile, against the scan that it rests on, and against the way through Python."""
    rows = scaled(1_000_000)
    columns = features(10)
    names = ", ".join(columns)
    session.workers(1)
    session.train("large", columns, 5, {"silhouette_sample": 0})
    source = f"SELECT {names} FROM large"

    def ours(_):
        return session.seconds("SELECT count(*) FROM custseg.segment_profile('bench', %s)", [source])

    def scan(_):
        session.run("SET max_parallel_workers_per_gather = 0")
        return session.seconds("SELECT " + ", ".join(f"avg({name})" for name in columns)
                               + ", count(custseg.predict('bench', c)) FROM large c")

    def python(_):
        start = time.perf_counter()
        path = work_file("placed.csv")
        with open(path, "wb") as file:
            session.cursor.copy_expert(f"COPY (SELECT custseg.predict('bench', c) AS segment, {names} "
                                       "FROM large c) TO STDOUT CSV HEADER", file)
        placed = pandas.read_csv(path)
        placed.groupby("segment").describe()
        placed.describe()
        return time.perf_counter() - start

    yield times_the_cost(f"segment_profile, {rows:,} x 10, 5 segments; against a scan that streams the "
                         "columns and places the customers, 1 process", in_turn(ours, scan), 4)
    yield times_faster(f"segment_profile, {rows:,} x 10, 5 segments; against COPY, pandas, describe by "
                       "segment and of all", in_turn(ours, python), 5)
    session.run("RESET max_parallel_workers_per_gather")
