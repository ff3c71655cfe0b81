--
-- Can an experiment be believed?  experiment_health(): mismatch, attrition, balance, duplicates, strangers, overlap.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS experiment_health_test CASCADE;
DROP ROLE IF EXISTS regress_cs_experimenter, regress_cs_reader;
CREATE SCHEMA experiment_health_test;
GRANT ALL ON SCHEMA experiment_health_test TO public;
SET search_path = experiment_health_test, public;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
CREATE ROLE regress_cs_experimenter;
CREATE ROLE regress_cs_reader;
CREATE TABLE customer AS SELECT i AS id, i % 3 * 100 + i % 7 AS monetary, i % 3 * 10 + i % 5 AS frequency, (hashint8extended(i, 1) & 1023)::float8 AS spent_before FROM generate_series(1, 20000) i;
ALTER TABLE customer ADD PRIMARY KEY (id);
GRANT SELECT ON customer TO public;
SET ROLE regress_cs_experimenter;
SELECT model, n_segments FROM custseg.train('shop', 'customer', '{monetary,frequency}', k => 3);
SELECT custseg.grant_model('shop', 'regress_cs_reader');
\set metrics '\'[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1, "covariate": "spent_before"}]\''
SELECT custseg.create_experiment('spring', 'shop', '["control", {"variant": "offer", "weight": 2}]', :metrics);
-- nobody yet
SELECT * FROM custseg.experiment_health('spring');
SELECT n_enrolled FROM custseg.enroll('spring', 'customer');

-- all is well; counts are those of the enrolments against the buckets of the variants
SELECT kind, subject, n, verdict, reason FROM custseg.experiment_health('spring', 'customer');
SELECT h.subject, agrees(ARRAY[h.statistic, h.p_value], ARRAY[s.statistic, s.p_value]) AS same
FROM custseg.experiment_health('spring') h, LATERAL (SELECT array_agg(n ORDER BY variant_number) AS counts FROM (
    SELECT variant_number, count(*) AS n FROM custseg.enrolment WHERE h.subject IN ('(all)', 'segment ' || segment) GROUP BY 1) c) c, custseg.srm_test(c.counts, '{3333,6667}') s;
SELECT agrees(max(p_adjusted), max(p)) AS adjusted FROM (SELECT p_adjusted, unnest(custseg.holm(array_agg(p_value) OVER ())) AS p FROM custseg.experiment_health('spring') WHERE subject <> '(all)') s;
SELECT agrees(ARRAY[h.statistic, h.df, h.p_value], ARRAY[(a.t).welch_f, (a.t).welch_df, (a.t).welch_p_value]) AS same
FROM custseg.experiment_health('spring', 'customer') h, (SELECT custseg.anova(spent_before, variant_number) AS t FROM customer c JOIN custseg.enrolment n ON n.customer = c.id::text) a WHERE h.kind = 'balance';

-- whoever is lost from one variant rather than from another
SELECT n, verdict, reason FROM custseg.experiment_health('spring', 'SELECT * FROM customer WHERE id % 10 > 0') WHERE kind = 'attrition';
CREATE VIEW lossy AS SELECT * FROM customer c WHERE NOT EXISTS (SELECT FROM custseg.enrolment n WHERE n.customer = c.id::text AND n.variant_number = 2 AND c.id % 10 = 0);
SELECT verdict FROM custseg.experiment_health('spring', 'lossy') WHERE kind = 'attrition';
SELECT verdict, reason FROM custseg.experiment_health('spring', 'SELECT * FROM customer WHERE false') WHERE kind = 'attrition';
-- a covariate that differs before anything was done
SELECT verdict, reason FROM custseg.experiment_health('spring', 'SELECT c.id, c.spent_before + 100 * n.variant_number AS spent_before FROM customer c JOIN custseg.enrolment n ON n.customer = c.id::text') WHERE kind = 'balance';
SELECT verdict, reason FROM custseg.experiment_health('spring', 'SELECT id, NULL::float8 AS spent_before FROM customer') WHERE kind = 'balance';
-- twice, and not enrolled
SELECT kind, n, verdict, reason FROM custseg.experiment_health('spring', 'SELECT id, spent_before FROM customer UNION ALL SELECT id, spent_before FROM customer WHERE id IN (7, 9) UNION ALL SELECT -1, 0') WHERE kind IN ('duplicates', 'strangers');
-- lines of orders have customers more than once
SELECT custseg.create_experiment('lines', 'shop', '["control", "offer"]', '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1, "window": "14 days"}]', '{"salt": "spring", "traffic": 0.5}');
SELECT n_enrolled > 9000 AS enrolled FROM custseg.enroll('lines', 'SELECT * FROM customer');
SELECT n, verdict, reason FROM custseg.experiment_health('lines', 'SELECT id FROM customer UNION ALL SELECT id FROM customer') WHERE kind = 'duplicates';
-- two experiments at once: of the same salt, their variants go together; of another salt, they do not
SELECT kind, subject, verdict, reason FROM custseg.experiment_health('lines') WHERE kind = 'overlap';
SELECT custseg.create_experiment('other', 'shop', '["control", "offer"]', :metrics);
SELECT n_enrolled FROM custseg.enroll('other', 'customer');
SELECT subject, verdict, reason FROM custseg.experiment_health('other') WHERE kind = 'overlap';
SELECT custseg.end_experiment('lines');
SELECT subject, verdict FROM custseg.experiment_health('other') WHERE kind = 'overlap';

