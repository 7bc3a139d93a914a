"""Who is on call, when, and why: schedules of rotations, calendars and overrides."""
