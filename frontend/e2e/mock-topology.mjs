// The mock's answers about who depends on whom.
const EDGES = [
  ['service=web', 'service=cart', 'calls', 'service_graph'], ['service=web', 'service=catalog', 'calls', 'service_graph'], ['service=web', 'service=checkout', 'calls', 'service_graph'],
  ['service=cart', 'service=checkout', 'calls', 'service_graph'], ['service=checkout', 'db=orders', 'calls', 'file'], ['service=catalog', 'db=redis', 'calls', 'file'], ['service=checkout', 'service=payments', 'calls', 'service_graph'],
  ['service=checkout', 'pod=checkout-7d9f-x2', 'contains', 'kubernetes'], ['pod=checkout-7d9f-x2', 'node=worker-1', 'runs_on', 'kubernetes'], ['service=payments', 'service=legacy-ledger', 'calls', 'service_graph', true],
]
const ORIGINS = { service_graph: 'prometheus', kubernetes: 'prometheus', file: '/etc/aiops/topology.yaml' }

export function topologyRoutes({ world, json, problem }) {
  const iso = (ms) => new Date(ms).toISOString()
  const active = () => world.incidents.filter((i) => !['resolved', 'merged'].includes(i.state))
  const edge = ([from, to, relation, source, stale = false]) => ({ from, to, relation, stale, seen: [{ source, origin: ORIGINS[source], first_seen_at: iso(Date.now() - 86_400_000), last_seen_at: iso(Date.now() - (stale ? 7_200_000 : 20_000)), stale }] })
  const order = ['info', 'warning', 'critical']
  const node = (entity) => {
    const incidents = active().filter((i) => i.entity === entity || i.entities.includes(entity)).map(({ id, title, severity, state }) => ({ id, title, severity, state }))
    return { entity, anomalies: world.anomalies.filter((a) => a.entity === entity && a.state === 'open').length, incidents, severity: incidents.map((i) => i.severity).sort((a, b) => order.indexOf(b) - order.indexOf(a))[0] ?? null }
  }
  const near = (centre, hops) => {
    const found = new Set(centre)
    for (let i = 0; i < hops; i += 1) for (const [a, b] of EDGES.filter(([a, b]) => found.has(a) !== found.has(b))) found.add(a).add(b)
    return found
  }
  const graph = (kept) => ({
    nodes: [...kept].sort().map(node), edges: EDGES.filter(([a, b]) => kept.has(a) && kept.has(b)).map(edge), omitted: 0,
    feeds: Object.entries(ORIGINS).map(([source, origin]) => ({ source, origin, edges: EDGES.filter((e) => e[3] === source).length, message: '', read_at: iso(Date.now() - 5_000), ok_at: iso(Date.now() - 5_000) })),
  })
  const change = (at) => ({ id: '0190f3c2-0000-7000-8000-00000000c4a9', key: 'api build-77', at: iso(at), kind: 'deployment', entity: 'service=checkout', title: 'release 4.18', author: 'lin.wei', link: 'https://ci.example/builds/77', told_by: 'api ci' })
  return (req, res, [kind, id, part], query) => {
    if (kind === 'topology') {
      json(res, 200, graph(query.get('around') ? near([query.get('around')], Number(query.get('hops') ?? 2)) : new Set(EDGES.flatMap(([a, b]) => [a, b]))))
      return true
    }
    if (kind === 'changes') {
      json(res, req.method === 'POST' ? 201 : 200, req.method === 'POST' ? change(Date.now()) : { items: [change(Date.now() - 300_000)], next_cursor: null })
      return true
    }
    if (kind !== 'incidents' || (part !== 'topology' && part !== 'changes')) return false
    const incident = world.incidents.find((i) => i.id === id)
    if (!incident) problem(res, 404, 'not_found', `incident ${id} not found`)
    else if (part === 'changes') json(res, 200, incident.entities.includes('service=checkout') ? [change(Date.parse(incident.started_at) - 150_000)] : [])
    else json(res, 200, graph(near([...incident.entities, ...incident.causes.flatMap((c) => [c.entity, ...(c.path ?? [])])], 1)))
    return true
  }
}
