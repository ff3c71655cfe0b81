// document.js
//	  The frame of every report: one file of HTML with its style in it, no script and no address, laid
//	  out for paper.  A "sheet" is one page of a fixed size; a "flow" runs over as many pages as it takes.

import { dateTime } from '../web/format.js';
import { title } from '../web/facts.js';
import { fontFamily, light, segmentColor } from '../web/theme.js';
import { html, raw } from './html.js';
import { cut } from './text.js';

const paper = `
@page { size: A4; margin: 0 }
@page flow { size: A4; margin: 15mm 15mm 17mm; @bottom-right { content: counter(page); font: 9pt ${fontFamily}; color: ${light.muted} } }
.sheet { width: 210mm; height: 297mm; padding: 13mm 15mm 14mm }
.flow { width: 210mm; padding: 13mm 15mm; page: flow }
@media print { .flow { width: auto; padding: 0 } }`;

const screen = `
@page { size: 1280px 720px; margin: 0 }
.sheet { width: 1280px; height: 720px; padding: 44px 56px 52px }
body { font-size: 20px }
h1 { font-size: 50px } h2 { font-size: 34px; margin-bottom: 14px } h3 { font-size: 22px }
table { font-size: 17px } .small, .foot { font-size: 15px } .tile b { font-size: 40px } .tile span { font-size: 17px }`;

const common = `
* { box-sizing: border-box }
html { background: #e9ebed; -webkit-print-color-adjust: exact; print-color-adjust: exact }
body { margin: 0; font: 10pt/1.42 ${fontFamily}; color: ${light.ink}; font-variant-numeric: tabular-nums; overflow-wrap: anywhere }
.sheet, .flow { background: #fff; margin: 16px auto; position: relative }
.sheet { overflow: hidden; break-after: page; break-inside: avoid; display: flex; flex-direction: column; gap: 4mm }
.sheet:last-child, .flow:last-child { break-after: auto }
.flow { break-after: page }
@media print { html { background: #fff } .sheet, .flow { margin: 0 } }
h1, h2, h3, p, ul, ol, dl, dd, table, figure, pre { margin: 0 }
h1 { font-size: 21pt; line-height: 1.15; color: ${light.accent} }
h2 { font-size: 13.5pt; line-height: 1.2; color: ${light.accent}; break-after: avoid }
h3 { font-size: 11pt; line-height: 1.25; break-after: avoid }
.flow > * + * { margin-top: 3mm } .flow h2 { margin-top: 7mm } .flow h1 + h2 { margin-top: 4mm } .flow h3 { margin-top: 5mm }
.lead { font-size: 1.18em; line-height: 1.38 }
.muted, .small, .foot { color: ${light.muted} }
.small { font-size: 8.6pt }
.foot { position: absolute; left: 15mm; right: 15mm; bottom: 6mm; display: flex; justify-content: space-between; gap: 8mm; font-size: 8pt }
.slides .foot { left: 56px; right: 56px; bottom: 18px }
table { border-collapse: collapse; width: 100%; font-size: 8.8pt; line-height: 1.32 }
thead { display: table-header-group }
th { text-align: left; vertical-align: bottom; color: ${light.muted}; font-weight: 600; border-bottom: 1.5px solid ${light.ink} }
th, td { padding: 1.1mm 2mm 1.1mm 0; vertical-align: top }
td { border-bottom: 1px solid ${light.line} }
tr { break-inside: avoid }
.right { text-align: right; white-space: nowrap }
.mark { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .45em; vertical-align: -.06em; flex: none }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 4mm }
.tile { border-top: 2px solid ${light.accent}; padding-top: 1.5mm }
.tile b { display: block; font-size: 17pt; line-height: 1.15; font-weight: 650 }
.tile span { font-size: 8.6pt; color: ${light.muted} }
.good { color: ${light.good} } .watch { color: ${light.watch} } .bad { color: ${light.bad} }
ol.actions { list-style: none; padding: 0; display: grid; gap: 2.6mm; counter-reset: action }
ol.actions > li { counter-increment: action; display: grid; grid-template-columns: 9mm 1fr }
ol.actions > li::before { content: counter(action); font-size: 1.7em; font-weight: 650; line-height: 1; color: ${light.accent} }
.tag { display: inline-block; font-size: .8em; font-weight: 600; padding: .1em .55em; border: 1px solid currentColor; border-radius: 3px; color: ${light.muted}; white-space: nowrap }
.box { border: 1px solid ${light.line}; border-radius: 4px; padding: 3mm 3.5mm; break-inside: avoid }
.note { border-left: 3px solid ${light.line}; padding: .3mm 0 .3mm 3mm; color: ${light.muted}; break-inside: avoid }
pre { font: .86em/1.4 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; white-space: pre-wrap; background: ${light.ground}; padding: 2mm 3mm; border-radius: 3px; color: ${light.ink} }
.picture { display: block; max-width: 100%; height: auto; font-size: 12px }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 7mm } .grow { flex: 1; min-height: 0 }
ul, .flow ol { padding-left: 5mm } li + li { margin-top: 1mm }
.two > * { min-width: 0 }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .8mm 4mm } dl.facts dt { color: ${light.muted} }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
.together { break-inside: avoid } .together > * + * { margin-top: 3mm }`;

// Who opens the file on a telephone scrolls down only; it comes after what kinds add.
const narrow = `
@media screen and (max-width: 860px) {
  body { font-size: 15px } h1 { font-size: 26px } h2 { font-size: 20px } h3 { font-size: 17px } .lead { font-size: 17px } .small, .foot { font-size: 13px }
  .sheet, .flow { width: auto; height: auto; min-height: 0; margin: 0 0 10px; padding: 18px 16px; gap: 16px }
  .card { height: auto } .foot { position: static; flex-wrap: wrap; gap: 4px 16px; margin-top: 8px }
  .two, .wide, .halves, .entry .two { grid-template-columns: minmax(0, 1fr) } .tiles { grid-template-columns: 1fr 1fr } .tile b, .numbers b { font-size: 22px }
  .numbers { flex-wrap: wrap; gap: 10px 20px } header { flex-wrap: wrap } .scroll { overflow-x: auto } table { font-size: 14px } td, th { min-width: 70px; overflow-wrap: break-word }
  dl.facts { font-size: 15px }
}`;

/** Returns a block of colour for a segment. */
export function mark(segment) {
    return html`<i class="mark" style="background:${segmentColor(segment, light)}"></i>`;
}

/** Returns the line at the foot of a sheet. */
export function foot(data, words, page) {
    return html`<footer class="foot"><span>${cut(title(data), 300, 11)} · ${words}</span><span>${stamp(data)}${page ? html` · ${page}` : ''}</span></footer>`;
}

/** Returns as of when, and by which version, the numbers are. */
export function stamp(data) {
    return `As of ${dateTime(data.about.published_at)}, version ${data.about.version}`;
}

/** Returns the whole file. */
export function document(data, { heading, css = '', isSlides = false }, pages) {
    const style = `${common}${isSlides ? screen : paper}${css}${narrow}`.replace(/\n\s*/g, '\n').trim();
    return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${heading}: ${title(data)}</title>
<style>${raw(style)}</style>
</head>
<body class="${isSlides ? 'slides' : 'paper'}">
<main>
${pages.map((it) => html`${it}
`)}</main>
</body>
</html>
`.toString();
}
