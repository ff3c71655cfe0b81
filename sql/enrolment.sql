--
-- Customers enrolled in experiments: enroll(), variant(), and what follows for experiments that run.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS enrolment_test CASCADE;
DROP ROLE IF EXISTS regress_cs_experimenter, regress_cs_reader;
CREATE SCHEMA enrolment_test;
GRANT ALL ON SCHEMA enrolment_test TO public;
SET search_path = enrolment_test, public;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
CREATE ROLE regress_cs_experimenter;
CREATE ROLE regress_cs_reader;
CREATE TABLE customer AS SELECT i AS id, i % 3 * 100 + i % 7 AS monetary, i % 3 * 10 + i % 5 AS frequency FROM generate_series(1, 3000) i;
ALTER TABLE customer ADD PRIMARY KEY (id);
GRANT SELECT, UPDATE ON customer TO public;
SET ROLE regress_cs_experimenter;
SELECT model, n_segments FROM custseg.train('shop', 'customer', k => 3);
SELECT custseg.grant_model('shop', 'regress_cs_reader');
\set metrics '\'[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1}]\''
CREATE FUNCTION bucket(salt text, id text) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN (('x' || encode(substr(sha256(convert_to(salt || ':' || id, 'UTF8')), 1, 4), 'hex'))::bit(32)::bigint * 10000) >> 32;

-- blocks, by hand: which customers of a segment each variant has
CREATE FUNCTION block(segment int, ids int4range, weights bigint[]) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(ids, ' | ' ORDER BY v) FROM (
        SELECT v, string_agg(id::text, ',' ORDER BY id) AS ids FROM (
            SELECT id, custseg_private.block_variant('spring', segment, row_number() OVER (ORDER BY sha256(convert_to('spring:variant:' || id, 'UTF8'))), count(*) OVER (), weights) AS v
            FROM generate_series(lower(ids), upper(ids) - 1) id) s
        GROUP BY v) t
$$;
SELECT s.segment, w.weights, block(s.segment, s.ids, w.weights) = w.expected[s.segment] AS same, block(s.segment, s.ids, w.weights)
FROM (VALUES (1, int4range(1, 11)), (2, int4range(11, 18))) s (segment, ids), (VALUES
    ('{1,1}'::bigint[], '{"2,3,4,5,10 | 1,6,7,8,9","11,13,16 | 12,14,15,17"}'::text[]),
    ('{9,1}', '{"1,2,3,4,5,7,8,9,10 | 6","11,12,13,15,16,17 | 14"}'),
    ('{1,1,1}', '{"3,4,5,10 | 1,2,8 | 6,7,9","11,13 | 15,16,17 | 12,14"}')) w (weights, expected)
ORDER BY 2, 1;
-- each variant has its share to less than one customer, whatever the weights, and places are cut in the order of variants
SELECT count(*), count(*) FILTER (WHERE NOT abs(n_v - n * w / total::float8) < 1) AS off, count(*) FILTER (WHERE NOT ordered) AS disordered
FROM (SELECT b.n, w.weights, v.v, w.weights[v.v] AS w, (SELECT sum(x) FROM unnest(w.weights) x) AS total,
        (SELECT count(*) FROM generate_series(1, b.n) p WHERE custseg_private.block_variant('s', b.n, p, b.n, w.weights) = v.v) AS n_v,
        (SELECT bool_and(a >= before) FROM (SELECT a, lag(a, 1, 0) OVER (ORDER BY p) AS before FROM (SELECT p, custseg_private.block_variant('s', b.n, p, b.n, w.weights) AS a FROM generate_series(1, b.n) p) q) q) AS ordered
    FROM generate_series(1, 40) b (n), (VALUES ('{1,1}'::bigint[]), ('{9,1}'), ('{3,2,7}'), ('{1,1000000}'), ('{5,5,5,5,5,1}')) w (weights), LATERAL generate_subscripts(w.weights, 1) v (v)) s;

