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
