-- A k-means model of one cloud, or of 4 groups, imitated by a tree on few rows; what is said of its fidelity less what it is on 20,000 new customers.

CREATE FUNCTION calibration.surrogate_source(seed int, n int, apart float8) RETURNS text LANGUAGE sql
RETURN format('SELECT calibration.normal(%1$s, 1, i) + %3$s * (i %% 2) AS x, calibration.normal(%1$s, 2, i) + %3$s * (i / 2 %% 2) AS y, calibration.normal(%1$s, 3, i) AS z
    FROM generate_series(1, %2$s) i', seed, n, apart);

-- Fidelity as it is said, in-sample or validated, less that of the tree as a model on new customers.
CREATE FUNCTION calibration.surrogate(seed int, n int, apart int, depth int, validated boolean) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    source text := calibration.surrogate_source(seed, n, apart);
    said float8;
    new float8;
BEGIN
    SELECT CASE WHEN validated THEN s.validated_fidelity ELSE s.fidelity END INTO said
    FROM custseg.surrogate('calibration_surrogate_' || apart, source, max_depth => depth) s LIMIT 1;
    PERFORM custseg.train('calibration_surrogate_tree', source, algorithm => 'tree', options => format('{"model": "calibration_surrogate_%s", "max_depth": %s, "silhouette_sample": 0}', apart, depth)::jsonb);
    EXECUTE format('SELECT avg((custseg.predict_name(''calibration_surrogate_tree'', w) = custseg.predict_name(%L, w))::int) FROM (%s) w',
        'calibration_surrogate_' || apart, calibration.surrogate_source(-1, 20000, apart)) INTO new;
    PERFORM custseg.drop_model('calibration_surrogate_tree', whole => true);
    RETURN said - new;
END $$;

SELECT custseg.train('calibration_surrogate_' || apart, calibration.surrogate_source(0, 10000, apart), '{x,y,z}', k => 4) FROM unnest(ARRAY[0, 5]) apart;

INSERT INTO calibration.part (verdict, data, n, measure, bar, trial, replicates, quick)
SELECT 'surrogate: ' || CASE WHEN validated THEN 'validated_fidelity' ELSE 'fidelity' END, CASE apart WHEN 0 THEN 'one cloud' ELSE '4 groups' END || ', depth ' || depth, n, 'mean', CASE WHEN validated THEN 0.02 END,
    format('calibration.surrogate({seed}, %s, %s, %s, %L)', n, apart, depth, validated), 25, CASE WHEN validated AND n = 200 AND depth = 4 AND apart = 0 THEN 4 ELSE 0 END
FROM (VALUES (200, 0, 4), (200, 0, 6), (200, 5, 4), (2000, 0, 4), (2000, 0, 6)) cell (n, apart, depth), unnest(ARRAY[false, true]) validated;
