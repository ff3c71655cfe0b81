--
-- What came of customers against what a model predicted: outcome_calibration(), record_outcomes(), and monitor() of such models.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS outcomes_test CASCADE;
DROP ROLE IF EXISTS regress_cs_outcomes;
CREATE SCHEMA outcomes_test;
SET search_path = outcomes_test, public;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
SET client_min_messages = error;
SET extra_float_digits = 0;
CREATE FUNCTION noise(i int, stream int) RETURNS float8 LANGUAGE sql IMMUTABLE
RETURN (hashint8extended(i, stream) & 1048575) / 1048576.0::float8;
-- customers, of whom "worth" and "stays" become known later
CREATE TABLE customer AS
SELECT i AS id, 10 * noise(i, 1) AS a, (10 * noise(i, 2))::int AS b, (ARRAY['web', 'shop', 'phone'])[1 + floor(3 * noise(i, 3))::int] AS channel,
       50 + 5 * 10 * noise(i, 1) + 2 * (10 * noise(i, 2))::int + 20 * (noise(i, 4) + noise(i, 5) - 1) AS worth, noise(i, 6) < 0.2 + 0.06 * 10 * noise(i, 1) AS stays
FROM generate_series(1, 2000) i;
SELECT model, kind FROM custseg.train_value('worth', 'SELECT * FROM customer WHERE id <= 1000', 'worth', '{a,b,channel}', 'linear', 'id');
SELECT model, kind FROM custseg.train_value('stays', 'SELECT * FROM customer WHERE id <= 1000', 'stays', '{a,b,channel}', 'logistic', 'id');
CREATE TABLE later AS SELECT * FROM customer WHERE id > 1000;

-- the numbers are those of SQL
CREATE VIEW told AS SELECT id, custseg.predict_value('worth', k) AS predicted, worth AS actual FROM later k;
SELECT n, n_pending, n_unpredicted, days, confidence, verdict, reason FROM custseg.outcome_calibration('worth', 'later');
SELECT agrees(ARRAY[o.mean_predicted, o.mean_actual, o.bias, o.high - o.bias, o.slope, o.intercept, o.rmse, o.mae, o.coverage],
    ARRAY[t.mean_predicted, t.mean_actual, t.bias, t.reach, t.slope, t.intercept, t.rmse, t.mae, t.coverage], 1e-9) AS same
FROM custseg.outcome_calibration('worth', 'later') o,
    (SELECT avg(predicted) AS mean_predicted, avg(actual) AS mean_actual, avg(actual - predicted) AS bias, 1.959963984540054 * stddev_samp(actual - predicted) / sqrt(count(*)) AS reach,
        regr_slope(actual, predicted) AS slope, regr_intercept(actual, predicted) AS intercept, sqrt(avg((actual - predicted) ^ 2)) AS rmse, avg(abs(actual - predicted)) AS mae,
        (SELECT avg((k.worth BETWEEN i.low AND i.high)::int) FROM later k, custseg.predict_interval('worth', k, 0.9) i) AS coverage FROM told) t;
-- HC3
SELECT agrees(o.slope_high - o.slope, 1.959963984540054 * sqrt(sum((t.x * t.off / (1 - 1.0 / 1000 - t.x ^ 2 / t.squares)) ^ 2)) / t.squares, 1e-9) AS same
FROM custseg.outcome_calibration('worth', 'later') o,
    LATERAL (SELECT predicted - avg(predicted) OVER () AS x, actual - o.intercept - o.slope * predicted AS off, regr_sxx(actual, predicted) OVER () AS squares FROM told) t GROUP BY o.slope, o.slope_high, t.squares;
SELECT agrees(ARRAY[o.brier, o.log_loss], ARRAY[t.brier, t.log_loss], 1e-9) AS same, o.auc BETWEEN 0.6 AND 0.8 AS auc, o.rmse, o.coverage, o.verdict
FROM custseg.outcome_calibration('stays', 'later') o,
    (SELECT avg((p - stays::int) ^ 2) AS brier, -avg(ln(CASE WHEN stays THEN p ELSE 1 - p END)) AS log_loss FROM later k, custseg.predict_value('stays', k) p) t;
-- what was measured in training is what training says
SELECT o.training_rmse = (w.metrics ->> 'rmse')::float8 AS rmse, o.training_mae = (w.metrics ->> 'mae')::float8 AS mae, s.training_auc = (v.metrics ->> 'auc')::float8 AS auc,
    s.training_brier = (v.metrics ->> 'brier')::float8 AS brier, s.training_log_loss = (v.metrics ->> 'log_loss')::float8 AS log_loss, w.metrics ?& '{bias,bias_deviation,squared_error_deviation,slope,slope_error,intercept}' AS has_line
