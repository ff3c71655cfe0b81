-- How many segments, by which algorithm, how good: choose_k, compare, evaluate, silhouette

SET client_min_messages = warning;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

-- Indices, against scikit-learn 1.2.1 on the same labels

CREATE TABLE six (id int PRIMARY KEY, x float8, y float8);
INSERT INTO six VALUES (1, 1, 2), (2, 1, 4), (3, 1, 0), (4, 10, 2), (5, 10, 4), (6, 10, 0);

-- silhouette_score 0.7133477791749615, calinski_harabasz_score 30.375, davies_bouldin_score 0.2962962962962963
SELECT k, inertia, round(silhouette::numeric, 14) AS silhouette, calinski_harabasz, round(davies_bouldin::numeric, 14) AS davies_bouldin,
    smallest_share, largest_share, votes, recommended, reason
FROM custseg.choose_k('six', '{x,y}', k_max => 2, prep => '{"scale": "none"}', options => '{"gap_references": 0}');

-- silhouette_samples: 0.78133385 0.67935474 0.67935474 0.78133385 0.67935474 0.67935474
SELECT custseg.train('six', 'six', '{x,y}', k => 2, prep => '{"scale": "none"}') IS NOT NULL AS trained;
SELECT id, segment, round(silhouette::numeric, 8) AS silhouette, neighbor FROM custseg.silhouette('six') ORDER BY id;
SELECT metric, round(result::numeric, 12) AS result FROM custseg.evaluate('six');
SELECT custseg.drop_model('six', whole => true);

-- many rows: k is looked for first, on some of them, and then the model is the one that is trained with that k
CREATE TABLE many AS
SELECT i AS id, (i % 5) * 10 + (i * 7919::bigint % 1009) / 500.0::float8 AS x, (i % 5) % 3 * 12 + (i * 104729::bigint % 997) / 400.0::float8 AS y, i % 3 AS z
FROM generate_series(1, 30000) i;
SET client_min_messages = notice;
SELECT n_segments, converged FROM custseg.train('searched', 'many', '{x,y}', id => 'id');
SELECT n_segments FROM custseg.train('searched first', 'SELECT * FROM many WHERE id <= 6000', '{x,y}');
-- and another seed makes no other choice
SELECT n_segments FROM custseg.train('searched again', 'SELECT * FROM many WHERE id <= 6000', '{x,y}', options => '{"seed": 7}');
SET client_min_messages = warning;
SELECT custseg.train('given', 'many', '{x,y}', k => 5, id => 'id') IS NOT NULL AS trained;
SELECT fingerprint('searched') = fingerprint('given') AS same;
SELECT k FROM custseg.choose_k('SELECT * FROM many WHERE id <= 6000', '{x,y}', options => '{"gap_references": 0}') WHERE recommended;
SELECT bool_and(training_fingerprint('many', '{x,y}', options => '{"weight": "z"}', workers => w) = training_fingerprint('many', '{x,y}', options => '{"weight": "z"}', workers => 0)) AS same
FROM unnest('{1,2}'::int[]) w;
SELECT count(*), count(custseg.drop_model(m, whole => true)) FROM unnest('{searched,searched first,searched again,given}'::text[]) m;
DROP TABLE many;

-- three clouds of the measures of irises
CREATE TABLE flowers AS
SELECT i AS id, c.a + s.a * (((i * i * 31 + i * 3) % 97) / 97.0::float8 - 0.5) AS a, c.b + s.b * (((i * i * 57 + i * 4) % 97) / 97.0::float8 - 0.5) AS b,
    c.c + s.c * (((i * i * 73 + i * 5) % 97) / 97.0::float8 - 0.5) AS c, c.d + s.d * (((i * i * 89 + i * 6) % 97) / 97.0::float8 - 0.5) AS d
FROM generate_series(1, 150) i
JOIN (VALUES (0, 5.0::float8, 3.4::float8, 1.5::float8, 0.2::float8), (1, 5.9, 2.8, 4.3, 1.3), (2, 6.6, 3.0, 5.6, 2.0)) c (g, a, b, c, d) ON c.g = (i - 1) / 50
JOIN (VALUES (0, 1.4::float8, 1.5::float8, 0.7::float8, 0.4::float8), (1, 2.0, 1.4, 2.0, 0.8), (2, 2.4, 1.4, 2.2, 1.0)) s (g, a, b, c, d) USING (g)
ORDER BY i;
ALTER TABLE flowers ADD PRIMARY KEY (id);

