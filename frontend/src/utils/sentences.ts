// The server's English sentences as codes with parts, and back in the reader's language. The catalogue is data (locales/sentences.json);
// records of earlier versions are read the same way, and what it does not know is shown as it came.
import catalogue from '@/locales/sentences.json'

/** Text of a key with its parts filled in. */
type Say = (key: string, named: Record<string, string | number>) => string
interface Sentence { code: string; pattern: RegExp; parts: { name: string; kind: string }[]; literal: number }

const SIGNALS: Record<string, string> = { latency: 'latency', errors: 'errors', traffic: 'traffic', saturation: 'saturation', availability: 'availability', logs: 'logs', metrics: 'other' }
const WORDS = Object.keys(SIGNALS).join('|')
/** What a part of each kind looks like; all others are words of a closed set, named like the group of their texts. */
const SHAPES: Record<string, string> = {
  verdict: 'fixed|improved|not_fixed|worse|inconclusive', outcome: 'run|wait|ask|refuse', severity: 'info|warning|critical', part: 'act|precheck|verify|undo',
  '': '.+?', t: '.+', d: '-?\\d+(?:\\.\\d+)?', w: '[+-]\\d+\\.\\d+', signals: `(?:${WORDS})(?:, (?:${WORDS}))*`,
}

function compile(code: string, template: string): Sentence {
  const parts: Sentence['parts'] = []
  let literal = 0
  const source = template.split(/(\{\w+(?::\w+)?\})/).map((piece) => {
    const found = /^\{(\w+)(?::(\w+))?\}$/.exec(piece)
    if (!found) {
      literal += piece.length
      return piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    }
    const kind = found[2] ?? ''
    parts.push({ name: found[1] ?? '', kind })
    return `(${SHAPES[kind] ?? '\\w+'})`
  })
  return { code, parts, literal, pattern: new RegExp(`^${source.join('')}$`, 's') }
}
// The one that says most by itself comes first.
const SENTENCES: readonly Sentence[] = Object.entries(catalogue).map(([code, text]) => compile(code, text.en)).sort((a, b) => b.literal - a.literal)

export interface Read { code: string; parts: { name: string; kind: string; text: string }[] }
/** Code and parts of an English sentence; null when the catalogue does not have it. */
export function readSentence(text: string): Read | null {
  for (const one of SENTENCES) {
    const found = one.pattern.exec(text)
    if (found) return { code: one.code, parts: one.parts.map((part, at) => ({ ...part, text: found[at + 1] ?? '' })) }
  }
  return null
}

/** The sentence in the reader's language, parts that are sentences or words of ours too. */
export function inLanguage(text: string, locale: string, say: Say): string {
  if (locale === 'en' || text === '') return text
  const read = readSentence(text)
  if (!read) return text
  const word = (kind: string, value: string): string => {
    if (kind === '' || kind === 'd' || kind === 'w') return value
    if (kind === 't') return inLanguage(value, locale, say)
    if (kind === 'signals') return value.split(', ').map((one) => say(`signal.${SIGNALS[one] ?? 'other'}`, {})).join('、')
    const told = say(`${kind}.${value}`, {})
    return told === `${kind}.${value}` ? value : told
  }
  const template = (catalogue as Record<string, { zh: string }>)[read.code]?.zh ?? text
  return read.parts.reduce((line, part) => line.replace(`{${part.name}}`, () => word(part.kind, part.text)), template)
}
