-- How engaged customers are, from events of any kind: against plain SQL, in any order of rows, as of any day.
SET TimeZone = 'UTC';

-- events with all that can go wrong: no customer, time or kind, infinite times, values that are none, ties, sessions, hours that a clock skips
CREATE FUNCTION events_of(seed int, n int) RETURNS TABLE (customer text, at timestamptz, kind text, value numeric) LANGUAGE sql AS $$
    SELECT CASE WHEN i % 53 > 0 THEN 'c' || r[1] % 25 END,
        CASE WHEN i % 61 = 0 THEN 'infinity' WHEN i % 67 = 0 THEN '-infinity' WHEN i % 59 > 0 THEN
            timestamptz '2026-03-20 00:00+00' + r[3] % 14000 / (1 + i % 3 * 40) * interval '1 minute' * (1 + i % 3 * 40) + CASE WHEN i % 4 = 0 THEN r[4] % 1000003 * interval '1 microsecond' ELSE '0' END END,
        CASE WHEN i % 47 > 0 THEN (ARRAY['visit', 'email_sent', 'email_open', 'return', E'<b>it''s "50 %" \\ ü</b>', 'loyalty'])[1 + r[2] % 6] END,
        CASE WHEN i % 43 = 0 THEN NULL WHEN i % 41 = 0 THEN 'NaN' WHEN i % 37 = 0 THEN 'Infinity' ELSE (r[4] % 20000 - 3000) / 100.0 END
    FROM generate_series(1, n) i, LATERAL (SELECT ARRAY(SELECT abs(hashint4extended(i * 8 + j, seed)) FROM generate_series(1, 4) j) AS r) s
$$;

-- the same by other means: each number by a subquery of its own over the customer's events
CREATE FUNCTION expected_events(source text, zone text, as_of timestamptz, gap interval) RETURNS TABLE (
    customer_id text, first_event timestamptz, last_event timestamptz, days_since_last_event numeric, event_tenure_days numeric, n_events bigint, events_per_month numeric, n_active_days bigint,
    n_sessions bigint, favourite_hour int, event_trend numeric, event_value numeric, engagement_score numeric, kinds jsonb, ratios jsonb) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'CREATE TEMPORARY TABLE e ON COMMIT DROP AS SELECT customer::text AS c, at::timestamptz AS at, kind::text AS k, value::numeric AS v, (at::timestamptz AT TIME ZONE ' || quote_literal(zone) || ') AS l FROM ' || source
        || ' s WHERE customer IS NOT NULL AND kind IS NOT NULL AND isfinite(at)';
    as_of := coalesce(as_of, (SELECT max(at) FROM e));
    DELETE FROM e WHERE at > as_of;
    RETURN QUERY
    SELECT c, min(at), max(at), round(extract(epoch FROM as_of - max(at)) / 86400, 9), round(extract(epoch FROM as_of - min(at)) / 86400, 9), count(*),
        round(count(*) / greatest(extract(epoch FROM as_of - min(at)) / 86400 / 30.4375, 1), 9), (SELECT count(*) FROM (SELECT DISTINCT l::date FROM e WHERE e.c = o.c) d),
        (SELECT count(*) FROM (SELECT DISTINCT at FROM e WHERE e.c = o.c) d WHERE NOT EXISTS (SELECT FROM e b WHERE b.c = o.c AND b.at < d.at AND d.at - b.at <= gap)),
        (SELECT h FROM (SELECT extract(hour FROM l)::int AS h, count(*) AS n FROM e WHERE e.c = o.c GROUP BY 1) d ORDER BY n DESC, h LIMIT 1),
        (SELECT round((r - b)::numeric / nullif(r + b, 0), 9) FROM (SELECT count(*) FILTER (WHERE recent) AS r, count(*) FILTER (WHERE earlier) AS b FROM (SELECT at > (as_of AT TIME ZONE zone - interval '3 days') AT TIME ZONE zone AS recent,
            at <= (as_of AT TIME ZONE zone - interval '3 days') AT TIME ZONE zone AND at > (as_of AT TIME ZONE zone - interval '6 days') AT TIME ZONE zone AS earlier FROM e WHERE e.c = o.c) w) t),
        (SELECT coalesce(sum(v), 0) FROM e WHERE e.c = o.c AND v > '-Infinity' AND v < 'Infinity'),
        (SELECT round(sum(CASE k WHEN 'visit' THEN 1 WHEN 'return' THEN -2.5 ELSE 0 END * 0.5 ^ (extract(epoch FROM as_of - at) / 86400 / 5)), 9) FROM e WHERE e.c = o.c),
        (SELECT jsonb_object_agg(k.k, (SELECT jsonb_build_object('n', count(e.at), 'n_2d', count(*) FILTER (WHERE at > (as_of AT TIME ZONE zone - interval '2 days') AT TIME ZONE zone), 'active_days', count(DISTINCT l::date),
            'last', max(at), 'value', coalesce(sum(v) FILTER (WHERE v > '-Infinity' AND v < 'Infinity'), 0),
            'sessions', (SELECT count(DISTINCT (SELECT count(*) FROM (SELECT DISTINCT at FROM e WHERE e.c = o.c) d WHERE d.at <= x.at AND NOT EXISTS (SELECT FROM e b WHERE b.c = o.c AND b.at < d.at AND d.at - b.at <= gap))) FROM e x WHERE x.c = o.c AND x.k = k.k))
            FROM e WHERE e.c = o.c AND e.k = k.k)) FROM unnest('{visit,email_sent,email_open,return}'::text[]) k (k)),
        (SELECT jsonb_build_object('open_rate', round(count(*) FILTER (WHERE k = 'email_open')::numeric / nullif(count(*) FILTER (WHERE k = 'email_sent'), 0), 9)) FROM e WHERE e.c = o.c)
    FROM e o GROUP BY c;
    DROP TABLE e;
