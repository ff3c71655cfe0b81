--
-- monitor, needs_retraining: runs, their history, alerts.  Notifications, overlapping runs, cancels
-- and pg_cron are in test/t/020_monitor.pl and 021_pg_cron.pl.
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS monitor_test, monitor_trap CASCADE;
DROP ROLE IF EXISTS regress_cs_watcher, regress_cs_reader, regress_cs_stranger;
RESET client_min_messages;
CREATE ROLE regress_cs_watcher;
CREATE ROLE regress_cs_reader;
CREATE ROLE regress_cs_stranger;
CREATE SCHEMA monitor_test AUTHORIZATION regress_cs_watcher;
GRANT USAGE ON SCHEMA monitor_test TO public;
SET search_path = monitor_test;
SET ROLE regress_cs_watcher;

-- three groups of customers, the same each time
CREATE FUNCTION u(i bigint, salt int) RETURNS float8 LANGUAGE sql IMMUTABLE AS
    'SELECT (pg_catalog.hashint8extended(i, salt) & 1048575) / 1048576.0::float8';
CREATE TABLE customer AS
SELECT i::int AS id, (i % 3) * 50 + 20 * u(i, 1) AS recency, (i % 3) * 30 + 10 * u(i, 2) AS monetary,
    (ARRAY['web', 'shop'])[1 + (u(i, 3) < 0.5)::int] AS channel
FROM generate_series(1, 1500) i;
ALTER TABLE customer ADD PRIMARY KEY (id);
GRANT SELECT ON customer TO regress_cs_reader, regress_cs_stranger;
SELECT version FROM custseg.train('watched', 'customer', '{recency,monetary,channel}', 3);
SELECT custseg.name_segment('watched', 2, 'loyal');

-- What a run says, and what is open after it
CREATE FUNCTION watch(source text DEFAULT NULL, options jsonb DEFAULT '{}', model text DEFAULT 'watched')
RETURNS TABLE (status text, verdict text, retrain bool, urgency text, opened int, closed int, alerts text) LANGUAGE sql AS $$
    SELECT m.status, m.verdict, m.retrain, m.urgency, m.alerts_opened, m.alerts_closed, m.alerts_open::text
    FROM custseg.monitor(model, source, options) m
$$;
CREATE VIEW alerts AS
SELECT kind, subject, severity, n_seen, message FROM custseg.open_alerts WHERE model = 'watched' ORDER BY kind, subject;

--
-- A year in short
--

-- never watched
SELECT model, deployed_version, last_run_at, last_status, verdict, open_alerts FROM custseg.model_health;

-- nothing has happened
SELECT version, status, n, verdict, retrain, urgency, reasons, alerts_opened, alerts_closed, alerts_open, error, milliseconds > 0 AS timed
FROM custseg.monitor('watched');
SELECT * FROM custseg.needs_retraining('watched');
SELECT feature, kind, n_current, null_share_current, round(psi::numeric, 3) AS psi, round(ks::numeric, 3) AS ks, verdict, reason
FROM custseg.drift_history WHERE model = 'watched';
SELECT segment, name, n, share = training_share AS as_trained, change, round(psi::numeric, 3) AS psi, verdict, reason
FROM custseg.size_history WHERE model = 'watched';
-- whole rows of the reports are kept
SELECT count(*) AS features, count(*) FILTER (WHERE EXISTS (SELECT FROM custseg.drift_history h WHERE to_jsonb(h) @> to_jsonb(d))) AS kept
FROM custseg.drift('watched') d;
SELECT count(*) AS segments, count(*) FILTER (WHERE EXISTS (SELECT FROM custseg.size_history h WHERE to_jsonb(h) @> to_jsonb(s))) AS kept
FROM custseg.segment_sizes('watched') s;

-- and a verdict is one of five words, whoever writes it
RESET ROLE;
\set VERBOSITY terse
UPDATE custseg.monitor_feature SET verdict = 'it has moved';
UPDATE custseg.monitor_segment SET verdict = 'it has grown';
UPDATE custseg.monitor_run SET verdict = 'worse than before';
\set VERBOSITY default
SET ROLE regress_cs_watcher;

