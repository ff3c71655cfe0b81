-- DBSCAN, k_distance and dbscan_grid: agreement with scikit-learn 1.2.1, scoring, degenerate data,
-- the same model every time.
\set SHOW_CONTEXT never
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
CREATE TABLE points AS
SELECT i AS id, i * 37 % 101 AS x, i * 53 % 89 AS y, i * i % 23 AS z, i % 3 + 1 AS weight FROM generate_series(1, 120) i;
CREATE TABLE moons AS
SELECT i AS id, round((CASE WHEN i % 2 = 0 THEN cos(pi() * i / 200) ELSE 1 - cos(pi() * i / 200) END)::numeric + (i * 7919 % 201 - 100) * 0.0012, 3)::float8 AS x,
    round((CASE WHEN i % 2 = 0 THEN sin(pi() * i / 200) ELSE 0.5 - sin(pi() * i / 200) END)::numeric + (i * 104729 % 211 - 105) * 0.0012, 3)::float8 AS y
FROM generate_series(1, 200) i;

-- Golden labels: DBSCAN(eps, min_samples).fit(X, sample_weight), a character for each row in the order
-- of id: a digit is the cluster of a core row, a letter (a for 0) that of a row at a border, - is noise.
-- same_core: core rows of a cluster are in one segment, and those of a segment in one cluster;
-- same_sizes: rows of the clusters, borders included, are those of the segments.
CREATE FUNCTION agreement(source text, features text[], options jsonb, labels text)
RETURNS TABLE (segments int, core int, same_core bool, same_noise bool, same_sizes bool)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM custseg.train('agreement', source, features, algorithm => 'dbscan', prep => '{"scale": "none"}', options => options);
    EXECUTE format('CREATE TEMP TABLE scored AS
        SELECT custseg.predict(''agreement'', s) AS segment, substr($1, s.id, 1) AS label FROM %I s', source)
    USING labels;
    RETURN QUERY
        SELECT v.n_segments, (v.metrics ->> 'n_core')::int,
            (v.metrics ->> 'n_core')::int = length(regexp_replace(labels, '\D', '', 'g')) AND
            (SELECT v.n_segments = ALL (ARRAY[count(DISTINCT s.label), count(DISTINCT s.segment), count(DISTINCT (s.label, s.segment))])
             FROM scored s WHERE s.label ~ '\d'),
            (SELECT bool_and((s.segment = 0) = (s.label = '-')) FROM scored s),
            (SELECT array_agg(g.n ORDER BY g.n) FROM custseg.segment g WHERE g.model = 'agreement') =
                (SELECT array_agg(c.n ORDER BY c.n)
                 FROM (SELECT count(*) AS n FROM scored s GROUP BY translate(s.label, 'abcdefghij', '0123456789')) c)
        FROM custseg.model_version v WHERE v.model = 'agreement';
    DROP TABLE scored;
    PERFORM custseg.drop_model('agreement', whole => true);
END
$$;
SELECT * FROM agreement('points', '{x,y,z}', '{"eps": 11, "min_samples": 4}',
    '0e1cdae---f23--g------04h--ae---5230--c-----ae---aeha-b2304--d-cd--6cd-----e---0'
    '4b--fcda--23---------047---cdaebc3a----g');
SELECT * FROM agreement('points', '{x,y,z}', '{"eps": 12, "min_samples": 4}',
    '0g1deag-2-b34a-5-e----0617-ag-h-1340g-c-i-fc0fbe-agba-13406-ce-de2a5d4i----g-d-0'
    '6b7-bdea-f348-5-a----0617-bdeagbd4a-f2-f');
SELECT * FROM agreement('points', '{x,y,z}', '{"eps": 13}',
    '0a0aaa0-0-000a-0-0-aa-0000baa-a10000a-0-0-0aa0aa-aa-ab00000-aaaaa0a0aaa0a--aaa-0'
    '0a0b0aaaaa00aa0a0-a--0aaa1a0aaaaa00aa0-0');
-- the rows' weights within eps count
SELECT * FROM agreement('points', '{x,y,z}', '{"eps": 13, "min_samples": 10, "weight": "weight"}',
    '0c12da2-2-123a-3-d-ad-0312-ac-cc1230c---1-3aa3bc-ac-a-12302-cdbcd0-d-db0d--dbc-0'
    '2b2-b2dacdc3ba3-a-b--0cb2-b2d02bc3acda-d');
SELECT * FROM agreement('points', '{x,y,z}', '{"eps": 15, "min_samples": 12, "weight": "weight"}',
    '0000a000000000-0aa-aaa0000a00a0000000a000-00a0aaa0aa0a00000a00a0000aaa0aaaa0a0a0'
    '000a00a00a000a0aaaaaa0000000a000000000aa');
-- two moons
SELECT * FROM agreement('moons', '{x,y}', '{"eps": 0.15}',
    '0101ab020b010202020202020303020203030d0d0303030303030303030303030404030e04040f04'
    'a4040505040505050605050606a50f06a6060606a60g06060606a6060606060606060606060g0606'
    '0606060g0606060g0606a6a6060g0606agag06-g');
SELECT * FROM agreement('moons', '{x,y}', '{"eps": 0.2, "min_samples": 8}',
    '0b0ba-010b0b01010b0b0101010101010101010b01010101010101010b0101010101010b01a10101'
    '0101010101010101010101010101010101010101010101010101a1010101010101010101010b0101'
    '010101010101010101010101010b0101abab0b-b');
-- only noise
SELECT * FROM agreement('moons', '{x,y}', '{"eps": 0.1, "min_samples": 9}', repeat('-', 200));
-- every row a cluster
CREATE VIEW few AS SELECT * FROM points WHERE id <= 10;
SELECT * FROM agreement('few', '{x,y}', '{"eps": 1, "min_samples": 1}', '0123456789');

-- The k-distance curve: numpy.sort(NearestNeighbors(n_neighbors=k).fit(X).kneighbors(X)[0][:, -1]),
-- the knee where (i / (n - 1)) - (d[i] - d[0]) / (d[n - 1] - d[0]) is largest
SELECT c.k, count(*), round(sum(d.distance)::numeric, 10) AS sum, round(max(d.distance) FILTER (WHERE d.n = 100)::numeric, 10) AS "100th",
    max(d.n) FILTER (WHERE d.knee) AS knee, round(max(d.distance) FILTER (WHERE d.knee)::numeric, 10) AS at, bool_and(d.share = d.n / 200.0) AS shares
FROM unnest('{1,2,5,10}'::int[]) c (k), custseg.k_distance('moons', '{x,y}', c.k, prep => '{"scale": "none"}') d
GROUP BY c.k ORDER BY c.k;
-- a few points of it, and the knee
SELECT n, share, round(distance::numeric, 6) AS distance, knee
FROM custseg.k_distance('moons', '{x,y}', prep => '{"scale": "none"}', options => '{"points": 5}');
SELECT count(*), max(n) FROM custseg.k_distance('moons', '{x,y}', options => '{"points": 0}');
-- of a sample of the rows, to their neighbors among all
SELECT count(*), min(n), max(n), max(share), count(*) FILTER (WHERE distance NOT IN (SELECT d.distance FROM custseg.k_distance('moons', '{x,y}') d)) AS other
FROM custseg.k_distance('moons', '{x,y}', options => '{"sample": 50}');
-- of two rows, of rows with many equals, of as many neighbors as rows
SELECT * FROM custseg.k_distance('VALUES (1), (2)', k => 2, prep => '{"scale": "none"}');
SELECT DISTINCT distance, knee FROM custseg.k_distance('SELECT i % 2 AS x FROM generate_series(1, 100) i', '{x}');
SELECT n, distance FROM custseg.k_distance('VALUES (1), (2), (4), (9)', k => 4, prep => '{"scale": "none"}');

-- The grid: clusters, noise and silhouette_score of the clustered rows
SELECT eps, min_samples, n_segments, noise_share, largest_share, round(silhouette::numeric, 10) AS silhouette, recommended, reason
FROM custseg.dbscan_grid('moons', '{x,y}', '{0.1,0.15,0.2}', '{4,8}', prep => '{"scale": "none"}');
-- around the eps of the knee
SELECT eps, min_samples, n_segments, recommended FROM custseg.dbscan_grid('moons', '{x,y}', min_samples => '{3,5}');
-- nothing to recommend
SELECT * FROM custseg.dbscan_grid('VALUES (1), (2), (3)', eps => '{1}', min_samples => '{2,4}', prep => '{"scale": "none"}');
SELECT * FROM custseg.dbscan_grid('SELECT i AS x FROM generate_series(1, 10001) i', '{x}', '{1e-9}', '{1}');
SELECT * FROM custseg.dbscan_grid('moons', '{x,y}', '{0.3}', '{4}', options => '{"silhouette_sample": 0}');

-- Scoring

CREATE TABLE line (id int PRIMARY KEY, x float8);
INSERT INTO line VALUES (1, 0), (2, 1), (3, 2), (4, 2), (5, 2), (6, 10), (7, 11), (8, 12), (9, 13), (10, 50);
SELECT n_segments, n_rows, iterations, converged FROM custseg.train('line', 'line', '{x}', algorithm => 'dbscan', prep => '{"scale": "none"}',
    options => '{"eps": 1, "min_samples": 3}');
SELECT parameters, points, point_segments, point_places, options, note, metrics - '{silhouette,read_milliseconds,prepare_milliseconds,fit_milliseconds}'::text[] AS metrics FROM custseg.model_version WHERE model = 'line';
SELECT segment, name, n, share, center FROM custseg.segment WHERE model = 'line' ORDER BY segment;
-- the nearest core point, at most eps away; a duplicate is kept once
SELECT t.x, d.segment, d.distance, round(d.confidence::numeric, 4) AS confidence, d.runner_up, d.memberships
FROM unnest('{-1,0,1,2,2.5,3,3.001,6.5,10,11.5,13,13.5,50,1e12,1e200}'::float8[]) t (x), custseg.predict_detail('line', jsonb_build_object('x', t.x)) d;
SELECT t.x, e.feature, e.segment_mean, e.contribution
FROM unnest('{2.5,6.4,12}'::float8[]) t (x), custseg.explain('line', jsonb_build_object('x', t.x)) e;
SELECT id, segment, distance, confidence FROM custseg.score('line') ORDER BY id::int;
-- a compiled model is the same whichever way it came
SELECT custseg.scorer('line')::text::custseg.compiled_model::text = custseg.scorer('line')::text AS same,
    count(*) FILTER (WHERE custseg.predict(custseg.scorer('line')::text::custseg.compiled_model, l) IS DISTINCT FROM custseg.predict('line', l)) AS different
FROM line l;
-- one that was forged does not get in
CREATE TABLE genuine AS SELECT custseg.scorer('line')::jsonb AS j;
SELECT what, outcome(format('SELECT custseg.predict(%L::custseg.compiled_model, ''{"x": 2}''::jsonb)', forged)) AS outcome
FROM genuine, LATERAL (VALUES
    (1, 'as it is', j),
    (2, 'eps 0', jsonb_set(j, '{parameters,eps}', '0')),
    (3, 'eps negative', jsonb_set(j, '{parameters,eps}', '-1')),
    (4, 'eps missing', j #- '{parameters,eps}'),
    (5, 'too many columns', jsonb_set(j, '{parameters,core_points}', '[[1, 2], [3, 4], [5, 6], [7, 8]]')),
    (6, 'too few segments', jsonb_set(j, '{parameters,core_segments}', '[1]')),
    (7, 'a core point of noise', jsonb_set(j, '{parameters,core_segments,0}', '0')),
    (8, 'a core point of no segment', jsonb_set(j, '{parameters,core_segments,0}', '7')),
    (9, 'no core points', jsonb_set(jsonb_set(j, '{parameters,core_points}', '[]'), '{parameters,core_segments}', '[]')),
    (10, 'huge numbers', jsonb_set(jsonb_set(j, '{parameters,core_points,0,0}', '1e308'), '{parameters,eps}', '1e308'))
) f (n, what, forged)
ORDER BY n;
-- a new version keeps the numbers
SELECT version, n_segments FROM custseg.train('line', 'SELECT 100 - id AS id, x FROM line UNION ALL SELECT i, 90 + i % 2 FROM generate_series(101, 130) i', '{x}', algorithm => 'dbscan',
    prep => '{"scale": "none"}', options => '{"eps": 1, "min_samples": 3}', deploy => true);
SELECT segment, n, center FROM custseg.segment WHERE model = 'line' AND version = 2 ORDER BY segment;
-- core points can be left out
SELECT n_segments FROM custseg.train('private', 'line', '{x}', algorithm => 'dbscan', options => '{"eps": 0.1, "min_samples": 3, "keep_core_points": false}');
SELECT v.parameters, v.points, v.point_segments, v.point_places, count(*), count(custseg.predict('private', l)) FROM custseg.model_version v, line l WHERE v.model = 'private' GROUP BY 1, 2, 3, 4;
SELECT custseg.scorer('private')::jsonb -> 'parameters' AS parameters;
SELECT * FROM custseg.predict_detail('private', '{"x": 1}'::jsonb);
-- where all is noise, all else is, too
SELECT n_segments FROM custseg.train('noise', 'line', '{x}', algorithm => 'dbscan', options => '{"eps": 0.001, "min_samples": 4}');
SELECT * FROM custseg.predict_detail('noise', '{"x": 1}'::jsonb);
SELECT * FROM custseg.explain('noise', '{"x": 1}'::jsonb);

-- eps from the knee, and where there is none
SELECT n_segments FROM custseg.train('eps', 'moons', '{x,y}', algorithm => 'dbscan', prep => '{"scale": "none"}');
SELECT metrics ->> 'eps' AS eps, options -> 'eps' AS asked, note FROM custseg.model_version WHERE model = 'eps';
SELECT n_segments FROM custseg.train('none', 'line', '{x}', algorithm => 'dbscan', options => '{"min_samples": 2, "eps": null}');
SELECT n_segments FROM custseg.train('flat', 'SELECT i FROM generate_series(1, 100) i', '{i}', algorithm => 'dbscan', prep => '{"scale": "none"}', options => '{"min_samples": 2}');
SELECT n_segments FROM custseg.train('equal', 'SELECT i % 2 AS x FROM generate_series(1, 100) i', '{x}', algorithm => 'dbscan');
SELECT n_segments FROM custseg.train('huge', 'SELECT i * 1e200 AS x FROM generate_series(1, 10) i', '{x}', algorithm => 'dbscan', prep => '{"scale": "none"}');
SELECT n_segments FROM custseg.train('sparse', 'SELECT CASE WHEN i <= 95 THEN 0 ELSE i END AS x FROM generate_series(1, 100) i', '{x}', algorithm => 'dbscan', prep => '{"scale": "none"}', options => '{"keep_core_points": false}');

-- Degenerate data

CREATE FUNCTION degenerate(source text, options jsonb DEFAULT '{"eps": 1}', prep jsonb DEFAULT '{"scale": "none"}')
RETURNS TABLE (segments int, n bigint[], core int, kept int)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM custseg.train('degenerate', source, algorithm => 'dbscan', prep => prep, options => options);
    RETURN QUERY
        SELECT v.n_segments, (SELECT array_agg(s.n ORDER BY s.segment) FROM custseg.segment s WHERE s.model = 'degenerate' AND s.segment <= 4),
            (v.metrics ->> 'n_core')::int, coalesce(array_length(v.points, 1), 0)
        FROM custseg.model_version v WHERE v.model = 'degenerate';
    PERFORM custseg.drop_model('degenerate', whole => true);
END
$$;
-- one row has nothing that varies
SELECT * FROM degenerate('SELECT 1 AS x', '{"eps": 1, "min_samples": 1}');
-- two rows
SELECT * FROM degenerate('VALUES (1), (2)', '{"eps": 1, "min_samples": 2}');
SELECT * FROM degenerate('VALUES (1), (2)', '{"eps": 0.999999, "min_samples": 2}');
SELECT * FROM degenerate('VALUES (1), (2)', '{"eps": 0.999999, "min_samples": 1}');
-- two equal rows, and nearly all
SELECT * FROM degenerate('VALUES (1), (1), (2)', '{"eps": 1e-9, "min_samples": 2}');
SELECT * FROM degenerate('SELECT i / 20000 AS x FROM generate_series(1, 20000) i', '{"eps": 1e-9}');
-- many at few places
SELECT * FROM degenerate('SELECT i % 7 AS x, i % 3 * 100 AS y FROM generate_series(1, 20000) i', '{"eps": 0.5, "min_samples": 952}');
-- 10,000 rows on a line: one chain, or each row its own
SELECT * FROM degenerate('SELECT i AS x FROM generate_series(1, 10000) i', '{"eps": 1, "min_samples": 3}');
SELECT * FROM degenerate('SELECT i AS x, -i AS y FROM generate_series(1, 10000) i', '{"eps": 1, "min_samples": 1}');
-- far out: 1e12, and where squares overflow
SELECT * FROM degenerate('SELECT x FROM line UNION ALL VALUES (1e12), (1e12 + 1), (1e12 + 2), (-1e12)', '{"eps": 1, "min_samples": 3}');
SELECT * FROM degenerate('SELECT x FROM line UNION ALL VALUES (1e150)', '{"eps": 1, "min_samples": 3}');
SELECT * FROM degenerate('SELECT x FROM line', '{"eps": 1e308, "min_samples": 3}');
-- as many as there are rows, and more than that
SELECT * FROM degenerate('SELECT x FROM line', '{"eps": 50, "min_samples": 10}');
SELECT * FROM degenerate('SELECT x FROM line', '{"eps": 50, "min_samples": 11}');
SELECT * FROM degenerate('SELECT x FROM line', '{"eps": 50, "min_samples": 2147483647}');
-- missing values and a category
SELECT * FROM degenerate('SELECT nullif(x, 11) AS x, CASE WHEN x < 5 THEN ''a'' ELSE ''b'' END AS c FROM line', '{"eps": 1, "min_samples": 3}');

-- The same model, whatever the workers

CREATE TABLE crowd AS
SELECT i AS id, (i::bigint * 7919 % 10007)::float8 / 1000 AS a, (i::bigint * 104729 % 9973)::float8 / 997 AS b, ((i::bigint * i) % 7717)::float8 / 771 AS c
FROM generate_series(1, 7000) i;
CREATE TABLE prints (workers int, what text, print text);
SET client_min_messages = warning;
SET max_parallel_maintenance_workers = 0;
INSERT INTO prints
SELECT 0, o, training_fingerprint('crowd', '{a,b,c}', algorithm => 'dbscan', options => o::jsonb) FROM unnest('{"{}","{\"eps\": 0.15}","{\"eps\": 0.1, \"min_samples\": 4}","{\"eps\": 0.2, \"min_samples\": 40, \"weight\": \"b\"}"}'::text[]) o;
SET max_parallel_maintenance_workers = 1;
INSERT INTO prints SELECT 1, what, training_fingerprint('crowd', '{a,b,c}', algorithm => 'dbscan', options => what::jsonb) FROM prints WHERE workers = 0;
SET max_parallel_maintenance_workers = 2;
INSERT INTO prints SELECT 2, what, training_fingerprint('crowd', '{a,b,c}', algorithm => 'dbscan', options => what::jsonb) FROM prints WHERE workers = 0;
RESET max_parallel_maintenance_workers;
RESET client_min_messages;
SELECT what, count(*), count(DISTINCT print) FROM prints GROUP BY what ORDER BY what COLLATE "C";
SELECT count(DISTINCT print) FROM prints;

-- Errors

SELECT what, outcome(format('SELECT n_segments FROM custseg.train(''wrong'', ''line'', ''{x}'', algorithm => ''dbscan'', %s)', what)) AS outcome
FROM unnest(ARRAY[
    'k => 3',
    'options => ''{"eps": 0}''',
    'options => ''{"eps": -1}''',
    'options => ''{"eps": "wide"}''',
    'options => ''{"min_samples": 0}''',
    'options => ''{"min_samples": 2.5}''',
    'options => ''{"keep_core_points": 1}''',
    'options => ''{"epsilon": 1}'''
]) what;
SELECT n_segments FROM custseg.train('wrong', 'SELECT i AS x FROM generate_series(1, 10001) i', '{x}', algorithm => 'dbscan', options => '{"eps": 1e-9, "min_samples": 1}');
SELECT what, outcome('SELECT count(*) FROM custseg.' || what) AS outcome
FROM unnest(ARRAY[
    'k_distance(NULL)',
    'k_distance(''line'', k => NULL)',
    'k_distance(''line'', k => 0)',
    'k_distance(''line'', k => 11)',
    'k_distance(''no_such_table'')',
    'k_distance(''line'', options => ''{"sample": -1}'')',
    'k_distance(''line'', options => ''{"weight": "x"}'')',
    'k_distance(''SELECT x FROM line WHERE false'')',
    'dbscan_grid(NULL)',
    'dbscan_grid(''line'', eps => ''{}'')',
    'dbscan_grid(''line'', eps => ''{1,NULL}'')',
    'dbscan_grid(''line'', eps => ''{1,-1}'')',
    'dbscan_grid(''line'', eps => ''{NaN}'')',
    'dbscan_grid(''line'', eps => ''{Infinity}'')',
    'dbscan_grid(''line'', eps => ''{{1,2},{3,4}}'')',
    'dbscan_grid(''line'', eps => array_fill(1, ''{101}'')::float8[])',
    'dbscan_grid(''line'', min_samples => ''{5,0}'')',
    'dbscan_grid(''line'', options => ''{"eps": 1}'')'
]) what;

-- rows that are placed together are where each of them is by itself, also between places of two segments: by the blocks of a report, and by a training that matches its segments to those of the deployed version
CREATE TABLE places AS SELECT i AS id, (i % 53)::float8 AS x, (i / 53 % 41)::float8 AS y FROM generate_series(1, 7000) i WHERE NOT (i % 53 % 9 BETWEEN 6 AND 8 OR i / 53 % 41 % 11 BETWEEN 8 AND 10);
SELECT n_segments FROM custseg.train('places', 'places', '{x,y}', algorithm => 'dbscan', prep => '{"scale": "none"}', options => '{"eps": 2, "min_samples": 5}');
CREATE TABLE shifted AS SELECT id, x + d.dx AS x, y + d.dy AS y FROM places, (VALUES (0, 0), (1.5, 0), (0, 1.75), (2, 2), (-2, 1.5), (3, 0)) d (dx, dy);
SELECT count(*) AS segments, count(*) FILTER (WHERE p.n = d.n) AS same, sum(p.n) AS n FROM custseg.segment_profile('places', 'shifted') p
JOIN (SELECT d.segment, count(*) AS n FROM shifted s, custseg.predict_detail('places', s) d GROUP BY 1) d USING (segment) WHERE p.column_name = 'x';
-- of core points that are as near the first row decides, also where that is the last of the tree
SELECT n_segments FROM custseg.train('reversed', 'SELECT * FROM places ORDER BY id DESC', '{x,y}', algorithm => 'dbscan', prep => '{"scale": "none"}', options => '{"eps": 2, "min_samples": 5}');
SELECT count(*) AS segments, count(*) FILTER (WHERE p.n = d.n) AS same, sum(p.n) AS n FROM custseg.segment_profile('reversed', 'shifted') p
JOIN (SELECT d.segment, count(*) AS n FROM shifted s, custseg.predict_detail('reversed', s) d GROUP BY 1) d USING (segment) WHERE p.column_name = 'x';
SELECT n_segments FROM custseg.train('places', 'shifted', '{x,y}', k => 30, prep => '{"scale": "none"}');
WITH overlap AS (
    SELECT custseg.predict('places', s, version => 2) AS new, d.segment AS old, count(*) AS n FROM shifted s, custseg.predict_detail('places', s) d WHERE d.segment > 0 GROUP BY 1, 2)
SELECT sum(n) FILTER (WHERE new = old) AS kept, sum(n) AS placed FROM overlap;

-- core points are read from the catalogue to the bit, whatever their digits: each is at no distance from itself
CREATE TABLE digits AS SELECT i, CASE i % 8 WHEN 0 THEN i WHEN 1 THEN i / 7.0::float8 WHEN 2 THEN i * 1e12 + 0.5 WHEN 3 THEN -i / 1e4::float8 WHEN 4 THEN concat(i, '.5e', i / 8 % 200 - 100)::float8
    WHEN 5 THEN 4503599627370496 + i + 0.5 WHEN 6 THEN -i * 1e18::float8 / 3 ELSE i * 1e-300::float8 END AS x FROM generate_series(1, 4000) i;
SELECT n_segments FROM custseg.train('digits', 'digits', '{x}', algorithm => 'dbscan', prep => '{"scale": "none"}', options => '{"eps": 1e300, "min_samples": 1}');
SELECT count(*), count(*) FILTER (WHERE d.distance = 0) AS exact FROM digits, custseg.predict_detail('digits', digits) d;
-- and they are written as PostgreSQL writes such a number
SELECT count(*), count(d.x) AS alike FROM LATERAL (SELECT (point -> 0)::text AS stored FROM jsonb_array_elements(custseg.scorer('digits')::jsonb -> 'parameters' -> 'core_points') point) p
LEFT JOIN digits d ON to_jsonb(d.x)::text = p.stored;
SELECT count(*), count(*) FILTER (WHERE point.value = d.x) AS exact FROM custseg.model_version v, unnest(v.points) WITH ORDINALITY point (value, i) JOIN digits d USING (i) WHERE v.model = 'digits';

-- core points are arrays of the catalogue; the definition has them as json, and so has an export, which is imported as what it was, without the places of the tree
CREATE TABLE grid AS SELECT i AS id, i % 40 AS x, i / 40 % 40 + (i / 1600) * 0.5 AS y FROM generate_series(0, 3199) i WHERE i % 7 <> 3 AND i % 40 NOT IN (13, 14) AND i % 11 < 9;
SELECT n_segments FROM custseg.train('grid', 'SELECT * FROM grid', '{x,y}', id => 'id', algorithm => 'dbscan', prep => '{"scale": "none"}', options => '{"eps": 1, "min_samples": 4}');
SELECT array_ndims(points) AS dimensions, array_length(points, 1) = array_length(point_segments, 1) AS as_many, array_length(point_places, 1) = n_rows AS places,
    (SELECT array_agg(p ORDER BY p) FROM unnest(point_places) p WHERE p >= 0) = (SELECT array_agg(i - 1 ORDER BY i) FROM generate_series(1, array_length(points, 1)) i) AS each_once,
    to_jsonb(points) = s.parameters -> 'core_points' AS points, to_jsonb(point_segments) = s.parameters -> 'core_segments' AS segments, v.parameters = s.parameters - '{core_points,core_segments}'::text[] AS rest
FROM custseg.model_version v, LATERAL (SELECT custseg.scorer('grid')::jsonb -> 'parameters' AS parameters) s WHERE v.model = 'grid';
SELECT e -> 'versions' -> 0 -> 'definition' = custseg.scorer('grid')::jsonb AS definition, e -> 'versions' -> 0 -> 'training' ?| '{parameters,points,point_segments,point_places}' AS twice FROM custseg.export_model('grid') e;
SELECT i.version FROM custseg.import_model(custseg.export_model('grid'), model => 'copy') i;
SELECT c.points = g.points AS points, c.point_segments = g.point_segments AS segments, c.parameters = g.parameters AS parameters, c.point_places FROM custseg.model_version c, custseg.model_version g WHERE c.model = 'copy' AND g.model = 'grid';
-- places are the same for any number of workers
CREATE FUNCTION places(workers int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('max_parallel_maintenance_workers', workers::text, true);
    PERFORM custseg.train('places by workers', 'SELECT x, y FROM generate_series(0, 19) r, LATERAL (SELECT g.x + r * 100 AS x, g.y FROM grid g ORDER BY g.id) g', '{x,y}', algorithm => 'dbscan', prep => '{"scale": "none"}', options => '{"eps": 1, "min_samples": 4, "silhouette_sample": 0}', deploy => true);
    RETURN (SELECT md5(point_places::text) FROM custseg.model_version v JOIN custseg.model m ON m.name = v.model AND m.deployed_version = v.version WHERE v.model = 'places by workers');
END
$$;
SELECT count(places(w)) AS known, count(DISTINCT places(w)) AS different FROM unnest('{0,1,2,4}'::int[]) w;
-- whichever tree is searched, by places or built: all customers the same to the bit, those between two segments, too, and as near to several points
CREATE TABLE asked AS SELECT x, y FROM grid UNION ALL SELECT i / 4.0 - 2, j / 8.0 - 2 FROM generate_series(0, 175) i, generate_series(0, 360, 37) j;
CREATE FUNCTION differing(other text) RETURNS TABLE (n bigint, segments bigint, details bigint, apart bigint)
LANGUAGE sql BEGIN ATOMIC
    SELECT count(*), count(*) FILTER (WHERE custseg.predict('grid', a) IS DISTINCT FROM custseg.predict(other, a)), count(*) FILTER (WHERE g.details IS DISTINCT FROM c.details), count(*) FILTER (WHERE custseg.predict('grid', a) <> g.segment)
    FROM asked a, LATERAL (SELECT d.segment, to_jsonb(d) AS details FROM custseg.predict_detail('grid', a) d) g, LATERAL (SELECT to_jsonb(d) AS details FROM custseg.predict_detail(other, a) d) c;
END;
SELECT * FROM differing('copy');
-- many rows at once, as a training places them: each is where predict() puts it, so that no number changes
SELECT n_segments FROM custseg.train('copy', 'asked', '{x,y}', algorithm => 'dbscan', prep => '{"scale": "none"}', options => '{"eps": 1, "min_samples": 4}');
SELECT n_segments FROM custseg.train('grid', 'asked', '{x,y}', algorithm => 'dbscan', prep => '{"scale": "none"}', options => '{"eps": 1, "min_samples": 4}');
SELECT count(*) AS segments, count(*) FILTER (WHERE c = g) AS alike FROM (SELECT segment, name, n FROM custseg.segment WHERE model = 'copy' AND version = 2) c FULL JOIN (SELECT segment, name, n FROM custseg.segment WHERE model = 'grid' AND version = 2) g USING (segment);
-- a dump from before there were these columns has the points in the json
UPDATE custseg.model_version v SET parameters = custseg.scorer('copy')::jsonb -> 'parameters', points = NULL, point_segments = NULL, point_places = NULL WHERE model = 'copy' AND version = 1;
SELECT * FROM differing('copy');
SELECT e -> 'versions' -> 0 -> 'definition' = custseg.scorer('copy')::jsonb AS definition FROM custseg.export_model('copy', 1) e;
-- places that are none of these points are not used, and arrays that are no points do not get in
CREATE TABLE kept AS SELECT points, point_segments AS segments, point_places AS places FROM custseg.model_version WHERE model = 'grid' AND version = 1;
CREATE FUNCTION with_columns(points float8[], segments int[], places int[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    UPDATE custseg.model_version v SET points = with_columns.points, point_segments = with_columns.segments, point_places = with_columns.places WHERE v.model = 'copy' AND v.version = 1;
    RETURN outcome('SELECT d::text FROM differing(''copy'') d');
END
$$;
SELECT f.what, with_columns(coalesce(f.points, k.points), coalesce(f.segments, k.segments), f.places) AS outcome
FROM kept k, LATERAL (VALUES
    (1, 'its own places', NULL::float8[], NULL::int[], k.places),
    (2, 'one lacks', NULL, NULL, array_remove(k.places, 5)),
    (3, 'one twice', NULL, NULL, k.places || 0),
    (4, 'one beyond', NULL, NULL, k.places || 999999),
    (5, 'one below', NULL, NULL, k.places || -2),
    (6, 'a null', NULL, NULL, k.places || NULL::int),
    (7, 'none', NULL, NULL, '{}'),
    (8, 'of two dimensions', NULL, NULL, ARRAY[k.places, k.places]),
    (9, 'many free ones', NULL, NULL, array_fill(-1, ARRAY[100]) || k.places || array_fill(-1, ARRAY[71])),
    (10, 'in another order', NULL, NULL, (SELECT array_agg(p ORDER BY hashint4(p), p) FROM unnest(k.places) p)),
    (11, 'points in one dimension', '{1,2,3}', NULL, NULL),
    (12, 'points of one number', (SELECT array_agg(ARRAY[p] ORDER BY i) FROM unnest(k.points) WITH ORDINALITY u (p, i) WHERE i % 2 = 1), NULL, NULL),
    (13, 'points of NaN', (SELECT array_agg(ARRAY[0, 'NaN'::float8]) FROM unnest(k.segments)), NULL, NULL),
    (14, 'points of infinity', (SELECT array_agg(ARRAY[0, '-Infinity'::float8]) FROM unnest(k.segments)), NULL, NULL),
    (15, 'points of null', (SELECT array_agg(ARRAY[0, NULL::float8]) FROM unnest(k.segments)), NULL, NULL),
    (16, 'no points', '{}', NULL, NULL),
    (17, 'no points, and no segments of them', '{}', '{}', NULL),
    (18, 'a segment too few', NULL, k.segments[2:], NULL),
    (19, 'a segment that there is not', NULL, k.segments[2:] || 99, NULL),
    (20, 'noise', NULL, k.segments[2:] || 0, NULL),
    (21, 'a null as a segment', NULL, k.segments[2:] || NULL::int, NULL)
) f (n, what, points, segments, places)
ORDER BY f.n;

SELECT count(custseg.drop_model(name, whole => true)) FROM custseg.model;
DROP VIEW few;
DROP FUNCTION differing, with_columns, places;
DROP TABLE points, moons, line, genuine, crowd, prints, digits, places, shifted, grid, asked, kept;
DROP FUNCTION agreement, degenerate;
\i :root/test/clean.sql
