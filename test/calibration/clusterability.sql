-- Customers without groups, of ten kinds: a box, normal clouds (correlated, with 3 and 10 columns), recency, frequency and money (as they are, and their logarithms), a multivariate t distribution with 3 degrees of freedom, a banana (y = x² and noise), categories (beside two numbers, and three of them alone), and money that half of the customers do not spend; "all kinds" takes one after the other.
-- And customers in 2 to 6 groups in three columns, whose nearest centers are so many standard deviations apart: round, stretched (one direction has 1.7 times the deviation of the others) or skewed (lognormal) groups, of the same size, or the largest so many times the smallest as there are groups; or two round groups that differ in one of several columns only. A ring is no group, but its parts are called so; that has no bar.

-- Are there groups?
CREATE FUNCTION calibration.clusterability(source text) RETURNS boolean LANGUAGE sql
RETURN (SELECT rating IN ('moderate', 'strong') FROM custseg.clusterability(source));

-- Customers in two groups that differ in one of so many columns, in which they are so far apart.
CREATE FUNCTION calibration.in_groups_along(seed int, n int, columns int, apart float8) RETURNS text LANGUAGE sql
RETURN (SELECT format('SELECT %s FROM generate_series(1, %s) i',
        string_agg(CASE WHEN j = 1 THEN format('%s * (calibration.uniform(%s, 40, i) < 0.5)::int + ', apart, seed) ELSE '' END || format('calibration.normal(%s, %s, i) AS x%s', seed, 40 + j, j), ', ' ORDER BY j), n)
    FROM generate_series(1, columns) j);

-- Seeds begin where none was looked at while the rules were made.
INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
SELECT 'clusterability: moderate or strong', 'no groups, all kinds', n, 'false alarm', 0.02,
    format('calibration.clusterability(calibration.without_groups(calibration.kind_without_groups({seed}), 10000 + {seed}, %s))', n), replicates, quick
FROM (VALUES (200, 300, 10), (2000, 150, 0), (20000, 20, 0)) size (n, replicates, quick)
UNION ALL
SELECT 'clusterability: moderate or strong', kind, n, 'false alarm', bar,
    format('calibration.clusterability(calibration.without_groups(%L, 20000 + {seed}, %s))', kind, n), replicates, 0
FROM (VALUES ('heavy tails', 0.05), ('banana', 0.05), ('ring', NULL)) shape (kind, bar), (VALUES (200, 60), (2000, 40)) size (n, replicates)
WHERE kind <> 'ring' OR n = 200
UNION ALL
SELECT 'clusterability: moderate or strong', format('groups %s sd apart', apart), n, 'power', bar,
    format('calibration.clusterability(calibration.with_groups(10000 + {seed}, %s, %s))', n, apart), replicates, quick
FROM (VALUES (4, 200, 0.9, 300, 8), (4, 2000, 0.95, 60, 0), (3, 2000, 0.85, 60, 0)) groups (apart, n, bar, replicates, quick)
UNION ALL
SELECT 'clusterability: moderate or strong', format('2 groups 4 sd apart along 1 of %s columns', columns), n, 'power', bar,
    format('calibration.clusterability(calibration.in_groups_along({seed}, %s, %s, 4))', n, columns), replicates, 0
FROM (VALUES (2, 200, NULL, 40), (3, 200, NULL, 40), (5, 200, NULL, 40), (2, 2000, 0.95, 20), (3, 2000, 0.95, 20), (5, 2000, 0.95, 20)) groups (columns, n, bar, replicates);
