-- Versions of scripts, and schedules of cases.

SELECT 1;
