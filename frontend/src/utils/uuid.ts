// Ids sort by time (UUIDv7): the smallest id of a moment marks where to begin to read.

/** No id made at or after `ms` is smaller. */
export function firstIdAt(ms: number): string {
  const time = Math.max(0, Math.floor(ms)).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`
}
