// lifetime-value.js
//	  What each segment is worth from now on, with the interval in which that will lie.

import { intervals } from './intervals.js';
import { amount, segmentLabel, segmentName } from '../facts.js';
import { isKnown, name, number, percent } from '../format.js';
import { segmentColor } from '../theme.js';
import { horizonWords } from './tiles.js';

/** Returns the rows of segments of a history's last run, and that of customers without a segment. */
export function valueRows(history) {
    return history.last.filter((it) => it.segment !== null || it.name === 'no segment');
}

export function totalOf(history) {
    return history.last.find((it) => it.segment === null && it.name === 'total') ?? null;
}

/** Returns how an amount of a value model is written: money, but for a probability, whose sum is a number of customers. */
export function writer(data) {
    return data.value_history.kind === 'probability' ? number : (value) => amount(data, value);
}

/** Returns what the value model tells, in words. */
export function worth(history) {
    if (history.kind === 'probability') return 'customers to expect';
    if (history.kind === 'value') return 'predicted value';
    return history.horizon ? `value of the next ${horizonWords(history.horizon)}` : 'value of all purchases to come';
}

function label(row) {
    return row.segment === null ? 'no segment' : segmentLabel(row);
}

/** Returns the sentence. */
export function sentence(data) {
    const history = data.value_history;
    const write = writer(data);
    const total = totalOf(history);
    const known = valueRows(history).filter((it) => isKnown(it.value_sum)).sort((a, b) => b.value_sum - a.value_sum);
    if (known.length === 0) return `The model ${name(history.value_model)} knows no amounts, so that it tells no value.`;
    const [first] = known;
    const share = isKnown(first.value_share) ? `, ${percent(first.value_share)} of the ${worth(history)}` : '';
    const range = isKnown(first.low) && isKnown(first.high) ? `, and with ${percent(history.confidence, 0)} certainty between ${write(first.low)} and ${write(first.high)}` : '';
    const all = total && isKnown(total.value_sum) ? ` All customers together: ${write(total.value_sum)}${isKnown(total.low) ? `, between ${write(total.low)} and ${write(total.high)}` : ''}.` : '';
    const doubt = total?.reason ? ` ${total.reason[0].toUpperCase()}${total.reason.slice(1)}.` : '';
    return `The segment ${segmentName(first)} is worth ${write(first.value_sum)}${share}${range}.${all}${doubt}`;
}

/** Returns the option. */
export function option(data, theme, { width } = {}) {
    const write = writer(data);
    const rows = valueRows(data.value_history).map((it) => ({ label: label(it), value: it.value_sum, low: it.low, high: it.high, color: segmentColor(it.segment ?? 0, theme) }));
    return intervals(rows, theme, { write, name: worth(data.value_history), bars: true, width });
}

/** Returns the numbers as a table. */
export function table(data) {
    const kind = data.value_history.kind === 'probability' ? 'number' : 'money';
    return {
        columns: [{ label: 'Segment' }, { label: 'Customers', kind: 'count' }, { label: 'Value', kind }, { label: 'Low', kind }, { label: 'High', kind }, { label: 'Share', kind: 'percent' },
            { label: 'A customer', kind }, { label: 'Low', kind }, { label: 'High', kind }, { label: 'Still there', kind: 'percent' }, { label: 'Purchases to come', kind: 'number' }, { label: 'Note' }],
        rows: data.value_history.last.map((it) => [it.segment === null ? it.name : segmentLabel(it), it.n, it.value_sum, it.low, it.high, it.value_share,
            it.value_mean, it.mean_low, it.mean_high, it.alive, it.expected_purchases, it.reason]),
    };
}
