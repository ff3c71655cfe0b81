-- Return of campaigns, what segments are worth when something changes, and budgets.

\set SHOW_CONTEXT never
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
SET extra_float_digits = -3;

-- roi(): from the effect of an experiment
SELECT g.n, agrees(r.incremental_margin, g.incremental, 1e-9) AS incremental, r.cost = g.cost AND r.profit = r.incremental_margin - r.cost AS cost, agrees(r.roi, g.roi, 1e-9) AS roi, agrees(r.low, g.low, 1e-9) AS low, agrees(r.high, g.high, 1e-9) AS high,
    agrees(r.break_even_effect, g.break_even, 1e-9) AS break_even, r.payback_periods IS NOT DISTINCT FROM g.payback AS payback, agrees(r.p_pays, g.p_pays, 1e-9) AS p_pays, agrees(r.annuity, g.annuity, 1e-9) AS annuity
FROM (VALUES
    (40000, .8, .2, .35, 20000, .5, 12, 0, 0, 134400, 40000, 2.36, .7136302529863547, 4.006369747013645, .23809523809523808, 4, .9975192575442907, 12),
    (40000, .8, .2, .35, 20000, .5, 12, .01, .1, 77061.26480686017, 40000, .9265316201715043, -.0174515274819325, 1.8705147678249414, .4152540200346061, 5, .9728057759124157, 6.880470072041087),
    (1000, .1, .3, .4, 500, 1, 6, 0, 0, 240, 1500, -.84, -1.7807827125792257, .10078271257922597, .625, 38, .04005915686381707, 6),
    (1000, 0, .3, .4, 500, 1, 12, 0, 0, 0, 1500, -1, -2.8815654251584517, .8815654251584519, .3125, NULL, .148783124181752, 12)
) g (n, effect, se, margin, fixed, per, t, rate, decay, incremental, cost, roi, low, high, break_even, payback, p_pays, annuity)
    CROSS JOIN LATERAL custseg.roi(n, effect, se, margin, fixed, per, t, rate, decay) r;
-- published: 5,000 customers of 1,517.88 for 250,000 return 29.36 times
SELECT agrees(roi, 29.3576, 1e-9) AS published, low, high, p_pays FROM custseg.roi(5000, 1517.88, fixed_cost => 250000);
-- what breaks even returns nothing, and pays as often as not
SELECT count(*), count(*) FILTER (WHERE abs(b.roi) > 1e-12 OR abs(b.p_pays - .5) > 1e-9) AS wrong
FROM unnest('{1,5000}'::float8[]) n, unnest('{.1,3}'::float8[]) margin, unnest('{0,700}'::float8[]) fixed, unnest('{.5,20}'::float8[]) per, unnest('{1,24}'::int[]) t, unnest('{-.02,0,.1}'::float8[]) rate, unnest('{0,.3}'::float8[]) decay,
    custseg.roi(n, 1, .2, margin, fixed, per, t, rate, decay) a, custseg.roi(n, a.break_even_effect, .2, margin, fixed, per, t, rate, decay) b;
-- and is paid back when it says so: within 12 periods where the return is above 0
SELECT count(*), count(*) FILTER (WHERE (roi >= 0) <> coalesce(payback_periods <= 12, false)) AS wrong
FROM generate_series(0, 40) e, unnest('{-.02,0,.1}'::float8[]) rate, unnest('{0,.3,1}'::float8[]) decay, custseg.roi(1000, e * .013, .2, .4, 300, .5, 12, rate, decay);
-- ten periods of a tenth, which rounding does not make eleven
SELECT payback_periods FROM custseg.roi(1, .1, fixed_cost => 1);
-- nothing to pay back; nothing to gain
SELECT cost, roi, low, break_even_effect, payback_periods, p_pays FROM custseg.roi(100, 1, 1);
SELECT incremental_margin, roi, low, high, break_even_effect, payback_periods, p_pays FROM custseg.roi(100, 1, 1, margin => 0, fixed_cost => 10);
SELECT p_pays, low FROM custseg.roi(100, 1, 0, fixed_cost => 10);
SELECT p_pays FROM custseg.roi(100, 1, 0, fixed_cost => 100);
SELECT custseg.roi(NULL, 1) IS NULL AS n, custseg.roi(1, NULL) IS NULL AS effect, custseg.roi(40, .8, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL) = custseg.roi(40, .8) AS defaults;

