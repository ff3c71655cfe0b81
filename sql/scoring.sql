--
-- Scoring: predict and its like, compiled models, score, the trigger, resegment, and what a session
-- keeps of a model.
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS scoring_test CASCADE;
CREATE SCHEMA scoring_test;
SET search_path = scoring_test, public;
RESET client_min_messages;

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

-- Three kinds of customers, far apart: 60, 30 and 10 of them
CREATE TABLE customer (
    id int PRIMARY KEY,
    recency int,
    monetary float8,
    channel text,
    joined date
);
INSERT INTO customer
SELECT i,
       CASE WHEN i <= 60 THEN 10 WHEN i <= 90 THEN 100 ELSE 300 END + i % 7,
       CASE WHEN i <= 60 THEN 50 WHEN i <= 90 THEN 400 ELSE 900 END + i % 5,
       CASE WHEN i <= 60 THEN 'shop' WHEN i <= 90 THEN 'web' ELSE 'phone' END,
       date '2024-01-01' + i % 3
FROM generate_series(1, 100) i;
SELECT version FROM custseg.train('m', 'customer', '{recency,monetary,channel,joined}', 3);
SELECT custseg.name_segment('m', 1, 'small'), custseg.name_segment('m', 2, 'medium'), custseg.name_segment('m', 3, 'large');

--
-- What a customer may be
--
SELECT custseg.predict('m', c) AS segment, count(*), min(id), max(id) FROM customer c GROUP BY 1 ORDER BY 1;
SELECT custseg.predict_name('m', c) AS name, count(*) FROM customer c GROUP BY 1 ORDER BY 2;
-- training's own labels
SELECT bool_and(s.n_trained = p.n) AS same FROM custseg.segments s
JOIN (SELECT custseg.predict('m', c) AS segment, count(*) AS n FROM customer c GROUP BY 1) p USING (segment) WHERE model = 'm';
-- columns in another order, others in between, some dropped, other types of the same kind
CREATE TABLE elsewhere (x text, joined timestamp, gone int, monetary numeric, note jsonb, channel varchar(20), y int[], recency bigint);
ALTER TABLE elsewhere DROP COLUMN gone;
INSERT INTO elsewhere SELECT 'x', joined, monetary, '{}', channel, '{1}', recency FROM customer WHERE id IN (1, 70, 95);
SELECT custseg.predict('m', e) FROM elsewhere e ORDER BY recency;
ALTER TABLE elsewhere ADD COLUMN late int DEFAULT 5;
SELECT custseg.predict('m', e) FROM elsewhere e ORDER BY recency;
-- views, subqueries, joins, named types, domains of them, row values
CREATE VIEW shown AS SELECT upper('x') AS x, channel, joined, monetary, recency FROM customer;
SELECT custseg.predict('m', s) AS segment, count(*) FROM shown s GROUP BY 1 ORDER BY 1;
SELECT custseg.predict('m', q) AS segment, count(*)
FROM (SELECT channel, monetary * 1 AS monetary, joined, recency FROM customer OFFSET 0) q GROUP BY 1 ORDER BY 1;
WITH q AS MATERIALIZED (SELECT c.*, 1 AS one FROM customer c WHERE id = 70) SELECT custseg.predict('m', q) FROM q;
CREATE TYPE person AS (monetary float8, recency int, joined date, channel text);
SELECT custseg.predict('m', (400, 100, '2024-01-02', 'web')::person);
CREATE DOMAIN checked_person AS person CHECK ((VALUE).recency >= 0);
SELECT custseg.predict('m', (900, 300, '2024-01-02', 'phone')::person::checked_person);
-- an array of rows, rows of different types in one call
SELECT custseg.predict('m', p) FROM unnest(ARRAY[(50, 10, '2024-01-02', 'shop'), (900, 300, NULL, NULL)]::person[]) p;
-- jsonb objects: other keys do not matter
SELECT custseg.predict('m', '{"recency": 100, "monetary": 400.5, "channel": "web", "joined": "2024-01-02", "x": [1]}'::jsonb);
SELECT bool_and(custseg.predict('m', to_jsonb(c)) = custseg.predict('m', c)) AS same FROM customer c;
CREATE DOMAIN document AS jsonb;
SELECT custseg.predict('m', to_jsonb(c)::document) FROM customer c WHERE id = 95;
-- a version of one's choice
SELECT n_segments FROM custseg.train('m', 'customer', '{recency,monetary}', 2);
SELECT custseg.predict('m', c, 1) AS first, custseg.predict('m', c, 2) AS second, custseg.predict('m', c, NULL) AS deployed,
       custseg.predict_name('m', c, 2) AS name, (custseg.predict_detail('m', c, 2)).segment,
       (SELECT count(*) FROM custseg.explain('m', c, 2)) AS features
FROM customer c WHERE id = 1;

-- json of either type, and a literal of none, is what jsonb is, in all functions of a customer
SELECT custseg.predict('m', '{"recency": 100, "monetary": 400.5, "channel": "web", "joined": null}') AS literal,
       custseg.predict('m', '{"recency": 100, "monetary": 400.5, "channel": "web", "joined": null}'::json) AS json,
       custseg.predict(custseg.scorer('m'), '{"recency": 100, "monetary": 400.5, "channel": "web", "joined": null}') AS by_scorer,
       custseg.predict('m', '{"recency": 100, "monetary": 400.5, "channel": "web", "joined": null}', version => 2) AS version;
SELECT count(*) AS different FROM customer c
WHERE custseg.predict('m', row_to_json(c)) IS DISTINCT FROM custseg.predict('m', to_jsonb(c))
    OR custseg.predict_name('m', row_to_json(c)) IS DISTINCT FROM custseg.predict_name('m', to_jsonb(c))
    OR custseg.predict_detail('m', row_to_json(c)) IS DISTINCT FROM custseg.predict_detail('m', to_jsonb(c))
    OR custseg.explain_text('m', row_to_json(c)) IS DISTINCT FROM custseg.explain_text('m', to_jsonb(c))
    OR custseg.recommendations('m', row_to_json(c)) IS DISTINCT FROM custseg.recommendations('m', to_jsonb(c))
    OR (SELECT array_agg(e) FROM custseg.explain('m', row_to_json(c)) e) IS DISTINCT FROM (SELECT array_agg(e) FROM custseg.explain('m', to_jsonb(c)) e);
SELECT c.id, custseg.predict('m', '{"recency": 10, "monetary": 50, "channel": "shop", "joined": null}'), (custseg.predict_detail('m', '{"recency": 10, "monetary": 50, "channel": "shop", "joined": null}')).name
FROM customer c WHERE id <= 2 ORDER BY id;
SELECT custseg.predict('m', '{"recency": 1');
SELECT custseg.predict('m', '[1]');
SELECT custseg.predict('m', '{"recency": 1}'::text);

