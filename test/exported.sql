\set echo :ECHO \set ECHO none
--
-- What tests of exported models use; see setup.sql.
--

-- An exported model under another name.
CREATE OR REPLACE FUNCTION renamed(exported jsonb, name text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT exported || jsonb_build_object('model', name, 'versions', jsonb_agg(
        jsonb_set(v, '{definition,model}', to_jsonb(name)) ORDER BY o))
    FROM jsonb_array_elements(exported -> 'versions') WITH ORDINALITY a (v, o)
$$;

-- What an import fails with once the value at a path is another, or none.
CREATE OR REPLACE FUNCTION import_fails(e jsonb, path text, value jsonb DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT fails(format('DO ''BEGIN PERFORM custseg.import_model(%s, ''''new''''); RAISE ''''it is taken''''; END''',
        replace(quote_literal(CASE WHEN value IS NULL THEN e #- path::text[] ELSE jsonb_set(e, path::text[], value) END), '''', '''''')))
$$;

-- Hostile values: each key of an export dropped and replaced in turn is an error that says so, or a model that
-- use_all(model), which the test defines, can use.  Gives how often what came of it; "every" n-th change is made of
-- those whose path is as "paths" says.
DROP FUNCTION IF EXISTS fuzz_import;
CREATE FUNCTION fuzz_import(m text, every int, paths text DEFAULT '', OUT n bigint, OUT outcome text) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
    e jsonb := custseg.export_model(m, decisions => true);
    change record;
    imported bool;
BEGIN
    CREATE TEMPORARY TABLE outcomes (outcome text);
    FOR change IN
        WITH RECURSIVE node (path, value) AS (
            SELECT '{}'::text[], e
            UNION ALL
            SELECT n.path || k.key, k.value FROM node n, LATERAL (
                SELECT o.key, o.value FROM jsonb_each(CASE jsonb_typeof(n.value) WHEN 'object' THEN n.value ELSE '{}' END) o
                UNION ALL
                SELECT (a.i - 1)::text, a.value
                FROM jsonb_array_elements(CASE jsonb_typeof(n.value) WHEN 'array' THEN n.value ELSE '[]' END) WITH ORDINALITY a (value, i)
                WHERE a.i IN (1, jsonb_array_length(n.value))) k
        ), changed AS (
            SELECT n.path, v.value, row_number() OVER (ORDER BY n.path, v.value) AS number
            FROM node n, jsonb_array_elements('["dropped", null, true, -1, 0, 2, 0.5, 1e308, -1e308, 5e-324, 9007199254740993, "x", "NaN", [], [1], [[[]]], {}, {"a": {"b": []}}]') v
            WHERE n.path <> '{}' AND n.path::text ~ paths
        )
        SELECT CASE c.value WHEN '"dropped"' THEN e #- c.path ELSE jsonb_set(e, c.path, c.value) END AS e, c.path, c.value
        FROM changed c WHERE c.number % every = 0
    LOOP
        imported := false;
        BEGIN
            PERFORM custseg.import_model(change.e, 'fuzz');
            imported := true;
            PERFORM use_all('fuzz');
            RAISE 'works' USING ERRCODE = 'P0002';
        EXCEPTION WHEN OTHERS THEN
            INSERT INTO outcomes VALUES (CASE WHEN SQLSTATE = 'P0002' THEN 'works'
                WHEN NOT imported AND SQLSTATE ~ '^(22|42|0A)' AND SQLSTATE <> '22003' THEN 'refused'
                ELSE format('%s %s: %s := %s', SQLSTATE, SQLERRM, change.path, change.value) END);
        END;
    END LOOP;
    RETURN QUERY SELECT count(*), o.outcome FROM outcomes o GROUP BY o.outcome ORDER BY o.outcome COLLATE "C";
    DROP TABLE outcomes;
END $$;
\set ECHO :echo
