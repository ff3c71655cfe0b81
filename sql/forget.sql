--
-- What is kept of a customer, deleted: forget_customer().
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS forget_test CASCADE;
DROP ROLE IF EXISTS regress_cs_ann, regress_cs_bob;
CREATE SCHEMA forget_test;
GRANT ALL ON SCHEMA forget_test TO public;
SET search_path = forget_test, public;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
CREATE ROLE regress_cs_ann;
CREATE ROLE regress_cs_bob;
CREATE TABLE customer AS SELECT i AS id, i % 3 * 100 + i % 7 AS monetary, i % 3 * 10 + i % 5 AS frequency FROM generate_series(1, 300) i;
ALTER TABLE customer ADD PRIMARY KEY (id);
GRANT SELECT ON customer TO public;
CREATE FUNCTION prepare(m text) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN
    PERFORM custseg.train(m, 'customer', k => 3);
    PERFORM custseg.create_experiment(m || ' spring', m, '["control", "offer"]', '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1}]');
    PERFORM custseg.enroll(m || ' spring', 'customer');
    PERFORM custseg.train_value(m || ' worth', 'customer', 'monetary', '{frequency}', 'linear');
    PERFORM custseg.record_outcomes(m || ' worth', 'customer', id => 'id');
    PERFORM custseg.override_segment(m, i, 2, 'once'), custseg.override_segment(m, i, 1, 'key account') FROM generate_series(7, 9) i;
    RETURN (SELECT count(*) FROM custseg.enrolment WHERE experiment = m || ' spring');
END $$;
SET ROLE regress_cs_bob;
SELECT prepare('bob');
RESET ROLE;
SET ROLE regress_cs_ann;
SELECT prepare('ann');
SELECT custseg.exclude('ann', 7, 'objected'), custseg.exclude(NULL, 7, 'objected to all');
SELECT model FROM custseg.train('knn', 'customer', k => 2, prep => '{"impute": "knn"}');
SELECT model FROM custseg.train('medoids', 'customer', k => 2, algorithm => 'kmedoids');
SELECT model FROM custseg.train('density', 'customer', algorithm => 'dbscan', options => '{"eps": 1}');

-- every table that names customers
CREATE FUNCTION named(c text) RETURNS TABLE (of text, who name, n bigint) LANGUAGE plpgsql AS $$
DECLARE
    t regclass;
BEGIN
    FOR t IN SELECT a.attrelid::regclass FROM pg_attribute a JOIN pg_class k ON k.oid = a.attrelid AND k.relkind = 'r'
        WHERE k.relnamespace = 'custseg'::regnamespace AND a.attname = 'customer' ORDER BY a.attrelid::regclass::text COLLATE "C" LOOP
        RETURN QUERY EXECUTE format('SELECT %L::text, %s, count(*) FROM %s t WHERE t.customer = %L GROUP BY 2 ORDER BY 2', t,
            CASE t::text WHEN 'custseg.segment_override' THEN 't.owner'
                WHEN 'custseg.enrolment' THEN '(SELECT m.owner FROM custseg.experiment e JOIN custseg.model m ON m.name = e.model WHERE e.experiment = t.experiment)'
                ELSE '(SELECT m.owner FROM custseg.model m WHERE m.name = t.model)' END, t, c);
    END LOOP;
END $$;
RESET ROLE;
SELECT * FROM named('7');
SELECT custseg.predict('ann', c) AS segment FROM customer c WHERE id = 8;
SET ROLE regress_cs_ann;
SELECT sum(n) AS counted FROM custseg.enrolment_count WHERE model = 'ann';
SELECT * FROM custseg.forget_customer(7) WHERE kind <> 'version';
SELECT kind, model, version, reason FROM custseg.forget_customer(8) WHERE kind = 'version';
SELECT sum(n) AS counted, (SELECT count(*) FROM custseg.enrolment WHERE experiment = 'ann spring') AS enrolled FROM custseg.enrolment_count WHERE model = 'ann';
-- nobody else's rows are gone; the objection is in force, and goes when it is ended first
RESET ROLE;
SELECT * FROM named('7');
SELECT * FROM named('9');
SET ROLE regress_cs_ann;
SELECT custseg.predict('ann', c) IS NULL AS excluded FROM customer c WHERE id = 7;
SELECT custseg.predict('ann', c) = custseg.predict('ann', c, 1) AS by_model, (SELECT count(*) FROM custseg.overrides WHERE model = 'ann' AND customer = '8') AS decisions FROM customer c WHERE id = 8;
SELECT custseg.end_override('ann', 7), custseg.end_override(NULL, 7);
SELECT kind, model, n FROM custseg.forget_customer('7') WHERE kind <> 'version';
SELECT * FROM named('7');
-- who is not enrolled any more may be so again, as a new customer, and a second call finds nothing
SELECT n_enrolled, n_already FROM custseg.enroll('ann spring', 'customer');
SELECT count(*) FROM custseg.forget_customer('nobody') WHERE kind <> 'version';
SELECT outcome('SELECT custseg.forget_customer(NULL::int)');
SELECT outcome('SELECT custseg.forget_customer(c) FROM customer c');
BEGIN READ ONLY;
SELECT custseg.forget_customer(7);
ROLLBACK;
RESET ROLE;

SELECT custseg.end_experiment(experiment) FROM custseg.experiment;
SET client_min_messages = error;
SELECT count(*) AS dropped FROM (SELECT custseg.drop_model(name, whole => true, forget_exclusions => true) FROM custseg.model OFFSET 0) d;
DELETE FROM custseg.segment_override WHERE owner ~ 'regress_cs';
DROP SCHEMA forget_test CASCADE;
DROP ROLE regress_cs_ann, regress_cs_bob;
\i :root/test/clean.sql
