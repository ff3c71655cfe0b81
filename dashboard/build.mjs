// Builds the page: web/ is bundled and minified into dist/, each file with its gzip beside it.
//
//   npm run build
//
// web/app.jsx and web/app.css are the entries; what is imported lazily becomes a chunk of its own.  Names in
// dist/assets/ carry a hash of their contents, so that a browser may keep them for ever.  dist/index.html is
// web/index.html with those names in place of /assets/app.js and /assets/app.css; whatever lies in web/public/
// is copied as it is.

import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';
import { leaveOut } from './leave-out.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const web = path.join(here, 'web');
const dist = path.join(here, 'dist');

// Files that compress; the others (PNG, WOFF2) are compressed already.
const compressible = /\.(?:js|css|html|svg|json|txt|ico)$/;

/** Bundles the entry into dist/assets/ and returns what esbuild tells of its outputs, by path below dist/. */
async function bundle() {
    const { metafile } = await esbuild.build({
        absWorkingDir: here,
        entryPoints: ['web/app.jsx', 'web/app.css'],
        outdir: 'dist/assets',
        bundle: true,
        splitting: true,
        format: 'esm',
        target: ['es2022', 'chrome100', 'firefox100', 'safari15.4'],
        minify: true,
        jsx: 'automatic',
        jsxImportSource: 'preact',
        entryNames: '[name]-[hash]',
        chunkNames: '[name]-[hash]',
        assetNames: '[name]-[hash]',
        loader: { '.svg': 'file', '.png': 'file', '.woff2': 'file' },
        legalComments: 'linked',
        charset: 'utf8',
        define: { 'process.env.NODE_ENV': '"production"' },
        plugins: [leaveOut],
        metafile: true,
        logLevel: 'warning',
    });
    return Object.entries(metafile.outputs).map(([file, output]) => ({ ...output, file: file.replace(/^dist\//, '') }));
}

/** Returns web/index.html with the names that the entries have now, and a word to load at once what the script imports. */
async function page(outputs) {
    let html = await readFile(path.join(web, 'index.html'), 'utf8');

    for (const [entry, name] of [['web/app.jsx', '/assets/app.js'], ['web/app.css', '/assets/app.css']]) {
        if (!html.includes(`"${name}"`)) {
            throw new Error(`web/index.html does not load "${name}"`);
        }
        html = html.replace(`"${name}"`, () => `"/${outputs.find((output) => output.entryPoint === entry).file}"`);
    }
    const script = outputs.find((output) => output.entryPoint === 'web/app.jsx');
    const preloads = script.imports.filter((it) => it.kind === 'import-statement')
        .map((it) => `<link rel="modulepreload" href="/${it.path.replace(/^dist\//, '')}">\n`);

    return html.replace('</head>', () => `${preloads.join('')}</head>`);
}

/** Yields the path of every file in a folder and in those below it. */
async function* filesIn(folder) {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
        const file = path.join(folder, entry.name);

        if (entry.isDirectory()) {
            yield* filesIn(file);
        } else {
            yield file;
        }
    }
}

/** Writes FILE.gz beside each file that compresses, and returns their sizes. */
async function compress() {
    const sizes = [];

    for await (const file of filesIn(dist)) {
        if (!compressible.test(file)) {
            continue;
        }
        const plain = await readFile(file);
        const packed = gzipSync(plain, { level: constants.Z_BEST_COMPRESSION });

        await writeFile(`${file}.gz`, packed);
        sizes.push({ file: path.relative(dist, file), plain: plain.length, gzip: packed.length });
    }
    return sizes.sort((a, b) => b.gzip - a.gzip);
}

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
const outputs = await bundle();
if (existsSync(path.join(web, 'public'))) {
    await cp(path.join(web, 'public'), dist, { recursive: true });
}
await writeFile(path.join(dist, 'index.html'), await page(outputs));
for (const { file, plain, gzip } of await compress()) {
    console.log(`${String(plain).padStart(9)} ${String(gzip).padStart(8)} gzip  ${file}`);
}
