// What the documents show is what one sees: the commands after "$" in ```console fences run against the model of
// README.md, and answer what is printed beneath them.

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import pg from 'pg';
import { root, startDashboard } from './support/dashboard.js';
import { caller } from './support/interface.js';

const run = promisify(execFile);
const home = path.join(root, '..');
const documents = ['README.md', 'docs/dashboard.md'];
const noCurl = spawnSync('curl', ['--version']).status === 0 ? false : 'there is no curl';
const folder = mkdtempSync(path.join(tmpdir(), 'custseg-docs-'));
let dashboard;

/** Returns the fences of a document: {language, heading, text}. */
function fences(file) {
    const found = [];
    let heading = '';

    for (const [, title, language, text] of readFileSync(path.join(home, file), 'utf8').matchAll(/^#+ ([^\n]*)$|^```(\w*)\n(.*?)^```$/gms)) {
        if (title !== undefined) {
            heading = title;
        } else {
            found.push({ language, heading, text });
        }
    }
    return found;
}

/** Returns the commands of a fence with what they print: {command, output}. */
function commands(text) {
    return text.split(/^\$ /m).slice(1).map((part) => {
        const [command, ...output] = part.trimEnd().split('\n');

        return { command, output: output.join('\n') };
    });
}

/** Throws unless two values are the same, numbers nearly. */
function assertSame(found, shown, where) {
    if (typeof shown === 'number' && typeof found === 'number') {
        assert.ok(Math.abs(found - shown) <= 1e-9 * Math.max(1, Math.abs(shown)), `${where}: ${found}, not ${shown}`);
    } else if (shown !== null && typeof shown === 'object') {
        assert.deepEqual(Object.keys(found ?? {}).sort(), Object.keys(shown).sort(), where);
        Object.keys(shown).forEach((key) => assertSame(found[key], shown[key], `${where}.${key}`));
    } else {
        assert.equal(found, shown, where);
    }
}

before(async () => {
    const admin = new pg.Client();

    await admin.connect();
    await admin.query('CREATE DATABASE readme');
    await admin.end();
    const file = path.join(folder, 'readme.sql');
    const statements = fences('README.md').filter((fence) => fence.language === 'sql' && ['Install', 'Getting started'].includes(fence.heading));

    assert.ok(statements.length > 4);
    writeFileSync(file, `${statements.map((fence) => fence.text).join('\n')}\nSELECT custseg.grant_model('loyalty', 'reader');\n`);
    await run('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'readme', '-f', file]);
    dashboard = await startDashboard({ PGDATABASE: 'readme', CUSTSEG_ROLE: 'reader' });
});

after(async () => {
    await dashboard?.stop();
    rmSync(folder, { recursive: true });
});

for (const file of documents) {
    test(`the commands in ${file} answer what it says`, { skip: noCurl }, async () => {
        const all = fences(file).filter((fence) => fence.language === 'console').flatMap((fence) => commands(fence.text));

        assert.ok(all.length > 0, 'no command');
        for (const { command, output } of all) {
            const { stdout } = await run('sh', ['-c', command.replaceAll('http://localhost:8300', dashboard.url)]);

            if (process.env.CUSTSEG_TEST_SHOW) {
                console.log(`$ ${command}\n${stdout}`);
            } else {
                assertSame(JSON.parse(stdout), JSON.parse(output), command);
            }
        }
    });
}

test('the token that docs/dashboard.md makes is one', async () => {
    const [{ text }] = fences('docs/dashboard.md').filter((fence) => fence.language === 'sh' && fence.text.includes('sha256sum'));
    const { stdout } = await run('sh', ['-c', text], { cwd: folder });
    const token = /^the token of reader: (\S+)$/m.exec(stdout)[1];
    const guarded = await startDashboard({ PGDATABASE: 'readme', CUSTSEG_TOKENS_FILE: path.join(folder, 'tokens') });

    try {
        assert.equal((await caller(guarded.url, { authorization: `Bearer ${token}` })('GET', '/api/models')).body.length, 1);
        assert.equal((await caller(guarded.url)('GET', '/api/models')).status, 401);
    } finally {
        await guarded.stop();
    }
});

test('the roles that docs/dashboard.md makes are enough', async () => {
    const [{ text }] = fences('docs/dashboard.md').filter((fence) => fence.language === 'sql' && fence.heading === 'Roles');
    const admin = new pg.Client({ database: 'readme' });

    await admin.connect();
    // the fixture has a reader already
    await admin.query(text.replaceAll(/\breader\b/g, 'docs_reader'));
    await admin.end();
    const plain = await startDashboard({ PGDATABASE: 'readme', PGUSER: 'custseg_dashboard', CUSTSEG_ROLE: 'docs_reader' });

    try {
        assert.equal((await caller(plain.url)('GET', '/api/models')).body[0].name, 'loyalty');
        assert.ok(!plain.log().includes('warning'), plain.log());
    } finally {
        await plain.stop();
    }
});
