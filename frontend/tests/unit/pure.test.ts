// Pure helpers: numbers, tags, schemas, logs, charts, addresses, words.
import { describe, expect, it } from 'vitest'
import { en } from '@/locales/en'
import { zhCN } from '@/locales/zh-CN'
import { systemLocale } from '@/locales'
import { safeNext } from '@/router/guards'
import { draftOf } from '@/utils/draft'
import { anomalyMarks, anomalyOption, previewOption, readPalette, withGaps } from '@/utils/chart'
import { formatDuration, formatValue, percent, relativeTime, splitEntity, stripAnsi } from '@/utils/format'
import { appendRecords, findLines, pieces, rowWindow } from '@/utils/log'
import { same } from '@/utils/merge'
import { readFilter, writeFilter } from '@/composables/useQueryFilter'
import { sideBySide } from '@/utils/diff'
import { holes, matcher, pieces as cut, prependRecords } from '@/utils/log'
import { compactValues, fits, missingFields, parseJson, schemaFields, valuesOf, wrongValue } from '@/utils/schema'
import { senderSnippet, sends } from '@/utils/snippets'
import { tokenFromAddress } from '@/utils/setupToken'
import { firstIdAt } from '@/utils/uuid'
import { addTags, tagsFit } from '@/utils/tags'
import { AUTONOMIES, INCIDENT_STATES, RUN_STATES, SEVERITIES, TONES, VERDICTS } from '@/utils/words'
import type { Anomaly, Json, LogRecord, Run, Verification } from '@/api/types'

