// The pages in a real Chromium: every page by day and by night, wide and narrow, and what a reader does on them.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { count, exactMoney, money, percent } from '../web/format.js';
import { pages, roles } from '../web/pages.js';
import { address } from '../web/router.js';
import { assertCleanText, chromium, launch, openPage, pictureFaults, settle, violations, visit } from './support/browser.js';
import { root, startDashboard } from './support/dashboard.js';

const all = [...pages, ...roles];
const retail = path.join(process.env.CUSTSEG_DATA ?? '/nowhere', 'online_retail', 'online_retail.csv.xz');
const names = {
    hostile: '<script>alert(1)</script>',
    slashes: 'a/b%2Fc%/?d=e&f#g',
};

describe('in a browser', { skip: chromium ? false : 'no chromium', timeout: 1200000 }, () => {
    let dashboard;
    let browser;
    let client;

    before(async () => {
        dashboard = await startDashboard({ CUSTSEG_ROLE: 'reader', CUSTSEG_RATE_LIMIT: '0' });
        browser = await launch();
        client = new pg.Client({ database: 'dashboard' });
        await client.connect();
    });

    after(async () => {
        await client?.end();
        await browser?.close();
        await dashboard?.stop();
    });

    /** Opens a page of the dashboard and closes it at the end of a test; fails when anything went wrong in it. */
    async function withPage(options, work) {
        const { page, context, faults } = await openPage(browser, { origin: dashboard.url, ...options });

        try {
            await work(page, faults);
            assert.deepEqual(faults, []);
        } finally {
            await context.close();
        }
    }

    const at = (model, page, state) => dashboard.url + address(model, page, state);
    const rowsOf = async (text, ...values) => (await client.query(text, values)).rows;

    for (const [isDark, width] of [[false, 1360], [true, 1360], [false, 360], [true, 360]]) {
        test(`every page ${isDark ? 'by night' : 'by day'}, ${width} wide: axe, words, pictures`, async () => {
            await withPage({ isDark, width }, async (page) => {
                const found = [];
                for (const { name } of all) {
                    await visit(page, at('shop', name));
                    await assertCleanText(page, name);
                    found.push(...(await violations(page)).map((it) => `${name}: ${it}`), ...(await pictureFaults(page)).map((it) => `${name}: ${it}`));
                    const excess = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
                    if (excess > 0) found.push(`${name}: wider than the window by ${excess}`);
                }
                assert.deepEqual(found, []);
            });
        });
    }

    for (const model of [names.hostile, names.slashes, 'forty', 'wide', 'one', 'dbscan', 'hierarchical', 'waiting', 'repeats', 'worth']) {
        test(`every page of the model ${JSON.stringify(model)}`, async () => {
            await withPage({ width: model === names.hostile ? 360 : 1360 }, async (page) => {
                const found = [];
                for (const { name } of all) {
                    await visit(page, at(model, name));
                    await assertCleanText(page, name);
                    found.push(...(await pictureFaults(page)).map((it) => `${name}: ${it}`));
                    assert.equal(await page.locator('.failure').count(), 0, name);
                    assert.ok(await page.locator('.card, .notice').count() > 0, `${name} shows something`);
                }
                assert.equal(await page.locator('main img, main script').count(), 0);
                assert.deepEqual(found, []);
            });
        });
    }

    test('numbers are those of the database', async () => {
        const rows = await rowsOf('SELECT * FROM custseg.published_summary WHERE model = $1 ORDER BY total_value DESC', 'shop');
        const n = rows.reduce((sum, row) => sum + Number(row.n), 0);
        const value = rows.reduce((sum, row) => sum + row.total_value, 0);

        await withPage({}, async (page) => {
            await visit(page, at('shop', 'overview'));
            const tiles = await page.locator('#tiles dd.big').allTextContents();
            assert.deepEqual(tiles.slice(0, 3), [count(n), money(value, 'GBP'), percent(rows[0].value_share)]);
            const cells = await page.locator('#segment-table tbody tr').evaluateAll((lines) => lines.map((line) => [...line.children].map((it) => it.textContent)));
            assert.deepEqual(cells.map((line) => line.slice(0, 3)), rows.map((row) => [`${row.segment} ${row.name}`, count(row.n), percent(row.share)]));
            assert.deepEqual(cells.map((line) => line.slice(4, 7)), rows.map((row) => [exactMoney(row.total_value, 'GBP'), percent(row.value_share), exactMoney(row.value_per_customer, 'GBP')]));
        });
    });

    test('Online Retail: the champions are those of psql', { skip: existsSync(retail) ? false : 'no CUSTSEG_DATA' }, async () => {
        const psql = (input, ...more) => execFileSync('psql', ['-qAtX', '-v', 'ON_ERROR_STOP=1', '-d', 'online_retail', ...more], { input, encoding: 'utf8', maxBuffer: 1e9 });
        await client.query('CREATE DATABASE online_retail');
        try {
            psql('CREATE EXTENSION custseg');
            psql(execFileSync('xzcat', [retail], { maxBuffer: 1e9 }), '-f', path.join(root, '..', 'demo', 'online_retail.sql'));
            psql(`SET client_min_messages = error;
                SELECT custseg.train('retail', 'customers', features => '{recency,frequency,monetary}', k => 5, prep => '{"transform": "log1p"}');
                SELECT custseg.name_segment('retail', segment, 'champions') FROM custseg.segments ORDER BY (profile ->> 'monetary')::float8 DESC LIMIT 1;
                SELECT custseg.set_presentation('retail', '{"value": "monetary", "currency": "GBP"}');
                SELECT count(*) FROM custseg.publish('retail');
                CREATE ROLE retail_reader LOGIN;
                SELECT custseg.grant_model('retail', 'retail_reader');`);
            const told = psql(`SELECT to_char(n, 'FM999,999') || '|' || to_char(100 * n / sum(n) OVER (), 'FM990.0') || '|' || to_char(100 * v / sum(v) OVER (), 'FM990.0') || '|' || to_char(v, 'FM999,999,999')
                FROM (SELECT count(*) AS n, sum(monetary) AS v FROM customers c GROUP BY custseg.predict('retail', c)) s ORDER BY v DESC LIMIT 1`);
            const [n, share, valueShare, value] = told.trim().split('|');
            const own = await startDashboard({ PGDATABASE: 'online_retail', PGUSER: 'retail_reader' });
            const { page, context } = await openPage(browser);
            try {
                await visit(page, own.url + address('retail', 'overview'));
                const line = await page.locator('#segment-table tbody tr', { hasText: 'champions' }).evaluate((it) => [...it.children].map((cell) => cell.textContent));
                assert.deepEqual(line.slice(1, 5), [n, `${share}\u00a0%`, `£${value}`, `${valueShare}\u00a0%`]);
            } finally {
                await context.close();
                await own.stop();
            }
        } finally {
            await client.query('DROP DATABASE IF EXISTS online_retail WITH (FORCE)');
            await client.query('DROP ROLE IF EXISTS retail_reader');
        }
    });

    test('a link to a card shows the card', async () => {
        await withPage({}, async (page) => {
            await visit(page, `${at('shop', 'segments', { segment: 2 })}#levels`);
            const box = await page.locator('#levels').boundingBox();
            assert.ok(box.y > -50 && box.y < 800, `the card is at ${box.y}`);
            assert.ok((await page.locator('#levels .actions a').getAttribute('href')).endsWith('/m/shop/segments?segment=2#levels'));
        });
    });

    test('a segment is chosen by keyboard, its state is in the address, and Back returns', async () => {
        await withPage({}, async (page) => {
            await visit(page, at('shop', 'overview'));
            await page.locator('#segment-table a').first().focus();
            const [name] = await page.locator('#segment-table a').allTextContents();
            await page.keyboard.press('Enter');
            await settle(page);
            assert.match(page.url(), /\/m\/shop\/segments\?segment=\d/);
            assert.match(await page.locator('#action').textContent(), /early access/);
            const field = page.getByRole('group', { name: 'Segments of this page' }).getByLabel('Segment');
            assert.equal(await field.evaluate((it) => it.selectedOptions[0].textContent), name);
            await field.focus();
            const before = page.url();
            await page.keyboard.press(await field.evaluate((it) => it.selectedIndex) === 0 ? 'ArrowDown' : 'ArrowUp');
            await page.waitForFunction((url) => location.href !== url, before);
            const chosen = await field.evaluate((it) => it.selectedOptions[0].textContent);
            assert.notEqual(chosen, name);
            await page.reload();
            await settle(page);
            assert.equal(await page.getByRole('group', { name: 'Segments of this page' }).getByLabel('Segment').evaluate((it) => it.selectedOptions[0].textContent), chosen);
            await page.goBack();
            await settle(page);
            assert.match(page.url(), /\/overview$/);
        });
    });

    test('three segments are compared', async () => {
        await withPage({}, async (page) => {
            await visit(page, at('shop', 'compare'));
            await page.locator('[aria-label="Segments of this page"] select').nth(2).selectOption({ index: 1 });
            await page.waitForURL(/segments=/);
            await settle(page);
            assert.equal(await page.locator('#comparison thead th').count(), 5);
            await page.locator('#compare-radar summary').click();
            assert.match(await page.locator('#compare-radar table').textContent(), /All customers/);
            await page.waitForURL(/data=compare-radar/);
            const [shown] = [await page.locator('#comparison table').textContent()];
            await visit(page, page.url());
            assert.equal(await page.locator('#comparison table').textContent(), shown);
            assert.ok(await page.locator('#compare-radar table').isVisible());
        });
    });

    test('every chart has its numbers as a table, and a sentence before it', async () => {
        await withPage({}, async (page) => {
            for (const { name } of pages) {
                await visit(page, at('shop', name));
                for (const card of await page.locator('.card:has(.chart)').all()) {
                    const id = await card.getAttribute('id');
                    assert.ok((await card.locator('.sentence').textContent()).trim().endsWith('.'), `${id}: a sentence`);
                    assert.ok((await card.locator('.chart').getAttribute('aria-label')).length > 20, `${id}: a label`);
                    await card.locator('summary').focus();
                    await page.keyboard.press('Enter');
                    await card.locator('table tbody tr').first().waitFor();
                    await page.keyboard.press('Enter');
                }
            }
        });
    });

    test('a card is saved as CSV, SVG and PNG', async () => {
        const rows = await rowsOf('SELECT * FROM custseg.published_summary WHERE model = $1', 'shop');
        const save = async (page, card, kind) => {
            const [download] = await Promise.all([page.waitForEvent('download'), page.locator(`#${card}`).getByRole('button', { name: kind, exact: false }).click()]);
            assert.equal(download.suggestedFilename(), `shop_${card}.${kind.toLowerCase()}`);
            return readFileSync(await download.path());
        };

        // a page of its own for each card: Chromium drops what a page downloads beyond ten files in a second
        for (const card of ['customers-and-value', 'segment-table', 'tiles', 'donut', 'descriptions']) {
            await withPage({}, async (page) => {
                await visit(page, at('shop', 'overview'));
                const text = (await save(page, card, 'CSV')).toString();
                assert.equal(text[0], '\ufeff');
                assert.ok(text.split('\r\n').length > 4, card);
                if (card === 'customers-and-value') for (const row of rows) assert.ok(text.includes(`${row.segment} ${row.name},${row.n},${row.share},${row.total_value},${row.value_share}`), text);
                const svg = (await save(page, card, 'SVG')).toString();
                assert.match(svg, /^<svg xmlns=/);
                assert.doesNotMatch(svg, /<script|href="http|NaN|undefined/);
                const png = await save(page, card, 'PNG');
                assert.deepEqual([...png.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
                assert.ok(png.length > 2000, card);
            });
        }
    });

    test('an earlier publication, another model, and what does not exist', async () => {
        const [newest, earlier] = (await rowsOf('SELECT DISTINCT to_json(published_at) #>> \'{}\' AS at FROM custseg.report WHERE model = $1 ORDER BY 1 DESC', 'shop')).map((row) => row.at);

        await withPage({}, async (page, faults) => {
            await visit(page, at('shop', 'overview'));
            await page.getByLabel('As of').selectOption(earlier);
            await page.waitForURL(/at=/);
            await settle(page);
            assert.equal(new URL(page.url()).searchParams.get('at'), earlier);
            assert.notEqual(newest, earlier);
            await page.getByRole('link', { name: 'Segments', exact: true }).click();
            await settle(page);
            assert.equal(new URL(page.url()).searchParams.get('at'), earlier);
            await page.getByLabel('Model').selectOption(names.slashes);
            await settle(page);
            assert.equal(page.url(), at(names.slashes, 'segments'));
            assert.match(await page.locator('h1').textContent(), /a\/b%2Fc%\/\?d=e&f#g/);
            assert.deepEqual(faults, []);
            for (const unknown of ['no such model', 'secret']) {
                await page.goto(at(unknown, 'overview'));
                await page.locator('.failure').waitFor();
                assert.match(await page.locator('.failure').first().textContent(), /./);
            }
            faults.splice(0);
            await page.goto(at('shop', 'nowhere'));
            await page.getByText('does not exist').waitFor();
            await page.goto(dashboard.url);
            await page.waitForURL(/\/m\/.*\/overview/);
        });
    });

    test('all is reached by keyboard', async () => {
        await withPage({}, async (page) => {
            await visit(page, at('shop', 'overview'));
            await page.keyboard.press('Tab');
            assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the content');
            const reached = new Set();
            for (let i = 0; i < 200; i += 1) {
                await page.keyboard.press('Tab');
                const what = await page.evaluate(() => {
                    const it = document.activeElement;
                    if (it === document.body) return null;
                    const style = getComputedStyle(it);
                    return { key: `${it.tagName} ${it.getAttribute('aria-label') ?? it.textContent.slice(0, 60)} ${it.closest('.card')?.id ?? ''}`, isSeen: style.outlineStyle !== 'none' };
                });
                if (what === null) break;
                assert.ok(what.isSeen, `${what.key}: the focus is seen`);
                reached.add(what.key);
            }
            const wanted = await page.evaluate(() => [...document.querySelectorAll('main a[href], main button, main summary, main select, main input, main [tabindex="0"]')].filter((it) => it.checkVisibility())
                .map((it) => `${it.tagName} ${it.getAttribute('aria-label') ?? it.textContent.slice(0, 60)} ${it.closest('.card')?.id ?? ''}`));
            assert.deepEqual(wanted.filter((it) => !reached.has(it)), []);
        });
    });

    test('the server goes and comes back', async () => {
        const own = await startDashboard({ CUSTSEG_ROLE: 'reader' });
        const port = new URL(own.url).port;
        let next = null;
        const { page, context } = await openPage(browser);

        try {
            await visit(page, own.url + address('shop', 'overview'));
            const left = Date.now();
            await own.stop();
            await page.locator('.outage').waitFor({ timeout: 6000 });
            assert.ok(Date.now() - left < 5000, `told after ${Date.now() - left} ms`);
            assert.ok(await page.locator('#tiles dd.big').first().isVisible(), 'what was there stays');
            await page.getByRole('link', { name: 'Importance', exact: true }).click();
            await page.locator('.failure').first().waitFor();
            next = await startDashboard({ CUSTSEG_ROLE: 'reader', CUSTSEG_PORT: port });
            const back = Date.now();
            await page.locator('#importance .chart').waitFor({ timeout: 10000 });
            assert.ok(Date.now() - back < 5000, `back after ${Date.now() - back} ms`);
            assert.equal(await page.locator('.outage').count(), 0);
        } finally {
            await context.close();
            await next?.stop();
        }
    });

    test('who comes back after a while sees what was published meanwhile', async () => {
        await withPage({}, async (page) => {
            await page.clock.install();
            await page.goto(at('shop', 'overview'));
            await page.clock.runFor(3000);
            await page.locator('#tiles dd.big').first().waitFor();
            const asked = [];
            page.on('request', (request) => { if (new URL(request.url()).pathname.endsWith('/summary')) asked.push(request.url()); });
            await page.evaluate(() => Object.defineProperty(document, 'visibilityState', { get: () => window.isAway ? 'hidden' : 'visible' }));
            await page.evaluate(() => { window.isAway = true; });
            await page.clock.runFor(400_000);
            assert.equal(asked.length, 0, 'a page that nobody sees asks for nothing');
            await page.evaluate(() => { window.isAway = false; });
            await page.clock.runFor(5000);
            await page.waitForTimeout(500);
            await page.clock.runFor(2000);
            assert.equal(asked.length, 1);
            assert.ok(await page.locator('#tiles dd.big').first().isVisible());
        });
    });

    for (const width of [1360, 360]) {
        test(`nothing moves while a page loads, ${width} wide`, async () => {
            const visits = [...all.map(({ name }) => ['shop', name]), ...['overview', 'business', 'experiments', 'watch', 'customer', 'executive'].map((name) => ['club', name]),
                ...['waiting', 'worth', 'forty', 'no such model'].flatMap((model) => ['overview', 'compare'].map((name) => [model, name]))];

            await withPage({ width }, async (page, faults) => {
                await page.addInitScript(() => {
                    window.shift = 0;
                    new PerformanceObserver((list) => { for (const it of list.getEntries()) if (!it.hadRecentInput) window.shift += it.value; }).observe({ type: 'layout-shift', buffered: true });
                });
                for (const [model, name] of visits) {
                    await visit(page, at(model, name));
                    const shift = await page.evaluate(() => window.shift);
                    assert.ok(shift < 0.05, `${model}, ${name}: a shift of ${shift}`);
                }
                // of the model that is not there the browser notes the 404
                for (let i = faults.length - 1; i >= 0; i--) if (/\b404\b/.test(faults[i])) faults.splice(i, 1);
            });
        });
    }

    test('the page is small', async () => {
        const assets = path.join(root, 'dist', 'assets');
        const size = (file) => statSync(path.join(assets, `${file}.gz`)).size;
        const files = readdirSync(assets);
        const html = readFileSync(path.join(root, 'dist', 'index.html'), 'utf8');
        const first = files.filter((file) => file.endsWith('.js') && html.includes(`/assets/${file}`)).reduce((sum, file) => sum + size(file), 0);
        const scripts = files.filter((file) => file.endsWith('.js')).reduce((sum, file) => sum + size(file), 0);
        const styles = files.filter((file) => file.endsWith('.css')).reduce((sum, file) => sum + size(file), 0);

        assert.ok(first > 1000 && first <= 20_000, `script first: ${first}`);
        assert.ok(scripts > first && scripts <= 270_000, `all scripts: ${scripts}`);
        assert.ok(styles > 500 && styles <= 8_000, `styles: ${styles}`);
        assert.doesNotMatch(html, /<script(?![^>]*\ssrc=)|\son\w+=|https?:/);
    });
});
