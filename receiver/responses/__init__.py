"""Automated responses: what matches is guarded, done, verified, taken back, and written down."""
