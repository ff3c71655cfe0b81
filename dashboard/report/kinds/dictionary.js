// dictionary.js
//	  The columns: what each means, its type and range, what is typical, how many values are missing, and
//	  whether the segments were made from it.

import { columnValue, label, presentation } from '../../web/facts.js';
import { count, dash, isKnown, percent, plural, short } from '../../web/format.js';
import { literal } from '../../web/parts.js';
import { has, missing, paragraph, table } from '../blocks.js';
import { stamp } from '../document.js';
import { html } from '../html.js';
import { totalCustomers } from '../publication.js';
import { sentences } from '../text.js';

export const heading = 'Data dictionary';
export const css = '';

// Columns that shops have under these names, as the descriptions of segments know them.
const known = [
    [['recency', 'recency days', 'days since last', 'days since last order', 'days since last purchase'], 'Time since the last purchase.'],
    [['frequency', 'orders', 'n orders', 'number of orders', 'order count', 'num orders', 'invoices'], 'Number of orders.'],
    [['monetary', 'monetary value', 'revenue', 'total revenue', 'spend', 'total spend', 'total spent', 'spending'], 'Money spent in all.'],
    [['average order value', 'average order', 'avg order value', 'aov', 'average basket', 'average basket value'], 'Money spent for each order, on average.'],
    [['tenure', 'tenure days', 'tenure months'], 'Time since the first purchase.'],
    [['age'], 'Age of the customer.'],
];

/** Returns what a column means, or null where nobody has said so. */
function meaning(data, column) {
    const own = presentation(data).columns?.[column];
    const name = column.replace(/_/g, ' ').toLowerCase();
    const said = [own?.label, own?.description].filter(Boolean).map((text) => text.trim().replace(/[^.!?…]$/u, '$&.'));
    return said.length > 0 ? said.join(' ') : known.find(([names]) => names.includes(name))?.[1] ?? null;
}

/** Returns the columns that the publication or the model knows, features first: {name, kind, type, feature, described}. */
function columns(data) {
    const features = data.facts.features ?? [];
    const described = data.description ?? [];
    const rest = described.filter((row) => !features.some((it) => it.name === row.column_name));
    return [
        ...features.map((it) => ({ name: it.name, kind: it.kind, type: it.type, feature: it, described: described.find((row) => row.column_name === it.name) ?? null })),
        ...rest.map((row) => ({ name: row.column_name, kind: row.kind, type: row.type, feature: null, described: row })),
    ];
}

function range(data, it) {
    const from = it.described ?? it.feature;
    if (isKnown(from.minimum) && isKnown(from.maximum)) return `${columnValue(data, it.name, from.minimum, it.kind === 'boolean' ? 'numeric' : it.kind)} to ${columnValue(data, it.name, from.maximum, it.kind === 'boolean' ? 'numeric' : it.kind)}`;
    const top = Array.isArray(it.described?.top_levels) ? it.described.top_levels.map((row) => row.level ?? row.value) : it.feature?.levels;
    const n = it.described?.n_distinct ?? it.feature?.n_levels;
    if (!Array.isArray(top) || top.length === 0) return n ? plural(n, 'value') : dash;
    const some = top.slice(0, 4).map((level) => short(level ?? '(no value)', 24)).join(', ');
    return isKnown(n) ? `${plural(n, 'level')}: ${some}${n > 4 ? ', …' : ''}` : some;
}

function typical(data, it) {
    const row = it.described;
    if (isKnown(row?.median)) return isKnown(row.first_quartile) && isKnown(row.third_quartile) ? html`${columnValue(data, it.name, row.median, it.kind)}<br><span class="muted">half: ${columnValue(data, it.name, row.first_quartile, it.kind)} to ${columnValue(data, it.name, row.third_quartile, it.kind)}</span>` : columnValue(data, it.name, row.median, it.kind);
    if (isKnown(row?.mean)) return `mean ${columnValue(data, it.name, row.mean, it.kind)}`;
    return isKnown(it.feature?.mean) ? `mean ${columnValue(data, it.name, it.feature.mean, it.kind)}` : dash;
}

function missingShare(it) {
    if (isKnown(it.described?.null_share)) return percent(it.described.null_share);
    return it.feature && it.feature.n > 0 ? percent(it.feature.n_null / it.feature.n) : dash;
}

