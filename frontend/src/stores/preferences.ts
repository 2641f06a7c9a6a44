// Language, colour scheme and layout: the system's unless the user chose; the choice is stored in this browser.
import { defineStore } from 'pinia'
import { computed, ref, watch } from 'vue'
import { setLocale, systemLocale, type Locale } from '@/locales'

export type Theme = 'system' | 'light' | 'dark'
interface Stored { theme?: Theme; locale?: Locale | 'system'; narrow?: boolean }
const KEY = 'aiops.preferences'

function read(): Stored {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}')
    return value !== null && typeof value === 'object' ? (value as Stored) : {}
  } catch {
    return {}
  }
}

export const usePreferencesStore = defineStore('preferences', () => {
  const stored = read()
  const theme = ref<Theme>(stored.theme ?? 'system')
  const chosenLocale = ref<Locale | 'system'>(stored.locale ?? 'system')
  const narrow = ref(stored.narrow ?? false)
  const media = window.matchMedia('(prefers-color-scheme: dark)')
  const systemDark = ref(media.matches)
  media.addEventListener('change', (event) => {
    systemDark.value = event.matches
  })

  const dark = computed(() => theme.value === 'dark' || (theme.value === 'system' && systemDark.value))
  const locale = computed<Locale>(() => (chosenLocale.value === 'system' ? systemLocale() : chosenLocale.value))

  watch(dark, (on) => document.documentElement.classList.toggle('dark', on), { immediate: true })
  watch(locale, setLocale, { immediate: true })
  watch([theme, chosenLocale, narrow], () => {
    localStorage.setItem(KEY, JSON.stringify({ theme: theme.value, locale: chosenLocale.value, narrow: narrow.value }))
  })

  return { theme, chosenLocale, locale, dark, narrow }
})