-- campaign_roi(): segments, what the campaign costs shared by the customers, and all together
CREATE TABLE effects AS SELECT * FROM (VALUES (1, 40000, .8, .2), (2, 10000, .3, .1), (3, 50000, -.05, .1)) e (segment, n, effect, standard_error);
SELECT segment, n, round(incremental_margin::numeric, 2) AS gain, cost, round(roi::numeric, 4) AS roi, round(low::numeric, 4) AS low, round(high::numeric, 4) AS high, round(break_even_effect::numeric, 4) AS break_even, payback_periods, round(p_pays::numeric, 4) AS p_pays
FROM custseg.campaign_roi('effects', '{"margin": 0.35, "fixed_cost": 20000, "cost_per_customer": 0.2, "n_periods": 6, "rate": 0.01, "decay": 0.1}');
-- a segment is what roi() makes of it; the sum is of independent parts
SELECT c.segment, agrees(ARRAY[c.roi, c.low, c.high, c.p_pays, c.break_even_effect], ARRAY[r.roi, r.low, r.high, r.p_pays, r.break_even_effect], 1e-12) AS same, c.payback_periods IS NOT DISTINCT FROM r.payback_periods AS payback
FROM custseg.campaign_roi('effects', '{"margin": 0.35, "fixed_cost": 20000, "cost_per_customer": 0.2, "n_periods": 6}') c JOIN effects e USING (segment)
    CROSS JOIN LATERAL custseg.roi(e.n, e.effect, e.standard_error, .35, 20000 * e.n / 100000.0, .2, 6) r;
SELECT agrees(t.incremental_margin, s.gain, 1e-12) AS gain, agrees(t.cost, s.cost, 1e-12) AS cost, agrees((t.high - t.low) * t.cost, s.width, 1e-12) AS interval
FROM (SELECT * FROM custseg.campaign_roi('effects', '{"fixed_cost": 20000}') WHERE segment IS NULL) t,
    (SELECT sum(incremental_margin) AS gain, sum(cost) AS cost, sqrt(sum(((high - low) * cost) ^ 2)) AS width FROM custseg.campaign_roi('effects', '{"fixed_cost": 20000}') WHERE segment IS NOT NULL) s;
-- campaigns, segments with names, costs of their own, an effect whose error is not known
SELECT campaign, segment, name, n, incremental_margin, cost, roi, low IS NULL AS no_interval
FROM custseg.campaign_roi($$SELECT * FROM (VALUES ('spring', 'loyal', 100, 2.0, 0.5, 0.5, 10.0, NULL::float8), ('mail', 'new', 200, 1.0, NULL, NULL, NULL, 1.0)) v (campaign, segment, n, effect, standard_error, margin, fixed_cost, cost_per_customer)$$);
SELECT count(*) FROM custseg.campaign_roi('SELECT * FROM effects WHERE false');

-- what_if() and tornado(): one segment whose value is known
CREATE VIEW economics AS SELECT 1 AS segment, 10000 AS n, .25 AS orders, 60 AS average_order, .4 AS margin, .03 AS churn;
SELECT w.scenario, agrees(w.baseline_value, 582138.9534318568, 1e-9) AS baseline, agrees(w.change, g.change, 1e-9) AS change, w.scenario_value = w.baseline_value + w.change AS value, agrees(w.change_share, g.change / 582138.9534318568, 1e-9) AS share
FROM custseg.what_if(NULL, 'economics', '[{"name": "n -", "n": -0.1}, {"name": "n +", "n": 0.2}, {"name": "orders -", "orders": -0.1}, {"name": "orders +", "orders": 0.15}, {"name": "order -", "average_order": -0.05}, {"name": "order +", "average_order": 0.1},
    {"name": "price -", "price": -0.1, "elasticity": -1.5}, {"name": "price +", "price": 0.1}, {"name": "churn +", "churn": 0.01}, {"name": "churn -", "churn": -0.01}, {"name": "margin -", "margin": -0.02}, {"name": "margin +", "margin": 0.02}]',
    '{"rate": 0.01, "elasticity": -1.5}') w
    JOIN (VALUES ('n -', -58213.89534318569), ('n +', 116427.79068637139), ('orders -', -58213.89534318569), ('orders +', 87320.84301477857), ('order -', -29106.947671592818), ('order +', 58213.89534318575),
        ('price -', -70782.00688981189), ('price +', 48597.08502252656), ('churn +', -29162.49837095628), ('churn -', 31140.62453540601), ('margin -', -29106.947671592934), ('margin +', 29106.947671592934)) g (scenario, change) USING (scenario)
WHERE w.segment IS NULL;
SELECT lever, low_input, high_input, round(low_change::numeric, 2) AS low_change, round(high_change::numeric, 2) AS high_change, round(swing) AS swing, round(baseline_value) AS baseline
FROM custseg.tornado(NULL, 'economics', '{"margin": [-0.02, 0.02], "churn": [-0.01, 0.01], "n": [-0.1, 0.2], "price": [-0.1, 0.1], "average_order": [-0.05, 0.1], "orders": [-0.1, 0.15]}', '{"rate": 0.01, "elasticity": -1.5}');
-- levers of the same swing come by name, whatever rounding says
SELECT string_agg(lever, ' ') FROM custseg.tornado(NULL, 'economics', '{"n": [-0.1, 0.1], "orders": [-0.1, 0.1], "average_order": [-0.1, 0.1]}', '{"rate": 0.017}');

