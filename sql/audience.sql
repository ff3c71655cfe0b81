--
-- Whom a campaign may address: create_audience_view(), in_audience().
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS audience_test CASCADE;
DROP ROLE IF EXISTS regress_cs_ann, regress_cs_crm;
CREATE SCHEMA audience_test;
GRANT ALL ON SCHEMA audience_test TO public;
SET search_path = audience_test, public;
RESET client_min_messages;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
CREATE ROLE regress_cs_ann;
CREATE ROLE regress_cs_crm;

SET ROLE regress_cs_ann;
CREATE TABLE customer AS SELECT i AS id, (i % 4)::float8 AS x, 'c' || i || '@example.org' AS "e-mail ""1""", NULL::int AS segment FROM generate_series(1, 400) i;
ALTER TABLE customer ADD PRIMARY KEY (id);
\set m '<b>''"émü‮/%s'
SELECT version FROM custseg.train(:'m', 'customer', '{x}', algorithm => 'rules', options => '{"segments": [{"name": "<i>high", "when": {"x": {"from": 2.5}}}, {"name": "low"}], "else": "low"}');
SELECT custseg.create_audience_view('"the ""best"" <b>"', :'m', 'customer', '{1}', '{"columns": ["e-mail \"1\""]}');
SELECT * FROM "the ""best"" <b>" ORDER BY id LIMIT 3;
SELECT count(*), bool_and(custseg.predict(:'m', c) = 1) AS of_the_segment FROM "the ""best"" <b>" v JOIN customer c USING (id);
-- decisions by hand hold at once
SELECT custseg.override_segment(:'m', 1, 1, 'key account'), custseg.override_segment(:'m', 3, 2, 'asked for it'), custseg.exclude(:'m', 7, 'objected'), custseg.exclude(NULL, 11, 'objected to all');
SELECT id FROM "the ""best"" <b>" WHERE id < 20 ORDER BY id;
-- by a column: what it says, but for who is excluded since
CALL custseg.resegment(:'m', 'customer');
SELECT custseg.exclude(:'m', 15, 'objected');
SELECT custseg.create_audience_view('by_column', :'m', 'SELECT id, segment AS s FROM audience_test.customer', '{1}', '{"column": "s"}');
SELECT id FROM by_column WHERE id < 24 ORDER BY id;
SELECT count(*) FROM by_column b FULL JOIN "the ""best"" <b>" a USING (id) WHERE a.id IS NULL OR b.id IS NULL;
-- all segments
SELECT custseg.create_audience_view('everybody', :'m', 'customer');
SELECT segment, segment_name, count(*) FROM everybody GROUP BY 1, 2 ORDER BY 1;

-- who is held out is not there, as long as the experiment runs
SELECT custseg.create_experiment('spring', :'m', '["control", "offer"]', '[{"metric": "x", "kind": "mean", "role": "primary", "effect": 1}]');
SELECT count(*) AS planned FROM everybody;
SELECT n_read, n_enrolled FROM custseg.enroll('spring', 'customer');
SELECT count(*) AS running, count(*) FILTER (WHERE custseg.variant('spring', id) = 'control') AS control FROM everybody;
SELECT bool_and(custseg.in_audience(:'m', id) = (custseg.variant('spring', id) = 'offer')) AS same FROM customer WHERE id NOT IN (7, 11, 15);
-- of two, each holds its own out; a view may be about one
SELECT custseg.create_experiment('autumn', :'m', '["control", "offer"]', '[{"metric": "x", "kind": "mean", "role": "primary", "effect": 1}]', '{"assignment": "blocked"}');
SELECT n_enrolled FROM custseg.enroll('autumn', 'customer');
SELECT custseg.create_audience_view('by_autumn', :'m', 'customer', options => '{"experiment": "autumn"}');
SELECT (SELECT count(*) FROM everybody) < (SELECT count(*) FROM by_autumn) AS fewer, (SELECT count(*) FROM by_autumn WHERE custseg.variant('autumn', id) = 'control') AS control, (SELECT count(*) FROM by_autumn) AS n;

