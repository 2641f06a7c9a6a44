// Filters that live in the address: a link shows the same list, back and reload keep it.
import { reactive, watch } from 'vue'
import { useRoute, useRouter, type LocationQuery } from 'vue-router'

export type Filter = Record<string, string | string[]>

/** The filter that a query says; what is not in `blank` is not of this list, lists are repeated names. */
export function readFilter<F extends Filter>(blank: F, query: LocationQuery): F {
  return Object.fromEntries(Object.entries(blank).map(([key, usual]) => {
    const found = query[key]
    if (Array.isArray(usual)) return [key, (Array.isArray(found) ? found : [found]).filter((v): v is string => typeof v === 'string' && v !== '')]
    return [key, typeof found === 'string' ? found : usual]
  })) as F
}

/** The query for a filter; what is as usual is left out. */
export function writeFilter<F extends Filter>(blank: F, filter: F): Record<string, string | string[]> {
  const set = Object.entries(filter).filter(([key, value]) => (Array.isArray(value) ? value.length > 0 : value !== blank[key]))
  return Object.fromEntries(set.map(([key, value]) => [key, Array.isArray(value) ? [...value] : value]))
}

export function useQueryFilter<F extends Filter>(blank: () => F, changed: () => void) {
  const route = useRoute()
  const router = useRouter()
  const path = route.path
  const filter = reactive(readFilter(blank(), route.query)) as F
  const text = (f: F): string => JSON.stringify(writeFilter(blank(), f))

  watch(() => text(filter), () => {
    changed()
    void router.replace({ query: writeFilter(blank(), filter) })
  })
  watch(() => route.query, (query) => {
    if (route.path !== path) return
    const next = readFilter(blank(), query)
    if (text(next) !== text(filter)) Object.assign(filter, next)
  })
  const isFiltered = (): boolean => text(filter) !== '{}'
  const clear = (): void => { Object.assign(filter, blank()) }
  return { filter, isFiltered, clear }
}
