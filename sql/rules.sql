--
-- Rule models: what rules say is what customers get, to the bit; percentiles are PostgreSQL's
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS rules_test CASCADE;
CREATE SCHEMA rules_test;
SET search_path = rules_test, public;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

CREATE TABLE customer (id int PRIMARY KEY, recency int, monetary numeric, frequency int, channel text, news bool, joined date);
INSERT INTO customer
SELECT i, (i * 7) % 100, round((i * i * 31) % 1000 / 3.0, 2), 1 + i % 9, (ARRAY['web', 'app', 'shop', NULL])[1 + i % 4], i % 3 = 0,
       date '2024-01-01' + i % 200
FROM generate_series(1, 2000) i;
RESET client_min_messages;

SELECT model, version, algorithm, n_rows, n_segments, iterations, converged, deployed FROM custseg.train('value', 'customer', algorithm => 'rules', options => '{
  "segments": [
    {"name": "champions", "when": {"recency": {"to": 20}, "monetary": {"above": {"percentile": 80}}}},
    {"name": "app", "when": {"channel": "app", "news": true}},
    {"name": "scored", "when": {"value": {"from": {"percentile": 70}}}, "description": "who scores well"},
    {"name": "early", "when": {"joined": {"below": "2024-02-01"}, "channel": {"not_in": ["shop", null]}}},
    {"name": "champions", "when": {"monetary": {"from": 330, "to": 333}}},
    {"name": "others"}],
  "else": "others",
  "scores": {"value": [{"feature": "frequency", "quantiles": 5, "weight": 2}, {"feature": "recency", "thresholds": [30, 60], "direction": "low"}]}}');
SELECT segment, name, description, n_trained AS n FROM custseg.segments WHERE model = 'value' ORDER BY segment;
SELECT * FROM custseg.rules('value');
SELECT parameters -> 'rules' AS rules, metrics -> 'overlapping_rows' AS overlapping, metrics -> 'rows_left_to_else' AS rest, note
FROM custseg.model_version WHERE model = 'value';

-- points that nobody has, or too many, because values are equal: a note says so
SELECT n_segments FROM custseg.train('tied', 'SELECT i, greatest(i, 55) AS spent, date ''2026-01-01'' + least(i, 40) AS since FROM generate_series(1, 100) i', algorithm => 'rules', id => 'i', options => '{
  "segments": [{"name": "good", "when": {"points": {"above": 6}}}, {"name": "rest"}], "else": "rest",
  "scores": {"points": [{"feature": "spent", "quantiles": 4}, {"feature": "since", "quantiles": 3, "direction": "low"}, {"feature": "spent", "thresholds": [50, 60]}]}}');
SELECT custseg.drop_model('tied', whole => true);

-- the same in SQL
CREATE VIEW by_hand AS
WITH cut AS (
    SELECT percentile_cont(0.8) WITHIN GROUP (ORDER BY monetary) AS monetary,
           percentile_cont(ARRAY[0.2, 0.4, 0.6, 0.8]) WITHIN GROUP (ORDER BY frequency) AS frequency
    FROM customer
), scored AS (
    SELECT c.*, cut.monetary AS monetary_80,
           2 * (1 + (SELECT count(*) FROM unnest(cut.frequency) f WHERE c.frequency > f)) + 3 - (recency > 30)::int - (recency > 60)::int AS value
    FROM customer c, cut
), quantile AS (
    SELECT percentile_cont(0.7) WITHIN GROUP (ORDER BY value) AS value FROM scored
)
SELECT s.id, CASE WHEN recency <= 20 AND monetary > monetary_80 THEN 1
                  WHEN channel = 'app' AND news THEN 2
                  WHEN s.value >= q.value THEN 3
                  WHEN joined < '2024-02-01' AND channel IN ('web', 'app') THEN 4
                  WHEN monetary BETWEEN 330 AND 333 THEN 1 ELSE 5 END AS segment
