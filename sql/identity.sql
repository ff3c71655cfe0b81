-- Who a customer is: ids are compared as values of their type, whatever the text and the settings, in every way of scoring.

SET client_min_messages = warning;
CREATE TABLE failures (key_type text, spelling text, settings int, way text, got text);
CREATE TABLE spellings (key_type text, rows text[], target int, spelling text[]);

-- Keys of each type, which of them is meant, and what may be written for it.
INSERT INTO spellings VALUES
('smallint', '{3,5,7}', 2, '{5,"''5''","5.00","bigint ''5''","float8 ''5''","text ''5''"}'),
('integer', '{3,5,7}', 2, '{5,"''5''","5.00","bigint ''5''","real ''5''","text '' 5''"}'),
('bigint', '{3,9007199254740993,7}', 2, '{9007199254740993,"''9007199254740993''","9007199254740993.0"}'),
('numeric(10,2)', '{3,5,7}', 2, '{5,"''5''","5.0","''5.000''","float8 ''5''","''  5.00''"}'),
('numeric', '{3,5.10,7}', 2, '{5.1,"''5.100''","5.1000","float8 ''5.1''"}'),
('real', '{0.3,0.1,0.7}', 2, '{0.1,"''0.1''","real ''0.1''","''1e-1''"}'),
('float8', '{0.1,0.30000000000000004,0.3}', 2, '{0.30000000000000004,"''0.30000000000000004''","float8 ''0.1'' + float8 ''0.2''","''3.0000000000000004e-1''"}'),
('money', '{1,5000.50,7}', 2, '{"money ''5000.5''","''5000.50''","5000.5","''$5,000.50''"}'),
('text', '{a,"b b",c}', 2, '{"''b b''","text ''b b''","varchar ''b b''"}'),
('varchar(8)', '{a,b,c}', 2, '{"''b''","text ''b''","char(4) ''b''"}'),
('char(8)', '{c1,7,c3}', 2, '{7,"''7''","''7  ''","text ''7''","char(10) ''7''"}'),
('name', '{a,b,c}', 2, '{"''b''","name ''b''"}'),
('boolean', '{true,false}', 2, '{"false","''off''","''F''"}'),
('uuid', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12}', 2,
    '{"''A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A12''","''{a0eebc999c0b4ef8bb6d6bb9bd380a12}''","uuid ''a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12''","text ''A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a12''"}'),
('date', '{2024-01-05,2024-01-06,2024-01-07}', 2, '{"date ''2024-01-06''","''2024-01-06''","''January 6, 2024''","timestamp ''2024-01-06''"}'),
('timestamp', '{2024-01-06 00:00,2024-01-06 01:02:03.5}', 2, '{"timestamp ''2024-01-06 01:02:03.5''","''2024-01-06 01:02:03.500''"}'),
('timestamptz', '{2024-01-06 00:00+00,2024-01-06 01:00+00}', 2,
    '{"timestamptz ''2024-01-06 01:00+00''","''2024-01-06 10:00+09''","''2024-01-06 02:00+01''","text ''2024-01-05 20:00-05''"}'),
('time', '{01:00,13:00}', 2, '{"''1:00 pm''","time ''13:00''","''13:00:00''"}'),
('interval', '{1 hour,1 day -1 hour,2 days}', 2, '{"''1 day -1 hour''","''23 hours''","interval ''1 day'' - interval ''60 minutes''"}'),
('bytea', '{\\x00,\\xdeadbeef}', 2, '{"''\\xdeadbeef''","''\\xDEADBEEF''","''\\336\\255\\276\\357''","decode(''3q2+7w=='', ''base64'')"}'),
('inet', '{10.0.0.1,10.0.0.2}', 2, '{"''10.0.0.2''","''10.0.0.2/32''","inet ''10.0.0.2''"}'),
('bit(4)', '{0001,0010}', 2, '{"B''0010''","''0010''"}'),
('mood', '{calm,glad}', 2, '{"''glad''","mood ''glad''","text ''glad''"}'),
('amount', '{3,5,7}', 2, '{5,"''5.0''","amount ''5''"}'),
('int[]', '{"{1,2}","{1,3}"}', 2, '{"''{1,3}''","ARRAY[1,3]","''{1, 3}''"}'),
('int4range', '{"[1,3)","[1,4)"}', 2, '{"''[1,4)''","''[1,3]''","int4range(1, 4)"}'),
('jsonb', '{"{\"a\": 1}","{\"a\": 2}"}', 2, '{"''{\"a\":2}''","''{\"a\": 2.0}''","jsonb ''{\"a\":2}''"}');
CREATE TYPE mood AS ENUM ('calm', 'glad');
CREATE DOMAIN amount AS numeric CHECK (VALUE > 0);

