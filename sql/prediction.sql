-- Predicting a number, or the probability of a boolean.
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS prediction_test CASCADE;
CREATE SCHEMA prediction_test;
SET search_path = prediction_test, public;
SET extra_float_digits = 1;
RESET client_min_messages;

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

-- The Longley data, whose columns nearly follow from each other, and the coefficients, standard errors and R2 that NIST certifies
CREATE TABLE longley (year int PRIMARY KEY, employed float8, deflator float8, gnp float8, unemployed float8, forces float8, population float8);
INSERT INTO longley VALUES
    (1947, 60323, 83.0, 234289, 2356, 1590, 107608), (1948, 61122, 88.5, 259426, 2325, 1456, 108632), (1949, 60171, 88.2, 258054, 3682, 1616, 109773),
    (1950, 61187, 89.5, 284599, 3351, 1650, 110929), (1951, 63221, 96.2, 328975, 2099, 3099, 112075), (1952, 63639, 98.1, 346999, 1932, 3594, 113270),
    (1953, 64989, 99.0, 365385, 1870, 3547, 115094), (1954, 63761, 100.0, 363112, 3578, 3350, 116219), (1955, 66019, 101.2, 397469, 2904, 3048, 117388),
    (1956, 67857, 104.6, 419180, 2822, 2857, 118734), (1957, 68169, 108.4, 442769, 2936, 2798, 120445), (1958, 66513, 110.8, 444546, 4681, 2637, 121950),
    (1959, 68655, 112.6, 482704, 3813, 2552, 123366), (1960, 69564, 114.2, 502601, 3931, 2514, 125368), (1961, 69331, 115.7, 518173, 4806, 2572, 127852),
    (1962, 70551, 116.9, 554894, 4007, 2827, 130081);
CREATE FUNCTION numbers(model text, key text, version int DEFAULT 1) RETURNS float8[] LANGUAGE sql AS $$
    SELECT array_agg(n::float8 ORDER BY i) FROM custseg.model_version v, jsonb_array_elements_text(v.parameters -> key) WITH ORDINALITY AS a (n, i)
    WHERE v.model = numbers.model AND v.version = numbers.version
$$;
CREATE FUNCTION number(model text, key text, version int DEFAULT 1) RETURNS float8 LANGUAGE sql AS $$
    SELECT (parameters -> key)::float8 FROM custseg.model_version v WHERE v.model = number.model AND v.version = number.version
$$;
SELECT model, version, kind, algorithm, n_rows, n_skipped, converged, deployed
FROM custseg.train_value('longley', 'longley', 'employed', '{deflator,gnp,unemployed,forces,population,year}', 'linear', id => 'year', options => '{"folds": 4}');
SELECT agrees(numbers('longley', 'coefficients'), '{15.0618722713733,-0.0358191792925910,-2.02022980381683,-1.03322686717359,-0.0511041056535807,1829.15146461355}', 1e-8) AS coefficients,
    agrees(numbers('longley', 'errors'), '{84.9149257747669,0.0334910077722432,0.488399681651699,0.214274163161675,0.226073200069370,455.478499142212}', 1e-8) AS errors,
    agrees(number('longley', 'intercept'), -3482258.63459582, 1e-8) AS intercept, agrees(number('longley', 'intercept_error'), 890420.383607373, 1e-8) AS intercept_error;
SELECT agrees(1 - sum((employed - custseg.predict_value('longley', l)) ^ 2) / (var_pop(employed) * count(*)), 0.995479004577296) AS r2 FROM longley l;
-- explained, the contributions and the baseline add up
SELECT count(*), count(*) FILTER (WHERE agrees(sum, predicted) <> 't') AS different
FROM (SELECT year, predicted, baseline + sum(contribution) AS sum FROM longley l, custseg.explain_value('longley', l) GROUP BY year, predicted, baseline) e;

