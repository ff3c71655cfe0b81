// tests.js
//	  Whether the segments differ in each column by more than chance.

import { label } from '../facts.js';
import { count, plural, toNumber } from '../format.js';

const names = { anova: 'ANOVA', welch: 'Welch', kruskal_wallis: 'Kruskal-Wallis', chi_square: 'chi-square' };
const measures = { eta_squared: 'eta squared', epsilon_squared: 'epsilon squared', cramers_v: 'Cramér’s V' };

/** Returns the sentence. */
export function sentence(data) {
    const others = data.test.filter((row) => !row.is_feature);
    const differ = others.filter((row) => row.rating === 'differs');
    const features = data.test.length - others.length;
    const made = features > 0 ? `In ${plural(features, 'feature')} the segments are made to differ, so that a test proves nothing.` : '';
    if (others.length === 0) return `${made} A column that is no feature would say whether the segments mean anything beyond them.`.trim();
    return `${made} Of ${plural(others.length, 'other column')}, the segments differ in ${differ.length === 0 ? 'none' : count(differ.length)} by more than chance and by enough to matter.`.trim();
}

/** Returns the tests as a table, the largest effect first. */
export function table(data) {
    return {
        columns: [{ label: 'Column' }, { label: 'Rating' }, { label: 'Test' }, { label: 'Statistic', kind: 'number' }, { label: 'Chance alone (p)', kind: 'p' }, { label: 'Effect', kind: 'number' }, { label: 'Measure' }, { label: 'Size' }, { label: 'Values', kind: 'count' }, { label: 'Reason', kind: 'long' }],
        rows: [...data.test].sort((a, b) => (toNumber(b.effect) ?? -1) - (toNumber(a.effect) ?? -1)).map((row) => [
            label(data, row.column_name, 60), row.rating, names[row.test] ?? row.test, row.statistic, row.p_adjusted, row.effect, measures[row.effect_measure] ?? row.effect_measure, row.effect_size, row.n, row.reason,
        ]),
    };
}

