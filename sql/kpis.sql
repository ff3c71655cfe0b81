-- What segments do month by month (segment_kpis, record_kpis, kpi_changes), and before and after without a control.
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS kpis_test CASCADE;
DROP ROLE IF EXISTS regress_cs_owner, regress_cs_reader;
CREATE SCHEMA kpis_test;
SET search_path = kpis_test, public;
SET jit = off;

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

CREATE FUNCTION uniform(VARIADIC what int[]) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$SELECT ((hashtextextended(what::text, 17) >> 12) & ((1::bigint << 50) - 1)) / (2.0::float8 ^ 50)$$;

-- 600 customers in three segments, who order in 2024 and 2025, several lines to an order; a few return something
CREATE TABLE customer AS SELECT i AS id, 1 + i % 3 AS kind FROM generate_series(1, 600) i;
ALTER TABLE customer ADD PRIMARY KEY (id);
SELECT n_segments FROM custseg.train('shop', 'customer', '{kind}', algorithm => 'rules', id => 'id', options =>
    '{"segments": [{"name": "often", "when": {"kind": {"to": 1}}}, {"name": "at times", "when": {"kind": {"from": 2, "to": 2}}}, {"name": "rarely"}], "else": "rarely"}');
CREATE TABLE orders AS
SELECT i AS customer, m * 1000 + i AS number, timestamptz '2024-01-01 00:30+01' + m * interval '1 month' + uniform(i, m, 2) * interval '27 days' AS at,
    CASE WHEN line = 3 AND i % 10 = 0 THEN -5 ELSE round((10 + 40 * uniform(i, m, line))::numeric, 2) END AS amount
FROM generate_series(1, 620) i, generate_series(0, 23) m, generate_series(1, 3) line
WHERE uniform(i, m) < 0.8 / (1 + i % 3) AND uniform(i, m, line, 5) < 1.2 / line;
RESET client_min_messages;

-- What segments did is what a query over the lines says
CREATE TABLE found AS SELECT * FROM custseg.segment_kpis('shop', 'orders', 'customer', 'at', 'amount', options => '{"months": 24, "order": "number", "time_zone": "Europe/Berlin"}');
CREATE TABLE expected AS
WITH line AS (
    SELECT c.id, c.kind, o.number, date_trunc('month', at AT TIME ZONE 'Europe/Berlin')::date AS month, amount FROM orders o JOIN customer c ON c.id = o.customer
), bought AS (
    SELECT id, kind, month, count(DISTINCT number) FILTER (WHERE amount >= 0) AS n, sum(amount) AS amount FROM line GROUP BY id, kind, month
), cell AS (
    SELECT b.kind, b.month, count(*) FILTER (WHERE b.n > 0) AS n_buyers, sum(b.n) AS n_orders, sum(b.n * b.n) AS orders_squares, sum(b.amount) AS revenue, sum(b.amount * b.amount) AS revenue_squares,
        count(*) FILTER (WHERE b.n > 0 AND p.n > 0) AS n_retained, count(*) FILTER (WHERE b.n > 0 AND b.month = f.month) AS n_new
    FROM bought b LEFT JOIN bought p ON p.id = b.id AND p.month = b.month - interval '1 month'
    LEFT JOIN (SELECT id, min(month) AS month FROM bought WHERE n > 0 GROUP BY id) f ON f.id = b.id
    GROUP BY b.kind, b.month
)
SELECT c.*, coalesce(p.n_buyers, 0) AS n_buyers_before FROM cell c LEFT JOIN cell p ON p.kind = c.kind AND p.month = c.month - interval '1 month';
SELECT count(*), count(*) FILTER (WHERE f.n = 200 AND (f.n_buyers, f.n_orders, f.n_retained, f.n_new, f.n_buyers_before, f.n_lost) = (e.n_buyers, e.n_orders, e.n_retained, e.n_new, e.n_buyers_before, e.n_buyers_before - e.n_retained)
    AND f.revenue = e.revenue::float8 AND f.revenue_squares = e.revenue_squares::float8 AND f.orders_squares = e.orders_squares) AS alike
FROM found f JOIN expected e ON e.kind = f.segment AND e.month = f.month;
SELECT count(*) FILTER (WHERE agrees(f.conversion, f.n_buyers / 200.0) <> 't' OR agrees(f.average_order, f.revenue / f.n_orders) <> 't' OR agrees(f.revenue_per_customer, f.revenue / 200) <> 't'
    OR agrees(f.orders_per_customer, f.n_orders / 200.0) <> 't' OR f.n_buyers_before > 0 AND agrees(f.retention, f.n_retained / f.n_buyers_before::float8) <> 't') AS wrong
