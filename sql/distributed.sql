-- The distributed engine: passes over rows as aggregates, whose sums are exact.

\set SHOW_CONTEXT never
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
SET client_min_messages = warning;
CREATE TABLE buyer AS
SELECT i AS id, (h % 1000)::float8 / 10 + (i % 5) * 100 AS visits, ((h >> 10) % 997)::float8 / 7 + (i % 3) * 50 AS basket,
    exp(((h >> 20) % 1000)::float8 / 200) AS spent, (ARRAY['web', 'shop', 'phone', NULL])[1 + i % 4] AS channel,
    i % 7 = 0 AS member, CASE WHEN i % 11 = 0 THEN NULL ELSE (h >> 30) % 100 END::int AS age,
    date '2020-01-01' + (h >> 40)::int % 1000 AS since, (i % 3) * 0.37::float8 AS weight
FROM (SELECT i, abs(hashint8extended(i, 1)) AS h FROM generate_series(1, 5000) i) s;
ALTER TABLE buyer ADD PRIMARY KEY (id);

-- both engines from the same start: the same labels, range, quantiles and levels; inertia and profiles to the last bits
CREATE FUNCTION engines(source text, features text[], prep jsonb, options jsonb, algorithm text = 'kmeans') RETURNS TABLE (
    labels_differ bigint, baseline_differs bigint, iterations_differ int, inertia_close bool, profile_close bool, deviation_close bool
) LANGUAGE plpgsql AS $$
DECLARE
    start jsonb;
BEGIN
    SET LOCAL client_min_messages = error;
    PERFORM custseg.train('start', source, features, 5, prep => prep,
        options => options - 'covariance_type' || '{"n_init": 1, "max_iter": 2, "engine": "local", "silhouette_sample": 0}');
    start := (SELECT jsonb_build_object('init', jsonb_agg(to_jsonb(center) ORDER BY segment), 'silhouette_sample', 0) || CASE algorithm WHEN 'kmeans' THEN '{"tol": 0}' ELSE '{"max_iter": 12}' END::jsonb
        FROM custseg.segment WHERE model = 'start');
    PERFORM custseg.train(e, source, features, algorithm => algorithm, prep => prep, options => options || start || jsonb_build_object('engine', e))
    FROM unnest('{local,distributed}'::text[]) e;
    EXECUTE format('SELECT count(*) FILTER (WHERE custseg.predict(''local'', s) IS DISTINCT FROM custseg.predict(''distributed'', s)) FROM (%s) s',
        CASE WHEN source ~ '^SELECT' THEN source ELSE 'TABLE ' || source END) INTO labels_differ;
    SELECT count(*) FILTER (WHERE (l.n, l.n_null, l.minimum, l.maximum, l.quantiles, l.levels, l.level_counts)
            IS DISTINCT FROM (d.n, d.n_null, d.minimum, d.maximum, d.quantiles, d.levels, d.level_counts)),
        bool_and(l.mean IS NULL OR abs(l.mean - d.mean) <= 1e-14 * l.standard_deviation
            AND abs(l.standard_deviation - d.standard_deviation) <= 1e-14 * l.standard_deviation)
    INTO baseline_differs, deviation_close
    FROM custseg.feature l JOIN custseg.feature d USING (position) WHERE l.model = 'local' AND d.model = 'distributed';
    SELECT l.iterations - d.iterations, abs((l.metrics ->> 'inertia')::float8 - (d.metrics ->> 'inertia')::float8) <= 1e-12 * (l.metrics ->> 'inertia')::float8
    INTO iterations_differ, inertia_close
    FROM custseg.model_version l, custseg.model_version d WHERE l.model = 'local' AND d.model = 'distributed';
    SELECT bool_and(l.n = d.n AND abs(l.spread - d.spread) <= 1e-12 * l.spread
        AND (SELECT bool_and(abs(x - y) <= 1e-12 * (1 + abs(x))) FROM unnest(l.profile_values, d.profile_values) u(x, y)))
    INTO profile_close
    FROM custseg.segment l JOIN custseg.segment d USING (segment) WHERE l.model = 'local' AND d.model = 'distributed';
    PERFORM custseg.drop_model(e, whole => true) FROM unnest('{start,local,distributed}'::text[]) e;
    RETURN NEXT;
END $$;
SELECT * FROM engines('buyer', '{visits,basket,spent,channel,member,age,since}', '{}', '{}');
SELECT * FROM engines('buyer', '{visits,basket,spent,channel,age}', '{"scale": "robust", "clip": "iqr", "impute": "mean"}', '{}');
SELECT * FROM engines('buyer', '{visits,basket,spent,channel,age}',
    '{"scale": "minmax", "clip": "quantile", "columns": {"age": {"impute": "mode"}, "channel": {"encode": "frequency", "impute": "mode"}}}', '{}');
SELECT * FROM engines('buyer', '{visits,basket,spent,age}', '{"transform": "log1p", "clip": "zscore", "impute": "skip"}', '{}');
SELECT * FROM engines('buyer', '{visits,basket,spent,age,channel}',
    '{"columns": {"spent": {"transform": "quantile"}, "age": {"impute": "constant", "constant": 500}, "channel": {"encode": "ordinal", "levels": ["web", "shop"]}}}', '{}');
