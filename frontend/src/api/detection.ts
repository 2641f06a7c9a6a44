// Detection over history, and the shapes of log lines.
import { answer, api, call } from './client'
import type { BacktestReport, Discovered, Id, LogLevel, LogTemplate, MonitorSpec, Page, TemplateRule } from './types'

export interface TemplateFilter { monitor_id: string; search: string; level: LogLevel | ''; new_since: string; pinned: boolean; muted: boolean }

export const backtest = (monitor_id: Id | null, spec: MonitorSpec, hours: number) =>
  call<BacktestReport>('POST', '/monitors/backtest', {}, { monitor_id, spec, from: new Date(Date.now() - hours * 3_600_000).toISOString() })

/** What a metric source holds and which monitors would watch it; stores nothing. */
export const discover = (source: Id) => answer<Discovered>(api.GET('/api/v1/sources/{id}/discovery', { params: { path: { id: source } } }))

export const listTemplates = (filter: TemplateFilter, cursor?: string | null, limit = 50) =>
  call<Page<LogTemplate>>('GET', '/templates', { ...filter, cursor: cursor ?? undefined, limit })
export const setTemplateRule = (id: Id, rule: TemplateRule) => call<LogTemplate>('PUT', `/templates/${id}/rule`, {}, rule)
