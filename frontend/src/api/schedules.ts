// Schedules beyond their editing, and many runs at once.
import { call } from './client'
import type { Batch, Facts, Id, NextTimes, Page, ScheduleWindow } from './types'

export interface BatchWish { tag: string; case_ids: Id[]; values: Facts; target: string; manager_ids: Id[] }

export const previewSchedule = (cron: string, time_zone: string) => call<NextTimes>('POST', '/schedules/preview', {}, { cron, time_zone })
export const scheduleWindows = async (id: Id) => (await call<Page<ScheduleWindow>>('GET', `/schedules/${id}/windows`)).items

export const startBatch = (wish: BatchWish) => call<Batch>('POST', '/runs', {}, {
  tag: wish.tag || null, case_ids: wish.case_ids, values: wish.values, target: wish.target || null, matrix: wish.manager_ids.length > 0 ? { manager_ids: wish.manager_ids, manager_tags: [] } : null,
})
export const getBatch = (id: Id) => call<Batch>('GET', `/batches/${id}`)
export const cancelBatch = (id: Id) => call<Batch>('POST', `/batches/${id}/cancel`)
