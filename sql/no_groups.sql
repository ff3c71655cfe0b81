-- train with k tells of rows without groups, and never says anything else than clusterability; also of rows at the edge.

\set SHOW_CONTEXT never
SET client_min_messages = warning;

-- What both say of the same rows; "agree" is NULL where training leaves it open.
CREATE FUNCTION two_answers(source text, k int DEFAULT 3, options jsonb DEFAULT '{}', OUT train text, OUT clusterability text, OUT agree bool) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM custseg.train('two answers', source, k => k, options => options);
    SELECT v.metrics -> 'structure' ->> 'rating' INTO train FROM custseg.model_version v WHERE v.model = 'two answers';
    SELECT c.rating INTO clusterability FROM custseg.clusterability(source) c;
    agree := CASE WHEN train = 'none or weak' THEN clusterability IN ('none', 'weak') WHEN train <> 'not asked' THEN clusterability = train END;
    PERFORM custseg.drop_model('two answers', whole => true);
END $$;
CREATE FUNCTION u(i int, stream int) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN (hashint8extended(hashint8extended(i, stream), 0) & 1048575) / 1048576.0::float8;
CREATE FUNCTION z(i int, stream int) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN sqrt(-2 * ln(1 - u(i, stream))) * cosd(360 * u(i, stream + 100));

CREATE TABLE kinds (kind text, source text);
INSERT INTO kinds VALUES
('normal', 'SELECT z(i, 1) AS x, z(i, 2) AS y FROM generate_series(1, 300) i'),
('box', 'SELECT u(i, 1) AS x, u(i, 2) AS y, u(i, 3) AS z FROM generate_series(1, 300) i'),
('category', 'SELECT z(i, 1) AS x, (ARRAY[''a'', ''b'', ''c''])[1 + i % 3] AS c FROM generate_series(1, 300) i'),
('levels', 'SELECT floor(4 * u(i, 1)) AS x, floor(3 * u(i, 2)) AS y FROM generate_series(1, 300) i'),
('skewed', 'SELECT exp(z(i, 1)) AS x, exp(z(i, 2)) AS y FROM generate_series(1, 300) i'),
('groups', 'SELECT 6 * (i % 3) + z(i, 1) AS x, 6 * (i % 2) + z(i, 2) AS y FROM generate_series(1, 300) i'),
('groups that run into each other', 'SELECT 3.2 * (i % 2) + z(i, 1) AS x, z(i, 2) AS y FROM generate_series(1, 300) i'),
('groups along one of five columns', 'SELECT 4 * (i % 2) + z(i, 1) AS a, z(i, 2) AS b, z(i, 3) AS c, z(i, 4) AS d, z(i, 5) AS e FROM generate_series(1, 2000) i');
SELECT kind, a.* FROM kinds, two_answers(source) a;
-- a sample of more rows is the same sample; none of the options but the seed matters, nor does the algorithm
SELECT a.* FROM two_answers('SELECT u(i, 1) AS x, u(i, 2) AS y FROM generate_series(1, 5000) i', 4, '{"n_init": 1}') a;
SELECT t.algorithm, t.n_segments FROM unnest('{kmeans,gmm,hierarchical,kmedoids,minibatch}'::text[]) a, custseg.train('by ' || a, 'SELECT u(i, 1) AS x, u(i, 2) AS y FROM generate_series(1, 300) i', k => 3, algorithm => a) t;
SELECT count(DISTINCT metrics -> 'structure') AS answers, count(*) FROM custseg.model_version WHERE model LIKE 'by %';

-- counts without groups, of which half are looked at first: of 26 sources no more than two are left open, where a single set of rows without groups leaves six
SELECT count(t.version) FROM generate_series(1, 26) s, custseg.train('counts ' || s, format('SELECT floor(-1.5 * ln(1 - u(i, %s))) AS x, floor(-ln(1 - u(i, %s))) AS y FROM generate_series(1, 2000) i', s, s + 100), k => 2 + s % 4) t;
SELECT count(*) >= 24 AS told FROM custseg.model_version WHERE model LIKE 'counts %' AND metrics -> 'structure' ->> 'rating' = 'none or weak';
SELECT count(*) FROM custseg.model m, custseg.drop_model(m.name, whole => true) WHERE m.name LIKE 'counts %';
-- not asked: without silhouettes, of one segment, of segments that the algorithm finds or is given, and where rows or memory are short
SELECT a.* FROM two_answers('SELECT u(i, 1) AS x, u(i, 2) AS y FROM generate_series(1, 300) i', 3, '{"silhouette_sample": 0}') a;
SELECT a.* FROM two_answers('SELECT u(i, 1) AS x, u(i, 2) AS y FROM generate_series(1, 300) i', 1) a;
SET maintenance_work_mem = '1MB';
SELECT n_rows FROM custseg.train('short', 'SELECT u(i, 1) AS x, u(i, 2) AS y FROM generate_series(1, 20000) i', k => 3, algorithm => 'minibatch');
SELECT metrics -> 'structure' AS structure FROM custseg.model_version WHERE model = 'short';
RESET maintenance_work_mem;

-- at the edge: few rows, equal rows, constant columns, huge values, missing ones, weights of zero
INSERT INTO kinds
SELECT n || ' rows', format('SELECT i AS x, i * i AS y FROM generate_series(1, %s) i', n) FROM generate_series(3, 10) n;
INSERT INTO kinds VALUES
('equal rows', 'SELECT i % 3 AS x, i % 3 AS y FROM generate_series(1, 300) i'),
('one row apart', 'SELECT CASE WHEN i < 3 THEN i ELSE 3 END AS x, 1 AS y FROM generate_series(1, 300) i'),
('a constant column', 'SELECT z(i, 1) AS x, 7 AS y FROM generate_series(1, 300) i'),
('huge', 'SELECT 1e300 * z(i, 1) AS x, 1e300 * (i % 2) AS y FROM generate_series(1, 300) i'),
('one huge value', 'SELECT CASE WHEN i = 5 THEN 1e300 ELSE z(i, 1) END AS x, z(i, 2) AS y FROM generate_series(1, 300) i'),
('tiny', 'SELECT 1e-300 * z(i, 1) AS x, 1e-300 * z(i, 2) AS y FROM generate_series(1, 300) i'),
('far from zero', 'SELECT 1e12 + z(i, 1) AS x, z(i, 2) AS y FROM generate_series(1, 300) i'),
('missing values', 'SELECT CASE WHEN i % 2 = 0 THEN z(i, 1) END AS x, z(i, 2) AS y FROM generate_series(1, 300) i');
SELECT kind, a.* FROM kinds, two_answers(source) a WHERE kind ~ 'row|constant|huge|tiny|far|missing' ORDER BY kind COLLATE "C";
CREATE TABLE weighted AS SELECT z(i, 1) AS x, z(i, 2) AS y, CASE WHEN i % 2 = 0 THEN 0 ELSE 1 END AS w FROM generate_series(1, 300) i;
SELECT n_segments FROM custseg.train('weighted', 'weighted', '{x,y}', k => 3, options => '{"weight": "w"}');
-- the answer is of rows, not of their weights
SELECT v.metrics -> 'structure' ->> 'rating' AS train, c.rating AS clusterability FROM custseg.model_version v, custseg.clusterability('weighted', '{x,y}') c WHERE v.model = 'weighted';

SELECT custseg.drop_model(name, whole => true) FROM custseg.model;
DROP TABLE kinds, weighted;
DROP FUNCTION two_answers, u, z;
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
