--
-- Customers who come as json, and are told of as json: predict_json() says what predict_detail() says.
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS predict_json_test CASCADE;
CREATE SCHEMA predict_json_test;
SET search_path = predict_json_test, public;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
-- names are written in both directions, and psql's versions disagree on how wide they are
\pset format unaligned

CREATE TABLE customer AS
SELECT i AS id, CASE WHEN i % 11 > 0 THEN i % 7 + i % 3 * 40 END AS recency, (i % 2 * 9 + i % 5 + i / 977.0)::float8 AS monetary,
    (ARRAY['web', 'shop', 'phone'])[1 + i % 3] AS channel, i % 4 = 0 AS member, date '2024-01-01' + i % 90 AS joined,
    ARRAY[i % 3, i % 5 / 7.0]::float8[] AS taste
FROM generate_series(1, 300) i;
SELECT version FROM custseg.train('m', 'customer', '{recency,monetary,channel,member,joined,taste}', 3, id => 'id');
SELECT custseg.name_segment('m', 2, E'<b>"two"</b> \\ % / \u202e\U0001f600');

-- what predict_detail() tells, as an object whose keys are always there
CREATE FUNCTION as_detail(model text, customer jsonb, version int DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('segment', d.segment, 'name', d.name, 'distance', d.distance, 'confidence', d.confidence, 'runner_up', d.runner_up,
        'memberships', to_jsonb(d.memberships))
    FROM custseg.predict_detail(model, customer, version) d
$$;
SELECT jsonb_pretty(custseg.predict_json('m', to_jsonb(c)) - '{distance,confidence,memberships}'::text[]) FROM customer c WHERE id = 1;
SELECT count(*) AS n, count(*) FILTER (WHERE custseg.predict_json('m', to_jsonb(c)) - '{model,version,assigned_by}'::text[] = as_detail('m', to_jsonb(c))) AS same,
    count(*) FILTER (WHERE custseg.predict_json('m', to_jsonb(c)) @> '{"model": "m", "version": 1, "assigned_by": "model"}') AS told
FROM customer c;
-- by an algorithm with noise, with probabilities, of one segment, by rules, and by a tree
SELECT version FROM custseg.train('dbscan', 'SELECT * FROM customer WHERE id % 2 = 0', '{recency,monetary}', algorithm => 'dbscan', id => 'id', options => '{"eps": 0.3, "min_samples": 5}');
SELECT version FROM custseg.train('gmm', 'customer', '{recency,monetary}', 3, algorithm => 'gmm', id => 'id');
SELECT version FROM custseg.train('one', 'customer', '{recency,monetary}', 1, id => 'id');
SELECT version FROM custseg.train('rules', 'customer', algorithm => 'rules', options => '{"segments": [{"name": "low", "when": {"monetary": {"to": 6}}}, {"name": "high"}], "else": "high"}');
SELECT version FROM custseg.train('tree', 'customer', '{recency,monetary}', algorithm => 'tree', options => '{"model": "gmm"}');
SELECT m.name, count(*) AS n, count(*) FILTER (WHERE custseg.predict_json(m.name, to_jsonb(c)) - '{model,version,assigned_by}'::text[] = as_detail(m.name, to_jsonb(c))) AS same,
    count(*) FILTER (WHERE custseg.predict_json(m.name, to_jsonb(c)) @> '{"segment": 0}') AS noise
FROM customer c, custseg.model m
GROUP BY m.name ORDER BY 1;
SELECT custseg.predict_json('one', '{"recency": 1, "monetary": 2}') - '{distance}'::text[];

-- the numbers are exact, whatever the settings
SET extra_float_digits = -10;
SELECT (j ->> 'distance')::float8 = d.distance AS distance, (j ->> 'confidence')::float8 = d.confidence AS confidence, 
    ARRAY(SELECT m::float8 FROM jsonb_array_elements_text(j -> 'memberships') m) = d.memberships AS memberships
FROM customer c, custseg.predict_json('m', to_jsonb(c)) j, custseg.predict_detail('m', to_jsonb(c)) d WHERE id = 7;
RESET extra_float_digits;

-- values at the edges are what they are to predict_detail(): the same answer, or the same error
CREATE TABLE edge (label text, customer jsonb);
INSERT INTO edge
SELECT label, custom FROM (SELECT to_jsonb(c) AS base FROM customer c WHERE id = 5) b, LATERAL (VALUES
    ('as it is', base), ('1e400', base || '{"monetary": 1e400}'), ('-1e400', base || '{"monetary": -1e400}'), ('1e-400', base || '{"monetary": 1e-400}'),
    ('1e308', base || '{"monetary": 1e308}'), ('2^53 + 1', base || '{"monetary": 9007199254740993}'), ('many digits', base || '{"monetary": 3.00000000000000000000000001}'),
    ('"NaN"', base || '{"monetary": "NaN"}'), ('"Infinity"', base || '{"monetary": "Infinity"}'), ('null', base || '{"monetary": null}'), ('all null', '{"recency": null, "monetary": null, "channel": null, "member": null, "joined": null, "taste": null}'),
    ('level never seen', base || '{"channel": "pigeon"}'), ('no key', base - 'monetary'), ('nothing', '{}'), ('text for a number', base || '{"monetary": "12"}'),
    ('number for a text', base || '{"channel": 3}'), ('object for a number', base || '{"monetary": {}}'), ('number for a boolean', base || '{"member": 1}'), ('no date', base || '{"joined": "tomorrow-ish"}'),
    ('infinity for a date', base || '{"joined": "infinity"}'), ('a short vector', base || '{"taste": [1]}'), ('a text in a vector', base || '{"taste": [1, "x"]}'), ('keys that do not matter', base || '{"monetarY": 1, "": [[]]}'),
    ('null itself', 'null'), ('a text', '"c"'), ('a number', '3')) v (label, custom);
SELECT label, ours, CASE WHEN ours = theirs THEN 'same' ELSE theirs END AS predict_detail
FROM edge e,
    LATERAL outcome(format('SELECT j - ''{model,version,distance,confidence,memberships}''::text[] FROM custseg.predict_json(''m'', %L) j', e.customer)) ours,
    LATERAL outcome(format('SELECT as_detail(''m'', %L) - ''{distance,confidence,memberships}''::text[] || jsonb_build_object(''assigned_by'', CASE WHEN custseg.predict(''m'', %L::jsonb) IS NOT NULL THEN ''model'' END)', e.customer, e.customer)) theirs;
-- what json cannot hold is null
SELECT version FROM custseg.train('far', 'SELECT id, id % 2 * 1e-10 AS x, id % 3 * 1e-10 AS y FROM customer', '{x,y}', 2, id => 'id', prep => '{"scale": "none"}');
SELECT d.segment, d.distance, j -> 'segment' AS segment, j -> 'distance' AS distance, jsonb_path_exists(j, '$.** ? (@.type() == "string" && @ like_regex "^(-?Infinity|NaN)$")') AS has_word
FROM (VALUES (jsonb '{"x": 1e200, "y": 0}')) v (c), custseg.predict_detail('far', c) d, custseg.predict_json('far', c) j;

-- an array in, an array out, in the same order and by one version
SELECT custseg.predict_json('m', jsonb_agg(to_jsonb(c) ORDER BY id)) = jsonb_agg(custseg.predict_json('m', to_jsonb(c)) ORDER BY id) AS same FROM customer c;
SELECT custseg.predict_json('m', '[]');
SELECT custseg.predict_json('m', jsonb_build_array(to_jsonb(c), to_jsonb(c) || '{"monetary": 1e400}')) @> '[{"assigned_by": "model"}, {"segment": null, "assigned_by": null}]' AS told FROM customer c WHERE id = 5;
-- an error of one is an error of the call, and says which one it is
\set VERBOSITY default
SELECT custseg.predict_json('m', jsonb_build_array(to_jsonb(c), to_jsonb(c) - 'monetary')) FROM customer c WHERE id = 5;
SELECT custseg.predict_json('m', '[[{}]]');
SELECT custseg.predict_json('m', '[3]');
\echo :LAST_ERROR_SQLSTATE

-- a version of one's choice, NULLs
SELECT version FROM custseg.train('m', 'customer', '{recency,monetary}', 2, id => 'id');
SELECT custseg.predict_json('m', to_jsonb(c)) -> 'version' AS deployed, custseg.predict_json('m', to_jsonb(c), 2) -> 'version' AS second,
    custseg.predict_json('m', to_jsonb(c), version => 2) - '{model,version,assigned_by}'::text[] = as_detail('m', to_jsonb(c), 2) AS same,
    custseg.predict_json('m', jsonb_build_array(to_jsonb(c)), 2) #> '{0,version}' AS of_array
FROM customer c WHERE id = 1;
SELECT custseg.predict_json(NULL, '{}') IS NULL AS no_model, custseg.predict_json('m', NULL) IS NULL AS no_customer;
SELECT outcome('SELECT custseg.predict_json(''nothing'', ''{}'')'), outcome('SELECT custseg.predict_json(''m'', ''{}'', 9)'), outcome('SELECT custseg.predict_json(''m'', ''{}'', 0)');

-- decisions by hand are honoured where the id comes along, in an array too
SELECT custseg.override_segment('m', 3, 2, 'key account'), custseg.exclude('m', 4, 'objected');
SELECT id, custseg.predict_json('m', to_jsonb(c)) - '{distance,confidence,memberships}'::text[] FROM customer c WHERE id IN (3, 4, 5) ORDER BY id;
SELECT jsonb_path_query_array(custseg.predict_json('m', jsonb_agg(to_jsonb(c) ORDER BY id)), '$[*].assigned_by') FROM customer c WHERE id <= 5;
SELECT custseg.predict_json('m', to_jsonb(c) - 'id') -> 'assigned_by' AS without_id, custseg.predict_json('m', to_jsonb(c) || '{"id": "3"}') -> 'assigned_by' AS as_text,
    custseg.predict_json('m', to_jsonb(c) || '{"id": "three"}') -> 'assigned_by' AS no_id
FROM customer c WHERE id = 3;
SELECT custseg.end_override('m', 3), custseg.end_override('m', 4);
-- they are kept with the model that is at hand: what is decided, ended or expires meanwhile counts all the same
CREATE FUNCTION by_hand(id int) RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(' ', j ->> 'assigned_by', CASE WHEN j ->> 'assigned_by' = 'override' THEN j ->> 'segment' END)
    FROM customer c, custseg.predict_json('m', to_jsonb(c)) j WHERE c.id = by_hand.id $$;
SELECT custseg.exclude(NULL, 6, 'objected to all'), custseg.override_segment('m', 5, 3, 'key account');
SELECT by_hand(5), by_hand(6), by_hand(7);
-- a decision expires for the transactions that begin later, and an older one holds again
BEGIN;
SELECT custseg.override_segment('m', 5, 2, 'another one'), custseg.override_segment('m', 6, 1, 'asked for it, for a moment', clock_timestamp() + interval '20 ms'), custseg.exclude('m', 7, 'for a moment', clock_timestamp() + interval '20 ms');
SELECT pg_sleep(0.03);
SELECT by_hand(5), by_hand(6), by_hand(7);
COMMIT;
SELECT by_hand(5), by_hand(6), by_hand(7);
BEGIN;
SELECT custseg.end_override('m', 5);
SAVEPOINT s;
SELECT custseg.exclude('m', 5, 'in doubt');
SELECT by_hand(5);
ROLLBACK TO s;
SELECT by_hand(5);
ROLLBACK;
SELECT by_hand(5);
SELECT custseg.end_override('m', 5), custseg.end_override(NULL, 6);
SELECT by_hand(5), by_hand(6), by_hand(7);
-- a version without the segment says so, each time
SELECT custseg.override_segment('m', 5, (SELECT min(segment) FROM custseg.segment WHERE model = 'm' AND version = 1 AND segment NOT IN (SELECT segment FROM custseg.segment WHERE model = 'm' AND version = 2)), 'key account');
SET client_min_messages = notice;
SELECT custseg.predict_json('m', to_jsonb(c), 2) -> 'assigned_by' FROM customer c WHERE id = 5;
SELECT custseg.predict_json('m', to_jsonb(c), 2) -> 'assigned_by' FROM customer c WHERE id = 6;
SET client_min_messages = warning;
SELECT custseg.end_override('m', 5);
-- by ids of a type that may go, too
CREATE TYPE rating AS ENUM ('low', 'medium', 'high');
CREATE TABLE rated AS SELECT i * i AS x, (ARRAY['low', 'medium', 'high'])[i]::rating AS who FROM generate_series(1, 3) i;
SELECT version FROM custseg.train('rated', 'SELECT * FROM rated', '{x}', 2, id => 'who');
SELECT custseg.exclude('rated', 'high', 'objected');
SELECT custseg.predict_json('rated', to_jsonb(r)) -> 'assigned_by' AS assigned_by FROM rated r ORDER BY x;
DROP TABLE rated;
DROP TYPE rating;
SELECT custseg.predict_json('rated', '{"x": 1, "who": "high"}') -> 'assigned_by' AS assigned_by, custseg.predict_json('rated', '{"x": 1, "who": "low"}') -> 'assigned_by' AS other;
CREATE TYPE rating AS ENUM ('high', 'low');
SELECT custseg.predict_json('rated', '{"x": 1, "who": "high"}') -> 'assigned_by' AS assigned_by, custseg.predict_json('rated', '{"x": 1, "who": "low"}') -> 'assigned_by' AS other;

-- a prepared statement and a function see what changes meanwhile
PREPARE told(text, jsonb) AS SELECT custseg.predict_json($1, $2 -> 'customer') -> 'version';
EXECUTE told('m', '{"customer": {"recency": 1, "monetary": 2, "channel": "web", "member": true, "joined": null, "taste": null}}');
SELECT custseg.deploy('m', 2);
EXECUTE told('m', '{"customer": {"recency": 1, "monetary": 2}}');
SELECT custseg.rollback('m');
EXECUTE told('m', '{"customer": {"recency": 1, "monetary": 2, "channel": "web", "member": true, "joined": null, "taste": null}}');

-- who may use the model; others are told what predict_detail() tells them
CREATE ROLE predict_json_guest;
GRANT USAGE ON SCHEMA predict_json_test TO predict_json_guest;
SELECT custseg.grant_model('one', 'predict_json_guest');
SET ROLE predict_json_guest;
SELECT custseg.predict_json('one', '{"recency": 1, "monetary": 2}') -> 'segment';
SELECT outcome('SELECT custseg.predict_json(''m'', ''{}'')') = outcome('SELECT custseg.predict_detail(''m'', ''{}''::jsonb)') AS same, outcome('SELECT custseg.predict_json(''m'', ''{}'')');
RESET ROLE;

SELECT count(*) AS dropped FROM (SELECT custseg.drop_model(name, whole => true) FROM custseg.model OFFSET 0) d;
DROP SCHEMA predict_json_test CASCADE;
DROP ROLE predict_json_guest;
\i :root/test/clean.sql
