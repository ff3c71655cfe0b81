// budget.js
//	  A budget that a person divides between segments, against what the curves of the segments say it brings.
//
// The curves are those of custseg.allocate_budget(), which computes the best split.  The page computes only what a given split
// brings, while somebody moves a slider.

/** What spending brings by a curve; NaN where the curve is of no known kind. */
export function respond(curve, spend) {
    const { a, b, c } = curve;
    if (spend <= 0 && curve.curve !== 'points') return 0;
    switch (curve.curve) {
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

/** The most that may be spent on a curve: what the budget, its bound, and its last point leave. */
export function most(curve, budget) {
    const last = curve.curve === 'points' ? curve.points.at(-1)[0] : Infinity;
    return Math.min(budget, curve.high ?? Infinity, last);
}

/** What a split brings in all. */
export const total = (curves, spends) => curves.reduce((sum, curve, i) => sum + respond(curve, spends[i]), 0);

export const spent = (spends) => spends.reduce((sum, spend) => sum + spend, 0);

/** The split after one segment gets another amount: whole units, within its bounds and what the others leave of the budget. */
export function respend(curves, spends, i, amount, budget, unit) {
    const left = budget - spent(spends) + spends[i];
    const ceiling = Math.min(left, most(curves[i], budget));
    const wanted = Math.min(Math.max(amount, curves[i].low ?? 0), ceiling);
    return spends.map((spend, j) => (j === i ? Math.max(0, Math.floor(wanted / unit + 1e-9) * unit) : spend));
}

/** Equal parts in whole units, what is over to the first ones. */
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

/** A step that divides the budget into about a hundred parts, of 1, 2 or 5 times a power of ten. */
export function unitOf(budget) {
    const rough = budget / 100;
    const power = 10 ** Math.floor(Math.log10(rough));
    return [5, 2, 1].map((step) => step * power).find((step) => step <= rough * (1 + 1e-9));
}

/** The split in an address, "4:2000,1:500", and back; numbers of segments that the curves lack are passed over. */
export const spellSplit = (curves, spends) =>
    curves
        .map((curve, i) => `${curve.segment ?? i}:${spends[i]}`)
        .filter((_, i) => spends[i] > 0)
        .join(',');

export function readSplit(text, curves, budget, unit) {
    const wanted = new Map(
        (text ?? '')
            .split(',')
            .map((part) => part.split(':'))
            .map(([key, amount]) => [key, Number(amount)]),
    );
    return curves.reduce(
        (spends, curve, i) => {
            const amount = wanted.get(String(curve.segment ?? i));
            return Number.isFinite(amount) && amount > 0 ? respend(curves, spends, i, amount, budget, unit) : spends;
        },
        curves.map(() => 0),
    );
}
