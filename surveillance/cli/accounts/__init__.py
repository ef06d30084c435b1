"""``surveillance user`` and ``token``."""
