// The healing loop of one incident as five steps with their times, read from its timeline.
import type { EventKind, Incident, IncidentEvent, Json } from '@/api/types'

export type LoopName = 'detected' | 'explained' | 'decided' | 'acted' | 'verified'
export type LoopState = 'done' | 'active' | 'failed' | 'pending'
export interface LoopStep { name: LoopName; state: LoopState; at: string | null; tookMs: number | null; note: string }

/** Why a decision leads to no run. */
const HELD: Record<string, string> = { ask: 'asks', wait: 'waits', refuse: 'refused' }
const NAMES: readonly LoopName[] = ['detected', 'explained', 'decided', 'acted', 'verified']

function field(data: Json, name: string): string {
  if (data === null || typeof data !== 'object' || Array.isArray(data)) return ''
  const value = data[name]
  return typeof value === 'string' ? value : ''
}

/** Events since the trouble last came back; an incident that reopened walks the loop again. */
export function currentLap(events: readonly IncidentEvent[]): IncidentEvent[] {
  const last = events.map((e) => e.kind).lastIndexOf('reopened')
  return last < 0 ? [...events] : events.slice(last)
}

function last(events: readonly IncidentEvent[], ...kinds: EventKind[]): IncidentEvent | undefined {
  return events.filter((e) => kinds.includes(e.kind)).at(-1)
}

/** The verdict that an event tells, from its facts or, failing that, from its text. */
export function verdictOf(event: IncidentEvent): string {
  const told = field(event.data, 'verdict')
  if (told) return told
  return /\b(not[ _]fixed|inconclusive|improved|worse|fixed)\b/.exec(event.message)?.[1]?.replace(' ', '_') ?? ''
}

/** Five steps, oldest first; what has not happened is `pending`, what is under way is `active`. */
export function loopSteps(incident: Incident, events: readonly IncidentEvent[]): LoopStep[] {
  const lap = currentLap(events)
  const opened = incident.reopened > 0 ? last(lap, 'reopened') : last(lap, 'opened')
  const ranked = lap.find((e) => e.kind === 'cause_ranked')
  const run = last(lap, 'run_started', 'undo_queued', 'run_queued')
  const ended = last(lap, 'run_ended')
  const decided = last(run ? lap.filter((e) => e.at <= run.at) : lap, 'decided') ?? last(lap, 'decided')
  const verdict = last(lap, 'verdict')
  const started = last(lap, 'verification_started')
  const runOver = Boolean(ended && (!run || ended.at >= run.at))
  const runFailed = runOver && ['failed', 'timed_out', 'lost', 'cancelled'].includes(field(ended?.data ?? null, 'state'))
  const verdictFor = verdict && (!run || verdict.at >= run.at) ? verdict : undefined
  const word = verdictFor ? verdictOf(verdictFor) : ''
  const over = incident.state === 'resolved'

  const at: Record<LoopName, string | null> = {
    detected: opened?.at ?? incident.detected_at,
    explained: ranked?.at ?? null,
    decided: decided?.at ?? null,
    acted: (runOver ? ended?.at : run?.at) ?? null,
    verified: verdictFor?.at ?? null,
  }
  const state: Record<LoopName, LoopState> = {
    detected: 'done',
    explained: ranked || incident.causes.length > 0 ? 'done' : 'pending',
    decided: decided ? 'done' : 'pending',
    acted: runFailed ? 'failed' : runOver ? 'done' : run ? 'active' : 'pending',
    verified: word ? (word === 'fixed' ? 'done' : 'failed') : started && incident.state === 'verifying' ? 'active' : 'pending',
  }
  const note: Record<LoopName, string> = {
    detected: '',
    explained: incident.causes[0]?.entity ?? '',
    decided: field(decided?.data ?? null, 'outcome'),
    acted: runOver ? field(ended?.data ?? null, 'state') : run ? '' : (HELD[field(decided?.data ?? null, 'outcome')] ?? ''),
    verified: word,
  }
  const next = NAMES.find((name) => state[name] === 'pending')
  const refused = next === 'acted' && note.acted === 'refused'
  if (next && !refused && !over && incident.state !== 'escalated' && !NAMES.some((name) => state[name] === 'active' || state[name] === 'failed')) {
    state[next] = 'active'
  }
  let before = incident.reopened > 0 ? at.detected : incident.started_at
  return NAMES.map((name) => {
    const here = at[name]
    const took = here && before ? Math.max(0, Date.parse(here) - Date.parse(before)) : null
    if (here) before = here
    return { name, state: state[name], at: here, tookMs: took, note: note[name] }
  })
}
