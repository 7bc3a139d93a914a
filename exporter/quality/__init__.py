"""What people say of alarms, how often they were right, and how sensitive that makes a series."""
