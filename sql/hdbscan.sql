-- HDBSCAN*: hand-computed numbers, agreement with R, ties, degenerate data, and the same model
-- every time.

\set SHOW_CONTEXT never
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

-- Six points on a line, by hand.  With min_samples 1 core distances are 0.  All edges within a group
-- have distance 1, the one between the groups 8: two clusters, born at 8, whose rows leave at 1.
-- Stability of each: 3 (1/1 - 1/8).

CREATE TABLE six (id int PRIMARY KEY, x float8);
INSERT INTO six VALUES (1, 0), (2, 1), (3, 2), (4, 10), (5, 11), (6, 12);

SELECT n_rows, n_segments, inertia, round(silhouette::numeric, 9) AS silhouette, iterations, converged
FROM custseg.train('six', 'six', '{x}', algorithm => 'hdbscan', prep => '{"scale": "none"}',
    options => '{"min_cluster_size": 3, "min_samples": 1}');
SELECT segment, name, n, share, center, round(mean_distance::numeric, 9) AS mean_distance FROM custseg.segment
WHERE model = 'six' ORDER BY segment;
SELECT jsonb_pretty(parameters) AS parameters, note FROM custseg.model_version WHERE model = 'six';
SELECT key, round(value::text::numeric, 9) AS value FROM custseg.model_version v, jsonb_each(v.metrics)
WHERE model = 'six' AND key IN ('min_cluster_size', 'min_samples', 'noise_share', 'mean_strength', 'stability')
ORDER BY key;

-- A new customer joins the nearest point, at the distance where that leaves or at its own core
-- distance if that is more; strength is 1 over it; from 8 on it is noise, as confident as it is weak.
SELECT c.x, d.segment, d.distance, round(d.confidence::numeric, 6) AS confidence, d.runner_up,
    (SELECT array_agg(round(m::numeric, 6)) FROM unnest(d.memberships) m) AS memberships, custseg.predict('six', c) AS predicted
FROM (VALUES (0), (1.5), (2), (3), (5), (7), (-6), (-7), (20), (21)) c (x), custseg.predict_detail('six', c) d;
SELECT * FROM custseg.explain('six', '{"x": 5}'::jsonb);
SELECT * FROM custseg.explain('six', '{"x": -9}'::jsonb);
SELECT custseg.predict('six', '{"x": null}'::jsonb) AS imputed;
-- a distance too large to be squared
SELECT custseg.predict('six', '{"x": 1e200}'::jsonb) IS NULL AS not_placed;

-- the model as a value is the same scorer
SELECT count(*), bool_and(custseg.predict(custseg.scorer('six'), s) = custseg.predict('six', s)) AS same
FROM six s;
SELECT custseg.scorer('six')::text::custseg.compiled_model::text = custseg.scorer('six')::text AS round_trip;
SELECT custseg.drop_model('six', whole => true);

-- Golden partitions: dbscan::hdbscan(x, minPts) of R.  A digit for each row in the order of id.

CREATE TABLE moons AS
SELECT i AS id, CASE WHEN i % 2 = 0 THEN cos(a) ELSE 1 - cos(a) END + 0.08 * sin(i * 12.9898) AS x,
    CASE WHEN i % 2 = 0 THEN sin(a) ELSE 0.5 - sin(a) END + 0.08 * sin(i * 78.233) AS y
FROM (SELECT i, pi() * (i * 37 % 101) / 100 AS a FROM generate_series(1, 200) i) s;

CREATE TABLE heaps AS
SELECT i AS id, cx + r * cos(i) * sin(i * 12.9898) AS x, cy + r * sin(i) * cos(i * 78.233) AS y
FROM generate_series(1, 240) i
JOIN (VALUES (0, 0, 0, 0.5), (1, 6, 5, 1), (2, 12, -3, 2), (3, 3, 1, 9)) h (heap, cx, cy, r) ON heap = i % 4;

