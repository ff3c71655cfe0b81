// A publication that no database wrote: of any number of segments and columns, with hostile names, small groups and gaps.

import { compact, hasCompact, originOf } from '../../server/compact.js';
import { group, published, wanted } from '../../web/compact.js';

const hostile = ['<script>alert(1)</script>', '"two" \\ % / \u202e\u{1f600}', 'مرحبا بالعالم (abc)', 'long '.repeat(40), "o'hara; DROP TABLE customers; --", '{a|b} {value}', '', 'a/b%2Fc?d=e&f#g'];

/** Returns a function that returns numbers from 0 to 1, the same ones for the same seed. */
function makeRandom(seed) {
    let state = seed;

    return () => {
        state = (state * 48271) % 2147483647;
        return state / 2147483647;
    };
}

/**
 * Returns {part: body, ..., about} as a database has them: "k" segments, "n" numeric columns and a category, with or without value, names, an earlier publication and noise.
 * Segment 2 is small: what would tell of its customers is null.
 */
export function makeRows({ k = 5, n = 4, isValued = true, isHostile = false, hasPrevious = true, hasNoise = false, hasSmall = true, hasRare = false, seed = 7 } = {}) {
    const random = makeRandom(seed);
    const segments = [...(hasNoise ? [0] : []), ...Array.from({ length: k }, (_, i) => i + 1)];
    const nameOf = (it) => (it === 0 ? 'noise' : isHostile ? hostile[(it - 1) % hostile.length] : `group ${it}`);
    const columns = Array.from({ length: n }, (_, i) => (isHostile ? `${hostile[i % hostile.length]} ${i}` : ['recency', 'frequency', 'monetary'][i] ?? `column_${i}`));
    const isSmall = (it) => hasSmall && it === 2;
    const unlessSmall = (it, value) => (isSmall(it) ? null : value);
    const sizes = new Map(segments.map((it) => [it, isSmall(it) ? 3 : 50 + Math.floor(random() * 5000)]));
    const total = [...sizes.values()].reduce((a, b) => a + b, 0);
    const values = new Map(segments.map((it) => [it, sizes.get(it) * random() * 900]));
    const worth = segments.filter((it) => !isSmall(it)).reduce((sum, it) => sum + values.get(it), 0);
    const named = (it) => ({ segment: it, name: nameOf(it), ...(isSmall(it) ? { is_small: true } : {}) });
    const each = (list, make) => list.flatMap((it) => make(it));
    const levels = ['web', 'shop', '(null)', isHostile ? hostile[0] : 'phone'];
    const category = isHostile ? hostile[2] : 'channel';

    const summary = segments.map((it) => ({
        ...named(it), n: sizes.get(it), share: sizes.get(it) / total, n_overridden: 0, n_trained: sizes.get(it), training_share: sizes.get(it) / total,
        total_value: isValued ? unlessSmall(it, values.get(it)) : null, value_share: isValued ? unlessSmall(it, values.get(it) / worth) : null,
        value_per_customer: isValued ? unlessSmall(it, values.get(it) / sizes.get(it)) : null,
        description: unlessSmall(it, 'buys more often than the average'), suggested_name: null,
        action: it === 1 ? { offer: 'early access', channel: 'e-mail', products: ['a', hostile[0]], tactics: [], budget_share: 0.4, perk: 'gift', perk_capacity: 10 } : null,
    }));
    const quartiles = (middle) => ({ minimum: middle - 30, low_whisker: middle - 20, first_quartile: middle - 10, median: middle, third_quartile: middle + 10, high_whisker: middle + 20, maximum: middle + 90, mean: middle + 1 });
    const hidden = (it, row) => (isSmall(it) ? Object.fromEntries(Object.keys(row).map((key) => [key, null])) : row);
    const everyone = [...segments, null];
    const nameRow = (it) => (it === null ? { segment: null, name: null } : named(it));

    const publication = {
        about: {
            name: isHostile ? hostile[0] : 'shop', kind: 'segments', algorithm: 'kmeans', version: 1, n_segments: segments.length, n_rows: total, published_at: '2026-11-29T12:00:00+00:00', min_group: 10,
            segments: segments.map((it) => ({ segment: it, name: nameOf(it) })), features: [...columns.map((name) => ({ name, kind: 'numeric' })), { name: category, kind: 'categorical' }],
            presentation: isValued ? { value: columns[2], currency: isHostile ? '<b>' : 'GBP' } : {}, health: null,
        },
        summary,
        previous: hasPrevious ? { published_at: '2026-10-29T12:00:00+00:00', version: 1, summary: summary.map(({ segment, name, n: its, share, total_value, value_share }) => ({ segment, name, n: Math.floor(its * (0.8 + 0.4 * random())), share, total_value, value_share })) } : null,
        profile: each(segments, (it) => [
            ...columns.map((column_name, i) => ({ ...named(it), column_name, kind: 'numeric', is_feature: true, level: null, n: sizes.get(it), ...hidden(it, { mean: random() * 100, null_share: 0, share: null, ...quartiles(50), difference: random() * 4 - 2 }), overall_mean: 50, rank: i + 1 })),
            ...levels.map((level, i) => ({ ...named(it), column_name: category, kind: 'categorical', is_feature: true, level, n: sizes.get(it), ...hidden(it, { share: random(), mean: null, difference: random() - 0.5 }), overall_mean: 0.25, rank: n + i + 1 })),
        ]),
        radar: each(everyone, (it) => [...columns.map((column_name) => ({ ...nameRow(it), column_name, level: null, ...hidden(it, { segment_mean: random() * 100 - 20, scaled: random() }) })), ...levels.map((level) => ({ ...nameRow(it), column_name: category, level, ...hidden(it, { segment_mean: random(), scaled: random() }) }))]),
        boxplot: each(everyone, (it) => columns.map((column_name) => ({ ...nameRow(it), column_name, n: sizes.get(it) ?? total, n_outliers: 3, ...hidden(it, quartiles(10 + random() * 500)) }))),
        heatmap: each(segments, (it) => [...columns.map((column_name) => ({ ...named(it), column_name, level: null, ...hidden(it, { segment_mean: 1, difference: random() * 4 - 2 }), overall_mean: 1 })), ...levels.map((level) => ({ ...named(it), column_name: category, level, ...hidden(it, { segment_mean: 0.2, difference: -0.00001 }), overall_mean: 0.2 }))]),
        importance: [...columns.map((feature, i) => ({ rank: i + 1, feature, kind: 'numeric', importance: random() / (i + 1), importance_error: i === 0 ? null : 0.01, eta_squared: i === 1 ? null : random(), cramers_v: null, n: total, reason: 'shuffled' })), { rank: n + 1, feature: category, kind: 'categorical', importance: 0, importance_error: 0, eta_squared: null, cramers_v: 0.2, n: total, reason: 'shuffled' }],
        test: columns.map((column_name, i) => ({ column_name, kind: 'numeric', is_feature: i < 2, n: total, n_null: 0, test: 'welch', statistic: 12.5, p_value: 1e-9, p_adjusted: i < 2 ? null : 1e-9, effect_measure: 'eta_squared', effect: i === 0 ? null : random(), effect_size: 'large', rating: 'differs', reason: 'segments differ' })),
        histogram: each(everyone, (it) => columns.flatMap((column_name, c) => Array.from({ length: 12 }, (_, bin) => ({ column_name, scale: c === 2 ? 'log' : 'linear', bin: bin + 1, low: c === 2 ? 10 ** (bin / 4) : bin * 10 - 20, high: c === 2 ? 10 ** ((bin + 1) / 4) : bin * 10 - 10, segment: it, n: it === null ? 100 : unlessSmall(it, Math.floor(random() * 50)), density: 0.1 })))),
        level_share: each(everyone, (it) => levels.map((level) => ({ column_name: category, level, segment: it, n: it === null ? 100 : unlessSmall(it, 20), share: it === null ? 0.25 : unlessSmall(it, 0.25) }))),
        correlation: columns.flatMap((column_a, i) => columns.slice(i + 1).map((column_b) => ({ column_a, column_b, n: total, pearson: random() * 2 - 1, pearson_p_value: 0.01, spearman: i === 0 ? null : random() * 2 - 1, spearman_p_value: 0.2 }))),
        silhouette: segments.map((it) => ({ ...named(it), n: sizes.get(it), mean: unlessSmall(it, 0.4), n_negative: unlessSmall(it, 4), quantiles: unlessSmall(it, Array.from({ length: 101 }, (_, i) => i / 120 - 0.1)) })),
        projection: {
            components: [0.5, 0.3, 0.2].map((variance_ratio, i) => ({ component: `pc${i + 1}`, variance_ratio, cumulative_ratio: [0.5, 0.8, 1][i], loadings: Object.fromEntries(columns.map((it) => [it, random() - 0.5])) })),
            points: Array.from({ length: 300 }, () => [random() * 6 - 3, random() * 6 - 3, random() * 6 - 3, segments[Math.floor(random() * segments.length)]]),
        },
        description: [...columns.map((column_name, i) => ({ column_name, type: 'float8', kind: 'numeric', n: total, n_null: i, null_share: i / 100, n_distinct: i === 0 ? null : 40, mean: -0.0000001, median: 3, minimum: -9, maximum: 900, n_iqr_outliers: 2, top_levels: null, suggestion: 'fine as it is' })), { column_name: category, type: 'text', kind: 'categorical', n: total, n_null: 0, null_share: 0, n_distinct: 4, top_levels: levels.map((level) => ({ level, n: 3 })), suggestion: null }],
        missing: [{ null_columns: [], n_columns: 0, n: total - 5, share: (total - 5) / total }, { null_columns: columns, n_columns: n, n: 5, share: 5 / total }],
        surrogate: segments.map((segment, i) => ({ ...named(segment), leaf: i + 1, condition: 'true', description: 'recency up to 30', n: 30, coverage: 0.2, purity: 0.9, fidelity: 0.9, validated_fidelity: 0.8, reason: 'rules distinguish segments' })),
        training: {
            choose_k: Array.from({ length: 9 }, (_, i) => ({ k: i + 2, inertia: 900 / (i + 1), silhouette: i === 3 ? null : 0.5 - i / 30, calinski_harabasz: 100, davies_bouldin: 0.8, gap: null, smallest_share: 0.1, votes: i === 2 ? 3 : 0, recommended: i === 2, reason: i === 2 ? 'preferred by 3 of 3 measures' : null })),
            merges: Array.from({ length: 40 }, (_, i) => ({ step: 60 + i, cluster_a: i < 20 ? 2 * i : 98 + 2 * (i - 20) + 100 - 40, cluster_b: i < 20 ? 2 * i + 1 : 98 + 2 * (i - 20) + 1 + 100 - 40, height: 1 + i, n: 4 + i })),
            k_distance: Array.from({ length: 50 }, (_, i) => ({ n: total, share: i / 49, distance: i * i / 100, knee: i === 40 })),
            scree: [{ component: 'pc1', variance_share: 0.6, cumulative_share: 0.6 }, { component: 'pc2', variance_share: 0.4, cumulative_share: 1 }],
        },
        versions: [{ version: 1, is_deployed: true, algorithm: 'kmeans', n_rows: total, n_skipped: 2, skipped: { id: 2 }, n_segments: k, trained_at: '2026-11-01T00:00:00+00:00', trained_by: 'owner', iterations: 9, converged: true, milliseconds: 120.5, seed: 42, note: null, prep: { scale: 'standard', columns: {} }, options: { n_init: 10, weight: null }, metrics: { silhouette: 0.41, inertia: 120.5, between_share: null }, features: columns.map((name) => ({ name, type: 'float8', kind: 'numeric' })), has_noise: hasNoise }],
        deployments: [{ version: 1, action: 'deploy', deployed_at: '2026-11-01T00:00:00+00:00', deployed_by: 'owner', reason: hostile[0] }],
        audience: segments.map((it) => ({ audience: isHostile ? hostile[it % hostile.length] : 'come_back', ...named(it), n: 40, n_segment: 60, n_held_out: it === 1 ? 20 : 0, n_excluded: 3 })),
        lookalike: [{ audience: isHostile ? hostile[1] : null, method: 'nearest', n_seeds: 100, n_audience: 50, lift: hasSmall ? null : 5.35, low: hasSmall ? null : 5.05, high: hasSmall ? null : 5.65, rating: 'better than random', origin: segments.map((it) => ({ ...named(it), n: 10, share: 1 / segments.length, n_seeds: 0, seed_share: 0 })) }],
        engagement: each(everyone, (it) => [null, isHostile ? hostile[0] : 'visit'].map((kind) => ({ ...nameRow(it), kind, n: sizes.get(it) ?? total, n_known: 30, n_active: 12, share: random(), per_month: random() * 5, median_days: it === null ? null : 12.4, engagement_score: kind === null ? -0.00001 : null }))),
        feed: {
            source: isHostile ? `shop."${hostile[3]}"` : 'shop.customers', column_name: 'segment', tracked_at: '2026-11-01T00:00:00+00:00',
            consumers: hasPrevious ? [{ consumer: isHostile ? hostile[2] : 'crm', reader: hostile[4], change_position: 12, n: 3, oldest_at: '2026-11-20T00:00:00+00:00', acknowledged_at: null, created_at: '2026-11-01T00:00:00+00:00' }] : null,
            causes: hasPrevious ? ['resegment', 'insert', 'update', 'delete'].map((cause, i) => ({ cause, n: 10 - i, n_30d: i, last_at: '2026-11-20T00:00:00+00:00' })) : null,
        },
        personal_data: [{ kind: 'override', version: null, n: 1, is_named: true, reason: 'decisions by hand', remedy: hostile[0] }, { kind: 'tree', version: 1, n: null, is_named: false, reason: 'borders', remedy: 'larger leaves' }],
        audit: [{ at: '2026-11-20T00:00:00+00:00', made_by: hostile[2], action: 'set_action', version: null, subject: hostile[0], reason: null }],
        dictionary: columns.map((column_name, i) => ({ column_name, is_feature: i > 0, kind: 'numeric', meaning: i === 1 ? hostile[0] : null, unit: null, range: null, source_system: 'till', update_cadence: null, owner: null })),
        lorenz: Array.from({ length: 101 }, (_, i) => ({ customer_share: i / 100, value_share: (i / 100) ** 3 })),
        concentration: { n: total, n_null: 0, total: worth, gini: 0.5, top_10_share: 0.3, top_1_share: 0.03 },
    };

    if (hasRare) {
        hideColumns(publication, columns);
    }
    return publication;
}

