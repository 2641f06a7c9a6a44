-- What people and verdicts said of anomalies, and batches whose results could not be stored.

CREATE TABLE feedback (
    id          TEXT PRIMARY KEY,
    anomaly_id  TEXT NOT NULL REFERENCES anomalies (id) ON DELETE CASCADE,
    monitor_id  TEXT NOT NULL,
    series_key  TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    opinion     TEXT NOT NULL CHECK (opinion IN ('useful', 'noise')),
    voice       TEXT NOT NULL CHECK (voice IN ('person', 'verdict', 'by_itself')),
    author      TEXT NOT NULL,
    comment     TEXT NOT NULL,
    at          BIGINT NOT NULL,
    UNIQUE (anomaly_id, voice, author)
);
CREATE INDEX feedback_monitor ON feedback (monitor_id, at);
CREATE INDEX feedback_at ON feedback (at);

CREATE TABLE parked_batches (
    id         TEXT PRIMARY KEY,
    monitor_id TEXT NOT NULL,
    at         BIGINT NOT NULL,
    from_at    BIGINT NOT NULL,
    to_at      BIGINT NOT NULL,
    reason     TEXT NOT NULL
);
CREATE INDEX parked_batches_at ON parked_batches (at);

-- Memories are dropped by age.
CREATE INDEX series_state_age ON series_state (as_of);
