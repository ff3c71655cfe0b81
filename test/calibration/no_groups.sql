-- The customers of [clusterability](#clusterability), given to the functions that make segments of them. All warn where the structure is `none` or `weak`; `train` with `k` compares with few sets of rows without groups, and leaves open what these do not tell.
-- Data without groups are cut into 2 to 5 segments; groups into as many as there are, where a number is asked for. `stability` warns as `clusterability` rates; its verdicts are [below](#stability).

-- Does a function, called so, tell that there are no groups?
CREATE FUNCTION calibration.no_groups(caller text, source text, k int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    told boolean;
BEGIN
    CASE caller
    WHEN 'choose_k' THEN
        RETURN (SELECT reason LIKE '%no clear clusters%' FROM custseg.choose_k(source) c WHERE c.recommended);
    WHEN 'compare' THEN
        RETURN (SELECT bool_or(reason LIKE '%no clear clusters%') FROM custseg.compare(source, k => k, algorithms => '{kmeans}') c);
    ELSE
        PERFORM custseg.train('calibration_no_groups', source, k => CASE caller WHEN 'train with k' THEN k END);
        SELECT coalesce(v.metrics -> 'structure' ->> 'rating' IN ('none', 'weak', 'none or weak'), false) INTO told
        FROM custseg.model_version v WHERE v.model = 'calibration_no_groups';
        PERFORM custseg.drop_model('calibration_no_groups', whole => true);
        RETURN told;
    END CASE;
END $$;

INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
SELECT caller || ': no groups', 'no groups, all kinds', n, 'power', 0.95,
    format('calibration.no_groups(%L, calibration.without_groups(calibration.kind_without_groups({seed}), {seed}, %s), 2 + {seed} / 10 %% 4)', caller, n), replicates, quick
FROM (VALUES ('train with k', 200, 200, 10), ('train with k', 2000, 100, 0), ('train without k', 200, 100, 0), ('train without k', 2000, 20, 0), ('choose_k', 200, 100, 0), ('compare', 200, 100, 0))
    cell (caller, n, replicates, quick)
UNION ALL
SELECT caller || ': no groups', 'groups 5 sd apart', n, 'false alarm', 0.05,
    format('calibration.no_groups(%L, calibration.with_groups({seed}, %s, 5), 2 + {seed} %% 5)', caller, n), replicates, quick
FROM (VALUES ('train with k', 200, 120, 8), ('train with k', 2000, 60, 0), ('train without k', 200, 60, 0), ('train without k', 2000, 20, 0), ('choose_k', 200, 60, 0), ('compare', 200, 60, 0))
    cell (caller, n, replicates, quick);
