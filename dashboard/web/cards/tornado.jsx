import { tornado, tornadoHeight, tornadoRequest, tornadoSentence, tornadoTable } from '../charts/what-if.js';
import { missingBaseline } from './what-if.jsx';

/** Which assumption matters most. */
export default {
    name: 'tornado',
    title: 'What matters most',
    parts: ['economics'],
    span: 6,
    height: tornadoHeight,
    compute: tornadoRequest,
    sentence: tornadoSentence,
    chart: tornado,
    table: tornadoTable,
    missing: missingBaseline,
};
