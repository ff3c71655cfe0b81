# On a real experiment: Hillstrom's e-mail test, women's e-mail against none.
#
# CUSTSEG_DATA names the folder of the data, which are not part of custseg; scipy 1.10.1 and statsmodels
# 0.13.5 made the numbers to compare with.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'CUSTSEG_DATA is not set' unless $ENV{CUSTSEG_DATA};
my $file = "$ENV{CUSTSEG_DATA}/hillstrom/hillstrom.csv.gz";
plan skip_all => "$file is not there" unless -r $file;

my $node = start_node('experiment');
$node->safe_psql('postgres', <<"END");
CREATE TABLE mailing (place bigint GENERATED ALWAYS AS IDENTITY, recency int, history_segment text, history float8, mens int, womens int, zip_code text,
    newbie int, channel text, segment text, visit int, conversion int, spend float8);
COPY mailing (recency, history_segment, history, mens, womens, zip_code, newbie, channel, segment, visit, conversion, spend) FROM PROGRAM \$p\$gzip -dc '$file'\$p\$ CSV HEADER;
CREATE TABLE women AS
SELECT *, segment LIKE 'Women%' AS is_treatment, row_number() OVER (ORDER BY place) AS customer FROM mailing WHERE segment NOT LIKE 'Men%';
END

# What a statement gives: a row of "t" where all numbers agree.
sub agree
{
	my ($name, $statement) = @_;

	like($node->safe_psql('postgres', "SET search_path = test, public; $statement"), qr/^t(\|t)*(\nt(\|t)*)*$/, $name);
}

agree('the split is what it should be', <<'END');
SELECT agrees(statistic, .20253125, 1e-9), agrees(p_value, .9036929575604196, 1e-9), rating = 'ok'
FROM custseg.srm_test((SELECT array_agg(n ORDER BY n) FROM (SELECT count(*) AS n FROM mailing GROUP BY segment) s));
END

agree('visit, conversion, spend', <<'END');
SELECT agrees((v).difference, .045233106587052985, 1e-9), agrees((v).statistic, 13.949180655258505, 1e-9), agrees((v).p_value, 3.1824031593349214e-44, 1e-6), agrees((v).low, .03889409535998813, 1e-9),
    agrees((c).difference, .003111057511085258, 1e-9), agrees((c).statistic, 3.77956095835785, 1e-9), agrees((c).p_value, .00015710512910668448, 1e-9), agrees((c).lift_high, .9523670257034267, 1e-9),
    agrees((s).difference, .4244122159365966, 1e-9), agrees((s).low, .1689567898837795, 1e-9), agrees((s).high, .6798676419894137, 1e-9), agrees((s).statistic, 3.256371576025402, 1e-9), agrees((s).p_value, .0011293971023632098, 1e-9),
    agrees((s).lift, .6501518638646859, 1e-9), agrees((s).lift_low, .22417278686351438, 1e-9), agrees((s).lift_high, 1.2749408945821612, 1e-9), agrees((s).larger_error, .1303970904457095, 1e-9)
FROM (SELECT custseg.proportion_test(visit = 1, is_treatment) AS v, custseg.proportion_test(conversion = 1, is_treatment) AS c, custseg.welch_test(spend, is_treatment) AS s FROM women) x;
END

agree('spend by the larger error, all customers and a tenth of the treated', <<'END');
WITH tenth AS (SELECT *, row_number() OVER (PARTITION BY is_treatment ORDER BY customer) AS number FROM women),
arms AS (
    SELECT f, count(*) FILTER (WHERE NOT is_treatment) AS n1, avg(spend) FILTER (WHERE NOT is_treatment) AS m1, var_samp(spend) FILTER (WHERE NOT is_treatment) AS v1,
        count(*) FILTER (WHERE is_treatment) AS n2, avg(spend) FILTER (WHERE is_treatment) AS m2, var_samp(spend) FILTER (WHERE is_treatment) AS v2
    FROM tenth, (VALUES (1), (10)) v (f) WHERE NOT is_treatment OR (number - 1) % f = 0 GROUP BY f)
