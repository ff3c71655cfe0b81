import { method, methodSentence, methodTable } from '../charts/versions.js';

/** How the shown version was made. */
export default {
    name: 'method',
    title: 'Method',
    parts: ['versions'],
    kinds: ['segments', 'purchases', 'value', 'probability'],
    span: 12,
    height: 420,
    sentence: methodSentence,
    table: methodTable,
    render: ({ data }) => <dl class="pairs">{method(data).map((it) => <div><dt>{it.label}</dt><dd>{it.text}</dd></div>)}</dl>,
};
