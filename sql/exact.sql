-- Sums of passes: whole numbers of a unit, so that neither the order of rows nor who adds them matters.
-- Each value is m * 2^e with a whole m of 53 bits at most, which float8 holds exactly, and whose sums numeric does.

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
SET client_min_messages = warning;

-- "reach" is the power of two that bounds the values, "said" the rows that the plan is made for
CREATE TABLE cases AS SELECT * FROM (VALUES
    ('near 1e12', 40, 1000), ('near 1e-9', -29, 1000), ('mixed signs', 33, 1000), ('cancels', 53, 1000), ('far apart', 10, 1000),
    ('many rows', 10, 1000000000000000), ('huge', 503, 1000), ('tiny', -979, 1000), ('denormal', -1030, 1000)) v (name, reach, said);
CREATE TABLE addends AS
SELECT i, c.name, v.m::bigint AS m, v.e, v.m::float8 * 2::float8 ^ v.e AS x
FROM cases c, (SELECT i, hashint8extended(i, 1) AS h FROM generate_series(1, 1000) i) r,
    LATERAL (SELECT (h % 4503599627370496) AS wide, abs(h % 1000) + 1 AS small) w,
    LATERAL (SELECT CASE name
            WHEN 'near 1e12' THEN 1024000000000000 + h % 3000
            WHEN 'near 1e-9' THEN 1208925819614629 + h % 1000000000000000
            WHEN 'cancels' THEN CASE i % 3 WHEN 0 THEN 4503599627370496 WHEN 1 THEN -4503599627370496 ELSE 1 END
            WHEN 'mixed signs' THEN wide WHEN 'huge' THEN wide WHEN 'tiny' THEN h % 1000000
            ELSE CASE WHEN h > 0 THEN small ELSE -small END END,
        CASE name WHEN 'near 1e12' THEN -10 WHEN 'near 1e-9' THEN -80 WHEN 'mixed signs' THEN -20 WHEN 'cancels' THEN 0
            WHEN 'huge' THEN 450 WHEN 'tiny' THEN -1000 WHEN 'denormal' THEN -1074 WHEN 'many rows' THEN -(i % 65) ELSE -(i % 76) END) v (m, e);

CREATE FUNCTION plan(reach int, said bigint) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
SELECT convert_to(jsonb_build_object('numbers', 1, 'levels', 0, 'skip_numbers', '[]'::jsonb, 'skip_levels', '[]'::jsonb,
    'pipeline', '{"pca": null, "donors": null, "features": [{"name": "x", "kind": "numeric", "type": "double precision", "clip": "none", "fill": 0,
        "impute": "median", "mean": 0, "scale": "none", "center": 0, "spread": 1, "transform": "none"}]}'::jsonb,
    'parts', jsonb_build_array(jsonb_build_object('pass', 'moments', 'rows', said, 'middle', '[0]'::jsonb, 'reach', jsonb_build_array(2::float8 ^ reach))))::text, 'UTF8')
$$;
-- the sum of the values in a state, in units: 128 bits before those of the squares, which end the state
CREATE FUNCTION units(state bytea) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
SELECT sum(get_byte(state, length(state) - 32 + i) * 256::numeric ^ i)
    - CASE WHEN get_byte(state, length(state) - 17) > 127 THEN 2::numeric ^ 128 ELSE 0 END FROM generate_series(0, 15) i
$$;
-- the power of two whose inverse is the unit
CREATE FUNCTION exponent(reach int, said bigint) RETURNS int LANGUAGE sql IMMUTABLE AS $$
SELECT (least(86, 126 - ceil(log(2, said + 1))) - reach - 1)::int
$$;

