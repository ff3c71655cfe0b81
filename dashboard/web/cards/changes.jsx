import { height, option, sentence, table } from '../charts/changes.js';

/** What has changed since the last publication. */
export default {
    name: 'changes',
    title: 'What has changed',
    parts: ['summary', 'previous'],
    span: 6,
    height: (about) => height(about.n_segments),
    sentence,
    chart: option,
    table,
};
