--
-- What a version keeps of its errors comes from whoever wrote the export: what it cannot be is refused by name, and
-- what it may be is used, whatever its size.
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS tampered_test CASCADE;
CREATE SCHEMA tampered_test;
SET search_path = tampered_test, public;
SET extra_float_digits = 1;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
\i :root/test/exported.sql

-- customers who buy at a rate and leave after a purchase, each with a chance of his own
CREATE FUNCTION uniform(VARIADIC what int[]) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$SELECT ((hashtextextended(what::text, 11) >> 12) & ((1::bigint << 50) - 1)) / (2.0::float8 ^ 50)$$;
CREATE TABLE bought AS
WITH RECURSIVE purchase AS (
    SELECT i, 0 AS number, (date '2023-01-01' + i * 7 % 120)::timestamp AS at, -ln(1 - uniform(i, 1)) / 6 AS rate, 1 - (1 - uniform(i, 2)) ^ (1 / 3.0) AS leaves
    FROM generate_series(1, 300) i
    UNION ALL
    SELECT i, number + 1, at - ln(1 - uniform(i, 4, number)) / rate * interval '7 days', rate, leaves
    FROM purchase
    WHERE at < '2024-07-01' AND number < 100 AND uniform(i, 5, number) >= leaves
)
SELECT i AS customer, at, round((20 * exp(2 * uniform(i, 3) - 1) * (0.5 + uniform(i, 6, number)))::numeric, 2) AS amount
FROM purchase WHERE at < '2024-07-01';
CREATE TABLE buyers AS
SELECT i AS id, (i * 37 % 101) / 7.0 AS a, i * 53 % 17 AS b, i * 37 % 101 + 3 * (i * 53 % 17) + i % 5 + 0.1 AS worth, (i * 37 % 101) + i * 41 % 60 > 80 AS stays
FROM generate_series(1, 300) i;
SELECT model, verdict FROM custseg.train_purchases('repeats', 'bought', 'customer', 'at', 'amount', '2024-06-30', 'mbg_nbd', '{"holdout": "120 days"}');
SELECT model, kind FROM custseg.train_value('worth', 'buyers', 'worth', '{a,b}', 'linear', 'id');
SELECT model, kind FROM custseg.train_value('stays', 'buyers', 'stays', '{a,b}', 'logistic', 'id');
SELECT model, n_segments FROM custseg.train('groups', 'buyers', '{a,b}', algorithm => 'rules', id => 'id', options => '{"segments": [{"name": "low", "when": {"a": {"to": 5}}}, {"name": "high"}], "else": "high"}');
SELECT metrics #> '{covariance,spend}' <> 'null' AS spend, metrics -> 'holdout' ? 'value_parameter_variance' AS holdout FROM custseg.model_version WHERE model = 'repeats';

-- What an import refuses
\pset format unaligned
SELECT name, path, left(value::text, 9) AS value, import_fails(custseg.export_model(name), '{versions,0,training,metrics,' || ltrim(path, '{'), value) FROM (VALUES
    ('repeats', '{covariance}', '1'::jsonb),
    ('repeats', '{covariance}', '[]'),
    ('repeats', '{covariance,purchases}', '{}'),
    ('repeats', '{covariance,purchases}', '"NaN"'),
    ('repeats', '{covariance,purchases}', '[[1]]'),
    ('repeats', '{covariance,purchases,0}', '"1"'),
    ('repeats', '{covariance,purchases,0}', 'null'),
    ('repeats', '{covariance,purchases,5}', '1e309'),
    ('repeats', '{covariance,purchases,15}', '-1e-9'),
    ('repeats', '{covariance,purchases,0}', '0'),
    ('repeats', '{covariance,purchases,1}', '1e300'),
    ('repeats', '{covariance,purchases,1}', '0'),
    ('repeats', '{covariance,alive,4}', '-1e300'),
    ('repeats', '{covariance,spend,5}', '0'),
    ('repeats', '{covariance,spend}', '[1, 0, 0, 0, 1, 0, 0, 0, 1, 0]'),
    ('repeats', '{holdout}', '[]'),
    ('repeats', '{holdout,variance}', '-1'),
    ('repeats', '{holdout,variance}', '"Infinity"'),
    ('repeats', '{holdout,n}', 'null'),
    ('repeats', '{holdout,predicted}', 'null'),
    ('repeats', '{holdout,value_rmse}', 'null'),
    ('repeats', '{holdout,value_parameter_variance}', 'null'),
    ('worth', '{spread}', '[]'),
    ('worth', '{spread}', '{}'),
    ('worth', '{spread,more}', '1'),
    ('worth', '{spread,squares}', '[1]'),
    ('worth', '{spread,squares,0}', 'null'),
    ('worth', '{spread,bounds,8}', '-1e308'),
    ('worth', '{bias_deviation}', '-1'),
    ('worth', '{squared_error_deviation}', '"x"'),
    ('stays', '{brier}', '-1e-9')) v (name, path, value);
