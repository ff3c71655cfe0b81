// A private PostgreSQL server for tests: a cluster in a folder of its own that only a socket there leads to.
// The programs are those in PATH, or else those that pg_config names.

import { execFile, execFileSync, spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);

/** Returns the folder with PostgreSQL's programs. */
function findPrograms() {
    const inPath = (process.env.PATH ?? '').split(':').find((folder) => existsSync(path.join(folder, 'initdb')));

    return inPath ?? execFileSync('pg_config', ['--bindir'], { encoding: 'utf8' }).trim();
}

/** A cluster; start() and stop() may be called again and again. */
export class Postgres {
    #programs = findPrograms();
    #server = null;

    /** The folder of the socket. */
    folder = mkdtempSync(path.join(tmpdir(), 'custseg-test-'));

    get #data() {
        return path.join(this.folder, 'data');
    }

    /** Makes the cluster, with the superuser postgres. */
    async init() {
        await run(path.join(this.#programs, 'initdb'), ['-D', this.#data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync']);
        appendFileSync(path.join(this.#data, 'postgresql.conf'), `listen_addresses = ''\nunix_socket_directories = '${this.folder}'\nfsync = off\nshared_buffers = 64MB\n`);
    }

    /** Starts the server and waits until it answers. */
    async start() {
        const server = spawn(path.join(this.#programs, 'postgres'), ['-D', this.#data], { stdio: ['ignore', 'ignore', 'pipe'] });

        server.log = '';
        server.stderr.on('data', (text) => {
            server.log = (server.log + text).slice(-20000);
        });
        this.#server = server;
        for (let tries = 0; ; tries++) {
            try {
                await this.query('SELECT 1', 'postgres');
                return;
            } catch (error) {
                if (tries > 300 || server.exitCode !== null) {
                    throw new Error(`the server does not start: ${error.message}\n${server.log}`);
                }
                await new Promise((resolve) => setTimeout(resolve, 100));
            }
        }
    }

    /** Stops the server; the way is a signal: SIGINT ends sessions in order, SIGQUIT at once. */
    async stop(signal = 'SIGINT') {
        const server = this.#server;

        if (server === null || server.exitCode !== null) {
            return;
        }
        const ended = new Promise((resolve) => server.once('exit', resolve));

        server.kill(signal);
        await ended;
        this.#server = null;
    }

    /** Stops the server and removes its folder. */
    async remove() {
        await this.stop('SIGQUIT');
        rmSync(this.folder, { recursive: true, force: true });
    }

    /** The variables by which a client finds the server. */
    environment(database, user = 'postgres') {
        return { PGHOST: this.folder, PGPORT: '5432', PGDATABASE: database, PGUSER: user };
    }

    /** Runs statements as the superuser and returns the rows of the last. */
    async query(text, database, values) {
        const client = new pg.Client({ host: this.folder, port: 5432, user: 'postgres', database });

        await client.connect();
        try {
            return (await client.query(text, values)).rows;
        } finally {
            await client.end();
        }
    }

    /** Runs a file by psql. */
    async runFile(file, database) {
        await run(path.join(this.#programs, 'psql'), ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', file],
            { env: { ...process.env, ...this.environment(database) }, maxBuffer: 64 * 1024 * 1024 });
    }
}
