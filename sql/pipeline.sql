-- Preparation: every key of prep, by golden numbers of scikit-learn 1.2.1 and numpy.
--
-- Each comment names the transformers, chained in that order, that give the numbers below it, to
-- ten digits.  Where every row is a segment of its own, its center is the row in model space.

\set SHOW_CONTEXT never

CREATE TABLE shop (
    id int PRIMARY KEY, age float8, spend float8, visits int, channel text, loyal bool
);
INSERT INTO shop VALUES
(1, 23, 120, 3, 'web', true),
(2, 35, 80, 9, 'shop', false),
(3, NULL, 200, 4, 'web', true),
(4, 41, 3000, 1, 'phone', false),
(5, 29, 95.5, 12, NULL, true),
(6, 52, 410, 7, 'shop', NULL),
(7, NULL, 150, 2, 'web', false),
(8, 35, 60, 8, 'shop', true),
(9, 64, 720, 5, 'web', true),
(10, 18, 15, 6, 'phone', false);

-- Train with a segment for each row and compare each row's center with the golden one; null: the
-- row has no segment.  Components of PCA are compared by their absolute values.
CREATE FUNCTION in_model_space(prep jsonb, features text[], golden jsonb, tolerance float8 DEFAULT 1e-9)
RETURNS TABLE (columns text, rows bigint, agrees text)
LANGUAGE plpgsql AS $$
DECLARE
    k int := (SELECT count(*) FROM jsonb_array_elements(golden) g WHERE g <> 'null');
BEGIN
    PERFORM custseg.train('space', 'shop', features, k => k, prep => prep);
    RETURN QUERY
        WITH compared AS (
            SELECT s.id, c.center, g.row, (
                SELECT max(abs(CASE WHEN prep ? 'pca' THEN abs(p.got) ELSE p.got END -
                        CASE WHEN prep ? 'pca' THEN abs(p.want) ELSE p.want END))
                FROM ROWS FROM (unnest(c.center), jsonb_array_elements(nullif(g.row, 'null'))) x (got, golden),
                    LATERAL (SELECT coalesce(x.got, 'inf') AS got, coalesce(x.golden::float8, '-inf') AS want) p
            ) AS error
            FROM shop s
            JOIN jsonb_array_elements(golden) WITH ORDINALITY g (row, id) ON g.id = s.id
            LEFT JOIN custseg.segment c ON c.model = 'space' AND c.segment = custseg.predict('space', s)
        )
        SELECT CASE WHEN prep ? 'pca' THEN
                (SELECT 'components: ' || cardinality(center) FROM custseg.segment WHERE model = 'space' LIMIT 1)
                ELSE (SELECT string_agg(array_to_string(f.outputs, ', '), ', ' ORDER BY f.position)
                    FROM custseg.feature f WHERE f.model = 'space') END,
            count(c.center),
            CASE WHEN bool_and(CASE WHEN c.row = 'null' THEN c.center IS NULL ELSE c.error <= tolerance END)
                THEN 'yes' ELSE 'no: ' || max(c.error) || ' at ' || string_agg(c.id || ' ' || c.center::text, '; ') END
        FROM compared c;
    PERFORM custseg.drop_model('space', whole => true);
END
$$;

-- Impute

-- the default: SimpleImputer(strategy="median"), StandardScaler()
SELECT * FROM in_model_space('{}', '{age,spend}',
    '[[-1.081021362,-0.4235041272], [-0.1341413369,-0.4699091816], [-0.1341413369,-0.3306940185],
     [0.3392986757,2.9176597856], [-0.6075813494,-0.451927223], [1.207272032,-0.0870674832],
     [-0.1341413369,-0.3887003365], [-0.1341413369,-0.4931117087], [2.1541520571,0.272571688],
     [-1.4755547058,-0.5453173949]]');

-- SimpleImputer(strategy="mean"), StandardScaler()
SELECT * FROM in_model_space('{"impute": "mean"}', '{age,spend}',
    '[[-1.1170720885,-0.4235041272], [-0.168055093,-0.4699091816], [0,-0.3306940185],
     [0.3064534048,2.9176597856], [-0.6425635907,-0.451927223], [1.1763856507,-0.0870674832],
     [0,-0.3887003365], [-0.168055093,-0.4931117087], [2.1254026462,0.272571688],
     [-1.5124958366,-0.5453173949]]');

-- SimpleImputer(strategy="most_frequent"), StandardScaler()
SELECT * FROM in_model_space('{"impute": "mode"}', '{age,spend}',
    '[[-1.081021362,-0.4235041272], [-0.1341413369,-0.4699091816], [-0.1341413369,-0.3306940185],
     [0.3392986757,2.9176597856], [-0.6075813494,-0.451927223], [1.207272032,-0.0870674832],
     [-0.1341413369,-0.3887003365], [-0.1341413369,-0.4931117087], [2.1541520571,0.272571688],
     [-1.4755547058,-0.5453173949]]');

-- SimpleImputer(strategy="constant", fill_value=40), StandardScaler()
SELECT * FROM in_model_space('{"impute": "constant", "constant": 40}', '{age,spend}',
    '[[-1.1577674775,-0.4235041272], [-0.2126511693,-0.4699091816], [0.1811472924,-0.3306940185],
     [0.2599069847,2.9176597856], [-0.6852093234,-0.451927223], [1.1262636005,-0.0870674832],
     [0.1811472924,-0.3887003365], [-0.2126511693,-0.4931117087], [2.0713799087,0.272571688],
     [-1.5515659392,-0.5453173949]]');

-- StandardScaler(), KNNImputer(n_neighbors=3)
SELECT * FROM in_model_space('{"impute": "knn", "neighbors": 3}', '{age,spend,visits}',
    '[[-0.9991396502,-0.4235041272,-0.836832232], [-0.1503130447,-0.4699091816,1.0227949502],
     [-0.1503130447,-0.3306940185,-0.5268943683], [0.274100258,2.9176597856,-1.4567079593],
     [-0.5747263475,-0.451927223,1.9526085412], [1.0521913131,-0.0870674832,0.4029192228],
     [-0.1503130447,-0.3887003365,-1.1467700956], [-0.1503130447,-0.4931117087,0.7128570865],
     [1.9010179186,0.272571688,-0.2169565046], [-1.3528174025,-0.5453173949,0.0929813591]]');

