// The layered layout: callers left of callees, loops survive, arrows lead along edges.
import { describe, expect, it } from 'vitest'
import { curve, layered, neighbour, SIZES } from '@/utils/layers'

const links = (...pairs: string[]) => pairs.map((pair) => ({ from: pair[0]!, to: pair[1]! }))

describe('layers', () => {
  it('puts who needs left of who is needed, by the longest way', () => {
    const { spots, layers } = layered(['a', 'b', 'c', 'd'], links('ab', 'bc', 'ac', 'cd'))
    expect(layers.map((l) => l.join(''))).toEqual(['a', 'b', 'c', 'd'])
    expect(spots.get('d')!.x).toBeGreaterThan(spots.get('a')!.x)
  })
  it('survives loops, itself, unknown ends and doubles', () => {
    const all = links('ab', 'ba', 'bb', 'ax', 'ab')
    const { spots } = layered(['a', 'b'], all)
    expect([...spots.keys()].sort()).toEqual(['a', 'b'])
    expect(spots.get('a')!.layer).not.toBe(spots.get('b')!.layer)
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
    const { spots } = layered(['a', 'b'], links('ab'))
    expect(curve(spots.get('a')!, spots.get('b')!)).toMatch(new RegExp(`^M${SIZES.width},`))
  })
  it('is quick with some hundreds', () => {
    const ids = Array.from({ length: 400 }, (_, i) => `n${i}`)
    const all = ids.slice(1).map((id, i) => ({ from: ids[i >> 1]!, to: id }))
    expect(layered(ids, all).spots.size).toBe(400)
  })
})