-- several segments: a scenario of some, a season, a launch and what it costs
CREATE TABLE business AS SELECT * FROM (VALUES (1, 1000, .5, 80.0, .4, .02), (2, 5000, .2, 40.0, .3, .05), (3, 20000, .05, 30.0, .25, .1)) b (segment, n, orders, average_order, margin, churn);
SELECT scenario, segment, round(baseline_value::numeric, 2) AS baseline, round(scenario_value::numeric, 2) AS value, round(change::numeric, 2) AS change, round(change_share::numeric, 4) AS share, cost, round(net_change::numeric, 2) AS net
FROM custseg.what_if(NULL, 'business', '[{"name": "season", "season": [1, 1, 2]}, {"name": "launch", "orders": 0.1, "average_order": 0.05, "margin": -0.02, "cost": 5000, "segments": [1, 2]}, {"churn": -0.02, "segments": ["3"]}]', '{"n_periods": 6}');
-- changes of segments add up to that of all
SELECT count(*), count(*) FILTER (WHERE abs(change - sum) > 1e-9 * abs(change)) AS wrong
FROM (SELECT scenario, sum(change) FILTER (WHERE segment IS NULL) AS change, sum(change) FILTER (WHERE segment IS NOT NULL) AS sum FROM custseg.what_if(NULL, 'business', '[{"name": "a", "price": 0.1}, {"name": "b", "n": 0.2, "churn": 0.05}]', '{"elasticity": -2}') GROUP BY scenario) s;
-- a season of ones changes nothing, nor does a scenario without levers; a price with elasticity -1 keeps the revenue
SELECT scenario, change = 0 AS nothing FROM custseg.what_if(NULL, 'business', '[{"season": [1]}, {}]') WHERE segment IS NULL;
SELECT agrees(w.change, n * orders * average_order * (.2 / 1.2 + margin / 1.2 - margin)) AS same_revenue FROM custseg.what_if(NULL, 'business', '[{"price": 0.2, "elasticity": -1}]', '{"n_periods": 1}') w JOIN business USING (segment);
-- segments with names, of a model and of none
SELECT scenario, segment, name, round(change::numeric, 2) AS change FROM custseg.what_if(NULL, $$SELECT CASE segment WHEN 1 THEN 'loyal' ELSE 'other ' || segment END AS segment, n, orders, average_order, margin, churn FROM business$$, '[{"n": 1, "segments": ["loyal"]}]');
CREATE TABLE shoppers AS SELECT i AS id, i % 3 * 10 + i * .01 AS spent FROM generate_series(1, 60) i;
SET client_min_messages = error;
SELECT n_segments FROM custseg.train('budget', 'shoppers', '{spent}', k => 3, id => 'id');
RESET client_min_messages;
SELECT custseg.name_segment('budget', 2, 'middle');
SELECT segment, name IS NOT NULL AS has_name, name = 'middle' AS is_middle FROM custseg.what_if('budget', 'business', '[{"n": 0.1}]');
SELECT fails(statement) FROM unnest(ARRAY[
    $$SELECT custseg.what_if('nobody', 'business', '[]')$$, $$SELECT custseg.what_if('budget', 'SELECT segment + 1 AS segment, n, orders, average_order, margin, churn FROM business', '[]')$$]) statement;

-- allocate_budget() and budget_summary(): splits that are known
CREATE TABLE goldens (name text, budget float8, unit float8, curves text, continuous float8[], lambda float8, response float8, units float8[], in_units float8);
INSERT INTO goldens VALUES
    ('A', 100000, 1000, 'exp 90000 30000, exp 60000 20000, exp 40000 40000', '{47981.497182,31987.664788,20030.838030}', .6060632346557308, 135454.30888098423, '{48000,32000,20000}', 135454.29591229637),
    ('A within bounds', 100000, 1000, 'exp 90000 30000 NULL 0 35000, exp 60000 20000 NULL 0 100000, exp 40000 40000 NULL 30000 100000', '{35000,35000,30000}', .5213218303513352, 132652.6111310189, '{35000,35000,30000}', 132652.6111310189),
    ('B', 100000, 1000, 'log 30000 10000, log 20000 5000, log 5000 20000', '{59000,41000,0}', .43478260869565216, 102329.71202919631, '{59000,41000,0}', 102329.71202919631),
    ('B, small', 10000, 100, 'log 30000 10000, log 20000 5000, log 5000 20000', '{5000,5000,0}', 2, 26026.89685444384, '{5000,5000,0}', 26026.89685444384),
    ('power', 100000, 1000, 'power 50000 20000 .5, power 30000 20000 .5, power 20000 10000 .3', '{67392.691964,24261.369107,8345.938929}', .6809553066347088, 143768.67653054482, '{68000,24000,8000}', 143763.76697969125),
    ('hill', 100000, 1000, 'hill 100000 30000 1, hill 80000 20000 1, hill 50000 50000 .8', '{47217.538297,36391.716747,16390.744955}', .5031405850233325, 127308.09975878481, '{47000,37000,16000}', 127302.95011587522),
    ('S-shaped', 40000, 1000, 'hill 100000 40000 2, hill 80000 40000 2, hill 60000 40000 3', NULL, NULL, NULL, '{40000,0,0}', 50000),
    ('S-shaped, large', 100000, 1000, 'hill 100000 40000 2, hill 80000 40000 2, hill 60000 40000 3', NULL, NULL, NULL, '{54000,46000,0}', 110124.77582398095),
    ('two alike', 7, 1, 'exp 1000 100, exp 1000 100', '{3.5,3.5}', 9.656054162575666, 68.78916748486662, '{4,3}', 68.76502729916872);
