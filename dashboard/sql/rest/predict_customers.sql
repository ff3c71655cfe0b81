-- The segments of the customers in the request $2, in the same order, by model $1.
SELECT '{"customers": ' || custseg.predict_json($1, $2::jsonb -> 'customers')::text || '}' AS body