FROM found f WHERE segment IS NOT NULL;
-- parts are a whole
SELECT count(*) FILTER (WHERE (t.n, t.n_buyers, t.n_orders, t.n_retained, t.n_new, t.n_lost) IS DISTINCT FROM (p.n, p.n_buyers, p.n_orders, p.n_retained, p.n_new, p.n_lost) OR agrees(t.revenue, p.revenue) <> 't') AS wrong, count(*)
FROM found t
JOIN (SELECT month, sum(n) AS n, sum(n_buyers) AS n_buyers, sum(n_orders) AS n_orders, sum(n_retained) AS n_retained, sum(n_new) AS n_new, sum(n_lost) AS n_lost, sum(revenue) AS revenue FROM found WHERE name <> 'total' GROUP BY month) p USING (month)
WHERE t.name = 'total';
SELECT month, is_complete, name, n, n_buyers, n_orders, revenue, n_retained, n_new, n_lost, reason FROM found WHERE month >= '2025-12-01';
-- without orders' numbers days are orders, a return is left out, a day ends where it is midnight there, and without amounts there is no revenue
SELECT sum(n_orders) AS orders, sum(revenue) IS NULL AS no_revenue, sum(n_buyers) AS buyers FROM custseg.segment_kpis('shop', 'orders', 'customer', 'at', NULL, options => '{"months": 24, "time_zone": "Europe/Berlin"}') WHERE name = 'total';
SELECT sum(revenue) > (SELECT sum(revenue) FROM found WHERE name = 'total') AS more FROM custseg.segment_kpis('shop', 'orders', 'customer', 'at', 'amount', options => '{"months": 24, "returns": "ignore", "time_zone": "Europe/Berlin"}') WHERE name = 'total';
SELECT name, month, n_orders FROM custseg.segment_kpis('shop', $$VALUES (1, timestamptz '2024-12-31 23:30+00', 5), (1, '2024-12-31 23:40+00', 6)$$, 'column1', 'column2', 'column3', options => '{"time_zone": "Europe/Berlin"}') WHERE name IN ('at times', 'total');
-- a month in which nobody bought is there; as_of looks from another day; customers may be others
SELECT month, n_buyers, n_lost, is_complete FROM custseg.segment_kpis('shop', 'SELECT * FROM orders WHERE date_trunc(''month'', at AT TIME ZONE ''UTC'') <> ''2025-03-01''', 'customer', 'at', 'amount', as_of => '2025-04-29 12:00+00', options => '{"months": 3, "time_zone": "UTC"}') WHERE segment = 1;
SELECT month, name, n, n_buyers, reason FROM custseg.segment_kpis('shop', 'orders', 'customer', 'at', 'amount', 'SELECT 3 AS id, 1 AS kind UNION ALL SELECT 5, NULL', options => '{"months": 1}');

SET client_min_messages = warning;
-- Kept: the last month that is over; once more, and with the months before it that are not there
SELECT month, name, n_buyers, run > 0 AS run, position FROM custseg.record_kpis('shop', 'orders', 'customer', 'at', 'amount', as_of => '2025-10-15', options => '{"order": "number", "time_zone": "Europe/Berlin"}');
SELECT count(*), count(DISTINCT run) FROM custseg.record_kpis('shop', 'orders', 'customer', 'at', 'amount', as_of => '2025-10-30', options => '{"order": "number", "months": 14, "time_zone": "Europe/Berlin"}');
SELECT count(*), count(DISTINCT month), count(DISTINCT run), min(month), max(month) FROM custseg.segment_kpi WHERE model = 'shop';
SELECT count(*) FROM (SELECT month, segment, name, n, n_buyers, n_orders, revenue, revenue_squares, n_retained FROM custseg.segment_kpi WHERE model = 'shop' EXCEPT SELECT month, segment, name, n, n_buyers, n_orders, revenue, revenue_squares, n_retained FROM found) d;
SELECT month, count(*), count(*) FILTER (WHERE rating = 'ok') AS ok, array_agg(DISTINCT reference_month) AS reference FROM custseg.kpi_history WHERE model = 'shop' GROUP BY month ORDER BY month LIMIT 2;
SELECT name, kpi, reference_month, agrees(reference, CASE kpi WHEN 'revenue' THEN f.revenue_per_customer WHEN 'orders' THEN f.orders_per_customer WHEN 'conversion' THEN f.conversion ELSE f.retention END) AS reference, rating
FROM custseg.kpi_changes('shop', '2025-09-01') c JOIN found f USING (name) WHERE f.month = '2024-09-01' AND f.segment = 2;
-- a month is told by any of its days
SELECT count(*), min(month) = '2025-09-01' AS of_the_month FROM custseg.kpi_changes('shop', '2025-09-30');
SELECT count(DISTINCT month) FROM custseg.record_kpis('shop', 'orders', 'customer', 'at', 'amount', options => '{"order": "number"}', keep_days => 100000);