-- the silhouette is of all rows as long as these are no more than the sample
SELECT (r.findings #>> '{silhouette,0,n}')::int AS n, abs((r.findings #>> '{silhouette,0,silhouette}')::float8 - e.result) < 1e-12 AS as_evaluated
FROM custseg.monitor_run r, custseg.evaluate('watched') e WHERE e.metric = 'silhouette';

-- prices go up: the first run opens alerts, the second calls for a retraining
UPDATE customer SET monetary = monetary * 1.8;
SELECT * FROM watch();
SELECT * FROM alerts;
SELECT retrain, urgency FROM custseg.needs_retraining('watched');
-- a run that failed in between is none of two in a row, and breaks no row
SELECT status, retrain FROM watch('SELECT * FROM customer, nosuch');
SELECT * FROM watch();
SELECT kind, subject, n_seen FROM alerts;
SELECT retrain, urgency, unnest(reasons) AS reason FROM custseg.needs_retraining('watched');
-- another source has no history yet; one run is enough when that is asked for
SELECT retrain FROM custseg.needs_retraining('watched', 'SELECT * FROM customer');
-- segments that have no rows of training are no error
BEGIN;
SET LOCAL ROLE NONE;
UPDATE custseg.segment SET n = 0 WHERE model = 'watched';
SELECT retrain FROM custseg.needs_retraining('watched');
ROLLBACK;
SELECT retrain FROM custseg.needs_retraining('watched', 'SELECT * FROM customer', '{"consecutive": 1}');
-- limits are options, and so are those of each report
SELECT retrain, reasons FROM custseg.needs_retraining('watched', NULL, '{"silhouette_drop": 2, "distance_rise": 10, "drifted_features": 3, "segment_sizes": {"change_watch": 100, "change_drifted": 100, "psi_drifted": 100, "psi_watch": 100}}');

-- prices go back, a feed breaks: its feature has one alert, and nobody is told to train on it
UPDATE customer SET monetary = monetary / 1.8;
UPDATE customer SET channel = NULL WHERE id % 3 > 0;
SELECT * FROM watch();
SELECT * FROM alerts;
SELECT retrain, reasons FROM custseg.needs_retraining('watched');
UPDATE customer SET monetary = monetary * 1.8;
SELECT retrain, urgency FROM custseg.needs_retraining('watched', NULL, '{"consecutive": 1}');
SELECT retrain, urgency FROM custseg.needs_retraining('watched', NULL, '{"consecutive": 1, "repair_first": false}');
UPDATE customer SET monetary = monetary / 1.8;

-- repaired: all is well again
UPDATE customer SET channel = (ARRAY['web', 'shop'])[1 + (u(id, 3) < 0.5)::int];
SELECT * FROM watch();
SELECT * FROM alerts;

-- a level that training never saw, in every tenth row
UPDATE customer SET channel = 'phone' WHERE id % 10 = 0;
SELECT retrain, urgency, reasons[1] FROM custseg.needs_retraining('watched', NULL, '{"consecutive": 1, "drift": {"l_infinity_drifted": 1, "l_infinity_watch": 1}}');
UPDATE customer SET channel = (ARRAY['web', 'shop'])[1 + (u(id, 3) < 0.5)::int];

-- what it left
SELECT kind, subject, severity, n_seen, closed_at IS NOT NULL AS closed, closed_run > last_run AS after_last FROM custseg.alert ORDER BY first_run, kind, subject;
SELECT status, verdict, retrain, urgency, findings -> 'breaches' AS breaches, jsonb_array_length(findings -> 'drift') AS drift
FROM custseg.monitor_run ORDER BY id;
SELECT deployed_version, last_status, verdict, retrain, urgency, open_alerts, critical_alerts, n FROM custseg.model_health;

--
-- Sources that are not what they were
--
CREATE VIEW as_text AS SELECT id, recency, monetary::text AS monetary, channel FROM customer;
CREATE VIEW renamed AS SELECT id, recency, monetary AS money, channel FROM customer;
CREATE VIEW no_feature AS SELECT id FROM customer;
CREATE VIEW nobody AS SELECT * FROM customer WHERE false;
CREATE VIEW someone AS SELECT * FROM customer WHERE id <= 5;
CREATE VIEW no_values AS SELECT id, recency, NULL::float8 AS monetary, channel FROM customer;
CREATE VIEW endless AS SELECT id, CASE WHEN id % 2 = 0 THEN 'Infinity' ELSE recency END AS recency, monetary, channel FROM customer;
SELECT s, w.status, w.verdict, w.retrain, w.opened, w.closed, w.alerts
FROM unnest('{as_text,renamed,no_feature,nobody,someone,no_values,endless}'::text[]) s, watch(s) w;
SELECT * FROM alerts;
-- a run that fails says why, and its alert closes when one does not
SELECT status, version, n, verdict, retrain, reasons, alerts_opened, error FROM custseg.monitor('watched', 'nosuch');
SELECT * FROM watch('nosuch');
SELECT n_seen, message FROM alerts WHERE kind = 'monitor';
SELECT status, findings -> 'breaches' AS breaches, (SELECT count(*) FROM jsonb_object_keys(findings -> 'errors')) AS errors
FROM custseg.monitor_run ORDER BY id DESC LIMIT 1;
-- one check that fails leaves the others, and their alerts are judged
SELECT status, verdict, verdict_reasons, error, alerts_closed FROM custseg.monitor('watched', 'renamed', '{"segment_sizes": {"frobnicate": 1}}');
SELECT * FROM watch();

-- statement_timeout ends the check at work, and the run says so; a check that waits for a lock, too
CREATE FUNCTION slowly(float8) RETURNS float8 LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.01); RETURN $1; END $$;
SET statement_timeout = '150ms';
SELECT status, error, alerts_opened, alerts_closed FROM custseg.monitor('watched', 'SELECT slowly(recency) AS recency, monetary, channel FROM customer');
RESET statement_timeout;
SELECT findings -> 'errors' AS errors, run_by FROM custseg.monitor_run ORDER BY id DESC LIMIT 1;
SELECT * FROM watch();

