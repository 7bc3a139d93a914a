"""What signals did lately: the latest values, why a score is high, and what else moved."""
