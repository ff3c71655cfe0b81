// campaigns.js
//	  Whom campaigns address, who is like those that one knows, and how engaged the customers of each segment are.

import { choice, distinct, segmentLabel, segmentName } from '../facts.js';
import { count, fixed, isKnown, list, number, percent, plural, short } from '../format.js';
import { segmentColor } from '../theme.js';
import { bars, barsHeight, hatching } from './bars.js';

const most = 12;
const called = (text) => `“${short(text, 40)}”`;
const sum = (rows, key) => rows.reduce((total, it) => total + (it[key] ?? 0), 0);

/** Returns the sentence about the audiences: how many each addresses, and who is kept out. */
export function audienceSentence(data) {
    const rows = data.audience;
    const names = distinct(rows, 'audience');
    const of = (name) => rows.filter((it) => it.audience === name);
    const told = names.slice(0, 3).map((it) => `${called(it)} addresses ${plural(sum(of(it), 'n'), 'customer')} of ${plural(of(it).length, 'segment')}`);
    const all = [...new Map(rows.map((it) => [it.segment, it])).values()];
    const held = sum(all, 'n_held_out');
    const excluded = rows[0].n_excluded;
    return `${list(told)}${names.length > 3 ? `, and there are ${plural(names.length - 3, 'more audience')}` : ''}. `
        + `${held > 0 ? `Of these segments, ${plural(held, 'customer')} ${held === 1 ? 'is' : 'are'} held out by a running experiment, so that it can be told what the campaign does.` : 'Nobody of these segments is held out by an experiment: what the campaign does cannot be told from what would have happened anyway.'}`
        + `${excluded > 0 ? ` ${plural(excluded, 'customer')} ${excluded === 1 ? 'is' : 'are'} excluded by hand.` : ''}`;
}

/** Returns the option of the audiences: who is in each, and who of the segment is held out. */
export function audienceOption(data, theme, { width } = {}) {
    const rows = data.audience.slice(0, most);
    const isOne = distinct(data.audience, 'audience').length === 1;
    return bars(rows.map((it) => (isOne ? segmentLabel(it) : width < 480 ? `${it.segment} ${short(it.audience, 14)}` : `${short(it.audience, 16)}: ${segmentLabel(it, 16)}`)), [
        { name: 'in the audience', color: theme.accent, values: rows.map((it) => it.n) },
        { name: 'held out', color: theme.noise, decal: hatching(theme), values: rows.map((it) => it.n_held_out) },
    ], theme, { write: count, width, labelWidth: isOne || width < 480 ? undefined : Math.min(260, (width ?? 700) * 0.45) });
}

/** Returns the height of a picture with so many segments. */
export const height = (about) => barsHeight(Math.min(most, about.n_segments ?? 4));

/** Returns the audiences as a table. */
export function audienceTable(data) {
    return {
        columns: [{ label: 'Audience' }, { label: 'Segment' }, { label: 'In the audience', kind: 'count' }, { label: 'Of the segment', kind: 'count' }, { label: 'Held out', kind: 'count' }],
        rows: data.audience.map((it) => [it.audience, segmentLabel(it, 200), it.n, it.n_segment, it.n_held_out]),
    };
}

/** Returns where an audience of lookalikes comes from, most of it first. */
const origin = (data) => [...data.lookalike[0].origin ?? []].sort((a, b) => b.n - a.n || b.n_seeds - a.n_seeds);

/** Returns why nothing is shown of an audience in which nobody is, or null. */
export const lookalikeMissing = (data) => (origin(data).length > 0 ? null : { why: 'Nobody is in the audience: everyone is a seed, or excluded.' });

/** Returns the sentence about lookalikes: whether the list finds more than random picks would, and where they come from. */
export function lookalikeSentence(data) {
    const [it] = data.lookalike;
    const [first] = origin(data);
    const whom = `the ${plural(it.n_seeds, 'customer')} of ${it.audience ? called(it.audience) : 'the list'}`;
    const lift = isKnown(it.lift) ? ` A fifth of the list was set aside as a test: ${fixed(it.lift, 1)} times as many of these are found as by random picks (${fixed(it.low, 1)} to ${fixed(it.high, 1)})` : '';
    const verdict = it.rating === 'better than random' ? ', which is better than chance.' : it.rating === 'worse than random' ? ', which is worse than chance: do not use it.' : ', which is not shown to be better than chance.';
    return `${plural(it.n_audience, 'customer')} ${it.n_audience === 1 ? 'is' : 'are'} most like ${whom}.${lift ? lift + verdict : ''} The largest part comes from ${segmentName(first)}: ${percent(first.share)}.`;
}

