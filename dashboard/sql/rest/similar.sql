-- The customers of the source $4 who are most like one by model $1, with what they share. The customer is known by key $2 and the row $3 as JSON.
SELECT jsonb_build_object('model', m.name, 'customer', $2::text, 'similar', coalesce((
    SELECT jsonb_agg(to_jsonb(s) - 'ordinality' ORDER BY s.ordinality)
    FROM ROWS FROM (custseg.similar_customers(m.name, $4::text, coalesce($3::jsonb ->> v.id, $2::text), 10)) WITH ORDINALITY s
), '[]'))::text AS body
FROM custseg.model m
JOIN custseg.model_version v ON v.model = m.name AND v.version = m.deployed_version
WHERE m.name = $1
