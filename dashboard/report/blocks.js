// blocks.js
//	  What several kinds of reports show: tiles, tables, pictures, what is missing.

import { amount, hasValue, segmentLabel, segmentName } from '../web/facts.js';
import { count, dash, isKnown, percent, plural, short, unknown } from '../web/format.js';
import { literal, whyMissing } from '../web/parts.js';
import { light } from '../web/theme.js';
import { differences, height as differencesHeight, hasDifferences } from '../web/charts/differences.js';
import { expected, valueLabel } from '../web/charts/tiles.js';
import { mark } from './document.js';
import { html } from './html.js';
import { picture } from './picture.js';
import { groups, ranked, rowOf, totalCustomers, totalValue } from './publication.js';
import { planOf } from './strategy.js';
import { cut, sentences } from './text.js';
import { healthOf, people } from './words.js';

/** Returns a table; columns are {label, isRight}, a row is a list of cells. */
export function table(columns, rows, { isRoomy = false } = {}) {
    return html`<div class="scroll" role="group" tabindex="0" aria-label="${columns.map((it) => it.label).join(', ')}"><table${isRoomy ? html` class="roomy"` : ''}><thead><tr>${columns.map((it) => html`<th${it.isRight ? html` class="right"` : ''}${it.width ? html` style="width:${it.width}"` : ''}>${it.label}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map((cell, i) => html`<td${columns[i].isRight ? html` class="right"` : ''}>${cell}</td>`)}</tr>
`)}</tbody></table></div>`;
}

/** Returns a segment's colour and name on one line of the given width in pixels. */
export function labelled(row, width = 180, size = 12) {
    return html`${mark(row.segment)}<bdi>${cut(segmentLabel(row, 60), width, size)}</bdi>`;
}

/** Returns why a part is not in this publication, and the SQL that fills it. */
export function lackOf(data, part) {
    const { why, sql } = whyMissing(part, data.about.name);
    return { why: why.replace('Nothing was published of this model yet', 'This publication does not hold it'), sql };
}

/** Returns what is said in place of a part that is not there. */
export function missing(data, part) {
    const { why, sql } = lackOf(data, part);
    return html`<div class="note"><p>${why}</p>${sql && html`<pre>${sql}</pre>`}</div>`;
}

/** Returns the SQL that watches a model and publishes. */
export function monitorSql(data) {
    return `SELECT * FROM custseg.monitor(${literal(data.about.name)}, options => '{"publish": true}');`;
}

/** Returns whether a part of the publication has something to show. */
export function has(data, part) {
    const body = data[part];
    return Array.isArray(body) ? body.length > 0 : body !== null && body !== undefined;
}

/** Returns the four numbers that a report begins with. */
export function tiles(data) {
    const rows = groups(data);
    const health = healthOf(data);
    const [first] = rows;
    const total = totalValue(data);
    const noise = ranked(data).find((row) => row.segment === 0);
    const cells = [
        [count(totalCustomers(data)), `customers in ${plural(rows.length, 'segment')}${noise?.n > 0 ? ` and ${percent(noise.share)} in none` : ''}`],
        hasValue(data) && total !== null ? [amount(data, total), [`${valueLabel(data)}, ${amount(data, total / totalCustomers(data))} a customer`, expected(data)].filter(Boolean).join('; ')] : [unknown, 'what they are worth'],
        first ? [percent(hasValue(data) && isKnown(first.value_share) ? first.value_share : first.share), `of the ${hasValue(data) && isKnown(first.value_share) ? 'value' : 'customers'}: ${cut(segmentName(first, 40), 12, 1)}`] : [dash, 'no segment'],
        [health.word, 'health of the model', health.rating],
    ];
    return html`<div class="tiles">${cells.map(([big, small, rating]) => html`<div class="tile"><b class="${rating ?? ''}">${big}</b><span>${small}</span></div>`)}</div>`;
}

/** Returns the bars of what sets a segment apart, or why there are none. */
export function differencesOf(data, row, { width, most = 5, scale = 1, rowHeight }) {
    if (row.is_small) return html`<p class="note">There are too few customers to show how they differ.</p>`;
    if (!hasDifferences(data, row.segment)) return html`<p class="note">No column tells them from the others.</p>`;
    const height = differencesHeight(data, row.segment, most, rowHeight);
    return picture(differences(data, light, { segment: row.segment, width: Math.round(width / scale), most }), { width: Math.round(width / scale), height, label: `How ${segmentName(row)} differ from all customers`, scale });
}

/** Returns the numbers of a segment as a list of [big, small]. */
export function numbersOf(data, row) {
    const cells = [[count(row.n), `${row.n === 1 ? 'customer' : 'customers'}, ${percent(row.share)}`]];
    if (isKnown(row.total_value)) {
        cells.push([amount(data, row.total_value), isKnown(row.value_share) ? `value, ${percent(row.value_share)}` : 'value']);
        cells.push([amount(data, row.value_per_customer), 'for each customer']);
    } else if (hasValue(data)) cells.push([unknown, row.is_small ? 'value: too few customers' : 'value']);
    const expected = rowOf(data, 'value', row.segment);
    if (isKnown(expected?.value_mean) && expected.horizon) cells.push([amount(data, expected.value_mean), `expected, ${short(expected.horizon, 16)}`]);
    const before = data.previous?.version === data.about.version ? data.previous.summary?.find((it) => it.segment === row.segment) : null;
    if (isKnown(before?.n) && before.n > 0 && isKnown(row.n)) cells.push([row.n === before.n ? 'unchanged' : `${row.n > before.n ? '+' : '−'}${count(Math.abs(row.n - before.n))}`, 'since last time']);
    return cells;
}

/** Returns the list of a segment's plan: what, in so many letters at most, and where, how often, measured by what, in fewer. */
export function planFacts(data, row, { length = 220 } = {}) {
    const plan = planOf(data, row);
    const says = (text, isFirst) => sentences(text, isFirst ? length : Math.round(length * 0.42));
    const facts = [
        ['What', plan.offer], ['Where', plan.channel], ['How often', plan.cadence], ['Measure', plan.kpi], ['Watch', plan.guardrail],
        ['Budget', plan.budgetShare === null ? null : `${percent(plan.budgetShare)} of the campaign`],
        ['Perk', plan.perk && plan.perk !== plan.offer ? plan.perk : null],
        ['Places', plan.perkCapacity === null ? null : `${count(plan.perkCapacity)} for ${people(row.n)}`],
    ].filter(([, text]) => text);
    return html`<dl class="facts">${facts.map(([name, text]) => html`<dt>${name}</dt><dd>${says(text, name === 'What')}</dd>`)}</dl>`;
}

/** Returns the tag that says where a plan comes from. */
export function originOf(plan) {
    return plan.isSuggestion ? 'suggestion' : 'playbook';
}

/** Returns a list of sentences as one paragraph. */
export function paragraph(list, name = '') {
    return html`<p class="${name}">${list.filter(Boolean).join(' ')}</p>`;
}