FROM custseg.outcome_calibration('worth', 'later') o, custseg.outcome_calibration('stays', 'later') s, custseg.model_version w, custseg.model_version v WHERE w.model = 'worth' AND v.model = 'stays';
-- however rows lie, and whether predictions are made or read
SELECT agrees(ARRAY[o.bias, o.slope, o.slope_high, o.rmse, o.p_value], ARRAY[r.bias, r.slope, r.slope_high, r.rmse, r.p_value], 1e-9) AS same
FROM custseg.outcome_calibration('worth', 'later') o, custseg.outcome_calibration('worth', 'SELECT * FROM later ORDER BY b, id DESC') r;
SELECT o = r AS same FROM custseg.outcome_calibration('worth', 'later') o, custseg.outcome_calibration('worth', 'SELECT id, actual, predicted FROM told', 'actual', options => '{"predicted": "predicted"}') r;
-- what is not known yet, and what cannot be predicted, is counted
SELECT model FROM custseg.train_value('strict', 'SELECT * FROM customer WHERE id <= 1000', 'worth', '{a,b}', 'linear', 'id', prep => '{"impute": "skip"}');
SELECT n, n_pending, n_unpredicted FROM custseg.outcome_calibration('strict', 'SELECT id, b, CASE WHEN id % 10 > 0 THEN a END AS a, CASE WHEN id % 4 > 0 THEN worth END AS worth FROM later');

-- verdicts
SELECT v.what, o.verdict, o.reason FROM (VALUES
    ('few', 'worth', 'SELECT * FROM later WHERE id <= 1099'),
    ('enough', 'worth', 'SELECT * FROM later WHERE id <= 1100'),
    ('none', 'worth', 'SELECT * FROM later WHERE false'),
    ('none is known', 'worth', 'SELECT id, a, b, channel, NULL::float8 AS worth FROM later'),
    ('higher', 'worth', 'SELECT id, a, b, channel, worth + 4 AS worth FROM later'),
    ('a bit higher', 'worth', 'SELECT id, a, b, channel, worth + 1.4 AS worth FROM later'),
    ('hardly higher', 'worth', 'SELECT id, a, b, channel, worth + 0.4 AS worth FROM later'),
    ('worse', 'worth', 'SELECT id, a, b, channel, worth + CASE WHEN id % 2 = 0 THEN 8 ELSE -8 END AS worth FROM later'),
    ('flatter', 'worth', 'SELECT id, a, b, channel, 42 + 0.6 * worth AS worth FROM later'),
    ('better', 'worth', 'SELECT id, a, b, channel, (worth + p) / 2 AS worth FROM later k, custseg.predict_value(''worth'', k) p'),
    ('all as predicted', 'worth', 'SELECT id, a, b, channel, p AS worth FROM later k, custseg.predict_value(''worth'', k) p'),
    ('all alike', 'worth', 'SELECT id, 1.0 AS a, 1 AS b, ''web'' AS channel, worth FROM later'),
    ('fewer stay', 'stays', 'SELECT id, a, b, channel, stays AND id % 2 = 0 AS stays FROM later'),
    ('too few may stay', 'stays', 'SELECT id, p AS predicted, a < 0.01 AS stays FROM later, (VALUES (0.005)) v (p)')) v (what, model, source),
    LATERAL custseg.outcome_calibration(v.model, v.source, options => CASE v.what WHEN 'too few may stay' THEN '{"predicted": "predicted"}' ELSE '{}' END::jsonb) o;
SELECT verdict FROM custseg.outcome_calibration('worth', 'SELECT * FROM later WHERE id <= 1040', options => '{"min_rows": 40, "significance": 0.01}');

-- they are kept, each beside what was predicted
SELECT model, version, source, n, verdict, recorded_by = current_user AS by_me, recorded_at > now() - interval '1 hour' AS just_now FROM custseg.record_outcomes('worth', 'later');
SELECT count(*), count(DISTINCT customer), min(position), max(position), bool_and(o.predicted = custseg.predict_value('worth', k)) AS same, bool_and(o.actual = k.worth) AS came,
    bool_and((o.low, o.high) = (i.low, i.high)) AS intervals FROM custseg.outcome o JOIN later k ON k.id::text = o.customer, custseg.predict_interval('worth', k, 0.9) i WHERE o.model = 'worth';
SELECT to_jsonb(r) - ARRAY['model', 'version', 'source', 'recorded_at', 'recorded_by', 'id'] = to_jsonb(o) AS same FROM custseg.outcome_run r, custseg.outcome_calibration('worth', 'later') o WHERE r.model = 'worth';
SELECT n, verdict FROM custseg.record_outcomes('stays', 'SELECT a, b, channel, stays FROM later');
SELECT count(*), count(customer), count(low), array_agg(DISTINCT actual) FROM custseg.outcome WHERE model = 'stays';
SELECT n FROM custseg.record_outcomes('stays', 'SELECT id AS who, channel, a, b, stays AS left_out FROM later', 'left_out', 'who');
SELECT count(customer) FROM custseg.outcome WHERE model = 'stays';

