--
-- Looking at data: golden numbers of scipy 1.10 and numpy 1.24 (skew, kurtosis, jarque_bera, pearsonr, spearmanr,
-- histogram(bins='fd')); Little's test and the kernel density of their formulas in numpy
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS explore_test CASCADE;
CREATE SCHEMA explore_test;
SET search_path = explore_test, public;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
RESET client_min_messages;
\pset null '-'
SET extra_float_digits = -3;

CREATE TABLE sample AS
SELECT i AS id, (i * 7919 % 1000) / 10.0 AS a, CASE WHEN i % 7 > 0 THEN exp((i * 104729 % 997) / 250.0) END AS b,
       CASE WHEN i % 5 > 0 AND i % 7 > 0 THEN (i * 31 % 101) + (i * 7919 % 1000) / 40.0 END AS c,
       (ARRAY['web', 'app', 'shop', NULL])[1 + i % 4] AS channel, i % 3 = 0 AS member, date '2024-01-01' + i % 100 AS joined,
       5 AS same, NULL::int AS nothing, '{}'::jsonb AS extra
FROM generate_series(1, 400) i;

SELECT column_name, type, kind, n, n_null, n_distinct, mean, standard_deviation, minimum, first_quartile, median, third_quartile, maximum FROM custseg.describe('sample');
SELECT column_name, null_share, skewness::numeric(12, 8), kurtosis::numeric(12, 8), jarque_bera, jarque_bera_p_value, n_iqr_outliers, n_z_outliers, top_levels, suggestion FROM custseg.describe('sample');
SELECT column_name, agrees(ARRAY[skewness, kurtosis, jarque_bera, jarque_bera_p_value], ARRAY[g.s, g.k, g.jb, g.p]) AS as_scipy
FROM custseg.describe('sample', '{a,b,c}')
JOIN (VALUES ('a', -0.019208739855620435, -1.2022216254700995, 24.113545658255532, 5.805105150903354e-06),
             ('b', 1.3144482003727178, 0.7104239889329036, 105.98412065653957, 9.679225653226026e-24),
             ('c', 0.007647263592939426, -1.117620605155083, 14.26295286076505, 0.0007995380533541114)) g (column_name, s, k, jb, p) USING (column_name);

SELECT column_a, column_b, n, agrees(ARRAY[pearson, pearson_p_value, spearman, spearman_p_value], ARRAY[g.r, g.rp, g.s, g.sp]) AS as_scipy
FROM custseg.correlations('sample', '{a,b,c}')
JOIN (VALUES ('a', 'b', 0.015222482555059232, 0.7787783165700923, 0.013018426464833179, 0.810148333642116),
             ('a', 'c', 0.18208076808218052, 0.0024820153098676643, 0.1688049177100272, 0.005085353474146169),
             ('b', 'c', -0.03532324100191765, 0.5604236567147323, -0.0225260870516345, 0.710476989165033)) g (column_a, column_b, r, rp, s, sp) USING (column_a, column_b);
-- p that are small: mpmath's incomplete beta function
SELECT agrees(ARRAY[pearson, pearson_p_value], ARRAY[0.6668491039853702, 7.33535291121509e-173]) AS pearson, agrees(ARRAY[spearman, spearman_p_value], ARRAY[0.6534619749706599, 9.20943031167812e-164]) AS spearman
FROM custseg.correlations('SELECT i AS x, i + 1.5 * (i * 7919 % 1000) AS y FROM generate_series(1, 1338) i');
SELECT column_a, column_b, n, pearson, pearson_p_value, spearman, spearman_p_value FROM custseg.correlations('SELECT i AS x, 2 * i + i % 2 AS y, -i AS z, 1 AS one FROM generate_series(1, 2000) i');
SELECT n, pearson, pearson_p_value, spearman FROM custseg.correlations('SELECT * FROM (VALUES (1, 2), (NULL, 3), (3, NULL)) v (x, y)');
-- ranks of values whose upper halves are the same, of negative ones, of both zeros and of ties are those that PostgreSQL gives
CREATE TEMP TABLE near AS SELECT i::float8 AS x, CASE i % 4 WHEN 0 THEN 1 + (i * 7919 % 4001) * power(2::float8, -50) WHEN 1 THEN -1 - (i * 31 % 3001) * power(2::float8, -50) WHEN 2 THEN i % 3 * '-0'::float8 ELSE i % 5 END AS y FROM generate_series(1, 20000) i;
SELECT abs(c.spearman - (SELECT corr(r.x, r.rank) FROM (SELECT x, rank() OVER (ORDER BY y) + (count(*) OVER (PARTITION BY y) - 1) / 2.0 AS rank FROM near) r)) < 1e-12 AS same, (SELECT count(*) FROM near WHERE y > 1 AND y < 1.0000001) > 4000 AS are_near FROM custseg.correlations('near') c;
SELECT d.n_distinct = (SELECT count(DISTINCT y) FROM near) AS same FROM custseg.describe('near') d WHERE column_name = 'y';
DROP TABLE near;
SELECT count(*) AS pairs FROM custseg.correlations('sample');

