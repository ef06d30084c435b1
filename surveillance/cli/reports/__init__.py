"""``surveillance report``."""
