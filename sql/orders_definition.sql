-- rfm() reads lines in C, customer_features() by a query: both have one definition.
SET TimeZone = 'UTC';
SET client_min_messages = warning;

-- lines with all that can go wrong: no customer, time, amount or order, infinities, NaN, returns, times at midnight and about the hour that a clock skips
CREATE FUNCTION lines_of(seed int, n int) RETURNS TABLE (customer text, invoice int, at timestamptz, amount numeric) LANGUAGE sql AS $$
    SELECT CASE WHEN i % 53 > 0 THEN 'c' || r[1] % 40 END,
        CASE WHEN i % 7 > 0 THEN r[2] % 90 END,
        CASE WHEN i % 61 = 0 THEN 'infinity' WHEN i % 59 > 0 THEN timestamptz '2026-03-27 00:00+00' + r[3] % 12000 * interval '1 minute' + CASE WHEN i % 3 = 0 THEN r[4] % 1000003 * interval '1 microsecond' ELSE '0' END END,
        CASE WHEN i % 47 = 0 THEN NULL WHEN i % 43 = 0 THEN 'NaN' WHEN i % 41 = 0 THEN 'Infinity' ELSE (r[4] % 20000 - 3000) / 100.0 END
    FROM generate_series(1, n) i, LATERAL (SELECT ARRAY(SELECT abs(hashint4extended(i * 8 + j, seed)) FROM generate_series(1, 4) j) AS r) s
$$;

-- the rows that only one of the two gives; the variation may differ in its last bits
CREATE FUNCTION differences(source text, options jsonb, as_of timestamptz DEFAULT NULL) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    columns constant text := 'customer_id, first_purchase, last_purchase, days_since_last, tenure_days, frequency, monetary, average_order, days_between_mean, days_between_variation::numeric(30, 9)';
    n bigint;
BEGIN
    EXECUTE format('WITH r AS (SELECT %1$s FROM custseg.rfm(%2$L, ''customer'', ''at'', ''amount'', as_of => %3$L, options => %4$L)), '
        'f AS (SELECT %1$s FROM custseg.customer_features(%2$L, ''customer'', ''at'', ''amount'', as_of => %3$L, options => %4$L)) '
        'SELECT (SELECT count(*) FROM (TABLE r EXCEPT ALL TABLE f) a) + (SELECT count(*) FROM (TABLE f EXCEPT ALL TABLE r) b)', columns, source, as_of, options) INTO n;
    RETURN n;
END $$;

CREATE TABLE compared AS
SELECT z.seed, at.type AS at, amount.type AS amount, options, zone,
    differences(format('SELECT customer, invoice, at::%s, %s AS amount FROM lines_of(%s, 400) WHERE %s', at.type, amount.type, z.seed,
            CASE WHEN amount.type ~ 'bigint|money' THEN 'amount < ''Infinity''' ELSE 'true' END),
        options::jsonb || jsonb_build_object('time_zone', zone), CASE WHEN z.seed = 2 THEN timestamptz '2026-04-02 22:30+00' END) AS n
FROM (VALUES (1, 'UTC'), (2, 'Europe/Berlin'), (3, 'America/St_Johns')) z (seed, zone),
    (VALUES ('timestamptz'), ('timestamp'), ('date')) at (type),
    (VALUES (0, 'amount'), (1, '(amount * 100)::bigint'), (2, 'amount::money'), (0, '(round(amount * 4) / 4)::float8'), (1, '(round(amount * 4) / 4)::float4'), (2, 'amount / 7')) amount (i, type),
    (VALUES (0, '{}'), (1, '{"order": "invoice"}'), (2, '{"same_day": true}'), (3, '{"order": "invoice", "same_day": true, "returns": "ignore"}'), (4, '{"returns": "count", "order": "invoice"}')) o (i, options)
