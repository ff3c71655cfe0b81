-- What each segment did month by month, as record_kpis() has kept it, and what fell in the last month.
-- {"months": [..], "segments": [{segment, name, n: [..], revenue_per_customer: [..], orders_per_customer: [..], conversion: [..], retention: [..],
-- average_order: [..]}], "changes": [rows of kpi_changes that are not ok]}; arrays go by month. A NULL segment is all ("total") or "no segment".
WITH month AS MATERIALIZED (
    SELECT DISTINCT k.month
    FROM custseg.segment_kpi k
    WHERE k.model = $1 AND k.month <= coalesce($2::timestamptz, 'infinity')
    ORDER BY k.month DESC
    -- the more segments, the fewer months
    LIMIT (SELECT greatest(6, least(14, 600 / greatest(count(*), 1))) FROM custseg.segment s JOIN custseg.model m ON m.name = s.model AND m.deployed_version = s.version WHERE s.model = $1)
), cell AS MATERIALIZED (
    SELECT coalesce(k.segment, CASE k.name WHEN 'total' THEN -1 ELSE -2 END) AS place, k.*
    FROM month
    JOIN custseg.segment_kpi k ON k.model = $1 AND k.month = month.month
), known AS (
    -- numbers are looked up by month
    SELECT c.place, min(c.segment) AS segment, (array_agg(c.name ORDER BY c.month DESC))[1] AS name,
        jsonb_object_agg(c.month::text, c.n) AS n,
        jsonb_object_agg(c.month::text, round(c.revenue_per_customer::numeric, 4)) AS revenue_per_customer,
        jsonb_object_agg(c.month::text, round(c.orders_per_customer::numeric, 5)) AS orders_per_customer,
        jsonb_object_agg(c.month::text, round(c.average_order::numeric, 3)) AS average_order,
        jsonb_object_agg(c.month::text, round(c.conversion::numeric, 5)) AS conversion,
        jsonb_object_agg(c.month::text, round(c.retention::numeric, 5)) AS retention
    FROM cell c
    GROUP BY c.place
)
SELECT CASE WHEN EXISTS (SELECT FROM cell) THEN jsonb_build_object(
    'months', (SELECT jsonb_agg(o.month ORDER BY o.month) FROM month o),
    'segments', (
        SELECT jsonb_agg(jsonb_build_object('segment', k.segment, 'name', k.name) || a.measures ORDER BY k.place)
        FROM known k
        CROSS JOIN LATERAL (
            SELECT jsonb_build_object('n', jsonb_agg(k.n -> o.month::text ORDER BY o.month),
                'revenue_per_customer', jsonb_agg(k.revenue_per_customer -> o.month::text ORDER BY o.month),
                'orders_per_customer', jsonb_agg(k.orders_per_customer -> o.month::text ORDER BY o.month),
                'average_order', jsonb_agg(k.average_order -> o.month::text ORDER BY o.month),
                'conversion', jsonb_agg(k.conversion -> o.month::text ORDER BY o.month),
                'retention', jsonb_agg(k.retention -> o.month::text ORDER BY o.month)) AS measures
            FROM month o
        ) a
    ),
    'changes', (
        SELECT jsonb_agg(to_jsonb(c) - '{difference,p_value,change_others}'::text[] ORDER BY c.rating, c.segment, c.kpi)
        FROM (
            SELECT c.*
            FROM custseg.kpi_changes(m.name, (SELECT max(o.month) FROM month o)) c
            WHERE c.rating IN ('degraded', 'watch')
            ORDER BY c.rating, c.segment, c.kpi
            LIMIT 24
        ) c
    )
) END AS body
FROM custseg.model m
WHERE m.name = $1;
