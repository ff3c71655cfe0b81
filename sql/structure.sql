-- Structure of the rows: stability, clusterability, pca, select_features.

\set SHOW_CONTEXT never
SET client_min_messages = warning;

CREATE TABLE points AS
SELECT i AS id, i * 37 % 101 AS x, i * 53 % 89 AS y, i * i % 23 AS z, i % 5 + 0.5 AS w FROM generate_series(1, 120) i;

-- random numbers that are the same everywhere: uniform on (0, 1), and normal
CREATE FUNCTION uniform(i int, stream text) RETURNS float8 LANGUAGE sql IMMUTABLE
RETURN (('x' || left(md5(stream || i), 8))::bit(32)::bigint + 0.5) / 2 ^ 32;
CREATE FUNCTION normal(i int, stream text) RETURNS float8 LANGUAGE sql IMMUTABLE
RETURN sqrt(-2 * ln(uniform(i, stream || 'r'))) * cosd(360 * uniform(i, stream || 'a'));

-- Principal components: PCA() of scikit-learn 1.2.1 after StandardScaler()

CREATE TABLE golden (component text, eigenvalue float8, share float8, x float8, y float8, z float8, w float8);
INSERT INTO golden VALUES
('PC1', 1.2860187713740874, 0.318825487069826, -0.03783353190460667, 0.6858309890659955, -0.3098869114213072, -0.6573998634241903),
('PC2', 1.0413703386219115, 0.25817306311668237, 0.792666794871266, 0.11187497574423566, 0.5663841650313222, -0.19588853900244763),
('PC3', 0.9522872289107384, 0.23608787550078733, -0.607093461640819, 0.054843525071826105, 0.7486293261105647, -0.2607371256225424),
('PC4', 0.7539371064714113, 0.18691357431270414, -0.041054902327311966, 0.717016061184602, 0.15077536874031205, 0.6793152811319915);
SELECT p.component, abs(p.eigenvalue - g.eigenvalue) < 1e-12 AS eigenvalue, abs(p.variance_share - g.share) < 1e-12 AS share,
    abs(p.cumulative_share - sum(g.share) OVER (ORDER BY p.component)) < 1e-12 AS cumulative,
    greatest(abs((loadings ->> 'x')::float8 - x), abs((loadings ->> 'y')::float8 - y),
        abs((loadings ->> 'z')::float8 - z), abs((loadings ->> 'w')::float8 - w)) < 1e-12 AS loadings
FROM custseg.pca('points', '{x,y,z,w}') p JOIN golden g USING (component);
-- of two standardized columns the loadings are of one magnitude, so that the first one tells the sign, not their last bits
SELECT count(*) AS components, count(*) FILTER (WHERE p.loadings ->> 'x' LIKE '0.707%') AS positive
FROM generate_series(1, 20) s, custseg.pca(format('SELECT sin(i * %s) AS x, cos(i * i * %s) AS y FROM generate_series(1, 300) i', s, s), '{x,y}') p;
-- without a scale, PCA() of the columns as they are; with "pca" the components that it would keep
SELECT component, round(eigenvalue::numeric, 8) AS eigenvalue FROM custseg.pca('points', '{x,y,z,w}', '{"scale": "none"}');
SELECT count(*) AS two FROM custseg.pca('points', '{x,y,z,w}', '{"pca": 2}');
SELECT count(*) AS three, round(max(cumulative_share)::numeric, 6) FROM custseg.pca('points', '{x,y,z,w}', '{"pca": 0.8}');
-- categories by their levels, missing values imputed
SELECT component, round(variance_share::numeric, 4) AS share, (SELECT array_agg(k ORDER BY k COLLATE "C") FROM jsonb_object_keys(loadings) k) AS columns
FROM custseg.pca('SELECT x, CASE WHEN y > 5 THEN y END AS y, (ARRAY[''web'', ''shop''])[1 + z % 2] AS channel FROM points');
-- two rows; a line; one feature
SELECT component, round(eigenvalue::numeric, 9) AS eigenvalue, round(variance_share::numeric, 9) AS share FROM custseg.pca('VALUES (1, 5), (2, 7)');
SELECT component, round(eigenvalue::numeric, 9) AS eigenvalue, round(cumulative_share::numeric, 9) AS cumulative
FROM custseg.pca('SELECT i AS x, 2 * i AS y, 1 - i AS z FROM generate_series(1, 10000) i');
SELECT component, round(eigenvalue::numeric, 9) AS eigenvalue, variance_share, loadings FROM custseg.pca('points', '{x}');

