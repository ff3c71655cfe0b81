"""What customers are worth: a model of purchases, and the value of each customer, beside numpy and scipy."""

import io
import statistics
import time

import numpy
import pandas
from scipy.optimize import minimize
from scipy.special import digamma, gammaln, hyp2f1

from measure import PAIRS, Row, in_turn, say, scaled, seconds, times_faster

DAYS = 365
MONTH = 365.25 / 12 / 7         # weeks
DISCOUNT = 0.1                  # a year


def buyers(customers, seed=1):
    """
    Lines of customers as BG/NBD has them: each comes on a day of the year, buys at a rate of his own, and after
    each repeat leaves with a chance of his own.  Yields customers and days of each round of purchases.
    """
    random = numpy.random.default_rng(seed)
    rate = random.gamma(0.24, 1 / 4.4, customers) / 7
    leaves = random.beta(0.8, 2.4, customers)
    at = random.uniform(0, DAYS, customers)
    there = numpy.arange(customers)
    while len(there):
        yield there, at.astype(int)
        with numpy.errstate(divide="ignore", over="ignore"):
            at = at + random.exponential(size=len(there)) / rate[there]
        stays = at < DAYS
        there, at = there[stays], at[stays]
        yield there, at.astype(int)
        stays = random.uniform(size=len(there)) >= leaves[there]
        there, at = there[stays], at[stays]


def load(session, customers):
    """Put their lines into a table, with amounts that differ between customers and purchases."""
    random = numpy.random.default_rng(2)
    scale = 6.25 * 15.4 / random.gamma(3.74, 1, customers) / 6.25
    session.run("CREATE TABLE bought (customer int, day date, amount float8)")
    for who, day in buyers(customers):
        frame = pandas.DataFrame({"customer": who, "day": numpy.datetime64("2024-01-01") + day,
                                  "amount": random.gamma(6.25, 1, len(who)) * scale[who]})
        session.cursor.copy_expert("COPY bought FROM STDIN CSV", io.StringIO(
            frame.to_csv(index=False, header=False)))
    session.run("VACUUM ANALYZE bought")


def summary(session):
    """COPY the lines out, and sum them up in weeks: repeats, recency, age, and the mean amount of repeats."""
    text = io.StringIO()
    session.cursor.copy_expert("COPY (SELECT customer, day, amount FROM bought) TO STDOUT CSV HEADER", text)
    text.seek(0)
    lines = pandas.read_csv(text, parse_dates=["day"])
    days = lines.groupby(["customer", "day"], as_index=False)["amount"].sum()
    groups = days.groupby("customer")
    first, last = groups["day"].min(), groups["day"].max()
    x = groups.size().to_numpy() - 1
    spent = groups["amount"].sum() - groups["amount"].first()
    return (x.astype(float), (last - first).dt.days.to_numpy() / 7, (days["day"].max() - first).dt.days.to_numpy() / 7,
            numpy.where(x > 0, spent.to_numpy() / numpy.maximum(x, 1), 0))


def likelihood(theta, x, recency, age):
    """Minus the mean log-likelihood of BG/NBD, and its gradient; theta: logarithms of r, alpha, a, b."""
    r, alpha, a, b = numpy.exp(theta)
    stayed = -(r + x) * numpy.log(alpha + age)
    left = numpy.where(x > 0, numpy.log(a) - numpy.log(b + numpy.maximum(x, 1) - 1)
                       - (r + x) * numpy.log(alpha + recency), -numpy.inf)
    value = gammaln(r + x) - gammaln(r) + r * numpy.log(alpha) + gammaln(a + b) + gammaln(b + x) - gammaln(b) \
        - gammaln(a + b + x) + numpy.logaddexp(stayed, left)
    gone = 1 / (1 + numpy.exp(stayed - left))
    gradient = numpy.array([
        r * (digamma(r + x) - digamma(r) + numpy.log(alpha) - (1 - gone) * numpy.log(alpha + age)
             - gone * numpy.log(alpha + recency)).mean(),
        alpha * (r / alpha - (r + x) * ((1 - gone) / (alpha + age) + gone / (alpha + recency))).mean(),
        a * (digamma(a + b) - digamma(a + b + x) + gone / a).mean(),
        b * (digamma(a + b) + digamma(b + x) - digamma(b) - digamma(a + b + x)
             - numpy.where(x > 0, gone / (b + numpy.maximum(x, 1) - 1), 0)).mean()])
    return -value.mean(), -gradient


