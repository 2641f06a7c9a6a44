-- Runs, their queue and logs; decisions, reservations and verifications.

CREATE TABLE test_runs (
    id                  TEXT PRIMARY KEY,
    version             BIGINT NOT NULL CHECK (version > 0),
    case_id             TEXT NOT NULL,
    case_name           TEXT NOT NULL,
    purpose             TEXT NOT NULL CHECK (purpose IN ('manual', 'heal', 'undo')),
    target              TEXT NOT NULL,
    incident_id         TEXT REFERENCES incidents (id) ON DELETE CASCADE,
    policy_id           TEXT,
    decision_id         TEXT,
    step                BIGINT,
    state               TEXT NOT NULL CHECK (state IN ('waiting_approval', 'queued', 'leased', 'running', 'cancelling',
                                                       'succeeded', 'failed', 'timed_out', 'cancelled', 'lost')),
    spec                TEXT NOT NULL,
    run_key             TEXT NOT NULL,
    manager_id          TEXT,
    runtime             TEXT,
    manager_reason      TEXT NOT NULL,
    lease_epoch         BIGINT NOT NULL,
    lease_owner         TEXT,
    lease_until         BIGINT,
    exit_code           BIGINT,
    reason              TEXT NOT NULL,
    log_lines           BIGINT NOT NULL,
    requested_by        TEXT NOT NULL,
    queued_at           BIGINT NOT NULL,
    started_at          BIGINT,
    ended_at            BIGINT,
    cancel_requested_at BIGINT,
    trace_id            TEXT NOT NULL,
    span_id             TEXT NOT NULL,
    -- What the verification of a heal needs, fixed when it was decided; and when that verification was begun.
    baseline            TEXT,
    verification        TEXT,
    followed_at         BIGINT,
    CHECK ((purpose = 'manual') = (incident_id IS NULL)),
    CHECK ((state IN ('succeeded', 'failed', 'timed_out', 'cancelled', 'lost')) = (ended_at IS NOT NULL))
);
-- One automatic heal at a time per target.
CREATE UNIQUE INDEX test_runs_one_active_heal ON test_runs (target)
    WHERE purpose IN ('heal', 'undo') AND state IN ('waiting_approval', 'queued', 'leased', 'running', 'cancelling');
CREATE INDEX test_runs_page ON test_runs (queued_at, id);
CREATE INDEX test_runs_incident ON test_runs (incident_id, queued_at);
CREATE INDEX test_runs_case ON test_runs (case_id, queued_at);
CREATE INDEX test_runs_policy ON test_runs (policy_id, queued_at);
CREATE INDEX test_runs_target ON test_runs (target, queued_at);
CREATE INDEX test_runs_to_follow ON test_runs (ended_at)
    WHERE incident_id IS NOT NULL AND ended_at IS NOT NULL AND followed_at IS NULL;
CREATE INDEX test_runs_active ON test_runs (manager_id) WHERE ended_at IS NULL;

-- Small and hot: a row from queued to ended. ready_at is when it may be claimed: at once, after a rest, or when
-- its lease runs out. started_before: an owner before the present one may have started it.
CREATE TABLE run_queue (
    run_id         TEXT PRIMARY KEY REFERENCES test_runs (id) ON DELETE CASCADE,
    ready_at       BIGINT NOT NULL,
    leased         BOOLEAN NOT NULL,
    started_before BOOLEAN NOT NULL
);
CREATE INDEX run_queue_ready ON run_queue (ready_at, run_id);

CREATE TABLE run_logs (
    run_id TEXT NOT NULL REFERENCES test_runs (id) ON DELETE CASCADE,
    seq    BIGINT NOT NULL CHECK (seq > 0),
    at     BIGINT NOT NULL,
    stream TEXT NOT NULL,
    text   TEXT NOT NULL,
    PRIMARY KEY (run_id, seq)
);

CREATE TABLE decisions (
    id               TEXT PRIMARY KEY,
    incident_id      TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    incident_version BIGINT NOT NULL,
    policy_id        TEXT,
    policy_name      TEXT NOT NULL,
    at               BIGINT NOT NULL,
    outcome          TEXT NOT NULL CHECK (outcome IN ('run', 'wait', 'ask', 'refuse')),
    reason           TEXT NOT NULL,
    step             BIGINT NOT NULL,
    gates            TEXT NOT NULL,
    run_id           TEXT REFERENCES test_runs (id),
    retry_at         BIGINT,
    CHECK ((outcome = 'run') = (run_id IS NOT NULL))
);
CREATE INDEX decisions_incident ON decisions (incident_id, at, id);

CREATE TABLE gate_reservations (
    run_id      TEXT PRIMARY KEY REFERENCES test_runs (id) ON DELETE CASCADE,
    decision_id TEXT NOT NULL REFERENCES decisions (id) ON DELETE CASCADE,
    policy_id   TEXT NOT NULL,
    incident_id TEXT NOT NULL,
    target      TEXT NOT NULL,
    reserved_at BIGINT NOT NULL
);
CREATE INDEX gate_reservations_policy ON gate_reservations (policy_id, reserved_at);

CREATE TABLE verifications (
    id          TEXT PRIMARY KEY,
    version     BIGINT NOT NULL CHECK (version > 0),
    incident_id TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    run_id      TEXT NOT NULL UNIQUE REFERENCES test_runs (id) ON DELETE CASCADE,
    policy_id   TEXT NOT NULL,
    step        BIGINT NOT NULL,
    spec        TEXT NOT NULL,
    baseline    TEXT NOT NULL,
    rounds      TEXT NOT NULL,
    next_at     BIGINT,
    started_at  BIGINT NOT NULL,
    verdict     TEXT,
    reason      TEXT NOT NULL,
    ended_at    BIGINT,
    soak_until  BIGINT,
    CHECK ((verdict IS NULL) = (ended_at IS NULL))
);
CREATE INDEX verifications_incident ON verifications (incident_id, started_at);
CREATE INDEX verifications_due ON verifications (next_at) WHERE verdict IS NULL;
