// Delay before the next try of a live connection: doubles to a limit, with jitter so that clients do not return at once.

export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const ceiling = Math.min(30_000, 500 * 2 ** Math.min(attempt, 10))
  return Math.round(ceiling / 2 + random() * (ceiling / 2))
}
