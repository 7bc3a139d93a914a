"""What single series do not show: signals that belong together, judged as one."""
