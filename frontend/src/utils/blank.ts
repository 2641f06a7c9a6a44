// New objects as the forms begin them; every value is the server's own default.
import type {
  CaseSpec, DetectorSpec, DockerSettings, Draft, Expectations, KubernetesSettings, Limits, MonitorSpec, Retry, RuntimeManagerSpec, ScheduleSpec, ScriptSpec, SourceSpec, WebhookSpec,
} from '@/api/types'

const MIB = 1024 * 1024

export const blankLimits = (): Limits => ({ cpu_millis: 1000, memory_bytes: 512 * MIB, pids: 256, file_bytes: 1024 * MIB, output_bytes: 8 * MIB, network: false })
export const blankRetry = (): Retry => ({ max_attempts: 1, backoff_secs: 5, max_backoff_secs: 300, exit_codes: [] })
export const blankExpectations = (): Expectations => ({ exit_code: 0, output_contains: null, output_matches: null, max_duration_secs: null, result: [] })

export const blankScript = (): Draft<ScriptSpec> => ({
  name: '', tags: [], description: '', language: 'bash', body: '#!/usr/bin/env bash\nset -euo pipefail\n\n', parameters: null, image: null, interpreter: [], timeout_secs: 300,
  mode: 'at_most_once', retry: blankRetry(), limits: blankLimits(), precheck: null, verify: null, undo: null,
})
export const blankCase = (): Draft<CaseSpec> => ({
  name: '', tags: [], description: '', script_id: null, script_version: null, part: 'act', body: null, language: null, image: null, interpreter: [], values: {}, runtime_tags: [], timeout_secs: null,
  mode: null, priority: null, retry: null, limits: null, expectations: blankExpectations(),
})
export const blankSchedule = (): Draft<ScheduleSpec> => ({
  name: '', tags: [], description: '', case_id: '', cron: '30 2 * * *', time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC', enabled: true, misfire: 'skip', misfire_grace_secs: 60,
  overlap: 'skip', jitter_secs: 0, values: {}, target: null,
})
export const blankDocker = (): DockerSettings => ({
  images: [], default_image: null, pull: 'if_missing', user: '65534:65534', network: null, work_bytes: 256 * MIB, tmp_bytes: 64 * MIB, tls: null,
})
export const blankKubernetes = (): KubernetesSettings => ({
  kubeconfig: null, context: null, namespace: null, images: [], default_image: null, pull: 'if_missing', pull_secrets: [], service_account: null, node_selector: {}, user: '65534:65534',
  network_policy: true, work_bytes: 256 * MIB, tmp_bytes: 64 * MIB, start_limit_secs: 120, grace_secs: 5, keep_secs: 86_400,
})
export const blankManager = (): Draft<RuntimeManagerSpec> => ({ name: '', tags: [], kind: 'local', endpoint: null, capacity: 4, draining: false, enabled: true, docker: null, kubernetes: null })
export const blankMonitor = (): Draft<MonitorSpec> => ({
  name: '', tags: [], source_id: '', query: '', interval_secs: 15, signal: 'latency', entity_labels: ['service'], detector: { kind: 'learned' } as DetectorSpec, rules: [],
  sensitivity: 5, direction: 'both', severity: 'warning', unit: '', max_series: 500, enabled: true, muted_until: null,
})
export const blankWebhook = (): WebhookSpec => ({ entities: [], mapping: null, severity_label: 'severity', signal_label: 'signal' })
export const blankSource = (): Draft<SourceSpec> => ({
  name: '', tags: [], kind: 'prometheus', url: '', credentials: { kind: 'none' }, index: null, fields: {}, timeout_secs: 10, enabled: true, webhook: null, ca: null,
})
