--
-- What only a training knows is kept with the version: model_version.diagnostics, and the views training_*.
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS diagnostics_test CASCADE;
CREATE SCHEMA diagnostics_test;
SET search_path = diagnostics_test, public;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

CREATE TABLE customer AS
SELECT i AS id, i % 4 * 10 + test_u1 AS a, i % 2 * 20 + test_u2 AS b, test_u3 * 5 AS c, (ARRAY['web', 'shop'])[1 + i % 2] AS channel
FROM (SELECT i, (i * 7919 % 1009) / 1009.0 AS test_u1, (i * 104729 % 1013) / 1013.0 AS test_u2, (i * 1299709 % 1019) / 1019.0 AS test_u3 FROM generate_series(1, 600) i) r;

-- rows have the columns of the functions that show such curves, in the views too
SELECT v.view, v.function, array_agg(p.name ORDER BY p.position) = (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
    WHERE a.attrelid = v.view::regclass AND a.attnum > 2) AS same_columns
FROM (VALUES ('custseg.training_choose_k', 'choose_k'), ('custseg.training_merges', 'dendrogram'), ('custseg.training_k_distance', 'k_distance'), ('custseg.training_scree', 'pca')) v (view, function),
    LATERAL (SELECT u.name, u.position FROM pg_proc f, unnest(f.proargnames, f.proargmodes) WITH ORDINALITY u (name, mode, position)
        WHERE f.pronamespace = 'custseg'::regnamespace AND f.proname = v.function AND u.mode = 'o' AND u.name <> 'loadings') p
GROUP BY 1, 2 ORDER BY 1;
CREATE FUNCTION kept(m text, v int DEFAULT 1) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(key || ' ' || CASE jsonb_typeof(value) WHEN 'array' THEN jsonb_array_length(value)::text ELSE jsonb_typeof(value) END, ', ' ORDER BY key COLLATE "C")
    FROM custseg.model_version x, jsonb_each(x.diagnostics) WHERE x.model = m AND x.version = v
$$;

-- the numbers of segments that were tried, as choose_k() tries them
SELECT version, n_segments FROM custseg.train('chosen', 'customer', '{a,b,c}', options => '{"silhouette_sample": 20000}');
SELECT kept('chosen');
SELECT count(*) AS n, bool_and(to_jsonb(t) - '{model,version,gap,gap_se,reason}'::text[] = to_jsonb(c) - '{gap,gap_se,reason}'::text[]) AS same,
    bool_and(t.reason IS NOT DISTINCT FROM c.reason) AS same_reason, count(t.gap) AS gaps, min(t.k) FILTER (WHERE t.recommended) AS recommended
FROM custseg.training_choose_k t JOIN custseg.choose_k('customer', '{a,b,c}', options => '{"gap_references": 0}') c USING (k) WHERE t.model = 'chosen' AND t.version = 1;
SELECT version FROM custseg.train('given', 'customer', '{a,b,c}', 4);
SELECT kept('given'), (SELECT count(*) FROM custseg.training_choose_k WHERE model = 'given') AS tried;
-- of many rows those of the search; by a likelihood its criterion
SELECT version FROM custseg.train('searched', 'SELECT id, a + n AS a, b, c FROM customer, generate_series(0, 2) n', '{a,b,c}');
SELECT kept('searched'), (SELECT array_agg(k ORDER BY k) FROM custseg.training_choose_k WHERE model = 'searched') AS tried, (SELECT n_segments FROM custseg.model_version WHERE model = 'searched') = (SELECT k FROM custseg.training_choose_k WHERE model = 'searched' AND recommended) AS taken;
SELECT version FROM custseg.train('likely', 'customer', '{a,b}', algorithm => 'gmm');
SELECT kept('likely'), (SELECT count(bic) FROM custseg.training_choose_k WHERE model = 'likely') AS bics;
-- when nothing can be chosen
SELECT version, n_segments FROM custseg.train('two rows', 'SELECT * FROM customer WHERE id <= 2', '{a,b}');
SELECT kept('two rows');
SELECT k, votes, recommended, reason FROM custseg.training_choose_k WHERE model = 'two rows';

