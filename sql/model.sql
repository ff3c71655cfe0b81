--
-- Models in the catalogue: versions, deployments, names and numbers, and what a version keeps.
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS model_test CASCADE;
CREATE SCHEMA model_test;
SET search_path = model_test, public;
RESET client_min_messages;

-- Three kinds of customers, far apart: 60, 30 and 10 of them
CREATE TABLE customer (
    id int PRIMARY KEY,
    recency int,
    monetary float8,
    channel text
);
INSERT INTO customer
SELECT i,
       CASE WHEN i <= 60 THEN 10 WHEN i <= 90 THEN 100 ELSE 300 END + i % 7,
       CASE WHEN i <= 60 THEN 50 WHEN i <= 90 THEN 400 ELSE 900 END + i % 5,
       CASE WHEN i <= 60 THEN 'shop' WHEN i <= 90 THEN 'web' ELSE 'phone' END
FROM generate_series(1, 100) i;

-- The first version deploys itself, later ones wait, numbers count up
SELECT model, version, algorithm, n_rows, n_skipped, n_segments, round(silhouette::numeric, 3) AS silhouette,
       converged, deployed, iterations > 0 AS iterated, inertia > 0 AS inertia, milliseconds > 0 AS timed
FROM custseg.train('loyalty', 'customer', '{recency,monetary}', 3);
SELECT version, deployed FROM custseg.train('loyalty', 'customer', '{recency,monetary}', 3);
SELECT version, deployed FROM custseg.train('loyalty', 'customer', '{recency,monetary,channel}', 3);
SELECT version, deployed FROM custseg.train('loyalty', 'customer', '{recency,monetary}', 2, deploy => true);
SELECT version, deployed FROM custseg.train('waits', 'customer', '{recency,monetary}', 3, deploy => false);
SELECT name, owner = current_user AS mine, deployed_version, last_version
FROM custseg.model WHERE name IN ('loyalty', 'waits') ORDER BY name;

-- A model without a deployed version does not score, but its versions do
SELECT custseg.predict('waits', c) FROM customer c WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
SELECT custseg.predict('waits', c, 1) FROM customer c WHERE id = 1;
SELECT custseg.name_segment('waits', 1, 'any');
\echo :LAST_ERROR_SQLSTATE
SELECT name, deployed_version, n_segments, deployed_at FROM custseg.models WHERE name = 'waits';
-- nothing was ever deployed: the next training does not deploy itself, only the first would
SELECT version, deployed FROM custseg.train('waits', 'customer', '{recency,monetary}', 3);
SELECT custseg.rollback('waits');
\echo :LAST_ERROR_SQLSTATE
SELECT custseg.deploy('waits', 2);
SELECT custseg.drop_model('waits', whole => true);
SELECT count(*) FROM custseg.model WHERE name = 'waits';

-- The same data, the same seed: the same model, to the bit
SELECT a.center = b.center AND a.n = b.n AND a.profile = b.profile AND a.spread = b.spread AS same
FROM custseg.segment a JOIN custseg.segment b USING (model, segment)
WHERE model = 'loyalty' AND a.version = 1 AND b.version = 2;

--
-- Deploying and rolling back
--
SELECT custseg.deploy('loyalty', 2, 'looks better');
SELECT custseg.deploy('loyalty', 2, 'again');
SELECT custseg.deploy('loyalty', 3);
SELECT row_number() OVER (ORDER BY id) AS step, version, action, deployed_by = current_user AS mine, reason,
       deployed_at <= clock_timestamp() AS past
