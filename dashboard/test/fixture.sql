-- What the tests of the dashboard look at: models of every kind and algorithm, hostile names, and what is missing.
--
-- Roles: dash_owner owns all models, dash_login logs in and may become the others, reader may use nearly all models,
-- north and south use one of their own each and see customers of their region, outsider may use none.
\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = error;

CREATE EXTENSION custseg;
CREATE ROLE dash_owner;
CREATE ROLE reader;
CREATE ROLE north;
CREATE ROLE south;
CREATE ROLE outsider;
CREATE ROLE "odd role \ name";
CREATE ROLE dash_login LOGIN NOINHERIT;
GRANT reader, north, south, outsider, "odd role \ name" TO dash_login;
CREATE SCHEMA shop AUTHORIZATION dash_owner;
SET ROLE dash_owner;
SET search_path = shop;

CREATE TABLE customers (
    id int PRIMARY KEY,
    region text NOT NULL,
    recency int,
    frequency int,
    monetary numeric(12,2),
    channel text,
    member boolean
);
INSERT INTO customers
SELECT i, CASE WHEN i % 3 = 0 THEN 'north' ELSE 'south' END,
    CASE i % 4 WHEN 0 THEN 5 + i * 7 % 25 WHEN 1 THEN 60 + i * 11 % 40 WHEN 2 THEN 250 + i * 13 % 90 ELSE 20 + i * 17 % 30 END,
    CASE i % 4 WHEN 0 THEN 25 + i * 3 % 15 WHEN 1 THEN 6 + i * 5 % 5 WHEN 2 THEN 1 + i % 2 ELSE 2 + i % 3 END,
    CASE i % 4 WHEN 0 THEN 2500 + i * 31 % 1500 WHEN 1 THEN 300 + i * 29 % 200 WHEN 2 THEN 40 + i * 19 % 50 ELSE 90 + i * 23 % 80 END + i % 97 / 100.0,
    CASE WHEN i % 41 <> 0 THEN (ARRAY['web', 'shop', 'phone'])[1 + i * 7 % 3] END,
    i % 4 = 0
FROM generate_series(1, 2000) i;
ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_region ON customers USING (region = current_user);
CREATE POLICY everything ON customers TO reader USING (true);
GRANT USAGE ON SCHEMA shop TO reader, north, south;
GRANT SELECT ON customers TO reader, north, south;

-- the model that most tests use: named, presented, with a playbook, decisions by hand, two publications and a monitor run
SELECT 1 FROM custseg.train('shop', 'shop.customers', '{recency,frequency,monetary,channel,member}', 4, id => 'id');
SELECT 1 FROM custseg.set_presentation('shop', '{"title": "Customers of the shop", "value": "monetary", "currency": "GBP",
    "columns": {"recency": {"label": "Days since the last order", "unit": "days"}}}');