-- curves as a query: 'exp 1 2, ...' is kind, a, b, c, low, high of segments 1, 2, ...
CREATE FUNCTION curves(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format('SELECT i AS segment, p[1] AS curve, p[2]::float8 AS a, p[3]::float8 AS b, nullif(p[4], ''NULL'')::float8 AS c, p[5]::float8 AS low, p[6]::float8 AS high FROM string_to_table(%L, '', '') WITH ORDINALITY t (t, i), string_to_array(t, '' '') p', $1)
$$;
SELECT g.name, a.units = g.units AS units, agrees(w.response, g.in_units, 1e-9) AS response, a.continuous IS NULL AND g.continuous IS NULL OR agrees(a.continuous, g.continuous, 1e-9) = 't' AS continuous,
    agrees(c.marginal_return, g.lambda, 1e-9) AS lambda, agrees(c.response, g.response, 1e-9) AS continuous_response
FROM goldens g
    CROSS JOIN LATERAL (SELECT array_agg(spend ORDER BY segment) AS units, array_agg(continuous_spend ORDER BY segment) FILTER (WHERE continuous_spend IS NOT NULL) AS continuous FROM custseg.allocate_budget(curves(g.curves), g.budget, jsonb_build_object('unit', g.unit))) a
    LEFT JOIN LATERAL custseg.budget_summary(curves(g.curves), g.budget, jsonb_build_object('unit', g.unit)) w ON w.split = 'whole units'
    LEFT JOIN LATERAL custseg.budget_summary(curves(g.curves), g.budget, jsonb_build_object('unit', g.unit)) c ON c.split = 'continuous';
SELECT split, spend, agrees(response, CASE split WHEN 'proportional' THEN 135440.09520623938 WHEN 'equal' THEN 131656.16658675167 WHEN 'continuous' THEN 135454.30888098423 ELSE 135454.29591229637 END, 1e-9) AS response, agrees(profit, response - spend) AS profit, agrees(average_return, response / spend) AS average, round(marginal_return::numeric, 6) AS marginal, round(share_of_best::numeric, 6) AS share
FROM custseg.budget_summary(curves('exp 90000 30000, exp 60000 20000, exp 40000 40000'), 100000);
SELECT segment, name, curve, n_units, spend, budget_share, round(response::numeric, 2) AS response, round(marginal_return::numeric, 4) AS marginal, round(last_unit_return::numeric, 4) AS last, round(next_unit_return::numeric, 4) AS next, round(continuous_spend::numeric) AS continuous, round(proportional_spend::numeric) AS proportional, round(equal_spend::numeric) AS equal
FROM custseg.allocate_budget(curves('exp 90000 30000, exp 60000 20000, exp 40000 40000'), 100000, '{"unit": 1000}');
-- only units that return what they cost; within bounds all splits are
SELECT segment, spend, round(last_unit_return::numeric, 3) AS last, round(next_unit_return::numeric, 3) AS next, round(continuous_spend::numeric, 2) AS continuous FROM custseg.allocate_budget(curves('exp 90000 30000, exp 60000 20000, exp 40000 40000'), 100000, '{"unit": 1000, "spend_all": false}');
SELECT split, spend, round(profit) AS profit, round(marginal_return::numeric, 4) AS marginal FROM custseg.budget_summary(curves('exp 90000 30000, exp 60000 20000, exp 40000 40000'), 100000, '{"unit": 1000, "spend_all": false}');
SELECT segment, spend, proportional_spend, equal_spend FROM custseg.allocate_budget(curves('exp 90000 30000 NULL 0 35000, exp 60000 20000 NULL 0 100000, exp 40000 40000 NULL 30000 100000'), 100000);
-- points: concave ones, and a step that pays as a whole only; names; bounds between units
SELECT segment, name, curve, spend, response, marginal_return, last_unit_return, next_unit_return, continuous_spend
FROM custseg.allocate_budget($$SELECT * FROM (VALUES ('mail', '[[0, 0], [100, 300], [200, 400]]'::jsonb, NULL::float8), ('shop', '[[100, 250], [300, 350]]', 55), ('radio', '[[400, 40]]', NULL)) v (name, points, low)$$, 300, '{"unit": 10}');
SELECT segment, spend, response, continuous_spend FROM custseg.allocate_budget($$SELECT * FROM (VALUES (1, '[[90, 0], [100, 1000]]'::jsonb), (2, '[[200, 400]]')) v (segment, points)$$, 150, '{"unit": 10}');
SELECT sum(spend) FROM custseg.allocate_budget(curves('exp 100 10, log 100 10'), 105, '{"unit": 10}');
-- segments that bring nothing
SELECT segment, spend, proportional_spend, continuous_spend, response FROM custseg.allocate_budget(curves('exp 0 1, power 0 1 .5, hill 0 1 .5'), 3, '{"unit": 1}');

-- responses whose sum is no number any more
SELECT segment, round(proportional_spend::numeric, 9) AS proportional FROM custseg.allocate_budget('SELECT i AS segment, ''exp'' AS curve, i * 5e307 AS a, 1 AS b FROM generate_series(1, 3) i', 12);
-- 1,000 random concave instances: within a unit's return of the best of any amounts, where the money lies within a
-- unit of there but for a few with many segments, unless money brings nothing more; and at least what the splits by rule bring in whole units
CREATE FUNCTION response(curve text, a float8, b float8, c float8, x float8) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN
    CASE curve WHEN 'exp' THEN a * (1 - exp(greatest(-x / b, -700))) WHEN 'log' THEN a * ln(1 + x / b) WHEN 'hill' THEN a * x ^ c / (x ^ c + b ^ c) ELSE a * (x / b) ^ c END;
SELECT setseed(.17);
CREATE TABLE instances AS
SELECT i, 10 ^ (3 + 2.5 * random()) AS budget, (SELECT string_agg(concat_ws(' ', kind, round((10 ^ (2 + 3 * random()))::numeric, 3), round((10 ^ (2 + 3 * random()))::numeric, 3), round(CASE kind WHEN 'hill' THEN .3 + .7 * random() ELSE .2 + .75 * random() END::numeric, 3)), ', ')
    FROM (SELECT (ARRAY['exp', 'log', 'hill', 'power'])[1 + floor(4 * random())::int] AS kind FROM generate_series(0, 1 + (i % 6)) s OFFSET 0) k) AS curves
FROM generate_series(1, 1000) i;
CREATE TABLE splits AS
SELECT i, count(*) AS n, max(abs(spend - continuous_spend)) / (budget / 1000) AS furthest, sum(spend) / budget AS spent, sum(continuous_spend) / budget AS continuous_spent, max(next_unit_return) * budget / 1000 AS unit_return, max(next_unit_return) * budget > 1e-6 * sum(response) AS matters, sum(response) AS whole,
    sum(response(curve, p[2], p[3], p[4], continuous_spend)) AS continuous, sum(response(curve, p[2], p[3], p[4], proportional_spend)) AS proportional, sum(response(curve, p[2], p[3], p[4], equal_spend)) AS equal,
    sum(response(curve, p[2], p[3], p[4], floor(proportional_spend / budget * 1000) * budget / 1000)) AS proportional_units, sum(response(curve, p[2], p[3], p[4], floor(equal_spend / budget * 1000) * budget / 1000)) AS equal_units
FROM instances CROSS JOIN LATERAL custseg.allocate_budget(curves(curves), budget) a CROSS JOIN LATERAL (SELECT array_replace(string_to_array(split_part(curves, ', ', segment), ' '), curve, '0')::float8[] AS p) p
GROUP BY i, budget;
SELECT count(*), count(*) FILTER (WHERE abs(spent - 1) > 1e-9 OR abs(continuous_spent - 1) > 1e-9) AS not_spent, count(*) FILTER (WHERE whole > continuous * (1 + 1e-12)) AS above_continuous, count(*) FILTER (WHERE whole < continuous - unit_return) AS a_unit_below,
    count(*) FILTER (WHERE proportional > continuous * (1 + 1e-12) OR equal > continuous * (1 + 1e-12)) AS rules_above, count(*) FILTER (WHERE whole < proportional_units) AS below_proportional, count(*) FILTER (WHERE whole < equal_units) AS below_equal,
    count(*) FILTER (WHERE whole < greatest(proportional, equal)) AS below_any_amounts, count(*) FILTER (WHERE furthest > 1 + 1e-6 AND matters) AS further_than_a_unit, count(*) FILTER (WHERE furthest > n - 1 + 1e-6 AND matters) AS than_possible
FROM splits;
-- small ones by hand: every split of 12 units between three segments of any kind, within bounds
SELECT count(*), count(*) FILTER (WHERE abs(best - found) > 1e-9 * best) AS wrong
FROM (SELECT string_agg(concat_ws(' ', kind, round((100 * random())::numeric, 3), round((1 + 20 * random())::numeric, 3), round(CASE kind WHEN 'hill' THEN 4 * random() + .1 ELSE .2 + .75 * random() END::numeric, 3), (i + s) % 3, 4 + (i * s) % 9), ', ' ORDER BY s) AS curves
    FROM generate_series(1, 40) i, generate_series(1, 3) s, LATERAL (SELECT (ARRAY['exp', 'log', 'hill', 'power'])[1 + floor(4 * random())::int + 0 * s] AS kind OFFSET 0) k GROUP BY i) instance
    CROSS JOIN LATERAL (SELECT response AS found FROM custseg.budget_summary(curves(curves), 12, '{"unit": 1}') WHERE split = 'whole units') f
    CROSS JOIN LATERAL (WITH r AS MATERIALIZED (SELECT segment, k, response(curve, a, b, c, k) AS r
            FROM (SELECT i AS segment, p[1] AS curve, p[2]::float8 AS a, p[3]::float8 AS b, p[4]::float8 AS c, p[5]::int AS low, p[6]::int AS high FROM string_to_table(curves, ', ') WITH ORDINALITY t (t, i), string_to_array(t, ' ') p) c, generate_series(low, least(high, 12)) k)
        SELECT max(x.r + y.r + z.r) AS best FROM r x, r y, r z WHERE x.segment = 1 AND y.segment = 2 AND z.segment = 3 AND x.k + y.k + z.k = 12) m;

-- shares of the budget go to the playbook, and leave the rest of an action as it is
SELECT custseg.set_action('budget', 2, '{"channel": "mail", "budget_share": 0.9}');
SELECT * FROM custseg.set_budget_shares('budget', curves('exp 90000 30000, exp 60000 20000, exp 40000 40000'), 100000);
SELECT segment, channel, budget_share FROM custseg.playbook WHERE model = 'budget' ORDER BY segment;
SELECT fails($$SELECT custseg.set_budget_shares('budget', curves('exp 1 1, exp 1 1, exp 1 1, exp 1 1'), 10)$$);
SELECT sum(budget_share) FROM custseg.playbook WHERE model = 'budget';

-- response_curve(): the exponential curve through Misra1a, for which NIST certifies values, and curves as scipy fits them
CREATE TABLE misra AS SELECT * FROM unnest('{77.6,114.9,141.1,190.8,239.9,289.0,332.8,378.4,434.8,477.3,536.8,593.1,689.1,760.0}'::float8[], '{10.07,14.73,17.94,23.93,29.61,35.18,40.02,44.82,50.76,55.05,61.01,66.40,75.47,81.78}'::float8[]) m (x, y);
SELECT agrees(a, 238.94212918, 1e-10) AS a, agrees(a_error, 2.7070075241, 1e-9) AS a_error, agrees(1 / b, 5.5015643181e-04, 1e-10) AS b, agrees(b_error / b ^ 2, 7.2668688436e-06, 1e-9) AS b_error, agrees(rss, .12455138894, 1e-9) AS rss, n FROM custseg.response_curve('misra', 'x', 'y') WHERE curve = 'exp';
CREATE TABLE spending AS SELECT * FROM unnest('{5,10,15,20,30,40,60,80,100,150,200,300}'::float8[], '{12,31,45,70,98,131,172,190,214,240,258,266}'::float8[]) m (spent, revenue);
SELECT r.curve, agrees(ARRAY[r.a, r.b, r.c], ARRAY[g.a, g.b, g.c], 1e-9) AS parameters, agrees(ARRAY[a_error, b_error, c_error], ARRAY[g.ae, g.be, g.ce], 1e-8) AS errors, agrees(r.rss, g.rss, 1e-9) AS rss, agrees(r.aic, g.aic, 1e-9) AS aic, round(r2::numeric, 5) AS r2, chosen, rating, reason
FROM custseg.response_curve('spending', 'spent', 'revenue') r JOIN (VALUES
    ('exp', 269.51872324656904, 64.50177956309575, NULL, 4.820166048891275, 2.885690006809881, NULL, 388.35188769076865, 50.72406247036195),
    ('log', 98.02055235428196, 15.770882057563636, NULL, 11.791534549100925, 4.466230673142808, NULL, 2848.982965902379, 74.63772846861347),
    ('hill', 287.5147922624275, 46.70098366243009, 1.3997098568934174, 4.570266033613646, 1.5480166586385167, .0445396482961516, 95.09456936943867, 38.55386827881194),
    ('power', 307.43476184203394, 300, .4712557483655903, 20.77414291657411, NULL, .05675021680937085, 7773.839326360121, 86.68335351998864)) g (curve, a, b, c, ae, be, ce, rss, aic) USING (curve);
-- without noise the curve is found to rounding, at any scale, with an intercept and without
SELECT k.curve, agrees(r.a, k.a * scale, 1e-7) AS a, agrees(r.b, k.b * scale, 1e-7) AS b, agrees(r.c, k.c, 1e-7) AS c, r.intercept IS NULL AS none, chosen
FROM (VALUES ('exp', 50, 30, NULL), ('log', 20, 10, NULL), ('hill', 70, 40, 2.5)) k (curve, a, b, c), unnest('{1,1e9}'::float8[]) scale
    CROSS JOIN LATERAL custseg.response_curve(format('SELECT x, response(%L, %s, %s, %s, x) AS y FROM (SELECT i * %s::float8 AS x FROM generate_series(1, 99, 7) i) x', k.curve, k.a * scale, k.b * scale, coalesce(k.c, 1), scale), 'x', 'y') r WHERE r.curve = k.curve;
SELECT curve, agrees(ARRAY[a, b, intercept], ARRAY[50, 30, 12]::float8[], 1e-7) AS parameters, chosen FROM custseg.response_curve('SELECT x, 12 + response(''exp'', 50, 30, 1, x) AS y FROM generate_series(0, 99, 7) x', 'x', 'y', options => '{"intercept": true}') WHERE curve = 'exp';
-- with noise the intervals hold the truth as often as they say, and the best curve is the true one
SELECT setseed(.3);
CREATE TABLE noisy AS SELECT s, x, response('exp', 200, 40, 1, x) + 5 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) AS y FROM generate_series(1, 300) s, generate_series(5, 200, 5) x;
SELECT avg((abs(a - 200) < 1.96 * a_error)::int)::numeric(4, 3) BETWEEN .92 AND .98 AS a, avg((abs(b - 40) < 1.96 * b_error)::int)::numeric(4, 3) BETWEEN .92 AND .98 AS b, avg((chosen OR rating = 'as good')::int)::numeric(4, 3) > .95 AS best FROM custseg.response_curve('noisy', 'x', 'y', 's') WHERE curve = 'exp';
-- of straight lines with noise hardly any is taken for a curve
SELECT avg(chosen::int)::numeric(4, 3) < .08 AS rarely FROM (SELECT bool_or(chosen) AS chosen FROM custseg.response_curve('SELECT s, x, y - response(''exp'', 200, 40, 1, x) + x AS y FROM noisy', 'x', 'y', 's') GROUP BY segment) c;
-- what the data cannot tell: a line; too little; nothing that rises; segments of their own
SELECT curve, chosen, rating, reason FROM custseg.response_curve('SELECT x, 3 * x + x % 5 - 2 AS y FROM generate_series(1, 60) x', 'x', 'y');
SELECT name, curve, n, a, chosen, rating, reason FROM custseg.response_curve('SELECT * FROM (VALUES (''few'', 1, 2), (''few'', 2, 3), (''few'', NULL, 3), (''one'', 1, 2), (''one'', 1, 3), (''one'', 1, 3), (''one'', 1, 4), (''one'', 1, 4), (''one'', 1, 4), (''one'', 1, 4), (NULL, 1, 4)) v (s, x, y)', 'x', 'y', 's') WHERE curve IN ('exp', 'hill');
SELECT curve, chosen, rating, reason FROM custseg.response_curve('SELECT x, -x AS y FROM generate_series(1, 20) x', 'x', 'y');
SELECT curve, chosen, rating, reason FROM custseg.response_curve('SELECT x, 0 AS y FROM generate_series(1, 20) x', 'x', 'y');
SELECT segment, name, curve, chosen, rating, reason FROM custseg.response_curve('SELECT s, spent, revenue * s AS revenue FROM spending, unnest(''{7,2}''::int[]) s', 'spent', 'revenue', 's') WHERE chosen;
SELECT count(*) FROM custseg.response_curve('SELECT * FROM spending WHERE false', 'spent', 'revenue');
-- curves that were fitted divide a budget
SELECT segment, curve, spend, round(response::numeric, 1) AS response FROM custseg.allocate_budget($$SELECT * FROM custseg.response_curve('SELECT s, spent, revenue * s AS revenue FROM spending, generate_series(1, 3) s', 'spent', 'revenue', 's') WHERE chosen$$, 300, '{"unit": 10}');

