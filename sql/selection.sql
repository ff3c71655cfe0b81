-- Quantiles that are selected are those of sorted values, to the bit, and moments do not depend on the order of the
-- rows.  There are so many rows that values are not sorted, and columns that are hard to cut into cells.

\set SHOW_CONTEXT never
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
SET client_min_messages = error;

SELECT setseed(0.25) IS NULL AS seeded;
CREATE TABLE hostile AS
SELECT id,
    random() AS uniform,
    CASE WHEN random() < 0.9 THEN 0 ELSE exp(6 * random() - 3) END AS mostly_zero,
    CASE WHEN random() < 0.3 THEN 9.99 ELSE 20 * random() END AS price,
    floor(-3 * ln(1 - random())) AS visits,
    CASE WHEN id = 77 THEN 1e6 ELSE 1 END AS single_outlier,
    1e15 + floor(3 * random()) AS far_from_zero,
    tan(pi() * (random() - 0.5)) AS heavy_tails,
    sign(random() - 0.5) * 10 ^ (300 * random() - 150) AS any_scale,
    CASE WHEN random() < 0.5 THEN -0.0::float8 ELSE 0 END + CASE WHEN id % 1000 = 0 THEN 1 ELSE 0 END AS both_zeros,
    sign(random() - 0.5) + 1e-13 * random() AS two_points,
    id::float8 AS ascending,
    -id::float8 AS descending,
    CASE WHEN random() < 0.7 THEN round((100 * random())::numeric, 1)::float8 END AS missing
FROM generate_series(1, 40000) AS id;

-- CsQuantileRank() and CsBetweenValues() over all values in order
CREATE FUNCTION quantile_of(sorted float8[], p float8) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    rank float8 := (cardinality(sorted) - 1) * p;
    whole float8 := round(rank);
    part float8 := 0;
BEGIN
    IF abs(rank - whole) > 2 * 2.220446049250313e-16 * rank THEN
        whole := floor(rank);
        part := rank - whole;
    END IF;
    IF part = 0 OR sorted[whole + 1] = sorted[whole + 2] THEN
        RETURN sorted[whole + 1];
    END IF;
    RETURN sorted[whole + 1] + part * (sorted[whole + 2] - sorted[whole + 1]);
END $$;
CREATE FUNCTION sorted_column(name text) RETURNS float8[] LANGUAGE plpgsql AS $$
DECLARE
    result float8[];
BEGIN
    EXECUTE format('SELECT array_agg(%1$I + 0.0 ORDER BY %1$I) FROM hostile WHERE %1$I IS NOT NULL', name) INTO result;
    RETURN result;
END $$;
CREATE FUNCTION train_by(model text, row_order text, prep jsonb, features text[] DEFAULT NULL, options jsonb DEFAULT '{}') RETURNS text
LANGUAGE sql AS $$
    SELECT version::text FROM custseg.train(model, 'SELECT * FROM hostile ORDER BY ' || row_order, features, 2,
        id => 'id', prep => prep, options => '{"n_init": 1, "max_iter": 1, "silhouette_sample": 0}' || options)
$$;
-- What is fitted to the columns of a model, to the bit.
CREATE FUNCTION fitted(of_model text) RETURNS text LANGUAGE sql AS $$
    SELECT md5(string_agg((to_jsonb(f) - '{model,version}'::text[])::text, ' ' ORDER BY position))
    FROM custseg.feature f WHERE model = of_model
$$;

-- 1,001 quantiles, and moments against exact decimals
SELECT train_by('by id', 'id', '{}', '{uniform,mostly_zero,price,visits,single_outlier,far_from_zero,heavy_tails,any_scale,both_zeros,two_points,ascending,descending,missing}');
SELECT f.name, cardinality(f.quantiles) AS quantiles,
    f.quantiles::text = (SELECT array_agg(quantile_of(s.sorted, i / 1000.0::float8) ORDER BY i) FROM generate_series(0, 1000) AS i)::text AS as_sorted,
    f.minimum = s.sorted[1] AND f.maximum = s.sorted[cardinality(s.sorted)] AS ends
