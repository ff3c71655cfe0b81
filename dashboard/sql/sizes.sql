-- How large each segment was in the last runs of monitor(), beside its share in training.
-- {"runs": [{run, at, version, n, verdict}], "segments": [{segment, name, training_share, n: [..], share: [..]}]}; arrays go by run.
WITH run AS MATERIALIZED (
    SELECT r.id, r.started_at, r.version, r.n, r.verdict
    FROM custseg.monitor_run r
    WHERE r.model = $1 AND r.status <> 'skipped' AND r.started_at <= coalesce($2::timestamptz, 'infinity')
    ORDER BY r.id DESC
    LIMIT 60
), cell AS MATERIALIZED (
    SELECT s.run, s.segment, s.name, s.n, s.share, s.training_share
    FROM run
    JOIN custseg.monitor_segment s ON s.model = $1 AND s.run = run.id
    WHERE s.segment IS NOT NULL
), known AS (
    -- a segment is called what it was called last
    SELECT DISTINCT ON (c.segment) c.segment, c.name, c.training_share
    FROM cell c
    ORDER BY c.segment, c.run DESC
)
SELECT CASE WHEN EXISTS (SELECT FROM cell) THEN jsonb_build_object(
    'runs', (
        SELECT jsonb_agg(jsonb_build_object('run', r.id, 'at', r.started_at, 'version', r.version, 'n', r.n, 'verdict', r.verdict) ORDER BY r.id)
        FROM run r
    ),
    'segments', (
        SELECT jsonb_agg(jsonb_build_object('segment', k.segment, 'name', k.name, 'training_share', round(k.training_share::numeric, 6), 'n', a.n, 'share', a.share)
            ORDER BY k.segment)
        FROM known k
        CROSS JOIN LATERAL (
            SELECT jsonb_agg(c.n ORDER BY r.id) AS n, jsonb_agg(round(c.share::numeric, 6) ORDER BY r.id) AS share
            FROM run r
            LEFT JOIN cell c ON c.run = r.id AND c.segment = k.segment
        ) a
    )
) END AS body
FROM custseg.model m
WHERE m.name = $1;
