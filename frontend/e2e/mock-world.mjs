// The mock's data: a shop with sources, monitors, scripts, cases, a policy, past incidents, and one that heals live.
import { randomBytes } from 'node:crypto'
import { catalogData } from './mock-catalog.mjs'

/** UUIDv7 for a time, so that ids sort as the product's do. */
let lastMs = 0
let tail = 0
export function uuid(at = Date.now()) {
  tail = at === lastMs ? tail + 1 : 0
  lastMs = at
  const time = at.toString(16).padStart(12, '0')
  const rest = randomBytes(8).toString('hex')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${(tail & 0xfff).toString(16).padStart(3, '0')}-a${rest.slice(0, 3)}-${rest.slice(3, 15)}`
}
const iso = (ms) => new Date(ms).toISOString()
const trace = () => ({ trace_id: randomBytes(16).toString('hex'), span_id: randomBytes(8).toString('hex') })
const system = (stage) => ({ kind: 'system', stage })

export const SCRIPT_OUTPUT = [
  ['system', 'claimed by local-1, lease epoch 1'],
  ['stdout', 'precheck: pool of service=checkout holds 40 of 40 connections'],
  ['stdout', '\u001b[33mclosing idle-in-transaction sessions older than 60 s\u001b[0m'],
  ['stderr', 'warning: 3 sessions did not end within 2 s, terminating'],
  ['stdout', 'terminated pid 4121 (state=idle in transaction, age=412 s)'],
  ['stdout', 'terminated pid 4133 (state=idle in transaction, age=398 s)'],
  ['stdout', 'terminated pid 4140 (state=idle in transaction, age=377 s)'],
  ['stdout', 'POST http://127.0.0.1:7301/admin/pool/recycle -> 200'],
  ['stdout', 'pool now holds 6 of 40 connections'],
  ['stdout', 'done'],
]

export function createWorld({ setup, pace }) {
  const now = Date.now()
  const { catalog, statuses } = catalogData(uuid, iso, now)
  const byName = (kind, name) => catalog[kind].find((r) => r.name === name)
  const world = {
    setupNeeded: setup, catalog, statuses, incidents: [], events: [], anomalies: [], decisions: [], runs: [], verifications: [], notifications: [], logs: {}, audit: [],
    user: { id: uuid(now - 9e8), username: 'admin', role: 'admin' },
    users: [
      { id: uuid(now - 9e8), username: 'admin', role: 'admin', disabled: false, created_at: iso(now - 9e8) },
      { id: uuid(now - 8e8), username: 'lin.wei', role: 'operator', disabled: false, created_at: iso(now - 8e8) },
      { id: uuid(now - 7e8), username: 'dashboards', role: 'viewer', disabled: true, created_at: iso(now - 7e8) },
    ],
  }
  const eventListeners = []
  const logListeners = []
  const timers = new Set()
  world.onEvent = (f) => eventListeners.push(f)
  world.onLog = (f) => logListeners.push(f)
  world.stop = () => timers.forEach(clearTimeout)
  const later = (seconds, work) => {
    const timer = setTimeout(() => { timers.delete(timer); work() }, (seconds * 1000) / pace)
    timers.add(timer)
  }

  function event(incident, at, kind, message, data = null, actor = system('healer')) {
    const one = { id: uuid(at), incident_id: incident.id, at: iso(at), kind, actor, message, data }
    world.events.push(one)
    eventListeners.forEach((f) => f('incident', one.id, one))
    return one
  }
  const touch = (incident, change) => Object.assign(incident, change, { version: incident.version + 1, updated_at: iso(Date.now()) })

  function makeIncident(at, { title, entity, severity = 'critical', state = 'open', causes = [], entities = [entity] }) {
    const incident = {
      id: uuid(at), version: 1, fingerprint: `${entity}|saturation`, title, severity, state, entity, entities, started_at: iso(at - 21_000), detected_at: iso(at), updated_at: iso(at), resolved_at: null,
      causes, attempts: 0, reopened: 0, acknowledged_by: null, trace: trace(),
    }
    world.incidents.unshift(incident)
    return incident
  }
  function makeAnomaly(incident, monitorName, at, fields) {
    const monitor = byName('monitors', monitorName)
    const one = {
      id: uuid(at), monitor_id: monitor.id, monitor_name: monitor.name, series_key: `${monitor.name}|${incident.entity}`, entity: incident.entity, labels: { service: incident.entity.split('=')[1] }, signal: monitor.signal,
      kind: 'level', state: 'open', started_at: iso(at - 21_000), last_seen_at: iso(at), ended_at: null, score: 0.97, observed: 2.31, expected: 0.084, lower: 0.041, upper: 0.142,
      recovery: { kind: 'closed' }, incident_id: incident.id, ...fields,
      evidence: { en: '', zh: '', samples: [], way: 'up', view: 'level', untold: '', closed_because: '', ...fields.evidence },
    }
    world.anomalies.push(one)
    return one
  }
  function gates(held = []) {
    const all = [
      ['enabled', 'the policy is enabled', { enabled: true }], ['cooldown', 'no run on this target in the last 300 s', { cooldown_secs: 300, last_run_at: null }],
      ['limits', '1 of 10 runs in 3600 s', { window_secs: 3600, runs: 1, max_runs: 10 }], ['max_attempts', 'attempt 1 of 3', { attempts: 0, max_attempts: 3 }],
      ['breaker', '0 of 3 verdicts in a row were not fixed', { failures_in_a_row: 0, breaker_after: 3 }], ['max_targets', '0 of 1 targets are being acted on', { active: 0, max_targets_at_once: 1 }],
      ['concurrency', 'no other heal on service=checkout', { active_run: null }], ['freshness', 'data is 9 s old, limit 120 s', { data_age_secs: 9, freshness_secs: 120 }],
      ['echo', 'no own run casts a shadow on these anomalies', { runs_in_shadow: 0 }], ['autonomy', 'policy acts by itself', { autonomy: 'auto' }],
    ]
    return all.map(([gate, reason, inputs]) => {
      const no = held.find((h) => h[0] === gate)
      return { gate, passed: !no, reason: no?.[1] ?? reason, inputs: no?.[2] ?? inputs }
    })
  }
  function decide(incident, at, outcome, reason, held = [], policyName = 'recycle-connection-pool') {
    const policy = byName('policies', policyName)
    const one = { id: uuid(at), incident_id: incident.id, policy_id: policy.id, policy_name: policy.name, at: iso(at), outcome, reason, step: 0, gates: gates(held), run_id: null, retry_at: outcome === 'wait' ? iso(at + 240_000) : null }
    world.decisions.push(one)
    event(incident, at, 'decided', `${policy.name}: ${reason}`, { outcome, decision_id: one.id })
    return one
  }
  function makeRun(at, caseName, incident, decision, fields = {}) {
    const target = byName('cases', caseName)
    const script = catalog.scripts.find((s) => s.id === target.script_id)
    const run = {
      id: uuid(at), version: 1, case_id: target.id, case_name: target.name, purpose: incident ? 'heal' : 'manual', target: incident?.entity ?? `case=${target.name}`,
      heal: incident ? { incident_id: incident.id, policy_id: decision.policy_id, decision_id: decision.id, step: 0 } : null, state: 'queued',
      spec: { language: script?.language ?? target.language ?? 'bash', body: script?.body ?? target.body ?? '', body_sha256: randomBytes(32).toString('hex'), image: null, interpreter: [], secrets: { DB_URL: 'shop.db-url' }, limits: script?.limits ?? catalog.scripts[0].limits, retry: target.retry ?? script?.retry ?? catalog.scripts[1].retry, env: { ENTITY: incident?.entity ?? '', SERVICE: 'checkout', ADMIN_TOKEN: '********', GRACE_SECS: '10' }, timeout_secs: 120, expectations: target.expectations, mode: 'at_most_once', runtime_tags: target.runtime_tags },
      attempt: 1, attempt_after: 0, batch_id: null, deadline_at: null, exclusive: Boolean(incident), owner: incident ? 'policy recycle-connection-pool' : 'admin', planned_at: null, priority: incident ? 50 : 0, schedule_id: null, script_version: script ? randomBytes(32).toString('hex') : null, run_key: uuid(at), manager_id: null, runtime: null, manager_reason: '', lease_epoch: 0, lease_owner: null, lease_until: null, exit_code: null, reason: '', log_lines: 0,
      requested_by: incident ? 'policy recycle-connection-pool' : 'admin', queued_at: iso(at), started_at: null, ended_at: null, cancel_requested_at: null, trace: incident?.trace ?? trace(), ...fields,
    }
    world.runs.unshift(run)
    world.logs[run.id] = []
    return run
  }
  function changeRun(run, change) {
    Object.assign(run, change, { version: run.version + 1 })
    eventListeners.forEach((f) => f('run', '', { id: run.id, state: run.state }))
  }
  function say(run, stream, text, at = Date.now()) {
    const line = { seq: world.logs[run.id].length + 1, at: iso(at), stream, text }
    world.logs[run.id].push(line)
    run.log_lines += 1
    logListeners.forEach((f) => f(run.id, 'log', line.seq, line))
  }
  const MANAGER = () => ({ manager_id: byName('runtime-managers', 'local').id, runtime: 'local', manager_reason: 'healthy, carries all tags, most free capacity (4 of 4)', lease_epoch: 1, lease_owner: 'aiops-1' })
  function execute(run, done) {
    later(1, () => {
      changeRun(run, { state: 'running', started_at: iso(Date.now()), ...MANAGER() })
      const incident = world.incidents.find((i) => i.id === run.heal?.incident_id)
      if (incident) event(incident, Date.now(), 'run_started', `${run.case_name} started on local`, { run_id: run.id })
      SCRIPT_OUTPUT.forEach(([stream, text], index) => later(0.5 + index * 0.6, () => { if (run.state === 'running') say(run, stream, text) }))
      later(0.5 + SCRIPT_OUTPUT.length * 0.6, () => {
        if (run.state !== 'running') return
        changeRun(run, { state: 'succeeded', ended_at: iso(Date.now()), exit_code: 0, reason: 'exit code 0 as expected' })
        logListeners.forEach((f) => f(run.id, 'end', '', run))
        done?.()
      })
    })
  }
  const sample = (check, at, value, range) => ({ check, at: iso(at), value, healthy: range, holds: value === null ? null : value <= range[1], distance: value === null ? null : Math.max(0, (value - range[1]) / 0.1), note: value === null ? 'the source did not answer' : '' })
  const CHECKS = [['request latency p95 · service=checkout', [0.041, 0.142]], ['pool in use · service=checkout', [0, 0.72]]]
  function makeVerification(incident, run, at, rounds) {
    const policy = byName('policies', 'recycle-connection-pool')
    const one = { id: uuid(at), version: 1, incident_id: incident.id, run_id: run.id, policy_id: policy.id, step: 0, spec: policy.verification, baseline: CHECKS.map(([c, r], i) => sample(c, at, [2.31, 1][i], r)), rounds, next_at: iso(at + 5000), started_at: iso(at), verdict: null, reason: '', ended_at: null, soak_until: null }
    world.verifications.push(one)
    return one
  }
  const round = (at, values) => CHECKS.map(([c, r], i) => sample(c, at, values[i], r))
  function notifyChannel(incident, at, topic, state = 'delivered', last_error = '') {
    const one = { id: uuid(at), channel_id: catalog.channels[0].id, incident_id: incident.id, topic, payload: {}, state, attempts: state === 'delivered' ? 1 : 4, next_at: iso(at + 60_000), last_error, created_at: iso(at) }
    world.notifications.push(one)
    event(incident, at, 'notified', `${catalog.channels[0].name}: ${topic} ${state}`, null, system('notify'))
  }
  world.tools = { event, touch, makeIncident, makeAnomaly, decide, makeRun, changeRun, say, execute, makeVerification, round, notifyChannel, later, byName, MANAGER, SCRIPT_OUTPUT, gates }

  world.chart = (id) => {
    const anomaly = world.anomalies.find((a) => a.id === id)
    if (!anomaly || ['new_template', 'log_burst'].includes(anomaly.kind)) return []
    const start = Date.parse(anomaly.started_at)
    const end = anomaly.ended_at ? Date.parse(anomaly.ended_at) : null
    const last = end ? end + 90_000 : Date.now()
    const points = []
    for (let at = start - 900_000; at <= last; at += 5000) {
      const base = anomaly.expected * (1 + 0.12 * Math.sin(at / 90_000)) + (anomaly.upper - anomaly.lower) * 0.09 * Math.sin(at / 7919)
      const rise = at < start ? 0 : end && at >= end - 10_000 ? Math.max(0, 1 - (at - end + 10_000) / 8000) : Math.min(1, (at - start) / 25_000)
      const value = base + rise * (anomaly.observed - anomaly.expected) * (0.94 + 0.06 * Math.sin(at / 11_000))
      points.push({ at_ms: at, value: at % 190_000 < 5000 && at < start - 60_000 ? null : value, lower: anomaly.lower, upper: anomaly.upper, score: rise > 0.2 ? Math.min(anomaly.score, 0.5 + rise / 2) : 0.04 + 0.03 * Math.abs(Math.sin(at / 31_000)) })
    }
    return points
  }
  world.preview = () => ({
    series: ['checkout', 'cart', 'catalog'].map((service, i) => ({ labels: { service, __name__: 'x' }, points: Array.from({ length: 60 }, (_, k) => [Date.now() - (60 - k) * 15_000, 0.06 + i * 0.03 + 0.012 * Math.sin(k / 4 + i)]) })),
    completeness: 'complete', message: '',
  })
  world.summary = () => {
    const incidents = {}
    for (const i of world.incidents) incidents[i.state] = (incidents[i.state] ?? 0) + 1
    const count = (health) => statuses.monitors.filter((s) => s.health === health).length
    return { incidents, detect_ms_p50: 21_400, resolve_ms_p50: 128_000, verdicts: { fixed: 11, improved: 1, not_fixed: 2, worse: 0, inconclusive: 1 }, sources: statuses.sources, monitors: { ok: count('ok'), learning: count('learning'), no_data: count('no_data'), source_error: count('source_error') }, noise: noise() }
  }
  const noise = () => ({
    incidents_a_day: 20, notifications_a_day: 40,
    days: Array.from({ length: 7 }, (_, i) => ({ day: iso(Date.now() - (6 - i) * 86_400_000).slice(0, 10), incidents: [6, 11, 4, 23, 9, 7, 12][i], notifications: [9, 18, 6, 47, 15, 9, 21][i], by: { 'request latency p95': [3, 5, 1, 14, 4, 2, 6][i], 'error rate': [2, 4, 2, 6, 3, 4, 4][i], alertmanager: [1, 2, 1, 3, 2, 1, 2][i] } })),
  })
  world.make = (kind, body) => {
    const made = { ...body, id: uuid(), version: 1, created_at: iso(Date.now()), updated_at: iso(Date.now()), archived_at: null }
    catalog[kind].unshift(made)
    return made
  }
  world.startManualRun = (caseId) => {
    const run = makeRun(Date.now(), catalog.cases.find((c) => c.id === caseId).name, null, null)
    execute(run)
    return run
  }
  world.comment = (incident, text) => event(incident, Date.now(), 'comment', text, null, { kind: 'user', name: world.user.username })
  world.act = (incident, action, comment) => {
    const [state, kind] = { acknowledge: ['acknowledged', 'acknowledged'], escalate: ['escalated', 'escalated'], resolve: ['resolved', 'resolved'], reopen: ['open', 'reopened'] }[action]
    touch(incident, { state, ...(state === 'acknowledged' ? { acknowledged_by: world.user.username } : {}), ...(state === 'resolved' ? { resolved_at: iso(Date.now()) } : {}) })
    event(incident, Date.now(), kind, comment || `${action}d by ${world.user.username}`, null, { kind: 'user', name: world.user.username })
    return incident
  }
  world.cancel = (run) => {
    changeRun(run, { state: 'cancelled', ended_at: iso(Date.now()), reason: 'stopped by admin: TERM, process tree dead after 0.4 s' })
    logListeners.forEach((f) => f(run.id, 'end', '', run))
    return run
  }
  world.heal = (incident) => {
    const decision = decide(incident, Date.now(), 'run', 'started by admin')
    healLive(world, incident, decision)
    return decision
  }
  seedPast(world, now)
  if (pace > 0) later(4, () => liveIncident(world))
  for (let seq = 64; seq > 0; seq -= 1) {
    const [actor, action, object_kind] = [['admin', 'policy.update', 'policy'], ['healer', 'run.enqueue', 'run'], ['lin.wei', 'incident.acknowledge', 'incident'], ['admin', 'session.create', 'session']][seq % 4]
    world.audit.push({ seq, at: iso(now - (64 - seq) * 511_000), actor, action, object_kind, object_id: uuid(now - seq).slice(0, 13), origin: actor === 'healer' ? '' : '10.2.0.14', hash: randomBytes(32).toString('hex') })
  }
  return world
}

function healLive(world, incident, decision) {
  const { event, touch, makeRun, execute, makeVerification, round, notifyChannel, later } = world.tools
  const run = makeRun(Date.now(), 'Recycle checkout connection pool', incident, decision)
  decision.run_id = run.id
  touch(incident, { state: 'healing', attempts: incident.attempts + 1 })
  event(incident, Date.now(), 'run_queued', `${run.case_name} queued`, { run_id: run.id })
  execute(run, () => {
    event(incident, Date.now(), 'run_ended', 'succeeded after 6.4 s, exit code 0', { run_id: run.id, state: 'succeeded' })
    touch(incident, { state: 'verifying' })
    event(incident, Date.now() + 1, 'verification_started', 'settling 5 s, then 3 healthy samples in a row', { run_id: run.id })
    const check = makeVerification(incident, run, Date.now(), [])
    const values = [[0.31, 0.64], [0.118, 0.21], [0.092, 0.17], [0.088, 0.16]]
    values.forEach((v, i) => later(3 + i * 3, () => {
      check.rounds.push(round(Date.now(), v))
      check.next_at = new Date(Date.now() + 3000).toISOString()
      event(incident, Date.now(), 'verification_sampled', i === 0 ? 'sample 1: latency still outside' : `sample ${i + 1}: all conditions hold`)
      if (i === 0) return
      for (const a of world.anomalies.filter((x) => x.incident_id === incident.id && x.state === 'open')) {
        Object.assign(a, { state: 'closed', ended_at: new Date().toISOString() })
        event(incident, Date.now(), 'anomaly_closed', `${a.monitor_name} is back within its band`, null, { kind: 'system', stage: 'analyzer' })
      }
    }))
    later(14, () => {
      Object.assign(check, { verdict: 'fixed', reason: '3 samples in a row were healthy for all 2 conditions', ended_at: new Date().toISOString(), soak_until: new Date(Date.now() + 600_000).toISOString(), next_at: null })
      event(incident, Date.now(), 'verdict', 'fixed: 3 samples in a row were healthy for all 2 conditions', { verdict: 'fixed' })
      touch(incident, { state: 'resolved', resolved_at: new Date().toISOString() })
      event(incident, Date.now() + 1, 'resolved', 'measured to be over after 1 attempt')
      notifyChannel(incident, Date.now() + 2, 'incident.resolved')
    })
  })
}

function openIncident(world, at) {
  const { event, makeIncident, makeAnomaly } = world.tools
  const causes = [
    { entity: 'service=checkout', probability: 0.81, signals: ['saturation', 'latency', 'logs'], path: ['service=web', 'service=cart', 'service=checkout'], evidence: ['pool in use rose first, 11 s before latency', 'downstream of cart and web, upstream of none that is anomalous', 'new log template “timed out waiting for a connection”'] },
    { entity: 'db=orders', probability: 0.12, signals: ['saturation'], evidence: [], path: ['service=web', 'service=cart', 'service=checkout', 'db=orders'] }, { entity: 'service=cart', probability: 0.04, signals: ['errors'], evidence: [], path: ['service=web', 'service=cart'] },
  ]
  const incident = makeIncident(at, { title: 'checkout: request latency p95 far above its band', entity: 'service=checkout', causes: [], entities: ['service=checkout', 'service=cart', 'service=web'] })
  event(incident, at, 'opened', 'request latency p95 of service=checkout is 2.31 s, expected 41 ms … 142 ms', null, { kind: 'system', stage: 'analyzer' })
  makeAnomaly(incident, 'request latency p95', at, { evidence: { en: 'Latency p95 of checkout is 2.31 s; at this hour it is normally between 41 ms and 142 ms. The level has held for 4 samples.', zh: 'checkout 的 p95 延迟为 2.31 秒，此时段通常在 41 毫秒到 142 毫秒之间，已连续 4 个采样超出。', samples: [] } })
  makeAnomaly(incident, 'pool in use', at + 1, { score: 0.91, observed: 1, expected: 0.31, lower: 0.12, upper: 0.72, evidence: { en: 'The connection pool of checkout is 100 % in use and has not released a connection for 35 s.', zh: 'checkout 的连接池使用率为 100%，已有 35 秒没有释放任何连接。', samples: [] } })
  makeAnomaly(incident, 'shop logs', at + 2, {
    kind: 'new_template', score: 0.88, observed: 47, expected: 0, lower: 0, upper: 1,
    evidence: { en: 'A log template never seen before: “timed out after <*> ms waiting for a connection from pool <*>”, 47 lines in 30 s.', zh: '出现从未见过的日志模板“timed out after <*> ms waiting for a connection from pool <*>”，30 秒内 47 行。', samples: ['ERROR checkout timed out after 2000 ms waiting for a connection from pool orders-rw (in use 40/40)', 'ERROR checkout timed out after 2000 ms waiting for a connection from pool orders-rw (in use 40/40) <script>alert(1)</script>', 'ERROR checkout order 88121 failed: PoolTimeout', 'WARN  cart upstream checkout answered 503 after 2004 ms', 'ERROR checkout order 88126 failed: PoolTimeout'] },
  })
  event(incident, at + 300, 'anomaly_added', 'pool in use of service=checkout: 1 of at most 0.72', null, { kind: 'system', stage: 'analyzer' })
  event(incident, at + 700, 'anomaly_added', 'new log template: timed out after <*> ms waiting for a connection', null, { kind: 'system', stage: 'analyzer' })
  return { incident, causes }
}

function liveIncident(world) {
  const { event, touch, decide, later, notifyChannel } = world.tools
  const { incident, causes } = openIncident(world, Date.now())
  later(1.5, () => {
    touch(incident, { causes })
    event(incident, Date.now(), 'cause_ranked', 'service=checkout 81 %, db=orders 12 %', null, { kind: 'system', stage: 'analyzer' })
    notifyChannel(incident, Date.now() + 1, 'incident.opened')
  })
  later(3, () => healLive(world, incident, decide(incident, Date.now(), 'run', 'all gates passed')))
}

function seedPast(world, now) {
  const { event, makeIncident, makeAnomaly, decide, makeRun, makeVerification, round, notifyChannel, say, MANAGER, SCRIPT_OUTPUT } = world.tools
  const titles = [['cart: error rate above its band', 'service=cart'], ['web: log burst “upstream reset”', 'service=web'], ['checkout: memory grows without return', 'service=checkout'], ['redis: hit ratio far below its band', 'db=redis'], ['catalog: latency p95 above its band', 'service=catalog']]
  for (let i = 60; i >= 2; i -= 1) {
    const [title, entity] = titles[i % titles.length]
    const at = now - i * 1_420_000
    const incident = makeIncident(at, { title, entity, severity: ['critical', 'warning', 'info'][i % 3], state: 'resolved', causes: [{ entity, probability: 0.6 + (i % 4) / 12, signals: ['errors'], evidence: [], path: [] }] })
    Object.assign(incident, { resolved_at: iso(at + 95_000 + i * 900), attempts: 1, updated_at: iso(at + 120_000), reopened: i % 11 === 0 ? 1 : 0 })
    const run = makeRun(at + 9000, ['Recycle checkout connection pool', 'Roll back release', 'Flush cache and warm'][i % 3], incident, { policy_id: world.catalog.policies[0].id, id: incident.id })
    const failed = i % 7 === 0
    Object.assign(run, { state: failed ? (i % 14 === 0 ? 'timed_out' : 'failed') : 'succeeded', started_at: iso(at + 9500), ended_at: iso(at + 15_900), exit_code: failed ? 1 : 0, reason: failed ? 'exit code 1, expected 0' : 'exit code 0 as expected', ...MANAGER() })
    event(incident, at, 'opened', title, null, { kind: 'system', stage: 'analyzer' })
    event(incident, at + 95_000, 'verdict', 'fixed: 3 samples in a row were healthy', { verdict: 'fixed' })
    event(incident, at + 95_001, 'resolved', 'measured to be over')
  }
  // One that was refused and went to a person.
  const at = now - 760_000
  const stuck = makeIncident(at, { title: 'cart: error rate above its band after release 4.18', entity: 'service=cart', state: 'escalated', causes: [{ entity: 'service=cart', probability: 0.66, signals: ['errors', 'logs'], evidence: ['errors began 8 s after release 4.18'], path: [] }] })
  stuck.attempts = 2
  event(stuck, at, 'opened', 'error rate of service=cart is 7.4 %, expected below 0.6 %', null, { kind: 'system', stage: 'analyzer' })
  event(stuck, at + 900, 'cause_ranked', 'service=cart 66 %', null, { kind: 'system', stage: 'analyzer' })
  makeAnomaly(stuck, 'error rate', at, { score: 0.93, observed: 7.4, expected: 0.31, lower: 0, upper: 0.6, evidence: { en: '7.4 % of requests to cart fail; normally below 0.6 %.', zh: 'cart 的请求有 7.4% 失败，通常低于 0.6%。', samples: [] } })
  const first = decide(stuck, at + 1500, 'run', 'all gates passed', [], 'roll-back-release')
  const run = makeRun(at + 1600, 'Roll back release', stuck, first)
  first.run_id = run.id
  Object.assign(run, { state: 'succeeded', started_at: iso(at + 2200), ended_at: iso(at + 41_000), exit_code: 0, reason: 'exit code 0 as expected', ...MANAGER() })
  SCRIPT_OUTPUT.forEach(([stream, text], i) => say(run, stream, text, at + 2300 + i * 900))
  event(stuck, at + 2200, 'run_started', 'Roll back release started on local', { run_id: run.id })
  event(stuck, at + 41_000, 'run_ended', 'succeeded after 38.8 s, exit code 0', { run_id: run.id, state: 'succeeded' })
  const check = makeVerification(stuck, run, at + 41_000, [round(at + 50_000, [0.4, 0.9]), round(at + 55_000, [null, 0.8]), round(at + 60_000, [0.39, 0.91])])
  Object.assign(check, { verdict: 'not_fixed', reason: 'error rate is still 12 band widths outside', ended_at: iso(at + 61_000), next_at: null })
  event(stuck, at + 61_000, 'verdict', 'not_fixed: error rate is still 12 band widths outside', { verdict: 'not_fixed' })
  decide(stuck, at + 62_000, 'refuse', 'cooldown and breaker hold', [['cooldown', 'last run on service=cart ended 21 s ago, 300 s are required', { cooldown_secs: 300, age_secs: 21 }], ['breaker', '3 verdicts in a row were not fixed; open until 03:14', { failures_in_a_row: 3, breaker_after: 3 }]], 'roll-back-release')
  event(stuck, at + 62_500, 'escalated', 'no step is left that may run; a person is needed')
  notifyChannel(stuck, at + 63_000, 'incident.escalated', 'dead', 'POST https://hooks.example.net/ops -> 503 (4 tries)')
  // One that waits for a person to start the suggested step.
  const asked = makeIncident(now - 300_000, { title: 'catalog: latency p95 above its band', entity: 'service=catalog', severity: 'warning', causes: [{ entity: 'db=redis', probability: 0.52, signals: ['saturation'], evidence: ['hit ratio of redis fell first'], path: ['service=catalog', 'db=redis'] }, { entity: 'service=catalog', probability: 0.31, signals: ['latency'], evidence: [], path: [] }] })
  event(asked, now - 300_000, 'opened', 'latency p95 of service=catalog is 0.9 s, expected below 0.2 s', null, { kind: 'system', stage: 'analyzer' })
  event(asked, now - 299_000, 'cause_ranked', 'db=redis 52 %, service=catalog 31 %', null, { kind: 'system', stage: 'analyzer' })
  makeAnomaly(asked, 'request latency p95', now - 300_000, { score: 0.71, observed: 0.9, expected: 0.11, lower: 0.05, upper: 0.2, evidence: { en: 'Latency p95 of catalog is 0.9 s; normally below 0.2 s.', zh: 'catalog 的 p95 延迟为 0.9 秒，通常低于 0.2 秒。', samples: [] } })
  decide(asked, now - 298_000, 'ask', 'the policy suggests; a person starts it', [['autonomy', 'policy only suggests', { autonomy: 'suggest' }]])
}
