// pages.js
//	  The pages and the cards on each, in order; a role's dashboard is another order of the same cards.

/** The cards by name: each is loaded with the first page that shows it. */
export const cards = {
    action: () => import('./cards/action.jsx'),
    actions: () => import('./cards/actions.jsx'),
    boxplots: () => import('./cards/boxplots.jsx'),
    changes: () => import('./cards/changes.jsx'),
    columns: () => import('./cards/columns.jsx'),
    'compare-heatmap': () => import('./cards/compare-heatmap.jsx'),
    'compare-radar': () => import('./cards/compare-radar.jsx'),
    comparison: () => import('./cards/comparison.jsx'),
    correlation: () => import('./cards/correlation.jsx'),
    'customers-and-value': () => import('./cards/customers-and-value.jsx'),
    dendrogram: () => import('./cards/dendrogram.jsx'),
    deployments: () => import('./cards/deployments.jsx'),
    descriptions: () => import('./cards/descriptions.jsx'),
    donut: () => import('./cards/donut.jsx'),
    effects: () => import('./cards/effects.jsx'),
    elbow: () => import('./cards/elbow.jsx'),
    frequencies: () => import('./cards/frequencies.jsx'),
    heatmap: () => import('./cards/heatmap.jsx'),
    histogram: () => import('./cards/histogram.jsx'),
    importance: () => import('./cards/importance.jsx'),
    'k-distance': () => import('./cards/k-distance.jsx'),
    levels: () => import('./cards/levels.jsx'),
    method: () => import('./cards/method.jsx'),
    missing: () => import('./cards/missing.jsx'),
    pairs: () => import('./cards/pairs.jsx'),
    parallel: () => import('./cards/parallel.jsx'),
    profile: () => import('./cards/profile.jsx'),
    radar: () => import('./cards/radar.jsx'),
    rules: () => import('./cards/rules.jsx'),
    scatter: () => import('./cards/scatter.jsx'),
    scree: () => import('./cards/scree.jsx'),
    'segment-facts': () => import('./cards/segment-facts.jsx'),
    'segment-space': () => import('./cards/segment-space.jsx'),
    'segment-table': () => import('./cards/segment-table.jsx'),
    silhouette: () => import('./cards/silhouette.jsx'),
    space: () => import('./cards/space.jsx'),
    tests: () => import('./cards/tests.jsx'),
    tiles: () => import('./cards/tiles.jsx'),
    versions: () => import('./cards/versions.jsx'),
    votes: () => import('./cards/votes.jsx'),
};

/** The pages in the order of the navigation; "question" is what the page answers, "choose" what a reader chooses for all its cards. */
export const pages = [
    {
        name: 'overview', title: 'Overview', question: 'Who are our customers, and what is each group worth?',
        cards: ['tiles', 'customers-and-value', 'donut', 'segment-table', 'changes', 'descriptions'],
    },
    {
        name: 'segments', title: 'Segments', question: 'Who is in a segment, and what do we do?', choose: 'segment',
        cards: ['segment-facts', 'action', 'radar', 'profile', 'boxplots', 'levels'],
    },
    {
        name: 'importance', title: 'Importance', question: 'What makes the segments, and are they more than chance?',
        cards: ['importance', 'effects', 'rules', 'tests'],
    },
    {
        name: 'compare', title: 'Compare', question: 'In what do segments differ?', choose: 'segments',
        cards: ['comparison', 'compare-radar', 'parallel', 'compare-heatmap'],
    },
    {
        name: 'data', title: 'Data', question: 'What do we know of the customers, and how good is it?',
        cards: ['columns', 'histogram', 'frequencies', 'correlation', 'missing', 'scatter', 'pairs', 'space', 'segment-space'],
    },
    {
        name: 'model', title: 'Model', question: 'How were the segments made, and how clear are they?', isOfSegments: false,
        cards: ['versions', 'deployments', 'elbow', 'votes', 'silhouette', 'dendrogram', 'scree', 'k-distance', 'method'],
    },
];

/** The dashboards of roles. */
export const roles = [
    {
        name: 'executive', title: 'Executive', question: 'What carries the revenue, what has changed, and what do we do?',
        cards: ['tiles', 'customers-and-value', 'donut', 'changes', 'actions'],
    },
    {
        name: 'marketing', title: 'Marketing', question: 'Who are they, how do we reach them, and what do we offer?', choose: 'segment',
        cards: ['segment-facts', 'action', 'radar', 'segment-table', 'levels', 'descriptions'],
    },
    {
        name: 'data-science', title: 'Data science', question: 'Are the segments clear, stable and explained?',
        cards: ['versions', 'silhouette', 'elbow', 'importance', 'effects', 'heatmap', 'scatter', 'correlation', 'rules', 'tests', 'method'],
    },
];

/** Returns the page of that name, or null. */
export function findPage(name) {
    return [...pages, ...roles].find((page) => page.name === name) ?? null;
}
