"""Who is asked next while nobody takes an incident."""