FROM custseg.deployment WHERE model = 'loyalty' ORDER BY id;
-- now 1, 4, 2, 3: back down the history, to its end
SELECT custseg.rollback('loyalty', 'worse');
SELECT custseg.rollback('loyalty');
SELECT custseg.rollback('loyalty');
SELECT custseg.rollback('loyalty');
\echo :LAST_ERROR_SQLSTATE
SELECT deployed_version FROM custseg.model WHERE name = 'loyalty';
-- a deployment after rollbacks starts a new branch
SELECT custseg.deploy('loyalty', 3);
SELECT custseg.deploy('loyalty', 2);
SELECT custseg.rollback('loyalty');
SELECT custseg.rollback('loyalty');
SELECT custseg.rollback('loyalty');
\echo :LAST_ERROR_SQLSTATE
SELECT row_number() OVER (ORDER BY id) AS step, version, action, reason
FROM custseg.deployment WHERE model = 'loyalty' ORDER BY id;

-- The deployed version cannot be dropped; a rollback skips those that were
SELECT custseg.drop_model('loyalty', 1);
\echo :LAST_ERROR_SQLSTATE
SELECT custseg.drop_model('loyalty', 99);
\echo :LAST_ERROR_SQLSTATE
SELECT custseg.deploy('loyalty', 2);
SELECT custseg.deploy('loyalty', 4);
SELECT custseg.drop_model('loyalty', 2);
SELECT custseg.rollback('loyalty');
SELECT version FROM custseg.model_version WHERE model = 'loyalty' ORDER BY version;
SELECT DISTINCT version FROM custseg.feature WHERE model = 'loyalty' ORDER BY version;
SELECT DISTINCT version FROM custseg.segment WHERE model = 'loyalty' ORDER BY version;
SELECT custseg.deploy('loyalty', 2);
\echo :LAST_ERROR_SQLSTATE
-- a number is not used again, not even the highest
SELECT custseg.drop_model('loyalty', 4);
SELECT version FROM custseg.train('loyalty', 'customer', '{recency,monetary}', 3);

-- The whole model goes with all that is its own
SELECT custseg.train('gone', 'customer', '{recency}', 2) IS NOT NULL AS trained;
SELECT custseg.grant_model('gone', 'public');
SELECT custseg.drop_model('gone', whole => true);
SELECT (SELECT count(*) FROM custseg.model WHERE name = 'gone')
     + (SELECT count(*) FROM custseg.model_version WHERE model = 'gone')
     + (SELECT count(*) FROM custseg.feature WHERE model = 'gone')
     + (SELECT count(*) FROM custseg.segment WHERE model = 'gone')
     + (SELECT count(*) FROM custseg.deployment WHERE model = 'gone')
     + (SELECT count(*) FROM custseg.model_grant WHERE model = 'gone') AS left_over;
SELECT custseg.drop_model('gone', whole => true);
\echo :LAST_ERROR_SQLSTATE
SELECT version FROM custseg.train('gone', 'customer', '{recency}', 2);
SELECT custseg.drop_model('gone', whole => true);

--
-- Names
--
SELECT segment, name, description, n_trained AS n FROM custseg.segments WHERE model = 'loyalty' AND deployed;
SELECT custseg.name_segment('loyalty', 1, 'Stammkunden', 'buy often');
SELECT custseg.name_segment('loyalty', 2, 'web folk');
SELECT custseg.name_segment('loyalty', 3, E'Gro\u00dfkunden \U0001F6D2');
SELECT segment, name, description, n_trained AS n FROM custseg.segments WHERE model = 'loyalty' AND deployed;
SELECT custseg.name_segment('loyalty', 1, 'regulars');               -- keeps the description
SELECT name, description FROM custseg.segments WHERE model = 'loyalty' AND deployed AND segment = 1;
SELECT custseg.name_segment('loyalty', 1, 'regulars', '');           -- removes it
SELECT name, description FROM custseg.segments WHERE model = 'loyalty' AND deployed AND segment = 1;
SELECT custseg.name_segment('loyalty', 1, 'regulars', 'buy often');
SELECT custseg.name_segment('loyalty', 4, 'nobody');
\echo :LAST_ERROR_SQLSTATE
SELECT custseg.name_segment('loyalty', 1, '');
\echo :LAST_ERROR_SQLSTATE
SELECT custseg.name_segment('loyalty', 1, NULL);
\echo :LAST_ERROR_SQLSTATE
-- what is NULL stays
SELECT custseg.name_segment('loyalty', 2, rank => 1);
SELECT custseg.name_segment('loyalty', 2, description => 'buy online');
SELECT segment, name, description, rank FROM custseg.segment WHERE model = 'loyalty' AND segment IN (1, 2) ORDER BY version, segment;
SELECT custseg.name_segment('loyalty', 2, description => '', rank => 0);
SELECT custseg.name_segment('loyalty', 4, rank => 1);

