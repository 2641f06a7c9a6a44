// What this server has: the routes and filters that its own document names. A page whose routes are not there is not offered.
import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'

interface Operation { parameters?: { name: string }[] }
type Paths = Record<string, Record<string, Operation>>

export const useFeaturesStore = defineStore('features', () => {
  const paths = shallowRef<Paths>({})
  const known = ref(false)
  let pending: Promise<void> | null = null

  async function read(): Promise<void> {
    const response = await fetch('/api/openapi.json', { credentials: 'same-origin' })
    if (!response.ok) return
    paths.value = ((await response.json()) as { paths?: Paths }).paths ?? {}
    known.value = true
  }
  /** Once a page; a failure is tried again at the next call. */
  function load(): Promise<void> {
    pending ??= read().catch(() => undefined).finally(() => { if (!known.value) pending = null })
    return pending
  }
  /** Whether there is such a route below the API's base, with this filter when one is named. */
  function has(path: string, filter?: string): boolean {
    const found = paths.value[`/api/v1${path}`]
    return found !== undefined && (filter === undefined || (found['get']?.parameters ?? []).some((one) => one.name === filter))
  }

  return { known, load, has }
})
