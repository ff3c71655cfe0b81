// nearest.js
//	  The nearest change that moves a customer to another segment, one feature at a time.
//
// Nothing is known here of how a model decides: copies of the customer, each with another value of one feature, are predicted in
// one request.  "Near" is the share of the customers of the training whose value lies between: it has no unit, so that days and
// money can be compared.

/** How many copies one request has at most. */
const limit = 960;

/** How many values of one feature are tried at most. */
const finest = 200;

/** Returns where a value lies among ascending quantiles, as a share of the customers, 0 to 1; a value that many share lies in their middle. */
export function rankOf(quantiles, value) {
    const last = quantiles.length - 1;
    if (last < 1) return 0.5;
    const first = quantiles.findIndex((it) => it >= value);
    if (first < 0) return 1;
    if (quantiles[first] === value) {
        let end = first;
        while (end < last && quantiles[end + 1] === value) end += 1;
        return (first + end) / 2 / last;
    }
    if (first === 0) return 0;
    return (first - 1 + (value - quantiles[first - 1]) / (quantiles[first] - quantiles[first - 1])) / last;
}

/** Returns the value at a share of the customers, 0 to 1, between ascending quantiles. */
export function valueAt(quantiles, rank) {
    const place = Math.min(1, Math.max(0, rank)) * (quantiles.length - 1);
    const low = Math.floor(place);
    const high = Math.min(quantiles.length - 1, low + 1);
    return quantiles[low] + (quantiles[high] - quantiles[low]) * (place - low);
}

/** Returns the values of a field to try, each with its distance: [{feature, value, distance}]; a level has none. */
function trials(field, present, n, round) {
    if (field.kind === 'categorical' || field.kind === 'boolean') {
        const levels = field.kind === 'boolean' ? [true, false] : (field.levels ?? []).filter((level) => level !== null);
        return levels.filter((level) => level !== present).slice(0, n).map((value) => ({ feature: field.feature, value, distance: null }));
    }
    const quantiles = field.quantiles ?? [];
    if (quantiles.length < 2 || typeof present !== 'number') return [];
    const here = rankOf(quantiles, present);
    const values = new Set(Array.from({ length: n }, (_, i) => round(field, valueAt(quantiles, i / (n - 1)))));
    values.delete(present);
    return [...values].map((value) => ({ feature: field.feature, value, distance: Math.abs(rankOf(quantiles, value) - here) }));
}

/**
 * Returns the copies of a customer to predict: [{feature, value, distance}]. "values" has the customer by feature, and "round" makes
 * a value of a field one that the field may have.
 */
export function probes(form, values, round = (_, value) => value) {
    const n = Math.min(finest, Math.max(4, Math.floor(limit / Math.max(1, form.length))));
    return form.flatMap((field) => trials(field, values[field.feature], n, round)).slice(0, limit);
}

/**
 * Returns the nearest change of each feature that moves the customer out of a segment, the nearest first and levels last:
 * [{feature, value, distance, segment, name}]. "answers" are the predictions of the probes, in their order.
 */
export function nearest(probed, answers, segment) {
    const best = new Map();
    probed.forEach((probe, i) => {
        const answer = answers[i];
        if (!answer || answer.segment === null || answer.segment === undefined || answer.segment === segment) return;
        const known = best.get(probe.feature);
        if (!known || (probe.distance !== null && probe.distance < known.distance)) best.set(probe.feature, { ...probe, segment: answer.segment, name: answer.name });
    });
    return [...best.values()].sort((one, other) => (one.distance ?? 2) - (other.distance ?? 2));
}
