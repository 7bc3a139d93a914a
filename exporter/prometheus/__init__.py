"""A Prometheus, or what speaks its API: asked for values now and for their history."""
