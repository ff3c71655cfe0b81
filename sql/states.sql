-- States of aggregates as servers and processes exchange them: whatever rows each has, and in whatever
-- order, all of them together give the same result to the bit; and no bytes that somebody has made up
-- do any harm.

\set SHOW_CONTEXT never

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

-- What has an internal state is not sent from server to server: this one finds the types of its
-- arguments in the call, which a server that is sent a part of it does not see
SELECT p.oid::regprocedure AS kept_at_home
FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid
WHERE p.pronamespace = 'custseg'::regnamespace AND (a.aggtranstype = 'internal'::regtype OR a.aggcombinefn = 0)
ORDER BY 1;

CREATE TABLE numbers AS
SELECT
    i,
    CASE WHEN i % 50 = 0 THEN NULL WHEN i % 71 = 0 THEN 'NaN' ELSE round((u * u * 100)::numeric, CASE WHEN i % 3 = 0 THEN 0 ELSE 6 END) END::float8 AS value,
    i % 3 = 0 AS is_current,
    (9 - (u * 8)::int % 7)::int AS segment
FROM generate_series(1, 5000) i, LATERAL (SELECT (hashint8extended(i, 7) & 1048575) / 1048576.0 AS u) r;

CREATE AGGREGATE part(float8, bool) (SFUNC = custseg_private.two_sample_accum, STYPE = bytea);
CREATE AGGREGATE part(float8, bool, int) (SFUNC = custseg_private.two_sample_accum, STYPE = bytea);
CREATE AGGREGATE ks_of(bytea) (SFUNC = custseg_private.two_sample_combine, STYPE = bytea, FINALFUNC = custseg_private.ks_test_final);
CREATE AGGREGATE psi_of(bytea) (SFUNC = custseg_private.two_sample_combine, STYPE = bytea, FINALFUNC = custseg_private.psi_final);
CREATE AGGREGATE distance_of(bytea) (SFUNC = custseg_private.two_sample_combine, STYPE = bytea, FINALFUNC = custseg_private.wasserstein_final);
CREATE AGGREGATE part(float8, int) (SFUNC = custseg_private.group_sample_accum, STYPE = bytea);
CREATE AGGREGATE ranks_of(bytea) (SFUNC = custseg_private.group_sample_combine, STYPE = bytea, FINALFUNC = custseg_private.kruskal_wallis_final);
CREATE AGGREGATE levene_of(bytea) (SFUNC = custseg_private.group_sample_combine, STYPE = bytea, FINALFUNC = custseg_private.levene_final);
-- some states are joined on the way, as workers of several servers do
CREATE AGGREGATE joined(bytea) (SFUNC = custseg_private.two_sample_combine, STYPE = bytea);
CREATE AGGREGATE joined_groups(bytea) (SFUNC = custseg_private.group_sample_combine, STYPE = bytea);

CREATE VIEW whole AS
SELECT
    custseg.ks_test(value, is_current) AS ks,
    custseg.psi(value, is_current, 7) AS psi,
    custseg.wasserstein(value, is_current) AS distance,
    custseg.kruskal_wallis(value, segment) AS ranks,
    custseg.levene(value, segment) AS levene
FROM numbers;
SELECT (ks).n_baseline, (ks).n_current, (ranks).n, (ranks).n_groups FROM whole;

SELECT
    count(*) AS n_ways,
    count(*) FILTER (WHERE NOT (p.ks, p.psi, p.distance, p.ranks, p.levene) IS DISTINCT FROM (w.ks, w.psi, w.distance, w.ranks, w.levene)) AS n_same
