// Alerts from outside, and the tokens of those who send them.
import { answer, api, compact } from './client'
import type { Alert, AlertGroup, AlertState, Id, Page } from './types'

export interface AlertFilter { state: AlertState | ''; source_id: string; search: string }
export interface WebhookToken { path: string; token: string }

export const listAlerts = (filter: AlertFilter, cursor?: string | null, limit = 50) => {
  const query = compact({ state: filter.state || undefined, source_id: filter.source_id, search: filter.search, cursor: cursor ?? undefined, limit })
  return answer<Page<Alert>>(api.GET('/api/v1/alerts', { params: { query } }))
}
export const listIncidentAlerts = (id: Id, cursor?: string | null, limit = 50) =>
  answer<Page<Alert>>(api.GET('/api/v1/incidents/{id}/alerts', { params: { path: { id }, query: compact({ cursor: cursor ?? undefined, limit }) } }))
export const listAlertGroups = (source_id?: Id) => answer<AlertGroup[]>(api.GET('/api/v1/alert-groups', { params: { query: compact({ source_id }) } }))
/** A new token; the one before stops working. */
export const createToken = (id: Id) => answer<WebhookToken>(api.POST('/api/v1/sources/{id}/webhook-token', { params: { path: { id } }, body: {} }))
export const revokeToken = (id: Id) => answer<undefined>(api.DELETE('/api/v1/sources/{id}/webhook-token', { params: { path: { id } } }))