-- scores beside the columns of the source: every row once, decisions by hand honoured
SELECT custseg.exclude('m', (SELECT min(id) FROM customer), 'objected'), custseg.override_segment('m', (SELECT max(id) FROM customer), 2, 'key account');
SELECT count(*), count(*) FILTER (WHERE s.segment IS NOT DISTINCT FROM t.segment AND s.name IS NOT DISTINCT FROM t.name AND s.confidence IS NOT DISTINCT FROM t.confidence) AS as_score
FROM (SELECT c.*, s.segment, s.name, s.confidence FROM customer c CROSS JOIN LATERAL custseg.predict_detail('m', c) s) s
JOIN custseg.score('m', 'customer') t ON t.id = s.id::text;
SELECT c.id, c.channel, s.segment, s.name, s.confidence FROM customer c CROSS JOIN LATERAL custseg.predict_detail('m', c) s
WHERE c.id IN (SELECT min(id) FROM customer UNION SELECT max(id) FROM customer) ORDER BY c.id;
SELECT custseg.end_override('m', id) FROM customer WHERE id IN (SELECT min(id) FROM customer UNION SELECT max(id) FROM customer);

--
-- NULL and what was never seen
--
SELECT custseg.predict(NULL, c), custseg.predict('m', NULL::customer), custseg.predict('m', NULL::jsonb),
       custseg.predict_name('m', NULL::customer), custseg.predict_detail('m', NULL::customer), custseg.predict_name(NULL, c),
       custseg.predict(NULL::custseg.compiled_model, c), custseg.predict(custseg.scorer('m'), NULL::customer), custseg.scorer(NULL)
FROM customer c WHERE id = 1;
SELECT count(*) FROM custseg.explain('m', NULL::customer);
SELECT count(*) FROM custseg.explain(NULL, NULL::customer);
SELECT count(*) FROM custseg.score(NULL);
-- from an outer join: no row at all, and a row of NULLs
SELECT i, custseg.predict('m', c) FROM generate_series(100, 101) i LEFT JOIN customer c ON c.id = i ORDER BY i;
SELECT custseg.predict('m', ROW(NULL, NULL, NULL, NULL, NULL)::customer) IS NOT NULL AS imputed;
-- missing values are imputed as in training; a level never seen has no weight
SELECT custseg.predict('m', (NULL, 300, NULL, 'phone')::person) AS no_monetary,
       custseg.predict('m', (900, 300, '2024-01-02', NULL)::person) AS no_channel,
       custseg.predict('m', (900, 300, '2024-01-02', 'fax')::person) AS unseen,
       custseg.predict('m', ('NaN', 300, '2024-01-02', 'phone')::person) AS nan,
       custseg.predict('m', '{"recency": null, "monetary": 900, "channel": "phone", "joined": null}'::jsonb) AS json_null;
-- values that have no distance: no segment, no error
SELECT custseg.predict('m', ('infinity', 300, '2024-01-02', 'phone')::person) AS infinite,
       custseg.predict('m', (1e300, 300, '2024-01-02', 'phone')::person) AS huge,
       custseg.predict('m', (1, 300, 'infinity', 'phone')::person) AS forever,
       custseg.predict('m', '{"recency": 1e999, "monetary": 9, "channel": "phone", "joined": null}'::jsonb) AS json_huge;
-- skip and error
SELECT version FROM custseg.train('skips', 'customer', '{recency,monetary}', 3, prep => '{"impute": "skip"}');
SELECT custseg.predict('skips', '{"recency": null, "monetary": 1}'::jsonb), custseg.predict_name('skips', '{"recency": null, "monetary": 1}'::jsonb),
       custseg.predict_detail('skips', '{"recency": null, "monetary": 1}'::jsonb);
SELECT count(*) FROM custseg.explain('skips', '{"recency": null, "monetary": 1}'::jsonb);
SELECT version FROM custseg.train('strict', 'customer', '{recency,monetary}', 3, prep => '{"impute": "error"}');
SELECT custseg.predict('strict', '{"recency": null, "monetary": 1}'::jsonb);
\echo :LAST_ERROR_SQLSTATE

--
-- Detail
--
SELECT id, d.segment, d.name, d.distance > 0 AS away, d.confidence > 0.5 AS sure, d.runner_up,
       cardinality(d.memberships) AS memberships, round((SELECT sum(u) FROM unnest(d.memberships) u)::numeric, 12) AS sum,
       array_position(d.memberships, (SELECT max(u) FROM unnest(d.memberships) u)) AS most
FROM customer c, custseg.predict_detail('m', c) d WHERE id IN (1, 70, 95) ORDER BY id;
-- exactly: centres at 0, 10 and 30, a customer at 2
SELECT n_segments FROM custseg.train('line', 'SELECT unnest(ARRAY[0, 0, 0, 10, 10, 30]) AS x', '{x}', 3, prep => '{"scale": "none"}');
SELECT segment, center FROM custseg.segment WHERE model = 'line' ORDER BY 1;
SELECT x, segment, distance, round(confidence::numeric, 9) AS confidence, runner_up,
       (SELECT array_agg(round(u::numeric, 6) ORDER BY i) FROM unnest(memberships) WITH ORDINALITY v (u, i)) AS memberships
FROM (VALUES (2), (5), (0), (29), (1000)) v (x), custseg.predict_detail('line', jsonb_build_object('x', x)) ORDER BY x;
-- what to_jsonb() makes of a float8 that json has no number for
SELECT custseg.predict('line', '{"x": "NaN"}'::jsonb) = custseg.predict('line', '{"x": null}'::jsonb) AS nan_is_missing,
       custseg.predict('line', '{"x": "-Infinity"}'::jsonb) AS infinite;
-- centres at (0, 0), (10, 0) and (20, 10)
SELECT n_segments FROM custseg.train('plane', 'SELECT * FROM (VALUES (0, 0), (0, 0), (0, 0), (10, 0), (10, 0), (20, 10)) v (x, y)', '{x,y}', 3, prep => '{"scale": "none"}');
-- one segment only
SELECT n_segments FROM custseg.train('single', 'customer', '{recency}', 1);
SELECT segment, name, confidence, runner_up, memberships FROM customer c, custseg.predict_detail('single', c) WHERE id = 1;
SELECT feature, value, contribution FROM customer c, custseg.explain('single', c) WHERE id = 1;

--
-- Why
--
SELECT feature, value, round(segment_mean::numeric, 4) AS segment_mean, round(overall_mean::numeric, 4) AS overall_mean,
       round(contribution::numeric, 2) AS contribution
FROM customer c, custseg.explain('m', c) WHERE id = 95;
SELECT DISTINCT segment, name, runner_up, runner_up_name FROM customer c, custseg.explain('m', c) WHERE id = 95;
SELECT count(*) AS customers, min(sum) AS least, max(sum) AS most, bool_and(falls) AS falls, max(n) AS features
FROM (SELECT id, round(sum(contribution)::numeric, 9) AS sum, count(*) AS n, bool_and(falls) AS falls
      FROM (SELECT id, contribution, signed <= lag(signed, 1, 'infinity') OVER (PARTITION BY id ORDER BY position) AS falls
            FROM (SELECT id, contribution, ordinality AS position, CASE speaks_for WHEN segment THEN contribution WHEN runner_up THEN -contribution ELSE 0 END AS signed
                  FROM customer c, ROWS FROM (custseg.explain('m', c)) WITH ORDINALITY) e) e
      GROUP BY id) s;