SELECT bin, low, n, density FROM custseg.histogram('sample', 'b');
SELECT agrees(array_agg(h.density), array_agg(g.density)) AS as_numpy, agrees(array_agg(h.low), array_agg(g.low)) AS edges, array_agg(h.n ORDER BY bin) = ARRAY[154, 52, 30, 24, 18, 15, 11, 10, 10, 9, 10]::bigint[] AS counts
FROM custseg.histogram('sample', 'b') h
JOIN unnest(ARRAY[0.05648940037055955, 0.0389924268269789, 0.02197446428710492, 0.01491546317449269, 0.011396108724429426, 0.009314515689236202, 0.007870633575704607, 0.006846136741948644, 0.006073193805643541, 0.005273125539595543, 0.004220134984732608],
            ARRAY[1.0040080106773417, 5.624698182677847, 10.245388354678353, 14.866078526678859, 19.486768698679363, 24.107458870679867, 28.728149042680375, 33.34883921468087, 37.96952938668138, 42.59021955868189, 47.21090973068239])
     WITH ORDINALITY g (density, low, bin) USING (bin);
SELECT * FROM custseg.histogram('sample', 'same');
SELECT * FROM custseg.histogram('sample', 'nothing');
SELECT bin, low, high, n FROM custseg.histogram('sample', 'a', 4);
SELECT bin, low, high, n FROM custseg.histogram('SELECT unnest(ARRAY[-1.7e308, 1.7e308, 0, ''infinity'']) AS x', 'x', 2);

SELECT * FROM custseg.frequencies('sample', 'channel');
SELECT * FROM custseg.frequencies('SELECT * FROM sample WHERE id <= 10', 'member');
SELECT level, n FROM custseg.frequencies('sample', 'joined') LIMIT 2;
SELECT * FROM custseg.frequencies('SELECT 1 AS "odd ""name" WHERE false', 'odd "name');

SELECT n, n_null, total, agrees(ARRAY[gini, top_10_share, top_1_share], ARRAY[0.5392240298806419, 0.3405721819421721, 0.040541842533600825]) AS as_numpy, lorenz[1], lorenz[101]
FROM custseg.concentration('sample', 'b');
SELECT n, gini::numeric(6, 4), top_10_share::numeric(6, 4), lorenz[51]::numeric(6, 4) FROM custseg.concentration('sample', 'same');
SELECT n, gini::numeric(6, 4), top_1_share::numeric(6, 4) FROM custseg.concentration('SELECT (i = 1)::int AS x FROM generate_series(1, 100) i', 'x');
SELECT * FROM custseg.concentration('sample', 'nothing');
-- shares do not depend on the unit, at the ends of doubles either; a total beyond them is not known
SELECT factor, total / factor AS total, agrees(ARRAY[gini, top_10_share, top_1_share], ARRAY[0.5392240298806419, 0.3405721819421721, 0.040541842533600825]) AS as_numpy, lorenz[1], lorenz[101]
FROM unnest('{1e-300,1e303,1.7e306}'::float8[]) factor, LATERAL custseg.concentration(format('SELECT b * %s::float8 AS b FROM sample', factor), 'b');