FROM whole w, (VALUES (1), (2), (7), (60), (100), (1000), (5000)) v (parts), generate_series(1, 3) seed, LATERAL (
    SELECT ks_of(s.two) AS ks, psi_of(s.bins) AS psi, distance_of(s.two) AS distance, ranks_of(s.groups) AS ranks, levene_of(s.groups) AS levene
    FROM (
        SELECT joined(two) AS two, joined(bins) AS bins, joined_groups(groups) AS groups
        FROM (
            SELECT
                (hashint8extended(i, seed) & 1073741823) % v.parts AS place,
                part(value, is_current ORDER BY hashint8extended(i, seed + 1)) AS two,
                part(value, is_current, 7 ORDER BY hashint8extended(i, seed + 2)) AS bins,
                part(value, segment ORDER BY hashint8extended(i, seed + 3)) AS groups
            FROM numbers
            GROUP BY 1
        ) q
        GROUP BY place % 11
    ) s
) p;

-- Frames that grow by a row: the state is sorted for each result, and goes on
SELECT count(*) AS n, count(*) FILTER (WHERE by_frame IS DISTINCT FROM by_prefix) AS n_different
FROM (
    SELECT
        custseg.ks_test(value, is_current) OVER w AS by_frame,
        (SELECT custseg.ks_test(p.value, p.is_current) FROM numbers p WHERE p.i <= n.i) AS by_prefix
    FROM numbers n
    WHERE i <= 200
    WINDOW w AS (ORDER BY i)
) x;

-- Many groups of few values, and a few of many
SELECT count(*) AS n_groups, sum((ks).n_baseline + (ks).n_current) AS n
FROM (SELECT custseg.ks_test(value, is_current) AS ks FROM numbers GROUP BY i % 1500) x;

-- No rows, and rows that do not count
SELECT custseg.ks_test(value, is_current) AS ks, custseg.levene(value, segment) AS levene FROM numbers WHERE i < 0;
SELECT custseg.ks_test(value, is_current) AS ks, custseg.levene(value, segment) AS levene FROM numbers WHERE value IS NULL;

-- Bytes that somebody has made up.  A state: bins, numbers of values, and values
CREATE TABLE genuine AS
SELECT part(value, is_current) AS two, part(value, segment) AS groups FROM numbers WHERE i <= 30
UNION ALL SELECT part(value, is_current), part(value, segment) FROM numbers;
CREATE FUNCTION forge(state bytea, final text) RETURNS text LANGUAGE sql AS
$$ SELECT regexp_replace(outcome(format('SELECT %s(%L::bytea)', final, state)), '^\(.*\)$', 'a row') $$;

SELECT what, count(*) AS n, min(ks) AS ks, min(ranks) AS ranks, count(DISTINCT ks) + count(DISTINCT ranks) - 2 AS n_others
FROM (
    SELECT f.what, forge(f.two, final) AS ks, forge(f.groups, replace(replace(final, 'ks_of', 'ranks_of'), 'ks_test', 'kruskal_wallis')) AS ranks
    FROM genuine, (VALUES ('ks_of'), ('custseg_private.ks_test_final')) v (final), LATERAL (VALUES
        (1, 'as it is', two, groups),
        (2, 'empty', '\x', '\x'),
        (3, 'a byte', '\x00', '\x00'),
        (4, 'header alone', substr(two, 1, 20), substr(groups, 1, 12)),
        (5, 'header cut', substr(two, 1, 19), substr(groups, 1, 11)),
        (6, 'value cut', substr(two, 1, length(two) - 1), substr(groups, 1, length(groups) - 1)),
        (7, 'value missing', substr(two, 1, 36), substr(groups, 1, 12 + 12 * 2)),
        (8, 'no bins', overlay(two PLACING '\x00000000' FROM 1), overlay(groups PLACING '\xffffffffffffffff' FROM 5)),
        (9, 'bins below 0', overlay(two PLACING '\xffffffff' FROM 1), overlay(groups PLACING '\xfefefefefefefefe' FROM 5)),
        (10, 'too many bins', overlay(two PLACING '\x7f7f7f7f' FROM 1), overlay(groups PLACING '\x7f7f7f7f7f7f7f7f' FROM 5)),
        (11, 'number below 0', overlay(two PLACING '\xffffffffffffffff' FROM 5), overlay(groups PLACING '\xff7f7f7f7f7f7fff' FROM 5)),
        (12, 'number too large', overlay(two PLACING '\x7f7f7f7f7f7f7f7f' FROM 13), overlay(groups PLACING '\x7fffffffffffff7f' FROM 5)),
        (13, 'NaN', overlay(two PLACING '\xffffffffffffffff' FROM 21), overlay(groups PLACING '\xffffffffffffffff' FROM 13))
    ) f (nr, what, two, groups)
    UNION ALL
    SELECT 'the other''s', forge(groups, 'ks_of'), forge(two, 'ranks_of') FROM genuine
) x
GROUP BY what
ORDER BY what COLLATE "C";

