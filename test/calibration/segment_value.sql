-- Customers who buy at a rate, leave after a purchase with a chance, and spend, each of his own: MBG/NBD with rates of gamma(1, 6 weeks), chances of beta(1, 3), and gamma-gamma amounts of p = 2 and q = 3; seen for 18 months, of which they come in the first four. Their segments are four by repeats, recency and mean amount.
-- And customers of whom a number is predicted, two features and noise, by a linear model, a forest and, whether it is above its mean, a logistic model, trained on 1,000 customers and asked about as many others; four segments by the two features.
-- What is counted is how many of the segments, and of all, have a sum of what came outside of their interval of 90 %: in the year, or half year, after the last line; or of the customers asked about. Where all buy 20 % more often after the last line, nothing could have told.

-- The lines of n customers to a day of 2025, at rates that rise by a factor from 2024-07-01 on.
CREATE FUNCTION calibration.orders(seed int, n int, factor float8) RETURNS void LANGUAGE sql AS $$
    DROP TABLE IF EXISTS pg_temp.orders;
    CREATE TEMPORARY TABLE orders AS
    WITH RECURSIVE customer AS (
        SELECT i, timestamp '2023-01-01' + i * 7 % 120 * interval '1 day' AS at, -ln(1 - calibration.uniform(seed, 1, i)) / 6 AS rate, 1 - (1 - calibration.uniform(seed, 2, i)) ^ (1 / 3.0) AS leaves,
            -ln((1 - calibration.uniform(seed, 3, i)) * (1 - calibration.uniform(seed, 4, i)) * (1 - calibration.uniform(seed, 5, i))) / 20 AS spend
        FROM generate_series(1, n) i
    ), purchase AS (
        SELECT i, 0 AS number, at, rate, leaves, spend FROM customer
        UNION ALL
        SELECT i, number + 1, at - ln(1 - calibration.uniform(seed, 6, i * 1000 + number)) / rate / CASE WHEN at >= '2024-07-01' THEN factor ELSE 1 END * interval '7 days', rate, leaves, spend
        FROM purchase
        WHERE at < '2025-07-01' AND number < 900 AND calibration.uniform(seed, 7, i * 1000 + number) >= leaves
    )
    SELECT i AS customer, at, -ln((1 - calibration.uniform(seed, 8, i * 1000 + number)) * (1 - calibration.uniform(seed, 9, i * 1000 + number))) / spend AS amount
    FROM purchase WHERE at < '2025-07-01'
$$;

-- Intervals of purchases that what came is outside of, and intervals: those of segments, or that of all.
CREATE FUNCTION calibration.segment_value(seed int, n int, horizon interval, factor float8, of_all boolean) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    result bigint[];
BEGIN
    PERFORM calibration.orders(seed, n, factor);
    DROP TABLE IF EXISTS pg_temp.buyers;
    CREATE TEMPORARY TABLE buyers AS SELECT customer_id::int AS id, repeats, recency, coalesce(monetary, 0) AS monetary FROM custseg.purchase_summary('orders', 'customer', 'at', 'amount', '2024-06-30');
    PERFORM custseg.train_purchases('calibration of purchases', 'orders', 'customer', 'at', 'amount', '2024-06-30', deploy => true);
    PERFORM custseg.train('calibration of buyers', 'buyers', '{repeats,recency,monetary}', 4, id => 'id', deploy => true);
    SELECT ARRAY[count(*) FILTER (WHERE NOT coalesce(a.came, 0) BETWEEN v.low AND v.high), count(v.low)] INTO result
    FROM custseg.segment_value('calibration of purchases', 'calibration of buyers', 'orders', 'buyers', horizon, 0, '2024-06-30') v
    LEFT JOIN (SELECT custseg.predict('calibration of buyers', b) AS segment, sum(o.amount) AS came
        FROM buyers b JOIN orders o ON o.customer = b.id AND o.at::date > '2024-06-30' AND o.at::date <= date '2024-06-30' + extract(epoch FROM horizon)::int / 86400
        GROUP BY ROLLUP (1)) a ON a.segment IS NOT DISTINCT FROM v.segment
    WHERE v.segment IS NULL = of_all;
    RETURN result;
END $$;

-- The same of a number, or with "logistic" of whether it is above 10.
CREATE FUNCTION calibration.segment_outcomes(seed int, algorithm text) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    people text := 'SELECT i AS id, x, y, %s AS came FROM (SELECT i, calibration.normal(%s, 101, i) AS x, calibration.normal(%2$s, 102, i) AS y, calibration.normal(%2$s, 103, i) AS noise FROM generate_series(1, 1000) i) p';
    outcome text := '10 + 3 * x + y + (1 + abs(x)) * noise';
    result bigint[];
BEGIN
    IF algorithm = 'logistic' THEN
        outcome := format('%s > 10', outcome);
    END IF;
    PERFORM custseg.train('calibration of people', format(people, outcome, -1), '{x,y}', 4, id => 'id', deploy => true);
    PERFORM custseg.train_value('calibration of ' || algorithm, format(people, outcome, seed), 'came', '{x,y}', algorithm, 'id', deploy => true);
    EXECUTE format('CREATE TEMPORARY TABLE asked AS %s', format(people, outcome, 1000000 + seed));
    SELECT ARRAY[count(*) FILTER (WHERE NOT coalesce(a.came, 0) BETWEEN v.low AND v.high), count(v.low)] INTO result
    FROM custseg.segment_value('calibration of ' || algorithm, 'calibration of people', 'asked') v
    LEFT JOIN (SELECT custseg.predict('calibration of people', c) AS segment, sum(came::text::float8) AS came
        FROM (SELECT id, x, y, CASE came::text WHEN 'true' THEN '1' WHEN 'false' THEN '0' ELSE came::text END AS came FROM asked) c GROUP BY 1) a ON a.segment IS NOT DISTINCT FROM v.segment
    WHERE v.segment IS NOT NULL;
    DROP TABLE asked;
    RETURN result;
END $$;

INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
SELECT 'segment_value: outside', format('purchases, %s, %s', what, CASE WHEN of_all THEN 'all' ELSE 'segments' END), n, 'false alarm', bar,
    format('calibration.segment_value({seed}, %s, %L, %s, %L)', n, horizon, factor, of_all), replicates, CASE WHEN n = 600 AND NOT of_all THEN 5 ELSE 0 END
FROM (VALUES ('a year', 600, '365 days', 1, 0.1, 200), ('half a year', 1000, '180 days', 1, 0.1, 100), ('a year, 20 % more often', 1000, '365 days', 1.2, NULL, 60)) setting (what, n, horizon, factor, bar, replicates),
    unnest('{false,true}'::bool[]) of_all
UNION ALL
SELECT 'segment_value: outside', format('%s, segments', algorithm), 1000, 'false alarm', 0.1, format('calibration.segment_outcomes({seed}, %L)', algorithm), 100, CASE algorithm WHEN 'linear' THEN 5 ELSE 0 END
FROM unnest('{linear,forest,logistic}'::text[]) algorithm;
