// Set-up, login, refresh, logout, stream tickets.
import { answer, api } from './client'
import type { Tokens } from './types'

export const setupNeeded = () => answer<{ needed: boolean }>(api.GET('/api/v1/setup'))
export const setup = (token: string, username: string, password: string) =>
  answer<Tokens>(api.POST('/api/v1/setup', { body: { token, username, password } }))
export const login = (username: string, password: string) =>
  answer<Tokens>(api.POST('/api/v1/session', { body: { username, password } }))
export const refresh = (refresh_token: string) => answer<Tokens>(api.POST('/api/v1/session/refresh', { body: { refresh_token } }))
export const logout = (refresh_token: string) => answer<undefined>(api.DELETE('/api/v1/session', { body: { refresh_token } }))
/** A single-use ticket for an EventSource, which cannot send headers. */
export const streamTicket = (scope: string) =>
  answer<{ ticket: string; expires_in: number }>(api.POST('/api/v1/stream-tickets', { body: { scope } }))
