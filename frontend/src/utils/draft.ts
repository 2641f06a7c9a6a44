// The editable part of a stored object.
import type { Draft, Resource } from '@/api/types'
import { clone } from './merge'

/** The editable part of a stored object. */
export function draftOf<T>(stored: Resource<T>): Draft<T> {
  const own = ['id', 'version', 'created_at', 'updated_at', 'archived_at']
  return Object.fromEntries(Object.entries(clone(stored)).filter(([key]) => !own.includes(key))) as Draft<T>
}
