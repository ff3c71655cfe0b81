-- One experiment ($3; NULL: the one that decided last, or else began last): its plan, whether the split of its customers is as it should be, its looks, and the lines
-- of the look that decided, or else of the last one. Lines beyond 80 are left out, and counted in n_left_out.
WITH e AS MATERIALIZED (
    SELECT e.*
    FROM custseg.experiment e
    WHERE e.model = $1 AND e.created_at <= coalesce($2::timestamptz, 'infinity') AND ($3::text IS NULL OR e.experiment = $3)
    ORDER BY e.decided_at DESC NULLS LAST, e.started_at DESC NULLS LAST, e.created_at DESC, e.experiment
    LIMIT 1
), arm AS MATERIALIZED (
    -- the share of the customers that a variant should have: of buckets, or of weights
    SELECT a.variant_number, a.variant, a.weight,
        CASE a.assignment WHEN 'bucket' THEN floor(10000 * a.upto / a.total) - floor(10000 * (a.upto - a.weight) / a.total) ELSE a.weight END AS share
    FROM (
        SELECT v.variant_number, v.variant, v.weight, e.assignment, sum(v.weight) OVER (ORDER BY v.variant_number) AS upto, sum(v.weight) OVER () AS total
        FROM e
        JOIN custseg.experiment_variant v ON v.experiment = e.experiment
    ) a
), counted AS MATERIALIZED (
    SELECT k.segment, k.variant_number, sum(k.n)::bigint AS n
    FROM e
    JOIN custseg.enrolment_count k ON k.experiment = e.experiment
    GROUP BY GROUPING SETS ((k.segment, k.variant_number), (k.variant_number))
), split AS MATERIALIZED (
    SELECT t.segment, t.counts, r.n, r.p_value, r.rating, r.reason
    FROM (
        SELECT s.segment, array_agg(coalesce(c.n, 0) ORDER BY a.variant_number) AS counts, array_agg(a.share ORDER BY a.variant_number) AS shares
        FROM (SELECT DISTINCT c.segment FROM counted c) s
        CROSS JOIN arm a
        LEFT JOIN counted c ON c.segment IS NOT DISTINCT FROM s.segment AND c.variant_number = a.variant_number
        GROUP BY s.segment
    ) t
    CROSS JOIN LATERAL custseg.srm_test(t.counts, t.shares) r
), adjusted AS (
    SELECT u.segment, u.p
    FROM (
        SELECT array_agg(s.segment ORDER BY s.segment) AS segments, custseg.holm(array_agg(s.p_value ORDER BY s.segment)) AS p FROM split s WHERE s.segment IS NOT NULL
    ) l
    CROSS JOIN LATERAL ROWS FROM (unnest(l.segments), unnest(l.p)) u (segment, p)
), named AS MATERIALIZED (
    SELECT s.segment, s.name FROM e JOIN custseg.segment s ON s.model = e.model AND s.version = e.version
), looked AS MATERIALIZED (
    SELECT l.* FROM e JOIN custseg.experiment_look l ON l.experiment = e.experiment ORDER BY l.look DESC LIMIT 20
), shown AS (
    -- the look whose lines are shown
    SELECT coalesce(e.decided_look, (SELECT max(l.look) FROM looked l)) AS look FROM e
), line AS MATERIALIZED (
    SELECT r.*, row_number() OVER (ORDER BY r.segment IS NOT NULL, r.role <> 'primary', r.role <> 'guardrail', r.position) AS place
    FROM e, shown s
    JOIN custseg.experiment_look_metric r ON r.look = s.look
    WHERE r.experiment = e.experiment
)
SELECT (
    SELECT jsonb_build_object(
        'experiment', e.experiment, 'status', e.status, 'version', e.version, 'assignment', e.assignment, 'traffic', e.traffic, 'layer', e.layer, 'method', e.method,
        'n_looks', e.n_looks, 'alpha', e.alpha, 'power', e.power, 'n_control', e.n_control, 'min_days', e.min_days, 'created_at', e.created_at,
        'started_at', e.started_at, 'ended_at', e.ended_at, 'end_reason', left(e.end_reason, 300), 'decision', e.decision,
        'decision_reason', left(e.decision_reason, 500), 'decided_at', e.decided_at, 'decided_look', e.decided_look, 'look', (SELECT s.look FROM shown s),
        'variants', (SELECT jsonb_agg(jsonb_build_object('variant', a.variant, 'weight', a.weight) ORDER BY a.variant_number) FROM arm a),
        'metrics', (
            SELECT jsonb_agg(jsonb_build_object('metric', x.metric, 'kind', x.kind, 'role', x.role, 'direction', x.direction, 'effect', x.effect,
                'effect_is_relative', x.effect_is_relative, 'margin', x.margin, 'margin_is_relative', x.margin_is_relative, 'cap', x.cap,
                'covariate', x.covariate, 'window', x.outcome_window::text) ORDER BY x.position)
            FROM custseg.experiment_metric x
            WHERE x.experiment = e.experiment
        ),
        'split', (
            SELECT jsonb_agg(jsonb_build_object('segment', s.segment, 'name', n.name, 'n', s.n, 'counts', s.counts, 'p_value', s.p_value,
                'p_adjusted', coalesce(a.p, s.p_value),
                'verdict', CASE WHEN s.rating = 'insufficient data' THEN s.rating WHEN coalesce(a.p, s.p_value) < 0.001 THEN 'broken' ELSE 'ok' END)
                ORDER BY s.segment NULLS FIRST)
            FROM split s
            LEFT JOIN adjusted a ON a.segment = s.segment
            LEFT JOIN named n ON n.segment = s.segment
        ),
        'looks', (
            SELECT jsonb_agg(jsonb_build_object('look', l.look, 'looked_at', l.looked_at, 'n', l.n, 'information', l.information, 'verdict', l.verdict,
                'reason', left(l.reason, 240), 'valid', l.valid, 'decides', l.decides, 'p_mismatch', l.findings -> 'mismatch_p', 'p_attrition', nullif(l.findings -> 'attrition_p', '1'),
                'effects', (
                    SELECT jsonb_agg(jsonb_build_object('variant', r.variant, 'difference', r.difference, 'low', r.low, 'high', r.high,
                        'statistic', r.statistic, 'boundary', r.boundary, 'p_value', r.p_value) ORDER BY r.position)
                    FROM custseg.experiment_look_metric r
                    WHERE r.experiment = e.experiment AND r.look = l.look AND r.role = 'primary' AND r.segment IS NULL
                )) ORDER BY l.look)
            FROM looked l
        ),
        'lines', (
            SELECT jsonb_agg(jsonb_build_object('metric', r.metric, 'role', r.role, 'variant', r.variant, 'segment', r.segment, 'name', n.name,
                'n_control', r.n_control, 'n_treatment', r.n_treatment, 'mean_control', r.mean_control, 'mean_treatment', r.mean_treatment,
                'difference', r.difference, 'standard_error', r.standard_error, 'low', r.low, 'high', r.high, 'confidence', r.confidence, 'p_adjusted', r.p_adjusted, 'lift', r.lift,
                'rating', r.rating, 'verdict', r.verdict, 'heterogeneity_p_value', r.heterogeneity_p_value) ORDER BY r.place)
            FROM line r
            LEFT JOIN named n ON n.segment = r.segment
            WHERE r.place <= 80
        ),
        'n_left_out', (SELECT count(*) FROM line r WHERE r.place > 80)
    )
    FROM e
) AS body
FROM custseg.model m
WHERE m.name = $1;
