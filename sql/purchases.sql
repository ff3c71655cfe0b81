-- What customers are worth: purchases summed up, models of repeat purchases, their predictions.
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS purchases_test CASCADE;
CREATE SCHEMA purchases_test;
SET search_path = purchases_test, public;
RESET client_min_messages;

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

--
-- Summaries
--
-- Lines with everything that counts differently: several on a day, around midnight, returns with and without
-- a purchase on their day, and what is missing
CREATE TABLE lines AS
SELECT CASE WHEN i % 97 = 0 THEN NULL ELSE 'customer ' || i * 31 % 53 END AS customer,
    CASE WHEN i % 89 = 0 THEN NULL WHEN i % 83 = 0 THEN 'infinity'
        ELSE timestamptz '2024-01-01 22:30+00' + (i * 7919 % 40) * interval '9 days' + (i * 13 % 7) * interval '31 minutes' END AS at,
    CASE WHEN i % 79 = 0 THEN NULL ELSE (i * 37 % 1000) / 100.0 * CASE WHEN i % 11 = 0 THEN -1 ELSE 1 END END AS amount
FROM generate_series(1, 1500) i;
INSERT INTO lines SELECT customer, at + interval '1 minute', -round(amount / 3, 2) FROM lines WHERE amount > 5;

-- the same by definition: each day of a customer looked at by itself
CREATE FUNCTION summary_by_definition(zone text, day date, returns text)
RETURNS TABLE (customer_id text, repeats bigint, recency int, age int, monetary numeric, first_day date, last_day date)
LANGUAGE sql AS $$
    WITH line AS (
        SELECT customer, (at AT TIME ZONE zone)::date AS day, amount FROM lines
        WHERE customer IS NOT NULL AND isfinite(at) AND amount IS NOT NULL AND (at AT TIME ZONE zone)::date <= $2
            AND (returns = 'net' OR amount >= 0)
    ), bought AS (
        SELECT DISTINCT customer, day FROM line WHERE amount >= 0
    ), numbered AS (
        SELECT b.customer, b.day, row_number() OVER (PARTITION BY b.customer ORDER BY b.day) AS number,
            (SELECT sum(l.amount) FROM line l WHERE l.customer = b.customer AND l.day = b.day) AS amount
        FROM bought b
    )
    SELECT customer, max(number) - 1, max(day) - min(day), $2 - min(day), avg(amount) FILTER (WHERE number > 1), min(day), max(day)
    FROM numbered GROUP BY customer
$$;
SET client_min_messages = warning;
CREATE TABLE cases AS
SELECT returns, zone, day
FROM unnest('{net,ignore}'::text[]) returns, unnest('{UTC,Asia/Tokyo,America/New_York}'::text[]) zone, unnest('{2024-03-01,2025-06-30}'::date[]) day;
CREATE TABLE ours AS
SELECT c.*, s.* FROM cases c CROSS JOIN LATERAL custseg.purchase_summary('lines', 'customer', 'at', 'amount', as_of => day::timestamp AT TIME ZONE zone,
    options => jsonb_build_object('unit', 'day', 'returns', returns, 'time_zone', zone)) s;
RESET client_min_messages;
CREATE TABLE theirs AS SELECT c.*, s.* FROM cases c CROSS JOIN LATERAL summary_by_definition(zone, day, returns) s;
SELECT returns, zone, day, count(a.repeats), count(b.repeats), sum(a.repeats), round(sum(a.monetary)::numeric, 2) AS monetary, count(*) FILTER (WHERE a.repeats <> b.repeats
    OR agrees(a.recency, b.recency) <> 't' OR agrees(a.customer_age, b.age) <> 't' OR agrees(a.monetary, b.monetary::float8) <> 't'
    OR (a.first_day, a.last_day) <> (b.first_day, b.last_day)) AS different
FROM ours a FULL JOIN theirs b USING (returns, zone, day, customer_id)
GROUP BY returns, zone, day ORDER BY 1, 2, 3;

-- What is left out is said; without amounts each line is a purchase; the day of the latest line is the default
SELECT count(*), sum(repeats), count(monetary) FROM custseg.purchase_summary('lines', 'customer', 'at', 'amount', options => '{"time_zone": "UTC"}');
SELECT count(*), sum(repeats), count(monetary) FROM custseg.purchase_summary('SELECT customer, at FROM lines WHERE customer IS NOT NULL AND isfinite(at)', 'customer', 'at', options => '{"time_zone": "UTC"}');

-- The order of lines, types of columns, and how a unit is called change nothing but what follows from them
CREATE TABLE plain AS SELECT customer, at, amount FROM lines WHERE customer IS NOT NULL AND isfinite(at) AND amount >= 0;
SELECT count(*), count(*) FILTER (WHERE a.repeats <> b.repeats OR a.recency <> b.recency OR a.customer_age <> b.customer_age OR a.monetary IS DISTINCT FROM b.monetary) AS different,
    count(*) FILTER (WHERE a.repeats <> c.repeats OR agrees(a.recency * 7, c.recency) <> 't' OR agrees(a.customer_age * 7, c.customer_age) <> 't' OR agrees(a.monetary, c.monetary) <> 't') AS in_days
