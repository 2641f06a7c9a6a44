// Set-up, login, refresh, logout, stream tickets.
import { get, post, remove } from './client'
import type { Tokens, UserInfo } from './types'

export const setupNeeded = () => get<{ needed: boolean }>('/setup')
export const setup = (token: string, username: string, password: string) =>
  post<Tokens>('/setup', { token, username, password }, { anonymous: true })
export const login = (username: string, password: string) =>
  post<Tokens>('/session', { username, password }, { anonymous: true })
export const refresh = (refresh_token: string) => post<Tokens>('/session/refresh', { refresh_token }, { anonymous: true })
export const logout = (refresh_token: string) => remove<undefined>('/session', { body: { refresh_token } })
export const me = () => get<UserInfo>('/me')
/** A single-use ticket for an EventSource, which cannot send headers. */
export const streamTicket = (scope: string) => post<{ ticket: string; expires_in: number }>('/stream-tickets', { scope })
