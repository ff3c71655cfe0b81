// slides.js
//	  15 to 20 slides: who the customers are, what carries the value, each of the first segments, how far the
//	  numbers go, and what to do.

import { plain, told as toldAlert } from '../../web/charts/alerts.js';
import * as capacityChart from '../../web/charts/capacity.js';
import * as changes from '../../web/charts/changes.js';
import * as heatmap from '../../web/charts/heatmap.js';
import * as lorenz from '../../web/charts/lorenz.js';
import * as migration from '../../web/charts/migration.js';
import * as silhouette from '../../web/charts/silhouette.js';
import { amount, hasValue, label, segmentLabel, title } from '../../web/facts.js';
import { count, date, dash, isKnown, percent, plural, short } from '../../web/format.js';
import { literal } from '../../web/parts.js';
import { differencesOf, has, labelled, lackOf, missing, monitorSql, numbersOf, originOf, paragraph, planFacts, table, tiles } from '../blocks.js';
import { foot, mark, stamp } from '../document.js';
import { html } from '../html.js';
import { algorithms } from '../methods.js';
import { changesPicture, heatmapPicture, importancePicture, lorenzPicture, migrationPicture, radarPicture, silhouettePicture, twinBars } from '../pictures.js';
import { groups, ranked, totalCustomers } from '../publication.js';
import { steps } from '../roadmap.js';
import { planOf } from '../strategy.js';
import { closed, cut, sentences } from '../text.js';
import { campaignOf, concentrationSentence, describe, fallsOf, healthOf, others, people, whoCarries } from '../words.js';
import { importanceSentence, limits } from './methodology.js';
import { aboutSuggestions, actionList } from './report.js';

export const heading = 'Slides';
export const isSlides = true;
export const css = `
.sheet { gap: 22px } .lead { font-size: 24px }
.numbers { display: flex; gap: 60px } .numbers b { display: block; font-size: 32px; line-height: 1.2 }
.first { justify-content: center; border-left: 18px solid #00598c; padding-left: 80px }
.wide { display: grid; grid-template-columns: 5fr 4fr; gap: 44px; min-height: 0 } .wide > * { min-width: 0 } .wide p { margin-bottom: 14px }
.picture { margin: 0 auto 0 0 } ul { padding-left: 28px } dl.facts { font-size: 18px; gap: 6px 22px }
ol.actions { gap: 20px } ol.actions > li { grid-template-columns: 54px 1fr } .note { padding-left: 20px } th, td { padding: 6px 14px 6px 0 } pre { padding: 12px 16px; font-size: 16px }
code { font: 14px/1.35 ui-monospace, "DejaVu Sans Mono", monospace } .roomy { font-size: 20px } .roomy th, .roomy td { padding-top: 11px; padding-bottom: 11px; vertical-align: middle }
.sheet > .scroll:has(> .roomy), .sheet > .roomy { flex: 1 } .scroll > .roomy { height: 100% } ul.roomy { display: flex; flex-direction: column; justify-content: space-evenly }`;

/** A deck has at least and at most so many slides; the first segments have slides of their own as there is room. */
const least = 15;
const most = 20;

function slide(data, heading, body) {
    return { heading, body: html`<h2>${heading}</h2>${body}` };
}

/** Returns a slide that says why there is nothing to show, and the SQL that changes it. */
function lackingOne(data, heading, why, sql) {
    return { ...slide(data, heading, html`<p class="lead">${why}</p><pre>${sql}</pre>`), lacks: { heading, why, sql } };
}

/** Returns a slide about what a part shows; where the part is missing, one that says so, which may be left out. */
function slideOf(data, part, heading, draw) {
    return has(data, part) ? slide(data, heading, draw()) : { ...slide(data, heading, missing(data, part)), lacks: { heading, ...lackOf(data, part) } };
}

function titleSlide(data) {
    return { isFirst: true, body: html`<h1>${cut(title(data), 1900, 50, true)}</h1><p class="lead">Who the customers are, what carries the value, and what to do next.</p><p class="muted">${stamp(data)}</p>` };
}

function summarySlide(data) {
    return slide(data, 'In short', html`${tiles(data)}${paragraph(whoCarries(data).slice(0, 2), 'lead')}${actionList(data, { length: 90 })}`);
}

