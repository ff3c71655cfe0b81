--
-- Migrations between segments, ranks of value, and two versions of a model side by side.
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS versions_test CASCADE;
CREATE SCHEMA versions_test;
SET search_path = versions_test, public;
RESET client_min_messages;
\set VERBOSITY terse

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

-- Three kinds of customers, far apart: 60, 30 and 10 of them
CREATE TABLE customer (id int PRIMARY KEY, recency int, monetary float8, channel text, segment int);
INSERT INTO customer
SELECT i,
       CASE WHEN i <= 60 THEN 10 WHEN i <= 90 THEN 100 ELSE 300 END + i % 7,
       CASE WHEN i <= 60 THEN 50 WHEN i <= 90 THEN 400 ELSE 900 END + i % 5,
       CASE WHEN i <= 60 THEN 'shop' WHEN i <= 90 THEN 'web' ELSE 'phone' END
FROM generate_series(1, 100) i;
SELECT version FROM custseg.train('m', 'customer', '{recency,monetary}', 3);

--
-- Migration
--
SELECT * FROM custseg.migration('m');
SELECT * FROM custseg.migration_test('m');
-- at first nobody has a segment, which is no change of the mix
CALL custseg.resegment('m', 'customer');
SELECT * FROM custseg.migration('m');
SELECT n_runs, n, n_moved, change, p_value, verdict, reason FROM custseg.migration_test('m');
CALL custseg.resegment('m', 'customer');
SELECT n_runs, n, n_moved, change, statistic, df, p_value, verdict, reason FROM custseg.migration_test('m');
-- some move, one cannot be placed any more; names are those of today
SELECT custseg.name_segment('m', 1, 'small'), custseg.name_segment('m', 3, 'large');
UPDATE customer SET recency = 305, monetary = 901 WHERE id IN (1, 2, 70, 71, 72);
UPDATE customer SET recency = 105, monetary = 401 WHERE id IN (3, 4);
UPDATE customer SET monetary = 'infinity' WHERE id = 5;
SELECT pg_sleep(0.001);
SELECT clock_timestamp() AS before_last \gset
CALL custseg.resegment('m', 'customer');
SELECT from_segment, from_name, to_segment, to_name, n, round(probability::numeric, 6) AS probability
FROM custseg.migration('m', :'before_last');
-- McNemar's numbers by hand where two segments exchange: (2, 3), 3 against 0, and so on
SELECT n_runs, n, n_moved, round(moved_share::numeric, 6) AS moved_share, round(change::numeric, 6) AS change,
       round(statistic::numeric, 6) AS statistic, df, round(p_value::numeric, 6) AS p_value, verdict, reason
FROM custseg.migration_test('m', :'before_last', NULL);
-- what is before "to" is in, what is at "from" is in, too
SELECT run_at AS last_run FROM custseg.migration ORDER BY run_at DESC LIMIT 1 \gset
SELECT (SELECT sum(n) FROM custseg.migration('m', :'last_run')) AS since, (SELECT sum(n) FROM custseg.migration('m', NULL, :'last_run')) AS before,
       (SELECT sum(n) FROM custseg.migration('m', '-infinity')) AS always, (SELECT sum(n) FROM custseg.migration('m', "from" => 'infinity')) AS never;
-- several runs are summed up, which the reason says; without bounds it is the last run, as of migration()
SELECT n_runs, n, reason FROM custseg.migration_test('m', '-infinity');
SELECT n_runs, n, round(change::numeric, 4) AS change, verdict, reason FROM custseg.migration_test('m');
SELECT bool_and(abs(sum - 1) < 1e-12) AS sums_to_one FROM (SELECT sum(probability) FROM custseg.migration('m', '-infinity') GROUP BY from_segment) s;
-- without bounds it is the last run, whose counts are those of its rows; those who had no segment are no movers
SELECT (SELECT jsonb_agg(to_jsonb(l)) FROM custseg.migration('m') l) = (SELECT jsonb_agg(to_jsonb(l)) FROM custseg.migration('m', :'last_run') l) AS last_run;