-- the highest merges, numbered as dendrogram() numbers them
SELECT version FROM custseg.train('tree', 'SELECT * FROM customer ORDER BY id', '{a,b,c}', 4, 'hierarchical', 'id');
SELECT kept('tree');
SELECT count(*) AS n, min(t.step) AS lowest, max(t.step) AS highest, bool_and(to_jsonb(t) - '{model,version}'::text[] = to_jsonb(d)) AS same
FROM custseg.training_merges t JOIN custseg.dendrogram('SELECT * FROM customer ORDER BY id', '{a,b,c}', id => 'id') d USING (step) WHERE t.model = 'tree';
SELECT version FROM custseg.train('few', 'SELECT * FROM customer WHERE id <= 5 ORDER BY id', '{a,b}', 2, 'hierarchical', 'id', options => '{"linkage": "single"}');
SELECT step, cluster_a, cluster_b, n, round(height::numeric, 6) = (SELECT round(d.height::numeric, 6) FROM custseg.dendrogram('SELECT * FROM customer WHERE id <= 5 ORDER BY id', '{a,b}', 'single', 'id') d WHERE d.step = t.step) AS same
FROM custseg.training_merges t WHERE model = 'few' ORDER BY step;
SELECT version FROM custseg.train('few', 'SELECT * FROM customer WHERE id <= 2', '{a,b}', 2, 'hierarchical');
SELECT kept('few', 2);

-- of hdbscan: clusters of at least min_cluster_size; four places, two and two of which are near each other
SELECT version, n_segments FROM custseg.train('dense', 'SELECT id, id % 2 * 100 + id % 4 / 2 * 10 + (id / 4 % 8) / 10.0 AS x, (id / 32) / 10.0 AS y FROM customer WHERE id < 512', '{x,y}', algorithm => 'hdbscan', id => 'id',
    prep => '{"scale": "none"}', options => '{"min_cluster_size": 20, "min_samples": 3}');
SELECT kept('dense');
SELECT step, cluster_a, cluster_b, round(height::numeric, 6) AS height, n FROM custseg.training_merges WHERE model = 'dense' ORDER BY step;
-- any tree: numbers that there are, heights that ascend, each cluster merged once, rows that add up
SELECT version FROM custseg.train('dense', 'customer', '{a,b,c}', algorithm => 'hdbscan', options => '{"min_cluster_size": 2, "min_samples": 1}');
WITH m AS (SELECT t.*, max(step) OVER () + 1 AS leaves, lag(height, 1, 0) OVER (ORDER BY step) AS before FROM custseg.training_merges t WHERE model = 'dense' AND version = 2),
    part AS (SELECT m.*, c AS cluster, c - leaves + 1 AS made_by FROM m, unnest(ARRAY[cluster_a, cluster_b]) c)
SELECT count(*) > 100 AS many, bool_and(cluster_a < cluster_b AND cluster_b < leaves + step - 1) AS numbered, bool_and(height >= before) AS ascending,
    (SELECT count(*) = count(DISTINCT cluster) FROM part) AS merged_once,
    (SELECT count(*) FROM part w JOIN m p ON p.step = w.made_by WHERE p.n >= w.n OR p.height > w.height) AS larger_than_the_whole, max(n) <= 600 AS at_most_all
FROM m;
SELECT version FROM custseg.train('no cluster', 'SELECT * FROM customer WHERE id <= 3', '{a,b}', algorithm => 'hdbscan', prep => '{"scale": "none"}');
SELECT kept('no cluster');

-- the curve that eps was read from, at 200 points and the knee
SELECT version FROM custseg.train('places', 'customer', '{a,b}', algorithm => 'dbscan', id => 'id');
SELECT kept('places') ~ 'k_distance 20[01]' AS kept;
SELECT count(*) AS different FROM (
    SELECT n, share, distance, knee FROM custseg.training_k_distance WHERE model = 'places'
    EXCEPT SELECT * FROM custseg.k_distance('customer', '{a,b}', 5, options => '{"points": 200}')) d;
SELECT t.distance = (v.metrics ->> 'eps')::float8 AS is_eps FROM custseg.training_k_distance t JOIN custseg.model_version v USING (model, version) WHERE model = 'places' AND knee;
SELECT version FROM custseg.train('places', 'customer', '{a,b}', algorithm => 'dbscan', options => '{"eps": 0.5}');
SELECT kept('places', 2);
SELECT version FROM custseg.train('places', 'SELECT * FROM customer WHERE id <= 7', '{a,b}', algorithm => 'dbscan');
SELECT kept('places', 3);