-- enrolled by bucket: who, in which variant, and in which segment
SELECT custseg.create_experiment('spring', 'shop', '["control", "offer"]', :metrics, '{"traffic": 0.3}');
SELECT * FROM custseg.enroll('spring', 'customer');
SELECT count(*) AS n, bool_and(v.variant = CASE WHEN bucket('spring:variant', customer) < 5000 THEN 'control' ELSE 'offer' END) AS variant,
    bool_and(bucket('spring:exposure', customer) < 3000) AS traffic, bool_and(n.segment = custseg.predict('shop', c)) AS segment
FROM custseg.enrolment n JOIN custseg.experiment_variant v USING (experiment, variant_number) JOIN customer c ON c.id::text = n.customer;
SELECT count(*) = (SELECT count(*) FROM custseg.enrolment) AS all FROM customer WHERE bucket('spring:exposure', id::text) < 3000;
SELECT to_jsonb(b) - '{enrolled_at}'::text[] FROM custseg.enrolment_batch b;
SELECT sum(n) = (SELECT count(*) FROM custseg.enrolment) AS all, count(*) FROM custseg.enrolment_count;
SELECT count(*) FROM custseg.enrolment_count k WHERE n <> (SELECT count(*) FROM custseg.enrolment n WHERE n.variant_number = k.variant_number AND n.segment = k.segment);
SELECT started_at = (SELECT min(enrolled_at) FROM custseg.enrolment) AS started, last_batch, status FROM custseg.experiment;

-- variant() is the SQL of buckets, for anybody whom it may concern
SELECT count(*), count(*) FILTER (WHERE custseg.variant('spring', i) IS DISTINCT FROM
    CASE WHEN bucket('spring:exposure', i::text) >= 3000 THEN NULL WHEN bucket('spring:variant', i::text) < 5000 THEN 'control' ELSE 'offer' END) AS different
FROM generate_series(1, 100000) i;
SELECT custseg.create_experiment('named', 'shop', '["a", "b", "c"]', :metrics, '{"salt": "spring"}');
SELECT id, custseg.experiment_bucket('spring:variant', id) AS bucket, custseg.variant('named', id) FROM unnest('{1,2,3,17850}'::text[]) id;
SELECT custseg.variant('named', '17850'), custseg.variant('named', 17850::bigint), custseg.variant('named', NULL::int), custseg.variant(NULL, 1);
SELECT outcome('SELECT custseg.variant(''named'', ''Zoe'')');
SELECT outcome('SELECT custseg.variant(''none'', 1)');

-- a second call only adds: segments stay as they were, and nobody changes the variant
CREATE TABLE before AS SELECT * FROM custseg.enrolment;
UPDATE customer SET monetary = 500 WHERE id % 10 = 0;
SELECT * FROM custseg.enroll('spring', 'customer');
SELECT count(*) FROM (SELECT * FROM custseg.enrolment EXCEPT SELECT * FROM before) s;
-- more traffic adds customers, and moves none
SELECT custseg.create_experiment('spring', 'shop', '["control", "offer"]', :metrics, '{"traffic": 0.5}');
SELECT * FROM custseg.enroll('spring', 'customer');
SELECT count(*) FILTER (WHERE n IS DISTINCT FROM b) AS different, count(*) FROM before b LEFT JOIN custseg.enrolment n USING (experiment, customer);
SELECT batch, count(*), bool_and(bucket('spring:exposure', customer) < 5000) FROM custseg.enrolment GROUP BY 1 ORDER BY 1;
-- everything else is fixed once it runs
SELECT what, outcome(format('SELECT custseg.create_experiment(''spring'', ''shop'', %L, %L, %L)', variants, metrics, options)) FROM (VALUES
    ('metrics', '["control", "offer"]', '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 2}]', '{"traffic": 0.5}'),
    ('one more metric', '["control", "offer"]', '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1}, {"metric": "n", "kind": "mean"}]', '{"traffic": 0.5}'),
    ('variants', '["control", {"variant": "offer", "weight": 2}]', '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1}]', '{"traffic": 0.5}'),
    ('options', '["control", "offer"]', '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1}]', '{"traffic": 0.5, "alpha": 0.1}'),
    ('layer', '["control", "offer"]', '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1}]', '{"traffic": 0.5, "layer": "x"}'),
    ('less traffic', '["control", "offer"]', '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1}]', '{"traffic": 0.4}'),
    ('nothing', '["control", "offer"]', '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1}]', '{"traffic": 0.5}')) s (what, variants, metrics, options);