-- a transaction that has to be repeated is no finding of a run
CREATE FUNCTION conflicting(float8) RETURNS float8 LANGUAGE plpgsql AS $$ BEGIN RAISE serialization_failure USING MESSAGE = 'repeat it'; END $$;
\set VERBOSITY terse
SELECT status FROM custseg.monitor('watched', 'SELECT conflicting(recency) AS recency, monetary, channel FROM customer');
\set VERBOSITY default

-- a change that is certain, but small, and that lasts: told at the third run; gone, the alert closes.  Versions that keep no
-- deviation of silhouettes are judged by that of now, and a reason says so
CREATE VIEW largely AS SELECT id, recency, monetary, CASE WHEN id % 10 < 4 THEN 'web' ELSE channel END AS channel FROM customer WHERE id <= 60;
CREATE VIEW slightly AS SELECT id, recency, monetary, CASE WHEN id % 8 = 0 THEN 'web' ELSE channel END AS channel FROM customer;
SELECT r, w.status, w.verdict, w.retrain, w.opened FROM generate_series(1, 3) r, LATERAL watch('slightly', jsonb_build_object('keep_days', 0 * r)) w;
SELECT feature, p_adjusted < 0.05 AS certain, verdict, reason FROM custseg.drift('watched', 'slightly');
SELECT kind, subject, severity, n_seen, message FROM alerts;
RESET ROLE;
UPDATE custseg.monitor_feature SET at = at - interval '21 days' * ((SELECT max(m.run) FROM custseg.monitor_feature m) - run);
UPDATE custseg.model_version SET metrics = metrics - 'silhouette_deviation' WHERE model = 'watched';
SET ROLE regress_cs_watcher;
SELECT w.opened FROM watch('slightly') w;
SELECT kind, subject, severity, n_seen, regexp_replace(message, 'by .* a week', 'by ... a week') AS message FROM alerts;
-- of a single run of the last 90 days there is no slope to tell
RESET ROLE;
UPDATE custseg.monitor_feature SET at = at - CASE WHEN run = (SELECT max(m.run) FROM custseg.monitor_feature m) THEN interval '21 days' ELSE interval '200 days' END;
SET ROLE regress_cs_watcher;
SELECT w.opened FROM watch('slightly') w;
SELECT kind, n_seen, message FROM alerts;
-- it stays open where a run cannot tell, where the change is there though not three times in a row, and where it is large, but not so certain that it has an alert of its own
BEGIN;
SELECT w.closed, w.alerts FROM watch('SELECT * FROM slightly LIMIT 20') w;
SELECT w.closed, w.alerts FROM watch('SELECT * FROM slightly') w;
SELECT verdict, p_adjusted BETWEEN 0.001 AND 0.05 AS not_so_certain FROM custseg.drift('watched', 'largely') WHERE feature = 'channel';
SELECT r, w.opened, w.closed, w.alerts FROM generate_series(1, 2) r, LATERAL watch('largely', jsonb_build_object('keep_days', 0 * r)) w;
SELECT kind, subject, severity, n_seen FROM alerts;
ROLLBACK;
SELECT unnest(reasons) AS reason FROM custseg.needs_retraining('watched', 'SELECT id, recency, monetary * 1.8 AS monetary, channel FROM customer', '{"consecutive": 1}');
SELECT * FROM watch();