-- Features to leave out

CREATE TABLE wide AS
SELECT i * 37 % 101 AS spent, 2 * (i * 37 % 101) + i % 7 AS paid, i * 53 % 89 AS visits, -(i * 53 % 89) + i % 3 * 4 AS absence, i * i % 23 AS age,
    7 AS tenant, i = 5 AS vip, CASE WHEN i % 2 = 0 THEN 'web' ELSE 'shop' END AS channel,
    CASE WHEN i % 2 = 0 THEN 'online' WHEN i % 4 = 1 THEN 'north' ELSE 'south' END AS store, i % 2 * 10 AS fee, repeat('x', 1 + (i > 60)::int) AS half
FROM generate_series(1, 120) i;
SELECT feature, keep, round(variance::numeric, 6) AS variance, correlated_with, round(correlation::numeric, 6) AS correlation
FROM custseg.select_features('wide', '{spent,paid,visits,absence,age,tenant,vip,channel,store,fee,half}');
SELECT feature, reason FROM custseg.select_features('wide', '{spent,paid,visits,absence,age,tenant,vip,channel,store,fee,half}');
-- as PostgreSQL's own aggregates
SELECT abs(f.variance / v.variance::float8 - 1) < 1e-12 AS variance, abs(f.correlation - v.correlation) < 1e-12 AS correlation
FROM custseg.select_features('wide', '{spent,paid}') f, (SELECT variance(paid) AS variance, corr(spent, paid) AS correlation FROM wide) v
WHERE f.feature = 'paid';
-- the correlation ratio by its definition, Cramer's V by the test of the same table
SELECT abs(f.correlation - sqrt(b.between / b.total)) < 1e-12 AS ratio
FROM custseg.select_features('wide', '{age,store}') f,
    (SELECT sum(n * (mean - overall) ^ 2) AS between, min(total) AS total
     FROM (SELECT count(*) AS n, avg(age)::float8 AS mean FROM wide GROUP BY store) g, (SELECT avg(age)::float8 AS overall, var_pop(age)::float8 * count(*) AS total FROM wide) t) b;
SELECT abs(f.correlation - (SELECT (custseg.chi_square_test(store, half)).cramers_v FROM wide)) < 1e-12 AS v FROM custseg.select_features('wide', '{half,store}') f;
-- limits of one's own
SELECT feature, keep, reason FROM custseg.select_features('wide', '{spent,paid,vip,channel}', options => '{"max_correlation": 1, "max_frequency": 0.995}');
SELECT feature, keep FROM custseg.select_features('wide', '{spent,paid,age,half}', options => '{"max_correlation": 0}');
-- one feature; two rows; ordinal and frequency encodings are numbers; "drop_first" loses no level
SELECT feature, keep, round(variance::numeric, 9) AS variance, correlated_with, correlation, reason FROM custseg.select_features('points', '{y}');
SELECT feature, keep, correlated_with, correlation, reason FROM custseg.select_features('VALUES (1, 5), (2, 4)');
SELECT feature, correlated_with, round(correlation::numeric, 6) AS correlation FROM custseg.select_features('wide', '{store,fee,age}',
    '{"columns": {"store": {"encode": "ordinal", "levels": ["north", "south", "online"]}}}');
SELECT feature, correlated_with, round(correlation::numeric, 6) AS correlation FROM custseg.select_features('wide', '{store,channel,age}', '{"drop_first": true}');

-- Stability: fpc::clusterboot(clustermethod = kmeansCBI, B = 1000) of R's package fpc 2.2, of the
-- scaled columns; within the error of 200 resamples