-- variances of the components: those of pca(), of a sample where there are many rows
SELECT count(*) AS n, bool_and(t.component = p.component AND agrees(t.eigenvalue, p.eigenvalue) = 't' AND agrees(t.variance_share, p.variance_share) = 't'
    AND agrees(t.cumulative_share, p.cumulative_share) = 't') AS same
FROM custseg.training_scree t JOIN custseg.pca('customer', '{a,b,c}') p USING (component) WHERE t.model = 'given';
SELECT version FROM custseg.train('mixed', 'customer', '{a,b,c,channel}', 3);
SELECT count(*) AS n, bool_and(abs(t.eigenvalue - p.eigenvalue) < 1e-12 AND abs(t.cumulative_share - p.cumulative_share) < 1e-12) AS same
FROM custseg.training_scree t JOIN custseg.pca('customer', '{a,b,c,channel}') p USING (component) WHERE t.model = 'mixed';
SELECT version FROM custseg.train('reduced', 'customer', '{a,b,c}', 3, prep => '{"pca": 2}');
SELECT count(*) AS n, bool_and(t.eigenvalue = p.eigenvalue AND t.variance_share = p.variance_share AND t.cumulative_share = p.cumulative_share) AS same
FROM custseg.training_scree t JOIN custseg.pca('customer', '{a,b,c}', '{"pca": 2}') p USING (component) WHERE t.model = 'reduced';
CREATE TABLE crowd AS SELECT i AS id, i % 3 + (i * 7919 % 10007) / 10007.0 AS a, i % 3 * 2 - (i * 104729 % 10009) / 10009.0 AS b, (i * 1299709 % 10037) / 10037.0 AS c FROM generate_series(1, 20000::bigint) i;
SELECT version FROM custseg.train('crowd', 'crowd', '{a,b,c}', 3);
SELECT count(*) AS n, max(abs(t.variance_share - p.variance_share)) < 0.02 AS near
FROM custseg.training_scree t JOIN custseg.pca('crowd', '{a,b,c}') p USING (component) WHERE t.model = 'crowd';
SELECT (SELECT string_agg(format('sin(id * %s) AS f%s', i, i), ', ') FROM generate_series(1, 61) i) AS wide \gset
SELECT version FROM custseg.train('wide', 'SELECT id, ' || :'wide' || ' FROM customer', NULL, 2, id => 'id', prep => '{"columns": {"f61": {"scale": "none"}}}');
SELECT kept('wide');
SELECT version FROM custseg.train('wide', 'SELECT id, ' || replace(:'wide', ', sin(id * 61) AS f61', '') || ' FROM customer', NULL, 2, id => 'id');
SELECT kept('wide', 2);
SELECT max(abs(t.eigenvalue - p.eigenvalue)) < 1e-12 AS same, abs(max(t.cumulative_share) - 1) < 1e-12 AS whole
FROM custseg.training_scree t JOIN custseg.pca('SELECT id, ' || replace(:'wide', ', sin(id * 61) AS f61', '') || ' FROM customer', NULL) p USING (component) WHERE t.model = 'wide';
SELECT version FROM custseg.train('ruled', 'customer', algorithm => 'rules', options => '{"segments": [{"name": "low", "when": {"a": {"to": 6}}}, {"name": "high"}], "else": "high"}');
SELECT kept('ruled');

-- a publication has them as a part
SELECT part, n, reason FROM custseg.publish('tree', 'customer', '{"surrogate": false}') WHERE part = 'training';
SELECT r.body = v.diagnostics AS same FROM custseg.report r JOIN custseg.model_version v USING (model, version) WHERE r.model = 'tree' AND r.part = 'training';

-- the same whatever the number of workers
CREATE TABLE trained AS
SELECT a.algorithm, t.w, t.version
FROM (VALUES ('kmeans', '{}'), ('minibatch', '{"sample": 8000, "batch_size": 3000}'), ('gmm', '{}'), ('dbscan', '{}'), ('hdbscan', '{"keep_points": false}'), ('hierarchical', '{"max_rows": 1000, "micro_clusters": 300}')) a (algorithm, options),
    LATERAL (SELECT w, set_config('max_parallel_maintenance_workers', w::text, true), (custseg.train('workers', 'SELECT * FROM crowd WHERE id <= 10000', '{a,b,c}', algorithm => a.algorithm, options => a.options::jsonb)).version AS version FROM unnest('{0,1,2,4}'::int[]) w OFFSET 0) t;
