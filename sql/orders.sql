-- From lines of orders to customers: recency, frequency, monetary value, and the features of a segmentation.
SET TimeZone = 'UTC';

-- by hand: three customers, an invoice of two lines, a return
CREATE TABLE lines (customer int, invoice text, at timestamp, amount numeric(10,2), product text, category text, channel text, discount float8, quantity int);
INSERT INTO lines VALUES
    (1, 'a', '2024-01-01 09:00', 10.10, 'tea', 'drinks', 'web', 0, 1),
    (1, 'a', '2024-01-01 09:01', 20.20, 'cake', 'food', 'web', 0.1, 2),
    (1, 'b', '2024-01-11 13:00', 30.30, 'tea', 'drinks', 'shop', 0, 3),
    (1, 'c', '2024-01-31 23:00', 40.40, 'tea', 'drinks', 'web', 0, 4),
    (1, 'd', '2024-02-02 10:00', -5.00, 'tea', 'drinks', 'web', 0, -1),
    (2, 'e', '2024-02-10 10:00', 100, 'cake', 'food', 'shop', 0.2, 1),
    (3, 'f', '2024-01-06 19:00', 1, 'bread', 'food', 'web', NULL, 1),
    (3, 'g', '2024-01-06 20:00', 2, 'bread', NULL, NULL, 0, 1),
    (4, 'h', '2024-02-01 10:00', -7, 'tea', 'drinks', 'web', 0, -1),
    (NULL, 'i', '2024-02-01 10:00', 7, 'tea', 'drinks', 'web', 0, 1),
    (5, 'j', NULL, 7, 'tea', 'drinks', 'web', 0, 1),
    (5, 'k', '2024-02-01 10:00', NULL, 'tea', 'drinks', 'web', 0, 1),
    (5, 'l', '2024-02-01 10:00', 'nan', 'tea', 'drinks', 'web', 0, 1);
SELECT customer_id, first_purchase, last_purchase, round(days_since_last::numeric, 4) AS days, round(tenure_days::numeric, 4) AS tenure, frequency, monetary, average_order AS average,
    round(days_between_mean::numeric, 4) AS gap, round(days_between_variation::numeric, 4) AS variation
FROM custseg.rfm('lines', 'customer', 'at', 'amount', options => '{"order": "invoice"}');
SELECT customer_id, frequency, monetary FROM custseg.rfm('lines', 'customer', 'at', 'amount');
SELECT customer_id, frequency, monetary FROM custseg.rfm('lines', 'customer', 'at', 'amount', options => '{"same_day": true, "returns": "ignore"}');
SELECT customer_id, frequency, monetary FROM custseg.rfm('lines', 'customer', 'at', 'amount', options => '{"returns": "count"}');
-- lines that look like parts of an order, which nobody told apart
SELECT customer_id, frequency FROM custseg.rfm('SELECT l.* FROM lines l, generate_series(1, 3)', 'customer', 'at', 'amount');
SELECT count(*) FROM custseg.rfm_thresholds('SELECT l.* FROM lines l, generate_series(1, 3)', 'customer', 'at', 'amount');
SELECT customer_id, frequency FROM custseg.rfm('SELECT l.* FROM lines l, generate_series(1, 3)', 'customer', 'at', 'amount', options => '{"order": "invoice"}');
SELECT customer_id, frequency FROM custseg.rfm('SELECT l.* FROM lines l, generate_series(1, 3)', 'customer', 'at', 'amount', options => '{"same_day": true}');
SELECT customer_id, frequency FROM custseg.rfm('SELECT l.* FROM lines l, generate_series(1, CASE invoice WHEN ''e'' THEN 2 ELSE 1 END)', 'customer', 'at', 'amount');
-- nothing of the future
SELECT customer_id, days_since_last, frequency, monetary FROM custseg.rfm('lines', 'customer', 'at', 'amount', as_of => '2024-01-11 13:00', options => '{"order": "invoice"}');
SELECT customer_id, days_since_last FROM custseg.rfm('lines', 'customer', 'at', 'amount', as_of => '2025-01-11');
-- other types of customers and times
SELECT customer_id, last_purchase, frequency FROM custseg.rfm('SELECT ''c'' || customer AS c, at::date AS d, amount::money AS a FROM lines WHERE amount < 1000 AND amount > 0', 'c', 'd', 'a');
SELECT customer_id, last_purchase FROM custseg.rfm('SELECT customer::numeric + 0.50 AS "we""ird", at AT TIME ZONE ''Asia/Tokyo'' AS "Time", amount::float4 AS a FROM lines WHERE amount > 50', 'we"ird', 'Time', 'a');

