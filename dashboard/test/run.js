// Runs every test of this folder, or those that are named, against a private server with custseg and the fixture.
//
//   npm test [-- FILE...]
//
// The first initdb in PATH must be one of a PostgreSQL that has custseg installed.  PostgreSQL does not run as root.

import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Postgres } from './support/postgres.js';

const here = path.dirname(fileURLToPath(import.meta.url));

/** Runs node's own test runner on files; resolves to its exit status. */
function runTests(files, environment) {
    const reporter = process.env.CUSTSEG_TEST_REPORTER ?? 'spec';
    const child = spawn(process.execPath, ['--test', `--test-reporter=${reporter}`, '--test-reporter-destination=stdout', ...files],
        { env: { ...process.env, ...environment }, stdio: 'inherit' });

    return new Promise((resolve) => child.once('exit', (status) => resolve(status ?? 1)));
}

const postgres = new Postgres();
let status = 1;

process.on('SIGINT', () => {});
process.on('SIGTERM', () => postgres.remove().then(() => process.exit(143)));
try {
    const named = process.argv.slice(2).map((file) => path.resolve(file));
    const files = named.length > 0 ? named : readdirSync(here).filter((file) => file.endsWith('.test.js')).map((file) => path.join(here, file));

    await postgres.init();
    await postgres.start();
    await postgres.query('CREATE DATABASE dashboard', 'postgres');
    await postgres.runFile(path.join(here, 'fixture.sql'), 'dashboard');
    status = await runTests(files, postgres.environment('dashboard'));
} catch (error) {
    console.error(error.message);
} finally {
    await postgres.remove();
}
process.exit(status);
