--
-- Decision trees: surrogate(), surrogate_of_column(), train(algorithm => 'tree')
--
SET extra_float_digits = 0;
SET client_min_messages = warning;

-- Rows made of a fixed sequence of numbers without ties.
CREATE TABLE tree_point AS
SELECT i AS id,
	   (i * 7919 % 10007)::float8 / 64 AS x,
	   (i * 104729 % 10009)::float8 / 64 AS y,
	   (i * 1299709 % 10037)::float8 / 64 AS z
FROM generate_series(1, 600) i;
ALTER TABLE tree_point ADD level text;
UPDATE tree_point SET level = CASE
	WHEN x + y / 2 > 140 THEN 'gold'
	WHEN (x - 80) * (z - 80) > 900 THEN 'silver'
	WHEN y > 110 THEN 'bronze'
	ELSE 'basic' END;

-- The splits of scikit-learn 1.2.1: DecisionTreeClassifier(max_depth=3).fit(...)
SELECT leaf, condition, name, n, round(purity::numeric, 6) AS purity, round(fidelity::numeric, 6) AS fidelity,
	   round(balanced_fidelity::numeric, 6) AS balanced
FROM custseg.surrogate_of_column('tree_point', 'level', '{x,y,z}', 3);

-- Three kinds of flowers, measured to a tenth, as in Fisher's iris.  Petal length and petal width tell the
-- first kind from the others equally well; then the first column is taken, where scikit-learn tosses a coin.
CREATE FUNCTION tree_wave(i int, a int, b int, m int) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT ((i * a + b) % m)::float8 / m $$;
CREATE TABLE tree_flower AS
SELECT (ARRAY['first', 'second', 'third'])[k] AS kind,
	floor(10 * ((ARRAY[5.0, 5.9, 6.6]::float8[])[k] + 1.6::float8 * (tree_wave(i, 7919, 13, 1009) + tree_wave(i, 104729, 7, 997) - 1)) + 0.5) / 10 AS sepal_length,
	floor(10 * ((ARRAY[3.4, 2.8, 3.0]::float8[])[k] + 1.2::float8 * (tree_wave(i, 1299, 5, 983) + tree_wave(i, 15485, 3, 971) - 1)) + 0.5) / 10 AS sepal_width,
	floor(10 * ((ARRAY[1.5, 4.3, 5.5]::float8[])[k] + (ARRAY[0.5, 1.6, 1.7]::float8[])[k] * (tree_wave(i, 3571, 11, 967) + tree_wave(i, 27644, 2, 953) - 1)) + 0.5) / 10 AS petal_length,
	floor(10 * ((ARRAY[0.2, 1.3, 2.0]::float8[])[k] + (ARRAY[0.15, 0.8, 0.9]::float8[])[k] * (tree_wave(i, 541, 1, 947) + tree_wave(i, 7727, 9, 941) - 1)) + 0.5) / 10 AS petal_width
FROM generate_series(0, 149) i, LATERAL (SELECT 1 + i / 50 AS k) kinds;
-- DecisionTreeClassifier(max_depth=3): thresholds 2.55 (petal length) or 0.55 (petal width), 5.35, 1.95;
-- leaves of 50, 55, 8 and 37; accuracy 0.953333
SELECT leaf, condition, name, n, round(purity::numeric, 6) AS purity, round(fidelity::numeric, 6) AS fidelity
FROM custseg.surrogate_of_column('tree_flower', 'kind', max_depth => 3);

