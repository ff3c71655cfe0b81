--
-- Bad input: each kind has its SQLSTATE, says what was wrong and what to write instead, and leaves
-- nothing behind.
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS errors_test CASCADE;
DROP ROLE IF EXISTS regress_cs_stranger;
CREATE SCHEMA errors_test;
SET search_path = errors_test, public;

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
-- The same of a training; "more" is what follows the source
CREATE FUNCTION training(source text, more text) RETURNS text LANGUAGE sql AS
$$ SELECT fails(format('SELECT custseg.train(%L, %L, %s)', 'bad', source, more)) $$;
-- The same of a training on good data, with options or preparation
CREATE FUNCTION options(options jsonb) RETURNS text LANGUAGE sql AS
$$ SELECT training('customer', format('''{recency,monetary}'', 3, options => %L', options)) $$;
CREATE FUNCTION preparation(prep jsonb) RETURNS text LANGUAGE sql AS
$$ SELECT training('customer', format('''{recency,monetary,channel}'', 3, prep => %L', prep)) $$;

CREATE TABLE customer (id int PRIMARY KEY, recency int, monetary float8, channel text, joined date, member bool);
INSERT INTO customer
SELECT i, CASE WHEN i <= 60 THEN 10 WHEN i <= 90 THEN 100 ELSE 300 END + i % 7,
       CASE WHEN i <= 60 THEN 50 WHEN i <= 90 THEN 400 ELSE 900 END + i % 5,
       CASE WHEN i <= 60 THEN 'shop' WHEN i <= 90 THEN 'web' ELSE 'phone' END, date '2024-01-01' + i % 3, i % 2 = 0
FROM generate_series(1, 100) i;
SELECT version FROM custseg.train('good', 'customer', '{recency,monetary,channel,joined,member}', 3);
CREATE VIEW stored AS
SELECT (SELECT count(*) FROM custseg.model) AS models, (SELECT count(*) FROM custseg.model_version) AS versions,
       (SELECT count(*) FROM custseg.feature) AS features, (SELECT count(*) FROM custseg.segment) AS segments,
       (SELECT count(*) FROM custseg.deployment) AS deployments, (SELECT count(*) FROM custseg.model_grant) AS grants,
       (SELECT count(*) FROM custseg.migration) AS moves, (SELECT md5(string_agg(m::text, ',' ORDER BY name)) FROM custseg.model m) AS model,
       (SELECT md5(string_agg(s::text, ',' ORDER BY s.model, s.version, s.segment)) FROM custseg.segment s) AS segment;
CREATE TABLE before AS SELECT * FROM stored;
RESET client_min_messages;
\pset format unaligned
\pset tuples_only on

--
-- Sources
--
SELECT training('nowhere', '''{a}'', 2');
SELECT training('Nowhere', '''{a}'', 2');
SELECT training('no_schema.customer', '''{a}'', 2');
SELECT training('', '''{a}'', 2');
SELECT training('  ', '''{a}'', 2');
SELECT training('"unfinished', '''{a}'', 2');
SELECT training('a.b.c.d', '''{a}'', 2');
SELECT training('customer_pkey', '''{a}'', 2');
CREATE SEQUENCE numbers;
SELECT training('numbers', '''{a}'', 2');
SELECT fails($$SELECT custseg.train('bad', NULL, '{a}', 2)$$);
SELECT training('customer', '''{recency,nothing}'', 2');
SELECT training('SELECT 1 AS one', '''{two}'', 2');
SELECT training('SELECT FROM customer', '''{a}'', 2');
SELECT training('SELECT nothing FROM customer', '''{a}'', 2');
SELECT training('SELECT 1 AS a, 2 AS a', '''{a}'', 2');
SELECT training('SELECT syntax error here', '''{a}'', 2');
SELECT training('SELECT 1 AS a; SELECT 2 AS a', '''{a}'', 2');
SELECT training('SELECT', '''{a}'', 2');
SELECT training('SELECT $1 AS a', '''{a}'', 2');
-- that do not only read
SELECT training('INSERT INTO customer VALUES (1)', '''{a}'', 2');
SELECT training('UPDATE customer SET recency = 1 RETURNING recency', '''{recency}'', 2');
SELECT training('DROP TABLE customer', '''{a}'', 2');
SELECT training('EXPLAIN SELECT 1', '''{a}'', 2');
SELECT training('WITH gone AS (DELETE FROM customer RETURNING *) SELECT * FROM gone', '''{recency}'', 2');
SELECT training('WITH a AS (SELECT 1) INSERT INTO customer SELECT 1', '''{recency}'', 2');
SELECT training('SELECT * INTO copied FROM customer', '''{recency}'', 2');
SELECT training('SELECT * FROM customer FOR UPDATE', '''{recency}'', 2');
SELECT training('SELECT * FROM (SELECT * FROM customer FOR SHARE) c', '''{recency}'', 2');
SELECT training('SELECT recency / (recency - 11) AS a FROM customer', '''{a}'', 2');
SELECT count(*), min(id) FROM customer;

--
-- Rows and columns
--
SELECT training('SELECT * FROM customer WHERE false', '''{recency}'', 2');
CREATE TABLE empty (id int, a int);
SELECT training('empty', '''{a}'', 1');
SELECT training('SELECT NULL::int AS a, i AS b FROM generate_series(1, 5) i', '''{a,b}'', 2, prep => ''{"impute": "skip"}''');
SELECT training('SELECT NULL::int AS a, i AS b FROM generate_series(1, 5) i', '''{a,b}'', 2');
SELECT training('SELECT ''NaN''::float8 AS a, i AS b FROM generate_series(1, 5) i', '''{a,b}'', 2');
SELECT training('SELECT NULL::text AS a, NULL::text AS b FROM generate_series(1, 5) i', '''{a,b}'', 2');
SELECT training('SELECT 7 AS a, ''x'' AS b, true AS c FROM generate_series(1, 5) i', '''{a,b,c}'', 2');
SELECT training('SELECT 7 AS a FROM generate_series(1, 5) i', '''{a}'', 1');
SELECT training('SELECT 7 AS a, i::text AS b, NULL::date AS c, ARRAY[i] AS d FROM generate_series(1, 5) i', 'k => 2');
SELECT training('SELECT i AS id FROM generate_series(1, 5) i', 'k => 2, id => ''id''');
SELECT training('SELECT ARRAY[i] AS d FROM generate_series(1, 5) i', 'k => 2');
SELECT training('SELECT FROM generate_series(1, 5) i', 'k => 2');
SELECT training('SELECT i AS b, CASE WHEN i < 3 THEN ''infinity''::float8 ELSE i END AS a FROM generate_series(1, 5) i', '''{a,b}'', 2');
SELECT training('SELECT CASE WHEN i = 3 THEN ''-infinity''::float4 ELSE i END AS "A b" FROM generate_series(1, 5) i', '''{"A b"}'', 2');
SELECT training('SELECT CASE WHEN i = 3 THEN ''infinity''::date ELSE date ''2024-01-01'' + i END AS a FROM generate_series(1, 5) i', '''{a}'', 2');
SELECT training('SELECT CASE WHEN i = 3 THEN ''-infinity''::timestamptz ELSE now() END AS a FROM generate_series(1, 5) i', '''{a}'', 2');
SELECT training('SELECT CASE WHEN i = 3 THEN ''infinity''::numeric ELSE i END AS a FROM generate_series(1, 5) i', '''{a}'', 2');
SELECT training('SELECT 1e999::numeric * i AS a FROM generate_series(1, 5) i', '''{a}'', 2');
SELECT training('SELECT 1e300 * (i - 3)::float8 AS a FROM generate_series(1, 5) i', '''{a}'', 2, prep => ''{"scale": "none"}''');
SELECT training('SELECT 1e-200 * i AS a FROM generate_series(1, 5) i', '''{a}'', 2, prep => ''{"scale": "none"}''');
SELECT training(format('SELECT i, %s AS a FROM generate_series(1, 5) i', expression), '''{i,a}'', 2')
FROM unnest(ARRAY['ARRAY[i]', '''{}''::json', '''{}''::jsonb', '''a''::bytea', 'point(i, i)', 'ROW(i, i)', '''::1''::inet', 'int4range(1, 2)', 'tsvector ''a''']) expression;
-- names
SELECT training('customer', '''{recency,recency}'', 2');
SELECT training('customer', '''{recency,NULL}'', 2');
SELECT training('customer', '''{}'', 2');
SELECT training('customer', '''{""}'', 2');
SELECT training('customer', '''{Recency}'', 2');
-- identifiers
SELECT training('customer', '''{recency}'', 2, id => ''nothing''');
SELECT training('customer', '''{recency}'', 2, id => ''recency''');
SELECT training('SELECT nullif(id, 3) AS id, recency FROM customer', '''{recency}'', 2, id => ''id''');
SELECT training('SELECT i / 2 AS id, i FROM generate_series(2, 5) i', '''{i}'', 2, id => ''id''');
SELECT training('SELECT ''{}''::json AS id, i FROM generate_series(1, 5) i', '''{i}'', 2, id => ''id''');

--
-- Model, k, algorithm
--
SELECT fails($$SELECT custseg.train('', 'customer', '{recency}', 2)$$);
SELECT fails(format('SELECT custseg.train(%L, %L, %L, 2)', repeat('x', 64), 'customer', '{recency}'));
SELECT fails(format('SELECT custseg.train(%L, %L, %L, 2)', repeat('ä', 32), 'customer', '{recency}'));
SELECT fails($$SELECT custseg.train(NULL, 'customer', '{recency}', 2)$$);
SELECT training('customer', '''{recency}'', 0');
SELECT training('customer', '''{recency}'', -1');
SELECT training('customer', '''{recency}'', 1000000000');
SELECT training('customer', '''{recency}'', 10001');
SELECT training('customer', '''{recency}'', 101');
SELECT training('SELECT nullif(i, 2) AS i FROM generate_series(1, 5) i', '''{i}'', 5, prep => ''{"impute": "skip"}''');
-- the hint lists all there are
SELECT regexp_replace(training('customer', format('''{recency}'', 2, algorithm => %L', name)), ': kmeans, [a-z, ]+\.$', ': kmeans, ...')
FROM unnest('{magic,""}'::text[]) name;
-- a message lists the algorithms that there are, and the first one is the default everywhere
CREATE TABLE listed AS
SELECT string_agg(algorithm, ', ' ORDER BY position) AS algorithms, min(algorithm) FILTER (WHERE position = 1) AS usual
FROM custseg.algorithms() WITH ORDINALITY AS found (algorithm, segment_kind, number_of_segments, has_noise, memory, keeps, duration, position);
SELECT training('customer', '''{recency}'', 2, algorithm => ''magic''') LIKE '%: ' || algorithms || '.' AS all_are_listed FROM listed;
SELECT count(*) > 0 AS some, bool_and(pg_get_function_arg_default(p.oid, a.position::int) = quote_literal(usual) || '::text') AS all_are_usual
FROM listed, pg_proc p, unnest(p.proargnames) WITH ORDINALITY AS a(name, position)
WHERE p.pronamespace = 'custseg'::regnamespace AND a.name = 'algorithm' AND a.position <= p.pronargs AND p.proname !~ '^train_';
DROP TABLE listed;
SELECT training('customer', '''{recency}'', 2, algorithm => NULL');

--
-- Options
--
SELECT options('{"n_inits": 3}');
SELECT options('{"": 3}');
SELECT options('{"n_init": 3, "N_INIT": 3}');
SELECT options('[]');
SELECT options('3');
SELECT options('{"n_init": "3"}');
SELECT options('{"n_init": 0}');
SELECT options('{"n_init": 1.5}');
SELECT options('{"n_init": 1e20}');
SELECT options('{"n_init": [1]}');
SELECT options('{"max_iter": 0}');
SELECT options('{"max_iter": true}');
SELECT options('{"tol": -1}');
SELECT options('{"tol": 1e999}');
SELECT options('{"tol": "small"}');
SELECT options('{"seed": 0.5}');
SELECT options('{"seed": 1e30}');
SELECT options('{"algorithm": "fast"}');
SELECT options('{"algorithm": 1}');
SELECT options('{"silhouette_sample": -1}');
-- centres to start from
SELECT options('{"init": 1}');
SELECT options('{"init": []}');
SELECT options('{"init": [1, 2, 3]}');
SELECT options('{"init": [[]]}');
SELECT options('{"init": [[1, 2], [3, 4], [5]]}');
SELECT options('{"init": [[1, 2], [3, 4], [5, "6"]]}');
SELECT options('{"init": [[1, 2], [3, 4], [5, null]]}');
SELECT options('{"init": [[1, 2], [3, 4], [5, 1e999]]}');
SELECT options('{"init": [[1, 2], [3, 4]]}');
SELECT options('{"init": [[1, 2, 3], [3, 4, 5], [5, 6, 7]]}');
SELECT options('{"init": {"a": 1}}');
SELECT training('customer', '''{recency,monetary}'', options => ''{"init": [[1], [2]]}''');
-- weights
SELECT options('{"weight": "nothing"}');
SELECT options('{"weight": 1}');
SELECT options('{"weight": "channel"}');
SELECT training('SELECT i, i - 3 AS w FROM generate_series(1, 5) i', '''{i}'', 2, options => ''{"weight": "w"}''');
SELECT training('SELECT i, ''NaN''::float8 AS w FROM generate_series(1, 5) i', '''{i}'', 2, options => ''{"weight": "w"}''');
SELECT training('SELECT i, ''infinity''::float8 AS w FROM generate_series(1, 5) i', '''{i}'', 2, options => ''{"weight": "w"}''');
SELECT training('SELECT i, NULL::int AS w FROM generate_series(1, 5) i', '''{i}'', 2, options => ''{"weight": "w"}''');

--
-- Preparation
--
SELECT preparation('{"scaling": "standard"}');
SELECT preparation('{"Scale": "standard"}');
SELECT preparation('[]');
SELECT preparation('"none"');
SELECT preparation('{"scale": "big"}');
SELECT preparation('{"scale": 1}');
SELECT preparation('{"impute": "guess"}');
SELECT preparation('{"impute": "constant"}');
SELECT preparation('{"impute": "level", "columns": {"recency": {"impute": "level"}}}');
SELECT preparation('{"impute": "knn", "neighbors": 0}');
SELECT preparation('{"impute": "knn", "neighbors": 2.5}');
SELECT preparation('{"neighbors": "many"}');
SELECT preparation('{"clip": "hard"}');
SELECT preparation('{"clip": "iqr", "clip_limit": -1}');
SELECT preparation('{"clip": "quantile", "clip_limit": 0.5}');
SELECT preparation('{"clip_limit": "far"}');
SELECT preparation('{"encode": "binary"}');
SELECT preparation('{"encode": "ordinal"}');
SELECT preparation('{"drop_first": "yes"}');
SELECT preparation('{"levels": "a"}');
SELECT preparation('{"pca": 0}');
SELECT preparation('{"pca": -1}');
SELECT preparation('{"pca": 1.5}');
SELECT preparation('{"pca": 99}');
SELECT preparation('{"pca": "all"}');
-- of single columns
SELECT preparation('{"columns": []}');
SELECT preparation('{"columns": {"nothing": {"scale": "none"}}}');
SELECT preparation('{"columns": {"joined": {"scale": "none"}}}');
SELECT preparation('{"columns": {"recency": "none"}}');
SELECT preparation('{"columns": {"recency": {"scaling": "none"}}}');
SELECT preparation('{"columns": {"recency": {"pca": 2}}}');
SELECT preparation('{"columns": {"recency": {"encode": "onehot"}}}');
SELECT preparation('{"columns": {"recency": {"impute": "constant", "constant": "a"}}}');
SELECT preparation('{"columns": {"channel": {"clip": "iqr"}}}');
SELECT preparation('{"columns": {"channel": {"transform": "log1p"}}}');
SELECT preparation('{"columns": {"channel": {"impute": "median"}}}');
SELECT preparation('{"columns": {"channel": {"impute": "constant", "constant": 3}}}');
SELECT preparation('{"columns": {"channel": {"encode": "ordinal"}}}');
SELECT preparation('{"columns": {"channel": {"encode": "ordinal", "levels": []}}}');
SELECT preparation('{"columns": {"channel": {"encode": "ordinal", "levels": ["web", "web"]}}}');
SELECT preparation('{"columns": {"channel": {"encode": "ordinal", "levels": ["web", 1]}}}');
SELECT preparation('{"columns": {"channel": {"encode": "ordinal", "levels": ["fax"]}}}');
SELECT preparation('{"columns": {"channel": {"encode": "ordinal", "levels": ["web"], "impute": "error"}}}');
SELECT preparation('{"columns": {"channel": {"encode": "ordinal", "levels": ["shop", "web", "phone"], "impute": "level"}}}');
SELECT preparation('{"columns": {"channel": {"encode": "ordinal", "levels": ["shop", "web", "phone"], "impute": "constant", "constant": "fax"}}}');
-- values that a step cannot take
SELECT training('SELECT i - 3 AS i FROM generate_series(1, 5) i', '''{i}'', 2, prep => ''{"transform": "log1p"}''');
SELECT training('SELECT nullif(i, 3) AS i FROM generate_series(1, 5) i', '''{i}'', 2, prep => ''{"impute": "error"}''');
SELECT training('SELECT nullif(i, 3) AS a, nullif(i, 4) AS b FROM generate_series(1, 5) i', '''{a,b}'', 2, prep => ''{"impute": "knn", "neighbors": 4}''');

--
-- Models and versions
--
SELECT fails($$SELECT custseg.predict('nobody', c) FROM customer c$$);
SELECT fails($$SELECT custseg.predict('', c) FROM customer c$$);
SELECT fails($$SELECT custseg.predict('GOOD', c) FROM customer c$$);
SELECT fails($$SELECT custseg.predict('good', c, 2) FROM customer c$$);
SELECT fails($$SELECT custseg.predict('good', c, 0) FROM customer c$$);
SELECT fails($$SELECT custseg.predict('good', c, -1) FROM customer c$$);
SELECT fails($$SELECT custseg.predict_name('nobody', c) FROM customer c$$);
SELECT fails($$SELECT custseg.predict_detail('nobody', c) FROM customer c$$);
SELECT fails($$SELECT custseg.explain('nobody', c) FROM customer c$$);
SELECT fails($$SELECT custseg.score('nobody')$$);
SELECT fails($$SELECT custseg.score('good', version => 7)$$);
SELECT fails($$SELECT custseg.scorer('nobody')$$);
SELECT fails($$SELECT custseg.scorer('good', 7)$$);
SELECT fails($$CALL custseg.resegment('nobody', 'customer')$$);
SELECT fails($$CALL custseg.resegment('good', 'nowhere')$$);
SELECT fails($$CALL custseg.resegment('good', 'stored')$$);
SELECT fails($$CALL custseg.resegment('good', 'customer')$$);
SELECT fails($$CALL custseg.resegment('good', 'customer', 'channel')$$);
SELECT fails($$CALL custseg.resegment('good', 'empty', 'a')$$);
SELECT fails($$CALL custseg.resegment('good', 'customer', version => 0)$$);
SELECT fails($$SELECT custseg.deploy('nobody', 1)$$);
SELECT fails($$SELECT custseg.deploy('good', 7)$$);
SELECT fails($$SELECT custseg.deploy('good', -7)$$);
SELECT fails($$SELECT custseg.deploy('good', NULL)$$);
SELECT fails($$SELECT custseg.deploy(NULL, 1)$$);
SELECT fails($$SELECT custseg.deploy('', 1)$$);
SELECT fails($$SELECT custseg.rollback('nobody')$$);
SELECT fails($$SELECT custseg.rollback('good')$$);
SELECT fails($$SELECT custseg.drop_model('nobody', whole => true)$$);
SELECT fails($$SELECT custseg.drop_model('good', 1)$$);
SELECT fails($$SELECT custseg.drop_model('good', 7)$$);
SELECT fails($$SELECT custseg.drop_model(model => 'good')$$);
SELECT fails($$SELECT custseg.drop_model('good', (SELECT version FROM custseg.model_version WHERE model = 'nobody'))$$);
SELECT fails($$SELECT custseg.drop_model('good', 1, whole => true)$$);
SELECT fails($$SELECT custseg.drop_model('good', whole => NULL)$$);
SELECT fails($$SELECT custseg_private.bind_role()$$);
CREATE TABLE errors_named (x int, segment int);
CREATE TRIGGER by_version BEFORE INSERT ON errors_named FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('good', 'segment', '2');
CREATE TRIGGER deployed BEFORE INSERT ON errors_named FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('good', 'segment');
SELECT fails($$SELECT custseg.drop_model('good', 2)$$);
SELECT fails($$SELECT custseg.drop_model('good', whole => true)$$);
DROP TABLE errors_named;
SELECT fails($$SELECT custseg.name_segment('nobody', 1, 'x')$$);
SELECT fails($$SELECT custseg.name_segment('good', 7, 'x')$$);
SELECT fails($$SELECT custseg.name_segment('good', NULL, 'x')$$);
SELECT fails($$SELECT custseg.name_segment('good', 1, '')$$);
SELECT fails($$SELECT custseg.grant_model('nobody', 'public')$$);
SELECT fails($$SELECT custseg.grant_model('good', 'regress_cs_nobody')$$);
SELECT fails($$SELECT custseg.revoke_model('good', NULL)$$);

--
-- Customers
--
SELECT fails($$SELECT custseg.predict('good', c) FROM (SELECT recency, channel, joined, member FROM customer) c$$);
SELECT fails($$SELECT custseg.predict('good', c) FROM (SELECT id FROM customer) c$$);
SELECT fails($$SELECT custseg.predict('good', ROW(1, 2))$$);
SELECT fails($$SELECT custseg.predict('good', c) FROM (SELECT *, 1 AS recency FROM customer) c$$);
SELECT fails($$SELECT custseg.predict('good', 1)$$);
SELECT fails($$SELECT custseg.predict('good', '{}'::json)$$);
SELECT fails($$SELECT custseg.predict('good', 'x'::text)$$);
SELECT fails($$SELECT custseg.predict('good', '{"recency": 1}')$$);
SELECT fails($$SELECT custseg.predict('good', ARRAY[c]) FROM customer c$$);
SELECT fails($$SELECT custseg.predict('good', c) FROM (SELECT recency::text AS recency, monetary, channel, joined, member FROM customer) c$$);
SELECT fails($$SELECT custseg.predict('good', c) FROM (SELECT recency, monetary, 1 AS channel, joined, member FROM customer) c$$);
SELECT fails($$SELECT custseg.predict('good', c) FROM (SELECT recency, monetary, channel, interval '1 day' AS joined, member FROM customer) c$$);
SELECT fails($$SELECT custseg.predict('good', c) FROM (SELECT recency, monetary, channel, joined, 1 AS member FROM customer) c$$);
SELECT fails($$SELECT custseg.predict('good', c) FROM (SELECT ARRAY[recency] AS recency, monetary, channel, joined, member FROM customer) c$$);
SELECT fails($$SELECT custseg.predict_detail('good', c) FROM (SELECT id FROM customer) c$$);
SELECT fails($$SELECT custseg.explain('good', c) FROM (SELECT id FROM customer) c$$);
SELECT fails($$SELECT custseg.predict(custseg.scorer('good'), c) FROM (SELECT id FROM customer) c$$);
SELECT fails($$SELECT custseg.predict(custseg.scorer('good'), 1)$$);
SELECT fails($$SELECT custseg.score('good', 'SELECT id FROM customer')$$);
SELECT fails($$SELECT custseg.score('good', 'SELECT recency::text AS recency, monetary, channel, joined, member FROM customer')$$);
SELECT fails(format('SELECT custseg.predict(''good'', %L::jsonb)', j))
FROM unnest(ARRAY['[]', '1', 'null', '{}', '{"recency": 1}',
    '{"recency": "1", "monetary": 1, "channel": "web", "joined": "2024-01-01", "member": true}',
    '{"recency": 1, "monetary": [1], "channel": "web", "joined": "2024-01-01", "member": true}',
    '{"recency": 1, "monetary": 1, "channel": 7, "joined": "2024-01-01", "member": true}',
    '{"recency": 1, "monetary": 1, "channel": "web", "joined": 7, "member": true}',
    '{"recency": 1, "monetary": 1, "channel": "web", "joined": "some day", "member": true}',
    '{"recency": 1, "monetary": 1, "channel": "web", "joined": "2024-01-01", "member": 1}',
    '{"recency": 1, "monetary": 1, "channel": "web", "joined": "2024-01-01", "member": {"a": 1}}']) j;

--
-- Limits
--
CREATE FUNCTION wide(expression text, n int) RETURNS text LANGUAGE sql AS
$$ SELECT format('SELECT %s FROM generate_series(1, 64) i', string_agg(format('%s AS c%s', expression, g), ', ')) FROM generate_series(1, n) g $$;
CREATE FUNCTION names(n int) RETURNS text LANGUAGE sql AS
$$ SELECT quote_literal(array_agg('c' || g)) FROM generate_series(1, n) g $$;
SELECT training('SELECT a, a AS b, a AS c FROM (SELECT array_fill((i % 7)::real, ARRAY[2048]) AS a FROM generate_series(1, 20) i) s', 'k => 2');
SELECT training('SELECT a, a AS b, a AS c FROM (SELECT array_fill((i % 7)::real, ARRAY[2048]) AS a FROM generate_series(1, 20) i) s', '''{a,b,c}'', 2');
SELECT training(wide($$'level ' || i$$, 65), names(65) || ', 2');
SELECT training('SELECT i::text AS x FROM generate_series(1, 100001) i', '''{x}'', 2');
SELECT training('SELECT 1e150 * (i % 7) AS x, 1e150 * (i % 3) AS y FROM generate_series(1, 100) i', $$'{x,y}', 2, 'gmm', prep => '{"scale": "none"}', options => '{"weight": "y"}'$$);

--
-- What the moment forbids: another's model, memory, a transaction that only reads
--
CREATE ROLE regress_cs_stranger;
GRANT USAGE ON SCHEMA errors_test TO regress_cs_stranger;
GRANT SELECT ON customer TO regress_cs_stranger;
SET ROLE regress_cs_stranger;
SELECT fails($$SELECT custseg.train('good', 'customer', '{recency}', 2)$$);
SELECT fails($$SELECT custseg.predict('good', c) FROM customer c$$);
SELECT fails($$SELECT custseg.train('bad', 'before', '{models}', 2)$$);
RESET ROLE;

SET maintenance_work_mem = '1MB';
SELECT regexp_replace(training('SELECT i, i * 2 AS j FROM generate_series(1, 200000) i', '''{i,j}'', 2, options => ''{"engine": "local"}'''), '[0-9]+( ?MB| = 0)', 'NN\1', 'g');
RESET maintenance_work_mem;

SET default_transaction_read_only = on;
SELECT fails($$SELECT custseg.train('bad', 'customer', '{recency}', 2)$$);
SELECT fails($$SELECT custseg.deploy('good', 1)$$);
SELECT fails($$SELECT custseg.rollback('good')$$);
SELECT fails($$SELECT custseg.name_segment('good', 1, 'x')$$);
SELECT fails($$SELECT custseg.drop_model('good', whole => true)$$);
SELECT fails($$SELECT custseg.grant_model('good', 'public')$$);
SELECT fails($$SELECT custseg.revoke_model('good', 'public')$$);
SELECT fails($$CALL custseg.resegment('good', 'customer')$$);
SELECT count(custseg.predict('good', c)) FROM customer c;
SELECT count(segment) FROM custseg.score('good');
RESET default_transaction_read_only;

--
-- Every function may be called with anything by anybody: it returns or raises an error, and no call is wrong itself
--
DO $$
DECLARE
    call text;
BEGIN
    FOR call IN
        SELECT format('SELECT count(r) FROM (SELECT %s(%s) OFFSET 0) AS t (r)', f.oid::regproc, (
            SELECT string_agg(coalesce(CASE
                WHEN a.type = 'text'::regtype THEN (ARRAY['''good''', '''customer''', '''recency'''])[least(a.i, 3)]
                WHEN a.type IN ('jsonb'::regtype, '"any"'::regtype) THEN quote_literal(s.json)
                WHEN a.type = 'text[]'::regtype THEN quote_literal(s.list) END, 'NULL') || '::' || CASE a.type
                WHEN '"any"'::regtype THEN 'jsonb' WHEN 'anyelement'::regtype THEN 'int' WHEN 'anyarray'::regtype THEN 'float8[]'
                ELSE a.type::regtype::text END, ', ' ORDER BY a.i)
            FROM unnest(f.proargtypes::oid[]) WITH ORDINALITY AS a (type, i)))
        FROM pg_proc f
        CROSS JOIN (VALUES (NULL, NULL), ('3', '{NULL,drift}'), ('[1, {"drift": 2}]', NULL), ('{"drift": [null]}', '{}')) AS s (json, list)
        WHERE f.pronamespace IN ('custseg'::regnamespace, 'custseg_private'::regnamespace) AND f.prokind = 'f'
            AND NOT f.proargtypes::oid[] && '{internal,cstring}'::regtype[]::oid[]
            AND f.prorettype <> ALL ('{trigger,event_trigger,cstring}'::regtype[])
    LOOP
        BEGIN
            EXECUTE call;
            RAISE EXCEPTION 'taken back';
        EXCEPTION WHEN OTHERS THEN
            IF SQLSTATE LIKE 'XX%' OR SQLSTATE IN ('42601', '42883', '42725') THEN
                RAISE WARNING '%: %', call, SQLERRM;
            END IF;
        END;
    END LOOP;
END $$;

--
-- Nothing was stored by any of this
--
SELECT * FROM stored EXCEPT SELECT * FROM before;
SELECT count(*) FROM custseg.model WHERE name = 'bad';
SELECT count(custseg.predict('good', c)) FROM customer c;
\pset tuples_only off
\pset format aligned

SELECT custseg.drop_model('good', whole => true);
SET client_min_messages = warning;
DROP SCHEMA errors_test CASCADE;
DROP ROLE regress_cs_stranger;
\i :root/test/clean.sql
