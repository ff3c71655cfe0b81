// The interface against openapi.yaml and against psql: every route with what is right, with a model that is not
// there, with a role that may not, and with broken input.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { startDashboard } from './support/dashboard.js';
import { assertError, called, caller, description } from './support/interface.js';

const customer = { recency: 10, frequency: 5, monetary: 200, channel: 'web', member: false };

let reader;                // a dashboard for reader
let outsider;              // and one for outsider
let call;
let callOutsider;
let database;              // a superuser's connection

before(async () => {
    [reader, outsider] = await Promise.all([
        startDashboard({
            CUSTSEG_ROLE: 'reader',
            CUSTSEG_LOOKUPS: JSON.stringify({ shop: { source: 'shop.customers', key: 'id' }, kmeans: { source: 'shop.customers', key: 'region' }, secret: { source: 'shop.customers', key: 'id' } }),
        }),
        startDashboard({ CUSTSEG_ROLE: 'outsider', CUSTSEG_LOOKUPS: '{"shop": {"source": "shop.customers", "key": "id"}}' }),
    ]);
    call = caller(reader.url);
    callOutsider = caller(outsider.url);
    database = new pg.Client({ types: { getTypeParser: () => String } });
    await database.connect();
});

after(async () => {
    await database.end();
    await Promise.all([reader.stop(), outsider.stop()]);
});

/** Returns the one value of a statement, as text. */
async function value(text, values) {
    return Object.values((await database.query(text, values)).rows[0])[0];
}

/** Returns the address of a model's part. */
function partOf(model, part) {
    return `/api/models/${encodeURIComponent(model)}/${part}`;
}

test('GET /api/models lists the models that the role may use', async () => {
    const answer = await call('GET', '/api/models');
    const names = (await database.query("SELECT name FROM custseg.models WHERE name NOT IN ('secret', 'of north', 'of south') ORDER BY name")).rows.map((row) => row.name);
    const shop = answer.body.find((model) => model.name === 'shop');

    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body.map((model) => model.name), names);
    assert.equal(shop.title, 'Customers of the shop');
    assert.equal(shop.n_segments, 4);
    assert.equal(shop.lookup_key, 'id');
    assert.ok(shop.monitored_at);
    assert.equal(answer.body.find((model) => model.name === 'waiting').version, null);
    assert.deepEqual((await callOutsider('GET', '/api/models')).body, []);
});

test('GET /api/models/{model}/publications lists them, the newest first', async () => {
    const { body } = await call('GET', partOf('shop', 'publications'));

    assert.equal(body.length, 2);
    assert.ok(body[0].published_at > body[1].published_at);
    assert.deepEqual((await call('GET', partOf('one', 'publications'))).body, []);
    assertError(await call('GET', partOf('nobody', 'publications')), 'not_found');
    assertError(await call('GET', partOf('secret', 'publications')), 'not_found');
});

test('GET /api/models/{model}/{part} has what the database keeps, of every model and part', async () => {
    const { rows } = await database.query('SELECT DISTINCT ON (model, part) model, part, body::text FROM custseg.report WHERE model IN (SELECT model FROM custseg.model_grant WHERE grantee = \'reader\') ORDER BY model, part, published_at DESC');

    assert.ok(rows.length > 100);
    for (const { model, part, body } of rows.filter((it) => it.part !== 'histogram')) {
        const answer = await call('GET', partOf(model, part));

        assert.equal(answer.status, 200);
        assert.equal(answer.body.model, model);
        // to the digit: the text of the body is the text of the answer
        assert.equal(answer.text.slice(answer.text.indexOf(',"body":') + 8, -1), body);
    }
});

test('GET /api/models/{model}/histogram has one column at a time, as the database keeps it', async () => {
    const { rows } = await database.query('SELECT DISTINCT ON (model) model, body::text FROM custseg.report WHERE part = \'histogram\' AND model IN (SELECT model FROM custseg.model_grant WHERE grantee = \'reader\') ORDER BY model, published_at DESC');

    assert.ok(rows.length > 5);
    for (const { model, body: text } of rows) {
        const kept = JSON.parse(text);
        const columns = [...new Set(kept.map((row) => row.column_name))];

        for (const column of columns) {
            const { status, text: answer, body: { body } } = await call('GET', `${partOf(model, 'histogram')}?key=${encodeURIComponent(column)}`);

            assert.equal(status, 200);
            assert.ok(answer.length <= 60000, `${answer.length} bytes`);
            assert.deepEqual(body.columns, columns);
            const told = body.segments.flatMap(({ segment, n, density }) => n.map((count, i) => [column, body.scale, segment, i + 1, body.edges[i], body.edges[i + 1], count, density[i]]));

            assert.deepEqual(told.map(String).sort(), kept.filter((row) => row.column_name === column)
                .map((row) => [column, row.scale, row.segment, row.bin, row.low, row.high, row.n, row.density]).map(String).sort());
        }
        for (const other of ['', '?key=no%20column%27%22%5C', '?key=__proto__']) {
            assert.equal((await call('GET', partOf(model, 'histogram') + other)).body.body.column_name, columns[0]);
        }
    }
    const { body: times } = await call('GET', partOf('shop', 'publications'));

    assert.equal((await call('GET', `${partOf('shop', 'histogram')}?key=monetary&at=${encodeURIComponent(times[1].published_at)}`)).body.as_of, times[1].published_at);
    assert.equal((await call('GET', `${partOf('shop', 'histogram')}?at=2001-01-01T00:00:00Z`)).body.body, null);
    assertError(await call('GET', partOf('secret', 'histogram')), 'not_found');
});

