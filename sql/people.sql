--
-- People like others: similar_customers(), lookalikes(), lookalike_lift().
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS people_test CASCADE;
DROP ROLE IF EXISTS regress_cs_people;
CREATE SCHEMA people_test;
SET search_path = people_test, public;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
SET client_min_messages = error;
SET extra_float_digits = 0;
CREATE FUNCTION noise(i int, stream int) RETURNS float8 LANGUAGE sql IMMUTABLE
RETURN (hashint8extended(i, stream) & 1048575) / 1048576.0::float8;
CREATE TABLE customer (id int PRIMARY KEY, recency int, frequency int, monetary float8, channel text, member bool, born date);
INSERT INTO customer
SELECT i, (365 * noise(i, 1))::int, 1 + (20 * noise(i, 2) ^ 3)::int, round((10 + 2000 * noise(i, 3) ^ 4)::numeric, 2),
    (ARRAY['web', 'shop', 'phone'])[1 + floor(3 * noise(i, 4) ^ 2)::int], noise(i, 5) < 0.3, date '1950-01-01' + (18000 * noise(i, 6))::int
FROM generate_series(1, 2000) i;
SELECT model, n_segments FROM custseg.train('shop', 'customer', '{recency,frequency,monetary,channel,member,born}', 3, options => '{"silhouette_sample": 0}');

-- as many as asked for, the nearest first, and never the customer
SELECT s.id, round(distance::numeric, 4) AS distance, segment = custseg.predict('shop', c) AS segment, s.name, shared, different
FROM custseg.similar_customers('shop', 'customer', 7, 5) WITH ORDINALITY AS s (id, distance, segment, name, shared, different, reason, place) JOIN customer c ON c.id = s.id::int ORDER BY place;
\echo
SELECT id, reason FROM custseg.similar_customers('shop', NULL, 7, 3);

-- exact: the same as all distances in model space, ties by id; here the columns of model space are a query's
CREATE TABLE plain AS SELECT i AS id, (10 * noise(i, 7))::int AS x, (10 * noise(i, 8))::int AS y FROM generate_series(1, 500) i;
SELECT model FROM custseg.train('plain', 'plain', '{x,y}', 4, id => 'id', prep => '{"scale": "none"}', options => '{"silhouette_sample": 0}');
SELECT bool_and(s.ids = t.ids AND s.distances = t.distances) AS same, count(*)
FROM generate_series(1, 500, 7) one,
    LATERAL (SELECT array_agg(id::int ORDER BY place) AS ids, array_agg(distance ORDER BY place) AS distances
             FROM custseg.similar_customers('plain', 'plain', one, 25) WITH ORDINALITY AS s (id, distance, segment, name, shared, different, reason, place)) s,
    LATERAL (SELECT array_agg(id ORDER BY place) AS ids, array_agg(distance ORDER BY place) AS distances
             FROM (SELECT p.id, sqrt(((p.x - q.x) * (p.x - q.x) + (p.y - q.y) * (p.y - q.y))::float8) AS distance,
                       row_number() OVER (ORDER BY (p.x - q.x) * (p.x - q.x) + (p.y - q.y) * (p.y - q.y), p.id) AS place
                   FROM plain p, plain q WHERE q.id = one AND p.id <> one) b WHERE place <= 25) t;
-- in whatever order rows lie, and in whatever unit columns are
SELECT bool_and(a = b) AS same FROM generate_series(1, 300, 50) one,
    LATERAL (SELECT array_agg(s ORDER BY s.distance, s.id::int) FROM custseg.similar_customers('shop', 'customer', one, 20) s) x (a),
    LATERAL (SELECT array_agg(s ORDER BY s.distance, s.id::int) FROM custseg.similar_customers('shop', 'SELECT * FROM customer ORDER BY md5(id::text)', one, 20) s) y (b);
