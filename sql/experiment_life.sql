--
-- Experiments as they are declared, started, ended and dropped: create_experiment(), end_experiment(), drop_experiment().
--
\set SHOW_CONTEXT errors
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS experiment_life_test CASCADE;
DROP ROLE IF EXISTS regress_cs_experimenter, regress_cs_reader, regress_cs_stranger;
CREATE SCHEMA experiment_life_test;
GRANT ALL ON SCHEMA experiment_life_test TO public;
SET search_path = experiment_life_test, public;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
CREATE ROLE regress_cs_experimenter;
CREATE ROLE regress_cs_reader;
CREATE ROLE regress_cs_stranger;
CREATE TABLE customer AS SELECT i AS id, i % 3 * 100 + i % 7 AS monetary, i % 3 * 10 + i % 5 AS frequency FROM generate_series(1, 300) i;
ALTER TABLE customer ADD PRIMARY KEY (id);
GRANT SELECT ON customer TO public;
SET ROLE regress_cs_experimenter;
SELECT model, n_segments FROM custseg.train('shop', 'customer', k => 3);
SELECT model, n_segments FROM custseg.train('other', 'customer', k => 2);
SELECT custseg.grant_model('shop', 'regress_cs_reader');

-- what is declared is kept, with what is left out
SELECT custseg.create_experiment('spring', 'shop', '["control", {"variant": "offer", "weight": 3}, {"variant": "letter"}]',
    '[{"metric": "bought", "kind": "conversion", "role": "primary", "effect": 0.01, "covariate": "bought_before"},
      {"metric": "basket", "kind": "ratio", "role": "guardrail", "numerator": "revenue", "denominator": "orders", "relative_margin": 0.02},
      {"metric": "revenue", "kind": "mean", "cap": 0.99, "window": "2 weeks", "relative_effect": 0.1},
      {"metric": "complaints", "kind": "mean", "role": "guardrail", "direction": "down", "column": "n_complaints", "margin": 0.5}]');
SELECT to_jsonb(e) - '{created_at}'::text[] FROM custseg.experiment e;
SELECT to_jsonb(v) FROM custseg.experiment_variant v ORDER BY variant_number;
SELECT to_jsonb(m) FROM custseg.experiment_metric m ORDER BY position;
-- as long as nobody is enrolled, it can be declared anew
SELECT custseg.create_experiment('spring', 'shop', '["control", "offer"]', '[{"metric": "bought", "kind": "conversion", "role": "primary", "relative_effect": 0.1}]',
    '{"salt": "s", "traffic": 0.25, "layer": "mail", "assignment": "blocked", "method": "anytime", "n_looks": 3, "alpha": 0.01, "power": 0.9, "n_control": 5000, "min_days": 14}');
SELECT to_jsonb(e) - '{created_at}'::text[] FROM custseg.experiment e;
SELECT variant_number, variant, weight FROM custseg.experiment_variant v ORDER BY variant_number;
SELECT metric, effect, effect_is_relative FROM custseg.experiment_metric m ORDER BY position;