-- errors
SELECT fails('SELECT custseg.roi(' || arguments || ')') FROM unnest('{-1\,1,1\,''NaN'',1\,1\,-1,"1,1,margin => -1","1,1,fixed_cost => -1","1,1,cost_per_customer => ''Infinity''","1,1,n_periods => 0","1,1,rate => -1","1,1,decay => 1.5","1,1,confidence => 1"}'::text[]) arguments;
SELECT fails('SELECT custseg.campaign_roi(' || arguments || ')') FROM unnest(ARRAY['NULL', $$'SELECT 1 AS n'$$, $$'SELECT ''a'' AS n, 1 AS effect'$$, $$'SELECT -1 AS n, 1 AS effect'$$, $$'SELECT 1 AS n, NULL::int AS effect'$$, $$'SELECT 1 AS n, 1 AS effect, 1.5 AS segment'$$,
    $$'SELECT 1 AS n, 1 AS effect, now() AS segment'$$, $$'SELECT 1 AS n, 1 AS effect FROM generate_series(1, 10001)'$$, $$'effects', '{"margins": 1}'$$]) arguments;
SELECT fails('SELECT custseg.what_if(NULL, ' || arguments || ')') FROM unnest(ARRAY[$$NULL, '[]'$$, $$'business', NULL$$, $$'business', '{}'$$, $$'business', '[1]'$$, $$'business', '[{"reach": 1}]'$$, $$'business', '[{"n": -2}]'$$, $$'business', '[{"price": 0.1}]'$$,
    $$'business', '[{"name": "flight", "churn": 0.99}]'$$, $$'business', '[{"margin": 0.9}]'$$, $$'business', '[{"season": [1, -1]}]'$$, $$'business', '[{"segments": [9]}]'$$, $$'business', '[{"segments": [null]}]'$$, $$'SELECT 1 AS segment, 2 AS margin, 1 AS n, 1 AS orders, 1 AS average_order, 0 AS churn', '[]'$$,
    $$'SELECT segment, 2 AS churn, n, orders, average_order, margin FROM business', '[]'$$, $$'SELECT * FROM business, generate_series(1, 2)', '[]'$$, $$'business', '[]', '{"n_periods": 0}'$$, $$'SELECT i AS segment, 1 AS n, 1 AS orders, 1 AS average_order, 0 AS margin, 0 AS churn FROM generate_series(1, 10001) i', '[]'$$]) arguments;
