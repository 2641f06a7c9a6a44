// Incidents, their parts, and the summary of the last day.
import { answer, api, compact, ifMatch } from './client'
import type {
  Anomaly, ChartPoint, Decision, Id, Incident, IncidentEvent, IncidentState, IncidentWork, Notification, Opinion, Page, Run, Severity, SplitAnswer, Summary, Verification,
} from './types'

export interface IncidentFilter { state: IncidentState[]; min_severity: Severity | ''; search: string }

const one = (id: Id) => ({ path: { id } })

export const listIncidents = (filter: IncidentFilter, cursor?: string | null, limit = 50) => {
  const query = compact({ state: filter.state, min_severity: filter.min_severity || undefined, search: filter.search, cursor: cursor ?? undefined, limit })
  return answer<Page<Incident>>(api.GET('/api/v1/incidents', { params: { query } }))
}
export const getIncident = (id: Id) => answer<Incident>(api.GET('/api/v1/incidents/{id}', { params: one(id) }))
export const listEvents = (id: Id, after?: Id) =>
  answer<IncidentEvent[]>(api.GET('/api/v1/incidents/{id}/events', { params: { ...one(id), query: compact({ after, limit: 200 }) } }))
export const listAnomalies = (id: Id) => answer<Anomaly[]>(api.GET('/api/v1/incidents/{id}/anomalies', { params: one(id) }))
export const listDecisions = (id: Id) => answer<Decision[]>(api.GET('/api/v1/incidents/{id}/decisions', { params: one(id) }))
export const listIncidentRuns = (id: Id) => answer<Page<Run>>(api.GET('/api/v1/incidents/{id}/runs', { params: one(id) }))
export const listVerifications = (id: Id) => answer<Verification[]>(api.GET('/api/v1/incidents/{id}/verifications', { params: one(id) }))
export const listNotifications = (id: Id) => answer<Notification[]>(api.GET('/api/v1/incidents/{id}/notifications', { params: one(id) }))

const ACTIONS = {
  acknowledge: '/api/v1/incidents/{id}/acknowledge', escalate: '/api/v1/incidents/{id}/escalate', resolve: '/api/v1/incidents/{id}/resolve',
  reopen: '/api/v1/incidents/{id}/reopen',
} as const
export type IncidentAction = keyof typeof ACTIONS
/** `opinion` is for `resolve` alone: what its anomalies were. */
export const actOnIncident = (incident: Incident, action: IncidentAction, comment: string, opinion?: Opinion) =>
  answer<Incident>(api.POST(ACTIONS[action], { params: { ...one(incident.id), header: ifMatch(incident.version) }, body: { ...(comment ? { comment } : {}), ...(opinion ? { opinion } : {}) } }))
export const addComment = (id: Id, text: string) =>
  answer<IncidentEvent>(api.POST('/api/v1/incidents/{id}/comments', { params: one(id), body: { text } }))
export const startStep = (id: Id, policy_id: Id) =>
  answer<Decision>(api.POST('/api/v1/incidents/{id}/heal', { params: one(id), body: { policy_id } }))

export const anomalyChart = (id: Id) => answer<ChartPoint[]>(api.GET('/api/v1/anomalies/{id}/chart', { params: one(id) }))
export const getSummary = () => answer<Summary>(api.GET('/api/v1/summary'))

const changed = (incident: Incident) => ({ params: { ...one(incident.id), header: ifMatch(incident.version) } })
export const getWork = (id: Id) => answer<IncidentWork>(api.GET('/api/v1/incidents/{id}/work', { params: one(id) }))
export const assignIncident = (incident: Incident, assignee: string | null, comment: string) =>
  answer<Incident>(api.POST('/api/v1/incidents/{id}/assign', { ...changed(incident), body: { assignee, comment: comment || null } }))
export const setSeverity = (incident: Incident, severity: Severity, comment: string) =>
  answer<Incident>(api.POST('/api/v1/incidents/{id}/severity', { ...changed(incident), body: { severity, comment: comment || null } }))
/** Answers with the incident that it became part of. */
export const mergeIncident = (incident: Incident, into: Id, comment: string) =>
  answer<Incident>(api.POST('/api/v1/incidents/{id}/merge', { ...changed(incident), body: { into, comment: comment || null } }))
export const splitIncident = (incident: Incident, anomalies: Id[], title: string, comment: string) =>
  answer<SplitAnswer>(api.POST('/api/v1/incidents/{id}/split', { ...changed(incident), body: { anomalies, title: title || null, comment: comment || null } }))