-- one by one in six orders, and merged from partial states, in six orders, too
CREATE VIEW states AS
SELECT name, 'order ' || seed AS how, custseg_private.pass(plan(reach, said), ARRAY[x] ORDER BY hashint8extended(i, seed)) AS state
FROM cases JOIN addends USING (name), generate_series(1, 6) seed GROUP BY 1, 2
UNION ALL
SELECT name, 'in ' || parts, custseg_private.pass_merge(state ORDER BY hashint8extended(part, parts))
FROM (SELECT name, parts, abs(hashint8extended(i, parts) % parts) AS part, custseg_private.pass(plan(reach, said), ARRAY[x] ORDER BY hashint8extended(i, -parts)) AS state
    FROM cases JOIN addends USING (name), unnest('{2,3,10,50,200,900}'::int[]) parts GROUP BY 1, 2, 3) s GROUP BY 1, 2;

SELECT name, count(*) AS states, count(DISTINCT state) AS different, bool_and(units(state) = e.units) AS as_numeric, e.units <> 0 AS is_some
FROM states JOIN (SELECT name, sum(round(m * 2::numeric ^ (e + exponent(reach, said)))) AS units FROM cases JOIN addends USING (name) GROUP BY 1) e USING (name)
GROUP BY name, e.units ORDER BY name COLLATE "C";
-- so it matters: float8's own sums differ
SELECT name, count(DISTINCT total) > 1 AS differ
FROM (SELECT name, seed, sum(x ORDER BY hashint8extended(i, seed)) AS total FROM addends, generate_series(1, 6) seed WHERE name IN ('mixed signs', 'near 1e-9') GROUP BY 1, 2) s
GROUP BY 1 ORDER BY name COLLATE "C";

-- a value beyond what the plan was made for is not added
SELECT custseg_private.pass(plan(10, 1000), ARRAY[x]::float8[]) FROM unnest('{1,2048.5,1e300}'::float8[]) x;

-- what comes of a sum is next to it: means of a training
SELECT name, n_rows
FROM unnest('{huge,mixed signs,near 1e-9,near 1e12}'::text[]) name,
    custseg.train(name, format('SELECT i, x FROM addends WHERE name = %L', name), '{x}', 2, id => 'i', options => '{"engine": "distributed", "silhouette_sample": 0}');
SELECT name, abs(f.mean - e.mean) <= 1e-15 * e.largest AS as_numeric
FROM (SELECT name, (sum(m) / count(*))::float8 * 2::float8 ^ min(e) AS mean, max(abs(x)) AS largest FROM addends GROUP BY 1) e
JOIN (SELECT model AS name, mean FROM custseg.feature) f USING (name)
ORDER BY name COLLATE "C";

-- a square that is no float8, or 0, is no matter: the same values, times a power of two, give the same model
CREATE FUNCTION prepared(model text, factor float8) RETURNS TABLE (mean float8, sd float8, centers text, sizes text) LANGUAGE sql AS $$
SELECT custseg.train(model, format('SELECT i AS id, hashint8extended(i, 1) %% 1000000 * %s::float8 AS x FROM generate_series(1, 1000) i', factor), '{x}', 3, id => 'id',
    options => '{"engine": "distributed", "silhouette_sample": 0}');
SELECT f.mean / factor, f.standard_deviation / factor, s.centers, s.sizes
FROM custseg.feature f
CROSS JOIN (SELECT string_agg(center::text, ' ' ORDER BY segment) AS centers, string_agg(n::text, ' ' ORDER BY segment) AS sizes FROM custseg.segment WHERE segment.model = prepared.model) s
WHERE f.model = prepared.model
$$;
SELECT power, p.mean = o.mean AS same_mean, p.sd = o.sd AS same_sd, p.centers = o.centers AS same_centers, p.sizes = o.sizes AS same_sizes
FROM prepared('ordinary', 1) o, unnest('{-1000,-900,-600,-500,500,600,900,1000}'::int[]) power, prepared('scaled ' || power, 2::float8 ^ power) p ORDER BY power;
DROP FUNCTION prepared;

DROP VIEW states;
DROP FUNCTION plan, units, exponent;
DROP TABLE cases, addends;
\i :root/test/clean.sql
