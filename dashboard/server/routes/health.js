// Is the server there, is it ready, and what does it offer?

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ApiError } from '../errors.js';

// The extension's version, to a role that can see what models there are.
const readySql = "SELECT e.extversion FROM pg_extension e WHERE e.extname = 'custseg'";

/** Adds /healthz, /readyz and /openapi.yaml, for which nobody needs to say who they are. */
export function addHealthRoutes({ addRoute, database, settings, root }) {
    const description = readFileSync(path.join(root, 'openapi.yaml'));

    addRoute('GET', '/healthz', (request, reply) => reply.header('cache-control', 'no-store').send({ status: 'ok' }), { isOpen: true });

    addRoute('GET', '/readyz', async (request, reply, signal) => {
        const rows = await database.query(settings.authenticates ? null : settings.role || null, { text: readySql }, signal);

        if (rows.length === 0) {
            throw new ApiError('busy', 'the database has no extension custseg', { hint: 'CREATE EXTENSION custseg;' });
        }
        return reply.header('cache-control', 'no-store').send({ status: 'ok', custseg: rows[0][0] });
    }, { isOpen: true });

    addRoute('GET', '/openapi.yaml', (request, reply) => reply.header('cache-control', 'no-cache')
        .type('application/yaml; charset=utf-8').send(description), { isOpen: true });
}
