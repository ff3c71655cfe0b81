"""
custseg beside scikit-learn: every case in turn, on the same rows, in the same run.

Run by tools/bench, which starts the server and says where it is: PGHOST and the like, BENCH_WORK
(a folder for files), BENCH_REPORT (where the report goes), BENCH_QUICK and CASES (see there).
"""

import os

import agreement
import baskets
import data
import density
import experiments
import exploring
import hierarchical
import journeys
import mixture
import orders
import judging
import peers
import people
import prediction
import profiling
import report
import scoring
import tests
import training
import trees
import watching
import worth
from database import Session, server_description
from measure import QUICK, say, scaled

CASES = {
    "train": ("From a table to a model", training.end_to_end),
    "reading": ("Reading and preparing", training.reading),
    "retrain": ("Training once more", training.retraining),
    "fit": ("The fit alone", training.fit_alone),
    "iteration": ("One iteration", training.one_iteration),
    "memory": ("Memory", training.memory),
    "workers": ("Workers", training.number_of_workers),
    "predict": ("Scoring", scoring.predict),
    "update": ("Writing segments", scoring.update),
    "resegment": ("Writing the segments that change", scoring.resegment),
    "gmm": ("Gaussian mixtures", mixture.mixture),
    "silhouette": ("Silhouettes", judging.silhouettes),
    "describe": ("Looking at data", exploring.exploring),
    "profile": ("Who is in a segment", profiling.profiles),
    "tree": ("Decision trees", trees.trees),
    "worth": ("What customers are worth", worth.worth),
    "prediction": ("Predicting a number", prediction.prediction),
    "tests": ("Tests of two samples", tests.two_samples),
    "experiments": ("Experiments and budgets", experiments.experiments),
    "watch": ("Watching", watching.watching),
    "rfm": ("Orders to customers", orders.recency_frequency_monetary),
    "products": ("Products", baskets.products),
    "journeys": ("Journeys", journeys.journeys),
    "people": ("Single customers", people.people),
    "agreement": ("Agreement and quality", agreement.agreement),
    "dbscan": ("DBSCAN", density.dbscan),
    "hierarchical": ("Hierarchical clustering", hierarchical.hierarchical),
    "peers": ("Other libraries", peers.peers),
    "rows": ("Rows", training.rows_in_proportion),
    "streaming": ("Past memory", training.streaming),
    # last, since the loop that it is compared with takes minutes
    "choose_k": ("Number of segments", judging.number_of_segments),
}


def main():
    """Measure, show, write."""
    session = Session()
    session.run("CREATE EXTENSION custseg")
    for table, rows, columns, k, spread, _ in training.FITS:
        say(f"loading {scaled(rows):,} x {columns}")
        data.load(session, f'"{table}"', data.blobs(scaled(rows), columns, k, spread=spread), columns)
    session.run("CHECKPOINT")
    facts = report.machine(*server_description(session))
    names = os.environ.get("CASES", "").split() or list(CASES)
    sections = []
    for name in names:
        title, case = CASES[name]
        say(name)
        rows = list(case(session))
        report.show(title, rows)
        sections.append((title, rows))
        if not QUICK and set(names) == set(CASES):
            # after each, so that a run that is ended leaves what it has measured
            report.write(os.environ["BENCH_REPORT"], sections, facts, "make bench", len(CASES))
    met = report.summary(sections)
    raise SystemExit(0 if met or QUICK else 1)


if __name__ == "__main__":
    main()
