// methodology.js
//	  How the segments were made and how far they can be trusted: data, preparation, algorithm, number of
//	  segments, measures, limits, fairness and privacy.

import * as fairnessChart from '../../web/charts/fairness.js';
import { hasValue, label } from '../../web/facts.js';
import { count, dash, date, dateTime, fixed, isKnown, list, number, percent, plural, short, toNumber } from '../../web/format.js';
import { literal } from '../../web/parts.js';
import { has, labelled, missing, monitorSql, paragraph, table } from '../blocks.js';
import { stamp } from '../document.js';
import { html } from '../html.js';
import { algorithms, measures, optionWords } from '../methods.js';
import { groups, ranked, totalCustomers } from '../publication.js';
import { chooseKPicture, importancePicture, silhouettePicture } from '../pictures.js';
import { sentences } from '../text.js';
import { called, capital, healthOf, people } from '../words.js';
import { preparation } from './dictionary.js';

export const heading = 'Methodology';
export const css = '';

const isQuery = (source) => /^\s*(?:select|with|values|table)\b/i.test(source);

function dataSection(data) {
    const it = data.facts.training;
    if (!it) return html`<h2>Data</h2><p class="note">This version is no longer in the catalogue, so how it was trained is not known.</p>`;
    const reasons = Object.entries(it.skipped ?? {}).map(([reason, n]) => `${count(n)} because of ${reason}`);
    const quality = (data.quality ?? []).filter((row) => row.verdict && row.verdict !== 'ok');
    return html`<h2>Data</h2>
${paragraph([`The model was trained on ${people(it.n_rows)} of ${isQuery(it.source) ? 'a query' : `the source ${short(it.source, 60)}`}, on ${date(it.trained_at)}.`,
        it.n_skipped > 0 ? `${plural(it.n_skipped, 'row was', 'rows were')} left out${reasons.length > 0 ? `: ${list(reasons)}` : ''}.` : 'No row was left out.',
        `The numbers of this report tell of ${people(totalCustomers(data))}, read on ${dateTime(data.about.published_at)}.`, it.note])}
${isQuery(it.source) && html`<pre>${sentences(it.source.trim(), 700)}</pre>`}
${quality.length > 0 ? html`<h3>What the check of the data found</h3><ul>${quality.slice(0, 8).map((row) => html`<li>${short(row.name ?? row.subject, 60)}: ${sentences(row.reason ?? row.verdict, 200)} (${row.verdict})</li>`)}</ul>` : has(data, 'quality') ? html`<p>The check of the data found nothing: columns, types, ranges and gaps are as in training.</p>` : missing(data, 'quality')}`;
}

function preparationSection(data) {
    const features = data.facts.features ?? [];
    if (features.length === 0) return null;
    const pca = data.facts.training?.n_components;
    const same = new Map();
    for (const it of features) {
        const how = preparation(it);
        same.set(how, [...(same.get(how) ?? []), label(data, it.name, 40)]);
    }
    return html`<h2>Preparation</h2>
<p>The model sees ${plural(features.length, 'column')}. Each was made comparable before distances were taken, so that no column counts more because of its unit.</p>
${table([{ label: 'Preparation', width: '38%' }, { label: 'Columns' }], [...same].map(([how, names]) => [how, names.length > 12 ? `${names.slice(0, 12).join(', ')} and ${count(names.length - 12)} more` : names.join(', ')]))}
${isKnown(pca) && html`<p>The columns were then summed up in ${plural(pca, 'principal component')}.</p>`}`;
}

function optionText(value) {
    if (value === null) return 'default';
    if (typeof value === 'number') return number(value);
    if (typeof value === 'object') return sentences(JSON.stringify(value), 220);
    return sentences(String(value), 220);
}

function algorithmSection(data) {
    const it = data.facts.training;
    const what = algorithms[data.about.algorithm];
    const options = Object.entries(it?.options ?? {}).filter(([, value]) => value !== null);
    return html`<h2>Algorithm</h2>
${what ? html`<p>The segments were made by <b>${what.name}</b>. ${what.does} ${what.follows}</p>` : html`<p>The segments were made by the algorithm ${short(data.about.algorithm ?? 'that is not known', 40)}.</p>`}
${it && paragraph([it.iterations > 0 ? `The training took ${plural(it.iterations, 'iteration')}` : 'The training took one pass', it.converged ? 'and converged.' : 'and stopped at its limit before it converged: more iterations might move some customers.'])}
${options.length > 0 && table([{ label: 'Option', width: '28%' }, { label: 'Value', width: '30%' }, { label: 'What it is about' }], options.map(([name, value]) => [short(name, 40), optionText(value), optionWords[name] ?? '']))}`;
}

