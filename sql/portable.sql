--
-- A model as one value: export_model() and import_model().
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS portable_test CASCADE;
DROP ROLE IF EXISTS regress_cs_exporter, regress_cs_importer;
CREATE SCHEMA portable_test;
GRANT ALL ON SCHEMA portable_test TO public;
SET search_path = portable_test, public;

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
\i :root/test/exported.sql
CREATE ROLE regress_cs_exporter;
CREATE ROLE regress_cs_importer;

CREATE TABLE customer (id int PRIMARY KEY, recency int, monetary float8, channel text, member bool, since date);
INSERT INTO customer
SELECT i, CASE i % 3 WHEN 0 THEN 10 WHEN 1 THEN 100 ELSE 300 END + i % 7,
       CASE WHEN i % 11 > 0 THEN i % 13 * 1.5 + i % 3 * 100 + 0.1 END,
       CASE i % 4 WHEN 0 THEN 'web' WHEN 1 THEN 'shop' WHEN 2 THEN 'phone' END, i % 5 = 0, date '2024-01-01' + i % 50
FROM generate_series(1, 60) i;
GRANT SELECT ON customer TO public;

-- a model of each algorithm, by every kind of preparation
CREATE FUNCTION train_all() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT t.model FROM custseg.algorithms() a, LATERAL custseg.train(a.algorithm, 'customer',
        k => CASE WHEN a.number_of_segments LIKE 'given or%' THEN 3 END, algorithm => a.algorithm,
        prep => CASE a.algorithm WHEN 'kmeans' THEN '{"columns": {"monetary": {"impute": "knn"}, "recency": {"transform": "yeo-johnson", "clip": "iqr"}, "channel": {"encode": "ordinal", "levels": ["web", "phone", "shop"], "impute": "mode"}}}'::jsonb
                                 WHEN 'minibatch' THEN '{"pca": 2, "columns": {"channel": {"encode": "frequency"}}}' ELSE '{}' END,
        options => CASE a.algorithm
            WHEN 'rules' THEN '{"segments": [{"name": "away", "when": {"recency": {"above": {"percentile": 60}}, "channel": {"in": ["web", "shop"]}}},
                                             {"name": "good", "when": {"score": {"from": 3}}}, {"name": "rest"}], "else": "rest",
                                "scores": {"score": [{"feature": "monetary", "quantiles": 4}]}}'::jsonb
            WHEN 'tree' THEN '{"model": "kmeans"}' WHEN 'dbscan' THEN '{"eps": 1.5}' ELSE '{}' END) t
$$;
SELECT train_all();

-- all that can be asked of a version, but for times
CREATE FUNCTION answers(m text) RETURNS TABLE (question text, answer text) LANGUAGE sql AS $$
    SELECT 'predict_detail', md5(string_agg(d::text, ',' ORDER BY id)) FROM customer c, custseg.predict_detail(m, c) d
    UNION ALL SELECT 'explain', md5(string_agg(e::text, ',' ORDER BY id, e::text)) FROM customer c, custseg.explain(m, c) e WHERE id <= 10
    UNION ALL SELECT 'score', md5(string_agg(s::text, ',' ORDER BY id)) FROM custseg.score(m, 'customer') s
    UNION ALL SELECT 'drift', md5(string_agg(d::text, ',' ORDER BY d::text)) FROM custseg.drift(m, 'SELECT * FROM customer WHERE id > 20') d
    UNION ALL SELECT 'segment_sizes', md5(string_agg(s::text, ',' ORDER BY s::text)) FROM custseg.segment_sizes(m, 'SELECT * FROM customer WHERE id > 20') s
    UNION ALL SELECT 'data_quality', md5(string_agg(q::text, ',' ORDER BY q::text)) FROM custseg.data_quality(m, 'SELECT * FROM customer WHERE id > 20') q
    UNION ALL SELECT 'segments', md5(string_agg(concat_ws('|', segment, name, description, rank, n, share, profile), ',' ORDER BY segment)) FROM custseg.segments WHERE model = m
    UNION ALL SELECT 'segment_profile', md5(string_agg((to_jsonb(p) - 'model')::text, ',' ORDER BY p::text)) FROM custseg.segment_profile p WHERE model = m
    UNION ALL SELECT 'fingerprint', fingerprint(m)
    UNION ALL SELECT 'rules', string_agg(r::text, ',') FROM custseg.rules(m) r WHERE m LIKE 'rules%'
    UNION ALL SELECT 'tree_rules', string_agg(r::text, ',') FROM custseg.tree_rules(m) r WHERE m LIKE 'tree%'
