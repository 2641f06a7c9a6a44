// A failed request as one value: problem details (RFC 9457) or the reason why there was no answer.
import type { FieldError, ProblemBody } from './types'

export class Problem extends Error {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly detail: string
  readonly errors: FieldError[]
  readonly traceId: string

  constructor(status: number, body: ProblemBody) {
    super(body.detail || body.title || `HTTP ${status}`)
    this.name = 'Problem'
    this.status = status
    this.code = body.code ?? (status === 0 ? 'network' : 'internal')
    this.title = body.title ?? ''
    this.detail = body.detail ?? ''
    this.errors = body.errors ?? []
    this.traceId = body.trace_id ?? ''
  }

  /** Somebody else changed the object meanwhile. */
  get isConflict(): boolean {
    return this.status === 412 || this.status === 428
  }
}

/** Any thrown value as a problem, so that views handle one type. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  return new Problem(0, { code: 'network', detail: error instanceof Error ? error.message : String(error) })
}

/** Reads the body of a failed response; one that is not JSON still yields a problem. */
export async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text().catch(() => '')
  try {
    const body: unknown = JSON.parse(text)
    if (body !== null && typeof body === 'object') return new Problem(response.status, body as ProblemBody)
  } catch {
    // not JSON: a proxy's page, or nothing
  }
  return new Problem(response.status, { title: response.statusText, code: codeOf(response.status) })
}

function codeOf(status: number): string {
  if (status === 401) return 'unauthenticated'
  if (status === 403) return 'forbidden'
  if (status === 404) return 'not_found'
  if (status === 409 || status === 412) return 'conflict'
  if (status === 429) return 'too_many'
  if (status === 504) return 'timeout'
  if (status === 502 || status === 503) return 'unavailable'
  return status >= 500 ? 'internal' : 'invalid'
}
