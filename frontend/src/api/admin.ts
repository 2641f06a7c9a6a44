// Audit trail and users; administrators only.
import { get, post, put, remove } from './client'
import type { AuditRow, Id, Page, Role, UserRow } from './types'

export interface UserChange { role: Role; disabled: boolean; password?: string }

export const listAudit = (cursor?: string | null, limit = 50) => get<Page<AuditRow>>('/audit', { cursor, limit })
export const listUsers = () => get<Page<UserRow> | UserRow[]>('/users', { limit: 200 })
export const createUser = (username: string, password: string, role: Role) => post<UserRow>('/users', { username, password, role })
export const updateUser = (id: Id, change: UserChange) => put<UserRow>(`/users/${id}`, change)
export const archiveUser = (id: Id) => remove<UserRow>(`/users/${id}`)
