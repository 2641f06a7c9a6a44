// One holder over all tabs of this browser: Web Locks where the page is a secure context, a localStorage lease elsewhere.

const LEASE_MS = 5_000
const POLL_MS = 40

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

async function acquireLease(name: string, owner: string): Promise<void> {
  const deadline = Date.now() + LEASE_MS * 2
  while (Date.now() < deadline) {
    const [holder, until] = (localStorage.getItem(name) ?? '').split('|')
    if (!holder || Number(until) < Date.now()) {
      localStorage.setItem(name, `${owner}|${Date.now() + LEASE_MS}`)
      await pause(POLL_MS / 2)
      if (localStorage.getItem(name)?.startsWith(`${owner}|`)) return
    }
    await pause(POLL_MS)
  }
}

export async function withTabLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  const locks = (navigator as { locks?: LockManager }).locks
  if (locks) return (await locks.request(name, work)) as T
  const owner = Math.random().toString(36).slice(2)
  await acquireLease(name, owner)
  try {
    return await work()
  } finally {
    if (localStorage.getItem(name)?.startsWith(`${owner}|`)) localStorage.removeItem(name)
  }
}
