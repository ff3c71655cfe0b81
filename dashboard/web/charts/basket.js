// basket.js
//	  What is bought together: rules.

import { fixed, list, percent, short } from '../format.js';

const sides = (it) => [list(it.antecedent.map((product) => `“${short(product, 40)}”`)), `“${short(it.consequent, 40)}”`];

/** Returns the sentence: the rule with the highest lift. */
export function sentence(data) {
    const [first] = data.basket;
    const [left, right] = sides(first);
    return `Of the orders with ${left}, ${percent(first.confidence)} have ${right}, too: ${fixed(first.lift, 1)} times as many as of all orders.`;
}

/** Returns the rules as a table. */
export function table(data) {
    return {
        columns: [{ label: 'Orders with' }, { label: 'have, too' }, { label: 'Share of them', kind: 'percent' }, { label: 'Lift', kind: 'number' }, { label: 'Orders', kind: 'count' }, { label: 'Of all orders', kind: 'percent' }],
        rows: data.basket.map((it) => [it.antecedent.map((product) => short(product, 60)).join(' + '), it.consequent, it.confidence, it.lift, it.n, it.support]),
    };
}
