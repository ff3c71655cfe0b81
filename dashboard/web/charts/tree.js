// tree.js
//	  Segments within segments: those of the model, and those of models that were trained within one of them.

import { segmentName } from '../facts.js';
import { count, percent, plural, short } from '../format.js';
import { address } from '../router.js';

/** Returns the sentence: which segment is divided further, and its largest part. */
export function sentence(data) {
    const within = data.tree.filter((it) => it.depth > 1);
    const [first] = [...within].sort((a, b) => b.n - a.n);
    const above = data.tree.find((it) => it.path === first.path.replace(/\.\d+$/, ''));
    const stale = within.some((it) => it.is_stale) ? ' A model above has changed since a model within was trained: train that one again.' : '';
    return `${plural(within.length, 'segment')} ${within.length === 1 ? 'lies' : 'lie'} within others. The largest part of ${segmentName(above)} is ${segmentName(first)}: ${count(first.n)} customers, ${percent(first.share)}, when it was trained.${stale}`;
}

/** Returns the tree as a table; the name of a segment within leads to the page of its model. */
export function table(data) {
    return {
        columns: [{ label: 'Path' }, { label: 'Segment' }, { label: 'Customers when trained', kind: 'count' }, { label: 'Of the segment above', kind: 'percent' }, { label: 'Model' }],
        rows: data.tree.map((it) => [it.path, it.depth > 1 ? { text: it.name, value: it.name, href: address(it.model, 'segments', { segment: it.segment }) } : it.name, it.n, it.share,
            it.is_stale ? `${short(it.model, 60)} (older than the model above)` : it.model]),
    };
}
