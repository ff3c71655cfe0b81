// pages.js
//	  The pages and the cards on each, in order; a role's dashboard is another order of the same cards.

/** The cards by name: each is loaded with the first page that shows it. */
export const cards = {
    tiles: () => import('./cards/tiles.jsx'),
    'customers-and-value': () => import('./cards/customers-and-value.jsx'),
    lorenz: () => import('./cards/lorenz.jsx'),
    'lifetime-value': () => import('./cards/lifetime-value.jsx'),
    'value-over-time': () => import('./cards/value-over-time.jsx'),
    'value-at-risk': () => import('./cards/value-at-risk.jsx'),
    capacity: () => import('./cards/capacity.jsx'),
    experiments: () => import('./cards/experiments.jsx'),
    split: () => import('./cards/split.jsx'),
    effects: () => import('./cards/effects.jsx'),
    looks: () => import('./cards/looks.jsx'),
    survey: () => import('./cards/survey.jsx'),
    gate: () => import('./cards/gate.jsx'),
    sizes: () => import('./cards/sizes.jsx'),
    drift: () => import('./cards/drift.jsx'),
    alerts: () => import('./cards/alerts.jsx'),
    quality: () => import('./cards/quality.jsx'),
    fairness: () => import('./cards/fairness.jsx'),
    migration: () => import('./cards/migration.jsx'),
    forecast: () => import('./cards/forecast.jsx'),
    kpis: () => import('./cards/kpis.jsx'),
};

/** The pages in the order of the navigation; "question" is what the page answers. */
export const pages = [
    { name: 'overview', title: 'Overview', question: 'Who are our customers, and what is each group worth?', cards: ['tiles', 'customers-and-value'] },
    { name: 'business', title: 'Business', question: 'What is each segment worth, and where does the next money go?', cards: ['lorenz', 'lifetime-value', 'value-over-time', 'value-at-risk', 'capacity'] },
    { name: 'experiments', title: 'Experiments', question: 'Did it pay, for whom, and do we go on?', cards: ['experiments', 'split', 'effects', 'looks', 'gate', 'survey'] },
    { name: 'watch', title: 'Watch', question: 'What has changed, and must anybody act?', cards: ['alerts', 'sizes', 'drift', 'kpis', 'migration', 'forecast', 'quality', 'fairness'] },
];

/** The dashboards of roles. */
export const roles = [
    { name: 'executive', title: 'Executive', question: 'What carries the revenue, and what do we do next?', cards: ['tiles', 'customers-and-value'] },
];

/** Returns the page of that name, or null. */
export function findPage(name) {
    return [...pages, ...roles].find((page) => page.name === name) ?? null;
}