/** Returns how a feature was prepared, in words. */
export function preparation(feature) {
    const prep = feature.prep ?? {};
    const told = [
        prep.impute && prep.impute !== 'none' && feature.n_null > 0 ? `gaps: ${prep.impute}` : null,
        prep.clip && prep.clip !== 'none' ? `clipped: ${prep.clip}` : null,
        prep.transform && prep.transform !== 'none' ? prep.transform : null,
        feature.kind === 'categorical' && prep.encode ? prep.encode : null,
        feature.kind !== 'categorical' && prep.scale && prep.scale !== 'none' ? `${prep.scale} scale` : null,
    ].filter(Boolean);
    return told.join(', ') || 'as it is';
}

function use(it) {
    if (it.feature) return html`feature<br><span class="muted">${preparation(it.feature)}</span>`;
    return 'only described';
}

/** Returns a name that may be broken after each underscore. */
function breakable(name) {
    return name.split('_').map((word, i) => (i === 0 ? word : html`_<wbr>${word}`));
}

/** Returns where a column comes from and who answers for it, in words, or an empty text. */
function origin(note) {
    return [
        note?.range && `Allowed: ${short(note.range, 60)}.`,
        note?.source_system && `From ${short(note.source_system, 40)}${note.update_cadence ? `, ${short(note.update_cadence, 40)}` : ''}.`,
        !note?.source_system && note?.update_cadence && `Updated ${short(note.update_cadence, 40)}.`,
        note?.owner && `Kept by ${short(note.owner, 40)}.`,
    ].filter(Boolean).join(' ');
}

function rowOfColumn(data, it) {
    const says = meaning(data, it.name);
    const note = presentation(data).columns?.[it.name];
    const unit = note?.unit;
    const told = origin(note);
    return [
        html`<b><bdi>${breakable(short(it.name, 60))}</bdi></b>`,
        says ? html`${sentences(says, 160)}${unit && html` <span class="muted">In ${short(unit, 24)}.</span>`}${told && html` <span class="muted">${told}</span>`}` : html`<span class="muted">not described</span>`,
        html`${it.type}<br><span class="muted">${it.kind}</span>`, range(data, it), typical(data, it), html`${missingShare(it)}`, use(it),
    ];
}

function howToDescribe(data, all) {
    const bare = all.filter((it) => meaning(data, it.name) === null);
    if (bare.length === 0) return null;
    const [first] = bare;
    const example = JSON.stringify({ columns: { [first.name]: { label: 'What people call it', unit: 'days', description: 'What it means.' } } });
    return html`<div class="note"><p>${plural(bare.length, 'column is', 'columns are')} not described. Whoever owns the model says what a column means:</p><pre>SELECT custseg.set_presentation(${literal(data.about.name)}, ${literal(example)});</pre></div>`;
}

/** Returns the pages. */
export function pages(data) {
    const all = columns(data);
    const features = all.filter((it) => it.feature).length;
    const rest = all.length - features;
    const gaps = all.filter((it) => (toShare(it) ?? 0) > 0);
    const worst = [...gaps].sort((a, b) => toShare(b) - toShare(a))[0];
    return [html`<section class="flow"><header><h1>Data dictionary</h1><p class="muted">${stamp(data)}</p></header>
${paragraph([`The segments were made from ${plural(features, 'column')}${rest > 0 ? `; ${plural(rest, 'more column is', 'more columns are')} only described` : ''}.`,
        `The numbers tell of ${count(totalCustomers(data))} customers${has(data, 'description') ? '' : ', or of the training where the publication does not'}.`,
        worst ? `${gaps.length === 1 ? 'One column has' : `${count(gaps.length)} columns have`} gaps; most are in ${label(data, worst.name)}, ${percent(toShare(worst))}.` : 'No column has gaps.'], 'lead')}
${all.length > 0 ? table([{ label: 'Column', width: '16%' }, { label: 'Meaning', width: '18%' }, { label: 'Type', width: '11%' }, { label: 'Range', width: '17%' }, { label: 'Typical (median)', width: '15%' }, { label: 'Missing', width: '9%', isRight: true }, { label: 'Used' }], all.map((it) => rowOfColumn(data, it))) : html`<p class="note">No column is known of this version.</p>`}
${!has(data, 'description') && missing(data, 'description')}
${howToDescribe(data, all)}
</section>`];
}

function toShare(it) {
    if (isKnown(it.described?.null_share)) return it.described.null_share;
    return it.feature && it.feature.n > 0 ? it.feature.n_null / it.feature.n : null;
}
