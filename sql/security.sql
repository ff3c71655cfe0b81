--
-- Who may do what: owners, users and everybody else; data are read as the caller; names of the
-- caller's choice never stand in for what the extension means.
--
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_cs;
DROP SCHEMA IF EXISTS security_test, trap CASCADE;
DROP ROLE IF EXISTS regress_cs_owner, regress_cs_user, regress_cs_other, regress_cs_group, regress_cs_member, regress_cs_heir, regress_cs_creator, regress_cs_renamed, regress_cs_present;
RESET client_min_messages;
CREATE ROLE regress_cs_owner LOGIN;
CREATE ROLE regress_cs_user LOGIN;
CREATE ROLE regress_cs_other LOGIN;
CREATE ROLE regress_cs_group;
CREATE ROLE regress_cs_member LOGIN IN ROLE regress_cs_group;
CREATE ROLE regress_cs_heir LOGIN NOINHERIT IN ROLE regress_cs_group;
CREATE SCHEMA security_test;
GRANT ALL ON SCHEMA security_test TO public;
SET search_path = security_test, public;

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

--
-- An ordinary role does all of it
--
SET SESSION AUTHORIZATION regress_cs_owner;
CREATE TABLE customer (id int PRIMARY KEY, owner name, recency int, monetary float8, segment int);
INSERT INTO customer
SELECT i, CASE WHEN i % 2 = 0 THEN 'regress_cs_user' ELSE 'regress_cs_other' END,
       CASE WHEN i <= 60 THEN 10 WHEN i <= 90 THEN 100 ELSE 300 END + i % 7,
       CASE WHEN i <= 60 THEN 50 WHEN i <= 90 THEN 400 ELSE 900 END + i % 5
FROM generate_series(1, 100) i;
SELECT model, version, n_rows, deployed FROM custseg.train('mine', 'customer', '{recency,monetary}', 3);
SELECT version FROM custseg.train('mine', 'customer', '{recency,monetary}', 2);
SELECT custseg.deploy('mine', 2), custseg.rollback('mine');
SELECT custseg.drop_model('mine', 2);
SELECT custseg.name_segment('mine', 1, 'small');
SELECT custseg.predict('mine', c), custseg.predict_name('mine', c), (SELECT count(*) FROM custseg.explain('mine', c)) AS explained
FROM customer c WHERE id = 1;
CALL custseg.resegment('mine', 'customer');
SELECT count(*) FROM custseg.score('mine');
SELECT name, owner, trained_by, deployed_by FROM custseg.models WHERE name = 'mine';
SELECT DISTINCT run_by FROM custseg.migration WHERE model = 'mine';

-- ... but not by the tables, which nobody writes
SELECT outcome(statement) FROM (VALUES
    ('INSERT INTO custseg.model (name, owner, last_version) VALUES (''forged'', ''regress_cs_owner'', 1)'),
    ('UPDATE custseg.model SET owner = ''regress_cs_owner'''),
    ('DELETE FROM custseg.model WHERE name = ''mine'''),
    ('TRUNCATE custseg.model CASCADE'),
    ('UPDATE custseg.model_version SET source = ''customer'''),
    ('DELETE FROM custseg.model_version'),
    ('UPDATE custseg.feature SET prep = ''{}'''),
    ('UPDATE custseg.segment SET center = ''{0,0}'''),
    ('INSERT INTO custseg.deployment (model, version, action, deployed_by) VALUES (''mine'', 1, ''deploy'', ''x'')'),
    ('INSERT INTO custseg.model_grant (model, grantee, granted_by) VALUES (''mine'', ''x'', ''x'')'),
    ('DELETE FROM custseg.migration'),
    ('UPDATE custseg.models SET name = ''x'''),
    ('SELECT nextval(pg_get_serial_sequence(''custseg.deployment'', ''id''))'),
    ('CREATE TRIGGER t AFTER INSERT ON custseg.model FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment(''a'', ''b'')'),
    ('CREATE TABLE custseg.mine (a int)'),
    ('ALTER TABLE custseg.model DISABLE ROW LEVEL SECURITY'),
    ('LOCK custseg.model IN EXCLUSIVE MODE'),
    ('SELECT custseg_private.invalidate_models()')
) v (statement);