-- Limits, as scikit-learn has them: leaves, depth and accuracy of
--   {} 41 8 1; min_samples_leaf 20: 15 5 0.926667; min_samples_split 60: 13 6 0.926667;
--   max_leaf_nodes 7: 7 4 0.895; min_impurity_decrease 0.01 and ccp_alpha 0.01: 11 5 0.95
CREATE FUNCTION tree_measures(target text, options jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM custseg.train('tree_measured', 'tree_point', '{x,y,z}', algorithm => 'tree',
						  options => jsonb_build_object('target', target, 'max_depth', 64) || options);
	SELECT format('%s %s %s', metrics->>'n_leaves', metrics->>'depth', round((metrics->>'fidelity')::numeric, 6))
	INTO result FROM custseg.model_version WHERE model = 'tree_measured';
	PERFORM custseg.drop_model('tree_measured', whole => true);
	RETURN result;
END $$;

SELECT options, tree_measures('level', options)
FROM unnest('{"{}", "{\"min_samples_leaf\": 20}", "{\"min_samples_split\": 60}", "{\"max_leaf_nodes\": 7}",
	"{\"min_impurity_decrease\": 0.01}", "{\"ccp_alpha\": 0.01}"}'::jsonb[]) options;

-- The alphas of cost_complexity_pruning_path(): leaves on both sides of each.
SELECT alpha,
	   split_part(tree_measures('level', jsonb_build_object('ccp_alpha', alpha - 1e-6)), ' ', 1) AS below,
	   split_part(tree_measures('level', jsonb_build_object('ccp_alpha', alpha + 1e-6)), ' ', 1) AS above
FROM unnest('{0.00125,0.00290038,0.00580645,0.00822891,0.01128472,0.02016667,0.02988262,0.04312795,0.0613422,
	0.06450849,0.11483412,0.1803728}'::float8[]) alpha;

-- Weights: DecisionTreeClassifier(max_depth=3).fit(X, level, sample_weight=1 + id % 3).
SELECT n_segments FROM custseg.train('weighted', 'SELECT *, 1 + id % 3 AS weight FROM tree_point', '{x,y,z}', algorithm => 'tree',
	options => '{"target": "level", "max_depth": 3, "weight": "weight"}');
SELECT parameters->'nodes' AS nodes, round((metrics->>'fidelity')::numeric, 10) AS fidelity
FROM custseg.model_version WHERE model = 'weighted';

-- What rounding leaves of heavy rows beside light ones draws no split.
SELECT n_segments FROM custseg.train('heavy', $$SELECT x::float8, CASE WHEN x <= 20 THEN 1e9 + x / 7.0 ELSE 1e-9 + x * 1e-11 END AS weight,
	CASE WHEN x <= 10 OR x > 20 AND 3 * x % 5 < 3 THEN 'one' ELSE 'other' END AS class FROM generate_series(1, 400) x$$,
	'{x}', algorithm => 'tree', options => '{"target": "class", "weight": "weight", "max_depth": 1}');
SELECT parameters #>> '{nodes,0,1}' AS border FROM custseg.model_version WHERE model = 'heavy';
SELECT custseg.drop_model('heavy', whole => true);

-- A stored tree: plain numbers, the same for any number of workers.
DO $$
DECLARE
	stored jsonb;
	first jsonb;
BEGIN
	FOR workers IN 0..2 LOOP
		EXECUTE format('SET max_parallel_maintenance_workers = %s', workers);
		PERFORM custseg.train('levels', 'SELECT p.* FROM tree_point p, generate_series(1, 40)', '{x,y,z}', algorithm => 'tree',
							  options => '{"target": "level", "max_depth": 6}', deploy => true);
		SELECT parameters INTO stored FROM custseg.model_version WHERE model = 'levels' ORDER BY version DESC LIMIT 1;
		first := coalesce(first, stored);
		IF stored <> first THEN
			RAISE WARNING 'another tree with % workers', workers;
		END IF;
	END LOOP;
	PERFORM custseg.drop_model('levels', whole => true);
END $$;
RESET max_parallel_maintenance_workers;

SELECT version, n_segments, iterations, converged, deployed FROM custseg.train('levels', 'tree_point', '{x,y,z}',
	algorithm => 'tree', options => '{"target": "level", "max_depth": 2}');
SELECT key, value FROM custseg.model_version, jsonb_each(parameters) WHERE model = 'levels';
SELECT segment, name, n_trained AS n FROM custseg.segments WHERE model = 'levels';

-- It predicts what its rules say, and explains itself.
SELECT custseg.predict_name('levels', p) AS name, count(*) FROM tree_point p GROUP BY 1 ORDER BY 2 DESC, 1;
SELECT id, segment, name, round(distance::numeric, 4) AS distance, round(confidence::numeric, 4) AS confidence
FROM custseg.score('levels', 'SELECT * FROM tree_point WHERE id <= 3');
SELECT segment, name, round(confidence::numeric, 4) AS confidence, runner_up, memberships
FROM tree_point p, custseg.predict_detail('levels', p) WHERE id = 1;
SELECT feature, value, round(segment_mean::numeric, 3) AS segment_mean, round(overall_mean::numeric, 3) AS overall_mean,
	   round(contribution::numeric, 4) AS contribution, condition, round(margin::numeric, 4) AS margin
FROM tree_point p, custseg.explain('levels', p) WHERE id = 1;

-- Numbers and names of the segments stay when it is trained again, and a new value gets a new number.
SELECT custseg.name_segment('levels', 1, 'first');
UPDATE tree_point SET level = 'iron' WHERE level = 'bronze' AND y > 130;
SELECT version FROM custseg.train('levels', 'tree_point', '{x,y,z}', algorithm => 'tree',
	options => '{"target": "level", "max_depth": 4}', deploy => true);
SELECT segment, name, n_trained AS n FROM custseg.segments WHERE model = 'levels' ORDER BY segment;

-- Imitating a model: its segments, with their numbers and names; in its features' own units.
SELECT n_segments FROM custseg.train('clusters', 'SELECT * FROM tree_point ORDER BY id', '{x,y,z}', k => 4);
SELECT custseg.name_segment('clusters', 2, 'second of four', 'a description');
SELECT leaf, condition, segment, name, n, round(coverage::numeric, 4) AS coverage, round(purity::numeric, 4) AS purity,
	   round(fidelity::numeric, 4) AS fidelity
FROM custseg.surrogate('clusters', max_depth => 3);
SELECT count(DISTINCT leaf), sum(n) AS n, round(sum(coverage)::numeric, 10) AS coverage,
	   round((sum(n * purity) / sum(n) - min(fidelity))::numeric, 10) AS difference
FROM custseg.surrogate('clusters', max_depth => 7, options => '{"min_samples_leaf": 5}');
SELECT version, n_segments FROM custseg.train('rules', 'SELECT * FROM tree_point ORDER BY id', algorithm => 'tree',
	options => '{"model": "clusters", "max_depth": 3}');
SELECT note FROM custseg.model_version WHERE model = 'rules';
SELECT r.segment, r.name, r.description, r.n_trained AS n, c.n_trained AS n_imitated
FROM custseg.segments r JOIN custseg.segments c USING (segment) WHERE r.model = 'rules' AND c.model = 'clusters'
ORDER BY 1;
SELECT bool_and(custseg.predict('rules', p) = custseg.predict('clusters', p)) AS all_same,
	   round(avg((custseg.predict('rules', p) = custseg.predict('clusters', p))::int), 4) AS fidelity FROM tree_point p;

-- Rules are conditions in SQL: what they say is what the tree does, whatever the features' types.
CREATE TYPE tree_size AS ENUM ('small', 'medium', 'large');
CREATE TABLE tree_customer AS
SELECT i AS id,
	   CASE WHEN i % 11 <> 0 THEN (i * 7919 % 10007)::numeric / 100 END AS "Amount",
	   CASE WHEN i % 7 <> 0 THEN (ARRAY['web', 'shop', 'it''s', 'phone', 'post'])[1 + i * 31 % 5] END AS channel,
	   CASE WHEN i % 13 <> 0 THEN i * 17 % 3 = 0 END AS active,
	   date '2020-01-01' + i * 37 % 1000 AS since,
	   timestamp '2024-01-01' + interval '1 hour' * (i * 101 % 5000) AS seen,
	   CASE WHEN i % 10 <> 0 THEN timestamptz '2024-01-01 00:00+00' + interval '7 minutes' * (i * 103 % 3000) END AS paid,
	   interval '1 hour' * (i * 53 % 700) AS wait,
	   (ARRAY['small', 'medium', 'large'])[1 + i * 13 % 3]::tree_size AS size,
	   (i * 71 % 1000)::numeric::money AS price,
	   i * 29 % 50 AS visits
FROM generate_series(1, 2000) i;
ALTER TABLE tree_customer ADD class text;
UPDATE tree_customer SET class = CASE
	WHEN channel = 'web' AND "Amount" > 40 THEN 'A' WHEN active AND since > '2021-06-01' THEN 'B'
	WHEN price > '500' AND size <> 'small' THEN 'C' WHEN seen > '2024-05-01' THEN 'D'
	WHEN paid > '2024-01-09' OR channel IS NULL THEN 'E' WHEN wait > '10 days' THEN 'F' ELSE 'G' END;

CREATE FUNCTION tree_rules_hold(prep jsonb, depth int, customers text DEFAULT 'tree_customer',
	OUT leaves bigint, OUT in_one_leaf bigint, OUT as_predicted bigint) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM custseg.train('classes', 'tree_customer', algorithm => 'tree', id => 'id', prep => prep,
						  options => jsonb_build_object('target', 'class', 'max_depth', depth));
	EXECUTE (SELECT format('SELECT %s, count(*) FILTER (WHERE hits = 1), count(*) FILTER (WHERE named = predicted)
		FROM (SELECT %s AS hits, %s AS named, custseg.predict(''classes'', c) AS predicted FROM %s c) r', count(*),
		string_agg(format('CASE WHEN %s THEN 1 ELSE 0 END', condition), ' + '),
		string_agg(format('CASE WHEN %s THEN %s ELSE 0 END', condition, segment), ' + '), customers)
		FROM custseg.tree_rules('classes')) INTO leaves, in_one_leaf, as_predicted;
	PERFORM custseg.drop_model('classes', whole => true);
END $$;
SELECT * FROM tree_rules_hold('{}', 6);
SELECT * FROM tree_rules_hold('{"encode": "frequency", "impute": "mean"}', 12);
SELECT * FROM tree_rules_hold('{"drop_first": true, "columns": {"size": {"encode": "ordinal", "levels": ["small", "medium", "large"]},
	"channel": {"impute": "mode"}, "Amount": {"impute": "constant", "constant": -1}}}', 20);