SELECT * FROM engines('buyer', '{visits,basket}', '{"scale": "none"}', '{}');
SELECT * FROM engines('buyer', '{visits,basket,spent}', '{}', '{"weight": "weight"}');
SELECT * FROM engines('SELECT id, 1e12 + visits / 100 AS a, 1e-9 * basket AS b, 1e12 + spent AS c FROM buyer', '{a,b,c}', '{}', '{}');

-- in the space of principal components of all rows: these are those of the local engine, with their signs
SELECT * FROM engines('buyer', '{visits,basket,spent,channel,member,age,since}', '{"pca": 3}', '{}');
SELECT * FROM engines('buyer', '{visits,basket,spent,age}', '{"pca": 0.9, "scale": "robust", "clip": "iqr", "columns": {"spent": {"transform": "log1p"}, "age": {"impute": "skip"}}}', '{}');
SELECT * FROM engines('buyer', '{visits,basket,spent}', '{"pca": 2}', '{"weight": "weight"}');
SELECT * FROM engines('buyer', '{visits,basket,spent}', '{"pca": 2}', '{"covariance_type": "full"}', 'gmm');
CREATE FUNCTION reductions(source text, features text[], prep jsonb) RETURNS TABLE (
    components int, mean_close bool, variance_close bool, total_close bool, components_close bool
) LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL client_min_messages = error;
    PERFORM custseg.train(e, source, features, 2, prep => prep, options => jsonb_build_object('engine', e, 'n_init', 1, 'max_iter', 1, 'silhouette_sample', 0))
    FROM unnest('{local,distributed}'::text[]) e;
    RETURN QUERY SELECT jsonb_array_length(l.r -> 'components'),
        (SELECT bool_and(abs(x::float8 - y::float8) <= 1e-9 * (1 + abs(x::float8))) FROM ROWS FROM (jsonb_array_elements_text(l.r -> 'mean'), jsonb_array_elements_text(d.r -> 'mean')) u(x, y)),
        (SELECT bool_and(abs(x::float8 - y::float8) <= 1e-9 * x::float8) FROM ROWS FROM (jsonb_array_elements_text(l.r -> 'variance'), jsonb_array_elements_text(d.r -> 'variance')) u(x, y)),
        abs((l.r ->> 'total_variance')::float8 - (d.r ->> 'total_variance')::float8) <= 1e-9 * (l.r ->> 'total_variance')::float8,
        (SELECT bool_and(abs(v::float8 - w::float8) <= 1e-9) FROM ROWS FROM (jsonb_array_elements(l.r -> 'components'), jsonb_array_elements(d.r -> 'components')) u(x, y),
            ROWS FROM (jsonb_array_elements_text(x), jsonb_array_elements_text(y)) z(v, w))
    FROM (SELECT reduction FROM custseg.model_version WHERE model = 'local') l(r), (SELECT reduction FROM custseg.model_version WHERE model = 'distributed') d(r);
    PERFORM custseg.drop_model(e, whole => true) FROM unnest('{local,distributed}'::text[]) e;
END $$;
SELECT * FROM reductions('buyer', '{visits,basket,spent,channel,member,age,since}', '{"pca": 9}');
SELECT * FROM reductions('buyer', '{visits,basket,spent,age}', '{"pca": 0.8, "impute": "skip"}');
-- far from 0, tiny, without scaling; and with outliers, and more rows than the sample has
SELECT * FROM reductions('SELECT id, 1e12 + visits AS a, 1e12 + 0.5 * visits + basket AS b, 1e12 + spent AS c FROM buyer', '{a,b,c}', '{"pca": 3, "scale": "none"}');
SELECT * FROM reductions('SELECT id, 1e-9 * visits AS a, 1e-9 * (visits + 0.1 * basket) AS b, 1e-9 * spent AS c FROM buyer', '{a,b,c}', '{"pca": 3, "scale": "none"}');
SELECT * FROM reductions('SELECT i AS id, i % 997 + CASE i WHEN 7 THEN 1e9 ELSE 0 END AS a, i % 997 * 0.3 + i * 7919 % 1009 - CASE i WHEN 9 THEN 1e7 ELSE 0 END AS b, i * 104729 % 10007 AS c FROM generate_series(1, 40000::bigint) i', '{a,b,c}', '{"pca": 3}');

-- likewise a mixture
SELECT t, e.*
FROM unnest('{full,tied,diag,spherical}'::text[]) t, engines('buyer', '{visits,basket,spent}', '{}', jsonb_build_object('covariance_type', t), 'gmm') e;
SELECT * FROM engines('buyer', '{visits,basket,spent}', '{}', '{"weight": "weight"}', 'gmm');

-- the same bits in whatever order rows come, and however they are laid out
CREATE TABLE reversed AS SELECT * FROM buyer ORDER BY id DESC;
CREATE TABLE shuffled AS SELECT * FROM buyer ORDER BY hashint8extended(id, 7);
CREATE TABLE parted (LIKE buyer) PARTITION BY HASH (id);
SELECT format('CREATE TABLE parted_%s PARTITION OF parted FOR VALUES WITH (MODULUS 5, REMAINDER %s)', i, i) FROM generate_series(0, 4) i \gexec
INSERT INTO parted SELECT * FROM buyer;
CREATE FUNCTION bits(model text) RETURNS text LANGUAGE sql AS $$
SELECT md5(concat((SELECT jsonb_agg(to_jsonb(s) - '{model}'::text[] ORDER BY segment) FROM custseg.segment s WHERE s.model = $1),
    (SELECT jsonb_agg(to_jsonb(f) - '{model}'::text[] ORDER BY position) FROM custseg.feature f WHERE f.model = $1),
    (SELECT metrics - '{read_milliseconds,prepare_milliseconds,fit_milliseconds}'::text[] FROM custseg.model_version v WHERE v.model = $1)))
