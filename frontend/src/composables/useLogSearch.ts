// Search in a run's log: in the page when all lines are there, else on the server; hits are line numbers.
import { computed, ref, shallowRef, watch, type Ref } from 'vue'
import { asProblem, type Problem } from '@/api/problem'
import { searchLogs } from '@/api/runs'
import type { Id } from '@/api/types'
import { findLines, matcher } from '@/utils/log'
import { useDebounced } from './useDebounced'
import type { RunLogState } from './useRunLog'

const PAGE = 1000

export function useLogSearch(id: Ref<Id>, log: RunLogState) {
  const needle = ref('')
  const regex = ref(false)
  const caseSensitive = ref(false)
  const searching = ref(false)
  const problem = shallowRef<Problem | null>(null)
  const far = shallowRef<number[]>([])
  const searchedTo = ref(0)
  const complete = ref(true)
  const at = ref(0)
  let asks = 0

  const here = computed(() => log.whole.value && !regex.value)
  const near = computed(() => (here.value ? findLines(log.lines.value, needle.value, caseSensitive.value).map((i) => log.lines.value[i]?.seq ?? 0) : []))
  const hits = computed(() => (here.value ? near.value : far.value))
  const current = computed(() => hits.value[at.value])
  const mark = computed(() => matcher(needle.value, regex.value, caseSensitive.value))

  async function ask(after: number): Promise<void> {
    asks += 1
    const mine = asks
    searching.value = true
    try {
      const found = await searchLogs(id.value, { q: needle.value, regex: regex.value, case: caseSensitive.value, stream: log.only.value, after, limit: PAGE })
      if (mine !== asks) return
      problem.value = null
      far.value = [...(after ? far.value : []), ...found.lines.map((line) => line.seq)]
      searchedTo.value = found.searched_to
      complete.value = found.complete
    } catch (error) {
      if (mine === asks) problem.value = asProblem(error)
    } finally {
      if (mine === asks) searching.value = false
    }
  }

  const begin = useDebounced(() => {
    at.value = 0
    far.value = []
    complete.value = true
    problem.value = null
    asks += 1
    searching.value = false
    if (needle.value.trim() && !here.value) void ask(0)
  }, 250)
  watch([needle, regex, caseSensitive, log.only, id], begin)
  // Reading earlier lines may make the log whole, or a long one may stop being whole.
  watch(here, (now) => { if (!now && needle.value.trim()) begin() })

  /** Walks to another hit; looks further when the known ones are through. */
  async function step(by: number): Promise<void> {
    if (hits.value.length === 0) return
    if (at.value + by >= hits.value.length && !here.value && !complete.value) await ask(searchedTo.value)
    at.value = (at.value + by + hits.value.length) % hits.value.length
  }

  return { needle, regex, caseSensitive, searching, problem, hits, complete: computed(() => here.value || complete.value), at, current, mark, step }
}