-- StandardScaler(), KNNImputer(): five neighbours
SELECT * FROM in_model_space('{"impute": "knn"}', '{age,spend,visits}',
    '[[-0.9991396502,-0.4235041272,-0.836832232], [-0.1503130447,-0.4699091816,1.0227949502],
     [0.0901878268,-0.3306940185,-0.5268943683], [0.274100258,2.9176597856,-1.4567079593],
     [-0.5747263475,-0.451927223,1.9526085412], [1.0521913131,-0.0870674832,0.4029192228],
     [0.0901878268,-0.3887003365,-1.1467700956], [-0.1503130447,-0.4931117087,0.7128570865],
     [1.9010179186,0.272571688,-0.2169565046], [-1.3528174025,-0.5453173949,0.0929813591]]');

-- StandardScaler() on the rows that have an age; the others have no segment
SELECT * FROM in_model_space('{"impute": "skip"}', '{age,spend}',
    '[[-0.9991396502,-0.466877021], [-0.1503130447,-0.5090746334], null, [0.274100258,2.5713510721],
     [-0.5747263475,-0.4927230586], [1.0521913131,-0.1609443311], null,
     [-0.1503130447,-0.5301734396], [1.9010179186,0.1660871651], [-1.3528174025,-0.5776457535]]');

-- error: whoever lacks a value, in training and later
SELECT n_rows FROM custseg.train('space', 'shop', '{age,spend}', k => 2, prep => '{"impute": "error"}');
SELECT n_rows, n_segments FROM custseg.train('space', 'shop', '{spend,visits}', k => 2, prep => '{"impute": "error"}');
SELECT custseg.predict('space', '{"spend": null, "visits": 3}'::jsonb);
SELECT custseg.drop_model('space', whole => true);

-- skipped rows are counted by reason
SELECT n_rows, n_skipped FROM custseg.train('space', 'shop', '{age,spend,loyal}', k => 2, prep => '{"impute": "skip"}');
SELECT skipped FROM custseg.model_version WHERE model = 'space';
-- a column that is left out skips no row
CREATE TABLE holes AS SELECT i AS id, i % 17 AS a, CASE WHEN i % 20 >= 7 THEN 5 END AS fixed, CASE WHEN i % 10 > 0 THEN i % 7 END AS b FROM generate_series(1, 100) i;
SELECT n_rows, n_skipped FROM custseg.train('holes', 'SELECT a, fixed FROM holes', k => 3, prep => '{"impute": "skip"}');
SELECT n_rows, n_skipped FROM custseg.train('holes', 'SELECT a, fixed, b FROM holes', k => 3, prep => '{"impute": "skip"}', deploy => true);
SELECT skipped, (SELECT array_agg(name ORDER BY position) FROM custseg.feature f WHERE f.model = v.model AND f.version = v.version) AS features
FROM custseg.model_version v WHERE model = 'holes' AND version = 2;
SELECT count(custseg.predict('holes', h)) FROM holes h;
SELECT custseg.drop_model('holes', whole => true);
DROP TABLE holes;
SELECT custseg.drop_model('space', whole => true);

-- donors are the complete rows, and more neighbours than there are of them is an error
SELECT n_rows FROM custseg.train('space', 'shop', '{age,spend,visits}', k => 2, prep => '{"impute": "knn", "neighbors": 8}');
SELECT jsonb_array_length(donors) AS donors, jsonb_array_length(donors -> 0) AS columns
FROM custseg.model_version WHERE model = 'space';
SELECT custseg.drop_model('space', whole => true);
SELECT n_rows FROM custseg.train('space', 'shop', '{age,spend,visits}', k => 2, prep => '{"impute": "knn", "neighbors": 9}');

-- Clip

-- quartiles by numpy.percentile(x, [25, 75]), numpy.clip(x, q1 - 1.5 * iqr, q3 + 1.5 * iqr), StandardScaler()
SELECT * FROM in_model_space('{"clip": "iqr"}', '{spend,visits}',
    '[[-0.5412260564,-0.836832232], [-0.6938520428,1.0227949502], [-0.2359740836,-0.5268943683],
     [1.9310764449,-1.4567079593], [-0.634709473,1.9526085412], [0.5653123449,0.4029192228],
     [-0.4267565666,-1.1467700956], [-0.770165036,0.7128570865], [1.7481637393,-0.2169565046],
     [-0.9418692706,0.0929813591]]');

-- numpy.clip(x, x.mean() - 2 * x.std(), x.mean() + 2 * x.std()), StandardScaler()
SELECT * FROM in_model_space('{"clip": "zscore", "clip_limit": 2}', '{spend,visits}',
    '[[-0.4513109451,-0.836832232], [-0.5144423908,1.0227949502], [-0.3250480536,-0.5268943683],
     [2.8457290319,-1.4567079593], [-0.4899789556,1.9526085412], [0.0063920366,0.4029192228],
     [-0.4039623608,-1.1467700956], [-0.5460081137,0.7128570865], [0.4956607411,-0.2169565046],
     [-0.6170309901,0.0929813591]]');

-- numpy.clip(x, *numpy.percentile(x, [10, 90])), StandardScaler()
SELECT * FROM in_model_space('{"clip": "quantile", "clip_limit": 0.1}', '{spend,visits}',
    '[[-0.5530373292,-0.956606487], [-0.6880067811,1.3210280058], [-0.2830984254,-0.5770007382],
     [2.2408303251,-1.3741728107], [-0.6357061184,1.4349097305], [0.4254911971,0.5618165082],
     [-0.4518102402,-1.3362122358], [-0.755491507,0.941422257], [1.4715044493,-0.1973949894],
     [-0.7706755703,0.1822107594]]');

-- limits as fitted: for spend, numpy.percentile(spend, [10, 90]) is 55.5, 948; a customer beyond them counts as at them
SELECT n_segments FROM custseg.train('space', 'shop', '{spend,visits}', k => 3, prep => '{"clip": "quantile", "clip_limit": 0.1}');
SELECT name, prep ->> 'clip' AS clip, round((prep -> 'limits' ->> 0)::numeric, 9) AS low,
    round((prep -> 'limits' ->> 1)::numeric, 9) AS high
FROM custseg.feature WHERE model = 'space' ORDER BY position;
SELECT custseg.predict_detail('space', '{"spend": 1e9, "visits": 3}'::jsonb) =
    custseg.predict_detail('space', '{"spend": 948, "visits": 3}'::jsonb) AS same;
SELECT custseg.drop_model('space', whole => true);

-- the defaults: 1.5 interquartile ranges, 3 standard deviations, 1 % at each end
SELECT c.clip, (SELECT n_segments FROM custseg.train('space_' || c.clip, 'shop', '{spend}', k => 2,
    prep => jsonb_build_object('clip', c.clip))) AS n_segments
