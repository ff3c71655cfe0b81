// A visitor with a token, in a browser: asked who they are, refused with a wrong token, let in with a right one.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { startDashboard } from './support/dashboard.js';

const chromium = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((file) => file && existsSync(file));
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

test('a token lets a visitor in', { skip: chromium ? false : 'no chromium', timeout: 120000 }, async () => {
    const { chromium: driver } = await import('playwright-core');
    const folder = mkdtempSync(path.join(tmpdir(), 'custseg-signin-'));
    const tokens = path.join(folder, 'tokens');

    writeFileSync(tokens, `${createHash('sha256').update('a-good-token').digest('hex')} north\n`);
    const dashboard = await startDashboard({ CUSTSEG_TOKENS_FILE: tokens });
    const browser = await driver.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu'] });

    try {
        const page = await browser.newPage({ bypassCSP: true });
        const field = page.getByLabel('Token');

        page.setDefaultTimeout(60000);
        await page.goto(`${dashboard.url}/m/shop/overview`);
        await field.waitFor();
        await page.evaluate(axe);
        assert.deepEqual((await page.evaluate(() => globalThis.axe.run())).violations.map((violation) => violation.id), []);
        await field.fill('a-bad-token');
        await field.press('Enter');
        await page.getByText('does not know this token').waitFor();
        if (process.env.CUSTSEG_TEST_PICTURES) {
            await page.screenshot({ path: path.join(process.env.CUSTSEG_TEST_PICTURES, 'signin.png') });
        }
        await field.fill('a-good-token');
        await field.press('Enter');
        await page.getByRole('heading', { level: 1, name: /Customers of the shop/ }).waitFor();
        assert.equal(await field.count(), 0);
        // a link cannot show who asks: the report comes as a file
        const [download] = await Promise.all([page.waitForEvent('download'), page.locator('nav.reports a').first().click()]);

        assert.match(readFileSync(await download.path(), 'utf8'), /^<!DOCTYPE html>/);
        await page.reload();
        await page.getByRole('heading', { level: 1, name: /Customers of the shop/ }).waitFor();
        // what the tab knows, another does not
        const other = await (await browser.newContext()).newPage();

        await other.goto(`${dashboard.url}/m/shop/overview`);
        await other.getByLabel('Token').waitFor({ timeout: 60000 });
    } finally {
        await browser.close();
        await dashboard.stop();
        rmSync(folder, { recursive: true });
    }
});
