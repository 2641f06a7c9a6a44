-- Health checks of runtime managers, one for each slot of 15 s, kept for seven days.

CREATE TABLE manager_checks (
    manager_id TEXT NOT NULL,
    slot       BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    health     TEXT NOT NULL,
    latency_ms BIGINT NOT NULL,
    running    BIGINT,
    message    TEXT NOT NULL,
    PRIMARY KEY (manager_id, slot)
);
CREATE INDEX manager_checks_at ON manager_checks (at);
