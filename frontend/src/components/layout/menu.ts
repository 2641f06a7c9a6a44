// The menu: groups of pages with icons and the letter that follows `g`.
import {
  Bell, Clock, Cpu, DataAnalysis, DataLine, Document, Files, Finished, Key, List, Lock, MessageBox, Odometer, SetUp, Share, Sort, Tickets, TrendCharts, User, Warning,
} from '@element-plus/icons-vue'
import type { Component } from 'vue'
import type { Permission } from '@/utils/roles'

export interface MenuEntry {
  section: string; path: string; text: string; icon: Component; letter: string; needs?: Permission
  /** Route below the API's base without which there is nothing to show. */
  route?: string
}
export interface MenuGroup { text: string; entries: MenuEntry[] }

export const MENU: readonly MenuGroup[] = [
  {
    text: 'nav.operate',
    entries: [
      { section: 'dashboard', path: '/', text: 'nav.dashboard', icon: Odometer, letter: 'd' },
      { section: 'incidents', path: '/incidents', text: 'nav.incidents', icon: Warning, letter: 'i' },
      { section: 'alerts', path: '/alerts', text: 'nav.alerts', icon: MessageBox, letter: 'l' },
      { section: 'runs', path: '/runs', text: 'nav.runs', icon: Finished, letter: 'r' },
      { section: 'queue', path: '/queue', text: 'nav.queue', icon: Sort, letter: 'q' },
    ],
  },
  {
    text: 'nav.automate',
    entries: [
      { section: 'policies', path: '/policies', text: 'nav.policies', icon: SetUp, letter: 'p' },
      { section: 'cases', path: '/cases', text: 'nav.cases', icon: List, letter: 'c' },
      { section: 'scripts', path: '/scripts', text: 'nav.scripts', icon: Document, letter: 's' },
      { section: 'schedules', path: '/schedules', text: 'nav.schedules', icon: Clock, letter: 't', route: '/schedules' },
      { section: 'runtime-managers', path: '/runtime-managers', text: 'nav.managers', icon: Cpu, letter: 'e' },
      { section: 'secrets', path: '/secrets', text: 'nav.secrets', icon: Lock, letter: 'k', needs: 'edit', route: '/secrets' },
    ],
  },
  {
    text: 'nav.observe',
    entries: [
      { section: 'topology', path: '/topology', text: 'nav.topology', icon: Share, letter: 'h', route: '/topology' },
      { section: 'monitors', path: '/monitors', text: 'nav.monitors', icon: DataLine, letter: 'm' },
      { section: 'anomalies', path: '/anomalies', text: 'nav.anomalies', icon: TrendCharts, letter: 'x' },
      { section: 'logs', path: '/logs', text: 'nav.logs', icon: Tickets, letter: 'w', route: '/templates' },
      { section: 'sources', path: '/sources', text: 'nav.sources', icon: DataAnalysis, letter: 'o' },
      { section: 'channels', path: '/channels', text: 'nav.channels', icon: Bell, letter: 'n' },
    ],
  },
  {
    text: 'nav.administer',
    entries: [
      { section: 'audit', path: '/audit', text: 'nav.audit', icon: Files, letter: 'a', needs: 'admin' },
      { section: 'api-keys', path: '/api-keys', text: 'nav.apiKeys', icon: Key, letter: 'y', needs: 'admin', route: '/api-keys' },
      { section: 'users', path: '/users', text: 'nav.users', icon: User, letter: 'u', needs: 'admin' },
    ],
  },
]
