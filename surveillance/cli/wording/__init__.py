"""``surveillance site language``."""
