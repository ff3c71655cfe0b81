-- How large the segments will be: a Markov chain of the moves that resegment() has recorded.
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS forecast_test CASCADE;
CREATE SCHEMA forecast_test;
SET search_path = forecast_test, public;
SELECT custseg.drop_model(name, whole => true) FROM custseg.models WHERE name = 'forecast_test';
RESET client_min_messages;

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

CREATE TABLE customers AS SELECT i AS id, (i % 2) * 10 + i % 7 / 7.0 AS spend FROM generate_series(1, 200) i;
ALTER TABLE customers ADD PRIMARY KEY (id);
SELECT model, version FROM custseg.train('forecast_test', 'customers', '{spend}', 2);
SELECT custseg.name_segment('forecast_test', 1, 'small'), custseg.name_segment('forecast_test', 2, 'large');
-- a run of resegment(), as it is recorded
CREATE FUNCTION run(at timestamptz, moves int[], version int DEFAULT 1, source text DEFAULT 'customers', condition text DEFAULT NULL, finished bool DEFAULT true) RETURNS void LANGUAGE sql AS $$
    INSERT INTO custseg.migration (model, version, source, condition, run_at, finished_at, run_by, from_segment, to_segment, n)
    SELECT 'forecast_test', version, source, condition, at, CASE WHEN finished THEN at END, current_user, f, t, moves[f][t]
    FROM generate_subscripts(moves, 1) f, generate_subscripts(moves, 2) t WHERE moves[f][t] > 0
$$;

-- the first run assigns segments, so it is no period; three periods are needed
SELECT outcome($$SELECT count(*)::text FROM custseg.forecast_segments('forecast_test')$$);
INSERT INTO custseg.migration (model, version, source, run_at, finished_at, run_by, from_segment, to_segment, n)
VALUES ('forecast_test', 1, 'customers', '2026-01-01', '2026-01-01', current_user, NULL, 1, 100);
SELECT run('2026-02-01', '{{80,20},{0,0}}'), run('2026-03-01', '{{64,16},{6,14}}');
SELECT outcome($$SELECT count(*)::text FROM custseg.forecast_segments('forecast_test')$$);
SELECT run('2026-04-01', '{{56,14},{9,21}}');
-- the chances are .8, .2 and .3, .7 in each period; then all are small: 100, 0 go to 65, 35 in three periods
INSERT INTO custseg.migration (model, version, source, run_at, finished_at, run_by, from_segment, to_segment, n)
SELECT 'forecast_test', 1, 'customers', '2026-05-01', '2026-05-01', current_user, NULL, 1, 100000;
SELECT period, (expected_at AT TIME ZONE 'UTC')::date AS expected, segment, name, share_now, round(share::numeric, 9) AS share, low < share AND share < high AS within, n, verdict, reason
FROM custseg.forecast_segments('forecast_test', 3);

-- the interval of the next period is as wide as the variances of the chances (Dirichlet) and of the moves (binomial) make it
WITH f AS (SELECT * FROM custseg.forecast_segments('forecast_test', 1, '{"draws": 20000}') WHERE segment = 2),
     a AS (SELECT 200.5 / 251.0 AS p, 251.0 AS total)
SELECT abs((f.high - f.low) / (2 * 1.96 * sqrt(a.p * (1 - a.p) / (a.total + 1) + a.p * (1 - a.p) / 100000)) - 1) < 0.03 AS as_wide FROM f, a;
-- more draws, another seed, a wider interval, the same calls
SELECT bool_and(abs(a.low - b.low) < 0.01 AND abs(a.high - b.high) < 0.01) AS alike, bool_or(a.low <> b.low) AS other_draws, bool_and(a.share = b.share) AS same, bool_and(c.low <= a.low AND c.high >= a.high) AS wider, bool_and(a.low = d.low AND a.high = d.high) AS again
FROM custseg.forecast_segments('forecast_test') a JOIN custseg.forecast_segments('forecast_test', options => '{"seed": 2, "draws": 4000}') b USING (period, segment)
JOIN custseg.forecast_segments('forecast_test', options => '{"confidence": 0.99}') c USING (period, segment) JOIN custseg.forecast_segments('forecast_test') d USING (period, segment);
SELECT period, round(sum(share)::numeric, 12) AS shares, sum(n) AS n FROM custseg.forecast_segments('forecast_test', 24) WHERE period > 22 GROUP BY 1 ORDER BY 1;

