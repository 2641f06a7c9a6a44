// The seven editable kinds through one set of calls, and what some of them add.
import { answer, api, compact, ifMatch } from './client'
import type { Draft, Id, Kind, ManagerHealth, ManagerTested, MonitorSpec, Page, Preview, Resource, RuntimeManagerSpec, SourceSpec, Specs, Status, StatusKind, TestAnswer } from './types'

export interface CatalogFilter { search: string; tag: string; archived: boolean }

// All kinds answer alike at their own address; in the types of the paths, scripts stand for them.
type ListPath = '/api/v1/scripts'
type OnePath = '/api/v1/scripts/{id}'
const listPath = (kind: Kind): ListPath => `/api/v1/${kind}` as ListPath
const onePath = (kind: Kind): OnePath => `/api/v1/${kind}/{id}` as OnePath
const bodyOf = <T>(draft: Draft<T>) => draft as unknown as Draft<Specs['scripts']>

export const listObjects = <K extends Kind>(kind: K, filter: CatalogFilter, cursor?: string | null, limit = 50) =>
  answer<Page<Resource<Specs[K]>>>(api.GET(listPath(kind), { params: { query: compact({ ...filter, cursor: cursor ?? undefined, limit }) } }))
export const getObject = <K extends Kind>(kind: K, id: Id) =>
  answer<Resource<Specs[K]>>(api.GET(onePath(kind), { params: { path: { id } } }))
export const createObject = <K extends Kind>(kind: K, draft: Draft<Specs[K]>) =>
  answer<Resource<Specs[K]>>(api.POST(listPath(kind), { body: bodyOf(draft) }))
export const updateObject = <K extends Kind>(kind: K, id: Id, version: number, draft: Draft<Specs[K]>) =>
  answer<Resource<Specs[K]>>(api.PUT(onePath(kind), { params: { path: { id }, header: ifMatch(version) }, body: bodyOf(draft) }))
export const archiveObject = <K extends Kind>(kind: K, id: Id, version: number) =>
  answer<Resource<Specs[K]>>(api.DELETE(onePath(kind), { params: { path: { id }, header: ifMatch(version) } }))

export const listStatuses = (kind: StatusKind) => answer<Status[]>(api.GET(`/api/v1/${kind}/statuses`))
export const testSource = (draft: Draft<SourceSpec>) => answer<TestAnswer>(api.POST('/api/v1/sources/test', { body: draft }))
export const testStoredSource = (id: Id) => answer<TestAnswer>(api.POST('/api/v1/sources/{id}/test', { params: { path: { id } } }))
export const testManager = (draft: Draft<RuntimeManagerSpec>) => answer<ManagerTested>(api.POST('/api/v1/runtime-managers/test', { body: draft as never }))
export const testStoredManager = (id: Id) => answer<ManagerTested>(api.POST('/api/v1/runtime-managers/{id}/test', { params: { path: { id } } }))
export const managerHealth = (id: Id, from: string) => answer<ManagerHealth>(api.GET('/api/v1/runtime-managers/{id}/health', { params: { path: { id }, query: { from } } }))
export const previewMonitor = (spec: Pick<MonitorSpec, 'source_id' | 'query'>) =>
  answer<Preview>(api.POST('/api/v1/monitors/preview', { body: { source_id: spec.source_id, query: spec.query } }))
