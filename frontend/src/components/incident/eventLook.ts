// How an event of the timeline looks and reads.
import type { EventKind, IncidentEvent, Json } from '@/api/types'
import { verdictOf } from '@/utils/loop'
import { TONES, type Tone } from '@/utils/words'

const BY_KIND: Partial<Record<EventKind, Tone>> = {
  opened: 'bad', reopened: 'bad', escalated: 'bad', anomaly_added: 'warn', anomaly_closed: 'good', resolved: 'good', decided: 'info', cause_ranked: 'info',
  run_queued: 'busy', run_started: 'busy', undo_queued: 'busy', verification_started: 'busy', verification_sampled: 'busy',
}

function fact(data: Json, name: string): string {
  const value = data !== null && typeof data === 'object' && !Array.isArray(data) ? data[name] : undefined
  return typeof value === 'string' ? value : ''
}

export const runOf = (event: IncidentEvent): string => fact(event.data, 'run_id')

export function eventTone(event: IncidentEvent): Tone {
  if (event.kind === 'verdict') return TONES[verdictOf(event)] ?? 'info'
  if (event.kind === 'run_ended') return TONES[fact(event.data, 'state')] ?? 'busy'
  return BY_KIND[event.kind] ?? 'mute'
}