--
-- All features together
--
-- each feature stays as it was, how they go together does not: only this check sees it
CREATE TABLE customer_then AS SELECT * FROM customer;
CREATE VIEW shuffled AS
SELECT c.id, c.recency, s.monetary, c.channel FROM customer c JOIN customer s ON s.id = c.id % 1500 + 1;
CREATE FUNCTION watch_together(source text, reference text DEFAULT 'customer_then')
RETURNS TABLE (verdict text, alerts text, error text) LANGUAGE sql AS $$
    SELECT m.verdict, m.alerts_open::text, m.error
    FROM custseg.monitor('watched', source, jsonb_build_object(
        'drift_multivariate', jsonb_build_object('sample', 500, 'reference', reference),
        'segment_sizes', '{"change_watch": 100, "change_drifted": 100, "psi_drifted": 100, "psi_watch": 100}'::jsonb,
        'silhouette_drop', 2, 'distance_rise', 100)) m
$$;
SELECT * FROM watch_together('customer');
SELECT * FROM watch_together('shuffled');
-- of 199 permutations no p is below 0.001: it must be found twice
SELECT * FROM watch_together('shuffled');
SELECT kind, subject, severity, n_seen, message FROM alerts WHERE kind LIKE 'drift%';
SELECT findings -> 'drift' AS drift, findings #> '{drift_multivariate,0,verdict}' AS together FROM custseg.monitor_run ORDER BY id DESC LIMIT 1;
-- a reference that is gone fails this check alone, and its alert stays
SELECT verdict, alerts, error FROM watch_together('shuffled', 'nosuch');
SELECT kind, n_seen FROM alerts WHERE kind LIKE 'drift%';
SELECT * FROM watch_together('customer');
-- without a reference it is what the version was trained on; without the option the alert closes
SELECT w.alerts FROM watch_together('shuffled', NULL) w;
SELECT * FROM watch();
SELECT kind, subject FROM alerts;

--
-- Age, and what is kept
--
RESET ROLE;
UPDATE custseg.model_version SET trained_at = now() - interval '400 days' WHERE model = 'watched';
SET ROLE regress_cs_watcher;
SELECT * FROM custseg.needs_retraining('watched');
SELECT * FROM custseg.needs_retraining('watched', NULL, '{"max_age_days": 500}');
SELECT * FROM watch();
SELECT kind, subject, severity, message FROM alerts;
SELECT extract(days FROM age) AS days FROM custseg.model_health;
-- options of a report reach it
SELECT w.opened, w.closed FROM watch(NULL, '{"max_age_days": 500, "data_quality": {"time_column": "nosuch"}}') w;
SELECT kind, subject, severity, message FROM alerts;
SELECT w.opened, w.closed FROM watch(NULL, '{"max_age_days": 500}') w;
-- an alert changes its severity, and closes when all is well; it opens on what is only to be watched when asked to
UPDATE customer SET channel = 'phone' WHERE id % 22 = 0;
SELECT w.verdict, w.opened FROM watch(NULL, '{"max_age_days": 500}') w;
-- what is watched is said apart from what calls for a retraining
SELECT verdict, verdict_reasons, retrain, reasons FROM custseg.monitor_run ORDER BY id DESC LIMIT 1;
SELECT verdict, unnest(verdict_reasons) AS reason FROM custseg.model_health WHERE model = 'watched';
SELECT w.opened, w.alerts FROM watch(NULL, '{"max_age_days": 500, "alert_on": "watch"}') w;
SELECT * FROM alerts WHERE subject = 'channel';
UPDATE customer SET channel = NULL WHERE id % 3 > 0;
SELECT w.opened FROM watch(NULL, '{"max_age_days": 500, "alert_on": "watch"}') w;
SELECT * FROM alerts WHERE subject = 'channel';
UPDATE customer SET channel = CASE WHEN id % 22 = 0 THEN 'phone' ELSE (ARRAY['web', 'shop'])[1 + (u(id, 3) < 0.5)::int] END;
SELECT w.opened FROM watch(NULL, '{"max_age_days": 500}') w;
SELECT * FROM alerts WHERE subject = 'channel';
UPDATE customer SET channel = (ARRAY['web', 'shop'])[1 + (u(id, 3) < 0.5)::int];
SELECT w.closed, w.alerts FROM watch(NULL, '{"max_age_days": 500}') w;
-- whatever has happened, who reads that there is something to watch reads what it is
SELECT verdict, count(*) AS runs, count(*) FILTER (WHERE cardinality(verdict_reasons) > 0) AS say_why,
    count(*) FILTER (WHERE array_position(verdict_reasons, NULL) IS NOT NULL) AS empty
