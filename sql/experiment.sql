-- Tests of experiments, from what was counted or summed up: agreement with scipy 1.10.1 and statsmodels 0.13.5, and
-- with numbers of papers; what is not defined, and how far counts go.

\set SHOW_CONTEXT never
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
SET extra_float_digits = -3;

-- proportions.  a to h are the examples of Newcombe (1998), table II
CREATE TABLE proportions (name text, x1 bigint, n1 bigint, x2 bigint, n2 bigint, d float8, low float8, high float8, z float8, p_z float8, p_fisher float8,
    lift float8, lift_low float8, lift_high float8);
INSERT INTO proportions VALUES
    ('a', 48, 80, 56, 70, .2, .05243147240236498, .333872654036906, 2.6501719512585336, .00804508136819656, .012521129749209154, 1 / 3.0, .08282681083509247, .6731824384525933),
    ('b', 3, 10, 9, 10, .6, .17052272393450302, .8090179735354881, 2.738612787525831, .006169899320544151, .019766611097880443, 2, .43024819431637495, 1473.1374233363724),
    ('c', 2, 7, 6, 7, .5714285714285714, .0582279274823122, .8062496375242277, 2.160246899469287, .030753561259274524, .10256410256410256, 2, NULL, NULL),
    ('d', 0, 29, 5, 56, .08928571428571429, -.03813714790353688, .19256001385511162, 1.6586488692392285, .09718656817057973, .1606214432094711, NULL, NULL, NULL),
    ('e', 0, 20, 0, 10, 0, -.16112515805281938, .2775327998628892, NULL, NULL, 1, NULL, NULL, NULL),
    ('f', 0, 10, 0, 10, 0, -.2775327998628892, .2775327998628892, NULL, NULL, 1, NULL, NULL, NULL),
    ('g', 0, 20, 10, 10, 1, .6790860371419147, 1, 5.47722557505166, 4.320463057827506e-08, 3.328339160423118e-08, NULL, NULL, NULL),
    ('h', 0, 10, 10, 10, 1, .6075093504305242, 1, 4.47213595499958, 7.74421643104407e-06, 1.082508822446903e-05, NULL, NULL, NULL),
    ('mail', 500, 10000, 560, 10000, .006, -.00021266672889468097, .012222355660731262, 1.8937529756356748, .05825780603351623, .06253057565412792, .12, -.003958209507768484, .2604293242673703),
    ('rare', 1, 100000, 9, 100000, .00008, 1.679516257095128e-05, .00016147199104769026, 2.529885376059714, .011409979504574006, .021481298905187046, 8, NULL, NULL),
    ('visit', 2262, 21306, 3238, 21387, .045233106587052985, .03889409535998813, .051574342962213596, 13.949180655258505, 3.1824031593349214e-44, NULL, .42605507026691014, .3564800007141018, .4999663096278424),
    ('conversion', 122, 21306, 189, 21387, .003111057511085258, .0015016571318770087, .00474547131367293, 3.77956095835785, .00015710512910668448, NULL, .5433130436982172, .23402018505053657, .9523670257034267);
SELECT name, (t).method, agrees((t).difference, d, 1e-9) AS d, agrees((t).low, low, 1e-9) AS low, agrees((t).high, high, 1e-9) AS high, agrees((t).statistic, z, 1e-9) AS z,
    agrees((t).p_value, CASE (t).method WHEN 'z' THEN p_z ELSE p_fisher END, 1e-9) AS p, agrees(custseg.fisher_exact(x1, n1, x2, n2), coalesce(p_fisher, custseg.fisher_exact(x1, n1, x2, n2)), 1e-9) AS fisher,
    agrees((t).lift, lift, 1e-9) AS lift, agrees((t).lift_low, lift_low, 1e-9) AS lift_low, agrees((t).lift_high, lift_high, 1e-9) AS lift_high
FROM (SELECT *, custseg.proportion_test(x1, n1, x2, n2) AS t FROM proportions) s;
-- the p of z is that of Pearson's chi-square without correction, also where Fisher's is given
SELECT p.name, agrees(c.statistic, z * z, 1e-9) AS z, agrees(c.p_value, p_z, 1e-9) AS p
FROM proportions p CROSS JOIN LATERAL (
    SELECT (custseg.chi_square_test((i <= CASE a WHEN 1 THEN x1 ELSE x2 END)::text, a::text)).*
    FROM (VALUES (1, n1), (2, n2)) arms (a, n) CROSS JOIN LATERAL generate_series(1, n) i) c