SELECT model FROM custseg.train('other unit', 'SELECT id, recency, frequency, monetary * 128 AS monetary FROM customer', '{recency,frequency,monetary}', 3, id => 'id', options => '{"silhouette_sample": 0}');
SELECT model FROM custseg.train('unit', 'customer', '{recency,frequency,monetary}', 3, options => '{"silhouette_sample": 0}');
SELECT bool_and(a = b) AS same FROM generate_series(1, 300, 50) one,
    LATERAL (SELECT array_agg((s.id, s.distance, s.shared, s.different) ORDER BY s.distance, s.id::int) FROM custseg.similar_customers('unit', NULL, one, 20) s) x (a),
    LATERAL (SELECT array_agg((s.id, s.distance, s.shared, s.different) ORDER BY s.distance, s.id::int) FROM custseg.similar_customers('other unit', NULL, one, 20) s) y (b);

-- the whole source, and more than there are
SELECT count(*), count(DISTINCT id), min(distance) >= 0 AS ordered FROM custseg.similar_customers('plain', 'plain', 1, 10000);
SELECT count(*) FROM custseg.similar_customers('plain', 'SELECT * FROM plain WHERE id = 1', 1);

-- who is excluded is nobody's neighbour; who is elsewhere by hand is there
SELECT custseg.exclude('plain', id::int, 'objected') FROM custseg.similar_customers('plain', 'plain', 1, 3);
SELECT custseg.override_segment('plain', id::int, 4, 'known') FROM custseg.similar_customers('plain', 'plain', 1, 1);
SELECT s.segment, s.name FROM custseg.similar_customers('plain', 'plain', 1, 1) s JOIN custseg.overrides e ON e.customer = s.id AND e.model = 'plain' AND e.segment = 4;
SELECT count(*) FROM custseg.similar_customers('plain', 'plain', 1, 10000);
-- who asks about somebody who is excluded gets neighbours none the less
SELECT count(*) FROM custseg.overrides o, custseg.similar_customers('plain', 'plain', o.customer, 5) WHERE o.model = 'plain' AND o.segment IS NULL GROUP BY o.customer;
SELECT count(custseg.end_override('plain', o.customer)) FROM custseg.overrides o WHERE o.model = 'plain';

-- ids of other types, of several columns, and as texts
CREATE TABLE told (shop text, id numeric, x float8, y float8, PRIMARY KEY (shop, id));
INSERT INTO told SELECT CASE WHEN i % 2 = 0 THEN 'north, "1"' ELSE E'<b>\u202e' END, i / 2, noise(i, 1), noise(i, 2) FROM generate_series(1, 100) i;
SELECT model FROM custseg.train('told', 'told', '{x,y}', 2, options => '{"silhouette_sample": 0}');
\pset format unaligned
SELECT id, round(distance::numeric, 3) FROM custseg.similar_customers('told', NULL, ROW('north, "1"', 7), 3);
\pset format aligned
SELECT bool_and(a IS NOT DISTINCT FROM b) AS same FROM custseg.similar_customers('told', NULL, ROW('north, "1"', 7.0), 3) a JOIN custseg.similar_customers('told', NULL, '("north, ""1""",7)', 3) b USING (id);
CREATE TABLE of_text (id char(8) PRIMARY KEY, x float8);
INSERT INTO of_text SELECT 'c' || i, i FROM generate_series(1, 20) i;
SELECT model FROM custseg.train('of text', 'of_text', '{x}', 2, options => '{"silhouette_sample": 0}');
SELECT array_agg(id) FROM custseg.similar_customers('of text', NULL, 'c5', 3);
SELECT array_agg(id) FROM custseg.similar_customers('of text', NULL, 'c5'::char(20), 3);
CREATE TABLE of_json (id jsonb, x float8);
INSERT INTO of_json SELECT to_jsonb(i), i FROM generate_series(1, 20) i;
SELECT model FROM custseg.train('of json', 'of_json', '{x}', 2, id => 'id', options => '{"silhouette_sample": 0}');
SELECT array_agg(id) FROM custseg.similar_customers('of json', NULL, '5'::jsonb, 3);

