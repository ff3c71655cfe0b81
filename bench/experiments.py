"""Experiments, months and budgets: from enrolling a million customers to a budget divided between segments, beside plain SQL and numpy."""

import io
import time

import numpy
import pandas
from scipy import stats

from measure import Row, in_turn, say, scaled, seconds, times_faster, times_the_cost

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


# The bucket of a customer, as an experiment named "bench" has it.
BUCKET = "(('x' || encode(substr(sha256(convert_to('bench:variant:' || id, 'UTF8')), 1, 4), 'hex'))::bit(32)::bigint * 10000) >> 32"


def shop(session, customers):
    """Customers of seven kinds, which are segments, and what came of them: three outcomes, each with a covariate."""
    session.run("CREATE TABLE shoppers (id int PRIMARY KEY, kind int)")
    session.run("INSERT INTO shoppers SELECT i, 1 + i %% 7 FROM generate_series(1, %s) i", [customers])
    session.run("""CREATE TABLE came AS
        SELECT id, a < 0.1 AS bought, CASE WHEN a < 0.1 THEN -30 * ln(1 - b) ELSE 0 END AS revenue, floor(5 * b) AS visits,
            30 * b + 10 * c AS revenue_before, floor(4 * c) AS visits_before, b + c AS bought_before
        FROM shoppers, LATERAL (SELECT (hashint8extended(id, 1) & 1048575) / 1048576.0::float8 AS a,
            (hashint8extended(id, 2) & 1048575) / 1048576.0::float8 AS b, (hashint8extended(id, 3) & 1048575) / 1048576.0::float8 AS c) u""")
    session.run("VACUUM ANALYZE shoppers")
    session.run("VACUUM ANALYZE came")
    session.run("""SELECT custseg.train('shop', 'shoppers', '{kind}', algorithm => 'rules', id => 'id', options =>
        (SELECT jsonb_build_object('segments', jsonb_agg(jsonb_build_object('name', 'kind ' || i, 'when', jsonb_build_object('kind', jsonb_build_object('from', i, 'to', i)))), 'else', 'kind 1')
        FROM generate_series(1, 7) i))""")


def enrolled(session, assignment):
    """Create the experiment anew; return the time that enrolling all customers takes."""
    session.run("SELECT custseg.end_experiment(experiment) FROM custseg.experiment")
    session.run("SELECT custseg.drop_experiment(experiment) FROM custseg.experiment")
    session.run("VACUUM custseg.enrolment")     # a new table has no dead rows either
    session.run("""SELECT custseg.create_experiment('bench', 'shop', '["control", "offer"]',
        '[{"metric": "bought", "kind": "conversion", "role": "primary", "effect": 0.01, "covariate": "bought_before"},
          {"metric": "revenue", "kind": "mean", "covariate": "revenue_before"}, {"metric": "visits", "kind": "mean", "covariate": "visits_before"}]',
        jsonb_build_object('method', 'fixed', 'assignment', %s))""", [assignment])
    return session.seconds("SELECT custseg.enroll('bench', 'shoppers')")


def inserted(session):
    """The time of INSERT ... SELECT of such rows, with the hash and the key."""
    session.run("""DROP TABLE IF EXISTS plain; CREATE TABLE plain (experiment text, customer text COLLATE "C", variant_number int,
        segment int, batch int, enrolled_at timestamptz, PRIMARY KEY (experiment, customer))""")
    return session.seconds(f"""INSERT INTO plain SELECT 'bench', id::text, CASE WHEN {BUCKET} < 5000 THEN 1 ELSE 2 END, kind, 1, now()
        FROM shoppers ORDER BY id::text COLLATE "C" """)


def whole(session):
    """A whole experiment: customers enrolled, and its results, beside INSERT ... SELECT and a plain join."""
    customers = scaled(1_000_000)
    say(f"loading {customers:,} customers of an experiment")
    shop(session, customers)
    pairs = in_turn(lambda _: enrolled(session, "bucket"), lambda _: inserted(session))
    yield times_the_cost(f"enroll of {customers:,} customers by bucket; of INSERT ... SELECT with sha256 and the key", pairs, 1.4)
    sums = ", ".join(f"sum({value}), sum({value} * {value}), sum({before}), sum({before} * {before}), sum({value} * {before})"
                     for value, before in (("bought::int::float8", "bought_before"), ("revenue", "revenue_before"),
                                           ("visits", "visits_before")))
    plain = f"""SELECT variant_number, segment, count(*), {sums} FROM custseg.enrolment e
        LEFT JOIN came o ON o.id::text = e.customer WHERE e.experiment = 'bench' GROUP BY 1, 2"""
    session.run("SET max_parallel_workers_per_gather = 0")
    session.run("VACUUM ANALYZE custseg.enrolment")
    pairs = in_turn(lambda _: session.seconds("SELECT count(*) FROM custseg.experiment_results('bench', 'came', 'id')"),
                    lambda _: session.seconds(plain))
    yield times_the_cost("experiment_results of them, 7 segments, 3 metrics with covariates; of the plain join and sums", pairs, 2)
    session.run("RESET max_parallel_workers_per_gather; DROP TABLE plain")


def months(session):
    """What segments did month by month, from two million lines."""
    lines = scaled(2_000_000)
    say(f"loading {lines:,} lines of orders")
    session.run("""CREATE TABLE ordered AS
        SELECT 1 + (hashint8extended(i, 1) & 2147483647) %% 200000 AS customer, timestamptz '2025-01-01' + ((hashint8extended(i, 2) & 2147483647) %% 31536000) * interval '1 s' AS at,
            ((hashint8extended(i, 3) & 65535) %% 10000 / 100.0)::numeric(10, 2) AS amount FROM generate_series(1, %s) i""", [lines])
    session.run("VACUUM ANALYZE ordered")
    session.run("SET max_parallel_workers_per_gather = 0")
    pairs = in_turn(lambda _: session.seconds("SELECT count(*) FROM custseg.segment_kpis('shop', 'ordered', 'customer', 'at', 'amount', 'SELECT * FROM shoppers WHERE id <= 200000')"),
                    lambda _: session.seconds("SELECT count(*) FROM (SELECT customer, date_trunc('month', at), sum(amount), count(*) FROM ordered GROUP BY 1, 2 OFFSET 0) s"))
    yield times_the_cost(f"segment_kpis of {lines:,} lines, 1 process; of a plain GROUP BY customer and month", pairs, 3)
    session.run("RESET max_parallel_workers_per_gather; DROP TABLE ordered")


def experiments(session):
    """Tests of two arms, against COPY and scipy; a whole experiment and months, against plain SQL; and budgets."""
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
    yield from whole(session)
    yield from months(session)
    session.run("SELECT custseg.end_experiment(experiment) FROM custseg.experiment")
    session.run("SELECT custseg.drop_model('shop', whole => true); DROP TABLE shoppers, came")
    yield from budgets(session)
