-- columns that cannot help are left out or named, by training and describe() alike
CREATE TABLE zeros AS SELECT i AS id, CASE WHEN i % 5 = 0 THEN (i * 37 % 1000)::float8 ELSE 0 END AS spend, (i % 7)::float8 AS visits
FROM generate_series(1, 500) i;

-- quartiles that are equal: the standard deviation stands in
SELECT n_segments FROM custseg.train('zero_clip', 'zeros', '{spend,visits}', 3, prep => '{"clip": "iqr"}', id => 'id');
SELECT n_segments FROM custseg.train('zero_scale', 'zeros', '{spend,visits}', 3, prep => '{"scale": "robust"}', id => 'id');
SELECT v.model, f.name, (f.prep ->> 'spread')::float8 > 1 AS has_spread, f.prep -> 'limits' ->> 1 IS DISTINCT FROM '0' AS leaves_values
FROM custseg.feature f JOIN custseg.model_version v USING (model, version) WHERE v.model LIKE 'zero%' AND f.name = 'spend' ORDER BY 1;
SELECT column_name, suggestion FROM custseg.describe('zeros', '{spend,visits}');
-- what clipping makes constant is said, and left out are ids
SELECT n_segments FROM custseg.train('zero_tails', 'SELECT id, id * 3 AS number, visits, (id % 250 = 0)::int AS rare FROM zeros', k => 3, prep => '{"clip": "quantile"}');

-- ids: describe() and training say the same; named they are used
CREATE TABLE ids AS SELECT i AS line, 100 + i * 17 AS customer, (i * 7919 % 100)::float8 / 10 AS x, (i * 31 % 17)::float8 + 0.5 AS y FROM generate_series(1, 200) i;
SELECT column_name, suggestion FROM custseg.describe('ids');
SELECT n_segments FROM custseg.train('ids', 'ids', k => 2);
SELECT n_segments FROM custseg.train('ids_named', 'ids', '{customer,x}', k => 2);
SELECT model, string_agg(name, ',' ORDER BY position) FROM custseg.feature WHERE model LIKE 'ids%' GROUP BY 1 ORDER BY 1;

-- so they do of ids that doubles do not tell apart; a number that some rows lack is no id, and texts are not to be cast of which one says something else
CREATE TABLE odd AS
SELECT 9007199254740993 + i AS big, 9007199254740993 + i / 2 AS twice, CASE WHEN i % 10 > 0 THEN i * i END AS lacking, CASE i WHEN 7 THEN 'C1007' ELSE (1000 + i / 2)::text END AS invoice,
       CASE i WHEN 7 THEN ' ' ELSE (1000 + i / 2)::text END AS blank, (i % 7)::float8 AS x FROM generate_series(1, 150) i;
SELECT column_name, suggestion FROM custseg.describe('odd');
SELECT n_segments FROM custseg.train('odd', 'odd', k => 2);
SELECT n_segments FROM custseg.train('odd', 'SELECT * FROM odd LIMIT 12', k => 2);
SELECT custseg.drop_model('odd', whole => true);
DROP TABLE odd;

