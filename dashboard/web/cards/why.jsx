import { request, why, whyHeight, whySentence, whyTable } from '../charts/customer.js';

/** Why this segment and not the next one. */
export default {
    name: 'why',
    title: 'Why',
    parts: ['customer_form'],
    span: 6,
    height: (about) => whyHeight(about.features?.length),
    compute: request,
    sentence: whySentence,
    chart: why,
    table: whyTable,
};
