--
-- What the outcomes of an experiment say: experiment_results(), against scipy 1.10.1 and statsmodels 0.13.5, and the
-- errors of outcomes.
--
\set SHOW_CONTEXT errors
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS experiment_results_test CASCADE;
DROP ROLE IF EXISTS regress_cs_experimenter, regress_cs_reader;
CREATE SCHEMA experiment_results_test;
GRANT ALL ON SCHEMA experiment_results_test TO public;
SET search_path = experiment_results_test, public;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
SET extra_float_digits = -3;
CREATE TABLE customer AS SELECT i AS id, i % 3 * 100 + i % 7 AS monetary, i % 3 * 10 + i % 5 AS frequency FROM generate_series(1, 300) i;
ALTER TABLE customer ADD PRIMARY KEY (id);
SELECT model, n_segments FROM custseg.train('shop', 'customer', k => 3);

-- an experiment with customers whose variant and segment are known: outcomes says them, variant 0 is the control
CREATE FUNCTION enroll(experiment text, outcomes regclass, enrolled timestamptz DEFAULT now()) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO custseg.enrolment SELECT $1, id::text, variant + 1, segment, 1, $2 FROM %s', outcomes) USING experiment, enrolled;
    UPDATE custseg.experiment e SET started_at = enrolled WHERE e.experiment = enroll.experiment;
END $$;
-- n values with a mean and a variance
CREATE FUNCTION values_of(n int, mean float8, variance float8) RETURNS SETOF float8 LANGUAGE sql AS
$$ SELECT mean + (i - (n + 1) / 2.0) * sqrt(variance * 12 / (n * (n + 1.0))) FROM generate_series(1, n) i $$;

-- means: arms of 10 and 12 customers, with and without a cap
CREATE TABLE arms AS
SELECT row_number() OVER () AS id, variant, 1 AS segment, x FROM (
    SELECT 0 AS variant, unnest('{0,0,0,0,0,12.5,30,0,99,0}'::float8[]) AS x UNION ALL SELECT 1, unnest('{0,0,15,0,22,0,310,0,18,45,0,7}'::float8[])) v;
SELECT custseg.create_experiment('means', 'shop', '["control", "offer"]', '[{"metric": "x", "kind": "mean", "role": "primary", "effect": 1}, {"metric": "capped", "kind": "mean", "column": "x", "cap": 0.95}]', '{"method": "fixed"}');
SELECT enroll('means', 'arms');
SELECT r.metric, r.segment, agrees(r.difference, d, 1e-9) AS d, agrees(r.lift, l, 1e-9) AS lift, agrees(r.cap, c, 1e-9) AS cap, r.df, r.n_control, r.n_treatment, r.verdict, r.reason
FROM custseg.experiment_results('means', 'arms', 'id') r
JOIN (VALUES ('x', 20.6, 1.4558303886925796, NULL), ('capped', 3.0616666666666674, 3.0616666666666674 / 13.88, 96.29999999999995)) g (metric, d, l, c) ON g.metric = r.metric;
-- standard errors are the larger one of Welch's and the pooled one
SELECT r.metric, agrees(ARRAY[r.standard_error, r.statistic, r.df, r.p_value, r.low, r.high, r.lift],
    ARRAY[w.larger_error, w.statistic, w.df, w.p_value, w.low, w.high, w.lift], 1e-12) AS agrees, w.standard_error < w.larger_error AS differs
FROM custseg.experiment_results('means', 'arms', 'id') r
CROSS JOIN LATERAL (SELECT t.* FROM (SELECT variant, count(*) AS n, avg(y) AS m, var_samp(y) AS v FROM (SELECT variant, least(x, coalesce(r.cap, 'infinity')) AS y FROM arms) a GROUP BY variant) c
    JOIN (SELECT variant, count(*) AS n, avg(y) AS m, var_samp(y) AS v FROM (SELECT variant, least(x, coalesce(r.cap, 'infinity')) AS y FROM arms) a GROUP BY variant) o ON c.variant = 0 AND o.variant = 1
    CROSS JOIN LATERAL custseg.welch_test(c.n, c.m, c.v, o.n, o.m, o.v, 0.95, true) t) w;