/** Returns the option of lookalikes: the share of the audience that comes from each segment, and that of the seeds. */
export function lookalikeOption(data, theme, { width } = {}) {
    const rows = origin(data).slice(0, most);
    return bars(rows.map((it) => segmentLabel(it)), [{ name: 'of the audience', color: theme.accent, colors: rows.map((it) => segmentColor(it.segment, theme)), values: rows.map((it) => it.share) }], theme,
        { write: (it) => percent(it, 0), width, marks: rows.map((it) => it.seed_share), markName: 'of those on the list', legend: false, name: width < 480 ? 'line: of the list' : 'of the audience (upright line: of those on the list)' });
}

/** Returns lookalikes by segment as a table. */
export function lookalikeTable(data) {
    return {
        columns: [{ label: 'Segment' }, { label: 'In the audience', kind: 'count' }, { label: 'Share', kind: 'percent' }, { label: 'On the list', kind: 'count' }, { label: 'Share of the list', kind: 'percent' }],
        rows: origin(data).map((it) => [segmentLabel(it, 200), it.n, it.share, it.n_seeds, it.seed_share]),
    };
}

const everything = 'events of all kinds';
const kindName = (it) => (it.kind === null ? everything : it.kind);

/** Returns the kinds of events that are told of, all together first. */
export const kinds = (data) => distinct(data.engagement.map((it) => ({ kind: kindName(it) })), 'kind');

/** Returns the kind that the address names, or all of them. */
export const kindOf = (data, state) => choice(state.kind, kinds(data));

const ofKind = (data, state) => data.engagement.filter((it) => kindName(it) === kindOf(data, state));

/** Returns the sentence about engagement: who has been active most, and who least. */
export function engagementSentence(data, state) {
    const rows = ofKind(data, state).filter((it) => it.segment !== null).sort((a, b) => b.share - a.share);
    const all = ofKind(data, state).find((it) => it.segment === null);
    const kind = kindOf(data, state) === everything ? 'been active' : `had ${called(kindOf(data, state))}`;
    const whole = all ? `${percent(all.share)} of all customers have ${kind} in the last 30 days.` : '';
    if (rows.length === 0) return whole;
    const [first] = rows;
    const last = rows[rows.length - 1];
    return `${whole} The most engaged segment is ${segmentName(first)}: ${percent(first.share)}, with ${number(first.per_month)} events a month each`
        + `${last === first ? '.' : `; the least engaged is ${segmentName(last)}: ${percent(last.share)}${isKnown(last.median_days) ? `, and half of those with such events had the last one ${plural(Math.round(last.median_days), 'day')} ago or earlier` : ''}.`}`;
}

/** Returns the option of engagement: the share of each segment that was active, and that of all. */
export function engagementOption(data, theme, { width, ...state } = {}) {
    const rows = ofKind(data, state).filter((it) => it.segment !== null).slice(0, most);
    const all = ofKind(data, state).find((it) => it.segment === null);
    return bars(rows.map((it) => segmentLabel(it)), [{ name: 'active in 30 days', color: theme.accent, colors: rows.map((it) => segmentColor(it.segment, theme)), values: rows.map((it) => it.share) }], theme,
        { write: (it) => percent(it, 0), width, marks: all ? rows.map(() => all.share) : null, markName: 'all customers', legend: false, name: `active in 30 days${all ? ` (${width < 480 ? '' : 'upright '}line: all customers)` : ''}` });
}

/** Returns engagement by segment and kind as a table. */
export function engagementTable(data) {
    return {
        columns: [{ label: 'Segment' }, { label: 'Events' }, { label: 'Customers', kind: 'count' }, { label: 'With such events', kind: 'count' }, { label: 'Active in 30 days', kind: 'count' }, { label: 'Share', kind: 'percent' },
            { label: 'Events a month', kind: 'number' }, { label: 'Days since the last', kind: 'number' }, { label: 'Score', kind: 'number' }],
        rows: data.engagement.map((it) => [segmentLabel(it, 200), kindName(it), it.n, it.n_known, it.n_active, it.share, it.per_month, it.median_days, it.engagement_score]),
    };
}
