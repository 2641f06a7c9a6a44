// A run's log in the browser: lines by sequence number, no doubles, search.
import type { LogRecord } from '@/api/types'

/** Appends records in order; those already held (a resumed stream repeats) are dropped. */
export function appendRecords(held: LogRecord[], more: readonly LogRecord[]): LogRecord[] {
  const newest = held.at(-1)?.seq ?? 0
  const fresh = more.filter((r) => r.seq > newest)
  return fresh.length === 0 ? held : held.concat(fresh)
}

/** Indexes of the lines that contain `needle`, any case. */
export function findLines(lines: readonly LogRecord[], needle: string): number[] {
  const wanted = needle.trim().toLowerCase()
  if (!wanted) return []
  const found: number[] = []
  lines.forEach((line, index) => {
    if (line.text.toLowerCase().includes(wanted)) found.push(index)
  })
  return found
}

export interface Piece { text: string; hit: boolean }

/** A line cut at each hit, so that hits can be marked with text nodes alone. */
export function pieces(text: string, needle: string): Piece[] {
  const wanted = needle.trim().toLowerCase()
  if (!wanted) return [{ text, hit: false }]
  const lower = text.toLowerCase()
  const out: Piece[] = []
  let from = 0
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    if (at > from) out.push({ text: text.slice(from, at), hit: false })
    out.push({ text: text.slice(at, at + wanted.length), hit: true })
    from = at + wanted.length
  }
  if (from < text.length || out.length === 0) out.push({ text: text.slice(from), hit: false })
  return out
}

/** Rows to draw for a scroll position: all rows have one height, so the window is arithmetic. */
export function rowWindow(scrollTop: number, viewHeight: number, rowHeight: number, total: number, spare = 20): [number, number] {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - spare)
  const end = Math.min(total, Math.ceil((scrollTop + viewHeight) / rowHeight) + spare)
  return [Math.min(first, Math.max(0, total - 1)), Math.max(end, 0)]
}
