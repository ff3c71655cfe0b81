// report.js
//	  The report for those who decide: one executive page, the cards of the segments, what to do with each,
//	  and in which order.

import { hasValue, title } from '../../web/facts.js';
import { count, date, plural } from '../../web/format.js';
import { labelled, originOf, paragraph, table, tiles } from '../blocks.js';
import { foot, stamp } from '../document.js';
import { html } from '../html.js';
import { twinBars } from '../pictures.js';
import { groups, ranked } from '../publication.js';
import { steps } from '../roadmap.js';
import { actions, planOf } from '../strategy.js';
import { closed, cut, sentences } from '../text.js';
import { campaignOf, changesSince, concentrationSentence, fallsOf, healthOf, people, whoCarries } from '../words.js';
import { css as cardsCss, sheets } from './cards.js';

export const css = `${cardsCss}
.executive { justify-content: space-between; padding-bottom: 19mm; gap: 3mm } .executive { font-size: 10.6pt } .executive h2 { margin-bottom: 1mm }`;
export const heading = 'Segmentation report';

/** Returns the three actions as a list. */
export function actionList(data, { length = 150, most = 3 } = {}) {
    const found = actions(data, groups(data), most);
    if (found.length === 0) return html`<p class="note">There is no segment to act on.</p>`;
    return html`<ol class="actions">${found.map((it) => html`<li><div><b>${it.title}</b> <span class="muted">(${it.scope})</span><br>${sentences(it.text, length)}${it.channel && html` Where: ${closed(sentences(it.channel, 50))}`}${it.because && html` <span class="muted">${it.isSuggestion ? 'Suggested: ' : 'Why: '}${closed(sentences(it.because, 200))}</span>`}</div></li>`)}</ol>`;
}

function executivePage(data) {
    const health = healthOf(data);
    const changes = [...changesSince(data), ...fallsOf(data)];
    return html`<section class="sheet executive">
<header><h1>${cut(title(data), 1250, 28, true)}</h1><p class="muted">Executive page · ${stamp(data)}</p></header>
${tiles(data)}
<div><h2>${hasValue(data) ? 'What carries the value' : 'How large the segments are'}</h2>${paragraph([...whoCarries(data), concentrationSentence(data)], 'lead')}</div>
${twinBars(data, { width: 680, most: 7, least: 270 })}
<div class="two"><div><h2>What changed</h2>${changes.length > 0 ? paragraph([...changes, campaignOf(data)]) : html`<p>This is the first publication of this version. The next one will show who came and who went.</p>`}</div>
<div><h2>How healthy the model is</h2>${paragraph(health.sentences)}</div></div>
<div><h2>Three actions</h2>${actionList(data)}</div>
${foot(data, 'executive page', 'page 1')}
</section>`;
}

/** Returns the table of what to do with each segment. */
export function strategyTable(data, { rows = ranked(data), length = 160 } = {}) {
    return table(
        [{ label: 'Segment', width: '19%' }, { label: 'Strategy', width: '12%' }, { label: 'What to do' }, { label: 'Where', width: '12%' }, { label: 'How often', width: '13%' }, { label: 'Measure', width: '14%' }],
        rows.map((row) => {
            const plan = planOf(data, row);
            return [html`${labelled(row, 110, 11.7)}<br><span class="muted">${people(row.n)}</span>`, html`${plan.strategy.name}<br><span class="muted">${originOf(plan)}</span>`,
                sentences(plan.offer ?? 'not set', length), sentences(plan.channel ?? 'not set', 40), sentences(plan.cadence ?? 'not set', 40), sentences(plan.kpi ?? 'not set', 45)];
        }),
    );
}

/** Returns a sentence about how much of a plan is suggested, or null. */
export function aboutSuggestions(data) {
    const rows = ranked(data);
    const n = rows.filter((row) => planOf(data, row).isSuggestion).length;
    if (n === 0) return null;
    return `${n === rows.length ? 'The playbook has no action yet' : `The playbook has no action for ${count(n)} of ${plural(rows.length, 'segment')}`}. What stands here as a suggestion follows from the numbers of this publication alone; it knows nothing of your margins, your stock or your promises.`;
}

/** Returns the steps of the roadmap as a table. */
export function roadmapTable(data, start) {
    const all = steps(data, start);
    const isDated = all.some((it) => it.when);
    return table(
        [{ label: 'Step', width: '6%' }, ...(isDated ? [{ label: 'When', width: '22%' }] : []), { label: 'What' }, { label: 'Done when', width: '34%' }],
        all.map((it, i) => [count(i + 1), ...(isDated ? [it.when ?? ''] : []), html`<b>${it.what}</b> ${it.why}`, it.done]),
    );
}

/** Returns the pages. */
export function pages(data, { start }) {
    const cards = sheets(data, ranked(data), 'segment cards', 2);
    return [
        executivePage(data),
        ...cards,
        html`<section class="flow"><h1>Strategy by segment</h1>${paragraph([aboutSuggestions(data)], 'note')}${strategyTable(data)}
<h2>Roadmap</h2><p>${start ? `The dates are counted from ${date(start)}.` : 'The steps stand in their order. Dates of what is to come were not given.'}</p>${roadmapTable(data, start)}
<p class="small">${stamp(data)}. Every number is that of one publication; the same publication gives the same report.</p></section>`,
    ];
}