test('GET /api/models/{model}/{part}?at= shows an older publication', async () => {
    const { body: times } = await call('GET', partOf('shop', 'publications'));
    const older = await call('GET', `${partOf('shop', 'summary')}?at=${encodeURIComponent(times[1].published_at)}`);
    const newest = await call('GET', partOf('shop', 'summary'));

    assert.equal(older.body.as_of, times[1].published_at);
    assert.equal(newest.body.as_of, times[0].published_at);
    const none = await call('GET', `${partOf('shop', 'summary')}?at=2001-01-01T00:00:00Z`);

    assert.deepEqual([none.body.as_of, none.body.body], [null, null]);
    assertError(await call('GET', `${partOf('shop', 'summary')}?at=yes`), 'invalid_argument');
    assertError(await call('GET', `${partOf('shop', 'summary')}?at=2026-01-01&at=2026-01-02`), 'invalid_argument');
});

test('parts from files answer for every model', async () => {
    const { body: models } = await call('GET', '/api/models');

    for (const { name } of models) {
        assert.equal((await call('GET', partOf(name, 'about'))).body.body.name, name);
    }
});

test('a part that does not exist is null, and not for a model that does not exist', async () => {
    assert.equal((await call('GET', partOf('shop', 'unheard_of'))).body.body, null);
    for (const part of ['unheard_of', 'summary', 'about']) {
        assertError(await call('GET', partOf('nobody', part)), 'not_found');
    }
    for (const part of ['Summary', 'a.b', '..%2Fabout', 'x'.repeat(64), '%27']) {
        assertError(await call('GET', partOf('shop', part)), 'not_found');
    }
});

test('segments are found by number and by name', async () => {
    for (const route of ['segment_profile', 'recommendations']) {
        const byName = await call('GET', `/${route}/champions?model=shop`);
        const byNumber = await call('GET', `/${route}/${byName.body.segment}?model=shop`);

        assert.equal(byName.status, 200);
        assert.deepEqual(byName.body, byNumber.body);
        assertError(await call('GET', `/${route}/champions?model=nobody`), 'not_found');
        assertError(await call('GET', `/${route}/champions?model=secret`), 'not_found');
        assertError(await call('GET', `/${route}/nowhere?model=shop`), 'not_found');
        assertError(await call('GET', `/${route}/99?model=shop`), 'not_found');
        assertError(await call('GET', `/${route}/99999999999999999999?model=shop`), 'not_found');
        assertError(await call('GET', `/${route}/1?model=waiting`), 'not_found');
        assertError(await call('GET', `/${route}/1?model=repeats`), 'not_found');
        assertError(await call('GET', `/${route}/champions`), 'invalid_argument');
        assertError(await call('GET', `/${route}/champions?model=`), 'invalid_argument');
        // a number goes before a name that looks like one, and a name that is no segment's number is a name
        assert.equal((await call('GET', `/${route}/1?model=100%25`)).body.name, 'seventy');
        assert.equal((await call('GET', `/${route}/17?model=100%25`)).body.segment, 2);
        for (const segment of [1, 2, 3]) {
            const model = encodeURIComponent('<script>alert(1)</script>');
            const { body } = await call('GET', `/${route}/${segment}?model=${model}`);

            assert.equal((await call('GET', `/${route}/${encodeURIComponent(body.name)}?model=${model}`)).body.segment, segment);
        }
    }
    assert.equal((await call('GET', '/recommendations/champions?model=shop')).body.offer, 'early access');
    assert.equal((await call('GET', '/segment_profile/champions?model=shop')).body.profile.filter((row) => row.kind === 'categorical').length, 4);
});

