-- A rule model of two features with an outcome that has nothing to do with them, or one that depends on where a border should be.

CREATE FUNCTION calibration.optimise_source(seed int, n int, effect float8) RETURNS text LANGUAGE sql
RETURN format('SELECT i, calibration.uniform(%1$s, 1, i) AS x, calibration.uniform(%1$s, 2, i) AS y,
    %3$s * (calibration.uniform(%1$s, 1, i) < 0.7)::int + calibration.normal(%1$s, 3, i) AS spent FROM generate_series(1, %2$s) i', seed, n, effect);

CREATE FUNCTION calibration.optimise(seed int, n int, effect float8) RETURNS boolean LANGUAGE sql
RETURN (SELECT recommendation = 'train' FROM custseg.optimise_thresholds('calibration_optimise',
    calibration.optimise_source(seed, n, effect), outcome => 'spent', options => '{"candidates": 19}'));

SELECT version FROM custseg.train('calibration_optimise', calibration.optimise_source(0, 2000, 0), '{x,y}', algorithm => 'rules', options => '{"segments": [
    {"name": "low", "when": {"x": {"to": 0.4}}}, {"name": "high", "when": {"y": {"from": 0.8}}}, {"name": "rest"}], "else": "rest"}');

INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
SELECT 'optimise_thresholds: train', data, n, measure, bar, format('calibration.optimise({seed}, %s, %s)', n, effect), replicates, quick
FROM (VALUES
    ('outcome independent', 200, 'false alarm', 0.05, 0, 300, 20),
    ('outcome independent', 2000, 'false alarm', 0.05, 0, 300, 0),
    ('outcome independent', 20000, 'false alarm', 0.05, 0, 40, 0),
    ('border misplaced, effect 1 sd', 200, 'power', NULL, 1, 300, 0),
    ('border misplaced, effect 1 sd', 2000, 'power', 0.95, 1, 100, 3),
    ('border misplaced, effect .2 sd', 2000, 'power', NULL, 0.2, 100, 0)) cell (data, n, measure, bar, effect, replicates, quick);