WHERE z IS NOT NULL
ORDER BY p.name;
-- the interval alone is the same
SELECT bool_and(((n).difference, (n).low, (n).high) IS NOT DISTINCT FROM ((t).difference, (t).low, (t).high)) AS same
FROM (SELECT custseg.newcombe_interval(x1, n1, x2, n2, c) AS n, custseg.proportion_test(x1, n1, x2, n2, c) AS t FROM proportions, unnest('{0.5,0.9,0.95,0.999}'::float8[]) c) s;
-- arms that change places, and successes that are failures, change signs and nothing else
SELECT count(*), count(*) FILTER (WHERE abs((a).difference + (b).difference) > 1e-15 OR abs((a).low + (b).high) > 1e-14 OR abs((a).p_value - (b).p_value) > 1e-12
        OR abs((a).difference + (c).difference) > 1e-15 OR abs((a).low + (c).high) > 1e-14 OR abs((a).p_value - (c).p_value) > 1e-12
        OR (a).low > (a).difference OR (a).high < (a).difference OR (a).low < -1 OR (a).high > 1 OR (a).p_value > 1 OR (a).lift_low > (a).lift OR (a).lift_high < (a).lift) AS wrong
FROM (
    SELECT custseg.proportion_test(x, n, y, m) AS a, custseg.proportion_test(y, m, x, n) AS b, custseg.proportion_test(n - x, n, m - y, m) AS c
    FROM (VALUES (1, 1), (7, 9), (12, 5), (30, 30), (40, 3)) sizes (n, m) CROSS JOIN LATERAL generate_series(0, n) x CROSS JOIN LATERAL generate_series(0, m) y) s;
-- Fisher's by its definition: tables with the same margins that are no likelier
CREATE FUNCTION pg_temp.fisher(x1 int, n1 int, x2 int, n2 int) RETURNS float8 LANGUAGE sql BEGIN ATOMIC
    WITH tables AS (
        SELECT x, factorial(n1) / factorial(x) / factorial(n1 - x) * (factorial(n2) / factorial(x1 + x2 - x) / factorial(n2 - x1 - x2 + x)) AS ways
        FROM generate_series(greatest(0, x1 + x2 - n2), least(n1, x1 + x2)) x)
    SELECT (sum(t.ways) FILTER (WHERE t.ways <= s.ways * 1.0000001) / sum(t.ways))::float8 FROM tables t, (SELECT ways FROM tables WHERE x = x1) s;
END;
SELECT count(*), count(*) FILTER (WHERE abs(custseg.fisher_exact(x, n, y, m) / pg_temp.fisher(x, n, y, m) - 1) > 1e-10) AS wrong
FROM (VALUES (1, 1), (7, 9), (12, 5), (20, 20), (40, 3)) sizes (n, m) CROSS JOIN LATERAL generate_series(0, n) x CROSS JOIN LATERAL generate_series(0, m) y;
-- large counts: sums of 30 decimal digits
SELECT agrees(custseg.fisher_exact(100000, 1000000, 101000, 1000000), 0.0188008062075052537, 1e-9) AS million, agrees(custseg.fisher_exact(0, 1000000, 1000, 1000000), 1.45383475840932629e-301, 1e-6) AS tail;
-- empty arms; as many customers as there can be
SELECT * FROM custseg.proportion_test(0, 0, 1, 2);
SELECT * FROM custseg.newcombe_interval(1, 2, 0, 0);
SELECT custseg.fisher_exact(0, 0, 1, 2) AS empty, custseg.fisher_exact(0, 0, 0, 0) AS both;
SELECT n_control, share_control, share_treatment, difference, statistic, p_value, method, lift, lift_low, lift_high
FROM (VALUES (0, 0), (0, 9223372036854775807), (9223372036854775807, 9223372036854775807), (1, 3), (9223372036854775806, 9223372036854775804)) v (x, y)
    CROSS JOIN LATERAL custseg.proportion_test(x, 9223372036854775807, y, 9223372036854775807);
