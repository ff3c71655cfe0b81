// The server: hostile requests, who is let in, roles that must not see each other's rows, a database that goes
// and comes back, and visitors who go before their answer comes.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { Cache } from '../server/cache.js';
import { settings } from '../server/config.js';
import { Database } from '../server/db.js';
import { codeOfSqlState, fromDatabase, statusOf } from '../server/errors.js';
import { Painter } from '../server/painter.js';
import { root, startDashboard } from './support/dashboard.js';
import { assertError, caller, description } from './support/interface.js';
import { Postgres } from './support/postgres.js';

const customer = { recency: 10, frequency: 5, monetary: 200, channel: 'web', member: false };
const folder = mkdtempSync(path.join(tmpdir(), 'custseg-server-'));
const tokens = path.join(folder, 'tokens');
const secret = path.join(folder, 'secret');
const odd = 'odd role \\ name';
const dashboards = [];
let reader;
let call;
let database;

/** Starts a dashboard that ends with the tests. */
async function start(environment) {
    const dashboard = await startDashboard(environment);

    dashboards.push(dashboard);
    return dashboard;
}

/** Returns the line of a file of tokens. */
function tokenLine(token, role) {
    return `${createHash('sha256').update(token).digest('hex')} ${role}\n`;
}

/** Waits until a check holds; fails after so many milliseconds. */
async function until(check, milliseconds) {
    for (const end = Date.now() + milliseconds; ;) {
        if (await check()) {
            return;
        }
        assert.ok(Date.now() < end, `not within ${milliseconds} ms: ${check}`);
        await sleep(50);
    }
}

before(async () => {
    database = new pg.Client();
    await database.connect();
    writeFileSync(tokens, `# who may read\n${tokenLine('token of north', 'north')}${tokenLine('token-of-north', 'north')}${tokenLine('token-of-south', 'south')}${tokenLine('token-of-odd', odd)}${tokenLine('token-of-nobody', 'no such role')}`);
    writeFileSync(secret, 'a secret of the proxy\n');
    reader = await start({ CUSTSEG_ROLE: 'reader', CUSTSEG_MAX_BODY: '100000' });
    call = caller(reader.url);
});

after(async () => {
    await Promise.all(dashboards.map((dashboard) => dashboard.stop()));
    await database.end();
    rmSync(folder, { recursive: true });
});

/** Sends bytes to a dashboard as they are; resolves to what it answers, until it hangs up or has said no more for a while. */
function raw(url, bytes, milliseconds = 300) {
    const { hostname, port } = new URL(url);

    return new Promise((resolve) => {
        const socket = connect(Number(port), hostname, () => socket.write(bytes));
        let answer = '';
        let pause = setTimeout(() => socket.destroy(), 5000);

        socket.on('data', (data) => {
            answer += data;
            clearTimeout(pause);
            pause = setTimeout(() => socket.destroy(), milliseconds);
        });
        socket.on('error', () => {});
        socket.on('close', () => {
            clearTimeout(pause);
            resolve(answer);
        });
    });
}

const nested = (depth) => '['.repeat(depth) + ']'.repeat(depth);
const predict = (body, headers) => ['POST', '/predict_segment', { body, headers }];
const shop = (text) => predict(`{"model": "shop", "customer": ${text}}`);
const whole = JSON.stringify(customer);