test('POST /predict_segment tells the segment, the reasons, what to do and what the customer is worth', async () => {
    const plain = await call('POST', '/predict_segment', { body: { model: 'shop', customer } });
    const all = await call('POST', '/predict_segment', { body: { model: 'shop', customer, explain: true, recommend: true, value_model: 'worth' } });
    const several = await call('POST', '/predict_segment', { body: { model: 'shop', customers: [customer, { ...customer, monetary: 3000, frequency: 30 }], explain: true } });

    assert.equal(plain.status, 200);
    for (const [key, found] of Object.entries(plain.body)) {
        assert.deepEqual(all.body[key], found);
        assert.deepEqual(several.body.customers[0][key], found);
    }
    assert.equal(all.body.explain.length, 5);
    assert.equal(all.body.recommendation.segment, plain.body.segment);
    assert.ok(all.body.value.low <= all.body.value.predicted && all.body.value.predicted <= all.body.value.high);
    assert.equal(several.body.customers[1].name, 'champions');
    assert.ok(!('recommendation' in several.body.customers[0]));
});

test('POST /predict_segment tells the segments of copies of a customer, each with one of the changes', async () => {
    const changes = [{ monetary: 3000, frequency: 30 }, {}, { recency: 300 }, { 'no such feature': 1 }];
    const plain = await call('POST', '/predict_segment', { body: { model: 'shop', customer } });
    const copies = await call('POST', '/predict_segment', { body: { model: 'shop', customers: changes.map((change) => ({ ...customer, ...change })) } });
    const changed = await call('POST', '/predict_segment', { body: { model: 'shop', customer, changes } });

    assert.deepEqual(changed.body, { ...plain.body, changes: copies.body.customers.map((it) => it.segment) });
    assert.notEqual(changed.body.changes[0], changed.body.changes[1]);
    assert.equal((await call('POST', '/predict_segment', { body: { model: 'shop', customer, changes: Array(1000).fill({}) } })).body.changes.length, 1000);
    assertError(await call('POST', '/predict_segment', { body: { model: 'none', customer, changes } }), 'not_found');
    assertError(await callOutsider('POST', '/predict_segment', { body: { model: 'shop', customer, changes } }), 'not_found');
});

test('a decision by hand is honoured', async () => {
    const { body } = await call('POST', '/predict_segment', { body: { model: 'shop', customer: { ...customer, id: 7 }, recommend: true } });

    assert.equal(body.recommendation.assigned_by, 'override');
    assert.equal(body.segment, 1);
});

test('values of models of each kind', async () => {
    const ask = async (value_model) => (await call('POST', '/predict_segment', { body: { model: 'shop', customer: { ...customer, repeats: 2, customer_age: 300 }, value_model } })).body.value;

    assert.deepEqual([(await ask('repeats')).kind, (await ask('worth')).kind, (await ask('membership')).kind], ['purchases', 'value', 'probability']);
    assert.equal(String((await ask('repeats')).predicted), await value("SELECT custseg.predict_lifetime_value('repeats', '{\"repeats\": 2, \"recency\": 10, \"customer_age\": 300, \"monetary\": 200}'::jsonb)"));
    assertError(await call('POST', '/predict_segment', { body: { model: 'shop', customer, value_model: 'nobody' } }), 'not_found');
    assertError(await call('POST', '/predict_segment', { body: { model: 'shop', customer, value_model: 'secret' } }), 'not_found');
    assertError(await call('POST', '/predict_segment', { body: { model: 'shop', customer, value_model: 'kmeans' } }), 'invalid_argument');
});

test('every model of segments predicts, and the others say that they do not', async () => {
    for (const { name, kind, version } of (await call('GET', '/api/models')).body) {
        const wide = Object.fromEntries(Array.from({ length: 97 }, (_, index) => [`f${index + 1}`, index]));
        const answer = await call('POST', '/predict_segment', { body: { model: name, customer: { ...customer, ...wide } } });

        if (version === null) {
            assertError(answer, 'conflict', name);
        } else if (kind === 'segments') {
            assert.equal(answer.status, 200, `${name}: ${answer.text}`);
            assert.equal(answer.body.model, name);
        } else {
            assertError(answer, 'invalid_argument', name);
        }
    }
});

