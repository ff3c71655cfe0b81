// pages.js
//	  The pages and the cards on each, in order; a role's dashboard is another order of the same cards.

/** Returns a promise of the cards by name, of what shows one, and of why a part may be missing: {cards, Card, whyMissing}. */
export function loadCards() {
    return import('./cards.js');
}

/** The pages in the order of the navigation; "question" is what the page answers, "choose" what a reader chooses for all its cards. */
export const pages = [
    {
        name: 'overview', title: 'Overview', question: 'Who are our customers, and what is each group worth?',
        cards: ['tiles', 'segment-table', 'attention', 'customers-and-value', 'donut', 'changes', 'descriptions'],
    },
    {
        name: 'segments', title: 'Segments', question: 'Who is in a segment, and what do we do?', choose: 'segment',
        cards: ['segment-facts', 'action', 'radar', 'profile', 'boxplots', 'levels', 'tree'],
    },
    { name: 'products', title: 'Products', question: 'What do they buy, and how do they come to it?', choose: 'segment', cards: ['affinity', 'journey', 'funnel', 'basket'] },
    { name: 'campaigns', title: 'Campaigns', question: 'Whom do we address, and who answers?', cards: ['audience', 'lookalike', 'engagement', 'consumers', 'causes'] },
    {
        name: 'importance', title: 'Importance', question: 'What makes the segments, and are they more than chance?',
        cards: ['importance', 'differences', 'rules', 'tests'],
    },
    {
        name: 'compare', title: 'Compare', question: 'In what do segments differ?', choose: 'segments',
        cards: ['comparison', 'compare-radar', 'parallel', 'compare-heatmap'],
    },
    { name: 'business', title: 'Business', question: 'What is each segment worth, and where does the next money go?', cards: ['lorenz', 'lifetime-value', 'value-over-time', 'leaving', 'value-at-risk', 'capacity', 'budget', 'roi', 'what-if', 'tornado', 'actions'] },
    { name: 'experiments', title: 'Experiments', question: 'Did it pay, for whom, and do we go on?', cards: ['experiments', 'split', 'effects', 'looks', 'gate', 'survey'] },
    { name: 'watch', title: 'Watch', question: 'What has changed, and must anybody act?', cards: ['alerts', 'change', 'sizes', 'drift', 'kpis', 'migration', 'forecast', 'quality', 'fairness'] },
    {
        name: 'data', title: 'Data', question: 'What do we know of the customers, and how good is it?',
        cards: ['columns', 'histogram', 'frequencies', 'correlation', 'missing', 'scatter', 'pairs', 'space', 'segment-space'],
    },
    {
        name: 'model', title: 'Model', question: 'How was the model made, and how clear are its segments?', isOfSegments: false,
        cards: ['versions', 'deployments', 'elbow', 'votes', 'silhouette', 'dendrogram', 'scree', 'k-distance', 'method'],
    },
    { name: 'governance', title: 'Governance', question: 'What is kept of whom, who did what, and what do the columns mean?', isOfSegments: false, cards: ['personal-data', 'audit', 'dictionary'] },
    { name: 'customer', title: 'Customer', question: 'Where does one customer belong, and why?', cards: ['customer', 'placed', 'why', 'moves', 'own-worth', 'worth', 'history', 'similar'] },
];

/** The dashboards of roles. */
export const roles = [
    {
        name: 'executive', title: 'Executive', question: 'What carries the revenue, what has changed, and what do we do?',
        cards: ['tiles', 'segment-table', 'attention', 'customers-and-value', 'donut', 'changes', 'leaving', 'value-at-risk', 'actions', 'roi', 'lorenz', 'experiments'],
    },
    {
        name: 'marketing', title: 'Marketing', question: 'Who are they, how do we reach them, and what do we offer?', choose: 'segment',
        cards: ['tiles', 'segment-table', 'segment-facts', 'action', 'radar', 'levels', 'descriptions', 'affinity', 'kpis', 'experiments'],
    },
    {
        name: 'data-science', title: 'Data science', question: 'Are the segments clear, stable and explained?',
        cards: ['tiles', 'versions', 'silhouette', 'elbow', 'importance', 'differences', 'heatmap', 'scatter', 'correlation', 'rules', 'tests', 'drift', 'method'],
    },
];

/** The reports that the server makes of a publication. */
export const reports = [
    { kind: 'report', title: 'Report' },
    { kind: 'cards', title: 'Segment cards' },
    { kind: 'playbook', title: 'Playbook' },
    { kind: 'slides', title: 'Slides' },
    { kind: 'guide', title: 'Guide' },
    { kind: 'methodology', title: 'Methodology' },
    { kind: 'dictionary', title: 'Data dictionary' },
];

/** Returns the page of that name, or null. */
export function findPage(name) {
    return [...pages, ...roles].find((page) => page.name === name) ?? null;
}
