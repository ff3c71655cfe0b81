-- How customers go from step to step: against plain SQL, in any order of rows.
SET TimeZone = 'UTC';
SET client_min_messages = warning;

-- events with all that can go wrong, many of them at one time, over some 60 days
CREATE FUNCTION trail_of(seed int, n int) RETURNS TABLE (customer int, at timestamptz, step text) LANGUAGE sql AS $$
    SELECT CASE WHEN i % 53 > 0 THEN r[1] % 40 END,
        CASE WHEN i % 61 = 0 THEN 'infinity' WHEN i % 67 = 0 THEN '-infinity' WHEN i % 59 > 0 THEN
            timestamptz '2026-02-20 00:00+00' + r[3] % 86400 / (1 + i % 3 * 719) * (1 + i % 3 * 719) * interval '1 minute' + CASE WHEN i % 4 = 0 THEN r[4] % 1000003 * interval '1 microsecond' ELSE '0' END END,
        CASE WHEN i % 47 > 0 THEN (ARRAY['visit', 'basket', 'purchase', 'Visit', E'<b>it''s "50 %" \\ ü</b>', repeat('x', 200)])[1 + r[2] % 6] END
    FROM generate_series(1, n) i, LATERAL (SELECT ARRAY(SELECT abs(hashint4extended(i * 8 + j, seed)) FROM generate_series(1, 4) j) AS r) s
$$;
-- who is in which segment: by rules, so that a statement can tell it; some events are of nobody, and some customers have none
CREATE TABLE people AS SELECT i AS id, CASE WHEN i % 11 > 0 THEN i % 7 END AS visits FROM generate_series(-3, 33) i;
ALTER TABLE people ADD PRIMARY KEY (id);
SELECT n_segments FROM custseg.train('people', 'people', '{visits}', algorithm => 'rules', options => '{"segments": [{"name": "few", "when": {"visits": {"to": 3}}}, {"name": "<i>many</i>", "when": {"visits": {"above": 3}}}, {"name": "else"}], "else": "else"}');

-- the same by window functions
CREATE FUNCTION events_that_count(source text, as_of timestamptz) RETURNS TABLE (segment int, c text, at timestamptz, step text, "position" bigint, moment timestamptz) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('WITH e AS (SELECT customer, at::timestamptz AS at, step::text COLLATE "C" AS step FROM (%s) s WHERE customer IS NOT NULL AND isfinite(at) AND step IS NOT NULL), '
        'm AS (SELECT coalesce(%L, max(at)) AS as_of FROM e) '
        'SELECT s.segment, e.customer::text, e.at, e.step, row_number() OVER (PARTITION BY e.customer ORDER BY e.at, e.step), m.as_of FROM e CROSS JOIN m LEFT JOIN custseg.score(''people'') s ON s.id = e.customer::text WHERE e.at <= m.as_of', source, as_of);