// Each with the codes that are right answers; any other, a stack trace or a server that is gone is a failure.
const hostile = [
    ['NUL in a value', shop('{"recency": 1, "frequency": 1, "monetary": 1, "member": true, "channel": "\\u0000"}'), 'invalid_argument'],
    ['NUL in the name of a model', predict(`{"model": "sh\\u0000op", "customer": ${whole}}`), 'invalid_argument'],
    ['NUL in a key', shop('{"\\u0000": 1}'), 'invalid_argument'],
    ['NUL in an address', ['GET', '/api/models/sh%00op/summary'], 'invalid_argument'],
    ['NUL in a query', ['GET', '/segment_profile/1?model=%00'], 'invalid_argument'],
    ['NUL in a segment', ['GET', '/segment_profile/%00?model=shop'], 'invalid_argument'],
    ['half a pair of surrogates', predict(`{"model": "\\ud83d", "customer": ${whole}}`), 'invalid_argument'],
    ['bytes that are not UTF-8', predict(new Uint8Array([...Buffer.from('{"model": "shop", "customer": {"channel": "'), 0xff, 0xfe, ...Buffer.from('"}}')])), 'bad_json'],
    ['a byte order mark', predict(`\ufeff{"model": "shop", "customer": ${whole}}`), 'bad_json'],
    ['nothing', predict(''), 'bad_json'],
    ['half an object', predict('{"model": "shop", "customer": {'), 'bad_json'],
    ['a comma too many', predict(`{"model": "shop", "customer": ${whole},}`), 'bad_json'],
    ['NaN', shop('{"recency": NaN}'), 'bad_json'],
    ['single quotes', predict("{'model': 'shop'}"), 'bad_json'],
    ['two objects', predict('{"model": "shop"}{"model": "shop"}'), 'bad_json'],
    ['1e400', shop('{"recency": 1e400, "frequency": 5, "monetary": 200, "channel": "web", "member": false}'), null, 'invalid_argument'],
    ['an exponent without end', shop(`{"recency": 1e${'9'.repeat(300)}}`), 'invalid_argument'],
    ['a number of 50,000 digits', shop(`{"recency": ${'9'.repeat(50000)}, "frequency": 5, "monetary": 200, "channel": "web", "member": false}`), null, 'invalid_argument'],
    ['2^53 + 1', shop('{"recency": 9007199254740993, "frequency": 5, "monetary": 200, "channel": "web", "member": false}'), null, 'invalid_argument'],
    ['JSON 40,000 deep', shop(`{"recency": ${nested(40000)}}`), 'invalid_argument', 'bad_json'],
    ['an array in place of the request, deep', predict(nested(40000)), 'invalid_argument', 'bad_json'],
    ['a body that is too large', predict(JSON.stringify({ model: 'shop', customer: { channel: 'x'.repeat(200000) } })), 'too_large'],
    ['a key of 90,000 letters', shop(`{"${'k'.repeat(90000)}": 1}`), 'invalid_argument'],
    ['20,000 keys', shop(`{${Array.from({ length: 9000 }, (_, index) => `"k${index}":1`).join(',')}}`), 'invalid_argument'],
    ['__proto__', predict('{"__proto__": {"model": "shop"}, "customer": {}}'), 'invalid_argument'],
    ['constructor', predict('{"model": "shop", "customer": {}, "constructor": {"prototype": {}}}'), 'invalid_argument'],
    ['XML', predict('<a/>', { 'content-type': 'application/xml' }), 'media_type'],
    ['a form', predict('model=shop', { 'content-type': 'application/x-www-form-urlencoded' }), 'media_type'],
    ['a text', predict('{}', { 'content-type': 'text/plain' }), 'media_type'],
    ['a media type without end', predict('{}', { 'content-type': `application/${'x'.repeat(5000)}` }), 'media_type'],
    ['a broken percent sign', ['GET', '/api/models/%/summary'], 'bad_json'],
    ['a broken percent sign in a query', ['GET', '/segment_profile/1?model=%zz'], 'bad_json'],
    ['percent signs that are not UTF-8', ['GET', '/api/models/%ff%fe/summary'], 'bad_json'],
    ['percent signs that are not UTF-8, in a query', ['GET', '/segment_profile/1?model=%c3%28'], 'bad_json'],
    ['a slash in a name', ['GET', '/api/models/a%2Fb/summary'], 'not_found'],
    ['a way up', ['GET', '/assets/..%2f..%2fpackage.json'], 'not_found'],
    ['a way up by backslashes', ['GET', '/..%5c..%5cetc%5cpasswd'], 'not_found'],
    ['a name of 5,000 letters', ['GET', `/api/models/${'x'.repeat(5000)}/summary`], 'not_found'],
    ['a statement', ['GET', `/segment_profile/${encodeURIComponent("1' OR '1'='1")}?model=${encodeURIComponent("shop' OR true --")}`], 'not_found'],
    ['a statement as a part', ['GET', `/api/models/shop/${encodeURIComponent("about' --")}`], 'not_found'],
    ['a statement as a time', ['GET', "/api/models/shop/about?at=now')%20--"], 'invalid_argument'],
    ['a time after the end of time', ['GET', '/api/models/shop/about?at=999999-01-01'], 'invalid_argument'],
    ['a script as a model', ['GET', '/api/models/%3Cscript%3E/summary'], 'not_found'],
    ['an unknown address', ['GET', '/wp-admin/'], 'not_found'],
    ['a model of a purchase', predict(`{"model": "repeats", "customer": ${whole}}`), 'invalid_argument'],
];

for (const [name, request, ...codes] of hostile) {
    test(`hostile: ${name}`, async () => {
        const answer = await call(...request);
        const code = answer.status === 200 ? null : answer.body.error.code;

        assert.ok(codes.includes(code), `${code}: ${answer.text.slice(0, 500)}`);
        if (code !== null) {
            assertError(answer, code);
            assert.ok(!/node_modules|\.js:|at async|custseg_private/.test(answer.text), answer.text);
        }
        assert.equal((await call('GET', '/readyz')).status, 200);
    });
}

