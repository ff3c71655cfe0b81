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
        database.greet(authentication.knownRoles());
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
database.greet(authentication.knownRoles());
await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
await app.close();
await database.close();
process.exit(0);