-- rows without an id, and rows that cannot be placed, are nobody; a value that is missing is imputed, and says nothing
CREATE TABLE holes (id int, x float8, y float8, kind text);
INSERT INTO holes VALUES (1, 0, 0, 'a'), (2, 'infinity', 0, 'a'), (NULL, 0, 0, 'a'), (3, NULL, 1, 'a'), (4, 'nan', 2, NULL), (5, 3, 3, 'b'), (6, 4, 4, 'b'), (7, 0, 5, NULL);
SELECT model FROM custseg.train('holes', 'SELECT * FROM holes WHERE x < ''infinity'' AND id IS NOT NULL', '{x,y,kind}', 2, id => 'id', options => '{"silhouette_sample": 0}');
SELECT id, shared, different, reason FROM custseg.similar_customers('holes', 'holes', 1);
SELECT id, shared, different FROM custseg.similar_customers('holes', 'holes', 4, 2);
SELECT fails($$SELECT custseg.similar_customers('holes', 'holes', 2)$$);

-- algorithms of other kinds have a model space, too
SELECT model FROM custseg.train('mixture', 'customer', '{recency,frequency,monetary}', 2, 'gmm', options => '{"silhouette_sample": 0}');
SELECT model FROM custseg.train('noise', 'plain', '{x,y}', NULL, 'dbscan', id => 'id', options => '{"silhouette_sample": 0, "eps": 0.2, "min_samples": 3}');
SELECT model FROM custseg.train('components', 'customer', '{recency,frequency,monetary,channel}', 2, prep => '{"pca": 2}', options => '{"silhouette_sample": 0}');
SELECT (SELECT array_agg(id) = (SELECT array_agg(id) FROM custseg.similar_customers('unit', NULL, 5, 8)) FROM custseg.similar_customers('mixture', NULL, 5, 8)) AS mixture,
    (SELECT count(segment) FROM custseg.similar_customers('noise', NULL, 5, 8)) AS noise,
    (SELECT count(*) FROM custseg.similar_customers('components', NULL, 5, 8) WHERE cardinality(shared) > 0) AS components;

-- names of features and levels are text
CREATE TABLE "hostile ""'; --" AS SELECT i AS id, noise(i, 1) AS "a ""b'; <script>", CASE WHEN i % 2 = 0 THEN repeat(E'\U0001F600<b>%s''', 60) ELSE E'\u202eabc' END AS "level%s" FROM generate_series(1, 50) i;
SELECT model FROM custseg.train(E'<script>"''%s', '"hostile ""''; --"', ARRAY['a "b''; <script>', 'level%s'], 2, id => 'id', options => '{"silhouette_sample": 0}');
SELECT shared, reason FROM custseg.similar_customers(E'<script>"''%s', NULL, 2, 1);

-- errors
SELECT fails($$SELECT custseg.similar_customers('shop', 'customer', 99999)$$);
SELECT fails($$SELECT custseg.similar_customers('of text', 'of_text', 'nobody')$$);
SELECT fails($$SELECT custseg.similar_customers('shop', 'customer', NULL)$$);
SELECT fails($$SELECT custseg.similar_customers('shop', 'customer', 'seven')$$);
SELECT fails($$SELECT custseg.similar_customers('shop', 'SELECT * FROM customer UNION ALL SELECT * FROM customer', 7)$$);
SELECT fails($$SELECT custseg.similar_customers('shop', 'SELECT recency, frequency, monetary, channel, member, born FROM customer', 7)$$);
SELECT fails($$SELECT custseg.similar_customers('shop', 'SELECT id FROM customer', 7)$$);
SELECT fails($$SELECT custseg.similar_customers('shop', 'customer', 7, 0)$$);
SELECT fails($$SELECT custseg.similar_customers('shop', 'customer', 7, 10001)$$);
SELECT fails($$SELECT custseg.similar_customers('shop', 'customer', 7, NULL)$$);
SELECT fails($$SELECT custseg.similar_customers(NULL, 'customer', 7)$$);
SELECT fails($$SELECT custseg.similar_customers('nobody''s', 'customer', 7)$$);
SELECT fails($$SELECT custseg.similar_customers('shop', 'customer', 7, 5, 9)$$);
CREATE TABLE many AS SELECT i AS id, (SELECT array_agg((i * j % 17)::float8) FROM generate_series(1, 1000) j) AS v FROM generate_series(1, 20) i;
SELECT model FROM custseg.train('many', 'many', '{v}', 2, id => 'id', options => '{"silhouette_sample": 0}');
SET maintenance_work_mem = '16MB';
SELECT fails($$SELECT custseg.similar_customers('many', NULL, 7, 10000)$$);
RESET maintenance_work_mem;
SELECT count(*), max(cardinality(shared) + cardinality(different)) AS told FROM custseg.similar_customers('many', NULL, 7, 5);

