-- Columns of vectors: their elements are features, in training, scoring, profiles and drift, just as if
-- each were a column of its own.

\set SHOW_CONTEXT never
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
SET client_min_messages = warning;

-- the same customers twice: their embeddings as vectors, and element by element
CREATE TABLE people AS
SELECT i AS id, (i % 3) * 10 + i * 37 % 11 AS x,
       ARRAY[(i % 3) * 5 + i * 53 % 17 / 8.0, i * 31 % 13 / 4.0, (i + 1) % 3 * 4 + i * 7 % 19 / 8.0]::float4[] AS embedding,
       NULL::int AS segment
FROM generate_series(1, 300) i;
ALTER TABLE people ADD PRIMARY KEY (id);
CREATE VIEW flat AS
SELECT id, x, embedding[1]::float8 AS e1, embedding[2]::float8 AS e2, embedding[3]::float8 AS e3 FROM people;

SELECT n_rows, n_segments FROM custseg.train('vectors', 'people', '{embedding}', 3, id => 'id');
SELECT n_rows, n_segments FROM custseg.train('columns', 'flat', '{e1,e2,e3}', 3, id => 'id');
SELECT position, name, type, kind, prep -> 'vector_width' AS width FROM custseg.feature WHERE model = 'vectors' ORDER BY position;

-- one model or the other: the same inertia, and each customer in the same segment by every way of scoring
SELECT count(DISTINCT metrics ->> 'inertia') AS inertias FROM custseg.model_version WHERE model IN ('vectors', 'columns');
SELECT count(*) AS customers,
       count(*) FILTER (WHERE custseg.predict('vectors', p) = custseg.predict('columns', f)) AS by_row,
       count(*) FILTER (WHERE custseg.predict(custseg.scorer('vectors'), p) = custseg.predict('columns', f)) AS by_scorer,
       count(*) FILTER (WHERE custseg.predict('vectors', to_jsonb(p)) = custseg.predict('columns', f)) AS by_json,
       count(*) FILTER (WHERE s.segment = custseg.predict('columns', f)) AS by_score
FROM people p JOIN flat f USING (id) JOIN custseg.score('vectors') s ON s.id = p.id::text;
UPDATE people p SET segment = custseg.predict('vectors', p) WHERE id <= 100;
CALL custseg.resegment('vectors', 'people');
SELECT count(*) FILTER (WHERE p.segment = custseg.predict('columns', f)) AS by_resegment FROM people p JOIN flat f USING (id);
CREATE TRIGGER assign BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('vectors', 'segment');
BEGIN;
INSERT INTO people SELECT id + 1000, x, embedding FROM people WHERE id <= 100;
SELECT count(*) FILTER (WHERE p.segment = q.segment) AS by_trigger FROM people p JOIN people q ON q.id = p.id + 1000;
ROLLBACK;

-- reports tell of elements
SELECT e.feature, e.value, round(e.contribution::numeric, 6) = round(c.contribution::numeric, 6) AS same
FROM custseg.explain('vectors', (SELECT p FROM people p WHERE id = 7)) WITH ORDINALITY e
JOIN custseg.explain('columns', (SELECT f FROM flat f WHERE id = 7)) WITH ORDINALITY c USING (ordinality);
SELECT feature, value FROM custseg.explain('vectors', '{"embedding": [5, null, 2.5]}'::jsonb) ORDER BY feature;
SELECT d.feature, d.verdict, d.ks = c.ks AS same
FROM custseg.drift('vectors', 'SELECT id, embedding FROM people WHERE id <= 200') d
JOIN custseg.drift('columns', 'SELECT * FROM flat WHERE id <= 200') c ON c.feature = 'e' || substring(d.feature FROM '\[(.)\]')
ORDER BY d.feature;
SELECT p.segment, p.column_name, p.mean = q.mean AS same
FROM custseg.segment_profile('vectors', 'people', '{embedding}') p
JOIN custseg.segment_profile('columns', 'flat', '{e1,e2,e3}') q
  ON q.segment IS NOT DISTINCT FROM p.segment AND q.column_name = 'e' || substring(p.column_name FROM '\[(.)\]')
WHERE p.segment = 1 ORDER BY p.column_name;
SELECT column_name, type, n FROM custseg.describe('people', '{x,embedding}');
SELECT column_name, type, suggestion FROM custseg.describe('people') WHERE column_name = 'embedding';

