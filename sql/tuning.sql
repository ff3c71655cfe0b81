--
-- Options that tuning chooses: train_value(tune => true), compare_value(tune => true), value_tuning().
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS tuning_test CASCADE;
CREATE SCHEMA tuning_test;
SET search_path = tuning_test, public;
SET extra_float_digits = 1;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

CREATE FUNCTION chance(VARIADIC what int[]) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN ((hashtextextended(what::text, 7) >> 12) & ((1::bigint << 50) - 1)) / (2.0::float8 ^ 50);
CREATE TABLE customers AS
SELECT id, a, b, g, exp(3 + 0.2 * a + (b > 5)::int * 0.5 + 0.3 * (g = 'x')::int + noise) AS worth, 0.5 * a + 2 * (b > 5)::int - 3.5 + 2 * noise > 0 AS stays
FROM (SELECT i AS id, 10 * chance(i, 1) AS a, 10 * chance(i, 2) AS b, (ARRAY['x', 'y', 'z'])[1 + i * 31 % 3] AS g, chance(i, 3) + chance(i, 4) + chance(i, 5) - 1.5 AS noise FROM generate_series(1, 240) i) s;
CREATE TABLE tuned (name text, target text, algorithm text, given jsonb, measure text);
INSERT INTO tuned VALUES ('forest', 'worth', 'forest', '{"trees": 10, "folds": 3}', 'r2'), ('forest of chances', 'stays', 'forest', '{"trees": 10, "folds": 3}', 'log_loss'),
    ('linear', 'worth', 'linear', '{}', 'r2'), ('logistic', 'stays', 'logistic', '{"max_iter": 50}', 'log_loss'), ('held', 'worth', 'forest', '{"trees": 10, "folds": 3, "max_depth": 3, "max_features": null}', 'r2');
SELECT t.name, v.version, v.converged FROM tuned t, LATERAL custseg.train_value(t.name, 'customers', t.target, '{a,b,g}', t.algorithm, 'id', options => t.given, tune => true) v ORDER BY 1;

