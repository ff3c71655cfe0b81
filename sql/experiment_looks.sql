--
-- Looks at experiments: look(), what it decides and why, what stays decided, and the alerts.
--
\set SHOW_CONTEXT errors
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS experiment_looks_test CASCADE;
CREATE SCHEMA experiment_looks_test;
SET search_path = experiment_looks_test, public;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
SET extra_float_digits = -3;
CREATE TABLE customer AS SELECT i AS id, i % 3 * 100 + i % 7 AS monetary, i % 3 * 10 + i % 5 AS frequency FROM generate_series(1, 300) i;
ALTER TABLE customer ADD PRIMARY KEY (id);
SELECT model, n_segments FROM custseg.train('shop', 'customer', k => 3);

-- customers of whom so many buy, with baskets of a mean and a standard deviation of 10
CREATE TABLE outcome (scenario text, id int, variant int, segment int, bought bool, basket float8);
CREATE FUNCTION customers(scenario text, variant int, n int, buyers int, basket float8 DEFAULT 50, segment int DEFAULT 1) RETURNS void LANGUAGE sql AS
$$ INSERT INTO outcome SELECT scenario, (SELECT count(*) FROM outcome o WHERE o.scenario = customers.scenario) + i, variant, segment, i <= buyers, basket + (i * 7919 % n + 1 - (n + 1) / 2.0) * sqrt(1200 / (n * (n + 1.0))) FROM generate_series(1, n) i $$;
CREATE FUNCTION start(scenario text, options jsonb DEFAULT '{}', effect float8 DEFAULT 0.01, direction text DEFAULT 'up') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM custseg.create_experiment(scenario, 'shop', '["control", "offer"]', jsonb_build_array(
        jsonb_build_object('metric', 'bought', 'kind', 'conversion', 'role', 'primary', 'effect', effect, 'direction', direction),
        '{"metric": "basket", "kind": "mean", "role": "guardrail", "margin": 1}'::jsonb), '{"n_control": 1000}' || options);
    INSERT INTO custseg.enrolment SELECT o.scenario, id::text, variant + 1, segment, 1, now() FROM outcome o WHERE o.scenario = start.scenario;
    UPDATE custseg.experiment SET started_at = now() WHERE experiment = scenario;
END $$;
CREATE FUNCTION see(scenario text, changed text DEFAULT 'o.*', options jsonb DEFAULT '{}') RETURNS custseg.experiment_look LANGUAGE sql AS
$$ SELECT custseg.look(scenario, format('SELECT %s FROM outcome o WHERE scenario = %L', changed, scenario), 'id', options) $$;

