"""A real OpenStack on one machine, whose servers are containers."""
