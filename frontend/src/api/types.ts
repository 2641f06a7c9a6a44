// Types of the HTTP API, taken from the types that are generated from the server's OpenAPI document, so that a field or
// word that is renamed, added or dropped there fails the type check where it is used. Fields with a default are marked
// optional in the document though the server always sends them; here every field is present.
import type { ScheduleSpec } from './extra'
import type { components } from './schema'

export type * from './extra'

type Schemas = components['schemas']
/** Every field present, at every depth; null stays null. */
type Full<T> = T extends object ? { [K in keyof T]-?: Full<T[K]> } : T
/** The same with some fields of our own. */
type With<T, Ours> = Omit<T, keyof Ours> & Ours
type Of<Name extends keyof Schemas> = Full<Schemas[Name]>

export type Id = string
/** RFC 3339, UTC. */
export type Time = string
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
export type Facts = Record<string, Json>

// Words -------------------------------------------------------------------------------------------------------------

export type Role = Schemas['Role']
export type Severity = Schemas['Severity']
export type IncidentState = Schemas['IncidentState']
export type RunState = Schemas['RunState']
export type Verdict = Schemas['Verdict']
export type Outcome = Schemas['Outcome']
export type Health = Schemas['Health']
export type SignalKind = Schemas['SignalKind']
export type AnomalyKind = Schemas['AnomalyKind']
export type AnomalyState = Schemas['AnomalyState']
export type AlertState = Schemas['AlertState']
export type EventKind = Schemas['EventKind']
export type Language = Schemas['Language']
export type RunMode = Schemas['RunMode']
export type RunPurpose = Schemas['RunPurpose']
export type RuntimeKind = Schemas['RuntimeKind']
export type SourceKind = Schemas['SourceKind']
export type Comparison = Schemas['Comparison']
export type Direction = Schemas['Direction']
export type Autonomy = Schemas['Autonomy']
export type OnFailure = Schemas['OnFailure']
export type NotificationState = Schemas['NotificationState']
export type Opinion = Schemas['Opinion']
export type Voice = Schemas['Voice']
export type Said = Schemas['Said']
export type Part = Schemas['Part']
export type PauseMode = Schemas['PauseMode']
export type PullPolicy = Schemas['PullPolicy']
export type ResultOp = Schemas['ResultOp']
export type TestOutcome = Schemas['TestOutcome']
export type LogStream = Schemas['Stream']

// Answers -----------------------------------------------------------------------------------------------------------

export interface Page<T> { items: T[]; next_cursor?: string | null }
export type FieldError = Of<'FieldError'>
export type ProblemBody = Partial<Of<'Problem'>>
export type TraceContext = Of<'TraceContext'>
export type UserInfo = Of<'UserInfo'>
export type Tokens = Of<'Tokens'>
export type TestAnswer = Of<'Tested'>
export type ManagerTested = Of<'ManagerTested'>
export type ManagerHealth = Of<'ManagerHealth'>
export type HealthPoint = Of<'HealthPoint'>
export type Outage = Of<'Outage'>
export type Preview = With<Of<'Preview'>, { series: { labels: Record<string, string>; points: [number, number | null][] }[] }>

// Incidents ---------------------------------------------------------------------------------------------------------

/** Numbers that JSON cannot hold (infinite, not a number) arrive as null. */
type Maybe = number | null
export type Cause = Of<'Cause'>
export type Incident = Of<'Incident'>
export type IncidentWork = Of<'IncidentWork'>
export type SplitAnswer = Of<'SplitAnswer'>
export type Actor = Of<'Actor'>
export type IncidentEvent = With<Of<'IncidentEvent'>, { data: Json }>
export type Evidence = Of<'Evidence'>
export type Recovery = Of<'Recovery'>
export type Anomaly = With<Of<'Anomaly'>, { observed: Maybe; expected: Maybe; lower: Maybe; upper: Maybe }>
export type ChartPoint = Of<'ChartPoint'>
export type GateResult = With<Of<'GateResult'>, { inputs: Json }>
export type Decision = With<Of<'Decision'>, { gates: GateResult[] }>
export type CheckSample = With<Of<'CheckSample'>, { healthy: [Maybe, Maybe] | null }>
export type Verification = With<Of<'Verification'>, { baseline: CheckSample[]; rounds: CheckSample[][] }>
export type Notification = With<Of<'Notification'>, { payload: Json }>
export type Status = With<Of<'Status'>, { details: Json }>
export type Noise = Of<'Noise'>
export type NoiseDay = Of<'NoiseDay'>
export type Summary = With<Of<'Summary'>, {
  incidents: Partial<Record<IncidentState, number>>; verdicts: Partial<Record<Verdict, number>>; monitors: Partial<Record<Health, number>>; sources: Status[]
}>
export type Feedback = Of<'Feedback'>
export type MonitorFeedback = Of<'MonitorFeedback'>
export type Alert = Of<'Alert'>
export type AlertGroup = Of<'AlertGroup'>
export type ChangeEvent = Of<'ChangeEvent'>
export type TopologyGraph = Of<'TopologyGraph'>
export type TopologyNode = Of<'TopologyNode'>
export type TopologyEdge = Of<'TopologyEdge'>

