-- Six segments of 1,000 or 200 customers, of whom 15 of 100 buy in a month, for amounts that are lognormal, and 40 of 100 of those who bought buy again; two months, drawn anew.
-- Nothing has changed, or in the first segment fewer buy. What counts is whether any measure of any segment, or of the first, is rated `degraded`; and beside it whether any has fallen by 10 %.

CREATE FUNCTION calibration.kpi_month(seed int, stream int, n int, fewer float8, month date) RETURNS void LANGUAGE sql AS $$
    WITH drawn AS (
        SELECT s, i, calibration.uniform(seed, stream, s * 100000 + i) < CASE s WHEN 1 THEN 0.15 * (1 - fewer) ELSE 0.15 END AS bought,
            30 * exp(calibration.normal(seed, stream + 1, s * 100000 + i)) AS amount,
            i <= 0.15 * n AND calibration.uniform(seed, stream + 2, s * 100000 + i) < 0.4 AS retained
        FROM generate_series(1, 6) s, generate_series(1, n) i
    ), sums AS (
        SELECT s, count(*) AS n, count(*) FILTER (WHERE bought) AS n_buyers, coalesce(sum(amount) FILTER (WHERE bought), 0) AS revenue,
            coalesce(sum(amount * amount) FILTER (WHERE bought), 0) AS revenue_squares, count(*) FILTER (WHERE retained) AS n_retained,
            count(*) FILTER (WHERE i <= 0.15 * n) AS n_before
        FROM drawn
        GROUP BY GROUPING SETS ((s), ())
    )
    INSERT INTO custseg.segment_kpi (model, run, version, run_at, run_by, month, is_complete, segment, name, n, n_buyers, n_orders, orders_squares, revenue, revenue_squares,
        n_retained, n_buyers_before, conversion, revenue_per_customer, orders_per_customer, retention, position)
    SELECT 'simulated', 1, 1, now(), current_user, kpi_month.month, true, s, coalesce(s::text, 'total'), n, n_buyers, n_buyers, n_buyers, revenue, revenue_squares,
        n_retained, n_before, n_buyers / n::float8, revenue / n, n_buyers / n::float8, n_retained / n_before::float8, coalesce(s, 7)
    FROM sums
$$;

CREATE FUNCTION calibration.kpi_changes(seed int, n int, fewer float8, what text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM custseg.segment_kpi WHERE model = 'simulated';
    PERFORM calibration.kpi_month(seed, 1, n, 0, '2025-01-01'), calibration.kpi_month(seed, 4, n, fewer, '2025-02-01');
    RETURN (SELECT CASE what WHEN 'fall' THEN bool_or(change <= -0.1) ELSE bool_or(rating = 'degraded' AND (fewer = 0 OR segment = 1)) END
        FROM custseg.kpi_changes('simulated'));
END $$;

INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
SELECT 'kpi_changes: degraded', 'nothing changed', 6 * n, 'false alarm', 0.05, format('calibration.kpi_changes({seed}, %s, 0, ''degraded'')', n), 400, CASE WHEN n = 1000 THEN 15 ELSE 0 END
FROM unnest(ARRAY[200, 1000]) n
UNION ALL
SELECT 'a fall of 10 %', 'nothing changed', 6000, 'false alarm', NULL, 'calibration.kpi_changes({seed}, 1000, 0, ''fall'')', 100, 0
UNION ALL
SELECT 'kpi_changes: degraded', data, 6 * n, 'power', bar, format('calibration.kpi_changes({seed}, %s, %s, ''degraded'')', n, fewer), 100, CASE WHEN bar > 0 THEN 5 ELSE 0 END
FROM (VALUES ('a third fewer buy', 200, 0.3333, NULL), ('a third fewer buy', 1000, 0.3333, NULL), ('half as many buy', 200, 0.5, NULL), ('half as many buy', 1000, 0.5, 0.9)) cell (data, n, fewer, bar);