-- monitor() and needs_retraining() take what was recorded last of the version
SELECT status, n, verdict, retrain, alerts_open FROM custseg.monitor('worth', 'later');
SELECT count(*), array_agg(verdict) FROM custseg.monitor_feature WHERE model = 'worth';
SELECT verdict FROM custseg.record_outcomes('worth', 'SELECT id, a, b, channel, worth + 4 AS worth FROM later');
SELECT status, verdict, verdict_reasons, retrain, urgency, reasons, alerts_opened, alerts_open FROM custseg.monitor('worth', 'later');
SELECT kind, subject, severity, message FROM custseg.alert WHERE model = 'worth' AND closed_at IS NULL ORDER BY kind;
SELECT * FROM custseg.needs_retraining('worth', 'later');
SELECT findings -> 'breaches' AS breaches, findings -> 'calibration' -> 0 ->> 'verdict' AS found FROM custseg.monitor_run WHERE model = 'worth' ORDER BY id DESC LIMIT 1;
-- a new version has had no outcomes yet
SELECT version, deployed FROM custseg.retrain('worth', 'SELECT id, a, b, channel, worth + 4 AS worth FROM later', deploy => true);
SELECT verdict, retrain, alerts_closed, alerts_open FROM custseg.monitor('worth', 'later');
SELECT verdict FROM custseg.record_outcomes('worth', 'SELECT id, a, b, channel, worth + 4 AS worth FROM customer WHERE id <= 1000');
SELECT verdict FROM custseg.record_outcomes('worth', 'later', version => 1);
SELECT verdict, retrain FROM custseg.monitor('worth', 'later');
-- features drift, and sources break, as those of a model of segments
SELECT feature, verdict FROM custseg.drift('worth', 'SELECT id, a + 5 AS a, b, channel FROM customer', version => 1);
SELECT subject, name, state, verdict, reason FROM custseg.data_quality('stays', 'SELECT id, a, channel FROM later');
SELECT verdict, verdict_reasons, retrain, reasons FROM custseg.monitor('stays', 'SELECT id, a, channel FROM later');
SELECT verdict, retrain, reasons FROM custseg.needs_retraining('worth', 'SELECT id, a + 5 AS a, b, channel FROM customer', '{"consecutive": 1}'), (SELECT 1) v (verdict);
SELECT status, error, retrain FROM custseg.monitor('worth', 'no_such_table');

-- purchases: predicted by the lines up to the version's day, counted after it
CREATE TABLE lines AS
SELECT i AS buyer, date '2024-01-01' + floor(100 * noise(i, 8) + j * 40 * (0.5 + noise(i, 9)) * (0.5 + noise(i * 100 + j, 10)))::int AS at, 5 + floor(20 * noise(i, 11)) AS amount
FROM generate_series(1, 600) i, generate_series(0, 9) j WHERE noise(i, 12) > j / 12.0;
SELECT model, version, n FROM custseg.train_purchases('repeats', 'lines', 'buyer', 'at', 'amount', as_of => '2024-08-01', options => '{"time_zone": "UTC"}');
SELECT n, n_unpredicted, days, verdict <> 'insufficient data' AS told, rmse > mae AS errors, confidence, coverage > 0.8 AS coverage, training_rmse FROM custseg.outcome_calibration('repeats');
SELECT agrees(ARRAY[o.mean_predicted, o.mean_actual, o.slope], ARRAY[avg(l.expected_purchases), avg(c.came), regr_slope(c.came, l.expected_purchases)], 1e-9) AS same
FROM custseg.outcome_calibration('repeats') o, custseg.lifetime_value('repeats', 'SELECT * FROM lines WHERE at <= ''2024-08-01''', make_interval(days => o.days), as_of => '2024-08-01') l
JOIN (SELECT buyer::text, count(DISTINCT at) FILTER (WHERE at > '2024-08-01') AS came FROM lines GROUP BY 1) c ON c.buyer = l.customer_id GROUP BY o.mean_predicted, o.mean_actual, o.slope;
-- who buys no more is noticed, whatever is done to the lines
SELECT verdict, reason FROM custseg.outcome_calibration('repeats', 'SELECT * FROM lines WHERE at <= ''2024-08-01'' OR buyer % 3 = 0');
SELECT verdict, reason FROM custseg.outcome_calibration('repeats', 'SELECT * FROM lines WHERE at <= ''2024-08-01''');
SELECT verdict, reason FROM custseg.outcome_calibration('repeats', 'SELECT * FROM lines WHERE at <= ''2024-08-02''');
SELECT n, verdict FROM custseg.record_outcomes('repeats', 'SELECT * FROM lines WHERE at <= ''2024-08-01'' OR buyer % 3 = 0');
SELECT count(*), count(DISTINCT customer), count(low) FROM custseg.outcome WHERE model = 'repeats';
SELECT status, n, verdict, retrain, urgency FROM custseg.monitor('repeats', 'SELECT * FROM lines WHERE at <= ''2024-08-01'' OR buyer % 3 = 0');
SELECT retrain, reasons FROM custseg.needs_retraining('repeats', 'SELECT * FROM lines WHERE at <= ''2024-08-01''');

