-- minibatch: k-means on a sample, then all rows in batches.

\set SHOW_CONTEXT never
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
SET client_min_messages = warning;

CREATE TABLE points AS
SELECT i AS id, i * 37 % 101 AS x, i * 53 % 89 AS y, i * i % 23 AS z, i % 5 + 0.5 AS weight
FROM generate_series(1, 300) i;

-- five groups that touch each other
CREATE TABLE crowd AS
SELECT i AS id, i % 5 * 3 + (hashint8extended(i, 1) & 1048575) / 262144.0::float8 AS a,
    i % 5 % 2 * 4 + (hashint8extended(i, 2) & 1048575) / 262144.0::float8 AS b,
    (hashint8extended(i, 3) & 1048575) / 1048576.0::float8 AS c,
    'level ' || i % 5 % 3 AS d, i % 3 + 1 AS weight
FROM generate_series(1, 12000) i;
CREATE VIEW sorted AS SELECT * FROM crowd ORDER BY a, id;


-- Golden numbers: scikit-learn's MiniBatchKMeans(4, init=init, n_init=1, reassignment_ratio=0), each pass a
-- partial_fit of consecutive batches; inertia is that of all rows with the centers after the last one.

CREATE TABLE golden (source text, options jsonb, inertia float8, counts int[]);
INSERT INTO golden VALUES
('points', '{"batch_size": 64, "max_iter": 1}', 129861.97969591332, '{82,78,76,64}'),
('points', '{"batch_size": 64, "max_iter": 3}', 124786.45121506286, '{83,78,73,66}'),
('points', '{"batch_size": 5, "max_iter": 2}', 123207.36838044022, '{83,75,72,70}'),
('points', '{"batch_size": 100, "max_iter": 4, "weight": "weight"}', 305615.9033478255, '{86,75,71,68}'),
('SELECT * FROM points ORDER BY x, id', '{"batch_size": 64, "max_iter": 3}', 129210.54075182819, '{87,78,72,63}');

CREATE FUNCTION agreement(g golden, OUT rows bigint, OUT passes int, OUT same_inertia bool, OUT same_counts bool)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT t.n_rows, t.iterations, abs(t.inertia / g.inertia - 1) <= 1e-12
    INTO rows, passes, same_inertia
    FROM custseg.train('agreement', g.source, '{x,y,z}', algorithm => 'minibatch', prep => '{"scale": "none"}', options => g.options ||
        '{"sample": 50, "tol": 0, "init": [[10.3,20.7,5.1],[50.2,60.4,11.3],[90.6,30.9,15.7],[30.1,80.2,3.3]]}') t;
    SELECT array_agg(n ORDER BY n DESC) = g.counts::bigint[] INTO same_counts FROM custseg.segment WHERE model = 'agreement';
    PERFORM custseg.drop_model('agreement', whole => true);
END
$$;
SET client_min_messages = error;
SELECT g.source, g.options, a.* FROM golden g, agreement(g) a ORDER BY g.inertia;
SET client_min_messages = warning;

-- As long as the sample holds all rows, it is k-means.
SELECT count(*) AS models, count(DISTINCT (n_rows, inertia, silhouette, iterations, converged)) AS different
FROM (VALUES ('kmeans'), ('minibatch')) v (algorithm), custseg.train('all ' || algorithm, 'points', '{x,y,z}', 4, algorithm);
SELECT count(*), count(DISTINCT (segment, n, center, profile_values, spread)) AS different FROM custseg.segment WHERE model LIKE 'all %';
SELECT note, options FROM custseg.model_version WHERE model = 'all minibatch';
SELECT custseg.drop_model('all kmeans', whole => true), custseg.drop_model('all minibatch', whole => true);

-- Beyond it is nearly that: inertia within 1 % of k-means, in whatever order the rows come.  The
-- preparation is none, for one that is fitted on a sample is another one.
SELECT t.source, t.options, f.n_rows, f.n_segments, round((f.inertia / k.inertia)::numeric, 2) AS inertia, f.converged
FROM (VALUES ('crowd', '{"sample": 1000}'), ('sorted', '{"sample": 1000}'), ('sorted', '{"sample": 1000, "batch_size": 100}'),
    ('sorted', '{"sample": 300, "max_iter": 50}')) t (source, options),