FROM scored s, quantile q;
SELECT h.segment, count(*) AS n, count(*) FILTER (WHERE custseg.predict('value', c) IS DISTINCT FROM h.segment) AS differ,
       count(*) FILTER (WHERE custseg.predict('value', to_jsonb(c)) IS DISTINCT FROM h.segment) AS differ_json
FROM by_hand h JOIN customer c USING (id) GROUP BY 1 ORDER BY 1;

-- why, and how near to the borders
SELECT feature, value, contribution, condition, margin::numeric(12, 4) FROM custseg.explain('value', '{"recency": 18, "monetary": 300, "frequency": 2, "channel": "web", "news": false, "joined": "2024-06-01"}'::jsonb);
SELECT feature, value, condition, margin::numeric(12, 4) FROM custseg.explain('value', '{"recency": 90, "monetary": 10, "frequency": 2, "channel": "web", "news": false, "joined": "2024-01-11"}'::jsonb) WHERE condition IS NOT NULL;
SELECT feature, value, condition, margin::numeric(12, 4) FROM custseg.explain('value', '{"recency": 29, "monetary": 10, "frequency": 9, "channel": "web", "news": false, "joined": "2024-06-01"}'::jsonb) WHERE condition IS NOT NULL;
-- everyone else: what the nearest rule lacks
SELECT custseg.explain_text('value', c::jsonb) FROM unnest(ARRAY['{"recency": 18, "monetary": 300, "frequency": 2, "channel": "web", "news": false, "joined": "2024-06-01"}', '{"recency": 29, "monetary": 10, "frequency": 9, "channel": "web", "news": false, "joined": "2024-06-01"}', '{"recency": 22, "monetary": 320, "frequency": 1, "channel": "shop", "news": false, "joined": "2024-06-01"}']) c;
SELECT feature, value, condition, margin::numeric(12, 4) FROM custseg.explain('value', '{"recency": 22, "monetary": 320, "frequency": 1, "channel": "shop", "news": false, "joined": "2024-06-01"}'::jsonb) WHERE condition IS NOT NULL;
SELECT segment, name, confidence::numeric(6, 4), runner_up, memberships::numeric(6, 4)[], (SELECT sum(m) = 1 FROM unnest(memberships) m) AS sum_to_1
FROM custseg.predict_detail('value', '{"recency": 18, "monetary": 300, "frequency": 2, "channel": "web", "news": false, "joined": "2024-06-01"}'::jsonb);
-- NULL is imputed as anywhere, a level that was never seen is none of those that are listed
SELECT custseg.predict_name('value', '{"recency": null, "monetary": 332, "frequency": 1, "channel": "fax", "news": null, "joined": "2024-01-05"}'::jsonb);
SELECT custseg.predict('value', NULL::customer) AS no_customer;
-- bit for bit the same by whatever road
SELECT bool_and(custseg.predict(s.scorer, c) = custseg.predict('value', c)) AS same FROM customer c, (SELECT custseg.scorer('value') AS scorer) s;
SELECT custseg.scorer('value')::text::custseg.compiled_model::text = custseg.scorer('value')::text AS round_trip;

-- borders that belong to a rule, and those that do not
SELECT model, n_segments FROM custseg.train('border', 'customer', algorithm => 'rules', options => '{"segments": [
  {"name": "from", "when": {"recency": {"from": 90}}}, {"name": "above", "when": {"recency": {"above": 80}}},
  {"name": "to", "when": {"recency": {"to": 10}}}, {"name": "below", "when": {"recency": {"below": 20}}},
  {"name": "equal", "when": {"recency": 50}}, {"name": "not news", "when": {"news": false}}, {"name": "day", "when": {"joined": "2024-01-02"}},
  {"name": "null", "when": {"channel": {"in": [null]}}}, {"name": "rest"}], "else": "rest"}');
