-- Aggregates over the customers of two arms: agreement with scipy 1.10.1 and statsmodels 0.13.5, the same result
-- however rows come together, and what is not defined.

\set SHOW_CONTEXT never
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
SET extra_float_digits = -3;

-- Welch's test: scipy.stats.ttest_ind(equal_var=False)
CREATE TABLE revenue AS
SELECT false AS is_treatment, x FROM unnest('{0,0,0,0,0,12.5,30,0,99,0}'::float8[]) x
UNION ALL SELECT true, x FROM unnest('{0,0,15,0,22,0,310,0,18,45,0,7}'::float8[]) x;
SELECT agrees(difference, 20.6, 1e-9) AS d, agrees(standard_error, 27.206229790140704, 1e-9) AS se, agrees(statistic, .7571795195035601, 1e-9) AS t, agrees(df, 14.222674765149701, 1e-9) AS df, agrees(p_value, .46130303632631076, 1e-9) AS p,
    agrees(low, -37.665967911039026, 1e-9) AS low, agrees(high, 78.86596791103904, 1e-9) AS high, agrees(lift, 1.4558303886925796, 1e-9) AS lift, lift_low, lift_high, n_control, n_treatment
FROM (SELECT (custseg.welch_test(x, is_treatment)).* FROM revenue) s;
-- capped from above, at a quantile of both arms together
WITH c AS (SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY x) AS cap FROM revenue)
SELECT agrees(cap, 96.29999999999995, 1e-9) AS cap, agrees(difference, 3.0616666666666674, 1e-9) AS d, agrees(standard_error, 12.691392324777214, 1e-9) AS se, agrees(statistic, .2412396203913279, 1e-9) AS t, agrees(df, 18.727385676129394, 1e-9) AS df, agrees(p_value, .8119909735799468, 1e-9) AS p
FROM (SELECT cap, (custseg.welch_test(least(x, cap), is_treatment)).* FROM revenue, c GROUP BY cap) s;
SELECT agrees(standard_error, .7071067811865476, 1e-9) AS se, df, agrees(p_value, .10557280900008413, 1e-9) AS p, agrees(low, -1.0424349224110734, 1e-9) AS low, agrees(high, 5.042434922411074, 1e-9) AS high
FROM (SELECT (custseg.welch_test(x, t)).* FROM (VALUES (1, false), (2, false), (3, true), (4, true)) v (x, t)) s;
SELECT (custseg.welch_test(CASE WHEN t THEN 4 ELSE 3 END, t)).* FROM (VALUES (false), (true), (false), (true), (true)) v (t);
-- slope of the effect over four periods: Welch's test of each customer's own slope
SELECT agrees(difference, -.91, 1e-9) AS slope, agrees(standard_error, .15631165450257806, 1e-9) AS se, agrees(statistic, -5.821702821173781, 1e-9) AS t, agrees(df, 8.698782501699965, 1e-9) AS df, agrees(p_value, .0002877046946153561, 1e-9) AS p
FROM (SELECT (custseg.welch_test((-1.5 * a - .5 * b + .5 * c + 1.5 * d) / 5, t)).*
    FROM (VALUES (false, 1, 0, 2, 1), (false, 0, 1, 0, 0), (false, 2, 1, 1, 3), (false, 0, 0, 1, 0), (false, 1, 2, 0, 1),
        (true, 4, 3, 2, 1), (true, 3, 2, 2, 0), (true, 5, 3, 1, 2), (true, 2, 1, 1, 1), (true, 4, 2, 0, 1), (true, 3, 3, 2, 1)) v (t, a, b, c, d)) s;
-- difference in differences: the same of what changed
SELECT agrees(difference, 2.8095238095238098, 1e-9) AS d, agrees(standard_error, 1.017978967925331, 1e-9) AS se, agrees(df, 8.12774850364651, 1e-9) AS df, agrees(p_value, .024310474751606446, 1e-9) AS p, agrees(low, .4684669396785335, 1e-9) AS low, agrees(high, 5.150580679369086, 1e-9) AS high
FROM (SELECT (custseg.welch_test(x, t)).* FROM (SELECT true AS t, unnest('{3,5,2,8,6,4}'::float8[]) AS x UNION ALL SELECT false, unnest('{1,2,0,3,2,1,4}'::float8[])) v) s;

