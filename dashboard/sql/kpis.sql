-- What each segment did month by month, as record_kpis() has kept it, and what fell in the last month.
-- {"months": [..], "segments": [{segment, name, n: [..], revenue_per_customer: [..], orders_per_customer: [..], conversion: [..], retention: [..],
-- average_order: [..]}], "changes": [rows of kpi_changes that are not ok]}; arrays go by month. A NULL segment is all ("total") or "no segment".
WITH month AS MATERIALIZED (
    SELECT DISTINCT k.month
    FROM custseg.segment_kpi k
    WHERE k.model = $1 AND k.month <= coalesce($2::timestamptz, 'infinity')
    ORDER BY k.month DESC
    LIMIT 14
), cell AS MATERIALIZED (
    SELECT coalesce(k.segment, CASE k.name WHEN 'total' THEN -1 ELSE -2 END) AS place, k.*
    FROM month
    JOIN custseg.segment_kpi k ON k.model = $1 AND k.month = month.month
), known AS (
    SELECT DISTINCT ON (c.place) c.place, c.segment, c.name
    FROM cell c
    ORDER BY c.place, c.month DESC
)
SELECT CASE WHEN EXISTS (SELECT FROM cell) THEN jsonb_build_object(
    'months', (SELECT jsonb_agg(o.month ORDER BY o.month) FROM month o),
    'segments', (
        SELECT jsonb_agg(jsonb_build_object('segment', k.segment, 'name', k.name) || a.measures ORDER BY k.place)
        FROM known k
        CROSS JOIN LATERAL (
            SELECT jsonb_build_object('n', jsonb_agg(c.n ORDER BY o.month),
                'revenue_per_customer', jsonb_agg(round(c.revenue_per_customer::numeric, 4) ORDER BY o.month),
                'orders_per_customer', jsonb_agg(round(c.orders_per_customer::numeric, 5) ORDER BY o.month),
                'average_order', jsonb_agg(round(c.average_order::numeric, 3) ORDER BY o.month),
                'conversion', jsonb_agg(round(c.conversion::numeric, 5) ORDER BY o.month),
                'retention', jsonb_agg(round(c.retention::numeric, 5) ORDER BY o.month)) AS measures
            FROM month o
            LEFT JOIN cell c ON c.month = o.month AND c.place = k.place
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