const broken = [
    ['no HTTP', 'hello\r\n\r\n'],
    ['headers without end', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(100000)}\r\n\r\n`],
    ['two lengths', 'POST /predict_segment HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}'],
    ['a length and chunks', 'POST /predict_segment HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n'],
    ['a length that is no number', 'POST /predict_segment HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: x\r\n\r\n{}'],
    ['a body of a GET', 'GET /api/models HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n{', 200],
    ['a way up that is not encoded', 'GET /assets/../../package.json HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['an address with a host of its own', 'GET http://elsewhere.example/api/models HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['no host', 'GET /api/models HTTP/1.1\r\n\r\n'],
    ['another host', 'GET /api/models HTTP/1.1\r\nHost: evil.example\r\n\r\n'],
];

for (const [name, bytes, accepted] of broken) {
    test(`broken HTTP: ${name}`, async () => {
        const answer = await raw(reader.url, bytes);
        const status = Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);

        assert.ok(status === accepted || (status >= 400 && status < 500), answer.slice(0, 300));
        assert.ok(!answer.includes('custseg-dashboard"'), 'a file of the server was sent');
        assert.equal((await call('GET', '/readyz')).status, 200);
    });
}

test('the table of errors is the one of openapi.yaml', () => {
    assert.deepEqual(Object.keys(statusOf).sort(), [...description.components.schemas.Error.properties.error.properties.code.enum].sort());
});

test('an SQLSTATE becomes a code, and what is internal is told without detail', () => {
    for (const [state, code] of [['42501', 'not_found'], ['42704', 'not_found'], ['22P05', 'invalid_argument'], ['22023', 'invalid_argument'], ['54001', 'invalid_argument'],
        ['42703', 'invalid_argument'], ['42809', 'invalid_argument'], ['55000', 'conflict'], ['40001', 'conflict'], ['57014', 'timeout'], ['57P01', 'busy'], ['53300', 'busy'], ['08006', 'busy'],
        ['XX000', 'internal'], ['42P01', 'internal'], ['42883', 'internal'], ['25006', 'internal'], ['P0001', 'internal']]) {
        assert.equal(codeOfSqlState(state), code, state);
    }
    const told = fromDatabase(Object.assign(new Error('relation "secret" is broken'), { severity: 'ERROR', code: 'XX000', hint: 'secret', detail: 'secret' }));

    assert.ok(!JSON.stringify(told.body()).includes('secret"'));
    assert.ok(!JSON.stringify(told.body()).includes('hint'));
});

test('what is written in docs/dashboard.md of the settings is what there is', () => {
    const text = readFileSync(path.join(root, '..', 'docs', 'dashboard.md'), 'utf8');
    const rows = [...text.matchAll(/^\| `(CUSTSEG_\w+)` \| (.*?) \| (.*?) \|$/gm)].map(([, variable, fallback, about]) => ({ variable, fallback: fallback.replaceAll('`', ''), about }));

    assert.deepEqual(rows, settings.map(({ variable, fallback, about }) => ({ variable, fallback, about })));
});

test('what is kept takes no more than it may, however small its entries are', () => {
    const cache = new Cache(100000);
    let kept = 0;

    for (let index = 0; index < 10000; index++) {
        cache.set(`key ${index}`, index, 1);
    }
    for (let index = 0; index < 10000; index++) {
        kept += cache.get(`key ${index}`) === undefined ? 0 : 1;
    }
    assert.ok(kept > 50 && kept < 100, `${kept} entries`);
    assert.equal(cache.get('key 9999'), 9999);
});

test('what is kept takes no more than it may of all roles together, and none drives out what the others have', () => {
    const cache = new Cache(100000);
    const keptOf = (role, n) => Array.from({ length: n }, (_, i) => cache.get(`${role} ${i}`)).filter((it) => it !== undefined).length;

    // alone, a role may take all
    for (let i = 0; i < 200; i++) cache.set(`busy ${i}`, i, 1000, 'busy');
    assert.ok(keptOf('busy', 200) > 40, `${keptOf('busy', 200)} entries`);
    for (let i = 0; i < 10; i++) cache.set(`calm ${i}`, i, 1000, 'calm');
    for (let i = 200; i < 1000; i++) cache.set(`busy ${i}`, i, 1000, 'busy');
    assert.equal(keptOf('calm', 10), 10);
    assert.equal(cache.get('busy 999'), 999);
    assert.ok(keptOf('busy', 1000) < 40, `${keptOf('busy', 1000)} entries`);
    // of one role what was used last stays, what is larger than all is not kept, and what is set again counts once
    const own = new Cache(21000);

    for (let i = 0; i < 10; i++) own.set(`${i}`, i, 1000);
    assert.equal(own.get('0'), 0);
    own.set('huge', 1, 21000);
    for (let i = 10; i < 15; i++) own.set(`${i}`, i, 1000);
    assert.deepEqual(['0', '1', '14', 'huge'].map((key) => own.get(key)), [0, undefined, 14, undefined]);
    for (let i = 0; i < 1000; i++) own.set('14', i, 1000);
    assert.deepEqual(['0', '14'].map((key) => own.get(key)), [0, 999]);
});