-- some elements only, beside other columns; preparation of one element, or of all
SELECT n_segments FROM custseg.train('some', 'people', '{"embedding[3]",x,"embedding[1]"}', 3,
    prep => '{"columns": {"embedding": {"scale": "none"}, "embedding[1]": {"scale": "minmax"}}}');
SELECT name, prep ->> 'scale' AS scale FROM custseg.feature WHERE model = 'some' ORDER BY position;
-- without names, vectors are taken, too; what cannot help is left out
SET client_min_messages = notice;
SELECT n_segments FROM custseg.train('all', 'SELECT id, x, embedding || 7::float4 AS v, ARRAY[x] AS list FROM people', k => 2, id => 'id');
SELECT n_segments FROM custseg.train('varying', 'SELECT id, x, ARRAY(SELECT 1.5::real FROM generate_series(1, id % 5 + 1)) AS list FROM people', k => 2, id => 'id');
SET client_min_messages = warning;
SELECT string_agg(name, ' ' ORDER BY position) FROM custseg.feature WHERE model = 'all';

-- a type with a cast to real[], as pgvector's "vector" has
CREATE TYPE own_vector;
CREATE FUNCTION own_vector_in(cstring) RETURNS own_vector LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION own_vector_out(own_vector) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE own_vector (INPUT = own_vector_in, OUTPUT = own_vector_out, LIKE = text);
CREATE FUNCTION own_vector_to_array(own_vector, int, boolean) RETURNS real[] LANGUAGE sql IMMUTABLE STRICT AS
    $$SELECT pg_catalog.string_to_array(pg_catalog.btrim($1::text, '[]'), ',')::pg_catalog.float4[]$$;
CREATE CAST (own_vector AS real[]) WITH FUNCTION own_vector_to_array(own_vector, int, boolean);
CREATE CAST (own_vector AS text) WITHOUT FUNCTION;
CREATE TABLE own AS SELECT id, translate(embedding::text, '{}', '[]')::own_vector AS embedding FROM people;
SELECT n_segments FROM custseg.train('own', 'own', '{embedding}', 3);
SELECT count(*) FILTER (WHERE custseg.predict('own', o) = p.segment) AS by_row,
       count(*) FILTER (WHERE custseg.predict('vectors', o) = p.segment) AS by_the_other
FROM own o JOIN people p USING (id);
-- where the whole column is read, it is a value of that type
ALTER TABLE own ADD segment int;
SELECT column_name, kind, n, n_null FROM custseg.describe('own') WHERE column_name = 'embedding';
SELECT sum(n) FROM custseg.missing_patterns('own');
CALL custseg.resegment('own', 'own');
SELECT count(*) FROM own o JOIN people p USING (id) WHERE o.segment = p.segment;
-- a domain
CREATE DOMAIN embeddings AS float8[];
SELECT count(*) FILTER (WHERE custseg.predict('vectors', q) = segment) FROM (SELECT embedding::embeddings, segment FROM people) q;

-- NULL is missing, as a whole and element by element; another width, or more dimensions, cannot be placed
SELECT what, custseg.predict('vectors', v) AS segment FROM (VALUES
    ('null', NULL::float8[]), ('an element null', '{1,null,2}'), ('short', '{1,2}'), ('long', '{1,2,3,4}'), ('empty', '{}'),
    ('other bounds', '[0:2]={1,2,3}'), ('two dimensions', '{{1,2,3}}'), ('infinite', '{1,2,Infinity}'), ('NaN', '{1,2,NaN}')) v (what, embedding);
SELECT id, segment IS NULL AS unplaced FROM custseg.score('vectors', 'SELECT 1 AS id, ''{1,2,3}''::real[] AS embedding UNION ALL SELECT 2, ''{1,2}''');