SELECT custseg.name_segment('shop', s.segment, CASE s.rank WHEN 1 THEN 'champions' WHEN 2 THEN 'loyal' WHEN 3 THEN 'new' ELSE 'lost' END, rank => s.rank::int)
FROM (
    SELECT c.segment, rank() OVER (ORDER BY avg(c.monetary) DESC) AS rank
    FROM (SELECT custseg.predict('shop', c) AS segment, monetary FROM customers c) c
    GROUP BY c.segment
) s;
SELECT custseg.set_action('shop', segment, '{"channel": "email", "offer": "early access", "tone": "warm", "tactics": ["call", "write"], "perk": "gift", "perk_capacity": 100, "budget_share": 0.5}')
FROM custseg.segments WHERE model = 'shop' AND name = 'champions';
SELECT 1 FROM custseg.override_segment('shop', 7, 1, 'key account');
-- what they bought, each kind of customers its own, and how they came to it; among the products and steps are names that somebody might try
CREATE TABLE baskets AS
SELECT i AS customer, i * 10 + o AS invoice, (ARRAY['tea', '<script>alert(1)</script>', E'"50 %" \u202eevil \u0645\u0631\u062d\u0628\u0627', E'\U0001f6d2', repeat('a long name ', 30), 'coffee', 'o''cake', ''])[p] AS product
FROM generate_series(1, 2000) i, generate_series(1, 3) o, generate_series(1, 8) p
WHERE (i * 7 + o * 11 + p * 13) % 17 < CASE WHEN p % 4 = i % 4 THEN 9 WHEN p = 8 AND i % 4 = 2 THEN 0 ELSE 3 END AND NOT (p = 6 AND i % 4 = 1);
CREATE TABLE visits AS
SELECT i AS customer, timestamp '2025-01-01' + i * interval '1 hour' + e * interval '2 days' AS at, (ARRAY['visit', 'visit', 'basket', '<b>purchase</b>', repeat('return ', 40)])[1 + (e + i * e % 3) % 5] AS step
FROM generate_series(1, 2000) i, generate_series(1, 6) e WHERE e <= 1 + i % 6;
GRANT SELECT ON baskets, visits TO reader;
-- who acts on changes of a column of segments, and whom campaigns address
CREATE TABLE placed AS SELECT id, recency, frequency, monetary, channel, member, NULL::int AS segment FROM customers;
ALTER TABLE placed ADD PRIMARY KEY (id);
SELECT custseg.track_changes('shop', 'shop.placed'), custseg.create_consumer('crm', 'shop'), custseg.create_consumer(E'"><img src=x> \u202e 100%', 'shop', 'reader');
UPDATE placed p SET segment = custseg.predict('shop', p) WHERE id <= 300;
UPDATE placed SET segment = 1 + segment % 4 WHERE id = 5;
DELETE FROM placed WHERE id = 300;
SELECT custseg.acknowledge('crm', 300);
SELECT custseg.create_audience_view('shop."<b>reach</b> 100%"', 'shop', 'shop.customers', '{1,2}'), custseg.create_audience_view('shop.winback', 'shop', 'shop.customers', '{3}', '{"columns": ["channel"]}');
SELECT 1 FROM custseg.publish('shop', 'shop.customers');
SELECT 1 FROM custseg.monitor('shop', 'shop.customers');
\set asked '{"changes": true, "products": {"orders": "shop.baskets", "customer": "customer", "product": "product", "order": "invoice"}, "journey": {"source": "shop.visits", "customer": "customer", "time": "at", "step": "step", "steps": ["visit", "basket", "<b>purchase</b>"], "within": "30 days"}, "events": {"source": "shop.visits", "customer": "customer", "time": "at", "kind": "step"}, "lookalikes": {"name": "who bought <tea> \\u202e", "seeds": "SELECT id FROM shop.customers WHERE id % 4 = 0 AND id <= 400", "n": 100}}'
SELECT 1 FROM custseg.publish('shop', 'shop.customers', :'asked'::jsonb || '{"audiences": ["shop.\"<b>reach</b> 100%\"", "shop.winback"]}');

-- what customers are worth is known, whatever the presentation; nobody has set an action or watched
SELECT 1 FROM custseg.train('valued', 'shop.customers', '{recency,frequency,monetary}', 4, id => 'id');
SELECT 1 FROM custseg.set_column_note('valued', NULL, 'frequency', '{"meaning": "Orders that were paid <b>", "unit": "orders", "source_system": "the till", "update_cadence": "each night", "range": "1 or more", "owner": "data team"}');
SELECT 1 FROM custseg.set_presentation('valued', '{"value": "monetary", "currency": "EUR"}');
SELECT custseg.name_segment('valued', segment, (ARRAY['North & South', 'regulars', 'lapsed', 'new'])[segment]) FROM custseg.segments WHERE model = 'valued';
SELECT 1 FROM custseg.publish('valued', 'shop.customers', '{"value": "monetary"}');

