// Layered layout of a directed graph: who needs stands left of who is needed. Cycles are broken, crossings are few.

export interface Link { from: string; to: string }
export interface Spot { id: string; layer: number; row: number; x: number; y: number }
export interface Layout { spots: Map<string, Spot>; layers: string[][]; width: number; height: number }
export interface Sizes { width: number; height: number; gapX: number; gapY: number }

export const SIZES: Sizes = { width: 176, height: 40, gapX: 72, gapY: 16 }
const SWEEPS = 6

/** Links without those that close a cycle, in the order of a depth-first walk from the names in order. */
function acyclic(ids: readonly string[], links: readonly Link[]): Link[] {
  const out = new Map<string, Link[]>()
  for (const link of links) out.set(link.from, [...(out.get(link.from) ?? []), link])
  const state = new Map<string, 'open' | 'done'>()
  const kept: Link[] = []
  const called = new Set(links.map((l) => l.to))
  const roots = [...ids].sort((a, b) => Number(called.has(a)) - Number(called.has(b)) || (a < b ? -1 : 1))
  for (const root of roots) {
    if (state.has(root)) continue
    const stack: { id: string; next: number }[] = [{ id: root, next: 0 }]
    state.set(root, 'open')
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const link = (out.get(top.id) ?? [])[top.next]
      top.next += 1
      if (!link) {
        state.set(top.id, 'done')
        stack.pop()
      } else if (state.get(link.to) !== 'open') {
        kept.push(link)
        if (!state.has(link.to)) {
          state.set(link.to, 'open')
          stack.push({ id: link.to, next: 0 })
        }
      }
    }
  }
  return kept
}

/** Longest way from a root. */
function layering(ids: readonly string[], links: readonly Link[]): Map<string, number> {
  const left = new Map(ids.map((id) => [id, 0]))
  const out = new Map<string, string[]>()
  for (const { from, to } of links) {
    left.set(to, (left.get(to) ?? 0) + 1)
    out.set(from, [...(out.get(from) ?? []), to])
  }
  const layer = new Map(ids.map((id) => [id, 0]))
  const ready = ids.filter((id) => left.get(id) === 0)
  // The list grows while it is walked.
  for (const id of ready) {
    for (const to of out.get(id) ?? []) {
      layer.set(to, Math.max(layer.get(to) ?? 0, (layer.get(id) ?? 0) + 1))
      left.set(to, (left.get(to) ?? 1) - 1)
      if (left.get(to) === 0) ready.push(to)
    }
  }
  return layer
}

/** Orders each layer by the middle of its neighbours in the layers beside it. */
function order(layers: string[][], links: readonly Link[]): void {
  const near = new Map<string, string[]>()
  for (const { from, to } of links) {
    near.set(from, [...(near.get(from) ?? []), to])
    near.set(to, [...(near.get(to) ?? []), from])
  }
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const rows = new Map(layers.flatMap((layer) => layer.map((id, row) => [id, row / Math.max(1, layer.length - 1)] as const)))
    for (const layer of sweep % 2 ? [...layers].reverse() : layers) {
      const middle = new Map(layer.map((id) => {
        const beside = (near.get(id) ?? []).map((n) => rows.get(n) ?? 0)
        return [id, beside.length ? beside.reduce((a, b) => a + b, 0) / beside.length : (rows.get(id) ?? 0)]
      }))
      layer.sort((a, b) => (middle.get(a) ?? 0) - (middle.get(b) ?? 0) || (a < b ? -1 : 1))
      layer.forEach((id, row) => rows.set(id, row / Math.max(1, layer.length - 1)))
    }
  }
}

/** Places of all names; links to unknown names and to oneself are left out. */
export function layered(ids: readonly string[], all: readonly Link[], sizes: Sizes = SIZES): Layout {
  const known = new Set(ids)
  const links = acyclic(ids, all.filter((l) => l.from !== l.to && known.has(l.from) && known.has(l.to)))
  const layerOf = layering(ids, links)
  const layers: string[][] = []
  for (const id of [...ids].sort()) {
    const layer = layerOf.get(id) ?? 0
    while (layers.length <= layer) layers.push([])
    layers[layer]?.push(id)
  }
  order(layers, links)
  const tallest = Math.max(0, ...layers.map((l) => l.length))
  const step = sizes.height + sizes.gapY
  const spots = new Map<string, Spot>()
  layers.forEach((ids, layer) => {
    const top = ((tallest - ids.length) * step) / 2
    ids.forEach((id, row) => spots.set(id, { id, layer, row, x: layer * (sizes.width + sizes.gapX), y: top + row * step }))
  })
  const width = Math.max(0, layers.length * (sizes.width + sizes.gapX) - sizes.gapX)
  return { spots, layers, width, height: Math.max(0, tallest * step - sizes.gapY) }
}

/** A line from the right side of one to the left side of the other; backwards and upwards it goes round. */
export function curve(from: Spot, to: Spot, sizes: Sizes = SIZES): string {
  const [x1, y1] = [from.x + sizes.width, from.y + sizes.height / 2]
  const [x2, y2] = [to.x, to.y + sizes.height / 2]
  const bend = Math.max(sizes.gapX / 2, Math.abs(x2 - x1) / 2)
  return `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`
}

/** The name that an arrow key leads to. */
export function neighbour(layout: Layout, links: readonly Link[], at: string, key: string): string | null {
  const spot = layout.spots.get(at)
  if (!spot) return null
  const away = (one: Spot): number => Math.abs(one.y - spot.y)
  const nearest = (ids: string[]): string | null => ids.flatMap((id) => layout.spots.get(id) ?? []).sort((a, b) => away(a) - away(b))[0]?.id ?? null
  const column = layout.layers[spot.layer] ?? []
  if (key === 'ArrowUp') return column[spot.row - 1] ?? null
  if (key === 'ArrowDown') return column[spot.row + 1] ?? null
  if (key === 'ArrowRight') return nearest(links.filter((l) => l.from === at).map((l) => l.to)) ?? nearest(layout.layers[spot.layer + 1] ?? [])
  if (key === 'ArrowLeft') return nearest(links.filter((l) => l.to === at).map((l) => l.from)) ?? nearest(layout.layers[spot.layer - 1] ?? [])
  return null
}
