-- Tests of two samples and of categories: agreement with scipy 1.10.1, numpy 1.24 and R 4.2,
-- samples that are empty, constant, tied or infinite, and the same result however it is computed.

\set SHOW_CONTEXT never
SET extra_float_digits = -3;

\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql

-- scipy.stats.ks_2samp: D, statistic_sign, pvalue and statistic_location (unless it is rounding's
-- choice among several) for the baseline 1/n .. n/n and m values spread evenly over a .. a + b.
-- Exact by both formulas, then each branch of kstwo.sf; of the last two, which do not overlap,
-- scipy makes 0: p is 2 / C(n + m, n)
CREATE TABLE ks_golden (n int, m int, a float8, b float8, d float8, sign int, p float8, location float8);
INSERT INTO ks_golden VALUES
    (100, 110, 0.21, 1, 0.21363636363636362, 1, 0.013891925624664027, NULL),
    (50, 50, 0.1, 1, 0.1, 1, 0.9667464356809096, NULL),
    (37, 37, 0.0, 0.8, 0.21621621621621623, -1, 0.35648804035053694, 0.7243243243243244),
    (1, 1, 0, 0.5, 1.0, -1, 1.0, 0.25),
    (7, 1, 0.3, 1, 0.7142857142857143, 1, 0.75, 0.7142857142857143),
    (1000, 900, 0.03, 1, 0.030555555555555555, 1, 0.75410728614351, NULL),
    (10000, 9999, 0.01, 1, 0.01004999499949995, 1, 0.6876250405627639, 0.5101),
    (10000, 10000, -0.02, 1, 0.0201, -1, 0.03518876957795689, NULL),
    (300, 200, 2, 1, 1.0, 1, 3.9565179860795375e-145, 1.0),
    (20000, 100, 0.02, 1, 0.025, 1, 0.9999997992780816, 0.055),
    (20000, 100, 0.11, 0.9, 0.11445, 1, 0.13462890755755869, 0.11445),
    (20000, 100, 0.25, 0.9, 0.25445, 1, 3.3995079684482764e-06, 0.25445),
    (20000, 100, 0.6, 0.9, 0.60445, 1, 1.5763544463560997e-35, 0.60445),
    (20000, 3, 0.5, 0.1, 0.51665, 1, 0.2956106863518332, 0.51665),
    (20000, 1, 0.995, 0, 0.99495, 1, 0.010099999999999998, 0.99495),
    (20000, 5, 0.9, 0.01, 0.90095, 1, 1.906787933795866e-05, 0.90095),
    (30000, 20000, 0.0005, 1, 0.0005166666666667208, 1, 1.0, NULL),
    (30000, 20000, 0.012, 1, 0.012016666666666731, 1, 0.06200453935929395, NULL),
    (30000, 20000, -0.1, 1, 0.10005000000000008, -1, 5.077456117435531e-105, NULL),
    (12000, 200, 0.0, 1, 0.0025000000000000577, -1, 1.0, NULL),
    (20000, 10, 2, 1, 1.0, 1, 7.068039550662575e-37, 1.0),
    (30000, 30000, 5, 1, 1.0, 1, 0.0, 1.0);
SELECT n, m, (t).method, agrees((t).statistic, d) AS d, sign((t).signed_statistic) = sign AS sign,
    agrees((t).p_value, p) AS p, agrees((t).location, coalesce(location, (t).location)) AS location,
    agrees((t).effective_n, n::float8 * m / (n + m)) AS effective_n
FROM ks_golden,
    LATERAL (SELECT custseg.ks_test(
        (SELECT array_agg(i / n::float8) FROM generate_series(1, n) i),
        (SELECT array_agg(a + b * (j - 0.5) / m) FROM generate_series(1, m) j)) AS t OFFSET 0) s;

-- p as small as a double can be
SELECT (t).statistic, (t).p_value BETWEEN 3e-322 AND 5e-322 AS p_value
FROM (SELECT custseg.ks_test(
    (SELECT array_agg(i::float8) FROM generate_series(1, 535) i),
    (SELECT array_agg(j::float8) FROM generate_series(1001, 1539) j)) AS t) s;