END $$;
CREATE FUNCTION expected_journey(source text, as_of timestamptz, horizon interval) RETURNS TABLE (segment int, kind text, from_step text, to_step text, n bigint, n_from bigint, n_undecided bigint, median_days numeric) LANGUAGE sql AS $$
    WITH e AS MATERIALIZED (SELECT * FROM events_that_count(source, as_of)), v AS MATERIALIZED (
        SELECT *, lead(step) OVER w AS next, lead(at) OVER w - at AS took, moment - at >= horizon AS complete FROM e WINDOW w AS (PARTITION BY c ORDER BY position)
    ), f AS (SELECT segment, step, count(*) FILTER (WHERE complete) AS complete, count(*) FILTER (WHERE NOT complete) AS undecided FROM v GROUP BY 1, 2)
    SELECT segment, 'first', NULL, step, count(*), sum(count(*)) OVER (PARTITION BY segment)::bigint, 0, NULL FROM e WHERE position = 1 GROUP BY 1, 4
    UNION ALL
    SELECT f.segment, 'next', f.step, v.next, count(*), f.complete, f.undecided, round((percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM took)::float8) / 86400)::numeric, 9)
    FROM v JOIN f ON f.segment IS NOT DISTINCT FROM v.segment AND f.step = v.step WHERE v.complete AND took <= horizon GROUP BY 1, 2, 3, 4, f.complete, f.undecided
    UNION ALL
    SELECT f.segment, 'end', f.step, NULL, count(*) FILTER (WHERE v.complete AND (took IS NULL OR took > horizon)), f.complete, f.undecided, NULL FROM v JOIN f ON f.segment IS NOT DISTINCT FROM v.segment AND f.step = v.step GROUP BY 1, 3, f.complete, f.undecided
    UNION ALL
    SELECT segment, 'return', step, step, count(*) FILTER (WHERE back), count(*), 0, NULL FROM (
        SELECT segment, c, step, bool_or(EXISTS (SELECT FROM e a, e b WHERE a.c = v.c AND b.c = v.c AND a.step = v.step AND b.step <> v.step AND a.position < b.position AND b.position < v.position)) AS back FROM e v GROUP BY 1, 2, 3) r GROUP BY 1, 3
$$;
CREATE FUNCTION actual_journey(source text, as_of timestamptz, horizon interval) RETURNS TABLE (segment int, kind text, from_step text, to_step text, n bigint, n_from bigint, n_undecided bigint, median_days numeric) LANGUAGE sql AS $$
    SELECT segment, kind, from_step, to_step, n, n_from, n_undecided, round(median_days::numeric, 9) FROM custseg.journey(source, 'customer', 'at', 'step', 'people', jsonb_build_object('as_of', as_of, 'horizon', horizon))
$$;
CREATE FUNCTION expected_funnel(source text, as_of timestamptz, within interval, steps text[]) RETURNS TABLE (segment int, "position" int, n bigint, n_undecided bigint, median_days numeric) LANGUAGE sql AS $$
    -- each attempt goes to the next event of the next step as long as it is in time
    WITH RECURSIVE e AS MATERIALIZED (SELECT * FROM events_that_count(source, as_of)), attempt AS (
        SELECT segment, c, at AS begun, at, 1 AS k FROM e WHERE step = steps[1] AND (within IS NULL OR moment - at >= within)
        UNION ALL
        SELECT a.segment, a.c, a.begun, (SELECT min(e.at) FROM e WHERE e.c = a.c AND e.step = steps[a.k + 1] AND e.at >= a.at AND (within IS NULL OR e.at - a.begun <= within)), a.k + 1 FROM attempt a WHERE a.k < cardinality(steps) AND a.at IS NOT NULL
    ), come AS (
        -- who came first to a step, and of those at one time the one that began last
        SELECT DISTINCT ON (c, k) segment, c, k, at - begun AS took FROM attempt WHERE at IS NOT NULL ORDER BY c, k, at, begun DESC
    ), undecided AS (SELECT segment, count(DISTINCT c) AS n FROM e WHERE step = steps[1] AND NOT EXISTS (SELECT FROM attempt a WHERE a.c = e.c) GROUP BY 1),
    groups AS (SELECT segment FROM come UNION SELECT segment FROM undecided)
    SELECT g.segment, k, (SELECT count(*) FROM come WHERE come.segment IS NOT DISTINCT FROM g.segment AND come.k = i.k), coalesce((SELECT u.n FROM undecided u WHERE u.segment IS NOT DISTINCT FROM g.segment), 0),
        CASE WHEN k > 1 THEN (SELECT round((percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM took)::float8) / 86400)::numeric, 9) FROM come WHERE come.segment IS NOT DISTINCT FROM g.segment AND come.k = i.k) END
    FROM groups g, generate_series(1, cardinality(steps)) i (k)