-- The tests, from what is kept
CREATE FUNCTION keep(model text, month date, segment int, n bigint, n_buyers bigint, revenue float8, revenue_squares float8, n_retained bigint, n_buyers_before bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO custseg.segment_kpi (model, run, version, run_at, run_by, month, is_complete, segment, name, n, n_buyers, n_orders, orders_squares, revenue, revenue_squares, n_retained, n_buyers_before, n_new, n_lost,
        conversion, revenue_per_customer, orders_per_customer, retention, position)
    SELECT model, 1, 1, now(), current_user, month, true, segment, CASE WHEN segment IS NULL THEN 'total' ELSE 'segment ' || segment END, n, n_buyers, n_buyers, n_buyers, revenue, revenue_squares, n_retained, n_buyers_before, 0, n_buyers_before - n_retained,
        n_buyers / n::float8, revenue / n, n_buyers / n::float8, n_retained / nullif(n_buyers_before, 0)::float8, coalesce(segment, 99)
$$;
SELECT keep('golden', '2025-01-01', s, 1000, 620, 12 * 1000, 400 * 999 + 144 * 1000, 620, 1000), keep('golden', '2025-02-01', s, 950, 540, 10.5 * 950, 380 * 949 + 10.5 ^ 2 * 950, 540, 950)
FROM unnest(ARRAY[1, NULL]) s;
SELECT kpi, agrees(difference, -1.5) AS difference, agrees(p_value, 0.09369305625343248) AS p_value, round(change::numeric, 4) AS change, rating, reason FROM custseg.kpi_changes('golden') WHERE kpi = 'revenue'
UNION ALL
SELECT kpi, agrees(difference, 540 / 950.0 - 0.62), agrees(p_value, 0.020392635034157742), round(change::numeric, 4), rating, reason FROM custseg.kpi_changes('golden') WHERE kpi = 'retention';
SELECT agrees(low, -0.0949366020490284, 1e-9) AS low, agrees(high, -0.007985372237925573, 1e-9) AS high FROM custseg.kpi_changes('golden') WHERE kpi = 'retention';
SELECT custseg_private.variance_of(1, 5, 25), custseg_private.variance_of(3, 0.3, 0.03) AS constant, agrees(custseg_private.variance_of(4, 10, 30), 5 / 3.0) AS variance, custseg_private.variance_of(0, 0, 0);

-- Quiet months of six segments of 1,000, four measures each: where chance alone is at work, any fall of 10 % is seen in nearly all of them
CREATE TABLE quiet AS
WITH drawn AS MATERIALIZED (
    -- four uniform numbers from a hash
    SELECT m, s, i, (h & 65535) / 65536.0 AS a, ((h >> 16) & 65535) / 65536.0 AS b, ((h >> 32) & 65535) / 65536.0 AS c, ((h >> 48) & 65535) / 65536.0 AS d
    FROM generate_series(0, 40) m, generate_series(1, 6) s, generate_series(1, 1000) i, hashint8extended(m * 10000000 + s * 1000000 + i, 17) h
), bought AS (
    SELECT m, s, i, a < 0.15 AS bought, i <= 150 AND d < 0.4 AS retained, CASE WHEN a < 0.15 THEN 30 * exp(sqrt(-2 * ln(1 - b::float8)) * cos(2 * pi() * c::float8)) ELSE 0 END AS r
    FROM drawn
)
SELECT m, s, count(*) AS n, count(*) FILTER (WHERE bought) AS n_buyers, sum(r) AS revenue, sum(r * r) AS revenue_squares, count(*) FILTER (WHERE retained) AS n_retained
FROM bought GROUP BY m, GROUPING SETS ((s), ());
SELECT count(*) FROM quiet, keep('quiet', (date '2000-01-01' + m * interval '1 month')::date, s, n, n_buyers, revenue, revenue_squares, n_retained, n * 15 / 100);
CREATE TABLE compared AS SELECT * FROM custseg.kpi_history WHERE model = 'quiet' AND reference_month IS NOT NULL;
SELECT count(*) AS months, count(*) FILTER (WHERE falls) / count(*)::float8 > 0.9 AS falls_alarm, count(*) FILTER (WHERE degraded) / count(*)::float8 <= 0.05 AS quiet
FROM (SELECT month, bool_or(change <= -0.1) AS falls, bool_or(rating = 'degraded') AS degraded FROM compared GROUP BY month) h;
-- a segment in which a third less buy is seen, and only that one
SELECT count(*) FROM quiet, keep('loud', '2025-01-01', s, n, n_buyers, revenue, revenue_squares, n_retained, n * 15 / 100),
    keep('loud', '2025-02-01', s, n, CASE s WHEN 2 THEN n_buyers * 2 / 3 ELSE n_buyers END, revenue, revenue_squares, n_retained, n * 15 / 100) AS later
WHERE m = 1;
SELECT segment, kpi, rating, reason FROM custseg.kpi_changes('loud') WHERE rating <> 'ok';
SELECT segment, kpi, rating FROM custseg.kpi_changes('loud', options => '{"fall": 0.5}') WHERE rating <> 'ok';
DELETE FROM custseg.segment_kpi WHERE model IN ('golden', 'quiet', 'loud');

-- An alert opens in the second month that is degraded, and closes in the first that is not; monitor() leaves it alone
CREATE FUNCTION recorded(month date) RETURNS TABLE (kind text, subject text, n_seen int, is_open bool) LANGUAGE plpgsql AS $$ BEGIN
    PERFORM custseg.record_kpis('shop', 'SELECT * FROM orders WHERE NOT (customer % 3 = 0 AND customer % 2 = 0 AND at >= ''2025-07-01'' AND at < ''2025-10-01'')', 'customer', 'at', 'amount', as_of => month + interval '1 month 5 days', options => '{"order": "number"}');
    RETURN QUERY SELECT a.kind, a.subject, a.n_seen, a.closed_at IS NULL FROM custseg.alert a WHERE a.model = 'shop' ORDER BY a.subject;
END $$;
DELETE FROM custseg.segment_kpi WHERE model = 'shop' AND month >= '2025-06-01';
SELECT * FROM recorded('2025-06-01');
SELECT * FROM recorded('2025-07-01');
SELECT * FROM recorded('2025-08-01');
-- the same month once more is another run, and no other alert
SELECT * FROM recorded('2025-08-01');
SELECT alerts_open >= 1 AS open FROM custseg.monitor('shop', 'customer');
SELECT kind, subject, severity, left(message, 60) AS message FROM custseg.open_alerts WHERE model = 'shop' AND kind = 'kpi' ORDER BY subject;
SELECT * FROM recorded('2025-09-01');
SELECT * FROM recorded('2025-10-01');

-- Who may: the owner keeps months, and who may use the model sees them; orders and customers are read as the caller
CREATE ROLE regress_cs_owner;
CREATE ROLE regress_cs_reader;
GRANT USAGE ON SCHEMA kpis_test TO regress_cs_owner, regress_cs_reader;
GRANT SELECT ON customer, orders TO regress_cs_owner;
SET ROLE regress_cs_owner;
SELECT version FROM custseg.train('hers', 'kpis_test.customer', '{kind}', algorithm => 'rules', id => 'id', options => '{"segments": [{"name": "all"}], "else": "all"}');
SELECT custseg.grant_model('hers', 'regress_cs_reader');
SELECT month, name, n_buyers FROM custseg.record_kpis('hers', 'orders', 'customer', 'at', 'amount', as_of => '2025-03-01');
SET ROLE regress_cs_reader;
SELECT month, name, n_buyers FROM custseg.segment_kpi;
SELECT count(*) FROM custseg.kpi_history;
SELECT name, n FROM custseg.segment_kpis('hers', 'SELECT 1 AS customer, date ''2025-01-31'' AS at', 'customer', 'at', NULL, 'SELECT 1 AS id, 2 AS kind');
\pset format unaligned
\pset tuples_only on
SELECT fails($$SELECT custseg.segment_kpis('hers', 'orders', 'customer', 'at', 'amount', 'SELECT 1 AS id, 2 AS kind')$$);
SELECT fails($$SELECT custseg.segment_kpis('hers', 'SELECT 1 AS customer, date ''2025-01-31'' AS at', 'customer', 'at', NULL)$$);
SELECT fails($$SELECT custseg.record_kpis('hers', 'SELECT 1 AS customer, date ''2025-01-31'' AS at', 'customer', 'at', NULL, 'SELECT 1 AS id, 2 AS kind')$$);
SELECT fails($$DELETE FROM custseg.segment_kpi$$), fails($$SELECT custseg_private.record_kpi_alerts('hers', 1, '{}')$$);
SELECT count(*) FROM custseg.segment_kpi WHERE model = 'shop';
RESET ROLE;

-- Errors
SELECT fails(format('SELECT custseg.%s', f)) FROM unnest(ARRAY[
    $$segment_kpis('shop', 'orders', 'who', 'at', 'amount')$$,
    $$segment_kpis('shop', 'orders', 'customer', 'amount', 'amount')$$,
    $$segment_kpis('shop', 'orders', 'customer', 'at', 'at')$$,
    $$segment_kpis('shop', 'orders', NULL, 'at', 'amount')$$,
    $$segment_kpis('shop', NULL, 'customer', 'at', 'amount')$$,
    $$segment_kpis('nobody', 'orders', 'customer', 'at', 'amount')$$,
    $$segment_kpis('shop', 'SELECT * FROM orders WHERE false', 'customer', 'at', 'amount')$$,
    $$segment_kpis('shop', 'orders', 'customer', 'at', 'amount', 'SELECT * FROM customer UNION ALL SELECT 7, 1')$$,
    $$segment_kpis('shop', 'orders', 'customer', 'at', 'amount', as_of => '2020-01-01')$$,
    $$segment_kpis('shop', 'orders', 'customer', 'at', 'amount', options => '{"months": 0}')$$,
    $$segment_kpis('shop', 'orders', 'customer', 'at', 'amount', options => '{"order": "none"}')$$,
    $$segment_kpis('shop', 'orders', 'customer', 'at', 'amount', options => '{"fall": 0.2}')$$,
    $$segment_kpis('shop', 'orders', 'customer', 'at', 'amount', options => '{"time_zone": "Mars"}')$$,
    $$record_kpis('shop', 'SELECT 1 AS customer, date ''2025-01-30'' AS at', 'customer', 'at', NULL)$$,
    $$record_kpis('shop', 'orders', 'customer', 'at', 'amount', keep_days => 0)$$,
    $$record_kpis(NULL, 'orders', 'customer', 'at', 'amount')$$,
    $$kpi_changes('shop', options => '{"fall": 10}')$$]) f;
BEGIN READ ONLY;
SELECT fails($$SELECT custseg.record_kpis('shop', 'orders', 'customer', 'at', 'amount')$$);
COMMIT;
\pset format aligned
\pset tuples_only off

-- Before and after, without a control: what each customer changed by, compared
CREATE TABLE panel AS
SELECT 't' || i AS who, true AS treated, 2 AS period, v::float8 AS value FROM unnest('{3,5,2,8,6,4}'::int[]) WITH ORDINALITY u (v, i)
UNION ALL SELECT 'o' || i, false, 2, v FROM unnest('{1,2,0,3,2,1,4}'::int[]) WITH ORDINALITY u (v, i);
SELECT contrast, periods_before, periods_after, n_control, n_treatment, agrees(difference, 2.8095238095238098) AS difference, agrees(standard_error, 1.017978967925331) AS standard_error, agrees(df, 8.12774850364651) AS df,
    agrees(p_value, 0.024310474751606446) AS p_value, agrees(low, 0.4684669396785335, 1e-9) AS low, agrees(high, 5.150580679369086, 1e-9) AS high, rating
FROM custseg.difference_in_differences('SELECT * FROM panel UNION ALL SELECT who, treated, 1, 0 FROM panel', 'who', 'treated', 'period', 'value', '2');
-- who has no row has nothing, and how the rows are split up does not matter
SELECT agrees(a.difference, b.difference) AS difference, agrees(a.p_value, b.p_value) AS p_value
FROM custseg.difference_in_differences('SELECT * FROM panel WHERE value <> 0 UNION ALL SELECT who, treated, 1, NULL FROM panel WHERE who IN (''o1'', ''o3'')', 'who', 'treated', 'period', 'value', '2') a,
    custseg.difference_in_differences('SELECT who, treated, period, value / 4 AS value FROM panel, generate_series(1, 4) UNION ALL SELECT who, treated, 1, 0 FROM panel ORDER BY 4', 'who', 'treated', 'period', 'value', '2') b;
-- 400 customers, eight months.  In the first case both sides moved alike before, in the second those who were to be treated rose already
CREATE TABLE story AS
SELECT i AS who, i % 4 = 0 AS treated, (date '2025-01-01' + m * interval '1 month')::date AS month,
    50 + 30 * uniform(i, 1) + 10 * uniform(i, m) + 2 * m + CASE WHEN i % 4 = 0 AND m >= 5 THEN 4 ELSE 0 END AS alike,
    50 + 30 * uniform(i, 1) + 10 * uniform(i, m) + CASE WHEN i % 4 = 0 THEN 3 * m ELSE 2 * m END AS rising
FROM generate_series(1, 400) i, generate_series(0, 7) m;
SELECT value, contrast, periods_before, periods_after, round(difference::numeric, 2) AS difference, round(low::numeric, 2) AS low, round(high::numeric, 2) AS high, round(p_value::numeric, 4) AS p_value, round(p_adjusted::numeric, 4) AS p_adjusted, rating, reason
FROM unnest('{alike,rising}'::text[]) AS value, custseg.difference_in_differences('story', 'who', 'treated', 'month', value, '2025-06-01');
SELECT contrast, periods_before, periods_after, round(p_adjusted::numeric, 4) AS p_adjusted, rating FROM custseg.difference_in_differences('story', 'who', 'treated', 'month', 'rising', '2025-06-01', '{"placebos": 100}');
SELECT contrast, rating, reason FROM custseg.difference_in_differences('story', 'who', 'treated', 'month', 'alike', '2025-06-01', '{"placebos": 0}');
\pset format unaligned
\pset tuples_only on
SELECT fails(format('SELECT * FROM custseg.difference_in_differences(%s)', a)) FROM unnest(ARRAY[
    $$'story', 'who', 'treated', 'month', 'alike', '2026-01-01'$$,
    $$'story', 'who', 'treated', 'month', 'alike', '2025-01-01'$$,
    $$'story', 'who', 'treated', 'month', 'alike', 'soon'$$,
    $$'story', 'who', 'treated', 'month', 'alike', NULL$$,
    $$'SELECT who, treated, 7 AS month, alike FROM story', 'who', 'treated', 'month', 'alike', '2025-06-01'$$,
    $$'story', 'who', 'rising', 'month', 'alike', '2025-06-01'$$,
    $$'story', 'nobody', 'treated', 'month', 'alike', '2025-06-01'$$,
    $$'story', 'who', 'treated', 'treated', 'alike', '2025-06-01'$$,
    $$'story', 'who', 'treated', 'month', 'treated', '2025-06-01'$$,
    $$'story', 'who', 'treated', 'month', NULL, '2025-06-01'$$,
    $$NULL, 'who', 'treated', 'month', 'alike', '2025-06-01'$$,
    $$'SELECT * FROM story WHERE treated', 'who', 'treated', 'month', 'alike', '2025-06-01'$$,
    $$'SELECT * FROM story WHERE NOT treated', 'who', 'treated', 'month', 'alike', '2025-06-01'$$,
    $$'SELECT nullif(who, 3) AS who, treated, month, alike FROM story', 'who', 'treated', 'month', 'alike', '2025-06-01'$$,
    $$'SELECT who, treated, nullif(month, ''2025-03-01'') AS month, alike FROM story', 'who', 'treated', 'month', 'alike', '2025-06-01'$$,
    $$'SELECT who, nullif(treated, true) AS treated, month, alike FROM story', 'who', 'treated', 'month', 'alike', '2025-06-01'$$,
    $$'SELECT who, who = 4 AND month > ''2025-06-01'' AS treated, month, alike FROM story', 'who', 'treated', 'month', 'alike', '2025-06-01'$$,
    $$'SELECT who, treated, month, ''infinity''::float8 AS alike FROM story', 'who', 'treated', 'month', 'alike', '2025-06-01'$$,
    $$'SELECT who, treated, month + who * 7 AS month, alike FROM story', 'who', 'treated', 'month', 'alike', '2025-06-01'$$,
    $$'story', 'who', 'treated', 'month', 'alike', '2025-06-01', '{"placebos": -1}'$$]) a;

SET client_min_messages = warning;
DROP OWNED BY regress_cs_owner, regress_cs_reader;
DROP ROLE regress_cs_owner, regress_cs_reader;
\i :root/test/clean.sql
