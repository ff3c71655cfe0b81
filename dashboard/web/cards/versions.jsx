import { versionsSentence, versionsTable } from '../charts/versions.js';

/** The versions of the model. */
export default {
    name: 'versions',
    title: 'Versions',
    parts: ['versions'],
    kinds: ['segments', 'purchases', 'value', 'probability'],
    span: 12,
    height: 110,
    sentence: versionsSentence,
    table: versionsTable,
    caption: 'Versions',
};