--
-- Others see nothing of it, use nothing and change nothing
--
GRANT SELECT ON customer TO regress_cs_user, regress_cs_other;
SET SESSION AUTHORIZATION regress_cs_other;
CREATE FUNCTION visible() RETURNS text LANGUAGE sql AS $$
SELECT concat_ws(' ', (SELECT count(*) FROM custseg.model), (SELECT count(*) FROM custseg.model_version), (SELECT count(*) FROM custseg.feature),
    (SELECT count(*) FROM custseg.segment), (SELECT count(*) FROM custseg.deployment), (SELECT count(*) FROM custseg.model_grant),
    (SELECT count(*) FROM custseg.migration), (SELECT count(*) FROM custseg.models), (SELECT count(*) FROM custseg.segments),
    (SELECT count(*) FROM custseg.segment_profile)) $$;
SELECT visible();
SELECT custseg_private.may_use('mine'), custseg_private.may_use('nobody');
CREATE TABLE other_table (recency int, monetary float8, segment int);
CREATE TRIGGER assign BEFORE INSERT ON other_table FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('mine', 'segment');
CREATE FUNCTION uses() RETURNS SETOF text LANGUAGE sql AS $$
SELECT outcome(statement) FROM (VALUES
    ('SELECT custseg.predict(''mine'', c) FROM customer c WHERE id = 1'),
    ('SELECT custseg.predict(''mine'', ''{"recency": 1, "monetary": 2}''::jsonb, 1)'),
    ('SELECT custseg.predict_name(''mine'', c) FROM customer c WHERE id = 1'),
    ('SELECT (custseg.predict_detail(''mine'', c)).segment FROM customer c WHERE id = 1'),
    ('SELECT count(*) FROM customer c, custseg.explain(''mine'', c) WHERE id = 1'),
    ('SELECT count(*) FROM custseg.score(''mine'')'),
    ('SELECT count(*) FROM custseg.score(''mine'', ''customer'')'),
    ('SELECT custseg.scorer(''mine'') IS NOT NULL'),
    ('INSERT INTO other_table VALUES (10, 50) RETURNING segment'),
    ('CALL custseg.resegment(''mine'', ''other_table'')')
) v (statement) $$;
CREATE FUNCTION changes() RETURNS SETOF text LANGUAGE sql AS $$
SELECT outcome(statement) FROM (VALUES
    ('SELECT custseg.train(''mine'', ''customer'', ''{recency}'', 2)'),
    ('SELECT custseg.deploy(''mine'', 1)'),
    ('SELECT custseg.rollback(''mine'')'),
    ('SELECT custseg.name_segment(''mine'', 1, ''x'')'),
    ('SELECT custseg.grant_model(''mine'', current_user)'),
    ('SELECT custseg.revoke_model(''mine'', current_user)'),
    ('SELECT custseg.drop_model(''mine'', 1)'),
    ('SELECT custseg.drop_model(''mine'', whole => true)')
) v (statement) $$;
GRANT ALL ON other_table TO public;
SELECT * FROM uses();
SELECT * FROM changes();
SELECT custseg.predict('mine', c) FROM customer c WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
SELECT custseg.deploy('mine', 1);
\echo :LAST_ERROR_SQLSTATE
SET row_security = off;
SELECT outcome('SELECT count(*) FROM custseg.model');
SELECT outcome('SELECT custseg.predict(''mine'', c) FROM customer c WHERE id = 1');
RESET row_security;

--
-- A grant gives the use, and no more
--
SET SESSION AUTHORIZATION regress_cs_owner;
SELECT custseg.grant_model('mine', 'regress_cs_user');
SELECT custseg.grant_model('mine', 'regress_cs_user');
SELECT outcome('SELECT custseg.grant_model(''mine'', ''regress_cs_nobody'')');
SELECT outcome('SELECT custseg.grant_model(''mine'', NULL)');
SELECT model, grantee, granted_by FROM custseg.model_grant;
SET SESSION AUTHORIZATION regress_cs_user;
SELECT visible();
SELECT * FROM uses();
SELECT * FROM changes();
SELECT name, owner FROM custseg.models;
SET row_security = off;
SELECT custseg.predict('mine', c) FROM customer c WHERE id = 1;
RESET row_security;
SET SESSION AUTHORIZATION regress_cs_other;
SELECT visible();
SET SESSION AUTHORIZATION regress_cs_owner;
SELECT custseg.revoke_model('mine', 'regress_cs_user');
SELECT custseg.revoke_model('mine', 'regress_cs_user');
SET SESSION AUTHORIZATION regress_cs_user;
SELECT visible();
SELECT * FROM uses() LIMIT 1;

