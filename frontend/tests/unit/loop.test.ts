// The loop strip: what happened, what is under way, what failed.
import { expect, it } from 'vitest'
import type { Decision, EventKind, GateResult, Incident, IncidentEvent, Json } from '@/api/types'
import { mergeEvents } from '@/composables/useIncident'
import { i18n, setLocale } from '@/locales'
import { loopSteps, verdictOf } from '@/utils/loop'
import { decisionReason, eventText, gateReason } from '@/utils/told'

let serial = 0
const at = (s: number): string => new Date(Date.UTC(2026, 0, 1, 3, 0, s)).toISOString()
function event(kind: EventKind, second: number, data: Json = null, message = ''): IncidentEvent {
  serial += 1
  return { id: String(serial).padStart(6, '0'), incident_id: 'i', at: at(second), kind, actor: { kind: 'system', stage: 'healer' }, message, data }
}
function incident(state: Incident['state'], more: Partial<Incident> = {}): Incident {
  return {
    id: 'i', version: 1, fingerprint: '', title: '', severity: 'critical', state, entity: 'service=a', entities: [], started_at: at(0), detected_at: at(20), updated_at: at(20),
    causes: [], attempts: 0, reopened: 0, resolved_at: null, soak_until: null, acknowledged_by: null, trace: { trace_id: '', span_id: '' }, ...more,
  }
}
const states = (i: Incident, events: IncidentEvent[]) => loopSteps(i, events).map((s) => s.state)
const healed = [
  event('opened', 20), event('cause_ranked', 22), event('decided', 23, { outcome: 'run' }), event('run_queued', 23), event('run_started', 24), event('run_ended', 30, { state: 'succeeded' }),
  event('verification_started', 30), event('verdict', 60, { verdict: 'fixed' }), event('resolved', 60),
]

it('follows a heal step by step', () => {
  expect(states(incident('open'), healed.slice(0, 1))).toEqual(['done', 'active', 'pending', 'pending', 'pending'])
  expect(states(incident('open'), healed.slice(0, 2))).toEqual(['done', 'done', 'active', 'pending', 'pending'])
  expect(states(incident('healing'), healed.slice(0, 5))).toEqual(['done', 'done', 'done', 'active', 'pending'])
  expect(states(incident('verifying'), healed.slice(0, 7))).toEqual(['done', 'done', 'done', 'done', 'active'])
  expect(states(incident('resolved'), healed)).toEqual(['done', 'done', 'done', 'done', 'done'])
})

it('tells how long each step took since the one before', () => {
  expect(loopSteps(incident('resolved'), healed).map((s) => s.tookMs)).toEqual([20_000, 2000, 1000, 7000, 30_000])
})

it('shows a failed run and a verdict that is not fixed', () => {
  const failed = [...healed.slice(0, 5), event('run_ended', 30, { state: 'timed_out' })]
  expect(states(incident('escalated'), failed)).toEqual(['done', 'done', 'done', 'failed', 'pending'])
  const notFixed = [...healed.slice(0, 7), event('verdict', 60, { verdict: 'not_fixed' })]
  expect(loopSteps(incident('escalated'), notFixed).at(-1)).toMatchObject({ state: 'failed', note: 'not_fixed' })
})

it('starts a second attempt anew after a verdict', () => {
  const second = [...healed.slice(0, 7), event('verdict', 60, { verdict: 'not_fixed' }), event('decided', 61), event('run_started', 62)]
  expect(states(incident('healing'), second)).toEqual(['done', 'done', 'done', 'active', 'pending'])
})

it('walks the loop again after a relapse', () => {
  const again = [...healed, event('reopened', 90)]
  expect(states(incident('open', { reopened: 1 }), again)).toEqual(['done', 'active', 'pending', 'pending', 'pending'])
})

