-- Agreement of two labelings: aggregates against scikit-learn 1.2.1.

\set SHOW_CONTEXT never
\set VERBOSITY terse

CREATE TABLE labels AS
SELECT i, i % 5 AS a, i * i % 23 AS b, CASE WHEN i % 11 = 0 THEN i % 3 ELSE i % 5 END AS c
FROM generate_series(1, 120) i;

-- Golden numbers: adjusted_rand_score, mutual_info_score, normalized_mutual_info_score

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

SELECT agrees(custseg.adjusted_rand(a, b), -0.04913668889051701, 1e-12) AS rand,
    agrees(custseg.mutual_information(a, b), 0.0069993061032049, 1e-12) AS information,
    agrees(custseg.normalized_mutual_information(a, b), 0.0034314177127715605, 1e-12) AS normalized
FROM labels;
SELECT agrees(custseg.adjusted_rand(a, c), 0.8148686673873983, 1e-12) AS rand,
    agrees(custseg.mutual_information(a, c), 1.2966706931188319, 1e-12) AS information,
    agrees(custseg.normalized_mutual_information(a, c), 0.8062798820270975, 1e-12) AS normalized
FROM labels;
-- to the bit whichever comes first, and whatever the labels are called
SELECT custseg.adjusted_rand(a, c) = custseg.adjusted_rand(c, a) AS symmetric,
    custseg.adjusted_rand(a, c) = custseg.adjusted_rand(-a, 2147483647 - c) AS renamed
FROM labels;
-- and in whatever order the rows come
SELECT count(DISTINCT (custseg.adjusted_rand, custseg.mutual_information, custseg.normalized_mutual_information)::text)
FROM generate_series(1, 5) n,
    LATERAL (SELECT custseg.adjusted_rand(a, b), custseg.mutual_information(a, b), custseg.normalized_mutual_information(a, b)
        FROM (SELECT * FROM labels ORDER BY i * 37 % (100 + n), i) ordered) custseg;

-- Special cases

CREATE FUNCTION agreement(a int[], b int[]) RETURNS TABLE (rand float8, information float8, normalized float8)
LANGUAGE sql BEGIN ATOMIC
    SELECT custseg.adjusted_rand(x, y), round(custseg.mutual_information(x, y)::numeric, 12)::float8,
        custseg.normalized_mutual_information(x, y)
    FROM unnest(a, b) u (x, y);
END;
-- no rows, and none with both labels
SELECT * FROM agreement('{}', '{}');
SELECT * FROM agreement('{1,NULL}', '{NULL,1}');
-- one row; the same; each its own
SELECT * FROM agreement('{1}', '{7}');
SELECT * FROM agreement('{1,1,2,2,3}', '{5,5,-6,-6,0}');
SELECT * FROM agreement('{1,2,3}', '{3,1,2}');
-- one label in one, or in both
SELECT * FROM agreement('{1,2,3}', '{1,1,1}');
SELECT * FROM agreement('{4,4,4}', '{1,1,1}');
-- less alike than chance; independent
SELECT * FROM agreement('{1,1,2,2}', '{1,2,1,2}');
-- a row with a NULL label is left out
SELECT * FROM agreement('{1,1,2,2,NULL,2}', '{1,1,2,2,1,NULL}');

-- As aggregates: groups, windows that move, FILTER, DISTINCT
SELECT a % 2 AS odd, round(custseg.adjusted_rand(a, c)::numeric, 9) AS rand, count(*) FROM labels GROUP BY a % 2 ORDER BY 1;
SELECT count(*) AS windows, count(*) FILTER (WHERE w.rand = (
    SELECT custseg.adjusted_rand(a, c) FROM labels l WHERE l.i BETWEEN w.i - 9 AND w.i)) AS same
FROM (SELECT i, custseg.adjusted_rand(a, c) OVER (ORDER BY i ROWS 9 PRECEDING) AS rand FROM labels) w;
SELECT count(*) AS windows, count(*) FILTER (WHERE w.rand = (
    SELECT custseg.adjusted_rand(a, b) FROM labels l WHERE l.i <= w.i)) AS same
