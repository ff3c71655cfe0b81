--
-- What has changed, for a page and for a mail: what_changed(), what_changed_text(), segment_history().
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS what_changed_test CASCADE;
DROP ROLE IF EXISTS regress_cs_ann, regress_cs_bob;
CREATE SCHEMA what_changed_test;
GRANT ALL ON SCHEMA what_changed_test TO public;
SET search_path = what_changed_test, public;
SET timezone = 'UTC';
RESET client_min_messages;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
-- names are written in both directions, and psql's versions disagree on how wide they are
\pset format unaligned
CREATE ROLE regress_cs_ann;
CREATE ROLE regress_cs_bob;

SET ROLE regress_cs_ann;
CREATE TABLE customer AS SELECT i AS id, (i % 4)::float8 AS x, i % 4 * 100 AS spent, NULL::int AS segment FROM generate_series(1, 2000) i;
ALTER TABLE customer ADD PRIMARY KEY (id);
\set m '<b>''"émü‮/%s'
SELECT version FROM custseg.train(:'m', 'customer', '{x}', algorithm => 'rules', options => '{"segments": [{"name": "<i>best", "when": {"x": {"from": 2.5}}}, {"name": "%s fair", "when": {"x": {"from": 0.5}}}, {"name": "low"}], "else": "low"}');
CREATE FUNCTION days(reason text) RETURNS text LANGUAGE sql AS $$ SELECT regexp_replace(reason, '\d+ (January|February|March|April|May|June|July|August|September|October|November|December) \d{4}', '<day>', 'g') $$;
-- of a model that nobody has counted since: what the training saw
SELECT section, subject, segment, before, after, difference, unit, days(reason) AS reason FROM custseg.what_changed(:'m', 'customer');

-- a month with everything in it
SELECT custseg.set_presentation(:'m', '{"value": "spent", "currency": "EUR"}');
SELECT custseg.track_changes(:'m', 'customer');
CALL custseg.resegment(:'m', 'customer', value => 'spent');
SELECT part FROM custseg.publish(:'m', 'customer') WHERE part = 'summary';
SELECT now() AS then \gset
UPDATE customer SET x = x + 1, spent = spent + 50 WHERE id % 8 = 1;
INSERT INTO customer SELECT i, 3, 1000 FROM generate_series(2001, 2010) i;
DELETE FROM customer WHERE id = 4;
SET client_min_messages = warning;
SELECT custseg.override_segment(:'m', 1, 1, 'key "account"'), custseg.exclude(:'m', 2, 'objected');
CALL custseg.resegment(:'m', 'customer', value => 'spent');
SELECT status FROM custseg.monitor(:'m', 'SELECT * FROM what_changed_test.customer WHERE id % 10 < 7');
SELECT status FROM custseg.monitor(:'m', 'SELECT id, x + 5 AS x, spent FROM what_changed_test.customer');
RESET client_min_messages;
SELECT (custseg.decide(:'m', 'spring <script>')).decision;
SELECT section, subject, segment, before, after, difference, unit, days(reason) AS reason FROM custseg.what_changed(:'m', 'customer', :'then') WHERE section NOT IN ('drift', 'alert', 'quality');
SELECT section, count(*) > 0 AS told, bool_and(reason LIKE '%.') AS sentences FROM custseg.what_changed(:'m', 'customer', :'then') GROUP BY section ORDER BY section;
-- sizes and values are those of the functions that tell them
SELECT w.segment, agrees(w.after, s.n) AS n, agrees(v.after, s.total_value) AS total_value
FROM custseg.segment_summary(:'m', 'customer', 'spent') s
JOIN custseg.what_changed(:'m', 'customer', :'then') w ON w.section = 'size' AND w.segment = s.segment
JOIN custseg.what_changed(:'m', 'customer', :'then') v ON v.section = 'value' AND v.segment = s.segment ORDER BY 1;
SELECT days(custseg.what_changed_text(:'m', 'customer', :'then', 2)) AS mail;
-- no words of statistics in a mail, and nothing that is no sentence
SELECT m.line FROM regexp_split_to_table(custseg.what_changed_text(:'m', 'customer', :'then', 100), E'\n') m (line) WHERE m.line ~* 'psi|p_value|p-value|deviation|hypothes|NaN|null|\.\.|  ';
-- nothing is worth anything without a value; nobody knows of a time before all
SELECT custseg.set_presentation(:'m', '{"value": null}');
SELECT DISTINCT section FROM custseg.what_changed(:'m', 'customer', '-infinity') ORDER BY 1;
SELECT section, count(*) FROM custseg.what_changed(:'m', 'customer', 'infinity') GROUP BY 1 ORDER BY 1;
-- of a day, customers are compared as they were counted with decisions by hand, though the monitor, which leaves these out, has counted later
SELECT count(*) > 0 AS told, bool_and(before = after) AS as_resegmented FROM custseg.what_changed(:'m', 'customer', 'infinity') WHERE section IN ('summary', 'size') AND before IS NOT NULL;
SELECT outcome('SELECT count(*) FROM custseg.what_changed(''nothing'')');
SELECT count(*) FROM custseg.what_changed(NULL);
SELECT outcome(format('SELECT count(*) FROM custseg.what_changed(%L, ''nothing'')', :'m'));
SELECT length(custseg.what_changed_text(:'m', 'customer', :'then', -5)) > 50 AS at_least_one;

