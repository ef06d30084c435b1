"""Protocols: drawn, tried out, approved, compared."""