$$;
CREATE FUNCTION actual_funnel(source text, as_of timestamptz, within interval, steps text[]) RETURNS TABLE (segment int, "position" int, n bigint, n_undecided bigint, median_days numeric) LANGUAGE sql AS $$
    SELECT segment, "position", n, n_undecided, round(median_days::numeric, 9) FROM custseg.funnel(source, 'customer', 'at', 'step', steps, 'people', within, jsonb_build_object('as_of', as_of))
$$;
CREATE FUNCTION expected_paths(source text, as_of timestamptz, length int) RETURNS TABLE (segment int, "position" bigint, path text[], n bigint, n_all bigint) LANGUAGE sql AS $$
    SELECT * FROM (SELECT segment, row_number() OVER (PARTITION BY segment ORDER BY count(*) DESC, path COLLATE "C"), path, count(*), sum(count(*)) OVER (PARTITION BY segment)::bigint
        FROM (SELECT segment, c, array_agg(step ORDER BY position) AS path FROM events_that_count(source, as_of) WHERE position <= length GROUP BY 1, 2) p GROUP BY segment, path) r WHERE row_number <= 4
$$;
CREATE FUNCTION actual_paths(source text, as_of timestamptz, length int) RETURNS TABLE (segment int, "position" bigint, path text[], n bigint, n_all bigint) LANGUAGE sql AS $$
    SELECT segment, "position", path, n, round(n / share)::bigint FROM custseg.paths(source, 'customer', 'at', 'step', 'people', 4, jsonb_build_object('as_of', as_of, 'length', length))
$$;
CREATE FUNCTION expected_touchpoints(source text, as_of timestamptz, before text, back interval) RETURNS TABLE (segment int, step_name text, n bigint, n_from bigint, n_first bigint, n_last bigint, median_days numeric) LANGUAGE sql AS $$
    WITH e AS MATERIALIZED (SELECT * FROM events_that_count(source, as_of)), goal AS (
        SELECT segment, c, CASE WHEN before IS NULL THEN max(at) ELSE min(at) FILTER (WHERE step = before) END AS at FROM e GROUP BY 1, 2 HAVING CASE WHEN before IS NULL THEN max(moment) - max(at) >= interval '10 days' ELSE bool_or(step = before) END
    ), t AS (
        SELECT g.segment, g.c, e.step, g.at - e.at AS ago, e.position = min(e.position) OVER w AS is_first, e.position = max(e.position) OVER w AS is_last
        FROM goal g LEFT JOIN e ON e.c = g.c AND e.at <= g.at AND g.at - e.at <= back AND e.step IS DISTINCT FROM before WINDOW w AS (PARTITION BY g.c)
    )
    SELECT segment, step, count(DISTINCT c), (SELECT count(*) FROM goal WHERE goal.segment IS NOT DISTINCT FROM t.segment), count(*) FILTER (WHERE is_first), count(*) FILTER (WHERE is_last),
        round(((SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM ago)::float8) FROM (SELECT min(ago) AS ago FROM t s WHERE s.segment IS NOT DISTINCT FROM t.segment AND s.step = t.step GROUP BY c) m) / 86400)::numeric, 9)
    FROM t GROUP BY segment, step
$$;
CREATE FUNCTION actual_touchpoints(source text, as_of timestamptz, before text, back interval) RETURNS TABLE (segment int, step_name text, n bigint, n_from bigint, n_first bigint, n_last bigint, median_days numeric) LANGUAGE sql AS $$
    SELECT segment, step_name, n, n_from, n_first, n_last, round(median_days::numeric, 9) FROM custseg.touchpoints(source, 'customer', 'at', 'step', 'people', before, jsonb_strip_nulls(jsonb_build_object('as_of', as_of, 'window', back, 'horizon', CASE WHEN before IS NULL THEN '10 days' END)))
