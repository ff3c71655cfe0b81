// The cards of the pages and ECharts for a test: JSX is for esbuild, and what it makes is for production, as in the page.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';
import { leaveOut } from '../../leave-out.mjs';
import { root } from './dashboard.js';

/** Returns a promise of {cards, init}: the cards by name, and the function that makes a chart; with "isWhole" of all of ECharts, else of what the page has of it. */
export async function cardsAndCharts({ isWhole = false } = {}) {
    const folder = mkdtempSync(path.join(tmpdir(), 'custseg-cards-'));
    const outfile = path.join(folder, 'cards.mjs');

    try {
        await esbuild.build({
            stdin: { contents: 'export { cards } from "./cards.js"; export { init } from "./echarts.js";', resolveDir: path.join(root, 'web') },
            outfile, bundle: true, format: 'esm', jsx: 'automatic', jsxImportSource: 'preact', logLevel: 'error', define: { 'process.env.NODE_ENV': '"production"' },
            plugins: isWhole ? [] : [leaveOut],
        });
        return await import(pathToFileURL(outfile));
    } finally {
        rmSync(folder, { recursive: true });
    }
}
