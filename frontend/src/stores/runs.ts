// Filters of the run list, kept while walking between pages.
import { defineStore } from 'pinia'
import { reactive } from 'vue'
import type { RunFilter } from '@/api/runs'

export const useRunsStore = defineStore('runs', () => {
  const filter = reactive<RunFilter>({ state: [], case_id: '', incident_id: '' })
  return { filter }
})