WHERE (z.seed + amount.i + o.i) % 3 = 0;
SELECT count(*), count(*) FILTER (WHERE n > 0) AS different, sum(n) FROM compared;
SELECT * FROM compared WHERE n > 0 ORDER BY 1, 2, 3, 4 LIMIT 5;
-- where the lines are sorted, too
SET maintenance_work_mem = '1MB';
CREATE TABLE many AS SELECT customer || i % 300 AS customer, invoice, at, amount FROM lines_of(4, 20) s, generate_series(1, 3000) i;
SELECT count(DISTINCT customer) FROM many;
SELECT differences('many', '{"order": "invoice"}'), differences('many', '{"order": "invoice", "same_day": true, "time_zone": "Asia/Kolkata"}');
RESET maintenance_work_mem;

-- sums of decimal numbers are exact: equal totals are equal, and what came back is 0
CREATE TABLE cents (customer text, at timestamptz, amount numeric);
INSERT INTO cents VALUES ('a', '2026-01-01', 10.10), ('a', '2026-01-02', 20.20), ('b', '2026-01-02', 30.30), ('c', '2026-01-02', 1.00),
    ('d', '2026-01-01', 19.99), ('d', '2026-01-02', 5.01), ('d', '2026-01-03', -25.00), ('e', '2026-01-01', 0.70), ('e', '2026-01-02', 0.10), ('e', '2026-01-03', -0.80);
SELECT customer_id, monetary, average_order, monetary_score FROM custseg.rfm('cents', 'customer', 'at', 'amount', options => '{"bins": 2}');
SELECT differences('SELECT customer, at, amount::money FROM cents', '{}');
-- of many digits, far apart, and in any order
CREATE TABLE digits AS SELECT 'd' || i % 50 AS customer, timestamptz '2026-01-01' + i * interval '1 hour' AS at,
    (CASE i % 5 WHEN 0 THEN 1e20 WHEN 1 THEN 1 / 3.0 WHEN 2 THEN 12345678901234567.89 WHEN 3 THEN -0.00000000000000000001 ELSE 1e-7 END * (1 + abs(hashint4(i)) % 10)) AS amount
FROM generate_series(1, 2000) i;
SELECT differences('digits', '{"returns": "count"}'), differences('SELECT * FROM digits ORDER BY md5(at::text)', '{"returns": "count"}');

-- looking back so far before "as of" is the same as a source that has those days only: for every type of time, in zones whose clock changes on the way
CREATE FUNCTION look_back_differences(source text, at_type text, look_back text, zone text, options jsonb, as_of timestamptz, OUT n bigint, OUT rows bigint, OUT fewer boolean) LANGUAGE plpgsql AS $$
DECLARE
    features constant text := 'customer_features(%L, ''customer'', ''at'', ''amount'', category => ''category'', channel => ''invoice'', quantity => ''amount'', as_of => %L, options => %L)';
    "all" jsonb := options || jsonb_build_object('time_zone', zone, 'top_categories', 2);
    start timestamptz;
    filtered text;
    n_all bigint;
BEGIN
    EXECUTE format('SELECT count(*), max(as_of_time) FROM custseg.' || features, source, as_of, "all") INTO n_all, start;
    start := ((start AT TIME ZONE zone) - look_back::interval) AT TIME ZONE zone;
    filtered := format('SELECT * FROM (%s) s WHERE at > %L::timestamptz', source, start);
    IF at_type <> 'timestamptz' THEN
        filtered := format('SELECT * FROM (%s) s WHERE at > %L::timestamp', source, start AT TIME ZONE zone);
    END IF;
    EXECUTE format('WITH a AS (SELECT f::text FROM custseg.' || features || ' f), b AS (SELECT f::text FROM custseg.' || features || ' f) '
        'SELECT (SELECT count(*) FROM (TABLE a EXCEPT ALL TABLE b) d) + (SELECT count(*) FROM (TABLE b EXCEPT ALL TABLE a) d), (SELECT count(*) FROM a)',
        source, as_of, "all" || jsonb_build_object('look_back', look_back), filtered, as_of, "all") INTO n, rows;
    fewer := rows < n_all;