$$;
SELECT t, n_rows, n_segments, converged
FROM unnest('{buyer,reversed,shuffled,parted}'::text[]) t,
    custseg.train(t, t, '{visits,basket,spent,channel,age}', 4, id => 'id', options => '{"engine": "distributed"}');
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT n_rows, n_segments, converged
FROM custseg.train('mixture parallel', 'buyer', '{visits,basket,spent,channel,age}', 4, 'gmm', options => '{"engine": "distributed"}');
SELECT n_rows, n_segments, converged
FROM custseg.train('parallel', 'buyer', '{visits,basket,spent,channel,age}', 4, id => 'id', options => '{"engine": "distributed"}');
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
SELECT n_rows, n_segments, converged
FROM custseg.train('mixture', 'reversed', '{visits,basket,spent,channel,age}', 4, 'gmm', id => 'id', options => '{"engine": "distributed"}');
SELECT bits('mixture') = bits('mixture parallel') AS same;
SELECT t, bits(t) = bits('buyer') AS same FROM unnest('{reversed,shuffled,parted,parallel}'::text[]) t;

-- and so do components
SELECT t, n_rows, n_segments
FROM unnest('{buyer,reversed,shuffled,parted}'::text[]) t,
    custseg.train('reduced ' || t, t, '{visits,basket,spent,channel,age}', 4, id => 'id', prep => '{"pca": 3}', options => '{"engine": "distributed"}');
SELECT t, bits('reduced ' || t) = bits('reduced buyer') AS same, v.reduction = b.reduction AS same_components
FROM unnest('{reversed,shuffled,parted}'::text[]) t, custseg.model_version v, custseg.model_version b
WHERE v.model = 'reduced ' || t AND b.model = 'reduced buyer'
ORDER BY t;

-- without k, without names of features, with few rows, with minibatch
SELECT n_rows, n_segments > 1 AS chosen FROM custseg.train('chosen', 'buyer', '{visits,basket}', options => '{"engine": "distributed"}');
SELECT n_rows, n_skipped, n_segments FROM custseg.train('all', 'buyer', k => 3, prep => '{"impute": "skip"}', options => '{"engine": "distributed"}');
SELECT array_agg(name ORDER BY position) FROM custseg.feature WHERE model = 'all';
SELECT n_rows, n_segments FROM custseg.train('few', 'SELECT i AS x FROM generate_series(1, 3) i', '{x}', 2, options => '{"engine": "distributed"}');
-- ids whose hash is that of another type
SELECT c, n_rows FROM unnest('{day,flag,"flag,id"}'::text[]) c, custseg.train('keyed', 'SELECT id, visits, basket, date ''2000-01-01'' + id AS day, id % 2 = 0 AS flag FROM buyer', '{visits,basket}', 3, id => c, options => '{"engine": "distributed"}');
SELECT n_rows, n_segments, iterations FROM custseg.train('mini', 'buyer', '{visits,basket}', 4, 'minibatch', options => '{"engine": "distributed", "tol": 0, "max_iter": 2}');

-- what a version keeps of it
SELECT options -> 'engine' AS engine, regexp_replace(note, '\d+ passes', 'N passes') AS note FROM custseg.model_version WHERE model = 'buyer';
-- retraining keeps segments' numbers and names
SELECT custseg.name_segment('buyer', 2, 'the second');
SELECT version, n_segments FROM custseg.retrain('buyer', deploy => true);
SELECT s.segment, s.name, s.n = o.n AS same FROM custseg.segment s JOIN custseg.segment o USING (model, segment)
WHERE model = 'buyer' AND s.version = 2 AND o.version = 1 ORDER BY 1;
-- a predecessor with other features
SELECT version, n_segments FROM custseg.train('buyer', 'buyer', '{visits,basket}', 4, deploy => true, options => '{"engine": "distributed"}');
SELECT string_agg(name, ', ' ORDER BY segment) FROM custseg.segment WHERE model = 'buyer' AND version = 3;

-- empty clusters take the rows that are farthest from their centres, as in memory
SELECT count(*) FROM (SELECT custseg.train(e, 'SELECT hashint8extended(i, 1) / 1e18 AS x, hashint8extended(i, 2) / 1e18 AS y FROM generate_series(1, 4003) i', '{x,y}', prep => '{"scale": "none"}',
        options => jsonb_build_object('engine', e, 'tol', 0, 'init', '[[0, 0], [100, 100], [101, 101], [5, 5], [102, 102]]'::jsonb))
    FROM unnest('{local,distributed}'::text[]) e) t;
SELECT l.segment, l.n = d.n AS same, (SELECT bool_and(abs(x - y) < 1e-12) FROM unnest(l.center, d.center) u(x, y)) AS same_center
FROM custseg.segment l JOIN custseg.segment d USING (segment) WHERE l.model = 'local' AND d.model = 'distributed' ORDER BY 1;

