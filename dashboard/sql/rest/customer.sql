-- The segment of customer $2, a row as JSON, by model $1, with the values that the model looks at, and the reasons.
SELECT (custseg.predict_json($1, $2::jsonb) || jsonb_build_object(
    'customer', (
        SELECT coalesce(jsonb_object_agg(f.name, $2::jsonb -> f.name), '{}')
        FROM custseg.model m
        JOIN custseg.feature f ON f.model = m.name AND f.version = m.deployed_version
        WHERE m.name = $1 AND $2::jsonb ? f.name),
    'explain', (
        SELECT coalesce(jsonb_agg(to_jsonb(e) - 'ordinality' ORDER BY e.ordinality), '[]')
        FROM ROWS FROM (custseg.explain($1, $2::jsonb)) WITH ORDINALITY e)))::text AS body
