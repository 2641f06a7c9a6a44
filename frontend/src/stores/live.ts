// The one live connection of the app: incident events and run changes, handed to whoever subscribed.
import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'
import type { Id, IncidentEvent, RunState } from '@/api/types'
import { openEventStream, type StreamState } from '@/composables/useEventStream'
import { firstIdAt } from '@/utils/uuid'

export interface RunChange { id: Id; state: RunState }
export interface LiveListener {
  incident?(event: IncidentEvent): void
  run?(change: RunChange): void
  /** The connection came back; what was missed must be read again. */
  resumed?(): void
}

const KEPT = 50
/** How far back the stream begins, so that a fresh page is not blank. */
const LOOK_BACK_MS = 30 * 60_000

export const useLiveStore = defineStore('live', () => {
  const state = ref<StreamState>('closed')
  const recent = shallowRef<IncidentEvent[]>([])
  const listeners = new Set<LiveListener>()
  let close: (() => void) | null = null
  let wasOpen = false

  function onIncident(event: IncidentEvent): void {
    if (recent.value.some((e) => e.id === event.id)) return
    recent.value = [event, ...recent.value].slice(0, KEPT)
    for (const listener of listeners) listener.incident?.(event)
  }

  function onState(next: StreamState): void {
    state.value = next
    if (next !== 'open') return
    if (wasOpen) for (const listener of listeners) listener.resumed?.()
    wasOpen = true
  }

  function start(): void {
    close ??= openEventStream({
      path: '/stream',
      scope: 'events',
      after: firstIdAt(Date.now() - LOOK_BACK_MS),
      onState,
      events: {
        incident: (data) => onIncident(data as IncidentEvent),
        run: (data) => {
          for (const listener of listeners) listener.run?.(data as RunChange)
        },
      },
    })
  }

  function stop(): void {
    close?.()
    close = null
    wasOpen = false
    recent.value = []
  }

  function subscribe(listener: LiveListener): () => void {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  return { state, recent, start, stop, subscribe }
})
