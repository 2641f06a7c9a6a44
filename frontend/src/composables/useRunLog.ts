// A run's log: the end of it at once, earlier and later parts on demand, live until the run ends; no line twice, none left out.
import { computed, onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'
import { asProblem, type Problem } from '@/api/problem'
import { listLogs, type LogRange } from '@/api/runs'
import type { Id, LogRecord, LogStream, Run } from '@/api/types'
import { appendRecords, prependRecords } from '@/utils/log'
import { isFinal } from '@/utils/words'
import { useEventStream } from './useEventStream'

/** Lines kept in the page; the server has all. */
export const MOST_LINES = 50_000
const PAGE = 1000

export function useRunLog(id: Ref<Id>, onEnd: (run: Run) => void) {
  const lines = shallowRef<LogRecord[]>([])
  const only = ref<LogStream | ''>('')
  /** There is something before the first line that is held. */
  const more = ref(false)
  /** The last line held is the last there is; new ones are appended as they come. */
  const attached = ref(true)
  const loading = ref(false)
  const problem = shallowRef<Problem | null>(null)
  const newest = ref(0)
  const stream = useEventStream()
  let waiting: LogRecord[] = []
  let frame = 0
  let asks = 0

  const wanted = (record: LogRecord): boolean => only.value === '' || record.stream === only.value || record.stream === 'system'
  /** Nothing is left out, neither before nor after. */
  const whole = computed(() => attached.value && !more.value)

  function take(records: readonly LogRecord[]): void {
    newest.value = Math.max(newest.value, records.at(-1)?.seq ?? 0)
    if (!attached.value) return
    let next = appendRecords(lines.value, records.filter(wanted))
    if (next.length > MOST_LINES) {
      next = next.slice(-MOST_LINES)
      more.value = true
    }
    lines.value = next
  }

  // A chatty script sends thousands of lines a second: they are drawn once a frame.
  function flush(): void {
    frame = 0
    // What arrives while a part is read waits for it, so that no hole is left between them.
    if (loading.value) return
    const batch = waiting
    waiting = []
    take(batch)
  }
  function queue(record: LogRecord): void {
    waiting.push(record)
    frame ||= requestAnimationFrame(flush)
  }

  /** Reads a part and hands it on, unless another run or another part was asked for meanwhile. */
  async function read(range: LogRange, accept: (page: LogRecord[]) => void): Promise<boolean> {
    const mine = id.value
    asks += 1
    const ask = asks
    loading.value = true
    try {
      const page = await listLogs(mine, { ...range, stream: only.value })
      if (mine !== id.value || ask !== asks) return false
      problem.value = null
      accept(page)
      return true
    } catch (error) {
      if (mine === id.value && ask === asks) problem.value = asProblem(error)
      return false
    } finally {
      if (ask === asks) {
        loading.value = false
        frame ||= requestAnimationFrame(flush)
      }
    }
  }

  const tail = (): Promise<boolean> => read({ tail: PAGE }, (page) => {
    attached.value = true
    lines.value = page
    more.value = page.length === PAGE && (page[0]?.seq ?? 1) > 1
    newest.value = Math.max(newest.value, page.at(-1)?.seq ?? 0)
  })

  async function earlier(): Promise<void> {
    const first = lines.value[0]?.seq
    if (!more.value || loading.value || first === undefined) return
    await read({ before: first, limit: PAGE }, (page) => {
      const next = prependRecords(lines.value, page)
      if (next.length > MOST_LINES) attached.value = false
      lines.value = next.slice(0, MOST_LINES)
      more.value = page.length === PAGE && (page[0]?.seq ?? 1) > 1
    })
  }

  async function later(): Promise<void> {
    if (attached.value || loading.value) return
    await read({ after: lines.value.at(-1)?.seq ?? 0, limit: PAGE }, (page) => {
      attached.value = page.length < PAGE
      const next = appendRecords(lines.value, page)
      if (next.length > MOST_LINES) more.value = true
      lines.value = next.slice(-MOST_LINES)
    })
  }

  /** Brings a line into what is held, with some before and after it. */
  async function around(seq: number): Promise<boolean> {
    if (lines.value.some((line) => line.seq === seq)) return true
    const after = Math.max(0, seq - 300)
    return read({ after, limit: PAGE }, (page) => {
      lines.value = page
      more.value = after > 0
      attached.value = page.length < PAGE
    })
  }

  async function start(run: Run): Promise<void> {
    const mine = run.id
    newest.value = run.log_lines
    if (!(await tail()) || mine !== id.value || isFinal(run.state)) return
    stream.open({
      path: `/runs/${mine}/logs/stream`,
      scope: `run:${mine}`,
      after: String(lines.value.at(-1)?.seq ?? 0),
      last: 'end',
      events: {
        log: (data) => queue(data as LogRecord),
        end: (data) => {
          flush()
          onEnd(data as Run)
        },
      },
    })
  }

  watch(id, () => {
    stream.close()
    waiting = []
    lines.value = []
    newest.value = 0
    more.value = false
    attached.value = true
  })
  watch(only, () => void tail())
  onScopeDispose(() => cancelAnimationFrame(frame))
  return { lines, only, more, attached, whole, newest, loading, problem, live: stream.state, start, tail, earlier, later, around }
}
export type RunLogState = ReturnType<typeof useRunLog>