SELECT segment, name, description, n_trained AS n FROM custseg.segments WHERE model = 'border' ORDER BY segment;
SELECT r AS recency, custseg.predict_name('border', jsonb_build_object('recency', r, 'news', true, 'channel', 'app', 'joined', '2024-03-01'))
FROM unnest(ARRAY[90, 89, 81, 80, 50, 20, 19, 11, 10]) r;
SELECT custseg.predict_name('border', '{"recency": 60, "news": true, "channel": "app", "joined": "2024-01-02"}'::jsonb) AS day,
       custseg.predict_name('border', '{"recency": 60, "news": true, "channel": null, "joined": "2024-01-03"}'::jsonb) AS null,
       custseg.predict_name('border', '{"recency": 60, "news": false, "channel": "app", "joined": "2024-01-03"}'::jsonb) AS news;

-- without an "else": nobody is placed whom no rule holds for
SELECT model, n_segments FROM custseg.train('covered', 'customer', algorithm => 'rules', options => '{"segments": [
  {"name": "low", "when": {"recency": {"below": 50}}}, {"name": "high", "when": {"recency": {"from": 50, "to": 99}}}]}');
SELECT custseg.predict_name('covered', '{"recency": 49.999999999999993}'::jsonb) AS low, custseg.predict_name('covered', '{"recency": 50}'::jsonb) AS high,
       custseg.predict_name('covered', '{"recency": 100}'::jsonb) AS nobody;

-- where rules overlap and where they decide nothing
SELECT n_segments FROM custseg.train('overlap', 'customer', algorithm => 'rules', options => '{"segments": [
  {"name": "a", "when": {"recency": {"below": 60}}}, {"name": "b", "when": {"recency": {"from": 40, "below": 80}}},
  {"name": "c", "when": {"recency": {"below": 30}}}, {"name": "d"}], "else": "d"}');
SELECT segment, name, n_trained AS n FROM custseg.segments WHERE model = 'overlap' ORDER BY segment;

-- the same model for any number of workers
SET max_parallel_maintenance_workers = 0;
SELECT version FROM custseg.train('workers', 'customer', '{recency,monetary}', algorithm => 'rules', options => '{"segments": [{"name": "a", "when": {"monetary": {"from": {"percentile": 33.3}}}}, {"name": "b"}], "else": "b"}');
SET max_parallel_maintenance_workers = 4;
SET min_parallel_table_scan_size = 0;
SELECT version FROM custseg.train('workers', 'customer', '{recency,monetary}', algorithm => 'rules', options => '{"segments": [{"name": "a", "when": {"monetary": {"from": {"percentile": 33.3}}}}, {"name": "b"}], "else": "b"}');
RESET max_parallel_maintenance_workers;
RESET min_parallel_table_scan_size;
SELECT count(DISTINCT (parameters, metrics -> 'inertia', metrics -> 'silhouette')) AS models FROM custseg.model_version WHERE model = 'workers';

--
-- Numbers and names outlive a retraining; percentiles are fitted again
--
SELECT custseg.name_segment('value', 1, 'best', 'our best customers', rank => 1);
SELECT custseg.set_action('value', 1, '{"channel": "phone"}');
UPDATE customer SET monetary = monetary * 2 WHERE id % 2 = 0;
SELECT * FROM custseg.recalibrate('value');
SELECT version, segment, name, description, rank FROM custseg.segment WHERE model = 'value' AND segment = 1 ORDER BY version;
SELECT deployed_version FROM custseg.model WHERE name = 'value';
SELECT custseg.rule_options('value', 1) -> 'segments' ->> 0 AS renamed;
-- one more rule at the top, others gone, one that is another in name only: segments keep their numbers
SELECT version FROM custseg.train('value', 'customer', algorithm => 'rules', options => '{"segments": [
  {"name": "new", "when": {"frequency": {"from": 9}}}, {"name": "best", "when": {"recency": {"to": 20}, "monetary": {"above": 300}}},
  {"name": "the rest"}], "else": "the rest"}');
