--
-- How a model is presented: set_presentation().
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS presentation_test CASCADE;
CREATE SCHEMA presentation_test;
SET search_path = presentation_test, public;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

CREATE TABLE customer AS SELECT i AS id, i % 7 AS recency, i % 2 * 9 + i % 3 AS monetary FROM generate_series(1, 60) i;
SELECT version FROM custseg.train('shop', 'customer', '{recency,monetary}', 2, id => 'id');
CREATE FUNCTION shown(m text) RETURNS jsonb LANGUAGE sql AS $$ SELECT presentation FROM custseg.presentation WHERE model = m $$;
SELECT shown('shop') IS NULL AS nothing;

-- keys come one by one, those of a column too; null removes a key, a column, all columns
SELECT custseg.set_presentation('shop', '{"title": "The shop", "value": "monetary", "currency": "GBP"}');
SELECT custseg.set_presentation('shop', '{"columns": {"recency": {"label": "Days since the last order", "unit": "days"}, "monetary": {"unit": "GBP"}}}');
SELECT shown('shop');
-- sentences tell money with its currency: the value, and columns that have it as their unit
SELECT custseg.set_presentation('shop', '{"columns": {"basket": {"unit": "GBP"}, "weight": {"unit": "gbp"}}}');
SELECT segment, description FROM custseg.segment_summary('shop') ORDER BY segment;
SELECT segment, description FROM custseg.segment_summary('shop', 'SELECT *, monetary * 1000 - 3000 AS basket, monetary + 0.5 AS weight, monetary / 12.0 AS average_order FROM customer', columns => '{basket,weight,average_order}') ORDER BY segment;
SELECT custseg.set_presentation('shop', '{"columns": {"basket": null, "weight": null}}');
SELECT custseg.set_presentation('shop', '{"title": "Our shop", "columns": {"recency": {"label": null, "description": "From the day of the last order."}, "age": {"label": "Age"}}}');
SELECT shown('shop');
SELECT custseg.set_presentation('shop', '{"currency": null, "columns": {"recency": null, "nobody": null, "age": {"unit": null}}}');
SELECT shown('shop');
SELECT segment, description FROM custseg.segment_summary('shop') ORDER BY segment;
SELECT custseg.set_presentation('shop', '{}');
SELECT shown('shop');
SELECT custseg.set_presentation('shop', '{"columns": null}');
SELECT shown('shop'), set_by = current_user AS mine, set_at > now() - interval '1 hour' AS lately FROM custseg.presentation;
SELECT custseg.set_presentation('shop', '{"title": null, "value": null}');
SELECT shown('shop');
-- a null where nothing was leaves nothing
SELECT custseg.set_presentation('shop', '{"title": null, "description": "What for.", "columns": {"a": {"unit": null}, "b": null}}');
SELECT shown('shop');
-- several calls of one statement follow each other
SELECT custseg.set_presentation('shop', '{"columns": {"a": {"unit": "m"}}}'), custseg.set_presentation('shop', '{"columns": {"a": {"label": "A"}}}');
SELECT shown('shop');

-- texts are texts, whatever they hold
SELECT custseg.set_presentation('shop', jsonb_build_object('title', t, 'description', t, 'columns', jsonb_build_object(left(t, 40), jsonb_build_object('label', t))))
FROM (VALUES (E'<script>alert("1")</script> \\ ''; % / \u202e\u05d0\U0001f600 ' || repeat('x', 200))) v (t);
SELECT shown('shop') ->> 'title' = shown('shop') #>> ARRAY['columns', left(shown('shop') ->> 'title', 40), 'label'] AS same, length(shown('shop') ->> 'title');

-- what scenarios and budgets start from; curves that are kept are divided as those of a table are
SELECT custseg.set_presentation('shop', '{"margin": 0.35, "cost_per_customer": 0.6, "fixed_cost": 0, "curves": [{"segment": 1, "curve": "exp", "a": 6000, "b": 2000, "n": 12, "chosen": true}, {"segment": 2, "curve": "exp", "a": 9000, "b": 1500}]}');
SELECT segment, spend FROM custseg.allocate_budget($$SELECT c.* FROM custseg.presentation p, jsonb_to_recordset(p.presentation -> 'curves') AS c (segment int, curve text, a float8, b float8) WHERE p.model = 'shop'$$, 6000, '{"unit": 100}');
SELECT custseg.set_presentation('shop', '{"curves": [{"segment": 1, "points": [[100, 50]]}]}');
SELECT shown('shop') -> 'curves' AS curves, shown('shop') -> 'margin' AS margin, shown('shop') -> 'cost_per_customer' AS cost_per_customer, shown('shop') -> 'fixed_cost' AS fixed_cost;
SELECT custseg.set_presentation('shop', '{"margin": null, "cost_per_customer": null, "fixed_cost": null, "curves": null}');

