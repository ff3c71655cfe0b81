-- What segments would be worth in scenarios: $1 rows of what_if()'s baseline, $2 scenarios, $3 options.
SELECT jsonb_build_object('rows', (SELECT jsonb_agg(to_jsonb(w) - 'ordinality' ORDER BY w.ordinality) FROM custseg.what_if(NULL, s.rows, $2::jsonb, $3::jsonb) WITH ORDINALITY w))::text
FROM (
    SELECT format('SELECT * FROM jsonb_to_recordset(%L::jsonb) AS c (segment int, name text, n float8, orders float8, average_order float8, margin float8, churn float8)', $1::text)
) s (rows)