--
-- Retraining keeps numbers and names
--
-- by size first: 1 is the largest
SELECT version, n_segments FROM custseg.train('keep', 'customer', '{recency,monetary}', 3);
SELECT segment, name, n_trained AS n FROM custseg.segments WHERE model = 'keep' AND version = 1;
SELECT custseg.name_segment('keep', 1, 'shop', 'walk in'), custseg.name_segment('keep', 2, 'web'),
       custseg.name_segment('keep', 3, 'phone');
-- the sizes turn round, so that by size the numbers would: 12, 30 and 40 now, each a bit elsewhere
CREATE TABLE moved AS
SELECT id, recency + 3 AS recency, monetary - 5 AS monetary FROM customer WHERE id > 48
UNION ALL
SELECT id + 100 * g, recency, monetary FROM customer, generate_series(1, 3) g WHERE id > 90;
SELECT version, deployed FROM custseg.train('keep', 'moved', '{recency,monetary}', 3, options => '{"seed": 7}');
SELECT segment, name, description, n_trained AS n FROM custseg.segments WHERE model = 'keep' AND version = 2;
-- every customer of before has the number of before
SELECT count(*) FILTER (WHERE custseg.predict('keep', c, 1) = custseg.predict('keep', c, 2)) AS kept, count(*)
FROM customer c;
SELECT custseg.deploy('keep', 2);
-- a kind more: it gets a number that was never used
INSERT INTO customer SELECT i, 700 + i % 7, 3000 + i % 5, 'fair' FROM generate_series(101, 105) i;
SELECT version, deployed FROM custseg.train('keep', 'customer', '{recency,monetary}', 4, deploy => true);
SELECT segment, name, n_trained AS n FROM custseg.segments WHERE model = 'keep' AND deployed;
SELECT custseg.name_segment('keep', 4, 'fair');
-- a kind less: its number vanishes, the others stay
SELECT version, deployed FROM custseg.train('keep', 'SELECT * FROM customer WHERE channel <> ''web''', '{recency,monetary}', 3, deploy => true);
SELECT segment, name, n_trained AS n FROM custseg.segments WHERE model = 'keep' AND deployed;
-- and back again: the number that went does not come back for others, who might still carry it
SELECT version, deployed FROM custseg.train('keep', 'customer', '{recency,monetary}', 4, deploy => true);
SELECT segment, name, n_trained AS n FROM custseg.segments WHERE model = 'keep' AND deployed;
-- other features: still the same customers
SELECT version FROM custseg.train('keep', 'customer', '{channel}', 4, deploy => true);
SELECT segment, name, n_trained AS n FROM custseg.segments WHERE model = 'keep' AND deployed;
-- a source that the deployed version cannot label: numbered anew, and said so
SELECT version FROM custseg.train('keep', 'SELECT id, recency FROM customer', '{recency}', 2);
SELECT version FROM custseg.train('keep', 'SELECT id, recency, 1 AS channel FROM customer', '{recency}', 2);
SELECT segment, name, n_trained AS n FROM custseg.segments WHERE model = 'keep' AND version = 8;
-- what a version was is never touched by the next
SELECT version, n_rows, n_segments FROM custseg.model_version WHERE model = 'keep' ORDER BY version;

