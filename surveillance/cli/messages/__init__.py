"""``surveillance messages``."""