-- a table that does not fit into memory; it says so
SET client_min_messages = notice;
SET maintenance_work_mem = '1MB';
CREATE TABLE large AS SELECT i AS id, (i % 1000)::float8 AS a, ((i * 7919) % 1009)::float8 AS b FROM generate_series(1, 150000) i;
ANALYZE large;
SELECT n_rows, n_segments FROM custseg.train('large', 'large', '{a,b}', 3, options => '{"silhouette_sample": 0}');
SELECT n_rows FROM custseg.train('large', 'large', '{a,b}', 3, options => '{"engine": "local"}');
RESET maintenance_work_mem;

-- correlations of more rows than there is memory for: Pearson's of all rows, by ranks those of a sample
CREATE TABLE pairs AS SELECT i AS id, 1e12 + i * 7919::bigint % 1009 AS a, CASE WHEN i % 7 > 0 THEN sqrt(i * 7919::bigint % 1009) + i % 31 END AS b, i % 2 = 0 AS c,
    CASE WHEN i % 11 = 0 THEN 'NaN' WHEN i % 13 = 0 THEN 'Infinity' ELSE exp((i % 1000)::float8 / 100) END AS d, 0.1::float8 AS e,
    CASE WHEN i % 7 = 0 THEN 0.3 WHEN i % 5 = 0 THEN 0.7 END::float8 AS f, NULL::float8 AS g, 1e300 * (i % 5 - 2) AS h, 1e-300 * (i % 3) AS i FROM generate_series(1, 60000) i;
ANALYZE pairs;
SET maintenance_work_mem = '64MB';
CREATE TABLE correlations_local AS SELECT * FROM custseg.correlations('pairs');
SET maintenance_work_mem = '4MB';
CREATE TABLE correlations_passes AS SELECT * FROM custseg.correlations('pairs');
RESET maintenance_work_mem;
SELECT count(*), count(l.pearson) AS of_numbers, bool_and(l.n = p.n AND (l.pearson IS NULL) = (p.pearson IS NULL) AND (l.spearman IS NULL) = (p.spearman IS NULL)) AS same_rows,
    max(abs(l.pearson - p.pearson)) < 1e-12 AS pearson_close, bool_and(abs(l.pearson_p_value - p.pearson_p_value) <= 1e-9 * l.pearson_p_value) AS p_close,
    max(abs(l.spearman - p.spearman)) BETWEEN 1e-6 AND 0.08 AS spearman_of_sample
FROM correlations_local l JOIN correlations_passes p USING (column_a, column_b);
-- a value far out in a row that lacks the other column says nothing of the rows that have both
CREATE TABLE apart AS SELECT i AS id, CASE i WHEN 7 THEN 1e9 ELSE i % 997 END::float8 AS a, CASE i WHEN 7 THEN 1e300 ELSE 0.001 * (i % 991) END::float8 AS b,
    CASE i WHEN 7 THEN -1e20 ELSE 5 END::float8 AS c, CASE WHEN i <> 7 THEN i % 997 + i % 31 END AS d FROM generate_series(1, 60000) i;
ANALYZE apart;
CREATE TABLE apart_local AS SELECT * FROM custseg.correlations('apart');
SET maintenance_work_mem = '4MB';
SELECT p.column_a, p.column_b, p.n, round(p.pearson::numeric, 6) AS pearson, abs(p.pearson - l.pearson) < 1e-13 AS same
FROM custseg.correlations('apart') p JOIN apart_local l USING (column_a, column_b) WHERE column_b = 'd' ORDER BY column_a;
RESET maintenance_work_mem;
DROP TABLE apart, apart_local;
-- more columns than there is memory for
SET maintenance_work_mem = '1MB';
SELECT count(*) FROM custseg.correlations((SELECT 'SELECT ' || string_agg(format('nullif(i, %s) AS c%s', i, i), ', ') || ' FROM generate_series(1, 20000) i' FROM generate_series(1, 120) i));
RESET maintenance_work_mem;

-- how many segments, by passes over more rows than the sample has: each number is fitted as a training fits it, and
-- measured as evaluate() measures its model
CREATE TABLE groups AS SELECT i AS id, (h & 1023)::float8 / 300 + i % 4 * 9 AS a, (h >> 10 & 1023)::float8 / 300 + i % 3 * 7 AS b, (h >> 20 & 1023)::float8 / 300 AS c, (i % 3 + 1)::float8 AS weight
FROM (SELECT i, abs(hashint8extended(i, 5)) AS h FROM generate_series(1, 30000) i) s;
ANALYZE groups;
CREATE FUNCTION tried(algorithm text, prep jsonb, options jsonb, ks int[]) RETURNS TABLE (
    k int, inertia_same bool, bic_same bool, indices_close bool, shares_same bool, silhouette_near bool
) LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL client_min_messages = error;
    PERFORM custseg.train('tried ' || x, 'groups', '{a,b,c}', x, algorithm, prep => prep, options => options || '{"engine": "distributed"}') FROM unnest(ks) x;
    RETURN QUERY SELECT c.k, c.inertia = (v.metrics ->> 'inertia')::float8, c.bic IS NOT DISTINCT FROM (v.metrics ->> 'bic')::float8,
        abs(c.calinski_harabasz - (e.m ->> 'calinski_harabasz')::float8) <= 1e-9 * c.calinski_harabasz AND abs(c.davies_bouldin - (e.m ->> 'davies_bouldin')::float8) <= 1e-9 * c.davies_bouldin,
        c.smallest_share = (SELECT min(share) FROM custseg.segment s WHERE s.model = v.model) AND c.largest_share = (SELECT max(share) FROM custseg.segment s WHERE s.model = v.model),
        abs(c.silhouette - (e.m ->> 'silhouette')::float8) < 0.05
    FROM custseg.choose_k('groups', '{a,b,c}', (SELECT min(x) FROM unnest(ks) x), (SELECT max(x) FROM unnest(ks) x), algorithm, prep => prep, options => options || '{"engine": "distributed", "gap_references": 0}') c
    JOIN unnest(ks) x ON x = c.k JOIN custseg.model_version v ON v.model = 'tried ' || x,
        LATERAL (SELECT jsonb_object_agg(metric, result) FROM custseg.evaluate('tried ' || x, 'groups')) e(m);
    PERFORM custseg.drop_model('tried ' || x, whole => true) FROM unnest(ks) x;
