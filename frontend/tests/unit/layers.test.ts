// The layered layout: callers left of callees, loops survive, arrows lead along edges.
import { describe, expect, it } from 'vitest'
import { curve, layered, neighbour, SIZES, type Layout, type Spot } from '@/utils/layers'

const links = (...pairs: string[]) => pairs.map((pair) => ({ from: pair.slice(0, 1), to: pair.slice(1) }))
function spot(layout: Layout, id: string): Spot {
  const found = layout.spots.get(id)
  if (!found) throw new Error(`${id} has no place`)
  return found
}

describe('layers', () => {
  it('puts who needs left of who is needed, by the longest way', () => {
    const layout = layered(['a', 'b', 'c', 'd'], links('ab', 'bc', 'ac', 'cd'))
    expect(layout.layers.map((l) => l.join(''))).toEqual(['a', 'b', 'c', 'd'])
    expect(spot(layout, 'd').x).toBeGreaterThan(spot(layout, 'a').x)
  })
  it('survives loops, itself, unknown ends and doubles', () => {
    const all = links('ab', 'ba', 'bb', 'ax', 'ab')
    const layout = layered(['a', 'b'], all)
    expect([...layout.spots.keys()].sort()).toEqual(['a', 'b'])
    expect(spot(layout, 'a').layer).not.toBe(spot(layout, 'b').layer)
    expect(layered([], []).width).toBe(0)
  })
  it('keeps names of one layer apart and has few crossings', () => {
    const { layers, spots } = layered(['p', 'q', 'x', 'y'], links('py', 'qx'))
    expect(new Set([...spots.values()].map((s) => `${s.x},${s.y}`)).size).toBe(4)
    const [left, right] = layers as [string[], string[]]
    expect(right.indexOf('y') < right.indexOf('x')).toBe(left.indexOf('p') < left.indexOf('q'))
  })
  it('leads along edges with the arrows, and nowhere at the rim', () => {
    const all = links('ab', 'ac')
    const layout = layered(['a', 'b', 'c'], all)
    expect(['b', 'c']).toContain(neighbour(layout, all, 'a', 'ArrowRight'))
    expect(neighbour(layout, all, 'c', 'ArrowLeft')).toBe('a')
    expect([neighbour(layout, all, 'b', 'ArrowDown'), neighbour(layout, all, 'b', 'ArrowUp')]).toContain('c')
    expect(neighbour(layout, all, 'a', 'ArrowLeft')).toBeNull()
    expect(neighbour(layout, all, 'nobody', 'ArrowUp')).toBeNull()
    expect(neighbour(layout, all, 'a', 'x')).toBeNull()
  })
  it('draws from side to side', () => {
    const layout = layered(['a', 'b'], links('ab'))
    expect(curve(spot(layout, 'a'), spot(layout, 'b'))).toMatch(new RegExp(`^M${SIZES.width},`))
  })
  it('is quick with some hundreds', () => {
    const ids = Array.from({ length: 400 }, (_, i) => `n${i}`)
    const all = ids.slice(1).map((id, i) => ({ from: `n${i >> 1}`, to: id }))
    expect(layered(ids, all).spots.size).toBe(400)
  })
})
