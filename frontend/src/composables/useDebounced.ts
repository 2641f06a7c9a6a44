// Runs the last of many quick calls, after a rest; dropped when the component goes.
import { getCurrentScope, onScopeDispose } from 'vue'

export function useDebounced<A extends unknown[]>(work: (...args: A) => void, ms: number): (...args: A) => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  if (getCurrentScope()) onScopeDispose(() => clearTimeout(timer))
  return (...args: A) => {
    clearTimeout(timer)
    timer = setTimeout(() => work(...args), ms)
  }
}
