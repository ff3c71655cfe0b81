import { sentence, table, tiles } from '../charts/segment-facts.js';
import { Tiles } from './tiles.jsx';

/** The chosen segment at a glance. */
export default {
    name: 'segment-facts',
    title: 'This segment',
    parts: ['summary'],
    optional: ['previous', 'value'],
    span: 12,
    height: 102,
    sentence,
    table,
    render: ({ data, state }) => <Tiles tiles={tiles(data, state)} />,
};