test('who asks for what is just being made waits for it, and makes it where nobody else has', async () => {
    const cache = new Cache(10000);
    const made = [];
    const make = (size, fails = false) => async () => {
        made.push(size);
        await new Promise((resolve) => { setTimeout(resolve, 5); });
        if (fails) throw new Error('gone');
        return { value: made.length, size };
    };
    const all = (key, size, fails) => Promise.allSettled(Array.from({ length: 5 }, (_, i) => cache.take(key, make(size, fails && i === 0))));
    const values = (found) => found.map((it) => it.value ?? it.reason.message);

    assert.deepEqual(values(await all('kept', 100)), [1, 1, 1, 1, 1]);
    assert.equal(await cache.take('kept', make(100)), 1);
    // the first one fails, and the others do not wait for one another
    assert.deepEqual(values(await all('failed', 100, true)), ['gone', 6, 6, 6, 6]);
    // what is too large is made one after the other, never side by side
    assert.deepEqual(values(await all('huge', Infinity)), [7, 8, 9, 10, 11]);
    assert.deepEqual(made, [...Array(6).fill(100), ...Array(5).fill(Infinity)]);
});

/** Makes a painter whose thread draws when it is told to; "drawn" are the kinds of reports that it was given. */
function makePainter() {
    const drawn = [];
    const threads = [];
    const painter = new Painter(() => {
        const thread = Object.assign(new EventEmitter(), { unref() {}, terminate() {}, postMessage: ({ kind }) => drawn.push(kind) });

        threads.push(thread);
        return thread;
    });

    return { painter, drawn, threads };
}

test('one visitor does not keep the others waiting for reports', async () => {
    const { painter, drawn, threads } = makePainter();
    const greedy = Array.from({ length: 8 }, (_, index) => painter.draw({ kind: index }, 'greedy'));

    assert.throws(() => painter.draw({ kind: 8 }, 'greedy'), { code: 'busy' });
    const other = painter.draw({ kind: 'other' }, 'other');

    for (let index = 0; index < 9; index++) {
        threads[0].emit('message', { html: `report ${index}` });
    }
    assert.deepEqual(await Promise.all(greedy), Array.from({ length: 8 }, (_, index) => `report ${index}`));
    assert.equal(await other, 'report 8');
    assert.deepEqual(drawn, [0, 1, 2, 3, 4, 5, 6, 7, 'other']);
    // who has come again is let in
    const again = painter.draw({ kind: 'again' }, 'greedy');

    threads[0].emit('message', { error: { message: 'nothing was published', isTold: true } });
    await assert.rejects(again, { code: 'not_found' });
});

test('a report that nobody waits for is not drawn', async () => {
    const { painter, drawn, threads } = makePainter();
    const controller = new AbortController();
    const [first, gone, last] = ['first', 'gone', 'last'].map((kind) => painter.draw({ kind }, kind, kind === 'gone' ? controller.signal : undefined));

    controller.abort();
    await assert.rejects(gone, { code: 'timeout' });
    threads[0].emit('message', { html: 'one' });
    threads[0].emit('message', { html: 'two' });
    assert.deepEqual(await Promise.all([first, last]), ['one', 'two']);
    assert.deepEqual(drawn, ['first', 'last']);
    assert.throws(() => painter.draw({ kind: 'late' }, 'gone', controller.signal), { code: 'timeout' });
});

test('a thread that ends takes one report along, and says nothing afterwards', async () => {
    const { painter, drawn, threads } = makePainter();
    const [first, last] = ['first', 'last'].map((kind) => painter.draw({ kind }, 'visitor'));

    threads[0].emit('error', new Error('out of memory'));
    threads[0].emit('message', { html: 'late' });
    threads[0].emit('exit', 1);
    await assert.rejects(first, /out of memory/);
    threads[1].emit('message', { html: 'last' });
    assert.equal(await last, 'last');
    assert.deepEqual(drawn, ['first', 'last']);
});

test('one connection does not fill the queue', async () => {
    const request = 'GET /api/models/forty/profile HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const answer = await raw(reader.url, request.repeat(100), 3000);
    const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status);

    assert.equal(statuses.length, 100);
    assert.ok(statuses.filter((status) => status === '200').length >= 16);
    assert.ok(statuses.includes('429'));
    assert.match(await raw(reader.url, request), /^HTTP\/1\.1 200/);
});