-- a covariate: theta 1.1; and one that does not vary
CREATE TABLE adjusted AS
SELECT row_number() OVER () AS id, variant, 1 AS segment, x, y, 7 AS same FROM (
    SELECT 0 AS variant, unnest('{1,2,3,4,5}'::float8[]) AS x, unnest('{2,3,5,4,6}'::float8[]) AS y UNION ALL SELECT 1, unnest('{2,3,4,6,5}'::float8[]), unnest('{4,4,6,9,7}'::float8[])) v;
SELECT custseg.create_experiment('cuped', 'shop', '["control", "offer"]', '[{"metric": "y", "kind": "mean", "role": "primary", "effect": 1, "covariate": "x"}, {"metric": "plain", "kind": "mean", "column": "y", "covariate": "same"}]', '{"method": "fixed"}');
SELECT enroll('cuped', 'adjusted');
SELECT r.metric, agrees(ARRAY[theta, mean_control, mean_treatment, difference, standard_error, statistic, df, p_value], g, 1e-9) AS agrees
FROM custseg.experiment_results('cuped', 'adjusted', 'id') r
JOIN (VALUES ('y', '{1.1,4.55,5.45,.9,.43588989435406733,2.0647416048350546,7.660477453580902,.07437008985111683}'::float8[]), ('plain', '{0,4,6,2,1.1832159566199232,1.6903085094570331,7.396226415094338,.13251398896375152}')) v (metric, g) USING (metric) WHERE segment = 1;
-- a customer without a covariate has the mean of the others'
UPDATE adjusted SET x = NULL WHERE id IN (3, 8);
SELECT agrees(ARRAY[r.theta, r.difference], ARRAY[c.theta, c.difference], 1e-12) AS agrees
FROM custseg.experiment_results('cuped', 'adjusted', 'id') r, (SELECT (custseg.cuped_test(y, x, variant = 1)).* FROM adjusted) c WHERE r.metric = 'y' AND r.segment = 1;

-- a ratio
CREATE TABLE baskets AS
SELECT row_number() OVER () AS id, variant, 1 AS segment, num, den FROM (
    SELECT 0 AS variant, unnest('{10,0,35,0,22}'::float8[]) AS num, unnest('{1,0,2,0,1}'::float8[]) AS den UNION ALL SELECT 1, unnest('{12,40,0,18,60,9}'::float8[]), unnest('{1,2,0,1,3,1}'::float8[])) v;
SELECT custseg.create_experiment('ratio', 'shop', '["control", "offer"]', '[{"metric": "basket", "kind": "ratio", "role": "primary", "numerator": "num", "denominator": "den", "effect": 1}]', '{"method": "fixed"}');
SELECT enroll('ratio', 'baskets');
SELECT agrees(ARRAY[mean_control, mean_treatment, difference], '{16.75,17.375,.625}', 1e-9) AS means,
    agrees(standard_error, greatest(3.0712248167465694, sqrt((4 * 29.443359375 + 5 * 21.2625) / 9 * (1 / 5.0 + 1 / 6.0))), 1e-9) AS error, df
FROM custseg.experiment_results('ratio', 'baskets', 'id') WHERE segment IS NULL;

-- all segments together, and whether they differ
CREATE TABLE strata (segment int, variant int, n int, mean float8, variance float8);
INSERT INTO strata VALUES (1, 0, 100, 10, 25), (1, 1, 100, 11, 25), (2, 0, 50, 30, 100), (2, 1, 40, 33, 121), (3, 0, 10, 80, 900), (3, 1, 12, 70, 400);
CREATE TABLE stratified AS SELECT row_number() OVER (ORDER BY segment, variant, x) AS id, segment, variant, x FROM strata, values_of(n, mean, variance) x;
SELECT custseg.create_experiment('strata', 'shop', '["control", "offer"]', '[{"metric": "x", "kind": "mean", "role": "primary", "effect": 1}]', '{"method": "fixed"}');
SELECT enroll('strata', 'stratified');
-- (scipy's quantile of Student's law is off by 1e-9 here, so that the lower end is by numerical integration)
SELECT agrees(ARRAY[difference, standard_error, df, statistic, p_value, low, high, heterogeneity, heterogeneity_p_value, i_squared],
    '{.8012820512820513,1.112118677369077,56.343748563547464,.7205004893701027,.47419559864809324,-1.4262594688008228,3.0288235699076758,1.7338905710264827,.42023328328345444,0}', 1e-9) AS agrees
