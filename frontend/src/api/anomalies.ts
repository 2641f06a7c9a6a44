// Anomalies and what is said of them.
import { answer, api, compact } from './client'
import type { Anomaly, Feedback, Id, MonitorFeedback, Opinion, Page } from './types'

const one = (id: Id) => ({ path: { id } })

export const listAllAnomalies = (cursor?: string | null, limit = 50) =>
  answer<Page<Anomaly>>(api.GET('/api/v1/anomalies', { params: { query: compact({ cursor: cursor ?? undefined, limit }) } }))
export const getAnomaly = (id: Id) => answer<Anomaly>(api.GET('/api/v1/anomalies/{id}', { params: one(id) }))
export const listFeedback = (id: Id) => answer<Feedback[]>(api.GET('/api/v1/anomalies/{id}/feedback', { params: one(id) }))
export const giveFeedback = (id: Id, opinion: Opinion, comment: string) =>
  answer<Feedback>(api.POST('/api/v1/anomalies/{id}/feedback', { params: one(id), body: { opinion, comment } }))
export const monitorFeedback = (id: Id) => answer<MonitorFeedback>(api.GET('/api/v1/monitors/{id}/feedback', { params: one(id) }))
export const forgetFeedback = (id: Id) => answer<undefined>(api.DELETE('/api/v1/monitors/{id}/feedback', { params: one(id) }))