-- Unaided distance vision of 7,477 women, right and left eye: Stuart (1955) has 11.96 with 3 degrees of
-- freedom; digits by numpy.linalg.solve and scipy.stats.chi2
SELECT version FROM custseg.train('eyes', 'customer', '{recency}', 4);
INSERT INTO custseg.migration (model, version, source, run_at, run_by, from_segment, to_segment, n)
SELECT 'eyes', 1, 'eyes', '2024-01-01', current_user, r, c, ('{1520,266,124,66,234,1512,432,78,117,362,1772,205,36,82,179,492}'::int[])[4 * r + c - 4]
FROM generate_series(1, 4) r, generate_series(1, 4) c;
SELECT n, n_moved, round(change::numeric, 6) AS change, round(statistic::numeric, 10) AS statistic, df, round(p_value::numeric, 12) AS p_value, verdict, reason
FROM custseg.migration_test('eyes');
-- segments that nobody enters or leaves, and ones that do not exchange with the others, cost no inverse: 1, 2 and 3, 4 on their own are
-- two tests of McNemar, (20 - 5)^2 / 25 + (9 - 16)^2 / 25 = 10.96, and 5 is none
INSERT INTO custseg.migration (model, version, source, run_at, run_by, from_segment, to_segment, n)
SELECT 'eyes', 1, 'eyes', '2024-02-01', current_user, f, t, n
FROM (VALUES (1, 2, 20), (2, 1, 5), (3, 4, 9), (4, 3, 16), (1, 1, 40), (2, 2, 40), (5, 5, 10), (3, 3, 0)) v (f, t, n);
SELECT n, n_moved, round(change::numeric, 6) AS change, round(statistic::numeric, 10) AS statistic, df, round(p_value::numeric, 12) AS p_value, verdict, reason
FROM custseg.migration_test('eyes', '2024-02-01');
-- where the change matters, and where the limits are others
SELECT verdict FROM custseg.migration_test('eyes', '2024-02-01', options => '{"change_drifted": 12}');
SELECT verdict, reason FROM custseg.migration_test('eyes', '2024-02-01', options => '{"change_watch": 20, "change_drifted": 20}');
SELECT verdict, reason FROM custseg.migration_test('eyes', '2024-02-01', options => '{"significance": 0.001}');
SELECT verdict, reason FROM custseg.migration_test('eyes', '2024-02-01', options => '{"min_rows": 1000}');
-- one-sided: everybody goes from 1 to 2, which nobody leaves
INSERT INTO custseg.migration (model, version, source, run_at, run_by, from_segment, to_segment, n) VALUES ('eyes', 1, 'eyes', '2024-03-01', current_user, 1, 2, 40);
SELECT n, round(statistic::numeric, 6) AS statistic, df, change, verdict FROM custseg.migration_test('eyes', '2024-03-01', 'infinity');
-- more segments than the matrix is for
INSERT INTO custseg.migration (model, version, source, run_at, run_by, from_segment, to_segment, n)
SELECT 'eyes', 1, 'eyes', '2024-04-01', current_user, i, i + 1, 1 FROM generate_series(1, 1000) i;
SELECT outcome($$SELECT custseg.migration_test('eyes', '2024-04-01')$$);
DELETE FROM custseg.migration WHERE to_segment = 1001 AND model = 'eyes';
-- a chain of 1,000 segments, each left by one customer for the next: only the ends differ, by 1 each, and what is between them adds up
SELECT n, df, round(statistic::numeric, 6) AS statistic FROM custseg.migration_test('eyes', '2024-04-01');

SELECT outcome(s) FROM unnest(ARRAY[
    $$SELECT custseg.migration_test('m', options => '{"rows": 3}')$$,
    $$SELECT custseg.migration_test('m', options => '{"min_rows": 0}')$$,
    $$SELECT custseg.migration_test('m', options => '{"change_watch": 20}')$$,
    $$SELECT custseg.migration_test('none')$$,
    $$SELECT count(*) FROM custseg.migration('none')$$,
    $$SELECT count(*) FROM custseg.migration(NULL)$$,
    $$SELECT custseg.migration_test(NULL)$$,
    $$SELECT verdict FROM custseg.migration_test('m', options => NULL)$$]) s;

