// The parts of ECharts that are used; a chunk of its own, loaded with the first chart.
import { LineChart } from 'echarts/charts'
import { GridComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent } from 'echarts/components'
import { init, use, type EChartsType } from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'

use([LineChart, GridComponent, TooltipComponent, MarkLineComponent, MarkAreaComponent, CanvasRenderer])

export function createChart(host: HTMLElement): EChartsType {
  return init(host, null, { renderer: 'canvas' })
}