-- so many customers that the difference is in the last digits of the shares, or all but a few convert; exact arithmetic
SELECT x2, agrees(p.difference, d, 1e-13) AS difference, agrees(p.low, v.low, 1e-9) AS low, agrees(p.high, v.high, 1e-9) AS high, agrees(p.statistic, z, 1e-9) AS z, agrees(p.p_value, v.p, 1e-9) AS p,
    agrees(p.lift, v.lift, 1e-13) AS lift, agrees(p.lift_low, v.lift_low, 1e-9) AS lift_low, agrees(p.lift_high, v.lift_high, 1e-9) AS lift_high, n.difference = p.difference AND n.low = p.low AND n.high = p.high AS newcombe
FROM (VALUES (500000000000000, 500000031622777, 3.1622777e-8, -1.2203350028829039e-8, 7.5448904028828868e-8, 1.414213580186338, 0.15729920182164723, 6.3245554e-8, -2.4406698988007036e-8, 1.5089781467092516e-7),
    (999999999999990, 999999999999999, 9.0e-15, 2.4709600519561722e-15, 1.7449694855691184e-14, 2.7136021011998801, 0.0066556054829492344, 9.00000000000009e-15, 2.4995348606707453e-15, 1.5500465139329512e-14)
    ) v (x1, x2, d, low, high, z, p, lift, lift_low, lift_high)
    CROSS JOIN LATERAL custseg.proportion_test(x1, 1000000000000000, x2, 1000000000000000) p
    CROSS JOIN LATERAL custseg.newcombe_interval(x1, 1000000000000000, x2, 1000000000000000) n;
SELECT custseg.fisher_exact(0, 1, 0, 9223372036854775807) AS nobody, custseg.fisher_exact(1, 1, 9223372036854775800, 9223372036854775807) AS one,
    agrees(custseg.fisher_exact(5, 9223372036854775807, 0, 9223372036854775807), 2 / 2.0 ^ 5, 1e-9) AS coins;
SELECT share_control, difference, low, high FROM custseg.proportion_test(1, 1, 0, 1);

-- Wilson
SELECT x, n, agrees((w).low, low, 1e-9) AS low, agrees((w).high, high, 1e-9) AS high, (w).share
FROM (VALUES (90, 120, .665588633358744, .8189017834319043), (100, 120, .7565471860673773, .8894400363201539), (76, 100, .6676766365018553, .8330867444305122),
    (425, 500, .8160389193683016, .8786240423086119), (30, 30, .8864866068260312, 1), (0, 10, 0, .2775327998628892), (1, 1, .20654931437723745, 1),
    -- weighted, with Kish's effective number in place of n
    (.745 * 210.52631578947364, 210.52631578947364, .6820979297031421, .799121297041348), (.7857142857142858 * 70, 70, .6760881373652112, .8656129698289221)) v (x, n, low, high)
    CROSS JOIN LATERAL (SELECT custseg.wilson_interval(x, n) AS w) s;
SELECT * FROM custseg.wilson_interval(0, 0);
SELECT share, low > 0 AND low < 1e-18 AS low, high < 1e-17 AS high FROM custseg.wilson_interval(1, 9223372036854775807);

-- means: scipy.stats.ttest_ind(equal_var=False); the arms with their mean and variance
CREATE TABLE arms (name text, n1 bigint, m1 float8, v1 float8, n2 bigint, m2 float8, v2 float8);
INSERT INTO arms VALUES
    ('small', 2, 1.5, .5, 2, 3.5, .5), ('lift', 100, 10, 4, 100, 12, 9), ('wide', 10, 1, 100, 10, 2, 100), ('constant', 5, 3, 0, 7, 4, 0), ('one', 1, 3, 0, 7, 4, 2),
    ('none', 0, 0, 0, 7, 4, 2), ('negative', 50, -2, 1, 50, 1, 1), ('equal', 100, 10, 25, 100, 11, 36), ('large control', 4500, 10, 900, 500, 11, 100), ('large spread', 4500, 10, 100, 500, 11, 900);
