-- Whether a model may be acted on: set_condition, record_survey, go_no_go, decide.
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS gate_test CASCADE;
DROP ROLE IF EXISTS regress_cs_owner, regress_cs_reader;
CREATE SCHEMA gate_test;
SET search_path = gate_test, public;

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

CREATE ROLE regress_cs_owner;
CREATE ROLE regress_cs_reader;
GRANT USAGE, CREATE ON SCHEMA gate_test TO regress_cs_owner, regress_cs_reader;
SET ROLE regress_cs_owner;
CREATE TABLE customer AS SELECT i AS id, 1 + i % 3 AS kind FROM generate_series(1, 3000) i;
ALTER TABLE customer ADD PRIMARY KEY (id);
SELECT n_segments FROM custseg.train('shop', 'customer', '{kind}', algorithm => 'rules', id => 'id', deploy => false, options =>
    '{"segments": [{"name": "often", "when": {"kind": {"to": 1}}}, {"name": "at times", "when": {"kind": {"from": 2, "to": 2}}}, {"name": "rarely"}], "else": "rarely"}');
SELECT custseg.grant_model('shop', 'regress_cs_reader');
RESET client_min_messages;
CREATE VIEW gate AS SELECT condition, kind, state, regexp_replace(regexp_replace(evidence, '\d{4}-\d\d-\d\d', 'DAY', 'g'), '^[0-9.]+ ms', 'TIME') AS evidence, reason FROM custseg.go_no_go('shop');

-- Nothing is known, and nothing is deployed
SELECT * FROM gate;
SELECT decision, version, reason, decided_by, conditions = (SELECT jsonb_agg(to_jsonb(g)) FROM custseg.go_no_go('shop') g) AS conditions FROM custseg.decide('shop', 'a first try');

-- One after another
SELECT custseg.deploy('shop', 1);
SELECT status FROM custseg.monitor('shop', 'customer');
SELECT custseg.set_action('shop', s, '{"channel": "mail"}') FROM generate_series(1, 2) s;
SELECT condition, state, evidence, reason FROM gate WHERE condition IN ('deployed', 'monitor', 'latency', 'actions', 'capacity');
SELECT custseg.set_action('shop', 3, '{"perk": "gift", "perk_capacity": 999}');
SELECT condition, state, evidence, reason FROM gate WHERE kind = 'operational';
SELECT custseg.set_action('shop', 3, '{"perk_capacity": 1000}');
SELECT * FROM custseg.record_survey('shop', 'SELECT id AS customer, kind AS segment, CASE WHEN id % 5 > 0 THEN 5 ELSE 1 END AS satisfaction FROM customer');
SELECT condition, state, evidence, reason FROM gate WHERE kind IN ('operational', 'survey');
SELECT decision FROM custseg.decide('shop', 'not yet');
-- what a survey did not ask stays
SELECT condition, state FROM custseg.record_survey('shop', 'SELECT id AS customer, 5 AS satisfaction FROM customer');
SELECT custseg.set_condition('shop', 'privacy', 'pass', 'reviewed', 'ticket 7');
SELECT condition, state, evidence, reason FROM gate WHERE kind IN ('other', 'survey');

-- An experiment decides; the state of one that runs is not clear
SELECT custseg.create_experiment('spring', 'shop', '["control", "offer"]', '[{"metric": "bought", "kind": "conversion", "role": "primary", "effect": 0.1}]');
SELECT condition, state, evidence, reason FROM gate WHERE kind = 'experiment';
RESET ROLE;
UPDATE custseg.experiment SET decision = 'launch', decision_reason = 'it pays', decided_at = now(), decided_look = 1 WHERE experiment = 'spring';
SET ROLE regress_cs_owner;
SELECT state, evidence, reason FROM gate WHERE kind = 'experiment';
SELECT decision, reason FROM custseg.decide('shop', 'spring');
RESET ROLE;
UPDATE custseg.experiment SET decision = 'stop', decision_reason = 'it does not' WHERE experiment = 'spring';
SET ROLE regress_cs_owner;
SELECT state, evidence, reason FROM gate WHERE kind = 'experiment';
SELECT decision FROM custseg.decide('shop', 'summer');
RESET ROLE;
UPDATE custseg.experiment SET decision = 'launch' WHERE experiment = 'spring';

