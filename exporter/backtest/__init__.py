"""Runs the serving code over the past, so that one can try it before trusting it."""