-- each rule
SELECT customers('gains', 0, 1000, 100), customers('gains', 1, 1000, 150), start('gains');
SELECT customers('loses', 0, 1000, 150), customers('loses', 1, 1000, 100), start('loses');
SELECT customers('good when fewer', 0, 1000, 150), customers('good when fewer', 1, 1000, 100), start('good when fewer', direction => 'down');
SELECT customers('harms', 0, 1000, 100, 50), customers('harms', 1, 1000, 150, 45), start('harms');
SELECT customers('may harm', 0, 1000, 100, 50), customers('may harm', 1, 1000, 150, 49.3), start('may harm');
SELECT customers('few customers', 0, 99, 20), customers('few customers', 1, 99, 60), start('few customers');
SELECT customers('few buyers', 0, 1000, 9), customers('few buyers', 1, 1000, 90), start('few buyers');
SELECT customers('young', 0, 1000, 100), customers('young', 1, 1000, 150), start('young', '{"min_days": 14}');
SELECT customers('young loser', 0, 1000, 150), customers('young loser', 1, 1000, 100), start('young loser', '{"min_days": 14}');
SELECT customers('unfinished', 0, 1000, 100), customers('unfinished', 1, 1000, 130), start('unfinished', '{"n_control": 2500}');
SELECT customers('too soon to decide', 0, 1000, 100), customers('too soon to decide', 1, 1000, 300), start('too soon to decide', '{"n_control": 20000}');
SELECT customers('single look', 0, 1000, 100), customers('single look', 1, 1000, 300), start('single look', '{"n_control": 2500, "method": "fixed"}');
SELECT customers('small', 0, 1000, 100), customers('small', 1, 1000, 105), start('small', effect => 0.05);
SELECT customers('open', 0, 1000, 100), customers('open', 1, 1000, 105), start('open');
SELECT customers('mismatch', 0, 1000, 100), customers('mismatch', 1, 1200, 180), start('mismatch');
SELECT (l).experiment, (l).verdict, (l).valid, (l).decides, agrees((l).information, ((1 / (1 / n.control + 1 / n.treatment)) / (e.n_control / 2.0))::float8, 1e-12) AS information, (l).reason
FROM custseg.experiment e CROSS JOIN LATERAL see(e.experiment) l
CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE variant = 0)::numeric AS control, count(*) FILTER (WHERE variant = 1)::numeric AS treatment FROM outcome WHERE scenario = e.experiment) n ORDER BY e.experiment;
-- ratings, and what is kept: the same as the results of the method, by the boundary
SELECT experiment, metric, rating, reason FROM custseg.experiment_look_metric WHERE segment IS NULL AND metric = 'basket' AND experiment IN ('gains', 'harms', 'may harm', 'few customers') ORDER BY experiment;
SELECT agrees(m.boundary, b.boundary, 1e-12) AS boundary, agrees(m.low, m.difference - b.boundary * m.standard_error, 1e-12) AS low, agrees(m.high, m.difference + b.boundary * m.standard_error, 1e-12) AS high, count(*)
FROM custseg.experiment_look_metric m JOIN custseg.experiment_look l USING (experiment, look) JOIN custseg.experiment e USING (experiment) CROSS JOIN LATERAL custseg.spending_boundaries(ARRAY[least(l.information, 1)]) b
WHERE m.segment IS NULL AND e.method = 'spending' GROUP BY 1, 2, 3 ORDER BY 1;
-- what a variant has brought: the effect of the look that decided, times its customers; of the last look where none did
SELECT g.experiment, g.look, g.metric, g.variant, agrees(g.gain, r.difference * r.n_treatment, 1e-15) AS gain, agrees(g.low, r.low * r.n_treatment, 1e-15) AS low, agrees(g.high, r.high * r.n_treatment, 1e-15) AS high
FROM custseg.experiment_gain g JOIN custseg.experiment_look_metric r USING (experiment, look, metric, variant) WHERE r.segment IS NULL AND g.experiment IN ('gains', 'few customers') ORDER BY 1, 3, 4;
-- what is decided is kept with the experiment
SELECT experiment, decision, decided_look, decided_at IS NOT NULL AS has_time, decision_reason IS NOT NULL AS has_reason FROM custseg.experiment ORDER BY experiment;
-- alerts of those that cannot be believed, or harm; monitor does not close them
SELECT kind, subject, severity, n_seen, first_run, last_run, closed_at IS NULL AS open, message FROM custseg.alert ORDER BY id;
SELECT alerts_closed, alerts_open FROM custseg.monitor('shop', 'customer');
SELECT kind, subject FROM custseg.open_alerts WHERE kind = 'experiment' ORDER BY subject;

