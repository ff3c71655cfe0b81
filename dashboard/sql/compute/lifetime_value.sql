-- What one customer is worth by a model of purchases, with an interval: $1 is {model, orders, days_since_first, days_since_last, average_order}. Orders
-- that come to the same are put together, evenly over the days between, for lifetime_value() reads lines. No row without such a model.
SELECT jsonb_build_object('rows', (
    SELECT jsonb_agg(to_jsonb(l) - '{customer_id}'::text[])
    FROM custseg.lifetime_value(m.name, format(
        'SELECT 1 AS %I, timestamp ''2000-01-01'' - make_interval(days => (%s - i * (%s - %s) / %s)::int) AS %I, %s::float8 AS %I FROM generate_series(0, %s - 1) i',
        v.parameters #>> '{columns,customer}', c.days_since_first, c.days_since_first, c.days_since_last, greatest(c.orders - 1, 1)::float8,
        v.parameters #>> '{columns,time}', c.average_order, coalesce(v.parameters #>> '{columns,amount}', 'amount'), c.orders),
        as_of => timestamptz '2000-01-01 00:00+00') l
))::text
FROM custseg.model m
JOIN custseg.model_version v ON v.model = m.name AND v.version = m.deployed_version
CROSS JOIN LATERAL (
    SELECT (o ->> 'orders')::int AS orders, (o ->> 'days_since_first')::int AS days_since_first, (o ->> 'days_since_last')::int AS days_since_last,
        (o ->> 'average_order')::float8 AS average_order
    FROM (SELECT $1::jsonb) s (o)
) c
WHERE m.name = $1::jsonb ->> 'model' AND m.kind = 'purchases'
