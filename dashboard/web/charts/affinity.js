// affinity.js
//	  What the customers of a segment buy more, less or never, beside customers who buy as many products.

import { segmentLabel, segmentName, segmentOf, selected } from '../facts.js';
import { count, fixed, list, percent, plural, short } from '../format.js';
import { bars, barsHeight } from './bars.js';

const most = 8;

/** Returns the rows of the chosen segment: what to promote, and the others; the most certain ones first. */
function chosen(data, state) {
    const rows = data.affinity.filter((it) => it.segment === selected(data, state));
    const more = rows.filter((it) => it.rating === 'promote');
    return { more: more.slice(0, most), less: rows.filter((it) => it.rating !== 'promote').reverse().slice(0, most) };
}

export const height = barsHeight(2 * most);

/** Returns why nothing is shown of the chosen segment, or null. */
export function missing(data, state) {
    if (data.affinity.some((it) => it.segment === selected(data, state))) return null;
    return { why: `Of ${segmentName(segmentOf(data, selected(data, state)))} nothing is told: its customers buy what others buy who buy as many products, or they are too few.` };
}

/** Returns the option: the share of the segment's buyers who have each product, and a mark where that of others is. */
export function option(data, theme, state) {
    const { more, less } = chosen(data, state);
    const rows = [...more, ...less];
    return bars(rows.map((it) => short(it.product, 40)), [{
        name: 'have bought it', color: theme.good, colors: rows.map((it) => (it.rating === 'promote' ? theme.good : theme.bad)), values: rows.map((it) => it.share),
    }], theme, { write: (it) => percent(it), width: state?.width, name: 'of the segment’s buyers', marks: rows.map((it) => it.expected_buyers / it.n_buyers), markName: 'of others who buy as many products', legend: false });
}

/** Returns the sentence: what to promote, and what nobody has bought. */
export function sentence(data, state) {
    const { more, less } = chosen(data, state);
    const never = less.filter((it) => it.rating === 'never bought');
    const customers = `customers of ${segmentName(segmentOf(data, selected(data, state)))}`;
    const promote = more.length > 0
        ? `To promote to ${customers}: ${list(more.slice(0, 3).map((it, i) => `“${short(it.product, 40)}” (bought ${fixed(it.standardized_lift, 1)} times as often${i === 0 ? ' as by others who buy as many products' : ''})`))}.`
        : `There is nothing that ${customers} buy more than others who buy as many products.`;
    const no = never[0] ?? less[0];
    if (!no) return promote;
    return `${promote} ${no.n === 0 ? `None of the ${plural(no.n_buyers, 'buyer')} has` : `Only ${count(no.n)} of ${plural(no.n_buyers, 'buyer')} have`} bought “${short(no.product, 40)}”, where ${fixed(no.expected_buyers)} would be expected. A mark in a bar is the share of others.`;
}

/** Returns the numbers of all segments as a table. */
export function table(data) {
    return {
        columns: [{ label: 'Segment' }, { label: 'Product' }, { label: 'Rating', kind: 'word' }, { label: 'Have bought it', kind: 'count' }, { label: 'Of the buyers', kind: 'percent' }, { label: 'Of all buyers', kind: 'percent' },
            { label: 'Lift', kind: 'number' }, { label: 'Lift to others who buy as many', kind: 'number' }, { label: 'Chance alone (p)', kind: 'p' }],
        rows: data.affinity.map((it) => [segmentLabel(it), it.product, it.rating, it.n, it.share, it.share_all, it.lift, it.standardized_lift, it.p_adjusted]),
    };
}