SELECT * FROM custseg.missing_patterns('sample', '{a,b,c,channel,nothing}');
-- whatever order rows come in: of patterns with as many rows, the one that has the first column in which they differ
SELECT null_columns, n FROM custseg.missing_patterns('SELECT nullif(a, 0) AS a, nullif(b, 0) AS b, nullif(c, 0) AS c FROM (VALUES (0, 0, 1), (0, 1, 1), (1, 1, 0), (1, 0, 1), (1, 1, 1), (0, 0, 0), (0, 0, 0)) v (a, b, c)');
SELECT n, n_patterns, agrees(statistic, 0.11335086679580608) AS statistic, df, agrees(p_value, 0.9901884937169048) AS p, reason FROM custseg.mcar_test('sample', '{a,b,c}');
-- y is missing where x is large: not by chance
SELECT n_patterns, df, p_value < 1e-10 AS significant, reason
FROM custseg.mcar_test('SELECT a AS x, CASE WHEN a < 60 THEN a + id % 13 END AS y FROM sample');
SELECT * FROM custseg.mcar_test('sample', '{a}');
-- rows that have one value or the other, never both
SELECT * FROM custseg.mcar_test('VALUES (1, NULL), (2, NULL), (NULL, 3), (NULL, 5)');
-- a rare yes is neither skewed nor an outlier
SELECT column_name, suggestion FROM custseg.describe('SELECT (i = 7)::int AS rare, 2 - (i % 5 = 0)::int AS code FROM generate_series(1, 100) i');

SELECT id, beyond_fences, beyond_deviations, largest_z::numeric(8, 5), mahalanobis::numeric(8, 5), mahalanobis_p_value::numeric(8, 5)
FROM custseg.outliers('sample', '{a,b,c}', '{"z_limit": 2.8, "iqr_factor": 1.6, "significance": 0.02, "id": "id"}');
SELECT agrees(array_agg(o.mahalanobis) || array_agg(o.mahalanobis_p_value), array_agg(g.d) || array_agg(g.p)) AS as_scipy, count(*)
FROM custseg.outliers('sample', '{a,b,c}', '{"significance": 0.025, "id": "id"}') o
JOIN (VALUES ('113', 3.1974052279352674, 0.016759557058308297), ('271', 3.1820190607514616, 0.017530963458951814), ('249', 3.1029426214451488, 0.02200538853360302)) g (id, d, p) USING (id);
ALTER TABLE sample ADD PRIMARY KEY (id);
SELECT id, "row", beyond_fences, mahalanobis FROM custseg.outliers('sample', '{b}', '{"limit": 2, "significance": 0.05}');
SELECT count(*) AS outliers FROM custseg.outliers('sample');

-- beyond memory PostgreSQL sorts, and nothing else changes
CREATE TABLE long AS SELECT i AS id, (i::bigint * 7919 % 100003) / 7.0 AS a, exp((i::bigint * 104729 % 9973) / 2000.0) AS b, nullif(i % 1000, 0) AS c FROM generate_series(1, 60000) i;
CREATE TABLE in_memory AS SELECT * FROM custseg.describe('long');
SET maintenance_work_mem = '1MB';
SELECT count(*) AS same FROM custseg.describe('long') d JOIN in_memory m USING (column_name) WHERE d = m;
-- rows that the planner does not expect
SELECT fails($$ SELECT * FROM custseg.correlations('SELECT * FROM long WHERE id % 5 + a - a = id % 5 AND b - b + a = a AND a = a + 0') $$);
SELECT fails($$ SELECT * FROM custseg.histogram('long', 'a') $$);
SELECT fails($$ SELECT * FROM custseg.outliers('long') $$);
RESET maintenance_work_mem;

-- odd input
SELECT column_name, n, n_null, n_infinite, n_distinct, mean, suggestion FROM custseg.describe('SELECT unnest(ARRAY[1, 2, ''infinity'', ''nan'', NULL]::float8[]) AS x');
SELECT column_name, n, null_share, suggestion FROM custseg.describe('SELECT 1 AS x, ''a'' AS y WHERE false');
SELECT column_name, n, n_distinct, mean, standard_deviation, skewness, suggestion FROM custseg.describe('SELECT 1.5 AS x, ''a'' AS y');
SELECT column_name, n_distinct, jsonb_array_length(top_levels) AS top, suggestion FROM custseg.describe('SELECT ''level '' || i % 10000 AS many, ''row '' || i AS each, (i % 3)::text AS few FROM generate_series(1, 20000) i');
SELECT column_name, n_distinct, suggestion FROM custseg.describe('SELECT ''row '' || i AS each FROM generate_series(1, 100001) i');
SELECT column_name, suggestion FROM custseg.describe('SELECT exp(i) AS r, -exp(i) AS l, exp(i) - 10 AS b, CASE WHEN i > 6 THEN i END AS empty, CASE WHEN i % 5 > 0 THEN i * i END AS some, CASE WHEN i < 3 THEN ''x'' WHEN i % 5 > 0 THEN ''y'' END AS cat FROM generate_series(1, 12) i');
SELECT column_name, mean, standard_deviation, skewness::numeric(4, 2) FROM custseg.describe('SELECT unnest(ARRAY[1e300, -1e300, 1e-300]) AS x');
SELECT count(*) FROM custseg.missing_patterns('SELECT 1 AS x WHERE false');