END $$;
CREATE TABLE of_days AS SELECT i, l.* FROM generate_series(1, 5) i, lines_of(i, 400) l;
ANALYZE of_days;
SELECT count(*), sum(n) AS different, sum(rows) > 300 AS rows, bool_or(fewer) AS fewer
FROM (VALUES (1, 'UTC'), (2, 'Europe/Berlin'), (3, 'America/St_Johns')) z (z, zone), unnest('{timestamptz,timestamp,date}'::text[]) WITH ORDINALITY t (at_type, t),
    unnest('{1 day,30 hours,P0Y0M4DT0H,1 mon 2 days,6 days 00:30:00.000001}'::text[]) WITH ORDINALITY l (look_back, i),
    LATERAL look_back_differences(format('SELECT customer, invoice, at::%s, amount, ''k'' || invoice %% 5 AS category FROM of_days WHERE i = %s', at_type, i), at_type, look_back, zone,
        CASE i % 3 WHEN 0 THEN '{}' WHEN 1 THEN '{"order": "invoice", "returns": "ignore"}' ELSE '{"same_day": true, "order": "invoice", "window_days": 2}' END::jsonb, CASE WHEN i % 2 = 0 THEN timestamptz '2026-04-02 22:30+00' END) d
WHERE (z + t + i) % 3 = 0;
-- of a view, too: relative to now() or to its own time, whatever the settings are then
SET IntervalStyle = 'sql_standard';
SELECT custseg.create_feature_view('lately', 'SELECT i AS customer, now() - i * interval ''1'' day + interval ''1'' hour AS at, 1 AS amount FROM generate_series(1, 40) i', 'customer', 'at', 'amount', options => '{"look_back": "0-0 10 0:00:00"}');
RESET IntervalStyle;
SELECT count(*), max(customer) FROM lately;
DROP VIEW lately;
-- nothing within it
SELECT count(*) FROM custseg.customer_features('SELECT 1 AS customer, timestamptz ''2026-01-01'' AS at, 1 AS amount', 'customer', 'at', 'amount', as_of => '2026-03-01', options => '{"look_back": "1 month"}');
SELECT days_since_last, tenure_days, frequency, lifecycle FROM custseg.customer_features('SELECT 1 AS customer, timestamptz ''2026-01-31'' - i * interval ''20 days'' AS at, 1 AS amount FROM generate_series(0, 9) i', 'customer', 'at', 'amount', options => '{"look_back": "50 days"}');
SELECT custseg.customer_features('cents', 'customer', 'at', 'amount', options => '{"look_back": "-1 day"}');
SELECT custseg.customer_features('cents', 'customer', 'at', 'amount', options => '{"look_back": "100000 days 1 second"}');
-- before the earliest "as_of" there is time for the longest windows, in every zone
SELECT zone, (SELECT count(*) FROM custseg.customer_features('SELECT * FROM cents LIMIT 0', 'customer', 'at', 'amount', as_of => '4166-06-27 00:00:00+00 BC',
    options => jsonb_build_object('look_back', '100000 days', 'window_days', 100000, 'time_zone', zone)))
FROM unnest('{UTC,Etc/GMT+12,Etc/GMT-14}'::text[]) zone;
SELECT custseg.customer_features('cents', 'customer', 'at', 'amount', as_of => '4166-06-26 23:59:59.999999+00 BC');
-- nor are there more microseconds than 64 bits hold from the earliest time to the latest "as_of"
SELECT (SELECT tenure_days FROM custseg.customer_features(lines, 'customer', 'at', 'amount', as_of => '287564-12-01 00:00:00+00')) AS features,
    (SELECT tenure_days FROM custseg.rfm(lines, 'customer', 'at', 'amount', as_of => '287564-12-01 00:00:00+00')) AS rfm,
    extract(julian FROM date '287564-12-01') AS days
