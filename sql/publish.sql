--
-- What pages, reports and BI tools show of the segments: publish().
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS publish_test CASCADE;
DROP ROLE IF EXISTS regress_cs_ann, regress_cs_bob;
CREATE SCHEMA publish_test;
GRANT USAGE ON SCHEMA publish_test TO public;
SET search_path = publish_test, public;
SET timezone = 'UTC';
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

-- Three kinds of customers, with numbers and categories, features and others, of which some are missing or infinite
CREATE TABLE customer (id int PRIMARY KEY, recency int, frequency int, monetary numeric(10, 2), channel text, member bool, score float8, code int, born date, city text, email text, extra jsonb);
INSERT INTO customer
SELECT i,
    CASE WHEN i <= 500 THEN 10 WHEN i <= 800 THEN 100 ELSE 300 END + i * 7 % 13,
    CASE WHEN i <= 500 THEN 20 WHEN i <= 800 THEN 4 ELSE 1 END + i % 2,
    CASE WHEN i <= 500 THEN 900 WHEN i <= 800 THEN 200 ELSE 50 END + i * 11 % 50 + i % 4 * 0.25,
    CASE WHEN i % 10 < 8 THEN CASE WHEN i <= 500 THEN 'web' WHEN i <= 800 THEN 'shop' ELSE 'phone' END WHEN i % 10 = 9 THEN 'partner' END,
    i % 5 < CASE WHEN i <= 500 THEN 4 ELSE 1 END,
    CASE WHEN i % 11 = 0 THEN NULL WHEN i % 97 = 0 THEN 'NaN' WHEN i % 89 = 0 THEN 'Infinity' ELSE exp((i * 37 % 101) / 12.0) END,
    i % 3 * 10, date '1980-01-01' + i % 4000, 'city ' || i % 40, 'c' || i || '@example.com', '{}'
FROM generate_series(1, 1000) i;
SELECT version FROM custseg.train('m', 'customer', '{recency,frequency,monetary,channel}', 3);
SELECT custseg.name_segment('m', 1, 'loyal'), custseg.name_segment('m', 2, 'regular'), custseg.name_segment('m', 3, '<script>"''\עברית 😀/%');
SELECT custseg.set_action('m', 1, '{"perk": "tea", "perk_capacity": 100}');
SELECT custseg.override_segment('m', 1, 3, 'key account'), custseg.exclude('m', i, 'objected') FROM generate_series(2, 21) i;
RESET client_min_messages;