-- ratios, by the delta method
CREATE TABLE baskets (is_treatment bool, revenue float8, orders float8);
INSERT INTO baskets VALUES (false, 10, 1), (false, 0, 0), (false, 35, 2), (false, 0, 0), (false, 22, 1), (true, 12, 1), (true, 40, 2), (true, 0, 0), (true, 18, 1), (true, 60, 3), (true, 9, 1);
SELECT agrees(mean_control, 16.75, 1e-9) AS r1, agrees(mean_treatment, 17.375, 1e-9) AS r2, agrees(difference, .625, 1e-9) AS d, agrees(standard_error, 3.0712248167465694, 1e-9) AS se, agrees(statistic, .20350187214952217, 1e-9) AS z, df, agrees(p_value, .8387427825337905, 1e-9) AS p,
    agrees(high - low, 2 * 1.959963984540054 * 3.0712248167465694, 1e-9) AS interval, n_control, n_treatment
FROM (SELECT (custseg.ratio_test(revenue, orders, is_treatment)).* FROM baskets) s;
SELECT agrees((r).standard_error ^ 2, 5.888671875 + 3.54375, 1e-9) AS variances FROM (SELECT custseg.ratio_test(revenue, orders, is_treatment) AS r FROM baskets) s;
-- with a denominator of 1 it is the mean, whose law is the normal one
SELECT agrees((r).difference, (w).difference, 1e-12) AS d, agrees((r).standard_error, (w).standard_error, 1e-12) AS se, agrees((r).lift_low, (w).lift_low) AS lift FROM (SELECT custseg.ratio_test(revenue, 1, is_treatment) AS r, custseg.welch_test(revenue, is_treatment) AS w FROM baskets) s;
-- of values close to 0, whose ratios are as close
SELECT agrees((r).difference * 2 ^ 520 * 2 ^ 520, (s).difference, 1e-12) AS d, agrees((r).standard_error * 2 ^ 520 * 2 ^ 520, (s).standard_error, 1e-9) AS se, agrees((r).p_value, (s).p_value) AS p, agrees((r).lift_low, (s).lift_low) AS lift
FROM (SELECT custseg.ratio_test(revenue * 2::float8 ^ (-1040), orders, is_treatment) AS r, custseg.ratio_test(revenue, orders, is_treatment) AS s FROM baskets) s;
-- no ratio, or one that does not vary
SELECT (custseg.ratio_test(revenue, 0, is_treatment)).* FROM baskets;
SELECT (custseg.ratio_test(orders * CASE WHEN is_treatment THEN 3 ELSE 7 END, orders, is_treatment)).* FROM baskets;

-- a covariate: theta from within both arms
CREATE TABLE covered AS
SELECT false AS is_treatment, unnest('{1,2,3,4,5}'::float8[]) AS x, unnest('{2,3,5,4,6}'::float8[]) AS y
UNION ALL SELECT true, unnest('{1,2,3,4,5}'::float8[]), unnest('{2,3,5,4,6}'::float8[]) WHERE false
UNION ALL SELECT true, unnest('{2,3,4,6,5}'::float8[]), unnest('{4,4,6,9,7}'::float8[]);
SELECT agrees(theta, 1.1, 1e-9) AS theta, agrees(mean_control, 4.55, 1e-9) AS m1, agrees(mean_treatment, 5.45, 1e-9) AS m2, agrees(difference, .9, 1e-9) AS d, agrees(standard_error, .43588989435406733, 1e-9) AS se, agrees(statistic, 2.0647416048350546, 1e-9) AS t,
    agrees(df, 7.660477453580902, 1e-9) AS df, agrees(p_value, .07437008985111683, 1e-9) AS p, agrees(variance_ratio, .1357142857142857, 1e-9) AS variance_ratio
