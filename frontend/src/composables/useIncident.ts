// One incident with all its parts, kept current by the live connection.
import { computed, onMounted, shallowRef, watch, type Ref } from 'vue'
import { listIncidentAlerts } from '@/api/alerts'
import * as api from '@/api/incidents'
import { listIncidentChanges } from '@/api/topology'
import type { EventKind, Id, IncidentEvent } from '@/api/types'
import { useAsync } from './useAsync'
import { useDebounced } from './useDebounced'
import { useLive } from './useLive'

const RUN_KINDS: readonly EventKind[] = ['run_queued', 'run_started', 'run_ended', 'undo_queued', 'decided']
const ANOMALY_KINDS: readonly EventKind[] = ['opened', 'reopened', 'anomaly_added', 'anomaly_closed', 'verdict', 'resolved', 'merged', 'split']
const WORK_KINDS: readonly EventKind[] = ['assigned', 'severity_set', 'merged', 'split']

/** Events in order of their ids, each once. */
export function mergeEvents(held: readonly IncidentEvent[], more: readonly IncidentEvent[]): IncidentEvent[] {
  const byId = new Map([...held, ...more].map((event) => [event.id, event]))
  return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
}

export function useIncident(id: Ref<Id>) {
  const incident = useAsync(() => api.getIncident(id.value))
  const anomalies = useAsync(() => api.listAnomalies(id.value))
  const decisions = useAsync(() => api.listDecisions(id.value))
  const runs = useAsync(async () => (await api.listIncidentRuns(id.value)).items)
  const verifications = useAsync(() => api.listVerifications(id.value))
  const notifications = useAsync(() => api.listNotifications(id.value))
  const work = useAsync(() => api.getWork(id.value))
  const alerts = useAsync(async () => (await listIncidentAlerts(id.value, null, 200)).items)
  const changes = useAsync(() => listIncidentChanges(id.value))
  const events = shallowRef<IncidentEvent[]>([])
  const eventsLoad = useAsync(readEvents)

  /** The whole timeline, page by page. */
  async function readEvents(): Promise<true> {
    const mine = id.value
    let after = events.value.at(-1)?.id
    for (;;) {
      const page = await api.listEvents(mine, after)
      if (mine !== id.value) return true
      events.value = mergeEvents(events.value, page)
      after = page.at(-1)?.id
      if (page.length < 200) return true
    }
  }

  function reload(): void {
    for (const part of [incident, anomalies, decisions, runs, verifications, notifications, work, alerts, changes, eventsLoad]) void part.run()
  }

  const incidentSoon = useDebounced(() => void incident.run(), 250)
  const runsSoon = useDebounced(() => { void runs.run(); void decisions.run() }, 300)
  const anomaliesSoon = useDebounced(() => { void anomalies.run(); void alerts.run(); void changes.run() }, 300)
  const workSoon = useDebounced(() => void work.run(), 300)
  const verificationsSoon = useDebounced(() => void verifications.run(), 300)
  const notificationsSoon = useDebounced(() => void notifications.run(), 500)

  function onEvent(event: IncidentEvent): void {
    if (event.incident_id !== id.value) return
    events.value = mergeEvents(events.value, [event])
    incidentSoon()
    if (RUN_KINDS.includes(event.kind)) runsSoon()
    if (ANOMALY_KINDS.includes(event.kind)) anomaliesSoon()
    if (WORK_KINDS.includes(event.kind)) workSoon()
    if (event.kind === 'notified') notificationsSoon()
    if (['verification_started', 'verification_sampled', 'verdict', 'resolved', 'reopened'].includes(event.kind)) verificationsSoon()
  }

  useLive({
    incident: onEvent,
    run: (change) => { if (runs.data.value?.some((run) => run.id === change.id)) runsSoon() },
    resumed: reload,
  })
  onMounted(reload)
  watch(id, () => {
    events.value = []
    incident.data.value = null
    reload()
  })

  const verifying = computed(() => incident.data.value?.state === 'verifying')
  return { incident, anomalies, decisions, runs, verifications, notifications, work, alerts, changes, events, eventsLoad, verifying, reload }
}
export type IncidentParts = ReturnType<typeof useIncident>
