-- Planning of experiments: agreement with R's power.prop.test() and statsmodels 0.13.5.

\set SHOW_CONTEXT never
\getenv root PG_ABS_SRCDIR
\i :root/test/setup.sql
SET extra_float_digits = -3;

-- shares.  The first is the example of R's power.prop.test
SELECT p1, p2, alpha, power, r, agrees(exact_size, n1, 1e-9) AS exact_size, (n_control, n_treatment) = (up1, up2) AS rounded, n = up1 + up2 AS n
FROM (VALUES (.5, .75, .05, .9, 1, 76.70692845177743, 77, 77), (.5, .75, .01, .9, 1, 109.0952216618823, 110, 110), (.10, .12, .05, .8, 1, 3840.847482436276, 3841, 3841),
    (.05, .06, .05, .8, 1, 8157.73144784928, 8158, 8158), (.05, .06, .05, .8, 1 / 9.0::float8, 39624.293023517304, 39625, 4403), (.05, .06, .05, .8, 4, 5199.684827453429, 5200, 20799),
    (.001, .002, .05, .8, 1, 23510.14027301901, 23511, 23511), (.5, .51, .01, .95, 1, 89058.44366110406, 89059, 89059), (.99, 1.0, .05, .8, 1, 779.7835580047223, 780, 780)) g (p1, p2, alpha, power, r, n1, up1, up2)
    CROSS JOIN LATERAL custseg.sample_size(p2 - p1, baseline => p1, alpha => alpha, power => power, allocation => r) s;
SELECT agrees(custseg.power(.25, 50, baseline => .5), .7401659013313879, 1e-9) AS published, agrees(custseg.power(.01, 1000, baseline => .05), .16369536768071874, 1e-9) AS few, agrees(custseg.power(0, 1000, baseline => .05), .025, 1e-9) AS no_difference;
SELECT p1, n1, r, agrees(custseg.minimum_effect(n1, baseline => p1, power => power, allocation => r), effect, 1e-9) AS effect
FROM (VALUES (.5, 50, .9, 1, .3026305817038948), (.05, 1000, .8, 1, .030976863623491765), (.05, 100000, .8, 1, .0027661243759115814), (.05, 9000, .8, 1 / 9.0::float8, .021658897905237562), (.9, 20, .8, 1, NULL)) g (p1, n1, power, r, effect);
-- means, and ratios, whose sd is the standard error for one customer
SELECT s, delta, r, agrees(exact_size, n1, 1e-9) AS exact_size, n_control, n_treatment
FROM (VALUES (1, .5, .8, 1, 62.79103787479271), (40, 2, .8, 1, 6279.103787479271), (40, 2, .8, 1 / 9.0::float8, 31395.518937396355), (40, 2, .9, 2, 6304.453836864372)) g (s, delta, power, r, n1)
    CROSS JOIN LATERAL custseg.sample_size(delta, sd => s, power => power, allocation => r);
SELECT agrees(custseg.minimum_effect(1000, sd => 40), 5.011627993967338, 1e-9) AS equal, agrees(custseg.minimum_effect(1000, sd => 40, allocation => 1 / 9.0::float8), 11.206340872451873, 1e-9) AS unequal,
    agrees(custseg.minimum_effect(1000, sd => 40, alpha => .01, power => .9), 6.900292670720228, 1e-9) AS strict;
-- two arms that vary differently: statsmodels has it by the sum of both variances
SELECT agrees(exact_size, (1.959963984540054 + .8416212335729143) ^ 2 * (3 ^ 2 + 5 ^ 2 / 2.0), 1e-9) AS exact_size FROM custseg.sample_size(1, sd => 3, sd_treatment => 5, allocation => 2);
-- segments that are judged each: 10 % more of three baselines
SELECT p, agrees(a.exact_size, alone, 1e-9) AS alone, agrees(b.exact_size, each, 1e-9) AS each, agrees(custseg.minimum_effect(arm, baseline => p), effect, 1e-9) AS effect
FROM (VALUES (.02, 80681.38028240808, 107615.89626153506, 30000, .003330227726706738), (.05, 31233.437940129952, 41660.4777442529, 15000, .007288617587136795), (.10, 14750.790469044912, 19675.338209594134, 5000, .0174399148097978)) g (p, alone, each, arm, effect)
    CROSS JOIN LATERAL custseg.sample_size(p / 10, baseline => p) a CROSS JOIN LATERAL custseg.sample_size(p / 10, baseline => p, n_segments => 3) b;
-- looking: at any time it takes 1.91 times the customers of one look
SELECT agrees(a.critical, 3.035122413028551, 1e-9) AS anytime, agrees(round((a.exact_size / f.exact_size)::numeric, 4)::float8, 1.9148) AS times, agrees(round((b.exact_size / g.exact_size)::numeric, 4)::float8, 1.7734) AS times_90,
    abs(s.critical - 2.031032) < 1e-5 AS spending, agrees(s.exact_size / f.exact_size, ((s.critical + .8416212335729143) / (1.959963984540054 + .8416212335729143)) ^ 2, 1e-9) AS spends
FROM custseg.sample_size(2, sd => 40) f, custseg.sample_size(2, sd => 40, method => 'anytime') a, custseg.sample_size(2, sd => 40, power => .9) g, custseg.sample_size(2, sd => 40, power => .9, method => 'anytime') b,
    custseg.sample_size(2, sd => 40, method => 'spending') s;
