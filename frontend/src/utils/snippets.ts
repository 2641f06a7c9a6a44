// Ready-made configuration of those who send alerts.
import type { SourceKind } from '@/api/types'

const ALERTMANAGER = (url: string, token: string): string => `receivers:
  - name: aiops
    webhook_configs:
      - url: ${url}
        send_resolved: true
        http_config:
          authorization:
            type: Bearer
            credentials: ${token}
route:
  receiver: aiops
`
const GRAFANA = (url: string, token: string): string => `apiVersion: 1
contactPoints:
  - orgId: 1
    name: aiops
    receivers:
      - uid: aiops
        type: webhook
        settings:
          url: ${url}
          httpMethod: POST
          authorization_scheme: Bearer
          authorization_credentials: ${token}
`
const GENERIC = (url: string, token: string): string => `curl -fsS -X POST '${url}' \\
  -H 'Authorization: Bearer ${token}' \\
  -H 'Content-Type: application/json' \\
  -d '{"title": "DiskFull", "status": "firing", "labels": {"host": "db-2"}}'
`

/** What the sender needs to know; kinds that are asked send nothing. */
export function senderSnippet(kind: SourceKind, url: string, token: string): string {
  if (kind === 'alertmanager') return ALERTMANAGER(url, token)
  if (kind === 'grafana') return GRAFANA(url, token)
  return kind === 'generic' ? GENERIC(url, token) : ''
}

/** Kinds that send to us; the others are asked. */
export const sends = (kind: SourceKind): boolean => kind === 'alertmanager' || kind === 'grafana' || kind === 'generic'
