-- Customers without groups, of ten kinds: a box, normal clouds (correlated, with 3 and 10 columns), recency, frequency and money (as they
-- are, and their logarithms), a multivariate t distribution with 3 degrees of freedom, a banana (y = x² and noise), categories (beside two
-- numbers, and three of them alone), and money that half of the customers do not spend. "All kinds" takes one after the other.
-- And customers in 2 to 6 groups in three columns, whose nearest centers are so many standard deviations apart; groups are round, stretched
-- (one direction has 1.7 times the deviation of the others) or skewed (lognormal), of the same size or the largest k times the smallest.
-- A ring is not told from groups; what is called so is told without a bar.

-- A number of customer i: N normal, U uniform; streams 1 to 20.
CREATE FUNCTION calibration.structure_none(kind text, seed int, n int) RETURNS text LANGUAGE sql
RETURN format('SELECT %s FROM (SELECT %s FROM generate_series(1, %s) i) r', CASE kind
    WHEN 'box' THEN 'u1, u2, u3'
    WHEN 'normal' THEN 'n1 + n4 AS x, n2 + n4 AS y, n3 + n4 AS z'
    WHEN 'normal, 10 columns' THEN (SELECT string_agg(format('n%s + n11 AS x%1$s', j), ', ') FROM generate_series(1, 10) j)
    WHEN 'RFM' THEN 'floor(-100 * ln(1 - u1)) AS recency, floor(1 + exp(0.7 * (n1 + n2))) AS frequency, floor(1 + exp(0.7 * (n1 + n2))) * exp(3 + 0.6 * n3) AS money'
    WHEN 'RFM, logarithms' THEN 'ln(1 + floor(-100 * ln(1 - u1))) AS recency, ln(floor(1 + exp(0.7 * (n1 + n2)))) AS frequency, ln(floor(1 + exp(0.7 * (n1 + n2)))) + 3 + 0.6 * n3 AS money'
    WHEN 'heavy tails' THEN 'n1 / w AS x, n2 / w AS y, n3 / w AS z'
    WHEN 'banana' THEN 'n1 AS x, n1 * n1 + 0.5 * n2 AS y'
    WHEN 'ring' THEN 'cosd(360 * u1) + 0.1 * n1 AS x, sind(360 * u1) + 0.1 * n2 AS y'
    WHEN 'a category' THEN 'n1, n2, (ARRAY[''a'', ''b'', ''c''])[1 + floor(3 * u1)::int] AS c'
    WHEN 'categories' THEN '(ARRAY[''a'', ''b'', ''c''])[1 + floor(3 * u1)::int] AS c, (ARRAY[''a'', ''b'', ''c'', ''d''])[1 + floor(4 * u2)::int] AS d, u3 < 0.3 AS e'
    WHEN 'half without money' THEN 'n1, n2, CASE WHEN u1 < 0.5 THEN 0 ELSE exp(n3) END AS money' END,
    (SELECT string_agg(format('calibration.normal(%s, %s, i) AS n%2$s', seed, j), ', ') FROM generate_series(1, CASE kind WHEN 'normal, 10 columns' THEN 11 ELSE 4 END) j) ||
    (SELECT string_agg(format(', calibration.uniform(%s, %s, i) AS u%s', seed, 20 + j, j), '') FROM generate_series(1, 3) j) ||
    format(', sqrt((calibration.normal(%s, 31, i) ^ 2 + calibration.normal(%1$s, 32, i) ^ 2 + calibration.normal(%1$s, 33, i) ^ 2) / 3) AS w', seed), n);

CREATE FUNCTION calibration.structure_kind(i int) RETURNS text LANGUAGE sql IMMUTABLE
RETURN (ARRAY['box', 'normal', 'normal, 10 columns', 'RFM', 'RFM, logarithms', 'heavy tails', 'banana', 'a category', 'categories', 'half without money'])[1 + i % 10];

-- Customers in k groups of one shape: 0 round, 1 stretched, 2 skewed. Centers are drawn from a normal distribution and then moved away from
-- each other until the nearest two are "apart" deviations apart.
CREATE FUNCTION calibration.structure_groups(seed int, n int, k int, apart float8, shape int, unequal bool) RETURNS text LANGUAGE sql
RETURN format($$SELECT m[1] + e1 AS x, m[2] + e2 AS y, m[3] + e3 AS z FROM (SELECT c.m,
        CASE %5$s WHEN 1 THEN 0.85 * (n1 + 0.7 * (n1 * a[1] + n2 * a[2] + n3 * a[3]) * a[1]) WHEN 2 THEN (exp(0.5 * n1) - 1.1331) / 0.6039 ELSE n1 END AS e1,
        CASE %5$s WHEN 1 THEN 0.85 * (n2 + 0.7 * (n1 * a[1] + n2 * a[2] + n3 * a[3]) * a[2]) WHEN 2 THEN (exp(0.5 * n2) - 1.1331) / 0.6039 ELSE n2 END AS e2,
        CASE %5$s WHEN 1 THEN 0.85 * (n3 + 0.7 * (n1 * a[1] + n2 * a[2] + n3 * a[3]) * a[3]) WHEN 2 THEN (exp(0.5 * n3) - 1.1331) / 0.6039 ELSE n3 END AS e3
    FROM (SELECT i, calibration.uniform(%1$s, 40, i) AS u, calibration.normal(%1$s, 41, i) AS n1, calibration.normal(%1$s, 42, i) AS n2, calibration.normal(%1$s, 43, i) AS n3
        FROM generate_series(1, %2$s) i) r
    JOIN (VALUES %4$s) c (low, high, m, a) ON r.u >= c.low AND r.u < c.high) s$$, seed, n, k,
    (WITH g AS (SELECT g, CASE WHEN unequal THEN g ELSE 1 END::float8 AS size, calibration.normal(seed, 51, g) AS x, calibration.normal(seed, 52, g) AS y, calibration.normal(seed, 53, g) AS z,
            calibration.normal(seed, 54, g) AS a, calibration.normal(seed, 55, g) AS b, calibration.normal(seed, 56, g) AS c FROM generate_series(1, k) g),
        scale AS (SELECT apart / min(sqrt((p.x - q.x) ^ 2 + (p.y - q.y) ^ 2 + (p.z - q.z) ^ 2)) AS f FROM g p JOIN g q ON p.g < q.g)
     SELECT string_agg(format('(%s::float8, %s::float8, ARRAY[%s, %s, %s]::float8[], ARRAY[%s, %s, %s]::float8[])',
            (SELECT coalesce(sum(size), 0) FROM g l WHERE l.g < g.g) / (SELECT sum(size) FROM g), (SELECT sum(size) FROM g l WHERE l.g <= g.g) / (SELECT sum(size) FROM g),
            f * x, f * y, f * z, a / sqrt(a * a + b * b + c * c), b / sqrt(a * a + b * b + c * c), c / sqrt(a * a + b * b + c * c)), ', ') FROM g, scale), shape);

-- The same of groups of all kinds, one after the other.
CREATE FUNCTION calibration.structure_planted(seed int, n int, apart float8) RETURNS text LANGUAGE sql
RETURN calibration.structure_groups(seed, n, 2 + seed % 5, apart, seed / 5 % 3, seed / 15 % 2 = 1);

-- Are there groups, by clusterability?
CREATE FUNCTION calibration.structure_found(source text) RETURNS boolean LANGUAGE sql
RETURN (SELECT rating IN ('moderate', 'strong') FROM custseg.clusterability(source));
