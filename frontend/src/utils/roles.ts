// What a role may do; the server decides, the UI only hides what would be refused.
import type { Role } from '@/api/types'

export type Permission = 'operate' | 'approve' | 'edit' | 'admin'

const GRANTS: Record<Role, readonly Permission[]> = {
  viewer: [],
  operator: ['operate'],
  approver: ['operate', 'approve'],
  editor: ['operate', 'edit'],
  admin: ['operate', 'approve', 'edit', 'admin'],
}

export function may(role: Role | undefined, permission: Permission): boolean {
  return role !== undefined && GRANTS[role].includes(permission)
}
