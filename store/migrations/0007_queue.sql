-- The queue: priorities, owners, retries, pauses.

SELECT 1;
