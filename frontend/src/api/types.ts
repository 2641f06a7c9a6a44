// Types of the HTTP API, in the words of the domain; mirrors `/api/openapi.json`.

export type Id = string
/** RFC 3339, UTC. */
export type Time = string
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
export type Facts = Record<string, Json>

export type Role = 'viewer' | 'operator' | 'approver' | 'editor' | 'admin'
export type Severity = 'info' | 'warning' | 'critical'
export type IncidentState = 'open' | 'acknowledged' | 'healing' | 'verifying' | 'resolved' | 'escalated' | 'suppressed' | 'merged'
export type RunState =
  | 'waiting_approval' | 'queued' | 'leased' | 'running' | 'cancelling'
  | 'succeeded' | 'failed' | 'timed_out' | 'cancelled' | 'lost'
export type Verdict = 'fixed' | 'improved' | 'not_fixed' | 'worse' | 'inconclusive'
export type Outcome = 'run' | 'wait' | 'ask' | 'refuse'
export type Health = 'ok' | 'unknown' | 'learning' | 'no_data' | 'partial' | 'source_error'
export type SignalKind = 'latency' | 'errors' | 'traffic' | 'saturation' | 'availability' | 'logs' | 'other'
export type AnomalyKind = 'level' | 'rate' | 'threshold' | 'absence' | 'entity' | 'log_error_rate' | 'new_template' | 'log_burst'
export type EventKind =
  | 'opened' | 'anomaly_added' | 'anomaly_closed' | 'cause_ranked' | 'decided' | 'run_queued' | 'run_started' | 'run_ended'
  | 'verification_started' | 'verification_sampled' | 'verdict' | 'undo_queued' | 'resolved' | 'escalated' | 'reopened'
  | 'acknowledged' | 'comment' | 'notified'
export type Language = 'bash' | 'sh' | 'python' | 'node'
export type RunMode = 'at_most_once' | 'at_least_once'
export type RunPurpose = 'manual' | 'heal' | 'undo'
export type RuntimeKind = 'local' | 'docker' | 'kubernetes'
export type SourceKind = 'prometheus' | 'elasticsearch'
export type Comparison = 'gt' | 'ge' | 'lt' | 'le'
export type Direction = 'both' | 'up' | 'down'
export type Autonomy = 'shadow' | 'suggest' | 'approve' | 'auto'
export type OnFailure = 'next_step' | 'undo' | 'escalate'
export type LogStream = 'stdout' | 'stderr' | 'system'
export type NotificationState = 'pending' | 'delivered' | 'dead'

export interface Page<T> { items: T[]; next_cursor?: string | null }
export interface FieldError { field: string; message: string }
export interface ProblemBody {
  type?: string; title?: string; status?: number; detail?: string; code?: string; errors?: FieldError[]; trace_id?: string
}
export interface TraceContext { trace_id: string; span_id: string }

export interface UserInfo { id: Id; username: string; role: Role }
export interface Tokens { access_token: string; expires_in: number; refresh_token: string; user: UserInfo }

// Incidents ---------------------------------------------------------------------------------------------------------

export interface Cause { entity: string; probability: number; signals: SignalKind[]; evidence: string[] }
export interface Incident {
  id: Id; version: number; fingerprint: string; title: string; severity: Severity; state: IncidentState
  entity: string; entities: string[]; started_at: Time; detected_at: Time; updated_at: Time; resolved_at?: Time | null; soak_until?: Time | null
  causes: Cause[]; attempts: number; reopened: number; acknowledged_by?: string | null; trace: TraceContext
}
export type Actor = { kind: 'system'; stage: string } | { kind: 'user'; name: string }
export interface IncidentEvent { id: Id; incident_id: Id; at: Time; kind: EventKind; actor: Actor; message: string; data: Json }
export interface Evidence { en: string; zh: string; samples: string[] }
export type Recovery =
  | { kind: 'band'; source_id: Id; query: string; labels: Record<string, string>; lower: number; upper: number }
  | { kind: 'closed' }
export interface Anomaly {
  id: Id; monitor_id: Id; monitor_name: string; series_key: string; entity: string; labels: Record<string, string>
  signal: SignalKind; kind: AnomalyKind; state: 'open' | 'closed'; started_at: Time; last_seen_at: Time; ended_at?: Time | null
  score: number; observed: number | null; expected: number | null; lower: number | null; upper: number | null
  evidence: Evidence; recovery: Recovery; incident_id?: Id | null
}
export interface ChartPoint { at_ms: number; value?: number | null; lower?: number | null; upper?: number | null; score: number }
export interface GateResult { gate: string; passed: boolean; reason: string; inputs: Json }
export interface Decision {
  id: Id; incident_id: Id; policy_id?: Id | null; policy_name: string; at: Time; outcome: Outcome; reason: string
  step: number; gates: GateResult[]; run_id?: Id | null; retry_at?: Time | null
}
export interface CheckSample {
  check: string; at: Time; value?: number | null; healthy?: [number | null, number | null] | null
  holds?: boolean | null; distance?: number | null; note: string
}
export interface Verification {
  id: Id; version: number; incident_id: Id; run_id: Id; policy_id: Id; step: number; spec: VerificationSpec
  baseline: CheckSample[]; rounds: CheckSample[][]; next_at?: Time | null; started_at: Time
  verdict?: Verdict | null; reason: string; ended_at?: Time | null; soak_until?: Time | null
}
export interface Notification {
  id: Id; channel_id: Id; incident_id: Id; topic: string; payload: Json; state: NotificationState
  attempts: number; next_at: Time; last_error: string; created_at: Time
}
export interface Summary {
  incidents: Partial<Record<IncidentState, number>>; detect_ms_p50?: number | null; resolve_ms_p50?: number | null
  verdicts: Partial<Record<Verdict, number>>; sources: Status[]
  monitors: Partial<Record<Health, number>>
}
export interface Status {
  of: 'source' | 'monitor' | 'runtime_manager'; id: Id; health: Health; message: string; checked_at: Time
  ok_at?: Time | null; latency_ms: number; details: Json
}

