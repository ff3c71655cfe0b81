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

-- Errors
SELECT outcome($$SELECT count(*)::text FROM custseg.purchase_summary('lines', 'customer', 'at', 'amount', '2023-12-31')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.purchase_summary('lines', 'customer', 'at', 'amount', 'infinity')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.purchase_summary('SELECT * FROM lines WHERE customer IS NULL', 'customer', 'at', 'amount')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.purchase_summary('lines', 'customer', 'at', 'customer')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.purchase_summary('lines', 'customer', 'amount')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.purchase_summary('lines', 'customer', 'at', options => '{"unit": "month"}')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.purchase_summary('lines', 'customer', 'at', options => '{"returns": "count"}')$$);

SET client_min_messages = warning;
DROP SCHEMA purchases_test CASCADE;
