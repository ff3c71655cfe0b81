-- The segment of the customer in the request $2 by model $1, with the numbers of the segments of copies: each has one of the
-- changes in the request, an object of some features, in place of what the customer has.
WITH copies AS MATERIALIZED (
    SELECT jsonb_agg(($2::jsonb -> 'customer') || c.change ORDER BY c.i) AS customers
    FROM jsonb_array_elements($2::jsonb -> 'changes') WITH ORDINALITY c (change, i)
)
SELECT (custseg.predict_json($1, $2::jsonb -> 'customer') || jsonb_build_object('changes', (
    SELECT jsonb_agg(a.answer -> 'segment' ORDER BY a.i)
    FROM jsonb_array_elements(custseg.predict_json($1, c.customers)) WITH ORDINALITY a (answer, i))))::text AS body
FROM copies c
