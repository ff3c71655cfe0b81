-- What must hold of models of values and purchases whatever the customers are: units, orders, settings, and two ways to the same number.
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS value_properties CASCADE;
CREATE SCHEMA value_properties;
SET search_path = value_properties, public;
SELECT count(*) FROM custseg.model, custseg.drop_model(name, whole => true) WHERE name LIKE 'property %';
SET timezone = 'UTC';

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

CREATE FUNCTION chance(VARIADIC what int[]) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN ((hashtextextended(what::text, 7) >> 12) & ((1::bigint << 50) - 1)) / (2.0::float8 ^ 50);

-- Values: a number and a probability that follow from numbers, a category, a boolean and a time
CREATE TABLE customers AS
SELECT id, a, b, g, is_member, since, round((exp(3 + 0.2 * a + (b > 5)::int * 0.5 + 0.3 * (g = 'x')::int + 0.2 * noise))::numeric, 2)::float8 AS worth, 0.5 * a + 2 * (b > 5)::int - 3.5 + 2 * noise > 0 AS stays
FROM (SELECT i AS id, 10 * chance(i, 1) AS a, 10 * chance(i, 2) AS b, (ARRAY['x', 'y', 'z'])[1 + i * 31 % 3] AS g, i % 4 = 0 AS is_member, timestamptz '2024-03-01 12:00+00' + i * interval '7 hours' AS since,
    chance(i, 3) + chance(i, 4) + chance(i, 5) - 1.5 AS noise FROM generate_series(1, 300) i) s;
-- a model of a source, as the numbers that it stores of itself and as what it says of customers
CREATE FUNCTION trained(source text, target text, algorithm text, options jsonb DEFAULT '{}', features text[] DEFAULT '{a,b,g,is_member,since}')
RETURNS TABLE (metrics jsonb, parameters text, said float8[]) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM custseg.train_value('property', source, target, features, algorithm, 'id', options => options);
    EXECUTE format('SELECT array_agg(custseg.predict_value(''property'', s) ORDER BY id) FROM (%s) s WHERE id <= 300', source) INTO said;
    SELECT v.metrics, v.parameters::text INTO metrics, parameters FROM custseg.model_version v WHERE v.model = 'property';
    PERFORM custseg.drop_model('property', whole => true);
    RETURN NEXT;
END $$;
-- the largest difference of what two models say, as a share of how far what the first one says is apart
CREATE FUNCTION apart(a float8[], b float8[]) RETURNS float8 LANGUAGE sql AS $$ SELECT max(abs(x - y)) / (max(x) - min(x)) FROM unnest(a, b) u (x, y) $$;
CREATE FUNCTION measure(metrics jsonb) RETURNS float8 LANGUAGE sql AS $$ SELECT coalesce(metrics ->> 'r2', metrics ->> 'auc')::float8 $$;
CREATE TABLE usual AS SELECT s.*, t.* FROM (VALUES ('worth', 'linear', '{}'::jsonb), ('worth', 'forest', '{"trees": 5}'), ('stays', 'logistic', '{}'), ('stays', 'forest', '{"trees": 5}')) s (target, algorithm, options),
    trained('SELECT * FROM customers ORDER BY id', target, algorithm, options) t;

-- the order of rows: the same model, to the last bit where nothing is scaled; and that of features where none is drawn
SELECT target, algorithm, apart(u.said, t.said) < CASE algorithm WHEN 'forest' THEN 1e-300 ELSE 1e-10 END AS rows, abs(measure(u.metrics) - measure(t.metrics)) < 1e-12 AS measures,
    algorithm <> 'forest' OR u.parameters = t.parameters AS same