// Runs --------------------------------------------------------------------------------------------------------------

export interface Expectations { exit_code: number; output_contains: string | null; max_duration_secs: number | null }
export interface RunSpec {
  language: Language; body: string; body_sha256: string; image?: string | null; env: Record<string, string>
  timeout_secs: number; expectations: Expectations; mode: RunMode; runtime_tags: string[]
}
export interface Run {
  id: Id; version: number; case_id: Id; case_name: string; purpose: RunPurpose; target: string
  heal?: { incident_id: Id; policy_id: Id; decision_id: Id; step: number } | null
  state: RunState; spec: RunSpec; run_key: string; manager_id?: Id | null; runtime?: RuntimeKind | null; manager_reason: string
  lease_epoch: number; exit_code?: number | null; reason: string; log_lines: number; requested_by: string
  queued_at: Time; started_at?: Time | null; ended_at?: Time | null; cancel_requested_at?: Time | null; trace: TraceContext
}
export interface LogRecord { seq: number; at: Time; stream: LogStream; text: string }

// Editable objects --------------------------------------------------------------------------------------------------

export interface Meta {
  id: Id; version: number; name: string; tags: string[]; created_at: Time; updated_at: Time; archived_at?: Time | null
}
export type Resource<T> = Meta & T
export type Draft<T> = { name: string; tags: string[] } & T

export type Credentials =
  | { kind: 'none' }
  | { kind: 'basic'; username: string; password: string }
  | { kind: 'bearer'; token: string }
  | { kind: 'api_key'; key: string }
export interface SourceSpec {
  kind: SourceKind; url: string; credentials: Credentials; index?: string | null; fields: Record<string, string>
  timeout_secs: number; enabled: boolean
}
export type DetectorSpec =
  | { kind: 'learned' }
  | { kind: 'threshold'; op: Comparison; value: number; for_secs: number }
  | { kind: 'absence'; after_secs: number }
  | { kind: 'logs' }
export interface MonitorSpec {
  source_id: Id; query: string; interval_secs: number; signal: SignalKind; entity_labels: string[]; detector: DetectorSpec
  sensitivity: number; direction: Direction; severity: Severity; unit: string; max_series: number; enabled: boolean
  muted_until?: Time | null
}
export interface ScriptSpec {
  description: string; language: Language; body: string; parameters: Json; image?: string | null; timeout_secs: number; mode: RunMode
}
export interface CaseSpec {
  description: string; script_id?: Id | null; body?: string | null; language?: Language | null; values: Facts
  runtime_tags: string[]; timeout_secs?: number | null; mode?: RunMode | null; expectations: Expectations
}
export interface RuntimeManagerSpec { kind: RuntimeKind; endpoint?: string | null; capacity: number; draining: boolean; enabled: boolean }
export interface ChannelSpec { kind: 'webhook'; url: string; secret?: string | null; min_severity: Severity; enabled: boolean }
export interface PolicyMatch { entities: string[]; signals: SignalKind[]; monitors: string[]; min_severity: Severity }
export interface PolicyStep { case_id: Id; undo_case_id?: Id | null; values: Facts }
export interface RunLimit { window_secs: number; max_runs: number }
export interface Gates {
  cooldown_secs: number; max_attempts: number; limits: RunLimit[]; breaker_after: number; breaker_secs: number
  max_targets_at_once: number; freshness_secs: number
}
export interface PromCheck { source_id: Id; query: string; op: Comparison; value: number }
export interface VerificationSpec {
  settle_secs: number; samples: number; interval_secs: number; deadline_secs: number; soak_secs: number
  recovery: boolean; checks: PromCheck[]
}
export interface PolicySpec {
  description: string; enabled: boolean; priority: number; match: PolicyMatch; steps: PolicyStep[]; autonomy: Autonomy
  gates: Gates; verification: VerificationSpec; on_failure: OnFailure
}

/** The editable kinds, by the word in their address. */
export interface Specs {
  sources: SourceSpec
  monitors: MonitorSpec
  scripts: ScriptSpec
  cases: CaseSpec
  'runtime-managers': RuntimeManagerSpec
  policies: PolicySpec
  channels: ChannelSpec
}
export type Kind = keyof Specs
export type StatusKind = 'sources' | 'monitors' | 'runtime-managers'
export type Source = Resource<SourceSpec>
export type Monitor = Resource<MonitorSpec>
export type Script = Resource<ScriptSpec>
export type Case = Resource<CaseSpec>
export type RuntimeManager = Resource<RuntimeManagerSpec>
export type Policy = Resource<PolicySpec>
export type Channel = Resource<ChannelSpec>

export interface Preview { series: { labels: Record<string, string>; points: [number, number | null][] }[]; completeness: Json; message?: string | null }
export interface TestAnswer { ok: boolean; message: string }

// Administration ----------------------------------------------------------------------------------------------------

export interface AuditRow {
  seq: number; at: Time; actor: string; action: string; object_kind: string; object_id: string; origin: string; hash: string
}
export interface UserRow { id: Id; username: string; role: Role; disabled: boolean; created_at: Time }

/** Mark shown instead of a stored secret; sent back unchanged it keeps the stored one. */
export const SECRET_MARK = '********'