$$;

-- they come back as they were
SELECT i.model, i.version, i.algorithm, i.n_segments = v.n_segments AS same_segments, i.deployed
FROM custseg.algorithms() a, LATERAL custseg.import_model(custseg.export_model(a.algorithm), a.algorithm || ' copy') i
JOIN custseg.model_version v ON v.model = i.algorithm ORDER BY 1;
SELECT a.algorithm, b.question FROM custseg.algorithms() a, LATERAL answers(a.algorithm) b
JOIN answers(a.algorithm || ' copy') c USING (question) WHERE b.answer IS DISTINCT FROM c.answer;
SELECT count(*), count(b.answer) FROM custseg.algorithms() a, answers(a.algorithm) b;
-- and so does the exported value, but for its name
SELECT a.algorithm, custseg.export_model(a.algorithm || ' copy') = renamed(custseg.export_model(a.algorithm), a.algorithm || ' copy') AS same
FROM custseg.algorithms() a;
-- with k left to training, too, which keeps what it found of structure
SELECT version FROM custseg.train('chosen', 'customer');
SELECT model FROM custseg.import_model(custseg.export_model('chosen'), 'chosen copy');
SELECT custseg.export_model(model) = renamed(custseg.export_model('chosen'), model) AS same, metrics -> 'structure' ->> 'rating' AS rating
FROM custseg.model_version WHERE model = 'chosen copy';
SELECT custseg.export_model('chosen') AS e \gset
SELECT outcome(format('SELECT custseg.import_model(jsonb_set(%L, %L, %L), ''new'')', :'e', '{versions,0,training,metrics,structure}'::text[] || path, value))
FROM (VALUES ('{}'::text[], '1'), ('{more}', '1'), ('{rating}', '1'), ('{p_value}', '2'), ('{reason}', 'null')) v (path, value);
-- what is exported looks the same under any settings
SELECT md5(custseg.export_model('kmeans')::text) AS plain \gset
SET extra_float_digits = -10;
SET datestyle = 'SQL, DMY';
SET timezone = 'Asia/Kolkata';
SELECT md5(custseg.export_model('kmeans')::text) = :'plain' AS same;
SELECT model FROM custseg.import_model(custseg.export_model('gmm'), 'elsewhere');
RESET extra_float_digits;
RESET datestyle;
RESET timezone;
SELECT custseg.export_model('elsewhere') = renamed(custseg.export_model('gmm'), 'elsewhere') AS same;
-- each definition is a compiled model
SELECT bool_and((v -> 'definition')::text::custseg.compiled_model::jsonb = v -> 'definition')
FROM custseg.algorithms() a, jsonb_array_elements(custseg.export_model(a.algorithm) -> 'versions') v;

--
-- Versions: the deployed one, another one, all
--
SELECT version FROM custseg.train('m', 'customer', '{recency}', 2);
SELECT version FROM custseg.train('m', 'customer', '{recency,monetary}', 3);
SELECT version FROM custseg.train('m', 'customer', '{recency,channel}', 4, deploy => true);
SELECT custseg.drop_model('m', 2);
SELECT custseg.name_segment('m', 1, 'best', 'they come often', 1);
SELECT custseg.set_action('m', 1, '{"channel": "phone", "products": ["a, b", "c"], "budget_share": 0.1}'),
       custseg.set_action('m', 4, '{"offer": "none"}');
