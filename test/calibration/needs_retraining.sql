-- One look (`consecutive` 1) at customers of four groups in two features, with a third that has nothing to do with them. The models were trained on 2,000 others (ten models) or on 100 (forty).
-- Nothing has changed, or 15 of 100 customers are of a new kind: near, 8 deviations from the nearest group, or far, 23 from it.
-- "Silhouette, distance" is that one of these two is among the reasons; "retrain" is told for whatever reason.

CREATE TABLE calibration.retraining_seen (n int, trained int, place float8, seed int, loose bool, retrain bool);

CREATE FUNCTION calibration.needs_retraining(seed int, n int, trained int, place float8, called text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    model text := calibration.watched_model(seed % CASE WHEN trained < 1000 THEN 40 ELSE 10 END, trained, '{x,y,z}');
BEGIN
    IF NOT EXISTS (SELECT FROM calibration.retraining_seen s WHERE (s.n, s.trained, s.place, s.seed) = (needs_retraining.n, needs_retraining.trained, needs_retraining.place, needs_retraining.seed)) THEN
        INSERT INTO calibration.retraining_seen
        SELECT needs_retraining.n, needs_retraining.trained, needs_retraining.place, needs_retraining.seed,
            array_to_string(r.reasons, '; ') ~ 'less distinct|farther from', r.retrain
        FROM custseg.needs_retraining(model, format('SELECT * FROM calibration.customers(%s, %s, new_kind => %s, place => %s)',
                3000 + needs_retraining.seed, needs_retraining.n, CASE WHEN needs_retraining.place > 0 THEN 0.15 ELSE 0 END, needs_retraining.place), '{"consecutive": 1}') r;
    END IF;
    RETURN (SELECT CASE called WHEN 'retrain' THEN s.retrain ELSE s.loose END FROM calibration.retraining_seen s
        WHERE (s.n, s.trained, s.place, s.seed) = (needs_retraining.n, needs_retraining.trained, needs_retraining.place, needs_retraining.seed));
END $$;

INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
(SELECT 'needs_retraining: ' || called, format('nothing changed, trained on %s', to_char(trained, 'FM9,999')), n, 'false alarm', CASE called WHEN 'silhouette, distance' THEN 0.05 END,
    format('calibration.needs_retraining({seed}, %s, %s, 0, %L)', n, trained, called), 200, CASE WHEN n = 50 AND trained = 2000 AND called <> 'retrain' THEN 20 ELSE 0 END
FROM unnest(ARRAY['silhouette, distance', 'retrain']) called, unnest(ARRAY[2000, 100]) trained, unnest(ARRAY[30, 50, 100, 300]) n
ORDER BY called = 'retrain', trained DESC, n)
UNION ALL
SELECT 'needs_retraining: ' || called, format('15 %% of a new kind, %s', CASE WHEN place > 12 THEN 'far' ELSE 'near' END), n, 'power', CASE called WHEN 'silhouette, distance' THEN bar END,
    format('calibration.needs_retraining({seed}, %s, 2000, %s, %L)', n, place, called), 200, 0
FROM unnest(ARRAY['silhouette, distance', 'retrain']) called, unnest(ARRAY[12, 22]) place, (VALUES (30, 0.55), (50, 0.8), (100, 0.95)) cell (n, bar);