/** Returns a publication as cards read it: the part histogram, which is of one column, and medians, which the server takes from box plots. */
export function makePublication(options) {
    const rows = makeRows(options);
    const { keys, of } = compact('histogram', rows.histogram);

    return { ...rows, histogram: keys.length === 0 ? [] : JSON.parse(of.get(keys[0])), median: rows.boxplot };
}

/** Returns what a card has of rows as makeRows makes them, when it fetches them from the server. */
export function fetched(rows, card, state) {
    const parts = wanted(card, rows.about, state);
    const answers = parts.map(([part, key]) => {
        const body = rows[originOf(part)] ?? null;

        if (!hasCompact(part) || body === null || body.length === 0) {
            return { body };
        }
        const { keys, of } = compact(part, body);

        return { keys, body: JSON.parse(keys === null ? of.get(null) : of.get(key) ?? of.get(String(keys[0]))) };
    });

    return published(group(parts, answers), rows.about);
}

// Members that are told of a column that is known of few.
const told = ['segment', 'name', 'column_name', 'kind', 'is_feature', 'level', 'n', 'scale', 'bin', 'low', 'high'];

/** Hides the first column by segment, and the second one altogether, as those known of few. */
function hideColumns(publication, [first, second]) {
    for (const part of ['profile', 'radar', 'boxplot', 'heatmap', 'histogram']) {
        publication[part] = publication[part].map((row) => {
            const isHidden = row.column_name === second || (row.column_name === first && row.segment !== null);
            const shown = part === 'profile' ? told : told.filter((key) => key !== 'n');

            return isHidden ? { ...Object.fromEntries(Object.keys(row).map((key) => [key, shown.includes(key) ? row[key] : null])), is_small: true } : row;
        });
    }
    publication.test = publication.test.filter((row) => row.column_name !== second);
    publication.correlation = publication.correlation.filter((row) => row.column_a !== second && row.column_b !== second);
}
