// The words of an anomaly: its sentence, its unit, whether it is of logs.
import type { Anomaly } from '@/api/types'

const LOGS = ['log_error_rate', 'new_template', 'log_burst']
export const ofLogs = (anomaly: Anomaly): boolean => LOGS.includes(anomaly.kind)

/** The sentence that explains it, in the reader's language where there is one. */
export function sentence(anomaly: Anomaly, locale: string): string {
  const { en, zh } = anomaly.evidence
  return locale === 'zh-CN' ? zh || en : en
}
