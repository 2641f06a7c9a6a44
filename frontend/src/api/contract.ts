// Compile-time proof that our types and the server's OpenAPI document say the same; a field or word that is renamed, added
// or dropped there fails the type check here. The generated types mark every field that has a default as optional though
// the server always sends it, hence ours are written by hand.
import type { components } from './schema'
import type * as ours from './types'

type Schemas = components['schemas']
/** All keys, those of unions too. */
type Keys<T> = T extends unknown ? keyof T : never
/** Ours has the same keys, and a value of ours may be sent or read as one of theirs. */
type Same<Ours, Theirs> = [Keys<Ours>] extends [Keys<Theirs>] ? ([Keys<Theirs>] extends [Keys<Ours>] ? ([Ours] extends [Theirs] ? true : 'types differ') : 'a field is missing') : 'a field is too many'
type Words<Ours, Theirs> = [Ours] extends [Theirs] ? ([Theirs] extends [Ours] ? true : 'a word is missing') : 'a word is too many'
type All<T extends Record<string, true>> = T

export type Contract = All<{
  incident: Same<ours.Incident, Schemas['Incident']>
  cause: Same<ours.Cause, Schemas['Cause']>
  event: Same<ours.IncidentEvent, Schemas['IncidentEvent']>
  anomaly: Same<Omit<ours.Anomaly, Numbers>, Omit<Schemas['Anomaly'], Numbers>>
  chart: Same<ours.ChartPoint, Schemas['ChartPoint']>
  decision: Same<ours.Decision, Schemas['Decision']>
  gate: Same<ours.GateResult, Schemas['GateResult']>
  verification: Same<ours.Verification, Schemas['Verification']>
  notification: Same<ours.Notification, Schemas['Notification']>
  summary: Same<Required<ours.Summary>, Required<Schemas['Summary']>>
  status: Same<ours.Status, Schemas['Status']>
  run: Same<ours.Run, Omit<Schemas['Run'], Lease>>
  runSpec: Same<ours.RunSpec, Schemas['RunSpec']>
  log: Same<ours.LogRecord, Schemas['LogRecord']>
  source: Same<ours.Source, Schemas['Resource_SourceSpec']>
  monitor: Same<ours.Monitor, Schemas['Resource_MonitorSpec']>
  script: Same<ours.Script, Schemas['Resource_ScriptSpec']>
  case: Same<ours.Case, Schemas['Resource_CaseSpec']>
  manager: Same<ours.RuntimeManager, Schemas['Resource_RuntimeManagerSpec']>
  policy: Same<ours.Policy, Schemas['Resource_PolicySpec']>
  channel: Same<ours.Channel, Schemas['Resource_ChannelSpec']>
  audit: Same<ours.AuditRow, Schemas['AuditRow']>
  user: Same<ours.UserRow, Schemas['UserRow']>
  tokens: Same<Required<ours.Tokens>, Schemas['Tokens']>
  incidentState: Words<ours.IncidentState, Schemas['IncidentState']>
  runState: Words<ours.RunState, Schemas['RunState']>
  verdict: Words<ours.Verdict, Schemas['Verdict']>
  outcome: Words<ours.Outcome, Schemas['Outcome']>
  health: Words<ours.Health, Schemas['Health']>
  eventKind: Words<ours.EventKind, Schemas['EventKind']>
  anomalyKind: Words<ours.AnomalyKind, Schemas['AnomalyKind']>
  signal: Words<ours.SignalKind, Schemas['SignalKind']>
  role: Words<ours.Role, Schemas['Role']>
  language: Words<ours.Language, Schemas['Language']>
  autonomy: Words<ours.Autonomy, Schemas['Autonomy']>
}>

/** Numbers that JSON cannot hold (infinite, not a number) arrive as null. */
type Numbers = 'observed' | 'expected' | 'lower' | 'upper'
/** Of the lease only the epoch is of use to a person. */
type Lease = 'lease_owner' | 'lease_until'
