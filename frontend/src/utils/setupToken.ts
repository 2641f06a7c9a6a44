// The one-time set-up token from the address: `/setup#?token=…`, `/setup#token=…` or `/setup?token=…`.

export function tokenFromAddress(hash: string, query: unknown): string {
  const inHash = new URLSearchParams(hash.replace(/^#/, '').replace(/^\/?[^?=]*\?/, '')).get('token')
  return inHash ?? (typeof query === 'string' ? query : '')
}
