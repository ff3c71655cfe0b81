"""Scoring inside the server: predict in a query and in an UPDATE, and resegment."""

from data import fresh_copy
from measure import in_turn, scaled, times_the_cost
from training import load_huge

FEATURES = [f"f{j + 1}" for j in range(10)]


def predict(session):
    """A query that scores every row, against one that adds up the same columns; compiled where it pays, and not."""
    load_huge(session)
    session.train("large", FEATURES, 5)
    for table, rows in (("large", scaled(1_000_000)), ("huge", scaled(10_000_000))):
        for jit in ("off", "on"):
            for workers in (0, 1):
                session.run(f"SET jit = {jit}; SET max_parallel_workers_per_gather = {workers}")
                pairs = in_turn(
                    lambda _: session.seconds(f"SELECT count(custseg.predict('bench', c)) FROM {table} c"),
                    lambda _: session.seconds(f"SELECT sum({' + '.join(FEATURES)}) FROM {table}"))
                yield times_the_cost(f"SELECT count(predict), {rows:,} rows, {workers + 1} process{'es' * workers}, "
                                     f"jit {jit}; against SELECT sum(f1 + ... + f10)", pairs, 1.5)
    session.run("RESET jit; RESET max_parallel_workers_per_gather")


def update(session):
    """An UPDATE with predict, against one with a trivial expression."""
    rows = scaled(1_000_000)
    session.train("large", FEATURES, 5)

    def run(expression):
        fresh_copy(session)
        return session.seconds(f"UPDATE scored c SET segment = {expression}")

    pairs = in_turn(lambda _: run("custseg.predict('bench', c)"), lambda _: run("(f1 > 0)::int"))
    yield times_the_cost(f"UPDATE with predict, {rows:,} rows; against UPDATE with (f1 > 0)::int",
                         pairs, 1.15)


def resegment(session):
    """CALL resegment when 2 of 100 rows change, against the UPDATE of all rows with predict."""
    rows = scaled(1_000_000)
    session.train("large", FEATURES, 5)

    def update_all(_):
        fresh_copy(session)
        return session.seconds("UPDATE scored c SET segment = custseg.predict('bench', c)")

    def resegment_some(_):
        fresh_copy(session, "(custseg.predict('bench', c) - 1 + (id % 50 = 0)::int) % 5 + 1")
        return session.seconds("CALL custseg.resegment('bench', 'scored')")

    yield times_the_cost(f"CALL resegment, 2% of {rows:,} rows change; against that UPDATE",
                         in_turn(resegment_some, update_all), 0.25)
