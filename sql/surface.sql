-- The SQL surface: what there is, who may do what with it, and that it goes without a trace.

-- everything the extension owns lies in its schemas, and the schemas are its own
SELECT i.type, count(*)
FROM pg_extension e
JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
    AND d.deptype = 'e'
CROSS JOIN pg_identify_object(d.classid, d.objid, d.objsubid) i
WHERE e.extname = 'custseg' AND coalesce(i.schema, '') NOT IN ('custseg', 'custseg_private')
GROUP BY i.type
ORDER BY i.type COLLATE "C";

SELECT n.nspname, n.nspowner = 10 AS owned_by_bootstrap_superuser,
    has_schema_privilege('public', n.oid, 'USAGE') AS usage,
    has_schema_privilege('public', n.oid, 'CREATE') AS create
FROM pg_namespace n
WHERE n.nspname ~ '^custseg'
ORDER BY n.nspname;

-- none: what lies there and is not the extension's
SELECT p.oid::regprocedure
FROM pg_proc p
WHERE p.pronamespace IN ('custseg'::regnamespace, 'custseg_private'::regnamespace) AND NOT EXISTS (
    SELECT FROM pg_depend d
    WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
);

-- what a user calls is in custseg; states of aggregates, input and output of types and their like are not,
-- and beside them there is nothing but the types of their rows
SELECT p.oid::regprocedure
FROM pg_proc p
WHERE p.pronamespace = 'custseg'::regnamespace
    AND (p.proargtypes::oid[] || p.prorettype && '{internal,cstring}'::regtype[]::oid[] OR EXISTS (
        SELECT FROM pg_aggregate a
        WHERE p.oid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn)
    ));
SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'custseg_private'::regnamespace AND c.relkind <> 'c';

-- functions: volatility, parallel safety and strictness as the planner is told
\pset format unaligned
\pset footer off
SELECT p.oid::regprocedure AS function,
    CASE p.prokind WHEN 'f' THEN 'function' WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE p.prokind::text END AS kind,
    CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END
        AS volatility,
    CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END
        AS parallel,
    p.proisstrict AS strict,
    p.proretset AS set
FROM pg_proc p
WHERE p.pronamespace IN ('custseg'::regnamespace, 'custseg_private'::regnamespace)
ORDER BY p.oid::regprocedure::text COLLATE "C";

-- what each takes and gives, one argument or column a row
CREATE TEMPORARY VIEW surface_arguments AS
SELECT p.oid AS function, p.pronamespace::regnamespace AS schema, p.proname AS name, a.position, a.argument,
    format_type(a.type, NULL) AS type, a.mode IN ('i', 'b', 'v') AS taken, a.mode IN ('o', 'b', 't') AS given,
    CASE WHEN a.mode IN ('i', 'b', 'v') THEN pg_get_function_arg_default(p.oid, a.position::int) END AS default_value
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname ~ '^custseg'
CROSS JOIN LATERAL (
    SELECT u.argument, u.type, coalesce(u.mode, 'i') AS mode, u.position
    FROM unnest(p.proargnames, coalesce(p.proallargtypes, p.proargtypes::oid[]), p.proargmodes)
        WITH ORDINALITY u (argument, type, mode, position)
) a;
SELECT a.name AS function, concat_ws(' ', CASE WHEN a.taken AND a.given THEN 'inout' WHEN a.taken THEN 'in' ELSE 'out' END,
    a.argument, a.type, '= ' || a.default_value) AS column
FROM (
    SELECT function, name, position, argument, type, taken, given, default_value
    FROM surface_arguments
    WHERE schema = 'custseg'::regnamespace
    UNION ALL
    SELECT p.oid, p.proname, 1000, NULL, pg_get_function_result(p.oid), false, true, NULL
    FROM pg_proc p
    WHERE p.pronamespace = 'custseg'::regnamespace AND p.proallargtypes IS NULL
) a
ORDER BY a.function::regprocedure::text COLLATE "C", a.position;
\pset format aligned
\pset footer on