FROM custseg.feature f, LATERAL (SELECT sorted_column(f.name) AS sorted) AS s
WHERE f.model = 'by id' ORDER BY f.position;
SELECT f.name, agrees(f.mean, e.mean, 4e-16) AS mean, agrees(f.standard_deviation, e.sd, 4e-16) AS sd
FROM custseg.feature f,
    LATERAL (SELECT f.minimum + avg(x)::float8 AS mean, sqrt(avg(x * x) - avg(x) ^ 2)::float8 AS sd
             FROM (SELECT (v - f.minimum)::numeric AS x FROM unnest(sorted_column(f.name)) AS v) AS s) AS e
WHERE f.model = 'by id' AND f.name NOT IN ('any_scale', 'heavy_tails', 'two_points') ORDER BY f.position;

-- whatever the order of the rows, and the weights
SELECT train_by('shuffled', 'md5(id::text)', '{}', (SELECT array_agg(name ORDER BY position) FROM custseg.feature WHERE model = 'by id'));
SELECT train_by('by value', 'uniform DESC', '{}', (SELECT array_agg(name ORDER BY position) FROM custseg.feature WHERE model = 'by id'),
    '{"weight": "ascending"}');
SELECT fitted('by id') = fitted('shuffled') AS shuffled, fitted('by id') = fitted('by value') AS by_value;