function glanceSlide(data) {
    const shown = ranked(data).slice(0, 9);
    const rest = others(data, shown);
    const isValued = hasValue(data);
    return slide(data, groups(data).length > 0 ? `${plural(groups(data).length, 'segment')} of ${people(totalCustomers(data))}` : `No segment among ${people(totalCustomers(data))}`, html`${table(
        [{ label: 'Segment', width: '34%' }, { label: 'Customers', isRight: true }, { label: 'Share', isRight: true }, ...(isValued ? [{ label: 'Value', isRight: true }, { label: 'Share of value', isRight: true }, { label: 'For each', isRight: true }] : []), { label: 'Strategy' }],
        shown.map((row) => [labelled(row, 330, 17), count(row.n), percent(row.share), ...(isValued ? [isKnown(row.total_value) ? amount(data, row.total_value) : dash, percent(row.value_share), isKnown(row.value_per_customer) ? amount(data, row.value_per_customer) : dash] : []), planOf(data, row).strategy.name]),
        { isRoomy: shown.length <= 6 },
    )}${rest && html`<p class="muted">${rest}</p>`}`);
}

function valueSlide(data) {
    return slide(data, hasValue(data) ? 'What carries the value' : 'How large the segments are', html`${paragraph(whoCarries(data), 'lead')}${twinBars(data, { width: 1140, most: 8, scale: 1.45, least: 250 })}`);
}

function concentrationSlide(data) {
    return slideOf(data, 'lorenz', 'How few bring how much', () => html`<div class="wide"><div>${lorenzPicture(data, { width: 630, height: 470, scale: 1.3 })}</div><div>${paragraph([concentrationSentence(data) ?? lorenz.sentence(data)], 'lead')}<p class="muted">The curve adds the customers up, the least valuable first. On the dashed line all would be worth the same; the further the curve hangs below it, the fewer carry the value.</p></div></div>`);
}

function segmentSlide(data, row) {
    const plan = planOf(data, row);
    return { body: html`<header style="display:flex;justify-content:space-between;align-items:baseline;gap:24px"><h2>${mark(row.segment)}<bdi>${cut(segmentLabel(row, 90), 860, 34, true)}</bdi></h2><span class="tag">${plan.strategy.name} · ${originOf(plan)}</span></header>
<div class="numbers">${numbersOf(data, row).map(([big, small]) => html`<div><b>${big}</b><span class="muted small">${small}</span></div>`)}</div>
<div class="wide"><div><p>${sentences(describe(data, row), 230)}</p>${differencesOf(data, row, { width: 620, most: 6, scale: 1.45 })}</div><div><h3>${plan.strategy.goal}</h3>${planFacts(data, row, { length: 100 })}${plan.isSuggestion && html`<p class="muted small">A suggestion: ${closed(sentences(plan.because, 150))}</p>`}</div></div>` };
}

function importanceSlide(data) {
    return slideOf(data, 'importance', 'What decides in which segment a customer is', () => html`${paragraph([importanceSentence(data)], 'lead')}${importancePicture(data, { width: 1140, most: 9, scale: 1.35, least: 440 })}`);
}

function heatmapSlide(data) {
    return slideOf(data, 'heatmap', 'How the segments differ', () => html`${paragraph([heatmap.sentence(data)])}${heatmapPicture(data, { width: 1140, height: 450, most: 8, scale: 1.3 })}`);
}

function silhouetteSlide(data) {
    return slideOf(data, 'silhouette', 'How clearly the segments are apart', () => html`${paragraph([silhouette.sentence(data)])}${silhouettePicture(data, { width: 1140, most: 8, height: 440, scale: 1.3 })}`);
}

function changesSlide(data) {
    const heading = 'What has changed since last time';
    const why = !Array.isArray(data.previous?.summary) ? 'This is the first publication, so that there is nothing to compare it with.'
        : data.previous.version !== data.about.version ? `The publication before was of version ${data.previous.version}, whose segments are other ones.` : null;
    if (why === null) return slide(data, heading, html`${paragraph([changes.sentence(data)], 'lead')}${changesPicture(data, { width: 1140, most: 9, scale: 1.4, least: 260 })}${paragraph([sentences([...fallsOf(data), campaignOf(data)].filter(Boolean).join(' '), 480)])}`);
    return lackingOne(data, heading, why, `${monitorSql(data)}  -- every month`);
}