SELECT segment, name, n FROM custseg.segment WHERE model = 'value' AND version = 3 ORDER BY segment;
-- the rest of custseg takes it as any model
SELECT segment, name, n FROM custseg.segment_sizes('value', 'customer') WHERE segment IS NOT NULL ORDER BY 1;
SELECT count(*) AS features, count(*) FILTER (WHERE verdict <> 'ok') AS not_ok FROM custseg.drift('value', 'customer');
SELECT metric, result::numeric(12, 4) FROM custseg.evaluate('value', 'customer') WHERE metric IN ('silhouette', 'n_segments', 'segments');
ALTER TABLE customer ADD segment int;
CALL custseg.resegment('value', 'customer');
SELECT count(*) FILTER (WHERE segment = custseg.predict('value', c)) AS placed, count(*) AS n FROM customer c;
ALTER TABLE customer DROP segment;

--
-- Prepared so that values stay what they are
--
SELECT name, prep ->> 'scale' AS scale, prep ->> 'spread' AS spread FROM custseg.feature WHERE model = 'value' AND version = 1 ORDER BY position;
SELECT n_segments FROM custseg.train('scaled', 'customer', '{monetary}', 3, prep => '{"scale": "power2"}');
SELECT prep ->> 'center' AS center, log(2, (prep ->> 'spread')::numeric)::numeric(6, 3) AS exponent FROM custseg.feature WHERE model = 'scaled';

--
-- Better borders, found on one half and judged on the other.  Spending changes at a recency of 35 and
-- above 60, churn at 35.
--
CREATE TABLE outcome AS
SELECT id, recency, monetary, CASE WHEN recency <= 35 THEN 100 ELSE 20 END + CASE WHEN monetary > 60 THEN 50 ELSE 0 END + id * 31 % 17 AS spend,
       recency > 35 AND id % 10 > 2 AS churned, 'x' AS word, 1 AS same
FROM (SELECT i AS id, (i * 7919) % 1000 / 10.0 AS recency, (i * 104729) % 997 / 10.0 AS monetary FROM generate_series(1, 6000) i) g;
SELECT version FROM custseg.train('outcome', 'outcome', algorithm => 'rules', options => '{"segments": [
  {"name": "recent", "when": {"recency": {"to": 20}}}, {"name": "rich", "when": {"monetary": {"from": {"percentile": 80}}}}, {"name": "rest"}], "else": "rest"}');
CREATE VIEW optimised AS
SELECT o.outcome, f.recommendation, f.reason, f.changes, f.n_training, f.training_before::numeric(8, 4), f.training_after::numeric(8, 4), f.n_test, f.test_before::numeric(8, 4), f.test_after::numeric(8, 4)
FROM unnest(ARRAY['spend', 'churned', NULL]) o (outcome), LATERAL custseg.optimise_thresholds('outcome', outcome => o.outcome) f;
\x on
SELECT * FROM optimised;
\x off
SELECT version FROM custseg.train('outcome', 'outcome', '{recency,monetary}', algorithm => 'rules', deploy => true,
    options => (SELECT train_options FROM custseg.optimise_thresholds('outcome', outcome => 'spend')));
SELECT rule, name, condition FROM custseg.rules('outcome');
-- all else of the options is the version's, also what the search leaves out: its weight and its engine
SELECT n_segments FROM custseg.train('weighed', 'outcome', '{recency}', algorithm => 'rules', id => 'id',
    options => '{"segments": [{"name": "recent", "when": {"recency": {"to": 20}}}, {"name": "rest"}], "else": "rest", "engine": "local", "weight": "monetary", "seed": 7}');