-- of a model of any kind, with a version deployed or without
SET client_min_messages = error;
SELECT version FROM custseg.train_value('worth', 'customer', 'monetary', '{recency}', 'linear', deploy => false);
SET client_min_messages = warning;
SELECT custseg.set_presentation('worth', '{"title": "Worth", "value": "monetary"}');
SELECT shown('worth');

-- it stays whatever the version, and comes along with the model
SELECT custseg.set_presentation('shop', '{"title": "Shop", "description": null, "value": "monetary", "columns": null}');
SELECT version FROM custseg.train('shop', 'customer', '{monetary}', 3, deploy => true);
SELECT custseg.drop_model('shop', 1);
SELECT shown('shop');
SELECT custseg.export_model('shop') -> 'presentation';
SELECT version FROM custseg.import_model(custseg.export_model('shop'), 'copy');
SELECT shown('copy'), set_by = current_user AS mine FROM custseg.presentation WHERE model = 'copy';
-- of a model that has one already it stays as it is
SELECT custseg.set_presentation('copy', '{"title": "Copy", "value": null}');
SELECT version FROM custseg.import_model(custseg.export_model('shop'), 'copy', add_version => true);
SELECT shown('copy');
-- none
SELECT version FROM custseg.import_model(custseg.export_model('shop') || '{"presentation": null}', 'plain');
SELECT shown('plain') IS NULL AS nothing, custseg.export_model('plain') -> 'presentation' AS exported;
-- what comes with an export is checked
SELECT outcome(format('SELECT custseg.import_model(custseg.export_model(''shop'') || %L, ''tampered'')', jsonb_build_object('presentation', p)))
FROM (VALUES (jsonb '[]'), ('"title"'), ('{"colour": "red"}'), ('{"title": 3}'), ('{"columns": {"a": {"script": "x"}}}'), ('{"columns": {"a": ["x"]}}')) v (p);
SELECT outcome('SELECT custseg.import_model(custseg.export_model(''shop'') - ''presentation'', ''tampered'')');
SELECT count(*) FROM custseg.model WHERE name = 'tampered';

-- what is wrong
SELECT left(p, 90) AS p, outcome(format('SELECT custseg.set_presentation(''shop'', %L)', p))
FROM (VALUES ('[]'), ('"title"'), ('null'), ('{"colour": "red"}'), ('{"Title": "x"}'), ('{"title": ""}'), ('{"title": 3}'), ('{"description": ["a"]}'), ('{"value": ""}'),
    (jsonb_build_object('value', repeat('x', 64))::text), ('{"currency": "pound"}'), ('{"currency": "eur"}'), ('{"currency": "EURO"}'), ('{"columns": []}'), ('{"columns": {"": {"unit": "m"}}}'),
    ('{"margin": 0}'), ('{"margin": 1.5}'), ('{"margin": "0.3"}'), ('{"cost_per_customer": -1}'), ('{"fixed_cost": "5"}'), ('{"curves": {}}'), ('{"curves": [1]}'),
    (jsonb_build_object('curves', (SELECT jsonb_agg('{}'::jsonb) FROM generate_series(1, 201)))::text),
    (jsonb_build_object('columns', jsonb_build_object(repeat('x', 64), NULL))::text), ('{"columns": {"a": "b"}}'), ('{"columns": {"a": {"colour": "red"}}}'), ('{"columns": {"a": {"unit": {}}}}')) v (p);
SELECT shown('shop');
SELECT outcome('SELECT custseg.set_presentation(NULL, ''{}'')'), outcome('SELECT custseg.set_presentation(''shop'', NULL)'), outcome('SELECT custseg.set_presentation(''nothing'', ''{}'')');

-- the owner sets it, who may use the model reads it, and nobody writes the table
CREATE ROLE presentation_guest;
GRANT USAGE ON SCHEMA presentation_test TO presentation_guest;
SELECT custseg.grant_model('shop', 'presentation_guest');
SET ROLE presentation_guest;
SELECT model, presentation FROM custseg.presentation;
SELECT outcome('SELECT custseg.set_presentation(''shop'', ''{}'')'), outcome('SELECT custseg.set_presentation(''copy'', ''{}'')');
SELECT outcome('DELETE FROM custseg.presentation'), outcome('UPDATE custseg.presentation SET presentation = ''{}''');
SELECT custseg.export_model('shop') -> 'presentation';
RESET ROLE;
BEGIN READ ONLY;
SELECT custseg.set_presentation('shop', '{}');
ROLLBACK;

-- it goes with the model, and a new one of the name has none
SELECT custseg.drop_model('shop', whole => true);
SELECT version FROM custseg.train('shop', 'customer', '{recency,monetary}', 2);
SELECT shown('shop') IS NULL AS nothing;

SELECT count(*) AS dropped FROM (SELECT custseg.drop_model(name, whole => true) FROM custseg.model WHERE name IN ('shop', 'worth', 'copy', 'plain') OFFSET 0) d;
SELECT count(*) FROM custseg.presentation;
DROP SCHEMA presentation_test CASCADE;
DROP ROLE presentation_guest;
\i :root/test/clean.sql