/** Returns the slide of what the publication does not tell. */
function lackingSlide(data, lacking) {
    return slide(data, 'What is not known yet', table([{ label: 'What', width: '26%' }, { label: 'Why' }, { label: 'How to get it', width: '40%' }], lacking.map(({ heading, why, sql }) => [heading, why, sql && html`<code>${sentences(sql, 230)}</code>`])));
}

/** Returns a second slide of a segment: its shape beside all customers, or where there is none, all that sets it apart. */
function detailSlide(data, row) {
    const drawn = row.is_small ? null : radarPicture(data, row.segment, { width: 1140, height: 500, scale: 1.3 });
    return { body: html`<h2>${mark(row.segment)}<bdi>${cut(segmentLabel(row, 90), 760, 34, true)}</bdi> beside all customers</h2>${drawn ?? differencesOf(data, row, { width: 1140, most: 9, scale: 1.5 })}` };
}

function migrationSlide(data) {
    const isSmall = (data.migration ?? []).length <= 60;
    return slideOf(data, 'migration', 'Where customers went', () => html`${paragraph([sentences(migration.sentence(data), 420)], 'lead')}${isSmall ? migrationPicture(data, { width: 1140, height: 430, scale: 1.3 }) : movesTable(data)}`);
}

function movesTable(data) {
    const moved = data.migration.filter((it) => it.kind === 'moved').sort((a, b) => b.n - a.n).slice(0, 10);
    return table([{ label: 'From' }, { label: 'To' }, { label: 'Customers', isRight: true }, { label: 'Of those before', isRight: true }], moved.map((it) => [short(it.from_name, 40), short(it.to_name, 40), count(it.n), percent(it.probability)]));
}

/** Returns what an alert says in plain words, and what to do. */
function alertWords(data, it) {
    const { what, todo } = toldAlert(data, { ...it, finding: data.facts.drift?.find((row) => it.kind === 'trend' && row.feature === it.subject)?.reason });
    return `${closed(sentences(what, 170))} ${todo}.`;
}

function healthSlide(data) {
    const health = healthOf(data);
    const alerts = data.facts.alerts ?? [];
    const heading = 'Does the model still fit?';
    if (!data.about.health) return lackingOne(data, heading, health.sentences[0], monitorSql(data));
    return slide(data, heading, html`<p class="lead"><b class="${health.rating}">${health.word}</b>. ${health.sentences.join(' ')}</p>
${alerts.length > 0 && html`<ul class="roomy">${alerts.slice(0, 5).map((it) => html`<li><b class="${it.severity === 'critical' ? 'bad' : 'watch'}">${it.severity}</b>: ${alertWords(data, it)}</li>`)}</ul>${alerts.length > 5 && html`<p class="muted">${plural(alerts.length - 5, 'more alert')} ${alerts.length === 6 ? 'is' : 'are'} open.</p>`}`}
${(data.facts.monitor?.reasons ?? []).length > 0 && html`<p class="muted">${sentences(plain(data.facts.monitor.reasons.join('. ')), 400)}</p>`}${alerts.length === 0 && columnsTable(data)}`);
}

/** Returns what the last check found of each column, or nothing. */
function columnsTable(data) {
    const rows = (data.facts.drift ?? []).slice(0, 6);
    return rows.length > 0 && table([{ label: 'Column', width: '26%' }, { label: 'State', width: '13%' }, { label: 'What the last check found' }],
        rows.map((it) => [label(data, it.feature, 40), it.verdict, sentences(plain(it.reason ?? ''), 120)]), { isRoomy: true });
}

function planSlide(data) {
    const shown = ranked(data).slice(0, 7);
    return slide(data, 'What to do with each segment', html`${table([{ label: 'Segment', width: '23%' }, { label: 'Strategy', width: '12%' }, { label: 'What to do' }, { label: 'Measure', width: '21%' }],
        shown.map((row) => {
            const plan = planOf(data, row);
            return [labelled(row, 215, 17), plan.strategy.name, sentences(plan.offer ?? 'not set', 82), sentences(plan.kpi ?? 'not set', 40)];
        }), { isRoomy: shown.length <= 5 })}<p class="muted small">${[others(data, shown), aboutSuggestions(data)].filter(Boolean).join(' ')}</p>`);
}

