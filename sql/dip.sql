-- Hartigan's dip: dip() of R's package diptest 0.76

CREATE FUNCTION dip(float8[]) RETURNS float8 LANGUAGE sql RETURN (custseg_private.dip_test($1))[1];
SELECT abs(dip('{5,2,3,4,1}') - 0.1) < 1e-15 AS line, abs(dip('{0,0,1,1}') - 0.25) < 1e-15 AS two,
    (SELECT abs(dip(array_agg((i * 37 % 101) ^ 2)) - 0.008502415458937198) < 1e-15 FROM generate_series(0, 99) i) AS squares,
    (SELECT abs(dip(array_agg(CASE WHEN i < 50 THEN i * 0.01 ELSE 5 + (i - 50) * 0.02 END)) - 0.1661345776031434) < 1e-15 FROM generate_series(0, 79) i) AS heaps,
    (SELECT abs(dip(array_agg(i * 7919 % 1009)) - 0.006764705882352944) < 1e-15 FROM generate_series(0, 199) i) AS lattice;
-- one value, equal values; what does not change it
SELECT dip('{7}'), dip('{7,7,7,7}'), custseg_private.dip_test('{}'), custseg_private.dip_test('{1,NULL}');
SELECT dip('{1,2,9,10,11}') = dip('{-11,-10,-9,-2,-1}') AS mirrored, dip('{1,2,9,10,11}') = dip('{1024,2048,9216,10240,11264}') AS scaled;
-- p: two heaps, one heap, few values
SELECT (custseg_private.dip_test(array_agg(i % 2 * 5 + i * 0.001)))[2] < 0.0001 AS two_heaps, (custseg_private.dip_test(array_agg(i * i)))[2] AS one_heap FROM generate_series(1, 200) i;
SELECT (custseg_private.dip_test('{1,1,2}'))[2] AS few;
DROP FUNCTION dip;
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