custseg.train('k-means', t.source, '{a,b,c}', 5, prep => '{"scale": "none"}', deploy => true) k,
custseg.train('mini', t.source, '{a,b,c}', 5, 'minibatch', prep => '{"scale": "none"}', options => t.options::jsonb, deploy => true) f;
SELECT note FROM custseg.model_version WHERE model = 'mini' AND version = 1;

-- Every row is counted where predict() places it.
SELECT bool_and(s.n = c.n) AS same_counts, sum(s.n) AS rows, bool_and(abs(s.share - s.n / 12000.0) < 1e-12) AS shares
FROM custseg.segment s
JOIN (SELECT custseg.predict('mini', p, 4) AS segment, count(*) AS n FROM crowd p GROUP BY 1) c USING (segment)
WHERE s.model = 'mini' AND s.version = 4;
SELECT bool_and(abs((s.profile ->> 'a')::float8 - c.a) < 1e-9 AND abs(s.mean_distance - c.distance) < 1e-9 AND abs(s.spread - c.spread) < 1e-9) AS same_profiles
FROM custseg.segment s
JOIN (SELECT d.segment, avg(p.a) AS a, avg(d.distance) AS distance, sqrt(avg(d.distance ^ 2)) AS spread
    FROM crowd p, custseg.predict_detail('mini', p, 4) d GROUP BY 1) c USING (segment)
WHERE s.model = 'mini' AND s.version = 4;
SELECT abs((v.metrics ->> 'inertia')::float8 / c.inertia - 1) < 1e-9 AS same_inertia,
    abs((v.metrics ->> 'between_share')::float8 - (1 - c.inertia / c.total)) < 1e-9 AS same_share
FROM custseg.model_version v,
    (SELECT sum(d.distance ^ 2) AS inertia, count(*) * (var_pop(p.a) + var_pop(p.b) + var_pop(p.c)) AS total
     FROM crowd p, custseg.predict_detail('mini', p, 4) d) c
WHERE v.model = 'mini' AND v.version = 4;
SELECT custseg.drop_model('mini', whole => true), custseg.drop_model('k-means', whole => true);

-- The same model whatever the workers, and whether the source may be read beside them or not.

CREATE FUNCTION unsafe(float8) RETURNS float8 LANGUAGE plpgsql PARALLEL UNSAFE AS $$
BEGIN
    RETURN $1 / (CASE WHEN $1 > 1e9 THEN 0 ELSE 1 END);
EXCEPTION WHEN division_by_zero THEN
    RETURN NULL;
END
$$;
CREATE TABLE prints (workers int, what text, print text);
CREATE FUNCTION print(n int) RETURNS void LANGUAGE sql AS $$
    INSERT INTO prints
    SELECT n, 'plain', training_fingerprint('crowd', '{a,b,c}', 5, 'minibatch', options => '{"sample": 8000, "batch_size": 3000}') UNION ALL
    SELECT n, 'weighted, all preparation', training_fingerprint('crowd', '{a,b,c,d}', 4, 'minibatch',
        '{"transform": "yeo-johnson", "clip": "iqr", "pca": 3}', '{"sample": 8000, "batch_size": 5000, "weight": "weight"}') UNION ALL
    SELECT n, 'unsafe', training_fingerprint('SELECT unsafe(a) AS a, b, c FROM crowd', '{a,b,c}', 5, 'minibatch',
        options => '{"sample": 8000, "batch_size": 3000}');
$$;
SET client_min_messages = error;
SET max_parallel_maintenance_workers = 0;
SELECT print(0);
SET max_parallel_maintenance_workers = 1;
SELECT print(1);
SET max_parallel_maintenance_workers = 2;
SELECT print(2);
RESET max_parallel_maintenance_workers;
SELECT count(*), count(DISTINCT what) AS sources, count(DISTINCT print) AS models FROM prints;
SELECT training_fingerprint('crowd', '{a,b,c}', 5, 'minibatch', options => '{"sample": 1000}') <>
    training_fingerprint('crowd', '{a,b,c}', 5, 'minibatch', options => '{"sample": 1000, "seed": 43}') AS another_seed;
SELECT training_fingerprint('crowd', '{a,b,c}', 5, 'minibatch', options => '{"sample": 1000}') =
    training_fingerprint('crowd', '{a,b,c}', 5, 'minibatch', options => '{"sample": 1000, "seed": 42}') AS default_is_42;
