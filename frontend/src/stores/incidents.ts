// Filters of the incident list (kept while walking between pages) and the count of active incidents for the menu.
import { defineStore } from 'pinia'
import { reactive, ref } from 'vue'
import { listIncidents, type IncidentFilter } from '@/api/incidents'
import { ACTIVE_STATES } from '@/utils/words'

export type StateChoice = 'active' | 'any' | IncidentFilter['state'][number]

export const useIncidentsStore = defineStore('incidents', () => {
  const choice = reactive<{ state: StateChoice; min_severity: IncidentFilter['min_severity']; search: string }>({
    state: 'active', min_severity: '', search: '',
  })
  const activeCount = ref(0)

  function filter(): IncidentFilter {
    const state = choice.state === 'active' ? [...ACTIVE_STATES] : choice.state === 'any' ? [] : [choice.state]
    return { state, min_severity: choice.min_severity, search: choice.search.trim() }
  }

  async function countActive(): Promise<void> {
    const page = await listIncidents({ state: [...ACTIVE_STATES], min_severity: '', search: '' }, null, 100).catch(() => null)
    if (page) activeCount.value = page.items.length
  }

  return { choice, activeCount, filter, countActive }
})
