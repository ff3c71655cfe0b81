// What the dashboard is shipped as: compose.yaml passes every setting on, what the image copies is there, and systemd
// takes the unit.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { settings } from '../server/config.js';
import { root } from './support/dashboard.js';

const run = promisify(execFile);
const home = path.join(root, '..');

test('compose.yaml passes every setting on, with its own default', () => {
    const { services } = parse(readFileSync(path.join(home, 'compose.yaml'), 'utf8'));
    const { environment } = services.dashboard;

    for (const { variable, fallback } of settings) {
        const [, name, value] = /^\$\{(\w+):-(.*)\}$/.exec(environment[variable]) ?? [];

        assert.equal(name, variable);
        if (variable !== 'CUSTSEG_LISTEN' && variable !== 'CUSTSEG_TOKENS_FILE') {
            assert.equal(value, fallback, variable);
        }
    }
    // which is beyond loopback, and therefore with tokens
    assert.match(environment.CUSTSEG_LISTEN, /0\.0\.0\.0/);
    assert.match(environment.CUSTSEG_TOKENS_FILE, /\/run\/secrets\/tokens/);
    assert.deepEqual(services.dashboard.secrets, ['tokens']);
    for (const mapping of services.dashboard.ports) {
        assert.match(mapping, /^127\.0\.0\.1:/);
    }
});

test('the Dockerfile has the targets of compose.yaml, copies what is there, and makes the database without a target', () => {
    const text = readFileSync(path.join(home, 'Dockerfile'), 'utf8');
    const { services } = parse(readFileSync(path.join(home, 'compose.yaml'), 'utf8'));
    const stages = [...text.matchAll(/^FROM (\S+)(?: AS (\S+))?$/gm)].map(([, from, name]) => ({ from, name }));

    for (const { build } of Object.values(services)) {
        assert.ok(stages.some((stage) => stage.name === build.target), build.target);
    }
    assert.equal(stages.at(-1).from, 'database');
    for (const [, words] of text.matchAll(/^COPY (?!--from)(.*) \S+$/gm)) {
        for (const file of words.split(' ')) {
            assert.ok(file === '.' || existsSync(path.join(home, file)), file);
        }
    }
    for (const [, words] of text.matchAll(/^COPY --from=dashboard-build (.*) \S+$/gm)) {
        for (const file of words.split(' ').map((word) => word.replace(/^\/build\//, ''))) {
            assert.ok(['node_modules', 'dist'].includes(file) || existsSync(path.join(root, file)), file);
        }
    }
});

test('systemd takes the unit', async (t) => {
    const unit = path.join(root, 'custseg-dashboard.service');

    try {
        await run('systemd-analyze', ['--version']);
    } catch {
        t.skip('there is no systemd-analyze');
        return;
    }
    const { stderr } = await run('systemd-analyze', ['verify', '--man=no', unit]).catch((error) => error);
    const faults = stderr.split('\n').filter((line) => line.includes('custseg-dashboard') && !/not executable|Unknown user|Failed to resolve/i.test(line));

    assert.deepEqual(faults, []);
});
