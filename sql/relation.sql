-- Sources and types: what a model sees of a table, whatever it is and whatever it is called.

\set SHOW_CONTEXT never
SET lc_monetary = 'C';

-- What training takes from a source: one segment is enough to see the features.
CREATE FUNCTION look(source text, VARIADIC features text[] DEFAULT '{a}')
RETURNS TABLE (
    feature text, kind text, n bigint, n_null bigint, minimum float8, mean numeric, maximum float8,
    levels text
)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM custseg.train('look', source, features, k => 1);
    RETURN QUERY
        SELECT f.name, f.kind, f.n, f.n_null, f.minimum, round(f.mean::numeric, 6), f.maximum,
            (SELECT string_agg(coalesce('"' || l.level || '"', 'NULL') || ' ' || l.n, ', ' ORDER BY l.i)
             FROM unnest(f.levels, f.level_counts) WITH ORDINALITY l (level, n, i))
        FROM custseg.feature f
        WHERE f.model = 'look'
        ORDER BY f.position;
    PERFORM custseg.drop_model('look', whole => true);
END
$$;

-- Every type that is accepted

CREATE TYPE mood AS ENUM ('happy', 'sad', 'so so');
CREATE DOMAIN amount AS numeric(12, 2) CHECK (VALUE >= 0);
CREATE DOMAIN small_amount AS amount CHECK (VALUE < 1000);
CREATE DOMAIN code AS text CHECK (VALUE <> '');
CREATE DOMAIN feeling AS mood;
CREATE DOMAIN born AS date;

CREATE TABLE types (
    i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, num numeric, cash money, yes bool,
    day date, moment timestamp, instant timestamptz, span interval,
    words text, short varchar(10), padded char(6), title name, letter "char", feel mood,
    worth amount, little small_amount, coded code, felt feeling, birth born
);
INSERT INTO types VALUES
(-32768, -2147483648, -9007199254740993, 0.5, 1e-3, 0.1, '-$1,234.56', true,
 '1970-01-01', '1970-01-01', '1970-01-01 00:00+00', '1 day',
 'one', 'one', 'one', 'one', 'a', 'happy', 0.5, 0.25, 'x', 'sad', '2000-01-01'),
(32767, 2147483647, 9007199254740993, 1.5, 1e15, 1234567890123456789.5, '$0.01', false,
 '1969-12-31', '1969-12-31 18:00', '1970-01-02 00:00+12', '1 mon',
 'two', 'two', 'two   ', 'two', 'b', 'sad', 2, 999.99, 'y', 'sad', '2000-01-03'),
(0, 0, 0, -2, 0, -0.00001, '$2.50', true,
 '2024-02-29', '2000-01-01 12:00', '2000-01-01 12:00-12', '1 year 2 mons 3 days 06:00:00',
 'One', 'one', 'one', 'one', 'a', 'so so', 1, 0, 'x', 'happy', '2000-01-02'),
