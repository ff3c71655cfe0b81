-- What a model says of itself: title and presentation, kind, algorithm, the version that is shown, its segments, and its health.
SELECT jsonb_build_object(
    'name', m.name,
    'kind', m.kind,
    'algorithm', v.algorithm,
    'version', v.version,
    'deployed_version', m.deployed_version,
    'n_rows', v.n_rows,
    'trained_at', v.trained_at,
    'n_segments', (SELECT nullif(count(*), 0) FROM custseg.segment s WHERE s.model = m.name AND s.version = v.version),
    'segments', coalesce((
        SELECT jsonb_agg(jsonb_build_object('segment', s.segment, 'name', s.name) ORDER BY s.segment)
        FROM custseg.segment s
        WHERE s.model = m.name AND s.version = v.version), '[]'),
    'features', coalesce((
        SELECT jsonb_agg(jsonb_build_object('name', f.name, 'kind', f.kind) ORDER BY f.position)
        FROM custseg.feature f
        WHERE f.model = m.name AND f.version = v.version), '[]'),
    'presentation', coalesce(custseg_private.described_presentation(m.name), '{}'),
    'published_at', r.published_at,
    -- as of the publication: the last run of the monitor that was not skipped, and the alerts that were open
    'health', (
        SELECT jsonb_build_object('verdict', h.verdict, 'urgency', h.urgency, 'retrain', h.retrain, 'checked_at', h.started_at, 'open_alerts', (
            SELECT count(*)
            FROM custseg.alert a
            WHERE a.model = m.name AND a.first_seen <= coalesce($2::timestamptz, 'infinity')
                AND (a.closed_at IS NULL OR a.closed_at > coalesce($2::timestamptz, 'infinity'))))
        FROM custseg.monitor_run h
        WHERE h.model = m.name AND h.status <> 'skipped' AND h.started_at <= coalesce($2::timestamptz, 'infinity')
        ORDER BY h.id DESC
        LIMIT 1)
) AS body
FROM custseg.model m
LEFT JOIN LATERAL (
    SELECT p.version, p.published_at
    FROM custseg.report p
    WHERE p.model = m.name AND ($2::timestamptz IS NULL OR p.published_at = $2::timestamptz)
    ORDER BY p.published_at DESC
    LIMIT 1
) r ON true
LEFT JOIN custseg.model_version v ON v.model = m.name AND v.version = coalesce(r.version, m.deployed_version)
WHERE m.name = $1;
