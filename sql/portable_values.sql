--
-- A model of purchases, of a value or of a probability as one value: export_model() and import_model().
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS portable_values_test CASCADE;
CREATE SCHEMA portable_values_test;
SET search_path = portable_values_test, public;
SET extra_float_digits = 1;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
\i :root/test/exported.sql

CREATE TABLE customer AS
SELECT i AS id, (i * 37 % 101) / 7.0 AS a, i * 53 % 17 AS b, CASE WHEN i % 13 > 0 THEN i % 7 - 3.5 END AS c,
       (ARRAY['web', 'shop', 'phone'])[1 + i * 29 % 3] AS channel, i * 37 % 101 + 3 * (i * 53 % 17) + i % 5 + 0.1 AS worth,
       (i * 37 % 101) + i * 41 % 60 > 80 AS stays
FROM generate_series(1, 400) i;
CREATE TABLE lines AS
SELECT i * 13 % 97 AS buyer, date '2024-01-01' + i * i * 7 % (60 + i * 13 % 97 * 3) AS at, 5 + i * 31 % 17 + i * 13 % 97 / 10.0 AS amount
FROM generate_series(1, 1500) i;

-- a model of each algorithm
SELECT model, kind FROM (VALUES ('linear', 'worth', '{}'::jsonb, '{}'::jsonb), ('forest', 'worth', '{"columns": {"channel": {"encode": "frequency"}}}', '{"trees": 5, "max_depth": 4}'),
    ('xgboost', 'worth', '{}', '{"rounds": 5, "max_depth": 3}'), ('linear pca', 'worth', '{"pca": 2}', '{"ridge": 1}'), ('logistic', 'stays', '{"impute": "knn"}', '{"ridge": 0.5}'),
    ('forest of chances', 'stays', '{}', '{"trees": 5, "max_depth": 4}'), ('xgboost of chances', 'stays', '{}', '{"rounds": 5, "max_depth": 3}')) v (name, target, prep, options),
    LATERAL custseg.train_value(name, 'customer', target, '{a,b,c,channel}', substring(name FROM '^\w+'), 'id', prep, options) ORDER BY model;
SELECT model, version FROM (VALUES ('auto', 'amount'), ('mbg_nbd', 'amount'), ('bg_nbd', NULL), ('pareto_nbd', 'amount'), ('nbd', 'amount')) v (name, amount),
    LATERAL custseg.train_purchases(name, 'lines', 'buyer', 'at', amount, algorithm => name, options => '{"holdout": "60 days", "time_zone": "Europe/Berlin"}') ORDER BY model;
SELECT array_agg(name ORDER BY name) AS models FROM custseg.model WHERE kind <> 'segments' \gset

-- all that can be asked of a version, but for times
CREATE FUNCTION answers(m text) RETURNS TABLE (question text, answer text) LANGUAGE plpgsql AS $$
DECLARE
    kind text := (SELECT k.kind FROM custseg.model k WHERE k.name = m);
BEGIN
    RETURN QUERY SELECT 'fingerprint', fingerprint(m);
    IF kind = 'purchases' THEN
        RETURN QUERY SELECT 'lifetime_value', md5(string_agg(l::text, ',' ORDER BY l::text)) FROM custseg.lifetime_value(m, 'lines', discount => 0.1) l
        UNION ALL SELECT 'parameters', md5(string_agg(p::text, ',')) FROM custseg.purchase_parameters(m) p
        UNION ALL SELECT 'holdout', md5(string_agg(h::text, ',')) FROM custseg.purchase_holdout(m) h
        UNION ALL SELECT 'deciles', md5(string_agg(d::text, ',')) FROM custseg.purchase_deciles(m) d
        UNION ALL SELECT 'calibration', md5(string_agg(c::text, ',')) FROM custseg.purchase_calibration(m) c;
        RETURN;
    END IF;
    RETURN QUERY SELECT 'predict_value', md5(string_agg(custseg.predict_value(m, k)::text, ',' ORDER BY id)) FROM customer k
    UNION ALL SELECT 'value_importance', md5(string_agg(i::text, ',')) FROM custseg.value_importance(m) i;
    IF kind = 'value' THEN
        RETURN QUERY SELECT 'predict_interval', md5(string_agg(i::text, ',' ORDER BY id)) FROM customer k, custseg.predict_interval(m, k) i;
    END IF;
    IF m !~ 'pca' THEN
        RETURN QUERY SELECT 'explain_value', md5(string_agg(e::text, ',' ORDER BY id, e::text)) FROM customer k, custseg.explain_value(m, k) e WHERE id <= 10;
    END IF;
END $$;

