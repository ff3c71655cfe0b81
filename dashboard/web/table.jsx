// table.jsx
//	  The numbers of a chart, or of a card, as a table: {columns: [{label, kind}], rows: [[...]]}.

import { cell, name, prose } from './format.js';

// what a heading means, where it is a term
const terms = { p: 'How often chance alone shows as much where there is nothing; where several are tested, the number allows for that' };
const right = new Set(['value', 'count', 'number', 'percent', 'money', 'signed', 'deviation', 'change', 'p']);

/** Shows a table; a cell is a value, or {text, value, href, color}: words for the eye, the number for a file, a link. */
export function Table({ table, caption, currency, isCaptionHidden = true }) {
    return (
        <table>
            <caption class={isCaptionHidden ? 'hidden' : ''}>{caption}</caption>
            <thead>
                <tr>{table.columns.map((column) => <th scope="col" class={right.has(column.kind) ? 'right' : ''} title={terms[column.kind]}>{column.label}</th>)}</tr>
            </thead>
            <tbody>
                {table.rows.map((row) => (
                    <tr>{row.map((value, i) => <Cell value={value} column={table.columns[i]} isHead={i === 0} currency={currency} />)}</tr>
                ))}
            </tbody>
        </table>
    );
}

function Cell({ value, column, isHead, currency }) {
    const link = value !== null && typeof value === 'object' ? value : null;
    const raw = link ? link.text : value;
    const isText = !column.kind || column.kind === 'text' || column.kind === 'long';
    const text = isText && typeof raw === 'string' ? name(column.kind === 'long' ? prose(raw) : raw) : cell(raw, column.kind, currency);
    const content = link?.href ? <a href={link.href}>{text}</a> : text;
    const shown = link?.color ? <span class="keyed"><Swatch color={link.color} />{content}</span> : content;
    const kind = right.has(column.kind) ? 'right' : column.kind === 'long' ? 'words long' : isText ? 'words' : '';
    return isHead ? <th scope="row" class={kind}>{shown}</th> : <td class={kind}>{shown}</td>;
}

/** Shows a spot of a segment's colour. */
export function Swatch({ color }) {
    return <svg class="swatch" width="10" height="10" aria-hidden="true"><rect width="10" height="10" rx="2" fill={color} /></svg>;
}
