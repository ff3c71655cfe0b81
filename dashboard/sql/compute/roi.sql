-- What a campaign returns, by segment and in all: $1 is {rows: rows of campaign_roi()'s source, options}.
SELECT jsonb_build_object('rows', (SELECT jsonb_agg(to_jsonb(r) - 'ordinality' ORDER BY r.ordinality) FROM custseg.campaign_roi(s.rows, s.options) WITH ORDINALITY r))::text
FROM (
    SELECT format('SELECT * FROM jsonb_to_recordset(%L::jsonb) AS c (segment int, name text, n float8, effect float8, standard_error float8, margin float8, cost_per_customer float8, fixed_cost float8)', o -> 'rows'),
        coalesce(o -> 'options', '{}')
    FROM (SELECT $1::jsonb) r (o)
) s (rows, options)
