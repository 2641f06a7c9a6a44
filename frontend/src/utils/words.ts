// The closed sets of the domain, for menus and filters.
import type {
  AlertState, Autonomy, Comparison, Direction, IncidentState, Language, LogLevel, Misfire, OnFailure, Overlap, PullPolicy, ResultOp, Role, RunMode, RunPurpose, RunState, RuntimeKind, Severity, SignalKind, SourceKind, Verdict,
} from '@/api/types'

export const SEVERITIES: readonly Severity[] = ['info', 'warning', 'critical']
export const INCIDENT_STATES: readonly IncidentState[] = ['open', 'acknowledged', 'healing', 'verifying', 'escalated', 'resolved', 'suppressed', 'merged']
export const ACTIVE_STATES: readonly IncidentState[] = ['open', 'acknowledged', 'healing', 'verifying', 'escalated']
export const RUN_STATES: readonly RunState[] = ['waiting_approval', 'queued', 'leased', 'running', 'cancelling', 'succeeded', 'failed', 'timed_out', 'cancelled', 'lost']
export const VERDICTS: readonly Verdict[] = ['fixed', 'improved', 'not_fixed', 'worse', 'inconclusive']
export const SIGNALS: readonly SignalKind[] = ['latency', 'errors', 'traffic', 'saturation', 'availability', 'logs', 'other']
export const LANGUAGES: readonly Language[] = ['bash', 'sh', 'python', 'node', 'other']
export const MODES: readonly RunMode[] = ['at_most_once', 'at_least_once']
export const RUNTIMES: readonly RuntimeKind[] = ['local', 'docker', 'kubernetes']
export const COMPARISONS: readonly Comparison[] = ['gt', 'ge', 'lt', 'le']
export const DIRECTIONS: readonly Direction[] = ['both', 'up', 'down']
export const AUTONOMIES: readonly Autonomy[] = ['shadow', 'suggest', 'approve', 'auto']
export const ON_FAILURE: readonly OnFailure[] = ['next_step', 'undo', 'escalate']
export const ROLES: readonly Role[] = ['viewer', 'operator', 'approver', 'editor', 'admin']
export const RESULT_OPS: readonly ResultOp[] = ['eq', 'ne', 'gt', 'ge', 'lt', 'le', 'contains', 'exists', 'absent']
export const PURPOSES: readonly RunPurpose[] = ['manual', 'heal', 'undo', 'scheduled']
export const MISFIRES: readonly Misfire[] = ['skip', 'run_once']
export const OVERLAPS: readonly Overlap[] = ['skip', 'queue']
export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'fatal']
export const PULL_POLICIES: readonly PullPolicy[] = ['if_missing', 'always', 'never']
export const SOURCE_KINDS: readonly SourceKind[] = ['prometheus', 'elasticsearch', 'alertmanager', 'grafana', 'generic']
export const ALERT_STATES: readonly AlertState[] = ['firing', 'resolved']
export const COMPARISON_SIGNS: Record<Comparison, string> = { gt: '>', ge: '≥', lt: '<', le: '≤' }

export function isFinal(state: RunState): boolean {
  return ['succeeded', 'failed', 'timed_out', 'cancelled', 'lost'].includes(state)
}
export function isActive(state: IncidentState): boolean {
  return state !== 'resolved' && state !== 'merged'
}

export type Tone = 'good' | 'bad' | 'warn' | 'info' | 'busy' | 'mute'
/** Colour family of every word that is shown as a badge. */
export const TONES: Record<string, Tone> = {
  info: 'info', warning: 'warn', critical: 'bad',
  open: 'bad', acknowledged: 'warn', healing: 'busy', verifying: 'busy', resolved: 'good', escalated: 'bad', suppressed: 'mute', merged: 'mute',
  waiting_approval: 'warn', queued: 'mute', leased: 'mute', running: 'busy', cancelling: 'warn',
  succeeded: 'good', failed: 'bad', timed_out: 'bad', cancelled: 'mute', lost: 'bad',
  fixed: 'good', improved: 'info', not_fixed: 'bad', worse: 'bad', inconclusive: 'warn',
  run: 'good', wait: 'warn', ask: 'info', refuse: 'bad',
  ok: 'good', unknown: 'mute', learning: 'info', no_data: 'warn', partial: 'warn', source_error: 'bad',
  started: 'good', missed: 'warn', debug: 'mute', warn: 'warn', fatal: 'bad',
  firing: 'bad', pause: 'warn', drain: 'warn', useful: 'good', noise: 'mute', passed: 'good', error: 'bad', skipped: 'mute',
  pending: 'mute', delivered: 'good', dead: 'bad',
  shadow: 'mute', suggest: 'info', approve: 'warn', auto: 'good',
}
