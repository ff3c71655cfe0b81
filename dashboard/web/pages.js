// pages.js
//	  The pages and the cards on each, in order; a role's dashboard is another order of the same cards.

/** The cards by name: each is loaded with the first page that shows it. */
export const cards = {
    tiles: () => import('./cards/tiles.jsx'),
    'customers-and-value': () => import('./cards/customers-and-value.jsx'),
};

/** The pages in the order of the navigation; "question" is what the page answers. */
export const pages = [
    { name: 'overview', title: 'Overview', question: 'Who are our customers, and what is each group worth?', cards: ['tiles', 'customers-and-value'] },
];

/** The dashboards of roles. */
export const roles = [
    { name: 'executive', title: 'Executive', question: 'What carries the revenue, and what do we do next?', cards: ['tiles', 'customers-and-value'] },
];

/** Returns the page of that name, or null. */
export function findPage(name) {
    return [...pages, ...roles].find((page) => page.name === name) ?? null;
}