test('a model that is not there and one that is not for the role are the same on every route', async () => {
    const requests = (model) => [
        ['GET', partOf(model, 'summary')],
        ['GET', partOf(model, 'about')],
        ['GET', partOf(model, 'publications')],
        ['GET', `/api/models/${encodeURIComponent(model)}/customers/7`],
        ['GET', `/segment_profile/1?model=${encodeURIComponent(model)}`],
        ['GET', `/recommendations/1?model=${encodeURIComponent(model)}`],
        ['POST', '/predict_segment', { body: { model, customer } }],
        ['POST', '/predict_segment', { body: { model, customers: [customer], explain: true, recommend: true } }],
        ['POST', '/predict_segment', { body: { model, customer: {} } }],
    ];

    for (const [index, request] of requests('secret').entries()) {
        const refused = await call(...request);
        const missing = await call(...requests('nobody')[index]);

        assertError(refused, 'not_found');
        assertError(missing, 'not_found');
        assert.equal(refused.text.replaceAll('secret', 'nobody'), missing.text);
        assertError(await callOutsider(...requests('shop')[index]), 'not_found');
    }
});

test('what a request asks is checked', async () => {
    const bad = [
        [{}, 'model'], [[], 'object'], ['null', 'object'], ['3', 'object'], [{ model: 'shop' }, 'customer'], [{ model: 3, customer }, 'model'],
        [{ model: '', customer }, 'model'], [{ model: 'shop', customer, customers: [customer] }, 'customer'], [{ model: 'shop', customer: [] }, 'object'],
        [{ model: 'shop', customer: null }, 'object'], [{ model: 'shop', customer: 'x' }, 'object'], [{ model: 'shop', customers: {} }, 'array'], [{ model: 'shop', customers: [] }, '1 to 1000'],
        [{ model: 'shop', customers: [customer, 3] }, 'customer 2'], [{ model: 'shop', customers: Array(1001).fill(customer) }, '1 to 1000'],
        [{ model: 'shop', customer, explain: 'yes' }, 'explain'], [{ model: 'shop', customer, recommend: 1 }, 'recommend'], [{ model: 'shop', customer, value_model: 1 }, 'value_model'],
        [{ model: 'shop', customers: [customer], changes: [{}] }, 'changes'], [{ model: 'shop', customer, changes: [{}], explain: true }, 'changes'], [{ model: 'shop', customer, changes: [{}], value_model: 'worth' }, 'changes'],
        [{ model: 'shop', customer, changes: [] }, '1 to 1000'], [{ model: 'shop', customer, changes: Array(1001).fill({}) }, '1 to 1000'], [{ model: 'shop', customer, changes: {} }, 'array'],
        [{ model: 'shop', customer, changes: [{}, null] }, 'change 2'], [{ model: 'shop', customer, changes: [{}, { recency: 'soon' }] }, 'change 2'],
        [{ model: 'shop', customer, explian: true }, 'explian'], [{ model: 'shop', customers: [customer, { ...customer, recency: 'soon' }] }, 'customer 2'],
    ];

    for (const [body, word] of bad) {
        const answer = await call('POST', '/predict_segment', { body: typeof body === 'string' ? body : JSON.stringify(body) });

        assertError(answer, 'invalid_argument', JSON.stringify(body));
        assert.ok(answer.body.error.message.includes(word), `${word}: ${answer.text}`);
    }
    assert.equal((await call('POST', '/predict_segment', { body: { model: 'shop', customers: Array(1000).fill(customer) } })).body.customers.length, 1000);
});

test('another method than the address takes is told which one it takes', async () => {
    for (const [address, allowed] of [['/api/models', 'GET, HEAD'], [partOf('shop', 'summary'), 'GET, HEAD'], ['/predict_segment', 'POST'], ['/segment_profile/1?model=shop', 'GET, HEAD'], ['/healthz', 'GET, HEAD'], ['/openapi.yaml', 'GET, HEAD']]) {
        for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].filter((word) => !allowed.includes(word))) {
            const answer = await call(method, address, method === 'GET' ? {} : { body: '{}' });

            assertError(answer, 'method', `${method} ${address}`);
            assert.equal(answer.headers.get('allow'), allowed);
        }
    }
    assert.equal((await call('HEAD', '/api/models')).status, 200);
});

test('customers are looked up where the administrator has named their source', async () => {
    const { body } = await call('GET', '/api/models/shop/customers/8');
    const told = JSON.parse(await value("SELECT custseg.predict_json('shop', to_jsonb(c))::text FROM shop.customers c WHERE id = 8"));

    for (const [key, found] of Object.entries(told)) {
        assert.deepEqual(body[key], found);
    }
    assert.deepEqual(Object.keys(body.customer).sort(), ['channel', 'frequency', 'member', 'monetary', 'recency']);
    assertError(await call('GET', '/api/models/shop/customers/999999'), 'not_found');
    assertError(await call('GET', "/api/models/shop/customers/8'%20OR%20true"), 'not_found');
    assertError(await call('GET', '/api/models/shop/customers/99999999999999999999'), 'not_found');
    assertError(await call('GET', '/api/models/gmm/customers/8'), 'not_found');
    assertError(await call('GET', '/api/models/kmeans/customers/north'), 'conflict');
    assertError(await callOutsider('GET', '/api/models/shop/customers/8'), 'not_found');
});

