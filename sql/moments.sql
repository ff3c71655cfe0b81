--
-- Cross moments of many rows: blocks of 1,024 that are merged (pca), rows that join one by one (outliers).
-- Golden numbers: exact rational arithmetic (Python's fractions), rounded once, of rows that float8 holds exactly.
--
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS moments_test CASCADE;
CREATE SCHEMA moments_test;
SET search_path = moments_test, public;
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
RESET client_min_messages;

-- a and c are large beside what they vary by; 2,500 rows end in the middle of the third block, 5 columns in a tile of 4
CREATE TABLE numbers AS
SELECT i AS id, a::float8, b::float8, (a - 2 * b + i * 31 % 1009 / 64.0)::float8 AS c, (i * i % 997 / 64.0)::float8 AS d,
       (-5 + (i % 3 = 0)::int)::float8 AS e
FROM generate_series(1, 2500) i, LATERAL (SELECT 1000000 + i * 7919 % 10007 / 1024.0, i * 104729::bigint % 65537 / 4096.0) x (a, b);

-- what the components say of the covariance of two columns
CREATE FUNCTION covariances(source text) RETURNS TABLE (a text, b text, covariance float8) LANGUAGE sql AS $$
    SELECT x.key, y.key, sum(p.eigenvalue * x.value::float8 * y.value::float8)
    FROM custseg.pca(source, '{a,b,c,d,e}', '{"scale": "none"}') p, jsonb_each_text(p.loadings) x, jsonb_each_text(p.loadings) y
    WHERE x.key <= y.key
    GROUP BY 1, 2
$$;

SELECT g.a, g.b, agrees(c.covariance, g.covariance, 1e-9) AS as_exact
FROM covariances('numbers') c JOIN (VALUES
    ('a', 'a', 7.956168942695486),
    ('a', 'b', -0.05934973661202152),
    ('a', 'c', 8.000155691366817),
    ('a', 'd', 0.062045236883816024),
    ('a', 'e', 0.004835131552621048),
    ('b', 'b', 21.334526862795364),
    ('b', 'c', -42.801407076495146),
    ('b', 'd', -0.34729713232216713),
    ('b', 'e', 0.004060274422268907),
    ('c', 'c', 114.33617110234077),
    ('c', 'd', 1.2551168477791508),
    ('c', 'e', -0.00440375462685074),
    ('d', 'd', 20.873343501892943),
    ('d', 'e', 0.016266854241696677),
    ('e', 'e', 0.22226666666666667))
    g (a, b, covariance) USING (a, b)
ORDER BY 1, 2;
SELECT agrees(sum(eigenvalue), 164.72247707639121, 1e-12) AS trace, count(*) FROM custseg.pca('numbers', '{a,b,c,d,e}', '{"scale": "none"}');

-- one block, one row of the second, and blocks that are full: as PostgreSQL's own covar_samp
SELECT n, agrees(c.covariance, (SELECT covar_samp(x.a - 1000005, x.c - 1000005) FROM numbers x WHERE id <= n), 1e-9) AS a_with_c,
       agrees(f.covariance, (SELECT covar_samp(x.d, x.e) FROM numbers x WHERE id <= n), 1e-9) AS d_with_e
FROM unnest('{6,1024,1025,2048}'::int[]) n,
     covariances(format('SELECT * FROM moments_test.numbers WHERE id <= %s ORDER BY id', n)) c,
     covariances(format('SELECT * FROM moments_test.numbers WHERE id <= %s ORDER BY id', n)) f
WHERE (c.a, c.b, f.a, f.b) = ('a', 'c', 'd', 'e')
ORDER BY n;

-- rows that join one by one: Mahalanobis' distance by the inverse of that matrix
SELECT id, agrees(o.mahalanobis, g.distance, 1e-9) AS as_exact
FROM custseg.outliers('numbers', '{a,b,c,d,e}', '{"significance": 0.5, "id": "id", "limit": 100000}') o
JOIN (VALUES ('1821', 3.5291980986988527), ('1107', 3.5009730781809365), ('393', 3.4403786020832614), ('1530', 3.2647074730609504), ('1500', 3.250111436221273)) g (id, distance) USING (id)
ORDER BY g.distance DESC;
\i :root/test/clean.sql
