--
-- What the files of this folder share.  Each of them simulates one verdict on customers of whom the
-- truth is known, and lists its parts; test/perl/Calibration.pm runs them.
--

CREATE SCHEMA calibration;

-- A part: the trial is an expression, in which {seed} is a number that differs from trial to trial.
-- It is a boolean, whether the verdict was given; or an array, how often and of how many, where a trial
-- asks more than once; or a number, of which the mean is told.  NULL does not count.
CREATE TABLE calibration.part (
    file text NOT NULL DEFAULT current_setting('calibration.file'),
    position int GENERATED ALWAYS AS IDENTITY,
    verdict text NOT NULL,
    data text NOT NULL,
    n bigint NOT NULL,              -- customers of a trial
    measure text NOT NULL CHECK (measure IN ('false alarm', 'power', 'mean')),
    bar float8,                     -- most false alarms, least power, farthest of a mean from 0; NULL: told, not judged
    unit text,                      -- a false alarm may come more than once a unit ('year'); NULL: a share
    trial text NOT NULL,
    replicates int NOT NULL,        -- trials of the whole calibration
    quick int NOT NULL DEFAULT 0    -- trials of "make check"
);

-- An outcome as three numbers: how often, of how many, and the number itself.
CREATE FUNCTION calibration.outcome(given boolean) RETURNS float8[] LANGUAGE sql IMMUTABLE
RETURN CASE WHEN given IS NOT NULL THEN ARRAY[given::int, 1]::float8[] END;
CREATE FUNCTION calibration.outcome(given bigint[]) RETURNS float8[] LANGUAGE sql IMMUTABLE
RETURN CASE WHEN given[2] > 0 THEN given::float8[] END;
CREATE FUNCTION calibration.outcome(given float8) RETURNS float8[] LANGUAGE sql IMMUTABLE
RETURN CASE WHEN given IS NOT NULL THEN ARRAY[given, 1] END;

-- A random number of customer i, 0 <= u < 1.  Streams up to 499 are independent of each other: of one
-- hash of the three numbers they are not, and chi-square tests come out significant three times too often.
CREATE FUNCTION calibration.uniform(seed int, stream int, i bigint) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(hashint8extended(hashint8extended(i, seed), stream), 0) & 9007199254740991) / 9007199254740992.0::float8;

-- The same of a normal distribution with mean 0 and deviation 1 (Box and Muller).
CREATE FUNCTION calibration.normal(seed int, stream int, i bigint) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN sqrt(-2 * ln(1 - calibration.uniform(seed, stream, i))) * cos(2 * pi() * calibration.uniform(seed, stream + 500, i));

-- Customers to be watched: four groups in x and y, 6 deviations apart, of 40, 30, 24 and 6 %; the other
-- features have nothing to do with them.  What has changed since training: z by so many deviations, from
-- shop to web in channel and from the first group to the second such shares of the customers, and a share
-- of customers of a new kind, at a place beyond all groups.
CREATE FUNCTION calibration.customers(seed int, n int, shift float8 DEFAULT 0, to_web float8 DEFAULT 0, moved float8 DEFAULT 0, new_kind float8 DEFAULT 0, place float8 DEFAULT 0)
RETURNS TABLE (x float8, y float8, z float8, w float8, channel text, member bool) LANGUAGE sql STABLE AS $$
    SELECT
        CASE WHEN c.is_new THEN c.place WHEN c.grp < 0.4 - c.moved OR c.grp >= 0.7 AND c.grp < 0.94 THEN 0 ELSE 6 END + calibration.normal(c.seed, 11, c.i),
        CASE WHEN c.is_new THEN c.place WHEN c.grp < 0.7 THEN 0 ELSE 6 END + calibration.normal(c.seed, 12, c.i),
        c.shift + calibration.normal(c.seed, 13, c.i),
        exp(calibration.normal(c.seed, 14, c.i) / 2),
        CASE WHEN c.kind < 0.5 + c.to_web THEN 'web' WHEN c.kind < 0.8 THEN 'shop' ELSE 'phone' END,
        calibration.uniform(c.seed, 16, c.i) < 0.4
    FROM (SELECT seed, i, shift, to_web, moved, place, calibration.uniform(seed, 17, i) < new_kind AS is_new,
            calibration.uniform(seed, 18, i) AS grp, calibration.uniform(seed, 15, i) AS kind
        FROM generate_series(1, n) i) c
$$;

-- A model of such customers, trained when it is first asked for.
CREATE FUNCTION calibration.watched_model(seed int, n int, features text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    model text := format('calibration_%s_%s_%s', seed, n, array_to_string(features, ''));
BEGIN
    IF NOT EXISTS (SELECT FROM custseg.model m WHERE m.name = model) THEN
        PERFORM custseg.train(model, format('SELECT * FROM calibration.customers(%s, %s)', -1 - seed, n), features, k => 4);
    END IF;
    RETURN model;
END $$;

-- Customers without groups, of a kind of calibration.kind_without_groups(); or in a ring, which is none of them.
CREATE FUNCTION calibration.without_groups(kind text, seed int, n int) RETURNS text LANGUAGE sql
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

-- The kinds, one after the other.
CREATE FUNCTION calibration.kind_without_groups(i int) RETURNS text LANGUAGE sql IMMUTABLE
RETURN (ARRAY['box', 'normal', 'normal, 10 columns', 'RFM', 'RFM, logarithms', 'heavy tails', 'banana', 'a category', 'categories', 'half without money'])[1 + i % 10];

-- Customers in k groups of one shape: 0 round, 1 stretched, 2 skewed. Centers are drawn from a normal distribution and then moved away from
-- each other until the nearest two are "apart" deviations apart.
CREATE FUNCTION calibration.in_groups(seed int, n int, k int, apart float8, shape int, unequal bool) RETURNS text LANGUAGE sql
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
CREATE FUNCTION calibration.with_groups(seed int, n int, apart float8) RETURNS text LANGUAGE sql
RETURN calibration.in_groups(seed, n, 2 + seed % 5, apart, seed / 5 % 3, seed / 15 % 2 = 1);
