-- How much each assumption matters: $1 rows of what_if()'s baseline, $2 levers, $3 options.
SELECT jsonb_build_object('rows', (SELECT jsonb_agg(to_jsonb(t) - 'ordinality' ORDER BY t.ordinality) FROM custseg.tornado(NULL, s.rows, $2::jsonb, $3::jsonb) WITH ORDINALITY t))::text
FROM (
    SELECT format('SELECT * FROM jsonb_to_recordset(%L::jsonb) AS c (segment int, name text, n float8, orders float8, average_order float8, margin float8, churn float8)', $1::text)
) s (rows)
