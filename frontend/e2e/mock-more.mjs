// The mock's answers beyond incidents and plain objects: versions, results, logs, queue, alerts, opinions.
import { createHash, randomBytes } from 'node:crypto'

const sha = (text) => createHash('sha256').update(text).digest('hex')

export function addMore(world, uuid) {
  const iso = (ms) => new Date(ms).toISOString()
  const now = Date.now()
  world.versions = {}
  world.attempts = {}
  world.feedback = []
  world.work = {}
  world.pauses = { all: null, managers: {} }
  const META = ['id', 'version', 'name', 'tags', 'created_at', 'updated_at', 'archived_at']
  const shape = (object) => Object.fromEntries(Object.entries(object).filter(([key]) => !META.includes(key)))
  for (const script of world.catalog.scripts) {
    const spec = shape(script)
    const older = { ...spec, body: spec.body.replaceAll('set -euo pipefail', 'set -e').replace('jq .in_use', 'jq .used'), timeout_secs: 60 }
    world.versions[script.id] = [older, { ...older, timeout_secs: 120 }, spec].map((one, i) => ({ script_id: script.id, number: i + 1, sha256: sha(JSON.stringify(one)), created_at: iso(now - (3 - i) * 86_400_000 * 4), created_by: i === 1 ? 'lin.wei' : 'admin', spec: one }))
  }
  world.scriptSaved = (script) => {
    const list = (world.versions[script.id] ??= [])
    const spec = structuredClone(shape(script))
    if (list.length && JSON.stringify(list.at(-1).spec) === JSON.stringify(spec)) return
    list.push({ script_id: script.id, number: list.length + 1, sha256: sha(JSON.stringify(spec)), created_at: iso(Date.now()), created_by: world.user.username, spec })
  }
  world.diff = (id, from, to) => {
    const [a, b] = [from, to].map((n) => world.versions[id][n - 1].spec)
    const fields = Object.keys(b).filter((k) => JSON.stringify(a[k]) !== JSON.stringify(b[k]))
    const text = (v) => (typeof v === 'string' ? v : JSON.stringify(v, null, 2)).replace(/\n$/, '').split('\n')
    const unified = fields.map((k) => {
      const [l, r] = [text(a[k]), text(b[k])]
      const rows = []
      for (let i = 0; i < Math.max(l.length, r.length); i += 1) {
        if (l[i] === r[i]) rows.push(` ${l[i]}`)
        else rows.push(...(l[i] === undefined ? [] : [`-${l[i]}`]), ...(r[i] === undefined ? [] : [`+${r[i]}`]))
      }
      return `--- version ${from}/${k}\n+++ version ${to}/${k}\n@@ -1,${l.length} +1,${r.length} @@\n${rows.join('\n')}\n`
    }).join('')
    return { from, to, fields, unified }
  }
  world.results = (run) => (run.case_name !== 'Recycle checkout connection pool' || !run.ended_at ? { result: null, suites: [], totals: { tests: 0, passed: 0, failed: 0, errors: 0, skipped: 0, seconds: 0 }, notes: [] } : {
    result: { terminated: 3, in_use: { before: 40, after: 6 } }, notes: [],
    totals: { tests: 4, passed: 2, failed: 1, errors: 0, skipped: 1, seconds: 3.4 },
    suites: [{ artifact: 'reports/pool.xml', name: 'pool', cases: [
      { class: 'pool.Before', name: 'is exhausted', outcome: 'passed', seconds: 0.2, message: '' }, { class: 'pool.After', name: 'has room', outcome: 'passed', seconds: 1.9, message: '' },
      { class: 'pool.After', name: 'no session is older than 60 s', outcome: 'failed', seconds: 1.3, message: 'expected none, found pid 4188 (age=61 s)\n  at check_sessions (pool_test.sh:41)' }, { class: 'pool.After', name: 'replica agrees', outcome: 'skipped', seconds: 0, message: 'no replica' }] }],
  })
  const files = { 'reports/pool.xml': ['application/xml', '<testsuite name="pool" tests="4" failures="1"/>\n'], 'before.json': ['application/json', '{"in_use": 40, "max": 40}\n'], 'core.dump': ['application/octet-stream', '\u0000\u0001\u0002'] }
  world.artifacts = (run) => (world.results(run).suites.length ? Object.entries(files).map(([name, [media_type, text]]) => ({ name, media_type, bytes: Buffer.byteLength(text), sha256: sha(text), stored_at: run.ended_at })) : [])
  world.artifact = (name) => files[name]
  world.triedManager = (endpoint) => (/cluster|10\.0\.0\.1/.test(endpoint)
    ? { ok: false, message: `no answer from ${endpoint}: certificate expired on 2026-11-20; the TLS keys do not fit: give the CA that signed its certificate`, latency_ms: 430, platform: null }
    : { ok: true, message: endpoint ? 'Docker 28.5.1 (API 1.51), Debian GNU/Linux 12, x86_64, 16 CPUs' : 'Debian GNU/Linux 12 (bookworm), x86_64, 8 CPUs', latency_ms: 18, platform: { cpus: 16 } })
  world.managerHealth = (from) => {
    const to = Date.now()
    const begin = from ? Date.parse(from) : to - 86_400_000
    const step = Math.max(30, Math.round((to - begin) / 200_000))
    const points = Array.from({ length: 200 }, (_, i) => {
      const bad = i >= 60 && i < 66
      return { at_ms: begin + i * step * 1000, checks: 2, failed: bad ? 2 : 0, latency_ms: bad ? null : 12 + 4 * Math.sin(i / 9), latency_ms_max: bad ? null : 22 + (i % 7), running: bad ? null : i % 4 }
    })
    const outage = { from: iso(begin + 60 * step * 1000), to: iso(begin + 66 * step * 1000), checks: 12, message: 'no engine at unix:///var/run/docker.sock: Connection refused (os error 111); nothing listens there: start it, or correct host and port' }
    return { from: iso(begin), to: iso(to), step_secs: step, checks: 400, failed: 12, latency_ms_p50: 12, latency_ms_p95: 27, points, outages: [outage] }
  }
  world.queue = () => {
    const live = world.runs.filter((r) => !r.ended_at)
    const states = [...new Set(live.map((r) => r.state))].map((state) => ({ state, runs: live.filter((r) => r.state === state).length }))
    return {
      at: iso(Date.now()), pause: world.pauses.all, drained: world.pauses.all?.mode === 'drain' && !live.some((r) => r.state === 'running'), states, ready: live.filter((r) => r.state === 'queued').length, held: 0, resting: 0,
      oldest: live.filter((r) => r.state === 'queued').at(-1)?.queued_at ?? null,
      owners: [...new Set(live.map((r) => r.owner))].map((owner) => ({ owner, waiting: live.filter((r) => r.owner === owner && r.state === 'queued').length, active: live.filter((r) => r.owner === owner && r.state === 'running').length })),
      managers: world.catalog['runtime-managers'].map((m) => ({ manager_id: m.id, active: live.filter((r) => r.manager_id === m.id).length, pause: world.pauses.managers[m.id] ?? null })),
    }
  }
  const source = world.catalog.sources.find((s) => s.kind === 'alertmanager')
  const stuck = world.incidents.find((i) => i.state === 'escalated')
  world.alerts = Array.from({ length: 34 }, (_, i) => {
    const name = ['HighErrorRate', 'PodCrashLooping', 'DiskWillFillIn4Hours', 'TargetDown'][i % 4]
    const at = now - i * 610_000
    return {
      id: uuid(at), source_id: source.id, source_name: source.name, fingerprint: randomBytes(8).toString('hex'), name, entity: ['service=cart', 'pod=web-7f9c', 'host=db-2', 'service=search'][i % 4], signal: ['errors', 'availability', 'saturation', 'availability'][i % 4], severity: ['critical', 'warning', 'warning', 'info'][i % 4],
      labels: { alertname: name, service: 'cart', severity: 'critical' }, annotations: { summary: `${name}: 7.4 % of requests fail`, runbook_url: 'https://runbooks.example.net/errors' }, link: i % 5 ? 'https://alertmanager.example.net/#/alerts' : '', group: `{alertname="${name}"}`, state: i < 5 ? 'firing' : 'resolved',
      starts_at: iso(at), ends_at: i < 5 ? null : iso(at + 300_000), first_seen_at: iso(at + 800), last_seen_at: iso(at + 300_000), deliveries: 1 + (i % 7), unknown: i % 9 === 8, note: i % 9 === 8 ? 'its sender has no data' : '', incident_id: i === 0 ? stuck?.id ?? null : null, revision: 1,
    }
  })
  world.alertGroups = [{ source_id: source.id, group: '{alertname="HighErrorRate"}', alerts: 12, omitted: 0, told_at: iso(now - 40_000) }, { source_id: source.id, group: '{alertname="PodCrashLooping"}', alerts: 240, omitted: 60, told_at: iso(now - 95_000) }]
  if (stuck) world.work[stuck.id] = { assignee: 'lin.wei', merged: [], merged_into: null, severity_by: null, split_from: null }
  world.workOf = (id) => (world.work[id] ??= { assignee: null, merged: [], merged_into: null, severity_by: null, split_from: null })
  world.monitorFeedback = (id) => {
    const said = world.feedback.filter((f) => f.monitor_id === id).reverse()
    const monitor = world.catalog.monitors.find((m) => m.id === id)
    const steps = said.filter((f) => f.opinion === 'noise').length * 1.5
    return { sensitivity: monitor?.sensitivity ?? 5, elsewhere: Math.max(1, (monitor?.sensitivity ?? 5) - steps / 6), effects: [...new Set(said.map((f) => f.fingerprint))].map((fingerprint) => ({ fingerprint, opinions: said.filter((f) => f.fingerprint === fingerprint).length, steps, sensitivity: Math.max(1, (monitor?.sensitivity ?? 5) - steps) })), feedback: said }
  }
  world.say = (anomaly, opinion, comment) => {
    const one = { id: uuid(), anomaly_id: anomaly.id, monitor_id: anomaly.monitor_id, series_key: anomaly.series_key, fingerprint: `${anomaly.series_key}|${anomaly.evidence.way}|${anomaly.evidence.view}`, opinion, voice: 'person', by: world.user.username, comment, at: iso(Date.now()) }
    world.feedback = [...world.feedback.filter((f) => f.anomaly_id !== anomaly.id), one]
    return one
  }
  const first = world.anomalies[0]
  if (first) world.say(first, 'useful', 'it was the release')
  return world
}

