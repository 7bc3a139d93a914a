"""The Prometheus exporter: measures a host and what runs on it, and scores what it measures."""