-- a decided experiment stays decided, and its intervals show that all is spent
SELECT verdict, decides, reason FROM see('gains', 'id, NOT bought AS bought, basket');
SELECT metric, segment, verdict, rating, boundary, low, reason FROM custseg.experiment_look_metric WHERE experiment = 'gains' AND look = 2 AND segment IS NULL;
SELECT verdict, decides FROM see('loses', 'id, bought OR variant = 1 AS bought, basket');
SELECT verdict, reason FROM custseg.experiment_results('gains', 'SELECT id, NOT bought AS bought, basket FROM outcome WHERE scenario = ''gains''', 'id') WHERE metric = 'bought';
-- the first look after the launch did not show the lift, nor does the second: an alert, until a look shows it again
SELECT findings -> 'lost' AS lost FROM custseg.experiment_look WHERE experiment = 'gains' ORDER BY look;
SELECT count(*) FROM custseg.open_alerts WHERE subject = 'gains';
SELECT verdict FROM see('gains', 'id, id % 10 = 0 AS bought, basket');
SELECT severity, message, first_run, last_run FROM custseg.alert WHERE subject = 'gains';
SELECT verdict FROM see('gains', 'id, id % 10 = 0 AS bought, basket');
SELECT n_seen, first_run, last_run, closed_run FROM custseg.alert WHERE subject = 'gains';
SELECT verdict FROM see('gains');
SELECT n_seen, closed_run FROM custseg.alert WHERE subject = 'gains';
-- an experiment that could not be believed can be, once the cause is mended; such looks have spent nothing
SELECT verdict, valid, decides, reason FROM see('mismatch');
DELETE FROM custseg.enrolment e USING outcome o WHERE e.experiment = 'mismatch' AND o.scenario = 'mismatch' AND o.id::text = e.customer AND variant = 1 AND o.id > 2000;
SELECT look, verdict, valid, decides, reason FROM see('mismatch');
SELECT n_seen, closed_run FROM custseg.alert WHERE subject = 'mismatch';
SELECT verdict, valid, reason FROM see('open', 'id, bought, basket', '{"complete": true}');

-- looks at a plan: boundaries by what the looks before have spent
CREATE FUNCTION see_first(method text, n int[], options jsonb DEFAULT '{}') RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first int;
BEGIN
    INSERT INTO outcome SELECT method, id, id % 2, 1 + id / 2 % 2, id * 37 % 101 < 10 + id % 2 * 5, 50 + id * 53 % 89 FROM generate_series(1, 2000) id;
    PERFORM start(method, jsonb_build_object('method', method) || options);
    FOREACH first IN ARRAY n LOOP
        DELETE FROM custseg.enrolment e WHERE e.experiment = method;
        INSERT INTO custseg.enrolment SELECT method, id::text, variant + 1, segment, 1, now() FROM outcome o WHERE o.scenario = method AND id <= 2 * first;
        PERFORM see(method);
    END LOOP;
END $$;
SELECT see_first('spending', '{60,200,400,400,600,800,1000,1000}', '{"min_days": 1}');
SELECT look, n, agrees(l.information, n / 2000.0, 1e-12) AS information, verdict, decides, agrees((findings ->> 'boundary')::float8, b.boundary, 1e-12) AS boundary, b.boundary IS NULL AS decides_nothing
FROM custseg.experiment_look l CROSS JOIN (SELECT array_agg(information ORDER BY look) AS information FROM custseg.experiment_look WHERE experiment = 'spending') i,
    custseg.spending_boundaries(i.information) b (place, information_share, spent, boundary)
WHERE l.experiment = 'spending' AND l.look = b.place ORDER BY look;
-- segments have boundaries of their own, for alpha / 2
SELECT count(*) AS lines, count(DISTINCT agrees(m.boundary, b.boundary, 1e-12)) AS kinds, min(agrees(m.boundary, b.boundary, 1e-12)) AS agrees
FROM custseg.experiment_look_metric m CROSS JOIN (SELECT array_agg(information ORDER BY look) AS information FROM custseg.experiment_look WHERE experiment = 'spending') i,
    custseg.spending_boundaries(i.information, 0.025) b (place, information_share, spent, boundary)
