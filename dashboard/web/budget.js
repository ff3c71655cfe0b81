// budget.js
//	  A budget that a person divides between segments, against what the curves of the segments say it brings.
//
// The curves are those of custseg.allocate_budget(), which computes the best split.  The page computes only what a given split
// brings, while somebody moves a slider.

/** Returns the kind of a curve, which need not be named where there are points. */
function kindOf(curve) {
    return curve.curve ?? (curve.points ? 'points' : null);
}

/** Returns what spending brings by a curve; NaN where the curve is of no known kind. */
export function respond(curve, spend) {
    const { a, b, c } = curve;
    const kind = kindOf(curve);
    if (spend <= 0 && kind !== 'points') return 0;
    switch (kind) {
        case 'exp':
            return -a * Math.expm1(-spend / b);
        case 'log':
            return a * Math.log1p(spend / b);
        case 'hill':
            return a / (1 + (b / spend) ** c);
        case 'power':
            return a * (spend / b) ** c;
        case 'points':
            return alongPoints(curve.points, spend);
        default:
            return NaN;
    }
}

// Straight lines between points, from (0, 0) unless the first point says otherwise; level after the last one.
function alongPoints(points, spend) {
    let [left, low] = points[0][0] > 0 ? [0, 0] : points[0];
    for (const [right, high] of points) {
        if (spend <= right && right > left) return low + ((high - low) * (spend - left)) / (right - left);
        left = right;
        low = high;
    }
    return low;
}

/** Returns the most that may be spent on a curve: what the budget, its bound, and its last point leave. */
export function most(curve, budget) {
    const last = kindOf(curve) === 'points' ? curve.points.at(-1)[0] : Infinity;
    return Math.min(budget, curve.high ?? Infinity, last);
}

/** Returns what a split brings in all. */
export const total = (curves, spends) => curves.reduce((sum, curve, i) => sum + respond(curve, spends[i]), 0);

/** Returns what a split spends in all. */
export const spent = (spends) => spends.reduce((sum, spend) => sum + spend, 0);

/**
 * Returns the split after one segment gets another amount, in whole units and within its bounds. What the budget does not have left
 * is taken from the others, in proportion to what they have above their own least.
 */
export function respend(curves, spends, i, amount, budget, unit) {
    const units = (value) => Math.floor(value / unit + 1e-9);
    const least = curves.map((curve) => Math.ceil((curve.low ?? 0) / unit - 1e-9));
    const has = spends.map(units);
    has[i] = Math.min(Math.max(0, units(amount), least[i]), units(most(curves[i], budget)));
    let lacking = has.reduce((sum, it) => sum + it, 0) - units(budget);
    const spare = has.map((it, j) => (j === i ? 0 : Math.max(0, it - least[j])));
    const total = spare.reduce((sum, it) => sum + it, 0);
    if (lacking > 0 && total > 0) {
        const wanted = Math.min(lacking, total);
        const taken = spare.map((it) => Math.floor((wanted * it) / total));
        // what rounding leaves comes from those who have the most
        const order = spare.map((_, j) => j).sort((one, other) => spare[other] - taken[other] - (spare[one] - taken[one]));
        let rest = wanted - taken.reduce((sum, it) => sum + it, 0);
        for (const j of order) {
            if (rest === 0) break;
            if (taken[j] < spare[j]) {
                taken[j] += 1;
                rest -= 1;
            }
        }
        taken.forEach((it, j) => { has[j] -= it; });
        lacking -= wanted;
    }
    if (lacking > 0) has[i] -= lacking;
    return has.map((it) => it * unit);
}

/** Returns equal parts in whole units, what is over to the first ones. */
export function equalSplit(curves, budget, unit) {
    const units = Math.floor(budget / unit + 1e-9);
    const each = Math.floor(units / curves.length);
    let over = units - each * curves.length;
    return curves.map((curve) => {
        const wanted = (each + (over > 0 ? 1 : 0)) * unit;
        over -= 1;
        return Math.min(wanted, Math.floor(most(curve, budget) / unit + 1e-9) * unit);
    });
}

/** Returns a step that divides the budget into about a hundred parts, of 1, 2 or 5 times a power of ten. */
export function unitOf(budget) {
    const rough = budget / 100;
    const power = 10 ** Math.floor(Math.log10(rough));
    return [5, 2, 1].map((step) => step * power).find((step) => step <= rough * (1 + 1e-9));
}

/** Returns a split as it stands in an address: "4:2000,1:500", by number of the segment, or by place. */
export function spellSplit(curves, spends) {
    return curves
        .map((curve, i) => `${curve.segment ?? i + 1}:${spends[i]}`)
        .filter((_, i) => spends[i] > 0)
        .join(',');
}

/** Returns the split that such a text says, held to whole units, to bounds and to the budget; what the curves lack is passed over. */
export function readSplit(text, curves, budget, unit) {
    const wanted = new Map(
        (text ?? '')
            .split(',')
            .map((part) => part.split(':'))
            .map(([key, amount]) => [key, Number(amount)]),
    );
    let left = Math.floor(budget / unit + 1e-9);
    return curves.map((curve, i) => {
        const amount = wanted.get(String(curve.segment ?? i + 1));
        const units = Number.isFinite(amount) && amount > 0 ? Math.floor(Math.min(amount, most(curve, budget)) / unit + 1e-9) : 0;
        const given = Math.min(units, left);
        left -= given;
        return given * unit;
    });
}
