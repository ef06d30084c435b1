"""``surveillance worklist``, ``check`` and ``explain``."""