-- rights: the caller's, over model and source
CREATE ROLE regress_cs_people;
GRANT USAGE ON SCHEMA people_test TO regress_cs_people;
SET ROLE regress_cs_people;
SELECT fails($$SELECT custseg.similar_customers('shop', 'customer', 7)$$);
RESET ROLE;
SELECT custseg.grant_model('shop', 'regress_cs_people');
SET ROLE regress_cs_people;
SELECT fails($$SELECT custseg.similar_customers('shop', 'customer', 7)$$);
SELECT fails($$SELECT custseg.similar_customers('shop', NULL, 7)$$);
RESET ROLE;
GRANT SELECT (id, recency, frequency, monetary, channel, member, born) ON customer TO regress_cs_people;
SET ROLE regress_cs_people;
SELECT count(*) FROM custseg.similar_customers('shop', 'customer', 7);
RESET ROLE;

-- An audience like a list: here of customers who buy often and lately, with noise
CREATE TABLE likes AS SELECT id FROM customer WHERE recency < 60 + 100 * noise(id, 9) AND frequency > 3;
SELECT count(*) FROM likes;
SELECT n_seeds, n_unmatched, n_excluded, n_candidates, n_audience, n_held_out, found, round(lift::numeric, 2) AS lift, round(low::numeric, 2) AS low, round(high::numeric, 2) AS high,
    round(auc::numeric, 3) AS auc, round(auc_low::numeric, 3) AS auc_low, round(auc_high::numeric, 3) AS auc_high, rating FROM custseg.lookalike_lift('shop', 'customer', 'likes', 200);
SELECT method, found, round(lift::numeric, 2) AS lift, round(auc::numeric, 3) AS auc, rating, reason FROM (VALUES ('nearest'), ('propensity')) m (method), custseg.lookalike_lift('shop', 'customer', 'likes', 200, method);
SELECT jsonb_pretty(origin) FROM custseg.lookalike_lift('shop', 'customer', 'likes', 200, 'propensity');
-- what is told without the tool: the held-out fifth has the lowest hashes, which SQL does not have, but the numbers hang together.
-- Exact intervals of 36 and 54 of 62 shares: beta.ppf of scipy 1.10.1. Of the areas seen: brentq of scipy on (seen - x)^2 = z^2 variance(x)
SELECT method, agrees(lift, found / n_held_out / (200.0 / (n_candidates + n_held_out)), 1e-12) AS lift, agrees(low * 200 / (n_candidates + n_held_out), g.exact_low, 1e-12) AS low,
    agrees(high * 200 / (n_candidates + n_held_out), g.exact_high, 1e-12) AS high, agrees(auc_low, g.area_low, 1e-12) AS auc_low, agrees(auc_high, g.area_high, 1e-12) AS auc_high
FROM (VALUES ('nearest', 0.4484710821781698, 0.7048535718445066, 0.8000266175192859, 0.9150119787055077), ('propensity', 0.7614918636182093, 0.9426099943929781, 0.9107041918969089, 0.9827291175523224)) g (method, exact_low, exact_high, area_low, area_high), LATERAL custseg.lookalike_lift('shop', 'customer', 'likes', 200, g.method);
-- all who are held out come first: the area is 1, and its interval is not a point (0.713954125 by the same root)
SELECT n_held_out, found, auc, round(auc_low::numeric, 9) AS auc_low, auc_high, rating FROM custseg.lookalike_lift('shop',
    'SELECT id, recency + CASE WHEN id IN (SELECT id FROM likes ORDER BY id LIMIT 20) THEN 1e6 ELSE 0 END AS recency, frequency, monetary, channel, member, born FROM customer',
    'SELECT id FROM likes ORDER BY id LIMIT 20', 10, 'propensity');