SET client_min_messages = notice;

-- The sample is large enough to choose k on.
SELECT n_rows, n_segments, round(silhouette::numeric, 2) AS silhouette
FROM custseg.train('heaps', 'SELECT i % 4 * 10 + i % 7 AS x, i % 4 % 2 * 20 + i % 5 AS y FROM generate_series(1, 5000) i', algorithm => 'minibatch', options => '{"sample": 400}');
SELECT n FROM custseg.segment WHERE model = 'heaps' ORDER BY segment;
SELECT custseg.drop_model('heaps', whole => true);

-- Baselines are of the sample; profiles are of all rows, and a level that the sample lacks counts as none.
SELECT n_rows FROM custseg.train('levels', $$SELECT i % 100 AS x, CASE WHEN i <= 2990 THEN chr(97 + i % 3) WHEN i <= 2995 THEN 'rare' END AS l
    FROM generate_series(1, 3000) i$$, k => 1, algorithm => 'minibatch', options => '{"sample": 90, "seed": 1}');
SELECT name, n, n_null, levels FROM custseg.feature WHERE model = 'levels' ORDER BY position;
SELECT n, round((profile ->> 'x')::numeric, 3) AS x, (SELECT jsonb_object_agg(key, round(value::numeric, 4)) FROM jsonb_each(profile -> 'l')) AS l FROM custseg.segment WHERE model = 'levels';
SELECT custseg.drop_model('levels', whole => true);

-- Rows that are skipped are skipped in every pass; weights move centers.
SELECT n_rows, n_skipped FROM custseg.train('skip', 'SELECT nullif(x, 7) AS x, y, nullif(weight, 1.5) AS w FROM points', '{x,y}', k => 2, algorithm => 'minibatch',
    prep => '{"columns": {"x": {"impute": "skip"}}}', options => '{"sample": 60, "weight": "w"}');
SELECT skipped, n_rows = (SELECT sum(n) FROM custseg.segment WHERE model = 'skip') AS all_counted FROM custseg.model_version WHERE model = 'skip';
SELECT custseg.drop_model('skip', whole => true);

-- Segments keep their numbers and names: those of all rows, not of the sample.
CREATE VIEW four AS SELECT i AS id, i % 10 % 4 * 10 + i % 7 AS x, i % 10 % 4 % 2 * 20 + i % 5 AS y FROM generate_series(1, 6000) i;
SELECT n_segments FROM custseg.train('again', 'four', '{x,y}', 4, 'minibatch', options => '{"sample": 500}');
SELECT custseg.name_segment('again', 3, 'third');
SELECT n_segments FROM custseg.train('again', 'four', '{x,y}', 4, 'minibatch', options => '{"sample": 600, "seed": 7}', deploy => true);
SELECT count(*) AS rows, count(*) FILTER (WHERE custseg.predict('again', p, 1) = custseg.predict('again', p, 2)) AS same_number FROM four p;
SELECT name FROM custseg.segment WHERE model = 'again' AND version = 2 AND segment = 3;
SELECT n_segments FROM custseg.train('again', 'SELECT * FROM four WHERE id % 10 % 4 <> 1', '{x,y}', 4, 'minibatch', options => '{"sample": 600}');
SELECT array_agg(segment ORDER BY segment) FROM custseg.segment WHERE model = 'again' AND version = 3;
SELECT custseg.drop_model('again', whole => true);

-- A center that no row comes to is moved after the pass, if there is another one; else its segment is left out.
SELECT n_segments FROM custseg.train('dead', 'points', '{x,y}', algorithm => 'minibatch', prep => '{"scale": "none"}',
    options => '{"sample": 50, "max_iter": 1, "tol": 1e6, "init": [[1e6,1e6],[20,20],[2e6,2e6],[80,60]]}');
SELECT n_segments FROM custseg.train('dead', 'points', '{x,y}', algorithm => 'minibatch', prep => '{"scale": "none"}',
    options => '{"sample": 50, "max_iter": 2, "tol": 1e6, "init": [[1e6,1e6],[20,20],[2e6,2e6],[80,60]]}');
