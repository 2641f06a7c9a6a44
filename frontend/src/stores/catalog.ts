// Editable objects that several pages name or choose from: one cached list per kind, and the status rows.
import { defineStore } from 'pinia'
import { reactive } from 'vue'
import { listObjects, listStatuses } from '@/api/catalog'
import { asProblem, type Problem } from '@/api/problem'
import type { Id, Kind, Resource, Specs, Status, StatusKind } from '@/api/types'

type Lists = { [K in Kind]: Resource<Specs[K]>[] }
const FRESH_MS = 30_000
const MOST = 1000

export const useCatalogStore = defineStore('catalog', () => {
  const lists = reactive({ sources: [], monitors: [], scripts: [], cases: [], schedules: [], 'runtime-managers': [], policies: [], channels: [] }) as Lists
  const statuses = reactive<Record<StatusKind, Record<Id, Status>>>({ sources: {}, monitors: {}, 'runtime-managers': {} })
  const problems = reactive<Partial<Record<Kind, Problem | undefined>>>({})
  const readAt: Partial<Record<Kind, number>> = {}
  const pending: Partial<Record<Kind, Promise<void>>> = {}

  async function read<K extends Kind>(kind: K): Promise<void> {
    try {
      const all: Resource<Specs[K]>[] = []
      let cursor: string | null = null
      do {
        const page: { items: Resource<Specs[K]>[]; next_cursor?: string | null } =
          await listObjects(kind, { search: '', tag: '', archived: false }, cursor, 200)
        all.push(...page.items)
        cursor = page.next_cursor ?? null
      } while (cursor !== null && all.length < MOST)
      all.sort((a, b) => a.name.localeCompare(b.name))
      ;(lists as Record<Kind, unknown>)[kind] = all
      readAt[kind] = Date.now()
      problems[kind] = undefined
    } catch (error) {
      problems[kind] = asProblem(error)
    }
  }

  /** Reads the list unless it is fresh; calls at the same time share one request. */
  async function load(...kinds: Kind[]): Promise<void> {
    await Promise.all(kinds.map((kind) => {
      if (Date.now() - (readAt[kind] ?? 0) < FRESH_MS) return Promise.resolve()
      pending[kind] ??= read(kind).finally(() => { pending[kind] = undefined })
      return pending[kind]
    }))
  }

  async function loadStatuses(kind: StatusKind): Promise<void> {
    const rows = await listStatuses(kind)
    statuses[kind] = Object.fromEntries(rows.map((row) => [row.id, row]))
  }

  /** After a change: the next `load` reads again. */
  function invalidate(kind: Kind): void {
    readAt[kind] = 0
  }

  function find<K extends Kind>(kind: K, id: Id | null | undefined): Resource<Specs[K]> | undefined {
    return lists[kind].find((object) => object.id === id)
  }

  const all = <K extends Kind>(kind: K): Resource<Specs[K]>[] => lists[kind]
  const nameOf = (kind: Kind, id: Id | null | undefined): string => (id ? (find(kind, id)?.name ?? id.slice(0, 8)) : '')

  return { lists, statuses, problems, load, loadStatuses, invalidate, find, all, nameOf }
})
