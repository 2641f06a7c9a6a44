-- Topology, changes and templates of logs.

SELECT 1;
