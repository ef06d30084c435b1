"""``surveillance patient``, ``contact`` and ``consent``."""
