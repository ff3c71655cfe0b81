--
-- Kinds of models: what a model tells of a customer says which functions use it.
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS kinds_test CASCADE;
CREATE SCHEMA kinds_test;
SET search_path = kinds_test, public;
RESET client_min_messages;

CREATE TABLE customer AS
SELECT i AS id, i % 7 AS recency, i % 3 AS monetary, NULL::int AS segment FROM generate_series(1, 300) i;

-- A model of each kind
SELECT model, n_segments FROM custseg.train('of segments', 'customer', '{recency,monetary}', 3);
CREATE TABLE lines AS
SELECT i * 13 % 60 AS buyer, date '2024-01-01' + i * i * 7 % 300 AS at, 5 + i % 17 AS amount FROM generate_series(1, 400) i;
SELECT model, version, n FROM custseg.train_purchases('of purchases', 'lines', 'buyer', 'at', 'amount');
SELECT model, kind FROM custseg.train_value('of value', 'customer', 'recency', '{id}', 'linear', options => '{"ridge": 1}');
SELECT model, kind FROM custseg.train_value('of probability', 'SELECT id, recency > 3 AS late FROM customer', 'late', '{id}', 'logistic');

-- What a function answers to a model, with arguments of some value
CREATE FUNCTION answer(f regprocedure, model text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    statement text;
    hint text;
BEGIN
    SELECT format('%s custseg.%I(%s)', CASE p.prokind WHEN 'p' THEN 'CALL' ELSE 'SELECT * FROM' END, p.proname, a.given)
    INTO statement
    FROM pg_proc p
    CROSS JOIN LATERAL (
        SELECT string_agg(CASE
                WHEN u.position = 1 THEN quote_literal(answer.model)
                WHEN u.name = 'source' AND (p.proname ~ 'purchases|lifetime' OR answer.model = 'of purchases' AND p.proname <> 'train_value') THEN quote_literal('lines')
                WHEN u.name = 'source' AND answer.model = 'of probability' THEN quote_literal('SELECT *, recency > 3 AS late FROM customer')
                WHEN u.name IN ('source', 'table') THEN quote_literal('customer')
                WHEN u.name = 'curves' THEN quote_literal('SELECT 1 AS segment, ''exp'' AS curve, 1 AS a, 1 AS b')
                WHEN u.name = 'orders' THEN quote_literal('lines')
                WHEN u.name = 'metric' AND format_type(u.type, NULL) = 'jsonb' THEN '''{"metric": "recency", "kind": "mean", "effect": 1}''::jsonb'
                WHEN u.name = 'metric' THEN '''{"metric": "monetary", "kind": "mean", "effect": 1}''::jsonb'
                WHEN u.name = 'presentation' THEN '''{"title": "tea"}''::jsonb'
                WHEN u.name = 'state' THEN quote_literal('pass')
                WHEN p.proname IN ('train_purchases', 'segment_kpis', 'record_kpis') THEN quote_literal(CASE u.name WHEN 'customer' THEN 'buyer' WHEN 'amount' THEN 'amount' ELSE 'at' END)
                WHEN p.proname ~ '_products$|^segment_affinity$' AND u.name <> 'orders' AND format_type(u.type, NULL) = 'text' AND u.position > 2 THEN quote_literal(CASE u.name WHEN 'customer' THEN 'buyer' ELSE 'at' END)
                WHEN p.proname = 'predict_lifetime_value' AND u.name = 'customer' THEN '''{"repeats": 2, "recency": 3, "customer_age": 9}''::jsonb'
                WHEN u.name = 'customer' AND p.proname ~ 'exclude|override' THEN '1'
                ELSE CASE format_type(u.type, NULL)
                    WHEN '"any"' THEN '''{"id": 1}''::jsonb'
                    WHEN 'jsonb' THEN '''{"perk": "tea"}''::jsonb'
                    WHEN 'integer' THEN '1'
                    WHEN 'double precision' THEN '1'
                    WHEN 'text' THEN quote_literal('segment')
                    WHEN 'text[]' THEN '''{recency}''::text[]'
                    WHEN 'name' THEN 'current_user'
                END
            END, ', ' ORDER BY u.position) AS given
        FROM unnest(p.proargtypes::oid[], p.proargnames[1:p.pronargs]) WITH ORDINALITY u (type, name, position)
        WHERE u.position <= p.pronargs - p.pronargdefaults OR u.name IN ('source', 'column')
            OR p.proname = 'name_segment' AND u.name = 'name'
    ) a
    WHERE p.oid = f;
    EXECUTE statement;
    RETURN 'runs';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = pg_exception_hint;
    RETURN concat_ws(' ', SQLSTATE, CASE WHEN SQLSTATE <> '42809' THEN SQLERRM END);
END $$;

-- Whatever the kind, a model is deployed, granted and dropped; history that it cannot have is empty.
-- Every other function that takes a model fails for a model of another kind, and says so.
SET client_min_messages = error;
CREATE TEMPORARY TABLE answered AS
SELECT function, kind, answer(oid, name) AS answer
FROM (SELECT p.proname AS function, p.oid, m.kind, m.name
      FROM pg_proc p, custseg.model m
      WHERE p.pronamespace = 'custseg'::regnamespace AND p.proargnames[1] = 'model' AND m.name ~ '^of '
          AND p.proname <> 'drop_model'
      ORDER BY p.oid, m.name COLLATE "C" OFFSET 0) AS asked;
RESET client_min_messages;
SELECT function, kind, answer FROM answered a
WHERE kind <> 'segments' AND NOT EXISTS (SELECT FROM answered b WHERE b.function = a.function AND b.answer = '42809')
ORDER BY function COLLATE "C", kind;
-- functions that suit some kinds but segments, and those that suit none, which are about one algorithm
SELECT function, string_agg(kind || ': ' || answer, ', ' ORDER BY kind) AS answers FROM answered WHERE answer <> '42809'
GROUP BY function HAVING NOT 'segments' = ANY (array_agg(kind)) ORDER BY function COLLATE "C";
SELECT function FROM answered GROUP BY function HAVING bool_and(answer = '42809') ORDER BY function COLLATE "C";

-- Functions in SQL look at the model also where PostgreSQL plans them for one that is NULL, as it does in FROM
CREATE FUNCTION complaint(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;
SET client_min_messages = error;
CREATE TEMPORARY TABLE complained AS
SELECT f.function, complaint(format('SELECT * FROM custseg.%I(%s)', f.function, f.given)) AS in_from, complaint(format('SELECT custseg.%I(%s)', f.function, f.given)) AS in_list
FROM (
    SELECT p.proname AS function, string_agg(CASE
            WHEN u.position = 1 THEN 'NULL::text'
            WHEN format_type(u.type, NULL) = 'text' THEN quote_literal('customer')
            WHEN format_type(u.type, NULL) = 'jsonb' THEN '''{"metric": "recency", "kind": "mean", "effect": 1}''::jsonb'
            ELSE '1'
        END, ', ' ORDER BY u.position) AS given
    FROM pg_proc p
    JOIN pg_language l ON l.oid = p.prolang AND l.lanname = 'sql'
    CROSS JOIN unnest(p.proargtypes::oid[]) WITH ORDINALITY u (type, position)
    WHERE p.pronamespace = 'custseg'::regnamespace AND p.prokind = 'f' AND p.proargnames[1] IN ('model', 'experiment') AND u.position <= greatest(p.pronargs - p.pronargdefaults, 1)
    GROUP BY p.oid OFFSET 0) f;
RESET client_min_messages;
SELECT function, in_from FROM complained ORDER BY function COLLATE "C";
SELECT function, in_list FROM complained WHERE in_list IS DISTINCT FROM in_from ORDER BY 1;

-- A trigger, too
CREATE TABLE assigned (LIKE customer);
CREATE TRIGGER assign BEFORE INSERT ON assigned FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('of purchases', 'segment');
INSERT INTO assigned VALUES (1, 1, 1);
\echo :LAST_ERROR_SQLSTATE

-- The error says what the model is, and what it is for
SELECT custseg.predict('of purchases', c) FROM customer c;
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM custseg.train('of value', 'customer', '{recency,monetary}', 3);

-- Nor does a version of another kind come in by import
SELECT * FROM custseg.import_model(custseg.export_model('of segments'), 'of value', add_version => true);
\echo :LAST_ERROR_SQLSTATE

-- Views have them all
SELECT name, deployed_version, kind, algorithm, n_segments FROM custseg.models WHERE name ~ '^of ' ORDER BY name COLLATE "C";
SELECT count(*) FROM custseg.segments WHERE model ~ '^of ' AND model <> 'of segments';

-- The kind goes with the name: it is free again when the model is dropped
SELECT custseg.drop_model('of value', whole => true, ignore_triggers => true);
SELECT model, n_segments FROM custseg.train('of value', 'customer', '{recency,monetary}', 3);
SELECT name, kind FROM custseg.model WHERE name = 'of value';

SET client_min_messages = warning;
SELECT custseg.drop_model(name, whole => true, ignore_triggers => true, forget_exclusions => true) FROM custseg.model WHERE name ~ '^of ';
DROP SCHEMA kinds_test CASCADE;
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