FROM custseg.monitor_run GROUP BY verdict ORDER BY verdict;
-- what is older than keep_days goes
RESET ROLE;
UPDATE custseg.monitor_run SET started_at = now() - interval '3 days' WHERE id <= (SELECT max(id) - 2 FROM custseg.monitor_run);
UPDATE custseg.alert SET closed_at = now() - interval '3 days' WHERE id = (SELECT min(id) FROM custseg.alert);
SET ROLE regress_cs_watcher;
SELECT min(id) AS oldest FROM custseg.alert
\gset
SELECT status FROM watch(NULL, '{"max_age_days": 500, "keep_days": 2}');
SELECT count(*) AS runs FROM custseg.monitor_run;
SELECT count(DISTINCT run) AS drift FROM custseg.drift_history;
SELECT count(DISTINCT run) AS sizes FROM custseg.size_history;
SELECT min(id) > :oldest AS forgotten FROM custseg.alert;

--
-- Versions: a run watches the deployed one
--
SELECT version FROM custseg.train('watched', 'customer', '{recency,monetary}', 2, deploy => true);
SELECT version, status, verdict, retrain, alerts_open FROM custseg.monitor('watched');
SELECT feature, version FROM custseg.drift_history WHERE run = (SELECT max(run) FROM custseg.drift_history) ORDER BY feature;
SELECT version FROM custseg.train('waiting', 'customer', '{recency,monetary}', 2, deploy => false);
SELECT version, status, error FROM custseg.monitor('waiting');
SELECT * FROM custseg.needs_retraining('waiting');
SELECT deployed_version, age, last_status, verdict, open_alerts FROM custseg.model_health WHERE model = 'waiting';
SELECT custseg.drop_model('waiting', whole => true);

--
-- Mistakes
--
SELECT custseg.monitor(NULL);
SELECT custseg.monitor('nosuch');
SELECT custseg.monitor('');
SELECT custseg.monitor('watched', options => '{"frobnicate": 1}');
SELECT custseg.monitor('watched', options => '[]');
SELECT custseg.monitor('watched', options => '{"drift": 3}');
SELECT custseg.monitor('watched', options => '{"alert_on": "never"}');
SELECT custseg.monitor('watched', options => '{"consecutive": 0}');
SELECT custseg.needs_retraining('nosuch');
SELECT custseg.needs_retraining('watched', 'nosuch');
SELECT custseg.needs_retraining('watched', options => '{"drift": {"min_rows": 0}}');
SELECT * FROM custseg.needs_retraining(NULL);
BEGIN READ ONLY;
SELECT custseg.monitor('watched');
ROLLBACK;

-- of few customers, a change that is likely but not certain is drift, and no reason to train again
CREATE TABLE evenly AS SELECT i AS id, i * 37 % 1000 / 10.0 AS a, i * 91 % 1000 / 10.0 AS b FROM generate_series(1, 1000) i;
SELECT n_segments FROM custseg.train('careful', 'evenly', '{a,b}', k => 2, id => 'id');
SELECT part, d.verdict AS drift, d.p_adjusted < 0.05 AS likely, d.p_adjusted < 0.005 AS certain, s.verdict AS sizes, s.p_adjusted < 0.005 AS certain, r.retrain, r.reasons
FROM unnest('{0.8,0.75,0.7}'::float8[]) part
CROSS JOIN LATERAL format('SELECT id, a * %s AS a, b FROM evenly WHERE id <= 40', part) source
CROSS JOIN LATERAL custseg.drift('careful', source) d
CROSS JOIN LATERAL custseg.segment_sizes('careful', source) s
CROSS JOIN LATERAL custseg.needs_retraining('careful', source, '{"consecutive": 1}') r
WHERE d.feature = 'a' AND s.segment IS NULL
ORDER BY part DESC;
SELECT custseg.drop_model('careful', whole => true);
DROP TABLE evenly;

