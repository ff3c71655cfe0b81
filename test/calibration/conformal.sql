-- Intervals of predictions: models of a value (linear, forest) trained on 600 customers tell intervals of 600 others. The value depends on two of four features by a line, with errors that are normal, or that grow with the value; or its logarithm does (such intervals are by ratios).
-- "Coverage" is by how much the share of outcomes within intervals differs from what is asked for; "beyond chance" is a share that differs by more than 1.96 deviations, of which one part comes from the customers that the interval is made of, and one from those whose outcomes are counted.

CREATE TABLE calibration.coverages (key text PRIMARY KEY, coverage float8);

CREATE FUNCTION calibration.valued(seed int, n int, data text) RETURNS TABLE (id bigint, a float8, b float8, c float8, d text, worth float8) LANGUAGE sql STABLE AS $$
    SELECT i, x.a, x.b, x.c, (ARRAY['web', 'shop', 'phone'])[1 + floor(3 * calibration.uniform(seed, 84, i))::int], CASE data
        WHEN 'normal errors' THEN 6 * x.a + 4 * x.b + 8 * x.e
        WHEN 'errors that grow' THEN 100 + 6 * x.a + 4 * x.b + (4 + 2 * abs(x.a)) * x.e
        ELSE exp(3 + 0.5 * x.a + 0.3 * x.b + 0.6 * x.e) END
    FROM generate_series(1, n) i,
        LATERAL (SELECT calibration.normal(seed, 81, i) AS a, calibration.normal(seed, 82, i) AS b, calibration.normal(seed, 83, i) AS c, calibration.normal(seed, 85, i) AS e) x
$$;

-- The share of outcomes within the intervals, less what is asked for.
CREATE FUNCTION calibration.coverage(seed int, data text, algorithm text, confidence float8) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    asked text := concat_ws(' ', seed, data, algorithm, confidence);
    model text := format('conformal %s %s %s', seed, data, algorithm);
    result float8 := (SELECT c.coverage FROM calibration.coverages c WHERE c.key = asked);
    others text := format('SELECT * FROM calibration.valued(%s, 600, %L)', 70000 + seed, data);
BEGIN
    IF result IS NULL THEN
        IF NOT EXISTS (SELECT FROM custseg.model m WHERE m.name = model) THEN
            PERFORM custseg.train_value(model, format('SELECT * FROM calibration.valued(%s, 600, %L)', seed, data), 'worth', '{a,b,c,d}', algorithm, 'id');
        END IF;
        SELECT avg((v.worth BETWEEN s.low AND s.high)::int) - confidence INTO result
        FROM custseg.score_value(model, others, confidence) s JOIN calibration.valued(70000 + seed, 600, data) v ON v.id::text = s.id;
        INSERT INTO calibration.coverages VALUES (asked, result);
    END IF;
    RETURN result;
END $$;

INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
SELECT format('intervals of %s %%: coverage', 100 * confidence), data || ', ' || algorithm, 600, 'mean', 0.01, format('calibration.coverage({seed}, %L, %L, %s)', data, algorithm, confidence), 100, 6
FROM unnest('{normal errors,errors that grow,ratios}'::text[]) data, unnest('{linear,forest}'::text[]) algorithm, unnest('{0.9,0.5}'::float8[]) confidence
UNION ALL
SELECT format('intervals of %s %%: beyond chance', 100 * confidence), data || ', ' || algorithm, 600, 'false alarm', 0.05, format('abs(calibration.coverage({seed}, %L, %L, %s)) > 1.96 * sqrt(%3$s * (1 - %3$s) / 300)', data, algorithm, confidence), 100, 6
FROM unnest('{normal errors,errors that grow,ratios}'::text[]) data, unnest('{linear,forest}'::text[]) algorithm, unnest('{0.9,0.5}'::float8[]) confidence;