-- errors
SELECT outcome($$SELECT custseg.predict('vectors', v) FROM (SELECT 1 AS embedding) v$$);
SELECT outcome($$SELECT custseg.predict('vectors', v) FROM (SELECT 1 AS other) v$$);
SELECT outcome($$SELECT custseg.predict('vectors', '{"embedding": [1, 2]}'::jsonb)$$);
SELECT outcome($$SELECT custseg.predict('vectors', '{"embedding": [1, 2, "x"]}'::jsonb)$$);
SELECT outcome($$SELECT custseg.predict('vectors', '{"other": [1, 2, 3]}'::jsonb)$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.score('vectors', 'SELECT 1 AS id, ARRAY[1,2]::real[] AS embedding')$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.score('vectors', 'SELECT 1 AS id, ARRAY[1,2,3,4]::real[] AS embedding')$$);
SELECT outcome($$SELECT (custseg.train('bad', 'SELECT embedding FROM people UNION ALL SELECT ''{1}''', '{embedding}', 3)).model$$);
SELECT outcome($$SELECT (custseg.train('bad', 'SELECT NULL::real[] AS embedding, 1 AS x', '{embedding}', 1)).model$$);
SELECT outcome($$SELECT (custseg.train('bad', 'people', '{embedding,"embedding[2]"}', 3)).model$$);
SELECT outcome($$SELECT (custseg.train('bad', 'people', '{"embedding[4]"}', 3)).model$$);
SELECT outcome($$SELECT (custseg.train('bad', 'SELECT array_fill(1.5::real, ARRAY[2049]) AS embedding FROM people', '{embedding}', 3)).model$$);
SELECT outcome($$SELECT (custseg.train('bad', 'SELECT id AS a12345678901234567890123456789012345678901234567890123456789012, embedding AS b2345678901234567890123456789012345678901234567890123456789012 FROM people', '{b2345678901234567890123456789012345678901234567890123456789012}', 3)).model$$);

SELECT outcome($$SELECT (custseg.train('bad', 'people', '{x}', 3, id => 'embedding[1]')).model$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.customer_features('SELECT id, now() AS at, embedding FROM people', 'id', 'at', 'embedding[1]')$$);
-- a column that has the name of an element is not taken for it
CREATE VIEW clash AS SELECT id, embedding, 1000.0 * id AS "embedding[2]" FROM people;
SELECT outcome($$SELECT (custseg.train('bad', 'clash', '{embedding}', 3)).model$$);
SELECT outcome($$SELECT (custseg.train('bad', 'clash', '{"embedding[1]"}', 3)).model$$);
SELECT outcome($$SELECT custseg.predict('vectors', c)::text FROM clash c$$);
SELECT outcome($$SELECT count(*)::text FROM custseg.score('vectors', 'clash')$$);
-- what cannot be expanded is left out where no features are named
SET client_min_messages = notice;
SELECT n_segments FROM custseg.train('all', $$SELECT id, x, array_fill(1.5::real, ARRAY[2049]) AS large, NULL::real[] AS unknown,
    embedding AS c2345678901234567890123456789012345678901234567890123456789012, embedding AS v, id % 7 AS "v[3]" FROM people$$, k => 2, id => 'id');
SET client_min_messages = warning;
SELECT string_agg(name, ' ' ORDER BY position) FROM custseg.feature WHERE model = 'all' AND version = 2;
-- a source without rows, or with NULLs only, tells no width; the model's is taken
SELECT count(*) FROM custseg.score('vectors', 'SELECT id, embedding FROM people WHERE false');
SELECT id, segment = custseg.predict('vectors', '{"embedding": null}'::jsonb) AS same
FROM custseg.score('vectors', 'SELECT 1 AS id, NULL::real[] AS embedding');
SELECT feature, n_current, null_share_current, verdict FROM custseg.drift('vectors', 'SELECT NULL::real[] AS embedding FROM people') ORDER BY feature;
SELECT outcome($$SELECT count(*)::text FROM custseg.segment_profile('vectors', 'SELECT NULL::real[] AS embedding FROM people')$$);

-- a trigger that warns writes NULL for the row whose value fails, and places the others; want of memory or disk fails the write
CREATE TABLE arrived (id int, embedding own_vector, segment int);
CREATE TRIGGER assign BEFORE INSERT ON arrived FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('own', 'segment', 'warn');
INSERT INTO arrived SELECT id, CASE WHEN id IN (2, 4) THEN 'none' ELSE embedding END FROM own WHERE id <= 5;
SELECT count(*), array_agg(id ORDER BY id) FILTER (WHERE segment IS NULL) AS without FROM arrived;
SELECT count(*) FILTER (WHERE segment = custseg.predict('own', a)) AS same FROM arrived a WHERE segment IS NOT NULL;
CREATE OR REPLACE FUNCTION own_vector_to_array(own_vector, int, boolean) RETURNS real[] LANGUAGE plpgsql IMMUTABLE STRICT AS
    $$BEGIN RAISE EXCEPTION 'no value' USING ERRCODE = $1::text; END$$;
