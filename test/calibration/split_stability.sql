-- The rating must be the same whatever the seed: that of seed 42 against another seed, on customers in 4 or 8 segments.

CREATE FUNCTION calibration.split_source(n int) RETURNS text LANGUAGE sql
RETURN format('SELECT i, calibration.uniform(1, 1, i) AS x, exp(calibration.normal(1, 2, i)) AS y FROM generate_series(1, %s) i', n);

-- Which values are rated otherwise, of how many?
CREATE FUNCTION calibration.split_differs(seed int, n int, k int) RETURNS bigint[] LANGUAGE sql
RETURN (SELECT ARRAY[count(*) FILTER (WHERE a.rating <> b.rating), count(*)]
    FROM custseg.split_stability('calibration_split_' || k, calibration.split_source(n)) a
    JOIN custseg.split_stability('calibration_split_' || k, calibration.split_source(n), options => format('{"seed": %s}', seed)::jsonb) b
    ON (a.segment, a.column_name) IS NOT DISTINCT FROM (b.segment, b.column_name));

SELECT custseg.train('calibration_split_' || k, calibration.split_source(5000), '{x,y}', k => k) FROM unnest(ARRAY[4, 8]) k;

INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
SELECT 'split_stability: another rating', k || ' segments', n, 'false alarm', 0, format('calibration.split_differs({seed}, %s, %s)', n, k), 30, CASE WHEN n = 200 THEN 5 ELSE 0 END
FROM (VALUES (200, 4), (2000, 8), (20000, 8)) cell (n, k);