-- everybody
SET SESSION AUTHORIZATION regress_cs_owner;
SELECT custseg.grant_model('mine', 'public');
SET SESSION AUTHORIZATION regress_cs_other;
SELECT * FROM uses() LIMIT 1;
SELECT * FROM changes() LIMIT 1;
SET SESSION AUTHORIZATION regress_cs_owner;
SELECT custseg.revoke_model('mine', 'public');

-- members of a role; who does not inherit must become it
SELECT custseg.grant_model('mine', 'regress_cs_group');
RESET SESSION AUTHORIZATION;
GRANT SELECT ON customer TO regress_cs_group, regress_cs_heir;
SET SESSION AUTHORIZATION regress_cs_member;
SELECT * FROM uses() LIMIT 1;
SET SESSION AUTHORIZATION regress_cs_heir;
SELECT * FROM uses() LIMIT 1;
SET ROLE regress_cs_group;
SELECT * FROM uses() LIMIT 1;
RESET ROLE;
-- a membership that ends is noticed at once, also by what is kept
PREPARE kept_plan AS SELECT custseg.predict('mine', c) FROM customer c WHERE id = 1;
SET SESSION AUTHORIZATION regress_cs_member;
EXECUTE kept_plan;
RESET SESSION AUTHORIZATION;
GRANT SELECT ON customer TO regress_cs_member;
REVOKE regress_cs_group FROM regress_cs_member;
SET SESSION AUTHORIZATION regress_cs_member;
EXECUTE kept_plan;
RESET SESSION AUTHORIZATION;
GRANT regress_cs_group TO regress_cs_member;
SET SESSION AUTHORIZATION regress_cs_member;
EXECUTE kept_plan;
-- the right is that of the role at the time, within one transaction and one function
CREATE FUNCTION segment_of(c customer) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN custseg.predict('mine', c); END $$;
RESET SESSION AUTHORIZATION;
BEGIN;
SELECT segment_of(c) FROM customer c WHERE id = 1;
SET LOCAL ROLE regress_cs_other;
SAVEPOINT s;
SELECT segment_of(c) FROM customer c WHERE id = 1;
ROLLBACK TO s;
EXECUTE kept_plan;
ROLLBACK TO s;
SET LOCAL ROLE regress_cs_member;
SELECT segment_of(c) FROM customer c WHERE id = 1;
ROLLBACK;
DEALLOCATE kept_plan;

-- a model that a role owns belongs to its members
SET SESSION AUTHORIZATION regress_cs_member;
SET ROLE regress_cs_group;
SELECT version FROM custseg.train('ours', 'customer', '{recency,monetary}', 3);
RESET ROLE;
SELECT version, deployed FROM custseg.train('ours', 'customer', '{recency,monetary}', 2, deploy => true);
SELECT m.owner, v.version, v.trained_by FROM custseg.model m JOIN custseg.model_version v ON v.model = m.name WHERE name = 'ours' ORDER BY version;
SET SESSION AUTHORIZATION regress_cs_heir;
SELECT outcome('SELECT custseg.rollback(''ours'')');
SET ROLE regress_cs_group;
SELECT outcome('SELECT custseg.rollback(''ours'')');

--
-- Data are read as the caller
--
SET SESSION AUTHORIZATION regress_cs_owner;
CREATE TABLE secret AS SELECT * FROM customer;
CREATE TABLE partly AS SELECT * FROM customer;
GRANT SELECT (id, recency) ON partly TO regress_cs_user;
GRANT SELECT, UPDATE (segment) ON partly TO regress_cs_other;
SELECT custseg.grant_model('mine', 'public');
SET SESSION AUTHORIZATION regress_cs_user;
SELECT custseg.train('theft', 'secret', '{recency,monetary}', 2);
\echo :LAST_ERROR_SQLSTATE
SELECT outcome($$SELECT custseg.train('theft', 'SELECT * FROM secret', '{recency}', 2)$$);
SELECT outcome($$SELECT custseg.train('theft', 'partly', '{recency,monetary}', 2)$$);
SELECT outcome($$SELECT custseg.train('theft', 'partly', '{recency}', 2, id => 'monetary')$$);
SELECT outcome($$SELECT count(*) FROM custseg.score('mine', 'secret')$$);
SELECT outcome($$SELECT count(*) FROM custseg.segment_profile('mine', 'secret')$$);
SELECT outcome($$SELECT count(*) FROM custseg.heatmap('mine', 'secret')$$);
SELECT outcome($$SELECT count(*) FROM custseg.segment_summary('ours')$$);
SELECT outcome($$CALL custseg.resegment('mine', 'secret')$$);
SELECT outcome($$CALL custseg.resegment('mine', 'customer')$$);
SELECT count(*) FROM custseg.model WHERE name = 'theft';
SELECT count(*) FROM custseg.model_version WHERE model = 'theft';
SELECT n_rows FROM custseg.train('allowed', 'partly', '{recency}', 2, id => 'id');
-- one who may update the column, and no other
SET SESSION AUTHORIZATION regress_cs_other;
CALL custseg.resegment('mine', 'partly');
SELECT outcome($$CALL custseg.resegment('mine', 'partly', 'id')$$);
-- who runs what a source calls
CREATE FUNCTION witness() RETURNS text LANGUAGE sql AS $$ SELECT current_user::text $$;
SELECT n_rows FROM custseg.train('witnessed', 'SELECT id, recency, witness() || id % 2 AS witness FROM customer', '{recency,witness}', 2);
SELECT levels FROM custseg.feature WHERE model = 'witnessed' AND name = 'witness';
SELECT custseg.drop_model('witnessed', whole => true);