\pset format unaligned
\pset tuples_only on
SELECT fails($$ SELECT * FROM custseg.describe(NULL) $$);
SELECT fails($$ SELECT * FROM custseg.describe('nowhere') $$);
SELECT fails($$ SELECT * FROM custseg.describe('sample', '{}') $$);
SELECT fails($$ SELECT * FROM custseg.describe('sample', '{a,NULL}') $$);
SELECT fails($$ SELECT * FROM custseg.describe('sample', '{a,a}') $$);
SELECT fails($$ SELECT * FROM custseg.describe('sample', '{wealth}') $$);
SELECT fails($$ SELECT * FROM custseg.describe('sample', options => '{"z": 1}') $$);
SELECT fails($$ SELECT * FROM custseg.correlations('sample', '{a,channel}') $$);
SELECT fails($$ SELECT * FROM custseg.correlations('sample', '{a}') $$);
SET maintenance_work_mem = '1MB';
SELECT fails($$ SELECT * FROM custseg.correlations('SELECT i AS x, -i AS y FROM generate_series(1, 20000 + (random() * 0)::int) i') $$);
SELECT fails(format('SELECT * FROM custseg.missing_patterns(%L)', (SELECT format('SELECT %s FROM generate_series(1, 32768) i', string_agg(format('nullif(i >> %s & 1, 0) AS c%s', b, b), ', ')) FROM generate_series(0, 14) b)));
RESET maintenance_work_mem;
SELECT fails($$ SELECT * FROM custseg.histogram('sample', 'channel') $$);
SELECT fails($$ SELECT * FROM custseg.histogram('sample', NULL) $$);
SELECT fails($$ SELECT * FROM custseg.histogram('sample', 'a', 0) $$);
SELECT fails($$ SELECT * FROM custseg.frequencies('sample', 'wealth') $$);
SELECT fails($$ SELECT * FROM custseg.concentration('SELECT -1 AS x', 'x') $$);
SELECT fails($$ SELECT * FROM custseg.mcar_test('sample', '{a,nothing}') $$);
SELECT fails($$ SELECT * FROM custseg.mcar_test('sample', '{a,same}') $$);
SELECT fails($$ SELECT * FROM custseg.mcar_test('SELECT ''x'' AS x') $$);
-- a column that follows from the others, where it is there, and rows that are too few to tell
SELECT fails($$ SELECT * FROM custseg.mcar_test('SELECT CASE WHEN i % 4 <> 0 THEN i END AS a, i * 7 % 11 AS b, i AS c FROM generate_series(0, 59) i') $$);
SELECT fails($$ SELECT * FROM custseg.mcar_test('SELECT CASE WHEN i % 4 <> 0 THEN i END AS a, i * 7 % 11 AS b, i + i * 7 % 11 AS c FROM generate_series(0, 59) i') $$);
SELECT fails($$ SELECT * FROM custseg.mcar_test('VALUES (1, 2, 3), (2, 3, 5), (4, NULL, 1)') $$);
SELECT n, df, p_value IS NOT NULL AS tested FROM custseg.mcar_test('SELECT CASE WHEN i % 4 <> 0 THEN i END AS a, i * 7 % 11 AS b, i + i * 13 % 7 / 1000.0 AS c FROM generate_series(0, 59) i');
SELECT fails($$ SELECT * FROM custseg.outliers('SELECT ''x'' AS x') $$);
\pset format aligned
\pset tuples_only off
SELECT * FROM custseg.outliers('SELECT i AS x, i AS y FROM generate_series(1, 10) i');

SET client_min_messages = warning;
DROP SCHEMA explore_test CASCADE;
\i :root/test/clean.sql
