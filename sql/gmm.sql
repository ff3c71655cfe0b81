-- Gaussian mixtures: agreement with scikit-learn 1.2.1, scoring, degenerate data, and the same model
-- every time.

\set SHOW_CONTEXT never
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

-- three heaps that overlap, on whole numbers
CREATE TABLE clouds AS
SELECT i AS id, h * 9 + i * 37 % 11 + i * 53 % 7 AS x, h * h * 5 + i * 53 % 13 - i * 37 % 11 AS y, i * i % 23 AS z, i % 5 + 0.5 AS weight
FROM (SELECT i, i % 3 AS h FROM generate_series(1, 150) i) s;

CREATE TABLE six (id int PRIMARY KEY, x int, y int);
INSERT INTO six VALUES (1, 1, 2), (2, 1, 4), (3, 1, 0), (4, 10, 2), (5, 10, 4), (6, 10, 0);

-- Golden numbers: scikit-learn, from the same start, which is an M step from the hard partition by the
-- nearest of the initial means: weights_init, means_init and precisions_init are those of
-- _estimate_gaussian_parameters(X, one-hot labels).

-- Train and compare with lower_bound_, n_iter_, bic(X), aic(X) and predict(X) (a digit for each row in
-- the order of id) of GaussianMixture.  Labels agree when each label goes with one segment and each
-- segment with one label; counts are those of predict.
CREATE FUNCTION agreement(prep jsonb, options jsonb, lower_bound float8, n_iter int, bic float8, aic float8, labels text)
RETURNS TABLE (k int, same_bound bool, same_n_iter bool, same_bic bool, same_aic bool, same_labels bool, same_counts bool, converged bool)
LANGUAGE plpgsql AS $$
DECLARE
    t record;
    m jsonb;
BEGIN
    t := custseg.train('agreement', 'clouds', '{x,y,z}', algorithm => 'gmm', prep => prep, options => options);
    SELECT metrics INTO m FROM custseg.model_version WHERE model = 'agreement';
    RETURN QUERY
        WITH scored AS (
            SELECT custseg.predict('agreement', s) AS segment, substr(labels, s.id, 1) AS label FROM clouds s
        )
        SELECT t.n_segments, abs((m ->> 'lower_bound')::float8 - lower_bound) <= 1e-12 * abs(lower_bound), t.iterations = n_iter,
            abs((m ->> 'bic')::float8 - bic) <= 1e-12 * abs(bic), abs((m ->> 'aic')::float8 - aic) <= 1e-12 * abs(aic),
            t.n_segments = ALL (ARRAY[count(DISTINCT label), count(DISTINCT segment), count(DISTINCT (label, segment))]),
            (SELECT array_agg(g.n ORDER BY g.segment) FROM custseg.segment g WHERE g.model = 'agreement') =
                (SELECT array_agg(c.n ORDER BY c.segment) FROM (SELECT d.segment, count(*) AS n FROM scored d GROUP BY 1) c),
            t.converged
        FROM scored;
    PERFORM custseg.drop_model('agreement', whole => true);
END
$$;

SELECT * FROM agreement('{"scale": "none"}',
    '{"covariance_type": "full", "init": [[5.5,1.5,9.5],[14.5,6.5,9.5],[22.5,21.5,9.5]], "reg_covar_absolute": true}',
    lower_bound => -9.706241805749212, n_iter => 6, bic => 3056.99368340515, aic => 2969.6852598763585, labels =>
        '120120120121120120120120120020120120120120120120120120120120120120120120120'
        '120120120120120020121120120120120120120120120120120121120120120120120120120');

SELECT * FROM agreement('{"scale": "none"}',
    '{"covariance_type": "tied", "init": [[5.5,1.5,9.5],[14.5,6.5,9.5],[22.5,21.5,9.5]], "reg_covar_absolute": true}',
    lower_bound => -9.72120085925277, n_iter => 4, bic => 3001.4904218485917, aic => 2950.3096218489554, labels =>
        '120120120120120120120120120020120120120120120120120120120120120120120120120'
        '120120120120120020120120120120120120120120120120120121120120120120120120120');