-- row-level security: each trains on, scores and updates the rows that are theirs
SET SESSION AUTHORIZATION regress_cs_owner;
GRANT UPDATE ON customer TO regress_cs_user, regress_cs_other;
ALTER TABLE customer ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON customer USING (owner = current_user);
UPDATE customer SET segment = NULL;
CREATE VIEW through AS SELECT * FROM customer;
GRANT SELECT ON through TO public;
SET SESSION AUTHORIZATION regress_cs_user;
SELECT n_rows FROM custseg.train('rows', 'customer', '{recency,monetary}', 3);
SELECT n_rows FROM custseg.train('rows', 'SELECT * FROM customer', '{recency,monetary}', 3);
SELECT n_rows FROM custseg.train('rows', 'through', '{recency,monetary}', 3);       -- the view's owner sees all
SELECT count(*) FROM custseg.score('mine', 'customer');
SELECT sum(n) FROM custseg.segment_summary('mine', 'customer');
CALL custseg.resegment('mine', 'customer');
SET row_security = off;
SELECT outcome($$SELECT custseg.train('rows', 'customer', '{recency,monetary}', 3)$$);
RESET row_security;
SET SESSION AUTHORIZATION regress_cs_owner;
SELECT owner, count(segment) AS updated, count(*) FROM customer GROUP BY owner ORDER BY owner;
SELECT n_rows FROM custseg.train('mine', 'customer', '{recency,monetary}', 3);
ALTER TABLE customer DISABLE ROW LEVEL SECURITY;

--
-- A function of the owner's for others
--
SELECT custseg.revoke_model('mine', 'public'), custseg.revoke_model('mine', 'regress_cs_group');
CREATE FUNCTION ask(recency int, monetary float8) RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$ SELECT custseg.predict('mine', jsonb_build_object('recency', recency, 'monetary', monetary)) $$;
CREATE FUNCTION retrain() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = security_test, pg_temp AS
$$ SELECT version FROM custseg.train('mine', 'secret', '{recency,monetary}', 3) $$;
SET SESSION AUTHORIZATION regress_cs_other;
SELECT ask(300, 900), ask(10, 50);
SELECT outcome('SELECT custseg.predict(''mine'', c) FROM customer c WHERE id = 1');
SELECT retrain() AS version;
SET SESSION AUTHORIZATION regress_cs_owner;
SELECT version, source, trained_by FROM custseg.model_version WHERE model = 'mine' ORDER BY version DESC LIMIT 1;

--
-- A search_path full of traps
--
RESET SESSION AUTHORIZATION;
CREATE SCHEMA trap AUTHORIZATION regress_cs_other;
GRANT USAGE ON SCHEMA trap TO public;
SET SESSION AUTHORIZATION regress_cs_other;
SET search_path = trap;
DO $$
DECLARE
    type text;
    name text;