--
-- Who may
--
SELECT custseg.grant_model('watched', 'regress_cs_reader');
SET ROLE regress_cs_reader;
SELECT custseg.monitor('watched', 'monitor_test.customer');
SELECT retrain FROM custseg.needs_retraining('watched', 'monitor_test.customer');
SELECT count(*) > 0 AS seen FROM custseg.drift_history;
SELECT count(*) AS models FROM custseg.model_health;
SET ROLE regress_cs_stranger;
SELECT custseg.monitor('watched', 'monitor_test.customer');
SELECT custseg.needs_retraining('watched', 'monitor_test.customer');
SELECT (SELECT count(*) FROM custseg.drift_history) AS drift, (SELECT count(*) FROM custseg.size_history) AS sizes,
    (SELECT count(*) FROM custseg.alert) AS alerts, (SELECT count(*) FROM custseg.monitor_run) AS runs,
    (SELECT count(*) FROM custseg.model_health) AS models;
SET ROLE regress_cs_watcher;
DELETE FROM custseg.monitor_run;
UPDATE custseg.alert SET closed_at = now();
INSERT INTO custseg.monitor_feature SELECT * FROM custseg.monitor_feature;
TRUNCATE custseg.monitor_segment;
SELECT custseg_private.record_run('watched', 1, 'x', now(), 'me', '{}', '{}', '{}', false);
SELECT custseg_private.record_alerts(r, '{}', '{}') FROM custseg.monitor_run r;
SELECT custseg_private.forget_runs('watched', now());

-- names of the caller's choice stand in for nothing
RESET ROLE;
CREATE SCHEMA monitor_trap AUTHORIZATION regress_cs_watcher;
SET ROLE regress_cs_watcher;
CREATE FUNCTION monitor_trap.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
CREATE FUNCTION monitor_trap.format(text, VARIADIC text[]) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
CREATE FUNCTION monitor_trap.pg_notify(text, text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
CREATE FUNCTION monitor_trap.differ(text, text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
CREATE OPERATOR monitor_trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = monitor_trap.differ);
CREATE OPERATOR monitor_trap.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = monitor_trap.differ);
CREATE TABLE monitor_trap.monitor_run (LIKE custseg.monitor_run);
SET search_path = monitor_trap, pg_catalog;
SELECT status, verdict, error FROM custseg.monitor('watched', 'monitor_test.renamed');
SELECT status, verdict, error, alerts_closed FROM custseg.monitor('watched', 'monitor_test.customer');
SELECT retrain FROM custseg.needs_retraining('watched', 'monitor_test.customer');
SET search_path = monitor_test;

--
-- The source is read once: a sequence counts its rows as they are read
--
CREATE SEQUENCE reads;
CREATE VIEW counted AS SELECT recency, monetary, channel FROM customer WHERE nextval('reads') > 0;
SELECT status, n FROM custseg.monitor('watched', 'counted');
SELECT last_value AS rows_read FROM reads;
ALTER SEQUENCE reads RESTART;
SELECT retrain IS NOT NULL AS judged FROM custseg.needs_retraining('watched', 'counted');
SELECT last_value AS rows_read FROM reads;
ALTER SEQUENCE reads RESTART;
-- when a check fails, the others are made one by one
SELECT status, n, error FROM custseg.monitor('watched', 'counted', '{"drift": {"min_rows": 0}}');
SELECT last_value AS rows_read FROM reads;
ALTER SEQUENCE reads RESTART;
-- where memory is short, features wait for readings of their own, and nothing else does
CREATE TABLE crowd AS SELECT c.recency, c.monetary, c.channel FROM customer c, generate_series(1, 36) LIMIT 50000;
CREATE VIEW counted_crowd AS SELECT * FROM crowd WHERE nextval('reads') > 0;
SET maintenance_work_mem = '1100kB';
SELECT status, n FROM custseg.monitor('watched', 'counted_crowd');
RESET maintenance_work_mem;
SELECT last_value AS rows_read FROM reads;

--
-- drop_model takes the history along
--
SELECT custseg.drop_model('watched', whole => true);
RESET ROLE;
SELECT (SELECT count(*) FROM custseg.monitor_feature) AS features, (SELECT count(*) FROM custseg.monitor_segment) AS segments,
    (SELECT count(*) FROM custseg.alert) AS alerts, (SELECT count(*) FROM custseg.monitor_run) AS runs;
SET client_min_messages = warning;
DROP SCHEMA monitor_test, monitor_trap CASCADE;
DROP ROLE regress_cs_watcher, regress_cs_reader, regress_cs_stranger;
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