SELECT name, (t).difference, (t).standard_error, (t).larger_error, (t).statistic, (t).df, (t).p_value, (t).low, (t).high, (t).lift, (t).lift_low, (t).lift_high
FROM (SELECT name, custseg.welch_test(n1, m1, v1, n2, m2, v2) AS t FROM arms) s;
SELECT agrees((t).standard_error, .7071067811865476, 1e-9) AS se, agrees((t).statistic, 2.82842712474619, 1e-9) AS t, agrees((t).df, 2, 1e-9) AS df, agrees((t).p_value, .10557280900008413, 1e-9) AS p,
    agrees((t).low, -1.0424349224110734, 1e-9) AS low, agrees((t).high, 5.042434922411074, 1e-9) AS high
FROM custseg.welch_test(2, 1.5, .5, 2, 3.5, .5) t;
SELECT agrees(a.lift_low, .1264668368240509, 1e-9) AS low, agrees(a.lift_high, .27722663897789457, 1e-9) AS high, agrees(b.lift_low, .10405007737223881, 1e-9) AS low_99, agrees(b.lift_high, .30233637273919656, 1e-9) AS high_99
FROM custseg.welch_test(100, 10, 4, 100, 12, 9) a, custseg.welch_test(100, 10, 4, 100, 12, 9, confidence => 0.99) b;
-- a lift of the last digits of the means, which the interval holds
SELECT agrees(lift, 1.0001659393310547e-13, 1e-9) AS lift, agrees(lift_low, 1.2364339875446766e-14, 1e-9) AS low, agrees(lift_high, 1.8766884799077185e-13, 1e-9) AS high
FROM custseg.welch_test(1000, 1e9, 1e-6, 1000, 1e9 + 1e-4, 1e-6);
-- the larger error, which is all that counts where it is asked for
SELECT name, agrees((a).standard_error, welch, 1e-9) AS welch, agrees((a).larger_error, greatest(welch, pooled), 1e-9) AS larger, agrees((b).standard_error, greatest(welch, pooled), 1e-9) AS taken,
    (a).df = (b).df AS df, agrees((b).statistic, (b).difference / greatest(welch, pooled), 1e-9) AS statistic
FROM (SELECT *, custseg.welch_test(n1, m1, v1, n2, m2, v2) AS a, custseg.welch_test(n1, m1, v1, n2, m2, v2, by_larger_error => true) AS b FROM arms) s
JOIN (VALUES ('large control', .6324555320336759, 1.3500025112902472), ('large spread', 1.3498971154211057, .6322305289467193), ('equal', .7810249675906654, .7810249675906654)) g (name, welch, pooled) USING (name);
-- numbers as they are, times a power of two, and beyond a double's square
SELECT bool_and(abs((b).statistic / (a).statistic - 1) < 1e-14 AND abs((b).low / (a).low / f - 1) < 1e-12 AND abs((a).p_value / (b).p_value - 1) < 1e-12 AND abs((b).lift_low - (a).lift_low) < 1e-12) AS scaled
FROM (SELECT f, custseg.welch_test(100, 10, 4, 90, 12, 9, 0.9, true) AS a, custseg.welch_test(100, 10 * f, 4 * f * f, 90, 12 * f, 9 * f * f, 0.9, true) AS b FROM (VALUES (1024.0::float8), (1e-100), (1e100)) v (f)) s;
SELECT n_control, difference, standard_error, statistic, p_value, lift FROM custseg.welch_test(9223372036854775807, 1, 1, 9223372036854775807, 1.000001, 1);

-- Holm beside Benjamini and Hochberg
SELECT p, custseg.holm(p), custseg.benjamini_hochberg(p)
FROM unnest(ARRAY['.01,.04,.03,.005,.6,.02', '.02,.02,.02', '0,1,.5', '.04,NULL,.03,NaN', '']) v CROSS JOIN LATERAL (SELECT ('{' || v || '}')::float8[] AS p) s;
SELECT agrees(custseg.holm('{.01,.04,.03,.005,.6,.02}'), '{.05,.09,.09,.03,.6,.08}') AS holm;
SELECT custseg.holm('{{.01,.02},{.03,.04}}'), custseg.holm(NULL) IS NULL AS strict;