SELECT s.segment, s.n = g.n AS n, abs(s.jaccard - g.jaccard) < 0.04 AS jaccard, abs(s.recovered - g.recovered) < 0.1 AS recovered,
    abs(s.dissolved - g.dissolved) < 0.1 AS dissolved, s.rating
FROM custseg.stability('points', '{x,y}', k => 5, resamples => 200) s
JOIN (VALUES (1, 29, 0.7325, 0.471, 0.093), (2, 28, 0.7543, 0.526, 0.070), (3, 22, 0.7097, 0.410, 0.156), (4, 22, 0.6756, 0.358, 0.199),
    (5, 19, 0.4531, 0.204, 0.693)) g (segment, n, jaccard, recovered, dissolved) USING (segment);
-- groups that lie apart come back every time; too many segments do not
CREATE TABLE heaps AS
SELECT i AS id, (i % 3) * 10 + normal(i, 'x') AS x, (i % 3 % 2) * 8 + normal(i, 'y') AS y, i % 4 AS weight FROM generate_series(1, 300) i;
SELECT * FROM custseg.stability('heaps', '{x,y}', k => 3);
SELECT min(jaccard) < 0.75 AS not_stable, bool_and(recovered + dissolved <= 1) AS sane, min(mean_ari) < 0.9 AS less
FROM custseg.stability('heaps', '{x,y}', k => 7);
-- k chosen as train() chooses it; one segment; weights; centers to start from; a sample
SELECT segment, n, round(jaccard::numeric, 6) AS jaccard, rating FROM custseg.stability('heaps', '{x,y}', resamples => 5);
SELECT segment, n, share, jaccard, mean_ari FROM custseg.stability('heaps', '{x,y}', k => 1, resamples => 2);
SELECT segment, n, jaccard FROM custseg.stability('heaps', '{x,y}', k => 3, resamples => 5, options => '{"weight": "weight"}');
SELECT segment, n, jaccard FROM custseg.stability('heaps', '{x,y}', resamples => 5, options => '{"init": [[-1, -1], [0, 1], [1, -1]]}');
SELECT sum(n), sum(share), min(jaccard) FROM custseg.stability('heaps', '{x,y}', k => 3, options => '{"sample": 100}');
-- a seed is a result
SELECT count(DISTINCT jaccard) FROM generate_series(1, 3) s, custseg.stability('points', '{x,y}', k => 3, options => '{"seed": 7}') t WHERE segment = 1;
SELECT count(DISTINCT jaccard) FROM generate_series(1, 3) s, custseg.stability('points', '{x,y}', k => 3, options => jsonb_build_object('seed', s)) t
WHERE segment = 1;
-- two rows; as many segments as rows; duplicates; a row far away
SELECT segment, n, jaccard FROM custseg.stability('VALUES (1, 5), (2, 7)', k => 1, resamples => 4);
SELECT count(*), sum(n), min(jaccard) = max(recovered) AS all_or_nothing FROM custseg.stability('points', '{x,y}', k => 120, resamples => 1) WHERE jaccard > 0;
SELECT segment, n, jaccard, dissolved FROM custseg.stability('SELECT i % 2 AS x, i % 2 AS y FROM generate_series(1, 300) i', k => 2, resamples => 5);
SELECT segment, n FROM custseg.stability('SELECT CASE i WHEN 5 THEN 1e12 ELSE i END AS x FROM generate_series(1, 300) i', k => 2, resamples => 5);
SELECT segment, n, rating FROM custseg.stability('SELECT i AS x, 2 * i AS y FROM generate_series(1, 10000) i', k => 2, resamples => 2);
-- halves of one cloud come back, but are a cut
SELECT segment, jaccard > 0.75 AS comes_back, rating, regexp_replace(reason, '0\.\d+', '0.xx', 'g') AS reason FROM custseg.stability('SELECT 2 * normal(i, ''x'') AS x, normal(i, ''y'') + normal(i, ''x'') AS y FROM generate_series(1, 1000) i', k => 2);
-- nothing but noise
SET client_min_messages = notice;
SELECT * FROM custseg.stability('SELECT i * i AS x FROM generate_series(1, 60) i', '{x}', algorithm => 'dbscan', options => '{"eps": 0.0001, "min_samples": 3}');
SET client_min_messages = warning;

