--
-- Numbers hold far from zero and at any scale.  Every statistic is measured of the same values as they are, times powers
-- of two, with constants added, in another order, and with rows in place of weights.
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS numbers_test CASCADE;
CREATE SCHEMA numbers_test;
SET search_path = numbers_test, public;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
\pset null '-'

-- eighths, so that a constant up to 1e15 is added without rounding
CREATE TABLE base AS
SELECT i AS id, i % 3 + 1 AS g, i % 2 = 0 AS half, (i % 3) * 40000 + (hashint8extended(i, 1) & 262143) / 8.0::float8 AS x,
    (i * i % 3) * 25000 + (hashint8extended(i, 2) & 262143) / 8.0::float8 AS y,
    CASE WHEN i % 5 > 0 THEN (i % 3) * 30000 + (hashint8extended(i, 3) & 524287) / 8.0::float8 END AS z, 1 + i % 4 AS w
FROM generate_series(1, 240) i;
CREATE TABLE data (id int, g int, half bool, x float8, y float8, z float8, w float8);

CREATE FUNCTION fill(factor float8, added float8, by text DEFAULT 'id') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE data;
    EXECUTE format('INSERT INTO data SELECT id, g, half, x * $1 + $2, y * $1 + $2, z * $1 + $2, w FROM base ORDER BY %s', by)
        USING factor, added;
END $$;

-- Unit 0: of none, 1: that of differences of values, 2: that of values.
CREATE TYPE measured AS (name text, unit int, value float8);
CREATE FUNCTION of_values() RETURNS SETOF measured LANGUAGE sql AS $$
    SELECT d.column_name || ' ' || m.name, m.unit, m.value FROM custseg.describe('data', '{x,y,z}') d, LATERAL (VALUES
        ('mean', 2, mean), ('standard deviation', 1, standard_deviation), ('minimum', 2, minimum), ('first quartile', 2, first_quartile),
        ('median', 2, median), ('third quartile', 2, third_quartile), ('maximum', 2, maximum), ('skewness', 0, skewness), ('kurtosis', 0, kurtosis),
        ('jarque_bera', 0, jarque_bera), ('p', 0, jarque_bera_p_value), ('distinct', 0, n_distinct), ('iqr outliers', 0, n_iqr_outliers), ('z outliers', 0, n_z_outliers)) m (name, unit, value)
    UNION ALL SELECT 'pearson ' || column_a || column_b, 0, pearson FROM custseg.correlations('data', '{x,y,z}')
    UNION ALL SELECT 'spearman ' || column_a || column_b, 0, spearman FROM custseg.correlations('data', '{x,y,z}')
    UNION ALL SELECT 'histogram ' || bin, 0, n FROM custseg.histogram('data', 'x')
    UNION ALL SELECT 'low of bin ' || bin, 2, low FROM custseg.histogram('data', 'y', 4)
    UNION ALL SELECT 'outliers', 0, count(*) FROM custseg.outliers('data', '{x,y,z}', '{"iqr_factor": 0.3, "z_limit": 1.5, "significance": 0.1, "id": "id"}')
    UNION ALL SELECT 'mahalanobis ' || id, 0, mahalanobis FROM custseg.outliers('data', '{x,y,z}', '{"iqr_factor": 9, "significance": 0.1, "id": "id"}')
    UNION ALL SELECT 'little', 0, statistic FROM custseg.mcar_test('data', '{x,y,z}')
    UNION ALL SELECT 'psi', 0, (custseg.psi(x, half)).psi FROM data
    UNION ALL SELECT 'ks', 0, (custseg.ks_test(y, half)).statistic FROM data
    UNION ALL SELECT 'cramer von mises', 0, (custseg.cramer_von_mises(y, half)).statistic FROM data
    UNION ALL SELECT 'wasserstein', 1, custseg.wasserstein(y, half) FROM data
    UNION ALL SELECT m.* FROM (SELECT custseg.anova(y, g) a, custseg.levene(x, g) l, custseg.kruskal_wallis(y, g) k FROM data) t, LATERAL (VALUES
        ('f', 0, (a).f), ('p', 0, (a).p_value), ('eta squared', 0, (a).eta_squared), ('omega squared', 0, (a).omega_squared),
        ('welch f', 0, (a).welch_f), ('welch df', 0, (a).welch_df), ('levene', 0, (l).statistic), ('kruskal wallis', 0, (k).statistic)) m
    UNION ALL SELECT p.test || ' ' || group_a || group_b || m.name, m.unit, m.value
    FROM (SELECT 'tukey', (unnest(custseg.tukey_hsd(y, g))).* FROM data UNION ALL SELECT 'games howell', (unnest(custseg.games_howell(y, g))).* FROM data) p (test),
        LATERAL (VALUES ('difference', 1, difference), ('low', 1, low), ('high', 1, high), ('statistic', 0, statistic), ('df', 0, df), ('p', 0, p_adjusted)) m (name, unit, value)