--
-- What a version keeps
--
CREATE TABLE mixed (id int PRIMARY KEY, age int, spent numeric(10, 2), member bool, since date, plan text, w float8);
INSERT INTO mixed
SELECT i, CASE WHEN i % 10 <> 0 THEN 20 + i % 30 END, (i % 2) * 1000 + i % 9, i % 2 = 0,
       date '2020-01-01' + i, CASE i % 4 WHEN 0 THEN 'gold' WHEN 1 THEN 'free' WHEN 2 THEN 'free' END, i % 3
FROM generate_series(1, 40) i;
SELECT n_rows, n_skipped FROM custseg.train('whole', 'mixed', '{age,spent,member,since,plan}', 2,
    prep => '{"impute": "skip", "clip": "iqr", "columns": {"plan": {"impute": "level"}}}',
    options => '{"seed": 11, "n_init": 3, "max_iter": 50, "weight": "w"}', id => 'id');
SELECT source, id, n_rows, n_skipped, skipped, n_segments, seed, algorithm, converged,
       trained_by = current_user AS mine, extension_version, trained_at <= now() AS past,
       server_version = current_setting('server_version') AS this_server, milliseconds > 0 AS timed
FROM custseg.model_version WHERE model = 'whole';
SELECT jsonb_pretty(prep) FROM custseg.model_version WHERE model = 'whole';
SELECT jsonb_pretty(options) FROM custseg.model_version WHERE model = 'whole';
SELECT k, jsonb_typeof(metrics -> k) FROM custseg.model_version, jsonb_object_keys(metrics) k
WHERE model = 'whole' ORDER BY k COLLATE "C";
SELECT position, name, type, kind, outputs, n, n_null, round(mean::numeric, 4) AS mean,
       round(standard_deviation::numeric, 4) AS sd, minimum, maximum, cardinality(quantiles) AS quantiles,
       levels, level_counts
FROM custseg.feature WHERE model = 'whole' ORDER BY position;
SELECT name, prep ->> 'impute' AS impute, prep ->> 'clip' AS clip, prep -> 'limits' AS limits, prep ->> 'scale' AS scale,
       round((prep ->> 'center')::numeric, 4) AS center, round((prep ->> 'spread')::numeric, 4) AS spread
FROM custseg.feature WHERE model = 'whole' ORDER BY position;
-- the baseline is of the rows trained on
SELECT quantiles = (SELECT array_agg(age::float8 ORDER BY age) FROM mixed WHERE age IS NOT NULL AND w > 0) AS all_values
FROM custseg.feature WHERE model = 'whole' AND name = 'age';
SELECT sum(n), round(sum(share)::numeric, 9) AS shares, bool_and(spread >= mean_distance) AS spread,
       min(cardinality(center)) AS width
FROM custseg.segment WHERE model = 'whole';
SELECT segment, n_trained AS n, round(training_share::numeric, 4) AS share, round((profile ->> 'spent')::numeric, 2) AS spent,
       round((profile ->> 'member')::numeric, 2) AS member, profile -> 'plan' IS NOT NULL AS plan
FROM custseg.segments WHERE model = 'whole';
SELECT feature, kind, level, segment, round(coalesce(share, mean)::numeric, 3) AS segment_mean, round(overall_mean::numeric, 3) AS overall_mean,
       round(difference::numeric, 3) AS difference
FROM custseg.segment_profile WHERE model = 'whole' ORDER BY feature COLLATE "C", level COLLATE "C", segment;
SELECT name, algorithm, source, n_rows, n_skipped, n_segments, deployed_version, last_version, converged,
       trained_by = current_user AS mine, deployed_by = current_user AS mine_too, reason,
       inertia > 0 AS inertia, silhouette BETWEEN -1 AND 1 AS silhouette, between_share BETWEEN 0 AND 1 AS between_share
FROM custseg.models WHERE name = 'whole';
-- many rows: 1,001 quantiles, PCA and donors
SELECT n_rows FROM custseg.train('big', 'SELECT i, i % 5000 AS a, CASE WHEN i % 50 > 0 THEN i % 17 END AS b FROM generate_series(1, 6000) i',
    '{a,b}', 2, prep => '{"impute": "knn", "pca": 1}', options => '{"n_init": 1, "silhouette_sample": 0}');