-- ties: ks_2samp gives 0.45, 0.2475433063668358, 3, +1
SELECT * FROM custseg.ks_test('{1,2,2,3,3,3,4,5}'::float8[], '{2,3,3,4,4,5,5,6,6,7}'::float8[]);
-- infinities are values: ks_2samp gives 0.4, 0.7460317460317459, 3, +1
SELECT * FROM custseg.ks_test('{-Infinity,1,2,3}'::float8[], '{1,2,3,Infinity,Infinity}'::float8[]);
SELECT * FROM custseg.ks_test('{Infinity}'::float8[], '{Infinity,Infinity}'::float8[]);
-- constants; all equal; zeros of either sign
SELECT * FROM custseg.ks_test('{4,4,4}'::float8[], '{4,4}'::float8[]);
SELECT * FROM custseg.ks_test('{4,4,4}'::float8[], '{5,5}'::float8[]);
SELECT * FROM custseg.ks_test('{0,0}'::float8[], '{-0,-0}'::float8[]);
-- outliers
SELECT * FROM custseg.ks_test('{1,2,3,1e12}'::float8[], '{1,2,3,-1e12}'::float8[]);
-- NULL and NaN are left out; all dimensions count
SELECT * FROM custseg.ks_test('{{1,NULL},{NaN,2}}'::float8[], '{3,NULL,NULL}'::float8[]);
-- a sample without values
SELECT * FROM custseg.ks_test('{}'::float8[], '{1,2}'::float8[]);
SELECT * FROM custseg.ks_test('{1,2,3}'::float8[], '{NaN,NULL}'::float8[]);
SELECT custseg.ks_test(NULL, '{1}'::float8[]) IS NULL AS strict;

-- Two samples as rows: 1,000 and 800 values, with some that do not count.
CREATE TABLE shop AS
SELECT i, i > 1000 AS is_current,
    CASE WHEN i <= 1000 THEN (i * 37 % 1009) / 10.0::float8 ELSE ((i - 1000) * 53 % 1013) / 9.0::float8 - 3 END AS x,
    (ARRAY['web', 'shop', 'phone'])[1 + i % 7 % 3] AS channel, i % 4 AS segment
FROM generate_series(1, 1800) i
UNION ALL VALUES (0, NULL, 5, NULL, 1), (0, true, NULL, 'web', NULL), (0, false, float8 'NaN', NULL, NULL);

-- the expressions are scipy's: ks_2samp, wasserstein_distance, jensenshannon(p, q, 2) and
-- sum((p - q) * log(p / q)) of the shares between numpy.quantile's
SELECT agrees((k).statistic, 0.07825) AS d, agrees((k).p_value, 0.008202885525285865) AS p, (k).location,
    (k).n_baseline, (k).n_current, agrees(w, 3.7974555555555556) AS wasserstein
FROM (SELECT custseg.ks_test(x, is_current) AS k, custseg.wasserstein(x, is_current) AS w FROM shop) s;
SELECT bins, (p).bins AS nonempty, agrees((p).psi, psi) AS psi, agrees((p).psi_critical, critical) AS critical,
    (p).n_baseline, (p).n_current, agrees(j, js) AS jensen_shannon
FROM (VALUES
    (2, 0.003028055756451667, 0.02336666461244708, 0.00864328234656179),
    (10, 0.04481833247825184, 0.0895356234024053, 0.03806769961039602),
    (25, 0.0949460596128798, 0.1285955540198343, 0.08193381412906645)) g (bins, psi, js, critical),
    LATERAL (SELECT custseg.psi(x, is_current, bins) AS p, custseg.jensen_shannon(x, is_current, bins) AS j FROM shop OFFSET 0) s;
-- 10 bins unless something else is said
SELECT custseg.psi(x, is_current) = custseg.psi(x, is_current, 10) AS psi,
    custseg.jensen_shannon(x, is_current) = custseg.jensen_shannon(x, is_current, 10) AS jensen_shannon
