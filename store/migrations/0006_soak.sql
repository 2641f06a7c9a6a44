-- Until when a relapse reopens a resolved incident, as its policy says; null: the default after `resolved_at`.

ALTER TABLE incidents ADD COLUMN soak_until BIGINT;
