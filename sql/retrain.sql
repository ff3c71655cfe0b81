-- training once more as the deployed version was trained
\set SHOW_CONTEXT never
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
SET client_min_messages = warning;
CREATE TABLE shoppers AS
SELECT i AS id, 'c' || i AS code, (i % 4) * 10 + (i * 37 % 11) / 10.0 AS visits, exp((i % 3) + (i * 53 % 17) / 10.0) AS spent,
       (ARRAY['web', 'shop', 'phone'])[1 + i % 3] AS channel, CASE WHEN i % 19 > 0 THEN i % 23 END AS age, 1 + i % 2 AS weight,
       ARRAY[i % 4, i * 29 % 13, i * 31 % 7]::real[] AS taste, i % 5 AS region
FROM generate_series(1, 300) i;

-- the same source gives the same version, whatever its arguments were
CREATE TABLE asked (model text, features text[], k int, algorithm text, prep jsonb, options jsonb);
INSERT INTO asked VALUES
('kmeans', '{visits,spent,channel,age}', 4, 'kmeans', '{"impute": "mean", "columns": {"spent": {"transform": "log1p", "clip": "quantile"}}}', '{"seed": 7, "weight": "weight"}'),
('chosen', NULL, NULL, 'kmeans', '{"pca": 2, "exclude": ["weight", "code"], "columns": {"region": {"kind": "categorical"}}}', '{}'),
('given', '{visits,spent}', NULL, 'kmeans', '{"scale": "none"}', '{"init": [[10, 3], [20, 9], [30, 1]]}'),
('vector', '{taste,visits}', 3, 'kmeans', '{"columns": {"taste": {"scale": "minmax"}}}', '{"algorithm": "lloyd", "n_init": 3}'),
('minibatch', '{visits,spent,channel,age}', 3, 'minibatch', '{"scale": "robust"}', '{"batch_size": 100, "sample": 200}'),
('gmm', '{visits,spent,channel,age}', 3, 'gmm', '{"columns": {"channel": {"encode": "ordinal", "levels": ["phone", "shop", "web"]}}}', '{"covariance_type": "diag"}'),
('kmedoids', '{visits,spent,channel,age}', 3, 'kmedoids', '{"impute": "knn"}', '{"metric": "manhattan"}'),
('hierarchical', '{visits,spent,channel,age}', 4, 'hierarchical', '{}', '{"linkage": "average"}'),
('dbscan', '{visits,spent,channel,age}', NULL, 'dbscan', '{}', '{"min_samples": 4}'),
('hdbscan', '{visits,spent,channel,age}', NULL, 'hdbscan', '{"columns": {"channel": {"drop_first": true}}}', '{"min_cluster_size": 9}'),
('rules', '{visits,spent,channel,age}', NULL, 'rules', '{"impute": "skip"}', '{"segments": [{"name": "often", "when": {"visits": {"from": {"percentile": 60}}}}, {"name": "seldom"}], "else": "seldom"}'),
('tree', '{visits,spent,age}', NULL, 'tree', '{}', '{"target": "channel"}'),
('imitated', NULL, NULL, 'tree', '{}', '{"model": "kmeans", "max_leaf_nodes": 5}');
SELECT count(t.*) FROM asked a, LATERAL custseg.train(
    a.model, CASE WHEN a.k > 0 THEN 'SELECT * FROM shoppers' ELSE 'shoppers' END, a.features, a.k, a.algorithm, 'code', a.prep, a.options) t;
SELECT algorithm AS without_a_model FROM custseg.algorithms() WHERE algorithm NOT IN (SELECT algorithm FROM asked);
RESET client_min_messages;
SELECT a.model, t.version, t.deployed, fingerprint(a.model, 2) = fingerprint(a.model, 1) AS same
FROM (SELECT model FROM asked ORDER BY model) a, LATERAL custseg.retrain(a.model) t;
SELECT v.model FROM custseg.model_version v JOIN custseg.model_version w ON w.model = v.model AND v.version = 1 AND w.version = 2
WHERE (v.algorithm, v.source, v.search_path, v.id, v.id_types, v.prep, v.options, v.n_segments, v.seed) IS DISTINCT FROM
      (w.algorithm, w.source, w.search_path, w.id, w.id_types, w.prep, w.options, w.n_segments, w.seed);

