-- Customers by the period of their first purchase, and how many of them buy in each period after it.
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS cohorts_test CASCADE;
CREATE SCHEMA cohorts_test;
SET search_path = cohorts_test, public;
RESET client_min_messages;

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

CREATE TABLE orders (customer text, at date, amount numeric);
INSERT INTO orders VALUES
    ('ann', '2026-01-05', 10.10), ('ann', '2026-01-20', 20.20), ('ann', '2026-03-02', 5), ('ann', '2026-03-03', -1),
    ('bob', '2026-01-31', 40), ('bob', '2026-04-30', 2), ('cid', '2026-03-15', 7), ('cid', '2026-02-01', -7),
    ('dan', '2026-02-10', -3), (NULL, '2026-01-01', 1), ('eve', NULL, 1), ('eve', '2026-01-02', NULL);
SELECT * FROM custseg.cohorts('orders', 'customer', 'at', 'amount');
-- as of a day, returns left out, no amounts, other periods
SELECT cohort, period_number AS period, period_start, n_active, revenue, is_complete FROM custseg.cohorts('orders', 'customer', 'at', 'amount', as_of => '2026-03-31 12:00', options => '{"returns": "ignore"}');
SELECT cohort, n, period_number AS period, n_active, revenue, cumulative_revenue_per_customer AS cumulative FROM custseg.cohorts('orders', 'customer', 'at', period => 'quarter');
SELECT cohort, period_start, n_active, is_complete FROM custseg.cohorts('orders', 'customer', 'at', 'amount', 'Week') WHERE n_active > 0;
SELECT cohort, period_start, is_complete FROM custseg.cohorts('orders', 'customer', 'at', 'amount', 'year', as_of => '2026-12-31');
SELECT count(*), min(period_start), max(period_start) FROM custseg.cohorts('orders', 'customer', 'at', 'amount', 'day') WHERE cohort = '2026-01-05';

-- the same by definition, for lines without a pattern, in another zone
CREATE TABLE lines AS
SELECT 'c' || abs(hashint4(i)) % 60 AS customer, timestamptz '2025-01-01 00:00+00' + (abs(hashint4(i + 5000)) % 1000) * (abs(hashint4(i + 9000)) % 1000) * interval '44 seconds' AS at,
    (abs(hashint4(i + 70000)) % 10800 - 800) / 100.0 AS amount
FROM generate_series(1, 900) i;
CREATE FUNCTION by_definition(period text, step interval) RETURNS TABLE (cohort date, n bigint, period_number int, period_start date, n_active bigint, revenue numeric) LANGUAGE sql AS $$
    WITH line AS (SELECT customer, date_trunc(period, at AT TIME ZONE 'Asia/Tokyo')::date AS p, amount FROM lines),
        begun AS (SELECT customer, min(p) AS cohort FROM line WHERE amount >= 0 GROUP BY customer),
        last AS (SELECT max(p) AS p FROM line)
    SELECT c.cohort, (SELECT count(*) FROM begun b WHERE b.cohort = c.cohort), g.number::int - 1, g.p::date,
        (SELECT count(DISTINCT l.customer) FROM begun b JOIN line l USING (customer) WHERE b.cohort = c.cohort AND l.p = g.p AND l.amount >= 0),
        (SELECT coalesce(sum(l.amount), 0) FROM begun b JOIN line l USING (customer) WHERE b.cohort = c.cohort AND l.p = g.p)
    FROM (SELECT DISTINCT b.cohort FROM begun b) c, last, generate_series(c.cohort::timestamp, last.p, step) WITH ORDINALITY AS g (p, number)
$$;
SELECT name, count(*) > 3 AS enough, count(*) FILTER (WHERE d.period_start IS DISTINCT FROM c.period_start OR d.n <> c.n OR d.n_active <> c.n_active OR agrees(c.revenue, d.revenue::float8) <> 't'
    OR agrees(c.retention, d.n_active::float8 / d.n) <> 't' OR agrees(c.revenue_per_customer, d.revenue::float8 / d.n) <> 't') AS different
FROM (VALUES ('month', interval '1 month'), ('quarter', '3 months'), ('week', '7 days')) n (name, step),
    LATERAL (SELECT * FROM custseg.cohorts('lines', 'customer', 'at', 'amount', name, options => '{"time_zone": "Asia/Tokyo"}')) c
    FULL JOIN LATERAL (SELECT * FROM by_definition(name, step)) d USING (cohort, period_number)
GROUP BY name ORDER BY name;
-- all customers are in a cohort, all that they spend from then on in a period; the order of lines and the session's zone do not matter
SELECT sum(n_active) FILTER (WHERE period_number = 0) AS customers, (SELECT count(DISTINCT customer) FROM lines WHERE amount >= 0) AS these FROM custseg.cohorts('lines', 'customer', 'at', 'amount');
CREATE TABLE before AS SELECT * FROM custseg.cohorts('lines', 'customer', 'at', 'amount', options => '{"time_zone": "UTC"}');
SET TimeZone = 'America/Lima';
SELECT count(*) AS different FROM (TABLE before EXCEPT ALL SELECT * FROM custseg.cohorts('SELECT * FROM lines ORDER BY amount', 'customer', 'at', 'amount', options => '{"time_zone": "UTC"}')) d;
RESET TimeZone;

-- errors
SELECT outcome($$SELECT count(*)::text FROM custseg.cohorts('orders', 'customer', 'at', 'amount', 'fortnight')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.cohorts('orders', 'customer', 'at', 'amount', NULL)$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.cohorts('orders', 'customer', 'at', 'amount', as_of => '2020-01-01')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.cohorts('SELECT * FROM orders WHERE false', 'customer', 'at', 'amount')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.cohorts('orders', 'customer', 'at', 'amount', 'day', as_of => '2040-01-01')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.cohorts('orders', 'customer', 'at', 'amount', options => '{"returns": "count"}')$$);

SET client_min_messages = warning;
DROP SCHEMA cohorts_test CASCADE;
\i :root/test/clean.sql