test('the page comes with a strict policy, and without a script in it', async () => {
    for (const address of ['/', '/m/shop/overview?segment=3', '/m/%3Cscript%3E/']) {
        const { status, headers, text } = await call('GET', address);

        assert.equal(status, 200);
        const policy = headers.get('content-security-policy');

        assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self';/);
        assert.ok(!/script-src[^;]*unsafe/.test(policy));
        assert.equal(headers.get('cache-control'), 'no-cache');
        assert.ok(!/<script(?![^>]*\bsrc=)/.test(text) && !/\son\w+=/.test(text) && !/<style/.test(text), text);
        for (const [, target] of text.matchAll(/(?:src|href)="([^"]*)"/g)) {
            assert.match(target, /^(?:\/|data:,$)/, 'an address outside the origin');
        }
    }
    const { text } = await call('GET', '/');
    const script = /src="(\/assets\/[^"]+\.js)"/.exec(text)[1];
    const packed = await call('GET', script, { headers: { 'accept-encoding': 'gzip' } });

    assert.match(packed.headers.get('cache-control'), /immutable/);
    assert.equal(packed.headers.get('content-encoding'), 'gzip');
    assert.equal(packed.headers.get('x-content-type-options'), 'nosniff');
    assert.equal((await call('GET', script, { headers: { 'if-none-match': packed.headers.get('etag') } })).status, 304);
});

test('pages of other origins are refused', async () => {
    assertError(await call('GET', '/api/models', { headers: { origin: 'https://evil.example' } }), 'unauthorized');
    assertError(await call('POST', '/predict_segment', { body: { model: 'shop', customer }, headers: { origin: 'null' } }), 'unauthorized');
    assert.equal((await call('GET', '/api/models', { headers: { origin: reader.url } })).status, 200);
});

test('names beside localhost are those of CUSTSEG_HOSTS', async () => {
    const dashboard = await start({ CUSTSEG_ROLE: 'reader', CUSTSEG_HOSTS: 'segments.example' });
    const ask = (host, more = '') => raw(dashboard.url, `GET /healthz HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`);

    assert.match(await ask('segments.example:443'), /^HTTP\/1\.1 200/);
    assert.match(await ask('SEGMENTS.example'), /^HTTP\/1\.1 200/);
    assert.match(await ask('127.0.0.1', 'Origin: https://segments.example\r\n'), /^HTTP\/1\.1 200/);
    assert.match(await ask('other.example'), /^HTTP\/1\.1 404/);
    assert.match(await ask('segments.example.evil.example'), /^HTTP\/1\.1 404/);
});

test('it does not listen beyond loopback unless visitors show who they are', async () => {
    await assert.rejects(startDashboard({ CUSTSEG_LISTEN: '0.0.0.0' }), /status 1.*CUSTSEG_TOKENS_FILE/s);
    await assert.rejects(startDashboard({ CUSTSEG_LISTEN: '::' }), /status 1/);
    await start({ CUSTSEG_LISTEN: '0.0.0.0', CUSTSEG_TOKENS_FILE: tokens });
});

test('wrong settings are named, all of them', async () => {
    await assert.rejects(startDashboard({ CUSTSEG_PORT: '80x', CUSTSEG_STATEMENT_TIMEOUT: '15', CUSTSEG_LOOKUPS: '{"shop": "customers"}' }),
        /CUSTSEG_PORT must be.*CUSTSEG_STATEMENT_TIMEOUT must be.*CUSTSEG_LOOKUPS must be/s);
    await assert.rejects(startDashboard({ CUSTSEG_ROLE: 'none' }), /not the name of a role/);
    await assert.rejects(startDashboard({ CUSTSEG_TOKENS_FILE: secret }), /line 1/);
    assert.match((await start({ CUSTSEG_ROLE: 'reader', CUSTSEG_PRT: '1' })).log(), /there is no setting CUSTSEG_PRT/);
});

test('it warns of a role that is a superuser, has BYPASSRLS or owns models', async () => {
    const superuser = await start({ PGUSER: 'postgres', CUSTSEG_ROLE: '' });
    const owner = await start({ PGUSER: 'postgres', CUSTSEG_ROLE: 'dash_owner' });
    const plain = await start({ CUSTSEG_ROLE: 'reader' });

    await until(() => /is a superuser/.test(superuser.log()) && /has BYPASSRLS/.test(superuser.log()), 3000);
    await until(() => /role dash_owner owns models/.test(owner.log()) && /role postgres, which logs in, is a superuser/.test(owner.log()), 3000);
    await caller(plain.url)('GET', '/readyz');
    assert.ok(!plain.log().includes('warning'), plain.log());
});

