-- The best split of a budget between curves: $1 curves, an array of rows of allocate_budget(); $2 the budget; $3 options.
SELECT jsonb_build_object(
    'allocation', (SELECT jsonb_agg(to_jsonb(a) - 'ordinality' ORDER BY a.ordinality) FROM custseg.allocate_budget(s.curves, $2::float8, $3::jsonb) WITH ORDINALITY a),
    'summary', (SELECT jsonb_agg(to_jsonb(b) - 'ordinality' ORDER BY b.ordinality) FROM custseg.budget_summary(s.curves, $2::float8, $3::jsonb) WITH ORDINALITY b)
)::text
FROM (
    SELECT format('SELECT * FROM jsonb_to_recordset(%L::jsonb) AS c (segment int, name text, curve text, a float8, b float8, c float8, points jsonb, low float8, high float8)', $1::text)
) s (curves)