--
-- Ranks of value
--
SELECT outcome($$SELECT count(*) FROM custseg.at_risk('m')$$);
SELECT custseg.name_segment('m', 1, 'small', rank => 3);
SELECT outcome($$SELECT count(*) FROM custseg.at_risk('m')$$);
SELECT custseg.name_segment('m', 2, 'medium', 'in between', 2), custseg.name_segment('m', 3, 'large', rank => 1);
SELECT segment, name, description, rank FROM custseg.segments WHERE model = 'm' AND deployed;
SELECT DISTINCT name, segment_rank FROM custseg.segment_profile WHERE model = 'm' ORDER BY 2;
-- NULL keeps it, 0 takes it away
SELECT custseg.name_segment('m', 2, 'middle'), custseg.name_segment('m', 1, 'small', rank => 0);
SELECT segment, name, description, rank FROM custseg.segments WHERE model = 'm' AND deployed;
SELECT custseg.name_segment('m', 1, 'small', rank => 3);
SELECT outcome($$SELECT custseg.name_segment('m', 1, 'small', rank => -1)$$);
-- a retrained version has the ranks of the segments that it takes over; a new segment has none
INSERT INTO customer SELECT i, 700 + i % 7, 3000 + i % 5, 'fair' FROM generate_series(101, 105) i;
UPDATE customer SET monetary = 52 WHERE id = 5;
SELECT version FROM custseg.train('m', 'customer', '{recency,monetary}', 4);
SELECT segment, name, rank FROM custseg.segments WHERE model = 'm' AND version = 2;
-- numbers count up over all versions, deployed or not: were both candidates deployed, 4 would change its meaning
SELECT version FROM custseg.train('m', 'SELECT * FROM customer WHERE id <= 100 UNION ALL SELECT i, 1500, 100, NULL, NULL FROM generate_series(201, 205) i',
                                  '{recency,monetary}', 4);
SELECT segment, name, rank FROM custseg.segments WHERE model = 'm' AND version = 3;

-- Centers at 0, 10 and 30 on a line
SELECT version FROM custseg.train('line', 'SELECT i AS id, x FROM unnest(ARRAY[0, 0, 0, 10, 10, 30]) WITH ORDINALITY u (x, i)', '{x}', 3,
                                  prep => '{"scale": "none"}', id => 'id');
CREATE VIEW walk AS SELECT i AS id, x FROM unnest(ARRAY[0, 4, 4.5, 5.5, 9, 10, 12, 19, 21, 30, NULL, 'infinity', 4.5]::float8[]) WITH ORDINALITY u (x, i);
SELECT custseg.name_segment('line', 1, 'lapsed', rank => 3), custseg.name_segment('line', 2, 'regular', rank => 2),
       custseg.name_segment('line', 3, 'loyal', rank => 1);
-- 5.5 is 4.5 from 10 and 5.5 from 0: 1 - 4.5 / 5.5; 21 may fall to 10, not to 0, which is lower but farther.  A missing x is the median, 5.
SELECT id, segment, name, runner_up, runner_up_name, round(margin::numeric, 6) AS margin FROM custseg.at_risk('line', 'walk');
-- it is the confidence of predict_detail() where the runner-up is the lower one
SELECT count(*), bool_and(abs(r.margin - d.confidence) < 1e-12) AS same
FROM custseg.at_risk('line', 'walk') r JOIN walk w ON w.id = r.id::int, custseg.predict_detail('line', w) d WHERE d.runner_up = r.runner_up;
SELECT id, round(margin::numeric, 6) AS margin FROM custseg.at_risk('line', 'walk', '{"limit": 2}');
SELECT id, round(margin::numeric, 6) AS margin FROM custseg.at_risk('line', 'walk', '{"margin": 0.2}');
-- turned round, of equal margins the row that came first; a segment without a rank has no value to lose or to threaten with
SELECT custseg.name_segment('line', 1, 'best', rank => 1), custseg.name_segment('line', 2, 'second', rank => 2), custseg.name_segment('line', 3, 'third', rank => 0);
SELECT id, segment, runner_up, round(margin::numeric, 6) AS margin FROM custseg.at_risk('line', 'walk', '{"limit": 3}');
-- equal ranks are no lower; by default the source is the one of training
SELECT custseg.name_segment('line', 1, 'best', rank => 2);
SELECT outcome($$SELECT count(*) FROM custseg.at_risk('line')$$);
SELECT custseg.name_segment('line', 1, 'best', rank => 1), custseg.name_segment('line', 3, 'third', rank => 2);
SELECT id, segment, runner_up, round(margin::numeric, 6) AS margin FROM custseg.at_risk('line');
-- every one of many rows is what a sort of all margins gives
CREATE TABLE many AS SELECT i AS id, (i * 7919 % 3001) / 100.0 AS x FROM generate_series(1, 3000) i;
SELECT custseg.name_segment('line', 1, 'lapsed', rank => 3), custseg.name_segment('line', 2, 'regular', rank => 2),
       custseg.name_segment('line', 3, 'loyal', rank => 1);
