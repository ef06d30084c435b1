"""How reports count, what each one asks, and how it is read."""
