"""``surveillance serve``, ``db``, ``doctor`` and ``demo``."""
