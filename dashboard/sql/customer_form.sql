-- What a customer of the deployed version is made of: an array of its features, each with what the training saw of it, for sliders and fields.
-- The more features, the fewer quantiles and levels of each.
WITH f AS MATERIALIZED (
    SELECT f.*, least(40, cardinality(f.quantiles) - 1, (1400 / count(*) OVER ())::int) AS steps, least(24, greatest(4, 800 / count(*) OVER ()))::int AS n_shown
    FROM custseg.model m
    JOIN custseg.feature f ON f.model = m.name AND f.version = m.deployed_version
    WHERE m.name = $1
)
SELECT (
    SELECT jsonb_agg(jsonb_build_object('feature', f.name, 'kind', f.kind, 'type', f.type, 'n', f.n, 'n_null', f.n_null, 'mean', f.mean,
        'quantiles', (
            SELECT jsonb_agg(f.quantiles[1 + round(i * (cardinality(f.quantiles) - 1) / greatest(1, f.steps)::numeric)::int] ORDER BY i)
            FROM generate_series(0, f.steps) i
        ),
        'levels', (SELECT jsonb_agg(left(l, 100) ORDER BY place) FROM unnest(f.levels[:f.n_shown]) WITH ORDINALITY u (l, place)),
        'n_levels', cardinality(f.levels), 'level_counts', to_jsonb(f.level_counts[:f.n_shown])) ORDER BY f.position)
    FROM f
) AS body
FROM custseg.model m
WHERE m.name = $1;