CREATE TABLE golden (metric text, value float8);
INSERT INTO golden VALUES ('rows', 150), ('unplaced_rows', 0), ('segments', 3), ('silhouette', 0.47594103018593653), ('silhouette_rows', 150),
    ('calinski_harabasz', 398.66254833186247), ('davies_bouldin', 0.9095339117293001), ('segment 1', 0.7510946957797466), ('segment 2', 0.37445274458026484),
    ('segment 3', 0.29766860162019365), ('id 1', 0.7722172778025271), ('id 52', 0.30807280142764387), ('id 101', 0.04416956668097957), ('id 150', 0.39854428203138653),
    ('inertia_per_row', 0.7392629668803798), ('mean_distance', 0.8128333929391376);

-- the segments are those of KMeans(3, init=..., n_init=1, tol=0)
SELECT custseg.train('flowers', 'flowers', '{a,b,c,d}', prep => '{"scale": "none"}',
    options => '{"tol": 0, "init": [[5.0,3.4,1.5,0.2],[5.9,2.8,4.3,1.3],[6.6,3.0,5.6,2.0]]}') IS NOT NULL AS trained;
WITH measured AS (
    SELECT metric, result FROM custseg.evaluate('flowers')
    UNION ALL
    SELECT 'segment ' || rank() OVER (ORDER BY min(id::int)), avg(silhouette) FROM custseg.silhouette('flowers') GROUP BY segment
    UNION ALL
    SELECT 'id ' || id, silhouette FROM custseg.silhouette('flowers')
)
SELECT g.metric, abs(m.result - g.value) <= 1e-9 * abs(g.value) AS agrees FROM golden g LEFT JOIN measured m USING (metric) ORDER BY g.metric COLLATE "C";

-- what is measured against the model's own centers is what the training measured
SELECT abs(i.result - (v.metrics ->> 'inertia')::float8 / 150) < 1e-12 AS inertia, abs(d.result - (v.metrics ->> 'mean_distance')::float8) < 1e-12 AS distance,
    abs(s.result - (v.metrics ->> 'silhouette')::float8) < 1e-12 AS silhouette
FROM custseg.model_version v, custseg.evaluate('flowers') i, custseg.evaluate('flowers') d, custseg.evaluate('flowers') s
WHERE v.model = 'flowers' AND i.metric = 'inertia_per_row' AND d.metric = 'mean_distance' AND s.metric = 'silhouette';

-- a silhouette's neighbor is another segment
SELECT count(*), count(*) FILTER (WHERE neighbor <> segment AND neighbor BETWEEN 1 AND 3) AS others FROM custseg.silhouette('flowers');

-- other rows, few rows, no rows; rows that cannot be placed
SELECT metric, round(result::numeric, 6) AS result FROM custseg.evaluate('flowers', 'SELECT * FROM flowers WHERE id > 50');
SELECT metric, round(result::numeric, 6) AS result FROM custseg.evaluate('flowers', 'SELECT * FROM flowers WHERE id = 1 UNION ALL SELECT 151, ''Infinity'', 3, 2, 1');
SELECT metric, result FROM custseg.evaluate('flowers', 'SELECT * FROM flowers WHERE id < 1');
SELECT count(*) FROM custseg.silhouette('flowers', 'SELECT * FROM flowers WHERE id = 1');
-- distances beyond what a float8 holds
SELECT metric, result FROM custseg.evaluate('flowers', 'SELECT * FROM flowers WHERE id % 60 = 1 UNION ALL SELECT 151, 1.2e154, 0, 0, 0 UNION ALL SELECT 152, -1.2e154, 0, 0, 0');
SELECT * FROM custseg.silhouette('flowers', 'SELECT * FROM flowers WHERE id % 60 = 1 UNION ALL SELECT 151, 1.2e154, 0, 0, 0 UNION ALL SELECT 152, -1.2e154, 0, 0, 0');
-- without an id; a segment of one row has width 0
SELECT id, round(silhouette::numeric, 6) AS silhouette FROM custseg.silhouette('flowers', 'SELECT a, b, c, d FROM flowers WHERE id IN (1, 2, 60)') ORDER BY 2;
-- ids of rows that are not there yet take no memory
SET maintenance_work_mem = '1MB';
SELECT count(*) AS widths FROM custseg.silhouette('flowers');
RESET maintenance_work_mem;
SELECT custseg.drop_model('flowers', whole => true);

