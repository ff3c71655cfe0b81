-- How much each assumption matters: $1 is {baseline: rows of what_if()'s baseline, levers, options}.
SELECT jsonb_build_object('rows', (SELECT jsonb_agg(to_jsonb(t) - 'ordinality' ORDER BY t.ordinality) FROM custseg.tornado(NULL, s.rows, s.levers, s.options) WITH ORDINALITY t))::text
FROM (
    SELECT format('SELECT * FROM jsonb_to_recordset(%L::jsonb) AS c (segment int, name text, n float8, orders float8, average_order float8, margin float8, churn float8)', o -> 'baseline'),
        o -> 'levers', coalesce(o -> 'options', '{}')
    FROM (SELECT $1::jsonb) r (o)
) s (rows, levers, options)