WHERE m.experiment = 'spending' AND m.look = b.place AND m.segment IS NOT NULL;
-- at any time: intervals by anytime_interval(), p-values the smallest so far
SELECT see_first('anytime', '{200,400,600,900,1000}', '{"min_days": 1}');
SELECT look, agrees(ARRAY[m.low, m.high], ARRAY[a.low, a.high], 1e-12) AS interval, agrees(m.p_value, min(a.p_value) OVER (ORDER BY look), 1e-12) AS p, m.p_value < a.p_value AS was_smaller
FROM custseg.experiment_look_metric m JOIN custseg.experiment_look l USING (experiment, look) CROSS JOIN LATERAL custseg.anytime_interval(m.difference, m.standard_error, l.information) a
WHERE m.experiment = 'anytime' AND m.segment IS NULL AND m.metric = 'bought' ORDER BY look;
-- the source is read once, whatever statistics know of the enrolments: here they know of none
CREATE SEQUENCE reads;
CREATE VIEW counted AS SELECT id, bought, basket FROM outcome WHERE scenario = 'anytime' AND nextval('reads') > 0;
CREATE TEMP TABLE enrolled AS SELECT * FROM custseg.enrolment WHERE experiment = 'anytime';
DELETE FROM custseg.enrolment WHERE experiment = 'anytime';
ANALYZE custseg.enrolment;
INSERT INTO custseg.enrolment SELECT * FROM enrolled;
SELECT count(*) FROM custseg.experiment_results('anytime', 'counted', 'id');
SELECT count(*) AS there, (SELECT last_value FROM reads) AS read FROM outcome WHERE scenario = 'anytime';
-- results that are not kept hold at any time, too, and spend nothing
SELECT agrees(ARRAY[r.low, r.high, r.p_value], ARRAY[a.low, a.high, a.p_value], 1e-12) AS interval
FROM custseg.experiment_results('spending', 'SELECT * FROM outcome WHERE scenario = ''spending''', 'id') r, custseg.anytime_interval(r.difference, r.standard_error, 1) a WHERE r.metric = 'bought' AND segment IS NULL;

-- segments: one that loses by itself is stopped where all together gain, and one that shows nothing is no launch where segments differ
SELECT customers('segments', v, 1000, 100 + b * v, 50, s) FROM (VALUES (1, 150), (2, 150), (3, -60), (4, 20)) x (s, b), generate_series(0, 1) v ORDER BY v, s;
SELECT start('segments', '{"n_control": 4000}');
SELECT verdict, decides FROM see('segments');
SELECT segment, verdict, reason, heterogeneity_p_value < 0.001 AS differ FROM custseg.experiment_look_metric WHERE experiment = 'segments' AND metric = 'bought' ORDER BY position;
SELECT customers('alike', v, 1000, 100 + b * v, 50, s) FROM (VALUES (1, 30), (2, 32), (3, 28)) x (s, b), generate_series(0, 1) v ORDER BY v, s;
SELECT start('alike', '{"n_control": 3000}');
SELECT verdict, decides FROM see('alike');
SELECT segment, verdict, reason FROM custseg.experiment_look_metric WHERE experiment = 'alike' AND metric = 'bought' ORDER BY position;

-- several variants: one that gains is launched, and all must be stopped for the experiment to stop
SELECT custseg.create_experiment('variants', 'shop', '["control", "offer", "letter"]', '[{"metric": "bought", "kind": "conversion", "role": "primary", "effect": 0.01}]', '{"n_control": 1000}');
SELECT customers('variants', 0, 1000, 100), customers('variants', 1, 1000, 200), customers('variants', 2, 1000, 50);
INSERT INTO custseg.enrolment SELECT scenario, id::text, variant + 1, segment, 1, now() FROM outcome WHERE scenario = 'variants';
UPDATE custseg.experiment SET started_at = now() WHERE experiment = 'variants';
SELECT verdict, reason FROM see('variants');
SELECT variant, verdict FROM custseg.experiment_look_metric WHERE experiment = 'variants' AND segment IS NULL;

-- limits and errors
INSERT INTO custseg.experiment_look SELECT 'young', i, 'shop', now(), current_user, 'outcome', 0.5, 1000, 'keep running', 'a test', true, false, '{}' FROM generate_series(2, 1000) i;
SELECT fails($$SELECT see('young')$$);
SELECT fails($$SELECT see('none')$$);
SELECT fails($$SELECT custseg.look('gains', NULL)$$);
BEGIN TRANSACTION READ ONLY;
SELECT fails($$SELECT see('gains')$$);
ROLLBACK;
-- a look that is rolled back has spent nothing
BEGIN;
SELECT look FROM see('young loser');
ROLLBACK;
SELECT look FROM see('young loser');
-- looks go with their experiment
SELECT custseg.end_experiment('young');
SELECT custseg.drop_experiment('young');
SELECT custseg.end_experiment('gains');
SELECT custseg.drop_experiment('gains');
SELECT count(*) FROM custseg.experiment_look_metric WHERE experiment IN ('young', 'gains');
SELECT count(*) FROM custseg.alert WHERE subject = 'gains';
\i :root/test/clean.sql
