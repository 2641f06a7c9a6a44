-- The queue: priorities, owners, attempts, targets held by one run, planned times, deadlines, pauses.

-- A scheduled run is stored as manual with its schedule; planned times are unique within a schedule.
ALTER TABLE test_runs ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE test_runs ADD COLUMN priority BIGINT NOT NULL DEFAULT 0;
ALTER TABLE test_runs ADD COLUMN exclusive BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE test_runs ADD COLUMN attempt BIGINT NOT NULL DEFAULT 1;
ALTER TABLE test_runs ADD COLUMN attempt_after BIGINT NOT NULL DEFAULT 0;
ALTER TABLE test_runs ADD COLUMN batch_id TEXT;
ALTER TABLE test_runs ADD COLUMN schedule_id TEXT;
ALTER TABLE test_runs ADD COLUMN planned_at BIGINT;
ALTER TABLE test_runs ADD COLUMN script_version TEXT;
ALTER TABLE test_runs ADD COLUMN deadline_at BIGINT;
UPDATE test_runs SET owner = requested_by;
CREATE UNIQUE INDEX test_runs_planned ON test_runs (schedule_id, planned_at) WHERE schedule_id IS NOT NULL;
CREATE INDEX test_runs_batch ON test_runs (batch_id, queued_at) WHERE batch_id IS NOT NULL;

-- Attempts that ended and were followed by another one; the last attempt is the run itself.
CREATE TABLE run_attempts (
    run_id     TEXT NOT NULL REFERENCES test_runs (id) ON DELETE CASCADE,
    attempt    BIGINT NOT NULL CHECK (attempt > 0),
    epoch      BIGINT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('failed', 'timed_out', 'lost')),
    exit_code  BIGINT,
    reason     TEXT NOT NULL,
    manager_id TEXT,
    started_at BIGINT,
    ended_at   BIGINT NOT NULL,
    PRIMARY KEY (run_id, attempt)
);

-- slot: the target that the run needs for itself; of the rows of one slot all but one are parked.
-- overdue: how often it was taken from an owner because its deadline had passed.
ALTER TABLE run_queue ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE run_queue ADD COLUMN priority BIGINT NOT NULL DEFAULT 0;
ALTER TABLE run_queue ADD COLUMN slot TEXT;
ALTER TABLE run_queue ADD COLUMN parked BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE run_queue ADD COLUMN deadline_at BIGINT;
ALTER TABLE run_queue ADD COLUMN overdue BIGINT NOT NULL DEFAULT 0;
UPDATE run_queue SET owner = (SELECT owner FROM test_runs WHERE id = run_id);
DROP INDEX run_queue_ready;
CREATE INDEX run_queue_waiting ON run_queue (owner, priority DESC, run_id) WHERE NOT leased AND NOT parked;
CREATE INDEX run_queue_leases ON run_queue (ready_at) WHERE leased;
CREATE INDEX run_queue_active ON run_queue (owner) WHERE leased;
CREATE UNIQUE INDEX run_queue_slot ON run_queue (slot) WHERE slot IS NOT NULL AND NOT parked;
CREATE INDEX run_queue_parked ON run_queue (slot, priority DESC, run_id) WHERE parked;
CREATE INDEX run_queue_deadline ON run_queue (deadline_at) WHERE deadline_at IS NOT NULL;

-- When each owner was served last, as a number that only grows.
CREATE TABLE queue_owners (
    owner  TEXT PRIMARY KEY,
    served BIGINT NOT NULL
);

-- What stands still: scope is 'queue' or the id of a runtime manager.
CREATE TABLE queue_pauses (
    scope  TEXT PRIMARY KEY,
    mode   TEXT NOT NULL CHECK (mode IN ('pause', 'drain')),
    reason TEXT NOT NULL,
    paused_by TEXT NOT NULL,
    since  BIGINT NOT NULL
);