(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
 NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

SELECT * FROM look('types', 'i2', 'i4', 'i8', 'f4', 'f8', 'num', 'cash', 'worth', 'little');
SELECT * FROM look('types', 'yes', 'day', 'moment', 'instant', 'span', 'birth');
SELECT feature, kind, n, n_null, levels
FROM look('types', 'words', 'short', 'padded', 'title', 'letter', 'feel', 'coded', 'felt');

-- the type is kept as it is declared
SELECT model FROM custseg.train('typed', 'types', '{worth,felt,padded,num,letter,f4}', k => 1);
SELECT name, type, kind FROM custseg.feature WHERE model = 'typed' ORDER BY position;
SELECT custseg.drop_model('typed', whole => true);

-- Conversions are PostgreSQL's own, to the bit: the quantiles of up to 1,001 values are the values.

CREATE TABLE conversions AS
SELECT i,
    CASE
        WHEN i % 50 = 0 THEN ((i * 7919) || repeat('0', i / 10))::numeric
        WHEN i % 7 = 0 THEN (i::numeric * 1234567891) * 987654321987 / 1000000
        WHEN i % 11 = 0 THEN (1 / (i::numeric ^ 5))::numeric(60, 50)
        WHEN i % 3 = 0 THEN -i / 1000.0
        ELSE (i * 12.345)::numeric(12, 2)
    END AS num,
    (i - 300) * 123456789012345 AS big,
    (i / 7.0)::float4 AS single,
    (i - 300) * 100.07::numeric::money AS cash,
    date '1582-10-15' + i * 997 AS day,
    timestamp '0044-03-15 10:11:12.131415 BC' + i * interval '9 years 1 month 3.14159265 s' AS moment,
    make_interval(years => i - 300, months => i % 7, days => i % 13, secs => i * 86.4) AS span
FROM generate_series(1, 600) i;

CREATE FUNCTION worst_error(column_name text, as_number text) RETURNS float8
LANGUAGE plpgsql AS $$
DECLARE
    result float8;
BEGIN
    PERFORM custseg.train('exact', 'conversions', ARRAY[column_name], k => 1);
    EXECUTE format(
        'SELECT max(abs(f.q - c.x) / greatest(abs(c.x), 1e-300))
         FROM (SELECT x, row_number() OVER (ORDER BY x) AS n
               FROM (SELECT (%s)::float8 AS x FROM conversions) s) c
         JOIN (SELECT q.q, q.n FROM custseg.feature, unnest(quantiles) WITH ORDINALITY q (q, n)
               WHERE model = ''exact'') f ON f.n = c.n', as_number)
    INTO result;
    PERFORM custseg.drop_model('exact', whole => true);
    RETURN result;
END
$$;

SELECT c.name, worst_error(c.name, c.as_number) <= c.allowed AS exact
FROM (VALUES
    ('num', 'num', 0),
    ('big', 'big', 0),
    ('single', 'single', 0),
    ('cash', 'cash::numeric', 0),
    ('day', 'day - date ''1970-01-01''', 0),
    ('moment', 'extract(epoch FROM moment) / 86400', 1e-15),
    ('span', 'extract(epoch FROM span) / 86400', 1e-13)
) c (name, as_number, allowed);

-- NaN is a missing value, of any type that has one

CREATE TABLE gaps (a float8, b float4, c numeric, d float8);
INSERT INTO gaps VALUES (1, 1, 1, 1), ('NaN', 'NaN', 'NaN', 2), (3, 3, 3, 3), (NULL, NULL, NULL, 4);
SELECT * FROM look('gaps', 'a', 'b', 'c', 'd');

-- infinity is an error, of any type that has one

SELECT * FROM look($$SELECT v::float8 AS a FROM unnest('{1,Infinity,-Infinity}'::text[]) v$$);
SELECT * FROM look($$SELECT v::float4 AS a FROM unnest('{1,2,-Infinity}'::text[]) v$$);
SELECT * FROM look($$SELECT v::numeric AS a FROM unnest('{1,Infinity,2}'::text[]) v$$);
SELECT * FROM look($$SELECT v::date AS a FROM unnest('{2020-01-01,infinity}'::text[]) v$$);
SELECT * FROM look($$SELECT v::timestamp AS a FROM unnest('{2020-01-01,-infinity}'::text[]) v$$);
SELECT * FROM look($$SELECT v::timestamptz AS a FROM unnest('{2020-01-01,infinity}'::text[]) v$$);
-- and so is a number that no float8 can hold
SELECT * FROM look('SELECT 10::numeric ^ n AS a FROM generate_series(300, 320) n');

-- levels are bytes: case and blanks tell them apart, trailing blanks of char(n) do not
SELECT levels FROM look($$VALUES ('a'::text), ('A'), ('a '), (' a'), (''), ('a')$$, 'column1');
SELECT levels FROM look($$SELECT v::char(5) AS a FROM unnest('{a,"a ","a  ",""," a"}'::text[]) v$$);
SELECT levels FROM look($$SELECT chr(i)::"char" AS a FROM unnest('{65,65,48,92}'::int[]) i$$);

-- Types that are no feature

SELECT * FROM look($$SELECT '{1}'::int[] AS a$$);
SELECT * FROM look($$SELECT '{}'::jsonb AS a$$);
SELECT * FROM look($$SELECT '{}'::json AS a$$);
SELECT * FROM look($$SELECT '\x00'::bytea AS a$$);
SELECT * FROM look($$SELECT '(1,2)'::point AS a$$);
SELECT * FROM look($$SELECT '10.0.0.1'::inet AS a$$);
SELECT * FROM look($$SELECT '12:00'::time AS a$$);
SELECT * FROM look($$SELECT row(1, 2) AS a$$);
SELECT * FROM look($$SELECT 1::oid AS a$$);
-- they are left out where nobody asked for them
SELECT n_rows, n_segments FROM custseg.train('mixed',
    $$SELECT i % 7 AS a, '{}'::jsonb AS j, ARRAY[i] AS l, '12:00'::time AS t FROM generate_series(1, 20) i$$,
    k => 2);
SELECT name FROM custseg.feature WHERE model = 'mixed';
SELECT custseg.drop_model('mixed', whole => true);

-- Every kind of source

CREATE TABLE plain (id int PRIMARY KEY, a float8, kind text);
INSERT INTO plain SELECT i, i * i, 'k' || i % 3 FROM generate_series(1, 100) i;

CREATE VIEW seen AS SELECT * FROM plain WHERE id <= 50;
CREATE MATERIALIZED VIEW frozen AS SELECT * FROM plain WHERE id <= 60;
CREATE TABLE parts (id int, a float8, kind text) PARTITION BY LIST (kind);
CREATE TABLE parts_0 PARTITION OF parts FOR VALUES IN ('k0');
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN ('k1');
CREATE TABLE parts_rest PARTITION OF parts DEFAULT PARTITION BY RANGE (id);
CREATE TABLE parts_low PARTITION OF parts_rest FOR VALUES FROM (MINVALUE) TO (50);
CREATE TABLE parts_high (kind text, extra int, a float8, id int);
ALTER TABLE parts_high DROP extra;
ALTER TABLE parts_rest ATTACH PARTITION parts_high FOR VALUES FROM (50) TO (MAXVALUE);
INSERT INTO parts SELECT * FROM plain;
CREATE TABLE parent (a float8);
CREATE TABLE child (b int) INHERITS (parent);
INSERT INTO parent VALUES (1), (2);
INSERT INTO child VALUES (3, 0), (4, 0);
CREATE TEMP TABLE passing AS SELECT * FROM plain WHERE id <= 40;
CREATE TEMP VIEW passing_view AS SELECT * FROM passing WHERE id <= 30;
CREATE UNLOGGED TABLE unlogged AS SELECT * FROM plain WHERE id <= 20;

-- A foreign table where file_fdw is installed, else a view of the same rows.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'file_fdw') THEN
        SET LOCAL client_min_messages = error;
        CREATE EXTENSION IF NOT EXISTS file_fdw;
        CREATE SERVER custseg_files FOREIGN DATA WRAPPER file_fdw;
        CREATE FOREIGN TABLE abroad (id int, a float8, kind text) SERVER custseg_files
        OPTIONS (program 'echo 1,10,k0; echo 2,20,k1; echo 3,60,k0', format 'csv');
    ELSE
        CREATE VIEW abroad AS VALUES (1, 10::float8, 'k0'), (2, 20, 'k1'), (3, 60, 'k0');
        ALTER VIEW abroad RENAME column1 TO id;
        ALTER VIEW abroad RENAME column2 TO a;
        ALTER VIEW abroad RENAME column3 TO kind;
    END IF;
END
$$;

SELECT s.source, l.*
FROM unnest('{plain,seen,frozen,parts,parts_high,parts_rest,passing,pg_temp.passing_view,unlogged,abroad}'::text[])
    WITH ORDINALITY s (source, i)
CROSS JOIN look(s.source, 'a', 'kind') l
ORDER BY s.i, l.feature;
SELECT * FROM look('parent');

-- the same, as queries
SELECT s.source, l.n, l.mean, l.maximum
FROM unnest(ARRAY[
    'SELECT a FROM plain',
    'select a from plain;',
    'SELECT a FROM plain ; ; -- done',
    'TABLE plain',
    'VALUES (1.5), (2.5)',
    '(SELECT a FROM plain)',
    '((SELECT a FROM plain) UNION ALL (SELECT a FROM seen))',
    'SELECT a FROM plain UNION ALL SELECT a FROM seen ORDER BY 1 LIMIT 10',
    'WITH w AS (SELECT a FROM plain WHERE id < 3) SELECT a FROM w',
    'WITH RECURSIVE w (a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM w WHERE a < 5) TABLE w',
    E'-- a comment\n/* another /* inside */ one */ SELECT a FROM plain',
    E'SELECT a FROM plain -- at the end',
    'SELECT a FROM plain /* ) ; */ WHERE id < 3 /* at the end */',
    E'\t\n  SELECT\n a\nFROM plain\n',
    'SELECT sum(a) AS a FROM plain GROUP BY kind',
    'SELECT a FROM plain TABLESAMPLE BERNOULLI (100)',
    'SELECT a, rank() OVER (ORDER BY a) FROM plain',
    'SELECT $q$;)$q$ || kind AS k, a FROM plain',
    'SELECT a FROM abroad',
    'SELECT a FROM parts WHERE kind = $$k2$$'
]) WITH ORDINALITY s (source, i)
CROSS JOIN look(s.source, CASE s.source WHEN 'VALUES (1.5), (2.5)' THEN 'column1' ELSE 'a' END) l
ORDER BY s.i;

-- what a transaction sees is what it trains on, and a query that fails leaves it as it was
BEGIN;
INSERT INTO plain VALUES (101, 1e6, 'k0');
SAVEPOINT before;
SELECT * FROM look('SELECT 1 / (id - 50) AS a FROM plain');
ROLLBACK TO before;
SELECT n, maximum FROM look('plain');
ROLLBACK;
SELECT n, maximum FROM look('plain');

-- nothing but a query that reads

CREATE TABLE victim (a int);
INSERT INTO victim VALUES (1), (2);
CREATE VIEW locking AS SELECT a FROM victim FOR UPDATE;

SELECT * FROM look('SELECT a FROM victim; DROP TABLE victim');
SELECT * FROM look('victim; DROP TABLE victim');
SELECT * FROM look('victim) AS source; DROP TABLE victim; --');
SELECT * FROM look('SELECT a FROM victim) AS source; DROP TABLE victim; --');
SELECT * FROM look('SELECT a FROM victim) AS x, (SELECT 1 AS b');
SELECT * FROM look('SELECT a FROM victim /* never closed');
SELECT * FROM look('/* SELECT a FROM victim');
SELECT * FROM look('/* */ DELETE FROM victim');
SELECT * FROM look('-- SELECT');
SELECT * FROM look('SELECT a FROM victim WHERE false OR $1');
SELECT * FROM look('SELECT a INTO stolen FROM victim');
SELECT * FROM look('SELECT a INTO stolen FROM victim UNION SELECT 1');
SELECT * FROM look('WITH d AS (DELETE FROM victim RETURNING a) SELECT a FROM d');
SELECT * FROM look('WITH d AS (SELECT 1 AS a) DELETE FROM victim USING d');
SELECT * FROM look('WITH d AS (SELECT 1 AS a) INSERT INTO victim SELECT a FROM d');
SELECT * FROM look('SELECT * FROM (WITH d AS (DELETE FROM victim RETURNING a) SELECT a FROM d) x');
SELECT * FROM look('SELECT a FROM victim FOR UPDATE');
SELECT * FROM look('SELECT * FROM (SELECT a FROM victim FOR SHARE) x');
SELECT * FROM look('SELECT a FROM locking');
SELECT * FROM look('locking');
SELECT * FROM look('INSERT INTO victim VALUES (3)');
SELECT * FROM look('EXPLAIN SELECT a FROM victim');
SELECT * FROM look('COPY victim TO STDOUT');
SELECT * FROM look('victim_a_seq()');
SELECT * FROM look('generate_series(1, 10)');
SELECT * FROM look('');
SELECT * FROM look('  ');
SELECT * FROM look(';');
SELECT * FROM look('SELECT');
SELECT * FROM look('SELECT a, a FROM victim');
SELECT * FROM look('SELECT missing FROM victim');
SELECT * FROM look('victim.');
SELECT * FROM look('"victim');
SELECT * FROM look('a.b.c.victim');
SELECT * FROM look('elsewhere.victim');
SELECT * FROM look('otherdb.public.victim');
SELECT * FROM look('no_such');
SELECT * FROM look('victim', 'A');
SELECT * FROM look('victim', '"A"');
SELECT * FROM look('victim', '"no such"');
SELECT * FROM look('victim', 'a"; DROP TABLE victim; --');
SELECT * FROM look('plain_pkey');
CREATE SEQUENCE counter;
SELECT * FROM look('counter');
CREATE TYPE pair AS (a int, b int);
SELECT * FROM look('pair');

SELECT count(*) FROM victim;
SELECT to_regclass('stolen');
SELECT count(*) FROM custseg.models;

-- Names

CREATE SCHEMA "Odd ""Schema""; --";
CREATE TABLE "Odd ""Schema""; --"."Ta.ble "" ;" ("A ""b""; --" int, "SELECT" int, a int, "a b" int);
INSERT INTO "Odd ""Schema""; --"."Ta.ble "" ;" SELECT i, 2 * i, 3 * i, 4 * i FROM generate_series(1, 9) i;
SELECT * FROM look('"Odd ""Schema""; --"."Ta.ble "" ;"', 'A "b"; --', 'SELECT', 'a', 'a b');
CREATE TABLE selected (a int);
CREATE TABLE values$x (a int);
CREATE TABLE "select" (a int);
CREATE TABLE "With" (a int);
CREATE TABLE "VALUES (1)" (a int);
INSERT INTO selected VALUES (0), (2);
INSERT INTO values$x VALUES (1), (3);
INSERT INTO "select" VALUES (2), (4);
INSERT INTO "With" VALUES (3), (5);
INSERT INTO "VALUES (1)" VALUES (4), (6);
SELECT s.source, l.mean
FROM unnest('{selected,SELECTED,Values$X,"\"select\"","\"With\"","\"VALUES (1)\"",public.selected,"Public . \"selected\""," selected "}'::text[])
    WITH ORDINALITY s (source, i)
CROSS JOIN look(s.source) l
ORDER BY s.i;
-- the database may be named, if it is this one
SELECT mean FROM look(format('%I.public.selected', current_database()));
-- the source is stored as it was resolved: another search_path does not move it
CREATE SCHEMA other;
CREATE TABLE other.selected (a int);
INSERT INTO other.selected VALUES (100), (200);
SET search_path = other, public;
SELECT model FROM custseg.train('moved', 'selected', '{a}', k => 1);
SET search_path = public;
SELECT source FROM custseg.models WHERE name = 'moved';
SELECT count(*) FROM custseg.score('moved');
SELECT custseg.drop_model('moved', whole => true);

-- Dropped columns, and the order of columns

CREATE TABLE ragged (gone1 int, b text, gone2 text, a float8, gone3 float8);
INSERT INTO ragged SELECT 999, 'l' || i % 2, 'gone', i, 999 FROM generate_series(1, 10) i;
ALTER TABLE ragged DROP gone1, DROP gone2, DROP gone3;
ALTER TABLE ragged ADD later int NOT NULL DEFAULT 7;
INSERT INTO ragged VALUES ('l2', 11, 8);
SELECT * FROM look('ragged', 'a', 'b', 'later');

SELECT n_rows, n_segments FROM custseg.train('ordered', 'ragged', '{a,b}', k => 3);
CREATE VIEW reordered AS SELECT later, a, 'x' AS extra, b FROM ragged;
SELECT count(*) AS rows,
    count(*) FILTER (WHERE custseg.predict('ordered', r) = custseg.predict('ordered', o)) AS same,
    count(*) FILTER (WHERE custseg.predict('ordered', to_jsonb(o)) = custseg.predict('ordered', o)) AS same_json
FROM ragged r
JOIN reordered o USING (a);
-- the model does not depend on where a column stands, nor on the order in which features are asked for
SELECT n_rows, n_segments FROM custseg.train('reordered', 'reordered', '{b,a}', k => 3);
SELECT round(o.inertia::numeric, 9) = round(r.inertia::numeric, 9) AS same_inertia
FROM custseg.models o, custseg.models r
WHERE o.name = 'ordered' AND r.name = 'reordered';
-- columns without a feature in them do not matter, nor do columns that change their place
ALTER TABLE ragged DROP later CASCADE;
ALTER TABLE ragged ADD later text;
SELECT count(DISTINCT custseg.predict('ordered', r)) FROM ragged r;
SELECT custseg.drop_model('ordered', whole => true), custseg.drop_model('reordered', whole => true);

-- A schema first in the path that has everything custseg uses, only worse

CREATE SCHEMA trap;
CREATE FUNCTION trap.spring() RETURNS void LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
DO $$
DECLARE
    o text;
    t text;
    f text;
BEGIN
    -- operators
    FOREACH o IN ARRAY '{=,<>,<,>,<=,>=}'::text[] LOOP
        FOREACH t IN ARRAY '{int,bigint,text,name,float8,numeric,oid,bool,regclass}'::text[] LOOP
            EXECUTE format('CREATE FUNCTION trap.%I(%s, %s) RETURNS bool LANGUAGE plpgsql
                AS ''BEGIN PERFORM trap.spring(); RETURN false; END''', 'op_' || md5(o), t, t);
            EXECUTE format('CREATE OPERATOR trap.%s (FUNCTION = trap.%I, LEFTARG = %s, RIGHTARG = %s)',
                o, 'op_' || md5(o), t, t);
        END LOOP;
    END LOOP;
    FOREACH o IN ARRAY '{+,-,*,/,||}'::text[] LOOP
        FOREACH t IN ARRAY '{int,bigint,text,float8}'::text[] LOOP
            EXECUTE format('CREATE FUNCTION trap.%I(%s, %s) RETURNS %s LANGUAGE plpgsql
                AS ''BEGIN PERFORM trap.spring(); RETURN NULL; END''', 'op_' || md5(o), t, t, t);
            EXECUTE format('CREATE OPERATOR trap.%s (FUNCTION = trap.%I, LEFTARG = %s, RIGHTARG = %s)',
                o, 'op_' || md5(o), t, t);
        END LOOP;
    END LOOP;
    EXECUTE 'CREATE FUNCTION trap.arrow(jsonb, text) RETURNS text LANGUAGE plpgsql
        AS ''BEGIN PERFORM trap.spring(); RETURN NULL; END''';
    EXECUTE 'CREATE OPERATOR trap.->> (FUNCTION = trap.arrow, LEFTARG = jsonb, RIGHTARG = text)';
    -- functions, casts by name among them
    FOREACH f IN ARRAY '{float8,int4,text,numeric,jsonb,name,lower,length,abs,now,clock_timestamp,version,current_setting,quote_ident,format_type,to_jsonb,jsonb_build_object,may_use,scorer}'::text[] LOOP
        FOREACH t IN ARRAY '{int,bigint,text,name,float8,numeric,jsonb}'::text[] LOOP
            EXECUTE format('CREATE FUNCTION trap.%I(%s) RETURNS %s LANGUAGE plpgsql
                AS ''BEGIN PERFORM trap.spring(); RETURN NULL; END''', f, t, t);
        END LOOP;
    END LOOP;
    EXECUTE 'CREATE FUNCTION trap.predict(text, anyelement, int DEFAULT NULL) RETURNS int LANGUAGE plpgsql
        AS ''BEGIN PERFORM trap.spring(); RETURN NULL; END''';
END
$$;
CREATE FUNCTION trap.count_step(bigint, anyelement) RETURNS bigint LANGUAGE plpgsql
AS $$ BEGIN PERFORM trap.spring(); RETURN 0; END $$;
CREATE FUNCTION trap.count_step(bigint) RETURNS bigint LANGUAGE plpgsql
AS $$ BEGIN PERFORM trap.spring(); RETURN 0; END $$;
CREATE AGGREGATE trap.count(*) (SFUNC = trap.count_step, STYPE = bigint);
CREATE AGGREGATE trap.count(anyelement) (SFUNC = trap.count_step, STYPE = bigint);
CREATE AGGREGATE trap.min(anyelement) (SFUNC = trap.count_step, STYPE = bigint);
CREATE AGGREGATE trap.max(anyelement) (SFUNC = trap.count_step, STYPE = bigint);
-- tables and types
CREATE TABLE trap.model (name text);
CREATE TABLE trap.model_version (name text);
CREATE TABLE trap.segment (name text);
CREATE TABLE trap.feature (name text);
CREATE TABLE trap.pg_class (oid oid);
CREATE TABLE trap.pg_proc (oid oid);
CREATE TABLE trap.pg_enum (oid oid);
CREATE DOMAIN trap.float8 AS pg_catalog.float8 CHECK (false);
CREATE DOMAIN trap.jsonb AS pg_catalog.jsonb CHECK (false);
CREATE DOMAIN trap.text AS pg_catalog.text CHECK (false);

CREATE TABLE trapped_customers (
    id int, number numeric, amount float8, day date, kind text, feel mood, segment int
);
INSERT INTO trapped_customers
SELECT i, i % 10 * 1.5, i % 7, date '2020-01-01' + i % 5, 'k' || i % 3,
    (enum_range(NULL::mood))[1 + i % 3], NULL
FROM generate_series(1, 60) i;

-- without the trap
SELECT version, n_rows, n_segments, round(inertia::numeric, 9) AS inertia
FROM custseg.train('free', 'trapped_customers', '{number,amount,day,kind,feel}', k => 4, id => 'id');

-- with it: the trap works, but not on custseg
SET search_path = trap, pg_catalog, public;
SELECT 1 = 1;
SELECT count(*) FROM public.trapped_customers;
SELECT version, n_rows, n_segments, pg_catalog.round(inertia::pg_catalog.numeric, 9) AS inertia
FROM custseg.train('caught', 'trapped_customers', '{number,amount,day,kind,feel}', k => 4, id => 'id',
    prep => '{"impute": "mean", "clip": "quantile", "scale": "robust"}', deploy => true);
SELECT version, n_rows, n_segments, pg_catalog.round(inertia::pg_catalog.numeric, 9) AS inertia
FROM custseg.train('caught', 'trapped_customers', '{number,amount,day,kind,feel}', k => 4, id => 'id');
SELECT custseg.deploy('caught', 2);
SELECT custseg.rollback('caught');
SELECT custseg.deploy('caught', 2, 'again');
SELECT custseg.name_segment('caught', 1, 'first');
SELECT custseg.grant_model('caught', 'public');
SELECT custseg.revoke_model('caught', 'public');
SELECT segment, name FROM custseg.segments WHERE deployed ORDER BY model USING OPERATOR(pg_catalog.<), segment USING OPERATOR(pg_catalog.<) LIMIT 2;
SELECT custseg.predict('caught', c) IS NULL, custseg.predict_name('caught', c) IS NULL,
    custseg.predict(custseg.scorer('caught'), c) IS NULL,
    (custseg.predict_detail('caught', c)).distance IS NULL
FROM public.trapped_customers c LIMIT 1;
SELECT feature IS NULL FROM public.trapped_customers c, custseg.explain('caught', c) LIMIT 1;
SELECT segment IS NULL FROM custseg.score('caught') LIMIT 1;
CALL custseg.resegment('caught', 'trapped_customers');
CREATE TRIGGER assign BEFORE INSERT ON public.trapped_customers
FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('caught', 'segment');
INSERT INTO public.trapped_customers (id, number, amount, day, kind, feel) VALUES (61, 1, 1, '2020-01-01', 'k0', 'sad');
SELECT pid FROM custseg.progress();
SELECT custseg.drop_model('caught', 1);
RESET search_path;

-- the two are the same model: each segment of one is a segment of the other
SELECT count(*) AS rows,
    count(DISTINCT (custseg.predict('free', c), custseg.predict('caught', c))) AS pairs,
    count(*) FILTER (WHERE c.segment = custseg.predict('caught', c)) AS written
FROM trapped_customers c;
SET search_path = trap, pg_catalog, public;
SELECT custseg.drop_model('caught', whole => true, ignore_triggers => true);
RESET search_path;
SELECT custseg.drop_model('free', whole => true);

SET client_min_messages = warning;
DROP SCHEMA trap, other, "Odd ""Schema""; --" CASCADE;
DROP TABLE types, conversions, gaps, plain, parts, parent, passing, unlogged, victim, selected,
    values$x, "select", "With", "VALUES (1)", ragged, trapped_customers CASCADE;
DROP SEQUENCE counter;
DROP TYPE pair, mood CASCADE;
DROP DOMAIN amount, small_amount, code, born;
DROP FUNCTION look, worst_error;
DROP EXTENSION IF EXISTS file_fdw CASCADE;
DROP VIEW IF EXISTS abroad;
RESET client_min_messages;
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace;
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