-- each way to impute, clip, transform and scale, in two orders
CREATE FUNCTION same_in_two_orders(prep jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    columns text[] := '{uniform,mostly_zero,price,visits,heavy_tails,two_points,ascending,missing}';
    result boolean;
BEGIN
    PERFORM train_by('one', 'id', prep, columns), train_by('other', 'md5(id::text)', prep, columns);
    result := fitted('one') = fitted('other');
    PERFORM custseg.drop_model('one', whole => true), custseg.drop_model('other', whole => true);
    RETURN result;
END $$;
SELECT prep, same_in_two_orders(prep::jsonb) AS same
FROM unnest('{
    "{\"impute\": \"mean\", \"clip\": \"iqr\"}",
    "{\"impute\": \"constant\", \"constant\": 33.3, \"clip\": \"zscore\", \"scale\": \"robust\"}",
    "{\"impute\": \"mode\", \"clip\": \"quantile\", \"clip_limit\": 0.013, \"scale\": \"minmax\"}",
    "{\"transform\": \"quantile\"}",
    "{\"clip\": \"iqr\", \"transform\": \"yeo-johnson\", \"scale\": \"power2\"}"
}'::text[]) AS prep;

-- copies of what is filled in are among the values; limits and centers are those of the numbers as they then are
CREATE FUNCTION filled(by float8) RETURNS float8[] LANGUAGE sql AS $$
    SELECT array_agg(coalesce(missing, by) ORDER BY coalesce(missing, by)) FROM hostile
$$;
CREATE FUNCTION prepared(prep jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    result jsonb;
BEGIN
    PERFORM train_by('one', 'id', prep, '{missing,uniform}');
    SELECT f.prep INTO result FROM custseg.feature f WHERE f.model = 'one' AND f.name = 'missing';
    PERFORM custseg.drop_model('one', whole => true);
    RETURN result;
END $$;
SELECT (p ->> 'fill')::float8 = 17.5 AS fill,
    (p #>> '{limits,0}')::float8 = low AS low, (p #>> '{limits,1}')::float8 = high AS high,
    (p ->> 'center')::float8 = least(greatest(quantile_of(x, 0.5), low), high) AS center,
    (p ->> 'spread')::float8 = least(greatest(quantile_of(x, 0.75), low), high) - least(greatest(quantile_of(x, 0.25), low), high) AS spread
FROM (SELECT prepared('{"impute": "constant", "constant": 17.5, "clip": "quantile", "clip_limit": 0.0123, "scale": "robust"}') AS p,
          x, quantile_of(x, 0.0123) AS low, quantile_of(x, 1 - 0.0123::float8) AS high
      FROM filled(17.5) AS x) AS f;
SELECT (p ->> 'fill')::float8 = quantile_of(present, 0.5) AS fill, (p ->> 'center')::float8 = quantile_of(filled(quantile_of(present, 0.5)), 0.5) AS center
FROM (SELECT prepared('{"impute": "median", "scale": "robust"}') AS p, sorted_column('missing') AS present) AS f;
SELECT (p ->> 'fill')::float8 = (SELECT mode() WITHIN GROUP (ORDER BY missing) FROM hostile) AS fill
FROM prepared('{"impute": "mode"}') AS p;

-- constants, and numbers of which the least are denormal
CREATE TABLE tiny AS SELECT id, 7.25::float8 AS constant, 5e-324 * (id % 1000) AS denormal, 1e-310 * (id % 7) AS nearly, uniform FROM hostile;
SELECT n_rows FROM custseg.train('tiny', 'tiny', '{constant,denormal,nearly,uniform}', 2, id => 'id', options => '{"n_init": 1, "silhouette_sample": 0}');
SELECT name, quantiles[1], quantiles[501], quantiles[1001], standard_deviation > 0 AS varies FROM custseg.feature WHERE model = 'tiny' ORDER BY position;

-- infinite values, which training refuses and outliers are
CREATE TABLE endless AS SELECT id, CASE WHEN id % 3 = 0 THEN 'infinity' WHEN id % 50 = 1 THEN '-infinity' ELSE uniform END AS x FROM hostile;
SELECT outcome($$SELECT n_rows FROM custseg.train('endless', 'endless', '{x}', 2)$$);

-- A segment's summary is that of its sorted values, too.
SELECT train_by('groups', 'id', '{"clip": "quantile"}', '{uniform,visits,heavy_tails,missing}', '{"max_iter": 20}');
CREATE TABLE placed AS SELECT h.*, custseg.predict('groups', h) AS segment FROM hostile h;
CREATE FUNCTION segment_values(name text, of_segment int) RETURNS float8[] LANGUAGE plpgsql AS $$
DECLARE
    result float8[];
BEGIN
    EXECUTE format('SELECT array_agg(%1$I + 0.0 ORDER BY %1$I) FROM placed WHERE %1$I IS NOT NULL AND ($1 IS NULL OR segment = $1)', name)
    INTO result USING of_segment;
    RETURN result;
END $$;
SELECT p.column_name, p.segment, p.minimum = x[1] AND p.maximum = x[c.size] AS ends,
    p.median = quantile_of(x, 0.5) AND p.first_quartile = quantile_of(x, 0.25) AND p.third_quartile = quantile_of(x, 0.75) AS quartiles,
    agrees(p.mean, (SELECT avg(v::numeric) FROM unnest(x) AS v)::float8, 1e-14) AS mean
FROM custseg.segment_profile('groups', 'hostile') p, LATERAL segment_values(p.column_name, p.segment) AS x,
    LATERAL (SELECT cardinality(x) AS size) AS c
WHERE p.column_name IN ('uniform', 'visits', 'heavy_tails', 'missing', 'mostly_zero', 'price')
ORDER BY p.segment NULLS LAST, p.column_name;
SELECT b.column_name, b.segment,
    b.low_whisker = (SELECT min(v) FROM unnest(x) AS v WHERE v >= b.first_quartile - 1.5 * (b.third_quartile - b.first_quartile)) AS low,
    b.high_whisker = (SELECT max(v) FROM unnest(x) AS v WHERE v <= b.third_quartile + 1.5 * (b.third_quartile - b.first_quartile)) AS high,
    b.n_outliers = (SELECT count(*) FROM unnest(x) AS v WHERE v < b.first_quartile - 1.5 * (b.third_quartile - b.first_quartile) OR v > b.third_quartile + 1.5 * (b.third_quartile - b.first_quartile)) AS outliers
FROM custseg.boxplot('groups', 'hostile') b, LATERAL segment_values(b.column_name, b.segment) AS x
ORDER BY b.segment NULLS LAST, b.column_name;
SELECT (SELECT md5(string_agg(p::text, ' ' ORDER BY p::text)) FROM custseg.segment_profile('groups', 'SELECT * FROM hostile ORDER BY id') p) =
    (SELECT md5(string_agg(p::text, ' ' ORDER BY p::text)) FROM custseg.segment_profile('groups', 'SELECT * FROM hostile ORDER BY md5(id::text)') p) AS same_in_two_orders;

DROP FUNCTION quantile_of, sorted_column, train_by, fitted, same_in_two_orders, filled, prepared, segment_values;
DROP TABLE hostile, tiny, endless, placed;
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
