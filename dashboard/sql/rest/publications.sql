-- The publications of model $1 that are kept, as an array, the newest first; no row when the role sees no such model.
SELECT coalesce((
    SELECT jsonb_agg(jsonb_build_object('published_at', r.published_at, 'version', r.version, 'n_parts', r.n_parts) ORDER BY r.published_at DESC)
    FROM (
        SELECT published_at, version, count(*) AS n_parts
        FROM custseg.report
        WHERE model = m.name
        GROUP BY published_at, version
    ) r), '[]') AS body
FROM custseg.model m
WHERE m.name = $1