FROM shop;
-- arrays give the same, and arrays of other numbers can be given
CREATE TABLE arrays AS
SELECT array_agg(x) FILTER (WHERE NOT is_current) AS a, array_agg(x ORDER BY x DESC) FILTER (WHERE is_current) AS b FROM shop;
SELECT custseg.ks_test(a, b) = (SELECT custseg.ks_test(x, is_current) FROM shop) AS ks_test,
    custseg.wasserstein(a, b) = (SELECT custseg.wasserstein(x, is_current) FROM shop) AS wasserstein,
    custseg.psi(a, b) = (SELECT custseg.psi(x, is_current) FROM shop) AS psi,
    custseg.psi(a, b, bins => 25) = (SELECT custseg.psi(x, is_current, 25) FROM shop) AS psi_25,
    custseg.jensen_shannon(a, b) = (SELECT custseg.jensen_shannon(x, is_current) FROM shop) AS jensen_shannon,
    custseg.jensen_shannon(a, b, 25) = (SELECT custseg.jensen_shannon(x, is_current, 25) FROM shop) AS jensen_shannon_25
FROM arrays;
SELECT custseg.wasserstein(ARRAY[1, 2, 3], ARRAY[1.5, 2.5, 3.5]);

-- Hellinger: by its definition from the shares of numpy's bins; Cramer and von Mises: scipy.stats.cramervonmises_2samp(method='asymptotic'), no ties
SELECT agrees(custseg.hellinger(x, is_current), 0.07469507193778085) AS hellinger, custseg.hellinger(x, is_current) = custseg.hellinger(x, is_current, 10) AS same,
    agrees((c).statistic, 0.7409008796296348) AS t, agrees((c).p_value, 0.010138908428957372, 1e-8) AS p
FROM shop, (SELECT custseg.cramer_von_mises(x + CASE WHEN is_current THEN 0.0031 ELSE 0 END, is_current) AS c FROM shop) s GROUP BY c;
SELECT custseg.hellinger(a, b) = (SELECT custseg.hellinger(x, is_current) FROM shop) AS hellinger,
    custseg.hellinger(a, b, 25) = (SELECT custseg.hellinger(x, is_current, 25) FROM shop) AS hellinger_25,
    custseg.cramer_von_mises(a, b) = (SELECT custseg.cramer_von_mises(x, is_current) FROM shop) AS cramer_von_mises
FROM arrays;
SELECT agrees(custseg.hellinger(channel, is_current), (
    SELECT sqrt(sum((sqrt(p) - sqrt(q)) ^ 2) / 2)
    FROM (SELECT (count(*) FILTER (WHERE NOT is_current) / sum(count(*) FILTER (WHERE NOT is_current)) OVER ())::float8 AS p,
                 (count(*) FILTER (WHERE is_current) / sum(count(*) FILTER (WHERE is_current)) OVER ())::float8 AS q
          FROM shop WHERE channel IS NOT NULL AND is_current IS NOT NULL GROUP BY channel) s)) AS categories
FROM shop;
-- the same shares with ties, in samples of different size; nothing in common; a sample without values
SELECT * FROM custseg.cramer_von_mises('{0,0,1,2,3}'::float8[], '{0,0,0,0,1,1,2,2,3,3}'::float8[]);
SELECT custseg.hellinger('{1,1}'::float8[], '{2}'::float8[]), custseg.hellinger('{}'::float8[], '{2}'::float8[]), custseg.cramer_von_mises('{1}'::float8[], '{NaN}'::float8[]);
-- three zeros in five: by exact fractions and mpmath 0.740625 and 0.02725067554; without what ties do to the law it would be 0.00996520652
SELECT statistic, round(p_value::numeric, 10) AS p FROM custseg.cramer_von_mises(array_fill(0::float8, '{12}') || '{1,2,3,4,5,6,7,8}'::float8[], array_fill(0::float8, '{18}') || '{3,5}'::float8[]);
-- five values beside the most frequent one are to be expected in the smaller sample, or the larger p counts: by the law with ties
-- 0.8624074913 and 0.7698259621, by that without 1 and 0.9994516283
SELECT frequent, round(p_value::numeric, 10) AS p
FROM unnest(ARRAY[30, 31]) frequent, LATERAL custseg.cramer_von_mises(array_fill(0::float8, '{15}') || '{1,2,3,4,5}'::float8[],
    array_fill(0::float8, ARRAY[frequent - 15]) || ARRAY(SELECT i + 0.5::float8 FROM generate_series(1, 35 - frequent) i)) c;
