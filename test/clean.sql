\set echo :ECHO \set ECHO none
--
-- What a test ends with: nothing that it made is there for the next one, so that tests pass alone and in any order.
-- Roles, which are the server's, it drops itself.
--
SET client_min_messages = error;
RESET SESSION AUTHORIZATION;
RESET ROLE;
DO $$
DECLARE
    made text;
BEGIN
    -- whoever runs the tests by hand may do so where other things are
    IF current_database() !~ '^(contrib_)?regression' THEN
        RETURN;
    END IF;
    PERFORM custseg.end_experiment(experiment) FROM custseg.experiment WHERE status = 'running';
    -- in whatever order, those within others or not
    DELETE FROM custseg.model_within;
    PERFORM custseg.drop_model(name, whole => true, ignore_triggers => true, forget_exclusions => true) FROM custseg.model;
    -- decisions for all models, and those that have ended, outlive models
    DELETE FROM custseg.segment_override;
    FOR made IN
        SELECT format('EXTENSION IF EXISTS %I', extname) FROM pg_catalog.pg_extension WHERE extname NOT IN ('custseg', 'plpgsql')
        UNION ALL
        SELECT format('SCHEMA IF EXISTS %I', nspname) FROM pg_catalog.pg_namespace
        WHERE nspname !~ '^(pg_|information_schema$|custseg)'
    LOOP
        EXECUTE format('DROP %s CASCADE', made);
    END LOOP;
    CREATE SCHEMA public AUTHORIZATION pg_database_owner;
    GRANT USAGE ON SCHEMA public TO PUBLIC;
END $$;
\set ECHO :echo
