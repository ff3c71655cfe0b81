import { height, option, sentence, table } from '../charts/importance.js';

/** Importance of features by shuffling. */
export default {
    name: 'importance',
    title: 'What the model listens to',
    parts: ['importance'],
    span: 6,
    height: (about) => height(about.features?.length),
    sentence,
    chart: option,
    table,
};