-- of 500 pairs of samples of 100 values of one law, three zeros in five, some 25 have a p below 0.05; without the ties' law it would be 55
SELECT count(*), count(*) FILTER (WHERE p < 0.05) BETWEEN 12 AND 40 AS about_25
FROM (SELECT (custseg.cramer_von_mises(CASE WHEN hashint8extended(i, 5) & 1023 < 614 THEN 0 ELSE hashint8extended(i, 6) & 1048575 END, i % 2 = 0)).p_value AS p FROM generate_series(0, 99999) i GROUP BY i / 200) s;
-- values of which one in 128 is not 0: 1,000 pairs of samples of 10 and 500; that a sample of ten has such a value, as one in 13 has, is no proof
SELECT count(*), count(*) FILTER (WHERE p < 0.05) AS low
FROM (SELECT (custseg.cramer_von_mises(CASE WHEN hashint8extended(i, 5) & 127 = 0 THEN hashint8extended(i, 6) & 1048575 ELSE 0 END, i % 510 < 10)).p_value AS p FROM generate_series(0, 509999) i GROUP BY i / 510) s;
-- a handful of values is no proof, whatever ties do: 1 against two 2s
SELECT round(p_value::numeric, 10) AS p FROM custseg.cramer_von_mises('{1}'::float8[], '{2,2}'::float8[]);
-- a value a side: T is 1/4 whatever they are, and nothing can be less likely; the same value twice: 0
SET statement_timeout = '20s';
SELECT custseg.cramer_von_mises('{1}'::float8[], '{2}'::float8[]) AS apart, custseg.cramer_von_mises('{1}'::float8[], '{1}'::float8[]) AS same;
RESET statement_timeout;

-- Bins: a value that several quantiles fall on is one of its own, so that what moves off it shows
SELECT * FROM custseg.psi(array_fill(0::float8, ARRAY[60]) || '{1,2,3,4}'::float8[], array_fill(0::float8, ARRAY[60]) || '{1,2,3,4}'::float8[]);
SELECT round(psi::numeric, 6) AS psi, round(psi_critical::numeric, 6) AS psi_critical, bins, n_baseline, n_current
FROM custseg.psi(array_fill(0::float8, ARRAY[60]) || '{1,2,3,4}'::float8[], array_fill(-1::float8, ARRAY[60]) || '{1,2,3,4}'::float8[]);
-- a share of zero is half a row: (1 - 1/20) ln 20 + (1/10 - 1) ln(1/10) = 4.9182... for 5 and 10 rows
SELECT agrees((custseg.psi('{1,1,1,1,1}'::float8[], '{2,2,2,2,2,2,2,2,2,2}'::float8[])).psi,
    (1 - 0.5 / 10) * ln(1 / (0.5 / 10)) + (0.5 / 5 - 1) * ln((0.5 / 5) / 1));
-- constants, one row a side, infinities, numbers at the end of the range
SELECT * FROM custseg.psi('{7,7,7}'::float8[], '{7}'::float8[]);
SELECT custseg.jensen_shannon('{7,7,7}'::float8[], '{7}'::float8[]) AS same,
    custseg.jensen_shannon('{7,7,7}'::float8[], '{8}'::float8[]) AS above,
    custseg.jensen_shannon('{7,7,7}'::float8[], '{6}'::float8[]) AS below;
SELECT (custseg.psi('{-Infinity,1,2,Infinity}'::float8[], '{-Infinity,-Infinity,3,Infinity}'::float8[], 4)).bins,
    round(custseg.jensen_shannon('{-Infinity,-Infinity,Infinity,Infinity}'::float8[], '{0,-Infinity}'::float8[], 2)::numeric, 9) AS distance;