FROM (VALUES ('SELECT 1 AS customer, timestamptz ''4714-11-24 00:00:00+00 BC'' AS at, 1 AS amount')) v (lines);
SELECT custseg.customer_features('cents', 'customer', 'at', 'amount', as_of => '287564-12-01 00:00:00.000001+00');
SELECT custseg.rfm('cents', 'customer', 'at', 'amount', as_of => '287564-12-01 00:00:00.000001+00');
SELECT custseg.customer_events('cents', 'customer', 'at', 'customer', as_of => '287564-12-01 00:00:00.000001+00');
SELECT custseg.customer_features('cents', 'customer', 'at', 'amount', options => '{"look_back": "1 month -1 day"}');
SELECT custseg.customer_features('cents', 'customer', 'at', 'amount', options => '{"look_back": "soon"}');
SELECT custseg.customer_features('cents', 'customer', 'at', 'amount', options => '{"look_back": "0"}');
SELECT custseg.customer_features('cents', 'customer', 'at', 'amount', options => '{"look_back": "a while"}');
SELECT custseg.customer_features('cents', 'customer', 'at', 'amount', options => '{"look_back": "90"}');

-- days are those of the stated zone, whoever asks
CREATE TABLE nights (customer text, at timestamptz, amount numeric);
INSERT INTO nights VALUES ('a', '2026-03-29 23:30+02', 10), ('a', '2026-03-30 00:30+02', 1), ('b', '2026-07-10 00:30+02', 10), ('b', '2026-07-10 12:00+02', 1);
SELECT customer_id, frequency FROM custseg.rfm('nights', 'customer', 'at', 'amount', options => '{"same_day": true, "time_zone": "Europe/Berlin"}');
SELECT customer_id, frequency FROM custseg.rfm('nights', 'customer', 'at', 'amount', options => '{"same_day": true}');
SET TimeZone = 'Europe/Berlin';
SELECT customer_id, frequency FROM custseg.rfm('nights', 'customer', 'at', 'amount', options => '{"same_day": true}');
SELECT custseg.create_feature_view('nights_of', 'nights', 'customer', 'at', 'amount', as_of => '2026-08-01', options => '{"window_days": 22}');
CREATE TABLE in_berlin AS SELECT * FROM nights_of;
SET TimeZone = 'Pacific/Auckland';
SELECT count(*) FROM (TABLE nights_of EXCEPT TABLE in_berlin) d;
SET TimeZone = 'UTC';
SELECT custseg.rfm('nights', 'customer', 'at', 'amount', options => '{"time_zone": "Mars/Olympus"}');

-- lines without an order's number are orders of their own; an order's time is its first line's, and the last purchase is the last order, before those of a day are one
CREATE TABLE numbered (customer text, at timestamptz, amount numeric, invoice text);
INSERT INTO numbered VALUES ('a', '2026-01-01', 10, 'o1'), ('a', '2026-02-01', 10, NULL), ('a', '2026-03-03', 10, NULL), ('b', '2026-03-01 10:00', 1, 'o2'), ('b', '2026-03-01 18:00', 1, 'o2');
SELECT customer_id, frequency, last_purchase, days_since_last, average_order FROM custseg.rfm('numbered', 'customer', 'at', 'amount', options => '{"order": "invoice"}');
SELECT customer_id, frequency, last_purchase FROM custseg.rfm('numbered', 'customer', 'at', 'amount', options => '{"same_day": true}') WHERE customer_id = 'b';
-- a clock has no variation
SELECT days_between_mean, days_between_variation FROM custseg.rfm('SELECT 1 AS customer, timestamptz ''2026-01-01'' + h * interval ''1 hour'' AS at, 1 AS amount FROM generate_series(0, 23) h', 'customer', 'at', 'amount');
SELECT days_between_mean, days_between_variation FROM custseg.rfm('SELECT 1 AS customer, timestamptz ''2026-01-01'' + h * interval ''1 ms'' AS at, 1 AS amount FROM generate_series(0, 23) h', 'customer', 'at', 'amount');

