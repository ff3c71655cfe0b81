-- The versions of a model, the newest first, with their measures; at most 60.
SELECT (
    SELECT jsonb_agg(to_jsonb(v) ORDER BY v.version DESC)
    FROM (
        SELECT v.version, v.version IS NOT DISTINCT FROM m.deployed_version AS is_deployed, v.algorithm, v.n_rows, v.n_skipped, v.skipped, v.n_segments,
            v.trained_at, v.trained_by, v.iterations, v.converged, v.milliseconds, v.seed, v.note, v.prep, v.options,
            (SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each(v.metrics) e WHERE jsonb_typeof(e.value) IN ('number', 'string', 'boolean')) AS metrics,
            (SELECT jsonb_agg(jsonb_build_object('name', f.name, 'type', f.type, 'kind', f.kind) ORDER BY f.position)
                FROM custseg.feature f WHERE f.model = v.model AND f.version = v.version) AS features,
            (SELECT count(*) FROM custseg.segment s WHERE s.model = v.model AND s.version = v.version AND s.segment = 0) > 0 AS has_noise
        FROM custseg.model_version v
        WHERE v.model = m.name AND v.trained_at <= coalesce($2::timestamptz, 'infinity')
        ORDER BY v.version DESC
        LIMIT 60
    ) v
) AS body
FROM custseg.model m
WHERE m.name = $1;
