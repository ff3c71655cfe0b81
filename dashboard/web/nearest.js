// nearest.js
//	  The nearest change that moves a customer to another segment, one feature at a time.
//
// Nothing is known here of how a model decides: copies of the customer, each with another value of one feature, are predicted in
// one request, and the values are those at quantiles of the training.  "Near" is the share of the customers whose value lies
// between: it needs no unit, so that days and money can be compared.

// How many copies one request may have, beside the customer.
const LIMIT = 960;

/** Returns where a value lies among ascending quantiles, as a share of the customers, 0 to 1. */
export function rankOf(quantiles, value) {
    const last = quantiles.length - 1;
    if (last < 1 || value <= quantiles[0]) return 0;
    if (value >= quantiles[last]) return 1;
    let low = 0;
    while (quantiles[low + 1] < value) low += 1;
    let high = low + 1;
    // a value that many customers share lies in their middle
    if (quantiles[high] === value) {
        while (high < last && quantiles[high + 1] === value) high += 1;
        return (low + 1 + high) / 2 / last;
    }
    return (low + (value - quantiles[low]) / (quantiles[high] - quantiles[low])) / last;
}

// The values of a feature to try: [{feature, value, distance, side}]; side is -1 below, 1 above, 0 for a level.
function trials(field, present, n) {
    if (field.kind === 'categorical' || field.kind === 'boolean') {
        const levels = field.kind === 'boolean' ? [true, false] : (field.levels ?? []).filter((level) => level !== null);
        return levels
            .filter((level) => level !== present)
            .slice(0, n)
            .map((value) => ({ feature: field.feature, value, distance: null, side: 0 }));
    }
    const quantiles = field.quantiles ?? [];
    if (quantiles.length < 2 || typeof present !== 'number' || !Number.isFinite(present)) return [];
    const here = rankOf(quantiles, present);
    const step = Math.max(1, Math.ceil(quantiles.length / n));
    const values = [...new Set(quantiles.filter((_, i) => i % step === 0 || i === quantiles.length - 1))];
    return values
        .filter((value) => value !== present)
        .map((value) => ({ feature: field.feature, value, distance: Math.abs(rankOf(quantiles, value) - here), side: value < present ? -1 : 1 }));
}

/** All copies of a customer to predict, at most LIMIT: [{feature, value, distance, side}]. `values` has the customer by feature. */
export function probes(form, values) {
    const n = Math.max(4, Math.floor(LIMIT / Math.max(1, form.length)));
    return form.flatMap((field) => trials(field, values[field.feature], n)).slice(0, LIMIT);
}

/** The nearest change of each feature, the nearest first: [{feature, value, before, segment, name, distance}], levels after numbers; `answers` are the predictions of the probes, in their order. `before` is the last value on the way that did not move the customer. */
export function nearest(probed, answers, values, segment) {
    const best = new Map();
    const byWay = new Map();
    probed.forEach((probe, i) => {
        const way = `${probe.side} ${probe.feature}`;
        byWay.set(way, [...(byWay.get(way) ?? []), { ...probe, answer: answers[i] }]);
    });
    for (const way of byWay.values()) {
        way.sort((one, other) => (one.distance ?? 0) - (other.distance ?? 0) || Math.abs(one.value) - Math.abs(other.value));
        const found = way.findIndex((probe) => probe.answer?.segment != null && probe.answer.segment !== segment);
        if (found < 0) continue;
        const { feature, value, distance, side, answer } = way[found];
        const before = side === 0 ? null : found === 0 ? values[feature] : way[found - 1].value;
        const known = best.get(feature);
        if (!known || (distance ?? 2) < (known.distance ?? 2)) best.set(feature, { feature, value, before, segment: answer.segment, name: answer.name, distance });
    }
    return [...best.values()].sort((one, other) => (one.distance ?? 2) - (other.distance ?? 2));
}

/** Values between the last that did not move the customer and the first that did, to find where it moves: whole numbers for whole columns. */
export function between(change, isWhole, n = 24) {
    if (change.before === null) return [];
    const values = Array.from({ length: n }, (_, i) => change.before + ((change.value - change.before) * (i + 1)) / (n + 1));
    const rounded = isWhole ? values.map(Math.round) : values;
    return [...new Set(rounded)].filter((value) => value !== change.before && value !== change.value);
}
