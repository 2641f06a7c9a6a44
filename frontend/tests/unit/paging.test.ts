// Lists, single loads and the catalog: later calls win, pages join, caches are shared.
import { createPinia, setActivePinia } from 'pinia'
import { effectScope, nextTick } from 'vue'
import { expect, it, vi } from 'vitest'
import * as catalogApi from '@/api/catalog'
import { Problem } from '@/api/problem'
import type { Page, Source } from '@/api/types'
import { useAsync } from '@/composables/useAsync'
import { usePaging } from '@/composables/usePaging'
import { shortcutHandler } from '@/composables/useShortcuts'
import { useCatalogStore } from '@/stores/catalog'
import { usePreferencesStore } from '@/stores/preferences'

vi.mock('@/api/catalog')
interface Row { id: string; v?: number }

it('joins pages by cursor and drops rows that moved between pages', async () => {
  const pages: Record<string, Page<Row>> = { first: { items: [{ id: 'c' }, { id: 'b' }], next_cursor: 'b' }, b: { items: [{ id: 'b' }, { id: 'a' }], next_cursor: null } }
  const list = usePaging<Row>((cursor) => Promise.resolve(pages[cursor ?? 'first'] as Page<Row>))
  await list.reload()
  expect(list.hasMore.value).toBe(true)
  await list.more()
  expect(list.items.value.map((r) => r.id)).toEqual(['c', 'b', 'a'])
  await list.more()
  expect(list.hasMore.value).toBe(false)
  list.upsert({ id: 'b', v: 2 })
  list.upsert({ id: 'd' })
  expect(list.items.value.map((r) => r.id)).toEqual(['d', 'c', 'b', 'a'])
})

it('lets the later answer win and keeps old rows when a reload fails', async () => {
  const waiting: ((page: Page<Row>) => void)[] = []
  const list = usePaging<Row>(() => new Promise((resolve) => waiting.push(resolve)))
  const first = list.reload()
  const second = list.reload()
  waiting[1]?.({ items: [{ id: 'new' }] })
  waiting[0]?.({ items: [{ id: 'old' }] })
  await Promise.all([first, second])
  expect(list.items.value).toEqual([{ id: 'new' }])
  expect(list.loading.value).toBe(false)
  const broken = useAsync(() => Promise.reject(new Problem(503, { code: 'unavailable' })))
  await broken.run()
  expect([broken.loading.value, broken.problem.value?.code, broken.data.value]).toEqual([false, 'unavailable', null])
})

it('reads a kind once for callers at the same time, and again after a change', async () => {
  setActivePinia(createPinia())
  const list = vi.mocked(catalogApi.listObjects)
  list.mockResolvedValue({ items: [{ id: 's1', name: 'prometheus' } as Source], next_cursor: null } as never)
  const catalog = useCatalogStore()
  await Promise.all([catalog.load('sources'), catalog.load('sources')])
  await catalog.load('sources')
  expect(list).toHaveBeenCalledTimes(1)
  expect(catalog.nameOf('sources', 's1')).toBe('prometheus')
  expect(catalog.nameOf('sources', '0123456789')).toBe('01234567')
  catalog.invalidate('sources')
  list.mockRejectedValueOnce(new Problem(503, { code: 'unavailable' }))
  await catalog.load('sources')
  expect(catalog.problems.sources?.code).toBe('unavailable')
  expect(catalog.nameOf('sources', 's1')).toBe('prometheus')
})

it('keeps the chosen language and colours, and follows the system without a choice', async () => {
  localStorage.clear()
  setActivePinia(createPinia())
  const scope = effectScope()
  await scope.run(async () => {
    const preferences = usePreferencesStore()
    expect(preferences.locale).toBe('en')
    preferences.chosenLocale = 'zh-CN'
    preferences.theme = 'dark'
    await nextTick()
    expect(document.documentElement.lang).toBe('zh-CN')
    expect(document.documentElement.classList.contains('dark')).toBe(true)
    expect(JSON.parse(localStorage.getItem('aiops.preferences') ?? '{}')).toMatchObject({ theme: 'dark', locale: 'zh-CN' })
  })
  scope.stop()
})

it('reads keys alone and in pairs, never while typing', () => {
  const went: string[] = []
  const focused = vi.fn(() => true)
  const handle = shortcutHandler({ go: (l) => went.push(l), help: () => went.push('?') }, focused)
  const press = (key: string, init: KeyboardEventInit = {}, target: EventTarget = document.body): void => {
    const event = new KeyboardEvent('keydown', { key, ...init })
    Object.defineProperty(event, 'target', { value: target })
    handle(event)
  }
  press('g'); press('i'); press('i'); press('?'); press('/')
  press('g', { ctrlKey: true }); press('r')
  press('g', {}, document.createElement('input')); press('r', {}, document.createElement('textarea'))
  expect(went).toEqual(['i', '?'])
  expect(focused).toHaveBeenCalledTimes(1)
})
