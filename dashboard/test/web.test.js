// What the pages write and draw, without a browser: numbers, names, addresses, colours, and every chart, sentence and table of every card on
// publications with hostile names, small groups, forty segments, 97 columns and no value.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { inWords } from '../web/charts/experiments.js';
import * as format from '../web/format.js';
import { columnValue, compared, levelLabel, levelNames, selected, shortLabels, toldApart } from '../web/facts.js';
import { literal, parts, whyMissing } from '../web/parts.js';
import { findPage, pages, roles } from '../web/pages.js';
import { address, numbers, parse } from '../web/router.js';
import { standingOut } from '../web/charts/kpis.js';
import { axis, contrast, dark, inkOn, colorAt, light, segmentColor, segmentDash } from '../web/theme.js';
import { csv, fileName, frame, tablePicture, xml } from '../web/export.js';
import { cardsAndCharts } from './support/cards.js';
import { root } from './support/dashboard.js';
import { fetched, makePublication, makeRows } from './support/publication.js';

const space = '\u00a0';
let cards;
let init;
let initWhole;			// of all of ECharts

before(async () => {
    ({ cards, init } = await cardsAndCharts());
    ({ init: initWhole } = await cardsAndCharts({ isWhole: true }));
});

test('numbers', () => {
    assert.equal(format.count(20000), '20,000');
    assert.equal(format.count(-0.4), '0');
    assert.equal(format.fixed(-1234.56, 1), '−1,234.6');
    assert.equal(format.fixed(-0.04, 1), '0.0');
    assert.equal(format.compact(11223344), `11.2${space}M`);
    assert.equal(format.compact(999_999), `1.0${space}M`);
    assert.equal(format.compact(999_940), `999.9${space}k`);
    assert.equal(format.compact(1234), '1,234');
    assert.equal(format.number(0), '0');
    assert.equal(format.number(-0), '0');
    assert.equal(format.number(3.14159), '3.14');
    assert.equal(format.number(0.00123456), '0.00123');
    assert.equal(format.number(100), '100');
    assert.equal(format.percent(0.5838), `58.4${space}%`);
    assert.equal(format.percent(-0.00001), `0.0${space}%`);
    assert.equal(format.signed(12), '+12');
    assert.equal(format.signed(-12), '−12');
    assert.equal(format.signed(0.00001, (it) => format.fixed(it, 1)), '0.0');
    assert.equal(format.change(0.031), `+3.1${space}%`);
    assert.equal(format.pValue(1e-9), `<${space}0.001`);
    assert.equal(format.number('Infinity'), '∞');
    assert.equal(format.number('-Infinity'), '−∞');
    assert.equal(format.number(1e308), '1.00 × 10^308');
});

test('what is not known is a dash, whatever writes it', () => {
    for (const write of [format.count, format.number, format.compact, format.percent, format.signed, format.change, format.pValue, format.money, format.exactMoney, format.date, format.dateTime]) {
        for (const value of [null, undefined, 'NaN', '']) assert.equal(write(value), '–', `${write.name}(${value})`);
    }
});

test('money', () => {
    assert.equal(format.money(11_224_000, 'GBP'), `£11.2${space}M`);
    assert.equal(format.money(561.234, 'GBP'), '£561.23');
    assert.equal(format.money(-2000, 'EUR'), '−€2,000');
    assert.equal(format.money(-0.001, 'EUR'), '€0.00');
    assert.equal(format.money(1e6, 'CHF'), `1.0${space}M${space}CHF`);
    assert.equal(format.money(1e6, null), `1.0${space}M`);
    assert.equal(format.money(1e6, 'constructor'), `1.0${space}M${space}constructor`);
    assert.equal(format.exactMoney(6_468_600.4, 'GBP'), '£6,468,600');
});

test('days and times are those of UTC', () => {
    assert.equal(format.date('2026-11-29T23:30:00+00:00'), '29 Nov 2026');
    assert.equal(format.date('2026-11-29T23:30:00-05:00'), '30 Nov 2026');
    assert.equal(format.dateTime('2026-01-02T03:04:05.678901+00:00'), '2 Jan 2026, 03:04 UTC');
    assert.equal(format.date('infinity'), '–');
});

test('names', () => {
    assert.equal(format.name('a\u0000b\nc'), 'a b c');
    assert.equal(format.name(''), '(no name)');
    assert.equal(format.name('\u202egnp'), 'gnp');
    assert.equal(format.name('مرحبا'), '\u2068مرحبا\u2069');
    assert.equal(format.short('👩‍👩‍👧 a long name', 5), '👩‍👩‍…');
    for (const it of ['plain', 'مرحبا', '2 \u2068مرحبا\u2069', '\u2069x\u2068', '\u202e']) {
        const once = format.name(it);
        const opened = [...once].reduce((depth, letter) => { assert.ok(depth >= 0); return depth + (letter === '\u2068') - (letter === '\u2069'); }, 0);
        assert.equal(opened, 0);
        assert.equal(format.name(once), once);
    }
    assert.equal(format.middle('feature_number_74', 11), 'featu…er_74');
    assert.equal(format.sentenceOf('champions are many'), 'Champions are many.');
    assert.equal(format.sentenceOf('a/b is a column.'), 'a/b is a column.');
    assert.equal(format.list(['a', 'b', 'c']), 'a, b and c');
    assert.equal(format.plural(1, 'axis', 'axes'), '1 axis');
    assert.equal(format.plural(2000, 'axis', 'axes'), '2,000 axes');
});

test('an address holds any model and any state', () => {
    for (const model of ['shop', 'a/b%2Fc%/?d=e&f#g', '100%', ' spaces ', '<script>', '.', '..', '-', '\u202emodel مرحبا', 'publications']) {
        for (const state of [{}, { segment: '3', at: '2026-11-29T12:00:00.123456+00:00' }]) {
            const url = new URL(address(model, 'overview', state), 'http://localhost');
            assert.deepEqual(parse(url.pathname, url.search), { model, page: 'overview', state: model === '.' || model === '..' ? { ...state, model } : state });
        }
    }
    assert.equal(address('m', 'p', { a: null, b: '', c: 0 }), '/m/m/p?c=0');
    assert.deepEqual(parse('/', ''), { model: null, page: null, state: {} });
    assert.deepEqual(parse('/m/%E0%A4%A', ''), { model: '%E0%A4%A', page: null, state: {} });
    assert.deepEqual(numbers('3,1,x,3,-2,1e3'), [3, 1]);
});