FROM unnest('{iqr,zscore,quantile}'::text[]) c (clip);
SELECT model, prep -> 'columns' -> 'spend' AS asked FROM custseg.model_version WHERE model LIKE 'space%' ORDER BY model;
SELECT model, round((prep -> 'limits' ->> 0)::numeric, 6) AS low, round((prep -> 'limits' ->> 1)::numeric, 6) AS high
FROM custseg.feature WHERE model LIKE 'space%' ORDER BY model;
SELECT custseg.drop_model(name, whole => true) FROM custseg.models WHERE name LIKE 'space%';

-- Transform

-- those there are
SELECT n_segments FROM custseg.train('space', 'shop', '{spend}', k => 2, prep => '{"transform": "log"}');

-- numpy.log1p(x), StandardScaler()
SELECT * FROM in_model_space('{"transform": "log1p"}', '{spend,visits}',
    '[[-0.2636485827,-0.6939627707], [-0.5566088688,0.976562121], [0.106812965,-0.2871411759],
     [2.0801644937,-1.9576660675], [-0.4287986139,1.4548885072], [0.6289396921,0.5697405261],
     [-0.1019718467,-1.2184470269], [-0.7636054561,0.7844753107], [1.0392067069,0.04525627],
     [-1.7404904895,0.326294306]]');

-- PowerTransformer(method="yeo-johnson", standardize=False), StandardScaler();
-- the maximum of a likelihood is known to about half of the digits
SELECT * FROM in_model_space('{"transform": "yeo-johnson"}', '{spend,visits}',
    '[[-0.195372184,-0.7857393464], [-0.5132669041,1.0177472156], [0.1862468256,-0.4158516059],
     [1.8840339471,-1.7140574272], [-0.372779334,1.6957598549], [0.6877828144,0.503893743],
     [-0.0260941382,-1.2083344863], [-0.7468589379,0.768342067], [1.0540252144,-0.0831816217],
     [-1.9577173033,0.2214216073]]', 1e-6);

-- PowerTransformer().lambdas_ is -0.11456796 and 0.47426954
SELECT n_segments FROM custseg.train('space', 'shop', '{spend,visits}', k => 3, prep => '{"transform": "yeo-johnson"}');
SELECT name, round((prep ->> 'lambda')::numeric, 5) AS lambda FROM custseg.feature WHERE model = 'space' ORDER BY position;
SELECT custseg.drop_model('space', whole => true);
-- log1p needs values above -1, in training and later
SELECT n_segments FROM custseg.train('space', 'SELECT spend - 100 AS spend FROM shop', '{spend}', k => 2, prep => '{"transform": "log1p"}');
SELECT n_segments FROM custseg.train('space', 'shop', '{spend}', k => 2, prep => '{"transform": "log1p"}');
SELECT custseg.predict('space', '{"spend": -1}'::jsonb) IS NULL AS not_placed;
SELECT custseg.drop_model('space', whole => true);

-- Box and Cox by mpmath 1.3.0 with 40 digits: lambda where the derivative of the log-likelihood
-- -n/2 ln var(y) + (lambda - 1) sum(ln x), y = (x^lambda - 1)/lambda, is 0; then (y - mean(y))/sd(y).
-- Lambda is -0.104085224587 and 0.53985089012.
SELECT * FROM in_model_space('{"transform": "box-cox"}', '{spend,visits}',
    '[[-0.1945296838,-0.7684711801], [-0.5097815802,1.010743113], [0.1841621869,-0.3992187635],
     [1.887509273,-1.751698471], [-0.370447541,1.678929587], [0.6834151192,0.5061817965],
     [-0.0266267078,-1.200525823], [-0.7416637747,0.7657392683], [1.049754615,-0.07059141602],
     [-1.961791906,0.2289118893]]', 1e-6);
-- unscaled they are the same y
SELECT * FROM in_model_space('{"transform": "box_cox", "scale": "none"}', '{spend}',
    '[[3.770388245], [3.518772439], [4.072638164], [5.432151159], [3.6299808], [4.47111294], [3.904398676], [3.333697501], [4.763503909], [2.35986189]]', 1e-6);