SELECT cardinality(quantiles) AS quantiles, quantiles[1] AS low, quantiles[501] AS median, quantiles[1001] AS high
FROM custseg.feature WHERE model = 'big' AND name = 'a';
SELECT jsonb_array_length(reduction -> 'components') AS components, jsonb_array_length(donors) AS donors,
       metrics ->> 'silhouette' AS silhouette, metrics -> 'silhouette_sample' AS sample
FROM custseg.model_version WHERE model = 'big';
SELECT custseg.drop_model('big', whole => true);

--
-- Features and k chosen
--
CREATE TABLE wide AS
SELECT i AS id, 100.0 * (i % 3) + i % 4 AS spent, 7 AS always, CASE WHEN i % 2 = 0 THEN i END AS seldom,
       'c' || i AS name, ARRAY[i] AS list, (i % 3) * 10 AS visits, NULL::int AS nothing, 'x' AS letter,
       CASE WHEN i % 3 = 0 THEN 'a' END AS kind
FROM generate_series(1, 300) i;
ALTER TABLE wide ADD PRIMARY KEY (id);
SELECT n_rows, n_segments FROM custseg.train('chosen', 'wide', k => 3);
SELECT name FROM custseg.feature WHERE model = 'chosen' ORDER BY position;
SELECT id FROM custseg.model_version WHERE model = 'chosen';
\set VERBOSITY terse
SELECT n_segments FROM custseg.train('chosen', 'wide', '{spent,visits}');
\set VERBOSITY default
-- one row, and rows that are all alike
SELECT n_rows, n_segments, silhouette FROM custseg.train('one', 'SELECT 1 AS a UNION ALL SELECT 2', '{a}', 1);
SELECT n_rows, n_segments, silhouette, inertia FROM custseg.train('every', 'SELECT i AS a FROM generate_series(1, 4) i', '{a}', 4);
SELECT n_segments FROM custseg.train('every', 'SELECT i % 2 AS a FROM generate_series(1, 10) i', '{a}', 4);
SELECT n_rows, n_segments FROM custseg.train('one', 'SELECT 5 AS a', '{a}');
SELECT custseg.drop_model('one', whole => true), custseg.drop_model('every', whole => true);

-- A weight of n is as good as n rows
CREATE TABLE weighted AS SELECT i AS id, CASE WHEN i <= 20 THEN i % 5 ELSE 50 + i % 3 END AS a, 1 + i % 4 AS w
FROM generate_series(1, 30) i;
SELECT n_rows, n_segments FROM custseg.train('light', 'weighted', '{a}', 2, prep => '{"scale": "none"}', options => '{"weight": "w"}');
SELECT n_rows, n_segments FROM custseg.train('heavy', 'SELECT a FROM weighted, generate_series(1, w)', '{a}', 2, prep => '{"scale": "none"}');
SELECT l.segment, l.n AS light, h.n AS heavy, round(l.center[1]::numeric, 9) = round(h.center[1]::numeric, 9) AS same_center
FROM custseg.segment l JOIN custseg.segment h USING (segment) WHERE l.model = 'light' AND h.model = 'heavy' ORDER BY 1;
SELECT round((metrics ->> 'inertia')::numeric, 6) AS inertia FROM custseg.model_version WHERE model IN ('light', 'heavy');
SELECT custseg.drop_model('light', whole => true), custseg.drop_model('heavy', whole => true);

