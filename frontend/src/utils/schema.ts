// JSON Schema of a script's parameters as a flat list of form fields, and values checked against it.
import type { Facts, Json } from '@/api/types'

export type FieldType = 'string' | 'number' | 'integer' | 'boolean' | 'enum' | 'json'
export interface SchemaField {
  name: string; type: FieldType; title: string; description: string; required: boolean
  options: string[]; fallback: Json; minimum: number | null; maximum: number | null; secret: boolean
}

type Dict = Record<string, Json>

function isDict(value: Json | undefined): value is Dict {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '')
const number = (value: Json | undefined): number | null => (typeof value === 'number' ? value : null)

function typeOf(property: Dict): FieldType {
  if (Array.isArray(property['enum'])) return 'enum'
  const type = property['type']
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
      options: Array.isArray(property['enum']) ? property['enum'].map(String) : [],
      fallback: property['default'] ?? null,
      minimum: number(property['minimum']),
      maximum: number(property['maximum']),
      secret: property['format'] === 'password' || property['writeOnly'] === true,
    }
  })
}

/** Names of required fields that have neither a value nor a default. */
export function missingFields(fields: readonly SchemaField[], values: Facts): string[] {
  return fields
    .filter((f) => f.required && f.fallback === null && (values[f.name] === undefined || values[f.name] === null || values[f.name] === ''))
    .map((f) => f.name)
}

/** Values without empties, so that defaults apply. */
export function compactValues(values: Facts): Facts {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== '' && value !== null && value !== undefined))
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
