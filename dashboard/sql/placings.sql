-- The run of resegment() whose moves the publication has, and the one before it that placed the customers of the same table:
-- {"at", "version", "previous": {"at", "version"}}. NULL where there is none.
SELECT (
    SELECT jsonb_build_object('at', last.run_at, 'version', last.version, 'previous', (
        SELECT jsonb_build_object('at', b.run_at, 'version', b.version)
        FROM custseg.migration b
        WHERE b.model = $1 AND b.source = last.source AND b.run_at < last.run_at
            AND (b.condition IS NULL OR b.condition = last.condition)
        ORDER BY b.run_at DESC
        LIMIT 1))
    FROM (
        SELECT g.run_at, g.version, g.source, g.condition
        FROM custseg.migration g
        WHERE g.model = $1
            AND g.run_at <= coalesce($2::timestamptz, (SELECT max(p.published_at) FROM custseg.report p WHERE p.model = $1), 'infinity')
        ORDER BY g.run_at DESC
        LIMIT 1) last
) AS body
FROM custseg.model m
WHERE m.name = $1;
