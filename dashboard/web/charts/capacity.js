// capacity.js
//	  Whether there are as many places for a perk as customers to whom it is promised.

import { bars } from './bars.js';
import { segmentLabel, segmentName } from '../facts.js';
import { count, isKnown, list, plural, short } from '../format.js';
import { segmentColor } from '../theme.js';

/** Returns whether a row of capacity_check() has a limit. */
export const isLimited = (it) => it.segment !== null && isKnown(it.perk_capacity);

/** Returns the sentence. */
export function sentence(data) {
    const limited = data.capacity.filter(isLimited);
    const over = limited.filter((it) => it.excess > 0);
    if (over.length === 0) return `${limited.length === 1 ? 'The perk that is limited has' : `All ${count(limited.length)} perks that are limited have`} places for all customers of the segment.`;
    const told = over.slice(0, 3).map((it) => `${segmentName(it)} lacks ${plural(it.excess, 'place')}${it.perk ? ` for “${short(it.perk, 50)}”` : ''}`);
    return `${list(told)}${over.length > 3 ? `, and ${plural(over.length - 3, 'more segment')} lack some` : ''}. Who gets the perk must be decided, or there must be more of it.`;
}

/** Returns the option. */
export function option(data, theme, { width } = {}) {
    const rows = data.capacity.filter((it) => it.segment !== null);
    const colors = rows.map((it) => segmentColor(it.segment, theme));
    return bars(rows.map((it) => segmentLabel(it)), [{ name: 'customers', color: theme.accent, colors, values: rows.map((it) => it.n) }], theme,
        { write: count, width, marks: rows.map((it) => it.perk_capacity), markName: 'places', legend: false, name: 'customers (upright line: places)' });
}

/** Returns the numbers as a table. */
export function table(data) {
    return {
        columns: [{ label: 'Segment' }, { label: 'Customers', kind: 'count' }, { label: 'Perk' }, { label: 'Places', kind: 'count' }, { label: 'Too many', kind: 'count' }, { label: 'Rating', kind: 'word' }, { label: 'Reason', kind: 'long' }],
        rows: data.capacity.map((it) => [it.segment === null ? 'no segment' : segmentLabel(it), it.n, it.perk, it.perk_capacity, it.excess, it.rating, it.reason]),
    };
}