describe('format', () => {
  it.each([[0.084, 's', '84 ms'], [2.31, 's', '2.31 s'], [0, 's', '0 s'], [1536, 'bytes', '1.5 KiB'], [7.4, '%', '7.4%'], [123_456, '', '123.5k'], [null, 's', '—'], [Number.NaN, '', '—'], [Infinity, '', '∞'], [-1e308, 's', '−∞'], [12, '1/s', '12 1/s']])('value %s %s', (value, unit, text) => {
    expect(formatValue(value, unit)).toBe(text)
  })
  it.each([[420, '420ms'], [6400, '6.4s'], [21_400, '21s'], [200_000, '3m 20s'], [3_840_000, '1h 04m'], [90_000_000, '1d 01h'], [null, '—']])('duration %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })
  it('speaks of time in both languages', () => {
    expect(relativeTime(-300_000, 'zh-CN')).toBe('5分钟前')
    expect(relativeTime(-300_000, 'en')).toMatch(/^5\s?m(in\.?)? ago$/)
  })
  it('shares, entities, terminal colours', () => {
    expect([percent(0.814), percent(0.003), percent(0)]).toEqual(['81%', '<1%', '0%'])
    expect(splitEntity('service=a=b')).toEqual({ label: 'service', value: 'a=b' })
    expect(stripAnsi('\u001b[31mred\u001b[0m \u001b]0;title\u0007x')).toBe('red x')
  })
})

describe('log', () => {
  const line = (seq: number, text: string): LogRecord => ({ seq, at: '', stream: 'stdout', text })
  it('drops repeated lines of a resumed stream and keeps the list when nothing is new', () => {
    const held = [line(1, 'a'), line(2, 'b')]
    expect(appendRecords(held, [line(2, 'b'), line(3, 'c')]).map((l) => l.seq)).toEqual([1, 2, 3])
    expect(appendRecords(held, [line(1, 'a')])).toBe(held)
  })
  it('finds and cuts hits without markup', () => {
    expect(findLines([line(1, 'an Error'), line(2, 'fine')], 'error')).toEqual([0])
    expect(pieces('<b>Error</b> error', 'error')).toEqual([{ text: '<b>', hit: false }, { text: 'Error', hit: true }, { text: '</b> ', hit: false }, { text: 'error', hit: true }])
    expect(pieces('x', '')).toEqual([{ text: 'x', hit: false }])
  })
  it('draws only the rows in view', () => {
    expect(rowWindow(20_000, 400, 20, 5000, 5)).toEqual([995, 1025])
    expect(rowWindow(0, 400, 20, 3)).toEqual([0, 3])
    expect(rowWindow(0, 400, 20, 0)).toEqual([0, 0])
  })
})

describe('schema', () => {
  const schema = { type: 'object', required: ['A', 'B'], properties: { A: { type: 'string' }, B: { type: 'integer', default: 2, minimum: 1 }, C: { enum: ['x', 1] }, D: { type: 'array' } } }
  it('reads fields', () => {
    expect(schemaFields(schema).map((f) => [f.name, f.type, f.required])).toEqual([['A', 'string', true], ['B', 'integer', true], ['C', 'enum', false], ['D', 'json', false]])
    expect(schemaFields(null)).toEqual([])
    expect(schemaFields([1])).toEqual([])
  })
  it('misses only required fields without a value or default', () => {
    expect(missingFields(schemaFields(schema), {})).toEqual(['A'])
    expect(missingFields(schemaFields(schema), { A: '' })).toEqual(['A'])
    expect(compactValues({ A: '', B: 0, C: false })).toEqual({ B: 0, C: false })
  })
  it('parses JSON or says why not', () => {
    expect(parseJson(' ')).toEqual({ value: null, error: '' })
    expect(parseJson('{').error).not.toBe('')
  })
})

describe('chart', () => {
  const anomaly = { started_at: '2026-01-01T00:00:00Z', last_seen_at: '2026-01-01T00:01:00Z', ended_at: null } as Anomaly
  const runs = [{ started_at: '2026-01-01T00:00:30Z', ended_at: '2026-01-01T00:00:36Z' }, { started_at: null }] as unknown as Run[]
  const verifications = [{ verdict: 'fixed', ended_at: '2026-01-01T00:01:30Z' }, { verdict: null }] as unknown as Verification[]
  const words = { detected: 'D', run: 'R', runEnd: 'E', verdict: (v: string) => v }
  it('marks what happened, in order; a short run has one label', () => {
    const { marks, spans } = anomalyMarks(anomaly, Date.parse('2026-01-01T00:02:00Z'), '2026-01-01T00:00:20Z', runs, verifications, words)
    expect(marks.map((m) => m.label)).toEqual(['D', 'R', 'fixed'])
    expect(spans.map((s) => (s.to - s.from) / 1000)).toEqual([120, 6])
  })
  it('keeps gaps as gaps and never turns a missing band into zero', () => {
    const option = anomalyOption([{ at_ms: 1, value: null, lower: null, upper: null, score: 0 }, { at_ms: 2, value: 5, lower: -1, upper: 3, score: 1 }], [], [], '', { value: 'v', band: 'b', score: 's' }, readPalette())
    const series = option.series as { data: unknown[][] }[]
    expect(series.map((s) => s.data)).toEqual([[[1, null], [2, -1]], [[1, null], [2, 4]], [[1, null], [2, 5]], [[1, 0], [2, 1]]])
  })
  it('leaves holes in the data open and shows a detection after the last point', () => {
    const points = [0, 5, 10, 15, 60].map((s) => ({ at_ms: s * 1000, value: 1, lower: 0, upper: 2, score: 0 }))
    expect(withGaps(points).map((p) => [p.at_ms, p.value])).toEqual([[0, 1], [5000, 1], [10_000, 1], [15_000, 1], [20_000, null], [60_000, 1]])
    expect(withGaps([])).toEqual([])
    const option = anomalyOption(points, [{ at: 90_000, label: 'D', tone: 'bad' }, { at: 9_000_000, label: 'far', tone: 'bad' }], [], '', { value: '', band: '', score: '' }, readPalette())
    expect((option.xAxis as { max: number }[])[0]?.max).toBe(90_000)
  })
  it('draws no HTML in tooltips', () => {
    expect((previewOption([], '', readPalette()).tooltip as { renderMode: string }).renderMode).toBe('richText')
  })
})

describe('small things', () => {
  it('tags', () => {
    expect(addTags(['a'], ' b , a，c,')).toEqual(['a', 'b', 'c'])
    expect(tagsFit(['x'.repeat(65)])).toBe(false)
    expect(tagsFit(Array.from({ length: 33 }, (_, i) => String(i)))).toBe(false)
  })
  it('set-up token from the address', () => {
    expect([tokenFromAddress('#?token=a%2Bb', undefined), tokenFromAddress('#token=x', undefined), tokenFromAddress('#/setup?token=y', undefined), tokenFromAddress('', 'z'), tokenFromAddress('', undefined)]).toEqual(['a+b', 'x', 'y', 'z', ''])
  })
  it('follows only paths of its own after login', () => {
    expect([safeNext('/runs/1?x=1'), safeNext('//evil.example'), safeNext('/\\evil'), safeNext('https://evil'), safeNext(['/a']), safeNext('/login?next=/a')]).toEqual(['/runs/1?x=1', '/', '/', '/', '/', '/'])
  })
  it('knows the first id of a moment', () => {
    expect(firstIdAt(0x01a2109d9b99)).toBe('01a2109d-9b99-7000-8000-000000000000')
    expect(firstIdAt(0x01a2109d9b99) < '01a2109d-9b99-7303-89d9-313612cf8dc2').toBe(true)
  })
  it('compares JSON whatever the order, null as absent', () => {
    expect(same({ a: 1, b: [{ c: 2 }] }, { b: [{ c: 2 }], a: 1 })).toBe(true)
    expect(same({ a: null }, {})).toBe(true)
    expect(same([1], { 0: 1 })).toBe(false)
  })
  it('takes the editable part of a stored object', () => {
    expect(draftOf({ id: 'x', version: 2, name: 'n', tags: [], created_at: '', updated_at: '', archived_at: null, url: 'u' })).toEqual({ name: 'n', tags: [], url: 'u' })
  })
  it('serves Chinese of any kind in zh-CN', () => {
    expect([systemLocale(['zh-TW']), systemLocale(['zh']), systemLocale(['de', 'zh']), systemLocale([])]).toEqual(['zh-CN', 'zh-CN', 'en', 'en'])
  })
})

describe('words', () => {
  const leaves = (value: unknown, path = ''): [string, string][] =>
    typeof value === 'string' ? [[path, value]] : Object.entries(value as object).flatMap(([key, one]) => leaves(one, path ? `${path}.${key}` : key))
  it('has the same placeholders in both languages', () => {
    const chinese = new Map(leaves(zhCN))
    const placeholders = (text: string): string[] => [...new Set([...text.matchAll(/\{\w+\}/g)].map((m) => m[0]))].sort()
    const wrong = leaves(en).filter(([key, text]) => JSON.stringify(placeholders(text)) !== JSON.stringify(placeholders(chinese.get(key) ?? '')))
    expect(wrong.map(([key]) => key)).toEqual([])
  })
  it('gives every word a colour', () => {
    expect([...INCIDENT_STATES, ...RUN_STATES, ...VERDICTS, ...SEVERITIES, ...AUTONOMIES].filter((w) => !TONES[w])).toEqual([])
  })
})

describe('parameters by schema', () => {
  const fields = schemaFields({ type: 'object', required: ['A'], properties: { A: { type: 'string', pattern: '^[a-z]+$', maxLength: 4 }, N: { type: 'integer', minimum: 1, maximum: 9 }, E: { enum: [1, 'two'] }, L: { type: 'array' }, O: { type: ['string', 'null'] } } })
  const wrong = (name: string, value: Json) => { const field = fields.find((f) => f.name === name); return field ? wrongValue(field, value)?.key : 'no such field' }
  it.each([['A', 'abc', undefined], ['A', 'Abc', 'pattern'], ['A', 'abcde', 'long'], ['N', 5, undefined], ['N', 10, 'max'], ['N', 0, 'min'], ['N', 1.5, 'integer'], ['N', 'x', 'number'], ['E', 1, undefined], ['E', 'three', 'choice'], ['L', [1], undefined], ['L', '[1', 'json'], ['O', 'free', undefined], ['A', '', undefined]] as [string, Json, string | undefined][])('%s %j -> %s', (name, value, key) => {
    expect(wrong(name, value)).toBe(key)
  })
  it('sends only what is complete and right', () => {
    expect(fits(fields, {})).toBe(false)
    expect(fits(fields, { A: 'abc', N: 3 })).toBe(true)
    expect(fits(fields, { A: 'abc', N: 30 })).toBe(false)
  })
  it('reads the environment of a run back as values', () => {
    expect(valuesOf(fields, { A: 'abc', N: '3', E: '1', L: '[1,2]', OTHER: 'x' })).toEqual({ A: 'abc', N: 3, E: 1, L: [1, 2] })
  })
})

describe('side by side', () => {
  const unified = '--- version 1/timeout_secs\n+++ version 2/timeout_secs\n@@ -1 +1 @@\n-60\n+120\n--- version 1/body\n+++ version 2/body\n@@ -1,3 +1,4 @@\n set -e\n-echo a\n+echo b\n+echo c\n exit\n@@ -10,1 +11,1 @@\n--- not a header\n+++ nor this\n'
  it('has a part per field; removed and added lines stand beside each other', () => {
    const parts = sideBySide(unified)
    expect(parts.map((p) => p.field)).toEqual(['timeout_secs', 'body'])
    expect(parts[1]?.rows.map((r) => [r.kind, r.leftNo, r.left, r.rightNo, r.right])).toEqual([
      ['same', 1, 'set -e', 1, 'set -e'], ['change', 2, 'echo a', 2, 'echo b'], ['change', null, null, 3, 'echo c'], ['same', 3, 'exit', 4, 'exit'],
      ['gap', null, null, null, null], ['change', 10, '-- not a header', 11, '++ nor this'],
    ])
  })
  it('is empty when nothing differs', () => expect(sideBySide('')).toEqual([]))
})

describe('a long log', () => {
  const line = (seq: number): LogRecord => ({ seq, at: '', stream: 'stdout', text: `line ${seq}` })
  it('takes earlier lines once and finds holes', () => {
    expect(prependRecords([line(5), line(6)], [line(3), line(4), line(5)]).map((l) => l.seq)).toEqual([3, 4, 5, 6])
    expect(holes([line(1), line(2), line(6), line(7), line(9)])).toEqual([{ from: 3, to: 5 }, { from: 8, to: 8 }])
  })
  it('marks hits of an expression, and none of one that does not parse', () => {
    expect(cut('ab12cd3', matcher('[0-9]+', true)).map((p) => [p.text, p.hit])).toEqual([['ab', false], ['12', true], ['cd', false], ['3', true]])
    expect(matcher('[', true)).toBeNull()
    expect(cut('a.b', matcher('.')).map((p) => p.text)).toEqual(['a', '.', 'b'])
  })
})

describe('filters in the address', () => {
  const blank = { state: [] as string[], search: '', case_id: '' }
  it('reads and writes only what is set', () => {
    expect(readFilter(blank, { state: 'failed', search: 'a', other: 'x' })).toEqual({ state: ['failed'], search: 'a', case_id: '' })
    expect(readFilter(blank, { state: ['failed', 'lost'] })).toEqual({ state: ['failed', 'lost'], search: '', case_id: '' })
    expect(writeFilter(blank, { state: ['lost'], search: '', case_id: 'c' })).toEqual({ state: ['lost'], case_id: 'c' })
  })
})

describe('senders of alerts', () => {
  it('gets a configuration with its address and token', () => {
    for (const kind of ['alertmanager', 'grafana', 'generic'] as const) {
      expect(sends(kind)).toBe(true)
      expect(senderSnippet(kind, 'https://a/api/v1/webhooks/1', 'T0K3N')).toContain('https://a/api/v1/webhooks/1')
      expect(senderSnippet(kind, 'https://a/api/v1/webhooks/1', 'T0K3N')).toContain('T0K3N')
    }
    expect(sends('prometheus')).toBe(false)
    expect(senderSnippet('prometheus', 'u', 't')).toBe('')
  })
})
