-- Log templates as they were learned, and what people set on them.

CREATE TABLE log_templates (
    id            TEXT PRIMARY KEY,
    monitor_id    TEXT NOT NULL REFERENCES monitors (id) ON DELETE CASCADE,
    text          TEXT NOT NULL,
    level         TEXT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at  BIGINT NOT NULL,
    merged_into   TEXT,
    body          TEXT NOT NULL
);
CREATE INDEX log_templates_page ON log_templates (first_seen_at, id);
CREATE INDEX log_templates_monitor ON log_templates (monitor_id, first_seen_at, id);

-- One row a template that people set something on; it outlives what is learned.
CREATE TABLE template_rules (
    template_id TEXT PRIMARY KEY,
    monitor_id  TEXT NOT NULL REFERENCES monitors (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    pinned      BIGINT NOT NULL CHECK (pinned IN (0, 1)),
    muted       BIGINT NOT NULL CHECK (muted IN (0, 1)),
    split       BIGINT NOT NULL CHECK (split IN (0, 1)),
    set_by      TEXT NOT NULL,
    set_at      BIGINT NOT NULL
);
