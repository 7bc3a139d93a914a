"""What was learned, kept over a restart: written whole or not at all, versioned, bounded."""
