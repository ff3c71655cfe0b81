-- No result depends on how a session displays values, where it looks for names, or where it lives.
SET client_min_messages = error;
CREATE TABLE shown AS
SELECT i AS id, (i % 7 * 1.1 + i % 3 * 0.1 + (i / 200) * 40)::float8 AS spend, (1 + (i % 4) / 10000000.0)::float8 AS close_by, (ARRAY[1, 1.0, 1.00, 2.50])[1 + i % 4]::numeric AS price,
    (i % 5 * 0.1)::float4 AS ratio, date '2025-01-30' + i % 90 AS joined, timestamptz '2025-03-29 22:00+00' + i * interval '37 minutes' AS seen, timestamp '2025-03-29 22:00' + i * interval '41 minutes' AS local,
    make_interval(days => i % 20, hours => i % 3) AS age, (i % 9 + 0.05)::numeric::money AS paid, CASE WHEN i % 11 > 0 THEN 'level ' || i % 4 END AS kind, i % 2 = 0 AS flag, ('\x' || lpad(to_hex(i % 3), 2, '0'))::bytea AS raw
FROM generate_series(1, 400) i;
ALTER TABLE shown ADD PRIMARY KEY (id);
SELECT n_segments FROM custseg.train('shown', 'public.shown', '{spend,joined,seen,age,kind,ratio,paid}', 2, prep => '{"columns": {"kind": {"encode": "frequency"}}}');
SELECT n_segments FROM custseg.train('shown_tree', 'public.shown', '{spend,joined,seen,local,age,kind,ratio,price}', algorithm => 'tree', options => '{"model": "shown"}');
SELECT custseg.override_segment('shown', '7', 2, 'for a test');

CREATE TABLE asked (call text PRIMARY KEY);
INSERT INTO asked VALUES
    ('custseg.frequencies(''public.shown'', ''close_by'')'), ('custseg.frequencies(''public.shown'', ''price'')'), ('custseg.frequencies(''public.shown'', ''seen'')'), ('custseg.frequencies(''public.shown'', ''joined'')'),
    ('custseg.frequencies(''public.shown'', ''paid'')'), ('custseg.frequencies(''public.shown'', ''flag'')'),
    ('(SELECT (custseg.chi_square_test(close_by, flag)).* FROM public.shown)'), ('(SELECT (custseg.chi_square_test(seen, kind)).* FROM public.shown)'), ('(SELECT (custseg.chi_square_test(price, ratio)).* FROM public.shown)'),
    ('(SELECT (custseg.chi_square_test(ARRAY[close_by], flag)).* FROM public.shown)'), ('(SELECT (custseg.chi_square_test(ROW(close_by, seen), point(close_by, ratio))).* FROM public.shown)'), ('(SELECT (custseg.chi_square_test(tstzrange(seen, NULL), kind)).* FROM public.shown)'),
    ('custseg.describe(''public.shown'')'), ('custseg.histogram(''public.shown'', ''spend'')'), ('custseg.correlations(''public.shown'')'), ('custseg.outliers(''public.shown'', ''{spend,ratio}'')'),
    ('custseg.missing_patterns(''public.shown'')'), ('custseg.mcar_test(''SELECT spend, CASE WHEN id % 3 > 0 THEN ratio END AS ratio FROM public.shown'')'),
    ('custseg.segment_profile(''shown'')'), ('custseg.segment_summary(''shown'')'), ('custseg.segment_tests(''shown'')'), ('custseg.feature_importance(''shown'')'),
    ('custseg.drift(''shown'')'), ('custseg.data_quality(''shown'')'), ('custseg.segment_sizes(''shown'')'), ('custseg.needs_retraining(''shown'')'), ('custseg.score(''shown'')'),
    ('custseg.drift_multivariate(''shown'')'), ('custseg.silhouette(''shown'')'), ('custseg.evaluate(''shown'')'),
    ('(SELECT e.* FROM public.shown s, custseg.explain(''shown'', s) e WHERE s.id = 300)'), ('custseg.tree_rules(''shown_tree'')'), ('custseg.surrogate(''shown'')'), ('custseg.radar(''shown'')'),
    ('(SELECT (custseg.predict_detail(''shown'', s)).* FROM public.shown s)'), ('(SELECT custseg.predict(''shown_tree'', s) FROM public.shown s)'),
    ('custseg.choose_k(''public.shown'', ''{spend,ratio}'', 2, 4)'), ('custseg.clusterability(''public.shown'', ''{spend,ratio}'')'),
    ('custseg.rfm(''public.shown'', ''kind'', ''seen'', ''paid'', options => ''{"time_zone": "Europe/Berlin", "same_day": true}'')'),
    ('custseg.customer_features(''public.shown'', ''kind'', ''seen'', ''price'', category => ''ratio'', as_of => ''2025-06-01 00:00+00'', options => ''{"time_zone": "Europe/Berlin", "same_day": true}'')'),
    ('custseg.customer_features(''public.shown'', ''kind'', ''local'', ''price'', as_of => ''2025-06-01 00:00+00'', options => ''{"time_zone": "Europe/Berlin"}'')');

