-- predict() over a table is planned as a call on the columns that the model needs

CREATE TABLE shopper (note text, id int PRIMARY KEY, spend float8, visits int, age int);
INSERT INTO shopper SELECT 'x', i, CASE WHEN i % 3 = 0 THEN 10 ELSE 500 END + i % 7, CASE WHEN i % 2 = 0 THEN 1 ELSE 90 END + i % 5, 20 + i % 50
FROM generate_series(1, 300) i;
SELECT n_segments FROM custseg.train('m', 'shopper', features => '{spend,visits}', k => 4);

EXPLAIN (VERBOSE, COSTS OFF) SELECT custseg.predict('m', s) FROM shopper s;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM shopper s WHERE custseg.predict('m', s, 1) = 2;

-- the answer is that of the row itself
SELECT bool_and(custseg.predict('m', s) = custseg.predict('m', to_jsonb(s))) AS same FROM shopper s;
SELECT bool_and(custseg.predict('m', s) = custseg.predict('m', (s.*)::shopper)) AS same FROM shopper s;

-- in an UPDATE, its RETURNING, a view, a subquery, a function
ALTER TABLE shopper ADD segment int;
UPDATE shopper s SET segment = custseg.predict('m', s);
UPDATE shopper s SET spend = 12, visits = 2 WHERE id = 1 RETURNING segment <> custseg.predict('m', s) AS moved;
CREATE VIEW shopper_view AS SELECT visits, spend, segment FROM shopper;
SELECT count(*) FROM shopper_view v WHERE custseg.predict('m', v) <> segment;
SELECT count(*) FROM (SELECT * FROM shopper OFFSET 0) v WHERE custseg.predict('m', v) <> segment;
CREATE FUNCTION moved() RETURNS bigint LANGUAGE sql STABLE AS
    $$ SELECT count(*) FROM shopper s WHERE custseg.predict('m', s) <> s.segment $$;
SELECT moved();

-- partitions and children with other column orders and dropped columns
CREATE TABLE part (id int, visits int, spend float8) PARTITION BY RANGE (id);
CREATE TABLE part_1 (gone text, spend float8, id int, visits int);
ALTER TABLE part_1 DROP COLUMN gone;
ALTER TABLE part ATTACH PARTITION part_1 FOR VALUES FROM (0) TO (150);
CREATE TABLE part_2 PARTITION OF part DEFAULT;
INSERT INTO part SELECT id, visits, spend FROM shopper;
SELECT count(*) AS different FROM part p JOIN shopper s USING (id) WHERE custseg.predict('m', to_jsonb(s)) <> custseg.predict('m', to_jsonb(p));
SELECT count(*) AS different FROM (SELECT id, custseg.predict('m', p) AS segment FROM part p) a JOIN shopper s USING (id) WHERE a.segment <> custseg.predict('m', to_jsonb(s));

-- rows that an outer join sets to NULL have no segment
SELECT count(*), count(custseg.predict('m', b)) FROM shopper a LEFT JOIN shopper b ON b.id = a.id + 100;

SELECT count(*) FROM shopper a LEFT JOIN shopper b ON b.id = a.id + 100, LATERAL generate_series(1, custseg.predict('m', b)) g WHERE b.id IS NULL;
SELECT count(*) FROM shopper x, shopper y WHERE x.id = y.id AND (y.id < 0 OR EXISTS
    (SELECT FROM shopper a LEFT JOIN shopper b ON b.id = a.id WHERE a.id = x.id + 100 AND custseg.predict('m', b) IS NULL)
    OR EXISTS (SELECT FROM shopper a LEFT JOIN shopper b ON b.id = a.id + 300 WHERE a.id = x.id AND custseg.predict('m', b) IS NULL));

-- grouped, sorted, distinct
SELECT count(*) FROM (SELECT custseg.predict('m', s) FROM shopper s GROUP BY s) g;
SELECT custseg.predict('m', s) AS segment, count(*) FROM shopper s GROUP BY 1 ORDER BY custseg.predict('m', s);
SELECT custseg.predict('m', s) AS segment, count(*) FROM shopper s GROUP BY ROLLUP (1) ORDER BY 1;
SELECT count(DISTINCT custseg.predict('m', s)) FROM shopper s;

-- a cached plan follows the model: another version with other columns, and back
SET plan_cache_mode = force_generic_plan;
PREPARE segments AS SELECT max(custseg.predict('m', s)) FROM shopper s;
EXECUTE segments;
SELECT version FROM custseg.train('m', 'shopper', features => '{age}', k => 2, deploy => true);
EXECUTE segments;
SELECT custseg.rollback('m');
EXECUTE segments;
ALTER TABLE shopper RENAME visits TO calls;
EXECUTE segments;
ALTER TABLE shopper RENAME calls TO visits;
EXECUTE segments;
DEALLOCATE segments;
RESET plan_cache_mode;

-- what is bound to fail fails when it is executed
EXPLAIN (COSTS OFF) SELECT custseg.predict('none', s) FROM shopper s;
SELECT custseg.predict('none', s) FROM shopper s;
SELECT custseg.predict('m', s, 9) FROM shopper s;
SELECT custseg.predict('m', s, 0) FROM shopper s;
SELECT custseg.predict('none', s) FROM shopper s WHERE false;

