-- The segment of the one customer in the request $2, by model $1.
SELECT custseg.predict_json($1, $2::jsonb -> 'customer')::text AS body