$$;
-- rows that only one of the two gives
CREATE FUNCTION differences(call text, OUT n bigint, OUT different bigint) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('WITH a AS MATERIALIZED (SELECT * FROM actual_%1$s), b AS MATERIALIZED (SELECT * FROM expected_%1$s) '
        'SELECT (SELECT count(*) FROM b), (SELECT count(*) FROM (TABLE a EXCEPT ALL TABLE b) x) + (SELECT count(*) FROM (TABLE b EXCEPT ALL TABLE a) y)', call) INTO n, different;
END $$;
CREATE TABLE trails AS SELECT s AS seed, t.* FROM generate_series(1, 12) s, trail_of(s, 300 + s * 40) t;
ANALYZE trails;
CREATE TABLE compared AS
SELECT c.call, d.*
FROM generate_series(1, 12) s, LATERAL (SELECT format('SELECT customer, at%s AS at, step FROM trails WHERE seed = %s', (ARRAY['', '::timestamp', '::date'])[1 + s % 3], s) AS source, CASE WHEN s % 2 = 0 THEN timestamptz '2026-04-02 12:00+00' END AS as_of) x,
    LATERAL (VALUES (format('journey(%L, %L, %L)', source, as_of, (ARRAY['3 days', '36 hours', '12 days'])[1 + s % 3]::interval)),
        (format('funnel(%L, %L, %L, %L)', source, as_of, (ARRAY['10 days', NULL, '50 hours', '1 hour'])[1 + s % 4]::interval, (ARRAY['{visit,basket,purchase}', '{purchase,visit}', '{visit,Visit,basket,purchase}'])[1 + s % 3])),
        (format('paths(%L, %L, %s)', source, as_of, 1 + s % 4)),
        (format('touchpoints(%L, %L, %L, %L)', source, as_of, (ARRAY['purchase', NULL, 'visit'])[1 + s % 3], (ARRAY['4 days', '12 hours'])[1 + s % 2]))) c (call), differences(c.call) d;
SELECT split_part(call, '(', 1) AS function, count(*) AS comparisons, sum(n) AS rows, sum(different) AS different FROM compared GROUP BY 1 ORDER BY 1;
SELECT * FROM compared WHERE different > 0 LIMIT 3;

-- the order of rows, and what other customers do in between, make no difference; neither does a shift of all times by days
CREATE TABLE events AS SELECT customer, at, step FROM trail_of(77, 900);
CREATE FUNCTION answers(source text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT 'journey ' || r::text FROM custseg.journey(source, 'customer', 'at', 'step', 'people') r
    UNION ALL SELECT 'funnel ' || r::text FROM custseg.funnel(source, 'customer', 'at', 'step', '{visit,basket,purchase}', 'people', '20 days') r
    UNION ALL SELECT 'paths ' || r::text FROM custseg.paths(source, 'customer', 'at', 'step', 'people', 20, '{"length": 3}') r
    UNION ALL SELECT 'purchase ' || r::text FROM custseg.touchpoints(source, 'customer', 'at', 'step', 'people', 'purchase') r
    UNION ALL SELECT 'lost ' || r::text FROM custseg.touchpoints(source, 'customer', 'at', 'step', 'people', options => '{"horizon": "3 days"}') r
$$;
SELECT (SELECT count(*) > 100 FROM answers('events')) AS rows, count(*) AS different FROM (
    (SELECT answers('events') EXCEPT ALL SELECT answers('SELECT * FROM events ORDER BY md5(at::text || step)'))
    UNION ALL (SELECT answers('events') EXCEPT ALL SELECT answers('SELECT * FROM events ORDER BY step DESC, at'))
    UNION ALL (SELECT answers('events') EXCEPT ALL SELECT answers('SELECT customer, at - interval ''2000 days'' AS at, step FROM events'))
    UNION ALL (SELECT answers('events') EXCEPT ALL SELECT answers('SELECT customer::numeric AS customer, at AT TIME ZONE ''UTC'' AS at, step::varchar AS step FROM events'))
) d;
-- lengths of time are sorted on disk, too
SET work_mem = '64kB';
SELECT count(*) AS different FROM (SELECT answers('events') EXCEPT ALL SELECT answers('SELECT * FROM events ORDER BY at')) d;
RESET work_mem;
SELECT n, median_days FROM custseg.journey('SELECT i AS customer, timestamptz ''2026-01-01'' + d * (abs(hashint4(i)) % 1000003) * interval ''1 second'' AS at, ''s'' || d AS step FROM generate_series(1, 20001) i, generate_series(0, 1) d', 'customer', 'at', 'step', options => '{"horizon": "12 days", "as_of": "2027-01-01"}') WHERE kind = 'next';
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(hashint4(i)) % 1000003) / 86400 AS median_days FROM generate_series(1, 20001) i;
-- each share is of all there is, and sums are whole
SELECT count(*) AS groups, bool_and(abs(sum - 1) < 1e-12) AS whole, bool_and(inside) AS inside FROM (
    SELECT sum(share) FILTER (WHERE kind <> 'return'), bool_and(low <= share AND share <= high) AS inside FROM custseg.journey('events', 'customer', 'at', 'step', 'people') WHERE n_from > 0 GROUP BY segment, from_step) s;

