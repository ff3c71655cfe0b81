-- A year of 52 runs, a week each, of a model with six features (four numbers, a category, a boolean) that was trained on 2,000 customers; each trial has a model of its own, and each run other customers.
-- Nothing changes, or one number shifts by .01 standard deviations a week, or .3 points a week go from one level to another; or the number is shifted by .5 deviations from the first run on.
-- Alerts of all kinds count, those of trends, too.

-- What the model's runs see this week.
CREATE TABLE calibration.week (seed int, n int, shift float8, to_web float8);
INSERT INTO calibration.week DEFAULT VALUES;
CREATE VIEW calibration.customers_of_week AS
SELECT c.* FROM calibration.week w, LATERAL calibration.customers(w.seed, w.n, w.shift, w.to_web) c;

-- What was said in the years so far: alerts opened, whether to train again was told, and the features of which a trend was.
CREATE TABLE calibration.year_seen (n int, weeks int, shift float8, shift_a_week float8, to_web_a_week float8, seed int, alerts bigint, of_feature bool, retrain bool, trends text[]);

CREATE FUNCTION calibration.watch_year(seed int, n int, weeks int, shift float8, shift_a_week float8, to_web_a_week float8) RETURNS SETOF calibration.year_seen LANGUAGE plpgsql AS $$
DECLARE
    name text := format('calibration_year_%s_%s', seed, n);
    told bool := false;
    r record;
BEGIN
    RETURN QUERY SELECT s.* FROM calibration.year_seen s
    WHERE (s.n, s.weeks, s.shift, s.shift_a_week, s.to_web_a_week, s.seed) = (watch_year.n, watch_year.weeks, watch_year.shift, watch_year.shift_a_week, watch_year.to_web_a_week, watch_year.seed);
    IF FOUND THEN
        RETURN;
    END IF;
    PERFORM custseg.train(name, format('SELECT * FROM calibration.customers(%s, 2000)', -100000 - seed), '{x,y,z,w,channel,member}', k => 4);
    FOR week IN 1 .. weeks LOOP
        UPDATE calibration.week w
        SET seed = 100000 + 1000 * watch_year.seed + week, n = watch_year.n, shift = watch_year.shift + week * shift_a_week, to_web = week * to_web_a_week;
        SELECT * INTO r FROM custseg.monitor(name, 'calibration.customers_of_week', '{"notify": false}') m;
        IF r.status <> 'ok' THEN
            RAISE EXCEPTION 'a run was not ok: %', r.error;
        END IF;
        told := told OR r.retrain;
    END LOOP;
    RETURN QUERY INSERT INTO calibration.year_seen
    SELECT watch_year.n, watch_year.weeks, watch_year.shift, watch_year.shift_a_week, watch_year.to_web_a_week, watch_year.seed,
        count(*), coalesce(bool_or(a.kind = 'drift' AND a.subject = 'z'), false), told, array_agg(a.subject) FILTER (WHERE a.kind = 'trend')
    FROM custseg.alert a
    WHERE a.model = name
    RETURNING *;
    PERFORM custseg.drop_model(name, whole => true);
END $$;

INSERT INTO calibration.part (verdict, data, n, measure, bar, unit, trial, replicates, quick)
SELECT 'monitor: ' || called, 'nothing changed, 52 runs', n, 'false alarm', bar, unit,
    format('(SELECT %s FROM calibration.watch_year({seed}, %s, 52, 0, 0, 0))', outcome, n), replicates, 0
FROM (VALUES ('alert', 0.5, 'year', 'ARRAY[alerts, 1]'), ('retrain', 0.01, NULL, 'retrain'), ('trend', 0.03, NULL, 'trends IS NOT NULL')) called (called, bar, unit, outcome),
    (VALUES (50, 40), (100, 40), (300, 40), (1000, 12)) cell (n, replicates)
UNION ALL
SELECT 'monitor: trend', format('shift of .01 sd a week, by week %s', weeks), 1000, 'power', bar, NULL, format('(SELECT coalesce(''z'' = ANY (trends), false) FROM calibration.watch_year({seed}, 1000, %s, 0, 0.01, 0))', weeks), 30, 0
FROM (VALUES (20, 0.9)) cell (weeks, bar)
UNION ALL
SELECT 'monitor: trend', format('.3 points a week to another level, by week %s', weeks), 1000, 'power', bar, NULL, format('(SELECT coalesce(''channel'' = ANY (trends), false) FROM calibration.watch_year({seed}, 1000, %s, 0, 0, 0.003))', weeks), 30, 0
FROM (VALUES (26, 0.9)) cell (weeks, bar)
UNION ALL
SELECT 'monitor: alert by the second run', 'shifted by .5 sd', 500, 'power', 0.9, NULL, '(SELECT of_feature FROM calibration.watch_year({seed}, 500, 2, 0.5, 0, 0))', 100, 0;
