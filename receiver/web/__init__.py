"""The HTTP surface: the webhook, the metrics, the health of the process, and the inbox page."""