-- reading the columns needs the rights that the row needs
CREATE ROLE regress_planner;
GRANT SELECT (spend, visits) ON shopper TO regress_planner;
SELECT custseg.grant_model('m', 'regress_planner');
SET ROLE regress_planner;
SELECT custseg.predict('m', s) FROM shopper s LIMIT 1;
RESET ROLE;

-- Plain models, of numbers that are only scaled and of centers, are scored by themselves: the same segment, whatever
-- is missing or not finite, for any number of features and segments; predict_detail() goes the long way
CREATE TABLE plain AS
SELECT i AS id, ((i * 7919) % 1009)::float8 AS f1, ((i * 104729) % 997)::float8 AS f2, (i % 10)::float8 AS f3, sqrt(i) AS f4, ln(i) AS f5,
    (i % 2)::float8 AS f6, (i % 3)::float8 AS f7, (i % 5)::float8 AS f8, -i::float8 AS f9
FROM generate_series(1, 2000) AS i;
CREATE TABLE odd AS SELECT * FROM plain WHERE id <= 300;
UPDATE odd SET f1 = NULL WHERE id % 3 = 0;
UPDATE odd SET f2 = 'NaN' WHERE id % 5 = 0;
UPDATE odd SET f1 = 'infinity' WHERE id % 7 = 0;
UPDATE odd SET f1 = '-infinity', f2 = NULL, f3 = NULL WHERE id % 11 = 0;
UPDATE odd SET f1 = 1e308 WHERE id % 13 = 0;
UPDATE odd SET f1 = NULL, f2 = NULL, f3 = NULL, f4 = NULL, f5 = NULL, f6 = NULL, f7 = NULL, f8 = NULL, f9 = NULL WHERE id % 17 = 0;
CREATE FUNCTION plain_is_same(d int, k int, prep jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    PERFORM custseg.train('plain', 'plain', (SELECT array_agg('f' || i) FROM generate_series(1, d) AS i), k, id => 'id', prep => prep,
        options => '{"n_init": 1, "silhouette_sample": 0}');
    SELECT format('%s of %s, %s in none', count(*) FILTER (WHERE custseg.predict('plain', o) IS NOT DISTINCT FROM (custseg.predict_detail('plain', o)).segment),
        count(*), count(*) FILTER (WHERE custseg.predict('plain', o) IS NULL)) INTO result FROM odd o;
    PERFORM custseg.drop_model('plain', whole => true);
    RETURN result;
END $$;
SET client_min_messages = warning;
SELECT d, k, prep, plain_is_same(d, k, prep::jsonb) AS same
FROM unnest('{1,3,8,9}'::int[]) AS d, unnest('{1,5,9,17}'::int[]) AS k,
    unnest('{"{}", "{\"impute\": \"mean\", \"clip\": \"iqr\", \"scale\": \"minmax\"}"}'::text[]) AS prep
WHERE d > 1 OR k < 17;
-- not plain: neighbors, a transform, components, another rule than the nearest center
SELECT prep, plain_is_same(4, 5, prep::jsonb) AS same
FROM unnest('{"{\"impute\": \"knn\"}", "{\"impute\": \"skip\"}", "{\"columns\": {\"f4\": {\"transform\": \"log1p\"}}}", "{\"pca\": 2}"}'::text[]) AS prep;
RESET client_min_messages;

-- A plain model costs what its columns cost to add up, so that compiling and workers are decided upon as of their sum.
CREATE FUNCTION costs(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    RETURN plan #>> '{0,Plan,Total Cost}';
END $$;
SELECT n_segments FROM custseg.train('plain', 'plain', '{f1,f2,f3,f4,f5,f6,f7,f8,f9}', 5, id => 'id', options => '{"n_init": 1, "silhouette_sample": 0}');
ANALYZE plain;
SELECT costs($$SELECT count(custseg.predict('plain', p)) FROM plain p$$) <= costs('SELECT sum(f1 + f2 + f3 + f4 + f5 + f6 + f7 + f8 + f9) FROM plain') AS as_sum,
    costs($$SELECT count(custseg.predict('plain', to_jsonb(p))) FROM plain p$$) > 2 * costs($$SELECT count(custseg.predict('plain', p)) FROM plain p$$) AS json_costs_more;

-- called by hand
SELECT custseg_private.predict_columns('m', NULL, '{visits,spend}', 90, 500.0) = custseg.predict('m', '{"visits": 90, "spend": 500}'::jsonb) AS same;
SELECT custseg_private.predict_columns(NULL, NULL, '{a}', 1), custseg_private.predict_columns('m', NULL, NULL, 1);
SELECT custseg_private.predict_columns('m', NULL, '{spend}', 1);
SELECT custseg_private.predict_columns('m', NULL, '{spend,visits}', 1);
SELECT custseg_private.predict_columns('m', NULL, '{spend,NULL}', 1, 2);

DROP FUNCTION moved(), plain_is_same, costs;
DROP VIEW shopper_view;
DROP TABLE shopper, part, plain, odd;
SELECT custseg.drop_model('m', whole => true);
SELECT custseg.drop_model('plain', whole => true);
DROP ROLE regress_planner;
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
