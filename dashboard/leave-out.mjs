// What the page's bundle leaves out of ECharts: files that no chart of the pages reaches, a tenth of the library.
//
// A chart that came to reach one of them would be drawn wrongly, and without an error: test/web.test.js draws
// every chart with the bundle's library and with the whole one.

import { readFile } from 'node:fs/promises';
import path from 'node:path';

// Tooltips as HTML, options of version 2, axes of time, its dark theme, Chinese, animation by style sheets, symbols by the ten thousand,
// descriptions that ECharts words itself, canvas, styles of version 4, transforms of data, heat on maps, labels of sectors on polar axes,
// the sign that data load, lines that move from one shape to the next, dragging, sectors, drawing bit by bit, words of time, animation by
// keyframes, bars with round ends, shapes of one's own on axes other than two that cross, axes by factors,
// which the charts compute themselves, courses of animation by name, and English words of its own.
// A name that a new version no longer has is an error.
const unreached = [
    'echarts/lib/component/tooltip/TooltipHTMLContent.js', 'echarts/lib/preprocessor/backwardCompat.js', 'echarts/lib/scale/Time.js',
    'echarts/lib/theme/dark.js', 'echarts/lib/i18n/langZH.js', 'zrender/lib/svg/cssAnimation.js', 'echarts/lib/chart/helper/LargeSymbolDraw.js',
    'echarts/lib/visual/aria.js', 'zrender/lib/canvas/graphic.js', 'echarts/lib/util/styleCompat.js',
    'echarts/lib/data/helper/transform.js', 'echarts/lib/chart/heatmap/HeatmapLayer.js', 'echarts/lib/label/sectorLabel.js',
    'echarts/lib/loading/default.js', 'echarts/lib/chart/line/lineAnimationDiff.js', 'zrender/lib/mixin/Draggable.js', 'zrender/lib/graphic/helper/roundSector.js',
    'zrender/lib/graphic/IncrementalDisplayable.js', 'echarts/lib/util/time.js', 'echarts/lib/animation/customGraphicKeyframeAnimation.js', 'echarts/lib/util/shape/sausage.js',
    'echarts/lib/coord/polar/prepareCustom.js', 'echarts/lib/coord/geo/prepareCustom.js', 'echarts/lib/coord/single/prepareCustom.js', 'echarts/lib/coord/calendar/prepareCustom.js',
    'echarts/lib/scale/Log.js', 'zrender/lib/animation/easing.js', 'echarts/lib/i18n/langEN.js',
];

/** A plugin of esbuild that leaves out what is unreached: its exports are there, and do nothing. */
export const leaveOut = {
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
