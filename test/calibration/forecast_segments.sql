-- Customers who move between segments from period to period as a Markov chain, whose chances are drawn anew for each trial; a half or a tenth of them move. They begin in all segments alike, all in one, or where the chain has brought them.
-- In the last period the chain goes on, or it has changed: nobody moves any longer, the moves go back, or all chances are drawn anew. Then all were in one segment at first, so that there is something to forecast. What counts is that the forecast of that period is told to be worse than "nothing changes", which it always is only where nobody moves.

-- The chances of a period: the border of j in row i is i - 1 plus the chances to go from i to 1 up to j.
CREATE FUNCTION calibration.chances(seed int, k int, change text) RETURNS float8[] LANGUAGE sql AS $$
    WITH weight AS (
        SELECT i, j, -ln(1 - calibration.uniform(seed, CASE change WHEN 'anew' THEN 61 ELSE 60 END, 1000 * i + j)) AS w
        FROM generate_series(1, k) i, generate_series(1, k) j),
    chance AS (
        SELECT i, j, CASE WHEN i = j THEN 1 - moving ELSE 0 END + moving * w / sum(w) OVER (PARTITION BY i) AS p
        FROM weight, (SELECT CASE WHEN seed % 2 = 0 THEN 0.5 ELSE 0.1 END AS moving) m),
    changed AS (
        SELECT CASE change WHEN 'back' THEN j ELSE i END AS i, CASE change WHEN 'back' THEN i ELSE j END AS j, CASE change WHEN 'none move' THEN (i = j)::int ELSE p END AS p FROM chance)
    SELECT array_agg(border ORDER BY i, j)
    FROM (SELECT i, j, i - CASE WHEN j = k THEN 0 ELSE greatest(1 - sum(p) OVER (PARTITION BY i ORDER BY j) / sum(p) OVER (PARTITION BY i), 0) END AS border FROM changed) b
$$;

CREATE FUNCTION calibration.forecast_segments(seed int, k int, n int, periods int, change text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    watched text := calibration.watched_model(0, 2000, '{x,y}');
    as_ever float8[] := calibration.chances(seed, k, 'none');
    at_last float8[] := calibration.chances(seed, k, change);
    is_watch boolean;
BEGIN
    WITH RECURSIVE path AS (
        SELECT i AS customer, CASE WHEN seed % 3 = 2 THEN -8 ELSE 0 END AS period, CASE WHEN seed % 3 = 0 THEN 1 ELSE 1 + i % k END AS segment, NULL::int AS before
        FROM generate_series(1, n) i
        UNION ALL
        SELECT customer, period + 1, width_bucket(segment - 1 + calibration.uniform(seed, 80 + period, customer), CASE WHEN period + 1 = periods THEN at_last ELSE as_ever END) + 1 - (segment - 1) * k, segment
        FROM path WHERE period < periods)
    INSERT INTO custseg.migration (model, version, source, run_at, finished_at, run_by, from_segment, to_segment, n)
    SELECT watched, 1, 'customers', '2026-01-01'::timestamptz + period * interval '7 days', '2026-01-01'::timestamptz + period * interval '7 days', current_user, CASE WHEN period > 0 THEN before END, segment, count(*)
    FROM path WHERE period >= 0 GROUP BY period, CASE WHEN period > 0 THEN before END, segment;
    SELECT f.verdict = 'watch' INTO is_watch FROM custseg.forecast_segments(watched, 1) f LIMIT 1;
    DELETE FROM custseg.migration WHERE model = watched;
    RETURN is_watch;
END $$;

INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
SELECT 'forecast_segments: watch', format('%s segments, %s periods', k, periods), n, 'false alarm', 0.05, format('calibration.forecast_segments({seed}, %s, %s, %s, ''none'')', k, n, periods), replicates, quick
FROM (VALUES (2, 200, 3, 400, 20), (2, 2000, 12, 200, 0), (4, 200, 6, 400, 0), (4, 2000, 3, 200, 0), (10, 200, 12, 200, 0), (10, 2000, 6, 200, 0)) cell (k, n, periods, replicates, quick)
UNION ALL
SELECT 'forecast_segments: watch', format('from one of 4 segments, in the last of 3 periods %s', what), n, 'power', CASE WHEN n = 2000 AND change = 'none move' THEN 0.8 END, format('calibration.forecast_segments(3 * {seed}, 4, %s, 3, %L)', n, change), 100, CASE WHEN n = 2000 AND change = 'none move' THEN 10 ELSE 0 END
FROM (VALUES ('none move', 'nobody moves'), ('back', 'moves go back'), ('anew', 'chances are drawn anew')) change (change, what), unnest(ARRAY[200, 2000]) n;