SELECT agrees(t.difference, d, 1e-9), agrees(t.standard_error, se, 1e-9), agrees(t.low, g.low, 1e-9), agrees(t.high, g.high, 1e-9), agrees(t.p_value, p, 1e-9)
FROM arms JOIN (VALUES (1, .4244122159365966, .1303970904457095, .16883089383741284, .6799935380357804, .0011357932135741481),
    (10, -.15530454912713149, .25674548733088587, -.658714610836536, .348105512582273, .5452921379522886)) g (f, d, se, low, high, p) USING (f)
CROSS JOIN LATERAL custseg.welch_test(n1, m1, v1, n2, m2, v2, by_larger_error => true) t;
END

agree('spend with a covariate, capped, and an order', <<'END');
SELECT agrees((c).theta, .0010319429009341642, 1e-9), agrees((c).difference, .42270540278438773, 1e-9), agrees((c).standard_error, .13030821872638434, 1e-9), round((c).variance_ratio::numeric, 5) = .99962,
    agrees((w).difference, .3619961295937477, 1e-9), agrees((w).standard_error, .09958306625777301, 1e-9), agrees((w).p_value, .0002782043276008011, 1e-9),
    agrees((r).mean_control, 114.00270491803279, 1e-9), agrees((r).mean_treatment, 121.8947619047619, 1e-9), agrees((r).standard_error, 12.04924015721394, 1e-9), agrees((r).statistic, .6549837901607515, 1e-9)
FROM (SELECT custseg.cuped_test(spend, history, is_treatment) AS c, custseg.welch_test(least(spend, (SELECT percentile_cont(0.999) WITHIN GROUP (ORDER BY spend) FROM women)), is_treatment) AS w,
    custseg.ratio_test(spend, conversion, is_treatment) AS r FROM women) x;
END

agree('by segment, with Holm, and whether segments differ', <<'END');
WITH segments AS (
    SELECT history_segment, custseg.proportion_test(visit = 1, is_treatment) AS v, custseg.welch_test(visit, is_treatment) AS vm, custseg.proportion_test(conversion = 1, is_treatment) AS c, custseg.welch_test(conversion, is_treatment) AS cm, custseg.welch_test(spend, is_treatment) AS s
    FROM women GROUP BY history_segment),
together AS (
    SELECT custseg.heterogeneity(array_agg((vm).difference), array_agg((vm).standard_error)) AS v, custseg.heterogeneity(array_agg((cm).difference), array_agg((cm).standard_error)) AS c, custseg.heterogeneity(array_agg((s).difference), array_agg((s).standard_error)) AS s,
        custseg.holm(array_agg((v).p_value ORDER BY history_segment)) AS hv, custseg.holm(array_agg((c).p_value ORDER BY history_segment)) AS hc, custseg.holm(array_agg((s).p_value ORDER BY history_segment)) AS hs,
        array_agg((c).difference ORDER BY history_segment) AS effects, bool_and((c).method = 'z') AS z
    FROM segments)
SELECT agrees((v).statistic, 5.109123416198084, 1e-9), agrees((v).p_value, .5298954526589803, 1e-9), agrees((c).statistic, 13.53753713611801, 1e-9), agrees((c).p_value, .03525107657315724, 1e-9), agrees((s).statistic, 13.092157707837835, 1e-9), agrees((s).p_value, .04159559596528055, 1e-9),
    agrees((SELECT max(p) FROM unnest(hv) p), .04792268614013051, 1e-9), agrees(effects, '{.003786679912348317,.0036917253592905477,-.0006663167254068068,-.0021586672037513296,.010195860758792903,.008667574001073618,.011277857656362328}', 1e-9),
    agrees(hs, '{.03555017785158684,.1511258187288471,.7934781279331059,.7966475558048767,.07055665493890906,.7540108208479347,.7934781279331059}', 1e-9),
    z, agrees(hc, '{.018749054353511662,.0951585047411532,.9614218028222563,.9614218028222563,.02455938615519814,.44338140469677717,.730873895337699}', 1e-9)
