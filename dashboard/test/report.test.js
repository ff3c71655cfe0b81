// Reports: every kind of every model, as files and as a browser prints them.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { NoPublication, readPublication, statement } from '../report/publication.js';
import { kinds, render } from '../report/render.js';
import { connection } from '../report/main.js';
import { reports } from '../web/pages.js';
import { measure } from './support/report-measure.js';

const main = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'report', 'main.js');
const largest = 200000;

let database;
let models;				// those with a publication
const publications = new Map();

before(async () => {
    database = new pg.Client();
    await database.connect();
    models = (await database.query("SELECT p.model FROM custseg.published p JOIN custseg.model m ON m.name = p.model WHERE m.kind = 'segments' ORDER BY 1")).rows.map((row) => row.model);
    for (const model of models) publications.set(model, await read(model));
});

after(() => database.end());

/** Returns what the statement finds of a model, or undefined. */
async function find(model, at = null) {
    return (await database.query(statement, [model, at])).rows[0]?.body;
}

async function read(model, at = null) {
    return readPublication(await find(model, at));
}

const files = new Map();

/** Returns a report as it was drawn first. */
function drawn(kind, model) {
    const key = JSON.stringify([kind, model]);

    if (!files.has(key)) files.set(key, render(kind, publications.get(model)));
    return files.get(key);
}