-- some customers by hand: one goes on, one waits too long, one has not had the time
-- Rows of as many different customers as are asked for, and the same counts in them
WITH said AS (SELECT customer, at, step, lead(step) OVER w AS next, lead(at) OVER w - at AS length, max(at) OVER () - at AS known FROM (SELECT DISTINCT * FROM events WHERE customer IS NOT NULL AND step IS NOT NULL AND isfinite(at)) e WINDOW w AS (PARTITION BY customer ORDER BY at, step COLLATE "C")),
moves AS (
    SELECT CASE WHEN length <= '30 days' THEN 'next' ELSE 'end' END AS kind, step AS from_step, CASE WHEN length <= '30 days' THEN next END AS to_step, count(DISTINCT customer) AS customers FROM said WHERE known >= '30 days' GROUP BY 1, 2, 3)
SELECT least, (SELECT count(*) FROM moves WHERE customers >= least) AS moves,
    (SELECT count(*) FROM custseg.journey('events', 'customer', 'at', 'step', options => jsonb_build_object('min_customers', least)) j JOIN custseg.journey('events', 'customer', 'at', 'step') a USING (kind, n, n_from)
        JOIN moves m ON (m.kind, m.from_step, m.to_step) IS NOT DISTINCT FROM (j.kind, j.from_step, j.to_step) WHERE (a.from_step, a.to_step) IS NOT DISTINCT FROM (j.from_step, j.to_step) AND m.customers >= least) AS alike,
    (SELECT count(*) FROM custseg.journey('events', 'customer', 'at', 'step', options => jsonb_build_object('min_customers', least)) WHERE kind IN ('next', 'end')) AS found
FROM unnest('{2,4,8,1000}'::int[]) least;
CREATE TABLE few (customer text, at timestamp, step text);
INSERT INTO few VALUES ('a', '2026-01-01', 'visit'), ('a', '2026-01-03', 'basket'), ('a', '2026-01-03', 'purchase'), ('a', '2026-01-04', 'visit'), ('a', '2026-01-04 01:00', 'visit'),
    ('b', '2026-01-02', 'visit'), ('b', '2026-02-20', 'purchase'), ('c', '2026-02-25', 'visit'), ('c', '2026-02-26', 'basket'), ('d', '2026-01-05', 'basket');
