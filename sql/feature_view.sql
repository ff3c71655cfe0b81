-- A view of features from orders, events and further tables, as of one moment.
SET TimeZone = 'UTC';
SET jit = off;
SET client_min_messages = warning;
CREATE TABLE orders AS
SELECT i % 40 AS customer, timestamptz '2026-01-05 00:00+00' + i * 37 % 4321 * interval '29 minutes' AS at, (i * 17 % 5000 - 300) / 100.0 AS amount, 'p' || i * 7 % 11 AS product FROM generate_series(1, 900) i;
-- of customers of another type, some of whom have never bought
CREATE TABLE visits AS
SELECT (5 + i % 50)::numeric AS who, timestamp '2026-01-01 00:00' + i * 41 % 4999 * interval '31 minutes' AS seen, (ARRAY['visit', 'email_sent', 'email_open', 'Total "50 %"'])[1 + i * 11 % 13 % 4] AS what, i % 9 AS minutes FROM generate_series(1, 1500) i;
-- what was known of customers, and since when
CREATE TABLE profile (customer bigint, since timestamptz, "Tier" text, frequency int, interests text[]);
INSERT INTO profile SELECT i % 45, timestamptz '2026-01-02 00:00+00' + i * 53 % 90 * interval '1 day', (ARRAY['basic', 'silver', 'gold'])[1 + (i + i / 45) % 3], i, ARRAY['a' || i] FROM generate_series(1, 200) i;
INSERT INTO profile SELECT customer, since, 'tie', -1, NULL FROM profile WHERE frequency % 5 = 0;
INSERT INTO profile VALUES (NULL, '2026-01-03', 'nobody', 0, NULL), (1, 'infinity', 'never', 0, NULL), (2, NULL, 'never', 0, NULL);
CREATE TABLE customers (id smallint PRIMARY KEY, region text, as_of date, o int);
INSERT INTO customers SELECT i, 'r' || i % 3, '2020-01-01', i FROM generate_series(0, 60, 2) i;

