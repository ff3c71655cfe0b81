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

-- and so it is where they are of the very same types, operators, too
\getenv root PG_ABS_SRCDIR
\i :root/test/traps.sql
CREATE TABLE stay AS SELECT i % 300 AS days, i % 7 > 2 AS has_left, (ARRAY['s', 'm'])[1 + i % 2] AS size, i * 0.5 AS length FROM generate_series(1, 500) i;
CREATE TABLE panel AS SELECT c AS customer, c % 2 = 1 AS treated, m AS month, (c * 7 + m * 11) % 13 + c % 2 * m::float8 AS amount FROM generate_series(1, 30) c, generate_series(0, 4) m;
CREATE TABLE outcome AS SELECT i AS id, i * 31 % 97 / 2.0 AS spent, i % 3 = 0 AS bought, i % 11 AS visits, i % 17 AS before FROM generate_series(1, 300) i;
CREATE TABLE outcome_line AS SELECT o.*, timestamptz '2026-02-01 00:00+00' + (id * 13 + n * 29) % 61 * interval '1 day' AS at FROM outcome o, generate_series(1, 2) n;
SELECT n_segments FROM custseg.train('groups', 'outcome', '{spent,before}', k => 2, id => 'id');
SELECT custseg.create_experiment('spring', 'groups', '["control", "offer"]', '[{"metric": "spend", "kind": "mean", "role": "primary", "column": "spent", "effect": 1, "covariate": "before"}, {"metric": "bought", "kind": "conversion", "column": "bought"},
    {"metric": "capped", "kind": "mean", "column": "visits", "cap": 0.9}, {"metric": "basket", "kind": "ratio", "numerator": "spent", "denominator": "visits"}]', '{"method": "fixed"}');
SELECT custseg.create_experiment('summer', 'groups', '["control", "offer"]', '[{"metric": "spend", "kind": "mean", "role": "primary", "column": "spent", "effect": 1}, {"metric": "bought", "kind": "conversion", "column": "bought", "window": "20 days"}]', '{"method": "fixed"}');
SELECT e AS experiment, (custseg.enroll(e, 'outcome')).n_enrolled FROM unnest('{spring,summer}'::text[]) e;
UPDATE custseg.enrolment SET enrolled_at = '2026-02-10 00:00+00';
INSERT INTO calls VALUES
    (21, $$purchase_summary('line', 'customer', 'at', 'amount', options => '{"returns": "ignore"}')$$),
    (22, $$cohorts('line', 'customer', 'at', 'amount', 'week', '2026-03-01 00:00+00')$$),
    (23, $$cohorts('line', 'customer', 'at')$$),
    (24, $$retention('stay', 'days', 'has_left', 'size')$$),
    (25, $$retention_summary('stay', 'length', 'has_left')$$),
    (26, $$rfm('line', 'customer', 'at', 'amount')$$),
    (27, $$customer_features('line', 'customer', 'at', 'amount', product => 'product', category => 'kind', channel => 'size', discount => 'minutes', quantity => 'minutes')$$),
    (28, $$customer_features('line', 'customer', 'at', 'amount', category => 'kind', as_of => '2026-03-01 00:00+00', options => '{"same_day": true, "order": "minutes", "look_back": "60 days"}')$$),
    (29, $$customer_events('line', 'customer', 'at', 'kind', 'minutes', options => '{"ratios": {"r": ["open", "click"]}, "weights": {"visit": 2}, "look_back": "60 days"}')$$),
    (30, $$customer_events('line', 'customer', 'at', 'size', as_of => '2026-03-01 00:00+00')$$),
    (31, $$journey('line', 'customer', 'at', 'kind')$$),
    (32, $$funnel('line', 'customer', 'at', 'kind', '{visit,open}')$$),
    (33, $$frequent_itemsets('line', 'minutes', 'product')$$),
    (34, $$frequent_itemsets('line', 'at', 'product', '{"customer": "customer", "min_customers": 2, "min_support": 0.01}')$$),
    (35, $$difference_in_differences('panel', 'customer', 'treated', 'month', 'amount', '2')$$),
    (36, $$frequencies('line', 'size')$$),
    (37, $$experiment_results('spring', 'outcome', 'id')$$),
    (38, $$experiment_results('summer', 'outcome_line', 'id', options => '{"time": "at"}')$$),
    (39, $$effect_over_time('summer', 'outcome_line', 'spend', '10 days', 3, '2026-03-20 00:00+00', 'id', '{"time": "at"}')$$),
    (40, $$customer_features_sql('line', 'customer', 'at', 'amount', options => '{"everyone": true, "events": {"source": "line", "customer": "customer", "time": "at", "kind": "kind"}, "tables": [{"source": "account", "customer": "customer"}]}')$$);
CREATE TABLE exactly AS SELECT place, answer(call) AS plain FROM calls WHERE place > 20;
SELECT custseg.create_feature_view('plain_view', 'line', 'customer', 'at', 'amount', product => 'product', category => 'kind', options => '{"look_back": "60 days", "same_day": true, "everyone": true,
    "events": {"source": "line", "customer": "customer", "time": "at", "kind": "kind", "value": "minutes", "options": {"ratios": {"r": ["open", "click"]}, "weights": {"visit": 2}}}, "tables": [{"source": "account", "customer": "customer"}, {"source": "line", "customer": "customer", "time": "at"}]}');
SET search_path = exact_trap, pg_catalog, public;
CREATE TABLE public.trapped AS SELECT place, public.answer(call) AS answer FROM public.calls WHERE place OPERATOR(pg_catalog.>) 20;
SELECT custseg.create_feature_view('public.trapped_view', 'line', 'customer', 'at', 'amount', product => 'product', category => 'kind', options => '{"look_back": "60 days", "same_day": true, "everyone": true,
    "events": {"source": "line", "customer": "customer", "time": "at", "kind": "kind", "value": "minutes", "options": {"ratios": {"r": ["open", "click"]}, "weights": {"visit": 2}}}, "tables": [{"source": "account", "customer": "customer"}, {"source": "line", "customer": "customer", "time": "at"}]}');
RESET search_path;
SELECT pg_get_viewdef('trapped_view') = pg_get_viewdef('plain_view') AS same_view;
DROP VIEW plain_view, trapped_view;
SELECT e.place, e.plain IS NOT NULL AND t.answer = e.plain AS alike FROM exactly e JOIN trapped t ON t.place = e.place ORDER BY e.place;
DROP SCHEMA exact_trap CASCADE;
DROP TABLE stay, panel, outcome, outcome_line, exactly, trapped;
DROP FUNCTION answer;
DROP TABLE line, account, calls, plain;
DROP SCHEMA trap CASCADE;

\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