-- of the difference between the squared distances to the two centres, by hand; half-way between them nothing explodes
SELECT count(*) AS n, count(*) FILTER (WHERE abs(e.contribution - abs(h.part) / h.total) > 1e-9 OR e.speaks_for IS DISTINCT FROM CASE WHEN h.part > 0 THEN e.segment WHEN h.part < 0 THEN e.runner_up END) AS different
FROM (SELECT i * 7919 % 4001 / 100.0 AS x, i * 104729 % 4001 / 100.0 AS y FROM generate_series(1, 200) i) p, custseg.explain('plane', jsonb_build_object('x', p.x, 'y', p.y)) e
JOIN custseg.segment s ON s.model = 'plane' AND s.segment = e.segment
JOIN custseg.segment r ON r.model = 'plane' AND r.segment = e.runner_up,
LATERAL (SELECT CASE e.feature WHEN 'x' THEN dx ELSE dy END AS part, abs(dx) + abs(dy) AS total
         FROM (SELECT (p.x - r.center[1]) ^ 2 - (p.x - s.center[1]) ^ 2 AS dx, (p.y - r.center[2]) ^ 2 - (p.y - s.center[2]) ^ 2 AS dy) d) h;
SELECT segment, runner_up, feature, contribution, speaks_for FROM custseg.explain('plane', '{"x": 15, "y": 5.0000001}'::jsonb);
SELECT feature, contribution, speaks_for FROM custseg.explain('plane', '{"x": 5, "y": 5}'::jsonb);
-- in a sentence, each kind of feature in its own words
SELECT version FROM custseg.train('kinds', 'SELECT i AS id, i % 2 = 0 AS active, date ''2026-01-01'' + i % 2 * 100 AS joined, (i % 2 * 30 || '' days'')::interval AS gap, CASE i % 2 WHEN 0 THEN 900000.5 ELSE 12 END AS spent FROM generate_series(1, 40) i',
    '{active,joined,gap,spent}', 2, id => 'id');
SELECT custseg.explain_text('kinds', c::jsonb) FROM unnest(ARRAY['{"active": true, "joined": "2026-01-05", "gap": "1 day", "spent": 800000}', '{"active": false, "joined": "2026-01-05", "gap": null, "spent": 1}']) c;
SELECT custseg.explain_text('plane', '{"x": 15, "y": 5.0000001}'::jsonb), custseg.explain_text('plane', '{"x": 0, "y": 0}'::jsonb);
SELECT custseg.explain_text('m', c) FROM customer c WHERE id IN (1, 95) ORDER BY id;
SELECT custseg.explain_text('m', '{"recency": null, "monetary": 890, "channel": "fax", "joined": "2024-01-02"}'::jsonb), custseg.explain_text('single', '{"recency": 1}'::jsonb),
       custseg.explain_text('m', NULL::customer), custseg.explain_text(NULL, NULL::customer), custseg.explain_text('skips', '{"recency": null, "monetary": 1}'::jsonb);
-- from json, with gaps and a level never seen
SELECT feature, value, round(segment_mean::numeric, 3) AS segment_mean, round(overall_mean::numeric, 3) AS overall_mean
FROM custseg.explain('m', '{"recency": null, "monetary": 890, "channel": "fax", "joined": "2024-01-02"}'::jsonb) ORDER BY feature;
-- one feature has all of the margin
SELECT feature, value, segment_mean, round(overall_mean::numeric, 9) AS overall_mean, contribution FROM custseg.explain('line', '{"x": 18}'::jsonb);
-- principal components and neighbours
SELECT version FROM custseg.train('turned', 'customer', '{recency,monetary,channel}', 3, prep => '{"pca": 2}');
SELECT version FROM custseg.train('near', 'customer', '{recency,monetary,channel}', 3, prep => '{"impute": "knn", "neighbors": 3}');
SELECT model, round(min(sum)::numeric, 9) AS least, round(max(sum)::numeric, 9) AS most
FROM (SELECT model, id, sum(contribution) AS sum FROM customer c, unnest('{turned,near}'::text[]) model, custseg.explain(model, c)
      GROUP BY model, id) s GROUP BY model ORDER BY model COLLATE "C";
SELECT model, sum((custseg.predict(model, c) = custseg.predict('m', c))::int) AS same FROM customer c, unnest('{turned,near}'::text[]) model
GROUP BY model ORDER BY model COLLATE "C";
SELECT custseg.predict('near', (NULL, 300, NULL, 'phone')::person) AS filled_from_neighbours, custseg.predict('near', (NULL, NULL, NULL, NULL)::person) IS NOT NULL AS from_none;
SELECT count(*), round(sum(contribution)::numeric, 9) AS sum FROM custseg.explain('near', (NULL, 300, NULL, 'phone')::person);

--
-- Models as values
--
SELECT custseg.predict(s.scorer, c) AS segment, count(*) FROM customer c, (SELECT custseg.scorer('m') AS scorer) s GROUP BY 1 ORDER BY 1;
SELECT custseg.predict((SELECT custseg.scorer('m')), to_jsonb(c)) AS segment, count(*) FROM customer c GROUP BY 1 ORDER BY 1;
SELECT provolatile, proparallel FROM pg_proc WHERE oid = 'custseg.predict(custseg.compiled_model, "any")'::regprocedure;
-- text, there and back, is the same to the byte
SELECT model, custseg.scorer(model)::text::custseg.compiled_model::text = custseg.scorer(model)::text AS same,
       pg_column_size(custseg.scorer(model)::text::custseg.compiled_model) = pg_column_size(custseg.scorer(model)) AS same_size,
       (custseg.scorer(model)::jsonb)::text::custseg.compiled_model::text = custseg.scorer(model)::text AS through_jsonb
FROM unnest('{m,turned,near,line,single}'::text[]) model ORDER BY model COLLATE "C";
SET extra_float_digits = 0;
SELECT md5(custseg.scorer('near')::text) AS short \gset
RESET extra_float_digits;
SELECT :'short' = md5(custseg.scorer('near')::text) AS whatever_the_digits;
SELECT j ->> 'model' AS model, j ->> 'version' AS version, j ->> 'algorithm' AS algorithm, jsonb_array_length(j -> 'segments') AS segments,
       (SELECT array_agg(k ORDER BY k COLLATE "C") FROM jsonb_object_keys(j) k) AS keys