$$;

-- Models: what they are trained to, and what is told of their segments.
CREATE FUNCTION of_model(algorithm text, prep jsonb, options jsonb DEFAULT '{}') RETURNS SETOF measured LANGUAGE plpgsql AS $$
DECLARE
    what text := algorithm || ' ' || prep || ' ';
BEGIN
    RETURN QUERY SELECT what || m.name, 0, m.value FROM custseg.train('m', 'data', '{x,y,z}', CASE WHEN algorithm !~ 'scan|rules|tree' THEN 3 END, algorithm, 'id',
            prep => prep, options => options) t, LATERAL (VALUES ('segments', n_segments::float8), ('inertia', CASE WHEN t.algorithm !~ 'rules|tree' THEN inertia END), ('silhouette', silhouette)) m (name, value);
    RETURN QUERY SELECT what || 'size ' || segment, 0, n_trained::float8 FROM custseg.segments WHERE model = 'm';
    RETURN QUERY SELECT concat(what, p.segment, p.column_name, ' ', m.name), m.unit, m.value FROM custseg.segment_profile('m', 'data', '{x,y,z}') p,
        LATERAL (VALUES ('mean', 2, mean), ('standard deviation', 1, standard_deviation), ('difference', 0, difference), ('rank', 0, rank)) m (name, unit, value);
    RETURN QUERY SELECT concat(what, column_name, ' ', m.name), 0, m.value FROM custseg.segment_tests('m', 'data', '{x,y,z}'),
        LATERAL (VALUES ('statistic', statistic), ('effect', effect)) m (name, value);
    PERFORM custseg.drop_model('m', whole => true);
END $$;
CREATE TABLE model (algorithm text, prep jsonb, options jsonb DEFAULT '{}');
INSERT INTO model (algorithm, prep) SELECT 'kmeans', prep::jsonb FROM unnest(ARRAY['{}', '{"scale": "minmax"}', '{"scale": "robust", "impute": "mean"}', '{"impute": "knn"}',
    '{"clip": "iqr", "clip_limit": 0.5}', '{"clip": "zscore", "clip_limit": 1}', '{"clip": "quantile", "clip_limit": 0.1}', '{"transform": "quantile"}', '{"pca": 2, "impute": "mode"}']) prep;
INSERT INTO model SELECT a.name, '{}', a.options::jsonb FROM (VALUES ('gmm', '{}'), ('kmedoids', '{}'), ('hierarchical', '{}'), ('minibatch', '{"sample": 100}'), ('dbscan', '{"eps": 0.8}'),
    ('hdbscan', '{"min_cluster_size": 20}'), ('tree', '{"target": "g", "weight": "w"}'),
    ('rules', '{"segments": [{"name": "low", "when": {"x": {"to": {"percentile": 29}}}}, {"name": "rest"}], "else": "rest"}')) a (name, options);
