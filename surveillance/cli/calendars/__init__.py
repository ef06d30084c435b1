"""``surveillance feed`` and ``patient page``."""
