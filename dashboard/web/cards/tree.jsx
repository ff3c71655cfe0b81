import { sentence, table } from '../charts/tree.js';

/** The segments within segments, to drill down. */
export default { name: 'tree', title: 'Segments within segments', parts: ['tree'], span: 12, height: 240, sentence, table, caption: 'Segments within segments' };