-- none: a name with two types: of columns that functions give, and of tables, views and row types
CREATE TEMPORARY VIEW surface_columns AS
SELECT a.schema, a.name || '()' AS owner, a.argument AS column, a.type
FROM surface_arguments a
WHERE a.given
UNION ALL
SELECT c.relnamespace::regnamespace, c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname ~ '^custseg'
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
-- a table's own row numbers say nothing outside of it; rows of a report have the name of the report
LEFT JOIN pg_type e ON e.typarray = a.atttypid
WHERE c.relkind IN ('r', 'v', 'c') AND a.attidentity = '' AND e.typtype IS DISTINCT FROM 'c';
SELECT s.column, string_agg(DISTINCT s.type, ', ') AS types, string_agg(s.owner, ' ' ORDER BY s.owner COLLATE "C") AS owners
FROM surface_columns s
GROUP BY s.column
HAVING count(DISTINCT s.type) > 1
ORDER BY s.column COLLATE "C";

-- none: an idea with two names.  n is a number of rows or customers, n_rows only that of the rows a version was trained on
SELECT s.owner, s.column
FROM surface_columns s
WHERE s.column ~ '(^|_)(p|p_adj|pvalue|missing|sentence|comment|seconds|customers|clusters|count|num|structure|judgement|recommend)$'
    OR s.column IN ('segments', 'runs', 'rows', 'missing_share')
    OR s.column = 'n_rows' AND s.owner NOT IN ('train_result', 'train_value()', 'model_version', 'models')
    OR s.column ~ '^n(_|$)' AND s.type NOT IN ('bigint', 'integer')
    OR s.column = 'n' AND s.type <> 'bigint'
    OR s.column ~ '(^|_)share(_|$)' AND s.type <> 'double precision'
ORDER BY 1, 2;

-- none: arguments in another order than (model, source, ..., options, version) or (source, features, ..., algorithm, id, prep, options),
-- those that must be given before those that need not be
WITH ranked AS (
    SELECT a.*, a.default_value IS NOT NULL AS optional,
        CASE a.argument
            WHEN 'model' THEN 1
            WHEN 'experiment' THEN 1
            -- of what is made
            WHEN 'name' THEN CASE WHEN a.position = 1 THEN 1 ELSE 4 END
            WHEN 'source' THEN 2
            WHEN 'features' THEN 3
            WHEN 'algorithm' THEN 5
            WHEN 'id' THEN 6
            WHEN 'prep' THEN 7
            WHEN 'options' THEN 8
            WHEN 'version' THEN 9
            WHEN 'deploy' THEN 9
            -- what is done with the options
            WHEN 'tune' THEN 9
            -- what else is dropped or exported with a version
            WHEN 'whole' THEN 9
            WHEN 'decisions' THEN 9
            WHEN 'ignore_triggers' THEN 9
            WHEN 'forget_exclusions' THEN 9
            ELSE 4
        END AS rank
    FROM surface_arguments a
    WHERE a.schema = 'custseg'::regnamespace AND a.taken AND NOT a.given
)
SELECT a.function::regprocedure, a.argument, b.argument AS before
FROM ranked a
JOIN ranked b ON b.function = a.function AND b.position > a.position
WHERE a.rank > b.rank AND a.optional = b.optional
ORDER BY 1, a.position, b.position;

-- all C, or SQL that was parsed when it was made; none with rights that are not its caller's, none that changes settings
SELECT p.oid::regprocedure
FROM pg_proc p
JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace IN ('custseg'::regnamespace, 'custseg_private'::regnamespace)
    AND (l.lanname <> 'c' AND p.prosqlbody IS NULL AND p.prokind <> 'a' OR p.prosecdef OR p.proconfig IS NOT NULL OR p.proleakproof)
ORDER BY p.oid::regprocedure::text COLLATE "C";

-- functions that are not for everyone
SELECT p.oid::regprocedure
FROM pg_proc p
WHERE p.pronamespace IN ('custseg'::regnamespace, 'custseg_private'::regnamespace)
    AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
ORDER BY p.oid::regprocedure::text COLLATE "C";