SELECT kind, from_step, to_step, is_loop, n, n_from, n_undecided, round(share::numeric, 3) AS share, round(low::numeric, 3) AS low, round(high::numeric, 3) AS high, median_days
FROM custseg.journey('few', 'customer', 'at', 'step', options => '{"horizon": "10 days", "as_of": "2026-03-01"}');
SELECT "position", step_name, n, n_undecided, round(share::numeric, 3) AS share, round(low::numeric, 3) AS low, round(high::numeric, 3) AS high, round(step_share::numeric, 3) AS step_share, median_days
FROM custseg.funnel('few', 'customer', 'at', 'step', '{visit,basket,purchase}', NULL, '10 days', options => '{"as_of": "2026-03-01"}');
SELECT "position", step_name, n, n_undecided, step_share, median_days FROM custseg.funnel('few', 'customer', 'at', 'step', '{visit,purchase}');
SELECT "position", path, n, round(share::numeric, 3) AS share FROM custseg.paths('few', 'customer', 'at', 'step', options => '{"collapse": true}');
SELECT "position", path, n FROM custseg.paths('few', 'customer', 'at', 'step', NULL, 2, options => '{"until": "purchase"}');
SELECT step_name, n, n_from, round(share::numeric, 3) AS share, n_first, n_last, median_days FROM custseg.touchpoints('few', 'customer', 'at', 'step', NULL, 'purchase');
SELECT step_name, n, n_from, n_first, n_last, median_days FROM custseg.touchpoints('few', 'customer', 'at', 'step', options => '{"as_of": "2026-03-01", "horizon": "30 days", "window": "2 days"}');
-- the interval of 1 of 3 is Wilson's
SELECT low = w.lower AND high = w.upper AS same FROM custseg.funnel('few', 'customer', 'at', 'step', '{visit,basket,purchase}', NULL, '10 days', options => '{"as_of": "2026-03-01", "confidence": 0.9}') f, LATERAL (SELECT x.low AS lower, x.high AS upper FROM custseg.wilson_interval(f.n, 2, 0.9) x) w WHERE "position" = 2;
-- visits of one customer hang together: 3 of 4, none of 5, 2 of 2 and 1 of 6 are bought in (numpy and scipy 1.10.1, by the formulas of the page on algorithms)
CREATE VIEW visits AS
SELECT customer, timestamptz '2026-01-01' + i * interval '10 days' + step * interval '1 day' AS at, CASE step WHEN 0 THEN 'visit' ELSE 'basket' END AS step
FROM (VALUES (1, 4, 3), (2, 5, 0), (3, 2, 2), (4, 6, 1)) v (customer, n, x), generate_series(1, n) i, generate_series(0, CASE WHEN i <= x THEN 1 ELSE 0 END) step;
SELECT kind, n, n_from, abs(j.low / g.low - 1) < 1e-11 AS low, abs(j.high / g.high - 1) < 1e-11 AS high
FROM custseg.journey('visits', 'customer', 'at', 'step', options => '{"horizon": "2 days", "as_of": "2026-06-01"}') j
JOIN (VALUES ('next', 0.05394927416292555::float8, 0.8391585199974307::float8), ('end', 0.16084148000256937, 0.9460507258370746)) g (what, low, high) ON g.what = kind WHERE from_step = 'visit';
-- of one customer, and where all visits end the same way, customers count and not their visits: Wilson's of 1, and of 8 * 8 / (4 * 4 + 2 * 2 + 2 * 2)
SELECT share, round(low::numeric, 12) AS low, round(high::numeric, 12) AS high FROM custseg.journey('SELECT * FROM visits WHERE customer = 1', 'customer', 'at', 'step', options => '{"horizon": "2 days", "as_of": "2026-06-01"}') WHERE kind = 'next' AND from_step = 'visit';
SELECT share, round(low::numeric, 12) AS low, high FROM custseg.journey('SELECT * FROM visits WHERE step = ''visit'' AND customer < 5 AND at < timestamptz ''2026-01-25'' + CASE customer WHEN 1 THEN 20 ELSE 0 END * interval ''1 day'' AND customer <> 2',
    'customer', 'at', 'step', options => '{"horizon": "2 days", "as_of": "2026-06-01"}') WHERE kind = 'end';