SELECT fails('SELECT custseg.tornado(NULL, ''business'', ' || arguments || ')') FROM unnest(ARRAY['NULL', $$'[{"n": [0, 1]}]'$$, $$'{"n": [1]}'$$, $$'{"n": [0.1, -0.1]}'$$, $$'{"reach": [0, 1]}'$$, $$'{"n": ["a", 1]}'$$, $$'{"margin": ["a", 1]}'$$, $$'{"price": [-0.1, 0.1]}'$$]) arguments;
SELECT fails('SELECT custseg.allocate_budget(' || arguments || ')') FROM unnest(ARRAY[$$NULL, 1$$, $$curves('exp 1 1'), NULL$$, $$curves('exp 1 1'), 0$$, $$curves('exp 1 1'), 1, '{"unit": 2}'$$, $$curves('exp 1 1'), 1, '{"unit": 0}'$$, $$curves('exp 1 1'), 1, '{"unit": 0.00001}'$$, $$curves('exp 1 1'), 1, '{"units": 2}'$$,
    $$'SELECT 1 AS segment WHERE false', 1$$, $$'SELECT ''exp'' AS curve, 1 AS a, 1 AS b', 1$$, $$'SELECT 1 AS segment', 1$$, $$curves('line 1 1'), 1$$, $$curves('exp 1'), 1$$, $$curves('hill 1 1'), 1$$, $$curves('exp -1 1'), 1$$, $$curves('exp 1 0'), 1$$, $$curves('power 1 1 1.5'), 1$$,
    $$'SELECT 1 AS segment, ''exp'' AS curve, 1 AS a, 1 AS b FROM generate_series(1, 2)', 1$$, $$curves('exp 1 1 NULL 0.3001 0.3002'), 1$$, $$curves('exp 1 1 NULL 0.6 1, exp 1 1 NULL 0.5 1'), 1$$, $$curves('exp 1 1 NULL 3'), 1$$, $$curves('exp 1 1 NULL 1e300'), 1$$, $$curves('exp 1 1 NULL 0 0.6, exp 1 1 NULL 0 0.3'), 1$$,
    $$'SELECT 1 AS segment, ''points'' AS curve', 1$$, $$'SELECT 1 AS segment, 1 AS points', 1$$]) arguments;
