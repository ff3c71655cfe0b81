--
-- Segments within segments: training within a segment, predict_path(), path_sizes(), segment_tree, and what a life of such models has.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS within_test CASCADE;
DROP ROLE IF EXISTS regress_cs_within;
CREATE SCHEMA within_test;
SET search_path = within_test, public;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
SET client_min_messages = error;
SET extra_float_digits = 0;
CREATE FUNCTION noise(i int, stream int) RETURNS float8 LANGUAGE sql IMMUTABLE
RETURN (hashint8extended(i, stream) & 1048575) / 1048576.0::float8;
-- three groups of 300, 200 and 100; the second falls into four of 80, 60, 40 and 20, and the largest of these into two
CREATE TABLE customer (id int PRIMARY KEY, x float8, y float8, z float8, source text, segment int, path text);
INSERT INTO customer (id, x, y, z, source)
SELECT i, CASE WHEN i <= 300 THEN 0 WHEN i <= 500 THEN 100 ELSE 200 END + noise(i, 1),
    CASE WHEN i BETWEEN 301 AND 500 THEN CASE WHEN i <= 380 THEN 0 WHEN i <= 440 THEN 10 WHEN i <= 480 THEN 20 ELSE 30 END ELSE 15 END + noise(i, 2),
    CASE WHEN i BETWEEN 301 AND 350 THEN 3 ELSE 1 END + noise(i, 3), 'web' FROM generate_series(1, 600) i;
\set quiet '{"silhouette_sample": 0}'
SELECT n_rows, n_segments FROM custseg.train('base', 'customer', '{x}', 3, options => :'quiet');
SELECT n_rows, n_segments FROM custseg.train('middle', 'customer', '{y}', 4, options => '{"silhouette_sample": 0, "within": {"model": "base", "segment": 2}}');
SELECT custseg.name_segment('middle', 1, 'most'), custseg.name_segment('base', 2, 'a/b \ c');
SELECT n_rows, n_segments FROM custseg.train('deep', 'customer', '{z}', 2, options => '{"silhouette_sample": 0, "within": {"model": "middle", "segment": "most"}}');
SELECT model, version, parent_model, parent_version, segment FROM custseg.model_within ORDER BY model;
SELECT name, n_rows, parent_model, parent_segment, is_stale FROM custseg.models ORDER BY name;

-- paths
SELECT custseg.predict_path('base', c) AS path, custseg.predict_path('base', c, true) AS names, count(*), min(id), max(id) FROM customer c GROUP BY 1, 2 ORDER BY min(id);
SELECT custseg.predict_path('middle', c) AS path, count(*) FROM customer c WHERE id BETWEEN 301 AND 500 GROUP BY 1 ORDER BY 1;
SELECT custseg.predict_path('base', '{"x": 100.5, "y": 0.5, "z": 3.5}') AS literal, custseg.predict_path('base', '{"x": 100.5, "y": 0.5, "z": 3.5}'::jsonb, true) AS jsonb;
SELECT fails($$SELECT custseg.predict_path('base', 7)$$);
SELECT custseg.predict_path(NULL, c), custseg.predict_path('base', NULL::customer), custseg.predict_path('base', c, NULL) FROM customer c WHERE id = 1;
-- what a level lacks is not asked of who does not come there
SELECT fails($$SELECT custseg.predict_path('base', '{"x": 100.5}')$$);
SELECT custseg.predict_path('base', '{"x": 0.5}');
-- sizes add up, and are those of predict_path()
SELECT segment_path, parent_path, depth, segment_model, segment, name, names, n, round(share::numeric, 3) AS share, round(share_of_parent::numeric, 3) AS of_parent, n_undivided, is_stale FROM custseg.path_sizes('base');
SELECT segment_path, n FROM custseg.path_sizes('middle', 'SELECT * FROM customer WHERE id % 2 = 0');
SELECT count(*) AS wrong FROM custseg.path_sizes('base') p WHERE n_undivided IS NOT NULL AND n <> n_undivided + (SELECT sum(q.n) FROM custseg.path_sizes('base') q WHERE q.parent_path = p.segment_path);
SELECT root, segment_path, depth, model, segment, names, n FROM custseg.segment_tree;
SELECT count(*), sum(n) FROM custseg.path_sizes('base', 'SELECT * FROM customer WHERE false');