END $$;
-- more numbers than go on together
SELECT * FROM tried('kmeans', '{}', '{"n_init": 1, "silhouette_sample": 2000}', '{2,3,12,17,18}') ORDER BY k;
SELECT * FROM tried('minibatch', '{"pca": 2}', '{"weight": "weight", "silhouette_sample": 2000}', '{2,5}') ORDER BY k;
SELECT * FROM tried('gmm', '{}', '{"covariance_type": "diag", "silhouette_sample": 2000}', '{2,4}') ORDER BY k;
-- the choice, and what it says
SELECT k, votes, recommended, left(reason, 187) AS reason FROM custseg.choose_k('groups', '{a,b,c}', 10, 13, options => '{"engine": "distributed", "gap_references": 2, "silhouette_sample": 2000}');
-- more rows than there is memory for
SET maintenance_work_mem = '1MB';
SELECT k, votes, recommended FROM custseg.choose_k('large', '{a,b}', 2, 4, options => '{"gap_references": 2}');
SELECT k FROM custseg.choose_k('large', '{a,b}', 2, 4, options => '{"engine": "local"}');
RESET maintenance_work_mem;
-- too few different rows; and an algorithm that needs the rows themselves
SELECT k, inertia, silhouette, calinski_harabasz, recommended, reason FROM custseg.choose_k('SELECT i AS x FROM generate_series(1, 2) i', '{x}', 2, 2, options => '{"engine": "distributed"}');
SELECT k, round(inertia), votes FROM custseg.choose_k('SELECT id, visits, basket FROM buyer WHERE id <= 500', '{visits,basket}', 2, 3, 'hierarchical', id => 'id', options => '{"engine": "distributed", "gap_references": 0}');

-- what needs the rows themselves has a sample of them
SET maintenance_work_mem = '8MB';
SELECT n_rows BETWEEN 100 AND 5000 AS sampled, n_segments FROM custseg.train('dense', 'SELECT id, basket, visits, ''level '' || id % 90 AS level FROM buyer', '{basket,visits,level}', algorithm => 'hierarchical', k => 3, id => 'id', options => '{"engine": "distributed", "silhouette_sample": 0}');
SELECT n_rows BETWEEN 1000 AND 5000 AS sampled FROM custseg.train('dense', 'buyer', '{basket,visits}', algorithm => 'dbscan', deploy => true, options => '{"engine": "distributed", "eps": 0.2, "silhouette_sample": 0}');
RESET maintenance_work_mem;
SELECT note ~ 'a sample of \d+ of 5000 rows' AS said FROM custseg.model_version WHERE model = 'dense';

-- more components than there are columns, and more columns than there is memory for
SELECT custseg.train('x', 'buyer', '{visits,basket,spent}', 3, prep => '{"pca": 4}', options => '{"engine": "distributed"}');
SET maintenance_work_mem = '1MB';
SELECT custseg.train('x', 'SELECT i AS id, ''a'' || i % 95 AS a, ''b'' || i % 97 AS b, ''c'' || i % 93 AS c FROM generate_series(1, 999) i', '{a,b,c}', 2, prep => '{"pca": 2}', options => '{"engine": "distributed"}');
RESET maintenance_work_mem;
-- what is judged before a training: of all rows, or of a sample that all have a part in preparing
SELECT count(*), max(abs(a.eigenvalue - b.eigenvalue)) < 1e-12 AS same_variance, max(abs((a.loadings ->> 'spent')::float8 - (b.loadings ->> 'spent')::float8)) < 1e-9 AS same_loadings
FROM custseg.pca('buyer', '{visits,basket,spent}', options => '{"engine": "distributed"}') a JOIN custseg.pca('buyer', '{visits,basket,spent}') b USING (component);
SELECT a.feature, a.keep, a.correlated_with, abs(a.correlation - b.correlation) < 1e-12 AS same, a.reason = b.reason AS same_reason
FROM custseg.select_features('buyer', '{visits,basket,spent}', options => '{"engine": "distributed"}') a JOIN custseg.select_features('buyer', '{visits,basket,spent}') b USING (feature);
SELECT count(*), sum(n) FROM custseg.stability('buyer', '{visits,basket}', 3, 2, options => '{"engine": "distributed", "sample": 500}');
SELECT n, n_sampled FROM custseg.clusterability('buyer', '{visits,basket}', options => '{"engine": "distributed", "sample": 400}');
SELECT count(*) FROM custseg.dendrogram('buyer', '{visits,basket}', options => '{"engine": "distributed"}');
-- without enough memory for all rows
SET maintenance_work_mem = '1MB';
SELECT count(*), round(sum(variance_share)::numeric, 9) FROM custseg.pca('SELECT b.* FROM buyer b, generate_series(1, 9)', '{visits,basket,spent}');
RESET maintenance_work_mem;
-- what it cannot do
SELECT custseg.train('x', 'SELECT ARRAY[i, 2.0]::float8[] AS v FROM generate_series(1, 9) i', '{v}', 2, options => '{"engine": "distributed"}');
SELECT custseg.train('x', 'buyer', '{visits,basket}', 3, options => '{"engine": "cloud"}');
SELECT custseg.train('x', 'SELECT * FROM buyer WHERE false', '{visits,basket}', 3, options => '{"engine": "distributed"}');
SELECT custseg.train('x', 'SELECT id, ''infinity''::float8 AS x FROM buyer', '{x}', 3, options => '{"engine": "distributed"}');
SELECT custseg.train('x', 'SELECT id, CASE WHEN id % 1000 = 7 THEN ''-infinity'' ELSE visits END AS x, basket FROM buyer', '{x,basket}', 3, options => '{"engine": "distributed"}');
SELECT custseg.train('x', 'SELECT *, -1 AS w FROM buyer', '{visits}', 3, options => '{"engine": "distributed", "weight": "w"}');
SELECT count(*) FROM custseg.model WHERE name = 'x';

