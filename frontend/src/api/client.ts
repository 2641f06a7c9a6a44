// The one place that sends requests: base path, bearer token, one silent refresh on 401, problems as errors.
import { asProblem, Problem, problemOf } from './problem'

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

export type Query = Record<string, string | number | boolean | readonly string[] | null | undefined>

export interface Options {
  query?: Query
  body?: unknown
  /** Version of the object that is changed; sent as `If-Match`. */
  version?: number
  signal?: AbortSignal
  /** No token: set-up, login, refresh. */
  anonymous?: boolean
}

/** Address with its query; empty values are left out, arrays are repeated. */
export function address(path: string, query: Query = {}): string {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === '' || value === false) continue
    for (const one of Array.isArray(value) ? value : [value]) search.append(key, String(one))
  }
  const text = search.toString()
  return `${BASE}${path}${text ? `?${text}` : ''}`
}

async function send(method: string, path: string, options: Options, token: string | null): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json' }
  if (token) headers['Authorization'] = `Bearer ${token}`
  if (options.body !== undefined) headers['Content-Type'] = 'application/json'
  if (options.version !== undefined) headers['If-Match'] = `"${options.version}"`
  try {
    return await fetch(address(path, options.query), {
      method,
      headers,
      body: options.body === undefined ? null : JSON.stringify(options.body),
      signal: options.signal ?? null,
      credentials: 'same-origin',
    })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw asProblem(error)
  }
}

/** Sends a request with the session's token; the answer is a success. */
export async function request(method: string, path: string, options: Options = {}): Promise<Response> {
  const token = options.anonymous ? null : ((await authority?.token()) ?? null)
  let response = await send(method, path, options, token)
  if (response.status === 401 && token && authority) {
    const renewed = await authority.renew(token)
    if (renewed) response = await send(method, path, options, renewed)
  }
  if (!response.ok) throw await problemOf(response)
  return response
}

async function json<T>(method: string, path: string, options: Options): Promise<T> {
  const response = await request(method, path, options)
  if (response.status === 204) return undefined as T
  const text = await response.text()
  if (!text) return undefined as T
  try {
    return JSON.parse(text) as T
  } catch {
    throw new Problem(response.status, { code: 'internal', detail: `the answer of ${path} is not JSON` })
  }
}

export const get = <T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> =>
  json<T>('GET', path, signal ? { query, signal } : { query })
export const post = <T>(path: string, body: unknown = {}, options: Options = {}): Promise<T> =>
  json<T>('POST', path, { ...options, body })
export const put = <T>(path: string, body: unknown, version?: number): Promise<T> =>
  json<T>('PUT', path, version === undefined ? { body } : { body, version })
export const remove = <T>(path: string, options: Options = {}): Promise<T> => json<T>('DELETE', path, options)
