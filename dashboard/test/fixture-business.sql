-- A club with orders of fourteen months, for the pages Business, Experiments, Watch and Customer: what its segments will be worth, months, budgets,
-- experiments that are planned, run and have decided, a survey, the monitor's runs, and moves. Everything is by rule: draws are buckets of hashes.

CREATE FUNCTION draw(what text, id bigint) RETURNS float8 LANGUAGE sql IMMUTABLE
RETURN custseg.experiment_bucket(what, id::text) / 10000.0::float8;

CREATE TABLE club_lines AS
SELECT c.id AS customer, date '2024-11-01' + make_interval(months => month, days => (28 * shop.draw('day ' || month, c.id))::int) AS ordered_at,
    round((c.kind ^ 2 * 8 * (0.6 + 0.8 * shop.draw('amount ' || month, c.id)))::numeric, 2) AS amount
FROM (
    SELECT id, CASE WHEN shop.draw('kind', id) < 0.5 THEN 1 WHEN shop.draw('kind', id) < 0.8 THEN 2 ELSE 3 END AS kind,
        (3 + 30 * shop.draw('stays', id))::int AS stays, (5 * shop.draw('joins', id))::int AS joins
    FROM generate_series(1, 3000) id
) c
CROSS JOIN generate_series(0, 13) month
WHERE month = c.joins OR (month > c.joins AND month < c.joins + c.stays AND shop.draw('buys ' || month, c.id) < 0.25 * c.kind);

CREATE TABLE club AS
SELECT customer AS id, date '2026-01-01' - max(ordered_at)::date AS recency, count(*)::int AS frequency, sum(amount) AS monetary,
    (ARRAY['web', 'shop', 'app'])[1 + (3 * shop.draw('channel', customer))::int % 3] AS channel, min(ordered_at)::date AS since, shop.draw('member', customer) < 0.3 AS member
FROM club_lines GROUP BY customer;
ALTER TABLE club ADD PRIMARY KEY (id);
ALTER TABLE club ADD segment int;
GRANT SELECT ON club TO reader;

SELECT 1 FROM custseg.train('club', 'shop.club', '{recency,frequency,monetary,channel,member}', 4, id => 'id', prep => '{"columns": {"frequency": {"transform": "log1p"}, "monetary": {"transform": "log1p"}}}');
SELECT custseg.name_segment('club', s.segment, CASE s.rank WHEN 1 THEN 'big <b>spenders</b>' WHEN 2 THEN 'regulars' WHEN 3 THEN 'occasional' ELSE 'gone' END, rank => s.rank::int)
FROM (SELECT segment, row_number() OVER (ORDER BY mean DESC) AS rank FROM custseg.segment_profile('club') WHERE column_name = 'monetary' AND segment IS NOT NULL) s;
SELECT custseg.set_action('club', segment, '{"channel": "mail", "offer": "free delivery", "perk": "early access", "perk_capacity": 700, "primary_kpi": "bought", "guardrail_kpi": "complained"}')
FROM custseg.segments WHERE model = 'club';
SELECT 1 FROM custseg.set_presentation('club', '{"title": "The club", "value": "monetary", "currency": "EUR", "margin": 0.4, "columns": {"recency": {"label": "Days since the last order", "unit": "days"}, "monetary": {"label": "Spent in all"}},
    "curves": [{"segment": 1, "curve": "exp", "a": 60000, "b": 30000}, {"segment": 2, "curve": "log", "a": 20000, "b": 5000},
        {"segment": 3, "curve": "hill", "a": 90000, "b": 40000, "c": 2}, {"segment": 4, "points": [[10000, 9000], [60000, 20000]]}]}');

SELECT 1 FROM custseg.train_purchases('club value', 'shop.club_lines', 'customer', 'ordered_at', 'amount');
SELECT 1 FROM custseg.record_segment_value('club value', 'club', as_of => '2025-06-30');
SELECT 1 FROM custseg.record_segment_value('club value', 'club', as_of => '2025-09-30');
SELECT 1 FROM custseg.record_segment_value('club value', 'club');
SELECT 1 FROM custseg.record_kpis('club', 'shop.club_lines', 'customer', 'ordered_at', 'amount', as_of => '2026-01-05', options => '{"months": 13}');

