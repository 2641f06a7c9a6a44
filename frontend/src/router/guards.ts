// Who may enter which page.
import type { RouteLocationNormalized, RouteLocationRaw } from 'vue-router'
import { useSessionStore } from '@/stores/session'

export async function guard(to: RouteLocationNormalized): Promise<true | RouteLocationRaw> {
  const session = useSessionStore()
  try {
    await session.restore()
  } catch {
    // The server does not answer: the login page says so and tries again.
    return to.name === 'login' ? true : { name: 'login', query: { next: to.fullPath } }
  }
  if (session.setupNeeded) return to.name === 'setup' ? true : { name: 'setup', hash: to.hash }
  if (to.meta.open) return session.loggedIn ? safeNext(to.query['next']) : to.name === 'setup' ? { name: 'login' } : true
  if (!session.loggedIn) return { name: 'login', query: to.fullPath === '/' ? {} : { next: to.fullPath } }
  if (to.meta.needs && !session.can(to.meta.needs)) return { name: 'dashboard' }
  return true
}

/** Only a path of this app is followed after login, never an address from outside. */
export function safeNext(next: unknown): string {
  return typeof next === 'string' && /^\/(?![/\\])/.test(next) && !next.startsWith('/login') ? next : '/'
}