WITH margin AS (
    SELECT id, 1 - abs(x - CASE segment WHEN 2 THEN 10 ELSE 30 END) / abs(x - CASE segment WHEN 2 THEN 0 ELSE 10 END) AS margin
    FROM (SELECT id, x, custseg.predict('line', m) AS segment FROM many m) p WHERE segment > 1
)
SELECT count(*), count(DISTINCT r.id) AS customers, bool_and(abs(r.margin - s.margin) < 1e-9) AS nearest, bool_and(abs(r.margin - m.margin) < 1e-9) AS own
FROM (SELECT *, row_number() OVER () AS n FROM custseg.at_risk('line', 'many', '{"limit": 500}')) r
JOIN (SELECT margin, row_number() OVER (ORDER BY margin) AS n FROM margin) s USING (n)
JOIN margin m ON m.id = r.id::int;
-- mixtures and noise have memberships, too
SELECT version FROM custseg.train('mixed', 'customer', '{recency,monetary}', 2, 'gmm');
SELECT custseg.name_segment('mixed', 1, 'a', rank => 2), custseg.name_segment('mixed', 2, 'b', rank => 1);
SELECT count(*) > 0 AS some, bool_and(margin BETWEEN 0 AND 1) AS in_range,
       bool_and(segment = 2 AND runner_up = 1) AS falls FROM custseg.at_risk('mixed');
SELECT n_segments FROM custseg.train('dense', 'customer', '{recency,monetary}', algorithm => 'dbscan', options => '{"eps": 0.3}');
SELECT custseg.name_segment('dense', 0, 'lost', rank => 9), custseg.name_segment('dense', 1, 'kept', rank => 1);
SELECT count(*) > 0 AS some, bool_and(runner_up = 0 AND runner_up_name = 'lost' AND margin BETWEEN 0 AND 1) AS to_noise
FROM custseg.at_risk('dense', 'SELECT id, recency + 3 AS recency, monetary + id AS monetary FROM customer');

SELECT outcome(s) FROM unnest(ARRAY[
    $$SELECT count(*) FROM custseg.at_risk(NULL)$$,
    $$SELECT count(*) FROM custseg.at_risk('none')$$,
    $$SELECT count(*) FROM custseg.at_risk('line', options => '{"limit": 0}')$$,
    $$SELECT count(*) FROM custseg.at_risk('line', options => '{"margin": 2}')$$,
    $$SELECT count(*) FROM custseg.at_risk('line', options => '{"limits": 2}')$$,
    $$SELECT count(*) FROM custseg.at_risk('line', 'customer')$$,
    $$SELECT count(*) FROM custseg.at_risk('line', 'SELECT 1 AS x WHERE false')$$,
    $$SELECT max(id) FROM custseg.at_risk('line', 'SELECT 6 AS x')$$,
    $$SELECT count(*) FROM custseg.at_risk('line', version => 7)$$]) s;

--
-- Versions side by side
--
SELECT version, n_segments FROM custseg.train('pair', 'customer', '{recency,monetary}', 4);
SELECT version, n_segments FROM custseg.train('pair', 'customer', '{recency,monetary}', 2);
SELECT version, n_segments FROM custseg.train('pair', 'customer', '{monetary,channel}', 3);
SELECT custseg.name_segment('pair', 1, 'small'), custseg.name_segment('pair', 3, 'large');
SELECT segment_a, name_a, segment_b, name_b, n, round(share_of_a::numeric, 4) AS share_of_a, round(share_of_b::numeric, 4) AS share_of_b, moved
FROM custseg.compare_versions_segments('pair', 1, 2);
\x
SELECT n, n_moved, recommendation, reason FROM custseg.compare_versions('pair', 1, 2);
SELECT n, n_moved, recommendation, reason FROM custseg.compare_versions('pair', 2, 1);
SELECT recommendation, reason FROM custseg.compare_versions('pair', 2, 1, options => '{"min_agreement": 0.1}');
SELECT recommendation, reason FROM custseg.compare_versions('pair', 1, 1);
\x
-- each number is what the functions that take one version at a time say
SELECT a, b, c.n, c.n_moved = p.moved AS moved, abs(c.adjusted_rand - p.rand) < 1e-12 AS rand,
       abs(c.silhouette_a - (e).silhouette_a) < 1e-12 AND abs(c.silhouette_b - (e).silhouette_b) < 1e-12 AS silhouettes,
       abs(c.mean_distance_a - (e).distance_a) < 1e-12 AND abs(c.mean_distance_b - (e).distance_b) < 1e-12 AS distances,
       abs(c.inertia_per_row_a - (e).inertia_a) < 1e-12 AND abs(c.inertia_per_row_b - (e).inertia_b) < 1e-12 AS inertia,
       c.smallest_share_a = p.smallest_a AS smallest, c.largest_share_b = p.largest_b AS largest, c.n_outside_a, c.n_outside_b