-- The gap statistic, against clusGap of R's cluster 2.1.4 with d.power = 2, spaceH0 = 'scaledPCA', B = 500: within the error of simulation

SELECT k, round(ln(inertia / 2)::numeric, 5) AS log_w, abs(gap - r) < 0.02 AS gap, abs(gap_se - r_se) < 0.015 AS gap_se
FROM custseg.choose_k('flowers', '{a,b,c,d}', 1, 5, prep => '{"scale": "none"}', options => '{"gap_references": 60}')
JOIN (VALUES (1, -0.04821595412, 0.06124228661), (2, 0.49945379268, 0.04183035225), (3, 0.64957621901, 0.03848531981),
    (4, 0.67411558082, 0.03857376672), (5, 0.70210023646, 0.03878383657)) v (k, r, r_se) USING (k)
ORDER BY k;

-- What is recommended and why

-- three heaps: all agree
CREATE TABLE heaps AS
SELECT i AS id, i % 3 * 20 + i * 37 % 7 * 0.5 AS x, (i % 3) * (i % 3) * 15 + i * 53 % 11 * 0.5 AS y FROM generate_series(1, 90) i;
SELECT k, round(silhouette::numeric, 4) AS silhouette, votes, recommended, reason FROM custseg.choose_k('heaps', '{x,y}', k_max => 6);
-- no heaps: a square, evenly filled
CREATE TABLE square AS
SELECT i AS id, (i * 7919 % 1009)::float8 AS x, (i * 104729 % 997)::float8 AS y FROM generate_series(1, 300) i;
SELECT k, votes, reason FROM custseg.choose_k('square', '{x,y}', k_max => 5) WHERE recommended;
-- one cloud: the gap statistic sees no more
CREATE TABLE cloud AS
SELECT i AS id, (i * 7919 % 1009 + i * 7907 % 1013 + i * 7901 % 1019 + i * 104729 % 997)::float8 AS x, (i * 7883 % 1021 + i * 7879 % 1031 + i * 7877 % 1033 + i * 7873 % 991)::float8 AS y
FROM generate_series(1, 400) i;
SELECT k, reason LIKE '%no clear clusters%' AS none, reason LIKE '%The gap statistic prefers 1 segment, which%' AS gap
FROM custseg.choose_k('cloud', '{x,y}', k_max => 5) WHERE recommended;
-- without silhouettes; without any index
SELECT k, silhouette, votes, reason FROM custseg.choose_k('heaps', '{x,y}', options => '{"silhouette_sample": 0, "gap_references": 0}') WHERE recommended;
SELECT k, recommended, reason FROM custseg.choose_k('SELECT x, y FROM six WHERE id IN (1, 5)', '{x,y}');
-- one number of segments; k = n - 1 is the last that is tried
SELECT k, votes, reason FROM custseg.choose_k('heaps', '{x,y}', 4, 4, options => '{"gap_references": 0}');
SELECT count(*), max(k) FROM custseg.choose_k('six', '{x,y}');

-- train without k takes the same
SET client_min_messages = notice;
SELECT n_segments, round(silhouette::numeric, 6) AS silhouette FROM custseg.train('heaps', 'heaps', '{x,y}');
SELECT n_segments FROM custseg.train('heaps', 'heaps', '{x,y}', options => '{"silhouette_sample": 0}');
SELECT n_segments, silhouette FROM custseg.train('heaps', 'SELECT i AS id, i AS x, 7 - i AS y FROM generate_series(1, 2) i', '{x,y}');
SET client_min_messages = warning;
SELECT version, options -> 'silhouette_sample' AS asked, metrics -> 'silhouette_sample' AS used FROM custseg.model_version WHERE model = 'heaps' ORDER BY version;
SELECT custseg.drop_model('heaps', whole => true);
SELECT s.source, t.n_segments = c.k AS same, t.silhouette = c.silhouette AS same_silhouette
FROM unnest('{six,flowers,heaps,square,cloud}'::text[]) WITH ORDINALITY s (source, i), custseg.train(s.source, s.source) t, custseg.choose_k(s.source, options => '{"gap_references": 2}') c
WHERE c.recommended
ORDER BY s.i;
SELECT count(custseg.drop_model(name, whole => true)) FROM custseg.model;