FROM custseg.purchase_summary('plain', 'customer', 'at', 'amount', options => '{"time_zone": "UTC"}') a
JOIN custseg.purchase_summary('SELECT customer, (at AT TIME ZONE ''UTC'')::timestamp AS at, amount FROM plain ORDER BY amount, at', 'customer', 'at', 'amount') b USING (customer_id)
JOIN custseg.purchase_summary('SELECT substr(customer, 10)::int AS customer, (at AT TIME ZONE ''UTC'')::date AS at, amount::float8 FROM plain', 'customer', 'at', 'amount', options => '{"unit": "day"}') c
    ON c.customer_id = substr(a.customer_id, 10);

-- An aggregate of somebody else's that would fit better is not called
CREATE SCHEMA purchases_trap;
CREATE FUNCTION purchases_trap.spring(anyelement, anyelement) RETURNS anyelement LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
CREATE AGGREGATE purchases_trap.min(numeric[]) (SFUNC = purchases_trap.spring, STYPE = numeric[], INITCOND = '{}');
CREATE AGGREGATE purchases_trap.min(float8[]) (SFUNC = purchases_trap.spring, STYPE = float8[], INITCOND = '{}');
SET search_path = purchases_test, purchases_trap, public;
SELECT count(*) > 0 AS as_numeric FROM custseg.purchase_summary('plain', 'customer', 'at', 'amount');
SELECT count(*) > 0 AS as_float8 FROM custseg.purchase_summary('SELECT customer, at, amount::float8 FROM plain', 'customer', 'at', 'amount');
SET search_path = purchases_test, public;
DROP SCHEMA purchases_trap CASCADE;

-- Errors
SELECT outcome($$SELECT count(*)::text FROM custseg.purchase_summary('lines', 'customer', 'at', 'amount', '2023-12-31')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.purchase_summary('lines', 'customer', 'at', 'amount', 'infinity')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.purchase_summary('SELECT * FROM lines WHERE customer IS NULL', 'customer', 'at', 'amount')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.purchase_summary('lines', 'customer', 'at', 'customer')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.purchase_summary('lines', 'customer', 'amount')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.purchase_summary('lines', 'customer', 'at', options => '{"unit": "month"}')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.purchase_summary('lines', 'customer', 'at', options => '{"returns": "count"}')$$);

--
-- Models
--
-- 800 customers who buy at a rate and leave after a purchase, each with a chance of his own: BG/NBD's process, of which
-- uniform numbers come from a hash
CREATE FUNCTION uniform(VARIADIC what int[]) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$SELECT ((hashtextextended(what::text, 7) >> 12) & ((1::bigint << 50) - 1)) / (2.0::float8 ^ 50)$$;
CREATE TABLE bought AS
WITH RECURSIVE customer AS (
    -- gamma(1) and beta(1, 3) have quantile functions that SQL can say
    SELECT i, date '2023-01-01' + (i * 7 % 120) AS first, -ln(1 - uniform(i, 1)) / 6 AS rate, 1 - (1 - uniform(i, 2)) ^ (1 / 3.0) AS leaves,
        20 * exp(uniform(i, 3) - 0.5) AS spend
    FROM generate_series(1, 800) i
), purchase AS (
    SELECT i, 0 AS number, first::timestamp AS at, rate, leaves, spend FROM customer
    UNION ALL
    SELECT i, number + 1, at - ln(1 - uniform(i, 4, number)) / rate * interval '7 days', rate, leaves, spend
    FROM purchase
    WHERE at < '2024-07-01' AND number < 300 AND (number = 0 OR uniform(i, 5, number) >= leaves)
)
SELECT i AS customer, at, round((spend * (0.5 + uniform(i, 6, number)))::numeric, 2) AS amount
FROM purchase WHERE at < '2024-07-01';
SELECT model, version, algorithm, n, n_repeat, converged, verdict, deployed FROM custseg.train_purchases('bg', 'bought', 'customer', 'at', 'amount', '2024-06-30', 'bg_nbd', '{"alive": "own"}');
SELECT model, version, algorithm, n, converged, verdict FROM custseg.train_purchases('mbg', 'bought', 'customer', 'at', 'amount', '2024-06-30', 'mbg_nbd');
SELECT model, version, algorithm, n, converged, verdict FROM custseg.train_purchases('pareto', 'bought', 'customer', 'at', 'amount', '2024-06-30', 'pareto_nbd', '{"holdout": "none"}');
SELECT model, version, algorithm, n, converged, verdict FROM custseg.train_purchases('nbd', 'bought', 'customer', 'at', as_of => '2024-06-30', algorithm => 'nbd');
SELECT model, kind, algorithm, n_rows, options, prep, parameters - 'interval' - 'purchases' - 'alive' - 'spend' AS lines, n_segments, skipped FROM custseg.model_version v JOIN custseg.model m ON m.name = v.model WHERE model = 'bg';

