-- Which version was deployed when, by whom and why, the newest first; at most 60.
SELECT (
    SELECT jsonb_agg(to_jsonb(d) - 'id' ORDER BY d.id DESC)
    FROM (
        SELECT d.id, d.version, d.action, d.deployed_at, d.deployed_by, d.reason
        FROM custseg.deployment d
        WHERE d.model = m.name AND d.deployed_at <= coalesce($2::timestamptz, 'infinity')
        ORDER BY d.id DESC
        LIMIT 60
    ) d
) AS body
FROM custseg.model m
WHERE m.name = $1;
