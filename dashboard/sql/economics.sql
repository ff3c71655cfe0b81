-- What a budget and scenarios start from. {"from", "to", "n_months", "segments": [{segment, name, n, orders, average_order}]} are of the last twelve months
-- that record_kpis() has kept: customers of the last month, their orders a month on average, and revenue over orders. "curves" (rows that
-- allocate_budget() takes), "margin", "cost_per_customer" and "fixed_cost" are those that the presentation of the model states.
WITH month AS MATERIALIZED (
    SELECT DISTINCT k.month
    FROM custseg.segment_kpi k
    WHERE k.model = $1 AND k.is_complete AND k.month <= coalesce($2::timestamptz, 'infinity')
    ORDER BY k.month DESC
    LIMIT 12
), baseline AS MATERIALIZED (
    SELECT k.segment, (array_agg(k.name ORDER BY k.month DESC))[1] AS name, (array_agg(k.n ORDER BY k.month DESC))[1] AS n,
        avg(k.orders_per_customer) AS orders, sum(k.revenue) / nullif(sum(k.n_orders), 0) AS average_order
    FROM month
    JOIN custseg.segment_kpi k ON k.model = $1 AND k.month = month.month
    WHERE k.segment > 0
    GROUP BY k.segment
)
SELECT jsonb_build_object(
    'from', (SELECT min(o.month) FROM month o), 'to', (SELECT max(o.month) FROM month o), 'n_months', (SELECT count(*) FROM month),
    'segments', (
        SELECT jsonb_agg(jsonb_build_object('segment', b.segment, 'name', b.name, 'n', b.n, 'orders', b.orders, 'average_order', b.average_order) ORDER BY b.segment)
        FROM baseline b
    ),
    'curves', (
        SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('segment', c -> 'segment', 'name', left(c ->> 'name', 100), 'curve', c -> 'curve', 'a', c -> 'a', 'b', c -> 'b', 'c', c -> 'c',
            'points', c -> 'points', 'low', c -> 'low', 'high', c -> 'high')) ORDER BY place)
        FROM jsonb_array_elements(p.presentation -> 'curves') WITH ORDINALITY u (c, place)
        WHERE place <= 100
    ),
    'margin', p.presentation -> 'margin', 'cost_per_customer', p.presentation -> 'cost_per_customer', 'fixed_cost', p.presentation -> 'fixed_cost'
) AS body
FROM custseg.model m
LEFT JOIN custseg.presentation p ON p.model = m.name
WHERE m.name = $1;