FROM (SELECT i, custseg.adjusted_rand(a, b) OVER (ORDER BY i) AS rand FROM labels) w;
SELECT custseg.adjusted_rand(a, c) FILTER (WHERE a < 0) AS none, custseg.adjusted_rand(DISTINCT a, a) AS each FROM labels;

-- Large numbers of rows do not overflow: the state of a billion rows, by doubling that of 10.  scikit-learn
-- gives 0.204545455 for 10 and 0.375995779 for 10,240 rows.
CREATE AGGREGATE state_of(int, int) (SFUNC = custseg_private.agreement_accum, STYPE = bytea);
CREATE AGGREGATE join_states(bytea) (SFUNC = custseg_private.agreement_combine, STYPE = bytea);
CREATE AGGREGATE rand_of_states(bytea) (SFUNC = custseg_private.agreement_combine, STYPE = bytea, FINALFUNC = custseg_private.adjusted_rand_final);
CREATE AGGREGATE information_of_states(bytea) (SFUNC = custseg_private.agreement_combine, STYPE = bytea,
    FINALFUNC = custseg_private.mutual_information_final);
WITH RECURSIVE doubled AS (
    SELECT 0 AS n, state_of(x, y) AS state FROM unnest('{1,1,1,2,2,2,3,3,3,3}'::int[], '{1,1,2,2,2,1,3,3,3,1}'::int[]) u (x, y)
    UNION ALL
    SELECT n + 1, (SELECT join_states(s) FROM unnest(ARRAY[state, state]) s) FROM doubled WHERE n < 27
)
SELECT n, 10 * 2 ^ n AS rows, round(rand_of_states(state)::numeric, 9) AS rand, round(information_of_states(state)::numeric, 12) AS information
FROM doubled WHERE n IN (0, 10, 27) GROUP BY n ORDER BY n;

-- In parallel the same
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CREATE TABLE many AS SELECT i * 7919 % 1009 AS a, i * 104729 % 613 AS b FROM generate_series(1, 20000) i;
ANALYZE many;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT custseg.adjusted_rand(a, b) FROM many;
CREATE TEMP TABLE results AS
SELECT custseg.adjusted_rand(a, b), custseg.mutual_information(a, b), custseg.normalized_mutual_information(a, b) FROM many;
SET max_parallel_workers_per_gather = 0;
INSERT INTO results
SELECT custseg.adjusted_rand(a, b), custseg.mutual_information(a, b), custseg.normalized_mutual_information(a, b) FROM many;
SELECT count(*), count(DISTINCT results) FROM results;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;

-- Limits and misuse

SELECT custseg.adjusted_rand(i, i) FROM generate_series(1, 1000001) i;
-- too many rows: the state of 10 rows, doubled 30 times
WITH RECURSIVE doubled AS (
    SELECT 0 AS n, state_of(1, 1) AS state FROM generate_series(1, 10)
    UNION ALL
    SELECT n + 1, (SELECT join_states(s) FROM unnest(ARRAY[state, state]) s) FROM doubled WHERE n < 30
)
SELECT max(n) FROM doubled WHERE length(state) > 0;
SELECT custseg_private.agreement_accum(NULL, 1, 2);
SELECT custseg_private.agreement_combine('\x00', '\x00');
-- states that nobody made
SELECT custseg_private.adjusted_rand_final('\x');
SELECT custseg_private.mutual_information_final(decode(repeat('00', 276), 'hex'));
SELECT custseg_private.normalized_mutual_information_final(substr(state_of(1, 2), 1, 100));
SELECT join_states(s) FROM unnest(ARRAY['\x0123'::bytea, '\x0123']) s;
CREATE AGGREGATE forged(int, int) (SFUNC = custseg_private.agreement_accum, STYPE = bytea, INITCOND = '\xdeadbeef');
SELECT forged(1, 2);
SELECT forged(i, i) FROM generate_series(1, 3) i;
-- a table whose slots are all in use, or counts less than it says
SELECT custseg_private.adjusted_rand_final(overlay(state_of(1, 2) PLACING '\x02' FROM 5));
SELECT custseg_private.adjusted_rand_final(state_of(1, 2));

DROP AGGREGATE forged(int, int), state_of(int, int), join_states(bytea), rand_of_states(bytea), information_of_states(bytea);
DROP FUNCTION agreement;
DROP TABLE labels, many, results;
\i :root/test/clean.sql
