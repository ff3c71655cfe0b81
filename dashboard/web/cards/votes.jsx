import { missing, table, votes, votesSentence } from '../charts/choose-k.js';

/** The votes of the measures. */
export default {
    name: 'votes',
    title: 'Votes for a number of segments',
    parts: ['training'],
    span: 6,
    height: 340,
    missing,
    sentence: votesSentence,
    chart: votes,
    table,
};
