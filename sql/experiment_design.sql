--
-- How many customers an experiment needs, by segment: plan_experiment().
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS experiment_design_test CASCADE;
CREATE SCHEMA experiment_design_test;
SET search_path = experiment_design_test, public;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
CREATE TABLE customer AS SELECT i AS id, CASE WHEN i <= 60000 THEN 0 WHEN i <= 90000 THEN 100 ELSE 200 END + i % 5 AS x,
    CASE WHEN i <= 60000 THEN i <= 1200 WHEN i <= 90000 THEN i <= 61500 ELSE i <= 91000 END AS bought,
    (i % 10) * 3.0 + i / 60000 AS revenue, (i % 3)::int AS orders, (i % 10) + i % 4 AS revenue_before FROM generate_series(1, 100000) i;
SELECT model, n_segments FROM custseg.train('shop', 'customer', '{x}', k => 3, id => 'id', options => '{"silhouette_sample": 1000}');

-- shares of .02, .05 and .10, and an effect of a tenth: alone, and where each segment is judged
SELECT segment, n, baseline, n_control, agrees(minimum_effect, CASE segment WHEN 1 THEN .003330227726706738 WHEN 2 THEN .007288617587136795 WHEN 3 THEN .0174399148097978 END, 1e-9) AS effect
FROM custseg.plan_experiment('shop', 'customer', '{"metric": "bought", "kind": "conversion", "relative_effect": 0.1}', '{"method": "fixed", "each_segment": false}') WHERE segment IS NOT NULL;
SELECT segment, round(sd::numeric, 4) AS sd, round(effect::numeric, 6) AS effect, n_control, n_needed, round(power::numeric, 6) AS power, verdict, reason
FROM custseg.plan_experiment('shop', 'customer', '{"metric": "bought", "kind": "conversion", "relative_effect": 0.1}', '{"method": "fixed"}');
-- the numbers are those of sample_size() and its like, on what SQL says of the values
CREATE FUNCTION differs(metric jsonb, options jsonb, value text, y text, x text) RETURNS TABLE (segment int, agree text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format($f$
        SELECT p.segment, agrees(ARRAY[p.sd, p.correlation, p.n_control, p.minimum_effect, p.power],
            ARRAY[m.sd, m.r, (custseg.sample_size(p.effect, NULL, m.sd, NULL, 1, 0.01, m.r, 3, 'spending', 4, 0.9)).n_control,
                custseg.minimum_effect(m.n / 2.0, NULL, m.sd, NULL, 1, 0.01, m.r, 3, 'spending', 4, 0.9), custseg.power(p.effect, m.n / 2.0, NULL, m.sd, NULL, 1, 0.01, m.r, 3, 'spending', 4)], 1e-9)
        FROM custseg.plan_experiment('shop', 'customer', %L, %L) p
        JOIN (SELECT custseg.predict('shop', c) AS segment, count(*) AS n, stddev_samp(%s) AS sd, coalesce(abs(corr(%s, %s)), 0) AS r FROM customer c GROUP BY 1) m USING (segment) ORDER BY 1 $f$, metric, options, value, y, x);
END $$;
SELECT * FROM differs('{"metric": "revenue", "kind": "mean", "effect": 2}', '{"alpha": 0.01, "power": 0.9, "n_looks": 4}', 'revenue', 'revenue', 'NULL');
SELECT * FROM differs('{"metric": "revenue", "kind": "mean", "effect": 2, "covariate": "revenue_before"}', '{"alpha": 0.01, "power": 0.9, "n_looks": 4}', 'revenue', 'revenue', 'revenue_before');
SELECT * FROM differs('{"metric": "revenue", "kind": "mean", "effect": 2, "cap": 0.7}', '{"alpha": 0.01, "power": 0.9, "n_looks": 4}',
    'least(revenue, (SELECT percentile_cont(0.7) WITHIN GROUP (ORDER BY revenue) FROM customer))', 'revenue', 'NULL');
-- of a ratio, the error is that of ratio_test() for one customer
SELECT p.segment, agrees(ARRAY[p.baseline, p.sd * sqrt(2.0 / m.n)], ARRAY[(m.t).mean_control, (m.t).standard_error], 1e-9) AS same
FROM custseg.plan_experiment('shop', 'customer', '{"metric": "basket", "kind": "ratio", "numerator": "revenue", "denominator": "orders", "effect": 1}') p
JOIN (SELECT custseg.predict('shop', c) AS segment, count(*) / 2 AS n, custseg.ratio_test(revenue, orders, arm) AS t FROM (SELECT *, false AS arm FROM customer UNION ALL SELECT *, true FROM customer) c GROUP BY 1) m USING (segment)
WHERE abs(p.sd) > 0 ORDER BY 1;
-- all together are judged by what varies within segments
SELECT agrees(p.sd, sqrt(m.v), 1e-9) AS sd FROM custseg.plan_experiment('shop', 'customer', '{"metric": "revenue", "kind": "mean", "effect": 2}') p,
    (SELECT sum(n * v) / sum(n) AS v FROM (SELECT count(*) AS n, var_samp(revenue) AS v FROM customer c GROUP BY custseg.predict('shop', c)) s) m WHERE p.segment IS NULL;
SELECT agrees(p.n_control, ceil((custseg.sample_size(0.01, baseline => 0.037)).exact_size * m.v / (0.037 * 0.963))) AS n FROM custseg.plan_experiment('shop', 'customer', '{"metric": "bought", "kind": "conversion", "effect": 0.01}', '{"method": "fixed"}') p,
    (SELECT sum(n * s * (1 - s)) / sum(n) AS v FROM (SELECT count(*) AS n, avg(bought::int) AS s FROM customer c GROUP BY custseg.predict('shop', c)) s) m WHERE p.segment IS NULL;
-- unequal arms, several treatments, part of the traffic, and days: whole weeks, and at least so many
SELECT segment, n_control, n_needed, days, verdict FROM custseg.plan_experiment('shop', 'customer', '{"metric": "bought", "kind": "conversion", "effect": 0.01}', '{"allocation": 0.25, "n_treatments": 2, "traffic": 0.5, "per_day": 2000, "min_days": 20}');
-- down is good
SELECT segment, n_control, round(minimum_effect::numeric, 6) AS minimum_effect FROM custseg.plan_experiment('shop', 'customer', '{"metric": "bought", "kind": "conversion", "direction": "down", "effect": 0.01}', '{"method": "fixed", "each_segment": false}');
SELECT custseg.sample_size(-0.01, baseline => 0.02);
-- what cannot be
SELECT segment, n_control, minimum_effect, power, verdict, reason FROM custseg.plan_experiment('shop', 'SELECT id, x, bought FROM customer WHERE id <= 100', '{"metric": "bought", "kind": "conversion", "effect": 0.01}');
SELECT segment, n_control, verdict, reason FROM custseg.plan_experiment('shop', 'customer', '{"metric": "bought", "kind": "conversion", "direction": "down", "effect": 0.03}', '{"each_segment": false}');
SELECT segment, n, baseline, verdict, reason FROM custseg.plan_experiment('shop', 'SELECT id, x, NULL::bool AS bought FROM customer WHERE id <= 10', '{"metric": "bought", "kind": "conversion", "relative_effect": 0.1}');
SELECT count(*) FROM custseg.plan_experiment('shop', 'SELECT * FROM customer WHERE false', '{"metric": "bought", "kind": "conversion", "effect": 0.01}');
SELECT statement, outcome('SELECT custseg.plan_experiment(' || statement || ')') FROM (VALUES
    ($$'shop', 'trait', '[{"metric": "bought", "kind": "conversion", "effect": 0.03}]'$$),
    ('NULL, ''customer'', ''{"metric": "bought", "kind": "conversion", "effect": 0.01}'''),
    ('''none'', ''customer'', ''{"metric": "bought", "kind": "conversion", "effect": 0.01}'''),
    ('''shop'', ''customer'', NULL'),
    ('''shop'', ''customer'', ''{"metric": "bought", "kind": "conversion"}'''),
    ('''shop'', ''customer'', ''{"metric": "bought", "kind": "conversion", "effect": 0}'''),
    ('''shop'', ''customer'', ''{"metric": "none", "kind": "conversion", "effect": 0.01}'''),
    ('''shop'', ''customer'', ''{"metric": "revenue", "kind": "conversion", "effect": 0.01}'''),
    ('''shop'', ''SELECT id, x, id::text AS y FROM customer'', ''{"metric": "y", "kind": "mean", "effect": 0.01}'''),
    ('''shop'', ''SELECT id, x, float8 ''''infinity'''' AS y FROM customer'', ''{"metric": "y", "kind": "mean", "effect": 0.01}'''),
    ('''shop'', ''customer'', ''{"metric": "bought", "kind": "conversion", "effect": 0.01}'', ''{"traffic": 2}'''),
    ('''shop'', ''customer'', ''{"metric": "bought", "kind": "conversion", "effect": 0.01}'', ''{"size": 2}'''),
    ('''shop'', ''customer'', ''{"metric": "bought", "kind": "conversion", "effect": 0.01}'', version => 9')) s (statement);
DROP SCHEMA experiment_design_test CASCADE;
\i :root/test/clean.sql
