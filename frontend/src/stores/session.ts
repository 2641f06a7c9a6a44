// Who is logged in. The access token lives in memory only; the refresh token in localStorage, so that a link opened in a
// new tab at night needs no second login. It rotates at each use, hence refreshes are single-flight across all tabs.
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import { useAuthority } from '@/api/client'
import { asProblem } from '@/api/problem'
import * as api from '@/api/session'
import type { Tokens, UserInfo } from '@/api/types'
import { withTabLock } from '@/utils/lock'
import { may, type Permission } from '@/utils/roles'

const KEY = 'aiops.refresh'
/** Refresh this long before the access token ends, so that no request is refused for its age. */
const EARLY_MS = 20_000

export const useSessionStore = defineStore('session', () => {
  const user = shallowRef<UserInfo | null>(null)
  const setupNeeded = ref(false)
  const ready = ref(false)
  /** The last session ended without a logout. */
  const expired = ref(false)
  let access: string | null = null
  let validUntil = 0
  let refreshing: Promise<string | null> | null = null

  const loggedIn = computed(() => user.value !== null)
  const can = (permission: Permission): boolean => may(user.value?.role, permission)

  function accept(tokens: Tokens): void {
    access = tokens.access_token
    validUntil = Date.now() + tokens.expires_in * 1000
    localStorage.setItem(KEY, tokens.refresh_token)
    user.value = tokens.user
    expired.value = false
  }

  function forget(): void {
    access = null
    validUntil = 0
    user.value = null
    localStorage.removeItem(KEY)
  }

  async function refreshOnce(): Promise<string | null> {
    return withTabLock('aiops.refresh-lock', async () => {
      const stored = localStorage.getItem(KEY)
      if (!stored) {
        forget()
        return null
      }
      try {
        accept(await api.refresh(stored))
        return access
      } catch (error) {
        const problem = asProblem(error)
        if (problem.status === 401 || problem.status === 403 || problem.status === 400) {
          expired.value = user.value !== null
          forget()
          return null
        }
        throw problem
      }
    })
  }

  /** One refresh at a time, shared by all callers. */
  function renew(refused?: string): Promise<string | null> {
    if (refused && access && refused !== access) return Promise.resolve(access)
    refreshing ??= refreshOnce().finally(() => {
      refreshing = null
    })
    return refreshing
  }

  async function token(): Promise<string | null> {
    if (access && Date.now() < validUntil - EARLY_MS) return access
    if (!access && !localStorage.getItem(KEY)) return null
    return renew()
  }

  useAuthority({ token, renew })

  /** At start: restore the session, else find out whether set-up is due. */
  async function restore(): Promise<void> {
    if (ready.value) return
    if (localStorage.getItem(KEY)) await renew()
    if (!user.value) setupNeeded.value = (await api.setupNeeded()).needed
    ready.value = true
  }

  async function login(username: string, password: string): Promise<void> {
    accept(await api.login(username, password))
  }

  async function setup(setupToken: string, username: string, password: string): Promise<void> {
    accept(await api.setup(setupToken, username, password))
    setupNeeded.value = false
  }

  async function logout(): Promise<void> {
    const stored = localStorage.getItem(KEY)
    try {
      if (stored) await api.logout(stored)
    } finally {
      forget()
    }
  }

  return { user, setupNeeded, ready, expired, loggedIn, can, restore, login, setup, logout, renew, token, forget }
})