SELECT id, round(distance::numeric, 3) AS distance, probability, segment, nearest_seed, reason FROM custseg.lookalikes('shop', 'customer', 'likes', 3);
SELECT id, distance, round(probability::numeric, 3) AS probability, segment, nearest_seed, reason FROM custseg.lookalikes('shop', 'customer', 'likes', 3, 'propensity');
-- the mean distance to the five nearest seeds, exactly
SELECT model FROM custseg.train('square', 'plain', '{x,y}', 2, id => 'id', prep => '{"scale": "none"}', options => '{"silhouette_sample": 0}');
SELECT bool_and(a.id::int = b.id AND abs(a.distance - b.distance) < 1e-12) AS same, count(*)
FROM custseg.lookalikes('square', 'plain', 'SELECT id FROM plain WHERE id % 9 = 0', 100) WITH ORDINALITY a (id, distance, probability, segment, name, nearest_seed, reason, place)
JOIN (SELECT p.id, d.distance, row_number() OVER (ORDER BY d.distance, p.id) AS place
      FROM plain p, LATERAL (SELECT avg(x) AS distance FROM (SELECT sqrt(((p.x - q.x) ^ 2 + (p.y - q.y) ^ 2)::float8) AS x FROM plain q WHERE q.id % 9 = 0 ORDER BY 1 LIMIT 5) n) d
      WHERE p.id % 9 <> 0) b USING (place);
-- the audience is the first of all candidates, however few are asked for
SELECT n, count(*) AS wrong
FROM unnest('{1,2,10,50}'::int[]) n,
    LATERAL (SELECT id, distance FROM custseg.lookalikes('square', 'plain', 'SELECT id FROM plain WHERE id % 9 = 0', n)
             EXCEPT SELECT id, distance FROM custseg.lookalikes('square', 'plain', 'SELECT id FROM plain WHERE id % 9 = 0', 100000)
                 WITH ORDINALITY a (id, distance, probability, segment, name, nearest_seed, reason, place) WHERE place <= n) d
GROUP BY n ORDER BY n;
-- no seed and nobody who is excluded is in the audience; rows may lie in any order
SELECT custseg.exclude('shop', id, 'objected') FROM customer WHERE id IN (SELECT id::int FROM custseg.lookalikes('shop', 'customer', 'likes', 2)) OR id = (SELECT min(id) FROM likes);
SELECT count(*), count(*) FILTER (WHERE id::int IN (TABLE likes)) AS seeds, count(*) FILTER (WHERE id IN (SELECT customer FROM custseg.overrides)) AS excluded FROM custseg.lookalikes('shop', 'customer', 'likes', 100000);
SELECT n_seeds, n_unmatched, n_excluded FROM custseg.lookalike_lift('shop', 'customer', 'likes', 200);
SELECT method, count(*) AS differ FROM (VALUES ('nearest'), ('propensity')) m (method),
    LATERAL (SELECT id FROM custseg.lookalikes('shop', 'customer', 'likes', 200, method) EXCEPT SELECT id FROM custseg.lookalikes('shop', 'SELECT * FROM customer ORDER BY md5(id::text)', 'SELECT id FROM likes ORDER BY id DESC', 200, method)) d GROUP BY method;