test('every page has cards that exist, and every card is on a page', () => {
    const shown = new Set([...pages, ...roles].flatMap((page) => page.cards));
    assert.deepEqual([...shown].filter((it) => !cards[it]), []);
    assert.deepEqual(Object.keys(cards).filter((it) => !shown.has(it)), []);
    assert.equal(findPage('nowhere'), null);
});

test('each part of a card says why it may be missing', () => {
    const names = new Set(Object.values(cards).flatMap((card) => card.parts));
    assert.deepEqual([...names].filter((it) => !Object.hasOwn(parts, it)), []);
    for (const it of names) {
        const { why, sql } = whyMissing(it, "o'hara");
        assert.match(why, /\.$/);
        assert.ok(sql === null || /custseg\./.test(sql), it);
    }
});

test('a name becomes a literal that shows what cannot be seen', () => {
    assert.equal(literal("o'hara\\"), "'o''hara\\'");
    assert.equal(literal('\u202ea\\'), "U&'\\202ea\\\\'");
});

test('text is read on every ground, and segments have their colours', () => {
    for (const theme of [light, dark]) {
        for (const ink of ['ink', 'muted', 'accent', 'good', 'watch', 'bad']) {
            for (const ground of ['card', 'ground']) assert.ok(contrast(theme[ink], theme[ground]) >= 4.5, `${theme.name} ${ink} on ${ground}: ${contrast(theme[ink], theme[ground])}`);
        }
        for (let place = 0; place <= 1; place += 0.02) {
            for (const scale of [theme.diverging, theme.sequential]) assert.ok(contrast(inkOn(colorAt(scale, place)), colorAt(scale, place)) >= 4.5);
        }
    }
    assert.deepEqual([1, 2, 3, 4, 5, 6, 7].map((it) => segmentColor(it, light)), ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#8c7a00']);
    assert.equal(segmentColor(0, light), light.noise);
    assert.equal(segmentColor(9, light), segmentColor(1, dark));
    assert.notDeepEqual(segmentDash(9), segmentDash(1));
});

test('the sheet of styles has the colours of the theme', () => {
    const css = readFileSync(path.join(root, 'web', 'app.css'), 'utf8');
    const [day, night] = css.split('prefers-color-scheme: dark');
    for (const [theme, text] of [[light, day], [dark, night]]) {
        for (const key of ['ground', 'card', 'line', 'ink', 'muted', 'accent', 'good', 'watch', 'bad']) assert.match(text, new RegExp(`--${key}: ${theme[key]};`));
    }
});

test('files: CSV, SVG and their names', () => {
    const table = { columns: [{ label: 'Segment' }, { label: 'Value, all', kind: 'number' }], rows: [['=cmd()', 1.5], ['"q", x', null], [{ text: '−1.5 days', value: -1.5 }, -2], ['-3', 0]] };
    assert.equal(csv(table), 'Segment,"Value, all"\r\n\'=cmd(),1.5\r\n"""q"", x",\r\n-1.5,-2\r\n-3,0\r\n');
    for (const formula of ["-1+1+cmd|' /C calc'!A0", ' =1', '\n=1', '@SUM(A1)', '+1', '\uff1d1', '-A1']) {
        assert.match(csv({ columns: [{ label: formula }], rows: [[formula]] }), /^"?'.*\r\n"?'.*\r\n$/s, formula);
    }
    for (const number of ['-1.5', '-2e-7', '-12 %', '\u22125']) {
        assert.equal(csv({ columns: [{ label: 'n' }], rows: [[number]] }), `n\r\n${number}\r\n`);
    }
    assert.equal(fileName('<script>/..\\', 'tiles'), 'script_tiles');
    assert.equal(fileName('///'), 'card');
    assert.equal(xml('a\u0000<b>&"\ud800'), 'a &lt;b&gt;&amp;&quot; ');
    const svg = frame({ title: '<x>', sentence: 'A '.repeat(200), ...tablePicture(table, { width: 400, theme: light, currency: null }), width: 400, foot: 'As of now', theme: light });
    assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" width="\d+" height="\d+"/);
    assert.doesNotMatch(svg, /<x>|NaN|undefined|null/);
});

test('values of columns and choices of segments', () => {
    const data = makePublication();
    data.about.features.push({ name: 'joined', kind: 'time' }, { name: 'member', kind: 'boolean' });
    data.about.presentation.columns = { recency: { unit: 'days' } };
    assert.equal(columnValue(data, 'recency', 12.5), '12.5 days');
    assert.equal(columnValue(data, 'monetary', 12.5), '£12.50');
    assert.equal(columnValue(data, 'joined', 20786), '29 Nov 2026');
    assert.equal(columnValue(data, 'member', 0.25), `25.0${space}%`);
    assert.equal(columnValue(data, 'recency', null), '–');
    assert.equal(selected(data, { segment: '3' }), 3);
    assert.equal(selected(data, { segment: '99' }), 1);
    assert.deepEqual(compared(data, { segments: '4,2,4,99,1,3,5' }), [4, 2, 1, 3]);
    assert.deepEqual(compared(data, { segments: '4' }), [4, 1]);
});

const bad = /NaN|undefined|\bnull\b|Infinity|\[object|(?:^|[\s(>])-[\d.]/;

/** Fails when a text shows what nobody is to see: NaN, null, a hyphen for a minus. */
function assertClean(text, where) {
    assert.doesNotMatch(text, bad, `${where}: ${bad.exec(text)?.[0]} in ${text.slice(Math.max(0, text.search(bad) - 60), text.search(bad) + 60)}`);
    assert.doesNotMatch(text, /−0(?:\.0+)?(?![\d.])/, `${where}: a minus zero`);
}

/** Returns the texts of an SVG. */
function textsOf(svg) {
    return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
}

/** Returns the picture of a card as SVG, drawn by the library that "make" is of. */
function draw(card, data, theme, state, make = init) {
    const chart = make(null, null, { renderer: 'svg', ssr: true, width: state.width, height: state.height });
    chart.setOption(card.chart(data, theme, state));
    const svg = chart.renderToSVGString();
    chart.dispose();
    return svg;
}

/** Returns the shapes and texts of an SVG, without the names that a library counts up and the moves that a page does not make. */
function shapesOf(svg) {
    return svg.replace(/<style[\s\S]*?<\/style>/g, '').replace(/ class="[^"]*"/g, '').replace(/\bzr\d+-/g, 'zr-').match(/<[^>]*>[^<]*/g);
}

/** Draws every card that the data suffice for, wide by day and narrow by night, and returns how many pictures it drew. */
function drawAll(data, state, where) {
    let n = 0;

    for (const card of Object.values(cards)) {
        const isThere = [...card.parts].every((part) => data[part] !== null && data[part] !== undefined);
        if (card.compute || !isThere || card.missing?.(data, state)) continue;
        const sentence = card.sentence?.(data, state) ?? '';
        assert.equal(typeof sentence, 'string');
        assertClean(sentence, `${where} ${card.name}, sentence`);
        const table = card.table?.(data, state);
        if (table) {
            for (const row of table.rows) {
                assert.equal(row.length, table.columns.length, `${where} ${card.name}: a row is as long as the head`);
                row.forEach((value, i) => {
                    const link = value !== null && typeof value === 'object' ? value : null;
                    assertClean(format.cell(link ? link.text : value, table.columns[i].kind, 'GBP'), `${where} ${card.name}, ${table.columns[i].label}`);
                });
            }
        }
        if (!card.chart) continue;
        const height = typeof card.height === 'function' ? card.height(data.about) : card.height;
        assert.ok(Number.isFinite(height) && height > 0, `${where} ${card.name}: height ${height}`);
        for (const [theme, width] of [[light, 900], [dark, 296]]) {
            const svg = draw(card, data, theme, { ...state, width, height });
            assert.doesNotMatch(svg, /NaN/, `${where} ${card.name}: NaN in the picture`);
            assert.deepEqual(shapesOf(svg), shapesOf(draw(card, data, theme, { ...state, width, height }, initWhole)), `${where} ${card.name}: what is left out of ECharts is missing`);
            for (const text of textsOf(svg)) assertClean(text, `${where} ${card.name}, picture`);
            n += 1;
        }
    }
    return n;
}

const publications = {
    'as usual': {},
    'hostile names': { isHostile: true, k: 8 },
    'no value, no earlier publication': { isValued: false, hasPrevious: false },
    'noise': { hasNoise: true },
    'forty segments': { k: 40 },
    '97 columns': { n: 97 },
    'one column': { n: 1 },
    'one segment': { k: 1 },
    'two segments, one of them small': { k: 2 },
    'columns that are known of few': { hasRare: true },
};

for (const [where, options] of Object.entries(publications)) {
    test(`every card on a publication: ${where}`, () => {
        const data = makePublication(options);
        const other = { segment: '2', segments: '1,2', column: data.about.features.at(-2).name, components: '2,3', turn: '90', tilt: '0' };
        for (const state of options.k || options.n ? [other] : [{}, other]) {
            assert.ok(drawAll(data, state, where) > 25, 'most cards were drawn');
        }
    });
}

// of what a part has more of than a page fetches, sentence and table say so: of these publications a page fetches all
for (const where of ['as usual', 'hostile names', 'noise', 'forty segments', 'one column', 'columns that are known of few']) {
    test(`what pages fetch says the same as all rows: ${where}`, () => {
        const rows = makeRows(publications[where]);
        const whole = makePublication(publications[where]);
        const said = (card, data, state) => [card.sentence?.(data, state) ?? null, ...(card.table?.(data, state)?.rows ?? [])].flat().map((it) => (it?.value !== undefined ? it.text : it ?? null));
        let n = 0;

        for (const state of [{}, { segment: '1', segments: '3,1', column: rows.about.features[0].name, category: rows.about.features.at(-1).name }]) {
            for (const card of Object.values(cards).filter((it) => !it.compute)) {
                const data = fetched(rows, card, state);

                if (card.parts.some((part) => !data[part]) || card.missing?.(data, state)) continue;
                const expected = said(card, card.name === 'histogram' ? { ...whole, histogram: data.histogram } : whole, state);

                // what is only drawn has five digits
                const same = said(card, data, state).map((it, i) => (typeof it === 'number' && Math.abs(it - expected[i]) <= Math.abs(it) * 5.1e-5 ? expected[i] : it));

                assert.deepEqual(same, expected, card.name);
                n += 1;
            }
        }
        assert.ok(n > 50, `${n} cards`);
    });
}

test('of many columns a page fetches those that tell most, and says so', () => {
    const rows = makeRows({ k: 40, n: 97 });
    const [heatmap, correlation] = ['heatmap', 'correlation'].map((name) => [cards[name], fetched(rows, cards[name], {})]);

    assert.match(heatmap[0].sentence(heatmap[1], {}), /at most 30 rows of 101, the table the 100 that tell most\.$/);
    assert.equal(heatmap[0].table(heatmap[1], {}).rows.length, 100);
    assert.match(correlation[0].sentence(correlation[1], {}), /at most 16 columns of 97, the table the 40 that correlate most\.$/);
    assert.equal(correlation[0].table(correlation[1], {}).rows.length, 40 * 39 / 2);
    drawAll(fetched(rows, cards.heatmap, {}), {}, 'many columns');
});

test('what a publication lacks, no card needs', () => {
    const data = makePublication();
    for (const lacking of Object.keys(data).filter((it) => it !== 'about')) drawAll({ ...data, [lacking]: null }, {}, `without ${lacking}`);
    drawAll({ ...data, training: { choose_k: null, merges: null, k_distance: null, scree: null } }, {}, 'an empty training');
});

test('numbers of customers and value are those of the publication', () => {
    const data = makePublication({ hasSmall: false });
    const n = data.summary.reduce((sum, row) => sum + row.n, 0);
    const value = data.summary.reduce((sum, row) => sum + row.total_value, 0);
    const [customers, worth, largest] = cards.tiles.table(data, {}).rows;
    assert.equal(customers[1], format.count(n));
    assert.equal(worth[1], format.money(value, 'GBP'));
    const first = data.summary.reduce((a, b) => (b.value_share > a.value_share ? b : a));
    assert.deepEqual(largest.slice(1), [format.percent(first.value_share), first.name]);
    assert.ok(cards['customers-and-value'].sentence(data, {}).includes(format.percent(first.value_share)));
});

test('what needs attention: conditions that fail, falls, alerts, promises and experiments, the gravest first', () => {
    const data = {
        ...makePublication({ hasSmall: false }),
        gate: { conditions: [{ condition: 'monitor', state: 'pass', reason: 'fine' }, { condition: 'actions', state: 'fail', reason: 'no action is set for Newcomers' }] },
        kpis: { changes: [{ segment: 3, name: 'Loyal', kpi: 'orders', change: -0.153, change_others: 0.01, reference_month: '2025-10-01', rating: 'degraded' }, { segment: 2, name: 'Other', kpi: 'orders', change: -0.01, reference_month: '2025-10-01', rating: 'watch' }] },
        alerts: [{ kind: 'trend', severity: 'warning', message: 'feature "recency": a lasting change' }, { kind: 'drift', severity: 'critical', message: 'feature age drifted' }, { kind: 'drift', severity: 'critical', message: 'closed', closed_at: '2026-01-01' }],
        capacity: [{ segment: 2, name: 'Other', n: 3420, perk: 'voucher', perk_capacity: 3000, excess: 420 }, { segment: 1, name: 'Few', n: 1, perk_capacity: 5, excess: 0 }],
        experiments: [{ experiment: 'Mail', verdict: 'launch', decision: null }, { experiment: 'Done', verdict: 'launch', decision: 'launch' }],
    };
    const { rows } = cards.attention.table(data, {});
    assert.deepEqual(rows.map(([state, what]) => [state, what]), [['✗ act', 'Go or no-go'], ['✗ act', 'Fall'], ['✗ act', 'Alert'], ['! look', 'Alert'], ['! look', 'Promise'], ['! look', 'Experiment']]);
    assert.match(rows[0][2], /a condition fails: no action is set for Newcomers/);
    assert.match(rows[1][2], /orders of a customer −15\s%/);
    assert.match(rows[4][2], /there for 3,000, and 420 more/);
    assert.equal(cards.attention.sentence(data, {}), '6 things to look at. 3 are grave.');
    // a gate that fails for its perks has said so
    data.gate.conditions[1].condition = 'capacity';
    assert.equal(cards.attention.table(data, {}).rows.some(([, what]) => what === 'Promise'), false);
    assert.match(cards.attention.sentence({ summary: data.summary }, {}), /^Nothing:/);
});

test('what an experiment has brought in: with its interval, and not certain where that holds 0', () => {
    const data = { ...makePublication({ hasSmall: false }), experiments: [{ experiment: 'Mail', status: 'ended', decision: 'launch', decided_at: '2026-01-02', variants: ['none', 'mail'], metric: 'bought', metric_kind: 'conversion', gain: { metric: 'revenue', variant: 'mail', n: 1000, difference: 2.5, gain: 2500, low: 1000, high: 4000 } }] };
    assert.match(cards.experiments.sentence(data, {}), /The 1,000 customers who got “mail” brought £2,500 more “revenue” than they would have without it, between £1,000 and £4,000/);
    data.experiments[0].gain.low = -1000;
    assert.match(cards.experiments.sentence(data, {}), /is not certain: £2,500, between −£1,000 and £4,000/);
});

test('what an experiment has earned: where margin and cost are stated, and whether it paid', () => {
    const gain = { metric: 'revenue', variant: 'mail', n: 1000, difference: 20, gain: 20000, low: 10000, high: 30000 };
    const data = { ...makePublication({ hasSmall: false }), experiments: [{ experiment: 'Mail', status: 'ended', decision: 'launch', decided_at: '2026-01-02', variants: ['none', 'mail'], metric: 'bought', metric_kind: 'conversion', gain }, { experiment: 'Old', status: 'ended', decision: 'stop', decided_at: '2025-01-02', gain: { ...gain, gain: 1 } }] };
    const tile = () => cards.tiles.table(data, {}).rows.find(([what]) => what === 'Last campaign');
    assert.deepEqual(tile(), ['Last campaign', '+£20.0\u00a0k', 'between £10.0\u00a0k and £30.0\u00a0k, “Mail”, before its cost']);
    assert.doesNotMatch(cards.experiments.sentence(data, {}), /margin/);
    Object.assign(data.about.presentation, { margin: 0.5, cost_per_customer: 2, fixed_cost: 500 });
    assert.match(cards.experiments.sentence(data, {}), /At a margin of 50\s% and a cost of £2,500 it earned £7,500, between £2,500 and £12\.5\sk: it paid\./);
    assert.deepEqual(tile().slice(1), ['+£7,500', 'between £2,500 and £12.5\u00a0k, “Mail”, after its cost']);
    gain.low = 1000;
    assert.match(cards.experiments.sentence(data, {}), /between −£2,000 and £12\.5\sk: whether it paid is not certain\./);
    // no large figure of what nobody knows to be earned
    assert.deepEqual(tile().slice(1), ['? unclear', 'it may have lost money: +£7,500, between −£2,000 and £12.5\u00a0k, “Mail”, after its cost']);
    Object.assign(gain, { gain: 2000, high: 4000 });
    assert.equal(tile()[1], '−£1,500');
    assert.match(cards.experiments.sentence(data, {}), /it lost £1,500, between −£2,000 and −£500\.00: it did not pay\./);
    gain.metric = 'visits';
    assert.equal(tile(), undefined);
});

test('who is in doubt is told apart from who is gone', () => {
    const row = (segment, n, leaving, left, risk) => ({ segment, name: `group ${segment}`, n, alive: 0.5, n_leaving: leaving, n_left: left, value_sum: 9000, value_at_risk: risk + 100, leaving_at_risk: risk });
    const last = [row(1, 100, 10, 60, 200), row(2, 50, 20, 5, 700), { ...row(null, 10, 9, 1, 5), name: 'no segment' }, { ...row(null, 160, 39, 66, 905), name: 'total' }];
    const data = { ...makePublication({ hasSmall: false }), value_history: { value_model: 'worth', horizon: '1 year', last }, value: last, value_at_risk: [{ ...last[1], horizon: '1 year', channel: 'mail', offer: null }] };
    assert.equal(cards.leaving.sentence(data, {}), '30 customers are in doubt: they may order again, and nobody knows which of them have left already; £900.00 of the next year is at risk with them. Begin with group 2: 20 of 50, 40.0\u00a0%, with £700.00. 65 customers have probably left already.');
    assert.deepEqual(cards.leaving.table(data, {}).rows.map((it) => it.slice(1, 4)), [[50, 25, 20], [100, 30, 10]]);
    assert.equal(cards['value-at-risk'].sentence(data, {}), 'Of group 2, 20 of 50 are in doubt, for they may have left unnoticed: £700.00 of the next year is at risk with them. 5 customers have probably left already, and would have to be won back. What is planned for them: mail.');
    assert.deepEqual(cards.tiles.table(data, {}).rows.find(([what]) => what === 'In doubt'), ['In doubt', '30', 'may have left; £900.00 at risk; 65 more are probably gone']);
    assert.deepEqual(cards['segment-facts'].table(data, { segment: '2' }).rows.find(([what]) => what === 'In doubt').slice(1), ['20', 'may have left; £700.00 at risk; 5 more are probably gone']);
    const table = cards['segment-table'].table(data, {});
    assert.deepEqual(table.rows.map((it) => it[table.columns.findIndex(({ label }) => label === 'In doubt')]).sort(), [10, 20, null, null, null]);
    assert.match(cards.attention.table(data, {}).rows.find(([, what]) => what === 'In doubt')[2], /^20 of 50 customers of group 2 may order again, or may have left unnoticed: £700\.00/);
    for (const it of last) Object.assign(it, { n_leaving: 0, leaving_at_risk: 0 });
    assert.equal(cards.leaving.sentence(data, {}), 'Of nobody it is in doubt whether they order again. 65 customers have probably left already.');
    // runs of a version that did not tell it
    for (const it of [...last, ...data.value_at_risk]) it.n_leaving = null;
    assert.ok(cards.leaving.missing(data).why);
    assert.match(cards['value-at-risk'].missing(data).why, /does not tell who is still there/);
});

test('an alert says in plain words what has happened, and what to do', () => {
    const data = { ...makePublication(), alerts: [] };
    data.about.presentation.columns = { recency: { label: 'Days since the last order' } };
    const told = (it) => cards.alerts.table({ ...data, alerts: [{ severity: 'warning', message: '', ...it }] }, {}).rows[0].slice(1, 3);
    const drifted = { kind: 'drift', subject: 'recency', message: 'feature recency: values are higher than in training: the median is 68 and was 51 (PSI 0.807 (0.7 to 0.9), KS 0.0996)' };
    assert.deepEqual(told(drifted), ['Days since the last order: values are higher than in training: the median is 68 and was 51.', 'Ask what happened, such as a season, a campaign or an outage. If it stays so, have the model trained again.']);
    // numbers of a column have its unit, those of money the currency
    const columns = { recency: { label: 'Days since the last order', unit: 'days' }, monetary: { label: 'Spent' } };
    const inUnits = (it) => cards.alerts.table({ ...data, about: { ...data.about, presentation: { ...data.about.presentation, value: 'monetary', currency: 'GBP', columns }, features: [{ name: 'recency', kind: 'numeric' }, { name: 'monetary', kind: 'numeric' }, { name: 'since', kind: 'time' }] }, alerts: [{ severity: 'warning', ...it }] }, {}).rows[0][1];
    assert.equal(inUnits(drifted), 'Days since the last order: values are higher than in training: the median is 68 days and was 51 days.');
    assert.equal(inUnits({ ...drifted, subject: 'monetary', message: 'feature monetary: values are spread differently than in training: the middle half is -12.5 to 1174.25 and was 1e-07 to 90000 (PSI 0.8)' }),
        'Spent: values are spread differently than in training: the middle half is −£12.50 to £1,174 and was £0.00 to £90.0 k.');
    assert.match(inUnits({ ...drifted, subject: 'since', message: 'feature since: values are later than in training: the median is 2025-12-01 and was 2025-11-30' }), /the median is 2025-12-01 and was 2025-11-30\.$/);
    const trend = { kind: 'trend', subject: 'recency', message: 'feature recency: a lasting change, perhaps a small one: at least 3 runs in a row have found it; the distance from training is 0.032', finding: 'a change that is certain, but small: values are lower than in training: the median is 48 and was 51 (PSI 0.0133 (0.00602 to 0.0177), KS 0.03' };
    assert.equal(told(trend)[0], 'Days since the last order: values are lower than in training: the median is 48 and was 51; a small change that three checks or more have found.');
    assert.equal(told({ ...trend, finding: null })[0], 'Days since the last order: values differ from those of the training; a small change that three checks or more have found.');
    assert.deepEqual(told({ kind: 'retraining', subject: '(model)', message: 'train again, urgency medium: 1 of 4 features drifted: recency' }), ['A new training is asked for, and its urgency is medium: 1 of 4 columns changed: Days since the last order.', 'Have the model trained again.']);
    assert.equal(told({ ...drifted, closed_at: '2026-01-01' })[1], null);
    assert.match(cards.alerts.sentence({ ...data, alerts: [{ ...drifted, severity: 'critical' }] }, {}), /^1 alert is open, and it is critical\. Days since .* was 51\. Ask what happened/);
    const two = cards.attention.table({ ...data, alerts: [{ ...trend, severity: 'warning' }, { ...trend, subject: 'frequency', severity: 'warning' }] }, {}).rows;
    assert.deepEqual(two, [['! look', 'Alert', '2 columns have changed a little, and lastingly: Days since the last order and frequency. Nothing to do now: the next training takes it in.']]);
});

test('months that stand out are named, and months as usual are not', () => {
    const monthsOf = (values) => values.map((_, i) => `${2026 + Math.floor(i / 12)}-${String(i % 12 + 1).padStart(2, '0')}-01`);
    const kpis = (values) => ({ ...makePublication(), kpis: { months: monthsOf(values), changes: [], segments: [{ segment: null, name: 'total', n: values.map(() => 9), orders_per_customer: values }, { segment: 1, name: 'one', n: values.map(() => 9), orders_per_customer: values }] } });
    const sentence = (values) => cards.kpis.sentence(kpis(values), {});
    assert.match(sentence([0.75, 0.73, 0.76, 0.74, 0.75, 0.23, 0.77, 0.75]), /What stands out: Jun 2026, with 69\s% fewer orders of a customer than in the usual month, of all segments together\. The same month of the year before is not known for Jun 2026, so that it may be the season\./);
    assert.match(sentence([0.75, 0.73, 0.76, 0.74, 0.75, 1.5, 0.77, 0.75]), /Jun 2026, with 100\s% more/);
    // a December is told against the December before: as strong it is the season, stronger or weaker it stands out
    const year = (june, december) => [0.75, 0.73, 0.76, 0.74, 0.75, june, 0.77, 0.75, 0.74, 0.76, 0.75, december];
    assert.match(sentence(year(0.75, 1.5)), /What stands out: Dec 2026, with 100\s% more .* than in the usual month, .* not known for Dec 2026, so/);
    assert.match(sentence([...year(0.75, 1.5), ...year(0.75, 1.6)]), /What stands out: Dec 2026, with 100\s% more orders of a customer than in the usual month, of all/);
    assert.doesNotMatch(sentence([...year(0.75, 1.5), ...year(0.75, 1.6)]), /Dec 2027, with/);
    assert.match(sentence([...year(0.75, 1.5), ...year(0.2, 3)]), /What stands out: Dec 2026, with 100\s% more orders of a customer than in the usual month and Dec 2027, with 100\s% more orders of a customer than in Dec 2026, of all segments together\. The same month of the year before is not known for Dec 2026,/);
    assert.match(sentence([...year(0.75, 3), ...year(0.75, 1.5)]), /Dec 2027, with 50\s% fewer orders of a customer than in Dec 2026/);
    // too few months, no month far off, and a shop whose months differ as much all the time
    for (const values of [[0.7, 0.7, 0.7, 0.7, 0.1], [0.75, 0.73, 0.76, 0.74, 0.75, 0.6, 0.77, 0.75], [0.2, 1, 0.4, 1.4, 0.7, 0.1, 1.2, 0.6], [null, null, 0, 0, 0, 0, 0, 0]]) assert.doesNotMatch(sentence(values), /stands out/);
    // months that differ by chance alone: sums of twelve numbers of a generator are all but normal, here with 20 % of deviation
    let state = 1;
    const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
    const month = () => 1 + 0.2 * (Array.from({ length: 12 }, random).reduce((sum, it) => sum + it, 0) - 6);
    for (const length of [6, 9, 12, 24]) {
        const named = Array.from({ length: 400 }, () => Array.from({ length }, month))
            .filter((values) => standingOut({ months: monthsOf(values), segments: [{ segment: null, name: 'total', orders_per_customer: values }] }).length > 0);
        assert.ok(named.length < 0.1 * 400, `${named.length} of 400 charts of ${length} months`);
    }
    assert.match(sentence([1, 1]), /customers who were in the segment then/);
});

test('who moved: by which run, and which one was before it', () => {
    const move = (from_segment, to_segment, kind, n) => ({ from_segment, from_name: `was ${from_segment}`, to_segment, to_name: `is ${to_segment}`, kind, n, probability: null, total_value: null });
    const data = { ...makePublication(), migration: [move(1, 1, 'stayed', 900), move(1, 2, 'moved', 70), move(2, 1, 'moved', 30)] };
    const sentence = (placings) => cards.migration.sentence({ ...data, placings }, {});
    const moves = sentence(null);
    const last = { at: '2026-11-30T21:00:00Z', version: 3 };

    assert.match(moves, /^100 of 1,000 customers \(10\.0\s%\) changed their segment\. The most, 70, went from 1 was 1 to 2 is 2/);
    assert.equal(sentence({ ...last, previous: { at: '2026-10-31T21:00:00Z', version: 2 } }),
        `Before and after the run of 30 Nov 2026 (version 3); the run before it was that of 31 Oct 2026 (version 2). ${moves}`);
    assert.equal(sentence({ ...last, previous: null }), `Before and after the run of 30 Nov 2026 (version 3); there was no run before it. ${moves}`);
    // two runs in one day are told apart by the time
    assert.ok(sentence({ ...last, previous: { at: '2026-11-30T09:05:00Z', version: 3 } })
        .startsWith('Before and after the run of 30 Nov 2026, 21:00 UTC (version 3); the run before it was that of 30 Nov 2026, 09:05 UTC (version 3). '));
});

test('amounts and numbers in sentences of the database are written as tiles write them', () => {
    const about = { name: 'm', segments: [], presentation: { value: 'total_spent', currency: 'GBP', columns: { total_spent: { label: 'Spent and up to 3' }, recency: { label: 'Days since the last order', unit: 'days' } } },
        features: [{ name: 'total_spent', kind: 'numeric' }, { name: 'recency', kind: 'numeric' }, { name: 'channel', kind: 'categorical' }, { name: 'since', kind: 'time' }, { name: 'a.b (c', kind: 'numeric' }] };
    const change = (reason, presentation = about.presentation) => cards.change.table({ about: { ...about, presentation }, change: [{ section: 'value', reason }] }, {}).rows[0][1];
    const reason = 'The customers of 5 GBP, worth 5 EUR are worth 1,174,000 GBP, 12 less than before (-0.1 %).';
    assert.equal(change(reason), `The customers of 5 GBP, worth 5 EUR are worth £1,174,000, 12 less than before (−0.1${space}%).`);
    assert.match(change(reason, {}), /are worth 1,174,000 GBP, 12 less/);
    assert.match(change(reason.replaceAll('GBP', 'CHF'), { currency: 'CHF' }), /are worth 1,174,000 CHF, 12 less/);
    // who is in a segment
    const described = (description) => cards.descriptions.table({ about, summary: [{ segment: 1, name: 'one', n: 9, description }] }, {}).rows[0][1];
    assert.equal(described('Spends 5,856.5 GBP more than the average (7,910 GBP against -2,054 GBP), basket 1e-05 GBP, 3 GBPs, channel mostly A-7 GBP.'),
        'Spends £5,856.5 more than the average (£7,910 against −£2,054), basket 1e-05 GBP, 3 GBPs, channel mostly A-7 GBP.');
    const rule = (description) => cards.rules.table({ about, surrogate: [{ segment: 1, name: 'one', description, purity: 1, n: 1, coverage: 1 }] }, {}).rows[0][1];
    assert.equal(rule('total spent up to 1174.25 and recency from 22.5 to 36.5 and channel is "web and recency up to 3"'),
        'Spent and up to 3 up to £1,174 and Days since the last order from 22.5 days to 36.5 days and channel is "web and Days since the last order up to 3"');
    assert.equal(rule('since after 2025-01-01 and a.b (c above -3 or unknown'), 'since after 2025-01-01 and a.b (c above −3 or unknown');
    assert.equal(rule('everyone'), 'everyone');
});

test('ids and the column of the segment are not counted as data', () => {
    const data = makePublication({ isHostile: true });
    const key = (column_name, suggestion) => ({ ...data.description[0], column_name, n_null: 4, suggestion: `training leaves the column out unless it is named: ${suggestion}` });
    const before = cards.columns.sentence(data, {});
    data.description.push(key('id', 'every value is different'), key('segment', 'the segment of model “a”'));
    const after = cards.columns.sentence(data, {});
    assert.match(after, /^The source has 5 columns of data, beside id and segment, which only say who or where a customer is: /);
    assert.equal(after.replace(', beside id and segment, which only say who or where a customer is', ''), before);
    const pairs = cards.correlation.table(data, {}).rows;
    data.correlation.push({ ...data.correlation[0], column_a: 'segment', column_b: data.correlation[0].column_a, spearman: 1 });
    assert.deepEqual(cards.correlation.table(data, {}).rows, pairs);
    assert.doesNotMatch(cards.correlation.sentence(data, {}), /segment/);
    // rows in which the segment alone is missing are complete, and others lack what they lack beside it
    data.missing = [{ null_columns: [], n: 90, share: 0.9 }, { null_columns: ['segment'], n: 4, share: 0.04 }, { null_columns: ['age'], n: 5, share: 0.05 }, { null_columns: ['age', 'segment'], n: 1, share: 0.01 }];
    assert.deepEqual(cards.missing.table(data, {}).rows.map(([, columns, n]) => [columns, n]), [[0, 94], [1, 6]]);
    assert.match(cards.missing.sentence(data, {}), /^94\.0\s% of the rows are complete\. What is missing most often: age, in 6\.0\s%/);
});

test('texts of the database are written as pages write', () => {
    assert.equal(format.prose('87.1 %, against 75 %'), `87.1${space}%, against 75${space}%`);
    assert.equal(inWords('"bought again" gains: 0.027, interval 0.0085 to 0.046'), '"bought again" gains');
    assert.equal(inWords('50 % is there: -1e-05, interval -0.049 to 0.072'), '50 % is there');
    assert.equal(inWords('"a: 1, interval b" gains'), '"a: 1, interval b" gains');
    assert.equal(inWords(null), null);
    assert.equal(format.prose('"a" fell by -0.049 (-2 to -1), 2026-10-31'), '“a” fell by −0.049 (−2 to −1), 2026-10-31');
    const data = { about: { presentation: { currency: 'GBP', columns: { frequency: { unit: 'orders' }, basket: { unit: 'GBP' } } }, features: [{ name: 'frequency', kind: 'numeric' }] } };
    assert.equal(columnValue(data, 'frequency', 1), '1 order');
    assert.equal(columnValue(data, 'frequency', 2), '2 orders');
    assert.equal(columnValue(data, 'basket', 12), '£12.00');
    const labels = { first: { label: 'Days since the first order' }, last: { label: 'Days since the last order' }, age: { label: 'Age' } };
    assert.deepEqual(shortLabels({ about: { presentation: { columns: labels } } }, ['first', 'last', 'age', 'other']), ['…first…', '…last…', 'Age', 'other']);
});

test('a profile has the largest difference first, of numbers and of levels, which have no rank but one', () => {
    const data = makePublication({ hasSmall: false });
    const profile = data.profile.map((row) => ({ ...row, rank: row.level === null || row.level === 'web' ? row.rank : null }));
    const far = cards.profile.table({ ...data, profile }, { segment: '1' }).rows.map((row) => Math.abs(row[3]));

    assert.ok(far.length > 6);
    assert.deepEqual(far, [...far].sort((a, b) => b - a));
});

test('levels and segments whose names begin alike are told apart in a legend', () => {
    const long = 'a level of a category that has a long name, too';
    const data = makePublication();
    const shares = (level) => [null, 1].map((segment) => ({ column_name: 'channel', level, segment, n: 10, share: 0.2 }));
    const legendOf = (levels) => textsOf(draw(cards.levels, { ...data, level_share: levels.flatMap(shares) }, light, { width: 560, height: 400 }));

    for (const levels of [[`${long} 1`, `${long} 2`, 'web'], [`${'x'.repeat(40)}1`, `${'x'.repeat(40)}2`], [`${long} a`, `a ${long} a`]]) {
        const [texts, told] = [legendOf(levels), levelNames(levels, 24)];

        assert.equal(new Set(told).size, levels.length, told.join());
        for (const text of told) assert.ok(texts.includes(text), `${text} among ${texts}`);
    }
    assert.deepEqual(levelNames([`${long} 1`, `${long} 2`, 'web', null], 24), ['…1…', '…2…', 'web', '(no value)']);
    const column_name = 'a column that has a long name, and more than that to say of it';
    assert.deepEqual(['web', `${long} 1`, `${long} 2`, null, undefined].map((level) => levelLabel(data, { column_name, level }, 40)),
        ['a column that has a long name, and…: web', 'a column that has …: a level o…me, too 1', 'a column that has …: a level o…me, too 2', 'a column that has a long name, and more…', 'a column that has a long name, and more…']);
    assert.equal(levelLabel(data, { column_name: 'channel', level: 'marketplace' }, 20), 'channel: marketplace');
    assert.deepEqual(toldApart(['same words here', 'same words here'], 8), ['same wo…', 'same wo… (2)']);
    assert.deepEqual(toldApart(['Buyers of much and often', 'Buyers of much and seldom', ''], 12), ['…often…', '…seldom…', '(no name)']);
});

test('levels that begin alike are told apart on the axes of a radar and beside bars, in a narrow picture, too', () => {
    const data = makePublication({ hasSmall: false });
    const called = (level) => `a level that begins like the others ${level}`;
    const renamed = (rows) => rows.map((row) => (row.level ? { ...row, level: called(row.level) } : row));
    const same = { ...data, radar: renamed(data.radar), profile: renamed(data.profile), level_share: renamed(data.level_share) };
    for (const width of [280, 560]) {
        const axes = cards.radar.chart(same, light, { segment: '1', width, height: 380 }).radar.indicator.map(({ name }) => name);
        const bars = cards.frequencies.chart(same, light, { width, height: 340 });
        const beside = bars.yAxis.data;
        assert.ok(axes.length > 4 && axes.some((it) => it.includes('web')), axes.join());
        assert.equal(new Set(axes).size, axes.length, axes.join());
        assert.ok(beside.length > 1 && new Set(beside).size === beside.length, beside.join());
        // what has no room is cut where it is drawn, too
        for (const it of beside) assert.ok([...it].length * 7.5 <= bars.yAxis.axisLabel.width, `${it} in ${bars.yAxis.axisLabel.width}`);
    }
});

test('a long name of an axis is cut by the room that the picture has, and keeps its unit', () => {
    const data = makePublication({ hasSmall: false });
    const [{ name: column }] = data.about.features;
    data.about.presentation.columns = { [column]: { label: 'The number of all the days that went by since the last order', unit: 'days' } };
    for (const [name, state] of [['boxplots', { column }], ['histogram', {}]]) {
        for (const width of [280, 560, 900]) {
            const { xAxis, grid } = cards[name].chart(data, light, { ...state, width, height: 320 });
            assert.match(xAxis.name, /^The number .*\(days\)/, name);
            assert.ok(xAxis.name.length * 7.5 <= width - grid.left - grid.right, `${name} at ${width}: ${xAxis.name}`);
            assert.equal(xAxis.nameTruncate.maxWidth, width - grid.left - grid.right);
        }
    }
    assert.match(cards.boxplots.chart(data, light, { column, width: 900, height: 320 }).xAxis.name, /last order \(days\)$/);
});

test('bins of whole numbers end at whole numbers', () => {
    const data = makePublication();
    const bins = (edges) => ({ ...data, histogram: { columns: ['recency'], column_name: 'recency', scale: 'linear', edges: [edges[0][0], ...edges.map(([, high]) => high)], segments: [{ segment: null, n: edges.map((_, i) => 9 - i), density: edges.map(() => 1) }] } });
    assert.match(cards.histogram.sentence(bins([[-0.5, 15.5], [15.5, 31.5]]), {}), /between 0 and 15 /);
    assert.match(cards.histogram.sentence(bins([[0.5, 1.5], [1.5, 2.5]]), {}), /is at 1 /);
    assert.match(cards.histogram.sentence(bins([[0.25, 1.3], [1.3, 2.35]]), {}), /between 0.25 and 1.3 /);
});

test('an axis writes no decimals that say nothing, and names stay as they are', () => {
    const ticks = axis(light, { type: 'value', axisLabel: { formatter: (value) => format.money(value, 'GBP') } }).axisLabel.formatter;
    assert.deepEqual([0, 20, 3000, 12_000, 1_250_000, 0.05, 0.5].map((it) => ticks(it)), ['£0', '£20', '£3,000', `£12${space}k`, `£1.3${space}M`, '£0.05', '£0.50']);
    assert.equal(axis(light, { type: 'category', axisLabel: { formatter: (it) => it } }).axisLabel.formatter('version 1.0'), 'version 1.0');
});

test('an axis of few customers has whole steps, each of its own', () => {
    const data = makePublication();
    const few = { ...data, feed: { ...data.feed, causes: data.feed.causes.slice(0, 1).map((it) => ({ ...it, n: 3, n_30d: 3 })) } };
    const ticks = textsOf(draw(cards.causes, few, light, { width: 640, height: 180 })).filter((it) => /^\d+$/.test(it));
    assert.ok(ticks.length > 1);
    assert.deepEqual(ticks, [...new Set(ticks)]);
});

test('what is kept of single customers: kinds of data are counted, not versions that keep them; a history that may not be read is no table', () => {
    const row = (kind, version, isNamed) => ({ kind, version, n: 3, is_named: isNamed, reason: 'why', remedy: 'how' });
    const data = { ...makePublication(), personal_data: [row('change', null, true), row('extremes', 1, false), row('extremes', 2, false), row('values', 1, false), row('values', 2, false)] };
    assert.equal(cards['personal-data'].sentence(data, {}), 'Customers are named in 3 changes; custseg.forget_customer() deletes those of one customer. 2 more kinds of data have values of single customers without saying whose they are.');
    assert.equal(cards.history.table({ ...data, computed: { history: null, customer: '7' } }, {}), null);
    assert.equal(cards.history.table({ ...data, computed: { history: [], customer: '7' } }, {}), null);
    const moved = { at: '2026-11-20T00:00:00+00:00', kind: 'change', from_segment: 1, from_name: 'new', to_segment: 2, to_name: 'loyal', version: 1, reason: null };
    assert.equal(cards.history.sentence({ ...data, computed: { history: [moved], customer: '7' } }, {}), 'The only change of customer 7: moved on 20 Nov 2026 from new to loyal. The reason: none was given.');
});

test('names are text in a picture, never markup', () => {
    const data = makePublication({ isHostile: true, k: 8 });
    const svg = draw(cards['customers-and-value'], data, light, { width: 900, height: 400 });
    assert.match(svg, /&lt;script&gt;/);
    assert.doesNotMatch(svg, /<script/);
});