/** Returns the tags of a document as {name, attributes}, and its text; throws where it is not well-formed enough to tell. */
function parse(html) {
    const tags = [];
    const style = /<style>([\s\S]*?)<\/style>/.exec(html)[1];
    const rest = html.replace(/<style>[\s\S]*?<\/style>/, '');
    const text = rest.replace(/<(!DOCTYPE html|\/?[a-zA-Z][a-zA-Z0-9]*)((?:\s+[a-zA-Z:-]+="[^"]*")*)\s*\/?>/g, (_, name, attributes) => {
        tags.push({ name: name.toLowerCase(), attributes: Object.fromEntries([...attributes.matchAll(/([a-zA-Z:-]+)="([^"]*)"/g)].map(([, key, value]) => [key, value])) });
        return ' ';
    });
    const stray = /.{0,60}[<>].{0,60}/s.exec(text);

    assert.equal(stray?.[0], undefined, 'an angle bracket is neither a tag nor escaped');
    return { tags, style, text };
}

const elements = new Set(['!doctype html', 'html', 'head', 'meta', 'title', 'style', 'body', 'main', 'section', 'article', 'header', 'footer', 'div', 'span', 'p', 'h1', 'h2', 'h3', 'ul', 'ol', 'li',
    'table', 'thead', 'tbody', 'tr', 'th', 'td', 'dl', 'dt', 'dd', 'b', 'i', 'br', 'bdi', 'wbr', 'pre', 'code', 'svg', 'g', 'path', 'rect', 'circle', 'text', 'polyline', 'polygon', 'line', 'defs', 'clippath', 'ellipse']);
const names = /^(?:lang|charset|http-equiv|content|name|class|style|role|aria-label|tabindex|viewBox|width|height|d|fill|fill-opacity|stroke|stroke-[a-z]+|transform|x|y|dy|x1|x2|y1|y2|cx|cy|r|rx|ry|points|text-anchor|font-size|font-weight|clip-path|id|opacity|paint-order)$/;

test('every kind of every model is a small file without script and address, and the same twice', () => {
    assert.ok(models.length >= 12, `models of the fixture: ${models}`);
    for (const [model, data] of publications) {
        for (const kind of Object.keys(kinds)) {
            const what = `${kind} of ${model}`;
            const html = drawn(kind, model);
            const { tags, style, text } = parse(html);

            assert.ok(render(kind, structuredClone(data)) === html, `${what} has other bytes`);
            assert.ok(Buffer.byteLength(html) <= largest, `${what} has ${Buffer.byteLength(html)} bytes`);
            for (const { name, attributes } of tags) {
                assert.ok(elements.has(name.replace(/^\//, '')), `${what}: element ${name}`);
                for (const [key, value] of Object.entries(attributes)) {
                    assert.match(key, names, `${what}: attribute ${key} of ${name}`);
                    assert.doesNotMatch(value.replace(/url\(#[\w-]+\)/g, ''), key === 'content' || key === 'aria-label' ? /^$a/ : /url\(|\/\/|javascript:|expression/i, `${what}: ${key} of ${name}`);
                }
            }
            assert.doesNotMatch(style, /url\(|@import|\/\//, what);
            assert.equal(/.{0,40}(?:\b(?:undefined|NaN|null|Infinity)\b|\[object).{0,40}/.exec(text.replaceAll('(null)', ''))?.[0], undefined, what);
            assert.equal(/.{0,40}(?:−0(?:\.0+)?(?![\d.])|-0\.0).{0,40}/.exec(text)?.[0], undefined, `${what}: minus zero`);
        }
    }
});

test('what a report is made of has no rows of the training', async () => {
    const { rows } = await database.query(`
        SELECT DISTINCT k.key
        FROM custseg.model_version v, jsonb_each(to_jsonb(v)) k
        WHERE k.key IN ('donors', 'parameters', 'reduction') OR jsonb_typeof(k.value) = 'array' AND k.key <> 'id_types'`);
    const rest = rows.map((row) => row.key);

    assert.ok(rest.includes('points') && rest.includes('parameters'), `columns with values of customers: ${rest}`);
    for (const [model, data] of publications) {
        assert.deepEqual(rest.filter((column) => column in (data.facts.training ?? {})), [], model);
    }
});

test('the same publication gives the same bytes after others were published, and another one other bytes', async () => {
    const times = (await database.query("SELECT DISTINCT to_json(published_at) #>> '{}' AS at FROM custseg.report WHERE model = 'shop' ORDER BY 1")).rows.map((row) => row.at);

    assert.ok(times.length >= 2);
    const [first, second] = await Promise.all(times.map((at) => read('shop', at)));

    assert.ok(render('report', first) !== render('report', second));
    assert.ok(render('report', second) === render('report', await read('shop')));
    assert.equal((await read('shop', times[0])).about.published_at, first.about.published_at);
});

test('numbers are psql’s', async () => {
    const { rows: [row] } = await database.query(`
        SELECT s.name, to_char(s.n, 'FM999,999,999') AS n, to_char(round(100 * s.share::numeric, 1), 'FM990.0') AS share, to_char(round(100 * s.value_share::numeric, 1), 'FM990.0') AS value_share,
            to_char(round((s.value_per_customer / a.each)::numeric, 1), 'FM990.0') AS times, (SELECT to_char(sum(n), 'FM999,999,999') FROM custseg.published_summary WHERE model = 'valued') AS total
        FROM custseg.published_summary s, (SELECT sum(total_value) / sum(n) AS each FROM custseg.published_summary WHERE model = 'valued') a
        WHERE s.model = 'valued' ORDER BY s.total_value DESC LIMIT 1`);
    const { text } = parse(render('report', publications.get('valued')));
    const flat = text.replace(/\s+/g, ' ').replaceAll('&amp;', '&');

    for (const told of [`${row.name} are ${row.share} % of the customers and bring ${row.value_share} % of the value`, `${row.times} times as much as the average customer`, `${row.n} customers, ${row.share} %`, `${row.total} customers`]) {
        assert.ok(flat.toLowerCase().includes(told.toLowerCase()), `${told} in: ${flat.slice(0, 700)}`);
    }
});

test('what the playbook says stands in the report, and what it does not say is a suggestion', async () => {
    const { text } = parse(render('playbook', publications.get('shop')));
    const { rows } = await database.query("SELECT count(*)::int AS n, count(*) FILTER (WHERE playbook ->> 'offer' IS NULL)::int AS bare FROM custseg.published_summary WHERE model = 'shop'");

    assert.match(text, /Early access\./);
    assert.equal(text.match(/· suggestion/g).length, rows[0].bare);
    assert.equal(text.match(/· playbook/g).length, rows[0].n - rows[0].bare);
});

test('what is not known is said with the SQL that changes it', () => {
    const { text } = parse(render('methodology', publications.get('kmeans')));
    const slides = parse(render('slides', publications.get('kmeans'))).text;

    assert.match(text, /Nobody has watched the model yet/);
    assert.match(text, /SELECT \* FROM custseg\.monitor\(&#39;kmeans&#39;/);
    assert.match(slides, /What they are worth|What the customers are worth is not known/);
    assert.match(parse(render('dictionary', publications.get('kmeans'))).text, /custseg\.set_presentation\(&#39;kmeans&#39;/);
    assert.match(parse(render('report', publications.get('dbscan'))).text, /in none|in no segment/);
});

test('the dictionary has what set_column_note() says', () => {
    const { text } = parse(render('dictionary', publications.get('valued')));

    assert.match(text, /Orders that were paid &lt;b&gt;\.\s+In orders\.\s+Allowed: 1 or more\. From the till, each night\. Kept by data team\./);
});

test('the pages link to every kind', () => {
    assert.deepEqual(reports.map((it) => it.kind).sort(), Object.keys(kinds).sort());
});

test('the roadmap has dates only where they are given', () => {
    const plain = parse(render('report', publications.get('kmeans'))).text;
    const dated = parse(render('report', publications.get('kmeans'), { start: '2026-12-07' })).text;

    assert.match(plain, /Dates of what is to come were not given/);
    assert.match(dated, /7 Dec 2026 to 20 Dec 2026/);
});

test('without a publication the error has the SQL that makes one', async () => {
    const body = await find('one') ?? await find('waiting');

    assert.equal(await find('no such model'), undefined);
    assert.throws(() => readPublication({ ...body, published_at: null, parts: null }), (error) => error instanceof NoPublication && /SELECT \* FROM custseg\.publish\('/.test(error.hint));
    const waiting = await find('waiting');

    assert.throws(() => readPublication(waiting), /Nothing was published of the model “waiting”/);
    const worth = await find('worth');

    assert.throws(() => readPublication(worth), /tells value and has no segments/);
});

/** Runs the command and returns {status, out, error}. */
function make(environment) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [main], { env: { ...process.env, ...environment }, encoding: 'utf8' });

    return { status, out: stdout.trim(), error: stderr.trim() };
}

test('the command writes a file, and says what is wrong', (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'custseg-reports-'));

    t.after(() => rmSync(folder, { recursive: true }));
    const written = make({ MODEL: 'shop', KIND: 'cards', OUT: folder });

    assert.equal(written.error, '');
    assert.ok(readFileSync(path.join(folder, 'shop-cards.html'), 'utf8') === render('cards', publications.get('shop')));
    const hostile = make({ MODEL: '<script>alert(1)</script>', OUT: folder });

    assert.equal(hostile.status, 0, hostile.error);
    assert.equal(path.dirname(hostile.out), folder);
    assert.match(make({ MODEL: 'shop', KIND: 'novel', OUT: folder }).error, /kinds are report, cards, playbook/);
    assert.match(make({ MODEL: 'waiting', OUT: folder }).error, /Nothing was published[\s\S]*SELECT \* FROM custseg\.publish\('waiting'\)/);
    assert.match(make({ MODEL: 'nobody', OUT: folder }).error, /there is no model "nobody"/);
    assert.match(make({ MODEL: '', OUT: folder }).error, /which model\? .*shop/);
    assert.match(make({ MODEL: 'shop', AS_OF: 'yesterday', OUT: folder }).error, /AS_OF=yesterday is no time/);
    assert.match(make({ MODEL: 'shop', AS_OF: '2001-01-01', OUT: folder }).error, /Nothing was published/);
    assert.equal(make({ MODEL: 'shop', OUT: path.join(folder, 'a.txt.html') }).status, 0);
    assert.equal(make({ MODEL: 'shop', PGDATABASE: 'postgres', OUT: folder }).error, 'report: the database has no custseg that publishes: CREATE EXTENSION custseg;');
});

test('DATABASE is a name, words or an address', () => {
    assert.deepEqual(pick(connection('shop', { PGUSER: 'me', PGHOST: '/run' })), { user: 'me', database: 'shop' });
    assert.deepEqual(pick(connection("dbname=shop user='o\\'hara' host=/tmp/x port=5433", {})), { user: "o'hara", database: 'shop', host: '/tmp/x', port: 5433 });
    assert.deepEqual(pick(connection('postgresql://me@db/shop', {})), { connectionString: 'postgresql://me@db/shop' });
});

function pick({ user, database: name, host, port, connectionString }) {
    return Object.fromEntries(Object.entries({ user, database: name, host, port, connectionString }).filter(([, value]) => value !== undefined));
}

const chromium = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((file) => file && existsSync(file));

test('as a browser prints them: pages, boxes that hold their text, contrast', { skip: chromium ? false : 'no chromium', timeout: 600000 }, async (t) => {
    const { chromium: driver } = await import('playwright-core');
    const browser = await driver.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu'] });

    t.after(() => browser.close());
    const page = await browser.newPage({ viewport: { width: 1360, height: 900 } });

    await page.emulateMedia({ media: 'print' });
    for (const [model, data] of publications) {
        for (const kind of Object.keys(kinds)) {
            const what = `${kind} of ${model}`;
            const html = drawn(kind, model);
            const n = data.summary.length;

            // the file forbids script, so that the page could not be measured
            await page.setContent(html.replace(/<meta http-equiv[^>]*>/, ''));
            assert.deepEqual(await page.evaluate(measure), [], what);
            const pages = (await page.pdf({ preferCSSPageSize: true })).toString('latin1').match(/\/Type \/Page\b/g).length;
            const sheets = html.match(/class="sheet/g)?.length ?? 0;

            if (kind === 'cards') assert.equal(pages, Math.ceil(n / 2), what);
            // a page with room for a second card has all segments instead
            assert.equal(html.includes('All segments side by side'), ['cards', 'report'].includes(kind) && n % 2 === 1 && n > 1, what);
            if (kind === 'slides') assert.ok(pages >= 15 && pages <= 20 && pages === sheets, `${what}: ${pages} pages, ${sheets} sheets`);
            if (kind === 'report') {
                assert.equal(sheets, 1 + Math.ceil(n / 2), what);
                assert.ok(pages > sheets, what);
            }
        }
    }
});

test('on a screen: nothing to scroll sideways, and axe finds nothing', { skip: chromium ? false : 'no chromium', timeout: 600000 }, async (t) => {
    const { chromium: driver } = await import('playwright-core');
    const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    const browser = await driver.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu'] });

    t.after(() => browser.close());
    for (const width of [1360, 360]) {
        const page = await browser.newPage({ viewport: { width, height: 900 } });

        for (const model of ['shop', 'forty', 'dbscan']) {
            for (const kind of Object.keys(kinds)) {
                await page.setContent(drawn(kind, model).replace(/<meta http-equiv[^>]*>/, ''));
                await page.evaluate(axe);
                const found = await page.evaluate(async () => (await globalThis.axe.run()).violations.map((it) => `${it.id}: ${it.nodes[0].html.slice(0, 200)}`));

                assert.deepEqual(found, [], `${kind} of ${model} at ${width} px`);
                assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width, `${kind} of ${model} at ${width} px is wider`);
            }
        }
    }
});

test('make writes the same PDF twice', { skip: chromium ? false : 'no chromium', timeout: 120000 }, (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'custseg-reports-'));
    const write = (name) => {
        const { status, error } = make({ MODEL: 'shop', KIND: 'report', OUT: path.join(folder, name), CHROMIUM: chromium });

        assert.equal(status, 0, error);
        return readFileSync(path.join(folder, name));
    };

    t.after(() => rmSync(folder, { recursive: true }));
    assert.ok(write('a.pdf').equals(write('b.pdf')));
    const hasTools = spawnSync('pdftotext', ['-v']).error === undefined;

    if (hasTools) assert.match(execFileSync('pdftotext', ['-f', '1', '-l', '1', path.join(folder, 'a.pdf'), '-'], { encoding: 'utf8' }), /Three actions/);
});
