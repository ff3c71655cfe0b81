-- Alerts of a model: those that are open, the gravest first, and the last 60 that have closed; an array. "finding" is what the last run says of a trend.
SELECT (
    SELECT jsonb_agg(jsonb_build_object('alert', a.id, 'kind', a.kind, 'subject', left(a.subject, 100), 'severity', a.severity, 'message', left(a.message, 300),
        'version', a.version, 'first_seen', a.first_seen, 'last_seen', a.last_seen, 'n_seen', a.n_seen, 'closed_at', a.closed_at,
        'finding', a.finding)
        ORDER BY a.closed_at DESC NULLS FIRST, a.severity, a.id)
    FROM (
        SELECT a.id, a.kind, a.subject, a.severity, a.message, a.version, a.first_seen, a.last_seen, a.n_seen,
            CASE WHEN a.closed_at <= coalesce($2::timestamptz, 'infinity') THEN a.closed_at END AS closed_at,
            -- a trend says that something has changed, and the run in which it was found last, what
            CASE WHEN a.kind = 'trend' THEN (SELECT left(f.reason, 160) FROM custseg.monitor_feature f WHERE f.model = a.model AND f.run = a.last_run AND f.feature = a.subject) END AS finding
        FROM custseg.alert a
        WHERE a.model = $1 AND a.first_seen <= coalesce($2::timestamptz, 'infinity')
        ORDER BY a.closed_at DESC NULLS FIRST, a.severity, a.id
        LIMIT 90
    ) a
) AS body
FROM custseg.model m
WHERE m.name = $1;