function whySoMany(data) {
    const it = data.facts.training;
    const rows = data.training?.choose_k;
    const n = groups(data).length;
    const chosen = (rows ?? []).find((row) => row.recommended);
    const found = data.facts.algorithm?.number_of_segments;
    const structure = it?.metrics?.structure;
    const told = [];
    if (chosen) told.push(capital(sentences(chosen.reason ?? `${count(chosen.k)} segments were chosen`, 500)).replace(/[^.]$/, '$&.'));
    else if (found === 'found') told.push(`The algorithm found ${plural(n, 'segment')} by itself; their number follows from its options.`);
    else if (found === 'given with them') told.push(`There are ${plural(n, 'segment')}, because the rules or the labels that were given name as many.`);
    else told.push(`The number of segments, ${count(it?.n_segments ?? n)}, was given when the model was trained; no curve was asked for.`);
    if (structure?.reason && !isTold(chosen?.reason, structure.reason)) told.push(`Whether there are groups at all: ${structure.reason.replace(/ ?\bcustseg\.\S+ [^.]*\./g, '')}`);
    return html`<h2>Why ${it?.n_segments ? plural(it.n_segments, 'segment') : 'this number of segments'}</h2>${paragraph(told)}
${chosen ? html`${chooseKPicture(data, { width: 680 })}${table([{ label: 'Segments', isRight: true }, { label: 'Silhouette', isRight: true }, { label: 'Calinski-Harabasz', isRight: true }, { label: 'Davies-Bouldin', isRight: true }, { label: 'Gap', isRight: true }, { label: 'Smallest', isRight: true }, { label: 'Votes', isRight: true }],
        rows.map((row) => [html`${row.recommended ? html`<b>${count(row.k)}</b>` : count(row.k)}`, number(row.silhouette), number(row.calinski_harabasz), number(row.davies_bouldin), number(row.gap), percent(row.smallest_share), isKnown(row.votes) ? count(row.votes) : dash]))}`
        : found === 'given or chosen' && html`<div class="note"><p>To see the curve and the votes, ask for them:</p><pre>SELECT * FROM custseg.choose_k(${it && !isQuery(it.source) ? literal(it.source) : "'customers'"});</pre></div>`}`;
}

/** Returns whether a text says the first sentence of another one already. */
function isTold(text, other) {
    return text?.includes(other.split('. ')[0]) ?? false;
}

function measuresSection(data) {
    const metrics = data.facts.training?.metrics ?? {};
    const rows = measures.filter(([key]) => isKnown(metrics[key])).map(([key, name, kind, means]) => [name, kind === 'percent' ? percent(metrics[key]) : number(metrics[key]), means]);
    const rules = data.surrogate?.[0];
    return html`<h2>Measures</h2>
${rows.length > 0 ? table([{ label: 'Measure', width: '20%' }, { label: 'Value', width: '13%', isRight: true }, { label: 'What it means' }], rows.map(([name, value, means]) => [name, html`${value}&emsp;`, means])) : html`<p>The training computed no measure of how far the segments are apart; for rules there is none.</p>`}
<div class="together"><h3>How well each segment is apart</h3>
${has(data, 'silhouette') ? html`${silhouettePicture(data, { width: 680, most: 12 })}` : missing(data, 'silhouette')}</div>
<div class="together"><h3>Which columns decide</h3>
${has(data, 'importance') ? html`<p>${importanceSentence(data)}</p>${importancePicture(data, { width: 680, most: 10 })}` : missing(data, 'importance')}</div>
${isKnown(rules?.validated_fidelity ?? rules?.fidelity) && html`<p>${plural(data.surrogate.length, 'simple rule tells', 'simple rules tell')} the segments right for ${percent(rules.validated_fidelity ?? rules.fidelity)} of the customers: so much of the model can be said in words.</p>`}`;
}