CREATE FUNCTION of_models(scaled bool DEFAULT false) RETURNS SETOF measured LANGUAGE sql AS
    'SELECT m.* FROM model, LATERAL of_model(algorithm, prep, options) m WHERE NOT (scaled AND algorithm IN (''tree'', ''rules''))';

CREATE TABLE plain (name text, unit int, value float8);
SELECT fill(1, 0);
INSERT INTO plain SELECT * FROM of_values() UNION ALL SELECT * FROM of_models();
SELECT count(*) AS measures, count(DISTINCT name) AS names, count(*) FILTER (WHERE value IS NULL) AS undefined FROM plain;

-- What differs by more than the bound, a part of the value, or of what was added; of models by more than one for them.
CREATE FUNCTION differing(factor float8, added float8, bound float8, ordered text DEFAULT 'id', of_model float8 DEFAULT 0)
RETURNS TABLE (name text, is_now float8, was float8) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM fill(factor, added, ordered);
    -- the values of trees and rules are not scaled, and their squares must be numbers
    RETURN QUERY SELECT p.name, n.value, w.value
        FROM (SELECT *, bound FROM of_values() UNION ALL SELECT *, bound + of_model FROM of_models(abs(log(2, factor::numeric)) > 500)) n (name, unit, value, most)
        JOIN plain p ON p.name = n.name,
            LATERAL (SELECT CASE p.unit WHEN 0 THEN p.value WHEN 1 THEN p.value * factor ELSE p.value * factor + added END) w (value)
        WHERE n.value IS DISTINCT FROM w.value AND
            (n.value - w.value IS NULL OR abs(n.value - w.value) > n.most * (abs(w.value) + CASE WHEN p.unit = 2 THEN abs(added) ELSE factor ^ p.unit END));
END $$;

-- powers of two: the same bits
SELECT power, d.* FROM unnest(ARRAY[-1000, -600, -511, -1, 3, 511, 600, 900]) power, LATERAL differing(2::float8 ^ power, 0, 0) d;

-- a constant; from models it takes the last digits of centers, limits and filled values, 0.125 at 1e15, of a standard deviation of 30,000
SELECT added, d.* FROM unnest(ARRAY[-1000, 1e6, 1e9, 2::float8 ^ 40, -1e12, 1e15]) added, LATERAL differing(1, added, 1e-11, of_model => abs(added) / 2::float8 ^ 52 / 1000) d;

-- another order of rows; the starts of k-means and of mixtures, and samples, are drawn by row
SELECT d.* FROM differing(1, 0, 1e-10, 'md5(id::text)') d WHERE name !~ '^(kmeans|minibatch|gmm)';

-- another order of columns
SELECT fill(1, 0);
SELECT max(abs(a.pearson - b.pearson)) AS pearson, max(abs(a.spearman - b.spearman)) AS spearman
FROM custseg.correlations('data', '{x,y,z}') a JOIN custseg.correlations('data', '{z,y,x}') b ON (a.column_a, a.column_b) = (b.column_b, b.column_a);
SELECT count(*), max(abs(a.mahalanobis / b.mahalanobis - 1)) < 1e-12 AS same
FROM custseg.outliers('data', '{x,y,z}', '{"significance": 0.2, "id": "id"}') a JOIN custseg.outliers('data', '{z,x,y}', '{"significance": 0.2, "id": "id"}') b USING (id);
SELECT abs(a.statistic / b.statistic - 1) < 1e-9 AS same FROM custseg.mcar_test('data', '{x,y,z}') a, custseg.mcar_test('data', '{z,x,y}') b;
SELECT abs(a.inertia / b.inertia - 1) < 1e-12 AS same
FROM custseg.train('a', 'data', '{x,y}', 2, options => '{"init": [[-1, 0], [1, 1]]}') a, custseg.train('b', 'data', '{y,x}', 2, options => '{"init": [[0, -1], [1, 1]]}') b;
SELECT custseg.drop_model('a', whole => true), custseg.drop_model('b', whole => true);

