// The server's sentences in the reader's language, where their code and inputs say it all; else the sentence as it came.
import type { Decision, GateResult, IncidentEvent, Json, LeftOut } from '@/api/types'
import { percent } from './format'
import { inLanguage } from './sentences'

type Dict = Record<string, Json>
/** Text of a key with its parts filled in. */
export type Say = (key: string, named: Record<string, string | number>) => string

const dict = (value: Json | undefined): Dict => (value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {})
const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '')
const number = (value: Json | undefined): number | null => (typeof value === 'number' ? value : null)
const list = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : [])
const secondsTo = (from: Json | undefined, at: string): number | null => (text(from) ? Math.max(0, Math.round((Date.parse(at) - Date.parse(text(from))) / 1000)) : null)

/** Inputs that the sentence of a gate names; null when one of them is not there. */
function gateParts(gate: GateResult, at: string): { key: string; named: Record<string, string | number> } | null {
  const inputs = dict(gate.inputs)
  const named: Record<string, string | number> = {}
  for (const [name, value] of Object.entries(inputs)) if (typeof value === 'number' || typeof value === 'string') named[name] = value
  const end = gate.passed ? 'pass' : 'stop'
  switch (gate.gate) {
    case 'enabled': case 'archived': case 'target_busy': return { key: `${gate.gate}_${end}`, named }
    case 'burning': case 'attempts': return Object.keys(named).length >= 2 ? { key: `${gate.gate}_${end}`, named } : null
    case 'autonomy': return text(inputs['autonomy']) ? { key: `autonomy_${text(inputs['autonomy'])}`, named } : null
    case 'cooldown': {
      const ago = secondsTo(inputs['last_run_at'], at)
      const rest = number(inputs['cooldown_secs'])
      if (inputs['last_run_at'] === null) return { key: 'cooldown_none', named }
      return ago === null || rest === null ? null : { key: `cooldown_${end}`, named: { ...named, ago, left: Math.max(0, rest - ago) } }
    }
    case 'limits': {
      const full = list(inputs['limits']).map(dict).find((one) => (number(one['runs']) ?? 0) >= (number(one['max_runs']) ?? Infinity))
      if (gate.passed) return { key: 'limits_pass', named }
      return full ? { key: 'limits_stop', named: { max_runs: number(full['max_runs']) ?? 0, window_secs: number(full['window_secs']) ?? 0 } } : null
    }
    case 'breaker': {
      const ago = secondsTo(inputs['last_verdict_at'], at)
      const open = number(inputs['breaker_secs'])
      if (gate.passed) return number(inputs['not_fixed_in_a_row']) === null ? null : { key: 'breaker_pass', named }
      return ago === null || open === null ? null : { key: 'breaker_stop', named: { ...named, left: Math.max(0, open - ago) } }
    }
    case 'freshness': {
      const age = secondsTo(inputs['data_as_of'], at)
      return age === null ? (inputs['data_as_of'] === null ? { key: 'freshness_unknown', named } : null) : { key: `freshness_${end}`, named: { ...named, age } }
    }
    case 'targets_at_once': return { key: `targets_at_once_${end}`, named: { ...named, count: list(inputs['other_targets']).length } }
    case 'echo': return { key: gate.passed ? (inputs['run_id'] ? 'echo_outlived' : 'echo_pass') : 'echo_stop', named }
    default: return null
  }
}

/** Why a gate passed or held, at the time of its decision. */
export function gateReason(gate: GateResult, at: string, locale: string, say: Say): string {
  const parts = locale === 'en' ? null : gateParts(gate, at)
  if (!parts) return inLanguage(gate.reason, locale, say)
  const told = say(`gateReason.${parts.key}`, parts.named)
  return told.includes('{') ? inLanguage(gate.reason, locale, say) : told
}

/** Why a decision came out so: the reason of the gate that it quotes. */
export function decisionReason(decision: Decision, locale: string, say: Say): string {
  const quoted = decision.gates.find((gate) => gate.reason === decision.reason)
  if (quoted) return gateReason(quoted, decision.at, locale, say)
  const free = decision.outcome === 'run' && decision.gates.length > 0 && decision.gates.every((gate) => gate.passed)
  return locale !== 'en' && free ? say('incident.allGates', { n: decision.gates.length }) : inLanguage(decision.reason, locale, say)
}

/** What the samples of a round say together. */
function roundWord(samples: Json[]): 'healthy' | 'bad' | 'unknown' {
  const holds = samples.map((one) => dict(one)['holds'])
  if (holds.some((one) => one === false)) return 'bad'
  return holds.length > 0 && holds.every((one) => one === true) ? 'healthy' : 'unknown'
}

function byKind(event: IncidentEvent, say: Say): string {
  const data = dict(event.data)
  const state = text(data['state'])
  switch (event.kind) {
    case 'decided': {
      const outcome = text(data['outcome'])
      const cut = outcome ? event.message.indexOf(`: ${outcome}: `) : -1
      if (cut < 0) return ''
      return say('told.decided', { policy: event.message.slice(0, cut).replace(/^policy /, ''), outcome: say(`outcome.${outcome}`, {}), reason: event.message.slice(cut + outcome.length + 4) })
    }
    case 'run_queued': return text(data['target']) ? say('told.runQueued', { target: text(data['target']) }) : ''
    case 'run_started': return say('told.runStarted', {})
    case 'run_ended': {
      const code = number(data['exit_code'])
      if (!state) return ''
      return code === null ? say('told.runEnded', { state: say(`runState.${state}`, {}) }) : say('told.runEndedExit', { state: say(`runState.${state}`, {}), code })
    }
    case 'verification_started': return say('told.verifying', {})
    case 'verification_sampled': return list(data['samples']).length > 0 ? say(`told.${roundWord(list(data['samples']))}`, {}) : ''
    case 'verdict': {
      const verdict = text(data['verdict'])
      return verdict && event.message.startsWith(`${verdict}: `) ? say('told.verdict', { verdict: say(`verdict.${verdict}`, {}), reason: event.message.slice(verdict.length + 2) }) : ''
    }
    case 'cause_ranked': {
      if (!Array.isArray(data['causes'])) return ''
      const first = dict(data['causes'][0])
      return text(first['entity']) ? say('told.cause', { entity: text(first['entity']), share: percent(number(first['probability']) ?? 0) }) : say('told.causeNone', {})
    }
    case 'notified': return text(data['topic']) && state ? say('told.notified', { topic: text(data['topic']), state: say(`notificationState.${state}`, {}) }) : ''
    default: return ''
  }
}

/** The sentence of an event: its own in the reader's language, one made of its facts, or the one that came. */
export function eventText(event: IncidentEvent, locale: string, say: Say): string {
  // A remark is a person's own.
  if (locale === 'en' || event.kind === 'comment') return event.message
  const zh = text(dict(event.data)['zh'])
  if (zh) return zh
  const known = inLanguage(event.message, locale, say)
  return known !== event.message ? known : byKind(event, say) || event.message
}

/** Why a metric is not watched. */
export function leftOutText(row: LeftOut, locale: string, say: Say): string {
  if (locale === 'en') return row.why
  const { code, ...parts } = row.told as { code: string } & Dict
  const named = Object.fromEntries(Object.entries(parts).map(([key, value]) => [key, Array.isArray(value) ? value.join(', ') : typeof value === 'number' ? value : text(value)]))
  const key = code === 'internal' ? `leftOut.internal_${text(parts['of'])}` : `leftOut.${code}`
  const told = say(key, named)
  return told === key ? row.why : told
}
