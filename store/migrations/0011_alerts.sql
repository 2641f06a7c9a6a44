-- Alerts from outside, and what people do with incidents.

SELECT 1;
