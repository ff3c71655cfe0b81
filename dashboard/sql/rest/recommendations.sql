-- What the playbook of model $1 says of the segment with the number or name $2; keys are null where nothing was set.
-- The body is NULL when there is no such segment; no row when the role sees no such model.
SELECT CASE WHEN p.segment IS NOT NULL THEN to_jsonb(p) || jsonb_build_object('version', m.deployed_version) END AS body
FROM custseg.model m
LEFT JOIN custseg.playbook p ON p.model = m.name AND CASE
    WHEN $2 ~ '^[0-9]{1,9}$' AND EXISTS (
        SELECT FROM custseg.segment n
        WHERE n.model = m.name AND n.version = m.deployed_version AND n.segment = $2::int)
    THEN p.segment = $2::int
    ELSE p.name = $2
END
WHERE m.name = $1