SELECT abs(critical - (SELECT boundary FROM custseg.spending_boundaries('{.5,1}', .05 / 3) WHERE look = 2)) < 1e-12 AS last_boundary FROM custseg.sample_size(2, sd => 40, method => 'spending', n_looks => 2, n_segments => 3);
-- a covariate leaves 1 less the squared correlation
SELECT agrees(b.exact_size, a.exact_size * (1 - .7 ^ 2), 1e-9) AS mean, agrees(d.exact_size, c.exact_size * (1 - .7 ^ 2), 1e-9) AS share
FROM custseg.sample_size(2, sd => 40) a, custseg.sample_size(2, sd => 40, correlation => -.7) b, custseg.sample_size(.01, baseline => .05) c, custseg.sample_size(.01, baseline => .05, correlation => .7) d;

-- size, power and smallest effect are one relation, seen from three sides
SELECT count(*), count(*) FILTER (WHERE abs(custseg.power(effect, exact_size, baseline => p, allocation => r, alpha => alpha, method => method) - power) > 1e-9) AS power,
    count(*) FILTER (WHERE effect > 0 AND abs(custseg.minimum_effect(exact_size, baseline => p, allocation => r, alpha => alpha, method => method, power => power) / effect - 1) > 1e-9) AS effect
FROM unnest('{.001,.05,.5,.9}'::float8[]) p, unnest('{-.0005,.0001,.09}'::float8[]) effect, unnest('{.1,1,7}'::float8[]) r, unnest('{.01,.1}'::float8[]) alpha, unnest('{.5,.8,.99}'::float8[]) power, unnest('{fixed,anytime}'::text[]) method
    CROSS JOIN LATERAL custseg.sample_size(effect, baseline => p, allocation => r, alpha => alpha, power => power, method => method);
SELECT count(*), count(*) FILTER (WHERE abs(custseg.power(effect, exact_size, sd => s, allocation => r) - power) > 1e-9) AS power, count(*) FILTER (WHERE abs(custseg.minimum_effect(exact_size, sd => s, allocation => r, power => power) / abs(effect) - 1) > 1e-9) AS effect
FROM unnest('{.001,40,1e100}'::float8[]) s, unnest('{-.5,.01,3}'::float8[]) e CROSS JOIN LATERAL (SELECT e * s AS effect) x, unnest('{.1,1,7}'::float8[]) r, unnest('{.5,.8,.99}'::float8[]) power
    CROSS JOIN LATERAL custseg.sample_size(effect, sd => s, allocation => r, power => power);

-- shares at their ends; nothing that varies
SELECT exact_size, n_control FROM custseg.sample_size(1, baseline => 0);
SELECT custseg.power(1, 10, baseline => 0) AS certain, custseg.power(0, 10, baseline => 0) AS nothing, custseg.minimum_effect(10, baseline => 1) AS no_room, round(custseg.power(-.05, 1000, baseline => .05)::numeric, 6) AS all_leave;
-- near 0 there are few numbers: a search between two neighbors ends
SELECT custseg.minimum_effect(1e154, baseline => 5e-324, allocation => 1e-308, alpha => 1e-311, power => 1e-17) < 1e-300 AS smallest;
-- NULL: of what is asked for, NULL; of what has a default, the default
SELECT custseg.sample_size(NULL, baseline => .05) IS NULL AS size, custseg.power(NULL, 10, baseline => .05) IS NULL AND custseg.power(.1, NULL, baseline => .05) IS NULL AS power, custseg.minimum_effect(NULL, baseline => .05) IS NULL AS effect,
    custseg.sample_size(.01, .05, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL) = custseg.sample_size(.01, .05) AS defaults;

-- errors
SELECT fails(statement) FROM unnest(ARRAY[
    'SELECT custseg.sample_size(0, baseline => 0.05)', 'SELECT custseg.sample_size(0.01)', 'SELECT custseg.sample_size(0.01, baseline => 0.05, sd => 1)', 'SELECT custseg.sample_size(0.01, baseline => 1.5)',
    'SELECT custseg.sample_size(0.96, baseline => 0.05)', 'SELECT custseg.sample_size(-0.06, baseline => 0.05)', 'SELECT custseg.sample_size(''NaN'', baseline => 0.05)', 'SELECT custseg.sample_size(1, sd => 0)',
    'SELECT custseg.sample_size(1, sd => ''Infinity'')', 'SELECT custseg.sample_size(1, sd => 1, sd_treatment => -1)', 'SELECT custseg.sample_size(1, sd => 1, allocation => 0)', 'SELECT custseg.sample_size(1, sd => 1, alpha => 0)',
    'SELECT custseg.sample_size(1, sd => 1, power => 1)', 'SELECT custseg.sample_size(1, sd => 1, power => 0.05)', 'SELECT custseg.sample_size(1, sd => 1, correlation => 1)', 'SELECT custseg.sample_size(1, sd => 1, n_segments => 0)',
    'SELECT custseg.sample_size(1, sd => 1, method => ''daily'')', 'SELECT custseg.sample_size(1, sd => 1, n_looks => 1001)', 'SELECT custseg.sample_size(1e-12, sd => 1)', 'SELECT custseg.minimum_effect(0, sd => 1)',
    'SELECT custseg.power(1, ''Infinity'', sd => 1)', 'SELECT custseg.power(1, 10)']) statement;
\i :root/test/clean.sql
