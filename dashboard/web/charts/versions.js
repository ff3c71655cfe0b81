// versions.js
//	  The versions of a model, their deployments, and how the shown one was made.

import { label } from '../facts.js';
import { count, date, dateTime, fixed, list, name, number, percent, plural, toNumber } from '../format.js';

/** The names of algorithms for people. */
export const algorithms = {
    kmeans: 'k-means', minibatch: 'mini-batch k-means', kmedoids: 'k-medoids', gmm: 'Gaussian mixture',
    dbscan: 'DBSCAN', hdbscan: 'HDBSCAN', hierarchical: 'hierarchical clustering', rules: 'rules', tree: 'a decision tree',
    nbd: 'NBD', bg_nbd: 'BG/NBD', mbg_nbd: 'MBG/NBD', pareto_nbd: 'Pareto/NBD', forest: 'a random forest', logistic: 'logistic regression', linear: 'linear regression', xgboost: 'XGBoost',
};

/** Returns the name of an algorithm for people. */
export function algorithm(it) {
    return Object.hasOwn(algorithms, it) ? algorithms[it] : name(it);
}

/** Returns the sentence about the versions. */
export function versionsSentence(data) {
    const deployed = data.versions.find((row) => row.is_deployed);
    const n = plural(data.versions.length, 'version');
    if (!deployed) return `There ${data.versions.length === 1 ? 'is' : 'are'} ${n}, and none is deployed: nobody can be placed without naming one.`;
    return `Version ${deployed.version}${data.versions.length === 1 ? ', the only one,' : ` of ${n}`} is in use. It was trained on ${date(deployed.trained_at)} by ${algorithm(deployed.algorithm)} on ${plural(deployed.n_rows, 'row')}.`;
}

/** Returns the versions as a table; what no version has is no column. */
export function versionsTable(data) {
    const has = (of) => data.versions.some((row) => of(row) !== null && of(row) !== undefined);
    const columns = [
        [{ label: 'Version' }, (row) => String(row.version)], [{ label: 'In use', kind: 'yes' }, (row) => row.is_deployed], [{ label: 'Trained', kind: 'time' }, (row) => row.trained_at],
        [{ label: 'By' }, (row) => row.trained_by], [{ label: 'Algorithm' }, (row) => algorithm(row.algorithm)], [{ label: 'Segments', kind: 'count' }, (row) => row.n_segments],
        [{ label: 'Rows', kind: 'count' }, (row) => row.n_rows], [{ label: 'Left out', kind: 'count' }, (row) => row.n_skipped],
        [{ label: 'Silhouette', kind: 'number' }, (row) => row.metrics?.silhouette ?? null], [{ label: 'Converged', kind: 'yes' }, (row) => row.converged],
    ].filter(([, of]) => has(of));
    return { columns: columns.map(([column]) => column), rows: data.versions.map((row) => columns.map(([, of]) => of(row))) };
}

/** Returns the sentence about the deployments. */
export function deploymentsSentence(data) {
    const [last] = data.deployments;
    return `The last: version ${last.version} on ${date(last.deployed_at)}${last.action === 'rollback' ? ', a return to an earlier one' : ''}${last.reason && last.reason !== 'trained' ? `, because “${name(last.reason)}”` : ''}.`;
}

/** Returns the deployments as a table. */
export function deploymentsTable(data) {
    return {
        columns: [{ label: 'When', kind: 'time' }, { label: 'Version' }, { label: 'What' }, { label: 'By' }, { label: 'Why', kind: 'long' }],
        rows: data.deployments.map((row) => [row.deployed_at, String(row.version), row.action, row.deployed_by, row.reason]),
    };
}

const measures = {
    silhouette: 'Silhouette (−1 to 1)', between_share: 'Share of the variance between segments', inertia: 'Inertia', mean_distance: 'Mean distance to the center',
    log_likelihood: 'Log-likelihood', bic: 'BIC', aic: 'AIC', calinski_harabasz: 'Calinski-Harabasz', davies_bouldin: 'Davies-Bouldin', noise_share: 'Share of noise', cost: 'Cost',
};

function write(value) {
    if (value === null || value === undefined) return 'none';
    if (typeof value === 'object') return Array.isArray(value) ? value.map(write).join(', ') || 'none' : Object.entries(value).map(([key, it]) => (it !== null && typeof it === 'object' && !Array.isArray(it) ? `${name(key)} (${write(it)})` : `${name(key)}: ${write(it)}`)).join(', ') || 'none';
    return typeof value === 'number' ? number(value) : name(value);
}

/** Returns the version that is shown. */
function shown(data) {
    return data.versions.find((row) => row.version === data.about.version) ?? data.versions[0];
}

/** Returns how the version was made, as {label, text}. */
export function method(data) {
    const row = shown(data);
    const skipped = Object.entries(row.skipped ?? {}).filter(([, n]) => toNumber(n) > 0).map(([reason, n]) => `${name(reason)}: ${count(n)}`);
    const lines = [
        ['Algorithm', algorithm(row.algorithm)],
        ['Segments', row.n_segments === null || row.n_segments === undefined ? null : `${count(row.n_segments)}${row.has_noise ? ', and noise: customers who are in none' : ''}`],
        ['Features', row.features ? list(row.features.map((it) => `${label(data, it.name, 60)} (${it.kind})`)) : null],
        ['Rows', `${count(row.n_rows)}${row.n_skipped > 0 ? `; ${count(row.n_skipped)} were left out${skipped.length > 0 ? ` (${skipped.join('; ')})` : ''}` : ', none was left out'}`],
        ['Preparation', write(row.prep)],
        ['Options', write(row.options)],
        ['Seed', String(row.seed)],
        ['Training', `${dateTime(row.trained_at)} by ${name(row.trained_by)}, in ${fixed(row.milliseconds / 1000, 1)} s, ${plural(row.iterations, 'iteration')}, ${row.converged ? 'converged' : 'not converged before the limit'}`],
        ['Decisions', row.note ? name(row.note) : null],
        ...Object.entries(row.metrics ?? {}).filter(([key, value]) => Object.hasOwn(measures, key) && toNumber(value) !== null).map(([key, value]) => [measures[key], key.endsWith('_share') ? percent(value) : number(value)]),
    ];
    return lines.filter(([, text]) => text !== null && text !== '').map(([title, text]) => ({ label: title, text }));
}

/** Returns the sentence about the method. */
export function methodSentence(data) {
    const row = shown(data);
    const its = row.metrics ?? {};
    const silhouette = toNumber(its.silhouette);
    const clear = silhouette === null ? '' : ` The silhouette is ${fixed(silhouette, 2)}: ${silhouette >= 0.5 ? 'the segments are far from each other' : silhouette >= 0.25 ? 'the segments overlap somewhat' : 'the segments overlap, so that many customers could be in another one as well'}.`;
    const by = row.features?.length > 0 ? ` with ${plural(row.features.length, 'feature')}` : '';
    return `Version ${row.version} ${data.about.kind === 'segments' ? 'places customers' : 'tells what it tells'} by ${algorithm(row.algorithm)}${by}.${clear}`;
}

/** Returns the method as a table. */
export function methodTable(data) {
    return { columns: [{ label: 'What' }, { label: 'How' }], rows: method(data).map((it) => [it.label, it.text]) };
}
