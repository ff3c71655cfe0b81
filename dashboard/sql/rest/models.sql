-- The models that the role may use, as an array, in the order of their names.
SELECT coalesce(jsonb_agg(jsonb_build_object(
    'name', m.name,
    'title', p.presentation -> 'title',
    'kind', m.kind,
    'algorithm', v.algorithm,
    'version', m.deployed_version,
    'n_segments', v.n_segments,
    'published_at', (SELECT max(r.published_at) FROM custseg.report r WHERE r.model = m.name),
    'monitored_at', h.last_run_at,
    'verdict', h.verdict,
    'open_alerts', coalesce(h.open_alerts, 0)
) ORDER BY m.name), '[]') AS body
FROM custseg.model m
LEFT JOIN custseg.model_version v ON v.model = m.name AND v.version = m.deployed_version
LEFT JOIN custseg.presentation p ON p.model = m.name
LEFT JOIN custseg.model_health h ON h.model = m.name