-- two customers whose visits come to much the same tell no more than two (R 4.2.2, by the formulas of the page on algorithms)
SELECT kind, n, n_from, abs(j.low / g.low - 1) < 1e-11 AS low, abs(j.high / g.high - 1) < 1e-11 AS high
FROM custseg.journey('SELECT c AS customer, timestamptz ''2026-01-01'' + i * interval ''10 days'' + s * interval ''1 day'' AS at, ''step '' || s AS step FROM generate_series(1, 2) c, generate_series(1, 20) i, generate_series(0, (i < 10 + c)::int) s',
    'customer', 'at', 'step', options => '{"horizon": "2 days", "as_of": "2026-12-01"}') j
JOIN (VALUES ('next', 0.03118107891762395::float8, 0.9743301528990411::float8), ('end', 1 - 0.9743301528990411, 1 - 0.03118107891762395)) g (what, low, high) ON g.what = kind WHERE from_step = 'step 0';
-- with one visit each there is nothing that hangs together
SELECT count(*), bool_and(j.low = w.low AND j.high = w.high) AS same
FROM custseg.journey('SELECT DISTINCT ON (customer) * FROM visits WHERE step = ''visit'' UNION ALL SELECT customer, at, step FROM visits WHERE step = ''basket'' AND at < timestamptz ''2026-01-13''', 'customer', 'at', 'step', options => '{"horizon": "2 days", "as_of": "2026-06-01"}') j,
    custseg.wilson_interval(j.n, j.n_from, 0.95) w WHERE kind IN ('next', 'end');
-- times that are as far apart as times can be
SELECT kind, n, n_from, median_days FROM custseg.journey('SELECT 1 AS customer, t::timestamp AS at, ''s'' AS step FROM unnest(ARRAY[''4713-01-01 BC'', ''294276-12-31'']) t', 'customer', 'at', 'step');
-- steps of any type, customers of any type, segments by another source of customers, an older version
SELECT kind, from_step, to_step, n FROM custseg.journey('SELECT 1.0 AS customer, date ''2026-01-01'' + i AS at, i % 2 = 0 AS step FROM generate_series(1, 3) i UNION ALL SELECT 1.00, date ''2026-01-09'', true', 'customer', 'at', 'step', options => '{"as_of": "2027-01-01"}');
SELECT segment, name, step_name, n FROM custseg.funnel('events', 'customer', 'at', 'step', '{visit,purchase}', 'people', NULL, '{"customers": "SELECT id, 9 AS visits FROM people WHERE id < 5"}', version => 1);

