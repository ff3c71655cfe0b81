import { sentence, table } from '../charts/profile.js';

/** The profile of the chosen segment. */
export default {
    name: 'profile',
    title: 'Profile',
    parts: ['profile'],
    span: 12,
    height: (about) => Math.min(420, 60 + 33 * (about.features?.length ?? 5)),
    sentence,
    table,
    caption: 'Profile',
};