SELECT count(custseg.end_override('shop', o.customer)) FROM custseg.overrides o WHERE o.model = 'shop';
-- seeds of another type, listed twice, without an id, elsewhere, as one column of any name, and those that chance picks
SET client_min_messages = notice;
SELECT count(*) FROM custseg.lookalikes('shop', 'customer', $$SELECT id::text AS buyer FROM likes UNION ALL SELECT '99999' UNION ALL SELECT 'nobody' UNION ALL SELECT NULL UNION ALL SELECT min(id)::text FROM likes$$, 10);
SELECT count(*) FROM custseg.lookalikes('shop', 'customer', 'SELECT id FROM customer WHERE noise(id, 10) < 0.1', 200);
SELECT count(*) FROM custseg.lookalikes('shop', 'customer', 'SELECT id FROM customer WHERE noise(id, 10) < 0.1', 200, 'propensity');
SET client_min_messages = error;
SELECT count(*) FROM custseg.lookalikes('told', NULL, 'SELECT shop, id FROM told WHERE x > 0.5', 10);
-- a sample of the seeds, of the others, a column that separates, principal components
SELECT found > 0 AS any_found, rating FROM custseg.lookalike_lift('shop', 'customer', 'likes', 200, 'propensity', '{"sample": 300}');
SELECT n_seeds, n_held_out, rating FROM custseg.lookalike_lift('shop', 'customer', 'likes', 200, options => '{"most_seeds": 100}');
SELECT rating, round(auc::numeric, 2) FROM custseg.lookalike_lift('unit', 'customer', 'SELECT id FROM customer WHERE recency < 40', 100, 'propensity');
SELECT rating FROM custseg.lookalike_lift('components', 'customer', 'likes', 200, 'propensity');
SELECT DISTINCT reason FROM custseg.lookalikes('components', 'customer', 'likes', 3, 'propensity');
SELECT lift, reason FROM custseg.lookalike_lift('shop', 'customer', 'likes', 100000);
-- errors
SELECT fails($$SELECT custseg.lookalikes('shop', 'customer', 'SELECT id FROM likes WHERE false')$$);
SELECT fails($$SELECT custseg.lookalikes('shop', 'customer', 'SELECT NULL::int AS id')$$);
SELECT fails($$SELECT custseg.lookalikes('shop', 'customer', 'SELECT i + 10000 AS id FROM generate_series(1, 100) i')$$);
SELECT fails($$SELECT custseg.lookalikes('shop', 'customer', 'SELECT id FROM likes ORDER BY id LIMIT 19')$$);
SELECT fails($$SELECT custseg.lookalikes('shop', 'customer', 'SELECT id FROM customer')$$);
SELECT fails($$SELECT custseg.lookalikes('shop', 'customer', 'SELECT recency, frequency FROM customer')$$);
SELECT fails($$SELECT custseg.lookalikes('shop', 'customer', NULL)$$);
SELECT fails($$SELECT custseg.lookalikes('shop', 'customer', 'likes', 0)$$);
SELECT fails($$SELECT custseg.lookalikes('shop', 'customer', 'likes', 10, 'guess')$$);
SELECT fails($$SELECT custseg.lookalikes('shop', 'customer', 'likes', 10, NULL)$$);
SELECT fails($$SELECT custseg.lookalikes('shop', 'customer', 'likes', 10, 'nearest', '{"neighbours": 3}')$$);
SELECT fails($$SELECT custseg.lookalikes('shop', 'customer', 'likes', 10, 'nearest', '{"neighbors": 0}')$$);
SELECT fails($$SELECT custseg.lookalikes('shop', 'SELECT recency, frequency, monetary, channel, member, born FROM customer', 'likes')$$);
SET maintenance_work_mem = '1MB';
SELECT fails($$SELECT custseg.lookalikes('shop', 'SELECT i AS id, recency, frequency, monetary, channel, member, born FROM customer c, generate_series(c.id, 100000, 2000) i', 'likes', 10, 'propensity')$$);
RESET maintenance_work_mem;
SET ROLE regress_cs_people;
SELECT fails($$SELECT custseg.lookalikes('shop', 'customer', 'likes')$$);
RESET ROLE;

SET client_min_messages = warning;
SELECT custseg.drop_model(name, whole => true, forget_exclusions => true) FROM custseg.model;
DROP OWNED BY regress_cs_people;
DROP ROLE regress_cs_people;
DROP SCHEMA people_test CASCADE;
\i :root/test/clean.sql