CREATE FUNCTION power_of(source text, transform text, OUT lambda float8, OUT unit float8, OUT spread float8, OUT centers text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM custseg.train('space', source, '{x}', k => 2, id => 'i', prep => jsonb_build_object('transform', transform));
    SELECT (f.prep ->> 'lambda')::float8, (f.prep ->> 'unit')::float8, (f.prep ->> 'spread')::float8 INTO lambda, unit, spread
    FROM custseg.feature f WHERE f.model = 'space';
    SELECT string_agg(round(center[1]::numeric, 9)::text, ' ' ORDER BY segment) INTO centers FROM custseg.segment WHERE model = 'space';
    PERFORM custseg.drop_model('space', whole => true);
END
$$;
SELECT round(lambda::numeric, 6) AS lambda, unit, round(spread::numeric, 6) AS spread FROM power_of('SELECT id AS i, spend AS x FROM shop', 'box-cox');
-- lambda, and model space, are the same in any unit; times a power of two, to the last bit.  Where x itself would lose digits, or
-- overflow, it is divided by the median
SELECT c.column, count(DISTINCT b.lambda) AS lambdas, count(DISTINCT b.centers) AS centers, count(DISTINCT b.unit) > 1 AS divided, round(min(b.lambda)::numeric, 6) AS lambda
FROM (VALUES ('i * i'), ('1.0 / (10 + i * 7 % 41)'), ('exp(i / 9.0)'), ('41.0 - i')) c ("column"),
    unnest('{-1000,-300,-30,-1,0,1,30,300,900}'::int[]) e, power_of(format('SELECT i, (%s)::float8 * 2.0::float8 ^ (%s) AS x FROM generate_series(1, 40) i', c.column, e), 'box-cox') b
GROUP BY 1 ORDER BY 1;
SELECT c.column, c.transform, b.lambda BETWEEN c.least AND c.most AS right, b.spread > 0 AS spread FROM (VALUES
    -- symmetric in its logarithms, over 600 powers of ten
    ('10.0::float8 ^ (i * 15 - 300)', 'box-cox', -1e-6, 1e-6), ('10.0::float8 ^ (-i)', 'box-cox', -1e-6, 1e-6), ('10.0::float8 ^ (i * 7)', 'yeo-johnson', -1e-3, 1e-3),
    -- a millionth wide
    ('1e9::float8 + i * i', 'box-cox', -1e6, -1e5)) c ("column", transform, least, most), power_of('SELECT i, ' || c.column || ' AS x FROM generate_series(1, 40) i', c.transform) b;
-- years whose lambda of greatest likelihood, above 60 by mpmath, gives squares out of range of a double: the nearest one that does not
SELECT round(lambda::numeric) AS lambda, spread < 1e141 AS in_range FROM unnest('{1,-1}'::int[]) sign, power_of(format('SELECT i, %s * CASE WHEN i <= 30 THEN 1990 + i %% 30 ELSE 2000 + i %% 20 END AS x FROM generate_series(1, 60) i', sign), 'yeo-johnson') ORDER BY 1;
DROP FUNCTION power_of;
-- a constant stays
SELECT n_segments FROM custseg.train('space', 'SELECT 5 AS c, spend FROM shop', '{c,spend}', k => 2, prep => '{"transform": "box-cox"}');
SELECT name, prep -> 'lambda' AS lambda, prep -> 'unit' AS unit FROM custseg.feature WHERE model = 'space' AND name = 'c';
SELECT custseg.drop_model('space', whole => true);
-- it needs values above 0, in training and later
SELECT n_segments FROM custseg.train('space', 'SELECT spend - 15 AS spend FROM shop', '{spend}', k => 2, prep => '{"transform": "box-cox"}');
SELECT n_segments FROM custseg.train('space', 'shop', '{spend}', k => 2, prep => '{"transform": "box-cox"}');
SELECT custseg.predict('space', '{"spend": 0}'::jsonb) IS NULL AS zero, custseg.predict('space', '{"spend": -1}'::jsonb) IS NULL AS negative,
    custseg.predict('space', '{"spend": 5e-324}'::jsonb) IS NOT NULL AS least, custseg.predict('space', '{"spend": 1e308}'::jsonb) IS NOT NULL AS most;
SELECT custseg.drop_model('space', whole => true);

-- QuantileTransformer(n_quantiles=10, output_distribution="normal"), StandardScaler()
SELECT * FROM in_model_space('{"transform": "quantile"}', '{spend,visits}',
    '[[-0.0577010918, -0.3158291365], [-0.3158291365, 0.5041309148], [0.1778926509, -0.1778926509],
     [2.1473538987, -2.1473538986], [-0.1778926509, 2.1473538987], [0.3158291365, 0.1778926509],
     [0.0577010918, -0.5041309148], [-0.5041309148, 0.3158291365], [0.5041309148, -0.0577010918],
     [-2.1473538986, 0.0577010918]]');

-- Normal scores of some values by the distribution of a source's x, compared by their distance to the
-- one center there is.
CREATE FUNCTION normal_scores(source text, probes float8[], golden float8[])
RETURNS TABLE (probe float8, score numeric, agrees text)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM custseg.train('space', source, '{x}', k => 1, prep => '{"transform": "quantile", "scale": "none"}');
    RETURN QUERY
        SELECT p.x, round(p.want::numeric, 6),
            CASE WHEN abs(abs(p.want - s.center[1]) - d.distance) <= 1e-9 THEN 'yes'
                ELSE 'no: ' || d.distance || ' from ' || s.center[1] END
        FROM ROWS FROM (unnest(probes), unnest(golden)) p (x, want)
        CROSS JOIN custseg.segment s
        CROSS JOIN LATERAL custseg.predict_detail('space', jsonb_build_object('x', p.x)) d
        WHERE s.model = 'space';
END
$$;

-- Spending on delicatessen of 440 wholesale customers (Cardoso 2013, UCI, doi:10.24432/C5030X, CC BY 4.0):
-- QuantileTransformer(n_quantiles=440, output_distribution="normal"), whose quantiles_ were set to
-- the sorted values, which its own miss by a rounding.  46, 395, 436 and 834 are there more than once, 100,
-- 900.5, 5000 and 30000 not at all; -100 and 1e6 lie beyond.
CREATE TABLE wholesale AS SELECT x FROM unnest('{
    1338,1776,7844,1788,5185,1451,545,2566,750,2098,1744,497,2931,602,2168,412,1080,4478,3181,501,
    2124,569,4334,16523,5778,57,833,518,5206,823,2963,985,405,1083,395,436,4626,714,433,2916,5864,
    2802,46,72,65,4985,1452,6465,1476,1163,2162,301,1278,224,1333,1130,1340,1282,436,1603,225,2017,
    964,1295,1145,1423,27,834,3095,144,1365,14472,181,648,1780,975,894,1009,167,1653,529,156,2342,
    772,120,2944,903,14351,46,3178,360,1117,5130,2698,244,709,217,63,132,323,3029,1838,1386,2498,
    548,1378,1831,1438,1236,3,1647,1519,2708,1561,1266,610,222,1160,933,635,1136,255,860,143,1621,
    918,483,2749,3,1819,911,310,328,396,537,326,1542,36,3271,929,2616,1450,3,318,201,4430,520,526,
    434,1440,1067,1774,184,1627,8,2153,3182,418,1682,303,2157,2233,610,446,238,2379,3637,693,429,
    750,323,6250,707,716,1442,1697,230,2631,395,2165,2794,8550,156,47943,11,247,727,3,404,1856,64,
    84,409,666,1142,1755,2876,1468,697,347,731,1681,6854,18,1328,710,285,120,806,797,2100,2870,1775,
    1215,791,2388,674,1158,6372,130,749,239,375,1360,659,786,1553,689,203,980,2137,490,834,7,2563,
    295,225,1215,216,2253,2564,1047,578,2398,1970,2784,610,659,572,291,710,5121,1693,1391,3265,615,
    373,987,3321,818,548,287,655,411,1265,3636,2563,3628,698,204,56,1550,1040,1824,1153,379,2503,
    139,1409,1721,1104,2079,1404,1384,2406,18,128,1027,258,22,1522,686,1060,741,1854,254,898,531,
    1037,259,2005,172,555,59,2410,211,1543,925,656,806,1117,117,142,297,1233,3508,1059,1637,51,1625,
    834,1113,229,573,1092,5609,834,522,1534,739,1043,1102,2602,1215,3486,2139,778,868,550,1942,1371,
    2158,1328,37,379,303,1115,1022,665,445,995,3137,195,1111,2341,127,548,110,4100,776,503,405,712,
    314,468,3105,447,342,558,296,2235,790,4829,3113,686,70,1426,1242,1114,179,270,532,2893,361,5120,
    1068,967,961,406,684,1000,1827,654,819,452,290,2213,743,247,375,1014,1902,340,288,715,378,960,
    553,344,5137,1892,4365,62,2435,290,1874,993,1063,776,1521,1393,1784,1218,668,249,1886,1894,1163,
    317,2501,2080,1498,395,1449,838,2204,2346,1867,2125,52}'::float8[]) x;
SELECT * FROM normal_scores('wholesale', '{-100,3,4,7,18,46,100,247,395,436,834,900.5,965.5,1000,1215,2563,5000,16523,30000,47943,1e6}',
    '{-5.1993375826,-5.1993375826,-2.4370806138,-2.3610507899,-2.1180767891,-1.8698588832,-1.5495290256,
    -1.0697362579,-0.7237026733,-0.6199244663,-0.0914852052,-0.0514113734,0,0.0428370429,0.2451011247,
    1.0799100615,1.7165897123,2.8368704973,3.0112573095,5.1993375827,5.1993375827}');
-- what was fitted are the values themselves, while they are 1,001 at most
SELECT (SELECT array_agg(q::float8 ORDER BY i) FROM jsonb_array_elements_text(prep -> 'quantiles') WITH ORDINALITY q (q, i)) =
    (SELECT array_agg(x ORDER BY x) FROM wholesale) AS as_they_are
FROM custseg.feature WHERE model = 'space';
-- other reports are in the values' own units
SELECT abs((s.profile_values)[1] - (SELECT avg(x) FROM wholesale)) < 1e-9 AS mean_of_values FROM custseg.segment s WHERE model = 'space';
SELECT feature, psi, verdict FROM custseg.drift('space', 'wholesale');
-- a model read from json must have quantiles that are in order
SELECT (replace(custseg.scorer('space')::text, '"quantiles": [3, 3, 3, 3, 7,', '"quantiles": [3, 3, 7, 3, 3,'))::custseg.compiled_model IS NULL;
SELECT (replace(custseg.scorer('space')::text, '"quantiles": [3, 3, 3, 3, 7,', '"quantiles": [],  "x": [3,'))::custseg.compiled_model IS NULL;
SELECT custseg.scorer('space')::text::custseg.compiled_model::text = custseg.scorer('space')::text AS same;
SELECT custseg.drop_model('space', whole => true);

-- 5,000 values of which many are the same, and 1,001 quantiles of them:
-- QuantileTransformer(n_quantiles=1001, output_distribution="normal", subsample=5000)
SELECT * FROM normal_scores('SELECT floor((i * 7919 % 5003) * (i * 7919 % 5003) / 10007.0::float8) AS x FROM generate_series(1, 5000) i',
    '{-5,0,0.5,1,2,3,17,17.25,100,333.3,625,1000,1400.9,2000,2400,2499,2500,2501,9e9}',
    '{-5.1993375826,-5.1993375826,-2.0639716107,-1.9685916692,-1.8591914945,-1.7866133655,-1.3819078413,
    -1.377039616,-0.8409063506,-0.3442406252,0,0.3385992639,0.6702857193,1.2506758545,2.0495528899,
    3.5400310122,5.1993375827,5.1993375827,5.1993375827}');
SELECT jsonb_array_length(prep -> 'quantiles') AS quantiles FROM custseg.feature WHERE model = 'space';
SELECT custseg.drop_model('space', whole => true);

-- missing values are imputed before: SimpleImputer(strategy="median"), QuantileTransformer(n_quantiles=8, ...);
-- so are those of a customer
SELECT * FROM normal_scores('SELECT x FROM unnest(''{1,2,NULL,4,4,NaN,9,100}''::float8[]) x', '{1,3,4,NULL,50,100}',
    '{-5.1993375826,-0.7916386077,0,0,1.4152818606,5.1993375827}');
SELECT custseg.predict('space', '{"x": "Infinity"}'::jsonb) IS NULL AS not_placed;
SELECT custseg.drop_model('space', whole => true);
SELECT 1 FROM custseg.train('space', 'SELECT x FROM unnest(''{1,2,Infinity}''::float8[]) x', '{x}', 1, prep => '{"transform": "quantile"}');
-- a constant stays one
SELECT n_segments FROM custseg.train('space', 'SELECT id, 7 AS constant, spend FROM shop', '{spend,constant}', k => 2, prep => '{"transform": "quantile"}');
SELECT prep ->> 'spread' AS spread FROM custseg.feature WHERE model = 'space' AND name = 'constant';
SELECT feature, value, round(overall_mean::numeric, 3) AS overall_mean, contribution FROM custseg.explain('space', '{"spend": 120, "constant": 7}'::jsonb);
SELECT custseg.drop_model('space', whole => true);
DROP FUNCTION normal_scores;
DROP TABLE wholesale;

-- Encode

-- StandardScaler() for spend; OneHotEncoder(categories=[["web", "shop", "phone", "NULL"]]) with None as "NULL":
-- levels by how many rows have them, a NULL is a level of its own
SELECT * FROM in_model_space('{}', '{spend,channel}',
    '[[-0.4235041272,1,0,0,0], [-0.4699091816,0,1,0,0], [-0.3306940185,1,0,0,0],
     [2.9176597856,0,0,1,0], [-0.451927223,0,0,0,1], [-0.0870674832,0,1,0,0],
     [-0.3887003365,1,0,0,0], [-0.4931117087,0,1,0,0], [0.272571688,1,0,0,0],
     [-0.5453173949,0,0,1,0]]');

-- OneHotEncoder(categories=..., drop="first")
SELECT * FROM in_model_space('{"drop_first": true}', '{spend,channel}',
    '[[-0.4235041272,0,0,0], [-0.4699091816,1,0,0], [-0.3306940185,0,0,0], [2.9176597856,0,1,0],
     [-0.451927223,0,0,1], [-0.0870674832,1,0,0], [-0.3887003365,0,0,0], [-0.4931117087,1,0,0],
     [0.272571688,0,0,0], [-0.5453173949,0,1,0]]');

-- SimpleImputer(strategy="most_frequent"), OneHotEncoder(categories=[["web", "shop", "phone"]])
SELECT * FROM in_model_space('{"columns": {"channel": {"impute": "mode"}}}', '{spend,channel}',
    '[[-0.4235041272,1,0,0], [-0.4699091816,0,1,0], [-0.3306940185,1,0,0], [2.9176597856,0,0,1],
     [-0.451927223,1,0,0], [-0.0870674832,0,1,0], [-0.3887003365,1,0,0], [-0.4931117087,0,1,0],
     [0.272571688,1,0,0], [-0.5453173949,0,0,1]]');

-- the same by name
SELECT * FROM in_model_space('{"columns": {"channel": {"impute": "constant", "constant": "web"}}}', '{spend,channel}',
    '[[-0.4235041272,1,0,0], [-0.4699091816,0,1,0], [-0.3306940185,1,0,0], [2.9176597856,0,0,1],
     [-0.451927223,1,0,0], [-0.0870674832,0,1,0], [-0.3887003365,1,0,0], [-0.4931117087,0,1,0],
     [0.272571688,1,0,0], [-0.5453173949,0,0,1]]');

-- OrdinalEncoder(categories=[["phone", "shop", "web"]]), SimpleImputer(strategy="median"), StandardScaler()
SELECT * FROM in_model_space('{"encode": "ordinal", "levels": ["phone", "shop", "web"]}', '{spend,channel}',
    '[[-0.4235041272,1.0690449676], [-0.4699091816,-0.2672612419], [-0.3306940185,1.0690449676],
     [2.9176597856,-1.6035674515], [-0.451927223,-0.2672612419], [-0.0870674832,-0.2672612419],
     [-0.3887003365,1.0690449676], [-0.4931117087,-0.2672612419], [0.272571688,1.0690449676],
     [-0.5453173949,-1.6035674515]]');

-- shares of the levels by numpy.unique(return_counts=True), StandardScaler()
SELECT * FROM in_model_space('{"encode": "frequency"}', '{spend,channel}',
    '[[-0.4235041272,1], [-0.4699091816,0], [-0.3306940185,1], [2.9176597856,-1], [-0.451927223,-2],
     [-0.0870674832,0], [-0.3887003365,1], [-0.4931117087,0], [0.272571688,1], [-0.5453173949,-1]]');

-- a boolean is a number: SimpleImputer(strategy="median"), StandardScaler()
SELECT * FROM in_model_space('{}', '{spend,loyal}',
    '[[-0.4235041272,0.8164965809], [-0.4699091816,-1.2247448714], [-0.3306940185,0.8164965809],
     [2.9176597856,-1.2247448714], [-0.451927223,0.8164965809], [-0.0870674832,0.8164965809],
     [-0.3887003365,-1.2247448714], [-0.4931117087,0.8164965809], [0.272571688,0.8164965809],
     [-0.5453173949,-1.2247448714]]');

-- a level that training never saw contributes nothing, so its customer lies off by 1 in the level's
-- own direction: customer 1 by "fax" instead of "web"
SELECT n_segments FROM custseg.train('space', 'shop', '{spend,channel}', k => 10);
SELECT round((d).distance::numeric, 9) AS distance,
    (SELECT c.center[2:] FROM custseg.segment c WHERE c.model = 'space' AND c.segment = (d).segment) AS levels
FROM custseg.predict_detail('space', '{"spend": 120, "channel": "fax"}'::jsonb) d;
SELECT custseg.predict('space', '{"spend": 120, "channel": "web"}'::jsonb) =
    custseg.predict('space', s) AS same FROM shop s WHERE id = 1;
SELECT custseg.drop_model('space', whole => true);

-- values that are not among the levels of an ordinal column are imputed
SELECT n_segments FROM custseg.train('space', 'shop', '{spend,channel}', k => 2, prep => '{"encode": "ordinal", "levels": ["shop", "web"]}');
SELECT prep ->> 'fill' AS fill, prep -> 'levels' AS levels FROM custseg.feature WHERE model = 'space' AND name = 'channel';
SELECT custseg.predict_detail('space', '{"spend": 120, "channel": "fax"}'::jsonb) =
    custseg.predict_detail('space', '{"spend": 120, "channel": null}'::jsonb) AS same;
SELECT custseg.drop_model('space', whole => true);

-- more than 64 levels: the most frequent are kept, the rest and all that come later are "other"
CREATE TABLE many AS SELECT i AS id, 'level ' || lpad((CASE WHEN i <= 70 THEN i ELSE i % 10 END)::text, 2, '0') AS level, i % 5 AS x
FROM generate_series(1, 300) i;
SELECT n_rows, n_segments FROM custseg.train('space', 'many', '{level,x}', k => 3);
SELECT cardinality(outputs) AS outputs, outputs[65] AS last, cardinality(levels) AS levels, levels[65] AS last_level,
    level_counts[65] AS rows, level_counts[1:11] AS most
FROM custseg.feature WHERE model = 'space' AND name = 'level';
SELECT custseg.predict_detail('space', '{"level": "unheard of", "x": 2}'::jsonb) =
    custseg.predict_detail('space', '{"level": "level 70", "x": 2}'::jsonb) AS same;
SELECT custseg.drop_model('space', whole => true);
-- 64 are not too many, and a NULL is one beside them
SELECT n_segments FROM custseg.train('space', 'SELECT nullif(id % 65, 0)::text AS level, x FROM many', '{level,x}', k => 3);
SELECT cardinality(outputs) AS outputs, outputs[65] AS last, levels[65] IS NULL AS null_is_last
FROM custseg.feature WHERE model = 'space' AND name = 'level';
SELECT custseg.drop_model('space', whole => true);
DROP TABLE many;

-- Scale

-- SimpleImputer(strategy="median"), StandardScaler()
SELECT * FROM in_model_space('{"scale": "standard"}', '{age,spend}',
    '[[-1.081021362,-0.4235041272], [-0.1341413369,-0.4699091816], [-0.1341413369,-0.3306940185],
     [0.3392986757,2.9176597856], [-0.6075813494,-0.451927223], [1.207272032,-0.0870674832],
     [-0.1341413369,-0.3887003365], [-0.1341413369,-0.4931117087], [2.1541520571,0.272571688],
     [-1.4755547058,-0.5453173949]]');

-- SimpleImputer(strategy="median"), MinMaxScaler()
SELECT * FROM in_model_space('{"scale": "minmax"}', '{age,spend}',
    '[[0.1086956522,0.0351758794], [0.3695652174,0.0217755444], [0.3695652174,0.0619765494],
     [0.5,1], [0.2391304348,0.0269681742], [0.7391304348,0.1323283082],
     [0.3695652174,0.0452261307], [0.3695652174,0.0150753769], [1,0.2361809045], [0,0]]');

-- SimpleImputer(strategy="median"), RobustScaler()
SELECT * FROM in_model_space('{"scale": "robust"}', '{age,spend}',
    '[[-1.3333333333,-0.0548195523], [0,-0.2010050251], [0,0.2375513933],
     [0.6666666667,10.4705344906], [-0.6666666667,-0.1443581544], [1.8888888889,1.0050251256],
     [0,0.0548195523], [0,-0.2740977615], [3.2222222222,2.13796254], [-1.8888888889,-0.4385564185]]');

-- SimpleImputer(strategy="median")
SELECT * FROM in_model_space('{"scale": "none"}', '{age,spend}',
    '[[23,120], [35,80], [35,200], [41,3000], [29,95.5], [52,410], [35,150], [35,60], [64,720],
     [18,15]]');

-- a constant column is spread by 1, whatever the scale: StandardScaler().scale_, MinMaxScaler and RobustScaler do so, too
SELECT s.scale, (SELECT n_segments FROM custseg.train('space_' || s.scale,
    'SELECT spend, 7 AS constant, CASE WHEN id = 1 THEN 1 ELSE 0 END AS rare FROM shop', '{spend,constant,rare}', k => 2,
    prep => jsonb_build_object('scale', s.scale))) AS n_segments
FROM unnest('{standard,minmax,robust,none}'::text[]) s (scale);
SELECT model, name, round((prep ->> 'center')::numeric, 9) AS center, round((prep ->> 'spread')::numeric, 9) AS spread
FROM custseg.feature WHERE model LIKE 'space%' ORDER BY model, position;
SELECT custseg.drop_model(name, whole => true) FROM custseg.models WHERE name LIKE 'space%';
-- nor does rounding make a constant vary: as StandardScaler().scale_
SELECT n_segments FROM custseg.train('space', 'SELECT spend, 1e6 + 0.1::float8 AS constant FROM shop', '{spend,constant}', k => 2);
SELECT prep ->> 'spread' AS spread FROM custseg.feature WHERE model = 'space' AND name = 'constant';
SELECT custseg.drop_model('space', whole => true);

-- Principal components (signs are a matter of taste: absolute values are compared)

-- SimpleImputer(strategy="median"), StandardScaler(), PCA(n_components=2)
SELECT * FROM in_model_space('{"pca": 2}', '{age,spend,visits}',
    '[[-0.2453970891,-1.328325903], [-0.9879605581,0.453566592], [0.0325627623,-0.3681429392],
     [3.002877978,-0.6695277867], [-1.7309491211,0.5379184142], [0.209707564,1.2419434877],
     [0.3632448265,-0.6892724145], [-0.8186640534,0.292616429], [1.2249743437,1.6969212911],
     [-1.0503966527,-1.1676971706]]');

-- PCA(n_components=3)
SELECT * FROM in_model_space('{"pca": 3}', '{age,spend,visits}',
    '[[-0.2453970891,-1.328325903,-0.4728442444], [-0.9879605581,0.453566592,0.3211375553],
     [0.0325627623,-0.3681429392,-0.5180545823], [3.002877978,-0.6695277867,1.1332769682],
     [-1.7309491211,0.5379184142,1.0490626036], [0.209707564,1.2419434877,-0.2025574411],
     [0.3632448265,-0.6892724145,-0.9365469752], [-0.8186640534,0.292616429,0.1161166414],
     [1.2249743437,1.6969212911,-0.6177641334], [-1.0503966527,-1.1676971706,0.1281736078]]');

-- PCA(n_components=1)
SELECT * FROM in_model_space('{"pca": 1}', '{age,spend,visits}',
    '[[-0.2453970891], [-0.9879605581], [0.0325627623], [3.002877978], [-1.7309491211],
     [0.209707564], [0.3632448265], [-0.8186640534], [1.2249743437], [-1.0503966527]]');

-- PCA(n_components=0.8): two components explain 86 %
SELECT * FROM in_model_space('{"pca": 0.8}', '{age,spend,visits}',
    '[[-0.2453970891,-1.328325903], [-0.9879605581,0.453566592], [0.0325627623,-0.3681429392],
     [3.002877978,-0.6695277867], [-1.7309491211,0.5379184142], [0.209707564,1.2419434877],
     [0.3632448265,-0.6892724145], [-0.8186640534,0.292616429], [1.2249743437,1.6969212911],
     [-1.0503966527,-1.1676971706]]');

-- PCA(n_components=0.5): one explains 55 %
SELECT * FROM in_model_space('{"pca": 0.5}', '{age,spend,visits}',
    '[[-0.2453970891], [-0.9879605581], [0.0325627623], [3.002877978], [-1.7309491211],
     [0.209707564], [0.3632448265], [-0.8186640534], [1.2249743437], [-1.0503966527]]');

-- PCA.explained_variance_ and abs(PCA.components_); the largest entry of a component is positive
SELECT n_segments FROM custseg.train('space', 'shop', '{age,spend,visits}', k => 3, prep => '{"pca": 3}');
SELECT abs(v.fitted::float8 - v.golden) < 1e-12 AS variance
FROM custseg.model_version m,
    ROWS FROM (jsonb_array_elements(m.reduction -> 'variance'),
        unnest('{1.8334263677205915,1.0210586969075457,0.4788482687051935}'::float8[])) v (fitted, golden)
WHERE m.model = 'space';
SELECT round(sum(v::float8)::numeric, 9) = round((min(m.reduction ->> 'total_variance'))::numeric, 9) AS adds_up
FROM custseg.model_version m, jsonb_array_elements(m.reduction -> 'variance') v
WHERE m.model = 'space';
SELECT round(c.fitted::numeric, 8) AS fitted, abs(abs(c.fitted) - c.golden) < 1e-8 AS agrees
FROM custseg.model_version m,
    ROWS FROM (jsonb_path_query(m.reduction -> 'components', '$[*][*]'),
        unnest('{0.42221894,0.68190376,0.59727583,0.84895434,0.06644541,0.52427239,0.31781708,0.72841764,0.60695967}'::float8[]))
    WITH ORDINALITY f (fitted, golden, i),
    LATERAL (SELECT f.fitted::float8 AS fitted, f.golden) c
WHERE m.model = 'space'
ORDER BY f.i;
SELECT custseg.drop_model('space', whole => true);
SELECT n_segments FROM custseg.train('space', 'shop', '{age,spend}', k => 3, prep => '{"pca": 3}');

-- Per column

-- age: SimpleImputer(strategy="mean"), MinMaxScaler(); spend: log1p, StandardScaler(); visits:
-- numpy.clip at numpy.percentile(x, [20, 80]), RobustScaler(); channel: OneHotEncoder(drop="first")
SELECT * FROM in_model_space('{"scale": "robust", "drop_first": true, "columns": {
    "age": {"impute": "mean", "scale": "minmax"}, "spend": {"transform": "log1p", "scale": "standard"},
    "visits": {"clip": "quantile", "clip_limit": 0.2}}}', '{age,spend,visits,channel}',
    '[[0.1086956522,-0.2636485827,-0.5555555556,0,0,0], [0.3695652174,-0.5566088688,0.6,1,0,0],
     [0.4157608696,0.106812965,-0.3333333333,0,0,0], [0.5,2.0801644937,-0.6,0,1,0],
     [0.2391304348,-0.4287986139,0.6,0,0,1], [0.7391304348,0.6289396921,0.3333333333,1,0,0],
     [0.4157608696,-0.1019718467,-0.6,0,0,0], [0.3695652174,-0.7636054561,0.5555555556,1,0,0],
     [1,1.0392067069,-0.1111111111,0,0,0], [0,-1.7404904895,0.1111111111,0,1,0]]');