-- scores: quantiles as percentile_cont has them, ties below or above
CREATE TABLE shop AS
SELECT 1 + i * 7919 % 200 AS customer, timestamptz '2024-06-30' - (i * 104729 % 500) * interval '7 hours' AS at, round((exp(i * 31 % 97 / 20.0))::numeric, 2) AS amount
FROM generate_series(1, 1500) i;
CREATE TEMPORARY TABLE measured AS
SELECT customer, extract(epoch FROM max(max(at)) OVER () - max(at)) / 86400 AS recency, count(*) AS frequency, sum(amount) AS monetary
FROM shop
WHERE customer % 3 > 0 OR amount > 3
GROUP BY customer;
CREATE TEMPORARY TABLE scored AS
SELECT * FROM custseg.rfm('SELECT * FROM shop WHERE customer % 3 > 0 OR amount > 3', 'customer', 'at', 'amount');
SELECT count(*), count(*) FILTER (WHERE abs(days_since_last - recency) < 1e-6 AND s.frequency = m.frequency AND abs(s.monetary - m.monetary) < 1e-9) AS same
FROM scored s JOIN measured m ON m.customer::text = s.customer_id;
WITH cuts AS (
    SELECT percentile_cont(ARRAY[0.2, 0.4, 0.6, 0.8]) WITHIN GROUP (ORDER BY recency) AS r,
        percentile_cont(ARRAY[0.2, 0.4, 0.6, 0.8]) WITHIN GROUP (ORDER BY frequency) AS f,
        percentile_cont(ARRAY[0.2, 0.4, 0.6, 0.8]) WITHIN GROUP (ORDER BY monetary) AS m
    FROM measured
)
SELECT count(*),
    count(*) FILTER (WHERE recency_score = 5 - (SELECT count(*) FROM unnest(r) c WHERE c + 1e-9 < recency)) AS recency,
    count(*) FILTER (WHERE frequency_score = 1 + (SELECT count(*) FROM unnest(f) c WHERE c < m.frequency)) AS frequency,
    count(*) FILTER (WHERE monetary_score = 1 + (SELECT count(*) FROM unnest(cuts.m) c WHERE c < m.monetary)) AS monetary,
    count(*) FILTER (WHERE rfm_code = recency_score || '' || frequency_score || monetary_score) AS code
FROM scored s JOIN measured m ON m.customer::text = s.customer_id, cuts;
-- as R's rfm_table_order has it: quantile() of type 7, a score is from its lower bound on and below its upper
WITH cuts AS (SELECT percentile_cont(ARRAY[0.2, 0.4, 0.6, 0.8]) WITHIN GROUP (ORDER BY frequency) AS f FROM measured)
SELECT count(*), count(*) FILTER (WHERE frequency_score = 1 + (SELECT count(*) FROM unnest(f) c WHERE c <= m.frequency)) AS frequency
FROM custseg.rfm('SELECT * FROM shop WHERE customer % 3 > 0 OR amount > 3', 'customer', 'at', 'amount', options => '{"ties": "above"}') s
JOIN measured m ON m.customer::text = s.customer_id, cuts;
SELECT measure, score, round(low::numeric, 4) AS low, round(high::numeric, 4) AS high, n
FROM custseg.rfm_thresholds('shop', 'customer', 'at', 'amount', options => '{"bins": 3, "thresholds": {"frequency": [5, 8]}}');
SELECT t.score, t.n = (SELECT count(*) FROM custseg.rfm('shop', 'customer', 'at', 'amount') r WHERE r.monetary_score = t.score) AS same
FROM custseg.rfm_thresholds('shop', 'customer', 'at', 'amount') t WHERE t.measure = 'monetary';
SELECT min(rfm_code), max(rfm_code), count(rfm_segment) FROM custseg.rfm('shop', 'customer', 'at', 'amount', options => '{"bins": 10}');

