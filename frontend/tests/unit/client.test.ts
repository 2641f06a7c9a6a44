// The client: token, one refresh on 401, problems, versions.
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { actOnIncident, listIncidents } from '@/api/incidents'
import { updateObject } from '@/api/catalog'
import { address, useAuthority } from '@/api/client'
import { asProblem, Problem } from '@/api/problem'
import { logout, setupNeeded } from '@/api/session'
import type { Incident, RuntimeManagerSpec } from '@/api/types'

const requests: Request[] = []
let answers: Response[] = []

function answerWith(...list: Response[]): void {
  answers = list
}
const json = (status: number, body: unknown): Response => new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })

beforeEach(() => {
  requests.length = 0
  vi.stubGlobal('fetch', (request: Request) => {
    requests.push(request)
    return Promise.resolve(answers.shift() ?? json(200, {}))
  })
})
afterEach(() => useAuthority(null))

it('sends the token and leaves empty filters out', async () => {
  useAuthority({ token: () => Promise.resolve('t1'), renew: () => Promise.resolve(null) })
  answerWith(json(200, { items: [], next_cursor: null }))
  await listIncidents({ state: ['open', 'healing'], min_severity: '', search: '' }, null, 20)
  const url = new URL(requests[0]?.url ?? '')
  expect(url.pathname + url.search).toBe('/api/v1/incidents?state=open&state=healing&limit=20')
  expect(requests[0]?.headers.get('authorization')).toBe('Bearer t1')
})

it('refreshes once after a refused token and repeats the request with its body', async () => {
  const renew = vi.fn(() => Promise.resolve('t2'))
  useAuthority({ token: () => Promise.resolve('t1'), renew })
  answerWith(json(401, { code: 'unauthenticated' }), json(200, { id: 'i' }))
  await actOnIncident({ id: 'i', version: 7 } as Incident, 'acknowledge', 'mine')
  expect(renew).toHaveBeenCalledExactlyOnceWith('t1')
  expect(requests.map((r) => r.headers.get('authorization'))).toEqual(['Bearer t1', 'Bearer t2'])
  expect(requests[1]?.headers.get('if-match')).toBe('"7"')
  expect(await requests[1]?.json()).toEqual({ comment: 'mine' })
})

it('gives up when the session is over', async () => {
  useAuthority({ token: () => Promise.resolve('t1'), renew: () => Promise.resolve(null) })
  answerWith(json(401, { code: 'unauthenticated', detail: 'log in' }))
  await expect(listIncidents({ state: [], min_severity: '', search: '' })).rejects.toMatchObject({ status: 401, code: 'unauthenticated' })
  expect(requests).toHaveLength(1)
})

it('sends nothing when nobody is logged in', async () => {
  useAuthority({ token: () => Promise.resolve(null), renew: () => Promise.resolve(null) })
  await expect(listIncidents({ state: [], min_severity: '', search: '' })).rejects.toMatchObject({ status: 401 })
  expect(requests).toHaveLength(0)
})

it('asks for no token where none is needed', async () => {
  const token = vi.fn(() => Promise.resolve('t1'))
  useAuthority({ token, renew: () => Promise.resolve(null) })
  answerWith(json(200, { needed: true }))
  expect(await setupNeeded()).toEqual({ needed: true })
  expect(token).not.toHaveBeenCalled()
  await logout('r1')
  expect(requests[1]?.headers.get('authorization')).toBe('Bearer t1')
})

it('turns a problem document into a problem with fields and trace id', async () => {
  answerWith(json(412, { title: 'conflict', code: 'conflict', detail: 'changed', errors: [{ field: 'name', message: 'taken' }], trace_id: 'abc' }))
  const failed = await updateObject('runtime-managers', 'm', 3, { name: 'x', tags: [] } as unknown as RuntimeManagerSpec & { name: string; tags: string[] }).catch((e: unknown) => e)
  expect(failed).toBeInstanceOf(Problem)
  expect(failed).toMatchObject({ isConflict: true, traceId: 'abc', errors: [{ field: 'name', message: 'taken' }], message: 'changed' })
  expect(new URL(requests[0]?.url ?? '').pathname).toBe('/api/v1/runtime-managers/m')
  expect(requests[0]?.headers.get('if-match')).toBe('"3"')
})

it('names a proxy page and a dead network by code', async () => {
  answerWith(new Response('<html>bad gateway</html>', { status: 502 }))
  await expect(setupNeeded()).rejects.toMatchObject({ code: 'unavailable' })
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('failed to fetch')))
  await expect(setupNeeded()).rejects.toMatchObject({ code: 'network', status: 0 })
  expect(asProblem('odd').message).toBe('odd')
})

it('builds addresses for streams', () => {
  expect(address('/stream', { ticket: 'a b', after: '' })).toBe('/api/v1/stream?ticket=a+b')
})
