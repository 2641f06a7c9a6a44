// Live streams: a ticket for each connect, resume, backoff, end.
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Problem } from '@/api/problem'
import * as session from '@/api/session'
import { openEventStream } from '@/composables/useEventStream'
import { backoffMs } from '@/utils/backoff'

vi.mock('@/api/session')

class FakeSource extends EventTarget {
  static all: FakeSource[] = []
  onopen: (() => void) | null = null
  onerror: (() => void) | null = null
  closed = false
  constructor(readonly url: string) {
    super()
    FakeSource.all.push(this)
  }
  close(): void {
    this.closed = true
  }
  say(name: string, data: unknown, lastEventId = ''): void {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data), lastEventId }))
  }
}
let tickets = 0

beforeEach(() => {
  FakeSource.all = []
  tickets = 0
  vi.useFakeTimers()
  vi.stubGlobal('EventSource', FakeSource)
  vi.mocked(session.streamTicket).mockImplementation(() => Promise.resolve({ ticket: `k${(tickets += 1)}`, expires_in: 30 }))
})
afterEach(() => vi.useRealTimers())
const settle = () => vi.advanceTimersByTimeAsync(0)

it('takes a fresh ticket at each connect and resumes after the last id', async () => {
  const got: unknown[] = []
  const states: string[] = []
  openEventStream({ path: '/stream', scope: 'events', events: { incident: (data) => got.push(data) }, onState: (s) => states.push(s) })
  await settle()
  FakeSource.all[0]?.onopen?.()
  FakeSource.all[0]?.say('incident', { a: 1 }, 'e7')
  FakeSource.all[0]?.onerror?.()
  expect(FakeSource.all[0]?.closed).toBe(true)
  await vi.advanceTimersByTimeAsync(1000)
  expect(FakeSource.all.map((s) => s.url)).toEqual(['/api/v1/stream?ticket=k1', '/api/v1/stream?ticket=k2&after=e7'])
  expect(got).toEqual([{ a: 1 }])
  expect(states).toEqual(['connecting', 'open', 'waiting', 'connecting'])
})

it('tries again when no ticket can be had, but not when access was refused', async () => {
  vi.mocked(session.streamTicket).mockRejectedValueOnce(new Problem(503, {}))
  const close = openEventStream({ path: '/stream', scope: 'events', events: {} })
  await settle()
  await vi.advanceTimersByTimeAsync(600)
  expect(FakeSource.all).toHaveLength(1)
  close()
  vi.mocked(session.streamTicket).mockRejectedValueOnce(new Problem(403, {}))
  const states: string[] = []
  openEventStream({ path: '/stream', scope: 'events', events: {}, onState: (s) => states.push(s) })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(FakeSource.all).toHaveLength(1)
  expect(states).toEqual(['connecting', 'closed'])
})

it('ends with its last event and ignores what is not JSON', async () => {
  const ends: unknown[] = []
  openEventStream({ path: '/runs/r/logs/stream', scope: 'run:r', after: '41', last: 'end', events: { log: () => undefined, end: (data) => ends.push(data) } })
  await settle()
  const source = FakeSource.all[0]
  expect(source?.url).toBe('/api/v1/runs/r/logs/stream?ticket=k1&after=41')
  source?.dispatchEvent(new MessageEvent('log', { data: '{' }))
  source?.say('end', { state: 'succeeded' })
  expect(source?.closed).toBe(true)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(FakeSource.all).toHaveLength(1)
  expect(ends).toEqual([{ state: 'succeeded' }])
})

it('backs off with jitter up to half a minute', () => {
  expect([0, 1, 3].map((n) => backoffMs(n, () => 0))).toEqual([250, 500, 2000])
  expect(backoffMs(50, () => 1)).toBe(30_000)
})
