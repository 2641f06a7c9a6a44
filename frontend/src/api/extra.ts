// Types of what only some servers have; the menu shows it where the server's document names its routes (stores/features.ts).
import type { Anomaly, ChartPoint, Facts, Id, Role, RunState, Time } from './types'

export type Misfire = 'skip' | 'run_once'
export type Overlap = 'skip' | 'queue'
export interface ScheduleSpec {
  description: string; case_id: Id; cron: string; time_zone: string; enabled: boolean; misfire: Misfire; misfire_grace_secs: number; overlap: Overlap; jitter_secs: number
  values: Facts; target: string | null
}
/** Next planned times, UTC and on the clock of the zone. */
export interface NextTimes { times: Time[]; local: string[] }
export interface ScheduleWindow { schedule_id: Id; planned_at: Time; outcome: 'started' | 'missed' | 'skipped'; windows: number; reason: string; run_id: Id | null; at: Time }

export interface BatchRun { id: Id; case_id: Id; case_name: string; state: RunState; exit_code: number | null; reason: string; manager_id: Id | null; runtime_tags: string[] }
export interface Batch {
  id: Id; requested_by: string; queued_at: Time; ended_at: Time | null; total: number; states: { state: RunState; runs: number }[]; ended: boolean; succeeded: boolean; runs: BatchRun[]
}

export interface SecretInfo { id: Id; name: string; description: string; version: number; key_id: string; created_at: Time; updated_at: Time; updated_by: string }
export interface ApiKey { id: Id; name: string; prefix: string; role: Role; created_by: string; created_at: Time; expires_at: Time; revoked_at: Time | null; used_at: Time | null }
export interface MadeKey extends ApiKey { secret: string }

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal'
export interface TemplateRule { name: string; pinned: boolean; muted: boolean; split: boolean }
export interface LogTemplate {
  id: Id; monitor_id: Id; text: string; level: LogLevel; count: number; first_seen_at: Time; last_seen_at: Time; hours: number[]; samples: string[]; merged_into: Id | null; rule: TemplateRule
}

export interface BacktestSeries { key: string; entity: string; labels: Record<string, string>; rows: number; events: number; points: ChartPoint[] }
export interface BacktestReport {
  from: Time; to: Time; step_secs: number; completeness: string; message: string; rows: number; series_total: number; left_out: number; events_total: number; events: Anomaly[]; series: BacktestSeries[]
}