-- values out of order are put in order
SELECT ks_of(overlay(overlay(two PLACING substr(two, 21, 8) FROM 29) PLACING substr(two, 29, 8) FROM 21)) = ks_of(two) AS same FROM genuine GROUP BY two;

CREATE AGGREGATE forged(float8, bool) (SFUNC = custseg_private.two_sample_accum, STYPE = bytea, INITCOND = '\xdeadbeef');
CREATE AGGREGATE forged(float8, int) (SFUNC = custseg_private.group_sample_accum, STYPE = bytea, INITCOND = '\xdeadbeef');
CREATE AGGREGATE mixed(float8, int) (SFUNC = custseg_private.group_sample_accum, STYPE = bytea, FINALFUNC = custseg_private.ks_test_final);
CREATE AGGREGATE mixed(float8, bool) (SFUNC = custseg_private.two_sample_accum, STYPE = bytea, FINALFUNC = custseg_private.levene_final);
CREATE AGGREGATE mixed_states(bytea) (SFUNC = custseg_private.group_sample_combine, STYPE = bytea, INITCOND = '');
SELECT outcome('SELECT forged(value, is_current) FROM numbers');
SELECT outcome('SELECT forged(value, segment) FROM numbers');
SELECT outcome('SELECT mixed(value, segment) FROM numbers');
SELECT outcome('SELECT mixed(value, is_current) FROM numbers');
SELECT outcome('SELECT mixed_states(two) FROM genuine');
SELECT outcome('SELECT custseg_private.two_sample_accum(NULL, 1, true)');
SELECT outcome('SELECT custseg_private.group_sample_combine(NULL, NULL)');
SELECT outcome('SELECT psi_of(s) FROM (SELECT part(1, true, 5) UNION ALL SELECT part(1, true, 6)) x (s)');
-- of more values than a few
SELECT outcome('SELECT psi_of(s) FROM (SELECT part(i, true, 5) FROM generate_series(1, 100) i UNION ALL SELECT part(1, true, 6)) x (s)');

-- What a customer bought: the same bytes of decimal amounts however the lines are parted, with few times and with many,
-- and none that somebody has made up do harm
CREATE AGGREGATE bought(bigint, numeric) (SFUNC = custseg_private.buying_accum, STYPE = bytea);
CREATE AGGREGATE bought(bigint, float8) (SFUNC = custseg_private.buying_accum, STYPE = bytea);
CREATE AGGREGATE bought_of(bytea) (SFUNC = custseg_private.buying_combine, STYPE = bytea, FINALFUNC = custseg_private.buying_final);
SELECT times, count(*) AS n_ways, count(*) FILTER (WHERE b.bought <> w.bought) AS n_different
FROM (VALUES (3), (400), (100000)) t (times), (VALUES (1), (2), (7), (60), (5000)) v (parts), generate_series(1, 2) seed, LATERAL (
    SELECT custseg_private.buying((hashint8extended(i, 4) % times), round(value::numeric, 2) - 20) AS bought FROM numbers WHERE value <> 'NaN'
) w, LATERAL (
    SELECT bought_of(part ORDER BY hashint8extended(place, seed)) AS bought
    FROM (
        SELECT (hashint8extended(i, seed) & 1073741823) % parts AS place,
            bought(hashint8extended(i, 4) % times, round(value::numeric, 2) - 20 ORDER BY hashint8extended(i, seed + 1)) AS part
        FROM numbers
        WHERE value <> 'NaN'
        GROUP BY 1
    ) p
) b
GROUP BY times
ORDER BY times;
SELECT
    encode(custseg_private.buying(at, amount), 'hex') AS bought,
    encode(custseg_private.buying(at, amount::float8), 'hex') AS floats