-- Levels that training did not see
CREATE TABLE tree_stranger AS SELECT * FROM tree_customer;
UPDATE tree_stranger SET channel = 'fax' WHERE id % 3 = 0;
SELECT * FROM tree_rules_hold('{}', 20, 'tree_stranger');
SELECT * FROM tree_rules_hold('{"encode": "frequency"}', 20, 'tree_stranger');

SELECT n_segments FROM custseg.train('classes', 'tree_customer', algorithm => 'tree',
	options => '{"target": "class", "max_leaf_nodes": 12, "max_depth": 9}');
SELECT leaf, condition, segment, name, weight, round(coverage::numeric, 4) AS coverage, round(purity::numeric, 4) AS purity FROM custseg.tree_rules('classes');
SELECT leaf, description FROM custseg.tree_rules('classes');
SELECT step, condition, feature, value, segment, name, weight, round(purity::numeric, 4) AS purity
FROM tree_customer c, custseg.decision_path('classes', c) WHERE id = 17;
SELECT feature, value, condition, round(margin::numeric, 2) AS margin FROM tree_customer c, custseg.explain('classes', c) WHERE id = 17 AND condition IS NOT NULL;
SELECT custseg.explain_text('classes', c) FROM tree_customer c WHERE id = 17;
SELECT step, condition, value FROM tree_customer c, custseg.decision_path('classes', to_jsonb(c) || '{"seen": null, "price": 207}') WHERE id = 17;
SELECT * FROM custseg.decision_path('classes', NULL::tree_customer);