test('a bearer token stands for a role', async () => {
    const dashboard = await start({ CUSTSEG_TOKENS_FILE: tokens });
    const as = (token) => caller(dashboard.url, { authorization: `Bearer ${token}` });
    const models = async (token) => (await as(token)('GET', '/api/models')).body.map((model) => model.name);

    assert.deepEqual(await models('token-of-north'), ['of north', 'shop']);
    assert.deepEqual(await models('token-of-south'), ['of south', 'shop']);
    assert.deepEqual(await models('token-of-odd'), ['shop']);
    for (const token of ['wrong', '', 'token-of-nobody', 'x'.repeat(5000)]) {
        assertError(await as(token)('GET', '/api/models'), 'unauthorized', token);
    }
    for (const authorization of ['token-of-north', 'Basic dG9rZW4tb2Ytbm9ydGg=', 'Bearer token-of-north token-of-south']) {
        assertError(await caller(dashboard.url, { authorization })('GET', '/api/models'), 'unauthorized', authorization);
    }
    const anonymous = caller(dashboard.url);

    for (const [method, address] of [['GET', '/api/models'], ['GET', '/api/models/shop/summary'], ['GET', '/segment_profile/1?model=shop'], ['GET', '/recommendations/1?model=shop'], ['GET', '/api/models/shop/customers/1'], ['GET', '/api/models/shop/publications'], ['POST', '/predict_segment']]) {
        const answer = await anonymous(method, address, method === 'POST' ? { body: { model: 'shop', customer } } : {});

        assertError(answer, 'unauthorized', address);
        assert.match(answer.headers.get('www-authenticate'), /^Bearer/);
    }
    assert.equal((await anonymous('GET', '/')).status, 200);
    assert.equal((await anonymous('GET', '/readyz')).status, 200);
    // a proxy is not asked for, so its headers say nothing
    assertError(await anonymous('GET', '/api/models', { headers: { 'x-custseg-role': 'north', 'x-custseg-proxy-secret': '' } }), 'unauthorized');
});

test('tokens are read anew at SIGHUP, and a broken file changes nothing', async () => {
    const file = path.join(folder, 'changing');

    writeFileSync(file, tokenLine('first', 'north'));
    const dashboard = await start({ CUSTSEG_TOKENS_FILE: file });
    const status = async (token) => (await caller(dashboard.url, { authorization: `Bearer ${token}` })('GET', '/api/models')).status;

    assert.equal(await status('first'), 200);
    writeFileSync(file, tokenLine('second', 'north'));
    dashboard.kill('SIGHUP');
    await until(async () => await status('second') === 200, 3000);
    assert.equal(await status('first'), 401);
    writeFileSync(file, 'nonsense');
    dashboard.kill('SIGHUP');
    await until(() => dashboard.log().includes('tokens stay'), 3000);
    assert.equal(await status('second'), 200);
});

test('a proxy that knows the secret names the role', async () => {
    const dashboard = await start({ CUSTSEG_PROXY_SECRET_FILE: secret, CUSTSEG_PROXY_HEADER: 'X-Remote-User' });
    const ask = (headers) => caller(dashboard.url)('GET', '/api/models', { headers });
    const known = { 'x-custseg-proxy-secret': 'a secret of the proxy' };

    assert.deepEqual((await ask({ ...known, 'x-remote-user': 'north' })).body.map((model) => model.name), ['of north', 'shop']);
    for (const headers of [{ 'x-remote-user': 'north' }, { ...known }, { ...known, 'x-remote-user': '' }, { ...known, 'x-remote-user': 'none' }, { 'x-custseg-proxy-secret': 'a secret of the prox', 'x-remote-user': 'north' },
        { ...known, 'x-remote-user': 'postgres' }, { ...known, 'x-remote-user': 'no such role' }, { ...known, 'x-remote-user': 'north -c role=south' }, { ...known, 'x-custseg-role': 'north' }]) {
        assertError(await ask(headers), 'unauthorized', JSON.stringify(headers));
    }
    assert.ok(!dashboard.log().includes('warning'), dashboard.log());
    // a role that nobody knew of before is looked at when it comes
    const trusting = await start({ PGUSER: 'postgres', CUSTSEG_PROXY_SECRET_FILE: secret });

    await caller(trusting.url)('GET', '/api/models', { headers: { ...known, 'x-custseg-role': 'dash_owner' } });
    await until(() => /role dash_owner owns models/.test(trusting.log()), 3000);
});

test('two roles never see each other\'s rows, nor what was kept for the other', async () => {
    const dashboard = await start({ CUSTSEG_TOKENS_FILE: tokens, CUSTSEG_LOOKUPS: '{"shop": {"source": "shop.customers", "key": "id"}}', CUSTSEG_POOL_SIZE: '2' });
    const north = caller(dashboard.url, { authorization: 'Bearer token-of-north' });
    const south = caller(dashboard.url, { authorization: 'Bearer token-of-south' });
    const rounds = [];

    // at the same time and again and again, so that connections and what is kept are shared where they could be
    for (let round = 0; round < 30; round++) {
        rounds.push((async () => {
            const answers = await Promise.all([
                north('GET', '/api/models/of%20north/summary'), south('GET', '/api/models/of%20north/summary'),
                south('GET', '/api/models/of%20south/summary'), north('GET', '/api/models/of%20south/summary'),
                north('GET', '/api/models/shop/customers/3'), south('GET', '/api/models/shop/customers/3'),
                south('GET', '/api/models/shop/customers/4'), north('GET', '/api/models/shop/customers/4'),
                north('GET', '/api/models/shop/summary'), south('GET', '/api/models/shop/summary'),
            ]);

            assert.deepEqual(answers.map((answer) => answer.status), [200, 404, 200, 404, 200, 404, 200, 404, 200, 200]);
        })());
    }
    await Promise.all(rounds);
    const { rows } = await database.query("SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'custseg dashboard' AND usename = 'dash_login'");

    assert.ok(rows[0].n > 0);
});