SELECT (custseg.psi('{-1.7e308,1.7e308}'::float8[], '{0}'::float8[], 2)).bins;

-- Wasserstein: scipy gives 1.625 for the ties; a shift, and one that is out of range in between
SELECT custseg.wasserstein('{1,2,2,3,3,3,4,5}'::float8[], '{2,3,3,4,4,5,5,6,6,7}'::float8[]) AS ties,
    custseg.wasserstein('{4,4}'::float8[], '{4}'::float8[]) AS constant,
    custseg.wasserstein('{1}'::float8[], '{1e12}'::float8[]) AS far,
    custseg.wasserstein('{-1.5e308,-1.5e308,-1.5e308}'::float8[], '{1.5e308,-1.5e308,-1.5e308}'::float8[]) AS third_of_a_wide_gap;
-- it is infinite when the shares at an infinity differ, else about the rest
SELECT custseg.wasserstein('{1,2,Infinity,-Infinity}'::float8[], '{2,3,Infinity,-Infinity}'::float8[]) AS same_shares,
    custseg.wasserstein('{1,Infinity}'::float8[], '{1,2}'::float8[]) AS other_shares;

-- A sample without values: NULL and the counts
SELECT custseg.ks_test(x, true), custseg.psi(x, true), custseg.wasserstein(x, true), custseg.jensen_shannon(x, true) FROM shop;
SELECT custseg.ks_test(x, is_current), custseg.psi(x, is_current), custseg.wasserstein(x, is_current),
    custseg.jensen_shannon(x, is_current), custseg.psi(x, is_current, 5)
FROM shop WHERE false;
SELECT custseg.psi('{1}'::float8[], '{}'::float8[]), custseg.wasserstein('{}'::float8[], '{}'::float8[]),
    custseg.jensen_shannon('{NULL}'::float8[], '{1}'::float8[]);

-- The same with a sort, by groups, in a window, and with parallel workers
SELECT segment, (k).n_baseline, (k).n_current, k = custseg_again AS same_in_any_order
FROM (SELECT segment, custseg.ks_test(x, is_current) AS k, custseg.ks_test(x, is_current ORDER BY x DESC, i) AS custseg_again
    FROM shop GROUP BY segment) s
ORDER BY segment;
SELECT i, (custseg.ks_test(x, is_current) OVER w).n_current, round(custseg.wasserstein(x, is_current) OVER w::numeric, 6) AS wasserstein,
    (custseg.chi_square_test(channel, is_current) OVER w).n