-- quantiles of values over many decades, of a few that occur often among many that do not, and of few rows for the memory there is: as those of all rows in memory
CREATE TABLE uneven AS
SELECT i AS id, power(10::float8, u * 300 - 150) AS decades, -power(10::float8, u * u * u * 150) AS tail,
    CASE WHEN i % 3 = 0 THEN power(2::float8, -(i % 97)) ELSE v * 1e-150 END AS atoms, round((v * 30)::numeric)::float8 AS whole
FROM generate_series(1, 40000) i, LATERAL (SELECT (hashint8extended(i, 1) & 1048575) / 1048576.0::float8 AS u, (hashint8extended(i, 2) & 1048575) / 1048576.0::float8 AS v) h;
SET client_min_messages = error;
SELECT count(*) FROM unnest('{64MB,2MB,1MB}'::text[]) memory, set_config('maintenance_work_mem', memory, false) x,
    custseg.train('uneven ' || x, 'uneven', '{decades,tail,atoms,whole}', 2, options => '{"engine": "distributed", "max_iter": 1, "silhouette_sample": 0}');
RESET maintenance_work_mem;
SELECT n_rows FROM custseg.train('uneven', 'uneven', '{decades,tail,atoms,whole}', 2, options => '{"engine": "local", "max_iter": 1, "silhouette_sample": 0}');
SELECT d.model, count(*), count(*) FILTER (WHERE d.quantiles = l.quantiles AND array_length(l.quantiles, 1) = 1001) AS n_same
FROM custseg.feature l JOIN custseg.feature d USING (name) WHERE l.model = 'uneven' AND d.model LIKE 'uneven %' GROUP BY d.model ORDER BY d.model COLLATE "C";
DROP TABLE uneven;

