--
-- What the examples of functions are about (custseg.functions): customers, their orders, models of them, and experiments.
--
CREATE TABLE customers (id int PRIMARY KEY, recency int, frequency int, monetary float8, age int, channel text, region text, segment int);
INSERT INTO customers
SELECT i, 10 + i % 3 * 100 + i * 7 % 23, 1 + (2 - i % 3) * 6 + i % 4, 40 + (2 - i % 3) * 400 + i * 11 % 37,
    CASE WHEN i % 7 > 0 THEN 20 + i * 13 % 50 END, (ARRAY['web', 'shop', 'phone'])[1 + (i % 3 + i % 11 / 9) % 3], (ARRAY['north', 'south'])[1 + i % 2]
FROM generate_series(1, 240) i;
CREATE TABLE orders (customer int, at timestamptz, amount float8, product text);
INSERT INTO orders
SELECT i % 60, timestamptz '2025-01-01 12:00+00' + i * interval '17 hours', 5 + i * 13 % 90, 'product ' || i % 9
FROM generate_series(1, 600) i;
CREATE TABLE contracts AS SELECT 1 + i * 7 % 36 AS months, i % 3 = 0 AS has_left, (ARRAY['monthly', 'yearly'])[1 + i % 2] AS plan FROM generate_series(1, 200) i;
SET client_min_messages = warning;
SELECT custseg.train('shop', 'customers', '{recency,frequency,monetary}', k => 3) IS NOT NULL,
    custseg.train('shop', 'customers', '{recency,frequency,monetary}', k => 4) IS NOT NULL,
    custseg.train('tree', 'customers', '{recency,frequency,monetary}', algorithm => 'tree', options => '{"model": "shop"}') IS NOT NULL,
    custseg.train('value', 'customers', algorithm => 'rules', options => '{"segments": [{"name": "large", "when": {"monetary": {"from": 400}}}, {"name": "small"}], "else": "small"}') IS NOT NULL AS trained;
SET client_min_messages = error;
SELECT version FROM custseg.train_value('worth', 'customers', 'monetary', '{recency,frequency}', 'linear');
SET client_min_messages = warning;
SELECT custseg.train_purchases('repeats', 'orders', 'customer', 'at', 'amount') IS NOT NULL AS trained;
SELECT custseg.deploy('shop', 2), custseg.deploy('shop', 1), custseg.name_segment('shop', 1, 'best', rank => 1), custseg.name_segment('shop', 2, 'least', rank => 2);
SELECT custseg.create_experiment('welcome', 'shop', '["control", "letter"]', '[{"metric": "monetary", "kind": "mean", "role": "primary", "effect": 1}]');
SELECT custseg.create_experiment('farewell', 'shop', '["control", "letter"]', '[{"metric": "monetary", "kind": "mean", "role": "primary", "effect": 1}]');
SELECT n_enrolled FROM custseg.enroll('welcome', 'customers');
SELECT custseg.track_changes('shop', 'customers'), custseg.create_consumer('campaigns', 'shop');
CALL custseg.resegment('shop', 'customers');
CALL custseg.resegment('shop', 'customers');
CALL custseg.resegment('shop', 'customers');
CALL custseg.resegment('shop', 'customers');
