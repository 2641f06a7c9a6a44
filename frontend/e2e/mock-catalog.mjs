// The mock's editable objects and their statuses.

const POOL_SCRIPT = `#!/usr/bin/env bash
# Ends idle-in-transaction sessions of a service and recycles its pool.
set -euo pipefail

: "\${SERVICE:?name the service}"
grace="\${GRACE_SECS:-10}"

echo "precheck: pool of service=\${SERVICE} holds $(curl -fsS "$ADMIN_URL/pool" | jq .in_use) connections"
psql "$DB_URL" -v age="$grace" <<'SQL'
select pg_terminate_backend(pid)
from pg_stat_activity
where state = 'idle in transaction' and state_change < now() - interval '60 s';
SQL
curl -fsS -X POST "$ADMIN_URL/pool/recycle"
echo done
`

export function catalogData(uuid, iso, now) {
  const base = (name, tags, days) => ({ id: uuid(now - days * 86_400_000), version: 3, name, tags, created_at: iso(now - days * 86_400_000), updated_at: iso(now - days * 7_000_000), archived_at: null })
  const sources = [
    { ...base('prometheus', ['prod'], 40), kind: 'prometheus', url: 'http://127.0.0.1:9090', credentials: { kind: 'none' }, index: null, fields: {}, timeout_secs: 10, enabled: true, webhook: null, ca: null },
    { ...base('elasticsearch', ['prod'], 39), kind: 'elasticsearch', url: 'http://127.0.0.1:9200', credentials: { kind: 'basic', username: 'reader', password: '********' }, index: 'logs-*', fields: { service: 'service.name' }, timeout_secs: 10, enabled: true, webhook: null, ca: null },
    { ...base('alertmanager', ['prod'], 14), kind: 'alertmanager', url: '', credentials: { kind: 'none' }, index: null, fields: {}, timeout_secs: 10, enabled: true, ca: null, webhook: { entities: [{ label: 'service', kind: 'service' }], severity_label: 'severity', signal_label: 'signal', mapping: null } },
    { ...base('prometheus-edge', ['edge'], 20), kind: 'prometheus', url: 'http://edge.example.net:9090', credentials: { kind: 'bearer', token: '********' }, index: null, fields: {}, timeout_secs: 10, enabled: true, webhook: null, ca: null },
  ]
  const monitor = (name, query, signal, unit, more = {}) => ({
    ...base(name, ['shop'], 30), source_id: sources[0].id, query, interval_secs: 5, signal, entity_labels: ['service'], detector: { kind: 'learned' }, rules: [], sensitivity: 5, direction: 'up', severity: 'critical', unit, max_series: 500, enabled: true, muted_until: null, ...more,
  })
  const monitors = [
    monitor('request latency p95', 'histogram_quantile(0.95, sum by (le, service) (rate(http_server_request_duration_seconds_bucket[1m])))', 'latency', 's'),
    monitor('error rate', '100 * sum by (service) (rate(http_server_request_duration_seconds_count{http_response_status_code=~"5.."}[1m])) / sum by (service) (rate(http_server_request_duration_seconds_count[1m]))', 'errors', '%'),
    monitor('request rate', 'sum by (service) (rate(http_server_request_duration_seconds_count[1m]))', 'traffic', '1/s', { direction: 'both', severity: 'warning', rules: [{ kind: 'absence', after_secs: 600, severity: 'critical' }] }),
    monitor('pool in use', 'db_client_connection_count{state="used"} / db_client_connection_max', 'saturation', ''),
    monitor('resident memory', 'process_resident_memory_bytes', 'saturation', 'bytes', { severity: 'warning', muted_until: iso(now + 5_400_000) }),
    monitor('targets', 'up', 'availability', '', { detector: { kind: 'threshold', op: 'lt', value: 1, clear: null, for_secs: 15 }, entity_labels: ['job', 'instance'] }),
    monitor('heartbeat of batch', 'batch_last_success_timestamp_seconds', 'availability', 's', { detector: { kind: 'absence', after_secs: 900 } }),
    monitor('shop logs', '', 'logs', '', { source_id: sources[1].id, detector: { kind: 'logs' } }),
    monitor('edge latency', 'probe_duration_seconds', 'latency', 's', { source_id: sources[3].id, entity_labels: ['instance'] }),
  ]
  const schema = { type: 'object', required: ['SERVICE'], properties: { SERVICE: { type: 'string', description: 'Service whose pool is recycled' }, GRACE_SECS: { type: 'integer', default: 10, minimum: 0, description: 'Wait before a session is ended' }, FORCE: { type: 'boolean', default: false }, MODE: { enum: ['soft', 'hard'], default: 'soft' } } }
  const limits = { cpu_millis: 1000, memory_bytes: 536870912, pids: 256, file_bytes: 1073741824, output_bytes: 8388608, network: false }
  const retry = { max_attempts: 1, backoff_secs: 5, max_backoff_secs: 300, exit_codes: [] }
  const script = (name, language, description, body, parameters = null, more = {}) => ({ ...base(name, ['shop', 'heal'], 28), description, language, body, parameters, image: null, interpreter: [], timeout_secs: 120, mode: 'at_most_once', limits, retry, precheck: null, verify: null, undo: null, secrets: {}, ...more })
  const scripts = [
    script('recycle-pool', 'bash', 'Ends stuck sessions and recycles the connection pool', POOL_SCRIPT, schema, { precheck: 'test "$(curl -fsS "$ADMIN_URL/pool" | jq .in_use)" -ge 30\n', verify: 'test "$(curl -fsS "$ADMIN_URL/pool" | jq .in_use)" -lt 20\n', secrets: { DB_URL: 'shop.db-url' }, retry: { ...retry, max_attempts: 3, exit_codes: [75] } }),
    script('roll-back-release', 'bash', 'Returns a service to the release before', '#!/usr/bin/env bash\nset -euo pipefail\nshopctl rollback "$SERVICE" --wait\n', { type: 'object', required: ['SERVICE'], properties: { SERVICE: { type: 'string' } } }),
    script('flush-cache', 'python', 'Empties a cache and warms the hot keys', 'import os, redis\n\nclient = redis.from_url(os.environ["CACHE_URL"])\nclient.flushdb()\nprint("flushed")\n'),
    script('free-disk', 'sh', 'Removes rotated logs until 20 % are free', 'find /var/log/shop -name "*.gz" -mtime +2 -delete\n'),
    script('smoke-test', 'node', 'Buys one item end to end', 'const answer = await fetch(`${process.env.SHOP}/healthz`)\nconsole.log(answer.status)\n'),
  ]
  const expectations = { exit_code: 0, output_contains: null, output_matches: null, max_duration_secs: null, result: [] }
  const kase = (name, of, values, tags = ['linux']) => ({ ...base(name, ['shop'], 25), description: of.description, script_id: of.id, script_version: null, part: 'act', body: null, language: null, image: null, interpreter: [], values, runtime_tags: tags, timeout_secs: null, mode: null, priority: null, limits: null, retry: null, secrets: {}, expectations: { ...expectations, output_contains: of === scripts[0] ? 'done' : null } })
  const cases = [
    kase('Recycle checkout connection pool', scripts[0], { SERVICE: 'checkout' }), kase('Roll back release', scripts[1], {}), kase('Flush cache and warm', scripts[2], {}), kase('Free disk of web', scripts[3], {}), kase('Smoke test', scripts[4], { SHOP: 'http://127.0.0.1:7300' }, []),
    { ...base('Print the environment', ['debug'], 3), description: 'Own body, for a look around', script_id: null, script_version: null, part: 'act', body: 'env | sort\n', language: 'sh', image: null, interpreter: [], priority: null, limits: null, retry: null, secrets: {}, values: { GREETING: 'hello' }, runtime_tags: [], timeout_secs: 10, mode: 'at_least_once', expectations },
  ]
  const gates = { cooldown_secs: 300, max_attempts: 3, limits: [{ window_secs: 3600, max_runs: 10 }], breaker_after: 3, breaker_secs: 3600, max_targets_at_once: 1, freshness_secs: 120 }
  const verification = { settle_secs: 5, samples: 3, interval_secs: 5, deadline_secs: 120, soak_secs: 600, recovery: true, checks: [{ source_id: sources[0].id, query: 'max(pool_wait_seconds{service=$entity_value})', op: 'lt', value: 0.05 }] }
  const policy = (name, description, step, autonomy, match) => ({ ...base(name, ['shop'], 22), description, enabled: true, priority: 10, match: { entities: [], signals: [], monitors: [], alerts: [], labels: {}, min_severity: 'warning', ...match }, steps: step, autonomy, gates, verification, on_failure: 'next_step' })
  const policies = [
    policy('recycle-connection-pool', 'Pool exhausted: recycle, then roll back', [{ case_id: cases[0].id, undo_case_id: null, values: { SERVICE: 'checkout' } }, { case_id: cases[1].id, undo_case_id: null, values: {} }], 'auto', { entities: ['service=*'], signals: ['saturation', 'latency'] }),
    policy('roll-back-release', 'Errors right after a release', [{ case_id: cases[1].id, undo_case_id: null, values: {} }], 'approve', { signals: ['errors'] }),
    policy('free-disk-space', 'Disk nearly full', [{ case_id: cases[3].id, undo_case_id: null, values: {} }], 'shadow', { entities: ['host=*'] }),
  ]
  const managers = [
    { ...base('local', ['linux', 'shop'], 41), kind: 'local', endpoint: null, capacity: 4, draining: false, enabled: true, docker: null, kubernetes: null },
    { ...base('docker-build', ['linux', 'docker'], 18), kind: 'docker', endpoint: 'unix:///var/run/docker.sock', capacity: 8, draining: true, enabled: true, docker: { images: ['registry.example/tools/*'], default_image: 'debian:12', pull: 'if_missing', user: '65534:65534', network: null, work_bytes: 268435456, tmp_bytes: 67108864, tls: null }, kubernetes: null },
    { ...base('cluster-eu', ['k8s', 'eu'], 12), kind: 'kubernetes', endpoint: 'https://10.0.0.1:6443', capacity: 20, draining: false, enabled: true, docker: null, kubernetes: { kubeconfig: '********', context: null, namespace: 'aiops-runs', images: ['registry.example/*'], default_image: 'debian:12', pull: 'if_missing', pull_secrets: [], service_account: null, node_selector: { pool: 'tools' }, user: '65534:65534', network_policy: true, work_bytes: 268435456, tmp_bytes: 67108864, start_limit_secs: 120, grace_secs: 5, keep_secs: 86400 } },
  ]
  const schedules = [
    { ...base('nightly smoke test', ['shop'], 9), description: 'Buys one item each night', case_id: cases[4].id, cron: '30 2 * * *', time_zone: 'Asia/Shanghai', enabled: true, misfire: 'run_once', misfire_grace_secs: 600, overlap: 'skip', jitter_secs: 120, values: {}, target: null },
    { ...base('weekly cache flush', ['shop'], 6), description: '', case_id: cases[2].id, cron: '0 4 * * 0', time_zone: 'UTC', enabled: false, misfire: 'skip', misfire_grace_secs: 60, overlap: 'skip', jitter_secs: 0, values: {}, target: 'service=catalog' },
  ]
  const channels = [{ ...base('ops webhook', ['night'], 33), kind: 'webhook', url: 'https://hooks.example.net/ops', secret: '********', min_severity: 'warning', enabled: true }]
  const status = (of, object, health, message = '', details = null, latency_ms = 12) => ({ of, id: object.id, health, message, checked_at: iso(Date.now() - 4000), ok_at: health === 'ok' ? iso(Date.now() - 4000) : iso(now - 900_000), latency_ms, details })
  const statuses = {
    sources: [status('source', sources[0], 'ok', '', { version: '2.42.0' }, 9), status('source', sources[1], 'ok', '', { version: '8.19.0' }, 31), status('source', sources[2], 'ok', 'last delivery 40 s ago', null, 0), status('source', sources[3], 'source_error', 'connect to edge.example.net:9090 timed out after 10 s; check the address and the network', null, 10_000)],
    monitors: monitors.map((m, i) => status('monitor', m, i === 4 ? 'learning' : i === 6 ? 'no_data' : i === 8 ? 'source_error' : 'ok', i === 4 ? 'learning, 3 of 10 minutes' : i === 6 ? 'the query answered without series for 5 m' : i === 8 ? 'its source does not answer' : '')),
    'runtime-managers': [status('runtime_manager', managers[0], 'ok', '', { os: 'Debian GNU/Linux 12 (bookworm)', kernel: '6.1.0-28-amd64', arch: 'x86_64', host: 'ops-1', cpus: 8, memory_bytes: 33554432000, running: 1, isolation: 'cgroup v2', engine: '', images: null }, 2), status('runtime_manager', managers[1], 'ok', '', { os: 'Debian GNU/Linux 12', kernel: '6.1.0-28-amd64', arch: 'x86_64', host: 'build-3', cpus: 16, memory_bytes: 67108864000, running: 2, isolation: 'containers: no privilege, read-only root', engine: 'Docker 28.5.1, API 1.51', images: 41 }, 18), status('runtime_manager', managers[2], 'source_error', 'TLS handshake: certificate expired on 2026-11-20; renew it', null, 430)],
  }
  return { catalog: { sources, monitors, scripts, cases, 'runtime-managers': managers, policies, channels, schedules }, statuses }
}
