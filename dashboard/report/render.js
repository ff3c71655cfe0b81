// render.js
//	  The reports by name, each made from one publication: the same publication gives the same bytes.

import { document } from './document.js';
import * as cards from './kinds/cards.js';
import * as dictionary from './kinds/dictionary.js';
import * as guide from './kinds/guide.js';
import * as methodology from './kinds/methodology.js';
import * as playbook from './kinds/playbook.js';
import * as report from './kinds/report.js';
import * as slides from './kinds/slides.js';

/** The kinds of reports. */
export const kinds = { report, cards, playbook, dictionary, methodology, guide, slides };

/** Returns a report as HTML; "data" is what readPublication() has read, "start" the first day of the roadmap or null. */
export function render(kind, data, { start = null } = {}) {
    const { heading, css, isSlides = false, pages } = kinds[kind];
    return document(data, { heading, css, isSlides }, pages(data, { start }));
}