FROM (VALUES (3::bigint, 1.5), (-7, -0.01), (3, -1.25), (3, 0), (9223372036854775807, 123456789012345678901234567890), (-9223372036854775808, 1), (NULL, 1), (1, NULL)) v (at, amount);
SELECT custseg_private.buying(1::bigint, 1.0) FROM numbers WHERE i < 0;

SELECT what, outcome(format('SELECT bought_of(%L::bytea)', forged)), outcome(format('SELECT custseg_private.buying_final(%L::bytea)', forged)) AS final
FROM (SELECT bought(i, 1.0) AS state FROM generate_series(1, 5) i) genuine, LATERAL (VALUES
    (1, 'empty', '\x'::bytea),
    (2, 'a byte', '\x00'),
    (3, 'cut', substr(state, 1, length(state) - 1)),
    (4, 'longer', state || '\x00'),
    (5, 'neither decimal nor not', overlay(state PLACING '\x02' FROM 1)),
    (6, 'fewer than none', overlay(state PLACING '\xffffffff' FROM 5)),
    (7, 'more than there is room for', overlay(state PLACING '\x7f' FROM 5)),
    (8, 'room for none', overlay(state PLACING '\x00000000' FROM 9))
) f (nr, what, forged)
ORDER BY nr;
SELECT outcome('SELECT bought_of(s) FROM (SELECT bought(1, 1.0) UNION ALL SELECT bought(1, 1::float8)) x (s)');
SELECT outcome('SELECT custseg_private.buying(1, ''NaN''::numeric)');
SELECT outcome('SELECT custseg_private.buying(1, ''infinity''::float8)');
SELECT outcome('SELECT custseg_private.buying_accum(NULL::bytea, 1, 1.0)');
SELECT outcome('SELECT custseg_private.buying_combine(NULL, NULL)');
SELECT custseg_private.day_of(at, zone) AS day, custseg_private.microseconds(at) AS microseconds
FROM (VALUES ('2000-01-01 00:30+00'::timestamptz), ('infinity'), ('-infinity')) t (at), (VALUES ('UTC'::bytea), ('America/New_York'), ('UTC')) z (zone);
SELECT custseg_private.hour_of(at, zone) AS hour, custseg_private.hour_of(at AT TIME ZONE 'UTC') AS hour_of_utc, custseg_private.month_of(custseg_private.day_of(at, zone)) AS month
FROM (VALUES ('2000-01-01 00:00+00'::timestamptz), ('1999-12-31 23:59:59.999999+00'), ('0044-03-15 12:00+00 BC'), ('infinity'), ('-infinity')) t (at), (VALUES ('UTC'::bytea), ('America/New_York')) z (zone);
SELECT custseg_private.month_of(2147483647) AS too_late, custseg_private.month_of((-2147483648)::int) AS too_early;
SELECT outcome('SELECT custseg_private.hour_of(now(), ''Nowhere/Land''::bytea)');
SELECT outcome('SELECT custseg_private.day_of(now(), ''Nowhere/Land''::bytea)');
SELECT outcome('SELECT custseg_private.day_of(now(), ''\xff80''::bytea)');
SELECT outcome('SELECT custseg_private.day_of(now(), decode(repeat(''00'', 1000), ''hex''))');

-- Sections of records without room for one, of as many words as there could be
SELECT outcome(format('SELECT custseg_private.pass_merge(decode(%L, ''hex''))',
    '32505343' || repeat('00', 16) || '6400000000000000' || repeat('04000000ffffff7f0000000000000000', 100) || repeat('00', 100)));

\i :root/test/clean.sql
