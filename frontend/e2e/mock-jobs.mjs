// The mock's answers about work that runs by itself or in numbers, secrets, keys, log templates and backtests.
import { randomBytes } from 'node:crypto'

/** Routes that a server may lack. */
export const EXTRA = ['/schedules', '/secrets', '/api-keys', '/templates', '/batches/{id}', '/monitors/backtest']
const HOUR = 3_600_000
const TEMPLATES = [
  ['error', 'timed out after <NUM> ms waiting for a connection from pool <*>', 214, 0.1, ['ERROR checkout timed out after 2000 ms waiting for a connection from pool orders-rw (in use 40/40)', 'ERROR checkout timed out after 2004 ms waiting for a connection from pool orders-rw']],
  ['info', 'GET <PATH> <NUM> <NUM> ms', 1_284_113, 60, ['GET /cart/8812 200 14 ms', 'GET /catalog/lamps 200 31 ms']],
  ['warn', 'upstream <*> answered <NUM> after <NUM> ms, retry <NUM> of <NUM>', 4_811, 50, ['upstream checkout answered 503 after 2004 ms, retry 1 of 3']],
  ['info', 'order <ID> placed by <ID>, total <NUM> <*>', 88_120, 60, ['order 01HF88 placed by u-113, total 41.20 EUR']],
  ['fatal', 'cannot write to <PATH>: no space left on device', 2, 2, ['cannot write to /var/lib/orders/wal/0000012A: no space left on device']],
  ['debug', 'cache <*> hit ratio <NUM>', 41_002, 60, ['cache sessions hit ratio 0.93']],
  ['error', '订单 <ID> 支付失败：<*>', 96, 40, ['订单 88121 支付失败：余额不足']],
]