-- the grid: its size, and what varies; what was given stays, though null is the usual
SELECT t.name, count(DISTINCT v.trial) AS trials, count(DISTINCT v.options) AS different, string_agg(DISTINCT k, ',') AS varies FROM tuned t, custseg.value_tuning(t.name) v, jsonb_object_keys(v.options) k GROUP BY 1 ORDER BY 1;
SELECT trial, options FROM custseg.value_tuning('forest') ORDER BY trial;
SELECT trial, options FROM custseg.value_tuning('logistic') ORDER BY trial;
-- the first trial has the usual options; the chosen one predicts customers unseen at least as well, and none better
CREATE VIEW trials AS SELECT t.name, t.measure, v.*, CASE t.measure WHEN 'r2' THEN v.r2 ELSE -v.log_loss END AS merit FROM tuned t, custseg.value_tuning(t.name) v;
SELECT name, count(*) FILTER (WHERE chosen) AS chosen, bool_and(merit <= best) AS none_better, min(merit) FILTER (WHERE trial = 1) <= best AS than_usual, bool_and((r2 IS NULL) = (measure <> 'r2') AND (auc IS NULL) = (measure = 'r2')) AS measures
FROM trials, LATERAL (SELECT max(c.merit) FROM trials c WHERE c.name = trials.name AND c.chosen) m (best) GROUP BY name, best ORDER BY 1;
-- the version has the options that were chosen: trained with them it is the same, and retrain() takes them
SELECT t.name, v.options @> jsonb_strip_nulls(c.options) AS kept, v.options @> jsonb_strip_nulls(t.given) AS given FROM tuned t JOIN custseg.model_version v ON v.model = t.name JOIN trials c ON c.name = t.name AND c.chosen ORDER BY 1;
SELECT t.name, n.version FROM tuned t JOIN custseg.model_version v ON v.model = t.name, LATERAL custseg.train_value(t.name, 'customers', t.target, '{a,b,g}', t.algorithm, 'id', options => v.options) n ORDER BY 1;
SELECT version FROM custseg.retrain('forest');
SELECT v.model, u.version, u.parameters = v.parameters AS same, u.options = v.options AS options, u.metrics - '{read_milliseconds,prepare_milliseconds}'::text[] = v.metrics - '{tuning,read_milliseconds,prepare_milliseconds}'::text[] AS measures
FROM custseg.model_version v JOIN custseg.model_version u ON u.model = v.model AND u.version > 1 WHERE v.version = 1 ORDER BY 1, 2;
SELECT count(*) AS not_tuned FROM custseg.value_tuning('forest', 2);
-- compare_value tries each of them just so: it has the measures of the best, and its options; what it tries untuned is the first trial
SELECT c.algorithm, c.r2 = t.r2 AND c.r2_deviation = t.r2_deviation AND c.rmse = t.rmse AND c.mae = t.mae AS same, c.options @> jsonb_strip_nulls(t.options) AS options, c.reason
FROM custseg.compare_value('customers', 'worth', '{a,b,g}', '{forest,linear}', 3, 'id', options => '{"forest": {"trees": 10}}', tune => true) c LEFT JOIN trials t ON t.name = c.algorithm AND t.chosen AND c.algorithm = 'forest' ORDER BY 1;
SELECT c.log_loss = t.log_loss AND c.auc = t.auc AND c.brier = t.brier AS same, c.options FROM custseg.compare_value('customers', 'stays', '{a,b,g}', '{forest}', 3, 'id', options => '{"forest": {"trees": 10}}') c JOIN trials t ON t.name = 'forest of chances' AND trial = 1;
-- the same choice, to the last bit, of rows in another order, by other workers, and in little memory
CREATE FUNCTION chosen(source text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM custseg.train_value('again', source, 'worth', '{a,b,g}', 'forest', 'id', options => '{"trees": 10, "folds": 3}', tune => true);
    RETURN (SELECT v.parameters::text || (v.metrics -> 'tuning') FROM custseg.drop_model('again', whole => true) d RIGHT JOIN (SELECT * FROM custseg.model_version WHERE model = 'again') v ON true);
END $$;
SELECT chosen('customers') AS chosen \gset
SET max_parallel_maintenance_workers = 0;
SELECT chosen('SELECT * FROM customers ORDER BY b') = :'chosen' AS same;
SET min_parallel_table_scan_size = 0;
SET max_parallel_maintenance_workers = 2;
SET maintenance_work_mem = '2MB';
SELECT chosen('SELECT * FROM customers ORDER BY worth') = :'chosen' AS same;
RESET maintenance_work_mem;
RESET max_parallel_maintenance_workers;
RESET min_parallel_table_scan_size;

-- what is told
SET client_min_messages = notice;
SELECT converged FROM custseg.train_value('separated', 'SELECT id, a, b, a > 5 AS stays FROM customers', 'stays', '{a,b}', 'logistic', 'id', tune => true);
SELECT trial, options, log_loss IS NULL AS failed, reason FROM custseg.value_tuning('separated') WHERE trial = 1;
SELECT count(*) FROM custseg.train_value('usual', 'SELECT i AS id, i % 17 AS x, 3 * (i % 17) + i % 2 / 1000.0 AS y FROM generate_series(1, 200) i', 'y', '{x}', 'linear', 'id', options => '{"folds": 2}', tune => true);
SET client_min_messages = warning;
-- where nothing can be fitted at all, that is the error
SELECT fails($$SELECT custseg.train_value('e', 'SELECT id, a, worth * 1e305 AS worth FROM customers', 'worth', '{a}', 'linear', 'id', tune => true)$$);
SELECT algorithm, r2, milliseconds, options, reason FROM custseg.compare_value('customers', 'worth', '{a}', '{logistic}', tune => true);
SELECT fails($$SELECT custseg.train_value('e', 'customers', 'worth', '{a}', 'linear', 'id', options => '{"ridge": 1}', tune => true)$$);
SELECT fails($$SELECT custseg.compare_value('customers', 'worth', '{a}', '{linear}', options => '{"linear": {"ridge": 1}}', tune => true)$$);
SELECT fails($$SELECT custseg.train_value('e', 'customers', 'worth', '{a}', 'forest', 'id', options => '{"max_depth": 0}', tune => true)$$);
SELECT fails($$SELECT * FROM custseg.value_tuning('absent')$$);
SELECT fails($$SELECT * FROM custseg.value_tuning(NULL)$$);
SELECT count(*) FROM custseg.train('segments', 'customers', '{a,b}', k => 2);
SELECT fails($$SELECT * FROM custseg.value_tuning('segments')$$);
-- canceled between fits or within one, nothing is left
SET statement_timeout = '300ms';
SELECT custseg.train_value('long', 'SELECT i AS id, i * 7919 % 10007 AS a, i * 104729 % 1009 + i % 7 AS y FROM generate_series(1, 20000) i', 'y', '{a}', 'forest', 'id', options => '{"trees": 300}', tune => true);
RESET statement_timeout;
SELECT count(*) AS left_over FROM custseg.model WHERE name = 'long';
-- a model that was tuned is imported with its trials; some that are none are rejected
SELECT i.version FROM custseg.import_model(custseg.export_model('forest'), 'copy') i;
SELECT count(*) AS trials, count(*) FILTER (WHERE c IS DISTINCT FROM o) AS different FROM custseg.value_tuning('copy', 1) c FULL JOIN custseg.value_tuning('forest', 1) o USING (trial);
SELECT key, fails(format('SELECT custseg.import_model(%L, ''bad'')', jsonb_set(e, ARRAY['versions', '0', 'training', 'metrics', 'tuning', '0', key], value)))
FROM custseg.export_model('linear') e, (VALUES ('chosen', '7'::jsonb), ('r2', '2'), ('rmse', '"x"'), ('reason', 'null'), ('oracle', '1')) v (key, value);
\i :root/test/clean.sql
