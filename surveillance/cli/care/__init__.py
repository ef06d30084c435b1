"""``surveillance enrol``, ``plan`` and ``retract``."""