-- traffic that another experiment of the layer has is not to be had
SELECT custseg.create_experiment('first', 'shop', '["control", "offer"]', :metrics, '{"traffic": 0.5, "layer": "mail"}');
SELECT custseg.create_experiment('second', 'shop', '["control", "offer"]', :metrics, '{"traffic": 0.3, "layer": "mail"}');
SELECT n_enrolled FROM custseg.enroll('first', 'customer');
SELECT n_enrolled FROM custseg.enroll('second', 'customer');
SELECT count(*) AS both FROM custseg.enrolment a JOIN custseg.enrolment b USING (customer) WHERE a.experiment = 'first' AND b.experiment = 'second';
SELECT bool_and(bucket('mail:exposure', customer) BETWEEN 5000 AND 7999) FROM custseg.enrolment WHERE experiment = 'second';
SELECT outcome($$SELECT custseg.create_experiment('first', 'shop', '["control", "offer"]', '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1}]', '{"traffic": 0.6, "layer": "mail"}')$$);
SELECT custseg.create_experiment('second', 'shop', '["control", "offer"]', :metrics, '{"traffic": 0.5, "layer": "mail"}');

-- blocked: exact balance within each segment, also of those who come later
SELECT custseg.create_experiment('blocked', 'shop', '["control", {"variant": "a", "weight": 2}, {"variant": "b"}]', :metrics, '{"assignment": "blocked"}');
SELECT n_enrolled, n_already FROM custseg.enroll('blocked', 'SELECT * FROM customer WHERE id <= 1001');
SELECT n_enrolled, n_already FROM custseg.enroll('blocked', 'customer');
SELECT batch, segment, array_agg(k.n ORDER BY variant_number) AS n, bool_and(abs(k.n - s.n * weight / 4) < 1) AS balanced
FROM custseg.enrolment_count k JOIN custseg.experiment_variant USING (experiment, variant_number)
JOIN (SELECT batch, segment, sum(n) AS n FROM custseg.enrolment_count WHERE experiment = 'blocked' GROUP BY 1, 2) s USING (batch, segment)
WHERE experiment = 'blocked' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*), count(*) FILTER (WHERE custseg.variant('blocked', n.customer) IS DISTINCT FROM v.variant) AS different, custseg.variant('blocked', 3001) AS stranger
FROM custseg.enrolment n JOIN custseg.experiment_variant v USING (experiment, variant_number) WHERE experiment = 'blocked';
-- who is in which variant is what blocks of the customers' segments say
SELECT count(*) FILTER (WHERE v IS DISTINCT FROM variant_number) AS different FROM (
    SELECT variant_number, custseg_private.block_variant('blocked', segment, row_number() OVER (PARTITION BY batch, segment ORDER BY sha256(convert_to('blocked:variant:' || customer, 'UTF8'))),
        count(*) OVER (PARTITION BY batch, segment), '{1,2,1}') AS v
    FROM custseg.enrolment WHERE experiment = 'blocked') s;

-- whoever is excluded by hand is never enrolled; an override is the segment
SELECT custseg.exclude('shop', 7, 'objected'), custseg.exclude(NULL, 8, 'objected to all'), custseg.override_segment('shop', 9, 1, 'key account'), custseg.override_segment('shop', 11, 3, 'key account');
SELECT custseg.create_experiment('polite', 'shop', '["control", "offer"]', :metrics, '{}');
SELECT n_enrolled, n_excluded FROM custseg.enroll('polite', 'SELECT * FROM customer WHERE id <= 20');
SELECT customer, segment FROM custseg.enrolment WHERE experiment = 'polite' AND customer IN ('7', '8', '9', '11') ORDER BY 1;
SELECT id, custseg.variant('polite', id) IS NULL AS none FROM unnest('{7,8,9}'::int[]) id;
-- who cannot be placed is not enrolled, but counted
SELECT model FROM custseg.train('strict', 'customer', k => 2, prep => '{"impute": "skip"}');
SELECT custseg.create_experiment('strict', 'strict', '["control", "offer"]', :metrics, '{}');
SELECT n_read, n_enrolled, n_unplaced FROM custseg.enroll('strict', 'SELECT id, frequency, CASE WHEN id > 5 THEN monetary END AS monetary FROM customer WHERE id <= 20');
SELECT n_read, n_enrolled FROM custseg.enroll('strict', 'SELECT * FROM customer WHERE false');

