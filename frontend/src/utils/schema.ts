// JSON Schema of a script's parameters as a flat list of form fields, and values checked against it.
import type { Facts, Json } from '@/api/types'

export type FieldType = 'string' | 'number' | 'integer' | 'boolean' | 'enum' | 'json'
export interface SchemaField {
  name: string; type: FieldType; title: string; description: string; required: boolean
  options: Json[]; fallback: Json; minimum: number | null; maximum: number | null
  pattern: string; minLength: number | null; maxLength: number | null; secret: boolean; long: boolean
}
/** What is wrong with a value: a key of the texts below `schema`, and what to fill in. */
export interface Wrong { key: 'number' | 'integer' | 'min' | 'max' | 'pattern' | 'short' | 'long' | 'choice' | 'json'; n?: number; pattern?: string }

type Dict = Record<string, Json>

function isDict(value: Json | undefined): value is Dict {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '')
const number = (value: Json | undefined): number | null => (typeof value === 'number' ? value : null)

function typeOf(property: Dict): FieldType {
  if (Array.isArray(property['enum'])) return 'enum'
  const raw = property['type']
  // "string or null" is a string that may be left out.
  const type = Array.isArray(raw) ? raw.find((one) => one !== 'null') : raw
  if (type === 'integer' || type === 'number' || type === 'boolean' || type === 'string') return type
  return type === undefined ? 'string' : 'json'
}

/** Fields in the schema's order; empty for null or anything that is not an object schema. */
export function schemaFields(schema: Json): SchemaField[] {
  if (!isDict(schema) || !isDict(schema['properties'])) return []
  const required = Array.isArray(schema['required']) ? schema['required'] : []
  return Object.entries(schema['properties']).map(([name, raw]) => {
    const property = isDict(raw) ? raw : {}
    return {
      name,
      type: typeOf(property),
      title: text(property['title']) || name,
      description: text(property['description']),
      required: required.includes(name),
      options: Array.isArray(property['enum']) ? property['enum'] : [],
      fallback: property['default'] ?? null,
      minimum: number(property['minimum']),
      maximum: number(property['maximum']),
      pattern: text(property['pattern']),
      minLength: number(property['minLength']),
      maxLength: number(property['maxLength']),
      secret: property['format'] === 'password' || property['writeOnly'] === true,
      long: property['format'] === 'textarea' || (number(property['maxLength']) ?? 0) > 200,
    }
  })
}

/** A value as a field shows it. */
export const shown = (value: Json | undefined): string => (value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value))

/** Names of required fields that have neither a value nor a default. */
export function missingFields(fields: readonly SchemaField[], values: Facts): string[] {
  return fields
    .filter((f) => f.required && f.fallback === null && (values[f.name] === undefined || values[f.name] === null || values[f.name] === ''))
    .map((f) => f.name)
}

function matches(pattern: string, value: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(value)
  } catch {
    // The server's dialect has what the browser's lacks; it decides.
    return true
  }
}

function wrongNumber(field: SchemaField, value: Json): Wrong | null {
  if (typeof value !== 'number') return { key: 'number' }
  if (field.type === 'integer' && !Number.isInteger(value)) return { key: 'integer' }
  if (field.minimum !== null && value < field.minimum) return { key: 'min', n: field.minimum }
  return field.maximum !== null && value > field.maximum ? { key: 'max', n: field.maximum } : null
}

function wrongText(field: SchemaField, value: Json): Wrong | null {
  if (typeof value !== 'string') return null
  const size = [...value].length
  if (field.minLength !== null && size < field.minLength) return { key: 'short', n: field.minLength }
  if (field.maxLength !== null && size > field.maxLength) return { key: 'long', n: field.maxLength }
  return field.pattern && !matches(field.pattern, value) ? { key: 'pattern', pattern: field.pattern } : null
}

/** What is wrong with a value that was given; null when nothing is, or when none was given. The server checks the rest. */
export function wrongValue(field: SchemaField, value: Json | undefined): Wrong | null {
  if (value === undefined || value === null || value === '') return null
  if (field.type === 'enum') return field.options.some((o) => shown(o) === shown(value)) ? null : { key: 'choice' }
  if (field.type === 'number' || field.type === 'integer') return wrongNumber(field, value)
  if (field.type === 'json') return typeof value === 'string' ? { key: 'json' } : null
  return wrongText(field, value)
}

/** Whether the values can be sent: nothing required is missing, nothing given is wrong. */
export function fits(fields: readonly SchemaField[], values: Facts): boolean {
  return missingFields(fields, values).length === 0 && fields.every((f) => wrongValue(f, values[f.name]) === null)
}

/** Values without empties, so that defaults apply. */
export function compactValues(values: Facts): Facts {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== '' && value !== null && value !== undefined))
}

/** A run's environment read back as values of the fields it came from. */
export function valuesOf(fields: readonly SchemaField[], env: Record<string, string>): Facts {
  const found = fields.filter((f) => env[f.name] !== undefined && !f.secret)
  return Object.fromEntries(found.map((f) => {
    const raw = env[f.name] ?? ''
    if (f.type === 'string') return [f.name, raw]
    if (f.type === 'enum') return [f.name, f.options.find((o) => shown(o) === raw) ?? raw]
    const { value, error } = parseJson(raw)
    return [f.name, error ? raw : value]
  }))
}

/** Parses JSON typed by a person; the message names line and column when the browser knows them. */
export function parseJson(source: string): { value: Json; error: string } {
  if (!source.trim()) return { value: null, error: '' }
  try {
    return { value: JSON.parse(source) as Json, error: '' }
  } catch (error) {
    return { value: null, error: error instanceof Error ? error.message : String(error) }
  }
}