-- what is wrong, and who may ask
SELECT statement, outcome(statement) FROM (VALUES
    ('SELECT custseg.experiment_health(''none'')'),
    ('SELECT custseg.experiment_health(NULL)'),
    ('SELECT custseg.experiment_health(''spring'', ''none'')'),
    ('SELECT custseg.experiment_health(''spring'', ''SELECT id FROM customer'')'),
    ('SELECT custseg.experiment_health(''spring'', ''SELECT id, id::text AS spent_before FROM customer'')'),
    ('SELECT custseg.experiment_health(''spring'', ''SELECT monetary, spent_before FROM customer'')'),
    ('SELECT custseg.experiment_health(''spring'', ''SELECT NULL::int AS id, spent_before FROM customer'')')) s (statement);
RESET ROLE;
SET ROLE regress_cs_reader;
SELECT kind, subject, n, verdict FROM custseg.experiment_health('spring');
SELECT outcome('SELECT custseg.experiment_health(''spring'', ''customer'')');
RESET ROLE;

-- a customer is not looked for in all the others, whatever statistics know of the enrolments: here they know of none
BEGIN;
CREATE TEMP TABLE enrolled AS SELECT * FROM custseg.enrolment;
DELETE FROM custseg.enrolment;
ANALYZE custseg.enrolment;
INSERT INTO custseg.enrolment SELECT * FROM enrolled WHERE customer COLLATE "C" < '11';
CREATE TEMP TABLE before AS SELECT pg_stat_get_xact_numscans('custseg.enrolment_pkey'::regclass) AS scans;
SELECT kind, n > 1000 AS many FROM custseg.experiment_health('other', 'customer') WHERE kind IN ('strangers', 'overlap') ORDER BY kind, subject;
SELECT pg_stat_get_xact_numscans('custseg.enrolment_pkey'::regclass) - scans < 100 AS few FROM before;
ROLLBACK;

-- counts of papers: 9,500 of 10,000 and 9,300 of 10,000, whose ratio alone says nothing
DELETE FROM custseg.enrolment WHERE experiment = 'other';
DELETE FROM custseg.enrolment_count WHERE experiment = 'other';
INSERT INTO custseg.enrolment SELECT 'other', i::text, 1 + i % 2, 1, 1, now() FROM generate_series(1, 20000) i;
INSERT INTO custseg.enrolment_count VALUES ('other', 1, 1, 1, 'shop', 10000), ('other', 1, 2, 1, 'shop', 10000);
SELECT kind, subject, agrees(ARRAY[statistic, p_value], ARRAY[35.46099290780142, 2.6020967243939514e-09], 1e-9) AS same, verdict, reason
FROM custseg.experiment_health('other', 'SELECT i AS id, 0::float8 AS spent_before FROM generate_series(1, 20000) i WHERE CASE i % 2 WHEN 0 THEN i <= 19000 ELSE i <= 18600 END') WHERE kind = 'attrition';
-- few of a small variant: Fisher's test (scipy), for Pearson's p-value of one of them is 1e-12
DELETE FROM custseg.enrolment WHERE experiment = 'other' AND variant_number = 2 AND customer::int > 400;
SELECT gone, agrees(p_value, p, 1e-9) AS same, verdict, reason
FROM (VALUES (1, 0.0196078431372549), (3, 7.428061506344567e-06)) v (gone, p), custseg.experiment_health('other', 'SELECT i AS id, 0::float8 AS spent_before FROM generate_series(1, 20000) i WHERE i % 2 = 0 OR i > ' || 2 * gone - 1) h WHERE kind = 'attrition';
UPDATE custseg.enrolment_count SET n = CASE variant_number WHEN 1 THEN 960 ELSE 1040 END WHERE experiment = 'other';
SELECT agrees(ARRAY[statistic, p_value], ARRAY[3.2, .07363827012030258], 1e-9) AS same, verdict FROM custseg.experiment_health('other') WHERE kind = 'mismatch' AND subject = '(all)';
UPDATE custseg.enrolment_count SET n = CASE variant_number WHEN 1 THEN 821588 ELSE 815482 END WHERE experiment = 'other';
SELECT subject, agrees(ARRAY[statistic, p_value], ARRAY[22.77436884189436, 1.8217928726191858e-06], 1e-9) AS same, verdict, reason FROM custseg.experiment_health('other') WHERE kind = 'mismatch';
UPDATE custseg.enrolment_count SET n = CASE variant_number WHEN 1 THEN 3 ELSE 4 END WHERE experiment = 'other';
SELECT subject, verdict, reason FROM custseg.experiment_health('other') WHERE kind = 'mismatch';
-- thirds have 3333, 3333 and 3334 buckets
SELECT custseg.end_experiment('other'), custseg.end_experiment('spring');
SELECT custseg.create_experiment('thirds', 'shop', '["a", "b", "c"]', :metrics);
INSERT INTO custseg.enrolment_count SELECT 'thirds', 1, v, 1, 'shop', n FROM unnest('{33607,33170,33223}'::bigint[]) WITH ORDINALITY u (n, v);
SELECT agrees(ARRAY[statistic, p_value], ARRAY[3.480764900125285, .17545328566366294], 1e-9) AS same FROM custseg.experiment_health('thirds') WHERE subject = '(all)';

SET client_min_messages = warning;
DROP SCHEMA experiment_health_test CASCADE;
SELECT custseg.drop_model('shop', whole => true) IS NULL AS dropped;
DROP ROLE regress_cs_experimenter, regress_cs_reader;
\i :root/test/clean.sql
