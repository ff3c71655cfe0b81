-- What record_survey() has kept of the last survey: an array of its conditions.
SELECT (
    SELECT jsonb_agg(jsonb_build_object('condition', g.condition, 'state', g.state, 'reason', left(g.reason, 500), 'evidence', left(g.evidence, 300),
        'set_at', g.set_at, 'set_by', g.set_by) ORDER BY g.condition)
    FROM custseg.gate_condition g
    WHERE g.model = $1 AND g.condition IN ('survey accuracy', 'survey satisfaction') AND g.set_at <= coalesce($2::timestamptz, 'infinity')
) AS body
FROM custseg.model m
WHERE m.name = $1;
