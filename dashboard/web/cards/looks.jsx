import { option, sentence, table } from '../charts/looks.js';
import { literal } from '../parts.js';

/** How the evidence grew from look to look. */
export default {
    name: 'looks',
    title: 'Look by look',
    parts: ['experiment'],
    key: 'experiment',
    span: 6,
    height: 320,
    sentence,
    chart: option,
    table,
    missing: ({ experiment }) => (experiment.looks?.length > 0 ? null : {
        why: 'Nobody has looked at the outcomes of this experiment yet.',
        sql: `SELECT look, verdict, reason FROM custseg.look(${literal(experiment.experiment)}, 'outcomes');`,
    }),
};
