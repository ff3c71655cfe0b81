"""Single customers: who is like one of them, beside a query that scores every row of the same table."""

from judging import features
from measure import in_turn, scaled, times_the_cost


def people(session):
    """The exact nearest of one customer among all others, against one predict over the table; one process each."""
    rows = scaled(1_000_000)
    columns = features(10)
    session.workers(0)
    session.run("SET max_parallel_workers_per_gather = 0")
    session.run(f"SELECT custseg.train('peopled', 'large', '{{{','.join(columns)}}}', 5, id => 'id', deploy => true)")
    score = "SELECT count(custseg.predict('peopled', c)) FROM large c"
    for n in (10, 100):
        similar = f"SELECT count(*) FROM custseg.similar_customers('peopled', 'large', '77', {n})"
        yield times_the_cost(f"similar_customers, the {n} nearest of {rows:,} x 10; against SELECT count(predict), "
                             "1 process",
                             in_turn(lambda _, query=similar: session.seconds(query), lambda _: session.seconds(score)),
                             1.5)
    session.run("RESET max_parallel_workers_per_gather")
    session.workers(1)