CREATE FUNCTION view_options(orders text, visits text, profile text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('time_zone', 'Europe/Berlin', 'window_days', 20,
        'events', jsonb_build_object('source', visits, 'customer', 'who', 'time', 'seen', 'kind', 'what', 'value', 'minutes', 'options', '{"kinds": ["visit", "email_sent", "email_open"], "windows": [7], "ratios": {"open_rate": ["email_open", "email_sent"], "monetary": ["visit", "visit"]}, "weights": {"visit": 1, "email_open": 2.5}, "half_life_days": 14}'::jsonb),
        'tables', jsonb_build_array(jsonb_build_object('source', profile, 'customer', 'customer', 'time', 'since'), jsonb_build_object('source', 'customers', 'customer', 'id')))
$$;
CREATE FUNCTION make_view(name text, as_of timestamptz DEFAULT NULL, orders text DEFAULT 'orders', visits text DEFAULT 'visits', profile text DEFAULT 'profile') RETURNS void LANGUAGE sql AS $$
    SELECT custseg.create_feature_view(name, orders, 'customer', 'at', 'amount', product => 'product', as_of => as_of, options => view_options(orders, visits, profile))
$$;
SELECT make_view('shop', '2026-02-20 10:00+00');
SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'shop' ORDER BY ordinal_position;
-- each part is what its own function tells
SELECT count(*) AS customers, count(*) FILTER (WHERE v.frequency = f.frequency AND v.monetary = f.monetary AND v.spend_trend IS NOT DISTINCT FROM f.spend_trend) AS orders_same
FROM shop v JOIN custseg.customer_features('orders', 'customer', 'at', 'amount', product => 'product', as_of => '2026-02-20 10:00+00', options => '{"time_zone": "Europe/Berlin", "window_days": 20}') f ON f.customer_id = v.customer::text;
SELECT count(*) AS customers, count(*) FILTER (WHERE e.customer_id IS NULL) AS without_events, count(*) FILTER (WHERE (v.n_events, v.engagement_score, v.event_value, v.visit_n, v.visit_n_7d)
    = (coalesce(e.n_events, 0), coalesce(e.engagement_score, 0), coalesce(e.event_value, 0), coalesce((e.kinds -> 'visit' ->> 'n')::int, 0), coalesce((e.kinds -> 'visit' ->> 'n_7d')::int, 0))
    AND v.last_event IS NOT DISTINCT FROM e.last_event AND v.open_rate::numeric IS NOT DISTINCT FROM (e.ratios ->> 'open_rate')::numeric) AS events_same
FROM shop v LEFT JOIN custseg.customer_events('visits', 'who', 'seen', 'what', 'minutes', '2026-02-20 10:00+00', (view_options('', '', '') #> '{events,options}') || '{"time_zone": "Europe/Berlin"}') e ON e.customer_id::numeric = v.customer;
SELECT count(*) AS customers, count(*) FILTER (WHERE (v."Tier", v.frequency_2, v.interests) IS NOT DISTINCT FROM (p."Tier", p.frequency, p.interests)) AS profile_same, count(p.customer) AS with_profile
FROM shop v LEFT JOIN LATERAL (SELECT * FROM profile p WHERE p.customer = v.customer AND p.since <= '2026-02-20 10:00+00' ORDER BY since DESC, "Tier" DESC, frequency::text DESC LIMIT 1) p ON true;
SELECT count(*) AS customers, count(region), count(*) FILTER (WHERE region IS NOT DISTINCT FROM (SELECT c.region FROM customers c WHERE c.id = v.customer)) AS same FROM shop v;
-- the weights are kept
SELECT col_description('shop'::regclass, attnum) FROM pg_attribute WHERE attrelid = 'shop'::regclass AND attname = 'engagement_score';
SELECT pg_get_viewdef('shop') ~ '2\.5' AS in_the_query;

-- nothing of the future: as of each day, what comes later might as well not be there
DO $$
DECLARE
    day timestamptz;
BEGIN
    CREATE TEMPORARY TABLE moved (day timestamptz, n bigint, different bigint);
    FOR day IN SELECT generate_series(timestamptz '2026-01-12 11:00+00', '2026-04-01', '13 days 5 hours') LOOP
        PERFORM make_view('whole', day),
            make_view('cut', day, format('SELECT * FROM orders WHERE at <= %L', day), format('SELECT * FROM visits WHERE seen <= %L', day AT TIME ZONE 'Europe/Berlin'), format('SELECT * FROM profile WHERE since <= %L', day));
        EXECUTE 'INSERT INTO moved SELECT $1, (SELECT count(*) FROM whole), (SELECT count(*) FROM (TABLE whole EXCEPT ALL TABLE cut) a) + (SELECT count(*) FROM (TABLE cut EXCEPT ALL TABLE whole) b)' USING day;
        DROP VIEW whole, cut;
    END LOOP;
END $$;
SELECT count(*) AS days, min(n), max(n), sum(different) AS different FROM moved;
-- and the days differ
SELECT make_view('earlier', '2026-02-01');
SELECT count(*) AS customers, count(*) FILTER (WHERE a.n_events <> b.n_events) > 20 AS more_events, count(*) FILTER (WHERE a."Tier" IS DISTINCT FROM b."Tier") > 5 AS other_tiers FROM earlier a JOIN shop b USING (customer);
DROP VIEW earlier;
-- the order of rows makes no difference
SELECT make_view('shuffled', '2026-02-20 10:00+00', 'SELECT * FROM orders ORDER BY md5(at::text)', 'SELECT * FROM visits ORDER BY md5(seen::text)', 'SELECT * FROM profile ORDER BY md5(since::text)');
SELECT count(*) AS different FROM (TABLE shop EXCEPT ALL TABLE shuffled) d;
DROP VIEW shuffled;
-- the view is as of now when nothing else is said, whatever the session's zone, and a model trains on it and scores it
SELECT make_view('living');
INSERT INTO visits VALUES (7, now()::timestamp - interval '1 day', 'visit', 1), (7, now()::timestamp + interval '9 days', 'visit', 1);
SELECT visit_n_7d FROM living WHERE customer = 7;
SELECT version, n_rows FROM custseg.train('shop', 'living', '{frequency,monetary,visit_n,engagement_score,open_rate,Tier}', k => 3, id => 'customer');
SELECT count(*) FROM custseg.score('shop', 'living') WHERE segment IS NOT NULL;
DROP VIEW living;
-- everyone, also who has not bought, with tables joined to them
SELECT custseg.create_feature_view('everyone', 'SELECT * FROM orders WHERE customer % 4 > 0', 'customer', 'at', 'amount', product => 'product', as_of => '2026-02-20', options => '{"everyone": true,
    "events": {"source": "visits", "customer": "who", "time": "seen", "kind": "what", "options": {"kinds": ["visit"]}}, "tables": [{"source": "customers", "customer": "id", "columns": ["region"]}]}');
SELECT count(*), count(customer), count(DISTINCT customer), count(as_of), count(first_purchase) AS bought, count(last_event) AS with_events, count(*) FILTER (WHERE frequency = 0 AND monetary = 0 AND n_products = 0 AND n_events > 0) AS only_events,
    count(*) FILTER (WHERE frequency > 0 AND n_events = 0) AS only_orders, count(*) FILTER (WHERE region IS NOT DISTINCT FROM (SELECT c.region FROM customers c WHERE c.id = v.customer)) AS same_region FROM everyone v;
SELECT count(*) FROM (SELECT customer FROM orders WHERE customer % 4 > 0 AND at <= '2026-02-20' UNION SELECT who FROM visits WHERE seen <= '2026-02-20') s;
DROP VIEW everyone;
-- events alone, tables alone
SELECT custseg.customer_features_sql('orders', 'customer', 'at', 'amount', as_of => '2026-02-20', options => '{"tables": [{"source": "customers", "customer": "id", "columns": ["region"]}]}') ~ 'c1 AS region' AS has_region;
SELECT custseg.create_feature_view('of_events', 'orders', 'customer', 'at', 'amount', options => '{"events": {"source": "visits", "customer": "who", "time": "seen", "kind": "what"}}');
SELECT col_description('of_events'::regclass, attnum) FROM pg_attribute WHERE attrelid = 'of_events'::regclass AND attname = 'engagement_score';
SELECT count(*) FROM of_events;
DROP VIEW of_events;

RESET client_min_messages;
-- what is of today is said to be, and errors
SELECT custseg.create_feature_view('v', 'orders', 'customer', 'at', 'amount', as_of => '2026-02-20', options => '{"tables": [{"source": "customers", "customer": "id"}]}');
DROP VIEW v;
SELECT custseg.create_feature_view('v', 'orders', 'customer', 'at', 'amount', options => '{"tables": [{"source": "profile", "customer": "customer"}]}');
SELECT custseg.create_feature_view('v', 'orders', 'customer', 'at', 'amount', options => '{"tables": [{"source": "SELECT ''x'' AS id", "customer": "id"}]}');
SELECT custseg.create_feature_view('v', 'orders', 'customer', 'at', 'amount', options => '{"tables": [{"customer": "id"}]}');
SELECT custseg.create_feature_view('v', 'orders', 'customer', 'at', 'amount', options => '{"tables": [{"source": "customers"}]}');
SELECT custseg.create_feature_view('v', 'orders', 'customer', 'at', 'amount', options => '{"tables": ["customers"]}');
SELECT custseg.create_feature_view('v', 'orders', 'customer', 'at', 'amount', options => '{"tables": {"source": "customers"}}');
SELECT custseg.create_feature_view('v', 'orders', 'customer', 'at', 'amount', options => '{"tables": [{"source": "customers", "customer": "id", "columns": [1]}]}');
SELECT custseg.create_feature_view('v', 'orders', 'customer', 'at', 'amount', options => '{"tables": [{"source": "customers", "customer": "id", "columns": ["nothing"]}]}');
SELECT custseg.create_feature_view('v', 'orders', 'customer', 'at', 'amount', options => '{"tables": [{"source": "customers", "customer": "id", "time": "region"}]}');
SELECT custseg.create_feature_view('v', 'orders', 'customer', 'at', 'amount', options => '{"tables": [{"source": "customers", "customer": "id", "since": "region"}]}');
SELECT custseg.create_feature_view('v', 'orders', 'customer', 'at', 'amount', options => (SELECT jsonb_build_object('tables', jsonb_agg('{"source": "customers", "customer": "id"}'::jsonb)) FROM generate_series(1, 21)));
SELECT custseg.create_feature_view('v', 'orders', 'customer', 'at', 'amount', options => '{"events": {"source": "visits", "customer": "who", "time": "seen"}}');
SELECT custseg.create_feature_view('v', 'orders', 'customer', 'at', 'amount', options => '{"events": {"source": "visits", "customer": "what", "time": "seen", "kind": "what"}}');
SELECT custseg.create_feature_view('v', 'orders', 'customer', 'at', 'amount', options => '{"events": {"source": "visits", "customer": "who", "time": "seen", "kind": "what", "windows": [7]}}');
SELECT custseg.create_feature_view('v', 'orders', 'customer', 'at', 'amount', options => '{"everyone": true}');
SELECT custseg.customer_features('orders', 'customer', 'at', 'amount', options => '{"events": {"source": "visits"}}');
-- read as who asks
CREATE ROLE regress_custseg_view;
GRANT CREATE ON SCHEMA public TO regress_custseg_view;
GRANT SELECT ON orders TO regress_custseg_view;
SET ROLE regress_custseg_view;
SELECT custseg.create_feature_view('v', 'orders', 'customer', 'at', 'amount', options => '{"events": {"source": "visits", "customer": "who", "time": "seen", "kind": "what"}}');
SELECT custseg.create_feature_view('v', 'orders', 'customer', 'at', 'amount', options => '{"tables": [{"source": "customers", "customer": "id"}]}');
RESET ROLE;
DROP OWNED BY regress_custseg_view;
DROP ROLE regress_custseg_view;
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
