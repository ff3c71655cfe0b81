import { ownWorthSentence, ownWorthTable, purchases, worthRequest } from '../charts/customer.js';
import { NumberField } from '../fields.jsx';
import { setState } from '../hooks.js';

function Orders({ data, state }) {
    if (data.value_history.kind !== 'purchases') return null;
    return (
        <div class="fields">
            {purchases.map(({ key, label, min, max, isWhole }) => (
                <NumberField key={key} label={label} bounds={{ min, max, step: isWhole ? 1 : 'any' }} text={state[`o_${key}`]} change={(text) => setState({ [`o_${key}`]: text })} />
            ))}
        </div>
    );
}

/** What one customer is worth. */
export default {
    name: 'own-worth',
    title: 'What this customer is worth',
    parts: ['customer_form', 'value_history'],
    span: 6,
    height: 60,
    compute: worthRequest,
    sentence: ownWorthSentence,
    controls: Orders,
    table: ownWorthTable,
    render: () => null,
};