/** Returns the sentence about which columns decide. */
export function importanceSentence(data) {
    const rows = [...(data.importance ?? [])].filter((row) => isKnown(row.importance)).sort((a, b) => b.importance - a.importance);
    if (rows.length === 0) return 'How much each column decides is not known.';
    const [first, second] = rows;
    if (first.importance < 0.0005) return 'No column decides: nobody changes segment when the values of one are shuffled.';
    const next = second && second.importance >= 0.0005 ? `, and ${percent(second.importance, 0)} when ${label(data, second.feature)} is` : '';
    return `${capital(label(data, first.feature))} decides most: ${percent(first.importance, 0)} of the customers change segment when its values are shuffled${next}.`;
}

function limits(data) {
    const it = data.facts.training;
    const told = [];
    const silhouette = it?.metrics?.silhouette;
    if (isKnown(silhouette) && silhouette < 0.25) told.push(`The segments overlap: the silhouette is ${number(silhouette)}. They are useful slices, not natural groups.`);
    if (it?.metrics?.structure?.rating && /none/.test(it.metrics.structure.rating)) told.push('The customers show no clear groups. The borders between segments are a decision, not a discovery, and customers near a border may change side.');
    const noise = ranked(data).find((row) => row.segment === 0);
    if (noise?.n > 0) told.push(`${people(noise.n)} (${percent(noise.share)}) are in no segment. No action is planned for them by a segment.`);
    const few = groups(data).filter((row) => row.is_small || row.n < 30);
    if (few.length > 0) told.push(`${few.length === 1 ? `${called(few[0])} has` : `${count(few.length)} segments have`} fewer than 30 customers: their means may be chance.`);
    const apart = (data.silhouette ?? []).filter((row) => toNumber(row.n_negative) > 0 && row.n > 0 && row.n_negative / row.n > 0.1);
    if (apart.length > 0) told.push(`In ${list(apart.slice(0, 4).map(called))}${apart.length > 4 ? ` and ${count(apart.length - 4)} more` : ''}, more than a tenth of the customers are closer to another segment.`);
    const gaps = (data.facts.features ?? []).filter((f) => f.n > 0 && f.n_null / f.n > 0.2);
    if (gaps.length > 0) told.push(`More than a fifth of the values is missing in ${list(gaps.slice(0, 5).map((f) => label(data, f.name)))}${gaps.length > 5 ? ` and ${count(gaps.length - 5)} more columns` : ''}; they were filled in.`);
    if (it && !it.converged) told.push('The training stopped before it converged.');
    const drifted = (data.facts.drift ?? []).filter((row) => ['drifted', 'broken'].includes(row.verdict));
    if (drifted.length > 0) told.push(`Since the training, ${list(drifted.slice(0, 5).map((row) => label(data, row.feature)))} ${drifted.length === 1 ? 'has' : 'have'} drifted.`);
    told.push('Segments describe who customers are; they do not prove that an action works. Only an experiment with a group that does not get it does.');
    if (hasValue(data)) told.push('The value is that of the past. A customer who brought much need not go on to do so.');
    return told;
}

/** How many groups a report lists, those whose rates are furthest apart. */
const mostGroups = 10;

/** Returns what is known of how groups are spread over the segments, or how to find out. */
function fairness(data) {
    const it = data.facts.training;
    const why = 'Segments can follow age, sex or origin without naming them, through columns that go along with these.';
    if (!has(data, 'fairness')) {
        return html`<p>${why} This publication holds no check of it. Before an offer depends on a segment, compare how the groups of a protected attribute are spread over the segments:</p>
<pre>SELECT * FROM custseg.fairness(${literal(data.about.name)}, ${it && !isQuery(it.source) ? literal(it.source) : "'customers'"}, 'gender');</pre>`;
    }
    const rows = data.fairness.filter((row) => toNumber(row.impact_ratio) > 0).sort((a, b) => Math.abs(Math.log(b.impact_ratio)) - Math.abs(Math.log(a.impact_ratio))).slice(0, mostGroups);
    return html`${paragraph([why, fairnessChart.sentence(data)])}
${rows.length > 0 && table([{ label: 'Segment', width: '34%' }, { label: 'Group', width: '22%' }, { label: 'Of the group', isRight: true }, { label: 'Times the rate of all others', isRight: true }, { label: 'Rating', isRight: true }],
        rows.map((row) => [row.segment === null ? 'not placed' : labelled(row, 200), short(row.group_value, 30), percent(row.selection_rate), fixed(row.impact_ratio, 2), row.rating]))}`;
}

