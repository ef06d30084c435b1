"""``surveillance book``, ``visit``, ``record`` and ``study``."""