-- what is wrong with a definition
CREATE TABLE wrong (what text, variants jsonb, metrics jsonb, options jsonb);
\set good '\'[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1}]\''
\set two '\'["a", "b"]\''
INSERT INTO wrong VALUES
    ('one variant', '["a"]', :good, '{}'),
    ('21 variants', (SELECT jsonb_agg('v' || i) FROM generate_series(1, 21) i), :good, '{}'),
    ('variant twice', '["a", "b", "a"]', :good, '{}'),
    ('variants are no array', '{"a": 1, "b": 2}', :good, '{}'),
    ('variant is no object', '["a", 1]', :good, '{}'),
    ('variant without a name', '["a", {"weight": 2}]', :good, '{}'),
    ('weight 0', '["a", {"variant": "b", "weight": 0}]', :good, '{}'),
    ('weight of a part', '["a", {"variant": "b", "weight": 1.5}]', :good, '{}'),
    ('weight too small for a bucket', '["a", {"variant": "b", "weight": 1000000}]', :good, '{}'),
    ('no metric', :two, '[]', '{}'),
    ('51 metrics', :two, (SELECT jsonb_agg(jsonb_build_object('metric', 'm' || i, 'kind', 'mean')) FROM generate_series(1, 51) i), '{}'),
    ('no primary metric', :two, '[{"metric": "m", "kind": "mean"}]', '{}'),
    ('two primary metrics', :two, '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1}, {"metric": "n", "kind": "mean", "role": "primary", "effect": 1}]', '{}'),
    ('metric twice', :two, '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1}, {"metric": "m", "kind": "mean"}]', '{}'),
    ('metric without a name', :two, '[{"kind": "mean"}]', '{}'),
    ('metric without a kind', :two, '[{"metric": "m"}]', '{}'),
    ('kind', :two, '[{"metric": "m", "kind": "median"}]', '{}'),
    ('unknown key', :two, '[{"metric": "m", "kind": "mean", "colour": "red"}]', '{}'),
    ('primary without an effect', :two, '[{"metric": "m", "kind": "mean", "role": "primary"}]', '{}'),
    ('effect 0', :two, '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 0}]', '{}'),
    ('negative effect', :two, '[{"metric": "m", "kind": "mean", "role": "primary", "relative_effect": -0.1}]', '{}'),
    ('two effects', :two, '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1, "relative_effect": 0.1}]', '{}'),
    ('guardrail without a margin', :two, '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1}, {"metric": "g", "kind": "mean", "role": "guardrail"}]', '{}'),
    ('margin 0', :two, '[{"metric": "g", "kind": "mean", "role": "guardrail", "margin": 0}]', '{}'),
    ('two margins', :two, '[{"metric": "g", "kind": "mean", "role": "guardrail", "margin": 1, "relative_margin": 0.1}]', '{}'),
    ('margin of no guardrail', :two, '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1, "margin": 1}]', '{}'),
    ('ratio of a column', :two, '[{"metric": "m", "kind": "ratio", "column": "c"}]', '{}'),
    ('ratio without a denominator', :two, '[{"metric": "m", "kind": "ratio", "numerator": "c"}]', '{}'),
    ('mean with a numerator', :two, '[{"metric": "m", "kind": "mean", "numerator": "c"}]', '{}'),
    ('capped conversion', :two, '[{"metric": "m", "kind": "conversion", "cap": 0.9}]', '{}'),
    ('cap 1', :two, '[{"metric": "m", "kind": "mean", "cap": 1}]', '{}'),
    ('covariate of a ratio', :two, '[{"metric": "m", "kind": "ratio", "numerator": "a", "denominator": "b", "covariate": "c"}]', '{}'),
    ('window 0', :two, '[{"metric": "m", "kind": "mean", "window": "0 days"}]', '{}'),
    ('window', :two, '[{"metric": "m", "kind": "mean", "window": "soon"}]', '{}'),
    ('window without a unit', :two, '[{"metric": "m", "kind": "mean", "window": " 14 "}]', '{}'),
    ('effect of a share in percent', :two, '[{"metric": "m", "kind": "conversion", "role": "primary", "effect": 5}]', '{}'),
    ('margin of a share in percent', :two, '[{"metric": "m", "kind": "conversion", "role": "guardrail", "margin": 1}]', '{}'),
    ('window of ages', :two, '[{"metric": "m", "kind": "mean", "window": "178000000 years"}]', '{}'),
    ('traffic 0', :two, :good, '{"traffic": 0}'),
    ('traffic above 1', :two, :good, '{"traffic": 1.5}'),
    ('alpha', :two, :good, '{"alpha": 0}'),
    ('power below alpha', :two, :good, '{"power": 0.01}'),
    ('plan', :two, :good, '{"n_control": 1}'),
    ('looks', :two, :good, '{"n_looks": 1001}'),
    ('assignment', :two, :good, '{"assignment": "random"}'),
    ('option', :two, :good, '{"size": 5}'),
    ('options', :two, :good, '[]');