FROM (SELECT (custseg.cuped_test(y, x, is_treatment)).* FROM covered) s;
SELECT agrees(difference, 2, 1e-9) AS d, agrees(standard_error, 1.1832159566199232, 1e-9) AS se, agrees(df, 7.396226415094338, 1e-9) AS df, agrees(p_value, .13251398896375152, 1e-9) AS p FROM (SELECT (custseg.welch_test(y, is_treatment)).* FROM covered) s;
-- one that does not vary, or is not known, changes nothing
SELECT (c).theta, (c).variance_ratio, (d).theta, (d).variance_ratio, ROW((c).difference, (c).standard_error, (c).df, (c).p_value, (c).low, (c).lift) = ROW((w).difference, (w).standard_error, (w).df, (w).p_value, (w).low, (w).lift) AS as_unadjusted, (c).p_value = (d).p_value AS as_unknown
FROM (SELECT custseg.cuped_test(y, 0.1, is_treatment) AS c, custseg.cuped_test(y, NULL, is_treatment) AS d, custseg.welch_test(y, is_treatment) AS w FROM covered) s;
-- who has none has the mean of those that are known
SELECT bool_and(agrees(a.value::float8, b.value::float8, 1e-12) = 't') AS as_if_mean
FROM (SELECT to_jsonb(custseg.cuped_test(y, CASE WHEN x <> 3 THEN x WHEN is_treatment THEN 'NaN' END, is_treatment)) AS r FROM covered) u,
    (SELECT to_jsonb(custseg.cuped_test(y, CASE WHEN x <> 3 THEN x ELSE (SELECT avg(x) FROM covered WHERE x <> 3) END, is_treatment)) AS r FROM covered) v,
    jsonb_each_text(u.r) a JOIN jsonb_each_text(v.r) b USING (key);

-- shares: as the function of counts has it
SELECT (SELECT custseg.proportion_test(i <= CASE a WHEN 1 THEN 48 ELSE 56 END, a = 2) FROM (VALUES (1, 80), (2, 70)) arms (a, n), generate_series(1, n) i) = custseg.proportion_test(48, 80, 56, 70) AS same;

-- kappa: statsmodels cohens_kappa
SELECT name, agrees((k).kappa, kappa, 1e-9) AS kappa, agrees((k).standard_error, se, 1e-9) AS se, (k).n, (k).agreement_share
FROM (VALUES ('three', '{{40,5,5},{6,30,4},{2,8,20}}'::int[], .6174282678002124, .05990638120362174), ('two', '{{20,5},{10,15}}', .4, .12699606293110033), ('perfect', '{{20,0},{0,15}}', 1, 0), ('chance', '{{25,25},{25,25}}', 0, .1), ('one', '{{7}}', NULL, NULL)) g (name, t, kappa, se)
    CROSS JOIN LATERAL (SELECT custseg.cohens_kappa(i, j) AS k FROM generate_subscripts(t, 1) i, generate_subscripts(t, 2) j, generate_series(1, t[i][j])) s;
SELECT agrees((k).low, .5000139181969867, 1e-9) AS low, agrees((k).high, .7348426174034384, 1e-9) AS high
FROM (SELECT custseg.cohens_kappa(-i, -j) AS k FROM (SELECT '{{40,5,5},{6,30,4},{2,8,20}}'::int[] AS t) x, generate_subscripts(t, 1) i, generate_subscripts(t, 2) j, generate_series(1, t[i][j])) s;
-- labels that only one of the two gives
SELECT (custseg.cohens_kappa(a, b)).* FROM (VALUES (1, 1), (1, 2), (3, 3), (3, 9), (NULL, 1)) v (a, b);
SELECT (custseg.cohens_kappa(1, b)).kappa FROM generate_series(1, 2) b;
SELECT custseg.cohens_kappa(1, NULL) IS NULL AS nothing;

-- workers combine their states; what each group has is its own; FILTER is a WHERE
CREATE TABLE many AS
SELECT (i % 3)::int AS segment, i % 5 < 2 AS is_treatment, (i * 7919 % 10007) % 17 = 0 AS converts, (i * 7919 % 10007)::float8 + i % 5 * 20 + 1e6 AS value, (i * 104729 % 9973)::float8 / 7 + (i * 7919 % 10007) / 3.0 AS covariate, (i % 4)::float8 AS orders
FROM generate_series(1, 60000::bigint) i;
UPDATE many SET covariate = NULL WHERE value::bigint % 11 = 0;
ANALYZE many;
CREATE TEMPORARY TABLE results (workers int, segment int, p custseg.proportion_test_result, w custseg.mean_test_result, r custseg.mean_test_result, c custseg.cuped_test_result, k custseg.cohens_kappa_result);
CREATE FUNCTION pg_temp.measure(int) RETURNS void LANGUAGE sql BEGIN ATOMIC
    INSERT INTO results
    SELECT $1, segment, custseg.proportion_test(converts, is_treatment), custseg.welch_test(value, is_treatment), custseg.ratio_test(value, orders, is_treatment), custseg.cuped_test(value, covariate, is_treatment), custseg.cohens_kappa(orders::int, segment)
    FROM many GROUP BY segment
    UNION ALL
    SELECT $1, 9, custseg.proportion_test(converts, is_treatment), custseg.welch_test(value, is_treatment), custseg.ratio_test(value, orders, is_treatment), custseg.cuped_test(value, covariate, is_treatment), custseg.cohens_kappa(orders::int, segment)
    FROM many;
