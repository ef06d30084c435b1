"""``/api/v1``: the operations for programs. A room a theme; ``order`` lists all endpoints."""