BEGIN
    FOREACH type IN ARRAY '{int4,int8,text,name,oid,xid,tid,float8,bool,timestamptz,jsonb}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION trap.sprung(%s, %s) RETURNS bool LANGUAGE plpgsql AS ''BEGIN RAISE EXCEPTION ''''trap of %s as %%'''', current_user; END''',
                       type, type, type);
        FOREACH name IN ARRAY '{=,<>,<,>,<=,>=,+,-,||,->,->>}'::text[] LOOP
            EXECUTE format('CREATE OPERATOR trap.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = trap.sprung)', name, type, type);
        END LOOP;
        FOREACH name IN ARRAY '{max,min,count,sum,lower,coalesce,jsonb_agg,jsonb_build_object,unnest,may_use,predict,abs}'::text[] LOOP
            EXECUTE format('CREATE FUNCTION trap.%I(%s) RETURNS %s LANGUAGE plpgsql AS ''BEGIN RAISE EXCEPTION ''''trap %s as %%'''', current_user; END''',
                           name, type, type, name);
        END LOOP;
    END LOOP;
    FOREACH name IN ARRAY '{now,clock_timestamp,current_user}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION trap.%I() RETURNS timestamptz LANGUAGE plpgsql AS ''BEGIN RAISE EXCEPTION ''''trap %s as %%'''', current_user; END''',
                       name, name);
    END LOOP;
    FOREACH name IN ARRAY '{model,model_version,feature,segment,deployment,model_grant,migration,custseg_moved,moved,source,stack,pg_class,pg_type,pg_namespace,pg_proc}'::text[] LOOP
        EXECUTE format('CREATE TABLE trap.%I (name int, id text, model int)', name);
        EXECUTE format('CREATE TEMP TABLE %I (name int, id text, model int)', name);
    END LOOP;
    CREATE FUNCTION trap.counted(int4) RETURNS int4 LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trap count as %'', current_user; END';
    CREATE AGGREGATE trap.count(*) (SFUNC = trap.counted, STYPE = int4, INITCOND = '0');
    FOREACH name IN ARRAY '{int4,int8,text,name,jsonb,float8,regclass,bool,date,timestamptz,numeric}'::text[] LOOP
        EXECUTE format('CREATE DOMAIN trap.%I AS pg_catalog.int2 CHECK (false)', name);
    END LOOP;
END $$;
RESET SESSION AUTHORIZATION;
SET search_path = trap, pg_temp, security_test, pg_catalog;
\set VERBOSITY sqlstate
SELECT 1 = 1;       -- they do spring
SELECT max(1);
SELECT count(*);
\set VERBOSITY default
SELECT version, n_rows, deployed FROM custseg.train('trapped', 'security_test.customer', '{recency,monetary}', 3, id => 'id');
SELECT version FROM custseg.train('trapped', 'SELECT recency, monetary FROM security_test.customer', '{recency,monetary}', 2);
SELECT version FROM custseg.train('trapped', 'security_test.customer', '{recency,monetary,owner}', 3, prep => '{"impute": "knn", "pca": 2}');
SELECT custseg.deploy('trapped', 2);
SELECT custseg.rollback('trapped');
SELECT custseg.name_segment('trapped', 1, 'safe', 'and sound');
SELECT custseg.grant_model('trapped', 'regress_cs_user');
SELECT custseg.revoke_model('trapped', 'regress_cs_user');
SELECT custseg.predict('trapped', c), custseg.predict_name('trapped', c), custseg.predict('trapped', c, 3) IS NOT NULL AS other,
       (custseg.predict_detail('trapped', c)).segment