--
-- A part is the rows of the function, to the last digit: the source is read once, by the same code
--
SELECT part, n, n_bytes > 0 AS has_bytes, milliseconds >= 0 AS was_timed, reason FROM custseg.publish('m', options => '{"value": "monetary"}');
CREATE FUNCTION body(of text) RETURNS jsonb LANGUAGE sql RETURN (SELECT r.body FROM custseg.report r JOIN custseg.published p USING (model, published_at) WHERE r.model = 'm' AND r.part = of);
CREATE FUNCTION differs(part text, statement text) RETURNS TABLE (published jsonb, computed jsonb) LANGUAGE plpgsql AS $$ BEGIN
    RETURN QUERY EXECUTE format('SELECT p.row, c.row FROM jsonb_array_elements(%L::jsonb) WITH ORDINALITY p (row, position)
        FULL JOIN (SELECT to_jsonb(f) AS row, row_number() OVER () AS position FROM %s f) c USING (position) WHERE p.row IS DISTINCT FROM c.row LIMIT 3', body(part), statement);
END $$;
SET client_min_messages = warning;
SELECT * FROM differs('profile', $$custseg.segment_profile('m', 'customer')$$);
SELECT * FROM differs('radar', $$custseg.radar('m', 'customer')$$);
SELECT * FROM differs('boxplot', $$custseg.boxplot('m', 'customer')$$);
SELECT * FROM differs('heatmap', $$custseg.heatmap('m', 'customer')$$);
SELECT * FROM differs('importance', $$custseg.feature_importance('m', 'customer')$$);
SELECT * FROM differs('test', $$custseg.segment_tests('m', 'customer')$$);
SELECT * FROM differs('capacity', $$custseg.capacity_check('m', 'customer')$$);
SELECT * FROM differs('quality', $$custseg.data_quality('m', 'customer')$$);
-- but for the id, and for levels of single customers
SELECT * FROM differs('correlation', $$custseg.correlations('SELECT recency, frequency, monetary, member, score, code, born FROM publish_test.customer')$$);
SELECT count(*) FROM differs('description', $$custseg.describe('customer')$$) d WHERE d.published ->> 'column_name' <> ALL ('{id,email}');
SELECT p.row - '{n_distinct,suggestion}'::text[] AS row FROM jsonb_array_elements(body('description')) p (row) WHERE p.row ->> 'column_name' IN ('id', 'email');
SELECT * FROM differs('missing', $$custseg.missing_patterns('customer')$$);
SELECT * FROM differs('surrogate', $$custseg.surrogate('m', 'customer')$$);
SELECT count(*) FROM jsonb_array_elements(body('summary')) p (row), custseg.segment_summary('m', 'customer', 'monetary') s
WHERE p.row - '{n_trained,training_share,action}'::text[] = to_jsonb(s);
SELECT p.row -> 'segment' AS segment, p.row -> 'n_trained' AS n_trained, p.row -> 'training_share' AS training_share, p.row -> 'action' ->> 'perk' AS perk FROM jsonb_array_elements(body('summary')) p (row);
SELECT body('concentration') = to_jsonb(c) - 'lorenz' AS same_concentration,
    ARRAY(SELECT (l.row ->> 'value_share')::float8 FROM jsonb_array_elements(body('lorenz')) WITH ORDINALITY l (row, i) ORDER BY i) = c.lorenz AS same_curve
FROM custseg.concentration('customer', 'monetary') c;
-- where memory suffices for a part of the columns only, the source is read again for the others, and nothing is lost but what takes all of them
CREATE TABLE many AS SELECT i AS id, c.recency, c.frequency, c.monetary + i % 7 AS monetary, c.channel, c.member, c.score, c.code, c.born FROM generate_series(1, 30000) i JOIN customer c ON c.id = 1 + i % 1000;
SELECT part, n, reason FROM custseg.publish('m', 'many', '{"value": "monetary", "sample": 0, "points": 0, "surrogate": false}') WHERE part IN ('profile', 'correlation', 'description', 'test', 'histogram');
CREATE TEMP TABLE roomy AS SELECT part, r.body FROM custseg.report r JOIN custseg.published p USING (model, published_at);
SET maintenance_work_mem = '3MB';
SELECT part, n, reason FROM custseg.publish('m', 'many', '{"value": "monetary", "sample": 0, "points": 0, "surrogate": false}') WHERE part IN ('profile', 'correlation', 'description', 'test', 'histogram');
SELECT o.part FROM roomy o LEFT JOIN custseg.report r ON r.part = o.part AND r.published_at = (SELECT published_at FROM custseg.published) WHERE r.body IS DISTINCT FROM o.body ORDER BY 1;
SET maintenance_work_mem = '1MB';
SELECT part, n, reason FROM custseg.publish('m', 'many', '{"value": "monetary", "sample": 0, "points": 0, "surrogate": false}') WHERE part IN ('profile', 'correlation', 'description', 'test', 'histogram');
RESET maintenance_work_mem;
SELECT o.part FROM roomy o LEFT JOIN custseg.report r ON r.part = o.part AND r.published_at = (SELECT published_at FROM custseg.published) WHERE r.body IS DISTINCT FROM o.body ORDER BY 1;

--
-- Histograms: bins of whole numbers, of a skewed number on a logarithmic scale, the same for all segments; every customer in one
--
SELECT count(*) FROM custseg.publish('m', options => '{"value": "monetary"}');
SELECT h.column_name, h.scale, count(DISTINCT h.bin) AS bins, min(h.low) AS low, max(h.high) AS high, sum(h.n) FILTER (WHERE h.segment IS NULL) AS n, sum(h.n) FILTER (WHERE h.segment IS NOT NULL) AS n_of_segments,
    round(sum(h.density * CASE h.scale WHEN 'log' THEN log(h.high / h.low) ELSE h.high - h.low END) FILTER (WHERE h.segment IS NULL)::numeric, 3) AS area
FROM custseg.published_histogram h GROUP BY h.column_name, h.scale ORDER BY h.column_name;
SELECT count(*) AS wrong FROM custseg.published_histogram h
CROSS JOIN LATERAL (SELECT count(*) AS n FROM customer c JOIN custseg.score('m', 'customer') s ON s.id = c.id::text
    WHERE c.score < 'Infinity' AND s.segment IS NOT NULL AND (s.segment = h.segment OR h.segment IS NULL) AND c.score >= h.low AND (c.score < h.high OR h.bin = (SELECT max(bin) FROM custseg.published_histogram WHERE column_name = 'score') AND c.score = h.high)) counted
WHERE h.column_name = 'score' AND counted.n <> h.n;
-- an interval is an amount of time, a date is none; what is 0 has no logarithm
BEGIN;
SELECT count(*) > 0 FROM custseg.publish('m', $$SELECT *, make_interval(days => 1 + (exp(id % 100 / 12.0))::int) AS stay, date '1970-01-02' + (exp(id % 100 / 12.0))::int AS since, round(exp(id % 100 / 12.0)) - 1 AS spent FROM publish_test.customer$$, '{"sample": 0, "points": 0, "surrogate": false}');
SELECT DISTINCT column_name, scale FROM custseg.published_histogram WHERE column_name IN ('stay', 'since', 'spent') ORDER BY column_name;
ROLLBACK;
SELECT bin, low, high, segment, n, density FROM custseg.published_histogram WHERE column_name = 'frequency' ORDER BY segment NULLS FIRST, bin;

--
-- Levels, silhouettes and the projection
--
SELECT column_name, level, segment, n, round(share::numeric, 4) AS share FROM custseg.published_level_share WHERE column_name = 'channel' ORDER BY level, segment NULLS FIRST;
SELECT s.segment, s.name, s.n, round(s.mean::numeric, 12) = round(m.mean::numeric, 12) AS same_mean, s.n_negative = m.n_negative AS same_negative, cardinality(s.quantiles) AS quantiles,
    s.quantiles[1] = m.low AND s.quantiles[101] = m.high AND s.quantiles[51] = m.median AS same_quantiles
FROM custseg.published_silhouette s
JOIN (SELECT segment, avg(silhouette) AS mean, count(*) FILTER (WHERE silhouette < 0) AS n_negative, min(silhouette) AS low, max(silhouette) AS high, percentile_cont(0.5) WITHIN GROUP (ORDER BY silhouette) AS median
    FROM custseg.silhouette('m', 'customer') GROUP BY segment) m USING (segment);
SELECT jsonb_array_length(body('projection') -> 'points') AS points, jsonb_array_length(body('projection') -> 'points' -> 0) AS numbers, count(*) AS components,
    bool_and(round((SELECT sum(l.value::float8 ^ 2) FROM jsonb_each_text(c -> 'loadings') l)::numeric, 9) = 1) AS unit_length, max((c ->> 'cumulative_ratio')::float8) <= 1 AS is_share,
    (SELECT string_agg(k, ' ') FROM jsonb_object_keys(body('projection') -> 'components' -> 0 -> 'loadings') k) AS columns
FROM jsonb_array_elements(body('projection') -> 'components') c;
-- nobody is named: no id, no value that only one customer has
SELECT count(*) FROM custseg.report WHERE body::text ~ 'c[0-9]+@example';

--
-- Views are the newest publication of each model
--
SELECT count(*), count(DISTINCT published_at) FROM custseg.report WHERE model = 'm' AND part = 'summary';
SELECT p.model, p.version, p.n_parts, s.segment, s.name, s.n, s.value_share = (SELECT value_share FROM custseg.segment_summary('m', 'customer', 'monetary') f WHERE f.segment = s.segment) AS same FROM custseg.published p JOIN custseg.published_summary s USING (model, version, published_at);
CREATE FUNCTION empty_views() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    v regclass;
    found bool;
BEGIN
    FOR v IN SELECT oid::regclass FROM pg_class WHERE relnamespace = 'custseg'::regnamespace AND relname ~ '^published_' AND relkind = 'v' ORDER BY relname COLLATE "C" LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', v) INTO found;
        IF NOT found THEN
            RETURN NEXT v;
        END IF;
    END LOOP;
END $$;
SELECT empty_views();

-- Each view has the rows of its part, with all their columns: of a publication that has all parts
SELECT custseg.create_audience_view('reach', 'm', 'publish_test.customer', '{1,3}');
CREATE TABLE mover AS SELECT id, recency, frequency, monetary, channel, NULL::int AS segment FROM customer;
CREATE TABLE bought AS SELECT i % 1000 + 1 AS customer, i AS number, timestamp '2025-01-01' + i * interval '1 hour' AS at, 'p' || p AS product FROM generate_series(1, 2500) i, generate_series(1, 4) p WHERE p < 3 OR (p = 3) = (i % 1000 >= 500);
CREATE FUNCTION compare_views() RETURNS TABLE (view_name text, n bigint, n_of_part bigint, same_columns bool, same_rows bool) LANGUAGE plpgsql AS $$
DECLARE
    rows jsonb;
    keys text[];
BEGIN
    FOR view_name IN SELECT relname FROM pg_class WHERE relnamespace = 'custseg'::regnamespace AND relname ~ '^published_' AND relkind = 'v' ORDER BY relname COLLATE "C" LOOP
        rows := body(substr(view_name, length('published_') + 1));
        -- a part of one row is an object; the view calls the action of a segment the playbook; only what is held back has is_small
        rows := CASE WHEN view_name = 'published_summary' THEN (SELECT jsonb_agg(r.row - 'action' || jsonb_build_object('playbook', r.row -> 'action')) FROM jsonb_array_elements(rows) r (row)) WHEN jsonb_typeof(rows) = 'object' THEN jsonb_build_array(rows) ELSE rows END;
        n_of_part := jsonb_array_length(rows);
        keys := ARRAY(SELECT DISTINCT k COLLATE "C" FROM jsonb_array_elements(rows) r (row), jsonb_object_keys(r.row) k WHERE k <> 'is_small' ORDER BY 1);
        same_columns := keys = ARRAY(SELECT a.attname::text COLLATE "C" FROM pg_attribute a WHERE a.attrelid = ('custseg.' || view_name)::regclass AND a.attnum > 0
            AND a.attname <> ALL ('{model,version,published_at,is_small}') ORDER BY 1);
        EXECUTE format('SELECT count(*), md5(string_agg(told::text, chr(10) ORDER BY told::text COLLATE "C")) = (SELECT md5(string_agg(r.row::text, chr(10) ORDER BY r.row::text COLLATE "C")) FROM jsonb_array_elements($1) r (row))
            FROM (SELECT to_jsonb(v) - CASE WHEN to_jsonb(v) -> ''is_small'' = ''null'' THEN ''{model,version,published_at,is_small}'' ELSE ''{model,version,published_at}''::text[] END AS told FROM custseg.%I v WHERE v.model = ''m'') w', view_name) INTO n, same_rows USING rows;
        RETURN NEXT;
    END LOOP;
END $$;
BEGIN;
CALL custseg.resegment('m', 'mover', "value" => 'monetary');
UPDATE custseg.migration SET run_at = run_at - interval '30 days' WHERE model = 'm';
UPDATE mover SET segment = 1 + id % 3 WHERE id % 10 = 0;
CALL custseg.resegment('m', 'mover', "value" => 'monetary');
UPDATE custseg.migration SET run_at = run_at - interval '30 days' WHERE model = 'm';
UPDATE mover SET segment = 1 + id % 3 WHERE id % 7 = 0;
CALL custseg.resegment('m', 'mover', "value" => 'monetary');
UPDATE custseg.migration SET run_at = run_at - interval '30 days' WHERE model = 'm';
UPDATE mover SET segment = 1 + id % 3 WHERE id % 11 = 0;
CALL custseg.resegment('m', 'mover', "value" => 'monetary');
SELECT count(*) FROM custseg.forecast_segments('m');
PREPARE publish_all AS SELECT count(*) > 20 AS has_parts FROM custseg.publish('m', 'SELECT *, id % 2 AS half FROM publish_test.customer', '{"value": "monetary", "fairness": "half", "changes": true,
    "products": {"orders": "publish_test.bought", "customer": "customer", "product": "product", "order": "number"},
    "journey": {"source": "publish_test.bought", "customer": "customer", "time": "at", "step": "product", "steps": ["p1", "p2"], "within": "60 days"},
    "events": {"source": "publish_test.bought", "customer": "customer", "time": "at", "kind": "product"}, "audiences": ["publish_test.reach"],
    "lookalikes": {"name": "the first", "seeds": "SELECT id FROM publish_test.customer WHERE id BETWEEN 22 AND 121", "n": 50}}');
EXECUTE publish_all;
SELECT * FROM compare_views();
SET client_min_messages = warning;
SELECT count(*) AS rows, count(*) FILTER (WHERE to_jsonb(p) - '{model,version,published_at,is_small}'::text[] = CASE WHEN p.is_small THEN to_jsonb(d) || '{"total_value": null}' ELSE to_jsonb(d) END) AS same
FROM custseg.published_migration p FULL JOIN custseg.migration('m') d ON concat_ws(' ', p.from_segment, '>', p.to_segment, p.kind) = concat_ws(' ', d.from_segment, '>', d.to_segment, d.kind);
SELECT * FROM differs('forecast', $$custseg.forecast_segments('m')$$);
RESET client_min_messages;
-- published once more, each view has the new rows in the place of the old ones; taken back, it has the old ones
CREATE FUNCTION count_views() RETURNS TABLE (view_name text, n bigint, n_publications bigint, published_at timestamptz) LANGUAGE plpgsql AS $$
BEGIN
    FOR view_name IN SELECT relname FROM pg_class WHERE relnamespace = 'custseg'::regnamespace AND relname ~ '^published_' AND relkind = 'v' LOOP
        EXECUTE format('SELECT count(*), count(DISTINCT v.published_at), max(v.published_at) FROM custseg.%I v', view_name) INTO n, n_publications, published_at;
        RETURN NEXT;
    END LOOP;
END $$;
CREATE TABLE first_count AS SELECT * FROM count_views();
GRANT SELECT ON first_count TO public;
SAVEPOINT published;
EXECUTE publish_all;
DEALLOCATE publish_all;
SELECT count(*) AS views, count(*) FILTER (WHERE c.n = f.n AND c.n > 0 AND c.n_publications = 1 AND c.published_at > f.published_at) AS replaced FROM count_views() c JOIN first_count f USING (view_name);
ROLLBACK TO published;
SELECT count(*) AS views, count(*) FILTER (WHERE c = f AND c.n > 0) AS as_before FROM count_views() c JOIN first_count f USING (view_name);
-- another role reads them once it may use the model, and no row before and after
CREATE ROLE regress_cs_reader;
SET ROLE regress_cs_reader;
SELECT count(*) AS views, sum(n) AS rows FROM count_views();
RESET ROLE;
SELECT custseg.grant_model('m', 'regress_cs_reader');
SET ROLE regress_cs_reader;
SELECT count(*) AS views, count(*) FILTER (WHERE c = f AND c.n > 0) AS same FROM count_views() c JOIN first_count f USING (view_name);
RESET ROLE;
SELECT custseg.revoke_model('m', 'regress_cs_reader');
SET ROLE regress_cs_reader;
SELECT count(*) AS views, sum(n) AS rows FROM count_views();
RESET ROLE;
-- a view has nothing of an earlier publication: this one has no surrogate, no silhouettes and no value
SELECT count(*) AS wrong FROM custseg.publish('m', 'customer', '{"surrogate": false, "sample": 0}') WHERE reason IS NOT NULL AND n IS NOT NULL;
SELECT empty_views();
ROLLBACK;
-- and of a model that is gone all are empty
BEGIN;
SELECT count(*) > 0 AS dropped FROM custseg.model, LATERAL custseg.drop_model(name, whole => true);
SELECT count(*) AS views, count(*) = (SELECT count(*) FROM empty_views()) AS all_empty FROM pg_class WHERE relnamespace = 'custseg'::regnamespace AND relname ~ '^published_' AND relkind = 'v';
ROLLBACK;

--
-- Groups of few
--
CREATE VIEW few AS SELECT * FROM customer WHERE id BETWEEN 22 AND 500 OR id BETWEEN 501 AND 504 OR id BETWEEN 801 AND 812;
SELECT part, n, reason FROM custseg.publish('m', 'few', '{"value": "monetary", "surrogate": false}') WHERE part IN ('summary', 'profile', 'importance', 'test');
-- the segment of 4, and with it the one of 12: what all less the third one have is of 16
SELECT segment, n, total_value IS NULL AND value_share IS NULL AND value_per_customer IS NULL AND description IS NULL AND suggested_name IS NULL AS is_hidden, is_small FROM custseg.published_summary ORDER BY segment;
SELECT part, count(*) AS rows, count(*) FILTER (WHERE r.row ? 'is_small') AS small, string_agg(DISTINCT k.key, ' ' ORDER BY k.key) FILTER (WHERE r.row ? 'is_small' AND k.value <> 'null') AS told
FROM custseg.report b JOIN custseg.published USING (model, published_at), jsonb_array_elements(b.body) r (row), jsonb_each(r.row) k
WHERE b.part IN ('summary', 'profile', 'radar', 'boxplot', 'heatmap', 'histogram', 'level_share', 'silhouette') GROUP BY part ORDER BY part;
SELECT (SELECT count(*) FROM jsonb_array_elements(body('projection') -> 'points') p WHERE (p ->> 3)::int <> 1) AS points_of_hidden, (SELECT count(DISTINCT scaled) FROM custseg.published_radar WHERE column_name = 'recency') AS positions,
    (SELECT bool_and(statistic IS NULL AND df_within IS NULL AND effect = round(effect::numeric, 2)) FROM custseg.published_test) AS rounded, (SELECT bool_and(eta_squared = round(eta_squared::numeric, 2)) FROM custseg.published_importance WHERE eta_squared IS NOT NULL) AS rounded_too;
-- all that is left when others are taken away is of min_group customers
SELECT a.column_name, round((a.n * a.mean - sum(s.n * s.mean))::numeric) AS sum_left, a.n - sum(s.n) AS n_left FROM custseg.published_profile a JOIN custseg.published_profile s USING (column_name)
WHERE a.segment IS NULL AND s.segment IS NOT NULL AND s.mean IS NOT NULL AND column_name = 'recency' GROUP BY a.column_name, a.n, a.mean;
-- fairness by an attribute is there when it is asked for, and where no group has few customers in a segment
SELECT part, n, reason FROM custseg.publish('m', 'SELECT *, id % 2 AS half FROM publish_test.customer', '{"fairness": "half", "surrogate": false}') WHERE part = 'fairness';
SELECT count(*) AS rows, count(*) FILTER (WHERE to_jsonb(f) - '{attribute,model,version,published_at}'::text[] <> to_jsonb(d)) AS differ, min(attribute) AS attribute
FROM custseg.published_fairness f JOIN custseg.fairness('m', 'SELECT *, id % 2 AS half FROM publish_test.customer', 'half') d USING (segment, group_value) WHERE f.model = 'm';
SELECT part, n, reason FROM custseg.publish('m', 'SELECT c.*, CASE WHEN custseg.predict(''m'', c) = 1 AND row_number() OVER (PARTITION BY custseg.predict(''m'', c) ORDER BY id) < 8 THEN ''few'' ELSE ''half'' || id % 2 END AS part FROM publish_test.customer c', '{"fairness": "part", "surrogate": false}') WHERE part = 'fairness';
SELECT count(*) FROM custseg.published_fairness WHERE model = 'm';
SELECT count(*) FROM custseg.publish('m', 'SELECT * FROM publish_test.customer', '{"fairness": "nothing", "surrogate": false}');
-- products and journeys are there when they are asked for: rows of the functions that tell them, without what few have, and nothing of hidden segments
CREATE TABLE line AS SELECT i % 1000 + 1 AS customer, i AS number, timestamp '2025-01-01' + i * interval '1 hour' AS at, 'p' || p AS product FROM generate_series(1, 2500) i, generate_series(1, 6) p
WHERE (i + p) % 3 > 0 AND NOT (p = 6 AND i % 1000 < 500) AND NOT (p = 5 AND i % 7 > 2) OR (p = 4 AND i < 4);
SELECT part, n, n_bytes > 0 AS has_bytes, reason FROM custseg.publish('m', 'SELECT * FROM publish_test.customer', '{"surrogate": false, "products": {"orders": "publish_test.line", "customer": "customer", "product": "product", "order": "number"},
    "journey": {"source": "publish_test.line", "customer": "customer", "time": "at", "step": "product", "steps": ["p1", "p2"], "within": "20 days"}}') WHERE part IN ('affinity', 'basket', 'journey', 'funnel');
SELECT count(*) AS rows, count(*) FILTER (WHERE (a.n, a.n_buyers, a.lift, a.p_adjusted, a.rating) IS DISTINCT FROM (d.n, d.n_buyers, d.lift, d.p_adjusted, d.rating)) AS differ
FROM custseg.published_affinity a JOIN custseg.segment_affinity('m', 'line', 'customer', 'product', 'SELECT * FROM publish_test.customer') d USING (segment, product);
SELECT segment, product, n, rating FROM custseg.published_affinity ORDER BY segment, product;
SELECT count(*) AS rows, count(d.n) AS alike FROM custseg.published_basket b LEFT JOIN custseg.basket_rules('line', 'number', 'product') d USING (antecedent, consequent, n, lift);
SELECT count(*) AS rows, count(d.n) AS alike, min(j.n) >= 10 AS of_many FROM custseg.published_journey j LEFT JOIN custseg.journey('line', 'customer', 'at', 'product', 'm') d
    ON (j.segment, j.kind, j.from_step, j.to_step, j.n, j.share) IS NOT DISTINCT FROM (d.segment, d.kind, d.from_step, d.to_step, d.n, d.share);
SELECT segment, position, step_name, n, round(share::numeric, 3) AS share FROM custseg.published_funnel;
-- many orders and many visits may be those of one customer, of whom nothing is told
CREATE TABLE secret_line AS SELECT customer, number, at, product FROM line UNION ALL SELECT 5, 10000 + i, timestamp '2025-01-01' + i * interval '1 day', 'secret' || p FROM generate_series(1, 60) i, generate_series(1, 2) p;
SELECT count(*) FROM custseg.publish('m', 'SELECT * FROM publish_test.customer', '{"surrogate": false, "products": {"orders": "publish_test.secret_line", "customer": "customer", "product": "product", "order": "number"},
    "journey": {"source": "publish_test.secret_line", "customer": "customer", "time": "at", "step": "product"}}');
SELECT (SELECT count(*) FROM custseg.basket_rules('secret_line', 'number', 'product') WHERE consequent ~ 'secret' AND n >= 10) AS rules, (SELECT count(*) FROM custseg.journey('secret_line', 'customer', 'at', 'product', 'm') WHERE to_step ~ 'secret' AND n >= 10) AS moves,
    count(*) AS parts, count(*) FILTER (WHERE body::text ~ 'secret') AS telling FROM custseg.report JOIN custseg.published USING (model, published_at) WHERE part IN ('affinity', 'basket', 'journey');
SELECT part, n, reason FROM custseg.publish('m', 'SELECT * FROM publish_test.customer', '{"surrogate": false, "changes": true}') WHERE part = 'change';
SELECT count(*) AS rows, count(d.reason) AS alike, array_agg(DISTINCT c.section ORDER BY c.section) AS sections FROM custseg.published_change c LEFT JOIN custseg.what_changed('m', 'SELECT * FROM publish_test.customer') d ON (c.section, c.subject, c.segment, c.reason) IS NOT DISTINCT FROM (d.section, d.subject, d.segment, d.reason);
SELECT count(*) FROM custseg.publish('m', 'few', '{"surrogate": false, "products": {"orders": "publish_test.line", "customer": "customer", "product": "product"},
    "journey": {"source": "publish_test.line", "customer": "customer", "time": "at", "step": "product"}}');
SELECT (SELECT array_agg(DISTINCT segment) FROM custseg.published_summary WHERE is_small) AS hidden, (SELECT array_agg(DISTINCT segment) FROM custseg.published_affinity) AS affinity, (SELECT array_agg(DISTINCT segment) FROM custseg.published_journey) AS journey,
    (SELECT count(*) FROM custseg.published_basket) AS basket, (SELECT count(*) FROM custseg.published_funnel) AS funnel;
SELECT fails(format($$SELECT custseg.publish('m', options => %L)$$, o)) FROM unnest(ARRAY['{"products": {"orders": "publish_test.line", "buyer": "customer"}}', '{"products": "publish_test.line"}', '{"products": {"orders": "publish_test.line", "customer": "customer"}}', '{"journey": {"steps": "p1"}}', '{"journey": {"source": "publish_test.line", "customer": "customer", "time": "at", "step": "product", "steps": ["p1"]}}']) o;
-- how engaged customers are, who is addressed and who is like others, when it is asked for; who acts on changes, and what is kept of single customers, always
CREATE TABLE visit AS SELECT i % 900 + 1 AS customer, timestamp '2025-06-30' - i % 80 * interval '1 day' AS at, CASE WHEN i < 6 THEN 'rare' WHEN i % 5 = 0 THEN 'open' ELSE 'visit' END AS kind FROM generate_series(1, 3000) i;
CREATE VIEW known AS SELECT p.segment, e.* FROM custseg.score('m', 'SELECT * FROM publish_test.customer') p JOIN (
    SELECT customer::text AS id, kind, count(*) AS n, extract(epoch FROM max(max(at)) OVER () - max(at)) / 86400 AS days FROM visit GROUP BY GROUPING SETS ((customer, kind), (customer))) e USING (id) WHERE p.segment IS NOT NULL;
SELECT custseg.create_experiment('held', 'm', '["control", "mail"]', '[{"metric": "monetary", "kind": "mean", "role": "primary", "effect": 500}]');
SELECT n_enrolled FROM custseg.enroll('held', 'SELECT * FROM publish_test.customer');
CREATE TABLE tracked AS SELECT * FROM mover;
ALTER TABLE tracked ADD PRIMARY KEY (id);
SELECT custseg.track_changes('m', 'tracked'), custseg.create_consumer('reader', 'm', from_start => true);
UPDATE tracked SET segment = 1 + coalesce(segment, 1) % 3 WHERE id <= 20;
DELETE FROM tracked WHERE id = 5;
SELECT custseg.acknowledge('reader', (SELECT max(change_position) FROM custseg.changes('reader', 5)));
SELECT part, n, reason FROM custseg.publish('m', 'SELECT * FROM publish_test.customer', '{"surrogate": false, "audiences": ["publish_test.reach"], "events": {"source": "publish_test.visit", "customer": "customer", "time": "at", "kind": "kind"},
    "lookalikes": {"seeds": "SELECT id FROM publish_test.customer WHERE id BETWEEN 22 AND 121", "n": 50, "method": "propensity"}}') WHERE part IN ('engagement', 'audience', 'lookalike', 'feed', 'personal_data');
SELECT g.segment, g.kind, g.n, g.n_known, g.n_active, round(g.median_days::numeric, 3) AS median_days, round(g.per_month::numeric, 6) AS per_month, round(g.engagement_score::numeric, 6) AS engagement_score FROM custseg.published_engagement g;
SELECT count(*) AS rows, count(*) FILTER (WHERE (e.n_known, e.n_active, round(e.median_days::numeric, 6), e.share) IS DISTINCT FROM (k.n, k.n_active, round(k.days::numeric, 6), k.n_active::float8 / e.n)) AS differ
FROM custseg.published_engagement e LEFT JOIN (
    SELECT segment, kind, count(*) AS n, count(*) FILTER (WHERE days <= 30) AS n_active, percentile_cont(0.5) WITHIN GROUP (ORDER BY days) AS days FROM known GROUP BY GROUPING SETS ((segment, kind), (kind))) k
    ON (k.segment, k.kind) IS NOT DISTINCT FROM (e.segment, e.kind);
SELECT a.*, a.n = (SELECT count(*) FROM reach r WHERE r.segment = a.segment) AS same, a.n + a.n_held_out = a.n_segment AS nobody_else, a.n_held_out = (SELECT count(*) FROM custseg.score('m', 'SELECT * FROM publish_test.customer') s
    WHERE s.segment = a.segment AND custseg.variant('held', s.id) = 'control') AS same_held_out FROM (SELECT audience, segment, name, n, n_segment, n_held_out, n_excluded FROM custseg.published_audience) a;
SELECT l.audience, l.method, l.rating, to_jsonb(l) - '{model,version,published_at,audience,method}'::text[] = to_jsonb(d) AS same
FROM custseg.published_lookalike l, custseg.lookalike_lift('m', 'SELECT * FROM publish_test.customer', 'SELECT id FROM publish_test.customer WHERE id BETWEEN 22 AND 121', 50, 'propensity') d;
SELECT body('feed') ->> 'source' AS source, c ->> 'consumer' AS consumer, (c ->> 'change_position')::bigint = (SELECT min(change_position) - 1 FROM custseg.changes('reader')) AS is_before_next, c ->> 'n' AS n, c ->> 'acknowledged_at' IS NOT NULL AS has_acknowledged FROM jsonb_array_elements(body('feed') -> 'consumers') c;
SELECT c ->> 'cause' AS cause, c ->> 'n' AS n, c ->> 'n_30d' AS n_30d FROM jsonb_array_elements(body('feed') -> 'causes') c;
SELECT body('personal_data') = (SELECT jsonb_agg(to_jsonb(p)) FROM custseg.personal_data('m') p WHERE p.kind <> 'published points') OR body('personal_data') @> (SELECT jsonb_agg(to_jsonb(p)) FROM custseg.personal_data('m') p WHERE p.kind <> 'published points') AS same;
SELECT count(*) FROM custseg.publish('m', 'few', '{"surrogate": false, "events": {"source": "publish_test.visit", "customer": "customer", "time": "at", "kind": "kind"}}');
SELECT array_agg(DISTINCT segment) AS engagement FROM custseg.published_engagement;
SELECT fails(format($$SELECT custseg.publish('m', options => %L)$$, o)) FROM unnest(ARRAY['{"events": {"source": "publish_test.visit", "who": "customer"}}', '{"events": 1}', '{"events": {"source": "publish_test.visit", "customer": "customer"}}', '{"audiences": "reach"}', '{"audiences": ["publish_test.customer"]}',
    '{"audiences": ["publish_test.mover", "\"; DROP TABLE mover; --"]}', '{"audiences": ["SELECT 1::int8 AS segment"]}', '{"lookalikes": {"seeds": "SELECT 1"}}', '{"lookalikes": {"seeds": "SELECT id FROM publish_test.customer", "n": 0}}', '{"lookalikes": {"method": "guess", "seeds": "SELECT id FROM publish_test.customer WHERE id < 200"}}', '{"lookalikes": {}}']) o;
SELECT custseg.track_changes('m', NULL), custseg.drop_consumer('reader'), custseg.end_experiment('held', 'done');
SELECT custseg.drop_experiment('held');
SELECT count(*) FROM custseg.publish('m', 'few', '{"min_group": 5, "surrogate": false}');
SELECT segment, n, is_small FROM custseg.published_summary ORDER BY segment;
SELECT count(*) FROM custseg.publish('m', 'few', '{"min_group": 1, "surrogate": false}');
SELECT segment, n, is_small FROM custseg.published_summary ORDER BY segment;
SELECT part, n, reason FROM custseg.publish('m', 'SELECT * FROM publish_test.few WHERE id > 800 AND id < 807', '{"value": "monetary"}') ORDER BY part COLLATE "C";
-- a column that is known of few: nothing by segment, and nothing at all where it is of few altogether; levels that training has not seen and few have
CREATE VIEW secretive AS SELECT id, recency, frequency, monetary, CASE WHEN id IN (30, 31) THEN 'Jane Doe' WHEN id BETWEEN 40 AND 69 THEN 'post' ELSE channel END AS channel,
    CASE WHEN id IN (50, 550, 850) THEN 7777 + id END AS rare, CASE WHEN id BETWEEN 22 AND 121 OR id IN (551, 552) THEN 8888 + id END AS rare_here FROM customer WHERE id > 21;
SELECT part, n, reason FROM custseg.publish('m', 'secretive', '{"value": "monetary", "surrogate": false}') WHERE part IN ('profile', 'boxplot', 'histogram', 'test', 'correlation', 'quality');
SELECT part, row ->> 'column_name' AS column_name, count(*) AS rows, string_agg(DISTINCT k.key, ' ' ORDER BY k.key) FILTER (WHERE k.value <> 'null') AS told
FROM custseg.report b JOIN custseg.published USING (model, published_at), jsonb_array_elements(CASE WHEN jsonb_typeof(b.body) = 'array' THEN b.body ELSE '[]' END) r (row), jsonb_each(r.row) k
WHERE b.part IN ('profile', 'radar', 'boxplot', 'heatmap', 'description') AND row ->> 'column_name' LIKE 'rare%' AND (row ->> 'segment' IS NOT NULL OR row ->> 'column_name' = 'rare') GROUP BY 1, 2 ORDER BY 1, 2;
SELECT column_name, segment IS NULL AS is_all, count(n) AS told FROM custseg.published_histogram WHERE column_name LIKE 'rare%' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) FILTER (WHERE column_name = 'rare') AS rare_tests, count(*) FILTER (WHERE column_name = 'rare_here') AS tests FROM custseg.published_test;
SELECT count(*) FROM custseg.published_correlation WHERE 'rare' IN (column_a, column_b);
SELECT r.row -> 'unseen_levels' AS unseen_levels FROM jsonb_array_elements(body('quality')) r (row) WHERE r.row ->> 'name' = 'channel';
SELECT count(*) FROM custseg.report JOIN custseg.published USING (model, published_at) WHERE body::text ~ 'Jane';
-- two customers in no segment do not follow from what is told of all rows
SELECT count(*) FROM custseg.publish('m', 'SELECT * FROM publish_test.customer WHERE id > 19', '{"value": "monetary", "surrogate": false}');
SELECT mean IS NULL AND skewness IS NULL AS hidden, median IS NULL AS median_hidden FROM custseg.published_description WHERE column_name = 'recency';
SELECT total, gini, top_10_share IS NULL AS top_10_hidden, top_1_share IS NULL AS top_1_hidden, (SELECT count(*) FROM custseg.published_lorenz) AS points FROM custseg.published_concentration;

-- nothing is found by the caller's search_path, not even what a CASE compares by
CREATE SCHEMA publish_hostile;
CREATE FUNCTION publish_hostile.never(text, text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'called as %', current_user; END $$;
CREATE FUNCTION publish_hostile.never(int, int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'called as %', current_user; END $$;
CREATE FUNCTION publish_hostile.never(jsonb, text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'called as %', current_user; END $$;
CREATE OPERATOR publish_hostile.= (LEFTARG = text, RIGHTARG = text, FUNCTION = publish_hostile.never);
CREATE OPERATOR publish_hostile.= (LEFTARG = int, RIGHTARG = int, FUNCTION = publish_hostile.never);
CREATE OPERATOR publish_hostile.? (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = publish_hostile.never);
BEGIN;
SET LOCAL search_path = publish_hostile, pg_catalog, publish_test;
SELECT count(*) FROM custseg.publish('m', 'publish_test.customer', '{"value": "monetary"}');
ROLLBACK;
DROP SCHEMA publish_hostile CASCADE;

--
-- Publications that are kept: the newest ones, and of older ones the last of each month
--
UPDATE custseg.report SET published_at = timestamptz '2015-06-20 12:00+00' - n * interval '9 days'
FROM (SELECT published_at AS at, row_number() OVER (ORDER BY published_at) AS n FROM (SELECT DISTINCT published_at FROM custseg.report) d) d WHERE published_at = at;
CREATE TEMP TABLE before AS SELECT DISTINCT published_at FROM custseg.report;
SELECT count(*) FROM before;
SELECT count(*) > 0 FROM custseg.publish('m', options => '{"keep": 3, "sample": 0, "points": 0, "surrogate": false}');
SELECT count(*) AS kept, count(DISTINCT date_trunc('month', published_at)) AS months, count(*) FILTER (WHERE published_at > now() - interval '1 year') AS new,
    (SELECT count(*) FROM (SELECT published_at FROM before ORDER BY published_at DESC LIMIT 2) b WHERE EXISTS (SELECT FROM custseg.report r WHERE r.published_at = b.published_at)) AS newest_of_before,
    bool_and(r.published_at = (SELECT max(b.published_at) FROM before b WHERE date_trunc('month', b.published_at) = date_trunc('month', r.published_at)) OR r.published_at > now() - interval '1 year'
        OR r.published_at >= (SELECT min(l.published_at) FROM (SELECT published_at FROM before ORDER BY published_at DESC LIMIT 2) l)) AS last_of_month
FROM (SELECT DISTINCT published_at FROM custseg.report) r;

--
-- Two publications in one transaction; one that is rolled back
--
BEGIN;
SELECT count(DISTINCT published_at) FROM custseg.publish('m', options => '{"sample": 0, "points": 0, "surrogate": false}');
SELECT count(DISTINCT published_at) FROM custseg.publish('m', options => '{"sample": 0, "points": 0, "surrogate": false}');
SELECT count(DISTINCT published_at) FILTER (WHERE published_at > now() - interval '1 day') AS of_today FROM custseg.report;
ROLLBACK;
SELECT count(DISTINCT published_at) FILTER (WHERE published_at > now() - interval '1 day') AS of_today FROM custseg.report;
-- a clock that is set back does not bring them out of order
UPDATE custseg.report SET published_at = published_at + interval '1 year' WHERE published_at = (SELECT max(published_at) FROM custseg.report);
SELECT count(*) > 0 FROM custseg.publish('m', options => '{"sample": 0, "points": 0, "surrogate": false}');
SELECT count(*) FROM custseg.published WHERE published_at > now() + interval '364 days';
UPDATE custseg.report SET published_at = published_at - interval '2 years' WHERE published_at > now() + interval '364 days';

--
-- The value is the one of set_presentation(), unless another one is named; monitor() publishes along, what training knew is there
--
SELECT custseg.set_presentation('m', '{"value": "monetary", "currency": "GBP"}');
SELECT part, n, reason FROM custseg.publish('m', options => '{"sample": 0, "points": 0, "surrogate": false}') WHERE part IN ('concentration', 'training');
CREATE TEMP TABLE published_before AS SELECT published_at FROM custseg.published WHERE model = 'm';
SELECT status, error FROM custseg.monitor('m', 'customer', '{"publish": true}');
SELECT p.published_at > b.published_at AS later, p.n_parts FROM custseg.published p, published_before b WHERE p.model = 'm';
SELECT status, error FROM custseg.monitor('m', 'customer', '{"publish": false}');
SELECT status, error FROM custseg.monitor('m', 'customer', '{"publish": {"value": "score", "min_group": 3, "surrogate": false}}');
SELECT count(DISTINCT r.published_at) FROM custseg.report r, published_before b WHERE r.model = 'm' AND r.published_at > b.published_at;
-- what fails is found by the run, which is kept
SELECT status, error FROM custseg.monitor('m', 'customer', '{"publish": {"value": "nothing"}}');
SELECT fails($$SELECT custseg.monitor('m', 'customer', '{"publish": 3}')$$);
SELECT status, findings -> 'errors' FROM custseg.monitor_run WHERE model = 'm' ORDER BY id DESC LIMIT 1;
SELECT count(DISTINCT r.published_at) FROM custseg.report r, published_before b WHERE r.model = 'm' AND r.published_at > b.published_at;

--
-- Rights: the owner publishes, whoever may use the model reads
--
CREATE ROLE regress_cs_ann;
CREATE ROLE regress_cs_bob;
GRANT SELECT ON customer TO regress_cs_ann, regress_cs_bob;
SET ROLE regress_cs_ann;
SELECT version FROM custseg.train('anns', 'customer', '{recency,frequency}', 2);
SELECT count(*) > 10 FROM custseg.publish('anns');
SELECT custseg.grant_model('anns', 'regress_cs_bob');
RESET ROLE;
SET ROLE regress_cs_bob;
SELECT fails($$SELECT custseg.publish('anns')$$);
SELECT fails($$SELECT custseg.publish('m')$$);
SELECT model, n_parts > 10 AS has_parts FROM custseg.published;
SELECT DISTINCT model FROM custseg.report;
SELECT fails($$INSERT INTO custseg.report SELECT * FROM custseg.report$$), fails($$DELETE FROM custseg.report$$);
RESET ROLE;
-- what segments are worth is for those who may use the model of the value, too
SET ROLE regress_cs_ann;
SELECT model FROM custseg.train_value('annsworth', 'customer', 'monetary', '{recency,frequency}', 'linear', id => 'id');
SELECT count(*) FROM custseg.record_segment_value('annsworth', 'anns');
SELECT count(*) > 10 FROM custseg.publish('anns');
SELECT jsonb_array_length(body), body -> 0 ->> 'value_model' FROM custseg.report JOIN custseg.published USING (model, published_at) WHERE part = 'value';
SET ROLE regress_cs_bob;
SELECT count(*) FROM custseg.report WHERE part = 'value';
SET ROLE regress_cs_ann;
SELECT custseg.grant_model('annsworth', 'regress_cs_bob');
SET ROLE regress_cs_bob;
SELECT count(*) FROM custseg.report WHERE part = 'value';
RESET ROLE;
-- of few customers, nothing of their value
SET ROLE regress_cs_ann;
SELECT count(*) FROM custseg.record_segment_value('annsworth', 'anns', 'SELECT * FROM publish_test.customer WHERE id > 500 AND id < 830 OR id < 5');
SELECT count(*) > 10 FROM custseg.publish('anns');
SELECT v.row ->> 'name' AS name, v.row ->> 'n' AS n, v.row ->> 'value_sum' IS NULL AS hidden, v.row -> 'is_small' AS is_small FROM custseg.report JOIN custseg.published USING (model, published_at), jsonb_array_elements(body) v (row) WHERE part = 'value';
RESET ROLE;

--
-- Wrong calls
--
SELECT fails($$SELECT custseg.publish('nobody')$$);
SELECT fails($$SELECT custseg.publish(NULL)$$);
SELECT fails($$SELECT custseg.publish('annsworth')$$);
SELECT fails($$SELECT custseg.monitor('annsworth', options => '{"publish": true}')$$);
SELECT fails($$SELECT custseg.publish('m', version => 9)$$);
SELECT fails($$SELECT custseg.publish('m', 'nowhere')$$);
SELECT fails($$SELECT custseg.publish('m', 'SELECT id FROM publish_test.customer')$$);
SELECT fails($$SELECT custseg.publish('m', options => '{"value": "channel"}')$$);
SELECT fails($$SELECT custseg.publish('m', options => '{"value": "nothing"}')$$);
SELECT fails($$SELECT custseg.publish('m', options => '{"mingroup": 3}')$$);
SELECT fails($$SELECT custseg.publish('m', options => '{"min_group": 0}')$$);
SELECT fails($$SELECT custseg.publish('m', options => '{"keep": 0}')$$);
SELECT fails($$SELECT custseg.publish('m', options => '{"points": 2001}')$$);
SET default_transaction_read_only = on;
SELECT fails($$SELECT custseg.publish('m')$$);
RESET default_transaction_read_only;

--
-- A model's publications go with it, and those of a version that is dropped stay: they are history
--
SET client_min_messages = warning;
SELECT version FROM custseg.train('m', 'customer', '{recency,monetary}', 2);
SELECT DISTINCT version FROM custseg.report WHERE model = 'm';
SELECT custseg.deploy('m', 2) AS deployed, custseg.drop_model('m', 1) AS dropped;
SELECT count(*) > 0 AS kept FROM custseg.report WHERE model = 'm';
SELECT count(*) > 0 FROM custseg.publish('m');
SELECT DISTINCT version FROM custseg.report WHERE model = 'm' ORDER BY 1;
SELECT custseg.drop_model('m', whole => true, forget_exclusions => true);
SELECT count(*) FROM custseg.report WHERE model = 'm';

-- nobody in the source, one customer, one segment, columns that hold nothing
SELECT version FROM custseg.train('one', 'customer', '{recency,monetary}', 1);
SELECT part, n, reason FROM custseg.publish('one', 'SELECT * FROM customer WHERE false', '{"value": "monetary"}') ORDER BY part COLLATE "C";
SELECT part, n, reason FROM custseg.publish('one', 'SELECT * FROM customer WHERE id = 7', '{"value": "monetary", "min_group": 1}') ORDER BY part COLLATE "C";
SELECT part, n, reason FROM custseg.publish('one', 'SELECT recency, monetary, NULL::float8 AS nothing, ''NaN''::float8 AS nan, ''Infinity''::float8 AS infinite, -1 AS negative FROM publish_test.customer', '{"value": "negative"}') WHERE part IN ('silhouette', 'concentration', 'lorenz', 'histogram', 'description');
SELECT DISTINCT column_name FROM custseg.published_histogram WHERE model = 'one' ORDER BY 1;

-- any number of processes finds the same of the columns, to the last digit, also where values are missing, customers are in no segment, and there is a table for each to share
CREATE TABLE large AS SELECT i AS id, (i * 7919 % 5 * 3 + uniform) AS a, CASE WHEN i % 9 > 0 THEN exp(uniform * 5) END AS b, (i % 11)::int AS c, CASE WHEN i % 1000 = 0 THEN 'Infinity'::float8 ELSE ln(1 + uniform) END AS d, uniform * 1e9 AS value
FROM (SELECT i, ((hashint8extended(i, 5) >> 12) & 1048575) / 1048576.0::float8 AS uniform FROM generate_series(1, 8000) i) u;
SELECT n_segments FROM custseg.train('many', 'publish_test.large', '{a,b}', 3, id => 'id', prep => '{"impute": "skip"}', deploy => true);
CREATE TABLE by_workers (workers int, part text, digest text);
CREATE PROCEDURE publish_with(workers int) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('max_parallel_maintenance_workers', workers::text, true);
    PERFORM custseg.publish('many', 'publish_test.large', '{"value": "value", "surrogate": false}');
    INSERT INTO by_workers SELECT workers, r.part, md5(r.body::text) FROM custseg.report r JOIN custseg.published USING (model, published_at) WHERE r.model = 'many'
        AND part IN ('summary', 'profile', 'radar', 'boxplot', 'heatmap', 'importance', 'test', 'histogram', 'description', 'correlation', 'concentration', 'lorenz', 'missing', 'quality', 'silhouette', 'projection', 'capacity');
END $$;
CALL publish_with(0);
CALL publish_with(1);
CALL publish_with(2);
CALL publish_with(4);
SELECT count(DISTINCT workers) AS runs, count(DISTINCT part) AS parts, count(DISTINCT (part, digest)) AS different FROM by_workers;
SELECT 'described' AS what, count(*), count(p.n) AS alike FROM custseg.describe('SELECT a, b, c, d, value FROM publish_test.large') d LEFT JOIN custseg.published_description p ON p.model = 'many' AND to_jsonb(d) <@ to_jsonb(p)
UNION ALL SELECT 'profiled', count(*), count(p.n) FROM custseg.segment_profile('many', 'publish_test.large') d LEFT JOIN custseg.published_profile p ON p.model = 'many' AND to_jsonb(d) <@ to_jsonb(p)
UNION ALL SELECT 'tested', count(*), count(p.n) FROM custseg.segment_tests('many', 'publish_test.large') d LEFT JOIN custseg.published_test p ON p.model = 'many' AND to_jsonb(d) <@ to_jsonb(p)
UNION ALL SELECT 'correlated', count(*), count(p.n) FROM custseg.correlations('SELECT a, b, c, d, value FROM publish_test.large') d LEFT JOIN custseg.published_correlation p ON p.model = 'many' AND to_jsonb(d) <@ to_jsonb(p);

-- and where a team reads the source: columns of all sorts, rows of which few are on a page, or more than were expected, partitions, decisions by hand, and whatever memory there is
SET custseg.processors = 8;
CREATE TABLE uneven (id int, a float8, b numeric, said text, level text, wide float8[], day date, big int8, flag bool, nothing int2) PARTITION BY RANGE (id);
CREATE TABLE uneven_long PARTITION OF uneven FOR VALUES FROM (1) TO (2001);
CREATE TABLE uneven_short PARTITION OF uneven FOR VALUES FROM (2001) TO (100000);
INSERT INTO uneven SELECT i, (i * 7919 % 997) / 10.0 + i % 3 * 50, nullif(i % 13, 5) / 7.0, CASE WHEN i <= 2000 THEN (SELECT string_agg(md5(i::text || j), '') FROM generate_series(1, 40 + i % 60) j) END,
    CASE WHEN i % 8 > 0 THEN 'level ' || i % 23 END, ARRAY[i % 7, i % 31, nullif(i % 5, 0)], date '2020-01-01' + i % 400, i::int8 * 7919 % 1000003, i % 6 = 0, NULL FROM generate_series(1, 14000) i;
UPDATE uneven SET a = 'NaN' WHERE id % 501 = 0;
UPDATE uneven SET said = repeat('long ', 2000) WHERE id % 3000 = 0;
DELETE FROM uneven WHERE id % 10 = 0;
ANALYZE uneven;
SELECT n_segments FROM custseg.train('uneven', 'publish_test.uneven', '{a,b,level,wide[2],flag}', 4, id => 'id', prep => '{"impute": "median"}', deploy => true);
SELECT count(custseg.override_segment('uneven', i, 2, 'by hand')), count(custseg.exclude('uneven', 1000 + i, 'objected')) FROM generate_series(1, 9) i;
CREATE PROCEDURE publish_by(workers int, source text, memory text, of text DEFAULT 'uneven') LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('max_parallel_maintenance_workers', workers::text, true), set_config('maintenance_work_mem', memory, true);
    PERFORM custseg.publish(of, source, jsonb_build_object('value', CASE of WHEN 'uneven' THEN 'big' ELSE 'value' END, 'surrogate', false, 'sample', 500));
    INSERT INTO by_workers SELECT workers, r.part, md5(r.body::text) FROM custseg.report r JOIN custseg.published USING (model, published_at) WHERE r.model = of AND part <> 'personal_data'
        AND (part <> 'quality' OR source NOT LIKE 'SELECT%'); -- of a query it does not say what names its rows
END $$;
CREATE FUNCTION alike() RETURNS TABLE (runs bigint, parts bigint, different bigint) LANGUAGE sql AS $$
    WITH taken AS (DELETE FROM by_workers RETURNING *) SELECT count(*) FILTER (WHERE part = 'summary'), count(DISTINCT part), count(DISTINCT (part, digest)) FROM taken
$$;
TRUNCATE by_workers;
CALL publish_by(2, 'SELECT * FROM publish_test.uneven WHERE id > 0', '64MB');
CALL publish_by(0, 'publish_test.uneven', '64MB');
CALL publish_by(1, 'publish_test.uneven', '64MB');
CALL publish_by(2, 'SELECT * FROM publish_test.uneven', '64MB');
CALL publish_by(4, 'publish_test.uneven', '256MB');
CALL publish_by(3, 'publish_test.uneven', '16MB');
SELECT * FROM alike();
-- a table that has become larger than it was when it was analyzed, and one that nobody has
CREATE TABLE grown AS SELECT * FROM uneven_short LIMIT 100;
ANALYZE grown;
INSERT INTO grown SELECT * FROM uneven ORDER BY id DESC;
CALL publish_by(0, 'publish_test.grown', '64MB');
CALL publish_by(2, 'publish_test.grown', '64MB');
SELECT * FROM alike();
CREATE TABLE unknown AS SELECT * FROM uneven ORDER BY id;
CALL publish_by(0, 'publish_test.unknown', '64MB');
CALL publish_by(2, 'publish_test.unknown', '64MB');
SELECT * FROM alike();
-- columns that do not fit are left out, and the team ends
CALL publish_by(0, 'publish_test.uneven', '1MB');
CALL publish_by(2, 'publish_test.uneven', '1MB');
SELECT * FROM alike();
-- so it is where they are more than were expected; where there is room, what is kept of them grows
CREATE TABLE thin AS SELECT (row_number() OVER ())::int AS id, a, b, c, d, value FROM large, generate_series(1, 14);
ANALYZE thin;
UPDATE pg_class SET reltuples = 25000 WHERE oid = 'thin'::regclass;
CALL publish_by(0, 'publish_test.thin', '8MB', 'many');
CALL publish_by(2, 'publish_test.thin', '8MB', 'many');
SELECT * FROM alike();
CALL publish_by(0, 'publish_test.thin', '64MB', 'many');
CALL publish_by(2, 'publish_test.thin', '64MB', 'many');
SELECT * FROM alike();
RESET custseg.processors;

DROP SCHEMA publish_test CASCADE;
SELECT custseg.drop_model(name, whole => true) FROM custseg.model;
DROP ROLE regress_cs_ann, regress_cs_bob;
\i :root/test/clean.sql
