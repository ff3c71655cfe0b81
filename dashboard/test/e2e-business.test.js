// The pages Business, Experiments, Watch and Customer in a real Chromium: what they look like, and what a reader does on them.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { exactMoney, percent } from '../web/format.js';
import { address } from '../web/router.js';
import { assertCleanText, chromium, launch, openPage, pictureFaults, settle, violations, visit } from './support/browser.js';
import { root, startDashboard } from './support/dashboard.js';
import { Postgres } from './support/postgres.js';

const own = ['business', 'experiments', 'watch', 'customer'];

describe('business, experiments, watch and customer in a browser', { skip: chromium ? false : 'no chromium', timeout: 900000 }, () => {
    let dashboard;
    let browser;
    let client;

    before(async () => {
        dashboard = await startDashboard({ CUSTSEG_ROLE: 'reader', CUSTSEG_RATE_LIMIT: '0', CUSTSEG_LOOKUPS: '{"club": {"source": "shop.club", "key": "id"}}' });
        browser = await launch();
        client = new pg.Client({ database: 'dashboard' });
        await client.connect();
    });

    after(async () => {
        await client?.end();
        await browser?.close();
        await dashboard?.stop();
    });

    /** Opens a page of a dashboard for a test; fails when anything went wrong in it. */
    async function withPage(work, { origin = dashboard.url, ...options } = {}) {
        const { page, context, faults } = await openPage(browser, { origin, ...options });

        try {
            await work(page, faults);
            assert.deepEqual(faults, []);
        } finally {
            await context.close();
        }
    }

    const ofOne = ['history', 'similar'];
    const at = (page, state, model = 'club') => dashboard.url + address(model, page, state);
    const one = async (text, ...values) => (await client.query(text, values)).rows[0];
    const sentence = (page, card) => page.locator(`#${card} .sentence`).textContent();
    const quoted = (text) => new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    const said = (page, card, pattern) => page.waitForFunction(([id, source]) => new RegExp(source).test(document.querySelector(`#${id} .sentence`)?.textContent ?? ''), [card, pattern.source]);

    for (const [isDark, width] of [[false, 1360], [true, 1360], [false, 360], [true, 360]]) {
        test(`the pages of the club ${isDark ? 'by night' : 'by day'}, ${width} wide`, async () => {
            await withPage(async (page) => {
                const found = [];

                for (const name of own) {
                    await visit(page, at(name, { best: 'shown', roi_cost: '0.5' }));
                    await assertCleanText(page, name);
                    found.push(...[...await violations(page), ...await pictureFaults(page)].map((it) => `${name}: ${it}`));
                    assert.equal(await page.locator('.failure').count(), 0, name);
                    const excess = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
                    if (excess > 0) found.push(`${name}: wider than the window by ${excess}`);
                }
                assert.deepEqual(found, []);
            }, { isDark, width });
        });
    }

    test('every card is filled, each chart has its table, and each empty card says why', async () => {
        await withPage(async (page) => {
            for (const name of own) {
                await visit(page, at(name));
                // of one customer nothing is told until somebody looks one up
                assert.deepEqual(await page.locator('.missing').evaluateAll((all) => all.map((it) => it.closest('.card').id)), name === 'customer' ? ofOne : [], name);
                const bare = await page.locator('.card:has(> .chart)').evaluateAll((all) => all.filter((it) => !it.querySelector('details summary')).map((it) => it.id));
                assert.deepEqual(bare, []);
                await visit(page, at(name, {}, 'forty'));
                const empty = await page.locator('.missing').evaluateAll((all) => all.map((it) => [it.closest('.card').id, it.querySelector('p').textContent, it.querySelector('pre')?.textContent ?? '']));
                for (const [card, why, sql] of empty) assert.ok(why.length > 20 && (ofOne.includes(card) ? sql === '' && /looked up by key/.test(why) : /SELECT|CALL/.test(sql)), `${card}: ${why} ${sql}`);
                assert.ok(name === 'customer' || empty.length > 2, name);
            }
        });
    });

    test('a slider moves the customer to another segment, by keyboard alone, and the address keeps it', async () => {
        await withPage(async (page) => {
            await visit(page, at('customer'));
            const first = await sentence(page, 'placed');
            const slider = page.getByRole('slider', { name: 'Spent in all' });
            await slider.focus();
            await page.keyboard.press('End');
            await page.waitForFunction((before) => document.querySelector('#placed .sentence').textContent !== before, first);
            await settle(page);
            assert.ok(await slider.evaluate((it) => it === document.activeElement), 'the slider keeps the focus');
            await page.keyboard.press('ArrowLeft');
            await page.waitForURL(/v\.monetary=/);
            await page.waitForTimeout(400);
            await settle(page);
            const text = await page.getByRole('textbox', { name: 'Spent in all' }).inputValue();
            const fields = await Promise.all(['Days since the last order', 'frequency'].map((label) => page.getByRole('textbox', { name: label }).inputValue()));
            const channel = await page.getByRole('combobox', { name: 'channel' }).evaluate((it) => it.selectedOptions[0].textContent);
            const { segment } = await one('SELECT custseg.predict(\'club\', $1::jsonb) AS segment', JSON.stringify({ recency: Number(fields[0]), frequency: Number(fields[1]), monetary: Number(text), channel, member: false }));
            assert.match(await sentence(page, 'placed'), new RegExp(`in segment ${segment},`));
            const shown = await sentence(page, 'placed');
            await page.reload();
            await settle(page);
            assert.equal(await sentence(page, 'placed'), shown);
            assert.equal(await page.getByRole('textbox', { name: 'Spent in all' }).inputValue(), text);
        });
    });

    test('the nearest change moves the customer to where it says', async () => {
        await withPage(async (page) => {
            await visit(page, at('customer', { 'v.recency': '40', 'v.frequency': '5', 'v.monetary': '200' }));
            const rows = await page.locator('#moves tbody tr').evaluateAll((all) => all.map((row) => [...row.children].map((it) => it.textContent)));
            const [column, , value, then] = rows.find(([name]) => name === 'Spent in all' || name === 'frequency' || name === 'Days since the last order');
            const number = value.replace(/[^\d.]/g, '');
            await page.getByRole('textbox', { name: column }).fill(number);
            await said(page, 'placed', new RegExp(`in segment ${then.split(' ')[0]},`));
        });
    });

    test('a field takes any number and says what is none', async () => {
        await withPage(async (page) => {
            await visit(page, at('customer'));
            const field = page.getByRole('textbox', { name: 'Spent in all' });
            await field.fill('12 euros');
            assert.equal(await field.getAttribute('aria-invalid'), 'true');
            await said(page, 'placed', /does not hold a value/);
            await field.fill('1e400');
            await said(page, 'placed', /does not place this customer/);
            await field.fill('');
            await said(page, 'placed', /is in segment/);
            assert.equal(await field.getAttribute('placeholder'), 'not known');
            const { segment } = await one('SELECT custseg.predict(\'club\', $1::jsonb) AS segment', JSON.stringify({ recency: 1, frequency: 1, monetary: null, channel: 'never seen "x"', member: null }));
            await visit(page, at('customer', { 'v.recency': '1', 'v.frequency': '1', 'v.monetary': '~', 'v.channel': '=never seen "x"', 'v.member': '~' }));
            await said(page, 'placed', new RegExp(`in segment ${segment},`));
        });
    });

    test('a customer is looked up by key, and none but the customer', async () => {
        await withPage(async (page, faults) => {
            await visit(page, at('customer'));
            await page.getByLabel('id', { exact: true }).fill('12');
            await page.keyboard.press('Enter');
            await page.waitForURL(/v\.monetary=/);
            const row = await one('SELECT recency, monetary, custseg.predict(\'club\', c) AS segment FROM shop.club c WHERE id = 12');
            await said(page, 'placed', new RegExp(`in segment ${row.segment},`));
            assert.equal(await page.getByRole('textbox', { name: 'Spent in all' }).inputValue(), String(Number(row.monetary)));
            await page.getByLabel('id', { exact: true }).fill('12 OR 1=1');
            await page.getByRole('button', { name: 'Look up' }).click();
            await page.getByText('There is no such customer.').waitFor();
            // the browser notes that the answer was 404
            faults.splice(0, faults.length, ...faults.filter((it) => !it.includes('404')));
        });
    });

    test('what a customer is worth by the orders so far is what lifetime_value() says', async () => {
        await withPage(async (page) => {
            await visit(page, at('customer'));
            for (const [label, value] of [['Days with an order so far', '6'], ['Days since the first order', '300'], ['Days since the last order', '20'], ['Average order', '40']]) {
                await page.locator('#own-worth').getByLabel(label).fill(value);
            }
            await said(page, 'own-worth', /will bring/);
            const row = await one(`SELECT lifetime_value, low, high FROM custseg.lifetime_value('club value', 'SELECT 1 AS customer, timestamp ''2000-01-01'' - make_interval(days => 300 - 56 * i) AS ordered_at, 40 AS amount FROM generate_series(0, 5) i', as_of => '2000-01-01 00:00+00')`);
            assert.match(await sentence(page, 'own-worth'), new RegExp(`will bring ${exactMoney(row.lifetime_value, 'EUR').replace('.', '\\.')} within`));
        });
    });

    test('the budget game: equal parts are beaten, the best is reached, and never beaten', async () => {
        await withPage(async (page) => {
            await visit(page, at('business'));
            const share = async () => Number(/([\d.]+)\s%/.exec(await sentence(page, 'budget'))[1]);
            const equal = await share();
            await page.getByRole('button', { name: 'In proportion' }).click();
            await page.waitForURL(/split=/);
            const proportional = await share();
            await page.getByRole('button', { name: 'Show the best split' }).click();
            await page.locator('#budget summary').click();
            await page.locator('#budget tbody tr').first().waitFor();
            const best = await page.locator('#budget tbody tr').evaluateAll((all) => all.map((row) => row.children[3].textContent.replace(/[^\d.]/g, '')));
            const sql = (await client.query(`SELECT spend FROM custseg.allocate_budget($$SELECT c.* FROM custseg.presentation p, jsonb_to_recordset(p.presentation -> 'curves')
                AS c (segment int, name text, curve text, a float8, b float8, c float8, points jsonb) WHERE p.model = 'club'$$, 100000, '{"unit": 1000}')`)).rows.map((row) => row.spend);
            assert.deepEqual(best.map(Number), sql);
            const fields = page.locator('#budget .lever input[type=number]');
            await page.getByRole('button', { name: 'Start from nothing' }).click();
            await said(page, 'budget', /100,000 of €100,000 are not spent/);
            for (const [i, spend] of best.entries()) {
                await fields.nth(i).fill(spend);
                await fields.nth(i).press('Tab');
            }
            await said(page, 'budget', /That is the best split/);
            assert.ok(Math.max(equal, proportional) < 100);
            // whatever else is tried by keyboard brings less
            for (const i of best.keys()) {
                const slider = page.locator('#budget .lever input[type=range]').nth(i);
                await slider.focus();
                for (let presses = 0; presses < 7; presses++) await page.keyboard.press('ArrowRight');
                await page.waitForTimeout(50);
                assert.ok(await share() <= 100);
                const spends = await fields.evaluateAll((all) => all.reduce((sum, it) => sum + Number(it.value), 0));
                assert.ok(spends <= 100000, `${spends}`);
            }
            const shown = await sentence(page, 'budget');
            await page.waitForTimeout(300);
            await page.reload();
            await settle(page);
            assert.equal(await sentence(page, 'budget'), shown);
        });
    });

    test('what if: a tenth more customers bring what what_if() says, and the tornado names the widest lever', async () => {
        await withPage(async (page) => {
            await visit(page, at('business'));
            await page.locator('#what-if').getByLabel('Customers, %').fill('10');
            await page.locator('#what-if').getByLabel('Customers who leave in a month now, %').fill('2');
            await said(page, 'what-if', /Your scenario changes that by/);
            const base = `SELECT segment, (array_agg(n ORDER BY month DESC))[1] AS n, avg(orders_per_customer) AS orders, sum(revenue) / sum(n_orders) AS average_order, 0.4 AS margin, 0.02 AS churn
                FROM custseg.segment_kpi WHERE model = 'club' AND segment > 0 AND month >= '2025-01-01' GROUP BY segment`;
            const row = await one(`SELECT change FROM custseg.what_if(NULL, $$${base}$$, '[{"n": 0.1}]', '{"n_periods": 12}') WHERE segment IS NULL`);
            await said(page, 'what-if', quoted(`changes that by ${exactMoney(row.change, 'EUR')}`));
            assert.ok((await page.locator('#tornado .sentence').textContent()).includes('depends most on'));
            await page.locator('#what-if').getByLabel('Customers, %').fill('-500');
            await said(page, 'what-if', /outside of what is possible/);
        });
    });

    test('a campaign pays as campaign_roi() says', async () => {
        await withPage(async (page) => {
            await visit(page, at('business'));
            for (const [label, value] of [['Effect on a customer', '2.5'], ['Its standard error', '0.8'], ['Cost of a customer', '0.7'], ['Fixed cost', '100']]) {
                await page.locator('#roi').getByLabel(label).fill(value);
            }
            await said(page, 'roi', /With an effect of €2\.50/);
            const row = await one(`SELECT profit, roi FROM custseg.campaign_roi($$SELECT segment, n, 2.5 AS effect, 0.8 AS standard_error FROM custseg.published_summary WHERE model = 'club' AND segment > 0$$,
                '{"margin": 0.4, "cost_per_customer": 0.7, "fixed_cost": 100}') WHERE segment IS NULL`);
            await said(page, 'roi', quoted(`${exactMoney(Math.abs(row.profit), 'EUR')} when all`));
            assert.ok((await sentence(page, 'roi')).includes(percent(row.roi, 0)));
        });
    });

    test('experiments: the one that decided is shown first, another one is chosen by its name', async () => {
        await withPage(async (page) => {
            await visit(page, at('experiments'));
            assert.match(await sentence(page, 'looks'), /decided: launch/);
            await page.getByRole('link', { name: 'winter' }).focus();
            await page.keyboard.press('Enter');
            await page.waitForURL(/experiment=winter/);
            await settle(page);
            assert.match(await page.locator('#effects').textContent(), /Nobody has looked at the outcomes/);
            assert.match(await page.locator('#split').textContent(), /Nobody is enrolled yet/);
            await page.getByRole('link', { name: 'autumn <i>"1"</i>' }).click();
            await settle(page);
            assert.match(await sentence(page, 'split'), /in control and .* in mail/);
            assert.equal(await page.locator('main i').count(), 0);
            await visit(page, at('experiments', { experiment: 'nothing' }));
            assert.match(await page.locator('#effects').textContent(), /no such experiment/);
        });
    });

    test('the KPI that is chosen is drawn, and its table has the numbers of the month', async () => {
        await withPage(async (page) => {
            await visit(page, at('watch'));
            await page.locator('#kpis select').selectOption('conversion');
            await page.waitForURL(/kpi=conversion/);
            await page.locator('#kpis summary').click();
            await page.locator('#kpis tbody tr').first().waitFor();
            const row = await page.locator('#kpis tbody tr').evaluateAll((all) => all.find((it) => it.firstElementChild.textContent.startsWith('2 ')).lastElementChild.textContent);
            const { conversion } = await one("SELECT conversion FROM custseg.segment_kpi WHERE model = 'club' AND segment = 2 ORDER BY month DESC LIMIT 1");
            assert.equal(row, percent(conversion));
        });
    });

    test('everything is reached by keyboard, in the order of the page', async () => {
        await withPage(async (page) => {
            for (const name of ['business', 'customer']) {
                await visit(page, at(name));
                const wanted = await page.locator('main').locator('input, select, button, summary, a[href], [tabindex="0"]').evaluateAll((all) => all.filter((it) => it.checkVisibility() && !it.disabled).length);
                const seen = new Set();
                await page.locator('h1').click();

                for (let presses = 0; presses < wanted + 40; presses++) {
                    await page.keyboard.press('Tab');
                    const index = await page.evaluate(() => [...document.querySelectorAll('main input, main select, main button, main summary, main a[href], main [tabindex="0"]')].indexOf(document.activeElement));
                    if (index >= 0) seen.add(index);
                }
                assert.equal(seen.size, wanted, name);
            }
        });
    });

    test('a model that is not there is said to be not there, on each page', async () => {
        await withPage(async (page, faults) => {
            for (const name of own) {
                await page.goto(at(name, {}, 'nobody <b>knows</b>'));
                await page.locator('.failure, .missing').first().waitFor();
                assert.match(await page.locator('main').textContent(), /no model|Nothing is known/);
                assert.equal(await page.locator('main b').count(), 0);
            }
            faults.splice(0, faults.length, ...faults.filter((it) => !it.includes('404')));
        });
    });

    test('the database stops, and comes back: the page says so, and goes on where the reader was', async () => {
        const postgres = new Postgres();

        try {
            await postgres.init();
            await postgres.start();
            await postgres.query('CREATE DATABASE dashboard', 'postgres');
            await postgres.query('CREATE EXTENSION custseg', 'dashboard');
            await postgres.query('CREATE TABLE c AS SELECT i AS id, i % 50 AS x, i % 2 * 100 + i % 7 AS y FROM generate_series(1, 500) i', 'dashboard');
            await postgres.query("SELECT custseg.train('m', 'c', '{x,y}', 2, id => 'id')", 'dashboard');
            const other = await startDashboard({ ...postgres.environment('dashboard'), CUSTSEG_ROLE: '', CUSTSEG_RATE_LIMIT: '0' });

            try {
                await withPage(async (page, faults) => {
                    await visit(page, `${other.url}/m/m/customer`);
                    await said(page, 'placed', /is in segment/);
                    await postgres.stop('SIGINT');
                    const stopped = Date.now();
                    await page.getByRole('textbox', { name: 'x', exact: true }).fill('3');
                    await page.locator('#placed .failure, .outage').first().waitFor({ timeout: 15000 });
                    const toldAfter = Date.now() - stopped;
                    await postgres.start();
                    const back = Date.now();
                    await said(page, 'placed', /is in segment/);
                    const backAfter = Date.now() - back;
                    assert.equal(await page.getByRole('textbox', { name: 'x', exact: true }).inputValue(), '3');
                    await page.locator('.outage').waitFor({ state: 'detached' });
                    assert.ok(toldAfter < 6000, `told after ${toldAfter} ms`);
                    assert.ok(backAfter < 6000, `back after ${backAfter} ms`);
                    faults.splice(0, faults.length, ...faults.filter((it) => !/50[034]/.test(it)));
                }, { origin: other.url });
            } finally {
                await other.stop();
            }
        } finally {
            await postgres.remove();
        }
    });

    test('a card is saved as CSV with the numbers of the database', async () => {
        await withPage(async (page) => {
            await visit(page, at('business'));
            const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save What each segment will be worth as CSV' }).click()]);
            const lines = readFileSync(await download.path(), 'utf8').replace(/^\ufeff/, '').trim().split('\r\n');
            const { rows } = await client.query("SELECT value_sum FROM custseg.segment_value_history WHERE model = 'club' AND run = (SELECT max(run) FROM custseg.segment_value_history WHERE model = 'club') ORDER BY position");
            assert.deepEqual(lines.slice(1).map((line) => Number(/^(?:"[^"]*"|[^,]*),[^,]*,([^,]*)/.exec(line)[1])), rows.map((row) => row.value_sum));
        });
    });

    test('the page asks the origin alone, and runs no script but its own', () => {
        assert.doesNotMatch(readFileSync(path.join(root, 'dist', 'index.html'), 'utf8'), /https?:|<script(?![^>]*src=)/);
    });
});
