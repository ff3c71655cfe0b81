-- Who did what with a model, the newest first, at most 100; an array. Decisions about a single customer say neither whom they are about nor why.
SELECT (
    SELECT jsonb_agg(jsonb_build_object('at', a.at, 'made_by', a.made_by, 'action', a.action, 'version', a.version,
        'subject', CASE WHEN a.action <> ALL ('{override_segment,exclude,end_override,forget_customer}') THEN left(a.subject, 200) END,
        'reason', CASE WHEN a.action <> ALL ('{override_segment,exclude,end_override,forget_customer}') THEN left(a.reason, 300) END) ORDER BY a.at DESC, a.action, a.subject)
    FROM (
        SELECT e.*
        FROM custseg.audit e
        WHERE e.model = m.name AND e.at <= coalesce($2::timestamptz, 'infinity')
        ORDER BY e.at DESC, e.action, e.subject
        LIMIT 100
    ) a
) AS body
FROM custseg.model m
WHERE m.name = $1;