FROM (VALUES (1, 2), (1, 3), (3, 2)) v (a, b),
LATERAL custseg.compare_versions('pair', a, b, 'customer') c,
LATERAL (SELECT count(*) FILTER (WHERE x IS DISTINCT FROM y) AS moved, custseg.adjusted_rand(x, y) AS rand,
                (SELECT min(n)::float8 / 105 FROM (SELECT count(*) AS n FROM customer u GROUP BY custseg.predict('pair', u, a)) q) AS smallest_a,
                (SELECT max(n)::float8 / 105 FROM (SELECT count(*) AS n FROM customer u GROUP BY custseg.predict('pair', u, b)) q) AS largest_b
         FROM (SELECT custseg.predict('pair', u, a) AS x, custseg.predict('pair', u, b) AS y FROM customer u) q) p,
LATERAL (SELECT max(result) FILTER (WHERE metric = 'silhouette' AND w = 'a') AS silhouette_a, max(result) FILTER (WHERE metric = 'silhouette' AND w = 'b') AS silhouette_b,
                max(result) FILTER (WHERE metric = 'mean_distance' AND w = 'a') AS distance_a, max(result) FILTER (WHERE metric = 'mean_distance' AND w = 'b') AS distance_b,
                max(result) FILTER (WHERE metric = 'inertia_per_row' AND w = 'a') AS inertia_a, max(result) FILTER (WHERE metric = 'inertia_per_row' AND w = 'b') AS inertia_b
         FROM (SELECT 'a' AS w, * FROM custseg.evaluate('pair', 'customer', a) UNION ALL SELECT 'b', * FROM custseg.evaluate('pair', 'customer', b)) q) e;

-- Both labelings are measured in both spaces: y tells two groups apart, x two others; by its own measure each version is the better one.
-- Golden: scikit-learn's silhouette_samples
CREATE TABLE plane AS SELECT i AS id, i % 2 * 10 + i % 7 * 0.25 AS x, i / 50 % 2 * 10 + i % 5 * 0.5 AS y FROM generate_series(1, 200) i;
SELECT version FROM custseg.train('plane', 'plane', '{x}', 2, prep => '{"scale": "none"}');
SELECT version FROM custseg.train('plane', 'plane', '{y}', 2, prep => '{"scale": "none"}');
SELECT version FROM custseg.train('plane', 'plane', '{x,y}', 4, prep => '{"scale": "none"}');
SELECT round(silhouette_a::numeric, 9) AS silhouette_a, round(silhouette_b::numeric, 9) AS silhouette_b,
       round(silhouette_gain_a::numeric, 9) AS silhouette_gain_a, round(silhouette_gain_b::numeric, 9) AS silhouette_gain_b, recommendation, reason
FROM custseg.compare_versions('plane', 1, 2);
-- a sample gives the same each time, and nearly the same as all rows
SELECT abs(s.silhouette_a - a.silhouette_a) < 0.02 AND s.silhouette_a <> a.silhouette_a AS near, s = (SELECT t FROM custseg.compare_versions('plane', 1, 2, options => '{"sample": 100}') t) AS same,
       s.silhouette_a <> (SELECT silhouette_a FROM custseg.compare_versions('plane', 1, 2, options => '{"sample": 100, "seed": 7}')) AS by_seed
