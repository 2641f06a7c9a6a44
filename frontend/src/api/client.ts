// The one place that sends requests: bearer token, one silent refresh on 401, problems as errors, paths checked by the
// types that are generated from the server's OpenAPI document.
import createClient from 'openapi-fetch'
import { asProblem, Problem, problemOf } from './problem'
import type { paths } from './schema'

export const BASE = '/api/v1'

/** What the client needs from the session; registered by it, so that this file knows no store. */
export interface Authority {
  /** A token that is valid now, refreshed when it is about to end; null when logged out. */
  token(): Promise<string | null>
  /** Refreshes after a refused token; null when the session is over. */
  renew(refused: string): Promise<string | null>
}

let authority: Authority | null = null

export function useAuthority(next: Authority | null): void {
  authority = next
}

/** Requests that need no token, and must not wait for one: a refresh would wait for itself. */
const OPEN = ['GET /setup', 'POST /setup', 'POST /session', 'POST /session/refresh']
const isOpen = ({ method, url }: Request): boolean => OPEN.includes(`${method} ${new URL(url).pathname.slice(BASE.length)}`)

export type Query = Record<string, string | number | boolean | readonly string[] | null | undefined>

/** A query without its empty values, so that "no filter" is sent as nothing. */
export function compact<T extends Query>(query: T): T {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== '' && value !== false)
  return Object.fromEntries(given) as T
}

/** Address with its query, for requests that the browser sends itself. */
export function address(path: string, query: Query = {}): string {
  const search = new URLSearchParams(Object.entries(compact(query)).map(([key, value]) => [key, String(value)]))
  return `${BASE}${path}${search.size ? `?${search.toString()}` : ''}`
}

async function once(request: Request, token: string | null): Promise<Response> {
  if (token) request.headers.set('Authorization', `Bearer ${token}`)
  try {
    return await fetch(request)
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw asProblem(error)
  }
}

/** Sends with the session's token; the answer is a success, everything else is thrown as a problem. */
export async function send(request: Request): Promise<Response> {
  const open = isOpen(request)
  const token = open ? null : ((await authority?.token()) ?? null)
  // Without a session there is nothing to ask: the server would only refuse.
  if (!open && authority && token === null) throw new Problem(401, { code: 'unauthenticated' })
  const again = token ? request.clone() : null
  let response = await once(request, token)
  if (response.status === 401 && token && again && authority) {
    const renewed = await authority.renew(token)
    if (renewed) response = await once(again, renewed)
  }
  if (!response.ok) throw await problemOf(response)
  return response
}

export const api = createClient<paths>({ baseUrl: window.location.origin, fetch: send, credentials: 'same-origin' })

/** The body of a successful answer; `T` is one of `types.ts`, which come from the generated types. */
export async function answer<T>(call: Promise<{ data?: unknown }>): Promise<T> {
  return (await call).data as T
}

/** Header that names the version which is changed. */
export const ifMatch = (version: number): { 'If-Match': string } => ({ 'If-Match': `"${version}"` })

/** A request to a route that only some servers have, so that it is not among the generated types. */
export async function call<T>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, query: Query = {}, body?: unknown): Promise<T> {
  const init: RequestInit = body === undefined ? { method } : { method, body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }
  const response = await send(new Request(new URL(address(path, query), window.location.origin), init))
  return (response.status === 204 ? undefined : await response.json()) as T
}
