// A browser for tests: what a page looks like to those who read it, by eye, by ear and by keyboard.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** The program of Chromium, or undefined when there is none. */
export const chromium = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((file) => file && existsSync(file));

/** Starts Chromium. */
export async function launch() {
    const { chromium: driver } = await import('playwright-core');

    return driver.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu'] });
}

/** Opens a page of a browser that notes what goes wrong in it: {page, faults}. */
export async function openPage(browser, { width = 1360, isDark = false, origin } = {}) {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: isDark ? 'dark' : 'light', acceptDownloads: true });
    const page = await context.newPage();
    const faults = [];

    page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) faults.push(message.text()); });
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('dialog', (dialog) => { faults.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
    page.on('request', (request) => { if (origin && !/^(?:data|blob):/.test(request.url()) && !request.url().startsWith(`${origin}/`)) faults.push(`a request of ${request.url()}`); });
    return { page, context, faults };
}

/** Goes to an address and waits until every card is there and every chart is drawn. */
export async function visit(page, url) {
    await page.goto(url);
    await settle(page);
}

/** Waits until every card is there and every chart is drawn. */
export async function settle(page) {
    await page.waitForFunction(() => document.querySelector('main h1') && !document.querySelector('.block')
        && [...document.querySelectorAll('.chart')].every((it) => it.dataset.drawn), null, { timeout: 60000 });
}

const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** Returns what axe finds on a page, in words. */
export async function violations(page) {
    await page.evaluate(axe);
    const { violations: found } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));

    return found.flatMap((it) => it.nodes.map((node) => `${it.id}: ${it.help}: ${node.html.slice(0, 160)}`));
}

const bad = /\bNaN\b|\bundefined\b|\bnull\b|\bInfinity\b|\[object|−0(?:\.0+)?(?![\d.])/;

/** Fails when a page shows what nobody is to see. Texts of SQL and of names that hold such words are left out. */
export async function assertCleanText(page, where) {
    const texts = await page.evaluate(() => {
        const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
        const found = [];
        while (walker.nextNode()) if (!walker.currentNode.parentElement.closest('pre')) found.push(walker.currentNode.textContent);
        return found;
    });

    for (const text of texts) assert.doesNotMatch(text, bad, `${where}: ${text}`);
}

/** Returns what is wrong with the texts of the pictures of a page: those that leave the picture, lie on each other, or are too faint. */
export function pictureFaults(page) {
    return page.evaluate(() => {
        const rgb = (color) => (/rgba?\(([^)]*)\)/.exec(color)?.[1].split(',').map(Number) ?? null);
        const luminance = ([r, g, b]) => [r, g, b].map((it) => it / 255).map((it) => (it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4)).reduce((sum, it, i) => sum + it * [0.2126, 0.7152, 0.0722][i], 0);
        const contrast = (a, b) => { const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y); return (high + 0.05) / (low + 0.05); };
        const over = (top, alpha, below) => below.map((it, i) => top[i] * alpha + it * (1 - alpha));
        const opacityOf = (element, end) => { let product = 1; for (let it = element; it && it !== end; it = it.parentElement) product *= Number(getComputedStyle(it).opacity); return product; };
        const faults = [];

        for (const svg of document.querySelectorAll('.chart svg')) {
            const card = svg.closest('.card');
            const where = card.id;
            const ground = rgb(getComputedStyle(card).backgroundColor).slice(0, 3);
            const frame = svg.getBoundingClientRect();
            const elements = [...svg.querySelectorAll('text, path, rect, circle, polygon')];
            const boxes = [];

            elements.forEach((element, order) => {
                if (element.tagName !== 'text' || !element.textContent.trim()) return;
                const box = element.getBoundingClientRect();
                const style = getComputedStyle(element);
                const alpha = opacityOf(element, svg) * Number(style.fillOpacity);
                if (alpha === 0 || style.visibility === 'hidden' || element.closest('defs')) return;
                const said = `${where}: “${element.textContent}”`;
                if (box.left < frame.left - 1.5 || box.right > frame.right + 1.5 || box.top < frame.top - 1.5 || box.bottom > frame.bottom + 1.5) faults.push(`${said} leaves the picture`);
                const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
                let behind = ground;
                for (const it of elements.slice(0, order)) {
                    if (it.tagName === 'text' || !it.isPointInFill || it.closest('defs')) continue;
                    const fill = rgb(getComputedStyle(it).fill);
                    if (!fill) continue;
                    const matrix = it.getScreenCTM();
                    if (!matrix || Math.abs(matrix.a * matrix.d - matrix.b * matrix.c) < 1e-9) continue;
                    if (it.isPointInFill(new DOMPoint(x, y).matrixTransform(matrix.inverse()))) behind = over(fill.slice(0, 3), (fill[3] ?? 1) * Number(getComputedStyle(it).fillOpacity) * opacityOf(it, svg), behind);
                }
                const ratio = contrast(over(rgb(style.fill).slice(0, 3), alpha, behind), behind);
                if (ratio < 4.5) faults.push(`${said} has a contrast of ${ratio.toFixed(2)}`);
                // what is turned has a box larger than itself
                const { a, b } = element.getScreenCTM();
                if (Math.abs(b) < 0.01 * Math.abs(a)) boxes.push({ said, box });
            });
            boxes.forEach(({ said, box }, i) => {
                for (const other of boxes.slice(i + 1)) {
                    const [w, h] = [Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left), Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top)];
                    if (w > 3 && h > 5) faults.push(`${said} lies on ${other.said}`);
                }
            });
        }
        return faults;
    });
}
