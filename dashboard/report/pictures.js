// pictures.js
//	  The charts of the pages as pictures of a report, each with what it shows in words for those who do
//	  not see it.  Where a page lets its reader choose, a report shows the first few and says so.

import * as changes from '../web/charts/changes.js';
import * as chooseK from '../web/charts/choose-k.js';
import * as heatmap from '../web/charts/heatmap.js';
import * as importance from '../web/charts/importance.js';
import * as lorenz from '../web/charts/lorenz.js';
import * as migration from '../web/charts/migration.js';
import * as radar from '../web/charts/radar.js';
import * as silhouette from '../web/charts/silhouette.js';
import * as twin from '../web/charts/customers-and-value.js';
import { distinct, segmentName, segments } from '../web/facts.js';
import { plural } from '../web/format.js';
import { light } from '../web/theme.js';
import { html } from './html.js';
import { picture } from './picture.js';
import { ranked } from './publication.js';
import { others } from './words.js';

/** Returns the picture of a chart in its own size, shown "scale" times as large. */
function draw(chart, data, { scale = 1, ...state }, label) {
    return picture(chart.option(data, light, state), { width: state.width, height: state.height, label, scale });
}

/** Returns the size in which a picture is drawn that is shown as wide as "width". */
function drawn(width, scale) {
    return Math.round(width / scale);
}

/** Returns the numbers of the first segments, as many as a picture bears. */
function firstSegments(data, most) {
    return new Set(ranked(data).slice(0, most).map((row) => row.segment));
}

/** Returns the twin bars of customers and value of the first segments, and a sentence about the others. */
export function twinBars(data, { width, most, scale = 1, least = 0 }) {
    const shown = ranked(data).slice(0, most);
    const rest = others(data, shown);
    const bars = draw(twin, { ...data, summary: shown }, { width: drawn(width, scale), height: Math.max(least, twin.height(shown.length)), scale }, 'Share of the customers and of the value by segment');
    return html`${bars}${rest && html`<p class="small">${rest}</p>`}`;
}

/** Returns the radar of a segment against all customers, or null where three axes are not known. */
export function radarPicture(data, segment, { width, height, scale = 1 }) {
    if (!radar.hasRadar(data, [segment])) return null;
    return draw(radar, data, { segment: String(segment), width: drawn(width, scale), height: drawn(height, scale), scale }, `${segmentName(ranked(data).find((row) => row.segment === segment))} beside all customers`);
}

/** Returns the bars of what decides. */
export function importancePicture(data, { width, most, scale = 1, least = 0 }) {
    const rows = [...data.importance].sort((a, b) => a.rank - b.rank).slice(0, most);
    const rest = data.importance.length - rows.length;
    return html`${draw(importance, { ...data, importance: rows }, { width: drawn(width, scale), height: Math.max(drawn(least, scale), importance.height(rows.length)), scale }, 'Share of the customers who change segment when a column is shuffled')}${rest > 0 && html`<p class="small">${plural(rest, 'column decides', 'columns decide')} less than these.</p>`}`;
}

/** Returns the silhouette plot of the first segments. */
export function silhouettePicture(data, { width, most, height = null, scale = 1 }) {
    const first = firstSegments(data, most);
    const rows = segments(data.silhouette).filter((row) => first.has(row.segment));
    return draw(silhouette, { ...data, silhouette: rows }, { width: drawn(width, scale), height: height ? drawn(height, scale) : Math.min(520, silhouette.height(rows.length)), scale }, 'Silhouette widths by segment');
}

/** Returns the curves of the search for the number of segments. */
export function chooseKPicture(data, { width }) {
    const height = 300;
    return picture(chooseK.elbow(data, light, { width, height }), { width, height, label: 'Inertia and silhouette by number of segments' });
}

/** Returns the heat map of the first segments. */
export function heatmapPicture(data, { width, height, most = 12, scale = 1 }) {
    const first = firstSegments(data, most);
    const rows = segments(data.heatmap).filter((row) => first.has(row.segment));
    const columns = distinct(rows.map((row) => ({ key: JSON.stringify([row.column_name, row.level ?? null]) })), 'key').length;
    const tall = Math.min(drawn(height, scale), heatmap.height(columns));
    return draw(heatmap, { ...data, heatmap: rows }, { width: drawn(width, scale), height: tall, scale }, 'Difference of each segment from all customers');
}

/** Returns the curve of Lorenz. */
export function lorenzPicture(data, { width, height, scale = 1 }) {
    return draw(lorenz, data, { width: drawn(width, scale), height: drawn(height, scale), scale }, 'Share of the value by share of the customers');
}

/** Returns the bars of who came and who went. */
export function changesPicture(data, { width, most = 10, scale = 1, least = 0 }) {
    const shown = ranked(data).slice(0, most);
    const first = new Set(shown.map((row) => row.segment));
    const previous = { ...data.previous, summary: data.previous.summary.filter((row) => first.has(row.segment)) };
    return draw(changes, { ...data, summary: shown, previous }, { width: drawn(width, scale), height: Math.max(drawn(least, scale), changes.height(shown.length)), scale }, 'Change of the number of customers by segment');
}

/** Returns the flows between segments. */
export function migrationPicture(data, { width, height, scale = 1 }) {
    return draw(migration, data, { width: drawn(width, scale), height: drawn(height, scale), scale }, 'Moves of customers between segments');
}
