// Who depends on whom.
import { answer, api, compact } from './client'
import type { ChangeEvent, Id, TopologyGraph } from './types'

export const getTopology = (around = '', hops = 2) =>
  answer<TopologyGraph>(api.GET('/api/v1/topology', { params: { query: compact({ around, hops: around ? hops : undefined }) } }))
export const getIncidentTopology = (id: Id) => answer<TopologyGraph>(api.GET('/api/v1/incidents/{id}/topology', { params: { path: { id } } }))
/** What was changed in the half hour before an incident and while it lasts, at its entities and next to them. */
export const listIncidentChanges = (id: Id) => answer<ChangeEvent[]>(api.GET('/api/v1/incidents/{id}/changes', { params: { path: { id } } }))
