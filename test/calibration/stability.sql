-- The customers of [clusterability](#clusterability), cut into 2 to 5 segments where there are no groups, and into as many as there are groups of the same size; 30 resamples. Segments are counted.

-- How many segments are called stable or highly stable, and of how many.
CREATE FUNCTION calibration.stability(source text, k int) RETURNS bigint[] LANGUAGE sql
RETURN (SELECT ARRAY[count(*) FILTER (WHERE rating IN ('stable', 'highly stable')), count(*)] FROM custseg.stability(source, k => k, resamples => 30));

INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
SELECT 'stability: stable', 'no groups, all kinds', n, 'false alarm', 0.05,
    format('calibration.stability(calibration.without_groups(calibration.kind_without_groups({seed}), {seed}, %s), 2 + {seed} / 10 %% 4)', n), replicates, quick
FROM (VALUES (200, 200, 5), (2000, 80, 0), (20000, 20, 0)) size (n, replicates, quick)
UNION ALL
SELECT 'stability: stable', 'groups of the same size, 4 sd apart', n, 'power', bar,
    format('calibration.stability(calibration.in_groups({seed}, %s, 2 + {seed} %% 5, 4, {seed} / 5 %% 3, false), 2 + {seed} %% 5)', n), replicates, 0
FROM (VALUES (200, NULL, 100), (2000, 0.95, 60), (20000, 0.95, 15)) size (n, bar, replicates);
