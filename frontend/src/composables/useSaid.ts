// The server's sentences in the reader's language, for templates.
import { useI18n } from 'vue-i18n'
import { inLanguage } from '@/utils/sentences'

export function useSaid(): (text: string | null | undefined) => string {
  const { t, locale } = useI18n()
  return (text) => inLanguage(text ?? '', locale.value, t)
}