-- Degenerate data

-- no more segments than different rows
SELECT k, round(inertia::numeric, 6) AS inertia, round(silhouette::numeric, 6) AS silhouette, round(calinski_harabasz::numeric, 6) AS calinski_harabasz, round(davies_bouldin::numeric, 6) AS davies_bouldin, round(gap::numeric, 4) AS gap,
    recommended, reason
FROM custseg.choose_k('SELECT i % 3 AS x, i % 3 * 10 AS y FROM generate_series(1, 30) i', '{x,y}');
-- an outlier at 1e12
SELECT k, round(silhouette::numeric, 6) AS silhouette, smallest_share, recommended FROM custseg.choose_k('SELECT x, y FROM heaps UNION ALL SELECT 1e12, 1e12', '{x,y}', k_max => 3,
    options => '{"gap_references": 0}');
-- 10,000 rows on a line
SELECT k, round(silhouette::numeric, 4) AS silhouette, votes, reason FROM custseg.choose_k('SELECT i AS x FROM generate_series(1, 10000) i', '{x}', k_max => 4,
    options => '{"gap_references": 2, "gap_sample": 500, "n_init": 2}');
-- all rows alike
SELECT k, inertia, recommended, reason FROM custseg.choose_k('SELECT 1 AS x FROM generate_series(1, 5)', '{x}', prep => '{"scale": "none"}');

-- Samples: a share of every segment, two rows of the small one

CREATE TABLE uneven AS
SELECT i AS id, CASE WHEN i % 1000 = 7 THEN 100 ELSE i % 4 * 10 END + (i * 7919 % 101) / 50.0::float8 AS x, i % 2 AS y FROM generate_series(1, 21000) i;
SELECT n_segments FROM custseg.train('uneven', 'uneven', '{x}', 5, prep => '{"scale": "none"}', id => 'id');
SELECT v.n, v.n_sampled FROM (
    SELECT s.segment, g.n, count(*) AS n_sampled FROM custseg.silhouette('uneven', sample => 400) s JOIN custseg.segment g ON g.model = 'uneven' AND g.segment = s.segment
    GROUP BY s.segment, g.n
) v ORDER BY v.n, v.n_sampled;
SELECT metric, result FROM custseg.evaluate('uneven') WHERE metric LIKE '%rows';
-- the sample's mean is near that of all rows
SELECT abs(e.result - s.mean) < 0.002 AS near
FROM (SELECT avg(silhouette) AS mean FROM custseg.silhouette('uneven', sample => 21000)) s, custseg.evaluate('uneven') e WHERE e.metric = 'silhouette';
SET client_min_messages = notice;
SELECT count(*) FROM custseg.silhouette('uneven', sample => 100);
SET client_min_messages = warning;

-- The same, whatever the workers

CREATE FUNCTION judgement() RETURNS text
LANGUAGE sql AS $$
    SELECT md5(concat(
        (SELECT string_agg(c::text, ';') FROM custseg.choose_k('uneven', '{x,y}', k_max => 4, options => '{"n_init": 2, "gap_references": 2, "gap_sample": 1000, "silhouette_sample": 3000}') c),
        (SELECT string_agg(e::text, ';') FROM custseg.evaluate('uneven') e),
        (SELECT string_agg(s::text, ';') FROM custseg.silhouette('uneven', sample => 3000) s),
        (SELECT string_agg((c.n_segments, c.silhouette, c.calinski_harabasz, c.davies_bouldin, c.stability, c.reason)::text, ';')
         FROM custseg.compare('uneven', '{x,y}', 4, '{kmeans}', options => '{"kmeans": {"n_init": 2}, "stability_resamples": 2, "silhouette_sample": 3000}') c)))