-- Columns of numbers number segments, 0 after the others; NULL is nothing to imitate.
-- of a target that has nothing to do with the features a tree is right about the rows that it has seen only
SELECT DISTINCT fidelity > 0.7 AS seen, validated_fidelity BETWEEN 0.4 AND 0.6 AS unseen, reason
FROM custseg.surrogate_of_column('SELECT hashint8extended(g, 1) AS x, hashint8extended(g, 2) AS y, hashint8extended(hashint8extended(g, 3), 4) & 1 AS s FROM generate_series(1, 300) g', 's', max_depth => 8);
SELECT DISTINCT fidelity, validated_fidelity, reason FROM custseg.surrogate_of_column('SELECT g % 2 AS x, g % 2 AS s FROM generate_series(1, 100) g', 's');
-- the sentence tells the lower of the two; of two rows each is unlike the other; past 30,000 rows a sample is asked about
SELECT DISTINCT round(fidelity::numeric, 4) AS fidelity, round(validated_fidelity::numeric, 4) AS validated, reason FROM custseg.surrogate('clusters');
SELECT DISTINCT fidelity, validated_fidelity, reason FROM custseg.surrogate_of_column('SELECT g AS x, g % 2 AS s FROM generate_series(1, 2) g', 's');
SELECT DISTINCT abs(fidelity - validated_fidelity) < 0.005 AS close, validated_fidelity < fidelity AS lower
FROM custseg.surrogate_of_column('SELECT hashint8extended(g, 1) AS x, hashint8extended(g, 2) AS y, (hashint8extended(g, 1) / 3 + hashint8extended(g, 2) / 4 > 0)::int AS s FROM generate_series(1, 250000) g', 's');
SELECT DISTINCT segment, name FROM custseg.surrogate_of_column('SELECT x, y, CASE WHEN x > 120 THEN 7 WHEN x > 80 THEN 0 WHEN y > 30 THEN 3 END AS s
	FROM tree_point', 's') ORDER BY 1;
SELECT DISTINCT segment, name FROM custseg.surrogate_of_column('SELECT x, y, x > 120 AS s FROM tree_point', 's') ORDER BY 1;
SELECT DISTINCT segment, name FROM custseg.surrogate_of_column('SELECT x, y, (x > 120)::int * 0.5 AS s FROM tree_point', 's') ORDER BY 1;
SELECT n_rows, n_skipped, n_segments FROM custseg.train('numbers', 'SELECT x, y, CASE WHEN x > 120 THEN 7 WHEN x > 80 THEN 0 WHEN y > 30 THEN 3 END AS s
	FROM tree_point', algorithm => 'tree', options => '{"target": "s"}');
SELECT skipped FROM custseg.model_version WHERE model = 'numbers';
-- Noise is a segment, too.
SELECT n_segments FROM custseg.train('dense', 'SELECT * FROM tree_point WHERE x + y < 60 OR x > 110 AND y > 110 OR id < 30',
	'{x,y}', algorithm => 'dbscan', options => '{"eps": 0.25, "min_samples": 4}');
SELECT segment, name, count(*), sum(n) AS n FROM custseg.surrogate('dense', max_depth => 5) GROUP BY 1, 2 ORDER BY 1;
-- Other columns than the model's own; features that say nothing.
SELECT leaf, condition, n FROM custseg.surrogate('clusters', features => '{level}', max_depth => 1);
SELECT leaf, condition, n, round(purity::numeric, 4) AS purity FROM custseg.surrogate_of_column('SELECT level, 1 AS one FROM tree_point', 'level', '{one}');
SELECT * FROM custseg.surrogate(NULL);

-- A deployed tree is watched, tested and told like any other model.
SELECT verdict, count(*) FROM custseg.segment_sizes('rules') GROUP BY 1;
SELECT feature, round(importance::numeric, 3) AS importance FROM custseg.feature_importance('rules');
SELECT count(*) FROM custseg.segment_summary('rules');
ALTER TABLE tree_point ADD segment int, ADD PRIMARY KEY (id);
CALL custseg.resegment('rules', 'tree_point');
SELECT segment, count(*) FROM tree_point GROUP BY 1 ORDER BY 1;
SELECT custseg.predict((SELECT custseg.scorer('rules')), p) = p.segment AS same, count(*) FROM tree_point p GROUP BY 1;
SELECT custseg.scorer('rules')::text::custseg.compiled_model::text = custseg.scorer('rules')::text AS same;

-- Errors
SELECT custseg.train('bad', 'tree_point', algorithm => 'tree');
SELECT custseg.train('bad', 'tree_point', algorithm => 'tree', options => '{"target": "level", "model": "clusters"}');
SELECT custseg.train('bad', 'tree_point', algorithm => 'tree', options => '{"target": "nothing"}');
SELECT custseg.train('bad', 'tree_point', algorithm => 'tree', options => '{"model": "nothing"}');
SELECT custseg.train('bad', 'tree_point', algorithm => 'tree', k => 3, options => '{"target": "level"}');
SELECT custseg.train('bad', 'tree_point', algorithm => 'tree', options => '{"target": "level", "max_depth": 0}');
SELECT custseg.train('bad', 'tree_point', '{x,level}', algorithm => 'tree', options => '{"target": "level"}');
SELECT custseg.train('bad', 'tree_point', algorithm => 'tree', prep => '{"scale": "robust"}', options => '{"target": "level"}');
SELECT custseg.train('bad', 'tree_point', algorithm => 'tree', prep => '{"columns": {"x": {"transform": "log1p"}}}', options => '{"target": "level"}');
SELECT custseg.train('bad', 'tree_point', algorithm => 'tree', prep => '{"clip": "iqr"}', options => '{"target": "level"}');
SELECT custseg.train('bad', 'tree_point', algorithm => 'tree', prep => '{"pca": 2}', options => '{"target": "level"}');
SELECT * FROM custseg.surrogate('nothing');
SELECT * FROM custseg.surrogate('clusters', 'SELECT x, y FROM tree_point');
SELECT * FROM custseg.surrogate('clusters', max_depth => 0);
SELECT * FROM custseg.surrogate('clusters', options => '{"max_depth": 3}');
SELECT * FROM custseg.surrogate('clusters', options => '{"min_samples_leaf": 0}');
SELECT * FROM custseg.surrogate_of_column('SELECT x, 1 AS one FROM tree_point', 'one');
SELECT * FROM custseg.surrogate_of_column('SELECT x, NULL::text AS none FROM tree_point', 'none');
SELECT * FROM custseg.surrogate_of_column('SELECT x FROM tree_point', 'x');
SELECT * FROM custseg.surrogate_of_column('SELECT 1 AS one, level FROM tree_point', 'level');
SELECT * FROM custseg.surrogate_of_column('SELECT x, ''{}''::json AS j FROM tree_point', 'j');
SELECT * FROM custseg.surrogate_of_column('SELECT g AS x, g AS y FROM generate_series(1, 1001) g', 'y');
SELECT * FROM custseg.surrogate_of_column('SELECT g AS x, hashint4(g) & 1 AS y FROM generate_series(1, 50000) g', 'y', max_depth => 64);
SELECT * FROM custseg.surrogate_of_column('SELECT x, level FROM tree_point', NULL);
SELECT * FROM custseg.tree_rules('clusters');
SELECT * FROM custseg.compare('tree_point', algorithms => '{tree}', k => 3);
SELECT * FROM custseg.choose_k('tree_point', algorithm => 'tree');
SET maintenance_work_mem = '1MB';
SELECT * FROM custseg.surrogate_of_column('SELECT g AS x, hashint4(g) & 511 AS y FROM generate_series(1, 3000) g', 'y', max_depth => 64);
SELECT * FROM custseg.surrogate_of_column('SELECT g AS x, g % 2 AS y FROM generate_series(1, 50000) g', 'y');
RESET maintenance_work_mem;

-- Who may not use a model gets no rules of it, and data are read as the caller.
CREATE ROLE regress_tree_guest;
SET ROLE regress_tree_guest;
SELECT * FROM custseg.surrogate('clusters');
SELECT * FROM custseg.tree_rules('rules');
SELECT custseg.train('mine', 'SELECT 1.0 AS x', algorithm => 'tree', options => '{"model": "clusters"}');
SELECT * FROM custseg.surrogate_of_column('tree_point', 'level');
RESET ROLE;
SELECT custseg.grant_model('clusters', 'regress_tree_guest'), custseg.grant_model('rules', 'regress_tree_guest');
SET ROLE regress_tree_guest;
SELECT * FROM custseg.surrogate('clusters');
SELECT count(*) FROM custseg.tree_rules('rules');
RESET ROLE;
SELECT custseg.revoke_model('clusters', 'regress_tree_guest'), custseg.revoke_model('rules', 'regress_tree_guest');
DROP ROLE regress_tree_guest;

-- What a compiled tree must be
CREATE FUNCTION tree_compile(path text[], value jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM jsonb_set(custseg.scorer('rules')::text::jsonb, '{parameters}' || path, value)::text::custseg.compiled_model;
	RETURN 'compiles';
EXCEPTION WHEN invalid_text_representation THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN detail;
END $$;
SELECT tree_compile('{nodes}', '[]');
SELECT tree_compile('{nodes}', '[[0, 0, 0, 0, 0]]');
SELECT tree_compile('{nodes,0,0}', '4');
SELECT tree_compile('{nodes,0,1}', '50');
SELECT tree_compile('{nodes,0,2}', '1');
SELECT tree_compile('{nodes,0,2}', '3');
SELECT tree_compile('{nodes,0,0}', '0');
SELECT tree_compile('{node_segments,0}', '17');
SELECT tree_compile('{rows,0}', '[1]');
SELECT tree_compile('{rows,0,0}', '-1');

-- more segments than a tree tells apart
SELECT n_segments FROM custseg.train('many', 'SELECT i AS x FROM generate_series(1, 1001) i', '{x}', 1001, options => '{"n_init": 1, "silhouette_sample": 0}');
SELECT custseg.train('bad', 'SELECT i AS x FROM generate_series(1, 1001) i', '{x}', algorithm => 'tree', options => '{"model": "many"}');
SELECT custseg.drop_model('many', whole => true);

-- a rule holds for the rows that the tree sends to its leaf, though the type or the collation takes A for a
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
DO $$
DECLARE
    type text;
    leaf record;
    found bigint;
BEGIN
    FOREACH type IN ARRAY ARRAY['text', 'text COLLATE any_case', 'varchar(9) COLLATE any_case', 'char(3) COLLATE any_case', 'citext', 'citext COLLATE any_case'] LOOP
        BEGIN
            CREATE EXTENSION IF NOT EXISTS citext;
        EXCEPTION WHEN OTHERS THEN
            CONTINUE WHEN type ~ 'citext';
        END;
        EXECUTE format('CREATE TABLE tree_caseless (id int PRIMARY KEY, x %s, s int)', type);
        INSERT INTO tree_caseless SELECT i, (ARRAY['a', 'A', 'b', NULL])[1 + i % 4], 1 + (i % 4 = 1)::int FROM generate_series(0, 79) i;
        FOR leaf IN SELECT * FROM custseg.surrogate_of_column('tree_caseless', 's', '{x}') LOOP
            EXECUTE 'SELECT count(*) FROM tree_caseless WHERE ' || leaf.condition INTO found;
            IF found <> leaf.n THEN
                RAISE WARNING '%: % holds for % rows, not %', type, leaf.condition, found, leaf.n;
            END IF;
        END LOOP;
        DROP TABLE tree_caseless;
    END LOOP;
    DROP EXTENSION IF EXISTS citext;
END $$;
CREATE TABLE tree_caseless AS SELECT i AS id, (ARRAY['a', 'A', 'b'])[1 + i % 3] COLLATE any_case AS x, 1 + (i % 3 = 1)::int AS s FROM generate_series(0, 59) i;
SELECT condition, segment, n FROM custseg.surrogate_of_column('tree_caseless', 's', '{x}');
DROP TABLE tree_caseless;
DROP COLLATION any_case;
-- it does for a domain as for the type that it is over, and for a type that is called almost like another; a time in JSON is read so, too
CREATE TYPE money_band AS ENUM ('low', 'high');
DO $$
DECLARE
    make text;
    type text;
    source text;
    leaf record;
    found bigint;
BEGIN
    FOREACH make IN ARRAY ARRAY[$x$date '2026-01-01' + i$x$, '(i / 100.0)::numeric::money', 'make_interval(hours => i)', $x$timestamptz '2026-03-28 20:00+00' + i * interval '1 hour'$x$,
        $x$timestamp '2026-03-28 20:00' + i * interval '1 hour'$x$, 'i::numeric(9, 1)', 'i::int8', 'i < 30', $x$(ARRAY['low', 'high'])[1 + (i < 30)::int]::money_band$x$, $x$(ARRAY['a', 'b'])[1 + (i < 30)::int]::char(4)$x$,
        $x$(ARRAY['a', 'b'])[1 + (i < 30)::int]::name$x$, $x$(ARRAY['a', 'b'])[1 + (i < 30)::int]::"char"$x$, $x$(ARRAY['a', 'A'])[1 + (i < 30)::int]::citext$x$] LOOP
        BEGIN
            CREATE EXTENSION IF NOT EXISTS citext;
        EXCEPTION WHEN OTHERS THEN
            CONTINUE WHEN make ~ 'citext';
        END;
        EXECUTE format('CREATE TABLE tree_plain AS SELECT i AS id, %s AS x, 1 + (i < 30)::int AS s FROM generate_series(1, 60) i', make);
        SELECT format_type(atttypid, atttypmod) INTO type FROM pg_attribute WHERE attrelid = 'tree_plain'::regclass AND attname = 'x';
        EXECUTE format('CREATE DOMAIN tree_domain AS %s', type);
        CREATE TABLE tree_over AS TABLE tree_plain;
        ALTER TABLE tree_over ALTER x TYPE tree_domain;
        FOR leaf IN SELECT 'tree_plain' AS source, * FROM custseg.surrogate_of_column('tree_plain', 's', '{x}') UNION ALL SELECT 'tree_over', * FROM custseg.surrogate_of_column('tree_over', 's', '{x}') LOOP
            BEGIN
                EXECUTE format('SELECT count(*) FROM %s WHERE %s', leaf.source, leaf.condition) INTO found;
            EXCEPTION WHEN OTHERS THEN
                RAISE WARNING '% of %: %: %', leaf.source, type, leaf.condition, sqlerrm;
                CONTINUE;
            END;
            IF found <> leaf.n THEN
                RAISE WARNING '% of %: % holds for % rows, not %', leaf.source, type, leaf.condition, found, leaf.n;
            END IF;
        END LOOP;
        FOREACH source IN ARRAY ARRAY['tree_plain', 'tree_over'] LOOP
            PERFORM custseg.train('over', source, '{x}', algorithm => 'tree', options => '{"target": "s"}');
            BEGIN
                EXECUTE format('SELECT count(*) FROM %s t WHERE custseg.predict(''over'', t) IS DISTINCT FROM custseg.predict(''over'', %s)', source,
                    CASE type WHEN 'money' THEN 'jsonb_build_object(''x'', x::money::numeric)' ELSE 'to_jsonb(t)' END) INTO found;
                IF found > 0 THEN
                    RAISE WARNING '% of %: % rows have another segment as JSON', source, type, found;
                END IF;
            EXCEPTION WHEN OTHERS THEN
                RAISE WARNING '% of % as JSON: %', source, type, sqlerrm;
            END;
            PERFORM custseg.drop_model('over', whole => true);
        END LOOP;
        DROP TABLE tree_plain, tree_over;
        DROP DOMAIN tree_domain;
    END LOOP;
    DROP EXTENSION IF EXISTS citext;
END $$;
DROP TYPE money_band;

DROP TABLE tree_point, tree_customer, tree_stranger, tree_flower;
-- For people a border is rounded: it parts the same rows, and no number of fewer digits does.
CREATE FUNCTION tree_borders(seed int, OUT exact text, OUT shown text, OUT same bool, OUT shortest bool) LANGUAGE plpgsql AS $$
DECLARE
	border float8;
	rounded float8;
	low float8;
	high float8;
BEGIN
	CREATE TEMPORARY TABLE bordered AS
	SELECT (hashint4extended(i, seed) % 100000) / 7.0 * power(10::float8, seed % 9 - 4) AS x, NULL::text AS class FROM generate_series(1, 150) i;
	UPDATE bordered SET class = x > (SELECT percentile_disc(0.4) WITHIN GROUP (ORDER BY b.x) FROM bordered b);
	PERFORM custseg.train('borders', 'bordered', '{x}', algorithm => 'tree', options => '{"target": "class", "max_depth": 1}', deploy => true);
	SELECT n[2], n[5] INTO border, rounded FROM custseg.model_version v JOIN custseg.model m ON m.name = v.model AND m.deployed_version = v.version,
		LATERAL (SELECT ARRAY(SELECT e::float8 FROM jsonb_array_elements_text(v.parameters -> 'nodes' -> 0) e) AS n) s WHERE v.model = 'borders';
	SELECT max(x) FILTER (WHERE x <= border), min(x) FILTER (WHERE x > border) INTO low, high FROM bordered;
	exact := border;
	shown := rounded;
	same := low < rounded AND rounded < high;
	shortest := NOT EXISTS (SELECT FROM generate_series(0, 14) digits, LATERAL (SELECT to_char(border, '9.' || repeat('9', digits) || 'EEEE')::float8 AS r) s
		WHERE low < r AND r < high AND digits < length(regexp_replace(regexp_replace(to_char(rounded, '9.99999999999999EEEE'), 'e.*$', ''), '[^0-9]|0+$', '', 'g')) - 1);
	DROP TABLE bordered;
END $$;
SELECT count(*), count(*) FILTER (WHERE same) AS same, count(*) FILTER (WHERE shortest) AS shortest, max(length(exact)) AS exact, max(length(shown)) AS shown FROM generate_series(1, 18) seed, tree_borders(seed);
SELECT condition, description FROM custseg.tree_rules('borders');
SELECT custseg.drop_model('borders', whole => true);
-- a tree needs the rows themselves
SELECT n_rows FROM custseg.train('engines', 'SELECT i AS x, i > 50 AS class FROM generate_series(1, 100) i', '{x}', algorithm => 'tree', options => '{"target": "class", "engine": "local"}');
SELECT custseg.train('engines', 'SELECT i AS x, i > 50 AS class FROM generate_series(1, 100) i', '{x}', algorithm => 'tree', options => '{"target": "class", "engine": "distributed"}');
SELECT custseg.drop_model('engines', whole => true);
-- The split of a node is the best of all positions, whatever was left out on the way: classes that hang on the column a
-- little or not at all, values with ties and without, and classes that fill a block or are too many to be told apart.
CREATE FUNCTION tree_best_split(seed int, classes int, ties int, share float8, OUT taken bool) AS $$
BEGIN
	CREATE TEMPORARY TABLE split_rows AS
	SELECT x, CASE WHEN chance < share THEN (x * classes * 1.3 / ties)::int % classes ELSE any_class END::text AS class
	FROM (SELECT (hashint4extended(i, seed) & 1048575) % ties AS x, (hashint4extended(i, seed + 100) & 1048575) / 1048576.0 AS chance,
			(hashint4extended(i, seed + 200) & 1048575) % classes AS any_class FROM generate_series(1, 1200) i) r;
	PERFORM custseg.train('split', 'split_rows', '{x}', algorithm => 'tree', options => '{"target": "class", "max_depth": 1, "min_samples_leaf": 40}', deploy => true);
	-- the sum of squared class counts over rows on both sides, of each value, in whole numbers' quotients
	WITH counted AS (SELECT c.class, v.x, count(*) FILTER (WHERE r.x <= v.x) AS here, count(*) AS in_all
			FROM (SELECT DISTINCT class FROM split_rows) c CROSS JOIN (SELECT DISTINCT x FROM split_rows) v JOIN split_rows r ON r.class = c.class GROUP BY 1, 2),
		proxies AS (SELECT x, sum(here ^ 2) / sum(here) + sum((in_all - here) ^ 2) / nullif(sum(in_all - here), 0) AS proxy
			FROM counted GROUP BY x HAVING sum(here) BETWEEN 40 AND 1160),
		best AS (SELECT x FROM proxies ORDER BY round(proxy::numeric, 9) DESC, x LIMIT 1)
	SELECT b.x < t.border AND NOT EXISTS (SELECT FROM split_rows r WHERE r.x > b.x AND r.x < t.border) INTO taken
	FROM best b, (SELECT (v.parameters -> 'nodes' -> 0 ->> 1)::float8 AS border FROM custseg.model_version v
		JOIN custseg.model m ON m.name = v.model AND m.deployed_version = v.version WHERE v.model = 'split') t;
	DROP TABLE split_rows;
END $$ LANGUAGE plpgsql;
SELECT classes, ties, count(*), count(*) FILTER (WHERE taken) AS best
FROM (VALUES (2, 40), (3, 40), (3, 120), (8, 60), (9, 60), (16, 60), (17, 60)) v(classes, ties), generate_series(1, 4) seed, unnest(ARRAY[0, 0.2, 0.9]) share, tree_best_split(seed, classes, ties, share)
GROUP BY 1, 2 ORDER BY 1, 2;
SELECT custseg.drop_model('split', whole => true);
DROP FUNCTION tree_best_split;
-- Reports and trainings have rows go down the tree side by side, to leaves of any depth, as predict() takes each down alone; some lie on borders.
CREATE TABLE tree_crowd AS SELECT i AS id, i * 37 % 64 / 4.0 AS x, i * 53 % 48 / 2.0 AS y, CASE WHEN i * 37 % 64 < 20 THEN 'a' ELSE 'n' || (i * 37 % 64 * 0.3 + i * 53 % 48 * 0.7)::int % 5 END AS class FROM generate_series(1, 3072) i;
CREATE FUNCTION tree_together(depth int, rows int, OUT leaves int, OUT deepest int, OUT counts bool, OUT alone bool) LANGUAGE plpgsql AS $$
DECLARE
	source text := format('SELECT x + delta AS x, y - delta AS y FROM tree_crowd, (VALUES (0), (0.125), (0.25)) d (delta) ORDER BY id, delta LIMIT %s', rows);
BEGIN
	PERFORM custseg.train('together', 'tree_crowd', '{x,y}', algorithm => 'tree', prep => '{"scale": "none"}', options => jsonb_build_object('target', 'class', 'max_depth', depth, 'min_samples_leaf', 1));
	SELECT (v.metrics ->> 'n_leaves')::int, (v.metrics ->> 'depth')::int INTO leaves, deepest FROM custseg.model_version v WHERE v.model = 'together';
	EXECUTE format('SELECT bool_and(s.n = (SELECT count(*) FROM (%1$s) r WHERE custseg.predict(''together'', r) = s.segment)) AND sum(s.n) = %2$s FROM custseg.segment_profile(''together'', %1$L) s WHERE s.segment > 0 AND s.column_name = ''x''', source, rows) INTO counts;
	EXECUTE format('SELECT bool_and(custseg.predict(''together'', r) = d.segment) FROM (%s) r, custseg.predict_detail(''together'', r) d', source) INTO alone;
	PERFORM custseg.drop_model('together', whole => true);
END $$;
SELECT depth, rows, t.* FROM unnest('{1,2,5,12}'::int[]) depth, unnest('{1,15,16,17,1025,9216}'::int[]) rows, tree_together(depth, rows) t ORDER BY 1, 2;
SELECT n_segments FROM custseg.train('together', 'tree_crowd', '{x,y}', algorithm => 'tree', options => '{"target": "class"}');
SELECT n_segments FROM custseg.train('together', 'SELECT x + 0.125 AS x, y, ''new '' || class AS class FROM tree_crowd', '{x,y}', algorithm => 'tree', options => '{"target": "class"}', deploy => true);
SELECT old.segment, old.name AS was, new.name AS is FROM custseg.segment old FULL JOIN custseg.segment new ON new.model = old.model AND new.segment = old.segment AND new.version = 2 WHERE old.model = 'together' AND old.version = 1 ORDER BY 1;
SELECT custseg.drop_model('together', whole => true);
DROP FUNCTION tree_together;
DROP TABLE tree_crowd;
DROP FUNCTION tree_borders;
DROP FUNCTION tree_wave, tree_measures, tree_rules_hold, tree_compile;
DROP TYPE tree_size;
SELECT custseg.drop_model(name, whole => true) FROM custseg.model WHERE name IN ('weighted', 'levels', 'clusters', 'rules', 'classes', 'numbers', 'dense');
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