-- memory is one customer's, however many lines: a sort of the server's
SET work_mem = '64kB';
SET maintenance_work_mem = '1MB';
SELECT count(*), sum(frequency), round(sum(monetary)::numeric, 2) FROM custseg.rfm('SELECT i % 8000 AS c, timestamptz ''2024-01-01'' + i * interval ''1 minute'' AS t, 0.01 AS a FROM generate_series(1, 60000) i', 'c', 't', 'a');
SELECT count(*) FROM custseg.rfm('SELECT i AS c, timestamptz ''2024-01-01'' AS t, 0.01 AS a FROM generate_series(1, 60000) i', 'c', 't', 'a');
SHOW work_mem;
-- and what fits is gathered in hash tables: the same customers in the same order
CREATE TEMPORARY TABLE many_lines AS
SELECT 'Käufer ' || i::bigint * 7919 % 3001 AS customer, CASE WHEN i % 7 > 0 THEN (i / 3)::numeric END AS invoice, timestamp '2024-01-01' + i::bigint * 104729 % 90000 * interval '1 minute' AS at,
    CASE WHEN i % 11 = 0 THEN -1.5 ELSE round((i * 31 % 97 / 7.0)::numeric, 2) END AS amount
FROM generate_series(1, 60000) i;
CREATE TEMPORARY TABLE by_sort AS SELECT * FROM custseg.rfm('many_lines', 'customer', 'at', 'amount', options => '{"order": "invoice"}') WITH ORDINALITY;
CREATE TEMPORARY TABLE by_sort_lines AS SELECT * FROM custseg.rfm('many_lines', 'customer', 'at', 'amount') WITH ORDINALITY;
SET maintenance_work_mem = '64MB';
CREATE TEMPORARY TABLE by_hash AS SELECT * FROM custseg.rfm('many_lines', 'customer', 'at', 'amount', options => '{"order": "invoice"}') WITH ORDINALITY;
CREATE TEMPORARY TABLE by_hash_lines AS SELECT * FROM custseg.rfm('many_lines', 'customer', 'at', 'amount') WITH ORDINALITY;
SELECT (SELECT count(*) FROM by_sort), count(*) AS same FROM by_hash h JOIN by_sort s USING (ordinality, customer_id, first_purchase, last_purchase, frequency, rfm_code, rfm_segment)
WHERE abs(h.monetary - s.monetary) < 1e-9 AND h.days_between_mean IS NOT DISTINCT FROM s.days_between_mean AND h.days_between_variation IS NOT DISTINCT FROM s.days_between_variation;
SELECT (SELECT count(*) FROM by_sort_lines), count(*) AS same FROM by_hash_lines h JOIN by_sort_lines s USING (ordinality, customer_id, first_purchase, last_purchase, frequency, rfm_code, rfm_segment)
WHERE abs(h.monetary - s.monetary) < 1e-9 AND h.days_between_mean IS NOT DISTINCT FROM s.days_between_mean AND h.days_between_variation IS NOT DISTINCT FROM s.days_between_variation;
SELECT array_agg(customer_id ORDER BY ordinality) = array_agg(customer_id ORDER BY customer_id COLLATE "C") AS in_order FROM by_hash;
-- a type that can be ordered but not hashed
SELECT customer_id, frequency FROM custseg.rfm('SELECT (i % 3)::bit(2) AS c, now() AS t, 1 AS a FROM generate_series(1, 4) i', 'c', 't', 'a');
RESET work_mem;
RESET maintenance_work_mem;

