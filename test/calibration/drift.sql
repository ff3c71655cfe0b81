-- Customers with six features (four numbers, a category with three levels, a boolean), compared with ten models that were each trained on 2,000 others.
-- Nothing has changed, or one number is shifted by so many standard deviations, or 5 of 100 customers have gone from one level to another.
-- "Certain" is `p_adjusted` below 0.05 for any feature, where nothing has changed, or the changed one; "watch" is that verdict or a worse one.
-- A denial is a reason that calls a certain change chance, or "as in training".

CREATE TABLE calibration.drift_seen (n int, shift float8, to_web float8, seed int, feature text, certain bool, denied bool, verdict text);

-- One comparison answers for all parts of the same data: whatever was said of it, "called" how.
CREATE FUNCTION calibration.drift(seed int, n int, shift float8, to_web float8, called text) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    model text := calibration.watched_model(seed % 10, 2000, '{x,y,z,w,channel,member}');
BEGIN
    IF NOT EXISTS (SELECT FROM calibration.drift_seen s WHERE (s.n, s.shift, s.to_web, s.seed) = (drift.n, drift.shift, drift.to_web, drift.seed)) THEN
        INSERT INTO calibration.drift_seen
        SELECT drift.n, drift.shift, drift.to_web, drift.seed, d.feature, d.p_adjusted < 0.05, d.p_adjusted < 0.05 AND (d.reason LIKE '%as in %' OR d.reason LIKE '%chance%'), d.verdict
        FROM custseg.drift(model, format('SELECT * FROM calibration.customers(%s, %s, %s, %s)', 1000 + drift.seed, drift.n, drift.shift, drift.to_web)) d;
    END IF;
    RETURN (SELECT CASE called WHEN 'denied' THEN ARRAY[count(*) FILTER (WHERE s.denied), count(*) FILTER (WHERE s.certain)]
            ELSE ARRAY[bool_or(CASE called WHEN 'certain' THEN s.certain WHEN 'watch' THEN s.verdict IN ('watch', 'drifted') ELSE s.verdict = called END)::int, 1] END
        FROM calibration.drift_seen s
        WHERE (s.n, s.shift, s.to_web, s.seed) = (drift.n, drift.shift, drift.to_web, drift.seed)
            AND (called = 'denied' OR drift.shift = 0 AND drift.to_web = 0 OR s.feature = CASE WHEN drift.shift > 0 THEN 'z' ELSE 'channel' END));
END $$;

INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
SELECT 'drift: ' || called, 'nothing changed', n, 'false alarm', 0.05, format('calibration.drift({seed}, %s, 0, 0, %L)', n, called), replicates, CASE WHEN n = 100 THEN 20 ELSE 0 END
FROM unnest(ARRAY['certain', 'watch']) called, (VALUES (50, 1000), (100, 1000), (500, 500), (5000, 60)) cell (n, replicates)
UNION ALL
SELECT 'drift: ' || called, CASE WHEN shift > 0 THEN format('shifted by %s sd', shift) ELSE format('%s points to another level', (100 * to_web)::int) END, n, 'power', bar,
    format('calibration.drift({seed}, %s, %s, %s, %L)', n, shift, to_web, called), replicates, 0
FROM (VALUES
    ('certain', 0.2, 0.0, 500, NULL, 100), ('certain', 0.2, 0, 5000, NULL, 40), ('watch', 0.2, 0, 500, NULL, 100), ('watch', 0.2, 0, 5000, NULL, 40), ('watch', 0.2, 0, 20000, NULL, 10),
    ('watch', 0.3, 0, 500, NULL, 100), ('watch', 0.3, 0, 5000, NULL, 40), ('watch', 0.5, 0, 500, 0.9, 100), ('watch', 0.5, 0, 5000, NULL, 40),
    ('drifted', 0.5, 0, 500, NULL, 100), ('drifted', 0.5, 0, 5000, NULL, 40), ('certain', 0, 0.05, 500, NULL, 100), ('certain', 0, 0.05, 5000, NULL, 40))
    cell (called, shift, to_web, n, bar, replicates)
UNION ALL
SELECT 'drift: denial', CASE WHEN shift > 0 THEN format('shifted by %s sd', shift) ELSE format('%s points to another level', (100 * to_web)::int) END, n, 'false alarm', 0,
    format('calibration.drift({seed}, %s, %s, %s, ''denied'')', n, shift, to_web), replicates, CASE WHEN n = 500 AND shift = 0.2 THEN 20 ELSE 0 END
FROM (VALUES (0.2, 0.0, 500, 100), (0.2, 0, 5000, 40), (0.2, 0, 20000, 10), (0.3, 0, 500, 100), (0.3, 0, 5000, 40), (0.5, 0, 500, 100), (0, 0.05, 500, 100), (0, 0.05, 5000, 40))
    cell (shift, to_web, n, replicates);
