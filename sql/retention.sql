-- How long customers stay: Kaplan-Meier curves, medians and means, tests of segments.
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS retention_test CASCADE;
CREATE SCHEMA retention_test;
SET search_path = retention_test, public;
RESET client_min_messages;

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

-- Freireich et al. (1963): weeks of remission under 6-MP and placebo, as in Cox and Oakes (1984). Survival, standard
-- errors and the log-rank chi-square of 16.79 are those of the textbooks.
CREATE TABLE remission (treatment text, weeks int, relapse int);
INSERT INTO remission
SELECT '6-MP', unnest('{6,6,6,7,10,13,16,22,23}'::int[]), 1 UNION ALL
SELECT '6-MP', unnest('{6,9,10,11,17,19,20,25,32,32,34,35}'::int[]), 0 UNION ALL
SELECT 'placebo', unnest('{1,1,2,2,3,4,4,5,5,8,8,8,8,11,11,12,12,15,17,22,23}'::int[]), 1;
SELECT segment_name, time, n_at_risk AS at_risk, n_events AS events, n_censored AS censored, round(survival::numeric, 6) AS survival, round(standard_error::numeric, 6) AS error, round(low::numeric, 6) AS low, round(high::numeric, 6) AS high
FROM custseg.retention('remission', 'weeks', 'relapse', 'treatment');
SELECT segment_name, time, n_at_risk AS at_risk, n_events AS events, n_censored AS censored, round(survival::numeric, 6) AS survival, round(low::numeric, 6) AS low, round(high::numeric, 6) AS high
FROM custseg.retention('remission', 'weeks', 'relapse', 'treatment', times => '{0,6,10,23,24,35,36}', options => '{"confidence": 0.9}');
SELECT segment_name, n, n_events, median, median_low, median_high, round(mean::numeric, 6) AS mean, round(standard_error::numeric, 6) AS error, round(low::numeric, 4) AS low, round(high::numeric, 4) AS high, mean_until
FROM custseg.retention_summary('remission', 'weeks', 'relapse', 'treatment')
UNION ALL
SELECT segment_name, n, n_events, median, median_low, median_high, round(mean::numeric, 6), round(standard_error::numeric, 6), round(low::numeric, 4), round(high::numeric, 4), mean_until
FROM custseg.retention_summary('remission', 'weeks', 'relapse', 'treatment', until => 20);
SELECT test, n, n_events, n_segments, round(statistic::numeric, 6) AS statistic, df, round(p_value::numeric, 9) AS p_value, round((log_p_value - ln(p_value))::numeric, 9) AS same, segment_names, observed, (SELECT array_agg(round(e::numeric, 6)) FROM unnest(expected) e) AS expected
FROM custseg.retention_test('remission', 'weeks', 'relapse', 'treatment');

-- the same by definition, in SQL, over segments, ties, fractions and weights of customers
CREATE TABLE stays AS
SELECT i, i * 7919 % 97 / 4.0 AS duration, i * 31 % 5 < 2 AS has_left, 'plan ' || i * 13 % 4 AS plan FROM generate_series(1, 700) i;
CREATE VIEW by_definition AS
WITH t AS (SELECT DISTINCT plan, duration FROM stays WHERE has_left),
     r AS (SELECT t.plan, t.duration, (SELECT count(*) FROM stays s WHERE s.plan = t.plan AND s.duration >= t.duration)::numeric AS n,
               (SELECT count(*) FROM stays s WHERE s.plan = t.plan AND s.duration = t.duration AND has_left)::numeric AS d FROM t)
SELECT plan, duration, n, d, (SELECT exp(sum(ln(nullif(1 - q.d / q.n, 0)))) FROM r q WHERE q.plan = r.plan AND q.duration <= r.duration) AS survival,
    (SELECT sqrt(sum(q.d / (q.n * nullif(q.n - q.d, 0)))) FROM r q WHERE q.plan = r.plan AND q.duration <= r.duration) AS relative_error
FROM r;
SELECT count(*), count(*) FILTER (WHERE agrees(a.survival, b.survival) <> 't' OR agrees(a.standard_error, b.survival * b.relative_error) <> 't' OR a.n_at_risk <> b.n OR a.n_events <> b.d) AS different
FROM custseg.retention('stays', 'duration', 'has_left', 'plan') a JOIN by_definition b ON (b.plan, b.duration) = (a.segment_name, a.time);
SELECT count(*) FROM by_definition;
-- duplicates, the order of rows, the unit, and the order of segments change nothing but what follows from them
SELECT count(*), count(*) FILTER (WHERE agrees(a.survival, b.survival) <> 't' OR a.n_at_risk * 3 <> b.n_at_risk) AS different
FROM custseg.retention('stays', 'duration', 'has_left', 'plan') a
JOIN custseg.retention('SELECT duration * 7 AS duration, has_left::int AS has_left, plan FROM stays, generate_series(1, 3) ORDER BY i * 7 % 11', 'duration', 'has_left', 'plan') b
    ON b.segment_name = a.segment_name AND b.time = a.time * 7;