-- segments of a model: by a trigger, or by what they are
ALTER TABLE ids ADD segment int, ADD kept int;
UPDATE ids SET segment = custseg.predict('ids', ids);
CREATE TRIGGER keep BEFORE INSERT OR UPDATE ON ids FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('ids_named', 'kept');
UPDATE ids SET x = x;
SELECT column_name, suggestion FROM custseg.describe('ids', '{segment,kept}');
SELECT n_segments FROM custseg.train('ids_again', 'ids', k => 2);
-- told is what the caller may know, and read what the caller may read; a trigger that is off keeps nothing
CREATE ROLE custseg_suitability;
GRANT SELECT (segment, kept, line) ON ids TO custseg_suitability;
SET ROLE custseg_suitability;
SELECT column_name, suggestion FROM custseg.describe('ids', '{segment,kept}');
RESET ROLE;
GRANT SELECT (y) ON ids TO custseg_suitability;
SELECT custseg.grant_model('ids', 'custseg_suitability');
SET ROLE custseg_suitability;
SELECT column_name, suggestion FROM custseg.describe('ids', '{segment}');
RESET ROLE;
GRANT SELECT (x) ON ids TO custseg_suitability;
SET ROLE custseg_suitability;
SELECT column_name, suggestion FROM custseg.describe('ids', '{segment}');
RESET ROLE;
ALTER TABLE ids DISABLE TRIGGER keep;
SELECT count(*) FROM custseg.describe('ids', '{kept}') WHERE suggestion LIKE '%trigger%';
SELECT custseg.revoke_model('ids', 'custseg_suitability');
REVOKE ALL ON ids FROM custseg_suitability;
DROP ROLE custseg_suitability;
DROP TRIGGER keep ON ids;
-- a query is read once more, however many models there are
SELECT n_segments FROM custseg.train('ids_other', 'ids', '{x,y}', k => 2);
CREATE SEQUENCE readings;
CREATE FUNCTION reading() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN nextval('readings'); END $$;
SELECT suggestion FROM custseg.describe('WITH r AS MATERIALIZED (SELECT reading()) SELECT ids.*, 1 + line % 2 AS other FROM ids, r', '{other}');
SELECT last_value FROM readings;
-- nor for more columns
SELECT suggestion FROM custseg.describe('WITH r AS MATERIALIZED (SELECT reading()) SELECT ids.*, 1 + line % 2 AS other, 2 - line % 2 AS another FROM ids, r', '{other,another}');
SELECT last_value FROM readings;
SELECT n_segments FROM custseg.train('read', 'WITH r AS MATERIALIZED (SELECT reading()) SELECT ids.*, 1 + line % 2 AS other, 2 - line % 2 AS another FROM ids, r', k => 2);
SELECT last_value FROM readings;
SELECT custseg.drop_model('read', whole => true);
DROP FUNCTION reading();
DROP SEQUENCE readings;
SELECT custseg.drop_model('ids_other', whole => true);

-- all but some columns
SELECT n_segments FROM custseg.train('but', 'ids', k => 2, prep => '{"exclude": ["line", "customer", "segment", "kept", "y"]}');
SELECT string_agg(name, ',' ORDER BY position) FROM custseg.feature WHERE model = 'but';
SELECT n_segments FROM custseg.train('but', 'ids', k => 2, prep => '{"exclude": ["none"]}');
SELECT n_segments FROM custseg.train('but', 'ids', '{x}', k => 2, prep => '{"exclude": ["y"]}');
SELECT n_segments FROM custseg.train('but', 'ids', k => 2, prep => '{"exclude": "y"}');

-- texts that read as something else, and what stands for missing values
CREATE TABLE texts AS SELECT i AS id, CASE WHEN i % 50 = 0 THEN ' ' ELSE (i * 1.25)::text END AS charges, '$' || i || ',234.50' AS money,
 to_char(date '2024-01-01' + i, 'MM/DD/YYYY') AS day, CASE WHEN i % 10 = 0 THEN 'unknown' ELSE 'job ' || i % 4 END AS job,
 CASE WHEN i % 4 = 0 THEN -1 ELSE i % 90 END AS days, CASE WHEN i % 4 = 0 THEN 999 ELSE i % 30 END AS contact, i % 3 - 1 AS direction,
 to_char(date '2024-01-01' + i / 2, 'YYYYMMDD')::int AS packed, lpad((i % 90)::text, 5, '0') AS zip, i % 7 AS x
FROM generate_series(1, 300) i;
SELECT column_name, suggestion FROM custseg.describe('texts');
SELECT n_segments FROM custseg.train('texts', 'texts', k => 2, id => 'id');