export function addJobs(world, uuid) {
  const iso = (ms) => new Date(ms).toISOString()
  const now = Date.now()
  const logs = world.catalog.monitors.find((m) => m.detector.kind === 'logs')
  world.secrets = ['shop.db-url', 'shop.admin-token', 'registry.password'].map((name, i) => ({ id: uuid(now - 9e8 + i), name, description: i === 0 ? 'Orders database, read and write' : '', version: 1 + i, key_id: 'k1', created_at: iso(now - 9e8), updated_at: iso(now - 8e7 * (i + 1)), updated_by: 'admin' }))
  world.keys = [['ci', 'operator', 60, null, 40_000], ['dashboards', 'viewer', 5, null, null], ['old deploys', 'editor', -3, null, 4e8], ['leaked', 'operator', 40, now - 1e8, 2e8]].map(([name, role, days, revoked, used], i) => ({ id: uuid(now - 7e8 + i), name, prefix: `aiops_${randomBytes(6).toString('hex')}`, role, created_by: 'admin', created_at: iso(now - 7e8), expires_at: iso(now + days * 86_400_000), revoked_at: revoked ? iso(revoked) : null, used_at: used ? iso(now - used) : null }))
  world.templates = TEMPLATES.map(([level, text, count, age, samples], i) => ({
    id: uuid(now - age * HOUR), monitor_id: logs.id, text, level, count, first_seen_at: iso(now - age * HOUR), last_seen_at: iso(now - i * 61_000), hours: Array.from({ length: Math.min(24, Math.ceil(age)) }, (_, h) => Math.round((count / 24) * (1 + Math.sin(h / 3 + i)) * (age < 1 ? 20 : 1))),
    samples, merged_into: null, rule: { name: i === 1 ? 'access log' : '', pinned: i === 4, muted: i === 5, split: false },
  }))
  world.windows = (id) => Array.from({ length: 9 }, (_, i) => ({ schedule_id: id, planned_at: iso(now - (i + 1) * 86_400_000), outcome: i === 3 ? 'missed' : i === 5 ? 'skipped' : 'started', windows: i === 3 ? 2 : 1, reason: i === 3 ? 'no process was running at that time' : i === 5 ? 'the run of an earlier window was not over' : '', run_id: i === 3 || i === 5 ? null : world.runs[i]?.id ?? null, at: iso(now - (i + 1) * 86_400_000 + 900) }))
  world.next = (cron) => {
    const [minute, hour] = cron.split(/\s+/)
    const first = new Date()
    first.setUTCHours(Number(hour) || 0, Number(minute) || 0, 0, 0)
    const times = Array.from({ length: 5 }, (_, i) => first.getTime() + (i + 1) * 86_400_000)
    return { times: times.map(iso), local: times.map((t) => `${iso(t + 8 * HOUR).slice(0, 19)}+08:00`) }
  }
  world.backtest = (spec) => {
    const points = Array.from({ length: 480 }, (_, i) => {
      const bad = i > 300 && i < 316
      return { at_ms: now - (480 - i) * 180_000, value: 0.09 + 0.02 * Math.sin(i / 30) + (bad ? 0.6 : 0) + 0.004 * Math.sin(i * 1.7), lower: 0.05, upper: 0.15, score: bad ? 0.94 : 0.05 }
    })
    const anomaly = { ...world.anomalies[0], id: uuid(), state: 'closed', series_key: 'service=checkout', started_at: iso(points[301].at_ms), last_seen_at: iso(points[315].at_ms), ended_at: iso(points[316].at_ms), incident_id: null }
    return { from: iso(points[0].at_ms), to: iso(now), step_secs: spec?.interval_secs ?? 15, completeness: 'complete', message: '', rows: 17_280, series_total: 3, left_out: 0, events_total: 1, events: [anomaly], series: [{ key: 'service=checkout', entity: 'service=checkout', labels: { service: 'checkout' }, rows: 5760, events: 1, points }, { key: 'service=cart', entity: 'service=cart', labels: { service: 'cart' }, rows: 5760, events: 0, points: points.map((p) => ({ ...p, value: Math.min(p.value, 0.12), score: 0.05 })) }] }
  }
  world.batches = {}
  world.startBatch = (body) => {
    const id = uuid()
    const cases = world.catalog.cases.filter((c) => !c.archived_at && ((body.case_ids ?? []).includes(c.id) || (body.tag && c.tags.includes(body.tag))))
    const places = body.matrix ? world.catalog['runtime-managers'].filter((m) => body.matrix.manager_ids.includes(m.id)) : [null]
    for (const kase of cases) {
      for (const place of places) {
        const run = world.startManualRun(kase.id)
        run.batch_id = id
        if (place) run.spec = { ...run.spec, runtime_tags: [...run.spec.runtime_tags, `manager:${place.name}`] }
      }
    }
    return world.batch(id)
  }
  world.batch = (id) => {
    const runs = world.runs.filter((r) => r.batch_id === id).reverse()
    if (runs.length === 0) return null
    const ended = runs.every((r) => r.ended_at)
    const states = [...new Set(runs.map((r) => r.state))].map((state) => ({ state, runs: runs.filter((r) => r.state === state).length }))
    return { id, requested_by: 'admin', queued_at: runs[0].queued_at, ended_at: ended ? runs.at(-1).ended_at : null, total: runs.length, states, ended, succeeded: runs.every((r) => r.state === 'succeeded'), runs: runs.map((r) => ({ id: r.id, case_id: r.case_id, case_name: r.case_name, state: r.state, exit_code: r.exit_code, reason: r.reason, manager_id: r.manager_id, runtime_tags: r.spec.runtime_tags })) }
  }
  return world
}