-- Clusterability: what has no groups

CREATE FUNCTION finding(source text, prep jsonb DEFAULT '{}') RETURNS TABLE (rating text, best_k int, silhouette numeric, p_value numeric)
LANGUAGE sql BEGIN ATOMIC
    SELECT c.rating, c.best_k, round(c.silhouette::numeric, 2), round(c.p_value::numeric, 3)
    FROM custseg.clusterability(source, prep => prep, options => '{"sample": 400, "references": 10}') c;
END;
SELECT what, rating IN ('weak', 'none') AS no_groups, p_value > 0.01 AS chance
FROM (VALUES ('uniform', 'SELECT uniform(i, ''x'') AS x, uniform(i, ''y'') AS y FROM generate_series(1, 200) i'),
    ('uniform, one column', 'SELECT uniform(i, ''x'') AS x FROM generate_series(1, 200) i'),
    ('normal', 'SELECT normal(i, ''x'') AS x, normal(i, ''y'') AS y, normal(i, ''z'') AS z FROM generate_series(1, 200) i'),
    ('normal, one column', 'SELECT normal(i, ''x'') AS x FROM generate_series(1, 200) i'),
    ('correlated', 'SELECT normal(i, ''x'') AS x, 0.8 * normal(i, ''x'') + 0.6 * normal(i, ''y'') AS y FROM generate_series(1, 200) i'),
    ('lognormal', 'SELECT exp(normal(i, ''x'')) AS x, exp(normal(i, ''y'')) AS y FROM generate_series(1, 200) i'),
    ('counts', 'SELECT floor(-3 * ln(uniform(i, ''x''))) AS x, floor(-2 * ln(uniform(i, ''y''))) AS y FROM generate_series(1, 200) i'),
    ('a category beside', 'SELECT normal(i, ''x'') AS x, (ARRAY[''a'', ''b'', ''c''])[1 + floor(3 * uniform(i, ''y''))] AS y FROM generate_series(1, 200) i'),
    ('a line', 'SELECT i AS x, 2 * i AS y, 3 - i AS z FROM generate_series(1, 10000) i'),
    ('a row far away', 'SELECT CASE i WHEN 5 THEN 1e12 ELSE i END AS x, i % 7 AS y FROM generate_series(1, 200) i'),
    ('one flag', 'SELECT i % 3 = 0 AS x FROM generate_series(1, 200) i')) s (what, source), finding(source);