FROM together;
END

agree('who bought goods for women before is moved by the mail', <<'END');
SELECT agrees(h.statistic, 94.21334725445988, 1e-9), agrees(h.p_value, 2.832840318562727e-22, 1e-6), agrees(d[2], .07311454855041033, 1e-9), agrees(se[2], .004612716027458207, 1e-9)
FROM (SELECT array_agg((t).difference ORDER BY womens) AS d, array_agg((t).standard_error ORDER BY womens) AS se FROM (SELECT womens, custseg.welch_test(visit, is_treatment) AS t FROM women GROUP BY womens) w) s
CROSS JOIN LATERAL custseg.heterogeneity(d, se) h;
END

# Replayed in ten looks: what is seen so far by the larger error, at any time and at a plan.
$node->safe_psql('postgres', <<'END');
CREATE TABLE looks AS
SELECT look, metric, (t).difference / (t).standard_error AS z, (t).difference, (t).standard_error, 1 / (1 / n1::float8 + 1 / n2::float8) / (1 / (1 / 21306.0::float8 + 1 / 21387.0::float8)) AS information_share
FROM generate_series(1, 10) look CROSS JOIN LATERAL (
    SELECT metric, count(*) FILTER (WHERE NOT is_treatment) AS n1, count(*) FILTER (WHERE is_treatment) AS n2, avg(x) FILTER (WHERE NOT is_treatment) AS m1, var_samp(x) FILTER (WHERE NOT is_treatment) AS v1,
        avg(x) FILTER (WHERE is_treatment) AS m2, var_samp(x) FILTER (WHERE is_treatment) AS v2
    FROM women CROSS JOIN LATERAL (VALUES ('conversion', conversion::float8), ('spend', spend)) m (metric, x)
    WHERE customer <= 42693 * look / 10 GROUP BY metric) a
CROSS JOIN LATERAL (SELECT custseg.welch_test(n1, m1, v1, n2, m2, v2, by_larger_error => true) AS t) w;
END
agree('p-values at any time', <<'END');
SELECT agrees(array_agg(round(p_value::numeric, 6)::float8 ORDER BY look), CASE metric WHEN 'spend' THEN '{.475748,.321004,.465972,.348869,.091704,.370156,.089675,.122473,.025746,.027011}'::float8[]
    ELSE '{.399188,.462937,.504146,.37445,.056384,.092408,.019172,.037148,.004752,.005202}' END, 1e-9), min(look) FILTER (WHERE p_value < .05) = CASE metric WHEN 'spend' THEN 9 ELSE 7 END
FROM looks CROSS JOIN LATERAL custseg.anytime_interval(difference, standard_error, information_share) GROUP BY metric;
END
agree('boundaries, by what there was at each look and as planned, and the looks that are past them', <<'END');
SELECT min(l.look) FILTER (WHERE abs(z) > s.boundary) = CASE metric WHEN 'spend' THEN 7 ELSE 5 END, min(l.look) FILTER (WHERE abs(z) > p.boundary) = CASE metric WHEN 'spend' THEN 7 ELSE 5 END, max(abs(p.boundary - b)) < 1e-5,
    agrees(round(max(abs(z)) FILTER (WHERE l.look = CASE metric WHEN 'spend' THEN 7 ELSE 5 END)::numeric, 4)::float8, CASE metric WHEN 'spend' THEN 2.8113 ELSE 3.0297 END)