-- codes: pointed out, and categories where prep says so
CREATE TABLE codes AS SELECT i AS id, i % 2 * 10 + i % 3 AS x, CASE WHEN i % 2 = 0 THEN CASE WHEN i % 4 = 0 THEN 1 ELSE 4 END ELSE CASE WHEN i % 4 = 1 THEN 2 ELSE 3 END END AS service
FROM generate_series(1, 800) i;
SELECT column_name, suggestion FROM custseg.describe('codes', '{service}');
SELECT n_segments FROM custseg.train('codes', 'codes', '{x,service}', k => 2);
-- whose name says that it is a count, a time or a year is none
SELECT column_name, suggestion LIKE '%codes%' AS doubted
FROM custseg.describe('SELECT service, service AS frequency, service AS n_orders, service AS "Number of Policies", service AS "NumWebVisits", service AS purchase_count, service AS months_active, service AS "Year_Birth", service AS no, service AS account, service AS daycare FROM codes');
SELECT n_segments FROM custseg.train('coded', 'codes', '{x,service}', k => 2, prep => '{"columns": {"service": {"kind": "categorical"}}}');
SELECT n_segments FROM custseg.train('texted', 'SELECT id, x, service::text AS service FROM codes', '{x,service}', k => 2, id => 'id');
-- the same model as of texts, for rows, columns and json
SELECT count(*) FROM codes c WHERE custseg.predict('coded', c) IS DISTINCT FROM custseg.predict('texted', jsonb_build_object('x', c.x, 'service', c.service::text))
 OR custseg.predict('coded', c) IS DISTINCT FROM custseg.predict('coded', to_jsonb(c))
 OR custseg.predict('coded', c) IS DISTINCT FROM (custseg.predict_detail('coded', c)).segment;
SELECT segment, description FROM custseg.segment_summary('coded', columns => '{service}');
SELECT column_name, test FROM custseg.segment_tests('coded', columns => '{service}');
SELECT feature, kind, verdict FROM custseg.drift('coded', 'codes') ORDER BY 1;
SELECT n_segments FROM custseg.train('bad', 'codes', '{x}', k => 2, prep => '{"columns": {"x": {"kind": "ordinal"}}}');
SELECT n_segments FROM custseg.train('bad', 'ids', '{x,y}', k => 2, prep => '{"columns": {"x": {"kind": "categorical"}}}');
SELECT n_segments FROM custseg.train('bad', 'texts', '{job}', k => 2, prep => '{"columns": {"job": {"kind": "numeric"}}}');

-- a category because somebody says so is not told to be cast when it is left out
SELECT n_segments FROM custseg.train('bad', 'SELECT i AS id, i % 7 AS x, i * 10 AS code FROM generate_series(1, 1000) i', k => 2, id => 'id', prep => '{"columns": {"code": {"kind": "categorical"}}}');
-- an id that repeats, as that of a customer in a table of orders, has nothing but its name to tell it by
CREATE TABLE lines AS SELECT 12000 + i / 3 AS "CustomerID", 500 + i / 2 AS invoice_no, i / 4 AS userid, i % 50 AS casino, i / 3 AS paid, i % 7 AS x FROM generate_series(1, 900) i;
SELECT column_name, suggestion FROM custseg.describe('lines');
SELECT n_segments FROM custseg.train('lines', 'lines', k => 2);