END;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
ALTER TABLE many SET (parallel_workers = 4);
SET max_parallel_workers_per_gather = 0;
SELECT pg_temp.measure(0);
SET max_parallel_workers_per_gather = 1;
SELECT pg_temp.measure(1);
SET max_parallel_workers_per_gather = 2;
SELECT pg_temp.measure(2);
SET max_parallel_workers_per_gather = 4;
EXPLAIN (COSTS OFF) SELECT custseg.proportion_test(converts, is_treatment), custseg.welch_test(value, is_treatment), custseg.ratio_test(value, orders, is_treatment), custseg.cuped_test(value, covariate, is_treatment), custseg.cohens_kappa(orders::int, segment) FROM many;
SELECT pg_temp.measure(4);
RESET min_parallel_table_scan_size;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET max_parallel_workers_per_gather;
SELECT r.workers, count(*) AS groups, bool_and(r.p = s.p AND r.k = s.k) AS counts, bool_and(bool_and_of.same) AS moments
FROM results r JOIN results s ON s.workers = 0 AND s.segment = r.segment
CROSS JOIN LATERAL (
    SELECT bool_and(abs(a.value::float8 - b.value::float8) <= 1e-9 * abs(b.value::float8) OR a.value IS NOT DISTINCT FROM b.value) AS same
    FROM (VALUES (to_jsonb(r.w), to_jsonb(s.w)), (to_jsonb(r.r), to_jsonb(s.r)), (to_jsonb(r.c), to_jsonb(s.c))) x (ours, theirs), jsonb_each_text(ours) a JOIN jsonb_each_text(theirs) b USING (key)) bool_and_of
GROUP BY r.workers ORDER BY r.workers;
SELECT count(*), bool_and((r.p = f.p AND r.w = f.w AND r.r = f.r AND r.c = f.c AND r.k = f.k)) AS filter_is_where
FROM results r CROSS JOIN LATERAL (
    SELECT custseg.proportion_test(converts, is_treatment) FILTER (WHERE m.segment = r.segment) AS p, custseg.welch_test(value, is_treatment) FILTER (WHERE m.segment = r.segment) AS w, custseg.ratio_test(value, orders, is_treatment) FILTER (WHERE m.segment = r.segment) AS r,
        custseg.cuped_test(value, covariate, is_treatment) FILTER (WHERE m.segment = r.segment) AS c, custseg.cohens_kappa(orders::int, segment) FILTER (WHERE m.segment = r.segment) AS k FROM many m) f
WHERE r.workers = 0 AND r.segment < 9;
-- the same by sums in SQL, of numeric
SELECT agrees((w).difference, (m2 - m1)::float8, 1e-9) AS difference, agrees((w).standard_error, sqrt(v1 / n1 + v2 / n2)::float8, 1e-9) AS error, (w).n_control = n1 AND (w).n_treatment = n2 AS n
FROM (SELECT w FROM results WHERE workers = 0 AND segment = 9) r, (SELECT avg(value::numeric) AS m1, var_samp(value::numeric) AS v1, count(*) AS n1 FROM many WHERE NOT is_treatment) a, (SELECT avg(value::numeric) AS m2, var_samp(value::numeric) AS v2, count(*) AS n2 FROM many WHERE is_treatment) b;
-- the covariate against a regression of both arms' deviations
SELECT agrees((c).theta, theta, 1e-9) AS theta
FROM (SELECT c FROM results WHERE workers = 0 AND segment = 9) r,
    (SELECT (sum(dy * dx) / sum(dx * dx))::float8 AS theta FROM (SELECT value::numeric - avg(value::numeric) OVER a AS dy, x - avg(x) OVER a AS dx
        FROM (SELECT *, coalesce(covariate, avg(covariate) OVER ())::numeric AS x FROM many) m WINDOW a AS (PARTITION BY is_treatment)) d) t;