FROM (SELECT custseg.scorer('m', 2)::jsonb AS j) s;
SELECT j ->> 'name' AS name, j -> 'n' AS n FROM jsonb_array_elements(custseg.scorer('m')::jsonb -> 'segments') j;
-- kept in a table, large enough to be compressed and moved out
CREATE TABLE kept (model text, scorer custseg.compiled_model);
INSERT INTO kept SELECT model, custseg.scorer(model) FROM unnest('{m,near,turned}'::text[]) model;
SELECT model, count(*) FILTER (WHERE custseg.predict(scorer, c) = custseg.predict(model, c)) AS same FROM kept, customer c GROUP BY 1 ORDER BY model COLLATE "C";
-- different ones in one call
SELECT sum((custseg.predict(x.scorer, x.c) = custseg.predict(x.model, x.c))::int)
FROM (SELECT c, model, scorer FROM customer c, kept ORDER BY c.id, model COLLATE "C" OFFSET 0) x;
-- immutable enough for an index, and it reads no table: the model may be gone
SELECT custseg.scorer('m')::text AS scorer \gset
CREATE TABLE documents AS SELECT id, to_jsonb(c) AS doc FROM customer c;
CREATE INDEX ON documents (custseg.predict(:'scorer'::custseg.compiled_model, doc));
SET enable_seqscan = off;
SELECT count(*) FROM documents WHERE custseg.predict(:'scorer'::custseg.compiled_model, doc) = 3;
RESET enable_seqscan;
SELECT custseg.train('lost', 'customer', '{recency,monetary}', 3) IS NOT NULL AS trained;
SELECT custseg.scorer('lost')::text AS lost \gset
SELECT custseg.drop_model('lost', whole => true);
SELECT custseg.predict(:'lost'::custseg.compiled_model, c) FROM customer c WHERE id = 95;
SELECT custseg.predict(:'lost'::custseg.compiled_model, e) FROM elsewhere e ORDER BY recency LIMIT 1;
-- the other forms by value tell what those by name tell
SELECT
    count(*) AS n,
    count(*) FILTER (WHERE custseg.predict_name(scorer, c) IS NOT DISTINCT FROM custseg.predict_name(model, c)) AS names,
    count(*) FILTER (WHERE custseg.predict_name(scorer, to_jsonb(c)) IS NOT DISTINCT FROM custseg.predict_name(model, c)) AS names_of_json,
    count(*) FILTER (WHERE custseg.predict_detail(scorer, c) IS NOT DISTINCT FROM custseg.predict_detail(model, c)) AS details,
    count(*) FILTER (WHERE (SELECT array_agg(e::text) FROM custseg.explain(scorer, c) e) IS NOT DISTINCT FROM (SELECT array_agg(e::text) FROM custseg.explain(model, c) e)) AS explanations
FROM customer c, kept;
-- whatever the settings
CREATE VIEW explained AS SELECT md5(string_agg(e.value, ',' ORDER BY c.id, model COLLATE "C", feature COLLATE "C")) FROM customer c, kept, custseg.explain(scorer, c) e;
SELECT md5 AS plain FROM explained \gset
SET datestyle = 'SQL, DMY';
SET extra_float_digits = -10;
SELECT md5 = :'plain' AS same FROM explained;
RESET datestyle;
RESET extra_float_digits;
SELECT custseg.predict_name(NULL::custseg.compiled_model, c) AS name, custseg.predict_detail(scorer, NULL::customer) AS detail,
    (SELECT count(*) FROM custseg.explain(NULL::custseg.compiled_model, c)) AS n_rows
FROM customer c, kept WHERE id = 95 AND model = 'm';
SELECT oid::regprocedure, provolatile, proparallel FROM pg_proc WHERE proname ~ '^(predict_name|predict_detail|explain)$' AND pronamespace = 'custseg'::regnamespace ORDER BY oid::regprocedure::text COLLATE "C";
CREATE INDEX ON documents (custseg.predict_name(:'scorer'::custseg.compiled_model, doc));

-- decisions by hand that come as a value, as they do where rows are on other servers
SELECT id, custseg.predict(scorer, c) AS by_model, custseg_private.predict_decided(scorer, c, decisions, '{id}') AS decided, custseg_private.is_decided(scorer, c, decisions, '{id}') AS is_decided
FROM kept, customer c, (VALUES ('[["1", 3], ["2", null], ["3", 1], ["3", 2], ["none", 1], ["4", 77]]'::jsonb)) v (decisions)
WHERE model = 'm' AND id <= 6 ORDER BY id;
-- others from row to row
SELECT id, decisions, custseg_private.predict_decided(scorer, c, decisions, '{id}') AS decided
FROM kept, customer c, (VALUES ('[["1", 1]]'::jsonb), ('[["1", 2]]'), ('[]'), (NULL)) v (decisions)
WHERE model = 'm' AND id <= 2 ORDER BY id, decisions;
SELECT what, outcome(format('SELECT custseg_private.predict_decided(scorer, c, %L, %L) FROM kept, customer c WHERE model = ''m'' AND id = 1', decisions, key))
FROM (VALUES (1, 'no decisions', '[]', '{id}'), (2, 'an object', '{"1": 2}', '{id}'), (3, 'no pair', '[1]', '{id}'), (4, 'half a pair', '[["1"]]', '{id}'), (5, 'a number', '[[1, 1]]', '{id}'),
    (6, 'a fraction', '[["1", 1.5]]', '{id}'), (7, 'a text', '[["1", "1"]]', '{id}'), (8, 'below 0', '[["1", -1]]', '{id}'), (9, 'no key', '[]', '{}'), (10, 'no column', '[]', '{nowhere}'),
    (11, 'NULL', '[]', '{NULL}'), (12, 'two columns', '[["(1,2)", 1]]', '{id,recency}')) v (n, what, decisions, key)
ORDER BY n;
SELECT outcome('SELECT custseg_private.predict_decided(scorer, ''{"recency": 1}''::jsonb, ''[]'', ''{id}'') FROM kept WHERE model = ''m''');

-- an UPDATE as a sharded table would run it
ALTER TABLE customer ADD COLUMN segment int;
UPDATE customer c SET segment = custseg.predict((SELECT custseg.scorer('m')), c);
SELECT segment, count(*) FROM customer GROUP BY 1 ORDER BY 1;