CREATE FUNCTION agreement(source text, options jsonb, labels text)
RETURNS TABLE (k int, differ bigint, noise numeric, stability numeric, same_counts bool, same_strength bool)
LANGUAGE plpgsql AS $$
BEGIN
    k := (custseg.train('agreement', source, '{x,y}', algorithm => 'hdbscan', prep => '{"scale": "none"}', options => options)).n_segments;
    EXECUTE format('CREATE TEMP TABLE scored AS
        SELECT s.id, (d).segment, (d).confidence, substr($1, s.id, 1) AS label
        FROM (SELECT id, custseg.predict_detail(''agreement'', t) AS d FROM %I t) s', source)
    USING labels;
    -- rows out of the pairing that has most of them; R's label 0 is noise
    differ := (SELECT count(*) FROM scored) -
        (SELECT sum(n) FROM (SELECT max(n) AS n FROM (SELECT segment, label, count(*) AS n FROM scored
            WHERE (segment = 0) = (label = '0') GROUP BY 1, 2) p GROUP BY segment) q);
    noise := round((SELECT (v.metrics ->> 'noise_share')::numeric FROM custseg.model_version v WHERE v.model = 'agreement'), 6);
    stability := round((SELECT (v.metrics ->> 'stability')::numeric FROM custseg.model_version v WHERE v.model = 'agreement'), 9);
    -- a row that was trained on is placed as it was in training
    same_counts := (SELECT bool_and(n = (SELECT count(*) FROM scored p WHERE p.segment = s.segment))
        FROM custseg.segment s WHERE model = 'agreement');
    same_strength := (SELECT abs(avg(p.confidence) - (SELECT (v.metrics ->> 'mean_strength')::float8 FROM custseg.model_version v
        WHERE v.model = 'agreement')) < 1e-12 FROM scored p WHERE p.segment > 0);
    DROP TABLE scored;
    PERFORM custseg.drop_model('agreement', whole => true);
    RETURN NEXT;
END
$$;

SELECT * FROM agreement('moons', '{"min_cluster_size": 10}',
    '21212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121');
SELECT * FROM agreement('moons', '{"min_cluster_size": 15}',
    '21212121212121212121212121212021212121212121212121212121212121212121212121212121212121212021212121212121212121212121212121212121210121212121212121212121212121212121212121202121212121212121210121212121');
SELECT * FROM agreement('heaps', '{"min_cluster_size": 5}',
    '420342434213423342234243424342034233421342034233424342034203422342334203423342334213423342334243424342034223421342434203420342334203423342334203423342034213420342434233424342034233422342034243420342334203420342334203423342334223423342034203');
-- A row that is tied to a split: both groups reach it at the very distance where they part.  Edges
-- of one distance are cut together, so it is noise; R cuts them in some order, and it stays with one.
SELECT * FROM agreement('heaps', '{"min_cluster_size": 10}',
    '310231323102312231123132313231123102310231023102313231023102311231023102310231023102312231023132313231023112310231323132310231223102312231023102310231023102310231023102310231023122311231023132310231223102310231023102312231223112312231023102');

-- Golden partitions: the definition by brute force, one threshold of the graph at a time.
SELECT * FROM agreement('moons', '{"min_cluster_size": 10, "cluster_selection_method": "leaf"}',
    '70138475760384757200847512840076130405060384757204840002847076138405760384757204847512040076130400060384700204807002840576138475760384057204007512040076138470000384750204007010840576138475760084750284');
SELECT * FROM agreement('moons', '{"min_cluster_size": 5, "cluster_selection_epsilon": 0.3}',
    '12121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212121212');
SELECT * FROM agreement('moons', '{"min_cluster_size": 30, "min_samples": 30, "allow_single_cluster": true}',
    '10011110110111111101101111011011011000010110101101101101111011011110110110111101101101011011011100110110111101101111111011011110110110111101101101111011011110110110110101111101101011011010110110111101');

-- Defaults: a hundredth of the rows, but at least 5; stored as not given, beside what they became.

SELECT n_segments FROM custseg.train('heaps', 'heaps', '{x,y}', algorithm => 'hdbscan');
SELECT jsonb_pretty(options) AS options FROM custseg.model_version WHERE model = 'heaps';
SELECT n_segments FROM custseg.train('heaps', 'SELECT x, y FROM heaps, generate_series(1, 5)', '{x,y}', algorithm => 'hdbscan',
    options => '{"min_samples": 3}');
SELECT version, metrics -> 'min_cluster_size' AS min_cluster_size, metrics -> 'min_samples' AS min_samples
FROM custseg.model_version WHERE model = 'heaps' ORDER BY version;
-- of five equal rows as many are kept as count
SELECT version, n_rows, jsonb_array_length(parameters -> 'points') AS points, jsonb_array_length(parameters -> 'point_segments') AS in_segments
FROM custseg.model_version WHERE model = 'heaps' ORDER BY version;
SELECT custseg.drop_model('heaps', whole => true);

-- Without points new customers cannot be placed.

SELECT n_segments FROM custseg.train('private', 'moons', '{x,y}', algorithm => 'hdbscan', options => '{"min_cluster_size": 10, "keep_points": false}');
SELECT parameters - 'levels' AS parameters FROM custseg.model_version WHERE model = 'private';
SELECT count(*), count(custseg.predict('private', m)) AS placed FROM moons m;
SELECT count(*) FROM moons m, custseg.explain('private', m);
SELECT custseg.drop_model('private', whole => true);

-- No segments at all: a model all the same, in which everybody is noise.

SELECT n_segments, inertia, silhouette FROM custseg.train('nothing', 'SELECT i AS x FROM generate_series(1, 100) i', '{x}', algorithm => 'hdbscan');
SELECT segment, name, n, share FROM custseg.segment WHERE model = 'nothing';
SELECT parameters FROM custseg.model_version WHERE model = 'nothing';
SELECT * FROM custseg.predict_detail('nothing', '{"x": 5}'::jsonb);
SELECT * FROM custseg.explain('nothing', '{"x": 5}'::jsonb);
SELECT custseg.drop_model('nothing', whole => true);

-- Degenerate data

CREATE FUNCTION sizes(source text, options jsonb, prep jsonb DEFAULT '{"scale": "none"}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    PERFORM custseg.train('sizes', source, '{x,y}', algorithm => 'hdbscan', prep => prep, options => '{"min_cluster_size": 5}' || options);
    SELECT string_agg(segment || ': ' || n, ', ' ORDER BY segment) INTO result FROM custseg.segment WHERE model = 'sizes';
    PERFORM custseg.drop_model('sizes', whole => true);
    RETURN result;
END
$$;

-- one row, two equal rows, all equal: no feature varies, as with any algorithm
SELECT sizes('SELECT 1 AS x, 2 AS y', '{}');
-- two rows; fewer rows than a cluster needs; fewer than a core distance counts
SELECT sizes('SELECT i AS x, i AS y FROM generate_series(1, 2) i', '{"min_cluster_size": 2, "min_samples": 1}'),
    sizes('SELECT i AS x, i AS y FROM generate_series(1, 2) i', '{"min_cluster_size": 2, "min_samples": 1, "allow_single_cluster": true}'),
    sizes('SELECT i AS x, i AS y FROM generate_series(1, 4) i', '{}'),
    sizes('SELECT i * i AS x, 0 AS y FROM generate_series(1, 20) i', '{"min_samples": 100, "allow_single_cluster": true}');
-- masses of equal rows are clusters; and so is one beside a cloud
SELECT sizes('SELECT i % 3 * 10 AS x, 0 AS y FROM generate_series(1, 30) i', '{}'),
    sizes('SELECT i % 3 * 10 AS x, i % 2 AS y FROM generate_series(1, 60) i', '{}'),
    sizes('SELECT CASE WHEN i % 2 = 0 THEN 0 ELSE 50 + sin(i) END AS x, CASE WHEN i % 2 = 0 THEN 0 ELSE cos(i * i) END AS y
        FROM generate_series(1, 200) i', '{}');
-- an outlier at 1e12 hides nothing
SELECT sizes('SELECT CASE WHEN i = 7 THEN 1e12 ELSE i % 5 + i % 2 * 1000 END AS x, i / 10 % 5 AS y FROM generate_series(1, 200) i', '{}');
-- 10,000 rows on a line, and a grid: equal distances are one event, also when scaling has made
-- their last bits differ
SELECT s.scale, sizes('SELECT i AS x, 0.1 * i AS y FROM generate_series(1, 10000) i', '{}', s.scale) AS line,
    sizes('SELECT i % 50 AS x, i / 50 + i / 1000 * 7 AS y FROM generate_series(0, 1999) i', '{}', s.scale) AS two_grids
FROM (VALUES ('{"scale": "none"}'::jsonb), ('{"scale": "standard"}'), ('{"scale": "minmax"}')) s (scale);
-- distances that cannot be squared and summed
SELECT sizes('SELECT i * 5e153 AS x, i * 5e153 AS y FROM unnest(''{-1,1}''::int[]) i', '{"min_cluster_size": 2, "min_samples": 1}');

-- The order of rows makes no difference, but to the numbers of segments of equal size

SELECT count(DISTINCT sizes(format('SELECT x, y FROM heaps ORDER BY %s', o), '{}')) FROM unnest('{id,id DESC,x,sin(id)}'::text[]) o;
SELECT count(DISTINCT sizes(format('SELECT round(x) AS x, round(y) AS y FROM heaps ORDER BY %s', o), '{"min_samples": 3}'))
FROM unnest('{id,id DESC,x,sin(id)}'::text[]) o;

-- Weights count in centers and inertia, and not in densities

SELECT n_segments, round(inertia::numeric, 6) AS inertia FROM custseg.train('weighted', 'SELECT x, y, 2 AS w FROM moons', '{x,y}', algorithm => 'hdbscan',
    prep => '{"scale": "none"}', options => '{"min_cluster_size": 10, "weight": "w"}');
SELECT n_segments, round(inertia::numeric, 6) AS inertia FROM custseg.train('weighted', 'moons', '{x,y}', algorithm => 'hdbscan',
    prep => '{"scale": "none"}', options => '{"min_cluster_size": 10}');
SELECT custseg.drop_model('weighted', whole => true);

-- The same model for any number of workers, with masses of equal rows, ties and noise

CREATE TABLE crowd AS
SELECT i AS id, i % 7 * 10 + (i::bigint * 7919 % 10007)::float8 / 2000 AS a, i % 3 * 9 + (i::bigint * 104729 % 9973)::float8 / 1997 AS b,
    CASE WHEN i % 19 = 0 THEN i % 100 ELSE i % 5 END AS c, i % 2 AS d
FROM generate_series(1, 4600) i
UNION ALL SELECT 4600 + i, 5, 5, 5, 0 FROM generate_series(1, 500) i;
ANALYZE crowd;

SELECT count(DISTINCT training_fingerprint('crowd', '{a,b,c,d}', algorithm => 'hdbscan',
    options => '{"min_cluster_size": 40, "min_samples": 4}', workers => workers)) AS models FROM generate_series(0, 2) workers;
SELECT n_rows, n_segments FROM custseg.train('crowd', 'crowd', '{a,b,c,d}', algorithm => 'hdbscan', options => '{"min_cluster_size": 40, "min_samples": 4, "silhouette_sample": 0}');
SELECT bool_and(s.n = coalesce(c.n, 0)) AS same_counts
FROM custseg.segment s LEFT JOIN (SELECT custseg.predict('crowd', p) AS segment, count(*) AS n FROM crowd p GROUP BY 1) c USING (segment)
WHERE s.model = 'crowd';

-- A retraining keeps numbers

SELECT custseg.name_segment('crowd', 3, 'third');
SELECT n_segments FROM custseg.train('crowd', 'crowd', '{a,b,c,d}', algorithm => 'hdbscan', options => '{"min_cluster_size": 40, "min_samples": 4, "silhouette_sample": 0}');
SELECT count(*), count(DISTINCT (segment, name, n)) FROM custseg.segment WHERE model = 'crowd';
SELECT custseg.drop_model('crowd', whole => true);

-- Options that make no sense

SELECT sizes('moons', '{"min_cluster_size": 1}');
SELECT sizes('moons', '{"min_cluster_size": 2.5}');
SELECT sizes('moons', '{"min_samples": 0}');
SELECT sizes('moons', '{"min_samples": 1001}');
SELECT sizes('moons', '{"cluster_selection_method": "best"}');
SELECT sizes('moons', '{"cluster_selection_epsilon": -1}');
SELECT sizes('moons', '{"allow_single_cluster": 1}');
SELECT sizes('moons', '{"eps": 1}');
SELECT n_segments FROM custseg.train('asked', 'moons', '{x,y}', k => 3, algorithm => 'hdbscan');
-- more segments than a model may have; more numbers than a version may keep
SET client_min_messages = error;
SELECT sizes('SELECT i / 2 * 100 + i % 2 AS x, 0 AS y FROM generate_series(0, 20001) i', '{"min_cluster_size": 2, "min_samples": 1, "cluster_selection_method": "leaf"}');
SET maintenance_work_mem = '8GB';
SELECT sizes('SELECT i AS x, ''level '' || i % 60 AS y FROM generate_series(1, 80000) i', '{}');
RESET maintenance_work_mem;
RESET client_min_messages;

-- Parameters from anyone: what cannot be is refused

SELECT n_segments FROM custseg.train('six', 'six', '{x}', algorithm => 'hdbscan', prep => '{"scale": "none"}', options => '{"min_cluster_size": 3, "min_samples": 1}');
CREATE FUNCTION forge(path text[], value jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    RETURN custseg.predict(jsonb_set(custseg.scorer('six')::text::jsonb, '{parameters}' || path, value)::text::custseg.compiled_model, '{"x": 5}'::jsonb);
EXCEPTION WHEN invalid_text_representation THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN detail;
END
$$;
SELECT f.path, f.value, forge(f.path, f.value)
FROM (VALUES ('{min_samples}'::text[], '0'::jsonb), ('{min_samples}', '1.5'), ('{min_samples}', '1e9'), ('{min_samples}', '100'),
    ('{levels}', '[[8], [8]]'), ('{levels}', '[[8, 1]]'), ('{levels,0}', '[8, 0]'), ('{levels,1}', '[8, 9]'),
    ('{points,0}', '[1, 2]'), ('{points}', '[[1, 2]]'), ('{points}', '[[1]]'), ('{points}', '[]'),
    ('{point_segments,0}', '0'), ('{point_segments,0}', '7'), ('{point_segments}', '[1]'),
    ('{leave_distances,2}', '0'), ('{leave_distances,2}', '-1'), ('{leave_distances}', '[1]')) f (path, value);
SELECT custseg.drop_model('six', whole => true);

DROP FUNCTION agreement, sizes, forge;
DROP TABLE six, moons, heaps, crowd;
\i :root/test/clean.sql
