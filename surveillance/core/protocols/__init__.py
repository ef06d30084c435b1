"""Protocols: what the versioned rules are, how two versions differ, which intervals one may choose."""
