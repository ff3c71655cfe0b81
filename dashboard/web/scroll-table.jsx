// scroll-table.jsx
//	  A table as the body of a card, which scrolls within it.

import { currency } from './facts.js';
import { Table } from './table.jsx';

/** Shows the table that "table" makes of a card's data, under a caption for those who hear the page; nothing where it makes none. */
export function TableOf({ props: { data, state, theme }, table, caption }) {
    const made = table(data, state, theme);

    return made && (
        <div class="scroll" role="region" tabindex="0" aria-label={`Table: ${caption}`}>
            <Table table={made} caption={caption} currency={currency(data)} />
        </div>
    );
}
