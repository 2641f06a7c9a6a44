// A keyset-paged list: first page, more pages, refresh in place, loading and problem in one place.
import { computed, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import { asProblem, type Problem } from '@/api/problem'
import type { Page } from '@/api/types'

export interface Paging<T> {
  items: ShallowRef<T[]>
  loading: Ref<boolean>
  loaded: Ref<boolean>
  problem: ShallowRef<Problem | null>
  hasMore: ComputedRef<boolean>
  /** First page anew; quietly keeps the old rows on screen until the new ones are there. */
  reload: () => Promise<void>
  more: () => Promise<void>
  /** Replaces a row of the same id, or puts it on top. */
  upsert: (item: T) => void
}

export function usePaging<T extends { id: string }>(fetchPage: (cursor: string | null) => Promise<Page<T>>): Paging<T> {
  const items: ShallowRef<T[]> = shallowRef([])
  const cursor = ref<string | null>(null)
  const loading = ref(false)
  const loaded = ref(false)
  const problem = shallowRef<Problem | null>(null)
  let latest = 0

  async function load(from: string | null): Promise<void> {
    latest += 1
    const mine = latest
    loading.value = true
    try {
      const page = await fetchPage(from)
      if (mine !== latest) return
      const known = new Set(from === null ? [] : items.value.map((i) => i.id))
      items.value = from === null ? page.items : [...items.value, ...page.items.filter((i) => !known.has(i.id))]
      cursor.value = page.next_cursor ?? null
      problem.value = null
      loaded.value = true
    } catch (error) {
      if (mine === latest) problem.value = asProblem(error)
    } finally {
      if (mine === latest) loading.value = false
    }
  }

  function upsert(item: T): void {
    const index = items.value.findIndex((i) => i.id === item.id)
    items.value = index < 0 ? [item, ...items.value] : items.value.map((old, at) => (at === index ? item : old))
  }

  return {
    items, loading, loaded, problem, upsert,
    hasMore: computed(() => cursor.value !== null),
    reload: () => load(null),
    more: async () => {
      if (cursor.value !== null && !loading.value) await load(cursor.value)
    },
  }
}
