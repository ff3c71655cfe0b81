// cards.js
//	  A card for each segment, two on a page: who they are, what they are worth, what to do; where the last
//	  page has one card only, all segments side by side beneath it, and where these are few, what to do with each.

import { amount, hasValue, segmentLabel, title } from '../../web/facts.js';
import { count, percent, plural } from '../../web/format.js';
import { segmentColor, light } from '../../web/theme.js';
import { differencesOf, labelled, numbersOf, originOf, planFacts, table } from '../blocks.js';
import { foot, mark } from '../document.js';
import { html } from '../html.js';
import { ranked } from '../publication.js';
import { planOf } from '../strategy.js';
import { closed, cut, sentences } from '../text.js';
import { describe } from '../words.js';

export const css = `
.card { height: 127mm; border: 1px solid ${light.line}; border-top: 3px solid; border-radius: 4px; padding: 4mm 5mm; display: flex; flex-direction: column; gap: 3mm; overflow: hidden }
.card header { display: flex; justify-content: space-between; align-items: baseline; gap: 4mm }
.card h2 { color: ${light.ink}; font-size: 15pt }
.numbers { display: flex; gap: 6mm } .numbers b { display: block; font-size: 13pt; line-height: 1.2 }
.halves { display: grid; grid-template-columns: 99mm 1fr; gap: 6mm; min-height: 0 }
.halves dl.facts { font-size: 8.8pt; row-gap: 1.1mm } .halves h3 { margin-bottom: 1.5mm } .halves .small { margin-top: 2mm }
.next { margin-top: 5mm }`;

/** Returns whether a plan has more words than a card holds. */
function isLong(plan) {
    return [plan.offer, plan.channel, plan.cadence, plan.kpi, plan.guardrail, plan.perk].filter(Boolean).join(' ').length > 260;
}

/** From so many cards on, each shows fewer columns, so that the file stays small. */
const many = 24;

/** Returns the card of a segment, with "most" columns at most. */
export function card(data, row, most = 6) {
    const plan = planOf(data, row);
    return html`<article class="card" style="border-top-color:${segmentColor(row.segment, light)}">
<header><h2>${mark(row.segment)}<bdi>${cut(segmentLabel(row, 80), 430, 20, true)}</bdi></h2><span class="tag">${plan.strategy.name} · ${originOf(plan)}</span></header>
<div class="numbers">${numbersOf(data, row).map(([big, small]) => html`<div><b>${big}</b><span class="small">${small}</span></div>`)}</div>
<p>${sentences(describe(data, row), 300)}</p>
<div class="halves"><div>${differencesOf(data, row, { width: 374, most, rowHeight: 42 })}</div>
<div><h3>${plan.strategy.goal}</h3>${planFacts(data, row, { length: isLong(plan) ? 72 : 110 })}${plan.isSuggestion && html`<p class="small">A suggestion: ${closed(sentences(plan.because, 130))}</p>`}</div></div>
</article>`;
}

/** As many lines as half a page has room for. */
const lines = 14;

/** Of as many segments at most half a page has room for what to do with each, too. */
const few = 5;

/** Returns the table of what to do with each segment. */
function whatToDo(data, rows) {
    const cells = (row) => {
        const plan = planOf(data, row);
        return [labelled(row, 150), plan.strategy.goal, plan.offer && cut(sentences(plan.offer, 90), 700, 12), plan.channel && cut(plan.channel, 100, 12)];
    };
    return html`<h2 class="next">What to do with each</h2>${table([{ label: 'Segment', width: '25%' }, { label: 'Aim', width: '20%' }, { label: 'Offer' }, { label: 'Channel', width: '15%' }], rows.map(cells))}`;
}

/** Returns the table of all segments that stands where a second card would. */
function sideBySide(data, rows) {
    const isValued = hasValue(data);
    const columns = [{ label: 'Segment' }, { label: 'Customers', isRight: true }, { label: 'Share', isRight: true },
        ...(isValued ? [{ label: 'Value', isRight: true }, { label: 'Share of value', isRight: true }, { label: 'A customer', isRight: true }] : []), { label: 'Strategy' }];
    const cells = (row) => [labelled(row, 190), count(row.n), percent(row.share),
        ...(isValued ? [amount(data, row.total_value), percent(row.value_share), amount(data, row.value_per_customer)] : []), planOf(data, row).strategy.name];
    const left = rows.length - lines;
    return html`<div><h2>All segments side by side</h2>${table(columns, rows.slice(0, lines).map(cells))}${left > 0 && html`<p class="small">${plural(left, 'more segment has', 'more segments have')} a card, but no line here.</p>`}${rows.length <= few && whatToDo(data, rows)}</div>`;
}

/** Returns sheets with two cards each. */
export function sheets(data, rows, words, first = 1) {
    const pairs = rows.filter((_, i) => i % 2 === 0).map((_, i) => rows.slice(2 * i, 2 * i + 2));
    const hasRoom = (pair) => pair.length === 1 && rows.length > 1;
    return pairs.map((pair, i) => html`<section class="sheet">${pair.map((row) => card(data, row, rows.length > many ? 4 : 6))}${hasRoom(pair) && sideBySide(data, rows)}${foot(data, words, `page ${first + i}`)}</section>`);
}

export const heading = 'Segment cards';

/** Returns the pages. */
export function pages(data) {
    const [first, ...rest] = sheets(data, ranked(data), 'segment cards');
    return [html`<h1 class="hidden">${heading}: ${title(data)}</h1>${first}`, ...rest];
}
