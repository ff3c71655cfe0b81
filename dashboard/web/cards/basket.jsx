import { sentence, table } from '../charts/basket.js';

/** Which products are bought together. */
export default { name: 'basket', title: 'What is bought together', parts: ['basket'], span: 12, height: 360, sentence, table, caption: 'What is bought together' };