FROM shop WHERE i BETWEEN 998 AND 1003 WINDOW w AS (ORDER BY i) ORDER BY i;
CREATE TABLE line AS
SELECT i, (i * 7919 % 10007)::float8 AS x, i % 3 = 0 AS is_current, 'c' || i % 5 AS category, i % 4 AS "group"
FROM generate_series(1, 10000) i;
ANALYZE line;
CREATE TABLE results (workers int, result text);
CREATE FUNCTION results(workers int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    PERFORM set_config('max_parallel_workers_per_gather', workers::text, true);
    EXPLAIN (FORMAT json) INTO plan SELECT custseg.ks_test(x, is_current) FROM line;
    IF plan::text LIKE '%Gather%' <> (workers > 0) THEN
        RAISE NOTICE '% workers: %', workers, plan;
    END IF;
    INSERT INTO results
    SELECT workers, (custseg.ks_test(x, is_current), custseg.psi(x, is_current), custseg.psi(x, is_current, 20),
        custseg.wasserstein(x, is_current), custseg.jensen_shannon(x, is_current), custseg.jensen_shannon(x, is_current, 20),
        custseg.psi(category, is_current), custseg.jensen_shannon(category, is_current),
        custseg.chi_square_test(category, "group"), custseg.chi_square_test(category, "group"::text))::text
    FROM line;
END
$$;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET extra_float_digits = 1;
SELECT results(0), results(1), results(2), results(3);
SELECT count(DISTINCT result) AS different, count(*) FROM results;
SET extra_float_digits = -3;
SELECT (k).statistic, round((k).p_value::numeric, 9) AS p_value, (k).n_baseline, (k).n_current, (k).method
FROM (SELECT custseg.ks_test(x, is_current) AS k FROM line) s;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- Against quantiles of a baseline: all its values are as good as the sample; of more, D moves by
-- less than the step
SELECT custseg.ks_test('{1,2,3,4}'::float8[], 4, '{3,4,5}'::float8[]) = custseg.ks_test('{1,2,3,4}'::float8[], '{3,4,5}'::float8[]) AS same;
WITH sample AS (
    SELECT array_agg(x) FILTER (WHERE NOT is_current) AS a, array_agg(x + 300) FILTER (WHERE is_current) AS b,
        percentile_cont((SELECT array_agg(i / 1000.0 ORDER BY i) FROM generate_series(0, 1000) i))
            WITHIN GROUP (ORDER BY x) FILTER (WHERE NOT is_current) AS quantiles
    FROM line
)
SELECT abs((q).statistic - (k).statistic) < 0.001 AS statistic, sign((q).signed_statistic) AS sign,
    (q).p_value / (k).p_value BETWEEN 0.9 AND 1.1 AS p_value, (q).n_baseline = (k).n_baseline AS n,
    (q).method
FROM (SELECT custseg.ks_test(a, b) AS k, custseg.ks_test(quantiles, cardinality(a), b) AS q FROM sample) s;
-- a jump, values below, above and between; 1,000 values of which 3 to 4 in 4 are 0: half-way is taken
SELECT statistic, signed_statistic, location, n_baseline, n_current FROM custseg.ks_test('{0,0,0,0,4}'::float8[], 1000, '{0}'::float8[]);
SELECT statistic, signed_statistic, location FROM custseg.ks_test('{0,0,0,0,4}'::float8[], 1000, '{-1}'::float8[]);
SELECT statistic, signed_statistic, location FROM custseg.ks_test('{0,0,0,0,4}'::float8[], 1000, '{2}'::float8[]);
SELECT statistic, signed_statistic, location FROM custseg.ks_test('{0,0,0,0,4}'::float8[], 1000, '{5,5}'::float8[]);
SELECT statistic, signed_statistic, location FROM custseg.ks_test('{-Infinity,0,1,Infinity}'::float8[], 1000, '{-5,0.5,Infinity}'::float8[]);
SELECT * FROM custseg.ks_test('{}'::float8[], 0, '{1}'::float8[]);
SELECT custseg.ks_test('{1,2,3}'::float8[], 2, '{1}'::float8[]);
SELECT custseg.ks_test('{1}'::float8[], 20, '{1}'::float8[]);

-- Chi-square: chi2_contingency(correction=False) and association(), a table of counts at a time
CREATE FUNCTION chi_square(counts int[]) RETURNS custseg.chi_square_test_result LANGUAGE sql IMMUTABLE
RETURN (SELECT custseg.chi_square_test(i, 'group ' || j)
    FROM generate_subscripts(counts, 1) i, generate_subscripts(counts, 2) j, generate_series(1, counts[i][j]));
SELECT counts, agrees((t).statistic, statistic) AS statistic, (t).df = df AS df, agrees((t).p_value, p) AS p,
    agrees((t).cramers_v, v) AS v, (t).n, (t).n_low_expected = low AS n_low_expected
FROM (VALUES
    ('{{10,10,20},{20,20,20}}'::int[], 2.7777777777777777, 0.24935220877729622, 2, 0.16666666666666666, 0),
    ('{{12,3},{5,9}}', 5.85483193277311, 0.015534341414683461, 1, 0.4493225526306476, 0),
    ('{{1,2,3},{4,0,1},{0,7,2},{9,1,0}}', 23.926984126984124, 0.0005386566861145848, 6, 0.6314927305860842, 12),
    ('{{700,10},{10,700}}', 1341.1267605633802, 1.305888501625588e-293, 1, 0.971830985915493, 0)) g (counts, statistic, p, df, v, low),
    LATERAL (SELECT chi_square(counts) AS t OFFSET 0) s;
-- a level or a group without rows is left out, one level says nothing, one group is no test
SELECT * FROM chi_square('{{10,10,20},{0,0,0},{20,20,20}}');
SELECT * FROM chi_square('{{10,10,20}}');
SELECT * FROM chi_square('{{10},{20}}');
SELECT * FROM chi_square('{{5}}');
SELECT * FROM chi_square('{{0,0}}');
-- many degrees of freedom
SELECT (t).df, agrees((t).statistic, 200270.43302026636) AS statistic, agrees((t).p_value, 0.7982348253650747) AS p, (t).n_low_expected
FROM (SELECT custseg.chi_square_test(i * i % 30011 * 7 % 30011 % 503, i * 7919 % 30011 % 401) AS t FROM generate_series(1, 30000) i) s;
-- any types: values are told apart by their text, byte for byte; NULL is left out
SELECT (custseg.chi_square_test(channel, is_current)).*, (custseg.chi_square_test(channel, is_current::text)).n = count(channel || is_current::text) AS n
FROM shop;
SELECT custseg.chi_square_test(channel, segment) = custseg.chi_square_test(channel, segment::text) AS same,
    custseg.chi_square_test(channel::varchar, segment::bigint) = custseg.chi_square_test(segment::numeric, channel) AS either_way,
    custseg.chi_square_test(current_date + segment, channel::char(5)) = custseg.chi_square_test(segment, channel) AS dates
FROM shop;
-- of a text by a segment or a flag: as by their texts, whatever integer it is, and of what does not count
SELECT custseg.chi_square_test(channel, g) = custseg.chi_square_test(channel, g::text) AS segments,
    custseg.chi_square_test(channel, (g % 100)::smallint) = custseg.chi_square_test(channel, (g % 100)::text) AS small,
    custseg.chi_square_test(channel, is_current) = custseg.chi_square_test(channel, is_current::text) AS flags,
    custseg.chi_square_test(channel::varchar, is_current) = custseg.chi_square_test(is_current, channel) AS any_types,
    (custseg.chi_square_test(channel, g)).n = count(channel || g) AS n
FROM shop, (VALUES (-2147483648), (2147483647), (0), (-1), (10), (9), (NULL)) v (g)
WHERE i % 7 = abs(coalesce(g, 3) % 7) OR i % 11 = 0;
SELECT custseg.chi_square_test('a', 1), custseg.chi_square_test('a', true), custseg.chi_square_test(NULL, 1), custseg.chi_square_test('a', NULL::bool);
SELECT (custseg.chi_square_test(c, g)).df
FROM (VALUES ('a', 1), ('A', 1), ('a ', 2), ('ä', 2), ('', 1), ('', 3)) v (c, g);

-- Categories in two samples: jensenshannon([5, 3, 2], [4, 4, 2], 2) is 0.09584323377689273, and the
-- same shares have a PSI of 0.0510825623765990
CREATE TABLE levels AS
SELECT c, s FROM (VALUES ('a', false, 5), ('b', false, 3), ('c', false, 2), ('a', true, 4), ('b', true, 4), ('c', true, 2)) v (c, s, n),
    generate_series(1, n);
SELECT agrees(custseg.jensen_shannon(c, s), 0.09584323377689273) AS jensen_shannon, agrees((custseg.psi(c, s)).psi, 0.0510825623765990) AS psi,
    (custseg.psi(c, s)).bins, round((custseg.psi(c, s)).psi_critical::numeric, 6) AS psi_critical
FROM levels;
-- of very many levels: qchisq(0.05, c(999, 3000, 100000), lower.tail = FALSE) in R 4.2.2
SELECT levels, agrees((SELECT (custseg.psi((i % levels)::text, i >= levels)).psi_critical FROM generate_series(0, 2 * levels - 1) i) * levels / 2, chi_square) AS psi_critical
FROM (VALUES (1000, 1073.6426506574246), (3001, 3128.5366700128084), (100001, 100736.73617731901)) v (levels, chi_square);
SELECT custseg.jensen_shannon(c, s) AS nothing_in_common, round((custseg.psi(c, s)).psi::numeric, 6) AS psi
FROM levels WHERE s = (c = 'a');
SELECT custseg.jensen_shannon(c, s), custseg.psi(c, s) FROM levels WHERE s;
SELECT custseg.jensen_shannon(c, s), custseg.psi(c, s) FROM levels WHERE NOT s;
SELECT custseg.jensen_shannon(c, s), custseg.psi(c, s), custseg.chi_square_test(c, s) FROM levels WHERE false;
-- many levels: the table grows
SELECT (p).bins, (p).n_baseline, round((p).psi::numeric, 9) AS psi
FROM (SELECT custseg.psi('level ' || i % 5000, i > 10000) AS p FROM generate_series(1, 20000) i) s;

-- Benjamini-Hochberg: R's p.adjust(p, "BH"); NULL and NaN stay and do not count
SELECT custseg.benjamini_hochberg('{0.01,0.02,0.03,0.04,0.05,NULL,0.5,0.0001,0.03,1}');
SELECT custseg.benjamini_hochberg('{{0.5,NaN},{0.9,0.04}}'), custseg.benjamini_hochberg('{}'), custseg.benjamini_hochberg('{0.2}');
SELECT custseg.benjamini_hochberg('{0.5,1.5}');
SELECT custseg.benjamini_hochberg('{-0.1}');

-- Bad numbers of bins
SELECT custseg.psi('{1}'::float8[], '{1}'::float8[], 1);
SELECT custseg.jensen_shannon('{1}'::float8[], '{1}'::float8[], 1001);
SELECT custseg.psi(x, is_current, 0) FROM shop;
SELECT custseg.psi(x, is_current, NULL) FROM shop;
SELECT custseg.psi(x, is_current, 5 + (i > 3)::int) FROM shop;

-- Memory: 24 bytes for each value of the larger sample
SET maintenance_work_mem = '1MB';
SELECT (custseg.ks_test(i, false)).n_baseline FROM generate_series(1, 65536) i;
SELECT (custseg.ks_test(i, false)).n_baseline FROM generate_series(1, 65537) i;
SELECT (custseg.ks_test(i, false)).n_baseline BETWEEN 5000 AND 8000 AS enough FROM generate_series(1, 65537) i WHERE pg_catalog.random() < 0.1;
RESET maintenance_work_mem;
-- too many levels; too much text
SELECT custseg.chi_square_test(i, 1) FROM generate_series(1, 250001) i;
SELECT custseg.chi_square_test(repeat('x', 3000000 + i), 1) FROM generate_series(1, 6) i;

-- State functions are for aggregates, and look at what they are given
SELECT custseg_private.contingency_accum(NULL, 'a', 'b');
SELECT custseg_private.contingency_accum_sample(NULL, 'a', true);
SELECT custseg_private.contingency_accum_segment(NULL, 'a', 1);
SELECT custseg_private.contingency_combine(NULL, NULL);
SELECT custseg_private.chi_square_test_final('\x00');
SELECT custseg_private.psi_categories_final(decode(repeat('00', 700), 'hex'));
CREATE AGGREGATE forged (text, text) (SFUNC = custseg_private.contingency_accum, STYPE = bytea, INITCOND = '\x0000000000000000');
SELECT forged('a', 'b');
DROP AGGREGATE forged (text, text);
CREATE AGGREGATE state (text, text) (SFUNC = custseg_private.contingency_accum, STYPE = bytea);
SELECT custseg_private.psi_categories_final((SELECT state(i::text, (i % 3)::text) FROM generate_series(1, 9) i));
DROP AGGREGATE state (text, text);
SELECT custseg_private.chi_square_test_final(NULL), custseg_private.psi_categories_final(NULL), custseg_private.jensen_shannon_categories_final(NULL);

DROP FUNCTION results(int), chi_square(int[]);
DROP TABLE shop, arrays, line, levels, ks_golden, results;
\i :root/test/clean.sql
