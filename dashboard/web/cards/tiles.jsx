import { table, tiles } from '../charts/tiles.js';

/** Returns a text whose minus signs stay with their amount at the end of a line. */
function joined(text) {
    return text?.replace(/−(?=\D)/g, '−\u2060');
}

/** Shows numbers in large figures: [{label, value, note, rating}]. */
export function Tiles({ tiles: list }) {
    return (
        <dl class="tiles">
            {list.map((it) => (
                <div>
                    <dt>{it.label}</dt>
                    <dd class={`big ${it.rating ?? ''}`}>{it.value}</dd>
                    <dd class="note">{joined(it.note)}</dd>
                </div>
            ))}
        </dl>
    );
}

/** Customers, value, largest share and health in large figures. */
export default {
    name: 'tiles',
    title: 'At a glance',
    parts: ['summary'],
    optional: ['value', 'experiments'],
    span: 12,
    height: 122,
    table,
    render: ({ data }) => <Tiles tiles={tiles(data)} />,
};
