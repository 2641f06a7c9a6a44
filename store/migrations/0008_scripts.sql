-- Versions of scripts, schedules of cases with their windows, sealed secrets, API keys.

-- Contents by their hash: written once, shared by every version that has them.
CREATE TABLE script_contents (
    sha256 TEXT PRIMARY KEY,
    spec   TEXT NOT NULL
);

CREATE TABLE script_versions (
    script_id  TEXT NOT NULL REFERENCES test_scripts (id) ON DELETE CASCADE,
    number     BIGINT NOT NULL CHECK (number > 0),
    sha256     TEXT NOT NULL REFERENCES script_contents (sha256),
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (script_id, number)
);
CREATE INDEX script_versions_content ON script_versions (sha256);

CREATE TABLE schedules (
    id          TEXT PRIMARY KEY,
    version     BIGINT NOT NULL CHECK (version > 0),
    name        TEXT NOT NULL,
    tags        TEXT NOT NULL,
    spec        TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    archived_at BIGINT
);
CREATE UNIQUE INDEX schedules_living_name ON schedules (name) WHERE archived_at IS NULL;
CREATE INDEX schedules_page ON schedules (created_at, id);

-- Each planned time once, over all processes.
CREATE TABLE schedule_windows (
    schedule_id TEXT NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    planned_at  BIGINT NOT NULL,
    outcome     TEXT NOT NULL CHECK (outcome IN ('started', 'missed', 'skipped')),
    windows     BIGINT NOT NULL CHECK (windows > 0),
    reason      TEXT NOT NULL,
    run_id      TEXT,
    at          BIGINT NOT NULL,
    PRIMARY KEY (schedule_id, planned_at),
    CHECK ((outcome = 'started') = (run_id IS NOT NULL))
);

-- Secrets that scripts refer to by name: ciphertext with its key's id, never the value.
CREATE TABLE sealed_secrets (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    version     BIGINT NOT NULL CHECK (version > 0),
    key_id      TEXT NOT NULL,
    sealed      TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    updated_by  TEXT NOT NULL
);

-- Keys of programs: the hash alone is kept.
CREATE TABLE api_keys (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    sha256     TEXT NOT NULL UNIQUE,
    role       TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    used_at    BIGINT
);
CREATE INDEX api_keys_page ON api_keys (created_at, id);
