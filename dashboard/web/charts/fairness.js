// fairness.js
//	  How the groups of an attribute are spread over the segments: rates of being in a segment, beside those of everybody else.

import { segmentLabel, segmentName } from '../facts.js';
import { fixed, isKnown, list, number, percent, plural, short } from '../format.js';
import { intervalsHeight } from './intervals.js';
import { bars } from './bars.js';

const signs = { ok: '✓ ok', watch: '! watch', disparate: '✗ disparate' };
const most = 30;

function called(it) {
    return `${it.segment === null ? 'not placed' : segmentName(it, 20)}: ${short(it.group_value, 20)}`;
}

/** Returns how far the rate of a group is from that of all others, by factors; nobody at all is the furthest. */
function apart({ impact_ratio: ratio }) {
    return ratio > 0 ? Math.abs(Math.log(ratio)) : Number.MAX_VALUE;
}

/** Returns the rows that are drawn: those whose rates are furthest apart. */
function drawn(data) {
    return data.fairness.filter((it) => isKnown(it.impact_ratio))
        .sort((a, b) => apart(b) - apart(a))
        .slice(0, most);
}

/** Returns the height of the picture. */
export function height(n) {
    return intervalsHeight(Math.min(most, 2 * (n ?? 5)));
}

/** Returns the option: the ratio of the rates, four fifths and more is usual. */
export function option(data, theme, { width } = {}) {
    const rows = drawn(data);
    return bars(rows.map(called), [{
        name: 'ratio of the rates',
        color: theme.accent,
        colors: rows.map((it) => (it.rating === 'disparate' ? theme.bad : it.rating === 'watch' ? theme.watch : theme.accent)),
        values: rows.map((it) => it.impact_ratio),
    }], theme, { write: number, width, legend: false, name: 'rate over that of all others' });
}

/** Returns the sentence: which groups are placed otherwise than others. */
export function sentence(data) {
    const rows = data.fairness;
    const bad = rows.filter((it) => it.rating === 'disparate');
    const attribute = data.fairness[0]?.attribute ? ` by ${short(data.fairness[0].attribute, 40)}` : '';
    const told = bad.slice(0, 2).map((it) => `of the group “${short(it.group_value, 40)}”, ${percent(it.selection_rate)} are in ${it.segment === null ? 'no segment' : segmentName(it, 40)}, ${fixed(it.impact_ratio, 2)} times the rate of all others`);
    const made = rows[0]?.is_feature ? ' The model looks at this attribute, so that the segments were made by it.' : '';
    if (bad.length === 0) return `No group${attribute} is placed in a segment at less than four fifths of the rate of all others, beyond chance.${made}`;
    return `${plural(bad.length, 'group')}${attribute} ${bad.length === 1 ? 'is' : 'are'} placed in a segment at less than four fifths of the rate of all others: ${list(told)}. Whether that is unfair depends on what the segment is used for.${made}`;
}

/** Returns the numbers as a table. */
export function table(data) {
    return {
        columns: [{ label: 'Segment' }, { label: 'Group' }, { label: 'Rating', kind: 'word' }, { label: 'Customers', kind: 'count' }, { label: 'Of the group', kind: 'percent' }, { label: 'Of the segment', kind: 'percent' },
            { label: 'Ratio of the rates', kind: 'number' }, { label: 'Chance alone (p)', kind: 'p' }, { label: 'Reason', kind: 'long' }],
        rows: data.fairness.map((it) => [it.segment === null ? 'not placed' : segmentLabel(it), it.group_value, signs[it.rating] ?? it.rating, it.n, it.selection_rate, it.share_in_segment, it.impact_ratio, it.impact_p_adjusted, it.reason]),
    };
}
