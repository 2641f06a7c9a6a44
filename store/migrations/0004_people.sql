-- Notifications on their way out, users and sessions, the product's own secrets, the audit chain.

CREATE TABLE notifications (
    id          TEXT PRIMARY KEY,
    channel_id  TEXT NOT NULL,
    incident_id TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    topic       TEXT NOT NULL,
    payload     TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
    attempts    BIGINT NOT NULL,
    next_at     BIGINT NOT NULL,
    held_until  BIGINT NOT NULL,
    last_error  TEXT NOT NULL,
    created_at  BIGINT NOT NULL
);
CREATE INDEX notifications_incident ON notifications (incident_id, created_at);
CREATE INDEX notifications_due ON notifications (next_at) WHERE state = 'pending';

CREATE TABLE users (
    id                TEXT PRIMARY KEY,
    username          TEXT NOT NULL UNIQUE,
    password_hash     TEXT NOT NULL,
    role              TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'approver', 'editor', 'admin')),
    tokens_valid_from BIGINT NOT NULL,
    disabled          BOOLEAN NOT NULL,
    created_at        BIGINT NOT NULL
);

CREATE TABLE setup_token (
    id         BIGINT PRIMARY KEY CHECK (id = 1),
    hash       TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE refresh_tokens (
    id         TEXT PRIMARY KEY,
    family     TEXT NOT NULL,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash       TEXT NOT NULL UNIQUE,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT,
    void       BOOLEAN NOT NULL
);
CREATE INDEX refresh_tokens_family ON refresh_tokens (family);

CREATE TABLE login_failures (
    id         TEXT PRIMARY KEY,
    login_key  TEXT NOT NULL,
    at         BIGINT NOT NULL
);
CREATE INDEX login_failures_key ON login_failures (login_key, at);

CREATE TABLE secrets (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE audit_events (
    seq         BIGINT PRIMARY KEY,
    at          BIGINT NOT NULL,
    actor       TEXT NOT NULL,
    action      TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_id   TEXT NOT NULL,
    origin      TEXT NOT NULL,
    hash        TEXT NOT NULL
);

-- End of the chain: a cut-off tail shows, and appends take turns on this row.
CREATE TABLE audit_head (
    id   BIGINT PRIMARY KEY CHECK (id = 1),
    seq  BIGINT NOT NULL,
    hash TEXT NOT NULL
);
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '');