-- what was asked is stored whole, defaults filled in, and asks for the same again
SELECT n_segments FROM custseg.train('space', 'shop', '{age,spend,visits,channel,loyal}', k => 3,
    prep => '{"scale": "robust", "clip": "zscore", "transform": "yeo-johnson", "columns": {"channel": {"encode": "ordinal", "levels": ["phone", "shop", "web"]}}}');
SELECT jsonb_pretty(prep) FROM custseg.model_version WHERE model = 'space';
SELECT t.n_segments FROM custseg.model_version m, custseg.train('again', 'shop', '{age,spend,visits,channel,loyal}', k => 3, prep => m.prep) t
WHERE m.model = 'space';
SELECT (SELECT jsonb_agg(prep ORDER BY position) FROM custseg.feature WHERE model = 'space') =
    (SELECT jsonb_agg(prep ORDER BY position) FROM custseg.feature WHERE model = 'again') AS same_fit,
    (SELECT array_agg(center::text ORDER BY segment) FROM custseg.segment WHERE model = 'space') =
    (SELECT array_agg(center::text ORDER BY segment) FROM custseg.segment WHERE model = 'again') AS same_model;
SELECT custseg.drop_model('space', whole => true), custseg.drop_model('again', whole => true);

-- Scoring is training: rows scored again get the segments that training gave them, for every
-- preparation there is, as rows, as json, by score() and by the model as a value.

