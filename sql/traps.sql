-- What custseg writes as SQL and runs as the caller means the same, whatever functions and types are found before PostgreSQL's.
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET jit = off;
CREATE TABLE line AS SELECT i % 20 AS customer, timestamptz '2026-01-05 00:00+00' + i * 37 % 4321 * interval '29 minutes' AS at, (i * 17 % 5000 - 300) / 100.0 AS amount, 'p' || i * 7 % 11 AS product, (ARRAY['visit', 'open', 'click'])[1 + i % 3] AS kind, i % 9 AS minutes, (ARRAY['s', 'm'])[1 + i % 2]::pg_catalog.name AS size FROM generate_series(1, 400) i;
CREATE TABLE account AS SELECT DISTINCT customer, customer % 3 AS region FROM line;

-- a schema full of traps: for each function and aggregate of one or two arguments one of anything, which fails
CREATE SCHEMA trap;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['isfinite', 'abs', 'ln', 'round'] LOOP
        EXECUTE format('CREATE FUNCTION trap.%I(a anyelement) RETURNS anyelement LANGUAGE plpgsql AS ''BEGIN RAISE EXCEPTION ''''trapped by %1$s''''; END''', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['date_part', 'date_trunc', 'to_char', 'format', 'power', 'jsonb_build_object'] LOOP
        EXECUTE format('CREATE FUNCTION trap.%I(a text, b anyelement) RETURNS text LANGUAGE plpgsql AS ''BEGIN RAISE EXCEPTION ''''trapped by %1$s''''; END''', name);
    END LOOP;
    CREATE FUNCTION trap.now() RETURNS timestamptz LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped by now''; END';
    CREATE FUNCTION trap.row_number() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped by row_number''; END';
    CREATE FUNCTION trap.step(s anyelement, a anyelement) RETURNS anyelement LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped by an aggregate''; END';
    FOREACH name IN ARRAY ARRAY['count', 'min', 'max', 'sum', 'avg', 'mode', 'stddev_samp', 'array_agg', 'lag'] LOOP
        EXECUTE format('CREATE AGGREGATE trap.%I(anyelement) (SFUNC = trap.step, STYPE = anyelement)', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['float8', 'float4', 'timestamptz', 'text', 'date', 'jsonb'] LOOP
        EXECUTE format('CREATE DOMAIN trap.%I AS bigint CHECK (VALUE <> VALUE)', name);
    END LOOP;
END
$$;

CREATE TABLE calls (place int, call pg_catalog.text);
INSERT INTO calls VALUES
    (1, $$customer_events('line', 'customer', 'at', 'kind', 'minutes', options => '{"ratios": {"r": ["open", "click"]}, "weights": {"visit": 2}, "look_back": "60 days"}')$$),
    (2, $$customer_events('line', 'customer', 'at', 'size', as_of => '2026-03-01 00:00+00')$$),
    (3, $$customer_features('line', 'customer', 'at', 'amount', product => 'product', category => 'kind', channel => 'size', discount => 'minutes', quantity => 'minutes')$$),
    (4, $$customer_features('line', 'customer', 'at', 'amount', as_of => '2026-03-01 00:00+00', options => '{"same_day": true, "order": "minutes", "look_back": "60 days"}')$$),
    (5, $$journey('line', 'customer', 'at', 'kind')$$),
    (6, $$funnel('line', 'customer', 'at', 'kind', '{visit,open}')$$);
CREATE FUNCTION answer(call pg_catalog.text) RETURNS pg_catalog.text LANGUAGE plpgsql AS $$
DECLARE
    result pg_catalog.text;
BEGIN
    EXECUTE pg_catalog.format('SELECT pg_catalog.md5(pg_catalog.string_agg(r::pg_catalog.text, E''\n'' ORDER BY r::pg_catalog.text COLLATE pg_catalog."C")) FROM custseg.%s r', call) INTO result;
    RETURN result;
END
$$;
CREATE TABLE plain AS SELECT place, answer(call) AS answer FROM calls;
SELECT custseg.create_feature_view('plain_view', 'line', 'customer', 'at', 'amount', product => 'product', category => 'kind',
    options => '{"events": {"source": "line", "customer": "customer", "time": "at", "kind": "kind", "value": "minutes"}, "tables": [{"source": "account", "customer": "customer"}]}');

SET search_path = trap, pg_catalog, public;
SELECT c.place, public.answer(c.call) = p.answer AS alike FROM public.calls c JOIN public.plain p ON p.place = c.place ORDER BY c.place;
SELECT custseg.create_feature_view('public.trapped_view', 'line', 'customer', 'at', 'amount', product => 'product', category => 'kind',
    options => '{"events": {"source": "line", "customer": "customer", "time": "at", "kind": "kind", "value": "minutes"}, "tables": [{"source": "account", "customer": "customer"}]}');
-- a view is made once, and read by whoever finds what
SELECT pg_catalog.count(*) FROM (SELECT * FROM public.trapped_view) v WHERE v.frequency > 0::int8;
RESET search_path;
SELECT pg_get_viewdef('trapped_view') = pg_get_viewdef('plain_view') AS same_view;

DROP VIEW plain_view, trapped_view;
DROP FUNCTION answer;
DROP TABLE line, account, calls, plain;
DROP SCHEMA trap CASCADE;

\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
