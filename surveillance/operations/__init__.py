"""The use cases: each takes a ``Work`` (one transaction) and validated values, lets the core decide, and writes.

No operation commits: the edge (request, command, tick) does, once.
"""