test('the history of a customer is for the owner of the model, and customers like one for whoever reads the source', async () => {
    const owner = await startDashboard({ PGUSER: 'postgres', CUSTSEG_ROLE: 'dash_owner', CUSTSEG_LOOKUPS: '{"shop": {"source": "shop.customers", "key": "id"}, "kmeans": {"source": "shop.customers", "key": "id"}}' });

    try {
        const { body } = await caller(owner.url)('GET', '/api/models/shop/customers/5/history');
        const told = JSON.parse(await value("SELECT jsonb_agg(to_jsonb(h) - 'i' ORDER BY i DESC)::text FROM custseg.segment_history('shop', 5) WITH ORDINALITY h (at, kind, from_segment, from_name, to_segment, to_name, version, cause, reason, i)"));

        assert.equal(told.length, 2);
        assert.deepEqual(body, { model: 'shop', customer: '5', history: told });
        assert.deepEqual((await caller(owner.url)('GET', '/api/models/kmeans/customers/5/history')).body.history, []);
    } finally {
        await owner.stop();
    }
    assert.deepEqual((await call('GET', '/api/models/shop/customers/5/history')).body, { model: 'shop', customer: '5', history: null });
    const { body: like } = await call('GET', '/api/models/shop/customers/8/similar');
    const near = JSON.parse(await value("SELECT jsonb_agg(to_jsonb(s))::text FROM custseg.similar_customers('shop', 'shop.customers', 8, 10) s"));

    assert.equal(near.length, 10);
    assert.deepEqual(like, { model: 'shop', customer: '8', similar: near });
    for (const what of ['history', 'similar']) {
        assertError(await call('GET', `/api/models/shop/customers/999999/${what}`), 'not_found');
        assertError(await call('GET', `/api/models/shop/customers/8'%20OR%20true/${what}`), 'not_found');
        assertError(await call('GET', `/api/models/gmm/customers/8/${what}`), 'not_found');
        assertError(await callOutsider('GET', `/api/models/shop/customers/8/${what}`), 'not_found');
    }
});

// Customers as JSON texts: those of the table, and values at the edges, where JavaScript would change what PostgreSQL reads.
const edges = [
    '{"recency": 1e400, "frequency": 5, "monetary": 200, "channel": "web", "member": false}',
    '{"recency": -1e400, "frequency": 5, "monetary": 200, "channel": "web", "member": false}',
    '{"recency": 1e-400, "frequency": 5, "monetary": 200, "channel": "web", "member": false}',
    '{"recency": 10, "frequency": 9007199254740993, "monetary": 200, "channel": "web", "member": false}',
    '{"recency": 10, "frequency": 5, "monetary": 9007199254740993.000000000001, "channel": "web", "member": false}',
    '{"recency": 10, "frequency": 5, "monetary": "NaN", "channel": "web", "member": false}',
    '{"recency": 10, "frequency": 5, "monetary": "Infinity", "channel": "web", "member": false}',
    '{"recency": null, "frequency": null, "monetary": null, "channel": null, "member": null}',
    '{"recency": 10, "frequency": 5, "monetary": 200, "channel": "pigeon", "member": false}',
    '{"recency": 10, "frequency": 5, "monetary": 200, "member": false}',
    '{}',
    '{"recency": "10", "frequency": 5, "monetary": 200, "channel": "web", "member": false}',
    '{"recency": "ten", "frequency": 5, "monetary": 200, "channel": "web", "member": false}',
    '{"recency": [10], "frequency": 5, "monetary": 200, "channel": "web", "member": false}',
    '{"recency": {"a": 1}, "frequency": 5, "monetary": 200, "channel": "web", "member": false}',
    '{"recency": 10, "frequency": 5, "monetary": 200, "channel": "web", "member": "maybe"}',
    '{"recency": 10, "frequency": 5, "monetary": 200, "channel": "web", "member": 1}',
    '{"recency": 10, "recency": 300, "frequency": 5, "monetary": 200, "channel": "web", "member": false}',
    '{"recency": 10, "frequency": 5, "monetary": 200, "channel": "web\\u0000", "member": false}',
    '{"recency": 10, "frequency": 5, "monetary": 200, "channel": "\\ud83d", "member": false}',
    '{"recency": 10.5, "frequency": -5, "monetary": 0.1, "channel": "", "member": true, "more": {"deep": [1, [2, [3]]]}}',
    '{"__proto__": {"recency": 1}, "recency": 10, "frequency": 5, "monetary": 200, "channel": "web", "member": false}',
];

