// The seven editable kinds through one set of calls, and what some of them add.
import { get, post, put, remove } from './client'
import type { Draft, Id, Kind, MonitorSpec, Page, Preview, Resource, SourceSpec, Specs, Status, StatusKind, TestAnswer } from './types'

export interface CatalogFilter { search: string; tag: string; archived: boolean }

export const listObjects = <K extends Kind>(kind: K, filter: CatalogFilter, cursor?: string | null, limit = 50) =>
  get<Page<Resource<Specs[K]>>>(`/${kind}`, { ...filter, cursor, limit })
export const getObject = <K extends Kind>(kind: K, id: Id) => get<Resource<Specs[K]>>(`/${kind}/${id}`)
export const createObject = <K extends Kind>(kind: K, draft: Draft<Specs[K]>) => post<Resource<Specs[K]>>(`/${kind}`, draft)
export const updateObject = <K extends Kind>(kind: K, id: Id, version: number, draft: Draft<Specs[K]>) =>
  put<Resource<Specs[K]>>(`/${kind}/${id}`, draft, version)
export const archiveObject = <K extends Kind>(kind: K, id: Id, version: number) =>
  remove<Resource<Specs[K]>>(`/${kind}/${id}`, { version })

export const listStatuses = (kind: StatusKind) => get<Status[]>(`/${kind}/statuses`)
export const testSource = (spec: Draft<SourceSpec>) => post<TestAnswer>('/sources/test', spec)
export const testStoredSource = (id: Id) => post<TestAnswer>(`/sources/${id}/test`)
export const previewMonitor = (spec: Pick<MonitorSpec, 'source_id' | 'query'>) =>
  post<Preview>('/monitors/preview', { source_id: spec.source_id, query: spec.query })