FROM looks l
JOIN custseg.spending_boundaries((SELECT array_agg(information_share ORDER BY look) FROM looks WHERE metric = 'spend')) s USING (look)
JOIN custseg.spending_boundaries('{.1,.2,.3,.4,.5,.6,.7,.8,.9,1}') p USING (look)
JOIN unnest('{6.991352,4.876885,3.929682,3.367079,2.989330,2.714809,2.504077,2.335829,2.197503,2.081176}'::float8[]) WITH ORDINALITY u (b, i) ON i = look
GROUP BY metric;
END

# Four experiments, enrolled and looked at by tenths: conversion and spend, with looks that spend alpha and at any time.
$node->safe_psql('postgres', <<'END');
SET client_min_messages = error;
SELECT custseg.train('women', 'SELECT customer, recency, history FROM women', id => 'customer', k => 2);
SELECT custseg.create_experiment(format('%s %s', metric, method), 'women', '[{"variant": "none", "weight": 21306}, {"variant": "mail", "weight": 21387}]',
    jsonb_build_array(jsonb_build_object('metric', metric, 'kind', CASE metric WHEN 'spend' THEN 'mean' ELSE 'conversion' END, 'role', 'primary', 'relative_effect', 0.01)), jsonb_build_object('n_control', 21306, 'n_looks', 10, 'method', method))
FROM unnest('{conversion,spend}'::text[]) metric, unnest('{spending,anytime}'::text[]) method;
UPDATE custseg.experiment SET started_at = now();
DO $$ BEGIN
    FOR k IN 1 .. 10 LOOP
        INSERT INTO custseg.enrolment SELECT experiment, customer::text, 1 + is_treatment::int, 1, k, now() FROM custseg.experiment, women WHERE customer > 42693 * (k - 1) / 10 AND customer <= 42693 * k / 10;
        PERFORM custseg.look(experiment, 'women') FROM custseg.experiment;
    END LOOP;
END $$;
END
# the boundaries are those of equal steps, which the tenths are nearly
agree('ten looks: boundaries', <<'END');
SELECT agrees((findings ->> 'boundary')::float8, b, 2e-4) FROM custseg.experiment_look JOIN unnest('{6.991352,4.876885,3.929682,3.367079,2.989330,2.714809,2.504077,2.335829,2.197503,2.081176}'::float8[]) WITH ORDINALITY u (b, i) ON i = look WHERE experiment = 'conversion spending' ORDER BY look;
END
agree('conversion is decided at the fifth look, spend at the seventh', <<'END');
SELECT decided_look = l AND decision = 'launch', agrees(m.statistic, s, 1e-4) FROM custseg.experiment e JOIN (VALUES ('conversion spending', 5, 3.0297), ('spend spending', 7, 2.8113)) g (experiment, l, s) USING (experiment)
JOIN custseg.experiment_look_metric m ON m.experiment = e.experiment AND m.look = l AND m.segment IS NULL;
END
agree('at any time: the smallest p so far', <<'END');
SELECT bool_and(abs(p_value - least) <= 1e-6), min(look) FILTER (WHERE p_value < 0.05) = CASE metric WHEN 'spend' THEN 9 ELSE 7 END
FROM custseg.experiment_look_metric m JOIN (
    SELECT metric, i AS look, min(p) OVER (PARTITION BY metric ORDER BY i) AS least FROM (VALUES ('conversion', '{0.399188,0.462937,0.504146,0.37445,0.056384,0.092408,0.019172,0.037148,0.004752,0.005202}'::float8[]),
        ('spend', '{0.475748,0.321004,0.465972,0.348869,0.091704,0.370156,0.089675,0.122473,0.025746,0.027011}')) v (metric, ps), unnest(ps) WITH ORDINALITY u (p, i)) g USING (metric, look)
WHERE m.experiment LIKE '% anytime' AND segment IS NULL GROUP BY metric;
END

