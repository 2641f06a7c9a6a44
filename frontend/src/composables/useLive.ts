// Subscribes a component to the app's live connection for as long as it lives.
import { onScopeDispose } from 'vue'
import { useLiveStore, type LiveListener } from '@/stores/live'

export function useLive(listener: LiveListener): void {
  onScopeDispose(useLiveStore().subscribe(listener))
}
