//! Which route needs which permission, and which role has it. A route without a row cannot be mounted.

use axum::http::Method;
use domain::identity::Role;

/// A right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// See everything but users and the audit trail.
    Read,
    /// Run, cancel, acknowledge.
    Operate,
    /// Approve.
    Approve,
    /// Change what the product does.
    Edit,
    /// Users and the audit trail.
    Admin,
}

/// What a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Public,
    /// A login, of whatever role.
    SignedIn,
    /// A login whose role has the permission.
    Needs(Permission),
    /// [`Permission::Read`], by header or by a ticket for all events.
    EventStream,
    /// [`Permission::Read`], by header or by a ticket for this run.
    RunStream,
    /// The token of the source that sends; its handler checks it.
    Sender,
}

impl Permission {
    /// Whether `role` has it.
    #[must_use]
    pub const fn held_by(self, role: Role) -> bool {
        match self {
            Self::Read => true,
            Self::Operate => !matches!(role, Role::Viewer),
            Self::Approve => matches!(role, Role::Approver | Role::Admin),
            Self::Edit => matches!(role, Role::Editor | Role::Admin),
            Self::Admin => matches!(role, Role::Admin),
        }
    }
}

impl Access {
    /// Whether a login of `role` is let in.
    #[must_use]
    pub const fn allows(self, role: Role) -> bool {
        match self {
            Self::Public | Self::SignedIn | Self::Sender => true,
            Self::Needs(permission) => permission.held_by(role),
            Self::EventStream | Self::RunStream => Permission::Read.held_by(role),
        }
    }
}

const READ: Access = Access::Needs(Permission::Read);
const OPERATE: Access = Access::Needs(Permission::Operate);
const EDIT: Access = Access::Needs(Permission::Edit);
const ADMIN: Access = Access::Needs(Permission::Admin);

/// Method, path below `/api/v1`, access. Paths of editable objects stand once, with `{kind}`.
pub const TABLE: &[(&str, &str, Access)] = &[
    ("GET", "/setup", Access::Public),
    ("POST", "/setup", Access::Public),
    ("POST", "/session", Access::Public),
    ("POST", "/session/refresh", Access::Public),
    ("DELETE", "/session", Access::SignedIn),
    ("GET", "/me", Access::SignedIn),
    ("POST", "/stream-tickets", READ),
    ("GET", "/{kind}", READ),
    ("POST", "/{kind}", EDIT),
    ("GET", "/{kind}/{id}", READ),
    ("PUT", "/{kind}/{id}", EDIT),
    ("DELETE", "/{kind}/{id}", EDIT),
    ("GET", "/sources/statuses", READ),
    ("GET", "/monitors/statuses", READ),
    ("GET", "/runtime-managers/statuses", READ),
    ("POST", "/runtime-managers/test", EDIT),
    ("POST", "/runtime-managers/{id}/test", OPERATE),
    ("GET", "/runtime-managers/{id}/health", READ),
    ("POST", "/sources/test", EDIT),
    ("POST", "/sources/{id}/test", OPERATE),
    ("GET", "/sources/{id}/discovery", READ),
    ("POST", "/monitors/preview", EDIT),
    ("POST", "/monitors/backtest", EDIT),
    ("GET", "/scripts/{id}/versions", READ),
    ("GET", "/scripts/{id}/versions/{number}", READ),
    ("GET", "/scripts/{id}/versions/{number}/diff", READ),
    ("POST", "/scripts/{id}/versions/{number}/restore", EDIT),
    ("POST", "/cases/{id}/runs", OPERATE),
    ("GET", "/incidents", READ),
    ("GET", "/incidents/{id}", READ),
    ("GET", "/incidents/{id}/events", READ),
    ("GET", "/incidents/{id}/anomalies", READ),
    ("GET", "/incidents/{id}/decisions", READ),
    ("GET", "/incidents/{id}/runs", READ),
    ("GET", "/incidents/{id}/verifications", READ),
    ("GET", "/incidents/{id}/notifications", READ),
    ("POST", "/incidents/{id}/acknowledge", OPERATE),
    ("POST", "/incidents/{id}/reopen", OPERATE),
    ("GET", "/incidents/{id}/work", READ),
    ("POST", "/incidents/{id}/assign", OPERATE),
    ("POST", "/incidents/{id}/severity", OPERATE),
    ("POST", "/incidents/{id}/merge", OPERATE),
    ("POST", "/incidents/{id}/split", OPERATE),
    ("GET", "/incidents/{id}/alerts", READ),
    ("GET", "/alerts", READ),
    ("GET", "/alert-groups", READ),
    ("POST", "/webhooks/{id}", Access::Sender),
    ("POST", "/sources/{id}/webhook-token", EDIT),
    ("DELETE", "/sources/{id}/webhook-token", EDIT),
    ("POST", "/incidents/{id}/escalate", OPERATE),
    ("POST", "/incidents/{id}/resolve", OPERATE),
    ("POST", "/incidents/{id}/comments", OPERATE),
    ("POST", "/incidents/{id}/heal", OPERATE),
    ("GET", "/anomalies", READ),
    ("GET", "/anomalies/{id}/chart", READ),
    ("GET", "/anomalies/{id}", READ),
    ("GET", "/anomalies/{id}/feedback", READ),
    ("POST", "/anomalies/{id}/feedback", OPERATE),
    ("GET", "/monitors/{id}/feedback", READ),
    ("DELETE", "/monitors/{id}/feedback", EDIT),
    ("GET", "/templates", READ),
    ("GET", "/templates/{id}", READ),
    ("PUT", "/templates/{id}/rule", OPERATE),
    ("GET", "/changes", READ),
    ("POST", "/changes", OPERATE),
    ("GET", "/incidents/{id}/changes", READ),
    ("GET", "/topology", READ),
    ("GET", "/incidents/{id}/topology", READ),
    ("GET", "/summary", READ),
    ("GET", "/runs", READ),
    ("POST", "/runs", OPERATE),
    ("GET", "/batches/{id}", READ),
    ("POST", "/batches/{id}/cancel", OPERATE),
    ("POST", "/schedules/preview", READ),
    ("GET", "/schedules/{id}/next", READ),
    ("GET", "/schedules/{id}/windows", READ),
    ("GET", "/runs/{id}", READ),
    ("POST", "/runs/{id}/cancel", OPERATE),
    ("GET", "/runs/{id}/attempts", READ),
    ("GET", "/queue", READ),
    ("POST", "/queue/pause", OPERATE),
    ("POST", "/queue/resume", OPERATE),
    ("GET", "/runs/{id}/logs", READ),
    ("GET", "/runs/{id}/logs/search", READ),
    ("GET", "/runs/{id}/logs/info", READ),
    ("GET", "/runs/{id}/logs.txt", READ),
    ("GET", "/runs/{id}/artifacts", READ),
    ("GET", "/runs/{id}/artifacts/content", READ),
    ("GET", "/runs/{id}/results", READ),
    ("GET", "/runs/{id}/logs/stream", Access::RunStream),
    ("GET", "/stream", Access::EventStream),
    ("GET", "/api-keys", ADMIN),
    ("POST", "/api-keys", ADMIN),
    ("DELETE", "/api-keys/{id}", ADMIN),
    ("GET", "/secrets", EDIT),
    ("PUT", "/secrets/{name}", EDIT),
    ("DELETE", "/secrets/{name}", EDIT),
    ("GET", "/audit", ADMIN),
    ("GET", "/users", ADMIN),
    ("POST", "/users", ADMIN),
    ("PUT", "/users/{id}", ADMIN),
    ("DELETE", "/users/{id}", ADMIN),
];

