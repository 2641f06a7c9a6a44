-- Roles that one process has at a time.

CREATE TABLE role_leases (
    role        TEXT PRIMARY KEY,
    owner       TEXT NOT NULL,
    epoch       BIGINT NOT NULL CHECK (epoch > 0),
    lease_until BIGINT NOT NULL
);