-- was the split what it should be: scipy.stats.chisquare
SELECT counts, weights, agrees(s.statistic, g.statistic, 1e-9) AS statistic, agrees(p_value, p, 1e-9) AS p, df, n, rating
FROM (VALUES ('{821588,815482}'::bigint[], NULL::float8[], 22.77436884189436, 1.8217928726191858e-06), ('{44700,45489}', NULL, 6.9024049496058275, .008607987810836262),
    ('{960,1040}', '{1,1}', 3.2, .07363827012030258), ('{500,500}', NULL, 0, 1), ('{90120,9880}', '{9,1}', 1.6, .20590321073206472), ('{21306,21307,21387}', '{1,1,1}', .20253125, .9036929575604196),
    ('{5,15}', NULL, 5, .025347318677468325), ('{33607,33170,33223}', '{3333,3333,3334}', 3.480764900125285, .17545328566366294), ('{9500,9300}', NULL, 40000 / 18800.0, .14466148777280496)) g (counts, weights, statistic, p)
    CROSS JOIN LATERAL custseg.srm_test(counts, weights) s;
SELECT s.* FROM (VALUES ('{44700,45489}'::bigint[]), ('{821588,815482}'), ('{4,5}'), ('{0,0}'), ('{9223372036854775807,0}')) v (counts) CROSS JOIN LATERAL custseg.srm_test(counts) s;
-- attrition: those who are in the analysis and those who are not, by variant
SELECT agrees((c).statistic, 35.46099290780142, 1e-9) AS statistic, agrees((c).p_value, 2.6020967243939514e-09, 1e-9) AS p
FROM (SELECT custseg.chi_square_test((i <= CASE v WHEN 1 THEN 9500 ELSE 9300 END)::text, v::text) AS c FROM generate_series(1, 2) v, generate_series(1, 10000) i) s;

-- does the effect differ: statsmodels combine_effects
SELECT agrees(h.statistic, 1.7338905710264827, 1e-9) AS q, h.df, agrees(h.p_value, .42023328328345444, 1e-9) AS p, agrees(h.difference, 1.1399206789202097, 1e-9) AS difference, h.i_squared, h.n_segments
FROM (SELECT array_agg(m2 - m1) AS d, array_agg(sqrt(v1 / n1 + v2 / n2)) AS se
    FROM (VALUES (100, 10, 25.0::float8, 100, 11, 25.0::float8), (50, 30, 100, 40, 33, 121), (10, 80, 900, 12, 70, 400)) s (n1, m1, v1, n2, m2, v2)) x CROSS JOIN LATERAL custseg.heterogeneity(d, se) h;
SELECT agrees(statistic, 94.21334725445988, 1e-9) AS q, agrees(p_value, 2.832840318562727e-22, 1e-6) AS p, agrees(i_squared, 1 - 1 / 94.21334725445988, 1e-9) AS i_squared
FROM custseg.heterogeneity('{.011078467244666393,.07311454855041033}', '{.004423953710930194,.004612716027458207}');
-- without an error no effect counts; one alone cannot differ; what all have in common, or all are measured in, changes nothing
SELECT * FROM custseg.heterogeneity('{1,2,3,4}', '{0.5,0,NULL,1}');
SELECT * FROM custseg.heterogeneity('{1,2}', '{0.5,0}');
SELECT * FROM custseg.heterogeneity('{}', '{}');
SELECT agrees(b.statistic, a.statistic) AS shifted, agrees(c.statistic, a.statistic) AS scaled, agrees(c.standard_error, a.standard_error * 1e200) AS error
FROM custseg.heterogeneity('{1,2,4}', '{1,2,.5}') a, custseg.heterogeneity('{1048577,1048578,1048580}', '{1,2,.5}') b, custseg.heterogeneity('{1e200,2e200,4e200}', '{1e200,2e200,.5e200}') c;