/** Answers the routes that this file adds; false when the address is not one of them. */
export function moreRoutes(world, { json, problem, page }) {
  const person = () => ({ kind: 'user', name: world.user.username })
  function scripts(req, res, [id, , number, action], query) {
    const list = world.versions[id] ?? []
    if (!number) return json(res, 200, list.filter((v) => !query.get('before') || v.number < Number(query.get('before'))).toReversed().slice(0, Number(query.get('limit') ?? 50)))
    const version = list[Number(number) - 1]
    if (!version) return problem(res, 404, 'not_found', `version ${number} not found`)
    if (action === 'diff') return json(res, 200, world.diff(id, Number(query.get('from') ?? Math.max(1, version.number - 1)), version.number))
    if (action === 'restore') {
      const script = world.catalog.scripts.find((s) => s.id === id)
      Object.assign(script, structuredClone(version.spec), { version: script.version + 1, updated_at: new Date().toISOString() })
      world.scriptSaved(script)
      return json(res, 200, script)
    }
    return json(res, 200, version)
  }
  function logs(res, run, rest, query) {
    const of = query.get('stream')
    const lines = (world.logs[run.id] ?? []).filter((l) => !of || l.stream === of || l.stream === 'system')
    if (rest === 'info') return json(res, 200, { bytes: lines.reduce((n, l) => n + l.text.length, 0), chunks: lines.length ? 1 : 0, damaged: [], last_seq: run.log_lines })
    const after = lines.filter((l) => l.seq > Number(query.get('after') ?? 0))
    if (rest === 'search') {
      const wanted = new RegExp(query.get('regex') ? query.get('q') : query.get('q').replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), query.get('case') ? 'u' : 'iu')
      return json(res, 200, { lines: after.filter((l) => wanted.test(l.text)), complete: true, searched_to: run.log_lines })
    }
    const limit = Number(query.get('limit') ?? 50)
    if (query.get('tail')) return json(res, 200, lines.slice(-Number(query.get('tail'))))
    if (query.get('before')) return json(res, 200, lines.filter((l) => l.seq < Number(query.get('before'))).slice(-limit))
    return json(res, 200, after.slice(0, limit))
  }
  function runs(res, run, part, rest, query) {
    if (part === 'logs') return logs(res, run, rest, query)
    if (part === 'attempts') return json(res, 200, world.attempts[run.id] ?? [])
    if (part === 'results') return json(res, 200, world.results(run))
    if (part === 'artifacts' && !rest) return json(res, 200, world.artifacts(run))
    const [type, text] = world.artifact(query.get('name')) ?? []
    if (!type) return problem(res, 404, 'not_found', 'no such artifact')
    res.writeHead(200, { 'content-type': type })
    return res.end(text)
  }
  function queue(res, action, body) {
    const pause = action === 'pause' ? { mode: body.mode, reason: body.reason, by: world.user.username, since: new Date().toISOString() } : null
    if (action && body.manager_id) world.pauses.managers[body.manager_id] = pause
    else if (action) world.pauses.all = pause
    return json(res, 200, world.queue())
  }
  function incidents(req, res, incident, part, body) {
    const { touch, event } = world.tools
    const work = world.workOf(incident.id)
    if (part === 'work') return json(res, 200, work)
    if (part === 'assign') {
      work.assignee = body.assignee
      event(incident, Date.now(), 'assigned', body.assignee ? `assigned to ${body.assignee}` : 'assigned to nobody', null, person())
    } else if (part === 'severity') {
      touch(incident, { severity: body.severity })
      work.severity_by = world.user.username
      event(incident, Date.now(), 'severity_set', `severity set to ${body.severity}`, { severity: body.severity }, person())
      return json(res, 200, incident)
    } else if (part === 'merge') {
      const into = world.incidents.find((i) => i.id === body.into)
      if (!into) return problem(res, 400, 'invalid', 'no such incident', [{ field: 'into', message: 'choose another incident' }])
      touch(incident, { state: 'merged' })
      work.merged_into = into.id
      world.workOf(into.id).merged.push(incident.id)
      for (const a of world.anomalies) if (a.incident_id === incident.id) a.incident_id = into.id
      event(incident, Date.now(), 'merged', `merged into “${into.title}”`, { into: into.id }, person())
      touch(into, {})
      return json(res, 200, into)
    } else {
      const fresh = world.tools.makeIncident(Date.now(), { title: body.title || `${incident.title} (split)`, entity: incident.entity, severity: incident.severity })
      for (const a of world.anomalies) if (body.anomalies.includes(a.id)) a.incident_id = fresh.id
      world.workOf(fresh.id).split_from = incident.id
      event(incident, Date.now(), 'split', `${body.anomalies.length} anomalies became “${fresh.title}”`, { fresh: fresh.id }, person())
      touch(incident, {})
      return json(res, 200, { stays: incident, fresh })
    }
    touch(incident, {})
    return json(res, 200, incident)
  }
  function monitors(req, res, id) {
    if (req.method !== 'DELETE') return json(res, 200, world.monitorFeedback(id))
    world.feedback = world.feedback.filter((f) => f.monitor_id !== id)
    return json(res, 204)
  }
  const wanted = (one, query) => {
    const asked = (name) => query.get(name) ?? ''
    const said = world.feedback.filter((f) => f.anomaly_id === one.id).map((f) => f.opinion)
    return (!asked('monitor_id') || one.monitor_id === asked('monitor_id')) && (!asked('entity') || one.entity === asked('entity')) && (!asked('state') || one.state === asked('state'))
      && `${one.monitor_name} ${one.entity}`.toLowerCase().includes(asked('search').toLowerCase()) && (!asked('feedback') || (asked('feedback') === 'nothing' ? said.length === 0 : said.includes(asked('feedback'))))
      && (!asked('from') || one.started_at >= asked('from')) && (!asked('to') || one.started_at < asked('to'))
  }
  function anomalies(req, res, id, part, query, body) {
    if (!id) return json(res, 200, page(world.anomalies.filter((one) => wanted(one, query)).toReversed(), query))
    const anomaly = world.anomalies.find((a) => a.id === id)
    if (!anomaly) return problem(res, 404, 'not_found', `anomaly ${id} not found`)
    if (part !== 'feedback') return json(res, 200, anomaly)
    return req.method === 'POST' ? json(res, 201, world.say(anomaly, body.opinion, body.comment ?? '')) : json(res, 200, world.feedback.filter((f) => f.anomaly_id === id))
  }
  function alerts(res, query) {
    const text = query.get('search')?.toLowerCase()
    return json(res, 200, page(world.alerts.filter((a) => (!query.get('state') || a.state === query.get('state')) && (!query.get('source_id') || a.source_id === query.get('source_id')) && (!text || `${a.name} ${a.entity}`.toLowerCase().includes(text))), query))
  }
  const token = (req, res, id, body) => (req.method === 'DELETE' ? json(res, 204) : json(res, 200, { path: `/api/v1/webhooks/${id}`, token: body.token ?? randomBytes(24).toString('base64url') }))
  const found = (rows, id, res, then) => {
    const one = rows.find((r) => r.id === id)
    return one ? then(one) : problem(res, 404, 'not_found', `${id} not found`)
  }
  /** Handler of an address, or nothing. */
  function find(req, res, parts, query, body) {
    const [kind, id, part, rest] = parts
    if (kind === 'scripts' && part === 'versions') return () => scripts(req, res, parts.slice(1), query)
    if (kind === 'queue') return () => queue(res, id, body)
    if (kind === 'alerts') return () => alerts(res, query)
    if (kind === 'alert-groups') return () => json(res, 200, world.alertGroups)
    if (kind === 'sources' && part === 'webhook-token') return () => token(req, res, id, body)
    if (kind === 'monitors' && part === 'feedback') return () => monitors(req, res, id)
    if (kind === 'anomalies' && part !== 'chart') return () => anomalies(req, res, id, part, query, body)
    if (kind === 'runs' && (['attempts', 'results', 'artifacts'].includes(part) || part === 'logs')) return () => found(world.runs, id, res, (run) => runs(res, run, part, rest, query))
    if (kind === 'incidents' && ['work', 'assign', 'severity', 'merge', 'split'].includes(part)) return () => found(world.incidents, id, res, (incident) => incidents(req, res, incident, part, body))
    if (kind === 'incidents' && part === 'alerts') return () => json(res, 200, page(world.alerts.filter((a) => a.incident_id === id), query))
    return undefined
  }
  return function handle(...args) {
    const work = find(...args)
    if (!work) return false
    work()
    return true
  }
}