-- what is wrong
SELECT statement, outcome(statement) FROM (VALUES
    ('SELECT custseg.enroll(NULL, ''customer'')'),
    ('SELECT custseg.enroll(''spring'', NULL)'),
    ('SELECT custseg.enroll(''none'', ''customer'')'),
    ('SELECT custseg.enroll(''strict'', ''SELECT NULL::int AS id, frequency, monetary FROM customer'')'),
    ('SELECT custseg.enroll(''strict'', ''SELECT * FROM customer WHERE id < 30 UNION ALL SELECT * FROM customer WHERE id = 25'')'),
    ('SELECT custseg.enroll(''strict'', ''SELECT id, monetary FROM customer'')'),
    ('SELECT custseg.enroll(''strict'', ''SELECT frequency, monetary FROM customer'')'),
    ('SELECT custseg_private.block_variant(''s'', 1, 3, 2, ''{1,1}'')'),
    ('SELECT custseg_private.block_variant(''s'', 1, 1, 0, ''{1,1}'')'),
    ('SELECT custseg_private.block_variant(''s'', 1, 1, 2, ''{1,0}'')'),
    ('SELECT custseg.drop_experiment(''spring'')'),
    ('SELECT custseg.drop_model(''shop'', whole => true)')) s (statement);
SELECT count(*), max(batch) FROM custseg.enrolment WHERE experiment = 'strict';
SELECT custseg.end_experiment('strict');
SELECT outcome('SELECT custseg.enroll(''strict'', ''customer'')');
-- nothing of a call that fails, or is rolled back, stays
BEGIN;
SELECT n_enrolled FROM custseg.enroll('named', 'customer');
ROLLBACK;
SELECT last_batch, started_at FROM custseg.experiment WHERE experiment = 'named';
SELECT count(*) FROM custseg.enrolment WHERE experiment = 'named';

-- enrolments are for the owner; who may use the model sees counts
RESET ROLE;
SET ROLE regress_cs_reader;
SELECT count(*) AS customers FROM custseg.enrolment;
SELECT sum(n) AS n, (SELECT count(*) FROM custseg.enrolment_batch WHERE experiment = 'spring') AS batches FROM custseg.enrolment_count WHERE experiment = 'spring';
SELECT custseg.variant('spring', 1) IS NOT DISTINCT FROM CASE WHEN bucket('spring:exposure', '1') < 5000 THEN CASE WHEN bucket('spring:variant', '1') < 5000 THEN 'control' ELSE 'offer' END END AS same;
SELECT statement, outcome(statement) FROM (VALUES
    ('SELECT custseg.enroll(''spring'', ''customer'')'),
    ('SELECT custseg.variant(''blocked'', 1)'),
    ('SELECT custseg.variant(''strict'', 1)'),
    ('INSERT INTO custseg.enrolment SELECT * FROM custseg.enrolment RETURNING customer')) s (statement);
RESET ROLE;
-- ids of several columns, and of other types, under whatever settings
SET ROLE regress_cs_experimenter;
CREATE TABLE visit AS SELECT timestamptz '2024-03-01 00:00+00' + i * interval '1 hour' AS at, i % 2 * 1.50 AS shop, i % 4 AS x FROM generate_series(1, 40) i;
ALTER TABLE visit ADD PRIMARY KEY (at, shop);
SELECT model FROM custseg.train('visits', 'visit', '{x}', k => 2);
SELECT custseg.create_experiment('visits', 'visits', '["control", "offer"]', :metrics, '{}');
SET timezone = 'Asia/Kolkata';
SET datestyle = 'SQL, DMY';
SELECT n_enrolled FROM custseg.enroll('visits', 'visit');
SELECT n_already FROM custseg.enroll('visits', 'visit');
SELECT min(customer) FROM custseg.enrolment WHERE experiment = 'visits';
SELECT count(*), count(*) FILTER (WHERE custseg.variant('visits', ROW(v.at, v.shop)) IS DISTINCT FROM a.variant) AS different
FROM visit v, custseg.enrolment n JOIN custseg.experiment_variant a USING (experiment, variant_number)
WHERE experiment = 'visits' AND n.customer::text = format('("%s+00",%s)', to_char(v.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), trim_scale(v.shop));
RESET timezone;
RESET datestyle;