-- Cars (R's mtcars): is the transmission manual? What R's glm() tells
CREATE TABLE cars AS SELECT i AS id, w AS wt, i IN (1,2,3,18,19,20,26,27,28,29,30,31,32) AS manual
FROM unnest('{2.620,2.875,2.320,3.215,3.440,3.460,3.570,3.190,3.150,3.440,3.440,4.070,3.730,3.780,5.250,5.424,5.345,2.200,1.615,1.835,2.465,3.520,3.435,3.840,3.845,1.935,2.140,1.513,3.170,2.770,3.570,2.780}'::float8[]) WITH ORDINALITY AS c (w, i);
SELECT kind, algorithm, n_rows, converged, auc > 0.9 AS auc, r2, coverage FROM custseg.train_value('cars', 'cars', 'manual', '{wt}', 'logistic', 'id', options => '{"folds": 3}');
SELECT round(number('cars', 'intercept')::numeric, 5) AS intercept, round(number('cars', 'intercept_error')::numeric, 4) AS error, round((numbers('cars', 'coefficients'))[1]::numeric, 5) AS wt,
    round((numbers('cars', 'errors'))[1]::numeric, 4) AS wt_error, round(-2 * (metrics ->> 'log_likelihood')::numeric, 3) AS deviance
FROM custseg.model_version WHERE model = 'cars';
-- the likelihood is at its largest: residuals are at right angles to the columns
SELECT abs(sum(manual::int - p)) < 1e-9 AS residuals, abs(sum((manual::int - p) * wt)) < 1e-9 AS times_wt FROM (SELECT *, custseg.predict_value('cars', c) AS p FROM cars c) s;
-- in other units, and of rows in another order, the same; with a ridge, coefficients are smaller
SELECT count(*) FROM custseg.train_value('cars2', 'SELECT id, wt * 1000 + 7 AS wt, manual FROM cars ORDER BY wt', 'manual', '{wt}', 'logistic', 'id', options => '{"folds": 3}');
SELECT agrees((numbers('cars2', 'coefficients'))[1] * 1000, (numbers('cars', 'coefficients'))[1], 1e-9);
SELECT version, deployed FROM custseg.train_value('cars2', 'cars', 'manual', '{wt}', 'logistic', 'id', options => '{"folds": 3, "ridge": 10}', deploy => true);
SELECT abs((numbers('cars2', 'coefficients', 2))[1]) < 0.5 * abs((numbers('cars', 'coefficients'))[1]) AS smaller, numbers('cars2', 'errors', 2) AS errors;

-- Customers whose value follows from three features, one of them a category, with noise
CREATE FUNCTION chance(i int, salt text) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN ('x' || substr(md5(i || salt), 1, 6))::bit(24)::int / 16777216.0;
CREATE TABLE customers AS
SELECT id, a, b, c, g, exp(3 + 0.2 * a + (b > 5)::int * 0.5 + CASE g WHEN 'x' THEN 0.3 WHEN 'y' THEN -0.3 ELSE 0 END + 0.2 * noise) AS worth,
    0.5 * a + 2 * (b > 5)::int - 3.5 + 2 * noise > 0 AS stays
FROM (SELECT i AS id, 10 * chance(i, 'a') AS a, 10 * chance(i, 'b') AS b, i % 5 AS c, (ARRAY['x', 'y', 'z'])[1 + i * 31 % 3] AS g,
    chance(i, 'u') + chance(i, 'v') + chance(i, 'w') - 1.5 AS noise FROM generate_series(1, 1200) i) s;
CREATE FUNCTION parameters(model text, version int DEFAULT 1) RETURNS text LANGUAGE sql AS $$
    SELECT md5(v.parameters::text) FROM custseg.model_version v WHERE v.model = parameters.model AND v.version = parameters.version
$$;
SELECT kind, r2 > 0.9 AS r2, coverage BETWEEN 0.87 AND 0.93 AS coverage FROM custseg.train_value('w0', 'customers', 'worth', '{a,b,c,g}', 'forest', 'id', options => '{"trees": 40}');
SELECT count(*) FROM custseg.train_value('l0', 'customers', 'worth', '{a,b,c,g}', 'linear', 'id');
-- the same models, whatever the number of workers
CREATE TABLE many AS SELECT i AS id, k.a + i % 7 AS a, k.b, k.c, k.g, k.worth, k.stays FROM generate_series(1, 30000) i JOIN customers k ON k.id = 1 + i % 1200 ORDER BY i;
CREATE FUNCTION by_workers(algorithm text, target text, options jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
    first text;
BEGIN
    FOREACH result IN ARRAY '{0,1,2,4}'::text[] LOOP
        PERFORM set_config('max_parallel_maintenance_workers', result, true);
        PERFORM custseg.train_value('by workers', 'many', target, '{a,b,c,g}', algorithm, 'id', options => options);
        result := parameters('by workers');
        PERFORM custseg.drop_model('by workers', whole => true);
        first := coalesce(first, result);
        IF result <> first THEN
            RETURN 'differs';
        END IF;
    END LOOP;
    RETURN 'same';
END $$;
SELECT by_workers('forest', 'worth', '{"trees": 6}') AS forest, by_workers('forest', 'stays', '{"trees": 6}') AS of_probability, by_workers('linear', 'worth') AS linear, by_workers('logistic', 'stays') AS logistic;
-- and whatever the memory: with as little as it takes, trees grow one after the other
CREATE FUNCTION need(statement text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('maintenance_work_mem', '1MB', true);
    RETURN substring(fails(statement) FROM 'needs (\d+) MB')::int;
END $$;
CREATE FUNCTION by_memory(target text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    training text := format($f$SELECT custseg.train_value('by memory', 'many', %L, '{a,b,c,g}', 'forest', 'id', options => '{"trees": 20, "min_samples_leaf": 20}')$f$, target);
    result text[] := '{}';
    memory text;
BEGIN
    FOREACH memory IN ARRAY ARRAY[need(training) || 'MB', '256MB'] LOOP
        PERFORM set_config('maintenance_work_mem', memory, true);
        EXECUTE training;
        result := result || parameters('by memory');
        PERFORM custseg.drop_model('by memory', whole => true);
    END LOOP;
    RETURN CASE WHEN result[1] = result[2] THEN 'same' ELSE 'differs' END;
END $$;
SELECT by_memory('worth') AS of_number, by_memory('stays') AS of_probability;
-- the usual forest of some ten thousand customers, and that of 45,000 in 50 columns, fit into the usual memory
CREATE FUNCTION columns(n int) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(format('i %% %s AS c%s', 10 * c + 7, c), ', ') FROM generate_series(1, n) c $$;
SELECT need(format($f$SELECT custseg.train_value('e', 'SELECT i %% 100 AS y, %s FROM generate_series(1, 9134) i', 'y')$f$, columns(60))) <= 64 AS ten_thousand,
    need(format($f$SELECT custseg.train_value('e', 'SELECT i %% 100 < 9 AS y, %s FROM generate_series(1, 45211) i', 'y')$f$, columns(51))) <= 64 AS many;
-- many nodes take memory to be stored, which is asked for beforehand
SELECT need(format($f$SELECT custseg.train_value('e', 'SELECT i %% 100 AS y, %s FROM generate_series(1, 9134) i', 'y', options => '{"min_samples_leaf": 1, "trees": 300}')$f$, columns(3))) BETWEEN 300 AND 450 AS to_be_stored;
-- of features and target in other units, which are powers of two, the same trees
SELECT count(*) FROM custseg.train_value('scaled', 'SELECT id, a * 4 AS a, b / 8 AS b, c, g, worth * 2 AS worth FROM customers', 'worth', '{a,b,c,g}', 'forest', 'id', options => '{"trees": 40}');
SELECT count(*) FILTER (WHERE custseg.predict_value('scaled', s) <> 2 * custseg.predict_value('w0', k)) AS different
FROM customers k, LATERAL (SELECT k.a * 4 AS a, k.b / 8 AS b, k.c, k.g) s;
-- one customer, many of them, json, a query and a cast of it: the same
SELECT count(*), count(DISTINCT p) FROM (SELECT custseg.predict_value('w0', k) AS p FROM customers k WHERE id = 7 UNION ALL
    SELECT custseg.predict_value('w0', to_jsonb(k)) FROM customers k WHERE id = 7 UNION ALL
    SELECT custseg.predict_value('w0', s) FROM (SELECT g, c, b, a FROM customers WHERE id = 7) s) p;
ALTER TABLE customers ADD predicted float8;
UPDATE customers k SET predicted = custseg.predict_value('w0', k);
SELECT count(*) FILTER (WHERE predicted = custseg.predict_value('w0', k)) AS same FROM customers k;
-- a value that is missing is imputed; a level that training has not seen tells nothing
SELECT custseg.predict_value('w0', '{"a": null, "b": 3, "c": 1, "g": "unseen"}') BETWEEN 20 AND 100 AS imputed;
SELECT custseg.predict_value(NULL, k) AS no_model, custseg.predict_value('w0', NULL::customers) AS no_customer FROM customers k LIMIT 1;
-- importance: what the target does not follow from is least important
SELECT string_agg(feature, ',' ORDER BY i) AS features, agrees(sum(gain), 1) AS gains, min(shuffled) > -0.1 AS shuffled FROM custseg.value_importance('w0') WITH ORDINALITY AS f (feature, gain, shuffled, i);
SELECT count(*) FILTER (WHERE gain IS NULL) AS without_gain FROM custseg.value_importance('l0');

-- Exact Shapley values, from their definition, of the trees that are stored
SELECT count(*) FROM custseg.train_value('small', 'customers', 'worth', '{a,b,c}', 'forest', 'id', options => '{"trees": 3, "max_depth": 4}');
CREATE FUNCTION of_node(tree jsonb, node int, x float8[], known int) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    split int := (tree -> 'column' ->> node)::int;
    left_child int;
    share float8;
BEGIN
    IF split = 0 THEN
        RETURN ((tree -> 'value' ->> node)::float4)::float8;
    END IF;
    left_child := 1 + 2 * (SELECT count(*) FROM jsonb_array_elements_text(tree -> 'column') WITH ORDINALITY AS c (n, i) WHERE n <> '0' AND i <= node);
    IF known & (1 << split - 1) <> 0 THEN
        RETURN of_node(tree, left_child + (x[split]::float4 >= (tree -> 'value' ->> node)::float4)::int, x, known);
    END IF;
    share := (tree -> 'cover' ->> left_child)::float8 / (tree -> 'cover' ->> node)::float8;
    RETURN share * of_node(tree, left_child, x, known) + (1 - share) * of_node(tree, left_child + 1, x, known);
END $$;
CREATE FUNCTION of_model(model text, x float8[], known int) RETURNS float8 LANGUAGE sql AS $$
    SELECT avg(of_node(t, 0, x, known)) FROM custseg.model_version v, jsonb_array_elements(v.parameters -> 'trees') t WHERE v.model = of_model.model
$$;
SELECT count(*), count(*) FILTER (WHERE abs(e.contribution - s.shapley) > 1e-9 * abs(e.predicted) OR agrees(e.baseline, of_model('small', array[k.a, k.b, k.c], 0)) <> 't') AS different
FROM customers k, custseg.explain_value('small', k) e, LATERAL (
    SELECT sum((of_model('small', array[k.a, k.b, k.c], known | bit) - of_model('small', array[k.a, k.b, k.c], known)) *
        CASE bit_count(known::bit(3)) WHEN 1 THEN 1 ELSE 2 END / 6.0) AS shapley
    FROM generate_series(0, 7) known, (SELECT 1 << strpos('abc', e.feature) - 1 AS bit) b WHERE known & bit = 0) s
WHERE k.id <= 10;

-- Intervals: the share of customers unseen that they hold is the confidence; ratios where everything is above 0; wider with more confidence
SELECT count(*) FROM custseg.train_value('half', 'SELECT * FROM customers WHERE id <= 600', 'worth', '{a,b,c,g}', 'linear', 'id');
SELECT confidence, abs(avg((worth BETWEEN low AND high)::int) - confidence) < 0.06 AS covered, bool_and(agrees(high - predicted, predicted - low, 1e-6) = 't') AS differences
FROM (SELECT id, a, b, c, g, worth FROM customers) k, unnest('{0.5,0.9}'::float8[]) confidence, custseg.predict_interval('half', k, confidence) WHERE id > 600 GROUP BY confidence ORDER BY confidence;
SELECT bool_and(i.low > 0 AND agrees(i.high / predicted, predicted / i.low) = 't') AS ratios, avg(ln(i.high / i.low)) < avg(ln(j.high / j.low)) AS wider
FROM (SELECT id, a, b, c, g, worth FROM customers) k, custseg.predict_interval('w0', k, 0.5) i, LATERAL (SELECT low, high FROM custseg.predict_interval('w0', k)) j;
-- with too few rows an end is not known
SELECT low, high IS NULL AS no_end FROM custseg.predict_interval('longley', (SELECT l FROM longley l LIMIT 1), 0.99);

-- A probability by a forest is calibrated: as many stay as it says
SELECT kind, auc > 0.8 AS auc, log_loss < 0.5 AS log_loss, brier < 0.17 AS brier FROM custseg.train_value('stays', 'SELECT * FROM customers WHERE id <= 600', 'stays', '{a,b,c,g}', 'forest', 'id');
SELECT jsonb_array_length(parameters -> 'calibration' -> 'predicted') > 2 AS calibrated FROM custseg.model_version WHERE model = 'stays';
SELECT min(p) > 0 AS none_impossible, max(p) < 1 AS none_certain, abs(avg(p) - avg(stays::int)) < 0.05 AS mean, avg(abs(p - 0.5)) > 0.2 AS sharp FROM (SELECT stays, custseg.predict_value('stays', k) AS p FROM customers k WHERE id > 600) s;

-- Which algorithm
SELECT algorithm, r2 IS NOT NULL AS r2, auc IS NOT NULL AS auc, recommended, reason FROM custseg.compare_value('customers', 'worth', '{a,b,c,g}', '{linear,forest}', 3, 'id', options => '{"forest": {"trees": 20}}');
SELECT algorithm, r2 IS NOT NULL AS r2, auc IS NOT NULL AS auc, recommended, reason FROM custseg.compare_value('customers', 'stays', '{a,b,c,g}', '{forest,logistic}', 3, 'id', options => '{"forest": {"trees": 20}, "seed": 7}');
SELECT algorithm, recommended, reason FROM custseg.compare_value('SELECT a, b, a + 2 * b + (id % 7) / 5.0 AS y FROM customers', 'y', '{a,b}', '{linear,forest}', options => '{"forest": {"trees": 20}}');
SELECT algorithm, recommended, reason FROM custseg.compare_value('SELECT a, sin(id * 99.7) AS y FROM customers', 'y', '{a}', '{linear}');
-- a version that predicts something else than the deployed one is told
SELECT version FROM custseg.train_value('churn', 'SELECT *, NOT stays AS leaves FROM customers', 'leaves', '{a,b,c}', 'logistic', 'id');
SELECT version FROM custseg.train_value('churn', 'customers', 'stays', '{a,b,c}', 'logistic', 'id');
SELECT version FROM custseg.train_value('churn', 'SELECT *, NOT stays AS leaves FROM customers', 'leaves', '{a,b}', 'logistic', 'id');
SELECT custseg.drop_model('churn', whole => true);
-- a probability that the features do not tell is told by its log loss, which is that of the share of all, or higher
SELECT algorithm, recommended, reason FROM custseg.compare_value('SELECT a, sin(id * 99.7) > 0.3 AS y FROM customers', 'y', '{a}', '{logistic}');
SELECT kind FROM custseg.train_value('chance', 'SELECT a, sin(id * 99.7) > 0.3 AS y FROM customers', 'y', '{a}', 'logistic');
SELECT custseg.drop_model('chance', whole => true);
-- folds follow the customers, not the order of rows
SELECT a.algorithm, agrees(a.r2, b.r2, 1e-9) AS r2, agrees(a.rmse_deviation, b.rmse_deviation, 1e-7) AS deviation
FROM custseg.compare_value('customers', 'worth', '{a,b,c,g}', '{linear}', id => 'id') a, custseg.compare_value('SELECT * FROM customers ORDER BY b', 'worth', '{a,b,c,g}', '{linear}', id => 'id') b;

-- A feature that holds the target
SELECT r2 > 0.99 AS r2 FROM custseg.train_value('leak', 'SELECT *, worth * 1.1 + 3 AS billed FROM customers', 'worth', '{a,billed}', 'linear', 'id');
-- the border is where .98 of the target follow from a feature: of these, .985 and .975
CREATE FUNCTION normal(i int, salt text) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN sqrt(-2 * ln(1 - chance(i, salt))) * cosd(360 * chance(i, salt || '2'));
SELECT kind FROM custseg.train_value('border', 'SELECT id, y + sqrt(1 / 0.985 - 1) * normal(id, ''e'') AS x, y FROM (SELECT i AS id, normal(i, ''n'') AS y FROM generate_series(1, 4000) i) s', 'y', '{x}', 'linear', 'id', options => '{"folds": 2}');
SELECT kind FROM custseg.train_value('border', 'SELECT id, y + sqrt(1 / 0.975 - 1) * normal(id, ''e'') AS x, y FROM (SELECT i AS id, normal(i, ''n'') AS y FROM generate_series(1, 4000) i) s', 'y', '{x}', 'linear', 'id', options => '{"folds": 2}');
-- rows in the order of the target do not make one of a feature that says little: no warning
SELECT r2 < 0.9 AS r2 FROM custseg.train_value('ordered', 'SELECT * FROM customers ORDER BY worth', 'worth', '{g,c}', 'linear', 'id');
-- columns that follow from others
SELECT r2 > 0.5 AS r2 FROM custseg.train_value('dependent', 'SELECT id, a, b, a + b AS s, worth FROM customers', 'worth', '{a,b,s}', 'linear', 'id');
SELECT (numbers('dependent', 'coefficients'))[3] AS of_the_sum;

-- rows without a target are skipped; the kind of a model stays; versions wait
SELECT n_rows, n_skipped FROM custseg.train_value('skipped', 'SELECT id, a, CASE WHEN id % 4 > 0 THEN worth END AS worth FROM customers', 'worth', '{a}', 'linear', 'id');
SELECT skipped FROM custseg.model_version WHERE model = 'skipped';
SELECT outcome($$SELECT kind FROM custseg.train_value('skipped', 'customers', 'stays', '{a,b}', 'logistic', 'id')$$);
BEGIN;
SELECT version FROM custseg.train_value('skipped', 'customers', 'worth', '{a,b}', 'linear', 'id');
ROLLBACK;
SELECT count(*) FROM custseg.model_version WHERE model = 'skipped';

-- One of six customers of a rare level left, so the level has a coefficient; the rows without the fold of that one are separated, and yet are no error
CREATE TABLE rare AS SELECT i AS id, CASE WHEN i % 83 = 0 THEN 'rare' ELSE 'usual' END AS level, CASE WHEN i % 83 = 0 THEN i = 83 ELSE chance(i, 'r') < 0.5 END AS leaves FROM generate_series(1, 500) i;
SELECT converged, log_loss < 0.75 AS log_loss FROM custseg.train_value('rare', 'rare', 'leaves', '{level}', 'logistic', 'id');
SELECT agrees(number('rare', 'intercept') + (numbers('rare', 'coefficients'))[1], ln(1 / 5.0)) AS log_odds;
SELECT recommended, log_loss < 0.75 AS log_loss FROM custseg.compare_value('rare', 'leaves', '{level}', '{logistic}', id => 'id');
-- where none of them left, all rows are separated
SELECT log_loss, reason FROM custseg.compare_value('SELECT id, level, leaves AND level <> ''rare'' AS leaves FROM rare', 'leaves', '{level}', '{logistic}', id => 'id');
-- Calibration: a lowest prediction that a single customer has does not raise those of the others
CREATE TABLE risks AS SELECT i AS id, chance(i, 'x') AS x, chance(i, 'y') < chance(i, 'x') ^ 2 AS leaves FROM generate_series(1, 600) i;
SELECT max(log_loss) < 0.47 AS log_loss FROM generate_series(1, 12) s, custseg.train_value('risks', 'risks', 'leaves', '{x}', 'forest', 'id', options => jsonb_build_object('trees', 20, 'min_samples_leaf', 20, 'seed', s), deploy => true);
SELECT max(custseg.predict_value('risks', r, v)) < 0.1 AS low FROM risks r, generate_series(1, 12) v WHERE x < 0.1;
-- A forest predicts times, which float4 cannot tell apart, as well as differences of times, and explains them
SELECT abs(t.r2 - d.r2) < 0.01 AND d.r2 > 0.5 AS r2, abs(t.rmse / d.rmse - 1) < 0.01 AS rmse
FROM custseg.train_value('times', 'SELECT *, 1.7e9 + worth AS at FROM customers', 'at', '{a,b,c,g}', 'forest', 'id', options => '{"trees": 20}') t,
    custseg.train_value('differences', 'SELECT * FROM customers', 'worth', '{a,b,c,g}', 'forest', 'id', options => '{"trees": 20}') d;
SELECT avg(abs(e.predicted - 1.7e9 - custseg.predict_value('differences', k))) < 1 AS alike, bool_and(abs(e.predicted - e.sum) < 1e-4) AS adds_up
FROM (SELECT * FROM customers WHERE id <= 40) k, LATERAL (SELECT max(predicted) AS predicted, max(baseline) + sum(contribution) AS sum FROM custseg.explain_value('times', k)) e;

-- All customers at once are told what each is told, to the last bit: more than a block of them, some without values, by each form of model
CREATE TABLE gaps AS SELECT id, CASE WHEN id % 7 > 0 THEN a END AS a, CASE WHEN id % 11 > 0 THEN b END AS b, c, CASE WHEN id % 13 > 0 THEN g ELSE 'new' END AS g, worth FROM customers ORDER BY id DESC;
SELECT count(*) FROM custseg.train_value('choosy', 'customers', 'worth', '{a,b}', 'linear', 'id', prep => '{"impute": "skip"}');
SELECT m.model, count(*), count(s.predicted) AS predicted, count(*) FILTER (WHERE s.predicted IS DISTINCT FROM custseg.predict_value(m.model, k)) AS different
FROM unnest('{w0,l0,stays,small,half,choosy}'::text[]) AS m (model), custseg.score_value(m.model, 'gaps') s JOIN gaps k ON s.id = k.id::text GROUP BY m.model ORDER BY m.model;
SELECT m.model, count(*), count(*) FILTER (WHERE (s.predicted, s.low, s.high) IS DISTINCT FROM (i.predicted, i.low, i.high)) AS different
FROM unnest('{w0,l0,choosy}'::text[]) AS m (model), custseg.score_value(m.model, 'gaps', 0.8) s JOIN gaps k ON s.id = k.id::text, custseg.predict_interval(m.model, k, 0.8) i GROUP BY m.model ORDER BY m.model;
SELECT string_agg(id, ',') AS ids, count(low) + count(high) AS ends FROM custseg.score_value('stays', 'SELECT * FROM gaps WHERE id < 5');
SELECT count(*), count(s.id) AS ids FROM custseg.score_value('stays', 'SELECT a, b, c, g FROM gaps') s;
SELECT count(*) FROM custseg.score_value('w0', 'SELECT * FROM gaps WHERE false');
SELECT count(*) FROM custseg.score_value('w0');
SELECT count(*) FROM custseg.score_value(NULL);
-- more trees than are made ready before the first row
SELECT count(*) FROM custseg.train_value('thousands', 'SELECT * FROM customers WHERE id <= 100', 'worth', '{a,b,c}', 'forest', 'id', options => '{"trees": 1100, "max_depth": 4, "folds": 2}');
SELECT count(s.predicted) AS predicted, count(*) FILTER (WHERE s.predicted IS DISTINCT FROM custseg.predict_value('thousands', k)) AS different
FROM custseg.score_value('thousands', 'customers') s JOIN customers k ON s.id = k.id::text;
-- Rows that will not fit into work_mem by what ANALYZE has told are written to disk, though they are fewer than it told of; the rows are the same
CREATE TABLE crowd (id int PRIMARY KEY, a float8, b float8) WITH (autovacuum_enabled = off);
INSERT INTO crowd SELECT i, chance(i, 'a'), chance(i, 'b') FROM generate_series(1, 15000) i;
ANALYZE crowd;
DELETE FROM crowd WHERE id > 5000;
SELECT count(*) FROM custseg.train_value('crowd', 'SELECT * FROM customers', 'worth', '{a,b}', 'linear', 'id');
SET client_min_messages = warning;
SELECT count(*) FROM custseg.train('crowds', 'SELECT * FROM crowd WHERE id <= 500', '{a,b}', 2, id => 'id');
RESET client_min_messages;
CREATE FUNCTION is_written(statement text, memory text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    PERFORM set_config('work_mem', memory, true);
    EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT json) ' || statement INTO plan;
    RETURN (plan #>> '{0,Plan,Temp Written Blocks}')::int > 0;
END $$;
SELECT statement, is_written(statement, '1MB') AS of_too_many, is_written(statement, '4MB') AS of_few
FROM unnest(ARRAY['SELECT * FROM custseg.score_value(''crowd'', ''crowd'')', 'SELECT * FROM custseg.score(''crowds'', ''crowd'')']) statement;
BEGIN;
SET LOCAL work_mem = '1MB';
SELECT count(*), count(*) FILTER (WHERE s.predicted IS DISTINCT FROM custseg.predict_value('crowd', k)) AS different FROM custseg.score_value('crowd', 'crowd') s JOIN crowd k ON s.id = k.id::text;
SELECT count(*), count(*) FILTER (WHERE s.segment IS DISTINCT FROM custseg.predict('crowds', k)) AS different FROM custseg.score('crowds', 'crowd') s JOIN crowd k ON s.id = k.id::text;
-- and from the last to the first
DECLARE scores SCROLL CURSOR FOR SELECT id FROM custseg.score_value('crowd', 'crowd');
FETCH LAST FROM scores;
FETCH FIRST FROM scores;
COMMIT;

-- errors
SELECT fails($$SELECT custseg.train_value('e', 'SELECT id, a, NULL::float8 AS worth FROM customers', 'worth', '{a}', 'forest', 'id')$$);
SELECT fails($$SELECT custseg.train_value('e', 'SELECT id, NULL::float8 AS a, CASE WHEN id = 1 THEN worth END AS worth FROM customers', 'worth', '{a}', 'forest', 'id', '{"impute": "skip"}')$$);
SELECT fails($$SELECT custseg.train_value('e', 'SELECT id, a, worth * 1e30 AS worth FROM customers', 'worth', '{a}', 'forest', 'id')$$);
SELECT fails($$SELECT custseg.train_value('e', 'SELECT id, a, worth * 1e-40 AS worth FROM customers', 'worth', '{a}', 'linear', 'id')$$);
SELECT fails($$SELECT custseg.train_value('e', 'SELECT id, a, 5 AS worth FROM customers', 'worth', '{a}', 'linear')$$);
SELECT fails($$SELECT custseg.train_value('e', 'SELECT id, a, true AS stays FROM customers', 'stays', '{a}', 'logistic')$$);
SELECT fails($$SELECT custseg.train_value('e', 'customers', 'absent', '{a}', 'linear')$$);
SELECT fails($$SELECT custseg.train_value('e', 'customers', 'g', '{a}', 'linear')$$);
SELECT fails($$SELECT custseg.train_value('e', 'customers', 'worth', '{a,worth}', 'linear')$$);
SELECT fails($$SELECT custseg.train_value('e', 'SELECT id, a, CASE WHEN id = 3 THEN ''inf'' ELSE worth END AS worth FROM customers', 'worth', '{a}', 'linear')$$);
SELECT fails($$SELECT custseg.train_value('e', 'customers', 'worth', '{a}', 'logistic')$$);
SELECT fails($$SELECT custseg.train_value('e', 'customers', 'stays', '{a}', 'linear')$$);
SELECT fails($$SELECT custseg.train_value('e', 'customers', 'worth', '{a}', 'oracle')$$);
SELECT fails($$SELECT custseg.train_value('e', 'SELECT * FROM customers LIMIT 3', 'worth', '{a}', 'linear')$$);
SELECT fails($$SELECT custseg.train_value('e', 'customers', 'worth', '{a,b}', 'forest', options => '{"trees": 10000, "min_samples_leaf": 1, "folds": 2}')$$) ~ '^54000';
-- separated by a level, by a border, and by all levels but one
SELECT fails($$SELECT custseg.train_value('e', 'SELECT id, a, g = ''x'' AS x, CASE WHEN g = ''x'' THEN true ELSE stays END AS stays FROM customers', 'stays', '{a,x}', 'logistic', 'id')$$);
SELECT fails($$SELECT custseg.train_value('e', 'SELECT id, a, b, a > 5 AS stays FROM customers', 'stays', '{a,b}', 'logistic', 'id')$$);
SELECT fails($$SELECT custseg.train_value('e', 'SELECT id, a, g <> ''x'' AS other, CASE WHEN g = ''x'' THEN true ELSE stays END AS stays FROM customers', 'stays', '{a,other}', 'logistic', 'id')$$);
SELECT outcome($$SELECT converged::text FROM custseg.train_value('e', 'SELECT id, a, b, a > 5 AS stays FROM customers', 'stays', '{a,b}', 'logistic', 'id', options => '{"ridge": 1}')$$);
-- numbers that trees, which see float4, have no place for; and a model's own
SELECT fails($$SELECT custseg.train_value('f', 'SELECT id, a, worth * 1e40 AS worth FROM customers', 'worth', '{a}', 'forest')$$);
SELECT fails($$SELECT custseg.train_value('f', 'SELECT id, a * 1e40 AS a, worth FROM customers', 'worth', '{a}', 'forest')$$);
SELECT fails($$SELECT custseg.train_value('f', 'SELECT id, a, worth * 1e305 AS worth FROM customers', 'worth', '{a}', 'linear')$$);
-- numbers that float4 blurs, which are told of once; scaled, they are as good as without what they have in common
SELECT r2 < 0.5 AS lost FROM custseg.train_value('far', 'SELECT id, 1e10 + a AS far, worth FROM customers', 'worth', '{far}', 'forest', 'id', options => '{"trees": 20}');
SELECT abs(s.r2 - n.r2) < 0.01 AS r2
FROM custseg.train_value('far scaled', 'SELECT id, 1e10 + a AS far, worth FROM customers', 'worth', '{far}', 'forest', 'id', prep => '{"columns": {"far": {"scale": "standard"}}}', options => '{"trees": 20}') s,
    custseg.train_value('near', 'SELECT id, a AS far, worth FROM customers', 'worth', '{far}', 'forest', 'id', options => '{"trees": 20}') n;
SELECT algorithm, recommended FROM custseg.compare_value('SELECT id, 1e10 + a AS far, worth FROM customers', 'worth', '{far}', '{linear,forest}', id => 'id', options => '{"forest": {"trees": 20}}');
SELECT algorithm, recommended FROM custseg.compare_value('SELECT id, 1e10 + a AS far, worth FROM customers', 'worth', '{far}', '{linear}', id => 'id');
-- whatever is stored can be used: gains here are beyond float4
SELECT r2 > 0.5 AS r2 FROM custseg.train_value('large', 'SELECT id, a, b, worth * 2 ^ 65 AS worth FROM customers', 'worth', '{a,b}', 'forest', 'id', options => '{"trees": 10}');
SELECT avg(custseg.predict_value('large', k)) > 2 ^ 65 AS used FROM customers k;
-- an outcome that only one customer has: all folds but one have none of it
SELECT algorithm, log_loss < 0.2 AS log_loss, recommended, reason FROM custseg.compare_value('SELECT id, a, b, id = 77 AS rare FROM customers', 'rare', '{a,b}', '{logistic,forest}', id => 'id', options => '{"forest": {"trees": 20}}');
SELECT algorithm, rmse < 0.1 AS rmse, reason FROM custseg.compare_value('SELECT id, a, b, (id = 77)::int AS rare FROM customers', 'rare', '{a,b}', '{linear}', id => 'id');
-- a tree that is deeper than any that is trained
UPDATE custseg.model_version v SET parameters = parameters || jsonb_build_object('trees', jsonb_build_array((SELECT jsonb_build_object('column', jsonb_agg((i = 0 OR i % 2 = 1 AND i < 129)::int ORDER BY i),
    'value', jsonb_agg(1), 'cover', jsonb_agg(1), 'gain', jsonb_agg(1)) FROM generate_series(0, 130) i))) WHERE model = 'large';
SELECT fails($$SELECT custseg.explain_value('large', k) FROM customers k LIMIT 1$$);
SELECT fails($$SELECT custseg.compare_value('customers', 'worth', '{a}', '{}')$$);
SELECT fails($$SELECT custseg.compare_value('customers', 'worth', '{a}', '{linear,NULL}')$$);
SELECT fails($$SELECT custseg.compare_value('customers', 'worth', '{a}', '{linear,linear}')$$);
SELECT fails($$SELECT custseg.compare_value('customers', 'worth', '{a}', folds => 1)$$);
SELECT fails($$SELECT custseg.compare_value('customers', 'worth', '{a}', options => '{"forest": 7}')$$);
SELECT algorithm, reason FROM custseg.compare_value('customers', 'worth', '{a}', '{logistic}');
SELECT fails($$SELECT custseg.predict_interval('w0', (SELECT k FROM customers k LIMIT 1), 1)$$);
SELECT fails($$SELECT count(*) FROM custseg.score_value('w0', confidence => 0)$$);
SELECT fails($$SELECT count(*) FROM custseg.score_value('w0', 'SELECT id, a, b, c FROM customers')$$);
SELECT fails($$SELECT custseg.predict_interval('stays', (SELECT k FROM customers k LIMIT 1))$$);
SELECT fails($$SELECT custseg.predict('w0', (SELECT k FROM customers k LIMIT 1))$$);
SELECT fails($$SELECT custseg.predict_value('w0', '{"a": 1}'::jsonb)$$);
SELECT outcome($$SELECT kind FROM custseg.train_value('components', 'customers', 'worth', '{a,b,c}', 'linear', 'id', prep => '{"pca": 2}')$$);
SELECT fails($$SELECT custseg.explain_value('components', (SELECT k FROM customers k LIMIT 1))$$);

-- whatever is wrong with stored trees is an error, and no crash
CREATE FUNCTION tampered(path text[], value jsonb, model text DEFAULT 'small') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    UPDATE custseg.model_version v SET parameters = jsonb_set(parameters, path, value) WHERE v.model = tampered.model;
    result := fails(format('SELECT custseg.predict_value(%L, ''{"a": 1, "b": 2, "c": 3, "g": "x"}''::jsonb)', model));
    RAISE EXCEPTION USING message = result, errcode = 'DONE1';
EXCEPTION WHEN SQLSTATE 'DONE1' THEN
    RETURN split_part(SQLERRM, E'\n', 1) || coalesce(substring(SQLERRM FROM E'\n  DETAIL.*'), '');
END $$;
SELECT place, tampered(path, value) FROM (VALUES ('column', '{trees,0,column,0}'::text[], '4'::jsonb), ('column', '{trees,0,column,0}', '0'), ('column', '{trees,0,column,0}', '0.5'),
    ('leaf', format('{trees,0,column,%s}', (SELECT jsonb_array_length(parameters #> '{trees,0,column}') - 1 FROM custseg.model_version WHERE model = 'small'))::text[], '1'),
    ('value', '{trees,1,value,0}', '1e300'), ('value', '{trees,1,value,0}', '"x"'), ('lengths', '{trees,1,value}', '[1]'), ('cover', '{trees,1,cover,0}', '-1'), ('trees', '{trees}', '[]'),
    ('form', '{form}', '"oracle"'), ('interval', '{interval,scores}', '[2, 1]'), ('calibration', '{calibration}', '{"predicted": [1, 1], "probability": [0, 1]}'),
    ('calibration', '{calibration}', '{"predicted": [1, 2], "probability": [0, 2]}')) v (place, path, value);
SELECT tampered('{coefficients}', '[1]', 'l0');

SET client_min_messages = warning;
SELECT count(*) > 10 AS dropped FROM custseg.model, custseg.drop_model(name, whole => true)
WHERE name IN ('longley', 'cars', 'cars2', 'w0', 'w1', 'w2', 'w4', 'l0', 'l4', 'scaled', 'small', 'half', 'stays', 'leak', 'border', 'ordered', 'dependent', 'skipped', 'e', 'large', 'components', 'rare', 'risks', 'times', 'differences', 'choosy', 'thousands', 'crowd', 'crowds', 'far', 'far scaled', 'near');
DROP SCHEMA prediction_test CASCADE;
\i :root/test/clean.sql