FROM custseg.compare_versions('plane', 1, 2, options => '{"sample": 100}') s, custseg.compare_versions('plane', 1, 2) a;
-- when customers have changed, the version that was trained on them is the better one: 25 and 26 were on the other side of the border
CREATE TABLE earlier AS SELECT i AS id, i % 20 + CASE WHEN i > 200 THEN 30 ELSE 0 END AS x FROM generate_series(1, 400) i;
CREATE TABLE later AS SELECT i AS id, i % 20 + CASE WHEN i > 200 THEN 40 ELSE 7 END AS x FROM generate_series(1, 400) i;
SELECT version FROM custseg.train('drifted', 'earlier', '{x}', 2);
SELECT version FROM custseg.train('drifted', 'later', '{x}', 2);
SELECT round(adjusted_rand::numeric, 4) AS adjusted_rand, n_moved, recommendation, reason FROM custseg.compare_versions('drifted', 1, 2);
SELECT recommendation, reason FROM custseg.compare_versions('drifted', 1, 2, options => '{"min_agreement": 0.9}');
SELECT recommendation, reason FROM custseg.compare_versions('drifted', 1, 2, options => '{"min_gain": 0.5}');
SELECT recommendation, reason FROM custseg.compare_versions('drifted', 1, 2, 'SELECT * FROM later WHERE id <= 300');
SELECT version FROM custseg.train('drifted', 'SELECT * FROM later UNION ALL SELECT i, 500 FROM generate_series(401, 410) i', '{x}', 3);
SELECT recommendation, reason FROM custseg.compare_versions('drifted', 1, 3, 'later');
SELECT version FROM custseg.train('drifted', 'SELECT id, -x AS y FROM later UNION ALL SELECT id + 1000, -x FROM later WHERE id <= 200', '{y}', 2);
SELECT recommendation, reason FROM custseg.compare_versions('drifted', 1, 4, 'SELECT x, -x AS y FROM later');
SELECT recommendation, reason FROM custseg.compare_versions('drifted', 2, 1);
-- what a person should look at
SELECT recommendation, reason FROM custseg.compare_versions('plane', 1, 3);
SELECT recommendation, reason FROM custseg.compare_versions('plane', 1, 3, 'SELECT * FROM plane WHERE id % 2 = 0 AND x < 11.3', '{"min_agreement": 0}');
SELECT version FROM custseg.train('few', 'plane', '{x,y}', 1);
SELECT version FROM custseg.train('few', 'plane', '{x,y}', 4, prep => '{"impute": "skip"}');
SELECT recommendation, reason FROM custseg.compare_versions('few', 1, 2);
SELECT recommendation, reason FROM custseg.compare_versions('few', 1, 2, 'SELECT * FROM plane LIMIT 29');
SELECT n, n_moved, moved_share, adjusted_rand, silhouette_a, mean_distance_a, n_outside_a, smallest_share_a, recommendation, reason
FROM custseg.compare_versions('few', 1, 2, 'SELECT * FROM plane WHERE false');
-- rows that only one of the two can place: counted, and left out of the agreement
SELECT segment_a, segment_b, n, moved FROM custseg.compare_versions_segments('few', 1, 2, 'SELECT x, CASE WHEN id > 3 THEN y END AS y FROM plane ORDER BY id');
SELECT n, n_moved, adjusted_rand, n_outside_a, n_outside_b FROM custseg.compare_versions('few', 2, 2, 'SELECT x, CASE WHEN id > 3 THEN y END AS y FROM plane');
-- noise is a segment of the cross table, and outside of all
SELECT n_segments FROM custseg.train('few', 'plane', '{x,y}', algorithm => 'dbscan', options => '{"eps": 0.2, "min_samples": 3}');
SELECT n_outside_a, n_outside_b, recommendation, reason FROM custseg.compare_versions('few', 2, 3, 'SELECT x + id / 40 AS x, y FROM plane', '{"min_agreement": 0}');
SELECT count(*) > 0 AS noise, bool_and(name_b = 'noise') AS named FROM custseg.compare_versions_segments('few', 2, 3, 'SELECT x + id / 40 AS x, y FROM plane') WHERE segment_b = 0;
-- NULL is the deployed version
SELECT c.n_moved = d.n_moved AS deployed FROM custseg.compare_versions('pair', NULL, 2) c, custseg.compare_versions('pair', 1, 2) d;

SELECT outcome(s) FROM unnest(ARRAY[
    $$SELECT custseg.compare_versions(NULL, 1, 2)$$,
    $$SELECT count(*) FROM custseg.compare_versions_segments(NULL, 1, 2)$$,
    $$SELECT custseg.compare_versions('none', 1, 2)$$,
    $$SELECT custseg.compare_versions('pair', 1, 9)$$,
    $$SELECT custseg.compare_versions('pair', 9, 1)$$,
    $$SELECT custseg.compare_versions('pair', 0, 1)$$,
    $$SELECT custseg.compare_versions('pair', 1, 2, 'nowhere')$$,
    $$SELECT custseg.compare_versions('pair', 1, 3, 'SELECT 1 AS recency, 2 AS monetary')$$,
    $$SELECT custseg.compare_versions('pair', 1, 2, 'SELECT ''x'' AS recency, 2 AS monetary')$$,
    $$SELECT custseg.compare_versions('pair', 1, 2, options => '{"k": 3}')$$,
    $$SELECT custseg.compare_versions('pair', 1, 2, options => '{"sample": 1}')$$]) s;