SELECT * FROM agreement('{"scale": "none"}',
    '{"covariance_type": "diag", "init": [[5.5,1.5,9.5],[14.5,6.5,9.5],[22.5,21.5,9.5]], "reg_covar_absolute": true}',
    lower_bound => -9.849226677088376, n_iter => 4, bic => 3054.9022348630933, aic => 2994.689528981168, labels =>
        '120120120120120120120121121020120120120120120120120121120120120120120120120'
        '120120120121120020121120120120120120120121120020120121120120120120120120120');

SELECT * FROM agreement('{"scale": "none"}',
    '{"covariance_type": "spherical", "init": [[5.5,1.5,9.5],[14.5,6.5,9.5],[22.5,21.5,9.5]], "reg_covar_absolute": true}',
    lower_bound => -9.903357719161738, n_iter => 5, bic => 3040.9747271267934, aic => 2998.825833009446, labels =>
        '120120120120120120120121121020120120120120120120120121120120120120120120120'
        '120120120120120020121120120120120120120120120121120121120120120120120120120');

-- max_iter
SELECT * FROM agreement('{"scale": "none"}',
    '{"init": [[5.5,1.5,9.5],[14.5,6.5,9.5],[22.5,21.5,9.5]], "reg_covar_absolute": true, "max_iter": 3}',
    lower_bound => -9.709666536294174, n_iter => 3, bic => 3057.7700525793057, aic => 2970.461629050514, labels =>
        '120120120121120120120121120020120120120120120120120120120120120120120120120'
        '120120120120120020121120120120120120120120120120120121120120120120120120120');

-- tol, and an amount added to the variances that can be seen
SELECT * FROM agreement('{"scale": "none"}',
    '{"init": [[5.5,1.5,9.5],[14.5,6.5,9.5],[22.5,21.5,9.5]], "reg_covar": 2.5, "reg_covar_absolute": true, "tol": 1e-8, "max_iter": 1000}',
    lower_bound => -9.73102061563095, n_iter => 72, bic => 3064.6146104902755, aic => 2977.306186961484, labels =>
        '120120120120120120120120120020120120120120120120120120120120120120120120120'
        '120120120120120020120120120120120120120120120120120121120020120120120120120');

-- standardized: init is in model space, and what is relative to a variance of 1 is absolute
SELECT * FROM agreement('{}', '{"covariance_type": "diag", "init": [[-1,-1,0],[0,0,0],[1,1,0]]}',
    lower_bound => -3.7400645788234352, n_iter => 5, bic => 1222.0803471312038, aic => 1161.8676412492787, labels =>
        '120120120120120120120121120020120120120120120120120121120020120120120120120'
        '120120120120120020121120120120120120120120120020120121120120120120120120120');

-- five components, and many iterations
SELECT * FROM agreement('{"scale": "none"}',
    '{"init": [[1.5,1.5,5.5],[14.5,6.5,5.5],[22.5,21.5,5.5],[14.5,6.5,15.5],[9.5,0.5,20.5]], "reg_covar_absolute": true}',
    lower_bound => -9.528280160729482, n_iter => 38, bic => 3103.915994283443, aic => 2956.3948648727264, labels =>
        '124324124120324120320120124020324124320324320120320324320124324124120124324'
        '124320324120320020124120324124320324320120320424320123424024120124324124320');

-- Scoring

-- weights_, means_, covariances_; predict_proba and the Mahalanobis distance to the own mean
SELECT n_segments FROM custseg.train('clouds', 'clouds', '{x,y,z}', algorithm => 'gmm', prep => '{"scale": "none"}',
    options => '{"init": [[5.5,1.5,9.5],[14.5,6.5,9.5],[22.5,21.5,9.5]], "reg_covar_absolute": true}');
