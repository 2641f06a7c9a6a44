// Audit trail and users; administrators only.
import { answer, api, compact } from './client'
import type { AuditRow, Id, Page, Role, UserRow } from './types'

export interface UserChange { role: Role; disabled: boolean; password?: string }

export const listAudit = (cursor?: string | null, limit = 50) =>
  answer<Page<AuditRow>>(api.GET('/api/v1/audit', { params: { query: compact({ cursor: cursor ?? undefined, limit }) } }))
export const listUsers = async () => (await answer<Page<UserRow>>(api.GET('/api/v1/users', { params: { query: { limit: 200 } } }))).items
export const createUser = (username: string, password: string, role: Role) =>
  answer<UserRow>(api.POST('/api/v1/users', { body: { username, password, role } }))
export const updateUser = (id: Id, change: UserChange) => answer<UserRow>(api.PUT('/api/v1/users/{id}', { params: { path: { id } }, body: change }))
export const archiveUser = (id: Id) => answer<UserRow>(api.DELETE('/api/v1/users/{id}', { params: { path: { id } } }))
