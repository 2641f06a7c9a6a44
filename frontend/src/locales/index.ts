// Languages: which there are, which one the browser wants, how to switch.
import { createI18n } from 'vue-i18n'
import { en, type Messages } from './en'
import { zhCN } from './zh-CN'

export type Locale = 'en' | 'zh-CN'

/** The browser's language: Chinese of any kind is served zh-CN, everything else English. */
export function systemLocale(languages: readonly string[] = navigator.languages): Locale {
  return languages[0]?.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en'
}

export const i18n = createI18n<[Messages], Locale, false>({
  legacy: false,
  locale: 'en',
  fallbackLocale: 'en',
  messages: { en, 'zh-CN': zhCN },
})

export function setLocale(locale: Locale): void {
  i18n.global.locale.value = locale
  document.documentElement.lang = locale
}
