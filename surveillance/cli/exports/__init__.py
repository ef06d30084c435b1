"""``surveillance export``."""