it('says that a decision waits for a person', () => {
  const asked = [...healed.slice(0, 2), event('decided', 23, { outcome: 'ask' })]
  expect(loopSteps(incident('open'), asked)[3]).toMatchObject({ state: 'active', note: 'asks' })
  const refused = [...healed.slice(0, 2), event('decided', 23, { outcome: 'refuse' })]
  expect(loopSteps(incident('open'), refused)[3]).toMatchObject({ state: 'pending', note: 'refused' })
})

it('leaves what never happened as pending when it is over', () => {
  expect(states(incident('resolved'), [event('opened', 20), event('resolved', 30)])).toEqual(['done', 'pending', 'pending', 'pending', 'pending'])
})

it('reads a verdict from the text when no fact tells it', () => {
  expect(verdictOf(event('verdict', 1, null, 'not fixed: still high'))).toBe('not_fixed')
  expect(verdictOf(event('verdict', 1, null, 'fixed'))).toBe('fixed')
})

it('merges events by id, in order, each once', () => {
  const [a, b, c] = healed as [IncidentEvent, IncidentEvent, IncidentEvent]
  expect(mergeEvents([a, c], [c, b])).toEqual([a, b, c])
})

const say = (key: string, named: Record<string, string | number>): string => i18n.global.t(key, named)
const gate = (name: string, passed: boolean, inputs: Json, reason = 'as the server said it'): GateResult => ({ gate: name, passed, inputs, reason })

it('tells gates in Chinese by their code and inputs, and leaves what it does not know', () => {
  setLocale('zh-CN')
  expect(gateReason(gate('attempts', true, { attempts: 1, max_attempts: 3 }), at(60), 'zh-CN', say)).toBe('已用 1 / 3 次尝试')
  expect(gateReason(gate('cooldown', false, { cooldown_secs: 300, last_run_at: at(0) }), at(60), 'zh-CN', say)).toBe('此目标还需冷却 240 秒（冷却期 300 秒）')
  expect(gateReason(gate('limits', false, { limits: [{ window_secs: 60, max_runs: 9, runs: 1 }, { window_secs: 3600, max_runs: 2, runs: 2 }] }), at(0), 'zh-CN', say)).toBe('此策略的限额为 3600 秒内 2 次')
  expect(gateReason(gate('freshness', true, { data_as_of: at(55), freshness_secs: 120 }), at(60), 'zh-CN', say)).toBe('数据为 5 秒前')
  expect(gateReason(gate('moon', true, {}), at(0), 'zh-CN', say)).toBe('as the server said it')
  expect(gateReason(gate('cooldown', true, null), at(0), 'zh-CN', say)).toBe('as the server said it')
  expect(gateReason(gate('attempts', true, { attempts: 1, max_attempts: 3 }), at(0), 'en', say)).toBe('as the server said it')
  const decision = { at: at(60), reason: 'held', gates: [gate('autonomy', false, { autonomy: 'approve' }, 'held')] } as unknown as Decision
  expect(decisionReason(decision, 'zh-CN', say)).toBe('策略需要批准')
  setLocale('en')
})
it('tells events in Chinese by their facts', () => {
  setLocale('zh-CN')
  expect(eventText(event('run_ended', 1, { state: 'failed', exit_code: 3 }), 'zh-CN', say)).toBe('运行结束：失败，退出码 3')
  expect(eventText(event('decided', 1, { outcome: 'ask' }, 'policy a: b: ask: it asks'), 'zh-CN', say)).toBe('策略 a: b：询问：it asks')
  expect(eventText(event('cause_ranked', 1, { causes: [{ entity: 'service=a', probability: 0.81 }] }), 'zh-CN', say)).toBe('最可能的原因：service=a（81%）')
  expect(eventText(event('anomaly_added', 1, { zh: '异常' }, 'an anomaly'), 'zh-CN', say)).toBe('异常')
  expect(eventText(event('comment', 1, null, 'a remark'), 'zh-CN', say)).toBe('a remark')
  setLocale('en')
})
