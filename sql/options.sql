--
-- The tables of options in the documents say what the code says: which options there are, of which
-- type and range, and what they are when they are not given.
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS options_test CASCADE;
CREATE SCHEMA options_test;
SET search_path = options_test, public;

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
\set pages `cat :'root'/docs/reference.md :'root'/docs/algorithms.md`

CREATE TABLE customer AS SELECT i AS id, (i * 7919 % 101)::float8 AS a, i % 7 + i / 50.0 AS b, i % 3 AS label FROM generate_series(1, 100) i;

-- What a training says of options, or of prep, that it is to refuse.
CREATE FUNCTION refused(section text, given jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT fails(CASE section
        WHEN 'prep' THEN format('SELECT custseg.train(''refused'', ''customer'', ''{a,b}'', 2, prep => %L)', given)
        ELSE format('SELECT custseg.train(''refused'', ''customer'', ''{a,b}'', algorithm => %L, options => %L)', section, given)
    END)
$$;
-- The names in a sentence that lists them.
CREATE FUNCTION listed(sentence text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg(name[1] ORDER BY name[1]) FROM regexp_matches(substring(sentence FROM 'Valid .*'), '"([^"]+)"', 'g') name
$$;

-- Prep, and the algorithms there are; what rules take is rows (rule_options).
CREATE TABLE section AS
SELECT name
FROM regexp_split_to_table(substring(fails('SELECT custseg.train(''refused'', ''customer'', algorithm => ''none'')') FROM 'HINT: .*: (.*)\.') || ', prep', ', ') name
WHERE name <> 'rules';

-- Each option of the tables whose first column is called Key: the algorithm, or prep; its type and its
-- default as they are written.
CREATE TABLE part AS
SELECT replace(lower(heading), ' ', '-') AS anchor, replace(lower(replace(heading, 'Preparation', 'prep')), '-', '') AS section, text
FROM regexp_split_to_table(:'pages', E'\n(?=###? )') text, substring(text FROM '^###? ([^\n]+)') heading;
CREATE TABLE documented AS
SELECT section, name[1] AS name, cells[2] AS type, CASE section WHEN 'prep' THEN cells[4] ELSE cells[3] END AS usual
FROM part,
     substring(text FROM E'\\| Key[^|\n]*\\|[^\n]*\n\\|[- |]*\\|\n((\\|[^\n]*\n)+)') rows,
     regexp_split_to_table(rtrim(rows, E'\n'), E'\n') line,
     LATERAL (SELECT array_agg(trim(cell)) FROM regexp_split_to_table(trim(line, '| '), ' \| ?') cell) split (cells),
     regexp_matches(cells[1], '`(\w+)`', 'g') name
WHERE section IN (SELECT s.name FROM section s);

-- Which there are: all of prep's and of each algorithm's, but that those of every algorithm are in the
-- table of the first.
SELECT s.name AS section, d.unknown, d.undocumented
FROM section s, refused(s.name, '{"no such key": 1}') r,
     LATERAL (SELECT array(SELECT unnest(names) EXCEPT SELECT unnest(listed(r))) AS unknown,
                     array(SELECT unnest(listed(r)) EXCEPT SELECT unnest(names) EXCEPT SELECT unnest('{weight,seed,silhouette_sample,engine}'::text[])) AS undocumented
              FROM (SELECT array_agg(name) AS names FROM documented WHERE section = s.name) n) d
WHERE listed(r) IS NULL OR d.unknown <> '{}' OR d.undocumented <> '{}'
ORDER BY section;

-- Type and range: what a value of another type is refused with, in the words of the documents.
CREATE FUNCTION numbers(words text) RETURNS float8[] LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg(n[1]::float8)
    FROM regexp_matches(replace(replace(words, '2^53', '9007199254740992'), '−', '-'), '-?\d+(?:\.\d+)?(?:e[+-]?\d+)?', 'g') n
$$;
-- The names of a choice, in order: those that are written there, and those in the first column of the
-- table that a link leads to.
CREATE FUNCTION choices(type text) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT array_agg(c[1] ORDER BY c[1])
    FROM (SELECT type UNION ALL
          SELECT line[1] FROM part, regexp_matches(text, '\n\| (`"[^|]*) \|', 'g') line
          WHERE anchor = substring(type FROM '\]\(algorithms\.md#([\w-]+)\)')) written (names),
         regexp_matches(names, '"([^"]+)"', 'g') c
$$;
CREATE TABLE checked AS
SELECT section, name, type, message, kind, coalesce(CASE kind
        WHEN 'choice' THEN choices(type) = listed(message)
        WHEN 'boolean' THEN message LIKE '%must be true or false%'
        WHEN 'integer' THEN message LIKE '%must be an integer between%' AND numbers(type) = (numbers(said))[:cardinality(numbers(type))]
            AND (cardinality(numbers(type)) = 2 OR (numbers(said))[2] = 2147483647)
        WHEN 'number' THEN message LIKE '%must be a number%' AND numbers(type) = numbers(said)
        WHEN 'text' THEN message LIKE '%must be a string%'
        WHEN 'array' THEN message LIKE '%must be an array of equally long arrays of numbers%'
    END, false) AS agrees
FROM documented,
     LATERAL (SELECT CASE WHEN type LIKE '`"%' THEN 'choice' WHEN type LIKE '% name' THEN 'text' WHEN type LIKE 'array of `k`%' THEN 'array'
                  ELSE substring(type FROM '^(boolean|integer|number)') END) k (kind),
     refused(section, jsonb_build_object(name, '{"no": "value"}'::jsonb)) message,
     substring(message FROM 'must be [^\n]*') said
WHERE kind IS NOT NULL AND (section <> 'prep' OR kind IN ('choice', 'boolean'));
SELECT count(*) > 50 AS some, count(DISTINCT kind) AS kinds, bool_and(agrees) AS agree FROM checked;
SELECT section, name, type, message FROM checked WHERE agrees IS NOT TRUE ORDER BY section, name;
-- as above, but that an object comes as a number
SELECT numbers(type) = numbers(substring(refused(section, '{"neighbors": 0}') FROM 'must be.*')) AS agrees
FROM documented WHERE section = 'prep' AND name = 'neighbors';

-- Defaults that are a value, as a version keeps them.
CREATE FUNCTION defaults(section text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    result jsonb;
BEGIN
    PERFORM custseg.train('usual', 'SELECT a, b, label FROM customer', '{a,b}',
        CASE WHEN section NOT IN ('dbscan', 'hdbscan', 'tree') THEN 2 END, CASE section WHEN 'prep' THEN 'kmeans' ELSE section END,
        options => CASE section WHEN 'tree' THEN '{"target": "label"}' ELSE '{}' END::jsonb);
    SELECT CASE section WHEN 'prep' THEN prep -> 'columns' -> 'a' ELSE options END INTO result FROM custseg.model_version WHERE model = 'usual';
    PERFORM custseg.drop_model('usual', whole => true);
    RETURN result;
END $$;
CREATE TABLE usual AS
SELECT section, name, usual, kept, CASE WHEN usual = 'none' THEN kept IS NULL WHEN value ~ '^[\d.]' THEN value::float8 = kept::float8 ELSE coalesce(value = kept, false) END AS agrees
FROM documented JOIN (SELECT section, defaults(section) FROM documented GROUP BY section) d USING (section),
     LATERAL (SELECT substring(usual FROM '^`?"?([\w.-]+)"?`?(?:;|$)'), defaults ->> name) v (value, kept)
WHERE value IS NOT NULL AND (section <> 'prep' OR defaults ? name);
SELECT count(*) > 40 AS some, bool_and(agrees) AS agree FROM usual;
SELECT section, name, usual, kept FROM usual WHERE agrees IS NOT TRUE ORDER BY section, name;

-- the table of algorithms says what algorithms() says, in its order
SELECT coalesce(a.algorithm, d.cells[1]) AS algorithm, d.cells, a.segment_kind, a.number_of_segments, a.has_noise
FROM (SELECT row_number() OVER () AS position, * FROM custseg.algorithms()) a
FULL JOIN (
    SELECT row_number() OVER () AS position, array(SELECT trim(cell) FROM regexp_split_to_table(trim(line[1], '| '), ' \| ') cell) AS cells
    FROM regexp_matches(:'pages', '\n\| \[(`\w+`\]\(#[\w-]+\) \| [^\n]* (?:yes|no)) \| \[keys\]', 'g') line
) d USING (position)
WHERE d.cells[2:] IS DISTINCT FROM ARRAY[replace(a.segment_kind, 'kmeans', '`kmeans`'), a.number_of_segments, CASE WHEN a.has_noise THEN 'yes' ELSE 'no' END]
   OR d.cells[1] NOT LIKE format('`%s`](#%%)', a.algorithm);
SELECT algorithm FROM custseg.algorithms() WHERE '' IN (memory, keeps, duration) OR (memory || keeps || duration) IS NULL;
SELECT * FROM custseg.algorithms() WHERE algorithm = 'kmedoids';

SET client_min_messages = warning;
DROP SCHEMA options_test CASCADE;
\i :root/test/clean.sql
