-- The summary of the publication before the one that is shown: {"published_at", "version", "summary"}; NULL when there is none.
SELECT (
    SELECT jsonb_build_object('published_at', r.published_at, 'version', r.version, 'summary', (
        SELECT jsonb_agg(jsonb_build_object('segment', s -> 'segment', 'name', s -> 'name', 'n', s -> 'n', 'share', s -> 'share', 'total_value', s -> 'total_value', 'value_share', s -> 'value_share') ORDER BY s -> 'segment')
        FROM jsonb_array_elements(r.body) s))
    FROM custseg.report r
    WHERE r.model = m.name AND r.part = 'summary'
        AND r.published_at < coalesce($2::timestamptz, (SELECT max(n.published_at) FROM custseg.report n WHERE n.model = m.name))
    ORDER BY r.published_at DESC
    LIMIT 1
) AS body
FROM custseg.model m
WHERE m.name = $1;
