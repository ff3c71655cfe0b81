-- k-means: agreement with scikit-learn 1.2.1, degenerate data, and the same model every time.

\set SHOW_CONTEXT never
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

CREATE TABLE six (id int PRIMARY KEY, x int, y int);
INSERT INTO six VALUES (1, 1, 2), (2, 1, 4), (3, 1, 0), (4, 10, 2), (5, 10, 4), (6, 10, 0);

CREATE TABLE points AS
SELECT i AS id, i * 37 % 101 AS x, i * 53 % 89 AS y, i * i % 23 AS z, i % 5 + 0.5 AS weight,
    CASE WHEN i % 4 <> 0 THEN i % 5 + 0.5 ELSE 0 END AS some_weight
FROM generate_series(1, 120) i;

CREATE TABLE line (id int, x int, weight float8);
INSERT INTO line VALUES (1, 0, 1), (2, 1, 1), (3, 2, 1), (4, 3, 1), (5, 10, 2), (6, 11, 2), (7, 12, 2),
(8, 30, 3), (9, 31, 3), (10, 50, 0.5);

CREATE TABLE plane AS
SELECT i AS id, i * 37 % 101 AS x, i * 53 % 89 AS y FROM generate_series(1, 40) i;

-- Golden numbers: scikit-learn, from the same start.  Starts are off the grid of the points, so that
-- no point is as near to one center as to another: a tie is custseg's lowest index, rounding's choice there.

-- Train and compare with inertia_, n_iter_ and labels_ (a digit for each row in the order of id) of
-- KMeans(n_clusters=len(init), init=init, n_init=1, tol=0).fit(X).  Labels agree when each label
-- goes with one segment and each segment with one label.
CREATE FUNCTION agreement(source text, features text[], prep jsonb, options jsonb, inertia float8, n_iter int, labels text)
RETURNS TABLE (k int, same_inertia bool, same_n_iter bool, same_labels bool, same_counts bool, converged bool)
LANGUAGE plpgsql AS $$
DECLARE
    t record;
