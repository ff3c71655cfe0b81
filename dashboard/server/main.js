// Starts the server: reads settings, checks who may see what, listens, and ends in order.

import { once } from 'node:events';
import { makeApp } from './app.js';
import { Authentication } from './auth.js';
import { readSettings } from './config.js';
import { Database } from './db.js';
import { log } from './log.js';

/** Ends with a message when there is nothing to start with. */
function fail(error) {
    log(error.message);
    process.exit(1);
}

/** Writes what speaks against the roles that are known already; a database that is not there yet can wait. */
async function warn(database, roles) {
    for (const role of roles) {
        try {
            for (const concern of await database.concerns(role)) {
                log(`warning: ${concern}`);
            }
        } catch (error) {
            log(`role ${role ?? '(the one that logs in)'} could not be checked: ${error.message}`);
        }
    }
}

let settings;
let authentication;

try {
    settings = readSettings(process.env);
    authentication = new Authentication(settings);
} catch (error) {
    fail(error);
}

for (const variable of settings.unknown) {
    log(`warning: there is no setting ${variable}`);
}
const database = new Database(settings);
const app = makeApp(settings, database, authentication);

process.on('SIGHUP', () => {
    try {
        authentication.reload();
        log('tokens were read anew');
        warn(database, authentication.knownRoles());
    } catch (error) {
        log(`tokens stay as they were: ${error.message}`);
    }
});

try {
    await app.listen({ host: settings.listen, port: settings.port });
} catch (error) {
    fail(error);
}
const { address, family, port } = app.server.address();

log(`listening on http://${family === 'IPv6' ? `[${address}]` : address}:${port}/`);
await warn(database, authentication.knownRoles());
await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
await app.close();
await database.close();
process.exit(0);