/** Returns what psql says of a customer: the text of the answer, or the SQLSTATE. */
async function bySql(model, text) {
    try {
        return { text: await value("SELECT custseg.predict_json($1, $2::jsonb -> 'c')::text", [model, `{"c": ${text}}`]) };
    } catch (error) {
        return { sqlstate: error.code };
    }
}

/** Throws unless the interface says of a customer what psql says. */
async function compare(model, text) {
    const expected = await bySql(model, text);
    const answer = await call('POST', '/predict_segment', { body: `{"model": ${JSON.stringify(model)}, "customer": ${text}}` });

    assert.deepEqual(answer.status === 200 ? { text: answer.text } : { sqlstate: answer.body.error.sqlstate }, expected, text);
    if (answer.status !== 200) {
        assertError(answer, 'invalid_argument', text);
    }
    return expected;
}

test('200 customers get by REST what psql says, to the digit', async () => {
    const { rows } = await database.query('SELECT to_jsonb(c)::text AS text FROM shop.customers c ORDER BY id LIMIT 200');
    const texts = [];

    for (const { text } of rows) {
        texts.push((await compare('shop', text)).text);
    }
    const together = await call('POST', '/predict_segment', { body: `{"model": "shop", "customers": [${rows.map((row) => row.text).join(',')}]}` });

    assert.equal(together.text, `{"customers": [${texts.join(', ')}]}`);
});

test('values at the edges get by REST what psql says, or its SQLSTATE', async () => {
    const states = new Set();

    for (const model of ['shop', 'gmm', 'dbscan', 'tree', 'rules']) {
        for (const text of edges) {
            states.add((await compare(model, text)).sqlstate);
        }
    }
    for (const state of ['22P05', '22P02', '42703']) {
        assert.ok(states.has(state), `${state} is not among ${[...states]}`);
    }
});

test('an answer that a client has is not sent again, and long ones are compressed', async () => {
    const address = partOf('forty', 'profile');
    const first = await call('GET', address, { headers: { 'accept-encoding': 'gzip' } });
    const again = await call('GET', address, { headers: { 'if-none-match': first.headers.get('etag') } });
    const plain = await call('GET', address, { headers: { 'accept-encoding': 'identity' } });

    assert.equal(first.headers.get('content-encoding'), 'gzip');
    assert.equal(plain.headers.get('content-encoding'), null);
    assert.equal(first.text, plain.text);
    assert.equal(again.status, 304);
    assert.equal(again.text, '');
    assert.match(first.headers.get('cache-control'), /private/);
    assertError(await callOutsider('GET', address, { headers: { 'if-none-match': first.headers.get('etag') } }), 'not_found');
});

test('a new publication is shown at once, and a grant that was taken back counts at once', async () => {
    await database.query("SELECT custseg.publish('publications', 'shop.customers')");
    const first = await call('GET', partOf('publications', 'summary'));

    assert.notEqual(first.body.body, null);
    await database.query("SELECT custseg.publish('publications', 'shop.customers')");
    assert.notEqual((await call('GET', partOf('publications', 'summary'))).body.as_of, first.body.as_of);
    await database.query("SELECT custseg.revoke_model('publications', 'reader')");
    assertError(await call('GET', partOf('publications', 'summary')), 'not_found');
    await database.query("SELECT custseg.grant_model('publications', 'reader')");
    assert.equal((await call('GET', partOf('publications', 'summary'))).status, 200);
});

// What each computation is by SQL, with the same numbers.
const computations = {
    roi: "SELECT jsonb_agg(to_jsonb(t)) FROM custseg.campaign_roi('SELECT 1 AS segment, 1000 AS n, 2.5 AS effect, 0.8 AS standard_error', '{\"margin\": 0.35, \"cost_per_customer\": 0.1}') t",
    what_if: "SELECT jsonb_agg(to_jsonb(t)) FROM custseg.what_if(NULL, 'SELECT 1 AS segment, 1000 AS n, 0.5 AS orders, 60 AS average_order, 0.35 AS margin, 0.02 AS churn', '[{\"name\": \"dearer\", \"price\": 0.05, \"elasticity\": -1.5}]') t",
    tornado: "SELECT jsonb_agg(to_jsonb(t)) FROM custseg.tornado(NULL, 'SELECT 1 AS segment, 1000 AS n, 0.5 AS orders, 60 AS average_order, 0.35 AS margin, 0.02 AS churn', '{\"n\": [-0.1, 0.1], \"churn\": [-0.01, 0.01]}') t",
    budget: "SELECT jsonb_agg(to_jsonb(t)) FROM custseg.allocate_budget('VALUES (1, ''exp'', 6000, 2000), (2, ''exp'', 9000, 1500)', 6000, '{\"unit\": 100}') t",
};