-- what is added to all, and the unit of all, change what they must and nothing else
SELECT agrees((b).statistic, (a).statistic, 1e-9) AS shifted, agrees((c).statistic, (a).statistic, 1e-12) AS scaled, agrees((c).standard_error, (a).standard_error * 2.0 ^ 600, 1e-12) AS error, agrees((d).statistic, (a).statistic, 1e-9) AS covariate, agrees((e).statistic, (f).statistic, 1e-9) AS ratio
FROM (SELECT custseg.cuped_test(value, covariate, is_treatment) AS a, custseg.cuped_test(value + 1e9, covariate, is_treatment) AS b, custseg.cuped_test(value * 2.0::float8 ^ 600, covariate, is_treatment) AS c, custseg.cuped_test(value, covariate * 1e-150 + 7e-150, is_treatment) AS d,
    custseg.ratio_test(value * 1e200, orders * 1e-100, is_treatment) AS e, custseg.ratio_test(value, orders, is_treatment) AS f FROM many) s;

-- no rows, one arm, one customer an arm; NULL and NaN are left out
SELECT (custseg.welch_test(x, is_treatment)).* FROM revenue WHERE false;
SELECT (custseg.proportion_test(x > 0, is_treatment)).* FROM revenue WHERE false;
SELECT (custseg.cuped_test(y, x, is_treatment)).* FROM covered WHERE false;
SELECT (custseg.ratio_test(y, x, is_treatment)).* FROM covered WHERE false;
SELECT (custseg.welch_test(x, is_treatment)).* FROM revenue WHERE is_treatment;
SELECT (custseg.cuped_test(y, x, is_treatment)).* FROM covered WHERE NOT is_treatment;
SELECT (custseg.ratio_test(y, x, is_treatment)).* FROM covered WHERE NOT is_treatment;
SELECT (w).difference, (w).standard_error, (w).p_value, (w).lift, (c).difference, (c).theta, (c).p_value, (r).difference, (r).p_value
FROM (SELECT custseg.welch_test(y, t) AS w, custseg.cuped_test(y, x, t) AS c, custseg.ratio_test(y, x, t) AS r FROM (VALUES (2.0::float8, 1.0::float8, false), (3, 4, true)) v (y, x, t)) s;
SELECT custseg.welch_test(x, t) = (SELECT custseg.welch_test(x, is_treatment) FROM revenue) AS left_out FROM (SELECT x, is_treatment AS t FROM revenue UNION ALL VALUES (NULL::float8, true), (5, NULL), ('NaN', false)) v;
SELECT custseg.proportion_test(s, t) = custseg.proportion_test(0, 1, 1, 1) AS left_out FROM (VALUES (true, true), (false, false), (NULL, true), (true, NULL)) v (s, t);
SELECT custseg.ratio_test(y, x, t) = (SELECT custseg.ratio_test(revenue, orders, is_treatment) FROM baskets) AS left_out FROM (SELECT revenue AS y, orders AS x, is_treatment AS t FROM baskets UNION ALL VALUES (1.0, NULL::float8, true), (NULL, 1, true), (1, 'NaN', false), (1, 1, NULL)) v;

-- errors
SELECT fails(statement) FROM unnest(ARRAY[
    'SELECT custseg.welch_test(''Infinity''::float8, true)', 'SELECT custseg.ratio_test(1, ''-Infinity'', true)', 'SELECT custseg.cuped_test(1, ''Infinity'', true)',
    'SELECT custseg_private.proportion_accum(NULL, true, true)', 'SELECT custseg_private.arm_moments_accum(NULL, 1, true)', 'SELECT custseg_private.ratio_accum(NULL, 1, 1, true)', 'SELECT custseg_private.cuped_accum(NULL, 1, 1, true)',
    'SELECT custseg_private.paired_arms_combine(NULL, NULL)', 'SELECT custseg_private.proportion_test_final(''\x00'')', 'SELECT custseg_private.welch_test_final(''\x00'')', 'SELECT custseg_private.ratio_test_final(''\x00'')',
    'SELECT custseg_private.cuped_test_final(decode(repeat(''ff'', 356), ''hex''))', 'SELECT custseg_private.cohens_kappa_final(''\x00'')']) statement;
-- a state without customers is one, too
SELECT (custseg_private.ratio_test_final(decode(repeat('00', length), 'hex'))).n_control FROM (SELECT 356 AS length) s;

DROP FUNCTION pg_temp.measure;
DROP TABLE revenue, baskets, covered, many;
\i :root/test/clean.sql