CREATE TABLE customers AS
SELECT i AS id,
    CASE WHEN i % 11 <> 0 THEN 20 + (i * 7919) % 60 END AS age,
    CASE WHEN i % 17 <> 0 THEN exp((i * 31 % 100) / 20.0) ELSE 'NaN' END AS spend,
    CASE WHEN i % 13 <> 0 THEN ((i * 37) % 23 - 5)::numeric / 7 END AS balance,
    CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN 'web' WHEN 2 THEN 'web' WHEN 3 THEN 'shop' WHEN 4 THEN 'shop' ELSE 'phone' || i % 2 END AS channel,
    CASE WHEN i % 19 <> 0 THEN i % 3 = 0 END AS loyal,
    date '2024-01-01' + (i * 53) % 365 AS since,
    5 AS constant
FROM generate_series(1, 400) i;

CREATE FUNCTION scored_as_trained(prep jsonb)
RETURNS TABLE (rows bigint, by_row bool, by_json bool, by_score bool, by_value bool)
LANGUAGE plpgsql AS $$
DECLARE
    stored jsonb;
BEGIN
    PERFORM custseg.train('again', 'customers', '{age,spend,balance,channel,loyal,since,constant}', k => 4, prep => prep, options => '{"n_init": 2}');
    stored := (SELECT jsonb_object_agg(segment, n) FROM custseg.segment WHERE model = 'again');
    RETURN QUERY SELECT
        (SELECT sum(n)::bigint FROM custseg.segment WHERE model = 'again'),
        stored = (SELECT jsonb_object_agg(s, n) FROM (SELECT custseg.predict('again', c) AS s, count(*) AS n FROM customers c GROUP BY 1) x WHERE s IS NOT NULL),
        stored = (SELECT jsonb_object_agg(s, n) FROM (SELECT custseg.predict('again', to_jsonb(c) || jsonb_build_object('spend', nullif(c.spend, 'NaN'))) AS s, count(*) AS n FROM customers c GROUP BY 1) x WHERE s IS NOT NULL),
        stored = (SELECT jsonb_object_agg(segment, n) FROM (SELECT segment, count(*) AS n FROM custseg.score('again') GROUP BY 1) x WHERE segment IS NOT NULL),
        stored = (SELECT jsonb_object_agg(s, n) FROM (SELECT custseg.predict((SELECT custseg.scorer('again')), c) AS s, count(*) AS n FROM customers c GROUP BY 1) x WHERE s IS NOT NULL);
    PERFORM custseg.drop_model('again', whole => true);