-- a measure that fell for certain, but by 7 %, is not said to be chance
CREATE TABLE orders AS
SELECT id, amount + id % 10 AS amount, at FROM generate_series(1, 2010) id, (VALUES (100, timestamptz '2001-01-15'), (93, '2001-02-15')) m (amount, at);
SELECT count(*) FROM custseg.record_kpis(:'m', 'orders', 'id', 'at', 'amount', 'customer', as_of => '2001-03-01', options => '{"months": 2}');
SELECT k.rating, round(k.change::numeric, 3) AS change, k.p_adjusted < 1e-6 AS is_certain, w.reason
FROM custseg.kpi_changes(:'m') k JOIN custseg.what_changed(:'m', 'customer', '2001-02-20') w ON w.section = 'kpi' AND w.subject = concat(k.name, ': ', k.kpi);

-- one customer
SELECT kind, from_name, to_name, version, cause, days(reason) AS reason FROM custseg.segment_history(:'m', 1);
SELECT kind, from_name, to_name, version, cause, days(reason) AS reason FROM custseg.segment_history(:'m', 2);
SELECT kind, from_name, to_name, version, cause, days(reason) AS reason FROM custseg.segment_history(:'m', '4');
SELECT kind, from_name, to_name, version, cause, days(reason) AS reason FROM custseg.segment_history(:'m', 9);
SET client_min_messages = warning;
SELECT custseg.train(:'m', 'customer', '{x}', algorithm => 'rules', options => '{"segments": [{"name": "<i>best", "when": {"x": {"from": 1.5}}}, {"name": "%s fair", "when": {"x": {"from": 0.5}}}, {"name": "low"}], "else": "low"}', deploy => true) IS NOT NULL AS trained, custseg.end_override(:'m', 1);
CALL custseg.resegment(:'m', 'customer');
RESET client_min_messages;
SELECT kind, from_name, to_name, version, cause, days(reason) AS reason FROM custseg.segment_history(:'m', 9);
SELECT kind, from_name, to_name, version, cause, days(reason) AS reason FROM custseg.segment_history(:'m', 1::bigint);
SELECT count(*) FROM custseg.segment_history(:'m', 999999);
SELECT outcome(format('SELECT count(*) FROM custseg.segment_history(%L, NULL::int)', :'m'));
SELECT outcome(format('SELECT count(*) FROM custseg.segment_history(%L, ''no number'')', :'m'));
SELECT outcome('SELECT count(*) FROM custseg.segment_history(''nothing'', 1)');
SELECT custseg.grant_model(:'m', 'regress_cs_bob');
SET ROLE regress_cs_bob;
SELECT outcome(format('SELECT count(*) FROM custseg.segment_history(%L, 1)', :'m'));
SELECT outcome(format('SELECT count(*) FROM custseg.what_changed(%L, ''customer'')', :'m'));
SELECT section, count(*) > 0 AS told FROM custseg.what_changed(:'m', 'SELECT 1 AS id, 3 AS x') WHERE section IN ('summary', 'size', 'move') GROUP BY 1 ORDER BY 1;
RESET ROLE;
-- a lasting change is told without the statistics of its message, and whether it may be small
INSERT INTO custseg.alert (model, kind, subject, severity, message, first_seen, last_seen, n_seen, first_run, last_run)
SELECT :'m', 'trend', subject, 'warning', 'feature ' || subject || ': a lasting change' || extent || ': at least 3 runs in a row have found it; the distance from training is 0.032', now(), now(), 1, 1, 1
FROM (VALUES ('<i>x: % "y"', ', perhaps a small one'), ('<i>x: % "z"', '')) s (subject, extent);
SELECT reason FROM custseg.what_changed(:'m', 'customer') WHERE section = 'alert' AND subject LIKE '<i>x%';
-- of a lasting change one check says little: it is over when three in a row have not found it, those that cannot tell left out
UPDATE custseg.alert SET closed_at = now(), closed_run = 1, version = 1 WHERE kind = 'trend' AND subject = '<i>x: % "z"';
SELECT reason FROM custseg.what_changed(:'m', 'customer') WHERE section = 'alert' AND subject = '<i>x: % "z"';
CREATE FUNCTION told_after(m text, ps float8[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    told text;
BEGIN
    INSERT INTO custseg.monitor_feature (model, run, version, at, position, feature, verdict, p_adjusted) SELECT m, run, 1, now(), 99, '<i>x: % "z"', 'ok', p FROM unnest(ps) WITH ORDINALITY f (p, run);
    SELECT reason INTO told FROM custseg.what_changed(m, 'customer') WHERE section = 'alert' AND subject = '<i>x: % "z"';
    DELETE FROM custseg.monitor_feature WHERE feature = '<i>x: % "z"';
    RETURN told;
END $$;
SELECT found, regexp_replace(told_after(:'m', found), '^(\w+ ?\w*): .*<i>x: % "z" from those of the training: (.*)$', '\1 | \2') AS told
FROM (VALUES ('{0.5}'::float8[]), ('{0.05,0.2}'), ('{0.05,null,0.2}'), ('{0.5,0.5,0.049}'), ('{0.5,0.01,0.5}'), ('{0.3,0.4,0.5}'), ('{0.01,0.3,0.4,0.5,null,0.9}')) f (found);
BEGIN;
UPDATE custseg.alert SET version = 2 WHERE kind = 'trend' AND subject = '<i>x: % "z"';
UPDATE custseg.alert SET closed_run = (SELECT min(id) FROM custseg.monitor_run WHERE model = :'m') WHERE kind = 'trend' AND subject = '<i>x: % "z"';
SELECT reason FROM custseg.what_changed(:'m', 'customer') WHERE section = 'alert' AND subject = '<i>x: % "z"';
ROLLBACK;
-- a lasting change that has grown large is not over: the large one is told alone
INSERT INTO custseg.alert (model, kind, subject, severity, message, first_seen, last_seen, n_seen, first_run, last_run)
VALUES (:'m', 'drift', '<i>x: % "z"', 'critical', 'feature <i>x: % "z" has drifted', now(), now(), 1, 1, 1);
SELECT reason FROM custseg.what_changed(:'m', 'customer') WHERE section = 'alert' AND subject = '<i>x: % "z"';
SET client_min_messages = warning;
DROP SCHEMA what_changed_test CASCADE;
SELECT custseg.drop_model(name, whole => true, ignore_triggers => true, forget_exclusions => true) FROM custseg.model;
DROP ROLE regress_cs_ann, regress_cs_bob;
\i :root/test/clean.sql
