-- Logs as parts (recent ones here, the rest in file storage), artifacts and results.

-- Lines are "number TAB epoch milliseconds TAB o|e|s TAB text LF": standard output, standard error, the product.
CREATE TABLE run_log_pieces (
    run_id    TEXT NOT NULL REFERENCES test_runs (id) ON DELETE CASCADE,
    first_seq BIGINT NOT NULL CHECK (first_seq > 0),
    last_seq  BIGINT NOT NULL CHECK (last_seq >= first_seq),
    bytes     BIGINT NOT NULL,
    body      TEXT NOT NULL,
    PRIMARY KEY (run_id, last_seq)
);

-- A chunk is an object in file storage with the same lines; the checksum tells when it was changed.
CREATE TABLE run_log_chunks (
    run_id    TEXT NOT NULL REFERENCES test_runs (id) ON DELETE CASCADE,
    first_seq BIGINT NOT NULL CHECK (first_seq > 0),
    last_seq  BIGINT NOT NULL CHECK (last_seq >= first_seq),
    bytes     BIGINT NOT NULL,
    last_at   BIGINT NOT NULL,
    blob_key  TEXT NOT NULL,
    sha256    TEXT NOT NULL,
    PRIMARY KEY (run_id, last_seq)
);

INSERT INTO run_log_pieces (run_id, first_seq, last_seq, bytes, body)
SELECT run_id, seq, seq, length(text) + 24,
       seq || '	' || at || '	' || CASE stream WHEN 'stderr' THEN 'e' WHEN 'system' THEN 's' ELSE 'o' END || '	' ||
       replace(text, '
', ' ') || '
'
FROM run_logs;

DROP TABLE run_logs;

CREATE TABLE run_artifacts (
    run_id     TEXT NOT NULL REFERENCES test_runs (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    bytes      BIGINT NOT NULL,
    media_type TEXT NOT NULL,
    sha256     TEXT NOT NULL,
    stored_at  BIGINT NOT NULL,
    blob_key   TEXT NOT NULL,
    PRIMARY KEY (run_id, name)
);

CREATE TABLE run_results (
    run_id  TEXT PRIMARY KEY REFERENCES test_runs (id) ON DELETE CASCADE,
    results TEXT NOT NULL
);