-- the first and the last time that there are
SELECT customer_id, first_purchase, last_purchase, days_since_last, tenure_days, days_between_mean
FROM custseg.rfm('SELECT 1 AS customer, t::timestamp AS at, 1 AS amount FROM (VALUES (''4713-01-02 BC''), (''294276-12-30'')) v (t)', 'customer', 'at', 'amount', options => '{"time_zone": "UTC"}');
SELECT sum(differences(format('SELECT i %% 2 AS customer, t::%s AS at, 1 AS amount FROM (VALUES (1, ''4713-01-02 BC''), (3, ''2026-01-01 00:00:00.000001''), (5, ''294276-12-30''), (2, ''4713-01-02 BC''), (4, ''294276-12-30'')) v (i, t)', type), '{}'))
FROM unnest('{timestamp,timestamptz,date}'::text[]) type;
SELECT customer_id, tenure_days, days_between_mean FROM custseg.customer_features('SELECT 1 AS customer, t::timestamp AS at, 1 AS amount FROM (VALUES (''4713-01-02 BC''), (''294276-12-30'')) v (t)', 'customer', 'at', 'amount');
SELECT customer_id, event_tenure_days, n_sessions FROM custseg.customer_events('SELECT 1 AS customer, t::timestamp AS at, ''visit'' AS kind FROM (VALUES (''4713-01-02 BC''), (''294276-12-30'')) v (t)', 'customer', 'at', 'kind');
-- customers are told apart as the column's own equality does it
CREATE COLLATION ignoring_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
SELECT customer_id, frequency, monetary FROM custseg.rfm('SELECT customer COLLATE ignoring_case AS customer, now() AS at, 1 AS amount FROM (VALUES (''Anna''), (''ANNA''), (''bob'')) v (customer)', 'customer', 'at', 'amount');
SELECT customer_id, frequency FROM custseg.rfm('SELECT customer, now() AS at, 1 AS amount FROM (VALUES (1.0), (1.00), (2)) v (customer)', 'customer', 'at', 'amount');

-- a date has no time of day, and midnight is one
SELECT customer_id, morning_share, night_share, weekend_share
FROM custseg.customer_features('SELECT * FROM (VALUES (1, date ''2026-01-05'', 10.0), (1, date ''2026-02-07'', 20.0)) v (customer, at, amount)', 'customer', 'at', 'amount');
SELECT customer_id, morning_share, night_share
FROM custseg.customer_features('SELECT * FROM (VALUES (1, timestamp ''2026-01-05'', 10.0), (2, ''2026-02-07'', 20.0), (2, ''2026-02-07 23:00'', 1)) v (customer, at, amount)', 'customer', 'at', 'amount') ORDER BY 1;
-- of random lines that count as orders all three tell the same counts: each notice stands three times
CREATE TABLE told AS SELECT seed, l.customer, date_trunc(CASE seed WHEN 1 THEN 'hour' WHEN 2 THEN 'day' ELSE 'month' END, l.at) AS at, l.amount FROM generate_series(1, 3) seed, lines_of(seed, 900) l WHERE l.customer IS NOT NULL AND isfinite(l.at) AND l.amount < 'Infinity';
SET client_min_messages = notice;
SELECT seed, count(custseg.create_feature_view('told_' || seed, source, 'customer', 'at', 'amount', as_of => as_of, options => options)) AS views,
    (SELECT count(*) FROM custseg.rfm(source, 'customer', 'at', 'amount', as_of => as_of, options => options)) - (SELECT count(*) FROM custseg.customer_features(source, 'customer', 'at', 'amount', as_of => as_of, options => options)) AS more
FROM (VALUES (1, '{"returns": "count"}'::jsonb, NULL::timestamptz), (2, '{"time_zone": "Europe/Berlin", "returns": "ignore"}', '2026-04-02 22:30+00'), (3, '{}', '2026-04-02')) o (seed, options, as_of),
    LATERAL (SELECT format('SELECT * FROM told WHERE seed = %s', seed) AS source) s
GROUP BY seed, source, as_of, options ORDER BY seed;
SET client_min_messages = warning;
DROP VIEW told_1, told_2, told_3;
DROP TABLE told;
DROP VIEW nights_of;
DROP TABLE compared, many, of_days, cents, digits, nights, in_berlin, numbered;
DROP COLLATION ignoring_case;
DROP FUNCTION lines_of, differences, look_back_differences;
RESET client_min_messages;
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