SELECT v.version, sum(s.n), count(*), min(s.n) > 20 AS all_large FROM custseg.segment s JOIN custseg.model_version v USING (model, version) WHERE s.model = 'dead' GROUP BY 1 ORDER BY 1;
-- one that few come to, as well, where that is asked for
SELECT n_segments FROM custseg.train('dead', 'SELECT x + CASE WHEN x = 50 THEN 1000 ELSE 0 END AS x, y FROM points', '{x,y}', algorithm => 'minibatch', prep => '{"scale": "none"}',
    options => '{"sample": 100, "max_iter": 5, "tol": 1e6, "reassignment_ratio": 0.3, "init": [[1050,40],[20,20],[80,60]]}');
SELECT min(n) > 20 AS all_large FROM custseg.segment WHERE model = 'dead' AND version = 3;
SELECT custseg.drop_model('dead', whole => true);

-- Memory bounds the sample and the batches, in the order of a table that is sorted by a category, too.
SET maintenance_work_mem = '1MB';
SET client_min_messages = warning;
SELECT n_rows, n_segments FROM custseg.train('small', 'sorted', '{a,b,c}', 3, 'minibatch', options => '{"n_init": 1}');
SET maintenance_work_mem = '2MB';
SELECT n_rows, n_segments FROM custseg.train('small', 'SELECT a, b, (i / 300)::text AS l FROM (SELECT a, b, row_number() OVER (ORDER BY id) AS i FROM crowd) s', '{a,b,l}', 3, 'minibatch', options => '{"n_init": 1}');
SELECT version, (regexp_match(note, 'sample of (\d+)'))[1]::int < 12000 AS smaller, note ~ 'batches of \d+ rows' AS batches FROM custseg.model_version WHERE model = 'small' ORDER BY version;
SELECT cardinality(levels) > 35 AS levels_of_all_rows FROM custseg.feature WHERE model = 'small' AND version = 2 AND name = 'l';
DO $$
BEGIN
    PERFORM custseg.train('small', 'SELECT ' || (SELECT string_agg(format('a + %s AS f%s', i, i), ', ') FROM generate_series(1, 100) i) || ' FROM crowd', algorithm => 'minibatch', k => 3);
EXCEPTION WHEN program_limit_exceeded THEN
    RAISE WARNING '%', regexp_replace(sqlerrm, 'needs \d+', 'needs more than 2');
END
$$;
RESET maintenance_work_mem;
SELECT custseg.drop_model('small', whole => true);

-- Degenerate data

SELECT 1 FROM custseg.train('d', 'SELECT 1 AS x', '{x}', 1, 'minibatch');
SELECT 1 FROM custseg.train('d', 'SELECT i AS x FROM generate_series(1, 3) i', '{x}', 1, 'minibatch', options => '{"sample": 1}');
SELECT 1 FROM custseg.train('d', 'SELECT 5 AS x, 6 AS y FROM generate_series(1, 2000)', '{x,y}', 3, 'minibatch', options => '{"sample": 100}');
SELECT n_rows, n_segments, inertia, iterations, converged FROM custseg.train('d', 'SELECT i AS x FROM generate_series(1, 3) i', '{x}', 1, 'minibatch', options => '{"sample": 2}');
SELECT n_rows, n_segments, inertia, iterations, converged FROM custseg.train('d', 'VALUES (1), (2)', '{column1}', 2, 'minibatch');
SELECT n_rows, n_segments, round(inertia::numeric, 9) AS inertia, converged FROM custseg.train('d', 'SELECT i % 3 AS x FROM generate_series(1, 3000) i', '{x}', 3, 'minibatch', options => '{"sample": 100}');
SELECT n_rows, n_segments, round(inertia::numeric, 9) AS inertia FROM custseg.train('d', 'points', '{x,y,z}', 300, 'minibatch');
SELECT n_rows, n_segments, converged FROM custseg.train('d', 'points', '{x,y,z}', 60, 'minibatch', options => '{"sample": 60, "max_iter": 100}');
SELECT n_rows, n_segments, converged FROM custseg.train('d', 'SELECT CASE WHEN id <= 3 THEN 1e12 * id ELSE x END AS x, y FROM points', '{x,y}', 4, 'minibatch', options => '{"sample": 200, "max_iter": 100}');
SELECT n_rows, n_segments, converged FROM custseg.train('line', 'SELECT i AS x, 2 * i + 3 AS y FROM generate_series(1, 10000) i', '{x,y}', 4, 'minibatch', options => '{"sample": 2000}');
SELECT max(n) - min(n) < 500 AS even FROM custseg.segment WHERE model = 'line';
SELECT custseg.drop_model('d', whole => true), custseg.drop_model('line', whole => true);

