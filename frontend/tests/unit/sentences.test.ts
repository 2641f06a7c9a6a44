// The catalogue of the server's sentences: every one is read back, in full, and said in Chinese.
import { expect, it } from 'vitest'
import catalogue from '@/locales/sentences.json'
import { en } from '@/locales/en'
import { zhCN } from '@/locales/zh-CN'
import { decisionReason, eventText, leftOutText } from '@/utils/told'
import { inLanguage, readSentence } from '@/utils/sentences'
import type { Decision, IncidentEvent, LeftOut } from '@/api/types'

/** As vue-i18n fills in a text; a key that is not there is itself. */
function say(key: string, named: Record<string, string | number>): string {
  const found = key.split('.').reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], zhCN)
  return typeof found === 'string' ? found.replace(/\{(\w+)\}/g, (whole, name: string) => String(named[name] ?? whole)) : key
}
const EXAMPLES: Record<string, string> = { t: 'not healthy yet', d: '3', w: '+1.5', signals: 'latency, metrics', runState: 'failed', verdict: 'not_fixed', outcome: 'wait', severity: 'critical', part: 'undo', '': 'x y' }

it.each(Object.entries(catalogue))('reads %s back and says it in Chinese', (code, texts) => {
  const parts = [...texts.en.matchAll(/\{(\w+)(?::(\w+))?\}/g)]
  for (const [, name] of parts) expect(texts.zh).toContain(`{${name}}`)
  for (const [, , kind] of parts) expect(EXAMPLES[kind ?? ''], kind).toBeDefined()
  const english = texts.en.replace(/\{\w+(?::(\w+))?\}/g, (_, kind: string | undefined) => EXAMPLES[kind ?? ''] ?? '')
  expect(readSentence(english)?.code).toBe(code)
  const chinese = inLanguage(english, 'zh-CN', say)
  expect(chinese).not.toMatch(/[{}]/)
  expect(chinese).toMatch(/\p{Script=Han}/u)
  expect(inLanguage(english, 'en', say)).toBe(english)
})

it('says parts that are sentences or words too, and what it does not know as it came', () => {
  expect(inLanguage('latency, errors on service=cart', 'zh-CN', say)).toBe('service=cart：延迟、错误')
  expect(inLanguage('policy p: wait: the data is 90 s old, at most 60 s may be acted on', 'zh-CN', say)).toBe('策略 p：等待：数据已有 90 秒，最多依据 60 秒内的数据')
  expect(inLanguage('step 2 cannot run: script restart was archived', 'zh-CN', say)).toBe('第 2 步无法运行：脚本 restart 已归档')
  for (const own of ['Disk full on rack 4', 'a remark: yes', '']) expect(inLanguage(own, 'zh-CN', say)).toBe(own)
})

it('tells events, decisions and what is left out', () => {
  const event = (kind: IncidentEvent['kind'], message: string, data: IncidentEvent['data'] = null): IncidentEvent => ({ id: '1', incident_id: '2', at: '2026-01-01T00:00:00Z', kind, actor: { kind: 'system', stage: 'healer' } as IncidentEvent['actor'], message, data })
  expect(eventText(event('verdict', 'fixed: healthy in 3 samples in a row', { verdict: 'fixed' }), 'zh-CN', say)).toBe('已修复：连续 3 次采样健康')
  expect(eventText(event('escalated', 'every step was tried'), 'zh-CN', say)).toBe('所有步骤都已尝试')
  expect(eventText(event('reopened', 'still going on: x', { zh: '仍在持续：甲' }), 'zh-CN', say)).toBe('仍在持续：甲')
  expect(eventText(event('comment', 'measured healthy'), 'zh-CN', say)).toBe('measured healthy')
  const decision = { reason: 'none of 4 policies fits service=a', gates: [], outcome: 'refuse', at: '2026-01-01T00:00:00Z' } as unknown as Decision
  expect(decisionReason(decision, 'zh-CN', say)).toBe('4 条策略都不适用于 service=a')
  const left = { what: 'x', why: 'internal of the Go runtime', told: { code: 'internal', of: 'go' }, series: 1 } as LeftOut
  expect([leftOutText(left, 'en', say), leftOutText(left, 'zh-CN', say)]).toEqual([left.why, 'Go 运行时的内部指标'])
  expect(Object.keys(en.leftOut)).toEqual(Object.keys(zhCN.leftOut))
})
