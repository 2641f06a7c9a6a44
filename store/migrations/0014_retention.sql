-- Files of runs whose rows are gone, until the files are gone as well; and what removing rows has to find quickly.

CREATE TABLE orphaned_files (
    prefix TEXT PRIMARY KEY,
    since  BIGINT NOT NULL
);
CREATE INDEX decisions_run ON decisions (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX gate_reservations_decision ON gate_reservations (decision_id);
CREATE INDEX incident_moves_incident ON incident_moves (incident_id);
