// The statements in sql/: one a file, each a SELECT of one row and one column, "body".  Files in sql/ itself
// are parts of a model's pages; a new file is a new part.  Files in sql/rest/ are what other routes ask.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Returns the statements of the files in a folder, {name: text}, without a semicolon at the end. */
export function readStatements(folder) {
    const statements = new Map();

    for (const file of readdirSync(folder)) {
        if (/^[a-z_0-9]+\.sql$/.test(file)) {
            const text = readFileSync(path.join(folder, file), 'utf8');

            statements.set(path.basename(file, '.sql'), text.trimEnd().replace(/;$/, ''));
        }
    }
    return statements;
}

// The publication that is asked for: the newest, or the one of the time $2; no row when the role sees no such model.
const publication = `
    SELECT m.name, r.version, r.published_at
    FROM custseg.model m
    LEFT JOIN LATERAL (
        SELECT p.version, p.published_at
        FROM custseg.report p
        WHERE p.model = m.name AND ($2::timestamptz IS NULL OR p.published_at = $2::timestamptz)
        ORDER BY p.published_at DESC
        LIMIT 1
    ) r ON true
    WHERE m.name = $1::text`;

// Version and time of the publication.
export const publicationSql = `
SELECT p.version, to_json(p.published_at) #>> '{}' AS as_of
FROM (${publication}
) p`;

// A part of a publication, by the time that publicationSql tells.
export const publishedPartSql = `
SELECT r.body::text
FROM custseg.report r
WHERE r.model = $1::text AND r.published_at = $2::timestamptz AND r.part = $3::text`;

/** Returns the statement of a part from a file: version and time of the publication, and the body. */
export function partSql(text) {
    return `
SELECT p.version, to_json(p.published_at) #>> '{}' AS as_of, b.body::text
FROM (${publication}
) p
LEFT JOIN (
${text}
) b ON true`;
}
