// A run's log: what is stored first, then live until the run ends; never a line twice, none left out.
import { onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'
import { asProblem, type Problem } from '@/api/problem'
import { listLogs } from '@/api/runs'
import type { Id, LogRecord, Run } from '@/api/types'
import { appendRecords } from '@/utils/log'
import { isFinal } from '@/utils/words'
import { useEventStream } from './useEventStream'

/** Lines kept in the page; the download has all. */
export const MOST_LINES = 50_000
const PAGE = 200

export function useRunLog(id: Ref<Id>, onEnd: (run: Run) => void) {
  const lines = shallowRef<LogRecord[]>([])
  const dropped = ref(false)
  const loading = ref(false)
  const problem = shallowRef<Problem | null>(null)
  const stream = useEventStream()
  let waiting: LogRecord[] = []
  let frame = 0

  function take(records: readonly LogRecord[]): void {
    let next = appendRecords(lines.value, records)
    if (next.length > MOST_LINES) {
      next = next.slice(-MOST_LINES)
      dropped.value = true
    }
    lines.value = next
  }

  // A chatty script sends thousands of lines a second: they are drawn once a frame.
  function flush(): void {
    frame = 0
    const batch = waiting
    waiting = []
    take(batch)
  }
  function queue(record: LogRecord): void {
    waiting.push(record)
    frame ||= requestAnimationFrame(flush)
  }

  async function readStored(mine: Id): Promise<void> {
    for (;;) {
      const page = await listLogs(mine, lines.value.at(-1)?.seq ?? 0, PAGE)
      if (mine !== id.value) return
      take(page)
      if (page.length < PAGE) return
    }
  }

  async function start(run: Run): Promise<void> {
    const mine = run.id
    loading.value = true
    problem.value = null
    try {
      await readStored(mine)
    } catch (error) {
      problem.value = asProblem(error)
    } finally {
      loading.value = false
    }
    if (mine !== id.value || isFinal(run.state) || problem.value) return
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
    dropped.value = false
  })
  onScopeDispose(() => cancelAnimationFrame(frame))
  return { lines, dropped, loading, problem, live: stream.state, start }
}