-- the reader has his own rights: those of the view's owner do not help
GRANT SELECT ON everybody TO regress_cs_crm;
SET ROLE regress_cs_crm;
SELECT outcome('SELECT count(*) FROM everybody');
SET ROLE regress_cs_ann;
GRANT SELECT ON customer TO regress_cs_crm;
SELECT custseg.grant_model(:'m', 'regress_cs_crm');
SET ROLE regress_cs_crm;
SELECT outcome('SELECT count(*) FROM everybody');
SELECT outcome(format('SELECT custseg.in_audience(%L, 1)', :'m'));
SET ROLE regress_cs_ann;
SELECT custseg.track_changes(:'m', 'customer'), custseg.create_consumer('crm', :'m', 'regress_cs_crm');
SELECT count(*) AS n FROM everybody \gset
SET ROLE regress_cs_crm;
SELECT count(*) = :n AS reads FROM everybody;
SET ROLE regress_cs_ann;
SELECT custseg.end_experiment('spring'), custseg.end_experiment('autumn');
SELECT count(*) AS ended FROM everybody;

-- keys of several columns, and ids that other types name
CREATE TABLE stores AS SELECT 'north, ''1''' AS shop, i::numeric AS id, (i % 4)::float8 AS x FROM generate_series(1, 8) i;
SELECT version FROM custseg.train('stores', 'stores', '{x}', id => 'shop, id', algorithm => 'rules', options => '{"segments": [{"name": "high", "when": {"x": {"from": 2.5}}}, {"name": "low"}], "else": "low"}');
SELECT custseg.exclude('stores', ROW('north, ''1''', 3.0), 'objected');
SELECT custseg.create_audience_view('of_stores', 'stores', 'stores', '{1}');
SELECT * FROM of_stores;
SELECT custseg.in_audience('stores', ROW('north, ''1''', 3)) AS excluded, custseg.in_audience('stores', '("north, ''1''",3.00)') AS excluded, custseg.in_audience('stores', ROW('north, ''1''', 4)) AS other, custseg.in_audience('stores', NULL::text) AS nobody;

-- what is refused
SELECT outcome('SELECT custseg.create_audience_view(''everybody'', ''stores'', ''stores'')');
SELECT outcome('SELECT custseg.create_audience_view(''v'', ''nothing'', ''stores'')');
SELECT outcome('SELECT custseg.create_audience_view(''v'', ''stores'', ''nothing'')');
SELECT outcome('SELECT custseg.create_audience_view(''v'', ''stores'', ''stores'', ''{3}'')');
SELECT outcome('SELECT custseg.create_audience_view(''v'', ''stores'', ''stores'', ''{}'')');
SELECT outcome('SELECT custseg.create_audience_view(''v'', ''stores'', ''stores'', ''{1,NULL}'')');
SELECT outcome('SELECT custseg.create_audience_view(''v'', ''stores'', ''SELECT x FROM audience_test.stores'')');
SELECT outcome(format('SELECT custseg.create_audience_view(''v'', %L, ''customer'', options => ''{"columns": ["segment"]}'')', :'m'));
SELECT outcome(format('SELECT custseg.create_audience_view(''v'', %L, ''customer'', options => ''{"columns": ["none"]}'')', :'m'));
SELECT outcome(format('SELECT custseg.create_audience_view(''v'', %L, ''customer'', options => ''{"columns": [1]}'')', :'m'));
SELECT outcome(format('SELECT custseg.create_audience_view(''v'', %L, ''customer'', options => ''{"column": "x"}'')', :'m'));
SELECT outcome(format('SELECT custseg.create_audience_view(''v'', %L, ''customer'', options => ''{"experiment": "none"}'')', :'m'));
SELECT outcome('SELECT custseg.create_audience_view(''v'', ''stores'', ''stores'', options => ''{"experiment": "spring"}'')');
SELECT outcome('SELECT custseg.create_audience_view(NULL, ''stores'', ''stores'')');
SELECT outcome('SELECT custseg.create_audience_view(''v'', ''stores'', ''stores'', options => ''{"other": 1}'')');
SELECT outcome('SELECT custseg.in_audience(NULL, 1)');
SELECT outcome('SELECT custseg.in_audience(''stores'', 1)');
SELECT outcome('SELECT custseg.in_audience(''stores'', ROW(1, 2), ''none'')');

RESET ROLE;
SET client_min_messages = warning;
DROP SCHEMA audience_test CASCADE;
SELECT custseg.drop_model(name, whole => true, ignore_triggers => true, forget_exclusions => true) FROM custseg.model;
DROP ROLE regress_cs_ann, regress_cs_crm;
\i :root/test/clean.sql
