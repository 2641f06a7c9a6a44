-- Incidents, their timeline, their anomalies, and the memory of the analyzer.

CREATE TABLE incidents (
    id              TEXT PRIMARY KEY,
    version         BIGINT NOT NULL CHECK (version > 0),
    fingerprint     TEXT NOT NULL,
    title           TEXT NOT NULL,
    severity        TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    severity_rank   BIGINT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('open', 'acknowledged', 'healing', 'verifying', 'resolved',
                                                   'escalated', 'suppressed', 'merged')),
    entity          TEXT NOT NULL,
    entities        TEXT NOT NULL,
    causes          TEXT NOT NULL,
    started_at      BIGINT NOT NULL,
    detected_at     BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    resolved_at     BIGINT,
    attempts        BIGINT NOT NULL,
    reopened        BIGINT NOT NULL,
    acknowledged_by TEXT,
    trace_id        TEXT NOT NULL,
    span_id         TEXT NOT NULL
);
-- One active incident per fingerprint.
CREATE UNIQUE INDEX incidents_active_fingerprint ON incidents (fingerprint) WHERE state NOT IN ('resolved', 'merged');
CREATE INDEX incidents_page ON incidents (detected_at, id);
CREATE INDEX incidents_state ON incidents (state, detected_at);

-- The single row that hands out event numbers in commit order, so that a reader never passes an event by.
CREATE TABLE event_head (
    id  BIGINT PRIMARY KEY CHECK (id = 1),
    seq BIGINT NOT NULL
);
INSERT INTO event_head (id, seq) VALUES (1, 0);

CREATE TABLE incident_events (
    id          TEXT PRIMARY KEY,
    seq         BIGINT NOT NULL UNIQUE,
    incident_id TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    at          BIGINT NOT NULL,
    kind        TEXT NOT NULL,
    actor       TEXT NOT NULL,
    message     TEXT NOT NULL,
    data        TEXT NOT NULL
);
CREATE INDEX incident_events_incident ON incident_events (incident_id, seq);

CREATE TABLE anomalies (
    id          TEXT PRIMARY KEY,
    monitor_id  TEXT NOT NULL,
    series_key  TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('open', 'closed')),
    started_at  BIGINT NOT NULL,
    incident_id TEXT REFERENCES incidents (id) ON DELETE CASCADE,
    body        TEXT NOT NULL
);
CREATE INDEX anomalies_page ON anomalies (started_at, id);
CREATE INDEX anomalies_incident ON anomalies (incident_id);
CREATE INDEX anomalies_open ON anomalies (monitor_id) WHERE state = 'open';

CREATE TABLE chart_points (
    anomaly_id TEXT NOT NULL REFERENCES anomalies (id) ON DELETE CASCADE,
    at_ms      BIGINT NOT NULL,
    value      DOUBLE PRECISION,
    lower_end  DOUBLE PRECISION,
    upper_end  DOUBLE PRECISION,
    score      DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (anomaly_id, at_ms)
);

CREATE TABLE series_state (
    monitor_id TEXT NOT NULL,
    series_key TEXT NOT NULL,
    as_of      BIGINT NOT NULL,
    state      TEXT NOT NULL,
    PRIMARY KEY (monitor_id, series_key)
);

CREATE TABLE checkpoints (
    monitor_id TEXT PRIMARY KEY,
    polled_to  BIGINT NOT NULL
);