-- whatever reads a source for a model within a segment reads that segment
SELECT count(*), count(DISTINCT segment) FROM custseg.score('middle', 'customer');
SELECT count(*) FROM custseg.score('deep');
SELECT segment, n FROM custseg.segment_sizes('middle', 'customer') ORDER BY segment;
SELECT max(psi) < 0.01 AS same FROM custseg.drift('middle', 'customer');
SELECT sum(n) FROM custseg.segment_summary('middle', 'customer');
SELECT count(*) FROM custseg.similar_customers('middle', 'customer', 320, 1000);
SELECT retrain, reasons FROM custseg.needs_retraining('middle', 'customer');
-- a column called source is none of that
CREATE TABLE odd AS SELECT id, x, y, source FROM customer;
SELECT count(*) FROM custseg.score('middle', 'odd');
SELECT count(*) FROM custseg.score('middle', 'SELECT id, x, y, 1 AS source FROM customer -- all');

-- decisions by hand hold on every level
SELECT custseg.override_segment('base', 1, 2, 'test'), custseg.override_segment('middle', 301, 3, 'test'), custseg.exclude('deep', 302, 'test'), custseg.exclude('base', 600, 'test');
SELECT id, custseg.predict_path('base', c) FROM customer c WHERE id IN (1, 301, 302, 303, 600) ORDER BY id;
SELECT segment_path, n, n_undivided FROM custseg.path_sizes('base') WHERE segment_path ~ '^2';
SELECT count(custseg.end_override(o.model, o.customer)) FROM custseg.overrides o;

-- paths in a column: by trigger and by resegment()
CREATE TRIGGER paths BEFORE INSERT OR UPDATE OF x, y, z ON customer FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('base', 'path');
INSERT INTO customer (id, x, y, z) VALUES (1001, 100.5, 0.5, 3.5), (1002, 0.5, 0, 0), (1003, 'infinity', 0, 0) RETURNING id, path;
UPDATE customer SET x = 200 WHERE id = 1001 RETURNING path;
DELETE FROM customer WHERE id > 1000;
CALL custseg.resegment('base', 'customer', 'path', rows_changed => NULL, rows_total => NULL);
CALL custseg.resegment('base', 'customer', 'path', rows_changed => NULL, rows_total => NULL);
SELECT count(*) AS same FROM customer c WHERE path = custseg.predict_path('base', c);
UPDATE customer SET path = '2.4' WHERE id = 301;
UPDATE customer SET path = NULL WHERE id = 302;
UPDATE customer SET path = '3' WHERE id = 303;
CALL custseg.resegment('base', 'customer', 'path', rows_changed => NULL, rows_total => NULL);
SELECT from_segment, to_segment, n FROM custseg.migration WHERE run_at = (SELECT max(run_at) FROM custseg.migration) ORDER BY 1, 2;
UPDATE customer SET path = NULL WHERE id % 2 = 0;
CALL custseg.resegment('base', 'customer', 'path', batch => 100, rows_changed => NULL, rows_total => NULL);
SELECT count(*) AS same FROM customer c WHERE path = custseg.predict_path('base', c);
\set VERBOSITY default
CALL custseg.resegment('base', 'customer', 'path', version => 1, rows_changed => NULL, rows_total => NULL);
CALL custseg.resegment('middle', 'customer', 'segment', rows_changed => NULL, rows_total => NULL);
CALL custseg.resegment('base', 'customer', 'source', rows_changed => NULL, rows_total => NULL);
INSERT INTO customer (id, x, path) VALUES (2000, 1, 'vip');
-- what a trigger keeps is no feature
SELECT n_segments FROM custseg.train('unnamed', 'customer', k => 2, options => :'quiet');
SELECT array_agg(name ORDER BY name) FROM custseg.feature WHERE model = 'unnamed';
SELECT custseg.drop_model('unnamed', whole => true);
DROP TRIGGER paths ON customer;
CREATE TABLE generated (id int PRIMARY KEY, x float8 GENERATED ALWAYS AS (id) STORED, path text);
CREATE TRIGGER paths BEFORE INSERT ON generated FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('base', 'path');
INSERT INTO generated (id) VALUES (1);
DROP TRIGGER paths ON generated;
CREATE TRIGGER paths BEFORE INSERT ON generated FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('base', 'path', '1');
INSERT INTO generated (id) VALUES (1);
CREATE TABLE warned (id int PRIMARY KEY, x float8, path text);
CREATE TRIGGER paths BEFORE INSERT ON warned FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('base', 'path', 'warn');
SET client_min_messages = warning;
INSERT INTO warned (id, x) VALUES (1, 0.5), (2, 100.5), (3, 200.5) RETURNING id, path;
SET client_min_messages = error;