-- a call's rows under some settings, as the same session shows them afterwards
CREATE FUNCTION answer(call text, settings text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    digest text;
    setting text;
BEGIN
    BEGIN
        FOREACH setting IN ARRAY settings LOOP
            PERFORM set_config(split_part(setting, '=', 1), split_part(setting, '=', 2), true);
        END LOOP;
        EXECUTE 'CREATE TEMPORARY TABLE answered AS SELECT * FROM ' || call || ' AS a';
    EXCEPTION WHEN OTHERS THEN
        RETURN SQLERRM;
    END;
    PERFORM set_config('extra_float_digits', '1', true), set_config('DateStyle', 'ISO', true), set_config('IntervalStyle', 'postgres', true), set_config('bytea_output', 'hex', true),
        set_config('TimeZone', 'UTC', true), set_config('search_path', 'public', true);
    SELECT md5(string_agg(a::text, E'\n')) INTO digest FROM answered a;
    DROP TABLE answered;
    RETURN digest;
END $$;

CREATE TABLE settings (position int PRIMARY KEY, settings text[]);
INSERT INTO settings VALUES
    (0, '{extra_float_digits=1,DateStyle=ISO,TimeZone=UTC}'), (1, '{extra_float_digits=-10}'), (2, '{extra_float_digits=-15,DateStyle=German}'), (3, '{extra_float_digits=3,IntervalStyle=iso_8601}'),
    (4, '{"DateStyle=SQL, DMY",TimeZone=Asia/Kolkata}'), (5, '{"DateStyle=Postgres, MDY",IntervalStyle=sql_standard}'), (6, '{TimeZone=America/St_Johns,extra_float_digits=0}'), (7, '{bytea_output=escape,TimeZone=Pacific/Auckland}'),
    (8, '{IntervalStyle=postgres_verbose,DateStyle=German}'), (9, '{search_path=pg_catalog,extra_float_digits=-3}'), (10, '{search_path=,"DateStyle=SQL, DMY",TimeZone=Europe/Berlin}'), (11, '{TimeZone=<-13>+13,IntervalStyle=iso_8601,extra_float_digits=-12}');

CREATE TABLE answers AS SELECT call, position, answer(call, settings) FROM asked, settings;
SELECT a.call, array_agg(a.position ORDER BY a.position) AS different, min(a.answer) FILTER (WHERE a.answer !~ '^[0-9a-f]{32}$') AS error
FROM answers a JOIN answers known ON known.call = a.call AND known.position = 0
WHERE a.answer IS DISTINCT FROM known.answer OR a.answer !~ '^[0-9a-f]{32}$'
GROUP BY a.call ORDER BY a.call;
-- nor does it find operators of others, which would run as whoever asks: those for every pair of types of numbers that PostgreSQL has no operator of its own for
CREATE SCHEMA traps;
DO $$
DECLARE
    types constant text[] := '{smallint,integer,bigint,numeric,real,float8,money}';
    l text;
    r text;
    o text;
BEGIN
    FOREACH l IN ARRAY types LOOP
        FOREACH r IN ARRAY types LOOP
            EXECUTE format('CREATE FUNCTION traps.trap(%s, %s) RETURNS bool LANGUAGE plpgsql AS $f$ BEGIN RAISE ''a trap was called''; END $f$', l, r);
            FOREACH o IN ARRAY '{+,-,*,/,=,<>,<,>,<=,>=}'::text[] LOOP
                IF to_regoperator(format('pg_catalog.%s(%s, %s)', o, l, r)) IS NULL THEN
                    EXECUTE format('CREATE OPERATOR traps.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = traps.trap)', o, l, r);
                END IF;
            END LOOP;
        END LOOP;
    END LOOP;
END $$;
SELECT count(*) > 300 AS many FROM pg_operator WHERE oprnamespace = 'traps'::regnamespace;
SET search_path = traps, public;
SELECT 1::float8 / 2::bigint;
RESET search_path;
SELECT a.call, answer(a.call, '{"search_path=traps, public"}') AS trapped FROM answers a
WHERE a.position = 0 AND answer(a.call, '{"search_path=traps, public"}') IS DISTINCT FROM a.answer;
DROP SCHEMA traps CASCADE;
-- values are told apart as their type does it
SELECT level, n FROM custseg.frequencies('shown', 'price');
SELECT level, n FROM custseg.frequencies('shown', 'close_by');
SELECT level, n FROM custseg.frequencies('SELECT x::interval AS x FROM (VALUES (''1 mon''), (''30 days''), (''29 days 24:00''), (''1 day -1 hour''), (''23:00''), (''-1 day 1 hour''), (''-23:00''), (''178000000 years'')) v (x)', 'x');
SELECT (custseg.chi_square_test(x, g)).* FROM (SELECT v, g FROM (VALUES (1.0000001::float8, 1), (1.0000002, 2), (1.0000003, 1), (2.0, 2)) s (v, g), generate_series(1, 10)) t (x, g);
SELECT custseg.drop_model('shown_tree', whole => true), custseg.drop_model('shown', whole => true);
DROP TABLE shown, asked, settings, answers;
DROP FUNCTION answer;
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
