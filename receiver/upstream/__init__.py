"""Upstream: what Alertmanager and Prometheus know, and what the first can be asked to do."""