SET maintenance_work_mem = '1MB';
SELECT outcome($$SELECT custseg.compare_versions('pair', 1, 2, options => '{"sample": 50000}')$$);
RESET maintenance_work_mem;

--
-- Deploying only what agrees
--
SELECT outcome(s) FROM unnest(ARRAY[
    $$SELECT custseg.deploy('pair', 2, 'quarterly', '{"min_agreement": 0.8}')$$,
    $$SELECT custseg.deploy('pair', 2, options => '{"min_agreement": 0.8, "source": "SELECT * FROM customer WHERE false"}')$$,
    $$SELECT custseg.deploy('pair', 2, options => '{"source": "customer"}')$$,
    $$SELECT custseg.deploy('pair', 2, options => '{"min_agreement": 2}')$$,
    $$SELECT custseg.deploy('pair', 2, options => '{"agreement": 0.8}')$$,
    $$SELECT custseg.deploy('pair', 9, options => '{"min_agreement": 0.8}')$$]) s;
SELECT deployed_version, reason FROM custseg.models WHERE name = 'pair';
SELECT custseg.deploy('pair', 2, 'small ones only', '{"min_agreement": 0.8, "source": "SELECT * FROM customer WHERE id BETWEEN 5 AND 60 OR id > 100"}');
SELECT custseg.deploy('pair', 2, options => '{"min_agreement": 1}');
SELECT custseg.deploy('pair', 1, options => NULL), custseg.deploy('pair', 3, 'no questions asked');
SELECT version, reason FROM custseg.deployment WHERE model = 'pair' ORDER BY id;

--
-- What moves is worth, and customers counted after the training
--
CREATE TABLE buyer AS SELECT id, recency, monetary, channel, segment FROM customer WHERE id > 5;
SELECT version FROM custseg.train('money', 'buyer', '{recency,monetary}', 3, id => 'id');
CALL custseg.resegment('money', 'buyer');
UPDATE buyer SET segment = NULL WHERE id IN (6, 7, 95);
UPDATE buyer SET recency = NULL, monetary = 'infinity' WHERE id = 12;
UPDATE buyer SET recency = 305, monetary = 901.25 WHERE id IN (8, 9);
CALL custseg.resegment('money', 'buyer', value => 'monetary');
SELECT from_segment, to_segment, kind, n, round(probability::numeric, 4) AS probability, total_value FROM custseg.migration('money');
-- what moved is worth what the buyers are, to the cent, in batches, too, and by any type of number; what is no number counts as none
CREATE TABLE spender (id int PRIMARY KEY, recency int, monetary float8, cents numeric, cash money, whole int, segment int);
INSERT INTO spender SELECT id, recency, monetary, id * 0.1, (id * 0.1)::numeric::money, id, id % 4 FROM buyer WHERE id > 5;
UPDATE spender SET segment = NULL WHERE segment = 0;
UPDATE spender SET cents = NULL WHERE id = 10;
UPDATE spender SET cents = 'NaN' WHERE id = 11;
CREATE TABLE moved AS SELECT segment AS was, custseg.predict('money', s) AS is, sum(nullif(cents, 'NaN')) AS cents, sum(cash) AS cash, sum(whole) AS whole FROM spender s GROUP BY 1, 2;
CALL custseg.resegment('money', 'spender', value => 'cents', batch => 20);
SELECT count(*) FILTER (WHERE coalesce(m.cents, 0)::float8 IS DISTINCT FROM v.total_value) AS different, count(*) AS n
FROM custseg.migration('money') v LEFT JOIN moved m ON (v.from_segment, v.to_segment) IS NOT DISTINCT FROM (m.was, m.is);
CALL custseg.resegment('money', 'spender', value => 'whole');
SELECT sum(total_value) AS total_value, (SELECT sum(whole) FROM spender) AS whole FROM custseg.migration('money');
CALL custseg.resegment('money', 'spender', value => 'cash', "where" => 'id > 50');
SELECT sum(total_value)::numeric::money = (SELECT sum(cash) FROM spender WHERE id > 50) AS cash FROM custseg.migration('money');
SELECT DISTINCT source, condition, value_column FROM custseg.migration WHERE source ~ 'spender' ORDER BY 3;
-- sums that leave the range are infinite, and no error of whoever asks for all runs
BEGIN;
CREATE TABLE rich AS SELECT *, 1.7e308 AS fortune FROM spender;
ALTER TABLE rich ALTER fortune TYPE float8;
CALL custseg.resegment('money', 'rich', value => 'fortune');
UPDATE rich SET fortune = -5e297 / (SELECT count(*) FROM rich);
CALL custseg.resegment('money', 'rich', value => 'fortune');
CALL custseg.resegment('money', 'rich', value => 'fortune');
SELECT sum(total_value) AS total FROM custseg.migration('money');
SELECT DISTINCT total_value FROM custseg.migration('money', '-infinity') WHERE kind = 'stayed';
ROLLBACK;
SELECT outcome(s) FROM unnest(ARRAY[
    $$CALL custseg.resegment('money', 'buyer', value => 'worth')$$,
    $$CALL custseg.resegment('money', 'buyer', value => 'channel')$$]) s;