SELECT what, outcome(format('SELECT custseg.create_experiment(''w'', ''shop'', %L, %L, %L)', variants, metrics, options)) FROM wrong;
SELECT custseg.create_experiment('w', 'shop', :two, '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1}, {"metric": "n", "kind": "mean", "cap": 7}]');
SELECT statement, outcome(statement) FROM (VALUES
    ('SELECT custseg.create_experiment(NULL, ''shop'', ''["a", "b"]'', ''[]'')'),
    ('SELECT custseg.create_experiment(''w'', NULL, ''["a", "b"]'', ''[]'')'),
    ('SELECT custseg.create_experiment(''w'', ''shop'', NULL, ''[]'')'),
    ('SELECT custseg.create_experiment(''w'', ''shop'', ''["a", "b"]'', NULL)'),
    ('SELECT custseg.create_experiment('''', ''shop'', ''["a", "b"]'', ''[]'')'),
    ('SELECT custseg.create_experiment(repeat(''x'', 64), ''shop'', ''["a", "b"]'', ''[]'')'),
    ('SELECT custseg.create_experiment(''w'', ''none'', ''["a", "b"]'', ''[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1}]'')'),
    ('SELECT custseg.create_experiment(''spring'', ''other'', ''["a", "b"]'', ''[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1}]'')'),
    ('SELECT custseg.end_experiment(''none'')'),
    ('SELECT custseg.end_experiment(NULL)'),
    ('SELECT custseg.drop_experiment(''none'')')) s (statement);
SELECT count(*) FROM custseg.experiment;

-- experiments of a layer share its customers among them, in the first place that is free
SELECT custseg.create_experiment('half', 'other', :two, :good, '{"layer": "mail", "traffic": 0.5}');
SELECT custseg.create_experiment('fifth', 'other', :two, :good, '{"layer": "mail", "traffic": 0.2}');
SELECT outcome($$SELECT custseg.create_experiment('tenth', 'shop', '["a", "b"]', '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1}]', '{"layer": "mail", "traffic": 0.1}')$$);
SELECT custseg.create_experiment('all', 'shop', :two, :good, '{"layer": "web"}');
SELECT experiment, layer, first_bucket, traffic FROM custseg.experiment WHERE layer = 'mail' ORDER BY first_bucket;
SELECT custseg.end_experiment('half');
SELECT custseg.create_experiment('tenth', 'shop', :two, :good, '{"layer": "mail", "traffic": 0.1}');
SELECT custseg.create_experiment('third', 'shop', :two, :good, '{"layer": "mail", "traffic": 0.3}');
SELECT experiment, first_bucket, traffic FROM custseg.experiment WHERE layer = 'mail' AND status <> 'ended' ORDER BY first_bucket;
-- a layer of another owner is another layer
RESET ROLE;
SET ROLE regress_cs_stranger;
SELECT model FROM custseg.train('theirs', 'customer', k => 2);
SELECT custseg.create_experiment('theirs', 'theirs', :two, :good, '{"layer": "mail"}');
SELECT outcome($$SELECT custseg.create_experiment('half', 'theirs', '["a", "b"]', '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1}]')$$);

-- the owner of the model alone changes an experiment; who may use the model sees it
SELECT experiment FROM custseg.experiment;
SELECT statement, outcome(statement) FROM (VALUES
    ('SELECT custseg.create_experiment(''w'', ''shop'', ''["a", "b"]'', ''[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1}]'')'),
    ('SELECT custseg.end_experiment(''spring'')'),
    ('SELECT custseg.drop_experiment(''spring'')')) s (statement);
RESET ROLE;
SET ROLE regress_cs_reader;
SELECT experiment, status FROM custseg.experiment ORDER BY 1;
SELECT count(*) FROM custseg.experiment_metric;
SELECT outcome('SELECT custseg.drop_experiment(''spring'')');
SELECT outcome('DELETE FROM custseg.experiment');
RESET ROLE;
SET ROLE regress_cs_experimenter;

-- an experiment ends once, for a reason, and then is none to be declared anew
SELECT custseg.end_experiment('fifth', 'the offer is over');
SELECT experiment, ended_by, end_reason, ended_at > created_at AS ended, status FROM custseg.experiment WHERE ended_at IS NOT NULL ORDER BY 1;
SELECT outcome('SELECT custseg.end_experiment(''fifth'')');
SELECT outcome($$SELECT custseg.create_experiment('fifth', 'other', '["a", "b"]', '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1}]')$$);
SELECT custseg.drop_experiment('fifth');
SELECT count(*) FROM custseg.experiment_variant WHERE experiment = 'fifth';

-- a version that places customers is not dropped; experiments that are not running go with their model
SELECT version FROM custseg.train('shop', 'customer', k => 2);
SELECT custseg.deploy('shop', 2);
SELECT outcome('SELECT custseg.drop_model(''shop'', 1)');
SELECT custseg.drop_model('shop', whole => true) IS NULL AS dropped;
SELECT experiment FROM custseg.experiment ORDER BY 1;
SELECT custseg.drop_model('other', whole => true) IS NULL AS dropped;
SELECT (SELECT count(*) FROM custseg.experiment) AS experiments, (SELECT count(*) FROM custseg.experiment_variant) AS variants, (SELECT count(*) FROM custseg.experiment_metric) AS metrics;
RESET ROLE;
SELECT custseg.drop_model('theirs', whole => true) IS NULL AS dropped;

SET client_min_messages = warning;
DROP SCHEMA experiment_life_test CASCADE;
DROP ROLE regress_cs_experimenter, regress_cs_reader, regress_cs_stranger;
\i :root/test/clean.sql