# At the end, as a single look: by segment of history, with Holm, and post-stratified; with a covariate, a cap, and the larger error.
$node->safe_psql('postgres', <<'END');
SELECT custseg.create_experiment('segments', 'women', '[{"variant": "none", "weight": 21306}, {"variant": "mail", "weight": 21387}]', '[{"metric": "conversion", "kind": "conversion", "role": "primary", "relative_effect": 0.01}, {"metric": "visit", "kind": "conversion"}, {"metric": "spend", "kind": "mean"}]', '{"n_control": 21306, "method": "fixed"}');
SELECT custseg.create_experiment('whole', 'women', '[{"variant": "none", "weight": 21306}, {"variant": "mail", "weight": 21387}]', '[{"metric": "conversion", "kind": "conversion", "role": "primary", "relative_effect": 0.01}, {"metric": "spend", "kind": "mean"}, {"metric": "cuped", "kind": "mean", "column": "spend", "covariate": "history"}, {"metric": "capped", "kind": "mean", "column": "spend", "cap": 0.999}, {"metric": "order", "kind": "ratio", "numerator": "spend", "denominator": "conversion"}]', '{"n_control": 21306, "method": "fixed"}');
INSERT INTO custseg.enrolment SELECT 'segments', customer::text, 1 + is_treatment::int, left(history_segment, 1)::int, 1, now() FROM women UNION ALL SELECT 'whole', customer::text, 1 + is_treatment::int, 1, 1, now() FROM women;
UPDATE custseg.experiment SET started_at = now() WHERE started_at IS NULL;
END
agree('segments: effects, Holm, post-stratified', <<'END');
WITH r AS (SELECT * FROM custseg.experiment_results('segments', 'women'))
SELECT (SELECT agrees(array_agg(difference ORDER BY segment), '{.003786679912348317,.0036917253592905477,-.0006663167254068068,-.0021586672037513296,.010195860758792903,.008667574001073618,.011277857656362328}', 1e-9) FROM r WHERE metric = 'conversion' AND segment > 0),
    (SELECT agrees(array_agg(p_adjusted ORDER BY segment), '{.018749054353511662,.0951585047411532,.9614218028222563,.9614218028222563,.02455938615519814,.44338140469677717,.730873895337699}', 1e-9) FROM r WHERE metric = 'conversion' AND segment > 0),
    (SELECT agrees(max(p_adjusted), .04792268614013051, 1e-9) FROM r WHERE metric = 'visit' AND segment > 0),
    (SELECT agrees(array_agg(difference ORDER BY metric), '{.003094256308253946,.42171780779782614,.04499327246910933}', 1e-9) FROM r WHERE segment IS NULL),
    (SELECT agrees(df, 24154.76130536093, 1e-9) FROM r WHERE segment IS NULL AND metric = 'spend');
END
agree('all together: the larger error, a covariate, a cap, a ratio', <<'END');
WITH r AS (SELECT * FROM custseg.experiment_results('whole', 'women') WHERE segment = 1)
SELECT (SELECT agrees(ARRAY[difference, low, high, statistic, p_value], '{.003111057511085258,.0015016571318770087,.00474547131367293,3.77956095835785,.00015710512910668448}', 1e-9) FROM r WHERE metric = 'conversion'),
    (SELECT agrees(ARRAY[difference, standard_error, low, high, p_value], '{.4244122159365966,.1303970904457095,.16883089383741284,.6799935380357804,.0011357932135741478}', 1e-9) FROM r WHERE metric = 'spend'),
    (SELECT agrees(ARRAY[theta, difference], '{.0010319429009341642,.42270540278438773}', 1e-9) FROM r WHERE metric = 'cuped'),
    (SELECT agrees(ARRAY[cap, difference], '{209.91407999999794,.3619961295937477}', 1e-9) FROM r WHERE metric = 'capped'),
    (SELECT agrees(ARRAY[mean_control, mean_treatment], '{114.00270491803279,121.8947619047619}', 1e-9) FROM r WHERE metric = 'order');
END