-- functions in a source that end the experiment, and drop it, leave nobody enrolled
SELECT custseg.create_experiment('trick', 'visits', '["control", "offer"]', :metrics, '{}');
CREATE FUNCTION ends(name text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN PERFORM custseg.end_experiment(name); RETURN true; END $$;
CREATE FUNCTION drops(name text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN PERFORM custseg.end_experiment(name), custseg.drop_experiment(name); RETURN true; END $$;
SELECT outcome(format('SELECT custseg.enroll(''trick'', ''SELECT * FROM visit WHERE (SELECT %s(''''trick''''))'')', f)) FROM unnest('{ends,drops}'::text[]) f;
SELECT count(*) AS enrolled FROM custseg.enrolment WHERE experiment = 'trick';
-- an id that no index takes
SELECT outcome($$SELECT custseg.enroll('trick', 'SELECT repeat(md5(x::text), 100) AS at, shop, x FROM visit')$$);
-- a call that names one experiment and then another keeps but what the last one needs
SELECT custseg.create_experiment('trock', 'visits', '["control", "offer"]', :metrics, '{}');
RESET ROLE;
CREATE FUNCTION kept_by_calls(n int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    before bigint := (SELECT sum(total_bytes) FROM pg_backend_memory_contexts);
    variant text;
BEGIN
    FOR i IN 1..n LOOP
        variant := custseg.variant(CASE WHEN i % 2 = 0 THEN 'trick' ELSE 'trock' END, '(2024-03-01 00:00:00+00,1.5)'::text);
    END LOOP;
    RETURN (SELECT sum(total_bytes) FROM pg_backend_memory_contexts) - before;
END $$;
SELECT kept_by_calls(10) IS NOT NULL AS warmed_up, kept_by_calls(150) < 1000000 AS little;
SET ROLE regress_cs_experimenter;

-- with an experiment ended, all that it was can go
SELECT custseg.end_experiment('blocked');
SELECT custseg.drop_experiment('blocked');
RESET ROLE;
-- no table keeps rows of an experiment that was dropped
CREATE FUNCTION keeping(x text) RETURNS TABLE (of text, n bigint) LANGUAGE plpgsql AS $$
DECLARE
    t regclass;
BEGIN
    FOR t IN SELECT a.attrelid::regclass FROM pg_attribute a JOIN pg_class k ON k.oid = a.attrelid AND k.relkind = 'r'
        WHERE k.relnamespace = 'custseg'::regnamespace AND a.attname = 'experiment' ORDER BY a.attrelid::regclass::text COLLATE "C" LOOP
        RETURN QUERY EXECUTE format('SELECT %L::text, count(*) FROM %s t WHERE t.experiment = %L', t, t, x);
    END LOOP;
END $$;
SELECT count(*) >= 7 AS tables, sum(n) AS kept FROM keeping('blocked');
SELECT of, n > 0 AS kept FROM keeping('first');
SET ROLE regress_cs_experimenter;
SELECT custseg.end_experiment(experiment) FROM custseg.experiment WHERE status = 'running';
SELECT custseg.drop_model(name, whole => true) IS NULL AS dropped FROM custseg.models ORDER BY name;
SELECT (SELECT count(*) FROM custseg.enrolment) AS enrolled, (SELECT count(*) FROM custseg.enrolment_count) AS counts, (SELECT count(*) FROM custseg.enrolment_batch) AS batches;
RESET ROLE;

SET client_min_messages = warning;
DELETE FROM custseg.segment_override WHERE owner = 'regress_cs_experimenter';
DROP SCHEMA enrolment_test CASCADE;
DROP ROLE regress_cs_experimenter, regress_cs_reader;
\i :root/test/clean.sql
