//! Prometheus and Elasticsearch sources, webhooks and the poller.