-- rights: who may use a model may ask; only the owner records, and sees what came of whom
CREATE ROLE regress_cs_outcomes;
GRANT USAGE ON SCHEMA custseg, outcomes_test TO regress_cs_outcomes;
GRANT SELECT ON later TO regress_cs_outcomes;
SELECT custseg.grant_model('worth', 'regress_cs_outcomes');
SET ROLE regress_cs_outcomes;
SELECT n FROM custseg.outcome_calibration('worth', 'later');
SELECT model, count(*) FROM custseg.outcome_run GROUP BY 1;
SELECT count(*) FROM custseg.outcome;
SELECT fails(statement) FROM (VALUES
    ('SELECT custseg.record_outcomes(''worth'', ''outcomes_test.later'')'),
    ('SELECT custseg.outcome_calibration(''worth'')'),
    ('SELECT custseg.outcome_calibration(''stays'', ''outcomes_test.later'')'),
    ('INSERT INTO custseg.outcome_run (model) VALUES (''worth'')'),
    ('DELETE FROM custseg.outcome')) v (statement);
RESET ROLE;

-- errors
SELECT fails(statement) FROM (VALUES
    ('SELECT custseg.outcome_calibration(NULL)'),
    ('SELECT custseg.outcome_calibration(''nobody'')'),
    ('SELECT custseg.outcome_calibration(''worth'', ''later'', ''came'')'),
    ('SELECT custseg.outcome_calibration(''worth'', ''later'', ''stays'')'),
    ('SELECT custseg.outcome_calibration(''stays'', ''later'', ''worth'')'),
    ('SELECT custseg.outcome_calibration(''worth'', ''SELECT id, a, worth FROM later'')'),
    ('SELECT custseg.outcome_calibration(''worth'', ''SELECT id, a, b, channel, ''''Infinity''''::float8 AS worth FROM later'')'),
    ('SELECT custseg.outcome_calibration(''worth'', ''later'', id => ''who'')'),
    ('SELECT custseg.outcome_calibration(''worth'', ''later'', options => ''{"predicted": "nothing"}'')'),
    ('SELECT custseg.outcome_calibration(''worth'', ''later'', options => ''{"predicted": "channel"}'')'),
    ('SELECT custseg.outcome_calibration(''stays'', ''later'', options => ''{"predicted": "worth"}'')'),
    ('SELECT custseg.outcome_calibration(''worth'', ''SELECT id, worth, ''''Infinity''''::float8 AS p FROM later'', options => ''{"predicted": "p"}'')'),
    ('SELECT custseg.outcome_calibration(''worth'', ''later'', options => ''{"min_rows": 10}'')'),
    ('SELECT custseg.outcome_calibration(''worth'', ''later'', options => ''{"more": 10}'')'),
    ('SELECT custseg.outcome_calibration(''worth'', ''later'', version => 9)'),
    ('SELECT custseg.outcome_calibration(''repeats'', ''lines'', ''amount'')'),
    ('SELECT custseg.outcome_calibration(''repeats'', ''later'')')) v (statement);
BEGIN READ ONLY;
SELECT n FROM custseg.outcome_calibration('worth', 'later');
SELECT custseg.record_outcomes('worth', 'later');
ROLLBACK;
BEGIN;
SELECT n FROM custseg.record_outcomes('worth', 'later');
ROLLBACK;
-- what was recorded is exported with nothing, and goes with the version, or the model
SELECT count(*) FROM custseg.outcome_run WHERE model = 'worth';
SELECT custseg.drop_model('worth', 1);
SELECT version, count(*) FROM custseg.outcome WHERE model = 'worth' GROUP BY 1;
SELECT version, count(*) FROM custseg.outcome_run WHERE model = 'worth' GROUP BY 1 ORDER BY 1;
SELECT count(*) AS dropped FROM custseg.model, custseg.drop_model(name, whole => true) WHERE name IN ('worth', 'stays', 'strict', 'repeats');
SELECT (SELECT count(*) FROM custseg.outcome) AS outcomes, (SELECT count(*) FROM custseg.outcome_run) AS runs;
DROP OWNED BY regress_cs_outcomes;
DROP ROLE regress_cs_outcomes;
DROP SCHEMA outcomes_test CASCADE;
\i :root/test/clean.sql
