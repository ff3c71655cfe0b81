"""Agreement with scikit-learn on real customers: the same labels from the same start, and quality."""

import io

import numpy
from sklearn.cluster import KMeans

import data
from measure import Row


def load(session, frame):
    """Put a frame of numbers into a table of id, c1, c2, ...; return the columns' names."""
    names = [f"c{j + 1}" for j in range(frame.shape[1])]
    frame = frame.set_axis(names, axis=1).assign(id=numpy.arange(len(frame)))
    session.run("DROP TABLE IF EXISTS real_set")
    session.run("CREATE TABLE real_set (" + ", ".join(f"{name} float8" for name in names)
                + ", id int PRIMARY KEY)")
    session.cursor.copy_expert("COPY real_set FROM STDIN CSV", io.StringIO(
        frame.to_csv(index=False, header=False, float_format="%.17g")))
    return names


def same_partition(a, b):
    """True when the labels are the same but for their numbering."""
    pairs = set(zip(a, b))
    return len(pairs) == len(set(a)) == len(set(b))


def agreement(session):
    """Each real set, preparation by default: median for missing values, standard scale."""
    sets = list(data.real_sets())
    if not sets:
        yield Row("agreement and quality on real customers", "not measured", "", "CUSTSEG_DATA is not set")
    for name, k, frame in sets:
        columns = load(session, frame)
        x = data.standardized(frame.fillna(frame.median()).to_numpy(dtype=float))
        start = x[numpy.random.default_rng(0).choice(len(x), k, replace=False)]
        session.train("real_set", columns, k, {"init": start.tolist(), "n_init": 1, "tol": 0})
        ours = session.run("SELECT custseg.predict('bench', r) FROM real_set r ORDER BY id")
        inertia = session.value(
            "SELECT (metrics->>'inertia')::float8 FROM custseg.model_version WHERE model = 'bench'")
        theirs = KMeans(k, init=start, n_init=1, tol=0).fit(x)
        same = same_partition([label for (label,) in ours], theirs.labels_)
        apart = abs(inertia / theirs.inertia_ - 1)
        yield Row(f"{name}, k = {k}: labels and inertia from the same start", f"{inertia:.6f}",
                  f"{theirs.inertia_:.6f}",
                  f"labels {'the same' if same else 'differ'}, inertia {apart:.0e} apart",
                  "the same, 1e-09", same and apart <= 1e-9)
        inertia = session.train("real_set", columns, k)["inertia"]
        best = KMeans(k, n_init=10, random_state=42).fit(x).inertia_
        yield Row(f"{name}, k = {k}: inertia by default", f"{inertia:.2f}", f"{best:.2f}",
                  f"{inertia / best:.5f} of it", "at most 1.001", inertia <= 1.001 * best)