FROM custseg.experiment_results('strata', 'stratified', 'id') WHERE segment IS NULL;
SELECT agrees(ARRAY[difference, standard_error, df], '{-2,3.7838594837272423,16.582454743198664}', 1e-9) AS equal_weights
FROM custseg.experiment_results('strata', 'stratified', 'id', '{"weights": {"1": 1, "2": 1, "3": 1}}') WHERE segment IS NULL;
-- segments are judged together: 1 - alpha / 3, Holm
SELECT segment, agrees(confidence, 1 - 0.05 / 3) AS confidence, agrees(p_adjusted, (custseg.holm(array_agg(p_value) OVER (ORDER BY segment ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)))[segment], 1e-12) AS holm, verdict, reason
FROM custseg.experiment_results('strata', 'stratified', 'id') WHERE segment IS NOT NULL;
-- arms of unequal size
CREATE TABLE unequal AS SELECT row_number() OVER (ORDER BY segment, variant, x) AS id, segment, variant, x
FROM (VALUES (1, 0, 90, 10, 25), (1, 1, 10, 11, 4), (2, 0, 450, 30, 100), (2, 1, 50, 33, 121), (3, 0, 200, 80, 900), (3, 1, 20, 70, 400)) v (segment, variant, n, mean, variance), values_of(n, mean, variance) x;
SELECT custseg.create_experiment('unequal', 'shop', '[{"variant": "control", "weight": 9}, "offer"]', '[{"metric": "x", "kind": "mean", "role": "primary", "effect": 1}]', '{"method": "fixed"}');
SELECT enroll('unequal', 'unequal');
SELECT agrees(ARRAY[difference, standard_error, df], '{-.7317073170731709,2.1002485225293794,60.21143930649765}', 1e-9) AS agrees
FROM custseg.experiment_results('unequal', 'unequal', 'id') WHERE segment IS NULL;
-- a segment with one customer in a variant is left out, and said to be
DELETE FROM custseg.enrolment e WHERE experiment = 'unequal' AND segment = 3 AND variant_number = 2 AND customer <> (SELECT min(id)::text FROM unequal WHERE segment = 3 AND variant = 1);
SELECT segment, n_control, n_treatment, agrees(difference, CASE WHEN segment IS NULL THEN (100 * 1 + 500 * 3) / 600.0 ELSE difference END, 1e-12) AS difference, standard_error IS NULL AS left_out, reason
FROM custseg.experiment_results('unequal', 'unequal', 'id') WHERE coalesce(segment, 3) = 3;

-- shares at a single look: Newcombe, z, Fisher
CREATE TABLE shares AS
SELECT row_number() OVER () AS id, variant, segment, i <= x AS bought FROM (VALUES (1, 0, 48, 80), (1, 1, 56, 70), (2, 0, 3, 10), (2, 1, 9, 10), (3, 0, 0, 29), (3, 1, 5, 56)) v (segment, variant, x, n), generate_series(1, n) i;
SELECT custseg.create_experiment('shares', 'shop', '["control", "offer"]', '[{"metric": "bought", "kind": "conversion", "role": "primary", "effect": 0.01}]', '{"method": "fixed", "alpha": 0.15}');
SELECT enroll('shares', 'shares');
SELECT segment, agrees(ARRAY[difference, low, high, p_value], g, 1e-9) AS agrees, agrees(statistic, z, 1e-9) AS z, agrees(lift, l, 1e-9) AS lift, p_value > p_z AS exact
FROM custseg.experiment_results('shares', 'shares', 'id') r
JOIN (VALUES (1, '{.2,.05243147240236498,.333872654036906,.00804508136819656}'::float8[], 2.6501719512585336, .2 / .6, .00804508136819656), (2, '{.6,.17052272393450302,.8090179735354881,.019766611097880443}', 2.738612787525831, 2, .006169899320544151),
    (3, '{.08928571428571429,-.03813714790353688,.19256001385511162,.1606214432094711}', 1.6586488692392285, NULL, .09718656817057973)) v (segment, g, z, l, p_z) USING (segment);

