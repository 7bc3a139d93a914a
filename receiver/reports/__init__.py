"""Daily and weekly reports, from what the store holds and from what Prometheus knows."""
