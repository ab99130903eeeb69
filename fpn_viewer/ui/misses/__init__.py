"""The dock "Misses": every object of a scan in one table."""
