// chart.jsx
//	  Draws an option of ECharts as SVG in the page.

import { useEffect, useRef } from 'preact/hooks';

let library = null;

/** Returns a promise of the library of charts, which is loaded once the page has been painted. */
export function loadLibrary() {
    library ??= new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve)); }).then(() => import('./echarts.js'));
    library.catch(() => { library = null; });
    return library;
}

/** Draws the option that "draw" returns for a width; label is what the picture shows, in words. */
export function Chart({ draw, height, label, click, drawn }) {
    const place = useRef(null);
    const work = useRef({});
    work.current = { ...work.current, draw, height, click };

    useEffect(() => {
        const element = place.current;
        let chart = null;
        let isGone = false;
        const paint = () => {
            const width = element.clientWidth;
            if (!chart || width === 0) return;
            chart.resize({ width, height: work.current.height });
            chart.setOption(work.current.draw(width), { notMerge: true });
            element.dataset.drawn = 'yes';
        };
        const watch = new ResizeObserver(paint);
        loadLibrary().then(({ init }) => {
            if (isGone) return;
            chart = init(element, null, { renderer: 'svg', width: element.clientWidth || 300, height: work.current.height });
            chart.on('click', (event) => work.current.click?.(event));
            work.current.chart = chart;
            if (drawn) drawn.current = () => chart.renderToSVGString();
            watch.observe(element);
            paint();
        }, () => { element.textContent = 'The charts could not be loaded. The numbers are in the table below.'; });
        work.current.paint = paint;
        return () => {
            isGone = true;
            watch.disconnect();
            chart?.dispose();
        };
    }, []);

    useEffect(() => work.current.paint?.(), [draw, height]);

    return <div class="chart" ref={place} role="img" aria-label={label} style={{ height: `${height}px` }} />;
}
