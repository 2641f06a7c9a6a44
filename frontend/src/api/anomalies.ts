// Anomalies and what is said of them.
import { answer, api, compact } from './client'
import type { Anomaly, AnomalyState, Feedback, Id, MonitorFeedback, Opinion, Page, Said, Time } from './types'

const one = (id: Id) => ({ path: { id } })

export interface AnomalyFilter { monitor_id: Id; entity: string; search: string; state: AnomalyState | ''; feedback: Said | ''; from: Time; to: Time }

export const listAllAnomalies = (filter: Partial<AnomalyFilter>, cursor?: string | null, limit = 50) => {
  const query = compact({ ...filter, state: filter.state || undefined, feedback: filter.feedback || undefined, cursor: cursor ?? undefined, limit })
  return answer<Page<Anomaly>>(api.GET('/api/v1/anomalies', { params: { query } }))
}
export const getAnomaly = (id: Id) => answer<Anomaly>(api.GET('/api/v1/anomalies/{id}', { params: one(id) }))
export const listFeedback = (id: Id) => answer<Feedback[]>(api.GET('/api/v1/anomalies/{id}/feedback', { params: one(id) }))
export const giveFeedback = (id: Id, opinion: Opinion, comment: string) =>
  answer<Feedback>(api.POST('/api/v1/anomalies/{id}/feedback', { params: one(id), body: { opinion, comment } }))
export const monitorFeedback = (id: Id) => answer<MonitorFeedback>(api.GET('/api/v1/monitors/{id}/feedback', { params: one(id) }))
export const forgetFeedback = (id: Id) => answer<undefined>(api.DELETE('/api/v1/monitors/{id}/feedback', { params: one(id) }))