-- The likelihood is that of the formulas, and no step away from the parameters leads higher
CREATE TABLE seen AS SELECT * FROM custseg.purchase_summary('bought', 'customer', 'at', 'amount', '2024-06-30');
CREATE FUNCTION rising(c float8, x bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT coalesce(sum(ln(c + k)), 0) FROM generate_series(0, x - 1) k';
CREATE FUNCTION bg_likelihood(m int, r float8, alpha float8, a float8, b float8) RETURNS float8 LANGUAGE sql AS $$
    SELECT sum(rising(r, repeats) + r * ln(alpha) + rising(b, repeats + m) - rising(a + b, repeats + m) - (r + repeats) * ln(alpha + customer_age)
        + ln(1 + CASE WHEN repeats + m > 0 THEN a / (b + repeats - 1 + m) * ((alpha + customer_age) / (alpha + recency)) ^ (r + repeats) ELSE 0 END))
    FROM seen
$$;
CREATE FUNCTION parameter(of_model text, of_name text) RETURNS float8 LANGUAGE sql AS
$$SELECT estimate FROM custseg.purchase_parameters(of_model) WHERE part = 'purchases' AND parameter = of_name$$;
CREATE VIEW fitted AS
SELECT model, m, parameter(model, 'r') AS r, parameter(model, 'alpha') AS alpha, parameter(model, 'a') AS a, parameter(model, 'b') AS b
FROM (VALUES ('bg', 0), ('mbg', 1)) v (model, m);
SELECT f.model, agrees((v.metrics ->> 'log_likelihood')::float8, bg_likelihood(m, r, alpha, a, b)) AS likelihood,
    (SELECT max(bg_likelihood(m, f.r * exp(s.r), f.alpha * exp(s.alpha), f.a * exp(s.a), f.b * exp(s.b)) - bg_likelihood(m, f.r, f.alpha, f.a, f.b))
     FROM (VALUES (1e-3::float8, 0::float8, 0::float8, 0::float8), (-1e-3, 0, 0, 0), (0, 1e-3, 0, 0), (0, -1e-3, 0, 0), (0, 0, 1e-3, 0), (0, 0, -1e-3, 0), (0, 0, 0, 1e-3), (0, 0, 0, -1e-3), (1e-3, 1e-3, 1e-3, 1e-3)) s (r, alpha, a, b)) < 0 AS is_highest
FROM fitted f JOIN custseg.model_version v USING (model) ORDER BY 1;
SELECT agrees((metrics ->> 'nbd_log_likelihood')::float8, (SELECT sum(rising(parameter('nbd', 'r'), repeats) + parameter('nbd', 'r') * ln(parameter('nbd', 'alpha'))
    - (parameter('nbd', 'r') + repeats) * ln(parameter('nbd', 'alpha') + customer_age)) FROM seen)) AS nbd
FROM custseg.model_version WHERE model = 'bg';

-- Predictions by their definitions: who is there, and purchases as the sum of chances of one in each small step of time
CREATE TABLE worth AS
SELECT m, l.* FROM unnest('{bg,mbg,pareto}'::text[]) m CROSS JOIN LATERAL custseg.lifetime_value(m, 'bought', '1 year', 0, '2024-06-30') l;
SELECT f.model, count(*), count(*) FILTER (WHERE agrees(w.alive, 1 / (1 + CASE WHEN repeats + f.m > 0 THEN a / (b + repeats - 1 + f.m) * ((alpha + customer_age) / (alpha + recency)) ^ (r + repeats) ELSE 0 END)) <> 't') AS different
FROM fitted f JOIN worth w ON w.m = f.model JOIN seen USING (customer_id) GROUP BY f.model;
-- a customer who is there buys at a rate that is gamma distributed, and leaves with a chance that is beta distributed: 40,000 points of both
CREATE FUNCTION expected_by_points(f fitted, x bigint, age float8, t float8) RETURNS float8 LANGUAGE sql AS $$
    WITH p AS (SELECT (k - 0.5) / 200 AS p, ((k - 0.5) / 200) ^ (f.a - 1) * (1 - (k - 0.5) / 200) ^ (f.b + x + f.m - 1) AS weight FROM generate_series(1, 200) k),
    l AS (SELECT k * 0.005 AS l, (k * 0.005) ^ (f.r + x - 1) * exp(-(f.alpha + age) * k * 0.005) AS weight FROM generate_series(1, 400) k)
    SELECT sum(p.weight * l.weight * (1 - exp(-p.p * l.l * t)) / p.p) / sum(p.weight * l.weight) FROM p, l
$$;
SELECT f.model, s.repeats, abs(w.expected_purchases / (w.alive * expected_by_points(f, s.repeats, s.customer_age, 365.25 / 7)) - 1) < 0.01 AS close
FROM fitted f JOIN worth w ON w.m = f.model JOIN seen s USING (customer_id)
WHERE s.customer_id IN (SELECT DISTINCT ON (repeats) customer_id FROM seen WHERE repeats IN (3, 6, 12) ORDER BY repeats, customer_id)
ORDER BY 1, 2;
-- what is spent: by the formula; without repeats the mean of all
SELECT count(*), count(*) FILTER (WHERE agrees(w.expected_spend, p * (g + repeats * coalesce(monetary, 0)) / (p * repeats + q - 1)) <> 't') AS different, count(*) FILTER (WHERE agrees(lifetime_value, expected_purchases * expected_spend) <> 't') AS worth_different
FROM worth w JOIN seen USING (customer_id)
CROSS JOIN (SELECT max(estimate) FILTER (WHERE parameter = 'p') AS p, max(estimate) FILTER (WHERE parameter = 'q') AS q, max(estimate) FILTER (WHERE parameter = 'g') AS g FROM custseg.purchase_parameters('bg') WHERE part = 'spend') s
WHERE m = 'bg';
-- what comes in a month counts as if it came at its end, the last part of a month likewise
SELECT count(*), count(*) FILTER (WHERE agrees(d.lifetime_value, expected_spend * (e1 * rate + (e2 - e1) * rate ^ 2 + (e3 - e2) * rate ^ (90 / (365.25 / 12)))) <> 't') AS different
FROM custseg.lifetime_value('bg', 'bought', '90 days', 0.2, '2024-06-30') d
JOIN (SELECT customer_id, expected_purchases AS e1 FROM custseg.lifetime_value('bg', 'bought', '1 mon', 0, '2024-06-30')) m1 USING (customer_id)
JOIN (SELECT customer_id, expected_purchases AS e2 FROM custseg.lifetime_value('bg', 'bought', '2 mons', 0, '2024-06-30')) m2 USING (customer_id)
JOIN (SELECT customer_id, expected_purchases AS e3 FROM custseg.lifetime_value('bg', 'bought', '90 days', 0, '2024-06-30')) m3 USING (customer_id)
CROSS JOIN (SELECT 1.2::float8 ^ (-1 / 12.0::float8) AS rate) r;

-- Who never came back is told to be there by MBG/NBD, unless the model is to tell by itself; predictions are BG/NBD's
SELECT count(*) FROM custseg.train_purchases('bg of others', 'bought', 'customer', 'at', 'amount', '2024-06-30', 'bg_nbd', '{"holdout": "none"}');
SELECT count(*), count(*) FILTER (WHERE o.alive <> m.alive) AS alive_differs, count(*) FILTER (WHERE o.expected_purchases <> b.expected_purchases) AS purchases_differ, min(b.alive) FILTER (WHERE repeats = 0) AS own
FROM custseg.lifetime_value('bg of others', 'bought', '1 year', 0, '2024-06-30') o
JOIN worth m ON m.m = 'mbg' AND m.customer_id = o.customer_id JOIN worth b ON b.m = 'bg' AND b.customer_id = o.customer_id JOIN seen ON seen.customer_id = o.customer_id;

-- The best is taken, and the unit, the order of lines and the scale of amounts change nothing but what follows from them
SELECT algorithm = (SELECT algorithm FROM custseg.model_version WHERE model IN ('bg', 'mbg') ORDER BY metrics ->> 'aic' LIMIT 1) AS best
FROM custseg.train_purchases('auto', 'bought', 'customer', 'at', 'amount', '2024-06-30');
SELECT agrees(d.log_likelihood + ln(7::float8) * (SELECT sum(repeats) FROM seen)::float8, (v.metrics ->> 'log_likelihood')::float8, 1e-9) AS likelihood, d.algorithm = v.algorithm AS algorithm
FROM custseg.train_purchases('in days', 'SELECT customer, at, amount * 1000 AS amount FROM bought ORDER BY amount', 'customer', 'at', 'amount', '2024-06-30', options => '{"unit": "day"}') d
JOIN custseg.model_version v ON v.model = 'auto';
SELECT count(*), count(*) FILTER (WHERE agrees(a.alive, d.alive, 1e-6) <> 't' OR agrees(a.expected_purchases, d.expected_purchases, 1e-6) <> 't' OR agrees(a.lifetime_value * 1000, d.lifetime_value, 1e-6) <> 't'
    OR agrees(a.high * 1000, d.high, 1e-6) <> 't' OR agrees(a.low * 1000, d.low, 1e-6) <> 't') AS different
FROM custseg.lifetime_value('auto', 'bought', as_of => '2024-06-30') a
JOIN custseg.lifetime_value('in days', as_of => '2024-06-30') d USING (customer_id);
SELECT a.parameter, agrees(a.estimate * CASE a.parameter WHEN 'alpha' THEN 7 WHEN 'g' THEN 1000 ELSE 1 END, d.estimate, 1e-5) AS estimate, agrees(a.standard_error / a.estimate, d.standard_error / d.estimate, 1e-3) AS error
FROM custseg.purchase_parameters('auto') a JOIN custseg.purchase_parameters('in days') d USING (part, parameter) ORDER BY 1;

-- The holdout by its definition: a model of the lines before it, predictions, what came
SELECT count(*) FROM custseg.train_purchases('before', 'bought', 'customer', 'at', 'amount', '2024-04-01', 'mbg_nbd', '{"holdout": "none"}');
CREATE TABLE outcome AS
SELECT customer_id, s.repeats, l.expected_purchases AS predicted, l.lifetime_value AS value_predicted,
    (SELECT count(DISTINCT b.at::date) FROM bought b WHERE b.customer::text = customer_id AND b.at::date > '2024-04-01' AND b.at::date <= '2024-06-30') AS actual,
    (SELECT coalesce(sum(b.amount), 0) FROM bought b WHERE b.customer::text = customer_id AND b.at::date > '2024-04-01' AND b.at::date <= '2024-06-30')::float8 AS value_actual
FROM custseg.lifetime_value('before', 'bought', '90 days', 0, '2024-04-01') l JOIN custseg.purchase_summary('bought', 'customer', 'at', 'amount', '2024-04-01') s USING (customer_id);
SELECT h.measured, h.days, h.n, agrees(h.predicted, o.predicted) AS predicted, agrees(h.actual, o.actual) AS actual, agrees(h.mae, o.mae) AS mae, agrees(h.rmse, o.rmse) AS rmse, agrees(h.bias, o.bias) AS bias, h.coverage BETWEEN 0.85 AND 1 AS covers
FROM custseg.purchase_holdout('mbg') h
JOIN (SELECT 'purchases' AS measured, sum(predicted) AS predicted, sum(actual)::float8 AS actual, avg(abs(predicted - actual)) AS mae, sqrt(avg((predicted - actual) ^ 2)) AS rmse, avg(predicted - actual) AS bias FROM outcome
    UNION ALL SELECT 'value', sum(value_predicted), sum(value_actual), avg(abs(value_predicted - value_actual)), sqrt(avg((value_predicted - value_actual) ^ 2)), avg(value_predicted - value_actual) FROM outcome) o USING (measured)
ORDER BY 1;
SELECT count(*), count(*) FILTER (WHERE c.n <> o.n OR agrees(c.predicted, o.predicted) <> 't' OR agrees(c.actual, o.actual) <> 't') AS different
FROM custseg.purchase_calibration('mbg') c FULL JOIN (SELECT least(repeats, 7) AS repeats, count(*) AS n, avg(predicted) AS predicted, avg(actual)::float8 AS actual FROM outcome GROUP BY 1) o USING (repeats);
-- customers with equal predictions count for the mean of what came to them
WITH tied AS (SELECT predicted, avg(actual) OVER (PARTITION BY predicted) AS actual FROM outcome),
    ranked AS (SELECT *, row_number() OVER (ORDER BY predicted DESC) AS rank, count(*) OVER () AS n FROM tied),
    deciles AS (SELECT 10 * (rank - 1) / n + 1 AS decile, avg(predicted) AS predicted, avg(actual)::float8 AS actual FROM ranked GROUP BY 1)
SELECT count(*), count(*) FILTER (WHERE agrees(d.predicted, o.predicted) <> 't' OR agrees(d.actual, o.actual) <> 't') AS different, round(sum(d.share)::numeric, 9) AS shares,
    agrees((SELECT gini FROM custseg.purchase_holdout('mbg') WHERE measured = 'purchases'),
        (SELECT 2 * sum(c.share) / max(n) - 1 - 1.0 / max(n) FROM (SELECT n, sum(actual) OVER (ORDER BY rank) / sum(actual) OVER () AS share FROM ranked) c)::float8) AS gini
FROM custseg.purchase_deciles('mbg') d JOIN deciles o USING (decile);

-- Verdicts: nobody leaves, few customers
CREATE TABLE loyal AS
SELECT i AS customer, date '2023-01-01' + (n * (7 + 60 * uniform(i, 8)) + 5 * uniform(i, 9, n))::int AS at, 10 + i % 13 AS amount
FROM generate_series(1, 300) i, generate_series(0, 80) n WHERE n * (7 + 60 * uniform(i, 8)) < 540;
SELECT algorithm, converged, verdict, substr(reason, 1, 51) AS reason FROM unnest('{auto,bg_nbd}'::text[]) a, LATERAL custseg.train_purchases('loyal ' || a, 'loyal', 'customer', 'at', 'amount', algorithm => a, options => '{"holdout": "none"}');
-- all leave with the same chance, a fifth after each purchase: that they do is told, and how often; only how much they differ is at its bound
CREATE TABLE same_chance AS
SELECT customer, date '2023-01-01' + day::int AS at, 10 + customer % 13 AS amount
FROM (SELECT i AS customer, 60 * uniform(i, 20) + sum(CASE WHEN n > 0 THEN 20 * ln(1 - uniform(i, 21, n)) / ln(1 - uniform(i, 23)) ELSE 0 END) OVER purchases AS day,
        bool_or(n > 0 AND uniform(i, 26, n) < 0.2) OVER purchases AS has_left
    FROM generate_series(1, 600) i, generate_series(0, 40) n WINDOW purchases AS (PARTITION BY i ORDER BY n)) p
WHERE NOT has_left AND day < 400;
CREATE TABLE told AS SELECT t.* FROM unnest('{auto,bg_nbd,mbg_nbd}'::text[]) a, LATERAL custseg.train_purchases('same chance ' || a, 'same_chance', 'customer', 'at', 'amount', '2024-02-05', a) t;
SELECT algorithm, converged, verdict, substr(reason, 1, 38) AS reason, reason ~ 'hardly differ' AS hardly_differ, abs(a / (a + b) - 0.2) < 0.03 AS mean_chance, abs(predicted / actual - 1) < 0.2 AS came
FROM told, LATERAL (SELECT max(estimate) FILTER (WHERE parameter = 'a') AS a, max(estimate) FILTER (WHERE parameter = 'b') AS b FROM custseg.purchase_parameters(model) WHERE part = 'purchases') p,
    LATERAL (SELECT sum(predicted * n) AS predicted, sum(actual * n) AS actual FROM custseg.purchase_calibration(model)) c;
SELECT verdict, reason FROM custseg.train_purchases('few', 'SELECT * FROM bought WHERE customer <= 40', 'customer', 'at', 'amount', options => '{"holdout": "none"}');
-- Amounts: all the same, not above 0, and bound to how often customers buy
SELECT count(*) FROM custseg.train_purchases('even', 'SELECT DISTINCT ON (customer, at::date) customer, at, 5 AS amount FROM bought', 'customer', 'at', 'amount', options => '{"holdout": "none"}');
SELECT min(expected_spend), max(expected_spend) FROM custseg.lifetime_value('even');
SELECT count(*) FROM custseg.train_purchases('free', 'SELECT customer, at, CASE WHEN customer % 5 = 0 THEN 0 ELSE amount END AS amount FROM bought', 'customer', 'at', 'amount', options => '{"holdout": "none"}');
SELECT count(*) FROM custseg.train_purchases('bound', 'SELECT b.customer, at, amount * (1 + repeats) AS amount FROM bought b JOIN seen ON customer_id = customer::text', 'customer', 'at', 'amount', options => '{"holdout": "none"}');
SELECT count(*), count(expected_spend), count(lifetime_value), count(high) FROM custseg.lifetime_value('nbd');
-- One customer, as a row, in either unit, and as json: the same
SELECT count(*), count(*) FILTER (WHERE agrees(custseg.predict_lifetime_value('auto', s), l.lifetime_value) <> 't' OR agrees(custseg.predict_lifetime_value('auto', d), l.lifetime_value) <> 't'
    OR agrees(custseg.predict_lifetime_value('auto', to_jsonb(s)), l.lifetime_value) <> 't') AS different
FROM seen s JOIN custseg.purchase_summary('bought', 'customer', 'at', 'amount', '2024-06-30', '{"unit": "day"}') d USING (customer_id)
JOIN custseg.lifetime_value('auto', as_of => '2024-06-30') l USING (customer_id);
ALTER TABLE seen ADD worth float8;
CREATE FUNCTION value_customer() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.worth := custseg.predict_lifetime_value('bg', NEW, '90 days', 0); RETURN NEW; END$$;
CREATE TRIGGER value_customer BEFORE INSERT ON seen FOR EACH ROW EXECUTE FUNCTION value_customer();
INSERT INTO seen (customer_id, repeats, recency, customer_age, monetary) VALUES ('new', 3, 10, 20, 25), ('unknown', NULL, 1, 2, 3);
UPDATE seen s SET worth = custseg.predict_lifetime_value('bg', s, '90 days', 0) WHERE worth IS NULL;
SELECT count(*), count(*) FILTER (WHERE agrees(worth, lifetime_value) <> 't') AS different FROM seen JOIN custseg.lifetime_value('bg', 'bought', '90 days', 0, '2024-06-30') USING (customer_id);
SELECT customer_id, worth > 0 AS is_worth FROM seen WHERE customer_id IN ('new', 'unknown') ORDER BY 1;
SELECT custseg.predict_lifetime_value('nbd', '{"repeats": 1, "recency": 1, "customer_age": 2}'), custseg.predict_lifetime_value('bg', NULL::jsonb);
-- Without a horizon: all that is to come, by Pareto/NBD
SELECT count(*), count(expected_purchases), count(high), bool_and(lifetime_value > 0) FROM custseg.lifetime_value('pareto', horizon => NULL);
SELECT count(*), count(*) FILTER (WHERE f.lifetime_value < y.lifetime_value OR abs(f.lifetime_value / y.lifetime_value - 1) > 0.02) AS different
FROM custseg.lifetime_value('pareto', horizon => NULL, discount => 0.5) f JOIN custseg.lifetime_value('pareto', horizon => '30 years', discount => 0.5) y USING (customer_id);

-- customers who all leave with the same chance: a and b are at their bound, where terms of the expectation rise beyond all numbers
CREATE TABLE alike AS
SELECT i AS customer, date '2025-01-01' + (abs(hashint4(i)) % 300 + CASE WHEN k = 0 THEN 0 ELSE abs(hashint4(i * 31 + k)) % (1 + least((-ln((abs(hashint4(i + 900000)) % 9973 + 1) / 9974.0) * 150)::int, 364 - abs(hashint4(i)) % 300)) END) AS at
FROM generate_series(1, 400) i, LATERAL generate_series(0, (-ln((abs(hashint4(i + 500000)) % 9973 + 1) / 9974.0) * 2)::int) k;
SET client_min_messages = warning;
SELECT algorithm FROM custseg.train_purchases('alike', 'alike', 'customer', 'at', algorithm => 'bg_nbd');
RESET client_min_messages;
SELECT (SELECT max(estimate) FILTER (WHERE parameter = 'b') > 22026 FROM custseg.purchase_parameters('alike')) AS alike, count(*), count(*) FILTER (WHERE NOT expected_purchases >= 0) AS wrong
FROM custseg.lifetime_value('alike', horizon => '26 weeks');
SELECT custseg.drop_model('alike', whole => true);

-- What is expected within 52 weeks is what mpmath integrates in 60 digits: where r is above a + b, at a = 1 and a + b = 1, with b
-- of a million or a of thousands, at once, and for buyers of a thousand times.  Spending is 1, so that values are purchases.
CREATE FUNCTION expected(model text, r float8, alpha float8, a float8, b float8, repeats int, recency float8, age float8) RETURNS float8 LANGUAGE plpgsql AS $$
BEGIN
    UPDATE custseg.model_version v SET parameters = parameters || jsonb_build_object('purchases', jsonb_build_object('model', expected.model, 'r', r, 'alpha', alpha, 'a', a, 'b', b),
        'spend', '{"model": "gamma_gamma", "p": 1, "q": 2, "g": 1}'::jsonb) WHERE v.model = 'bg';
    RETURN custseg.predict_lifetime_value('bg', jsonb_build_object('repeats', repeats, 'recency', recency, 'customer_age', age, 'monetary', CASE WHEN repeats > 0 THEN 1 END), '52 weeks', 0);
END $$;
BEGIN;
SELECT e.*, abs(expected(model, r, alpha, a, b, repeats, recency, age) / exact - 1) < 1e-10 AS agrees FROM (VALUES
    ('bg_nbd', 50::float8, 4::float8, .5::float8, 1.2::float8, 0, 0::float8, 0::float8, 48.9427810595877::float8), ('mbg_nbd', 80, 2, 1.5, .5, 3, 20, 20, 5.97344706939344),
    ('bg_nbd', 30, 1, 1, 6, 2, 10, 12, .74312164773400326), ('mbg_nbd', .25, 4.4, .6, .4, 0, 0, 0, .57344349675680137), ('bg_nbd', .25, 4.4, 1, 2.4, 1, 20, 38, .65650246589232916),
    ('mbg_nbd', .7, 2.4, 10044, 22026.5, 5, 30, 30, 1.9782513552660966), ('bg_nbd', 2, 10, .8, 1e6, 1000, 500, 500, 102.16044945252994), ('bg_nbd', 9, .001, 2000, 3, 1, .5, .5, .0015007503751875938))
    e (model, r, alpha, a, b, repeats, recency, age, exact);
ROLLBACK;

-- Errors
SELECT outcome($$SELECT version::text FROM custseg.train_purchases('none', 'SELECT DISTINCT ON (customer) * FROM bought', 'customer', 'at', 'amount')$$);
SELECT outcome($$SELECT version::text FROM custseg.train_purchases('none', 'SELECT customer, at, -amount AS amount FROM bought', 'customer', 'at', 'amount')$$);
SELECT outcome($$SELECT version::text FROM custseg.train_purchases('none', 'SELECT customer, at, 0 AS amount FROM bought', 'customer', 'at', 'amount')$$);
-- sums of a customer beyond all doubles, and means of all customers; amounts close to the ends of doubles are scaled
SELECT outcome(format('SELECT count(*)::text FROM custseg.%s', call)) FROM (VALUES
    ($$purchase_summary('SELECT customer, at, 1e308::float8 AS amount FROM bought', 'customer', 'at', 'amount')$$),
    ($$rfm('SELECT customer, at, -1e308::float8 AS amount FROM bought', 'customer', 'at', 'amount', options => '{"returns": "count"}')$$),
    ($$train_purchases('none', 'SELECT i AS customer, date ''2024-01-01'' + k * (i % 9 + 7) AS at, 1e307::float8 * (5 + i % 3) AS amount FROM generate_series(1, 100) i, generate_series(0, 2) k WHERE k < 2 OR i % 5 = 0', 'customer', 'at', 'amount', options => '{"holdout": "none"}')$$)) c (call);
SELECT factor, t.verdict FROM unnest('{1,1e-303,1e300}'::float8[]) factor,
    LATERAL custseg.train_purchases('scaled ' || factor, format('SELECT customer, at, amount * %s::float8 AS amount FROM bought', factor), 'customer', 'at', 'amount', '2024-06-30', 'bg_nbd', '{"holdout": "none"}') t;
SELECT round((s ->> 'p')::numeric, 4) AS p, round((s ->> 'q')::numeric, 4) AS q, round(((s ->> 'g')::float8 / substr(model, 8)::float8)::numeric, 3) AS g
FROM custseg.model_version, LATERAL (SELECT parameters -> 'spend') p (s) WHERE model LIKE 'scaled %' ORDER BY substr(model, 8)::float8;
SELECT count(*) AS dropped FROM custseg.model, LATERAL custseg.drop_model(name, whole => true) WHERE name LIKE 'scaled %';
SELECT outcome($$SELECT version::text FROM custseg.train_purchases('none', 'bought', 'customer', 'at', 'amount', '2022-01-01')$$);
SELECT outcome($$SELECT version::text FROM custseg.train_purchases('none', 'bought', 'customer', 'at', 'amount', algorithm => 'poisson')$$);
SELECT outcome($$SELECT version::text FROM custseg.train_purchases('none', 'bought', 'customer', 'at', 'amount', options => '{"holdout": "5 years"}')$$);
SELECT outcome($$SELECT version::text FROM custseg.train_purchases('none', 'bought', 'customer', 'at', 'amount', options => '{"holdout": "soon"}')$$);
SELECT outcome($$SELECT version::text FROM custseg.train_purchases('none', NULL, 'customer', 'at', 'amount')$$);
-- a year mistyped makes a customer millions of days old, for each of which tables have a place
SELECT outcome($$SELECT version::text FROM custseg.train_purchases('none', 'SELECT customer, at, amount FROM bought UNION ALL SELECT 1, ''20211-01-01'', 3', 'customer', 'at', 'amount')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.lifetime_value('bg', horizon => '-1 day')$$);
SELECT outcome($$SELECT custseg.predict_lifetime_value('bg', '{"repeats": 1, "recency": 3, "customer_age": 1000}'::jsonb, '100000000 years')::text$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.lifetime_value('bg', horizon => NULL)$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.lifetime_value('pareto', horizon => NULL, discount => 0)$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.lifetime_value('bg', discount => -1)$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.lifetime_value('bg', confidence => 1)$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.lifetime_value('bg', 'SELECT customer, at FROM bought')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.lifetime_value('bg', version => 9)$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.purchase_parameters('none')$$);
SELECT outcome($$SELECT custseg.predict_lifetime_value('bg', '{"repeats": -1, "recency": 1, "customer_age": 2}')::text$$);
SELECT outcome($$SELECT custseg.predict_lifetime_value('bg', '{"repeats": 1, "recency": 3, "customer_age": 2}')::text$$);
SELECT outcome($$SELECT custseg.predict_lifetime_value('bg', '{"repeats": 0, "recency": 1, "customer_age": 2}')::text$$);
SELECT outcome($$SELECT custseg.predict_lifetime_value('bg', '{"repeats": 2.5, "recency": 1, "customer_age": 2}')::text$$);
SELECT outcome($$SELECT custseg.predict_lifetime_value('bg', '{"repeats": 2, "recency": 0, "customer_age": 2}')::text$$);
SELECT outcome($$SELECT custseg.predict_lifetime_value('bg', '{"repeats": 1, "recency": 1}')::text$$);
SELECT outcome($$SELECT custseg.predict_lifetime_value('bg', '{"repeats": 1, "recency": "much", "customer_age": 2}')::text$$);
SELECT outcome($$SELECT custseg.predict_lifetime_value('bg', '{"repeats": 1, "recency": 1, "customer_age": 2, "unit": "month"}')::text$$);
SELECT outcome($$SELECT custseg.predict_lifetime_value('bg', s)::text FROM (SELECT 1 AS repeats, 'x' AS recency, 2 AS customer_age) s$$);
SELECT outcome($$SELECT custseg.predict_lifetime_value('bg', s)::text FROM (SELECT 1 AS repeats, 1 AS recency, 2 AS customer_age, 5 AS unit) s$$);
SELECT count(*) FROM custseg.model WHERE name = 'none';

-- Days are those of the calendar, where clocks go back over midnight, too: in St. John's they did so in October 2006, from 00:01 to 23:01
SET timezone = 'America/St_Johns';
CREATE TABLE midnight AS
SELECT 'c' || i % 40 AS who, timestamptz '2006-10-28 03:00+00' + (i * 977) * interval '1 minute' * ((i % 7) + 1) / 4 AS at, (i % 50 - 3)::numeric AS amount FROM generate_series(1, 900) i
UNION ALL SELECT 'c1', timestamptz '2006-10-29 02:30+00' + i * interval '1 minute', 1 FROM generate_series(0, 120) i;
WITH days AS (
    SELECT who, at::date AS day, bool_or(amount >= 0) AS bought, sum(amount) AS amount FROM midnight GROUP BY 1, 2
), expected AS (
    SELECT d.who, count(*) - 1 AS repeats, max(d.day) - min(d.day) AS recency, (SELECT max(at::date) FROM midnight) - min(d.day) AS age, sum(d.amount) FILTER (WHERE d.day > f.first) AS total
    FROM days d JOIN (SELECT who, min(day) AS first FROM days WHERE bought GROUP BY 1) f USING (who) WHERE d.bought GROUP BY 1
)
SELECT count(*), count(*) FILTER (WHERE s.repeats = e.repeats AND s.recency = e.recency AND s.customer_age = e.age AND agrees(s.monetary, (e.total / nullif(e.repeats, 0))::float8) = 't') AS alike
FROM custseg.purchase_summary('midnight', 'who', 'at', 'amount', options => '{"unit": "day"}') s FULL JOIN expected e ON e.who = s.customer_id;
-- the last line is of the day before that of the line before it
SELECT customer_id, customer_age FROM custseg.purchase_summary($$VALUES ('a', timestamptz '2006-10-29 02:30:30+00', 1), ('b', '2006-10-29 02:35+00', 2), ('b', '2006-10-20 02:35+00', 2)$$, 'column1', 'column2', 'column3', options => '{"unit": "day"}') ORDER BY 1;
RESET timezone;
-- customers of a type that has no order
SELECT customer_id, repeats FROM custseg.purchase_summary($$SELECT x::text::xid AS c, date '2024-01-01' + x AS d, 1::money AS a FROM generate_series(1, 3) x UNION ALL SELECT '2'::xid, '2024-02-02', '5'$$, 'c', 'd', 'a') ORDER BY 1;

SET client_min_messages = warning;
SELECT count(*) FROM custseg.model m, LATERAL custseg.drop_model(m.name, whole => true) WHERE m.kind = 'purchases';
DROP SCHEMA purchases_test CASCADE;
\i :root/test/clean.sql
