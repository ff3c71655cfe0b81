-- The best split of a budget between curves: $1 is {curves: rows of allocate_budget()'s source, budget, options}.
SELECT jsonb_build_object(
    'allocation', (SELECT jsonb_agg(to_jsonb(a) - 'ordinality' ORDER BY a.ordinality) FROM custseg.allocate_budget(s.curves, s.budget, s.options) WITH ORDINALITY a),
    'summary', (SELECT jsonb_agg(to_jsonb(b) - 'ordinality' ORDER BY b.ordinality) FROM custseg.budget_summary(s.curves, s.budget, s.options) WITH ORDINALITY b)
)::text
FROM (
    SELECT format('SELECT * FROM jsonb_to_recordset(%L::jsonb) AS c (segment int, name text, curve text, a float8, b float8, c float8, points jsonb, low float8, high float8)', o -> 'curves'),
        (o ->> 'budget')::float8, coalesce(o -> 'options', '{}')
    FROM (SELECT $1::jsonb) r (o)
) s (curves, budget, options)
