"""Pictures of what an alert is about, drawn in a process of their own."""
