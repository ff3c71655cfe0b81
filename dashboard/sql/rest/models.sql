-- The models that the role may use, as an array, in the order of their names.
SELECT coalesce(jsonb_agg(jsonb_build_object(
    'name', m.name,
    'title', p.presentation -> 'title',
    'kind', m.kind,
    'algorithm', v.algorithm,
    'version', m.deployed_version,
    'n_segments', v.n_segments,
    'published_at', (
        SELECT r.published_at
        FROM custseg.report r
        WHERE r.model = m.name
        ORDER BY r.published_at DESC
        LIMIT 1),
    'monitored_at', h.started_at,
    'verdict', h.verdict,
    'open_alerts', (SELECT count(*) FROM custseg.alert a WHERE a.model = m.name AND a.closed_at IS NULL)
) ORDER BY m.name), '[]') AS body
FROM custseg.model m
LEFT JOIN custseg.model_version v ON v.model = m.name AND v.version = m.deployed_version
LEFT JOIN custseg.presentation p ON p.model = m.name
LEFT JOIN LATERAL (
    SELECT r.started_at, r.verdict
    FROM custseg.monitor_run r
    WHERE r.model = m.name
    ORDER BY r.id DESC
    LIMIT 1
) h ON true