-- tables, views, sequences and indexes, and whether rows are guarded
SELECT c.relname AS relation,
    CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence'
        WHEN 'i' THEN 'index' ELSE c.relkind::text END AS kind,
    c.relrowsecurity AS row_security, c.reloptions AS options
FROM pg_class c
WHERE c.relnamespace = 'custseg'::regnamespace
ORDER BY c.relkind DESC, c.relname COLLATE "C";

\pset format unaligned
\pset footer off
SELECT c.relname AS relation,
    a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END AS column
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'custseg'::regnamespace AND c.relkind IN ('r', 'v', 'c')
ORDER BY c.relkind DESC, c.relname COLLATE "C", a.attnum;
\pset format aligned
\pset footer on

-- none: a column that monitor() keeps and that is not the report's own
SELECT r.attrelid::regclass AS row, r.attname, r.atttypid::regtype, h.attrelid::regclass AS history, h.attname, h.atttypid::regtype
FROM (VALUES ('custseg.drift_result'::regclass, 'custseg.monitor_feature'::regclass), ('custseg.segment_sizes_result', 'custseg.monitor_segment')) v (kept, history)
JOIN pg_attribute r ON r.attrelid = v.kept AND r.attnum > 0
LEFT JOIN pg_attribute h ON h.attrelid = v.history AND h.attnum = r.attnum + 4
WHERE (h.attname, h.atttypid) IS DISTINCT FROM (r.attname, r.atttypid);

-- none: a function, relation or type of the extension without a comment
SELECT i.type, i.identity
FROM pg_extension e
JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
    AND d.deptype = 'e'
CROSS JOIN pg_identify_object(d.classid, d.objid, d.objsubid) i
WHERE e.extname = 'custseg'
    AND i.type IN ('schema', 'function', 'procedure', 'aggregate', 'table', 'view', 'type')
    AND coalesce(obj_description(d.objid, d.classid::regclass::name), '') = ''
    -- types that come with a table or are arrays of another
    AND NOT EXISTS (
        SELECT FROM pg_type t
        WHERE d.classid = 'pg_type'::regclass AND t.oid = d.objid
            AND (t.typelem <> 0 OR t.typrelid <> 0 AND (SELECT c.relkind FROM pg_class c WHERE c.oid = t.typrelid) <> 'c')
    )
ORDER BY 1, 2;

-- none: a column of a table, view or row type without one
SELECT a.attrelid::regclass AS relation, a.attname AS column
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'v', 'c')
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname ~ '^custseg'
WHERE a.attnum > 0 AND NOT a.attisdropped AND coalesce(col_description(a.attrelid, a.attnum), '') = ''
ORDER BY a.attrelid::regclass::text COLLATE "C", a.attnum;

-- a person finds every function in custseg.functions, once, with what it is for and a call of it; each has a
-- place of its own in its topic
SELECT coalesce(f.name, p.name) AS name, f.n AS found, p.n AS there
FROM (SELECT name, count(*) AS n FROM custseg.functions GROUP BY name) f
FULL JOIN (SELECT proname AS name, count(*) AS n FROM pg_proc WHERE pronamespace = 'custseg'::regnamespace GROUP BY proname) p ON p.name = f.name
WHERE f.n IS DISTINCT FROM p.n;
SELECT name, topic, purpose, example
FROM custseg.functions
WHERE topic IS NULL OR coalesce(purpose, '') = '' OR purpose LIKE E'%\n%' OR position('custseg.' || name || '(' IN coalesce(example, '')) = 0;
SELECT m.place, count(*)
FROM pg_proc p CROSS JOIN LATERAL substring(obj_description(p.oid, 'pg_proc') FROM '\ntopic: ([^\n]*)') m (place)
WHERE p.pronamespace = 'custseg'::regnamespace
GROUP BY m.place
HAVING count(*) > 1;
\pset format unaligned
\pset footer off
SELECT topic, name, arguments FROM custseg.functions;
\pset format aligned
\pset footer on