test('connections are read-only, with a time limit, and as the role', async () => {
    const own = new Database({ database: `postgresql://dash_login@/dashboard?host=${encodeURIComponent(process.env.PGHOST)}`, poolSize: 2, connections: 8, statementTimeout: 15000 });

    try {
        for (const role of ['reader', odd]) {
            const [row] = await own.query(role, { text: "SELECT current_user, current_setting('transaction_read_only'), current_setting('statement_timeout'), current_setting('search_path')" });

            assert.deepEqual(row, [role, 'on', '15s', 'pg_catalog']);
        }
        await assert.rejects(own.query('reader', { text: 'CREATE TEMPORARY TABLE t (i int); INSERT INTO shop.customers (id, region) VALUES (0, 0)' }), { code: '25006' });
        await assert.rejects(own.query('postgres', { text: 'SELECT 1' }), { code: 'unauthorized' });
        await assert.rejects(own.query('reader -c default_transaction_read_only=off', { text: 'SELECT 1' }), { code: 'unauthorized' });
        // a fifth role takes the place of one that rests
        assert.deepEqual(await own.query('south', { text: 'SELECT current_user' }), [['south']]);
    } finally {
        await own.close();
    }
});

test('too many POST requests a second are refused, and soon let in again', async () => {
    const dashboard = await start({ CUSTSEG_ROLE: 'reader', CUSTSEG_RATE_LIMIT: '5' });
    const ask = () => caller(dashboard.url)('POST', '/predict_segment', { body: { model: 'shop', customer } });
    const answers = [];

    for (let index = 0; index < 12; index++) {
        answers.push(await ask());
    }
    const refused = answers.filter((answer) => answer.status === 429);

    assert.ok(answers.filter((answer) => answer.status === 200).length >= 5);
    assert.ok(refused.length > 0);
    assertError(refused[0], 'too_many');
    assert.equal(refused[0].headers.get('retry-after'), '1');
    await sleep(1100);
    assert.equal((await ask()).status, 200);
});

/** Counts the statements that sleep in the database. */
async function sleepers() {
    return (await database.query("SELECT count(*)::int AS n FROM pg_stat_activity WHERE query ~ 'shop.slow' AND state = 'active' AND pid <> pg_backend_pid()")).rows[0].n;
}

test('names of parts that are none do not drive out those that are', async () => {
    const dashboard = await start({ CUSTSEG_ROLE: 'reader', CUSTSEG_CACHE_SIZE: '60000' });
    const ask = caller(dashboard.url);
    const mark = (set) => database.query(`UPDATE custseg.report SET body = ${set} WHERE model = 'shop' AND part = 'concentration'`);
    const first = (await ask('GET', '/api/models/shop/concentration')).body.body;

    assert.notEqual(first, null);
    for (let index = 0; index < 100; index++) {
        assert.equal((await ask('GET', `/api/models/shop/none_${index}`)).body.body, null);
    }
    // what is kept is not read again
    await mark("body || '{\"marked\": true}'");
    try {
        assert.deepEqual((await ask('GET', '/api/models/shop/concentration')).body.body, first);
    } finally {
        await mark("body - 'marked'");
    }
});

test('a customer is found where a column has the name that the statement gives the row', async () => {
    await database.query("CREATE VIEW shop.c AS SELECT *, 'x'::text AS c FROM shop.customers; GRANT SELECT ON shop.c TO reader");
    const dashboard = await start({ CUSTSEG_ROLE: 'reader', CUSTSEG_LOOKUPS: '{"shop": {"source": "shop.c", "key": "id"}}' });
    const answer = await caller(dashboard.url)('GET', '/api/models/shop/customers/3');

    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.body.customer.recency, (await database.query('SELECT recency FROM shop.customers WHERE id = 3')).rows[0].recency);
});