END $$;
CREATE FUNCTION actual_events(source text, zone text, as_of timestamptz, gap interval) RETURNS TABLE (
    customer_id text, first_event timestamptz, last_event timestamptz, days_since_last_event numeric, event_tenure_days numeric, n_events bigint, events_per_month numeric, n_active_days bigint,
    n_sessions bigint, favourite_hour int, event_trend numeric, event_value numeric, engagement_score numeric, kinds jsonb, ratios jsonb) LANGUAGE sql AS $$
    SELECT f.customer_id, f.first_event, f.last_event, round(f.days_since_last_event::numeric, 9), round(f.event_tenure_days::numeric, 9), f.n_events, round(f.events_per_month::numeric, 9), f.n_active_days,
        f.n_sessions, f.favourite_hour, round(f.event_trend::numeric, 9), f.event_value::numeric, round(f.engagement_score::numeric, 9),
        (SELECT jsonb_object_agg(k.key, jsonb_build_object('n', k.value -> 'n', 'n_2d', k.value -> 'n_2d', 'active_days', k.value -> 'active_days', 'value', k.value -> 'value', 'sessions', k.value -> 'sessions',
            'last', CASE WHEN (k.value ->> 'n')::int > 0 THEN (f.as_of_time - (k.value ->> 'days_since_last')::float8 * interval '1 day') END)) FROM jsonb_each(f.kinds) k),
        jsonb_build_object('open_rate', round((f.ratios ->> 'open_rate')::numeric, 9))
    FROM custseg.customer_events(source, 'customer', 'at', 'kind', 'value', as_of, jsonb_build_object('time_zone', zone, 'session_gap', gap, 'window_days', 3, 'windows', '[2]'::jsonb, 'half_life_days', 5,
        'kinds', '["visit", "email_sent", "email_open", "return"]'::jsonb, 'weights', '{"visit": 1, "return": -2.5}'::jsonb, 'ratios', '{"open_rate": ["email_open", "email_sent"]}'::jsonb)) f
$$;
SET client_min_messages = warning;
CREATE TABLE compared (seed int, at text, zone text, as_of timestamptz, n bigint, different bigint, example text);
DO $$
DECLARE
    c record;
    source text;
