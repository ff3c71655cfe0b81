import { sentence, table } from '../charts/gate.js';

/** What has to hold before the model is acted on. */
export default { name: 'gate', title: 'Go or no-go', parts: ['gate'], span: 12, height: 320, sentence, table, caption: 'Conditions' };
