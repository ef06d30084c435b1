"""``surveillance messages write|answer`` and ``visit confirm|wish|agreed``."""