BEGIN
    FOR c IN SELECT s AS seed, t.at, z.zone, CASE WHEN s % 2 = 0 THEN timestamptz '2026-03-28 23:30+00' END AS as_of, g::interval AS gap
        FROM generate_series(1, 12) s, LATERAL (SELECT (ARRAY['timestamptz', 'timestamp', 'date'])[1 + s % 3] AS at) t, LATERAL (SELECT (ARRAY['UTC', 'Europe/Berlin', 'America/St_Johns', 'Asia/Kolkata'])[1 + s % 4] AS zone) z,
            LATERAL (SELECT (ARRAY['30 minutes', '6 hours', '1 day'])[1 + s % 3] AS g) g
    LOOP
        -- a time without a zone is read in the stated one
        PERFORM set_config('TimeZone', c.zone, true);
        EXECUTE format('CREATE TEMPORARY TABLE seeded ON COMMIT DROP AS SELECT customer, at::%s AS at, kind, value FROM events_of(%s, 500)', c.at, c.seed);
        source := 'seeded';
        CREATE TEMPORARY TABLE a ON COMMIT DROP AS SELECT * FROM actual_events(source, c.zone, c.as_of, c.gap);
        IF c.at = 'timestamptz' THEN
            CREATE TEMPORARY TABLE b ON COMMIT DROP AS SELECT * FROM expected_events(source, c.zone, c.as_of, c.gap);
        ELSE
            -- in local time, in which no clock changes
            SET LOCAL TimeZone = 'UTC';
            CREATE TEMPORARY TABLE b ON COMMIT DROP AS SELECT * FROM expected_events(source, 'UTC', (c.as_of AT TIME ZONE c.zone) AT TIME ZONE 'UTC', c.gap);
            UPDATE b SET first_event = (first_event AT TIME ZONE 'UTC') AT TIME ZONE c.zone, last_event = (last_event AT TIME ZONE 'UTC') AT TIME ZONE c.zone,
                favourite_hour = CASE WHEN c.at <> 'date' THEN favourite_hour END;
        END IF;
        UPDATE a SET kinds = (SELECT jsonb_object_agg(key, value - 'last') FROM jsonb_each(kinds)); UPDATE b SET kinds = (SELECT jsonb_object_agg(key, value - 'last') FROM jsonb_each(kinds));
        INSERT INTO compared SELECT c.seed, c.at, c.zone, c.as_of, (SELECT count(*) FROM b), count(*), max(d::text) FROM (SELECT 'only here' AS w, * FROM (TABLE a EXCEPT ALL TABLE b) x UNION ALL SELECT 'only there', * FROM (TABLE b EXCEPT ALL TABLE a) y) d;
        DROP TABLE a, b, seeded;
    END LOOP;
END $$;
SELECT count(*) AS comparisons, sum(n) AS customers, sum(different) AS different FROM compared;
SELECT * FROM compared WHERE different > 0 ORDER BY seed LIMIT 3;

-- the order of rows, and what other customers do in between, make no difference; neither does a shift of all times by days
CREATE TABLE events AS SELECT * FROM events_of(7, 800);
CREATE FUNCTION features(source text, as_of timestamptz DEFAULT NULL, options jsonb DEFAULT '{}') RETURNS SETOF jsonb LANGUAGE sql AS $$
    SELECT to_jsonb(f) - 'as_of_time' - 'first_event' - 'last_event' FROM custseg.customer_events(source, 'customer', 'at', 'kind', 'value', as_of, options) f
