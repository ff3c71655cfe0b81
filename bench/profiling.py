"""Who is in a segment: profiles of all columns, and publications, beside a scan that places customers, and pandas."""

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
    yield publication(session, f"SELECT id, {names} FROM large", rows)


def publication(session, source, rows):
    """publish but for a sample's silhouettes and a training, beside segment_sizes: columns streamed, customers placed."""
    options = '{"sample": 0, "surrogate": false}'

    def publish(_):
        return session.seconds("SELECT count(*) FROM custseg.publish('bench', %s, %s)", [source, options])

    def sizes(_):
        return session.seconds("SELECT count(*) FROM custseg.segment_sizes('bench', %s)", [source])

    return times_the_cost(f"publish, {rows:,} x 10, 5 segments, without silhouettes; against a scan that streams the "
                          "columns and places the customers (segment_sizes), 2 processes", in_turn(publish, sizes), 3)
