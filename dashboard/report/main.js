// main.js
//	  Writes a report to a file, as "make report" asks for it by the environment: MODEL, KIND, DATABASE, OUT,
//	  AS_OF, START, FORMAT (see tools/report).

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { reports } from '../web/pages.js';
import { NoPublication, readPublication, statement } from './publication.js';

/** A fault of the caller's: what to write instead. */
class Fault extends Error {}

const wanted = (name) => process.env[name]?.trim() || null;

/** Returns the words of a connection string, key = value with quotes as libpq has them, as an object. */
function words(text) {
    const found = [...text.matchAll(/(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S*))/g)].map(([, key, quoted, bare]) => [key, (quoted ?? bare).replace(/\\(.)/g, '$1')]);
    return Object.fromEntries(found);
}

/** Returns how to connect: DATABASE is a name, key = value words or an address; what it does not say, PGHOST and its like do, and then the machine's own socket. */
export function connection(text, environment = process.env) {
    const local = ['/var/run/postgresql', '/tmp'].find((folder) => existsSync(path.join(folder, `.s.PGSQL.${environment.PGPORT ?? 5432}`)));
    const base = { user: environment.PGUSER ?? userInfo().username, application_name: 'custseg report', options: '-c default_transaction_read_only=on -c search_path=pg_catalog -c timezone=UTC -c datestyle=ISO', ...(environment.PGHOST || !local ? {} : { host: local }) };
    if (!text) return base;
    if (/^postgres(?:ql)?:\/\//.test(text)) return { ...base, host: undefined, user: undefined, connectionString: text };
    if (!text.includes('=')) return { ...base, database: text };
    const { dbname, user, host, hostaddr, port, password } = words(text);
    return { ...base, database: dbname, ...(user && { user }), ...((hostaddr ?? host) && { host: hostaddr ?? host }), ...(port && { port: Number(port) }), ...(password && { password }) };
}

/** Returns the time that a text names, or null without one. */
function time(name, pattern, example) {
    const text = wanted(name);
    if (text === null) return null;
    if (!pattern.test(text) || Number.isNaN(Date.parse(text))) throw new Fault(`${name}=${text} is no time; write ${name}=${example}`);
    return text;
}

/** Returns a text as a part of a file's name. */
function fileName(text) {
    return text.replace(/[^\p{L}\p{N}._-]+/gu, '_').replace(/^\.+/, '').slice(0, 60) || 'model';
}

/** Returns the file to write: OUT, or in the folder OUT a name that tells model and kind. */
function place(model, kind, format) {
    const out = wanted('OUT') ?? 'dist';
    return /\.(?:html|pdf)$/i.test(out) ? out : path.join(out, `${fileName(model)}-${kind}.${format}`);
}

/** Returns the command of a browser that prints, or null. */
function browser() {
    const names = [wanted('CHROMIUM'), 'chromium', 'chromium-browser', 'google-chrome'].filter(Boolean);
    return names.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore', timeout: 20000 }).status === 0) ?? null;
}

/** Returns the PDF of a report, with the time of the publication in place of that of printing, so that it has the same bytes each time. */
function print(html, publishedAt) {
    const command = browser();
    if (!command) throw new Fault('there is no Chromium to print with; install it (Debian: chromium), or print the HTML from a browser');
    const folder = mkdtempSync(path.join(tmpdir(), 'custseg-report-'));
    try {
        const [from, to] = ['report.html', 'report.pdf'].map((name) => path.join(folder, name));
        writeFileSync(from, html);
        // the file has no script and may load nothing, and Chromium's own fence is not to be had by root
        const { status, stderr } = spawnSync(command, ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', `--user-data-dir=${path.join(folder, 'profile')}`, '--no-pdf-header-footer', `--print-to-pdf=${to}`, pathToFileURL(from).href], { encoding: 'utf8', timeout: 120000 });
        if (status !== 0 || !existsSync(to)) throw new Fault(`${command} did not print: ${String(stderr).trim().split('\n').at(-1)}`);
        const stamp = publishedAt.replace(/[^0-9]/g, '').slice(0, 14);
        return Buffer.from(readFileSync(to, 'latin1').replace(/\/(CreationDate|ModDate) \(D:\d{14}/g, (_, key) => `/${key} (D:${stamp}`), 'latin1');
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}

/** Returns the names of models that a report can be made of. */
async function published(client) {
    const { rows } = await client.query('SELECT model FROM custseg.published ORDER BY model LIMIT 20');
    return rows.map((row) => row.model);
}

async function write() {
    const kind = wanted('KIND') ?? 'report';
    if (!reports.some((it) => it.kind === kind)) throw new Fault(`there is no report KIND=${kind}; kinds are ${reports.map((it) => it.kind).join(', ')}`);
    const format = (wanted('FORMAT') ?? /\.pdf$/i.exec(wanted('OUT') ?? '')?.[0].slice(1) ?? 'html').toLowerCase();
    if (!['html', 'pdf'].includes(format)) throw new Fault(`FORMAT=${format} is neither html nor pdf`);
    const at = time('AS_OF', /^\d{4}-\d{2}-\d{2}/, '2026-11-30, or 2026-11-30T12:00:00Z');
    const start = time('START', /^\d{4}-\d{2}-\d{2}$/, '2026-12-07');
    const client = new pg.Client(connection(wanted('DATABASE')));
    await client.connect();
    try {
        const model = process.env.MODEL || null;
        if (model === null) throw new Fault(`which model? MODEL= names it; published are: ${(await published(client)).join(', ') || 'none'}`);
        const { rows: [row] } = await client.query(statement, [model, /^\d{4}-\d{2}-\d{2}$/.test(at ?? '') ? `${at} 23:59:59.999999+00` : at]);
        if (!row) throw new Fault(`there is no model "${model}" that this role may use; published are: ${(await published(client)).join(', ') || 'none'}`);
        const data = readPublication(row.body);
        const { render } = await import('./render.js');		// which takes longer to load than all else
        const html = render(kind, data, { start });
        const file = place(model, kind, format);
        mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
        writeFileSync(file, format === 'pdf' ? print(html, data.about.published_at) : html);
        console.log(file);
    } finally {
        await client.end();
    }
}

/** Returns what an error tells the caller. */
function tell(error) {
    if (error instanceof NoPublication) return `${error.message}\n  ${error.hint}`;
    if (error instanceof Fault) return error.message;
    if (error.code === '42P01' || error.code === '3F000') return 'the database has no custseg that publishes: CREATE EXTENSION custseg;';
    return error.code ? `the database says: ${error.message}` : error.stack;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
    write().catch((error) => {
        console.error(`report: ${tell(error)}`);
        process.exitCode = 1;
    });
}