$$;
SELECT count(*) AS different FROM (
    (SELECT features('events') EXCEPT ALL SELECT features('SELECT * FROM events ORDER BY md5(at::text || kind)'))
    UNION ALL (SELECT features('events') EXCEPT ALL SELECT features('SELECT customer, at - interval ''700 days'' AS at, kind, value FROM events'))
    UNION ALL (SELECT features('SELECT * FROM events WHERE customer = ''c3'' AND kind <> ''loyalty''', as_of => '2026-03-31', options => '{"kinds": ["visit"]}')
        EXCEPT ALL SELECT f FROM features('SELECT * FROM events WHERE kind <> ''loyalty'' OR customer <> ''c3''', as_of => '2026-03-31', options => '{"kinds": ["visit"]}') f WHERE f ->> 'customer_id' = 'c3')
) d;
-- nothing of the future: as of any day, later events might as well not be there; and so it is with those before the look-back
SELECT count(DISTINCT day) AS days, sum(n) AS different FROM generate_series(timestamptz '2026-03-21', '2026-03-29', '13 hours') day, LATERAL (
    SELECT count(*) AS n FROM (
        (SELECT features('events', day, '{"kinds": ["visit", "return"], "windows": [1, 4]}') EXCEPT ALL SELECT features(format('SELECT * FROM events WHERE at <= %L', day), day, '{"kinds": ["visit", "return"], "windows": [1, 4]}'))
        UNION ALL (SELECT features('events', day, '{"kinds": ["visit"], "look_back": "36 hours"}') EXCEPT ALL SELECT features(format('SELECT * FROM events WHERE at > %L::timestamptz - interval ''36 hours''', day), day, '{"kinds": ["visit"]}'))
    ) d) d;
-- the query is for a view, with columns that tell the same as the object
SELECT custseg.customer_events_sql('events', 'customer', 'at', 'kind', 'value', '2026-03-29', '{"ratios": {"open_rate": ["email_open", "email_sent"], "n_events": ["return", "visit"]}, "weights": {"visit": 0.5}}') AS sql \gset
CREATE VIEW engaged AS :sql;
SELECT column_name FROM information_schema.columns WHERE table_name = 'engaged' AND column_name !~ '^(email|loyalty|return)_' ORDER BY ordinal_position;
SELECT count(*) AS customers, count(*) FILTER (WHERE v.n_events = f.n_events AND v.engagement_score = f.engagement_score AND v.visit_n = (f.kinds -> 'visit' ->> 'n')::int
    AND v.visit_n_90d = (f.kinds -> 'visit' ->> 'n_90d')::int AND v.open_rate::numeric IS NOT DISTINCT FROM (f.ratios ->> 'open_rate')::numeric
    AND v.visit_per_month::numeric = (f.kinds -> 'visit' ->> 'per_month')::numeric) AS same
FROM engaged v JOIN custseg.customer_events('events', 'customer', 'at', 'kind', 'value', '2026-03-29', '{"ratios": {"open_rate": ["email_open", "email_sent"], "n_events": ["return", "visit"]}, "weights": {"visit": 0.5}}') f ON f.customer_id = v.customer;
DROP VIEW engaged;

-- one customer by hand
CREATE TABLE few (customer int, at timestamptz, kind text);
INSERT INTO few VALUES (1, '2026-01-01 10:00', 'visit'), (1, '2026-01-01 10:20', 'visit'), (1, '2026-01-01 10:50', 'email_open'), (1, '2026-01-01 11:21', 'visit'), (1, '2026-01-31 10:00', 'email_sent'), (2, '2026-01-31 10:00', 'visit');
SELECT customer_id, n_events, events_per_month, n_active_days, n_sessions, favourite_hour, event_trend, event_value, engagement_score, kinds, ratios
FROM custseg.customer_events('few', 'customer', 'at', 'kind', options => '{"windows": [7], "top_kinds": 1, "half_life_days": 15, "ratios": {"opened": ["email_open", "email_sent"]}, "weights": {"email_open": 8, "email_sent": 1}}') ORDER BY 1;
-- nothing there, and nothing asked of a kind
SELECT count(*) FROM custseg.customer_events('SELECT * FROM few WHERE false', 'customer', 'at', 'kind');
SELECT customer_id, n_events, engagement_score, kinds, ratios FROM custseg.customer_events('few', 'customer', 'at', 'kind', options => '{"top_kinds": 0}') ORDER BY 1;
SELECT count(*), min(favourite_hour) FROM custseg.customer_events('SELECT customer, at::date AS at, kind FROM few', 'customer', 'at', 'kind');
-- an event of long ago counts for nothing, and is no error
SELECT engagement_score FROM custseg.customer_events('SELECT 1 AS customer, date ''0001-01-01'' AS at, true AS kind', 'customer', 'at', 'kind', as_of => '2026-01-01', options => '{"half_life_days": 0.001}');
-- a hundred kinds
SELECT n_events, (SELECT count(*) FROM jsonb_object_keys(kinds)) AS kinds FROM custseg.customer_events('SELECT 1 AS customer, now() AS at, i AS kind FROM generate_series(1, 120) i', 'customer', 'at', 'kind', options => '{"top_kinds": 100}');
-- names are kept apart
SELECT custseg.customer_events_sql('SELECT 1 AS customer, now() AS at, k AS kind FROM unnest(ARRAY[''a b'', ''A-B'', ''event'', repeat(''é'', 100), repeat(''é'', 101)]) k', 'customer', 'at', 'kind') AS sql \gset
CREATE VIEW hostile AS :sql;
SELECT count(*), count(DISTINCT column_name), max(octet_length(column_name)) FROM information_schema.columns WHERE table_name = 'hostile';
SELECT a_b_n, a_b_n_2, event_trend, event_trend_2 FROM hostile;
DROP VIEW hostile;

