"""Background: what Prometheus knows of an incident, asked for while its message waits a little."""