-- with looks a share is a mean, and the interval holds at any time
SELECT custseg.create_experiment('looks', 'shop', '["control", "offer"]', '[{"metric": "bought", "kind": "conversion", "role": "primary", "effect": 0.01}]', '{"n_control": 120}');
SELECT enroll('looks', 'shares');
SELECT r.segment, agrees(ARRAY[r.low, r.high, r.p_value], ARRAY[a.low, a.high, a.p_value], 1e-12) AS agrees
FROM (SELECT segment, count(*) FILTER (WHERE variant = 0) AS n1, count(*) FILTER (WHERE variant = 1) AS n2, avg(bought::int) FILTER (WHERE variant = 0) AS m1, avg(bought::int) FILTER (WHERE variant = 1) AS m2,
    var_samp(bought::int) FILTER (WHERE variant = 0) AS v1, var_samp(bought::int) FILTER (WHERE variant = 1) AS v2 FROM shares GROUP BY segment) s
CROSS JOIN LATERAL custseg.welch_test(n1, m1, v1, n2, m2, v2, 0.95, true) w
CROSS JOIN LATERAL custseg.anytime_interval(w.difference, w.larger_error, (1 / (1 / 119.0 + 1 / 136.0)) / 60, 1 - 0.05 / 3) a
JOIN custseg.experiment_results('looks', 'shares', 'id') r USING (segment);

-- who has no row counts as zero; a value that is not there, too; others are not in the experiment
DELETE FROM shares WHERE id % 7 = 0;
UPDATE shares SET bought = NULL WHERE NOT bought AND id % 2 = 0;
INSERT INTO shares VALUES (9999, 1, 1, true);
SELECT segment, n_control, n_treatment, mean_control * n_control AS control, mean_treatment * n_treatment AS treatment FROM custseg.experiment_results('looks', 'shares', 'id') WHERE segment IS NOT NULL;
SELECT segment, sum(bought::int) FILTER (WHERE variant = 0) AS control, sum(bought::int) FILTER (WHERE variant = 1) AS treatment FROM shares WHERE id < 9999 GROUP BY segment ORDER BY segment;
-- a source of everybody: who has no row has left, and does not count
SELECT segment, n_control, n_treatment FROM custseg.experiment_results('looks', 'shares', 'id', '{"complete": true}') WHERE segment IS NOT NULL;
SELECT segment, verdict, reason FROM custseg.experiment_results('looks', 'SELECT * FROM shares WHERE variant = 0 OR id % 3 > 0', 'id', '{"complete": true}') WHERE segment IS NULL;
-- as many have left one variant as another, by chance or not: by Pearson's test, and by Fisher's (scipy) where few have left
CREATE TABLE leaving AS SELECT id, (id % 20 = 0)::int AS variant, 1 AS segment, id % 7 AS x FROM generate_series(1, 4000) id;
SELECT custseg.create_experiment('leaving', 'shop', '[{"variant": "control", "weight": 19}, "offer"]', '[{"metric": "x", "kind": "mean", "role": "primary", "effect": 1}]', '{"n_control": 380000}');
SELECT enroll('leaving', 'leaving');
SELECT v.gone, l.valid, agrees((l.findings ->> 'attrition_p')::float8, p, 1e-9) AS agrees, CASE WHEN NOT valid THEN l.reason END AS reason
FROM (VALUES ('false', 1), ('id / 20 % 10 = 0 OR id IN (20, 40)', 0.6466282601957847), ('id = 20', .05), ('id IN (20, 40)', .002488122030507627), ('id IN (20, 40, 60, 80, 100)', 2.978905640697646e-07), ('id % 20 = 0 AND id <= 1000', 1.4809841262857794e-68)) v (gone, p)
CROSS JOIN LATERAL custseg.look('leaving', format('SELECT * FROM leaving WHERE NOT (%s)', gone), 'id', '{"complete": true}') l;
CREATE TABLE leaving_three AS SELECT id, id % 3 AS variant, 1 AS segment, id % 7 AS x FROM generate_series(1, 3000) id;
SELECT custseg.create_experiment('leaving three', 'shop', '["control", "offer", "letter"]', '[{"metric": "x", "kind": "mean", "role": "primary", "effect": 1}]', '{"n_control": 100000}');
SELECT enroll('leaving three', 'leaving_three');
SELECT v.gone, l.valid, agrees((l.findings ->> 'attrition_p')::float8, p, 1e-9) AS agrees
FROM (VALUES ('id % 10 = 0', 1), ('id % 30 = 1', (SELECT (custseg.chi_square_test((id % 30 = 1)::text, variant::text)).p_value FROM leaving_three)), ('id <= 24 AND id % 3 = 2', 3 * (custseg.proportion_test(8, 1000, 0, 2000)).p_value)) v (gone, p)
CROSS JOIN LATERAL custseg.look('leaving three', format('SELECT * FROM leaving_three WHERE NOT (%s)', gone), 'id', '{"complete": true}') l;