-- what another column says, too: of a number and a time the time is named, else the later one; a few rows tell nothing
SELECT n_segments FROM custseg.train('doubles', 'SELECT timestamp ''2026-01-01'' - x * interval ''1 day'' AS last, x, y, 3 - 2 * x AS falls, CASE WHEN i = 2000 THEN 0 ELSE y END AS nearly FROM (SELECT i, i * 7919 % 1009 / 8.0 AS x, i * 31 % 97 / 4.0 AS y FROM generate_series(1, 2000) i) s', k => 2);
SELECT n_segments FROM custseg.train('doubles', 'SELECT i * 1.5 AS x, i * 3.25 AS y FROM generate_series(1, 19) i', k => 2, deploy => false);
-- one row far out makes no doubles of columns that share it, whatever the order of rows; real ones stay doubles beside it, also where values are missing
SELECT key, n_segments FROM unnest('{i,-i,i % 40}'::text[]) key, custseg.train('doubles', format('SELECT x, y FROM (SELECT CASE WHEN i %% 40 = 7 THEN i * 7919 %% 101 ELSE 0 END AS x, CASE WHEN i %% 40 = 7 THEN i * 104729 %% 97 ELSE 0 END AS y, i FROM generate_series(1, 1000) i UNION ALL SELECT 1e9, 1e9, 1001) r ORDER BY %s', key), '{x,y}', k => 2, deploy => false);
SELECT n_segments FROM custseg.train('doubles', 'SELECT CASE WHEN i = 1000 THEN 1e9 WHEN i % 3 = 0 THEN i * 7919 % 101 ELSE 0 END AS x, CASE i WHEN 1000 THEN 1e9 ELSE 5 END AS y FROM generate_series(1, 1000) i', '{x,y}', k => 2, deploy => false);
SELECT n_segments FROM custseg.train('doubles', 'SELECT x, x * 3 + 5 AS y FROM (SELECT CASE WHEN i IN (500, 501) THEN NULL WHEN i = 1000 THEN 1e9 WHEN i % 3 = 0 THEN i * 7919 % 101 ELSE 0 END AS x FROM generate_series(1, 1000) i) r', '{x,y}', k => 2, deploy => false, prep => '{"impute": "median"}');
-- a feature view trained on as it is: dates say what days say, a weekday is a category
CREATE TABLE bought AS SELECT (i * 7919 % 211) % 60 AS c, timestamp '2025-01-01 09:00' + (i * 104729 % 5851) * interval '150 minutes' AS d, 10 + i * 31 % 97 AS a FROM generate_series(1, 1500) i;
SELECT custseg.create_feature_view('bought_features', 'bought', 'c', 'd', 'a', as_of => '2027-01-01');
SELECT n_rows FROM custseg.train('bought', 'bought_features', k => 3, id => 'c');
SELECT name, kind FROM custseg.feature WHERE model = 'bought' AND (kind <> 'numeric' OR name ~ 'weekday') ORDER BY position;

-- a property: what describe() says training leaves out is what it leaves out
CREATE FUNCTION features_of(source text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE names text[];
BEGIN
    PERFORM custseg.train('property', source, k => 2, deploy => false);
    SELECT array_agg(name ORDER BY name) INTO names FROM custseg.feature
    WHERE model = 'property' AND version = (SELECT max(version) FROM custseg.model_version WHERE model = 'property');
    RETURN names;
END $$;
SET client_min_messages = warning;
SELECT source FROM unnest('{ids,texts,codes,zeros,lines}'::text[]) AS source
WHERE features_of(source) IS DISTINCT FROM
 (SELECT array_agg(column_name::text ORDER BY column_name::text) FROM custseg.describe(source) WHERE suggestion NOT LIKE 'training leaves%');
RESET client_min_messages;
SELECT custseg.drop_model(model, whole => true) FROM unnest('{zero_clip,zero_scale,zero_tails,ids,ids_named,ids_again,but,texts,codes,coded,texted,bad,lines,doubles,bought,property}'::text[]) AS model;
DROP FUNCTION features_of(text);
DROP VIEW bought_features;
DROP TABLE zeros, ids, texts, codes, lines, bought;

-- a column that says by its name that it holds segments is doubted by all who look at features: what was found before is a result
CREATE TABLE outcomes AS SELECT i AS x, i * 7 % 31 AS y, i % 3 AS "customerSegment", 'c' || i % 4 AS cluster, i % 5 AS segments_seen FROM generate_series(1, 400) i;
SELECT column_name, suggestion FROM custseg.describe('outcomes') WHERE column_name <> 'x';
SELECT n_segments FROM custseg.train('outcomes', 'outcomes', k => 2);
SELECT count(*) FROM custseg.select_features('outcomes');
-- and one that a model's segments were written to is left out by all of them
SELECT n_segments FROM custseg.train('outcomes', 'outcomes', '{x,y}', k => 4, deploy => true);
ALTER TABLE outcomes ADD found int;
UPDATE outcomes o SET found = custseg.predict('outcomes', o);
SELECT column_name, suggestion FROM custseg.describe('outcomes') WHERE column_name = 'found';
SELECT n_segments FROM custseg.train('outcomes_again', 'SELECT x, y, found FROM outcomes', k => 2);
SELECT feature FROM custseg.select_features('SELECT x, y, found FROM outcomes');
SELECT custseg.drop_model(name, whole => true) FROM custseg.model WHERE name LIKE 'outcomes%';
DROP TABLE outcomes;
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
