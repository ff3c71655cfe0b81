// quality.js
//	  Whether the customers of today are such as the model was trained on: columns, missing values, ranges, levels.

import { label } from '../facts.js';
import { isKnown, list, plural, short } from '../format.js';

const signs = { ok: '✓ ok', watch: '! watch', broken: '✗ broken', 'insufficient data': '… insufficient data' };
const rank = { broken: 0, watch: 1, 'insufficient data': 2, ok: 3 };

function called(data, it) {
    return it.subject === 'feature' ? label(data, it.name, 200) : it.subject === 'source' ? 'the source' : `${it.subject}: ${short(it.name, 60)}`;
}

/** Returns the sentence: what is broken or to be watched. */
export function sentence(data) {
    const bad = data.quality.filter((it) => it.verdict === 'broken');
    const watched = data.quality.filter((it) => it.verdict === 'watch');
    const worst = bad[0] ?? watched[0];
    if (!worst) return data.quality.every((it) => it.verdict === 'ok') ? 'All columns are there, and are such as they were in training.' : 'There are too few rows to judge the quality of the data.';
    const n = bad.length || watched.length;
    const which = list([...bad, ...watched].slice(0, 3).map((it) => called(data, it)));
    return `${plural(n, 'finding')} ${n === 1 ? 'is' : 'are'} ${bad.length > 0 ? 'broken' : 'to be watched'}, of ${which}. The first: ${short(worst.reason, 240)}.`;
}

/** Returns the findings as a table, the worst first. */
export function table(data) {
    const rows = [...data.quality].sort((a, b) => (rank[a.verdict] ?? 9) - (rank[b.verdict] ?? 9));
    return {
        columns: [{ label: 'Column' }, { label: 'Verdict', kind: 'word' }, { label: 'Missing', kind: 'percent' }, { label: 'In training', kind: 'percent' }, { label: 'Below the range', kind: 'percent' }, { label: 'Above the range', kind: 'percent' },
            { label: 'Values never seen before', kind: 'percent' }, { label: 'Reason', kind: 'long' }],
        rows: rows.map((it) => [called(data, it), signs[it.verdict] ?? it.verdict, it.null_share, it.training_null_share, it.below_range_share, it.above_range_share, it.unseen_share,
            it.reason ?? (it.unseen_levels?.length ? `unseen: ${short(it.unseen_levels.join(', '), 80)}` : null)]).map((row) => row.map((value) => (isKnown(value) || value === null || typeof value === 'string' ? value : null))),
    };
}
