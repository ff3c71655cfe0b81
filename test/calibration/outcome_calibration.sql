-- Models of a value (linear, forest) and of a probability (logistic, forest), ten of each that were trained on 1,000 customers, judged by what came of others. The value depends on two of four features by a line, with errors that are normal, or that are lognormal (heavy tails).
-- And models of purchases, trained on 1,500 customers who buy at rates of their own and leave by a chance of their own (BG/NBD), as of week 52; what came are the 26 weeks after it.
-- Nothing has changed; or outcomes are higher by a share of what predictions are off by (bias), errors are larger by half, outcomes differ by .7 only where predictions differ by 1; or customers buy 40 % less from then on.
-- "Watch" is watch or drifted.

-- Customers with an outcome: errors of so many deviations, of a shape, outcomes higher by so many of them, and a slope.
CREATE FUNCTION calibration.with_outcomes(seed int, n int, tails bool, shift float8 DEFAULT 0, error float8 DEFAULT 1, slope float8 DEFAULT 1)
RETURNS TABLE (id bigint, a float8, b float8, c float8, d text, worth float8, stays bool) LANGUAGE sql STABLE AS $$
    SELECT i, x.a, x.b, x.c, (ARRAY['web', 'shop', 'phone'])[1 + floor(3 * calibration.uniform(seed, 64, i))::int],
        slope * (6 * x.a + 4 * x.b) + 8 * (shift + error * CASE WHEN tails THEN (exp(calibration.normal(seed, 65, i)) - exp(0.5)) / 2.161 ELSE calibration.normal(seed, 65, i) END),
        calibration.uniform(seed, 66, i) < 1 / (1 + exp(-(slope * (x.a + x.b / 2) - 1 + 2 * shift)))
    FROM generate_series(1, n) i,
        LATERAL (SELECT calibration.normal(seed, 61, i) AS a, calibration.normal(seed, 62, i) AS b, calibration.normal(seed, 63, i) AS c) x
$$;

CREATE TABLE calibration.outcomes_seen (key text PRIMARY KEY, verdict text);

