-- Tables whose pages the team reads: the same model as a statement's rows give, whatever lies in the pages, and for any number of
-- workers.

\set SHOW_CONTEXT never
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
SET client_min_messages = warning;
SET max_parallel_maintenance_workers = 2;

-- Does a table give one model by 0, 1, 2 and 4 workers, and by a statement that has to sort it out?  "t", or what the readings gave.
CREATE FUNCTION same_model(source text, features text[], prep jsonb DEFAULT '{}', options jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    prints text[] := ARRAY(SELECT training_fingerprint(source, features, 3, prep => prep, options => options, workers => w)
        FROM unnest(ARRAY[0, 1, 2, 4]) w);
    statement text := training_fingerprint(format('SELECT * FROM %s OFFSET 0', source), features, 3, prep => prep, options => options, workers => 2);
BEGIN
    RETURN CASE WHEN statement = ALL (prints) THEN 't' ELSE array_to_string(prints || statement, ' ') END;
END $$;

CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN points AS numeric(8, 2);

-- every type, some of them before columns of no fixed length
CREATE TABLE kinds AS
SELECT i AS id, (i * 37 % 101)::smallint AS small, i * 53 % 89 AS whole, (i::int8 * 7919) % 1009 AS big, (i * 31 % 97)::float4 / 7 AS single,
    (i * 61 % 83)::float8 / 3 AS double, (i * 13 % 71)::numeric / 11 AS numeric, (i % 57)::text::money AS money, i % 3 = 0 AS flag,
    date '2020-01-01' + i % 365 AS day, timestamp '2020-01-01' + i % 777 * interval '1 hour' AS moment,
    timestamptz '2020-01-01 UTC' + i % 555 * interval '1 minute' AS instant, i % 44 * interval '1 day' AS age, 'level ' || i % 17 AS text,
    ('v' || i % 5)::varchar(10) AS varchar, ('b' || i % 4)::char(5) AS bpchar, ('n' || i % 6)::name AS name, chr(65 + i % 7)::"char" AS char,
    (ARRAY['sad', 'ok', 'happy'])[1 + i % 3]::mood AS mood, (i % 19 + 0.25)::points AS domain, ARRAY[i % 23, i % 29]::float8[] AS wide,
    ARRAY[i % 7, nullif(i % 3, 0), i % 11]::float4[] AS gaps, CASE WHEN i % 5 <> 0 THEN i % 41 END AS some, i % 6 AS code, i % 4 + 0.5 AS weight
FROM generate_series(1, 11000) i;

SELECT f AS features, same_model('kinds', f::text[]) AS same
FROM unnest('{"{small,whole}","{big,single}","{numeric,money}","{double,flag,day}","{moment,instant,age}","{double,text}","{varchar,bpchar,single}","{name,char,big}","{mood,domain}","{wide,gaps}","{some,double}"}'::text[]) f;
SELECT same_model('kinds', '{small,whole,big,single,double,flag}') AS of_fixed_length,
    same_model('kinds', '{wide,text,some,mood,gaps,numeric}') AS mixed,
    same_model('kinds', NULL) AS all_of_use,
    same_model('kinds', '{double,code}', '{"columns": {"code": {"kind": "categorical"}}}') AS coded,
    same_model('kinds', '{double,gaps[1],wide[2]}') AS elements;
SELECT same_model('kinds', '{double,single}', options => '{"weight": "weight"}') AS weighted,
    same_model('kinds', '{double,some}', '{"impute": "skip"}') AS skipping,
    same_model('kinds', NULL, '{"impute": "skip"}') AS skipping_all,
    same_model('kinds', '{double,text}', '{"impute": "skip"}', '{"weight": "some"}') AS some_weights;

-- numbers before and behind NULLs, of nine columns and more, with values that are none; rows that are skipped among others
CREATE TABLE gappy AS
SELECT CASE WHEN i % 701 > 0 THEN i END AS early, i * 37 % 101 AS a, CASE WHEN i % 613 = 0 THEN 'NaN' ELSE (i * 53 % 89)::float8 END AS b, (i * 61 % 83)::int2 AS c,
    date '2020-01-01' + i % 365 AS d, i * 31 % 97 AS e, CASE WHEN i % 3 > 0 THEN i * 29 % 79 END AS f, i AS g, i AS h, i * 13 % 71 AS i, CASE WHEN i % 2 = 0 THEN 'late' END AS late
FROM generate_series(1, 11000) i;
SELECT prep, same_model('gappy', '{a,b}', prep) AS before, same_model('gappy', '{a,b,c,d,e}', prep) AS more, same_model('gappy', '{a,f}', prep) AS among, same_model('gappy', '{i,b}', prep) AS behind
FROM unnest('{"{}","{\"impute\": \"skip\"}"}'::jsonb[]) prep;
SELECT n_rows, n_skipped FROM custseg.train('skipped', 'gappy', '{a,b,f}', 3, prep => '{"impute": "skip"}');
SELECT skipped FROM custseg.model_version WHERE model = 'skipped';
SELECT custseg.drop_model('skipped', whole => true);

-- skipped rows are counted by their reasons
SELECT n_rows, n_skipped FROM custseg.train('skipped', 'kinds', '{double,some,gaps[1]}', 3, prep => '{"impute": "skip"}', options => '{"weight": "weight"}');
SELECT skipped FROM custseg.model_version WHERE model = 'skipped';

-- wide rows, long ones out of line, compressed ones
CREATE TABLE stored (id int, long text, level text, x float8, y numeric);
ALTER TABLE stored ALTER long SET STORAGE external, ALTER level SET STORAGE extended;
INSERT INTO stored SELECT i, repeat('x', 3000), repeat('level ' || i % 4, 600), i % 37, ('1.' || repeat('1', 1200))::numeric * (i % 13 + 1) FROM generate_series(1, 600) i;
SELECT same_model('stored', '{level,x}') AS out_of_line, same_model('stored', '{y,x}', '{"scale": "robust"}') AS long_numbers;

-- dropped columns, columns that old rows lack, dead rows
CREATE TABLE altered (id int, gone text, a float8, b int) WITH (autovacuum_enabled = off);
INSERT INTO altered SELECT i, 'gone', i * 37 % 101, i * 53 % 89 FROM generate_series(1, 5000) i;
ALTER TABLE altered DROP gone;
ALTER TABLE altered ADD added float8 DEFAULT 7, ADD said text DEFAULT 'nothing', ADD missing int;
INSERT INTO altered SELECT i, i * 37 % 101, i * 53 % 89, i % 11, 'level ' || i % 3, i % 5 FROM generate_series(5001, 12000) i;
SELECT same_model('altered', '{a,b}') AS dropped, same_model('altered', '{a,added,said,missing}') AS added;
DELETE FROM altered WHERE id % 3 = 0;
UPDATE altered SET a = a + 1000, said = 'updated ' || id % 7 WHERE id % 5 = 0;
SELECT same_model('altered', '{a,added,said,missing}') AS dead_rows;
DELETE FROM altered WHERE id < 9000;
SELECT same_model('altered', '{a,b,said}') AS mostly_dead;
CREATE TABLE never (LIKE altered);
SELECT outcome($$SELECT custseg.train('m', 'never', '{a,b}', 3)$$) AS empty;
TRUNCATE altered;
SELECT outcome($$SELECT custseg.train('m', 'altered', '{a,b}', 3)$$) AS truncated;

-- what the transaction itself has done, and undone
CREATE TABLE own (id int PRIMARY KEY, a float8, b float8, c text);
INSERT INTO own SELECT i, i * 37 % 101, i * 53 % 89, 'c' || i % 3 FROM generate_series(1, 6000) i;
BEGIN;
UPDATE own SET a = a + 500, c = 'mine' WHERE id % 4 = 0;
SAVEPOINT s;
DELETE FROM own WHERE id > 5000;
INSERT INTO own SELECT i, i % 7, i % 5, 'after' FROM generate_series(10001, 11000) i;
SELECT same_model('own', '{a,b,c}') AS within, n_rows FROM custseg.train('m', 'own', '{a,b,c}', 3);
ROLLBACK TO s;
UPDATE own SET b = b + 1 WHERE id % 4 = 0;
SELECT same_model('own', '{a,b,c}') AS undone, n_rows FROM custseg.train('m', 'own', '{a,b,c}', 3);
ROLLBACK;
SELECT same_model('own', '{a,b,c}') AS rolled_back;

-- partitions, whose columns are in another order; children; a table of the session; a materialized view
CREATE TABLE parts (region text, a float8, b int) PARTITION BY LIST (region);
CREATE TABLE north (b int, gone int, region text, a float8);
ALTER TABLE north DROP gone;
ALTER TABLE parts ATTACH PARTITION north FOR VALUES IN ('north');
CREATE TABLE south PARTITION OF parts FOR VALUES IN ('south') PARTITION BY RANGE (a);
CREATE TABLE south_low PARTITION OF south FOR VALUES FROM (MINVALUE) TO (50);
CREATE TABLE south_high PARTITION OF south FOR VALUES FROM (50) TO (MAXVALUE);
CREATE TABLE nowhere PARTITION OF parts DEFAULT;
INSERT INTO parts SELECT (ARRAY['north', 'south', 'west', 'south'])[1 + i % 4], i * 37 % 101, i * 53 % 89 FROM generate_series(1, 8000) i;
SELECT same_model('parts', '{region,a,b}') AS partitions, same_model('south', '{a,b}') AS partition;
CREATE TABLE child (extra text) INHERITS (own);
INSERT INTO child SELECT i, i % 7, i % 5, 'child', 'x' FROM generate_series(20001, 23000) i;
SELECT same_model('own', '{a,b,c}') AS children, n_rows FROM custseg.train('m', 'own', '{a,b,c}', 3);
CREATE TEMPORARY TABLE mine AS SELECT * FROM own;
SELECT same_model('mine', '{a,b,c}') AS temporary;
CREATE TABLE mixed (a float8, b int) PARTITION BY LIST (b);
CREATE MATERIALIZED VIEW view_of AS SELECT * FROM own WITH NO DATA;
SELECT outcome($$SELECT custseg.train('m', 'view_of', '{a,b}', 3)$$) AS unpopulated;
REFRESH MATERIALIZED VIEW view_of;
SELECT same_model('view_of', '{a,b,c}') AS materialized;
CREATE UNLOGGED TABLE unlogged AS SELECT * FROM own;
SELECT same_model('unlogged', '{a,b,c}') AS unlogged;

-- rights and policies are those of the caller
CREATE ROLE pages_reader;
CREATE TABLE guarded AS SELECT i AS id, i * 37 % 101 AS a, i * 53 % 89 AS b, i % 7 AS secret, i % 2 AS tenant FROM generate_series(1, 6000) i;
GRANT USAGE ON SCHEMA public TO pages_reader;
GRANT SELECT (id, a, b, tenant) ON guarded TO pages_reader;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO pages_reader;
SET ROLE pages_reader;
SELECT n_rows FROM custseg.train('granted', 'SELECT a, b FROM guarded', '{a,b}', 3);
SELECT outcome($$SELECT n_rows FROM custseg.train('theirs', 'guarded', '{a,b}', 3)$$) AS of_columns, outcome($$SELECT custseg.train('theirs', 'guarded', '{a,secret}', 3)$$) AS of_a_secret;
RESET ROLE;
GRANT SELECT ON guarded TO pages_reader;
CREATE POLICY own_tenant ON guarded TO pages_reader USING (tenant = 1);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
SET ROLE pages_reader;
SELECT n_rows FROM custseg.train('granted', 'guarded', '{a,b}', 3);
SET row_security = off;
SELECT outcome($$SELECT custseg.train('theirs', 'guarded', '{a,b}', 3)$$) AS row_security_off;
RESET row_security;
RESET ROLE;
SELECT n_rows FROM custseg.train('owner', 'guarded', '{a,b}', 3);

-- levels in the order of the rows, many of them, and too many
CREATE TABLE many AS SELECT 'level ' || i * 7919 % 3001 AS few, 'level ' || i AS each, i % 97 AS a, i % 89 AS b FROM generate_series(1, 120000) i;
SELECT same_model('many', '{few,a}') AS many, same_model('many', NULL) AS too_many;
SELECT outcome($$SELECT custseg.train('m', 'many', '{each,a}', 3)$$) AS too_many_asked;

-- errors of rows are those of the first such row
CREATE TABLE wrong AS SELECT i AS id, i % 97 AS a, CASE i WHEN 5000 THEN -2 WHEN 3000 THEN float8 'NaN' ELSE 1 END AS w, CASE i WHEN 6000 THEN float8 'Infinity' ELSE i END AS x
FROM generate_series(1, 7000) i;
SELECT outcome($$SELECT custseg.train('m', 'wrong', '{a}', 3, options => '{"weight": "w"}')$$) AS weight, outcome($$SELECT custseg.train('m', 'wrong', '{a,x}', 3)$$) AS infinite;

-- memory is held to as a statement's rows would, and the error is the same but for the sample that it names
SET maintenance_work_mem = '2MB';
SELECT regexp_replace(outcome($$SELECT custseg.train('m', 'SELECT * FROM many OFFSET 0', '{a,b}', 3, options => '{"engine": "local"}')$$), 'SELECT \* FROM \(the query\) AS source WHERE pg_catalog.hashtextextended\(\(source.\*\)::pg_catalog.text, 0\) & \d+ = 0', 'a query with TABLESAMPLE') = outcome($$SELECT custseg.train('m', 'many', '{a,b}', 3, options => '{"engine": "local"}')$$) AS same_error,
    outcome($$SELECT custseg.train('m', 'many', '{a,b}', 3, options => '{"engine": "local"}')$$) LIKE '54000 training on 120000 rows of 2 features needs % MB, maintenance_work_mem is 2 MB%' AS counted;
RESET maintenance_work_mem;

-- the deployed version places the rows once all are read as it does one by one, which a source that writes asks for
CREATE TABLE shop AS
SELECT i AS id, (i % 3) * 50 + i * 37 % 20 + i / 1e4 AS a, (i % 3) * 30 + i * 53 % 11 + i / 2e4 AS b, CASE WHEN i % 9 > 0 THEN 'level ' || i % 3 END AS c,
    i % 3 AS y, CASE WHEN i % 11 > 0 THEN i % 13 END AS some
FROM generate_series(1, 5000) i;
CREATE SEQUENCE counted;
CREATE VIEW one_by_one AS SELECT * FROM shop WHERE nextval('counted') > 0;
CREATE FUNCTION same_numbers(features text[], algorithm text, k int, options jsonb, prep jsonb DEFAULT '{}') RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    source text;
    prints text[] := '{}';
    trained int;
BEGIN
    PERFORM custseg.train('n', 'SELECT * FROM shop WHERE id > 1500', features, k, algorithm, options => options || '{"silhouette_sample": 0}', prep => prep, deploy => true);
    FOREACH source IN ARRAY '{shop,one_by_one,SELECT * FROM shop OFFSET 0}'::text[] LOOP
        SELECT version INTO trained FROM custseg.train('n', source, features, k, algorithm, options => options || '{"silhouette_sample": 0, "seed": 7}', prep => prep);
        prints := prints || fingerprint('n', trained);
        PERFORM custseg.drop_model('n', trained);
    END LOOP;
    PERFORM custseg.drop_model('n', whole => true);
    RETURN prints[1] = ALL (prints);
END $$;
SELECT a AS algorithm, same_numbers('{a,b,c}', a, 3, '{}') FROM unnest('{kmeans,minibatch,kmedoids,gmm,hierarchical}'::text[]) a;
SELECT same_numbers('{a,b,c}', 'dbscan', NULL, '{"eps": 0.3}') AS dbscan, same_numbers('{a,b}', 'hdbscan', NULL, '{"min_cluster_size": 50}') AS hdbscan,
    same_numbers('{a,b,c}', 'tree', NULL, '{"target": "y"}') AS tree;
SELECT same_numbers('{a,some,c}', 'kmeans', 3, '{}') AS missing, same_numbers('{a,some,c}', 'kmeans', 3, '{}', '{"impute": "skip"}') AS skipped,
    same_numbers('{a,some,c}', 'kmeans', 3, '{}', '{"impute": "knn", "clip": "iqr", "transform": "quantile", "pca": 2}') AS prepared, same_numbers(NULL, 'kmeans', 3, '{}') AS unnamed;

-- features of the deployed version that the new one does not have, or has otherwise, are read for it alone
SELECT version FROM custseg.train('moved', 'shop', '{a,b,some}', 3, deploy => true);
SELECT version FROM custseg.train('moved', 'shop', '{a,b}', 3, options => '{"seed": 7}');
SELECT version FROM custseg.train('moved', 'shop', '{a,b,some}', 3, prep => '{"columns": {"some": {"kind": "categorical"}}}');
SELECT version, array_agg(segment ORDER BY segment) FROM custseg.segment WHERE model = 'moved' GROUP BY version ORDER BY version;

-- What reads customers in blocks finds the same in pages and in the rows of a statement: all types, missing and infinite values, a decision
-- by hand, texts for which blocks end early, and memory in which not all columns fit.
CREATE TABLE assorted AS
SELECT k.*, CASE WHEN k.id % 97 > 0 THEN k.id * 7919 % 1009 / 7.0::float8 END AS amount, CASE WHEN k.id % 1001 = 0 THEN 'infinity' WHEN k.id % 1003 = 0 THEN 'nan' ELSE k.double END AS odd,
    repeat(chr(65 + k.id % 26), 1500 + k.id % 1700) AS long, jsonb_build_object('a', k.id) AS json
FROM kinds k WHERE k.id <= 5000;
SELECT version FROM custseg.train('assorted', 'assorted', '{whole,numeric,flag,day,text,amount,wide[1]}', 3, id => 'id', options => '{"seed": 7}');
SELECT custseg.override_segment('assorted', 17, 2, 'by hand'), custseg.exclude('assorted', 18, 'left out');
CREATE FUNCTION same_rows(call text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    rows text[] := '{}';
    one text;
    source text;
BEGIN
    FOREACH source IN ARRAY '{assorted,SELECT * FROM assorted OFFSET 0}'::text[] LOOP
        EXECUTE format('SELECT string_agg(r::text, chr(10)) FROM custseg.' || call || ' AS r', source) INTO one;
        rows := rows || replace(one, 'relation ""assorted""', 'the query');
    END LOOP;
    RETURN rows[1] = rows[2] AND rows[1] <> '';
END $$;
\set calls '{"describe(%L)","missing_patterns(%L)","correlations(%L)","histogram(%L, \'amount\')","segment_profile(\'assorted\', %L)","segment_summary(\'assorted\', %L)","segment_tests(\'assorted\', %L)","feature_importance(\'assorted\', %L)","data_quality(\'assorted\', %L)"}'
SELECT call, same_rows(call) AS same FROM unnest(:'calls'::text[]) call;
SELECT same_rows('mcar_test(%L, ''{amount,odd,some}'')') AS mcar;
SET maintenance_work_mem = '1MB';
SELECT call, same_rows(call) AS same FROM unnest((:'calls'::text[])[:5]) call WHERE call !~ 'correlations|histogram';
RESET maintenance_work_mem;
SELECT count(*) AS publications FROM (SELECT custseg.publish('assorted', source, '{"surrogate": false, "value": "amount"}') FROM unnest('{assorted,SELECT * FROM assorted OFFSET 0}'::text[]) source OFFSET 0) p WHERE (p.publish).part = 'summary';
SELECT count(DISTINCT part) > 15 AS parts, count(*) FILTER (WHERE n > 1) AS of_two_kinds
FROM (SELECT part, count(DISTINCT replace(body::text, 'relation \"assorted\"', 'the query')) AS n FROM custseg.report WHERE model = 'assorted' AND part <> 'personal_data' GROUP BY part) r;

DROP OWNED BY pages_reader;
DROP ROLE pages_reader;
\i :root/test/clean.sql
