// Chart options as pure functions of points, marks, texts and colours.
import type { EChartsOption, SeriesOption } from 'echarts'
import type { Anomaly, ChartPoint, HealthPoint, Outage, Run, Verification } from '@/api/types'
import { formatValue } from './format'

export interface Palette { line: string; band: string; score: string; text: string; grid: string; surface: string; bad: string; good: string; warn: string; busy: string; series: string[] }
export interface Mark { at: number; label: string; tone: 'bad' | 'good' | 'warn' | 'busy' }
export interface Span { from: number; to: number; tone: 'bad' | 'busy' }
export interface ChartTexts { value: string; band: string; score: string }

/** Labels of marks are spread over so many rows of so many pixels above the chart. */
const LABEL_ROWS = 4
const LABEL_ROW = 13

/** Colours of the page's scheme as they are now. */
export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement)
  const read = (name: string): string => style.getPropertyValue(name).trim()
  const accent = read('--accent')
  return {
    line: accent, band: read('--info'), score: read('--bad'), text: read('--text-3'), grid: read('--line'), surface: read('--surface'),
    bad: read('--bad'), good: read('--good'), warn: read('--warn'), busy: read('--busy'),
    series: [accent, read('--good'), read('--warn'), read('--busy'), read('--bad'), read('--info'), read('--mute')],
  }
}

/** What happened to the entity of an anomaly: its own span, detection, runs and verdicts. */
export function anomalyMarks(
  anomaly: Anomaly, lastMs: number, detectedAt: string, runs: readonly Run[], verifications: readonly Verification[], words: { detected: string; run: string; runEnd: string; verdict: (v: string) => string },
): { marks: Mark[]; spans: Span[] } {
  const marks: Mark[] = [{ at: Date.parse(detectedAt), label: words.detected, tone: 'bad' }]
  const spans: Span[] = [{ from: Date.parse(anomaly.started_at), to: anomaly.ended_at ? Date.parse(anomaly.ended_at) : Math.max(lastMs, Date.parse(anomaly.last_seen_at)), tone: 'bad' }]
  for (const run of runs) {
    if (!run.started_at) continue
    const from = Date.parse(run.started_at)
    marks.push({ at: from, label: words.run, tone: 'busy' })
    if (!run.ended_at) continue
    const to = Date.parse(run.ended_at)
    spans.push({ from, to, tone: 'busy' })
    // Two labels on one spot are unreadable: the end of a short run is shown by its span alone.
    if (to - from > 20_000) marks.push({ at: to, label: words.runEnd, tone: 'busy' })
  }
  for (const one of verifications) {
    if (one.verdict && one.ended_at) {
      marks.push({ at: Date.parse(one.ended_at), label: words.verdict(one.verdict), tone: one.verdict === 'fixed' ? 'good' : 'warn' })
    }
  }
  return { marks: marks.sort((a, b) => a.at - b.at), spans }
}

/** The points with an empty one in every hole, so that no line is drawn over time without data. */
export function withGaps(points: readonly ChartPoint[]): ChartPoint[] {
  const steps = points.slice(1).map((p, i) => p.at_ms - (points[i]?.at_ms ?? 0)).sort((a, b) => a - b)
  const usual = steps[Math.floor(steps.length / 2)] ?? 0
  return points.flatMap((point, index) => {
    const before = points[index - 1]
    const hole = before !== undefined && usual > 0 && point.at_ms - before.at_ms > usual * 3
    return hole ? [{ at_ms: before.at_ms + usual, value: null, lower: null, upper: null, score: 0 }, point] : [point]
  })
}

/** From the first point to the last point or mark, so that a detection after the last point is in view. */
function reach(points: readonly ChartPoint[], marks: readonly Mark[]): { min?: number; max?: number } {
  const first = points[0]?.at_ms
  const last = points.at(-1)?.at_ms
  if (first === undefined || last === undefined) return {}
  return { min: first, max: Math.max(last, ...marks.map((m) => m.at).filter((at) => at < last + 1_800_000)) }
}

const clock = (ms: number): string => new Date(ms).toLocaleTimeString([], { hour12: false })

function axes(palette: Palette, unit: string, withScore: boolean, ends: { min?: number; max?: number } = {}, top = 12): EChartsOption {
  const time = { ...ends, type: 'time' as const, axisLine: { lineStyle: { color: palette.grid } }, axisTick: { show: false }, splitLine: { show: false } }
  const label = { color: palette.text, fontSize: 11, hideOverlap: true }
  const value = { type: 'value' as const, scale: true, splitNumber: 4, axisLabel: { ...label, formatter: (v: number) => formatValue(v, unit) }, splitLine: { lineStyle: { color: palette.grid } } }
  if (!withScore) return { grid: [{ left: 64, right: 16, top: 12, bottom: 26 }], xAxis: [{ ...time, axisLabel: label }], yAxis: [value] }
  return {
    grid: [{ left: 64, right: 34, top, bottom: 78 }, { left: 64, right: 34, bottom: 26, height: 34 }],
    xAxis: [{ ...time, axisLabel: { show: false } }, { ...time, gridIndex: 1, axisLabel: label }],
    yAxis: [value, { type: 'value', gridIndex: 1, min: 0, max: 1, splitNumber: 1, axisLabel: label, splitLine: { show: false } }],
  }
}

function tooltip(palette: Palette, lines: (at: number) => string): EChartsOption['tooltip'] {
  return {
    trigger: 'axis', renderMode: 'richText', confine: true, backgroundColor: palette.surface, borderColor: palette.grid, textStyle: { color: palette.text, fontSize: 12 },
    axisPointer: { lineStyle: { color: palette.text, type: 'dashed' }, link: [{ xAxisIndex: 'all' }] },
    formatter: (params) => {
      const first = Array.isArray(params) ? params[0] : params
      const value: unknown = first?.value
      return Array.isArray(value) ? lines(Number(value[0])) : ''
    },
  } as EChartsOption['tooltip']
}