CREATE FUNCTION calibration.outcome_verdict(key text, model text, source text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text := (SELECT s.verdict FROM calibration.outcomes_seen s WHERE s.key = outcome_verdict.key);
BEGIN
    IF result IS NULL THEN
        result := (custseg.outcome_calibration(model, source)).verdict;
        INSERT INTO calibration.outcomes_seen VALUES (key, result);
    END IF;
    RETURN result;
END $$;

CREATE FUNCTION calibration.of_outcomes(seed int, n int, algorithm text, target text, tails bool, shift float8, error float8, slope float8) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    model text := format('calibration_%s_%s_%s_%s', seed % 10, algorithm, target, tails);
BEGIN
    IF NOT EXISTS (SELECT FROM custseg.model m WHERE m.name = model) THEN
        PERFORM custseg.train_value(model, format('SELECT * FROM calibration.with_outcomes(%s, 1000, %L)', -1 - seed % 10, tails), target, '{a,b,c,d}', algorithm, 'id');
    END IF;
    RETURN calibration.outcome_verdict(format('%s %s %s %s %s %s', model, seed, n, shift, error, slope), model,
        format('SELECT * FROM calibration.with_outcomes(%s, %s, %L, %s, %s, %s)', 50000 + seed, n, tails, shift, error, slope));
END $$;

-- Purchases of customers: from week 52 on they buy at so large a share of their rates.
CREATE FUNCTION calibration.purchases(seed int, n int, rate float8 DEFAULT 1) RETURNS TABLE (customer bigint, at date) LANGUAGE sql STABLE AS $$
    WITH customers AS (
        SELECT i, 20 * calibration.uniform(seed, 71, i) AS first, -ln(1 - calibration.uniform(seed, 72, i)) * 0.12 AS often,
            1 - (1 - calibration.uniform(seed, 73, i)) ^ 0.4 AS leaves
        FROM generate_series(1, n) i
    ), purchases AS (
        SELECT c.i, c.first + sum(CASE WHEN j > 0 THEN -ln(1 - calibration.uniform(seed, 100 + j, c.i)) / c.often ELSE 0 END) OVER w AS week,
            coalesce(bool_or(calibration.uniform(seed, 200 + j, c.i) < c.leaves) OVER (PARTITION BY c.i ORDER BY j ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false) AS gone
        FROM customers c, generate_series(0, 60) j
        WINDOW w AS (PARTITION BY c.i ORDER BY j)
    )
    -- who buys less later, comes later
    SELECT i, date '2024-01-01' + floor(7 * CASE WHEN week > 52 THEN 52 + (week - 52) / rate ELSE week END)::int
    FROM purchases
    WHERE NOT gone AND CASE WHEN week > 52 THEN 52 + (week - 52) / rate ELSE week END < 78
$$;

CREATE FUNCTION calibration.of_purchases(seed int, n int, rate float8) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    source text := format('SELECT * FROM calibration.purchases(%s, %s, %s)', 90000 + seed, n, rate);
    asked text := format('purchases %s %s %s', seed, n, rate);
    result text := (SELECT s.verdict FROM calibration.outcomes_seen s WHERE s.key = asked);
BEGIN
    IF result IS NULL THEN
        PERFORM custseg.train_purchases('calibration purchases', source, 'customer', 'at', as_of => '2024-12-29', options => '{"holdout": "none"}');
        result := calibration.outcome_verdict(asked, 'calibration purchases', source);
        PERFORM custseg.drop_model('calibration purchases', whole => true);
    END IF;
    RETURN result;
END $$;

CREATE FUNCTION calibration.is_called(verdict text, called text) RETURNS bool LANGUAGE sql IMMUTABLE
RETURN CASE WHEN verdict <> 'insufficient data' THEN verdict = called OR verdict = 'drifted' END;

INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
SELECT 'outcome_calibration: ' || called, format('nothing changed, %s%s', algorithm, CASE WHEN target = 'stays' THEN ' of a probability' WHEN tails THEN ', heavy tails' ELSE '' END), n, 'false alarm', 0.05,
    format('calibration.is_called(calibration.of_outcomes({seed}, %s, %L, %L, %L, 0, 1, 1), %L)', n, algorithm, target, tails, called), 200,
    CASE WHEN n = 100 AND called = 'watch' AND algorithm <> 'forest' THEN 10 ELSE 0 END
FROM unnest(ARRAY['watch', 'drifted']) called,
    (VALUES ('linear', 'worth', false), ('linear', 'worth', true), ('forest', 'worth', false), ('logistic', 'stays', false), ('forest', 'stays', false)) model (algorithm, target, tails),
    unnest(ARRAY[100, 300, 2000]) n
UNION ALL
SELECT 'outcome_calibration: ' || called, changed, n, 'power', CASE WHEN n = bar_from AND called = 'watch' THEN 0.9 END,
    format('calibration.is_called(calibration.of_outcomes({seed}, %s, %L, %L, false, %s, %s, %s), %L)', n, algorithm, target, shift, error, slope, called), 100, 0
FROM (VALUES
    ('linear', 'worth', 'outcomes higher by .4 of an error, linear', 0.4, 1, 1, 300), ('forest', 'worth', 'outcomes higher by .4 of an error, forest', 0.4, 1, 1, 300),
    ('linear', 'worth', 'errors larger by half, linear', 0, 1.5, 1, 300), ('linear', 'worth', 'slope .7, linear', 0, 1, 0.7, 1000),
    ('logistic', 'stays', 'probabilities higher, by .8 of log odds, logistic', 0.4, 1, 1, 1000)) change (algorithm, target, changed, shift, error, slope, bar_from),
    unnest(ARRAY['watch', 'drifted']) called, unnest(ARRAY[100, 300, 1000]) n
WHERE called = 'watch' OR n = 1000
UNION ALL
SELECT 'outcome_calibration: ' || called, 'nothing changed, purchases', 1500, 'false alarm', 0.05, format('calibration.is_called(calibration.of_purchases({seed}, 1500, 1), %L)', called), 100, 0
FROM unnest(ARRAY['watch', 'drifted']) called
UNION ALL
SELECT 'outcome_calibration: ' || called, 'customers buy 40 % less, purchases', 1500, 'power', CASE called WHEN 'watch' THEN 0.9 END, format('calibration.is_called(calibration.of_purchases({seed}, 1500, 0.6), %L)', called), 60, 0
FROM unnest(ARRAY['watch', 'drifted']) called;