-- names that somebody might try
SELECT custseg.train(name, 'shop.customers', '{recency,frequency,monetary}', 3, id => 'id')
FROM unnest(ARRAY['<script>alert(1)</script>', '"; DROP TABLE customers; --', E'\u202emodel \u0645\u0631\u062d\u0628\u0627', E'\U0001f6d2 \U0001f600',
    'a/b%2Fc%/?d=e&f#g', 'publications', '100%', 'o''hara\', ' spaces ', repeat('x', 63)]) AS name;
SELECT custseg.name_segment('<script>alert(1)</script>', segment, name)
FROM (VALUES (1, '</script><img src=x onerror=alert(1)>'), (2, E'"two" \\ % / \u202e\U0001f600'), (3, repeat('long ', 40))) v (segment, name);
SELECT 1 FROM custseg.publish('<script>alert(1)</script>', 'shop.customers', :'asked');
SELECT 1 FROM custseg.publish('a/b%2Fc%/?d=e&f#g', 'shop.customers');
-- a name that looks like the number of another segment, and a name that two segments share
SELECT custseg.name_segment('100%', 3, '1'), custseg.name_segment('100%', 1, 'seventy'), custseg.name_segment('100%', 2, '17');

-- every algorithm
SELECT custseg.train(algorithm, 'SELECT id, recency, frequency, monetary FROM shop.customers WHERE id <= 600', '{recency,frequency,monetary}', 4, algorithm, id => 'id')
FROM unnest(ARRAY['kmeans', 'minibatch', 'gmm', 'kmedoids', 'hierarchical']) AS algorithm;
-- with noise
SELECT 1 FROM custseg.train('dbscan', 'SELECT id, recency, frequency, monetary FROM shop.customers WHERE id <= 600', '{recency,frequency,monetary}', algorithm => 'dbscan', id => 'id',
    options => '{"eps": 0.12, "min_samples": 8}');
SELECT 1 FROM custseg.train('hdbscan', 'SELECT id, recency, frequency, monetary FROM shop.customers WHERE id <= 600', '{recency,frequency,monetary}', algorithm => 'hdbscan', id => 'id',
    options => '{"min_cluster_size": 20}');
SELECT 1 FROM custseg.train('rules', 'shop.customers', algorithm => 'rules', id => 'id', options => '{"segments": [{"name": "big", "when": {"monetary": {"from": 1000}}}, {"name": "small"}], "else": "small"}');
SELECT 1 FROM custseg.train('tree', 'shop.customers', '{recency,frequency,monetary}', algorithm => 'tree', id => 'id', options => '{"model": "kmeans"}');
SELECT custseg.publish(algorithm, 'SELECT id, recency, frequency, monetary FROM shop.customers WHERE id <= 600')
FROM unnest(ARRAY['kmeans', 'minibatch', 'gmm', 'kmedoids', 'hierarchical', 'dbscan', 'hdbscan', 'rules', 'tree']) AS algorithm;

-- 40 segments, 97 features, one segment, no version deployed, nothing published
SELECT 1 FROM custseg.train('forty', 'shop.customers', '{recency,frequency,monetary}', 40, id => 'id');
SELECT 1 FROM custseg.publish('forty', 'shop.customers', :'asked');
SELECT format('CREATE TABLE wide AS SELECT i AS id, %s FROM generate_series(1, 300) i',
    string_agg(format('((i * %s) %% %s)::float8 AS f%s', 3 + n * 7, 11 + n, n), ', '))
FROM generate_series(1, 97) n \gexec
SELECT 1 FROM custseg.train('wide', 'shop.wide', k => 3, id => 'id');
SELECT 1 FROM custseg.publish('wide', 'shop.wide');
SELECT 1 FROM custseg.train('one', 'shop.customers', '{recency,frequency}', 1, id => 'id');
SELECT 1 FROM custseg.train('waiting', 'shop.customers', '{recency,frequency}', 2, id => 'id', deploy => false);

-- models within a segment of another
SELECT 1 FROM custseg.train('within shop', 'shop.customers', '{recency,frequency,monetary}', 2, id => 'id', options => '{"within": {"model": "shop", "segment": 1}}');
SELECT 1 FROM custseg.train(E'<b>within</b> \u202e / 100%', 'shop.customers', '{recency,monetary}', 2, id => 'id', options => '{"within": {"model": "within shop", "segment": 1}}');
SELECT custseg.name_segment('within shop', 1, '<i>"a/b"</i>');

-- models of other kinds
CREATE TABLE lines AS
SELECT i * 13 % 160 AS buyer, date '2024-01-01' + i * i * 7 % 300 AS at, 5 + i % 17 AS amount FROM generate_series(1, 1200) i;
SELECT 1 FROM custseg.train_purchases('repeats', 'shop.lines', 'buyer', 'at', 'amount');
SELECT 1 FROM custseg.train_value('worth', 'shop.customers', 'monetary', '{recency,frequency}', 'linear', options => '{"ridge": 1}');
SELECT 1 FROM custseg.train_value('membership', 'shop.customers', 'member', '{recency,frequency}', 'logistic', options => '{"ridge": 1}');

\ir fixture-business.sql

-- who may use what
SELECT custseg.train(name, 'shop.customers', '{recency,frequency,monetary}', 2, id => 'id') FROM unnest(ARRAY['of north', 'of south', 'secret']) AS name;
SELECT custseg.publish(name, 'shop.customers') FROM unnest(ARRAY['of north', 'of south', 'secret']) AS name;
SELECT custseg.grant_model(name, 'reader') FROM custseg.models WHERE name NOT IN ('secret', 'of north', 'of south');
SELECT custseg.grant_model(name, 'odd role \ name') FROM custseg.models WHERE name = 'shop';
SELECT custseg.grant_model('of north', 'north'), custseg.grant_model('of south', 'south');
SELECT custseg.grant_model('shop', 'north'), custseg.grant_model('shop', 'south');
RESET ROLE;