CREATE FUNCTION numbers(exported jsonb) RETURNS jsonb LANGUAGE sql
RETURN jsonb_path_query_array(exported, '$.versions[*].definition.version');
SELECT numbers(e), e -> 'deployed_version' AS deployed, e -> 'actions' AS actions, e -> 'decisions' AS decisions
FROM (VALUES (custseg.export_model('m')), (custseg.export_model('m', 1)), (custseg.export_model('m', whole => true))) v (e);
-- a new model keeps the numbers, a single version is deployed
SELECT * FROM custseg.import_model(custseg.export_model('m', whole => true), 'm2');
SELECT * FROM custseg.import_model(custseg.export_model('m', 1), 'm1');
SELECT * FROM custseg.import_model(custseg.export_model('m'), 'm3', deploy => false);
SELECT name, owner = current_user AS mine, deployed_version, last_version, reason FROM custseg.models WHERE name IN ('m', 'm1', 'm2', 'm3') ORDER BY 1;
SELECT custseg.predict_name('m2', c), p.channel, p.products, p.budget_share FROM customer c, custseg.playbook p
WHERE id = 2 AND p.model = 'm2' AND p.segment = 1;
SELECT version FROM custseg.train('m2', 'customer', '{recency}', 2);
-- history and grants stay where they are
SELECT count(*) FROM custseg.deployment WHERE model = 'm2';
-- versions that are added are numbered on, and wait to be deployed
SELECT * FROM custseg.import_model(custseg.export_model('m', whole => true), 'm1', add_version => true);
SELECT * FROM custseg.import_model(custseg.export_model('m'), 'm1', add_version => true, deploy => true);
SELECT custseg.rollback('m1');
SELECT version FROM custseg.train('m1', 'customer', '{recency}', 2);
-- what the model knows to do with a segment holds
SELECT custseg.set_action('m1', 2, '{"tone": "warm"}');
SELECT version FROM custseg.import_model(jsonb_set(custseg.export_model('m'), '{actions}', '[{"segment": 2, "action": {"tone": "cold"}}, {"segment": 3, "action": {"tone": "cold"}}]'), 'm1', true);
SELECT segment, tone, set_by = current_user AS mine FROM custseg.segment_action WHERE model = 'm1' ORDER BY 1;

--
-- Decisions by hand are personal data: they come along when they are asked for
--
SELECT custseg.override_segment('m', 3, 2, 'key account'), custseg.exclude('m', 4, 'objected', now() + interval '1 day'),
       custseg.exclude('m', 5, 'not long', clock_timestamp() + interval '1 ms'), custseg.exclude('m', 6, 'ended');
SELECT custseg.end_override('m', 6), custseg.exclude(NULL, 7, 'objected to all');
SELECT pg_sleep(0.01);
SELECT d ->> 'customer' AS customer, d -> 'segment' AS segment, d ->> 'reason' AS reason
FROM jsonb_array_elements(custseg.export_model('m', decisions => true) -> 'decisions') d ORDER BY 1;
SELECT version FROM custseg.import_model(custseg.export_model('m', decisions => true), 'decided');
SELECT c.customer, c.kind, c.segment, c.reason, c.until = m.until AS same_end, c.made_at = m.made_at AS same_time, c.made_by = current_user AS mine
FROM custseg.segment_override c JOIN custseg.segment_override m USING (customer) WHERE c.model = 'decided' AND m.model IS DISTINCT FROM c.model AND m.ended_at IS NULL ORDER BY 1;
SELECT id, custseg.predict('decided', c) IS NOT DISTINCT FROM custseg.predict('m', c) AS same, custseg.predict('decided', c) IS NULL AS excluded
FROM customer c WHERE id IN (3, 4, 7) ORDER BY 1;
-- one until infinity has no end
SELECT custseg.exclude('m', 8, 'for good', 'infinity');
SELECT model FROM custseg.import_model(custseg.export_model('m', decisions => true), 'for good');
SELECT model, until FROM custseg.segment_override WHERE customer = '8' ORDER BY 1;
SELECT custseg.end_override('m', 8);
-- of two decisions about a customer the last holds, there as here
SELECT custseg.exclude(NULL, 3, 'objected to all, too');
SELECT version FROM custseg.import_model(custseg.export_model('m', decisions => true), 'decided twice');
SELECT customer, segment, reason FROM custseg.segment_override WHERE model = 'decided twice' ORDER BY customer;
SELECT custseg.end_override(NULL, 3);
SELECT custseg.predict('m', c) = 2 AS overridden, custseg.predict('decided twice', c) IS NULL AS excluded FROM customer c WHERE id = 3;
-- what has expired holds nobody
SELECT custseg.exclude('decided twice', 3, 'not long', clock_timestamp() + interval '1 ms');
SELECT pg_sleep(0.01);
SELECT version FROM custseg.import_model(custseg.export_model('m', decisions => true), 'decided twice', true);
SELECT segment, reason, ended_at IS NULL AS holds FROM custseg.segment_override WHERE model = 'decided twice' AND customer = '3' ORDER BY id;
-- who is decided about already stays so
SELECT custseg.override_segment('decided', 4, 1, 'changed minds');
SELECT version FROM custseg.import_model(custseg.export_model('m', decisions => true), 'decided', true);
SELECT customer, reason FROM custseg.overrides WHERE model = 'decided' ORDER BY customer;
SELECT custseg.end_override(NULL, 7);

