// playbook.js
//	  What to do for each segment: the action, where, at what cost, and whether there is room for all.

import { amount, hasValue, segmentLabel } from '../../web/facts.js';
import { count, isKnown, percent, plural } from '../../web/format.js';
import { literal } from '../../web/parts.js';
import { numbersOf, originOf, paragraph, planFacts, table, labelled } from '../blocks.js';
import { mark, stamp } from '../document.js';
import { html } from '../html.js';
import { ranked, rowOf } from '../publication.js';
import { hasAction, planOf } from '../strategy.js';
import { cut, sentences } from '../text.js';
import { describe, people } from '../words.js';
import { aboutSuggestions } from './report.js';

export const heading = 'Playbook';
export const css = `
.entry { break-inside: avoid; border-top: 1px solid; padding-top: 3mm; margin-top: 6mm } .entry > * + * { margin-top: 2mm }
.entry header { display: flex; justify-content: space-between; align-items: baseline; gap: 4mm } .entry h2 { margin: 0 }
.numbers { display: flex; gap: 9mm } .numbers b { display: block; font-size: 12.5pt; line-height: 1.2 }
.entry .two { grid-template-columns: 1.25fr 1fr }`;

/** Returns what an action may cost, as far as the publication tells. */
function cost(data, row, plan) {
    const told = [];
    told.push(plan.budgetShare === null ? 'No share of a budget is set.' : `${percent(plan.budgetShare)} of the campaign’s budget is meant for them${row.n > 0 ? `, for ${people(row.n)}` : ''}.`);
    if (isKnown(row.total_value) && row.n > 0 && row.total_value > 0) told.push(`One percent of what they brought is ${amount(data, row.total_value / 100)}, or ${amount(data, row.total_value / 100 / row.n)} each: an action that costs as much has to raise their value by 1${'\u00a0'}%, before margins, to pay for itself.`);
    else if (!hasValue(data)) told.push('What they are worth is not known, so what an action may cost cannot be told.');
    return told;
}

/** Returns whether there is room for all of a segment. */
function capacity(data, row, plan) {
    const checked = rowOf(data, 'capacity', row.segment);
    if (checked?.perk_capacity === null || checked === null) return [plan.perkCapacity === null ? 'No limit is set for the number of customers.' : `${count(plan.perkCapacity)} places.`];
    if (checked.excess > 0) return [`There are ${plural(checked.perk_capacity, 'place')} for ${people(checked.n)}: ${count(checked.excess)} too few. Decide who comes first, or promise less.`];
    return [`There are ${plural(checked.perk_capacity, 'place')} for ${people(checked.n)}: ${count(checked.perk_capacity - checked.n)} stay free.`];
}

function entry(data, row) {
    const plan = planOf(data, row);
    return html`<article class="entry">
<header><h2>${mark(row.segment)}<bdi>${cut(segmentLabel(row, 80), 440, 18, true)}</bdi></h2><span class="tag">${plan.strategy.name} · ${originOf(plan)}</span></header>
<div class="numbers">${numbersOf(data, row).map(([big, small]) => html`<div><b>${big}</b><span class="small">${small}</span></div>`)}</div>
<p>${sentences(describe(data, row), 400)}</p>
<div class="two"><div><h3>${plan.strategy.goal}</h3>${planFacts(data, row)}${plan.isSuggestion && html`<p class="small">A suggestion: ${plan.because}. Set your own: it then stands here.</p>`}</div>
<div><h3>Cost</h3>${paragraph(cost(data, row, plan))}<h3>Room</h3>${paragraph(capacity(data, row, plan))}</div></div>
</article>`;
}

function howToSet(data, rows) {
    const row = rows.find((it) => !hasAction(it));
    if (!row) return null;
    return html`<div class="note"><p>An action is set by whoever owns the model, and stands in the next publication:</p><pre>SELECT custseg.set_action(${literal(data.about.name)}, ${row.segment}, '{"offer": "early access", "channel": "email", "contact_frequency": "monthly",
    "primary_kpi": "repeat purchases", "budget_share": 0.3, "perk": "gift", "perk_capacity": 500}');</pre></div>`;
}

/** Returns the pages. */
export function pages(data) {
    const rows = ranked(data);
    return [html`<section class="flow"><header><h1>Playbook</h1><p class="muted">${stamp(data)}</p></header>
<p class="lead">For each segment: who they are, what to do, where to reach them, what it may cost, and whether there is room for all.</p>
${paragraph([aboutSuggestions(data)], 'note')}
${table([{ label: 'Segment', width: '36%' }, { label: 'Strategy' }, { label: 'Customers', isRight: true }, { label: 'Share of value', isRight: true }, { label: 'Set in the playbook', isRight: true }],
        rows.map((row) => [labelled(row, 215), planOf(data, row).strategy.name, count(row.n), isKnown(row.value_share) ? percent(row.value_share) : 'not known', hasAction(row) ? 'yes' : 'no']))}
${rows.map((row) => entry(data, row))}
${howToSet(data, rows)}
</section>`];
}