-- five runs that placed everybody, between which some have bought
CALL custseg.resegment('club', 'shop.club');
UPDATE club SET recency = 1, frequency = frequency + 2 WHERE id % 9 = 0;
CALL custseg.resegment('club', 'shop.club');
UPDATE club SET recency = recency + 30 WHERE id % 9 <> 0;
CALL custseg.resegment('club', 'shop.club');
UPDATE club SET recency = 2, frequency = frequency + 1 WHERE id % 7 = 0;
CALL custseg.resegment('club', 'shop.club');
UPDATE club SET recency = recency + 30 WHERE id % 7 <> 0;
CALL custseg.resegment('club', 'shop.club');

SELECT 1 FROM custseg.monitor('club', 'SELECT * FROM shop.club WHERE id % 2 = 0');
SELECT 1 FROM custseg.monitor('club', 'SELECT * FROM shop.club');
SELECT 1 FROM custseg.monitor('club', 'SELECT id, recency, frequency, monetary * 3 AS monetary, channel, member FROM shop.club');
SELECT 1 FROM custseg.monitor('club', 'SELECT id, recency, frequency, monetary * 3 AS monetary, channel, member FROM shop.club');

-- an experiment that has decided, one that runs, and one that is planned
SELECT custseg.create_experiment('spring', 'club', '["control", "mail"]', '[
    {"metric": "bought", "kind": "conversion", "role": "primary", "effect": 0.04},
    {"metric": "complained", "kind": "conversion", "role": "guardrail", "direction": "down", "margin": 0.03},
    {"metric": "revenue", "kind": "mean"}]', '{"n_control": 1200, "n_looks": 3}');
CREATE VIEW club_outcomes AS
SELECT c.id, o.bought, shop.draw('complained', c.id) < 0.02 AS complained, CASE WHEN o.bought THEN c.monetary / 10 ELSE 0 END AS revenue
FROM club c
CROSS JOIN LATERAL (SELECT shop.draw('buys in spring', c.id) < 0.2 + CASE WHEN custseg.variant('spring', c.id) = 'mail' THEN 0.15 ELSE 0 END AS bought) o;
SELECT 1 FROM custseg.enroll('spring', 'SELECT * FROM shop.club WHERE id % 3 = 0');
SELECT 1 FROM custseg.look('spring', 'shop.club_outcomes');
SELECT 1 FROM custseg.enroll('spring', 'SELECT * FROM shop.club WHERE id % 3 < 2');
SELECT 1 FROM custseg.look('spring', 'shop.club_outcomes');
SELECT custseg.end_experiment('spring', 'decided');
SELECT custseg.create_experiment('autumn <i>"1"</i>', 'club', '["control", "mail"]', '[{"metric": "bought", "kind": "conversion", "role": "primary", "effect": 0.04}]', '{"n_control": 1200}');
SELECT 1 FROM custseg.enroll('autumn <i>"1"</i>', 'SELECT * FROM shop.club WHERE id % 20 = 0');
SELECT custseg.create_experiment('winter', 'club', '["control", "mail"]', '[{"metric": "bought", "kind": "conversion", "role": "primary", "effect": 0.04}]', '{"n_control": 1200}');

CREATE TABLE club_answers AS
SELECT id AS customer, CASE WHEN shop.draw('sure', id) < 0.85 THEN segment ELSE 1 END AS segment, 3 + (shop.draw('pleased', id) < 0.9)::int AS satisfaction
FROM club WHERE shop.draw('answers', id) < 0.15;
SELECT 1 FROM custseg.record_survey('club', 'shop.club_answers');
SELECT 1 FROM custseg.set_condition('club', 'privacy', 'pass', 'reviewed by the data protection officer');
SELECT 1 FROM custseg.decide('club', 'the mail of spring');
SELECT 1 FROM custseg.publish('club', 'shop.club', '{"value": "monetary", "fairness": "member", "changes": true}');
