// publication.js
//	  One publication of a model, read by one statement, in the shape that the charts of the pages take.

import { readFile } from 'node:fs/promises';
import { customers, hasValue, segments } from '../web/facts.js';
import { isKnown, toNumber } from '../web/format.js';
import { literal } from '../web/parts.js';

/** The statement that reads a publication, of a model ($1) and a time ($2); its one value is what readPublication() takes. */
export const statement = await readFile(new URL('publication.sql', import.meta.url), 'utf8');

/** Why there is nothing to report on, in words, with the SQL that changes it. */
export class NoPublication extends Error {
    constructor(message, hint) {
        super(message);
        this.name = 'NoPublication';
        this.hint = hint;
    }
}

function quoted(text) {
    const letters = [...String(text)];
    return `“${letters.length > 80 ? `${letters.slice(0, 79).join('')}…` : letters.join('')}”`;
}

/** Returns {part: body, ..., about, facts} of what the statement found; charts need "about", the rest of the catalogue is "facts".  Throws NoPublication. */
export function readPublication(body) {
    if (body.kind !== 'segments') throw new NoPublication(`The model ${quoted(body.model)} tells ${body.kind} and has no segments to report on.`, "SELECT name FROM custseg.models WHERE kind = 'segments';");
    if (!body.published_at || !Array.isArray(body.parts?.summary)) throw new NoPublication(`Nothing was published of the model ${quoted(body.model)} that a report can be made of.`, `SELECT * FROM custseg.publish(${literal(body.model)});`);
    const { parts, ...facts } = body;
    const rows = segments(parts.summary);
    return {
        ...parts,
        previous: facts.previous,
        placings: facts.placings,
        facts,
        about: {
            name: body.model,
            kind: body.kind,
            algorithm: facts.training?.algorithm ?? null,
            version: body.version,
            deployed_version: body.deployed_version,
            n_rows: facts.training?.n_rows ?? null,
            trained_at: facts.training?.trained_at ?? null,
            n_segments: rows.length,
            segments: rows.map(({ segment, name }) => ({ segment, name })),
            features: (facts.features ?? []).map(({ name, kind }) => ({ name, kind })),
            presentation: facts.presentation ?? {},
            published_at: body.published_at,
            health: facts.monitor ? {
                verdict: facts.monitor.verdict,
                retrain: facts.monitor.retrain,
                urgency: facts.monitor.urgency,
                last_run_at: facts.monitor.started_at,
                open_alerts: facts.alerts?.length ?? 0,
                critical_alerts: facts.alerts?.filter((it) => it.severity === 'critical').length ?? 0,
            } : null,
        },
    };
}

const valueOf = (row) => toNumber(row.total_value);

/** Returns the segments in the order of a report: the most valuable first, or the largest where no value is known; noise comes last. */
export function ranked(data) {
    const by = hasValue(data) ? valueOf : (row) => toNumber(row.n);
    return segments(data.summary).sort((a, b) => (a.segment === 0) - (b.segment === 0) || (by(b) ?? -Infinity) - (by(a) ?? -Infinity) || a.segment - b.segment);
}

/** Returns the segments without noise, likewise. */
export function groups(data) {
    return ranked(data).filter((row) => row.segment !== 0);
}

/** Returns the value of all segments whose value is told; null when none is. */
export function totalValue(data) {
    const known = segments(data.summary).map(valueOf).filter((it) => it !== null);
    return known.length > 0 ? known.reduce((sum, it) => sum + it, 0) : null;
}

/** Returns the customers in segments and in noise. */
export function totalCustomers(data) {
    return customers(data.summary);
}

/** Returns how often the value of a segment's customer goes into that of the average one, or null. */
export function index(data, row) {
    const [value, share] = [toNumber(row.value_share), toNumber(row.share)];
    return value !== null && isKnown(share) && share > 0 && value >= 0 ? value / share : null;
}

/** Returns the row of a part by segment, or null. */
export function rowOf(data, part, segment) {
    return (data[part] ?? []).find((row) => row.segment === segment) ?? null;
}