-- Errors: what only shows in rows outside the sample is the error it is in the sample

SELECT 1 FROM custseg.train('e', $$SELECT CASE WHEN i = 2999 THEN 'infinity'::float8 ELSE i END AS x FROM generate_series(1, 3000) i$$, '{x}', 2, 'minibatch', options => '{"sample": 100}');
SELECT 1 FROM custseg.train('e', 'SELECT nullif(i, 2999) AS x FROM generate_series(1, 3000) i', '{x}', 2, 'minibatch', prep => '{"impute": "error"}', options => '{"sample": 100}');
SELECT 1 FROM custseg.train('e', 'SELECT CASE WHEN i = 2999 THEN -1 ELSE i END AS x FROM generate_series(1, 3000) i', '{x}', 2, 'minibatch', prep => '{"transform": "log1p"}', options => '{"sample": 100}');
SELECT 1 FROM custseg.train('e', 'SELECT CASE WHEN i = 2999 THEN 1e308 ELSE i * 1e-9 END AS x FROM generate_series(1, 3000) i', '{x}', 2, 'minibatch', options => '{"sample": 100}');
SELECT 1 FROM custseg.train('e', 'SELECT CASE WHEN i = 2999 THEN 1e200 ELSE i END AS x FROM generate_series(1, 3000) i', '{x}', 2, 'minibatch', prep => '{"scale": "none"}', options => '{"sample": 100}');
SELECT 1 FROM custseg.train('e', 'points', '{x,y}', 11, 'minibatch', options => '{"sample": 10}');
SELECT 1 FROM custseg.train('e', 'points', '{x,y}', 301, 'minibatch', options => '{"sample": 10}');
SELECT 1 FROM custseg.train('e', 'SELECT * FROM points WHERE id < 0', '{x,y}', 2, 'minibatch');
SELECT 1 FROM custseg.train('e', 'points', '{x,y}', 3, 'minibatch', options => '{"sample": 50, "init": [[1,2]]}');
SELECT 1 FROM custseg.train('e', 'points', '{x,y}', 3, 'minibatch', options => '{"sample": 0}');
SELECT 1 FROM custseg.train('e', 'points', '{x,y}', 3, 'minibatch', options => '{"batch_size": 0}');
SELECT 1 FROM custseg.train('e', 'points', '{x,y}', 3, 'minibatch', options => '{"max_iter": 0}');
SELECT 1 FROM custseg.train('e', 'points', '{x,y}', 3, 'minibatch', options => '{"n_init": 0}');
SELECT 1 FROM custseg.train('e', 'points', '{x,y}', 3, 'minibatch', options => '{"tol": -1}');
SELECT 1 FROM custseg.train('e', 'points', '{x,y}', 3, 'minibatch', options => '{"reassignment_ratio": 1.5}');
SELECT 1 FROM custseg.train('e', 'points', '{x,y}', 3, 'minibatch', options => '{"algorithm": "lloyd"}');
SELECT n_segments FROM custseg.train('e', 'points', '{x,y}', 3, 'minibatch', options => '{"sample": 50, "max_iter": 1, "tol": 0}');
-- a source that gives other rows, or none, when it is read again
CREATE SEQUENCE reads;
CREATE FUNCTION once() RETURNS SETOF float8 LANGUAGE sql AS 'SELECT i FROM generate_series(1, CASE WHEN nextval(''reads'') = 1 THEN 3000 ELSE 0 END) i';
SELECT 1 FROM custseg.train('e', 'SELECT x FROM once() x', '{x}', 2, 'minibatch', options => '{"sample": 100}');
SELECT count(*) FROM custseg.model_version;
SELECT custseg.drop_model('e', whole => true);

DROP FUNCTION agreement, print, unsafe, once;
DROP TABLE points, crowd, golden, prints CASCADE;
DROP SEQUENCE reads;
DROP VIEW four;
\i :root/test/clean.sql
