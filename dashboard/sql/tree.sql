-- The segments of a model and those within them, from the root down, as they were trained; NULL where no model is within.
-- [{path, depth, model, segment, name, n, share, is_stale}], at most 200.
SELECT CASE WHEN bool_or(t.depth > 1) THEN jsonb_agg(jsonb_build_object('path', t.segment_path, 'depth', t.depth, 'model', t.model, 'segment', t.segment, 'name', t.name,
    'n', t.n, 'share', round(t.share::numeric, 5), 'is_stale', t.is_stale) ORDER BY t.place) END AS body
FROM custseg.model m
CROSS JOIN LATERAL (
    SELECT s.*, string_to_array(s.segment_path, '.')::int[] AS place
    FROM custseg.segment_tree s
    WHERE s.root = m.name
    ORDER BY place
    LIMIT 200
) t
WHERE m.name = $1;
