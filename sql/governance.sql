--
-- What is kept of customers, who did what, what columns mean: personal_data(), audit, set_column_note(), data_dictionary().
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS governance_test CASCADE;
DROP ROLE IF EXISTS regress_cs_ann, regress_cs_bob;
CREATE SCHEMA governance_test;
GRANT ALL ON SCHEMA governance_test TO public;
SET search_path = governance_test, public;
RESET client_min_messages;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
-- names are written in both directions, and psql's versions disagree on how wide they are
\pset format unaligned
CREATE ROLE regress_cs_ann;
CREATE ROLE regress_cs_bob;

SET ROLE regress_cs_ann;
SET client_min_messages = warning;
CREATE TABLE customer AS SELECT i AS id, i % 3 * 100 + i % 7 AS monetary, i % 3 * 10 + i % 5 AS frequency, CASE WHEN i = 7 THEN 'ship' ELSE 'web' END AS channel, NULL::int AS segment FROM generate_series(1, 300) i;
ALTER TABLE customer ADD PRIMARY KEY (id);
\set m '<b>''"émü‮/%s'
SELECT version FROM custseg.train(:'m', 'customer', '{monetary,frequency,channel}', k => 3);
SELECT version FROM custseg.train(:'m', 'SELECT * FROM governance_test.customer WHERE id <> 9', '{monetary,frequency}', k => 2, prep => '{"impute": "knn"}');
SELECT version FROM custseg.train('medoids', 'customer', '{monetary,frequency}', k => 2, algorithm => 'kmedoids');
SELECT version FROM custseg.train('density', 'customer', '{monetary,frequency}', algorithm => 'dbscan');
SELECT version FROM custseg.train('trees', 'customer', '{monetary,frequency}', algorithm => 'tree', options => '{"model": "medoids"}');

-- what is kept, and why
SELECT kind, version, n, is_named, reason, remedy FROM custseg.personal_data(:'m');
SELECT kind, version, n, is_named FROM custseg.personal_data('medoids');
SELECT kind, version, is_named FROM custseg.personal_data('density');
-- points that are stored among the parameters, as a definition has them, are counted and scored by likewise
SELECT n AS points FROM custseg.personal_data('density') WHERE kind = 'core points' \gset
SELECT md5(string_agg(custseg.predict('density', c)::text, ' ' ORDER BY id)) AS segments FROM customer c \gset
RESET ROLE;
BEGIN;
UPDATE custseg.model_version SET parameters = parameters || jsonb_build_object('core_points', points, 'core_segments', point_segments), points = NULL, point_segments = NULL, point_places = NULL WHERE model = 'density';
SET LOCAL ROLE regress_cs_ann;
SELECT n = :points AND n > 10 AS as_many FROM custseg.personal_data('density') WHERE kind = 'core points';
SELECT md5(string_agg(custseg.predict('density', c)::text, ' ' ORDER BY id)) = :'segments' AS same FROM customer c;
ROLLBACK;
SET ROLE regress_cs_ann;
SELECT kind, version, n, is_named FROM custseg.personal_data('trees');
SELECT custseg.track_changes(:'m', 'customer');
CALL custseg.resegment(:'m', 'customer');
SELECT custseg.exclude(:'m', 7, 'objected'), custseg.override_segment(:'m', 8, 1, 'key account'), custseg.exclude(NULL, 9, 'objected to all');
SELECT custseg.create_experiment('spring', :'m', '["control", "offer"]', '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1}]');
SELECT n_enrolled FROM custseg.enroll('spring', 'customer');
SELECT count(*) FROM custseg.publish(:'m', 'customer', '{"value": "monetary"}') WHERE part = 'projection';
CALL custseg.resegment(:'m', 'customer');
SELECT kind, version, n, is_named FROM custseg.personal_data(:'m') WHERE kind IN ('override', 'change', 'enrolment', 'published points', 'rare moves');
-- each row that names customers is one of a table that forget_customer() clears
SELECT count(*) FROM custseg.forget_customer(8) WHERE kind <> 'version';
SELECT kind, n FROM custseg.personal_data(:'m') WHERE is_named;
SELECT version FROM custseg.train_value('worth', 'customer', 'monetary', '{frequency}', 'linear');
SELECT recorded_by FROM custseg.record_outcomes('worth', 'customer', id => 'id');
SELECT kind, version, n, is_named FROM custseg.personal_data('worth');
SELECT outcome('SELECT count(*) FROM custseg.personal_data(''nothing'')');
SELECT outcome('SELECT count(*) FROM custseg.personal_data(NULL)');