SELECT obj_description(oid, 'pg_extension') <> '' AS extension_has_comment
FROM pg_extension
WHERE extname = 'custseg';

-- nobody but the owner writes: tables, their columns and sequences (which all may read, as pg_dump must)
SELECT c.relname, p.privilege
FROM pg_class c
CROSS JOIN unnest('{INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) p (privilege)
WHERE c.relnamespace = 'custseg'::regnamespace AND c.relkind IN ('r', 'v')
    AND has_table_privilege('public', c.oid, p.privilege);

SELECT c.relname, p.privilege
FROM pg_class c
CROSS JOIN unnest('{INSERT,UPDATE,REFERENCES}'::text[]) p (privilege)
WHERE c.relnamespace = 'custseg'::regnamespace AND c.relkind IN ('r', 'v')
    AND has_any_column_privilege('public', c.oid, p.privilege);

SELECT c.relname
FROM pg_class c
WHERE c.relnamespace = 'custseg'::regnamespace
    AND CASE c.relkind
        WHEN 'S' THEN has_sequence_privilege('public', c.oid, 'USAGE, UPDATE')
    END;

-- every table lets everyone read the rows of the models they may use, and no others
SELECT c.relname, p.polname, p.polcmd, pg_get_expr(p.polqual, p.polrelid) AS using
FROM pg_class c
LEFT JOIN pg_policy p ON p.polrelid = c.oid
WHERE c.relnamespace = 'custseg'::regnamespace AND c.relkind = 'r'
ORDER BY c.relname COLLATE "C";

-- a publication FOR ALL TABLES sends updates and deletes: every table has a primary key
SELECT c.relname
FROM pg_class c
WHERE c.relnamespace = 'custseg'::regnamespace AND c.relkind = 'r'
    AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary);

-- pg_dump takes every table along, and every sequence behind an identity column
SELECT c.relname
FROM pg_class c
WHERE c.relnamespace = 'custseg'::regnamespace AND c.relkind IN ('r', 'S')
    AND c.oid <> ALL (SELECT unnest(extconfig) FROM pg_extension WHERE extname = 'custseg');

SELECT extcondition <@ '{""}' AS dumped_whole FROM pg_extension WHERE extname = 'custseg';

-- types and casts
SELECT t.typname, t.typtype, t.typlen, t.typalign, t.typstorage, t.typcategory
FROM pg_type t
WHERE t.typnamespace = 'custseg'::regnamespace AND t.typtype = 'b' AND t.typelem = 0;

SELECT c.castsource::regtype, c.casttarget::regtype, c.castcontext
FROM pg_cast c
JOIN pg_type t ON t.oid IN (c.castsource, c.casttarget)
WHERE t.typnamespace = 'custseg'::regnamespace;

-- settings: two, for each session to choose, and no other name under the prefix
LOAD 'custseg';
SELECT name, setting, unit, context, vartype, boot_val, min_val, max_val, short_desc
FROM pg_settings
WHERE name LIKE 'custseg.%';
SET custseg.cache_size = '1MB';
SHOW custseg.cache_size;
RESET custseg.cache_size;
DO $$
BEGIN
    SET custseg.cache_size = '1kB';
EXCEPTION WHEN invalid_parameter_value THEN
    RAISE NOTICE 'out of range';
END
$$;
SET custseg.cach_size = '1MB';

-- trusted, not relocatable, in its own schema
SELECT superuser, trusted, relocatable, requires
FROM pg_available_extension_versions
WHERE name = 'custseg';
CREATE SCHEMA elsewhere;
ALTER EXTENSION custseg SET SCHEMA elsewhere;
DROP SCHEMA elsewhere;

-- what it is, is not for users to drop
DROP TABLE custseg.migration;
DROP FUNCTION custseg.scorer(text, int);
DROP SCHEMA custseg CASCADE;
DROP SCHEMA custseg_private CASCADE;

-- every example runs, each from the same state of things
\getenv root PG_ABS_SRCDIR
\i :root/test/examples.sql
DO $$
DECLARE
    f record;
