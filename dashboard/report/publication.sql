-- What a report is made of: one publication of a model ($1), the newest one at a time ($2; NULL: of
-- all), and what the catalogue knew of the model when it was published.  No row: there is no such
-- model for this role.  "published_at" is null where nothing was published by then.
WITH model AS (
    SELECT m.name, m.kind, m.deployed_version
    FROM custseg.model m
    WHERE m.name = $1
), chosen AS (
    SELECT max(r.published_at) AS published_at
    FROM custseg.report r
    WHERE r.model = $1 AND r.published_at <= coalesce($2::timestamptz, 'infinity')
), publication AS (
    SELECT r.version, r.part, r.body
    FROM custseg.report r, chosen c
    WHERE r.model = $1 AND r.published_at = c.published_at
), published AS (
    SELECT max(p.version) AS version, jsonb_object_agg(p.part, p.body) AS parts
    FROM publication p
), previous AS (
    SELECT max(r.published_at) AS published_at
    FROM custseg.report r, chosen c
    WHERE r.model = $1 AND r.published_at < c.published_at
), run AS (
    SELECT r.*
    FROM custseg.monitor_run r, chosen c
    WHERE r.model = $1 AND r.started_at <= c.published_at AND r.status <> 'skipped'
    ORDER BY r.id DESC
    LIMIT 1
)
SELECT jsonb_build_object(
    'model', m.name,
    'kind', m.kind,
    'deployed_version', m.deployed_version,
    'published_at', to_char(c.published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'version', p.version,
    'parts', p.parts,
    'presentation', custseg_private.described_presentation(m.name),
    'training', (
        SELECT to_jsonb(v) - '{parameters,points,point_segments,point_places,reduction,donors,search_path}'::text[]
            || jsonb_build_object('n_components', jsonb_array_length(v.reduction -> 'components'))
        FROM custseg.model_version v
        WHERE v.model = m.name AND v.version = p.version),
    'algorithm', (
        SELECT to_jsonb(a)
        FROM custseg.algorithms() a
        JOIN custseg.model_version v ON v.algorithm = a.algorithm
        WHERE v.model = m.name AND v.version = p.version),
    'features', (
        SELECT jsonb_agg(to_jsonb(f) - '{model,version,quantiles,levels,level_counts}'::text[]
            || jsonb_build_object('levels', f.levels[1:5], 'n_levels', cardinality(f.levels)) ORDER BY f.position)
        FROM custseg.feature f
        WHERE f.model = m.name AND f.version = p.version),
    'deployment', (
        SELECT jsonb_build_object('version', d.version, 'deployed_at', d.deployed_at, 'reason', d.reason)
        FROM custseg.deployment d
        WHERE d.model = m.name AND d.deployed_at <= c.published_at
        ORDER BY d.id DESC
        LIMIT 1),
    'monitor', (SELECT to_jsonb(r) - 'findings' FROM run r),
    'drift', (
        SELECT jsonb_agg(jsonb_build_object('feature', f.feature, 'verdict', f.verdict, 'reason', f.reason) ORDER BY f.position)
        FROM custseg.monitor_feature f, run r
        WHERE f.model = m.name AND f.run = r.id),
    'alerts', (
        SELECT jsonb_agg(jsonb_build_object('kind', a.kind, 'subject', a.subject, 'severity', a.severity, 'message', a.message)
            ORDER BY a.severity, a.id)                      -- critical before warning
        FROM custseg.alert a
        WHERE a.model = m.name AND a.first_seen <= c.published_at
            AND (a.closed_at IS NULL OR a.closed_at > c.published_at)),
    'experiments', (
        SELECT jsonb_agg(jsonb_build_object('experiment', e.experiment, 'created_at', e.created_at, 'started_at', e.started_at,
                'ended_at', e.ended_at, 'decision', e.decision, 'decision_reason', e.decision_reason, 'decided_at', e.decided_at, 'gain', (
                    SELECT to_jsonb(g) - '{model,experiment,look,position}'::text[] FROM custseg.experiment_gain g
                    WHERE g.experiment = e.experiment ORDER BY g.position, g.variant LIMIT 1))
            ORDER BY e.created_at, e.experiment)
        FROM custseg.experiment e
        WHERE e.model = m.name AND e.created_at <= c.published_at),
    -- of the last month that was kept, what fell by more than chance
    'falls', (
        SELECT jsonb_agg(to_jsonb(k) ORDER BY k.segment, k.kpi)
        FROM chosen c
        CROSS JOIN LATERAL (SELECT max(k.month) AS month FROM custseg.segment_kpi k WHERE k.model = m.name AND k.month <= c.published_at) l
        CROSS JOIN LATERAL custseg.kpi_changes(m.name, l.month) k
        WHERE l.month IS NOT NULL AND k.rating = 'degraded'),
    'gate', (
        SELECT jsonb_build_object('decision', g.decision, 'reason', g.reason, 'decided_at', g.decided_at)
        FROM custseg.gate_decision g
        WHERE g.model = m.name AND g.decided_at <= c.published_at
        ORDER BY g.id DESC
        LIMIT 1),
    'previous', (
        SELECT jsonb_build_object('published_at', r.published_at, 'version', r.version, 'summary', r.body)
        FROM custseg.report r, previous b
        WHERE r.model = m.name AND r.published_at = b.published_at AND r.part = 'summary'),
    -- the run whose moves the part migration has, and the one before it over the same table
    'placings', (
        SELECT jsonb_build_object('at', g.run_at, 'version', g.version, 'previous', (
            SELECT jsonb_build_object('at', o.run_at, 'version', o.version)
            FROM custseg.migration o
            WHERE o.model = m.name AND o.source = g.source AND o.run_at < g.run_at AND (o.condition IS NULL OR o.condition = g.condition)
            ORDER BY o.run_at DESC
            LIMIT 1))
        FROM custseg.migration g
        WHERE g.model = m.name AND g.run_at <= c.published_at
        ORDER BY g.run_at DESC
        LIMIT 1)
) AS body
FROM model m, chosen c, published p