FROM usual u, unnest('{b DESC,"g, a",-id}'::text[]) WITH ORDINALITY AS o (rows, i), trained('SELECT * FROM customers ORDER BY ' || rows, target, algorithm, options) t ORDER BY 1, 2, i;
SELECT target, algorithm, apart(u.said, f.said) < 1e-10 AS features FROM usual u, trained('SELECT * FROM customers ORDER BY id', target, algorithm, options, '{since,is_member,g,b,a}') f WHERE algorithm <> 'forest';
-- also of ids that have the same hash
CREATE TABLE colliding AS SELECT id, 10 * chance(id, 1) AS a, 10 * chance(id, 1) + chance(id, 2) AS worth FROM (SELECT i AS id, count(*) OVER (PARTITION BY hashtextextended(i::text, 0) & 2147483647) AS n FROM generate_series(1, 200000) i) s WHERE n > 1;
SELECT count(*) > 10 AS colliding FROM colliding;
SELECT t.parameters = u.parameters AS same
FROM trained('SELECT * FROM colliding ORDER BY id', 'worth', 'forest', '{"trees": 5}', '{a}') t, trained('SELECT * FROM colliding ORDER BY id DESC', 'worth', 'forest', '{"trees": 5}', '{a}') u;
-- a comparison, too
SELECT algorithm, u.r2 = t.r2 AND u.rmse_deviation = t.rmse_deviation AS same
FROM custseg.compare_value('SELECT * FROM customers ORDER BY a', 'worth', '{a,b,g}', '{forest}', id => 'id', options => '{"forest": {"trees": 5}}') u
    JOIN custseg.compare_value('SELECT * FROM customers ORDER BY b', 'worth', '{a,b,g}', '{forest}', id => 'id', options => '{"forest": {"trees": 5}}') t USING (algorithm);
-- settings: the same model to the last bit
SET work_mem = '64kB';
SET max_parallel_maintenance_workers = 0;
SET datestyle = 'German';
SET timezone = 'Asia/Tokyo';
SET extra_float_digits = -10;
SET intervalstyle = 'iso_8601';
SELECT target, algorithm, u.parameters = t.parameters AS same FROM usual u, trained('SELECT * FROM customers ORDER BY id', target, algorithm, options) t;
RESET work_mem;
RESET max_parallel_maintenance_workers;
RESET datestyle;
RESET extra_float_digits;
RESET intervalstyle;
SET timezone = 'UTC';
-- features in other units and from another zero: the same of linear models, and of trees but for where float4 puts a border
SELECT target, algorithm, apart(u.said, t.said) < CASE algorithm WHEN 'forest' THEN 0.2 ELSE 1e-9 END AS units, abs(measure(u.metrics) - measure(t.metrics)) < CASE algorithm WHEN 'forest' THEN 0.02 ELSE 1e-9 END AS measures
FROM usual u, trained('SELECT id, a * 1000 + 7 AS a, b / 3 - 5000 AS b, g, is_member, since, worth, stays FROM customers ORDER BY id', target, algorithm, options) t;
SELECT target, algorithm, apart(u.said, f.said) < 1e-4 AS far_from_zero
FROM usual u, trained('SELECT id, a + 1e12 AS a, b * 1e-9 AS b, g, is_member, since, worth, stays FROM customers ORDER BY id', target, algorithm) f WHERE algorithm <> 'forest';
-- as far from zero as values in eighths can be told apart: what is left is the rounding of the intercept
SELECT target, algorithm, apart(n.said, f.said) < 0.02 AS far_from_zero, abs(measure(n.metrics) - measure(f.metrics)) < 0.001 AS measures
FROM (VALUES ('worth', 'linear'), ('stays', 'logistic')) s (target, algorithm), trained('SELECT id, floor(8 * a) / 8 AS a, floor(8 * b) / 8 AS b, worth, stays FROM customers', target, algorithm, features => '{a,b}') n,
    trained('SELECT id, floor(8 * a) / 8 + 1e15 AS a, floor(8 * b) / 8 - 1e15 AS b, worth, stays FROM customers', target, algorithm, features => '{a,b}') f;