// Runs --------------------------------------------------------------------------------------------------------------

export type ResultCheck = With<Of<'ResultCheck'>, { value: Json }>
export type Expectations = With<Of<'Expectations'>, { result: ResultCheck[] }>
export type Limits = Of<'Limits'>
export type Retry = Of<'Retry'>
export type RunSpec = With<Of<'RunSpec'>, { expectations: Expectations }>
export type Run = With<Of<'Run'>, { spec: RunSpec }>
export type LogRecord = Of<'LogRecord'>
export type LogInfo = Of<'LogInfo'>
export type LogDamage = Of<'LogDamage'>
export type LogFound = Of<'LogFound'>
export type Artifact = Of<'Artifact'>
export type Attempt = Of<'Attempt'>
export type RunResults = With<Of<'RunResults'>, { result: Json }>
export type TestSuiteResult = Of<'TestSuiteResult'>
export type Pause = Of<'Pause'>
export type QueueState = Of<'QueueState'>

// Editable objects --------------------------------------------------------------------------------------------------

export interface Meta {
  id: Id; version: number; name: string; tags: string[]; created_at: Time; updated_at: Time; archived_at?: Time | null
}
export type Resource<T> = Meta & T
export type Draft<T> = { name: string; tags: string[] } & T

export type Credentials = Of<'Credentials'>
export type AlertMapping = Of<'AlertMapping'>
export type EntityRule = Of<'EntityRule'>
export type WebhookSpec = Of<'WebhookSpec'>
export type SourceSpec = Of<'SourceSpec'>
export type DetectorSpec = Of<'DetectorSpec'>
export type Rule = Of<'Rule'>
export type MonitorSpec = Of<'MonitorSpec'>
/** Environment name to the secret's name; only where the server keeps secrets. */
export interface WithSecrets { secrets?: Record<string, string> }
export type ScriptSpec = Omit<With<Of<'ScriptSpec'>, { parameters: Json }>, 'secrets'> & WithSecrets
export type ScriptVersion = With<Of<'ScriptVersion'>, { spec: ScriptSpec }>
export type VersionDiff = Of<'VersionDiff'>
export type CaseSpec = Omit<With<Of<'CaseSpec'>, { values: Facts; expectations: Expectations }>, 'secrets'> & WithSecrets
export type DockerSettings = Of<'DockerSettings'>
export type DockerTls = Of<'DockerTls'>
export type KubernetesSettings = Of<'KubernetesSettings'>
export type RuntimeManagerSpec = Of<'RuntimeManagerSpec'>
export type ChannelSpec = Of<'ChannelSpec'>
export type PolicyMatch = Of<'Match'>
export type PolicyStep = With<Of<'Step'>, { values: Facts }>
export type RunLimit = Of<'RunLimit'>
export type Gates = Of<'Gates'>
export type PromCheck = Of<'PromCheck'>
export type VerificationSpec = Of<'VerificationSpec'>
export type PolicySpec = With<Of<'PolicySpec'>, { steps: PolicyStep[] }>


/** The editable kinds, by the word in their address. */
export interface Specs {
  sources: SourceSpec
  monitors: MonitorSpec
  scripts: ScriptSpec
  cases: CaseSpec
  schedules: ScheduleSpec
  'runtime-managers': RuntimeManagerSpec
  policies: PolicySpec
  channels: ChannelSpec
}
export type Kind = keyof Specs
export type StatusKind = 'sources' | 'monitors' | 'runtime-managers'
export type Source = Resource<SourceSpec>
export type LeftOut = Of<'LeftOut'>
export type Discovered = With<Of<'Discovered'>, { monitors: Draft<MonitorSpec>[]; left_out: LeftOut[] }>
export type Monitor = Resource<MonitorSpec>
export type Script = Resource<ScriptSpec>
export type Case = Resource<CaseSpec>
export type RuntimeManager = Resource<RuntimeManagerSpec>
export type Policy = Resource<PolicySpec>
export type Channel = Resource<ChannelSpec>

// Administration ----------------------------------------------------------------------------------------------------

export type AuditRow = Of<'AuditRow'>
export type UserRow = Of<'UserRow'>

/** Mark shown instead of a stored secret; sent back unchanged it keeps the stored one. */
export const SECRET_MARK = '********'
