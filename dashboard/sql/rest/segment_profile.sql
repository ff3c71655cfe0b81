-- A segment of the deployed version of model $1 by its number or name $2: how many customers, and how they differ.
-- The body is NULL when there is no such segment; no row when the role sees no such model.
SELECT CASE WHEN s.segment IS NOT NULL THEN jsonb_build_object(
    'model', s.model,
    'version', s.version,
    'segment', s.segment,
    'name', s.name,
    'description', s.description,
    'rank', s.rank,
    'n_trained', s.n_trained,
    'training_share', s.training_share,
    'n', s.n,
    'share', s.share,
    'counted_at', s.counted_at,
    'mean_distance', s.mean_distance,
    'spread', s.spread,
    'profile', coalesce((
        SELECT jsonb_agg(jsonb_build_object(
            'feature', p.feature,
            'kind', p.kind,
            'level', p.level,
            'share', p.share,
            'mean', p.mean,
            'overall_mean', p.overall_mean,
            'difference', p.difference) ORDER BY p.feature, p.level)
        FROM custseg.segment_profile p
        WHERE p.model = s.model AND p.segment = s.segment), '[]')
) END AS body
FROM custseg.model m
LEFT JOIN custseg.segments s ON s.model = m.name AND s.version = m.deployed_version AND CASE
    WHEN $2 ~ '^[0-9]{1,9}$' AND EXISTS (
        SELECT FROM custseg.segment n
        WHERE n.model = m.name AND n.version = m.deployed_version AND n.segment = $2::int)
    THEN s.segment = $2::int
    ELSE s.name = $2
END
WHERE m.name = $1
