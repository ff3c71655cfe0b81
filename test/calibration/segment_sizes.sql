-- Four segments of 40, 30, 24 and 6 % of the customers, of ten models that were each trained on 2,000 others.
-- Nothing has changed, or 10 of 100 customers have gone from the first segment to the second; what counts is `watch` or worse in any row, that of the total with the rest.

CREATE FUNCTION calibration.segment_sizes(seed int, n int, moved float8) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    model text := calibration.watched_model(seed % 10, 2000, '{x,y}');
BEGIN
    RETURN (SELECT bool_or(s.verdict IN ('watch', 'drifted'))
        FROM custseg.segment_sizes(model, format('SELECT * FROM calibration.customers(%s, %s, moved => %s)', 2000 + seed, n, moved)) s);
END $$;

INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
SELECT 'segment_sizes: watch', 'nothing changed', n, 'false alarm', 0.05, format('calibration.segment_sizes({seed}, %s, 0)', n), CASE WHEN n < 100 THEN 1000 ELSE 300 END, CASE WHEN n = 50 THEN 20 ELSE 0 END
FROM unnest(ARRAY[30, 50, 100, 200, 500, 2000]) n
UNION ALL
SELECT 'segment_sizes: watch', '10 points to another segment', n, 'power', bar, format('calibration.segment_sizes({seed}, %s, 0.1)', n), 200, CASE WHEN n = 500 THEN 10 ELSE 0 END
FROM (VALUES (100, NULL), (200, NULL), (500, 0.9), (2000, NULL)) cell (n, bar);
