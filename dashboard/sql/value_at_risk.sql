-- Segments whose customers leave, yet are valuable, in the last run of record_segment_value(), with what is done about it; an array, the most at risk
-- first. NULL where no run tells what is at risk, and where the last run is later than the publication that is shown.
SELECT (
    SELECT CASE WHEN max(h.run_at) <= coalesce($2::timestamptz, 'infinity') AND count(h.value_at_risk) > 0 THEN (
        SELECT coalesce(jsonb_agg(jsonb_build_object('segment', r.segment, 'name', r.name, 'n', r.n, 'churn', r.churn, 'value_sum', r.value_sum,
            'value_mean', r.value_mean, 'value_at_risk', r.value_at_risk, 'value_at_risk_mean', r.value_at_risk_mean,
            'n_leaving', r.n_leaving, 'n_left', r.n_left, 'leaving_at_risk', r.leaving_at_risk, 'horizon', r.horizon::text, 'channel', left(r.channel, 100),
            'offer', left(r.offer, 200), 'value_model', r.value_model, 'run_at', r.run_at) ORDER BY r.leaving_at_risk DESC NULLS LAST, r.value_at_risk DESC, r.segment), '[]')
        FROM custseg.value_at_risk r
        WHERE r.model = $1
    ) END
    FROM custseg.segment_value_history h
    WHERE h.model = $1
) AS body
FROM custseg.model m
WHERE m.name = $1;
