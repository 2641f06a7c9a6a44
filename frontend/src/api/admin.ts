// Audit trail, users and keys of programs (administrators only), and secrets (editors).
import { answer, api, call, compact } from './client'
import type { ApiKey, AuditRow, Id, MadeKey, Page, Role, SecretInfo, UserRow } from './types'

export interface UserChange { role: Role; disabled: boolean; password?: string }

export const listAudit = (cursor?: string | null, limit = 50) =>
  answer<Page<AuditRow>>(api.GET('/api/v1/audit', { params: { query: compact({ cursor: cursor ?? undefined, limit }) } }))
export const listUsers = async () => (await answer<Page<UserRow>>(api.GET('/api/v1/users', { params: { query: { limit: 200 } } }))).items
export const createUser = (username: string, password: string, role: Role) =>
  answer<UserRow>(api.POST('/api/v1/users', { body: { username, password, role } }))
export const updateUser = (id: Id, change: UserChange) => answer<UserRow>(api.PUT('/api/v1/users/{id}', { params: { path: { id } }, body: change }))
export const archiveUser = (id: Id) => answer<UserRow>(api.DELETE('/api/v1/users/{id}', { params: { path: { id } } }))

export const listKeys = async () => (await call<Page<ApiKey>>('GET', '/api-keys')).items
/** The answer holds the key itself; it is shown this once. */
export const createKey = (name: string, role: Role, expires_days: number) => call<MadeKey>('POST', '/api-keys', {}, { name, role, expires_days })
export const revokeKey = (id: Id) => call<ApiKey>('DELETE', `/api-keys/${id}`)

export const listSecrets = async () => (await call<Page<SecretInfo>>('GET', '/secrets')).items
export const putSecret = (name: string, value: string, description: string) => call<SecretInfo>('PUT', `/secrets/${encodeURIComponent(name)}`, {}, { value, description })
export const removeSecret = (name: string) => call<undefined>('DELETE', `/secrets/${encodeURIComponent(name)}`)
