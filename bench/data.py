"""The rows: blobs that overlap, made from a fixed seed, and real customers from CUSTSEG_DATA."""

import io
import os

import numpy
import pandas

CHUNK = 100_000


def blobs(rows, columns, clusters, seed=1, spread=1.2):
    """
    Yield chunks of normal clouds around random centres.  With the spread near the distance between
    centres they overlap, so that k-means has work to do: some 15 iterations a start.  Beyond 10,
    columns are mixtures of 10 such ones with noise of their own, as wide tables of customers say
    much the same many times.  Columns get units of their own, as tables have them.
    """
    random = numpy.random.default_rng(seed)
    latent = min(columns, 10)
    centers = random.normal(size=(clusters, latent))
    mixture = random.normal(size=(latent, columns)) / numpy.sqrt(latent)
    units = 10.0 ** random.uniform(-1, 4, size=columns)
    for start in range(0, rows, CHUNK):
        size = min(CHUNK, rows - start)
        x = centers[random.integers(clusters, size=size)] + spread * random.normal(size=(size, latent))
        if columns > latent:
            x = x @ mixture + 0.5 * random.normal(size=(size, columns))
        yield x * units


def load(session, table, chunks, columns):
    """Create a table of id, f1, f2, ... and segment, and fill it by binary COPY."""
    names = [f"f{j + 1}" for j in range(columns)]
    session.run(f"CREATE TABLE {table} (id bigint, "
                + ", ".join(f"{name} float8" for name in names) + ", segment int)")
    layout = [("count", ">i2"), ("id_size", ">i4"), ("id", ">i8")]
    for name in names:
        layout += [(f"{name}_size", ">i4"), (name, ">f8")]
    done = 0
    for chunk in chunks:
        rows = numpy.empty(len(chunk), dtype=layout)
        rows["count"], rows["id_size"] = columns + 1, 8
        rows["id"] = numpy.arange(done + 1, done + len(chunk) + 1)
        for j, name in enumerate(names):
            rows[f"{name}_size"], rows[name] = 8, chunk[:, j]
        stream = io.BytesIO(b"PGCOPY\n\xff\r\n\0" + bytes(8) + rows.tobytes() + b"\xff\xff")
        session.cursor.copy_expert(
            f"COPY {table} (id, {', '.join(names)}) FROM STDIN (FORMAT binary)", stream)
        done += len(chunk)
    session.run(f"ALTER TABLE {table} ADD PRIMARY KEY (id)")
    session.run(f"VACUUM ANALYZE {table}")
    return names


def fresh_copy(session, segment="NULL::int"):
    """
    Make "scored" from "large", each row with the given segment: pages full, visibility known,
    nothing left to be written.
    """
    session.run("DROP TABLE IF EXISTS scored")
    session.run("CREATE TABLE scored AS SELECT id, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, "
                f"{segment} AS segment FROM large c")
    session.run("ALTER TABLE scored ADD PRIMARY KEY (id)")
    session.run("VACUUM ANALYZE scored")
    session.run("CHECKPOINT")


def standardized(x):
    """What both sides cluster, in place: mean 0, standard deviation 1 in each column."""
    x -= x.mean(axis=0)
    x /= x.std(axis=0)
    return x


def online_retail(file):
    """Recency, frequency and spending of the customers who bought something."""
    lines = pandas.read_csv(file, parse_dates=["InvoiceDate"], dtype={"InvoiceNo": str})
    lines = lines[lines.CustomerID.notna() & ~lines.InvoiceNo.str.startswith("C")
                  & (lines.Quantity > 0) & (lines.UnitPrice > 0)]
    lines["amount"] = lines.Quantity * lines.UnitPrice
    end = lines.InvoiceDate.max().normalize() + pandas.Timedelta(days=1)
    groups = lines.groupby("CustomerID")
    return pandas.DataFrame({
        "recency": (end - groups.InvoiceDate.max().dt.normalize()).dt.days,
        "frequency": groups.InvoiceNo.nunique(),
        "monetary": groups.amount.sum()})


def real_sets():
    """Yield name, k and a frame of numbers for each real set; nothing without CUSTSEG_DATA."""
    folder = os.environ.get("CUSTSEG_DATA")
    if not folder:
        return
    read = lambda path: pandas.read_csv(os.path.join(folder, path))
    yield "mall_customers", 5, read("mall_customers/Mall_Customers.csv.gz").iloc[:, 2:]
    yield "wholesale_customers", 6, read("wholesale_customers/wholesale_customers.csv.gz").iloc[:, 2:]
    yield "CC_GENERAL", 8, read("credit_card/CC_GENERAL.csv.gz").iloc[:, 1:]
    yield "Online Retail RFM", 4, online_retail(
        os.path.join(folder, "online_retail/online_retail.csv.xz"))
