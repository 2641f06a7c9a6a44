// Routes: one lazy chunk a page; the guard sends strangers to login and the first visitor to set-up.
import { createRouter, createWebHistory, type Router, type RouteRecordRaw } from 'vue-router'
import type { Permission } from '@/utils/roles'
import { guard } from './guards'

declare module 'vue-router' {
  interface RouteMeta {
    /** Key of the title's text. */
    title?: string
    /** Reachable without a session. */
    open?: boolean
    needs?: Permission
    /** Menu entry that is marked. */
    section?: string
  }
}

/** List and form of one editable kind. */
function editable(path: string, title: string, list: () => Promise<unknown>, form: () => Promise<unknown>): RouteRecordRaw[] {
  const section = path.slice(1)
  return [
    { path, name: section, component: list as never, meta: { title: `nav.${title}`, section } },
    { path: `${path}/new`, name: `${section}-new`, component: form as never, props: () => ({ id: null }), meta: { title: `nav.${title}`, section, needs: 'edit' } },
    { path: `${path}/:id`, name: `${section}-edit`, component: form as never, props: true, meta: { title: `nav.${title}`, section } },
  ]
}

export const routes: RouteRecordRaw[] = [
  { path: '/setup', name: 'setup', component: () => import('@/views/SetupView.vue'), meta: { open: true, title: 'setup.title' } },
  { path: '/login', name: 'login', component: () => import('@/views/LoginView.vue'), meta: { open: true, title: 'login.title' } },
  {
    path: '/',
    component: () => import('@/components/layout/TheShell.vue'),
    children: [
      { path: '', name: 'dashboard', component: () => import('@/views/DashboardView.vue'), meta: { title: 'nav.dashboard', section: 'dashboard' } },
      { path: '/incidents', name: 'incidents', component: () => import('@/views/IncidentsView.vue'), meta: { title: 'nav.incidents', section: 'incidents' } },
      { path: '/incidents/:id', name: 'incident', component: () => import('@/views/IncidentDetailView.vue'), props: true, meta: { title: 'nav.incidents', section: 'incidents' } },
      { path: '/runs', name: 'runs', component: () => import('@/views/RunsView.vue'), meta: { title: 'nav.runs', section: 'runs' } },
      { path: '/runs/:id', name: 'run', component: () => import('@/views/RunDetailView.vue'), props: true, meta: { title: 'nav.runs', section: 'runs' } },
      { path: '/queue', name: 'queue', component: () => import('@/views/QueueView.vue'), meta: { title: 'nav.queue', section: 'queue' } },
      ...editable('/scripts', 'scripts', () => import('@/views/ScriptsView.vue'), () => import('@/views/ScriptEditView.vue')),
      ...editable('/cases', 'cases', () => import('@/views/CasesView.vue'), () => import('@/views/CaseEditView.vue')),
      ...editable('/schedules', 'schedules', () => import('@/views/SchedulesView.vue'), () => import('@/views/ScheduleEditView.vue')),
      { path: '/batches/:id', name: 'batch', component: () => import('@/views/BatchView.vue'), props: true, meta: { title: 'nav.runs', section: 'runs' } },
      { path: '/secrets', name: 'secrets', component: () => import('@/views/SecretsView.vue'), meta: { title: 'nav.secrets', section: 'secrets', needs: 'edit' } },
      { path: '/api-keys', name: 'api-keys', component: () => import('@/views/ApiKeysView.vue'), meta: { title: 'nav.apiKeys', section: 'api-keys', needs: 'admin' } },
      { path: '/topology', name: 'topology', component: () => import('@/views/TopologyView.vue'), meta: { title: 'nav.topology', section: 'topology' } },
      { path: '/logs', name: 'logs', component: () => import('@/views/LogsView.vue'), meta: { title: 'nav.logs', section: 'logs' } },
      ...editable('/runtime-managers', 'managers', () => import('@/views/ManagersView.vue'), () => import('@/views/ManagerEditView.vue')),
      ...editable('/policies', 'policies', () => import('@/views/PoliciesView.vue'), () => import('@/views/PolicyEditView.vue')),
      { path: '/alerts', name: 'alerts', component: () => import('@/views/AlertsView.vue'), meta: { title: 'nav.alerts', section: 'alerts' } },
      { path: '/anomalies', name: 'anomalies', component: () => import('@/views/AnomaliesView.vue'), meta: { title: 'nav.anomalies', section: 'anomalies' } },
      { path: '/anomalies/:id', name: 'anomaly', component: () => import('@/views/AnomalyDetailView.vue'), props: true, meta: { title: 'nav.anomalies', section: 'anomalies' } },
      ...editable('/monitors', 'monitors', () => import('@/views/MonitorsView.vue'), () => import('@/views/MonitorEditView.vue')),
      ...editable('/sources', 'sources', () => import('@/views/SourcesView.vue'), () => import('@/views/SourceEditView.vue')),
      { path: '/discovery/:id?', name: 'discovery', component: () => import('@/views/DiscoveryView.vue'), props: true, meta: { title: 'discovery.title', section: 'sources' } },
      ...editable('/channels', 'channels', () => import('@/views/ChannelsView.vue'), () => import('@/views/ChannelEditView.vue')),
      { path: '/audit', name: 'audit', component: () => import('@/views/AuditView.vue'), meta: { title: 'nav.audit', section: 'audit', needs: 'admin' } },
      { path: '/users', name: 'users', component: () => import('@/views/UsersView.vue'), meta: { title: 'nav.users', section: 'users', needs: 'admin' } },
      { path: '/:path(.*)*', name: 'missing', component: () => import('@/views/MissingView.vue'), meta: { title: 'error.page' } },
    ],
  },
]

export function createAppRouter(): Router {
  const router = createRouter({
    history: createWebHistory(),
    routes,
    scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
  })
  router.beforeEach(guard)
  return router
}
