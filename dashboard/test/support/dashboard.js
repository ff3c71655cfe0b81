// A dashboard of a test's own: the real program, started with an environment, on a free port.

import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the dashboard. */
export const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/**
 * Starts the dashboard with settings beside the variables that lead to the database; resolves when it listens.
 * Returns {url, log(), stop(), pid}.  What it writes when it refuses to start becomes the error's message.
 */
export function startDashboard(settings = {}) {
    const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CUSTSEG_')));
    const child = spawn(process.execPath, [path.join(root, 'server', 'main.js')], {
        env: { ...environment, PGUSER: 'dash_login', PGDATABASE: 'dashboard', CUSTSEG_PORT: '0', ...settings },
        stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    let log = '';

    return new Promise((resolve, reject) => {
        child.stderr.on('data', (text) => {
            log += text;
            const address = /listening on (http:\/\/\S+)\//.exec(log)?.[1];

            if (address) {
                resolve({
                    url: address,
                    pid: child.pid,
                    log: () => log,
                    kill: (signal) => child.kill(signal),
                    async stop() {
                        child.kill('SIGTERM');
                        await ended;
                    },
                });
            }
        });
        ended.then((status) => reject(new Error(`the dashboard ended with status ${status}: ${log}`)));
    });
}
