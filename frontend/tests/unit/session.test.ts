// The session: restore, single-flight refresh, end of session.
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, expect, it, vi } from 'vitest'
import { Problem } from '@/api/problem'
import * as api from '@/api/session'
import { useSessionStore } from '@/stores/session'
import { may } from '@/utils/roles'

vi.mock('@/api/session')
const user = { id: 'u', username: 'admin', role: 'admin' as const }
const tokens = (n: number, expires_in = 900) => ({ access_token: `a${n}`, refresh_token: `r${n}`, expires_in, user })

beforeEach(() => {
  localStorage.clear()
  vi.resetAllMocks()
  setActivePinia(createPinia())
})

it('keeps the access token out of storage and the refresh token in it', async () => {
  vi.mocked(api.login).mockResolvedValue(tokens(1))
  const session = useSessionStore()
  await session.login('admin', 'secret')
  expect(session.user).toEqual(user)
  expect(localStorage.getItem('aiops.refresh')).toBe('r1')
  expect(JSON.stringify(localStorage)).not.toContain('a1')
})

it('restores from the stored refresh token, once', async () => {
  localStorage.setItem('aiops.refresh', 'r0')
  vi.mocked(api.refresh).mockResolvedValue(tokens(1))
  const session = useSessionStore()
  await session.restore()
  await session.restore()
  expect(api.refresh).toHaveBeenCalledExactlyOnceWith('r0')
  expect(session.loggedIn).toBe(true)
  expect(api.setupNeeded).not.toHaveBeenCalled()
})

it('asks whether set-up is due when nobody is logged in', async () => {
  vi.mocked(api.setupNeeded).mockResolvedValue({ needed: true })
  const session = useSessionStore()
  await session.restore()
  expect(session.setupNeeded).toBe(true)
})

it('refreshes once for many callers, before the token ends', async () => {
  vi.mocked(api.login).mockResolvedValue(tokens(1, 10))
  vi.mocked(api.refresh).mockImplementation(() => new Promise((resolve) => setTimeout(() => resolve(tokens(2)), 5)))
  const session = useSessionStore()
  await session.login('admin', 'secret')
  expect(await Promise.all([session.token(), session.token(), session.renew('a1')])).toEqual(['a2', 'a2', 'a2'])
  expect(api.refresh).toHaveBeenCalledTimes(1)
  expect(await session.renew('a1')).toBe('a2')
  expect(api.refresh).toHaveBeenCalledTimes(1)
})

it('forgets everything when the refresh is refused, nothing when the server is away', async () => {
  localStorage.setItem('aiops.refresh', 'r0')
  vi.mocked(api.refresh).mockRejectedValueOnce(new Problem(503, { code: 'unavailable' }))
  const session = useSessionStore()
  await expect(session.renew()).rejects.toMatchObject({ code: 'unavailable' })
  expect(localStorage.getItem('aiops.refresh')).toBe('r0')
  vi.mocked(api.refresh).mockRejectedValueOnce(new Problem(401, { code: 'unauthenticated' }))
  expect(await session.renew()).toBeNull()
  expect(session.expired).toBe(false)
  expect(localStorage.getItem('aiops.refresh')).toBeNull()
})

it('logs out here even when the server is away', async () => {
  vi.mocked(api.login).mockResolvedValue(tokens(1))
  vi.mocked(api.logout).mockRejectedValue(new Problem(0, { code: 'network' }))
  const session = useSessionStore()
  await session.login('admin', 'secret')
  await session.logout().catch(() => undefined)
  expect(session.loggedIn).toBe(false)
  expect(localStorage.getItem('aiops.refresh')).toBeNull()
})

it('knows what roles may do', () => {
  expect(may('viewer', 'operate')).toBe(false)
  expect(may('operator', 'approve')).toBe(false)
  expect(may('editor', 'approve')).toBe(false)
  expect(may('approver', 'edit')).toBe(false)
  expect(may('admin', 'admin')).toBe(true)
  expect(may(undefined, 'operate')).toBe(false)
})