def by_numpy(x, recency, age):
    """Fit BG/NBD to each customer by himself, the Hessian included; return the log-likelihood."""
    found = minimize(likelihood, numpy.log([1, age.mean(), 1, 1]), (x, recency, age), "BFGS", True,
                     options={"gtol": 1e-8})
    for j in range(4):
        step = 1e-4 * numpy.eye(4)[j]
        for theta in (found.x - step, found.x + step):
            likelihood(theta, x, recency, age)
    return -found.fun * len(x)


def expected(parameters, x, recency, age, weeks):
    """Expected purchases of customers in so many weeks (Fader, Hardie and Lee 2005, equation 10)."""
    r, alpha, a, b = parameters
    there = 1 / (1 + numpy.where(x > 0, a / (b + numpy.maximum(x, 1) - 1)
                                 * ((alpha + age) / (alpha + recency)) ** (r + x), 0))
    return (a + b + x - 1) / (a - 1) * there * (
        1 - ((alpha + age) / (alpha + age + weeks)) ** (r + x)
        * hyp2f1(r + x, b + x, a + b + x - 1, weeks / (alpha + age + weeks)))


def value(session, parameters):
    """The sum of what customers are worth in a year, month by month, from their lines."""
    x, recency, age, mean = summary(session)
    p, q, gamma = parameters["p"], parameters["q"], parameters["g"]
    purchases = [parameters[name] for name in ("r", "alpha", "a", "b")]
    spend = p * (gamma + x * mean) / (p * x + q - 1)
    total = numpy.zeros(len(x))
    before = numpy.zeros(len(x))
    for month in range(1, 13):
        now = expected(purchases, x, recency, age, month * MONTH)
        total += (now - before) * (1 + DISCOUNT) ** (-month / 12)
        before = now
    return (total * spend).sum()


def train(session):
    """Train a model of this name anew; return what it says of its fit."""
    session.run("SELECT custseg.drop_model(name, whole => true) FROM custseg.model WHERE name = 'worth'")
    session.run("""SELECT custseg.train_purchases('worth', 'bought', 'customer', 'day', 'amount', algorithm => 'bg_nbd',
        options => '{"holdout": "none"}')""")
    return session.run("SELECT (metrics->>'fit_milliseconds')::float8 / 1000, (metrics->>'log_likelihood')::float8 "
                       "FROM custseg.model_version WHERE model = 'worth'")[0]


def worth(session):
    """The fit alone, and customers' values from their lines."""
    customers = scaled(1_000_000)
    say(f"loading the lines of {customers:,} customers")
    load(session, customers)
    x, recency, age, _ = summary(session)
    told = {}

    def ours(_):
        taken, told["ours"] = train(session)
        return taken

    def theirs(_):
        start = time.perf_counter()
        told["theirs"] = by_numpy(x, recency, age)
        return time.perf_counter() - start

    pairs = in_turn(ours, theirs)
    yield times_faster(f"fit of BG/NBD to {customers:,} customers, NBD, MBG/NBD and spend beside; against numpy, "
                       "a customer a row, BG/NBD alone", pairs, 10)
    taken = statistics.median(own for own, _ in pairs)
    yield Row("the time of that fit, 1 process", seconds(taken), "", "", "at most 1.5 s", taken <= 1.5)
    apart = abs(told["ours"] / told["theirs"] - 1)
    yield Row("its log-likelihood", f"{told['ours']:.3f}", f"{told['theirs']:.3f}", f"{apart:.1e} apart",
              "at most 1e-9", apart <= 1e-9)

    parameters = dict(session.run("SELECT parameter, estimate FROM custseg.purchase_parameters('worth') "
                                  "WHERE part IN ('purchases', 'spend')"))
    session.run("SET max_parallel_workers_per_gather = 0")

    def valued(_):
        start = time.perf_counter()
        told["our value"] = session.value(
            f"SELECT sum(lifetime_value) FROM custseg.lifetime_value('worth', horizon => '12 months', discount => {DISCOUNT})")
        return time.perf_counter() - start

    def valued_by_numpy(_):
        start = time.perf_counter()
        told["their value"] = value(session, parameters)
        return time.perf_counter() - start

    pairs = in_turn(valued, valued_by_numpy, PAIRS)
    yield times_faster(f"lifetime_value of {customers:,} customers, 12 months; against COPY, pandas, hyp2f1", pairs)
    taken = statistics.median(own for own, _ in pairs)
    yield Row("the time of lifetime_value, 1 process", seconds(taken), "", "", "at most 3 s", taken <= 3)
    apart = abs(told["our value"] / told["their value"] - 1)
    yield Row("the sum of their values", f"{told['our value']:.2f}", f"{told['their value']:.2f}", f"{apart:.1e} apart",
              "at most 1e-6", apart <= 1e-6)
    session.run("RESET max_parallel_workers_per_gather; SELECT custseg.drop_model('worth', whole => true)")
    session.run("DROP TABLE bought")
