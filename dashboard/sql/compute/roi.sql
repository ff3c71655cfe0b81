-- What a campaign returns, by segment and in all: $1 rows of campaign_roi()'s source, $2 options.
SELECT jsonb_build_object('rows', (SELECT jsonb_agg(to_jsonb(r) - 'ordinality' ORDER BY r.ordinality) FROM custseg.campaign_roi(s.rows, $2::jsonb) WITH ORDINALITY r))::text
FROM (
    SELECT format('SELECT * FROM jsonb_to_recordset(%L::jsonb) AS c (segment int, name text, n float8, effect float8, standard_error float8, margin float8, cost_per_customer float8, fixed_cost float8)', $1::text)
) s (rows)