RESET client_min_messages;
-- what is said of kinds that are not there, and errors
SELECT count(*) FROM custseg.customer_events('few', 'customer', 'at', 'kind', options => '{"kinds": ["visit", "Visit"], "weights": {"nothing": 1}}');
SELECT custseg.customer_events(NULL, 'customer', 'at', 'kind');
SELECT custseg.customer_events('few', NULL, 'at', 'kind');
SELECT custseg.customer_events('few', 'customer', 'kind', 'kind');
SELECT custseg.customer_events('few', 'customer', 'at', 'nothing');
SELECT custseg.customer_events('few', 'customer', 'at', 'kind', 'kind');
SELECT custseg.customer_events('few', 'customer', 'at', 'kind', as_of => 'infinity');
SELECT custseg.customer_events('few', 'customer', 'at', 'kind', as_of => '4166-06-26 23:59:59.999999+00 BC');
SELECT custseg.customer_events('few', 'customer', 'at', 'kind', as_of => '2020-01-01');
SELECT custseg.customer_events('few', 'customer', 'at', 'kind', options => '{"windows": [30, -7]}');
SELECT custseg.customer_events('few', 'customer', 'at', 'kind', options => '{"windows": [30, 7]}');
SELECT custseg.customer_events('few', 'customer', 'at', 'kind', options => '{"windows": [1,2,3,4,5,6,7,8,9,10,11]}');
SELECT custseg.customer_events('few', 'customer', 'at', 'kind', options => '{"kinds": ["visit", 1]}');
SELECT custseg.customer_events('few', 'customer', 'at', 'kind', options => '{"kinds": ["visit", "visit"]}');
SELECT custseg.customer_events('few', 'customer', 'at', 'kind', options => (SELECT jsonb_build_object('kinds', jsonb_agg('k' || i)) FROM generate_series(1, 101) i));
SELECT custseg.customer_events('few', 'customer', 'at', 'kind', options => '{"ratios": {"open": ["visit"]}}');
SELECT custseg.customer_events('few', 'customer', 'at', 'kind', options => '{"weights": {"visit": "much"}}');
SELECT custseg.customer_events('few', 'customer', 'at', 'kind', options => '{"weights": {"visit": 1e12}}');
SELECT custseg.customer_events('few', 'customer', 'at', 'kind', options => '{"weights": {}}');
SELECT custseg.customer_events('few', 'customer', 'at', 'kind', options => '{"session_gap": "-1 hour"}');
SELECT custseg.customer_events('few', 'customer', 'at', 'kind', options => '{"half_life_days": 0}');
SELECT custseg.customer_events('few', 'customer', 'at', 'kind', options => '{"gap": 1}');
SELECT custseg.customer_events('few', 'customer', 'at', 'kind', options => (SELECT jsonb_build_object('ratios', jsonb_object_agg('r' || i, '["visit", "visit"]'::jsonb)) FROM generate_series(1, 101) i));

-- read as who asks
CREATE ROLE regress_custseg_events;
SET ROLE regress_custseg_events;
SELECT custseg.customer_events('few', 'customer', 'at', 'kind');
RESET ROLE;
DROP ROLE regress_custseg_events;

RESET TimeZone;
DROP TABLE events, few, compared;
DROP FUNCTION events_of, expected_events, actual_events, features;
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
