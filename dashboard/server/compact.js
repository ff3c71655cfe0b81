// Parts of a publication as pages fetch them.  Of 40 segments and 100 columns some parts have megabytes, of which a page shows
// little: one segment or one column, at a time, or numbers that become places in a picture.  So a page asks for one of them, by a
// key; names of columns are sent once and not with each row, and what is only drawn has five digits.

const digits = 5;

// Columns whose correlations are sent, at most: those that correlate most.  The picture has 16.
const mostCorrelated = 40;

// Cells of the matrix of segments by columns, at most: the columns in which segments differ most.
const mostCells = 4000;

/** Returns a number with five digits; anything else as it is. */
function rounded(value) {
    return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(digits)) : value;
}

/** Returns rows as {columns, rows: lists of values}, without names of segments, which the part about has. */
function tableOf(rows, write = (value) => value) {
    const members = [...new Set(rows.flatMap(Object.keys))];
    const columns = members.includes('segment') ? members.filter((name) => name !== 'name') : members;

    return { form: 'table', columns, rows: rows.map((row) => columns.map((name) => write(row[name] ?? null))) };
}

/** Returns rows of columns (and levels) by segments as {segments, members, rows: [column, level, members of the first segment, ...]}. */
function matrixOf(rows, members) {
    const segments = [...new Set(rows.map((row) => row.segment ?? null))].sort((a, b) => a - b);
    const lines = new Map();

    for (const row of rows) {
        const key = JSON.stringify([row.column_name, row.level ?? null]);

        if (!lines.has(key)) {
            lines.set(key, new Map());
        }
        lines.get(key).set(row.segment ?? null, row);
    }
    return {
        form: 'matrix',
        segments,
        members,
        rows: [...lines].map(([key, line]) => [...JSON.parse(key), ...segments.flatMap((segment) => members.map((member) => rounded(line.get(segment)?.[member] ?? null)))]),
    };
}

/** Returns the matrix of differences, of the columns in which segments differ most when there are many; "whole" is the number of all. */
function differencesOf(rows) {
    const matrix = matrixOf(rows, ['difference']);
    const farthest = ([, , ...values]) => Math.max(-1, ...values.map((value) => (value === null ? -1 : Math.abs(value))));
    const kept = new Set([...matrix.rows].sort((a, b) => farthest(b) - farthest(a)).slice(0, Math.max(1, Math.floor(mostCells / matrix.segments.length))));

    return { ...matrix, whole: matrix.rows.length, rows: matrix.rows.filter((row) => kept.has(row)) };
}

/** Returns the correlations of the columns that correlate most. */
function correlationsOf(rows) {
    const strength = new Map();

    for (const row of rows) {
        const value = Math.abs(row.spearman ?? row.pearson ?? 0);

        for (const name of [row.column_a, row.column_b]) {
            strength.set(name, Math.max(strength.get(name) ?? 0, value));
        }
    }
    const kept = [...strength.keys()].sort((a, b) => strength.get(b) - strength.get(a)).slice(0, mostCorrelated);
    const place = new Map(kept.map((name, i) => [name, i]));
    const pairs = rows.filter((row) => place.has(row.column_a) && place.has(row.column_b));

    return { ...tableOf(pairs.map((row) => ({ ...row, column_a: place.get(row.column_a), column_b: place.get(row.column_b) })), rounded), names: kept, whole: strength.size };
}

/** Returns a projection with the loadings as lists in the order of "features", and of each point how many "steps" it is from the middle: 2,000 at most, of which a picture shows less. */
function projectionOf({ components, points, ...others }) {
    const features = [...new Set(components.flatMap(({ loadings }) => Object.keys(loadings ?? {})))];
    const steps = components.map((_, i) => rounded(points.reduce((most, point) => Math.max(most, Math.abs(point[i] ?? 0)), 0) / 2000 || 1));

    return {
        ...others,
        form: 'projection',
        features,
        steps,
        components: components.map(({ loadings, ...component }) => ({ ...component, loadings: features.map((feature) => rounded(loadings?.[feature] ?? null)) })),
        points: points.map((point) => point.map((value, i) => (i < steps.length && value !== null ? Math.round(value / steps[i]) : value))),
    };
}

/** Returns the histogram of a column: edges of its bins, and of each segment, null for all customers, how many are in each bin. */
function histogramOf(rows, columns) {
    const segments = new Map();

    for (const row of [...rows].sort((a, b) => a.bin - b.bin)) {
        const segment = row.segment ?? null;

        if (!segments.has(segment)) {
            segments.set(segment, []);
        }
        segments.get(segment).push(row);
    }
    const bins = [...segments.values()][0];

    return {
        columns,
        column_name: rows[0].column_name,
        scale: bins[0].scale,
        edges: [bins[0].low, ...bins.map((bin) => bin.high)],
        segments: [...segments].map(([segment, its]) => ({ segment, n: its.map((bin) => bin.n), density: its.map((bin) => bin.density) })),
    };
}

// What pages show of a segment beside all customers.
const shown = new Set(['segment', 'column_name', 'level', 'kind', 'rank', 'mean', 'share', 'overall_mean', 'difference', 'median', 'first_quartile', 'third_quartile', 'null_share', 'is_small']);

const profileOf = (rows) => tableOf(rows.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => shown.has(name)))));

const quantilesOf = (rows) => tableOf(rows.map((row) => ({ ...row, quantiles: row.quantiles?.map(rounded) ?? null })));

// How each part is made compact; "by" is what its keys are, and "hasAll" is true where the rows of no segment, which are all customers, go with every segment.
const forms = {
    histogram: { by: 'column_name', make: histogramOf },
    boxplot: { by: 'column_name', make: (rows) => tableOf(rows) },
    level_share: { by: 'column_name', make: (rows) => matrixOf(rows, ['n', 'share']) },
    profile: { by: 'segment', make: profileOf },
    radar: { by: 'segment', hasAll: true, make: (rows) => tableOf(rows) },
    heatmap: { make: differencesOf },
    median: { of: 'boxplot', make: (rows) => matrixOf(rows, ['median']) },
    silhouette: { make: quantilesOf },
    correlation: { make: correlationsOf },
    projection: { make: projectionOf },
    description: { make: (rows) => tableOf(rows) },
    quality: { make: (rows) => tableOf(rows) },
    test: { make: (rows) => tableOf(rows) },
};

/** Returns the part of a publication that a part is made of: itself, but for those that are made here. */
export function originOf(part) {
    return Object.hasOwn(forms, part) && forms[part].of || part;
}

/** Returns whether a part has a compact form; the part histogram has no other. */
export function hasCompact(part) {
    return Object.hasOwn(forms, part);
}

/** Returns the keys of a part in their order, and a Map of the JSON of each; of a part that is one answer, no keys and the JSON under null. */
export function compact(part, body) {
    const { by, hasAll, make } = forms[part];

    if (!by) {
        return { keys: null, of: new Map([[null, JSON.stringify(make(body))]]) };
    }
    const groups = new Map();

    for (const row of body) {
        const key = row[by] ?? null;

        if (!groups.has(key)) {
            groups.set(key, []);
        }
        groups.get(key).push(row);
    }
    const everyone = hasAll ? groups.get(null) ?? [] : [];

    groups.delete(null);
    const keys = [...groups.keys()];

    return { keys, of: new Map(keys.map((key) => [String(key), JSON.stringify(make([...groups.get(key), ...everyone], keys))])) };
}
