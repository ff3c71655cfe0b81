"""Recency, frequency and monetary value inside the server, against pandas after COPY."""

import io
import statistics
import time

import pandas

from measure import PAIRS, Row, in_turn, say, scaled, seconds, times_faster


def load_lines(session, table, lines):
    """
    A shop's lines, one after the other as they were written: orders of twenty lines at one time, each of a
    customer, most of whom buy seldom.
    """
    session.run(f"""
        CREATE TABLE {table} AS
        SELECT i AS id, 10000 + (power(hashint8extended(i / 20, 1) / 2 ^ 64 + 0.5, 2) * {lines // 90})::int AS customer,
            'I' || i / 20 AS invoice, timestamp '2011-01-01' + (i / 20) * interval '365 days' / ({lines} / 20) AS at,
            round((exp(random() * 5))::numeric, 2) AS amount
        FROM generate_series(1, {lines}) i""")
    session.run(f"ANALYZE {table}")


def by_pandas(session, table):
    """COPY the lines out, and score customers as analysts do."""
    start = time.perf_counter()
    text = io.StringIO()
    session.cursor.copy_expert(f"COPY (SELECT customer, invoice, at, amount FROM {table}) TO STDOUT CSV HEADER", text)
    text.seek(0)
    lines = pandas.read_csv(text, parse_dates=["at"])
    now = lines["at"].max()
    customers = lines.groupby("customer").agg(
        last=("at", "max"), first=("at", "min"), frequency=("invoice", "nunique"), monetary=("amount", "sum"))
    customers["recency"] = (now - customers["last"]).dt.days
    for measure, ascending in (("recency", False), ("frequency", True), ("monetary", True)):
        ranks = customers[measure].rank(method="first", ascending=ascending)
        customers[measure + "_score"] = pandas.qcut(ranks, 5, labels=range(1, 6))
    return time.perf_counter() - start


def recency_frequency_monetary(session):
    """As many lines as Online Retail has, and ten million in bounded memory."""
    lines = scaled(541_909)
    load_lines(session, "sales", lines)
    query = """SELECT count(*) FROM custseg.rfm('{}', 'customer', 'at', 'amount',
        options => '{{"order": "invoice"}}')"""
    yield times_faster(f"rfm of {lines:,} lines; against COPY, pandas, groupby, qcut",
                       in_turn(lambda _: session.seconds(query.format("sales")),
                               lambda _: by_pandas(session, "sales")), 3)
    many = scaled(10_000_000)
    say(f"loading {many:,} lines")
    load_lines(session, "many_sales", many)
    session.run("SET maintenance_work_mem = '64MB'")
    taken = [session.seconds(query.format("many_sales")) for _ in range(PAIRS)]
    session.run("RESET maintenance_work_mem")
    yield Row(f"rfm of {many:,} lines in 64 MB", seconds(statistics.median(taken)), "", "")
    session.run("DROP TABLE sales, many_sales")
