// What pages fetch of models that have many segments and columns: each answer is short.  Such models have a database of their own.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import pg from 'pg';
import { partAddress } from '../web/api.js';
import { bodyOf, wanted } from '../web/compact.js';
import { pages, roles } from '../web/pages.js';
import { cardsAndCharts } from './support/cards.js';
import { startDashboard } from './support/dashboard.js';
import { caller } from './support/interface.js';

// what an answer may have, before it is packed
const most = 60_000;

let dashboard;
let call;
let database;
let cards;

/** Runs statements in a database. */
async function run(name, ...texts) {
    const client = new pg.Client({ database: name });

    await client.connect();
    try {
        for (const text of texts) await client.query(text);
    } finally {
        await client.end();
    }
}

/** Returns the statement that makes a table of customers with so many numbers and categories, whose names are so long. */
function customers(table, numbers, categories, length) {
    const name = (i) => `"${`column ${i} of what is known of customers `.padEnd(length, 'x').slice(0, length)}"`;
    const columns = [
        ...Array.from({ length: numbers }, (_, i) => `exp(((i * ${3 + i * 7}) % ${997 + i}) / 300.0::float8) AS ${name(i)}`),
        ...Array.from({ length: categories }, (_, i) => `left('a level of a category that has a long name, too ' || i * ${5 + 2 * i} % 8, ${length}) AS ${name(numbers + i)}`),
    ];

    return `CREATE TABLE ${table} AS SELECT i AS id, ${columns.join(', ')} FROM generate_series(1, 1600) i`;
}

before(async () => {
    await run('postgres', 'CREATE DATABASE sizes');
    await run('sizes', 'CREATE EXTENSION custseg', customers('broad', 8, 3, 12), customers('long', 90, 7, 60),
        ...['broad', 'long'].flatMap((model) => [
            `SELECT custseg.train('${model}', 'public.${model}', k => 40, id => 'id')`,
            `SELECT custseg.set_presentation('${model}', jsonb_build_object('value', (SELECT name FROM custseg.feature WHERE model = '${model}' AND position = 1), 'currency', 'GBP'))`,
            `SELECT custseg.grant_model('${model}', 'reader')`]),
        "SELECT custseg.name_segment('long', segment, rpad('who ' || segment || ' buys ', 200, 'much and often ')) FROM custseg.segments WHERE model = 'long'",
        "SELECT custseg.publish(name, 'public.' || name) FROM custseg.models");
    ({ cards } = await cardsAndCharts());
    dashboard = await startDashboard({ CUSTSEG_ROLE: 'reader', PGDATABASE: 'sizes' });
    call = caller(dashboard.url);
    database = new pg.Client({ database: 'sizes' });
    await database.connect();
});

after(async () => {
    await database?.end();
    await dashboard?.stop();
    await run('postgres', 'DROP DATABASE IF EXISTS sizes WITH (FORCE)');
});

for (const model of ['broad', 'long']) {
    test(`40 segments, ${model}: every answer that a page fetches has at most 60 kB`, async (t) => {
        const { body: { body: about } } = await call('GET', partAddress(model, 'about'));
        const seen = new Map();

        assert.equal(about.n_segments, 40);
        for (const state of [{}, { segment: '40', segments: '1,20,39,40', column: about.features[3].name, category: about.features.at(-1).name }]) {
            for (const { name: page, cards: names } of [...pages, ...roles]) {
                for (const [part, key] of names.flatMap((name) => wanted(cards[name], about, state))) {
                    const { status, text } = await call('GET', partAddress(model, part, null, key));

                    assert.equal(status, 200, `${page}: ${part} ${key}`);
                    if (text.length > (seen.get(part)?.length ?? -1)) seen.set(part, text);
                }
            }
        }
        seen.set('about', (await call('GET', partAddress(model, 'about'))).text);
        const sizes = [...seen].map(([part, text]) => [part, Buffer.byteLength(text), gzipSync(text).length]).sort(([, a], [, b]) => b - a);

        for (const [part, bytes] of sizes) assert.ok(bytes <= most, `${part}: ${bytes} bytes`);
        t.diagnostic(sizes.slice(0, 8).map(([part, bytes, packed]) => `${part} ${bytes} (packed ${packed})`).join(', '));
        // of the parts that a page fetches by pieces, the pieces are there
        for (const part of ['profile', 'radar', 'boxplot', 'median', 'level_share', 'heatmap', 'histogram', 'silhouette', 'correlation', 'projection']) assert.ok(seen.get(part).length > 500, part);
    });
}

test('40 segments: what the page Customer asks of 97 columns, and what it is told, is short; each column is changed', async (t) => {
    const data = {};

    for (const part of ['about', ...cards.moves.parts]) data[part] = (await call('GET', partAddress('long', part))).body.body;
    const { path, body } = cards.moves.compute(data, {});
    const { status, text } = await call('POST', path, { body });
    const told = cards.moves.table({ ...data, computed: JSON.parse(text) }, {});

    assert.equal(status, 200, text);
    assert.ok(Buffer.byteLength(text) <= most, `told: ${Buffer.byteLength(text)} bytes`);
    // some 900 copies by their changes: as whole customers they had 7 MB, more than the server takes
    assert.ok(Buffer.byteLength(body) <= 100_000, `asked: ${Buffer.byteLength(body)} bytes`);
    assert.deepEqual(new Set(JSON.parse(body).changes.flatMap(Object.keys)), new Set(data.about.features.map((it) => it.name)));
    assert.ok(told.rows.length > 0);
    t.diagnostic(`asked ${Buffer.byteLength(body)}, told ${Buffer.byteLength(text)}, changes that move the customer ${told.rows.length}`);
});

test('what a page fetches of a segment or a column has the digits of the database', async () => {
    const { rows } = await database.query("SELECT part, body FROM custseg.report WHERE model = 'broad' AND part IN ('profile', 'radar', 'boxplot')");
    const { body: { body: about } } = await call('GET', partAddress('broad', 'about'));

    for (const { part, body } of rows) {
        const by = part === 'boxplot' ? 'column_name' : 'segment';

        for (const key of new Set(body.map((row) => row[by]).filter((it) => it !== null))) {
            const { body: answer } = await call('GET', partAddress('broad', part, null, String(key)));
            const kept = [...body.filter((row) => row[by] === key), ...(part === 'radar' ? body.filter((row) => row.segment === null) : [])];

            assert.ok(answer.keys.includes(key));
            const told = bodyOf([answer], about);

            assert.equal(told.length, kept.length);
            told.forEach((row, i) => assert.deepEqual(row, Object.fromEntries(Object.keys(row).map((name) => [name, name === 'name' ? about.segments.find((it) => it.segment === row.segment)?.name ?? null : kept[i][name] ?? null])), `${part} ${key}`));
        }
    }
});

test('a key that is none, and a part that is not there, are no error', async () => {
    const first = (await call('GET', partAddress('broad', 'profile'))).body;

    for (const key of ['41', '-1', '1e0', '__proto__', "'; --", '\u202e', 'constructor']) {
        assert.deepEqual((await call('GET', partAddress('broad', 'profile', null, key))).body, first, key);
    }
    for (const part of ['constructor', 'tostring', 'capacity_of']) assert.equal((await call('GET', partAddress('broad', part))).body.body, null, part);
    assert.equal((await call('GET', partAddress('none', 'profile', null, '1'))).status, 404);
    // the whole part is there for programs
    const { body: { body } } = await call('GET', '/api/models/broad/profile');

    assert.equal(new Set(body.map((row) => row.segment)).size, 41, 'all customers, too');
});
