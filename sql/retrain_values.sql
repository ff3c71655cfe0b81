--
-- training once more as the deployed version was trained: models of purchases, values and probabilities
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS retrain_values_test CASCADE;
CREATE SCHEMA retrain_values_test;
SET search_path = retrain_values_test, public;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
SET client_min_messages = error;
CREATE TABLE customer AS
SELECT i AS id, 'c' || i AS code, (i * 37 % 101) / 7.0 AS a, i * 53 % 17 AS b, CASE WHEN i % 13 > 0 THEN i % 7 - 3.5 END AS c,
       (ARRAY['web', 'shop', 'phone'])[1 + i * 29 % 3] AS channel, i * 37 % 101 + i * 53 % 17 + i * 41 % 60 AS worth,
       (i * 37 % 101) + i * 41 % 60 > 80 AS stays
FROM generate_series(1, 400) i;
CREATE TABLE lines AS
SELECT i * 13 % 97 AS buyer, date '2024-01-01' + i * i * 7 % (60 + i * 13 % 97 * 3) AS at, 5 + i * 31 % 17 AS amount
FROM generate_series(1, 1500) i;

-- the same source gives the same version, whatever its arguments were
CREATE TABLE asked (model text, target text, features text[], prep jsonb, options jsonb);
INSERT INTO asked VALUES
('linear', 'worth', '{a,b,channel}', '{"columns": {"a": {"transform": "log1p", "clip": "quantile"}}}', '{"seed": 7, "folds": 3}'),
('linear chosen', 'worth', NULL, '{"exclude": ["stays", "code"], "pca": 2}', '{"ridge": 0.5}'),
('forest', 'worth', '{a,b,c,channel}', '{"columns": {"channel": {"encode": "frequency"}}}', '{"trees": 7, "max_features": 0.5}'),
('forest of chances', 'stays', '{a,b,c,channel}', '{}', '{"trees": 7, "seed": 3}'),
('xgboost', 'worth', '{a,b,c}', '{}', '{"rounds": 5, "max_depth": 3, "subsample": 0.7}'),
('logistic', 'stays', '{a,b,c,channel}', '{"impute": "mean", "columns": {"b": {"kind": "categorical"}}}', '{"ridge": 2}');
SELECT t.model, t.kind FROM asked k, LATERAL custseg.train_value(k.model, CASE WHEN k.model ~ ' ' THEN 'SELECT * FROM customer' ELSE 'customer' END,
    k.target, k.features, substring(k.model FROM '^\w+'), 'code', k.prep, k.options) t ORDER BY 1;
SELECT model, verdict <> '' AS told FROM (VALUES ('auto', 'amount', '{}'::jsonb), ('mbg_nbd', NULL, '{"unit": "day", "holdout": "50 days"}'), ('bg_nbd', 'amount', '{"alive": "own", "returns": "ignore", "time_zone": "Asia/Tokyo"}'),
    ('pareto_nbd', 'amount', '{"holdout": "none"}'), ('nbd', 'amount', '{}')) v (name, amount, options),
    LATERAL custseg.train_purchases(name, CASE name WHEN 'auto' THEN 'SELECT * FROM lines' ELSE 'lines' END, 'buyer', 'at', amount, algorithm => name, options => options) ORDER BY 1;
SET TimeZone = 'America/Lima';
CREATE TABLE again AS SELECT t.* FROM custseg.model m, LATERAL custseg.retrain(m.name) t WHERE m.kind <> 'segments';
RESET TimeZone;
SELECT model, version, algorithm, n_rows, n_skipped, n_segments, inertia, silhouette, deployed, fingerprint(model, 2) = fingerprint(model, 1) AS same FROM again ORDER BY model;
SELECT v.model FROM custseg.model_version v JOIN custseg.model_version w ON w.model = v.model AND v.version = 1 AND w.version = 2
WHERE (v.algorithm, v.source, v.search_path, v.id, v.id_types, v.prep, v.options, v.n_segments, v.seed) IS DISTINCT FROM
      (w.algorithm, w.source, w.search_path, w.id, w.id_types, w.prep, w.options, w.n_segments, w.seed);