SELECT fails(format('SELECT custseg.allocate_budget(%L, 1)', format('SELECT 1 AS segment, %L::jsonb AS points', points))) FROM unnest(ARRAY['1', '[1]', '[[1, 2, 3]]', '[[1, "a"]]', '[[1, 2], [1, 3]]', '[[0, 3]]', '[]']) points;
SET maintenance_work_mem = '1MB';
SELECT fails($$SELECT custseg.allocate_budget('SELECT i AS segment, ''exp'' AS curve, 1 AS a, 1 AS b FROM generate_series(1, 1000) i', 1)$$);
RESET maintenance_work_mem;
SELECT fails('SELECT custseg.response_curve(' || arguments || ')') FROM unnest(ARRAY[$$NULL, 'x', 'y'$$, $$'misra', NULL, 'y'$$, $$'misra', 'x', NULL$$, $$'misra', 'x', 'z'$$, $$'misra', 'x', 'y', 'z'$$, $$'SELECT 1 AS x, ''a'' AS y', 'x', 'y'$$, $$'SELECT -1 AS x, 1 AS y', 'x', 'y'$$,
    $$'SELECT 1 AS x, ''NaN''::float8 AS y', 'x', 'y'$$, $$'misra', 'x', 'y', NULL, '{"intercepts": true}'$$, $$'SELECT 1 AS x, 1 AS y, i AS s FROM generate_series(1, 10001) i', 'x', 'y', 's'$$]) arguments;
SET maintenance_work_mem = '1MB';
SELECT fails($$SELECT custseg.response_curve('SELECT i AS x, i AS y FROM generate_series(1, 100000) i', 'x', 'y')$$);
RESET maintenance_work_mem;
-- a large division can be cancelled
SET statement_timeout = '100ms';
SELECT count(*) FROM custseg.allocate_budget('SELECT i AS segment, ''hill'' AS curve, i AS a, i AS b, 2 AS c FROM generate_series(1, 100) i', 1e4, '{"unit": 1}');
RESET statement_timeout;
\i :root/test/clean.sql