-- looking at any time
SELECT d, se, f, agrees(a.low, g.low, 1e-9) AS low, agrees(a.high, g.high, 1e-9) AS high, agrees(a.p_value, p, 1e-9) AS p, agrees(b.low, low_99, 1e-9) AS low_99, agrees(b.high, high_99, 1e-9) AS high_99
FROM (VALUES (1, .5, .25, -.6255498403464066, 2.6255498403464066, .45527944364049433, -.8829153083766654, 2.882915308376665),
    (1, .5, 1, -.5175612065142754, 2.5175612065142756, .5103597703212971, -.7858031262218843, 2.785803126221884),
    (1, .25, 1, .2412193967428623, 1.7587806032571378, .002426482133340813, .10709843688905785, 1.892901563110942),
    (-2, .4, .1, -3.5292873332151204, -.47071266678487955, .004812037852214366, -3.7196833747715274, -.2803166252284728),
    (0, .5, .3, -1.5945251467244272, 1.5945251467244272, 1, -1.854721995631137, 1.854721995631137),
    (1, .5, 2, -.5320015575472594, 2.532001557547259, .6336282053819007, -.7984237910555319, 2.798423791055532),
    (1, .5, .01, -3.4719011189660733, 5.471901118966073, .8937629413861876, -3.7066532820500706, 5.706653282050071)) g (d, se, f, low, high, p, low_99, high_99)
    CROSS JOIN LATERAL custseg.anytime_interval(d, se, f) a CROSS JOIN LATERAL custseg.anytime_interval(d, se, f, 0.99) b;
-- at the plan the interval is 3.0351 standard errors wide to each side, and its square is 1 + k
SELECT confidence, agrees(high ^ 2 - 1, k, 1e-9) AS k
FROM (VALUES (.95::float8, 8.211968062068253), (.99, 11.756371222495419), (.9, 6.638352067993812), (1 - .05 / 6, 12.151520894907476)) g (confidence, k) CROSS JOIN LATERAL custseg.anytime_interval(0, 1, 1, confidence);
SELECT agrees(high, 3.035122413028551, 1e-9) AS high FROM custseg.anytime_interval(0, 1, 1);
-- nowhere is it narrower than the plain interval, and p is below alpha where the interval leaves out 0
SELECT count(*), count(*) FILTER (WHERE high - low < 2 * 1.96 * .3 OR (p_value < .05) <> (low > 0 OR high < 0)) AS wrong
FROM generate_series(-30, 30) d, unnest('{1e-9,.01,.3,1,5,1e6}'::float8[]) f CROSS JOIN LATERAL custseg.anytime_interval(d / 10.0, .3, f);
SELECT * FROM custseg.anytime_interval(1, 0, 1);
SELECT low, high, p_value FROM custseg.anytime_interval(1e300, 1e-300, 1);

-- few looks at a plan: ldbounds and gsDesign
SELECT alpha, looks, (SELECT string_agg(CASE WHEN abs(s.boundary - b) < 1e-5 THEN 't' ELSE s.boundary || ', not ' || b END, ' ' ORDER BY look) FROM custseg.spending_boundaries(looks, alpha) s JOIN unnest(bounds) WITH ORDINALITY u (b, i) ON i = look) AS boundaries
FROM (VALUES (.05, '{.2,.4,.6,.8,1}'::float8[], '{4.876885,3.357012,2.680280,2.289817,2.031032}'::float8[]), (.05, '{.5,1}', '{2.962588,1.968596}'),
    (.05, '{.25,.5,.75,1}', '{4.332634,2.963132,2.359044,2.014090}'), (.05, '{.3,.45,.9,1}', '{3.928573,3.148976,2.099994,2.055439}'), (.05, '{1}', '{1.959964}'),
    (.01, '{.2,.4,.6,.8,1}', '{6.168001,4.286717,3.443575,2.946980,2.615311}'),
    (.05, '{.1,.2,.3,.4,.5,.6,.7,.8,.9,1}', '{6.991352,4.876885,3.929682,3.367079,2.989330,2.714809,2.504077,2.335829,2.197503,2.081176}')) g (alpha, looks, bounds);
