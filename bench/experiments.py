"""Experiments and budgets: tests of two arms as aggregates, and a budget divided between segments, beside numpy."""

import io
import time

import numpy
import pandas
from scipy import stats

from measure import Row, in_turn, say, scaled, seconds, times_faster

SEGMENTS = 100
UNITS = 1000


def load(session, customers):
    """Customers of two arms: who converted, revenue, orders, and the revenue of before."""
    random = numpy.random.default_rng(17)
    treated = random.integers(0, 2, customers)
    before = random.lognormal(3, 1, customers)
    orders = random.poisson(1 + 0.1 * treated)
    frame = pandas.DataFrame({
        "treated": treated.astype(bool), "bought": orders > 0, "orders": orders, "before": before,
        "revenue": orders * random.lognormal(3, 0.8, customers) + 0.3 * before})
    session.run("CREATE TABLE arms (treated bool, bought bool, orders int, before float8, revenue float8)")
    session.cursor.copy_expert("COPY arms FROM STDIN CSV", io.StringIO(frame.to_csv(index=False, header=False)))
    session.run("VACUUM ANALYZE arms")


def arms(session):
    """COPY the arms out."""
    text = io.StringIO()
    session.cursor.copy_expert("COPY arms TO STDOUT CSV HEADER", text)
    text.seek(0)
    return pandas.read_csv(text, true_values=["t"], false_values=["f"])


def welch(session):
    """Welch's test by scipy, from the table."""
    frame = arms(session)
    return stats.ttest_ind(frame.revenue[frame.treated], frame.revenue[~frame.treated], equal_var=False).pvalue


def curves(kind, shape):
    """Curves of response as a query, and the same as arrays."""
    number = numpy.arange(1, SEGMENTS + 1)
    height, scale = 100.0 + number, 500.0 + number * 7 % 31 * 100
    query = (f"SELECT i AS segment, '{kind}' AS curve, 100 + i AS a, 500 + i * 7 %% 31 * 100 AS b, {shape} AS c "
             f"FROM generate_series(1, {SEGMENTS}) i").replace("%%", "%")
    return query, height, scale


def divide(response):
    """The best split of all units by dynamic programming, a matrix of choices for each segment."""
    best = response[0]
    for one in response[1:]:
        sums = numpy.full((UNITS + 1, UNITS + 1), -numpy.inf)
        for units in range(UNITS + 1):
            sums[units, units:] = best[: UNITS + 1 - units] + one[units]
        best = sums.max(axis=0)
    return best[UNITS]


def budgets(session):
    """A budget of 1,000 units between 100 segments, S-shaped responses and concave ones."""
    for what, kind, shape in (("S-shaped", "hill", 2), ("concave", "exp", "NULL::float8")):
        query, height, scale = curves(kind, shape)
        told = {}

        def ours(_):
            start = time.perf_counter()
            told["ours"] = session.value("SELECT sum(response) FROM custseg.allocate_budget(%s, 100000)", [query])
            return time.perf_counter() - start

        def theirs(_):
            start = time.perf_counter()
            x = numpy.arange(UNITS + 1)[None, :] * 100.0 / scale[:, None]
            told["theirs"] = divide(height[:, None] * (x ** 2 / (1 + x ** 2) if kind == "hill" else -numpy.expm1(-x)))
            return time.perf_counter() - start

        pairs = in_turn(ours, theirs)
        yield times_faster(f"{UNITS:,} units of a budget between {SEGMENTS} segments, {what}; against numpy", pairs)
        taken = max(own for own, _ in pairs)
        yield Row("the time of that", seconds(taken), "", "", "at most 1 s", taken <= 1)
        apart = abs(told["ours"] / told["theirs"] - 1)
        yield Row("its response", f"{told['ours']:.4f}", f"{told['theirs']:.4f}", f"{apart:.0e} apart", "at most 1e-9", apart <= 1e-9)


def experiments(session):
    """Tests of two arms, against COPY and scipy; and budgets."""
    customers = scaled(1_000_000)
    say(f"loading {customers:,} customers of two arms")
    load(session, customers)
    session.run("SET max_parallel_workers_per_gather = 0")
    told = {}

    def ours(_):
        start = time.perf_counter()
        told["ours"] = session.value("SELECT (custseg.welch_test(revenue, treated)).p_value FROM arms")
        return time.perf_counter() - start

    def theirs(_):
        start = time.perf_counter()
        told["theirs"] = welch(session)
        return time.perf_counter() - start

    yield times_faster(f"welch_test of {customers:,} customers, 1 process; against COPY, pandas, scipy", in_turn(ours, theirs), 5)
    apart = abs(told["ours"] / told["theirs"] - 1)
    yield Row("its p", f"{told['ours']:.6e}", f"{told['theirs']:.6e}", f"{apart:.0e} apart", "at most 1e-6", apart <= 1e-6)
    plain = "SELECT avg(revenue), var_samp(revenue), count(*) FROM arms GROUP BY treated"
    for name, call in (("proportion_test", "bought, treated"), ("welch_test", "revenue, treated"),
                       ("ratio_test", "revenue, orders, treated"), ("cuped_test", "revenue, before, treated")):
        pairs = in_turn(lambda _, call=call, name=name: session.seconds(f"SELECT custseg.{name}({call}) FROM arms"),
                        lambda _: session.seconds(plain))
        yield times_faster(f"{name}, 1 process; against PostgreSQL's avg, var_samp and count by arm", pairs)
    session.run("RESET max_parallel_workers_per_gather")
    session.run("DROP TABLE arms")
    yield from budgets(session)
