// Keys: `/` to the search field, `g` then a letter to a page, `?` for help. Never while a person types.
import { onBeforeUnmount, onMounted } from 'vue'

export interface Shortcuts { go: (letter: string) => void; help: () => void }

const PAIR_MS = 1200

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName))
}

/** The handler alone, so that it can be tested without a component. */
export function shortcutHandler(actions: Shortcuts, focusSearch: () => boolean): (event: KeyboardEvent) => void {
  let pairUntil = 0
  return (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return
    if (event.key === '/') {
      if (focusSearch()) event.preventDefault()
    } else if (event.key === '?') {
      event.preventDefault()
      actions.help()
    } else if (event.key === 'g') {
      pairUntil = event.timeStamp + PAIR_MS
      return
    } else if (event.timeStamp <= pairUntil && /^[a-z]$/.test(event.key)) {
      event.preventDefault()
      actions.go(event.key)
    }
    pairUntil = 0
  }
}

function focusSearchField(): boolean {
  const field = document.querySelector<HTMLInputElement>('[data-search] input, input[data-search]')
  field?.focus()
  field?.select()
  return field !== null
}

export function useShortcuts(actions: Shortcuts): void {
  const handler = shortcutHandler(actions, focusSearchField)
  onMounted(() => window.addEventListener('keydown', handler))
  onBeforeUnmount(() => window.removeEventListener('keydown', handler))
}
