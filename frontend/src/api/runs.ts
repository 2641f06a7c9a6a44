// Runs, their logs, results and files, and the queue.
import { address, answer, api, compact, send } from './client'
import type { Artifact, Attempt, Facts, Id, LogFound, LogInfo, LogRecord, LogStream, Page, PauseMode, QueueState, Run, RunPurpose, RunResults, RunState } from './types'

export interface RunFilter {
  state: RunState[]; purpose: RunPurpose[]; case_id: string; incident_id: string; manager_id: string; batch_id: string; schedule_id: string; target: string; search: string; since: string; until: string; requested_by: string; tag: string
}
export interface LogRange { after?: number; before?: number; tail?: number; limit?: number; stream?: LogStream | '' }
export interface LogQuery { q: string; regex: boolean; case: boolean; after?: number; stream?: LogStream | ''; limit?: number }

const one = (id: Id) => ({ path: { id } })

/** A filter that is not set is left out; the others are one of the words the server knows. */
const given = <T extends object>(query: T) => compact(query as Record<string, string | number | boolean>) as never

export const listRuns = (filter: Partial<RunFilter>, cursor?: string | null, limit = 50) =>
  answer<Page<Run>>(api.GET('/api/v1/runs', { params: { query: given({ ...filter, cursor: cursor ?? undefined, limit }) } }))
export const getRun = (id: Id) => answer<Run>(api.GET('/api/v1/runs/{id}', { params: one(id) }))
export const cancelRun = (id: Id) => answer<Run>(api.POST('/api/v1/runs/{id}/cancel', { params: one(id) }))
export const startRun = (caseId: Id, values: Facts, target: string) =>
  answer<Run>(api.POST('/api/v1/cases/{id}/runs', { params: one(caseId), body: { values, target: target || null } }))
export const listAttempts = (id: Id) => answer<Attempt[]>(api.GET('/api/v1/runs/{id}/attempts', { params: one(id) }))
export const getResults = (id: Id) => answer<RunResults>(api.GET('/api/v1/runs/{id}/results', { params: one(id) }))
export const listArtifacts = (id: Id) => answer<Artifact[]>(api.GET('/api/v1/runs/{id}/artifacts', { params: one(id) }))

export const listLogs = (id: Id, range: LogRange) => answer<LogRecord[]>(api.GET('/api/v1/runs/{id}/logs', { params: { ...one(id), query: given(range) } }))
export const searchLogs = (id: Id, query: LogQuery) => answer<LogFound>(api.GET('/api/v1/runs/{id}/logs/search', { params: { ...one(id), query: given(query) } }))
export const logInfo = (id: Id, verify: boolean) => answer<LogInfo>(api.GET('/api/v1/runs/{id}/logs/info', { params: { ...one(id), query: { verify } } }))

/** Hands an answer to the browser as a file; fetched with the token. */
async function download(path: string, name: string): Promise<void> {
  const response = await send(new Request(new URL(path, window.location.origin)))
  const url = URL.createObjectURL(await response.blob())
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}
const artifactPath = (id: Id, name: string): string => address(`/runs/${id}/artifacts/content`, { name })
export const downloadLog = (id: Id) => download(address(`/runs/${id}/logs.txt`), `run-${id}.log`)
export const downloadArtifact = (id: Id, name: string) => download(artifactPath(id, name), name.slice(name.lastIndexOf('/') + 1))
export const readArtifact = async (id: Id, name: string): Promise<Blob> => (await send(new Request(new URL(artifactPath(id, name), window.location.origin)))).blob()

export const getQueue = () => answer<QueueState>(api.GET('/api/v1/queue'))
export const pauseQueue = (manager_id: Id | null, mode: PauseMode, reason: string) =>
  answer<QueueState>(api.POST('/api/v1/queue/pause', { body: { manager_id, mode, reason } }))
export const resumeQueue = (manager_id: Id | null) => answer<QueueState>(api.POST('/api/v1/queue/resume', { body: { manager_id } }))
