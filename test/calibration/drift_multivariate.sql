-- The customers of [drift](#drift), compared with the 2,000 on whom the model was trained. Nothing has changed; or one number is shifted by half a standard deviation;
-- or 10 of 100 customers are of a new kind, 11 deviations from the nearest group. "Watch" is that verdict or a worse one.

CREATE FUNCTION calibration.drift_multivariate(seed int, n int, shift float8, new_kind float8) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    model text := calibration.watched_model(seed % 10, 2000, '{x,y,z,w,channel,member}');
BEGIN
    RETURN (SELECT d.verdict IN ('watch', 'drifted')
    FROM custseg.drift_multivariate(model,
        format('SELECT * FROM calibration.customers(%s, %s, %s, 0, 0, %s, 14)', 1000 + seed, n, shift, new_kind),
        format('SELECT * FROM calibration.customers(%s, 2000)', -1 - seed % 10)) d);
END $$;

INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
SELECT 'drift_multivariate: watch', data, n, CASE WHEN data = 'nothing changed' THEN 'false alarm' ELSE 'power' END, bar,
    format('calibration.drift_multivariate({seed}, %s, %s, %s)', n, shift, new_kind), replicates, quick
FROM (VALUES
    ('nothing changed', 50, 0.0, 0.0, 0.05, 300, 0), ('nothing changed', 200, 0, 0, 0.05, 200, 5), ('nothing changed', 2000, 0, 0, 0.05, 20, 0),
    ('shifted by 0.5 sd', 200, 0.5, 0, NULL, 50, 0), ('shifted by 0.5 sd', 2000, 0.5, 0, NULL, 10, 0),
    ('10 % of a new kind', 200, 0, 0.1, NULL, 50, 0), ('10 % of a new kind', 2000, 0, 0.1, NULL, 10, 0)) cell (data, n, shift, new_kind, bar, replicates, quick);
