-- Four groups that a model has found, and fifteen other columns (ten numbers, of which five are skewed, and five categories) that have nothing to do with them: what counts is that any of these is rated `differs`.
-- Or one of the numbers is higher in one of the groups, by half a standard deviation.

CREATE FUNCTION calibration.segment_tests(seed int, n int, higher float8) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    model text := calibration.watched_model(seed % 10, 2000, '{x,y,z,w,channel,member}');
BEGIN
    RETURN (SELECT coalesce(bool_or(t.rating = 'differs'), false)
    FROM custseg.segment_tests(model,
        format('SELECT c.*, %s FROM (SELECT *, row_number() OVER ()::int AS i FROM calibration.customers(%s, %s)) c',
            (SELECT string_agg(CASE WHEN j = 1 THEN format('calibration.normal(%s, 30, i) + CASE WHEN x > 3 THEN %s ELSE 0 END', seed, higher)
                    WHEN j <= 5 THEN format('calibration.normal(%s, 30 + %s, i)', seed, j) WHEN j <= 10 THEN format('exp(calibration.normal(%s, 30 + %s, i))', seed, j)
                    ELSE format('chr(97 + (4 * calibration.uniform(%s, 30 + %s, i))::int)', seed, j) END || format(' AS n%s', j), ', ')
                FROM generate_series(1, 15) j), 1000 + seed, n),
        CASE WHEN higher > 0 THEN '{n1}'::text[] ELSE (SELECT array_agg('n' || j) FROM generate_series(1, 15) j) END) t);
END $$;

INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
SELECT 'segment_tests: differs', CASE WHEN higher > 0 THEN format('higher by %s sd in a group', higher) ELSE '15 columns at random' END, n, CASE WHEN higher > 0 THEN 'power' ELSE 'false alarm' END, bar,
    format('calibration.segment_tests({seed}, %s, %s)', n, higher), replicates, quick
FROM (VALUES (100, 0.0, 0.05, 300, 0), (200, 0, 0.05, 300, 10), (2000, 0, 0.05, 60, 0), (200, 0.5, NULL, 100, 0), (2000, 0.5, NULL, 30, 0)) cell (n, higher, bar, replicates, quick);