-- a million numbers are a few too many
SELECT left(import_fails(custseg.export_model(name), '{versions,0,training,metrics,' || ltrim(path, '{'), (SELECT jsonb_agg(1) FROM generate_series(1, 1000000))), 200)
FROM (VALUES ('repeats', '{covariance,purchases}'), ('repeats', '{parameters}'), ('worth', '{spread,bounds}'), ('worth', '{rmse}')) v (name, path);

\pset format aligned
-- What it takes, and what segments are worth then
CREATE FUNCTION used(name text, path text[], value jsonb) RETURNS TABLE (low_is_known bool, is_inside bool, reason text) LANGUAGE plpgsql AS $$
DECLARE
    e jsonb := custseg.export_model(name);
BEGIN
    PERFORM custseg.import_model(CASE WHEN value IS NULL THEN e #- path ELSE jsonb_set(e, path, value) END, 'used');
    RETURN QUERY SELECT s.low IS NOT NULL, s.low <= s.value_sum AND s.value_sum <= s.high, s.reason
    FROM custseg.segment_value('used', 'groups', CASE name WHEN 'repeats' THEN 'bought' ELSE 'buyers' END, CASE name WHEN 'repeats' THEN 'buyers' END) s WHERE s.name = 'total';
    PERFORM custseg.drop_model('used', whole => true);
END $$;
SELECT name, path, left(value::text, 9) AS value, u.* FROM (VALUES
    ('repeats', '{covariance}', NULL::jsonb),
    ('repeats', '{covariance}', 'null'),
    ('repeats', '{covariance,purchases}', 'null'),
    ('repeats', '{covariance,spend}', 'null'),
    ('repeats', '{covariance,purchases,0}', '1e3'),
    ('repeats', '{covariance,spend,0}', '1e308'),
    ('repeats', '{holdout}', NULL),
    ('repeats', '{holdout}', 'null'),
    ('repeats', '{holdout,value_variance}', 'null'),
    ('repeats', '{holdout,value_variance}', '0'),
    ('repeats', '{holdout,value_variance}', '1e-308'),
    ('repeats', '{holdout,value_rmse}', '1e308'),
    ('repeats', '{holdout,value_predicted}', '-1e308'),
    ('worth', '{spread}', NULL),
    ('worth', '{spread}', 'null'),
    ('worth', '{spread,squares,4}', '1e308'),
    ('worth', '{spread,squares,4}', '0')) v (name, path, value), LATERAL used(name, '{versions,0,training,metrics}' || path::text[], value) u;

-- Each of them, with each of many values
CREATE FUNCTION use_all(m text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    statement text;
BEGIN
    FOREACH statement IN ARRAY CASE WHEN (SELECT kind = 'purchases' FROM custseg.model WHERE name = m) THEN ARRAY[
        'SELECT count(v::text) FROM custseg.record_segment_value($1, ''groups'', ''bought'', ''buyers'') v',
        'SELECT count(v::text) FROM custseg.segment_churn($1, ''groups'', ''bought'', ''buyers'') v',
        'SELECT custseg.outcome_calibration($1, ''bought'')']
    ELSE ARRAY[
        'SELECT count(v::text) FROM custseg.record_segment_value($1, ''groups'', ''buyers'') v',
        'SELECT count(v::text) FROM custseg.score_value($1, ''buyers'') v',
        'SELECT custseg.record_outcomes($1, ''buyers''), custseg.monitor($1, ''buyers''), custseg.needs_retraining($1, ''buyers'')'] END LOOP
        EXECUTE statement USING m;
    END LOOP;
END $$;
SELECT name, f.outcome, f.n > 0 AS some FROM (VALUES ('repeats', 'covariance', 7), ('repeats', 'holdout', 7), ('worth', 'metrics', 3), ('stays', 'metrics', 3)) v (name, paths, every), LATERAL fuzz_import(name, every, paths) f;

SELECT count(*) AS dropped FROM custseg.model, custseg.drop_model(name, whole => true);
DROP SCHEMA tampered_test CASCADE;
\i :root/test/clean.sql
