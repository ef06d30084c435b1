"""``surveillance protocol``."""
