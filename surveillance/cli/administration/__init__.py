"""``surveillance site``."""
