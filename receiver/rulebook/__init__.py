"""Rulebook: the one file of alerting rules that people change by the API, and nothing else does."""
