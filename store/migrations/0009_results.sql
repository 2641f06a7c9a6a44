-- Artifacts, results and the places of logs.

SELECT 1;
