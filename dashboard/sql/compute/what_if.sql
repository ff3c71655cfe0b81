-- What segments would be worth in scenarios: $1 is {baseline: rows of what_if()'s baseline, scenarios, options}.
SELECT jsonb_build_object('rows', (SELECT jsonb_agg(to_jsonb(w) - 'ordinality' ORDER BY w.ordinality) FROM custseg.what_if(NULL, s.rows, s.scenarios, s.options) WITH ORDINALITY w))::text
FROM (
    SELECT format('SELECT * FROM jsonb_to_recordset(%L::jsonb) AS c (segment int, name text, n float8, orders float8, average_order float8, margin float8, churn float8)', o -> 'baseline'),
        o -> 'scenarios', coalesce(o -> 'options', '{}')
    FROM (SELECT $1::jsonb) r (o)
) s (rows, scenarios, options)