SELECT s.segment, s.n, s.name, round((w.value ->> 0)::numeric, 8) AS weight,
    (SELECT array_agg(round(c::numeric, 8)) FROM unnest(s.center) c) AS mean,
    (SELECT array_agg(round(c::numeric, 8)) FROM jsonb_array_elements_text(v.parameters #> ARRAY['covariances', (s.segment - 1)::text]) c) AS covariance
FROM custseg.model_version v JOIN custseg.segment s USING (model, version), jsonb_array_elements(v.parameters -> 'weights') WITH ORDINALITY w (value, segment)
WHERE model = 'clouds' AND w.segment = s.segment ORDER BY s.segment;
SELECT id, d.segment, d.runner_up, round(d.distance::numeric, 9) AS distance, round(d.confidence::numeric, 9) AS confidence,
    ARRAY(SELECT m::numeric(30, 24) FROM unnest(d.memberships) m) AS memberships
FROM clouds c, custseg.predict_detail('clouds', c) d WHERE id IN (1, 2, 3, 50) ORDER BY id;
SELECT bool_and(d.memberships[d.segment] = d.confidence), max(abs((SELECT sum(m) FROM unnest(d.memberships) m) - 1)) < 1e-15 AS shares
FROM clouds c, custseg.predict_detail('clouds', c) d;
SELECT feature, value, round(contribution::numeric, 9) AS contribution FROM clouds c, custseg.explain('clouds', c) WHERE id = 1;
-- far away, and too far to tell
SELECT d.segment, d.runner_up, round(d.distance::numeric), d.confidence FROM custseg.predict_detail('clouds', '{"x": 1e6, "y": -1e6, "z": 0}'::jsonb) d;
SELECT custseg.predict('clouds', '{"x": 1e200, "y": 0, "z": 0}'::jsonb) IS NULL AS too_far;

-- each type: posterior probabilities sum to 1; so do contributions
CREATE FUNCTION check_scoring(covariance_type text)
RETURNS TABLE (parameters text, sums_to_1 bool, explained bool)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM custseg.train('scoring', 'clouds', '{x,y,z}', 4, algorithm => 'gmm', options => jsonb_build_object('covariance_type', covariance_type));
    RETURN QUERY
        SELECT (SELECT string_agg(p.key || ' ' || jsonb_array_length(p.value) || ' x ' || coalesce(jsonb_array_length(p.value -> 0), 0), ', ' ORDER BY p.key)
                FROM custseg.model_version v, jsonb_each(v.parameters) p WHERE v.model = 'scoring'),
            bool_and(abs((SELECT sum(m) FROM unnest(d.memberships) m) - 1) < 1e-14),
            bool_and((SELECT abs(sum(e.contribution) - 1) < 1e-9 FROM custseg.explain('scoring', c) e))
        FROM clouds c, custseg.predict_detail('scoring', c) d;
    PERFORM custseg.drop_model('scoring', whole => true);
END
$$;
SELECT t, s.* FROM unnest('{full,tied,diag,spherical}'::text[]) t, check_scoring(t) s;

-- A definition may come from anyone
CREATE FUNCTION with_parameters(parameters jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM jsonb_set(custseg.scorer('clouds')::jsonb, '{parameters}', custseg.scorer('clouds')::jsonb -> 'parameters' || parameters)::text::custseg.compiled_model;
    RETURN 'compiled';
EXCEPTION WHEN invalid_text_representation THEN
    DECLARE
        detail text;
    BEGIN
        GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
        RETURN detail;
    END;
END
$$;
SELECT left(p::text, 70) AS parameters, with_parameters(p) FROM unnest(ARRAY['{}',
    '{"covariances": [[1],[2],[3]]}',
    '{"covariances": [[1,2,3],[4,5,6],[7,8,9]]}',
    '{"covariances": [], "covariance": [[2,1,0],[1,2,0],[0,0,1]]}',
    '{"weights": [[0.2],[0.2],[0.2]]}',
    '{"weights": [[0.5],[0.5],[0]]}',
    '{"weights": [[0.5],[0.5],[1e-320]]}',
    '{"weights": [[0.5],[0.5]]}',
    '{"weights": [[0.5,0.5],[0.5,0.5],[0.5,0.5]]}',
    '{"covariances": []}',
    '{"covariance": [[1,0,0],[0,1,0],[0,0,1]]}',
    '{"covariances": [], "covariance": [[1,0],[0,1]]}',
    '{"covariances": [], "covariance": [[1,1,0],[1,1,0],[0,0,1]]}',
    '{"covariances": [], "covariance": [[1,2,0],[2,1,0],[0,0,1]]}',
    '{"covariances": [], "covariance": [[1,0,0],[0.1,1,0],[0,0,1]]}',
    '{"covariances": [], "covariance": [[1e-320,0,0],[0,1,0],[0,0,1]]}',
    '{"covariances": [[1,2],[4,5],[7,8]]}',
    '{"covariances": [[1],[0],[3]]}',
    '{"covariances": [[1],[-2],[3]]}',
    '{"covariances": [[1],[2]]}'
    ]::jsonb[]) p;
SELECT custseg.scorer('clouds')::text::custseg.compiled_model::text = custseg.scorer('clouds')::text AS same;
SELECT custseg.drop_model('clouds', whole => true);

-- Options

SELECT n_segments FROM custseg.train('clouds', 'clouds', '{x,y,z}', 2, 'gmm');
SELECT jsonb_pretty(options) AS options FROM custseg.model_version WHERE model = 'clouds';
SELECT jsonb_object_keys(metrics) AS metric FROM custseg.model_version WHERE model = 'clouds' ORDER BY 1;
SELECT custseg.drop_model('clouds', whole => true);

SELECT n_rows FROM custseg.train('m', 'clouds', '{x,y}', 2, 'gmm', options => '{"covariance_type": "round"}');
SELECT n_rows FROM custseg.train('m', 'clouds', '{x,y}', 2, 'gmm', options => '{"n_init": 0}');
SELECT n_rows FROM custseg.train('m', 'clouds', '{x,y}', 2, 'gmm', options => '{"max_iter": 0}');
SELECT n_rows FROM custseg.train('m', 'clouds', '{x,y}', 2, 'gmm', options => '{"tol": -1}');
SELECT n_rows FROM custseg.train('m', 'clouds', '{x,y}', 2, 'gmm', options => '{"reg_covar": -1e-6}');
SELECT n_rows FROM custseg.train('m', 'clouds', '{x,y}', 2, 'gmm', options => '{"reg_covar_absolute": 1}');
SELECT n_rows FROM custseg.train('m', 'clouds', '{x,y}', 2, 'gmm', options => '{"init": [[1, 2, 3], [4, 5, 6]]}');
SELECT n_rows FROM custseg.train('m', 'clouds', '{x,y}', 3, 'gmm', options => '{"init": [[1, 2], [4, 5]]}');
SELECT n_rows FROM custseg.train('m', 'clouds', '{x,y}', 2, 'gmm', options => '{"reg": 1}');
SELECT n_rows FROM custseg.train('m', 'clouds', '{x,y}', 1001, 'gmm');
-- more numbers than are kept
SET maintenance_work_mem = '256MB';
SELECT n_rows FROM custseg.train('m', (SELECT 'SELECT ' || string_agg(format('i * %s %% 1009 AS f%s', j, j), ', ') || ' FROM generate_series(1, 40) i' FROM generate_series(1, 200) j),
    k => 30, algorithm => 'gmm');

RESET maintenance_work_mem;
-- reg_covar is relative to the variance of each column, in whatever unit it is, or as it is
SELECT n_segments FROM custseg.train('one', 'SELECT x, y / 1024.0 AS y FROM clouds', '{x,y}', 1, 'gmm', prep => '{"scale": "none"}', options => '{"reg_covar": 0.5}');
SELECT round((v.parameters #>> '{covariances,0,0}')::numeric, 9) AS x, round((v.parameters #>> '{covariances,0,3}')::numeric, 9) AS y, r.*
FROM custseg.model_version v, (SELECT round(1.5 * var_pop(x), 9) AS x, round(1.5 * var_pop(y / 1024.0), 9) AS y FROM clouds) r WHERE model = 'one';
SELECT custseg.drop_model('one', whole => true);
SELECT n_segments FROM custseg.train('one', 'SELECT x, y / 1024.0 AS y FROM clouds', '{x,y}', 1, 'gmm', prep => '{"scale": "none"}', options => '{"reg_covar": 0.5, "reg_covar_absolute": true}');
SELECT round((v.parameters #>> '{covariances,0,0}')::numeric, 9) AS x, round((v.parameters #>> '{covariances,0,3}')::numeric, 9) AS y, r.*
FROM custseg.model_version v, (SELECT round(0.5 + var_pop(x), 9) AS x, round(0.5 + var_pop(y / 1024.0), 9) AS y FROM clouds) r WHERE model = 'one';
SELECT custseg.drop_model('one', whole => true);

-- a whole weight is as many rows
SELECT n_rows, n_segments FROM custseg.train('weighted', 'SELECT *, id % 3 + 1 AS times FROM clouds', '{x,y,z}', algorithm => 'gmm',
    prep => '{"scale": "none"}', options => '{"init": [[5,1,9],[14,6,9],[22,21,9]], "weight": "times"}');
SELECT n_rows, n_segments FROM custseg.train('repeated', 'SELECT c.* FROM clouds c, generate_series(1, id % 3 + 1)', '{x,y,z}', algorithm => 'gmm',
    prep => '{"scale": "none"}', options => '{"init": [[5,1,9],[14,6,9],[22,21,9]]}');
SELECT count(*) AS metrics FROM (SELECT DISTINCT key, round(value::numeric, 8) FROM custseg.model_version, jsonb_each_text(metrics)
    WHERE key IN ('log_likelihood', 'lower_bound', 'bic', 'aic', 'inertia')) s;
SELECT count(DISTINCT (custseg.predict('weighted', c), custseg.predict('repeated', c))) AS segments FROM clouds c;
SELECT custseg.drop_model('weighted', whole => true), custseg.drop_model('repeated', whole => true);

-- Retraining: numbers stay, and so does what belongs to them
SELECT n_segments FROM custseg.train('again', 'clouds', '{x,y,z}', algorithm => 'gmm', prep => '{"scale": "none"}', options => '{"init": [[5,1,9],[14,6,9],[22,21,9]]}');
SELECT n_segments FROM custseg.train('again', 'clouds', '{x,y,z}', algorithm => 'gmm', prep => '{"scale": "none"}', options => '{"init": [[22,21,9],[5,1,9],[14,6,9]]}');
SELECT count(*) AS differ FROM clouds c WHERE custseg.predict('again', c, 1) <> custseg.predict('again', c, 2);
SELECT count(DISTINCT round((w ->> 0)::numeric, 9)) AS weights FROM custseg.model_version, jsonb_array_elements(parameters -> 'weights') w;
SELECT custseg.drop_model('again', whole => true);

-- Degenerate data

-- the six points of scikit-learn's documentation: lower_bound_ 3.386316405506948, bic -20.92644270457477
SELECT n_segments, inertia, converged FROM custseg.train('six', 'six', '{x,y}', 2, 'gmm', prep => '{"scale": "none"}', options => '{"reg_covar_absolute": true}');
SELECT round((metrics ->> 'lower_bound')::numeric, 12) AS lower_bound, round((metrics ->> 'bic')::numeric, 11) AS bic FROM custseg.model_version WHERE model = 'six';
SELECT custseg.drop_model('six', whole => true);
-- k = 1 is the normal distribution
SELECT n_segments, round(inertia::numeric, 6) AS inertia, converged FROM custseg.train('one', 'clouds', '{x,y,z}', 1, 'gmm', prep => '{"scale": "none"}', options => '{"reg_covar": 0}');
SELECT round((parameters #>> '{covariances,0,1}')::numeric, 9) AS covariance, round((SELECT covar_pop(x, y) FROM clouds)::numeric, 9) AS of_the_rows
FROM custseg.model_version WHERE model = 'one';
SELECT segment, runner_up, confidence, memberships FROM clouds c, custseg.predict_detail('one', c) WHERE id = 1;
SELECT custseg.drop_model('one', whole => true);
-- one row, two rows, k = n, one feature
SELECT n_rows, n_segments, inertia, converged FROM custseg.train('few', 'SELECT x, y FROM six WHERE id IN (1, 5)', k => 1, algorithm => 'gmm');
SELECT n_rows, n_segments, inertia, converged FROM custseg.train('few', 'SELECT x, y FROM six WHERE id IN (1, 5)', k => 2, algorithm => 'gmm');
SELECT n_rows, n_segments, inertia, converged FROM custseg.train('few', 'six', '{x,y}', 6, 'gmm');
SELECT n_rows, n_segments, converged FROM custseg.train('few', 'six', '{y}', 2, 'gmm');
SELECT n_rows FROM custseg.train('few', 'SELECT x, y FROM six WHERE id = 1', '{x,y}', 1, 'gmm');
SELECT n_rows FROM custseg.train('few', 'SELECT 3 AS x, 4 AS y FROM six', '{x,y}', 2, 'gmm');
SELECT n_rows FROM custseg.train('few', 'six', '{x,y}', 7, 'gmm');
-- a constant column among others; duplicates; two means at one place, and one without rows
SELECT n_rows, n_segments, converged FROM custseg.train('few', 'SELECT x, y, 7 AS c FROM six', '{x,y,c}', 2, 'gmm');
SELECT n_rows, n_segments, converged FROM custseg.train('few', 'SELECT i % 3 AS x, i % 3 * 10 AS y FROM generate_series(1, 30) i', '{x,y}', 3, 'gmm');
SELECT n_rows, n_segments, converged FROM custseg.train('few', 'SELECT i % 3 AS x, i % 3 * 10 AS y FROM generate_series(1, 30) i', '{x,y}', 5, 'gmm');
SELECT n_rows, n_segments, converged FROM custseg.train('empty', 'six', '{x,y}', algorithm => 'gmm', options => '{"init": [[0,0],[0,0],[5,5]]}');
SELECT segment, n FROM custseg.segment WHERE model = 'empty' ORDER BY segment;
SELECT custseg.predict('empty', s) AS segment, count(*) FROM six s GROUP BY 1;
-- rows on a line; one row that is far away
SELECT t, n_rows, n_segments, converged FROM unnest('{full,tied,diag,spherical}'::text[]) t,
    custseg.train('few', 'SELECT i AS x, 2 * i + 1 AS y FROM generate_series(1, 10000) i', '{x,y}', 3, 'gmm', options => jsonb_build_object('covariance_type', t));
SELECT t, n_rows, n_segments, converged FROM unnest('{full,tied,diag,spherical}'::text[]) t,
    custseg.train('few', 'SELECT CASE WHEN i = 7 THEN 1e12 ELSE i % 10 END AS x, i * i % 7 AS y FROM generate_series(1, 1000) i', '{x,y}', 3, 'gmm',
        prep => '{"scale": "none"}', options => jsonb_build_object('covariance_type', t));
-- no amount to add, and rows that do not vary in every direction
SELECT n_rows FROM custseg.train('few', 'six', '{x,y}', 3, 'gmm', options => '{"reg_covar": 0}');
SELECT n_rows FROM custseg.train('few', 'six', '{x,y}', algorithm => 'gmm', options => '{"reg_covar": 0, "init": [[-1,0],[1,0]]}');
-- a start that fails is replaced
SELECT n_rows, n_segments FROM custseg.train('few', 'six', '{x,y}', 2, 'gmm', options => '{"reg_covar": 0}');
SELECT custseg.drop_model('few', whole => true), custseg.drop_model('empty', whole => true);
-- not converged: a model, and a warning
SELECT n_segments, iterations, converged FROM custseg.train('clouds', 'clouds', '{x,y,z}', 4, 'gmm', options => '{"max_iter": 2, "tol": 0}');
SELECT custseg.drop_model('clouds', whole => true);
-- large offsets cost no digits: the same rows a million away
SELECT n_segments, iterations FROM custseg.train('near', 'clouds', '{x,y,z}', algorithm => 'gmm', prep => '{"scale": "none"}', options => '{"init": [[5,1,9],[14,6,9],[22,21,9]]}');
SELECT n_segments, iterations FROM custseg.train('far', 'SELECT id, x + 1000000 AS x, y - 1000000 AS y, z FROM clouds', '{x,y,z}', algorithm => 'gmm', prep => '{"scale": "none"}',
    options => '{"init": [[1000005,-999999,9],[1000014,-999994,9],[1000022,-999979,9]]}');
SELECT count(DISTINCT round((metrics ->> 'log_likelihood')::numeric, 5)) AS likelihoods FROM custseg.model_version;
SELECT custseg.drop_model('near', whole => true), custseg.drop_model('far', whole => true);

-- The same model, every time

CREATE TABLE crowd AS
SELECT i AS id, (i::bigint * 7919 % 10007)::float8 / 1000 AS a, (i::bigint * 104729 % 9973)::float8 / 997 AS b,
    ((i::bigint * i) % 7717)::float8 / 771 AS c, i % 5 AS d, i % 4 + 0.25 AS weight
FROM generate_series(1, 21000) i;
ANALYZE crowd;

SELECT options, count(DISTINCT training_fingerprint('crowd', '{a,b,c,d}', 4, 'gmm',
    options => '{"silhouette_sample": 0, "max_iter": 5, "tol": 1}' || options, workers => workers)) AS models
FROM unnest('{0,1,2}'::int[]) workers, unnest(ARRAY['{"n_init": 2}', '{"covariance_type": "tied", "weight": "weight"}', '{"covariance_type": "diag"}', '{"covariance_type": "spherical"}']::jsonb[]) options
GROUP BY options ORDER BY options;
SELECT count(DISTINCT training_fingerprint('crowd', '{a,b,c,d}', 4, 'gmm', options => jsonb_build_object('max_iter', 1, 'tol', 1, 'seed', seed))) = 2 AS another_seed
FROM generate_series(1, 2) seed;
-- each row gets the component that it had in training
CREATE FUNCTION same_counts(covariance_type text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    result bool;
BEGIN
    PERFORM custseg.train('same', 'SELECT * FROM crowd WHERE id <= 3000', '{a,b,c,d}', 5, 'gmm', options => jsonb_build_object('covariance_type', covariance_type));
    SELECT bool_and(s.n = (SELECT count(*) FROM crowd r WHERE r.id <= 3000 AND custseg.predict('same', r) = s.segment))
    INTO result
    FROM custseg.segment s WHERE s.model = 'same';
    PERFORM custseg.drop_model('same', whole => true);
    RETURN result;
END
$$;
SELECT t, same_counts(t) FROM unnest('{full,tied,diag,spherical}'::text[]) t;

-- a report places rows side by side, as each is placed alone; a row beyond all numbers is in no component
CREATE FUNCTION same_together(covariance_type text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    rows_of constant text := 'SELECT 1e200 AS a, b, c, d FROM crowd WHERE id <= 20 UNION ALL SELECT a, b, c, d FROM crowd WHERE id <= 3000';
    result bool;
BEGIN
    PERFORM custseg.train('same', 'SELECT * FROM crowd WHERE id <= 3000', '{a,b,c,d}', 5, 'gmm', prep => '{"scale": "none"}', options => jsonb_build_object('covariance_type', covariance_type, 'silhouette_sample', 0));
    EXECUTE format('SELECT bool_and(s.n = (SELECT count(*) FROM (%s) r WHERE custseg.predict(''same'', r) = s.segment)) AND sum(s.n) = 3000 FROM custseg.segment_profile(''same'', %L) s WHERE s.segment > 0 AND s.column_name = ''a''', rows_of, rows_of)
    INTO result;
    PERFORM custseg.drop_model('same', whole => true);
    RETURN result;
END
$$;
SELECT t, same_together(t) FROM unnest('{full,tied,diag,spherical}'::text[]) t;

DROP FUNCTION agreement, check_scoring, with_parameters, same_counts, same_together;
DROP TABLE clouds, six, crowd;

-- evaluate() takes the rows' log-likelihood from the stored model: on the training's rows it is the training's own
CREATE TABLE evaluated AS SELECT i AS id, i % 3 * 5 + (i * 7919 % 101) / 50.0 AS x, i % 2 * 4 + (i * 104729 % 97) / 40.0 AS y FROM generate_series(1, 300) i;
SELECT n_segments FROM custseg.train('evaluated', 'evaluated', '{x,y}', 3, 'gmm');
SELECT abs(e.result / ((v.metrics ->> 'log_likelihood')::float8 / v.n_rows) - 1) < 1e-12 AS the_same
FROM custseg.evaluate('evaluated') e, custseg.model_version v
WHERE e.metric = 'log_likelihood' AND v.model = 'evaluated';
-- a training places its rows by the deployed version: segments keep their numbers where others have become the largest
SELECT n_segments FROM custseg.train('numbered', 'SELECT * FROM evaluated WHERE id % 3 > 0 OR id <= 60', '{x}', 3, 'gmm');
SELECT n_segments FROM custseg.train('numbered', 'SELECT * FROM evaluated WHERE id % 3 < 2 OR id <= 60', '{x}', 3, 'gmm', deploy => false);
SELECT count(*) FILTER (WHERE custseg.predict('numbered', e, 1) = custseg.predict('numbered', e, 2)) AS same, count(DISTINCT custseg.predict('numbered', e, 1)) AS segments FROM evaluated e;
SELECT custseg.drop_model('numbered', whole => true);
SELECT custseg.drop_model('evaluated', whole => true);
DROP TABLE evaluated;
\i :root/test/clean.sql
