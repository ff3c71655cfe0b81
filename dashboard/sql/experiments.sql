-- The last 30 experiments of a model: what each compares, how far it is, and what it has shown; an array, the newest first.
-- "effect" is the primary metric of all segments together, of the look that decided, or else of the last one. "gain" is what a mean, such
-- as revenue, has changed by among those who got the variant: of the first such metric, times their number.
SELECT (
    SELECT jsonb_agg(jsonb_build_object(
        'experiment', e.experiment, 'status', e.status, 'version', e.version, 'created_at', e.created_at, 'started_at', e.started_at, 'ended_at', e.ended_at,
        'end_reason', left(e.end_reason, 300), 'decision', e.decision, 'decision_reason', left(e.decision_reason, 300), 'decided_at', e.decided_at,
        'decided_look', e.decided_look, 'n_control', e.n_control, 'n_enrolled', c.n, 'variants', v.variants, 'metric', p.metric, 'metric_kind', p.kind,
        'n_looked', (SELECT count(*) FROM custseg.experiment_look k WHERE k.experiment = e.experiment), 'n_looks', e.n_looks, 'looked_at', l.looked_at, 'verdict', l.verdict, 'reason', left(l.reason, 300), 'information', l.information,
        'effect', r.effect, 'gain', g.gain) ORDER BY e.created_at DESC, e.experiment)
    FROM (
        SELECT *
        FROM custseg.experiment e
        WHERE e.model = $1 AND e.created_at <= coalesce($2::timestamptz, 'infinity')
        ORDER BY e.created_at DESC, e.experiment
        LIMIT 30
    ) e
    CROSS JOIN LATERAL (SELECT sum(k.n)::bigint AS n FROM custseg.enrolment_count k WHERE k.experiment = e.experiment) c
    CROSS JOIN LATERAL (
        SELECT jsonb_agg(v.variant ORDER BY v.variant_number) AS variants FROM custseg.experiment_variant v WHERE v.experiment = e.experiment
    ) v
    LEFT JOIN custseg.experiment_metric p ON p.experiment = e.experiment AND p.role = 'primary'
    LEFT JOIN LATERAL (
        SELECT * FROM custseg.experiment_look l WHERE l.experiment = e.experiment ORDER BY l.look = e.decided_look DESC NULLS LAST, l.look DESC LIMIT 1
    ) l ON true
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object('variant', r.variant, 'mean_control', r.mean_control, 'difference', r.difference, 'low', r.low, 'high', r.high,
            'lift', r.lift, 'verdict', r.verdict) ORDER BY r.position) AS effect
        FROM custseg.experiment_look_metric r
        WHERE r.experiment = e.experiment AND r.look = l.look AND r.metric = p.metric AND r.segment IS NULL
    ) r ON true
    LEFT JOIN LATERAL (
        SELECT to_jsonb(g) - '{model,experiment,look,position}'::text[] AS gain FROM custseg.experiment_gain g WHERE g.experiment = e.experiment ORDER BY g.position, g.variant LIMIT 1
    ) g ON true
) AS body
FROM custseg.model m
WHERE m.name = $1;