-- states and plans that are none
SET client_min_messages = error;
CREATE FUNCTION a_plan(parts text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
SELECT convert_to(format('{"numbers": 1, "levels": 0, "skip_numbers": [], "skip_levels": [], "parts": [%s]}', parts), 'UTF8')
$$;
SELECT custseg_private.pass('\x7b7d'::bytea, ARRAY[1]::float8[]);
SELECT custseg_private.pass('\xff'::bytea, ARRAY[1]::float8[]);
SELECT custseg_private.pass(NULL, ARRAY[1]::float8[]);
SELECT custseg_private.pass(a_plan('{"pass": "survey"}'), ARRAY[1, 2]::float8[]);
SELECT custseg_private.pass(a_plan('{"pass": "survey"}'), NULL);
SELECT custseg_private.pass(convert_to('{"numbers": 1, "levels": 0, "skip_numbers": [5], "skip_levels": [], "parts": [{"pass": "survey"}]}', 'UTF8'), ARRAY[1]::float8[]);
SELECT custseg_private.pass(convert_to('{"numbers": 1, "levels": 0, "skip_numbers": [], "skip_levels": [], "parts": [{"pass": "dance"}]}', 'UTF8'), ARRAY[1]::float8[]);
SELECT custseg_private.pass(convert_to('{"numbers": 1, "levels": 0, "skip_numbers": [], "skip_levels": [], "parts": [{"pass": "kmeans"}]}', 'UTF8'), ARRAY[1]::float8[]);
SELECT custseg_private.pass(a_plan('{"pass": "covariance", "rows": 1, "middle": [0], "reach": [1]}'), ARRAY[1]::float8[]);
SELECT custseg_private.pass(a_plan('{"pass": "validity", "rows": 1, "heaviest": 1, "labelled": false, "reach": [1], "centers": [[0]]}'), ARRAY[1]::float8[]);
SELECT custseg_private.pass(a_plan('{"pass": "correlations", "rows": 1, "middle": [0], "reach": [1], "complete": [1]}'), ARRAY[1]::float8[]);
SELECT custseg_private.pass(a_plan('{"pass": "correlations", "rows": 1, "middle": [0, 0], "reach": [1, 1], "complete": []}'), ARRAY[1]::float8[]);
SELECT custseg_private.pass(a_plan('{"pass": "correlations", "rows": 1, "middle": [0], "reach": [1], "complete": [0]}'), ARRAY[NULL]::float8[]);
SELECT custseg_private.pass(a_plan('{"pass": "correlations", "rows": 1, "middle": [0], "reach": [1], "complete": []}'), ARRAY[1e300]::float8[]);
SELECT custseg_private.pass(a_plan('{"pass": "pairs", "rows": 1, "pairs": [[0, 1, 0, 0, 1, 1]]}'), ARRAY[1]::float8[]);
SELECT custseg_private.pass(a_plan('{"pass": "pairs", "rows": 1, "pairs": [[0.5, 0, 0, 0, 1, 1]]}'), ARRAY[1]::float8[]);
SELECT custseg_private.pass(a_plan('{"pass": "pairs", "rows": 1, "pairs": [[0, 0]]}'), ARRAY[1]::float8[]);
SELECT custseg_private.pass(a_plan('{"pass": "pairs", "rows": 1, "pairs": [[0, 0, 0, 0, 1, 1]]}'), ARRAY[1e300]::float8[]);
SELECT custseg_private.pass_merge(s) FROM (VALUES ('\x00'::bytea)) v(s);
SELECT custseg_private.pass_merge(decode(repeat('31505343', 20), 'hex'));
SELECT custseg_private.pass_merge(s) FROM (
    SELECT custseg_private.pass(a_plan('{"pass": "survey"}'), ARRAY[1]::float8[]) AS s
    UNION ALL SELECT custseg_private.pass(convert_to('{"numbers": 2, "levels": 0, "skip_numbers": [], "skip_levels": [], "parts": [{"pass": "survey"}]}', 'UTF8'), ARRAY[1, 2]::float8[])
) s;
-- any parts in any order: what measures where rows are leaves out those that the part before it has not placed there
CREATE TABLE pole AS SELECT x, x % 7 AS y FROM unnest('{0,1,10,11}'::int[]) x;
SELECT version FROM custseg.train('narrow', 'pole', '{x}', 2, prep => '{"scale": "none"}');
SELECT version FROM custseg.train('wide', 'pole', '{x,y}', 2, prep => '{"scale": "none", "impute": "error"}');
CREATE FUNCTION of_parts(parts text[], x float8, OUT state bytea, OUT result text) LANGUAGE plpgsql AS $$
BEGIN
    SELECT custseg_private.pass(convert_to(format('{"numbers": 2, "levels": 0, "skip_numbers": [], "skip_levels": [], "parts": [%s]}', array_to_string(parts, ',')), 'UTF8'), ARRAY[x, NULL]) INTO state;
    result := 'a state';
EXCEPTION WHEN data_exception OR object_not_in_prerequisite_state THEN
    GET STACKED DIAGNOSTICS result = PG_EXCEPTION_DETAIL;
END
$$;
CREATE TABLE part AS
SELECT kind || coalesce(' ' || model, '') AS name, format(json, custseg.scorer(model)::jsonb) AS json
FROM (VALUES
    ('placed', 'narrow', '{"pass": "placed", "rows": 9, "columns": [0], "definition": %s}'),
    ('placed', 'wide', '{"pass": "placed", "rows": 9, "columns": [0, 1], "definition": %s}'),
    ('groups', 'narrow', '{"pass": "groups", "rows": 9, "columns": [0], "definition": %s}'),
    ('groups', 'wide', '{"pass": "groups", "rows": 9, "columns": [0, 1], "definition": %s}'),
    ('range', NULL, '{"pass": "placed_range"}'),
    ('measures of 1', NULL, '{"pass": "placed_validity", "rows": 9, "heaviest": 1, "labelled": true, "reach": [99], "centers": [[0], [0]]}'),
    ('measures of 2', NULL, '{"pass": "placed_validity", "rows": 9, "heaviest": 1, "labelled": true, "reach": [99, 99], "centers": [[0, 0], [0, 0]]}')
) v(kind, model, json);
SELECT regexp_replace(r.result, 'part \d', 'a part') AS result, count(*) FROM part a, part b, part c, part d, of_parts(ARRAY[a.json, b.json, c.json, d.json], 1) r GROUP BY 1 ORDER BY regexp_replace(r.result, 'part \d', 'a part') COLLATE "C";
SELECT (of_parts(ARRAY[format('{"pass": "margin", "columns": [0], "definition": %s, %s}', custseg.scorer('narrow')::jsonb, rest)], 1)).result
FROM (VALUES ('"ranks": [1, "two"], "most": 1, "room": 5, "key": 0'), ('"ranks": [1, -2], "most": 1, "room": 5, "key": 0'), ('"ranks": [1, 2], "most": 1, "room": 5'), ('"ranks": [1, 2], "most": 1, "room": 5, "key": 0')) v(rest);
-- 0 and 1 are as far from their centre
SELECT p.names, (of_parts(p.parts, 0)).state = (of_parts(p.parts, 1)).state AS same
FROM (VALUES
    ('placed narrow, range'), ('placed narrow, measures of 1'),
    ('placed narrow, groups narrow, range'), ('placed narrow, groups narrow, measures of 1'),
    ('placed wide, groups narrow, range'), ('placed wide, groups narrow, measures of 2'),
    ('placed narrow, placed wide, groups narrow, range'), ('placed narrow, placed wide, groups narrow, measures of 2')
) v(names), LATERAL (SELECT v.names, array_agg(part.json ORDER BY n.at) AS parts FROM unnest(string_to_array(v.names, ', ')) WITH ORDINALITY n(name, at) JOIN part USING (name)) p;
DROP TABLE pole, part;
DROP FUNCTION of_parts;
-- as many plans as a statement has stay open, though each comes with the first row alone
CREATE FUNCTION with_plans(n int, OUT same bool) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'SELECT ' || (SELECT string_agg(replace(
        'custseg_private.pass(custseg_private.once(PLAN), ARRAY[x]::float8[]) = custseg_private.pass(PLAN, ARRAY[x]::float8[])',
        'PLAN', format('a_plan(%L)', '{"pass": "survey"}' || repeat(' ', i))), ' AND ') FROM generate_series(1, n) i)
        || ' FROM generate_series(1, 100) x' INTO same;
END
$$;
SELECT n, same FROM unnest('{4,5,40}'::int[]) n, with_plans(n) AS same;
-- a plan that is in error leaves nothing in the memory of its transaction
CREATE FUNCTION bytes_left(OUT bytes bigint) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..200 LOOP
        BEGIN
            PERFORM custseg_private.pass(a_plan(format('{"pass": "dance %s"}', i)), ARRAY[1]::float8[]);
        EXCEPTION WHEN OTHERS THEN
            NULL;
        END;
    END LOOP;
    SELECT coalesce(sum(total_bytes), 0) INTO bytes FROM pg_backend_memory_contexts WHERE name IN ('custseg passes', 'custseg pass', 'custseg plan');
END
$$;
SELECT bytes < 100000 AS is_little FROM bytes_left();
CREATE AGGREGATE forged(bytea, float8[]) (SFUNC = custseg_private.pass_accum, STYPE = bytea, INITCOND = '\x3150534300');
SELECT forged(a_plan('{"pass": "survey"}'), ARRAY[1]::float8[]);
SELECT custseg_private.pass_accum(NULL, a_plan('{"pass": "survey"}'), ARRAY[1]::float8[]);
DROP AGGREGATE forged(bytea, float8[]);
-- a packed state that ends too early or too late is none; one of which bytes are others is an error, or a state of other numbers
CREATE FUNCTION merged(state bytea, OUT result text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM custseg_private.pass_merge(s) FROM (VALUES (state), (state)) v(s);
    result := 'a state';
EXCEPTION WHEN invalid_parameter_value OR program_limit_exceeded OR object_not_in_prerequisite_state THEN
    result := sqlerrm;
END
$$;
CREATE TABLE packed AS
SELECT custseg_private.pass(a_plan('{"pass": "survey"}, {"pass": "sample", "room": 50, "numbers": 1, "key": 0, "seed": 3, "highest": -1, "levels": []},'
    '{"pass": "ranks", "columns": [{"n_cuts": 2, "cuts": "iP///////+s/AQAAAAAAKIA=", "n_gaps": 1, "gaps": "AQE=", "most": 90, "ends": true}]}'), ARRAY[x]::float8[]) AS state
FROM generate_series(-20, 20) x;
SELECT result, count(*) FROM packed, generate_series(0, length(state) - 1) n, merged(substr(state, 1, n)) GROUP BY result ORDER BY result COLLATE "C";
SELECT result, count(*) FROM packed, unnest(ARRAY[state, state || '\x00', state || state]) s, merged(s) GROUP BY result ORDER BY result COLLATE "C";
SELECT result IN ('a state', 'invalid state of a pass') OR result LIKE 'a pass would add up % MB' AS is_fine, count(*)
FROM packed, generate_series(0, length(state) - 1) at, unnest('{0,1,127,255}'::int[]) byte, merged(set_byte(state, at, byte)) GROUP BY 1;
-- cuts that are no packed numbers, not so many, or do not ascend
SELECT custseg_private.pass(a_plan('{"pass": "ranks", "columns": [{"n_cuts": 2, "cuts": "ihTA////////138=", "n_gaps": 0, "most": 0, "ends": false}]}'), ARRAY[1]::float8[]);
SELECT custseg_private.pass(a_plan('{"pass": "ranks", "columns": [{"n_cuts": 2, "cuts": "!", "n_gaps": 0, "most": 0, "ends": false}]}'), ARRAY[1]::float8[]);
SELECT custseg_private.pass(a_plan('{"pass": "ranks", "columns": [{"n_cuts": 3, "cuts": "iP///////+s/AQAAAAAAKIA=", "n_gaps": 0, "most": 0, "ends": false}]}'), ARRAY[1]::float8[]);
SELECT custseg_private.pass(a_plan('{"pass": "ranks", "columns": [{"n_cuts": 0, "n_gaps": 1, "gaps": "AQE=", "most": 0, "ends": false}]}'), ARRAY[1]::float8[]);
DROP TABLE packed;
DROP FUNCTION merged;

DROP FUNCTION engines, reductions, tried, bits, a_plan, bytes_left;
DROP TABLE buyer, reversed, shuffled, parted, large, pairs, correlations_local, correlations_passes, groups;
\i :root/test/clean.sql