-- What makes a go a hold or a no-go again
SET ROLE regress_cs_owner;
SELECT decision FROM custseg.decide('shop', 'again', '{"latency": 0}');
SELECT custseg.set_condition('shop', 'privacy', 'unclear', 'a new law');
SELECT decision FROM custseg.decide('shop', 'again');
SELECT custseg.set_condition('shop', 'privacy', NULL, NULL);
SELECT decision FROM custseg.decide('shop', 'again');
SELECT status FROM custseg.monitor('shop', 'nowhere');
SELECT condition, state, evidence, split_part(reason, E'\n', 1) AS reason FROM gate WHERE condition IN ('alerts', 'monitor');
SELECT status FROM custseg.monitor('shop', 'customer');
RESET ROLE;
UPDATE custseg.monitor_run SET started_at = started_at - interval '8 days' WHERE model = 'shop';
SET ROLE regress_cs_owner;
SELECT state, reason FROM gate WHERE condition = 'monitor';
SELECT state FROM custseg.go_no_go('shop', '{"monitor_days": 9}') WHERE condition = 'monitor';
SELECT status FROM custseg.monitor('shop', 'customer');
SELECT version FROM custseg.train('shop', 'customer', '{kind}', algorithm => 'rules', id => 'id', deploy => true, options =>
    '{"segments": [{"name": "often", "when": {"kind": {"to": 1}}}, {"name": "at times", "when": {"kind": {"from": 2, "to": 2}}}, {"name": "rarely"}], "else": "rarely"}');
SELECT condition, state, reason FROM gate WHERE condition IN ('deployed', 'monitor');
-- decisions stay as they were made
SELECT version, decision, reason, jsonb_array_length(conditions) AS conditions FROM custseg.gate_decision ORDER BY id;

-- Who may use the model sees what is known, and the decisions; the owner sets and decides
SET ROLE regress_cs_reader;
SELECT count(*), bool_or(state = 'pass') AS passes FROM custseg.go_no_go('shop');
SELECT (SELECT count(*) FROM custseg.gate_condition) AS conditions, (SELECT count(*) FROM custseg.gate_decision) AS decisions;
\pset format unaligned
\pset tuples_only on
SELECT fails($$SELECT custseg.set_condition('shop', 'privacy', 'pass', 'I say so')$$);
SELECT fails($$SELECT custseg.decide('shop', 'I say so')$$);
SELECT fails($$DELETE FROM custseg.gate_decision$$), fails($$UPDATE custseg.gate_condition SET state = 'pass'$$);
RESET ROLE;
SELECT custseg.revoke_model('shop', 'regress_cs_reader');
SET ROLE regress_cs_reader;
SELECT fails($$SELECT custseg.go_no_go('shop')$$);
-- in whatever order PostgreSQL joins what the role may see
SET enable_nestloop = off;
SELECT fails($$SELECT custseg.go_no_go('shop')$$);
RESET enable_nestloop;
SELECT (SELECT count(*) FROM custseg.gate_condition) + (SELECT count(*) FROM custseg.gate_decision);
SET ROLE regress_cs_owner;

-- Errors
SELECT fails(format('SELECT custseg.%s', f)) FROM unnest(ARRAY[
    $$set_condition('shop', 'deployed', 'pass', 'of course')$$,
    $$set_condition('shop', 'privacy', 'ok', 'of course')$$,
    $$set_condition('shop', 'privacy', 'pass', ' ')$$,
    $$set_condition('shop', 'privacy', 'pass', NULL)$$,
    $$set_condition('shop', '', 'pass', 'of course')$$,
    $$set_condition('shop', repeat('x', 64), 'pass', 'of course')$$,
    $$set_condition('nobody', 'privacy', 'pass', 'of course')$$,
    $$record_survey('shop', 'SELECT 1 AS a')$$,
    $$go_no_go('nobody')$$,
    $$go_no_go(NULL)$$,
    $$go_no_go('shop', '{"monitor_days": 0}')$$,
    $$go_no_go('shop', '{"days": 1}')$$,
    $$decide('shop', '')$$,
    $$decide('shop', NULL)$$,
    $$decide('shop', 'again', '{"days": 1}')$$]) f;
BEGIN READ ONLY;
SELECT fails($$SELECT custseg.decide('shop', 'again')$$);
COMMIT;
-- all of it goes with the model
SELECT custseg.end_experiment('spring'), custseg.drop_model('shop', whole => true);
SELECT (SELECT count(*) FROM custseg.gate_condition) + (SELECT count(*) FROM custseg.gate_decision);

RESET ROLE;
SET client_min_messages = warning;
DROP OWNED BY regress_cs_owner, regress_cs_reader;
DROP ROLE regress_cs_owner, regress_cs_reader;
\i :root/test/clean.sql
