// Runs and their logs.
import { address, answer, api, compact, send } from './client'
import type { Facts, Id, LogRecord, Page, Run, RunState } from './types'

export interface RunFilter { state: RunState[]; case_id: Id | ''; incident_id: Id | '' }

const one = (id: Id) => ({ path: { id } })

export const listRuns = (filter: RunFilter, cursor?: string | null, limit = 50) =>
  answer<Page<Run>>(api.GET('/api/v1/runs', { params: { query: compact({ ...filter, cursor: cursor ?? undefined, limit }) } }))
export const getRun = (id: Id) => answer<Run>(api.GET('/api/v1/runs/{id}', { params: one(id) }))
export const cancelRun = (id: Id) => answer<Run>(api.POST('/api/v1/runs/{id}/cancel', { params: one(id) }))
export const startRun = (caseId: Id, values: Facts, target: string) =>
  answer<Run>(api.POST('/api/v1/cases/{id}/runs', { params: one(caseId), body: { values, target: target || null } }))
export const listLogs = (id: Id, after: number, limit = 200) =>
  answer<LogRecord[]>(api.GET('/api/v1/runs/{id}/logs', { params: { ...one(id), query: { after, limit } } }))

/** The whole log as a file; fetched with the token and handed to the browser as a download. */
export async function downloadLog(id: Id): Promise<void> {
  const response = await send(new Request(new URL(address(`/runs/${id}/logs.txt`), window.location.origin)))
  const url = URL.createObjectURL(await response.blob())
  const link = document.createElement('a')
  link.href = url
  link.download = `run-${id}.log`
  link.click()
  URL.revokeObjectURL(url)
}