-- what columns mean: of a model, of a relation
SELECT custseg.set_column_note(:'m', NULL, 'monetary', '{"meaning": "What was spent <b>in all</b>", "unit": "EUR", "source_system": "till", "owner": "finance"}');
SELECT custseg.set_column_note(NULL, 'customer', 'monetary', '{"meaning": "not this", "range": "0 or more", "update_cadence": "each night"}'), custseg.set_column_note(NULL, 'customer', 'channel', '{"meaning": "Where the first order came from"}');
SELECT column_name, meaning, unit FROM custseg.describe('customer') WHERE meaning IS NOT NULL OR unit IS NOT NULL;
SELECT count(*) FILTER (WHERE meaning IS NOT NULL) AS of_a_query FROM custseg.describe('SELECT * FROM customer');
SELECT custseg.set_presentation(:'m', '{"columns": {"frequency": {"label": "Orders", "unit": "orders"}}}');
SELECT column_name, kind, is_feature, meaning, source_system, unit, range, update_cadence, steward FROM custseg.data_dictionary(:'m');
SELECT jsonb_pretty(custseg_private.described_presentation(:'m')) AS presentation, custseg_private.described_presentation('medoids') -> 'columns' -> 'monetary' AS of_the_relation, custseg_private.described_presentation('nothing') AS nothing;
SELECT custseg.set_column_note(:'m', NULL, 'monetary', '{"unit": null, "range": "to 1000"}');
SELECT meaning, unit, range, steward, set_by FROM custseg.column_note WHERE model = :'m';
SELECT custseg.set_column_note(:'m', NULL, 'monetary', NULL), custseg.set_column_note(NULL, 'customer', 'channel', NULL);
SELECT column_name, meaning, unit FROM custseg.data_dictionary(:'m');
SELECT outcome(format('SELECT custseg.set_column_note(%L, ''customer'', ''id'', ''{}'')', :'m'));
SELECT outcome('SELECT custseg.set_column_note(NULL, NULL, ''id'', ''{}'')');
SELECT outcome('SELECT custseg.set_column_note(NULL, ''customer'', ''none'', ''{}'')');
SELECT outcome('SELECT custseg.set_column_note(NULL, ''nothing'', ''id'', ''{}'')');
SELECT outcome('SELECT custseg.set_column_note(NULL, ''customer'', NULL, ''{}'')');
SELECT outcome('SELECT custseg.set_column_note(NULL, ''customer'', '''', ''{}'')');
SELECT outcome('SELECT custseg.set_column_note(NULL, ''customer'', ''id'', ''[]'')');
SELECT outcome('SELECT custseg.set_column_note(NULL, ''customer'', ''id'', ''{"colour": "red"}'')');
SELECT outcome('SELECT custseg.set_column_note(NULL, ''customer'', ''id'', ''{"unit": 1}'')');
SELECT outcome('SELECT custseg.set_column_note(NULL, ''customer'', ''id'', ''{"unit": ""}'')');

-- who did what; nothing of it tells a customer, but what decisions tell anyway
SELECT custseg.deploy(:'m', 2, 'better'), custseg.rollback(:'m', 'worse'), custseg.name_segment(:'m', 1, 'best'), custseg.set_action(:'m', 1, '{"channel": "mail"}');
SELECT custseg.grant_model(:'m', 'regress_cs_bob'), custseg.grant_model('medoids', 'regress_cs_bob'), custseg.revoke_model('medoids', 'regress_cs_bob');
SELECT custseg.create_consumer('mail', :'m'), custseg.drop_consumer('mail'), custseg.track_changes(:'m', NULL);
SELECT custseg.set_condition(:'m', 'legal', 'pass', 'asked'), (custseg.decide(:'m', 'spring')).decision;
SELECT custseg.end_override(:'m', 7), custseg.end_experiment('spring'), custseg.drop_model(:'m', 2), custseg.drop_model('density', whole => true);
SELECT made_by, action, model, version, subject, reason FROM custseg.audit WHERE action <> 'look' ORDER BY at, action COLLATE "C", subject, version;
SET ROLE regress_cs_bob;
SELECT DISTINCT action, model FROM custseg.audit WHERE model IS DISTINCT FROM '<b>''"émü‮/%s';
SELECT count(*) > 10 AS of_the_model_that_is_lent FROM custseg.audit;
SELECT outcome(format('SELECT count(*) FROM custseg.personal_data(%L)', :'m'));
SELECT outcome('SELECT custseg.set_column_note(NULL, ''customer'', ''id'', ''{"unit": "x"}'')');
SELECT outcome(format('SELECT custseg.set_column_note(%L, NULL, ''id'', ''{"unit": "x"}'')', :'m'));
-- notes of a relation are for those who may read it
SELECT count(*) FROM custseg.column_note WHERE source IS NOT NULL;
RESET ROLE;
GRANT SELECT (channel) ON governance_test.customer TO regress_cs_bob;
SET ROLE regress_cs_bob;
SELECT source, column_name, meaning FROM custseg.column_note WHERE source IS NOT NULL;
RESET ROLE;
REVOKE ALL ON SCHEMA governance_test FROM public;
SET ROLE regress_cs_bob;
SELECT count(*) FROM custseg.column_note WHERE source IS NOT NULL;
SELECT count(*) > 10 AS audit FROM custseg.audit;
RESET ROLE;
GRANT ALL ON SCHEMA governance_test TO public;
-- who takes the name of a model has none of its past
RESET ROLE;
SELECT custseg.drop_model(:'m', whole => true, forget_exclusions => true);
SET ROLE regress_cs_bob;
SELECT model FROM custseg.train('<b>''"émü‮/%s', 'SELECT i AS id, i % 5 AS x FROM generate_series(1, 50) i', '{x}', k => 2);
SELECT action, subject FROM custseg.audit WHERE model = :'m' ORDER BY 1;

RESET ROLE;
DROP SCHEMA governance_test CASCADE;
SELECT count(*) AS dropped FROM (SELECT custseg.drop_model(name, whole => true, ignore_triggers => true, forget_exclusions => true) FROM custseg.model OFFSET 0) d;
DELETE FROM custseg.audit_event;
DROP ROLE regress_cs_ann, regress_cs_bob;
\i :root/test/clean.sql