-- lines after the enrolment: within a window, and a covariate from those before
CREATE TABLE people AS SELECT id, id % 2 AS variant, 1 AS segment FROM generate_series(1, 40) id;
CREATE TABLE line AS SELECT 1 + i % 43 AS id, timestamptz '2026-03-01' + (i * 7 % 60 - 30) * interval '1 day' AS at, (i * 37 % 101)::numeric(8, 2) AS amount, 1 AS orders FROM generate_series(1, 400) i;
INSERT INTO line VALUES (1, NULL, 1000, 1), (2, '2026-03-01', NULL, NULL);
SELECT custseg.create_experiment('lines', 'shop', '["control", "offer"]', '[{"metric": "revenue", "kind": "mean", "role": "primary", "column": "amount", "effect": 1, "window": "14 days", "covariate": "amount"},
    {"metric": "bought", "kind": "conversion", "column": "amount", "window": "1 day"}, {"metric": "ever", "kind": "mean", "column": "amount"}, {"metric": "basket", "kind": "ratio", "numerator": "amount", "denominator": "orders", "window": "14 days"}]', '{"method": "fixed"}');
SELECT enroll('lines', 'people', '2026-03-01');
WITH c AS (SELECT p.id, variant, coalesce(sum(amount) FILTER (WHERE at >= '2026-03-01' AND at < '2026-03-15'), 0)::float8 AS revenue, coalesce(sum(amount) FILTER (WHERE at < '2026-03-01'), 0)::float8 AS before,
    coalesce(bool_or(amount <> 0) FILTER (WHERE at >= '2026-03-01' AND at < '2026-03-02'), false)::int AS bought, coalesce(sum(amount) FILTER (WHERE at >= '2026-03-01'), 0)::float8 AS ever,
    coalesce(sum(orders) FILTER (WHERE at >= '2026-03-01' AND at < '2026-03-15'), 0) AS orders FROM people p LEFT JOIN line USING (id) GROUP BY p.id, variant)
SELECT r.metric, agrees(ARRAY[r.mean_control, r.difference], CASE r.metric WHEN 'revenue' THEN ARRAY[(u).mean_control, (u).difference] WHEN 'bought' THEN ARRAY[b.mean_control, b.difference]
    WHEN 'ever' THEN ARRAY[e.mean_control, e.difference] ELSE ARRAY[(q).mean_control, (q).difference] END, 1e-12) AS agrees, agrees(r.theta, CASE WHEN r.metric = 'revenue' THEN (u).theta END, 1e-12) AS theta, r.n_control + r.n_treatment AS n
FROM custseg.experiment_results('lines', 'line', 'id', '{"time": "at"}') r,
    (SELECT custseg.cuped_test(revenue, before, variant = 1) AS u, custseg.ratio_test(revenue, orders, variant = 1) AS q FROM c) x,
    (SELECT (custseg.welch_test(bought, variant = 1)).* FROM c) b, (SELECT (custseg.welch_test(ever, variant = 1)).* FROM c) e
WHERE r.segment = 1;

-- does an effect wear off: periods of each customer's own enrolment
CREATE TABLE weekly AS SELECT row_number() OVER () AS id, variant, 1 AS segment, y FROM (VALUES (0, '{1,0,2,1}'::int[]), (0, '{0,1,0,0}'), (0, '{2,1,1,3}'), (0, '{0,0,1,0}'), (0, '{1,2,0,1}'),
    (1, '{4,3,2,1}'), (1, '{3,2,2,0}'), (1, '{5,3,1,2}'), (1, '{2,1,1,1}'), (1, '{4,2,0,1}'), (1, '{3,3,2,1}')) v (variant, y);