# Who bought goods for women before is moved by the mail, as an experiment tells it: its errors are the larger ones, by
# which Q of Welch's differs a little. And spend of every tenth of the treated.
$node->safe_psql('postgres', <<'END');
SELECT custseg.create_experiment('womens', 'women', '[{"variant": "none", "weight": 21306}, {"variant": "mail", "weight": 21387}]', '[{"metric": "visit", "kind": "conversion", "role": "primary", "relative_effect": 0.01}, {"metric": "conversion", "kind": "conversion"}, {"metric": "spend", "kind": "mean"}]', '{"n_control": 21306, "method": "fixed"}');
SELECT custseg.create_experiment('tenth', 'women', '[{"variant": "none", "weight": 21306}, {"variant": "mail", "weight": 2139}]', '[{"metric": "spend", "kind": "mean", "role": "primary", "relative_effect": 0.01}]', '{"n_control": 21306, "method": "fixed"}');
INSERT INTO custseg.enrolment SELECT 'womens', customer::text, 1 + is_treatment::int, 1 + womens, 1, now() FROM women;
INSERT INTO custseg.enrolment SELECT 'tenth', customer::text, 1 + is_treatment::int, 1, 1, now()
FROM (SELECT *, row_number() OVER (PARTITION BY is_treatment ORDER BY customer) AS number FROM women) w WHERE NOT is_treatment OR number % 10 = 1;
UPDATE custseg.experiment SET started_at = now() WHERE started_at IS NULL;
END
agree('experiment_results: Q of visits by what was bought before', <<'END');
WITH r AS (SELECT * FROM custseg.experiment_results('womens', 'women') WHERE metric = 'visit')
SELECT (SELECT agrees(heterogeneity, 94.21334725445988, 2e-3) FROM r WHERE segment IS NULL), (SELECT heterogeneity_p_value < 1e-21 FROM r WHERE segment IS NULL),
    (SELECT agrees(r.heterogeneity, h.statistic, 1e-9) FROM r,
        (SELECT array_agg((t).difference) AS d, array_agg((t).larger_error) AS se FROM (SELECT custseg.welch_test(visit, is_treatment) AS t FROM women GROUP BY womens) w) s, custseg.heterogeneity(d, se) h WHERE r.segment IS NULL),
    (SELECT agrees(array_agg(difference ORDER BY segment), '{.011078467244666393,.07311454855041033}', 1e-9) FROM r WHERE segment > 0);
END
agree('experiment_results: Q of segments by what was spent before', <<'END');
SELECT agrees(r.heterogeneity, q, 2e-3), agrees(r.heterogeneity_p_value, p, 2e-2), agrees(r.heterogeneity, h.statistic, 1e-9), agrees(r.heterogeneity_p_value, h.p_value, 1e-9)
FROM custseg.experiment_results('segments', 'women') r
JOIN (VALUES ('visit', 5.109123416198084, .5298954526589803), ('conversion', 13.53753713611801, .03525107657315724), ('spend', 13.092157707837835, .04159559596528055)) g (metric, q, p) USING (metric)
JOIN (SELECT metric, array_agg((t).difference) AS d, array_agg((t).larger_error) AS se FROM (
    SELECT metric, custseg.welch_test(x, is_treatment) AS t FROM women, LATERAL (VALUES ('visit', visit::float8), ('conversion', conversion), ('spend', spend)) v (metric, x) GROUP BY metric, history_segment) w GROUP BY metric) s USING (metric)
CROSS JOIN LATERAL custseg.heterogeneity(d, se) h WHERE r.segment IS NULL;
END
agree('experiment_results: a tenth of the treated, by the larger error', <<'END');
SELECT agrees(ARRAY[difference, standard_error, low, high, p_value], '{-.15530454912713149,.25674548733088587,-.658714610836536,.348105512582273,.5452921379522886}', 1e-9), n_control = 21306 AND n_treatment = 2139
FROM custseg.experiment_results('tenth', 'women') WHERE segment = 1;
END

done_testing();
