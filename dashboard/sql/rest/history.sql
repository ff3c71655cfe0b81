-- The segments of a customer over time by model $1, with the reasons, the last 100 changes; for the owner of the model. The customer is known by key $2 and the row $3 as JSON.
SELECT jsonb_build_object('model', m.name, 'customer', $2::text, 'history', coalesce((
    SELECT jsonb_agg(to_jsonb(h) - 'place' ORDER BY h.place DESC)
    FROM (
        SELECT s.*
        FROM custseg.segment_history(m.name, coalesce($3::jsonb ->> v.id, $2::text)) WITH ORDINALITY s (at, kind, from_segment, from_name, to_segment, to_name, version, cause, reason, place)
        ORDER BY s.place DESC
        LIMIT 100
    ) h
), '[]'))::text AS body
FROM custseg.model m
JOIN custseg.model_version v ON v.model = m.name AND v.version = m.deployed_version
WHERE m.name = $1