INSERT INTO arrived VALUES (6, '22003') RETURNING segment;
SELECT code, outcome(format('INSERT INTO arrived VALUES (7, %L)', code)) FROM unnest('{53100,53200,58030,40001}'::text[]) code;
SELECT count(*) FROM arrived;
DROP TABLE arrived;

-- a cast may give NULL, is called by who may call it only, and may be from a type of fixed length
CREATE FUNCTION own_vector_to_null(own_vector, int, boolean) RETURNS real[] LANGUAGE sql IMMUTABLE AS 'SELECT NULL::real[]';
DROP CAST (own_vector AS real[]);
CREATE CAST (own_vector AS real[]) WITH FUNCTION own_vector_to_null(own_vector, int, boolean);
SELECT count(*) FILTER (WHERE custseg.predict('own', o) = custseg.predict('own', '{"embedding": null}'::jsonb)) FROM own o;
CREATE ROLE casts_nothing;
GRANT SELECT ON own TO casts_nothing;
REVOKE EXECUTE ON FUNCTION own_vector_to_null FROM PUBLIC;
SELECT custseg.grant_model('own', 'casts_nothing') \g /dev/null
SET ROLE casts_nothing;
SELECT count(custseg.predict('own', o)) FROM own o;
RESET ROLE;
SELECT custseg.revoke_model('own', 'casts_nothing') \g /dev/null
DROP OWNED BY casts_nothing;
DROP ROLE casts_nothing;
CREATE TYPE pair;
CREATE FUNCTION pair_in(cstring) RETURNS pair LANGUAGE internal IMMUTABLE STRICT AS 'float8in';
CREATE FUNCTION pair_out(pair) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'float8out';
CREATE TYPE pair (INPUT = pair_in, OUTPUT = pair_out, LIKE = float8);
CREATE CAST (pair AS float8) WITHOUT FUNCTION;
CREATE FUNCTION pair_to_array(pair) RETURNS real[] LANGUAGE sql IMMUTABLE AS 'SELECT ARRAY[$1::float8, -$1::float8]::real[]';
CREATE CAST (pair AS real[]) WITH FUNCTION pair_to_array(pair);
CREATE TABLE pairs AS SELECT id, (id % 3 * 10 + id * 37 % 11 / 10.0)::text::pair AS p FROM people;
SELECT n_segments FROM custseg.train('pairs', 'pairs', '{p}', 3, id => 'id');
SELECT count(*) FILTER (WHERE custseg.predict('pairs', q) = s.segment) FROM pairs q JOIN custseg.score('pairs') s ON s.id = q.id::text;

-- a forged model that is not of one mind about its vector's width
WITH honest AS (SELECT custseg.scorer('vectors')::text AS model),
     forged AS (SELECT replace(regexp_replace(model, '(.*?)"vector_width": 3(.*?)"vector_width": 3', '\1"vector_width": 1\2"vector_width": 2048'),
                               '"embedding[2]"', '"embedding[2048]"')::custseg.compiled_model AS model FROM honest)
SELECT custseg.predict(model, v) AS by_row,
       outcome(format('SELECT custseg.predict(%L::custseg.compiled_model, ''{"embedding": [1]}''::jsonb)::text', model)) AS by_json
FROM forged, (SELECT '{1}'::real[] AS embedding) v;

-- as wide as they may be
CREATE TABLE wide AS
SELECT i AS id, (SELECT array_agg((i % 4 * (j % 7) + i * j % 101 / 64.0)::float4 ORDER BY j) FROM generate_series(1, 2048) j) AS v
FROM generate_series(1, 60) i;
SELECT n_rows, n_segments FROM custseg.train('wide', 'wide', '{v}', 4, id => 'id', options => '{"n_init": 1}');
SELECT count(DISTINCT custseg.predict('wide', w)) AS segments, count(DISTINCT (custseg.predict('wide', w), id % 4)) AS pairs FROM wide w;

SELECT count(*) FROM custseg.models, custseg.drop_model(name, whole => true, ignore_triggers => true);
DROP TABLE people, own, wide, pairs CASCADE;
\i :root/test/clean.sql