-- weights times a constant, and rows in place of weights: the same tree, though many splits are equal
CREATE TABLE tied AS SELECT i % 7 AS a, i % 5 AS b, i * 3 % 7 AS c, i * i % 4 AS kind, 1 + i * i % 3 AS w FROM generate_series(1, 210) i;
CREATE FUNCTION tree(source text, options jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM custseg.train('t', source, '{a,b,c}', algorithm => 'tree', options => '{"target": "kind", "max_depth": 5}' || options, deploy => true);
    RETURN (SELECT md5(string_agg(concat_ws(' ', condition, segment, purity::numeric(12, 10)), ', ' ORDER BY leaf)) FROM custseg.tree_rules('t'));
END $$;
SELECT count(DISTINCT tree) AS trees, min(tree) = tree('SELECT * FROM tied, generate_series(1, w)', '{}') AS as_by_rows
FROM (SELECT tree(format('SELECT a, b, c, kind, w * %s::float8 AS w FROM tied', factor), '{"weight": "w"}')
      FROM unnest(ARRAY[1, 3, 0.1, 1 / 7.0, 1e-5, 1e6 / 3, 0.7, 1.1, 1e40, 1e-40]) factor) t;
SELECT count(DISTINCT tree) AS trees
FROM (SELECT tree(format('SELECT a, b, c, kind, w * %s::float8 AS w FROM tied', factor), '{"weight": "w", "max_leaf_nodes": 6}')
      FROM unnest(ARRAY[1, 3, 0.1, 1 / 7.0, 1e-5, 1e6 / 3, 0.7, 1.1]) factor) t;
SELECT custseg.drop_model('t', whole => true);
SELECT count(DISTINCT i.inertia / weight) AS inertias
FROM (VALUES (1), (2::float8 ^ -200), (2::float8 ^ 300)) v (weight),
    LATERAL custseg.train('w', format('SELECT x, y, w * %s AS w FROM data', weight), '{x,y}', 3, options => '{"weight": "w"}') i;
SELECT abs(a.inertia / b.inertia - 1) < 1e-12 AS rows_as_weights
FROM custseg.train('w', 'SELECT x, y FROM data, generate_series(1, w::int)', '{x,y}', 2, prep => '{"scale": "none"}', options => '{"init": [[0, 0], [90000, 50000]]}') a,
    custseg.train('w', 'data', '{x,y}', 2, prep => '{"scale": "none"}', options => '{"weight": "w", "init": [[0, 0], [90000, 50000]]}') b;
SELECT custseg.drop_model('w', whole => true);

-- constants are constant
SELECT count(*) AS columns, bool_and(mean = value) AS mean, max(standard_deviation) AS deviation, count(skewness) + count(kurtosis) + count(jarque_bera) + count(jarque_bera_p_value) AS shapes
FROM unnest(ARRAY[0, 1.1, 14.3, 0.1, -1e15 - 0.125, 1e-300, 4.9e-324, 1.7e308]::float8[]) value, unnest(ARRAY[2, 3, 7, 1000, 5000]) n,
    LATERAL custseg.describe(format('SELECT %L::float8 AS x FROM generate_series(1, %s)', value, n));
SELECT count(*) AS tests, count((a).f) + count((a).welch_f) + count((l).statistic) + count(pearson) AS defined
FROM (SELECT custseg.anova(14.3, i % 3) AS a, custseg.levene(14.3, i % 3) AS l FROM generate_series(1, 700) i) t,
    custseg.correlations('SELECT 14.3::float8 AS x, i AS y FROM generate_series(1, 700) i');
SELECT outcome('SELECT n_segments FROM custseg.train(''c'', ''SELECT i AS x, 0.1::float8 + 0.2 * (i % 2)::float8 * 0 + CASE WHEN i % 2 = 0 THEN 0.2::float8 ELSE 0.2::float8 + 2.7e-17 END AS y FROM generate_series(1, 1000) i'', ''{x,y}'', 2)');
SELECT name, prep ->> 'spread' AS spread FROM custseg.feature WHERE model = 'c' ORDER BY name DESC LIMIT 1;
SELECT custseg.drop_model('c', whole => true);

-- golden: exact in rational arithmetic (Python's fractions), then rounded
SELECT agrees(ARRAY[(a).f, (a).welch_f, (a).p_value], ARRAY[0.9489795918367347, 0.8037053149768488, 0.42270559472485847], 1e-12)
FROM (SELECT custseg.anova(1e15::float8 + v * 0.125, s) FROM (VALUES (0, 1), (1, 1), (2, 1), (3, 1), (1, 2), (2, 2), (3, 2), (5, 2), (0, 3), (0, 3), (4, 3), (1, 3)) t (v, s)) t (a);
SELECT agrees(ARRAY[standard_deviation, skewness, kurtosis], ARRAY[4.365326959772715e-06, 0.8956898400065642, -0.4158729338842975], 1e-12)
FROM custseg.describe('SELECT 1e9::float8 + i * 2::float8 ^ -20 AS x FROM unnest(ARRAY[0, 1, 2, 3, 5, 8, 13]) i');
SELECT n, agrees(pearson, -1, 1e-15) AS pearson, spearman FROM custseg.correlations('SELECT * FROM (VALUES (30.0::float8, 116.80000305175781::float8), (30.100000381469727, 116.8000030517578)) v (a, b)');

-- what doubles do not tell apart is counted as its type has it
SELECT column_name, n, n_distinct, round(standard_deviation::numeric, 4) AS deviation, skewness::numeric(6, 4), suggestion
FROM custseg.describe('SELECT 1800000000000000000 + i AS id, CASE WHEN i = 1 THEN 1 ELSE 1800000000000000000 + i / 2 END AS two,
    12345678901234567890123456789.1 + i % 4 / 10.0 AS decimal, -9223372036854775807 + i % 3 AS low FROM generate_series(1, 1000) i');

-- ranks of quantiles are whole where they are: percentages of 101 values, deciles of 91
CREATE FUNCTION border(percentile int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM custseg.train('r', 'SELECT i AS x FROM generate_series(1, 101) i', '{x}', algorithm => 'rules', deploy => true,
        options => format('{"segments": [{"name": "low", "when": {"x": {"to": {"percentile": %s}}}}, {"name": "rest"}], "else": "rest"}', percentile)::jsonb);
    RETURN (SELECT condition FROM custseg.rules('r') LIMIT 1);
END $$;
SELECT count(*) AS percentages, count(*) FILTER (WHERE border(p) <> 'x <= ' || p + 1) AS wrong FROM generate_series(1, 99) p;
SELECT custseg.drop_model('r', whole => true);
CREATE TABLE line AS SELECT 'c' || i AS customer, timestamptz '2026-01-01' AS day, i::numeric AS amount FROM generate_series(1, 91) i;
SELECT count(*) AS customers, count(*) FILTER (WHERE monetary_score <> greatest(ceil((monetary - 1) / 9), 1)) AS wrong
FROM custseg.rfm('line', 'customer', 'day', 'amount', options => '{"bins": 10}');
CREATE FUNCTION limits(share numeric) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM custseg.train('q', 'SELECT i AS x FROM generate_series(1, 101) i', '{x}', 2, prep => jsonb_build_object('clip', 'quantile', 'clip_limit', share), deploy => true);
    RETURN (SELECT concat_ws(' to ', prep #>> '{limits,0}', prep #>> '{limits,1}') FROM custseg.feature WHERE model = 'q' ORDER BY version DESC LIMIT 1);
END $$;
SELECT count(*) AS shares, count(*) FILTER (WHERE limits(p / 100.0) <> p + 1 || ' to ' || 101 - p) AS wrong FROM generate_series(1, 49) p;
SELECT custseg.drop_model('q', whole => true);

DROP SCHEMA numbers_test CASCADE;
\i :root/test/clean.sql