FROM security_test.customer c WHERE c.id OPERATOR(pg_catalog.=) 1;
SELECT e.feature FROM security_test.customer c, custseg.explain('trapped', c) e WHERE c.id OPERATOR(pg_catalog.=) 95;
SELECT pg_catalog.count(*) FROM custseg.score('trapped');
SELECT pg_catalog.count(*) FROM custseg.score('trapped', 'security_test.customer', 3);
SELECT pg_catalog.count(*) FROM custseg.segment_profile('trapped', columns => '{recency,owner}');
SELECT pg_catalog.sum(n) FROM custseg.segment_summary('trapped', value => 'monetary');
SELECT pg_catalog.count(*) FROM custseg.feature_importance('trapped');
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS halves FROM custseg.split_stability('trapped');
SELECT pg_catalog.count(*) FROM custseg.boxplot('trapped');
SELECT pg_catalog.count(*) FROM custseg.radar('trapped');
SELECT pg_catalog.count(*) FROM custseg.heatmap('trapped');
CALL custseg.resegment('trapped', 'security_test.customer');
SELECT pg_catalog.length(custseg.scorer('trapped')::pg_catalog.text) OPERATOR(pg_catalog.>) 100 AS scorer;
SELECT m.name, m.deployed_version, m.deployed_by OPERATOR(pg_catalog.=) m.owner AS mine FROM custseg.models m WHERE m.name OPERATOR(pg_catalog.=) 'trapped';
SELECT pg_catalog.count(*) FROM custseg.segments s WHERE s.model OPERATOR(pg_catalog.=) 'trapped';
SELECT pg_catalog.count(*) FROM custseg.segment_profile s WHERE s.model OPERATOR(pg_catalog.=) 'trapped';
SELECT pg_catalog.count(*) FROM custseg.progress();
SELECT algorithm FROM custseg.train_value('trapped value', 'security_test.customer', 'monetary', '{recency}', 'linear', 'id');
SELECT pg_catalog.count(*) FROM custseg.score_value('trapped value');
SELECT pg_catalog.count(*) FROM custseg.segment_value('trapped value', 'trapped');
SELECT pg_catalog.count(*) FROM custseg.record_segment_value('trapped value', 'trapped', keep_days => 9);
SELECT verdict FROM custseg.record_outcomes('trapped value');
SELECT status FROM custseg.monitor('trapped value');
SELECT version FROM custseg.retrain('trapped value');
SELECT model FROM custseg.import_model(custseg.export_model('trapped value'), 'trapped copy');
SELECT custseg.drop_model(m, whole => true) FROM pg_catalog.unnest('{trapped value,trapped copy}'::pg_catalog.text[]) m;
SELECT custseg.create_experiment('trapped', 'trapped', '["a", "b"]', '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1, "window": "7 days"}]', '{"layer": "l"}');
SELECT custseg.create_experiment('trapped', 'trapped', '["a", "b"]', '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 2}]', '{"layer": "l"}');
SELECT n_read, n_enrolled FROM custseg.enroll('trapped', 'security_test.customer');
SELECT custseg.variant('trapped', 3) IS NULL AS outside;
SELECT pg_catalog.count(*) FROM custseg.experiment_health('trapped', 'security_test.customer');
SELECT pg_catalog.count(*) FROM custseg.record_survey('trapped', 'SELECT id, 1 AS segment FROM security_test.customer', '{"customer": "id"}');
SELECT custseg.set_condition('trapped', 'privacy', 'pass', 'reviewed');
SELECT decision FROM custseg.decide('trapped', 'a test');
SELECT kind, n FROM custseg.forget_customer(7);
SELECT custseg.end_experiment('trapped'), custseg.drop_experiment('trapped');
SELECT custseg.drop_model('trapped', 3);
SELECT custseg.exclude('trapped', 3, 'objected');
SELECT custseg.drop_model('trapped', whole => true);
SELECT custseg.train('trapped', 'security_test.customer', '{recency,monetary}', 3, id => 'id') IS NULL AS again;
SELECT custseg.drop_model('trapped', whole => true, forget_exclusions => true);
SET search_path = security_test, public;

-- names of the caller's choice are names, whatever is in them
SET SESSION AUTHORIZATION regress_cs_owner;
CREATE TABLE "odd'; DROP TABLE customer; --" AS SELECT id AS "i""d", recency AS "a'b", monetary AS "c"";d", NULL::int AS "seg""ment'" FROM customer;
SELECT model, n_rows FROM custseg.train('m''; DROP TABLE customer; --', '"odd''; DROP TABLE customer; --"', ARRAY['a''b', 'c";d'], 3, id => 'i"d');
SELECT custseg.name_segment('m''; DROP TABLE customer; --', 1, 'n''); DELETE FROM custseg.model; --');
SELECT custseg.predict_name('m''; DROP TABLE customer; --', o) FROM "odd'; DROP TABLE customer; --" o LIMIT 1;
CALL custseg.resegment('m''; DROP TABLE customer; --', '"odd''; DROP TABLE customer; --"', 'seg"ment''');
SELECT count(*) FROM custseg.score('m''; DROP TABLE customer; --');
SELECT outcome($$SELECT custseg.predict('nobody''s "model"', c) FROM customer c$$);
SELECT custseg.drop_model('m''; DROP TABLE customer; --', whole => true);
-- a query cannot leave its parentheses
SELECT outcome($$SELECT custseg.train('out', 'SELECT 1 AS a) AS s; DROP TABLE customer; --', '{a}', 1)$$);
SELECT outcome($$SELECT custseg.train('out', 'SELECT 1 AS a; DROP TABLE customer', '{a}', 1)$$);
SELECT outcome($$SELECT custseg.train('out', 'SELECT 1 AS a) AS s, (SELECT 2 AS b', '{a}', 1)$$);
SELECT outcome($$SELECT custseg.train('out', 'customer, secret', '{recency}', 1)$$);
SELECT outcome($$SELECT custseg.train('out', 'customer WHERE true', '{recency}', 1)$$);