-- Forged ones: none may get in
CREATE FUNCTION forge(definition text) RETURNS text LANGUAGE sql AS
$$ SELECT outcome(format('SELECT custseg.predict(%L::custseg.compiled_model, ''{"recency": 1, "monetary": 2, "channel": "web", "joined": "2024-01-01"}''::jsonb)', definition)) $$;
CREATE TABLE genuine AS SELECT custseg.scorer('m')::jsonb AS j, custseg.scorer('turned')::jsonb AS t, custseg.scorer('near')::jsonb AS k;
SELECT forge(j::text) FROM genuine;
SELECT what, forge(forged) AS outcome FROM genuine, LATERAL (VALUES
    (1, 'empty', ''),
    (2, 'no json', 'scorer'),
    (3, 'half', left(j::text, 500)),
    (4, 'scalar', '1'),
    (5, 'array', '[]'),
    (6, 'empty object', '{}'),
    (7, 'no model', (j - 'model')::text),
    (8, 'model a number', jsonb_set(j, '{model}', '1')::text),
    (9, 'model too long', jsonb_set(j, '{model}', to_jsonb(repeat('x', 64)))::text),
    (10, 'model empty', jsonb_set(j, '{model}', '""')::text),
    (11, 'version 0', jsonb_set(j, '{version}', '0')::text),
    (12, 'version huge', jsonb_set(j, '{version}', '1e30')::text),
    (13, 'algorithm', jsonb_set(j, '{algorithm}', '"magic"')::text),
    (14, 'no pipeline', (j - 'pipeline')::text),
    (15, 'pipeline array', jsonb_set(j, '{pipeline}', '[]')::text),
    (16, 'pipeline empty', jsonb_set(j, '{pipeline}', '{}')::text),
    (17, 'no features', jsonb_set(j, '{pipeline,features}', '[]')::text),
    (18, 'feature no object', jsonb_set(j, '{pipeline,features,0}', '1')::text),
    (19, 'feature kind', jsonb_set(j, '{pipeline,features,0,kind}', '"odd"')::text),
    (20, 'feature name long', jsonb_set(j, '{pipeline,features,0,name}', to_jsonb(repeat('x', 64)))::text),
    (21, 'feature lost', (j #- '{pipeline,features,0}')::text),
    (22, 'category made a number', jsonb_set(j, '{pipeline,features,2,kind}', '"numeric"')::text),
    (23, 'spread 0', jsonb_set(j, '{pipeline,features,0,spread}', '0')::text),
    (24, 'spread negative', jsonb_set(j, '{pipeline,features,0,spread}', '-1')::text),
    (25, 'spread overflow', jsonb_set(j, '{pipeline,features,0,spread}', '1e999')::text),
    (26, 'center null', jsonb_set(j, '{pipeline,features,0,center}', 'null')::text),
    (27, 'impute odd', jsonb_set(j, '{pipeline,features,0,impute}', '"level"')::text),
    (28, 'neighbours without donors', jsonb_set(jsonb_set(j, '{pipeline,features,0,impute}', '"knn"'), '{pipeline,features,0,neighbors}', '5')::text),
    (29, 'levels lost', jsonb_set(j, '{pipeline,features,2,levels}', '[]')::text),
    (30, 'a level more', jsonb_insert(j, '{pipeline,features,2,levels,0}', '{"level": "x", "value": 1, "count": 1, "other": false}')::text),
    (31, 'level count negative', jsonb_set(j, '{pipeline,features,2,levels,0,count}', '-1')::text),
    (32, 'fill outside', jsonb_set(jsonb_set(j, '{pipeline,features,2,impute}', '"mode"'), '{pipeline,features,2,fill}', '99')::text),
    (33, 'no segments', jsonb_set(j, '{segments}', '[]')::text),
    (34, 'segments object', jsonb_set(j, '{segments}', '{}')::text),
    (35, 'segment no object', jsonb_set(j, '{segments,1}', '[]')::text),
    (36, 'same number twice', jsonb_set(j, '{segments,1,segment}', '1')::text),
    (37, 'number negative', jsonb_set(j, '{segments,0,segment}', '-1')::text),
    (38, 'number too large', jsonb_set(j, '{segments,2,segment}', '2147483648')::text),
    (39, 'center short', (j #- '{segments,0,center,0}')::text),
    (40, 'center long', jsonb_insert(j, '{segments,0,center,0}', '1')::text),
    (41, 'center no number', jsonb_set(j, '{segments,0,center,0}', '"1"')::text),
    (42, 'center overflow', jsonb_set(j, '{segments,0,center,0}', '1e999')::text),
    (43, 'profile short', (j #- '{segments,0,profile,0}')::text),
    (44, 'name a number', jsonb_set(j, '{segments,0,name}', '7')::text),
    (45, 'n negative', jsonb_set(j, '{segments,0,n}', '-5')::text),
    (46, 'n too large', jsonb_set(j, '{segments,0,n}', '1e19')::text),
    (47, 'component short', (t #- '{pipeline,pca,components,0,0}')::text),
    (48, 'component lost', (t #- '{pipeline,pca,components,0}')::text),
    (49, 'pca mean short', (t #- '{pipeline,pca,mean,0}')::text),
    (50, 'pca a number', jsonb_set(t, '{pipeline,pca}', '3')::text),
    (51, 'donor short', (k #- '{pipeline,donors,5,0}')::text),
    (52, 'donors lost', jsonb_set(k, '{pipeline,donors}', 'null')::text),
    (53, 'donors few', jsonb_set(k, '{pipeline,donors}', '[[1,1,1,1,1]]')::text),
    (54, 'neighbours many', jsonb_set(k, '{pipeline,features,0,neighbors}', '1e6')::text)
) f (i, what, forged) ORDER BY i;
-- what is valid but odd does no harm either
SELECT what, forge(forged) AS outcome FROM genuine, LATERAL (VALUES
    (1, 'no longer a distance', jsonb_set(jsonb_set(jsonb_set(j, '{segments,0,center,0}', '1e300'), '{segments,1,center,0}', '1e300'), '{segments,2,center,0}', '-1e300')::text),
    (2, 'tiny spread', jsonb_set(j, '{pipeline,features,0,spread}', '1e-320')::text),
    (3, 'other numbers', jsonb_set(jsonb_set(j, '{segments,1,segment}', '70'), '{segments,2,segment}', '2147483647')::text),
    (4, 'other keys', jsonb_set(j, '{more}', '[1, {"a": 2}]')::text)
) f (i, what, forged) ORDER BY i;

--
-- All of a source
--
SELECT id, segment, name, distance >= 0 AS away, confidence BETWEEN 0 AND 1 AS sure FROM custseg.score('m') WHERE id IN ('1', '70', '95') ORDER BY id;
SELECT segment, name, count(*), count(DISTINCT id) AS ids FROM custseg.score('m') GROUP BY 1, 2 ORDER BY 1;
SELECT count(*) FROM custseg.score('m') s JOIN customer c ON c.id::text = s.id, custseg.predict_detail('m', c) d
WHERE (d.segment, d.name, d.distance, d.confidence) = (s.segment, s.name, s.distance, s.confidence);
SELECT segment, count(*), count(id) AS ids FROM custseg.score('m', 'shown') GROUP BY 1 ORDER BY 1;
SELECT id, segment FROM custseg.score('m', 'SELECT * FROM customer WHERE id > 97 ORDER BY id DESC');
SELECT segment, count(*) FROM custseg.score('m', version => 2) GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM custseg.score('m', 'SELECT * FROM customer WHERE false');
SELECT id, segment, name, distance FROM custseg.score('skips', 'SELECT 1 AS id, NULL::int AS recency, 1 AS monetary');
SELECT outcome($$SELECT count(*) FROM custseg.score('m', 'nowhere')$$);
SELECT outcome($$SELECT count(*) FROM custseg.score('m', 'SELECT 1 AS recency')$$);
SELECT outcome($$SELECT count(*) FROM custseg.score('m', 'DELETE FROM customer RETURNING *')$$);
SELECT outcome($$SELECT count(*) FROM custseg.score('nobody')$$);

--
-- The trigger
--
CREATE TABLE arrival (id int GENERATED ALWAYS AS IDENTITY, segment smallint, channel text, joined date, recency int, monetary float8);
CREATE TRIGGER assign BEFORE INSERT OR UPDATE ON arrival FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('m', 'segment');
INSERT INTO arrival (recency, monetary, channel, joined) VALUES (10, 50, 'shop', '2024-01-02'), (100, 400, 'web', '2024-01-02'), (300, 900, NULL, NULL);
INSERT INTO arrival (recency, monetary, channel, joined, segment) VALUES (10, 50, 'shop', '2024-01-02', 99) RETURNING segment;
SELECT id, segment FROM arrival ORDER BY id;
UPDATE arrival SET recency = 300, monetary = 900, channel = 'phone' WHERE id = 1 RETURNING id, segment;
WITH u AS (UPDATE arrival SET segment = 77 RETURNING id, segment) SELECT * FROM u ORDER BY id;
INSERT INTO arrival (recency, monetary) VALUES ('10', 'infinity') RETURNING segment;
-- a new deployment is seen by the next row; a trigger may name its version
SELECT custseg.deploy('m', 2);
UPDATE arrival SET recency = recency WHERE id = 2 RETURNING segment, custseg.predict('m', arrival, 2) = segment AS newest;
SELECT custseg.rollback('m');
UPDATE arrival SET recency = recency WHERE id = 2 RETURNING segment;
DROP TRIGGER assign ON arrival;
CREATE TRIGGER assign BEFORE INSERT OR UPDATE ON arrival FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('m', 'segment', '2');
UPDATE arrival SET recency = recency WHERE id = 2 RETURNING custseg.predict('m', arrival, 2) = segment AS second;
-- partitions, another trigger before it, COPY
CREATE TABLE split (id int, recency int, monetary float8, channel text, joined date, segment bigint) PARTITION BY RANGE (id);
CREATE TABLE split_1 PARTITION OF split FOR VALUES FROM (0) TO (50);
CREATE TABLE split_2 (segment bigint, joined date, id int, channel text, recency int, monetary float8);
ALTER TABLE split ATTACH PARTITION split_2 FOR VALUES FROM (50) TO (500);
CREATE TRIGGER assign BEFORE INSERT OR UPDATE ON split FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('m', 'segment');
INSERT INTO split SELECT id, recency, monetary, channel, joined FROM customer;
SELECT tableoid::regclass, segment, count(*) FROM split GROUP BY 1, 2 ORDER BY 1, 2;
COPY split (id, recency, monetary, channel, joined) FROM stdin;
200	300	900	phone	2024-01-02
7	300	900	phone	2024-01-02
\.
SELECT id, segment FROM split WHERE recency = 300 AND monetary = 900 ORDER BY id;
-- misuse
SELECT custseg.assign_segment();
\echo :LAST_ERROR_SQLSTATE
CREATE TABLE misuse (recency int, monetary float8, channel text, joined date, segment int, label text,
    generated int GENERATED ALWAYS AS (recency * 2) STORED);
CREATE FUNCTION misuse(trigger_text text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'CREATE TRIGGER t ' || trigger_text;
    RETURN outcome('INSERT INTO misuse (recency, monetary) VALUES (1, 2) RETURNING segment');
END $$;
BEGIN;
SAVEPOINT s;
SELECT misuse('AFTER INSERT ON misuse FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment(''m'', ''segment'')');
ROLLBACK TO s;
SELECT misuse('BEFORE INSERT ON misuse FOR EACH STATEMENT EXECUTE FUNCTION custseg.assign_segment(''m'', ''segment'')');
ROLLBACK TO s;
SELECT misuse('BEFORE INSERT ON misuse FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment(''m'')');
ROLLBACK TO s;
SELECT misuse('BEFORE INSERT ON misuse FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment(''nobody'', ''segment'')');
ROLLBACK TO s;
SELECT misuse('BEFORE INSERT ON misuse FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment(''m'', ''nowhere'')');
ROLLBACK TO s;
SELECT misuse('BEFORE INSERT ON misuse FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment(''m'', ''label'')');
ROLLBACK TO s;
SELECT misuse('BEFORE INSERT ON misuse FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment(''m'', ''generated'')');
ROLLBACK TO s;
SELECT misuse('BEFORE INSERT ON misuse FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment(''m'', ''segment'', ''0'')');
ROLLBACK TO s;
SELECT misuse('BEFORE INSERT ON misuse FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment(''m'', ''segment'', ''x'')');
ROLLBACK TO s;
SELECT misuse('BEFORE INSERT ON misuse FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment(''m'', ''segment'', ''9'')');
ROLLBACK TO s;
SELECT misuse('BEFORE INSERT ON misuse FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment(''m'', ''segment'', ''1'', ''warn'', ''warn'')');
ROLLBACK TO s;
SELECT misuse('BEFORE INSERT ON misuse FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment(''m'', ''nowhere'', ''warn'')');
ROLLBACK TO s;
ALTER TABLE misuse ADD an_identifier_of_more_than_63_bytes_is_cut_but_a_text_is_not_and_so_names_nothing int;
SELECT misuse('BEFORE INSERT ON misuse FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment(''m'', ''an_identifier_of_more_than_63_bytes_is_cut_but_a_text_is_not_and_so_names_nothing'', ''warn'')');
ROLLBACK TO s;
SELECT version FROM custseg.train('generated', 'SELECT recency, monetary, recency AS generated FROM customer', '{recency,monetary,generated}', 3);
SELECT misuse('BEFORE INSERT ON misuse FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment(''generated'', ''segment'')');
ROLLBACK TO s;
ALTER TABLE misuse DROP COLUMN channel;
SELECT misuse('BEFORE INSERT ON misuse FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment(''m'', ''segment'')');
ROLLBACK;
-- a trigger that warns writes the row all the same: no model, a version that is gone, no right, no feature
CREATE TABLE warned (id int, recency int, monetary float8, channel text, joined date, segment int);
CREATE TRIGGER assign BEFORE INSERT OR UPDATE ON warned FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('later', 'segment', 'warn');
INSERT INTO warned SELECT id, recency, monetary, channel, joined FROM customer WHERE id <= 50;
SELECT version FROM custseg.train('later', 'customer', '{recency,monetary}', 3);
UPDATE warned SET recency = recency;
SELECT count(*), count(*) FILTER (WHERE segment = custseg.predict('later', w)) AS right FROM warned w;
CREATE ROLE regress_cs_writer;
GRANT INSERT ON warned TO regress_cs_writer;
GRANT USAGE ON SCHEMA custseg, scoring_test TO regress_cs_writer;
SET ROLE regress_cs_writer;
INSERT INTO warned VALUES (1001, 1, 1), (1002, 1, 1);
RESET ROLE;
ALTER TABLE warned RENAME recency TO since;
INSERT INTO warned VALUES (1003, 1, 1), (1004, 1, 1);
ALTER TABLE warned RENAME since TO recency;
DROP TRIGGER assign ON warned;
CREATE TRIGGER assign BEFORE INSERT OR UPDATE ON warned FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('later', 'segment', 'warn', '1');
SELECT outcome('SELECT custseg.drop_model(''later'', 1)');
SELECT version FROM custseg.train('later', 'customer', '{recency,monetary}', 2, deploy => true);
SELECT custseg.drop_model('later', 1, ignore_triggers => true);
INSERT INTO warned VALUES (1005, 1, 1) RETURNING segment;
SELECT id, segment FROM warned WHERE id > 1000 ORDER BY id;
DROP TABLE warned;
DROP OWNED BY regress_cs_writer;
DROP ROLE regress_cs_writer;
SELECT custseg.drop_model('later', whole => true);

--
-- resegment
--
UPDATE customer SET segment = NULL;
CALL custseg.resegment('m', 'customer');
SELECT bool_and(segment = custseg.predict('m', c)) AS same FROM customer c;
SELECT version, source, run_by = current_user AS mine, run_at <= clock_timestamp() AS past, from_segment, to_segment, n
FROM custseg.migration WHERE model = 'm' ORDER BY id;
-- a second run changes nothing, not even where rows lie
CREATE TABLE places AS SELECT id, ctid AS place FROM customer;
CALL custseg.resegment('m', 'customer');
SELECT count(*) FROM customer c JOIN places p ON p.id = c.id AND p.place = c.ctid;
-- some move: a customer who turns, a number that was wrong, one that cannot be placed
UPDATE customer SET recency = 300, monetary = 900, channel = 'phone' WHERE id <= 2;
UPDATE customer SET segment = 2 WHERE id = 3;
UPDATE customer SET monetary = 'infinity' WHERE id = 4;
UPDATE customer SET segment = -5 WHERE id = 5;
CALL custseg.resegment('m', 'scoring_test.customer', 'segment');
SELECT from_segment, to_segment, n FROM custseg.migration
WHERE run_at = (SELECT max(run_at) FROM custseg.migration) ORDER BY from_segment, to_segment;
CALL custseg.resegment('m', 'customer');
UPDATE customer SET monetary = 52 WHERE id = 4;
-- a version, another column, a column of another width, an odd name
ALTER TABLE customer ADD COLUMN "Old Segment" bigint;
CALL custseg.resegment('m', 'customer', 'Old Segment', version => 2);
SELECT bool_and("Old Segment" = custseg.predict('m', c, 2)) AS same FROM customer c;
SELECT DISTINCT version FROM custseg.migration WHERE run_at = (SELECT max(run_at) FROM custseg.migration);
-- partitions, a table without rows, a transaction that is rolled back
UPDATE split SET segment = 0;
ALTER TABLE split DISABLE TRIGGER assign;
UPDATE split SET segment = 0;
CALL custseg.resegment('m', 'split');
SELECT bool_and(segment = custseg.predict('m', s)) AS same FROM split s;
CREATE TABLE none (LIKE customer);
CALL custseg.resegment('m', 'none');
BEGIN;
UPDATE customer SET segment = 9;
CALL custseg.resegment('m', 'customer');
ROLLBACK;
CALL custseg.resegment('m', 'customer');
-- from PL/pgSQL
DO $$
DECLARE
    changed bigint;
    total bigint;
BEGIN
    UPDATE customer SET segment = NULL WHERE id > 98;
    CALL custseg.resegment('m', 'customer', rows_changed => changed, rows_total => total);
    RAISE NOTICE '% of %', changed, total;
END $$;
-- the rows that are asked for, in a column that is made; the next call has it already
CALL custseg.resegment('m', 'customer', 'made', "where" => 'id <= 10 -- the first', create_column => true);
SELECT count(*) FILTER (WHERE made = custseg.predict('m', c)) AS same, count(made) AS n FROM customer c;
CALL custseg.resegment('m', 'customer', 'made', create_column => true, keep_days => 1);
-- runs that are older than it is told to keep, and of this model
SELECT count(*) > 0 AS kept FROM custseg.migration WHERE model = 'm';
UPDATE custseg.migration SET run_at = run_at - interval '3 days' WHERE version = 2;
CALL custseg.resegment('m', 'customer', keep_days => 2);
SELECT count(*) FILTER (WHERE version = 2) AS old, count(*) > 0 AS kept, bool_and(finished_at >= run_at) AS finished FROM custseg.migration WHERE model = 'm';
SELECT outcome($$CALL custseg.resegment('m', 'nowhere')$$);
SELECT outcome($$CALL custseg.resegment('m', 'customer', batch => 10)$$);
SELECT outcome($$CALL custseg.resegment('m', 'customer', batch => 0)$$);
SELECT outcome($$CALL custseg.resegment('m', 'customer', keep_days => -1)$$);
SELECT outcome($$CALL custseg.resegment('m', 'customer', "where" => 'nowhere > 3')$$);
SELECT outcome(format('CALL custseg.resegment(''m'', ''customer'', "where" => %L)', condition))
FROM unnest('{"true LIMIT 3", "true) UNION SELECT (true", "true; DELETE FROM customer", ""}'::text[]) condition;
SELECT outcome($$CALL custseg.resegment('m', 'shown')$$);
SELECT outcome($$CALL custseg.resegment('m', 'SELECT 1')$$);
SELECT outcome($$CALL custseg.resegment('m', 'customer', 'nowhere')$$);
-- which row of several is met first hangs on where PostgreSQL has put them
CREATE TABLE shopper AS SELECT * FROM customer WHERE channel = 'shop';
SELECT outcome($$CALL custseg.resegment('m', 'shopper', 'channel')$$);
SELECT outcome($$CALL custseg.resegment('m', 'arrival', version => 9)$$);
SELECT outcome($$CALL custseg.resegment('m', 'places', 'id')$$);
SELECT outcome($$CALL custseg.resegment('nobody', 'customer')$$);
SELECT outcome($$CALL custseg.resegment('m', NULL)$$);
SELECT outcome($$CALL custseg.resegment('m', 'customer', 'ctid')$$);

--
-- What a session keeps of a model is never stale
--
CREATE FUNCTION name_of(c customer) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN custseg.predict_name('cached', c); END $$;
CREATE FUNCTION number_of(wanted int) RETURNS int LANGUAGE plpgsql STABLE AS $$
DECLARE c customer; BEGIN SELECT * INTO c FROM customer WHERE id = wanted; RETURN custseg.predict('cached', c); END $$;
SELECT n_segments FROM custseg.train('cached', 'customer', '{recency,monetary}', 3);
PREPARE kept_plan AS SELECT custseg.predict_name('cached', c) AS name, custseg.predict('cached', c) AS number, name_of(c), number_of(id)
FROM customer c WHERE id = 95;
SET plan_cache_mode = force_generic_plan;
EXECUTE kept_plan;
SELECT custseg.name_segment('cached', 3, 'renamed');
EXECUTE kept_plan;
BEGIN;
SELECT custseg.name_segment('cached', 3, 'for a moment');
EXECUTE kept_plan;
SAVEPOINT s;
SELECT n_segments FROM custseg.train('cached', 'customer', '{recency,monetary}', 2, deploy => true);
SELECT custseg.name_segment('cached', segment, 'deeper ' || segment) FROM custseg.segments WHERE model = 'cached' AND deployed;
EXECUTE kept_plan;
ROLLBACK TO s;
EXECUTE kept_plan;
ROLLBACK;
EXECUTE kept_plan;
SELECT n_segments FROM custseg.train('cached', 'customer', '{recency,monetary}', 1, deploy => true);
SELECT count(DISTINCT custseg.predict('cached', c)) FROM customer c;
EXECUTE kept_plan;
SELECT custseg.rollback('cached');
EXECUTE kept_plan;
BEGIN;
SELECT custseg.drop_model('cached', whole => true);
SAVEPOINT s;
EXECUTE kept_plan;
ROLLBACK TO s;
ROLLBACK;
EXECUTE kept_plan;
-- a version dropped and its number taken again in one transaction
BEGIN;
SAVEPOINT s;
SELECT version, n_segments FROM custseg.train('cached', 'customer', '{recency,monetary}', 2);
SELECT count(DISTINCT custseg.predict('cached', c, 3)) FROM customer c;
ROLLBACK TO s;
SELECT version, n_segments FROM custseg.train('cached', 'customer', '{recency,monetary}', 3);
SELECT count(DISTINCT custseg.predict('cached', c, 3)) FROM customer c;
ROLLBACK;
-- an exception block in PL/pgSQL is a savepoint
DO $$
BEGIN
    BEGIN
        PERFORM custseg.name_segment('cached', 3, 'in vain');
        RAISE NOTICE '%', (SELECT name_of(c) FROM customer c WHERE id = 95);
        RAISE EXCEPTION 'undo';
    EXCEPTION WHEN raise_exception THEN NULL;
    END;
    RAISE NOTICE '%', (SELECT name_of(c) FROM customer c WHERE id = 95);
END $$;
-- ALTER TABLE between calls
DROP VIEW shown;
ALTER TABLE customer ADD COLUMN extra text DEFAULT 'x';
EXECUTE kept_plan;
SELECT number_of(95);
ALTER TABLE customer DROP COLUMN joined;
SELECT number_of(95);
ALTER TABLE customer ALTER COLUMN recency TYPE numeric, ALTER COLUMN monetary TYPE real;
SELECT number_of(95);
SELECT custseg.predict('cached', c) FROM customer c WHERE id = 95;
ALTER TABLE customer RENAME COLUMN recency TO since;
SELECT outcome('SELECT number_of(95)');
ALTER TABLE customer RENAME COLUMN since TO recency;
SELECT number_of(95);
ALTER TABLE customer ALTER COLUMN recency TYPE text;
SELECT outcome('SELECT number_of(95)');
ALTER TABLE customer ALTER COLUMN recency TYPE int USING recency::int;
SELECT number_of(95);
RESET plan_cache_mode;
DEALLOCATE kept_plan;
-- models that do not fit in what a session may keep: dropped and read again
SELECT n_segments FROM custseg.train('large 1', 'SELECT i % 100 AS a, i % 17 AS b FROM generate_series(1, 5000) i', '{a,b}', 3,
    prep => '{"impute": "knn"}', options => '{"n_init": 1, "silhouette_sample": 0}');
SELECT n_segments FROM custseg.train('large 2', 'SELECT i % 100 AS a, i % 17 AS b FROM generate_series(1, 5000) i', '{a,b}', 2,
    prep => '{"impute": "knn"}', options => '{"n_init": 1, "silhouette_sample": 0}');
SET custseg.cache_size = '64kB';
SELECT pg_column_size(custseg.scorer('large 1')) > 65536 AS larger;
SELECT count(DISTINCT custseg.predict(model, x)) FROM (SELECT i % 100 AS a, i % 17 AS b FROM generate_series(1, 20) i) x,
    (VALUES ('large 1'), ('large 2')) v (model);
SELECT count(*) FROM (SELECT i * 5 AS a, CASE WHEN i % 2 = 0 THEN i END AS b FROM generate_series(1, 20) i) x
WHERE custseg.predict('large 1', x) BETWEEN 1 AND 3 AND custseg.predict('large 2', x) BETWEEN 1 AND 2 AND custseg.predict_name('large 1', x) <> '';
\set VERBOSITY sqlstate
SET custseg.cache_size = '1kB';
\set VERBOSITY default
RESET custseg.cache_size;

--
-- Parallel query gives what one process gives
--
CREATE TABLE many AS SELECT i AS id, (i * 7919) % 400 AS recency, (i * 104729) % 1000 + 0.5 AS monetary,
    (ARRAY['shop', 'web', 'phone', NULL])[1 + i % 4] AS channel, date '2024-01-01' + i % 3 AS joined FROM generate_series(1, 20000) i;
ANALYZE many;
CREATE FUNCTION tally() RETURNS TABLE (what text, segment int, n bigint) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT 'model', custseg.predict('m', m), count(*) FROM many m GROUP BY 2
    UNION ALL SELECT 'uncommitted', custseg.predict('young', m), count(*) FROM many m GROUP BY 2
    UNION ALL SELECT 'name', max(custseg.predict('m', m)), count(*) FROM many m GROUP BY custseg.predict_name('m', m)
    UNION ALL SELECT 'detail', (custseg.predict_detail('m', m)).segment, count(*) FROM many m GROUP BY 2
    UNION ALL SELECT 'value', custseg.predict((SELECT custseg.scorer('m')), m), count(*) FROM many m GROUP BY 2
    UNION ALL SELECT 'pca', custseg.predict('turned', m), count(*) FROM many m GROUP BY 2;
END $$;
BEGIN;
SELECT n_segments FROM custseg.train('young', 'many', '{recency,monetary}', 4, options => '{"n_init": 1, "silhouette_sample": 0}');
SET LOCAL max_parallel_workers_per_gather = 0;
CREATE TABLE serial_tally AS SELECT * FROM tally();
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT sum(custseg.predict('m', m)) FROM many m;
CREATE TABLE parallel_tally AS SELECT * FROM tally();
SELECT what, count(*) AS segments, sum(n) FROM parallel_tally GROUP BY what ORDER BY what COLLATE "C";
SELECT * FROM parallel_tally EXCEPT SELECT * FROM serial_tally;
SELECT * FROM serial_tally EXCEPT SELECT * FROM parallel_tally;
-- what goes wrong in a worker is told as it is anywhere
\set SHOW_CONTEXT never
SELECT sum(custseg.predict('m', m)) FROM (SELECT id, recency FROM many) m;
\set SHOW_CONTEXT errors
ROLLBACK;

SELECT count(*) > 5 AS dropped FROM (SELECT custseg.drop_model(name, whole => true, ignore_triggers => true) FROM custseg.model OFFSET 0) d;
SET client_min_messages = warning;
DROP SCHEMA scoring_test CASCADE;
\i :root/test/clean.sql