function fairnessSection(data) {
    const overridden = ranked(data).reduce((sum, row) => sum + (row.n_overridden ?? 0), 0);
    const smalls = ranked(data).filter((row) => row.is_small).length;
    return html`<h2>Fairness</h2>${fairness(data)}
<h2>Privacy</h2>
<ul><li>No row of this report tells who a customer is: it holds counts, means and shares.</li>
<li>${smalls > 0 ? smalls === 1 ? 'One segment is too small to be described, and nothing but its size is told.' : `${count(smalls)} segments are too small to be described, and nothing but their sizes is told.` : 'Groups of customers that are too small say nothing but how many they are.'}</li>
<li>${data.facts.algorithm?.keeps ? `What the model itself keeps of the customers it was trained on: ${data.facts.algorithm.keeps}.` : 'What the model keeps of the customers it was trained on is not known.'}</li>
<li>${overridden > 0 ? `${people(overridden)} ${overridden === 1 ? 'was' : 'were'} put into a segment by hand.` : 'No customer was put into a segment by hand.'} Customers who object can be excluded, and then are in no segment.</li></ul>`;
}

function repeatSection(data) {
    const it = data.facts.training;
    const deployment = data.facts.deployment;
    const facts = [
        ['Model', short(data.about.name, 80)], ['Version', `${count(data.about.version)}${deployment?.version === data.about.version ? `, deployed on ${date(deployment.deployed_at)}` : ', which was not the deployed one'}`],
        ['Trained', it && dateTime(it.trained_at)], ['Seed', it && String(it.seed)], ['Software', it && `custseg ${it.extension_version} on PostgreSQL ${it.server_version}`],
        ['Published', dateTime(data.about.published_at)], ['Go or no-go', data.facts.gate && `${data.facts.gate.decision}, ${date(data.facts.gate.decided_at)}: ${sentences(data.facts.gate.reason, 200)}`],
    ].filter(([, text]) => text);
    return html`<div class="together"><h2>To do it again</h2><p>The same data, the same options and the same seed give the same model, to the last digit.</p><dl class="facts">${facts.map(([name, text]) => html`<dt>${name}</dt><dd>${text}</dd>`)}</dl></div>`;
}

function healthSection(data) {
    const health = healthOf(data);
    const watch = data.about.health ? null : html`<pre>${monitorSql(data)}</pre>`;
    return html`<h2>Does it still fit</h2>${paragraph(health.sentences)}${watch}${(data.facts.alerts ?? []).length > 0 && html`<ul>${data.facts.alerts.slice(0, 8).map((it) => html`<li><b class="${it.severity === 'critical' ? 'bad' : 'watch'}">${it.severity}</b>: ${short(it.subject, 60)}: ${sentences(it.message, 220)}</li>`)}</ul>`}`;
}

/** Returns the pages. */
export function pages(data) {
    return [html`<section class="flow"><header><h1>Methodology</h1><p class="muted">${stamp(data)}</p></header>
<p class="lead">How the ${plural(groups(data).length, 'segment')} of ${people(totalCustomers(data))} were made, and how far they can be trusted.</p>
${table([{ label: 'Segment', width: '40%' }, { label: 'Customers', isRight: true }, { label: 'Share', isRight: true }, { label: 'Customers in training', isRight: true }, { label: 'Share in training', isRight: true }], ranked(data).map((row) => [labelled(row, 240), count(row.n), percent(row.share), isKnown(row.n_trained) ? count(row.n_trained) : dash, percent(row.training_share)]))}
${dataSection(data)}${preparationSection(data)}${algorithmSection(data)}${whySoMany(data)}${measuresSection(data)}${healthSection(data)}
<h2>Limits</h2><ul>${limits(data).map((it) => html`<li>${it}</li>`)}</ul>
${fairnessSection(data)}${repeatSection(data)}</section>`];
}

/** Returns the limits, for slides. */
export { limits };