/// Words of the editable kinds in addresses.
pub(crate) const KINDS: [&str; 8] =
    ["sources", "monitors", "scripts", "cases", "schedules", "runtime-managers", "policies", "channels"];

/// Where everything that needs a login lives.
pub(crate) const BASE: &str = "/api/v1";

/// The access of a route, by its method and its template; `None` denies.
pub(crate) fn access(method: &Method, template: &str) -> Option<Access> {
    let path = template.strip_prefix(BASE).filter(|path| !path.contains("{kind}"))?;
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    let find = |path: &str| TABLE.iter().find(|(m, p, _)| *m == method && *p == path).map(|row| row.2);
    find(path).or_else(|| {
        let (kind, rest) = path.strip_prefix('/').map(|p| p.split_at(p.find('/').unwrap_or(p.len())))?;
        KINDS.contains(&kind).then(|| find(&format!("/{{kind}}{rest}"))).flatten()
    })
}

/// Methods of a route, for `Allow`.
pub(crate) fn methods(template: &str) -> String {
    let all = [Method::GET, Method::POST, Method::PUT, Method::DELETE];
    let known: Vec<&str> = all.iter().filter(|m| access(m, template).is_some()).map(Method::as_str).collect();
    known.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_share_their_rows_and_the_unknown_is_denied() {
        assert_eq!(access(&Method::PUT, "/api/v1/policies/{id}"), Some(EDIT));
        assert_eq!(access(&Method::HEAD, "/api/v1/scripts"), Some(READ));
        for (method, path) in [
            ("POST", "/api/v1/secrets"),
            ("PATCH", "/api/v1/scripts/{id}"),
            ("GET", "/api/v2/scripts"),
            ("GET", "/api/v1/{kind}"),
            ("GET", "/api/v1"),
        ] {
            assert_eq!(access(&Method::from_bytes(method.as_bytes()).unwrap(), path), None, "{method} {path}");
        }
    }

    #[test]
    fn public_routes_are_these_four() {
        let public: Vec<_> = TABLE.iter().filter(|row| row.2 == Access::Public).map(|row| (row.0, row.1)).collect();
        assert_eq!(public, [("GET", "/setup"), ("POST", "/setup"), ("POST", "/session"), ("POST", "/session/refresh")]);
        let senders: Vec<_> = TABLE.iter().filter(|row| row.2 == Access::Sender).map(|row| (row.0, row.1)).collect();
        assert_eq!(senders, [("POST", "/webhooks/{id}")]);
    }
}
