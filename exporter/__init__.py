"""The Prometheus exporter: measures a host and what runs on it, and scores what it measures."""

import os

# Of the memory for `scoring.limit` series only the pages of those that exist shall be real; a
# huge page would be, whole, from its first series on. numpy reads this when it is imported.
os.environ.setdefault("NUMPY_MADVISE_HUGEPAGE", "0")