-- they come back as they were, bit by bit
SELECT i.* FROM unnest(:'models'::text[]) n, LATERAL custseg.import_model(custseg.export_model(n), n || ' copy') i ORDER BY 1;
SELECT c.name FROM custseg.model c JOIN custseg.model m ON m.name || ' copy' = c.name WHERE c.kind <> m.kind;
SELECT n AS model, b.question FROM unnest(:'models'::text[]) n, LATERAL answers(n) b
JOIN answers(n || ' copy') c USING (question) WHERE b.answer IS DISTINCT FROM c.answer;
SELECT question, count(*) FROM unnest(:'models'::text[]) n, answers(n) GROUP BY 1 ORDER BY 1;
SELECT n AS model FROM unnest(:'models'::text[]) n WHERE custseg.export_model(n || ' copy') IS DISTINCT FROM renamed(custseg.export_model(n), n || ' copy');
-- whatever the settings
SELECT md5(custseg.export_model('linear')::text) || md5(custseg.export_model('auto')::text) AS plain \gset
SET extra_float_digits = -3; SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Tokyo';
SELECT md5(custseg.export_model('linear')::text) || md5(custseg.export_model('auto')::text) = :'plain' AS same;
RESET extra_float_digits; RESET DateStyle; RESET TimeZone;
SET extra_float_digits = 1;

-- another version of a model; kinds do not mix
SELECT version, deployed FROM custseg.import_model(custseg.export_model('forest'), 'linear copy', add_version => true);
SELECT custseg.predict_value('linear copy', k, version => 2) = custseg.predict_value('forest', k) AS same FROM customer k WHERE id = 1;
SELECT version, deployed FROM custseg.import_model(custseg.export_model('linear copy', whole => true), 'both');
SELECT outcome(format('SELECT custseg.import_model(custseg.export_model(%L), %L, add_version => true)', given, name)) FROM (VALUES
    ('linear', 'logistic'), ('logistic', 'linear'), ('auto', 'linear'), ('linear', 'auto')) v (given, name);

-- decisions by hand are about segments
SELECT custseg.export_model('linear', decisions => true) -> 'decisions' AS decisions;

-- a source does not run unless it is adopted
SELECT outcome('SELECT count(*) FROM custseg.lifetime_value(''auto copy'')');
SELECT custseg.adopt_source('auto copy') AS source;
SELECT count(*) FROM custseg.lifetime_value('auto copy');
SELECT custseg.adopt_source('linear copy') AS source;
SELECT model FROM custseg.import_model(custseg.export_model('nbd'), 'adopted', adopt_source => true);
SELECT count(*) FROM custseg.lifetime_value('adopted');
SELECT custseg.drop_model('adopted', whole => true);

