// Repeats work while the component lives and the page is visible.
import { onScopeDispose } from 'vue'

export function useTimer(work: () => void, ms: number): void {
  const timer = setInterval(() => {
    if (!document.hidden) work()
  }, ms)
  onScopeDispose(() => clearInterval(timer))
}
