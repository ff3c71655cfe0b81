-- What has to hold before a model is acted on, and whether it does, beside the last decisions: {"conditions": [rows of go_no_go], "decisions": [..]}.
-- Conditions are those of now, also where an earlier publication is shown.
SELECT CASE WHEN m.kind = 'segments' AND m.deployed_version IS NOT NULL THEN jsonb_build_object(
    'conditions', (
        SELECT jsonb_agg(jsonb_build_object('condition', g.condition, 'kind', g.kind, 'state', g.state, 'evidence', left(g.evidence, 300), 'reason', left(g.reason, 500)))
        FROM custseg.go_no_go(m.name) g
    ),
    'decisions', (
        SELECT jsonb_agg(jsonb_build_object('decision', d.decision, 'reason', left(d.reason, 300), 'version', d.version, 'decided_at', d.decided_at, 'decided_by', d.decided_by)
            ORDER BY d.id DESC)
        FROM (SELECT * FROM custseg.gate_decision d WHERE d.model = $1 AND d.decided_at <= coalesce($2::timestamptz, 'infinity') ORDER BY d.id DESC LIMIT 10) d
    )
) END AS body
FROM custseg.model m
WHERE m.name = $1;
