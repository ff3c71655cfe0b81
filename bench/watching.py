"""Watching: what a run of monitor costs, that random halves do not drift, and a year's history in views."""

import statistics

import psycopg2.extras

from database import Session
from judging import features
from measure import PAIRS, QUICK, Row, in_turn, say, scaled, seconds, times_the_cost

MODELS = 50
NIGHTS = 365


def watching(session):
    """The three of them."""
    yield monitor(session)
    yield from random_halves(session)
    yield from dashboards(session)


def monitor(session):
    """A run of all checks, beside describe, which streams the same columns and sorts each of them."""
    rows = scaled(1_000_000)
    columns = features(10)
    source = f"SELECT {', '.join(columns)} FROM large"
    session.workers(0)
    session.train("large", columns, 5, {"silhouette_sample": 0}, model="watched")
    row = times_the_cost(f"monitor, {rows:,} x 10, 5 segments; against streaming the columns and sorting each "
                         "(describe), 1 process",
                         in_turn(lambda _: session.seconds("SELECT count(*) FROM custseg.monitor('watched')"),
                                 lambda _: session.seconds("SELECT count(*) FROM custseg.describe(%s)", [source])), 6)
    session.workers(1)
    return row


def random_halves(session):
    """One half against the other, again and again: none of it is drift."""
    repeats = 20 if QUICK else 200
    say(f"{repeats} random halves")
    half = "SELECT * FROM large WHERE hashint8extended(id, {}) & 1 = {}"
    verdicts = {}
    for seed in range(1, repeats + 1):
        for (verdict,) in session.run("SELECT verdict FROM custseg.drift('watched', %s, %s)",
                                      [half.format(seed, 0), half.format(seed, 1)]):
            verdicts[verdict] = verdicts.get(verdict, 0) + 1
    total = sum(verdicts.values())
    what = f"random halves of {scaled(1_000_000):,} rows, {repeats} times, {total:,} features: "
    watch, drifted = verdicts.get("watch", 0), total - verdicts.get("ok", 0) - verdicts.get("watch", 0)
    yield Row(what + "watch", f"{100 * watch / total:.2f} %", "", "", "at most 5 %", watch <= 0.05 * total)
    yield Row(what + "drifted", f"{drifted}", "", "", "0", drifted == 0)


def dashboards(session):
    """
    A year of nightly runs of many models: what a dashboard asks of a model, and of all.  A dashboard hands JSON
    on as it comes; that Python takes its numbers apart takes longer than the server does, and is not measured.
    """
    fill_history(session)
    session = Session()
    psycopg2.extras.register_default_jsonb(session.connection, loads=str)
    runs = session.value("SELECT count(*) FROM custseg.monitor_run")
    for query in ("SELECT * FROM custseg.drift_history WHERE model = 'watched 7'",
                  "SELECT * FROM custseg.size_history WHERE model = 'watched 7'",
                  "SELECT * FROM custseg.open_alerts",
                  "SELECT * FROM custseg.model_health"):
        session.run(query)
        taken = statistics.median(session.seconds(query) for _ in range(PAIRS))
        yield Row(f"{query}, {runs:,} runs of {MODELS} models, JSON as text", seconds(taken), "", "", "at most 50 ms",
                  taken <= 0.05)
    session.connection.close()


def fill_history(session):
    """A year of one model's runs, given to many."""
    say(f"{NIGHTS} nights of {MODELS} models")
    columns = features(10)
    for i in range(MODELS):
        session.train("SELECT * FROM large WHERE id <= 1000", columns, 5, model=f"watched {i}")
    session.run("SELECT count(*) FROM custseg.monitor('watched')")
    model = "'watched ' || i"
    nights = f"generate_series(0, {MODELS - 1}) i, generate_series(1, {NIGHTS}) night"
    at = "timestamptz '2026-01-01' + night * interval '1 day'"
    session.run(f"""
        INSERT INTO custseg.monitor_run (model, version, source, started_at, finished_at, run_by, status, n,
            verdict, retrain, urgency, reasons, findings)
        SELECT {model}, r.version, r.source, {at}, {at}, r.run_by, r.status, r.n, r.verdict, r.retrain,
            r.urgency, r.reasons, r.findings
        FROM (SELECT * FROM custseg.monitor_run WHERE model = 'watched' ORDER BY id DESC LIMIT 1) r, {nights}""")
    for table in ("monitor_feature", "monitor_segment"):
        names = session.value("SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute "
                              "WHERE attrelid = %s::regclass AND attnum > 0 "
                              "AND attname NOT IN ('model', 'run', 'at')", [f"custseg.{table}"])
        values = ", ".join("f." + name for name in names.split(", "))
        session.run(f"""
            INSERT INTO custseg.{table} (model, run, at, {names})
            SELECT r.model, r.id, r.started_at, {values}
            FROM custseg.monitor_run r,
                (SELECT * FROM custseg.{table} WHERE model = 'watched'
                    AND run = (SELECT max(run) FROM custseg.{table} WHERE model = 'watched')) f
            WHERE r.model LIKE 'watched _%'""")
    session.run(f"""
        INSERT INTO custseg.alert (model, kind, subject, severity, message, version, first_seen, last_seen, n_seen,
            first_run, last_run, closed_at, closed_run)
        SELECT {model}, 'drift', 'f' || night, 'warning', 'f' || night || ' drifts', 1, {at}, {at}, 1, night, night,
            CASE WHEN night > 2 THEN {at} END, CASE WHEN night > 2 THEN night END
        FROM generate_series(0, {MODELS - 1}) i, generate_series(1, 40) night""")
    for table in ("monitor_run", "monitor_feature", "monitor_segment", "alert"):
        session.run(f"VACUUM ANALYZE custseg.{table}")