$$;
CREATE TABLE judgements (workers int, judgement text);
SET max_parallel_maintenance_workers = 0;
INSERT INTO judgements SELECT 0, judgement();
SET max_parallel_maintenance_workers = 1;
INSERT INTO judgements SELECT 1, judgement();
SET max_parallel_maintenance_workers = 2;
INSERT INTO judgements SELECT 2, judgement();
RESET max_parallel_maintenance_workers;
SELECT count(*), count(DISTINCT judgement) FROM judgements;
SELECT custseg.drop_model('uneven', whole => true);

-- Which algorithm

SELECT algorithm, n_segments, round(silhouette::numeric, 4) AS silhouette, noise_share, round(smallest_share::numeric, 4) AS smallest, round(largest_share::numeric, 4) AS largest,
    round(stability::numeric, 4) AS stability, milliseconds > 0 AS timed, recommended, reason
FROM custseg.compare('heaps', '{x,y}', 3, '{kmeans}');
-- k chosen as choose_k does
SET client_min_messages = notice;
SELECT algorithm, n_segments, recommended FROM custseg.compare('heaps', '{x,y}', algorithms => '{kmeans}');
SET client_min_messages = warning;
-- weights; no silhouettes; no refits
SELECT n_segments, round(silhouette::numeric, 4) AS silhouette, stability, recommended, reason
FROM custseg.compare('SELECT *, id % 2 + 1 AS w FROM heaps', '{x,y}', 3, '{kmeans}', options => '{"weight": "w", "stability_resamples": 0}');
SELECT n_segments, round(stability::numeric, 4) AS stability FROM custseg.compare('SELECT *, id % 2 + 1 AS w FROM heaps', '{x,y}', 3, '{kmeans}', options => '{"weight": "w", "silhouette_sample": 0}');
-- what is not stable
SELECT reason FROM custseg.compare('square', '{x,y}', 8, '{kmeans}', options => '{"kmeans": {"n_init": 1}}');
SELECT n_segments, silhouette, recommended, reason FROM custseg.compare('heaps', '{x,y}', 1, '{kmeans}');
-- none has a silhouette: none is recommended
SELECT algorithm, n_segments, silhouette, recommended, reason FROM custseg.compare('SELECT x, y FROM heaps LIMIT 3', '{x,y}', 3, '{kmeans,hierarchical}');
SELECT algorithm, n_segments, silhouette, recommended, reason FROM custseg.compare('heaps', '{x,y}', 3, '{kmeans,hierarchical}', options => '{"silhouette_sample": 0}');
-- one that fails leaves a row, and all else as it was
SELECT algorithm, n_segments, silhouette, milliseconds, recommended, reason FROM custseg.compare('heaps', '{x,y}', 3, '{kmeans}', options => '{"kmeans": {"init": [[1, 2]]}}');
SET max_parallel_maintenance_workers = 2;
SELECT algorithm, n_segments, recommended, reason FROM custseg.compare('uneven', '{x,y}', 3, '{kmeans}', options => '{"kmeans": {"init": [[1, 2]]}}');
RESET max_parallel_maintenance_workers;
-- all that there are
SELECT count(*) FILTER (WHERE algorithm = 'kmeans' AND n_segments = 3) AS kmeans, count(*) FILTER (WHERE recommended) AS recommended FROM custseg.compare('heaps', '{x,y}', 3);

-- Errors