/** Series with its expected band above, its score below, marks across. */
export function anomalyOption(stored: readonly ChartPoint[], marks: readonly Mark[], spans: readonly Span[], unit: string, texts: ChartTexts, palette: Palette): EChartsOption {
  const points = withGaps(stored)
  const at = new Map(points.map((p) => [p.at_ms, p]))
  const band = (pick: (p: ChartPoint) => number | null): [number, number | null][] => points.map((p) => [p.at_ms, pick(p)])
  const base = { type: 'line' as const, showSymbol: false, animation: false, silent: true }
  const series: SeriesOption[] = [
    { ...base, name: 'lower', stack: 'band', stackStrategy: 'all', data: band((p) => p.lower ?? null), lineStyle: { opacity: 0 } },
    {
      ...base, name: texts.band, stack: 'band', stackStrategy: 'all', lineStyle: { opacity: 0 }, areaStyle: { color: palette.band, opacity: 0.16 },
      data: band((p) => (p.upper != null && p.lower != null ? p.upper - p.lower : null)),
    },
    {
      ...base, name: texts.value, data: band((p) => p.value ?? null), lineStyle: { color: palette.line, width: 1.8 }, itemStyle: { color: palette.line }, z: 5,
      markLine: {
        silent: true, symbol: 'none', animation: false,
        data: marks.map((mark, index) => ({
          xAxis: mark.at, lineStyle: { color: palette[mark.tone], type: 'solid', width: 1.2 },
          label: { formatter: mark.label, color: palette[mark.tone], fontSize: 11, position: 'end', distance: 4 + (index % LABEL_ROWS) * LABEL_ROW },
        })),
      },
      markArea: { silent: true, animation: false, data: spans.map((span) => [{ xAxis: span.from, itemStyle: { color: palette[span.tone], opacity: span.tone === 'bad' ? 0.07 : 0.16 } }, { xAxis: span.to }]) },
    },
    { ...base, name: texts.score, xAxisIndex: 1, yAxisIndex: 1, data: points.map((p) => [p.at_ms, p.score]), step: 'end', lineStyle: { color: palette.score, width: 1 }, areaStyle: { color: palette.score, opacity: 0.25 } },
  ]
  return {
    animation: false, ...axes(palette, unit, true, reach(stored, marks), 10 + LABEL_ROW * Math.min(LABEL_ROWS, marks.length)), series,
    tooltip: tooltip(palette, (ms) => {
      const p = at.get(ms)
      if (!p) return clock(ms)
      return `${clock(ms)}\n${texts.value}  ${formatValue(p.value, unit)}\n${texts.band}  ${formatValue(p.lower, unit)} … ${formatValue(p.upper, unit)}\n${texts.score}  ${p.score.toFixed(2)}`
    }),
  }
}

/** Several plain series, for the preview of a query. */
export function previewOption(series: readonly { name: string; points: readonly [number, number | null][] }[], unit: string, palette: Palette): EChartsOption {
  const colour = (index: number): string => palette.series[index % palette.series.length] ?? palette.line
  return {
    animation: false, ...axes(palette, unit, false),
    series: series.map((one, index) => ({
      type: 'line', name: one.name, showSymbol: one.points.length < 3, animation: false, data: one.points.map((p) => [...p]), lineStyle: { width: 1.5, color: colour(index) }, itemStyle: { color: colour(index) },
    })),
    tooltip: tooltip(palette, (ms) => [clock(ms), ...series.slice(0, 8).map((one) => `${one.name}  ${formatValue(one.points.find((p) => p[0] === ms)?.[1], unit)}`)].join('\n')),
  }
}

/** Answer times of a runtime manager's checks, and the spans in which they failed. */
export function healthOption(
  points: readonly HealthPoint[], outages: readonly Outage[], span: { from: string; to: string }, words: { mean: string; max: string; failed: string; running: string }, palette: Palette,
): EChartsOption {
  const at = new Map(points.map((p) => [p.at_ms, p]))
  const ends = span.from && span.to ? { min: Date.parse(span.from), max: Date.parse(span.to) } : {}
  const line = (name: string, color: string, pick: (p: HealthPoint) => number | null | undefined): SeriesOption => ({
    type: 'line', name, animation: false, showSymbol: points.length < 3, connectNulls: false, data: points.map((p) => [p.at_ms, pick(p) ?? null]), lineStyle: { width: 1.5, color }, itemStyle: { color },
  })
  const area = { silent: true, animation: false, data: outages.map((one) => [{ xAxis: Date.parse(one.from), itemStyle: { color: palette.bad, opacity: 0.16 } }, { xAxis: Date.parse(one.to ?? span.to) }]) }
  return {
    animation: false, ...axes(palette, 'ms', false, ends),
    series: [line(words.max, palette.text, (p) => p.latency_ms_max), { ...line(words.mean, palette.line, (p) => p.latency_ms), markArea: area } as SeriesOption],
    tooltip: tooltip(palette, (ms) => {
      const p = at.get(ms)
      if (!p) return clock(ms)
      const all = [clock(ms), `${words.mean}  ${formatValue(p.latency_ms, 'ms')}`, `${words.max}  ${formatValue(p.latency_ms_max, 'ms')}`, `${words.failed}  ${p.failed}/${p.checks}`]
      return (p.running === null || p.running === undefined ? all : [...all, `${words.running}  ${p.running}`]).join('\n')
    }),
  }
}
