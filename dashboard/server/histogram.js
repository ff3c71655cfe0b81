// The part histogram of a publication, a column at a time: of all columns and many segments it is more than a page should fetch, which shows one.

/** Returns the histograms in rows of a publication: {columns: their names in order, of: Map of the JSON of each}. */
export function splitHistogram(rows) {
    const of = new Map();

    for (const row of rows) {
        if (!of.has(row.column_name)) {
            of.set(row.column_name, []);
        }
        of.get(row.column_name).push(row);
    }
    const columns = [...of.keys()];

    return { columns, of: new Map(columns.map((name) => [name, JSON.stringify(histogramOf(columns, name, of.get(name)))])) };
}

/** Returns the histogram of a column: edges of its bins, and of each segment, null for all customers, how many are in each bin. */
function histogramOf(columns, name, rows) {
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
        column_name: name,
        scale: bins[0].scale,
        edges: [bins[0].low, ...bins.map((bin) => bin.high)],
        segments: [...segments].map(([segment, its]) => ({ segment, n: its.map((bin) => bin.n), density: its.map((bin) => bin.density) })),
    };
}
