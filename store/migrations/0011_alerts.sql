-- Alerts from outside, and what people do with incidents.

-- How a source proves that it is the sender: SHA-256 of its token, hex.
CREATE TABLE webhook_tokens (
    source_id  TEXT PRIMARY KEY REFERENCES sources (id) ON DELETE CASCADE,
    hash       TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE alerts (
    id            TEXT PRIMARY KEY,
    source_id     TEXT NOT NULL,
    fingerprint   TEXT NOT NULL,
    starts_at     BIGINT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('firing', 'resolved')),
    ends_at       BIGINT,
    first_seen_at BIGINT NOT NULL,
    last_seen_at  BIGINT NOT NULL,
    deliveries    BIGINT NOT NULL,
    revision      BIGINT NOT NULL,
    pending       BIGINT NOT NULL CHECK (pending IN (0, 1)),
    incident_id   TEXT REFERENCES incidents (id) ON DELETE SET NULL,
    name          TEXT NOT NULL,
    entity        TEXT NOT NULL,
    body          TEXT NOT NULL
);
-- An alert is known by its sender, its fingerprint and its start.
CREATE UNIQUE INDEX alerts_identity ON alerts (source_id, fingerprint, starts_at);
CREATE INDEX alerts_page ON alerts (first_seen_at, id);
CREATE INDEX alerts_pending ON alerts (id) WHERE pending = 1;
CREATE INDEX alerts_incident ON alerts (incident_id, state);

CREATE TABLE alert_groups (
    source_id TEXT NOT NULL,
    group_key TEXT NOT NULL,
    alerts    BIGINT NOT NULL,
    omitted   BIGINT NOT NULL,
    told_at   BIGINT NOT NULL,
    PRIMARY KEY (source_id, group_key)
);

CREATE TABLE incident_work (
    incident_id TEXT PRIMARY KEY REFERENCES incidents (id) ON DELETE CASCADE,
    assignee    TEXT,
    severity_by TEXT,
    merged_into TEXT,
    split_from  TEXT
);
CREATE INDEX incident_work_merged ON incident_work (merged_into);

-- Where a person put a member of an incident; what the analyzer still believes does not move it back.
CREATE TABLE incident_moves (
    anomaly_id  TEXT PRIMARY KEY REFERENCES anomalies (id) ON DELETE CASCADE,
    seq         BIGINT NOT NULL UNIQUE,
    incident_id TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE
);
