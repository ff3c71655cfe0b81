// echarts.js
//	  The parts of ECharts that the charts use, loaded after the first paint; reports import the same.
//
// What is not here is drawn with the custom series: a kind of chart costs 3 to 9 kB.

import { init, use } from 'echarts/core';
import { BarChart, BoxplotChart, CustomChart, HeatmapChart, LineChart, RadarChart, ScatterChart } from 'echarts/charts';
import { GridComponent, LegendPlainComponent, TooltipComponent } from 'echarts/components';
import { SVGRenderer } from 'echarts/renderers';

use([BarChart, BoxplotChart, CustomChart, HeatmapChart, LineChart, RadarChart, ScatterChart,
    GridComponent, LegendPlainComponent, TooltipComponent, SVGRenderer]);

export { init };