SELECT a.test, agrees(a.statistic, b.statistic) AS turned, agrees(a.statistic, c.statistic) AS in_other_units, a.df
FROM custseg.retention_test('stays', 'duration', 'has_left', 'plan') a
JOIN custseg.retention_test('SELECT duration, has_left, translate(plan, ''0123'', ''3210'') AS plan FROM stays', 'duration', 'has_left', 'plan') b USING (test)
JOIN custseg.retention_test('SELECT duration::float8 / 1024 AS duration, has_left, plan FROM stays', 'duration', 'has_left', 'plan') c USING (test)
ORDER BY a.test;
-- two equal segments do not differ, and a p-value below all numbers has its logarithm
SELECT test, round(statistic::numeric, 9) AS statistic, df, p_value
FROM custseg.retention_test('SELECT duration, has_left, g FROM stays, generate_series(1, 2) g', 'duration', 'has_left', 'g');
SELECT test, p_value, log_p_value < -2000 AS small
FROM custseg.retention_test('SELECT CASE g WHEN 1 THEN i % 10 ELSE 20 + i % 10 END AS d, true AS e, g FROM generate_series(1, 8000) i, generate_series(1, 2) g', 'd', 'e', 'g');
-- equality is the type's: segments that look different may be one, and what looks alike in a number is alike
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
SELECT a.segment_name ~* '^plan' AS named, count(*), count(*) FILTER (WHERE agrees(a.survival, b.survival) <> 't') AS different
FROM custseg.retention('SELECT duration, has_left, (CASE WHEN i % 2 = 0 THEN plan ELSE upper(plan) END) COLLATE any_case AS plan FROM stays', 'duration', 'has_left', 'plan') a
JOIN custseg.retention('stays', 'duration', 'has_left', 'plan') b ON b.time = a.time AND upper(b.segment_name) = upper(a.segment_name) GROUP BY 1;
SELECT agrees(a.statistic, b.statistic) AS same, a.n_segments
FROM custseg.retention_test('SELECT duration, has_left, (CASE WHEN i % 2 = 0 THEN plan ELSE upper(plan) END) COLLATE any_case AS plan FROM stays', 'duration', 'has_left', 'plan') a
JOIN custseg.retention_test('stays', 'duration', 'has_left', 'plan') b USING (test);
SELECT segment_name, n FROM custseg.retention_summary('SELECT duration, has_left, (i % 2 + CASE WHEN i % 4 < 2 THEN 0 ELSE 0.00 END) AS s FROM stays', 'duration', 'has_left', 's');
-- far away and tiny durations, and a time that is asked for twice
SELECT count(*), count(*) FILTER (WHERE agrees(a.survival, b.survival) <> 't' OR b.time <> a.time * 1e15) AS different
FROM custseg.retention('stays', 'duration', 'has_left') a JOIN custseg.retention('SELECT duration * 1e15 AS duration, has_left FROM stays', 'duration', 'has_left') b USING (n_at_risk);
SELECT agrees(b.mean, a.mean * 2 ^ -900) AS mean, agrees(b.standard_error, a.standard_error * 2 ^ -900) AS error, b.median = a.median * 2 ^ -900 AS median
FROM custseg.retention_summary('stays', 'duration', 'has_left', until => 17.3) a, custseg.retention_summary('SELECT duration::float8 * 2 ^ -900 AS duration, has_left FROM stays', 'duration', 'has_left', until => 17.3 * 2 ^ -900) b;
SELECT time, n_at_risk, n_events, survival FROM custseg.retention('remission', 'weeks', 'relapse', times => '{5,5,5.5,5.5}');
-- all leave at once: nothing varies
SELECT test, round(statistic::numeric, 6) AS statistic, df FROM custseg.retention_test('SELECT 3 AS d, true AS e, i % 2 AS s FROM generate_series(1, 9) i', 'd', 'e', 's') LIMIT 1;
-- a segment that is there only after all who leave have left has no part in the test; nobody leaves: nothing is defined
SELECT test, round(statistic::numeric, 6) AS statistic, df, segment_names, expected[3] FROM custseg.retention_test('SELECT * FROM remission UNION ALL SELECT ''z none'', 0, 0', 'weeks', 'relapse', 'treatment') LIMIT 1;
SELECT test, statistic, df, p_value, log_p_value FROM custseg.retention_test('SELECT duration, false AS e, plan FROM stays', 'duration', 'e', 'plan');
SELECT median, mean, standard_error FROM custseg.retention_summary('SELECT 3 AS d, false AS e', 'd', 'e');
SELECT * FROM custseg.retention('SELECT 3 AS d, true AS e', 'd', 'e', times => '{1,3,9}');
SELECT count(*) FROM custseg.retention('SELECT 3 AS d, true AS e WHERE false', 'd', 'e');
-- what is missing is left out
SELECT segment_name, n FROM custseg.retention_summary('SELECT * FROM (VALUES (1.0::float8, 1, ''a''), (NULL, 1, ''a''), (''NaN'', 1, ''a''), (''Infinity'', 0, ''a''), (2, NULL, ''a''), (3, 0, NULL), (4, 0, ''b'')) v (d, e, s)', 'd', 'e', 's');

-- errors
SELECT outcome($$SELECT count(*)::text FROM custseg.retention('remission', 'treatment', 'relapse')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.retention('remission', 'weeks', 'treatment')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.retention('remission', 'weeks', 'weeks')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.retention('SELECT 1 AS d, true AS e, point(1, 2) AS s', 'd', 'e', 's')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.retention('SELECT -1 AS d, true AS e', 'd', 'e')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.retention('remission', NULL, 'relapse')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.retention('remission', 'weeks', 'nothing')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.retention('remission', 'weeks', 'relapse', times => '{3,2}')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.retention('remission', 'weeks', 'relapse', times => '{-1}')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.retention('remission', 'weeks', 'relapse', times => '{NULL}')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.retention('remission', 'weeks', 'relapse', options => '{"confidence": 1}')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.retention_summary('remission', 'weeks', 'relapse', until => 0)$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.retention_test('remission', 'weeks', 'relapse', NULL)$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.retention_test('SELECT 1 AS d, true AS e, 1 AS s', 'd', 'e', 's')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.retention_test('SELECT i AS d, true AS e, i AS s FROM generate_series(1, 1001) i', 'd', 'e', 's')$$);

SET client_min_messages = warning;
DROP SCHEMA retention_test CASCADE;
\i :root/test/clean.sql