-- a parent's new version makes what is within stale, until that is trained again
SELECT version, deployed FROM custseg.train('base', 'customer', '{x}', 3, options => '{"silhouette_sample": 0, "seed": 7}', deploy => true);
SELECT name, is_stale FROM custseg.models ORDER BY name;
SELECT segment_path, is_stale FROM custseg.segment_tree WHERE root = 'base' AND depth > 1 ORDER BY segment_path;
SELECT retrain, urgency, reasons FROM custseg.needs_retraining('middle', 'customer');
SELECT reasons FROM custseg.needs_retraining('deep', 'customer');
SELECT version, n_rows FROM custseg.retrain('middle', deploy => true);
SELECT name, is_stale FROM custseg.models ORDER BY name;
SELECT version, n_rows FROM custseg.train('deep', 'customer', '{z}', 2, options => :'quiet', deploy => true);
SELECT model, version, parent_model, parent_version, segment FROM custseg.model_within ORDER BY model, version;
SELECT custseg.rollback('base'), custseg.drop_model('middle', 1);
SELECT name, is_stale FROM custseg.models ORDER BY name;
SELECT custseg.deploy('base', 2);
SELECT model, version FROM custseg.model_within ORDER BY model, version;
-- a segment that a new version does not have leads nowhere
SELECT version FROM custseg.train('base', 'customer', '{x}', 1, options => :'quiet', deploy => true);
SELECT segment_path, n FROM custseg.path_sizes('base');
SELECT fails($$SELECT custseg.retrain('middle')$$);
SELECT custseg.deploy('base', 2);

-- exported, dropped and imported
CREATE TABLE exported AS SELECT name, custseg.export_model(name, whole => true) AS model FROM custseg.model;
SELECT name, v -> 'within' AS within FROM exported, jsonb_array_elements(model -> 'versions') v ORDER BY 1, 2;
SELECT fails($$SELECT custseg.drop_model('base', whole => true)$$);
SELECT fails($$SELECT custseg.drop_model('middle', whole => true)$$);
CREATE TABLE before AS SELECT id, custseg.predict_path('base', c) FROM customer c;
SELECT custseg.drop_model('deep', whole => true), custseg.drop_model('middle', whole => true), custseg.drop_model('base', whole => true, ignore_triggers => true);
SELECT count(*) FROM custseg.model_within;
SELECT fails($$SELECT custseg.import_model(model) FROM exported WHERE name = 'middle'$$);
SELECT i.model, i.version, i.deployed FROM exported e, custseg.import_model(e.model, adopt_source => true) i WHERE e.name = 'base';
SELECT i.model, i.version, i.deployed FROM exported e, custseg.import_model(e.model, adopt_source => true) i WHERE e.name = 'middle';
SELECT i.model, i.version, i.deployed FROM exported e, custseg.import_model(e.model, adopt_source => true) i WHERE e.name = 'deep';
SELECT count(*) AS differ FROM (TABLE before EXCEPT SELECT id, custseg.predict_path('base', c) FROM customer c) d;
SELECT name, parent_model, parent_segment, is_stale FROM custseg.models ORDER BY name;
SELECT fails($$SELECT custseg.import_model(model, 'another') FROM exported WHERE name = 'middle'$$);
SELECT fails($$SELECT custseg.import_model(model, 'middle', add_version => true) FROM exported WHERE name = 'base'$$);
SELECT fails($$SELECT custseg.import_model(jsonb_set(model, '{versions,0,within}', '{"model": "base"}'), 'another') FROM exported WHERE name = 'middle'$$);
SELECT fails($$SELECT custseg.import_model(jsonb_set(model, '{versions,0,within}', '{"model": "another", "segment": 1, "version": 1}'), 'another') FROM exported WHERE name = 'base'$$);

