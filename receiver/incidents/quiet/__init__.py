"""What is not told now, why, and how it is told once that is over."""
