// Who depends on whom.
import { answer, api, compact } from './client'
import type { Id, TopologyGraph } from './types'

export const getTopology = (around = '', hops = 2) =>
  answer<TopologyGraph>(api.GET('/api/v1/topology', { params: { query: compact({ around, hops: around ? hops : undefined }) } }))
export const getIncidentTopology = (id: Id) => answer<TopologyGraph>(api.GET('/api/v1/incidents/{id}/topology', { params: { path: { id } } }))