\set VERBOSITY terse
SELECT * FROM custseg.choose_k(NULL);
SELECT * FROM custseg.choose_k('no_such_table');
SELECT * FROM custseg.choose_k('heaps', algorithm => 'magic');
SELECT * FROM custseg.choose_k('heaps', algorithm => NULL);
SELECT * FROM custseg.choose_k('heaps', '{x}', NULL);
SELECT * FROM custseg.choose_k('heaps', '{x}', 2, NULL);
\set VERBOSITY default
SELECT * FROM custseg.choose_k('heaps', '{x}', 0);
SELECT * FROM custseg.choose_k('heaps', '{x}', 5, 4);
SELECT * FROM custseg.choose_k('heaps', '{x}', 2, 10001);
SELECT * FROM custseg.choose_k('six', '{x}', 7, 8);
SELECT * FROM custseg.choose_k('heaps', '{x}', options => '{"gap": 5}');
SELECT * FROM custseg.choose_k('heaps', '{x}', options => '{"gap_references": 1}');
SELECT * FROM custseg.choose_k('heaps', '{x}', options => '{"gap_references": -1}');
SELECT * FROM custseg.choose_k('heaps', '{x}', options => '{"gap_sample": 9}');
SELECT * FROM custseg.choose_k('heaps', '{x}', options => '{"init": [[1], [2], [3]]}');
SELECT * FROM custseg.choose_k('SELECT 1e200 * i AS x, -1e200 * i * i AS y FROM generate_series(1, 20) i', prep => '{"scale": "none"}');
SELECT * FROM custseg.compare('heaps', '{x}', 0);
SELECT * FROM custseg.compare('heaps', '{x}', 91);
SELECT * FROM custseg.compare('heaps', '{x}', 3, '{}');
SELECT * FROM custseg.compare('heaps', '{x}', 3, '{kmeans,NULL}');
SELECT * FROM custseg.compare('heaps', '{x}', 3, '{kmeans,kmeans}');
SELECT * FROM custseg.compare('heaps', '{x}', 3, '{kmeans}', options => '{"kmeans": 5}');
SELECT * FROM custseg.compare('heaps', '{x}', 3, '{kmeans}', options => '{"kmeans": {"weight": "y"}}');
SELECT * FROM custseg.compare('heaps', '{x}', 3, '{kmeans}', options => '{"k-means": {}}');
SELECT * FROM custseg.compare('heaps', '{x}', 3, '{kmeans}', options => '[]');
SELECT custseg.train('heaps', 'heaps', '{x,y}', 3) IS NOT NULL AS trained;
SELECT * FROM custseg.evaluate('no such model');
SELECT * FROM custseg.evaluate('heaps', version => 2);
SELECT * FROM custseg.evaluate('heaps', 'SELECT x FROM heaps');
SELECT * FROM custseg.silhouette('heaps', sample => 1);
SELECT * FROM custseg.silhouette('heaps', sample => 1000001);
SELECT count(*) FROM custseg.evaluate(NULL);
SELECT count(*) FROM custseg.silhouette(NULL);
-- more than maintenance_work_mem
SET maintenance_work_mem = '1MB';
SELECT * FROM custseg.evaluate('heaps', 'SELECT i AS id, i AS x, i AS y FROM generate_series(1, 200000) i');
DO $$
BEGIN
    PERFORM * FROM custseg.choose_k('SELECT i AS x FROM generate_series(1, 50000) i', '{x}', options => '{"engine": "local"}');
EXCEPTION WHEN program_limit_exceeded THEN
    RAISE WARNING '%', regexp_replace(SQLERRM, 'needs [0-9]+ MB', 'needs more');
END
$$;
RESET maintenance_work_mem;
-- a source is read as the caller, a model by who may use it
CREATE ROLE custseg_judge;
GRANT SELECT ON six TO custseg_judge;
SET ROLE custseg_judge;
SELECT * FROM custseg.choose_k('heaps');
SELECT * FROM custseg.compare('heaps');
SELECT * FROM custseg.evaluate('heaps', 'six');
SELECT k FROM custseg.choose_k('six', '{x,y}') WHERE recommended;
RESET ROLE;
SELECT custseg.grant_model('heaps', 'custseg_judge');
SET ROLE custseg_judge;
SELECT result FROM custseg.evaluate('heaps', 'six') WHERE metric = 'rows';
SELECT * FROM custseg.evaluate('heaps', 'heaps');
RESET ROLE;
SELECT custseg.drop_model('heaps', whole => true);
DROP FUNCTION judgement;
DROP TABLE six, flowers, golden, heaps, square, cloud, uneven, judgements;
DROP ROLE custseg_judge;
RESET client_min_messages;

-- where silhouettes are about the same, the most stable is taken
CREATE TABLE cloud AS
SELECT i AS id,
    2 * sqrt(-2 * ln(((i * 7919 + 13) % 10007 + 0.5) / 10007)) * cos(6.2831853 * ((i * 104729 + 7) % 10009) / 10009) + i % 3 * 11 AS x,
    2 * sqrt(-2 * ln(((i * 15485863::bigint + 13) % 10037 + 0.5) / 10037)) * cos(6.2831853 * ((i * 32452843::bigint + 7) % 10039) / 10039)
        + i % 2 * 3 + i % 5 * 2 AS y
