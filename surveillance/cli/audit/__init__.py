"""``surveillance audit``."""
