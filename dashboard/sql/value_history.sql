-- What each segment was worth in the last runs of record_segment_value(), by the value model that was used last.
-- {"value_model", "kind", "horizon", "discount", "confidence", "runs": [{run, at, as_of, version}], "last": [rows of segment_value_history],
-- "segments": [{segment, name, value_sum: [..], low: [..], high: [..]}]}; arrays go by run, in the order of the days as of which they are. A NULL segment is all ("total") or "no segment".
WITH newest AS MATERIALIZED (
    SELECT h.value_model, h.horizon, h.discount, h.confidence, h.run
    FROM custseg.segment_value_history h
    WHERE h.model = $1 AND h.run_at <= coalesce($2::timestamptz, 'infinity')
    ORDER BY h.run DESC
    LIMIT 1
), run AS MATERIALIZED (
    -- runs of another horizon or discount tell of other values
    SELECT r.*, row_number() OVER (ORDER BY r.day) AS place
    FROM (
        -- of several runs as of a day the last one counts
        SELECT DISTINCT ON (coalesce(h.as_of, h.run_at::date)) h.run, h.run_at, h.as_of, h.version, coalesce(h.as_of, h.run_at::date) AS day
        FROM newest l
        JOIN custseg.segment_value_history h ON h.model = $1 AND h.value_model = l.value_model AND h.run <= l.run
            AND h.horizon IS NOT DISTINCT FROM l.horizon AND h.discount IS NOT DISTINCT FROM l.discount
        ORDER BY coalesce(h.as_of, h.run_at::date) DESC, h.run DESC
        LIMIT 24
    ) r
), cell AS MATERIALIZED (
    SELECT h.run, coalesce(h.segment, CASE h.name WHEN 'total' THEN -1 ELSE -2 END) AS place, h.segment, h.name, h.value_sum, h.low, h.high
    FROM run r
    JOIN custseg.segment_value_history h ON h.model = $1 AND h.run = r.run
), known AS (
    SELECT DISTINCT ON (c.place) c.place, c.segment, c.name
    FROM cell c
    ORDER BY c.place, c.run DESC
)
SELECT (
    SELECT jsonb_build_object(
        'value_model', l.value_model,
        'kind', (SELECT v.kind FROM custseg.model v WHERE v.name = l.value_model),
        'horizon', l.horizon::text, 'discount', l.discount, 'confidence', l.confidence,
        'runs', (SELECT jsonb_agg(jsonb_build_object('run', r.run, 'at', r.run_at, 'as_of', r.as_of, 'version', r.version) ORDER BY r.place) FROM run r),
        'segments', (
            SELECT jsonb_agg(jsonb_build_object('segment', k.segment, 'name', k.name, 'value_sum', a.value_sum, 'low', a.low, 'high', a.high) ORDER BY k.place)
            FROM known k
            CROSS JOIN LATERAL (
                SELECT jsonb_agg(round(c.value_sum::numeric, 2) ORDER BY r.place) AS value_sum,
                    jsonb_agg(round(c.low::numeric, 2) ORDER BY r.place) AS low, jsonb_agg(round(c.high::numeric, 2) ORDER BY r.place) AS high
                FROM run r
                LEFT JOIN cell c ON c.run = r.run AND c.place = k.place
            ) a
        ),
        'last', (
            SELECT jsonb_agg(jsonb_build_object('segment', h.segment, 'name', h.name, 'n', h.n, 'share', h.share, 'alive', h.alive,
                'expected_purchases', h.expected_purchases, 'value_sum', h.value_sum, 'value_mean', h.value_mean, 'value_share', h.value_share,
                'low', h.low, 'high', h.high, 'mean_low', h.mean_low, 'mean_high', h.mean_high, 'value_at_risk', h.value_at_risk,
                'reason', left(h.reason, 300)) ORDER BY h.position)
            FROM custseg.segment_value_history h
            WHERE h.model = $1 AND h.run = l.run
        )
    )
    FROM newest l
) AS body
FROM custseg.model m
WHERE m.name = $1;