-- what does not count: runs of a part, of another table, unfinished ones, and those that begin with another version
CREATE TABLE before AS SELECT * FROM custseg.forecast_segments('forecast_test', 2);
SELECT run('2026-04-15', '{{1,99},{99,1}}', condition => 'id < 10'), run('2026-04-15', '{{1,99},{99,1}}', finished => false), run('2026-04-15', '{{1,99},{99,1}}', source => 'others');
SELECT count(*) FROM (TABLE before EXCEPT SELECT * FROM custseg.forecast_segments('forecast_test', 2)) d;
SELECT run('2026-04-10', '{{1,999},{999,1}}', version => 2);
SELECT bool_and(a.share = b.share) AS same_chances FROM before a JOIN custseg.forecast_segments('forecast_test', 2) b USING (period, segment);
SELECT outcome($$SELECT count(*)::text FROM custseg.forecast_segments('forecast_test', options => '{"source": "others"}')$$);

-- customers who move to and fro: "nothing changes" is nearer
DELETE FROM custseg.migration WHERE model = 'forecast_test';
SELECT run('2026-01-01', '{{50,0},{0,50}}'), run('2026-02-01', '{{40,10},{0,50}}'), run('2026-03-01', '{{30,10},{0,60}}'), run('2026-04-01', '{{30,0},{0,70}}');
SELECT DISTINCT verdict, reason FROM custseg.forecast_segments('forecast_test');
-- "nothing changes" was nearer, but by no more than customers who move by chance explain
DELETE FROM custseg.migration WHERE model = 'forecast_test';
SELECT run('2025-12-01', '{{100,0},{0,100}}'), run('2026-01-01', '{{90,10},{10,90}}'), run('2026-02-01', '{{92,8},{10,90}}'), run('2026-03-01', '{{91,11},{9,89}}');
SELECT DISTINCT verdict, reason FROM custseg.forecast_segments('forecast_test');
-- nobody moves, and a segment that nobody has left stays as it is; a NULL model
DELETE FROM custseg.migration WHERE model = 'forecast_test';
SELECT run('2026-01-01', '{{50,0},{0,50}}'), run('2026-02-01', '{{50,0},{0,50}}'), run('2026-03-01', '{{50,0},{0,50}}'), run('2026-04-01', '{{50,0},{0,50}}');
SELECT period, segment, share, low, high, verdict, reason FROM custseg.forecast_segments('forecast_test', 1);
SELECT count(*) FROM custseg.forecast_segments(NULL);

-- end to end: real runs, a month apart as it were
DELETE FROM custseg.migration WHERE model = 'forecast_test';
ALTER TABLE customers ADD COLUMN segment int;
CALL custseg.resegment('forecast_test', 'customers');
UPDATE customers SET spend = spend + 10 WHERE id % 2 = 0 AND id <= 40;
CALL custseg.resegment('forecast_test', 'customers');
UPDATE customers SET spend = spend + 10 WHERE id % 2 = 0 AND id BETWEEN 41 AND 70;
CALL custseg.resegment('forecast_test', 'customers');
UPDATE customers SET spend = spend + 10 WHERE id % 2 = 0 AND id BETWEEN 71 AND 100;
CALL custseg.resegment('forecast_test', 'customers');
SELECT period, segment, name, share_now, round(share::numeric, 4) AS share, n, verdict, reason FROM custseg.forecast_segments('forecast_test', 2);

-- errors
SELECT outcome($$SELECT count(*)::text FROM custseg.forecast_segments('forecast_test', 0)$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.forecast_segments('forecast_test', NULL)$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.forecast_segments('no such model')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.forecast_segments('forecast_test', options => '{"level": 1}')$$);
SET maintenance_work_mem = '1MB';
SELECT outcome($$SELECT count(*)::text FROM custseg.forecast_segments('forecast_test', 120, options => '{"draws": 100000}')$$);
RESET maintenance_work_mem;
DELETE FROM custseg.migration WHERE model = 'forecast_test';
INSERT INTO custseg.migration (model, version, source, run_at, finished_at, run_by, from_segment, to_segment, n)
SELECT 'forecast_test', 1, 'customers', '2026-01-01', '2026-01-01', current_user, i, i, 1 FROM generate_series(1, 101) i;
SELECT outcome($$SELECT count(*)::text FROM custseg.forecast_segments('forecast_test')$$);

SET client_min_messages = warning;
SELECT custseg.drop_model('forecast_test', whole => true);
DROP SCHEMA forecast_test CASCADE;
\i :root/test/clean.sql