--
-- Rights: who may use a model may export it, decisions excepted; who imports owns; no source runs
--
CREATE FUNCTION spy() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'spied on %', current_user; RETURN 1; END $$;
SET ROLE regress_cs_exporter;
SELECT version FROM custseg.train('theirs', 'SELECT *, (SELECT portable_test.spy()) AS one FROM portable_test.customer', '{recency,monetary}', 2);
SELECT custseg.exclude('theirs', 1, 'objected');
SELECT custseg.grant_model('theirs', 'regress_cs_importer');
SET ROLE regress_cs_importer;
SELECT outcome(statement) FROM (VALUES
    ('SELECT custseg.export_model(''m'')'),
    ('SELECT custseg.export_model(''theirs'', decisions => true)'),
    ('SELECT custseg.import_model(custseg.export_model(''theirs''))'),
    ('SELECT custseg.import_model(custseg.export_model(''theirs''), add_version => true)')) v (statement);
SELECT model FROM custseg.import_model(custseg.export_model('theirs'), 'ours');
SELECT owner, source FROM custseg.models WHERE name = 'ours';
SELECT outcome(statement) FROM (VALUES
    ('SELECT count(*) FROM custseg.score(''ours'')'),
    ('SELECT concat_ws('' '', status, error) FROM custseg.monitor(''ours'')'),
    ('SELECT custseg.train(''ours'', NULL)'),
    ('SELECT count(*) FROM custseg.score(''ours'', ''portable_test.customer'')')) v (statement);
-- but who has read the source may adopt it: at the import, whatever was decided where it comes from, or later
SELECT model FROM custseg.import_model(custseg.export_model('ours'), 'taken', adopt_source => true);
SELECT count(*) > 0 AS scored FROM custseg.score('taken');
SELECT custseg.drop_model('taken', whole => true);
SELECT custseg.grant_model('ours', 'regress_cs_exporter');
SET ROLE regress_cs_exporter;
SELECT outcome('SELECT custseg.adopt_source(''ours'')');
SET ROLE regress_cs_importer;
SELECT outcome(statement) FROM (VALUES
    ('SELECT custseg.adopt_source(NULL)'),
    ('SELECT custseg.adopt_source(''ours'', 2)'),
    ('SELECT custseg.adopt_source(''theirs'')')) v (statement);