SELECT cardinality(f.changes) > 0 AS moved, f.train_options - 'segments' = v.options - 'segments' AS same, f.train_options - 'segments' AS others
FROM custseg.optimise_thresholds('weighed', outcome => 'spend') f, custseg.model_version v WHERE v.model = 'weighed';
SELECT custseg.drop_model('weighed', whole => true);
-- what is found is the separation that SQL computes: eta squared of spending over all customers
SELECT (custseg.anova(spend::float8, custseg.predict('outcome', o, 1))).eta_squared::numeric(8, 4) AS before,
       (custseg.anova(spend::float8, custseg.predict('outcome', o, 2))).eta_squared::numeric(8, 4) AS after FROM outcome o;
-- a border that moves is a number as a person writes it
SELECT changes FROM custseg.optimise_thresholds('outcome', 'SELECT id, recency / 7 AS recency, monetary / 7 AS monetary, spend FROM outcome', outcome => 'spend', options => '{"candidates": 19}');
-- a gain on the test half that can be chance is no reason to train; the interval holds the gain
SELECT recommendation, count(*), bool_and((test_after > test_before) = (recommendation = 'train')) AS by_the_gain_alone, bool_and((gain_low > 0) = (recommendation = 'train')) AS by_its_low_end,
       bool_and(gain_low <= test_after - test_before AND test_after - test_before <= gain_high) AS within, min(reason) FILTER (WHERE reason LIKE '%chance%') IS NOT NULL AS said
FROM generate_series(1, 10) seed, LATERAL custseg.optimise_thresholds('outcome', format('SELECT *, hashint8extended(id, %s) %% 1000 AS nothing_to_do FROM outcome WHERE id <= 300', seed), outcome => 'nothing_to_do') GROUP BY 1;
-- borders that leave customers of the test half in no segment, as where few lie between two borders, gain nothing
CREATE TABLE gap AS
SELECT i AS id, CASE WHEN i <= 2 THEN 14 + i WHEN i % 2 = 0 THEN i * 7 % 100 / 10.0 ELSE 20 + i * 7 % 80 END AS x, CASE WHEN i > 2 AND i % 2 = 0 THEN 1 ELSE 0 END + i * 31 % 17 / 100.0 AS y
FROM generate_series(1, 400) i;
SELECT n_segments FROM custseg.train('gap', 'gap', '{x}', algorithm => 'rules', id => 'id', options => '{"segments": [{"name": "low", "when": {"x": {"to": 60}}}, {"name": "high", "when": {"x": {"from": 20}}}]}');
SELECT test_after IS NULL AS lost, gain_low IS NULL AND gain_high IS NULL AS unknown, recommendation, count(*), min(reason) FILTER (WHERE test_after IS NULL) AS reason
FROM generate_series(1, 40) seed, LATERAL custseg.optimise_thresholds('gap', 'gap', outcome => 'y', options => jsonb_build_object('seed', seed, 'candidates', 50)) GROUP BY 1, 2, 3 ORDER BY 1;
SELECT custseg.drop_model('gap', whole => true);
DROP TABLE gap;
-- nothing better, and once more the same
SELECT recommendation, reason, changes, test_before = test_after AS same FROM custseg.optimise_thresholds('outcome', outcome => 'spend', options => '{"candidates": 9}');
SELECT count(DISTINCT f::text) AS answers FROM generate_series(1, 2) g, LATERAL (SELECT custseg.optimise_thresholds('outcome', outcome => 'churned', options => format('{"sample": %s}', 1000 + 0 * g)::jsonb) AS f) f;