-- the deployed version is meant, not the last one
SELECT version FROM custseg.train_value('linear', 'customer', 'worth', '{b}', 'forest', options => '{"trees": 3}');
SELECT version, algorithm FROM custseg.retrain('linear');
-- other rows, other options; the rest stays; "auto" chooses anew
SELECT version, n_rows, deployed FROM custseg.retrain('forest', 'SELECT * FROM customer WHERE id <= 200', '{"seed": 8, "trees": 4}', deploy => true);
SELECT seed, options ->> 'trees' AS trees, options ->> 'max_features' AS max_features, id FROM custseg.model_version WHERE model = 'forest' AND version = 3;
SELECT version, n_rows FROM custseg.retrain('auto', 'SELECT * FROM lines WHERE at < ''2024-06-01''', '{"unit": "day", "holdout": "20 days"}');
SELECT parameters -> 'algorithm' AS asked, parameters -> 'unit' AS unit, metrics -> 'as_of' AS as_of, options FROM custseg.model_version WHERE model = 'auto' AND version = 3;
-- an imported version is trained once more from a source that is named, or adopted
SELECT model FROM custseg.import_model(custseg.export_model('logistic'), 'imported');
SELECT outcome('SELECT custseg.retrain(''imported'')');
SELECT version, fingerprint('imported', 2) = fingerprint('imported', 1) AS same FROM custseg.retrain('imported', 'customer');
SELECT custseg.adopt_source('imported') = custseg.adopt_source('imported', 1) AS adopted;
SELECT version FROM custseg.retrain('imported');

-- errors
SELECT fails(statement) FROM (VALUES
    ('SELECT custseg.retrain(''linear'', options => ''[1]'')'),
    ('SELECT custseg.retrain(''linear'', options => ''{"trees": 1}'')'),
    ('SELECT custseg.retrain(''linear'', options => ''{"folds": 1}'')'),
    ('SELECT custseg.retrain(''linear'', ''SELECT id, code, a, b, channel FROM customer'')'),
    ('SELECT custseg.retrain(''linear'', ''SELECT code, a, b, worth FROM customer'')'),
    ('SELECT custseg.retrain(''linear'', ''SELECT code, a, b, channel, worth > 3 AS worth FROM customer'')'),
    ('SELECT custseg.retrain(''logistic'', ''SELECT code, a, b, c, channel, worth AS stays FROM customer'')'),
    ('SELECT custseg.retrain(''auto'', ''SELECT buyer, amount FROM lines'')'),
    ('SELECT custseg.retrain(''auto'', options => ''{"seed": 1}'')'),
    ('SELECT custseg.retrain(''auto'', ''no_such_table'')')) v (statement);
BEGIN READ ONLY;
SELECT custseg.retrain('linear');
ROLLBACK;
CREATE ROLE retrain_values_other;
GRANT USAGE ON SCHEMA custseg, retrain_values_test TO retrain_values_other;
SELECT custseg.grant_model('linear', 'retrain_values_other'), custseg.grant_model('auto', 'retrain_values_other');
SET ROLE retrain_values_other;
SELECT fails(statement) FROM (VALUES ('SELECT custseg.retrain(''linear'')'), ('SELECT custseg.retrain(''auto'')'), ('SELECT custseg.retrain(''forest'')')) v (statement);
RESET ROLE;
DROP OWNED BY retrain_values_other;
DROP ROLE retrain_values_other;

SELECT count(*) AS dropped FROM custseg.model, custseg.drop_model(name, whole => true) WHERE kind <> 'segments';
DROP SCHEMA retrain_values_test CASCADE;
\i :root/test/clean.sql
