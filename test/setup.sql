\set echo :ECHO \set ECHO none
--
-- What several tests use.  A test includes this file once its search_path is set: the functions go
-- to the first schema there.
--
-- test/perl/CustsegTest.pm includes it, too.
--

-- As many workers as a test asks for, on a machine of any size.
SET custseg.processors = 16;

-- What a statement answers, or what it fails with: SQLSTATE, message, detail and hint in one line.
CREATE OR REPLACE FUNCTION outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
    detail text;
    hint text;
BEGIN
    EXECUTE statement INTO result;
    RETURN coalesce(result, 'NULL');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' / ', SQLSTATE || ' ' || SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;

-- What a statement of any kind fails with, in lines: SQLSTATE and message, DETAIL, HINT.
CREATE OR REPLACE FUNCTION fails(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
    hint text;
BEGIN
    EXECUTE statement;
    RETURN 'NO ERROR';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n  ', SQLSTATE || ' ' || SQLERRM, 'DETAIL: ' || nullif(detail, ''), 'HINT: ' || nullif(hint, ''));
END $$;

-- "t" when two numbers are equal up to a relative error, or both are NULL; else both numbers.
CREATE OR REPLACE FUNCTION agrees(ours float8, theirs float8, tolerance float8 DEFAULT 1e-10) RETURNS text
LANGUAGE sql IMMUTABLE SET extra_float_digits = 1
RETURN CASE
    WHEN ours IS NOT DISTINCT FROM theirs OR abs(ours - theirs) <= tolerance * abs(theirs) THEN 't'
    ELSE format('%s, not %s', coalesce(ours::text, 'NULL'), coalesce(theirs::text, 'NULL'))
END;

-- The same of lists of numbers, which must not be missing: "t", or each that is not, with its place.
CREATE OR REPLACE FUNCTION agrees(ours float8[], theirs float8[], tolerance float8 DEFAULT 1e-10) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN ours IS NULL OR theirs IS NULL THEN 'no numbers' ELSE
    coalesce((SELECT string_agg(format('[%s] %s', i, answer), '; ' ORDER BY i)
        FROM unnest(ours, theirs) WITH ORDINALITY pair (a, b, i), agrees(a, b, tolerance) answer
        WHERE answer <> 't'), 't')
END;

-- A hash of all that a version has learned: not of names, times and what it was asked for.
CREATE OR REPLACE FUNCTION fingerprint(m text, v int DEFAULT 1) RETURNS text LANGUAGE sql AS $$
    SELECT md5(concat_ws(E'\n',
        (SELECT string_agg((to_jsonb(s) - '{model,version}'::text[])::text, E'\n' ORDER BY segment)
         FROM custseg.segment s WHERE s.model = m AND s.version = v),
        (SELECT string_agg((to_jsonb(f) - '{model,version}'::text[])::text, E'\n' ORDER BY position)
         FROM custseg.feature f WHERE f.model = m AND f.version = v),
        (SELECT (to_jsonb(x) - '{model,version,source,search_path,source_adopted,id,id_types,prep,options,seed,milliseconds,trained_at,trained_by,metrics,diagnostics,point_places}'::text[])::text
             || (metrics - '{read_milliseconds,prepare_milliseconds,fit_milliseconds,structure}'::text[])::text || coalesce((diagnostics - 'choose_k')::text, '')
         FROM custseg.model_version x WHERE x.model = m AND x.version = v)))
$$;

-- The fingerprint of a model that is trained for it and dropped, by so many workers at most.
CREATE OR REPLACE FUNCTION training_fingerprint(source text, features text[], k int DEFAULT NULL, algorithm text DEFAULT 'kmeans',
    prep jsonb DEFAULT '{}', options jsonb DEFAULT '{}', workers int DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    IF workers IS NOT NULL THEN
        PERFORM set_config('max_parallel_maintenance_workers', workers::text, true);
    END IF;
    PERFORM custseg.train('fingerprint', source, features, k, algorithm, prep => prep,
        options => '{"silhouette_sample": 500}' || options);
    result := fingerprint('fingerprint');
    PERFORM custseg.drop_model('fingerprint', whole => true);
    RETURN result;
END $$;
\set ECHO :echo
