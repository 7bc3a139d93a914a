"""Upstream: what Alertmanager knows and can be asked to do."""
