// The HTTP API of docs/api-contract.md from memory, with one incident that heals live: for development and screenshots.
// Serves `dist` too, with the same strict headers as the product. `PORT=3030 node e2e/mock.mjs [--setup]`
import { readFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { addJobs, EXTRA, jobRoutes } from './mock-jobs.mjs'
import { addMore, moreRoutes } from './mock-more.mjs'
import { topologyRoutes } from './mock-topology.mjs'
import { createWorld, uuid } from './mock-world.mjs'

const DIST = fileURLToPath(new URL('../dist', import.meta.url))
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' }
const csp = (nonce) => `default-src 'self'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`

const within = (at, query) => (!query.get('since') || Date.parse(at) >= Date.parse(query.get('since'))) && (!query.get('until') || Date.parse(at) < Date.parse(query.get('until')))

/** Starts the mock; the answer closes it. */
export function startMock({ port = 3030, setup = false, pace = 1 } = {}) {
  const world = addJobs(addMore(createWorld({ setup, pace }), uuid), uuid)
  const streams = new Set()
  const tickets = new Map()
  let counter = 0
  world.onEvent((name, id, data) => {
    for (const s of streams) if (s.scope === 'events') s.send(name, id, data)
  })
  world.onLog((runId, name, id, data) => {
    for (const s of streams) if (s.scope === `run:${runId}`) s.send(name, id, data)
  })

  const json = (res, status, body, headers = {}) => {
    res.writeHead(status, { 'content-type': status >= 400 ? 'application/problem+json' : 'application/json', ...headers })
    res.end(status === 204 ? '' : JSON.stringify(body))
  }
  const problem = (res, status, code, detail, errors = []) =>
    json(res, status, { type: 'about:blank', title: code, status, code, detail, errors, trace_id: 'b7ad6b7169203331b7ad6b7169203331' })
  const tokens = () => ({ access_token: `t${(counter += 1)}`, expires_in: 900, refresh_token: `r${counter}`, user: world.user })
  const page = (rows, query) => {
    const limit = Number(query.get('limit') ?? 50)
    const from = Number(query.get('cursor') ?? 0)
    return { items: rows.slice(from, from + limit), next_cursor: from + limit < rows.length ? String(from + limit) : null }
  }

  const more = moreRoutes(world, { json, problem, page })
  const jobs = jobRoutes(world, { json, problem, page })
  const topology = topologyRoutes({ world, json, problem })

  function openStream(req, res, query, scope, backlog) {
    if (tickets.get(query.get('ticket')) !== scope) return problem(res, 401, 'unauthenticated', 'ticket used or unknown')
    tickets.delete(query.get('ticket'))
    res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    const send = (name, id, data) => res.write(`${id ? `id: ${id}\n` : ''}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
    const one = { scope, send }
    streams.add(one)
    res.write(': hello\n\n')
    backlog(send)
    const beat = setInterval(() => res.write(': beat\n\n'), 15_000)
    req.on('close', () => {
      clearInterval(beat)
      streams.delete(one)
    })
  }

  const publicRoutes = {
    'GET /setup': (req, res) => json(res, 200, { needed: world.setupNeeded }),
    'POST /setup': (req, res, q, body) => {
      if (body.token !== 'mock-token') return problem(res, 403, 'forbidden', 'the set-up token is wrong or used')
      world.setupNeeded = false
      return json(res, 201, tokens())
    },
    'POST /session': (req, res, q, body) => (body.password === 'wrong' ? problem(res, 401, 'unauthenticated', 'user name or password is wrong') : json(res, 200, tokens())),
    'POST /session/refresh': (req, res) => json(res, 200, tokens()),
  }

  function catalog(req, res, kind, rest, query, body) {
    const rows = world.catalog[kind]
    const match = Number(/"(\d+)"/.exec(req.headers['if-match'] ?? '')?.[1])
    if (kind === 'runtime-managers' && rest === 'test' && req.method === 'POST') return json(res, 200, world.triedManager(body.endpoint ?? ''))
    if (kind === 'runtime-managers' && rest?.endsWith('/test')) return json(res, 200, world.triedManager(world.catalog[kind].find((m) => m.id === rest.split('/')[0])?.endpoint ?? ''))
    if (kind === 'runtime-managers' && rest?.endsWith('/health')) return json(res, 200, world.managerHealth(query.get('from')))
    if (rest === 'statuses') return json(res, 200, world.statuses[kind] ?? [])
    if (kind === 'sources' && (rest === 'test' || rest?.endsWith('/test'))) return json(res, 200, { ok: true, message: 'Prometheus 2.42.0, 314 series' })
    if (kind === 'sources' && rest?.endsWith('/discovery')) {
      const META = ['id', 'version', 'created_at', 'updated_at', 'archived_at']
      const draft = (one) => Object.fromEntries(Object.entries(one).filter(([key]) => !META.includes(key)))
      const usual = draft(world.catalog.monitors[0])
      const fresh = [['Node CPU share by instance', 'node_cpu_seconds_total'], ['Node memory share by instance', 'node_memory_MemTotal_bytes']].map(([name, metric]) => ({ ...usual, name, query: `avg by (instance) (${metric})`, signal: 'saturation', entity_labels: ['instance'], unit: '', tags: ['discovered'] }))
      const left = [{ what: 'go_gc_cycles_total', why: 'internal of the Go runtime', told: { code: 'internal', of: 'go' }, series: 12 }]
      return json(res, 200, { monitors: [...world.catalog.monitors.slice(0, 4).map(draft), ...fresh], families: ['http_server_request_duration_seconds', 'up'], scrape_interval_secs: 5, metrics_total: 88, series_total: 314, left_out: left, left_out_total: 1 })
    }
    if (kind === 'monitors' && rest === 'preview') {
      return body.query.includes('!!') ? problem(res, 400, 'invalid', 'query: parse error at char 3', [{ field: 'query', message: 'parse error at char 3: unexpected character' }]) : json(res, 200, world.preview())
    }
    if (!rest && req.method === 'GET') {
      const found = rows.filter((r) => (query.get('archived') || !r.archived_at) && (!query.get('search') || r.name.includes(query.get('search'))) && (!query.get('tag') || r.tags.includes(query.get('tag'))))
      return json(res, 200, page(found, query))
    }
    if (!rest) {
      if (rows.some((r) => r.name === body.name)) return problem(res, 409, 'conflict', `a ${kind} named ${body.name} exists`, [{ field: 'name', message: 'choose another name; this one is taken' }])
      const made = world.make(kind, body)
      if (kind === 'scripts') world.scriptSaved(made)
      return json(res, 201, made, { etag: '"1"', location: `/api/v1/${kind}/${made.id}` })
    }
    if (kind === 'cases' && rest.endsWith('/runs')) return json(res, 201, world.startManualRun(rest.split('/')[0], body))
    const found = rows.find((r) => r.id === rest)
    if (!found) return problem(res, 404, 'not_found', `${kind} ${rest} not found`)
    if (req.method === 'GET') return json(res, 200, found, { etag: `"${found.version}"` })
    if (Number.isNaN(match)) return problem(res, 428, 'invalid', 'send If-Match')
    if (match !== found.version) return problem(res, 412, 'conflict', 'the object changed meanwhile')
    if (req.method === 'PUT') {
      Object.assign(found, body, { version: found.version + 1, updated_at: new Date().toISOString() })
      if (kind === 'scripts') world.scriptSaved(found)
    }
    else Object.assign(found, { archived_at: new Date().toISOString(), version: found.version + 1 })
    return json(res, 200, found, { etag: `"${found.version}"` })
  }

  function incidents(req, res, id, part, query, body) {
    if (!id) {
      const states = query.getAll('state')
      const order = ['info', 'warning', 'critical']
      const found = world.incidents.filter((i) => (states.length === 0 || states.includes(i.state)) && order.indexOf(i.severity) >= order.indexOf(query.get('min_severity') ?? 'info') && (!query.get('search') || `${i.title} ${i.entity}`.includes(query.get('search'))))
      return json(res, 200, page(found, query))
    }
    const incident = world.incidents.find((i) => i.id === id)
    if (!incident) return problem(res, 404, 'not_found', `incident ${id} not found`)
    if (!part) return json(res, 200, incident)
    const of = (rows) => rows.filter((r) => r.incident_id === id)
    if (part === 'events') return json(res, 200, of(world.events).filter((e) => !query.get('after') || e.id > query.get('after')).slice(0, 200))
    if (part === 'anomalies') return json(res, 200, of(world.anomalies))
    if (part === 'decisions') return json(res, 200, of(world.decisions).reverse())
    if (part === 'verifications') return json(res, 200, of(world.verifications))
    if (part === 'notifications') return json(res, 200, of(world.notifications))
    if (part === 'runs') return json(res, 200, page(world.runs.filter((r) => r.heal?.incident_id === id), query))
    if (part === 'comments') return json(res, 201, world.comment(incident, body.text))
    if (part === 'heal') return json(res, 200, world.heal(incident))
    return json(res, 200, world.act(incident, part, body.comment ?? ''))
  }

  function runs(req, res, id, part, query) {
    if (!id) {
      const states = query.getAll('state')
      const purposes = query.getAll('purpose')
      const same = ['case_id', 'manager_id', 'batch_id', 'schedule_id', 'target', 'requested_by'].filter((key) => query.get(key))
      const text = query.get('search')?.toLowerCase()
      return json(res, 200, page(world.runs.filter((r) => (states.length === 0 || states.includes(r.state)) && (purposes.length === 0 || purposes.includes(r.purpose)) && same.every((key) => r[key] === query.get(key)) && (!text || `${r.case_name} ${r.target} ${r.reason}`.toLowerCase().includes(text)) && within(r.queued_at, query) && (!query.get('tag') || world.catalog.cases.find((c) => c.id === r.case_id)?.tags.includes(query.get('tag')))), query))
    }
    const run = world.runs.find((r) => r.id === id)
    if (!run) return problem(res, 404, 'not_found', `run ${id} not found`)
    const lines = world.logs[id] ?? []
    if (!part) return json(res, 200, run)
    if (part === 'cancel') return json(res, 200, world.cancel(run))
    res.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
    return res.end(lines.map((l) => l.text).join('\n'))
  }

  async function api(req, res, url) {
    const path = url.pathname.slice('/api/v1'.length)
    const chunks = []
    for await (const chunk of req) chunks.push(chunk)
    const body = chunks.length ? JSON.parse(Buffer.concat(chunks).toString()) : {}
    const open = publicRoutes[`${req.method} ${path}`]
    if (open) return open(req, res, url.searchParams, body)
    const parts = path.split('/').filter(Boolean)
    if (path === '/stream') return openStream(req, res, url.searchParams, 'events', (send) => world.events.filter((e) => url.searchParams.has('after') && e.id > url.searchParams.get('after')).forEach((e) => send('incident', e.id, e)))
    if (parts[0] === 'runs' && parts[3] === 'stream') {
      const after = Number(url.searchParams.get('after') ?? 0)
      return openStream(req, res, url.searchParams, `run:${parts[1]}`, (send) => {
        for (const line of world.logs[parts[1]] ?? []) if (line.seq > after) send('log', line.seq, line)
        const run = world.runs.find((r) => r.id === parts[1])
        if (run?.ended_at) send('end', '', run)
      })
    }
    if (!req.headers.authorization) return problem(res, 401, 'unauthenticated', 'log in')
    if (path === '/stream-tickets') {
      const ticket = `k${(counter += 1)}`
      tickets.set(ticket, body.scope)
      return json(res, 200, { ticket, expires_in: 30 })
    }
    if (path === '/session' && req.method === 'DELETE') return json(res, 204)
    if (path === '/me') return json(res, 200, world.user)
    if (path === '/summary') return json(res, 200, world.summary())
    if (path === '/audit') return json(res, 200, page(world.audit, url.searchParams))
    if (parts[0] === 'users') return json(res, 200, req.method === 'GET' ? { items: world.users, next_cursor: null } : world.users[0])
    if (topology(req, res, parts, url.searchParams) || more(req, res, parts, url.searchParams, body) || jobs(req, res, parts, url.searchParams, body)) return undefined
    if (parts[0] === 'anomalies' && parts[2] === 'chart') return json(res, 200, world.chart(parts[1]))
    if (parts[0] === 'incidents') return incidents(req, res, parts[1], parts[2], url.searchParams, body)
    if (parts[0] === 'runs') return runs(req, res, parts[1], parts[2], url.searchParams)
    if (world.catalog[parts[0]]) return catalog(req, res, parts[0], parts.slice(1).join('/'), url.searchParams, body)
    return problem(res, 404, 'not_found', `${path} not found`)
  }

  /** The document of the API, with the routes that this imitation has beyond it. */
  async function describe(res) {
    const text = await readFile(fileURLToPath(new URL('../../api/openapi.json', import.meta.url)), 'utf8')
    const document = JSON.parse(text)
    for (const path of EXTRA) document.paths[`/api/v1${path}`] ??= { get: {} }
    return json(res, 200, document)
  }

  async function assets(res, url) {
    const safe = normalize(url.pathname).replace(/^(\.\.[/\\])+/, '')
    const nonce = randomBytes(16).toString('base64url')
    const headers = { 'content-security-policy': csp(nonce), 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' }
    for (const file of [safe, 'index.html']) {
      try {
        const name = file === '/' ? 'index.html' : file
        const data = name === 'index.html' ? (await readFile(join(DIST, name), 'utf8')).replace('__CSP_NONCE__', nonce) : await readFile(join(DIST, name))
        res.writeHead(200, { ...headers, 'content-type': TYPES[extname(name)] ?? 'application/octet-stream' })
        return res.end(data)
      } catch {
        if (extname(safe)) break
      }
    }
    res.writeHead(404)
    return res.end()
  }

  const server = createServer((req, res) => {
    const url = new URL(req.url, 'http://localhost')
    const work = url.pathname === '/api/openapi.json' ? describe(res) : url.pathname.startsWith('/api/v1/') ? api(req, res, url) : assets(res, url)
    work.catch((error) => {
      console.error(req.method, url.pathname, error)
      if (!res.headersSent) problem(res, 500, 'internal', 'internal error')
    })
  })
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => resolve({ port: server.address().port, world, close: () => { world.stop(); server.closeAllConnections(); server.close() } }))
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const mock = await startMock({ port: Number(process.env.PORT ?? 3030), setup: process.argv.includes('--setup'), pace: Number(process.env.PACE ?? 1) })
  console.log(`mock API on http://127.0.0.1:${mock.port} (set-up token: mock-token)`)
}