SELECT custseg.create_experiment('decay', 'shop', '["control", "offer"]', '[{"metric": "y", "kind": "mean", "role": "primary", "effect": 1, "window": "1 day"}, {"metric": "any", "kind": "conversion", "column": "y"}, {"metric": "r", "kind": "ratio", "numerator": "y", "denominator": "y"}]');
INSERT INTO custseg.enrolment SELECT 'decay', id::text, variant + 1, segment, 1, timestamptz '2026-03-01' + id * interval '5 hours' FROM weekly;
UPDATE custseg.experiment SET started_at = '2026-03-01' WHERE experiment = 'decay';
-- who has not all periods yet is left out
INSERT INTO custseg.enrolment VALUES ('decay', '99', 2, 1, 2, '2026-03-10');
CREATE TABLE visit AS SELECT e.customer::int AS id, e.enrolled_at + (w - 1) * interval '1 week' + u * interval '6 days 12 hours' AS at, y[w] / 2.0 AS y FROM weekly JOIN custseg.enrolment e ON e.experiment = 'decay' AND e.customer = id::text, generate_series(1, 4) w, generate_series(0, 1) u;
INSERT INTO visit SELECT id, at + interval '60 days', 100 FROM visit UNION ALL SELECT 99, '2026-03-10', 1000;
SELECT period_number, agrees(1 + difference, 1 + d, 1e-9) AS difference, n_control + n_treatment AS n, agrees(p_value, (custseg.welch_test(5, m0, v0, 6, m1, v1, 0.95, true)).p_value, 1e-12) AS p, rating, reason
FROM custseg.effect_over_time('decay', 'visit', as_of => '2026-04-01', id => 'id', options => '{"time": "at"}')
JOIN (SELECT w, avg(y[w]) FILTER (WHERE variant = 0) AS m0, var_samp(y[w]) FILTER (WHERE variant = 0) AS v0, avg(y[w]) FILTER (WHERE variant = 1) AS m1, var_samp(y[w]) FILTER (WHERE variant = 1) AS v1 FROM weekly, generate_series(1, 4) w GROUP BY w) m ON w = period_number
JOIN unnest('{2.7,1.5333333333333334,.5333333333333332,0}'::float8[]) WITH ORDINALITY g (d, i) ON i = period_number ORDER BY w;
SELECT agrees(ARRAY[difference, standard_error, statistic, df, p_value], '{-.91,.15631165450257806,-5.821702821173781,8.698782501699965,.0002877046946153481}', 1e-9) AS slope, rating, reason
FROM custseg.effect_over_time('decay', 'visit', as_of => '2026-04-01', id => 'id', options => '{"time": "at"}') WHERE period_number IS NULL;
SELECT period_number, round(mean_control::numeric, 12) AS mean_control, round(mean_treatment::numeric, 12) AS mean_treatment, rating FROM custseg.effect_over_time('decay', 'visit', 'any', n_periods => 3, as_of => '2026-04-01', id => 'id', options => '{"time": "at"}');
SELECT period_number, n_control, n_treatment, difference, rating, reason FROM custseg.effect_over_time('decay', 'visit', n_periods => 2, as_of => '2026-03-02', id => 'id', options => '{"time": "at"}');
-- what each customer pays every week does not change, so that nothing grows or decays; a slope that all have is no chance
CREATE FUNCTION pay(expression text) RETURNS text LANGUAGE sql AS $$ SELECT format('SELECT id, at, %s AS y FROM (SELECT *, rank() OVER (PARTITION BY id ORDER BY at) / 2 AS week FROM visit WHERE id < 99) v', expression) $$;
SELECT y, n, t.difference, t.standard_error, t.rating, t.reason
FROM (VALUES ('4.995'), ('CASE id % 3 WHEN 0 THEN 9.99 WHEN 1 THEN 0.1 ELSE 12.99 END'), ('0.1::float8 * id'), ('week + id')) v (y), generate_series(2, 4) n
CROSS JOIN LATERAL custseg.effect_over_time('decay', pay(y), n_periods => n, as_of => '2026-04-01', id => 'id', options => '{"time": "at"}') t
WHERE period_number IS NULL ORDER BY v.y, n;
SELECT fails(format('SELECT FROM custseg.effect_over_time(%s)', arguments)) FROM (VALUES ('NULL, NULL'), ($$'decay', 'visit', 'none', id => 'id', options => '{"time": "at"}'$$), ($$'decay', 'visit', 'r', id => 'id', options => '{"time": "at"}'$$), ($$'decay', 'visit', id => 'id'$$),
    ($$'decay', 'visit', as_of => 'infinity', id => 'id', options => '{"time": "at"}'$$), ($$'decay', 'visit', n_periods => 1, id => 'id', options => '{"time": "at"}'$$), ($$'decay', 'visit', period => '0', id => 'id', options => '{"time": "at"}'$$), ($$'decay', 'visit', period => NULL, id => 'id'$$)) v (arguments);

