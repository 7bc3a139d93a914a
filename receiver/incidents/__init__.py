"""Incidents: who may act on them, what they do, and what comes of it."""