test('a statement ends when the visitor goes, and when it takes too long', async () => {
    await database.query('CREATE VIEW shop.slow AS SELECT c.*, pg_sleep(60)::text AS slept FROM shop.customers c; GRANT SELECT ON shop.slow TO reader');
    const lookups = JSON.stringify({ shop: { source: 'shop.slow', key: 'id' } });
    const patient = await start({ CUSTSEG_ROLE: 'reader', CUSTSEG_LOOKUPS: lookups });
    const hasty = await start({ CUSTSEG_ROLE: 'reader', CUSTSEG_LOOKUPS: lookups, CUSTSEG_STATEMENT_TIMEOUT: '400ms' });
    const controller = new AbortController();
    const gone = Promise.all([1, 2, 3].map((key) => fetch(`${patient.url}/api/models/shop/customers/${key}`, { signal: controller.signal }).catch((error) => error.name)));

    await until(async () => await sleepers() === 3, 5000);
    controller.abort();
    assert.deepEqual(await gone, ['AbortError', 'AbortError', 'AbortError']);
    await until(async () => await sleepers() === 0, 5000);
    assert.equal((await caller(patient.url)('GET', '/api/models')).status, 200);
    assertError(await caller(hasty.url)('GET', '/api/models/shop/customers/1'), 'timeout');
    // and when the dashboard itself is killed
    fetch(`${patient.url}/api/models/shop/customers/1`).catch(() => {});
    await until(async () => await sleepers() === 1, 5000);
    patient.kill('SIGKILL');
    await until(async () => await sleepers() === 0, 5000);
});

test('a connection that breaks while a statement runs is told, and the dashboard goes on', async () => {
    const way = `${process.env.PGHOST}/.s.PGSQL.${process.env.PGPORT ?? 5432}`;
    const ends = [];
    const between = createServer((visitor) => {
        const server = connect(way);

        ends.push(visitor, server);
        visitor.pipe(server).pipe(visitor);
        visitor.on('error', () => {});
        server.on('error', () => {});
    });

    await new Promise((resolve) => between.listen(0, '127.0.0.1', resolve));
    const dashboard = await start({ CUSTSEG_ROLE: 'reader', CUSTSEG_LOOKUPS: JSON.stringify({ shop: { source: 'shop.slow', key: 'id' } }),
        PGHOST: '127.0.0.1', PGPORT: String(between.address().port) });
    const ask = caller(dashboard.url);
    const answer = ask('GET', '/api/models/shop/customers/1');

    await until(async () => await sleepers() === 1, 5000);
    ends.splice(0).forEach((end) => end.destroy());
    assertError(await answer, 'busy');
    assert.equal((await ask('GET', '/api/models')).status, 200);
    assert.ok(!/    at /.test(dashboard.log()), dashboard.log());
    await dashboard.stop();
    between.close();
});

test('a database that stops is told within 3 s, and is there again within 2 s of its return', async () => {
    const postgres = new Postgres();

    try {
        await postgres.init();
        await postgres.start();
        await postgres.query('CREATE EXTENSION custseg; CREATE ROLE visitor LOGIN', 'postgres');
        const dashboard = await start({ ...postgres.environment('postgres', 'visitor'), PGUSER: 'visitor' });
        const ask = caller(dashboard.url);

        assert.equal((await ask('GET', '/api/models')).status, 200);
        for (const signal of ['SIGINT', 'SIGQUIT']) {
            await postgres.stop(signal);
            const stopped = Date.now();

            for (const [method, address] of [['GET', '/readyz'], ['GET', '/api/models'], ['GET', '/api/models/shop/summary'], ['POST', '/predict_segment']]) {
                assertError(await ask(method, address, method === 'POST' ? { body: { model: 'shop', customer } } : {}), 'busy', `${signal} ${address}`);
            }
            assert.ok(Date.now() - stopped < 3000, `${Date.now() - stopped} ms`);
            assert.equal((await ask('GET', '/healthz')).status, 200);
            await postgres.start();
            await until(async () => (await ask('GET', '/readyz')).status === 200 && (await ask('GET', '/api/models')).status === 200, 2000);
        }
        await postgres.stop('SIGINT');
        const late = await start({ ...postgres.environment('postgres', 'visitor'), PGUSER: 'visitor' });

        assertError(await caller(late.url)('GET', '/api/models'), 'busy');
        await postgres.start();
        await until(async () => (await caller(late.url)('GET', '/api/models')).status === 200, 2000);
        assert.ok(!/    at /.test(dashboard.log()), dashboard.log());
    } finally {
        await postgres.remove();
    }
});

test('a database that takes connections and says nothing is told within 3 s', async () => {
    const silent = createServer(() => {});

    await new Promise((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const dashboard = await start({ PGHOST: '127.0.0.1', PGPORT: String(silent.address().port), CUSTSEG_ROLE: 'reader' });
    const begun = Date.now();

    assertError(await caller(dashboard.url)('GET', '/api/models'), 'busy');
    assert.ok(Date.now() - begun < 3000, `${Date.now() - begun} ms`);
    await dashboard.stop();
    silent.close();
});

test('a database without custseg is not ready', async () => {
    await database.query('CREATE DATABASE bare');
    const dashboard = await start({ PGDATABASE: 'bare', CUSTSEG_ROLE: 'reader' });
    const answer = await caller(dashboard.url)('GET', '/readyz');

    assertError(answer, 'busy');
    assert.match(answer.body.error.hint, /CREATE EXTENSION/);
    assertError(await caller(dashboard.url)('GET', '/api/models'), 'internal');
    await dashboard.stop();
    await database.query('DROP DATABASE bare');
});
