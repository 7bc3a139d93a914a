"""From a notification to channels and to words."""