-- errors
CREATE FUNCTION within(model text, parent text, segment text) RETURNS text LANGUAGE sql
RETURN fails(format('SELECT custseg.train(%L, ''customer'', ''{y}'', 2, options => %L)', model, format('{"silhouette_sample": 0, "within": {"model": %s, "segment": %s}}', to_json(parent), segment)));
SELECT within('new', 'base', '9');
SELECT within('new', 'base', '"none"');
SELECT within('new', 'base', '-1');
SELECT within('new', 'base', 'null');
SELECT within('new', 'nobody', '1');
SELECT within('new', 'new', '1');
SELECT within('base', 'base', '1');
SELECT within('base', 'deep', '1');
SELECT within('base', 'middle', '1');
SELECT within('middle', 'base', '1');
SELECT within('new', 'base', '2');
SELECT fails($$SELECT custseg.train('new', 'customer', '{y}', 2, options => '{"within": "base"}')$$);
SELECT fails($$SELECT custseg.train('new', 'customer', '{y}', 2, options => '{"within": {"model": "base", "segment": 1, "version": 1}}')$$);
SELECT fails($$SELECT custseg.train('new', 'SELECT id, y FROM customer', '{y}', 2, options => '{"within": {"model": "base", "segment": 1}}')$$);
SELECT split_part(fails($$SELECT custseg.choose_k('customer', '{y}', options => '{"within": {"model": "base", "segment": 1}}')$$), E'\n', 1);
SELECT custseg.name_segment('base', 1, 'same'), custseg.name_segment('base', 3, 'same');
SELECT within('new', 'base', '"same"');
SELECT count(*) FROM custseg.train_value('value', 'customer', 'z', '{y}', 'linear', options => '{"ridge": 1}');
SELECT within('new', 'value', '1');
-- eight levels, and no more
DO $$
BEGIN
    FOR i IN 2..8 LOOP
        PERFORM custseg.train('level ' || i, 'customer', '{y}', 1, options => jsonb_build_object('silhouette_sample', 0, 'within', jsonb_build_object('model', CASE WHEN i = 2 THEN 'base' ELSE 'level ' || i - 1 END, 'segment', CASE WHEN i = 2 THEN 3 ELSE 1 END)));
    END LOOP;
END $$;
SELECT custseg.predict_path('base', '{"x": 200, "y": 1, "z": 1}');
SELECT within('level 9', 'level 8', '1');
SELECT count(*), max(depth) FROM custseg.segment_tree WHERE root = 'base';

-- the owner of a model decides what is within it; who uses a path needs every model of it
CREATE ROLE regress_cs_within;
GRANT USAGE ON SCHEMA within_test TO regress_cs_within;
GRANT SELECT ON customer TO regress_cs_within;
SELECT custseg.grant_model('base', 'regress_cs_within');
SET ROLE regress_cs_within;
SELECT within('theirs', 'base', '1');
SELECT fails($$SELECT custseg.predict_path('base', c) FROM customer c WHERE id = 301$$);
SELECT custseg.predict_path('base', c) FROM customer c WHERE id = 1;
SELECT root, count(*) FROM custseg.segment_tree GROUP BY root;
RESET ROLE;
SELECT custseg.grant_model('middle', 'regress_cs_within'), custseg.grant_model('deep', 'regress_cs_within');
SET ROLE regress_cs_within;
SELECT custseg.predict_path('base', c) FROM customer c WHERE id = 301;
SELECT count(*) FROM custseg.score('middle', 'customer');
RESET ROLE;
SELECT custseg.revoke_model('base', 'regress_cs_within');
SET ROLE regress_cs_within;
SELECT fails($$SELECT count(*) FROM custseg.score('middle', 'customer')$$);
SELECT name, is_stale FROM custseg.models ORDER BY name;
RESET ROLE;

SET client_min_messages = warning;
DELETE FROM custseg.model_within;
SELECT DISTINCT custseg.drop_model(name, whole => true, ignore_triggers => true, forget_exclusions => true) FROM custseg.model;
DROP OWNED BY regress_cs_within;
DROP ROLE regress_cs_within;
DROP SCHEMA within_test CASCADE;
\i :root/test/clean.sql
