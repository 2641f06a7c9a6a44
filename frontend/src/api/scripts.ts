// Versions of scripts.
import { answer, api, compact, ifMatch } from './client'
import type { Id, Script, ScriptVersion, VersionDiff } from './types'

const numbered = (id: Id, number: number) => ({ path: { id, number } })

export const listVersions = (id: Id, before?: number, limit = 20) =>
  answer<ScriptVersion[]>(api.GET('/api/v1/scripts/{id}/versions', { params: { path: { id }, query: compact({ before, limit }) } }))
export const getVersion = (id: Id, number: number) => answer<ScriptVersion>(api.GET('/api/v1/scripts/{id}/versions/{number}', { params: numbered(id, number) }))
export const diffVersions = (id: Id, from: number, to: number) =>
  answer<VersionDiff>(api.GET('/api/v1/scripts/{id}/versions/{number}/diff', { params: { ...numbered(id, to), query: { from } } }))
export const restoreVersion = (script: Pick<Script, 'id' | 'version'>, number: number) =>
  answer<Script>(api.POST('/api/v1/scripts/{id}/versions/{number}/restore', { params: { ...numbered(script.id, number), header: ifMatch(script.version) } }))