-- beside the training's counts, those of the last run over all rows, or of the last monitor(): segments and playbook say which
CREATE VIEW counted AS
SELECT segment, n_trained, round(training_share::numeric, 3) AS training_share, n, round(share::numeric, 3) AS share, counted_by, counted_in,
       counted_at = (SELECT max(finished_at) FROM custseg.migration WHERE model = 'money' AND condition IS NULL) AS is_last
FROM custseg.segments WHERE model = 'money';
SELECT * FROM counted;
SELECT count(*) AS different FROM (SELECT segment, n_trained, training_share, n, share, counted_at, counted_by, counted_in FROM custseg.segments WHERE model = 'money'
    EXCEPT
    SELECT segment, n_trained, training_share, n, share, counted_at, counted_by, counted_in FROM custseg.playbook WHERE model = 'money') d;
SELECT status, n FROM custseg.monitor('money', 'SELECT * FROM buyer WHERE id <= 70');
SELECT * FROM counted;
SELECT version FROM custseg.train('money', 'buyer', '{recency}', 3);
SELECT version, n IS NULL AS never FROM custseg.segments WHERE model = 'money' ORDER BY 1, segment;

--
-- Other roles: the model's rights, and the source as the caller
--
CREATE ROLE regress_custseg_analyst;
GRANT USAGE ON SCHEMA versions_test TO regress_custseg_analyst;
GRANT EXECUTE ON FUNCTION outcome TO regress_custseg_analyst;
SET ROLE regress_custseg_analyst;
SELECT outcome(s) FROM unnest(ARRAY[
    $$SELECT count(*) FROM custseg.migration('m')$$,
    $$SELECT custseg.migration_test('m')$$,
    $$SELECT count(*) FROM custseg.at_risk('line', 'SELECT 6 AS x')$$,
    $$SELECT custseg.compare_versions('pair', 1, 2)$$]) s;
RESET ROLE;
SELECT custseg.grant_model(m, 'regress_custseg_analyst') FROM unnest('{m,line,pair}'::text[]) m;
SET ROLE regress_custseg_analyst;
SELECT count(*) > 0 AS moves, (SELECT n FROM custseg.migration_test('m')) AS n, (SELECT sum(n) FROM custseg.segments WHERE model = 'm' AND deployed) AS counted FROM custseg.migration('m', '-infinity');
SELECT id, round(margin::numeric, 6) AS margin FROM custseg.at_risk('line', 'SELECT 1 AS id, 6 AS x');
SELECT outcome(s) FROM unnest(ARRAY[
    $$SELECT custseg.compare_versions('pair', 1, 2)$$,
    $$SELECT custseg.compare_versions('pair', 1, 2, 'customer')$$,
    $$SELECT custseg.deploy('pair', 2, options => '{"min_agreement": 0}')$$,
    $$SELECT custseg.name_segment('pair', 1, 'x', rank => 1)$$]) s;
-- a search_path full of traps changes nothing
RESET ROLE;
CREATE FUNCTION versions_test.trap(bigint, double precision) RETURNS float8 LANGUAGE sql AS 'SELECT 7::float8';
CREATE OPERATOR versions_test./ (LEFTARG = bigint, RIGHTARG = double precision, FUNCTION = versions_test.trap);
SET search_path = versions_test, pg_catalog;
SELECT max(probability) <= 1 AS sound FROM custseg.migration('m');
RESET search_path;

SET client_min_messages = warning;
SELECT custseg.drop_model(m, whole => true) FROM unnest('{m,eyes,line,mixed,dense,pair,plane,drifted,few,money}'::text[]) m;
DROP SCHEMA versions_test CASCADE;
DROP ROLE regress_custseg_analyst;
\i :root/test/clean.sql