SELECT agrees(array_agg(spent ORDER BY look), '{1.077742525811726e-06,.000788303513382363,.007616126621978613,.024423580692896022,.05}', 1e-9) AS spent FROM custseg.spending_boundaries('{.2,.4,.6,.8,1}');
-- too early, the same customers again, beyond the plan: nothing is decided
SELECT look, information_share, round(spent::numeric, 8) AS spent, round(boundary::numeric, 5) AS boundary FROM custseg.spending_boundaries('{.05,.081,.083,.5,.5,.500000001,1.2,1.5}');
SELECT round(a.boundary::numeric, 4) = round(b.boundary::numeric, 4) AS as_if_not_taken FROM custseg.spending_boundaries('{.5,.5,.5,1}') a, custseg.spending_boundaries('{.5,1}') b WHERE a.look = 4 AND b.look = 2;
SELECT repeated, agrees((SELECT boundary FROM custseg.spending_boundaries(repeated) ORDER BY look DESC LIMIT 1), (SELECT boundary FROM custseg.spending_boundaries(once) ORDER BY look DESC LIMIT 1), 1e-7) AS as_if_not_taken
FROM (VALUES ('{.5,.5,.5,.9}'::float8[], '{.5,.9}'::float8[]), ('{.5,.5,.5,.50001,.9}', '{.5,.50001,.9}'), ('{.3,.3,.3,.3,.3001,.3001,.3001,.3001,.6}', '{.3,.3001,.6}')) l (repeated, once);
SELECT count(*) FROM custseg.spending_boundaries('{}');
-- a thousand looks come near to looking all the time, in a moment
SET statement_timeout = '20s';
SELECT count(*), round(min(boundary)::numeric, 3) AS last, bool_and(boundary > lead) IS TRUE AS descend
FROM (SELECT boundary, lead(boundary) OVER (ORDER BY look) FROM custseg.spending_boundaries((SELECT array_agg(i / 1000.0 ORDER BY i) FROM generate_series(1, 1000) i))) s;
RESET statement_timeout;
-- who looks twenty times and finds nothing real: 4,000 random walks without drift.  The boundaries claim an effect in
-- as many as they spend, the interval at any time in few, and the plain one in a quarter
SELECT count(*), avg(spending::int) BETWEEN 0.04 AND 0.06 AS spending, avg(anytime::int) <= 0.02 AS anytime, avg(plain::int) >= 0.18 AS plain
FROM (
    SELECT walk, bool_or(abs(z) > boundary) AS spending, bool_or(a.p_value < 0.05) AS anytime, bool_or(abs(z) > 1.96) AS plain
    FROM (
        SELECT walk, look, sum(sqrt(-2 * ln(u1)) * cos(2 * pi() * u2)) OVER (PARTITION BY walk ORDER BY look) / sqrt(look) AS z
        FROM (SELECT walk, look, (custseg.experiment_bucket('u1', concat(walk, ' ', look)) + 0.5::float8) / 10000 AS u1, (custseg.experiment_bucket('u2', concat(walk, ' ', look)) + 0.5::float8) / 10000 AS u2
            FROM generate_series(1, 4000) walk, generate_series(1, 20) look) u) w
    JOIN custseg.spending_boundaries((SELECT array_agg(i / 20.0 ORDER BY i) FROM generate_series(1, 20) i)) b USING (look)
    CROSS JOIN LATERAL custseg.anytime_interval(z, 1, look / 20.0) a
    GROUP BY walk) x;

-- buckets, which are the same everywhere
SELECT salt, id, bucket = custseg.experiment_bucket(salt, id) AS ours, bucket = (('x' || encode(substr(sha256(convert_to(salt || ':' || id, 'UTF8')), 1, 4), 'hex'))::bit(32)::bigint * 10000) >> 32 AS in_sql
FROM (VALUES ('spring', '1', 4619), ('spring', '2', 9737), ('spring', '17850', 6730), ('spring', '', 9356), ('spring', U&'Zo\00EB', 7727), ('offer:exposure', '1', 7535), ('offer:variant', '1', 5561),
    ('offer:variant', 'customer-0000000042', 7957)) v (salt, id, bucket);
SELECT array_agg(custseg.experiment_bucket('spring:variant', id) ORDER BY i) AS variant, array_agg(custseg.experiment_bucket('spring:exposure', id) ORDER BY i) AS exposure
FROM unnest(ARRAY['1', '2', '3', '17850', U&'Zo\00EB', '']) WITH ORDINALITY u (id, i);
SELECT count(*) FILTER (WHERE v < 5000) AS half, count(*) FILTER (WHERE v < 1000) AS tenth, count(*) FILTER (WHERE v < 5000 AND e < 5000) AS both, count(*) FILTER (WHERE v < 3333) AS first,
    count(*) FILTER (WHERE v BETWEEN 3333 AND 6665) AS second, count(*) FILTER (WHERE v > 6665) AS third, min(v), max(v), count(*) FILTER (WHERE v <> s) AS unlike_sql
