-- What was changed from outside, as it was told; runs are in test_runs.

CREATE TABLE change_events (
    id      TEXT PRIMARY KEY,
    key     TEXT NOT NULL UNIQUE,
    at      BIGINT NOT NULL,
    kind    TEXT NOT NULL,
    entity  TEXT NOT NULL,
    body    TEXT NOT NULL
);
CREATE INDEX change_events_page ON change_events (at, id);
CREATE INDEX change_events_entity ON change_events (entity, at, id);
CREATE INDEX test_runs_started ON test_runs (started_at) WHERE started_at IS NOT NULL;
