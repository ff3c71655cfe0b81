"""Journeys and funnels by segment, beside the sort of the same events by customer and time."""

from measure import in_turn, say, scaled, times_the_cost

STEPS = "{visit,search,product,basket,checkout,purchase,email_open,return}"


def load_events(session, events):
    """A log in no order: customers of whom most come seldom, steps of which most are visits, some three months."""
    session.run(f"""
        CREATE TABLE events AS
        SELECT 10000 + (power(hashint8extended(i, 1) / 2 ^ 64 + 0.5, 2) * {events // 20})::int AS customer,
            timestamptz '2025-01-01' + hashint8extended(i, 3) % 4000000 * interval '1 second' AS at,
            ('{STEPS}'::text[])[1 + least((power(hashint8extended(i, 2) / 2 ^ 64 + 0.5, 2) * 8)::int, 7)] AS step
        FROM generate_series(1, {events}) i""")
    session.run("CREATE TABLE visitors AS SELECT id, id % 97 AS age, id * 7 % 31 AS tenure "
                f"FROM generate_series(10000, {10000 + events // 20}) id")
    session.run("ALTER TABLE visitors ADD PRIMARY KEY (id)")
    session.run("ANALYZE events")
    session.run("SELECT custseg.train('visitors', 'visitors', '{age,tenure}', k => 5)")


def journeys(session):
    """One process, 64 MB for either side."""
    events = scaled(10_000_000)
    say(f"loading {events:,} events")
    load_events(session, events)
    for setting in ("work_mem = '64MB'", "maintenance_work_mem = '64MB'", "max_parallel_workers_per_gather = 0"):
        session.run(f"SET {setting}")
    sort = "SELECT count(*) FROM (SELECT customer, at, step FROM events ORDER BY customer, at OFFSET 0) s"
    arguments = "'events', 'customer', 'at', 'step'"
    for what, call in (("journey", f"journey({arguments}"),
                       ("journey by segment", f"journey({arguments}, 'visitors'"),
                       ("funnel of all steps", f"funnel({arguments}, '{STEPS}', NULL, '30 days'"),
                       ("funnel of all steps by segment", f"funnel({arguments}, '{STEPS}', 'visitors', '30 days'"),
                       ("paths by segment", f"paths({arguments}, 'visitors', 10")):
        query = f"SELECT count(*) FROM custseg.{call})"
        yield times_the_cost(f"{what}, {events:,} events; against their sort by customer and time",
                             in_turn(lambda _, query=query: session.seconds(query), lambda _: session.seconds(sort)), 3)
    for setting in ("work_mem", "maintenance_work_mem", "max_parallel_workers_per_gather"):
        session.run(f"RESET {setting}")
    session.run("SELECT custseg.drop_model('visitors', whole => true)")
    session.run("DROP TABLE events, visitors")