-- a table that has recency, frequency and monetary value already: the same scores as rfm() gives, whatever the ties
CREATE FUNCTION pg_temp.rfm_differences(seed int, n int, customers int, options jsonb, as_of timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    lines text := format('SELECT hashint8extended(i, %1$s) & %3$s AS c, timestamptz ''2024-06-30 12:00'' - ((hashint8extended(i, %1$s + 1) & 63) / %4$s * %4$s) * interval ''26 hours'' AS t,
        round(((hashint8extended(i, %1$s + 2) & 1023) / 7.0 ^ %4$s)::numeric, 2) AS a FROM generate_series(1, %2$s) i', seed, n, customers, 1 + seed % 4);
    scored text := format('SELECT * FROM custseg.rfm(%L, ''c'', ''t'', ''a'', as_of => %L, options => %L)', lines, as_of, options);
    days bigint;
    times bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM (%s) r FULL JOIN custseg.rfm_scores(%L, ''days_since_last'', ''frequency'', ''monetary'', %L) s USING (customer_id)
        WHERE (r.recency_score, r.frequency_score, r.monetary_score, r.rfm_code, r.rfm_segment, r.days_since_last, r.frequency::float8, r.monetary)
            IS DISTINCT FROM (s.recency_score, s.frequency_score, s.monetary_score, s.rfm_code, s.rfm_segment, s.recency_value, s.frequency_value, s.monetary_value)',
        scored, scored, options || '{"id": "customer_id"}') INTO days;
    EXECUTE format('SELECT count(*) FROM (%s) r FULL JOIN custseg.rfm_scores(%L, ''last_purchase'', ''frequency'', ''monetary'', %L) s USING (customer_id)
        WHERE (r.rfm_code, r.days_since_last) IS DISTINCT FROM (s.rfm_code, s.recency_value)',
        scored, scored, options || '{"id": "customer_id"}' || CASE WHEN as_of IS NULL THEN '{}' ELSE jsonb_build_object('as_of', as_of) END) INTO times;
    RETURN days + times;
END $$;
SET client_min_messages = warning;
SELECT count(*), sum(pg_temp.rfm_differences(seed, 10 + seed * seed * 20, 15 + 16 * (seed % 5), jsonb_build_object('bins', 2 + seed % 9, 'ties', CASE seed % 2 WHEN 0 THEN 'below' ELSE 'above' END)
    || CASE WHEN seed % 9 = 3 THEN '{"thresholds": {"frequency": [1, 2, 3, 4]}}' ELSE '{}' END::jsonb, CASE WHEN seed % 3 = 0 THEN timestamptz '2024-06-20' END)) AS different
FROM generate_series(1, 24) seed;
RESET client_min_messages;
-- by the primary key, or without any; numbers of every type, a date, an interval
CREATE TABLE shopper (id int PRIMARY KEY, last_order date, since interval, days smallint, orders numeric, spent money, rate float4);
INSERT INTO shopper SELECT i, date '2026-01-31' - i * 7 % 30, (i * 7 % 30) * interval '1 day', i * 7 % 30, 1 + i % 13 / 4.0, (i * 31 % 50 + 0.25)::numeric::money, i * 31 % 50 FROM generate_series(1, 30) i;
SELECT * FROM custseg.rfm_scores('shopper', 'last_order', 'orders', 'spent') ORDER BY customer_id::int LIMIT 3;
SELECT count(*), count(*) FILTER (WHERE d.rfm_code = t.rfm_code AND i.rfm_code = t.rfm_code AND d.recency_value = t.recency_value AND i.recency_value = t.recency_value AND f.monetary_score = t.monetary_score) AS same
FROM custseg.rfm_scores('shopper', 'last_order', 'orders', 'spent') t
JOIN custseg.rfm_scores('shopper', 'days', 'orders', 'spent') d USING (customer_id)
JOIN custseg.rfm_scores('shopper', 'since', 'orders', 'spent') i USING (customer_id)
JOIN custseg.rfm_scores('shopper', 'days', 'days', 'rate') f USING (customer_id);
SELECT * FROM custseg.rfm_scores('SELECT * FROM shopper WHERE id <= 2', 'days', 'orders', 'spent', '{"bins": 2, "segments": [{"name": "good", "monetary": [2, 2]}, {"name": "rest"}]}');
SELECT customer_id, recency_value FROM custseg.rfm_scores('shopper', 'last_order', 'orders', 'spent', '{"id": "id,days", "as_of": "2026-01-04 12:00", "time_zone": "Asia/Tokyo"}') ORDER BY recency_value;
-- what cannot be scored is left out, and said
SELECT * FROM custseg.rfm_scores('SELECT * FROM (VALUES (1, date ''2026-01-01'', 1.0, 1.0), (2, NULL, 1, 1), (3, ''infinity'', 1, 1), (4, ''2026-01-02'', NULL, 1), (5, ''2026-01-02'', 1, ''NaN''), (6, ''2026-02-01'', 1, 1)) v (id, t, f, m)',
    't', 'f', 'm', '{"id": "id", "as_of": "2026-01-15"}');
SELECT count(*) FROM custseg.rfm_scores('SELECT * FROM shopper WHERE false', 'last_order', 'orders', 'spent');
SELECT count(*) FROM custseg.rfm_scores('SELECT * FROM shopper WHERE false', 'days', 'orders', 'spent');
-- ties keep scores from being equally frequent, which is said: a row a customer, and many who bought once
SELECT rfm_segment, count(*) FROM custseg.rfm('SELECT i AS id, date ''2026-01-01'' + i % 365 AS last_order, 10.0 + i % 97 AS value FROM generate_series(1, 1000) i', 'id', 'last_order', 'value') GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1;
SELECT frequency_score, monetary_score, count(*) FROM custseg.rfm_scores('SELECT i AS r, greatest(1, i - 60) AS f, CASE WHEN i <= 45 THEN 0 ELSE i END AS m FROM generate_series(1, 100) i', 'r', 'f', 'm') GROUP BY 1, 2 ORDER BY 1, 2;
SELECT measure, score, n FROM custseg.rfm_thresholds('SELECT i % 80 AS c, timestamp ''2026-01-01'' + i * interval ''1 hour'' AS t, i % 7 AS a FROM generate_series(1, 100) i', 'c', 't', 'a') WHERE measure = 'frequency';
SELECT count(*) FROM custseg.rfm_scores('SELECT i AS r, i AS f, i AS m FROM generate_series(1, 1000) i', 'r', 'f', 'm');
DROP TABLE shopper;

-- names: all combinations have one, and every name is reached
SELECT * FROM custseg.rfm_segments();
SELECT sum(n_codes) FROM custseg.rfm_segments();
SELECT r.rfm_segment, count(*) FROM custseg.rfm('shop', 'customer', 'at', 'amount') r GROUP BY 1 ORDER BY 2 DESC, 1;
SELECT "position", rfm_segment, n_codes, n_codes_taken
FROM custseg.rfm_segments('[{"name": "good", "recency": [4, 5], "monetary": [4, 5]}, {"name": "best", "recency": [5, 5], "monetary": [5, 5]}, {"name": "new", "frequency": [1, 1]}]');
SELECT r.rfm_segment, count(*) FROM custseg.rfm('shop', 'customer', 'at', 'amount', segments => '[{"name": "good", "recency": [4, 5], "monetary": [4, 5]}, {"name": "best", "recency": [5, 5], "monetary": [5, 5]}, {"name": "new", "frequency": [1, 1]}]') r
GROUP BY 1 ORDER BY 1;
SELECT r.rfm_segment, count(*) FROM custseg.rfm('shop', 'customer', 'at', 'amount', options => '{"bins": 2}', segments => '[{"name": "good", "monetary": [2, 2]}, {"name": "rest"}]') r
GROUP BY 1 ORDER BY 1;

-- the features of a segmentation, by hand
SELECT customer_id, as_of_time, round(days_since_last::numeric, 3) AS days, frequency, monetary, average_order, largest_order, lines_per_order AS lines, quantity_per_order AS quantity,
    round(days_between_mean::numeric, 4) AS gap, round(days_between_variation::numeric, 4) AS variation
FROM custseg.customer_features('lines', 'customer', 'at', 'amount', 'product', 'category', 'channel', 'discount', 'quantity', options => '{"order": "invoice", "window_days": 20}')
ORDER BY customer_id;
SELECT customer_id, n_products, round(product_entropy::numeric, 6) AS entropy, favourite_category AS category, round(category_entropy::numeric, 6) AS entropy2, category_shares, favourite_channel AS channel,
    round(favourite_channel_share::numeric, 4) AS share
FROM custseg.customer_features('lines', 'customer', 'at', 'amount', 'product', 'category', 'channel', 'discount', 'quantity', options => '{"order": "invoice", "window_days": 20}')
ORDER BY customer_id;
SELECT customer_id, return_rate, round(discount_rate::numeric, 4) AS discount, morning_share AS morning, afternoon_share AS afternoon, evening_share AS evening, night_share AS night, weekend_share AS weekend,
    favourite_weekday AS weekday, season_share AS season, round(spend_trend::numeric, 4) AS trend, lifecycle
FROM custseg.customer_features('lines', 'customer', 'at', 'amount', 'product', 'category', 'channel', 'discount', 'quantity', options => '{"order": "invoice", "window_days": 20}')
ORDER BY customer_id;
-- what is not given is NULL; as of a date nothing later is seen
SELECT customer_id, frequency, monetary, n_products, category_shares, discount_rate, quantity_per_order FROM custseg.customer_features('lines', 'customer', 'at', 'amount', as_of => '2024-01-15') ORDER BY 1;
-- the same as rfm() says
SELECT count(*), count(*) FILTER (WHERE f.frequency = r.frequency AND abs(f.monetary - r.monetary) < 1e-9 AND abs(f.days_since_last - r.days_since_last) < 1e-6
    AND abs(coalesce(f.days_between_mean - r.days_between_mean, 0)) < 1e-6 AND abs(coalesce(f.days_between_variation - r.days_between_variation, 0)) < 1e-6) AS same
FROM custseg.customer_features('shop', 'customer', 'at', 'amount') f JOIN custseg.rfm('shop', 'customer', 'at', 'amount') r USING (customer_id);
-- and lines that count as orders are told alike, whatever counts: up to a time, returns, neither what cannot be an order
SELECT (SELECT count(*) FROM custseg.rfm(source, 'customer', 'at', 'amount', as_of => '2024-02-28', options => options)) =
    (SELECT count(*) FROM custseg.customer_features(source, 'customer', 'at', 'amount', as_of => '2024-02-28', options => options)) AS same
FROM (VALUES
    ('SELECT customer, date_trunc(''month'', at) AS at, amount FROM lines UNION ALL SELECT 1, ''infinity'', 1 FROM generate_series(1, 9) UNION ALL SELECT 2, ''2024-03-01'', 1 FROM generate_series(1, 9) UNION ALL SELECT 3, ''2024-01-07'', NULL FROM generate_series(1, 9) UNION ALL SELECT 4, ''2024-01-07'', -1 FROM generate_series(1, 9) UNION ALL SELECT 4, ''2024-01-07'', 9', '{}'::jsonb),
    ('SELECT customer, date_trunc(''month'', at) AS at, amount FROM lines', '{"returns": "count"}'),
    ('SELECT customer, date_trunc(''month'', at) AS at, amount FROM lines', '{"same_day": true}'),
    ('SELECT customer, at + row_number() OVER () * interval ''1 minute'' AS at, amount FROM lines', '{}')) s (source, options);

-- as a view: a column a category, the customer's own type, and something to train on and to score
SELECT custseg.create_feature_view('buyers', 'lines', 'customer', 'at', 'amount', category => 'category', as_of => '2024-02-28', options => '{"order": "invoice", "top_categories": 1}');
SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'buyers' ORDER BY ordinal_position;
SELECT customer, as_of, frequency, share_food FROM buyers ORDER BY customer;
SELECT custseg.create_feature_view('recent', 'shop', 'customer', 'at', 'amount');
SELECT n_rows, n_segments FROM custseg.train('orders', 'recent', features => '{frequency,monetary,average_order}', k => 3, id => 'customer');
SELECT count(DISTINCT custseg.predict('orders', r)) FROM recent r;
SELECT custseg.drop_model('orders', whole => true);
-- hostile names of everything
CREATE TABLE "l'i""nes" AS SELECT customer AS "c'u""s", at AS "select", amount AS "a b", category || E'\'"' AS "cat", invoice AS "order" FROM lines WHERE amount > 0;
SELECT custseg.create_feature_view('"V ""x"', '"l''i""nes"', 'c''u"s', 'select', 'a b', category => 'cat', options => '{"order": "order"}');
SELECT column_name FROM information_schema.columns WHERE table_name = 'V "x' AND column_name LIKE 'share%' OR table_name = 'V "x' AND ordinal_position = 1 ORDER BY ordinal_position;
SELECT count(*) FROM "V ""x";
\pset format unaligned
\pset tuples_only on
SELECT custseg.customer_features_sql('lines', 'customer', 'at', 'amount', product => 'product', discount => 'discount', as_of => '2024-02-28', options => '{"returns": "ignore"}');
\pset format aligned
\pset tuples_only off

-- nothing to sum up
SELECT count(*) FROM custseg.rfm('SELECT * FROM lines WHERE false', 'customer', 'at', 'amount');
SELECT count(*) FROM custseg.rfm_thresholds('SELECT * FROM lines WHERE false', 'customer', 'at', 'amount');
SELECT count(*) FROM custseg.customer_features('SELECT * FROM lines WHERE false', 'customer', 'at', 'amount', category => 'category');
SELECT count(*) FROM custseg.rfm('SELECT * FROM lines WHERE at IS NULL', 'customer', 'at', 'amount');
SELECT recency_score, frequency_score, monetary_score, rfm_segment FROM custseg.rfm('SELECT * FROM lines WHERE customer = 2', 'customer', 'at', 'amount');

-- errors
SELECT custseg.rfm('nowhere', 'customer', 'at', 'amount');
SELECT custseg.rfm(NULL, 'customer', 'at', 'amount');
SELECT custseg.rfm('lines', 'client', 'at', 'amount');
SELECT custseg.rfm('lines', NULL, 'at', 'amount');
SELECT custseg.rfm('lines', 'customer', 'product', 'amount');
SELECT custseg.rfm('SELECT 1 AS c, interval ''1 day'' AS t, 1 AS a', 'c', 't', 'a');
SELECT custseg.rfm('lines', 'customer', 'at', 'product');
SELECT custseg.customer_features('lines', 'customer', 'at', 'amount', as_of => '1999-01-01');
SELECT custseg.create_feature_view('early', 'lines', 'customer', 'at', 'amount', as_of => '1999-01-01');
SELECT custseg.rfm('lines', 'customer', 'at', 'amount', as_of => 'infinity');
SELECT custseg.rfm('SELECT ''{}''::json AS c, now() AS t, 1 AS a', 'c', 't', 'a');
SELECT custseg.rfm('lines', 'customer', 'at', 'amount', options => '{"basket": "invoice"}');
SELECT custseg.rfm('lines', 'customer', 'at', 'amount', options => '{"order": "basket"}');
SELECT custseg.rfm('lines', 'customer', 'at', 'amount', options => '{"bins": 11}');
SELECT custseg.rfm('lines', 'customer', 'at', 'amount', options => '{"thresholds": {"monetary": [1, 2]}}');
SELECT custseg.rfm('lines', 'customer', 'at', 'amount', options => '{"thresholds": {"monetary": [1, 2, 2, 3]}}');
SELECT custseg.rfm('lines', 'customer', 'at', 'amount', options => '{"thresholds": {"money": [1, 2, 3, 4]}}');
SELECT custseg.rfm('lines', 'customer', 'at', 'amount', segments => '{}');
SELECT custseg.rfm('lines', 'customer', 'at', 'amount', segments => '[1]');
SELECT custseg.rfm('lines', 'customer', 'at', 'amount', segments => '[{"recency": [1, 2]}]');
SELECT custseg.rfm('lines', 'customer', 'at', 'amount', segments => '[{"name": "a", "recency": [2, 1]}]');
SELECT custseg.rfm('lines', 'customer', 'at', 'amount', segments => '[{"name": "a", "recency": [1, 6]}]');
SELECT custseg.rfm('lines', 'customer', 'at', 'amount', segments => '[{"name": "a", "recency": 1}]');
SELECT custseg.rfm('lines', 'customer', 'at', 'amount', segments => '[{"name": "a", "value": [1, 2]}]');
SELECT custseg.rfm_scores('lines', 'product', 'quantity', 'amount');
SELECT custseg.rfm_scores('lines', 'at', 'at', 'amount');
SELECT custseg.rfm_scores('lines', 'quantity', NULL, 'amount');
SELECT custseg.rfm_scores('lines', 'quantity', 'quantity', 'amount', '{"as_of": "2024-01-01"}');
SELECT custseg.rfm_scores('lines', 'at', 'quantity', 'amount', '{"as_of": "yesterday or so"}');
SELECT custseg.rfm_scores('lines', 'at', 'quantity', 'amount', '{"order": "invoice"}');
SELECT custseg.rfm_scores('lines', 'at', 'quantity', 'amount', '{"id": "basket"}');
SELECT custseg.rfm_segments(bins => 1);
SELECT custseg.customer_features('lines', 'customer', 'at', 'amount', discount => 'product');
SELECT custseg.customer_features('lines', 'customer', 'at', 'amount', options => '{"window_days": 0}');
SELECT custseg.create_feature_view('buyers', 'lines', 'customer', 'at', 'amount');
SELECT custseg.create_feature_view(NULL, 'lines', 'customer', 'at', 'amount');

DROP VIEW buyers, recent, "V ""x";
DROP TABLE lines, shop, "l'i""nes";
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
