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

const here = path.dirname(fileURLToPath(import.meta.url));
const web = path.join(here, 'web');
const dist = path.join(here, 'dist');

// Files that compress; the others (PNG, WOFF2) are compressed already.
const compressible = /\.(?:js|css|html|svg|json|txt|ico)$/;

// Parts of ECharts that the pages never reach, a tenth of it: tooltips as HTML, options of version 2, axes of time, its dark theme,
// Chinese, animation by style sheets, symbols by the ten thousand, patterns in areas, descriptions that ECharts words itself, canvas, styles of version 4,
// transforms of data, heat on maps, labels of sectors on polar axes, ticks of two axes made alike, the sign that data load,
// lines that move from one shape to the next, dragging, sectors, drawing bit by bit, and words of time.
// A name that a new version no longer has is an error.
const unreached = [
    'echarts/lib/component/tooltip/TooltipHTMLContent.js', 'echarts/lib/preprocessor/backwardCompat.js', 'echarts/lib/scale/Time.js',
    'echarts/lib/theme/dark.js', 'echarts/lib/i18n/langZH.js', 'zrender/lib/svg/cssAnimation.js', 'echarts/lib/chart/helper/LargeSymbolDraw.js',
    'echarts/lib/util/decal.js', 'echarts/lib/visual/aria.js', 'zrender/lib/canvas/graphic.js', 'echarts/lib/util/styleCompat.js',
    'echarts/lib/data/helper/transform.js', 'echarts/lib/chart/heatmap/HeatmapLayer.js', 'echarts/lib/label/sectorLabel.js', 'echarts/lib/coord/axisAlignTicks.js',
    'echarts/lib/loading/default.js', 'echarts/lib/chart/line/lineAnimationDiff.js', 'zrender/lib/mixin/Draggable.js', 'zrender/lib/graphic/helper/roundSector.js',
    'zrender/lib/graphic/IncrementalDisplayable.js', 'echarts/lib/util/time.js',
];

/** Leaves out what is unreached: its exports are there, and do nothing. */
const leaveOut = {
    name: 'leave out',
    setup(build) {
        const left = new Set(unreached);

        build.onLoad({ filter: /[\\/]node_modules[\\/](?:echarts|zrender)[\\/]lib[\\/]/ }, async ({ path: file }) => {
            const name = unreached.find((it) => file.split(path.sep).join('/').endsWith(`/${it}`));

            if (!name) {
                return undefined;
            }
            left.delete(name);
            const text = await readFile(file, 'utf8');
            const names = [...text.matchAll(/^export (?:function|var) (\w+)/gm)].map(([, it]) => it);
            const usual = /^export default /m.test(text) ? ['export default function () {}'] : [];

            return { contents: [...usual, ...names.map((it) => `export function ${it}() {}`)].join('\n') };
        });
        build.onEnd(() => ({ errors: [...left].map((it) => ({ text: `${it} is no part of the bundle` })) }));
    },
};

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
