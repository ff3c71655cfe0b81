-- How far each feature was from training in the last runs of monitor(), and what the last run says of it.
-- {"runs": [{run, at, version, verdict}], "features": [{feature, kind, psi: [..], verdict: [..]}], "last": [rows of drift]}; arrays go by run, and verdicts there are their first letters, NULL for ok.
WITH wanted AS MATERIALIZED (
    -- the more features, the fewer runs
    SELECT greatest(6, least(60, 2000 / greatest(count(*), 1))) AS n
    FROM custseg.model m
    JOIN custseg.feature f ON f.model = m.name AND f.version = m.deployed_version
    WHERE m.name = $1
), run AS MATERIALIZED (
    SELECT r.id, r.started_at, r.version, r.verdict
    FROM custseg.monitor_run r
    WHERE r.model = $1 AND r.status <> 'skipped' AND r.started_at <= coalesce($2::timestamptz, 'infinity')
    ORDER BY r.id DESC
    LIMIT (SELECT w.n FROM wanted w)
), cell AS MATERIALIZED (
    SELECT f.run, f.feature, f.kind, f.position, f.psi, f.verdict
    FROM run
    JOIN custseg.monitor_feature f ON f.model = $1 AND f.run = run.id
), known AS (
    -- numbers are looked up by run
    SELECT c.feature, (array_agg(c.kind ORDER BY c.run DESC))[1] AS kind, (array_agg(c.position ORDER BY c.run DESC))[1] AS position,
        jsonb_object_agg(c.run, round(c.psi::numeric, 6)) AS psi, jsonb_object_agg(c.run, nullif(left(c.verdict, 1), 'o')) AS verdict
    FROM cell c
    GROUP BY c.feature
)
SELECT CASE WHEN EXISTS (SELECT FROM cell) THEN jsonb_build_object(
    'runs', (SELECT jsonb_agg(jsonb_build_object('run', r.id, 'at', r.started_at, 'version', r.version, 'verdict', r.verdict) ORDER BY r.id) FROM run r),
    'features', (
        SELECT jsonb_agg(jsonb_build_object('feature', k.feature, 'kind', k.kind, 'psi', a.psi, 'verdict', a.verdict) ORDER BY k.position, k.feature)
        FROM known k
        CROSS JOIN LATERAL (
            SELECT jsonb_agg(k.psi -> r.id::text ORDER BY r.id) AS psi, jsonb_agg(k.verdict -> r.id::text ORDER BY r.id) AS verdict
            FROM run r
        ) a
    ),
    'last', (
        SELECT jsonb_agg(jsonb_build_object('feature', f.feature, 'kind', f.kind, 'psi', round(f.psi::numeric, 6), 'psi_critical', round(f.psi_critical::numeric, 6), 'ks', round(f.ks::numeric, 6),
            'null_share', round(f.null_share_current::numeric, 6), 'p_adjusted', round(f.p_adjusted::numeric, 6), 'verdict', f.verdict, 'reason', left(f.reason, 160)) ORDER BY f.position)
        FROM custseg.monitor_feature f
        WHERE f.model = $1 AND f.run = (SELECT max(c.run) FROM cell c)
    )
) END AS body
FROM custseg.model m
WHERE m.name = $1;