test('computations answer what their functions do', async () => {
    const example = (what) => description.paths[`/compute/${what}`].post.requestBody.content['application/json'].example;

    for (const [what, statement] of Object.entries(computations)) {
        const answer = await call('POST', `/compute/${what}`, { body: example(what) });

        assert.equal(answer.status, 200, answer.text);
        assert.deepEqual(answer.body.rows ?? answer.body.allocation, JSON.parse(await value(statement.replace('VALUES (1,', 'SELECT * FROM (VALUES (1,').replace("9000, 1500)'", "9000, 1500)) c (segment, curve, a, b)'"))), what);
        for (const body of [{}, { ...example(what), more: 1 }, { ...example(what), options: 3 }]) {
            assertError(await call('POST', `/compute/${what}`, { body }), 'invalid_argument', what);
        }
        assertError(await call('POST', `/compute/${what}`, { body: '{' }), 'bad_json');
    }
    const name = "'; DROP TABLE shop.customers; -- %L $1 \\";
    const { body } = await call('POST', '/compute/roi', { body: { rows: [{ ...example('roi').rows[0], name }], options: { margin: 0.5 } } });

    assert.ok(body.rows.some((row) => row.name === name));
    assertError(await call('POST', '/compute/roi', { body: { rows: Array(201).fill(example('roi').rows[0]) } }), 'invalid_argument');
});

test('what a customer is worth by the orders so far is what lifetime_value() says', async () => {
    const stated = { model: 'repeats', orders: 3, days_since_first: 200, days_since_last: 20, average_order: 12 };
    const { body, status, text } = await call('POST', '/compute/lifetime_value', { body: stated });
    const [row] = (await database.query("SELECT * FROM custseg.lifetime_value('repeats', 'SELECT 1 AS buyer, timestamp ''2000-01-01'' - make_interval(days => d) AS at, 12 AS amount FROM (VALUES (200), (110), (20)) v (d)', as_of => timestamptz '2000-01-01 00:00+00')")).rows;

    assert.equal(status, 200, text);
    assert.equal(String(body.rows[0].lifetime_value), row.lifetime_value);
    for (const model of ['nobody', 'secret', 'shop']) {
        assertError(await call('POST', '/compute/lifetime_value', { body: { ...stated, model } }), 'not_found', model);
    }
    assertError(await callOutsider('POST', '/compute/lifetime_value', { body: stated }), 'not_found');
    for (const wrong of [{ orders: 0 }, { orders: 1.5 }, { days_since_last: 300 }, { average_order: -1 }, { orders: 500 }, { model: '' }]) {
        assertError(await call('POST', '/compute/lifetime_value', { body: { ...stated, ...wrong } }), 'invalid_argument', JSON.stringify(wrong));
    }
});

const curves = [{ segment: 1, name: 'a "quoted" \\ name', curve: 'exp', a: 6000, b: 2000 }, { segment: 2, curve: 'hill', a: 9000, b: 3000, c: 2 }, { segment: 3, points: [[1000, 900], [4000, 2000]], high: 3000 }];
const baseline = [{ segment: 1, name: 'a', n: 1000, orders: 0.5, average_order: 60, margin: 0.35, churn: 0.02 }, { segment: 2, n: 200, orders: 2, average_order: 90, margin: 0.4, churn: 0.01 }];

test('POST /compute/… refuses what is broken, or would keep the database at work', async () => {
    const many = Array.from({ length: 201 }, () => baseline[0]);

    for (const [what, body, code = 'invalid_argument'] of [
        ['budget', '{"curves": [', 'bad_json'],
        ['budget', '[]'],
        ['budget', { curves: [], budget: 1 }],
        ['budget', { curves: [1], budget: 1 }],
        ['budget', { curves, budget: 'x' }],
        ['budget', { curves, budget: -1 }],
        ['budget', { curves, budget: 6000, options: { unit: 1 } }],
        ['budget', { curves, budget: 6000, options: { colour: 1 } }],
        ['budget', { curves: [{ segment: 1, curve: "exp'); DROP TABLE x; --", a: 1, b: 1 }], budget: 1 }],
        ['budget', '{"curves": [{"name": "x", "curve": "exp", "a": 1e400, "b": 1}], "budget": 5}'],
        ['what_if', { baseline, scenarios: [{ name: 'x', colour: 1 }] }],
        ['what_if', { baseline: many, scenarios: [{}] }],
        ['what_if', { baseline, scenarios: Array.from({ length: 51 }, () => ({})) }],
        ['what_if', { baseline, scenarios: [{}], options: { n_periods: 1e9 } }],
        ['tornado', { baseline, levers: [] }],
        ['tornado', { baseline: [{ segment: 1, n: -5 }], levers: { n: [0, 1] } }],
        ['roi', { rows: [{ n: 'x', effect: 1 }] }],
        ['roi', { rows: many.map(() => ({ n: 1, effect: 1 })) }],
        ['roi', { rows: [{ n: 1, effect: 1 }], options: [] }],
    ]) {
        assertError(await call('POST', `/compute/${what}`, { body }), code, `${what} ${JSON.stringify(body)}`);
    }
    assertError(await call('GET', '/compute/roi'), 'method');
});

