"""What is bought together, and next, on the lines of Online Retail."""

import io
import os
import statistics
import time

import numpy
import pandas

from measure import PAIRS, Row, in_turn, seconds, times_faster

FILE = "online_retail/online_retail.csv.xz"
SUPPORT = 0.01
SIZE = 4


def load(session):
    """The lines as they are, and what of them is a purchase."""
    frame = pandas.read_csv(os.path.join(os.environ["CUSTSEG_DATA"], FILE), dtype=str)
    frame.columns = ["invoice", "stock", "description", "quantity", "at", "price", "customer", "country"]
    frame["customer"] = frame["customer"].str.replace(".0", "", regex=False)
    session.run("CREATE TABLE retail (invoice text, stock text, description text, quantity int, at timestamp, price numeric, "
                "customer int, country text)")
    session.cursor.copy_expert("COPY retail FROM STDIN CSV", io.StringIO(frame.to_csv(index=False, header=False)))
    session.run("""CREATE VIEW retail_sales AS SELECT customer, at, invoice, stock, quantity * price AS amount FROM retail
        WHERE customer IS NOT NULL AND invoice NOT LIKE 'C%' AND quantity > 0 AND price > 0""")
    session.run("ANALYZE retail")
    return len(frame)


def grow(orders, items, columns, least, found):
    """Count the sets that begin with items, whose orders are given, and keep those that are frequent."""
    behind = columns[:, items[-1] + 1:]
    counts = behind[orders].sum(axis=0)
    for at in numpy.flatnonzero(counts >= least):
        item = items[-1] + 1 + at
        found[items + (item,)] = int(counts[at])
        if len(items) + 1 < SIZE:
            grow(orders[columns[orders, item]], items + (item,), columns, least, found)


def by_numpy(session):
    """COPY the lines out, and count sets over columns of booleans, depth first."""
    start = time.perf_counter()
    text = io.StringIO()
    session.cursor.copy_expert("COPY (SELECT invoice, stock FROM retail) TO STDOUT CSV HEADER", text)
    text.seek(0)
    lines = pandas.read_csv(text, dtype=str).drop_duplicates()
    orders, _ = pandas.factorize(lines["invoice"])
    n = orders.max() + 1
    least = numpy.ceil(SUPPORT * n - 1e-9)
    counts = lines["stock"].value_counts()
    frequent = {stock: i for i, stock in enumerate(sorted(counts.index[counts >= least]))}
    kept = lines["stock"].isin(frequent)
    columns = numpy.zeros((n, len(frequent)), dtype=bool)
    columns[orders[kept], lines["stock"][kept].map(frequent)] = True
    found = {(i,): int(counts[stock]) for stock, i in frequent.items()}
    for i in range(len(frequent)):
        grow(numpy.flatnonzero(columns[:, i]), (i,), columns, least, found)
    taken = time.perf_counter() - start
    names = list(frequent)
    return taken, {tuple(sorted(names[i] for i in items)): n for items, n in found.items()}


def products(session):
    """The same sets, in how much time; and whether recommendations hit."""
    if not os.path.exists(os.path.join(os.environ.get("CUSTSEG_DATA", ""), FILE)):
        yield Row("products of Online Retail", "not measured", "", "CUSTSEG_DATA is not set")
        return
    n = load(session)
    query = f"""FROM custseg.frequent_itemsets('retail', 'invoice', 'stock',
        '{{"min_support": {SUPPORT}, "max_size": {SIZE}}}')"""
    ours = {tuple(sorted(items)): count for items, count in session.run("SELECT products, n " + query)}
    _, theirs = by_numpy(session)
    yield Row("frequent sets that are the same", f"{len(ours):,}", f"{len(theirs):,}", "all" if ours == theirs else "not all",
              "all", ours == theirs)
    yield times_faster(f"frequent_itemsets of {n:,} lines; against COPY, pandas, numpy",
                       in_turn(lambda _: session.seconds("SELECT count(*) " + query), lambda _: by_numpy(session)[0]))
    session.run("""SELECT custseg.create_feature_view('retail_features', 'retail_sales', 'customer', 'at', 'amount',
        as_of => '2011-12-10', options => '{"order": "invoice"}')""")
    session.run("CREATE TABLE retail_customers AS SELECT customer AS id, days_since_last, frequency, monetary FROM retail_features")
    session.run("ALTER TABLE retail_customers ADD PRIMARY KEY (id)")
    session.run("""SELECT custseg.train('retail', 'retail_customers', k => 5,
        prep => '{"columns": {"frequency": {"transform": "log1p"}, "monetary": {"transform": "log1p"}}}')""")
    for what, call in (("segment_affinity", "segment_affinity('retail', 'retail_sales', 'customer', 'stock')"),
                       ("next_products for all customers", "next_products('retail', 'retail_sales', 'customer', 'stock')")):
        taken = [session.seconds(f"SELECT count(*) FROM custseg.{call}") for _ in range(PAIRS)]
        yield Row(f"{what}, 397,884 purchases", seconds(statistics.median(taken)), "", "")
    # segments that know nothing of the last orders
    session.run("""CREATE VIEW retail_earlier AS SELECT * FROM (SELECT *, max(at) OVER (PARTITION BY customer) AS last FROM retail_sales) s
        WHERE at < last""")
    session.run("""SELECT custseg.create_feature_view('retail_before', 'retail_earlier', 'customer', 'at', 'amount',
        as_of => '2011-12-10', options => '{"order": "invoice"}')""")
    rates = dict(session.run("""SELECT method, hit_rate FROM custseg.evaluate_next_products('retail', 'retail_sales', 'customer',
        'stock', 'at', 'SELECT customer AS id, days_since_last, frequency, monetary FROM retail_before', options => '{"order": "invoice"}')"""))
    yield Row("hit rate at 10, last order held out; against what is popular with everyone", f"{rates['next_products']:.3f}",
              f"{rates['popular with everyone']:.3f}", "", "")
    session.run("DROP TABLE retail_customers; DROP VIEW retail_before, retail_earlier, retail_features, retail_sales; DROP TABLE retail")
