-- queries.sql
--	  Ready queries for those who have a tool of their own: Metabase, Superset, psql, a spreadsheet.
--
-- Each is one statement without parameters, for all models that the role may use: filter on the column
-- "model" in the tool.  They read what custseg.publish() and the jobs have kept, never customers, so
-- that a role needs no more than custseg.grant_model(model, role).  What is told of a group with fewer
-- customers than the publication's min_group is NULL.

-- How many customers are in each segment, and what is each worth?
SELECT model, published_at, segment, name, n AS customers, share, total_value, value_share, value_per_customer, description
FROM custseg.published_summary
ORDER BY model, segment;

-- What has changed since the publication before?
WITH publication AS (
    SELECT r.model, r.published_at, r.body, row_number() OVER (PARTITION BY r.model ORDER BY r.published_at DESC) AS age
    FROM custseg.report r
    WHERE r.part = 'summary'
),
summary AS (
    SELECT p.model, p.published_at, p.age, s.*
    FROM publication p
    CROSS JOIN LATERAL jsonb_to_recordset(p.body) AS s (segment int, name text, n bigint, share float8, total_value float8)
    WHERE p.age <= 2
)
SELECT model, segment, coalesce(now.name, before.name) AS name, now.published_at, before.published_at AS compared_with,
    now.n AS customers, now.n - before.n AS customers_change,
    now.share, 100 * (now.share - before.share) AS share_change_in_points,
    now.total_value, now.total_value - before.total_value AS value_change
FROM (SELECT * FROM summary WHERE age = 1) now
FULL JOIN (SELECT * FROM summary WHERE age = 2) before USING (model, segment)
ORDER BY model, segment;

-- Who moved from where to where, in the last run of resegment() before the publication?
SELECT model, from_name, to_name, kind, n AS customers, probability, total_value
FROM custseg.published_migration
ORDER BY model, from_segment, to_segment;

-- Who is at risk: segments whose customers leave, yet are valuable; n_leaving are those of whom nobody knows whether they have left
SELECT model, run_at, segment, name, n AS customers, n_leaving AS in_doubt, leaving_at_risk AS at_risk_with_them, n_left AS probably_gone, churn,
    value_mean AS value_per_customer, value_at_risk, value_at_risk_mean AS value_at_risk_per_customer, channel, offer
FROM custseg.value_at_risk
ORDER BY model, leaving_at_risk DESC NULLS LAST;

-- What each segment will be worth in the next year, with the interval in which that will lie
SELECT model, run_at, as_of, horizon, segment, name, n AS customers, alive AS share_still_there, expected_purchases, value_sum, low, high, value_mean, value_share
FROM custseg.segment_value_history h
WHERE run = (SELECT max(l.run) FROM custseg.segment_value_history l WHERE l.model = h.model)
ORDER BY model, position;

-- What each segment was expected to be worth, run by run
SELECT model, run_at, coalesce(as_of, run_at::date) AS as_of, name, value_sum, low, high
FROM custseg.segment_value_history
ORDER BY model, run_at, position;

-- What to do with each segment
SELECT model, segment, name, n AS customers, description, channel, offer, tone, contact_frequency, perk, perk_capacity, primary_kpi, guardrail_kpi, budget_share
FROM custseg.playbook
ORDER BY model, segment;

-- Did the campaigns work: experiments, what was decided and why
SELECT e.model, e.experiment, e.status, e.started_at, e.ended_at, e.decision, e.decision_reason, e.decided_at, e.end_reason,
    (SELECT sum(c.n) FROM custseg.enrolment_count c WHERE c.experiment = e.experiment) AS customers
FROM custseg.experiment e
ORDER BY e.model, e.created_at DESC;

-- The effect of each experiment by segment: of the look that decided, or else of the last one
SELECT r.model, r.experiment, l.looked_at, r.metric, r.role, r.variant, r.segment, coalesce(s.name, 'all') AS name,
    r.n_control, r.n_treatment, r.mean_control, r.mean_treatment, r.difference, r.low, r.high, r.lift, r.rating, r.verdict
