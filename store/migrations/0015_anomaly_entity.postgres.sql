-- Anomalies are found by their entity.

ALTER TABLE anomalies ADD COLUMN entity TEXT NOT NULL DEFAULT '';
UPDATE anomalies SET entity = coalesce(body::json ->> 'entity', '');
CREATE INDEX anomalies_entity ON anomalies (entity, started_at, id);
CREATE INDEX anomalies_monitor ON anomalies (monitor_id, started_at, id);