-- several variants: each has its share of alpha; secondary metrics are adjusted together
CREATE TABLE three AS SELECT id, id % 3 AS variant, 1 + id % 2 AS segment, id * 37 % 101 + 3 * (id % 3) AS x, id * 53 % 89 AS y FROM generate_series(1, 600) id;
SELECT custseg.create_experiment('three', 'shop', '["control", "offer", "letter"]', '[{"metric": "x", "kind": "mean", "role": "primary", "effect": 1}, {"metric": "y", "kind": "mean"}, {"metric": "z", "kind": "mean", "column": "x"}]', '{"method": "fixed"}');
SELECT enroll('three', 'three');
SELECT metric, variant, confidence, agrees(p_adjusted, CASE WHEN role = 'primary' THEN least(1, 2 * p_value) ELSE (custseg.benjamini_hochberg(array_agg(p_value) FILTER (WHERE role = 'secondary') OVER (ORDER BY metric, variant ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)))[row_number() OVER (ORDER BY metric, variant) - 2] END, 1e-12) AS adjusted, verdict
FROM custseg.experiment_results('three', 'three', 'id') WHERE segment IS NULL ORDER BY metric, variant;
SELECT count(*) AS lines, count(verdict) AS verdicts FROM custseg.experiment_results('three', 'three', 'id');

-- several columns tell a customer
CREATE TABLE pairs AS SELECT id % 7 AS a, 'x,' || id / 7 AS b, variant, segment, x FROM three;
SELECT custseg.create_experiment('pairs', 'shop', '["control", "offer", "letter"]', '[{"metric": "x", "kind": "mean", "role": "primary", "effect": 1}]', '{"method": "fixed"}');
INSERT INTO custseg.enrolment SELECT 'pairs', (a, b)::text, variant + 1, segment, 1, now() FROM pairs;
UPDATE custseg.experiment SET started_at = now() WHERE experiment = 'pairs';
SELECT count(*) AS same FROM custseg.experiment_results('pairs', 'pairs', 'a, b') p JOIN custseg.experiment_results('three', 'three', 'id') t
ON t.metric = 'x' AND p.variant = t.variant AND p.segment IS NOT DISTINCT FROM t.segment AND abs(p.difference - t.difference) <= 1e-12 AND abs(p.p_value - t.p_value) <= 1e-12;

-- rows of nobody that the source leaves out are none, whatever is looked at first
SELECT count(*) FROM custseg.experiment_results('means', 'SELECT a.id, x FROM (SELECT nullif(id, 7) AS id, id AS k, x FROM arms) a JOIN (SELECT id AS k FROM arms WHERE id <> 7) g USING (k)', 'id');

