// Runs and their logs.
import { get, post, request } from './client'
import type { Facts, Id, LogRecord, Page, Run, RunState } from './types'

export interface RunFilter { state: RunState[]; case_id: Id | ''; incident_id: Id | '' }

export const listRuns = (filter: RunFilter, cursor?: string | null, limit = 50) =>
  get<Page<Run>>('/runs', { ...filter, cursor, limit })
export const getRun = (id: Id) => get<Run>(`/runs/${id}`)
export const cancelRun = (id: Id) => post<Run>(`/runs/${id}/cancel`)
export const startRun = (caseId: Id, values: Facts, target: string) =>
  post<Run>(`/cases/${caseId}/runs`, { values, target: target || null })
export const listLogs = (id: Id, after: number, limit = 200) => get<LogRecord[]>(`/runs/${id}/logs`, { after, limit })

/** The whole log as a file; fetched with the token and handed to the browser as a download. */
export async function downloadLog(id: Id): Promise<void> {
  const response = await request('GET', `/runs/${id}/logs.txt`)
  const url = URL.createObjectURL(await response.blob())
  const link = document.createElement('a')
  link.href = url
  link.download = `run-${id}.log`
  link.click()
  URL.revokeObjectURL(url)
}
