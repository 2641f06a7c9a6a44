// A monitor's draft on its way from the page that proposes it to the form that edits it.
import type { Draft, MonitorSpec } from '@/api/types'
import { clone } from './merge'

let given: Draft<MonitorSpec> | null = null

export function handOver(draft: Draft<MonitorSpec>): void {
  given = clone(draft)
}
/** The draft that was handed over, once. */
export function handedOver(): Draft<MonitorSpec> | null {
  const draft = given
  given = null
  return draft
}
