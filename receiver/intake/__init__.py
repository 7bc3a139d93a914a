"""Intake: from a webhook's bytes to what is owed for it, on disk."""