BEGIN
    FOR f IN SELECT * FROM custseg.functions LOOP
        BEGIN
            EXECUTE f.example;
            -- back to where it began
            RAISE SQLSTATE 'DONE1';
        EXCEPTION
            WHEN SQLSTATE 'DONE1' THEN NULL;
            WHEN OTHERS THEN RAISE WARNING '% does not run: %', f.example, SQLERRM;
        END;
    END LOOP;
END
$$;
SELECT custseg.end_experiment(experiment) FROM custseg.experiment WHERE status = 'running';
SELECT count(*) > 0 AS dropped FROM (SELECT custseg.drop_model(name, whole => true) FROM custseg.models OFFSET 0) d;
RESET client_min_messages;
DROP TABLE customers, orders, contracts;

-- it can be used and goes away with everything it made
CREATE TABLE surface_customers (id int PRIMARY KEY, a float8, b float8);
INSERT INTO surface_customers SELECT i, i % 2 * 10 + i * 0.001, i % 2 FROM generate_series(1, 40) i;
SELECT model, version, n_rows, n_segments, deployed
FROM custseg.train('surface', 'surface_customers', k => 2);
SELECT custseg.predict('surface', c), count(*) FROM surface_customers c GROUP BY 1 ORDER BY 1;

DROP VIEW surface_columns, surface_arguments;
DROP EXTENSION custseg;
SELECT count(*) FROM pg_namespace WHERE nspname ~ '^custseg';
SELECT count(*) FROM pg_proc WHERE probin LIKE '%custseg%';
SELECT count(*) FROM pg_type WHERE typname LIKE '%compiled_model%';
SELECT count(*) FROM pg_class WHERE relname ~ '^(model|segment|deployment|migration|feature)(s|_|$)'
    AND relnamespace <> 'information_schema'::regnamespace;
SELECT count(*) FROM pg_policy WHERE polname = 'may_use';
SELECT custseg.predict('surface', c) FROM surface_customers c LIMIT 1;

-- one that others rest on stays, unless they go, too
CREATE EXTENSION custseg;
CREATE TRIGGER segment BEFORE INSERT ON surface_customers
FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('surface', 'a');
CREATE VIEW surface_view AS SELECT custseg.predict('surface', c) FROM surface_customers c;
DROP EXTENSION custseg;
DROP EXTENSION custseg CASCADE;
INSERT INTO surface_customers VALUES (0, 0, 0);

-- and again, in the same session: nothing of the old one is remembered
CREATE EXTENSION custseg;
SELECT count(*) FROM custseg.models;
SELECT custseg.predict('surface', c) FROM surface_customers c LIMIT 1;
SELECT model, version, n_rows, n_segments, deployed
FROM custseg.train('surface', 'surface_customers', k => 2);
SELECT custseg.predict('surface', c), count(*) FROM surface_customers c GROUP BY 1 ORDER BY 1;
SELECT custseg.drop_model('surface', whole => true);
DROP TABLE surface_customers;

-- an ordinary role that may create in the database installs it, but owns nothing of it
DROP EXTENSION custseg;
CREATE ROLE regress_custseg_installer;
DO $$
BEGIN
    EXECUTE format('GRANT CREATE ON DATABASE %I TO regress_custseg_installer', current_database());
END
$$;
SET ROLE regress_custseg_installer;
CREATE EXTENSION custseg;
CREATE FUNCTION custseg.predict(text, int) RETURNS int LANGUAGE sql AS 'SELECT 0';
INSERT INTO custseg.model (name, owner, last_version) VALUES ('forged', 'postgres', 1);
DROP EXTENSION custseg;
RESET ROLE;
DROP OWNED BY regress_custseg_installer;
DROP ROLE regress_custseg_installer;
CREATE EXTENSION custseg;
-- everybody may ask every table and view, under row-level security
SELECT c.oid::regclass AS relation FROM pg_class c WHERE c.relnamespace = 'custseg'::regnamespace AND c.relkind IN ('r', 'v') AND NOT has_table_privilege('public', c.oid, 'SELECT') ORDER BY 1;

\i :root/test/clean.sql