FROM generate_series(1, 400) i;
SELECT algorithm, round(silhouette::numeric, 2) AS silhouette, round(stability::numeric, 2) AS stability, recommended, reason
FROM custseg.compare('cloud', '{x,y}', 2, '{kmeans,gmm,hierarchical}');
DROP TABLE cloud;

-- outliers make a segment, which silhouettes favour; it is told
CREATE TABLE tail AS SELECT i AS id, i * 37 % 101 AS x, i * 41 % 103 AS y FROM generate_series(1, 995) i UNION ALL SELECT i, 5000 + i, 5000 - i FROM generate_series(1001, 1005) i;
SELECT k, reason FROM custseg.choose_k('tail', '{x,y}', k_max => 4) WHERE recommended;
SELECT n_segments FROM custseg.train('tail', 'tail', '{x,y}');
SELECT custseg.drop_model('tail', whole => true);
DROP TABLE tail;
-- Whether there are groups: one answer, whoever is asked

CREATE FUNCTION spread(i int, stream text) RETURNS float8 LANGUAGE sql IMMUTABLE
RETURN sqrt(-2 * ln((('x' || left(md5(stream || i), 8))::bit(32)::bigint + 0.5) / 2 ^ 32)) * cosd(360 * (('x' || left(md5(i || stream), 8))::bit(32)::bigint + 0.5) / 2 ^ 32);
CREATE TABLE together AS SELECT spread(i, 'z') AS frequency, spread(i, 'z') + 0.3 * spread(i, 'm') AS money FROM generate_series(1, 500) i;
CREATE TABLE apart AS SELECT i % 3 * 6 + spread(i, 'z') AS frequency, i % 3 % 2 * 6 + spread(i, 'm') AS money FROM generate_series(1, 300) i;
SET client_min_messages = error;
SELECT custseg.train(t, t) IS NOT NULL AS trained FROM unnest(ARRAY['together', 'apart']) t;
SET client_min_messages = warning;
SELECT t, c.rating, strpos(k.reason, rtrim(c.reason, '.')) > 0 AS choose_k, strpos(m.reason, rtrim(c.reason, '.')) > 0 AS compare, v.metrics -> 'structure' ->> 'reason' = c.reason AS train
FROM unnest(ARRAY['together', 'apart']) t, custseg.clusterability(t) c, custseg.choose_k(t) k, custseg.compare(t, k => 3, algorithms => '{kmeans}') m
JOIN custseg.model_version v ON true WHERE v.model = t AND k.recommended AND m.recommended ORDER BY t DESC;
-- of more rows than the number of segments is looked for in, too
CREATE TABLE many AS SELECT hashint4(i) % 1000 AS frequency, hashint4extended(i, 1) % 1000 AS money FROM generate_series(1, 21000) i;
SET client_min_messages = error;
SELECT n_segments > 1 AS trained FROM custseg.train('many', 'many', options => '{"n_init": 1}');
SELECT v.metrics -> 'structure' ->> 'reason' = c.reason AS same FROM custseg.model_version v, custseg.clusterability('many') c WHERE v.model = 'many';
SELECT custseg.drop_model('many', whole => true);
DROP TABLE many;
SET client_min_messages = notice;
SELECT n_segments FROM custseg.train('together', 'together');
-- the end of the range; a handful of rows
SET client_min_messages = warning;
SELECT k, substring(reason from 'More than .*') AS doubts FROM custseg.choose_k('SELECT i % 4 AS a, i / 4 % 4 AS b, i % 4 * 10 + spread(i, ''l'') AS c FROM generate_series(1, 400) i', k_max => 7, options => '{"gap_references": 0}') WHERE recommended;
SELECT k, substring(reason from 'The smallest .*? of the customers') AS doubts FROM custseg.choose_k('SELECT * FROM (SELECT i % 2 * 6 + i % 7 * 0.2 AS a, i % 4 / 2 * 2.5 + i % 11 * 0.1 AS b FROM generate_series(1, 800) i UNION ALL SELECT 60, -3 UNION ALL SELECT -50, 70) s',
    options => '{"gap_references": 0}') WHERE recommended;
SELECT custseg.drop_model(t, whole => true) FROM unnest(ARRAY['together', 'apart']) t;
DROP TABLE together, apart;
DROP FUNCTION spread;
\i :root/test/clean.sql
