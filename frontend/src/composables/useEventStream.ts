// A live stream that survives: a fresh single-use ticket at each connect, resume after the last id, backoff with jitter.
import { onScopeDispose, ref, type Ref } from 'vue'
import { address } from '@/api/client'
import { asProblem } from '@/api/problem'
import { streamTicket } from '@/api/session'
import { backoffMs } from '@/utils/backoff'

export type StreamState = 'connecting' | 'open' | 'waiting' | 'closed'

export interface StreamOptions {
  /** Path below the API's base. */
  path: string
  /** What the ticket is for: `events` or `run:<id>`. */
  scope: string
  /** Last id already known; the stream goes on after it. */
  after?: string
  /** Handlers by event name; data is parsed JSON. */
  events: Record<string, (data: unknown, id: string) => void>
  onState?: (state: StreamState) => void
  /** Name of the event after which nothing follows. */
  last?: string
}

/** Opens the stream and keeps it open; the answer closes it. */
export function openEventStream(options: StreamOptions): () => void {
  let source: EventSource | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  let attempt = 0
  let lastId = options.after ?? ''
  let closed = false

  const tell = (state: StreamState): void => options.onState?.(state)

  function close(): void {
    closed = true
    clearTimeout(timer)
    source?.close()
    source = null
    tell('closed')
  }

  function retry(): void {
    source?.close()
    source = null
    if (closed) return
    tell('waiting')
    timer = setTimeout(() => void connect(), backoffMs(attempt))
    attempt += 1
  }

  function handle(name: string, event: MessageEvent<string>): void {
    if (event.lastEventId) lastId = event.lastEventId
    let data: unknown
    try {
      data = JSON.parse(event.data)
    } catch {
      return
    }
    options.events[name]?.(data, event.lastEventId)
    if (name === options.last) close()
  }

  async function connect(): Promise<void> {
    tell('connecting')
    let ticket: string
    try {
      ticket = (await streamTicket(options.scope)).ticket
    } catch (error) {
      const status = asProblem(error).status
      if (status === 401 || status === 403 || status === 404) close()
      else retry()
      return
    }
    if (closed) return
    source = new EventSource(address(options.path, { ticket, after: lastId }))
    source.onopen = () => {
      attempt = 0
      tell('open')
    }
    source.onerror = retry
    for (const name of Object.keys(options.events)) {
      source.addEventListener(name, (event) => handle(name, event as MessageEvent<string>))
    }
  }

  void connect()
  return close
}

/** The same for a component: closes with it. */
export function useEventStream(): { state: Ref<StreamState>; open: (options: StreamOptions) => void; close: () => void } {
  const state = ref<StreamState>('closed')
  let stop: (() => void) | null = null
  function close(): void {
    stop?.()
    stop = null
  }
  function open(options: StreamOptions): void {
    close()
    stop = openEventStream({ ...options, onState: (next) => { state.value = next } })
  }
  onScopeDispose(close)
  return { state, open, close }
}