RESET client_min_messages;
-- what is left out is said; and errors
SELECT count(*) FROM custseg.paths('events', 'customer', 'at', 'step', options => '{"as_of": "2026-04-01"}');
SELECT custseg.journey('SELECT * FROM few WHERE false', 'customer', 'at', 'step');
SELECT custseg.journey('SELECT customer, ''infinity''::timestamp AS at, step FROM few', 'customer', 'at', 'step');
SELECT custseg.journey(NULL, 'customer', 'at', 'step');
SELECT custseg.journey('few', NULL, 'at', 'step');
SELECT custseg.journey('few', 'customer', 'step', 'step');
SELECT custseg.journey('few', 'customer', 'at', 'nothing');
SELECT custseg.journey('few', 'customer', 'at', 'step', 'nobody');
SELECT custseg.journey('few', 'customer', 'at', 'step', 'people', version => 7);
SELECT custseg.journey('few', 'customer', 'at', 'step', options => '{"horizon": "-3 days"}');
SELECT custseg.journey('few', 'customer', 'at', 'step', options => '{"horizon": "soon"}');
SELECT custseg.journey('few', 'customer', 'at', 'step', options => '{"as_of": "infinity"}');
SELECT custseg.journey('few', 'customer', 'at', 'step', options => '{"customers": "people"}');
SELECT custseg.journey('few', 'customer', 'at', 'step', options => '{"time_zone": "Mars/Olympus"}');
SELECT custseg.journey('few', 'customer', 'at', 'step', options => '{"window": 1}');
SELECT custseg.journey('SELECT 1 AS customer, now() AS at, i AS step FROM generate_series(1, 10001) i', 'customer', 'at', 'step');
SELECT custseg.journey('few', 'customer', 'at', 'step', 'people', '{"customers": "SELECT 1 AS id, 2 AS visits FROM generate_series(1, 2)"}');
SELECT custseg.funnel('few', 'customer', 'at', 'step', '{visit,checkout}');
SELECT custseg.funnel('few', 'customer', 'at', 'step', '{visit}');
SELECT custseg.funnel('few', 'customer', 'at', 'step', NULL);
SELECT custseg.funnel('few', 'customer', 'at', 'step', '{visit,visit}');
SELECT custseg.funnel('few', 'customer', 'at', 'step', '{visit,NULL}');
SELECT custseg.funnel('few', 'customer', 'at', 'step', '{visit,purchase}', NULL, '-1 day');
SELECT custseg.funnel('few', 'customer', 'at', 'step', (SELECT array_agg('s' || i) FROM generate_series(1, 51) i));
SELECT custseg.paths('few', 'customer', 'at', 'step', NULL, 0);
SELECT custseg.paths('few', 'customer', 'at', 'step', options => '{"length": 0}');
SELECT custseg.paths('few', 'customer', 'at', 'step', options => '{"until": "Purchase"}');
SELECT custseg.touchpoints('few', 'customer', 'at', 'step', NULL, 'Purchase');
SELECT custseg.touchpoints('few', 'customer', 'at', 'step', NULL, 'purchase', options => '{"horizon": "1 day"}');
SELECT custseg.touchpoints('few', 'customer', 'at', 'step', options => '{"window": "0 days"}');
-- held to maintenance_work_mem
SET maintenance_work_mem = '1MB';
SELECT custseg.touchpoints('SELECT 1 AS customer, timestamptz ''2026-01-01'' + i * interval ''1 second'' AS at, i % 3 AS step FROM generate_series(1, 100000) i', 'customer', 'at', 'step');
SELECT custseg.journey('SELECT i / 2 AS customer, timestamptz ''2026-01-01'' + i * interval ''1 second'' AS at, hashint4(i) % 2000 AS step FROM generate_series(1, 100000) i', 'customer', 'at', 'step', options => '{"as_of": "2027-01-01"}');
RESET maintenance_work_mem;
-- steps are compared by PostgreSQL's operator, whatever the search_path has
CREATE SCHEMA other_operators;
CREATE FUNCTION other_operators.are_equal(text, text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE 'the operator of another schema was called'; END $$;
CREATE OPERATOR other_operators.= (LEFTARG = text, RIGHTARG = text, PROCEDURE = other_operators.are_equal);
SET search_path = other_operators, pg_catalog, public;
SELECT count(*) FROM custseg.funnel('SELECT 1 AS customer, timestamptz ''2026-01-01'' AS at, s AS step FROM unnest(ARRAY[''visit'', ''basket'']) AS s', 'customer', 'at', 'step', '{visit,basket}');
RESET search_path;
DROP SCHEMA other_operators CASCADE;

-- read as who asks, and only where the model may be used
CREATE ROLE regress_custseg_journey;
SET ROLE regress_custseg_journey;
SELECT custseg.journey('few', 'customer', 'at', 'step');
SELECT custseg.funnel('SELECT 1 AS customer, now() AS at, ''visit'' AS step', 'customer', 'at', 'step', '{visit,basket}', model => 'people');
RESET ROLE;
DROP ROLE regress_custseg_journey;

SELECT custseg.drop_model('people', whole => true);
RESET TimeZone;
DROP TABLE people, trails, compared, events, few;
DROP FUNCTION trail_of, events_that_count, expected_journey, actual_journey, expected_funnel, actual_funnel, expected_paths, actual_paths, expected_touchpoints, actual_touchpoints, differences, answers;
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
