// compact.js
//	  Parts as pages fetch them: which ones a card asks for, and their rows as the database has them (server/compact.js makes the form).

import { compared, segmentOf, selected } from './facts.js';

// of these a page fetches the segments that it shows, each on its own
const bySegment = ['profile', 'radar'];

/** Returns what a card asks for, [[part, key], ...]; a key that is null leaves the choice to the server. */
export function wanted(card, about, state) {
    const shown = card.isComparison ? compared({ about }, state) : [selected({ about }, state)];
    const key = card.key ? state[card.key] ?? null : null;
    return [...card.parts, ...(card.optional ?? [])].flatMap((part) => (bySegment.includes(part) ? shown.map((it) => [part, it === null ? null : String(it)]) : [[part, key]]));
}

/** Returns the answers to what was wanted by part: {part: [answer, ...]}. */
export function group(parts, answers) {
    const of = {};
    parts.forEach(([part], i) => (of[part] ??= []).push(answers[i]));
    return of;
}

const expand = {
    table: ({ columns, rows, names }, about) => rows.map((row) => {
        const it = Object.fromEntries(columns.map((name, i) => [name, row[i]]));
        if (names) for (const name of ['column_a', 'column_b']) it[name] = names[it[name]];
        return columns.includes('segment') ? { ...it, name: segmentOf({ about }, it.segment).name } : it;
    }),
    matrix: ({ segments, members, rows }) => rows.flatMap(([column_name, level, ...values]) => segments.map((segment, i) => ({
        column_name, level, segment, ...Object.fromEntries(members.map((member, k) => [member, values[i * members.length + k]])),
    }))),
    projection: ({ features, steps, components, points }) => ({
        components: components.map((it) => ({ ...it, loadings: Object.fromEntries(features.map((feature, i) => [feature, it.loadings[i]])) })),
        points: points.map((point) => point.map((it, i) => (i < steps.length && it !== null ? it * steps[i] : it))),
    }),
};

/** Returns the body of the answers to one part, as the database has it. */
export function bodyOf(answers, about) {
    const [body, ...more] = answers.map((answer) => (answer.body?.form ? expand[answer.body.form](answer.body, about) : answer.body ?? null));
    return more.length > 0 && body ? body.concat(...more) : body;
}

/** Returns what cards read of grouped answers: the bodies by part, "keys" that can be asked for, and "whole", how many rows there are of which a part has some. */
export function published(answers, about) {
    const of = (write) => Object.fromEntries(Object.entries(answers).map(([part, its]) => [part, write(its)]));
    return { about, ...of((its) => bodyOf(its, about)), keys: of(([first]) => first.keys), whole: of(([first]) => first.body?.whole) };
}