function costSlide(data) {
    const rows = ranked(data).filter((row) => row.action && (isKnown(row.action.budget_share) || isKnown(row.action.perk_capacity))).slice(0, 7);
    const capacity = (row) => (data.capacity ?? []).find((it) => it.segment === row.segment);
    const heading = 'Budget and room';
    if (rows.length === 0) return lackingOne(data, heading, 'Neither a budget nor the number of places for a perk is set.', `SELECT custseg.set_action(${literal(data.about.name)}, ${ranked(data)[0]?.segment ?? 1}, '{"budget_share": 0.3, "perk": "gift", "perk_capacity": 500}');`);
    return slide(data, heading, html`${has(data, 'capacity') && data.capacity.some(capacityChart.isLimited) && paragraph([sentences(capacityChart.sentence(data), 300)], 'lead')}${table([{ label: 'Segment', width: '32%' }, { label: 'Customers', isRight: true }, { label: 'Budget', isRight: true }, { label: 'Perk', width: '24%' }, { label: 'Places', isRight: true }, { label: 'Too few', isRight: true }],
            rows.map((row) => [labelled(row, 310, 17), count(row.n), isKnown(row.action.budget_share) ? percent(row.action.budget_share) : dash, html`&emsp;${row.action.perk ? sentences(row.action.perk, 24) : dash}`, isKnown(row.action.perk_capacity) ? count(row.action.perk_capacity) : 'no limit', isKnown(capacity(row)?.excess) ? count(capacity(row).excess) : dash]), { isRoomy: rows.length <= 5 })}`);
}

function roadmapSlide(data, start) {
    const all = steps(data, start).slice(0, 7);
    const isDated = all.some((it) => it.when);
    return slide(data, 'The way from here', html`${table([{ label: 'Step', width: '6%' }, ...(isDated ? [{ label: 'When', width: '24%' }] : []), { label: 'What' }, { label: 'Done when', width: '34%' }],
        all.map((it, i) => [count(i + 1), ...(isDated ? [it.when ?? ''] : []), html`<b>${sentences(it.what, 90)}</b>`, sentences(it.done, 90)]), { isRoomy: all.length <= 5 })}${!isDated && html`<p class="muted small">The steps stand in their order. Dates of what is to come were not given.</p>`}`);
}

function methodSlide(data) {
    const what = algorithms[data.about.algorithm];
    return slide(data, 'How far these numbers go', html`<p>${what ? `The segments were made by ${what.name} from ${plural(data.about.features.length, 'column')} of ${people(data.about.n_rows)}, on ${date(data.about.trained_at)}. ` : ''}${what?.follows ?? ''}</p><ul class="${limits(data).length <= 5 ? 'roomy' : ''}">${limits(data).slice(0, 5).map((it) => html`<li>${sentences(it, 230)}</li>`)}</ul>`);
}

/** Returns the slides in order: what is missing is gathered on one of them, and segments fill the room that is left. */
function deck(data, start) {
    const before = [titleSlide(data), summarySlide(data), glanceSlide(data), valueSlide(data), concentrationSlide(data)];
    const after = [importanceSlide(data), heatmapSlide(data), silhouetteSlide(data), changesSlide(data), migrationSlide(data), healthSlide(data), planSlide(data), costSlide(data), roadmapSlide(data, start), methodSlide(data)];
    const lacking = [...before, ...after].filter((it) => it.lacks).map((it) => it.lacks);
    const fixed = before.length + after.length;
    const gathered = lacking.length > 1 ? fixed - lacking.length + 1 : fixed;
    // a segment that is too small to be described has a slide only where there would be too few
    const described = groups(data).filter((row) => !row.is_small);
    const rows = gathered + described.length >= least ? described : groups(data);
    const hasEnough = gathered + 2 * rows.length >= least;
    const isShown = (it) => !it.lacks || lacking.length < 2 || !hasEnough;
    const room = most - (hasEnough ? gathered : fixed);
    const own = rows.slice(0, Math.min(room, rows.length));
    const details = Math.max(0, least - (hasEnough ? gathered : fixed) - own.length);
    const segments = own.flatMap((row, i) => (i < details ? [segmentSlide(data, row), detailSlide(data, row)] : [segmentSlide(data, row)]));
    return [...before.filter(isShown), ...segments, ...after.filter(isShown), ...(hasEnough && lacking.length > 1 ? [lackingSlide(data, lacking)] : [])];
}

/** Returns the pages. */
export function pages(data, { start }) {
    const all = deck(data, start);
    return all.map((it, i) => html`<section class="sheet${it.isFirst ? ' first' : ''}">${it.body}${foot(data, 'segments', `${i + 1} of ${all.length}`)}</section>`);
}
