// descriptions.js
//	  A sentence about each segment.

import { segmentLabel, segments, small, withAmounts } from '../facts.js';

/** Returns {segment, label, text} of each segment; a small one is not described. */
export function descriptions(data) {
    return segments(data.summary).map((row) => ({
        segment: row.segment,
        label: segmentLabel(row, 60),
        text: withAmounts(data, row.description) ?? (row.is_small ? `What distinguishes these customers is ${small(data)}.` : 'Nothing distinguishes these customers that the columns tell of.'),
        suggested: row.suggested_name && row.suggested_name !== row.name ? row.suggested_name : null,
    }));
}

/** Returns the sentences as a table. */
export function table(data) {
    return { columns: [{ label: 'Segment' }, { label: 'Description' }, { label: 'Suggested name' }], rows: descriptions(data).map((it) => [it.label, it.text, it.suggested]) };
}
