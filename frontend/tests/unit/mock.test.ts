// The imitation of the API answers as the OpenAPI document says; a small validator of the parts of JSON Schema it uses.
// @vitest-environment node
import { afterAll, beforeAll, expect, it } from 'vitest'
import text from '../../../api/openapi.json?raw'
import { startMock } from '../../e2e/mock.mjs'

interface Schema {
  $ref?: string; type?: string | string[]; enum?: unknown[]; properties?: Record<string, Schema>; required?: string[]; additionalProperties?: Schema | boolean
  items?: Schema; oneOf?: Schema[]; anyOf?: Schema[]; allOf?: Schema[]; prefixItems?: Schema[]
}
interface Operation { parameters?: { name: string; in: string; required?: boolean }[]; responses: Record<string, { content?: Record<string, { schema?: Schema }> }> }
const document = JSON.parse(text) as {
  paths: Record<string, Record<string, Operation>>; components: { schemas: Record<string, Schema> }
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}
function object(value: Record<string, unknown>, schema: Schema, at: string): string[] {
  const wrong = (schema.required ?? []).filter((key) => value[key] === undefined).map((key) => `${at}.${key} is missing`)
  for (const [key, one] of Object.entries(value)) {
    const own = schema.properties?.[key]
    if (own) wrong.push(...check(one, own, `${at}.${key}`))
    else if (typeof schema.additionalProperties === 'object') wrong.push(...check(one, schema.additionalProperties, `${at}.${key}`))
  }
  return wrong
}
/** What is wrong with a value; empty when nothing is. */
function check(value: unknown, schema: Schema, at: string): string[] {
  if (schema.$ref) return check(value, document.components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}, at)
  if (schema.allOf) return schema.allOf.flatMap((one) => check(value, one, at))
  const choices = schema.oneOf ?? schema.anyOf
  if (choices) {
    const all = choices.map((one) => check(value, one, at))
    return all.some((wrong) => wrong.length === 0) ? [] : (all.at(-1) ?? [])
  }
  if (schema.enum && !schema.enum.includes(value)) return [`${at} is ${JSON.stringify(value)}, not one of ${schema.enum.join(' ')}`]
  const types = [schema.type ?? []].flat()
  const kind = kindOf(value)
  if (types.length > 0 && !types.includes(kind) && !(kind === 'integer' && types.includes('number'))) return [`${at} is ${kind}, not ${types.join(' or ')}`]
  if (Array.isArray(value) && schema.items) return value.flatMap((one, i) => check(one, schema.items ?? {}, `${at}[${i}]`)).slice(0, 5)
  return kind === 'object' ? object(value as Record<string, unknown>, schema, at) : []
}

let mock: Awaited<ReturnType<typeof startMock>>
const get = async (path: string): Promise<Response> => fetch(`http://127.0.0.1:${mock.port}${path}`, { headers: { authorization: 'Bearer t' } })
beforeAll(async () => { mock = await startMock({ port: 0, pace: 0 }) })
afterAll(() => mock.close())

const TEXT = ['/logs.txt', '/stream', '/artifacts/content', '/openapi']
const reads = Object.entries(document.paths).filter(([path, methods]) => methods['get'] && !TEXT.some((end) => path.includes(end)))
const NEEDS: Record<string, string> = { '/api/v1/runs/{id}/logs/search': '?q=a' }

async function fill(path: string): Promise<string> {
  // Requests of many runs have no list: one is made.
  if (path.startsWith('/api/v1/batches/')) {
    const made = await fetch(`http://127.0.0.1:${mock.port}/api/v1/runs`, { method: 'POST', headers: { authorization: 'Bearer t' }, body: JSON.stringify({ tag: 'shop' }) })
    return path.replace('{id}', ((await made.json()) as { id: string }).id)
  }
  const list = path.slice(0, path.indexOf('/{'))
  const rows = (await (await get(`${list}?limit=200`)).json()) as { items: { id: string }[] }
  const id = rows.items.find((row) => list !== '/api/v1/incidents' || mock.world.anomalies.some((a) => a.incident_id === row.id))?.id ?? ''
  return path.replace('{id}', id).replace('{number}', '2')
}

it.each(reads.map(([path]) => path))('answers GET %s as the document says', async (path) => {
  const response = await get(`${path.includes('/{') ? await fill(path) : path}${NEEDS[path] ?? ''}`)
  expect(response.status, path).toBe(200)
  const schema = document.paths[path]?.['get']?.responses['200']?.content?.['application/json']?.schema
  expect(schema, path).toBeDefined()
  expect(check(await response.json(), schema ?? {}, '$').slice(0, 5)).toEqual([])
})
