-- Customers without groups, of ten kinds: a box, normal clouds (correlated, with 3 and 10 columns), recency, frequency and money (as they are, and their logarithms), a multivariate t distribution with 3 degrees of freedom, a banana (y = x² and noise), categories (beside two numbers, and three of them alone), and money that half of the customers do not spend; "all kinds" takes one after the other.
-- And customers in 2 to 6 groups in three columns, whose nearest centers are so many standard deviations apart: round, stretched (one direction has 1.7 times the deviation of the others) or skewed (lognormal) groups, of the same size, or the largest so many times the smallest as there are groups. A ring is no group, but its parts are called so; that has no bar.

-- Are there groups?
CREATE FUNCTION calibration.clusterability(source text) RETURNS boolean LANGUAGE sql
RETURN (SELECT rating IN ('moderate', 'strong') FROM custseg.clusterability(source));

INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
SELECT 'clusterability: moderate or strong', 'no groups, all kinds', n, 'false alarm', 0.02,
    format('calibration.clusterability(calibration.without_groups(calibration.kind_without_groups({seed}), {seed}, %s))', n), replicates, quick
FROM (VALUES (200, 300, 10), (2000, 150, 0), (20000, 30, 0)) size (n, replicates, quick)
UNION ALL
SELECT 'clusterability: moderate or strong', kind, n, 'false alarm', bar,
    format('calibration.clusterability(calibration.without_groups(%L, {seed}, %s))', kind, n), replicates, 0
FROM (VALUES ('heavy tails', 0.05), ('banana', 0.05), ('ring', NULL)) shape (kind, bar), (VALUES (200, 100), (2000, 60)) size (n, replicates)
WHERE kind <> 'ring' OR n = 200
UNION ALL
SELECT 'clusterability: moderate or strong', format('groups %s sd apart', apart), n, 'power', bar,
    format('calibration.clusterability(calibration.with_groups({seed}, %s, %s))', n, apart), replicates, quick
FROM (VALUES (4, 200, 0.9, 300, 8), (4, 2000, 0.95, 60, 0), (3, 2000, 0.85, 60, 0)) groups (apart, n, bar, replicates, quick);
