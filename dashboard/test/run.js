// Runs every test of this folder, or those that are named, against a private server with custseg and the fixture.
//
//   npm test [-- FILE...]
//
// A program that is not a test, such as load.js, runs there with the arguments that follow it.
//
// The first initdb in PATH must be one of a PostgreSQL that has custseg installed.  PostgreSQL does not run as root.

import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Postgres } from './support/postgres.js';

const here = path.dirname(fileURLToPath(import.meta.url));

/** Runs node with arguments; resolves to its exit status. */
function runNode(parameters, environment) {
    const child = spawn(process.execPath, parameters, { env: { ...process.env, ...environment }, stdio: 'inherit' });

    return new Promise((resolve) => child.once('exit', (status) => resolve(status ?? 1)));
}

/** Returns the arguments for node: its own test runner with the files, or the program that is named. */
function whatToRun([first, ...rest]) {
    const reporter = process.env.CUSTSEG_TEST_REPORTER ?? 'spec';

    if (first !== undefined && !first.endsWith('.test.js')) {
        return [path.resolve(first), ...rest];
    }
    const files = first !== undefined
        ? [first, ...rest].map((file) => path.resolve(file))
        : readdirSync(here).filter((file) => file.endsWith('.test.js')).map((file) => path.join(here, file));

    return ['--test', `--test-reporter=${reporter}`, '--test-reporter-destination=stdout', ...files];
}

const postgres = new Postgres();
let status = 1;

process.on('SIGINT', () => {});
process.on('SIGTERM', () => postgres.remove().then(() => process.exit(143)));
try {
    await postgres.init();
    await postgres.start();
    await postgres.query('CREATE DATABASE dashboard', 'postgres');
    await postgres.runFile(path.join(here, 'fixture.sql'), 'dashboard');
    status = await runNode(whatToRun(process.argv.slice(2)), postgres.environment('dashboard'));
} catch (error) {
    console.error(error.message);
} finally {
    await postgres.remove();
}
process.exit(status);
