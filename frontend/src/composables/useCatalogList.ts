// The list of one editable kind: search, tag, archived, paging.
import { onMounted, reactive, watch } from 'vue'
import { listObjects, type CatalogFilter } from '@/api/catalog'
import type { Kind, Resource, Specs } from '@/api/types'
import { usePaging } from './usePaging'

export function useCatalogList<K extends Kind>(kind: K) {
  const filter = reactive<CatalogFilter>({ search: '', tag: '', archived: false })
  const list = usePaging<Resource<Specs[K]>>((cursor) => listObjects(kind, { ...filter, search: filter.search.trim() }, cursor))
  onMounted(() => void list.reload())
  watch(filter, () => void list.reload())
  const isFiltered = (): boolean => filter.search.trim() !== '' || filter.tag !== ''
  const setFilter = (change: Partial<CatalogFilter>): void => { Object.assign(filter, change) }
  return { ...list, filter, isFiltered, setFilter }
}
export type CatalogList<K extends Kind> = ReturnType<typeof useCatalogList<K>>