BEGIN
    t := custseg.train('agreement', source, features, prep => prep, options => options);
    EXECUTE format('CREATE TEMP TABLE scored AS
        SELECT custseg.predict(''agreement'', s) AS segment, substr($1, s.id, 1) AS label, to_jsonb(s) ->> $2 AS weight
        FROM %I s', source)
    USING labels, options ->> 'weight';
    RETURN QUERY
        SELECT t.n_segments, abs(t.inertia - inertia) <= 1e-12 * inertia, t.iterations = n_iter,
            t.n_segments = ALL (ARRAY[count(DISTINCT label), count(DISTINCT segment), count(DISTINCT (label, segment))]),
            (SELECT array_agg(g.n ORDER BY g.segment) FROM custseg.segment g WHERE g.model = 'agreement') =
                (SELECT array_agg(c.n ORDER BY c.segment)
                 FROM (SELECT d.segment, count(*) AS n FROM scored d WHERE d.weight IS DISTINCT FROM '0' GROUP BY 1) c),
            t.converged
        FROM scored;
    DROP TABLE scored;
    PERFORM custseg.drop_model('agreement', whole => true);
END
$$;

-- the six points of scikit-learn's own documentation
SELECT * FROM agreement('six', '{x,y}', '{"scale": "none"}',
    '{"init": [[1,2],[10,2]], "tol": 0}',
    inertia => 16.0, n_iter => 1, labels =>
        '000111');

-- three centers
SELECT * FROM agreement('points', '{x,y,z}', '{"scale": "none"}',
    '{"init": [[0.1,0.2,0.3],[50.3,50.1,10.7],[100.9,80.4,20.2]], "tol": 0}',
    inertia => 77725.68475801381, n_iter => 13, labels =>
        '12101022010010120121201212212202001022010020121121211212102201002012010120121221'
        '2102022022010120121201211212102001002012');

-- five
SELECT * FROM agreement('points', '{x,y,z}', '{"scale": "none"}',
    '{"init": [[10.1,10.7,10.3],[90.3,10.2,10.4],[10.6,80.9,10.1],[90.2,80.3,10.8],[50.7,40.1,0.2]], "tol": 0}',
    inertia => 41613.04126705651, n_iter => 4, labels =>
        '41243213032030230312404124121341243013030030212412124124321303003033030210412412'
        '1241243013030230312402124124341243013031');

-- tol: KMeans(tol=0.05) stops when the squared shift is 5 % of the mean variance
SELECT * FROM agreement('points', '{x,y,z}', '{"scale": "none"}',
    '{"init": [[0.1,0.2,0.3],[50.3,50.1,10.7],[100.9,80.4,20.2]], "tol": 0.05}',
    inertia => 93669.88283755317, n_iter => 6, labels =>
        '12012012010020120121201201201212012012010020121121201201201202012012010120120121'
        '2012012012020120121101201201202012012012');

-- max_iter: KMeans(max_iter=2)
SELECT * FROM agreement('points', '{x,y,z}', '{"scale": "none"}',
    '{"init": [[10.1,10.7,10.3],[90.3,10.2,10.4],[10.6,80.9,10.1],[90.2,80.3,10.8],[50.7,40.1,0.2]], "tol": 0, "max_iter": 2}',
    inertia => 41669.87121310082, n_iter => 2, labels =>
        '41243213032030230312404124121341243013030030212412124124321303003033030210412412'
        '1241243013030230312402124124341243013031');

-- standardized: StandardScaler(); init is in model space
SELECT * FROM agreement('points', '{x,y,z}', '{}',
    '{"init": [[-1,-1,-1],[0,0,0],[1,1,1]], "tol": 0}',
    inertia => 203.64371786330304, n_iter => 9, labels =>
        '10021002010010210121101112212122001022020210111122101200100221002011010120212220'
        '0022021201010120121201110220202001001021');

-- weights: fit(sample_weight=weight)
SELECT * FROM agreement('points', '{x,y,z}', '{"scale": "none"}',
    '{"init": [[0.1,0.2,0.3],[50.3,50.1,10.7],[100.9,80.4,20.2]], "tol": 0, "weight": "weight"}',
    inertia => 181338.49878649611, n_iter => 7, labels =>
        '01012012020120220210200101101201012012020120210210100101201202012022020010210110'
        '1001012012020220210200100101201002012022');

-- rows of weight 0 take no part, but can be scored
SELECT * FROM agreement('points', '{x,y,z}', '{"scale": "none"}',
    '{"init": [[0.1,0.2,0.3],[50.3,50.1,10.7],[100.9,80.4,20.2]], "tol": 0, "weight": "some_weight"}',
    inertia => 127933.22631631834, n_iter => 6, labels =>
        '01002012020020210212102101101201012012020120212212100101201202012021020210210110'
        '1001012012020220212202100101201002012021');

-- empty clusters: two centers too far away to get a row take those farthest from their own
SELECT * FROM agreement('line', '{x}', '{"scale": "none"}',
    '{"init": [[0],[1000],[2000]], "tol": 0}',
    inertia => 162.21428571428572, n_iter => 3, labels =>
        '0000000221');

-- the same start for all
SELECT * FROM agreement('line', '{x}', '{"scale": "none"}',
    '{"init": [[5],[5],[5]], "tol": 0}',
    inertia => 162.21428571428572, n_iter => 3, labels =>
        '0000000221');

-- three of four are empty
SELECT * FROM agreement('line', '{x}', '{"scale": "none"}',
    '{"init": [[0],[100],[200],[300]], "tol": 0}',
    inertia => 161.71428571428572, n_iter => 2, labels =>
        '0000000321');

-- weighted
SELECT * FROM agreement('line', '{x}', '{"scale": "none"}',
    '{"init": [[0],[1000],[2000]], "tol": 0, "weight": "weight"}',
    inertia => 227.09999999999997, n_iter => 3, labels =>
        '0000000221');

-- in the plane
SELECT * FROM agreement('plane', '{x,y}', '{"scale": "none"}',
    '{"init": [[0,0],[1,1],[500,500],[600,600],[700,-700]], "tol": 0}',
    inertia => 11444.662337662337, n_iter => 9, labels =>
        '4041240312412123120401404104031041210312');

-- all six at one place
SELECT * FROM agreement('plane', '{x,y}', '{"scale": "none"}',
    '{"init": [[50,40],[50,40],[50,40],[50,40],[50,40],[50,40]], "tol": 0}',
    inertia => 9988.48611111111, n_iter => 7, labels =>
        '0503105132034324325043050450513503135432');

-- one feature
SELECT * FROM agreement('line', '{x}', '{"scale": "none"}',
    '{"init": [[0],[20],[40]], "tol": 0}',
    inertia => 261.0, n_iter => 4, labels =>
        '0000111222');

-- ties go to the lowest index: 5 is as near to 0 as to 10
SELECT n_segments, inertia, iterations FROM custseg.train('tie', 'VALUES (0), (5), (10), (10)', '{column1}', prep => '{"scale": "none"}',
    options => '{"init": [[0], [10]], "max_iter": 1, "tol": 0}');
SELECT n, center FROM custseg.segment WHERE model = 'tie' ORDER BY center;
SELECT custseg.drop_model('tie', whole => true);

-- The measures of the six points: silhouette_score(X, labels) is 0.7133477791749615

SELECT n_rows, n_skipped, n_segments, inertia, round(silhouette::numeric, 15) AS silhouette, iterations, converged, deployed
FROM custseg.train('six', 'six', '{x,y}', k => 2, prep => '{"scale": "none"}');
SELECT segment, n, share, round(mean_distance::numeric, 9) AS mean_distance, round(spread::numeric, 9) AS spread, profile -> 'y' AS y
FROM custseg.segment
WHERE model = 'six' ORDER BY segment;
SELECT metrics - '{read_milliseconds,prepare_milliseconds,fit_milliseconds}'::text[] ? 'inertia' AS has_inertia,
    round((metrics ->> 'between_share')::numeric, 9) AS between_share,
    round((metrics ->> 'mean_distance')::numeric, 9) AS mean_distance, metrics -> 'silhouette_sample' AS silhouette_sample
FROM custseg.model_version WHERE model = 'six';
SELECT id, custseg.predict('six', s) = custseg.predict('six', f) AS with_the_first
FROM six s, (SELECT x, y FROM six WHERE id = 1) f
ORDER BY id;
SELECT custseg.drop_model('six', whole => true);

-- silhouette_score of the five centers' labels is 0.34316851450122565
SELECT round(silhouette::numeric, 12) AS silhouette
FROM custseg.train('points', 'points', '{x,y,z}', prep => '{"scale": "none"}',
    options => '{"init": [[10.1,10.7,10.3],[90.3,10.2,10.4],[10.6,80.9,10.1],[90.2,80.3,10.8],[50.7,40.1,0.2]]}');
SELECT custseg.drop_model('points', whole => true);

-- Options are stored, defaults filled in

SELECT n_segments FROM custseg.train('points', 'points', '{x,y}', k => 2);
SELECT jsonb_pretty(options) AS options, seed FROM custseg.model_version WHERE model = 'points';
SELECT custseg.drop_model('points', whole => true);
SELECT n_segments FROM custseg.train('points', 'points', '{x,y}', options =>
    '{"seed": 7, "n_init": 3, "max_iter": 50, "tol": 0, "algorithm": "elkan", "init": [[0.1, 1e-9], [1, -2.5]], "weight": "weight", "silhouette_sample": 0}');
SELECT options, seed, metrics -> 'silhouette' AS silhouette FROM custseg.model_version WHERE model = 'points';
SELECT custseg.drop_model('points', whole => true);

-- Degenerate data

-- k = 1: the mean, and the total sum of squares, 183517.058333333
SELECT n_segments, round(inertia::numeric, 9) AS inertia, silhouette, converged
FROM custseg.train('points', 'points', '{x,y,z}', k => 1, prep => '{"scale": "none"}');
SELECT n, share, round(center[1]::numeric, 9) AS x, round(center[2]::numeric, 9) AS y, round(center[3]::numeric, 9) AS z
FROM custseg.segment WHERE model = 'points';
SELECT metrics ->> 'between_share' AS between_share FROM custseg.model_version WHERE model = 'points';
SELECT avg(x) AS x, avg(y) AS y, avg(z) AS z FROM points;
SELECT custseg.predict('points', p) AS segment, count(*) FROM points p GROUP BY 1;
SELECT segment, runner_up, distance > 0 AS away, confidence, memberships
FROM points p, custseg.predict_detail('points', p) WHERE id = 1;
SELECT custseg.drop_model('points', whole => true);

-- k = n: every row is its own center
SELECT n_segments, inertia, silhouette, converged FROM custseg.train('points', 'points', '{x,y,z}', k => 120);
SELECT count(DISTINCT custseg.predict('points', p)) FROM points p;
SELECT count(*), min(n), max(n), max(spread) FROM custseg.segment WHERE model = 'points';
SELECT custseg.drop_model('points', whole => true);

-- two rows; one row
SELECT n_rows, n_segments, inertia, converged FROM custseg.train('few', 'SELECT x, y FROM six WHERE id IN (1, 5)', k => 2);
SELECT custseg.drop_model('few', whole => true);
SELECT n_rows, n_segments, inertia FROM custseg.train('few', 'SELECT x, y FROM six WHERE id = 1', '{x,y}', k => 1);
SELECT n_rows FROM custseg.train('few', 'SELECT x, y FROM six', k => 7);

-- duplicates: as many segments as there are distinct rows, and no more
CREATE TABLE duplicates AS
SELECT i % 3 AS x, i % 3 * 10 AS y FROM generate_series(1, 30) i;
SELECT n_rows, n_segments, inertia, round(silhouette::numeric, 9) AS silhouette, converged
FROM custseg.train('duplicates', 'duplicates', '{x,y}', k => 3);
SELECT segment, n FROM custseg.segment WHERE model = 'duplicates' ORDER BY segment;
SELECT n_rows, n_segments, inertia, converged FROM custseg.train('duplicates', 'duplicates', '{x,y}', k => 5);
SELECT segment, n FROM custseg.segment WHERE model = 'duplicates' AND version = 2 ORDER BY segment;
SELECT n_rows, n_segments, inertia, converged FROM custseg.train('duplicates', 'duplicates', '{x,y}', k => 30, options => '{"algorithm": "hamerly"}');
SELECT n_rows, n_segments, inertia, converged FROM custseg.train('duplicates', 'duplicates', '{x,y}', k => 30, options => '{"algorithm": "elkan"}');
SELECT n_segments, round(inertia::numeric, 12) AS inertia FROM custseg.train('duplicates', 'duplicates', '{x,y}',
    options => '{"init": [[0,0],[0,0],[0,0],[0,0],[9,9]]}');
SELECT custseg.drop_model('duplicates', whole => true);
DROP TABLE duplicates;

-- a constant column among others changes nothing
SELECT n_segments, round(inertia::numeric, 9) AS inertia FROM custseg.train('points', 'points', '{x,y,z}', k => 4);
SELECT n_segments, round(inertia::numeric, 9) AS inertia FROM custseg.train('constant', 'SELECT *, 42 AS c FROM points', '{x,c,y,z}', k => 4);
SELECT count(DISTINCT (custseg.predict('points', p), custseg.predict('constant', p))) FROM (SELECT *, 42 AS c FROM points) p;
SELECT custseg.drop_model('points', whole => true), custseg.drop_model('constant', whole => true);

-- not converged: a model, and a warning
SELECT n_segments, iterations, converged FROM custseg.train('points', 'points', '{x,y,z}', k => 5, options => '{"max_iter": 1, "n_init": 1, "tol": 0}');
SELECT sum(n) FROM custseg.segment WHERE model = 'points';
SELECT bool_and(s.n = (SELECT count(*) FROM points p WHERE custseg.predict('points', p) = s.segment)) AS same_counts
FROM custseg.segment s WHERE s.model = 'points';
SELECT custseg.drop_model('points', whole => true);

-- large offsets cost no digits: the same points a billion away
SELECT n_segments, round(inertia::numeric, 3) AS inertia
FROM custseg.train('points', 'points', '{x,y,z}', prep => '{"scale": "none"}', options => '{"init": [[0,0,0],[50,50,10],[100,80,20]], "tol": 0}');
SELECT n_segments, round(inertia::numeric, 3) AS inertia
FROM custseg.train('far', 'SELECT id, x + 1e9::float8 AS x, y - 1e9::float8 AS y, z + 1e9::float8 AS z FROM points', '{x,y,z}', prep => '{"scale": "none"}',
    options => '{"init": [[1000000000,-1000000000,1000000000],[1000000050,-999999950,1000000010],[1000000100,-999999920,1000000020]], "tol": 0}');
SELECT count(DISTINCT (custseg.predict('points', p), custseg.predict('far', f)))
FROM points p JOIN (SELECT id, x + 1e9::float8 AS x, y - 1e9::float8 AS y, z + 1e9::float8 AS z FROM points) f USING (id);
SELECT custseg.drop_model('points', whole => true), custseg.drop_model('far', whole => true);

-- a whole weight is as many rows
SELECT n_rows, n_segments, round(inertia::numeric, 6) AS inertia FROM custseg.train('weighted', 'SELECT *, id % 3 + 1 AS times FROM points', '{x,y,z}',
    prep => '{"scale": "none"}', options => '{"init": [[0,0,0],[50,50,10],[100,80,20]], "tol": 0, "weight": "times"}');
SELECT n_rows, n_segments, round(inertia::numeric, 6) AS inertia FROM custseg.train('repeated', 'SELECT p.* FROM points p, generate_series(1, id % 3 + 1)', '{x,y,z}',
    prep => '{"scale": "none"}', options => '{"init": [[0,0,0],[50,50,10],[100,80,20]], "tol": 0}');
SELECT count(DISTINCT (custseg.predict('weighted', p), custseg.predict('repeated', p))) FROM points p;
SELECT custseg.drop_model('weighted', whole => true), custseg.drop_model('repeated', whole => true);
-- rows without a weight are left out and counted; the weight is no feature unless it is named
SELECT n_rows, n_skipped FROM custseg.train('weighted', 'SELECT id, x, y, nullif(some_weight, 1.5) AS w FROM points', k => 3, id => 'id', options => '{"weight": "w"}');
SELECT skipped FROM custseg.model_version WHERE model = 'weighted';
SELECT name FROM custseg.feature WHERE model = 'weighted' ORDER BY position;
SELECT custseg.drop_model('weighted', whole => true);
-- weights too large to be summed
SELECT n_rows FROM custseg.train('weighted', 'SELECT x, y, 1e308::float8 AS w FROM points', '{x,y}', k => 3, options => '{"weight": "w"}');

-- k is chosen where none is given: three heaps
CREATE TABLE heaps AS
SELECT i AS id, i % 3 * 20 + i * 37 % 7 * 0.5 AS x, i % 3 * i % 3 * 30 + i * 53 % 11 * 0.5 AS y FROM generate_series(1, 90) i;
SELECT n_segments, round(silhouette::numeric, 6) AS silhouette FROM custseg.train('heaps', 'heaps', '{x}');
SELECT custseg.drop_model('heaps', whole => true);
DROP TABLE heaps;

-- The same model, every time

CREATE TABLE crowd AS
SELECT i AS id, (i::bigint * 7919 % 10007)::float8 / 1000 AS a, (i::bigint * 104729 % 9973)::float8 / 997 AS b,
    CASE WHEN i % 19 <> 0 THEN ((i::bigint * i) % 7717)::float8 / 771 END AS c, i % 5 AS d, 'l' || i * 31 % 4 AS e
FROM generate_series(1, 21000) i;
ANALYZE crowd;

-- whatever the workers (enough rows for them to be used): 0, 1, 2, 4
CREATE TABLE prints (workers int, what text, print text);
SET max_parallel_maintenance_workers = 0;
INSERT INTO prints
SELECT 0, o, training_fingerprint('crowd', '{a,b,c,d,e}', 6, options => o::jsonb) FROM unnest('{"{\"n_init\": 3}","{\"n_init\": 2, \"algorithm\": \"lloyd\"}","{\"n_init\": 2, \"algorithm\": \"hamerly\", \"weight\": \"d\"}","{\"n_init\": 1, \"algorithm\": \"elkan\"}"}'::text[]) o;
SET max_parallel_maintenance_workers = 1;
INSERT INTO prints
SELECT 1, what, training_fingerprint('crowd', '{a,b,c,d,e}', 6, options => what::jsonb) FROM prints WHERE workers = 0;
SET max_parallel_maintenance_workers = 2;
INSERT INTO prints
SELECT 2, what, training_fingerprint('crowd', '{a,b,c,d,e}', 6, options => what::jsonb) FROM prints WHERE workers = 0;
-- which find their tasks wherever names of libraries are looked for
SET dynamic_library_path = '/nowhere';
SET max_parallel_maintenance_workers = 4;
INSERT INTO prints
SELECT 4, what, training_fingerprint('crowd', '{a,b,c,d,e}', 6, options => what::jsonb) FROM prints WHERE workers = 0;
SELECT what, count(*), count(DISTINCT print) FROM prints GROUP BY what ORDER BY what COLLATE "C";

-- whatever the memory, of which one start at a time needs the least
SELECT count(*), count(DISTINCT print) FROM (
    SELECT set_config('maintenance_work_mem', m, true),
        training_fingerprint('crowd', '{a,b,c,d}', 30, options => '{"n_init": 8, "algorithm": "elkan", "max_iter": 6}')
    FROM unnest('{1GB,5MB}'::text[]) m) p (setting, print);
SELECT outcome($$SELECT set_config('maintenance_work_mem', '3MB', true), custseg.train('least', 'crowd', '{a,b,c,d}', 30, options => '{"algorithm": "elkan", "engine": "local"}')$$) ~ '^54000 ' AS too_little;

-- the whole preparation, too
SET max_parallel_maintenance_workers = 0;
SELECT n_rows FROM custseg.train('alone', 'crowd', '{a,b,c,d,e}', k => 4, options => '{"n_init": 1}',
    prep => '{"impute": "knn", "clip": "quantile", "transform": "yeo-johnson", "scale": "robust", "pca": 0.95}');
SET max_parallel_maintenance_workers = 2;
SELECT n_rows FROM custseg.train('together', 'crowd', '{a,b,c,d,e}', k => 4, options => '{"n_init": 1}',
    prep => '{"impute": "knn", "clip": "quantile", "transform": "yeo-johnson", "scale": "robust", "pca": 0.95}');
RESET max_parallel_maintenance_workers;
SELECT count(*) FROM (SELECT DISTINCT reduction, donors, options, iterations, n_rows, n_segments FROM custseg.model_version) v;
SELECT count(*), count(DISTINCT (prep, quantiles, mean, standard_deviation)) FROM custseg.feature;
SELECT count(*), count(DISTINCT (segment, n, center, profile_values)) FROM custseg.segment;
SELECT custseg.drop_model('alone', whole => true), custseg.drop_model('together', whole => true);

-- whatever the algorithm
SELECT o.k, o.features, count(*) AS algorithms, count(DISTINCT training_fingerprint('SELECT * FROM crowd WHERE id <= 3000', o.features, o.k,
    options => jsonb_build_object('algorithm', a.algorithm, 'n_init', 2))) AS models
FROM (VALUES (3, '{a,b}'::text[]), (12, '{a,b,c,d,e}'), (40, '{a,b,c}'), (2, '{a}')) o (k, features)
CROSS JOIN unnest('{auto,lloyd,hamerly,elkan}'::text[]) a (algorithm)
GROUP BY o.k, o.features
ORDER BY o.k;

-- and where late passes read some of many rows in single precision, as one of them has kept them
SET client_min_messages = warning;
SELECT count(DISTINCT training_fingerprint('crowd', '{a,b,c,d}', 5,
    options => jsonb_build_object('algorithm', algorithm, 'n_init', 10, 'tol', 0))) AS models
FROM unnest('{lloyd,hamerly}'::text[]) algorithm;
-- of starts one after the other each keeps its own rows, where those before kept theirs
SELECT count(*), sum(models) AS models FROM (
    SELECT seed, count(DISTINCT print) AS models
    FROM (SELECT seed, set_config('maintenance_work_mem', m, true),
              training_fingerprint('crowd', '{a,b,c,d}', 12, options => format('{"algorithm": "lloyd", "n_init": 10, "tol": 0, "engine": "local", "seed": %s}', seed)::jsonb)
          FROM generate_series(1, 6) seed, unnest('{1GB,1500kB}'::text[]) m) p (seed, setting, print)
    GROUP BY seed) s;
RESET client_min_messages;

-- ties, rows far from the origin, an outlier that makes all else look like one point
SELECT o.source, count(DISTINCT training_fingerprint(o.query, '{a,b}', 6,
    options => jsonb_build_object('algorithm', a.algorithm, 'n_init', 2))) AS models
FROM (VALUES ('lattice', 'SELECT i AS id, i % 40 AS a, i / 40 % 40 AS b FROM generate_series(0, 3199) i'),
    ('far away', 'SELECT i AS id, 1e12 + i % 40 AS a, -1e9 + i / 40 / 8.0 AS b FROM generate_series(0, 1599) i'),
    ('outlier', 'SELECT i AS id, CASE i WHEN 77 THEN 1e12 ELSE i % 40 END AS a, i / 40 % 7 AS b FROM generate_series(0, 1599) i'),
    ('tiny', 'SELECT i AS id, 1e-100 * (i % 40) AS a, i / 40 * 1e-105 AS b FROM generate_series(0, 1599) i')) o (source, query)
CROSS JOIN unnest('{lloyd,hamerly,elkan}'::text[]) a (algorithm)
GROUP BY o.source
ORDER BY o.source;

-- and with so many segments that rows keep margins, until no label changes
SET client_min_messages = error;
SELECT o.source, count(DISTINCT training_fingerprint(o.query, o.features, o.k, prep => o.prep,
    options => jsonb_build_object('algorithm', a.algorithm, 'n_init', 2, 'tol', 0) || o.options)) AS models
FROM (VALUES ('weights', 'crowd', '{a,b,c}'::text[], 24, '{}'::jsonb, '{"weight": "d"}'::jsonb),
    ('one start', 'crowd', '{a,b,c,e}', 20, '{}', '{"n_init": 1, "seed": 7}'),
    ('lattice', 'SELECT i AS id, i % 40 AS a, i / 40 % 40 AS b FROM generate_series(0, 3199) i', '{a,b}', 30, '{}', '{}'),
    ('far away', 'SELECT i AS id, 1e12 + i % 40 AS a, -1e9 + i / 40 / 8.0 AS b FROM generate_series(0, 1599) i', '{a,b}', 30, '{"scale": "none"}', '{}'),
    ('outlier', 'SELECT i AS id, CASE i WHEN 77 THEN 1e5 ELSE i % 40 + sin(i) END AS a, i / 40 % 7 + cos(i * i) AS b FROM generate_series(0, 3999) i', '{a,b}', 30, '{"scale": "none"}', '{}'),
    ('enormous outlier', 'SELECT i AS id, CASE i WHEN 77 THEN 1e140 ELSE i % 40 END AS a, i / 40 % 7 AS b FROM generate_series(0, 1599) i', '{a,b}', 30, '{"scale": "none"}', '{}'),
    ('tiny', 'SELECT i AS id, 1e-120 * (i % 40 + sin(i)) AS a, i / 40 * 1e-121 AS b FROM generate_series(0, 1599) i', '{a,b}', 30, '{"scale": "none"}', '{}'),
    ('as many as distinct rows', 'SELECT i AS id, i % 36 AS a, i % 36 * i % 4 AS b FROM generate_series(0, 1599) i', '{a,b}', 36, '{}', '{}')) o (source, query, features, k, prep, options)
CROSS JOIN unnest('{lloyd,hamerly}'::text[]) a (algorithm)
GROUP BY o.source
ORDER BY o.source COLLATE "C";
RESET client_min_messages;

-- and with so many rows that they are looked at in integers, where the processor has instructions for that
SET client_min_messages = error;
SELECT o.source, count(DISTINCT training_fingerprint(o.query, o.features, o.k, prep => '{"scale": "none"}',
    options => jsonb_build_object('algorithm', a.algorithm, 'n_init', 2, 'max_iter', 60, 'tol', 0, 'silhouette_sample', 0))) AS models
FROM (VALUES ('lattice', 'SELECT i AS id, i % 90 AS a, i / 90 % 110 AS b FROM generate_series(0, 9899) i', '{a,b}'::text[], 9),
    ('three columns', 'SELECT i AS id, sin(i) AS a, cos(i * 1.7) AS b, sin(i * i) AS c FROM generate_series(0, 9999) i', '{a,b,c}', 4),
    ('one column', 'SELECT i AS id, sin(i) + i % 3 AS a FROM generate_series(0, 9999) i', '{a}', 5),
    ('heavy tails', 'SELECT i AS id, exp(6 * sin(i)) AS a, tan(i * 1.3) AS b, exp(4 * cos(i * 0.7)) AS c FROM generate_series(0, 9999) i', '{a,b,c}', 40),
    ('far away', 'SELECT i AS id, 1e12 + i % 40 AS a, -1e9 + i / 40 / 8.0 AS b FROM generate_series(0, 9999) i', '{a,b}', 12),
    ('far center', 'SELECT i AS id, CASE WHEN i % 500 = 0 THEN 1e3 + i % 7 ELSE sin(i) END AS a, cos(i * 1.7) AS b, 0 AS c FROM generate_series(0, 9999) i', '{a,b,c}', 40),
    ('enormous outlier', 'SELECT i AS id, CASE i WHEN 77 THEN 1e140 ELSE i % 40 END AS a, i / 40 % 7 AS b FROM generate_series(0, 9999) i', '{a,b}', 8),
    ('tiny', 'SELECT i AS id, 1e-120 * (i % 40 + sin(i)) AS a, i / 40 * 1e-121 AS b FROM generate_series(0, 9999) i', '{a,b}', 13)) o (source, query, features, k)
CROSS JOIN unnest('{lloyd,hamerly}'::text[]) a (algorithm)
GROUP BY o.source
ORDER BY o.source COLLATE "C";
RESET client_min_messages;

-- whatever was trained before, and however often; a seed is a model, another seed is another start
SELECT count(DISTINCT training_fingerprint('SELECT * FROM crowd WHERE id <= 2000', '{a,b,c}', 8, options => '{"n_init": 1, "seed": 1, "max_iter": 1000}')) AS one
FROM generate_series(1, 3);
SELECT count(DISTINCT training_fingerprint('SELECT * FROM crowd WHERE id <= 2000', '{a,b,c}', 8, options => jsonb_build_object('n_init', 1, 'seed', seed))) > 3 AS several
FROM unnest('{0,1,-1,42,9007199254740992,-9007199254740992}'::bigint[]) seed;
SELECT training_fingerprint('SELECT * FROM crowd WHERE id <= 2000', '{a,b,c}', 8, options => '{}') =
    training_fingerprint('SELECT * FROM crowd WHERE id <= 2000', '{a,b,c}', 8, options => '{"seed": 42}') AS default_is_42;
-- more starts are never worse
SELECT (SELECT inertia FROM custseg.train('one', 'crowd', '{a,b,c}', k => 7, options => '{"n_init": 1}')) >=
    (SELECT inertia FROM custseg.train('ten', 'crowd', '{a,b,c}', k => 7, options => '{"n_init": 10}')) AS not_worse;
SELECT custseg.drop_model('one', whole => true), custseg.drop_model('ten', whole => true);

-- an empty cluster does not take the only row of another one, which would be empty in its place
SELECT n_segments FROM custseg.train('sole', 'SELECT * FROM (VALUES (-12256.47454461, 3.25), (56244.77996017, 10), (-98748.99928563, 2),
    (-56089.2388801, 3.25), (-79384.09794652, 3.25)) v (x, w)', '{x}', 5, prep => '{"scale": "none"}', options => '{"n_init": 1, "tol": 0,
    "weight": "w", "init": [[-17979.91031878], [-39104.1915055], [26898.14149173], [-79383.30760896], [-37547.9603151]]}');
SELECT custseg.drop_model('sole', whole => true);

DROP FUNCTION agreement;
RESET dynamic_library_path;
DROP TABLE six, points, line, plane, crowd, prints;
\i :root/test/clean.sql
