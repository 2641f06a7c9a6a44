// Numbers, durations and times for people.

/** Whether a bound is none: JSON has no infinity, so a side without a bound is told as the largest numbers. */
export function isOpen(value: number): boolean {
  return !Number.isFinite(value) || Math.abs(value) >= 1e300
}

/** A value with at most four significant digits and a unit; `—` for nothing. */
export function formatValue(value: number | null | undefined, unit = ''): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '—'
  if (isOpen(value)) return value > 0 ? '∞' : '−∞'
  if (unit === 'bytes') return formatBytes(value)
  if (unit === 's') return formatSeconds(value)
  const text = formatNumber(value)
  if (!unit) return text
  return unit === '%' ? `${text}%` : `${text} ${unit}`
}

export function formatNumber(value: number): string {
  const size = Math.abs(value)
  if (size >= 1e15) return value.toExponential(2)
  if (size >= 1e9) return `${trim(value / 1e9)}G`
  if (size >= 1e6) return `${trim(value / 1e6)}M`
  if (size >= 1e4) return `${trim(value / 1e3)}k`
  if (size !== 0 && size < 1e-4) return value.toExponential(1)
  return trim(value)
}

function trim(value: number): string {
  return String(Number(value.toPrecision(4)))
}

function formatBytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  let size = Math.abs(value)
  let step = 0
  while (size >= 1024 && step < units.length - 1) {
    size /= 1024
    step += 1
  }
  return `${value < 0 ? '-' : ''}${Number(size.toPrecision(4))} ${units[step]}`
}

function formatSeconds(value: number): string {
  const size = Math.abs(value)
  if (size === 0) return '0 s'
  if (size < 0.001) return `${trim(value * 1e6)} µs`
  if (size < 1) return `${trim(value * 1e3)} ms`
  if (size < 120) return `${trim(value)} s`
  return formatDuration(value * 1000)
}

/** A length of time in its two largest parts: `1h 04m`, `3m 20s`, `4.2s`, `120ms`. */
export function formatDuration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return '—'
  const negative = ms < 0 ? '−' : ''
  const size = Math.abs(ms)
  if (size < 1000) return `${negative}${Math.round(size)}ms`
  if (size < 10_000) return `${negative}${(size / 1000).toFixed(1)}s`
  const seconds = Math.round(size / 1000)
  if (seconds < 60) return `${negative}${seconds}s`
  const two = (n: number): string => String(n).padStart(2, '0')
  if (seconds < 3600) return `${negative}${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`
  if (seconds < 86_400) return `${negative}${Math.floor(seconds / 3600)}h ${two(Math.floor((seconds % 3600) / 60))}m`
  return `${negative}${Math.floor(seconds / 86_400)}d ${two(Math.floor((seconds % 86_400) / 3600))}h`
}

/** `5m ago`, `in 20s`, `3分钟前`: a distance in time in its largest unit. */
export function relativeTime(ms: number, locale: string): string {
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'always', style: 'narrow' })
  const seconds = Math.round(ms / 1000)
  const size = Math.abs(seconds)
  if (size < 60) return format.format(seconds, 'second')
  if (size < 3600) return format.format(Math.trunc(seconds / 60), 'minute')
  if (size < 86_400) return format.format(Math.trunc(seconds / 3600), 'hour')
  return format.format(Math.trunc(seconds / 86_400), 'day')
}

/** Milliseconds between two times; null when one is missing. */
export function between(from: string | null | undefined, to: string | null | undefined): number | null {
  if (!from || !to) return null
  const ms = Date.parse(to) - Date.parse(from)
  return Number.isNaN(ms) ? null : ms
}

export function percent(share: number): string {
  const value = share * 100
  return `${value > 0 && value < 1 ? '<1' : Math.round(value)}%`
}

/** `service=checkout` in parts, so that the value can be set apart from the label. */
export function splitEntity(entity: string): { label: string; value: string } {
  const at = entity.indexOf('=')
  return at < 0 ? { label: '', value: entity } : { label: entity.slice(0, at), value: entity.slice(at + 1) }
}

/** Text without terminal colour and cursor sequences. */
export function stripAnsi(text: string): string {
  return text.replace(/\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?)/g, '')
}
