"""
What scikit-learn makes of real customers, as numbers that the test 009_real_data.pl compares with.

Usage: python3 make.py FOLDER, the folder that CUSTSEG_DATA names; writes a file for each set beside
itself.  Needs numpy, pandas and scikit-learn (the files were made with 1.2.1).

A set is clustered after its missing values became the median and each column was scaled to mean 0
and standard deviation 1.  It is clustered once from a given start, to the end, for the same labels
and indices of them; and with the defaults but ten starts, for how good a solution can be.  Rows are in the order of the
file, or of the customer's number; labels are numbered by their first row.  The start is rows given
by position, from 0.
"""

import hashlib
import json
import os
import sys

import numpy
import pandas
import sklearn
from sklearn.cluster import KMeans
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score


def online_retail(file):
    """Recency in days, number of orders and spending of the customers who bought something."""
    lines = pandas.read_csv(file, parse_dates=["InvoiceDate"], dtype={"InvoiceNo": str})
    lines = lines[lines.CustomerID.notna() & ~lines.InvoiceNo.str.startswith("C")
                  & (lines.Quantity > 0) & (lines.UnitPrice > 0)]
    # in thousandths, so that a sum does not depend on its order
    lines["amount"] = lines.Quantity * (lines.UnitPrice * 1000).round().astype(int)
    end = lines.InvoiceDate.max().normalize() + pandas.Timedelta(days=1)
    groups = lines.groupby("CustomerID")
    return pandas.DataFrame({
        "recency": (end - groups.InvoiceDate.max().dt.normalize()).dt.days,
        "frequency": groups.InvoiceNo.nunique(),
        "monetary": groups.amount.sum() / 1000}).sort_index()


def real_sets(folder):
    """Name, k and a frame of numbers of each set."""
    def read(path):
        return pandas.read_csv(os.path.join(folder, path))

    yield "mall_customers", 5, read("mall_customers/Mall_Customers.csv.gz").iloc[:, 2:]
    yield "wholesale_customers", 6, read("wholesale_customers/wholesale_customers.csv.gz").iloc[:, 2:]
    yield "cc_general", 8, read("credit_card/CC_GENERAL.csv.gz").iloc[:, 1:]
    yield "online_retail", 4, online_retail(os.path.join(folder, "online_retail/online_retail.csv.xz"))


def renumber(labels):
    """Labels numbered from 1 by their first row."""
    numbers = {}
    return [numbers.setdefault(label, len(numbers) + 1) for label in labels]


def golden(k, frame):
    """The numbers of one set."""
    x = frame.fillna(frame.median()).to_numpy(dtype=float)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    start = numpy.sort(numpy.random.default_rng(0).choice(len(x), k, replace=False))
    fit = KMeans(k, init=x[start], n_init=1, tol=0).fit(x)
    labels = renumber(fit.labels_)
    result = {
        "scikit-learn": sklearn.__version__,
        "rows": len(x),
        "columns": x.shape[1],
        "k": k,
        "start": start.tolist(),
        "init": x[start].tolist(),
        "sizes": numpy.bincount(labels)[1:].tolist(),
        "inertia": fit.inertia_,
        "silhouette": silhouette_score(x, labels),
        "calinski_harabasz": calinski_harabasz_score(x, labels),
        "davies_bouldin": davies_bouldin_score(x, labels),
        "labels_md5": hashlib.md5(",".join(map(str, labels)).encode()).hexdigest(),
        "best_inertia": KMeans(k, n_init=10, random_state=42).fit(x).inertia_,
    }
    if len(x) <= 500:
        result["labels"] = "".join(map(str, labels))
    return result


def main(folder):
    for name, k, frame in real_sets(folder):
        file = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".json")
        with open(file, "w", encoding="utf-8") as out:
            out.write("{\n" + ",\n".join(f'    "{key}": {json.dumps(value)}'
                                        for key, value in golden(k, frame).items()) + "\n}\n")
        print(file)


if __name__ == "__main__":
    main(sys.argv[1])
