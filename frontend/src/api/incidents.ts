// Incidents, their parts, and the summary of the last day.
import { get, post } from './client'
import type {
  Anomaly, ChartPoint, Decision, Id, Incident, IncidentEvent, IncidentState, Notification, Page, Run, Severity, Summary, Verification,
} from './types'

export interface IncidentFilter { state: IncidentState[]; min_severity: Severity | ''; search: string }

export const listIncidents = (filter: IncidentFilter, cursor?: string | null, limit = 50) =>
  get<Page<Incident>>('/incidents', { ...filter, cursor, limit })
export const getIncident = (id: Id) => get<Incident>(`/incidents/${id}`)
export const listEvents = (id: Id, after?: Id) => get<IncidentEvent[]>(`/incidents/${id}/events`, { after, limit: 200 })
export const listAnomalies = (id: Id) => get<Anomaly[]>(`/incidents/${id}/anomalies`)
export const listDecisions = (id: Id) => get<Decision[]>(`/incidents/${id}/decisions`)
export const listIncidentRuns = (id: Id) => get<Page<Run>>(`/incidents/${id}/runs`)
export const listVerifications = (id: Id) => get<Verification[]>(`/incidents/${id}/verifications`)
export const listNotifications = (id: Id) => get<Notification[]>(`/incidents/${id}/notifications`)

export type IncidentAction = 'acknowledge' | 'escalate' | 'resolve'
export const actOnIncident = (incident: Incident, action: IncidentAction, comment: string) =>
  post<Incident>(`/incidents/${incident.id}/${action}`, comment ? { comment } : {}, { version: incident.version })
export const addComment = (id: Id, text: string) => post<IncidentEvent>(`/incidents/${id}/comments`, { text })
export const startStep = (id: Id, policy_id: Id) => post<Decision>(`/incidents/${id}/heal`, { policy_id })

export const anomalyChart = (id: Id) => get<ChartPoint[]>(`/anomalies/${id}/chart`)
export const getSummary = () => get<Summary>('/summary')
