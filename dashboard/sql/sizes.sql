-- How large each segment was in the last runs of monitor(), beside its share in training.
-- {"runs": [{run, at, version, n, verdict}], "segments": [{segment, name, training_share, n: [..], share: [..]}]}; arrays go by run.
WITH run AS MATERIALIZED (
    SELECT r.id, r.started_at, r.version, r.n, r.verdict
    FROM custseg.monitor_run r
    WHERE r.model = $1 AND r.status <> 'skipped' AND r.started_at <= coalesce($2::timestamptz, 'infinity')
    ORDER BY r.id DESC
    -- the more segments, the fewer runs
    LIMIT (SELECT greatest(6, least(60, 2200 / greatest(count(*), 1))) FROM custseg.segment s JOIN custseg.model m ON m.name = s.model AND m.deployed_version = s.version WHERE s.model = $1)
), cell AS MATERIALIZED (
    SELECT s.run, s.segment, s.name, s.n, s.share, s.training_share
    FROM run
    JOIN custseg.monitor_segment s ON s.model = $1 AND s.run = run.id
    WHERE s.segment IS NOT NULL
), known AS (
    -- a segment is called what it was called last; its numbers are looked up by run
    SELECT c.segment, (array_agg(c.name ORDER BY c.run DESC))[1] AS name, (array_agg(c.training_share ORDER BY c.run DESC))[1] AS training_share,
        jsonb_object_agg(c.run, c.n) AS n, jsonb_object_agg(c.run, round(c.share::numeric, 6)) AS share
    FROM cell c
    GROUP BY c.segment
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
            SELECT jsonb_agg(k.n -> r.id::text ORDER BY r.id) AS n, jsonb_agg(k.share -> r.id::text ORDER BY r.id) AS share
            FROM run r
        ) a
    )
) END AS body
FROM custseg.model m
WHERE m.name = $1;
