-- Editable objects: seven tables of one shape. Ids are UUIDs as text, times are epoch milliseconds, JSON is text.

CREATE TABLE sources (
    id          TEXT PRIMARY KEY,
    version     BIGINT NOT NULL CHECK (version > 0),
    name        TEXT NOT NULL,
    tags        TEXT NOT NULL,
    spec        TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    archived_at BIGINT
);
CREATE UNIQUE INDEX sources_living_name ON sources (name) WHERE archived_at IS NULL;
CREATE INDEX sources_page ON sources (created_at, id);

CREATE TABLE monitors (
    id          TEXT PRIMARY KEY,
    version     BIGINT NOT NULL CHECK (version > 0),
    name        TEXT NOT NULL,
    tags        TEXT NOT NULL,
    spec        TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    archived_at BIGINT
);
CREATE UNIQUE INDEX monitors_living_name ON monitors (name) WHERE archived_at IS NULL;
CREATE INDEX monitors_page ON monitors (created_at, id);

CREATE TABLE test_scripts (
    id          TEXT PRIMARY KEY,
    version     BIGINT NOT NULL CHECK (version > 0),
    name        TEXT NOT NULL,
    tags        TEXT NOT NULL,
    spec        TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    archived_at BIGINT
);
CREATE UNIQUE INDEX test_scripts_living_name ON test_scripts (name) WHERE archived_at IS NULL;
CREATE INDEX test_scripts_page ON test_scripts (created_at, id);

CREATE TABLE test_cases (
    id          TEXT PRIMARY KEY,
    version     BIGINT NOT NULL CHECK (version > 0),
    name        TEXT NOT NULL,
    tags        TEXT NOT NULL,
    spec        TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    archived_at BIGINT
);
CREATE UNIQUE INDEX test_cases_living_name ON test_cases (name) WHERE archived_at IS NULL;
CREATE INDEX test_cases_page ON test_cases (created_at, id);

CREATE TABLE runtime_managers (
    id          TEXT PRIMARY KEY,
    version     BIGINT NOT NULL CHECK (version > 0),
    name        TEXT NOT NULL,
    tags        TEXT NOT NULL,
    spec        TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    archived_at BIGINT
);
CREATE UNIQUE INDEX runtime_managers_living_name ON runtime_managers (name) WHERE archived_at IS NULL;
CREATE INDEX runtime_managers_page ON runtime_managers (created_at, id);

CREATE TABLE policies (
    id          TEXT PRIMARY KEY,
    version     BIGINT NOT NULL CHECK (version > 0),
    name        TEXT NOT NULL,
    tags        TEXT NOT NULL,
    spec        TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    archived_at BIGINT
);
CREATE UNIQUE INDEX policies_living_name ON policies (name) WHERE archived_at IS NULL;
CREATE INDEX policies_page ON policies (created_at, id);

CREATE TABLE channels (
    id          TEXT PRIMARY KEY,
    version     BIGINT NOT NULL CHECK (version > 0),
    name        TEXT NOT NULL,
    tags        TEXT NOT NULL,
    spec        TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    archived_at BIGINT
);
CREATE UNIQUE INDEX channels_living_name ON channels (name) WHERE archived_at IS NULL;
CREATE INDEX channels_page ON channels (created_at, id);

-- Live state of components, by kind and id.
CREATE TABLE component_status (
    kind       TEXT NOT NULL,
    id         TEXT NOT NULL,
    health     TEXT NOT NULL,
    message    TEXT NOT NULL,
    checked_at BIGINT NOT NULL,
    ok_at      BIGINT,
    latency_ms BIGINT NOT NULL,
    details    TEXT NOT NULL,
    PRIMARY KEY (kind, id)
);