--
-- Sources
--
CREATE TEMP TABLE basket AS SELECT * FROM customer WHERE id <= 100;
CREATE VIEW lately AS SELECT * FROM customer WHERE id <= 100;
CREATE MATERIALIZED VIEW frozen AS SELECT * FROM lately;
CREATE TABLE parts (LIKE customer) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (50);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (50) TO (500);
INSERT INTO parts SELECT * FROM lately;
CREATE TABLE "Odd "" Name" AS SELECT id, recency AS "Re cency", monetary AS "select" FROM lately;
SELECT s AS source, t.n_rows, t.version
FROM (VALUES (1, 'basket'), (2, 'lately'), (3, 'frozen'), (4, 'parts'), (5, 'model_test.customer'), (6, 'TABLE lately'),
             (7, 'WITH c AS (SELECT * FROM lately) SELECT recency, monetary FROM c -- the end'),
             (8, 'VALUES (1, 2), (3, 4)'), (9, '"Odd "" Name"'), (10, '(SELECT * FROM lately);')) v (i, s),
     LATERAL custseg.train('source ' || i, s, CASE WHEN i = 8 THEN '{column1,column2}' WHEN i = 9 THEN '{"Re cency",select}'
         ELSE '{recency,monetary}' END::text[], CASE WHEN i = 8 THEN 1 ELSE 3 END) t
ORDER BY i;
SELECT n, count(DISTINCT center) AS centers, count(*) AS models FROM custseg.segment WHERE model IN ('source 1', 'source 2', 'source 3', 'source 4', 'source 6', 'source 9') AND segment = 2
GROUP BY n;
SELECT count(*) FROM (SELECT custseg.drop_model(name, whole => true) FROM custseg.model WHERE name LIKE 'source %') d;

--
-- Training is transactional
--
BEGIN;
SELECT version FROM custseg.train('fleeting', 'customer', '{recency}', 2);
SELECT count(custseg.predict('fleeting', c)) FROM customer c;
ROLLBACK;
SELECT count(*) FROM custseg.model WHERE name = 'fleeting';
SELECT count(*) FROM custseg.model_version WHERE model = 'fleeting';
SELECT custseg.predict('fleeting', c) FROM customer c LIMIT 1;
\echo :LAST_ERROR_SQLSTATE

BEGIN;
SELECT version FROM custseg.train('fleeting', 'customer', '{recency}', 2);
SAVEPOINT s;
SELECT version, deployed FROM custseg.train('fleeting', 'customer', '{recency,monetary}', 4, deploy => true);
SELECT custseg.name_segment('fleeting', 1, 'first');
ROLLBACK TO s;
SELECT deployed_version, last_version FROM custseg.model WHERE name = 'fleeting';
SELECT version, segment, name FROM custseg.segments WHERE model = 'fleeting';
-- the number of a version that was rolled back is free again
SELECT version, deployed FROM custseg.train('fleeting', 'customer', '{recency,monetary}', 3);
SELECT custseg.drop_model('fleeting', whole => true);
ROLLBACK TO s;
SELECT custseg.drop_model('fleeting', 1);
ROLLBACK TO s;
SELECT count(*) FROM custseg.model_version WHERE model = 'fleeting';
COMMIT;
SELECT name, deployed_version, last_version FROM custseg.model WHERE name = 'fleeting';

-- what fails inside a block of PL/pgSQL leaves nothing either
DO $$
BEGIN
    PERFORM custseg.train('caught', 'customer', '{recency}', 2);
    RAISE EXCEPTION 'no';
EXCEPTION WHEN raise_exception THEN
    RAISE NOTICE 'caught: % models', (SELECT count(*) FROM custseg.model WHERE name = 'caught');
END $$;

-- a model outlives the table that it was trained on
BEGIN;
CREATE TABLE short_lived AS SELECT * FROM customer;
SELECT version FROM custseg.train('outlives', 'short_lived', '{recency,monetary}', 3);
DROP TABLE short_lived;
COMMIT;
SELECT custseg.predict('outlives', c) FROM customer c WHERE id = 1;

SELECT count(*) > 5 AS dropped FROM (SELECT custseg.drop_model(name, whole => true) FROM custseg.model OFFSET 0) d;
SELECT count(*) FROM custseg.model;
SET client_min_messages = warning;
DROP SCHEMA model_test CASCADE;
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
