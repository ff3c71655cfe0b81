import { sentence, shown, table } from '../charts/attention.js';
import { address } from '../router.js';

/** What must be decided or looked at now, each with the page that tells more. */
export default {
    name: 'attention',
    title: 'What needs attention',
    parts: ['summary'],
    optional: ['gate', 'kpis', 'alerts', 'capacity', 'experiments', 'value_at_risk'],
    span: 12,
    // room for six lines, so that nothing below moves when they come; on a narrow screen each takes two or three
    height: () => (globalThis.innerWidth < 600 ? 300 : 110),
    sentence,
    table,
    render: ({ data, state }) => (
        <ul class="attention">
            {shown(data).map((it) => (
                <li>
                    <b class={it.isGrave ? 'bad' : 'watch'}>{it.isGrave ? '✗' : '!'}</b> <a href={address(data.about.name, it.page, { at: state.at })}>{it.what}</a> {it.text}.
                </li>
            ))}
        </ul>
    ),
};
