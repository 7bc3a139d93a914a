"""Delivery: takes what is owed from the outbox and sends it, one task for each channel."""