-- the deployed version is meant, not the last one; names are those of today
SELECT version FROM custseg.train('given', 'shoppers', '{visits,age}', 5, prep => '{"pca": 2}');
SELECT custseg.name_segment('given', 2, 'favourites', 'those we like'), custseg.name_segment('rules', s.segment, 'frequent')
FROM custseg.segment s WHERE s.model = 'rules' AND s.version = 1 AND s.name = 'often';
SELECT version, n_segments FROM custseg.retrain('given');
SELECT s.segment, s.name, s.description, n.n = s.n AS same FROM custseg.segment s JOIN custseg.segment n USING (model, segment)
WHERE s.model = 'given' AND s.version = 4 AND n.version = 1 ORDER BY segment;
SELECT version, n_rows, deployed FROM custseg.retrain('rules', 'SELECT * FROM shoppers WHERE id <= 200', deploy => true);
SELECT name FROM custseg.segment WHERE model = 'rules' AND version = 3 ORDER BY name;

-- other rows, other options; the rest stays
SELECT version, n_rows, n_segments FROM custseg.retrain('kmeans', 'SELECT * FROM shoppers WHERE id <= 200', '{"seed": 8, "max_iter": 50}');
SELECT seed, options ->> 'weight' AS weight, options ->> 'max_iter' AS max_iter FROM custseg.model_version WHERE model = 'kmeans' AND version = 3;
SELECT version, n_segments FROM custseg.retrain('given', options => '{"init": [[10, 3], [20, 9]]}');
SELECT version, n_segments FROM custseg.retrain('given', options => '{"init": null}');
SELECT version FROM custseg.retrain('vector', options => NULL);
SELECT version FROM custseg.retrain('kmeans', 'SELECT *, id::numeric / 3 AS new_column FROM shoppers');

-- errors
SELECT custseg.retrain(NULL);
SELECT custseg.retrain('nobody');
SELECT custseg.retrain('kmeans', options => '[1]');
SELECT custseg.retrain('kmeans', options => '{"sead": 1}');
SELECT custseg.retrain('kmeans', 'SELECT id, code, visits, spent FROM shoppers');
SELECT custseg.retrain('kmeans', 'SELECT id, code, visits, channel, age, weight FROM shoppers');
SELECT custseg.retrain('kmeans', 'SELECT code, visits, spent, channel::int FROM shoppers');
SELECT custseg.retrain('kmeans', 'no_such_table');
BEGIN READ ONLY;
SELECT custseg.retrain('kmeans');
ROLLBACK;
CREATE ROLE retrain_other;
GRANT USAGE ON SCHEMA custseg TO retrain_other;
SELECT custseg.grant_model('kmeans', 'retrain_other');
SET ROLE retrain_other;
SELECT custseg.retrain('kmeans');
SELECT custseg.retrain('gmm');
RESET ROLE;
DROP OWNED BY retrain_other;
DROP ROLE retrain_other;

-- train() says what it does otherwise without being asked to; retrain() has nothing to say
SELECT version FROM custseg.train('kmeans', 'SELECT id, code, visits, spent, channel, weight FROM shoppers', k => 4);
SELECT version FROM custseg.train('kmeans', 'shoppers', '{visits,spent,channel,age}', 4, 'gmm', 'code', '{"impute": "mean"}');
SELECT version FROM custseg.train('kmeans', 'shoppers', '{visits,spent}', 4, id => 'code', prep => '{"impute": "mean"}', options => '{"seed": 9}');
SELECT version FROM custseg.train('kmeans', 'shoppers', '{visits,spent}', 4, id => 'code', prep => '{"impute": "mean"}', options => '{"seed": 9, "weight": null}');
SELECT version FROM custseg.train('hierarchical', 'shoppers', '{visits,spent}', 4, 'hierarchical', 'code', options => '{"linkage": "single"}');
-- the rows that silhouettes are of have another default where the number of segments is chosen, which is not worth a word
SET client_min_messages = warning;
SELECT version FROM custseg.train('whichever', 'shoppers', '{visits}');
RESET client_min_messages;
SELECT version FROM custseg.train('whichever', 'shoppers', '{visits}', 3, options => '{"seed": 9}', deploy => true);
SELECT version FROM custseg.train('whichever', 'shoppers', '{visits}', options => '{"seed": 9}');
SELECT version FROM custseg.train('whichever', 'shoppers', '{visits}', 3, options => '{"seed": 9, "silhouette_sample": 100}', deploy => true);
SELECT version FROM custseg.train('whichever', 'shoppers', '{visits}', 3, options => '{"seed": 9}');
SELECT custseg.drop_model('whichever', whole => true);

SELECT count(*) FROM asked, LATERAL custseg.drop_model(model, whole => true);
DROP TABLE asked, shoppers;
\i :root/test/clean.sql
