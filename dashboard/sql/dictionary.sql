-- What the columns of a model mean, as far as somebody has said; an array of at most 200. NULL where nothing is known of any.
SELECT (
    SELECT CASE WHEN bool_or(num_nonnulls(d.meaning, d.source_system, d.unit, d.range, d.update_cadence, d.steward) > 0) THEN jsonb_agg(jsonb_build_object(
        'column_name', d.column_name, 'is_feature', d.is_feature, 'kind', d.kind, 'meaning', left(d.meaning, 300), 'source_system', left(d.source_system, 100), 'unit', left(d.unit, 60),
        'range', left(d.range, 100), 'update_cadence', left(d.update_cadence, 100), 'owner', left(d.steward, 100)) ORDER BY d.place) END
    FROM (
        SELECT t.*
        FROM custseg.data_dictionary(m.name) WITH ORDINALITY t (column_name, type, kind, is_feature, meaning, source_system, unit, range, update_cadence, steward, place)
        ORDER BY t.place
        LIMIT 200
    ) d
) AS body
FROM custseg.model m
WHERE m.name = $1;
