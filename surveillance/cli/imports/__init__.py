"""``surveillance import``."""
