// One load: data, loading, problem. A later call wins over an earlier one that is still under way.
import { ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import { asProblem, type Problem } from '@/api/problem'

export interface Async<T, A extends unknown[]> {
  data: ShallowRef<T | null>
  loading: Ref<boolean>
  problem: ShallowRef<Problem | null>
  run: (...args: A) => Promise<T | null>
}

export function useAsync<T, A extends unknown[] = []>(work: (...args: A) => Promise<T>): Async<T, A> {
  const data: ShallowRef<T | null> = shallowRef(null)
  const loading = ref(false)
  const problem = shallowRef<Problem | null>(null)
  let latest = 0

  async function run(...args: A): Promise<T | null> {
    latest += 1
    const mine = latest
    loading.value = true
    try {
      const value = await work(...args)
      if (mine !== latest) return value
      data.value = value
      problem.value = null
      return value
    } catch (error) {
      if (mine === latest) problem.value = asProblem(error)
      return null
    } finally {
      if (mine === latest) loading.value = false
    }
  }

  return { data, loading, problem, run }
}
