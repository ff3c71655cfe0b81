// guide.js
//	  How to read and use the segments, for people who write to customers and never write SQL.

import { amount, hasValue } from '../../web/facts.js';
import { count, date, isKnown, percent, plural, short } from '../../web/format.js';
import { literal } from '../../web/parts.js';
import { differencesOf, labelled, numbersOf, paragraph, table } from '../blocks.js';
import { mark, stamp } from '../document.js';
import { html } from '../html.js';
import { twinBars } from '../pictures.js';
import { groups, index, ranked, rowOf, totalCustomers } from '../publication.js';
import { planOf } from '../strategy.js';
import { sentences } from '../text.js';
import { called, capital, describe, people, subject, timesAverage, verb, whoCarries } from '../words.js';

export const heading = 'Guide to the segments';
export const css = `
.numbers { display: flex; gap: 9mm } .numbers b { display: block; font-size: 13pt; line-height: 1.2 }
.example > * + * { margin-top: 2.5mm }`;

function readACard(data, row) {
    const told = [
        [`${count(row.n)} customers, ${percent(row.share)}`, 'How many they are, and of how many all customers. It is a count of this publication, not of today.'],
        isKnown(row.value_share) ? [`${percent(row.value_share)} of the value`, `What they brought together, as a share of what all brought. Beside ${percent(row.share)} of the customers it says whether they carry more than their number.`] : null,
        isKnown(row.value_per_customer) ? [`${amount(data, row.value_per_customer)} for each`, `The mean: ${timesAverage(data, row) ?? 'it cannot be compared with the others'}. A few very large customers pull it up; most are below it.`] : null,
        isKnown(rowOf(data, 'value', row.segment)?.value_mean) ? ['Expected', `What each of them is expected to bring in ${short(rowOf(data, 'value', row.segment).horizon ?? 'the time to come', 20)}, by a model of repeat purchases: a forecast, with the doubts of one.`] : null,
        ['The bars', 'To the right of the middle they have more than all customers, to the left less. The numbers above a bar are theirs, and then those of all.'],
    ].filter(Boolean);
    return html`<div class="together"><h2>How to read a card</h2><p>Take ${called(row)} as the example.</p>
<div class="box example"><h3>${mark(row.segment)}<bdi>${called(row)}</bdi></h3>
<div class="numbers">${numbersOf(data, row).map(([big, small]) => html`<div><b>${big}</b><span class="small">${small}</span></div>`)}</div>
<p>${sentences(describe(data, row), 400)}</p>${differencesOf(data, row, { width: 460, most: 4 })}</div></div>
${table([{ label: 'What stands there', width: '26%' }, { label: 'What it means' }], told)}`;
}

function useThem(data, rows) {
    const first = rows[0];
    const plan = first && planOf(data, first);
    return html`<h2>From a segment to a campaign</h2>
<ol><li><b>Choose one segment and one aim.</b> ${first ? html`For ${called(first)} the aim could be: ${plan.strategy.goal.toLowerCase().replace(/\.$/, '')}.` : ''}</li>
<li><b>Ask for the list on the day you need it.</b> Customers move from segment to segment; a list of last month is wrong for some of them. Whoever runs the database gets it with one line:
<pre>SELECT id FROM custseg.score(${literal(data.about.name)}) WHERE segment = ${first?.segment ?? 1};</pre></li>
<li><b>Leave a part out, by lot.</b> One customer in ten who does not get the message tells you what the message did. Without them you only know what happened.</li>
<li><b>Say what they have in common, not what the segment is called.</b> Nobody wants to read that he is “at risk”.</li>
<li><b>Measure what the playbook names.</b> ${first && plan.kpi ? html`For ${called(first)}: ${sentences(plan.kpi, 80)}${plan.guardrail ? html`, while this must not get worse: ${sentences(plan.guardrail, 80)}` : ''}.` : 'Agree on it before the first message goes out.'}</li></ol>`;
}

function questions(data, rows) {
    const noise = ranked(data).find((row) => row.segment === 0);
    const cheapest = hasValue(data) ? [...rows].filter((row) => index(data, row) !== null).sort((a, b) => index(data, a) - index(data, b))[0] : null;
    const all = [
        ['Does everyone in a segment look like its description?', 'No. The description tells what they have more or less of than others, on average. Single customers differ.'],
        ['Is a customer in two segments?', 'No. Every customer is in one. Some are close to the border of another one, and the customer page tells how close.'],
        cheapest && rows.length > 1 ? [`Should we drop ${called(cheapest)}?`, `${subject(cheapest)} ${verb(cheapest, 'bring', 'brings')} ${amount(data, cheapest.value_per_customer)} for each of ${people(cheapest.n)}. That is a reason to spend less on them, and no reason to lose them.`] : null,
        noise?.n > 0 ? ['What are the customers without a segment?', `${people(noise.n)} are unlike any group. Write to them as you do to everyone.`] : null,
        ['Does the segment cause what they do?', 'No. It describes what they did. Whether a message changes what they do next, only a comparison with customers who did not get it can tell.'],
        ['May we use it for prices or for credit?', 'Ask first. Segments can follow age, sex or origin without naming them. The methodology tells how to check.'],
        ['When do the segments change?', `With each new publication the numbers change; this one is of ${date(data.about.published_at)}. The segments themselves change when a new version is trained, and keep their numbers and names where they hold mostly the same customers.`],
    ].filter(Boolean);
    return html`<h2>Questions</h2>${all.map(([question, answer]) => html`<div class="together"><h3>${question}</h3><p>${answer}</p></div>`)}`;
}

function wordList(data) {
    const words = [
        ['Segment', 'A group of customers who are alike in the columns that the model sees.'],
        ['Share', 'Their part of all customers who are in a segment or in none.'],
        ['Value', hasValue(data) ? 'What customers brought up to this publication: a sum of the past, not a forecast.' : 'What customers brought. This model does not know it yet.'],
        ['Mean and median', 'The mean shares everything out alike; the median is the customer in the middle. Where a few are very large, the median tells more.'],
        ['Average customer', 'All customers together, as if they were one.'],
        ['Suggestion', 'What the numbers alone would say. It knows nothing of margins, stock or promises.'],
        ['Playbook', 'What your company has decided to do for a segment.'],
        ['Drift', 'Customers no longer look as they did when the model was trained.'],
    ];
    return html`<h2>Words</h2><dl class="facts">${words.map(([word, means]) => html`<dt>${word}</dt><dd>${means}</dd>`)}</dl>`;
}

/** Returns the pages. */
export function pages(data) {
    const rows = groups(data);
    const all = ranked(data);
    return [html`<section class="flow"><header><h1>Guide to the segments</h1><p class="muted">${stamp(data)}</p></header>
<p class="lead">${capital(`${plural(rows.length, 'segment')} sum up ${people(totalCustomers(data))}. This guide says who is in them, how to read their numbers, and how to use them in a campaign.`)}</p>
<h2>Who carries what</h2>${paragraph(whoCarries(data))}${twinBars(data, { width: 680, most: 10 })}
<h2>The segments in one sentence each</h2>
${table([{ label: 'Segment', width: '27%' }, { label: 'Customers', isRight: true }, { label: 'Who they are' }], all.map((row) => [labelled(row, 155, 11.7), html`${count(row.n)}&emsp;`, sentences(describe(data, row), 260)]))}
${rows.length > 0 && readACard(data, rows[0])}
${useThem(data, rows)}
${questions(data, rows)}
${wordList(data)}</section>`];
}