-- errors
SELECT fails(statement) FROM (VALUES
    ($$SELECT FROM custseg.experiment_results(NULL, 'arms')$$),
    ($$SELECT FROM custseg.experiment_results('none', 'arms')$$),
    ($$SELECT FROM custseg.experiment_results('means', NULL)$$),
    ($$SELECT FROM custseg.experiment_results('means', 'SELECT x FROM arms')$$),
    ($$SELECT FROM custseg.experiment_results('means', 'SELECT x FROM arms', 'id')$$),
    ($$SELECT FROM custseg.experiment_results('means', 'SELECT id FROM arms', 'id')$$),
    ($$SELECT FROM custseg.experiment_results('means', 'SELECT id, ''a'' || x AS x FROM arms', 'id')$$),
    ($$SELECT FROM custseg.experiment_results('means', 'SELECT * FROM arms UNION ALL SELECT * FROM arms WHERE id IN (5, 12)', 'id')$$),
    ($$SELECT FROM custseg.experiment_results('means', 'SELECT * FROM arms WHERE id <> 3 UNION ALL SELECT * FROM arms WHERE id = 5', 'id', '{"complete": true}')$$),
    ($$SELECT FROM custseg.experiment_results('means', 'SELECT nullif(id, 7) AS id, x FROM arms', 'id')$$),
    ($$SELECT FROM custseg.experiment_results('means', 'SELECT NULL::int AS id, x FROM arms', 'id')$$),
    ($$SELECT FROM custseg.effect_over_time('decay', 'SELECT NULL::int AS id, at, y FROM visit', id => 'id', options => '{"time": "at"}')$$),
    ($$SELECT FROM custseg.experiment_results('means', 'SELECT id, CASE WHEN id = 4 THEN ''infinity'' ELSE x END AS x FROM arms', 'id')$$),
    ($$SELECT FROM custseg.experiment_results('means', 'SELECT id, CASE WHEN id = 4 THEN ''NaN'' ELSE x END AS x FROM arms', 'id')$$),
    ($$SELECT FROM custseg.experiment_results('cuped', 'SELECT *, now() + (id - 9) * interval ''1 hour'' AS measured FROM adjusted', 'id', '{"covariate_time": "measured"}')$$),
    ($$SELECT FROM custseg.experiment_results('cuped', 'SELECT *, now() + (id - 11) * interval ''1 hour'' AS measured FROM adjusted', 'id', '{"covariate_time": "measured"}')$$),
    ($$SELECT FROM custseg.experiment_results('cuped', 'adjusted', 'id', '{"covariate_time": "x"}')$$),
    ($$SELECT FROM custseg.experiment_results('lines', 'line', 'id')$$),
    ($$SELECT FROM custseg.experiment_results('lines', 'line', 'id', '{"time": "amount"}')$$),
    ($$SELECT FROM custseg.experiment_results('lines', 'line', 'id', '{"time": "at", "complete": true}')$$),
    ($$SELECT FROM custseg.experiment_results('means', 'arms', 'id', '{"weights": {"2": 1}}')$$),
    ($$SELECT FROM custseg.experiment_results('means', 'arms', 'id', '{"weights": {"1": 0}}')$$),
    ($$SELECT FROM custseg.experiment_results('means', 'arms', 'id', '{"wait": 1}')$$)) v (statement);
SELECT custseg.create_experiment('later', 'shop', '["control", "offer"]', '[{"metric": "x", "kind": "mean", "role": "primary", "effect": 1}]');
SELECT fails($$SELECT FROM custseg.experiment_results('later', 'arms', 'id')$$);
SELECT fails($$SELECT FROM custseg.look('later', 'arms', 'id')$$);

-- ids whose equal values may look different: numbers with zeros at their end, and char with blanks
CREATE TABLE coded AS SELECT (i / 2.0)::numeric(8, 3) AS code, ('k' || i % 7)::char(6) AS shop, i AS x, i % 10 + 1 AS y FROM generate_series(1, 200) i;
SELECT custseg.train(m, 'coded', '{x}', 2, id => id) IS NOT NULL AS trained,
    custseg.create_experiment(m, m, '["control", "offer"]', '[{"metric": "y", "kind": "mean", "role": "primary", "effect": 1}]', '{"method": "fixed"}')
FROM (VALUES ('coded', 'code'), ('coded twice', 'code, shop')) v (m, id);
SELECT m, n_enrolled FROM unnest('{coded,coded twice}'::text[]) m, custseg.enroll(m, 'coded');
SELECT m, sum(n_control + n_treatment) AS n, round(sum(mean_control * n_control + mean_treatment * n_treatment)::numeric, 6) AS y
FROM (VALUES ('coded', 'code'), ('coded twice', 'code,shop')) v (m, id), custseg.experiment_results(m, 'coded', id) WHERE segment > 0 GROUP BY m ORDER BY m;

-- who is enrolled is for the owner alone
CREATE ROLE regress_cs_experimenter;
CREATE ROLE regress_cs_reader;
GRANT SELECT ON arms TO public;
SELECT custseg.grant_model('shop', 'regress_cs_reader');
SET ROLE regress_cs_reader;
SELECT fails($$SELECT FROM custseg.experiment_results('means', 'arms', 'id')$$);
SELECT fails($$SELECT FROM custseg.look('means', 'arms', 'id')$$);
SET ROLE regress_cs_experimenter;
SELECT fails($$SELECT FROM custseg.experiment_results('means', 'arms', 'id')$$);
SELECT fails($$SELECT custseg_private.record_look_alert('shop', 'means', 1, 1, 'critical', 'x')$$);
RESET ROLE;
SELECT custseg.revoke_model('shop', 'regress_cs_reader');
DROP ROLE regress_cs_experimenter, regress_cs_reader;
\i :root/test/clean.sql