-- heavy tails and a curve, which have more than rows without groups but no valley; neither have the steps of counts
CREATE TABLE tails AS
SELECT normal(i, 'x3') / w AS x, normal(i, 'y3') / w AS y, normal(i, 'z3') / w AS z
FROM generate_series(1, 300) i, LATERAL (SELECT sqrt((normal(i, 'a3') ^ 2 + normal(i, 'b3') ^ 2 + normal(i, 'c3') ^ 2) / 3)) t (w);
CREATE TABLE banana AS SELECT normal(i, 'x4') AS x, normal(i, 'x4') ^ 2 + 0.5 * normal(i, 'y4') AS y FROM generate_series(1, 300) i;
SELECT what, c.p_value < 0.01 AS beyond_chance, c.silhouette >= 0.25 AND c.silhouette - c.null_silhouette > 0.05 * (1 - c.null_silhouette) AS matters, c.rating
FROM (VALUES ('tails'), ('banana')) s (what), custseg.clusterability(what) c;
SELECT regexp_replace(reason, '0\.\d+', '0.xx', 'g') AS reason FROM custseg.clusterability('banana');
-- and what has
SELECT * FROM finding('SELECT x, y FROM heaps');
-- few rows in each group, and one group in the middle of the others: a valley between any two will do
SELECT rating, best_k FROM finding('SELECT (g < 4)::int * (g % 2 * 2 - 1) * 3 + normal(i, ''x'') * 0.8 AS x, (g < 4)::int * (g / 2 * 2 - 1) * 3 + normal(i, ''y'') * 0.8 AS y
    FROM (SELECT i, i % 5 AS g FROM generate_series(1, 150) i) s');
-- groups along one of three columns have little more silhouette than rows without groups, but no doubt is left of them
SELECT rating, best_k, p_value < 1e-5 AS certain, (silhouette - null_silhouette) / (1 - null_silhouette) < 0.05 AS little
FROM custseg.clusterability('SELECT i % 2 * 4 + normal(i, ''x'') AS x, normal(i, ''y'') AS y, normal(i, ''z'') AS z FROM generate_series(1, 1500) i');
-- beyond chance, but not by much
SELECT rating, regexp_replace(reason, '0\.\d+', '0.xx', 'g') AS reason FROM custseg.clusterability('SELECT i % 2 * 5 + normal(i, ''x'') AS x, normal(i, ''y'') AS y, normal(i, ''z'') AS z FROM generate_series(1, 400) i');
SELECT * FROM finding('SELECT x, y FROM heaps', '{"pca": 2}');
SELECT * FROM finding('SELECT i % 2 * 8 + normal(i, ''x'') AS x FROM generate_series(1, 400) i');
SELECT rating, best_k FROM finding('SELECT i % 2 * 5 + normal(i, ''x'') AS x, normal(i, ''y'') AS y FROM generate_series(1, 400) i');
SELECT rating FROM finding('SELECT (ARRAY[''a'', ''b'', ''c''])[1 + i % 3] AS c, (ARRAY[''u'', ''v'', ''w''])[1 + i % 3] AS d, i % 3 * 5 + normal(i, ''x'') AS x FROM generate_series(1, 400) i');
SELECT regexp_replace(reason, '0\.\d+', '0.xx', 'g') AS reason FROM custseg.clusterability('heaps', '{x,y}', options => '{"references": 10}');
SELECT regexp_replace(reason, '0\.\d+', '0.xx', 'g') AS reason FROM custseg.clusterability('SELECT uniform(i, ''x'') AS x, uniform(i, ''y'') AS y FROM generate_series(1, 200) i');
-- p is that of Student's t with 4 degrees of freedom, whose law has a closed form, for one more set of rows without groups
SELECT abs(p_value - (0.5 - 0.375 * t / sqrt(1 + t * t / 4) * (1 - t * t / (1 + t * t / 4) / 12))) < 1e-9 AS p
FROM (VALUES ('SELECT uniform(i, ''x'') AS x, uniform(i, ''y'') AS y FROM generate_series(1, 200) i'), ('SELECT x, y FROM heaps')) s (source),
    custseg.clusterability(source, options => '{"references": 5}'), LATERAL (SELECT (silhouette - null_silhouette) / null_sd / sqrt(1 + 1 / 5.0)) AS l (t);
-- Hopkins' statistic: about a half when the rows are spread at random; a column that is constant is no dimension
SELECT round(hopkins::numeric, 1) AS hopkins, hopkins_p_value > 0.05 AS chance, n, n_sampled
FROM custseg.clusterability('SELECT uniform(i, ''x'') AS x, uniform(i, ''y'') AS y, 7 AS z FROM generate_series(1, 900) i', '{x,y,z}',
    options => '{"sample": 800, "references": 5}');
SELECT hopkins > 0.9 AS heaps, hopkins_p_value < 1e-6 AS beyond_chance FROM custseg.clusterability('heaps', '{x,y}', options => '{"references": 5}');
-- too few rows, or too few that differ
SELECT n, n_sampled, best_k, silhouette, p_value, rating, reason FROM custseg.clusterability('VALUES (1, 5), (2, 7)');
SELECT rating, best_k, reason FROM custseg.clusterability('SELECT i AS x, i * i AS y FROM generate_series(1, 9) i');
SELECT rating, best_k, silhouette, null_silhouette, null_sd, p_value FROM custseg.clusterability('SELECT i % 2 AS x, i % 2 AS y FROM generate_series(1, 300) i');

-- The same whatever the workers (enough rows for them to be used)

CREATE TABLE crowd AS
SELECT i AS id, uniform(i, 'a') AS a, normal(i, 'b') + i % 3 * 4 AS b, normal(i, 'c') AS c, 'l' || i % 4 AS d FROM generate_series(1, 8000) i;
CREATE FUNCTION prints() RETURNS TABLE (what text, print text) LANGUAGE sql BEGIN ATOMIC
    SELECT 'clusterability', md5(string_agg(f::text, '')) FROM custseg.clusterability('crowd', options => '{"sample": 600, "references": 5}') f
    UNION ALL SELECT 'stability', md5(string_agg(f::text, '')) FROM custseg.stability('crowd', k => 4, resamples => 5) f
    UNION ALL SELECT 'pca', md5(string_agg(f::text, '')) FROM custseg.pca('crowd') f
    UNION ALL SELECT 'select_features', md5(string_agg(f::text, '')) FROM custseg.select_features('crowd') f;
END;
CREATE TABLE results (workers int, what text, print text);
SET max_parallel_maintenance_workers = 0;
INSERT INTO results SELECT 0, * FROM prints();
SET max_parallel_maintenance_workers = 1;
INSERT INTO results SELECT 1, * FROM prints();
SET max_parallel_maintenance_workers = 2;
INSERT INTO results SELECT 2, * FROM prints();
RESET max_parallel_maintenance_workers;
SELECT what, count(*), count(DISTINCT print) FROM results GROUP BY what ORDER BY what COLLATE "C";

-- Errors

SELECT custseg.stability(NULL);
SELECT custseg.stability('points', k => 0);
SELECT custseg.stability('points', k => 121);
SELECT custseg.stability('points', k => 30, options => '{"sample": 20}');
SELECT custseg.stability('points', k => 2, resamples => 0);
SELECT custseg.stability('points', k => 2, resamples => NULL);
SELECT custseg.stability('points', k => 2, algorithm => NULL);
SELECT custseg.stability('points', k => 2, options => '{"sample": 9}');
SELECT custseg.stability('points', '{x}', k => 2, options => '{"init": [[1], [2], [3]]}');
SELECT custseg.stability('SELECT 1 AS x, 2 AS y', '{x,y}', k => 1);
SELECT custseg.stability('SELECT 1 AS x FROM points', '{x}', k => 2);
SELECT custseg.clusterability(NULL);
SELECT custseg.clusterability('points', options => '{"sample": 99}');
SELECT custseg.clusterability('points', options => '{"references": 2}');
SELECT custseg.clusterability('points', options => '{"weight": "x"}');
SELECT custseg.clusterability('SELECT 1 AS x, 2 AS y', '{x,y}');
SELECT custseg.pca(NULL);
SELECT custseg.pca('points', '{x,y}', '{"pca": 3}');
SELECT custseg.pca('points', '{x,y}', options => '{"scale": "none"}');
SELECT custseg.pca('points', '{x,missing}');
SELECT custseg.select_features(NULL);
SELECT custseg.select_features('points', options => '{"max_correlation": 1.1}');
SELECT custseg.select_features('points', options => '{"max_frequency": 0.4}');
-- neither an origin nor a unit changes what there is, also where columns are not scaled: values are one only where rounding parts them
SELECT what, round(silhouette::numeric, 9) AS silhouette, round(null_silhouette::numeric, 9) AS null_silhouette, round(p_value::numeric, 9) AS p_value
FROM (VALUES ('as they are', 'i * 7919 % 100', 'i * 31 % 17'), ('far off', '1e12 + i * 7919 % 100', 'i * 31 % 17 - 1e12'),
    ('large', '1e15 * (i * 7919 % 100)', '1e15 * (i * 31 % 17)'), ('small', '1e-15 * (i * 7919 % 100)', '1e-15 * (i * 31 % 17)')) AS t (what, x, y),
    custseg.clusterability(format('SELECT (%s)::float8 AS x, (%s)::float8 AS y FROM generate_series(1, 300) i', x, y), prep => '{"scale": "none"}');
SET maintenance_work_mem = '1MB';
SELECT custseg.clusterability('crowd');
SELECT custseg.stability('crowd', k => 3);
RESET maintenance_work_mem;

DROP FUNCTION finding, prints, normal, uniform;
DROP TABLE points, golden, wide, heaps, crowd, results;
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
