-- What people and verdicts said of anomalies.

SELECT 1;
