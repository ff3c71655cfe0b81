-- What is bought together, by whom, and next (frequent_itemsets, basket_rules, segment_affinity, set_products, next_products, evaluate_next_products).
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS products_test CASCADE;
DROP ROLE IF EXISTS regress_cs_owner, regress_cs_reader;
CREATE SCHEMA products_test;
SET search_path = products_test, public;
SET jit = off;

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

CREATE FUNCTION uniform(VARIADIC what int[]) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$SELECT ((hashtextextended(what::text, 23) >> 12) & ((1::bigint << 50) - 1)) / (2.0::float8 ^ 50)$$;

-- Twice the probability beyond x of a normal law, by Simpson's rule
CREATE FUNCTION normal_tails(z float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT sqrt(2 / pi()) * sum(CASE WHEN i IN (0, 4000) THEN 1 WHEN i % 2 = 1 THEN 4 ELSE 2 END * exp(-((z + i * 0.003) ^ 2) / 2)) * 0.003 / 3 FROM generate_series(0, 4000) i
$$;

-- 400 customers in three segments, of whom some have bought nothing; each order has products that go together, and some that do not
CREATE TABLE customer AS SELECT i AS id, 1 + i % 3 AS kind FROM generate_series(1, 420) i;
ALTER TABLE customer ADD PRIMARY KEY (id);
SELECT n_segments FROM custseg.train('shop', 'customer', '{kind}', algorithm => 'rules', id => 'id', options =>
    '{"segments": [{"name": "cooks", "when": {"kind": {"to": 1}}}, {"name": "gardeners", "when": {"kind": {"from": 2, "to": 2}}}, {"name": "others"}], "else": "others"}');
CREATE TABLE line AS
SELECT c AS customer, c * 100 + o AS number, timestamptz '2025-01-01 08:00+00' + o * interval '9 days' + c * interval '1 hour' AS at, 'p' || p AS product
FROM generate_series(1, 400) c, generate_series(1, 6) o, generate_series(1, 14) p
WHERE uniform(c, o) < 1.2 / (1 + c % 4)
    AND uniform(c, o, p) < CASE WHEN p <= 2 THEN 0.5 WHEN p <= 4 AND uniform(c, o, 1) < 0.5 THEN 0.5 WHEN p = 5 AND c % 3 = 0 THEN 0.4 WHEN p = 6 AND c % 3 = 1 THEN 0 ELSE 0.6 / p END;
-- a product counts once in an order, and lines that lack something do not count
INSERT INTO line SELECT customer, number, at, product FROM line WHERE customer % 5 = 0;
INSERT INTO line VALUES (1, NULL, '2025-01-01', 'p1'), (NULL, 9, '2025-01-01', 'p1'), (1, 9, '2025-01-01', NULL), (2, 2, NULL, 'p2');
RESET client_min_messages;

-- All sets are those of a plain count
CREATE TABLE kept AS SELECT DISTINCT number, product FROM line WHERE number IS NOT NULL AND product IS NOT NULL;
CREATE TABLE counted AS
WITH sets AS (
    SELECT number, ARRAY[a.product] AS products FROM kept a
    UNION ALL
    SELECT number, ARRAY[a.product, b.product] FROM kept a JOIN kept b USING (number) WHERE a.product COLLATE "C" < b.product COLLATE "C"
    UNION ALL
    SELECT number, ARRAY[a.product, b.product, c.product] FROM kept a JOIN kept b USING (number) JOIN kept c USING (number)
    WHERE a.product COLLATE "C" < b.product COLLATE "C" AND b.product COLLATE "C" < c.product COLLATE "C"
    UNION ALL
    SELECT number, ARRAY[a.product, b.product, c.product, d.product] FROM kept a JOIN kept b USING (number) JOIN kept c USING (number) JOIN kept d USING (number)
    WHERE a.product COLLATE "C" < b.product COLLATE "C" AND b.product COLLATE "C" < c.product COLLATE "C" AND c.product COLLATE "C" < d.product COLLATE "C"
)
SELECT products, cardinality(products) AS size, count(*) AS n, count(*) / (SELECT count(DISTINCT number) FROM kept)::float8 AS support FROM sets GROUP BY products;
CREATE FUNCTION missed(min_support float8, max_size int) RETURNS TABLE (found bigint, counted bigint, differ bigint) LANGUAGE sql AS $$
    WITH f AS (SELECT * FROM custseg.frequent_itemsets('line', 'number', 'product', jsonb_build_object('min_support', min_support, 'max_size', max_size))),
        c AS (SELECT * FROM counted WHERE support >= min_support AND size <= max_size)
    SELECT (SELECT count(*) FROM f), (SELECT count(*) FROM c),
        (SELECT count(*) FROM (SELECT * FROM f EXCEPT SELECT * FROM c) d) + (SELECT count(*) FROM (SELECT * FROM c EXCEPT SELECT * FROM f) d)
$$;
SET client_min_messages = warning;
SELECT s, z, m.* FROM unnest('{0.000001,0.01,0.02,0.1,0.3,0.5}'::float8[]) s, unnest('{1,2,3,4}'::int[]) z, missed(s, z) m WHERE z = 4 OR s = 0.02;
-- a share that is exactly the least one counts
SELECT count(DISTINCT number) AS orders FROM kept;
SELECT count(*) FILTER (WHERE f.found <> 1) AS missed, count(*) FROM (SELECT DISTINCT n, support FROM counted) c,
    LATERAL (SELECT count(*) FILTER (WHERE n = c.n) > 0 AND count(*) FILTER (WHERE n < c.n) = 0 AS found FROM custseg.frequent_itemsets('line', 'number', 'product', jsonb_build_object('min_support', c.support))) x,
    LATERAL (SELECT x.found::int AS found) f;
RESET client_min_messages;

-- Rules follow from the sets
SELECT antecedent, consequent, n, n_antecedent, n_consequent, round(support::numeric, 4) AS support, round(confidence::numeric, 4) AS confidence, round(lift::numeric, 4) AS lift, round(leverage::numeric, 5) AS leverage, round(conviction::numeric, 4) AS conviction
FROM custseg.basket_rules('line', 'number', 'product', '{"min_support": 0.1, "min_confidence": 0.2}');
SET client_min_messages = warning;
CREATE TABLE ruled AS SELECT * FROM custseg.basket_rules('line', 'number', 'product', '{"min_support": 0.01, "min_confidence": 0, "min_lift": 0}');
WITH expected AS (
    SELECT array_remove(c.products, p) AS antecedent, p AS consequent, c.size, c.n, a.n AS n_antecedent, b.n AS n_consequent, c.support, c.n / a.n::float8 AS confidence,
        c.support / (a.support * b.support) AS lift, c.support - a.support * b.support AS leverage, CASE WHEN c.n = a.n THEN 'Infinity' ELSE (1 - b.support) / (1 - c.n / a.n::float8) END AS conviction
    FROM counted c CROSS JOIN LATERAL unnest(c.products) p JOIN counted a ON a.products = array_remove(c.products, p) JOIN counted b ON b.products = ARRAY[p]
    WHERE c.size > 1 AND c.support >= 0.01
)
SELECT count(*), count(*) FILTER (WHERE (r.size, r.n, r.n_antecedent, r.n_consequent) = (e.size, e.n, e.n_antecedent, e.n_consequent) AND agrees(r.support, e.support) = 't' AND agrees(r.confidence, e.confidence) = 't'
    AND agrees(r.lift, e.lift) = 't' AND abs(r.leverage - e.leverage) < 1e-12 AND agrees(r.conviction, e.conviction) = 't') AS alike
FROM ruled r FULL JOIN expected e USING (antecedent, consequent);
-- the best come first
SELECT count(*) AS out_of_order FROM (SELECT lift, lag(lift) OVER (ORDER BY place) AS before FROM custseg.basket_rules('line', 'number', 'product') WITH ORDINALITY r (antecedent, consequent, size, n, n_antecedent, n_consequent, support, confidence, lift, leverage, conviction, place)) o WHERE lift > before;

-- Sets and rules of as many different customers as are asked for are those of a plain count; an order of nobody or of two counts for nobody, whatever the type of the customer
CREATE TABLE bought AS SELECT * FROM line UNION ALL SELECT 1, -o, '2025-01-01', 'q' || q FROM generate_series(1, 30) o, generate_series(1, 2) q
    UNION ALL SELECT 1 + (o + q) % 9, -1000 - o, '2025-01-01', 'r' || q FROM generate_series(1, 30) o, generate_series(1, 2) q UNION ALL SELECT NULL, -2000 - o, '2025-01-01', 's' || q FROM generate_series(1, 30) o, generate_series(1, 2) q;
CREATE TABLE buyers AS
WITH baskets AS (SELECT number, array_agg(DISTINCT product) AS products, CASE WHEN count(DISTINCT customer) = 1 AND count(customer) = count(*) THEN min(customer) END AS customer FROM bought WHERE number IS NOT NULL AND product IS NOT NULL GROUP BY number)
SELECT f.products, count(DISTINCT b.customer) AS customers FROM custseg.frequent_itemsets('bought', 'number', 'product') f JOIN baskets b ON b.products @> f.products GROUP BY f.products;
SELECT least, (SELECT count(*) FROM buyers WHERE customers >= least) AS sets,
    (SELECT count(*) FROM custseg.frequent_itemsets('bought', 'number', 'product', jsonb_build_object('customer', 'customer', 'min_customers', least)) f JOIN buyers b USING (products) WHERE b.customers >= least) AS found,
    (SELECT count(*) FROM custseg.frequent_itemsets('SELECT number, product, ARRAY[customer::text] AS customer FROM bought WHERE customer IS NOT NULL OR number < 0', 'number', 'product', jsonb_build_object('customer', 'customer', 'min_customers', least))) AS of_arrays,
    (SELECT count(*) FROM custseg.basket_rules('bought', 'number', 'product', jsonb_build_object('customer', 'customer', 'min_customers', least))) AS rules,
    (SELECT count(*) FROM custseg.basket_rules('bought', 'number', 'product') r JOIN buyers b ON b.products @> (r.antecedent || r.consequent) AND b.products <@ (r.antecedent || r.consequent) WHERE b.customers >= least) AS expected
FROM unnest('{2,10,40,100,1000}'::int[]) least;
SELECT fails(format($$SELECT custseg.basket_rules('bought', 'number', 'product', %L)$$, o)) FROM unnest(ARRAY['{"min_customers": 5}', '{"min_customers": 5, "customer": "buyer"}', '{"min_customers": 0, "customer": "customer"}']) o;

-- The order of lines, the names of products and orders, and twice as many orders change nothing
CREATE FUNCTION digest(orders text, "order" text, product text) RETURNS text LANGUAGE sql AS $$
    SELECT md5(string_agg(concat_ws('|', antecedent, consequent, support, confidence, lift, leverage, conviction), ';' ORDER BY place))
    FROM custseg.basket_rules($1, $2, $3, '{"min_support": 0.02}') WITH ORDINALITY r (antecedent, consequent, size, n, n_antecedent, n_consequent, support, confidence, lift, leverage, conviction, place)
$$;
SELECT count(DISTINCT digest) AS digests FROM (
    SELECT digest('line', 'number', 'product')
    UNION ALL SELECT digest('SELECT * FROM line ORDER BY at DESC NULLS LAST, product', 'number', 'product')
    UNION ALL SELECT digest('SELECT md5(number::text) AS number, product FROM line', 'number', 'product')
    UNION ALL SELECT digest('SELECT number, product FROM line UNION ALL SELECT -number, product FROM line', 'number', 'product')
    UNION ALL SELECT digest('SELECT ARRAY[number] AS number, product::varchar FROM line WHERE number IS NOT NULL', 'number', 'product')
) d;
SELECT count(*) AS differ FROM (
    SELECT n, size, support FROM custseg.frequent_itemsets('SELECT number, ''<'' || reverse(product) || ''>'' AS product FROM line', 'number', 'product')
    EXCEPT ALL SELECT n, size, support FROM custseg.frequent_itemsets('line', 'number', 'product')) d;
-- and so it is where orders are read twice, because only those with frequent products fit
CREATE TABLE many AS SELECT o AS number, 'p' || (uniform(o, p) ^ 3 * 3000)::int AS product FROM generate_series(1, 5000) o, generate_series(1, 14) p;
CREATE TABLE roomy AS SELECT * FROM custseg.frequent_itemsets('many', 'number', 'product', '{"min_support": 0.03}');
SET maintenance_work_mem = '1MB';
SELECT count(*) > 30 AS several, max(size) > 1 AS pairs FROM roomy;
SELECT count(*) AS differ FROM (SELECT * FROM roomy EXCEPT SELECT * FROM custseg.frequent_itemsets('many', 'number', 'product', '{"min_support": 0.03}')) d;
SELECT fails($$SELECT custseg.frequent_itemsets('many', 'number', 'product', '{"min_support": 0.0001}')$$) ~ 'maintenance_work_mem' AS too_many;
SELECT fails($$SELECT custseg.basket_rules('many', 'number', 'product', '{"min_support": 0.00001}')$$) ~ 'maintenance_work_mem' AS too_many;
-- what is known to need more memory than what is left needs more than there is altogether
SET maintenance_work_mem = '2MB';
SELECT (regexp_match(fails($$SELECT custseg.frequent_itemsets('SELECT n, hashint4(n * j) % 40 AS p, n % 300 AS customer FROM generate_series(1, 20000) n, generate_series(1, 4) j', 'n', 'p', '{"min_support": 0.001, "customer": "customer", "min_customers": 5}')$$),
    'the search for frequent sets, of which \d+ are found, needs more than (\d+) MB'))[1]::int >= 2 AS more_than_there_is;
SET maintenance_work_mem = '1MB';
SELECT regexp_replace(fails($$SELECT custseg.frequent_itemsets('SELECT i AS number, repeat(''x'', 100) || i AS product FROM generate_series(1, 20000) i', 'number', 'product')$$), 'than \d+ products', 'than N products') AS too_many_products;
RESET maintenance_work_mem;
DROP TABLE many, roomy;

-- Products of any type are told apart as their type tells them: 5 and 5.0, a collation that does not heed case; and have the least of their texts
CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
SELECT * FROM custseg.frequent_itemsets('SELECT n, p::numeric FROM (VALUES (1, ''5''), (1, ''5.0''), (2, ''5.00''), (2, ''7'')) v (n, p)', 'n', 'p');
SELECT * FROM custseg.frequent_itemsets('SELECT n, p COLLATE caseless AS p FROM (VALUES (1, ''tea''), (1, ''Tea''), (2, ''TEA''), (2, ''rum'')) v (n, p)', 'n', 'p');
SELECT * FROM custseg.frequent_itemsets('SELECT n COLLATE caseless AS n, p FROM (VALUES (''a'', ''tea''), (''A'', ''rum'')) v (n, p)', 'n', 'p', '{"min_support": 1}');
SELECT * FROM custseg.frequent_itemsets('SELECT n, p::json FROM (VALUES (1, ''[1]''), (1, ''[2]''), (2, ''[1]'')) v (n, p)', 'n', 'p');
SELECT * FROM custseg.frequent_itemsets('SELECT point(n, 1) AS n, p FROM (VALUES (1, date ''2025-01-02''), (1, ''2025-01-03''), (1, ''infinity'')) v (n, p)', 'n', 'p', '{"max_size": 2}');
SELECT * FROM custseg.frequent_itemsets('SELECT n, p::char(6) FROM (VALUES (1, ''tea''), (1, ''tea  '')) v (n, p)', 'n', 'p');
\pset format unaligned
SELECT antecedent, consequent, confidence, conviction FROM custseg.basket_rules($$VALUES (1, ''), (1, '<script>alert(1)</script>'), (1, E'it''s "50 %"\n%s %n'), (2, ''), (3, U&'\202Eevil\202C'), (3, '🎁'), (3, '')$$, 'column1', 'column2', '{"max_size": 2}') ORDER BY 1, 2;
\pset format aligned
RESET client_min_messages;

-- Nothing is frequent, or no two, or no rule
SELECT custseg.basket_rules('SELECT i AS number, ''product '' || i % 10000 AS product FROM generate_series(1, 30000) i', 'number', 'product');
SELECT custseg.basket_rules('SELECT i / 2 AS number, i % 9 AS product FROM generate_series(0, 99) i', 'number', 'product', '{"min_support": 0.2}');
SELECT custseg.basket_rules('SELECT i AS number, i % 2 AS product FROM generate_series(0, 99) i', 'number', 'product');
SELECT custseg.basket_rules('SELECT i / 2 AS number, i % 9 AS product FROM generate_series(0, 99) i', 'number', 'product', '{"min_confidence": 0.9}');
SELECT custseg.basket_rules('SELECT i / 2 AS number, i % 9 AS product FROM generate_series(0, 99) i', 'number', 'product', '{"max_size": 1}');
SELECT custseg.frequent_itemsets('SELECT 1 AS number, NULL::text AS product', 'number', 'product');
SELECT custseg.frequent_itemsets('SELECT 1 AS number, 2 AS product WHERE false', 'number', 'product');
SELECT call, fails('SELECT custseg.' || call) FROM unnest(ARRAY[
    $$basket_rules('line', 'number', 'product', '{"min_support": 0}')$$,
    $$basket_rules('line', 'number', 'product', '{"min_support": 1.5}')$$,
    $$basket_rules('line', 'number', 'product', '{"max_size": 5}')$$,
    $$basket_rules('line', 'number', 'product', '{"min_confidence": 2}')$$,
    $$frequent_itemsets('line', 'number', 'product', '{"min_confidence": 0.5}')$$,
    $$frequent_itemsets('line', 'nothing', 'product')$$,
    $$frequent_itemsets('line', 'number', NULL)$$,
    $$frequent_itemsets('line', NULL, 'product')$$,
    $$frequent_itemsets(NULL, 'number', 'product')$$,
    $$frequent_itemsets('nowhere', 'number', 'product')$$]) call;

-- What segments buy is what a query says: shares, and what customers with as many products would have bought
CREATE TABLE affine AS SELECT * FROM custseg.segment_affinity('shop', 'line', 'customer', 'product');
SELECT count(*), count(DISTINCT product), count(DISTINCT segment) FROM affine;
SELECT segment, name, product, n, n_buyers, round(lift::numeric, 3) AS lift, round(expected_buyers::numeric, 3) AS expected, round(standardized_lift::numeric, 3) AS standardized, rating, reason FROM affine WHERE product IN ('p1', 'p5', 'p6') OR rating IN ('promote', 'never bought');
-- golden numbers: products of hypergeometric laws, by scipy.stats.hypergeom and numpy.convolve
SELECT agrees(max(p_value) FILTER (WHERE segment = 1 AND product = 'p5'), 3.040971379220203e-18) AS far, agrees(max(p_value) FILTER (WHERE segment = 2 AND product = 'p6'), 6.087363514316916e-13) AS none,
    agrees(max(p_value) FILTER (WHERE segment = 3 AND product = 'p1'), 0.20050535970978517) AS near, agrees(array_agg(p_adjusted ORDER BY segment, product), custseg.benjamini_hochberg(array_agg(p_value ORDER BY segment, product))) AS adjusted FROM affine;
SET client_min_messages = warning;
-- four times as many customers, where the normal law serves, beside these
CREATE VIEW crowd AS SELECT id + 1000 * i AS id, kind FROM customer, generate_series(0, 3) i;
CREATE VIEW crowd_line AS SELECT customer + 1000 * i AS customer, product FROM line, generate_series(0, 3) i;
CREATE FUNCTION affinity_missed(customers text, lines text) RETURNS TABLE (compared bigint, wrong bigint, wrong_p bigint, large bigint) LANGUAGE plpgsql AS $f$ BEGIN RETURN QUERY EXECUTE format($$
WITH has AS (
    SELECT DISTINCT customer, product FROM %2$I WHERE customer IS NOT NULL AND product IS NOT NULL
), buyer AS (
    SELECT customer, custseg.predict('shop', c) AS segment, floor(2 * log(2, count(*)::numeric) + 1e-9)::int AS stratum FROM has JOIN %1$I c ON c.id = customer GROUP BY customer, c
), stratum AS (
    SELECT stratum, count(*)::float8 AS n FROM buyer GROUP BY stratum
), grouped AS (
    SELECT stratum, segment, count(*)::float8 AS n FROM buyer GROUP BY stratum, segment
), having_it AS (
    SELECT stratum, product, count(*)::float8 AS n FROM buyer JOIN has USING (customer) GROUP BY stratum, product
), expected AS (
    SELECT g.segment, h.product, sum(g.n * h.n / s.n) AS expected, sum(CASE WHEN s.n > 1 THEN g.n * (s.n - g.n) * h.n * (s.n - h.n) / s.n ^ 2 / (s.n - 1) ELSE 0 END) AS variance
    FROM grouped g JOIN having_it h USING (stratum) JOIN stratum s USING (stratum) GROUP BY g.segment, h.product
), seen AS (
    SELECT segment, product, count(*) AS n FROM buyer JOIN has USING (customer) GROUP BY segment, product
)
SELECT count(*) AS compared,
    count(*) FILTER (WHERE a.n <> coalesce(s.n, 0) OR a.n_buyers <> b.n OR agrees(a.share, coalesce(s.n, 0) / b.n::float8) <> 't' OR agrees(a.share_all, t.share) <> 't' OR agrees(a.lift, coalesce(s.n, 0) / b.n::float8 / t.share) <> 't'
        OR agrees(a.expected_buyers, e.expected) <> 't' OR agrees(a.standardized_lift, a.n / e.expected) <> 't') AS wrong,
    count(*) FILTER (WHERE e.variance > 25 AND agrees(a.p_value, normal_tails(greatest(abs(a.n - e.expected) - 0.5, 0) / sqrt(e.variance)), 1e-6) <> 't') AS wrong_p, count(*) FILTER (WHERE e.variance > 25) AS large
FROM custseg.segment_affinity('shop', %2$L, 'customer', 'product', %1$L) a JOIN expected e USING (segment, product) LEFT JOIN seen s USING (segment, product)
JOIN (SELECT segment, count(*) AS n FROM buyer GROUP BY segment) b USING (segment)
JOIN (SELECT product, count(*) / (SELECT count(*) FROM buyer)::float8 AS share FROM has JOIN buyer USING (customer) GROUP BY product) t USING (product)
$$, customers, lines); END $f$;
SELECT * FROM affinity_missed('customer', 'line') UNION ALL SELECT * FROM affinity_missed('crowd', 'crowd_line');
-- not standardised, it is Fisher's test of the segment against all others
WITH everyone AS (
    SELECT sum(n)::bigint AS n FROM (SELECT DISTINCT segment, n_buyers AS n FROM affine) d
), found AS (
    SELECT a.*, e.n AS all_buyers, round(share_all * e.n)::bigint AS all_n, n_buyers * (1 - n_buyers / e.n::float8) * share_all * (1 - share_all) * e.n / (e.n - 1) AS variance
    FROM custseg.segment_affinity('shop', 'line', 'customer', 'product', options => '{"standardize": false}') a CROSS JOIN everyone e
)
SELECT count(*), count(*) FILTER (WHERE agrees(standardized_lift, lift) <> 't') AS wrong_lift, count(*) FILTER (WHERE variance <= 25) AS exact,
    count(*) FILTER (WHERE variance <= 25 AND agrees(p_value, custseg.fisher_exact(n, n_buyers, all_n - n, all_buyers - n_buyers), 1e-8) <> 't') AS wrong_p
FROM found;
RESET client_min_messages;
-- customers who are put elsewhere, or are excluded, and those who are no customers; a segment of nobody; too few buyers
SELECT custseg.override_segment('shop', 3, 2, 'moved'), custseg.exclude('shop', 6, 'objected');
SELECT segment, n_buyers FROM custseg.segment_affinity('shop', 'line', 'customer', 'product', 'SELECT * FROM customer WHERE id < 300') WHERE product = 'p1' ORDER BY segment;
SELECT custseg.end_override('shop', 3), custseg.end_override('shop', 6);
SELECT product, segment, n, n_buyers, rating, reason FROM custseg.segment_affinity('shop', $$SELECT 3 AS customer, 'x' AS product$$, 'customer', 'product', options => '{"min_buyers": 1}');
SELECT custseg.segment_affinity('shop', 'line', 'customer', 'product', options => '{"min_buyers": 1000}');
SELECT custseg.segment_affinity('shop', 'SELECT * FROM line WHERE false', 'customer', 'product');
-- the order of lines, buying again and other names of products change nothing
SET client_min_messages = warning;
SELECT count(*) AS differ FROM (
    (SELECT segment, md5(product), n, p_value, p_adjusted, rating FROM affine
    EXCEPT SELECT segment, product, n, p_value, p_adjusted, rating FROM custseg.segment_affinity('shop', 'SELECT customer, md5(product) AS product FROM (SELECT * FROM line UNION ALL SELECT * FROM line) l ORDER BY product DESC', 'customer', 'product'))
) d;

-- The playbook has what is to be promoted
SELECT * FROM custseg.set_products('shop', 'line', 'customer', 'product', most => 2);
SELECT segment, products FROM custseg.playbook WHERE model = 'shop' ORDER BY segment;

-- What is recommended is what a query says
CREATE TABLE advised AS SELECT * FROM custseg.next_products('shop', 'line', 'customer', 'product', n => 20);
CREATE TABLE had AS SELECT DISTINCT customer, custseg.predict('shop', c) AS segment, product FROM line JOIN customer c ON c.id = customer WHERE product IS NOT NULL;
WITH owners AS (
    SELECT segment, product, count(*)::float8 AS n FROM had GROUP BY segment, product
), together AS (
    SELECT a.segment, a.product AS one, b.product AS other, count(*)::float8 AS n FROM had a JOIN had b USING (segment, customer) WHERE a.product <> b.product GROUP BY 1, 2, 3
), similar_to AS (
    SELECT t.segment, t.one, t.other, t.n / sqrt(a.n * b.n) * t.n / (t.n + 10) AS similarity
    FROM together t JOIN owners a ON (a.segment, a.product) = (t.segment, t.one) JOIN owners b ON (b.segment, b.product) = (t.segment, t.other)
), scored AS (
    SELECT h.customer, s.other AS product, sum(s.similarity) AS similarity, (array_agg(s.one ORDER BY s.similarity DESC, s.one COLLATE "C"))[1] AS because
    FROM had h JOIN similar_to s ON (s.segment, s.one) = (h.segment, h.product)
    WHERE NOT EXISTS (SELECT FROM had o WHERE o.customer = h.customer AND o.product = s.other) GROUP BY 1, 2
)
SELECT count(*), count(*) FILTER (WHERE a.id IS NULL OR s.customer IS NULL OR agrees(a.similarity, s.similarity) <> 't' OR a.because <> s.because) AS wrong
FROM (SELECT * FROM advised WHERE basis = 'similar products') a FULL JOIN scored s ON (s.customer::text, s.product) = (a.id, a.product);
SELECT count(DISTINCT id) AS customers, count(*) FILTER (WHERE product IN (SELECT product FROM had WHERE customer::text = id)) AS owned FROM advised;
SELECT count(*) AS out_of_order FROM (SELECT basis, similarity, share, rank, lag(similarity) OVER w AS similarity_before, lag(share) OVER w AS share_before, lag(basis) OVER w AS basis_before FROM advised WINDOW w AS (PARTITION BY id ORDER BY rank)) o
WHERE basis = 'similar products' AND (similarity > similarity_before OR basis_before <> basis) OR basis = 'popular in the segment' AND basis_before = basis AND share > share_before;
RESET client_min_messages;
SELECT id, name, rank, product, basis, round(similarity::numeric, 4) AS similarity, because, round(share::numeric, 3) AS share, reason FROM custseg.next_products('shop', 'line', 'customer', 'product', n => 3, ids => '{7,410,8}');
SELECT id, rank, product, basis, share, reason FROM custseg.next_products('shop', $$VALUES (1, 'tea'), (2, 'tea'), (2, 'rum'), (3, 'gin'), (9, 'tea')$$, 'column1', 'column2', source => 'SELECT * FROM customer WHERE id < 5', options => '{"shrinkage": 0}');
-- nobody in a segment, and nobody at all
SELECT custseg.exclude('shop', 7, 'objected');
SELECT count(*) FROM custseg.next_products('shop', 'line', 'customer', 'product', n => 3, ids => '{7}');
SELECT custseg.end_override('shop', 7);
SELECT count(*) FROM custseg.next_products('shop', 'SELECT * FROM line WHERE false', 'customer', 'product', n => 3, ids => '{8}');

-- Judged by the last orders: what is popular with everyone hits as often as a query says
SET client_min_messages = warning;
CREATE TABLE judged AS SELECT * FROM custseg.evaluate_next_products('shop', 'line', 'customer', 'product', 'at', n => 2, options => '{"order": "number"}');
WITH ordered AS (
    SELECT customer, number, min(at) AS at FROM line WHERE customer IS NOT NULL AND product IS NOT NULL AND at IS NOT NULL GROUP BY 1, 2
), kept AS (
    SELECT DISTINCT l.customer, l.product, o.at = max(o.at) OVER (PARTITION BY l.customer) AS is_last
    FROM line l JOIN ordered o USING (customer, number) WHERE l.at IS NOT NULL AND l.product IS NOT NULL
), before AS (
    SELECT customer, product FROM kept WHERE NOT is_last
), fresh AS (
    SELECT customer, product FROM kept WHERE is_last EXCEPT SELECT * FROM before
), popular AS (
    SELECT product, count(*) AS n FROM before GROUP BY product
), offered AS (
    SELECT c.customer, p.product, row_number() OVER (PARTITION BY c.customer ORDER BY p.n DESC, p.product COLLATE "C") AS rank
    FROM (SELECT DISTINCT customer FROM before WHERE customer IN (SELECT customer FROM fresh)) c CROSS JOIN popular p
    WHERE NOT EXISTS (SELECT FROM before b WHERE b.customer = c.customer AND b.product = p.product)
), hits AS (
    SELECT customer, count(*) FILTER (WHERE product IN (SELECT product FROM fresh f WHERE f.customer = o.customer)) AS n FROM offered o WHERE rank <= 2 GROUP BY customer
)
SELECT j.n_judged = count(*) AS n, j.n_hits = count(*) FILTER (WHERE h.n > 0) AS hits, agrees(j.recall, avg(h.n / (SELECT count(*) FROM fresh f WHERE f.customer = h.customer)::float8)) AS recall
FROM judged j CROSS JOIN hits h WHERE j.method = 'popular with everyone' GROUP BY j.n_judged, j.n_hits, j.recall;
SELECT method, n_judged, n_hits, round(hit_rate::numeric, 4) AS hit_rate, round(low::numeric, 4) AS low, round(high::numeric, 4) AS high, round(recall::numeric, 4) AS recall, round(difference::numeric, 4) AS difference,
    round(difference_low::numeric, 4) AS difference_low, round(difference_high::numeric, 4) AS difference_high, round(p_value::numeric, 4) AS p_value, rating, reason FROM judged;
RESET client_min_messages;
-- a shop whose segments buy each their own: what the segment knows is better than what all buy; where nobody differs it is no better
CREATE TABLE clear AS SELECT c AS customer, date '2025-01-01' + o AS day, 10 * (c % 3) + p AS product FROM generate_series(1, 300) c, generate_series(1, 3) o, generate_series(0, 9) p WHERE uniform(c, o, p) < 0.3;
SELECT method, n_judged, rating FROM custseg.evaluate_next_products('shop', 'clear', 'customer', 'product', 'day', n => 3);
SELECT method, rating, reason FROM custseg.evaluate_next_products('shop', 'SELECT c AS customer, date ''2025-01-01'' + o AS day, (uniform(c, o, p) * 200)::int AS product FROM generate_series(1, 300) c, generate_series(1, 3) o, generate_series(0, 4) p', 'customer', 'product', 'day', n => 3);
SELECT method, n_judged, rating, reason FROM custseg.evaluate_next_products('shop', 'SELECT * FROM clear WHERE customer < 20', 'customer', 'product', 'day');
SELECT method, n_judged, n_hits, hit_rate, rating FROM custseg.evaluate_next_products('shop', 'SELECT * FROM clear WHERE false', 'customer', 'product', 'day');

-- Errors
SELECT call, fails('SELECT custseg.' || call) FROM unnest(ARRAY[
    $$segment_affinity('nobody', 'line', 'customer', 'product')$$,
    $$segment_affinity('shop', 'line', 'who', 'product')$$,
    $$segment_affinity('shop', 'line', 'customer', NULL)$$,
    $$segment_affinity('shop', NULL, 'customer', 'product')$$,
    $$segment_affinity('shop', 'line', 'customer', 'product', options => '{"min_lift": 0.5}')$$,
    $$segment_affinity('shop', 'line', 'customer', 'product', version => 9)$$,
    $$segment_affinity('shop', 'line', 'customer', 'product', 'SELECT * FROM (VALUES (1, 1), (1, 2)) v (id, kind)')$$,
    $$next_products('shop', 'line', 'customer', 'product', n => 3, ids => '{7,nobody}')$$,
    $$next_products('shop', 'line', 'customer', 'product', n => 3, ids => ARRAY[NULL])$$,
    $$next_products('shop', 'line', 'customer', 'product', n => 0)$$,
    $$next_products('shop', 'line', 'customer', 'product', n => NULL)$$,
    $$next_products('shop', 'line', 'customer', 'product', options => '{"order": "number"}')$$,
    $$next_products('shop', 'line', 'customer', 'product', options => '{"neighbors": 0}')$$,
    $$evaluate_next_products('shop', 'line', 'customer', 'product', 'product')$$,
    $$evaluate_next_products('shop', 'line', 'customer', 'product', NULL)$$,
    $$evaluate_next_products('shop', 'line', 'customer', 'product', 'at', options => '{"order": "nothing"}')$$,
    $$evaluate_next_products('shop', 'line', 'customer', 'product', 'at', options => '{"time_zone": "Nowhere/Town"}')$$,
    $$set_products('nobody', 'line', 'customer', 'product')$$]) call;
SET maintenance_work_mem = '1MB';
SELECT fails($$SELECT custseg.next_products('shop', 'SELECT 1 + i % 400 AS customer, i % 10000 AS product FROM generate_series(1, 200000) i', 'customer', 'product')$$) ~ 'maintenance_work_mem' AS too_many_products;
SELECT fails($$SELECT custseg.segment_affinity('shop', 'SELECT 1 + i % 400 AS customer, i % 10000 AS product FROM generate_series(1, 200000) i', 'customer', 'product')$$) ~ 'maintenance_work_mem' AS too_many_products;
RESET maintenance_work_mem;

-- Rights: orders are read as the caller, who may be somebody whom the model is granted to; the playbook is the owner's
CREATE ROLE regress_cs_owner;
CREATE ROLE regress_cs_reader;
GRANT USAGE ON SCHEMA products_test TO regress_cs_owner, regress_cs_reader;
GRANT SELECT ON line TO regress_cs_owner;
SELECT custseg.grant_model('shop', 'regress_cs_reader');
SET ROLE regress_cs_owner;
SELECT fails($$SELECT custseg.segment_affinity('shop', 'line', 'customer', 'product')$$);
SELECT count(*) > 0 AS found FROM custseg.basket_rules('line', 'number', 'product');
SET ROLE regress_cs_reader;
SELECT fails($$SELECT custseg.basket_rules('line', 'number', 'product')$$);
SELECT fails($$SELECT custseg.segment_affinity('shop', 'line', 'customer', 'product', 'SELECT 1 AS id, 2 AS kind')$$);
SELECT fails($$SELECT custseg.segment_affinity('shop', 'SELECT 1 AS customer, 2 AS product', 'customer', 'product')$$);
SELECT count(*) FROM custseg.segment_affinity('shop', 'SELECT 1 AS customer, 2 AS product', 'customer', 'product', 'SELECT 1 AS id, 2 AS kind', '{"min_buyers": 1}');
SELECT fails($$SELECT custseg.set_products('shop', 'SELECT i AS customer, CASE WHEN i % 3 = 0 THEN 5 END AS product FROM generate_series(1, 300) i UNION ALL SELECT i, 6 FROM generate_series(1, 300) i', 'customer', 'product', source => 'SELECT i AS id, 1 + i % 3 AS kind FROM generate_series(1, 300) i', options => '{"standardize": false}')$$);
RESET ROLE;
REVOKE ALL ON SCHEMA products_test FROM regress_cs_owner, regress_cs_reader;
DROP OWNED BY regress_cs_owner, regress_cs_reader;
SELECT custseg.revoke_model('shop', 'regress_cs_reader');
DROP ROLE regress_cs_owner, regress_cs_reader;

DROP SCHEMA products_test CASCADE;
\i :root/test/clean.sql
