// The form of one editable object: load, edit a copy, save with `If-Match`, archive, and what to do when somebody was quicker.
import { computed, onMounted, ref, shallowRef, watch, type Ref } from 'vue'
import { onBeforeRouteLeave, useRouter } from 'vue-router'
import { useI18n } from 'vue-i18n'
import { archiveObject, createObject, getObject, updateObject } from '@/api/catalog'
import { asProblem, type Problem } from '@/api/problem'
import type { Draft, Id, Kind, Resource, Specs } from '@/api/types'
import { useCatalogStore } from '@/stores/catalog'
import { useSessionStore } from '@/stores/session'
import { confirmAction } from '@/utils/confirm'
import { draftOf } from '@/utils/draft'
import { clone, same } from '@/utils/merge'
import { notify } from '@/utils/notify'

export interface FormOptions<T> {
  blank: () => Draft<T>
  /** Last touch before the draft is sent, for example empty texts to null. */
  finish?: (draft: Draft<T>) => Draft<T>
  /** Own checks by field; an empty record means fine. */
  check?: (draft: Draft<T>) => Record<string, string>
}

export function useCatalogForm<K extends Kind>(kind: K, id: Ref<Id | null>, options: FormOptions<Specs[K]>) {
  type Spec = Specs[K]
  const { t } = useI18n()
  const router = useRouter()
  const catalog = useCatalogStore()
  const session = useSessionStore()
  const draft = ref(options.blank()) as Ref<Draft<Spec>>
  const stored = shallowRef<Resource<Spec> | null>(null)
  const theirs = shallowRef<Resource<Spec> | null>(null)
  const base = shallowRef<Draft<Spec>>(options.blank())
  const loading = ref(false)
  const saving = ref(false)
  const loadProblem = shallowRef<Problem | null>(null)
  const problem = shallowRef<Problem | null>(null)
  const own = ref<Record<string, string>>({})

  const readonly = computed(() => !session.can('edit') || Boolean(stored.value?.archived_at))
  const dirty = computed(() => !same(draft.value, base.value))
  const ready = computed(() => id.value === null || stored.value !== null)

  /** Message for a field: of our own check, else the server's. */
  function error(field: string): string {
    return own.value[field] ?? problem.value?.errors.filter((e) => e.field === field).map((e) => e.message).join('; ') ?? ''
  }

  function adopt(resource: Resource<Spec>): void {
    stored.value = resource
    draft.value = draftOf(resource)
    base.value = clone(draft.value)
    problem.value = null
    own.value = {}
  }

  async function load(): Promise<void> {
    if (id.value === null) {
      stored.value = null
      draft.value = options.blank()
      base.value = options.blank()
      return
    }
    loading.value = true
    try {
      adopt(await getObject(kind, id.value))
      loadProblem.value = null
    } catch (failure) {
      loadProblem.value = asProblem(failure)
    } finally {
      loading.value = false
    }
  }

  async function store(version: number | null): Promise<Resource<Spec>> {
    const body = options.finish ? options.finish(clone(draft.value)) : draft.value
    return version === null || id.value === null ? createObject(kind, body) : updateObject(kind, id.value, version, body)
  }

  async function save(version = stored.value?.version ?? null): Promise<boolean> {
    own.value = options.check?.(draft.value) ?? {}
    if (!draft.value.name.trim()) own.value['name'] = t('common.required')
    if (Object.keys(own.value).length > 0) return false
    saving.value = true
    problem.value = null
    try {
      const saved = await store(version)
      const isNew = id.value === null
      adopt(saved)
      catalog.invalidate(kind)
      notify(t('common.saved'))
      if (isNew) await router.replace(`/${kind}/${saved.id}`)
      return true
    } catch (failure) {
      const found = asProblem(failure)
      if (found.isConflict && id.value !== null) theirs.value = await getObject(kind, id.value).catch(() => null)
      if (!theirs.value) problem.value = found
      return false
    } finally {
      saving.value = false
    }
  }

  function reloadTheirs(): void {
    if (theirs.value) adopt(theirs.value)
    theirs.value = null
  }
  async function overwrite(): Promise<void> {
    const version = theirs.value?.version
    theirs.value = null
    if (version !== undefined) await save(version)
  }

  async function archive(): Promise<void> {
    const object = stored.value
    if (!object || !(await confirmAction(t('common.archiveAsk', { name: object.name }), t('common.archive'), t('common.cancel'), true))) return
    try {
      await archiveObject(kind, object.id, object.version)
      catalog.invalidate(kind)
      base.value = clone(draft.value)
      await router.push(`/${kind}`)
    } catch (failure) {
      problem.value = asProblem(failure)
    }
  }

  onMounted(() => void load())
  watch(id, (next) => { if (next !== (stored.value?.id ?? null)) void load() })
  onBeforeRouteLeave(async () => !dirty.value || saving.value || !session.loggedIn || confirmAction(t('common.leave'), t('common.leaveYes'), t('common.stay')))

  return { kind, draft, stored, theirs, loading, saving, loadProblem, problem, readonly, dirty, ready, error, load, save, archive, adopt, reloadTheirs, overwrite }
}
export type CatalogForm<K extends Kind> = ReturnType<typeof useCatalogForm<K>>