test('a part about one of several things goes by key', async () => {
    const experiments = (await call('GET', partOf('club', 'experiments'))).body.body.map((row) => row.experiment);

    assert.deepEqual(experiments.sort(), ['autumn <i>"1"</i>', 'spring', 'winter']);
    for (const experiment of experiments) {
        assert.equal((await call('GET', `${partOf('club', 'experiment')}?key=${encodeURIComponent(experiment)}`)).body.body.experiment, experiment);
    }
    assert.equal((await call('GET', partOf('club', 'experiment'))).body.body.experiment, 'spring');
    assert.equal((await call('GET', `${partOf('club', 'experiment')}?key=nothing`)).body.body, null);
    assert.equal((await call('GET', `${partOf('shop', 'experiment')}?key=spring`)).body.body, null);
});

test('reports: a file that may load nothing, the same each time; errors as everywhere', async () => {
    const report = (model, kind, query = '') => `${partOf(model, 'report')}/${kind}${query}`;

    for (const kind of ['report', 'cards', 'playbook', 'dictionary', 'methodology', 'guide', 'slides']) {
        const answer = await call('GET', report('shop', kind));

        assert.equal(answer.status, 200, answer.text.slice(0, 300));
        assert.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8');
        assert.match(answer.headers.get('content-security-policy'), /^default-src 'none'; style-src 'unsafe-inline'/);
        assert.match(answer.text, /^<!DOCTYPE html>/);
        assert.ok((await call('GET', report('shop', kind))).text === answer.text, kind);
        assert.equal((await call('GET', report('shop', kind), { headers: { 'if-none-match': answer.headers.get('etag') } })).status, 304);
    }
    const first = await value("SELECT to_json(min(published_at)) #>> '{}' FROM custseg.report WHERE model = 'shop'");

    assert.ok((await call('GET', report('shop', 'report', `?at=${encodeURIComponent(first)}`))).text !== (await call('GET', report('shop', 'report'))).text);
    assert.match((await call('GET', report('kmeans', 'report', '?start=2026-12-07'))).text, /7 Dec 2026/);
    assert.doesNotMatch((await call('GET', report('<script>alert(1)</script>', 'slides'))).text, /<script|<img/);
    assertError(await call('GET', report('shop', 'novel')), 'not_found');
    assertError(await call('GET', report('shop', 'constructor')), 'not_found');
    assertError(await call('GET', report('nobody', 'report')), 'not_found');
    assertError(await call('GET', report('secret', 'report')), 'not_found');
    assertError(await callOutsider('GET', report('shop', 'report')), 'not_found');
    assertError(await call('GET', report('shop', 'report', '?start=tomorrow')), 'invalid_argument');
    assertError(await call('GET', report('shop', 'report', '?at=yesteryear')), 'invalid_argument');
    const waiting = await call('GET', report('waiting', 'report'));

    assertError(waiting, 'not_found');
    assert.match(waiting.body.error.hint, /SELECT \* FROM custseg\.publish\('waiting'\)/);
    assertError(await call('POST', report('shop', 'report'), { body: {} }), 'method');
});

test('health, readiness and the description', async () => {
    assert.deepEqual((await call('GET', '/healthz')).body, { status: 'ok' });
    assert.equal((await call('GET', '/readyz')).body.custseg, await value("SELECT extversion FROM pg_extension WHERE extname = 'custseg'"));
    assert.match((await call('GET', '/openapi.yaml')).text, /^openapi: 3\.1\.0\n/);
});

test('every path and method of openapi.yaml was called, and answered as it should', () => {
    for (const [template, operations] of Object.entries(description.paths)) {
        for (const method of Object.keys(operations)) {
            assert.ok(called.has(`${method.toUpperCase()} ${template} 200`), `${method} ${template} was never called with success`);
        }
    }
});
