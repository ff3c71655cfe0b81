--
-- resegment: batches by keys of all kinds, and arguments that are refused before anything is done.
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS resegment_test, traps CASCADE;
CREATE SCHEMA resegment_test;
SET search_path = resegment_test, public;
RESET client_min_messages;

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

CREATE TABLE customer AS SELECT i AS id, (i % 4)::float8 AS x, NULL::int AS segment FROM generate_series(1, 100) i;
ALTER TABLE customer ADD PRIMARY KEY (id);
SELECT version FROM custseg.train('m', 'customer', '{x}', algorithm => 'rules', options => '{"segments": [{"name": "high", "when": {"x": {"from": 1.5}}}, {"name": "low"}], "else": "low"}');

--
-- Batches follow each other by the order of the key's types, whatever operators the caller's search_path finds
--
CREATE TYPE mood AS ENUM ('good', 'fair', 'bad');
CREATE TYPE place AS (shelf int);
CREATE DOMAIN code AS text;
CREATE FUNCTION compare(a place, b place) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT pg_catalog.btint4cmp(($1).shelf, ($2).shelf)';
DO $$
DECLARE
    o text;
BEGIN
    FOR o IN SELECT unnest('{<,<=,=,>=,>}'::text[]) LOOP
        EXECUTE format('CREATE FUNCTION %I(a place, b place) RETURNS bool LANGUAGE sql IMMUTABLE AS $f$ SELECT ($1).shelf OPERATOR(pg_catalog.%s) ($2).shelf $f$', 'is' || o, o);
        EXECUTE format('CREATE OPERATOR %s (LEFTARG = place, RIGHTARG = place, FUNCTION = %I)', o, 'is' || o);
    END LOOP;
END $$;
CREATE OPERATOR CLASS by_shelf DEFAULT FOR TYPE place USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 compare(place, place);

-- those in the way: found before all others, or where no other has these very types
CREATE SCHEMA traps;
DO $$
DECLARE
    t text;
    o text;
BEGIN
    FOREACH t IN ARRAY '{int4,int8,text,varchar,bpchar,int4[],code,mood,place,timestamptz}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION traps.trap(%s, %s) RETURNS bool LANGUAGE plpgsql AS $f$ BEGIN RAISE ''a trap was called''; END $f$', t, t);
        FOREACH o IN ARRAY '{=,<>,<,>,<=,>=}'::text[] LOOP
            EXECUTE format('CREATE OPERATOR traps.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = traps.trap)', o, t, t);
        END LOOP;
    END LOOP;
END $$;
SET search_path = traps, pg_catalog, resegment_test;
SELECT 1 < 2;
SET search_path = resegment_test, public;
-- a row that is not written makes a second round, between the same keys
CREATE FUNCTION keep_back() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$ BEGIN RETURN CASE WHEN NEW.n % 40 = 3 THEN NULL ELSE NEW END; END $$;

CREATE TABLE keys (key text, path text, rows_changed bigint, rows_total bigint, batches int);
CREATE PROCEDURE run(columns text, key text, given text, path text) LANGUAGE plpgsql AS $$
DECLARE
    changed bigint;
    total bigint;
BEGIN
    EXECUTE format('CREATE TABLE resegment_test.keyed (%s, n int, x float8, segment int, PRIMARY KEY (%s))', columns, key);
    EXECUTE format('INSERT INTO resegment_test.keyed SELECT %s, i, i %% 4, NULL FROM generate_series(1, 100) i', given);
    CREATE TRIGGER keep_back BEFORE UPDATE ON resegment_test.keyed FOR EACH ROW EXECUTE FUNCTION resegment_test.keep_back();
    COMMIT;
    PERFORM set_config('search_path', path, false);
    CALL custseg.resegment('m', 'resegment_test.keyed', batch => 30, rows_changed => changed, rows_total => total);
    PERFORM set_config('search_path', 'resegment_test, public', false);
    INSERT INTO keys SELECT columns, path, changed, total, count(DISTINCT xmin::text) FROM keyed WHERE segment = custseg.predict('m', keyed);
    DROP TABLE keyed;
END $$;
SELECT format('CALL run(%L, %L, %L, %L)', columns, key, given, path)
FROM (VALUES (1, 'k int', 'k', 'i'), (2, 'a int, b bigint', 'a, b', 'i % 3, i'), (3, 'k varchar(20)', 'k', '''id '' || i'), (4, 'k char(8)', 'k', 'i'),
        (5, 'k code', 'k', '''it''''s '' || i'), (6, 'm mood, k int[]', 'm, k', 'CASE WHEN i > 50 THEN ''fair'' ELSE ''bad'' END::mood, ARRAY[i % 7, i]'),
        (7, 'k timestamptz', 'k', 'timestamptz ''2025-03-30 00:00+00'' + i * interval ''10 minutes'''),
        (8, 'p place, k int', 'p, k', 'ROW(i % 3)::place, i'), (9, 'k varchar, p place, t text', 'k, p, t', 'i % 2, ROW(i % 3)::place, i')) k (position, columns, key, given),
    (VALUES (1, 'resegment_test, public'), (2, 'traps, resegment_test, public'), (3, 'traps, pg_catalog, resegment_test')) p (n, path)
ORDER BY position, n \gexec
SELECT key, path, rows_changed, rows_total, batches FROM keys ORDER BY key, path;

--
-- What is refused, and that nothing is done before
--
SELECT outcome($$CALL custseg.resegment('m', 'customer', keep_days => 100001)$$);
CALL custseg.resegment('m', 'customer', create_column => true, keep_days => 2147483647);
CALL custseg.resegment('m', 'customer', batch => 30, keep_days => 2147483647);
SELECT custseg.monitor('m', 'customer', '{"keep_days": 100001}');
SELECT count(segment) AS placed, (SELECT count(*) FROM custseg.migration WHERE source LIKE '%.customer') AS moves FROM customer;
CALL custseg.resegment('m', 'customer', batch => 70, keep_days => 100000);
-- a name that no column can have: it would be made under a part of it, and not be found
CALL custseg.resegment('m', 'customer', repeat('s', 64), create_column => true);
CALL custseg.resegment('m', 'customer', repeat('s', 64));
CALL custseg.resegment('m', 'customer', repeat('ä', 32), create_column => true);
CALL custseg.resegment('m', 'customer', repeat('s', 63), create_column => true);
SELECT attname FROM pg_attribute WHERE attrelid = 'customer'::regclass AND attnum > 0 ORDER BY attnum;

SELECT custseg.drop_model('m', whole => true);
SET client_min_messages = warning;
DROP SCHEMA resegment_test, traps CASCADE;
\i :root/test/clean.sql