FROM custseg.experiment e
JOIN custseg.experiment_look l ON l.experiment = e.experiment
    AND l.look = coalesce(e.decided_look, (SELECT max(n.look) FROM custseg.experiment_look n WHERE n.experiment = e.experiment))
JOIN custseg.experiment_look_metric r ON r.experiment = l.experiment AND r.look = l.look
LEFT JOIN custseg.segment s ON s.model = e.model AND s.version = e.version AND s.segment = r.segment
ORDER BY r.model, r.experiment, r.position;

-- Looks at experiments, one by one
SELECT model, experiment, look, looked_at, n AS customers, information, verdict, decides, reason
FROM custseg.experiment_look
ORDER BY model, experiment, look;

-- Months: orders, revenue, who bought and who came back, by segment
SELECT model, month, segment, name, n AS customers, n_buyers, n_orders, revenue, conversion, retention, average_order, revenue_per_customer, n_new, n_lost
FROM custseg.segment_kpi
WHERE is_complete
ORDER BY model, month, position;

-- What fell from one month to another, and is no chance
SELECT model, month, segment, name, kpi, reference_month, reference, kpi_value, change, change_others, p_adjusted, rating, reason
FROM custseg.kpi_history
WHERE rating IN ('degraded', 'watch')
ORDER BY model, month DESC, rating, segment, kpi;

-- How large the segments were, run by run of monitor()
SELECT model, at, version, segment, name, n AS customers, share, training_share, psi, verdict
FROM custseg.size_history
WHERE segment IS NOT NULL
ORDER BY model, at, segment;

-- How far each feature has moved from training, run by run of monitor()
SELECT model, at, version, feature, psi, psi_critical, ks, p_adjusted, verdict, reason
FROM custseg.drift_history
ORDER BY model, at, position;

-- The health of each model, as the last run of monitor() found it
SELECT model, deployed_version, trained_at, last_checked_at, n AS customers, verdict, verdict_reasons, retrain, urgency, open_alerts, critical_alerts
FROM custseg.model_health
ORDER BY model;

-- Alerts that are open
SELECT model, kind, subject, severity, message, first_seen, last_seen, n_seen
FROM custseg.open_alerts
ORDER BY model, severity, first_seen;

-- Versions and who deployed them
SELECT model, version, action, deployed_at, deployed_by, reason
FROM custseg.deployment
ORDER BY model, id;

-- What customers of a segment are like, beside all customers
SELECT model, segment, name, column_name, level, n AS customers, share, mean, median, first_quartile, third_quartile, overall_mean, difference, ratio
FROM custseg.published_profile
WHERE segment IS NOT NULL
ORDER BY model, segment, column_name, level;

-- The same as a radar: every column from 0 (the lowest segment) to 1 (the highest)
SELECT model, coalesce(name, 'all') AS name, column_name, level, segment_mean, scaled
FROM custseg.published_radar
ORDER BY model, segment NULLS FIRST, column_name, level;

-- What tells the segments apart
SELECT model, rank, feature, importance, importance_error, eta_squared, cramers_v, reason
FROM custseg.published_importance
ORDER BY model, rank;

-- How customers are distributed over a column, by segment
SELECT model, column_name, scale, bin, low, high, segment, n AS customers, density
FROM custseg.published_histogram
ORDER BY model, column_name, segment NULLS FIRST, bin;

-- Levels of a category, by segment
SELECT model, column_name, level, segment, n AS customers, share
FROM custseg.published_level_share
ORDER BY model, column_name, segment NULLS FIRST, share DESC;

-- How much of the value few customers carry: the Lorenz curve
SELECT model, customer_share, value_share
FROM custseg.published_lorenz
ORDER BY model, customer_share;

-- Do the places of perks suffice?
SELECT model, segment, name, n AS customers, perk, perk_capacity, excess, rating, reason
FROM custseg.published_capacity
ORDER BY model, segment;