END
$$;

SELECT p.prep, s.*
FROM unnest(ARRAY[
    '{}',
    '{"impute": "mean"}', '{"impute": "mode"}', '{"impute": "constant", "constant": 3}',
    '{"impute": "knn"}', '{"impute": "knn", "neighbors": 1, "scale": "minmax"}', '{"impute": "skip"}',
    '{"clip": "iqr"}', '{"clip": "zscore", "clip_limit": 1}', '{"clip": "quantile", "clip_limit": 0.05}',
    '{"transform": "yeo-johnson"}', '{"columns": {"spend": {"transform": "log1p"}}}',
    '{"columns": {"spend": {"transform": "box-cox"}}}', '{"transform": "quantile"}', '{"pca": 2, "impute": "knn", "transform": "quantile", "clip": "zscore"}',
    '{"encode": "frequency"}', '{"drop_first": true}',
    '{"columns": {"channel": {"encode": "ordinal", "levels": ["phone0", "shop", "web"]}}}',
    '{"columns": {"channel": {"encode": "ordinal", "levels": ["phone0", "phone1", "shop", "web"], "impute": "knn"}}}',
    '{"scale": "minmax"}', '{"scale": "robust"}', '{"scale": "none"}',
    '{"pca": 3}', '{"pca": 0.9}', '{"pca": 2, "impute": "knn", "transform": "yeo-johnson", "clip": "quantile"}',
    '{"impute": "mode", "clip": "iqr", "transform": "yeo-johnson", "encode": "frequency", "scale": "robust", "pca": 0.99}'
]::jsonb[]) WITH ORDINALITY p (prep, i)
CROSS JOIN scored_as_trained(p.prep) s
ORDER BY p.i;

-- the text NULL beside NULL, column a with level b=c beside column "a=b" with level c, quotes: no two columns of a model share a name
CREATE TABLE alike AS
SELECT i AS id, (ARRAY[NULL, 'NULL', '''NULL''', 'b=c', '"'])[1 + i % 5] AS a, (ARRAY['c', 'd', NULL])[1 + i % 3] AS "a=b", (ARRAY['c', 'd'])[1 + i % 2] AS """a=b""", i % 7 AS x
FROM generate_series(1, 210) i;
SELECT n_segments FROM custseg.train('alike', 'alike', '{a,"a=b","\"a=b\"",x}', k => 2);
SELECT name, outputs FROM custseg.feature WHERE model = 'alike' ORDER BY position;
SELECT count(*) - count(DISTINCT output) AS shared FROM custseg.feature, unnest(outputs) output WHERE model = 'alike';
SELECT custseg.drop_model('alike', whole => true);
DROP TABLE alike;

DROP FUNCTION in_model_space, scored_as_trained;
DROP TABLE shop, customers;
\getenv root PG_ABS_SRCDIR
\i :root/test/clean.sql
