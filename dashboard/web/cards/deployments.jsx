import { deploymentsSentence, deploymentsTable } from '../charts/versions.js';

/** Which version was in use when. */
export default {
    name: 'deployments',
    title: 'Deployments',
    parts: ['deployments'],
    kinds: ['segments', 'purchases', 'value', 'probability'],
    span: 12,
    height: 110,
    sentence: deploymentsSentence,
    table: deploymentsTable,
    caption: 'Deployments',
};
