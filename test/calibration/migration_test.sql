-- Customers in four segments, of whom one in five is moved between two runs of `resegment`: to a segment that is drawn anew, so that the mix stays what it was; or all of them to the first segment.
-- "Watch" is that verdict or a worse one.

CREATE TABLE calibration.mover (id int PRIMARY KEY, place float8, segment int);

CREATE FUNCTION calibration.migration_test(seed int, n int, to_first float8) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    model text := format('calibration_mover_%s', n);
    changed bigint;
    total bigint;
BEGIN
    DELETE FROM calibration.mover;
    INSERT INTO calibration.mover SELECT i, calibration.uniform(migration_test.seed, 21, i) FROM generate_series(1, n) i;
    IF NOT EXISTS (SELECT FROM custseg.model m WHERE m.name = model) THEN
        PERFORM custseg.train(model, 'calibration.mover', '{place}', algorithm => 'rules', options => '{"segments": [
            {"name": "a", "when": {"place": {"below": 0.4}}}, {"name": "b", "when": {"place": {"below": 0.7}}}, {"name": "c", "when": {"place": {"below": 0.9}}}, {"name": "d"}], "else": "d"}');
    END IF;
    CALL custseg.resegment(model, 'calibration.mover', 'segment', rows_changed => changed, rows_total => total);
    UPDATE calibration.mover SET place = CASE WHEN calibration.uniform(migration_test.seed, 22, id) < to_first THEN 0 ELSE calibration.uniform(migration_test.seed, 23, id) END
    WHERE calibration.uniform(migration_test.seed, 24, id) < 0.2;
    CALL custseg.resegment(model, 'calibration.mover', 'segment', rows_changed => changed, rows_total => total);
    RETURN (SELECT t.verdict IN ('watch', 'drifted') FROM custseg.migration_test(model) t);
END $$;

INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
SELECT 'migration_test: watch', CASE WHEN to_first > 0 THEN format('%s points to the first segment', (12 * to_first)::int) ELSE 'the mix stays' END, n, CASE WHEN to_first > 0 THEN 'power' ELSE 'false alarm' END, bar,
    format('calibration.migration_test({seed}, %s, %s)', n, to_first), replicates, quick
FROM (VALUES (50, 0.0, 0.05, 400, 0), (200, 0, 0.05, 400, 20), (2000, 0, 0.05, 100, 0), (50, 1, NULL, 100, 0), (200, 1, NULL, 100, 0), (2000, 1, NULL, 40, 0)) cell (n, to_first, bar, replicates, quick);