-- the target in other units, from another zero, or turned round
SELECT algorithm, factor, apart(u.said, ARRAY(SELECT s / factor FROM unnest(t.said) WITH ORDINALITY AS u (s, i) ORDER BY i)) < CASE WHEN algorithm = 'forest' AND abs(factor) NOT IN (1, 2) THEN 0.2 ELSE 1e-12 END AS said,
    abs((u.metrics ->> 'rmse')::float8 * abs(factor) / (t.metrics ->> 'rmse')::float8 - 1) < CASE WHEN algorithm = 'forest' AND abs(factor) NOT IN (1, 2) THEN 0.05 ELSE 1e-12 END AS rmse
FROM usual u, unnest('{100,0.01,2,-1,1e6}'::float8[]) factor, trained(format('SELECT id, a, b, g, is_member, since, worth * %s AS worth FROM customers ORDER BY id', factor), target, algorithm, options) t WHERE target = 'worth' ORDER BY 1, 2;
SELECT u.algorithm, apart(u.said, ARRAY(SELECT s - 1000 FROM unnest(t.said) WITH ORDINALITY AS u (s, i) ORDER BY i)) < 1e-10 AS from_another_zero FROM usual u, trained('SELECT id, a, b, g, is_member, since, worth + 1000 AS worth FROM customers ORDER BY id', target, algorithm) t WHERE u.algorithm = 'linear';
SELECT u.algorithm, apart(u.said, ARRAY(SELECT 1 - s FROM unnest(t.said) WITH ORDINALITY AS u (s, i) ORDER BY i)) < 1e-10 AS turned_round, abs((u.metrics ->> 'log_loss')::float8 - (t.metrics ->> 'log_loss')::float8) < 1e-12 AS log_loss
FROM usual u, trained('SELECT id, a, b, g, is_member, since, NOT stays AS stays FROM customers ORDER BY id', target, algorithm) t WHERE u.algorithm = 'logistic';
-- each customer twice: the same coefficients
SELECT u.algorithm, apart(u.said, t.said) < 1e-10 AS twice FROM usual u, trained('SELECT id + 1000 * k AS id, a, b, g, is_member, since, worth, stays FROM customers, generate_series(0, 1) k ORDER BY 1', target, algorithm) t WHERE u.algorithm <> 'forest';
-- two ways to the same: what is predicted, its interval and its explanation (a probability's is of log odds); the measures of a training, and of a comparison
SELECT t.model, t.kind FROM usual u, custseg.train_value('property ' || u.target || ' ' || u.algorithm, 'customers', u.target, '{a,b,g,is_member,since}', u.algorithm, 'id', options => u.options) t ORDER BY 1;
SELECT model, count(*) FILTER (WHERE e.predicted <> custseg.predict_value(model, c)) AS predicted, count(*) FILTER (WHERE abs(CASE WHEN model LIKE '%logistic' THEN 1 / (1 + exp(-sum)) ELSE sum END - e.predicted) > 1e-9 * abs(e.predicted)) AS does_not_add_up
FROM (SELECT 'property ' || target || ' ' || algorithm AS model FROM usual WHERE target = 'worth' OR algorithm = 'logistic') m, customers c, LATERAL (SELECT min(predicted) AS predicted, min(baseline) + sum(contribution) AS sum FROM custseg.explain_value(model, c)) e GROUP BY 1 ORDER BY 1;
SELECT model, count(*) FILTER (WHERE i.predicted <> custseg.predict_value(model, c) OR NOT (i.low < i.predicted AND i.predicted < i.high)) AS different FROM unnest('{property worth linear,property worth forest}'::text[]) model, customers c, custseg.predict_interval(model, c) i GROUP BY 1 ORDER BY 1;
SELECT c.algorithm, abs(c.r2 - (u.metrics ->> 'r2')::float8) < 0.02 AS r2 FROM custseg.compare_value('customers', 'worth', '{a,b,g,is_member,since}', '{linear}', id => 'id') c JOIN usual u USING (algorithm) WHERE u.target = 'worth';

-- Purchases: customers who buy at rates and leave with chances of their own
CREATE TABLE orders AS
SELECT customer, date '2023-01-01' + day::int AS at, round((5 + 20 * chance(customer, 30) + 10 * chance(customer, 31, n))::numeric, 2) AS amount
FROM (SELECT i AS customer, n, 60 * chance(i, 20) + sum(CASE WHEN n > 0 THEN 20 * ln(1 - chance(i, 21, n)) / ln(1 - chance(i, 23)) ELSE 0 END) OVER purchases AS day,
        bool_or(n > 0 AND chance(i, 26, n) < 0.3 * chance(i, 27)) OVER purchases AS has_left
    FROM generate_series(1, 300) i, generate_series(0, 40) n WINDOW purchases AS (PARTITION BY i ORDER BY n)) p
WHERE NOT has_left AND day < 400;
CREATE FUNCTION trained_purchases(name text, source text, as_of date DEFAULT '2024-02-05', options jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', n, n_repeat, verdict) FROM custseg.train_purchases('property ' || name, source, 'customer', 'at', 'amount', as_of, 'mbg_nbd', options)
$$;
SELECT trained_purchases('usual', 'SELECT * FROM orders ORDER BY customer, at') AS usual, trained_purchases('shuffled', 'SELECT * FROM orders ORDER BY amount DESC') AS shuffled,
    trained_purchases('cents', 'SELECT customer, at, amount * 100 AS amount FROM orders') AS cents, trained_purchases('millions', 'SELECT customer, at, amount / 1000000 AS amount FROM orders') AS millions,
    trained_purchases('later', 'SELECT customer, at + 1000 AS at, amount FROM orders', '2026-11-01') AS later, trained_purchases('days', 'orders', options => '{"unit": "day"}') AS days,
    trained_purchases('twice', 'SELECT customer + 1000 * k AS customer, at, amount FROM orders, generate_series(0, 1) k') AS twice, trained_purchases('split', 'SELECT customer, at, amount / 2 AS amount FROM orders, generate_series(1, 2)') AS split;
SET work_mem = '64kB';
SET max_parallel_maintenance_workers = 0;
SET datestyle = 'German';
SET extra_float_digits = -10;
SET enable_sort = off;
SELECT trained_purchases('settings', 'SELECT * FROM orders ORDER BY customer, at') AS settings;
RESET work_mem;
RESET max_parallel_maintenance_workers;
RESET datestyle;
RESET extra_float_digits;
RESET enable_sort;
SELECT v.model, v.parameters = u.parameters AS same FROM custseg.model_version v, custseg.model_version u WHERE u.model = 'property usual' AND v.model IN ('property shuffled', 'property settings') ORDER BY 1;
-- what customers are worth, in whatever unit of money and time, and with whatever company
CREATE TABLE worth AS SELECT m.name AS model, w.* FROM custseg.model m, LATERAL custseg.lifetime_value(m.name) w WHERE m.kind = 'purchases' AND m.name LIKE 'property %';
SELECT w.model, count(*), max(abs(w.alive - u.alive)) < 1e-11 AS alive, max(abs(w.expected_purchases - u.expected_purchases)) < 1e-10 AS purchases,
    max(abs(w.expected_spend / u.expected_spend / factor - 1)) < 1e-7 AS spend, max(abs(w.lifetime_value / factor - u.lifetime_value)) < 1e-6 AS value, max(abs(w.low / factor - u.low)) < 1e-4 AS low, max(abs(w.high / factor - u.high)) < 1e-4 AS high
FROM worth w JOIN worth u ON u.model = 'property usual' AND u.customer_id = w.customer_id, LATERAL (SELECT CASE w.model WHEN 'property cents' THEN 100 WHEN 'property millions' THEN 1e-6 ELSE 1 END::float8) f (factor) GROUP BY 1 ORDER BY 1;
-- parameters: alpha is a time, g an amount, all else has no unit
SELECT parameter, abs(max(estimate) FILTER (WHERE model = 'property days') / max(estimate) FILTER (WHERE model = 'property usual') / CASE parameter WHEN 'alpha' THEN 7 ELSE 1 END - 1) < 1e-10 AS days,
    abs(max(estimate) FILTER (WHERE model = 'property cents') / max(estimate) FILTER (WHERE model = 'property usual') / CASE parameter WHEN 'g' THEN 100 ELSE 1 END - 1) < 1e-7 AS cents
FROM unnest('{property usual,property days,property cents}'::text[]) model, custseg.purchase_parameters(model) WHERE part IN ('purchases', 'spend') GROUP BY 1 ORDER BY 1;
-- two ways to the same: a customer and all of them, the kept customers and their orders, money and what it is made of
SELECT count(*), count(*) FILTER (WHERE agrees(custseg.predict_lifetime_value('property usual', s, horizon, discount), l.lifetime_value) <> 't') AS different
FROM unnest('{1 day,1 month,10 years}'::interval[]) horizon, unnest('{0,1,-0.05}'::float8[]) discount, LATERAL custseg.lifetime_value('property usual', horizon => horizon, discount => discount) l
JOIN custseg.purchase_summary('orders', 'customer', 'at', 'amount', '2024-02-05') s USING (customer_id);
SELECT count(*), count(*) FILTER (WHERE a IS DISTINCT FROM b) AS different FROM custseg.lifetime_value('property usual') a FULL JOIN custseg.lifetime_value('property usual', 'SELECT * FROM orders ORDER BY at') b USING (customer_id);
SELECT count(*) FILTER (WHERE agrees(l.lifetime_value, l.expected_purchases * l.expected_spend) <> 't') AS different FROM custseg.lifetime_value('property usual', discount => 0) l;
SELECT bool_and(a.expected_purchases < b.expected_purchases AND a.lifetime_value < b.lifetime_value) AS more_in_a_longer_time, bool_and(a.alive = b.alive AND a.expected_spend = b.expected_spend) AS same_now
FROM custseg.lifetime_value('property usual', horizon => '6 months') a JOIN custseg.lifetime_value('property usual') b USING (customer_id);
-- what came in the last days, in other units, and of each customer twice
SELECT model, measured, abs(r.predicted / u.predicted / factor / copies - 1) < 1e-6 AS predicted, abs(r.actual / u.actual / factor / copies - 1) < 1e-9 AS actual, abs(r.mae / u.mae / factor - 1) < 1e-6 AS mae, abs(r.gini - u.gini) < 1e-9 AS gini, abs(r.coverage - u.coverage) < 0.02 AS coverage
FROM unnest('{property cents,property twice}'::text[]) model, custseg.purchase_holdout(model) r JOIN custseg.purchase_holdout('property usual') u USING (measured), LATERAL (SELECT CASE WHEN model = 'property cents' AND measured = 'value' THEN 100 ELSE 1 END, CASE model WHEN 'property twice' THEN 2 ELSE 1 END) f (factor, copies) ORDER BY 1, 2;

-- the worst order there is, in which the one customer who came back was expected last: its normalised Gini is -1, and nowhere beyond
SELECT count(*) AS models FROM unnest('{60,67,76}'::int[]) n, LATERAL custseg.train_purchases('property worst ' || n, format('SELECT c AS customer, date ''2024-01-01'' + (4 + c) * k AS at FROM generate_series(1, %1$s) c, generate_series(0, 50) k
    WHERE c < %1$s AND (4 + c) * k < 270 UNION ALL SELECT %1$s, date ''2024-01-01'' + 200 * k FROM generate_series(0, 1) k UNION ALL SELECT %1$s, date ''2024-11-01'' + k * 3 FROM generate_series(1, 5) k', n), 'customer', 'at', as_of => '2024-12-31', algorithm => 'nbd', options => '{"holdout": "90 days"}');
SELECT customers, gini_normalized BETWEEN -1 AND -0.9999 AS bounded FROM unnest('{60,67,76}'::int[]) customers, LATERAL custseg.purchase_holdout('property worst ' || customers) WHERE measured = 'purchases' ORDER BY customers;

SELECT count(*) FROM custseg.model, custseg.drop_model(name, whole => true) WHERE name LIKE 'property %';
DROP SCHEMA value_properties CASCADE;
\i :root/test/clean.sql
