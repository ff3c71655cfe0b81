\set echo :ECHO \set ECHO none
-- Functions and operators that a search_path may have before PostgreSQL's: of each name some of the very same types, which fail.
CREATE SCHEMA exact_trap;
DO $$
DECLARE
    f record;
BEGIN
    FOR f IN
        SELECT p.proname, oidvectortypes(p.proargtypes) AS arguments, p.prorettype::regtype AS result
        FROM pg_proc p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace
            AND p.proname IN ('count', 'sum', 'min', 'max', 'avg', 'bool_or', 'bool_and', 'lag', 'dense_rank', 'row_number', 'isfinite', 'date_trunc', 'timezone', 'date_part', 'generate_series', 'unnest', 'round', 'format')
            AND NOT EXISTS (SELECT FROM unnest(p.proargtypes) a JOIN pg_type t ON t.oid = a WHERE t.typtype = 'p')
    LOOP
        EXECUTE format('CREATE FUNCTION exact_trap.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L', f.proname, f.arguments, f.result,
            format('BEGIN RAISE EXCEPTION USING MESSAGE = %L; END', 'trapped by ' || f.proname));
    END LOOP;
    FOR f IN
        SELECT o.oid, o.oprname, o.oprleft::regtype AS l, o.oprright::regtype AS r, o.oprresult::regtype AS result
        FROM pg_operator o JOIN pg_type l ON l.oid = o.oprleft JOIN pg_type r ON r.oid = o.oprright
        WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprname IN ('=', '<>', '<', '>', '<=', '>=', '+', '-', '*', '/', '%') AND 'p' NOT IN (l.typtype, r.typtype)
    LOOP
        EXECUTE format('CREATE FUNCTION exact_trap.operator_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS %L', f.oid, f.l, f.r, f.result,
            format('BEGIN RAISE EXCEPTION USING MESSAGE = %L; END', 'trapped by ' || f.l || ' ' || f.oprname || ' ' || f.r));
        EXECUTE format('CREATE OPERATOR exact_trap.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = exact_trap.operator_%s)', f.oprname, f.l, f.r, f.oid);
    END LOOP;
END
$$;
\set ECHO :echo