/** Answers the routes that this file adds; false when the address is not one of them. */
export function jobRoutes(world, { json, problem, page }) {
  const iso = () => new Date().toISOString()
  function secrets(req, res, name, body) {
    if (!name) return json(res, 200, { items: world.secrets, next_cursor: null })
    const held = world.secrets.find((s) => s.name === name)
    if (req.method === 'DELETE') {
      if (Object.values(world.catalog.scripts[0].secrets).includes(name)) return problem(res, 409, 'conflict', `secret ${name} is still used by script ${world.catalog.scripts[0].name}: change them first`)
      world.secrets = world.secrets.filter((s) => s !== held)
      return json(res, 204)
    }
    if (body.value.length < 6) return problem(res, 400, 'invalid', 'invalid', [{ field: 'value', message: 'give 6 to 65536 bytes without NUL' }])
    const next = { id: randomBytes(8).toString('hex'), name, key_id: 'k1', created_at: iso(), version: 0, ...held, description: body.description ?? '', updated_at: iso(), updated_by: world.user.username }
    next.version += 1
    world.secrets = [...world.secrets.filter((s) => s !== held), next].sort((a, b) => (a.name < b.name ? -1 : 1))
    return json(res, 200, next)
  }
  function keys(req, res, id, body) {
    if (req.method === 'GET') return json(res, 200, { items: world.keys, next_cursor: null })
    if (req.method === 'DELETE') {
      const key = world.keys.find((k) => k.id === id)
      Object.assign(key, { revoked_at: iso() })
      return json(res, 200, key)
    }
    const key = { id: randomBytes(8).toString('hex'), name: body.name, prefix: `aiops_${randomBytes(6).toString('hex')}`, role: body.role, created_by: world.user.username, created_at: iso(), expires_at: new Date(Date.now() + body.expires_days * 86_400_000).toISOString(), revoked_at: null, used_at: null }
    world.keys.unshift(key)
    return json(res, 201, { ...key, secret: `${key.prefix}${randomBytes(24).toString('base64url')}` })
  }
  function templates(req, res, id, query, body) {
    if (id) {
      const one = world.templates.find((t) => t.id === id)
      if (!one) return problem(res, 404, 'not_found', 'no such template')
      if (req.method === 'PUT') one.rule = body
      return json(res, 200, one)
    }
    const text = query.get('search')?.toLowerCase() ?? ''
    const since = query.get('new_since') ?? ''
    return json(res, 200, page(world.templates.filter((t) => `${t.text} ${t.rule.name}`.toLowerCase().includes(text) && t.first_seen_at >= since && (!query.get('level') || t.level === query.get('level')) && (!query.get('pinned') || t.rule.pinned) && (!query.get('muted') || t.rule.muted)).sort((a, b) => (a.first_seen_at < b.first_seen_at ? 1 : -1)), query))
  }
  function schedules(res, id, part, body) {
    if (id === 'preview') return /^(\S+\s+){4}\S+$/.test(body.cron.trim()) ? json(res, 200, world.next(body.cron)) : problem(res, 400, 'invalid', 'invalid', [{ field: 'cron', message: 'give five fields: minute hour day month weekday' }])
    const one = world.catalog.schedules.find((s) => s.id === id)
    if (part === 'next') return json(res, 200, one?.enabled ? world.next(one.cron) : { times: [], local: [] })
    return json(res, 200, { items: world.windows(id), next_cursor: null })
  }
  function batches(req, res, id, part) {
    if (part === 'cancel') for (const run of world.runs) if (run.batch_id === id && !run.ended_at) world.cancel(run)
    const batch = world.batch(id)
    return batch ? json(res, 200, batch) : problem(res, 404, 'not_found', 'batch not found')
  }
  function find(req, res, [kind, id, part], query, body) {
    if (kind === 'secrets') return () => secrets(req, res, id && decodeURIComponent(id), body)
    if (kind === 'api-keys') return () => keys(req, res, id, body)
    if (kind === 'templates') return () => templates(req, res, id, query, body)
    if (kind === 'schedules' && (id === 'preview' || part)) return () => schedules(res, id, part, body)
    if (kind === 'batches') return () => batches(req, res, id, part)
    if (kind === 'runs' && !id && req.method === 'POST') return () => json(res, 201, world.startBatch(body))
    if (kind === 'monitors' && id === 'backtest') return () => json(res, 200, world.backtest(body.spec))
    return undefined
  }
  return (...args) => {
    const work = find(...args)
    work?.()
    return work !== undefined
  }
}