FROM (SELECT custseg.experiment_bucket('spring:variant', i::text) AS v, custseg.experiment_bucket('spring:exposure', i::text) AS e,
    (('x' || encode(substr(sha256(convert_to('spring:variant:' || i, 'UTF8')), 1, 4), 'hex'))::bit(32)::bigint * 10000) >> 32 AS s FROM generate_series(1, 100000) i) x;

-- NULL in, NULL out
SELECT custseg.proportion_test(NULL, 1, 1, 1) IS NULL AS a, custseg.welch_test(1, NULL, 1, 1, 1, 1) IS NULL AS b, custseg.fisher_exact(1, NULL, 1, 1) IS NULL AS c, custseg.srm_test(NULL) IS NULL AS d,
    custseg.heterogeneity(NULL, '{1}') IS NULL AS e, custseg.anytime_interval(1, NULL, 1) IS NULL AS f, custseg.wilson_interval(NULL, 1) IS NULL AS g, custseg.newcombe_interval(1, 1, NULL, 1) IS NULL AS h,
    custseg.experiment_bucket(NULL, '1') IS NULL AS i, (SELECT count(*) FROM custseg.spending_boundaries(NULL)) AS j;

-- errors
SELECT fails(statement) FROM unnest(ARRAY[
    'SELECT custseg.proportion_test(-1, 1, 1, 1)', 'SELECT custseg.proportion_test(1, 1, 3, 2)', 'SELECT custseg.proportion_test(1, 1, 1, -1)', 'SELECT custseg.proportion_test(1, 1, 1, 1, 1)',
    'SELECT custseg.newcombe_interval(1, 1, 1, 1, ''NaN'')', 'SELECT custseg.fisher_exact(500000000000000, 1000000000000000, 500000000000000, 1000000000000000)',
    'SELECT custseg.wilson_interval(3, 2)', 'SELECT custseg.wilson_interval(''Infinity'', ''Infinity'')', 'SELECT custseg.wilson_interval(-1, 2)', 'SELECT custseg.wilson_interval(1, 2, 0)',
    'SELECT custseg.welch_test(-1, 1, 1, 1, 1, 1)', 'SELECT custseg.welch_test(1, ''Infinity'', 1, 1, 1, 1)', 'SELECT custseg.welch_test(1, 1, 1, 1, 1, -1)', 'SELECT custseg.welch_test(1, 1, ''NaN'', 1, 1, 1)',
    'SELECT custseg.holm(''{1.5}'')', 'SELECT custseg.srm_test(''{1}'')', 'SELECT custseg.srm_test(''{1,-1}'')', 'SELECT custseg.srm_test(''{1,NULL}'')', 'SELECT custseg.srm_test(''{9223372036854775807,1}'')',
    'SELECT custseg.srm_test(''{1,1}'', ''{1}'')', 'SELECT custseg.srm_test(''{1,1}'', ''{1,0}'')', 'SELECT custseg.srm_test(''{1,1}'', ''{1,NULL}'')', 'SELECT custseg.srm_test(array_fill(1::bigint, ARRAY[1001]))',
    'SELECT custseg.heterogeneity(''{1}'', ''{1,2}'')', 'SELECT custseg.heterogeneity(''{1}'', ''{-1}'')', 'SELECT custseg.heterogeneity(''{1,Infinity}'', ''{1,1}'')',
    'SELECT custseg.anytime_interval(''NaN'', 1, 1)', 'SELECT custseg.anytime_interval(1, -1, 1)', 'SELECT custseg.anytime_interval(1, 1, 0)', 'SELECT custseg.anytime_interval(1, 1, 1, 1.5)',
    'SELECT custseg.spending_boundaries(''{.5,.4}'')', 'SELECT custseg.spending_boundaries(''{0}'')', 'SELECT custseg.spending_boundaries(''{.5,NULL}'')', 'SELECT custseg.spending_boundaries(''{.5}'', 0)',
    'SELECT custseg.spending_boundaries(array_fill(1::float8, ARRAY[1001]))']) statement;

DROP TABLE proportions, arms;
\i :root/test/clean.sql