--
-- Errors
--
\pset format unaligned
SELECT name, path, value, import_fails(custseg.export_model(name), path, value) FROM (VALUES
    ('linear', '{kind}', NULL::jsonb),
    ('linear', '{kind}', '"segment"'),
    ('linear', '{kind}', '"segments"'),
    ('linear', '{kind}', '"purchases"'),
    ('linear', '{kind}', '"probability"'),
    ('logistic', '{kind}', '"value"'),
    ('linear', '{actions}', '[{"segment": 1, "action": {}}]'),
    ('linear', '{decisions}', '[]'),
    ('linear', '{versions,0,segments}', '[]'),
    ('linear', '{versions,0,features}', 'null'),
    ('linear', '{versions,0,features,0,n_null}', '-1'),
    ('linear', '{versions,0,features,3,n}', '1'),
    ('linear', '{versions,0,features,0,standard_deviation}', '-1'),
    ('linear', '{versions,0,definition,algorithm}', '"nosuch"'),
    ('linear', '{versions,0,definition,algorithm}', '"logistic"'),
    ('linear', '{versions,0,definition,algorithm}', '"forest"'),
    ('linear', '{versions,0,definition,version}', '0'),
    ('linear', '{versions,0,definition,parameters}', 'null'),
    ('linear', '{versions,0,definition,parameters,target}', NULL),
    ('linear', '{versions,0,definition,parameters,form}', '"oracle"'),
    ('linear', '{versions,0,definition,parameters,logit}', 'true'),
    ('linear', '{versions,0,definition,parameters,coefficients,0}', '"NaN"'),
    ('linear', '{versions,0,definition,parameters,errors,0}', '"x"'),
    ('linear', '{versions,0,definition,parameters,errors}', '[]'),
    ('linear', '{versions,0,definition,parameters,intercept_error}', 'true'),
    ('linear', '{versions,0,definition,parameters,shuffled}', '[1]'),
    ('linear', '{versions,0,definition,parameters,interval,scores,0}', '-1'),
    ('forest', '{versions,0,definition,parameters,trees,0,column,0}', '99'),
    ('forest', '{versions,0,definition,parameters,trees,0,value,0}', '1e300'),
    ('forest of chances', '{versions,0,definition,parameters,calibration}', 'null'),
    ('forest of chances', '{versions,0,definition,parameters,calibration,probability,0}', '-1'),
    ('linear', '{versions,0,training,metrics,measured_on}', NULL),
    ('linear', '{versions,0,training,metrics,r2}', '1.5'),
    ('linear', '{versions,0,training,metrics,rmse}', '-1'),
    ('linear', '{versions,0,training,metrics,more}', '1'),
    ('logistic', '{versions,0,training,metrics,brier}', '2'),
    ('linear', '{versions,0,training,options,folds}', '1'),
    ('linear', '{versions,0,training,options,more}', '1'),
    ('linear', '{versions,0,training,prep,columns,nosuch}', '{}'),
    ('auto', '{versions,0,features}', '[]'),
    ('auto', '{versions,0,definition,algorithm}', '"nosuch"'),
    ('auto', '{versions,0,definition,parameters,algorithm}', '"oracle"'),
    ('auto', '{versions,0,definition,parameters,unit}', '"year"'),
    ('auto', '{versions,0,definition,parameters,time_zone}', '"nowhere"'),
    ('auto', '{versions,0,definition,parameters,columns,time}', 'null'),
    ('auto', '{versions,0,definition,parameters,columns,amount}', 'null'),
    ('auto', '{versions,0,definition,parameters,purchases,r}', '0'),
    ('mbg_nbd', '{versions,0,definition,parameters,purchases,model}', '"nbd"'),
    ('auto', '{versions,0,definition,parameters,alive,model}', '"oracle"'),
    ('auto', '{versions,0,definition,parameters,spend,p}', '-1'),
    ('auto', '{versions,0,definition,parameters,interval,bounds}', '[]'),
    ('auto', '{versions,0,definition,parameters,interval,ratios,0}', '[1]'),
    ('auto', '{versions,0,training,prep}', '{"scale": "none"}'),
    ('auto', '{versions,0,training,options,unit}', '"day"'),
    ('auto', '{versions,0,training,options,unit}', '"year"'),
    ('auto', '{versions,0,training,metrics,verdict}', 'null'),
    ('auto', '{versions,0,training,metrics,pearson}', '2'),
    ('auto', '{versions,0,training,metrics,parameters,0}', '1'),
    ('auto', '{versions,0,training,metrics,parameters,0,part}', NULL),
    ('auto', '{versions,0,training,metrics,deciles,0,decile}', '11'),
    ('auto', '{versions,0,training,metrics,calibration,0,n}', '0.5'),
    ('auto', '{versions,0,training,metrics,holdout,days}', '0'),
    ('auto', '{versions,0,training,metrics,holdout,more}', '1'),
    ('auto', '{versions,0,training,metrics,holdout,variance}', '-1'),
    ('auto', '{versions,0,training,metrics,holdout,rmse}', 'null'),
    ('auto', '{versions,0,training,metrics,covariance,purchases}', '[1]'),
    ('mbg_nbd', '{versions,0,training,metrics,covariance,purchases,0}', '-1'),
    ('auto', '{versions,0,definition,parameters,as_of}', '"2024-02-30"'),
    ('linear', '{versions,0,training,metrics,slope_error}', '-1'),
    ('linear', '{versions,0,training,metrics,spread,bounds}', '[]'),
    ('linear', '{versions,0,training,metrics,spread,bounds,0}', '1e9'),
    ('linear', '{versions,0,training,metrics,spread,squares,0}', '-1')) v (name, path, value);
\pset format aligned
SELECT import_fails(jsonb_set(custseg.export_model('linear'), '{kind}', '"value"'), '{versions,0,features,0}');
SELECT count(*) FROM custseg.model WHERE name = 'new';

-- hostile values
CREATE FUNCTION use_all(m text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    statement text;
BEGIN
    FOREACH statement IN ARRAY ARRAY[
        'SELECT count(custseg.predict_value($1, k)) FROM customer k WHERE id < 40',
        'SELECT custseg.predict_interval($1, k) FROM customer k WHERE id < 4',
        'SELECT custseg.explain_value($1, k) FROM customer k WHERE id < 4',
        'SELECT custseg.value_importance($1)',
        'SELECT count(l::text) FROM custseg.lifetime_value($1, ''SELECT * FROM lines WHERE buyer < 9'', discount => 0.1) l',
        'SELECT custseg.purchase_parameters($1)',
        'SELECT custseg.purchase_holdout($1)',
        'SELECT custseg.purchase_deciles($1)',
        'SELECT custseg.purchase_calibration($1)',
        'SELECT custseg.export_model($1), (SELECT count(m::text) FROM custseg.models m)'] LOOP
        BEGIN
            EXECUTE statement USING m;
        EXCEPTION WHEN OTHERS THEN
            IF SQLSTATE ~ '^(XX000|58|53|25|40|22003|22012|2201|22P02)' THEN
                RAISE;
            END IF;
        END;
    END LOOP;
END $$;
SELECT name, f.outcome, f.n > 0 AS some FROM unnest('{linear,forest,"linear pca",logistic,"xgboost of chances",auto,pareto_nbd,bg_nbd}'::text[]) name, LATERAL fuzz_import(name, 151) f;

SELECT count(*) AS dropped FROM custseg.model, custseg.drop_model(name, whole => true) WHERE kind <> 'segments';
DROP SCHEMA portable_values_test CASCADE;
\i :root/test/clean.sql
