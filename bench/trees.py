"""Decision trees: the fit beside scikit-learn's, on the same segments of the same rows."""

import json
import time

import numpy
from sklearn.tree import DecisionTreeClassifier

from judging import features
from measure import Row, in_turn, say, scaled, seconds, times_faster
from training import matrix

DEPTH = 6


def node_mismatches(nodes, tree):
    """How many splits of the two trees are not the same; scikit-learn reads values as float32."""
    mismatches = 0
    todo = [(1, 0)]
    while todo:
        ours, theirs = todo.pop()
        column, threshold, left, right = nodes[ours - 1][:4]
        if column - 1 != max(tree.feature[theirs], -1):
            mismatches += 1
        elif column > 0 and abs(threshold - tree.threshold[theirs]) > 1e-6 * abs(threshold):
            mismatches += 1
        elif column > 0:
            todo += [(left, tree.children_left[theirs]), (right, tree.children_right[theirs])]
    return mismatches


def trees(session):
    """A tree of depth 6 that imitates five segments; the fit alone, and from the table to the rules."""
    rows = scaled(1_000_000)
    columns = features(10)
    session.workers(1)
    say("segments of the large table")
    session.train("large", columns, 5, {"silhouette_sample": 0})
    session.run("CREATE TABLE imitated AS SELECT c.*, custseg.predict('bench', c) AS class FROM large c")
    session.run("VACUUM ANALYZE imitated")
    x = matrix(rows, 10, 5, 1.2)
    y = numpy.array([row[0] for row in session.run("SELECT class FROM imitated ORDER BY id")])
    options = {"target": "class", "max_depth": DEPTH}
    fitted = {}

    def ours(_):
        return session.train("imitated", columns, None, options, "tree", "tree")["fit"]

    def theirs(_):
        start = time.perf_counter()
        fitted["tree"] = DecisionTreeClassifier(max_depth=DEPTH, random_state=0).fit(x, y)
        return time.perf_counter() - start

    yield times_faster(f"fit of a tree, {rows:,} x 10, depth {DEPTH}; custseg 2 processes",
                       in_turn(ours, theirs), 1)
    session.workers(0)
    yield times_faster(f"fit of a tree, {rows:,} x 10, depth {DEPTH}; 1 process",
                       in_turn(ours, lambda pair: theirs(pair)), 1)
    session.workers(1)
    nodes = session.value("SELECT parameters->'nodes' FROM custseg.model_version WHERE model = 'tree'")
    nodes = json.loads(nodes) if isinstance(nodes, str) else nodes
    different = node_mismatches(nodes, fitted["tree"].tree_)
    yield Row(f"splits of that tree that are not scikit-learn's, of {len(nodes) // 2}", str(different),
              "", "", "0", different == 0)
    taken = session.seconds("SELECT count(*) FROM custseg.surrogate('bench')")
    yield Row(f"surrogate of five segments, {rows:,} x 10: read, placed, fitted, told", seconds(taken), "")
    session.run("DROP TABLE imitated; SELECT custseg.drop_model('tree', whole => true)")