--
-- Bad rules
--
\pset format unaligned
\pset tuples_only on
CREATE FUNCTION rules(options text) RETURNS text LANGUAGE sql AS
$$ SELECT fails(format('SELECT custseg.train(''bad'', ''customer'', algorithm => ''rules'', options => %L)', options)) $$;
CREATE FUNCTION condition(condition text) RETURNS text LANGUAGE sql AS
$$ SELECT rules(format('{"segments": [{"name": "a", "when": {%s}}, {"name": "b"}], "else": "b", "scores": {"s": [{"feature": "frequency"}]}}', condition)) $$;
CREATE FUNCTION score(term text) RETURNS text LANGUAGE sql AS
$$ SELECT rules(format('{"segments": [{"name": "a", "when": {"s": {"from": 1}}}, {"name": "b"}], "else": "b", "scores": {"s": %s}}', term)) $$;
SELECT rules('{}');
SELECT rules('{"segments": {}}');
SELECT rules('{"segments": []}');
SELECT rules('{"segments": [1]}');
SELECT rules('{"segments": [{"when": {"recency": 1}}]}');
SELECT rules('{"segments": [{"name": 1}]}');
SELECT rules('{"segments": [{"name": "a", "if": {}}]}');
SELECT rules('{"segments": [{"name": "a", "when": {}}]}');
SELECT rules('{"segments": [{"name": "a"}]}');
SELECT rules('{"segments": [{"name": "a", "when": {"recency": 1}}], "else": "c"}');
SELECT rules('{"segments": [{"name": "a", "when": {"recency": {"to": 50}}}, {"name": "b", "when": {"recency": {"from": 60}}}]}');
SELECT rules('{"segments": [{"name": "a", "when": {"channel": {"in": ["web", null]}}}]}');
SELECT condition('"wealth": {"from": 1}');
SELECT condition('"recency": {}');
SELECT condition('"recency": null');
SELECT condition('"recency": {"over": 1}');
SELECT condition('"recency": {"from": 1, "above": 2}');
SELECT condition('"recency": {"from": 2, "to": 1}');
SELECT condition('"recency": {"from": 2, "below": 2}');
SELECT condition('"recency": {"from": true}');
SELECT condition('"recency": {"from": {"percentile": 101}}');
SELECT condition('"recency": {"from": {"quantile": 1}}');
SELECT condition('"recency": {"from": "2024-01-01"}');
SELECT condition('"recency": {"in": ["web"]}');
SELECT condition('"recency": true');
SELECT condition('"news": {"from": 0.5}');
SELECT condition('"news": 1');
SELECT condition('"channel": {"from": 1}');
SELECT condition('"channel": "fax"');
SELECT condition('"channel": {"in": []}');
SELECT condition('"channel": {"in": [1]}');
SELECT condition('"channel": {"in": ["web"], "not_in": ["app"]}');
SELECT condition('"channel": {"in": ["web"], "from": 1}');
SELECT condition('"joined": {"from": 1}');
SELECT condition('"joined": {"from": "yesterday-ish"}');
SELECT condition('"s": "high"');
SELECT condition('"s": {"in": ["high"]}');
SELECT score('{}');
SELECT score('[]');
SELECT score('[1]');
SELECT score('[{"weight": 1}]');
SELECT score('[{"feature": "frequency", "weight": 0}]');
SELECT score('[{"feature": "frequency", "direction": "up"}]');
SELECT score('[{"feature": "frequency", "quantiles": 1}]');
SELECT score('[{"feature": "frequency", "quantiles": 5, "thresholds": [1]}]');
SELECT score('[{"feature": "frequency", "thresholds": [2, 1]}]');
SELECT score('[{"feature": "frequency", "thresholds": []}]');
SELECT score('[{"feature": "wealth"}]');
SELECT score('[{"feature": "channel"}]');
SELECT rules(format('{"segments": [{"name": "a", "when": {"s1": {"from": 1}}}], "scores": {%s}}', (SELECT string_agg(format('"s%s": [{"feature": "recency"}]', i), ', ') FROM generate_series(1, 17) i)));
SELECT fails($$ SELECT custseg.train('bad', 'customer', algorithm => 'rules', k => 3, options => '{"segments": [{"name": "a", "when": {"recency": {"from": 0}}}]}') $$);
SELECT fails($$ SELECT custseg.train('bad', 'customer', '{monetary}', algorithm => 'rules', options => '{"segments": [{"name": "a", "when": {"recency": {"from": 0}}}]}') $$);
SELECT fails(format($$ SELECT custseg.train('bad', 'customer', algorithm => 'rules', prep => %L, options => '{"segments": [{"name": "a", "when": {"recency": {"from": 0}, "channel": {"not_in": ["web"]}}}, {"name": "b"}], "else": "b"}') $$, prep))
FROM unnest(ARRAY['{"scale": "standard"}', '{"clip": "iqr"}', '{"transform": "log1p"}', '{"pca": 1}', '{"columns": {"channel": {"encode": "frequency"}}}', '{"columns": {"channel": {"drop_first": true}}}', '{"scale": "none"}']) prep;
SELECT fails($$ SELECT * FROM custseg.choose_k('customer', '{recency}', algorithm => 'rules') $$);
SELECT fails($$ SELECT * FROM custseg.compare('customer', '{recency}', algorithms => '{rules}') $$);
SELECT fails($$ SELECT * FROM custseg.stability('customer', '{recency}', algorithm => 'rules') $$);
SELECT fails($$ SELECT * FROM custseg.rules('scaled') $$);
SELECT fails($$ SELECT * FROM custseg.rules('nothing') $$);
SELECT fails($$ SELECT * FROM custseg.recalibrate('scaled') $$);
SELECT fails($$ SELECT * FROM custseg.recalibrate(NULL) $$);
SELECT fails($$ SELECT * FROM custseg.optimise_thresholds('scaled') $$);
SELECT fails($$ SELECT * FROM custseg.optimise_thresholds(NULL) $$);
SELECT fails($$ SELECT * FROM custseg.optimise_thresholds('outcome', outcome => 'word') $$);
SELECT fails($$ SELECT * FROM custseg.optimise_thresholds('outcome', outcome => 'same') $$);
SELECT fails($$ SELECT * FROM custseg.optimise_thresholds('outcome', outcome => 'nothing') $$);
SELECT fails($$ SELECT * FROM custseg.optimise_thresholds('outcome', 'SELECT * FROM outcome LIMIT 59') $$);
SELECT fails($$ SELECT * FROM custseg.optimise_thresholds('outcome', options => '{"rounds": 0}') $$);
-- a forged model is refused before it is read
SELECT fails(format($$ SELECT %L::custseg.compiled_model $$, jsonb_set(custseg.scorer('border')::text::jsonb, path, value)))
FROM (VALUES ('{parameters,rules}'::text[], '[]'::jsonb), ('{parameters,rules}', '[77]'), ('{parameters,conditions,0}', '[0, 99, 1, 0, 0, 0, 0, 0, 0]'),
      ('{parameters,conditions,0}', '[0, 0, 64, 0, 0, 0, 0, 0, 0]'), ('{parameters,conditions,0}', '[5, 0, 1, 0, 0, 0, 0, 0, 0]'), ('{parameters,conditions,0}', '[0, 0, 16, 0, 0, 0, 99, 0, 0]'),
      ('{parameters,conditions,0}', '[0, 0.5, 1, 0, 0, 0, 0, 0, 0]'), ('{parameters,levels,0}', '99'), ('{parameters,terms}', '[[0, 0, 1, 0, 0, 5]]'), ('{parameters,terms}', '[[16, 0, 1, 0, 0, 0]]'), ('{parameters,terms}', '[[1]]'), ('{parameters,shown_cuts}', '[1]')) f (path, value);
\pset format aligned
\pset tuples_only off

SET client_min_messages = warning;
SELECT count(*) FILTER (WHERE custseg.drop_model(name, whole => true) IS NULL) AS dropped FROM custseg.model WHERE name IN ('bad', 'value', 'border', 'covered', 'overlap', 'workers', 'scaled', 'outcome');
DROP SCHEMA rules_test CASCADE;
\i :root/test/clean.sql
