-- The attribute is independent of all features, or one group is kept out of a segment in 40 of 100 cases: its customers are then in another.
-- The model cuts evenly spread customers into 3 or 4 segments of the same size.

CREATE FUNCTION calibration.fairness_source(seed int, n int, groups int, kept_out float8, k int DEFAULT 3) RETURNS text LANGUAGE sql
RETURN format('SELECT w.x + (w.grp = 1 AND w.x < 1.0 / %5$s AND w.out < %4$s)::int / %5$s.0 AS x, w.grp
FROM (SELECT calibration.uniform(%1$s, 1, i) AS x, 1 + floor(%3$s * calibration.uniform(%1$s, 2, i))::int AS grp, calibration.uniform(%1$s, 3, i) AS out
    FROM generate_series(1, %2$s) i) w', seed, n, groups, kept_out, k);

-- Is any group called so, or the one that is kept out where it is?
CREATE FUNCTION calibration.fairness(seed int, n int, groups int, kept_out float8, called text, k int DEFAULT 3) RETURNS boolean LANGUAGE sql
RETURN (SELECT bool_or(f.rating = called AND (kept_out = 0 OR f.group_value = '1' AND f.segment = custseg.predict('calibration_fairness_' || k, '{"x": 0.1}'::jsonb)))
    FROM custseg.fairness('calibration_fairness_' || k, calibration.fairness_source(seed, n, groups, kept_out, k), 'grp') f);

SELECT custseg.train('calibration_fairness_' || k, calibration.fairness_source(0, 4000, 1, 0), '{x}', k => k) FROM unnest(ARRAY[3, 4]) k;

INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
SELECT 'fairness: ' || called, format('independent, %s groups', groups), 2000, 'false alarm', 0.05,
    format('calibration.fairness({seed}, 2000, %s, 0, %L)', groups, called), 300, CASE WHEN groups = 40 THEN 20 ELSE 0 END
FROM unnest(ARRAY['disparate', 'watch']) called, unnest(ARRAY[2, 5, 10, 40]) groups
UNION ALL
SELECT 'fairness: disparate', format('1 of %s groups kept out, %s segments', groups, k), n, 'power', bar,
    format('calibration.fairness({seed}, %s, %s, 0.4, ''disparate'', %s)', n, groups, k), replicates, CASE WHEN bar IS NOT NULL AND n = 2000 THEN 20 ELSE 0 END
FROM (VALUES (5, 2000, 3, 0.8, 300), (10, 2000, 3, 0.8, 300), (10, 2000, 4, NULL, 300), (40, 2000, 3, NULL, 300), (40, 20000, 3, 0.8, 60))
    cell (groups, n, k, bar, replicates);