--
-- Types of ids are code of whoever made them: nobody else runs their casts, and conditions of domains
-- run as the owner of the model
--
CREATE TYPE level AS ENUM ('l1', 'l2', 'l3', 'l4');
CREATE FUNCTION runs(what text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
    IF session_user <> 'regress_cs_owner' THEN
        RAISE NOTICE '% runs as %', what, current_user;
        PERFORM set_config('datestyle', 'German', false);
    END IF;
    RETURN true;
END $$;
CREATE FUNCTION level_of(int) RETURNS level LANGUAGE sql AS $$ SELECT ('l' || $1)::level FROM runs('cast') $$;
CREATE FUNCTION text_of(level) RETURNS text LANGUAGE sql AS $$ SELECT 'cast' FROM runs('cast') $$;
CREATE CAST (int AS level) WITH FUNCTION level_of(int) AS IMPLICIT;
CREATE CAST (level AS text) WITH FUNCTION text_of(level);
CREATE DOMAIN checked AS int CHECK (runs('check'));
CREATE TYPE checked_range AS RANGE (subtype = checked[]);
CREATE TYPE checked_pair AS (a checked, b int);
CREATE TABLE lure AS
SELECT ('l' || i)::level AS level, ARRAY[i::checked] AS list, ROW(i, i)::checked_pair AS pair, checked_range(ARRAY[i::checked], NULL) AS range, i AS x
FROM generate_series(1, 4) i;
SELECT n_rows FROM unnest('{level,list,pair,range}'::text[]) c, custseg.train('lure ' || c, 'lure', '{x}', 2, id => c);
RESET SESSION AUTHORIZATION;
SELECT outcome($$SELECT custseg.exclude('lure level', 3, 'test')$$);
SELECT custseg.exclude('lure level', 'l3', 'test'), custseg.exclude('lure list', '{3}', 'test'), custseg.exclude('lure pair', '(3,3)', 'test'),
    custseg.exclude('lure range', '[{3},)', 'test');
SELECT x, custseg.predict('lure level', l) IS NULL AS level, custseg.predict('lure list', l) IS NULL AS list, custseg.predict('lure pair', l) IS NULL AS pair,
    custseg.predict('lure range', l) IS NULL AS range
FROM lure l ORDER BY x;
SELECT m, s.id FROM unnest('{level,list,pair,range}'::text[]) m, custseg.score('lure ' || m, 'lure') s WHERE s.assigned_by <> 'model' ORDER BY m;
SELECT custseg.end_override('lure level', 'l3'), custseg.end_override('lure list', '{3}'), custseg.end_override('lure pair', '(3,3)'),
    custseg.end_override('lure range', '[{3},)');
SHOW datestyle;
UPDATE custseg.model SET owner = 'regress_cs_nobody' WHERE name = 'lure list';
SELECT outcome($$SELECT custseg.exclude('lure list', '{3}', 'test')$$);
SELECT custseg.drop_model('lure ' || c, whole => true) FROM unnest('{level,list,pair,range}'::text[]) c;

--
-- Decisions by hand are those of the role, not of its name
--
CREATE ROLE regress_cs_renamed LOGIN;
GRANT SELECT ON customer TO regress_cs_renamed;
SET SESSION AUTHORIZATION regress_cs_renamed;
SELECT n_rows FROM custseg.train('named', 'customer', '{recency,monetary}', 3, id => 'id');
SELECT custseg.exclude(NULL, 3, 'before'), custseg.override_segment('named', 4, 1, 'before');
RESET SESSION AUTHORIZATION;
ALTER ROLE regress_cs_renamed RENAME TO regress_cs_present;
CREATE ROLE regress_cs_renamed LOGIN;
SET SESSION AUTHORIZATION regress_cs_renamed;
SELECT count(*) FROM custseg.segment_override;
SELECT custseg.end_override(NULL, 3), custseg.exclude(NULL, 3, 'another role'), custseg.exclude(NULL, 7, 'another role');
SET SESSION AUTHORIZATION regress_cs_present;
SELECT owner, model, customer, reason FROM custseg.overrides ORDER BY customer;
SELECT custseg.exclude(NULL, 5, 'after'), custseg.exclude(NULL, 3, 'after');
SELECT id, assigned_by, decided_by FROM custseg.score('named') WHERE assigned_by <> 'model' ORDER BY id;
SELECT owner, model, customer, reason FROM custseg.overrides ORDER BY customer;
SELECT custseg.end_override(NULL, 5), custseg.drop_model('named', whole => true);
-- of a role that is gone, too
RESET SESSION AUTHORIZATION;
DROP OWNED BY regress_cs_present;
DROP ROLE regress_cs_present;
CREATE ROLE regress_cs_present LOGIN;
SET SESSION AUTHORIZATION regress_cs_present;
SELECT count(*) FROM custseg.overrides;
SELECT custseg.exclude(NULL, 3, 'another role');
SELECT reason FROM custseg.overrides;
RESET SESSION AUTHORIZATION;
DELETE FROM custseg.segment_override WHERE owner IN ('regress_cs_renamed', 'regress_cs_present');
DROP ROLE regress_cs_renamed, regress_cs_present;

--
-- Owners are kept by OID, and by name for other clusters
--
RESET SESSION AUTHORIZATION;
ALTER ROLE regress_cs_owner RENAME TO regress_cs_owner_2;
SET SESSION AUTHORIZATION regress_cs_owner_2;
SELECT visible();
SELECT outcome('SELECT custseg.deploy(''mine'', 1)');
RESET SESSION AUTHORIZATION;
-- a superuser hands models over by name
UPDATE custseg.model SET owner = 'regress_cs_owner_2' WHERE owner = 'regress_cs_owner';
SET SESSION AUTHORIZATION regress_cs_owner_2;
SELECT custseg.predict('mine', c) FROM customer c WHERE id = 1;
SELECT outcome($$SELECT custseg.drop_model('mine', whole => true)$$);
SELECT custseg.drop_model('mine', whole => true, ignore_triggers => true);
RESET SESSION AUTHORIZATION;
ALTER ROLE regress_cs_owner_2 RENAME TO regress_cs_owner;
-- models do not keep a role from being dropped, nor from being granted to one that is gone
SET SESSION AUTHORIZATION regress_cs_member;
SELECT custseg.grant_model('ours', 'regress_cs_heir');
RESET SESSION AUTHORIZATION;
DROP OWNED BY regress_cs_heir;
DROP ROLE regress_cs_heir;
SELECT custseg.revoke_model('ours', 'regress_cs_heir');
SELECT custseg.drop_model(name, whole => true, ignore_triggers => true) FROM custseg.model ORDER BY name COLLATE "C";

--
-- A database's owner needs no superuser to install the extension
--
SET client_min_messages = warning;
DROP SCHEMA security_test, trap CASCADE;
RESET client_min_messages;
CREATE ROLE regress_cs_creator LOGIN CREATEDB;
SELECT current_database() AS home \gset
SET SESSION AUTHORIZATION regress_cs_creator;
CREATE DATABASE regression_cs TEMPLATE template0;
\c regression_cs
SET SESSION AUTHORIZATION regress_cs_creator;
CREATE EXTENSION custseg;
CREATE SCHEMA data;
CREATE TABLE data.customer AS SELECT i AS id, i / 50 * 100 + i % 7 AS recency FROM generate_series(0, 99) i;
SELECT n_segments FROM custseg.train('first', 'data.customer', '{recency}', 2);
SELECT custseg.predict('first', c), count(*) FROM data.customer c GROUP BY 1 ORDER BY 1;
INSERT INTO custseg.model (name, owner, last_version) VALUES ('forged', 'regress_cs_creator', 1);
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_cs_other;
SELECT count(*) FROM custseg.model;
SELECT n_segments FROM custseg.train('second', 'SELECT * FROM generate_series(1, 10) i', '{i}', 2);
SET SESSION AUTHORIZATION regress_cs_creator;
DROP EXTENSION custseg;
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE nspname = 'custseg';
\c :home
DROP DATABASE regression_cs;
DROP OWNED BY regress_cs_owner, regress_cs_user, regress_cs_other, regress_cs_group, regress_cs_member, regress_cs_creator;
DROP ROLE regress_cs_owner, regress_cs_user, regress_cs_other, regress_cs_group, regress_cs_member, regress_cs_creator;
\i :root/test/clean.sql