SELECT custseg.adopt_source('ours') = source AS returned FROM custseg.model_version WHERE model = 'ours';
SELECT count(*) > 0 AS scored FROM custseg.score('ours');
SELECT model FROM custseg.import_model(custseg.export_model('theirs'), 'adopted', adopt_source => true);
SELECT count(*) FROM (SELECT * FROM custseg.score('adopted') LIMIT 1) s;
SELECT custseg.drop_model('ours', whole => true), custseg.drop_model('adopted', whole => true);
-- a type of ids that others made runs nothing as the importer, unless adopted with the source
SET ROLE regress_cs_exporter;
CREATE FUNCTION spies(int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'spied on %', current_user; RETURN true; END $$;
CREATE DOMAIN spying AS int CHECK (portable_test.spies(VALUE));
CREATE TYPE row_of_spying AS (id portable_test.spying);
SET ROLE regress_cs_importer;
CREATE FUNCTION told_by(type text) RETURNS jsonb LANGUAGE sql
RETURN jsonb_set(jsonb_set(custseg.export_model('theirs'), '{versions,0,training,id}', '"id"'), '{versions,0,training,id_types}', to_jsonb(ARRAY['portable_test.' || type]));
SELECT m.model, custseg.exclude(m.model, i.id::text, 'objected')
FROM (VALUES ('spying', '1'), ('spying[]', '{1}'), ('row_of_spying', '(1)')) i (type, id), LATERAL custseg.import_model(told_by(i.type), i.type) m;
SELECT model FROM custseg.import_model(told_by('row_of_spying'), 'adopted', adopt_source => true);
SELECT custseg.exclude('adopted', '(1)'::text, 'objected');
SELECT custseg.drop_model(name, whole => true, forget_exclusions => true) FROM custseg.models WHERE owner = current_user;
RESET ROLE;

--
-- Errors
--
SELECT custseg.export_model('m') AS e \gset
SELECT fails(statement) FROM (VALUES
    ('SELECT custseg.export_model(NULL)'),
    ('SELECT custseg.export_model(''nosuch'')'),
    ('SELECT custseg.export_model(''m'', 2)'),
    ('SELECT custseg.export_model(''m3'')'),
    ('SELECT custseg.export_model(''m'', 1, whole => true)'),
    ('SELECT custseg.import_model(NULL)'),
    ('SELECT custseg.import_model(''[]'')'),
    ('SELECT custseg.import_model(''{}'')'),
    ('SELECT custseg.import_model(''{"format": 2}'')'),
    ('SELECT custseg.import_model(custseg.export_model(''m''))'),
    ('SELECT custseg.import_model(custseg.export_model(''m''), '''')'),
    ('SELECT custseg.import_model(custseg.export_model(''m''), repeat(''x'', 64))'),
    ('SELECT custseg.import_model(custseg.export_model(''m''), ''nosuch'', add_version => true)'),
    ('SELECT custseg.import_model(custseg.export_model(''m'', whole => true) || ''{"deployed_version": null}'', ''new'', deploy => true)')) v (statement);
\pset format unaligned
SELECT path, value, import_fails(:'e', path, value) FROM (VALUES
    ('{versions}', NULL::jsonb),
    ('{versions}', '[]'),
    ('{versions}', '[1]'),
    ('{more}', '1'),
    ('{model}', '1'),
    ('{deployed_version}', '2'),
    ('{versions,0,definition}', '{"version": 3}'),
    ('{versions,0,definition,version}', '1000000001'),
    ('{versions,0,definition,segments,0,center}', '[1]'),
    ('{versions,0,definition,segments,0,center,0}', '"NaN"'),
    ('{versions,0,definition,algorithm}', '"nosuch"'),
    ('{versions,0,training,source}', NULL),
    ('{versions,0,training,source}', 'null'),
    ('{versions,0,training,more}', '1'),
    ('{versions,0,training,n_rows}', '-1'),
    ('{versions,0,training,seed}', '1e17'),
    ('{versions,0,training,iterations}', '0.5'),
    ('{versions,0,training,converged}', '1'),
    ('{versions,0,training,milliseconds}', '"Infinity"'),
    ('{versions,0,training,milliseconds}', '-1'),
    ('{versions,0,training,trained_by}', to_jsonb(repeat('x', 64))),
    ('{versions,0,training,trained_at}', '"infinity"'),
    ('{versions,0,training,trained_at}', '"soon"'),
    ('{versions,0,training,trained_at}', '1'),
    ('{versions,0,training,trained_at}', '"now"'),
    ('{versions,0,training,trained_at}', '"2026-02-29T12:00:00+00:00"'),
    ('{versions,0,training,trained_at}', '"2026-01-31 12:00:00+00"'),
    ('{versions,0,training,trained_at}', '"999999-01-31T12:00:00+00:00"'),
    ('{versions,0,training,search_path}', 'null'),
    ('{versions,0,training,search_path}', '"a,,b"'),
    ('{versions,0,training,source_adopted}', 'true'),
    ('{versions,0,training,skipped}', '[]'),
    ('{versions,0,training,skipped}', '{"null in column \"recency\"": "many"}'),
    ('{versions,0,training,metrics,inertia}', '"low"'),
    ('{versions,0,training,metrics,silhouette}', '1e308'),
    ('{versions,0,training,metrics,silhouette_deviation}', '-1'),
    ('{versions,0,training,id}', 'null'),
    ('{versions,0,training,id}', '"a,b"'),
    ('{versions,0,training,id_types}', '["pg_catalog.int4", "pg_catalog.int4"]'),
    ('{versions,0,training,id_types}', '[null]'),
    ('{versions,0,training,id_types}', '"x"'),
    ('{versions,0,training,prep,columns,nosuch}', '{}'),
    ('{versions,0,training,prep,more}', '{}'),
    ('{versions,0,training,options,seed}', '"x"'),
    ('{versions,0,training,options,more}', '1'),
    ('{versions,0,features,0}', NULL),
    ('{versions,0,features,0,n_null}', '61'),
    ('{versions,0,features,0,mean}', 'null'),
    ('{versions,0,features,0,standard_deviation}', '-1'),
    ('{versions,0,features,0,standard_deviation}', '5e-324'),
    ('{versions,0,definition,segments,0,profile,2}', '1.5'),
    ('{versions,0,features,1,n}', '1'),
    ('{versions,0,features,0,levels}', '[]'),
    ('{versions,0,features,0,quantiles,0}', 'true'),
    ('{versions,0,features,0,quantiles,0}', '1e6'),
    ('{versions,0,features,0,quantiles}', 'null'),
    ('{versions,0,features,1,mean}', '1'),
    ('{versions,0,features,1,levels}', 'null'),
    ('{versions,0,features,1,levels,0}', NULL),
    ('{versions,0,features,1,level_counts,0}', '-1'),
    ('{versions,0,features,1,level_counts,0}', '"1"'),
    ('{versions,0,segments,0,share}', '1.5'),
    ('{versions,0,segments,0,spread}', '1e308'),
    ('{versions,0,segments,0,mean_distance}', '1e154'),
    ('{versions,0,segments,0,rank}', '0'),
    ('{actions,0,action}', '{"more": 1}'),
    ('{actions,0,segment}', '"1"'),
    ('{actions,0,more}', '1'),
    ('{decisions}', '{}'),
    ('{decisions}', '[{}]')) v (path, value);
\pset format aligned
-- what no double is close to is zero, wherever it stands
BEGIN;
SELECT count(*) FROM custseg.import_model(jsonb_set(jsonb_set(jsonb_set(jsonb_set(:'e', '{versions,0,features,0,quantiles,0}', '1e-400'), '{versions,0,definition,segments,0,center,0}', '1e-400'),
    '{versions,0,segments,0,mean_distance}', '-0.00'), '{versions,0,training,milliseconds}', '1e-400'), 'new');
SELECT f.quantiles[1] AS quantile, s.center[1] AS center, s.mean_distance, v.milliseconds FROM custseg.model_version v JOIN custseg.feature f USING (model, version) JOIN custseg.segment s USING (model, version)
WHERE v.model = 'new' AND f.position = 1 AND s.segment = 1;
ROLLBACK;
-- numbers must ascend; rules must be those that were learned with their options
SELECT import_fails(jsonb_set(e, '{versions,1,definition,version}', '1'), '{more}') FROM custseg.export_model('m', whole => true) e;
SELECT import_fails(custseg.export_model('rules'), path, value) FROM (VALUES
    ('{versions,0,training,options,segments,0,when,channel}', NULL::jsonb),
    ('{versions,0,training,options,segments,1,when,recency}', '{"above": 1}')) v (path, value);
SELECT import_fails(jsonb_set(custseg.export_model('rules'), '{versions,0,training,options,segments,1,when,channel}', '{"in": ["web"]}'),
    '{versions,0,training,options,segments,0,when,channel}');
-- depth, and keys without end
SELECT left(import_fails(:'e', '{versions,0,training,metrics,inertia}', (repeat('[', 5000) || repeat(']', 5000))::jsonb), 100);
SELECT left(import_fails(:'e', '{versions,0,training,metrics}', (SELECT jsonb_object_agg(i, '{}'::jsonb) FROM generate_series(1, 10000) i)), 150);
-- nothing of it is left
SELECT count(*) FROM custseg.model WHERE name = 'new';
-- snapshots
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT model FROM custseg.import_model(:'e', 'new');
SELECT custseg.predict('new', '{"recency": 1, "channel": "web"}'::jsonb) = custseg.predict('m', '{"recency": 1, "channel": "web"}'::jsonb) AS same;
ROLLBACK;
SELECT count(*) FROM custseg.model_version WHERE model = 'new';
BEGIN READ ONLY;
SELECT outcome(format('SELECT custseg.import_model(%L, ''new'')', :'e'));
ROLLBACK;

--
-- Hostile values: each key dropped and replaced in turn is an error that says so, or a model that works,
-- for whose numbers everything can be computed.
--
CREATE FUNCTION use_all(m text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    statement text;
BEGIN
    FOREACH statement IN ARRAY ARRAY[
        'SELECT custseg.predict_detail($1, c), custseg.predict_name($1, c) FROM customer c',
        'SELECT custseg.explain($1, c) FROM customer c WHERE id < 4',
        'SELECT count(*) FROM custseg.score($1, ''customer'')',
        'SELECT count(*) FROM custseg.drift($1, ''customer'')',
        'SELECT count(*) FROM custseg.segment_sizes($1, ''customer'')',
        'SELECT count(*) FROM custseg.data_quality($1, ''customer'')',
        'SELECT count(*) FROM custseg.needs_retraining($1, ''customer'')',
        'SELECT count(*) FROM custseg.monitor($1, ''customer'')',
        'SELECT count(*) FROM custseg.evaluate($1, ''customer'')',
        'SELECT count(*) FROM custseg.rules($1)',
        'SELECT count(*) FROM custseg.tree_rules($1)',
        'SELECT count(p::text), custseg.export_model($1), custseg.rule_options($1, 1) FROM custseg.segment_profile p',
        'SELECT count(s::text), (SELECT count(m::text) FROM custseg.models m) FROM custseg.segments s',
        'SELECT custseg.exclude($1, 1, ''objected''), custseg.end_override($1, 1)',
        'SELECT custseg.train($1, ''customer'', k => 2)'] LOOP
        BEGIN
            EXECUTE statement USING m;
        EXCEPTION WHEN OTHERS THEN
            -- and what is computed is a number
            IF SQLSTATE ~ '^(XX000|58|53|25|40|22003|22012|2201)' THEN
                RAISE;
            END IF;
        END;
    END LOOP;
END $$;
SELECT a.algorithm, f.outcome, f.n > 0 AS some FROM custseg.algorithms() a, LATERAL fuzz_import(a.algorithm, 97) f;

-- a segment of the highest number leaves none for another one
SELECT custseg.export_model('m') AS e \gset
SELECT model FROM custseg.import_model(jsonb_set(:'e', '{versions,0,definition,segments,3,segment}', '2147483647'), 'highest');
SELECT fails('SELECT custseg.train(''highest'', ''customer'', ''{recency,monetary,member}'', 7)');
SELECT segment FROM custseg.segments WHERE model = 'highest' ORDER BY 1;
SELECT version FROM custseg.train('highest', 'customer', '{recency}', 2);

-- clean up
SELECT count(*), count(custseg.drop_model(model, whole => true, forget_exclusions => true)) FROM (SELECT DISTINCT model FROM custseg.model_version WHERE source LIKE '%portable_test%' AND model <> 'theirs') m;
SELECT custseg.drop_model('theirs', whole => true, forget_exclusions => true);
DROP SCHEMA portable_test CASCADE;
DROP ROLE regress_cs_exporter, regress_cs_importer;
\i :root/test/clean.sql
