-- Customers of whom one in five is treated, with a level of their own and a random walk over eight periods, so that periods of a customer hang together; the treatment begins with the sixth.
-- Nothing comes of it, or half a standard deviation of a change does; or those who are to be treated rise from the first period on. What counts is an effect whose p is below 0.05, and the rating `not credible`.

CREATE FUNCTION calibration.did(seed int, n int, effect float8, trend float8, what text) RETURNS boolean LANGUAGE sql AS $$
    SELECT CASE what WHEN 'effect' THEN p_value < 0.05 ELSE rating = 'not credible' END
    FROM custseg.difference_in_differences(format('SELECT i AS customer, i %% 5 = 0 AS treated, t AS period, 10 * calibration.uniform(%1$s, 1, i)
            + sum(calibration.normal(%1$s, 1 + t, i)) OVER (PARTITION BY i ORDER BY t) + CASE WHEN i %% 5 = 0 THEN %3$s * t + CASE WHEN t > 5 THEN %4$s ELSE 0 END ELSE 0 END AS value
        FROM generate_series(1, %2$s) i, generate_series(1, 8) t', seed, n, trend, effect), 'customer', 'treated', 'period', 'value', '6')
    WHERE contrast = 'effect'
$$;

INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
SELECT 'difference_in_differences: p < 0.05', 'no effect', n, 'false alarm', 0.05, format('calibration.did({seed}, %s, 0, 0, ''effect'')', n), 500, CASE WHEN n = 100 THEN 20 ELSE 0 END
FROM unnest(ARRAY[100, 500]) n
UNION ALL
SELECT 'difference_in_differences: not credible', 'no effect', 500, 'false alarm', 0.05, 'calibration.did({seed}, 500, 0, 0, ''rating'')', 500, 0
UNION ALL
SELECT 'difference_in_differences: p < 0.05', 'an effect of 1', 500, 'power', 0.9, 'calibration.did({seed}, 500, 1, 0, ''effect'')', 100, 5
UNION ALL
SELECT 'difference_in_differences: not credible', 'the treated rise by 0.3 a period', 500, 'power', 0.9, 'calibration.did({seed}, 500, 0, 0.3, ''rating'')', 100, 5;