SELECT t.algorithm, count(DISTINCT v.diagnostics::text) AS different, min(k.keys) AS keeps
FROM trained t JOIN custseg.model_version v ON v.model = 'workers' AND v.version = t.version
CROSS JOIN LATERAL (SELECT string_agg(d.key, ', ' ORDER BY d.key COLLATE "C") AS keys FROM jsonb_each(v.diagnostics) d WHERE d.value <> 'null') k
GROUP BY 1 ORDER BY 1;

-- they come along with a model, and are checked
SELECT version FROM custseg.import_model(custseg.export_model('tree'), 'copy');
SELECT (SELECT diagnostics FROM custseg.model_version WHERE model = 'copy') = (SELECT diagnostics FROM custseg.model_version WHERE model = 'tree') AS same;
CREATE FUNCTION tampered(m text, path text, with_value jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT outcome(format('SELECT custseg.import_model(%L, ''tampered'')', jsonb_set(custseg.export_model(m), ('{versions,0,training,diagnostics' || path || '}')::text[], with_value)))
$$;
SELECT t.path, left(t.with_value::text, 40) AS with_value, tampered('tree', t.path, t.with_value)
FROM (VALUES ('', jsonb '[]'), ('', '{}'), ('', '{"merges": null}'), (',merges', '3'), (',merges', '{}'), (',merges', '[3]'), (',merges', '[{}]'), (',merges,0,height', '"high"'), (',merges,0,height', '1e400'), (',merges,0,n', '-1'), (',merges,0,n', '0.5'),
    (',merges,0,step', '5000000000'), (',merges,0,script', '"x"'), (',scree,0,component', '7'), (',scree,0,variance_share', '1.5'), (',choose_k', '"none"'), (',curves', '[]')) t (path, with_value);
SELECT left(tampered('tree', ',merges', (SELECT jsonb_agg(jsonb_build_object('step', i, 'cluster_a', 0, 'cluster_b', 1, 'height', 1, 'n', 2)) FROM generate_series(1, 1001) i)), 200);
SELECT t.path, left(t.with_value::text, 40) AS with_value, tampered('chosen', t.path, t.with_value) FROM (VALUES (',choose_k,0,silhouette', jsonb '2'), (',choose_k,0,recommended', '"yes"'), (',choose_k,0,reason', '3'), (',choose_k,0,k', '1.5')) t (path, with_value);
SELECT t.path, left(t.with_value::text, 40) AS with_value, tampered('places', t.path, t.with_value) FROM (VALUES (',k_distance,0,knee', jsonb '0'), (',k_distance,0,share', '-0.1')) t (path, with_value);
-- none at all is as good as those of another kind of model
SELECT custseg.drop_model('copy', whole => true);
SELECT version FROM custseg.import_model(jsonb_set(custseg.export_model('tree'), '{versions,0,training,diagnostics}', 'null'), 'copy');
SELECT count(*) FROM custseg.training_merges WHERE model = 'copy';
SET client_min_messages = error;
SELECT version FROM custseg.train_value('worth', 'customer', 'c', '{a,b}', 'linear');
SELECT diagnostics FROM custseg.model_version WHERE model = 'worth';

-- who may use the model sees them
CREATE ROLE diagnostics_guest;
GRANT USAGE ON SCHEMA diagnostics_test TO diagnostics_guest;
SELECT custseg.grant_model('few', 'diagnostics_guest');
SET ROLE diagnostics_guest;
SELECT DISTINCT model FROM custseg.training_merges UNION SELECT model FROM custseg.training_scree UNION SELECT model FROM custseg.training_choose_k UNION SELECT model FROM custseg.training_k_distance;
RESET ROLE;

SELECT count(*) AS dropped FROM (SELECT custseg.drop_model(name, whole => true) FROM custseg.model OFFSET 0) d;
DROP SCHEMA diagnostics_test CASCADE;
DROP ROLE diagnostics_guest;
\i :root/test/clean.sql
