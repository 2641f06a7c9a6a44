// A run's log in the browser: lines by sequence number, no doubles, holes, search.
import type { LogRecord } from '@/api/types'

/** Appends records in order; those already held (a resumed stream repeats) are dropped. */
export function appendRecords(held: LogRecord[], more: readonly LogRecord[]): LogRecord[] {
  const newest = held.at(-1)?.seq ?? 0
  const fresh = more.filter((r) => r.seq > newest)
  return fresh.length === 0 ? held : held.concat(fresh)
}

/** Puts earlier records before those held, each once. */
export function prependRecords(held: LogRecord[], more: readonly LogRecord[]): LogRecord[] {
  const first = held[0]?.seq ?? Infinity
  return [...more.filter((r) => r.seq < first), ...held]
}

/** What a person looks for; null when it is nothing, or no expression that this browser knows. */
export function matcher(needle: string, regex = false, caseSensitive = false): RegExp | null {
  const text = regex ? needle : needle.trim()
  if (!text) return null
  try {
    return new RegExp(regex ? text : text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), caseSensitive ? 'gu' : 'giu')
  } catch {
    return null
  }
}

/** Indexes of the lines that contain `needle`, any case. */
export function findLines(lines: readonly Pick<LogRecord, 'text'>[], needle: string, caseSensitive = false): number[] {
  const wanted = matcher(needle, false, caseSensitive)
  if (!wanted) return []
  const found: number[] = []
  lines.forEach((line, index) => {
    wanted.lastIndex = 0
    if (wanted.test(line.text)) found.push(index)
  })
  return found
}

export interface Piece { text: string; hit: boolean }

/** A line cut at each hit, so that hits can be marked with text nodes alone. */
export function pieces(text: string, needle: string | RegExp | null): Piece[] {
  const wanted = typeof needle === 'string' ? matcher(needle) : needle
  if (!wanted) return [{ text, hit: false }]
  const out: Piece[] = []
  let from = 0
  for (const match of text.matchAll(wanted)) {
    if (match[0] === '') continue
    if (match.index > from) out.push({ text: text.slice(from, match.index), hit: false })
    out.push({ text: match[0], hit: true })
    from = match.index + match[0].length
  }
  if (from < text.length || out.length === 0) out.push({ text: text.slice(from), hit: false })
  return out
}

/** Holes between numbers that should be dense: the last number before each, and the first after it. */
export function holes(lines: readonly Pick<LogRecord, 'seq'>[]): { from: number; to: number }[] {
  return lines.slice(1).flatMap((line, index) => {
    const before = lines[index]?.seq ?? line.seq - 1
    return line.seq > before + 1 ? [{ from: before + 1, to: line.seq - 1 }] : []
  })
}

/** Rows to draw for a scroll position: all rows have one height, so the window is arithmetic. */
export function rowWindow(scrollTop: number, viewHeight: number, rowHeight: number, total: number, spare = 20): [number, number] {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - spare)
  const end = Math.min(total, Math.ceil((scrollTop + viewHeight) / rowHeight) + spare)
  return [Math.min(first, Math.max(0, total - 1)), Math.max(end, 0)]
}
