"""``surveillance dispatch``, ``tick``, ``worker`` and ``messages bounce``."""
