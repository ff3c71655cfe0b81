-- The segments of the customers in the request $2, or of the one there, by model $1; with the reasons when $3, with the
-- action for the segment when $4, and with what model $5 says that a customer is worth, unless it is NULL.
WITH asked AS MATERIALIZED (
    SELECT coalesce($2::jsonb -> 'customers', jsonb_build_array($2::jsonb -> 'customer')) AS customers
), placed AS (
    SELECT custseg.predict_json($1, a.customers) AS answers
    FROM asked a
), answers AS (
    SELECT c.i,
        p.answers -> (c.i - 1)::int
        || CASE WHEN $3::bool THEN jsonb_build_object('explain', (
            SELECT coalesce(jsonb_agg(to_jsonb(e) - 'ordinality' ORDER BY e.ordinality), '[]')
            FROM ROWS FROM (custseg.explain($1, c.customer)) WITH ORDINALITY e)) ELSE '{}' END
        || CASE WHEN $4::bool THEN jsonb_build_object('recommendation', (
            SELECT to_jsonb(r)
            FROM custseg.recommendations($1, c.customer) r)) ELSE '{}' END
        || CASE WHEN $5::text IS NOT NULL THEN jsonb_build_object('value', (
            SELECT jsonb_build_object('model', v.name, 'version', v.deployed_version, 'kind', v.kind) || CASE v.kind
                WHEN 'purchases' THEN jsonb_build_object('predicted', custseg.predict_lifetime_value(v.name, c.customer))
                WHEN 'value' THEN (SELECT to_jsonb(t) FROM custseg.predict_interval(v.name, c.customer) t)
                ELSE jsonb_build_object('predicted', custseg.predict_value(v.name, c.customer))
            END
            FROM custseg.model v
            WHERE v.name = $5)) ELSE '{}' END AS answer
    FROM asked a
    CROSS JOIN LATERAL jsonb_array_elements(a.customers) WITH ORDINALITY c (customer, i)
    CROSS JOIN placed p
)
SELECT CASE WHEN $2::jsonb ? 'customers' THEN jsonb_build_object('customers', jsonb_agg(r.answer ORDER BY r.i))
    ELSE jsonb_agg(r.answer) -> 0 END::text AS body
FROM answers r