-- Where they are there: a type whose values are equal in any case, and a collation that says so.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS citext;
    INSERT INTO spellings VALUES ('citext', '{ann@example.org,bob@example.org}', 2, '{"''Bob@example.org''","text ''BOB@EXAMPLE.ORG''","citext ''bob@example.org''"}');
    CREATE DOMAIN address AS citext CHECK (VALUE ~ '@');
    INSERT INTO spellings VALUES ('address', '{ann@example.org,bob@example.org}', 2, '{"''Bob@example.org''","text ''BOB@EXAMPLE.ORG''","address ''bob@example.org''"}');
EXCEPTION WHEN OTHERS THEN NULL;
END $$;
DO $$
BEGIN
    CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    INSERT INTO spellings VALUES ('text COLLATE any_case', '{ann,bob}', 2, '{"''bob''","''Bob''","text ''BOB''"}');
EXCEPTION WHEN OTHERS THEN NULL;
END $$;

CREATE FUNCTION use_settings(which int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('datestyle', (ARRAY['ISO, MDY', 'German, DMY', 'SQL, DMY', 'Postgres, MDY'])[which], false),
        set_config('timezone', (ARRAY['UTC', 'Asia/Tokyo', 'America/New_York', 'Asia/Kathmandu'])[which], false),
        set_config('extra_float_digits', (ARRAY['1', '-10', '0', '3'])[which], false),
        set_config('bytea_output', (ARRAY['hex', 'escape', 'hex', 'escape'])[which], false),
        set_config('intervalstyle', (ARRAY['postgres', 'sql_standard', 'iso_8601', 'postgres_verbose'])[which], false);
END $$;

-- In which rows a decision shows, by each way of scoring: as json an exact float is what it reads.
CREATE FUNCTION check_ways(key_type text, spelling text, settings int, target int, expected int) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    way text;
    found int[];
    changed bigint;
    total bigint;
BEGIN
    UPDATE keyed SET segment = 99;
    CALL custseg.resegment('keyed', 'keyed', rows_changed => changed, rows_total => total);
    FOR way, found IN
        SELECT 'resegment', array_agg(n) FROM keyed WHERE segment IS NOT DISTINCT FROM expected
        UNION ALL
        SELECT 'predict', array_agg(n) FROM keyed k WHERE custseg.predict('keyed', k) IS NOT DISTINCT FROM expected
        UNION ALL
        SELECT 'predict of a row', array_agg(n) FROM (SELECT * FROM keyed OFFSET 0) k WHERE custseg.predict('keyed', k) IS NOT DISTINCT FROM expected
        UNION ALL
        SELECT 'predict_name', array_agg(n) FROM keyed k
        WHERE custseg.predict_name('keyed', k) IS NOT DISTINCT FROM (SELECT name FROM custseg.segments WHERE model = 'keyed' AND segment = expected)
        UNION ALL
        SELECT 'predict_detail', array_agg(n) FROM keyed k WHERE (custseg.predict_detail('keyed', k)).segment IS NOT DISTINCT FROM expected
        UNION ALL
        SELECT 'recommendations', array_agg(n) FROM keyed k, custseg.recommendations('keyed', k) r
        WHERE r.segment IS NOT DISTINCT FROM expected AND r.assigned_by <> 'model'
        UNION ALL
        SELECT 'explain', array_agg(n) FROM keyed k WHERE NOT EXISTS (SELECT FROM custseg.explain('keyed', k))
        UNION ALL
        SELECT 'score', array_agg(n) FROM custseg.score('keyed', 'SELECT * FROM keyed ORDER BY n') WITH ORDINALITY s, keyed k
        WHERE n = s.ordinality AND s.segment IS NOT DISTINCT FROM expected AND s.assigned_by <> 'model' AND s.decided_by = current_user
            AND s.id = k.id::text
        UNION ALL
        SELECT 'json', array_agg(n) FROM keyed k
        WHERE custseg.predict('keyed', to_jsonb(k)) IS NOT DISTINCT FROM expected
            AND NOT (key_type IN ('float8', 'real') AND current_setting('extra_float_digits')::int < 0)
    LOOP
        IF found IS DISTINCT FROM ARRAY[target] AND NOT (way = 'json' AND (found IS NULL AND key_type IN ('float8', 'real') OR key_type IN ('jsonb', 'int[]'))) THEN
            INSERT INTO failures VALUES (key_type, spelling, settings, way, found::text);
        END IF;
    END LOOP;
    UPDATE keyed SET x = x, segment = 99;
    SELECT array_agg(n) INTO found FROM keyed WHERE segment IS NOT DISTINCT FROM expected;
    IF found IS DISTINCT FROM ARRAY[target] THEN
        INSERT INTO failures VALUES (key_type, spelling, settings, 'trigger', found::text);
    END IF;
END $$;

CREATE FUNCTION check_type(s spellings) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    given text;
    given_under int;
    checked int := 0;
    in_force int;
    ended bool;
    forgotten bigint;
    again bigint;
BEGIN
    PERFORM use_settings(1);
    EXECUTE format('CREATE TABLE keyed (id %s PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY, x float8, segment int)', s.key_type);
    FOR i IN 1 .. cardinality(s.rows) LOOP
        EXECUTE format('INSERT INTO keyed (id, x) VALUES (%L, %s)', s.rows[i], i);
    END LOOP;
    PERFORM custseg.train('keyed', 'keyed', features => '{x}', k => cardinality(s.rows), options => '{"seed": 1}');
    CREATE TRIGGER place BEFORE UPDATE OF x ON keyed FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('keyed', 'segment');
    PERFORM custseg.create_experiment('keyed', 'keyed', '["control", "offer"]', '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 1}]');
    FOR i IN 1 .. cardinality(s.spelling) LOOP
        given := s.spelling[i];
        given_under := 1 + i % 4;
        PERFORM use_settings(given_under);
        EXECUTE format('SELECT custseg.exclude(''keyed'', %s, ''objected'')', given);
        FOR settings IN 1 .. 4 LOOP
            PERFORM use_settings(settings);
            PERFORM check_ways(s.key_type, given, settings, s.target, NULL);
            checked := checked + 1;
        END LOOP;
        -- in another spelling the decision is replaced, and ended
        PERFORM use_settings(1 + (i + 1) % 4);
        EXECUTE format('SELECT custseg.override_segment(''keyed'', %s, 1, ''on second thoughts'')', s.spelling[1 + i % cardinality(s.spelling)]);
        SELECT count(*) INTO in_force FROM custseg.overrides WHERE model = 'keyed';
        EXECUTE format('SELECT custseg.end_override(''keyed'', %s)', s.spelling[1 + (i + 1) % cardinality(s.spelling)]) INTO ended;
        IF in_force <> 1 OR NOT ended OR EXISTS (SELECT FROM custseg.overrides WHERE model = 'keyed') THEN
            INSERT INTO failures VALUES (s.key_type, given, NULL, 'replaced and ended', in_force || ' in force, ' || ended);
        END IF;
        DELETE FROM custseg.segment_override WHERE model = 'keyed';
        -- and who is enrolled is forgotten, and nobody else
        PERFORM custseg.enroll('keyed', 'keyed');
        PERFORM use_settings(given_under);
        EXECUTE format('SELECT sum(n) FROM custseg.forget_customer(%s) WHERE kind = ''enrolment''', given) INTO forgotten;
        SELECT n_enrolled INTO again FROM custseg.enroll('keyed', format('SELECT * FROM keyed WHERE n = %s', s.target));
        IF forgotten IS DISTINCT FROM 1 OR again <> 1 THEN
            INSERT INTO failures VALUES (s.key_type, given, given_under, 'forgotten', concat(forgotten, ', and ', again));
        END IF;
    END LOOP;
    PERFORM custseg.end_experiment('keyed');
    DROP TABLE keyed;
    PERFORM custseg.drop_model('keyed', whole => true);
    RETURN checked;
END $$;

SELECT count(*) >= 27 AS types, min(check_type(s)) >= 8 AS settings_and_spellings FROM spellings s;
SELECT * FROM failures;
RESET ALL;

-- A key of several columns, as the primary key or named: the id is the text of a row, which joins back.
CREATE TABLE shops (shop text, "no, of" numeric, x float8, y float8, segment int, PRIMARY KEY (shop, "no, of"));
INSERT INTO shops SELECT CASE i % 2 WHEN 0 THEN 'north' ELSE 'a "b", c' END, i, i % 3 * 10 + i / 100.0, i FROM generate_series(1, 12) i;
SELECT n_segments FROM custseg.train('shops', 'shops', features => '{x}', k => 3);
SELECT id, id_types FROM custseg.model_version WHERE model = 'shops';
SELECT custseg.exclude('shops', ROW('north', 4), 'objected');
SELECT custseg.exclude('shops', '("a ""b"", c", 5.00)', 'objected');
SELECT custseg.override_segment('shops', ROW('north', 6::int), 1, 'key account');
SELECT customer, kind FROM custseg.overrides WHERE model = 'shops' ORDER BY 1;
SELECT s.id, s.segment, s.assigned_by FROM custseg.score('shops') s JOIN shops c ON s.id = (c.shop, c."no, of")::text WHERE y BETWEEN 4 AND 7 ORDER BY y;
SELECT y, custseg.predict('shops', c) FROM shops c WHERE y BETWEEN 4 AND 7 ORDER BY y;
SELECT y, custseg.predict('shops', to_jsonb(c)) FROM shops c WHERE y BETWEEN 4 AND 7 ORDER BY y;
CALL custseg.resegment('shops', 'shops');
SELECT y, segment FROM shops WHERE y BETWEEN 4 AND 7 ORDER BY y;
CREATE TRIGGER place BEFORE UPDATE OF x ON shops FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('shops', 'segment');
UPDATE shops SET x = x, segment = 0;
SELECT y, segment FROM shops WHERE y BETWEEN 4 AND 7 ORDER BY y;
SELECT count(*) FROM custseg.silhouette('shops') s JOIN shops c ON s.id = (c.shop, c."no, of")::text;
SELECT custseg.name_segment('shops', i, 'segment ' || i, rank => i) FROM generate_series(1, 3) i;
SELECT count(*) > 0 AS some, bool_and(EXISTS (SELECT FROM shops c WHERE r.id = (c.shop, c."no, of")::text)) AS joins,
    coalesce(bool_or(r.id LIKE '%,5)' OR r.id LIKE '%,4)' OR r.id LIKE '%,6)'), false) AS by_hand
FROM custseg.at_risk('shops', options => '{"margin": 1}') r;
SELECT count(*) > 0 AS some, bool_and(EXISTS (SELECT FROM shops c WHERE o.id = (c.shop, c."no, of")::text)) AS joins
FROM custseg.outliers('shops', '{x}', '{"z_limit": 0.5}') o;
SELECT subject, name, type, n_duplicates, reason FROM custseg.data_quality('shops') WHERE subject = 'id';
SELECT n_segments FROM custseg.train('named', 'SELECT shop, "no, of" AS number, x, y FROM shops', features => '{x}', k => 3, id => ' shop , "number"');
SELECT custseg.exclude('named', '(north,8)', 'objected');
SELECT id, segment IS NULL AS out FROM custseg.score('named') WHERE id LIKE '(north,%' ORDER BY id;
SELECT n_segments FROM custseg.train('all but the id', 'SELECT shop, "no, of" AS number, x FROM shops', k => 3, id => 'shop,number');
SELECT name FROM custseg.feature WHERE model = 'all but the id';

-- one column may be called as the list of others
CREATE TABLE odd ("a,b" int PRIMARY KEY, a int, b int, x float8);
INSERT INTO odd SELECT i, 1, 1, i % 2 FROM generate_series(1, 4) i;
SELECT n_segments FROM custseg.train('odd', 'odd', features => '{x}', k => 2, id => 'a,b');
SELECT custseg.exclude('odd', 3, 'objected');
SELECT id FROM custseg.score('odd') WHERE assigned_by = 'exclusion';

-- an id that holds values of a domain is compared as text, so that nobody's condition runs as who predicts
CREATE FUNCTION tells(v int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'read as %', current_user; RETURN true; END $$;
CREATE DOMAIN telling AS int CHECK (tells(VALUE));
SET client_min_messages = error;
CREATE TABLE told (id telling[] PRIMARY KEY, x float8);
INSERT INTO told SELECT ARRAY[i]::telling[], i % 2 FROM generate_series(1, 4) i;
SELECT n_segments FROM custseg.train('told', 'told', features => '{x}', k => 2);
SELECT custseg.exclude('told', '{3}', 'objected');
RESET client_min_messages;
SELECT custseg.predict('told', jsonb_build_object('id', format('{%s}', i), 'x', 0)) IS NULL AS out FROM generate_series(2, 3) i;
SELECT t.id, custseg.predict('told', t) IS NULL AS out FROM told t ORDER BY x, id;

-- so is one that is a row
CREATE TYPE place AS (shop text, shelf int);
CREATE TABLE placed (id place PRIMARY KEY, x float8);
INSERT INTO placed SELECT ROW('north', i)::place, i % 2 FROM generate_series(1, 4) i;
SELECT n_segments FROM custseg.train('placed', 'placed', features => '{x}', k => 2);
SELECT custseg.exclude('placed', ROW('north', 3)::place, 'objected');
SELECT custseg.predict('placed', jsonb_build_object('id', format('(north,%s)', i), 'x', 0)) IS NULL AS out FROM generate_series(2, 3) i;
SELECT id, custseg.predict('placed', p) IS NULL AS out FROM placed p ORDER BY id;

-- errors: an id that is none
SELECT custseg.train('bad', 'shops', features => '{x}', k => 2, id => 'shop,nosuch');
SELECT custseg.train('bad', 'SELECT shop, x FROM shops', features => '{x}', k => 2, id => 'shop');
SELECT custseg.train('bad', 'SELECT shop, 1 AS one, x FROM shops', features => '{x}', k => 2, id => 'shop,one');
SELECT custseg.train('bad', 'SELECT shop, nullif("no, of", 3) AS number, x FROM shops', features => '{x}', k => 2, id => 'shop,number');
SELECT custseg.train('bad', 'SELECT *, point(1, 1) AS p FROM shops', features => '{x}', k => 2, id => 'shop,p');
SELECT custseg.train('bad', 'shops', features => '{x}', k => 2, id => (SELECT string_agg('c', ',') FROM generate_series(1, 33)));
SELECT custseg.exclude('shops', 'north', 'objected');
SELECT custseg.exclude('shops', '(north,7', 'objected');
SELECT custseg.exclude('shops', '(north,seven)', 'objected');
SELECT custseg.exclude('shops', 7, 'objected');
SELECT custseg.exclude('shops', ROW('north', NULL), 'objected');
SELECT custseg.exclude('shops', ROW('north', 7, 8), 'objected');
SELECT custseg.exclude('shops', ROW('north'), 'objected');
SELECT custseg.exclude('shops', c, 'objected') FROM shops c LIMIT 1;
SELECT custseg.exclude('odd', o, 'objected') FROM odd o LIMIT 1;
SELECT custseg.exclude('odd', to_jsonb(o), 'objected') FROM odd o LIMIT 1;
SELECT custseg.exclude('odd', ROW(3), 'objected');
SELECT custseg.exclude('odd', 'three', 'objected');
SELECT custseg.exclude('odd', 3.5, 'objected');
SELECT custseg.exclude('odd', timestamp '2024-01-01', 'objected');

-- who is nobody is told
SELECT custseg.exclude('odd', 4711, 'objected');
SELECT custseg.exclude('shops', ROW('south', 4), 'objected');
DROP TABLE odd;
SELECT custseg.exclude('odd', 4712, 'its table is gone');

-- a source whose key has another type: numbers as numbers, and what is no value of it names nobody
CREATE TABLE numbers (id numeric(10,2) PRIMARY KEY, x float8);
INSERT INTO numbers SELECT i, i % 2 FROM generate_series(1, 6) i;
SELECT n_segments FROM custseg.train('numbers', 'numbers', k => 2);
SELECT custseg.exclude('numbers', 5.00, 'objected'), custseg.exclude('numbers', 2.5, 'objected'), custseg.exclude('numbers', 40000, 'objected');
SELECT id, assigned_by FROM custseg.score('numbers', 'SELECT id::int, x FROM numbers') WHERE assigned_by <> 'model';
SELECT id, assigned_by FROM custseg.score('numbers', 'SELECT id::int2, x FROM numbers') WHERE assigned_by <> 'model';
SELECT id, assigned_by FROM custseg.score('numbers', 'SELECT id::int::text AS id, x FROM numbers') WHERE assigned_by <> 'model';
SELECT id, assigned_by FROM custseg.score('numbers', $$SELECT '2024-01-01'::date + id::int AS id, x FROM numbers$$) WHERE assigned_by <> 'model';
SELECT custseg.predict('numbers', '{"id": "5", "x": 1}'::jsonb), custseg.predict('numbers', '{"id": 5.000, "x": 1}'::jsonb),
    custseg.predict('numbers', '{"id": "none", "x": 1}'::jsonb) IS NOT NULL AS nobody, custseg.predict('numbers', '{"id": null, "x": 1}'::jsonb) IS NOT NULL AS nothing,
    custseg.predict('numbers', '{"x": 1}'::jsonb) IS NOT NULL AS without;

-- plans are made anew when decisions come and go, and read the key only while there are any
PREPARE place AS SELECT array_agg(id::int ORDER BY id) FROM numbers n WHERE custseg.predict('numbers', n) IS NULL;
EXECUTE place;
SELECT custseg.exclude('numbers', 6, 'objected');
EXECUTE place;
EXPLAIN (COSTS OFF, VERBOSE) SELECT custseg.predict('numbers', n) FROM numbers n;
SELECT count(custseg.end_override('numbers', id)) FROM numbers;
SELECT custseg.end_override('numbers', 2.5), custseg.end_override('numbers', 40000);
EXECUTE place;
EXPLAIN (COSTS OFF, VERBOSE) SELECT custseg.predict('numbers', n) FROM numbers n;

-- the compiled form has no decisions, and says so
SELECT custseg.predict((SELECT custseg.scorer('numbers')), n) IS NOT NULL AS placed FROM numbers n WHERE id = 5;
SELECT custseg.exclude('numbers', 5, 'objected');
SELECT custseg.predict((SELECT custseg.scorer('numbers')), n) IS NOT NULL AS placed FROM numbers n WHERE id = 5;
SELECT * FROM numbers n, custseg.explain('numbers', n) WHERE id = 5;
SELECT custseg.explain_text('numbers', n) FROM numbers n WHERE id = 5;

-- for all models at once, those to come too, and after the model is gone
SELECT n_segments FROM custseg.train('integers', 'SELECT id::int, x FROM numbers', k => 2, id => 'id');
SELECT custseg.exclude(NULL, '4', 'objected to all');
SELECT custseg.exclude(NULL, ROW('north', 10), 'objected to all');
SELECT custseg.exclude(NULL, 4713, 'is nowhere');
SELECT model, customer, reason FROM custseg.overrides WHERE model IS NULL ORDER BY customer;
SELECT id FROM custseg.score('numbers') WHERE assigned_by = 'exclusion' ORDER BY id;
SELECT id FROM custseg.score('integers') WHERE assigned_by = 'exclusion' ORDER BY id;
SELECT id FROM custseg.score('shops') WHERE assigned_by = 'exclusion' ORDER BY id;
SELECT n_segments FROM custseg.train('to come', 'SELECT id::text, x FROM (SELECT id::int, x FROM numbers) n', k => 2, id => 'id');
SELECT id FROM custseg.score('to come') WHERE assigned_by = 'exclusion' ORDER BY id;
SELECT custseg.override_segment('to come', '4', 1, 'has agreed'), custseg.end_override('to come', '4');
SELECT id FROM custseg.score('to come') WHERE assigned_by = 'exclusion' ORDER BY id;
SELECT custseg.override_segment(NULL, '4', 1, 'everywhere');
SELECT custseg.exclude(NULL, s, 'objected') FROM shops s LIMIT 1;
SELECT custseg.drop_model('numbers', whole => true);
SELECT model, customer, kind FROM custseg.overrides WHERE model = 'numbers';
SELECT n_segments FROM custseg.train('numbers', 'numbers', k => 2);
SELECT id FROM custseg.score('numbers') WHERE assigned_by = 'exclusion' ORDER BY id;
SELECT custseg.end_override(NULL, '4'), custseg.end_override(NULL, '4') AS again;
SELECT id FROM custseg.score('numbers') WHERE assigned_by = 'exclusion' ORDER BY id;

-- decisions belong to who owned the model: another role has none of them, and does not see them
CREATE ROLE identity_heir;
GRANT SELECT ON numbers TO identity_heir;
GRANT CREATE ON SCHEMA public TO identity_heir;
SELECT custseg.drop_model('numbers', whole => true);
SET ROLE identity_heir;
SELECT custseg.exclude(NULL, 1, 'has no model yet');
SELECT n_segments FROM custseg.train('numbers', 'numbers', k => 2);
SELECT id FROM custseg.score('numbers') WHERE assigned_by = 'exclusion' ORDER BY id;
SELECT model, customer, reason FROM custseg.segment_override;
SELECT custseg.drop_model('numbers', whole => true);
RESET ROLE;
SELECT DISTINCT model, owner = current_user AS mine FROM custseg.overrides WHERE model = 'numbers' OR customer = '1' ORDER BY 2;

-- where nothing identifies a customer, a decision says so when it is made
CREATE TABLE nameless AS SELECT i % 2 * 10 AS x, NULL::int AS segment FROM generate_series(1, 10) i;
SELECT n_segments FROM custseg.train('nameless', 'nameless', '{x}', 2);
SELECT custseg.exclude('nameless', 5, 'objected');
SELECT custseg.drop_model('nameless', whole => true, forget_exclusions => true);
DROP TABLE nameless;

REVOKE ALL ON SCHEMA public FROM identity_heir;
REVOKE ALL ON numbers FROM identity_heir;
DROP ROLE identity_heir;
SELECT custseg.drop_model(m, whole => true, ignore_triggers => true) FROM unnest('{shops,named,all but the id,odd,told,placed,integers,to come}'::text[]) m;
DROP FUNCTION check_type, check_ways, use_settings;
DROP TABLE shops, told, placed, numbers, failures, spellings;
DROP TYPE mood, place;
DROP DOMAIN amount;
SET client_min_messages = warning;
DROP COLLATION IF EXISTS any_case;
DROP EXTENSION IF EXISTS citext CASCADE;
RESET client_min_messages;
DELETE FROM custseg.segment_override;
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
