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
        -- the more segments, the fewer runs
        LIMIT (SELECT greatest(6, least(24, 700 / greatest(count(*), 1))) FROM custseg.segment s JOIN custseg.model m ON m.name = s.model AND m.deployed_version = s.version WHERE s.model = $1)
    ) r
), cell AS MATERIALIZED (
    SELECT h.run, coalesce(h.segment, CASE h.name WHEN 'total' THEN -1 ELSE -2 END) AS place, h.segment, h.name, h.value_sum, h.low, h.high
    FROM run r
    JOIN custseg.segment_value_history h ON h.model = $1 AND h.run = r.run
), known AS (
    -- numbers are looked up by run
    SELECT c.place, min(c.segment) AS segment, (array_agg(c.name ORDER BY c.run DESC))[1] AS name, jsonb_object_agg(c.run, round(c.value_sum::numeric, 2)) AS value_sum,
        jsonb_object_agg(c.run, round(c.low::numeric, 2)) AS low, jsonb_object_agg(c.run, round(c.high::numeric, 2)) AS high
    FROM cell c
    GROUP BY c.place
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
                SELECT jsonb_agg(k.value_sum -> r.run::text ORDER BY r.place) AS value_sum,
                    jsonb_agg(k.low -> r.run::text ORDER BY r.place) AS low, jsonb_agg(k.high -> r.run::text ORDER BY r.place) AS high
                FROM run r
            ) a
        ),
        'last', (
            SELECT jsonb_agg(jsonb_build_object('segment', h.segment, 'name', h.name, 'n', h.n, 'share', h.share, 'alive', h.alive,
                'expected_purchases', h.expected_purchases, 'value_sum', h.value_sum, 'value_mean', h.value_mean, 'value_share', h.value_share,
                'low', h.low, 'high', h.high, 'mean_low', h.mean_low, 'mean_high', h.mean_high, 'value_at_risk', h.value_at_risk, 'n_leaving', h.n_leaving, 'n_left', h.n_left, 'leaving_at_risk', h.leaving_at_risk,
                'reason', left(h.reason, 300)) ORDER BY h.position)
            FROM custseg.segment_value_history h
            WHERE h.model = $1 AND h.run = l.run
        )
    )
    FROM newest l
) AS body
FROM custseg.model m
WHERE m.name = $1;
